// SPDX-License-Identifier: GPL-2.0
/*
 * sched_wlc.c - wlc: the server with the least work in flight for its weight
 *
 * The weighted least-connection rule of LVS (W. Zhang, "Linux Virtual Server for
 * Scalable Network Services", OLS 2000): the least of requests in flight / weight.
 * An idle server comes before every busy one, and of idle ones the strongest
 * comes first. O(n).
 */
#include "sched_least.h"

static struct tcpvs_cost wlc_cost(const struct tcpvs_member *m, u64 now)
{
	return (struct tcpvs_cost){ tcpvs_inflight(m), m->weight };
}

static int wlc_pick(struct tcpvs_set *set, const struct tcpvs_pick *pick)
{
	return tcpvs_least_pick(set, pick, 0, wlc_cost);
}

const struct tcpvs_sched_ops tcpvs_sched_wlc = {
	.name		= "wlc",
	.doc		= "Weighted least connection: the least work in flight for its weight",
	.init		= tcpvs_least_init,
	.exit		= tcpvs_least_exit,
	.inherit	= tcpvs_least_inherit,
	.pick		= wlc_pick,
};
