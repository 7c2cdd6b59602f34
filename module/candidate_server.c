// SPDX-License-Identifier: GPL-2.0
/*
 * candidate_server.c - the servers of drafts, and the changes made to them
 *
 * Under tcpvs_net.lock, in netlink requests. As in candidate.c a refused change
 * leaves the candidate as it was, and a server that the base snapshot has is used
 * again with its counters and connections.
 */
#include <linux/log2.h>
#include <linux/mm.h>
#include <net/netlink.h>

#include "transaction.h"

#define INDEX_MIN	16	/* servers; fewer are found as fast one by one */

static u32 place_of(const struct tcpvs_draft *d, const struct tcpvs_addr *a)
{
	u64 hash = a->family == AF_INET ?
		   tcpvs_hash(&a->v4, sizeof(a->v4), ntohs(a->port)) :
		   tcpvs_hash(&a->v6, sizeof(a->v6), ntohs(a->port));

	return hash & (d->naddrs - 1);
}

static void index_add(struct tcpvs_draft *d, unsigned int i)
{
	u32 at = place_of(d, &d->member[i].srv->addr);

	while (d->by_addr[at])
		at = (at + 1) & (d->naddrs - 1);
	d->by_addr[at] = i + 1;
}

/*
 * Have the servers of a draft found by their addresses, at a price that many
 * requests share. Without memory they are found as before.
 */
static void index_members(struct tcpvs_draft *d)
{
	u32 room = roundup_pow_of_two(2 * max(d->room, 1U));
	unsigned int i;

	if (d->indexed || d->n < INDEX_MIN)
		return;
	if (d->naddrs < room) {
		kvfree(d->by_addr);
		d->by_addr = kvmalloc_array(room, sizeof(*d->by_addr),
					    GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		d->naddrs = d->by_addr ? room : 0;
		if (!d->by_addr)
			return;
	}
	memset(d->by_addr, 0, d->naddrs * sizeof(*d->by_addr));
	for (i = 0; i < d->n; i++)
		index_add(d, i);
	d->indexed = true;
}

static struct tcpvs_member *member_find(const struct tcpvs_draft *d,
					const struct tcpvs_addr *addr)
{
	unsigned int i;
	u32 at;

	if (d->indexed) {
		for (at = place_of(d, addr); d->by_addr[at];
		     at = (at + 1) & (d->naddrs - 1)) {
			i = d->by_addr[at] - 1;
			if (tcpvs_addr_equal(&d->member[i].srv->addr, addr))
				return &d->member[i];
		}
		return NULL;
	}
	for (i = 0; i < d->n; i++)
		if (tcpvs_addr_equal(&d->member[i].srv->addr, addr))
			return &d->member[i];
	return NULL;
}

static struct tcpvs_member *member_open(struct tcpvs_candidate *c,
					const struct tcpvs_server_edit *e,
					struct tcpvs_draft **d, bool index,
					struct netlink_ext_ack *extack)
{
	struct tcpvs_member *m;

	*d = tcpvs_candidate_open(c, e->service, e->attr[TCPVS_A_SERVER_SERVICE], extack);
	if (IS_ERR(*d))
		return ERR_CAST(*d);
	/* A removal moves what is behind it: no use to begin one for it. */
	if (index)
		index_members(*d);
	m = member_find(*d, &e->addr);
	if (m)
		return m;
	NL_SET_ERR_MSG_ATTR_FMT(extack, e->attr[TCPVS_A_SERVER_ADDRESS],
				"service \"%.24s\" has no server of this address",
				e->service);
	return ERR_PTR(-ENOENT);
}

static struct tcpvs_server *server_make(struct tcpvs_candidate *c,
					struct tcpvs_service *svc,
					const struct tcpvs_addr *addr)
{
	struct tcpvs_server *srv = tcpvs_server_create(svc, addr);

	if (srv)
		list_add_tail(&srv->link, &c->servers);
	return srv;
}

static bool is_fallback(const struct tcpvs_service_conf *sc,
			const struct tcpvs_addr *addr)
{
	return sc->fallback.srv && tcpvs_addr_equal(&sc->fallback.srv->addr, addr);
}

/**
 * tcpvs_candidate_fallback() - the fallback server that a request wants
 * @c: the candidate
 * @sc: the service as the candidate has it
 * @base: the same name in the base snapshot, or NULL
 * @e: the request
 * @extack: says why not
 *
 * Return: the server with a reference for the caller; NULL if @e wants none or
 * says nothing about it; or an error.
 */
struct tcpvs_server *tcpvs_candidate_fallback(struct tcpvs_candidate *c,
					      const struct tcpvs_service_conf *sc,
					      const struct tcpvs_service_conf *base,
					      const struct tcpvs_service_edit *e,
					      struct netlink_ext_ack *extack)
{
	struct tcpvs_server *srv;
	int err;

	if (!e->attr[TCPVS_A_SERVICE_FALLBACK] || !e->fallback.family)
		return NULL;
	if (is_fallback(sc, &e->fallback)) {
		srv = sc->fallback.srv;
	} else if (base && base->svc == sc->svc && is_fallback(base, &e->fallback)) {
		srv = base->fallback.srv;
	} else {
		err = tcpvs_candidate_charge(c, sizeof(*srv) +
			     num_possible_cpus() * sizeof(struct tcpvs_server_cpu),
			     extack);
		if (err)
			return ERR_PTR(err);
		srv = server_make(c, sc->svc, &e->fallback);
		if (!srv)
			return ERR_PTR(-ENOMEM);
		srv->fallback = true;
	}
	tcpvs_server_get(srv);
	return srv;
}

/**
 * tcpvs_candidate_fallback_check() - whether a draft's fallback server may be
 *	committed
 * @d: the draft
 * @extack: says why not
 *
 * Only the whole tells: the changes of a transaction come in any order.
 *
 * Return: 0 or -EEXIST.
 */
int tcpvs_candidate_fallback_check(const struct tcpvs_draft *d,
				   struct netlink_ext_ack *extack)
{
	const struct tcpvs_server *srv = d->conf->fallback.srv;

	if (!srv || !member_find(d, &srv->addr))
		return 0;
	NL_SET_ERR_MSG_FMT(extack,
			   "the fallback server of \"%.16s\" is one of its servers too",
			   d->conf->name);
	return -EEXIST;
}

/**
 * tcpvs_candidate_server_new() - add a server to a service
 * @c: the candidate
 * @e: the server
 * @extack: says why not
 *
 * Return: 0, or an error that changed nothing.
 */
int tcpvs_candidate_server_new(struct tcpvs_candidate *c,
			       const struct tcpvs_server_edit *e,
			       struct netlink_ext_ack *extack)
{
	struct tcpvs_member *member, *old = NULL;
	struct tcpvs_server *srv;
	struct tcpvs_draft *d;
	unsigned int room;
	int err;

	d = tcpvs_candidate_open(c, e->service, e->attr[TCPVS_A_SERVER_SERVICE], extack);
	if (IS_ERR(d))
		return PTR_ERR(d);
	index_members(d);
	if (member_find(d, &e->addr)) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, e->attr[TCPVS_A_SERVER_ADDRESS],
					"service \"%.24s\" has this server already",
					e->service);
		return -EEXIST;
	}
	if (d->n >= TCPVS_SERVERS_MAX) {
		NL_SET_ERR_MSG_FMT(extack, "a service has at most %u servers",
				   TCPVS_SERVERS_MAX);
		return -ENOSPC;
	}
	err = tcpvs_candidate_charge(c, sizeof(*srv) + 2 * sizeof(*member) +
				     4 * sizeof(*d->by_addr), extack);
	if (err)
		return err;
	if (d->n == d->room) {
		room = max(2 * d->room, 8U);
		member = kvmalloc_array(room, sizeof(*member), GFP_KERNEL_ACCOUNT);
		if (!member)
			return -ENOMEM;
		memcpy(member, d->member, d->n * sizeof(*member));
		kvfree(d->member);
		d->member = member;
		d->room = room;
		/* The index has become too small, and is made with the next. */
		d->indexed = false;
	}

	if (d->base && d->base->svc == d->conf->svc)
		old = tcpvs_set_find(d->base->set, &e->addr);
	if (old) {
		srv = old->srv;
	} else {
		srv = server_make(c, d->conf->svc, &e->addr);
		if (!srv)
			return -ENOMEM;
	}
	tcpvs_server_get(srv);
	d->member[d->n++] = (struct tcpvs_member) {
		.srv = srv,
		.weight = e->weight,
	};
	if (d->indexed)
		index_add(d, d->n - 1);
	return 0;
}

/**
 * tcpvs_candidate_server_set() - change a server
 * @c: the candidate
 * @e: the server and its new weight
 * @extack: says why not
 *
 * Return: 0, or an error that changed nothing.
 */
int tcpvs_candidate_server_set(struct tcpvs_candidate *c,
			       const struct tcpvs_server_edit *e,
			       struct netlink_ext_ack *extack)
{
	struct tcpvs_member *m;
	struct tcpvs_draft *d;

	m = member_open(c, e, &d, true, extack);
	if (IS_ERR(m))
		return PTR_ERR(m);
	m->weight = e->weight;
	return 0;
}

/**
 * tcpvs_candidate_server_del() - remove a server
 * @c: the candidate
 * @e: the server
 * @extack: says why not
 *
 * Return: 0, or an error that changed nothing.
 */
int tcpvs_candidate_server_del(struct tcpvs_candidate *c,
			       const struct tcpvs_server_edit *e,
			       struct netlink_ext_ack *extack)
{
	struct tcpvs_member *m;
	struct tcpvs_draft *d;

	m = member_open(c, e, &d, false, extack);
	if (IS_ERR(m))
		return PTR_ERR(m);
	tcpvs_server_put(m->srv);
	d->indexed = false;
	d->n--;
	memmove(m, m + 1, (char *)&d->member[d->n] - (char *)m);
	return 0;
}
