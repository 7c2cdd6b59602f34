/* SPDX-License-Identifier: GPL-2.0 */
/*
 * proxy_props.h - what holds for every byte string given to the PROXY parser
 *
 * Table test, mutation test and fuzzer all come through here.
 */
#ifndef TCPVS_PROXY_PROPS_H
#define TCPVS_PROXY_PROPS_H

#include "../proxy.h"
#include "test.h"

void props_proxy(const u8 *bytes, u32 len);

#endif /* TCPVS_PROXY_PROPS_H */
