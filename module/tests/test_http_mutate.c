// SPDX-License-Identifier: GPL-2.0
/*
 * test_http_mutate.c - seeded mutations of the tables' messages
 *
 * Runs for SECS seconds (default 5) from SEED (default 1); a failure prints
 * the message.  The properties are those of http_props.h, the memory rules
 * those of the sanitizers.
 */
#include <time.h>
#include "http_props.h"

struct corpus {
	struct test_case *cases;
	u32 n;
};

/* What makes parsers differ, more often than random bytes do. */
static const char *const spice[] = {
	"\r\n", "\n", "\r", "\r\n\r\n", " ", "\t", ":", ",", ";", "\x00",
	"\x7f", "\x80", "0", "-", "+", "0x", "_", "%", "?", "#", "[", "]",
	"Host: b\r\n", "Content-Length: 5\r\n", "Content-Length: 0\r\n",
	"Transfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip\r\n",
	"Connection: close\r\n", "Connection: keep-alive\r\n",
	"Connection: upgrade, X-A\r\n", "Upgrade: websocket\r\n",
	"Connection: content-length\r\n", "X-A: b\r\n", "TE: trailers\r\n",
	"Keep-Alive: timeout=5\r\n", "X-Forwarded-For: 10.0.0.1\r\n",
	"x_forwarded_for: 10.0.0.1\r\n", "X-Forwarded-Proto: https\r\n",
	"Forwarded: for=10.0.0.1\r\n", "X-Forwarded-Host: c\r\n",
	"Expect: 100-continue\r\n", "http://d", "HTTP/1.0", "HTTP/1.1",
	"OPTIONS ", "CONNECT ", "GET ", "*", "/", "204", "101", "304",
	"0\r\n\r\n", "5\r\nhello\r\n", "7fffffffffffffff", "8000000000000000",
	";a=b", "a: b\r\n", "Trailer: a\r\n", "WWW-Authenticate: NTLM\r\n",
};

static u8 *mutate(const struct corpus *c, u32 *len)
{
	const struct test_case *a = &c->cases[test_rand(c->n)];
	u32 room = 4 * a->len + 4096, n = min(a->len, 4000u), k;
	u8 *p = test_alloc(room);

	/* Long floods are for the tables; here they only cost time. */
	memcpy(p, a->bytes, n);
	for (k = 1 + test_rand(4); k; k--) {
		u32 at = test_rand(n + 1), m, from;
		const struct test_case *b;

		switch (test_rand(6)) {
		case 0:
			if (at < n)
				p[at] = test_rand(256);
			break;
		case 1:
			if (at < n)
				p[at] ^= 1 << test_rand(8);
			break;
		case 2:
			m = min(1 + test_rand(12), n - at);
			memmove(p + at, p + at + m, n - at - m);
			n -= m;
			break;
		case 3:
		case 4: {
			const char *s = spice[test_rand(ARRAY_SIZE(spice))];

			m = *s ? strlen(s) : 1;
			if (n + m > room)
				break;
			memmove(p + at + m, p + at, n - at);
			memcpy(p + at, s, m);
			n += m;
			break;
		}
		case 5:
			b = &c->cases[test_rand(c->n)];
			from = test_rand(b->len + 1);
			m = min(b->len - from, test_rand(200));
			m = min(m, room - at);
			memcpy(p + at, b->bytes + from, m);
			n = max(n, at + m);
			break;
		}
	}
	*len = n;
	return p;
}

static u64 now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static const struct tcpvs_http_limits *some_limits(void)
{
	static struct tcpvs_http_limits tight;

	if (test_rand(4))
		return &props_limits;
	tight.head_max = 1 + test_rand(300);
	tight.headers_max = 1 + test_rand(8);
	tight.target_max = test_rand(2) ? 1 + test_rand(20) : 0;
	return &tight;
}

/* The part behind the head, or all of it. */
static u32 body_at(const u8 *p, u32 len)
{
	u32 i;

	for (i = 0; i + 4 <= len; i++)
		if (!memcmp(p + i, "\r\n\r\n", 4))
			return i + 4;
	return 0;
}

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : "../../testdata/http";
	const char *secs = getenv("SECS"), *seed = getenv("SEED");
	static const char *const files[2][2] = {
		{ "requests.tsv", "hostile/requests.tsv" },
		{ "responses.tsv", "hostile/responses.tsv" },
	};
	struct corpus corpora[2][2];
	u64 until, rounds = 0;
	char path[4096];
	u32 i, k;

	test_seed = seed ? strtoull(seed, NULL, 0) | 1 : 1;
	props_prefixes = 24;
	for (i = 0; i < 2; i++) {
		for (k = 0; k < 2; k++) {
			struct corpus *c = &corpora[i][k];

			snprintf(path, sizeof(path), "%s/%s", dir, files[i][k]);
			c->n = test_table(path, i, &c->cases);
		}
	}
	test_what = "mutation";
	until = now_ms() + (secs ? strtoul(secs, NULL, 10) : 5) * 1000;
	do {
		for (k = 0; k < 64; k++, rounds++) {
			u32 what = rounds % 3, len, at;
			const struct corpus *c;
			u8 *p;

			c = &corpora[what == 1][test_rand(2)];
			p = mutate(c, &len);
			if (what == 0) {
				props_request(p, len, some_limits());
			} else if (what == 1) {
				props_response(p, len, some_limits());
			} else {
				at = body_at(p, len);
				props_chunk(p + at, len - at);
			}
			free(p);
		}
	} while (now_ms() < until && test_failures < 20);
	for (i = 0; i < 2; i++)
		for (k = 0; k < 2; k++)
			test_table_free(corpora[i][k].cases, corpora[i][k].n);
	printf("http mutations: %llu messages\n", (unsigned long long)rounds);
	return test_summary("http mutations");
}
