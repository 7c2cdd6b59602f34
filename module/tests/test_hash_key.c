// SPDX-License-Identifier: GPL-2.0
/*
 * test_hash_key.c - the keys of requests for the hash schedulers
 *
 * A key is told by the text that it should be the hash of.
 */
#include "../hash_key.h"
#include "route_set.h"

static u64 hash_of(const char *text, u32 len)
{
	struct tcpvs_hash s;

	tcpvs_hash_begin(&s);
	tcpvs_hash_bytes(&s, (const u8 *)text, len);
	return tcpvs_hash_end(&s);
}

static struct tcpvs_hash_by by(u8 what, const char *name)
{
	struct tcpvs_hash_by k = { .what = what, .nlen = strlen(name) };

	memcpy(k.name, name, k.nlen);
	return k;
}

static const char head[] =
	"GET /a/b?id=&id=7&x&id=8 HTTP/1.1\r\n"
	"Host: WWW.Example.com.:8080\r\n"
	"X-User:\r\n"
	"x-user: \t Al ice \t\r\n"
	"X-User: bob\r\n"
	"Cookie: a=1; sid= ; SID=Q\r\n"
	"Cookie: sid=\"z\"; sid=y\r\n"
	"\r\n";

static const struct {
	const char *head;
	u8 what;
	const char *name;
	const char *want;	/* NULL = no key */
} cases[] = {
	{ head, TCPVS_HK_SOURCE, "", NULL },
	{ head, TCPVS_HK_URI, "", "/a/b?id=&id=7&x&id=8" },
	{ head, TCPVS_HK_HOST, "", "www.example.com" },
	{ head, TCPVS_HK_HEADER, "X-USER", "Al ice" },
	{ head, TCPVS_HK_HEADER, "X-Use", NULL },
	{ head, TCPVS_HK_COOKIE, "sid", "\"z\"" },
	{ head, TCPVS_HK_COOKIE, "SID", "Q" },
	{ head, TCPVS_HK_COOKIE, "Sid", NULL },
	{ head, TCPVS_HK_QUERY, "id", "7" },
	{ head, TCPVS_HK_QUERY, "x", NULL },
	{ head, TCPVS_HK_QUERY, "ID", NULL },
	{ "GET / HTTP/1.0\r\n\r\n", TCPVS_HK_HOST, "", NULL },
	{ "GET / HTTP/1.0\r\n\r\n", TCPVS_HK_URI, "", "/" },
	{ "GET /? HTTP/1.0\r\n\r\n", TCPVS_HK_URI, "", "/?" },
	{ "GET http://H/p?q HTTP/1.1\r\nHost: H\r\n\r\n", TCPVS_HK_URI, "", "/p?q" },
	{ "GET http://H?q HTTP/1.1\r\nHost: H\r\n\r\n", TCPVS_HK_URI, "", "/?q" },
	{ "GET http://H?q HTTP/1.1\r\nHost: H\r\n\r\n", TCPVS_HK_HOST, "", "h" },
	{ "OPTIONS * HTTP/1.1\r\nHost: [::A]:1\r\n\r\n", TCPVS_HK_URI, "", "*" },
	{ "OPTIONS * HTTP/1.1\r\nHost: [::A]:1\r\n\r\n", TCPVS_HK_HOST, "", "[::a]" },
	{ "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n", TCPVS_HK_URI, "", NULL },
	{ "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n", TCPVS_HK_HOST, "", "h" },
};

static void test_keys(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tcpvs_hash_by k = by(cases[i].what, cases[i].name);
		struct route_req q = {};
		u64 key = 0;
		bool there;

		test_what = cases[i].want ?: "no key";
		CHECK(tcpvs_hash_key_ok(&k));
		if (!CHECK(route_req_parse(&q, cases[i].head)))
			continue;
		there = tcpvs_hash_key_of(&k, q.text, &q.head, &key);
		CHECK(there == !!cases[i].want);
		if (there && cases[i].want)
			CHECK(key == hash_of(cases[i].want, strlen(cases[i].want)));
		free(q.text);
	}
}

static void test_names(void)
{
	static const struct {
		u8 what;
		const char *name;
		bool ok;
	} names[] = {
		{ TCPVS_HK_SOURCE, "a", false }, { TCPVS_HK_URI, "a", false },
		{ TCPVS_HK_HOST, "a", false }, { TCPVS_HK_HEADER, "", false },
		{ TCPVS_HK_COOKIE, "", false }, { TCPVS_HK_QUERY, "", false },
		{ TCPVS_HK_HEADER, "a b", false }, { TCPVS_HK_HEADER, "a:", false },
		{ TCPVS_HK_COOKIE, "a;", false }, { TCPVS_HK_COOKIE, "a=", false },
		{ TCPVS_HK_QUERY, "a&b", false }, { TCPVS_HK_QUERY, "a=", false },
		{ TCPVS_HK_QUERY, "a[b]:c", true }, { TCPVS_HK_COOKIE, "a~", true },
		{ __TCPVS_HK_MAX, "a", false }, { 255, "", false },
	};
	struct tcpvs_hash_by k;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		k = by(names[i].what, names[i].name);
		test_what = names[i].name;
		CHECK(tcpvs_hash_key_ok(&k) == names[i].ok);
	}
	k = by(TCPVS_HK_HEADER, "a");
	k.nlen = sizeof(k.name);
	memset(k.name, 'a', sizeof(k.name));
	CHECK(tcpvs_hash_key_ok(&k));
	k.nlen++;
	CHECK(!tcpvs_hash_key_ok(&k));
}

/* In whatever pieces: the same. One bit or byte more: another, all bits of it. */
static void test_hash(void)
{
	char text[64];
	unsigned int i, n, bit, flips[64] = {};
	struct tcpvs_hash s;

	test_what = "the hash";
	for (i = 0; i < 20000; i++) {
		u64 whole;

		n = test_rand(40);
		for (bit = 0; bit < n; bit++)
			text[bit] = test_rand(256);
		whole = hash_of(text, n);
		tcpvs_hash_begin(&s);
		for (bit = 0; bit < n;) {
			u32 piece = 1 + test_rand(n - bit);

			tcpvs_hash_bytes(&s, (u8 *)text + bit, piece);
			bit += piece;
		}
		CHECK(tcpvs_hash_end(&s) == whole);
		text[n] = 0;
		CHECK(hash_of(text, n + 1) != whole);
		if (!n)
			continue;
		text[test_rand(n)] ^= 1 << test_rand(8);
		whole ^= hash_of(text, n);
		CHECK(whole);
		for (bit = 0; bit < 64; bit++)
			flips[bit] += whole >> bit & 1;
	}
	/* Half of some 19,500, to 7 standard deviations. */
	for (bit = 0; bit < 64; bit++)
		CHECK(flips[bit] > 9200 && flips[bit] < 10300);
	/* The same on every machine and for ever: balancers have to agree. */
	CHECK(hash_of("", 0) == 0x48218226ff3cd4bfULL);
	CHECK(hash_of("/users/alice", 12) == 0x1f9baef5605ff9bcULL);
}

int main(void)
{
	test_keys();
	test_names();
	test_hash();
	return test_summary("test_hash_key");
}
