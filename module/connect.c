// SPDX-License-Identifier: GPL-2.0
/*
 * connect.c - 4 schedule and 5 connect, for one connection
 *
 * A request (in mode tcp a connection) asks the scheduler of its service's
 * newest configuration for a server, takes a pooled connection to it or opens
 * one, and goes on to the next server while connects fail. Nothing has been
 * sent yet in that time, so nothing can happen twice.
 *
 * A server counts what is in flight from the moment it is chosen, so that
 * choices made while connects are pending see each other.
 */
#include <net/tcp.h>

#include "conn.h"

static bool established(const struct tcpvs_upstream *up)
{
	return READ_ONCE(up->leg.sock->sk->sk_state) == TCP_ESTABLISHED;
}

static int connected(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	server_count(w, c->up->srv, REQUESTS);
	if (c->svc->mode == TCPVS_MODE_TCP)
		return tcpvs_tunnel_begin(w, c);
	return tcpvs_exchange_begin(w, c);
}

static int no_server(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	conn_count(w, c, NO_SERVER);
	if (c->svc->mode == TCPVS_MODE_TCP)
		return tcpvs_conn_close(w, c, TCPVS_CLOSE_RST);
	return tcpvs_answer(w, c, 503);
}

static void failed(struct tcpvs_worker *w, struct tcpvs_conn *c,
		   struct tcpvs_server *srv)
{
	conn_count(w, c, CONNECT_ERRORS);
	server_count(w, srv, CONNECT_ERRORS);
	c->pick.tried[c->pick.ntried++] = srv->id;
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
	atomic_dec(&up->srv->inflight);
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
	atomic_dec(&up->srv->inflight);
	tcpvs_upstream_pool(w, up, tcpvs_service_current(c->svc));
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

	if (!sc)
		return tcpvs_conn_close(w, c, TCPVS_CLOSE_RST);
	c->state = TCPVS_CONN_CONNECT;
	for (;;) {
		struct tcpvs_server *srv;
		int i, err;

		if (c->pick.ntried > sc->limit[TCPVS_A_LIMITS_RETRIES])
			return no_server(w, c);
		i = sc->set->ops->pick(sc->set, &c->pick);
		if (i < 0)
			return no_server(w, c);
		srv = sc->set->member[i].srv;
		if (c->pick.ntried)
			conn_count(w, c, RETRIES);

		if (http && !(c->flags & TCPVS_CF_FRESH)) {
			c->up = tcpvs_upstream_idle(w, srv);
			if (c->up) {
				c->up->conn = c;
				atomic_inc(&srv->inflight);
				conn_count(w, c, POOL_HITS);
				server_count(w, srv, POOL_HITS);
				return connected(w, c);
			}
		}
		err = tcpvs_upstream_open(w, srv, sc, c, &c->up);
		if (err == -ENOMEM || err == -ENOBUFS)
			return tcpvs_conn_memory(w, c);
		if (err) {
			failed(w, c, srv);
			continue;
		}
		atomic_inc(&srv->inflight);
		if (http)
			conn_count(w, c, POOL_MISSES);
		tcpvs_conn_deadline(w, c, TCPVS_A_TIMEOUTS_CONNECT);
		/* Over loopback it may be there already. */
		return TCPVS_STEP_AGAIN;
	}
}

/* The connect at hand has failed: the next server. */
static int next_server(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	failed(w, c, c->up->srv);
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
		conn_count(w, c, RESETS_CLIENT);
		return tcpvs_conn_close(w, c, TCPVS_CLOSE_RST);
	}
	if (!c->up)
		return tcpvs_connect_begin(w, c);
	if (established(c->up)) {
		conn_count(w, c, CONNECTS);
		server_count(w, c->up->srv, CONNECTS);
		return connected(w, c);
	}
	if (READ_ONCE(c->up->leg.sock->sk->sk_state) == TCP_SYN_SENT)
		return TCPVS_STEP_IDLE;
	/* Refused, unreachable, or closed again before we came to look. */
	return next_server(w, c);
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
	return next_server(w, c);
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
	server_count(w, c->up->srv, ABORTED);
	c->flags |= TCPVS_CF_FRESH;
	tcpvs_connect_release(w, c, TCPVS_CLOSE_RST);
	return tcpvs_connect_begin(w, c);
}
