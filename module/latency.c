// SPDX-License-Identifier: GPL-2.0
/*
 * latency.c - 7 account: histograms of services and servers
 *
 * A worker has a block of histograms (histogram.h) for every service it has timed
 * something of, and for every server where its service asks for that. It allocates
 * the block at the first sample, without sleeping; what no memory was there for is
 * counted (samples-lost), and the next sample tries again. A block is freed with
 * its service or server.
 *
 * A bucket that is full, after four billion samples, is moved to sums that all
 * workers share. That is so rare that one lock serves for everybody: workers write
 * under it, readers sum again if one did meanwhile.
 *
 * Context: workers; a sum, netlink requests.
 */
#include <linux/seqlock.h>
#include <linux/slab.h>

#include "latency.h"

/* What is told of the buckets is what they are. */
static_assert(TCPVS_HIST_SUB_BITS == TCPVS_HISTOGRAM_SUB_BITS);
static_assert(TCPVS_HIST_BUCKETS == TCPVS_HISTOGRAM_BUCKETS);
static_assert(TCPVS_HIST_KINDS == TCPVS_HISTOGRAM_KIND_TOTAL + 1);

#define LATENCY_GFP	(GFP_NOWAIT | __GFP_NOWARN | __GFP_ACCOUNT | __GFP_ZERO)

static DEFINE_SEQLOCK(folding);

/* Make room in a full block. Return: whether there is some. */
static bool fold(struct tcpvs_hist *h, struct tcpvs_hist_fold **sums)
{
	struct tcpvs_hist_fold *f, *mine = NULL;

	if (!READ_ONCE(*sums))
		mine = kmalloc(sizeof(*mine), LATENCY_GFP);
	write_seqlock(&folding);
	if (!*sums)
		WRITE_ONCE(*sums, mine);
	f = *sums;
	if (f)
		tcpvs_hist_move(h, f);
	write_sequnlock(&folding);
	if (f != mine)
		kfree(mine);
	return f;
}

/* Return: whether it was counted. */
static bool add(struct tcpvs_hist **slot, struct tcpvs_hist_fold **sums,
		unsigned int kind, u64 took)
{
	struct tcpvs_hist *h = *slot;

	if (unlikely(!h)) {
		h = kmalloc(sizeof(*h), LATENCY_GFP);
		if (!h)
			return false;
		/* A reader is to see it empty. */
		smp_store_release(slot, h);
	}
	if (likely(tcpvs_hist_add(h, kind, took)))
		return true;
	return fold(h, sums) && tcpvs_hist_add(h, kind, took);
}

/**
 * tcpvs_latency_sample() - something has happened
 * @w: worker
 * @c: connection
 * @srv: the server it is about, or NULL
 * @kind: what, TCPVS_HISTOGRAM_KIND_*
 * @from: since when it was waited for, by tcpvs_clock(); its low bits do
 *
 * What takes longer than 13 days is told as if it had begun that much later.
 */
void tcpvs_latency_sample(struct tcpvs_worker *w, struct tcpvs_conn *c,
			  struct tcpvs_server *srv, unsigned int kind, u64 from)
{
	struct tcpvs_service *svc = c->svc;
	u64 took = (tcpvs_clock(w) - from) & TCPVS_BEGUN_MASK;

	tcpvs_assert_worker(w);
	if (unlikely(!add(&conn_stats(w, c)->hist, &svc->fold, kind, took)))
		conn_count(w, c, SAMPLES_LOST);
	if (unlikely(READ_ONCE(svc->server_histograms)) && srv &&
	    !add(&server_cpu(w, srv)->hist, &srv->fold, kind, took))
		conn_count(w, c, SAMPLES_LOST);
}

/**
 * tcpvs_latency_zero() - a worker's histograms begin anew
 * @h: histograms of the worker that we run in, or NULL
 */
void tcpvs_latency_zero(struct tcpvs_hist *h)
{
	if (h)
		tcpvs_hist_zero(h);
}

/**
 * tcpvs_latency_zero_fold() - what workers have moved begins anew
 * @sums: where it is, if there is something
 *
 * Context: after all workers have begun anew. That one fills a bucket between that
 * and this, and its samples get lost here, takes four billion of them.
 */
void tcpvs_latency_zero_fold(struct tcpvs_hist_fold *const *sums)
{
	if (!READ_ONCE(*sums))
		return;
	write_seqlock(&folding);
	memset(*sums, 0, sizeof(**sums));
	write_sequnlock(&folding);
}

static const struct tcpvs_hist *block(const struct tcpvs_service *svc,
				      const struct tcpvs_server *srv,
				      unsigned int cpu)
{
	struct tcpvs_hist **slot = srv ? &per_cpu_ptr(srv->cpu, cpu)->hist :
					 &per_cpu_ptr(svc->stats, cpu)->hist;

	/* Pairs with the release in add(): what is there was zeroed before. */
	return smp_load_acquire(slot);
}

/**
 * tcpvs_latency_read() - a histogram over all workers
 * @svc: the service, inside tcpvs_srcu
 * @srv: its server that is meant, or NULL for the service
 * @kind: TCPVS_HISTOGRAM_KIND_*
 * @sum: filled in
 * @zeroed: set to the generation of the last reset
 *
 * Context: process.
 * Return: whether anybody has a block of it.
 */
bool tcpvs_latency_read(const struct tcpvs_service *svc,
			const struct tcpvs_server *srv, unsigned int kind,
			struct tcpvs_hist_sum *sum, u32 *zeroed)
{
	const struct tcpvs_hist_fold *f;
	unsigned int cpu, seq, turn;
	const struct tcpvs_hist *h;
	bool any = false;

	for_each_possible_cpu(cpu)
		if (block(svc, srv, cpu))
			any = true;
	if (!any)
		return false;
	do {
		seq = tcpvs_stats_begin(svc->tn);
		do {
			turn = read_seqbegin(&folding);
			memset(sum, 0, sizeof(*sum));
			for_each_possible_cpu(cpu) {
				h = block(svc, srv, cpu);
				if (h)
					tcpvs_hist_sum(sum, h, kind);
			}
			f = srv ? READ_ONCE(srv->fold) : READ_ONCE(svc->fold);
			if (f)
				tcpvs_hist_sum_fold(sum, f, kind);
		} while (read_seqretry(&folding, turn));
		*zeroed = srv ? READ_ONCE(srv->zeroed) : READ_ONCE(svc->zeroed);
	} while (tcpvs_stats_retry(svc->tn, seq));
	return true;
}

/**
 * tcpvs_latency_free_service() - the end of a service's histograms
 * @svc: the service; nobody uses it any more
 */
void tcpvs_latency_free_service(struct tcpvs_service *svc)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		kfree(per_cpu_ptr(svc->stats, cpu)->hist);
	kfree(svc->fold);
}

/**
 * tcpvs_latency_free_server() - the end of a server's histograms
 * @srv: the server; nobody uses it any more
 */
void tcpvs_latency_free_server(struct tcpvs_server *srv)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		kfree(per_cpu_ptr(srv->cpu, cpu)->hist);
	kfree(srv->fold);
}
