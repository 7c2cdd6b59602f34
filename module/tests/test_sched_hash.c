// SPDX-License-Identifier: GPL-2.0
/*
 * test_sched_hash.c - sh and mh: which keys a server has, and how much of them
 */
#include "sched_set.h"

#define KEYS	100000

static u64 key_of(unsigned int i)
{
	u32 addr = __builtin_bswap32(0xc0a80000 + i);

	return tcpvs_hash(&addr, sizeof(addr), 0);
}

/* The server of each key, by its id. */
static void owners(struct tcpvs_set *set, u32 *id)
{
	unsigned int i;

	for (i = 0; i < KEYS; i++)
		id[i] = set->member[set_pick_key(set, key_of(i))].id;
}

static u32 before[KEYS], after[KEYS];

static void test_exponential(void)
{
	double want, worst = 0;
	unsigned int i;
	u64 u;

	test_what = "sh: the logarithm";
	for (i = 0; i < 300000; i++) {
		u = test_random() >> test_rand(64);
		/* Near 1 as well, where it is nearly 0. */
		if (i & 1)
			u = ~u;
		if (!u || u >= ~0ULL << 11)
			continue;
		want = u < 1ULL << 63 ? 64 - log2(u) :
		       -log1p(-((double)-u) / 18446744073709551616.0) / M_LN2;
		worst = fmax(worst, fabs((tcpvs_sh_exponential(u) + 0.5) / want /
					 4398046511104.0 - 1) -
			     1 / (want * 4398046511104.0));
	}
	CHECK(worst < 0.0003);
	CHECK(tcpvs_sh_exponential(1) == 64ULL << 42);
	for (u = 1ULL << 40, i = 0; i < 100000; i++, u += 1ULL << 40)
		CHECK(tcpvs_sh_exponential(u) >= tcpvs_sh_exponential(u + (1ULL << 40)));
}

static void test_shares(const struct tcpvs_sched_ops *ops, const u32 *weight,
			unsigned int n)
{
	struct tcpvs_set *set = set_make(ops, 1, n, weight);
	unsigned long got[64] = {};
	unsigned int i, freedom = 0;

	test_what = ops->name;
	for (i = 0; i < KEYS; i++)
		got[set_pick_key(set, key_of(i))]++;
	for (i = 0; i < n; i++)
		freedom += !!weight[i];
	CHECK(chi_square_ok(chi_square(got, weight, n), freedom - 1));
	/* An address that counts up is as good as a key as a hash of it. */
	memset(got, 0, sizeof(got));
	for (i = 0; i < KEYS; i++)
		got[set_pick_key(set, i)]++;
	CHECK(chi_square_ok(chi_square(got, weight, n), freedom - 1));
	set_free(set);
}

/* Rendezvous hashing as it is written down. */
static void test_sh_naive(unsigned int n)
{
	struct tcpvs_set *set;
	unsigned int i, k, best, wrong = 0;
	u32 weight[64];
	double e, least;

	test_what = "sh against its reference";
	for (i = 0; i < n; i++)
		weight[i] = 1 + test_rand(10);
	set = set_make(&tcpvs_sched_sh, 1, n, weight);
	for (k = 0; k < 20000; k++) {
		least = INFINITY;
		for (i = best = 0; i < n; i++) {
			u64 u = tcpvs_mix(tcpvs_mix(key_of(k)) ^
					  set->member[i].hash);

			e = (64 - log2((double)u)) / weight[i];
			if (e < least) {
				least = e;
				best = i;
			}
		}
		wrong += set_pick_key(set, key_of(k)) != (int)best;
	}
	/* Those nearly equal are decided by the last digits. */
	CHECK(wrong < 20);
	set_free(set);
}

/* Figure "pseudo code for Maglev hashing lookup" of the paper, by rounds. */
static void test_mh_naive(unsigned int n)
{
	static int place[65537];
	unsigned int i, k, filled = 0, size = 65537, order[64];
	u64 pos[64], skip[64];
	struct tcpvs_set *set;

	test_what = "mh against its reference";
	set = set_make(&tcpvs_sched_mh, 1, n, NULL);
	for (i = 0; i < n; i++) {
		u64 h = set->member[i].hash;

		for (k = i; k && set->member[order[k - 1]].hash > h; k--)
			order[k] = order[k - 1];
		order[k] = i;
		pos[i] = (__uint128_t)h * size >> 64;
		skip[i] = 1 + ((__uint128_t)tcpvs_mix(h) * (size - 1) >> 64);
	}
	memset(place, -1, sizeof(place));
	for (i = 0; filled < size; i = (i + 1) % n) {
		k = order[i];
		while (place[pos[k]] >= 0)
			pos[k] = (pos[k] + skip[k]) % size;
		place[pos[k]] = k;
		filled++;
	}
	for (i = 0; i < KEYS; i++) {
		u64 at = (__uint128_t)tcpvs_mix(key_of(i)) * size >> 64;

		CHECK(set_pick_key(set, key_of(i)) == place[at]);
	}
	set_free(set);
}

/* The table depends on who is in the set, not on the order they came in. */
static void test_order(const struct tcpvs_sched_ops *ops)
{
	struct tcpvs_set *set = set_make(ops, 1, 20, NULL);
	unsigned int i;

	test_what = ops->name;
	owners(set, before);
	ops->exit(set);
	for (i = 0; i < 10; i++)
		swap(set->member[i], set->member[19 - i]);
	CHECK(!ops->init(set));
	owners(set, after);
	CHECK(!memcmp(before, after, sizeof(before)));
	set_free(set);
}

/*
 * One of @n leaves: its keys move, and of the others none (sh), or so few that
 * less than 1/n + 5 % move in all (mh). It comes back: they all come back.
 */
static void test_leaves(const struct tcpvs_sched_ops *ops, unsigned int n)
{
	unsigned int i, moved = 0, own = 0, back = 0, gone = 1 + test_rand(n);
	struct tcpvs_set *set = set_make(ops, 1, n, NULL);
	u32 weight[512];

	test_what = ops->name;
	owners(set, before);
	for (i = 0; i < n; i++)
		weight[i] = i + 1 != gone;
	set = set_change(set, 1, n, weight);
	owners(set, after);
	for (i = 0; i < KEYS; i++) {
		own += before[i] == gone;
		moved += before[i] != after[i];
		CHECK(after[i] != gone);
	}
	if (ops == &tcpvs_sched_sh)
		CHECK(moved == own);
	CHECK(moved >= own && moved <= KEYS / n + KEYS / 20);
	set = set_change(set, 1, n, NULL);
	owners(set, after);
	for (i = 0; i < KEYS; i++)
		back += before[i] == after[i];
	CHECK(back == KEYS);
	set_free(set);
}

/* A weight that grows takes keys for its server and moves no others (sh). */
static void test_grows(void)
{
	struct tcpvs_set *set = set_make(&tcpvs_sched_sh, 1, 4, NULL);
	unsigned int i, moved = 0;

	test_what = "sh: a weight that grows";
	owners(set, before);
	set = set_change(set, 1, 4, (u32[]){ 1, 1, 3, 1 });
	owners(set, after);
	for (i = 0; i < KEYS; i++) {
		moved += before[i] != after[i];
		CHECK(before[i] == after[i] || after[i] == 3);
	}
	/* From 1/4 to 1/2. */
	CHECK(moved > KEYS / 4 - KEYS / 50 && moved < KEYS / 4 + KEYS / 50);
	set_free(set);
}

/* Who was tried is skipped, by each key to its own next server. */
static void test_tried(const struct tcpvs_sched_ops *ops, unsigned int n)
{
	struct tcpvs_set *set = set_make(ops, 1, n, NULL);
	unsigned long got[64] = {};
	unsigned int i, k, tried[TCPVS_TRIES_MAX];
	u32 others[64];

	test_what = ops->name;
	for (i = 0; i < KEYS; i++) {
		unsigned int first = set_pick_key(set, key_of(i));
		int next = set_pick_tried(set, key_of(i), &first, 1);

		CHECK(next == set_pick_tried(set, key_of(i), &first, 1));
		if (!first)
			got[next]++;
	}
	for (i = 0; i < n; i++)
		others[i] = i > 0;
	CHECK(n == 2 || chi_square_ok(chi_square(got, others, n), n - 2));
	for (k = 0; k < n && k < TCPVS_TRIES_MAX; k++) {
		int r = set_pick_tried(set, 77, tried, k);

		CHECK(r >= 0);
		tried[k] = r;
	}
	if (k == n)
		CHECK(set_pick_tried(set, 77, tried, k) == -1);
	set_free(set);
}

static bool above_bound(struct tcpvs_set *set, int i, u64 total, u64 weights)
{
	/* inflight <= ceil(bound * total * weight / weights) */
	return (u64)inflight(set, i) * 100 * weights >=
	       set->bound * total * set->member[i].weight + 100 * weights;
}

/*
 * Traffic of which a third is for one key. While sums are new nobody ever gets
 * above its bound; when they are old, not above that of the most there was.
 */
static void test_bound(const struct tcpvs_sched_ops *ops, unsigned int n, u64 tick)
{
	unsigned int i, k, total = 0, most = 0, weights = 0, over = 0, *busy;
	struct tcpvs_set *set;
	u32 weight[64];
	int r;

	test_what = ops->name;
	for (i = 0; i < n; i++)
		weight[i] = i ? test_rand(6) : 3;
	for (i = 0; i < n; i++)
		weights += weight[i];
	set = set_make(ops, 1, n, weight);
	busy = test_alloc(20000 * sizeof(*busy));
	for (i = 0; i < 20000; i++) {
		test_now += tick;
		/* It grows to 20 a server, and shrinks to 2. */
		for (k = 0; k < 2 && total > (i < 10000 ? 20 : 2) * n; k++) {
			unsigned int end = test_rand(total);

			inflight(set, busy[end])--;
			busy[end] = busy[--total];
		}
		r = set_pick_key(set, test_rand(3) ? test_random() : 12345);
		CHECK(r >= 0);
		inflight(set, r)++;
		busy[total++] = r;
		most = max(most, total);
		over += above_bound(set, r, tick > 1000000 ? total : most, weights);
	}
	CHECK(!over);
	set_free(set);
	free(busy);
}

/* Requests in flight at a quiescent server are not of this set's making. */
static void test_bound_idle(const struct tcpvs_sched_ops *ops)
{
	struct tcpvs_set *set = set_make(ops, 1, 3, (u32[]){ 0, 1, 1 });
	unsigned int i;
	int r;

	test_what = ops->name;
	inflight(set, 0) = 1000;
	for (i = 0; i < 200; i++) {
		test_now += 1000000000;
		r = set_pick_key(set, 5);
		CHECK(r > 0);
		inflight(set, r)++;
	}
	/* 1.25 of a half, not more */
	CHECK(inflight(set, 1) <= 126 && inflight(set, 2) <= 126);
	/* All at the most there can be: no overflow, and somebody is chosen. */
	for (i = 0; i < 3; i++)
		inflight(set, i) = -1;
	test_now += 1000000000;
	CHECK(set_pick_key(set, 5) > 0);
	set_free(set);
}

/*
 * Everybody asks for one key: its server takes what the bound allows and no more,
 * and without a bound it takes everything.
 */
static void test_bounds(const struct tcpvs_sched_ops *ops)
{
	static const struct {
		u32 bound, want;
	} cases[] = {
		/* of 1000 requests, 250 are a server's share */
		{ 100, 250 }, { 110, 275 }, { 125, 313 }, { 200, 500 },
		{ 399, 998 }, { 400, 1000 }, { TCPVS_BOUND_MAX, 1000 }, { 0, 1000 },
	};
	struct tcpvs_set *set;
	unsigned int i, k;
	int first;

	test_what = ops->name;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		set_bound = cases[i].bound;
		set = set_make(ops, 1, 4, NULL);
		first = set_pick_key(set, 5);
		for (k = 0; k < 1000; k++) {
			test_now += 1000000000;
			inflight(set, set_pick_key(set, 5))++;
		}
		CHECK(inflight(set, first) == (int)cases[i].want);
		set_free(set);
	}
	set_bound = TCPVS_BOUND_DEFAULT;
}

static void test_none(const struct tcpvs_sched_ops *ops)
{
	struct tcpvs_set *set = set_make(ops, 1, 3, (u32[]){ 0, 0, 0 });

	test_what = ops->name;
	CHECK(set_pick(set) == -1);
	set = set_change(set, 1, 0, NULL);
	CHECK(set_pick(set) == -1);
	set = set_change(set, 1, 1, NULL);
	CHECK(set_pick(set) == 0);
	set_free(set);
}

/* As many servers as there can be: nobody is forgotten. */
static void test_crowd(const struct tcpvs_sched_ops *ops, unsigned int picks)
{
	u32 *weight = test_alloc(TCPVS_SERVERS_MAX * sizeof(*weight));
	u32 *got = calloc(TCPVS_SERVERS_MAX, sizeof(*got));
	struct tcpvs_set *set;
	unsigned int i, served = 0, heavy = 0;
	int r;

	test_what = ops->name;
	for (i = 0; i < TCPVS_SERVERS_MAX; i++)
		weight[i] = i < 1000 ? 3 : 1;
	weight[5] = 0;
	set = set_make(ops, 1, TCPVS_SERVERS_MAX, weight);
	for (i = 0; i < picks; i++) {
		r = set_pick_key(set, test_random());
		CHECK(r >= 0 && r != 5);
		served += !got[r]++;
		heavy += weight[r] == 3;
	}
	/* Of a fair draw e^-8 and less are left out; turns leave out nobody. */
	if (picks >= 8 * TCPVS_SERVERS_MAX && ops != &tcpvs_sched_wlc)
		CHECK(served >= TCPVS_SERVERS_MAX - 100);
	if (ops != &tcpvs_sched_rr && picks >= TCPVS_SERVERS_MAX)
		CHECK(fabs(heavy / (double)picks / (999 * 3 / 67533.0) - 1) < 0.1);
	/* The greatest weights there can be. */
	for (i = 0; i < TCPVS_SERVERS_MAX; i++)
		weight[i] = TCPVS_WEIGHT_MAX - (i & 1);
	ops->exit(set);
	for (i = 0; i < TCPVS_SERVERS_MAX; i++) {
		set->member[i].weight = weight[i];
		inflight(set, i) = 1000 + (i & 7);
	}
	CHECK(!ops->init(set));
	for (i = 0; i < 20; i++)
		CHECK(set_pick_key(set, test_random()) >= 0);
	set_free(set);
	free(got);
	free(weight);
}

/* Whichever allocation fails, it is told and nothing is left (by the sanitizer). */
static void test_memory(const struct tcpvs_sched_ops *ops)
{
	struct tcpvs_set *set = NULL;
	long allocs;

	test_what = ops->name;
	for (allocs = 0; !set && allocs < 10; allocs++) {
		test_allocs_left = allocs;
		set = set_make(ops, 1, 3, (u32[]){ 3, 0, 2 });
	}
	test_allocs_left = -1;
	CHECK(allocs > 1 && set);
	if (set)
		set_free(set);
}

int main(void)
{
	static const struct tcpvs_sched_ops *const both[] = {
		&tcpvs_sched_sh, &tcpvs_sched_mh,
	};
	static const u32 some[] = { 1, 2, 3, 10, 0, 7 }, few[] = { 1, 1 };
	const struct tcpvs_sched_ops *const *ops;
	unsigned int i, k;
	u32 many[50];

	for (i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = 1 + test_rand(65535);
	test_exponential();
	test_sh_naive(2);
	test_sh_naive(30);
	test_mh_naive(1);
	test_mh_naive(3);
	test_mh_naive(50);
	test_grows();
	for (i = 0; i < 2; i++) {
		test_shares(both[i], some, ARRAY_SIZE(some));
		test_shares(both[i], few, ARRAY_SIZE(few));
		test_shares(both[i], many, ARRAY_SIZE(many));
		test_order(both[i]);
		for (k = 2; k <= 7; k++)
			test_leaves(both[i], k);
		test_leaves(both[i], 20);
		test_leaves(both[i], 100);
		test_tried(both[i], 3);
		test_tried(both[i], 20);
		for (k = 1; k < 20; k++) {
			test_bound(both[i], k, 1000000000);
			test_bound(both[i], k, 100);
		}
		set_bound = TCPVS_BOUND_MIN;
		test_bound(both[i], 7, 1000000000);
		test_bound(both[i], 7, 100);
		set_bound = TCPVS_BOUND_DEFAULT;
		test_bound_idle(both[i]);
		test_bounds(both[i]);
	}
	for (ops = tcpvs_schedulers; *ops; ops++) {
		CHECK(tcpvs_sched_find((*ops)->name) == *ops);
		CHECK(strlen((*ops)->doc) > 20);
		test_none(*ops);
		test_memory(*ops);
	}
	CHECK(!tcpvs_sched_find("wl") && !tcpvs_sched_find(""));
	test_crowd(&tcpvs_sched_mh, 8 * TCPVS_SERVERS_MAX);
	test_crowd(&tcpvs_sched_p2c, 8 * TCPVS_SERVERS_MAX);
	test_crowd(&tcpvs_sched_wrr, 8 * TCPVS_SERVERS_MAX);
	test_crowd(&tcpvs_sched_rr, 8 * TCPVS_SERVERS_MAX);
	test_crowd(&tcpvs_sched_sh, 20);
	test_crowd(&tcpvs_sched_wlc, 20);
	test_crowd(&tcpvs_sched_lt, 20);
	return test_summary("test_sched_hash");
}
