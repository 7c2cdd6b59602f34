/* SPDX-License-Identifier: GPL-2.0 */
/*
 * upstream.h - 5 connect: connections to real servers, and the idle ones
 */
#ifndef _TCPVS_UPSTREAM_H
#define _TCPVS_UPSTREAM_H

#include "config.h"
#include "sock.h"

struct tcpvs_conn;

/**
 * struct tcpvs_upstream - a connection to a real server; its worker's alone
 * @leg: its socket
 * @srv: the server, referenced
 * @opened: when its connect began, by tcpvs_clock()
 * @conn: the client connection that uses it, or NULL while it is idle
 * @timer: closes it when it was idle too long
 * @link: in the pool, while idle
 * @reused: it carried a request before this one
 * @owned: it is one client's and never pooled: its server was told of the client
 * @proved: ... or the client has proved who it is, on this very connection
 */
struct tcpvs_upstream {
	struct tcpvs_leg leg;
	struct tcpvs_server *srv;
	u64 opened;
	struct tcpvs_conn *conn;
	struct tcpvs_timer timer;
	struct list_head link;
	bool reused;
	bool owned;
	bool proved;
};

#define server_cpu(w, srv)	(per_cpu_ptr((srv)->cpu, (w)->cpu))
#define server_count(w, srv, what)					\
	tcpvs_count(&server_cpu(w, srv)->stats, TCPVS_A_SERVER_STATS_##what)
#define server_count_add(w, srv, what, n)				\
	tcpvs_count_add(&server_cpu(w, srv)->stats,			\
			TCPVS_A_SERVER_STATS_##what, n)

/* upstream.c */
int tcpvs_upstream_init(void);
void tcpvs_upstream_exit(void);
struct tcpvs_upstream *tcpvs_upstream_idle(struct tcpvs_worker *w,
					   struct tcpvs_server *srv);
int tcpvs_upstream_open(struct tcpvs_worker *w, struct tcpvs_server *srv,
			const struct tcpvs_service_conf *sc,
			struct tcpvs_conn *conn, struct tcpvs_upstream **up);
void tcpvs_upstream_pool(struct tcpvs_worker *w, struct tcpvs_upstream *up,
			 const struct tcpvs_service_conf *sc);
void tcpvs_upstream_close(struct tcpvs_worker *w, struct tcpvs_upstream *up,
			  enum tcpvs_close how);
bool tcpvs_upstream_stale(const struct tcpvs_upstream *up);

#endif /* _TCPVS_UPSTREAM_H */
