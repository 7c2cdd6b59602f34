// SPDX-License-Identifier: GPL-2.0
/*
 * service.c - a service begins to listen, drains, stops and goes
 *
 * All under tcpvs_net.lock but the drain work, which asks nothing but a reset of
 * the workers. The workers take no mutex, so waiting for them under the lock
 * cannot deadlock, and they wait for no peer, so it is short.
 *
 *	STOPPED --start--> RUNNING --stop--> DRAINING --start--> RUNNING
 *	   ^---------stop now--'
 *
 * A service that drains reads as STOPPED as soon as its last connection has
 * gone (tcpvs_service_state()): nobody has to be told, and nobody waits.
 */
#include <linux/netlink.h>
#include <linux/slab.h>

#include "config.h"
#include "listen.h"
#include "worker.h"

/**
 * tcpvs_service_state() - what a service does
 * @svc: the service
 *
 * Context: any; under tcpvs_net.lock the result STOPPED stays true.
 * Return: TCPVS_SERVICE_STATE_*.
 */
u8 tcpvs_service_state(const struct tcpvs_service *svc)
{
	u8 state = READ_ONCE(svc->state);

	if (state == TCPVS_SERVICE_STATE_DRAINING && !atomic_read(&svc->nconn))
		return TCPVS_SERVICE_STATE_STOPPED;
	return state;
}

/**
 * tcpvs_service_drain_work() - draining has taken its time: reset what is left
 * @work: the service's
 *
 * The service cannot vanish: whoever removes or starts it cancels this first.
 */
void tcpvs_service_drain_work(struct work_struct *work)
{
	struct tcpvs_service *svc = container_of(to_delayed_work(work),
						 struct tcpvs_service, drain);

	tcpvs_workers_reset(svc);
}

/**
 * tcpvs_service_start() - listen and serve
 * @tn: the namespace, locked
 * @sc: the service in the newest snapshot
 * @extack: says why not
 *
 * The state is set before a listener can accept, since workers refuse what
 * arrives for a service that does not run.
 *
 * Return: 0, -EALREADY if it runs, or an error that changed nothing.
 */
int tcpvs_service_start(struct tcpvs_net *tn, struct tcpvs_service_conf *sc,
			struct netlink_ext_ack *extack)
{
	struct tcpvs_config *old = tcpvs_config_locked(tn);
	struct tcpvs_service *svc = sc->svc;
	struct tcpvs_config *c;
	u8 before = svc->state;
	bool draining;
	int err;

	lockdep_assert_held(&tn->lock);
	if (before == TCPVS_SERVICE_STATE_RUNNING) {
		NL_SET_ERR_MSG_FMT(extack, "service \"%.24s\" runs already",
				   sc->name);
		return -EALREADY;
	}
	/* A change as any other: readers see by the generation that it was. */
	c = tcpvs_config_next(old);
	if (!c)
		return -ENOMEM;

	draining = cancel_delayed_work_sync(&svc->drain);
	WRITE_ONCE(svc->state, TCPVS_SERVICE_STATE_RUNNING);
	err = tcpvs_listen_start(svc, sc, extack);
	if (err) {
		WRITE_ONCE(svc->state, before);
		if (draining)
			queue_delayed_work(tcpvs_wq, &svc->drain,
					   sc->timeout[TCPVS_A_TIMEOUTS_DRAIN]);
		tcpvs_config_free(c);
		return err;
	}
	tcpvs_config_retire(tcpvs_config_publish(tn, c));
	return 0;
}

/**
 * tcpvs_service_stop() - listen no more, then drain or reset
 * @tn: the namespace, locked
 * @sc: the service in the newest snapshot
 * @now: do not drain
 * @extack: says why not
 *
 * Return: 0, -EALREADY if there is nothing to do, or -ENOMEM.
 */
int tcpvs_service_stop(struct tcpvs_net *tn, struct tcpvs_service_conf *sc,
		       bool now, struct netlink_ext_ack *extack)
{
	struct tcpvs_config *old = tcpvs_config_locked(tn);
	struct tcpvs_service *svc = sc->svc;
	struct tcpvs_config *c;

	lockdep_assert_held(&tn->lock);
	switch (tcpvs_service_state(svc)) {
	case TCPVS_SERVICE_STATE_STOPPED:
		NL_SET_ERR_MSG_FMT(extack, "service \"%.24s\" is stopped already",
				   sc->name);
		return -EALREADY;
	case TCPVS_SERVICE_STATE_DRAINING:
		if (now)
			break;
		NL_SET_ERR_MSG_FMT(extack,
				   "service \"%.24s\" drains already; see the flag now",
				   sc->name);
		return -EALREADY;
	}
	c = tcpvs_config_next(old);
	if (!c)
		return -ENOMEM;
	WRITE_ONCE(svc->state, TCPVS_SERVICE_STATE_DRAINING);
	tcpvs_listen_stop(svc);
	if (now) {
		cancel_delayed_work_sync(&svc->drain);
		/* Before the reset: what is being handed over then ends itself. */
		WRITE_ONCE(svc->state, TCPVS_SERVICE_STATE_STOPPED);
		tcpvs_workers_reset(svc);
	} else {
		tcpvs_workers_drain(svc);
		queue_delayed_work(tcpvs_wq, &svc->drain,
				   sc->timeout[TCPVS_A_TIMEOUTS_DRAIN]);
	}
	tcpvs_config_retire(tcpvs_config_publish(tn, c));
	return 0;
}

/**
 * tcpvs_service_remove() - the end of a service that no snapshot names any more
 * @svc: the service; its namespace is locked
 *
 * Drops the configuration's reference. Those of connections, which are reset
 * here, and of retired snapshots go in their own time.
 */
void tcpvs_service_remove(struct tcpvs_service *svc)
{
	lockdep_assert_held(&svc->tn->lock);
	/* What never ran has neither listeners nor connections. */
	if (svc->state != TCPVS_SERVICE_STATE_STOPPED) {
		WRITE_ONCE(svc->state, TCPVS_SERVICE_STATE_DRAINING);
		tcpvs_listen_stop(svc);
		cancel_delayed_work_sync(&svc->drain);
		/* Before the reset: what is being handed over then ends itself. */
		WRITE_ONCE(svc->state, TCPVS_SERVICE_STATE_STOPPED);
		tcpvs_workers_reset(svc);
	}
	percpu_ref_kill(&svc->ref);
}

static bool server_pooled(const struct tcpvs_server *srv)
{
	int cpu;

	for_each_possible_cpu(cpu)
		if (READ_ONCE(per_cpu_ptr(srv->cpu, cpu)->nidle))
			return true;
	return false;
}

/**
 * tcpvs_servers_remove() - the end of servers that no snapshot names any more
 * @servers: list of them by &tcpvs_server.link; empty afterwards; their
 *	namespace is locked
 *
 * Exchanges in flight go on with their references. A worker pools a connection
 * only if it sees @dead unset inside tcpvs_srcu; after the grace period no pool
 * grows any more, and only those with something in it need a visit of every
 * worker. A service that is STOPPED has no exchange whose end could fill a pool:
 * it was reset before, so its servers need not wait.
 */
void tcpvs_servers_remove(struct list_head *servers)
{
	struct tcpvs_server *srv, *next;
	bool ran = false;

	list_for_each_entry(srv, servers, link) {
		lockdep_assert_held(&srv->svc->tn->lock);
		WRITE_ONCE(srv->dead, true);
		ran |= srv->svc->state != TCPVS_SERVICE_STATE_STOPPED;
	}
	if (ran)
		synchronize_srcu_expedited(&tcpvs_srcu);
	list_for_each_entry_safe(srv, next, servers, link) {
		list_del_init(&srv->link);
		if (server_pooled(srv))
			tcpvs_workers_purge(srv);
		percpu_ref_kill(&srv->ref);
	}
}
