// SPDX-License-Identifier: GPL-2.0
/*
 * sched_lc.c - lc: the server with the least work in flight
 *
 * Weights do not matter, but 0, which takes no work. O(n).
 */
#include "sched_least.h"

static struct tcpvs_cost lc_cost(const struct tcpvs_member *m, u64 now)
{
	return (struct tcpvs_cost){ tcpvs_inflight(m), 1 };
}

static int lc_pick(struct tcpvs_set *set, const struct tcpvs_pick *pick)
{
	return tcpvs_least_pick(set, pick, 0, lc_cost);
}

const struct tcpvs_sched_ops tcpvs_sched_lc = {
	.name		= "lc",
	.doc		= "Least connection: the least work in flight, whatever the weight",
	.init		= tcpvs_least_init,
	.exit		= tcpvs_least_exit,
	.inherit	= tcpvs_least_inherit,
	.pick		= lc_pick,
};
