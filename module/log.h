/* SPDX-License-Identifier: GPL-2.0 */
/*
 * log.h - 7 account: a record of every request
 *
 * What a request leaves in the access log is gathered beside its connection, in an
 * entry that exists only while somebody listens: without one, each of the calls
 * below is the test of a pointer. See log.c.
 */
#ifndef _TCPVS_LOG_H
#define _TCPVS_LOG_H

#include "conn.h"

#define TCPVS_LOG_NO_RULE	0	/* rules count from one */

/**
 * struct tcpvs_log_entry - what will be told of the request in hand
 * @begun: when it began, ktime_get_ns()
 * @connecting: when the connect at hand began, likewise, or 0
 * @answered: when the first byte of the server was there, likewise, or 0
 * @bytes_in: bytes from the client
 * @bytes_out: bytes to the client
 * @server: the server it was given to; family 0 if to none
 * @connect: what the connect took, in ns; 0 if there was none
 * @rule: number of the rule it met, or TCPVS_LOG_NO_RULE
 * @status: of the response, or 0
 * @retries: other tries
 * @len: bytes of @attr
 * @room: bytes that @attr has
 * @spare: the next one that waits to be used again
 * @attr: what its head said, as attributes of a record
 */
struct tcpvs_log_entry {
	u64 begun;
	u64 connecting;
	u64 answered;
	u64 bytes_in;
	u64 bytes_out;
	struct tcpvs_addr server;
	u64 connect;
	u32 rule;
	u16 status;
	u16 retries;
	u32 len;
	u32 room;
	struct tcpvs_log_entry *spare;
	u8 attr[];
};

/* log.c */
int tcpvs_log_net_init(struct tcpvs_net *tn);
void tcpvs_log_net_exit(struct tcpvs_net *tn);
void tcpvs_log_init(void);
void tcpvs_log_close(void);
bool tcpvs_log_wanted(const struct tcpvs_net *tn);
void tcpvs_log_entry(struct tcpvs_worker *w, struct tcpvs_conn *c,
		     const struct tcpvs_http_head *h,
		     const struct tcpvs_tls_hello *hello);
void tcpvs_log_record(struct tcpvs_worker *w, struct tcpvs_conn *c);

/**
 * tcpvs_log_begin() - a request was counted as received
 * @w: worker; @h or @hello describes the bytes in w->head
 * @c: connection
 * @h: in mode http, its head, or NULL if it could not be parsed
 * @hello: in mode tls, else NULL
 */
static inline void tcpvs_log_begin(struct tcpvs_worker *w, struct tcpvs_conn *c,
				   const struct tcpvs_http_head *h,
				   const struct tcpvs_tls_hello *hello)
{
	c->cause = TCPVS_CAUSE_NONE;
	if (unlikely(tcpvs_log_wanted(c->svc->tn)))
		tcpvs_log_entry(w, c, h, hello);
}

/**
 * tcpvs_log_end() - a request was counted as ended
 * @w: worker
 * @c: connection
 */
static inline void tcpvs_log_end(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	if (unlikely(c->log))
		tcpvs_log_record(w, c);
}

static inline void tcpvs_log_in(struct tcpvs_conn *c, u64 bytes)
{
	if (unlikely(c->log))
		c->log->bytes_in += bytes;
}

static inline void tcpvs_log_out(struct tcpvs_conn *c, u64 bytes)
{
	if (unlikely(c->log))
		c->log->bytes_out += bytes;
}

static inline void tcpvs_log_rule(struct tcpvs_conn *c, u32 rule)
{
	if (unlikely(c->log))
		c->log->rule = rule;
}

static inline void tcpvs_log_retry(struct tcpvs_conn *c)
{
	if (unlikely(c->log))
		c->log->retries++;
}

static inline void tcpvs_log_status(struct tcpvs_conn *c, u16 status)
{
	if (unlikely(c->log))
		c->log->status = status;
}

/* It was given to a server: @pooled over a connection that was there. */
static inline void tcpvs_log_server(struct tcpvs_conn *c,
				    const struct tcpvs_server *srv, bool pooled)
{
	if (unlikely(c->log)) {
		c->log->server = srv->addr;
		c->log->connecting = pooled ? 0 : ktime_get_ns();
		c->log->connect = 0;
	}
}

static inline void tcpvs_log_connected(struct tcpvs_conn *c)
{
	if (unlikely(c->log) && c->log->connecting)
		c->log->connect = max(ktime_get_ns() - c->log->connecting, 1ULL);
}

static inline void tcpvs_log_answered(struct tcpvs_conn *c)
{
	if (unlikely(c->log) && !c->log->answered)
		c->log->answered = ktime_get_ns();
}

#endif /* _TCPVS_LOG_H */
