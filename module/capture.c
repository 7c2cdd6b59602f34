// SPDX-License-Identifier: GPL-2.0
/*
 * capture.c - verifying a capture table, and running it
 *
 * An automaton reads the text from its end; its state at each place tells from
 * which nodes the rest can be matched. Then a walk from the beginning does at each
 * place what the table says for state and node: of all ways that reach a match the
 * one that a backtracking search would find first, without ever coming back.
 *
 * So a run costs two looks into tables a byte for the automaton and one for the
 * walk. The states of a whole text would be two bytes a byte of it; instead those
 * at the ends of its pieces are kept, and those within a piece are found again when
 * the walk comes to it.
 *
 * Every entry is looked at once before anything is run: a verified entry leads to
 * a state or node that there is, so the runner needs no check but of what the walk
 * says about the group.
 *
 * Pure: any context, no allocation.
 */
#include "capture.h"

static u64 entries(const struct tcpvs_capture *c)
{
	return (u64)c->nstates * (c->nclasses + c->nnodes);
}

/**
 * tcpvs_capture_verify_begin() - look at the header of a table
 * @v: state of the verification
 * @blob: the table, aligned to 4 bytes; must stay until nobody uses it
 * @len: its size in bytes
 *
 * Return: 0, or -1 if it is none.
 */
int tcpvs_capture_verify_begin(struct tcpvs_capture_verify *v, const void *blob,
			       u64 len)
{
	const struct tcpvs_capture_header *h = blob;
	struct tcpvs_capture *c = &v->cap;

	memset(v, 0, sizeof(*v));
	if (len < sizeof(*h) || (unsigned long)blob % sizeof(u32) ||
	    h->magic != TCPVS_CAPTURE_MAGIC ||
	    h->version != TCPVS_CAPTURE_VERSION || h->flags)
		return -1;
	if (!h->nstates || h->nstates > TCPVS_CAPTURE_STATES_MAX ||
	    !h->nclasses || h->nclasses > 256 ||
	    !h->nnodes || h->nnodes > TCPVS_CAPTURE_NODES_MAX ||
	    h->start >= h->nstates)
		return -1;
	c->nstates = h->nstates;
	c->nclasses = h->nclasses;
	c->nnodes = h->nnodes;
	c->start = h->start;
	/* At most 2^16 * 2^15 * 2: no overflow. */
	if (len != ((sizeof(*h) + entries(c) * sizeof(u16) + 3) & ~3ULL))
		return -1;
	c->class = h->class;
	c->back = (const u16 *)(h + 1);
	c->step = c->back + (size_t)c->nstates * c->nclasses;
	return 0;
}

/**
 * tcpvs_capture_verify_step() - look at some more of a table
 * @v: from tcpvs_capture_verify_begin()
 * @budget: entries to look at, which bounds the time
 *
 * Return: 1 if there is more to look at, 0 when the table is verified, or -1,
 * after which it must not be used.
 */
int tcpvs_capture_verify_step(struct tcpvs_capture_verify *v, u32 budget)
{
	const struct tcpvs_capture *c = &v->cap;
	u64 nback = (u64)c->nstates * c->nclasses, n = entries(c), end;
	u32 i;

	for (i = 0; !v->pos && i < 256; i++)
		if (c->class[i] >= c->nclasses)
			return -1;
	end = min_t(u64, v->pos + max(budget, 1U), n);
	for (; v->pos < end; v->pos++) {
		u16 e = c->back[v->pos];

		if (v->pos < nback ? e >= c->nstates :
		    e != TCPVS_CAPTURE_NONE && (e & TCPVS_CAPTURE_NODE) >= c->nnodes)
			return -1;
	}
	return v->pos < n;
}

static u8 at(const struct tcpvs_capture_text *t, u32 i)
{
	return i < t->alen ? t->a[i] : t->b[i - t->alen];
}

/* The state at @lo, from that at @hi; those between into @out, if it is given. */
static u32 backwards(const struct tcpvs_capture *c,
		     const struct tcpvs_capture_text *t, u32 lo, u32 hi, u32 state,
		     u16 *out)
{
	while (hi > lo) {
		if (out)
			out[hi - lo] = state;
		state = c->back[(size_t)state * c->nclasses + c->class[at(t, --hi)]];
	}
	if (out)
		out[0] = state;
	return state;
}

/**
 * tcpvs_capture_run() - find where the group lies
 * @c: a verified table
 * @t: the text, at most TCPVS_CAPTURE_TEXT_MAX bytes
 * @s: scratch, the caller's alone while this runs
 * @from: set to where it begins
 * @to: set to where it ends
 *
 * Return: false if the expression does not match, or the group took no part.
 */
bool tcpvs_capture_run(const struct tcpvs_capture *c,
		       const struct tcpvs_capture_text *t,
		       struct tcpvs_capture_scratch *s, u32 *from, u32 *to)
{
	u32 n = t->alen + t->blen, k, lo, hi, i, node = 0, state = c->start;
	bool opened = false, closed = false;
	u32 last;

	if (n > TCPVS_CAPTURE_TEXT_MAX)
		return false;
	last = n ? (n - 1) / TCPVS_CAPTURE_PIECE : 0;
	for (k = last, hi = n; k; k--, hi = lo) {
		s->mark[k] = state;
		lo = k * TCPVS_CAPTURE_PIECE;
		state = backwards(c, t, lo, hi, state, NULL);
	}
	s->mark[0] = state;
	for (k = 0; k <= last; k++) {
		lo = k * TCPVS_CAPTURE_PIECE;
		hi = min(lo + TCPVS_CAPTURE_PIECE, n);
		backwards(c, t, lo, hi, s->mark[k], s->state);
		/* The place behind the last byte belongs to the last piece. */
		for (i = lo; i < hi + (k == last); i++) {
			u16 e = c->step[(size_t)s->state[i - lo] * c->nnodes + node];

			if (e == TCPVS_CAPTURE_NONE)
				return false;
			if (e & TCPVS_CAPTURE_OPEN) {
				*from = i;
				opened = true;
			}
			if (e & TCPVS_CAPTURE_CLOSE) {
				*to = i;
				closed = true;
			}
			node = e & TCPVS_CAPTURE_NODE;
			if (!node)
				return opened && closed && *from <= *to;
		}
	}
	return false;
}
