// SPDX-License-Identifier: GPL-2.0
/*
 * route.c - 3 route: the first rule that a request meets
 *
 * The names of the request lead to a few tries, the path through each of them
 * past the lists of the rules that ask for it, and the automata name those whose
 * paths are expressions.  Of every list the first rule counts whose remaining
 * conditions hold; the lowest of all of them is the result, and nothing is
 * looked at that could only be above the lowest so far.
 *
 * A path meets a node of a trie in at most one way, because a parameter always
 * spans the rest of its segment but for a text at its end.  So a lookup visits
 * no more nodes than the bound that was checked when the table was made.
 *
 * Any context.  The table is immutable; the scratch is the caller's alone.
 */
#include "route_impl.h"

static void try_list(struct route_lookup *l, u32 rule)
{
	while (rule < l->best) {
		const struct route_rule *r = &l->t->rule[rule];

		if (tcpvs_route_conds(l, r->cond)) {
			l->best = rule;
			return;
		}
		rule = r->next;
	}
}

/* The child whose label begins with @c, or NONE. */
static u32 find_child(const struct tcpvs_route *t, const struct route_node *n, u8 c)
{
	const u8 *first = t->first + n->child;
	u32 lo = 0, hi = n->nchild;

	while (hi - lo > 4) {
		u32 mid = (lo + hi) / 2;

		if (first[mid] <= c)
			lo = mid;
		else
			hi = mid;
	}
	for (; lo < hi; lo++)
		if (first[lo] == c)
			return n->child + lo;
	return NONE;
}

/* The label of @n with what ends at @at, from its end on. */
static bool match_down(const struct route_lookup *l, const struct route_node *n,
		       u32 at, u32 least)
{
	const u8 *label = l->t->text + n->label, *p = l->path + at;
	u32 i;

	if (n->len > at - least)
		return false;
	for (i = 0; i < n->len; i++)
		if (*--p != label[i])
			return false;
	return true;
}

/* Matches upward from @node, whose label is matched up to @at. */
static void walk_up(struct route_lookup *l, u32 node, u32 at, u32 *nway)
{
	const struct tcpvs_route *t = l->t;

	for (;;) {
		const struct route_node *n = &t->node[node];

		if (n->low >= l->best)
			return;
		try_list(l, n->prefix);
		if (at == l->len) {
			try_list(l, n->exact);
			return;
		}
		if (n->turn != NONE && l->path[at] != '/')
			l->s->way[(*nway)++] = (struct tcpvs_route_way){
				.node = node, .at = at,
			};
		node = find_child(t, n, l->path[at]);
		if (node == NONE)
			return;
		n = &t->node[node];
		if (n->len > l->len - at ||
		    !route_eq(t->text + n->label, l->path + at, n->len))
			return;
		at += n->len;
	}
}

/*
 * Matches downward from @w, whose node's label is matched down to w->at, until a
 * text that may follow the parameter is found. Return: where it goes on upward
 * from w->end, or NONE; what is below is left for later.
 */
static u32 walk_down(struct route_lookup *l, struct tcpvs_route_way *w, u32 *nway)
{
	const struct tcpvs_route *t = l->t;
	u32 child;

	for (;;) {
		const struct route_node *n = &t->node[w->node], *c;

		if (n->low >= l->best)
			return NONE;
		child = w->at > w->least ? find_child(t, n, l->path[w->at - 1]) : NONE;
		if (child != NONE) {
			c = &t->node[child];
			if (match_down(l, c, w->at, w->least)) {
				w->node = child;
				w->at -= c->len;
			} else {
				child = NONE;
			}
		}
		if (n->turn != NONE) {
			if (child != NONE)
				l->s->way[(*nway)++] = *w;
			return n->turn;
		}
		if (child == NONE)
			return NONE;
	}
}

static void walk(struct route_lookup *l, u32 root)
{
	u32 nway = 0, node = root, at = 0;
	struct tcpvs_route_way w;

	for (;;) {
		if (node != NONE)
			walk_up(l, node, at, &nway);
		if (!nway)
			return;
		w = l->s->way[--nway];
		if (!w.down) {
			u32 end = w.at;

			while (end < l->len && l->path[end] != '/')
				end++;
			/* A parameter has at least one byte. */
			w.node = l->t->node[w.node].turn;
			w.least = w.at + 1;
			w.at = end;
			w.end = end;
			w.down = true;
		}
		at = w.end;
		node = walk_down(l, &w, &nway);
	}
}

static void add_host(struct route_lookup *l, const u8 *name, u32 len, u64 h, u32 kind)
{
	const struct tcpvs_route *t = l->t;
	u32 hash = route_hash_end(h, kind), i = hash & (t->nslot - 1), k;

	for (; t->slot[i]; i = (i + 1) & (t->nslot - 1)) {
		const struct route_entry *e = &t->entry[t->slot[i] - 1];
		const u8 *key = t->text + e->key;

		if (e->hash != hash || e->kind != kind || e->len != len)
			continue;
		for (k = 0; k < len && route_lower(name[k]) == key[k]; k++)
			;
		if (k == len) {
			l->s->host[l->s->nhost++] = t->slot[i] - 1;
			return;
		}
	}
}

/* The entries of a name and of all its suffixes. */
static void add_hosts(struct route_lookup *l, const u8 *name, u32 len, u32 kind)
{
	u32 kinds = l->t->kinds >> kind, i;
	u64 h = l->t->seed;

	if (!(kinds & 3) || !len)
		return;
	if (name[len - 1] == '.')
		len--;
	for (i = len; i; i--) {
		u8 c = route_lower(name[i - 1]);

		/* Something must stand before the dot. */
		if (c == '.' && i > 1 && kinds & 2)
			add_host(l, name + i, len - i, h, kind + 1);
		if (len - i == TCPVS_ROUTE_HOST_MAX)
			return;
		h = route_hash_byte(h, c);
	}
	if (kinds & 1)
		add_host(l, name, len, h, kind);
}

static bool has_host(const struct route_lookup *l, u32 entry)
{
	u32 i;

	for (i = 0; i < l->s->nhost; i++)
		if (l->s->host[i] == entry)
			return true;
	return false;
}

/* The rules that automaton number @n names for the path. */
static void try_dfa(struct route_lookup *l, u32 n)
{
	const struct route_dfa *rd = &l->t->dfa[n];
	const struct tcpvs_dfa *d = &rd->dfa;
	u32 state = d->start, count, i;
	const u32 *id;

	state = tcpvs_dfa_run(d, state, l->path, l->len);
	if (rd->input == TCPVS_RI_URI && l->req->head && l->req->head->query.off) {
		const struct tcpvs_http_span *q = &l->req->head->query;

		/* The question mark and the query. */
		state = tcpvs_dfa_run(d, state, l->req->buf + q->off - 1, q->len + 1);
	}
	id = tcpvs_dfa_list(d, state, &count);
	for (i = 0; i < count && id[i] < l->t->nregex; i++) {
		const struct route_regex *r = &l->t->regex[id[i]];

		if (r->rule == NONE || r->dfa != n)
			continue;
		if (r->rule >= l->best)
			return;
		if (has_host(l, l->t->rule[r->rule].host) &&
		    tcpvs_route_conds(l, l->t->rule[r->rule].cond)) {
			l->best = r->rule;
			return;
		}
	}
}

/**
 * tcpvs_route_lookup() - find the first rule that a request meets
 * @t: the table
 * @req: the request
 * @scratch: the caller's alone while this runs
 *
 * Return: the number of the rule, or TCPVS_ROUTE_NONE
 */
u32 tcpvs_route_lookup(const struct tcpvs_route *t,
		       const struct tcpvs_route_request *req,
		       struct tcpvs_route_scratch *scratch)
{
	const struct tcpvs_http_head *h = req->head;
	struct route_lookup l = {
		.t = t, .req = req, .s = scratch, .path = (const u8 *)"",
		.best = NONE,
	};
	u32 i;

	scratch->nhost = 0;
	scratch->ran = 0;
	scratch->nstate = 0;
	scratch->host[scratch->nhost++] = 0;
	if (h) {
		l.path = req->buf + h->path.off;
		l.len = h->path.len;
		add_hosts(&l, req->buf + h->host.off, h->host.len, KEY_HOST);
	}
	add_hosts(&l, req->sni, req->sni_len, KEY_SNI);
	for (i = 0; i < scratch->nhost; i++)
		if (t->entry[scratch->host[i]].root != NONE)
			walk(&l, t->entry[scratch->host[i]].root);
	for (i = 0; i < t->ndfa; i++)
		if (t->dfa[i].first < l.best)
			try_dfa(&l, i);
	return l.best;
}
