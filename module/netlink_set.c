// SPDX-License-Identifier: GPL-2.0
/*
 * netlink_set.c - requests that change something
 *
 * All run under tcpvs_net.lock, taken by tcpvs_nl_pre_doit_admin(). A change of
 * services and servers goes to the candidate of the socket's transaction, or is
 * committed at once. What cannot be staged (start, stop, settings, reset of
 * counters) is refused while the socket has a transaction open: it would make
 * that one stale.
 */
#include "netlink.h"
#include "sticky.h"
#include "transaction.h"

/* What is wrong with the request itself is said before what is in its way. */
static int service_request(struct genl_info *info, const char **name)
{
	if (tcpvs_nl_missing(info, TCPVS_A_SERVICE_NAME, "the name"))
		return -EINVAL;
	return tcpvs_nl_name(info->attrs[TCPVS_A_SERVICE_NAME], name,
			     info->extack);
}

static int service_change(struct genl_info *info,
			  const struct tcpvs_service_edit *e,
			  int (*make)(struct tcpvs_candidate *c,
				      const struct tcpvs_service_edit *e,
				      struct netlink_ext_ack *extack))
{
	struct tcpvs_candidate *c = tcpvs_nl_change(info);

	if (IS_ERR(c))
		return tcpvs_nl_explain(info, PTR_ERR(c));
	return tcpvs_nl_changed(info, c, make(c, e, info->extack));
}

int tcpvs_nl_service_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct tcpvs_service_edit e;
	int err;

	err = tcpvs_nl_service_edit(info, &e);
	if (err)
		return tcpvs_nl_explain(info, err);
	if (tcpvs_nl_missing(info, TCPVS_A_SERVICE_LISTEN, "the listen address"))
		err = -EINVAL;
	else
		err = service_change(info, &e, tcpvs_candidate_service_new);
	tcpvs_trusted_put(e.trusted);
	tcpvs_cookie_put(e.cookie);
	return err;
}

int tcpvs_nl_service_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct tcpvs_service_edit e;
	int err;

	err = tcpvs_nl_service_edit(info, &e);
	if (err)
		return tcpvs_nl_explain(info, err);
	err = service_change(info, &e, tcpvs_candidate_service_set);
	tcpvs_trusted_put(e.trusted);
	tcpvs_cookie_put(e.cookie);
	return err;
}

int tcpvs_nl_service_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct tcpvs_candidate *c;
	const char *name;
	int err;

	err = service_request(info, &name);
	if (err)
		return err;
	c = tcpvs_nl_change(info);
	if (IS_ERR(c))
		return tcpvs_nl_explain(info, PTR_ERR(c));
	err = tcpvs_candidate_service_del(c, name,
					  info->attrs[TCPVS_A_SERVICE_NAME],
					  info->extack);
	return tcpvs_nl_changed(info, c, err);
}

int tcpvs_nl_flush_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct tcpvs_candidate *c = tcpvs_nl_change(info);

	if (IS_ERR(c))
		return tcpvs_nl_explain(info, PTR_ERR(c));
	tcpvs_candidate_flush(c);
	return tcpvs_nl_changed(info, c, 0);
}

/* The service that a start or stop is about. */
static struct tcpvs_service_conf *service_of(struct genl_info *info)
{
	struct tcpvs_net *tn = tcpvs_nl_net(info);
	const char *name;
	int err;

	err = service_request(info, &name);
	if (err)
		return ERR_PTR(err);
	err = tcpvs_transaction_none(tn, info->snd_portid, info->extack);
	if (err)
		return ERR_PTR(err);
	return tcpvs_nl_find_service(tcpvs_config_locked(tn), name,
				     info->attrs[TCPVS_A_SERVICE_NAME],
				     info->extack);
}

int tcpvs_nl_service_start_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct tcpvs_service_conf *sc = service_of(info);
	int err;

	if (IS_ERR(sc))
		return PTR_ERR(sc);
	err = tcpvs_service_start(tcpvs_nl_net(info), sc, info->extack);
	if (!err)
		tcpvs_nl_notify_service(tcpvs_nl_net(info), sc);
	return tcpvs_nl_explain(info, err);
}

int tcpvs_nl_service_stop_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct tcpvs_service_conf *sc = service_of(info);
	int err;

	if (IS_ERR(sc))
		return PTR_ERR(sc);
	err = tcpvs_service_stop(tcpvs_nl_net(info), sc,
				 info->attrs[TCPVS_A_SERVICE_NOW], info->extack);
	if (!err)
		tcpvs_nl_notify_service(tcpvs_nl_net(info), sc);
	return tcpvs_nl_explain(info, err);
}

static int server_request(struct genl_info *info, struct tcpvs_server_edit *e)
{
	int err;

	memset(e, 0, sizeof(*e));
	e->attr = info->attrs;
	e->weight = 1;
	if (tcpvs_nl_missing(info, TCPVS_A_SERVER_SERVICE, "the service"))
		return -EINVAL;
	err = tcpvs_nl_name(info->attrs[TCPVS_A_SERVER_SERVICE], &e->service,
			    info->extack);
	if (err)
		return err;
	if (tcpvs_nl_missing(info, TCPVS_A_SERVER_ADDRESS, "the server's address"))
		return -EINVAL;
	return tcpvs_nl_address(info->attrs[TCPVS_A_SERVER_ADDRESS], &e->addr,
				true, info->extack);
}

int tcpvs_nl_server_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct tcpvs_server_edit e;
	struct tcpvs_candidate *c;
	int err;

	err = server_request(info, &e);
	if (err)
		return err;
	if (info->attrs[TCPVS_A_SERVER_WEIGHT])
		e.weight = nla_get_u32(info->attrs[TCPVS_A_SERVER_WEIGHT]);
	c = tcpvs_nl_change(info);
	if (IS_ERR(c))
		return tcpvs_nl_explain(info, PTR_ERR(c));
	return tcpvs_nl_changed(info, c,
				tcpvs_candidate_server_new(c, &e, info->extack));
}

int tcpvs_nl_server_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct tcpvs_server_edit e;
	struct tcpvs_candidate *c;
	int err;

	err = server_request(info, &e);
	if (err)
		return err;
	if (tcpvs_nl_missing(info, TCPVS_A_SERVER_WEIGHT, "the weight"))
		return -EINVAL;
	e.weight = nla_get_u32(info->attrs[TCPVS_A_SERVER_WEIGHT]);
	c = tcpvs_nl_change(info);
	if (IS_ERR(c))
		return tcpvs_nl_explain(info, PTR_ERR(c));
	return tcpvs_nl_changed(info, c,
				tcpvs_candidate_server_set(c, &e, info->extack));
}

int tcpvs_nl_server_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct tcpvs_server_edit e;
	struct tcpvs_candidate *c;
	int err;

	err = server_request(info, &e);
	if (err)
		return err;
	c = tcpvs_nl_change(info);
	if (IS_ERR(c))
		return tcpvs_nl_explain(info, PTR_ERR(c));
	return tcpvs_nl_changed(info, c,
				tcpvs_candidate_server_del(c, &e, info->extack));
}

int tcpvs_nl_settings_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *max = info->attrs[TCPVS_A_SETTINGS_MAX_CONNECTIONS];
	struct tcpvs_net *tn = tcpvs_nl_net(info);
	struct tcpvs_config *old = tcpvs_config_locked(tn), *c;
	int err;

	err = tcpvs_transaction_none(tn, info->snd_portid, info->extack);
	if (err || !max)
		return err;
	/* Not part of the snapshot, but a change as any other. */
	c = tcpvs_config_next(old);
	if (!c)
		return tcpvs_nl_explain(info, -ENOMEM);
	WRITE_ONCE(tn->max_connections, nla_get_u32(max));
	tcpvs_config_retire(tcpvs_config_publish(tn, c));
	return 0;
}

static int zero(struct genl_info *info, const char *name,
		const struct tcpvs_addr *addr)
{
	struct nlattr **attr = info->attrs;
	struct tcpvs_net *tn = tcpvs_nl_net(info);
	struct tcpvs_service_conf *sc;
	const struct tcpvs_member *m;
	int err;

	sc = tcpvs_nl_find_service(tcpvs_config_locked(tn), name,
				   attr[TCPVS_A_SERVER_SERVICE], info->extack);
	if (IS_ERR(sc))
		return PTR_ERR(sc);
	if (!addr) {
		err = tcpvs_zero(tn, sc, NULL);
		if (!err)
			tcpvs_nl_notify_service(tn, sc);
		return err;
	}
	m = tcpvs_nl_find_server(sc, addr, attr[TCPVS_A_SERVER_ADDRESS],
				 info->extack);
	if (IS_ERR(m))
		return PTR_ERR(m);
	err = tcpvs_zero(tn, sc, m->srv);
	if (!err)
		tcpvs_nl_notify_server(tn, sc, m);
	return err;
}

int tcpvs_nl_stats_zero_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *service = info->attrs[TCPVS_A_SERVER_SERVICE];
	struct nlattr *address = info->attrs[TCPVS_A_SERVER_ADDRESS];
	struct tcpvs_net *tn = tcpvs_nl_net(info);
	const struct tcpvs_config *c;
	struct tcpvs_addr addr;
	const char *name;
	int err = 0;
	u32 i;

	if (address && tcpvs_nl_missing(info, TCPVS_A_SERVER_SERVICE, "the service"))
		return -EINVAL;
	if (service)
		err = tcpvs_nl_name(service, &name, info->extack);
	if (!err && address)
		err = tcpvs_nl_address(address, &addr, true, info->extack);
	if (!err)
		err = tcpvs_transaction_none(tn, info->snd_portid, info->extack);
	if (err)
		return err;
	if (service)
		return tcpvs_nl_explain(info, zero(info, name, address ? &addr : NULL));

	err = tcpvs_zero(tn, NULL, NULL);
	c = tcpvs_config_locked(tn);
	for (i = 0; !err && i < c->nslots; i++)
		if (c->conf[i])
			tcpvs_nl_notify_service(tn, c->conf[i]);
	return tcpvs_nl_explain(info, err);
}

int tcpvs_nl_transaction_begin_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *attr = info->attrs[TCPVS_A_TRANSACTION_GENERATION];
	u32 generation = attr ? nla_get_u32(attr) : 0;
	int err;

	err = tcpvs_transaction_begin(tcpvs_nl_net(info), info->snd_portid,
				      attr ? &generation : NULL, info->extack);
	if (err == -ESTALE)
		NL_SET_BAD_ATTR(info->extack, attr);
	return tcpvs_nl_explain(info, err);
}

int tcpvs_nl_transaction_commit_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct tcpvs_net *tn = tcpvs_nl_net(info);
	struct sk_buff *reply;
	void *hdr;
	int err;

	/* First what can fail: a commit cannot be taken back. */
	reply = genlmsg_new(nla_total_size(sizeof(u32)), GFP_KERNEL);
	if (!reply)
		return tcpvs_nl_explain(info, -ENOMEM);
	hdr = genlmsg_iput(reply, info);
	if (WARN_ON_ONCE(!hdr)) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	err = tcpvs_transaction_commit(tn, info->snd_portid,
				       info->attrs[TCPVS_A_TRANSACTION_DRY_RUN],
				       info->extack);
	if (err) {
		nlmsg_free(reply);
		return tcpvs_nl_explain(info, err);
	}
	err = nla_put_u32(reply, TCPVS_A_TRANSACTION_GENERATION,
			  tcpvs_config_locked(tn)->generation);
	genlmsg_end(reply, hdr);
	return tcpvs_nl_reply(reply, err, info);
}

int tcpvs_nl_transaction_abort_doit(struct sk_buff *skb, struct genl_info *info)
{
	return tcpvs_transaction_abort(tcpvs_nl_net(info), info->snd_portid,
				       info->extack);
}
