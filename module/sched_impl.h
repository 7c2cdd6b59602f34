/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sched_impl.h - what the sched*.c files share among themselves
 *
 * And all they include: see sched.h about user space.
 */
#ifndef _TCPVS_SCHED_IMPL_H
#define _TCPVS_SCHED_IMPL_H

#ifdef __KERNEL__
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/gcd.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/percpu.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/unaligned.h>
#endif
#include "sched.h"

/* May this request go to the server? */
static inline bool tcpvs_usable(const struct tcpvs_member *m,
				const struct tcpvs_pick *pick)
{
	return m->weight && (likely(!pick->ntried) ||
			     !tcpvs_pick_tried(pick, m->id));
}

static inline u64 tcpvs_inflight(const struct tcpvs_member *m)
{
	return (u32)atomic_read(&m->load->inflight);
}

/**
 * struct tcpvs_cost - what a request costs at a server, as a fraction
 * @num: at most 2^48
 * @den: its weight, or 1
 *
 * Fractions are compared by cross multiplication, which stays below 2^64.
 */
struct tcpvs_cost {
	u64 num;
	u32 den;
};

/**
 * struct tcpvs_turn - when a server is due next
 * @idx: which server
 * @weight: its weight, reduced
 * @round: rounds it has finished
 * @r: turns it had in the present one
 */
struct tcpvs_turn {
	u32 idx;
	u32 weight;
	u32 round;
	u32 r;
};

/**
 * struct tcpvs_bound - the bound on the load of a server in a keyed set
 * @weight: of all servers
 * @window: a sum is good for so long, in ns
 * @summed: when the servers in flight were last summed
 * @total: their sum then
 */
struct tcpvs_bound {
	u64 weight;
	u64 window;
	atomic64_t summed ____cacheline_aligned_in_smp;
	u64 total;
};

/* sched_turn.c */
bool tcpvs_turn_before(const struct tcpvs_turn *a, const struct tcpvs_turn *b);
void tcpvs_turns_heapify(struct tcpvs_turn *heap, unsigned int n);
u32 tcpvs_turns_take(struct tcpvs_turn *heap, unsigned int n, unsigned int i);

/* sched_bound.c */
void tcpvs_bound_init(struct tcpvs_bound *b, const struct tcpvs_set *set);
bool tcpvs_bound_room(struct tcpvs_bound *b, const struct tcpvs_set *set,
		      const struct tcpvs_member *m);
int tcpvs_bound_least(const struct tcpvs_set *set, const struct tcpvs_pick *pick);

/* sched_lt.c */
u64 tcpvs_lt_decayed(u64 latency, u64 dt);

/* sched_sh.c */
u64 tcpvs_sh_exponential(u64 u);

#endif /* _TCPVS_SCHED_IMPL_H */
