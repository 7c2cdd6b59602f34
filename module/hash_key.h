/* SPDX-License-Identifier: GPL-2.0 */
/*
 * hash_key.h - what of a request the hash schedulers go by
 *
 * Pure, like the parser whose result it reads.
 */
#ifndef TCPVS_HASH_KEY_H
#define TCPVS_HASH_KEY_H

#include "capture.h"
#include "route.h"

#define TCPVS_HASH_NAME_BYTES	64	/* of a header, cookie or parameter */

/* &tcpvs_hash_key.what */
enum tcpvs_hash_what {
	TCPVS_HK_SOURCE,	/* the client's address; not known here */
	TCPVS_HK_URI,		/* the path, and ? and the query if there is one */
	TCPVS_HK_HOST,		/* in lower case, without port and final dot */
	TCPVS_HK_HEADER,	/* the first of its name that is not empty */
	TCPVS_HK_COOKIE,	/* likewise */
	TCPVS_HK_QUERY,		/* likewise */
	TCPVS_HK_MATCH,		/* a group of an expression; of sets of rules alone */
	__TCPVS_HK_MAX,
};

/**
 * struct tcpvs_hash_by - what of a request is hashed
 * @what: TCPVS_HK_*
 * @nlen: length of @name
 * @name: of the header, cookie or parameter; zero behind it
 * @group: TCPVS_HK_MATCH: which group, for listings
 * @capture: TCPVS_HK_MATCH: which of the capture tables
 */
struct tcpvs_hash_by {
	u8 what;
	u8 nlen;
	u8 name[TCPVS_HASH_NAME_BYTES];
	u16 group;
	u32 capture;
};

/**
 * struct tcpvs_hash_conf - how the hash schedulers go about it, as configured
 * @key: what they hash
 * @bound: &tcpvs_set.bound
 */
struct tcpvs_hash_conf {
	struct tcpvs_hash_by key;
	u32 bound;
};

/**
 * struct tcpvs_hash - a hash of bytes that come one by one
 * @h: of what came before @word
 * @word: up to 8 bytes
 * @n: bytes so far
 */
struct tcpvs_hash {
	u64 h;
	u64 word;
	u32 n;
};

/* hash_key.c */
void tcpvs_hash_begin(struct tcpvs_hash *s);
void tcpvs_hash_bytes(struct tcpvs_hash *s, const u8 *p, u32 len);
u64 tcpvs_hash_end(struct tcpvs_hash *s);
bool tcpvs_hash_key_ok(const struct tcpvs_hash_by *k);
bool tcpvs_hash_key_of(const struct tcpvs_hash_by *k, const u8 *buf,
		       const struct tcpvs_http_head *head, u64 *key);
bool tcpvs_hash_match_of(const struct tcpvs_capture *c, bool uri, const u8 *buf,
			 const struct tcpvs_http_head *head,
			 struct tcpvs_capture_scratch *s, u64 *key);

#endif /* TCPVS_HASH_KEY_H */
