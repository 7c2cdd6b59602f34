// SPDX-License-Identifier: GPL-2.0
/*
 * test_dfa.c - automata: what the compiler of internal/automaton makes of
 * expressions, and what becomes of blobs that are damaged
 *
 * The inputs of testdata/rules/automata.tsv must tell the expressions that Go's
 * package regexp says match, in whatever pieces they come and whether states
 * have 16 bits or 32.  Then every word of a small blob is changed in turn, in
 * every way that could matter, and it is cut at every length.
 */
#include "dfa_set.h"
#include "dfa_props.h"

#define HEAD	(28 + 256)

static unsigned long seen[__TCPVS_DE_MAX];

static void verified(struct tcpvs_dfa *d, u8 *blob, u32 len, u32 nmatches)
{
	struct tcpvs_dfa_verify v;
	int r = tcpvs_dfa_verify_begin(&v, blob, len, nmatches);

	while (!r && tcpvs_dfa_verify_step(&v, 1000) > 0)
		;
	if (!CHECK(!r && !tcpvs_dfa_verify_step(&v, 1)))
		exit(test_summary("automata"));
	*d = v.dfa;
}

/* The same automaton with states that nothing leads to, so that they need 32 bits. */
static u8 *widen(const u8 *blob, u32 *len)
{
	const u32 *h = (const u32 *)blob;
	u32 states = 65536, classes = h[3], lists = 4 * h[4], i;
	u32 size = HEAD + 4 * states * classes + 4 * states + lists;
	const u16 *from = (const u16 *)(blob + HEAD);
	u8 *wide = test_alloc(size);
	u32 *trans = (u32 *)(wide + HEAD), *accept = trans + states * classes;

	memset(wide, 0, size);
	memcpy(wide, blob, HEAD);
	((u32 *)wide)[2] = states;
	for (i = 0; i < h[2] * classes; i++)
		trans[i] = from[i];
	memcpy(accept, blob + *len - lists - 4 * h[2], 4 * h[2]);
	memcpy(accept + states, blob + *len - lists, lists);
	*len = size;
	return wide;
}

static u64 told(const struct tcpvs_dfa *d, u32 state)
{
	u64 bits = 0;
	u32 n, i;
	const u32 *list = tcpvs_dfa_list(d, state, &n);

	for (i = 0; i < n; i++)
		bits |= BIT_ULL(list[i] & 63);
	return bits;
}

static u32 run_set(struct dfa_set *s, bool wide)
{
	struct tcpvs_dfa d[DFA_SET_BLOBS];
	u8 *blob[DFA_SET_BLOBS];
	u32 i, k, cut, len;

	test_what = s->name;
	for (k = 0; k < s->nblob; k++) {
		len = s->len[k];
		blob[k] = wide ? widen(s->blob[k], &len) : test_copy(s->blob[k], len);
		verified(&d[k], blob[k], len, s->id[s->nexpr - 1] + 1);
		CHECK(d[k].wide == wide);
	}
	for (i = 0; i < s->ninput; i++) {
		u8 *in = test_copy(s->input[i], s->ilen[i]);

		len = s->ilen[i];
		for (cut = 0; cut <= len; cut++) {
			u64 got = 0;

			for (k = 0; k < s->nblob; k++) {
				u32 state = tcpvs_dfa_run(&d[k], d[k].start, in, cut);

				state = tcpvs_dfa_run(&d[k], state, in + cut, len - cut);
				got |= told(&d[k], state);
			}
			if (!CHECK_MSG(got == s->want[i], in, len))
				printf("  expected bits %#llx, got %#llx\n",
				       (unsigned long long)s->want[i],
				       (unsigned long long)got);
		}
		free(in);
	}
	for (k = 0; k < s->nblob; k++)
		free(blob[k]);
	return s->ninput;
}

static int damaged(const u8 *blob, u32 len, u32 nmatches)
{
	int r = props_dfa(blob, len, nmatches);

	seen[-r]++;
	return r;
}

static void damage(const struct dfa_set *s)
{
	u32 nmatches = s->id[s->nexpr - 1] + 1, len = s->len[0], i, k;
	const u32 *h = (const u32 *)s->blob[0];
	u8 *blob = test_alloc(len + 64);

	test_what = s->name;
	memset(blob, 0, len + 64);
	memcpy(blob, s->blob[0], len);
	CHECK(!damaged(blob, len, nmatches));
	/* An expression that nothing matches is in no list. */
	CHECK(damaged(blob, len, 0) == (h[4] == 1 ? 0 : -TCPVS_DE_MATCH));
	CHECK(damaged(blob, len, TCPVS_DFA_MATCHES_MAX + 1) == -TCPVS_DE_MATCH);
	for (i = 0; i < len; i++)
		CHECK(damaged(blob, i, nmatches) == (i < HEAD ? -TCPVS_DE_TRUNCATED :
							      -TCPVS_DE_SIZE));
	for (i = 1; i <= 64; i++)
		CHECK(damaged(blob, len + i, nmatches) == -TCPVS_DE_SIZE);
	/* Each word, or byte of the classes, in turn. */
	for (i = 0; i < len; i += i < 28 || i >= HEAD ? 4 : 1) {
		const u32 values[] = {
			0, 1, 2, 3, h[2] - 1, h[2], h[3], h[4] - 1, h[4], nmatches,
			256, 257, 65535, 65536, 65537, 0x7fffffff, 0x80000000,
			0x80000001, 0x10001, h[2] << 16, U32_MAX,
		};
		u32 was = *(u32 *)(blob + i / 4 * 4);

		for (k = 0; k < ARRAY_SIZE(values); k++) {
			if (i >= 28 && i < HEAD)
				blob[i] = values[k];
			else
				*(u32 *)(blob + i) = values[k];
			damaged(blob, len, nmatches);
		}
		*(u32 *)(blob + i / 4 * 4) = was;
	}
	/* And many at once. */
	for (i = 0; i < 2000; i++) {
		memcpy(blob, s->blob[0], len);
		for (k = 1 + test_rand(3); k; k--)
			blob[test_rand(len)] = test_rand(4) ? test_rand(8) : test_rand(256);
		damaged(blob, len, nmatches);
	}
	free(blob);
}

/* Which entry is at fault, and that sizes near 2^64 do not wrap around. */
static void refusals(const struct dfa_set *s)
{
	static const u32 huge[][3] = {	/* states, classes, words */
		{ U32_MAX, 256, U32_MAX }, { 0x40000000, 4, 1 }, { 0x80000000, 2, 1 },
		{ 0x10000000, 16, 0x40000000 }, { 2, 1, U32_MAX }, { U32_MAX, 1, 1 },
		{ 65536, 256, 1 }, { 0xaaaaaaab, 3, 0x55555555 },
	};
	u32 len = s->len[0], i;
	struct tcpvs_dfa_verify v;
	u8 *blob = test_copy(s->blob[0], len);
	u32 *h = (u32 *)blob;

	test_what = "huge";
	for (i = 0; i < ARRAY_SIZE(huge); i++) {
		memcpy(&h[2], huge[i], sizeof(huge[i]));
		CHECK(damaged(blob, len, 100) == -TCPVS_DE_SIZE);
		CHECK(tcpvs_dfa_verify_begin(&v, blob, 2ULL << 30, 100) ==
		      -TCPVS_DE_SIZE);
	}
	memcpy(blob, s->blob[0], len);

	test_what = "culprit";
	CHECK(tcpvs_dfa_verify_begin(&v, blob + 1, len - 1, 100) ==
	      -TCPVS_DE_TRUNCATED);
	blob[28 + 77] = h[3];
	CHECK(!tcpvs_dfa_verify_begin(&v, blob, len, 100));
	CHECK(tcpvs_dfa_verify_step(&v, U32_MAX) == -TCPVS_DE_CLASS && v.pos == 77);
	blob[28 + 77] = 0;
	((u16 *)(blob + HEAD))[h[3] + 1] = h[2];
	CHECK(!tcpvs_dfa_verify_begin(&v, blob, len, 100));
	CHECK(tcpvs_dfa_verify_step(&v, U32_MAX) == 1);
	CHECK(tcpvs_dfa_verify_step(&v, U32_MAX) == -TCPVS_DE_TRANSITION &&
	      v.pos == h[3] + 1);
	CHECK(!strcmp(tcpvs_dfa_err_name(-TCPVS_DE_DEAD), "dead"));
	CHECK(!strcmp(tcpvs_dfa_err_name(__TCPVS_DE_MAX), "unknown"));
	free(blob);
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] :
				      "../../testdata/rules/automata.tsv";
	struct dfa_set *sets;
	u32 n, i, inputs = 0;

	n = dfa_sets(path, &sets);
	for (i = 0; i < n; i++) {
		inputs += run_set(&sets[i], false);
		run_set(&sets[i], true);
		if (sets[i].len[0] < 1500)
			damage(&sets[i]);
	}
	refusals(&sets[2]);
	test_what = "reasons";
	for (i = 0; i < __TCPVS_DE_MAX; i++)
		if (!CHECK(seen[i]))
			printf("  nothing was refused for %s\n", tcpvs_dfa_err_name(i));
	printf("automata: %u sets, %u inputs\n", n, inputs);
	dfa_sets_free(sets, n);
	return test_summary("automata");
}
