/* SPDX-License-Identifier: GPL-2.0 */
/*
 * latency.h - 7 account: when things happened to a request
 *
 * The marks that the data path sets; what comes of them is in latency.c. A request
 * is timed from tcpvs_latency_begin() to tcpvs_latency_end(), and &tcpvs_conn.begun
 * is 0 in between two of them.
 */
#ifndef _TCPVS_LATENCY_H
#define _TCPVS_LATENCY_H

#include <linux/timekeeping.h>

#include "conn.h"
#include "histogram.h"

/* latency.c */
void tcpvs_latency_sample(struct tcpvs_worker *w, struct tcpvs_conn *c,
			  struct tcpvs_server *srv, unsigned int kind, u64 from);
bool tcpvs_latency_read(const struct tcpvs_service *svc,
			const struct tcpvs_server *srv, unsigned int kind,
			struct tcpvs_hist_sum *sum, u32 *zeroed);

/* What the clock says now. */
static inline u64 tcpvs_clock_read(struct tcpvs_worker *w)
{
	w->now = ktime_get_ns() >> TCPVS_HISTOGRAM_SHIFT;
	return w->now;
}

/* ... or said when it was read first in this step, which is cheaper. */
static inline u64 tcpvs_clock(struct tcpvs_worker *w)
{
	return w->now ?: tcpvs_clock_read(w);
}

/**
 * tcpvs_latency_begin() - a request was counted as received
 * @w: worker
 * @c: connection
 */
static inline void tcpvs_latency_begin(struct tcpvs_worker *w,
				       struct tcpvs_conn *c)
{
	c->begun = tcpvs_clock(w);
	/* Never 0: one unit earlier, once in 13 days. */
	if (unlikely(!c->begun))
		c->begun = TCPVS_BEGUN_MASK;
}

/**
 * tcpvs_latency_connected() - the server has accepted a new connection
 * @w: worker
 * @c: connection with that server connection
 */
static inline void tcpvs_latency_connected(struct tcpvs_worker *w,
					   struct tcpvs_conn *c)
{
	/* Over loopback it is done in the step that began it. */
	tcpvs_clock_read(w);
	tcpvs_latency_sample(w, c, c->up->srv, TCPVS_HISTOGRAM_KIND_CONNECT,
			     c->up->opened);
}

/**
 * tcpvs_latency_answered() - there are bytes of the server
 * @w: worker
 * @c: connection with its server connection
 */
static inline void tcpvs_latency_answered(struct tcpvs_worker *w,
					  struct tcpvs_conn *c)
{
	if (c->flags & TCPVS_CF_ANSWERED || !c->begun)
		return;
	c->flags |= TCPVS_CF_ANSWERED;
	tcpvs_latency_sample(w, c, c->up->srv, TCPVS_HISTOGRAM_KIND_FIRST_BYTE,
			     c->begun);
}

/**
 * tcpvs_latency_end() - a request was counted as ended
 * @w: worker
 * @c: connection
 * @srv: the server whose response, or tunnel, it has been, or NULL
 */
static inline void tcpvs_latency_end(struct tcpvs_worker *w, struct tcpvs_conn *c,
				     struct tcpvs_server *srv)
{
	if (c->begun)
		tcpvs_latency_sample(w, c, srv, TCPVS_HISTOGRAM_KIND_TOTAL,
				     c->begun);
	c->begun = 0;
}

#endif /* _TCPVS_LATENCY_H */
