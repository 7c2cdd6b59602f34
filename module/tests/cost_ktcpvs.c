// SPDX-License-Identifier: GPL-2.0
/*
 * cost_ktcpvs.c - the module's parser, for cost.h
 */
#include "cost.h"

static struct tcpvs_http_head head;

static const struct tcpvs_http_limits limits = {
	.head_max = 16384,
	.headers_max = 100,
	.target_max = 8192,
};

u32 cost_parse(const u8 *msg, u32 len)
{
	return tcpvs_http_parse_request(&head, msg, len, &limits) > 0 ?
	       head.nhdr : 0;
}

void cost_lines(const u8 *msg, struct cost_line *line)
{
	u32 i;

	for (i = 0; i < head.nhdr; i++) {
		line[i].name = msg + head.hdr[i].name;
		line[i].nlen = head.hdr[i].nlen;
		line[i].value = msg + head.hdr[i].val;
		line[i].vlen = head.hdr[i].vlen;
	}
}
