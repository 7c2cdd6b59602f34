// SPDX-License-Identifier: GPL-2.0
/*
 * netlink_hash.c - what is said of the hash schedulers, of services and of sets
 *
 * In requests under tcpvs_net.lock, in listings inside tcpvs_srcu.
 */
#include "netlink.h"
#include "transaction.h"

static_assert((int)TCPVS_HASH_KEY_SOURCE == TCPVS_HK_SOURCE);
static_assert((int)TCPVS_HASH_KEY_URI == TCPVS_HK_URI);
static_assert((int)TCPVS_HASH_KEY_HOST == TCPVS_HK_HOST);
static_assert((int)TCPVS_HASH_KEY_HEADER == TCPVS_HK_HEADER);
static_assert((int)TCPVS_HASH_KEY_COOKIE == TCPVS_HK_COOKIE);
static_assert((int)TCPVS_HASH_KEY_QUERY == TCPVS_HK_QUERY);

static_assert((int)TCPVS_HASH_KEY_MATCH == TCPVS_HK_MATCH);

/* Which capture table a set of a rule goes by, and what to list of it. */
static int read_match(struct nlattr **tb, struct tcpvs_hash_by *k,
		      struct netlink_ext_ack *extack)
{
	struct nlattr *at = tb[TCPVS_A_HASH_CAPTURE] ?: tb[TCPVS_A_HASH_GROUP];
	bool wanted = k->what == TCPVS_HK_MATCH;

	if (wanted != !!tb[TCPVS_A_HASH_CAPTURE] ||
	    wanted != !!tb[TCPVS_A_HASH_GROUP]) {
		NL_SET_ERR_MSG_ATTR(extack, at,
				    "the key match has a capture table and a group, others have none");
		return -EINVAL;
	}
	if (wanted) {
		k->capture = nla_get_u32(tb[TCPVS_A_HASH_CAPTURE]);
		k->group = nla_get_u32(tb[TCPVS_A_HASH_GROUP]);
	}
	return 0;
}

static int read_key(struct nlattr **tb, struct tcpvs_hash_by *k,
		    struct netlink_ext_ack *extack)
{
	struct nlattr *key = tb[TCPVS_A_HASH_KEY], *name = tb[TCPVS_A_HASH_NAME];
	bool named;

	k->what = nla_get_u32(key);
	if (read_match(tb, k, extack))
		return -EINVAL;
	named = k->what == TCPVS_HK_HEADER || k->what == TCPVS_HK_COOKIE ||
		k->what == TCPVS_HK_QUERY;
	if (named != !!name) {
		NL_SET_ERR_MSG_ATTR(extack, name ?: key,
				    "the key header, cookie or query has a name, others have none");
		return -EINVAL;
	}
	if (name) {
		/* The policy has seen that it fits. */
		k->nlen = strlen(nla_data(name));
		memcpy(k->name, nla_data(name), k->nlen);
	}
	if (k->what == TCPVS_HK_MATCH || tcpvs_hash_key_ok(k))
		return 0;
	NL_SET_ERR_MSG_ATTR_FMT(extack, name, "no such thing has the name \"%.24s\"",
				(const char *)nla_data(name));
	return -EINVAL;
}

/**
 * tcpvs_nl_hash() - what a request wants of the hash schedulers
 * @attr: attribute, a nest by its policy
 * @e: filled in; zero before
 * @extack: says why not
 *
 * Return: 0 or an error.
 */
int tcpvs_nl_hash(const struct nlattr *attr, struct tcpvs_hash_edit *e,
		  struct netlink_ext_ack *extack)
{
	struct nlattr *tb[TCPVS_A_HASH_MAX + 1], *bound;
	int err;

	err = nla_parse_nested(tb, TCPVS_A_HASH_MAX, attr, tcpvs_hash_nl_policy,
			       extack);
	if (err)
		return err;
	if (tb[TCPVS_A_HASH_NAME] && !tb[TCPVS_A_HASH_KEY]) {
		NL_SET_ERR_MSG_ATTR(extack, tb[TCPVS_A_HASH_NAME],
				    "a name of no key: say header, cookie or query");
		return -EINVAL;
	}
	if (tb[TCPVS_A_HASH_KEY]) {
		err = read_key(tb, &e->key, extack);
		if (err)
			return err;
		e->keyed = true;
	}
	bound = tb[TCPVS_A_HASH_BOUND];
	if (!bound)
		return 0;
	e->bound = nla_get_u32(bound);
	e->bounded = true;
	if (e->bound && e->bound < TCPVS_BOUND_MIN) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, bound,
					"a bound of %u percent leaves no server with room: 100 or more, 0 = none",
					e->bound);
		return -EINVAL;
	}
	return 0;
}

/**
 * tcpvs_nl_put_hash() - tell what is hashed and how far
 * @skb: the message
 * @type: of the nest
 * @k: what is hashed; NULL = the source
 * @bound: &tcpvs_set.bound
 *
 * Return: 0 or -EMSGSIZE.
 */
int tcpvs_nl_put_hash(struct sk_buff *skb, int type, const struct tcpvs_hash_by *k,
		      u32 bound)
{
	struct nlattr *nest = nla_nest_start(skb, type);
	char name[TCPVS_HASH_NAME_BYTES + 1];

	if (!nest ||
	    nla_put_u32(skb, TCPVS_A_HASH_KEY, k ? k->what : TCPVS_HK_SOURCE) ||
	    nla_put_u32(skb, TCPVS_A_HASH_BOUND, bound))
		return -EMSGSIZE;
	if (k && k->nlen) {
		memcpy(name, k->name, k->nlen);
		name[k->nlen] = 0;
		if (nla_put_string(skb, TCPVS_A_HASH_NAME, name))
			return -EMSGSIZE;
	}
	if (k && k->what == TCPVS_HK_MATCH &&
	    (nla_put_u32(skb, TCPVS_A_HASH_CAPTURE, k->capture) ||
	     nla_put_u32(skb, TCPVS_A_HASH_GROUP, k->group)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}
