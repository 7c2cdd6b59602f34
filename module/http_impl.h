/* SPDX-License-Identifier: GPL-2.0 */
/*
 * http_impl.h - what the http*.c files share among themselves
 *
 * Character classes as one table of bits, and word-at-a-time search.  Plain C
 * on 64-bit words: the kernel cannot use vector registers here.
 */
#ifndef TCPVS_HTTP_IMPL_H
#define TCPVS_HTTP_IMPL_H

#include "http.h"

/* Bits of tcpvs_http_class[]. */
#define CLS_TOKEN	0x01	/* tchar of RFC 9110 */
#define CLS_PATH	0x02	/* may stand in a path, without '%' */
#define CLS_QUERY	0x04	/* may stand in a query */
#define CLS_REGNAME	0x08	/* may stand in a host name, without '%' */
#define CLS_HEX		0x10
#define CLS_DIGIT	0x20
#define CLS_TEXT	0x40	/* HTAB, SP, VCHAR, obs-text */

/* http_name.c */
extern const u8 tcpvs_http_class[256];

/* http_field.c */
int tcpvs_http_authority(struct tcpvs_http_head *h, const u8 *buf, u32 i,
			 u32 end, bool more, bool set);
int tcpvs_http_field(struct tcpvs_http_head *h, const u8 *buf,
		     struct tcpvs_http_hdr *hdr, bool response);
int tcpvs_http_finish_request(struct tcpvs_http_head *h, const u8 *buf);
int tcpvs_http_finish_response(struct tcpvs_http_head *h, const u8 *buf);

#define SWAR(c)		((~0ULL / 255) * (c))

/* First byte not in the class @cls at or after @i, or @end. */
static __always_inline u32 http_skip_class(const u8 *b, u32 i, u32 end, u8 cls)
{
	const u8 *t = tcpvs_http_class, *p = b + i, *stop = b + end;

	/* Four at a time: the common token is longer than that. */
	while (stop - p >= 4) {
		if (!(t[p[0]] & t[p[1]] & cls))
			return p - b + !!(t[p[0]] & cls);
		if (!(t[p[2]] & t[p[3]] & cls))
			return p - b + 2 + !!(t[p[2]] & cls);
		p += 4;
	}
	while (p < stop && (t[*p] & cls))
		p++;
	return p - b;
}

/* First control character, HTAB included, at or after @i, or @end. */
static __always_inline u32 http_find_ctl(const u8 *b, u32 i, u32 end)
{
	const u8 *p = b + i, *stop = b + end;

	while (stop - p >= 8) {
		u64 w = get_unaligned_le64(p);
		u64 d = w ^ SWAR(0x7f);
		u64 hit;

		/*
		 * High bit set in each byte below 0x20 or equal to 0x7f.  A
		 * borrow can only add hits above a true one, so the lowest is
		 * exact.
		 */
		hit = ((w - SWAR(0x20)) & ~w) | ((d - SWAR(1)) & ~d);
		hit &= SWAR(0x80);
		if (hit)
			return p - b + (__builtin_ctzll(hit) >> 3);
		p += 8;
	}
	while (p < stop && *p >= 0x20 && *p != 0x7f)
		p++;
	return p - b;
}

static inline bool http_is_ows(u8 c)
{
	return c == ' ' || c == '\t';
}

/* Equal without regard to the case of letters; @want is in lower case. */
static inline bool http_caseeq(const u8 *p, u32 len, const char *want, u32 wlen)
{
	u32 i;

	if (len != wlen)
		return false;
	for (i = 0; i < len; i++) {
		u8 c = p[i];

		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		if (c != (u8)want[i])
			return false;
	}
	return true;
}

#define http_is(p, len, lit)	http_caseeq(p, len, lit, sizeof(lit) - 1)

/*
 * Next element of a comma-separated list in [*pos, end): its trimmed span in
 * *off and *len.  Empty elements are passed over, as RFC 9110 5.6.1.2 wants.
 */
static inline bool http_list_next(const u8 *b, u32 *pos, u32 end, u32 *off,
				  u32 *len)
{
	u32 i = *pos, start, stop;

	while (i < end && (http_is_ows(b[i]) || b[i] == ','))
		i++;
	if (i == end)
		return false;
	start = i;
	while (i < end && b[i] != ',')
		i++;
	stop = i;
	while (stop > start && http_is_ows(b[stop - 1]))
		stop--;
	*pos = i;
	*off = start;
	*len = stop - start;
	return true;
}

/* Where the output goes.  Past @cap nothing is written, only counted. */
struct http_out {
	u8 *buf;
	u32 cap;
	u32 len;
};

static __always_inline void http_put(struct http_out *o, const void *src, u32 n)
{
	if (n <= o->cap && o->len <= o->cap - n)
		memcpy(o->buf + o->len, src, n);
	o->len += n;
}

#define http_put_lit(o, s)	http_put(o, s, sizeof(s) - 1)

static inline void http_put_str(struct http_out *o, const char *s)
{
	http_put(o, s, strlen(s));
}

static inline void http_put_span(struct http_out *o, const u8 *buf, struct tcpvs_http_span s)
{
	http_put(o, buf + s.off, s.len);
}

static inline int http_out_end(const struct http_out *o)
{
	return o->len <= o->cap ? (int)o->len : -TCPVS_HE_HEAD_TOO_LARGE;
}

#endif /* TCPVS_HTTP_IMPL_H */
