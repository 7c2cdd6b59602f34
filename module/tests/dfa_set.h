/* SPDX-License-Identifier: GPL-2.0 */
/*
 * dfa_set.h - the automata of testdata/rules, for the tests
 */
#ifndef TCPVS_DFA_SET_H
#define TCPVS_DFA_SET_H

#include "../dfa.h"
#include "test.h"

#define DFA_SET_EXPRS	16
#define DFA_SET_BLOBS	8
#define DFA_SET_INPUTS	128

/**
 * struct dfa_set - expressions and their automata
 * @name: for messages
 * @nexpr: expressions
 * @expr: them, in the order of their ids
 * @id: the id of each
 * @nblob: automata, each of a part of the expressions
 * @blob: them
 * @len: the bytes of each
 * @ninput: inputs
 * @input: them
 * @ilen: the bytes of each
 * @want: ids of the expressions that match it, one bit each
 */
struct dfa_set {
	char *name;
	u32 nexpr;
	char *expr[DFA_SET_EXPRS];
	u32 id[DFA_SET_EXPRS];
	u32 nblob;
	u8 *blob[DFA_SET_BLOBS];
	u32 len[DFA_SET_BLOBS];
	u32 ninput;
	u8 *input[DFA_SET_INPUTS];
	u32 ilen[DFA_SET_INPUTS];
	u64 want[DFA_SET_INPUTS];
};

/* Reads a file of automata; exits when it cannot. */
u32 dfa_sets(const char *path, struct dfa_set **sets);
void dfa_sets_free(struct dfa_set *sets, u32 n);

/* In place: \xHH and nothing else is an escape.  Returns the length. */
u32 dfa_unescape(char *text);
u32 dfa_unhex(const char *text, u8 **bytes);
void dfa_must(bool good, const char *path, u32 line, const char *what);

#endif /* TCPVS_DFA_SET_H */
