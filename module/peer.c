// SPDX-License-Identifier: GPL-2.0
/*
 * peer.c - who the client is, and what is kept for it alone
 *
 * Whom a service trusts may say who the client is: in the header fields of a
 * request, or in a PROXY header that begins its connection. Servers are told by
 * a PROXY header of ours. A server connection that was told so, or on which the
 * client has proved who it is (NTLM and Negotiate authenticate a connection, RFC
 * 4559 section 4), belongs to that client and is never given to another one: it
 * waits here for the next request and ends with the client's connection.
 *
 * What few connections need lies in struct tcpvs_extra, allocated at first use.
 *
 * Runs in the worker that owns the connection.
 */
#include <linux/inetdevice.h>
#include <linux/slab.h>
#include <net/tcp.h>

#include "conn.h"
#include "proxy.h"

/**
 * tcpvs_peer_extra() - what a connection keeps beside the usual
 * @c: connection
 *
 * Return: it, or NULL without memory.
 */
struct tcpvs_extra *tcpvs_peer_extra(struct tcpvs_conn *c)
{
	if (!c->extra) {
		c->extra = kzalloc(sizeof(*c->extra), GFP_KERNEL_ACCOUNT);
		if (c->extra)
			c->extra->born = jiffies;
	}
	return c->extra;
}

/**
 * tcpvs_peer_end() - let go of all that was kept for a client
 * @w: worker
 * @c: connection that ends
 */
void tcpvs_peer_end(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	if (!c->extra)
		return;
	tcpvs_peer_forget(w, c);
	kfree(c->extra);
	c->extra = NULL;
}

/**
 * tcpvs_peer_end_of_age() - when does a connection grow too old?
 * @c: connection
 * @sc: configuration of its service
 * @end: set to that time in jiffies, if there is one
 *
 * Return: there is one; it may be past.
 */
bool tcpvs_peer_end_of_age(const struct tcpvs_conn *c,
			   const struct tcpvs_service_conf *sc, unsigned long *end)
{
	unsigned long age = sc->timeout[TCPVS_A_TIMEOUTS_AGE];

	if (!age || !c->extra)
		return false;
	*end = c->extra->born + age;
	return true;
}

/**
 * tcpvs_peer_aged() - has a connection grown too old?
 * @c: connection
 * @sc: configuration of its service
 *
 * Return: it has.
 */
bool tcpvs_peer_aged(const struct tcpvs_conn *c,
		     const struct tcpvs_service_conf *sc)
{
	unsigned long end;

	return tcpvs_peer_end_of_age(c, sc, &end) &&
	       time_after_eq(jiffies, end);
}

/**
 * tcpvs_peer_addr() - who has connected
 * @c: connection
 * @a: set to the address of the peer of its TCP connection, whoever it speaks for
 */
void tcpvs_peer_addr(const struct tcpvs_conn *c, struct tcpvs_addr *a)
{
	const struct sock *sk = c->cl.sock->sk;

	a->family = sk->sk_family;
	a->port = sk->sk_dport;
	if (sk->sk_family == AF_INET)
		a->v4 = sk->sk_daddr;
#if IS_ENABLED(CONFIG_IPV6)
	else
		a->v6 = sk->sk_v6_daddr;
#endif
}

/**
 * tcpvs_peer_announced() - who a PROXY header has announced
 * @c: connection
 * @a: set to the address of the client
 *
 * Return: one has.
 */
bool tcpvs_peer_announced(const struct tcpvs_conn *c, struct tcpvs_addr *a)
{
	const struct tcpvs_proxy *p;

	if (!c->extra || !c->extra->announced.family)
		return false;
	p = &c->extra->announced;
	a->port = htons(p->sport);
	if (p->family == 4) {
		a->family = AF_INET;
		memcpy(&a->v4, p->src, sizeof(a->v4));
	} else {
		a->family = AF_INET6;
		memcpy(&a->v6, p->src, sizeof(a->v6));
	}
	return true;
}

/**
 * tcpvs_network_has() - is an address in a network?
 * @net: the network
 * @a: the address
 *
 * Return: it is.
 */
bool tcpvs_network_has(const struct tcpvs_network *net,
		       const struct tcpvs_addr *a)
{
	if (net->family != a->family)
		return false;
	if (net->family == AF_INET)
		return !((net->v4 ^ a->v4) & inet_make_mask(net->prefix));
	return ipv6_prefix_equal(&net->v6, &a->v6, net->prefix);
}

/**
 * tcpvs_peer_trusted() - may the peer say who the client is?
 * @sc: configuration of the service
 * @c: connection
 *
 * It is the peer of the TCP connection that is trusted, whoever it speaks for.
 */
bool tcpvs_peer_trusted(const struct tcpvs_service_conf *sc,
			const struct tcpvs_conn *c)
{
	struct tcpvs_addr peer;
	unsigned int i;

	if (!sc->trusted)
		return false;
	tcpvs_peer_addr(c, &peer);
	for (i = 0; i < sc->trusted->n; i++)
		if (tcpvs_network_has(&sc->trusted->net[i], &peer))
			return true;
	return false;
}

static void peer_text(struct tcpvs_conn *c)
{
	const struct sock *sk = c->cl.sock->sk;

	if (sk->sk_family == AF_INET)
		c->peer_len = scnprintf(c->peer, sizeof(c->peer), "%pI4",
					&sk->sk_daddr);
	else
		c->peer_len = scnprintf(c->peer, sizeof(c->peer), "%pI6c",
					&sk->sk_v6_daddr);
}

static int refuse(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	return tcpvs_conn_close(w, c, TCPVS_CLOSE_RST);
}

/**
 * tcpvs_peer_start() - learn who the client is
 * @w: worker
 * @c: connection that was just handed over
 *
 * Return: what a step returns.
 */
int tcpvs_peer_start(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	const struct tcpvs_service_conf *sc = tcpvs_service_current(c->svc);

	if (!sc)
		return refuse(w, c);
	if (c->svc->mode == TCPVS_MODE_HTTP)
		peer_text(c);
	if (!sc->accept_proxy)
		return tcpvs_conn_begin(w, c);
	if (!tcpvs_peer_trusted(sc, c)) {
		conn_count(w, c, REFUSED_UNTRUSTED);
		return refuse(w, c);
	}
	c->state = TCPVS_CONN_PROXY;
	tcpvs_conn_deadline(w, c, TCPVS_A_TIMEOUTS_HEAD);
	return TCPVS_STEP_AGAIN;
}

/**
 * tcpvs_peer_step() - wait for the PROXY header and take it off the stream
 * @w: worker
 * @c: connection
 *
 * Return: what a step returns.
 */
int tcpvs_peer_step(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	struct tcpvs_proxy p;
	int len, n;
	bool eof;

	if (tcpvs_source_quiet(c->cl.sock))
		return TCPVS_STEP_IDLE;
	len = tcpvs_peek(c->cl.sock, 0, w->head, TCPVS_PROXY_MAX, &eof);
	if (len < 0) {
		conn_count(w, c, RESETS_CLIENT);
		return refuse(w, c);
	}
	n = len ? tcpvs_proxy_parse(&p, w->head, len) : 0;
	if (n < 0 || (!n && eof && len)) {
		conn_count(w, c, BAD_PROXY);
		return refuse(w, c);
	}
	if (!n)
		return eof ? tcpvs_conn_close(w, c, TCPVS_CLOSE_FIN) :
			     TCPVS_STEP_IDLE;

	if (p.family) {
		if (!tcpvs_peer_extra(c))
			return tcpvs_conn_memory(w, c);
		c->extra->announced = p;
		c->peer_len = scnprintf(c->peer, sizeof(c->peer),
					p.family == 4 ? "%pI4" : "%pI6c", p.src);
	}
	tcpvs_consume(c->cl.sock, n);
	return tcpvs_conn_begin(w, c);
}

/**
 * tcpvs_peer_ends() - the ends of the client's connection
 * @c: connection
 * @p: filled in: as a PROXY header announced it, or as it is
 */
void tcpvs_peer_ends(const struct tcpvs_conn *c, struct tcpvs_proxy *p)
{
	const struct inet_sock *inet = inet_sk(c->cl.sock->sk);
	const struct sock *sk = c->cl.sock->sk;

	if (c->extra && c->extra->announced.family) {
		*p = c->extra->announced;
		return;
	}
	memset(p, 0, sizeof(*p));
	p->sport = ntohs(inet->inet_dport);
	p->dport = ntohs(inet->inet_sport);
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		p->family = 6;
		memcpy(p->src, &sk->sk_v6_daddr, sizeof(p->src));
		memcpy(p->dst, &sk->sk_v6_rcv_saddr, sizeof(p->dst));
		return;
	}
#endif
	p->family = 4;
	memcpy(p->src, &sk->sk_daddr, sizeof(sk->sk_daddr));
	memcpy(p->dst, &sk->sk_rcv_saddr, sizeof(sk->sk_rcv_saddr));
}

/**
 * tcpvs_peer_announce() - tell a server who the client is
 * @w: worker
 * @c: connection with a server connection that carried nothing yet
 *
 * Nothing is in its send buffer, so the header fits whole or something is wrong.
 *
 * Return: 0, -ENOMEM to try again after a while, or another negative error.
 */
int tcpvs_peer_announce(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	const struct tcpvs_service_conf *sc = tcpvs_service_current(c->svc);
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	struct tcpvs_upstream *up = c->up;
	struct tcpvs_proxy p;
	struct kvec v;
	int len, sent;

	if (!sc || sc->send_proxy == TCPVS_PROXY_HEADER_NONE)
		return 0;
	tcpvs_peer_ends(c, &p);
	len = tcpvs_proxy_build(w->out, TCPVS_PROXY_BUILD_MAX,
				sc->send_proxy == TCPVS_PROXY_HEADER_V1 ? 1 : 2,
				&p);
	if (WARN_ON_ONCE(len < 0))
		return -EINVAL;
	/* The request or hello follows at once; in mode tcp the server may speak first. */
	if (c->svc->mode != TCPVS_MODE_TCP)
		msg.msg_flags |= MSG_MORE;
	v.iov_base = w->out;
	v.iov_len = len;
	sent = kernel_sendmsg(up->leg.sock, &msg, &v, 1, len);
	if (sent == -ENOMEM || sent == -ENOBUFS || sent == -EAGAIN)
		return -ENOMEM;
	if (sent != len)
		return sent < 0 ? sent : -EPIPE;
	up->owned = true;
	conn_count_add(w, c, SERVER_BYTES_OUT, len);
	server_count_add(w, up->srv, BYTES_OUT, len);
	return 0;
}

/**
 * tcpvs_peer_forget() - close the server connection that waits for a client
 * @w: worker
 * @c: connection
 */
void tcpvs_peer_forget(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	struct tcpvs_upstream *up = c->extra ? c->extra->own : NULL;

	if (!up)
		return;
	c->extra->own = NULL;
	tcpvs_upstream_close(w, up, TCPVS_CLOSE_FIN);
}

/**
 * tcpvs_peer_keep() - keep a server connection for the client's next request
 * @w: worker
 * @c: connection; has no server connection
 * @up: the server connection, idle and in order, not in flight any more
 */
void tcpvs_peer_keep(struct tcpvs_worker *w, struct tcpvs_conn *c,
		     struct tcpvs_upstream *up)
{
	tcpvs_peer_forget(w, c);
	if (READ_ONCE(up->srv->dead) || tcpvs_upstream_stale(up) ||
	    !tcpvs_peer_extra(c)) {
		tcpvs_upstream_close(w, up, TCPVS_CLOSE_FIN);
		return;
	}
	c->extra->own = up;
}

/**
 * tcpvs_peer_own() - the server connection that waits for a client
 * @w: worker
 * @c: connection
 *
 * One that its server has ended is closed here.
 *
 * Return: it, or NULL.
 */
struct tcpvs_upstream *tcpvs_peer_own(struct tcpvs_worker *w,
				      struct tcpvs_conn *c)
{
	struct tcpvs_upstream *up = c->extra ? c->extra->own : NULL;

	if (!up)
		return NULL;
	if (READ_ONCE(up->srv->dead) || tcpvs_upstream_stale(up)) {
		tcpvs_peer_forget(w, c);
		return NULL;
	}
	return up;
}
