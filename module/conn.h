/* SPDX-License-Identifier: GPL-2.0 */
/*
 * conn.h - a client's connection and what it is doing
 *
 * Locking, the whole module's table:
 *
 *  object                      protected by                       contexts
 *  --------------------------  ---------------------------------  -----------------
 *  tcpvs_net, transactions,    tcpvs_net.lock                     netlink, drain work,
 *  service state, listeners                                       pernet exit
 *  snapshots                   published under tcpvs_net.lock,    workers, dumps
 *                              read inside tcpvs_srcu
 *  services, servers           percpu references                  all
 *  tcpvs_conn, tcpvs_upstream, the owning worker's thread alone   worker
 *  pools, timers
 *  tcpvs_leg.events,           atomic bit operations              softirq, worker
 *  tcpvs_node.queued
 *  socket callbacks            sk_callback_lock (sock.c)          softirq, worker
 *  receive and send queues     the socket's lock                  worker, softirq
 *  counters                    written by one worker, WRITE_ONCE  worker, dumps
 *  tcpvs_worker.nconns,        atomics                            workers
 *  svc->nconn, srv->load
 *
 *  Order: tcpvs_net.lock > call_lock (worker.c). Workers take neither. A worker
 *  holds at most one socket lock and no other lock with it.
 *
 * Life: made in listener_step() with a reference on its service; from the
 * hand-off on only the worker it was given to touches it. Death has two phases:
 * conn_close() detaches the callbacks and closes the sockets, and the memory goes
 * when the client leg's node is not on the ready queue, at once or in its last
 * step.
 */
#ifndef _TCPVS_CONN_H
#define _TCPVS_CONN_H

#include "config.h"
#include "proxy.h"
#include "relay.h"
#include "sock.h"
#include "tls_hello.h"
#include "upstream.h"
#include "worker.h"

struct tcpvs_log_entry;

#define TCPVS_PEER_MAX		46	/* text of an IPv6 address */
#define TCPVS_BORN_SHIFT	12	/* from ns; 48 bits last for 36 years */
#define TCPVS_BEGUN_BITS	40	/* of 1024 ns: 13 days */
#define TCPVS_BEGUN_MASK	(BIT_ULL(TCPVS_BEGUN_BITS) - 1)

/* What a connection is doing. */
enum tcpvs_conn_state {
	TCPVS_CONN_NEW,		/* handed over, nothing attached yet */
	TCPVS_CONN_PROXY,	/* waits for a PROXY header */
	TCPVS_CONN_HELLO,	/* tls: waits for a ClientHello */
	TCPVS_CONN_HEAD,	/* http: waits for a request head */
	TCPVS_CONN_CONNECT,	/* waits for a server to accept */
	TCPVS_CONN_EXCHANGE,	/* http: request and response under way */
	TCPVS_CONN_TUNNEL,	/* bytes both ways until both ends close */
	TCPVS_CONN_ANSWER,	/* an answer of our own goes out */
	TCPVS_CONN_LINGER,	/* we have ended, the client still sends */
	TCPVS_CONN_DEAD,
};

/* tcpvs_conn.flags */
#define TCPVS_CF_KEEP		BIT(0)	/* the client may send another request */
#define TCPVS_CF_REQ_DONE	BIT(1)	/* the request was sent whole */
#define TCPVS_CF_RESP_HEAD	BIT(2)	/* the final response head is under way */
#define TCPVS_CF_REUSE		BIT(3)	/* the server connection may be pooled */
#define TCPVS_CF_REQUEST	BIT(4)	/* a request is open in the accounts */
#define TCPVS_CF_DRAIN		BIT(5)	/* the service stops: end after this */
#define TCPVS_CF_MEMORY		BIT(6)	/* the timer is to step, not to expire */
#define TCPVS_CF_COUNTED	BIT(7)	/* counts against the limits */
#define TCPVS_CF_HTTP10		BIT(8)	/* the client speaks HTTP/1.0 */
#define TCPVS_CF_UPGRADE	BIT(9)	/* the request asked for an upgrade */
#define TCPVS_CF_SERVED		BIT(10)	/* had a request before */
#define TCPVS_CF_FRESH		BIT(11)	/* no pooled connection, please */
#define TCPVS_CF_REQ_CUT	BIT(12)	/* the server takes no more of the request */
#define TCPVS_CF_RESP_PART	BIT(13)	/* part of a response head is there */
#define TCPVS_CF_NO_REUSE	BIT(14)	/* an interim response spoils that */
#define TCPVS_CF_HANDED		BIT(15)	/* accepted by another worker */
#define TCPVS_CF_HEAD_PART	BIT(16)	/* part of a request head is there */
#define TCPVS_CF_AUTH		BIT(17)	/* the request proves who sends it */
#define TCPVS_CF_FELL		BIT(18)	/* the fallback server has failed, too */
#define TCPVS_CF_COOKIE		BIT(19)	/* the service has a cookie, see claim */
#define TCPVS_CF_RENEW		BIT(20)	/* the client's is to be replaced */
#define TCPVS_CF_ANSWERED	BIT(21)	/* the server has begun to answer */

/**
 * struct tcpvs_extra - what few connections need
 * @own: idle server connection that is this client's alone, or NULL
 * @born: since when its age and requests are counted, in jiffies
 * @requests: requests since then
 * @announced: what a PROXY header said of the client; family 0 if nothing
 */
struct tcpvs_extra {
	struct tcpvs_upstream *own;
	unsigned long born;
	u32 requests;
	struct tcpvs_proxy announced;
};

/**
 * struct tcpvs_routed - what the rules said of the request in hand
 * @serial: of the table that decided; 0 if there is none
 * @set: which of its sets, or TCPVS_SET_NONE for all servers of the service
 * @fresh: nothing has been done since; its head is still in the worker's scratch
 */
struct tcpvs_routed {
	u32 serial;
	u16 set;
	bool fresh;
};

/**
 * struct tcpvs_conn - a client's connection
 * @cl: client leg
 * @up: connection to the server, while there is one
 * @svc: the service, referenced
 * @extra: what few connections need, or NULL
 * @timer: looks at @deadline, or steps after a lack of memory
 * @deadline: when the present state has taken too long, in jiffies
 * @progress: when it last got on, the low half of jiffies
 * @born: when its worker took it over, see tcpvs_conn_born(); low bits
 * @link: in the worker's list
 * @body: framing of the request in hand, enum tcpvs_http_body
 * @ntried: servers that failed the request in hand
 * @peer_len: length of @peer
 * @head_len: bytes of the request head, or ClientHello, in the client's receive
 *	queue
 * @flags: TCPVS_CF_*
 * @asked: when the server was given what it is to answer, in 1024 ns; 0 if nobody
 *	wants to know how long it takes
 * @claim: id of the server that the client's cookie names, 0 for none; with
 *	TCPVS_CF_COOKIE
 * @req: client to server
 * @resp: server to client
 * @body_len: length of the request body if @body is TCPVS_BODY_LENGTH
 * @begun: when the request in hand began, by tcpvs_clock(), the low bits; 0 if
 *	there is none
 * @status: of the response in hand
 * @cause: TCPVS_CAUSE_*, what went wrong first with the request in hand
 * @state: enum tcpvs_conn_state
 * @method: of the request in hand
 * @log: what the access log will tell of the request in hand, or NULL
 * @scan: search for the end of a head that dribbles in; request or response
 * @hello: the same of a ClientHello
 * @routed: between the two of them, where the request goes
 * @tried: ids of servers that failed
 * @born_high: high bits of @born
 * @peer: the client's address as text
 */
struct tcpvs_conn {
	struct tcpvs_leg cl;
	struct tcpvs_upstream *up;
	struct tcpvs_service *svc;
	struct tcpvs_extra *extra;
	struct tcpvs_timer timer;
	unsigned long deadline;
	u32 progress;
	u32 born;
	struct list_head link;
	u8 body : 3;
	u8 ntried : 5;
	u8 peer_len;
	u16 head_len;
	u32 flags;
	u32 asked;
	u32 claim;
	struct tcpvs_flow req;
	struct tcpvs_flow resp;
	u64 body_len;
	u64 begun : TCPVS_BEGUN_BITS;
	u64 status : 10;
	u64 cause : 6;
	u64 state : 4;
	u64 method : 4;
	struct tcpvs_log_entry *log;
	union {
		struct tcpvs_http_scan scan;
		struct tcpvs_tls_scan hello;
		struct tcpvs_routed routed;
	};
	u32 tried[TCPVS_TRIES_MAX];
	u16 born_high;
	char peer[TCPVS_PEER_MAX];
};

/* When its worker took it over, in units of 2^TCPVS_BORN_SHIFT ns since boot. */
static inline u64 tcpvs_conn_born(const struct tcpvs_conn *c)
{
	return (u64)c->born_high << 32 | c->born;
}

/* What it is called from outside: no two of a worker are born at one time. */
static inline u64 tcpvs_conn_id(const struct tcpvs_worker *w,
				const struct tcpvs_conn *c)
{
	return tcpvs_conn_born(c) << 16 | w->id;
}

static inline u32 tcpvs_conn_worker(u64 id)
{
	return id & U16_MAX;
}

/* What a step of a connection returns. */
enum {
	TCPVS_STEP_DEAD = -1,	/* the connection is gone */
	TCPVS_STEP_IDLE,	/* an event or the timer will continue it */
	TCPVS_STEP_MORE,	/* its budget is spent; step it in the next pass */
	TCPVS_STEP_AGAIN,	/* its state changed; step it now */
};

/* Counters of the connection's service, and of its server, on its worker. */
#define conn_stats(w, c)	(per_cpu_ptr((c)->svc->stats, (w)->cpu))
#define conn_count(w, c, what)						\
	tcpvs_count(conn_stats(w, c), TCPVS_A_STATS_##what)
#define conn_count_add(w, c, what, n)					\
	tcpvs_count_add(conn_stats(w, c), TCPVS_A_STATS_##what, n)

static inline void tcpvs_conn_cause(struct tcpvs_conn *c, u8 cause)
{
	if (!c->cause)
		c->cause = cause;
}

/* Counts what goes wrong with the request in hand, and keeps it as the cause. */
#define conn_fail(w, c, what)						\
	do {								\
		conn_count(w, c, what);					\
		tcpvs_conn_cause(c, TCPVS_CAUSE_##what);		\
	} while (0)

/* conn.c */
int tcpvs_conn_init(void);
void tcpvs_conn_exit(void);
void tcpvs_conn_accept(struct tcpvs_worker *w, struct tcpvs_service *svc,
		       struct socket *sock, const struct tcpvs_leg *listener);
int tcpvs_conn_begin(struct tcpvs_worker *w, struct tcpvs_conn *c);
int tcpvs_conn_step(struct tcpvs_worker *w, struct tcpvs_conn *c);
void tcpvs_conn_deadline(struct tcpvs_worker *w, struct tcpvs_conn *c, int which);
int tcpvs_conn_memory(struct tcpvs_worker *w, struct tcpvs_conn *c);
int tcpvs_conn_close(struct tcpvs_worker *w, struct tcpvs_conn *c,
		     enum tcpvs_close how);
int tcpvs_conn_finish(struct tcpvs_worker *w, struct tcpvs_conn *c);
void tcpvs_conn_cut(struct tcpvs_worker *w, struct tcpvs_conn *c);
bool tcpvs_conn_broken(const struct tcpvs_leg *leg);

/* peer.c: who the client is, and what is kept for it alone */
struct tcpvs_extra *tcpvs_peer_extra(struct tcpvs_conn *c);
void tcpvs_peer_end(struct tcpvs_worker *w, struct tcpvs_conn *c);
bool tcpvs_peer_end_of_age(const struct tcpvs_conn *c,
			   const struct tcpvs_service_conf *sc,
			   unsigned long *end);
bool tcpvs_peer_aged(const struct tcpvs_conn *c,
		     const struct tcpvs_service_conf *sc);
void tcpvs_peer_addr(const struct tcpvs_conn *c, struct tcpvs_addr *a);
bool tcpvs_peer_announced(const struct tcpvs_conn *c, struct tcpvs_addr *a);
bool tcpvs_network_has(const struct tcpvs_network *net,
		       const struct tcpvs_addr *a);
bool tcpvs_peer_trusted(const struct tcpvs_service_conf *sc,
			const struct tcpvs_conn *c);
int tcpvs_peer_start(struct tcpvs_worker *w, struct tcpvs_conn *c);
int tcpvs_peer_step(struct tcpvs_worker *w, struct tcpvs_conn *c);
void tcpvs_peer_ends(const struct tcpvs_conn *c, struct tcpvs_proxy *p);
int tcpvs_peer_announce(struct tcpvs_worker *w, struct tcpvs_conn *c);
void tcpvs_peer_keep(struct tcpvs_worker *w, struct tcpvs_conn *c,
		     struct tcpvs_upstream *up);
void tcpvs_peer_forget(struct tcpvs_worker *w, struct tcpvs_conn *c);
struct tcpvs_upstream *tcpvs_peer_own(struct tcpvs_worker *w,
				      struct tcpvs_conn *c);

/* connect.c: 4 schedule and 5 connect for a connection */
int tcpvs_connect_begin(struct tcpvs_worker *w, struct tcpvs_conn *c);
int tcpvs_connect_step(struct tcpvs_worker *w, struct tcpvs_conn *c);
int tcpvs_connect_timeout(struct tcpvs_worker *w, struct tcpvs_conn *c);
int tcpvs_connect_again(struct tcpvs_worker *w, struct tcpvs_conn *c);
void tcpvs_connect_release(struct tcpvs_worker *w, struct tcpvs_conn *c,
			   enum tcpvs_close how);
void tcpvs_connect_pool(struct tcpvs_worker *w, struct tcpvs_conn *c);
void tcpvs_connect_asked(struct tcpvs_conn *c);
void tcpvs_connect_answered(struct tcpvs_conn *c);
void tcpvs_connect_failed(struct tcpvs_conn *c, struct tcpvs_server *srv);

/* rule.c: 3 route */
bool tcpvs_rule_decide(struct tcpvs_worker *w, struct tcpvs_conn *c,
		       const struct tcpvs_service_conf *sc,
		       const struct tcpvs_tls_hello *hello, int *step);
bool tcpvs_rule_again(struct tcpvs_worker *w, struct tcpvs_conn *c,
		      const struct tcpvs_service_conf *sc, int *step);
u64 tcpvs_rule_key(struct tcpvs_worker *w, struct tcpvs_conn *c,
		   const struct tcpvs_service_conf *sc, bool fresh);
struct tcpvs_set *tcpvs_rule_set(const struct tcpvs_conn *c,
				 const struct tcpvs_service_conf *sc);

/* hello.c: 2 parse in mode tls */
int tcpvs_hello_step(struct tcpvs_worker *w, struct tcpvs_conn *c);
int tcpvs_hello_timeout(struct tcpvs_worker *w, struct tcpvs_conn *c);
int tcpvs_hello_read(struct tcpvs_worker *w, struct tcpvs_tls_hello *h, u32 len);

/* request.c: 2 parse, client side of mode http */
int tcpvs_request_step(struct tcpvs_worker *w, struct tcpvs_conn *c);
void tcpvs_request_start(struct tcpvs_worker *w, struct tcpvs_conn *c);
int tcpvs_request_next(struct tcpvs_worker *w, struct tcpvs_conn *c);

/* exchange.c: a request and its response under way */
int tcpvs_exchange_begin(struct tcpvs_worker *w, struct tcpvs_conn *c);
int tcpvs_exchange_step(struct tcpvs_worker *w, struct tcpvs_conn *c);
int tcpvs_exchange_timeout(struct tcpvs_worker *w, struct tcpvs_conn *c);

/* answer.c: answers of our own */
int tcpvs_answer(struct tcpvs_worker *w, struct tcpvs_conn *c,
		 unsigned int status);
int tcpvs_answer_redirect(struct tcpvs_worker *w, struct tcpvs_conn *c,
			  unsigned int status, const u8 *location, u32 len);
int tcpvs_answer_fixed(struct tcpvs_worker *w, struct tcpvs_conn *c,
		       unsigned int status, const u8 *body, u32 len);
int tcpvs_answer_alert(struct tcpvs_worker *w, struct tcpvs_conn *c, int err);
int tcpvs_answer_step(struct tcpvs_worker *w, struct tcpvs_conn *c);
void tcpvs_count_status(struct tcpvs_worker *w, struct tcpvs_conn *c,
			unsigned int status, bool server);

/* tunnel.c: modes tcp and tls, and http after an upgrade */
int tcpvs_tunnel_begin(struct tcpvs_worker *w, struct tcpvs_conn *c);
int tcpvs_tunnel_step(struct tcpvs_worker *w, struct tcpvs_conn *c);

#endif /* _TCPVS_CONN_H */
