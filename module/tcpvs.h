/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tcpvs.h - what every file of the module shares
 *
 * The per-namespace state, socket addresses and the sleepable RCU domain that
 * pins configuration snapshots. A worker enters the domain for one pass over
 * its ready list and may sleep inside it (lock_sock(), GFP_KERNEL); what a
 * commit retires is freed when every pass that could see it has ended. That is
 * the grace period the design asks for, from a primitive that lockdep knows.
 */
#ifndef _TCPVS_H
#define _TCPVS_H

#include <linux/idr.h>
#include <linux/in6.h>
#include <linux/mutex.h>
#include <linux/seqlock.h>
#include <linux/socket.h>
#include <linux/srcu.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>

#include <uapi/linux/tcpvs.h>

#ifndef CONFIG_64BIT
#error "ktcpvs counts in plain 64-bit words and needs a 64-bit kernel"
#endif

#define TCPVS_VERSION		"0.1.0"

struct tcpvs_config;
struct tcpvs_log;
struct tcpvs_service;
struct tcpvs_service_conf;
struct tcpvs_server;
struct tcpvs_worker;

/**
 * struct tcpvs_addr - one end point of TCP
 * @family: AF_INET or AF_INET6
 * @port: TCP port
 * @v4: address if @family is AF_INET
 * @v6: address if @family is AF_INET6
 */
struct tcpvs_addr {
	u16 family;
	__be16 port;
	union {
		__be32 v4;
		struct in6_addr v6;
	};
};

static inline bool tcpvs_addr_equal(const struct tcpvs_addr *a,
				    const struct tcpvs_addr *b)
{
	if (a->family != b->family || a->port != b->port)
		return false;
	if (a->family == AF_INET)
		return a->v4 == b->v4;
	return ipv6_addr_equal(&a->v6, &b->v6);
}

/**
 * tcpvs_addr_sockaddr() - write an address as the socket API wants it
 * @a: address
 * @ss: where to
 *
 * Return: its length in bytes.
 */
static inline int tcpvs_addr_sockaddr(const struct tcpvs_addr *a,
				      struct sockaddr_storage *ss)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (a->family == AF_INET) {
		sin->sin_family = AF_INET;
		sin->sin_port = a->port;
		sin->sin_addr.s_addr = a->v4;
		return sizeof(*sin);
	}

	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = a->port;
	sin6->sin6_addr = a->v6;
	return sizeof(*sin6);
}

/**
 * struct tcpvs_net - what the module keeps for a network namespace
 * @net: the namespace; not counted, pernet exit comes before its end
 * @lock: serialises every change: commits, transactions, start, stop, settings
 * @config: newest snapshot, never NULL while the namespace lives; written
 *	under @lock, read inside &tcpvs_srcu or under @lock
 * @last: the empty snapshot that the namespace ends with, made at its start so
 *	that its end cannot fail for want of memory
 * @transactions: open transactions, protected by @lock
 * @ntransactions: number of those that are not expired, protected by @lock
 * @reaper: expires the transactions that stood idle too long
 * @max_connections: bound on @nconn
 * @nconn: client connections open now
 * @mark: source of &tcpvs_server.mark, protected by @lock
 * @next_id: source of service and server ids, protected by @lock
 * @next_serial: source of tables' serial numbers, protected by @lock
 * @zeroing: odd while the workers reset counters or carry them over, written
 *	under @lock
 * @slots: allocator of &tcpvs_service.slot
 * @log: records of its requests, one a worker
 * @services: services not released yet, in or out of the snapshot
 */
struct tcpvs_net {
	struct net *net;
	struct mutex lock; /* every change */
	struct tcpvs_config __rcu *config;
	struct tcpvs_config *last;
	struct list_head transactions;
	unsigned int ntransactions;
	struct delayed_work reaper;
	u32 max_connections;
	atomic_t nconn;
	u64 mark;
	u32 next_id;
	u32 next_serial;
	seqcount_t zeroing;
	struct ida slots;
	struct tcpvs_log *log;
	atomic_t services;
};

/* main.c */
extern struct srcu_struct tcpvs_srcu;
extern struct workqueue_struct *tcpvs_wq;
extern bool tcpvs_userns;
struct tcpvs_net *tcpvs_net(const struct net *net);

#endif /* _TCPVS_H */
