/* SPDX-License-Identifier: GPL-2.0 */
/*
 * config.h - services and servers, as configured and as they run
 *
 * What is configured is a tree of immutable objects: a snapshot (tcpvs_config)
 * refers to one tcpvs_service_conf a service, which refers to a tcpvs_set of
 * servers and to the rules (table.h). Snapshots share the subtrees that did not
 * change. Workers see them inside tcpvs_srcu only.
 *
 * What runs (tcpvs_service, tcpvs_server) is identified by name or address,
 * survives changes, carries the counters and is held by percpu references:
 * one from configuration (dropped when no snapshot names it any more), one for
 * every connection, exchange, listener and pooled server connection that
 * points to it.
 *
 * Locking: tcpvs_net.lock serialises all changes. See conn.h for the table.
 */
#ifndef _TCPVS_CONFIG_H
#define _TCPVS_CONFIG_H

#include <linux/list.h>
#include <linux/percpu-refcount.h>
#include <linux/refcount.h>
#include <linux/stringhash.h>
#include <linux/workqueue.h>

#include "hash_key.h"
#include "sched.h"
#include "stats.h"
#include "tcpvs.h"

struct netlink_ext_ack;
struct tcpvs_cookie;
struct tcpvs_listen;
struct tcpvs_sets;
struct tcpvs_sticky;
struct tcpvs_table;

#define TCPVS_SERVICES_MAX	65536	/* of one namespace */

/**
 * struct tcpvs_server_cpu - what worker w keeps for a server, in block w
 * @stats: counters, written by the worker alone
 * @idle: unused connections of the worker's pool, most recently used first;
 *	owned by the worker's thread
 * @nidle: their number, written by the worker alone
 * @hist: histograms, from the first sample on; latency.c
 */
struct tcpvs_server_cpu {
	struct tcpvs_server_stats stats;
	struct list_head idle;
	unsigned int nidle;
	struct tcpvs_hist *hist;
};

/**
 * struct tcpvs_server - a real server of a service while it runs
 * @ref: see the head of this file
 * @svc: its service, referenced
 * @id: unique in the namespace, never reused
 * @addr: where it listens
 * @cpu: one block a possible CPU
 * @dead: no snapshot names it any more: nothing is pooled again; set under
 *	tcpvs_net.lock before the workers are told to purge their pools
 * @free: frees it after the last reference
 * @fallback: it is the fallback server of its service, and nothing else ever
 * @link: in a list of the commit or the candidate in hand; tcpvs_net.lock
 * @mark: last commit that met it; tcpvs_net.lock
 * @old_weight: weight in the snapshot that commit replaces; tcpvs_net.lock
 * @zeroed: generation with which its counters began anew; &tcpvs_net.zeroing
 * @fold: buckets that were full, or NULL; latency.c
 * @load: how busy it is
 */
struct tcpvs_server {
	struct percpu_ref ref;
	struct tcpvs_service *svc;
	u32 id;
	struct tcpvs_addr addr;
	struct tcpvs_server_cpu __percpu *cpu;
	bool dead;
	bool fallback;
	struct rcu_work free;
	struct list_head link;
	u64 mark;
	u32 old_weight;
	u32 zeroed;
	struct tcpvs_hist_fold *fold;
	struct tcpvs_load load;
};

/**
 * struct tcpvs_service - a virtual service while it runs
 * @ref: see the head of this file
 * @tn: its namespace; the namespace's exit waits for the last service
 * @id: unique in the namespace, never reused
 * @slot: its place in every snapshot, reused only after release
 * @mode: TCPVS_MODE_*; changes only while the service is stopped
 * @state: TCPVS_SERVICE_STATE_*, written under tcpvs_net.lock, read anywhere
 * @server_histograms: its servers are timed one by one; as in the newest snapshot
 * @zeroed: generation with which its counters began anew; &tcpvs_net.zeroing
 * @stats: one block a possible CPU
 * @fold: buckets that were full, or NULL; latency.c
 * @listen: listening sockets while running, protected by tcpvs_net.lock
 * @drain: resets what is left when draining took too long
 * @free: frees it after the last reference
 * @link: in the list of what the candidate in hand made; tcpvs_net.lock
 * @nconn: client connections open now, all workers
 */
struct tcpvs_service {
	struct percpu_ref ref;
	struct tcpvs_net *tn;
	u32 id;
	u32 slot;
	u8 mode;
	u8 state;
	bool server_histograms;
	u32 zeroed;
	struct tcpvs_stats __percpu *stats;
	struct tcpvs_hist_fold *fold;
	struct tcpvs_listen *listen;
	struct delayed_work drain;
	struct rcu_work free;
	struct list_head link;
	atomic_t nconn ____cacheline_aligned_in_smp;
};

/**
 * struct tcpvs_network - a network
 * @family: AF_INET or AF_INET6
 * @prefix: length of the prefix in bits
 * @v4: address if @family is AF_INET; bits behind the prefix are 0
 * @v6: address if @family is AF_INET6, likewise
 */
struct tcpvs_network {
	u16 family;
	u16 prefix;
	union {
		__be32 v4;
		struct in6_addr v6;
	};
};

/**
 * struct tcpvs_trusted - peers whose word about the client is taken; immutable
 * @ref: service configurations that share it
 * @n: number of networks, at least one
 * @net: the networks
 */
struct tcpvs_trusted {
	refcount_t ref;
	unsigned int n;
	struct tcpvs_network net[] __counted_by(n);
};

/**
 * struct tcpvs_service_conf - a service as one or more snapshots see it
 * @ref: snapshots and candidates that share it
 * @svc: the service as it runs, referenced
 * @name: its key
 * @mode: TCPVS_MODE_*
 * @special: something is set that is off by default and that the path of a
 *	request or connection has to look at: the one flag it tests otherwise
 * @accept_proxy: client connections begin with a PROXY header
 * @server_histograms: servers are timed one by one
 * @send_proxy: TCPVS_PROXY_HEADER_*
 * @forward: TCPVS_FORWARD_*
 * @allow: TCPVS_ALLOW_*
 * @trusted: peers that may say who the client is, referenced; NULL = nobody
 * @hash: for the hash schedulers
 * @addr: where clients connect
 * @timeout_ms: time limits in milliseconds, indexed by TCPVS_A_TIMEOUTS_*
 * @timeout: the same in jiffies
 * @limit: bounds, indexed by TCPVS_A_LIMITS_*
 * @cookie: that keeps clients at their servers, referenced, or NULL
 * @serial: of @table, or 0
 * @set: servers and scheduler, owned; for what meets no rule
 * @fallback: where goes what no server of a set can take; its server is
 *	referenced, or NULL
 * @table: rules, referenced, or NULL
 * @sets: servers and schedulers of the rules, owned; there if @table is
 * @sticky: what workers need of @cookie, referenced; there if that is
 */
struct tcpvs_service_conf {
	refcount_t ref;
	struct tcpvs_service *svc;
	char name[TCPVS_NAME_MAX + 1];
	u8 mode;
	bool special;
	bool accept_proxy;
	bool server_histograms;
	u8 send_proxy;
	u32 forward;
	u32 allow;
	struct tcpvs_trusted *trusted;
	struct tcpvs_hash_conf hash;
	struct tcpvs_addr addr;
	u64 timeout_ms[TCPVS_A_TIMEOUTS_MAX + 1];
	unsigned long timeout[TCPVS_A_TIMEOUTS_MAX + 1];
	u64 limit[TCPVS_A_LIMITS_MAX + 1];
	struct tcpvs_cookie *cookie;
	u32 serial;
	struct tcpvs_set *set;
	struct tcpvs_member fallback;
	struct tcpvs_table *table;
	struct tcpvs_sets *sets;
	struct tcpvs_sticky *sticky;
};

/**
 * struct tcpvs_config - one snapshot of a namespace's configuration
 * @rcu: waits until no reader is left
 * @free: then drops what it refers to
 * @generation: counts the changes; never 0
 * @nservices: services present
 * @nservers: servers present
 * @nslots: length of @conf
 * @names: room in @by_name, a power of two, more than there are services
 * @by_name: the services by a hash of the name: slot plus 1, or 0; whoever meets
 *	another name goes on with the next. NULL if there is none
 * @conf: by &tcpvs_service.slot; NULL where no service is
 */
struct tcpvs_config {
	struct rcu_head rcu;
	struct work_struct free;
	u32 generation;
	u32 nservices;
	u32 nservers;
	u32 nslots;
	u32 names;
	u32 *by_name;
	struct tcpvs_service_conf *conf[] __counted_by(nslots);
};

/**
 * tcpvs_service_current() - the newest configuration of a service
 * @svc: service, referenced by the caller
 *
 * Context: inside tcpvs_srcu; the result is valid until it is left.
 * Return: the configuration, or NULL if the service was deleted.
 */
static inline struct tcpvs_service_conf *
tcpvs_service_current(const struct tcpvs_service *svc)
{
	struct tcpvs_config *c = srcu_dereference(svc->tn->config, &tcpvs_srcu);

	return svc->slot < c->nslots ? c->conf[svc->slot] : NULL;
}

/**
 * tcpvs_conf_member() - the servers of a service one by one
 * @sc: the service
 * @i: from 0 on; the fallback server is the last
 *
 * Return: the server, or NULL behind the last.
 */
static inline const struct tcpvs_member *
tcpvs_conf_member(const struct tcpvs_service_conf *sc, unsigned int i)
{
	if (i < sc->set->n)
		return &sc->set->member[i];
	return i == sc->set->n && sc->fallback.srv ? &sc->fallback : NULL;
}

static inline void tcpvs_service_get(struct tcpvs_service *svc)
{
	percpu_ref_get(&svc->ref);
}

static inline void tcpvs_service_put(struct tcpvs_service *svc)
{
	percpu_ref_put(&svc->ref);
}

static inline void tcpvs_server_get(struct tcpvs_server *srv)
{
	percpu_ref_get(&srv->ref);
}

static inline void tcpvs_server_put(struct tcpvs_server *srv)
{
	percpu_ref_put(&srv->ref);
}

static inline u32 tcpvs_name_hash(const char *name)
{
	return full_name_hash(NULL, name, strlen(name));
}

/* config.c */
struct tcpvs_server *tcpvs_server_create(struct tcpvs_service *svc,
					 const struct tcpvs_addr *addr);
struct tcpvs_service *tcpvs_service_create(struct tcpvs_net *tn, u8 mode);
struct tcpvs_set *tcpvs_set_create(const struct tcpvs_sched_ops *ops, u32 bound,
				   const struct tcpvs_member *member,
				   unsigned int n, const struct tcpvs_set *old);
void tcpvs_set_free(struct tcpvs_set *set);
struct tcpvs_trusted *tcpvs_trusted_get(struct tcpvs_trusted *t);
void tcpvs_trusted_put(struct tcpvs_trusted *t);
bool tcpvs_trusted_equal(const struct tcpvs_trusted *a,
			 const struct tcpvs_trusted *b);
void tcpvs_service_conf_put(struct tcpvs_service_conf *sc);
struct tcpvs_config *tcpvs_config_alloc(u32 nslots);
struct tcpvs_config *tcpvs_config_copy(const struct tcpvs_config *old,
				       u32 nslots);
struct tcpvs_config *tcpvs_config_next(const struct tcpvs_config *old);
int tcpvs_config_index(struct tcpvs_config *c);
void tcpvs_config_free(struct tcpvs_config *c);
struct tcpvs_config *tcpvs_config_locked(const struct tcpvs_net *tn);
struct tcpvs_config *tcpvs_config_publish(struct tcpvs_net *tn,
					  struct tcpvs_config *c);
void tcpvs_config_retire(struct tcpvs_config *old);
struct tcpvs_service_conf *tcpvs_config_find(const struct tcpvs_config *c,
					     const char *name);
struct tcpvs_member *tcpvs_set_find(struct tcpvs_set *set,
				    const struct tcpvs_addr *addr);
void tcpvs_fallback_set(struct tcpvs_service_conf *sc, struct tcpvs_server *srv);

/* service.c */
u8 tcpvs_service_state(const struct tcpvs_service *svc);
int tcpvs_service_start(struct tcpvs_net *tn, struct tcpvs_service_conf *sc,
			struct netlink_ext_ack *extack);
int tcpvs_service_stop(struct tcpvs_net *tn, struct tcpvs_service_conf *sc,
		       bool now, struct netlink_ext_ack *extack);
void tcpvs_service_drain_work(struct work_struct *work);
void tcpvs_service_remove(struct tcpvs_service *svc);
void tcpvs_servers_remove(struct list_head *servers);

/* zero.c */
int tcpvs_zero(struct tcpvs_net *tn, const struct tcpvs_service_conf *sc,
	       struct tcpvs_server *srv);

#endif /* _TCPVS_CONFIG_H */
