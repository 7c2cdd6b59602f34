// SPDX-License-Identifier: GPL-2.0
/*
 * route_props.c - properties of rule tables made of any bytes
 *
 * The bytes are lines.  The first is the path of a request and the second its
 * host; each of the others is a match, whose first two characters say what it
 * is, and with an upper-case first one a further match of the rule before it.
 * What is refused must leave the table as it was, so the table is built a second
 * time of what was accepted alone and must be the same; a rule that is found
 * must be found again by a table that ends with it, and nothing before it.
 */
#include "route_props.h"

#define LINES	40

/**
 * struct given - a line that stands for a match
 * @m: the match
 * @more: it belongs to the rule of the line before
 * @take: it was accepted, with all others of its rule
 * @net: what a source match points to
 */
struct given {
	struct tcpvs_route_match m;
	bool more;
	bool take;
	struct tcpvs_route_net net;
};

static void read_line(struct given *g, const u8 *p, u32 len)
{
	static const char ops[] = "=^{*!";
	const u8 *eq;

	memset(g, 0, sizeof(*g));
	if (len < 2)
		return;
	g->more = p[0] >= 'A' && p[0] <= 'Z';
	g->m.what = ((p[0] | 0x20) - 'a') % (__TCPVS_RM_MAX + 1);
	switch (p[1]) {
	case '=':
		g->m.op = TCPVS_RO_EXACT;
		break;
	case '^':
		g->m.op = TCPVS_RO_PREFIX;
		break;
	case '{':
		g->m.op = TCPVS_RO_TEMPLATE;
		break;
	default:
		g->m.op = strchr(ops, p[1]) ? TCPVS_RO_PRESENT : p[1] % (__TCPVS_RO_MAX + 1);
	}
	g->m.value = p + 2;
	g->m.vlen = len - 2;
	if (g->m.what == TCPVS_RM_SOURCE) {
		memcpy(&g->net, p + 2, min(len - 2, (u32)sizeof(g->net)));
		g->m.value = &g->net;
		g->m.vlen = sizeof(g->net);
	} else if (g->m.what >= TCPVS_RM_HEADER && g->m.what <= TCPVS_RM_QUERY) {
		eq = memchr(p + 2, '=', len - 2);
		g->m.name = p + 2;
		g->m.nlen = eq ? eq - p - 2 : len - 2;
		g->m.value = eq ? eq + 1 : p + len;
		g->m.vlen = eq ? p + len - eq - 1 : 0;
	}
}

/* The first @limit rules that may be had; with @take only those had before. */
static struct tcpvs_route *build(struct route_heap *heap, struct given *g, u32 n,
				 u32 limit, bool take)
{
	struct tcpvs_route_match m[LINES];
	struct tcpvs_route_build *b;
	struct tcpvs_route_mem mem;
	struct tcpvs_route *t;
	u32 i, k, nm, bad, rules = 0;
	int r;

	route_mem(&mem, heap);
	b = tcpvs_route_begin(&mem, NULL, 5);
	CHECK(b);
	for (i = 0; i < n && rules < limit; i += nm) {
		for (nm = 0; i + nm < n && (!nm || g[i + nm].more); nm++)
			m[nm] = g[i + nm].m;
		if (take && !g[i].take)
			continue;
		r = tcpvs_route_add(b, m, nm, &bad);
		CHECK(take ? r == (int)rules : r == (int)rules || (r < 0 && bad <= nm));
		for (k = i; k < i + nm; k++)
			g[k].take = r >= 0;
		rules += r >= 0;
	}
	CHECK(!tcpvs_route_finish(b, &t, &bad));
	return t;
}

static u32 lookup(const struct tcpvs_route *t, const struct route_req *q)
{
	struct tcpvs_route_scratch *s = test_alloc(sizeof(*s));
	u32 found;

	memset(s, 0xa5, sizeof(*s));
	found = tcpvs_route_lookup(t, &q->r, s);
	free(s);
	return found;
}

/**
 * props_route() - check a table and a request made of bytes
 * @bytes: lines
 * @len: how many bytes
 */
void props_route(const u8 *bytes, u32 len)
{
	struct tcpvs_route_info one, two;
	struct given *g = test_alloc(LINES * sizeof(*g));
	struct route_heap heap = {};
	struct tcpvs_route *t, *again;
	u8 *copy = test_copy(bytes, len);
	const u8 *p = copy, *end = p + len, *eol, *first[2] = {};
	u32 flen[2] = {}, lines = 0, n = 0, at, found;
	struct route_req q = {};
	char head[2300];

	for (; p < end && n < LINES; p = eol + 1, lines++) {
		eol = memchr(p, '\n', end - p);
		if (!eol)
			eol = end;
		if (lines < 2) {
			first[lines] = p;
			flen[lines] = min_t(u32, eol - p, 1000);
		} else {
			read_line(&g[n++], p, eol - p);
		}
	}
	at = sprintf(head, "GET %.*s HTTP/1.1\r\nHost: ", (int)flen[0],
		     lines > 0 ? (char *)first[0] : "");
	at += sprintf(head + at, "%.*s", (int)flen[1], lines > 1 ? (char *)first[1] : "");
	sprintf(head + at, "\r\nCookie: a=1; b=c\r\nX: y\r\n\r\n");
	if (!route_req_parse(&q, head))
		q.r.head = NULL;
	/* Names are as good for TLS, and four bytes for an address. */
	q.r.sni = first[1];
	q.r.sni_len = flen[1];
	q.r.source.family = 4;
	memcpy(q.r.source.addr, copy, min(len, 4u));

	t = build(&heap, g, n, U32_MAX, false);
	again = build(&heap, g, n, U32_MAX, true);
	tcpvs_route_info(t, &one);
	tcpvs_route_info(again, &two);
	CHECK_MSG(!memcmp(&one, &two, sizeof(one)), bytes, len);
	found = lookup(t, &q);
	CHECK_MSG(found == lookup(again, &q), bytes, len);
	CHECK(found < one.rules || found == TCPVS_ROUTE_NONE);
	tcpvs_route_free(again);
	if (found != TCPVS_ROUTE_NONE) {
		again = build(&heap, g, n, found, true);
		CHECK_MSG(lookup(again, &q) == TCPVS_ROUTE_NONE, bytes, len);
		tcpvs_route_free(again);
		again = build(&heap, g, n, found + 1, true);
		CHECK_MSG(lookup(again, &q) == found, bytes, len);
		tcpvs_route_free(again);
	}
	tcpvs_route_free(t);
	CHECK(!heap.held);
	free(q.text);
	free(copy);
	free(g);
}
