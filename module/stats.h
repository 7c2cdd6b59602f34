/* SPDX-License-Identifier: GPL-2.0 */
/*
 * stats.h - 7 account: counters
 *
 * A counter block is an array indexed by the number of the netlink attribute
 * that carries it, one block a CPU. Block w is written by worker w alone, so
 * an increment is a plain add; readers sum the blocks with READ_ONCE() and are
 * approximate by contract; see zero.c for how they begin anew. Gauges (active,
 * idle, ...) are not in the blocks; they are read where they live.
 */
#ifndef _TCPVS_STATS_H
#define _TCPVS_STATS_H

#include <linux/percpu.h>
#include <linux/types.h>
#include <uapi/linux/tcpvs.h>

struct tcpvs_hist;
struct tcpvs_hist_fold;
struct tcpvs_net;
struct tcpvs_server;
struct tcpvs_service;
struct tcpvs_table;

/**
 * struct tcpvs_stats - counters of a service, indexed by TCPVS_A_STATS_*
 * @n: the counters
 * @hist: histograms, from the first sample on; latency.c
 */
struct tcpvs_stats {
	u64 n[TCPVS_A_STATS_MAX + 1];
	struct tcpvs_hist *hist;
};

/**
 * struct tcpvs_server_stats - counters of a server, by TCPVS_A_SERVER_STATS_*
 * @n: the counters
 */
struct tcpvs_server_stats {
	u64 n[TCPVS_A_SERVER_STATS_MAX + 1];
};

/* Only the owning worker writes; WRITE_ONCE() so that a reader never sees half. */
#define tcpvs_count_add(block, index, val)				\
	do {								\
		u64 *__c = &(block)->n[index];				\
									\
		WRITE_ONCE(*__c, *__c + (val));				\
	} while (0)
#define tcpvs_count(block, index)	tcpvs_count_add(block, index, 1)

/* stats.c */
unsigned int tcpvs_stats_begin(struct tcpvs_net *tn);
bool tcpvs_stats_retry(struct tcpvs_net *tn, unsigned int seq);
void tcpvs_service_stats(const struct tcpvs_service *svc,
			 struct tcpvs_stats *sum, u32 *zeroed);
u64 tcpvs_rule_hits(const struct tcpvs_service *svc, const struct tcpvs_table *t,
		    u32 rule);
void tcpvs_server_stats(const struct tcpvs_server *srv,
			struct tcpvs_server_stats *sum, u32 *zeroed);

/* latency.c */
void tcpvs_latency_zero(struct tcpvs_hist *h);
void tcpvs_latency_zero_fold(struct tcpvs_hist_fold *const *sums);
void tcpvs_latency_free_service(struct tcpvs_service *svc);
void tcpvs_latency_free_server(struct tcpvs_server *srv);

#endif /* _TCPVS_STATS_H */
