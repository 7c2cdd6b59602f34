// SPDX-License-Identifier: GPL-2.0
/*
 * netlink_conn.c - requests about single connections: list them, kill one
 *
 * Who is connected is nobody's business but the administrator's, so a dump needs
 * the capability of a change, asked for at its start. The filter is taken to a
 * number and addresses then; the walk over the connections (inspect.c) goes on
 * from message to message and ends with the dump, or with its socket.
 */
#include "inspect.h"
#include "netlink.h"

/**
 * struct cursor - what a dump of connections keeps
 * @s: its walk
 */
struct cursor {
	struct tcpvs_inspect *s;
};

static_assert(sizeof(struct cursor) <=
	      sizeof_field(struct netlink_callback, ctx));

static int fill(struct sk_buff *skb, struct netlink_callback *cb,
		const struct tcpvs_conn_info *c)
{
	void *hdr;

	hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			  &tcpvs_nl_family, NLM_F_MULTI,
			  TCPVS_CMD_CONNECTION_GET);
	if (!hdr)
		return -EMSGSIZE;
	if (nla_put_uint(skb, TCPVS_A_CONNECTION_ID, c->id) ||
	    nla_put_string(skb, TCPVS_A_CONNECTION_SERVICE, c->service) ||
	    tcpvs_nl_put_address(skb, TCPVS_A_CONNECTION_CLIENT, &c->client) ||
	    (c->peer.family &&
	     tcpvs_nl_put_address(skb, TCPVS_A_CONNECTION_PEER, &c->peer)) ||
	    (c->server.family &&
	     (nla_put_u32(skb, TCPVS_A_CONNECTION_SERVER_ID, c->server_id) ||
	      tcpvs_nl_put_address(skb, TCPVS_A_CONNECTION_SERVER,
				   &c->server))) ||
	    nla_put_u32(skb, TCPVS_A_CONNECTION_STATE, c->state) ||
	    nla_put_u32(skb, TCPVS_A_CONNECTION_CPU, c->cpu) ||
	    nla_put_uint(skb, TCPVS_A_CONNECTION_AGE, c->age) ||
	    nla_put_uint(skb, TCPVS_A_CONNECTION_BYTES_IN, c->bytes_in) ||
	    nla_put_uint(skb, TCPVS_A_CONNECTION_BYTES_OUT, c->bytes_out)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

/* What a request wants to see. */
static int narrow(struct tcpvs_inspect *s, struct tcpvs_net *tn,
		  struct nlattr **attr, struct netlink_ext_ack *extack)
{
	struct nlattr *a = attr[TCPVS_A_CONNECTION_SERVICE];
	struct tcpvs_service_conf *sc;
	int idx, err;

	if (attr[TCPVS_A_CONNECTION_SERVER]) {
		err = tcpvs_nl_address(attr[TCPVS_A_CONNECTION_SERVER],
				       &s->server, true, extack);
		if (err)
			return err;
	}
	if (attr[TCPVS_A_CONNECTION_CLIENTS]) {
		err = tcpvs_nl_network(attr[TCPVS_A_CONNECTION_CLIENTS],
				       &s->clients, extack);
		if (err)
			return err;
	}
	if (!a)
		return 0;
	idx = srcu_read_lock(&tcpvs_srcu);
	sc = tcpvs_nl_service_of(srcu_dereference(tn->config, &tcpvs_srcu), a,
				 extack);
	if (!IS_ERR(sc))
		s->service = sc->svc->id;
	srcu_read_unlock(&tcpvs_srcu, idx);
	return PTR_ERR_OR_ZERO(sc);
}

int tcpvs_nl_connection_get_start_admin(struct netlink_callback *cb)
{
	struct net *net = sock_net(cb->skb->sk);
	struct cursor *at = (struct cursor *)cb->ctx;
	struct tcpvs_inspect *s;
	int err;

	err = tcpvs_nl_admin(cb->skb, net, "connections are private: they",
			     cb->extack) ?: tcpvs_nl_dump_start(cb);
	if (err)
		return err;
	s = tcpvs_inspect_new(tcpvs_net(net));
	if (!s) {
		NL_SET_ERR_MSG(cb->extack, "no memory");
		return -ENOMEM;
	}
	err = narrow(s, tcpvs_net(net), genl_info_dump(cb)->attrs, cb->extack);
	if (err) {
		tcpvs_inspect_free(s);
		return err;
	}
	at->s = s;
	return 0;
}

int tcpvs_nl_connection_get_dumpit(struct sk_buff *skb,
				   struct netlink_callback *cb)
{
	struct cursor *at = (struct cursor *)cb->ctx;
	const struct tcpvs_conn_info *c;

	while ((c = tcpvs_inspect_next(at->s))) {
		if (fill(skb, cb, c))
			break;
		at->s->at++;
	}
	return skb->len;
}

int tcpvs_nl_connection_get_done(struct netlink_callback *cb)
{
	struct cursor *at = (struct cursor *)cb->ctx;

	tcpvs_inspect_free(at->s);
	return 0;
}

int tcpvs_nl_connection_kill_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *a = info->attrs[TCPVS_A_CONNECTION_ID];
	int err;

	if (tcpvs_nl_missing(info, TCPVS_A_CONNECTION_ID,
			     "the number of the connection"))
		return -EINVAL;
	err = tcpvs_inspect_kill(tcpvs_nl_net(info), nla_get_uint(a));
	if (err == -ENOENT)
		NL_SET_ERR_MSG_ATTR_FMT(info->extack, a,
					"there is no connection %llx (any more)",
					nla_get_uint(a));
	else if (err)
		GENL_SET_ERR_MSG(info, "no memory");
	return err;
}
