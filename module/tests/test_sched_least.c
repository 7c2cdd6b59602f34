// SPDX-License-Identifier: GPL-2.0
/*
 * test_sched_least.c - lc, wlc, sed, nq and lt against naive references
 */
#include "sched_set.h"

#define MS	1000000ULL
#define S	(1000 * MS)
#define HALF	BIT_ULL(32)

/* What the documentation says a request costs, without any trick. */
static long double naive(const struct tcpvs_sched_ops *ops,
			 const struct tcpvs_member *m)
{
	long double k = (u32)m->load->inflight.counter, w = m->weight;

	if (ops == &tcpvs_sched_lc)
		return k;
	if (ops == &tcpvs_sched_wlc)
		return k / w;
	if (ops == &tcpvs_sched_nq && k)
		return 1e9L + (k + 1) / w;
	return (k + 1) / w;
}

static bool better(const struct tcpvs_sched_ops *ops,
		   const struct tcpvs_member *a, const struct tcpvs_member *b)
{
	long double x = naive(ops, a), y = naive(ops, b);

	return x != y ? x < y : ops != &tcpvs_sched_lc && a->weight > b->weight;
}

/* The choice is the best there is, and the equally good have their turns. */
static void test_choice(const struct tcpvs_sched_ops *ops, u32 loads, u32 weights)
{
	unsigned int n = 1 + test_rand(6), i, k, best = n, ties = 0;
	unsigned int got[6] = {};
	struct tcpvs_set *set;
	u32 weight[6];
	int r;

	test_what = ops->name;
	for (i = 0; i < n; i++)
		weight[i] = test_rand(4) ? 1 + test_rand(weights) : 0;
	set = set_make(ops, 1, n, weight);
	for (i = 0; i < n; i++)
		inflight(set, i) = loads == U32_MAX && test_rand(2) ?
			(int)(U32_MAX - test_rand(2)) : (int)test_rand(loads);
	for (i = 0; i < n; i++)
		if (weight[i] && (best == n || better(ops, &set->member[i],
						      &set->member[best])))
			best = i;
	for (i = 0; best < n && i < n; i++)
		ties += weight[i] && !better(ops, &set->member[best],
					     &set->member[i]);
	test_cpu = test_rand(TEST_CPUS);
	for (k = 0; k < 3 * ties || k < 1; k++) {
		r = set_pick(set);
		CHECK(best == n ? r == -1 : r >= 0);
		if (r >= 0)
			got[r]++;
	}
	for (i = 0; best < n && i < n; i++)
		if (weight[i] && !better(ops, &set->member[best],
					 &set->member[i]))
			CHECK(got[i] == 3);
		else
			CHECK(!got[i]);
	set_free(set);
}

/* What tells them apart. Server 2 is three times as strong. */
static void test_character(void)
{
	static const struct {
		const struct tcpvs_sched_ops *ops;
		int inflight[3];
		int want;
	} t[] = {
		{ &tcpvs_sched_lc,  { 2, 3, 1 }, 2 },
		{ &tcpvs_sched_lc,  { 2, 1, 3 }, 1 },
		{ &tcpvs_sched_wlc, { 1, 2, 1 }, 1 },
		{ &tcpvs_sched_wlc, { 1, 1, 0 }, 2 },
		{ &tcpvs_sched_sed, { 1, 1, 0 }, 1 },
		{ &tcpvs_sched_nq,  { 1, 1, 0 }, 2 },
		{ &tcpvs_sched_sed, { 0, 0, 0 }, 1 },
		{ &tcpvs_sched_nq,  { 0, 0, 0 }, 1 },
		{ &tcpvs_sched_nq,  { 1, 4, 2 }, 1 },
	};
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		struct tcpvs_set *set = set_make(t[i].ops, 1, 3,
						 (u32[]){ 1, 3, 1 });

		test_what = t[i].ops->name;
		for (k = 0; k < 3; k++)
			inflight(set, k) = t[i].inflight[k];
		CHECK(set_pick(set) == t[i].want);
		set_free(set);
	}
}

/* Turns are taken by CPU, and go on in the set that replaces this one. */
static void test_turns(void)
{
	struct tcpvs_set *set = set_make(&tcpvs_sched_wlc, 1, 3, NULL);

	test_what = "turns";
	test_cpu = 0;
	CHECK(!strcmp(set_sequence(set, 4), "1231"));
	test_cpu = 1;
	CHECK(!strcmp(set_sequence(set, 4), "2312"));
	set = set_change(set, 1, 3, NULL);
	CHECK(!strcmp(set_sequence(set, 3), "312"));
	test_cpu = 0;
	CHECK(!strcmp(set_sequence(set, 3), "231"));
	set_free(set);
}

/* --- lt */

static void test_decay(void)
{
	u64 e = (1ULL << 36) - 1, dt;
	double want, worst = 0;
	unsigned int i;

	test_what = "lt: what is left of a latency";
	CHECK(tcpvs_lt_decayed(e, 0) == e);
	CHECK(tcpvs_lt_decayed(1, U64_MAX) == 1);
	CHECK(tcpvs_lt_decayed(e, 100 * HALF) <= 16);
	for (i = 0; i < 10; i++)
		CHECK(llabs((s64)tcpvs_lt_decayed(e, i * HALF) -
			    (s64)(e >> i)) <= 17);
	for (i = 0; i < 100000; i++) {
		dt = test_random() % (8 * HALF);
		want = e * exp2(-(double)dt / HALF);
		worst = fmax(worst, fabs(tcpvs_lt_decayed(e, dt) / want - 1));
	}
	CHECK(worst < 0.0003);
	/* Short times count as what they are, not as nothing. */
	for (dt = MS; dt < 100 * MS; dt += MS) {
		want = e * -expm1(-(double)dt / HALF * M_LN2);
		CHECK(fabs((e - tcpvs_lt_decayed(e, dt)) / want - 1) < 0.01);
	}
}

/* A server's latency, sampled at random times, against the formula. */
static void test_average(u64 mean_gap)
{
	struct tcpvs_load load = {};
	double e = 0, k, s;
	unsigned int i;
	u64 gap;

	test_what = "lt: the average";
	for (i = 0; i < 20000; i++) {
		gap = (1ULL << 20) + test_random() % mean_gap;
		s = 1 + test_random() % (2 * S);
		test_now += gap;
		tcpvs_load_sample(&load, s, test_now);
		k = i ? exp2(-(double)gap / HALF) : 0;
		e = e * k + s * (1 - k);
		/* Within the quantum: no news. */
		tcpvs_load_sample(&load, 60 * S, test_now + MS);
	}
	CHECK(fabs(load.latency.counter / e - 1) < 0.002);
	/* An average that has to move by less than 1 moves. */
	e = load.latency.counter;
	for (i = 0; i < 300000; i++)
		tcpvs_load_sample(&load, 5000, test_now += 2 * MS);
	CHECK(load.latency.counter < 5100 && load.latency.counter >= 5000);
}

static void test_lt_failures(void)
{
	struct tcpvs_load load = {};
	unsigned int i;

	test_what = "lt: failures";
	tcpvs_load_failed(&load, 100, test_now);
	CHECK(load.latency.counter == S);
	/* Those that fail together are one. */
	for (i = 0; i < 100; i++)
		tcpvs_load_failed(&load, 100, test_now + i);
	CHECK(load.latency.counter == S);
	test_now += 2 * S;
	tcpvs_load_failed(&load, 100, test_now);
	CHECK(load.latency.counter == 2 * (s64)S);
	tcpvs_load_failed(&load, 30 * S, test_now);
	CHECK(load.latency.counter == 30 * (s64)S);
	for (i = 0; i < 9; i++)
		tcpvs_load_failed(&load, U64_MAX, test_now += 2 * S);
	CHECK(load.latency.counter == (1LL << 36) - 1);
	/* It is as well with what is known already. */
	load = (struct tcpvs_load){};
	tcpvs_load_sample(&load, 5 * S, test_now);
	tcpvs_load_failed(&load, 100, test_now + 2 * S);
	CHECK(load.latency.counter == 10 * (s64)S);
	load = (struct tcpvs_load){};
	tcpvs_load_sample(&load, MS, test_now);
	tcpvs_load_failed(&load, 0, test_now);
	CHECK(load.latency.counter == S);
}

static void know(struct tcpvs_set *set, unsigned int i, u64 latency)
{
	set->member[i].load->latency.counter = latency;
	set->member[i].load->sampled.counter = test_now;
}

static void test_lt_choice(void)
{
	struct tcpvs_set *set = set_make(&tcpvs_sched_lt, 1, 3, (u32[]){ 1, 2, 1 });
	unsigned int i, seen = 0;

	test_what = "lt: who is chosen";
	/* Of nobody anything is known: everybody gets one, then by sed. */
	for (i = 0; i < 3; i++) {
		int r = set_pick(set);

		seen |= 1 << r;
		inflight(set, r)++;
	}
	CHECK(seen == 7);
	CHECK(set_pick(set) == 1);
	/* The first that answers gets the rest, and the others no second one. */
	know(set, 2, 10 * MS);
	for (i = 0; i < 1000; i++) {
		CHECK(set_pick(set) == 2);
		inflight(set, 2)++;
	}
	for (i = 0; i < 3; i++)
		inflight(set, i) = 0;
	/* latency * (inflight + 1) / weight: 10, 10 and 10; 10, 10 and 20 */
	know(set, 0, 10 * MS);
	know(set, 1, 20 * MS);
	CHECK(set_pick(set) == 1);	/* of equals the stronger */
	inflight(set, 1) = 1;		/* 10, 20, 10 */
	CHECK(set_pick(set) != 1);
	know(set, 1, 4 * MS);		/* 10, 4, 10 */
	CHECK(set_pick(set) == 1);
	inflight(set, 1) = 4;		/* 10, 10, 10 */
	know(set, 0, 9 * MS);
	CHECK(set_pick(set) == 0);

	/* Slow and idle is forgiven with time; slow and busy is not. */
	inflight(set, 1) = 0;
	know(set, 0, 900 * MS);
	know(set, 1, 10 * MS);
	know(set, 2, 20 * MS);
	test_now += 8 * HALF;
	inflight(set, 1) = 2;		/* 900 / 256, 15, 20 / 256 */
	CHECK(set_pick(set) == 2);
	inflight(set, 2) = 1;		/* 3.5, 15, 40 */
	CHECK(set_pick(set) == 0);
	inflight(set, 0) = 1;		/* 1800, 15, 40 */
	CHECK(set_pick(set) == 1);
	/* Nothing overflows: all at their most. */
	for (i = 0; i < 3; i++) {
		know(set, i, (1ULL << 36) - 1);
		inflight(set, i) = -1;
	}
	CHECK(set_pick(set) == 1);
	set_free(set);
}

/*
 * Forty clients, each with one request at a time, and four servers that take
 * 1, 2, 4 and 8 ms. Returns requests done, by server.
 */
struct client {
	u64 until, since;
	int server;
};

static struct client clients[40];

static void simulate(struct tcpvs_set *set, const u64 *takes, unsigned int requests,
		     unsigned long *done)
{
	unsigned int i, k;

	for (i = 0; i < requests; i++) {
		struct client *c = clients;

		for (k = 1; k < ARRAY_SIZE(clients); k++)
			if (clients[k].until < c->until)
				c = &clients[k];
		if (c->until) {
			test_now = max(test_now, c->until);
			inflight(set, c->server)--;
			tcpvs_load_sample(set->member[c->server].load,
					  test_now - c->since, test_now);
			done[c->server]++;
		}
		c->server = set_pick(set);
		inflight(set, c->server)++;
		c->since = test_now;
		/* Give or take a third. */
		c->until = test_now + takes[c->server] * 2 / 3 +
			   test_rand(takes[c->server] * 2 / 3);
	}
}

static void test_lt_world(void)
{
	static const u64 takes[] = { MS, 2 * MS, 4 * MS, 8 * MS };
	static const u64 slow[] = { 1000 * MS, 2 * MS, 4 * MS, 8 * MS };
	struct tcpvs_set *set = set_make(&tcpvs_sched_lt, 1, 4, NULL);
	unsigned long a[4] = {}, b[4] = {}, c[4] = {};
	unsigned int i;

	test_what = "lt: servers of different speed";
	simulate(set, takes, 200000, a);
	/* In flight as 1/time, so done as 1/time^2: 64 : 16 : 4 : 1. */
	for (i = 0; i < 3; i++)
		CHECK(a[i] > 3 * a[i + 1] && a[i] < 6 * a[i + 1]);
	/* The fastest becomes the slowest: within seconds it is left alone. */
	simulate(set, slow, 200000, b);
	simulate(set, slow, 200000, c);
	CHECK(c[0] < 200 && c[1] > 3 * c[2]);
	/* And comes back: it was tried every now and then. */
	simulate(set, takes, 2000000, b);
	memset(a, 0, sizeof(a));
	simulate(set, takes, 200000, a);
	CHECK(a[0] > 3 * a[1]);
	set_free(set);
}

int main(void)
{
	static const struct tcpvs_sched_ops *const ops[] = {
		&tcpvs_sched_lc, &tcpvs_sched_wlc, &tcpvs_sched_sed,
		&tcpvs_sched_nq,
	};
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		for (k = 0; k < 5000; k++) {
			test_choice(ops[i], 4, 3);
			test_choice(ops[i], 3, 65535);
			test_choice(ops[i], 2000, 65535);
			test_choice(ops[i], U32_MAX, 65535);
		}
	test_character();
	test_turns();
	test_decay();
	test_average(20 * MS);
	test_average(20 * S);
	test_lt_failures();
	test_lt_choice();
	test_lt_world();
	return test_summary("test_sched_least");
}
