// SPDX-License-Identifier: GPL-2.0
/*
 * tunnel.c - 6 relay for modes tcp and tls, and for http after an upgrade
 *
 * Bytes go both ways until both sides have ended. The end of one direction is
 * passed on after its last byte and leaves the other one open; a reset is
 * passed on at once.
 *
 * Runs in the worker that owns the connection.
 */
#include <net/tcp.h>

#include "conn.h"
#include "latency.h"
#include "log.h"
#include "trace.h"

/**
 * tcpvs_tunnel_begin() - connect the two sides of a connection
 * @w: worker
 * @c: connection with its server connection
 *
 * Return: what a step returns.
 */
int tcpvs_tunnel_begin(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	c->state = TCPVS_CONN_TUNNEL;
	c->req.left = TCPVS_LEFT_EOF;
	c->req.flags = 0;
	c->resp.left = TCPVS_LEFT_EOF;
	c->resp.flags = 0;
	tcpvs_conn_deadline(w, c, TCPVS_A_TIMEOUTS_TUNNEL);
	trace_tcpvs_relay(w, c, 0);
	return TCPVS_STEP_AGAIN;
}

/* One direction. Return: TCPVS_RELAY_*, EOF when its end has been passed on. */
static int one_way(struct tcpvs_worker *w, struct tcpvs_flow *f,
		   struct tcpvs_leg *src, struct tcpvs_leg *dst, u64 *sent)
{
	int r;

	if (f->flags & TCPVS_FLOW_EOF)
		return TCPVS_RELAY_EOF;
	r = tcpvs_relay(w, f, src->sock, dst->sock, sent);
	if (r == TCPVS_RELAY_EOF) {
		f->flags |= TCPVS_FLOW_EOF;
		kernel_sock_shutdown(dst->sock, SHUT_WR);
	}
	return r;
}

static bool wants(int r, int what_a, int what_b)
{
	return r == what_a || r == what_b;
}

/**
 * tcpvs_tunnel_step() - move what can be moved
 * @w: worker
 * @c: connection
 *
 * Return: what a step returns.
 */
int tcpvs_tunnel_step(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	struct tcpvs_leg *cl = &c->cl, *up = &c->up->leg;
	struct tcpvs_server *srv = c->up->srv;
	u64 moved, out = 0, in = 0;
	bool client, server;
	int a, b;

	client = tcpvs_conn_broken(cl);
	server = tcpvs_conn_broken(up);
	if (client || server)
		goto reset;

	moved = c->req.moved;
	a = one_way(w, &c->req, cl, up, &out);
	conn_count_add(w, c, CLIENT_BYTES_IN, c->req.moved - moved);
	tcpvs_log_in(c, c->req.moved - moved);
	conn_count_add(w, c, SERVER_BYTES_OUT, out);
	server_count_add(w, srv, BYTES_OUT, out);

	moved = c->resp.moved;
	b = one_way(w, &c->resp, up, cl, &in);
	conn_count_add(w, c, SERVER_BYTES_IN, c->resp.moved - moved);
	conn_count_add(w, c, CLIENT_BYTES_OUT, in);
	tcpvs_log_out(c, in);
	if (in) {
		tcpvs_latency_answered(w, c);
		tcpvs_log_answered(c);
	}
	server_count_add(w, srv, BYTES_IN, c->resp.moved - moved);
	if (out || in)
		tcpvs_conn_deadline(w, c, TCPVS_A_TIMEOUTS_TUNNEL);

	client = a == TCPVS_RELAY_SRC || b == TCPVS_RELAY_DST;
	server = b == TCPVS_RELAY_SRC || a == TCPVS_RELAY_DST;
	if (client || server || a == TCPVS_RELAY_BAD || b == TCPVS_RELAY_BAD)
		goto reset;
	if (a == TCPVS_RELAY_EOF && b == TCPVS_RELAY_EOF) {
		/* In modes tcp and tls that is what an exchange comes to. */
		c->flags &= ~TCPVS_CF_REQUEST;
		return tcpvs_conn_close(w, c, TCPVS_CLOSE_FIN);
	}
	if (wants(TCPVS_RELAY_MEMORY, a, b))
		return tcpvs_conn_memory(w, c);
	return wants(TCPVS_RELAY_MORE, a, b) ? TCPVS_STEP_MORE : TCPVS_STEP_IDLE;

reset:
	if (client)
		conn_fail(w, c, RESETS_CLIENT);
	if (server) {
		conn_fail(w, c, RESETS_SERVER);
		server_count(w, srv, RESETS);
	}
	return tcpvs_conn_close(w, c, TCPVS_CLOSE_RST);
}
