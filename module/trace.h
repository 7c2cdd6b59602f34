/* SPDX-License-Identifier: GPL-2.0 */
/*
 * trace.h - tracepoints, one a stage
 *
 * A client connection is the same number in all of them, in the access log and in
 * the list of connections. All run in its worker, inside tcpvs_srcu. Nothing is
 * evaluated while nobody traces.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM tcpvs

#if !defined(_TCPVS_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TCPVS_TRACE_H

#include <linux/tracepoint.h>

#include "conn.h"

#ifndef _TCPVS_TRACE_ONCE
#define _TCPVS_TRACE_ONCE

#define TCPVS_TRACE_TARGET	256	/* bytes of a target that are told */

/* In place of the end of a connect: it was there already. */
#define TCPVS_TRACE_POOLED	1

static inline void tcpvs_trace_addr(void *to, const struct tcpvs_addr *a)
{
	struct sockaddr_storage ss = {};

	if (a->family)
		tcpvs_addr_sockaddr(a, &ss);
	memcpy(to, &ss, sizeof(struct sockaddr_in6));
}

static inline void tcpvs_trace_service(char *to, const struct tcpvs_conn *c)
{
	const struct tcpvs_service_conf *sc = tcpvs_service_current(c->svc);

	strscpy(to, sc ? sc->name : "", TCPVS_NAME_MAX + 1);
}

#endif

#define tcpvs_trace_causes						\
	EM(NONE, "none")						\
	EM(OTHER, "other")						\
	EM(REJECTED, "rejected")					\
	EM(RESETS_CLIENT, "resets-client")				\
	EM(RESETS_SERVER, "resets-server")				\
	EM(BAD_REQUEST, "bad-request")					\
	EM(BAD_RESPONSE, "bad-response")				\
	EM(NO_SERVER, "no-server")					\
	EM(LIMIT_HEAD, "limit-head")					\
	EM(LIMIT_TARGET, "limit-target")				\
	EM(LIMIT_BODY, "limit-body")					\
	EM(TIMEOUT_RESPONSE, "timeout-response")			\
	EM(TIMEOUT_BODY, "timeout-body")				\
	EM(TIMEOUT_IDLE, "timeout-idle")				\
	EM(TIMEOUT_DRAIN, "timeout-drain")				\
	EM(EVICTED, "evicted")						\
	EMe(KILLED, "killed")

#undef EM
#undef EMe
#define EM(a, b)	TRACE_DEFINE_ENUM(TCPVS_CAUSE_##a);
#define EMe(a, b)	TRACE_DEFINE_ENUM(TCPVS_CAUSE_##a);
tcpvs_trace_causes
#undef EM
#undef EMe
#define EM(a, b)	{ TCPVS_CAUSE_##a, b },
#define EMe(a, b)	{ TCPVS_CAUSE_##a, b }

/* 1 accept: a worker has taken a connection over. */
TRACE_EVENT(tcpvs_accept,
	TP_PROTO(const struct tcpvs_worker *w, const struct tcpvs_conn *c),
	TP_ARGS(w, c),
	TP_STRUCT__entry(
		__field(u64, conn)
		__array(char, service, TCPVS_NAME_MAX + 1)
		__array(u8, client, sizeof(struct sockaddr_in6))
		__field(bool, handed)
	),
	TP_fast_assign(
		struct tcpvs_addr peer;

		__entry->conn = tcpvs_conn_id(w, c);
		tcpvs_trace_service(__entry->service, c);
		memset(&peer, 0, sizeof(peer));
		tcpvs_peer_addr(c, &peer);
		tcpvs_trace_addr(__entry->client, &peer);
		__entry->handed = c->flags & TCPVS_CF_HANDED;
	),
	TP_printk("conn=%llx service=%s client=%pISpc handed=%d",
		  __entry->conn, __entry->service, __entry->client,
		  __entry->handed)
);

/* 2 parse: a head, or a ClientHello, is whole; or it is in error. */
TRACE_EVENT(tcpvs_parse,
	TP_PROTO(const struct tcpvs_worker *w, const struct tcpvs_conn *c,
		 int err, const u8 *target, u32 len),
	TP_ARGS(w, c, err, target, len),
	TP_STRUCT__entry(
		__field(u64, conn)
		__array(char, service, TCPVS_NAME_MAX + 1)
		__field(int, err)
		__string_len(target, (const char *)target,
			     min_t(u32, len, TCPVS_TRACE_TARGET))
	),
	TP_fast_assign(
		__entry->conn = tcpvs_conn_id(w, c);
		tcpvs_trace_service(__entry->service, c);
		__entry->err = err;
		__assign_str(target);
	),
	TP_printk("conn=%llx service=%s err=%d target=%s",
		  __entry->conn, __entry->service, __entry->err,
		  __get_str(target))
);

/* 3 route: the rule of a request, 0 if it met none. */
TRACE_EVENT(tcpvs_route,
	TP_PROTO(const struct tcpvs_worker *w, const struct tcpvs_conn *c, u32 rule),
	TP_ARGS(w, c, rule),
	TP_STRUCT__entry(
		__field(u64, conn)
		__array(char, service, TCPVS_NAME_MAX + 1)
		__field(u32, rule)
	),
	TP_fast_assign(
		__entry->conn = tcpvs_conn_id(w, c);
		tcpvs_trace_service(__entry->service, c);
		__entry->rule = rule;
	),
	TP_printk("conn=%llx service=%s rule=%u",
		  __entry->conn, __entry->service, __entry->rule)
);

/* 4 schedule: the server that was chosen, and how many failed before it. */
TRACE_EVENT(tcpvs_schedule,
	TP_PROTO(const struct tcpvs_worker *w, const struct tcpvs_conn *c,
		 const struct tcpvs_server *srv),
	TP_ARGS(w, c, srv),
	TP_STRUCT__entry(
		__field(u64, conn)
		__array(char, service, TCPVS_NAME_MAX + 1)
		__array(u8, server, sizeof(struct sockaddr_in6))
		__field(u8, tried)
	),
	TP_fast_assign(
		__entry->conn = tcpvs_conn_id(w, c);
		tcpvs_trace_service(__entry->service, c);
		tcpvs_trace_addr(__entry->server, &srv->addr);
		__entry->tried = c->ntried;
	),
	TP_printk("conn=%llx service=%s server=%pISpc tried=%u",
		  __entry->conn, __entry->service, __entry->server,
		  __entry->tried)
);

/*
 * 5 connect: a server connection is there, @how is 0 if it is new and
 * TCPVS_TRACE_POOLED if not; or it failed, and is a negative error.
 */
TRACE_EVENT(tcpvs_connect,
	TP_PROTO(const struct tcpvs_worker *w, const struct tcpvs_conn *c,
		 const struct tcpvs_server *srv, int how),
	TP_ARGS(w, c, srv, how),
	TP_STRUCT__entry(
		__field(u64, conn)
		__array(char, service, TCPVS_NAME_MAX + 1)
		__array(u8, server, sizeof(struct sockaddr_in6))
		__field(int, how)
	),
	TP_fast_assign(
		__entry->conn = tcpvs_conn_id(w, c);
		tcpvs_trace_service(__entry->service, c);
		tcpvs_trace_addr(__entry->server, &srv->addr);
		__entry->how = how;
	),
	TP_printk("conn=%llx service=%s server=%pISpc how=%d",
		  __entry->conn, __entry->service, __entry->server,
		  __entry->how)
);

/* 6 relay: the final head of a response goes out; 0 = bytes both ways. */
TRACE_EVENT(tcpvs_relay,
	TP_PROTO(const struct tcpvs_worker *w, const struct tcpvs_conn *c, u16 status),
	TP_ARGS(w, c, status),
	TP_STRUCT__entry(
		__field(u64, conn)
		__array(char, service, TCPVS_NAME_MAX + 1)
		__array(u8, server, sizeof(struct sockaddr_in6))
		__field(u16, status)
	),
	TP_fast_assign(
		__entry->conn = tcpvs_conn_id(w, c);
		tcpvs_trace_service(__entry->service, c);
		tcpvs_trace_addr(__entry->server, &c->up->srv->addr);
		__entry->status = status;
	),
	TP_printk("conn=%llx service=%s server=%pISpc status=%u",
		  __entry->conn, __entry->service, __entry->server,
		  __entry->status)
);

/* 7 account: a request has ended; status 0 if it got no response. */
TRACE_EVENT(tcpvs_account,
	TP_PROTO(const struct tcpvs_worker *w, const struct tcpvs_conn *c, u16 status),
	TP_ARGS(w, c, status),
	TP_STRUCT__entry(
		__field(u64, conn)
		__array(char, service, TCPVS_NAME_MAX + 1)
		__field(u16, status)
		__field(u8, cause)
	),
	TP_fast_assign(
		__entry->conn = tcpvs_conn_id(w, c);
		tcpvs_trace_service(__entry->service, c);
		__entry->status = status;
		__entry->cause = c->cause;
	),
	TP_printk("conn=%llx service=%s status=%u cause=%s",
		  __entry->conn, __entry->service, __entry->status,
		  __print_symbolic(__entry->cause, tcpvs_trace_causes))
);

/* The end of a connection; what went wrong with its last request. */
TRACE_EVENT(tcpvs_close,
	TP_PROTO(const struct tcpvs_worker *w, const struct tcpvs_conn *c,
		 enum tcpvs_close how),
	TP_ARGS(w, c, how),
	TP_STRUCT__entry(
		__field(u64, conn)
		__array(char, service, TCPVS_NAME_MAX + 1)
		__field(u8, cause)
		__field(bool, reset)
	),
	TP_fast_assign(
		__entry->conn = tcpvs_conn_id(w, c);
		tcpvs_trace_service(__entry->service, c);
		__entry->cause = c->cause;
		__entry->reset = how == TCPVS_CLOSE_RST;
	),
	TP_printk("conn=%llx service=%s cause=%s reset=%d",
		  __entry->conn, __entry->service,
		  __print_symbolic(__entry->cause, tcpvs_trace_causes),
		  __entry->reset)
);

#endif /* _TCPVS_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
