// SPDX-License-Identifier: GPL-2.0
/*
 * test_tls_hello.c - the hellos of testdata/tls, and mutations
 *
 * The table says what comes of a hello; each one, and ROUNDS (default 10000)
 * seeded mutations of them, also goes through the properties of tls_props.h.
 */
#include "tls_props.h"

static struct tls_facts facts;

static void outcome(char *text, size_t size, u32 len)
{
	size_t n;

	if (facts.r <= 0) {
		snprintf(text, size, "%s",
			 facts.r ? tcpvs_tls_err_name(facts.r) : "more");
		return;
	}
	n = snprintf(text, size, "hello");
	if (facts.sni[0])
		n += snprintf(text + n, size - n, " sni=%s", facts.sni);
	if (facts.alpn[0])
		n += snprintf(text + n, size - n, " alpn=%s", facts.alpn);
	if (len > (u32)facts.r)
		snprintf(text + n, size - n, " +%u", len - facts.r);
}

/* Cuts [from, to) of a message into records of at most @most bytes. */
static u32 records(u8 *out, const u8 *p, u32 len, u32 most)
{
	u32 n, to = 0;

	for (; len; p += n, len -= n) {
		n = min(len, 1 + test_rand(most));
		memcpy(out + to, (u8[]){ 22, 3, 1, n >> 8, n & 0xff }, 5);
		memcpy(out + to + 5, p, n);
		to += 5 + n;
	}
	return to;
}

static void mutate(const struct test_case *cases, u32 n)
{
	static const u8 spice[] = { 0, 1, 2, 3, 4, 5, 16, 20, 21, 22, 23, 32, 64, 255 };
	static const struct test_mutation how = {
		.spice = spice, .nspice = sizeof(spice), .splice = 40,
	};
	const struct test_case *a = &cases[test_rand(n)];
	u32 room = a->len + 600, len = a->len, k, size;
	u8 *p, *q;

	if (len > 4096)
		return;
	p = test_alloc(room);
	memcpy(p, a->bytes, len);
	for (k = test_rand(4); k; k--) {
		const struct test_case *b = &cases[test_rand(n)];
		u32 at = test_rand(len + 1);

		/* Where most is decided: not in keys and random bytes. */
		if (test_rand(2))
			at = test_rand(min(len, 64u) + 1);
		len = test_mutate(&how, b, p, len, room, at);
	}
	props_tls(p, len);
	/* And the message of the first record, over several. */
	if (len > 5 && test_rand(2)) {
		size = min_t(u32, len - 5, p[3] << 8 | p[4]);
		q = test_alloc(6 * size);
		props_tls(q, records(q, p + 5, size, 1 + test_rand(300)));
		free(q);
	}
	free(p);
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] :
				      "../../testdata/tls/hellos.tsv";
	const char *rounds = getenv("ROUNDS");
	static char text[70000];
	struct test_case *cases;
	u32 n, i, left;

	n = test_table(path, false, &cases);
	for (i = 0; i < n; i++) {
		const struct test_case *c = &cases[i];

		test_what = c->name;
		tls_facts(&facts, c->bytes, c->len, TCPVS_TLS_MAX);
		outcome(text, sizeof(text), c->len);
		if (!CHECK_MSG(!strcmp(text, c->expect), c->bytes, c->len))
			printf("  expected %s, got %s\n", c->expect, text);
		props_tls(c->bytes, c->len);
	}
	test_what = "mutation";
	tls_prefixes = 64;
	left = rounds ? strtoul(rounds, NULL, 10) : 10000;
	while (left-- && test_failures < 20)
		mutate(cases, n);
	printf("hellos: %u\n", n);
	test_table_free(cases, n);
	return test_summary("hellos");
}
