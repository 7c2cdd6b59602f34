// SPDX-License-Identifier: GPL-2.0
/*
 * upstream.c - 5 connect: connections to real servers, and the idle ones
 *
 * A connection to a server belongs to one worker from its birth to its end, in
 * use by a client connection or idle in the worker's pool of that server. The
 * most recently used one is taken first, so that the others grow old and go.
 *
 * An idle connection that has any event is closed: a server has nothing to say
 * then but its end. A socket in the pool does not hold its namespace; it goes
 * when its server leaves the configuration, which the namespace's exit sees to.
 *
 * Everything here runs in the owning worker's thread, but for what a call makes
 * all workers do.
 */
#include <linux/slab.h>
#include <net/tcp.h>

#include "conn.h"
#include "latency.h"
#include "upstream.h"

static struct kmem_cache *upstream_cache;

static void upstream_free(struct tcpvs_upstream *up)
{
	kmem_cache_free(upstream_cache, up);
}

/**
 * tcpvs_upstream_stale() - can an idle connection not be used any more?
 * @up: connection
 */
bool tcpvs_upstream_stale(const struct tcpvs_upstream *up)
{
	struct sock *sk = up->leg.sock->sk;

	return READ_ONCE(sk->sk_state) != TCP_ESTABLISHED || sk->sk_err ||
	       sk->sk_shutdown || tcp_inq(sk) > 0;
}

static void pool_remove(struct tcpvs_worker *w, struct tcpvs_upstream *up)
{
	struct tcpvs_server_cpu *sc = server_cpu(w, up->srv);

	list_del_init(&up->link);
	WRITE_ONCE(sc->nidle, sc->nidle - 1);
}

static int upstream_step(struct tcpvs_worker *w, struct tcpvs_node *node)
{
	struct tcpvs_upstream *up = container_of(node, struct tcpvs_upstream,
						 leg.node);

	if (!up->leg.sock) {
		/* Closed while it was queued; nobody else knows it any more. */
		upstream_free(up);
		return -1;
	}
	if (up->conn) {
		struct tcpvs_conn *c = up->conn;

		/* The step may free this node: more work is the client's. */
		if (tcpvs_conn_step(w, c) > 0)
			tcpvs_worker_push(w, &c->cl.node);
		return 0;
	}
	if (tcpvs_upstream_stale(up)) {
		pool_remove(w, up);
		tcpvs_upstream_close(w, up, TCPVS_CLOSE_FIN);
		return -1;
	}
	return 0;
}

static void upstream_expire(struct tcpvs_worker *w, struct tcpvs_timer *t)
{
	struct tcpvs_upstream *up = container_of(t, struct tcpvs_upstream, timer);

	/* In use: the timer stayed on the wheel, and is armed when it is pooled. */
	if (up->conn)
		return;
	pool_remove(w, up);
	tcpvs_upstream_close(w, up, TCPVS_CLOSE_FIN);
}

/**
 * tcpvs_upstream_idle() - take a connection from the pool
 * @w: worker
 * @srv: the server
 *
 * Return: a connection, or NULL if none is idle.
 */
struct tcpvs_upstream *tcpvs_upstream_idle(struct tcpvs_worker *w,
					   struct tcpvs_server *srv)
{
	struct list_head *idle = &server_cpu(w, srv)->idle;

	while (!list_empty(idle)) {
		struct tcpvs_upstream *up;

		up = list_first_entry(idle, struct tcpvs_upstream, link);
		pool_remove(w, up);
		if (!tcpvs_upstream_stale(up))
			return up;
		tcpvs_upstream_close(w, up, TCPVS_CLOSE_FIN);
	}
	return NULL;
}

/**
 * tcpvs_upstream_open() - begin a new connection
 * @w: worker
 * @srv: the server
 * @sc: configuration of its service
 * @conn: the client connection it is for
 * @upp: set to the connection on success; it may be not established yet, an
 *	event comes when that changes
 *
 * Return: 0 or a negative error, -ENOMEM among them.
 */
int tcpvs_upstream_open(struct tcpvs_worker *w, struct tcpvs_server *srv,
			const struct tcpvs_service_conf *sc,
			struct tcpvs_conn *conn, struct tcpvs_upstream **upp)
{
	struct sockaddr_storage ss;
	struct tcpvs_upstream *up;
	int len, err;

	up = kmem_cache_zalloc(upstream_cache, GFP_KERNEL);
	if (!up)
		return -ENOMEM;
	up->leg.node.step = upstream_step;
	INIT_LIST_HEAD(&up->link);
	tcpvs_timer_init(&up->timer, upstream_expire);
	up->conn = conn;

	err = sock_create_kern(srv->svc->tn->net, srv->addr.family, SOCK_STREAM,
			       IPPROTO_TCP, &up->leg.sock);
	if (err) {
		upstream_free(up);
		return err;
	}
	tcpvs_server_get(srv);
	up->srv = srv;
	tcpvs_sock_tune(up->leg.sock->sk,
			sc->limit[TCPVS_A_LIMITS_RECEIVE_BUFFER]);
	tcpvs_leg_attach(&up->leg, w);
	up->opened = tcpvs_clock_read(w);
	len = tcpvs_addr_sockaddr(&srv->addr, &ss);
	err = kernel_connect(up->leg.sock, (void *)&ss, len, O_NONBLOCK);
	if (err && err != -EINPROGRESS) {
		tcpvs_upstream_close(w, up, TCPVS_CLOSE_RST);
		return err;
	}
	*upp = up;
	return 0;
}

/**
 * tcpvs_upstream_pool() - keep a connection for another request
 * @w: worker
 * @up: connection, in a state to take one; closed if there is no place for it
 * @sc: configuration of its service, or NULL if that is gone
 */
void tcpvs_upstream_pool(struct tcpvs_worker *w, struct tcpvs_upstream *up,
			 const struct tcpvs_service_conf *sc)
{
	struct tcpvs_server_cpu *cpu = server_cpu(w, up->srv);
	u32 max;

	up->conn = NULL;
	max = sc ? DIV_ROUND_UP(sc->limit[TCPVS_A_LIMITS_POOL_CONNECTIONS],
				tcpvs_nworkers) : 0;
	if (cpu->nidle >= max || READ_ONCE(up->srv->dead) ||
	    tcpvs_upstream_stale(up)) {
		tcpvs_upstream_close(w, up, TCPVS_CLOSE_FIN);
		return;
	}
	list_add(&up->link, &cpu->idle);
	WRITE_ONCE(cpu->nidle, cpu->nidle + 1);
	tcpvs_timer_set(w, &up->timer, jiffies + sc->timeout[TCPVS_A_TIMEOUTS_POOL]);
}

/**
 * tcpvs_upstream_close() - end a connection
 * @w: worker
 * @up: connection, not in the pool; gone afterwards
 * @how: TCPVS_CLOSE_FIN or TCPVS_CLOSE_RST
 */
void tcpvs_upstream_close(struct tcpvs_worker *w, struct tcpvs_upstream *up,
			  enum tcpvs_close how)
{
	tcpvs_timer_stop(w, &up->timer);
	up->conn = NULL;
	tcpvs_leg_close(&up->leg, how);
	tcpvs_server_put(up->srv);
	/* Detached: it cannot be pushed again, only lie on the queue still. */
	if (!test_bit(0, &up->leg.node.queued))
		upstream_free(up);
}

static void purge(struct tcpvs_worker *w, void *arg)
{
	struct tcpvs_server *srv = arg;
	struct tcpvs_server_cpu *cpu = server_cpu(w, srv);

	while (!list_empty(&cpu->idle)) {
		struct tcpvs_upstream *up;

		up = list_first_entry(&cpu->idle, struct tcpvs_upstream, link);
		pool_remove(w, up);
		tcpvs_upstream_close(w, up, TCPVS_CLOSE_FIN);
	}
}

/**
 * tcpvs_workers_purge() - close a server's idle connections
 * @srv: the server, marked dead, referenced by the caller
 *
 * Context: process, not a worker. When it returns the pools are empty and stay
 *	so.
 */
void tcpvs_workers_purge(struct tcpvs_server *srv)
{
	WARN_ON_ONCE(!srv->dead);
	tcpvs_workers_call(purge, srv);
}

/**
 * tcpvs_upstream_init() - make the cache
 */
int tcpvs_upstream_init(void)
{
	upstream_cache = KMEM_CACHE(tcpvs_upstream, SLAB_ACCOUNT);
	return upstream_cache ? 0 : -ENOMEM;
}

/**
 * tcpvs_upstream_exit() - destroy the cache, after the last connection
 */
void tcpvs_upstream_exit(void)
{
	kmem_cache_destroy(upstream_cache);
}
