// SPDX-License-Identifier: GPL-2.0
/*
 * table.c - tables of rules: sharing, counters, and their sets of servers
 *
 * See table.h. A table is filled by upload.c and used by rule.c. What is here
 * runs in process context, most of it in commits under tcpvs_net.lock; the last
 * reference may also be dropped by the work that frees a retired snapshot.
 */
#include <linux/bsearch.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/vmalloc.h>

#include "table.h"
#include "table_impl.h"
#include "worker.h"

/*
 * Physically contiguous memory comes in powers of two. What that wastes of a large
 * piece is more than what single pages cost.
 */
static void *alloc(size_t size)
{
	gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;

	if (size > TCPVS_RECORDS_BYTES &&
	    roundup_pow_of_two(size) - size > size / 8)
		return __vmalloc(size, gfp);
	return kvmalloc(size, gfp);
}

/**
 * tcpvs_table_alloc() - memory for a table
 * @t: the table, whose account it goes on
 * @size: bytes
 *
 * Return: the memory, or NULL.
 */
void *tcpvs_table_alloc(struct tcpvs_table *t, size_t size)
{
	void *p = alloc(size);

	/* Much is allocated in a row, and every time something was filled. */
	cond_resched();
	if (p)
		t->held += size;
	return p;
}

/**
 * tcpvs_table_release() - give memory of a table back
 * @t: the table
 * @p: of tcpvs_table_alloc(), or NULL
 * @size: its size
 */
void tcpvs_table_release(struct tcpvs_table *t, const void *p, size_t size)
{
	if (!p)
		return;
	kvfree(p);
	t->held -= size;
}

/**
 * tcpvs_table_grow() - make room for one more element
 * @t: the table
 * @p: the elements, which may move
 * @n: how many there are
 * @room: how many have room
 * @size: of one
 *
 * Return: 0 or -ENOMEM.
 */
int tcpvs_table_grow(struct tcpvs_table *t, void **p, u32 n, u32 *room,
		     size_t size)
{
	u32 want = max(2 * *room, 8U);
	void *q;

	if (n < *room)
		return 0;
	q = tcpvs_table_alloc(t, want * size);
	if (!q)
		return -ENOMEM;
	if (n)
		memcpy(q, *p, n * size);
	tcpvs_table_release(t, *p, *room * size);
	*p = q;
	*room = want;
	return 0;
}

/**
 * tcpvs_table_trim() - take back the room of elements that do not come
 * @t: the table
 * @p: the elements, which may move
 * @n: how many there are
 * @room: how many have room
 * @size: of one
 *
 * Without memory for a smaller piece, the larger stays.
 */
void tcpvs_table_trim(struct tcpvs_table *t, void **p, u32 n, u32 *room,
		      size_t size)
{
	void *q;

	if (!n || n == *room)
		return;
	q = tcpvs_table_alloc(t, n * size);
	if (!q)
		return;
	memcpy(q, *p, n * size);
	tcpvs_table_release(t, *p, *room * size);
	*p = q;
	*room = n;
}

static void hits_free(struct tcpvs_table *t)
{
	unsigned int i;

	for (i = 0; t->hits && i < t->nhits; i++)
		kvfree(t->hits[i]);
	kfree(t->hits);
}

/**
 * tcpvs_table_hits_init() - make the counters of a table that is whole
 * @t: the table
 *
 * Return: 0 or -ENOMEM.
 */
int tcpvs_table_hits_init(struct tcpvs_table *t)
{
	unsigned int i;

	t->hits = kcalloc(tcpvs_nworkers, sizeof(*t->hits), GFP_KERNEL_ACCOUNT);
	if (!t->hits)
		return -ENOMEM;
	t->nhits = tcpvs_nworkers;
	for (i = 0; i < t->nhits; i++) {
		t->hits[i] = kvcalloc(t->nrules, sizeof(*t->hits[i]),
				      GFP_KERNEL_ACCOUNT);
		if (!t->hits[i])
			return -ENOMEM;
		cond_resched();
	}
	return 0;
}

/**
 * tcpvs_table_get() - take a reference to a table
 * @t: the table, or NULL
 *
 * Return: @t.
 */
struct tcpvs_table *tcpvs_table_get(struct tcpvs_table *t)
{
	if (t)
		refcount_inc(&t->ref);
	return t;
}

/**
 * tcpvs_table_put() - drop a reference to a table
 * @t: the table, or NULL
 */
void tcpvs_table_put(struct tcpvs_table *t)
{
	struct tcpvs_records *r, *next;
	u32 i;

	if (!t || !refcount_dec_and_test(&t->ref))
		return;
	tcpvs_route_free(t->route);
	hits_free(t);
	for (i = 0; i < t->nsets; i++)
		kvfree(t->set[i].addr);
	for (i = 0; i < t->nblobs; i++)
		kvfree(t->blob[i].bytes);
	for (i = 0; i < t->ncaptures; i++)
		kvfree(t->capture[i].blob.bytes);
	kvfree(t->capture);
	list_for_each_entry_safe(r, next, &t->records, link) {
		kvfree(r);
		cond_resched();
	}
	kvfree(t->set);
	kvfree(t->rule);
	kvfree(t->by_id);
	kfree(t);
}

static u32 nth(const struct tcpvs_table *t, u32 i)
{
	return t->by_id ? t->by_id[i] : i;
}

/**
 * struct carry - counters that go over to a new table
 * @from: the old table
 * @to: the new one
 * @i: place of the first rule in the order of ids, in @from
 * @j: the same in @to
 * @end: place in @to to stop at
 */
struct carry {
	const struct tcpvs_table *from;
	struct tcpvs_table *to;
	u32 i;
	u32 j;
	u32 end;
};

/* Adds up if @w is given. Return: where it goes on in the old table. */
static u32 carry_some(const struct carry *c, const struct tcpvs_worker *w)
{
	u32 i = c->i, j = c->j;

	while (i < c->from->nrules && j < c->end) {
		u32 a = nth(c->from, i), b = nth(c->to, j);

		if (c->from->rule[a].id < c->to->rule[b].id) {
			i++;
			continue;
		}
		if (c->from->rule[a].id == c->to->rule[b].id && w) {
			u64 *n = &c->to->hits[w->id][b];

			WRITE_ONCE(*n, *n + c->from->hits[w->id][a]);
		}
		j++;
	}
	return i;
}

static void carry_worker(struct tcpvs_worker *w, void *arg)
{
	carry_some(arg, w);
}

/* Rules that a worker carries over in one go: some 100 us. */
#define CARRY_BATCH	16384

/**
 * tcpvs_table_carry() - let the counters of a table go on in the next
 * @from: the old table; no worker finds it any more
 * @to: the new table, published
 *
 * Each worker does so with what it wrote itself, between two of its steps: in
 * the step before, it may have counted in the old table, in the next it does not.
 * Readers wait meanwhile, see &tcpvs_net.zeroing.
 */
void tcpvs_table_carry(const struct tcpvs_table *from, struct tcpvs_table *to)
{
	struct carry c = { .from = from, .to = to };

	for (; c.j < to->nrules; c.j = c.end) {
		c.end = min(c.j + CARRY_BATCH, to->nrules);
		tcpvs_workers_call(carry_worker, &c);
		c.i = carry_some(&c, NULL);
		cond_resched();
	}
}

static int compare_addr(const struct tcpvs_addr *x, const struct tcpvs_addr *y)
{
	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	if (x->port != y->port)
		return (__force u16)x->port < (__force u16)y->port ? -1 : 1;
	if (x->family == AF_INET)
		return memcmp(&x->v4, &y->v4, sizeof(x->v4));
	return memcmp(&x->v6, &y->v6, sizeof(x->v6));
}

static int compare_members(const void *a, const void *b)
{
	const struct tcpvs_member *const *x = a, *const *y = b;

	return compare_addr(&(*x)->srv->addr, &(*y)->srv->addr);
}

static int compare_key(const void *key, const void *elt)
{
	const struct tcpvs_member *const *m = elt;

	return compare_addr(key, &(*m)->srv->addr);
}

/**
 * tcpvs_table_set() - find a set
 * @t: table
 * @id: number of the set
 *
 * Return: its place in &tcpvs_table.set, or -1.
 */
int tcpvs_table_set(const struct tcpvs_table *t, u32 id)
{
	u32 lo = 0, hi = t->nsets;

	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;

		if (t->set[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < t->nsets && t->set[lo].id == id ? lo : -1;
}

/* The set of that number in a configuration that is in use, or NULL. */
static const struct tcpvs_set *set_before(const struct tcpvs_service_conf *old,
					  u32 id)
{
	int i = old && old->table ? tcpvs_table_set(old->table, id) : -1;

	return i < 0 ? NULL : old->sets->set[i];
}

/* One that a server was taken away from under is busy, not missing. */
static int no_such_server(const struct tcpvs_service_conf *sc,
			  const struct tcpvs_service_conf *old,
			  const struct tcpvs_addr *addr,
			  struct netlink_ext_ack *extack)
{
	struct sockaddr_storage ss;

	tcpvs_addr_sockaddr(addr, &ss);
	if (old && old->table == sc->table) {
		NL_SET_ERR_MSG_FMT(extack, "rules of %.9s use %pISpc", sc->name,
				   &ss);
		return -EBUSY;
	}
	NL_SET_ERR_MSG_FMT(extack, "rules of %.9s use %pISpc: missing", sc->name,
			   &ss);
	return -ENOENT;
}

static int same_server(const struct tcpvs_service_conf *sc,
		       const struct tcpvs_addr *addr,
		       struct netlink_ext_ack *extack)
{
	struct sockaddr_storage ss;

	tcpvs_addr_sockaddr(addr, &ss);
	NL_SET_ERR_MSG_FMT(extack, "a set of %.9s has %pISpc twice", sc->name,
			   &ss);
	return -EEXIST;
}

/**
 * tcpvs_sets_create() - look up the servers of a table's sets
 * @sc: configuration with the table
 * @member: servers of the service and their weights
 * @n: their number
 * @old: the configuration in use that @sc will replace, or NULL
 * @extack: says why not
 *
 * Return: the sets, or an error.
 */
struct tcpvs_sets *tcpvs_sets_create(const struct tcpvs_service_conf *sc,
				     const struct tcpvs_member *member,
				     unsigned int n,
				     const struct tcpvs_service_conf *old,
				     struct netlink_ext_ack *extack)
{
	const struct tcpvs_table *t = sc->table;
	const struct tcpvs_member **sorted;
	struct tcpvs_member *some;
	struct tcpvs_sets *s;
	u32 i, k, most = 0;
	u32 *seen;
	int err = -ENOMEM;

	for (i = 0; i < t->nsets; i++)
		most = max(most, t->set[i].n);
	s = kvzalloc(struct_size(s, set, t->nsets), GFP_KERNEL_ACCOUNT);
	sorted = kvmalloc_array(max(n, 1U), sizeof(*sorted), GFP_KERNEL_ACCOUNT);
	some = kvmalloc_array(max(most, 1U), sizeof(*some), GFP_KERNEL_ACCOUNT);
	/* By member, the last set that has it, plus 1. */
	seen = kvcalloc(max(n, 1U), sizeof(*seen), GFP_KERNEL_ACCOUNT);
	if (!s || !sorted || !some || !seen)
		goto err;
	s->n = t->nsets;
	for (i = 0; i < n; i++)
		sorted[i] = &member[i];
	sort(sorted, n, sizeof(*sorted), compare_members, NULL);

	for (i = 0; i < t->nsets; i++) {
		const struct tcpvs_set_spec *spec = &t->set[i];
		struct tcpvs_set *set;

		for (k = 0; k < spec->n; k++) {
			const struct tcpvs_member **m;

			m = bsearch(&spec->addr[k], sorted, n, sizeof(*sorted),
				    compare_key);
			if (!m) {
				err = no_such_server(sc, old, &spec->addr[k],
						     extack);
				goto err;
			}
			if (seen[*m - member] == i + 1) {
				err = same_server(sc, &spec->addr[k], extack);
				goto err;
			}
			seen[*m - member] = i + 1;
			some[k] = **m;
		}
		set = tcpvs_set_create(spec->ops, spec->bound, some, spec->n,
				       set_before(old, spec->id));
		if (IS_ERR(set)) {
			err = PTR_ERR(set);
			goto err;
		}
		s->set[i] = set;
		cond_resched();
	}
	kvfree(seen);
	kvfree(sorted);
	kvfree(some);
	return s;
err:
	kvfree(seen);
	kvfree(sorted);
	kvfree(some);
	tcpvs_sets_free(s);
	return ERR_PTR(err);
}

/**
 * tcpvs_sets_free() - free the sets of a configuration
 * @s: the sets, or NULL
 */
void tcpvs_sets_free(struct tcpvs_sets *s)
{
	u32 i;

	if (!s)
		return;
	for (i = 0; i < s->n; i++) {
		tcpvs_set_free(s->set[i]);
		cond_resched();
	}
	kvfree(s);
}
