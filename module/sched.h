/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sched.h - 4 schedule: the choice of a real server from a set
 *
 * An algorithm is one ops table in one file. pick() runs in a worker inside
 * tcpvs_srcu (the set cannot vanish), may run on every worker at once for the
 * same set, and must not sleep. State that pick() writes belongs to the set.
 *
 * A scheduler knows of a server only what is here. So the very same sources are
 * compiled into the module and into user-space tests, whose tests/sched_compat.h
 * takes the place of the kernel.
 */
#ifndef _TCPVS_SCHED_H
#define _TCPVS_SCHED_H

#ifdef __KERNEL__
#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/types.h>
#else
#include "tests/sched_compat.h"
#endif

#define TCPVS_SERVERS_MAX	65536	/* of one set */
#define TCPVS_WEIGHT_MAX	65535
#define TCPVS_TRIES_MAX		16	/* servers a request may have tried */
#define TCPVS_BOUND_MIN		100	/* percent of a server's share, or 0 */
#define TCPVS_BOUND_DEFAULT	125
#define TCPVS_BOUND_MAX		10000

struct tcpvs_server;
struct tcpvs_set;

/**
 * struct tcpvs_load - how busy a server is; outlives every set it is in
 * @inflight: requests or mode tcp connections in flight, all workers
 * @latency: how long it takes to answer, in ns; 0 = not known; see sched_lt.c
 * @sampled: when that was last learnt, in ns of CLOCK_MONOTONIC
 *
 * One cache line: who writes the others has just written @inflight.
 */
struct tcpvs_load {
	atomic_t inflight ____cacheline_aligned_in_smp;
	atomic64_t latency;
	atomic64_t sampled;
};

/**
 * struct tcpvs_member - a server in a set
 * @srv: the server, referenced
 * @load: how busy it is
 * @hash: of its address and port; the same on every machine, after every restart
 * @id: its id
 * @weight: 0 to 65535; 0 takes no new work
 */
struct tcpvs_member {
	struct tcpvs_server *srv;
	struct tcpvs_load *load;
	u64 hash;
	u32 id;
	u32 weight;
};

/**
 * struct tcpvs_set - servers and the scheduler that chooses among them
 * @ops: the algorithm
 * @priv: its state
 * @bound: in percent, how much more than its share a server of a keyed set may
 *	have in flight, see sched_bound.c; 0 = any
 * @by_id: members in the order of their ids, if somebody asked; see sticky.c
 * @n: number of members
 * @member: the servers, in the order they were added
 */
struct tcpvs_set {
	const struct tcpvs_sched_ops *ops;
	void *priv;
	u32 bound;
	u32 *by_id;
	unsigned int n;
	struct tcpvs_member member[] __counted_by(n);
};

/**
 * struct tcpvs_pick - one request's search for a server
 * @key: what the request is scheduled by, if the algorithm is keyed
 * @tried: ids of servers that failed this request already, skipped
 * @ntried: their number, at most TCPVS_TRIES_MAX
 */
struct tcpvs_pick {
	u64 key;
	const u32 *tried;
	unsigned int ntried;
};

/**
 * struct tcpvs_sched_ops - a scheduling algorithm
 * @name: its name in the protocol
 * @doc: one line about it
 * @keyed: it reads &tcpvs_pick.key
 * @timed: it wants to know how long servers take: tcpvs_load_sample() and
 *	tcpvs_load_failed()
 * @init: allocate @set->priv, once the servers are filled in; optional;
 *	process context, may sleep, GFP_KERNEL_ACCOUNT
 * @exit: free @set->priv; optional; must not sleep
 * @inherit: go on where @old is, a set of the same algorithm that is in use and
 *	that @set, in use not yet, will replace; optional; process context
 * @pick: index of the chosen server in the set, or -1 if none is usable (weight
 *	0 and tried ones are not)
 */
struct tcpvs_sched_ops {
	const char *name;
	const char *doc;
	bool keyed;
	bool timed;
	int (*init)(struct tcpvs_set *set);
	void (*exit)(struct tcpvs_set *set);
	void (*inherit)(struct tcpvs_set *set, const struct tcpvs_set *old);
	int (*pick)(struct tcpvs_set *set, const struct tcpvs_pick *pick);
};

/* sched.c */
extern const struct tcpvs_sched_ops *const tcpvs_schedulers[];
const struct tcpvs_sched_ops *tcpvs_sched_find(const char *name);
bool tcpvs_pick_tried(const struct tcpvs_pick *pick, u32 id);
u64 tcpvs_mix(u64 x);
u64 tcpvs_hash(const void *bytes, unsigned int len, u32 port);

/* One file each. */
extern const struct tcpvs_sched_ops tcpvs_sched_rr;
extern const struct tcpvs_sched_ops tcpvs_sched_wrr;
extern const struct tcpvs_sched_ops tcpvs_sched_lc;
extern const struct tcpvs_sched_ops tcpvs_sched_wlc;
extern const struct tcpvs_sched_ops tcpvs_sched_sed;
extern const struct tcpvs_sched_ops tcpvs_sched_nq;
extern const struct tcpvs_sched_ops tcpvs_sched_p2c;
extern const struct tcpvs_sched_ops tcpvs_sched_lt;
extern const struct tcpvs_sched_ops tcpvs_sched_sh;
extern const struct tcpvs_sched_ops tcpvs_sched_mh;

/* sched_lt.c */
void tcpvs_load_sample(struct tcpvs_load *load, u64 took, u64 now);
void tcpvs_load_failed(struct tcpvs_load *load, u64 took, u64 now);

#endif /* _TCPVS_SCHED_H */
