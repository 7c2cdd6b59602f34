// SPDX-License-Identifier: GPL-2.0
/*
 * test_proxy.c - the headers of testdata/proxy, built ones, and mutations
 *
 * The table says what comes of a header; each one, and ROUNDS (default 20000)
 * seeded mutations of them, also goes through the properties of proxy_props.h.
 */
#include <arpa/inet.h>
#include "proxy_props.h"

static void outcome(char *text, size_t size, const struct tcpvs_proxy *p,
		    int r, u32 len)
{
	int af = p->family == 4 ? AF_INET : AF_INET6;
	char src[64], dst[64];
	int n;

	if (r <= 0) {
		snprintf(text, size, "%s", r ? tcpvs_proxy_err_name(r) : "more");
		return;
	}
	n = snprintf(text, size, "none");
	if (p->family) {
		inet_ntop(af, p->src, src, sizeof(src));
		inet_ntop(af, p->dst, dst, sizeof(dst));
		n = snprintf(text, size, "%u/%s/%s/%u/%u", p->family, src, dst,
			     p->sport, p->dport);
	}
	if (len > (u32)r)
		snprintf(text + n, size - n, "+%u", len - r);
}

static void mutate(const struct test_case *cases, u32 n)
{
	static const char spice[] = "\r\n :.0159afxPTU\x20\x21\x11\x0c";
	static const struct test_mutation how = {
		.spice = (const u8 *)spice, .nspice = sizeof(spice), .splice = 20,
	};
	const struct test_case *a = &cases[test_rand(n)];
	u32 room = a->len + 600, len = a->len, k;
	u8 *p = test_alloc(room);

	memcpy(p, a->bytes, len);
	for (k = 1 + test_rand(3); k; k--) {
		const struct test_case *b = &cases[test_rand(n)];

		len = test_mutate(&how, b, p, len, room, test_rand(len + 1));
	}
	props_proxy(p, len);
	free(p);
}

/* Every address of 16 bits that are zero or not, and ports at the edges. */
static void built(void)
{
	static const u16 ports[] = { 0, 1, 9, 10, 80, 999, 65535 };
	struct tcpvs_proxy p = { .family = 6 };
	u8 out[TCPVS_PROXY_BUILD_MAX];
	u32 bits, i, k;
	int n;

	test_what = "built";
	for (bits = 0; bits < 256; bits++) {
		for (i = 0; i < 8; i++) {
			p.src[2 * i] = bits & BIT(i) ? 0x20 >> (i & 4) : 0;
			p.src[2 * i + 1] = bits & BIT(i) ? i + 1 : 0;
			p.dst[15 - i] = p.src[i];
		}
		p.sport = ports[bits % ARRAY_SIZE(ports)];
		p.dport = ports[bits / 7 % ARRAY_SIZE(ports)];
		for (k = 1; k <= 2; k++) {
			n = tcpvs_proxy_build(out, sizeof(out), k, &p);
			CHECK(n > 0);
			props_proxy(out, n);
		}
	}
	CHECK(tcpvs_proxy_build(out, sizeof(out), 0, &p) ==
	      -TCPVS_PE_BAD_COMMAND);
	CHECK(tcpvs_proxy_build(out, sizeof(out), 3, &p) ==
	      -TCPVS_PE_BAD_COMMAND);
	p.family = 5;
	CHECK(tcpvs_proxy_build(out, sizeof(out), 1, &p) ==
	      -TCPVS_PE_BAD_FAMILY);
	CHECK(tcpvs_proxy_build(out, sizeof(out), 2, &p) ==
	      -TCPVS_PE_BAD_FAMILY);
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] :
				      "../../testdata/proxy/headers.tsv";
	const char *rounds = getenv("ROUNDS");
	struct test_case *cases;
	struct tcpvs_proxy p;
	char text[256];
	u32 n, i, left;
	int r;

	n = test_table(path, false, &cases);
	for (i = 0; i < n; i++) {
		const struct test_case *c = &cases[i];

		test_what = c->name;
		r = tcpvs_proxy_parse(&p, c->bytes, c->len);
		outcome(text, sizeof(text), &p, r, c->len);
		if (!CHECK_MSG(!strcmp(text, c->expect), c->bytes, c->len))
			printf("  expected %s, got %s\n", c->expect, text);
		props_proxy(c->bytes, c->len);
	}
	built();
	test_what = "mutation";
	left = rounds ? strtoul(rounds, NULL, 10) : 20000;
	while (left-- && test_failures < 20)
		mutate(cases, n);
	printf("proxy headers: %u\n", n);
	test_table_free(cases, n);
	return test_summary("proxy headers");
}
