// SPDX-License-Identifier: GPL-2.0
/*
 * route_set.c - memory, requests and addresses for the tests of rule tables
 */
#include <arpa/inet.h>
#include "route_set.h"

/* Before each piece, its size. */
#define BEFORE	16

static void *heap_alloc(void *ctx, size_t size)
{
	struct route_heap *h = ctx;
	u8 *p;

	if (++h->allocs == h->fail)
		return NULL;
	p = test_alloc(size + BEFORE);
	memcpy(p, &size, sizeof(size));
	/* Nobody may count on zeroes. */
	memset(p + BEFORE, 0xa5, size);
	h->held += size;
	return p + BEFORE;
}

static void heap_free(void *ctx, void *p, size_t size)
{
	struct route_heap *h = ctx;

	CHECK(!memcmp((u8 *)p - BEFORE, &size, sizeof(size)));
	h->held -= size;
	free((u8 *)p - BEFORE);
}

static void heap_step(void *ctx)
{
	struct route_heap *h = ctx;

	h->steps++;
}

void route_mem(struct tcpvs_route_mem *mem, struct route_heap *heap)
{
	*mem = (struct tcpvs_route_mem){
		.alloc = heap_alloc, .free = heap_free, .step = heap_step, .ctx = heap,
	};
}

bool route_req_parse(struct route_req *q, const char *head)
{
	static const struct tcpvs_http_limits lim;
	u32 len = strlen(head);
	int r;

	q->text = test_copy(head, len);
	r = tcpvs_http_parse_request(&q->head, q->text, len, &lim);
	q->r.buf = q->text;
	q->r.head = &q->head;
	return r == (int)len;
}

bool route_net(struct tcpvs_route_net *net, const char *text)
{
	char addr[64];
	const char *slash = strchr(text, '/');
	u32 n = slash ? (u32)(slash - text) : strlen(text);

	memset(net, 0, sizeof(*net));
	if (n >= sizeof(addr))
		return false;
	memcpy(addr, text, n);
	addr[n] = 0;
	net->family = strchr(addr, ':') ? 6 : 4;
	net->len = slash ? strtoul(slash + 1, NULL, 10) : net->family == 4 ? 32 : 128;
	return inet_pton(net->family == 4 ? AF_INET : AF_INET6, addr, net->addr) == 1;
}

struct tcpvs_route_match route_match(u8 what, u8 op, const char *name, const char *value)
{
	return (struct tcpvs_route_match){
		.what = what, .op = op, .name = name, .nlen = name ? strlen(name) : 0,
		.value = value, .vlen = value ? strlen(value) : 0,
	};
}
