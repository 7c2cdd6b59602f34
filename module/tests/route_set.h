/* SPDX-License-Identifier: GPL-2.0 */
/*
 * route_set.h - what the tests of rule tables share: memory that counts and
 * fails, and requests that went through the parser
 */
#ifndef TCPVS_ROUTE_SET_H
#define TCPVS_ROUTE_SET_H

#include "../route.h"
#include "test.h"

/**
 * struct route_heap - memory for tables
 * @held: bytes that were not given back
 * @allocs: allocations so far
 * @fail: the allocation that fails, counted from 1; 0 for none
 * @steps: calls of the step function
 */
struct route_heap {
	u64 held;
	u32 allocs;
	u32 fail;
	u32 steps;
};

void route_mem(struct tcpvs_route_mem *mem, struct route_heap *heap);

/**
 * struct route_req - a request
 * @text: its head
 * @head: as parsed
 * @r: what the engine is given
 */
struct route_req {
	u8 *text;
	struct tcpvs_http_head head;
	struct tcpvs_route_request r;
};

/* Parses a head; false if the parser refuses it. */
bool route_req_parse(struct route_req *q, const char *head);
/* An address, or a network with its length behind a slash. */
bool route_net(struct tcpvs_route_net *net, const char *text);
/* The match of an exact, prefix or other value that is text. */
struct tcpvs_route_match route_match(u8 what, u8 op, const char *name, const char *value);

#endif /* TCPVS_ROUTE_SET_H */
