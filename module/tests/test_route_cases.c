// SPDX-License-Identifier: GPL-2.0
/*
 * test_route_cases.c - the tables and requests of testdata/rules
 *
 * The same file is what the reference matcher in Go is held to.  Its expressions
 * come as automata, in cases-automata.tsv beside it.  Requests go through the
 * parser, so a case says what happens to the bytes of a client.
 */
#include "dfa_set.h"
#include "route_set.h"

#define COLUMNS	16
#define DFAS	8
#define RULES	32

static const char *path;
static u32 line;

/* The automata of one table, and the ids that each decides. */
struct automata {
	char table[64];
	u32 n;
	u8 input[DFAS];
	u64 ids[DFAS];
	u8 *blob[DFAS];
	u32 len[DFAS];
};

static struct automata all[32];
static u32 nall;

static void must(bool good, const char *what)
{
	dfa_must(good, path, line, what);
}

static u32 split(char *text, char **col, u32 max)
{
	u32 n = 0;

	while (text) {
		must(n < max, "too many columns");
		col[n++] = strsep(&text, "\t");
	}
	return n;
}

static bool next_line(FILE *f, char *text, u32 size)
{
	while (fgets(text, size, f)) {
		line++;
		text[strcspn(text, "\n")] = 0;
		if (*text && *text != '#')
			return true;
	}
	return false;
}

static void read_automata(const char *file)
{
	static const char * const inputs[] = { "path", "uri", "value" };
	static char text[1 << 18];
	FILE *f = fopen(file, "r");
	char *col[COLUMNS], *id;
	struct automata *a = NULL;
	u32 n;

	path = file;
	must(f, "cannot be read");
	while (next_line(f, text, sizeof(text))) {
		n = split(text, col, COLUMNS);
		if (n == 2 && !strcmp(col[0], "table")) {
			must(nall < ARRAY_SIZE(all), "too many tables");
			a = &all[nall++];
			snprintf(a->table, sizeof(a->table), "%s", col[1]);
			continue;
		}
		must(a && n == 4 && !strcmp(col[0], "dfa") && a->n < DFAS, "unknown line");
		for (n = 0; n < ARRAY_SIZE(inputs) && strcmp(col[1], inputs[n]); n++)
			;
		must(n < ARRAY_SIZE(inputs), "unknown input");
		a->input[a->n] = n;
		while ((id = strsep(&col[2], ",")))
			a->ids[a->n] |= BIT_ULL(strtoul(id, NULL, 10) & 63);
		a->len[a->n] = dfa_unhex(col[3], &a->blob[a->n]);
		must(a->len[a->n++], "not hexadecimal");
	}
	fclose(f);
}

/* A table under construction, and what it still needs after that. */
struct table {
	struct route_heap heap;
	struct tcpvs_route_build *build;
	struct tcpvs_route *route;
	struct automata *automata;
	char *name[RULES];
	u32 nrule;
	u32 next_id;
};

static void add_automata(struct table *t, const char *name)
{
	struct tcpvs_dfa_verify v;
	u32 i;

	for (i = 0; i < nall && strcmp(all[i].table, name); i++)
		;
	if (i == nall)
		return;
	t->automata = &all[i];
	for (i = 0; i < t->automata->n; i++) {
		CHECK(!tcpvs_dfa_verify_begin(&v, t->automata->blob[i], t->automata->len[i], 64));
		while (tcpvs_dfa_verify_step(&v, 4096) > 0)
			;
		CHECK(!tcpvs_dfa_verify_step(&v, 1));
		CHECK(tcpvs_route_add_dfa(t->build, &v.dfa, t->automata->input[i]) == (int)i);
	}
}

static void begin(struct table *t, const char *name)
{
	struct tcpvs_route_mem mem;

	memset(t, 0, sizeof(*t));
	route_mem(&mem, &t->heap);
	t->build = tcpvs_route_begin(&mem, NULL, 12345);
	must(t->build, "no table");
	add_automata(t, name);
}

static void end(struct table *t)
{
	tcpvs_route_abort(t->build);
	tcpvs_route_free(t->route);
	CHECK(!t->heap.held);
	while (t->nrule)
		free(t->name[--t->nrule]);
	memset(t, 0, sizeof(*t));
}

static bool net_list(struct tcpvs_route_net *net, u32 *n, char *list)
{
	char *one;

	for (*n = 0; (one = strsep(&list, ",")); ++*n)
		if (*n == 8 || !route_net(&net[*n], one))
			return false;
	return true;
}

/* One column; false if even this reader knows that it is wrong. */
static bool read_match(struct tcpvs_route_match *m, char *col,
		       struct tcpvs_route_net *net)
{
	static const struct {
		const char *key;
		u8 what, op;
	} keys[] = {
		{ "host", TCPVS_RM_HOST, TCPVS_RO_EXACT },
		{ "sni", TCPVS_RM_SNI, TCPVS_RO_EXACT },
		{ "path", TCPVS_RM_PATH, TCPVS_RO_EXACT },
		{ "prefix", TCPVS_RM_PATH, TCPVS_RO_PREFIX },
		{ "template", TCPVS_RM_PATH, TCPVS_RO_TEMPLATE },
		{ "regex", TCPVS_RM_PATH, TCPVS_RO_REGEX },
		{ "uri-regex", TCPVS_RM_URI, TCPVS_RO_REGEX },
		{ "method", TCPVS_RM_METHOD, TCPVS_RO_EXACT },
		{ "source", TCPVS_RM_SOURCE, TCPVS_RO_EXACT },
		{ "alpn", TCPVS_RM_ALPN, TCPVS_RO_EXACT },
	};
	static const char * const fields[] = { "header", "cookie", "query" };
	static const char * const ops[] = { "", "-exact", "-prefix", "", "-regex" };
	char *value = strchr(col, '=');
	u32 i, k, n;

	must(value, "a match without =");
	*value++ = 0;
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(col, keys[i].key))
			continue;
		*m = route_match(keys[i].what, keys[i].op, NULL, value);
		if (m->what != TCPVS_RM_SOURCE)
			return true;
		if (!net_list(net, &n, value))
			return false;
		m->value = net;
		m->vlen = n * sizeof(*net);
		return true;
	}
	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		n = strlen(fields[i]);
		if (strncmp(col, fields[i], n))
			continue;
		for (k = 0; k < ARRAY_SIZE(ops); k++)
			if (k != TCPVS_RO_TEMPLATE && !strcmp(col + n, ops[k]))
				break;
		must(k < ARRAY_SIZE(ops), "unknown operator");
		if (k == TCPVS_RO_PRESENT) {
			*m = route_match(TCPVS_RM_HEADER + i, k, value, "");
			return true;
		}
		col = value;
		value = strchr(col, '=');
		must(value, "a field without a value");
		*value++ = 0;
		*m = route_match(TCPVS_RM_HEADER + i, k, col, value);
		return true;
	}
	must(false, "unknown key");
	return false;
}

/* Expressions are numbered by rule: path, headers, cookies, parameters. */
static void number(struct table *t, struct tcpvs_route_match *m, u32 n)
{
	static const u8 order[] = {
		TCPVS_RM_PATH, TCPVS_RM_URI, TCPVS_RM_HEADER, TCPVS_RM_COOKIE, TCPVS_RM_QUERY,
	};
	u32 i, k, d;

	for (k = 0; k < ARRAY_SIZE(order); k++)
		for (i = 0; i < n; i++) {
			if (m[i].what != order[k] || m[i].op != TCPVS_RO_REGEX)
				continue;
			must(t->automata, "an expression, and no automata");
			for (d = 0; d < t->automata->n; d++)
				if (t->automata->ids[d] & BIT_ULL(t->next_id))
					m[i].dfa = d;
			m[i].id = t->next_id++;
		}
}

static void rule(struct table *t, char **col, u32 n, bool refused)
{
	struct tcpvs_route_net net[COLUMNS][8];
	struct tcpvs_route_match m[COLUMNS];
	bool good = true;
	u32 i, bad;
	int r;

	for (i = 2; i < n && good; i++)
		good = read_match(&m[i - 2], col[i], net[i - 2]);
	if (refused) {
		CHECK(!good || tcpvs_route_add(t->build, m, n - 2, &bad) < 0);
		return;
	}
	must(good && t->nrule < RULES, "bad network, or too many rules");
	number(t, m, n - 2);
	r = tcpvs_route_add(t->build, m, n - 2, &bad);
	if (!CHECK(r == (int)t->nrule))
		printf("  match %u: %s\n", bad, tcpvs_route_err_name(r));
	t->name[t->nrule++] = strdup(col[1]);
}

/* Protocols with commas between, as a hello has them. */
static void route_alpn(struct tcpvs_route_request *r, u8 *to, char *list)
{
	char *one;

	r->alpn = to;
	while ((one = strsep(&list, ","))) {
		*to++ = strlen(one);
		memcpy(to, one, to[-1]);
		to += to[-1];
	}
	r->alpn_len = to - r->alpn;
}

static void request(struct table *t, char **col, u32 n)
{
	bool tls = !strcmp(col[2], "-");
	struct tcpvs_route_scratch *s = test_alloc(sizeof(*s));
	struct route_req q = {};
	const char *got = "-";
	char head[4096];
	u8 alpn[256];
	u32 at, i, found;

	memset(s, 0x5a, sizeof(*s));
	CHECK(route_net(&q.r.source, "127.0.0.1"));
	at = snprintf(head, sizeof(head), "%s %s HTTP/1.%d\r\n", col[2], col[4],
		      strcmp(col[3], "-") ? 1 : 0);
	if (strcmp(col[3], "-"))
		at += snprintf(head + at, sizeof(head) - at, "Host: %s\r\n", col[3]);
	for (i = 5; i < n; i++) {
		if (!strncmp(col[i], "header=", 7))
			at += snprintf(head + at, sizeof(head) - at, "%s\r\n", col[i] + 7);
		else if (!strncmp(col[i], "source=", 7))
			must(route_net(&q.r.source, col[i] + 7), "bad address");
		else if (!strncmp(col[i], "sni=", 4))
			q.r.sni = (u8 *)col[i] + 4, q.r.sni_len = strlen(col[i] + 4);
		else if (!strncmp(col[i], "alpn=", 5))
			route_alpn(&q.r, alpn, col[i] + 5);
		else
			must(false, "unknown column");
	}
	snprintf(head + at, sizeof(head) - at, "\r\n");
	if (!tls && !CHECK_MSG(route_req_parse(&q, head), (u8 *)head, strlen(head)))
		goto out;
	found = tcpvs_route_lookup(t->route, &q.r, s);
	if (found < t->nrule)
		got = t->name[found];
	if (!CHECK(!strcmp(got, col[1]) && (found < t->nrule || found == TCPVS_ROUTE_NONE)))
		printf("  %s:%u: %s %s: expected %s, got %s\n", path, line, col[2], col[4],
		       col[1], got);
out:
	free(q.text);
	free(s);
}

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : "../../testdata/rules";
	u32 n, bad, requests = 0, refused = 0;
	char *col[COLUMNS], file[4096];
	static char text[1 << 16];
	struct table t = {};
	FILE *f;

	snprintf(file, sizeof(file), "%s/cases-automata.tsv", dir);
	read_automata(file);
	snprintf(file, sizeof(file), "%s/cases.tsv", dir);
	path = file;
	line = 0;
	f = fopen(file, "r");
	must(f, "cannot be read");
	while (next_line(f, text, sizeof(text))) {
		n = split(text, col, COLUMNS);
		if (!strcmp(col[0], "table") && n == 2) {
			end(&t);
			begin(&t, col[1]);
			test_what = col[1];
		} else if (!strcmp(col[0], "rule") && n >= 2) {
			must(t.build, "a rule behind requests, or before a table");
			rule(&t, col, n, false);
		} else if (!strcmp(col[0], "refused") && n > 2) {
			struct table own;

			begin(&own, "");
			rule(&own, col, n, true);
			end(&own);
			refused++;
		} else if (!strcmp(col[0], "request") && n >= 5) {
			if (!t.route) {
				CHECK(!tcpvs_route_finish(t.build, &t.route, &bad));
				t.build = NULL;
				must(t.route, "the table is refused");
			}
			request(&t, col, n);
			requests++;
		} else {
			must(false, "unknown line");
		}
	}
	end(&t);
	fclose(f);
	for (n = 0; n < nall; n++)
		while (all[n].n)
			free(all[n].blob[--all[n].n]);
	CHECK(requests >= 200);
	printf("rule cases: %u requests, %u refused rules\n", requests, refused);
	return test_summary("rule cases");
}
