// SPDX-License-Identifier: GPL-2.0
/*
 * route_cond.c - the matches of a candidate that no index has decided
 *
 * A header, cookie or query parameter may be there more than once; one that
 * meets the match suffices (route_value.c).  Values are compared byte by byte.  An
 * automaton is run once on each value of its name, however many candidates ask,
 * as long as there is room to remember.
 *
 * Pure: any context, no allocation.
 */
#include "http_impl.h"
#include "route_impl.h"

#define UNKEPT	255	/* count of states that found no room */

static const struct {
	const char *name;
	u8 method;
} methods[] = {
	{ "GET", TCPVS_M_GET }, { "HEAD", TCPVS_M_HEAD }, { "POST", TCPVS_M_POST },
	{ "PUT", TCPVS_M_PUT }, { "DELETE", TCPVS_M_DELETE },
	{ "OPTIONS", TCPVS_M_OPTIONS }, { "TRACE", TCPVS_M_TRACE },
	{ "CONNECT", TCPVS_M_CONNECT }, { "PATCH", TCPVS_M_PATCH },
};

/**
 * tcpvs_route_methods() - the known methods of a list
 * @list: methods, with commas between
 * @len: its length
 *
 * Return: one bit for each; that of TCPVS_M_OTHER if there are others
 */
u32 tcpvs_route_methods(const u8 *list, u32 len)
{
	u32 bits = 0, from, i, k;

	for (from = 0; from <= len; from = i + 1) {
		u8 method = TCPVS_M_OTHER;

		for (i = from; i < len && list[i] != ','; i++)
			;
		for (k = 0; k < ARRAY_SIZE(methods); k++)
			if (strlen(methods[k].name) == i - from &&
			    !memcmp(methods[k].name, list + from, i - from))
				method = methods[k].method;
		bits |= 1U << method;
	}
	return bits;
}

static bool match_method(const struct tcpvs_route_request *req,
			 const struct route_cond *c, const u8 *list)
{
	const u8 *m = req->buf + req->head->method_s.off;
	u32 len = req->head->method_s.len, from, i;

	if (!(c->arg & 1U << req->head->method))
		return false;
	if (req->head->method != TCPVS_M_OTHER)
		return true;
	for (from = 0; from <= c->vlen; from = i + 1) {
		for (i = from; i < c->vlen && list[i] != ','; i++)
			;
		if (i - from == len && route_eq(m, list + from, len))
			return true;
	}
	return false;
}

/* A name with a pattern, which may be *.suffix; the same as in the index. */
static bool match_name(const u8 *pattern, u32 plen, const u8 *name, u32 len)
{
	u32 i, skip = 0;

	if (len && name[len - 1] == '.')
		len--;
	if (pattern[plen - 1] == '.')
		plen--;
	if (pattern[0] == '*') {
		pattern++;
		plen--;
		if (len <= plen)
			return false;
		skip = len - plen;
	} else if (len != plen) {
		return false;
	}
	for (i = 0; i < plen; i++)
		if (route_lower(pattern[i]) != route_lower(name[skip + i]))
			return false;
	return true;
}

/* One of the protocols that are offered is in the list. */
static bool match_alpn(const struct tcpvs_route_request *req, const u8 *list,
		       u32 len)
{
	u32 at, from, i;

	for (at = 0; at < req->alpn_len; at += 1 + req->alpn[at]) {
		const u8 *p = req->alpn + at;

		for (from = 0; from <= len; from = i + 1) {
			for (i = from; i < len && list[i] != ','; i++)
				;
			if (i - from == p[0] && route_eq(p + 1, list + from, p[0]))
				return true;
		}
	}
	return false;
}

static bool match_source(const struct tcpvs_route_net *source,
			 const struct tcpvs_route_net *net, u32 n)
{
	static const u8 mapped[12] = { [10] = 0xff, [11] = 0xff };
	const u8 *addr = source->addr;
	u8 family = source->family;

	if (family == 6 && !memcmp(addr, mapped, sizeof(mapped))) {
		family = 4;
		addr += sizeof(mapped);
	}
	for (; n; n--, net++) {
		u32 whole = net->len / 8, rest = net->len % 8;

		if (net->family != family || memcmp(net->addr, addr, whole))
			continue;
		if (!rest || !((net->addr[whole] ^ addr[whole]) >> (8 - rest)))
			return true;
	}
	return false;
}

static void values_begin(struct tcpvs_values *v, const struct route_lookup *l,
			 const struct route_cond *c)
{
	tcpvs_values_begin(v, c->what, l->t->text + c->text, c->nlen, l->req->buf,
			   l->req->head);
}

/* Runs the automaton of @c on every value, and remembers where they end. */
static void run_values(const struct route_lookup *l, const struct route_cond *c)
{
	const struct tcpvs_dfa *d = &l->t->dfa[c->dfa].dfa;
	struct tcpvs_route_scratch *s = l->s;
	u32 n = s->nstate;
	struct tcpvs_values v;

	s->ran |= 1ULL << c->dfa;
	s->first[c->dfa] = n;
	values_begin(&v, l, c);
	while (tcpvs_values_next(&v)) {
		if (n == TCPVS_ROUTE_STATES_MAX) {
			s->count[c->dfa] = UNKEPT;
			return;
		}
		s->state[n++] = tcpvs_dfa_run(d, d->start, v.val, v.len);
	}
	s->count[c->dfa] = n - s->nstate;
	s->nstate = n;
}

static bool match_regex(const struct route_lookup *l, const struct route_cond *c)
{
	const struct tcpvs_dfa *d = &l->t->dfa[c->dfa].dfa;
	const struct tcpvs_route_scratch *s = l->s;
	struct tcpvs_values v;
	u32 i;

	if (!(s->ran & 1ULL << c->dfa))
		run_values(l, c);
	if (s->count[c->dfa] != UNKEPT) {
		for (i = 0; i < s->count[c->dfa]; i++)
			if (tcpvs_dfa_accepts(d, s->state[s->first[c->dfa] + i], c->arg))
				return true;
		return false;
	}
	values_begin(&v, l, c);
	while (tcpvs_values_next(&v))
		if (tcpvs_dfa_accepts(d, tcpvs_dfa_run(d, d->start, v.val, v.len), c->arg))
			return true;
	return false;
}

static bool match_field(const struct route_lookup *l, const struct route_cond *c)
{
	const u8 *want = l->t->text + c->text + c->nlen;
	struct tcpvs_values v;

	if (c->op == TCPVS_RO_REGEX)
		return match_regex(l, c);
	values_begin(&v, l, c);
	while (tcpvs_values_next(&v)) {
		if (c->op == TCPVS_RO_PRESENT)
			return true;
		if (c->op == TCPVS_RO_EXACT ? v.len != c->vlen : v.len < c->vlen)
			continue;
		if (route_eq(v.val, want, c->vlen))
			return true;
	}
	return false;
}

/**
 * tcpvs_route_conds() - do the conditions of a rule hold?
 * @l: the lookup
 * @cond: the first of them, or NONE
 *
 * Return: whether all hold
 */
bool tcpvs_route_conds(const struct route_lookup *l, u32 cond)
{
	const struct tcpvs_route_request *req = l->req;
	const struct route_cond *c;

	if (cond == NONE)
		return true;
	for (c = &l->t->cond[cond];; c++) {
		const u8 *value = l->t->text + c->text;
		bool holds;

		switch (c->what) {
		case TCPVS_RM_METHOD:
			holds = req->head && match_method(req, c, value);
			break;
		case TCPVS_RM_SOURCE:
			holds = match_source(&req->source,
					     (const struct tcpvs_route_net *)value,
					     c->vlen / sizeof(struct tcpvs_route_net));
			break;
		case TCPVS_RM_ALPN:
			holds = match_alpn(req, value, c->vlen);
			break;
		case TCPVS_RM_SNI:
			holds = match_name(value, c->vlen, req->sni, req->sni_len);
			break;
		default:
			holds = req->head && match_field(l, c);
		}
		if (!holds || c->last)
			return holds;
	}
}
