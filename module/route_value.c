// SPDX-License-Identifier: GPL-2.0
/*
 * route_value.c - the values of the headers, cookies or parameters of one name
 *
 * A name may be there more than once.  Names of cookies and parameters are
 * compared byte by byte, those of headers without regard to case; values are
 * what came, neither decoded nor unquoted.  A parameter without = has the empty
 * value, a cookie without it is none.
 *
 * Pure: any context, no allocation.
 */
#include "http_impl.h"
#include "route_impl.h"

/**
 * tcpvs_route_same_name() - do two names name the same?
 * @what: TCPVS_RM_HEADER, _COOKIE or _QUERY
 * @a: one
 * @b: another
 * @len: length of both
 *
 * Return: whether they are equal; names of headers have no case
 */
bool tcpvs_route_same_name(u8 what, const u8 *a, const u8 *b, u32 len)
{
	u32 i;

	if (what != TCPVS_RM_HEADER)
		return route_eq(a, b, len);
	for (i = 0; i < len; i++)
		if (route_lower(a[i]) != route_lower(b[i]))
			return false;
	return true;
}

/**
 * tcpvs_values_begin() - walk over the values of a name
 * @v: the walk
 * @what: TCPVS_RM_HEADER, _COOKIE or _QUERY
 * @name: the name; must stay while the walk lasts
 * @nlen: its length
 * @buf: the request head
 * @head: as parsed
 */
void tcpvs_values_begin(struct tcpvs_values *v, u8 what, const u8 *name, u32 nlen,
			const u8 *buf, const struct tcpvs_http_head *head)
{
	*v = (struct tcpvs_values){
		.buf = buf, .head = head, .name = name, .nlen = nlen,
		.what = what,
	};
	if (what == TCPVS_RM_QUERY) {
		v->pos = head->query.off;
		v->end = head->query.off + head->query.len;
	}
}

/* Is it NAME=value, or in a query NAME? */
static bool is_pair(struct tcpvs_values *v, struct tcpvs_http_span pair)
{
	const u8 *p = v->buf + pair.off;

	if (pair.len < v->nlen || !route_eq(p, v->name, v->nlen))
		return false;
	if (pair.len == v->nlen) {
		v->val = p + pair.len;
		v->len = 0;
		return v->what == TCPVS_RM_QUERY;
	}
	v->val = p + v->nlen + 1;
	v->len = pair.len - v->nlen - 1;
	return p[v->nlen] == '=';
}

static bool query_pair(struct tcpvs_values *v, struct tcpvs_http_span *pair)
{
	u32 from = v->pos, to = from;

	if (from >= v->end)
		return false;
	while (to < v->end && v->buf[to] != '&')
		to++;
	v->pos = to + 1;
	*pair = (struct tcpvs_http_span){ .off = from, .len = to - from };
	return true;
}

/* The next pair of the name in the line of cookies or query that v is in. */
static bool next_pair(struct tcpvs_values *v)
{
	struct tcpvs_http_span pair;

	while (v->what == TCPVS_RM_QUERY ? query_pair(v, &pair) :
	       tcpvs_http_cookie_pair(v->buf, &v->pos, v->end, &pair))
		if (is_pair(v, pair))
			return true;
	return false;
}

/**
 * tcpvs_values_next() - go on to the next value
 * @v: the walk; @v->val and @v->len tell it
 *
 * Return: whether there is one
 */
bool tcpvs_values_next(struct tcpvs_values *v)
{
	const struct tcpvs_http_head *h = v->head;

	if (v->what != TCPVS_RM_HEADER && next_pair(v))
		return true;
	if (v->what == TCPVS_RM_QUERY)
		return false;
	while (v->hdr < h->nhdr) {
		const struct tcpvs_http_hdr *line = &h->hdr[v->hdr++];

		if (v->what == TCPVS_RM_COOKIE) {
			if (line->id != TCPVS_H_COOKIE)
				continue;
			v->pos = line->val;
			v->end = line->val + line->vlen;
			if (next_pair(v))
				return true;
			continue;
		}
		if (line->nlen == v->nlen &&
		    tcpvs_route_same_name(v->what, v->buf + line->name,
					  v->name, v->nlen)) {
			v->val = v->buf + line->val;
			v->len = line->vlen;
			return true;
		}
	}
	return false;
}
