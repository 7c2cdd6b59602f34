// SPDX-License-Identifier: GPL-2.0
/*
 * sched.c - 4 schedule: the algorithms by name, and what several of them need
 *
 * The table is constant: an algorithm is part of the module, so looking one up
 * needs no lock and using one holds no reference.
 */
#include "sched_impl.h"

/* In the order a listing shows them; NULL at the end. */
const struct tcpvs_sched_ops *const tcpvs_schedulers[] = {
	&tcpvs_sched_rr,
	&tcpvs_sched_wrr,
	&tcpvs_sched_lc,
	&tcpvs_sched_wlc,
	&tcpvs_sched_sed,
	&tcpvs_sched_nq,
	&tcpvs_sched_p2c,
	&tcpvs_sched_lt,
	&tcpvs_sched_sh,
	&tcpvs_sched_mh,
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

/**
 * tcpvs_mix() - mix the bits of a word
 * @x: the word
 *
 * One to one, and every bit depends on all: the output function of SplitMix64
 * (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA
 * 2014). It has no secret: balancers with the same servers have to agree.
 */
u64 tcpvs_mix(u64 x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/**
 * tcpvs_hash() - hash an address
 * @bytes: it, in network order
 * @len: its length, a multiple of 4
 * @port: port in host order, or 0
 *
 * Return: the hash, the same on every machine.
 */
u64 tcpvs_hash(const void *bytes, unsigned int len, u32 port)
{
	u64 h = tcpvs_mix(0x9e3779b97f4a7c15ULL + ((u64)len << 32) + port);
	unsigned int i;

	for (i = 0; i < len; i += 4)
		h = tcpvs_mix(h + get_unaligned_be32(bytes + i));
	return h;
}
