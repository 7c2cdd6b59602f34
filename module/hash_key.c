// SPDX-License-Identifier: GPL-2.0
/*
 * hash_key.c - 4 schedule: the key of a request for the hash schedulers
 *
 * The bytes of the request that its service or the set of its rule names, as
 * they came: not decoded, case and all, but for host names. A request that does
 * not have them, or has them empty, is hashed by its source, which is the
 * caller's to know: else all such requests would meet one server.
 *
 * The hash has no secret, since balancers with the same servers have to agree on
 * where a key belongs. Who sends many keys of one server can as well send one key
 * many times; the bound on load (sched_bound.c) is what answers both.
 *
 * Pure: any context, no allocation.
 */
#include "hash_key.h"

/* The finaliser of SplitMix64, as tcpvs_mix(). */
static u64 mix(u64 x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/**
 * tcpvs_hash_begin() - begin a hash
 * @s: the hash
 */
void tcpvs_hash_begin(struct tcpvs_hash *s)
{
	s->h = 0x9e3779b97f4a7c15ULL;
	s->word = 0;
	s->n = 0;
}

static void add(struct tcpvs_hash *s, u8 c)
{
	s->word |= (u64)c << s->n % 8 * 8;
	if (++s->n % 8)
		return;
	s->h = mix(s->h + s->word);
	s->word = 0;
}

/**
 * tcpvs_hash_bytes() - go on with a hash
 * @s: the hash
 * @p: bytes
 * @len: how many; it does not matter in which pieces they come
 */
void tcpvs_hash_bytes(struct tcpvs_hash *s, const u8 *p, u32 len)
{
	while (len && s->n % 8) {
		add(s, *p++);
		len--;
	}
	for (; len >= 8; len -= 8, p += 8, s->n += 8)
		s->h = mix(s->h + get_unaligned_le64(p));
	while (len--)
		add(s, *p++);
}

/**
 * tcpvs_hash_end() - end a hash
 * @s: the hash
 *
 * Return: its value, the same on every machine.
 */
u64 tcpvs_hash_end(struct tcpvs_hash *s)
{
	return mix(mix(s->h + s->word) + s->n);
}

static const u8 fields[__TCPVS_HK_MAX] = {
	[TCPVS_HK_HEADER] = TCPVS_RM_HEADER,
	[TCPVS_HK_COOKIE] = TCPVS_RM_COOKIE,
	[TCPVS_HK_QUERY] = TCPVS_RM_QUERY,
};

/**
 * tcpvs_hash_key_ok() - can there be such a key?
 * @k: the key
 *
 * Not of TCPVS_HK_MATCH, which goes with a table of rules.
 *
 * Return: false if there is no such thing, or its name is missing, is none that
 * such a field has, or stands where none belongs.
 */
bool tcpvs_hash_key_ok(const struct tcpvs_hash_by *k)
{
	if (k->what >= TCPVS_HK_MATCH || k->nlen > sizeof(k->name))
		return false;
	if (!fields[k->what])
		return !k->nlen;
	return tcpvs_route_name_ok(fields[k->what], k->name, k->nlen);
}

static void hash_span(struct tcpvs_hash *s, const u8 *buf,
		      const struct tcpvs_http_span *span)
{
	tcpvs_hash_bytes(s, buf + span->off, span->len);
}

static bool hash_host(struct tcpvs_hash *s, const u8 *p, u32 len)
{
	u32 i;

	if (len && p[len - 1] == '.')
		len--;
	for (i = 0; i < len; i++)
		add(s, p[i] >= 'A' && p[i] <= 'Z' ? p[i] | 0x20 : p[i]);
	return len;
}

/**
 * tcpvs_hash_key_of() - the key of a request
 * @k: what of it is the key
 * @buf: the request head
 * @head: as parsed
 * @key: set
 *
 * Return: false if the request has none; then its source is to be taken.
 */
bool tcpvs_hash_key_of(const struct tcpvs_hash_by *k, const u8 *buf,
		       const struct tcpvs_http_head *head, u64 *key)
{
	struct tcpvs_values v;
	struct tcpvs_hash s;
	bool there = false;

	tcpvs_hash_begin(&s);
	switch (k->what) {
	case TCPVS_HK_URI:
		there = head->path.len;
		hash_span(&s, buf, &head->path);
		if (there && head->query.off) {
			tcpvs_hash_bytes(&s, (const u8 *)"?", 1);
			hash_span(&s, buf, &head->query);
		}
		break;
	case TCPVS_HK_HOST:
		there = hash_host(&s, buf + head->host.off, head->host.len);
		break;
	case TCPVS_HK_HEADER:
	case TCPVS_HK_COOKIE:
	case TCPVS_HK_QUERY:
		tcpvs_values_begin(&v, fields[k->what], k->name, k->nlen, buf, head);
		while (!there && tcpvs_values_next(&v))
			there = v.len;
		if (there)
			tcpvs_hash_bytes(&s, v.val, v.len);
		break;
	}
	*key = tcpvs_hash_end(&s);
	return there;
}

/**
 * tcpvs_hash_match_of() - the key of a request that is a group of an expression
 * @c: the table that finds it
 * @uri: in path and query, not in the path alone
 * @buf: the request head
 * @head: as parsed
 * @s: scratch
 * @key: set
 *
 * Return: false if there is no such text, or it is empty; then the source is to be
 * taken.
 */
bool tcpvs_hash_match_of(const struct tcpvs_capture *c, bool uri, const u8 *buf,
			 const struct tcpvs_http_head *head,
			 struct tcpvs_capture_scratch *s, u64 *key)
{
	struct tcpvs_capture_text t = {
		.a = buf + head->path.off,
		.alen = head->path.len,
	};
	struct tcpvs_hash h;
	u32 from, to, cut;

	if (uri && head->query.off) {
		/* The question mark and the query. */
		t.b = buf + head->query.off - 1;
		t.blen = head->query.len + 1;
	}
	if (!tcpvs_capture_run(c, &t, s, &from, &to) || from == to)
		return false;
	tcpvs_hash_begin(&h);
	cut = min(max(t.alen, from), to);
	tcpvs_hash_bytes(&h, t.a + from, cut - from);
	if (cut < to)
		tcpvs_hash_bytes(&h, t.b + (cut - t.alen), to - cut);
	*key = tcpvs_hash_end(&h);
	return true;
}
