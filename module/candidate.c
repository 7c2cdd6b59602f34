// SPDX-License-Identifier: GPL-2.0
/*
 * candidate.c - drafts of services, and the changes made to them; their servers
 * are in candidate_server.c
 *
 * Under tcpvs_net.lock, in netlink requests. Every function either makes its
 * change or says in the extended ack why not and leaves the candidate as it
 * was: what can fail comes first.
 *
 * A service or server that the base snapshot has under the same key is used
 * again with its counters and connections, even if the candidate deleted it in
 * between: so a file that replaces the whole table disturbs nothing it repeats.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <net/netlink.h>

#include "sticky.h"
#include "table.h"
#include "transaction.h"

/* As documented in the specification of the protocol. */
static const struct tcpvs_service_conf defaults = {
	.mode		= TCPVS_MODE_HTTP,
	.forward	= TCPVS_FORWARD_X_FORWARDED_FOR,
	.hash.bound	= TCPVS_BOUND_DEFAULT,
	.timeout_ms	= {
		[TCPVS_A_TIMEOUTS_CONNECT]	= 5000,
		[TCPVS_A_TIMEOUTS_HEAD]		= 10000,
		[TCPVS_A_TIMEOUTS_RESPONSE]	= 60000,
		[TCPVS_A_TIMEOUTS_BODY]		= 60000,
		[TCPVS_A_TIMEOUTS_KEEPALIVE]	= 75000,
		[TCPVS_A_TIMEOUTS_TUNNEL]	= 3600000,
		[TCPVS_A_TIMEOUTS_POOL]		= 4000,
		[TCPVS_A_TIMEOUTS_DRAIN]	= 30000,
		[TCPVS_A_TIMEOUTS_AGE]		= 0,
	},
	.limit		= {
		[TCPVS_A_LIMITS_CONNECTIONS]		= 0,
		[TCPVS_A_LIMITS_BACKLOG]		= 2048,
		[TCPVS_A_LIMITS_HEAD_BYTES]		= 16384,
		[TCPVS_A_LIMITS_HEAD_FIELDS]		= 128,
		[TCPVS_A_LIMITS_RETRIES]		= 3,
		[TCPVS_A_LIMITS_POOL_CONNECTIONS]	= 128,
		[TCPVS_A_LIMITS_RECEIVE_BUFFER]		= 524288,
		[TCPVS_A_LIMITS_LISTENERS]		= 0,
		[TCPVS_A_LIMITS_TARGET_BYTES]		= 8192,
		[TCPVS_A_LIMITS_REQUESTS]		= 0,
		[TCPVS_A_LIMITS_BODY_BYTES]		= 0,
	},
};

/**
 * tcpvs_candidate_charge() - count memory that a transaction holds
 * @c: the candidate; single changes are gone at once
 * @bytes: how much more
 * @extack: says why not
 *
 * Return: 0 or -E2BIG.
 */
int tcpvs_candidate_charge(struct tcpvs_candidate *c, size_t bytes,
			   struct netlink_ext_ack *extack)
{
	if (!c->single && c->bytes + bytes > TCPVS_TRANSACTION_BYTES) {
		NL_SET_ERR_MSG_FMT(extack, "the transaction is larger than %lu MiB",
				   TCPVS_TRANSACTION_BYTES >> 20);
		return -E2BIG;
	}
	c->bytes += bytes;
	return 0;
}

/**
 * tcpvs_candidate_init() - a candidate without changes
 * @c: the candidate
 * @tn: its namespace, locked
 */
void tcpvs_candidate_init(struct tcpvs_candidate *c, struct tcpvs_net *tn)
{
	memset(c, 0, sizeof(*c));
	c->tn = tn;
	c->generation = tcpvs_config_locked(tn)->generation;
	INIT_LIST_HEAD(&c->drafts);
	hash_init(c->names);
	INIT_LIST_HEAD(&c->services);
	INIT_LIST_HEAD(&c->servers);
}

static void drop_members(struct tcpvs_draft *d)
{
	while (d->n)
		tcpvs_server_put(d->member[--d->n].srv);
	d->indexed = false;
}

static void draft_free(struct tcpvs_draft *d)
{
	drop_members(d);
	tcpvs_upload_free(d->upload);
	kvfree(d->member);
	kvfree(d->by_addr);
	tcpvs_service_conf_put(d->conf);
	kfree(d);
}

/**
 * tcpvs_candidate_clear() - forget all changes
 * @c: the candidate; what it made and no snapshot took goes with it
 */
void tcpvs_candidate_clear(struct tcpvs_candidate *c)
{
	struct tcpvs_service *svc, *next_svc;
	struct tcpvs_server *srv, *next_srv;
	struct tcpvs_draft *d, *next;

	lockdep_assert_held(&c->tn->lock);
	list_for_each_entry_safe(d, next, &c->drafts, link) {
		list_del(&d->link);
		hash_del(&d->named);
		draft_free(d);
		cond_resched();
	}
	/* Nobody but the drafts has ever seen these. */
	list_for_each_entry_safe(srv, next_srv, &c->servers, link) {
		list_del_init(&srv->link);
		percpu_ref_kill(&srv->ref);
	}
	list_for_each_entry_safe(svc, next_svc, &c->services, link) {
		list_del_init(&svc->link);
		percpu_ref_kill(&svc->ref);
	}
	c->bytes = 0;
}

static struct tcpvs_draft *draft_find(const struct tcpvs_candidate *c,
				      const char *name)
{
	struct tcpvs_draft *d;

	hash_for_each_possible(c->names, d, named, tcpvs_name_hash(name))
		if (!strcmp(d->conf->name, name))
			return d;
	return NULL;
}

static void draft_add(struct tcpvs_candidate *c, struct tcpvs_draft *d)
{
	list_add_tail(&d->link, &c->drafts);
	hash_add(c->names, &d->named, tcpvs_name_hash(d->conf->name));
}

static struct tcpvs_service_conf *conf_dup(const struct tcpvs_service_conf *sc,
					   struct tcpvs_service *svc)
{
	struct tcpvs_service_conf *dup;

	dup = kmemdup(sc, sizeof(*sc), GFP_KERNEL_ACCOUNT);
	if (!dup)
		return NULL;
	refcount_set(&dup->ref, 1);
	dup->set = NULL;
	dup->sets = NULL;
	dup->sticky = NULL;
	dup->svc = svc;
	tcpvs_table_get(dup->table);
	tcpvs_trusted_get(dup->trusted);
	if (dup->fallback.srv)
		tcpvs_server_get(dup->fallback.srv);
	tcpvs_cookie_get(dup->cookie);
	tcpvs_service_get(svc);
	return dup;
}

/**
 * tcpvs_candidate_open() - the draft of a service
 * @c: the candidate
 * @name: the service
 * @attr: where the request has it
 * @extack: says why not
 *
 * Made from the base if there is none yet.
 *
 * Return: the draft, or an error.
 */
struct tcpvs_draft *tcpvs_candidate_open(struct tcpvs_candidate *c,
					 const char *name,
					 const struct nlattr *attr,
					 struct netlink_ext_ack *extack)
{
	const struct tcpvs_service_conf *base = NULL;
	struct tcpvs_draft *d;
	unsigned int i;
	int err;

	d = draft_find(c, name);
	if (d && !d->deleted)
		return d;
	if (!d && !c->flushed)
		base = tcpvs_config_find(tcpvs_config_locked(c->tn), name);
	if (!base) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, attr, "there is no service \"%.24s\"",
					name);
		return ERR_PTR(-ENOENT);
	}
	err = tcpvs_candidate_charge(c, sizeof(*d) + sizeof(*d->conf) +
		     base->set->n * sizeof(*d->member), extack);
	if (err)
		return ERR_PTR(err);

	d = kzalloc(sizeof(*d), GFP_KERNEL_ACCOUNT);
	if (!d)
		return ERR_PTR(-ENOMEM);
	d->conf = conf_dup(base, base->svc);
	if (!d->conf) {
		kfree(d);
		return ERR_PTR(-ENOMEM);
	}
	d->base = base;
	d->ops = base->set->ops;
	if (base->set->n) {
		d->member = kvmalloc_array(base->set->n, sizeof(*d->member),
					   GFP_KERNEL_ACCOUNT);
		if (!d->member) {
			draft_free(d);
			return ERR_PTR(-ENOMEM);
		}
		d->room = base->set->n;
	}
	for (i = 0; i < base->set->n; i++) {
		d->member[i] = base->set->member[i];
		tcpvs_server_get(d->member[i].srv);
	}
	d->n = base->set->n;
	draft_add(c, d);
	return d;
}

/**
 * tcpvs_candidate_special() - work out &tcpvs_service_conf.special
 * @sc: configuration that changed
 */
void tcpvs_candidate_special(struct tcpvs_service_conf *sc)
{
	sc->special = sc->forward & ~TCPVS_FORWARD_X_FORWARDED_FOR ||
		      sc->allow || sc->accept_proxy || sc->send_proxy ||
		      sc->trusted || sc->table || sc->cookie ||
		      sc->timeout_ms[TCPVS_A_TIMEOUTS_AGE] ||
		      sc->limit[TCPVS_A_LIMITS_REQUESTS] ||
		      sc->limit[TCPVS_A_LIMITS_BODY_BYTES];
}

/*
 * @fallback is taken over; it counts if @e is about one. @old is the cookie whose
 * key stays if @e names none.
 */
static void apply(struct tcpvs_service_conf *sc,
		  const struct tcpvs_service_edit *e,
		  struct tcpvs_server *fallback,
		  const struct tcpvs_cookie *old)
{
	unsigned int i;

	if (e->attr[TCPVS_A_SERVICE_MODE])
		sc->mode = e->mode;
	if (e->attr[TCPVS_A_SERVICE_FORWARD])
		sc->forward = e->forward;
	if (e->attr[TCPVS_A_SERVICE_ALLOW])
		sc->allow = e->allow;
	if (e->attr[TCPVS_A_SERVICE_ACCEPT_PROXY])
		sc->accept_proxy = e->accept_proxy;
	if (e->attr[TCPVS_A_SERVICE_SERVER_HISTOGRAMS])
		sc->server_histograms = e->server_histograms;
	if (e->attr[TCPVS_A_SERVICE_SEND_PROXY])
		sc->send_proxy = e->send_proxy;
	if (e->attr[TCPVS_A_SERVICE_TRUSTED]) {
		tcpvs_trusted_put(sc->trusted);
		sc->trusted = tcpvs_trusted_get(e->trusted);
	}
	if (e->attr[TCPVS_A_SERVICE_FALLBACK])
		tcpvs_fallback_set(sc, fallback);
	if (e->hash.keyed)
		sc->hash.key = e->hash.key;
	if (e->hash.bounded)
		sc->hash.bound = e->hash.bound;
	if (e->attr[TCPVS_A_SERVICE_COOKIE]) {
		if (e->cookie)
			tcpvs_cookie_inherit(e->cookie, old);
		/* What is as it was stays, and with it what was made of it. */
		if (!tcpvs_cookie_equal(sc->cookie, e->cookie)) {
			tcpvs_cookie_put(sc->cookie);
			sc->cookie = tcpvs_cookie_get(e->cookie);
		}
	}
	if (e->attr[TCPVS_A_SERVICE_LISTEN])
		sc->addr = e->addr;
	for (i = 0; i <= TCPVS_A_TIMEOUTS_MAX; i++) {
		if (e->timeouts & BIT(i))
			sc->timeout_ms[i] = e->timeout_ms[i];
		sc->timeout[i] = msecs_to_jiffies(sc->timeout_ms[i]);
	}
	for (i = 0; i <= TCPVS_A_LIMITS_MAX; i++)
		if (e->limits & BIT(i))
			sc->limit[i] = e->limit[i];
	tcpvs_candidate_special(sc);
}

/* What @e would make of @sc must make sense as a whole. */
static int check(const struct tcpvs_service_conf *sc,
		 const struct tcpvs_service_edit *e,
		 struct netlink_ext_ack *extack)
{
	const struct nlattr *proxy = e->attr[TCPVS_A_SERVICE_ACCEPT_PROXY];
	const struct nlattr *trusted = e->attr[TCPVS_A_SERVICE_TRUSTED];
	const struct nlattr *cookie = e->attr[TCPVS_A_SERVICE_COOKIE];
	const struct nlattr *mode = e->attr[TCPVS_A_SERVICE_MODE];

	if ((proxy ? e->accept_proxy : sc->accept_proxy) &&
	    !(trusted ? e->trusted : sc->trusted)) {
		NL_SET_ERR_MSG_ATTR(extack, proxy ?: trusted,
				    "accept-proxy without trusted networks would let nobody connect");
		return -EINVAL;
	}
	if ((cookie ? e->cookie : sc->cookie) &&
	    (mode ? e->mode : sc->mode) != TCPVS_MODE_HTTP) {
		NL_SET_ERR_MSG_ATTR(extack, cookie ?: mode,
				    "a cookie needs mode http");
		return -EINVAL;
	}
	return 0;
}

static size_t edit_bytes(const struct tcpvs_service_edit *e)
{
	return (e->trusted ? struct_size(e->trusted, net, e->trusted->n) : 0) +
	       (e->cookie ? sizeof(*e->cookie) : 0);
}

/**
 * tcpvs_candidate_service_new() - add a service
 * @c: the candidate
 * @e: the service; has a listen address
 * @extack: says why not
 *
 * Return: 0, or an error that changed nothing.
 */
int tcpvs_candidate_service_new(struct tcpvs_candidate *c,
				const struct tcpvs_service_edit *e,
				struct netlink_ext_ack *extack)
{
	struct tcpvs_config *config = tcpvs_config_locked(c->tn);
	const struct tcpvs_service_conf *base;
	struct tcpvs_service_conf init, *sc;
	struct tcpvs_service *svc = NULL;
	struct tcpvs_draft *d, *made = NULL;
	struct tcpvs_server *fallback;
	bool stopped;
	int err;

	d = draft_find(c, e->name);
	base = d ? d->base : tcpvs_config_find(config, e->name);
	if (d ? !d->deleted : base && !c->flushed) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, e->attr[TCPVS_A_SERVICE_NAME],
					"there is a service \"%.24s\" already",
					e->name);
		return -EEXIST;
	}
	err = check(&defaults, e, extack) ?:
	      tcpvs_candidate_charge(c, sizeof(*d) + sizeof(*sc) + sizeof(*svc) +
		     edit_bytes(e), extack);
	if (err)
		return err;

	init = defaults;
	strscpy(init.name, e->name);
	if (e->attr[TCPVS_A_SERVICE_MODE])
		init.mode = e->mode;
	if (e->attr[TCPVS_A_SERVICE_LISTEN])
		init.addr = e->addr;

	/*
	 * One that runs elsewhere or otherwise cannot be used again: it ends with
	 * this commit, and the new one of its name is to be started.
	 */
	if (base) {
		stopped = tcpvs_service_state(base->svc) ==
			  TCPVS_SERVICE_STATE_STOPPED;
		if (stopped || (init.mode == base->mode &&
				tcpvs_addr_equal(&init.addr, &base->addr)))
			svc = base->svc;
	}
	if (!d) {
		made = kzalloc(sizeof(*made), GFP_KERNEL_ACCOUNT);
		if (!made)
			return -ENOMEM;
		d = made;
	}
	if (!svc) {
		svc = tcpvs_service_create(c->tn, init.mode);
		if (IS_ERR(svc)) {
			kfree(made);
			if (PTR_ERR(svc) == -ENOSPC)
				NL_SET_ERR_MSG_FMT(extack,
						   "a namespace has at most %u services",
						   TCPVS_SERVICES_MAX);
			return PTR_ERR(svc);
		}
		list_add_tail(&svc->link, &c->services);
	}
	/* What is made here and not used stays with the candidate. */
	sc = conf_dup(&init, svc);
	if (!sc) {
		kfree(made);
		return -ENOMEM;
	}
	fallback = tcpvs_candidate_fallback(c, sc, base, e, extack);
	if (IS_ERR(fallback)) {
		tcpvs_service_conf_put(sc);
		kfree(made);
		return PTR_ERR(fallback);
	}
	apply(sc, e, fallback, base ? base->cookie : NULL);

	if (!made)
		tcpvs_service_conf_put(d->conf);
	d->base = base;
	d->conf = sc;
	if (made)
		draft_add(c, d);
	d->ops = e->attr[TCPVS_A_SERVICE_SCHEDULER] ? e->ops : &tcpvs_sched_wlc;
	d->deleted = false;
	c->listens = true;
	return 0;
}

/**
 * tcpvs_candidate_service_set() - change a service
 * @c: the candidate
 * @e: what is to change
 * @extack: says why not
 *
 * Return: 0, or an error that changed nothing.
 */
int tcpvs_candidate_service_set(struct tcpvs_candidate *c,
				const struct tcpvs_service_edit *e,
				struct netlink_ext_ack *extack)
{
	const struct nlattr *listen = e->attr[TCPVS_A_SERVICE_LISTEN];
	const struct nlattr *mode = e->attr[TCPVS_A_SERVICE_MODE];
	struct tcpvs_server *fallback;
	struct tcpvs_draft *d;
	bool moves;
	int err;

	d = tcpvs_candidate_open(c, e->name, e->attr[TCPVS_A_SERVICE_NAME], extack);
	if (IS_ERR(d))
		return PTR_ERR(d);
	err = check(d->conf, e, extack) ?: tcpvs_candidate_charge(c, edit_bytes(e), extack);
	if (err)
		return err;
	moves = listen && !tcpvs_addr_equal(&e->addr, &d->conf->addr);
	if (tcpvs_service_state(d->conf->svc) != TCPVS_SERVICE_STATE_STOPPED) {
		if (moves) {
			NL_SET_ERR_MSG_ATTR_FMT(extack, listen,
						"service \"%.24s\" runs: stop it to change its address",
						e->name);
			return -EBUSY;
		}
		if (mode && e->mode != d->conf->mode) {
			NL_SET_ERR_MSG_ATTR_FMT(extack, mode,
						"service \"%.24s\" runs: stop it to change its mode",
						e->name);
			return -EBUSY;
		}
	}
	fallback = tcpvs_candidate_fallback(c, d->conf, d->base, e, extack);
	if (IS_ERR(fallback))
		return PTR_ERR(fallback);
	apply(d->conf, e, fallback, d->conf->cookie);
	if (e->attr[TCPVS_A_SERVICE_SCHEDULER])
		d->ops = e->ops;
	c->listens |= moves;
	return 0;
}

/**
 * tcpvs_candidate_service_del() - remove a service with its servers
 * @c: the candidate
 * @name: its name
 * @attr: where the request has it
 * @extack: says why not
 *
 * Return: 0, or an error that changed nothing.
 */
int tcpvs_candidate_service_del(struct tcpvs_candidate *c, const char *name,
				const struct nlattr *attr,
				struct netlink_ext_ack *extack)
{
	struct tcpvs_draft *d = tcpvs_candidate_open(c, name, attr, extack);

	if (IS_ERR(d))
		return PTR_ERR(d);
	drop_members(d);
	tcpvs_candidate_rules_drop(c, d);
	d->deleted = true;
	return 0;
}

/**
 * tcpvs_candidate_flush() - remove every service
 * @c: the candidate
 */
void tcpvs_candidate_flush(struct tcpvs_candidate *c)
{
	struct tcpvs_draft *d;

	list_for_each_entry(d, &c->drafts, link) {
		drop_members(d);
		tcpvs_candidate_rules_drop(c, d);
		d->deleted = true;
	}
	c->flushed = true;
}
