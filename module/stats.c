// SPDX-License-Identifier: GPL-2.0
/*
 * stats.c - 7 account: the sum over the workers
 *
 * Runs in netlink requests only. A sum is taken while the workers count on, so
 * the figures of one reading may be some requests apart from each other; every
 * one is exact when its counter rests, and none goes back but by a reset, which
 * is seen whole (zero.c).
 */
#include <linux/cpumask.h>
#include <linux/wait_bit.h>

#include "config.h"
#include "stats.h"
#include "table.h"

/**
 * tcpvs_stats_begin() - wait until no reset is under way: it takes the workers a pass
 * @tn: the namespace
 *
 * Context: process.
 * Return: what tcpvs_stats_retry() is to be told.
 */
unsigned int tcpvs_stats_begin(struct tcpvs_net *tn)
{
	unsigned int seq;

	might_sleep();
	wait_var_event(&tn->zeroing,
		       !((seq = raw_read_seqcount(&tn->zeroing)) & 1));
	return seq;
}

/**
 * tcpvs_stats_retry() - did a reset come in between?
 * @tn: the namespace
 * @seq: of tcpvs_stats_begin()
 */
bool tcpvs_stats_retry(struct tcpvs_net *tn, unsigned int seq)
{
	return read_seqcount_retry(&tn->zeroing, seq);
}

/**
 * tcpvs_service_stats() - what a service counted, and its gauges
 * @svc: the service, referenced or inside tcpvs_srcu
 * @sum: filled in
 * @zeroed: set to the generation of its last reset
 *
 * Context: process.
 */
void tcpvs_service_stats(const struct tcpvs_service *svc,
			 struct tcpvs_stats *sum, u32 *zeroed)
{
	struct tcpvs_net *tn = svc->tn;
	unsigned int cpu, i, seq;

	do {
		seq = tcpvs_stats_begin(tn);
		memset(sum, 0, sizeof(*sum));
		for_each_possible_cpu(cpu) {
			const struct tcpvs_stats *s = per_cpu_ptr(svc->stats, cpu);

			for (i = 0; i < ARRAY_SIZE(sum->n); i++)
				sum->n[i] += READ_ONCE(s->n[i]);
		}
		*zeroed = READ_ONCE(svc->zeroed);
	} while (tcpvs_stats_retry(tn, seq));
	sum->n[TCPVS_A_STATS_ACTIVE] = atomic_read(&svc->nconn);
}

/**
 * tcpvs_rule_hits() - what a rule has decided
 * @svc: its service, inside tcpvs_srcu
 * @t: its table
 * @rule: its number
 *
 * Context: process.
 * Return: requests.
 */
u64 tcpvs_rule_hits(const struct tcpvs_service *svc, const struct tcpvs_table *t,
		    u32 rule)
{
	struct tcpvs_net *tn = svc->tn;
	unsigned int i, seq;
	u64 sum;

	do {
		seq = tcpvs_stats_begin(tn);
		sum = 0;
		for (i = 0; i < t->nhits; i++)
			sum += READ_ONCE(t->hits[i][rule]);
	} while (tcpvs_stats_retry(tn, seq));
	return sum;
}

/**
 * tcpvs_server_stats() - what a server counted, and its gauges
 * @srv: the server, referenced or inside tcpvs_srcu
 * @sum: filled in
 * @zeroed: set to the generation of its last reset
 *
 * Context: process.
 */
void tcpvs_server_stats(const struct tcpvs_server *srv,
			struct tcpvs_server_stats *sum, u32 *zeroed)
{
	struct tcpvs_net *tn = srv->svc->tn;
	unsigned int cpu, i, seq;
	u64 idle;

	do {
		seq = tcpvs_stats_begin(tn);
		idle = 0;
		memset(sum, 0, sizeof(*sum));
		for_each_possible_cpu(cpu) {
			const struct tcpvs_server_cpu *c =
				per_cpu_ptr(srv->cpu, cpu);

			for (i = 0; i < ARRAY_SIZE(sum->n); i++)
				sum->n[i] += READ_ONCE(c->stats.n[i]);
			idle += READ_ONCE(c->nidle);
		}
		*zeroed = READ_ONCE(srv->zeroed);
	} while (tcpvs_stats_retry(tn, seq));
	sum->n[TCPVS_A_SERVER_STATS_ACTIVE] = atomic_read(&srv->load.inflight);
	sum->n[TCPVS_A_SERVER_STATS_IDLE] = idle;
}
