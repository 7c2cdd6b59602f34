// SPDX-License-Identifier: GPL-2.0
/*
 * request.c - 2 parse: the client's side of mode http
 *
 * A request head is copied out of the receive queue in one piece, parsed, and
 * written anew for the server; the original stays in the queue until the first
 * byte of a response, so that another server can be given the same request. A
 * head that dribbles in is searched for its end first, every byte once, and
 * parsed when it is whole.
 *
 * Runs in the worker that owns the connection.
 */
#include <net/tcp.h>

#include "conn.h"
#include "latency.h"
#include "log.h"
#include "sticky.h"
#include "trace.h"

#define FIRST_PEEK	2048	/* bytes: most heads; with a body no more */

/* What the server is told of the client, beside the usual X-Forwarded-For. */
static void forward(struct tcpvs_http_fwd *fwd, struct tcpvs_conn *c,
		    const struct tcpvs_service_conf *sc)
{
	u32 what = sc->forward;

	if (!(what & (TCPVS_FORWARD_X_FORWARDED_FOR | TCPVS_FORWARD_FORWARDED)))
		fwd->xff = NULL;
	if (what & (TCPVS_FORWARD_X_FORWARDED_PROTO | TCPVS_FORWARD_FORWARDED))
		fwd->proto = "http";
	fwd->xfh = what & TCPVS_FORWARD_X_FORWARDED_HOST;
	fwd->forwarded = what & TCPVS_FORWARD_FORWARDED;
	fwd->via = what & TCPVS_FORWARD_VIA;
	fwd->keep_incoming_forwarded = tcpvs_peer_trusted(sc, c);
}

/*
 * Is this request the last of its connection? Not being able to count is no
 * reason to refuse it.
 */
static bool last_request(struct tcpvs_worker *w, struct tcpvs_conn *c,
			 const struct tcpvs_service_conf *sc)
{
	u64 max = sc->limit[TCPVS_A_LIMITS_REQUESTS];

	if ((!max && !sc->timeout[TCPVS_A_TIMEOUTS_AGE]) || !tcpvs_peer_extra(c))
		return false;
	c->extra->requests++;
	if (max && c->extra->requests >= max) {
		conn_count(w, c, LIMIT_REQUESTS);
		return true;
	}
	if (tcpvs_peer_aged(c, sc)) {
		conn_count(w, c, LIMIT_AGE);
		return true;
	}
	return false;
}

/* Take up a parsed request: w->parsed describes the bytes in w->head. */
static int request_begin(struct tcpvs_worker *w, struct tcpvs_conn *c,
			 const struct tcpvs_service_conf *sc)
{
	const struct tcpvs_http_head *h = w->parsed;
	u64 body_max = sc->limit[TCPVS_A_LIMITS_BODY_BYTES];
	struct tcpvs_claim claim = {};
	int len, step;
	struct tcpvs_http_fwd fwd = {
		.xff = sc->forward ? c->peer : NULL,
		.xff_len = c->peer_len,
		.upgrade = h->flags & TCPVS_HF_UPGRADE_WEBSOCKET,
	};

	if (sc->special) {
		forward(&fwd, c, sc);
		if (sc->sticky)
			tcpvs_sticky_read(w, sc, &claim, &fwd);
	}

	len = tcpvs_http_build_request(w->out,
				       h->head_len + TCPVS_HTTP_FWD_EXTRA,
				       w->head, h, &fwd);
	/* Without memory nothing has happened: the head is read again later. */
	if (len > 0 && tcpvs_flow_head(w, &c->req, w->out, len))
		return tcpvs_conn_memory(w, c);

	c->flags &= TCPVS_CF_COUNTED | TCPVS_CF_HANDED | TCPVS_CF_DRAIN;
	c->flags |= TCPVS_CF_REQUEST | TCPVS_CF_SERVED;
	if (h->flags & TCPVS_HF_KEEPALIVE &&
	    !(sc->special && last_request(w, c, sc)))
		c->flags |= TCPVS_CF_KEEP;
	if (h->flags & TCPVS_HF_AUTH_CONN)
		c->flags |= TCPVS_CF_AUTH;
	if (!h->minor)
		c->flags |= TCPVS_CF_HTTP10;
	if (fwd.upgrade)
		c->flags |= TCPVS_CF_UPGRADE;
	c->method = h->method;
	c->body = tcpvs_http_request_body(h);
	c->body_len = h->content_length;
	c->head_len = h->head_len;
	c->req.ahead = h->head_len;
	c->ntried = 0;
	conn_count(w, c, REQUESTS);
	tcpvs_latency_begin(w, c);
	conn_count_add(w, c, CLIENT_BYTES_IN, h->head_len);
	tcpvs_worker_count(w, TCPVS_A_WORKER_REQUESTS);
	trace_tcpvs_parse(w, c, min(len, 0), w->head + h->target.off,
			  h->target.len);
	tcpvs_log_begin(w, c, h, NULL);
	tcpvs_log_in(c, h->head_len);
	if (sc->special && sc->sticky)
		tcpvs_sticky_begin(w, c, &claim);

	if (len < 0) {
		conn_fail(w, c, BAD_REQUEST);
		c->flags &= ~TCPVS_CF_KEEP;
		return tcpvs_answer(w, c, tcpvs_http_err_status(-len));
	}
	if (body_max && c->body == TCPVS_BODY_LENGTH && c->body_len > body_max) {
		conn_fail(w, c, LIMIT_BODY);
		c->flags &= ~TCPVS_CF_KEEP;
		return tcpvs_answer(w, c, 413);
	}
	/* A tunnel to anywhere is not for everybody to ask for. */
	if (h->method == TCPVS_M_CONNECT && !(sc->allow & TCPVS_ALLOW_CONNECT)) {
		c->flags &= ~TCPVS_CF_KEEP;
		return tcpvs_answer(w, c, 501);
	}
	if (!tcpvs_rule_decide(w, c, sc, NULL, &step))
		return step;
	return tcpvs_connect_begin(w, c);
}

static int bad_request(struct tcpvs_worker *w, struct tcpvs_conn *c, int err)
{
	unsigned int status = tcpvs_http_err_status(err);

	conn_count(w, c, REQUESTS);
	tcpvs_latency_begin(w, c);
	trace_tcpvs_parse(w, c, -err, NULL, 0);
	tcpvs_log_begin(w, c, NULL, NULL);
	if (status == 414)
		conn_fail(w, c, LIMIT_TARGET);
	else if (status == 431)
		conn_fail(w, c, LIMIT_HEAD);
	else
		conn_fail(w, c, BAD_REQUEST);
	c->method = TCPVS_M_OTHER;
	c->flags |= TCPVS_CF_REQUEST;
	c->flags &= ~TCPVS_CF_KEEP;
	return tcpvs_answer(w, c, status);
}

/*
 * Search what has come in since the last look for the end of the head. Return:
 * 1 if the head is whole or in error, which the parser will name; 0 to wait
 * for more; -EPIPE if no more will come.
 */
static int scan_more(struct tcpvs_worker *w, struct tcpvs_conn *c, u32 max)
{
	bool eof;
	int len;

	len = tcpvs_peek(c->cl.sock, c->scan.pos, w->head, max, &eof);
	if (len < 0)
		return -EPIPE;
	if (len && tcpvs_http_scan(&c->scan, w->head, len, max))
		return 1;
	return eof ? -EPIPE : 0;
}

/**
 * tcpvs_request_step() - wait for a request head and take it up
 * @w: worker
 * @c: connection
 *
 * Return: what a step returns.
 */
int tcpvs_request_step(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	const struct tcpvs_service_conf *sc = tcpvs_service_current(c->svc);
	struct tcpvs_http_limits lim;
	bool eof = false;
	int len, r;
	u32 max;

	if (!sc)
		return tcpvs_conn_close(w, c, TCPVS_CLOSE_RST);
	/* Its server may have ended the connection that waits for this client. */
	if (c->extra)
		tcpvs_peer_own(w, c);
	if (tcpvs_source_quiet(c->cl.sock))
		return TCPVS_STEP_IDLE;
	lim.head_max = sc->limit[TCPVS_A_LIMITS_HEAD_BYTES];
	lim.headers_max = sc->limit[TCPVS_A_LIMITS_HEAD_FIELDS];
	lim.target_max = sc->limit[TCPVS_A_LIMITS_TARGET_BYTES];

	if (c->flags & TCPVS_CF_HEAD_PART) {
		r = scan_more(w, c, lim.head_max);
		if (r < 0)
			goto gone;
		if (!r)
			return TCPVS_STEP_IDLE;
	}
	max = c->flags & TCPVS_CF_HEAD_PART ? lim.head_max :
	      min_t(u32, lim.head_max, FIRST_PEEK);
again:
	len = tcpvs_peek(c->cl.sock, 0, w->head, max, &eof);
	if (len < 0 || (!len && eof))
		goto gone;
	if (!len)
		return TCPVS_STEP_IDLE;

	r = tcpvs_http_parse_request(w->parsed, w->head, len, &lim);
	if (!r && len == max && max < lim.head_max) {
		max = lim.head_max;
		goto again;
	}
	if (r > 0)
		return request_begin(w, c, sc);
	if (r < 0)
		return bad_request(w, c, -r);
	if (eof)
		goto gone;
	if (!(c->flags & TCPVS_CF_HEAD_PART)) {
		/* From its first byte on, a head has to make progress. */
		c->flags |= TCPVS_CF_HEAD_PART;
		memset(&c->scan, 0, sizeof(c->scan));
		tcpvs_http_scan(&c->scan, w->head, len, lim.head_max);
		if (c->flags & TCPVS_CF_SERVED)
			tcpvs_conn_deadline(w, c, TCPVS_A_TIMEOUTS_HEAD);
	}
	return TCPVS_STEP_IDLE;

gone:
	/*
	 * Closed between requests, or in the middle of a head: nothing to answer.
	 * A part of a head, unread, would make the close a reset, and that may
	 * destroy the response before it.
	 */
	if (tcpvs_conn_broken(&c->cl))
		conn_count(w, c, RESETS_CLIENT);
	else if (tcp_inq(c->cl.sock->sk) > 0)
		tcpvs_consume(c->cl.sock, tcp_inq(c->cl.sock->sk));
	return tcpvs_conn_close(w, c, TCPVS_CLOSE_FIN);
}

/**
 * tcpvs_request_start() - frame the request anew, for the server at hand
 * @w: worker
 * @c: connection whose request is whole in its receive queue
 */
void tcpvs_request_start(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	struct tcpvs_flow *f = &c->req;

	tcpvs_flow_rewind(f);
	f->flags = TCPVS_FLOW_RETAIN;
	f->ahead = c->head_len;
	f->left = 0;
	if (c->body == TCPVS_BODY_LENGTH) {
		f->left = c->body_len;
	} else if (c->body == TCPVS_BODY_CHUNKED) {
		f->flags |= TCPVS_FLOW_CHUNKED;
		tcpvs_http_chunk_init(&f->chunk);
	}
}

/**
 * tcpvs_request_next() - a response is complete and the client may go on
 * @w: worker
 * @c: connection without a server connection
 *
 * Return: what a step returns.
 */
int tcpvs_request_next(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	const struct tcpvs_service_conf *sc = tcpvs_service_current(c->svc);
	unsigned long end;

	tcpvs_flow_reset(&c->req);
	tcpvs_flow_reset(&c->resp);
	c->state = TCPVS_CONN_HEAD;
	c->flags &= TCPVS_CF_COUNTED | TCPVS_CF_HANDED | TCPVS_CF_DRAIN |
		    TCPVS_CF_SERVED | TCPVS_CF_REQ_DONE;
	tcpvs_conn_deadline(w, c, TCPVS_A_TIMEOUTS_KEEPALIVE);
	if (sc && tcpvs_peer_end_of_age(c, sc, &end) &&
	    time_before(end, c->deadline)) {
		c->deadline = end;
		tcpvs_timer_set(w, &c->timer, end);
	}
	/* Pipelined requests are here already; an event came for them before. */
	return tcpvs_source_quiet(c->cl.sock) ? TCPVS_STEP_IDLE : TCPVS_STEP_AGAIN;
}
