/* SPDX-License-Identifier: GPL-2.0 */
/*
 * route.h - the rule table of a service, stage 3 (route)
 *
 * A table is an ordered list of rules; a rule is a conjunction of matches.  The
 * first rule whose matches all hold is the one: order decides, not specificity.
 *
 * A table is built rule by rule, then finished.  Building may sleep and fail for
 * memory, all of which comes from the caller and is bounded.  A finished table
 * is immutable: any number of workers look rules up in it, each with scratch of
 * its own, in time that does not depend on the number of rules whose host and
 * path do not match.
 *
 * Only numbers of rules are known here; what a rule does is the caller's.
 */
#ifndef TCPVS_ROUTE_H
#define TCPVS_ROUTE_H

#include "dfa.h"
#include "http.h"

/* Longest host name; longest path, and name and value of any other match. */
#define TCPVS_ROUTE_HOST_MAX	253
#define TCPVS_ROUTE_TEXT_MAX	4096
/* Matches of one rule, and rules and automata of one table. */
#define TCPVS_ROUTE_MATCH_MAX	192
#define TCPVS_ROUTE_RULES_MAX	0x1000000
#define TCPVS_ROUTE_DFA_MAX	64
/*
 * Nodes of one host's paths that a lookup can visit in the worst case, and
 * templates that it can have left for later at once.  Tables of a hundred
 * thousand real templates need some dozens of either.
 */
#define TCPVS_ROUTE_VISITS_MAX	8192
#define TCPVS_ROUTE_WAYS_MAX	128

/* No rule matches. */
#define TCPVS_ROUTE_NONE	(~0U)

struct tcpvs_route;
struct tcpvs_route_build;

/* Why a rule or a table was refused.  Functions return the negative of these. */
enum tcpvs_route_err {
	TCPVS_RE_NONE,
	TCPVS_RE_MEMORY,	/* there is none */
	TCPVS_RE_MEMORY_LIMIT,	/* more than limits.memory */
	TCPVS_RE_RULES,		/* more than limits.rules */
	TCPVS_RE_MATCHES,	/* too many in one rule */
	TCPVS_RE_KIND,		/* no such match, or not with this operator */
	TCPVS_RE_TWICE,		/* two of what a rule can have one of */
	TCPVS_RE_HOST,
	TCPVS_RE_SNI,
	TCPVS_RE_PATH,
	TCPVS_RE_TEMPLATE,
	TCPVS_RE_METHOD,
	TCPVS_RE_NAME,		/* of a header, cookie or parameter */
	TCPVS_RE_VALUE,
	TCPVS_RE_SOURCE,
	TCPVS_RE_REGEX,		/* not in an automaton for such an input, or not in order */
	TCPVS_RE_DFA,		/* too many automata */
	TCPVS_RE_AMBIGUOUS,	/* too many templates match one path in part */
	TCPVS_RE_HASH,		/* names collide under this seed: try another */
	TCPVS_RE_ALPN,
	__TCPVS_RE_MAX,
};

/* tcpvs_route_match.what */
enum tcpvs_route_what {
	TCPVS_RM_HOST,		/* exact; the value may be *.suffix */
	TCPVS_RM_SNI,		/* the same */
	TCPVS_RM_PATH,		/* exact, prefix, template, regex */
	TCPVS_RM_URI,		/* regex on path?query */
	TCPVS_RM_METHOD,	/* exact; the value is a list with commas */
	TCPVS_RM_HEADER,	/* these three: present, exact, prefix, regex */
	TCPVS_RM_COOKIE,
	TCPVS_RM_QUERY,
	TCPVS_RM_SOURCE,	/* exact; the value is struct tcpvs_route_net[] */
	TCPVS_RM_ALPN,		/* exact; the value is a list with commas */
	__TCPVS_RM_MAX,
};

/* tcpvs_route_match.op */
enum tcpvs_route_op {
	TCPVS_RO_PRESENT,
	TCPVS_RO_EXACT,
	TCPVS_RO_PREFIX,
	TCPVS_RO_TEMPLATE,
	TCPVS_RO_REGEX,
	__TCPVS_RO_MAX,
};

/* What an automaton is run on. */
enum tcpvs_route_input {
	TCPVS_RI_PATH,		/* the path */
	TCPVS_RI_URI,		/* the path, and ? and the query if there is one */
	TCPVS_RI_VALUE,		/* values of the headers, cookies or parameters of one name */
	__TCPVS_RI_MAX,
};

/**
 * struct tcpvs_route_net - a network of source addresses, or an address
 * @family: 4 or 6
 * @len: bits of the prefix
 * @addr: 4 or 16 bytes, zero behind the prefix
 */
struct tcpvs_route_net {
	u8 family;
	u8 len;
	u8 addr[16];
};

/**
 * struct tcpvs_route_match - one match of a rule, as the builder is given it
 * @what: TCPVS_RM_*
 * @op: TCPVS_RO_*
 * @dfa: regex: number of the automaton, from tcpvs_route_add_dfa()
 * @id: regex: the expression's match id in it; those of paths ascend in the
 *	order of rules
 * @name: of the header, cookie or parameter
 * @nlen: its length
 * @value: what is compared with
 * @vlen: its length in bytes
 */
struct tcpvs_route_match {
	u8 what;
	u8 op;
	u8 dfa;
	u32 id;
	const void *name;
	u32 nlen;
	const void *value;
	u32 vlen;
};

/**
 * struct tcpvs_route_mem - where a table's memory comes from
 * @alloc: returns @size bytes, aligned for a pointer, or NULL
 * @free: takes back what @alloc gave, and its size
 * @step: called now and then by what takes long; may be NULL
 * @ctx: first argument of all three
 */
struct tcpvs_route_mem {
	void *(*alloc)(void *ctx, size_t size);
	void (*free)(void *ctx, void *p, size_t size);
	void (*step)(void *ctx);
	void *ctx;
};

/**
 * struct tcpvs_route_limits - bounds of a table; 0 takes the default
 * @memory: bytes held at any time, while it is built too; 64 MiB
 * @rules: 1,048,576
 */
struct tcpvs_route_limits {
	u64 memory;
	u32 rules;
};

/**
 * struct tcpvs_route_request - what rules can ask about
 * @buf: the request head
 * @head: as parsed; NULL in mode tls, where only what follows is known
 * @sni: server name of the TLS handshake
 * @sni_len: its length; 0 if there is none
 * @alpn: protocols of the TLS client, each behind a byte with its length; checked
 * @alpn_len: length of all that; 0 if there are none
 * @source: the client's address, its length ignored; an IPv4 address counts as
 *	one whether or not it came mapped into IPv6
 */
struct tcpvs_route_request {
	const u8 *buf;
	const struct tcpvs_http_head *head;
	const u8 *sni;
	u32 sni_len;
	const u8 *alpn;
	u32 alpn_len;
	struct tcpvs_route_net source;
};

/* Names in a host and a server name that can be in a table, and any host. */
#define TCPVS_ROUTE_HOSTS_MAX	258
/* Final states of automata on values that a lookup remembers. */
#define TCPVS_ROUTE_STATES_MAX	64

/**
 * struct tcpvs_route_way - a way through a trie that was left for later
 * @node: where it goes on
 * @at: the path has been matched up to here, or down to here
 * @least: down: how far down it may be matched
 * @end: down: end of the segment
 * @down: a suffix is being matched, from its end
 */
struct tcpvs_route_way {
	u32 node;
	u16 at;
	u16 least;
	u16 end;
	bool down;
};

/**
 * struct tcpvs_route_scratch - what a lookup works with; needs no setting up
 * @host: the entries of the names that the request has
 * @nhost: how many
 * @way: ways left for later
 * @ran: automata whose final states are known, one bit each
 * @first: where those of an automaton begin in @state
 * @count: how many they are, or 255 if they found no room
 * @nstate: states in @state
 * @state: final states
 */
struct tcpvs_route_scratch {
	u32 host[TCPVS_ROUTE_HOSTS_MAX];
	u32 nhost;
	struct tcpvs_route_way way[TCPVS_ROUTE_WAYS_MAX];
	u64 ran;
	u8 first[TCPVS_ROUTE_DFA_MAX];
	u8 count[TCPVS_ROUTE_DFA_MAX];
	u32 nstate;
	u32 state[TCPVS_ROUTE_STATES_MAX];
};

/**
 * struct tcpvs_route_info - facts of a finished table
 * @rules: rules
 * @hosts: host names, suffixes and server names
 * @nodes: trie nodes
 * @visits: trie nodes of one host that a lookup visits in the worst case
 * @ways: ways that it leaves for later in the worst case
 * @probes: longest search in the hash
 * @memory: bytes held
 * @peak: bytes held at most while it was built
 */
struct tcpvs_route_info {
	u32 rules;
	u32 hosts;
	u32 nodes;
	u32 visits;
	u32 ways;
	u32 probes;
	u64 memory;
	u64 peak;
};

/**
 * struct tcpvs_values - a walk over the values of one name
 * @buf: the request head
 * @head: as parsed
 * @name: the name
 * @nlen: its length
 * @what: TCPVS_RM_HEADER, _COOKIE or _QUERY
 * @hdr: the next header line to look at
 * @pos: in a line of cookies or the query, what was not looked at yet
 * @end: its end
 * @val: the value found
 * @len: its length
 */
struct tcpvs_values {
	const u8 *buf;
	const struct tcpvs_http_head *head;
	const u8 *name;
	u32 nlen;
	u8 what;
	u32 hdr;
	u32 pos;
	u32 end;
	const u8 *val;
	u32 len;
};

/* route_build.c */
struct tcpvs_route_build *
tcpvs_route_begin(const struct tcpvs_route_mem *mem,
		  const struct tcpvs_route_limits *limits, u64 seed);
int tcpvs_route_add_dfa(struct tcpvs_route_build *b,
			const struct tcpvs_dfa *dfa, u8 input);
int tcpvs_route_add(struct tcpvs_route_build *b,
		    const struct tcpvs_route_match *m, u32 n, u32 *bad);
void tcpvs_route_abort(struct tcpvs_route_build *b);

/* route_layout.c */
int tcpvs_route_finish(struct tcpvs_route_build *b, struct tcpvs_route **out,
		       u32 *bad);
void tcpvs_route_free(struct tcpvs_route *t);
void tcpvs_route_info(const struct tcpvs_route *t,
		      struct tcpvs_route_info *info);

/* route.c */
u32 tcpvs_route_lookup(const struct tcpvs_route *t,
		       const struct tcpvs_route_request *req,
		       struct tcpvs_route_scratch *scratch);

/* route_value.c */
void tcpvs_values_begin(struct tcpvs_values *v, u8 what, const u8 *name, u32 nlen,
			const u8 *buf, const struct tcpvs_http_head *head);
bool tcpvs_values_next(struct tcpvs_values *v);

/* route_check.c */
bool tcpvs_route_name_ok(u8 what, const u8 *name, u32 len);
const char *tcpvs_route_err_name(int err);

#endif /* TCPVS_ROUTE_H */
