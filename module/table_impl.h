/* SPDX-License-Identifier: GPL-2.0 */
/*
 * table_impl.h - what table.c and upload*.c share
 */
#ifndef _TCPVS_TABLE_IMPL_H
#define _TCPVS_TABLE_IMPL_H

#include "table.h"

/* Records come in pieces of memory, each twice as large as the last, within these. */
#define TCPVS_RECORDS_LEAST	1024U
#define TCPVS_RECORDS_BYTES	65536U
/* Networks of one rule; more do not fit into TCPVS_RULE_BYTES_MAX. */
#define TCPVS_RULE_NETS		1024

/**
 * struct tcpvs_upload_scratch - the rule that is being read
 * @tb: its attributes
 * @m: its matches, as the index takes them
 * @attr: where the request has them
 * @nmatch: how many
 * @net: networks that @m points to
 * @nnet: how many
 */
struct tcpvs_upload_scratch {
	const struct nlattr *tb[TCPVS_A_RULE_MAX + 1];
	struct tcpvs_route_match m[TCPVS_ROUTE_MATCH_MAX];
	const struct nlattr *attr[TCPVS_ROUTE_MATCH_MAX];
	u32 nmatch;
	struct tcpvs_route_net net[TCPVS_RULE_NETS];
	u32 nnet;
};

/**
 * struct tcpvs_records - a piece of memory for records of rules
 * @link: in &tcpvs_table.records, the newest last
 * @room: bytes that @byte has
 * @used: ... of which are in use
 * @byte: records, each aligned to NLA_ALIGNTO
 */
struct tcpvs_records {
	struct list_head link;
	u32 room;
	u32 used;
	u8 byte[] __aligned(NLA_ALIGNTO);
};

/* table.c */
void *tcpvs_table_alloc(struct tcpvs_table *t, size_t size);
void tcpvs_table_release(struct tcpvs_table *t, const void *p, size_t size);
int tcpvs_table_grow(struct tcpvs_table *t, void **p, u32 n, u32 *room,
		     size_t size);
void tcpvs_table_trim(struct tcpvs_table *t, void **p, u32 n, u32 *room,
		      size_t size);
int tcpvs_table_hits_init(struct tcpvs_table *t);

/* upload.c */
int tcpvs_upload_whole(struct tcpvs_upload *u, struct netlink_ext_ack *extack);

/* upload_rule.c */
const void *tcpvs_upload_keep(struct tcpvs_table *t, const void *bytes, u32 n);
int tcpvs_upload_blame(const struct tcpvs_rule *r, int err,
		       struct netlink_ext_ack *extack);

#endif /* _TCPVS_TABLE_IMPL_H */
