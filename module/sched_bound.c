// SPDX-License-Identifier: GPL-2.0
/*
 * sched_bound.c - the bound on a server's load in a keyed set
 *
 * Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam, SODA
 * 2018): of m requests in flight, this one counted, a server of w of W takes at
 * most c * m * w / W, rounded up. Above that a request goes where its key would
 * go if the server were not there. So a key that everybody asks for overloads
 * nobody, and some server always has room, since c is at least 1. The set says
 * what c is (&tcpvs_set.bound), or that there is no bound. By default it is 1.25,
 * what most implementations have: by the paper's analysis the keys that move when
 * a server comes or goes grow with 1/(c - 1)^2, the load of the busiest with c.
 *
 * The requests in flight of all servers are summed when the last sum is older
 * than a time that grows with the number of servers. So the sum is a few percent
 * of one CPU's time at most, whatever the rate of picks and the size of the set,
 * and between two sums nobody writes anything shared. An idle server has room in
 * any case: most picks need neither sum nor clock.
 */
#include "sched_impl.h"

#define WINDOW_MIN	16384	/* ns */
#define WINDOW_SERVER	512	/* ns a server: some ten times its share of a sum */
#define COUNT_MAX	BIT(25)	/* above what a namespace may have */
#define PERCENT		100

/* 2^25 * 100 * 2^32 and 10000 * 2^25 * 2^16 */
static_assert((u64)COUNT_MAX * PERCENT <= U64_MAX / TCPVS_SERVERS_MAX / TCPVS_WEIGHT_MAX);
static_assert((u64)COUNT_MAX * TCPVS_BOUND_MAX <= U64_MAX / TCPVS_WEIGHT_MAX);

/**
 * tcpvs_bound_init() - begin to bound
 * @b: the bound
 * @set: its set
 */
void tcpvs_bound_init(struct tcpvs_bound *b, const struct tcpvs_set *set)
{
	unsigned int i;

	memset(b, 0, sizeof(*b));
	for (i = 0; i < set->n; i++)
		b->weight += set->member[i].weight;
	b->window = WINDOW_MIN + (u64)set->n * WINDOW_SERVER;
}

static u64 total_of(struct tcpvs_bound *b, const struct tcpvs_set *set)
{
	s64 then = atomic64_read(&b->summed), now = ktime_get_ns();
	unsigned int i;
	u64 sum = 0;

	if (then && (u64)(now - then) < b->window)
		return READ_ONCE(b->total);
	/* One worker sums; the others use the last sum meanwhile. */
	if (!atomic64_try_cmpxchg(&b->summed, &then, now))
		return READ_ONCE(b->total);
	for (i = 0; i < set->n; i++)
		if (set->member[i].weight)
			sum += tcpvs_inflight(&set->member[i]);
	sum = min(sum, COUNT_MAX - 1);
	WRITE_ONCE(b->total, sum);
	return sum;
}

/**
 * tcpvs_bound_room() - may a server take one more request?
 * @b: the bound
 * @set: its set
 * @m: the server, of a weight that is not 0
 */
bool tcpvs_bound_room(struct tcpvs_bound *b, const struct tcpvs_set *set,
		      const struct tcpvs_member *m)
{
	u64 inflight = tcpvs_inflight(m);

	if (!inflight || !set->bound)
		return true;
	/* inflight + 1 <= ceil(x) is inflight < x. */
	return min(inflight, COUNT_MAX) * PERCENT * b->weight <
	       set->bound * (total_of(b, set) + 1) * m->weight;
}

/**
 * tcpvs_bound_least() - the server furthest below its bound
 * @set: the set
 * @pick: the request's search
 *
 * For a request that has tried every server that has room, or met a sum that is
 * too old to show one. O(n).
 *
 * Return: its place in the set, or -1 if none is usable.
 */
int tcpvs_bound_least(const struct tcpvs_set *set, const struct tcpvs_pick *pick)
{
	u64 inflight, best_inflight = 0;
	u32 best_weight = 0;
	unsigned int i;
	int best = -1;

	for (i = 0; i < set->n; i++) {
		const struct tcpvs_member *m = &set->member[i];

		if (!tcpvs_usable(m, pick))
			continue;
		inflight = tcpvs_inflight(m);
		if (best < 0 ||
		    inflight * best_weight < best_inflight * m->weight) {
			best = i;
			best_inflight = inflight;
			best_weight = m->weight;
		}
	}
	return best;
}
