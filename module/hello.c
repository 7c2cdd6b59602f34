// SPDX-License-Identifier: GPL-2.0
/*
 * hello.c - 2 parse in mode tls: the ClientHello
 *
 * The hello stays in the client's receive queue: it is copied to be read, and
 * then goes to the server with all that follows, byte for byte. One that dribbles
 * in is searched for its end first, every byte once (&tcpvs_conn.hello), and read
 * when it is whole.
 *
 * A client that speaks TLS and sends a bad hello is told so by an alert; whoever
 * speaks something else would not understand one and is reset.
 *
 * Runs in the worker that owns the connection.
 */
#include <net/tcp.h>

#include "conn.h"
#include "latency.h"
#include "log.h"
#include "trace.h"

/**
 * tcpvs_hello_read() - read a hello that is whole
 * @w: worker; the hello is in w->head, and in one piece there afterwards
 * @h: set to what it says, as places in w->head
 * @len: its length in the stream
 *
 * Return: 0 or a negative TCPVS_TE_*.
 */
int tcpvs_hello_read(struct tcpvs_worker *w, struct tcpvs_tls_hello *h, u32 len)
{
	return tcpvs_tls_hello(h, w->head, tcpvs_tls_join(w->head, len));
}

static int bad_hello(struct tcpvs_worker *w, struct tcpvs_conn *c, int err)
{
	trace_tcpvs_parse(w, c, -err, NULL, 0);
	if (err == TCPVS_TE_NOT_TLS)
		conn_count(w, c, NOT_TLS);
	else if (err == TCPVS_TE_TOO_LONG)
		conn_count(w, c, LIMIT_HEAD);
	else if (err == TCPVS_TE_NAME)
		conn_count(w, c, BAD_NAME);
	else
		conn_count(w, c, BAD_HELLO);
	return tcpvs_answer_alert(w, c, err);
}

/*
 * What has come in since the last look, from @c->hello.pos on, is in w->head
 * afterwards. Return: as tcpvs_tls_scan(), or 0 and @end is set if no more will
 * come.
 */
static int look(struct tcpvs_worker *w, struct tcpvs_conn *c, u32 max, bool *end)
{
	struct tcpvs_tls_scan *s = &c->hello;
	int len;

	len = tcpvs_peek(c->cl.sock, s->pos, w->head,
			 max > s->pos ? max - s->pos : 0, end);
	if (len < 0) {
		*end = true;
		return 0;
	}
	return tcpvs_tls_scan(s, w->head, len, max);
}

/* The client has gone before its hello was whole. */
static int gone(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	if (tcpvs_conn_broken(&c->cl)) {
		conn_count(w, c, RESETS_CLIENT);
		return tcpvs_conn_close(w, c, TCPVS_CLOSE_RST);
	}
	/* Connected and said nothing: a check, or somebody who changed his mind. */
	if (!tcp_inq(c->cl.sock->sk))
		return tcpvs_conn_close(w, c, TCPVS_CLOSE_FIN);
	return bad_hello(w, c, TCPVS_TE_LENGTH);
}

/**
 * tcpvs_hello_step() - wait for a ClientHello and route the connection by it
 * @w: worker
 * @c: connection
 *
 * Return: what a step returns.
 */
int tcpvs_hello_step(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	const struct tcpvs_service_conf *sc = tcpvs_service_current(c->svc);
	struct tcpvs_tls_hello hello;
	bool end = false;
	int len, r, step;
	u32 from;

	if (!sc)
		return tcpvs_conn_close(w, c, TCPVS_CLOSE_RST);
	if (tcpvs_source_quiet(c->cl.sock))
		return TCPVS_STEP_IDLE;
	from = c->hello.pos;
	len = look(w, c, sc->limit[TCPVS_A_LIMITS_HEAD_BYTES], &end);
	if (len < 0)
		return bad_hello(w, c, -len);
	if (!len)
		return end ? gone(w, c) : TCPVS_STEP_IDLE;

	/* Mostly all of it came at once and is there already. */
	if (from && tcpvs_peek(c->cl.sock, 0, w->head, len, &end) != len)
		return tcpvs_conn_close(w, c, TCPVS_CLOSE_RST);
	r = tcpvs_hello_read(w, &hello, len);
	if (r)
		return bad_hello(w, c, -r);
	c->head_len = len;
	conn_count(w, c, REQUESTS);
	tcpvs_latency_begin(w, c);
	trace_tcpvs_parse(w, c, 0, w->head + hello.sni, hello.sni_len);
	tcpvs_log_begin(w, c, NULL, &hello);
	if (!tcpvs_rule_decide(w, c, sc, &hello, &step))
		return step;
	return tcpvs_connect_begin(w, c);
}

/**
 * tcpvs_hello_timeout() - a hello has taken too long
 * @w: worker
 * @c: connection
 *
 * Return: what a step returns.
 */
int tcpvs_hello_timeout(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	conn_count(w, c, TIMEOUT_HEAD);
	return tcpvs_conn_close(w, c, TCPVS_CLOSE_FIN);
}
