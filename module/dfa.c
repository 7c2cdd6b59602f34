// SPDX-License-Identifier: GPL-2.0
/*
 * dfa.c - verifying an automaton, and running it
 *
 * Every entry of a blob is looked at once before anything is run on it, in
 * slices between which the caller may yield.  So the runner needs no check: a
 * verified transition leads to a state, a verified class has a column.
 *
 * An accepting state must point to the beginning of a list, and many states may
 * share one.  Looking through the list for each of them could cost states times
 * ids; instead the lists are walked once and the count of each is marked with
 * bit 31, which no id has.  An entry is good if and only if it points to a mark.
 * The marks are taken off at the end.  That is why the blob must be writable,
 * and why one that was refused is good for nothing.
 *
 * Pure: any context, no allocation.
 */
#include "dfa.h"

#define MARK	0x80000000U

enum { STAGE_CLASS, STAGE_TRANS, STAGE_LISTS, STAGE_ACCEPT, STAGE_UNMARK, STAGE_DONE };

/**
 * tcpvs_dfa_verify_begin() - look at the header of a blob
 * @v: state of the verification
 * @blob: the blob, aligned to 4 bytes; must stay until nobody uses the automaton
 * @len: its size in bytes
 * @nmatches: ids in its lists must be below this
 *
 * Return: 0, or a negative TCPVS_DE_*
 */
int tcpvs_dfa_verify_begin(struct tcpvs_dfa_verify *v, void *blob, u64 len,
			   u32 nmatches)
{
	const struct tcpvs_dfa_header *h = blob;
	struct tcpvs_dfa *d = &v->dfa;
	u64 trans;

	memset(v, 0, sizeof(*v));
	if (len < sizeof(*h) || (unsigned long)blob % sizeof(u32))
		return -TCPVS_DE_TRUNCATED;
	if (h->magic != TCPVS_DFA_MAGIC)
		return -TCPVS_DE_MAGIC;
	if (h->version != TCPVS_DFA_VERSION)
		return -TCPVS_DE_VERSION;
	if (h->flags)
		return -TCPVS_DE_FLAGS;
	if (!h->nstates)
		return -TCPVS_DE_STATES;
	if (!h->nclasses || h->nclasses > 256)
		return -TCPVS_DE_CLASSES;
	if (!h->nlists)
		return -TCPVS_DE_LIST;
	if (h->start >= h->nstates)
		return -TCPVS_DE_START;
	if (nmatches > TCPVS_DFA_MATCHES_MAX)
		return -TCPVS_DE_MATCH;

	d->wide = h->nstates > U16_MAX;
	/* At most 2^32 * 2^8 * 2^2: no overflow, and nothing is allocated. */
	trans = (u64)h->nstates * h->nclasses * (d->wide ? 4 : 2);
	trans = (trans + 3) & ~3ULL;
	if (len != sizeof(*h) + trans + 4ULL * h->nstates + 4ULL * h->nlists)
		return -TCPVS_DE_SIZE;

	d->class = h->class;
	d->trans = h + 1;
	d->accept = (const u32 *)((const u8 *)d->trans + trans);
	d->lists = (u32 *)d->accept + h->nstates;
	d->nstates = h->nstates;
	d->nclasses = h->nclasses;
	d->nlists = h->nlists;
	d->nmatches = nmatches;
	d->start = h->start;
	return 0;
}

static int verify_class(struct tcpvs_dfa_verify *v, u64 from, u64 to)
{
	const struct tcpvs_dfa *d = &v->dfa;
	u64 i;

	for (i = from; i < to; i++) {
		v->pos = i;
		if (d->class[i] >= d->nclasses)
			return -TCPVS_DE_CLASS;
	}
	return 0;
}

static int verify_trans(struct tcpvs_dfa_verify *v, u64 from, u64 to)
{
	const struct tcpvs_dfa *d = &v->dfa;
	u64 i;

	for (i = from; i < to; i++) {
		u32 next = d->wide ? ((const u32 *)d->trans)[i]
				   : ((const u16 *)d->trans)[i];

		v->pos = i;
		if (next >= d->nstates)
			return -TCPVS_DE_TRANSITION;
		if (next && i < d->nclasses)
			return -TCPVS_DE_DEAD;
	}
	return 0;
}

/* Walks the lists once, and marks where each begins. */
static int verify_lists(struct tcpvs_dfa_verify *v, u64 from, u64 to)
{
	struct tcpvs_dfa *d = &v->dfa;
	u64 i;

	for (i = from; i < to; i++) {
		u32 w = d->lists[i];

		v->pos = i;
		if (!i) {
			if (w)
				return -TCPVS_DE_LIST;
		} else if (v->left) {
			if (w >= d->nmatches || w < v->last)
				return -TCPVS_DE_MATCH;
			v->last = w + 1;
			v->left--;
		} else {
			if (!w || w >= MARK || w >= d->nlists - i)
				return -TCPVS_DE_LIST;
			d->list_max = max(d->list_max, w);
			d->lists[i] = w | MARK;
			v->left = w;
			v->last = 0;
		}
	}
	return 0;
}

static int verify_accept(struct tcpvs_dfa_verify *v, u64 from, u64 to)
{
	const struct tcpvs_dfa *d = &v->dfa;
	u64 i;

	for (i = from; i < to; i++) {
		u32 at = d->accept[i];

		v->pos = i;
		if (!at)
			continue;
		if (!i)
			return -TCPVS_DE_DEAD;
		if (at >= d->nlists || !(d->lists[at] & MARK))
			return -TCPVS_DE_ACCEPT;
	}
	return 0;
}

/**
 * tcpvs_dfa_verify_step() - look at some more of a blob
 * @v: from tcpvs_dfa_verify_begin()
 * @budget: entries to look at, which bounds the time
 *
 * Return: 1 if there is more to look at, 0 when the automaton is verified, or a
 * negative TCPVS_DE_*, after which the blob must not be used
 */
int tcpvs_dfa_verify_step(struct tcpvs_dfa_verify *v, u32 budget)
{
	struct tcpvs_dfa *d = &v->dfa;
	const u64 size[] = {
		[STAGE_CLASS] = 256,
		[STAGE_TRANS] = (u64)d->nstates * d->nclasses,
		[STAGE_LISTS] = d->nlists,
		[STAGE_ACCEPT] = d->nstates,
		[STAGE_UNMARK] = d->nlists,
	};
	u64 from = v->pos, to, i;
	int err = 0;

	if (v->stage == STAGE_DONE)
		return 0;
	to = min_t(u64, from + max(budget, 1U), size[v->stage]);
	switch (v->stage) {
	case STAGE_CLASS:
		err = verify_class(v, from, to);
		break;
	case STAGE_TRANS:
		err = verify_trans(v, from, to);
		break;
	case STAGE_LISTS:
		err = verify_lists(v, from, to);
		break;
	case STAGE_ACCEPT:
		err = verify_accept(v, from, to);
		break;
	case STAGE_UNMARK:
		for (i = from; i < to; i++)
			d->lists[i] &= ~MARK;
		break;
	}
	if (err)
		return err;
	v->pos = to;
	if (to == size[v->stage]) {
		v->stage++;
		v->pos = 0;
	}
	return v->stage != STAGE_DONE;
}

/**
 * tcpvs_dfa_run() - feed some bytes of the input
 * @d: a verified automaton
 * @state: d->start before the first byte, else what the call before returned
 * @p: the bytes
 * @len: how many
 *
 * The input may come in pieces of any size.  One look into the classes and one
 * into the transitions a byte; nothing after the state is dead.
 *
 * Return: the state behind them
 */
u32 tcpvs_dfa_run(const struct tcpvs_dfa *d, u32 state, const u8 *p, u32 len)
{
	const u8 *class = d->class, *end = p + len;
	const size_t row = d->nclasses;
	size_t s = state;

	if (d->wide) {
		const u32 *trans = d->trans;

		while (p < end && s)
			s = trans[s * row + class[*p++]];
	} else {
		const u16 *trans = d->trans;

		while (p < end && s)
			s = trans[s * row + class[*p++]];
	}
	return s;
}

/**
 * tcpvs_dfa_accepts() - does one expression match if the input ends here?
 * @d: a verified automaton
 * @state: of tcpvs_dfa_run()
 * @id: the expression
 *
 * Return: whether its list has @id
 */
bool tcpvs_dfa_accepts(const struct tcpvs_dfa *d, u32 state, u32 id)
{
	u32 lo = 0, hi, n;
	const u32 *list = tcpvs_dfa_list(d, state, &n);

	for (hi = n; lo < hi;) {
		u32 mid = lo + (hi - lo) / 2;

		if (list[mid] < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && list[lo] == id;
}

static const char * const dfa_err[__TCPVS_DE_MAX] = {
	[TCPVS_DE_NONE] = "none",
	[TCPVS_DE_TRUNCATED] = "truncated",
	[TCPVS_DE_MAGIC] = "magic",
	[TCPVS_DE_VERSION] = "version",
	[TCPVS_DE_FLAGS] = "flags",
	[TCPVS_DE_STATES] = "states",
	[TCPVS_DE_CLASSES] = "classes",
	[TCPVS_DE_SIZE] = "size",
	[TCPVS_DE_START] = "start",
	[TCPVS_DE_CLASS] = "class",
	[TCPVS_DE_TRANSITION] = "transition",
	[TCPVS_DE_DEAD] = "dead",
	[TCPVS_DE_ACCEPT] = "accept",
	[TCPVS_DE_LIST] = "list",
	[TCPVS_DE_MATCH] = "match",
};

/**
 * tcpvs_dfa_err_name() - a word for an error
 * @err: TCPVS_DE_* or its negative
 *
 * Return: the word
 */
const char *tcpvs_dfa_err_name(int err)
{
	if (err < 0)
		err = -err;
	return err < __TCPVS_DE_MAX ? dfa_err[err] : "unknown";
}
