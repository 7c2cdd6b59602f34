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

static int read_key(struct nlattr *key, struct nlattr *name,
		    struct tcpvs_hash_by *k, struct netlink_ext_ack *extack)
{
	bool named;

	k->what = nla_get_u32(key);
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
	if (tcpvs_hash_key_ok(k))
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
		err = read_key(tb[TCPVS_A_HASH_KEY], tb[TCPVS_A_HASH_NAME],
			       &e->key, extack);
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
	nla_nest_end(skb, nest);
	return 0;
}
