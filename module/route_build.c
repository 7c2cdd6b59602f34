// SPDX-License-Identifier: GPL-2.0
/*
 * route_build.c - adding rules to a table
 *
 * A rule goes into one list, that of its host and path: the hash gives the trie
 * of its host, and the path is walked down in it, which makes the nodes that are
 * missing.  What the index cannot decide stays as conditions of the rule.
 *
 * A rule is checked in full before anything is changed, so one that is refused
 * leaves the table as it was; only a failure for memory ends the build.
 *
 * May sleep in the caller's allocator.  One build belongs to one thread.
 */
#include "route_impl.h"

static void array_init(struct route_array *a, u32 size)
{
	a->size = size;
	while ((ROUTE_CHUNK / size) >> (a->shift + 1))
		a->shift++;
	a->per = 1U << a->shift;
}

/**
 * tcpvs_route_begin() - begin a table
 * @mem: where its memory comes from
 * @limits: its bounds, or NULL
 * @seed: random, so that nobody can choose names that collide
 *
 * Return: the build, or NULL if there is no memory
 */
struct tcpvs_route_build *
tcpvs_route_begin(const struct tcpvs_route_mem *mem,
		  const struct tcpvs_route_limits *limits, u64 seed)
{
	struct tcpvs_route_build *b = mem->alloc(mem->ctx, sizeof(*b));
	struct route_entry *any;

	if (!b)
		return NULL;
	memset(b, 0, sizeof(*b));
	b->mem = *mem;
	b->seed = seed;
	b->held = sizeof(*b);
	b->peak = b->held;
	if (limits)
		b->limits = *limits;
	if (!b->limits.memory)
		b->limits.memory = 64 << 20;
	if (!b->limits.rules || b->limits.rules > TCPVS_ROUTE_RULES_MAX)
		b->limits.rules = 1 << 20;
	/*
	 * Places in the text have 32 bits.  Below what this very structure takes
	 * nothing would ever fit.
	 */
	b->limits.memory = min_t(u64, b->limits.memory, U32_MAX / 2);
	b->limits.memory = max(b->limits.memory, b->held);
	array_init(&b->node, sizeof(struct route_bnode));
	array_init(&b->rule, sizeof(struct route_rule));
	array_init(&b->cond, sizeof(struct route_cond));
	array_init(&b->entry, sizeof(struct route_entry));
	array_init(&b->regex, sizeof(struct route_regex));
	array_init(&b->text, 1);
	if (tcpvs_route_reserve(b, &b->entry, 1)) {
		tcpvs_route_abort(b);
		return NULL;
	}
	any = route_at(&b->entry, b->entry.n++);
	*any = (struct route_entry){ .kind = KEY_ANY, .root = NONE };
	b->root = NONE;
	return b;
}

/**
 * tcpvs_route_abort() - give a table up
 * @b: the build, or NULL
 */
void tcpvs_route_abort(struct tcpvs_route_build *b)
{
	if (!b)
		return;
	tcpvs_route_array_free(b, &b->node);
	tcpvs_route_array_free(b, &b->rule);
	tcpvs_route_array_free(b, &b->cond);
	tcpvs_route_array_free(b, &b->entry);
	tcpvs_route_array_free(b, &b->regex);
	tcpvs_route_array_free(b, &b->text);
	tcpvs_route_release(b, b->slot, b->nslot * sizeof(*b->slot));
	tcpvs_route_release(b, b->dfa, TCPVS_ROUTE_DFA_MAX * sizeof(*b->dfa));
	b->mem.free(b->mem.ctx, b, sizeof(*b));
}

/**
 * tcpvs_route_add_dfa() - give a table an automaton
 * @b: the build
 * @dfa: the automaton, verified; its blob must live as long as the table
 * @input: TCPVS_RI_*: what it is run on
 *
 * Comes before the rules that name it.
 *
 * Return: its number, or a negative TCPVS_RE_*
 */
int tcpvs_route_add_dfa(struct tcpvs_route_build *b,
			const struct tcpvs_dfa *dfa, u8 input)
{
	if (b->err)
		return b->err;
	if (b->ndfa == TCPVS_ROUTE_DFA_MAX || input >= __TCPVS_RI_MAX)
		return -TCPVS_RE_DFA;
	if (!b->dfa) {
		b->dfa = tcpvs_route_alloc(b, TCPVS_ROUTE_DFA_MAX *
					      sizeof(*b->dfa));
		if (!b->dfa)
			return b->err;
	}
	b->dfa[b->ndfa] = (struct route_dfa){
		.dfa = *dfa, .input = input, .first = NONE, .cond = NONE,
	};
	return b->ndfa++;
}

static u32 new_node(struct tcpvs_route_build *b, u32 label, u32 len, u32 sib)
{
	struct route_bnode *n;

	if (tcpvs_route_reserve(b, &b->node, 1))
		return NONE;
	n = route_at(&b->node, b->node.n);
	*n = (struct route_bnode){
		.label = label, .len = len, .child = NONE, .sib = sib,
		.turn = NONE, .exact = NONE, .prefix = NONE,
	};
	return b->node.n++;
}

static void remember(struct tcpvs_route_build *b, u32 node, u32 at)
{
	if (at != NONE && b->nstep < ROUTE_STEPS_MAX)
		b->step[b->nstep++] = (struct route_step){ node, at };
}

/*
 * Walks bytes on from @node. If @done is not NONE they are those of b->last from
 * there on, and the way is remembered.
 */
static u32 walk_literal(struct tcpvs_route_build *b, u32 node, const u8 *p,
			u32 len, u32 done)
{
	while (len) {
		u32 *link = &((struct route_bnode *)route_at(&b->node, node))->child;
		struct route_bnode *n, *mid;
		const u8 *label = NULL;
		u32 k, at;

		for (; *link != NONE; link = &n->sib) {
			n = route_at(&b->node, *link);
			label = route_at(&b->text, n->label);
			if (label[0] >= p[0])
				break;
		}
		if (*link == NONE || label[0] != p[0]) {
			at = tcpvs_route_add_text(b, NULL, 0, p, len);
			if (at == NONE)
				return NONE;
			at = new_node(b, at, len, *link);
			if (at == NONE)
				return NONE;
			*link = at;
			remember(b, at, done == NONE ? NONE : done + len);
			return at;
		}
		for (k = 1; k < len && k < n->len && label[k] == p[k]; k++)
			;
		node = *link;
		if (k < n->len) {
			/* A node for what is common takes its place. */
			at = new_node(b, n->label, k, n->sib);
			if (at == NONE)
				return NONE;
			mid = route_at(&b->node, at);
			mid->child = node;
			n->label += k;
			n->len -= k;
			n->sib = NONE;
			*link = at;
			node = at;
		}
		p += k;
		len -= k;
		if (done != NONE)
			done += k;
		remember(b, node, done);
	}
	return node;
}

/*
 * Walks the literal text that a path begins with. Tables tend to be sorted, so it
 * goes on where the way parts from that of the path before. A node on that way
 * may have got another above it meanwhile, but ends where it did: what was split
 * lay behind the parting, and is not remembered.
 */
static u32 walk_path(struct tcpvs_route_build *b, u32 root, const u8 *p, u32 len)
{
	u32 common = 0, at = 0, node = root;

	if (b->root == root)
		common = route_common(b->last, p, min(len, b->nlast));
	while (b->nstep && b->step[b->nstep - 1].at > common)
		b->nstep--;
	if (b->nstep) {
		node = b->step[b->nstep - 1].node;
		at = b->step[b->nstep - 1].at;
	}
	memcpy(b->last + common, p + common, len - common);
	b->nlast = len;
	b->root = root;
	return walk_literal(b, node, p + at, len - at, at);
}

/*
 * Walks a parameter that has @p behind it in its segment: turns downward, walks
 * @p from its end, and turns upward again.
 */
static u32 walk_param(struct tcpvs_route_build *b, u32 node, const u8 *p,
		      u32 len)
{
	struct route_bnode *n = route_at(&b->node, node);
	u32 i, turn;

	if (n->turn == NONE) {
		turn = new_node(b, 0, 0, NONE);
		if (turn == NONE)
			return NONE;
		n->turn = turn;
	}
	for (i = 0; i < len; i++)
		b->tmp[i] = p[len - 1 - i];
	node = walk_literal(b, n->turn, b->tmp, len, NONE);
	if (node == NONE)
		return NONE;
	n = route_at(&b->node, node);
	if (n->turn == NONE)
		n->turn = new_node(b, 0, 0, NONE);
	return n->turn;
}

/* Walks literal text of a template from @lit to @end. */
static u32 walk_between(struct tcpvs_route_build *b, u32 node, const u8 *p,
			u32 lit, u32 end)
{
	return lit ? walk_literal(b, node, p + lit, end - lit, NONE) :
		     walk_path(b, node, p, end);
}

static u32 walk_template(struct tcpvs_route_build *b, u32 node, const u8 *p,
			 u32 len)
{
	u32 i, from = 0, lit = 0, at, n;

	/* @lit: where the literal text begins that was not walked yet. */
	while (from < len && node != NONE) {
		for (i = from + 1; i < len && p[i] != '/'; i++)
			;
		n = i - from;
		tcpvs_route_param(p + from, &at, &n);
		if (n) {
			node = walk_between(b, node, p, lit, from + at);
			if (node == NONE)
				break;
			at += from + n;
			node = walk_param(b, node, p + at, i - at);
			lit = i;
		}
		from = i;
	}
	if (node != NONE)
		node = walk_between(b, node, p, lit, len);
	return node;
}

/* Appends a rule to a list, which is a ring named by its last rule. */
static void append(struct tcpvs_route_build *b, u32 *list, u32 rule)
{
	struct route_rule *r = route_at(&b->rule, rule), *last;

	if (*list == NONE) {
		r->next = rule;
	} else {
		last = route_at(&b->rule, *list);
		r->next = last->next;
		last->next = rule;
	}
	*list = rule;
}

/**
 * tcpvs_route_host_again() - is a host, to the letter, that of the rule before?
 * @b: the build
 * @m: the match: a host or SNI
 *
 * Return: its entry, or 0 if it has to be looked at
 */
u32 tcpvs_route_host_again(const struct tcpvs_route_build *b,
			   const struct tcpvs_route_match *m)
{
	u32 kind = m->what == TCPVS_RM_SNI ? KEY_SNI : KEY_HOST;
	const struct route_entry *e = route_at(&b->entry, b->host);

	return e->kind == kind && e->len == m->vlen &&
	       route_eq(route_at(&b->text, e->key), m->value, e->len) ?
	       b->host : 0;
}

static u32 host_entry(struct tcpvs_route_build *b,
		      const struct tcpvs_route_match *m)
{
	u8 name[TCPVS_ROUTE_HOST_MAX];
	u32 kind = KEY_HOST, len, i;
	const u8 *p;

	if (!m)
		return 0;
	i = tcpvs_route_host_again(b, m);
	if (i)
		return i;
	p = m->value;
	len = m->vlen;
	if (m->what == TCPVS_RM_SNI)
		kind = KEY_SNI;
	if (p[0] == '*') {
		p += 2;
		len -= 2;
		kind++;
	}
	if (p[len - 1] == '.')
		len--;
	for (i = 0; i < len; i++)
		name[i] = route_lower(p[i]);
	i = tcpvs_route_entry(b, kind, name, len);
	if (i != NONE)
		b->host = i;
	return i;
}

/* Match ids between those of rules stay without one. */
static int index_regex(struct tcpvs_route_build *b, u32 rule,
		       const struct tcpvs_route_match *path)
{
	struct route_dfa *d = &b->dfa[path->dfa];

	for (;;) {
		struct route_regex *r;

		if (tcpvs_route_reserve(b, &b->regex, 1))
			return b->err;
		r = route_at(&b->regex, b->regex.n);
		r->rule = NONE;
		r->dfa = path->dfa;
		if (b->regex.n++ == path->id) {
			r->rule = rule;
			break;
		}
	}
	d->first = min(d->first, rule);
	return 0;
}

/* Puts rule number @rule where lookups find it. */
static int index_rule(struct tcpvs_route_build *b, u32 rule,
		      const struct tcpvs_route_match *host,
		      const struct tcpvs_route_match *path)
{
	u32 entry = host_entry(b, host), node;
	struct route_entry *e;
	struct route_bnode *n;

	if (entry == NONE)
		return b->err;
	((struct route_rule *)route_at(&b->rule, rule))->host = entry;
	if (path && path->op == TCPVS_RO_REGEX)
		return index_regex(b, rule, path);
	e = route_at(&b->entry, entry);
	if (e->root == NONE) {
		e->root = new_node(b, 0, 0, NONE);
		if (e->root == NONE)
			return b->err;
	}
	node = e->root;
	if (path && path->op == TCPVS_RO_TEMPLATE)
		node = walk_template(b, node, path->value, path->vlen);
	else if (path)
		node = walk_path(b, node, path->value, path->vlen);
	if (node == NONE)
		return b->err;
	n = route_at(&b->node, node);
	append(b, !path || path->op == TCPVS_RO_PREFIX ? &n->prefix : &n->exact,
	       rule);
	return 0;
}

static int add_cond(struct tcpvs_route_build *b,
		    const struct tcpvs_route_match *m)
{
	struct route_cond *c;
	u32 text;

	if (tcpvs_route_reserve(b, &b->cond, 1))
		return b->err;
	text = tcpvs_route_add_text(b, m->name, m->nlen, m->value, m->vlen);
	if (text == NONE)
		return b->err;
	c = route_at(&b->cond, b->cond.n++);
	*c = (struct route_cond){
		.what = m->what, .op = m->op, .dfa = m->dfa, .nlen = m->nlen,
		.vlen = m->vlen, .text = text, .arg = m->id,
	};
	if (m->what == TCPVS_RM_METHOD)
		c->arg = tcpvs_route_methods(m->value, m->vlen);
	if (m->op == TCPVS_RO_REGEX && b->dfa[m->dfa].cond == NONE)
		b->dfa[m->dfa].cond = b->cond.n - 1;
	return 0;
}

/**
 * tcpvs_route_add() - append a rule
 * @b: the build
 * @m: its matches, all of which must hold; of host, SNI and path at most one
 * @n: how many; a rule without any matches every request
 * @bad: on an error, the match at fault, or @n if it is none of them
 *
 * Return: its number, from 0 on, or a negative TCPVS_RE_*; then nothing has
 * changed, but after TCPVS_RE_MEMORY, _MEMORY_LIMIT and _HASH nothing can be
 * added any more.
 */
int tcpvs_route_add(struct tcpvs_route_build *b,
		    const struct tcpvs_route_match *m, u32 n, u32 *bad)
{
	const struct tcpvs_route_match *host = NULL, *sni = NULL, *path = NULL;
	u32 i, rule, first = NONE;
	struct route_rule *r;

	*bad = n;
	if (b->err)
		return b->err;
	if (n > TCPVS_ROUTE_MATCH_MAX)
		return -TCPVS_RE_MATCHES;
	if (b->rule.n == b->limits.rules)
		return -TCPVS_RE_RULES;
	for (i = 0; i < n; i++) {
		const struct tcpvs_route_match **one = NULL;
		int err = tcpvs_route_check(b, &m[i]);

		*bad = i;
		if (err)
			return err;
		if (m[i].what == TCPVS_RM_HOST)
			one = &host;
		else if (m[i].what == TCPVS_RM_SNI)
			one = &sni;
		else if (m[i].what == TCPVS_RM_PATH || m[i].what == TCPVS_RM_URI)
			one = &path;
		if (one && *one)
			return -TCPVS_RE_TWICE;
		if (one)
			*one = &m[i];
	}
	*bad = n;

	if (tcpvs_route_reserve(b, &b->rule, 1))
		return b->err;
	rule = b->rule.n;
	for (i = 0; i < n; i++) {
		if (&m[i] == host || &m[i] == path || (&m[i] == sni && !host))
			continue;
		if (first == NONE)
			first = b->cond.n;
		if (add_cond(b, &m[i]))
			return b->err;
	}
	if (first != NONE)
		((struct route_cond *)route_at(&b->cond, b->cond.n - 1))->last = 1;
	r = route_at(&b->rule, rule);
	*r = (struct route_rule){ .next = NONE, .cond = first, .host = NONE };
	if (index_rule(b, rule, host ? host : sni, path))
		return b->err;
	b->rule.n++;
	return rule;
}
