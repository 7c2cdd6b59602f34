// SPDX-License-Identifier: GPL-2.0
/*
 * conn.c - a client's connection from its hand-over to its end
 *
 * Admission (limits, choice of the worker), the dispatch of steps to what a
 * connection is doing, its one deadline, lingering at the end, and the two
 * phases of its death. See conn.h for who may touch what.
 *
 * Everything but tcpvs_conn_accept()'s hand-off runs in the worker that owns
 * the connection.
 */
#include <linux/slab.h>
#include <net/tcp.h>

#include "conn.h"
#include "latency.h"
#include "log.h"
#include "trace.h"

#define STEP_BUDGET	16		/* changes of state in one step */
#define MEMORY_WAIT	(HZ / 20)	/* before trying again */
#define LINGER_TIME	(2 * HZ)
#define LINGER_BYTES	(256 * 1024)	/* thrown away before giving up */
#define REFUSALS_MAX	64		/* told so at one time by a worker */
#define PRESSURE_STALL	HZ		/* without progress, to be given up */
#define PRESSURE_BYTES	(64 * 1024)	/* queued, to be worth giving up */

static struct kmem_cache *conn_cache;

static void conn_free(struct tcpvs_conn *c)
{
	kmem_cache_free(conn_cache, c);
}

/**
 * tcpvs_conn_deadline() - say how long the present state may take
 * @w: worker
 * @c: connection
 * @which: TCPVS_A_TIMEOUTS_*
 */
void tcpvs_conn_deadline(struct tcpvs_worker *w, struct tcpvs_conn *c, int which)
{
	const struct tcpvs_service_conf *sc = tcpvs_service_current(c->svc);

	c->progress = jiffies;
	/* A service being deleted: its connections are about to be reset. */
	c->deadline = jiffies + (sc ? sc->timeout[which] : HZ);
	if (!(c->flags & TCPVS_CF_MEMORY) ||
	    time_before(c->deadline, c->timer.deadline))
		tcpvs_timer_set(w, &c->timer, c->deadline);
}

/**
 * tcpvs_conn_memory() - step again after a while; no socket event will come
 * @w: worker
 * @c: connection
 *
 * Return: TCPVS_STEP_IDLE.
 */
int tcpvs_conn_memory(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	if (!(c->flags & TCPVS_CF_MEMORY)) {
		c->flags |= TCPVS_CF_MEMORY;
		conn_count(w, c, MEMORY_WAITS);
		tcpvs_timer_set(w, &c->timer, jiffies + MEMORY_WAIT);
	}
	return TCPVS_STEP_IDLE;
}

/**
 * tcpvs_conn_broken() - was a leg reset, or given up by TCP?
 * @leg: leg with its socket
 *
 * Not so if its peer had ended it in order before.
 */
bool tcpvs_conn_broken(const struct tcpvs_leg *leg)
{
	const struct sock *sk = leg->sock->sk;

	return READ_ONCE(sk->sk_state) == TCP_CLOSE && !sock_flag(sk, SOCK_DONE);
}

/**
 * tcpvs_conn_close() - end a connection
 * @w: worker
 * @c: connection; gone afterwards
 * @how: how the client sees it
 *
 * Return: TCPVS_STEP_DEAD.
 */
int tcpvs_conn_close(struct tcpvs_worker *w, struct tcpvs_conn *c,
		     enum tcpvs_close how)
{
	struct tcpvs_service *svc = c->svc;

	if (c->flags & TCPVS_CF_REQUEST || how == TCPVS_CLOSE_RST)
		tcpvs_conn_cause(c, TCPVS_CAUSE_OTHER);
	tcpvs_log_end(w, c);
	if (c->flags & TCPVS_CF_REQUEST || c->state == TCPVS_CONN_TUNNEL)
		trace_tcpvs_account(w, c, 0);
	trace_tcpvs_close(w, c, how);
	tcpvs_latency_end(w, c, c->state == TCPVS_CONN_TUNNEL ? c->up->srv : NULL);
	if (c->flags & TCPVS_CF_REQUEST) {
		c->flags &= ~TCPVS_CF_REQUEST;
		conn_count(w, c, ABORTED);
		if (c->up)
			server_count(w, c->up->srv, ABORTED);
	}
	if (c->up)
		tcpvs_connect_release(w, c, how);
	tcpvs_peer_end(w, c);
	tcpvs_flow_reset(&c->req);
	tcpvs_flow_reset(&c->resp);
	tcpvs_timer_stop(w, &c->timer);
	list_del(&c->link);
	atomic_dec(&w->nconns);
	c->state = TCPVS_CONN_DEAD;
	tcpvs_leg_close(&c->cl, how);

	if (c->flags & TCPVS_CF_COUNTED) {
		atomic_dec(&svc->tn->nconn);
		atomic_dec(&svc->nconn);
	} else {
		w->refusals--;
	}
	tcpvs_service_put(svc);
	/* Detached: it cannot be pushed again, only lie on the queue still. */
	if (!test_bit(0, &c->cl.node.queued))
		conn_free(c);
	return TCPVS_STEP_DEAD;
}

/**
 * tcpvs_conn_finish() - end a connection whose last byte has been sent
 * @w: worker
 * @c: connection without a server connection
 *
 * Closing a socket with unread data sends a reset, which may destroy the answer
 * on its way. If the client has sent more than was read, or may be about to, we
 * end our direction only and read on for a while.
 *
 * Return: what a step returns.
 */
int tcpvs_conn_finish(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	struct sock *sk = c->cl.sock->sk;

	if (c->flags & TCPVS_CF_REQ_DONE && !tcp_inq(sk))
		return tcpvs_conn_close(w, c, TCPVS_CLOSE_FIN);
	tcpvs_peer_end(w, c);
	tcpvs_flow_reset(&c->req);
	tcpvs_flow_reset(&c->resp);
	kernel_sock_shutdown(c->cl.sock, SHUT_WR);
	c->state = TCPVS_CONN_LINGER;
	c->deadline = jiffies + LINGER_TIME;
	tcpvs_timer_set(w, &c->timer, c->deadline);
	return TCPVS_STEP_AGAIN;
}

static int linger_step(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	struct sock *sk = c->cl.sock->sk;
	int n;

	lock_sock(sk);
	n = tcp_inq(sk);
	if (n > 0)
		tcp_read_done(sk, n);
	release_sock(sk);
	c->req.moved += n;
	if (sk->sk_shutdown & RCV_SHUTDOWN || sk->sk_state == TCP_CLOSE ||
	    c->req.moved > LINGER_BYTES)
		return tcpvs_conn_close(w, c, TCPVS_CLOSE_FIN);
	return TCPVS_STEP_IDLE;
}

static int conn_start(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	u8 state = READ_ONCE(c->svc->state);

	/* The clock, but never the same time twice: it is the connection's name. */
	w->born = max(ktime_get_ns() >> TCPVS_BORN_SHIFT, w->born + 1);
	c->born = w->born;
	c->born_high = w->born >> 32;
	list_add_tail(&c->link, &w->conns);
	/* Handed over while the service stopped: too late for its last call. */
	if (state == TCPVS_SERVICE_STATE_STOPPED)
		return tcpvs_conn_close(w, c, TCPVS_CLOSE_RST);
	if (state != TCPVS_SERVICE_STATE_RUNNING)
		c->flags |= TCPVS_CF_DRAIN;
	if (c->flags & TCPVS_CF_HANDED)
		tcpvs_worker_count(w, TCPVS_A_WORKER_HANDOFFS_IN);
	tcpvs_leg_attach(&c->cl, w);
	trace_tcpvs_accept(w, c);
	if (!(c->flags & TCPVS_CF_COUNTED)) {
		c->method = TCPVS_M_OTHER;
		return tcpvs_answer(w, c, 503);
	}
	conn_count(w, c, CONNECTIONS);
	return tcpvs_peer_start(w, c);
}

/**
 * tcpvs_conn_begin() - the client is known: its stream begins
 * @w: worker
 * @c: connection
 *
 * Return: what a step returns.
 */
int tcpvs_conn_begin(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	if (c->svc->mode == TCPVS_MODE_TCP) {
		conn_count(w, c, REQUESTS);
		tcpvs_latency_begin(w, c);
		tcpvs_log_begin(w, c, NULL, NULL);
		return tcpvs_connect_begin(w, c);
	}
	c->state = c->svc->mode == TCPVS_MODE_TLS ? TCPVS_CONN_HELLO :
						    TCPVS_CONN_HEAD;
	tcpvs_conn_deadline(w, c, TCPVS_A_TIMEOUTS_HEAD);
	return TCPVS_STEP_AGAIN;
}

/**
 * tcpvs_conn_step() - do what can be done now for a connection
 * @w: its worker
 * @c: connection
 *
 * Return: TCPVS_STEP_DEAD, _IDLE or _MORE.
 */
int tcpvs_conn_step(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	unsigned int budget = STEP_BUDGET;
	int r;

	/*
	 * The timer will step it. Events mean nothing till then: a send that
	 * fails for memory with nothing in flight reports room at once.
	 */
	if (c->flags & TCPVS_CF_MEMORY)
		return TCPVS_STEP_IDLE;

	do {
		switch (c->state) {
		case TCPVS_CONN_NEW:
			r = conn_start(w, c);
			break;
		case TCPVS_CONN_PROXY:
			r = tcpvs_peer_step(w, c);
			break;
		case TCPVS_CONN_HELLO:
			r = tcpvs_hello_step(w, c);
			break;
		case TCPVS_CONN_HEAD:
			r = tcpvs_request_step(w, c);
			break;
		case TCPVS_CONN_CONNECT:
			r = tcpvs_connect_step(w, c);
			break;
		case TCPVS_CONN_EXCHANGE:
			r = tcpvs_exchange_step(w, c);
			break;
		case TCPVS_CONN_TUNNEL:
			r = tcpvs_tunnel_step(w, c);
			break;
		case TCPVS_CONN_ANSWER:
			r = tcpvs_answer_step(w, c);
			break;
		case TCPVS_CONN_LINGER:
			r = linger_step(w, c);
			break;
		default:
			WARN_ON_ONCE(1);
			r = TCPVS_STEP_DEAD;
		}
	} while (r == TCPVS_STEP_AGAIN && --budget);
	return r == TCPVS_STEP_AGAIN ? TCPVS_STEP_MORE : r;
}

static int conn_node_step(struct tcpvs_worker *w, struct tcpvs_node *node)
{
	struct tcpvs_conn *c = container_of(node, struct tcpvs_conn, cl.node);

	if (c->state == TCPVS_CONN_DEAD) {
		/* Closed while it was queued; nobody else knows it any more. */
		conn_free(c);
		return TCPVS_STEP_DEAD;
	}
	return tcpvs_conn_step(w, c);
}

static int conn_timeout(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	const struct tcpvs_service_conf *sc = tcpvs_service_current(c->svc);

	switch (c->state) {
	case TCPVS_CONN_PROXY:
		conn_count(w, c, TIMEOUT_HEAD);
		return tcpvs_conn_close(w, c, TCPVS_CLOSE_FIN);
	case TCPVS_CONN_HELLO:
		return tcpvs_hello_timeout(w, c);
	case TCPVS_CONN_HEAD:
		if (c->flags & TCPVS_CF_HEAD_PART) {
			conn_count(w, c, TIMEOUT_HEAD);
			return tcpvs_answer(w, c, 408);
		}
		if (!(c->flags & TCPVS_CF_SERVED))
			conn_count(w, c, TIMEOUT_HEAD);
		else if (sc && tcpvs_peer_aged(c, sc))
			conn_count(w, c, LIMIT_AGE);
		else
			conn_count(w, c, TIMEOUT_IDLE);
		return tcpvs_conn_close(w, c, TCPVS_CLOSE_FIN);
	case TCPVS_CONN_CONNECT:
		return tcpvs_connect_timeout(w, c);
	case TCPVS_CONN_EXCHANGE:
		return tcpvs_exchange_timeout(w, c);
	case TCPVS_CONN_TUNNEL:
		conn_fail(w, c, TIMEOUT_IDLE);
		return tcpvs_conn_close(w, c, TCPVS_CLOSE_FIN);
	case TCPVS_CONN_ANSWER:
		conn_fail(w, c, TIMEOUT_BODY);
		return tcpvs_conn_close(w, c, TCPVS_CLOSE_RST);
	default:
		return tcpvs_conn_close(w, c, TCPVS_CLOSE_FIN);
	}
}

static void conn_expire(struct tcpvs_worker *w, struct tcpvs_timer *t)
{
	struct tcpvs_conn *c = container_of(t, struct tcpvs_conn, timer);
	int r;

	if (time_before(jiffies, c->deadline)) {
		/* Armed for a lack of memory; the deadline stands. */
		c->flags &= ~TCPVS_CF_MEMORY;
		tcpvs_timer_set(w, &c->timer, c->deadline);
		r = tcpvs_conn_step(w, c);
	} else {
		c->flags &= ~TCPVS_CF_MEMORY;
		r = conn_timeout(w, c);
	}
	if (r > 0)
		tcpvs_worker_push(w, &c->cl.node);
}

/* Above its share, a worker gives a new connection to the least loaded one. */
static struct tcpvs_worker *choose_worker(struct tcpvs_worker *w)
{
	struct tcpvs_worker *least = tcpvs_worker_least();
	int mine = atomic_read(&w->nconns), its = atomic_read(&least->nconns);

	return mine > its + its / 8 ? least : w;
}

/**
 * tcpvs_conn_accept() - admit a connection
 * @w: worker that accepted it
 * @svc: the service
 * @sock: the connection's socket, ours from here on
 * @listener: leg of the listening socket
 */
void tcpvs_conn_accept(struct tcpvs_worker *w, struct tcpvs_service *svc,
		       struct socket *sock, const struct tcpvs_leg *listener)
{
	const struct tcpvs_service_conf *sc = tcpvs_service_current(svc);
	struct tcpvs_net *tn = svc->tn;
	struct tcpvs_worker *to;
	struct tcpvs_conn *c;
	u32 limit, n;

	c = sc ? kmem_cache_zalloc(conn_cache, GFP_KERNEL) : NULL;
	if (!c) {
		tcpvs_count(per_cpu_ptr(svc->stats, w->cpu),
			    TCPVS_A_STATS_REFUSED_MEMORY);
		goto refuse;
	}
	limit = sc->limit[TCPVS_A_LIMITS_CONNECTIONS] ?: U32_MAX;
	n = atomic_inc_return(&svc->nconn);
	if (n > limit || atomic_inc_return(&tn->nconn) > tn->max_connections) {
		if (n <= limit)
			atomic_dec(&tn->nconn);
		atomic_dec(&svc->nconn);
		tcpvs_count(per_cpu_ptr(svc->stats, w->cpu),
			    TCPVS_A_STATS_REFUSED_LIMIT);
		if (svc->mode != TCPVS_MODE_HTTP || w->refusals >= REFUSALS_MAX) {
			conn_free(c);
			goto refuse;
		}
	} else {
		c->flags |= TCPVS_CF_COUNTED;
	}

	c->cl.sock = sock;
	c->cl.node.step = conn_node_step;
	/* The socket's own callback is its listener's, that is to say ours. */
	c->cl.data_ready = listener->data_ready;
	INIT_LIST_HEAD(&c->link);
	tcpvs_timer_init(&c->timer, conn_expire);
	tcpvs_service_get(svc);
	c->svc = svc;

	to = c->flags & TCPVS_CF_COUNTED ? choose_worker(w) : w;
	atomic_inc(&to->nconns);
	if (!(c->flags & TCPVS_CF_COUNTED))
		w->refusals++;
	if (to != w) {
		tcpvs_worker_count(w, TCPVS_A_WORKER_HANDOFFS_OUT);
		conn_count(w, c, HANDOFFS);
		c->flags |= TCPVS_CF_HANDED;
	}
	c->cl.worker = to;
	tcpvs_worker_push(to, &c->cl.node);
	return;

refuse:
	sock_no_linger(sock->sk);
	sock_release(sock);
}

static u32 leg_queued(const struct tcpvs_leg *leg)
{
	const struct sock *sk = leg->sock->sk;

	return READ_ONCE(sk->sk_wmem_queued) + atomic_read(&sk->sk_rmem_alloc);
}

/**
 * tcpvs_conn_cut() - reset a connection, whatever goes on over it
 * @w: worker
 * @c: connection; gone afterwards
 *
 * A response that breaks off is counted; why it is cut is the caller's to count.
 */
void tcpvs_conn_cut(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	if (c->flags & TCPVS_CF_RESP_HEAD)
		conn_count(w, c, BROKEN);
	tcpvs_conn_close(w, c, TCPVS_CLOSE_RST);
}

/**
 * tcpvs_conns_pressure() - give memory back when TCP runs short of it
 * @w: worker
 *
 * TCP's memory is one pool for all sockets of the machine; connections that
 * stand still with their buffers full would make everybody else wait. One is
 * given up at a time: of those with bytes queued the one longest without
 * progress.
 */
void tcpvs_conns_pressure(struct tcpvs_worker *w)
{
	struct tcpvs_conn *c, *worst = NULL;
	u32 now = jiffies;

	list_for_each_entry(c, &w->conns, link) {
		if (c->state != TCPVS_CONN_EXCHANGE &&
		    c->state != TCPVS_CONN_TUNNEL && c->state != TCPVS_CONN_ANSWER)
			continue;
		if (time_before32(now, c->progress + PRESSURE_STALL) ||
		    (worst && !time_before32(c->progress, worst->progress)))
			continue;
		if (leg_queued(&c->cl) + (c->up ? leg_queued(&c->up->leg) : 0) >=
		    PRESSURE_BYTES)
			worst = c;
	}
	if (!worst)
		return;
	conn_fail(w, worst, EVICTED);
	tcpvs_conn_cut(w, worst);
}

static void drain(struct tcpvs_worker *w, void *arg)
{
	struct tcpvs_conn *c, *tmp;

	list_for_each_entry_safe(c, tmp, &w->conns, link) {
		if (c->svc != arg)
			continue;
		c->flags |= TCPVS_CF_DRAIN;
		if ((c->state == TCPVS_CONN_HEAD ||
		     c->state == TCPVS_CONN_HELLO ||
		     c->state == TCPVS_CONN_PROXY) && !tcp_inq(c->cl.sock->sk))
			tcpvs_conn_close(w, c, TCPVS_CLOSE_FIN);
	}
}

static void reset(struct tcpvs_worker *w, void *arg)
{
	struct tcpvs_conn *c, *tmp;

	list_for_each_entry_safe(c, tmp, &w->conns, link) {
		if (c->svc != arg)
			continue;
		if (READ_ONCE(c->svc->state) == TCPVS_SERVICE_STATE_DRAINING)
			conn_fail(w, c, TIMEOUT_DRAIN);
		tcpvs_conn_close(w, c, TCPVS_CLOSE_RST);
	}
}

/**
 * tcpvs_workers_drain() - let a service's exchanges finish and no more begin
 * @svc: the service; its state says so already
 *
 * Context: process, not a worker.
 */
void tcpvs_workers_drain(struct tcpvs_service *svc)
{
	tcpvs_workers_call(drain, svc);
}

/**
 * tcpvs_workers_reset() - reset all connections of a service
 * @svc: the service; it accepts none any more. Its state is DRAINING if the
 *	time for that is over, else STOPPED
 *
 * Context: process, not a worker.
 */
void tcpvs_workers_reset(struct tcpvs_service *svc)
{
	tcpvs_workers_call(reset, svc);
}

/**
 * tcpvs_conn_init() - make the cache
 */
int tcpvs_conn_init(void)
{
	/* What an idle client costs besides its socket. */
	BUILD_BUG_ON(sizeof(struct tcpvs_conn) > 512);
	conn_cache = KMEM_CACHE(tcpvs_conn, SLAB_ACCOUNT);
	return conn_cache ? 0 : -ENOMEM;
}

/**
 * tcpvs_conn_exit() - destroy the cache, after the last connection
 */
void tcpvs_conn_exit(void)
{
	kmem_cache_destroy(conn_cache);
}
