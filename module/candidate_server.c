// SPDX-License-Identifier: GPL-2.0
/*
 * candidate_server.c - the servers of drafts, and the changes made to them
 *
 * Under tcpvs_net.lock, in netlink requests. As in candidate.c a refused change
 * leaves the candidate as it was, and a server that the base snapshot has is used
 * again with its counters and connections.
 */
#include <linux/mm.h>
#include <net/netlink.h>

#include "transaction.h"

static struct tcpvs_member *member_find(const struct tcpvs_draft *d,
					const struct tcpvs_addr *addr)
{
	unsigned int i;

	for (i = 0; i < d->n; i++)
		if (tcpvs_addr_equal(&d->member[i].srv->addr, addr))
			return &d->member[i];
	return NULL;
}

static struct tcpvs_member *member_open(struct tcpvs_candidate *c,
					const struct tcpvs_server_edit *e,
					struct tcpvs_draft **d,
					struct netlink_ext_ack *extack)
{
	struct tcpvs_member *m;

	*d = tcpvs_candidate_open(c, e->service, e->attr[TCPVS_A_SERVER_SERVICE], extack);
	if (IS_ERR(*d))
		return ERR_CAST(*d);
	m = member_find(*d, &e->addr);
	if (m)
		return m;
	NL_SET_ERR_MSG_ATTR_FMT(extack, e->attr[TCPVS_A_SERVER_ADDRESS],
				"service \"%.24s\" has no server of this address",
				e->service);
	return ERR_PTR(-ENOENT);
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
		     num_possible_cpus() * sizeof(struct tcpvs_server_cpu), extack);
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
	}

	if (d->base && d->base->svc == d->conf->svc)
		old = tcpvs_set_find(d->base->set, &e->addr);
	if (old) {
		srv = old->srv;
	} else {
		srv = tcpvs_server_create(d->conf->svc, &e->addr);
		if (!srv)
			return -ENOMEM;
		list_add_tail(&srv->link, &c->servers);
	}
	tcpvs_server_get(srv);
	d->member[d->n++] = (struct tcpvs_member) {
		.srv = srv,
		.weight = e->weight,
	};
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

	m = member_open(c, e, &d, extack);
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

	m = member_open(c, e, &d, extack);
	if (IS_ERR(m))
		return PTR_ERR(m);
	tcpvs_server_put(m->srv);
	d->n--;
	memmove(m, m + 1, (char *)&d->member[d->n] - (char *)m);
	return 0;
}
