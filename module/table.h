/* SPDX-License-Identifier: GPL-2.0 */
/*
 * table.h - the rules of a service: what they do, beside what they match
 *
 * route.h finds the number of a rule; here is what belongs to that number. A
 * table is filled piece by piece through an upload, which one transaction owns,
 * and then is immutable but for its counters. Configurations of its service
 * share it by references; workers see it through the newest of them, inside
 * tcpvs_srcu, so it is freed when nobody looks into it any more.
 *
 * A table knows servers by their addresses alone. What they are in a service is
 * looked up at each commit: struct tcpvs_sets goes with the configuration.
 *
 * Process context throughout, under tcpvs_net.lock where something changes;
 * counters are written by workers, each its own array.
 */
#ifndef _TCPVS_TABLE_H
#define _TCPVS_TABLE_H

#include <linux/list.h>
#include <linux/refcount.h>
#include <net/netlink.h>

#include "config.h"

struct tcpvs_hash_edit;
struct tcpvs_upload_scratch;

/* &tcpvs_rule.set of a rule that names none */
#define TCPVS_SET_NONE		U16_MAX

/**
 * struct tcpvs_rule - what is done with a request that meets a rule
 * @record: the rule as it came, a nest
 * @id: its number for users
 * @set: which of the sets, or TCPVS_SET_NONE
 * @status: of a redirect or an answer
 * @text: location or body, where it begins in @record
 * @len: its length
 * @action: TCPVS_RULE_ACTION_*
 */
struct tcpvs_rule {
	const struct nlattr *record;
	u32 id;
	u16 set;
	u16 status;
	u16 text;
	u16 len;
	u8 action;
};

static_assert(TCPVS_RULE_BYTES_MAX <= U16_MAX);

static inline const u8 *tcpvs_rule_text(const struct tcpvs_rule *r)
{
	return (const u8 *)r->record + r->text;
}

/**
 * struct tcpvs_set_spec - a set of servers as a table names it
 * @id: its number for users
 * @n: servers
 * @room: allocated length of @addr
 * @bound: &tcpvs_set.bound
 * @ops: the scheduler
 * @key: what it hashes, part of the table; NULL = the source
 * @addr: the servers
 */
struct tcpvs_set_spec {
	u32 id;
	u32 n;
	u32 room;
	u32 bound;
	const struct tcpvs_sched_ops *ops;
	const struct tcpvs_hash_by *key;
	struct tcpvs_addr *addr;
};

/**
 * struct tcpvs_blob - an automaton
 * @size: bytes it has when it is whole
 * @have: bytes that have come
 * @input: TCPVS_RI_*
 * @bytes: they
 */
struct tcpvs_blob {
	u32 size;
	u32 have;
	u8 input;
	u8 *bytes;
};

/**
 * struct tcpvs_capture_blob - a capture table
 * @blob: its bytes
 * @cap: it, verified
 */
struct tcpvs_capture_blob {
	struct tcpvs_blob blob;
	struct tcpvs_capture cap;
};

/**
 * struct tcpvs_table - the rules of a service
 * @ref: configurations and uploads that share it
 * @serial: tells it from every other table the namespace had; never 0
 * @mode: what its rules ask about: TCPVS_MODE_HTTP or _TLS
 * @nrules: length of @rule
 * @nsets: length of @set
 * @nblobs: length of @blob
 * @ncaptures: length of @capture
 * @nhits: length of @hits: workers
 * @route: which rule a request meets
 * @rule: what they do
 * @by_id: their numbers in the order of their ids; NULL = they ascend
 * @set: sets of servers, in the order of their ids
 * @blob: the automata
 * @capture: the capture tables
 * @records: pieces of memory the records lie in
 * @hits: by worker, what each rule decided; written by the worker alone
 * @held: bytes of all that but @hits
 */
struct tcpvs_table {
	refcount_t ref;
	u32 serial;
	u8 mode;
	u32 nrules;
	u32 nsets;
	u32 nblobs;
	u32 ncaptures;
	u32 nhits;
	struct tcpvs_route *route;
	struct tcpvs_rule *rule;
	u32 *by_id;
	struct tcpvs_set_spec *set;
	struct tcpvs_blob blob[TCPVS_AUTOMATA_MAX];
	struct tcpvs_capture_blob *capture;
	struct list_head records;
	u64 **hits;
	size_t held;
};

/**
 * struct tcpvs_upload - a table that is being filled
 * @table: it
 * @build: its index
 * @given_up: a piece was refused; nothing is here but this
 * @expressions: automata tell of expressions by numbers below this
 * @scratch: the rule that is being read
 * @charged: bytes that the transaction counts for it
 * @room: allocated length of &tcpvs_table.rule
 * @set_room: allocated length of &tcpvs_table.set
 * @capture_room: allocated length of &tcpvs_table.capture
 * @blob_bytes: of all automata and capture tables
 * @last: the automaton or capture table that was begun last, or NULL
 * @last_number: which of its sort it is
 */
struct tcpvs_upload {
	struct tcpvs_table *table;
	struct tcpvs_route_build *build;
	bool given_up;
	u32 expressions;
	struct tcpvs_upload_scratch *scratch;
	size_t charged;
	u32 room;
	u32 set_room;
	u32 capture_room;
	u32 blob_bytes;
	struct tcpvs_blob *last;
	u32 last_number;
};

/**
 * struct tcpvs_sets - the sets of a table as they are in one configuration
 * @n: their number
 * @set: they, in the order of &tcpvs_table.set, owned
 */
struct tcpvs_sets {
	u32 n;
	struct tcpvs_set *set[] __counted_by(n);
};

/* table.c */
void tcpvs_table_put(struct tcpvs_table *t);
struct tcpvs_table *tcpvs_table_get(struct tcpvs_table *t);
int tcpvs_table_set(const struct tcpvs_table *t, u32 id);
void tcpvs_table_carry(const struct tcpvs_table *from, struct tcpvs_table *to);
struct tcpvs_sets *tcpvs_sets_create(const struct tcpvs_service_conf *sc,
				     const struct tcpvs_member *member,
				     unsigned int n,
				     const struct tcpvs_service_conf *old,
				     struct netlink_ext_ack *extack);
void tcpvs_sets_free(struct tcpvs_sets *s);

/* upload.c */
struct tcpvs_upload *tcpvs_upload_begin(u8 mode, u32 expressions);
void tcpvs_upload_free(struct tcpvs_upload *u);
void tcpvs_upload_give_up(struct tcpvs_upload *u);
int tcpvs_upload_automaton(struct tcpvs_upload *u, u8 input, u32 size,
			   struct netlink_ext_ack *extack);
int tcpvs_upload_data(struct tcpvs_upload *u, const struct nlattr *data,
		      struct netlink_ext_ack *extack);
int tcpvs_upload_set(struct tcpvs_upload *u, u32 id,
		     const struct tcpvs_sched_ops *ops,
		     const struct tcpvs_hash_edit *hash,
		     struct netlink_ext_ack *extack);
int tcpvs_upload_server(struct tcpvs_upload *u, const struct tcpvs_addr *addr,
			struct netlink_ext_ack *extack);
int tcpvs_upload_end(struct tcpvs_upload *u, u32 serial,
		     struct tcpvs_table **out, struct netlink_ext_ack *extack);

/* upload_rule.c */
int tcpvs_upload_rule(struct tcpvs_upload *u, const struct nlattr *rule,
		      struct netlink_ext_ack *extack);

#endif /* _TCPVS_TABLE_H */
