/* SPDX-License-Identifier: GPL-2.0 */
/*
 * route_impl.h - what the route*.c files share among themselves
 *
 * A rule with a literal or template path, or without one, is in exactly one
 * list, that of its host and path.  Lists are chains through the rules, in table
 * order.  A list hangs on a node of a trie of paths, which hangs on an entry of
 * the hash of hosts.  A rule with an expression on its path is in no list: the
 * automaton names it.
 *
 * A trie has nodes of two directions.  In the upward ones labels are matched
 * with the path from left to right.  A parameter turns: its upward node leads to
 * a trie of the texts that may follow it in its segment, whose labels are
 * matched downwards from the segment's end; where such a text ends, an upward
 * trie goes on behind the segment.  So the number of different texts behind a
 * parameter costs nothing, as that of different texts before it.
 */
#ifndef TCPVS_ROUTE_IMPL_H
#define TCPVS_ROUTE_IMPL_H

#include "route.h"

#define NONE	TCPVS_ROUTE_NONE
/* Longest search in the hash; a table with a longer one is refused. */
#define ROUTE_PROBES_MAX	128

/* What a key of the hash is.  Entry 0, of any host, is not in the hash. */
enum {
	KEY_ANY,
	KEY_HOST,		/* a name, in lower case */
	KEY_HOST_SUFFIX,	/* what stands behind "*." */
	KEY_SNI,
	KEY_SNI_SUFFIX,
};

/**
 * struct route_entry - an entry of the hash
 * @hash: of the key
 * @key: where in the text the key is
 * @len: its length
 * @kind: KEY_*
 * @root: root of the trie of paths, or NONE
 */
struct route_entry {
	u32 hash;
	u32 key;
	u16 len;
	u8 kind;
	u32 root;
};

/**
 * struct route_cond - a match that no index has decided
 * @what: TCPVS_RM_*
 * @op: TCPVS_RO_*
 * @last: the rule has no more
 * @dfa: regex: the automaton
 * @nlen: length of the name
 * @vlen: length of the value
 * @text: where in the text name and value are, back to back
 * @arg: regex: match id; method: bits of TCPVS_M_*
 */
struct route_cond {
	u8 what;
	u8 op;
	u8 last;
	u8 dfa;
	u16 nlen;
	u16 vlen;
	u32 text;
	u32 arg;
};

/**
 * struct route_rule - a rule
 * @next: the next of its list
 * @cond: its first condition, or NONE
 * @host: the entry of its host
 */
struct route_rule {
	u32 next;
	u32 cond;
	u32 host;
};

/**
 * struct route_regex - the rule whose path an expression decides
 * @rule: its number, or NONE
 * @dfa: the automaton that may say so
 */
struct route_regex {
	u32 rule;
	u32 dfa;
};

/**
 * struct route_node - a node of a trie of paths
 * @label: where in the text the bytes are that lead here
 * @len: how many
 * @nchild: children, sorted by their first bytes
 * @child: the first of them; they lie side by side
 * @turn: the node in the other direction: upward, what may follow a parameter
 *	that begins here; downward, what may follow the segment
 * @exact: list of the rules for the path that ends here
 * @prefix: list of the rules for all paths that go through here
 * @low: the first rule of all lists from here on
 */
struct route_node {
	u32 label;
	u16 len;
	u16 nchild;
	u32 child;
	u32 turn;
	u32 exact;
	u32 prefix;
	u32 low;
};

/**
 * struct route_dfa - an automaton of a table
 * @dfa: it
 * @input: TCPVS_RI_*
 * @first: lowest rule that needs it, or NONE
 * @cond: the first condition that needs it, which tells the name, or NONE
 */
struct route_dfa {
	struct tcpvs_dfa dfa;
	u8 input;
	u32 first;
	u32 cond;
};

/**
 * struct tcpvs_route - a finished table
 * @node: nodes of all tries
 * @first: the first byte of each node's label
 * @rule: rules
 * @cond: conditions
 * @entry: entries of the hash; number 0 is that of any host
 * @regex: by match id, the rules whose paths are expressions
 * @slot: the hash: numbers of entries plus 1, or 0
 * @text: all strings
 * @dfa: the automata
 * @nnode: nodes
 * @nrule: rules
 * @ncond: conditions
 * @nentry: entries
 * @nregex: elements of @regex
 * @ntext: bytes of text
 * @nslot: slots, a power of 2, or 0
 * @ndfa: automata
 * @kinds: bits of KEY_* that there are
 * @visits: nodes that one lookup can visit
 * @ways: ways that one lookup can leave for later
 * @probes: longest search in the hash
 * @seed: of the hash
 * @held: bytes held
 * @peak: most bytes held while this was built
 * @mem: where the memory is from
 */
struct tcpvs_route {
	struct route_node *node;
	u8 *first;
	struct route_rule *rule;
	struct route_cond *cond;
	struct route_entry *entry;
	struct route_regex *regex;
	u32 *slot;
	u8 *text;
	struct route_dfa *dfa;
	u32 nnode;
	u32 nrule;
	u32 ncond;
	u32 nentry;
	u32 nregex;
	u32 ntext;
	u32 nslot;
	u32 ndfa;
	u32 kinds;
	u32 visits;
	u32 ways;
	u32 probes;
	u64 seed;
	u64 held;
	u64 peak;
	struct tcpvs_route_mem mem;
};

#define ROUTE_CHUNK	16384

/**
 * struct route_array - an array that grows without moving
 * @chunk: pieces of ROUTE_CHUNK bytes
 * @nchunk: pieces
 * @dir: room in @chunk
 * @per: elements a piece, a power of 2
 * @shift: its logarithm
 * @size: bytes of an element
 * @n: elements
 */
struct route_array {
	void **chunk;
	u32 nchunk;
	u32 dir;
	u32 per;
	u32 shift;
	u32 size;
	u32 n;
};

/**
 * struct route_bnode - a node while the table is built
 * @label: where its label is in the text
 * @len: its length
 * @child: first child
 * @sib: next child of its parent; they are sorted
 * @turn: as in struct route_node
 * @exact: last rule of the list, which is a ring
 * @prefix: the same
 */
struct route_bnode {
	u32 label;
	u16 len;
	u32 child;
	u32 sib;
	u32 turn;
	u32 exact;
	u32 prefix;
};

/* How deep into a trie the way of the last path is remembered. */
#define ROUTE_STEPS_MAX	32

/**
 * struct route_step - a node on the way of the last path
 * @node: the node
 * @at: bytes of the path up to its end
 */
struct route_step {
	u32 node;
	u32 at;
};

/**
 * struct tcpvs_route_build - a table being built
 * @node: struct route_bnode
 * @rule: struct route_rule
 * @cond: struct route_cond
 * @entry: struct route_entry
 * @regex: struct route_regex
 * @text: bytes; no string lies across two pieces
 * @slot: the hash, as in the table
 * @nslot: its size
 * @probes: longest search in it
 * @kinds: bits of KEY_* that there are
 * @ndfa: automata
 * @dfa: the automata
 * @limits: bounds
 * @mem: where the memory is from
 * @held: bytes of it now
 * @peak: most bytes of it so far
 * @seed: of the hash
 * @err: a failure after which nothing more can be added
 * @host: entry of the last rule that had a host
 * @root: root of the trie in which the last path was walked, or NONE
 * @nlast: bytes in @last
 * @nstep: length of @step
 * @step: nodes on its way, none of which was split since
 * @last: the last path, or the literal text that a template begins with
 * @tmp: text turned round
 */
struct tcpvs_route_build {
	struct route_array node;
	struct route_array rule;
	struct route_array cond;
	struct route_array entry;
	struct route_array regex;
	struct route_array text;
	u32 *slot;
	u32 nslot;
	u32 probes;
	u32 kinds;
	u32 ndfa;
	struct route_dfa *dfa;
	struct tcpvs_route_limits limits;
	struct tcpvs_route_mem mem;
	u64 held;
	u64 peak;
	u64 seed;
	int err;
	u32 host;
	u32 root;
	u32 nlast;
	u32 nstep;
	struct route_step step[ROUTE_STEPS_MAX];
	u8 last[TCPVS_ROUTE_TEXT_MAX];
	u8 tmp[TCPVS_ROUTE_TEXT_MAX];
};

static inline void *route_at(const struct route_array *a, u32 i)
{
	return (u8 *)a->chunk[i >> a->shift] + (size_t)(i & (a->per - 1)) * a->size;
}

/* Equal bytes; a word at a time, since most labels are a word or two. */
static __always_inline bool route_eq(const u8 *a, const u8 *b, u32 n)
{
	for (; n >= 8; n -= 8, a += 8, b += 8)
		if (get_unaligned_le64(a) != get_unaligned_le64(b))
			return false;
	for (; n; n--)
		if (*a++ != *b++)
			return false;
	return true;
}

/* Bytes that are equal at the beginning of both. */
static __always_inline u32 route_common(const u8 *a, const u8 *b, u32 n)
{
	u32 i = 0;

	while (i + 8 <= n && get_unaligned_le64(a + i) == get_unaligned_le64(b + i))
		i += 8;
	while (i < n && a[i] == b[i])
		i++;
	return i;
}

static inline u8 route_lower(u8 c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/*
 * A key is hashed from its last byte to its first, so that the hashes of all
 * suffixes of a name come for nothing.  The seed is a secret of the table.
 */
static __always_inline u64 route_hash_byte(u64 h, u8 c)
{
	return (h ^ c) * 0x100000001b3ULL;
}

static __always_inline u32 route_hash_end(u64 h, u32 kind)
{
	h = (h ^ h >> 29 ^ kind) * 0x9e3779b97f4a7c15ULL;
	return h >> 32;
}

/**
 * struct route_lookup - a lookup under way
 * @t: the table
 * @req: the request
 * @s: scratch
 * @path: the path
 * @len: its length
 * @best: the first rule that was found to match, or NONE
 */
struct route_lookup {
	const struct tcpvs_route *t;
	const struct tcpvs_route_request *req;
	struct tcpvs_route_scratch *s;
	const u8 *path;
	u32 len;
	u32 best;
};

/* route_mem.c */
void *tcpvs_route_alloc(struct tcpvs_route_build *b, size_t size);
void tcpvs_route_release(struct tcpvs_route_build *b, void *p, size_t size);
int tcpvs_route_reserve(struct tcpvs_route_build *b, struct route_array *a,
			u32 n);
void tcpvs_route_array_free(struct tcpvs_route_build *b, struct route_array *a);
u32 tcpvs_route_add_text(struct tcpvs_route_build *b, const u8 *q, u32 qlen,
			 const u8 *p, u32 len);
u32 tcpvs_route_entry(struct tcpvs_route_build *b, u32 kind, const u8 *key,
		      u32 len);

/* route_build.c */
u32 tcpvs_route_host_again(const struct tcpvs_route_build *b,
			   const struct tcpvs_route_match *m);

/* route_check.c */
int tcpvs_route_check(const struct tcpvs_route_build *b,
		      const struct tcpvs_route_match *m);
bool tcpvs_route_param(const u8 *text, u32 *at, u32 *len);

/* route_value.c */
bool tcpvs_route_same_name(u8 what, const u8 *a, const u8 *b, u32 len);

/* route_cond.c */
bool tcpvs_route_conds(const struct route_lookup *l, u32 cond);
u32 tcpvs_route_methods(const u8 *list, u32 len);

#endif /* TCPVS_ROUTE_IMPL_H */
