// SPDX-License-Identifier: GPL-2.0
/*
 * http_cookie.c - a cookie of ours among those of the client and the server
 *
 * Cookies are read as RFC 6265 section 5.4 has clients write them: pairs with a
 * semicolon between, quotes without a meaning.  Ours is found by its name, which
 * may be there more than once, and is for us alone: http_head.c takes it out of
 * what the server gets.  The others go on byte by byte as they came.
 *
 * Pure: any context, no allocation.
 */
#include "http_impl.h"

/**
 * tcpvs_http_cookie_pair() - the next pair of a line of cookies
 * @buf: the head
 * @pos: where to go on; set to behind the pair and its semicolon
 * @end: end of the line's value
 * @pair: set to the pair without white space around it; it may be empty
 *
 * Return: there is one
 */
bool tcpvs_http_cookie_pair(const u8 *buf, u32 *pos, u32 end,
			    struct tcpvs_http_span *pair)
{
	u32 from = *pos, to = from;

	if (from >= end)
		return false;
	while (to < end && buf[to] != ';')
		to++;
	*pos = to + 1;
	while (from < to && http_is_ows(buf[from]))
		from++;
	while (from < to && http_is_ows(buf[to - 1]))
		to--;
	*pair = (struct tcpvs_http_span){ .off = from, .len = to - from };
	return true;
}

/**
 * tcpvs_http_cookie_is() - is a pair NAME=value?
 * @buf: the head
 * @pair: the pair
 * @name: the name
 * @nlen: its length
 *
 * Return: it is
 */
bool tcpvs_http_cookie_is(const u8 *buf, struct tcpvs_http_span pair,
			  const char *name, u32 nlen)
{
	return pair.len > nlen && buf[pair.off + nlen] == '=' &&
	       !memcmp(buf + pair.off, name, nlen);
}

/**
 * tcpvs_http_cookie_find() - the cookies of a name in a request
 * @h: the parsed head; lines that have one are marked to be looked at
 * @buf: the bytes that were parsed
 * @name: the name, whose case matters
 * @nlen: its length, more than 0
 * @value: filled in with the values
 * @max: room there
 *
 * Return: how many there are, which may be more than @max
 */
u32 tcpvs_http_cookie_find(struct tcpvs_http_head *h, const u8 *buf,
			   const char *name, u32 nlen,
			   struct tcpvs_http_span *value, u32 max)
{
	u32 i, n = 0;

	for (i = 0; i < h->nhdr; i++) {
		const struct tcpvs_http_hdr *line = &h->hdr[i];
		u32 pos = line->val, end = pos + line->vlen;
		struct tcpvs_http_span pair;

		if (line->id != TCPVS_H_COOKIE)
			continue;
		while (tcpvs_http_cookie_pair(buf, &pos, end, &pair)) {
			if (!tcpvs_http_cookie_is(buf, pair, name, nlen))
				continue;
			h->edit[i / 64] |= 1ULL << (i % 64);
			if (n < max)
				value[n] = (struct tcpvs_http_span){
					.off = pair.off + nlen + 1,
					.len = pair.len - nlen - 1,
				};
			n++;
		}
	}
	return n;
}

/**
 * tcpvs_http_cookie_name() - can a cookie have this name?
 * @s: the name
 * @len: its length
 *
 * Return: it is a token
 */
bool tcpvs_http_cookie_name(const u8 *s, u32 len)
{
	return len && http_skip_class(s, 0, len, CLS_TOKEN) == len;
}

/*
 * What may stand in a text that goes into Set-Cookie, and into a file in quotes.
 * A comma would be the end of the cookie for whoever joins lines of one name.
 */
static bool plain(u8 c)
{
	return c >= ' ' && c <= '~' && c != '"' && c != '\\' && c != ',';
}

/**
 * tcpvs_http_cookie_path() - can a cookie have this path?
 * @s: the path
 * @len: its length
 *
 * Return: it can
 */
bool tcpvs_http_cookie_path(const u8 *s, u32 len)
{
	u32 i;

	if (!len || s[0] != '/' || s[len - 1] == ' ')
		return false;
	for (i = 0; i < len; i++)
		if (!plain(s[i]) || s[i] == ';')
			return false;
	return true;
}

/* Attributes that say what has settings of its own. */
static bool reserved(const u8 *s, u32 len)
{
	return http_is(s, len, "path") || http_is(s, len, "max-age") ||
	       http_is(s, len, "expires");
}

/**
 * tcpvs_http_cookie_attributes() - can a cookie have these further attributes?
 * @s: the attributes, NAME or NAME=VALUE, with semicolons between
 * @len: their length, which may be 0
 *
 * Return: they can stand behind a semicolon
 */
bool tcpvs_http_cookie_attributes(const u8 *s, u32 len)
{
	struct tcpvs_http_span a;
	u32 pos = 0, i, n;

	if (!len)
		return true;
	for (i = 0; i < len; i++)
		if (!plain(s[i]))
			return false;
	/* White space around all of it would be lost in a file. */
	if (s[0] == ' ' || s[len - 1] == ' ' || s[len - 1] == ';')
		return false;
	while (tcpvs_http_cookie_pair(s, &pos, len, &a)) {
		n = http_skip_class(s, a.off, a.off + a.len, CLS_TOKEN) - a.off;
		if (!n || (n < a.len && s[a.off + n] != '=') ||
		    reserved(s + a.off, n))
			return false;
	}
	return true;
}

/* RFC 4648 section 5: what needs no quotes anywhere. */
static const char digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/**
 * tcpvs_http_cookie_encode() - write a token as the value of a cookie
 * @out: TCPVS_COOKIE_VALUE bytes
 * @token: TCPVS_COOKIE_TOKEN bytes
 */
void tcpvs_http_cookie_encode(u8 *out, const u8 *token)
{
	u32 i;

	for (i = 0; i < TCPVS_COOKIE_TOKEN; i += 3, out += 4) {
		u32 v = token[i] << 16 | token[i + 1] << 8 | token[i + 2];

		out[0] = digits[v >> 18];
		out[1] = digits[v >> 12 & 63];
		out[2] = digits[v >> 6 & 63];
		out[3] = digits[v & 63];
	}
}

static int digit(u8 c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/**
 * tcpvs_http_cookie_decode() - read the value of a cookie as a token
 * @token: TCPVS_COOKIE_TOKEN bytes
 * @value: the value
 * @len: its length
 *
 * A token has one form: what differs in a byte is another one or none.
 *
 * Return: it is one
 */
bool tcpvs_http_cookie_decode(u8 *token, const u8 *value, u32 len)
{
	u32 i;

	if (len != TCPVS_COOKIE_VALUE)
		return false;
	for (i = 0; i < len; i += 4, token += 3) {
		int a = digit(value[i]), b = digit(value[i + 1]);
		int c = digit(value[i + 2]), d = digit(value[i + 3]);

		if ((a | b | c | d) < 0)
			return false;
		token[0] = a << 2 | b >> 4;
		token[1] = b << 4 | c >> 2;
		token[2] = c << 6 | d;
	}
	return true;
}
