// SPDX-License-Identifier: GPL-2.0
/*
 * test_route_random.c - random rule tables against a naive matcher
 *
 * Some thousand requests are made once, as strings and as a head that goes
 * through the parser; each random table is then asked about all of them, a
 * million questions by default (ROUNDS tables).  The naive matcher knows the
 * strings a request was made of, looks at rule after rule, and leaves
 * expressions to POSIX regexec().  Neither shares a line with the engine.
 */
#include <regex.h>
#include <strings.h>
#include "dfa_set.h"
#include "route_set.h"

#define REQUESTS	2000
#define TABLES		500
#define RULES		48
#define MATCHES		6
#define VALUES		4

/* A text and the expressions of the pool that match it, one bit each. */
struct str {
	char s[160];
	u32 bits;
};

struct field {
	const char *name;
	struct str value;
};

struct naive_req {
	struct route_req q;
	struct str path, uri;
	const char *method, *host, *sni, *alpn[2];
	u8 offered[32];
	u32 nalpn;
	struct field header[VALUES], cookie[VALUES], query[VALUES];
	u32 nheader, ncookie, nquery;
	struct tcpvs_route_net source;
};

/* A match of a rule; @name and @value are what the engine is given. */
struct naive_match {
	u8 what, op;
	u32 expr;
	const char *name;
	char value[96];
	struct tcpvs_route_net net[2];
	u32 nnet;
};

struct naive_rule {
	u32 n;
	struct naive_match m[MATCHES];
};

static struct dfa_set *pool;
static regex_t regex[DFA_SET_EXPRS];
static struct naive_req reqs[REQUESTS];

#define PICK(list)	((list)[test_rand(ARRAY_SIZE(list))])

static const char * const hosts[] = {
	"a.example", "b.a.example", "x.b.a.example", "example", "xa.example", "b.example",
};

static const char * const methods[] = { "GET", "POST", "PUT", "PURGE", "HEAD" };
static const char * const segments[] = { "a", "b", "ab", "aab", "v1.json", "", "ba", "abb" };
static const char * const texts[] = { "", "a", "b", "ab", "aa", "q=a", "bb" };
static const char * const headers[] = { "X-A", "x-b" };
static const char * const cookies[] = { "c", "d" };
static const char * const params[] = { "q", "r" };
static const char * const protocols[] = { "h2", "http/1.1", "h", "2", "h22" };
static const char * const sources[] = {
	"10.1.2.3", "10.9.9.9", "::ffff:10.1.0.1", "2001:db8::1", "2001:db8:8000::1", "192.0.2.1",
};

static const char * const nets[] = {
	"10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "2001:db8::/32", "2001:db8:8000::/33",
	"0.0.0.0/0", "::/0", "192.0.2.0/31",
};

static void set(char *to, const char *from)
{
	memcpy(to, from, strlen(from) + 1);
}

static void random_path(char *to)
{
	u32 n;

	*to = 0;
	for (n = 1 + test_rand(4); n; n--) {
		strcat(to, "/");
		strcat(to, PICK(segments));
	}
}

/* The same with parameters; a literal part may be what a path has there. */
static void random_template(char *to)
{
	static const char * const before[] = { "", "", "", "a", "ab", "v" };
	static const char * const behind[] = {
		"", "", "", "b", ".json", "n", "ab", "bb", "1.json",
	};
	u32 n;

	*to = 0;
	for (n = 1 + test_rand(4); n; n--) {
		strcat(to, "/");
		if (test_rand(2)) {
			strcat(to, PICK(segments));
			continue;
		}
		strcat(to, PICK(before));
		strcat(to, "{id}");
		strcat(to, PICK(behind));
	}
}

static void judge(struct str *s)
{
	u32 i;

	s->bits = 0;
	for (i = 0; i < pool->nexpr; i++)
		if (!regexec(&regex[i], s->s, 0, NULL, 0))
			s->bits |= 1U << i;
}

static void random_case(char *to, const char *from)
{
	for (; *from; from++)
		*to++ = test_rand(4) || *from < 'a' || *from > 'z' ? *from : *from - 32;
	*to = 0;
}

static u32 random_fields(struct field *f, const char *a, const char *b)
{
	u32 n = test_rand(VALUES + 1), i;

	for (i = 0; i < n; i++) {
		f[i].name = test_rand(2) ? a : b;
		set(f[i].value.s, PICK(texts));
		judge(&f[i].value);
	}
	return n;
}

static void random_request(struct naive_req *r)
{
	static const char * const ends[] = { "", ":80", ".", ".:8080" };
	char head[2048], name[96], query[48] = "";
	u32 at = 0, i;

	r->method = PICK(methods);
	r->host = PICK(hosts);
	r->sni = test_rand(3) ? NULL : PICK(hosts);
	random_path(r->path.s);
	r->nheader = random_fields(r->header, headers[0], headers[1]);
	r->ncookie = random_fields(r->cookie, cookies[0], cookies[1]);
	r->nquery = random_fields(r->query, params[0], params[1]);
	for (i = 0; i < r->nquery; i++) {
		const char *v = r->query[i].value.s;

		at += sprintf(query + at, "%s%s%s%s", i ? "&" : "?", r->query[i].name,
			      *v || test_rand(2) ? "=" : "", v);
	}
	if (!r->nquery && !test_rand(4))
		set(query, "?");
	judge(&r->path);
	set(r->uri.s, r->path.s);
	strcat(r->uri.s, query);
	judge(&r->uri);
	CHECK(route_net(&r->source, PICK(sources)));

	random_case(name, r->host);
	at = sprintf(head, "%s %s HTTP/1.1\r\nHost: %s%s\r\n", r->method, r->uri.s, name,
		     PICK(ends));
	for (i = 0; i < r->nheader; i++) {
		random_case(name, r->header[i].name);
		at += sprintf(head + at, "%s:%s%s%s\r\n", name, test_rand(2) ? " " : "",
			      r->header[i].value.s, test_rand(3) ? "" : "\t ");
	}
	for (i = 0; i < r->ncookie; i++)
		at += sprintf(head + at, "%s%s=%s%s", !i ? "Cookie: " : test_rand(2) ? ";" : " ; ",
			      r->cookie[i].name, r->cookie[i].value.s,
			      i + 1 == r->ncookie ? "\r\n" :
			      test_rand(3) ? "" : "\r\nCookie: x=1");
	sprintf(head + at, "\r\n");
	if (!CHECK_MSG(route_req_parse(&r->q, head), (u8 *)head, strlen(head)))
		exit(test_summary("random rules"));
	r->q.r.source = r->source;
	if (r->sni) {
		random_case(name, r->sni);
		r->q.r.sni_len = strlen(name);
		r->q.r.sni = test_copy(name, strlen(name));
	}
	r->q.r.alpn = r->offered;
	for (r->nalpn = 0; r->nalpn < 2 && test_rand(3); r->nalpn++) {
		const char *p = PICK(protocols);

		r->alpn[r->nalpn] = p;
		r->offered[r->q.r.alpn_len] = strlen(p);
		memcpy(r->offered + r->q.r.alpn_len + 1, p, strlen(p));
		r->q.r.alpn_len += 1 + strlen(p);
	}
	/* In mode tls there is no more than this. */
	if (!test_rand(20))
		r->q.r.head = NULL;
}

static void random_field(struct naive_match *m, u8 what, const char *name)
{
	static const u8 ops[] = {
		TCPVS_RO_PRESENT, TCPVS_RO_EXACT, TCPVS_RO_PREFIX, TCPVS_RO_REGEX,
	};

	m->what = what;
	m->op = PICK(ops);
	m->name = name;
	if (m->op == TCPVS_RO_EXACT || m->op == TCPVS_RO_PREFIX)
		set(m->value, PICK(texts));
	m->expr = test_rand(pool->nexpr);
	/* Each automaton reads the values of one name. */
	if (m->op == TCPVS_RO_REGEX)
		m->name = what == TCPVS_RM_HEADER ? "x-a" : what == TCPVS_RM_COOKIE ? "c" : "q";
}

/* Expressions on paths ascend through the table; @next is the first that may come. */
static void random_rule(struct naive_rule *r, u32 *next)
{
	static const u8 path_ops[] = {
		TCPVS_RO_EXACT, TCPVS_RO_PREFIX, TCPVS_RO_TEMPLATE, TCPVS_RO_TEMPLATE,
	};
	struct naive_match *m = r->m;
	u32 i;

	memset(r, 0, sizeof(*r));
	if (!test_rand(3)) {
		m->what = TCPVS_RM_HOST;
		m->op = TCPVS_RO_EXACT;
		sprintf(m->value, "%s%s%s", test_rand(2) ? "" : "*.", PICK(hosts),
			test_rand(3) ? "" : ".");
		m++;
	}
	if (!test_rand(8)) {
		m->what = TCPVS_RM_SNI;
		m->op = TCPVS_RO_EXACT;
		sprintf(m->value, "%s%s", test_rand(2) ? "" : "*.", PICK(hosts));
		m++;
	}
	if (!test_rand(12)) {
		m->what = TCPVS_RM_ALPN;
		m->op = TCPVS_RO_EXACT;
		sprintf(m->value, "%s,%s", PICK(protocols), PICK(protocols));
		m++;
	}
	if (!test_rand(6) && *next < pool->nexpr) {
		m->what = test_rand(2) ? TCPVS_RM_PATH : TCPVS_RM_URI;
		m->op = TCPVS_RO_REGEX;
		m->expr = *next + test_rand(min(pool->nexpr - *next, 2u));
		*next = m->expr + 1;
		m++;
	} else if (test_rand(12)) {
		m->what = TCPVS_RM_PATH;
		m->op = PICK(path_ops);
		if (m->op == TCPVS_RO_TEMPLATE)
			random_template(m->value);
		else
			random_path(m->value);
		m++;
	}
	for (i = test_rand(5); i < 2 && m < r->m + MATCHES; i++, m++) {
		switch (test_rand(5)) {
		case 0:
			m->what = TCPVS_RM_METHOD;
			m->op = TCPVS_RO_EXACT;
			sprintf(m->value, "%s,%s", PICK(methods), PICK(methods));
			break;
		case 1:
			m->what = TCPVS_RM_SOURCE;
			m->op = TCPVS_RO_EXACT;
			m->nnet = 1 + test_rand(2);
			CHECK(route_net(&m->net[0], PICK(nets)));
			CHECK(route_net(&m->net[1], PICK(nets)));
			break;
		case 2:
			random_field(m, TCPVS_RM_HEADER, PICK(headers));
			break;
		case 3:
			random_field(m, TCPVS_RM_COOKIE, PICK(cookies));
			break;
		case 4:
			random_field(m, TCPVS_RM_QUERY, PICK(params));
			break;
		}
	}
	r->n = m - r->m;
}

/* The naive matcher. */

static bool naive_name(const char *pattern, const char *name)
{
	char p[96];
	u32 n;

	if (!name)
		return false;
	set(p, pattern);
	n = strlen(p);
	if (p[n - 1] == '.')
		p[--n] = 0;
	if (p[0] != '*')
		return !strcmp(p, name);
	return strlen(name) > n - 1 && !strcmp(name + strlen(name) - (n - 1), p + 1);
}

static bool naive_template(const char *t, const char *path)
{
	for (;;) {
		const char *open, *close;
		size_t tn, pn, pre, suf;

		if (*t++ != '/' || *path++ != '/')
			return false;
		tn = strcspn(t, "/");
		pn = strcspn(path, "/");
		open = memchr(t, '{', tn);
		if (!open) {
			if (tn != pn || memcmp(t, path, tn))
				return false;
		} else {
			close = memchr(t, '}', tn);
			pre = open - t;
			suf = t + tn - close - 1;
			if (pn <= pre + suf || memcmp(t, path, pre) ||
			    memcmp(close + 1, path + pn - suf, suf))
				return false;
		}
		t += tn;
		path += pn;
		if (!*t || !*path)
			return !*t && !*path;
	}
}

static bool naive_value(const struct naive_match *m, const struct str *s)
{
	switch (m->op) {
	case TCPVS_RO_PRESENT:
		return true;
	case TCPVS_RO_EXACT:
		return !strcmp(m->value, s->s);
	case TCPVS_RO_PREFIX:
		return !strncmp(m->value, s->s, strlen(m->value));
	case TCPVS_RO_TEMPLATE:
		return naive_template(m->value, s->s);
	}
	return s->bits >> m->expr & 1;
}

static bool naive_fields(const struct naive_match *m, const struct field *f, u32 n)
{
	for (; n; n--, f++)
		if (!strcasecmp(f->name, m->name) && naive_value(m, &f->value))
			return true;
	return false;
}

static bool naive_source(const struct naive_match *m, const struct tcpvs_route_net *a)
{
	static const u8 mapped[12] = { [10] = 255, [11] = 255 };
	bool four = a->family == 4 || !memcmp(a->addr, mapped, 12);
	const u8 *addr = a->family == 6 && four ? a->addr + 12 : a->addr;
	u32 i, bit;

	for (i = 0; i < m->nnet; i++) {
		const struct tcpvs_route_net *n = &m->net[i];

		if (n->family != (four ? 4 : 6))
			continue;
		for (bit = 0; bit < n->len; bit++)
			if ((n->addr[bit / 8] ^ addr[bit / 8]) & 128 >> bit % 8)
				break;
		if (bit == n->len)
			return true;
	}
	return false;
}

static bool naive_alpn(const struct naive_match *m, const struct naive_req *r)
{
	char list[96], one[16];
	u32 i;

	sprintf(list, ",%s,", m->value);
	for (i = 0; i < r->nalpn; i++) {
		sprintf(one, ",%s,", r->alpn[i]);
		if (strstr(list, one))
			return true;
	}
	return false;
}

static bool naive_match(const struct naive_match *m, const struct naive_req *r)
{
	bool tls = !r->q.r.head;
	const char *at;

	switch (m->what) {
	case TCPVS_RM_HOST:
		return naive_name(m->value, tls ? NULL : r->host);
	case TCPVS_RM_SNI:
		return naive_name(m->value, r->sni);
	case TCPVS_RM_ALPN:
		return naive_alpn(m, r);
	case TCPVS_RM_PATH:
		/* Without a path, an expression sees an empty text. */
		return tls ? m->op == TCPVS_RO_REGEX && !regexec(&regex[m->expr], "", 0, NULL, 0) :
		       naive_value(m, &r->path);
	case TCPVS_RM_URI:
		return tls ? !regexec(&regex[m->expr], "", 0, NULL, 0) : naive_value(m, &r->uri);
	case TCPVS_RM_METHOD:
		at = tls ? NULL : strstr(m->value, r->method);
		return at && (at == m->value || at[-1] == ',');
	case TCPVS_RM_SOURCE:
		return naive_source(m, &r->source);
	case TCPVS_RM_HEADER:
		return naive_fields(m, r->header, tls ? 0 : r->nheader);
	case TCPVS_RM_COOKIE:
		return naive_fields(m, r->cookie, tls ? 0 : r->ncookie);
	case TCPVS_RM_QUERY:
		return naive_fields(m, r->query, tls ? 0 : r->nquery);
	}
	return false;
}

static u32 naive_lookup(const struct naive_rule *rules, u32 n, const struct naive_req *r)
{
	u32 i, k;

	for (i = 0; i < n; i++) {
		for (k = 0; k < rules[i].n && naive_match(&rules[i].m[k], r); k++)
			;
		if (k == rules[i].n)
			return i;
	}
	return TCPVS_ROUTE_NONE;
}

/* Number of the automaton that reads what a match asks about. */
static u8 automaton(const struct naive_match *m)
{
	switch (m->what) {
	case TCPVS_RM_PATH:
		return 0;
	case TCPVS_RM_URI:
		return 1;
	}
	return 2 + m->what - TCPVS_RM_HEADER;
}

/* 0, or a negative TCPVS_RE_*; @t is NULL then. */
static int build(struct route_heap *heap, const struct tcpvs_dfa *dfa,
		 const struct naive_rule *rules, u32 n, struct tcpvs_route **t)
{
	static const u8 inputs[] = {
		TCPVS_RI_PATH, TCPVS_RI_URI, TCPVS_RI_VALUE, TCPVS_RI_VALUE, TCPVS_RI_VALUE,
	};
	struct tcpvs_route_build *b;
	struct tcpvs_route_mem mem;
	u32 i, k, bad;
	int r = 0;

	*t = NULL;
	route_mem(&mem, heap);
	b = tcpvs_route_begin(&mem, NULL, test_seed);
	if (!b)
		return -TCPVS_RE_MEMORY;
	for (i = 0; i < ARRAY_SIZE(inputs) && r >= 0; i++)
		r = tcpvs_route_add_dfa(b, dfa, inputs[i]);
	for (i = 0; i < n && r >= 0; i++) {
		struct tcpvs_route_match m[MATCHES];

		for (k = 0; k < rules[i].n; k++) {
			const struct naive_match *from = &rules[i].m[k];

			m[k] = route_match(from->what, from->op, from->name, from->value);
			if (from->op == TCPVS_RO_REGEX) {
				m[k].dfa = automaton(from);
				m[k].id = pool->id[from->expr];
				m[k].vlen = 0;
			} else if (from->nnet) {
				m[k].value = from->net;
				m[k].vlen = from->nnet * sizeof(from->net[0]);
			}
		}
		r = tcpvs_route_add(b, m, rules[i].n, &bad);
		if (r >= 0)
			CHECK(r == (int)i);
	}
	if (r < 0) {
		tcpvs_route_abort(b);
		return r;
	}
	return tcpvs_route_finish(b, t, &bad);
}

/* Whichever allocation fails, it is said, and nothing is lost. */
static void starve(const struct tcpvs_dfa *dfa, const struct naive_rule *rules, u32 n)
{
	struct tcpvs_route *t;
	u32 fail;
	int r;

	for (fail = 1;; fail++) {
		struct route_heap heap = { .fail = fail };

		r = build(&heap, dfa, rules, n, &t);
		CHECK(!t == !!r);
		tcpvs_route_free(t);
		CHECK(!heap.held);
		if (!r)
			break;
		CHECK(r == -TCPVS_RE_MEMORY);
	}
	CHECK(fail > 10);
}

static void find_pool(struct dfa_set *sets, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		if (!strcmp(sets[i].name, "pool"))
			pool = &sets[i];
	if (!pool || pool->nblob != 1) {
		fprintf(stderr, "the automata have no set \"pool\" of one automaton\n");
		exit(1);
	}
	for (i = 0; i < pool->nexpr; i++)
		if (regcomp(&regex[i], pool->expr[i], REG_EXTENDED | REG_NOSUB)) {
			fprintf(stderr, "%s: not a POSIX expression\n", pool->expr[i]);
			exit(1);
		}
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "../../testdata/rules/automata.tsv";
	const char *rounds = getenv("ROUNDS");
	u32 tables = rounds ? strtoul(rounds, NULL, 10) : TABLES;
	struct tcpvs_route_scratch *s = test_alloc(sizeof(*s));
	struct naive_rule *rules = test_alloc(RULES * sizeof(*rules));
	unsigned long hits[RULES + 1] = {}, by[__TCPVS_RM_MAX][__TCPVS_RO_MAX] = {};
	struct dfa_set *sets;
	struct tcpvs_dfa_verify v;
	u32 nset, i, k, n;

	nset = dfa_sets(path, &sets);
	find_pool(sets, nset);
	CHECK(!tcpvs_dfa_verify_begin(&v, pool->blob[0], pool->len[0], 64));
	while (tcpvs_dfa_verify_step(&v, 100000) > 0)
		;
	CHECK(!tcpvs_dfa_verify_step(&v, 1));
	test_what = "requests";
	for (i = 0; i < REQUESTS; i++)
		random_request(&reqs[i]);
	memset(s, 0x5a, sizeof(*s));
	for (i = 0; i < tables && test_failures < 20; i++) {
		struct route_heap heap = {};
		struct tcpvs_route *t;
		u32 next = 0;

		test_what = "random table";
		n = 1 + test_rand(i % 4 ? 8 : RULES);
		for (k = 0; k < n; k++)
			random_rule(&rules[k], &next);
		if (!CHECK(!build(&heap, &v.dfa, rules, n, &t)))
			break;
		for (k = 0; k < REQUESTS; k++) {
			const struct naive_req *r = &reqs[k];
			u32 want = naive_lookup(rules, n, r), m;
			u32 got = tcpvs_route_lookup(t, &r->q.r, s);

			if (!CHECK_MSG(got == want, r->q.text, r->q.head.head_len))
				printf("  table %u: expected rule %d, got %d\n", i,
				       (int)want, (int)got);
			hits[want < n ? want : RULES]++;
			for (m = 0; want < n && m < rules[want].n; m++)
				by[rules[want].m[m].what][rules[want].m[m].op]++;
		}
		tcpvs_route_free(t);
		CHECK(!heap.held);
		if (i % 100 == 4)
			starve(&v.dfa, rules, n);
	}
	test_what = "what was tested";
	CHECK(hits[RULES] > tables * 100);
	for (i = 0; i < 8; i++)
		CHECK(hits[i] > tables);
	for (i = 0; i < __TCPVS_RM_MAX; i++)
		for (k = 0; k < __TCPVS_RO_MAX; k++) {
			bool field = i >= TCPVS_RM_HEADER && i <= TCPVS_RM_QUERY;
			bool is = field ? k != TCPVS_RO_TEMPLATE :
				  i == TCPVS_RM_PATH ? k != TCPVS_RO_PRESENT :
				  i == TCPVS_RM_URI ? k == TCPVS_RO_REGEX : k == TCPVS_RO_EXACT;

			if (!CHECK(is ? by[i][k] > tables : !by[i][k]))
				printf("  match %u, operator %u: %lu\n", i, k, by[i][k]);
		}
	printf("random rules: %u tables, %u requests\n", tables, tables * REQUESTS);
	for (i = 0; i < REQUESTS; i++) {
		free(reqs[i].q.text);
		free((u8 *)reqs[i].q.r.sni);
	}
	for (i = 0; i < pool->nexpr; i++)
		regfree(&regex[i]);
	dfa_sets_free(sets, nset);
	free(rules);
	free(s);
	return test_summary("random rules");
}
