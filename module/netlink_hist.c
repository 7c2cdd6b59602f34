// SPDX-License-Identifier: GPL-2.0
/*
 * netlink_hist.c - the request for histograms
 *
 * A message is one histogram. What is told of its buckets is the piece between the
 * first and the last that are not empty, mostly some dozen of 336; all of them fit
 * into the smallest message a dump has room for, too.
 *
 * As with other dumps, readers take no lock, and the cursor goes on in the snapshot
 * that is the newest then (netlink_get.c).
 */
#include <linux/slab.h>

#include "latency.h"
#include "netlink.h"

/**
 * struct walk - where a dump is, and what it is about
 * @slot: slot of the service
 * @index: 0 for the service itself, then its servers
 * @kind: TCPVS_HISTOGRAM_KIND_*
 * @only: the one server that is meant, if its family is not 0
 * @sum: the histogram in hand
 */
struct walk {
	u32 slot;
	u32 index;
	u32 kind;
	struct tcpvs_addr only;
	struct tcpvs_hist_sum sum;
};

/**
 * struct cursor - what a dump of histograms keeps
 * @walk: its walk, for it is too large for the callback
 */
struct cursor {
	struct walk *walk;
};

static_assert(sizeof(struct cursor) <=
	      sizeof_field(struct netlink_callback, ctx));

int tcpvs_nl_histogram_get_start(struct netlink_callback *cb)
{
	struct nlattr **attr = genl_info_dump(cb)->attrs;
	struct nlattr *a = attr[TCPVS_A_HISTOGRAM_SERVER];
	struct cursor *at = (struct cursor *)cb->ctx;
	struct walk *walk;
	int err;

	err = tcpvs_nl_dump_start(cb);
	if (err)
		return err;
	if (a && !attr[TCPVS_A_HISTOGRAM_SERVICE]) {
		NL_SET_ERR_MSG(cb->extack, "the service is missing");
		NL_SET_ERR_ATTR_MISS(cb->extack, NULL, TCPVS_A_HISTOGRAM_SERVICE);
		return -EINVAL;
	}
	walk = kzalloc(sizeof(*walk), GFP_KERNEL);
	if (!walk) {
		NL_SET_ERR_MSG(cb->extack, "no memory");
		return -ENOMEM;
	}
	err = a ? tcpvs_nl_address(a, &walk->only, true, cb->extack) : 0;
	if (err)
		kfree(walk);
	else
		at->walk = walk;
	return err;
}

static int put_buckets(struct sk_buff *skb, const struct tcpvs_hist_sum *s)
{
	u32 first = 0, end = TCPVS_HIST_BUCKETS;

	while (!s->n[end - 1])
		end--;
	while (!s->n[first])
		first++;
	return nla_put_u32(skb, TCPVS_A_HISTOGRAM_FIRST, first) ?:
	       nla_put(skb, TCPVS_A_HISTOGRAM_BUCKETS,
		       (end - first) * sizeof(s->n[0]), &s->n[first]);
}

static bool empty(const struct tcpvs_hist_sum *s)
{
	unsigned int i;

	for (i = 0; i < TCPVS_HIST_BUCKETS; i++)
		if (s->n[i])
			return false;
	return true;
}

static int fill(struct sk_buff *skb, struct netlink_callback *cb,
		const struct tcpvs_service_conf *sc, struct tcpvs_server *srv,
		struct walk *walk)
{
	struct tcpvs_hist_sum *s = &walk->sum;
	u32 zeroed;
	void *hdr;

	if (!tcpvs_latency_read(sc->svc, srv, walk->kind, s, &zeroed) || empty(s))
		return 0;
	hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			  &tcpvs_nl_family, NLM_F_MULTI, TCPVS_CMD_HISTOGRAM_GET);
	if (!hdr)
		return -EMSGSIZE;
	genl_dump_check_consistent(cb, hdr);
	if (nla_put_string(skb, TCPVS_A_HISTOGRAM_SERVICE, sc->name) ||
	    (srv &&
	     (tcpvs_nl_put_address(skb, TCPVS_A_HISTOGRAM_SERVER, &srv->addr) ||
	      nla_put_u32(skb, TCPVS_A_HISTOGRAM_SERVER_ID, srv->id))) ||
	    nla_put_u32(skb, TCPVS_A_HISTOGRAM_KIND, walk->kind) ||
	    nla_put_uint(skb, TCPVS_A_HISTOGRAM_SUM, s->sum) ||
	    nla_put_uint(skb, TCPVS_A_HISTOGRAM_LONGEST, s->longest) ||
	    put_buckets(skb, s) ||
	    nla_put_u32(skb, TCPVS_A_HISTOGRAM_ZEROED, zeroed)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

/* Whose histograms are next: false behind the last server of the service. */
static bool next(const struct tcpvs_service_conf *sc, const struct walk *walk,
		 struct tcpvs_server **srv)
{
	const struct tcpvs_member *m = NULL;

	if (walk->index)
		m = tcpvs_conf_member(sc, walk->index - 1);
	*srv = m ? m->srv : NULL;
	return m || !walk->index;
}

static bool wanted(const struct walk *walk, const struct tcpvs_server *srv)
{
	return !walk->only.family ||
	       (srv && tcpvs_addr_equal(&walk->only, &srv->addr));
}

int tcpvs_nl_histogram_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nlattr **attr = genl_info_dump(cb)->attrs;
	struct tcpvs_net *tn = tcpvs_net(sock_net(cb->skb->sk));
	struct walk *walk = ((struct cursor *)cb->ctx)->walk;
	const struct tcpvs_service_conf *sc, *want;
	struct tcpvs_server *srv;
	struct tcpvs_config *c;
	int idx, err;

	idx = srcu_read_lock(&tcpvs_srcu);
	c = srcu_dereference(tn->config, &tcpvs_srcu);
	err = tcpvs_nl_dump_of(cb, c, attr[TCPVS_A_HISTOGRAM_SERVICE], &want);
	if (!err && want && walk->only.family && !cb->prev_seq)
		err = PTR_ERR_OR_ZERO(tcpvs_nl_find_server(want, &walk->only,
							   attr[TCPVS_A_HISTOGRAM_SERVER],
							   cb->extack));
	if (err) {
		err = min(err, 0);
		goto out;
	}
	for (; walk->slot < c->nslots; walk->slot++, walk->index = 0) {
		sc = c->conf[walk->slot];
		if (!sc || (want && sc != want))
			continue;
		for (; next(sc, walk, &srv); walk->index++, walk->kind = 0) {
			if (!wanted(walk, srv))
				continue;
			for (; walk->kind < TCPVS_HIST_KINDS; walk->kind++)
				if (fill(skb, cb, sc, srv, walk))
					goto out;
		}
		cond_resched();
	}
out:
	srcu_read_unlock(&tcpvs_srcu, idx);
	return err ?: skb->len;
}

int tcpvs_nl_histogram_get_done(struct netlink_callback *cb)
{
	kfree(((struct cursor *)cb->ctx)->walk);
	return 0;
}
