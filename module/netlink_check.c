// SPDX-License-Identifier: GPL-2.0
/*
 * netlink_check.c - what no policy says, and when it is too late to hear of it
 *
 * Of an attribute that comes twice the kernel's parser keeps the last, and to an
 * operation without attributes it looks at none. What two readers of a request
 * could understand differently is refused instead: who flushes with a name in hand
 * shall not lose everything.
 *
 * The kernel holds a request to the policy of its operation and tells the family
 * nothing of what it refuses. A piece of a table of rules that is refused so would
 * just be missing in the table, if its sender did not look. So the kernel is given no
 * policy for pieces; they are held to it here, and whatever refuses one gives the
 * tables up that the transaction fills.
 *
 * Runs before every request, without locks but where it says so.
 */
#include <linux/slab.h>
#include <net/genetlink.h>

#include "netlink.h"
#include "transaction.h"

/* Attributes that may come more than once in a list. */
static bool is_multi(u8 cmd, const struct nla_policy *policy, int type)
{
	if (policy == tcpvs_networks_nl_policy)
		return type == TCPVS_A_NETWORKS_NETWORK;
	if (policy == tcpvs_rule_nl_policy)
		return type == TCPVS_A_RULE_MATCH;
	/* The lists of operations themselves. */
	return (cmd == TCPVS_CMD_RULES_SET && type == TCPVS_A_RULES_SERVER &&
		policy[type].nested_policy == tcpvs_address_nl_policy) ||
	       (cmd == TCPVS_CMD_RULES_ADD && type == TCPVS_A_RULES_RULE &&
		policy[type].nested_policy == tcpvs_rule_nl_policy);
}

/* Nests lie five deep at most: rules, rule, match, networks, network. */
static int check_list(u8 cmd, const struct nlattr *head, int len,
		      const struct nla_policy *policy, int max,
		      struct netlink_ext_ack *extack)
{
	const struct nlattr *a;
	u64 seen = 0;
	int rem, err;

	nla_for_each_attr(a, head, len, rem) {
		int type = nla_type(a);

		/* The policies let nothing pass that they do not know. */
		if (type > max || type >= BITS_PER_TYPE(seen))
			continue;
		if (seen & BIT_ULL(type) && !is_multi(cmd, policy, type)) {
			NL_SET_ERR_MSG_ATTR(extack, a, "attribute given twice");
			return -EINVAL;
		}
		seen |= BIT_ULL(type);
		if (policy[type].type != NLA_NESTED || !nla_len(a))
			continue;
		err = check_list(cmd, nla_data(a), nla_len(a),
				 policy[type].nested_policy, policy[type].len,
				 extack);
		if (err)
			return err;
	}
	return 0;
}

/**
 * tcpvs_nl_check() - see that a request says nothing twice
 * @ops: its operation; its policy has been held to the attributes, so that lengths
 *	are right and nests are what they say
 * @nlh: the request
 * @extack: points at what is too much
 *
 * Return: 0 or -EINVAL.
 */
int tcpvs_nl_check(const struct genl_split_ops *ops, const struct nlmsghdr *nlh,
		   struct netlink_ext_ack *extack)
{
	const struct nlattr *head = nlmsg_attrdata(nlh, GENL_HDRLEN);
	int len = nlmsg_attrlen(nlh, GENL_HDRLEN);

	if (ops->maxattr)
		return check_list(ops->cmd, head, len, ops->policy,
				  ops->maxattr, extack);
	if (len <= 0)
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, head, "this operation takes no attributes");
	return -EINVAL;
}

/**
 * tcpvs_nl_dump_start() - before a listing
 * @cb: the listing
 *
 * Return: 0 or -EINVAL.
 */
int tcpvs_nl_dump_start(struct netlink_callback *cb)
{
	return tcpvs_nl_check(&genl_dumpit_info(cb)->op, cb->nlh, cb->extack);
}

/* The operations as the kernel knows them, and as the specification says. */
static struct genl_split_ops known[2 * TCPVS_CMD_MAX] __ro_after_init;
static const struct genl_split_ops *specified __ro_after_init;

/**
 * tcpvs_nl_check_init() - take the policies of pieces away from the kernel
 *
 * Context: before the family is registered.
 *
 * Return: 0 or -E2BIG.
 */
int __init tcpvs_nl_check_init(void)
{
	unsigned int i, n = tcpvs_nl_family.n_split_ops;

	if (WARN_ON(n > ARRAY_SIZE(known)))
		return -E2BIG;
	specified = tcpvs_nl_family.split_ops;
	for (i = 0; i < n; i++) {
		known[i] = specified[i];
		if (known[i].pre_doit != tcpvs_nl_pre_doit_piece)
			continue;
		known[i].policy = NULL;
		known[i].maxattr = 0;
	}
	tcpvs_nl_family.split_ops = known;
	return 0;
}

static const struct genl_split_ops *as_specified(u8 cmd)
{
	unsigned int i;

	/* Pieces are no dumps: there is one entry of each. */
	for (i = 0; i < tcpvs_nl_family.n_split_ops; i++)
		if (specified[i].cmd == cmd)
			return &specified[i];
	return NULL;
}

/* What the kernel does for other operations. Return: 0 with info->attrs, or an error. */
static int parse(const struct genl_split_ops *ops, struct genl_info *info)
{
	struct nlattr **attrs;
	int err;

	attrs = kmalloc_array(ops->maxattr + 1, sizeof(*attrs), GFP_KERNEL);
	if (!attrs)
		return -ENOMEM;
	err = nlmsg_parse(info->nlhdr, GENL_HDRLEN, attrs, ops->maxattr,
			  ops->policy, info->extack);
	if (err)
		kfree(attrs);
	else
		info->attrs = attrs;
	return err;
}

/**
 * tcpvs_nl_pre_doit_piece() - before a piece of a table of rules
 * @ops: its operation, as the kernel knows it
 * @skb: its message
 * @info: filled with its attributes
 *
 * Return: 0 with the namespace locked; or an error, and then the tables that the
 * socket's transaction fills are given up.
 */
int tcpvs_nl_pre_doit_piece(const struct genl_split_ops *ops,
			    struct sk_buff *skb, struct genl_info *info)
{
	int err;

	ops = as_specified(ops->cmd);
	if (WARN_ON_ONCE(!ops))
		return -EOPNOTSUPP;
	err = parse(ops, info);
	if (!err) {
		err = tcpvs_nl_pre_doit_admin(ops, skb, info);
		if (!err)
			return 0;
		kfree(info->attrs);
	}
	tcpvs_transaction_spoil(tcpvs_net(genl_info_net(info)), info->snd_portid);
	return tcpvs_nl_explain(info, err);
}

/**
 * tcpvs_nl_post_doit_piece() - after a piece
 * @ops: its operation
 * @skb: its message
 * @info: its attributes
 */
void tcpvs_nl_post_doit_piece(const struct genl_split_ops *ops,
			      struct sk_buff *skb, struct genl_info *info)
{
	tcpvs_nl_post_doit(ops, skb, info);
	kfree(info->attrs);
}
