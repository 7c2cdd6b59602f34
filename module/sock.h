/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sock.h - a socket and the callbacks that make its worker run
 */
#ifndef _TCPVS_SOCK_H
#define _TCPVS_SOCK_H

#include <linux/net.h>
#include <net/sock.h>

#include "worker.h"

struct tcpvs_conn;

/**
 * struct tcpvs_leg - one socket served by a worker
 * @node: what its events push
 * @worker: whose ready queue they push it on; fixed while callbacks are in place
 * @sock: the socket, or NULL
 * @data_ready: callback to restore; of an accepted socket, which inherits that of
 *	its listener, the one the listener's leg keeps
 * @write_space: callback to restore
 * @state_change: callback to restore
 */
struct tcpvs_leg {
	struct tcpvs_node node;
	struct tcpvs_worker *worker;
	struct socket *sock;
	void (*data_ready)(struct sock *sk);
	void (*write_space)(struct sock *sk);
	void (*state_change)(struct sock *sk);
};

/* How a leg ends. */
enum tcpvs_close {
	TCPVS_CLOSE_FIN,	/* what was sent arrives, then the end of file */
	TCPVS_CLOSE_RST,	/* the peer sees a reset */
};

/* sock.c */
void tcpvs_leg_attach(struct tcpvs_leg *leg, struct tcpvs_worker *w);
void tcpvs_leg_attach_listener(struct tcpvs_leg *leg, struct tcpvs_worker *w);
void tcpvs_leg_detach(struct tcpvs_leg *leg);
void tcpvs_leg_close(struct tcpvs_leg *leg, enum tcpvs_close how);
void tcpvs_sock_tune(struct sock *sk, u32 rcvbuf);

#endif /* _TCPVS_SOCK_H */
