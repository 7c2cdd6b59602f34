// SPDX-License-Identifier: GPL-2.0
/*
 * rule.c - 3 route: which rule a request meets, and what becomes of it
 *
 * A request (in mode tls a connection, by its ClientHello) is looked up once, when
 * its head has been parsed. What remains of that is which set of servers it goes to
 * and which table said so (&tcpvs_conn.routed): a connect may wait, fail and be
 * tried again, and if the table has been replaced meanwhile the number of a set
 * means nothing any more. Then the head, which is still in the client's receive
 * queue, is read again.
 *
 * The key that a hash scheduler goes by is taken from the head as well, in the
 * same step, and from the head read again when a connect has failed.
 *
 * Runs in the worker that owns the connection, inside tcpvs_srcu.
 */
#include "conn.h"
#include "log.h"
#include "table.h"
#include "trace.h"

static void source(const struct tcpvs_conn *c, struct tcpvs_route_net *net)
{
	struct tcpvs_proxy p;

	tcpvs_peer_ends(c, &p);
	memset(net, 0, sizeof(*net));
	net->family = p.family;
	memcpy(net->addr, p.src, sizeof(net->addr));
}

/*
 * A request counts once, for the rule that it met first: so the counters of the
 * rules add up to requests, however often the table changed under one.
 */
static bool decide(struct tcpvs_worker *w, struct tcpvs_conn *c,
		   const struct tcpvs_service_conf *sc,
		   const struct tcpvs_tls_hello *hello, bool count, int *step)
{
	const struct tcpvs_table *t = sc->table;
	struct tcpvs_route_request req = {
		.buf = w->head,
		.head = hello ? NULL : w->parsed,
	};
	const struct tcpvs_rule *r;
	u32 n;

	c->routed.serial = sc->serial;
	c->routed.set = TCPVS_SET_NONE;
	c->routed.fresh = true;
	if (!t)
		return true;
	if (hello) {
		req.sni = w->head + hello->sni;
		req.sni_len = hello->sni_len;
		req.alpn = w->head + hello->alpn;
		req.alpn_len = hello->alpn_len;
	}
	source(c, &req.source);
	n = tcpvs_route_lookup(t->route, &req, w->scratch);
	trace_tcpvs_route(w, c, n == TCPVS_ROUTE_NONE ? TCPVS_LOG_NO_RULE :
							t->rule[n].id);
	if (n == TCPVS_ROUTE_NONE)
		return true;
	if (count)
		WRITE_ONCE(t->hits[w->id][n], t->hits[w->id][n] + 1);

	r = &t->rule[n];
	tcpvs_log_rule(c, r->id);
	switch (r->action) {
	case TCPVS_RULE_ACTION_SERVERS:
		c->routed.set = r->set;
		return true;
	case TCPVS_RULE_ACTION_REDIRECT:
		*step = tcpvs_answer_redirect(w, c, r->status, tcpvs_rule_text(r),
					      r->len);
		return false;
	case TCPVS_RULE_ACTION_ANSWER:
		*step = tcpvs_answer_fixed(w, c, r->status, tcpvs_rule_text(r),
					   r->len);
		return false;
	default:
		tcpvs_conn_cause(c, TCPVS_CAUSE_REJECTED);
		*step = tcpvs_conn_close(w, c, TCPVS_CLOSE_RST);
		return false;
	}
}

/**
 * tcpvs_rule_decide() - find the rule of a request and do what it says
 * @w: worker; w->parsed or @hello describes the bytes in w->head
 * @c: connection with that request, taken up
 * @sc: configuration of its service
 * @hello: in mode tls, else NULL
 * @step: set to what a step returns, unless the request goes to a server
 *
 * Return: it goes to a server, of the set that tcpvs_rule_set() tells.
 */
bool tcpvs_rule_decide(struct tcpvs_worker *w, struct tcpvs_conn *c,
		       const struct tcpvs_service_conf *sc,
		       const struct tcpvs_tls_hello *hello, int *step)
{
	return decide(w, c, sc, hello, true, step);
}

/* Reads the head of a request that is still whole in the receive queue. */
static bool read_again(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	/* It was within the limits when it came. */
	static const struct tcpvs_http_limits lim;
	bool eof;
	int len;

	len = tcpvs_peek(c->cl.sock, 0, w->head, c->head_len, &eof);
	return len == c->head_len &&
	       tcpvs_http_parse_request(w->parsed, w->head, len, &lim) == len;
}

/* The same of a hello. */
static bool hello_again(struct tcpvs_worker *w, struct tcpvs_conn *c,
			struct tcpvs_tls_hello *hello)
{
	bool eof;

	return tcpvs_peek(c->cl.sock, 0, w->head, c->head_len, &eof) ==
	       c->head_len && !tcpvs_hello_read(w, hello, c->head_len);
}

/**
 * tcpvs_rule_again() - the rules have changed since a request met one
 * @w: worker
 * @c: connection whose request is still whole in its receive queue
 * @sc: configuration of its service
 * @step: set to what a step returns, unless the request goes to a server
 *
 * Return: it goes to a server.
 */
bool tcpvs_rule_again(struct tcpvs_worker *w, struct tcpvs_conn *c,
		      const struct tcpvs_service_conf *sc, int *step)
{
	bool tls = c->svc->mode == TCPVS_MODE_TLS;
	struct tcpvs_tls_hello hello;

	if (!(tls ? hello_again(w, c, &hello) : read_again(w, c))) {
		*step = tcpvs_conn_close(w, c, TCPVS_CLOSE_RST);
		return false;
	}
	return decide(w, c, sc, tls ? &hello : NULL, false, step);
}

/**
 * tcpvs_rule_set() - the servers that a request may go to
 * @c: connection
 * @sc: configuration of its service, with the table that decided
 *
 * Return: the set of its rule, or of the service if it met none.
 */
struct tcpvs_set *tcpvs_rule_set(const struct tcpvs_conn *c,
				 const struct tcpvs_service_conf *sc)
{
	if (!sc->table || c->routed.set == TCPVS_SET_NONE)
		return sc->set;
	return sc->sets->set[c->routed.set];
}

/* What of a request is hashed for the set it goes to; NULL = nothing, the source */
static const struct tcpvs_hash_by *hashed_by(const struct tcpvs_conn *c,
					     const struct tcpvs_service_conf *sc)
{
	if (sc->table && c->routed.set != TCPVS_SET_NONE)
		return sc->table->set[c->routed.set].key;
	return sc->hash.key.what == TCPVS_HK_SOURCE ? NULL : &sc->hash.key;
}

/* The client's address without its port, as it is or as it was announced. */
static u64 source_key(const struct tcpvs_conn *c)
{
	struct tcpvs_proxy p;

	tcpvs_peer_ends(c, &p);
	return tcpvs_hash(p.src, p.family == 4 ? 4 : 16, 0);
}

/**
 * tcpvs_rule_key() - what a hash scheduler goes by
 * @w: worker
 * @c: connection, with a request if in mode http; tcpvs_rule_set() is its set
 * @sc: configuration of its service
 * @fresh: w->parsed still describes that request; else it is read again
 *
 * Return: the key of the request, or of its source.
 */
u64 tcpvs_rule_key(struct tcpvs_worker *w, struct tcpvs_conn *c,
		   const struct tcpvs_service_conf *sc, bool fresh)
{
	const struct tcpvs_hash_by *by = hashed_by(c, sc);
	const struct tcpvs_capture_blob *m;
	bool there;
	u64 key;

	/* Nothing else hashes anything of what it is sent. */
	if (!by || c->svc->mode != TCPVS_MODE_HTTP ||
	    !(fresh || read_again(w, c)))
		return source_key(c);
	if (by->what == TCPVS_HK_MATCH) {
		m = &sc->table->capture[by->capture];
		there = tcpvs_hash_match_of(&m->cap, m->blob.input ==
					    TCPVS_AUTOMATON_INPUT_CAPTURE_URI,
					    w->head, w->parsed, w->capture, &key);
	} else {
		there = tcpvs_hash_key_of(by, w->head, w->parsed, &key);
	}
	return there ? key : source_key(c);
}
