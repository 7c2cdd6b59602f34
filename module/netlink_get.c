// SPDX-License-Identifier: GPL-2.0
/*
 * netlink_get.c - requests that read, dumps, and notifications of changes
 *
 * Reading is free for everybody: there are no secrets and no client's address in
 * what this shows. Readers take no lock; they look at the newest snapshot inside
 * tcpvs_srcu, which also keeps all that it refers to.
 *
 * A dump goes on where its cursor stands, in the snapshot that is the newest
 * then; if that is not the one it began with, the generation tells, and every
 * message from there on, the last included, carries NLM_F_DUMP_INTR.
 *
 * A notification has the layout of the get reply and is sent after the change.
 * It is built only if somebody listens.
 */
#include "netlink.h"
#include "sticky.h"
#include "table.h"
#include "worker.h"

/**
 * struct cursor - where a dump goes on
 * @slot: slot of the service, or number of what is dumped
 * @index: server within the service
 */
struct cursor {
	u32 slot;
	u32 index;
};

static_assert(sizeof(struct cursor) <=
	      sizeof_field(struct netlink_callback, ctx));

/**
 * struct head - what goes into the header of a message
 * @portid: of the socket that asked; 0 for a notification
 * @seq: of its request
 * @flags: NLM_F_*
 * @cmd: TCPVS_CMD_*
 */
struct head {
	u32 portid;
	u32 seq;
	int flags;
	u8 cmd;
};

/**
 * tcpvs_nl_put_address() - an address as a nest
 * @skb: message
 * @type: of the attribute
 * @a: the address
 *
 * Return: 0 or -EMSGSIZE.
 */
int tcpvs_nl_put_address(struct sk_buff *skb, int type,
			 const struct tcpvs_addr *a)
{
	struct nlattr *nest = nla_nest_start(skb, type);

	if (!nest ||
	    (a->family == AF_INET ?
	     nla_put_in_addr(skb, TCPVS_A_ADDRESS_IPV4, a->v4) :
	     nla_put_in6_addr(skb, TCPVS_A_ADDRESS_IPV6, &a->v6)) ||
	    nla_put_be16(skb, TCPVS_A_ADDRESS_PORT, a->port))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* Attributes 1 to @max of a nest, each the element of its number. */
static int put_numbers(struct sk_buff *skb, int type, const u64 *val, int max,
		       const struct nla_policy *policy)
{
	struct nlattr *nest = nla_nest_start(skb, type);
	int i;

	if (!nest)
		return -EMSGSIZE;
	for (i = 1; i <= max; i++)
		if (policy[i].type == NLA_UINT ? nla_put_uint(skb, i, val[i]) :
						 nla_put_u32(skb, i, val[i]))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_network(struct sk_buff *skb, const struct tcpvs_network *net)
{
	struct nlattr *nest = nla_nest_start(skb, TCPVS_A_NETWORKS_NETWORK);

	if (!nest ||
	    (net->family == AF_INET ?
	     nla_put_in_addr(skb, TCPVS_A_NETWORK_IPV4, net->v4) :
	     nla_put_in6_addr(skb, TCPVS_A_NETWORK_IPV6, &net->v6)) ||
	    nla_put_u32(skb, TCPVS_A_NETWORK_PREFIX, net->prefix))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_trusted(struct sk_buff *skb, const struct tcpvs_trusted *t)
{
	struct nlattr *nest = nla_nest_start(skb, TCPVS_A_SERVICE_TRUSTED);
	unsigned int i;

	if (!nest)
		return -EMSGSIZE;
	for (i = 0; t && i < t->n; i++)
		if (put_network(skb, &t->net[i]))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* All but the key. */
static int put_cookie(struct sk_buff *skb, const struct tcpvs_cookie *c)
{
	struct nlattr *nest;

	if (!c)
		return 0;
	nest = nla_nest_start(skb, TCPVS_A_SERVICE_COOKIE);
	if (!nest ||
	    nla_put_string(skb, TCPVS_A_COOKIE_NAME, c->name) ||
	    nla_put_string(skb, TCPVS_A_COOKIE_PATH, c->path) ||
	    nla_put_string(skb, TCPVS_A_COOKIE_ATTRIBUTES, c->attributes) ||
	    nla_put_u32(skb, TCPVS_A_COOKIE_MAX_AGE, c->max_age) ||
	    (!c->random && nla_put_u32(skb, TCPVS_A_COOKIE_KEY_ID, c->key_id)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* The same for counters, which begin after the attribute pad. */
static int put_counters(struct sk_buff *skb, int type, const u64 *val, int max)
{
	struct nlattr *nest = nla_nest_start(skb, type);
	int i;

	BUILD_BUG_ON(TCPVS_A_STATS_PAD != 1 || TCPVS_A_SERVER_STATS_PAD != 1);
	if (!nest)
		return -EMSGSIZE;
	for (i = 2; i <= max; i++)
		if (nla_put_uint(skb, i, val[i]))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int fill_service(struct sk_buff *skb, const struct head *h,
			struct netlink_callback *cb,
			const struct tcpvs_service_conf *sc)
{
	struct tcpvs_stats sum;
	u32 zeroed;
	void *hdr;

	hdr = genlmsg_put(skb, h->portid, h->seq, &tcpvs_nl_family, h->flags,
			  h->cmd);
	if (!hdr)
		return -EMSGSIZE;
	if (cb)
		genl_dump_check_consistent(cb, hdr);
	tcpvs_service_stats(sc->svc, &sum, &zeroed);
	if (nla_put_string(skb, TCPVS_A_SERVICE_NAME, sc->name) ||
	    nla_put_u32(skb, TCPVS_A_SERVICE_ID, sc->svc->id) ||
	    nla_put_u32(skb, TCPVS_A_SERVICE_MODE, sc->mode) ||
	    nla_put_string(skb, TCPVS_A_SERVICE_SCHEDULER, sc->set->ops->name) ||
	    tcpvs_nl_put_address(skb, TCPVS_A_SERVICE_LISTEN, &sc->addr) ||
	    nla_put_u32(skb, TCPVS_A_SERVICE_STATE,
			tcpvs_service_state(sc->svc)) ||
	    put_numbers(skb, TCPVS_A_SERVICE_TIMEOUTS, sc->timeout_ms,
			TCPVS_A_TIMEOUTS_MAX, tcpvs_timeouts_nl_policy) ||
	    put_numbers(skb, TCPVS_A_SERVICE_LIMITS, sc->limit,
			TCPVS_A_LIMITS_MAX, tcpvs_limits_nl_policy) ||
	    nla_put_u32(skb, TCPVS_A_SERVICE_FORWARD, sc->forward) ||
	    put_trusted(skb, sc->trusted) ||
	    nla_put_u32(skb, TCPVS_A_SERVICE_ACCEPT_PROXY, sc->accept_proxy) ||
	    nla_put_u32(skb, TCPVS_A_SERVICE_SEND_PROXY, sc->send_proxy) ||
	    nla_put_u32(skb, TCPVS_A_SERVICE_ALLOW, sc->allow) ||
	    nla_put_u32(skb, TCPVS_A_SERVICE_SERVERS, sc->set->n) ||
	    put_counters(skb, TCPVS_A_SERVICE_STATS, sum.n, TCPVS_A_STATS_MAX) ||
	    nla_put_u32(skb, TCPVS_A_SERVICE_ZEROED, zeroed) ||
	    nla_put_u32(skb, TCPVS_A_SERVICE_RULES,
			sc->table ? sc->table->nrules : 0) ||
	    (sc->fallback.srv &&
	     tcpvs_nl_put_address(skb, TCPVS_A_SERVICE_FALLBACK,
				  &sc->fallback.srv->addr)) ||
	    tcpvs_nl_put_hash(skb, TCPVS_A_SERVICE_HASH, &sc->hash.key,
			      sc->hash.bound) ||
	    put_cookie(skb, sc->cookie) ||
	    nla_put_u32(skb, TCPVS_A_SERVICE_SERVER_HISTOGRAMS,
			sc->server_histograms)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

static u32 server_state(const struct tcpvs_member *m)
{
	if (m->srv->fallback)
		return TCPVS_SERVER_STATE_FALLBACK;
	return m->weight ? TCPVS_SERVER_STATE_UP : TCPVS_SERVER_STATE_DRAIN;
}

static int fill_server(struct sk_buff *skb, const struct head *h,
		       struct netlink_callback *cb,
		       const struct tcpvs_service_conf *sc,
		       const struct tcpvs_member *m, bool brief)
{
	struct tcpvs_server_stats sum;
	u32 zeroed;
	void *hdr;

	hdr = genlmsg_put(skb, h->portid, h->seq, &tcpvs_nl_family, h->flags,
			  h->cmd);
	if (!hdr)
		return -EMSGSIZE;
	if (cb)
		genl_dump_check_consistent(cb, hdr);
	if (!brief)
		tcpvs_server_stats(m->srv, &sum, &zeroed);
	if (nla_put_string(skb, TCPVS_A_SERVER_SERVICE, sc->name) ||
	    nla_put_u32(skb, TCPVS_A_SERVER_ID, m->srv->id) ||
	    tcpvs_nl_put_address(skb, TCPVS_A_SERVER_ADDRESS, &m->srv->addr) ||
	    nla_put_u32(skb, TCPVS_A_SERVER_WEIGHT, m->weight) ||
	    nla_put_u32(skb, TCPVS_A_SERVER_STATE, server_state(m)) ||
	    (!brief &&
	     (put_counters(skb, TCPVS_A_SERVER_STATS, sum.n,
			   TCPVS_A_SERVER_STATS_MAX) ||
	      nla_put_u32(skb, TCPVS_A_SERVER_ZEROED, zeroed)))) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

static struct head reply_head(const struct genl_info *info)
{
	return (struct head) {
		.portid = info->snd_portid,
		.seq = info->snd_seq,
		.cmd = info->genlhdr->cmd,
	};
}

static struct head dump_head(const struct netlink_callback *cb)
{
	return (struct head) {
		.portid = NETLINK_CB(cb->skb).portid,
		.seq = cb->nlh->nlmsg_seq,
		.flags = NLM_F_MULTI,
		.cmd = genl_info_dump((struct netlink_callback *)cb)->genlhdr->cmd,
	};
}

static struct sk_buff *new_reply(struct genl_info *info)
{
	struct sk_buff *skb = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);

	if (!skb)
		GENL_SET_ERR_MSG(info, "no memory");
	return skb;
}

int tcpvs_nl_service_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct tcpvs_net *tn = tcpvs_nl_net(info);
	struct head h = reply_head(info);
	struct tcpvs_service_conf *sc;
	struct sk_buff *reply;
	int idx, err;

	if (tcpvs_nl_missing(info, TCPVS_A_SERVICE_NAME, "the name"))
		return -EINVAL;
	reply = new_reply(info);
	if (!reply)
		return -ENOMEM;
	idx = srcu_read_lock(&tcpvs_srcu);
	sc = tcpvs_nl_service_of(srcu_dereference(tn->config, &tcpvs_srcu),
				 info->attrs[TCPVS_A_SERVICE_NAME], info->extack);
	err = IS_ERR(sc) ? PTR_ERR(sc) : fill_service(reply, &h, NULL, sc);
	srcu_read_unlock(&tcpvs_srcu, idx);
	return tcpvs_nl_reply(reply, err, info);
}

int tcpvs_nl_service_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct tcpvs_net *tn = tcpvs_net(sock_net(cb->skb->sk));
	struct cursor *at = (struct cursor *)cb->ctx;
	struct head h = dump_head(cb);
	struct tcpvs_config *c;
	int idx, err = 0;

	idx = srcu_read_lock(&tcpvs_srcu);
	c = srcu_dereference(tn->config, &tcpvs_srcu);
	cb->seq = c->generation;
	for (; at->slot < c->nslots && !err; at->slot += !err)
		if (c->conf[at->slot])
			err = fill_service(skb, &h, cb, c->conf[at->slot]);
	srcu_read_unlock(&tcpvs_srcu, idx);
	/* Nothing at all would be taken for the end of the list. */
	return skb->len ?: err;
}

int tcpvs_nl_server_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct tcpvs_net *tn = tcpvs_nl_net(info);
	struct head h = reply_head(info);
	struct tcpvs_service_conf *sc;
	const struct tcpvs_member *m;
	struct tcpvs_addr addr;
	struct sk_buff *reply;
	int idx, err;

	if (tcpvs_nl_missing(info, TCPVS_A_SERVER_SERVICE, "the service") ||
	    tcpvs_nl_missing(info, TCPVS_A_SERVER_ADDRESS, "the server's address"))
		return -EINVAL;
	err = tcpvs_nl_address(info->attrs[TCPVS_A_SERVER_ADDRESS], &addr, true,
			       info->extack);
	if (err)
		return err;
	reply = new_reply(info);
	if (!reply)
		return -ENOMEM;
	idx = srcu_read_lock(&tcpvs_srcu);
	sc = tcpvs_nl_service_of(srcu_dereference(tn->config, &tcpvs_srcu),
				 info->attrs[TCPVS_A_SERVER_SERVICE], info->extack);
	if (IS_ERR(sc)) {
		err = PTR_ERR(sc);
		goto out;
	}
	m = tcpvs_nl_find_server(sc, &addr, info->attrs[TCPVS_A_SERVER_ADDRESS],
				 info->extack);
	err = IS_ERR(m) ? PTR_ERR(m) : fill_server(reply, &h, NULL, sc, m, false);
out:
	srcu_read_unlock(&tcpvs_srcu, idx);
	return tcpvs_nl_reply(reply, err, info);
}

int tcpvs_nl_server_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nlattr *only = genl_info_dump(cb)->attrs[TCPVS_A_SERVER_SERVICE];
	bool brief = genl_info_dump(cb)->attrs[TCPVS_A_SERVER_BRIEF];
	struct tcpvs_net *tn = tcpvs_net(sock_net(cb->skb->sk));
	struct cursor *at = (struct cursor *)cb->ctx;
	const struct tcpvs_service_conf *sc, *want;
	struct head h = dump_head(cb);
	const struct tcpvs_member *m;
	struct tcpvs_config *c;
	int idx, err;

	idx = srcu_read_lock(&tcpvs_srcu);
	c = srcu_dereference(tn->config, &tcpvs_srcu);
	err = tcpvs_nl_dump_of(cb, c, only, &want);
	if (err) {
		err = min(err, 0);
		goto out;
	}
	for (; at->slot < c->nslots; at->slot++, at->index = 0) {
		sc = c->conf[at->slot];
		if (!sc || (want && sc != want))
			continue;
		for (; (m = tcpvs_conf_member(sc, at->index)); at->index++)
			if (fill_server(skb, &h, cb, sc, m, brief))
				goto out;
	}
out:
	srcu_read_unlock(&tcpvs_srcu, idx);
	return err ?: skb->len;
}

int tcpvs_nl_scheduler_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct cursor *at = (struct cursor *)cb->ctx;
	struct head h = dump_head(cb);
	const struct tcpvs_sched_ops *ops;
	void *hdr;

	for (; (ops = tcpvs_schedulers[at->slot]); at->slot++) {
		hdr = genlmsg_put(skb, h.portid, h.seq, &tcpvs_nl_family, h.flags,
				  h.cmd);
		if (!hdr)
			break;
		if (nla_put_string(skb, TCPVS_A_SCHEDULER_NAME, ops->name) ||
		    nla_put_string(skb, TCPVS_A_SCHEDULER_DOC, ops->doc)) {
			genlmsg_cancel(skb, hdr);
			break;
		}
		genlmsg_end(skb, hdr);
	}
	return skb->len;
}

static int fill_worker(struct sk_buff *skb, const struct tcpvs_worker *w)
{
	int i;

	if (nla_put_u32(skb, TCPVS_A_WORKER_CPU, w->cpu) ||
	    nla_put_u32(skb, TCPVS_A_WORKER_PID, task_pid_nr(w->task)) ||
	    nla_put_uint(skb, TCPVS_A_WORKER_CONNECTIONS,
			 atomic_read(&w->nconns)))
		return -EMSGSIZE;
	for (i = TCPVS_A_WORKER_CONNECTIONS + 1; i <= TCPVS_A_WORKER_MAX; i++)
		if (nla_put_uint(skb, i, READ_ONCE(w->stats[i])))
			return -EMSGSIZE;
	return 0;
}

int tcpvs_nl_worker_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct cursor *at = (struct cursor *)cb->ctx;
	struct head h = dump_head(cb);
	void *hdr;

	for (; at->slot < tcpvs_nworkers; at->slot++) {
		hdr = genlmsg_put(skb, h.portid, h.seq, &tcpvs_nl_family, h.flags,
				  h.cmd);
		if (!hdr)
			break;
		if (fill_worker(skb, tcpvs_worker_get(at->slot))) {
			genlmsg_cancel(skb, hdr);
			break;
		}
		genlmsg_end(skb, hdr);
	}
	return skb->len;
}

int tcpvs_nl_info_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct tcpvs_net *tn = tcpvs_nl_net(info);
	u32 generation, services, servers;
	struct tcpvs_config *c;
	struct sk_buff *reply;
	int idx, err = 0;
	void *hdr;

	reply = new_reply(info);
	if (!reply)
		return -ENOMEM;
	idx = srcu_read_lock(&tcpvs_srcu);
	c = srcu_dereference(tn->config, &tcpvs_srcu);
	generation = c->generation;
	services = c->nservices;
	servers = c->nservers;
	srcu_read_unlock(&tcpvs_srcu, idx);

	hdr = genlmsg_iput(reply, info);
	if (!hdr ||
	    nla_put_string(reply, TCPVS_A_INFO_VERSION, TCPVS_VERSION) ||
	    nla_put_u32(reply, TCPVS_A_INFO_GENERATION, generation) ||
	    nla_put_u32(reply, TCPVS_A_INFO_SERVICES, services) ||
	    nla_put_u32(reply, TCPVS_A_INFO_SERVERS, servers) ||
	    nla_put_u32(reply, TCPVS_A_INFO_WORKERS, tcpvs_nworkers) ||
	    nla_put_u32(reply, TCPVS_A_INFO_CONNECTIONS, atomic_read(&tn->nconn)))
		err = -EMSGSIZE;
	else
		genlmsg_end(reply, hdr);
	return tcpvs_nl_reply(reply, err, info);
}

int tcpvs_nl_settings_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct tcpvs_net *tn = tcpvs_nl_net(info);
	struct sk_buff *reply;
	int err = 0;
	void *hdr;

	reply = new_reply(info);
	if (!reply)
		return -ENOMEM;
	hdr = genlmsg_iput(reply, info);
	if (!hdr || nla_put_u32(reply, TCPVS_A_SETTINGS_MAX_CONNECTIONS,
				READ_ONCE(tn->max_connections)))
		err = -EMSGSIZE;
	else
		genlmsg_end(reply, hdr);
	return tcpvs_nl_reply(reply, err, info);
}

/* Only if somebody listens; without memory the listeners are told of a loss. */
static struct sk_buff *new_event(const struct tcpvs_net *tn)
{
	struct sk_buff *skb;

	if (!genl_has_listeners(&tcpvs_nl_family, tn->net, TCPVS_NLGRP_CONFIG))
		return NULL;
	skb = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!skb)
		genl_set_err(&tcpvs_nl_family, tn->net, 0, TCPVS_NLGRP_CONFIG,
			     ENOBUFS);
	return skb;
}

static void send_event(const struct tcpvs_net *tn, struct sk_buff *skb, int err)
{
	if (err) {
		nlmsg_free(skb);
		genl_set_err(&tcpvs_nl_family, tn->net, 0, TCPVS_NLGRP_CONFIG,
			     ENOBUFS);
		return;
	}
	genlmsg_multicast_netns(&tcpvs_nl_family, tn->net, skb, 0,
				TCPVS_NLGRP_CONFIG, GFP_KERNEL);
}

/**
 * tcpvs_nl_notify_service() - tell that a service was added or changed
 * @tn: the namespace, locked
 * @sc: the service
 */
void tcpvs_nl_notify_service(const struct tcpvs_net *tn,
			     const struct tcpvs_service_conf *sc)
{
	static const struct head h = { .cmd = TCPVS_CMD_SERVICE_NTF };
	struct sk_buff *skb = new_event(tn);

	if (skb)
		send_event(tn, skb, fill_service(skb, &h, NULL, sc));
}

/**
 * tcpvs_nl_notify_server() - tell that a server was added or changed
 * @tn: the namespace, locked
 * @sc: its service
 * @m: the server
 */
void tcpvs_nl_notify_server(const struct tcpvs_net *tn,
			    const struct tcpvs_service_conf *sc,
			    const struct tcpvs_member *m)
{
	static const struct head h = { .cmd = TCPVS_CMD_SERVER_NTF };
	struct sk_buff *skb = new_event(tn);

	if (skb)
		send_event(tn, skb, fill_server(skb, &h, NULL, sc, m, false));
}

/**
 * tcpvs_nl_notify_service_del() - tell that a service and its servers are gone
 * @tn: the namespace, locked
 * @sc: the service as it was
 */
void tcpvs_nl_notify_service_del(const struct tcpvs_net *tn,
				 const struct tcpvs_service_conf *sc)
{
	struct sk_buff *skb = new_event(tn);
	int err = 0;
	void *hdr;

	if (!skb)
		return;
	hdr = genlmsg_put(skb, 0, 0, &tcpvs_nl_family, 0,
			  TCPVS_CMD_SERVICE_DEL_NTF);
	if (!hdr || nla_put_string(skb, TCPVS_A_SERVICE_NAME, sc->name) ||
	    nla_put_u32(skb, TCPVS_A_SERVICE_ID, sc->svc->id))
		err = -EMSGSIZE;
	else
		genlmsg_end(skb, hdr);
	send_event(tn, skb, err);
}

/**
 * tcpvs_nl_notify_server_del() - tell that a server is gone
 * @tn: the namespace, locked
 * @sc: its service
 * @srv: the server
 */
void tcpvs_nl_notify_server_del(const struct tcpvs_net *tn,
				const struct tcpvs_service_conf *sc,
				const struct tcpvs_server *srv)
{
	struct sk_buff *skb = new_event(tn);
	int err = 0;
	void *hdr;

	if (!skb)
		return;
	hdr = genlmsg_put(skb, 0, 0, &tcpvs_nl_family, 0,
			  TCPVS_CMD_SERVER_DEL_NTF);
	if (!hdr || nla_put_string(skb, TCPVS_A_SERVER_SERVICE, sc->name) ||
	    nla_put_u32(skb, TCPVS_A_SERVER_ID, srv->id) ||
	    tcpvs_nl_put_address(skb, TCPVS_A_SERVER_ADDRESS, &srv->addr))
		err = -EMSGSIZE;
	else
		genlmsg_end(skb, hdr);
	send_event(tn, skb, err);
}
