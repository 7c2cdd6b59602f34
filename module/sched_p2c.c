// SPDX-License-Identifier: GPL-2.0
/*
 * sched_p2c.c - p2c: the better of two servers drawn at random
 *
 * The power of two choices (Mitzenmacher, "The Power of Two Choices in Randomized
 * Load Balancing", IEEE TPDS 12(10), 2001): nearly as even as asking all servers,
 * for the price of asking two, and without the rush of many balancers to the one
 * that all think best. Servers are drawn by weight, from a table for the alias
 * method (Walker, ACM TOMS 3(3), 1977; Vose, IEEE TSE 17(9), 1991), and compared
 * by requests in flight / weight; the first is taken if they are equal, so that
 * shares at rest are those of the weights. O(1).
 *
 * Random numbers are the kernel's get_random_u64(), which every CPU has a stock of.
 */
#include "sched_impl.h"

#define DRAWS	8	/* to meet one that was not tried */
#define SECONDS	3	/* to meet another than the first */

/**
 * struct column - a column of the alias table: 1/n of the probability
 * @bar: up to here, in 1/2^32, it is the server's own
 * @alias: whose the rest is
 */
struct column {
	u32 bar;
	u32 alias;
};

/**
 * struct p2c - state of a set
 * @n: length of @column; 0 if no server has a weight
 * @column: by place in the set
 */
struct p2c {
	unsigned int n;
	struct column column[] __counted_by(n);
};

/*
 * Vose's construction in whole numbers: column i holds weight[i] * n of sum. A
 * column that is not full is filled by one that is more than full. @todo has the
 * former at its front, the latter at its end.
 */
static void build(struct p2c *p, u64 *mass, u32 *todo, u64 sum)
{
	unsigned int i, small = 0, large = p->n, s, l;

	for (i = 0; i < p->n; i++) {
		p->column[i] = (struct column){ U32_MAX, i };
		if (mass[i] < sum)
			todo[small++] = i;
		else
			todo[--large] = i;
	}
	while (small && large < p->n) {
		s = todo[--small];
		l = todo[large];
		p->column[s].bar = div64_u64(mass[s] << 32, sum);
		p->column[s].alias = l;
		mass[l] -= sum - mass[s];
		if (mass[l] < sum) {
			large++;
			todo[small++] = l;
		}
	}
}

static int p2c_init(struct tcpvs_set *set)
{
	unsigned int i, n;
	struct p2c *p;
	u64 sum = 0;
	u64 *mass;
	u32 *todo;

	for (i = 0; i < set->n; i++)
		sum += set->member[i].weight;
	n = sum ? set->n : 0;
	p = kvzalloc(struct_size(p, column, n), GFP_KERNEL_ACCOUNT);
	mass = kvcalloc(n + 1, sizeof(*mass), GFP_KERNEL_ACCOUNT);
	todo = kvcalloc(n + 1, sizeof(*todo), GFP_KERNEL_ACCOUNT);
	if (!p || !mass || !todo) {
		kvfree(p);
		p = NULL;
		goto out;
	}
	p->n = n;
	for (i = 0; i < n; i++)
		mass[i] = (u64)set->member[i].weight * n;
	build(p, mass, todo, sum);
	set->priv = p;
out:
	kvfree(todo);
	kvfree(mass);
	return p ? 0 : -ENOMEM;
}

static void p2c_exit(struct tcpvs_set *set)
{
	kvfree(set->priv);
}

/* 0 to n - 1, each as likely as the next but for n / 2^32. */
static u32 below(u32 random, u32 n)
{
	return ((u64)random * n) >> 32;
}

static u32 draw(const struct p2c *p)
{
	u64 random = get_random_u64();
	u32 i = below(random >> 32, p->n);

	return (u32)random < p->column[i].bar ? i : p->column[i].alias;
}

/* The first usable at or after place @from, @not excepted; -1 if there is none. */
static int find(const struct tcpvs_set *set, const struct tcpvs_pick *pick,
		u32 from, int not)
{
	unsigned int i;

	for (i = 0; i < set->n; i++, from++) {
		if (from == set->n)
			from = 0;
		if ((int)from != not && tcpvs_usable(&set->member[from], pick))
			return from;
	}
	return -1;
}

static int p2c_pick(struct tcpvs_set *set, const struct tcpvs_pick *pick)
{
	const struct tcpvs_member *a, *b;
	struct p2c *p = set->priv;
	int first, second;
	unsigned int i;

	if (!p->n)
		return -1;
	for (i = 0; i < DRAWS; i++) {
		first = draw(p);
		if (tcpvs_usable(&set->member[first], pick))
			break;
	}
	if (i == DRAWS)
		first = find(set, pick, below(get_random_u32(), p->n), -1);
	if (first < 0)
		return -1;

	for (i = 0; i < SECONDS; i++) {
		second = draw(p);
		if (second != first && tcpvs_usable(&set->member[second], pick))
			break;
	}
	if (i == SECONDS) {
		/* One has nearly all the weight: the other to be any. */
		second = find(set, pick, below(get_random_u32(), p->n), first);
		if (second < 0)
			return first;
	}
	a = &set->member[first];
	b = &set->member[second];
	return tcpvs_inflight(b) * a->weight < tcpvs_inflight(a) * b->weight ?
	       second : first;
}

const struct tcpvs_sched_ops tcpvs_sched_p2c = {
	.name	= "p2c",
	.doc	= "Power of two choices: the less busy of two drawn by weight",
	.init	= p2c_init,
	.exit	= p2c_exit,
	.pick	= p2c_pick,
};
