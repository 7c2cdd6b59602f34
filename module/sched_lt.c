// SPDX-License-Identifier: GPL-2.0
/*
 * sched_lt.c - lt: the server that will answer first
 *
 * The least of latency * (requests in flight + 1) / weight. Latency is the time
 * to the first byte of a response (mode tcp: the time of the connect), averaged
 * over time: after dt a sample s and the average e make e * k + s * (1 - k) with
 * k = 2^(-dt / HALF_LIFE). That the past fades with time, not with the number of
 * samples, and in favour of a server that is left alone, is the idea of Finagle's
 * Peak EWMA.
 *
 * - A server of which nothing is known gets one request, and more when it has
 *   answered; then what is known decides.
 * - A failure counts as a second, or as twice what is known, at once.
 * - While a server has nothing in flight its latency fades, so that one that was
 *   slow is tried again. While it has, time forgives nothing: a server that hangs
 *   gives no samples.
 *
 * At most a sample a QUANTUM is taken in: that is plenty, and the line of a busy
 * server is written no more than it was. Latency outlives sets and is shared by
 * all workers: two words, written without a lock; who loses a race loses a
 * sample. O(n).
 */
#include "sched_least.h"

#define HALF_LIFE_SHIFT	32			/* 2^32 ns = 4.3 s */
#define QUANTUM		BIT_ULL(20)		/* ns: 1 ms */
#define LATENCY_MAX	(BIT_ULL(36) - 1)	/* ns: 69 s */
#define FAILURE		1000000000ULL		/* ns */

/* What is compared: units of 1024 ns, so that a cost stays below 2^48. */
#define UNIT_SHIFT	10
#define UNITS_UNKNOWN	(BIT_ULL(26) + 1)
#define INFLIGHT_MAX	(BIT_ULL(20) - 1)

/* 1 - 2^(-dt / HALF_LIFE) in 1/2^32, within 0.03 %, exact at whole half-lives. */
static u32 faded(u64 dt)
{
	u64 f = (u32)dt, x, whole = dt >> HALF_LIFE_SHIFT;

	/* 1 - 2^-f = f * (ln 2 - f * (b - c * f)), fitted so that it is 1/2 at 1 */
	x = 1009703862 - (180143038 * f >> 32);
	x = 2977044472 - (x * f >> 32);
	x = x * f >> 32;
	if (whole >= 32)
		return U32_MAX;
	/* 2^-whole of what the fraction leaves is left. */
	return min(BIT_ULL(32) - ((BIT_ULL(32) - x) >> whole), U32_MAX);
}

/**
 * tcpvs_lt_decayed() - what is left of a latency
 * @latency: as it was, at most 2^36
 * @dt: how long ago that is, in ns
 *
 * Return: the latency, at least 1.
 */
u64 tcpvs_lt_decayed(u64 latency, u64 dt)
{
	return max(latency - mul_u64_u32_shr(latency, faded(dt), 32), 1ULL);
}

/* Moves by 1 at least: an average that is right in the end is worth an ns. */
static u64 average(u64 e, u64 s, u64 dt)
{
	u64 gap = s < e ? e - s : s - e;
	u64 move = min(gap, mul_u64_u32_shr(gap, faded(dt), 32) + 1);

	return s < e ? e - move : e + move;
}

/**
 * tcpvs_load_sample() - a server has answered
 * @load: of the server
 * @took: after so many ns
 * @now: ktime_get_ns()
 */
void tcpvs_load_sample(struct tcpvs_load *load, u64 took, u64 now)
{
	s64 e = atomic64_read(&load->latency), then = atomic64_read(&load->sampled);
	u64 dt = now > (u64)then ? now - then : 0;

	if (e && dt < QUANTUM)
		return;
	took = clamp(took, 1ULL, LATENCY_MAX);
	if (!atomic64_try_cmpxchg(&load->sampled, &then, now))
		return;
	/* If a failure came in between, that is the news. */
	atomic64_cmpxchg(&load->latency, e, e ? average(e, took, dt) : took);
}

/**
 * tcpvs_load_failed() - a server has failed a request or a connect
 * @load: of the server
 * @took: after so many ns
 * @now: ktime_get_ns()
 *
 * Requests that fail together count as one.
 */
void tcpvs_load_failed(struct tcpvs_load *load, u64 took, u64 now)
{
	u64 e = atomic64_read(&load->latency), then = atomic64_read(&load->sampled);

	if (e < FAILURE || now > then + FAILURE)
		e = max(2 * e, FAILURE);
	atomic64_set(&load->latency, min(max(e, took), LATENCY_MAX));
	atomic64_set(&load->sampled, now);
}

static struct tcpvs_cost lt_cost(const struct tcpvs_member *m, u64 now)
{
	u64 inflight = min(tcpvs_inflight(m), INFLIGHT_MAX);
	u64 e = atomic64_read(&m->load->latency), then;

	if (!e) {
		e = inflight ? UNITS_UNKNOWN : 0;
	} else {
		then = atomic64_read(&m->load->sampled);
		if (!inflight && now > then)
			e = tcpvs_lt_decayed(e, now - then);
		e = (e >> UNIT_SHIFT) + 1;
	}
	return (struct tcpvs_cost){ e * (inflight + 1), m->weight };
}

static int lt_pick(struct tcpvs_set *set, const struct tcpvs_pick *pick)
{
	return tcpvs_least_pick(set, pick, ktime_get_ns(), lt_cost);
}

const struct tcpvs_sched_ops tcpvs_sched_lt = {
	.name		= "lt",
	.doc		= "Least time: the fastest to answer for its weight and its work in flight",
	.timed		= true,
	.init		= tcpvs_least_init,
	.exit		= tcpvs_least_exit,
	.inherit	= tcpvs_least_inherit,
	.pick		= lt_pick,
};
