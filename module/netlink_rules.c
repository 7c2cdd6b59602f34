// SPDX-License-Identifier: GPL-2.0
/*
 * netlink_rules.c - requests about rules: a table piece by piece, and listings
 *
 * A table is larger than a message, so it comes in pieces, staged by the
 * transaction of the socket (candidate_rules.c). A listing goes on from message
 * to message where its cursor stands, in the newest snapshot; if that is another
 * than before, the generation tells, and NLM_F_DUMP_INTR says so.
 *
 * Changes run under tcpvs_net.lock, listings inside tcpvs_srcu.
 */
#include "netlink.h"
#include "table.h"
#include "transaction.h"

/* Servers of a set in one message. */
#define SERVERS_PER_MESSAGE	64
/* A message with the largest rule, the name of its service and its counter. */
#define RULE_MESSAGE_MAX	(TCPVS_RULE_BYTES_MAX + 256)

/* A piece went to the candidate. */
static int added(struct genl_info *info, struct tcpvs_candidate *c, int err)
{
	if (err)
		tcpvs_candidate_rules_spoil(c);
	return tcpvs_nl_changed(info, c, err);
}

int tcpvs_nl_rules_begin_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct tcpvs_candidate *c = tcpvs_nl_change(info);

	if (IS_ERR(c))
		return tcpvs_nl_explain(info, PTR_ERR(c));
	return added(info, c, tcpvs_candidate_rules_begin(c, info));
}

static int piece(struct genl_info *info,
		 int (*add)(struct tcpvs_upload *u, struct genl_info *info))
{
	struct tcpvs_candidate *c = tcpvs_nl_change(info);

	if (IS_ERR(c))
		return tcpvs_nl_explain(info, PTR_ERR(c));
	return added(info, c, tcpvs_candidate_rules_piece(c, info, add));
}

static int add_automaton(struct tcpvs_upload *u, struct genl_info *info)
{
	struct nlattr *input = info->attrs[TCPVS_A_RULES_INPUT];
	struct nlattr *size = info->attrs[TCPVS_A_RULES_SIZE];
	int err;

	if (!input != !size) {
		NL_SET_ERR_MSG_ATTR(info->extack, input ?: size,
				    "an automaton begins with input and size");
		return -EINVAL;
	}
	if (size) {
		err = tcpvs_upload_automaton(u, nla_get_u32(input),
					     nla_get_u32(size), info->extack);
		if (err)
			return err;
	}
	if (tcpvs_nl_missing(info, TCPVS_A_RULES_DATA, "the data"))
		return -EINVAL;
	return tcpvs_upload_data(u, info->attrs[TCPVS_A_RULES_DATA],
				 info->extack);
}

int tcpvs_nl_rules_automaton_doit(struct sk_buff *skb, struct genl_info *info)
{
	return piece(info, add_automaton);
}

/* The first attribute of the request, and the bytes of all. */
static struct nlattr *attributes(const struct genl_info *info, int *len)
{
	*len = genlmsg_len(info->genlhdr);
	return genlmsg_data(info->genlhdr);
}

static int add_set(struct tcpvs_upload *u, struct genl_info *info)
{
	struct nlattr *name = info->attrs[TCPVS_A_RULES_SCHEDULER];
	const struct tcpvs_sched_ops *ops = NULL;
	struct nlattr *hash = info->attrs[TCPVS_A_RULES_HASH];
	struct tcpvs_hash_edit e = {};
	struct nlattr *a, *first;
	int rem, len, err;

	if (tcpvs_nl_missing(info, TCPVS_A_RULES_SET, "the number of the set"))
		return -EINVAL;
	if (name) {
		ops = tcpvs_sched_find(nla_data(name));
		if (!ops) {
			NL_SET_ERR_MSG_ATTR_FMT(info->extack, name,
						"there is no scheduler \"%.15s\"",
						(const char *)nla_data(name));
			return -ENOENT;
		}
	}
	err = hash ? tcpvs_nl_hash(hash, &e, info->extack) : 0;
	if (!err)
		err = tcpvs_upload_set(u, nla_get_u32(info->attrs[TCPVS_A_RULES_SET]),
				       ops, hash ? &e : NULL, info->extack);
	if (err)
		return err;
	first = attributes(info, &len);
	nla_for_each_attr(a, first, len, rem) {
		struct tcpvs_addr addr;

		if (nla_type(a) != TCPVS_A_RULES_SERVER)
			continue;
		err = tcpvs_nl_address(a, &addr, true, info->extack) ?:
		      tcpvs_upload_server(u, &addr, info->extack);
		if (err)
			return err;
	}
	return 0;
}

int tcpvs_nl_rules_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	return piece(info, add_set);
}

static int add_rules(struct tcpvs_upload *u, struct genl_info *info)
{
	struct nlattr *a, *first;
	int rem, len, err;

	first = attributes(info, &len);
	nla_for_each_attr(a, first, len, rem) {
		if (nla_type(a) != TCPVS_A_RULES_RULE)
			continue;
		err = tcpvs_upload_rule(u, a, info->extack);
		if (err)
			return err;
	}
	return 0;
}

int tcpvs_nl_rules_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	return piece(info, add_rules);
}

int tcpvs_nl_rules_end_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct tcpvs_candidate *c = tcpvs_nl_change(info);

	if (IS_ERR(c))
		return tcpvs_nl_explain(info, PTR_ERR(c));
	return added(info, c, tcpvs_candidate_rules_end(c, info));
}

/**
 * struct cursor - where a listing goes on
 * @slot: slot of the service
 * @index: rule, or set
 * @server: server within the set
 */
struct cursor {
	u32 slot;
	u32 index;
	u32 server;
};

static_assert(sizeof(struct cursor) <=
	      sizeof_field(struct netlink_callback, ctx));

static void *new_message(struct sk_buff *skb, struct netlink_callback *cb,
			 const struct tcpvs_service_conf *sc)
{
	void *hdr;

	hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			  &tcpvs_nl_family, NLM_F_MULTI,
			  genl_info_dump(cb)->genlhdr->cmd);
	if (!hdr)
		return NULL;
	genl_dump_check_consistent(cb, hdr);
	if (nla_put_string(skb, TCPVS_A_RULES_SERVICE, sc->name)) {
		genlmsg_cancel(skb, hdr);
		return NULL;
	}
	return hdr;
}

static int fill_rules(struct sk_buff *skb, struct netlink_callback *cb,
		      const struct tcpvs_service_conf *sc)
{
	struct cursor *at = (struct cursor *)cb->ctx;
	const struct tcpvs_table *t = sc->table;

	for (; at->index < t->nrules; at->index++) {
		const struct nlattr *rule = t->rule[at->index].record;
		void *hdr = new_message(skb, cb, sc);

		if (!hdr)
			return -EMSGSIZE;
		if (nla_put(skb, TCPVS_A_RULES_RULE | NLA_F_NESTED, nla_len(rule),
			    nla_data(rule)) ||
		    nla_put_uint(skb, TCPVS_A_RULES_HITS,
				 tcpvs_rule_hits(sc->svc, t, at->index))) {
			genlmsg_cancel(skb, hdr);
			return -EMSGSIZE;
		}
		genlmsg_end(skb, hdr);
	}
	return 0;
}

static int fill_sets(struct sk_buff *skb, struct netlink_callback *cb,
		     const struct tcpvs_service_conf *sc)
{
	struct cursor *at = (struct cursor *)cb->ctx;
	const struct tcpvs_table *t = sc->table;

	for (; at->index < t->nsets; at->index++, at->server = 0) {
		const struct tcpvs_set_spec *s = &t->set[at->index];

		while (at->server < s->n) {
			u32 end = min(at->server + SERVERS_PER_MESSAGE, s->n), i;
			void *hdr = new_message(skb, cb, sc);
			int err;

			if (!hdr)
				return -EMSGSIZE;
			err = nla_put_u32(skb, TCPVS_A_RULES_SET, s->id) ?:
			      nla_put_string(skb, TCPVS_A_RULES_SCHEDULER,
					     s->ops->name) ?:
			      (s->ops->keyed ?
			       tcpvs_nl_put_hash(skb, TCPVS_A_RULES_HASH, s->key,
						 s->bound) : 0);
			for (i = at->server; i < end && !err; i++)
				err = tcpvs_nl_put_address(skb,
							   TCPVS_A_RULES_SERVER,
							   &s->addr[i]);
			if (err) {
				genlmsg_cancel(skb, hdr);
				return -EMSGSIZE;
			}
			genlmsg_end(skb, hdr);
			at->server = end;
		}
	}
	return 0;
}

/* Lists what @fill tells of each service that has rules. */
static int list(struct sk_buff *skb, struct netlink_callback *cb,
		int (*fill)(struct sk_buff *skb, struct netlink_callback *cb,
			    const struct tcpvs_service_conf *sc))
{
	struct nlattr *only = genl_info_dump(cb)->attrs[TCPVS_A_RULES_SERVICE];
	struct tcpvs_net *tn = tcpvs_net(sock_net(cb->skb->sk));
	struct cursor *at = (struct cursor *)cb->ctx;
	const struct tcpvs_service_conf *sc, *want;
	struct tcpvs_config *c;
	int idx, err;

	idx = srcu_read_lock(&tcpvs_srcu);
	c = srcu_dereference(tn->config, &tcpvs_srcu);
	err = tcpvs_nl_dump_of(cb, c, only, &want);
	if (err) {
		err = min(err, 0);
		goto out;
	}
	for (; at->slot < c->nslots; at->slot++, at->index = 0, at->server = 0) {
		sc = c->conf[at->slot];
		if (!sc || !sc->table || (want && sc != want))
			continue;
		err = fill(skb, cb, sc);
		if (err)
			break;
	}
out:
	srcu_read_unlock(&tcpvs_srcu, idx);
	/* Nothing at all would be taken for the end of the list. */
	return skb->len ?: err;
}

int tcpvs_nl_rule_get_start(struct netlink_callback *cb)
{
	cb->min_dump_alloc = RULE_MESSAGE_MAX;
	return tcpvs_nl_dump_start(cb);
}

int tcpvs_nl_rule_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return list(skb, cb, fill_rules);
}

int tcpvs_nl_rule_set_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return list(skb, cb, fill_sets);
}
