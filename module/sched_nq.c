// SPDX-License-Identifier: GPL-2.0
/*
 * sched_nq.c - nq: an idle server if there is one, else the shortest delay
 *
 * So no request waits behind another while a server has nothing to do, even if
 * a stronger one would be done sooner with both. Of idle servers the strongest
 * comes first. O(n).
 */
#include "sched_least.h"

static struct tcpvs_cost nq_cost(const struct tcpvs_member *m, u64 now)
{
	u64 inflight = tcpvs_inflight(m);

	/*
	 * 1 / weight of an idle server is at most 1; what a busy one costs is
	 * made to be more than that, and keeps its order among the busy.
	 */
	return (struct tcpvs_cost){
		inflight ? (inflight + 1) * (TCPVS_WEIGHT_MAX + 1) : 1,
		m->weight,
	};
}

static int nq_pick(struct tcpvs_set *set, const struct tcpvs_pick *pick)
{
	return tcpvs_least_pick(set, pick, 0, nq_cost);
}

const struct tcpvs_sched_ops tcpvs_sched_nq = {
	.name		= "nq",
	.doc		= "Never queue: an idle server if there is one, else as sed",
	.init		= tcpvs_least_init,
	.exit		= tcpvs_least_exit,
	.inherit	= tcpvs_least_inherit,
	.pick		= nq_pick,
};
