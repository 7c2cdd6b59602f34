// SPDX-License-Identifier: GPL-2.0
/*
 * sticky.c - 4 schedule: a client stays at the server that its cookie names
 *
 * Nothing is kept of clients: the cookie says it all, and says it so that nobody
 * else could have. Its value is 30 bytes in base64url:
 *
 *	8	the server: the first bytes of S
 *	6	when it expires, in seconds since 1970; 0 = never
 *	16	HMAC-SHA-256 of those six bytes under the last 24 of S
 *
 * where S is HMAC-SHA-256, under the key of the service, of the service's name
 * and the server's address and port. So a cookie is good for one server of one
 * service, whatever it is called by next time, whatever its weight, after a
 * reload and, if the key was set, after the module was loaded anew; and it tells
 * nobody where the server is. The first eight bytes are what a server is found
 * by, they are no secret; the last sixteen are compared in constant time.
 *
 * A server of weight 0 keeps its clients; one that is gone or fails a connect
 * loses them to another, whose cookie they get with the answer.
 *
 * Made by commits; read by workers inside tcpvs_srcu.
 */
#include <crypto/sha2.h>
#include <crypto/utils.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/unaligned.h>

#include "conn.h"
#include "sticky.h"

#define MAC_BYTES	16
#define SECRET_BYTES	24
#define CLAIMS		4	/* cookies of the name that are looked at */
#define SMALL_SET	16	/* servers that are looked through */

#define HEAD_BYTES	(sizeof("Set-Cookie: =") + TCPVS_COOKIE_NAME_MAX)
#define TAIL_BYTES	(sizeof("; Path=; Max-Age=4294967295; \r\n") +	\
			 2 * TCPVS_COOKIE_TEXT_MAX)

/* What else a response's head can be given is less than the rest. */
static_assert(HEAD_BYTES + TCPVS_COOKIE_VALUE + TAIL_BYTES + 128 <=
	      TCPVS_HTTP_FWD_EXTRA);

/**
 * struct entry - a server that cookies can name
 * @id: what they name it by
 * @server: its id
 * @secret: what they prove it with
 * @mac: the proof of one that never expires
 */
struct entry {
	u64 id;
	u32 server;
	u8 secret[SECRET_BYTES];
	u8 mac[MAC_BYTES];
};

/**
 * struct by_server - where the entry of a server is
 * @server: its id
 * @entry: its place
 */
struct by_server {
	u32 server;
	u32 entry;
};

/**
 * struct tcpvs_sticky - what a worker needs to know of a cookie
 * @ref: service configurations that share it
 * @cookie: the settings, referenced
 * @name_len: length of its name
 * @head_len: length of @head
 * @tail_len: length of @tail
 * @head: Set-Cookie up to the value
 * @tail: what follows the value
 * @n: servers
 * @by_server: by id of the server
 * @entry: by what cookies name it by
 */
struct tcpvs_sticky {
	refcount_t ref;
	struct tcpvs_cookie *cookie;
	u16 name_len;
	u16 head_len;
	u16 tail_len;
	char head[HEAD_BYTES];
	char tail[TAIL_BYTES];
	u32 n;
	struct by_server *by_server;
	struct entry entry[] __counted_by(n);
};

static int compare_entries(const void *a, const void *b)
{
	u64 x = ((const struct entry *)a)->id, y = ((const struct entry *)b)->id;

	return x < y ? -1 : x > y;
}

static int compare_servers(const void *a, const void *b)
{
	u32 x = ((const struct by_server *)a)->server;
	u32 y = ((const struct by_server *)b)->server;

	return x < y ? -1 : x > y;
}

/* The end of a life, as in a token, and its proof. */
static void prove(const struct entry *e, const u8 *expiry, u8 *mac)
{
	u8 whole[SHA256_DIGEST_SIZE];

	tcpvs_mac(whole, e->secret, SECRET_BYTES, expiry, 6);
	memcpy(mac, whole, MAC_BYTES);
}

static void make_entry(struct entry *e, const struct tcpvs_cookie *c,
		       const char *service, const struct tcpvs_server *srv)
{
	static const u8 never[6];
	const struct tcpvs_addr *a = &srv->addr;
	u8 text[20 + TCPVS_NAME_MAX] = { 's', a->family == AF_INET ? 4 : 6 };
	u32 len = strlen(service);
	u8 mac[SHA256_DIGEST_SIZE];

	memcpy(text + 2, &a->port, 2);
	if (a->family == AF_INET)
		memcpy(text + 4, &a->v4, 4);
	else
		memcpy(text + 4, &a->v6, 16);
	memcpy(text + 20, service, len);
	tcpvs_mac(mac, c->key, c->key_len, text, 20 + len);
	e->server = srv->id;
	e->id = get_unaligned_be64(mac);
	memcpy(e->secret, mac + 8, SECRET_BYTES);
	prove(e, never, e->mac);
	memzero_explicit(mac, sizeof(mac));
}

static void make_texts(struct tcpvs_sticky *s)
{
	const struct tcpvs_cookie *c = s->cookie;
	int n;

	s->name_len = strlen(c->name);
	s->head_len = scnprintf(s->head, sizeof(s->head), "Set-Cookie: %s=",
				c->name);
	n = scnprintf(s->tail, sizeof(s->tail), "; Path=%s", c->path);
	if (c->max_age)
		n += scnprintf(s->tail + n, sizeof(s->tail) - n, "; Max-Age=%u",
			       c->max_age);
	if (c->attributes[0])
		n += scnprintf(s->tail + n, sizeof(s->tail) - n, "; %s",
			       c->attributes);
	n += scnprintf(s->tail + n, sizeof(s->tail) - n, "\r\n");
	s->tail_len = n;
}

static bool same_servers(const struct tcpvs_set *a, const struct tcpvs_set *b)
{
	unsigned int i;

	if (a->n != b->n)
		return false;
	for (i = 0; i < a->n; i++)
		if (a->member[i].id != b->member[i].id)
			return false;
	return true;
}

/**
 * tcpvs_sticky_create() - what workers need to know of a service's cookie
 * @sc: the service, with a cookie
 * @set: its servers
 * @old: the service as it is now, or NULL; shares what it has if it can
 *
 * Return: it, with a reference, or NULL without memory.
 */
struct tcpvs_sticky *tcpvs_sticky_create(const struct tcpvs_service_conf *sc,
					 const struct tcpvs_set *set,
					 const struct tcpvs_service_conf *old)
{
	struct tcpvs_sticky *s;
	unsigned int i;

	/* A service that has kept its cookie has kept its name. */
	if (old && old->sticky && old->cookie == sc->cookie &&
	    same_servers(set, old->set)) {
		refcount_inc(&old->sticky->ref);
		return old->sticky;
	}
	s = kvzalloc(struct_size(s, entry, set->n), GFP_KERNEL_ACCOUNT);
	if (!s)
		return NULL;
	refcount_set(&s->ref, 1);
	s->n = set->n;
	s->by_server = kvmalloc_array(max(set->n, 1U), sizeof(*s->by_server),
				      GFP_KERNEL_ACCOUNT);
	if (!s->by_server) {
		kvfree(s);
		return NULL;
	}
	s->cookie = tcpvs_cookie_get(sc->cookie);
	make_texts(s);
	for (i = 0; i < set->n; i++) {
		make_entry(&s->entry[i], s->cookie, sc->name,
			   set->member[i].srv);
		if (!(i & 255))
			cond_resched();
	}
	sort(s->entry, s->n, sizeof(*s->entry), compare_entries, NULL);
	for (i = 0; i < s->n; i++)
		s->by_server[i] = (struct by_server) { s->entry[i].server, i };
	sort(s->by_server, s->n, sizeof(*s->by_server), compare_servers, NULL);
	return s;
}

/**
 * tcpvs_sticky_put() - drop a reference
 * @s: what tcpvs_sticky_create() made, or NULL
 */
void tcpvs_sticky_put(struct tcpvs_sticky *s)
{
	if (!s || !refcount_dec_and_test(&s->ref))
		return;
	tcpvs_cookie_put(s->cookie);
	kvfree(s->by_server);
	kvfree_sensitive(s, struct_size(s, entry, s->n));
}

static int compare_members(const void *a, const void *b, const void *priv)
{
	const struct tcpvs_set *set = priv;
	u32 x = set->member[*(const u32 *)a].id, y = set->member[*(const u32 *)b].id;

	return x < y ? -1 : x > y;
}

/**
 * tcpvs_sticky_order() - have a set's members found by their ids
 * @set: the set, not in use yet
 *
 * Return: 0 or -ENOMEM.
 */
int tcpvs_sticky_order(struct tcpvs_set *set)
{
	unsigned int i;

	if (set->n <= SMALL_SET)
		return 0;
	set->by_id = kvmalloc_array(set->n, sizeof(*set->by_id),
				    GFP_KERNEL_ACCOUNT);
	if (!set->by_id)
		return -ENOMEM;
	for (i = 0; i < set->n; i++)
		set->by_id[i] = i;
	sort_r(set->by_id, set->n, sizeof(*set->by_id), compare_members, NULL, set);
	return 0;
}

/**
 * tcpvs_sticky_member() - where in a set a server is
 * @set: the set, ordered if it is large
 * @server: id of the server
 *
 * Return: its index, or -1 if it is none of the set.
 */
int tcpvs_sticky_member(const struct tcpvs_set *set, u32 server)
{
	u32 lo = 0, hi = set->n;

	if (!set->by_id) {
		for (; lo < hi; lo++)
			if (set->member[lo].id == server)
				return lo;
		return -1;
	}
	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;

		if (set->member[set->by_id[mid]].id < server)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == set->n || set->member[set->by_id[lo]].id != server)
		return -1;
	return set->by_id[lo];
}

static const struct entry *find_id(const struct tcpvs_sticky *s, u64 id)
{
	u32 lo = 0, hi = s->n;

	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;

		if (s->entry[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->n && s->entry[lo].id == id ? &s->entry[lo] : NULL;
}

static const struct entry *find_server(const struct tcpvs_sticky *s, u32 server)
{
	u32 lo = 0, hi = s->n;

	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;

		if (s->by_server[mid].server < server)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == s->n || s->by_server[lo].server != server)
		return NULL;
	return &s->entry[s->by_server[lo].entry];
}

static u64 get_be48(const u8 *p)
{
	return (u64)get_unaligned_be16(p) << 32 | get_unaligned_be32(p + 2);
}

static void put_be48(u64 v, u8 *p)
{
	put_unaligned_be16(v >> 32, p);
	put_unaligned_be32(v, p + 2);
}

/* What one cookie says. */
static void judge(const struct tcpvs_sticky *s, const u8 *value, u32 len,
		  struct tcpvs_claim *claim)
{
	u8 token[TCPVS_COOKIE_TOKEN], mac[MAC_BYTES];
	u64 now, expiry, max_age = s->cookie->max_age;
	const struct entry *e;

	claim->count = TCPVS_A_STATS_COOKIE_MISSES;
	if (!tcpvs_http_cookie_decode(token, value, len))
		return;
	e = find_id(s, get_unaligned_be64(token));
	if (!e)
		return;
	expiry = get_be48(token + 8);
	if (expiry)
		prove(e, token + 8, mac);
	if (crypto_memneq(expiry ? mac : e->mac, token + 14, MAC_BYTES))
		return;

	now = ktime_get_real_seconds();
	if (expiry && expiry <= now) {
		claim->count = TCPVS_A_STATS_COOKIE_EXPIRED;
		return;
	}
	claim->count = TCPVS_A_STATS_COOKIE_HITS;
	claim->server = e->server;
	/* Past half of its life, or of a life that is not given any more. */
	if (max_age)
		claim->renew = !expiry || expiry < now + max_age / 2 ||
			       expiry > now + max_age;
	else
		claim->renew = expiry;
}

/**
 * tcpvs_sticky_read() - what the cookie of a request says
 * @w: worker; w->parsed describes the bytes in w->head
 * @sc: configuration of the service, with a cookie
 * @claim: filled in; all zero before
 * @fwd: told to take the cookie out
 *
 * There may be several of the name, of other paths or from elsewhere: the first
 * that holds is it.
 */
void tcpvs_sticky_read(struct tcpvs_worker *w, const struct tcpvs_service_conf *sc,
		       struct tcpvs_claim *claim, struct tcpvs_http_fwd *fwd)
{
	const struct tcpvs_sticky *s = sc->sticky;
	struct tcpvs_http_span v[CLAIMS];
	u32 i, n;

	n = tcpvs_http_cookie_find(w->parsed, w->head, s->cookie->name,
				   s->name_len, v, CLAIMS);
	if (!n)
		return;
	fwd->strip = s->cookie->name;
	fwd->strip_len = s->name_len;
	for (i = 0; i < min_t(u32, n, CLAIMS) && !claim->server; i++) {
		u8 before = claim->count;

		judge(s, w->head + v[i].off, v[i].len, claim);
		if (before == TCPVS_A_STATS_COOKIE_EXPIRED && !claim->server)
			claim->count = before;
	}
}

/**
 * tcpvs_sticky_begin() - a request of a service with a cookie is taken up
 * @w: worker
 * @c: connection
 * @claim: what its cookie says
 */
void tcpvs_sticky_begin(struct tcpvs_worker *w, struct tcpvs_conn *c,
			const struct tcpvs_claim *claim)
{
	c->flags |= TCPVS_CF_COOKIE | (claim->renew ? TCPVS_CF_RENEW : 0);
	c->claim = claim->server;
	if (claim->count)
		tcpvs_count(conn_stats(w, c), claim->count);
}

/**
 * tcpvs_sticky_answer() - the cookie that a response gives the client
 * @c: connection with the server that answers
 * @sc: configuration of the service
 * @fwd: told to add it, if the client is to get one
 * @value: TCPVS_COOKIE_VALUE bytes, for as long as @fwd is used
 */
void tcpvs_sticky_answer(const struct tcpvs_conn *c,
			 const struct tcpvs_service_conf *sc,
			 struct tcpvs_http_fwd *fwd, u8 *value)
{
	const struct tcpvs_sticky *s = sc->sticky;
	u32 server = c->up->srv->id;
	u8 token[TCPVS_COOKIE_TOKEN] = {};
	const struct entry *e;

	if (!s || (c->claim == server && !(c->flags & TCPVS_CF_RENEW)))
		return;
	e = find_server(s, server);
	if (!e)
		return;	/* removed since */
	put_unaligned_be64(e->id, token);
	if (s->cookie->max_age) {
		put_be48(ktime_get_real_seconds() + s->cookie->max_age, token + 8);
		prove(e, token + 8, token + 14);
	} else {
		memcpy(token + 14, e->mac, MAC_BYTES);
	}
	tcpvs_http_cookie_encode(value, token);
	fwd->cookie = value;
	fwd->cookie_head = s->head;
	fwd->cookie_head_len = s->head_len;
	fwd->cookie_tail = s->tail;
	fwd->cookie_tail_len = s->tail_len;
}

/**
 * tcpvs_sticky_answered() - the head of a response is on its way
 * @w: worker
 * @c: connection with the server that answers
 * @given: it gives the client a cookie
 */
void tcpvs_sticky_answered(struct tcpvs_worker *w, const struct tcpvs_conn *c,
			   bool given)
{
	if (c->claim && c->claim != c->up->srv->id)
		conn_count(w, c, COOKIE_LOST);
	if (given)
		conn_count(w, c, COOKIES_SET);
}
