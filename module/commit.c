// SPDX-License-Identifier: GPL-2.0
/*
 * commit.c - a candidate becomes the configuration
 *
 * Validate and prepare: build the next snapshot with its sets, and check it as a
 * whole. Publish: swap one pointer. Retire: what the old snapshot names and the
 * new one does not is unlinked already, so mark it dead, have the workers let it
 * go, and drop the configuration's reference. Everything that can fail comes
 * before the swap and is undone by freeing the snapshot that was being built.
 */
#include <linux/mm.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/wait_bit.h>

#include "netlink.h"
#include "sticky.h"
#include "table.h"
#include "transaction.h"

/**
 * tcpvs_candidate_fresh() - whether a candidate may still be committed
 * @c: the candidate
 * @extack: says why not
 *
 * Return: 0, or -ESTALE if another change came first.
 */
int tcpvs_candidate_fresh(const struct tcpvs_candidate *c,
			  struct netlink_ext_ack *extack)
{
	u32 now = tcpvs_config_locked(c->tn)->generation;

	if (c->generation == now)
		return 0;
	NL_SET_ERR_MSG_FMT(extack,
			   "based on generation %u, but the present one is %u",
			   c->generation, now);
	return -ESTALE;
}

static void unlink_service(struct tcpvs_config *c, u32 slot)
{
	struct tcpvs_service_conf *sc = c->conf[slot];

	if (!sc)
		return;
	c->conf[slot] = NULL;
	c->nservices--;
	c->nservers -= sc->set->n;
	tcpvs_service_conf_put(sc);
}

/* In mode tcp nothing is known of a client but its address. */
static int check_hash(const struct tcpvs_draft *d, struct netlink_ext_ack *extack)
{
	if (d->conf->hash.key.what == TCPVS_HK_SOURCE ||
	    d->conf->mode == TCPVS_MODE_HTTP)
		return 0;
	NL_SET_ERR_MSG_FMT(extack,
			   "\"%.16s\" hashes what a request has: it needs mode http",
			   d->conf->name);
	return -EINVAL;
}

/* So that the server of a cookie is found among the many of a set. */
static int order_sets(struct tcpvs_set *set, struct tcpvs_sets *sets)
{
	int err = tcpvs_sticky_order(set);
	u32 i;

	for (i = 0; sets && i < sets->n && !err; i++) {
		err = tcpvs_sticky_order(sets->set[i]);
		cond_resched();
	}
	return err;
}

/*
 * The sets of a draft's configuration. An earlier commit of this candidate may
 * have failed or run dry, so there may be some.
 */
static int prepare_sets(struct tcpvs_draft *d, struct netlink_ext_ack *extack)
{
	struct tcpvs_sticky *sticky = NULL;
	struct tcpvs_sets *sets = NULL;
	struct tcpvs_set *set;
	int err;

	err = tcpvs_candidate_rules_check(d, extack) ?:
	      tcpvs_candidate_fallback_check(d, extack) ?: check_hash(d, extack);
	if (err)
		return err;
	set = tcpvs_set_create(d->ops, d->conf->hash.bound, d->member, d->n,
			       d->base ? d->base->set : NULL);
	if (IS_ERR(set))
		return PTR_ERR(set);
	if (d->conf->table) {
		sets = tcpvs_sets_create(d->conf, d->member, d->n, d->base,
					 extack);
		if (IS_ERR(sets)) {
			err = PTR_ERR(sets);
			sets = NULL;
			goto err_free;
		}
	}
	if (d->conf->cookie) {
		err = -ENOMEM;
		sticky = tcpvs_sticky_create(d->conf, set, d->base);
		if (!sticky || order_sets(set, sets))
			goto err_free;
	}
	tcpvs_set_free(d->conf->set);
	tcpvs_sets_free(d->conf->sets);
	tcpvs_sticky_put(d->conf->sticky);
	d->conf->set = set;
	d->conf->sets = sets;
	d->conf->sticky = sticky;
	return 0;

err_free:
	tcpvs_sticky_put(sticky);
	tcpvs_sets_free(sets);
	tcpvs_set_free(set);
	return err;
}

/* The next snapshot, or an error. */
static struct tcpvs_config *prepare(struct tcpvs_candidate *c,
				    struct netlink_ext_ack *extack)
{
	struct tcpvs_config *old = tcpvs_config_locked(c->tn);
	u32 i, nslots = old->nslots;
	struct tcpvs_config *next;
	struct tcpvs_draft *d;
	int err;

	list_for_each_entry(d, &c->drafts, link)
		if (!d->deleted)
			nslots = max(nslots, d->conf->svc->slot + 1);
	next = tcpvs_config_copy(old, nslots);
	if (!next)
		return ERR_PTR(-ENOMEM);

	if (c->flushed)
		for (i = 0; i < nslots; i++)
			unlink_service(next, i);
	list_for_each_entry(d, &c->drafts, link)
		if (d->base)
			unlink_service(next, d->base->svc->slot);
	list_for_each_entry(d, &c->drafts, link) {
		if (d->deleted)
			continue;
		err = prepare_sets(d, extack);
		if (err) {
			tcpvs_config_free(next);
			return ERR_PTR(err);
		}
		refcount_inc(&d->conf->ref);
		next->conf[d->conf->svc->slot] = d->conf;
		next->nservices++;
		next->nservers += d->n;
		cond_resched();
	}
	if (tcpvs_config_index(next)) {
		tcpvs_config_free(next);
		return ERR_PTR(-ENOMEM);
	}
	return next;
}

static int compare_listen(const void *a, const void *b)
{
	const struct tcpvs_addr *x = &(*(struct tcpvs_service_conf **)a)->addr;
	const struct tcpvs_addr *y = &(*(struct tcpvs_service_conf **)b)->addr;

	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	if (x->port != y->port)
		return (__force u16)x->port < (__force u16)y->port ? -1 : 1;
	if (x->family == AF_INET)
		return memcmp(&x->v4, &y->v4, sizeof(x->v4));
	return memcmp(&x->v6, &y->v6, sizeof(x->v6));
}

/* No two services on one address and port. */
static int check_listens(const struct tcpvs_config *c,
			 struct netlink_ext_ack *extack)
{
	struct tcpvs_service_conf **sorted, *a, *b;
	u32 i, n = 0;
	int err = 0;

	if (c->nservices < 2)
		return 0;
	sorted = kvmalloc_array(c->nservices, sizeof(*sorted), GFP_KERNEL_ACCOUNT);
	if (!sorted)
		return -ENOMEM;
	for (i = 0; i < c->nslots; i++)
		if (c->conf[i])
			sorted[n++] = c->conf[i];
	sort(sorted, n, sizeof(*sorted), compare_listen, NULL);
	for (i = 1; i < n; i++) {
		if (!tcpvs_addr_equal(&sorted[i - 1]->addr, &sorted[i]->addr))
			continue;
		/* The newer of the two is likely the one that is wrong. */
		a = sorted[i - 1];
		b = sorted[i];
		if (a->svc->id < b->svc->id)
			swap(a, b);
		NL_SET_ERR_MSG_FMT(extack,
				   "\"%.20s\" has the address and port of \"%.20s\"",
				   a->name, b->name);
		err = -EADDRINUSE;
		break;
	}
	kvfree(sorted);
	return err;
}

static void servers_gone(const struct tcpvs_net *tn,
			 const struct tcpvs_service_conf *sc,
			 struct list_head *gone)
{
	const struct tcpvs_member *m;
	unsigned int i;

	for (i = 0; (m = tcpvs_conf_member(sc, i)); i++)
		if (m->srv->mark != tn->mark)
			list_add_tail(&m->srv->link, gone);
}

/*
 * Tell what became of the servers of a service, mark those that stay, and put
 * those that went on the list. @was is NULL for a new service.
 */
static void diff_servers(struct tcpvs_net *tn,
			 const struct tcpvs_service_conf *was,
			 const struct tcpvs_service_conf *is,
			 struct list_head *gone)
{
	const struct tcpvs_member *m;
	struct tcpvs_server *srv;
	unsigned int i;
	u64 in_old = 0;

	if (was) {
		in_old = tn->mark - 1;
		for (i = 0; (m = tcpvs_conf_member(was, i)); i++) {
			m->srv->mark = in_old;
			m->srv->old_weight = m->weight;
		}
	}
	for (i = 0; (m = tcpvs_conf_member(is, i)); i++) {
		srv = m->srv;
		/* Made by this candidate: the configuration keeps it. */
		list_del_init(&srv->link);
		if (!was || srv->mark != in_old ||
		    srv->old_weight != m->weight)
			tcpvs_nl_notify_server(tn, is, m);
		srv->mark = tn->mark;
	}
	if (!was)
		return;
	for (i = 0; (m = tcpvs_conf_member(was, i)); i++)
		if (m->srv->mark != tn->mark)
			tcpvs_nl_notify_server_del(tn, was, m->srv);
	servers_gone(tn, was, gone);
}

static bool same_settings(const struct tcpvs_service_conf *a,
			  const struct tcpvs_service_conf *b)
{
	return a->mode == b->mode && a->forward == b->forward &&
	       a->allow == b->allow && a->accept_proxy == b->accept_proxy &&
	       a->send_proxy == b->send_proxy &&
	       a->server_histograms == b->server_histograms &&
	       tcpvs_trusted_equal(a->trusted, b->trusted) &&
	       tcpvs_cookie_equal(a->cookie, b->cookie) &&
	       tcpvs_addr_equal(&a->addr, &b->addr) &&
	       !memcmp(&a->hash.key, &b->hash.key, sizeof(a->hash.key)) &&
	       a->hash.bound == b->hash.bound &&
	       a->set->ops == b->set->ops && a->table == b->table &&
	       a->fallback.srv == b->fallback.srv &&
	       !memcmp(a->timeout_ms, b->timeout_ms, sizeof(a->timeout_ms)) &&
	       !memcmp(a->limit, b->limit, sizeof(a->limit));
}

/*
 * @next is published. A slot belongs to one service until that is released, so
 * the two snapshots are compared slot by slot.
 */
static void retire(struct tcpvs_net *tn, struct tcpvs_config *old,
		   struct tcpvs_config *next)
{
	struct tcpvs_service_conf *was, *is;
	LIST_HEAD(gone);
	u32 i;

	tn->mark += 2;
	for (i = 0; i < max(old->nslots, next->nslots); i++) {
		was = i < old->nslots ? old->conf[i] : NULL;
		is = i < next->nslots ? next->conf[i] : NULL;
		if (was == is)
			continue;
		if (!is) {
			tcpvs_service_remove(was->svc);
			servers_gone(tn, was, &gone);
			tcpvs_nl_notify_service_del(tn, was);
			continue;
		}
		/* Made by this candidate, or stopped: nobody looks at the mode. */
		list_del_init(&is->svc->link);
		WRITE_ONCE(is->svc->mode, is->mode);
		WRITE_ONCE(is->svc->server_histograms, is->server_histograms);
		if (!was || !same_settings(was, is))
			tcpvs_nl_notify_service(tn, is);
		diff_servers(tn, was, is, &gone);
		cond_resched();
	}
	tcpvs_servers_remove(&gone);
	/* Only now: the loop read the old snapshot. */
	tcpvs_config_retire(old);
}

/* Rules that are in both snapshots go on with their counters. */
static void carry_counters(const struct tcpvs_config *old,
			   const struct tcpvs_config *next)
{
	const struct tcpvs_service_conf *was, *is;
	u32 i;

	for (i = 0; i < min(old->nslots, next->nslots); i++) {
		was = old->conf[i];
		is = next->conf[i];
		if (was && is && was->table && is->table &&
		    was->table != is->table)
			tcpvs_table_carry(was->table, is->table);
	}
}

/* Return: the snapshot before. */
static struct tcpvs_config *publish(struct tcpvs_candidate *c,
				    struct tcpvs_config *next)
{
	struct tcpvs_net *tn = c->tn;
	struct tcpvs_config *old;

	if (!c->tables)
		return tcpvs_config_publish(tn, next);
	/* Readers of counters wait; nothing here waits but for the workers. */
	raw_write_seqcount_begin(&tn->zeroing);
	old = tcpvs_config_publish(tn, next);
	carry_counters(old, next);
	raw_write_seqcount_end(&tn->zeroing);
	wake_up_var(&tn->zeroing);
	return old;
}

/**
 * tcpvs_candidate_commit() - make a candidate effective
 * @c: the candidate; its changes are gone if it succeeds
 * @dry_run: only check
 * @extack: says why not
 *
 * Return: 0, or an error that changed neither configuration nor candidate.
 */
int tcpvs_candidate_commit(struct tcpvs_candidate *c, bool dry_run,
			   struct netlink_ext_ack *extack)
{
	struct tcpvs_net *tn = c->tn;
	struct tcpvs_config *next;
	int err;

	lockdep_assert_held(&tn->lock);
	err = tcpvs_candidate_fresh(c, extack);
	if (err)
		return err;
	next = prepare(c, extack);
	if (IS_ERR(next))
		return PTR_ERR(next);
	err = c->listens ? check_listens(next, extack) : 0;
	if (err || dry_run) {
		tcpvs_config_free(next);
		return err;
	}
	retire(tn, publish(c, next), next);
	tcpvs_candidate_clear(c);
	return 0;
}

/**
 * tcpvs_config_shutdown() - the end of all services of a namespace that ends
 * @tn: the namespace; no request can come any more
 *
 * They are unlinked and reset; that they are released is for the caller to
 * await, without the lock.
 */
void tcpvs_config_shutdown(struct tcpvs_net *tn)
{
	struct tcpvs_config *old;
	LIST_HEAD(gone);
	u32 i;

	mutex_lock(&tn->lock);
	tcpvs_transactions_drop(tn);
	old = tcpvs_config_publish(tn, tn->last);
	tn->mark += 2;
	for (i = 0; i < old->nslots; i++) {
		if (!old->conf[i])
			continue;
		tcpvs_service_remove(old->conf[i]->svc);
		servers_gone(tn, old->conf[i], &gone);
	}
	tcpvs_servers_remove(&gone);
	tcpvs_config_retire(old);
	mutex_unlock(&tn->lock);
}
