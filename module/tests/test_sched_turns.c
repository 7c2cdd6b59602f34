// SPDX-License-Identifier: GPL-2.0
/*
 * test_sched_turns.c - rr and wrr: whose turn it is, to the request
 */
#include "sched_set.h"

/* The reference: all turns of a round, sorted by when they are due. */
struct due {
	u64 num, den;
	unsigned int idx;
};

static int compare_due(const void *a, const void *b)
{
	const struct due *x = a, *y = b;
	u64 l = x->num * y->den, r = y->num * x->den;

	if (l != r)
		return l < r ? -1 : 1;
	return x->idx < y->idx ? -1 : x->idx > y->idx;
}

static unsigned int round_of(const u32 *weight, unsigned int n,
			     struct due *round)
{
	unsigned int i, r, len = 0, div = 0;

	for (i = 0; i < n; i++)
		div = gcd(div, weight[i]);
	for (i = 0; i < n; i++)
		for (r = 0; div && r < weight[i] / div; r++)
			round[len++] = (struct due){ 2 * r + 1,
				2 * (weight[i] / div), i };
	qsort(round, len, sizeof(*round), compare_due);
	return len;
}

static void test_rr(void)
{
	struct tcpvs_set *set = set_make(&tcpvs_sched_rr, 1, 3, NULL);
	unsigned int tried[2] = { 1, 2 };

	test_what = "rr";
	CHECK(!strcmp(set_sequence(set, 7), "1231231"));
	/* It was 2's turn. */
	set = set_change(set, 1, 3, (u32[]){ 5, 0, 1 });
	CHECK(!strcmp(set_sequence(set, 5), "31313"));
	set = set_change(set, 1, 5, (u32[]){ 1, 9, 1, 1, 1 });
	CHECK(!strcmp(set_sequence(set, 6), "123451"));
	/* 1 leaves, 3 is now first: it was 2's turn. */
	set = set_change(set, 2, 4, NULL);
	CHECK(!strcmp(set_sequence(set, 5), "12341"));
	CHECK(set_pick_tried(set, 0, tried, 2) == 3);
	CHECK(set_pick_tried(set, 0, tried, 2) == 3);
	CHECK(set_pick_tried(set, 0, tried, 2) == 3);
	CHECK(set_pick_tried(set, 0, tried, 2) == 0);
	set = set_change(set, 2, 4, (u32[]){ 0, 0, 0, 0 });
	CHECK(set_pick(set) == -1);
	set = set_change(set, 2, 0, NULL);
	CHECK(set_pick(set) == -1);
	set_free(set);
}

static void test_wrr_known(void)
{
	struct tcpvs_set *set = set_make(&tcpvs_sched_wrr, 1, 3,
					 (u32[]){ 5, 1, 1 });

	test_what = "wrr";
	CHECK(!strcmp(set_sequence(set, 14), "11123111112311"));
	set = set_change(set, 1, 3, (u32[]){ 10, 6, 2 });
	CHECK(!strcmp(set_sequence(set, 9), "121123121"));
	set = set_change(set, 1, 3, (u32[]){ 0, 7, 0 });
	CHECK(!strcmp(set_sequence(set, 3), "222"));
	set = set_change(set, 1, 3, (u32[]){ 0, 0, 0 });
	CHECK(set_pick(set) == -1);
	set = set_change(set, 1, 3, (u32[]){ 65535, 32749, 3 });
	CHECK(!strcmp(set_sequence(set, 12), "121121121121"));
	set_free(set);
}

/* Two rounds of random weights; now and then the set is replaced by its like. */
static void test_wrr_random(unsigned int n, u32 max, bool replace)
{
	u32 *weight = test_alloc(n * sizeof(*weight));
	unsigned int i, len, sum = 0, two;
	struct tcpvs_set *set;
	struct due *round;
	bool same = true;

	test_what = replace ? "wrr, the set replaced" : "wrr against its reference";
	for (i = 0; i < n; i++)
		sum += weight[i] = test_rand(4) ? 1 + test_rand(max) : 0;
	round = test_alloc((sum + 1) * sizeof(*round));
	len = round_of(weight, n, round);
	set = set_make(&tcpvs_sched_wrr, 7, n, weight);
	for (i = 0, two = min(2 * len, 20000U); i < two; i++) {
		if (replace && !test_rand(50))
			set = set_change(set, 7, n, weight);
		same &= set_pick(set) == (int)round[i % len].idx;
	}
	CHECK(same);
	set_free(set);
	free(round);
	free(weight);
}

/* A retry goes to another server and takes that one's turn. */
static void test_wrr_retry(u32 scale)
{
	u32 weight[4] = { 3 * scale + 1, 2 * scale, scale, 0 };
	struct tcpvs_set *set = set_make(&tcpvs_sched_wrr, 1, 4, weight);
	unsigned int tried[3], i, k;

	test_what = "wrr, retries";
	for (i = 0; i < 1000; i++) {
		for (k = 0; k < 3; k++) {
			int r = set_pick_tried(set, 0, tried, k);

			CHECK(r >= 0);
			tried[k] = r;
		}
		CHECK(set_pick_tried(set, 0, tried, 3) == -1);
	}
	set_free(set);
}

/*
 * Weights that change with every request: nobody may get more than its share by
 * standing first in the set.
 */
static void test_restless(const struct tcpvs_sched_ops *ops, unsigned int n,
			  u32 scale)
{
	u32 *weight = test_alloc(n * sizeof(*weight));
	unsigned int *got = calloc(n, sizeof(*got));
	unsigned int i, k, most = 0, least = ~0;
	struct tcpvs_set *set;

	test_what = ops->name;
	for (i = 0; i < n; i++)
		weight[i] = scale;
	set = set_make(ops, 1, n, weight);
	for (i = 0; i < 20 * n; i++) {
		got[set_pick(set)]++;
		k = test_rand(n);
		weight[k] = scale + test_rand(2);
		set = set_change(set, 1, n, weight);
	}
	for (i = 0; i < n; i++) {
		most = max(most, got[i]);
		least = min(least, got[i]);
	}
	CHECK(most <= 30 && least >= 10);
	set_free(set);
	free(got);
	free(weight);
}

int main(void)
{
	unsigned int i;

	test_rr();
	test_wrr_known();
	for (i = 0; i < 200; i++) {
		test_wrr_random(1 + test_rand(12), 20, i & 1);
		test_wrr_random(1 + test_rand(5), 4000, i & 1);
	}
	test_wrr_random(300, 100, false);
	test_wrr_random(300, 100, true);
	test_wrr_retry(1);
	test_wrr_retry(16000);
	test_restless(&tcpvs_sched_rr, 5, 1);
	test_restless(&tcpvs_sched_wrr, 5, 1000);
	test_restless(&tcpvs_sched_wrr, 5, 60000);
	return test_summary("test_sched_turns");
}
