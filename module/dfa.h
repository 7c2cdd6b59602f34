/* SPDX-License-Identifier: GPL-2.0 */
/*
 * dfa.h - automata that user space compiled from regular expressions
 *
 * One automaton answers for many expressions at once: each byte of the input is
 * one look into a table, and the list of the state in which the input ends says
 * which expressions match.  There is no backtracking and nothing to grow.
 *
 * A blob comes from user space and is hostile until tcpvs_dfa_verify_step() has
 * said otherwise.  Pure functions, no allocation; any context.
 */
#ifndef TCPVS_DFA_H
#define TCPVS_DFA_H

#include "pure.h"

#define TCPVS_DFA_MAGIC		0x54445641
#define TCPVS_DFA_VERSION	1
/* Bit 31 of a list's count is the verifier's, so a match id has 31 bits. */
#define TCPVS_DFA_MATCHES_MAX	((1U << 31) - 1)

/**
 * struct tcpvs_dfa_header - how a blob begins, in the byte order of the host
 * @magic: TCPVS_DFA_MAGIC
 * @version: TCPVS_DFA_VERSION
 * @nstates: states, at least 1; state 0 is dead
 * @nclasses: classes of bytes, 1 to 256
 * @nlists: words of the lists, at least 1
 * @start: state before the first byte
 * @flags: 0
 * @class: the class of each byte
 *
 * Behind it, without gaps:
 * the transitions, nstates rows of nclasses: u16 if nstates <= 65535, padded to
 * a multiple of 4 bytes, else u32;
 * u32 accept[nstates]: 0 or where in the lists that of the state begins;
 * u32 lists[nlists]: word 0 is 0, then the lists back to back: a count of at
 * least 1 and so many match ids in ascending order.
 */
struct tcpvs_dfa_header {
	u32 magic;
	u32 version;
	u32 nstates;
	u32 nclasses;
	u32 nlists;
	u32 start;
	u32 flags;
	u8 class[256];
};

/* Why a blob was refused.  Functions return the negative of these. */
enum tcpvs_dfa_err {
	TCPVS_DE_NONE,
	TCPVS_DE_TRUNCATED,	/* no whole header, or not aligned */
	TCPVS_DE_MAGIC,
	TCPVS_DE_VERSION,
	TCPVS_DE_FLAGS,
	TCPVS_DE_STATES,
	TCPVS_DE_CLASSES,
	TCPVS_DE_SIZE,		/* not the size that the header makes it */
	TCPVS_DE_START,
	TCPVS_DE_CLASS,		/* a byte of no class */
	TCPVS_DE_TRANSITION,	/* to a state that is none */
	TCPVS_DE_DEAD,		/* state 0 leads somewhere or accepts */
	TCPVS_DE_ACCEPT,	/* does not point to the beginning of a list */
	TCPVS_DE_LIST,		/* a list that does not end, or has nothing */
	TCPVS_DE_MATCH,		/* an id that is none, or not ascending */
	__TCPVS_DE_MAX,
};

/**
 * struct tcpvs_dfa - a blob that was verified
 * @class: the class of each byte
 * @trans: the transitions, u16 or u32
 * @accept: where the list of each state is
 * @lists: the lists
 * @nstates: states
 * @nclasses: classes
 * @nlists: words in @lists
 * @nmatches: match ids are below this
 * @start: state before the first byte
 * @list_max: ids in the longest list
 * @wide: transitions are u32
 */
struct tcpvs_dfa {
	const u8 *class;
	const void *trans;
	const u32 *accept;
	u32 *lists;
	u32 nstates;
	u32 nclasses;
	u32 nlists;
	u32 nmatches;
	u32 start;
	u32 list_max;
	bool wide;
};

/**
 * struct tcpvs_dfa_verify - a verification under way
 * @dfa: valid when tcpvs_dfa_verify_step() returned 0
 * @stage: what is looked at
 * @pos: how far in it; after a refusal the entry at fault
 * @left: in the lists: ids to come of this list
 * @last: in the lists: the id before, plus 1
 */
struct tcpvs_dfa_verify {
	struct tcpvs_dfa dfa;
	u32 stage;
	u64 pos;
	u32 left;
	u32 last;
};

int tcpvs_dfa_verify_begin(struct tcpvs_dfa_verify *v, void *blob, u64 len,
			   u32 nmatches);
int tcpvs_dfa_verify_step(struct tcpvs_dfa_verify *v, u32 budget);
u32 tcpvs_dfa_run(const struct tcpvs_dfa *d, u32 state, const u8 *p, u32 len);
bool tcpvs_dfa_accepts(const struct tcpvs_dfa *d, u32 state, u32 id);
const char *tcpvs_dfa_err_name(int err);

/**
 * tcpvs_dfa_list() - the expressions that match if the input ends here
 * @d: the automaton
 * @state: of tcpvs_dfa_run()
 * @n: how many they are
 *
 * Return: their ids in ascending order
 */
static inline const u32 *tcpvs_dfa_list(const struct tcpvs_dfa *d, u32 state,
					u32 *n)
{
	/* Word 0 of the lists is the empty list of those that accept nothing. */
	const u32 *list = d->lists + d->accept[state];

	*n = list[0];
	return list + 1;
}

#endif /* TCPVS_DFA_H */
