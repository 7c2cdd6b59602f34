/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sticky.h - a cookie that keeps a client at its server
 *
 * Settings (tcpvs_cookie) are immutable and shared by the configurations of a
 * service that do not change them. What a worker looks up (tcpvs_sticky) is made
 * of them and the servers by the commit, and shared as long as both stay; weights
 * are no part of it.
 */
#ifndef _TCPVS_STICKY_H
#define _TCPVS_STICKY_H

#include <linux/refcount.h>
#include <linux/types.h>
#include <uapi/linux/tcpvs.h>

#include "http.h"

struct netlink_ext_ack;
struct nlattr;
struct tcpvs_conn;
struct tcpvs_service_conf;
struct tcpvs_set;
struct tcpvs_worker;

/**
 * struct tcpvs_cookie - the cookie of a service, as configured; immutable
 * @ref: service configurations that share it
 * @name: its name
 * @path: its path
 * @attributes: further attributes; may be empty
 * @max_age: seconds it holds; 0 = until the client ends
 * @random: the key was made here and is not told apart
 * @key_id: tells keys apart, unless @random
 * @key_len: length of @key
 * @key: what its values are signed with
 */
struct tcpvs_cookie {
	refcount_t ref;
	char name[TCPVS_COOKIE_NAME_MAX + 1];
	char path[TCPVS_COOKIE_TEXT_MAX + 1];
	char attributes[TCPVS_COOKIE_TEXT_MAX + 1];
	u32 max_age;
	bool random;
	u32 key_id;
	u32 key_len;
	u8 key[TCPVS_COOKIE_KEY_MAX];
};

struct tcpvs_sticky;

/**
 * struct tcpvs_claim - what the cookie of a request says
 * @server: id of the server it names; 0 if it names none
 * @count: TCPVS_A_STATS_* to be counted, or 0
 * @renew: it holds, and the client is to be given a new one all the same
 */
struct tcpvs_claim {
	u32 server;
	u8 count;
	bool renew;
};

/* cookie.c: settings */
struct tcpvs_cookie *tcpvs_cookie_get(struct tcpvs_cookie *c);
void tcpvs_cookie_put(struct tcpvs_cookie *c);
bool tcpvs_cookie_equal(const struct tcpvs_cookie *a,
			const struct tcpvs_cookie *b);
int tcpvs_cookie_read(const struct nlattr *attr, struct tcpvs_cookie **cookie,
		      struct netlink_ext_ack *extack);
void tcpvs_cookie_inherit(struct tcpvs_cookie *c, const struct tcpvs_cookie *old);
void tcpvs_mac(u8 *out, const u8 *key, u32 key_len, const void *text, u32 len);

/* sticky.c: what they mean to a request */
struct tcpvs_sticky *tcpvs_sticky_create(const struct tcpvs_service_conf *sc,
					 const struct tcpvs_set *set,
					 const struct tcpvs_service_conf *old);
void tcpvs_sticky_put(struct tcpvs_sticky *s);
int tcpvs_sticky_order(struct tcpvs_set *set);
void tcpvs_sticky_read(struct tcpvs_worker *w, const struct tcpvs_service_conf *sc,
		       struct tcpvs_claim *claim, struct tcpvs_http_fwd *fwd);
void tcpvs_sticky_begin(struct tcpvs_worker *w, struct tcpvs_conn *c,
			const struct tcpvs_claim *claim);
int tcpvs_sticky_member(const struct tcpvs_set *set, u32 server);
void tcpvs_sticky_answer(const struct tcpvs_conn *c,
			 const struct tcpvs_service_conf *sc,
			 struct tcpvs_http_fwd *fwd, u8 *value);
void tcpvs_sticky_answered(struct tcpvs_worker *w, const struct tcpvs_conn *c,
			   bool given);

#endif /* _TCPVS_STICKY_H */
