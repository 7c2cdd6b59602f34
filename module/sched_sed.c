// SPDX-License-Identifier: GPL-2.0
/*
 * sched_sed.c - sed: the server where a request would wait least
 *
 * The least of (requests in flight + 1) / weight, the request in hand counted in:
 * a strong server that is busy may come before a weak one that is idle. O(n).
 */
#include "sched_least.h"

static struct tcpvs_cost sed_cost(const struct tcpvs_member *m, u64 now)
{
	return (struct tcpvs_cost){ tcpvs_inflight(m) + 1, m->weight };
}

static int sed_pick(struct tcpvs_set *set, const struct tcpvs_pick *pick)
{
	return tcpvs_least_pick(set, pick, 0, sed_cost);
}

const struct tcpvs_sched_ops tcpvs_sched_sed = {
	.name		= "sed",
	.doc		= "Shortest expected delay: as wlc, this request counted in",
	.init		= tcpvs_least_init,
	.exit		= tcpvs_least_exit,
	.inherit	= tcpvs_least_inherit,
	.pick		= sed_pick,
};
