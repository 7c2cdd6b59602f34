// SPDX-License-Identifier: GPL-2.0
/*
 * config.c - making, sharing and freeing what config.h describes
 *
 * Everything here runs in process context under tcpvs_net.lock, but for the
 * ends: the last reference to a server or service may be dropped anywhere, a
 * worker included, and a retired snapshot is reported by an SRCU callback. Both
 * only queue work on tcpvs_wq, which frees and may sleep.
 *
 * Why the references suffice: a set refers to its servers, a service_conf to
 * its set and service, a snapshot to its service_confs, and a snapshot is freed
 * only after a grace period of tcpvs_srcu. So whatever a worker finds in the
 * snapshot inside tcpvs_srcu has a reference, and tcpvs_server_get() on it needs
 * no test. The initial reference belongs to the configuration as a whole, and
 * percpu_ref_kill() drops it when an object leaves it.
 */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include "config.h"
#include "sticky.h"
#include "table.h"

static void server_free(struct work_struct *work)
{
	struct tcpvs_server *srv = container_of(to_rcu_work(work),
						struct tcpvs_server, free);

	percpu_ref_exit(&srv->ref);
	tcpvs_latency_free_server(srv);
	free_percpu(srv->cpu);
	tcpvs_service_put(srv->svc);
	kfree(srv);
}

/* percpu_ref_put() is still inside the reference's RCU section: wait it out. */
static void server_release(struct percpu_ref *ref)
{
	struct tcpvs_server *srv = container_of(ref, struct tcpvs_server, ref);

	queue_rcu_work(tcpvs_wq, &srv->free);
}

/**
 * tcpvs_server_create() - a new server
 * @svc: its service
 * @addr: where it listens
 *
 * Return: the server with its initial reference, or NULL without memory.
 */
struct tcpvs_server *tcpvs_server_create(struct tcpvs_service *svc,
					 const struct tcpvs_addr *addr)
{
	struct tcpvs_server *srv;
	int cpu;

	lockdep_assert_held(&svc->tn->lock);
	srv = kzalloc(sizeof(*srv), GFP_KERNEL_ACCOUNT);
	if (!srv)
		return NULL;
	srv->cpu = alloc_percpu_gfp(struct tcpvs_server_cpu, GFP_KERNEL_ACCOUNT);
	if (!srv->cpu)
		goto err_free;
	for_each_possible_cpu(cpu)
		INIT_LIST_HEAD(&per_cpu_ptr(srv->cpu, cpu)->idle);
	if (percpu_ref_init(&srv->ref, server_release, 0, GFP_KERNEL_ACCOUNT))
		goto err_cpu;
	INIT_RCU_WORK(&srv->free, server_free);
	INIT_LIST_HEAD(&srv->link);
	srv->id = ++svc->tn->next_id;
	srv->addr = *addr;
	srv->svc = svc;
	tcpvs_service_get(svc);
	return srv;

err_cpu:
	free_percpu(srv->cpu);
err_free:
	kfree(srv);
	return NULL;
}

static void service_free(struct work_struct *work)
{
	struct tcpvs_service *svc = container_of(to_rcu_work(work),
						 struct tcpvs_service, free);
	struct tcpvs_net *tn = svc->tn;

	percpu_ref_exit(&svc->ref);
	tcpvs_latency_free_service(svc);
	free_percpu(svc->stats);
	ida_free(&tn->slots, svc->slot);
	kfree(svc);
	/* The namespace may go from here on; the address alone is used. */
	if (atomic_dec_and_test(&tn->services))
		wake_up_var(&tn->services);
}

static void service_release(struct percpu_ref *ref)
{
	struct tcpvs_service *svc = container_of(ref, struct tcpvs_service, ref);

	queue_rcu_work(tcpvs_wq, &svc->free);
}

/**
 * tcpvs_service_create() - a new service, stopped
 * @tn: its namespace
 * @mode: TCPVS_MODE_*
 *
 * Return: the service with its initial reference; -ENOSPC if the namespace has
 * TCPVS_SERVICES_MAX of them, -ENOMEM.
 */
struct tcpvs_service *tcpvs_service_create(struct tcpvs_net *tn, u8 mode)
{
	struct tcpvs_service *svc;
	int slot;

	lockdep_assert_held(&tn->lock);
	svc = kzalloc(sizeof(*svc), GFP_KERNEL_ACCOUNT);
	if (!svc)
		return ERR_PTR(-ENOMEM);
	slot = ida_alloc_max(&tn->slots, TCPVS_SERVICES_MAX - 1, GFP_KERNEL);
	if (slot < 0)
		goto err_free;
	svc->stats = alloc_percpu_gfp(struct tcpvs_stats, GFP_KERNEL_ACCOUNT);
	if (!svc->stats ||
	    percpu_ref_init(&svc->ref, service_release, 0, GFP_KERNEL_ACCOUNT))
		goto err_slot;
	INIT_RCU_WORK(&svc->free, service_free);
	INIT_DELAYED_WORK(&svc->drain, tcpvs_service_drain_work);
	INIT_LIST_HEAD(&svc->link);
	svc->tn = tn;
	svc->id = ++tn->next_id;
	svc->slot = slot;
	svc->mode = mode;
	svc->state = TCPVS_SERVICE_STATE_STOPPED;
	atomic_inc(&tn->services);
	return svc;

err_slot:
	free_percpu(svc->stats);
	ida_free(&tn->slots, slot);
	slot = -ENOMEM;
err_free:
	kfree(svc);
	return ERR_PTR(slot);
}

static u64 addr_hash(const struct tcpvs_addr *a)
{
	if (a->family == AF_INET)
		return tcpvs_hash(&a->v4, sizeof(a->v4), ntohs(a->port));
	return tcpvs_hash(&a->v6, sizeof(a->v6), ntohs(a->port));
}

/**
 * tcpvs_set_create() - a set of servers under a scheduler
 * @ops: the scheduler
 * @bound: &tcpvs_set.bound
 * @member: the servers and their weights; they are referenced
 * @n: their number
 * @old: the set in use that this one will replace, or NULL
 *
 * Return: the set, or an error.
 */
struct tcpvs_set *tcpvs_set_create(const struct tcpvs_sched_ops *ops, u32 bound,
				   const struct tcpvs_member *member,
				   unsigned int n, const struct tcpvs_set *old)
{
	struct tcpvs_set *set;
	unsigned int i;
	int err;

	set = kvzalloc(struct_size(set, member, n), GFP_KERNEL_ACCOUNT);
	if (!set)
		return ERR_PTR(-ENOMEM);
	set->ops = ops;
	set->bound = bound;
	set->n = n;
	for (i = 0; i < n; i++) {
		struct tcpvs_server *srv = member[i].srv;

		set->member[i] = (struct tcpvs_member) {
			.srv = srv,
			.load = &srv->load,
			.hash = addr_hash(&srv->addr),
			.id = srv->id,
			.weight = member[i].weight,
		};
	}
	if (ops->init) {
		err = ops->init(set);
		if (err) {
			kvfree(set);
			return ERR_PTR(err);
		}
	}
	if (ops->inherit && old && old->ops == ops)
		ops->inherit(set, old);
	for (i = 0; i < n; i++)
		tcpvs_server_get(set->member[i].srv);
	return set;
}

/**
 * tcpvs_set_free() - free a set and what its scheduler keeps
 * @set: the set, or NULL
 */
void tcpvs_set_free(struct tcpvs_set *set)
{
	unsigned int i;

	if (!set)
		return;
	if (set->ops->exit)
		set->ops->exit(set);
	for (i = 0; i < set->n; i++)
		tcpvs_server_put(set->member[i].srv);
	kvfree(set->by_id);
	kvfree(set);
}

/**
 * tcpvs_set_find() - a server of a set by its address
 * @set: the set
 * @addr: the address
 *
 * Return: the member, or NULL.
 */
struct tcpvs_member *tcpvs_set_find(struct tcpvs_set *set,
				    const struct tcpvs_addr *addr)
{
	unsigned int i;

	for (i = 0; i < set->n; i++)
		if (tcpvs_addr_equal(&set->member[i].srv->addr, addr))
			return &set->member[i];
	return NULL;
}

/**
 * tcpvs_trusted_get() - take a reference to a list of networks
 * @t: the list, or NULL
 *
 * Return: @t.
 */
struct tcpvs_trusted *tcpvs_trusted_get(struct tcpvs_trusted *t)
{
	if (t)
		refcount_inc(&t->ref);
	return t;
}

/**
 * tcpvs_trusted_put() - drop a reference to a list of networks
 * @t: the list, or NULL
 *
 * Workers see a list only through a snapshot, whose references go after its
 * grace period.
 */
void tcpvs_trusted_put(struct tcpvs_trusted *t)
{
	if (t && refcount_dec_and_test(&t->ref))
		kfree(t);
}

/**
 * tcpvs_trusted_equal() - are two lists of networks the same?
 * @a: a list, or NULL
 * @b: a list, or NULL
 */
bool tcpvs_trusted_equal(const struct tcpvs_trusted *a,
			 const struct tcpvs_trusted *b)
{
	if (a == b)
		return true;
	return a && b && a->n == b->n &&
	       !memcmp(a->net, b->net, a->n * sizeof(a->net[0]));
}

/**
 * tcpvs_fallback_set() - give a service's configuration its fallback server
 * @sc: the configuration, not published
 * @srv: the server, whose reference is taken over, or NULL for none
 */
void tcpvs_fallback_set(struct tcpvs_service_conf *sc, struct tcpvs_server *srv)
{
	if (sc->fallback.srv)
		tcpvs_server_put(sc->fallback.srv);
	sc->fallback = (struct tcpvs_member) { .srv = srv };
}

/**
 * tcpvs_service_conf_put() - drop a reference to a service's configuration
 * @sc: the configuration
 */
void tcpvs_service_conf_put(struct tcpvs_service_conf *sc)
{
	if (!refcount_dec_and_test(&sc->ref))
		return;
	tcpvs_set_free(sc->set);
	tcpvs_sets_free(sc->sets);
	tcpvs_fallback_set(sc, NULL);
	tcpvs_table_put(sc->table);
	tcpvs_trusted_put(sc->trusted);
	tcpvs_sticky_put(sc->sticky);
	tcpvs_cookie_put(sc->cookie);
	tcpvs_service_put(sc->svc);
	kfree(sc);
}

/**
 * tcpvs_config_free() - free a snapshot that no reader can see
 * @c: the snapshot
 */
void tcpvs_config_free(struct tcpvs_config *c)
{
	u32 i;

	for (i = 0; i < c->nslots; i++) {
		if (c->conf[i])
			tcpvs_service_conf_put(c->conf[i]);
		cond_resched();
	}
	kvfree(c->by_name);
	kvfree(c);
}

static void config_free_work(struct work_struct *work)
{
	tcpvs_config_free(container_of(work, struct tcpvs_config, free));
}

/* SRCU runs it with bottom halves off; a big table takes longer than that. */
static void config_unseen(struct rcu_head *rcu)
{
	struct tcpvs_config *c = container_of(rcu, struct tcpvs_config, rcu);

	queue_work(tcpvs_wq, &c->free);
}

/**
 * tcpvs_config_alloc() - a snapshot without services
 * @nslots: room for so many
 *
 * Return: the snapshot, or NULL without memory.
 */
struct tcpvs_config *tcpvs_config_alloc(u32 nslots)
{
	struct tcpvs_config *c;

	c = kvzalloc(struct_size(c, conf, nslots), GFP_KERNEL_ACCOUNT);
	if (!c)
		return NULL;
	INIT_WORK(&c->free, config_free_work);
	c->nslots = nslots;
	c->generation = 1;
	return c;
}

/**
 * tcpvs_config_copy() - the next snapshot, as far as it is like the last
 * @old: the last
 * @nslots: room for so many services, not less than @old has
 *
 * Return: a snapshot of the next generation that shares every service with
 * @old and is to be indexed, or NULL without memory.
 */
struct tcpvs_config *tcpvs_config_copy(const struct tcpvs_config *old,
				       u32 nslots)
{
	struct tcpvs_config *c = tcpvs_config_alloc(nslots);
	u32 i;

	if (!c)
		return NULL;
	c->generation = old->generation + 1 ?: 1;
	c->nservices = old->nservices;
	c->nservers = old->nservers;
	for (i = 0; i < old->nslots; i++) {
		if (!old->conf[i])
			continue;
		c->conf[i] = old->conf[i];
		refcount_inc(&c->conf[i]->ref);
	}
	return c;
}

/**
 * tcpvs_config_next() - the next snapshot, like the last but for its generation
 * @old: the last
 *
 * Return: the snapshot, or NULL without memory.
 */
struct tcpvs_config *tcpvs_config_next(const struct tcpvs_config *old)
{
	struct tcpvs_config *c = tcpvs_config_copy(old, old->nslots);

	if (!c || !old->by_name)
		return c;
	c->by_name = kvmemdup(old->by_name, old->names * sizeof(*old->by_name),
			      GFP_KERNEL_ACCOUNT);
	if (!c->by_name) {
		tcpvs_config_free(c);
		return NULL;
	}
	c->names = old->names;
	return c;
}

/**
 * tcpvs_config_index() - have the services found by their names
 * @c: a snapshot that is whole, and not published
 *
 * Return: 0 or -ENOMEM.
 */
int tcpvs_config_index(struct tcpvs_config *c)
{
	u32 i, at;

	if (!c->nservices)
		return 0;
	c->names = roundup_pow_of_two(2 * c->nservices);
	c->by_name = kvcalloc(c->names, sizeof(*c->by_name), GFP_KERNEL_ACCOUNT);
	if (!c->by_name)
		return -ENOMEM;
	for (i = 0; i < c->nslots; i++) {
		if (!c->conf[i])
			continue;
		at = tcpvs_name_hash(c->conf[i]->name) & (c->names - 1);
		while (c->by_name[at])
			at = (at + 1) & (c->names - 1);
		c->by_name[at] = i + 1;
	}
	return 0;
}

/**
 * tcpvs_config_locked() - the newest snapshot, for one who may change it
 * @tn: the namespace, locked
 *
 * Return: the snapshot, valid until the next is published.
 */
struct tcpvs_config *tcpvs_config_locked(const struct tcpvs_net *tn)
{
	return rcu_dereference_protected(tn->config, lockdep_is_held(&tn->lock));
}

/**
 * tcpvs_config_publish() - make a snapshot the newest
 * @tn: the namespace, locked
 * @c: the snapshot
 *
 * Return: the one before, which readers may still see; the caller hands it to
 * tcpvs_config_retire() when it is done with it.
 */
struct tcpvs_config *tcpvs_config_publish(struct tcpvs_net *tn,
					  struct tcpvs_config *c)
{
	return rcu_replace_pointer(tn->config, c, lockdep_is_held(&tn->lock));
}

/**
 * tcpvs_config_retire() - free a snapshot when no reader sees it any more
 * @old: the snapshot, published no longer
 */
void tcpvs_config_retire(struct tcpvs_config *old)
{
	call_srcu(&tcpvs_srcu, &old->rcu, config_unseen);
}

/**
 * tcpvs_config_find() - a service by its name
 * @c: the snapshot
 * @name: the name
 *
 * Return: its configuration, or NULL.
 */
struct tcpvs_service_conf *tcpvs_config_find(const struct tcpvs_config *c,
					     const char *name)
{
	struct tcpvs_service_conf *sc;
	u32 at;

	if (!c->by_name)
		return NULL;
	for (at = tcpvs_name_hash(name) & (c->names - 1); c->by_name[at];
	     at = (at + 1) & (c->names - 1)) {
		sc = c->conf[c->by_name[at] - 1];
		if (!strcmp(sc->name, name))
			return sc;
	}
	return NULL;
}
