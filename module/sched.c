// SPDX-License-Identifier: GPL-2.0
/*
 * sched.c - 4 schedule: the algorithms by name
 *
 * The table is constant: an algorithm is part of the module, so looking one up
 * needs no lock and using one holds no reference.
 */
#include <linux/kernel.h>
#include <linux/string.h>

#include "config.h"
#include "sched.h"

/* In the order a listing shows them; NULL at the end. */
const struct tcpvs_sched_ops *const tcpvs_schedulers[] = {
	&tcpvs_sched_rr,
	&tcpvs_sched_wrr,
	&tcpvs_sched_wlc,
	NULL,
};

/**
 * tcpvs_sched_find() - an algorithm by its name
 * @name: the name
 *
 * Return: its operations, or NULL if there is none of that name.
 */
const struct tcpvs_sched_ops *tcpvs_sched_find(const char *name)
{
	const struct tcpvs_sched_ops *const *ops;

	for (ops = tcpvs_schedulers; *ops; ops++)
		if (!strcmp((*ops)->name, name))
			return *ops;
	return NULL;
}

/**
 * tcpvs_pick_tried() - whether a server has failed this request already
 * @pick: the request's search
 * @id: id of the server
 *
 * Return: true if it has; then it is not to be chosen again.
 */
bool tcpvs_pick_tried(const struct tcpvs_pick *pick, u32 id)
{
	unsigned int i;

	for (i = 0; i < pick->ntried; i++)
		if (pick->tried[i] == id)
			return true;
	return false;
}
