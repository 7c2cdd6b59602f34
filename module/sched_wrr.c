// SPDX-License-Identifier: GPL-2.0
/*
 * sched_wrr.c - wrr: servers in turn, each as often as its weight says
 *
 * Earliest deadline first (Liu and Layland, "Scheduling algorithms for
 * multiprogramming in a hard-real-time environment", JACM 20(1), 1973) on
 * virtual time: turn r of a server of weight w is due at (2r + 1) / 2w, the
 * middle of the r-th of w equal parts of a round; equal dues go in the order
 * of the set. A round gives every server exactly w turns, evenly spread.
 *
 * While the weights, divided by their greatest common divisor, add up to at
 * most TABLE_MAX, the round is laid down in a table and a pick is one atomic
 * increment. Beyond that the same order is computed pick by pick, from a heap
 * under a spin lock. Servers of weight 0 are in neither.
 */
#include <linux/gcd.h>
#include <linux/math64.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "config.h"
#include "sched.h"

#define TABLE_MAX	4096

/* A table entry has 16 bits. */
static_assert(U16_MAX + 1 >= TCPVS_SERVERS_MAX);

/**
 * struct turn - when a server is due next
 * @idx: its place in the set
 * @weight: its weight, reduced
 * @round: rounds it has finished
 * @r: turns it had in the present one
 */
struct turn {
	u32 idx;
	u32 weight;
	u32 round;
	u32 r;
};

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
	struct turn heap[] __counted_by(n);
};

static bool before(const struct turn *a, const struct turn *b)
{
	u64 x, y;

	if (a->round != b->round)
		return (s32)(a->round - b->round) < 0;
	x = (2ULL * a->r + 1) * b->weight;
	y = (2ULL * b->r + 1) * a->weight;
	return x != y ? x < y : a->idx < b->idx;
}

static void sift_down(struct wrr *p, unsigned int i)
{
	unsigned int c;

	for (; (c = 2 * i + 1) < p->n; i = c) {
		if (c + 1 < p->n && before(&p->heap[c + 1], &p->heap[c]))
			c++;
		if (!before(&p->heap[c], &p->heap[i]))
			break;
		swap(p->heap[c], p->heap[i]);
	}
}

static u32 take(struct wrr *p, unsigned int i)
{
	struct turn *t = &p->heap[i];
	u32 idx = t->idx;

	if (++t->r == t->weight) {
		t->r = 0;
		t->round++;
	}
	sift_down(p, i);
	return idx;
}

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
			p->heap[n++] = (struct turn) {
				.idx = i,
				.weight = set->member[i].weight / div,
			};
	for (i = n / 2; i-- > 0; )
		sift_down(p, i);
	sum = n ? div_u64(sum, div) : 0;
	if (sum && sum <= TABLE_MAX) {
		p->table = kvmalloc_array(sum, sizeof(u16), GFP_KERNEL_ACCOUNT);
		if (!p->table) {
			kvfree(p);
			return -ENOMEM;
		}
		for (i = 0; i < sum; i++)
			p->table[i] = take(p, 0);
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

static bool usable(const struct tcpvs_set *set, const struct tcpvs_pick *pick,
		   u32 idx)
{
	return likely(!tcpvs_pick_tried(pick, set->member[idx].srv->id));
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
			if (usable(set, pick, p->table[pos]))
				return p->table[pos];
			if (++pos == p->len)
				pos = 0;
		}
		return -1;
	}

	spin_lock(&p->lock);
	if (p->n && usable(set, pick, p->heap[0].idx))
		best = 0;
	else	/* a retry: the earliest of the rest, in no order but the heap's */
		for (i = 1; i < p->n; i++)
			if (usable(set, pick, p->heap[i].idx) &&
			    (best < 0 || before(&p->heap[i], &p->heap[best])))
				best = i;
	if (best >= 0)
		ret = take(p, best);
	spin_unlock(&p->lock);
	return ret;
}

const struct tcpvs_sched_ops tcpvs_sched_wrr = {
	.name	= "wrr",
	.doc	= "Weighted round robin: servers in turn, as often as their weights say",
	.init	= wrr_init,
	.exit	= wrr_exit,
	.pick	= wrr_pick,
};
