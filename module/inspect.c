// SPDX-License-Identifier: GPL-2.0
/*
 * inspect.c - connections as seen, and killed, from outside their worker
 *
 * A connection is its worker's alone, so the worker does the looking: it is asked
 * by a call between two of its steps, for some connections at a time, and copies
 * what is to be told. That costs the data path nothing while nobody looks, neither
 * a lock nor a delay of what is freed, and what is told of a connection fits
 * together.
 *
 * A call looks at a bounded number of entries of the worker's list. Where the next
 * one goes on is marked in the list itself, by an entry that looks like a dead
 * connection of no service: it stays in its place whatever comes and goes around
 * it, so every connection that is there all the time is told exactly once. As
 * many entries are looked at as the worker has connections at the beginning, so
 * that a walk ends however fast new ones come.
 *
 * A connection's number is the time it was accepted and its worker, so nothing
 * has to be searched in other workers for it; it is never given twice, since a
 * worker moves its clock on by one when it accepts faster than that ticks.
 *
 * Context: process, not a worker, not inside tcpvs_srcu; the call_ functions in
 * workers.
 */
#include <linux/slab.h>
#include <net/tcp.h>

#include "inspect.h"
#include "worker.h"

#define LOOK_BUDGET	1024	/* entries in one call: some 10 us */

static u8 state_of(const struct tcpvs_conn *c)
{
	switch (c->state) {
	case TCPVS_CONN_PROXY:
		return TCPVS_CONNECTION_STATE_PROXY;
	case TCPVS_CONN_HELLO:
		return TCPVS_CONNECTION_STATE_HELLO;
	case TCPVS_CONN_CONNECT:
		return TCPVS_CONNECTION_STATE_CONNECT;
	case TCPVS_CONN_EXCHANGE:
		return TCPVS_CONNECTION_STATE_EXCHANGE;
	case TCPVS_CONN_TUNNEL:
		return TCPVS_CONNECTION_STATE_TUNNEL;
	case TCPVS_CONN_ANSWER:
		return TCPVS_CONNECTION_STATE_ANSWER;
	case TCPVS_CONN_LINGER:
		return TCPVS_CONNECTION_STATE_LINGER;
	default:
		return c->flags & TCPVS_CF_SERVED &&
		       !(c->flags & TCPVS_CF_HEAD_PART) ?
		       TCPVS_CONNECTION_STATE_IDLE :
		       TCPVS_CONNECTION_STATE_REQUEST;
	}
}

/* Whether it is looked for; if so, what there is to tell. */
static bool describe(struct tcpvs_worker *w, const struct tcpvs_inspect *s,
		     const struct tcpvs_conn *c, struct tcpvs_conn_info *info)
{
	const struct tcpvs_service_conf *sc;
	const struct tcp_sock *tp;

	if (s->service && c->svc->id != s->service)
		return false;
	if (s->server.family &&
	    (!c->up || !tcpvs_addr_equal(&c->up->srv->addr, &s->server)))
		return false;
	memset(info, 0, sizeof(*info));
	tcpvs_peer_addr(c, &info->peer);
	if (!tcpvs_peer_announced(c, &info->client)) {
		info->client = info->peer;
		memset(&info->peer, 0, sizeof(info->peer));
	}
	if (s->clients.family && !tcpvs_network_has(&s->clients, &info->client))
		return false;
	/* A service being deleted: its connections are about to be reset. */
	sc = tcpvs_service_current(c->svc);
	if (!sc)
		return false;
	strscpy(info->service, sc->name, sizeof(info->service));
	tp = tcp_sk(c->cl.sock->sk);
	info->id = tcpvs_conn_id(w, c);
	info->age = div_u64(ktime_get_ns() -
			    min(tcpvs_conn_born(c) << TCPVS_BORN_SHIFT,
				ktime_get_ns()), NSEC_PER_MSEC);
	info->bytes_in = READ_ONCE(tp->bytes_received);
	info->bytes_out = READ_ONCE(tp->bytes_acked);
	info->cpu = w->cpu;
	info->state = state_of(c);
	if (c->up) {
		info->server_id = c->up->srv->id;
		info->server = c->up->srv->addr;
	}
	return true;
}

static void call_look(struct tcpvs_worker *w, void *arg)
{
	struct tcpvs_inspect *s = arg;
	struct list_head *at = s->linked ? &s->mark.link : &w->conns, *next;
	unsigned int budget = LOOK_BUDGET;
	struct tcpvs_conn *c;

	if (!s->linked)
		s->left = atomic_read(&w->nconns);
	for (;;) {
		next = at->next;
		if (next == &w->conns || !s->left) {
			/* The end of this worker's. */
			if (s->linked)
				list_del(&s->mark.link);
			s->linked = false;
			s->worker++;
			return;
		}
		if (!budget-- || s->n == ARRAY_SIZE(s->info) || s->killed)
			break;
		at = next;
		c = list_entry(at, struct tcpvs_conn, link);
		if (c->state == TCPVS_CONN_DEAD)
			continue; /* the mark of another walk */
		s->left--;
		if (!(c->flags & TCPVS_CF_COUNTED) || c->svc->tn != s->tn)
			continue;
		if (!s->kill) {
			s->n += describe(w, s, c, &s->info[s->n]);
		} else if (tcpvs_conn_id(w, c) == s->kill) {
			at = at->prev;
			s->killed = true;
			conn_fail(w, c, KILLED);
			tcpvs_conn_cut(w, c);
		}
	}
	if (at == &s->mark.link)
		return;
	if (s->linked)
		list_move(&s->mark.link, at);
	else
		list_add(&s->mark.link, at);
	s->linked = true;
}

static void call_unlink(struct tcpvs_worker *w, void *arg)
{
	struct tcpvs_inspect *s = arg;

	list_del(&s->mark.link);
	s->linked = false;
}

/**
 * tcpvs_inspect_new() - begin to look at connections
 * @tn: of this namespace
 *
 * Return: all of them; the caller may narrow it down. Or NULL.
 */
struct tcpvs_inspect *tcpvs_inspect_new(const struct tcpvs_net *tn)
{
	struct tcpvs_inspect *s = kvzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);

	if (!s)
		return NULL;
	s->tn = tn;
	s->mark.state = TCPVS_CONN_DEAD;
	return s;
}

/**
 * tcpvs_inspect_free() - look no more
 * @s: from tcpvs_inspect_new()
 */
void tcpvs_inspect_free(struct tcpvs_inspect *s)
{
	if (s->linked)
		tcpvs_worker_call(tcpvs_worker_get(s->worker), call_unlink, s);
	kvfree(s);
}

/**
 * tcpvs_inspect_next() - the next connection
 * @s: from tcpvs_inspect_new()
 *
 * Return: it, to be taken off by raising @s->at; NULL if there is none any more.
 */
const struct tcpvs_conn_info *tcpvs_inspect_next(struct tcpvs_inspect *s)
{
	while (s->at == s->n) {
		if (s->worker >= tcpvs_nworkers)
			return NULL;
		s->at = 0;
		s->n = 0;
		tcpvs_worker_call(tcpvs_worker_get(s->worker), call_look, s);
		cond_resched();
	}
	return &s->info[s->at];
}

/**
 * tcpvs_inspect_kill() - reset a connection
 * @tn: its namespace
 * @id: its number
 *
 * Return: 0, -ENOENT if there is none, or -ENOMEM.
 */
int tcpvs_inspect_kill(const struct tcpvs_net *tn, u64 id)
{
	u32 worker = tcpvs_conn_worker(id);
	struct tcpvs_inspect *s;
	bool killed;

	if (!id || worker >= tcpvs_nworkers)
		return -ENOENT;
	s = tcpvs_inspect_new(tn);
	if (!s)
		return -ENOMEM;
	s->kill = id;
	s->worker = worker;
	do
		tcpvs_worker_call(tcpvs_worker_get(worker), call_look, s);
	while (!s->killed && s->worker == worker);
	killed = s->killed;
	tcpvs_inspect_free(s);
	return killed ? 0 : -ENOENT;
}
