// SPDX-License-Identifier: GPL-2.0
/*
 * netlink.c - who may ask, and what the attributes of a request mean
 *
 * The family runs its requests in parallel; a change holds tcpvs_net.lock from
 * pre_doit to post_doit. Policies generated from the specification have checked
 * types, lengths and ranges before; here is what they cannot say. A refusal
 * names the attribute by its offset, and what it quotes it cuts: a message has
 * 80 bytes, and more would be reported as a fault of the kernel.
 */
#include <linux/capability.h>
#include <linux/inetdevice.h>
#include <linux/user_namespace.h>
#include <net/addrconf.h>

#include "netlink.h"
#include "sticky.h"
#include "transaction.h"

/**
 * tcpvs_nl_pre_doit() - before a request that reads
 * @ops: its operation
 * @skb: its message
 * @info: its attributes
 *
 * Return: 0, or -EINVAL if it says something twice.
 */
int tcpvs_nl_pre_doit(const struct genl_split_ops *ops, struct sk_buff *skb,
		      struct genl_info *info)
{
	info->user_ptr[0] = tcpvs_net(genl_info_net(info));
	info->user_ptr[1] = NULL;
	return tcpvs_nl_check(ops, info->nlhdr, info->extack);
}

/**
 * tcpvs_nl_admin() - may it be asked for?
 * @skb: the request
 * @net: its network namespace
 * @what: what is asked for, as the subject of the refusal
 * @extack: says why not
 *
 * Capability is needed in the user namespace that owns the network namespace,
 * both by who opened the socket and by who sends. A user namespace is anybody's
 * to make, so by default only the initial one counts.
 *
 * Return: 0 or -EPERM.
 */
int tcpvs_nl_admin(struct sk_buff *skb, const struct net *net, const char *what,
		   struct netlink_ext_ack *extack)
{
	if (!netlink_ns_capable(skb, net->user_ns, CAP_NET_ADMIN)) {
		NL_SET_ERR_MSG_FMT(extack, "%.40s need CAP_NET_ADMIN", what);
		return -EPERM;
	}
	if (net->user_ns != &init_user_ns && !READ_ONCE(tcpvs_userns)) {
		NL_SET_ERR_MSG(extack,
			       "not from a user namespace, unless the module has userns=1");
		return -EPERM;
	}
	return 0;
}

/**
 * tcpvs_nl_pre_doit_admin() - before a request that changes
 * @ops: its operation
 * @skb: its message
 * @info: its attributes
 *
 * Return: 0 with the namespace locked, or -EPERM, or -EINVAL if the request says
 * something twice.
 */
int tcpvs_nl_pre_doit_admin(const struct genl_split_ops *ops,
			    struct sk_buff *skb, struct genl_info *info)
{
	int err = tcpvs_nl_admin(skb, genl_info_net(info), "changes",
				 info->extack);

	if (!err)
		err = tcpvs_nl_pre_doit(ops, skb, info);
	if (err)
		return err;
	mutex_lock(&tcpvs_nl_net(info)->lock);
	info->user_ptr[1] = tcpvs_nl_net(info);
	return 0;
}

/**
 * tcpvs_nl_post_doit() - after a request
 * @ops: its operation
 * @skb: its message
 * @info: its attributes
 */
void tcpvs_nl_post_doit(const struct genl_split_ops *ops, struct sk_buff *skb,
			struct genl_info *info)
{
	struct tcpvs_net *locked = info->user_ptr[1];

	if (locked)
		mutex_unlock(&locked->lock);
}

/**
 * tcpvs_nl_reply() - send the reply of a request, or drop it
 * @skb: the reply
 * @err: whether filling it failed
 * @info: the request
 *
 * Return: 0 or an error.
 */
int tcpvs_nl_reply(struct sk_buff *skb, int err, struct genl_info *info)
{
	if (err) {
		nlmsg_free(skb);
		return err;
	}
	return genlmsg_reply(skb, info);
}

/**
 * tcpvs_nl_name() - the name of a service
 * @attr: attribute, a string by its policy
 * @name: set
 * @extack: says why not
 *
 * A name has to survive the configuration file's grammar without quotes.
 *
 * Return: 0 or -EINVAL.
 */
int tcpvs_nl_name(const struct nlattr *attr, const char **name,
		  struct netlink_ext_ack *extack)
{
	const char *s = nla_data(attr);
	unsigned int len = strlen(s), i;

	if (!len) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "the name of a service is empty");
		return -EINVAL;
	}
	if (len + 1 < nla_len(attr)) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "a name goes on after its end");
		return -EINVAL;
	}
	for (i = 0; i < len; i++) {
		u8 ch = s[i];

		if (ch > ' ' && ch <= '~' && !strchr("{}\"'#", ch))
			continue;
		NL_SET_ERR_MSG_ATTR_FMT(extack, attr,
					"a name cannot have byte 0x%02x (no spaces, braces, quotes, #)",
					ch);
		return -EINVAL;
	}
	*name = s;
	return 0;
}

static int refuse(struct netlink_ext_ack *extack, const struct nlattr *attr,
		  const char *why)
{
	NL_SET_ERR_MSG_ATTR_FMT(extack, attr, "%.78s", why);
	return -EINVAL;
}

static int check_ipv4(const struct tcpvs_addr *a, const struct nlattr *attr,
		      bool server, struct netlink_ext_ack *extack)
{
	if (ipv4_is_multicast(a->v4))
		return refuse(extack, attr, "a multicast address has no TCP");
	if (ipv4_is_lbcast(a->v4))
		return refuse(extack, attr, "the broadcast address has no TCP");
	if (server && ipv4_is_zeronet(a->v4))
		return refuse(extack, attr,
			      "a server needs an address of its own, not 0.0.0.0");
	return 0;
}

static int check_ipv6(const struct tcpvs_addr *a, const struct nlattr *attr,
		      bool server, struct netlink_ext_ack *extack)
{
	int type = ipv6_addr_type(&a->v6);

	if (type & IPV6_ADDR_MULTICAST)
		return refuse(extack, attr, "a multicast address has no TCP");
	if (type & IPV6_ADDR_MAPPED)
		return refuse(extack, attr,
			      "an IPv4 address in IPv6 form: give it as IPv4");
	if (type & IPV6_ADDR_LINKLOCAL)
		return refuse(extack, attr,
			      "a link-local address is of no use without an interface");
	if (server && type == IPV6_ADDR_ANY)
		return refuse(extack, attr,
			      "a server needs an address of its own, not ::");
	return 0;
}

/**
 * tcpvs_nl_address() - an address
 * @attr: attribute, a nest by its policy
 * @addr: filled in, unused bytes are 0
 * @server: it is to connect to, not to listen on
 * @extack: says why not
 *
 * Return: 0 or an error.
 */
int tcpvs_nl_address(const struct nlattr *attr, struct tcpvs_addr *addr,
		     bool server, struct netlink_ext_ack *extack)
{
	struct nlattr *tb[TCPVS_A_ADDRESS_MAX + 1], *v4, *v6;
	int err;

	err = nla_parse_nested(tb, TCPVS_A_ADDRESS_MAX, attr,
			       tcpvs_address_nl_policy, extack);
	if (err)
		return err;
	v4 = tb[TCPVS_A_ADDRESS_IPV4];
	v6 = tb[TCPVS_A_ADDRESS_IPV6];
	if (v4 && v6)
		return refuse(extack, v6, "an address is IPv4 or IPv6, not both");
	if (!v4 && !v6) {
		NL_SET_ERR_ATTR_MISS(extack, attr, TCPVS_A_ADDRESS_IPV4);
		NL_SET_ERR_MSG(extack, "the IPv4 or IPv6 address is missing");
		return -EINVAL;
	}
	if (NL_REQ_ATTR_CHECK(extack, attr, tb, TCPVS_A_ADDRESS_PORT)) {
		NL_SET_ERR_MSG(extack, "the port is missing");
		return -EINVAL;
	}

	memset(addr, 0, sizeof(*addr));
	addr->port = nla_get_be16(tb[TCPVS_A_ADDRESS_PORT]);
	if (v4) {
		addr->family = AF_INET;
		addr->v4 = nla_get_in_addr(v4);
		return check_ipv4(addr, v4, server, extack);
	}
	addr->family = AF_INET6;
	addr->v6 = nla_get_in6_addr(v6);
	return check_ipv6(addr, v6, server, extack);
}

/**
 * tcpvs_nl_find_service() - the service that a request names
 * @c: snapshot to look in, locked or inside tcpvs_srcu
 * @name: its name
 * @attr: attribute that holds the name
 * @extack: says that there is none
 *
 * Return: its configuration, or ERR_PTR(-ENOENT).
 */
struct tcpvs_service_conf *
tcpvs_nl_find_service(const struct tcpvs_config *c, const char *name,
		      const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	struct tcpvs_service_conf *sc = tcpvs_config_find(c, name);

	if (sc)
		return sc;
	NL_SET_ERR_MSG_ATTR_FMT(extack, attr, "there is no service \"%.24s\"",
				name);
	return ERR_PTR(-ENOENT);
}

/**
 * tcpvs_nl_service_of() - the service whose name an attribute holds
 * @c: snapshot to look in, locked or inside tcpvs_srcu
 * @attr: attribute
 * @extack: says why not
 *
 * Return: its configuration, ERR_PTR(-EINVAL) for what is no name,
 * ERR_PTR(-ENOENT).
 */
struct tcpvs_service_conf *tcpvs_nl_service_of(const struct tcpvs_config *c,
					       const struct nlattr *attr,
					       struct netlink_ext_ack *extack)
{
	const char *name;
	int err;

	err = tcpvs_nl_name(attr, &name, extack);
	if (err)
		return ERR_PTR(err);
	return tcpvs_nl_find_service(c, name, attr, extack);
}

/**
 * tcpvs_nl_explain() - see that no refusal goes without a reason
 * @info: the request
 * @err: its outcome
 *
 * Return: @err.
 */
int tcpvs_nl_explain(struct genl_info *info, int err)
{
	if (err == -ENOMEM)
		NL_SET_ERR_MSG_WEAK(info->extack, "no memory");
	return err;
}

/**
 * tcpvs_nl_change() - the candidate that a request changes
 * @info: the request
 *
 * Return: as tcpvs_change_begin().
 */
struct tcpvs_candidate *tcpvs_nl_change(struct genl_info *info)
{
	return tcpvs_change_begin(tcpvs_nl_net(info), info->snd_portid,
				  info->extack);
}

/**
 * tcpvs_nl_changed() - a request has made its change
 * @info: the request
 * @c: of tcpvs_nl_change()
 * @err: outcome of the change
 *
 * Return: outcome of the request.
 */
int tcpvs_nl_changed(struct genl_info *info, struct tcpvs_candidate *c, int err)
{
	return tcpvs_nl_explain(info, tcpvs_change_end(c, err, info->extack));
}

/**
 * tcpvs_nl_dump_of() - the service that a dump is limited to
 * @cb: the dump
 * @c: newest snapshot, inside tcpvs_srcu; its generation is the dump's
 * @only: attribute with the service's name, or NULL
 * @want: set to its configuration, or to NULL if all are to be told
 *
 * Return: 0, or 1 at the end of the dump because the service has gone in the
 * middle, or an error.
 */
int tcpvs_nl_dump_of(struct netlink_callback *cb, const struct tcpvs_config *c,
		     const struct nlattr *only,
		     const struct tcpvs_service_conf **want)
{
	struct tcpvs_service_conf *sc;

	*want = NULL;
	cb->seq = c->generation;
	if (!only)
		return 0;
	sc = tcpvs_nl_service_of(c, only, cb->extack);
	/* Gone: the flag of an inconsistent dump tells. */
	if (IS_ERR(sc))
		return cb->prev_seq ? 1 : PTR_ERR(sc);
	*want = sc;
	return 0;
}

/**
 * tcpvs_nl_find_server() - the server that a request is about
 * @sc: configuration of its service
 * @addr: its address
 * @attr: attribute that holds the address
 * @extack: says that there is none
 *
 * Return: it, or ERR_PTR(-ENOENT).
 */
const struct tcpvs_member *
tcpvs_nl_find_server(const struct tcpvs_service_conf *sc,
		     const struct tcpvs_addr *addr, const struct nlattr *attr,
		     struct netlink_ext_ack *extack)
{
	const struct tcpvs_member *m = tcpvs_set_find(sc->set, addr);

	if (m)
		return m;
	if (sc->fallback.srv && tcpvs_addr_equal(&sc->fallback.srv->addr, addr))
		return &sc->fallback;
	NL_SET_ERR_MSG_ATTR_FMT(extack, attr,
				"service \"%.24s\" has no server of this address",
				sc->name);
	return ERR_PTR(-ENOENT);
}

/**
 * tcpvs_nl_network() - a network
 * @attr: attribute, a nest by its policy
 * @net: filled in, unused bytes are 0
 * @extack: says why not
 *
 * Return: 0 or an error.
 */
int tcpvs_nl_network(const struct nlattr *attr, struct tcpvs_network *net,
		     struct netlink_ext_ack *extack)
{
	struct nlattr *tb[TCPVS_A_NETWORK_MAX + 1], *v4, *v6;
	bool clean;
	u32 prefix;
	int err;

	err = nla_parse_nested(tb, TCPVS_A_NETWORK_MAX, attr,
			       tcpvs_network_nl_policy, extack);
	if (err)
		return err;
	v4 = tb[TCPVS_A_NETWORK_IPV4];
	v6 = tb[TCPVS_A_NETWORK_IPV6];
	if (v4 && v6)
		return refuse(extack, v6, "a network is IPv4 or IPv6, not both");
	if (!v4 && !v6) {
		NL_SET_ERR_ATTR_MISS(extack, attr, TCPVS_A_NETWORK_IPV4);
		NL_SET_ERR_MSG(extack, "the IPv4 or IPv6 address is missing");
		return -EINVAL;
	}
	if (NL_REQ_ATTR_CHECK(extack, attr, tb, TCPVS_A_NETWORK_PREFIX)) {
		NL_SET_ERR_MSG(extack, "the length of the prefix is missing");
		return -EINVAL;
	}
	prefix = nla_get_u32(tb[TCPVS_A_NETWORK_PREFIX]);
	memset(net, 0, sizeof(*net));
	net->prefix = prefix;
	if (v4) {
		if (prefix > 32)
			return refuse(extack, tb[TCPVS_A_NETWORK_PREFIX],
				      "the prefix of an IPv4 network has at most 32 bits");
		net->family = AF_INET;
		net->v4 = nla_get_in_addr(v4);
		clean = !(net->v4 & ~inet_make_mask(prefix));
	} else {
		struct in6_addr masked;

		net->family = AF_INET6;
		net->v6 = nla_get_in6_addr(v6);
		ipv6_addr_prefix(&masked, &net->v6, prefix);
		clean = ipv6_addr_equal(&masked, &net->v6);
		if (prefix >= 96 && ipv6_addr_v4mapped(&net->v6))
			return refuse(extack, v6,
				      "an IPv4 network in IPv6 form: give it as IPv4");
	}
	if (!clean)
		return refuse(extack, v4 ?: v6,
			      "a network has no bits behind its prefix");
	return 0;
}

/*
 * The list of trusted networks; NULL for an empty one. The policy has checked
 * the nest already, each network by its own.
 */
static int read_trusted(const struct nlattr *attr, struct tcpvs_trusted **trusted,
			struct netlink_ext_ack *extack)
{
	struct tcpvs_trusted *t;
	struct nlattr *a;
	unsigned int n = 0;
	int rem, err;

	*trusted = NULL;
	nla_for_each_nested(a, attr, rem)
		n++;
	if (!n)
		return 0;
	if (n > TCPVS_TRUSTED_MAX) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, attr,
					"%u trusted networks: a service has at most %u",
					n, TCPVS_TRUSTED_MAX);
		return -E2BIG;
	}
	t = kzalloc(struct_size(t, net, n), GFP_KERNEL_ACCOUNT);
	if (!t)
		return -ENOMEM;
	refcount_set(&t->ref, 1);
	t->n = n;
	n = 0;
	nla_for_each_nested(a, attr, rem) {
		err = tcpvs_nl_network(a, &t->net[n++], extack);
		if (err) {
			kfree(t);
			return err;
		}
	}
	*trusted = t;
	return 0;
}

/* The numbers of a nest into @val; bit n of @given for each. */
static int nest_numbers(const struct nlattr *attr, int max,
			const struct nla_policy *policy, u64 *val, u32 *given,
			struct netlink_ext_ack *extack)
{
	struct nlattr *tb[MAX((int)TCPVS_A_TIMEOUTS_MAX, (int)TCPVS_A_LIMITS_MAX) + 1];
	int i, err;

	if (!attr)
		return 0;
	err = nla_parse_nested(tb, max, attr, policy, extack);
	if (err)
		return err;
	for (i = 1; i <= max; i++) {
		if (!tb[i])
			continue;
		val[i] = policy[i].type == NLA_UINT ? nla_get_uint(tb[i]) :
						      nla_get_u32(tb[i]);
		*given |= BIT(i);
	}
	return 0;
}

/**
 * tcpvs_nl_service_edit() - what a request wants of a service
 * @info: the request
 * @e: filled in; the caller drops its references to &tcpvs_service_edit.trusted
 *	and &tcpvs_service_edit.cookie
 *
 * Return: 0 or an error.
 */
int tcpvs_nl_service_edit(struct genl_info *info, struct tcpvs_service_edit *e)
{
	struct netlink_ext_ack *extack = info->extack;
	struct nlattr **attr = info->attrs, *a;
	int err;

	memset(e, 0, sizeof(*e));
	e->attr = attr;
	if (tcpvs_nl_missing(info, TCPVS_A_SERVICE_NAME, "the name"))
		return -EINVAL;
	err = tcpvs_nl_name(attr[TCPVS_A_SERVICE_NAME], &e->name, extack);
	if (err)
		return err;
	if (attr[TCPVS_A_SERVICE_MODE])
		e->mode = nla_get_u32(attr[TCPVS_A_SERVICE_MODE]);
	if (attr[TCPVS_A_SERVICE_FORWARD])
		e->forward = nla_get_u32(attr[TCPVS_A_SERVICE_FORWARD]);
	if (attr[TCPVS_A_SERVICE_ALLOW])
		e->allow = nla_get_u32(attr[TCPVS_A_SERVICE_ALLOW]);
	if (attr[TCPVS_A_SERVICE_ACCEPT_PROXY])
		e->accept_proxy = nla_get_u32(attr[TCPVS_A_SERVICE_ACCEPT_PROXY]);
	if (attr[TCPVS_A_SERVICE_SERVER_HISTOGRAMS])
		e->server_histograms =
			nla_get_u32(attr[TCPVS_A_SERVICE_SERVER_HISTOGRAMS]);
	if (attr[TCPVS_A_SERVICE_SEND_PROXY])
		e->send_proxy = nla_get_u32(attr[TCPVS_A_SERVICE_SEND_PROXY]);
	a = attr[TCPVS_A_SERVICE_SCHEDULER];
	if (a) {
		e->ops = tcpvs_sched_find(nla_data(a));
		if (!e->ops) {
			NL_SET_ERR_MSG_ATTR_FMT(extack, a,
						"there is no scheduler \"%.15s\"",
						(const char *)nla_data(a));
			return -ENOENT;
		}
	}
	a = attr[TCPVS_A_SERVICE_HASH];
	if (a) {
		err = tcpvs_nl_hash(a, &e->hash, extack);
		if (err)
			return err;
		if (e->hash.key.what == TCPVS_HK_MATCH)
			return refuse(extack, a, "the key match is for sets of rules");
	}
	a = attr[TCPVS_A_SERVICE_LISTEN];
	if (a) {
		err = tcpvs_nl_address(a, &e->addr, false, extack);
		if (err)
			return err;
	}
	a = attr[TCPVS_A_SERVICE_FALLBACK];
	if (a && nla_len(a)) {
		err = tcpvs_nl_address(a, &e->fallback, true, extack);
		if (err)
			return err;
	}
	err = nest_numbers(attr[TCPVS_A_SERVICE_TIMEOUTS], TCPVS_A_TIMEOUTS_MAX,
			   tcpvs_timeouts_nl_policy, e->timeout_ms, &e->timeouts,
			   extack);
	if (err)
		return err;
	err = nest_numbers(attr[TCPVS_A_SERVICE_LIMITS], TCPVS_A_LIMITS_MAX,
			   tcpvs_limits_nl_policy, e->limit, &e->limits, extack);
	if (err)
		return err;
	/* Last: what they allocate is the caller's only after a success. */
	a = attr[TCPVS_A_SERVICE_COOKIE];
	if (a) {
		err = tcpvs_cookie_read(a, &e->cookie, extack);
		if (err)
			return err;
	}
	a = attr[TCPVS_A_SERVICE_TRUSTED];
	err = a ? read_trusted(a, &e->trusted, extack) : 0;
	if (err)
		tcpvs_cookie_put(e->cookie);
	return err;
}
