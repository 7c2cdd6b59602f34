// SPDX-License-Identifier: GPL-2.0
/*
 * sock.c - attach and detach socket callbacks, tune and close sockets
 *
 * Nothing else in the module touches sk_callback_lock or sk_user_data.
 *
 * The callbacks run in softirq, or in the worker's own thread from
 * release_sock() and sendmsg. They push the leg on its worker's ready queue and
 * wake the thread; all work is done there. What happened is not told: the step
 * looks at the sockets, whose state says it better than events that may be old.
 *
 * Attach and detach are symmetric. A leg found in sk_user_data under
 * sk_callback_lock is alive, because detach clears the pointer under the lock
 * and only then may the leg go. Nobody can push a leg after its detach; whoever
 * frees it must still wait until the worker has taken it off the ready queue
 * (tcpvs_node.queued).
 */
#include <linux/tcp.h>
#include <net/tcp.h>

#include "sock.h"

/* Unsent bytes a leg may hold: enough for a long fat pipe's next flight. */
#define TCPVS_NOTSENT_LOWAT	(128 * 1024)

static struct tcpvs_leg *leg_of(struct sock *sk)
{
	return __locked_read_sk_user_data_with_flags(sk, SK_USER_DATA_NOCOPY);
}

/* data_ready and state_change alike. */
static void leg_wake(struct sock *sk)
{
	struct tcpvs_leg *leg;

	read_lock_bh(&sk->sk_callback_lock);
	leg = leg_of(sk);
	if (leg)
		tcpvs_worker_push(leg->worker, &leg->node);
	read_unlock_bh(&sk->sk_callback_lock);
}

static void leg_write_space(struct sock *sk)
{
	struct tcpvs_leg *leg;

	read_lock_bh(&sk->sk_callback_lock);
	leg = leg_of(sk);
	if (leg && sk_stream_is_writeable(sk)) {
		clear_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		tcpvs_worker_push(leg->worker, &leg->node);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

/*
 * Also runs for children that nobody has accepted yet: they inherit the
 * callback but, the pointer being marked as not to be copied, no leg.
 */
static void listener_data_ready(struct sock *sk)
{
	if (READ_ONCE(sk->sk_state) == TCP_LISTEN)
		leg_wake(sk);
}

static void leg_set(struct sock *sk, struct tcpvs_leg *leg)
{
	lockdep_assert_held_write(&sk->sk_callback_lock);
	if (leg)
		__rcu_assign_sk_user_data_with_flags(sk, leg, SK_USER_DATA_NOCOPY);
	else
		rcu_assign_sk_user_data(sk, NULL);
}

/**
 * tcpvs_leg_attach() - let a connection's socket push its leg
 * @leg: leg with its socket; node.step is set, and data_ready if it was accepted
 * @w: worker that serves it
 *
 * Events may have come before: the caller looks at the socket once afterwards.
 */
void tcpvs_leg_attach(struct tcpvs_leg *leg, struct tcpvs_worker *w)
{
	struct sock *sk = leg->sock->sk;

	leg->worker = w;
	write_lock_bh(&sk->sk_callback_lock);
	if (!leg->data_ready)
		leg->data_ready = sk->sk_data_ready;
	leg->write_space = sk->sk_write_space;
	leg->state_change = sk->sk_state_change;
	leg_set(sk, leg);
	WRITE_ONCE(sk->sk_data_ready, leg_wake);
	WRITE_ONCE(sk->sk_write_space, leg_write_space);
	WRITE_ONCE(sk->sk_state_change, leg_wake);
	write_unlock_bh(&sk->sk_callback_lock);
}

/**
 * tcpvs_leg_attach_listener() - let a listening socket push its leg
 * @leg: leg with its socket; node.step is set
 * @w: worker that accepts from it
 */
void tcpvs_leg_attach_listener(struct tcpvs_leg *leg, struct tcpvs_worker *w)
{
	struct sock *sk = leg->sock->sk;

	leg->worker = w;
	write_lock_bh(&sk->sk_callback_lock);
	leg->data_ready = sk->sk_data_ready;
	leg->write_space = sk->sk_write_space;
	leg->state_change = sk->sk_state_change;
	leg_set(sk, leg);
	WRITE_ONCE(sk->sk_data_ready, listener_data_ready);
	write_unlock_bh(&sk->sk_callback_lock);
}

/**
 * tcpvs_leg_detach() - give a socket its own callbacks back
 * @leg: leg; no effect if it has no socket or was detached
 *
 * Afterwards no callback runs or will run with @leg: every one of them holds
 * sk_callback_lock for reading while it uses the pointer.
 */
void tcpvs_leg_detach(struct tcpvs_leg *leg)
{
	struct sock *sk;

	if (!leg->sock)
		return;
	sk = leg->sock->sk;
	write_lock_bh(&sk->sk_callback_lock);
	if (sk->sk_user_data) {
		WRITE_ONCE(sk->sk_data_ready, leg->data_ready);
		WRITE_ONCE(sk->sk_write_space, leg->write_space);
		WRITE_ONCE(sk->sk_state_change, leg->state_change);
		leg_set(sk, NULL);
	}
	write_unlock_bh(&sk->sk_callback_lock);
}

/**
 * tcpvs_leg_close() - detach and release a leg's socket
 * @leg: leg; no effect if it has no socket
 * @how: TCPVS_CLOSE_FIN or TCPVS_CLOSE_RST
 *
 * TCP stops the timers of a kernel socket at close, because such a socket does
 * not hold its network namespace: whatever the peer has not acknowledged by
 * then would never be sent again. A socket that is to end well therefore takes
 * its namespace reference first, unless the namespace is on its way out.
 *
 * Context: process, no socket locked.
 */
void tcpvs_leg_close(struct tcpvs_leg *leg, enum tcpvs_close how)
{
	struct socket *sock = leg->sock;
	struct net *net;

	if (!sock)
		return;
	tcpvs_leg_detach(leg);
	leg->sock = NULL;

	if (how == TCPVS_CLOSE_RST) {
		sock_no_linger(sock->sk);
	} else {
		net = maybe_get_net(sock_net(sock->sk));
		if (net) {
			sk_net_refcnt_upgrade(sock->sk);
			put_net(net);
		}
	}
	sock_release(sock);
}

/**
 * tcpvs_sock_tune() - set what every leg and every listener has
 * @sk: socket before connect or listen; children of a listener inherit all this
 * @rcvbuf: receive buffer in bytes, as SO_RCVBUF takes it
 *
 * The relay's back-pressure is the sockets' own, so both sides are bounded: the
 * receive buffer on one, unsent bytes on the other. Urgent data stays in the
 * stream, or it would stop tcp_recv_skb() walks for ever.
 */
void tcpvs_sock_tune(struct sock *sk, u32 rcvbuf)
{
	tcp_sock_set_nodelay(sk);
	lock_sock(sk);
	sock_set_flag(sk, SOCK_URGINLINE);
	WRITE_ONCE(tcp_sk(sk)->notsent_lowat, TCPVS_NOTSENT_LOWAT);
	release_sock(sk);
	/* As with SO_RCVBUF, doubled by the socket layer for its own overhead. */
	sock_set_rcvbuf(sk, rcvbuf);
}
