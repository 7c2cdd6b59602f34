// SPDX-License-Identifier: GPL-2.0
/*
 * sched_set.c - sets of servers, and the kernel's part in a scheduler's life
 */
#include "sched_set.h"

long test_allocs_left = -1;
unsigned int test_cpu;
u64 test_now = 1000000000000;
u32 set_bound = TCPVS_BOUND_DEFAULT;

void *test_zalloc(size_t n, size_t size)
{
	if (test_allocs_left >= 0 && test_allocs_left-- == 0)
		return NULL;
	return calloc(n, size);
}

u64 test_random(void)
{
	return (u64)test_rand(1U << 31) << 33 ^ (u64)test_rand(1U << 31) << 16 ^
	       test_rand(1U << 31);
}

static struct tcpvs_set *make(const struct tcpvs_sched_ops *ops, u32 first,
			      unsigned int n, const u32 *weight,
			      struct tcpvs_set *old)
{
	struct tcpvs_set *set;
	unsigned int i, k;
	int err;

	/* Not by test_zalloc(): only what an algorithm allocates may fail. */
	set = calloc(1, struct_size(set, member, n));
	if (!set)
		abort();
	set->ops = ops;
	set->bound = old ? old->bound : set_bound;
	set->n = n;
	for (i = 0; i < n; i++) {
		struct tcpvs_member *m = &set->member[i];
		u32 addr = __builtin_bswap32(0x0a000000 + first + i);

		m->id = first + i;
		m->weight = weight ? weight[i] : 1;
		m->hash = tcpvs_hash(&addr, sizeof(addr), 80);
		m->load = calloc(1, sizeof(*m->load));
		if (!m->load)
			abort();
		for (k = 0; old && k < old->n; k++)
			if (old->member[k].id == m->id)
				*m->load = *old->member[k].load;
	}
	err = ops->init ? ops->init(set) : 0;
	if (err) {
		CHECK(err == -ENOMEM);
		for (i = 0; i < n; i++)
			free(set->member[i].load);
		free(set);
		return NULL;
	}
	if (old && ops->inherit)
		ops->inherit(set, old);
	return set;
}

struct tcpvs_set *set_make(const struct tcpvs_sched_ops *ops, u32 first,
			   unsigned int n, const u32 *weight)
{
	return make(ops, first, n, weight, NULL);
}

struct tcpvs_set *set_change(struct tcpvs_set *old, u32 first, unsigned int n,
			     const u32 *weight)
{
	struct tcpvs_set *set = make(old->ops, first, n, weight, old);

	set_free(old);
	return set;
}

void set_free(struct tcpvs_set *set)
{
	unsigned int i;

	if (set->ops->exit)
		set->ops->exit(set);
	for (i = 0; i < set->n; i++)
		free(set->member[i].load);
	free(set);
}

int set_pick_tried(struct tcpvs_set *set, u64 key, const unsigned int *tried,
		   unsigned int n)
{
	u32 id[TCPVS_TRIES_MAX];
	struct tcpvs_pick pick = { .key = key, .tried = id, .ntried = n };
	unsigned int i;
	int r;

	for (i = 0; i < n; i++)
		id[i] = set->member[tried[i]].id;
	r = set->ops->pick(set, &pick);
	CHECK(r >= -1 && r < (int)set->n);
	if (r < 0)
		return r;
	CHECK(set->member[r].weight);
	for (i = 0; i < n; i++)
		CHECK(r != (int)tried[i]);
	return r;
}

int set_pick_key(struct tcpvs_set *set, u64 key)
{
	return set_pick_tried(set, key, NULL, 0);
}

int set_pick(struct tcpvs_set *set)
{
	return set_pick_key(set, 0);
}

const char *set_sequence(struct tcpvs_set *set, unsigned int picks)
{
	static char text[4096];
	unsigned int i;
	int r;

	for (i = 0; i < picks; i++) {
		r = set_pick(set);
		text[i] = r < 0 ? '-' : r < 9 ? '1' + r : 'a' + r - 9;
	}
	text[i] = 0;
	return text;
}

double chi_square(const unsigned long *got, const u32 *weight, unsigned int n)
{
	double sum = 0, total = 0, x = 0, want;
	unsigned int i;

	for (i = 0; i < n; i++) {
		sum += weight[i];
		total += got[i];
	}
	for (i = 0; i < n; i++) {
		want = total * weight[i] / sum;
		if (want)
			x += (got[i] - want) * (got[i] - want) / want;
	}
	return x;
}

/*
 * By Wilson and Hilferty, the cube root of x / freedom is nearly normal. 4.75
 * standard deviations: 1 in a million, on either side: too even is no draw.
 */
bool chi_square_ok(double x, unsigned int freedom)
{
	double v = 2.0 / 9 / freedom;
	double z = (cbrt(x / freedom) - (1 - v)) / sqrt(v);

	return z < 4.75 && z > -4.75;
}
