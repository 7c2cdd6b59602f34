// SPDX-License-Identifier: GPL-2.0
/*
 * sched_mh.c - mh: Maglev hash, the same key to the same server at once
 *
 * The lookup table of Eisenbud et al., "Maglev: A Fast and Reliable Software
 * Network Load Balancer", NSDI 2016. Every server goes through all places of the
 * table in an order of its own, and the servers take turns, by weight
 * (sched_turn.c), to occupy the next free one of theirs. So shares differ from
 * the weights by less than one place, and when a server leaves, few keys move
 * but its own. The servers take their turns in the order of their hashes, so that
 * the table depends on addresses and weights alone: every balancer with the same
 * servers has the same.
 *
 * A pick is O(1): one place, and while the server there is not to be used (tried,
 * or at the bound of sched_bound.c) another that follows from the key. So the
 * keys of a server that is skipped spread over all, each to always the same. (Not
 * so if it were the next place: with few servers the table has patterns, and most
 * neighbours of a server's places may be one other's.)
 */
#include "sched_impl.h"

/*
 * At a bound of 1.25 a place in five at least has room: that so many in a row
 * have not, is an accident of 1 in a million, and costs a search of O(n). At
 * lower bounds it is seen more often.
 */
#define PROBES		64
#define GOLDEN		0x9e3779b97f4a7c15ULL	/* or mix() would keep 0 */

/* 100 places a server as in the paper; but at most 2 MB, 16 places a server. */
#define PLACES		100
static const u32 sizes[] = { 65537, 131101, 262147, 524309, 1048583 };

/* A place has 16 bits. */
static_assert(U16_MAX + 1 >= TCPVS_SERVERS_MAX);

/**
 * struct mh - state of a set
 * @bound: on the load of a server
 * @size: length of @place, a prime; 0 if no server has a weight
 * @place: the table, as places in the set
 */
struct mh {
	struct tcpvs_bound bound;
	u32 size;
	u16 place[] __counted_by(size);
};

/**
 * struct walk - a server's way through the table
 * @hash: of the server
 * @idx: its place in the set
 * @pos: where it is
 * @skip: how far its next place is
 */
struct walk {
	u64 hash;
	u32 idx;
	u32 pos;
	u32 skip;
};

static int compare_walks(const void *a, const void *b)
{
	const struct walk *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->idx < y->idx ? -1 : 1;
}

static void fill(struct mh *p, struct walk *walk, struct tcpvs_turn *heap,
		 unsigned int n, unsigned long *taken)
{
	unsigned int i;
	struct walk *s;

	for (i = 0; i < p->size; i++) {
		s = &walk[tcpvs_turns_take(heap, n, 0)];
		while (test_bit(s->pos, taken)) {
			s->pos += s->skip;
			if (s->pos >= p->size)
				s->pos -= p->size;
		}
		__set_bit(s->pos, taken);
		p->place[s->pos] = s->idx;
		if (!(i & 1023))
			cond_resched();
	}
}

static u32 size_for(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes) - 1; i++)
		if (sizes[i] >= n * PLACES)
			break;
	return n ? sizes[i] : 0;
}

static int mh_init(struct tcpvs_set *set)
{
	unsigned long *taken, div = 0;
	struct tcpvs_turn *heap;
	unsigned int i, n = 0;
	struct walk *walk;
	struct mh *p;
	u32 size;

	for (i = 0; i < set->n; i++) {
		n += !!set->member[i].weight;
		div = gcd(div, set->member[i].weight);
	}
	size = size_for(n);
	p = kvzalloc(struct_size(p, place, size), GFP_KERNEL_ACCOUNT);
	heap = kvcalloc(n + 1, sizeof(*heap), GFP_KERNEL_ACCOUNT);
	walk = kvcalloc(n + 1, sizeof(*walk), GFP_KERNEL_ACCOUNT);
	taken = kvcalloc(BITS_TO_LONGS(size + 1), sizeof(long), GFP_KERNEL_ACCOUNT);
	if (!p || !heap || !walk || !taken) {
		kvfree(p);
		p = NULL;
		goto out;
	}
	p->size = size;
	tcpvs_bound_init(&p->bound, set);
	for (i = 0, n = 0; i < set->n; i++) {
		u64 hash = set->member[i].hash;

		if (!set->member[i].weight)
			continue;
		walk[n++] = (struct walk) {
			.hash = hash,
			.idx = i,
			.pos = mul_u64_u64_shr(hash, size, 64),
			.skip = 1 + mul_u64_u64_shr(tcpvs_mix(hash), size - 1, 64),
		};
	}
	sort(walk, n, sizeof(*walk), compare_walks, NULL);
	for (i = 0; i < n; i++)
		heap[i] = (struct tcpvs_turn) {
			.idx = i,
			.weight = set->member[walk[i].idx].weight / div,
		};
	tcpvs_turns_heapify(heap, n);
	fill(p, walk, heap, n, taken);
	set->priv = p;
out:
	kvfree(taken);
	kvfree(walk);
	kvfree(heap);
	return p ? 0 : -ENOMEM;
}

static void mh_exit(struct tcpvs_set *set)
{
	kvfree(set->priv);
}

static int mh_pick(struct tcpvs_set *set, const struct tcpvs_pick *pick)
{
	u64 key = tcpvs_mix(pick->key);
	struct mh *p = set->priv;
	unsigned int i, idx;

	if (!p->size)
		return -1;
	for (i = 0; i < PROBES; i++) {
		idx = p->place[mul_u64_u64_shr(key, p->size, 64)];
		if (tcpvs_usable(&set->member[idx], pick) &&
		    tcpvs_bound_room(&p->bound, set, &set->member[idx]))
			return idx;
		key = tcpvs_mix(key + GOLDEN);
	}
	return tcpvs_bound_least(set, pick);
}

const struct tcpvs_sched_ops tcpvs_sched_mh = {
	.name	= "mh",
	.doc	= "Maglev hash: the same client to the same server, few move when servers change",
	.keyed	= true,
	.init	= mh_init,
	.exit	= mh_exit,
	.pick	= mh_pick,
};
