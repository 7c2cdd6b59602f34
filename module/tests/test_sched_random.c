// SPDX-License-Identifier: GPL-2.0
/*
 * test_sched_random.c - p2c: whom chance chooses, by Pearson's test
 */
#include "sched_set.h"

#define MOST	128

/* At rest the first draw is taken: shares are those of the weights. */
static void test_shares(const u32 *weight, unsigned int n, unsigned int picks)
{
	struct tcpvs_set *set = set_make(&tcpvs_sched_p2c, 1, n, weight);
	unsigned long got[MOST] = {};
	unsigned int i, freedom = 0;

	test_what = "p2c: shares at rest";
	for (i = 0; i < picks; i++)
		got[set_pick(set)]++;
	for (i = 0; i < n; i++)
		freedom += !!weight[i];
	if (freedom > 1)
		CHECK(chi_square_ok(chi_square(got, weight, n), freedom - 1));
	else
		CHECK(chi_square(got, weight, n) == 0);
	set_free(set);
}

/*
 * The chance of each of @n busy servers, from the rule as it is documented: one
 * drawn by weight; another, drawn by weight three times if need be, and then the
 * first other from a random place on; the less busy for its weight of the two.
 */
static void chances(const struct tcpvs_set *set, double *p)
{
	unsigned int n = set->n, a, b, from;
	double sum = 0, pa, pb, wa, again;

	for (a = 0; a < n; a++) {
		sum += set->member[a].weight;
		p[a] = 0;
	}
	for (a = 0; a < n; a++) {
		wa = set->member[a].weight;
		pa = wa / sum;
		again = pa * pa * pa;
		for (b = 0; b < n; b++) {
			double wb = set->member[b].weight;

			if (a == b || !wa || !wb)
				continue;
			pb = wb / sum * (1 + pa + pa * pa);
			/* The places from which the search finds b first. */
			for (from = b; ; from = (from + n - 1) % n) {
				pb += again / n;
				if ((from + n - 1) % n == b ||
				    ((from + n - 1) % n != a &&
				     set->member[(from + n - 1) % n].weight))
					break;
			}
			if (inflight(set, b) / wb < inflight(set, a) / wa)
				p[b] += pa * pb;
			else
				p[a] += pa * pb;
		}
	}
}

static void test_choice(unsigned int n)
{
	unsigned long got[8] = {};
	u32 weight[8], want[8];
	unsigned int i, freedom = 0;
	struct tcpvs_set *set;
	double p[8], sum = 0;

	test_what = "p2c against its chances";
	weight[0] = 1 + test_rand(20);
	weight[1] = 1 + test_rand(20);
	for (i = 2; i < n; i++)
		weight[i] = test_rand(20);
	set = set_make(&tcpvs_sched_p2c, 1, n, weight);
	for (i = 0; i < n; i++)
		inflight(set, i) = test_rand(20);
	chances(set, p);
	for (i = 0; i < n; i++) {
		sum += p[i];
		want[i] = p[i] * 1e9;
		/* Fewer than one in a thousand: too few to be counted. */
		if (p[i] < 0.001)
			want[i] = 0;
		freedom += !!want[i];
	}
	CHECK(fabs(sum - 1) < 0.000000001);
	for (i = 0; i < 20000; i++) {
		int r = set_pick(set);

		CHECK(p[r] > 0);
		got[r] += !!want[r];
	}
	if (freedom > 1)
		CHECK(chi_square_ok(chi_square(got, want, n), freedom - 1) ||
		      chi_square(got, want, n) < freedom);
	set_free(set);
}

/* Ten balls a bin: chance alone makes a bin of 20 and more, two choices do not. */
static void test_power(void)
{
	struct tcpvs_set *set = set_make(&tcpvs_sched_p2c, 1, 1000, NULL);
	unsigned int i, most = 0, alone[1000] = {}, most_alone = 0;

	test_what = "p2c: the power of two choices";
	for (i = 0; i < 10000; i++) {
		int r = set_pick(set);

		inflight(set, r)++;
		most = max_t(unsigned int, most, inflight(set, r));
		r = test_rand(1000);
		alone[r]++;
		most_alone = max(most_alone, alone[r]);
	}
	CHECK(most <= 13);
	CHECK(most_alone >= 18);
	set_free(set);
}

static void test_retry(void)
{
	static const u32 weight[] = { 65535, 1, 0, 1, 1 };
	struct tcpvs_set *set = set_make(&tcpvs_sched_p2c, 1, 5, weight);
	unsigned int tried[4], i, k;

	test_what = "p2c: retries";
	for (i = 0; i < 1000; i++) {
		for (k = 0; k < 4; k++) {
			int r = set_pick_tried(set, 0, tried, k);

			CHECK(r >= 0);
			tried[k] = r;
		}
		CHECK(set_pick_tried(set, 0, tried, 4) == -1);
	}
	/* The one that nearly always is drawn first is compared all the same. */
	inflight(set, 0) = 1 << 20;
	for (i = 0; i < 1000; i++)
		CHECK(set_pick(set) > 0);
	set_free(set);
}

int main(void)
{
	static const u32 zero[] = { 0, 0 }, heavy[] = { 1, 65535, 0, 30000 };
	u32 weight[MOST];
	struct tcpvs_set *set;
	unsigned int i, k;

	for (k = 0; k < 20; k++) {
		unsigned int n = 1 + test_rand(MOST);

		for (i = 0; i < n; i++)
			weight[i] = 1 + test_rand(k & 1 ? 10 : 65535);
		for (i = 1; i < n; i += 3)
			weight[i] = 0;
		test_shares(weight, n, 200000);
	}
	test_shares(heavy, 4, 1000000);
	for (k = 0; k < 100; k++)
		test_choice(2 + test_rand(7));
	test_power();
	test_retry();
	set = set_make(&tcpvs_sched_p2c, 1, 2, zero);
	CHECK(set_pick(set) == -1);
	set_free(set);
	set = set_make(&tcpvs_sched_p2c, 1, 0, NULL);
	CHECK(set_pick(set) == -1);
	set_free(set);
	return test_summary("test_sched_random");
}
