/* SPDX-License-Identifier: GPL-2.0 */
/*
 * transaction.h - changes that become effective whole or not at all
 *
 * Every change goes through a candidate: drafts of the services it touches, over
 * the snapshot they started from. A change is checked and applied to its draft at
 * once, or refused and leaves the candidate as it was; a commit turns the drafts
 * into a snapshot. A change outside a transaction is a candidate of one change
 * that is committed in the same request.
 *
 * All of it under tcpvs_net.lock. A candidate points into its base snapshot
 * without a reference: it looks there only while that is the newest one, which
 * tcpvs_change_begin() and the commit test by the generation.
 */
#ifndef _TCPVS_TRANSACTION_H
#define _TCPVS_TRANSACTION_H

#include <linux/hashtable.h>

#include "config.h"

struct genl_info;
struct nlattr;
struct tcpvs_cookie;
struct tcpvs_upload;

#define TCPVS_TRANSACTIONS_MAX		4		/* open, a namespace */
#define TCPVS_TRANSACTION_IDLE		(60 * HZ)
#define TCPVS_TRANSACTION_BYTES		(64UL << 20)	/* without what is per CPU */

/**
 * struct tcpvs_draft - a service as the candidate has it
 * @link: in &tcpvs_candidate.drafts
 * @named: in &tcpvs_candidate.names
 * @base: the same name in the base snapshot, or NULL
 * @conf: what is configured, owned; its sets are made by the commit
 * @upload: table of rules that is being filled, or NULL
 * @ops: scheduler
 * @member: servers, each referenced
 * @n: their number
 * @room: allocated length of @member
 * @by_addr: the servers by a hash of the address: place in @member plus 1, or 0;
 *	whoever meets another address goes on with the next
 * @naddrs: room in @by_addr, a power of two
 * @indexed: @by_addr is right; if not, or if there is none, all are looked at
 * @deleted: the candidate has no such service
 */
struct tcpvs_draft {
	struct list_head link;
	struct hlist_node named;
	const struct tcpvs_service_conf *base;
	struct tcpvs_service_conf *conf;
	struct tcpvs_upload *upload;
	const struct tcpvs_sched_ops *ops;
	struct tcpvs_member *member;
	unsigned int n;
	unsigned int room;
	u32 *by_addr;
	u32 naddrs;
	bool indexed;
	bool deleted;
};

/**
 * struct tcpvs_candidate - changes not effective yet
 * @tn: the namespace
 * @generation: of the snapshot it started from
 * @flushed: services of the base that have no draft are gone
 * @listens: a service was added or moved: addresses may collide
 * @tables: a table of rules was replaced
 * @single: not part of a transaction
 * @bytes: memory it uses, about
 * @drafts: the services it touches
 * @names: the same, by a hash of the name
 * @services: services it made, by &tcpvs_service.link
 * @servers: servers it made, by &tcpvs_server.link
 */
struct tcpvs_candidate {
	struct tcpvs_net *tn;
	u32 generation;
	bool flushed;
	bool listens;
	bool tables;
	bool single;
	size_t bytes;
	struct list_head drafts;
	DECLARE_HASHTABLE(names, 8);
	struct list_head services;
	struct list_head servers;
};

/**
 * struct tcpvs_hash_edit - what a request wants of the hash schedulers
 * @key: if @keyed
 * @bound: if @bounded
 * @keyed: there is TCPVS_A_HASH_KEY
 * @bounded: there is TCPVS_A_HASH_BOUND
 */
struct tcpvs_hash_edit {
	struct tcpvs_hash_by key;
	u32 bound;
	bool keyed;
	bool bounded;
};

/**
 * struct tcpvs_service_edit - what a request wants of a service
 * @name: its name, checked
 * @attr: attributes of the request; an absent one leaves things as they are
 * @mode: if there is TCPVS_A_SERVICE_MODE
 * @accept_proxy: if there is TCPVS_A_SERVICE_ACCEPT_PROXY
 * @server_histograms: if there is TCPVS_A_SERVICE_SERVER_HISTOGRAMS
 * @send_proxy: if there is TCPVS_A_SERVICE_SEND_PROXY
 * @forward: if there is TCPVS_A_SERVICE_FORWARD
 * @allow: if there is TCPVS_A_SERVICE_ALLOW
 * @trusted: if there is TCPVS_A_SERVICE_TRUSTED: the list, referenced, or NULL
 *	for nobody
 * @cookie: if there is TCPVS_A_SERVICE_COOKIE: the cookie, referenced, or NULL
 *	for none; its key may be missing until it is applied
 * @ops: if there is TCPVS_A_SERVICE_SCHEDULER
 * @hash: if there is TCPVS_A_SERVICE_HASH
 * @addr: if there is TCPVS_A_SERVICE_LISTEN
 * @fallback: if there is TCPVS_A_SERVICE_FALLBACK; of family 0 for none
 * @timeouts: bit n is set if timeout_ms[n] is given
 * @limits: bit n is set if limit[n] is given
 * @timeout_ms: by TCPVS_A_TIMEOUTS_*
 * @limit: by TCPVS_A_LIMITS_*
 */
struct tcpvs_service_edit {
	const char *name;
	struct nlattr **attr;
	u8 mode;
	bool accept_proxy;
	bool server_histograms;
	u8 send_proxy;
	u32 forward;
	u32 allow;
	struct tcpvs_trusted *trusted;
	struct tcpvs_cookie *cookie;
	const struct tcpvs_sched_ops *ops;
	struct tcpvs_hash_edit hash;
	struct tcpvs_addr addr;
	struct tcpvs_addr fallback;
	u32 timeouts;
	u32 limits;
	u64 timeout_ms[TCPVS_A_TIMEOUTS_MAX + 1];
	u64 limit[TCPVS_A_LIMITS_MAX + 1];
};

/**
 * struct tcpvs_server_edit - what a request wants of a server
 * @service: name of its service
 * @attr: attributes of the request
 * @addr: its address
 * @weight: its weight
 */
struct tcpvs_server_edit {
	const char *service;
	struct nlattr **attr;
	struct tcpvs_addr addr;
	u32 weight;
};

/* candidate.c */
void tcpvs_candidate_init(struct tcpvs_candidate *c, struct tcpvs_net *tn);
void tcpvs_candidate_clear(struct tcpvs_candidate *c);
int tcpvs_candidate_service_new(struct tcpvs_candidate *c,
				const struct tcpvs_service_edit *e,
				struct netlink_ext_ack *extack);
int tcpvs_candidate_service_set(struct tcpvs_candidate *c,
				const struct tcpvs_service_edit *e,
				struct netlink_ext_ack *extack);
int tcpvs_candidate_service_del(struct tcpvs_candidate *c, const char *name,
				const struct nlattr *attr,
				struct netlink_ext_ack *extack);
void tcpvs_candidate_flush(struct tcpvs_candidate *c);
void tcpvs_candidate_special(struct tcpvs_service_conf *sc);

struct tcpvs_draft *tcpvs_candidate_open(struct tcpvs_candidate *c,
					 const char *name,
					 const struct nlattr *attr,
					 struct netlink_ext_ack *extack);
int tcpvs_candidate_charge(struct tcpvs_candidate *c, size_t bytes,
			   struct netlink_ext_ack *extack);

/* candidate_server.c */
struct tcpvs_server *tcpvs_candidate_fallback(struct tcpvs_candidate *c,
					      const struct tcpvs_service_conf *sc,
					      const struct tcpvs_service_conf *base,
					      const struct tcpvs_service_edit *e,
					      struct netlink_ext_ack *extack);
int tcpvs_candidate_fallback_check(const struct tcpvs_draft *d,
				   struct netlink_ext_ack *extack);
int tcpvs_candidate_server_new(struct tcpvs_candidate *c,
			       const struct tcpvs_server_edit *e,
			       struct netlink_ext_ack *extack);
int tcpvs_candidate_server_set(struct tcpvs_candidate *c,
			       const struct tcpvs_server_edit *e,
			       struct netlink_ext_ack *extack);
int tcpvs_candidate_server_del(struct tcpvs_candidate *c,
			       const struct tcpvs_server_edit *e,
			       struct netlink_ext_ack *extack);

/* candidate_rules.c */
int tcpvs_candidate_rules_begin(struct tcpvs_candidate *c, struct genl_info *info);
int tcpvs_candidate_rules_piece(struct tcpvs_candidate *c, struct genl_info *info,
				int (*add)(struct tcpvs_upload *u,
					   struct genl_info *info));
int tcpvs_candidate_rules_end(struct tcpvs_candidate *c, struct genl_info *info);
void tcpvs_candidate_rules_spoil(struct tcpvs_candidate *c);
void tcpvs_candidate_rules_drop(struct tcpvs_candidate *c, struct tcpvs_draft *d);
int tcpvs_candidate_rules_check(const struct tcpvs_draft *d,
				struct netlink_ext_ack *extack);

/* commit.c */
int tcpvs_candidate_commit(struct tcpvs_candidate *c, bool dry_run,
			   struct netlink_ext_ack *extack);
int tcpvs_candidate_fresh(const struct tcpvs_candidate *c,
			  struct netlink_ext_ack *extack);
void tcpvs_config_shutdown(struct tcpvs_net *tn);

/* transaction.c */
struct tcpvs_candidate *tcpvs_change_begin(struct tcpvs_net *tn, u32 portid,
					   struct netlink_ext_ack *extack);
int tcpvs_change_end(struct tcpvs_candidate *c, int err,
		     struct netlink_ext_ack *extack);
int tcpvs_transaction_none(struct tcpvs_net *tn, u32 portid,
			   struct netlink_ext_ack *extack);
void tcpvs_transaction_spoil(struct tcpvs_net *tn, u32 portid);
int tcpvs_transaction_begin(struct tcpvs_net *tn, u32 portid, const u32 *generation,
			    struct netlink_ext_ack *extack);
int tcpvs_transaction_commit(struct tcpvs_net *tn, u32 portid, bool dry_run,
			     struct netlink_ext_ack *extack);
int tcpvs_transaction_abort(struct tcpvs_net *tn, u32 portid,
			    struct netlink_ext_ack *extack);
void tcpvs_transaction_release(struct tcpvs_net *tn, u32 portid);
void tcpvs_transactions_drop(struct tcpvs_net *tn);
void tcpvs_transactions_reap(struct work_struct *work);

#endif /* _TCPVS_TRANSACTION_H */
