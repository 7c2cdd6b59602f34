// SPDX-License-Identifier: GPL-2.0
/*
 * dfa_props.c - properties of automata: what is refused, and what a run reads
 *
 * Every byte string is also judged and run by a second reader, written plainly
 * over the whole buffer, and the two must agree.  The sanitizers watch that no
 * byte outside of the blob, which is allocated to its size, is read.
 */
#include "dfa_props.h"

static u32 word(const u8 *blob, u64 at)
{
	u32 v;

	memcpy(&v, blob + at, 4);
	return v;
}

/* Where the parts of a blob begin, as a second reader counts. */
struct plain {
	u64 states, classes, words, start;
	u64 wide, trans, accept, lists;
};

static u32 plain_next(const u8 *blob, const struct plain *p, u64 state, u8 class)
{
	u64 at = state * p->classes + class;
	u16 v;

	if (p->wide == 4)
		return word(blob, p->trans + 4 * at);
	memcpy(&v, blob + p->trans + 2 * at, 2);
	return v;
}

static bool plain_lists(const u8 *blob, const struct plain *p, u32 nmatches)
{
	u8 *begins = test_alloc(p->words);
	u64 at, i, n;
	bool ok = !word(blob, p->lists);

	memset(begins, 0, p->words);
	for (at = 1; ok && at < p->words; at += n + 1) {
		n = word(blob, p->lists + 4 * at);
		begins[at] = 1;
		ok = n && at + n < p->words;
		for (i = at + 1; ok && i <= at + n; i++) {
			u32 id = word(blob, p->lists + 4 * i);

			ok = id < nmatches &&
			     (i == at + 1 || id > word(blob, p->lists + 4 * i - 4));
		}
	}
	for (i = 0; ok && i < p->states; i++) {
		at = word(blob, p->accept + 4 * i);
		ok = !at || (i && at < p->words && begins[at]);
	}
	free(begins);
	return ok;
}

static bool plain_verify(const u8 *blob, u64 len, u32 nmatches, struct plain *p)
{
	u64 i, k;

	if (nmatches > TCPVS_DFA_MATCHES_MAX || len < 28 + 256 ||
	    word(blob, 0) != TCPVS_DFA_MAGIC || word(blob, 4) != 1 ||
	    word(blob, 24))
		return false;
	p->states = word(blob, 8);
	p->classes = word(blob, 12);
	p->words = word(blob, 16);
	p->start = word(blob, 20);
	if (!p->states || !p->classes || p->classes > 256 || !p->words ||
	    p->start >= p->states)
		return false;
	p->wide = p->states > 65535 ? 4 : 2;
	p->trans = 28 + 256;
	p->accept = p->trans + (p->states * p->classes * p->wide + 3) / 4 * 4;
	p->lists = p->accept + 4 * p->states;
	if (len != p->lists + 4 * p->words)
		return false;
	for (i = 0; i < 256; i++)
		if (blob[28 + i] >= p->classes)
			return false;
	for (i = 0; i < p->states; i++)
		for (k = 0; k < p->classes; k++)
			if (plain_next(blob, p, i, k) >= (i ? p->states : 1))
				return false;
	return plain_lists(blob, p, nmatches);
}

static void run_both(const struct tcpvs_dfa *d, const u8 *blob,
		     const struct plain *p, const u8 *in, u32 len)
{
	u32 want = p->start, got, i, n, cut = len / 2;
	const u32 *list;

	for (i = 0; i < len; i++)
		want = plain_next(blob, p, want, blob[28 + in[i]]);
	got = tcpvs_dfa_run(d, d->start, in, len);
	CHECK_MSG(got == want, in, len);
	got = tcpvs_dfa_run(d, d->start, in, cut);
	got = tcpvs_dfa_run(d, got, in + cut, len - cut);
	CHECK_MSG(got == want, in, len);

	list = tcpvs_dfa_list(d, got, &n);
	CHECK(n == (word(blob, p->accept + 4 * want) ?
		    word(blob, p->lists + 4 * word(blob, p->accept + 4 * want)) : 0));
	CHECK(n <= d->list_max);
	for (i = 0; i < n; i++)
		CHECK(tcpvs_dfa_accepts(d, got, list[i]) &&
		      (i + 1 == n || list[i + 1] == list[i] + 1 ||
		       !tcpvs_dfa_accepts(d, got, list[i] + 1)));
}

static int verify(struct tcpvs_dfa_verify *v, u8 *blob, u32 len, u32 nmatches,
		  u32 budget)
{
	int r = tcpvs_dfa_verify_begin(v, blob, len, nmatches);

	if (!r)
		do {
			r = tcpvs_dfa_verify_step(v, budget);
		} while (r > 0);
	return r;
}

/**
 * props_dfa() - check all properties of one byte string
 * @blob: what may be an automaton
 * @len: its length
 * @nmatches: expressions that there are
 *
 * Return: 0, or the negative TCPVS_DE_* with which it was refused
 */
int props_dfa(const u8 *blob, u32 len, u32 nmatches)
{
	static const u32 budgets[] = { U32_MAX, 1, 7 };
	struct tcpvs_dfa_verify v;
	struct plain p = {};
	bool ok = plain_verify(blob, len, nmatches, &p);
	u64 pos = 0;
	u8 *copy;
	int r = 0, first = 0;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(budgets); i++) {
		/* A blob of half a million entries is not for one at a time. */
		if (i && len > 65536)
			break;
		copy = test_copy(blob, len);
		r = verify(&v, copy, len, nmatches, budgets[i]);
		CHECK_MSG(!r == ok, blob, len);
		CHECK_MSG(!i || (r == first && v.pos == pos), blob, len);
		CHECK(r <= 0 && strcmp(tcpvs_dfa_err_name(r), "unknown"));
		first = r;
		pos = v.pos;
		if (!r) {
			CHECK(!memcmp(copy, blob, len));
			run_both(&v.dfa, copy, &p, blob, min(len, 4096u));
			run_both(&v.dfa, copy, &p, (const u8 *)"/images/a.png", 13);
		}
		free(copy);
	}
	return r;
}

/**
 * props_dfa_input() - the same for what a fuzzer makes up
 * @bytes: one byte that says how the rest is read, and a blob
 * @len: how many
 *
 * Few of its inputs would have the very size that their header makes it; with
 * bit 7 of the first byte, the header's count of list words is made to fit.
 */
void props_dfa_input(const u8 *bytes, u32 len)
{
	u32 states, classes;
	u64 used;
	u8 *blob;

	if (!len)
		return;
	len--;
	blob = test_copy(bytes + 1, len);
	if (bytes[0] & 0x80 && len >= 28) {
		states = word(blob, 8);
		classes = word(blob, 12);
		used = 28 + 256 + ((u64)states * classes * (states > 65535 ? 4 : 2) + 3) / 4 * 4 +
		       4ULL * states;
		if (classes <= 256 && used < len) {
			u32 words = (len - used) / 4;

			memcpy(blob + 16, &words, 4);
			len = used + 4 * words;
		}
	}
	props_dfa(blob, len, bytes[0] & 0x7f);
	free(blob);
}
