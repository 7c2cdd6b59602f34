// SPDX-License-Identifier: GPL-2.0
/*
 * exchange.c - a request and its response under way, mode http
 *
 * Both directions move at the same time: a server may answer before it has all
 * of the request. Interim responses pass; the final head is written anew and
 * decides the framing of the body and what becomes of both connections.
 *
 * Until the first byte of a response, what was sent of the request is still in
 * the client's receive queue (up to TCPVS_RETAIN_MAX). A pooled connection that
 * turns out dead before that is replaced once, if the method is idempotent
 * (RFC 9110 section 9.2.2) or the service allows it for the others.
 *
 * A response that breaks off is made visible to the client by a reset, whatever
 * its framing: a clean end would make a truncated body look complete.
 *
 * Runs in the worker that owns the connection.
 */
#include <net/tcp.h>

#include "conn.h"
#include "latency.h"
#include "log.h"
#include "sticky.h"
#include "trace.h"

#define FIRST_PEEK	1024	/* bytes: most heads; with a long body no more */
#define HEADS_BUDGET	16	/* heads and their sending in one step */
#define SMALL_BODY	1024	/* bytes sent in one piece with their head */

/**
 * tcpvs_exchange_begin() - a server connection is there: send the request
 * @w: worker
 * @c: connection with its server connection
 *
 * Return: what a step returns.
 */
int tcpvs_exchange_begin(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	tcpvs_request_start(w, c);
	tcpvs_flow_reset(&c->resp);
	c->flags &= ~(TCPVS_CF_REQ_DONE | TCPVS_CF_REQ_CUT | TCPVS_CF_RESP_HEAD |
		      TCPVS_CF_RESP_PART);
	c->state = TCPVS_CONN_EXCHANGE;
	tcpvs_connect_asked(c);
	tcpvs_conn_deadline(w, c, TCPVS_A_TIMEOUTS_RESPONSE);
	return TCPVS_STEP_AGAIN;
}

/* The client went away. */
static int client_gone(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	conn_fail(w, c, RESETS_CLIENT);
	return tcpvs_conn_close(w, c, TCPVS_CLOSE_RST);
}

/* No usable response will come. */
static int bad_response(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	conn_fail(w, c, BAD_RESPONSE);
	server_count(w, c->up->srv, BAD_RESPONSE);
	tcpvs_connect_failed(c, c->up->srv);
	if (c->flags & TCPVS_CF_RESP_HEAD) {
		conn_count(w, c, BROKEN);
		return tcpvs_conn_close(w, c, TCPVS_CLOSE_RST);
	}
	server_count(w, c->up->srv, ABORTED);
	return tcpvs_answer(w, c, 502);
}

static bool repeatable(const struct tcpvs_conn *c)
{
	const struct tcpvs_service_conf *sc = tcpvs_service_current(c->svc);

	switch (c->method) {
	case TCPVS_M_GET:
	case TCPVS_M_HEAD:
	case TCPVS_M_PUT:
	case TCPVS_M_DELETE:
	case TCPVS_M_OPTIONS:
	case TCPVS_M_TRACE:
		return true;
	default:
		/*
		 * That nothing was acknowledged does not tell that nothing was
		 * received: a reset comes without the delayed acknowledgment.
		 */
		return sc && sc->allow & TCPVS_ALLOW_RETRY_UNSAFE;
	}
}

/* The server ended the connection, or reset it, and no response byte came. */
static int server_gone(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	if (tcpvs_conn_broken(&c->up->leg)) {
		conn_fail(w, c, RESETS_SERVER);
		server_count(w, c->up->srv, RESETS);
	}
	if (c->up->reused && c->req.flags & TCPVS_FLOW_RETAIN &&
	    !(c->flags & TCPVS_CF_FRESH) && repeatable(c))
		return tcpvs_connect_again(w, c);
	return bad_response(w, c);
}

/* The request has become a tunnel; in the accounts that is how it ends. */
static int tunnel(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	conn_count(w, c, TUNNELS);
	tcpvs_log_status(c, w->parsed->status);
	c->flags &= ~(TCPVS_CF_REQUEST | TCPVS_CF_KEEP);
	/* How long it will live says nothing about requests. */
	c->begun = 0;
	c->resp.ahead = w->parsed->head_len;
	c->req.ahead = 0;
	return tcpvs_tunnel_begin(w, c);
}

/*
 * The final response head: w->parsed describes the @peeked bytes in w->head. A
 * small body that is among them goes out in one piece with the head; to gather
 * it would cost more than the copy.
 */
static int final_head(struct tcpvs_worker *w, struct tcpvs_conn *c,
		      const struct tcpvs_service_conf *sc, u32 peeked)
{
	const struct tcpvs_http_head *h = w->parsed;
	int body = tcpvs_http_response_body(h, c->method);
	struct tcpvs_http_fwd fwd = {
		.via = sc->forward & TCPVS_FORWARD_VIA,
		.tunnel = body == TCPVS_BODY_TUNNEL,
	};
	struct tcpvs_flow *f = &c->resp;
	u8 cookie[TCPVS_COOKIE_VALUE];
	u32 small = 0;
	int len;

	/* A server that chunks for HTTP/1.0 would not be understood. */
	if ((body == TCPVS_BODY_TUNNEL && !(c->flags & TCPVS_CF_REQ_DONE)) ||
	    (body == TCPVS_BODY_CHUNKED && c->flags & TCPVS_CF_HTTP10))
		return bad_response(w, c);

	if (READ_ONCE(c->svc->state) != TCPVS_SERVICE_STATE_RUNNING)
		c->flags |= TCPVS_CF_DRAIN;
	/* An early response: where the next request begins we may never see. */
	if (!(c->flags & TCPVS_CF_REQ_DONE) || c->flags & TCPVS_CF_DRAIN ||
	    body == TCPVS_BODY_CLOSE)
		c->flags &= ~TCPVS_CF_KEEP;
	/* Said here, for an end after it could cross the next request. */
	if (!fwd.tunnel && c->flags & TCPVS_CF_KEEP && tcpvs_peer_aged(c, sc)) {
		conn_count(w, c, LIMIT_AGE);
		c->flags &= ~TCPVS_CF_KEEP;
	}
	fwd.close = !fwd.tunnel && !(c->flags & TCPVS_CF_KEEP);
	fwd.keep_alive = !fwd.tunnel && !fwd.close && c->flags & TCPVS_CF_HTTP10;
	if (unlikely(c->flags & TCPVS_CF_COOKIE) && !fwd.tunnel)
		tcpvs_sticky_answer(c, sc, &fwd, cookie);
	len = tcpvs_http_build_response(w->out,
					h->head_len + TCPVS_HTTP_FWD_EXTRA,
					w->head, h, &fwd);
	if (len < 0)
		return bad_response(w, c);
	if (body == TCPVS_BODY_LENGTH && h->content_length <= SMALL_BODY &&
	    h->head_len + h->content_length <= peeked) {
		small = h->content_length;
		memcpy(w->out + len, w->head + h->head_len, small);
	}
	if (tcpvs_flow_head(w, f, w->out, len + small))
		return tcpvs_conn_memory(w, c);
	if (unlikely(c->flags & TCPVS_CF_COOKIE))
		tcpvs_sticky_answered(w, c, fwd.cookie);

	if (fwd.tunnel)
		return tunnel(w, c);

	c->flags |= TCPVS_CF_RESP_HEAD;
	/* What authenticates a connection makes it this client's for good. */
	if (c->flags & TCPVS_CF_AUTH || h->flags & TCPVS_HF_AUTH_CONN) {
		c->up->owned = true;
		c->up->proved = true;
	}
	if (h->flags & TCPVS_HF_KEEPALIVE && body != TCPVS_BODY_CLOSE &&
	    !(h->flags & TCPVS_HF_UNREUSABLE) && !(c->flags & TCPVS_CF_NO_REUSE))
		c->flags |= TCPVS_CF_REUSE;
	c->status = h->status;
	tcpvs_log_status(c, h->status);
	trace_tcpvs_relay(w, c, h->status);
	f->ahead = h->head_len + small;
	switch (body) {
	case TCPVS_BODY_LENGTH:
		f->left = h->content_length - small;
		break;
	case TCPVS_BODY_CHUNKED:
		f->flags |= TCPVS_FLOW_CHUNKED;
		tcpvs_http_chunk_init(&f->chunk);
		break;
	case TCPVS_BODY_CLOSE:
		f->left = TCPVS_LEFT_EOF;
		break;
	}
	conn_count_add(w, c, SERVER_BYTES_IN, f->ahead);
	server_count_add(w, c->up->srv, BYTES_IN, f->ahead);
	tcpvs_conn_deadline(w, c, TCPVS_A_TIMEOUTS_BODY);
	return TCPVS_STEP_AGAIN;
}

/* 1xx, RFC 9110 section 15.2: passed on, and the exchange goes on. */
static int interim_head(struct tcpvs_worker *w, struct tcpvs_conn *c,
			const struct tcpvs_service_conf *sc)
{
	const struct tcpvs_http_head *h = w->parsed;
	struct tcpvs_http_fwd fwd = { .via = sc->forward & TCPVS_FORWARD_VIA };
	int len;

	if (h->status == 101) {
		/* Only to what was asked for, and after all of the request. */
		if (!(c->flags & TCPVS_CF_UPGRADE) ||
		    !(c->flags & TCPVS_CF_REQ_DONE) ||
		    !(h->flags & TCPVS_HF_UPGRADE_WEBSOCKET))
			return bad_response(w, c);
		fwd.upgrade = true;
	}
	/* Whether it meant to close after this one or the last, it will. */
	if (h->flags & (TCPVS_HF_UNREUSABLE | TCPVS_HF_CLOSE))
		c->flags |= TCPVS_CF_NO_REUSE;
	/* HTTP/1.0 has none of them; the client would take it for the response. */
	if (c->flags & TCPVS_CF_HTTP10) {
		tcpvs_consume(c->up->leg.sock, h->head_len);
		return TCPVS_STEP_AGAIN;
	}
	len = tcpvs_http_build_response(w->out,
					h->head_len + TCPVS_HTTP_FWD_EXTRA,
					w->head, h, &fwd);
	if (len < 0)
		return bad_response(w, c);
	if (tcpvs_flow_head(w, &c->resp, w->out, len))
		return tcpvs_conn_memory(w, c);
	if (h->status == 101)
		return tunnel(w, c);
	tcpvs_count_status(w, c, h->status, true);
	tcpvs_consume(c->up->leg.sock, h->head_len);
	return TCPVS_STEP_AGAIN;
}

/* Look for a response head. */
static int response_head(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	const struct tcpvs_service_conf *sc = tcpvs_service_current(c->svc);
	struct socket *up = c->up->leg.sock;
	struct tcpvs_http_limits lim;
	bool eof;
	u32 max;
	int len, r;

	if (!sc)
		return tcpvs_conn_close(w, c, TCPVS_CLOSE_RST);
	if (tcpvs_source_quiet(up))
		return TCPVS_STEP_IDLE;
	lim.head_max = sc->limit[TCPVS_A_LIMITS_HEAD_BYTES];
	lim.headers_max = sc->limit[TCPVS_A_LIMITS_HEAD_FIELDS];
	lim.target_max = 0;

	if (c->flags & TCPVS_CF_RESP_PART) {
		len = tcpvs_peek(up, c->scan.pos, w->head, lim.head_max, &eof);
		if (len < 0 || (!len && eof))
			return bad_response(w, c);
		if (!len)
			return TCPVS_STEP_IDLE;
		/* No event will follow an end that came with the bytes. */
		if (!tcpvs_http_scan(&c->scan, w->head, len, lim.head_max))
			return eof ? bad_response(w, c) : TCPVS_STEP_IDLE;
	}
	max = c->flags & TCPVS_CF_RESP_PART ? lim.head_max :
	      min_t(u32, lim.head_max, FIRST_PEEK);
again:
	len = tcpvs_peek(up, 0, w->head, max, &eof);
	if (len < 0 || (!len && eof))
		return server_gone(w, c);
	if (!len)
		return TCPVS_STEP_IDLE;

	/* From here on the request is this server's for good. */
	if (c->req.flags & TCPVS_FLOW_RETAIN)
		tcpvs_flow_release(&c->req, c->cl.sock);
	tcpvs_connect_answered(c);
	tcpvs_latency_answered(w, c);
	tcpvs_log_answered(c);

	r = tcpvs_http_parse_response(w->parsed, w->head, len, &lim);
	if (!r && len == max && max < lim.head_max) {
		max = lim.head_max;
		goto again;
	}
	if (r < 0 || (!r && eof))
		return bad_response(w, c);
	if (!r) {
		c->flags |= TCPVS_CF_RESP_PART;
		memset(&c->scan, 0, sizeof(c->scan));
		c->scan.state = TCPVS_SCAN_RESPONSE;
		tcpvs_http_scan(&c->scan, w->head, len, lim.head_max);
		return TCPVS_STEP_IDLE;
	}
	c->flags &= ~TCPVS_CF_RESP_PART;
	if (w->parsed->status < 200)
		return interim_head(w, c, sc);
	return final_head(w, c, sc, len);
}

static int finished(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	tcpvs_count_status(w, c, c->status, true);
	c->flags &= ~TCPVS_CF_REQUEST;
	tcpvs_latency_end(w, c, c->up->srv);
	tcpvs_log_end(w, c);
	trace_tcpvs_account(w, c, c->status);
	if (c->flags & TCPVS_CF_REUSE && c->flags & TCPVS_CF_REQ_DONE)
		tcpvs_connect_pool(w, c);
	else
		tcpvs_connect_release(w, c, TCPVS_CLOSE_FIN);
	if (c->flags & TCPVS_CF_KEEP)
		return tcpvs_request_next(w, c);
	return tcpvs_conn_finish(w, c);
}

static u64 chunks_allowed(const struct tcpvs_conn *c)
{
	const struct tcpvs_service_conf *sc = tcpvs_service_current(c->svc);

	return (sc ? sc->limit[TCPVS_A_LIMITS_BODY_BYTES] : 0) ?: U64_MAX;
}

/*
 * Send on what there is of the request. Return: a step's result; AGAIN to go on,
 * in the exchange or, if it has been left, with what came of it.
 */
static int send_request(struct tcpvs_worker *w, struct tcpvs_conn *c, bool *more)
{
	u64 moved = c->req.moved, sent = 0;
	int r;

	if (c->body == TCPVS_BODY_CHUNKED)
		w->chunks_max = chunks_allowed(c);
	r = tcpvs_relay(w, &c->req, c->cl.sock, c->up->leg.sock, &sent);
	w->chunks_max = U64_MAX;
	if (sent) {
		conn_count_add(w, c, CLIENT_BYTES_IN, c->req.moved - moved);
		tcpvs_log_in(c, c->req.moved - moved);
		conn_count_add(w, c, SERVER_BYTES_OUT, sent);
		server_count_add(w, c->up->srv, BYTES_OUT, sent);
	}
	switch (r) {
	case TCPVS_RELAY_DONE:
		c->flags |= TCPVS_CF_REQ_DONE;
		if (c->body != TCPVS_BODY_NONE && !(c->flags & TCPVS_CF_RESP_HEAD)) {
			tcpvs_conn_deadline(w, c, TCPVS_A_TIMEOUTS_RESPONSE);
			tcpvs_connect_asked(c);
		}
		break;
	case TCPVS_RELAY_MORE:
		*more = true;
		fallthrough;
	case TCPVS_RELAY_DRY:
	case TCPVS_RELAY_FULL:
		if (sent)
			tcpvs_conn_deadline(w, c, TCPVS_A_TIMEOUTS_BODY);
		break;
	case TCPVS_RELAY_MEMORY:
		tcpvs_conn_memory(w, c);
		break;
	case TCPVS_RELAY_DST:
		/* It may have answered before it closed. */
		c->flags |= TCPVS_CF_REQ_CUT;
		break;
	case TCPVS_RELAY_BAD:
	case TCPVS_RELAY_LARGE:
		/* Chunks that cannot be understood, or too many of them. */
		if (r == TCPVS_RELAY_LARGE)
			conn_fail(w, c, LIMIT_BODY);
		else
			conn_fail(w, c, BAD_REQUEST);
		c->flags &= ~TCPVS_CF_KEEP;
		if (c->flags & TCPVS_CF_RESP_HEAD) {
			conn_count(w, c, BROKEN);
			return tcpvs_conn_close(w, c, TCPVS_CLOSE_RST);
		}
		server_count(w, c->up->srv, ABORTED);
		return tcpvs_answer(w, c, r == TCPVS_RELAY_LARGE ? 413 : 400);
	default:
		/* The client ended or broke off in the middle of the body. */
		return client_gone(w, c);
	}
	return TCPVS_STEP_AGAIN;
}

/* Send on what there is of the response. Return: a step's result. */
static int send_response(struct tcpvs_worker *w, struct tcpvs_conn *c, bool *more)
{
	u64 moved = c->resp.moved, sent = 0;
	int r;

	r = tcpvs_relay(w, &c->resp, c->up->leg.sock, c->cl.sock, &sent);
	if (sent) {
		moved = c->resp.moved - moved;
		conn_count_add(w, c, SERVER_BYTES_IN, moved);
		conn_count_add(w, c, CLIENT_BYTES_OUT, sent);
		tcpvs_log_out(c, sent);
		server_count_add(w, c->up->srv, BYTES_IN, moved);
	}
	switch (r) {
	case TCPVS_RELAY_DONE:
		if (c->flags & TCPVS_CF_RESP_HEAD)
			return finished(w, c);
		return TCPVS_STEP_AGAIN;	/* an interim response */
	case TCPVS_RELAY_EOF:
		if (c->resp.left == TCPVS_LEFT_EOF)
			return finished(w, c);
		return bad_response(w, c);
	case TCPVS_RELAY_MORE:
		*more = true;
		fallthrough;
	case TCPVS_RELAY_DRY:
	case TCPVS_RELAY_FULL:
		if (sent)
			tcpvs_conn_deadline(w, c, TCPVS_A_TIMEOUTS_BODY);
		return TCPVS_STEP_IDLE;
	case TCPVS_RELAY_MEMORY:
		return tcpvs_conn_memory(w, c);
	case TCPVS_RELAY_DST:
		return client_gone(w, c);
	case TCPVS_RELAY_SRC:
		conn_fail(w, c, RESETS_SERVER);
		server_count(w, c->up->srv, RESETS);
		fallthrough;
	default:
		return bad_response(w, c);
	}
}

/**
 * tcpvs_exchange_step() - move what can be moved
 * @w: worker
 * @c: connection
 *
 * Return: what a step returns.
 */
int tcpvs_exchange_step(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	unsigned int budget = HEADS_BUDGET;
	bool more = false;
	int r;

	if (tcpvs_conn_broken(&c->cl))
		return client_gone(w, c);

	if (!(c->flags & (TCPVS_CF_REQ_DONE | TCPVS_CF_REQ_CUT))) {
		r = send_request(w, c, &more);
		if (r != TCPVS_STEP_AGAIN || c->state != TCPVS_CONN_EXCHANGE)
			return r;
	}
	do {
		/* A head waits to be sent, or there is a body to send. */
		if (c->flags & TCPVS_CF_RESP_HEAD ||
		    c->resp.head_sent < c->resp.head_len)
			r = send_response(w, c, &more);
		else
			r = response_head(w, c);
	} while (r == TCPVS_STEP_AGAIN && c->state == TCPVS_CONN_EXCHANGE &&
		 --budget);
	if (r == TCPVS_STEP_IDLE && more)
		return TCPVS_STEP_MORE;
	return r;
}

/**
 * tcpvs_exchange_timeout() - an exchange stands still
 * @w: worker
 * @c: connection
 *
 * A receiver that still acknowledges what it was sent is slow, not dead.
 *
 * Return: what a step returns.
 */
int tcpvs_exchange_timeout(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	bool body = c->flags & TCPVS_CF_RESP_HEAD ||
		    !(c->flags & (TCPVS_CF_REQ_DONE | TCPVS_CF_REQ_CUT));

	if (body && (tcpvs_flow_acked(&c->resp, c->cl.sock) |
		     tcpvs_flow_acked(&c->req, c->up->leg.sock))) {
		tcpvs_conn_deadline(w, c, TCPVS_A_TIMEOUTS_BODY);
		return TCPVS_STEP_IDLE;
	}
	if (c->flags & TCPVS_CF_RESP_HEAD) {
		conn_fail(w, c, TIMEOUT_BODY);
		conn_count(w, c, BROKEN);
		return tcpvs_conn_close(w, c, TCPVS_CLOSE_RST);
	}
	if (body && tcp_inq(c->cl.sock->sk) <= c->req.ahead) {
		/* The client owes us its body. */
		conn_fail(w, c, TIMEOUT_BODY);
		server_count(w, c->up->srv, ABORTED);
		c->flags &= ~TCPVS_CF_KEEP;
		return tcpvs_answer(w, c, 408);
	}
	conn_fail(w, c, TIMEOUT_RESPONSE);
	tcpvs_connect_failed(c, c->up->srv);
	server_count(w, c->up->srv, TIMEOUTS);
	server_count(w, c->up->srv, ABORTED);
	return tcpvs_answer(w, c, 504);
}
