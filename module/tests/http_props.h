/* SPDX-License-Identifier: GPL-2.0 */
/*
 * http_props.h - what holds for every message, good or hostile
 *
 * The tables, the mutation test and the fuzzers all come through here, so a
 * property is stated once.
 */
#ifndef TCPVS_HTTP_PROPS_H
#define TCPVS_HTTP_PROPS_H

#include "../http.h"
#include "test.h"

extern const struct tcpvs_http_limits props_limits;

void props_request(const u8 *msg, u32 len, const struct tcpvs_http_limits *lim);
void props_response(const u8 *msg, u32 len,
		    const struct tcpvs_http_limits *lim);
void props_chunk(const u8 *body, u32 len);

/* http_props_fwd.c */
void props_forward_request(const u8 *msg, const struct tcpvs_http_head *h);
void props_forward_response(const u8 *msg, const struct tcpvs_http_head *h);

/* Number of prefixes tried in one message: all, up to this. */
extern u32 props_prefixes;

#endif /* TCPVS_HTTP_PROPS_H */
