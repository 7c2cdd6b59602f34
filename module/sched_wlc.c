// SPDX-License-Identifier: GPL-2.0
/*
 * sched_wlc.c - wlc: the server with the least work for its weight
 *
 * The least of (requests in flight + 1) / weight, the weighted least-connection
 * rule of LVS (W. Zhang, "Linux Virtual Server for Scalable Network Services",
 * OLS 2000) with the request in hand counted in, so that among idle servers the
 * strongest comes first. Fractions are compared by cross multiplication:
 * 32 bits times 16 bits, never more than 64.
 *
 * Equal servers take turns: without that the first of an idle set would get
 * everything. The counts move while they are read; a choice is good, not exact.
 */
#include <linux/atomic.h>
#include <linux/slab.h>

#include "config.h"
#include "sched.h"

/**
 * struct wlc - state of a set
 * @turn: ties broken so far
 */
struct wlc {
	atomic_t turn;
};

static int wlc_init(struct tcpvs_set *set)
{
	struct wlc *p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);

	set->priv = p;
	return p ? 0 : -ENOMEM;
}

static void wlc_exit(struct tcpvs_set *set)
{
	kfree(set->priv);
}

/* Sets @load; false if the server is not to be used. */
static bool load_of(const struct tcpvs_member *m, const struct tcpvs_pick *pick,
		    u64 *load)
{
	if (!m->weight || tcpvs_pick_tried(pick, m->srv->id))
		return false;
	*load = (u32)atomic_read(&m->srv->inflight) + 1ULL;
	return true;
}

static int wlc_pick(struct tcpvs_set *set, const struct tcpvs_pick *pick)
{
	u64 load, best_load = 0, x, y;
	unsigned int i, ties = 0, nth;
	struct wlc *p = set->priv;
	u32 best_weight = 0;
	int best = -1;

	for (i = 0; i < set->n; i++) {
		const struct tcpvs_member *m = &set->member[i];

		if (!load_of(m, pick, &load))
			continue;
		x = load * best_weight;
		y = best_load * m->weight;
		if (best < 0 || x < y) {
			best = i;
			best_load = load;
			best_weight = m->weight;
			ties = 1;
		} else if (x == y) {
			ties++;
		}
	}
	if (ties < 2)
		return best;

	/* One of the equals; if meanwhile some got work, the last that did not. */
	nth = (u32)atomic_fetch_inc(&p->turn) % ties;
	for (i = best; i < set->n; i++) {
		const struct tcpvs_member *m = &set->member[i];

		if (!load_of(m, pick, &load) ||
		    load * best_weight != best_load * m->weight)
			continue;
		best = i;
		if (!nth--)
			break;
	}
	return best;
}

const struct tcpvs_sched_ops tcpvs_sched_wlc = {
	.name	= "wlc",
	.doc	= "Weighted least connection: the least work in flight for its weight",
	.init	= wlc_init,
	.exit	= wlc_exit,
	.pick	= wlc_pick,
};
