/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sched_set.h - sets of servers for the tests of the schedulers
 */
#ifndef TCPVS_TESTS_SCHED_SET_H
#define TCPVS_TESTS_SCHED_SET_H

#include <math.h>
#include "test.h"
#include "../sched_impl.h"

/* &tcpvs_set.bound of the sets to come. */
extern u32 set_bound;

/* Server i has id first + i and the address 10.0.0.0 + first + i, port 80. */
struct tcpvs_set *set_make(const struct tcpvs_sched_ops *ops, u32 first,
			   unsigned int n, const u32 *weight);
/* The same with the loads of the servers that @old has too, and its state. */
struct tcpvs_set *set_change(struct tcpvs_set *old, u32 first, unsigned int n,
			     const u32 *weight);
void set_free(struct tcpvs_set *set);

int set_pick(struct tcpvs_set *set);
int set_pick_key(struct tcpvs_set *set, u64 key);
/* A retry: @tried are places in the set. */
int set_pick_tried(struct tcpvs_set *set, u64 key, const unsigned int *tried,
		   unsigned int n);

/* Picks as digits and letters, place 0 as '1'. */
const char *set_sequence(struct tcpvs_set *set, unsigned int picks);

#define inflight(set, i)	((set)->member[i].load->inflight.counter)

/* Pearson's statistic and whether it is that of a fair draw, to 1 in a million. */
double chi_square(const unsigned long *got, const u32 *weight, unsigned int n);
bool chi_square_ok(double x, unsigned int freedom);

#endif /* TCPVS_TESTS_SCHED_SET_H */
