// SPDX-License-Identifier: GPL-2.0
/*
 * test_route_table.c - rule tables: what is refused and why, bounds, and size
 *
 * Tables too ambiguous for a bounded lookup are refused as a whole; a hundred
 * thousand rules take the memory that is promised, and every one of them is
 * found.
 */
#include "dfa_set.h"
#include "route_set.h"

#define MANY	100000

static struct tcpvs_dfa pool;
static struct tcpvs_route_scratch scratch;

struct build {
	struct route_heap heap;
	struct tcpvs_route_build *b;
	struct tcpvs_route *t;
	u32 bad;
};

static void begin(struct build *x, const struct tcpvs_route_limits *limits)
{
	struct tcpvs_route_mem mem;

	memset(x, 0, sizeof(*x));
	route_mem(&mem, &x->heap);
	x->b = tcpvs_route_begin(&mem, limits, 99);
	if (!CHECK(x->b))
		exit(test_summary("rule tables"));
}

static int finish(struct build *x)
{
	int r = tcpvs_route_finish(x->b, &x->t, &x->bad);

	x->b = NULL;
	CHECK(!r == !!x->t);
	return r;
}

static void end(struct build *x)
{
	tcpvs_route_abort(x->b);
	tcpvs_route_free(x->t);
	CHECK(!x->heap.held);
}

static int add(struct build *x, u8 what, u8 op, const char *name, const char *value)
{
	struct tcpvs_route_match m = route_match(what, op, name, value);

	return tcpvs_route_add(x->b, &m, 1, &x->bad);
}

static u32 ask(struct build *x, const char *host, const char *path)
{
	struct route_req q = {};
	char head[9000];
	u32 found;

	snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, host);
	found = TCPVS_ROUTE_NONE - 1;
	if (CHECK(route_req_parse(&q, head)) && CHECK(x->t))
		found = tcpvs_route_lookup(x->t, &q.r, &scratch);
	free(q.text);
	return found;
}

static const char *repeat(const char *s, u32 n)
{
	static char text[9000];

	*text = 0;
	while (n--)
		strcat(text, s);
	return text;
}

/* Every refusal, and that the table goes on as if nothing had been asked. */
static void refusals(void)
{
	static const struct {
		u8 what, op;
		const char *name, *value;
		int want;
	} cases[] = {
		{ TCPVS_RM_HOST, TCPVS_RO_EXACT, NULL, "", -TCPVS_RE_HOST },
		{ TCPVS_RM_HOST, TCPVS_RO_EXACT, NULL, ".", -TCPVS_RE_HOST },
		{ TCPVS_RM_HOST, TCPVS_RO_EXACT, NULL, "*", -TCPVS_RE_HOST },
		{ TCPVS_RM_HOST, TCPVS_RO_EXACT, NULL, "*.", -TCPVS_RE_HOST },
		{ TCPVS_RM_HOST, TCPVS_RO_EXACT, NULL, "a..b", -TCPVS_RE_HOST },
		{ TCPVS_RM_HOST, TCPVS_RO_EXACT, NULL, ".a", -TCPVS_RE_HOST },
		{ TCPVS_RM_HOST, TCPVS_RO_EXACT, NULL, "a:80", -TCPVS_RE_HOST },
		{ TCPVS_RM_HOST, TCPVS_RO_EXACT, NULL, "a.*.b", -TCPVS_RE_HOST },
		{ TCPVS_RM_HOST, TCPVS_RO_EXACT, NULL, "[::1", -TCPVS_RE_HOST },
		{ TCPVS_RM_HOST, TCPVS_RO_EXACT, NULL, "[]", -TCPVS_RE_HOST },
		{ TCPVS_RM_HOST, TCPVS_RO_EXACT, NULL, "[::g]", -TCPVS_RE_HOST },
		{ TCPVS_RM_HOST, TCPVS_RO_PREFIX, NULL, "a", -TCPVS_RE_KIND },
		{ TCPVS_RM_SNI, TCPVS_RO_EXACT, NULL, "[::1]", -TCPVS_RE_SNI },
		{ TCPVS_RM_SNI, TCPVS_RO_REGEX, NULL, "a", -TCPVS_RE_KIND },
		{ TCPVS_RM_PATH, TCPVS_RO_EXACT, NULL, "a", -TCPVS_RE_PATH },
		{ TCPVS_RM_PATH, TCPVS_RO_EXACT, NULL, "", -TCPVS_RE_PATH },
		{ TCPVS_RM_PATH, TCPVS_RO_PREFIX, NULL, "*", -TCPVS_RE_PATH },
		{ TCPVS_RM_PATH, TCPVS_RO_PREFIX, NULL, "/a?b", -TCPVS_RE_PATH },
		{ TCPVS_RM_PATH, TCPVS_RO_PREFIX, NULL, "/a#b", -TCPVS_RE_PATH },
		{ TCPVS_RM_PATH, TCPVS_RO_EXACT, NULL, "/a b", -TCPVS_RE_PATH },
		{ TCPVS_RM_PATH, TCPVS_RO_EXACT, NULL, "/\xc3", -TCPVS_RE_PATH },
		{ TCPVS_RM_PATH, TCPVS_RO_PRESENT, NULL, "/a", -TCPVS_RE_KIND },
		{ TCPVS_RM_PATH, __TCPVS_RO_MAX, NULL, "/a", -TCPVS_RE_KIND },
		{ __TCPVS_RM_MAX, TCPVS_RO_EXACT, NULL, "/a", -TCPVS_RE_KIND },
		{ TCPVS_RM_PATH, TCPVS_RO_TEMPLATE, NULL, "/{", -TCPVS_RE_TEMPLATE },
		{ TCPVS_RM_PATH, TCPVS_RO_TEMPLATE, NULL, "/{}", -TCPVS_RE_TEMPLATE },
		{ TCPVS_RM_PATH, TCPVS_RO_TEMPLATE, NULL, "/}a{", -TCPVS_RE_TEMPLATE },
		{ TCPVS_RM_PATH, TCPVS_RO_TEMPLATE, NULL, "/{a}{b}", -TCPVS_RE_TEMPLATE },
		{ TCPVS_RM_PATH, TCPVS_RO_TEMPLATE, NULL, "/{a{b}}", -TCPVS_RE_TEMPLATE },
		{ TCPVS_RM_PATH, TCPVS_RO_TEMPLATE, NULL, "/{a/b}", -TCPVS_RE_TEMPLATE },
		{ TCPVS_RM_PATH, TCPVS_RO_TEMPLATE, NULL, "/a}", -TCPVS_RE_TEMPLATE },
		{ TCPVS_RM_PATH, TCPVS_RO_TEMPLATE, NULL, "{a}", -TCPVS_RE_TEMPLATE },
		{ TCPVS_RM_URI, TCPVS_RO_EXACT, NULL, "/a", -TCPVS_RE_KIND },
		{ TCPVS_RM_METHOD, TCPVS_RO_EXACT, NULL, "", -TCPVS_RE_METHOD },
		{ TCPVS_RM_METHOD, TCPVS_RO_EXACT, NULL, "GET,", -TCPVS_RE_METHOD },
		{ TCPVS_RM_METHOD, TCPVS_RO_EXACT, NULL, "G T", -TCPVS_RE_METHOD },
		{ TCPVS_RM_METHOD, TCPVS_RO_PRESENT, NULL, "GET", -TCPVS_RE_KIND },
		{ TCPVS_RM_HEADER, TCPVS_RO_EXACT, "", "a", -TCPVS_RE_NAME },
		{ TCPVS_RM_HEADER, TCPVS_RO_EXACT, "a:", "a", -TCPVS_RE_NAME },
		{ TCPVS_RM_COOKIE, TCPVS_RO_EXACT, "a=", "a", -TCPVS_RE_NAME },
		{ TCPVS_RM_QUERY, TCPVS_RO_EXACT, "a&b", "a", -TCPVS_RE_NAME },
		{ TCPVS_RM_QUERY, TCPVS_RO_PRESENT, "a", "a", -TCPVS_RE_VALUE },
		{ TCPVS_RM_HEADER, TCPVS_RO_TEMPLATE, "a", "/{a}", -TCPVS_RE_KIND },
		{ TCPVS_RM_SOURCE, TCPVS_RO_EXACT, NULL, "", -TCPVS_RE_SOURCE },
		{ TCPVS_RM_SOURCE, TCPVS_RO_EXACT, NULL, "x", -TCPVS_RE_SOURCE },
	};
	struct tcpvs_route_match m[TCPVS_ROUTE_MATCH_MAX + 1];
	struct tcpvs_route_info before, after;
	struct tcpvs_route_net net;
	struct build x, y;
	u32 i;

	test_what = "refusals";
	begin(&x, NULL);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		int r = add(&x, cases[i].what, cases[i].op, cases[i].name, cases[i].value);

		if (!CHECK(r == cases[i].want && !x.bad))
			printf("  %s: %s, not %s\n", cases[i].value, tcpvs_route_err_name(r),
			       tcpvs_route_err_name(cases[i].want));
	}
	CHECK(add(&x, TCPVS_RM_HOST, TCPVS_RO_EXACT, NULL, repeat("a", 64)) == -TCPVS_RE_HOST);
	CHECK(add(&x, TCPVS_RM_HOST, TCPVS_RO_EXACT, NULL, repeat("a.", 127)) == 0);
	CHECK(add(&x, TCPVS_RM_HOST, TCPVS_RO_EXACT, NULL, repeat("a.", 128)) == -TCPVS_RE_HOST);
	CHECK(add(&x, TCPVS_RM_PATH, TCPVS_RO_EXACT, NULL, repeat("/", 4097)) == -TCPVS_RE_VALUE);
	CHECK(add(&x, TCPVS_RM_PATH, TCPVS_RO_EXACT, NULL, repeat("/", 4096)) == 1);

	CHECK(route_net(&net, "10.0.0.1/8"));
	m[0] = (struct tcpvs_route_match){
		.what = TCPVS_RM_SOURCE, .op = TCPVS_RO_EXACT, .value = &net, .vlen = sizeof(net),
	};
	CHECK(tcpvs_route_add(x.b, m, 1, &x.bad) == -TCPVS_RE_SOURCE);
	CHECK(route_net(&net, "::ffff:10.0.0.0/104"));
	CHECK(tcpvs_route_add(x.b, m, 1, &x.bad) == -TCPVS_RE_SOURCE);
	net.family = 5;
	CHECK(tcpvs_route_add(x.b, m, 1, &x.bad) == -TCPVS_RE_SOURCE);
	CHECK(route_net(&net, "10.0.0.0/33"));
	CHECK(tcpvs_route_add(x.b, m, 1, &x.bad) == -TCPVS_RE_SOURCE);

	/* Two of what there is one of, and the second is the one at fault. */
	m[0] = route_match(TCPVS_RM_PATH, TCPVS_RO_EXACT, NULL, "/a");
	m[1] = route_match(TCPVS_RM_METHOD, TCPVS_RO_EXACT, NULL, "GET");
	m[2] = route_match(TCPVS_RM_PATH, TCPVS_RO_PREFIX, NULL, "/a");
	CHECK(tcpvs_route_add(x.b, m, 3, &x.bad) == -TCPVS_RE_TWICE && x.bad == 2);
	m[2] = route_match(TCPVS_RM_HOST, TCPVS_RO_EXACT, NULL, "a b");
	CHECK(tcpvs_route_add(x.b, m, 3, &x.bad) == -TCPVS_RE_HOST && x.bad == 2);
	for (i = 0; i < ARRAY_SIZE(m); i++)
		m[i] = route_match(TCPVS_RM_HEADER, TCPVS_RO_PRESENT, "a", "");
	CHECK(tcpvs_route_add(x.b, m, ARRAY_SIZE(m), &x.bad) == -TCPVS_RE_MATCHES);
	CHECK(tcpvs_route_add(x.b, m, ARRAY_SIZE(m) - 1, &x.bad) == 2);
	CHECK(add(&x, TCPVS_RM_PATH, TCPVS_RO_EXACT, NULL, "/ok") == 3);
	CHECK(!finish(&x));
	CHECK(ask(&x, "h", "/ok") == 3);
	tcpvs_route_info(x.t, &after);

	/* The same without the refused ones takes as much. */
	begin(&y, NULL);
	CHECK(add(&y, TCPVS_RM_HOST, TCPVS_RO_EXACT, NULL, repeat("a.", 127)) == 0);
	CHECK(add(&y, TCPVS_RM_PATH, TCPVS_RO_EXACT, NULL, repeat("/", 4096)) == 1);
	CHECK(tcpvs_route_add(y.b, m, ARRAY_SIZE(m) - 1, &y.bad) == 2);
	CHECK(add(&y, TCPVS_RM_PATH, TCPVS_RO_EXACT, NULL, "/ok") == 3);
	CHECK(!finish(&y));
	tcpvs_route_info(y.t, &before);
	CHECK(!memcmp(&before, &after, sizeof(before)));
	end(&x);
	end(&y);
	CHECK(!strcmp(tcpvs_route_err_name(-TCPVS_RE_AMBIGUOUS), "ambiguous"));
	CHECK(!strcmp(tcpvs_route_err_name(__TCPVS_RE_MAX), "unknown"));
}

/*
 * Every byte at every place of a path, as paths are looked at eight bytes at
 * once: no neighbour may hide a bad byte or spoil a good one.
 */
static void path_bytes(void)
{
	static const char around[] = { 'a', '!', '~', '"', '>', '@', '$' };
	char path[24];
	struct build x;
	u32 at, len, c, k;

	test_what = "bytes of paths";
	begin(&x, NULL);
	for (len = 2; len < sizeof(path); len++)
		for (at = 1; at < len; at++)
			for (c = 1; c < 256; c++)
				for (k = 0; k < ARRAY_SIZE(around); k++) {
					bool good = c > ' ' && c < 0x7f && c != '?' && c != '#';
					int r;

					/* What is good is kept, so not all of it. */
					if (good && (k || len % 8))
						continue;
					memset(path, around[k], len);
					path[0] = '/';
					path[at] = c;
					path[len] = 0;
					r = add(&x, TCPVS_RM_PATH, TCPVS_RO_PREFIX, NULL, path);
					if (!CHECK(good ? r >= 0 : r == -TCPVS_RE_PATH))
						printf("  %#x at %u of %u among %c: %d\n",
						       c, at, len, around[k], r);
				}
	end(&x);
}

static int add_regex(struct build *x, u8 what, const char *name, u8 dfa, u32 id)
{
	struct tcpvs_route_match m = route_match(what, TCPVS_RO_REGEX, name, NULL);

	m.dfa = dfa;
	m.id = id;
	return tcpvs_route_add(x->b, &m, 1, &x->bad);
}

/* Which automata a match may name, and that many values are all looked at. */
static void regexes(void)
{
	static const char first[] = "GET /a HTTP/1.1\r\nHost: h\r\n";
	struct route_req q = {};
	struct build x;
	char *head;
	u32 i, n, at;

	test_what = "regexes";
	begin(&x, NULL);
	CHECK(tcpvs_route_add_dfa(x.b, &pool, __TCPVS_RI_MAX) == -TCPVS_RE_DFA);
	CHECK(tcpvs_route_add_dfa(x.b, &pool, TCPVS_RI_PATH) == 0);
	CHECK(tcpvs_route_add_dfa(x.b, &pool, TCPVS_RI_VALUE) == 1);
	CHECK(add_regex(&x, TCPVS_RM_PATH, NULL, 2, 0) == -TCPVS_RE_REGEX);
	CHECK(add_regex(&x, TCPVS_RM_PATH, NULL, 1, 0) == -TCPVS_RE_REGEX);
	CHECK(add_regex(&x, TCPVS_RM_URI, NULL, 0, 0) == -TCPVS_RE_REGEX);
	CHECK(add_regex(&x, TCPVS_RM_HEADER, "X", 0, 0) == -TCPVS_RE_REGEX);
	CHECK(add_regex(&x, TCPVS_RM_PATH, NULL, 0, 64) == -TCPVS_RE_REGEX);
	CHECK(add_regex(&x, TCPVS_RM_PATH, NULL, 0, 3) == 0);
	CHECK(add_regex(&x, TCPVS_RM_PATH, NULL, 0, 3) == -TCPVS_RE_REGEX);
	CHECK(add_regex(&x, TCPVS_RM_PATH, NULL, 0, 0) == -TCPVS_RE_REGEX);
	CHECK(add_regex(&x, TCPVS_RM_COOKIE, "c", 1, 15) == 1);		/* ^a+$ */
	CHECK(add_regex(&x, TCPVS_RM_COOKIE, "C", 1, 15) == -TCPVS_RE_REGEX);
	CHECK(add_regex(&x, TCPVS_RM_COOKIE, "cc", 1, 15) == -TCPVS_RE_REGEX);
	CHECK(add_regex(&x, TCPVS_RM_HEADER, "c", 1, 15) == -TCPVS_RE_REGEX);
	CHECK(add_regex(&x, TCPVS_RM_COOKIE, "c", 1, 21) == 2);		/* (a|b)b */
	for (i = 2; i < TCPVS_ROUTE_DFA_MAX; i++)
		CHECK(tcpvs_route_add_dfa(x.b, &pool, TCPVS_RI_PATH) == (int)i);
	CHECK(tcpvs_route_add_dfa(x.b, &pool, TCPVS_RI_PATH) == -TCPVS_RE_DFA);
	CHECK(!finish(&x));

	/* The one cookie that matters is the first, the last or one between. */
	for (n = 1; n <= 200; n += n < 60 || n > 70 ? 13 : 1)
		for (at = 0; at <= n; at += at < n - 1 && n > 1 ? n - 1 : 1) {
			head = test_alloc(sizeof(first) + 8 * n + 32);
			i = sprintf(head, "%sCookie: x=1", first);
			for (u32 k = 0; k < n; k++)
				i += sprintf(head + i, ";c=%s", k == at ? "bb" : "c");
			sprintf(head + i, "\r\n\r\n");
			CHECK(route_req_parse(&q, head));
			CHECK(tcpvs_route_lookup(x.t, &q.r, &scratch) ==
			      (at < n ? 2 : TCPVS_ROUTE_NONE));
			free(q.text);
			free(head);
		}
	end(&x);
}

static void limits(void)
{
	struct tcpvs_route_limits lim = { .rules = 3 };
	struct build x;
	char path[64];
	u32 i;
	int r;

	test_what = "limits";
	begin(&x, &lim);
	for (i = 0; i < 3; i++)
		CHECK(add(&x, TCPVS_RM_PATH, TCPVS_RO_EXACT, NULL, "/") == (int)i);
	CHECK(add(&x, TCPVS_RM_PATH, TCPVS_RO_EXACT, NULL, "/") == -TCPVS_RE_RULES);
	CHECK(!finish(&x));
	CHECK(ask(&x, "h", "/") == 0);
	end(&x);

	lim = (struct tcpvs_route_limits){ .memory = 1 << 20 };
	begin(&x, &lim);
	for (i = 0, r = 0; r >= 0 && i < MANY; i++) {
		sprintf(path, "/%u/", i);
		r = add(&x, TCPVS_RM_PATH, TCPVS_RO_PREFIX, NULL, path);
	}
	CHECK(r == -TCPVS_RE_MEMORY_LIMIT && i > 1000);
	CHECK(x.heap.held <= lim.memory);
	/* For good: what was lost of the last rule is not known. */
	CHECK(add(&x, TCPVS_RM_PATH, TCPVS_RO_PREFIX, NULL, "/") == -TCPVS_RE_MEMORY_LIMIT);
	CHECK(finish(&x) == -TCPVS_RE_MEMORY_LIMIT);
	end(&x);
	begin(&x, NULL);
	end(&x);
	tcpvs_route_abort(NULL);
	tcpvs_route_free(NULL);
}

/* Each of @levels segments is literal or a parameter: 2^levels templates. */
static int bushy(struct build *x, u32 levels)
{
	struct tcpvs_route_info info;
	char path[256];
	u32 i, k, at;
	int r;

	begin(x, NULL);
	CHECK(add(x, TCPVS_RM_HOST, TCPVS_RO_EXACT, NULL, "first") == 0);
	for (i = 0; i < 1U << levels; i++) {
		for (k = 0, at = 0; k < levels; k++)
			at += sprintf(path + at, "/%s", i >> k & 1 ? "{x}" : "a");
		CHECK(add(x, TCPVS_RM_PATH, TCPVS_RO_TEMPLATE, NULL, path) == (int)i + 1);
	}
	r = finish(x);
	if (!r) {
		tcpvs_route_info(x->t, &info);
		CHECK(info.visits > 1U << levels && info.visits <= TCPVS_ROUTE_VISITS_MAX);
	}
	return r;
}

static void ambiguous(void)
{
	struct build x;
	char path[512];
	u32 i, n;

	test_what = "ambiguous";
	CHECK(!bushy(&x, 10));
	CHECK(ask(&x, "h", "/a/a/a/a/a/a/a/a/a/a") == 1);
	CHECK(ask(&x, "h", "/a/a/a/a/a/a/a/a/a/b") == 1 + 512);
	CHECK(ask(&x, "h", "/b/b/b/b/b/b/b/b/b/b") == 1024);
	CHECK(ask(&x, "h", "/b/b/b/b/b/b/b/b/b/") == TCPVS_ROUTE_NONE);
	CHECK(ask(&x, "first", "/b/b/b/b/b/b/b/b/b/b") == 0);
	end(&x);
	/* All those that begin with a parameter. */
	CHECK(bushy(&x, 13) == -TCPVS_RE_AMBIGUOUS && x.bad == 2);
	end(&x);

	/* Parameters behind more and more literal bytes of one segment. */
	for (n = 126; n <= 129; n++) {
		begin(&x, NULL);
		for (i = n; i; i--) {
			sprintf(path, "/%s{x}z", repeat("a", i));
			CHECK(add(&x, TCPVS_RM_PATH, TCPVS_RO_TEMPLATE, NULL, path) ==
			      (int)(n - i));
		}
		if (n < TCPVS_ROUTE_WAYS_MAX) {
			CHECK(!finish(&x));
			sprintf(path, "/%sz", repeat("a", n));
			CHECK(ask(&x, "h", path) == 1);
			CHECK(ask(&x, "h", "/aaaz") == n - 2);
			CHECK(ask(&x, "h", "/aaz") == n - 1);
			CHECK(ask(&x, "h", "/az") == TCPVS_ROUTE_NONE);
		} else {
			CHECK(finish(&x) == -TCPVS_RE_AMBIGUOUS && x.bad == 0);
		}
		end(&x);
	}

	/* And before: the texts behind one parameter, of which each ends the next. */
	begin(&x, NULL);
	for (i = 0; i < 100; i++) {
		sprintf(path, "/{x}%s/b", repeat("a", 99 - i));
		CHECK(add(&x, TCPVS_RM_PATH, TCPVS_RO_TEMPLATE, NULL, path) == (int)i);
	}
	CHECK(!finish(&x));
	for (i = 1; i < 120; i++) {
		sprintf(path, "/%s/b", repeat("a", i));
		CHECK(ask(&x, "h", path) == (i > 99 ? 0 : 100 - i));
	}
	end(&x);
}

/* Rule @i of a table of many: its host, and its path or what it matches. */
static void many_rule(u32 i, bool rule, char *host, char *path)
{
	sprintf(host, "host-%u.example.com", i % 1000);
	if (i % 3 == 2)
		sprintf(path, "/v%u/{tenant%s/of/%u", i % 7, rule ? "}" : "x", i);
	else
		sprintf(path, "/api/v%u/resource-%u/%s", i % 7, i, i % 3 || rule ? "" : "more");
	if (i % 3 == 2 && !rule)
		memmove(strchr(path, '{'), strchr(path, '{') + 1, strlen(strchr(path, '{')));
}

static void many(void)
{
	static const u8 ops[] = { TCPVS_RO_PREFIX, TCPVS_RO_EXACT, TCPVS_RO_TEMPLATE };
	struct tcpvs_route_info info;
	char host[64], path[128];
	struct build x;
	u32 i, bad;

	test_what = "many";
	begin(&x, NULL);
	for (i = 0; i < MANY; i++) {
		struct tcpvs_route_match m[2];

		many_rule(i, true, host, path);
		m[0] = route_match(TCPVS_RM_HOST, TCPVS_RO_EXACT, NULL, host);
		m[1] = route_match(TCPVS_RM_PATH, ops[i % 3], NULL, path);
		if (!CHECK(tcpvs_route_add(x.b, m, 2, &bad) == (int)i))
			break;
	}
	CHECK(!finish(&x));
	tcpvs_route_info(x.t, &info);
	CHECK(info.rules == MANY && info.hosts == 1000);
	CHECK(info.memory == x.heap.held);
	/* 300 bytes a rule for everything, its name and action too. */
	CHECK(info.memory <= 160ULL * MANY);
	CHECK(info.peak <= 300ULL * MANY);
	CHECK(info.probes <= 32);
	/* What a lookup costs is decided by the rules of one host. */
	CHECK(info.visits < 32 && info.ways <= 2);
	/* Nobody is kept waiting for long. */
	CHECK(x.heap.steps > MANY / 4096);
	for (i = 0; i < MANY; i += 7) {
		many_rule(i, false, host, path);
		CHECK(ask(&x, host, path) == i);
		CHECK(ask(&x, "elsewhere", path) == TCPVS_ROUTE_NONE);
	}
	printf("rules: %u, %.1f bytes each, %.1f at most while built\n", MANY,
	       (double)info.memory / MANY, (double)info.peak / MANY);
	end(&x);
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "../../testdata/rules/automata.tsv";
	struct tcpvs_dfa_verify v = {};
	struct dfa_set *sets;
	u32 n, i;

	n = dfa_sets(path, &sets);
	for (i = 0; i < n; i++)
		if (!strcmp(sets[i].name, "pool"))
			CHECK(!tcpvs_dfa_verify_begin(&v, sets[i].blob[0], sets[i].len[0], 64));
	if (!CHECK(v.dfa.nstates))
		return test_summary("rule tables");
	while (tcpvs_dfa_verify_step(&v, 100000) > 0)
		;
	CHECK(!tcpvs_dfa_verify_step(&v, 1));
	pool = v.dfa;
	refusals();
	path_bytes();
	regexes();
	limits();
	ambiguous();
	many();
	dfa_sets_free(sets, n);
	return test_summary("rule tables");
}
