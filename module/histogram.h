/* SPDX-License-Identifier: GPL-2.0 */
/*
 * histogram.h - 7 account: how long things take, in buckets
 *
 * Log-linear: times below 8 units have a bucket each, and from there on there are 8
 * buckets of equal width to each doubling. So the middle of a bucket is off by at
 * most 1/16 of what fell into it. The last bucket takes all that is longer.
 *
 * A block is written by one worker and read by anybody, with READ_ONCE(). Its
 * buckets have 32 bits, and it fits into a page of 4 KiB; what is full is moved to
 * sums of 64 bits. Pure: see pure.h.
 */
#ifndef _TCPVS_HISTOGRAM_H
#define _TCPVS_HISTOGRAM_H

#include "pure.h"

#define TCPVS_HIST_SUB_BITS	3
#define TCPVS_HIST_SUB		BIT(TCPVS_HIST_SUB_BITS)
#define TCPVS_HIST_BUCKETS	336
#define TCPVS_HIST_KINDS	3

/**
 * struct tcpvs_hist - what one worker has timed
 * @sum: of the times
 * @longest: of the times
 * @n: how many fell into each bucket
 */
struct tcpvs_hist {
	u64 sum[TCPVS_HIST_KINDS];
	u64 longest[TCPVS_HIST_KINDS];
	u32 n[TCPVS_HIST_KINDS][TCPVS_HIST_BUCKETS];
};

static_assert(sizeof(struct tcpvs_hist) <= 4096);

/**
 * struct tcpvs_hist_fold - where full buckets are moved to
 * @n: what was moved from each bucket
 */
struct tcpvs_hist_fold {
	u64 n[TCPVS_HIST_KINDS][TCPVS_HIST_BUCKETS];
};

/**
 * struct tcpvs_hist_sum - a histogram over all workers
 * @sum: of the times
 * @longest: of the times
 * @n: how many fell into each bucket
 */
struct tcpvs_hist_sum {
	u64 sum;
	u64 longest;
	u64 n[TCPVS_HIST_BUCKETS];
};

unsigned int tcpvs_hist_bucket(u64 val);
u64 tcpvs_hist_lower(unsigned int bucket);
bool tcpvs_hist_add(struct tcpvs_hist *h, unsigned int kind, u64 val);
void tcpvs_hist_move(struct tcpvs_hist *h, struct tcpvs_hist_fold *to);
void tcpvs_hist_zero(struct tcpvs_hist *h);
void tcpvs_hist_sum(struct tcpvs_hist_sum *s, const struct tcpvs_hist *h,
		    unsigned int kind);
void tcpvs_hist_sum_fold(struct tcpvs_hist_sum *s,
			 const struct tcpvs_hist_fold *f, unsigned int kind);

#endif /* _TCPVS_HISTOGRAM_H */
