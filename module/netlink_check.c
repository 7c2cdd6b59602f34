// SPDX-License-Identifier: GPL-2.0
/*
 * netlink_check.c - what no policy says: that nothing is given twice
 *
 * Of an attribute that comes twice the kernel's parser keeps the last, and to an
 * operation without attributes it looks at none. What two readers of a request
 * could understand differently is refused instead: who flushes with a name in hand
 * shall not lose everything.
 *
 * Runs before every request, without locks; the policies have been held to the
 * attributes, so that lengths are right and nests are what they say.
 */
#include <net/genetlink.h>

#include "netlink.h"

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
 * @ops: its operation
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
