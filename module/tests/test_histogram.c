// SPDX-License-Identifier: GPL-2.0
/*
 * test_histogram.c - buckets, their bounds, and what happens when one is full
 */
#include "../histogram.h"
#include "test.h"

/* A value, its bucket and the next one: it lies in it, and not far from its middle. */
static void test_value(u64 v)
{
	unsigned int b = tcpvs_hist_bucket(v);
	u64 low, high, middle, off;

	if (!CHECK(b < TCPVS_HIST_BUCKETS))
		return;
	low = tcpvs_hist_lower(b);
	CHECK(low <= v);
	if (b == TCPVS_HIST_BUCKETS - 1)
		return;
	high = tcpvs_hist_lower(b + 1);
	CHECK(v < high);
	middle = low + (high - low) / 2;
	off = v < middle ? middle - v : v - middle;
	CHECK(off * 16 <= v);
	/* As others are told to work it out. */
	if (v >= TCPVS_HIST_SUB) {
		unsigned int e = 0;

		while (v >> e > 1)
			e++;
		CHECK(b == 8 * (e - 3) + (v >> (e - 3)));
	}
}

static void test_values(void)
{
	unsigned int i, bit;
	u64 last = 0;

	test_what = "values";
	for (i = 0; i < 5000000; i++)
		test_value(i);
	for (bit = 0; bit < 64; bit++) {
		for (i = 0; i < 2000; i++) {
			test_value((1ULL << bit) + i);
			test_value((1ULL << bit) - i);
		}
	}
	for (i = 0; i < 1000000; i++)
		test_value(((u64)test_rand(U32_MAX) << 32 | test_rand(U32_MAX)) >>
			   test_rand(64));
	test_value(U64_MAX);
	CHECK(tcpvs_hist_bucket(U64_MAX) == TCPVS_HIST_BUCKETS - 1);

	test_what = "buckets";
	for (i = 0; i < TCPVS_HIST_BUCKETS; i++) {
		CHECK(tcpvs_hist_bucket(tcpvs_hist_lower(i)) == i);
		CHECK(!i || tcpvs_hist_lower(i) > last);
		CHECK(!i || tcpvs_hist_bucket(tcpvs_hist_lower(i) - 1) == i - 1);
		last = tcpvs_hist_lower(i);
	}
	/* Eight days and more in 1024 ns: what a connection lives is told apart. */
	CHECK(last > 8ULL * 24 * 3600 * 1000000);
}

static u64 total(const struct tcpvs_hist_sum *s)
{
	unsigned int i;
	u64 n = 0;

	for (i = 0; i < TCPVS_HIST_BUCKETS; i++)
		n += s->n[i];
	return n;
}

/* Many workers, some of them full: nothing is lost, and a reset is whole. */
static void test_sums(void)
{
	static struct tcpvs_hist h[4];
	static struct tcpvs_hist_fold fold;
	struct tcpvs_hist_sum s = {};
	unsigned int i, k, moved = 0;
	u64 n = 0, sum = 0, longest = 0;

	test_what = "sums";
	/* Near the end, or this would take a day. */
	for (i = 0; i < 4; i++)
		for (k = 0; k < 64; k++)
			h[i].n[1][k] = U32_MAX - 50;
	n = 4 * 64 * (u64)(U32_MAX - 50);
	for (i = 0; i < 100000; i++) {
		struct tcpvs_hist *at = &h[test_rand(4)];
		u64 v = test_rand(4) ? test_rand(1000) :
				       (u64)test_rand(U32_MAX) << test_rand(20);

		if (!tcpvs_hist_add(at, 1, v)) {
			tcpvs_hist_move(at, &fold);
			moved++;
			CHECK(tcpvs_hist_add(at, 1, v));
		}
		n++;
		sum += v;
		longest = max(longest, v);
	}
	CHECK(moved >= 4);
	for (i = 0; i < 4; i++)
		tcpvs_hist_sum(&s, &h[i], 1);
	tcpvs_hist_sum_fold(&s, &fold, 1);
	CHECK(total(&s) == n);
	CHECK(s.sum == sum);
	CHECK(s.longest == longest);

	test_what = "the other kinds";
	memset(&s, 0, sizeof(s));
	for (i = 0; i < 4; i++) {
		tcpvs_hist_sum(&s, &h[i], 0);
		tcpvs_hist_sum(&s, &h[i], 2);
	}
	tcpvs_hist_sum_fold(&s, &fold, 0);
	tcpvs_hist_sum_fold(&s, &fold, 2);
	CHECK(!total(&s) && !s.sum && !s.longest);

	test_what = "a reset";
	for (i = 0; i < 4; i++) {
		tcpvs_hist_zero(&h[i]);
		for (k = 0; k < TCPVS_HIST_KINDS; k++)
			tcpvs_hist_sum(&s, &h[i], k);
	}
	CHECK(!total(&s) && !s.sum && !s.longest);
}

int main(void)
{
	test_values();
	test_sums();
	return test_summary("histogram");
}
