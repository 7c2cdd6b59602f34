/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sched_least.h - the server at which a request costs least
 *
 * lc, wlc, sed, nq and lt differ in what a request costs. A pick looks at every
 * server: O(n). Of equal costs the greater weight is preferred (lc knows no weights
 * and gives all the same), and of equal weights each has its turn: else the first
 * of an idle set would get everything. Turns are counted by CPU, so that no worker
 * writes another's cache line.
 *
 * The counts move while they are read; a choice is good, not exact.
 */
#ifndef _TCPVS_SCHED_LEAST_H
#define _TCPVS_SCHED_LEAST_H

#include "sched_impl.h"

/**
 * struct tcpvs_least - state of a set
 * @turn: ties broken so far, by CPU
 */
struct tcpvs_least {
	u32 __percpu *turn;
};

/* sched_least.c */
int tcpvs_least_init(struct tcpvs_set *set);
void tcpvs_least_exit(struct tcpvs_set *set);
void tcpvs_least_inherit(struct tcpvs_set *set, const struct tcpvs_set *old);

/* <0: a before b; 0: equals */
static __always_inline int tcpvs_cost_compare(struct tcpvs_cost a,
					      struct tcpvs_cost b)
{
	u64 x = a.num * b.den, y = b.num * a.den;

	if (x != y)
		return x < y ? -1 : 1;
	return a.den == b.den ? 0 : a.den > b.den ? -1 : 1;
}

/* @cost_of is known when this is compiled, and costs no call. */
static __always_inline int
tcpvs_least_pick(struct tcpvs_set *set, const struct tcpvs_pick *pick, u64 now,
		 struct tcpvs_cost (*cost_of)(const struct tcpvs_member *m, u64 now))
{
	struct tcpvs_cost cost, best_cost = {};
	struct tcpvs_least *p = set->priv;
	unsigned int i, ties = 0, nth;
	int best = -1, r;

	for (i = 0; i < set->n; i++) {
		const struct tcpvs_member *m = &set->member[i];

		if (!tcpvs_usable(m, pick))
			continue;
		cost = cost_of(m, now);
		r = best < 0 ? -1 : tcpvs_cost_compare(cost, best_cost);
		if (r < 0) {
			best = i;
			best_cost = cost;
			ties = 1;
		} else if (!r) {
			ties++;
		}
	}
	if (ties < 2)
		return best;

	/* One of the equals; if meanwhile some got work, the last that did not. */
	nth = (this_cpu_inc_return(*p->turn) - 1) % ties;
	for (i = best; i < set->n; i++) {
		const struct tcpvs_member *m = &set->member[i];

		if (!tcpvs_usable(m, pick) ||
		    tcpvs_cost_compare(cost_of(m, now), best_cost))
			continue;
		best = i;
		if (!nth--)
			break;
	}
	return best;
}

#endif /* _TCPVS_SCHED_LEAST_H */
