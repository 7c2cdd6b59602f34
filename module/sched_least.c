// SPDX-License-Identifier: GPL-2.0
/*
 * sched_least.c - the state of the schedulers that look for the least cost
 */
#include "sched_least.h"

/**
 * tcpvs_least_init() - see &tcpvs_sched_ops.init
 * @set: the set
 *
 * Return: 0 or -ENOMEM.
 */
int tcpvs_least_init(struct tcpvs_set *set)
{
	struct tcpvs_least *p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);
	unsigned int cpu;

	if (!p)
		return -ENOMEM;
	p->turn = alloc_percpu_gfp(u32, GFP_KERNEL_ACCOUNT);
	if (!p->turn) {
		kfree(p);
		return -ENOMEM;
	}
	/* Workers that begin at once do not begin with the same server. */
	for_each_possible_cpu(cpu)
		WRITE_ONCE(*per_cpu_ptr(p->turn, cpu), cpu);
	set->priv = p;
	return 0;
}

/**
 * tcpvs_least_exit() - see &tcpvs_sched_ops.exit
 * @set: the set
 */
void tcpvs_least_exit(struct tcpvs_set *set)
{
	struct tcpvs_least *p = set->priv;

	free_percpu(p->turn);
	kfree(p);
}

/**
 * tcpvs_least_inherit() - see &tcpvs_sched_ops.inherit
 * @set: the set
 * @old: the one it replaces
 */
void tcpvs_least_inherit(struct tcpvs_set *set, const struct tcpvs_set *old)
{
	const struct tcpvs_least *from = old->priv;
	struct tcpvs_least *p = set->priv;
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		WRITE_ONCE(*per_cpu_ptr(p->turn, cpu),
			   READ_ONCE(*per_cpu_ptr(from->turn, cpu)));
}
