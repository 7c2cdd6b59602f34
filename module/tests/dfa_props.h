/* SPDX-License-Identifier: GPL-2.0 */
/*
 * dfa_props.h - what holds for every byte string given as an automaton
 *
 * Tests and fuzzer all come through here.
 */
#ifndef TCPVS_DFA_PROPS_H
#define TCPVS_DFA_PROPS_H

#include "../dfa.h"
#include "test.h"

int props_dfa(const u8 *blob, u32 len, u32 nmatches);
void props_dfa_input(const u8 *bytes, u32 len);

#endif /* TCPVS_DFA_PROPS_H */
