// SPDX-License-Identifier: GPL-2.0
/*
 * route_layout.c - finishing a table
 *
 * What grew in pieces is laid out for lookups: the children of a node side by
 * side, with their first bytes in an array of their own that is searched without
 * touching them.  Nodes come in the order of their distance from the roots, so a
 * walk backwards over them meets children before parents; it finds the first
 * rule of each subtree and bounds what a lookup can cost.
 *
 * May sleep in the caller's allocator.  One build belongs to one thread.
 */
#include "route_impl.h"

/**
 * struct bounds - what a lookup can cost from a node on
 * @visits: nodes that it visits
 * @ways: ways that it leaves for later at once
 */
struct bounds {
	u32 visits;
	u32 ways;
};

static void step(const struct tcpvs_route_build *b, u32 i)
{
	if (b->mem.step && !(i & 4095))
		b->mem.step(b->mem.ctx);
}

/* One piece of memory in place of many, whose elements keep their numbers. */
static int flatten(struct tcpvs_route_build *b, struct route_array *a, void **to)
{
	size_t piece = (size_t)a->size << a->shift, left = (size_t)a->size * a->n;
	u8 *p;
	u32 i;

	if (!left)
		return 0;
	p = tcpvs_route_alloc(b, left);
	if (!p)
		return b->err;
	*to = p;
	for (i = 0; left; i++) {
		size_t n = min(left, piece);

		memcpy(p, a->chunk[i], n);
		p += n;
		left -= n;
		step(b, i << 8);
	}
	tcpvs_route_array_free(b, a);
	return 0;
}

/* A ring named by its last rule becomes a chain named by its first. */
static u32 chain(struct tcpvs_route_build *b, u32 last)
{
	struct route_rule *r;
	u32 first;

	if (last == NONE)
		return NONE;
	r = route_at(&b->rule, last);
	first = r->next;
	r->next = NONE;
	return first;
}

/* Breadth first: @map says which node of the build each one is. */
static void lay_nodes(struct tcpvs_route_build *b, struct tcpvs_route *t, u32 *map)
{
	u32 i, k, n = 0;

	for (i = 0; i < b->entry.n; i++) {
		struct route_entry *e = route_at(&b->entry, i);

		if (e->root == NONE)
			continue;
		map[n] = e->root;
		t->first[n] = 0;
		e->root = n++;
	}
	for (i = 0; i < n; i++) {
		const struct route_bnode *f = route_at(&b->node, map[i]);
		struct route_node *to = &t->node[i];

		*to = (struct route_node){
			.label = f->label, .len = f->len, .child = n, .turn = NONE,
			.exact = chain(b, f->exact), .prefix = chain(b, f->prefix),
		};
		for (k = f->child; k != NONE; n++, to->nchild++) {
			const struct route_bnode *c = route_at(&b->node, k);

			map[n] = k;
			t->first[n] = *(const u8 *)route_at(&b->text, c->label);
			k = c->sib;
		}
		if (f->turn != NONE) {
			map[n] = f->turn;
			t->first[n] = 0;
			to->turn = n++;
		}
		step(b, i);
	}
}

static int bound_nodes(struct tcpvs_route_build *b, struct tcpvs_route *t,
		       struct bounds *bound, u32 *bad)
{
	u32 i = t->nnode, k;

	while (i--) {
		struct route_node *n = &t->node[i];
		struct bounds max = {}, *turn;

		n->low = min(n->exact, n->prefix);
		for (k = n->child; k < n->child + n->nchild; k++) {
			n->low = min(n->low, t->node[k].low);
			max.visits = max(max.visits, bound[k].visits);
			max.ways = max(max.ways, bound[k].ways);
		}
		max.visits++;
		if (n->turn != NONE) {
			turn = &bound[n->turn];
			n->low = min(n->low, t->node[n->turn].low);
			max.visits += turn->visits;
			max.ways = max(max.ways, turn->ways) + 1;
		}
		if (max.visits > TCPVS_ROUTE_VISITS_MAX ||
		    max.ways > TCPVS_ROUTE_WAYS_MAX) {
			*bad = n->low;
			return b->err = -TCPVS_RE_AMBIGUOUS;
		}
		bound[i] = max;
		t->visits = max(t->visits, max.visits);
		t->ways = max(t->ways, max.ways);
		step(b, i);
	}
	return 0;
}

static int layout(struct tcpvs_route_build *b, struct tcpvs_route *t, u32 *bad)
{
	u32 n = b->node.n;
	struct bounds *bound;
	u32 *map;
	int err;

	t->nnode = n;
	if (n) {
		map = tcpvs_route_alloc(b, n * sizeof(*map));
		if (!map)
			return b->err;
		t->node = tcpvs_route_alloc(b, n * sizeof(*t->node));
		t->first = b->err ? NULL : tcpvs_route_alloc(b, n);
		if (!b->err)
			lay_nodes(b, t, map);
		tcpvs_route_release(b, map, n * sizeof(*map));
		if (b->err)
			return b->err;
		tcpvs_route_array_free(b, &b->node);

		bound = tcpvs_route_alloc(b, n * sizeof(*bound));
		if (!bound)
			return b->err;
		err = bound_nodes(b, t, bound, bad);
		tcpvs_route_release(b, bound, n * sizeof(*bound));
		if (err)
			return err;
	}
	t->nrule = b->rule.n;
	t->ncond = b->cond.n;
	t->nentry = b->entry.n;
	t->nregex = b->regex.n;
	t->ntext = b->text.n;
	if (flatten(b, &b->rule, (void **)&t->rule) ||
	    flatten(b, &b->cond, (void **)&t->cond) ||
	    flatten(b, &b->entry, (void **)&t->entry) ||
	    flatten(b, &b->regex, (void **)&t->regex) ||
	    flatten(b, &b->text, (void **)&t->text))
		return b->err;
	return 0;
}

static void give(const struct tcpvs_route_mem *mem, void *p, u32 n, size_t size)
{
	if (p)
		mem->free(mem->ctx, p, n * size);
}

/**
 * tcpvs_route_finish() - make a table of what was added
 * @b: the build; gone after this, whatever is returned
 * @out: the table
 * @bad: after TCPVS_RE_AMBIGUOUS, the first of the rules at fault; untouched
 *	otherwise
 *
 * Return: 0, or a negative TCPVS_RE_*
 */
int tcpvs_route_finish(struct tcpvs_route_build *b, struct tcpvs_route **out,
		       u32 *bad)
{
	struct tcpvs_route *t;
	int err = b->err;

	*out = NULL;
	if (err)
		goto abort;
	t = tcpvs_route_alloc(b, sizeof(*t));
	if (!t) {
		err = b->err;
		goto abort;
	}
	memset(t, 0, sizeof(*t));
	t->mem = b->mem;
	err = layout(b, t, bad);
	t->slot = b->slot;
	t->nslot = b->nslot;
	t->dfa = b->dfa;
	t->ndfa = b->ndfa;
	t->kinds = b->kinds;
	t->probes = b->probes;
	t->seed = b->seed;
	b->slot = NULL;
	b->dfa = NULL;
	if (err) {
		tcpvs_route_free(t);
		goto abort;
	}
	t->held = b->held - sizeof(*b);
	t->peak = b->peak;
	*out = t;
abort:
	tcpvs_route_abort(b);
	return err;
}

/**
 * tcpvs_route_free() - free a table
 * @t: the table, in which nobody looks any more, or NULL
 */
void tcpvs_route_free(struct tcpvs_route *t)
{
	struct tcpvs_route_mem mem;

	if (!t)
		return;
	mem = t->mem;
	give(&mem, t->node, t->nnode, sizeof(*t->node));
	give(&mem, t->first, t->nnode, 1);
	give(&mem, t->rule, t->nrule, sizeof(*t->rule));
	give(&mem, t->cond, t->ncond, sizeof(*t->cond));
	give(&mem, t->entry, t->nentry, sizeof(*t->entry));
	give(&mem, t->regex, t->nregex, sizeof(*t->regex));
	give(&mem, t->text, t->ntext, 1);
	give(&mem, t->slot, t->nslot, sizeof(*t->slot));
	give(&mem, t->dfa, TCPVS_ROUTE_DFA_MAX, sizeof(*t->dfa));
	give(&mem, t, 1, sizeof(*t));
}

/**
 * tcpvs_route_info() - tell the facts of a table
 * @t: the table
 * @info: where they are written to
 */
void tcpvs_route_info(const struct tcpvs_route *t,
		      struct tcpvs_route_info *info)
{
	*info = (struct tcpvs_route_info){
		.rules = t->nrule, .hosts = t->nentry - 1, .nodes = t->nnode,
		.visits = t->visits, .ways = t->ways, .probes = t->probes,
		.memory = t->held, .peak = t->peak,
	};
}
