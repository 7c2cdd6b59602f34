// SPDX-License-Identifier: GPL-2.0
/*
 * answer.c - answers of our own
 *
 * Mode tls: a bad hello is answered with an alert.
 *
 * Mode http: an error is told in a short response. If the request had no body, the
 * client may go on; otherwise we cannot know where the next request begins without
 * reading the body, so the connection ends, lingering until the answer is read.
 *
 * Runs in the worker that owns the connection.
 */
#include "conn.h"
#include "latency.h"
#include "log.h"
#include "trace.h"

/**
 * tcpvs_count_status() - count a response by its class
 * @w: worker
 * @c: connection
 * @status: 100 to 999
 * @server: it came from the server at hand
 */
void tcpvs_count_status(struct tcpvs_worker *w, struct tcpvs_conn *c,
			unsigned int status, bool server)
{
	unsigned int class = clamp(status / 100, 1U, 5U) - 1;

	BUILD_BUG_ON(TCPVS_A_STATS_RESPONSES_5XX -
		     TCPVS_A_STATS_RESPONSES_1XX != 4);
	BUILD_BUG_ON(TCPVS_A_SERVER_STATS_RESPONSES_5XX -
		     TCPVS_A_SERVER_STATS_RESPONSES_1XX != 4);
	tcpvs_count(conn_stats(w, c), TCPVS_A_STATS_RESPONSES_1XX + class);
	if (server)
		tcpvs_count(&server_cpu(w, c->up->srv)->stats,
			    TCPVS_A_SERVER_STATS_RESPONSES_1XX + class);
}

/* Whether the client may go on after an answer. Its server connection ends. */
static bool keeps(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	if (c->up)
		tcpvs_connect_release(w, c, TCPVS_CLOSE_RST);
	return c->flags & TCPVS_CF_REQUEST && c->flags & TCPVS_CF_KEEP &&
	       !(c->flags & TCPVS_CF_DRAIN) && c->body == TCPVS_BODY_NONE;
}

/* The answer is in w->out, if @len is not an error. */
static int answer_with(struct tcpvs_worker *w, struct tcpvs_conn *c,
		       unsigned int status, int len, bool keep)
{
	tcpvs_flow_reset(&c->resp);
	if (len < 0 || tcpvs_flow_head(w, &c->resp, w->out, len))
		return tcpvs_conn_close(w, c, TCPVS_CLOSE_RST);
	if (keep) {
		tcpvs_flow_release(&c->req, c->cl.sock);
		c->flags |= TCPVS_CF_REQ_DONE;
	} else {
		c->flags &= ~(TCPVS_CF_KEEP | TCPVS_CF_REQ_DONE);
	}
	tcpvs_flow_drop_head(&c->req);
	c->status = status;
	tcpvs_log_status(c, status);
	c->state = TCPVS_CONN_ANSWER;
	tcpvs_conn_deadline(w, c, TCPVS_A_TIMEOUTS_BODY);
	return TCPVS_STEP_AGAIN;
}

/**
 * tcpvs_answer() - answer a request ourselves
 * @w: worker
 * @c: connection; no byte of a response has been sent. Its server connection is
 *	closed
 * @status: 4xx or 5xx
 *
 * Return: what a step returns.
 */
int tcpvs_answer(struct tcpvs_worker *w, struct tcpvs_conn *c,
		 unsigned int status)
{
	bool keep = keeps(w, c);
	int len;

	len = tcpvs_http_answer(w->out, TCPVS_HTTP_ANSWER_MAX, status, !keep,
				c->method == TCPVS_M_HEAD);
	return answer_with(w, c, status, len, keep);
}

/**
 * tcpvs_answer_redirect() - send the client elsewhere
 * @w: worker; w->parsed describes the request in w->head
 * @c: connection; no byte of a response has been sent
 * @status: of a redirect
 * @location: where to, as tcpvs_http_location() has let it pass
 * @len: its length
 *
 * Return: what a step returns.
 */
int tcpvs_answer_redirect(struct tcpvs_worker *w, struct tcpvs_conn *c,
			  unsigned int status, const u8 *location, u32 len)
{
	bool keep = keeps(w, c);
	int n;

	n = tcpvs_http_redirect(w->out, TCPVS_HTTP_HEAD_MAX, w->head, w->parsed,
				status, location, len, !keep);
	/* What the client asked for, written out, is longer than a head. */
	if (n < 0)
		return tcpvs_answer(w, c, 414);
	return answer_with(w, c, status, n, keep);
}

/**
 * tcpvs_answer_fixed() - answer with what a rule says
 * @w: worker
 * @c: connection; no byte of a response has been sent
 * @status: 200 to 599
 * @body: text, at most TCPVS_HTTP_FIXED_MAX bytes
 * @len: its length
 *
 * Return: what a step returns.
 */
int tcpvs_answer_fixed(struct tcpvs_worker *w, struct tcpvs_conn *c,
		       unsigned int status, const u8 *body, u32 len)
{
	bool keep = keeps(w, c);
	int n;

	n = tcpvs_http_fixed(w->out, TCPVS_HTTP_FIXED_MAX + TCPVS_HTTP_ANSWER_MAX,
			     status, body, len, !keep,
			     c->method == TCPVS_M_HEAD);
	return answer_with(w, c, status, n, keep);
}

/**
 * tcpvs_answer_alert() - tell a TLS client what is wrong with its hello
 * @w: worker
 * @c: connection in mode tls
 * @err: TCPVS_TE_*
 *
 * Return: what a step returns.
 */
int tcpvs_answer_alert(struct tcpvs_worker *w, struct tcpvs_conn *c, int err)
{
	int len = tcpvs_tls_alert(w->out, err);

	/* Without one the client is reset. */
	return answer_with(w, c, 0, len ?: -1, false);
}

/**
 * tcpvs_answer_step() - send on an answer
 * @w: worker
 * @c: connection
 *
 * Return: what a step returns.
 */
int tcpvs_answer_step(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	u64 sent = 0;
	int r;

	r = tcpvs_relay(w, &c->resp, c->cl.sock, c->cl.sock, &sent);
	conn_count_add(w, c, CLIENT_BYTES_OUT, sent);
	tcpvs_log_out(c, sent);
	switch (r) {
	case TCPVS_RELAY_DONE:
		break;
	case TCPVS_RELAY_FULL:
		return TCPVS_STEP_IDLE;
	case TCPVS_RELAY_MEMORY:
		return tcpvs_conn_memory(w, c);
	default:
		conn_fail(w, c, RESETS_CLIENT);
		return tcpvs_conn_close(w, c, TCPVS_CLOSE_RST);
	}
	/* What nobody asked for (a limit, a slow head) is no response to a request. */
	if (c->flags & TCPVS_CF_REQUEST) {
		tcpvs_count_status(w, c, c->status, false);
		c->flags &= ~TCPVS_CF_REQUEST;
		tcpvs_latency_end(w, c, NULL);
		tcpvs_log_end(w, c);
		trace_tcpvs_account(w, c, c->status);
	}
	if (c->flags & TCPVS_CF_KEEP)
		return tcpvs_request_next(w, c);
	return tcpvs_conn_finish(w, c);
}
