// SPDX-License-Identifier: GPL-2.0
/*
 * http_name.c - the tables: characters, header names, names of errors
 *
 * A header name is found by one perfect hash and one comparison by words, so
 * that an unknown one, the common case, costs a table look-up.
 *
 * Pure: any context, constant data only.
 */
#include "http_impl.h"

#define CLS_ANY	(CLS_TOKEN | CLS_PATH | CLS_QUERY | CLS_REGNAME | CLS_TEXT)

/*
 * Path and query take, beside what RFC 3986 allows, the bytes that browsers
 * send there unescaped today.  Never space, controls, '#', '"', '<', '>' or
 * anything above 0x7e; never '\' in a path, which some servers take for '/'.
 */
const u8 tcpvs_http_class[256] = {
	['\t'] = CLS_TEXT,
	[' '] = CLS_TEXT,
	['!'] = CLS_ANY,
	['"'] = CLS_TEXT,
	['#'] = CLS_TEXT | CLS_TOKEN,
	['$'] = CLS_ANY,
	['%'] = CLS_TEXT | CLS_TOKEN | CLS_QUERY,
	['&'] = CLS_ANY,
	['\''] = CLS_ANY,
	['('] = CLS_TEXT | CLS_PATH | CLS_QUERY | CLS_REGNAME,
	[')'] = CLS_TEXT | CLS_PATH | CLS_QUERY | CLS_REGNAME,
	['*'] = CLS_ANY,
	['+'] = CLS_ANY,
	/* Not in a host: that is what two Host lines merge into. */
	[','] = CLS_TEXT | CLS_PATH | CLS_QUERY,
	['-'] = CLS_ANY,
	['.'] = CLS_ANY,
	['/'] = CLS_TEXT | CLS_PATH | CLS_QUERY,
	['0' ... '9'] = CLS_ANY | CLS_HEX | CLS_DIGIT,
	[':'] = CLS_TEXT | CLS_PATH | CLS_QUERY,
	[';'] = CLS_TEXT | CLS_PATH | CLS_QUERY | CLS_REGNAME,
	['<'] = CLS_TEXT,
	['='] = CLS_TEXT | CLS_PATH | CLS_QUERY | CLS_REGNAME,
	['>'] = CLS_TEXT,
	['?'] = CLS_TEXT | CLS_QUERY,
	['@'] = CLS_TEXT | CLS_PATH | CLS_QUERY,
	['A' ... 'F'] = CLS_ANY | CLS_HEX,
	['G' ... 'Z'] = CLS_ANY,
	['['] = CLS_TEXT | CLS_PATH | CLS_QUERY,
	['\\'] = CLS_TEXT | CLS_QUERY,
	[']'] = CLS_TEXT | CLS_PATH | CLS_QUERY,
	['^'] = CLS_TEXT | CLS_TOKEN | CLS_PATH | CLS_QUERY,
	['_'] = CLS_ANY,
	['`'] = CLS_TEXT | CLS_TOKEN | CLS_QUERY,
	['a' ... 'f'] = CLS_ANY | CLS_HEX,
	['g' ... 'z'] = CLS_ANY,
	['{'] = CLS_TEXT | CLS_PATH | CLS_QUERY,
	['|'] = CLS_TEXT | CLS_TOKEN | CLS_PATH | CLS_QUERY,
	['}'] = CLS_TEXT | CLS_PATH | CLS_QUERY,
	['~'] = CLS_ANY,
	[0x80 ... 0xff] = CLS_TEXT,
};

static const struct {
	const char *name;
	u16 status;
} http_err[__TCPVS_HE_MAX] = {
	[TCPVS_HE_NONE] = { "none", 200 },
	[TCPVS_HE_BAD_REQUEST_LINE] = { "bad-request-line", 400 },
	[TCPVS_HE_BAD_TARGET] = { "bad-target", 400 },
	[TCPVS_HE_URI_TOO_LONG] = { "uri-too-long", 414 },
	[TCPVS_HE_BAD_VERSION] = { "bad-version", 400 },
	[TCPVS_HE_VERSION_UNSUPPORTED] = { "version-unsupported", 505 },
	[TCPVS_HE_BAD_STATUS_LINE] = { "bad-status-line", 400 },
	[TCPVS_HE_BAD_HEADER] = { "bad-header", 400 },
	[TCPVS_HE_BARE_CR] = { "bare-cr", 400 },
	[TCPVS_HE_BARE_LF] = { "bare-lf", 400 },
	[TCPVS_HE_NUL] = { "nul", 400 },
	[TCPVS_HE_OBS_FOLD] = { "obs-fold", 400 },
	[TCPVS_HE_SPACE_BEFORE_COLON] = { "space-before-colon", 400 },
	[TCPVS_HE_HEAD_TOO_LARGE] = { "head-too-large", 431 },
	[TCPVS_HE_TOO_MANY_HEADERS] = { "too-many-headers", 431 },
	[TCPVS_HE_BAD_CONNECTION] = { "bad-connection", 400 },
	[TCPVS_HE_BAD_LENGTH] = { "bad-length", 400 },
	[TCPVS_HE_DUP_LENGTH] = { "dup-length", 400 },
	[TCPVS_HE_LENGTH_AND_TE] = { "length-and-te", 400 },
	[TCPVS_HE_BAD_TE] = { "bad-te", 400 },
	[TCPVS_HE_UNKNOWN_TE] = { "unknown-te", 501 },
	[TCPVS_HE_NO_HOST] = { "no-host", 400 },
	[TCPVS_HE_DUP_HOST] = { "dup-host", 400 },
	[TCPVS_HE_BAD_HOST] = { "bad-host", 400 },
	[TCPVS_HE_CONNECT_BODY] = { "connect-body", 400 },
	[TCPVS_HE_BAD_CHUNK] = { "bad-chunk", 400 },
	[TCPVS_HE_CHUNK_EXT_TOO_LARGE] = { "chunk-ext-too-large", 400 },
	[TCPVS_HE_BAD_TRAILER] = { "bad-trailer", 400 },
	[TCPVS_HE_TRAILER_TOO_LARGE] = { "trailer-too-large", 431 },
};

/**
 * tcpvs_http_err_status() - status of the answer to a refused request
 * @err: TCPVS_HE_* or its negative
 *
 * Return: 400, 414, 431, 501 or 505.  A refused response is always a 502.
 */
unsigned int tcpvs_http_err_status(int err)
{
	if (err < 0)
		err = -err;
	return err < __TCPVS_HE_MAX ? http_err[err].status : 400;
}

/**
 * tcpvs_http_err_name() - short name of an error for logs and counters
 * @err: TCPVS_HE_* or its negative
 *
 * Return: a constant string, never NULL.
 */
const char *tcpvs_http_err_name(int err)
{
	if (err < 0)
		err = -err;
	return err < __TCPVS_HE_MAX ? http_err[err].name : "unknown";
}

/*
 * Header names by a perfect hash of length, first and last character.  Two
 * names in one slot are a compile error (override-init).
 */
#define NAME_HASH(n, first, last)	(((n) + 5 * (first) + 8 * (last)) & 127)
#define NAME_MAX_LEN	19

static const u8 name_slot[128] = {
	[NAME_HASH(4, 'h', 't')] = TCPVS_H_HOST,
	[NAME_HASH(14, 'c', 'h')] = TCPVS_H_CONTENT_LENGTH,
	[NAME_HASH(17, 't', 'g')] = TCPVS_H_TRANSFER_ENCODING,
	[NAME_HASH(10, 'c', 'n')] = TCPVS_H_CONNECTION,
	[NAME_HASH(10, 'k', 'e')] = TCPVS_H_KEEP_ALIVE,
	[NAME_HASH(16, 'p', 'n')] = TCPVS_H_PROXY_CONNECTION,
	[NAME_HASH(2, 't', 'e')] = TCPVS_H_TE,
	[NAME_HASH(7, 'u', 'e')] = TCPVS_H_UPGRADE,
	[NAME_HASH(14, 'h', 's')] = TCPVS_H_HTTP2_SETTINGS,
	[NAME_HASH(6, 'e', 't')] = TCPVS_H_EXPECT,
	[NAME_HASH(15, 'x', 'r')] = TCPVS_H_X_FORWARDED_FOR,
	[NAME_HASH(17, 'x', 'o')] = TCPVS_H_X_FORWARDED_PROTO,
	[NAME_HASH(16, 'x', 't')] = TCPVS_H_X_FORWARDED_HOST,
	[NAME_HASH(9, 'f', 'd')] = TCPVS_H_FORWARDED,
	[NAME_HASH(16, 'w', 'e')] = TCPVS_H_WWW_AUTHENTICATE,
	[NAME_HASH(18, 'p', 'e')] = TCPVS_H_PROXY_AUTHENTICATE,
	[NAME_HASH(13, 'a', 'n')] = TCPVS_H_AUTHORIZATION,
	[NAME_HASH(19, 'p', 'n')] = TCPVS_H_PROXY_AUTHORIZATION,
	[NAME_HASH(7, 't', 'r')] = TCPVS_H_TRAILER,
	[NAME_HASH(3, 'v', 'a')] = TCPVS_H_VIA,
	[NAME_HASH(6, 'c', 'e')] = TCPVS_H_COOKIE,
	[NAME_HASH(10, 's', 'e')] = TCPVS_H_SET_COOKIE,
	[NAME_HASH(12, 'c', 'e')] = TCPVS_H_CONTENT_TYPE,
	[NAME_HASH(16, 'c', 'g')] = TCPVS_H_CONTENT_ENCODING,
	[NAME_HASH(13, 'c', 'e')] = TCPVS_H_CONTENT_RANGE,
	[NAME_HASH(13, 'c', 'l')] = TCPVS_H_CACHE_CONTROL,
	[NAME_HASH(10, 'u', 't')] = TCPVS_H_USER_AGENT,
	[NAME_HASH(7, 'r', 'r')] = TCPVS_H_REFERER,
	[NAME_HASH(4, 'd', 'e')] = TCPVS_H_DATE,
	[NAME_HASH(6, 's', 'r')] = TCPVS_H_SERVER,
	[NAME_HASH(8, 'l', 'n')] = TCPVS_H_LOCATION,
};

#define NAME(s) { sizeof(s) - 1, s }

/* Padded, so that words can be loaded from them. */
static const struct {
	u8 len;
	char text[NAME_MAX_LEN + 1];
} name_of[__TCPVS_H_MAX] = {
	[TCPVS_H_HOST] = NAME("host"),
	[TCPVS_H_CONTENT_LENGTH] = NAME("content-length"),
	[TCPVS_H_TRANSFER_ENCODING] = NAME("transfer-encoding"),
	[TCPVS_H_CONNECTION] = NAME("connection"),
	[TCPVS_H_KEEP_ALIVE] = NAME("keep-alive"),
	[TCPVS_H_PROXY_CONNECTION] = NAME("proxy-connection"),
	[TCPVS_H_TE] = NAME("te"),
	[TCPVS_H_UPGRADE] = NAME("upgrade"),
	[TCPVS_H_HTTP2_SETTINGS] = NAME("http2-settings"),
	[TCPVS_H_EXPECT] = NAME("expect"),
	[TCPVS_H_X_FORWARDED_FOR] = NAME("x-forwarded-for"),
	[TCPVS_H_X_FORWARDED_PROTO] = NAME("x-forwarded-proto"),
	[TCPVS_H_X_FORWARDED_HOST] = NAME("x-forwarded-host"),
	[TCPVS_H_FORWARDED] = NAME("forwarded"),
	[TCPVS_H_WWW_AUTHENTICATE] = NAME("www-authenticate"),
	[TCPVS_H_PROXY_AUTHENTICATE] = NAME("proxy-authenticate"),
	[TCPVS_H_AUTHORIZATION] = NAME("authorization"),
	[TCPVS_H_PROXY_AUTHORIZATION] = NAME("proxy-authorization"),
	[TCPVS_H_TRAILER] = NAME("trailer"),
	[TCPVS_H_VIA] = NAME("via"),
	[TCPVS_H_COOKIE] = NAME("cookie"),
	[TCPVS_H_SET_COOKIE] = NAME("set-cookie"),
	[TCPVS_H_CONTENT_TYPE] = NAME("content-type"),
	[TCPVS_H_CONTENT_ENCODING] = NAME("content-encoding"),
	[TCPVS_H_CONTENT_RANGE] = NAME("content-range"),
	[TCPVS_H_CACHE_CONTROL] = NAME("cache-control"),
	[TCPVS_H_USER_AGENT] = NAME("user-agent"),
	[TCPVS_H_REFERER] = NAME("referer"),
	[TCPVS_H_DATE] = NAME("date"),
	[TCPVS_H_SERVER] = NAME("server"),
	[TCPVS_H_LOCATION] = NAME("location"),
};

/*
 * In a token, or-ing 0x20 maps letters to lower case and nothing else onto
 * letters, digits or '-'.
 */
static __always_inline bool name_eq(const u8 *p, const char *name, u32 n)
{
	const u64 low = SWAR(0x20);
	const u32 low4 = 0x20202020;
	u32 i;

	if (n >= 8) {
		for (i = 0; i + 8 <= n; i += 8)
			if ((get_unaligned_le64(p + i) | low) !=
			    (get_unaligned_le64(name + i) | low))
				return false;
		i = n - 8;
		return (get_unaligned_le64(p + i) | low) ==
		       (get_unaligned_le64(name + i) | low);
	}
	if (n >= 4) {
		i = n - 4;
		return (get_unaligned_le32(p) | low4) ==
		       (get_unaligned_le32(name) | low4) &&
		       (get_unaligned_le32(p + i) | low4) ==
		       (get_unaligned_le32(name + i) | low4);
	}
	for (i = 0; i < n; i++)
		if ((p[i] | 0x20) != (u8)name[i])
			return false;
	return true;
}

/* The same with '_' for '-', as servers that map names to CGI variables do. */
static bool name_alias(const u8 *p, const char *name, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++) {
		u8 c = p[i] == '_' ? '-' : p[i] | 0x20;

		if (c != (u8)name[i])
			return false;
	}
	return true;
}

/**
 * tcpvs_http_field_id() - which header a name is
 * @name: a token
 * @len: its length
 * @flags: TCPVS_HDRF_ALIAS is set when it is one only with '_' taken for '-'
 *
 * Aliases are known of the names that frame a message; one of X-Forwarded-For
 * and its like is TCPVS_H_X_FORWARDED_OTHER, of other names another header.
 *
 * Return: enum tcpvs_http_hdr_id
 */
u8 tcpvs_http_field_id(const u8 *name, u32 len, u8 *flags)
{
	static const char prefix[] = "x-forwarded-";
	u32 first, last;
	u8 id;

	if (unlikely(!len))
		return TCPVS_H_OTHER;
	first = name[0] | 0x20;
	last = name[len - 1] | 0x20;
	id = name_slot[NAME_HASH(len, first, last)];
	if (id && name_of[id].len == len) {
		if (likely(name_eq(name, name_of[id].text, len)))
			return id;
		if ((id == TCPVS_H_CONTENT_LENGTH ||
		     id == TCPVS_H_TRANSFER_ENCODING) &&
		    name_alias(name, name_of[id].text, len)) {
			*flags |= TCPVS_HDRF_ALIAS;
			return id;
		}
	}
	if (first == 'x' && len >= sizeof(prefix) &&
	    name_alias(name, prefix, sizeof(prefix) - 1))
		return TCPVS_H_X_FORWARDED_OTHER;
	return TCPVS_H_OTHER;
}
