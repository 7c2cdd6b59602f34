// SPDX-License-Identifier: GPL-2.0
/*
 * upload_rule.c - what a rule in a request says
 *
 * Types and lengths of attributes were checked against the policies, names,
 * paths and the like are checked by the index (route_check.c); here is what
 * belongs together. Every refusal names the rule.
 *
 * A rule is kept as it came, for listings, so nothing may be in it twice or
 * without meaning; what a worker needs of it is beside.
 *
 * In netlink requests, under tcpvs_net.lock.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "http.h"
#include "netlink.h"
#include "table_impl.h"

static_assert((int)TCPVS_MATCH_WHAT_HOST == TCPVS_RM_HOST);
static_assert((int)TCPVS_MATCH_WHAT_SNI == TCPVS_RM_SNI);
static_assert((int)TCPVS_MATCH_WHAT_PATH == TCPVS_RM_PATH);
static_assert((int)TCPVS_MATCH_WHAT_URI == TCPVS_RM_URI);
static_assert((int)TCPVS_MATCH_WHAT_METHOD == TCPVS_RM_METHOD);
static_assert((int)TCPVS_MATCH_WHAT_HEADER == TCPVS_RM_HEADER);
static_assert((int)TCPVS_MATCH_WHAT_COOKIE == TCPVS_RM_COOKIE);
static_assert((int)TCPVS_MATCH_WHAT_QUERY == TCPVS_RM_QUERY);
static_assert((int)TCPVS_MATCH_WHAT_SOURCE == TCPVS_RM_SOURCE);
static_assert((int)TCPVS_MATCH_WHAT_ALPN == TCPVS_RM_ALPN);
static_assert((int)TCPVS_MATCH_OP_PRESENT == TCPVS_RO_PRESENT);
static_assert((int)TCPVS_MATCH_OP_EXACT == TCPVS_RO_EXACT);
static_assert((int)TCPVS_MATCH_OP_PREFIX == TCPVS_RO_PREFIX);
static_assert((int)TCPVS_MATCH_OP_TEMPLATE == TCPVS_RO_TEMPLATE);
static_assert((int)TCPVS_MATCH_OP_REGEX == TCPVS_RO_REGEX);

/* Why the index refuses a rule; at most 45 bytes each. */
static const struct {
	int err;
	const char *why;
} reasons[__TCPVS_RE_MAX] = {
	[TCPVS_RE_MEMORY]	= { -ENOMEM, "no memory" },
	[TCPVS_RE_MEMORY_LIMIT]	= { -E2BIG, "the table has no room, its index is 64 MiB" },
	[TCPVS_RE_RULES]	= { -E2BIG, "a table has no more than 1048576 rules" },
	[TCPVS_RE_MATCHES]	= { -E2BIG, "it has more than 192 matches" },
	[TCPVS_RE_KIND]		= { -EINVAL, "this is never compared in this way" },
	[TCPVS_RE_TWICE]	= { -EINVAL, "it has one host, one sni and one path" },
	[TCPVS_RE_HOST]		= { -EINVAL, "no host name, nor *. and one" },
	[TCPVS_RE_SNI]		= { -EINVAL, "no server name, nor *. and one" },
	[TCPVS_RE_PATH]		= { -EINVAL, "no path that a request can have" },
	[TCPVS_RE_TEMPLATE]	= { -EINVAL, "no template, such as /users/{id}/posts" },
	[TCPVS_RE_METHOD]	= { -EINVAL, "no methods with commas between" },
	[TCPVS_RE_NAME]		= { -EINVAL, "no name of such a field, or too long" },
	[TCPVS_RE_VALUE]	= { -EINVAL, "too long, or a value where none belongs" },
	[TCPVS_RE_SOURCE]	= { -EINVAL, "no networks, or mapped ones" },
	[TCPVS_RE_REGEX]	= { -EINVAL, "its automaton or number does not fit it" },
	[TCPVS_RE_DFA]		= { -E2BIG, "a table has no more than 64 automata" },
	[TCPVS_RE_AMBIGUOUS]	= { -E2BIG, "its template overlaps with too many" },
	[TCPVS_RE_HASH]		= { -EAGAIN, "names collide: begin the table again" },
	[TCPVS_RE_ALPN]		= { -EINVAL, "no protocols with commas between" },
};

/**
 * tcpvs_upload_blame() - say why the index refused something
 * @r: the rule at fault, or NULL
 * @err: TCPVS_RE_*
 * @extack: says it
 *
 * Return: a negative error.
 */
int tcpvs_upload_blame(const struct tcpvs_rule *r, int err,
		       struct netlink_ext_ack *extack)
{
	if (r)
		NL_SET_ERR_MSG_FMT(extack, "rule %u: %.45s", r->id,
				   reasons[err].why);
	else
		NL_SET_ERR_MSG_FMT(extack, "%.45s", reasons[err].why);
	return reasons[err].err;
}

/* Says which rule is meant, and why it is refused. */
static int refuse(struct netlink_ext_ack *extack, const struct nlattr *attr,
		  const struct nlattr *id, const struct nlattr *name,
		  const char *why)
{
	if (name)
		NL_SET_ERR_MSG_ATTR_FMT(extack, attr, "rule %u \"%.12s\": %.45s",
					nla_get_u32(id),
					(const char *)nla_data(name), why);
	else
		NL_SET_ERR_MSG_ATTR_FMT(extack, attr, "rule %u: %.60s",
					nla_get_u32(id), why);
	return -EINVAL;
}

static int refuse_rule(const struct tcpvs_upload_scratch *s,
		       const struct nlattr *attr, const char *why,
		       struct netlink_ext_ack *extack)
{
	return refuse(extack, attr, s->tb[TCPVS_A_RULE_ID],
		      s->tb[TCPVS_A_RULE_NAME], why);
}

/*
 * Attributes of a nest by type. What is kept as it came must have each of them
 * once, but for those of type @multi.
 */
static int collect(const struct nlattr *nest, const struct nlattr **tb, int max,
		   int multi, struct netlink_ext_ack *extack)
{
	const struct nlattr *a;
	int rem;

	memset(tb, 0, (max + 1) * sizeof(*tb));
	nla_for_each_nested(a, nest, rem) {
		int type = nla_type(a);

		if (type > max || (type != multi && tb[type])) {
			NL_SET_ERR_MSG_ATTR_FMT(extack, a,
						"attribute %d is unknown here, or twice",
						type);
			return -EINVAL;
		}
		tb[type] = a;
	}
	return 0;
}

static int read_networks(struct tcpvs_upload_scratch *s, const struct nlattr *nest,
			 struct tcpvs_route_match *m,
			 struct netlink_ext_ack *extack)
{
	const struct nlattr *a;
	u32 from = s->nnet;
	int rem, err;

	nla_for_each_nested(a, nest, rem) {
		struct tcpvs_route_net *to = &s->net[s->nnet];
		struct tcpvs_network net;

		if (s->nnet == TCPVS_RULE_NETS)
			return refuse_rule(s, a, "too many networks", extack);
		err = tcpvs_nl_network(a, &net, extack);
		if (err)
			return err;
		memset(to, 0, sizeof(*to));
		to->len = net.prefix;
		if (net.family == AF_INET) {
			to->family = 4;
			memcpy(to->addr, &net.v4, sizeof(net.v4));
		} else {
			to->family = 6;
			memcpy(to->addr, &net.v6, sizeof(net.v6));
		}
		s->nnet++;
	}
	m->value = &s->net[from];
	m->vlen = (s->nnet - from) * sizeof(s->net[0]);
	return 0;
}

/* There where it does not belong, or not there where it does. */
static bool misplaced(const struct nlattr *a, bool belongs)
{
	return belongs ? !a : !!a;
}

/* Whether there can be anything of the sort in what a service of a mode reads. */
static bool asked_in(u8 mode, u8 what)
{
	bool tls = what == TCPVS_RM_SNI || what == TCPVS_RM_ALPN;

	return what == TCPVS_RM_SOURCE || tls == (mode == TCPVS_MODE_TLS);
}

static int read_match(struct tcpvs_upload_scratch *s, u8 mode,
		      const struct nlattr *nest,
		      struct netlink_ext_ack *extack)
{
	const struct nlattr *tb[TCPVS_A_MATCH_MAX + 1], *a;
	struct tcpvs_route_match *m = &s->m[s->nmatch];
	int err;

	if (s->nmatch == TCPVS_ROUTE_MATCH_MAX)
		return refuse_rule(s, nest, reasons[TCPVS_RE_MATCHES].why, extack);
	err = collect(nest, tb, TCPVS_A_MATCH_MAX, -1, extack);
	if (err)
		return err;
	if (!tb[TCPVS_A_MATCH_WHAT])
		return refuse_rule(s, nest, "a match does not say of what", extack);
	memset(m, 0, sizeof(*m));
	m->what = nla_get_u32(tb[TCPVS_A_MATCH_WHAT]);
	m->op = tb[TCPVS_A_MATCH_OP] ? nla_get_u32(tb[TCPVS_A_MATCH_OP]) :
				       TCPVS_RO_EXACT;
	if (!asked_in(mode, m->what))
		return refuse_rule(s, nest, mode == TCPVS_MODE_TLS ?
				   "mode tls knows sni, alpn and source only" :
				   "sni and alpn are known in mode tls only",
				   extack);
	a = tb[TCPVS_A_MATCH_NAME];
	if (misplaced(a, m->what >= TCPVS_RM_HEADER && m->what <= TCPVS_RM_QUERY))
		return refuse_rule(s, a ?: nest, "headers, cookies and parameters have names",
				   extack);
	if (a) {
		m->name = nla_data(a);
		m->nlen = nla_len(a);
	}
	a = tb[TCPVS_A_MATCH_NETWORKS];
	if (misplaced(a, m->what == TCPVS_RM_SOURCE))
		return refuse_rule(s, a ?: nest, "networks belong to a source",
				   extack);
	if (a && tb[TCPVS_A_MATCH_VALUE])
		return refuse_rule(s, nest, "a source has networks, and no value",
				   extack);
	if (a) {
		err = read_networks(s, a, m, extack);
		if (err)
			return err;
	}
	a = tb[TCPVS_A_MATCH_VALUE];
	/* An expression is for the reader; the automaton knows it. */
	if (a && m->op != TCPVS_RO_REGEX) {
		m->value = nla_data(a);
		m->vlen = nla_len(a);
	}
	if (m->op == TCPVS_RO_REGEX) {
		if (!a || !tb[TCPVS_A_MATCH_AUTOMATON] ||
		    !tb[TCPVS_A_MATCH_EXPRESSION])
			return refuse_rule(s, nest, "a regex has value, automaton and number",
					   extack);
		m->dfa = nla_get_u32(tb[TCPVS_A_MATCH_AUTOMATON]);
		m->id = nla_get_u32(tb[TCPVS_A_MATCH_EXPRESSION]);
	} else if (tb[TCPVS_A_MATCH_AUTOMATON] || tb[TCPVS_A_MATCH_EXPRESSION]) {
		return refuse_rule(s, nest, "an automaton belongs to a regex",
				   extack);
	}
	s->attr[s->nmatch++] = nest;
	return 0;
}

/*
 * Conditions in short: most of a large table is made of these, and each spares
 * the attributes of a match, which would take longer to check than to index.
 */
static const struct {
	u8 attr, what, op;
} shorts[] = {
	{ TCPVS_A_RULE_HOST, TCPVS_RM_HOST, TCPVS_RO_EXACT },
	{ TCPVS_A_RULE_PATH, TCPVS_RM_PATH, TCPVS_RO_EXACT },
	{ TCPVS_A_RULE_PREFIX, TCPVS_RM_PATH, TCPVS_RO_PREFIX },
	{ TCPVS_A_RULE_TEMPLATE, TCPVS_RM_PATH, TCPVS_RO_TEMPLATE },
};

/* The conditions of the rule that are in short; they go before the matches. */
static int read_shorts(struct tcpvs_upload_scratch *s, u8 mode,
		       struct netlink_ext_ack *extack)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(shorts); i++) {
		const struct nlattr *a = s->tb[shorts[i].attr];
		struct tcpvs_route_match *m = &s->m[s->nmatch];

		if (!a)
			continue;
		if (!asked_in(mode, shorts[i].what))
			return refuse_rule(s, a, "mode tls knows sni, alpn and source only",
					   extack);
		memset(m, 0, sizeof(*m));
		m->what = shorts[i].what;
		m->op = shorts[i].op;
		m->value = nla_data(a);
		m->vlen = nla_len(a);
		s->attr[s->nmatch++] = a;
	}
	return 0;
}

static bool name_ok(const struct nlattr *name)
{
	const char *p = nla_data(name);
	unsigned int i, len = strlen(p);

	for (i = 0; i < len; i++)
		if (p[i] <= ' ' || p[i] > '~' || p[i] == '"' || p[i] == '\'')
			return false;
	return len && len + 1 == nla_len(name);
}

static bool is_redirect(u32 status)
{
	return status == 301 || status == 302 || status == 303 ||
	       status == 307 || status == 308;
}

/* What the rule does. */
static int read_action(const struct tcpvs_table *t,
		       const struct tcpvs_upload_scratch *s,
		       const struct nlattr *rule, struct tcpvs_rule *r,
		       struct netlink_ext_ack *extack)
{
	const struct nlattr *set = s->tb[TCPVS_A_RULE_SET];
	const struct nlattr *status = s->tb[TCPVS_A_RULE_STATUS];
	const struct nlattr *location = s->tb[TCPVS_A_RULE_LOCATION];
	const struct nlattr *body = s->tb[TCPVS_A_RULE_BODY];
	const struct nlattr *text = location ?: body;
	int at;

	r->action = s->tb[TCPVS_A_RULE_ACTION] ?
		    nla_get_u32(s->tb[TCPVS_A_RULE_ACTION]) :
		    TCPVS_RULE_ACTION_SERVERS;
	if (t->mode == TCPVS_MODE_TLS && (r->action == TCPVS_RULE_ACTION_REDIRECT ||
					  r->action == TCPVS_RULE_ACTION_ANSWER))
		return refuse_rule(s, s->tb[TCPVS_A_RULE_ACTION],
				   "in mode tls nothing can be answered", extack);
	r->set = TCPVS_SET_NONE;
	r->status = status ? nla_get_u32(status) : 0;
	if (text) {
		r->text = (const u8 *)nla_data(text) - (const u8 *)rule;
		r->len = nla_len(text);
	}
	if (misplaced(set, r->action == TCPVS_RULE_ACTION_SERVERS))
		return refuse_rule(s, set ?: rule, "a set belongs to action servers",
				   extack);
	if (misplaced(status,
		      r->action == TCPVS_RULE_ACTION_REDIRECT ||
		      r->action == TCPVS_RULE_ACTION_ANSWER))
		return refuse_rule(s, status ?: rule,
				   "redirect and answer have a status", extack);
	if (misplaced(location, r->action == TCPVS_RULE_ACTION_REDIRECT))
		return refuse_rule(s, location ?: rule, "a location belongs to a redirect",
				   extack);
	if (body && r->action != TCPVS_RULE_ACTION_ANSWER)
		return refuse_rule(s, body, "a body belongs to an answer", extack);

	if (set) {
		at = tcpvs_table_set(t, nla_get_u32(set));
		if (at < 0)
			return refuse_rule(s, set, "there is no set of this number",
					   extack);
		r->set = at;
	}
	if (location) {
		if (!is_redirect(r->status))
			return refuse_rule(s, status, "a redirect is 301, 302, 303, 307 or 308",
					   extack);
		if (!r->len || r->len > TCPVS_HTTP_LOCATION_MAX)
			return refuse_rule(s, location, "a location has 1 to 1024 bytes",
					   extack);
		if (tcpvs_http_location(nla_data(location), r->len) >= 0)
			return refuse_rule(s, location, "no URI, or an unknown $variable",
					   extack);
	}
	if (body && r->len > TCPVS_HTTP_FIXED_MAX)
		return refuse_rule(s, body, "a body has at most 4096 bytes", extack);
	if (r->len && (r->status == 204 || r->status == 205 || r->status == 304) &&
	    body)
		return refuse_rule(s, body, "a response of this status has no body",
				   extack);
	return 0;
}

/**
 * tcpvs_upload_keep() - copy what has to live as long as the table
 * @t: the table
 * @bytes: it
 * @n: its length, at most TCPVS_RULE_BYTES_MAX
 *
 * Return: the copy, aligned to NLA_ALIGNTO, or NULL without memory.
 */
const void *tcpvs_upload_keep(struct tcpvs_table *t, const void *bytes, u32 n)
{
	u32 len = NLA_ALIGN(n), size = TCPVS_RECORDS_LEAST;
	struct tcpvs_records *r;
	void *to;

	r = list_empty(&t->records) ? NULL :
	    list_last_entry(&t->records, struct tcpvs_records, link);
	if (!r || len > r->room - r->used) {
		/* A table of few rules is small, and many make few pieces. */
		if (r)
			size = min(2 * (r->room + (u32)sizeof(*r)),
				   TCPVS_RECORDS_BYTES);
		size = max_t(u32, size, roundup_pow_of_two(sizeof(*r) + len));
		r = tcpvs_table_alloc(t, size);
		if (!r)
			return NULL;
		r->room = size - sizeof(*r);
		r->used = 0;
		list_add_tail(&r->link, &t->records);
	}
	to = r->byte + r->used;
	memcpy(to, bytes, n);
	r->used += len;
	return to;
}

/**
 * tcpvs_upload_rule() - append a rule
 * @u: the upload
 * @rule: the rule, a nest
 * @extack: says why not
 *
 * Return: 0 or an error.
 */
int tcpvs_upload_rule(struct tcpvs_upload *u, const struct nlattr *rule,
		      struct netlink_ext_ack *extack)
{
	struct tcpvs_upload_scratch *s = u->scratch;
	struct tcpvs_table *t = u->table;
	struct tcpvs_rule r = {};
	const struct nlattr *a;
	int rem, err, n;
	u32 bad;

	err = tcpvs_upload_whole(u, extack) ?:
	      collect(rule, s->tb, TCPVS_A_RULE_MAX, TCPVS_A_RULE_MATCH, extack);
	if (err)
		return err;
	if (!s->tb[TCPVS_A_RULE_ID] ||
	    (!s->tb[TCPVS_A_RULE_ACTION] && !s->tb[TCPVS_A_RULE_SET])) {
		NL_SET_ERR_MSG_ATTR(extack, rule,
				    "a rule without number, or without action");
		return -EINVAL;
	}
	a = s->tb[TCPVS_A_RULE_NAME];
	if (a && !name_ok(a)) {
		s->tb[TCPVS_A_RULE_NAME] = NULL;
		return refuse_rule(s, a, "a name is printable ASCII without spaces and quotes",
				   extack);
	}
	if (rule->nla_len > TCPVS_RULE_BYTES_MAX)
		return refuse_rule(s, rule, "it has more than 16384 bytes", extack);
	s->nmatch = 0;
	s->nnet = 0;
	err = read_shorts(s, t->mode, extack);
	if (err)
		return err;
	nla_for_each_nested(a, rule, rem) {
		if (nla_type(a) != TCPVS_A_RULE_MATCH)
			continue;
		err = read_match(s, t->mode, a, extack);
		if (err)
			return err;
	}
	err = read_action(t, s, rule, &r, extack);
	if (err)
		return err;

	if (tcpvs_table_grow(t, (void **)&t->rule, t->nrules, &u->room,
			     sizeof(*t->rule)))
		return -ENOMEM;
	n = tcpvs_route_add(u->build, s->m, s->nmatch, &bad);
	if (n < 0) {
		refuse_rule(s, bad < s->nmatch ? s->attr[bad] : rule,
			    reasons[-n].why, extack);
		return reasons[-n].err;
	}
	r.id = nla_get_u32(s->tb[TCPVS_A_RULE_ID]);
	r.record = tcpvs_upload_keep(t, rule, rule->nla_len);
	if (!r.record)
		return -ENOMEM;
	t->rule[t->nrules++] = r;
	return 0;
}
