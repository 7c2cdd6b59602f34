// SPDX-License-Identifier: GPL-2.0
/*
 * zero.c - 7 account: counters begin anew
 *
 * A counter is a plain add of the one worker that writes it, so only that worker
 * can set it to 0 without losing what it adds meanwhile. Each does so between two
 * of its steps: what a step counts in several places is reset in all of them or
 * in none, and the balances hold in every worker's blocks and so in their sum.
 *
 * What is open then ends later, and its end will be counted. A request in flight
 * therefore stays counted as received. (requests = responses + aborted + tunnels
 * holds again when nothing is in flight.)
 *
 * A reset is a generation of the configuration, and a reader sees the sums of
 * before or after it, never half: it waits while the workers are at it and adds up
 * again if one came in between.
 *
 * Context: netlink requests under tcpvs_net.lock, and workers.
 */
#include <linux/netlink.h>
#include <linux/wait_bit.h>

#include "conn.h"
#include "table.h"
#include "worker.h"

/* Services and servers that a worker resets in one go: some 100 us. */
#define ZERO_BATCH	1024

/**
 * struct zero - what the workers are to reset
 * @c: the newest snapshot
 * @from: slot of the first service
 * @to: slot behind the last one
 * @srv: or this server alone
 */
struct zero {
	const struct tcpvs_config *c;
	u32 from;
	u32 to;
	struct tcpvs_server *srv;
};

static void zero_block(u64 *n, unsigned int count)
{
	while (count--)
		WRITE_ONCE(n[count], 0);
}

static void zero_server(struct tcpvs_worker *w, struct tcpvs_server *srv)
{
	struct tcpvs_server_cpu *c = per_cpu_ptr(srv->cpu, w->cpu);

	zero_block(c->stats.n, ARRAY_SIZE(c->stats.n));
	tcpvs_latency_zero(c->hist);
}

static void zero_service(struct tcpvs_worker *w,
			 const struct tcpvs_service_conf *sc)
{
	struct tcpvs_stats *s = per_cpu_ptr(sc->svc->stats, w->cpu);
	const struct tcpvs_member *m;
	unsigned int i;

	zero_block(s->n, ARRAY_SIZE(s->n));
	tcpvs_latency_zero(s->hist);
	for (i = 0; (m = tcpvs_conf_member(sc, i)); i++)
		zero_server(w, m->srv);
	if (sc->table)
		zero_block(sc->table->hits[w->id], sc->table->nrules);
}

static void zero_worker(struct tcpvs_worker *w, void *arg)
{
	const struct zero *z = arg;
	struct tcpvs_conn *c;
	u32 slot;

	if (z->srv) {
		zero_server(w, z->srv);
		return;
	}
	for (slot = z->from; slot < z->to; slot++)
		if (z->c->conf[slot])
			zero_service(w, z->c->conf[slot]);
	list_for_each_entry(c, &w->conns, link) {
		const struct tcpvs_service *svc = c->svc;

		if (c->flags & TCPVS_CF_REQUEST && svc->slot >= z->from &&
		    svc->slot < z->to && z->c->conf[svc->slot] &&
		    z->c->conf[svc->slot]->svc == svc)
			conn_count(w, c, REQUESTS);
	}
}

/* What it takes to reset a server: with histograms some hundred times as much. */
static u32 weight_of(const struct tcpvs_service_conf *sc)
{
	return sc->server_histograms ? ZERO_BATCH / 8 : 1;
}

static u32 rules_of(const struct tcpvs_service_conf *sc)
{
	return sc->table ? sc->table->nrules : 0;
}

/* Slots from z->from on, up to the size of a batch and at least one. */
static void next_batch(struct zero *z)
{
	unsigned int n = 0;

	for (z->to = z->from; z->to < z->c->nslots && n < ZERO_BATCH; z->to++)
		if (z->c->conf[z->to])
			n += 1 + z->c->conf[z->to]->set->n *
				 weight_of(z->c->conf[z->to]) +
			     rules_of(z->c->conf[z->to]) / 16;
}

static void mark_service(const struct tcpvs_service_conf *sc, u32 generation)
{
	const struct tcpvs_member *m;
	unsigned int i;

	tcpvs_latency_zero_fold(&sc->svc->fold);
	WRITE_ONCE(sc->svc->zeroed, generation);
	for (i = 0; (m = tcpvs_conf_member(sc, i)); i++) {
		tcpvs_latency_zero_fold(&m->srv->fold);
		WRITE_ONCE(m->srv->zeroed, generation);
	}
}

/**
 * tcpvs_zero() - let counters begin anew
 * @tn: the namespace, locked
 * @sc: the service, in the newest snapshot; NULL = all of them
 * @srv: the one server of it that is meant; NULL = the service and its servers
 *
 * Return: 0 or -ENOMEM.
 */
int tcpvs_zero(struct tcpvs_net *tn, const struct tcpvs_service_conf *sc,
	       struct tcpvs_server *srv)
{
	struct tcpvs_config *old = tcpvs_config_locked(tn);
	struct zero z = { .c = old, .srv = srv };
	struct tcpvs_config *c;
	u32 slot;

	lockdep_assert_held(&tn->lock);
	c = tcpvs_config_next(old);
	if (!c)
		return -ENOMEM;

	/*
	 * Readers wait for the end inside tcpvs_srcu; in between nothing waits
	 * but for the workers, who wait for nobody.
	 */
	raw_write_seqcount_begin(&tn->zeroing);
	if (srv) {
		tcpvs_workers_call(zero_worker, &z);
		tcpvs_latency_zero_fold(&srv->fold);
		WRITE_ONCE(srv->zeroed, c->generation);
	} else if (sc) {
		z.from = sc->svc->slot;
		z.to = z.from + 1;
		tcpvs_workers_call(zero_worker, &z);
		mark_service(sc, c->generation);
	} else {
		for (; z.from < old->nslots; z.from = z.to) {
			next_batch(&z);
			tcpvs_workers_call(zero_worker, &z);
		}
		for (slot = 0; slot < old->nslots; slot++)
			if (old->conf[slot])
				mark_service(old->conf[slot], c->generation);
	}
	tcpvs_config_publish(tn, c);
	raw_write_seqcount_end(&tn->zeroing);
	wake_up_var(&tn->zeroing);
	tcpvs_config_retire(old);
	return 0;
}
