// SPDX-License-Identifier: GPL-2.0
/*
 * sched_turn.c - whose turn it is, by weight
 *
 * Earliest deadline first (Liu and Layland, "Scheduling algorithms for
 * multiprogramming in a hard-real-time environment", JACM 20(1), 1973) on
 * virtual time: turn r of a server of weight w is due at (2r + 1) / 2w, the
 * middle of the r-th of w equal parts of a round; equal dues go in the order
 * of @idx. A round gives every server exactly w turns, evenly spread.
 *
 * A binary heap with the earliest due on top; a turn costs O(log n).
 */
#include "sched_impl.h"

/**
 * tcpvs_turn_before() - is one turn due before another?
 * @a: the one
 * @b: the other
 */
bool tcpvs_turn_before(const struct tcpvs_turn *a, const struct tcpvs_turn *b)
{
	u64 x, y;

	if (a->round != b->round)
		return (s32)(a->round - b->round) < 0;
	x = (2ULL * a->r + 1) * b->weight;
	y = (2ULL * b->r + 1) * a->weight;
	return x != y ? x < y : a->idx < b->idx;
}

static void sift_down(struct tcpvs_turn *heap, unsigned int n, unsigned int i)
{
	unsigned int c;

	for (; (c = 2 * i + 1) < n; i = c) {
		if (c + 1 < n && tcpvs_turn_before(&heap[c + 1], &heap[c]))
			c++;
		if (!tcpvs_turn_before(&heap[c], &heap[i]))
			break;
		swap(heap[c], heap[i]);
	}
}

/**
 * tcpvs_turns_heapify() - put turns in the order of a heap
 * @heap: the turns
 * @n: their number
 */
void tcpvs_turns_heapify(struct tcpvs_turn *heap, unsigned int n)
{
	unsigned int i;

	for (i = n / 2; i-- > 0; )
		sift_down(heap, n, i);
}

/**
 * tcpvs_turns_take() - a server takes its turn
 * @heap: the heap
 * @n: its length
 * @i: where in the heap; 0 is the earliest due
 *
 * Return: which server.
 */
u32 tcpvs_turns_take(struct tcpvs_turn *heap, unsigned int n, unsigned int i)
{
	struct tcpvs_turn *t = &heap[i];
	u32 idx = t->idx;

	if (++t->r == t->weight) {
		t->r = 0;
		t->round++;
	}
	sift_down(heap, n, i);
	return idx;
}
