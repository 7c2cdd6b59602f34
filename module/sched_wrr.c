// SPDX-License-Identifier: GPL-2.0
/*
 * sched_wrr.c - wrr: servers in turn, each as often as its weight says
 *
 * The order is that of sched_turn.c. While the weights, divided by their greatest
 * common divisor, add up to at most TABLE_MAX, the round is laid down in a table
 * and a pick is one atomic increment, O(1). Beyond that the same order is
 * computed pick by pick, from a heap under a spin lock, O(log n). Servers of
 * weight 0 are in neither.
 *
 * A changed set goes on at the same point of its round: if it began anew, weights
 * that change all the time would send everything to the first servers.
 */
#include "sched_impl.h"

#define TABLE_MAX	4096

/* A table entry has 16 bits. */
static_assert(U16_MAX + 1 >= TCPVS_SERVERS_MAX);

/**
 * struct wrr - state of a set
 * @pos: turns taken, if there is a table
 * @lock: protects the heap
 * @len: length of @table, 0 if there is none
 * @n: length of @heap
 * @table: a round, as places in the set
 * @heap: binary heap, the earliest due first
 */
struct wrr {
	atomic64_t pos ____cacheline_aligned_in_smp;
	spinlock_t lock; /* the heap */
	unsigned int len ____cacheline_aligned_in_smp;
	unsigned int n;
	u16 *table;
	struct tcpvs_turn heap[] __counted_by(n);
};

static int wrr_init(struct tcpvs_set *set)
{
	unsigned long div = 0;
	unsigned int i, n = 0;
	struct wrr *p;
	u64 sum = 0;

	for (i = 0; i < set->n; i++) {
		n += !!set->member[i].weight;
		div = gcd(div, set->member[i].weight);
		sum += set->member[i].weight;
	}
	p = kvzalloc(struct_size(p, heap, n), GFP_KERNEL_ACCOUNT);
	if (!p)
		return -ENOMEM;
	spin_lock_init(&p->lock);
	p->n = n;
	for (i = 0, n = 0; i < set->n; i++)
		if (set->member[i].weight)
			p->heap[n++] = (struct tcpvs_turn) {
				.idx = i,
				.weight = set->member[i].weight / div,
			};
	tcpvs_turns_heapify(p->heap, n);
	sum = n ? div_u64(sum, div) : 0;
	if (sum && sum <= TABLE_MAX) {
		p->table = kvmalloc_array(sum, sizeof(u16), GFP_KERNEL_ACCOUNT);
		if (!p->table) {
			kvfree(p);
			return -ENOMEM;
		}
		for (i = 0; i < sum; i++)
			p->table[i] = tcpvs_turns_take(p->heap, n, 0);
		p->len = sum;
	}
	set->priv = p;
	return 0;
}

static void wrr_exit(struct tcpvs_set *set)
{
	struct wrr *p = set->priv;

	kvfree(p->table);
	kvfree(p);
}

/**
 * struct point - how much of its round a set has behind it
 * @phase: in 1/2^32
 * @id: of the server whose turn is due then, 0 if that is not known
 * @place: of that server in the set
 */
struct point {
	u32 phase;
	u32 id;
	u32 place;
};

static struct point point_of(const struct tcpvs_set *set)
{
	struct wrr *p = set->priv;
	const struct tcpvs_turn *t = p->heap;
	struct point at = {};
	u32 pos;

	if (p->len) {
		div_u64_rem(atomic64_read(&p->pos), p->len, &pos);
		at.phase = div_u64((u64)pos << 32, p->len);
	} else if (p->n) {
		spin_lock(&p->lock);
		at.phase = div_u64((2ULL * t->r + 1) << 32, 2 * t->weight);
		at.place = t->idx;
		at.id = set->member[t->idx].id;
		spin_unlock(&p->lock);
	}
	return at;
}

static void wrr_inherit(struct tcpvs_set *set, const struct tcpvs_set *old)
{
	struct point at = point_of(old);
	struct wrr *p = set->priv;
	unsigned int i;

	if (p->len) {
		/* Rounded up, as phases are rounded down: the same table goes on. */
		atomic64_set(&p->pos, ((u64)at.phase * p->len + U32_MAX) >> 32);
		return;
	}
	for (i = 0; at.id && i < set->n; i++)
		if (set->member[i].id == at.id)
			at.place = i;
	/* What is due before has been taken; of what is due then, what comes first. */
	for (i = 0; i < p->n; i++) {
		struct tcpvs_turn *t = &p->heap[i];
		u64 due = (u64)at.phase * t->weight;

		if (t->idx < at.place)
			t->r = (due + t->weight + BIT(31)) >> 32;
		else
			t->r = (due + BIT(31) - 1) >> 32;
		if (t->r == t->weight) {
			t->r = 0;
			t->round = 1;
		}
	}
	tcpvs_turns_heapify(p->heap, p->n);
}

static int wrr_pick(struct tcpvs_set *set, const struct tcpvs_pick *pick)
{
	struct wrr *p = set->priv;
	int best = -1, ret = -1;
	unsigned int i;
	u32 pos;

	if (p->len) {
		div_u64_rem(atomic64_inc_return(&p->pos) - 1, p->len, &pos);
		for (i = 0; i < p->len; i++) {
			if (tcpvs_usable(&set->member[p->table[pos]], pick))
				return p->table[pos];
			if (++pos == p->len)
				pos = 0;
		}
		return -1;
	}

	spin_lock(&p->lock);
	if (p->n && tcpvs_usable(&set->member[p->heap[0].idx], pick))
		best = 0;
	else	/* a retry: the earliest of the rest, in no order but the heap's */
		for (i = 1; i < p->n; i++)
			if (tcpvs_usable(&set->member[p->heap[i].idx], pick) &&
			    (best < 0 || tcpvs_turn_before(&p->heap[i],
							   &p->heap[best])))
				best = i;
	if (best >= 0)
		ret = tcpvs_turns_take(p->heap, p->n, best);
	spin_unlock(&p->lock);
	return ret;
}

const struct tcpvs_sched_ops tcpvs_sched_wrr = {
	.name		= "wrr",
	.doc		= "Weighted round robin: servers in turn, as often as their weights say",
	.init		= wrr_init,
	.exit		= wrr_exit,
	.inherit	= wrr_inherit,
	.pick		= wrr_pick,
};
