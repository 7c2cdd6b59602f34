// SPDX-License-Identifier: GPL-2.0
/*
 * connect.c - 4 schedule and 5 connect, for one connection
 *
 * A request (in modes tcp and tls a connection) asks the scheduler of its set, or
 * of its service, in the newest configuration for a server, takes a pooled
 * connection to it or opens one, and goes on to the next server while connects
 * fail, and to the fallback server of the service when there is none left. Nothing
 * has been sent yet in that time, so nothing can happen twice.
 *
 * A server counts what is in flight from the moment it is chosen, so that
 * choices made while connects are pending see each other.
 */
#include <net/tcp.h>

#include "conn.h"
#include "latency.h"
#include "log.h"
#include "sticky.h"
#include "trace.h"

static bool established(const struct tcpvs_upstream *up)
{
	return READ_ONCE(up->leg.sock->sk->sk_state) == TCP_ESTABLISHED;
}

static u32 clock_now(void)
{
	return ktime_get_ns() >> 10 ?: 1;
}

/* A multiple of 73 minutes is lost; lt takes anything above one for the same. */
static u64 took(const struct tcpvs_conn *c)
{
	return c->asked ? (u64)(clock_now() - c->asked) << 10 : 0;
}

/**
 * tcpvs_connect_asked() - from now on the time is the server's
 * @c: connection
 */
void tcpvs_connect_asked(struct tcpvs_conn *c)
{
	if (c->asked)
		c->asked = clock_now();
}

/**
 * tcpvs_connect_answered() - the server has begun to answer
 * @c: connection with its server connection
 *
 * An answer to a request that is not whole yet says nothing about the time.
 */
void tcpvs_connect_answered(struct tcpvs_conn *c)
{
	if (!c->asked)
		return;
	if (c->svc->mode != TCPVS_MODE_HTTP || c->flags & TCPVS_CF_REQ_DONE)
		tcpvs_load_sample(&c->up->srv->load, took(c), ktime_get_ns());
	c->asked = 0;
}

/**
 * tcpvs_connect_failed() - the server has failed a connect or a request
 * @c: connection
 * @srv: the server
 */
void tcpvs_connect_failed(struct tcpvs_conn *c, struct tcpvs_server *srv)
{
	if (c->asked || atomic64_read(&srv->load.latency))
		tcpvs_load_failed(&srv->load, took(c), ktime_get_ns());
	c->asked = 0;
}

/* The server that the client's cookie names has failed this request. */
static bool claim_failed(const struct tcpvs_conn *c)
{
	return c->flags & TCPVS_CF_COOKIE && c->ntried && c->claim &&
	       c->claim == c->tried[0];
}

/* How many servers are tried; a client's own is one more than the others. */
static unsigned int tries(const struct tcpvs_conn *c,
			  const struct tcpvs_service_conf *sc)
{
	unsigned int n = sc->limit[TCPVS_A_LIMITS_RETRIES];

	return n < TCPVS_TRIES_MAX && claim_failed(c) ? n + 1 : n;
}

/*
 * The next server of the set to try, or NULL. The one that the client's cookie
 * names goes before what the scheduler says, of weight 0 too.
 */
static struct tcpvs_server *choose(struct tcpvs_conn *c, struct tcpvs_set *set,
				   u64 key)
{
	struct tcpvs_pick pick = {
		.key = key,
		.tried = c->tried,
		.ntried = c->ntried,
	};
	int i;

	c->asked = set->ops->timed ? clock_now() : 0;
	if (unlikely(c->flags & TCPVS_CF_COOKIE) && c->claim &&
	    !tcpvs_pick_tried(&pick, c->claim)) {
		i = tcpvs_sticky_member(set, c->claim);
		if (i >= 0)
			return set->member[i].srv;
	}
	i = set->ops->pick(set, &pick);
	return i < 0 ? NULL : set->member[i].srv;
}

/* The fallback server, if there is one to try. */
static struct tcpvs_server *fall_back(struct tcpvs_conn *c,
				      const struct tcpvs_service_conf *sc)
{
	c->asked = 0;
	return c->flags & TCPVS_CF_FELL ? NULL : sc->fallback.srv;
}

static int connected(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	server_count(w, c->up->srv, REQUESTS);
	if (c->svc->mode != TCPVS_MODE_HTTP) {
		tcpvs_connect_answered(c);
		return tcpvs_tunnel_begin(w, c);
	}
	return tcpvs_exchange_begin(w, c);
}

static int no_server(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	conn_fail(w, c, NO_SERVER);
	if (c->svc->mode != TCPVS_MODE_HTTP)
		return tcpvs_conn_close(w, c, TCPVS_CLOSE_RST);
	return tcpvs_answer(w, c, 503);
}

static void failed(struct tcpvs_worker *w, struct tcpvs_conn *c,
		   struct tcpvs_server *srv, int err)
{
	trace_tcpvs_connect(w, c, srv, err);
	conn_count(w, c, CONNECT_ERRORS);
	server_count(w, srv, CONNECT_ERRORS);
	tcpvs_connect_failed(c, srv);
	if (srv->fallback) {
		c->flags |= TCPVS_CF_FELL;
		return;
	}
	/* The last is not stored: nothing is tried after it. */
	if (c->ntried < TCPVS_TRIES_MAX)
		c->tried[c->ntried] = srv->id;
	c->ntried++;
}

/**
 * tcpvs_connect_release() - end the connection to the server
 * @w: worker
 * @c: connection that has one
 * @how: how the server sees it
 */
void tcpvs_connect_release(struct tcpvs_worker *w, struct tcpvs_conn *c,
			   enum tcpvs_close how)
{
	struct tcpvs_upstream *up = c->up;

	c->up = NULL;
	atomic_dec(&up->srv->load.inflight);
	tcpvs_upstream_close(w, up, how);
}

/**
 * tcpvs_connect_pool() - give the connection to the server back for reuse
 * @w: worker
 * @c: connection that has one, idle and in order
 */
void tcpvs_connect_pool(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	struct tcpvs_upstream *up = c->up;

	c->up = NULL;
	atomic_dec(&up->srv->load.inflight);
	if (up->owned)
		tcpvs_peer_keep(w, c, up);
	else
		tcpvs_upstream_pool(w, up, tcpvs_service_current(c->svc));
}

/* Send the request over a connection that carried one before. */
static int reuse(struct tcpvs_worker *w, struct tcpvs_conn *c,
		 struct tcpvs_upstream *up)
{
	c->up = up;
	up->conn = c;
	up->reused = true;
	atomic_inc(&up->srv->load.inflight);
	conn_count(w, c, POOL_HITS);
	server_count(w, up->srv, POOL_HITS);
	tcpvs_log_server(c, up->srv, true);
	trace_tcpvs_connect(w, c, up->srv, TCPVS_TRACE_POOLED);
	return connected(w, c);
}

static bool in_set(const struct tcpvs_set *set, const struct tcpvs_server *srv)
{
	unsigned int i;

	for (i = 0; i < set->n; i++)
		if (set->member[i].srv == srv)
			return true;
	return false;
}

/*
 * The connection that waits for this client. If the client has proved on it who
 * it is, it goes before what the scheduler of @set would say; else it has to be the
 * chosen server's. One that is not used now never will be. Return: it, or NULL.
 */
static struct tcpvs_upstream *own(struct tcpvs_worker *w, struct tcpvs_conn *c,
				  const struct tcpvs_set *set,
				  const struct tcpvs_server *chosen)
{
	struct tcpvs_upstream *up = tcpvs_peer_own(w, c);

	if (!up || (!chosen && (!up->proved || !in_set(set, up->srv))))
		return NULL;
	if (c->flags & TCPVS_CF_FRESH || (chosen && up->srv != chosen)) {
		tcpvs_peer_forget(w, c);
		return NULL;
	}
	c->extra->own = NULL;
	return up;
}

/**
 * tcpvs_connect_begin() - find a server and a connection to it
 * @w: worker
 * @c: connection without one
 *
 * Return: what a step returns.
 */
int tcpvs_connect_begin(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	const struct tcpvs_service_conf *sc = tcpvs_service_current(c->svc);
	bool http = c->svc->mode == TCPVS_MODE_HTTP;
	struct tcpvs_set *set;
	u64 key = 0;
	bool fresh;
	int step;

	if (!sc)
		return tcpvs_conn_close(w, c, TCPVS_CLOSE_RST);
	if (unlikely(c->routed.serial != sc->serial) &&
	    !tcpvs_rule_again(w, c, sc, &step))
		return step;
	fresh = c->routed.fresh;
	c->routed.fresh = false;
	set = tcpvs_rule_set(c, sc);
	if (set->ops->keyed)
		key = tcpvs_rule_key(w, c, sc, fresh);
	c->state = TCPVS_CONN_CONNECT;
	if (c->extra) {
		struct tcpvs_upstream *up = own(w, c, set, NULL);

		c->asked = 0;
		if (up)
			return reuse(w, c, up);
	}
	for (;;) {
		struct tcpvs_upstream *up = NULL;
		struct tcpvs_server *srv = NULL;
		int err;

		if (!c->ntried || c->ntried <= tries(c, sc))
			srv = choose(c, set, key);
		if (!srv)
			srv = fall_back(c, sc);
		if (!srv)
			return no_server(w, c);
		trace_tcpvs_schedule(w, c, srv);
		if (c->ntried) {
			conn_count(w, c, RETRIES);
			tcpvs_log_retry(c);
		}

		if (c->extra)
			up = own(w, c, set, srv);
		/* A pooled connection was not told who this client is. */
		if (!up && http && !(c->flags & TCPVS_CF_FRESH) && !sc->send_proxy)
			up = tcpvs_upstream_idle(w, srv);
		if (up)
			return reuse(w, c, up);
		tcpvs_log_server(c, srv, false);
		err = tcpvs_upstream_open(w, srv, sc, c, &c->up);
		if (err == -ENOMEM || err == -ENOBUFS)
			return tcpvs_conn_memory(w, c);
		if (err) {
			failed(w, c, srv, err);
			continue;
		}
		atomic_inc(&srv->load.inflight);
		if (http)
			conn_count(w, c, POOL_MISSES);
		tcpvs_conn_deadline(w, c, TCPVS_A_TIMEOUTS_CONNECT);
		/* Over loopback it may be there already. */
		return TCPVS_STEP_AGAIN;
	}
}

/* The connect at hand has failed: the next server. */
static int next_server(struct tcpvs_worker *w, struct tcpvs_conn *c, int err)
{
	failed(w, c, c->up->srv, err);
	tcpvs_connect_release(w, c, TCPVS_CLOSE_RST);
	return tcpvs_connect_begin(w, c);
}

/**
 * tcpvs_connect_step() - look how a connect is doing
 * @w: worker
 * @c: connection
 *
 * Return: what a step returns.
 */
int tcpvs_connect_step(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	if (tcpvs_conn_broken(&c->cl)) {
		conn_fail(w, c, RESETS_CLIENT);
		return tcpvs_conn_close(w, c, TCPVS_CLOSE_RST);
	}
	if (!c->up)
		return tcpvs_connect_begin(w, c);
	if (established(c->up)) {
		int err = tcpvs_peer_announce(w, c);

		if (err == -ENOMEM)
			return tcpvs_conn_memory(w, c);
		if (err)
			return next_server(w, c, err);
		conn_count(w, c, CONNECTS);
		tcpvs_latency_connected(w, c);
		tcpvs_log_connected(c);
		trace_tcpvs_connect(w, c, c->up->srv, 0);
		server_count(w, c->up->srv, CONNECTS);
		return connected(w, c);
	}
	if (READ_ONCE(c->up->leg.sock->sk->sk_state) == TCP_SYN_SENT)
		return TCPVS_STEP_IDLE;
	/* Refused, unreachable, or closed again before we came to look. */
	return next_server(w, c, -ECONNREFUSED);
}

/**
 * tcpvs_connect_timeout() - a connect has taken too long
 * @w: worker
 * @c: connection
 *
 * Return: what a step returns.
 */
int tcpvs_connect_timeout(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	if (!c->up)
		return no_server(w, c);
	conn_count(w, c, TIMEOUT_CONNECT);
	server_count(w, c->up->srv, TIMEOUTS);
	return next_server(w, c, -ETIMEDOUT);
}

/**
 * tcpvs_connect_again() - a pooled connection was dead: one try on a fresh one
 * @w: worker
 * @c: connection whose request is still whole in its receive queue
 *
 * Return: what a step returns.
 */
int tcpvs_connect_again(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	conn_count(w, c, RETRIES);
	tcpvs_log_retry(c);
	/* What has gone wrong is mended. */
	c->cause = TCPVS_CAUSE_NONE;
	server_count(w, c->up->srv, ABORTED);
	c->flags |= TCPVS_CF_FRESH;
	tcpvs_connect_release(w, c, TCPVS_CLOSE_RST);
	return tcpvs_connect_begin(w, c);
}
