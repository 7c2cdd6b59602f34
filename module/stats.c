// SPDX-License-Identifier: GPL-2.0
/*
 * stats.c - 7 account: the sum over the workers
 *
 * Runs in netlink requests only. A sum is taken while the workers count on, so
 * the figures of one reading may be some requests apart from each other; every
 * one is exact when its counter rests, and none ever goes back.
 */
#include <linux/cpumask.h>

#include "config.h"
#include "stats.h"

/**
 * tcpvs_service_stats() - what a service counted, and its gauges
 * @svc: the service, referenced or inside tcpvs_srcu
 * @sum: filled in
 */
void tcpvs_service_stats(const struct tcpvs_service *svc,
			 struct tcpvs_stats *sum)
{
	unsigned int cpu, i;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		const struct tcpvs_stats *s = per_cpu_ptr(svc->stats, cpu);

		for (i = 0; i < ARRAY_SIZE(sum->n); i++)
			sum->n[i] += READ_ONCE(s->n[i]);
	}
	sum->n[TCPVS_A_STATS_ACTIVE] = atomic_read(&svc->nconn);
}

/**
 * tcpvs_server_stats() - what a server counted, and its gauges
 * @srv: the server, referenced or inside tcpvs_srcu
 * @sum: filled in
 */
void tcpvs_server_stats(const struct tcpvs_server *srv,
			struct tcpvs_server_stats *sum)
{
	u64 idle = 0;
	unsigned int cpu, i;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		const struct tcpvs_server_cpu *c = per_cpu_ptr(srv->cpu, cpu);

		for (i = 0; i < ARRAY_SIZE(sum->n); i++)
			sum->n[i] += READ_ONCE(c->stats.n[i]);
		idle += READ_ONCE(c->nidle);
	}
	sum->n[TCPVS_A_SERVER_STATS_ACTIVE] = atomic_read(&srv->load.inflight);
	sum->n[TCPVS_A_SERVER_STATS_IDLE] = idle;
}
