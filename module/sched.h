/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sched.h - 4 schedule: the choice of a real server from a set
 *
 * An algorithm is one ops table in one file. pick() runs in a worker inside
 * tcpvs_srcu (the set cannot vanish), may run on every worker at once for the
 * same set, and must not sleep. State that pick() writes belongs to the set.
 */
#ifndef _TCPVS_SCHED_H
#define _TCPVS_SCHED_H

#include <linux/types.h>

#define TCPVS_TRIES_MAX		17	/* first attempt and the most retries */

struct tcpvs_set;

/**
 * struct tcpvs_pick - one request's search for a server
 * @tried: ids of servers that failed this request already, skipped
 * @ntried: their number
 */
struct tcpvs_pick {
	u32 tried[TCPVS_TRIES_MAX];
	u8 ntried;
};

/**
 * struct tcpvs_sched_ops - a scheduling algorithm
 * @name: its name in the protocol
 * @doc: one line about it
 * @init: allocate @set->priv, once the servers are filled in; optional;
 *	process context, GFP_KERNEL_ACCOUNT
 * @exit: free @set->priv; optional; must not sleep
 * @pick: index of the chosen server in the set, or -1 if none is usable (weight
 *	0 and tried ones are not)
 */
struct tcpvs_sched_ops {
	const char *name;
	const char *doc;
	int (*init)(struct tcpvs_set *set);
	void (*exit)(struct tcpvs_set *set);
	int (*pick)(struct tcpvs_set *set, const struct tcpvs_pick *pick);
};

/* sched.c */
extern const struct tcpvs_sched_ops *const tcpvs_schedulers[];
const struct tcpvs_sched_ops *tcpvs_sched_find(const char *name);
bool tcpvs_pick_tried(const struct tcpvs_pick *pick, u32 id);

/* sched_rr.c, sched_wrr.c, sched_wlc.c */
extern const struct tcpvs_sched_ops tcpvs_sched_rr;
extern const struct tcpvs_sched_ops tcpvs_sched_wrr;
extern const struct tcpvs_sched_ops tcpvs_sched_wlc;

#endif /* _TCPVS_SCHED_H */
