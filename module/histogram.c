// SPDX-License-Identifier: GPL-2.0
/*
 * histogram.c - 7 account: how long things take, in buckets
 *
 * Pure: arithmetic on what histogram.h describes. Who may write a block is said
 * there; nothing here waits or allocates.
 */
#include "histogram.h"

/**
 * tcpvs_hist_bucket() - which bucket a value falls into
 * @val: any value
 *
 * Return: its number; a larger value has no smaller one.
 */
unsigned int tcpvs_hist_bucket(u64 val)
{
	unsigned int shift;

	if (val < TCPVS_HIST_SUB)
		return val;
	shift = fls64(val) - 1 - TCPVS_HIST_SUB_BITS;
	return min_t(unsigned int, shift * TCPVS_HIST_SUB + (val >> shift),
		     TCPVS_HIST_BUCKETS - 1);
}

/**
 * tcpvs_hist_lower() - the smallest value of a bucket
 * @bucket: its number
 */
u64 tcpvs_hist_lower(unsigned int bucket)
{
	unsigned int octave = bucket >> TCPVS_HIST_SUB_BITS;

	if (!octave)
		return bucket;
	return (u64)(TCPVS_HIST_SUB + bucket % TCPVS_HIST_SUB) << (octave - 1);
}

/**
 * tcpvs_hist_add() - count a value
 * @h: block of the caller
 * @kind: which of its histograms
 * @val: the value
 *
 * Return: whether it was; if not, its bucket is full, see tcpvs_hist_move().
 */
bool tcpvs_hist_add(struct tcpvs_hist *h, unsigned int kind, u64 val)
{
	u32 *n = &h->n[kind][tcpvs_hist_bucket(val)];

	if (unlikely(*n == U32_MAX))
		return false;
	WRITE_ONCE(*n, *n + 1);
	WRITE_ONCE(h->sum[kind], h->sum[kind] + val);
	if (val > h->longest[kind])
		WRITE_ONCE(h->longest[kind], val);
	return true;
}

/**
 * tcpvs_hist_move() - empty the buckets of a block
 * @h: block of the caller
 * @to: gets what was in them; readers are to wait meanwhile
 */
void tcpvs_hist_move(struct tcpvs_hist *h, struct tcpvs_hist_fold *to)
{
	unsigned int kind, i;

	for (kind = 0; kind < TCPVS_HIST_KINDS; kind++) {
		for (i = 0; i < TCPVS_HIST_BUCKETS; i++) {
			WRITE_ONCE(to->n[kind][i],
				   to->n[kind][i] + h->n[kind][i]);
			WRITE_ONCE(h->n[kind][i], 0);
		}
	}
}

/**
 * tcpvs_hist_zero() - a block begins anew
 * @h: block of the caller
 */
void tcpvs_hist_zero(struct tcpvs_hist *h)
{
	unsigned int kind, i;

	for (kind = 0; kind < TCPVS_HIST_KINDS; kind++) {
		WRITE_ONCE(h->sum[kind], 0);
		WRITE_ONCE(h->longest[kind], 0);
		for (i = 0; i < TCPVS_HIST_BUCKETS; i++)
			WRITE_ONCE(h->n[kind][i], 0);
	}
}

/**
 * tcpvs_hist_sum() - add a block to a sum
 * @s: the sum
 * @h: block of anybody
 * @kind: which of its histograms
 */
void tcpvs_hist_sum(struct tcpvs_hist_sum *s, const struct tcpvs_hist *h,
		    unsigned int kind)
{
	unsigned int i;

	s->sum += READ_ONCE(h->sum[kind]);
	s->longest = max(s->longest, READ_ONCE(h->longest[kind]));
	for (i = 0; i < TCPVS_HIST_BUCKETS; i++)
		s->n[i] += READ_ONCE(h->n[kind][i]);
}

/**
 * tcpvs_hist_sum_fold() - add what was moved to a sum
 * @s: the sum
 * @f: where full buckets were moved to
 * @kind: which of the histograms
 */
void tcpvs_hist_sum_fold(struct tcpvs_hist_sum *s,
			 const struct tcpvs_hist_fold *f, unsigned int kind)
{
	unsigned int i;

	for (i = 0; i < TCPVS_HIST_BUCKETS; i++)
		s->n[i] += READ_ONCE(f->n[kind][i]);
}
