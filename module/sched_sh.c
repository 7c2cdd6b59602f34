// SPDX-License-Identifier: GPL-2.0
/*
 * sched_sh.c - sh: source hash, the same client to the same server
 *
 * Rendezvous hashing (Thaler and Ravishankar, "Using name-based mappings to
 * increase hit rates", IEEE/ACM Transactions on Networking 6(1), 1998), weighted
 * by the logarithmic method (Schindelhauer and Schomaker, "Weighted distributed
 * hash tables", SPAA 2005): key and server are hashed to u in (0, 1], and the
 * server of the least -log(u) / weight has the key. So shares are exactly by
 * weight; when a server leaves or loses weight, only keys of its own move, each
 * to its next server, and they come back with it. There is no state but the
 * bound on load (sched_bound.c).
 *
 * A pick looks at every server, O(n); see mh for large sets.
 */
#include "sched_impl.h"

/* Fixed point of tcpvs_sh_exponential(). */
#define FRAC	42

/**
 * tcpvs_sh_exponential() - -log2 of a random number
 * @u: uniform in 1 to 2^64 - 1; stands for u / 2^64
 *
 * Within 0.03 % of the true value, relative to it however small it is: that is
 * what ranks the servers.
 *
 * Return: the logarithm times 2^42, below 2^48.
 */
u64 tcpvs_sh_exponential(u64 u)
{
	unsigned int shift = 64 - fls64(u);
	/* u / 2^64 = m / 2^(shift + 1) with m in [1, 2); d = 2 - m, in (0, 1] */
	u64 d63 = 0 - (u << shift), d = d63 >> 31, p, g;

	/*
	 * 1 - log2(2 - d) = d * (1 - (1 - d) * p(d)), with a cubic p fitted at
	 * the Chebyshev nodes; d, p and g have 32 bits of fraction.
	 */
	p = 68338645 + (192732170 * d >> 32);
	p = 442954956 + (p * d >> 32);
	p = 1196147554 + (p * d >> 32);
	g = BIT_ULL(32) - ((BIT_ULL(32) - d) * p >> 32);
	/* d63 has 63 bits of fraction, 42 are wanted: here small values keep theirs. */
	return ((u64)shift << FRAC) + mul_u64_u64_shr(d63, g, 32 + 63 - FRAC);
}

static int sh_init(struct tcpvs_set *set)
{
	struct tcpvs_bound *b = kzalloc(sizeof(*b), GFP_KERNEL_ACCOUNT);

	if (!b)
		return -ENOMEM;
	tcpvs_bound_init(b, set);
	set->priv = b;
	return 0;
}

static void sh_exit(struct tcpvs_set *set)
{
	kfree(set->priv);
}

static int sh_pick(struct tcpvs_set *set, const struct tcpvs_pick *pick)
{
	u64 e, best_e = 0, key = tcpvs_mix(pick->key);
	u32 best_weight = 0;
	unsigned int i;
	int best = -1;

	for (i = 0; i < set->n; i++) {
		const struct tcpvs_member *m = &set->member[i];

		if (!tcpvs_usable(m, pick))
			continue;
		e = tcpvs_sh_exponential(tcpvs_mix(key ^ m->hash) ?: 1);
		if ((best < 0 || e * best_weight < best_e * m->weight) &&
		    tcpvs_bound_room(set->priv, set, m)) {
			best = i;
			best_e = e;
			best_weight = m->weight;
		}
	}
	return best < 0 ? tcpvs_bound_least(set, pick) : best;
}

const struct tcpvs_sched_ops tcpvs_sched_sh = {
	.name	= "sh",
	.doc	= "Source hash: the same client to the same server, shares exactly by weight",
	.keyed	= true,
	.init	= sh_init,
	.exit	= sh_exit,
	.pick	= sh_pick,
};
