// SPDX-License-Identifier: GPL-2.0
/*
 * main.c - the module begins and ends, and a network namespace in it
 *
 * A namespace ends in two steps. pre_exit unlinks and resets all services: from
 * then on no listener and no connection of it is left to the workers but those
 * they are closing. exit waits until the last reference to the last service has
 * gone, which needs the workers alone: they run until the module ends, wait for
 * no peer and hold no reference to the namespace. The sockets are gone by then,
 * before the namespace's devices, since a pernet device ends before them.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>
#include <net/netns/generic.h>

#include "config.h"
#include "conn.h"
#include "log.h"
#include "netlink.h"
#include "proc.h"
#include "transaction.h"
#include "worker.h"

/* Client connections for each so much memory, by default. */
#define MEMORY_A_CONNECTION	65536
#define MAX_CONNECTIONS		16777216	/* as in the specification */

bool tcpvs_userns;
module_param_named(userns, tcpvs_userns, bool, 0644);
MODULE_PARM_DESC(userns,
		 "allow changes to the administrators of user namespaces other than the initial one (default: no)");

DEFINE_SRCU(tcpvs_srcu);
/* Frees what nobody refers to any more, and keeps the control plane's time. */
struct workqueue_struct *tcpvs_wq;

static unsigned int tcpvs_net_id __read_mostly;

/**
 * tcpvs_net() - the module's part of a network namespace
 * @net: the namespace
 *
 * Return: it.
 */
struct tcpvs_net *tcpvs_net(const struct net *net)
{
	return net_generic(net, tcpvs_net_id);
}

static int __net_init net_init(struct net *net)
{
	struct tcpvs_net *tn = tcpvs_net(net);
	struct tcpvs_config *c = tcpvs_config_alloc(0);

	tn->last = tcpvs_config_alloc(0);
	if (!c || !tn->last || tcpvs_log_net_init(tn))
		goto err;
	tn->net = net;
	mutex_init(&tn->lock);
	seqcount_init(&tn->zeroing);
	INIT_LIST_HEAD(&tn->transactions);
	INIT_DELAYED_WORK(&tn->reaper, tcpvs_transactions_reap);
	ida_init(&tn->slots);
	tn->max_connections = clamp(totalram_pages() /
				    (MEMORY_A_CONNECTION / PAGE_SIZE),
				    1UL, MAX_CONNECTIONS * 1UL);
	RCU_INIT_POINTER(tn->config, c);
	if (!tcpvs_proc_init(net))
		return 0;
	ida_destroy(&tn->slots);
	tcpvs_log_net_exit(tn);
err:
	kvfree(c);
	kvfree(tn->last);
	return -ENOMEM;
}

static void net_pre_exit(struct net *net)
{
	tcpvs_proc_exit(net);
	tcpvs_config_shutdown(tcpvs_net(net));
}

static void net_exit(struct net *net)
{
	struct tcpvs_net *tn = tcpvs_net(net);

	/* It takes the lock, so not under it; no transaction arms it again. */
	cancel_delayed_work_sync(&tn->reaper);
	wait_var_event(&tn->services, !atomic_read(&tn->services));
	/* Readers came through a service or a request, and there is neither. */
	RCU_INIT_POINTER(tn->config, NULL);
	tcpvs_log_net_exit(tn);
	tcpvs_config_free(tn->last);
	ida_destroy(&tn->slots);
	mutex_destroy(&tn->lock);
}

static struct pernet_operations net_ops = {
	.init		= net_init,
	.pre_exit	= net_pre_exit,
	.exit		= net_exit,
	.id		= &tcpvs_net_id,
	.size		= sizeof(struct tcpvs_net),
};

static int netlink_event(struct notifier_block *nb, unsigned long event,
			 void *data)
{
	const struct netlink_notify *n = data;

	if (event == NETLINK_URELEASE && n->protocol == NETLINK_GENERIC)
		tcpvs_transaction_release(tcpvs_net(n->net), n->portid);
	return NOTIFY_DONE;
}

static struct notifier_block netlink_notifier = {
	.notifier_call = netlink_event,
};

static int __init tcpvs_init(void)
{
	int err = -ENOMEM;

	tcpvs_wq = alloc_workqueue("ktcpvs", WQ_UNBOUND, 0);
	if (!tcpvs_wq)
		goto err_none;
	err = tcpvs_upstream_init();
	if (err)
		goto err_wq;
	err = tcpvs_conn_init();
	if (err)
		goto err_upstream;
	err = tcpvs_workers_init();
	if (err)
		goto err_conn;
	err = register_pernet_device(&net_ops);
	if (err)
		goto err_workers;
	err = netlink_register_notifier(&netlink_notifier);
	if (err)
		goto err_pernet;
	tcpvs_log_init();
	err = tcpvs_nl_check_init();
	if (err)
		goto err_notifier;
	err = genl_register_family(&tcpvs_nl_family);
	if (err)
		goto err_notifier;
	return 0;

err_notifier:
	netlink_unregister_notifier(&netlink_notifier);
err_pernet:
	unregister_pernet_device(&net_ops);
err_workers:
	tcpvs_workers_exit();
err_conn:
	tcpvs_conn_exit();
err_upstream:
	tcpvs_upstream_exit();
err_wq:
	srcu_barrier(&tcpvs_srcu);
	destroy_workqueue(tcpvs_wq);
err_none:
	return err;
}

/*
 * In the order of need: no more requests; no more namespaces, so all services
 * are released and the workers have nothing left to serve; then the rest of the
 * callbacks that run our text. SRCU callbacks queue work, work queues work by
 * RCU, and percpu references report from RCU: each is waited for before what it
 * feeds.
 */
static void __exit tcpvs_exit(void)
{
	tcpvs_log_close();
	genl_unregister_family(&tcpvs_nl_family);
	netlink_unregister_notifier(&netlink_notifier);
	unregister_pernet_device(&net_ops);
	tcpvs_workers_exit();
	srcu_barrier(&tcpvs_srcu);
	rcu_barrier();
	destroy_workqueue(tcpvs_wq);
	tcpvs_conn_exit();
	tcpvs_upstream_exit();
}

module_init(tcpvs_init);
module_exit(tcpvs_exit);

MODULE_DESCRIPTION("KTCPVS, the TCP virtual server: layer-7 load balancing inside the kernel");
MODULE_LICENSE("GPL");
MODULE_VERSION(TCPVS_VERSION);
