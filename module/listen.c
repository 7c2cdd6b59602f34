// SPDX-License-Identifier: GPL-2.0
/*
 * listen.c - 1 accept: the listening sockets of a service
 *
 * A service that runs has several listening sockets on its address, members of
 * one SO_REUSEPORT group, each served by a worker and hinted to its CPU. They
 * are made and bound in the request that starts the service, with the caller's
 * rights, and live until it stops.
 *
 * Nobody else shares the address. The first socket is bound alone, so that any
 * other socket there, a group of sockets included, makes the start fail; only
 * then is it opened for the others of ours. The group belongs to a user id that
 * no process can have, so nobody can join it afterwards.
 *
 * A connection is accepted by the worker whose socket the kernel chose by the
 * CPU that received it. Where that is one CPU for all (one receive queue, veth,
 * loopback), an overloaded worker hands the new connection to the least loaded
 * one before it attaches any callback.
 */
#include <linux/cred.h>
#include <linux/net.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <net/tcp.h>

#include "conn.h"
#include "listen.h"
#include "sock.h"

#define ACCEPT_BUDGET		64
#define ACCEPT_RETRY		(HZ / 10)	/* after accept() lacked memory */
#define LISTENERS_DEFAULT	8

/**
 * struct tcpvs_listener - one listening socket
 * @leg: its socket and callbacks
 * @timer: tries again after a lack of memory
 * @svc: the service, referenced
 */
struct tcpvs_listener {
	struct tcpvs_leg leg;
	struct tcpvs_timer timer;
	struct tcpvs_service *svc;
};

/**
 * struct tcpvs_listen - the listening sockets of a service
 * @n: their number
 * @l: them
 */
struct tcpvs_listen {
	unsigned int n;
	struct tcpvs_listener *l[] __counted_by(n);
};

static void listener_free(struct tcpvs_listener *l)
{
	tcpvs_service_put(l->svc);
	kfree(l);
}

static int listener_step(struct tcpvs_worker *w, struct tcpvs_node *node)
{
	struct tcpvs_listener *l = container_of(node, struct tcpvs_listener,
						leg.node);
	unsigned int i;

	if (!l->leg.sock) {
		/* Closed while it was queued; nobody else knows it any more. */
		listener_free(l);
		return -1;
	}
	for (i = 0; i < ACCEPT_BUDGET; i++) {
		struct socket *sock;
		int err;

		err = kernel_accept(l->leg.sock, &sock, O_NONBLOCK);
		if (err == -EAGAIN || err == -EINVAL)
			return 0;
		if (err == -ECONNABORTED || err == -EPROTO)
			continue;
		if (err) {
			tcpvs_timer_set(w, &l->timer, jiffies + ACCEPT_RETRY);
			return 0;
		}
		tcpvs_worker_count(w, TCPVS_A_WORKER_ACCEPTED);
		tcpvs_conn_accept(w, l->svc, sock, &l->leg);
	}
	return 1;
}

static void listener_expire(struct tcpvs_worker *w, struct tcpvs_timer *t)
{
	struct tcpvs_listener *l = container_of(t, struct tcpvs_listener, timer);

	tcpvs_worker_push(w, &l->leg.node);
}

/* A group of a user id that no process has: see the head of this file. */
static const struct cred *group_creds(struct cred **new)
{
	*new = prepare_creds();
	if (!*new)
		return NULL;
	(*new)->fsuid = INVALID_UID;
	return override_creds(*new);
}

static int listener_bind(struct tcpvs_listener *l, struct net *net,
			 const struct tcpvs_service_conf *sc,
			 struct tcpvs_worker *w, bool first)
{
	struct sockaddr_storage ss;
	int cpu = w->cpu, len, err;
	struct sock *sk;

	err = sock_create_kern(net, sc->addr.family, SOCK_STREAM, IPPROTO_TCP,
			       &l->leg.sock);
	if (err)
		return err;
	sk = l->leg.sock->sk;
	/* Lives on past connections that linger on the port; see tcp(7). */
	sock_set_reuseaddr(sk);
	if (!first)
		sock_set_reuseport(sk);
	if (sc->addr.family == AF_INET6) {
		err = ip6_sock_set_v6only(sk);
		if (err)
			return err;
	}
	tcpvs_sock_tune(sk, sc->limit[TCPVS_A_LIMITS_RECEIVE_BUFFER]);
	err = sock_setsockopt(l->leg.sock, SOL_SOCKET, SO_INCOMING_CPU,
			      KERNEL_SOCKPTR(&cpu), sizeof(cpu));
	if (err)
		return err;
	len = tcpvs_addr_sockaddr(&sc->addr, &ss);
	err = kernel_bind(l->leg.sock, (void *)&ss, len);
	if (err)
		return err;
	if (first)
		sock_set_reuseport(sk);
	return 0;
}

/* In the worker: nothing is accepted any more after this. */
static void close_listeners(struct tcpvs_worker *w, void *arg)
{
	struct tcpvs_listen *ls = arg;
	unsigned int i;

	for (i = 0; i < ls->n; i++) {
		struct tcpvs_listener *l = ls->l[i];

		if (!l || l->leg.worker != w)
			continue;
		/* Who got through the handshake before the stop is served. */
		while (l->leg.sock && listener_step(w, &l->leg.node) > 0)
			cond_resched();
		tcpvs_timer_stop(w, &l->timer);
		tcpvs_leg_close(&l->leg, TCPVS_CLOSE_RST);
		ls->l[i] = NULL;
		/* Detached: it cannot be pushed again, only lie there still. */
		if (!test_bit(0, &l->leg.node.queued))
			listener_free(l);
	}
}

/**
 * tcpvs_listen_start() - open the listening sockets of a service
 * @svc: the service; its namespace's lock is held
 * @sc: its configuration
 * @extack: says why not
 *
 * Return: 0 or a negative error, and then nothing listens.
 */
int tcpvs_listen_start(struct tcpvs_service *svc,
		       const struct tcpvs_service_conf *sc,
		       struct netlink_ext_ack *extack)
{
	unsigned int n = sc->limit[TCPVS_A_LIMITS_LISTENERS];
	const struct cred *saved;
	struct tcpvs_listen *ls;
	struct cred *cred;
	unsigned int i;
	int err = 0;

	lockdep_assert_held(&svc->tn->lock);
	if (!n)
		n = LISTENERS_DEFAULT;
	n = min(n, tcpvs_nworkers);
	ls = kzalloc(struct_size(ls, l, n), GFP_KERNEL_ACCOUNT);
	if (!ls)
		return -ENOMEM;
	ls->n = n;
	saved = group_creds(&cred);
	if (!saved) {
		kfree(ls);
		return -ENOMEM;
	}
	for (i = 0; i < n && !err; i++) {
		struct tcpvs_worker *w;

		w = tcpvs_worker_get(i * tcpvs_nworkers / n);
		ls->l[i] = kzalloc(sizeof(*ls->l[i]), GFP_KERNEL_ACCOUNT);
		if (!ls->l[i]) {
			err = -ENOMEM;
			break;
		}
		ls->l[i]->svc = svc;
		ls->l[i]->leg.worker = w;
		ls->l[i]->leg.node.step = listener_step;
		tcpvs_timer_init(&ls->l[i]->timer, listener_expire);
		tcpvs_service_get(svc);
		err = listener_bind(ls->l[i], svc->tn->net, sc, w, !i);
	}
	/* All are bound before one of them listens: it is all or nothing. */
	for (i = 0; i < n && !err; i++) {
		tcpvs_leg_attach_listener(&ls->l[i]->leg, ls->l[i]->leg.worker);
		err = kernel_listen(ls->l[i]->leg.sock,
				    sc->limit[TCPVS_A_LIMITS_BACKLOG]);
	}
	revert_creds(saved);
	put_cred(cred);
	svc->listen = ls;
	if (!err)
		return 0;

	tcpvs_listen_stop(svc);
	if (err == -EADDRINUSE)
		NL_SET_ERR_MSG_FMT(extack,
				   "another socket uses port %u of the listen address",
				   ntohs(sc->addr.port));
	else if (err == -EADDRNOTAVAIL)
		NL_SET_ERR_MSG(extack, "the listen address is not of this host");
	else if (err == -EACCES)
		NL_SET_ERR_MSG(extack, "a port below 1024 needs CAP_NET_BIND_SERVICE");
	else
		NL_SET_ERR_MSG_FMT(extack, "cannot listen on port %u: error %d",
				   ntohs(sc->addr.port), -err);
	return err;
}

/**
 * tcpvs_listen_stop() - close the listening sockets of a service
 * @svc: the service; its namespace's lock is held; no effect if none is open
 *
 * Connections in the accept queues are taken first.
 */
void tcpvs_listen_stop(struct tcpvs_service *svc)
{
	struct tcpvs_listen *ls = svc->listen;

	lockdep_assert_held(&svc->tn->lock);
	if (!ls)
		return;
	svc->listen = NULL;
	tcpvs_workers_call(close_listeners, ls);
	kfree(ls);
}
