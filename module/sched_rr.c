// SPDX-License-Identifier: GPL-2.0
/*
 * sched_rr.c - rr: one server after the other
 *
 * All workers share one position, so that requests that come one at a time
 * meet the servers exactly in turn, whichever worker serves them. Servers of
 * weight 0 are not in the ring at all: to skip them on the way would give
 * their turns to their neighbours. A changed set goes on with the server whose
 * turn it was. O(1).
 */
#include "sched_impl.h"

/**
 * struct ring - the servers that take part
 * @pos: turns taken; 64 bits, since a wrap would break the sequence
 * @n: number of servers in the ring
 * @idx: their places in the set
 */
struct ring {
	atomic64_t pos ____cacheline_aligned_in_smp;
	unsigned int n ____cacheline_aligned_in_smp;
	u32 idx[] __counted_by(n);
};

static int rr_init(struct tcpvs_set *set)
{
	unsigned int i, n = 0;
	struct ring *ring;

	for (i = 0; i < set->n; i++)
		n += !!set->member[i].weight;
	ring = kvzalloc(struct_size(ring, idx, n), GFP_KERNEL_ACCOUNT);
	if (!ring)
		return -ENOMEM;
	ring->n = n;
	for (i = 0, n = 0; i < set->n; i++)
		if (set->member[i].weight)
			ring->idx[n++] = i;
	set->priv = ring;
	return 0;
}

static void rr_exit(struct tcpvs_set *set)
{
	kvfree(set->priv);
}

static void rr_inherit(struct tcpvs_set *set, const struct tcpvs_set *old)
{
	const struct ring *from = old->priv;
	struct ring *ring = set->priv;
	unsigned int i = 0, k;
	u32 pos;

	if (!from->n)
		return;
	div_u64_rem(atomic64_read(&from->pos), from->n, &pos);
	/*
	 * The first of ours that has its place at or after that one, or is new.
	 * Both rings are in the order in which the servers were added.
	 */
	for (k = 0; k < ring->n; k++) {
		u32 id = set->member[ring->idx[k]].id;

		while (i < from->n && old->member[from->idx[i]].id != id)
			i++;
		if (i >= pos)
			break;
	}
	atomic64_set(&ring->pos, k);
}

static int rr_pick(struct tcpvs_set *set, const struct tcpvs_pick *pick)
{
	struct ring *ring = set->priv;
	unsigned int i, k;
	u32 pos;

	if (!ring->n)
		return -1;
	div_u64_rem(atomic64_inc_return(&ring->pos) - 1, ring->n, &pos);
	for (i = 0; i < ring->n; i++) {
		k = ring->idx[pos];
		if (tcpvs_usable(&set->member[k], pick))
			return k;
		if (++pos == ring->n)
			pos = 0;
	}
	return -1;
}

const struct tcpvs_sched_ops tcpvs_sched_rr = {
	.name		= "rr",
	.doc		= "Round robin: every server in turn, whatever its weight",
	.init		= rr_init,
	.exit		= rr_exit,
	.inherit	= rr_inherit,
	.pick		= rr_pick,
};
