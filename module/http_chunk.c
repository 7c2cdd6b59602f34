// SPDX-License-Identifier: GPL-2.0
/*
 * http_chunk.c - chunked bodies as they stream by
 *
 * The body goes on as it came, byte for byte, and the data itself need not be
 * shown: only the lines between pieces of data are read.  Since a server reads
 * the same bytes again, everything that some server could frame differently
 * is refused: a bare LF, white space or a sign at a size, a size above 2^63,
 * a CR inside an extension, a trailer that frames, routes or names a client.
 *
 * Pure: any context, no allocation, no state but the caller's.
 */
#include "http_impl.h"

enum {
	CH_SIZE,		/* first digit of a size */
	CH_SIZE_MORE,		/* further digits, ';' or CR */
	CH_EXT,			/* extension, up to CR */
	CH_SIZE_LF,		/* LF of the size line */
	CH_DATA,
	CH_DATA_CR,		/* CR behind the data */
	CH_DATA_LF,
	CH_TRAILER,		/* first byte of a line behind the last chunk */
	CH_NAME,		/* name of a trailer */
	CH_VALUE,		/* its value, up to CR */
	CH_VALUE_LF,
	CH_END_LF,		/* LF of the last line */
	CH_DONE,
	CH_ERROR,
};

/**
 * tcpvs_http_chunk_init() - begin a chunked body
 * @c: its state
 */
void tcpvs_http_chunk_init(struct tcpvs_http_chunk *c)
{
	memset(c, 0, sizeof(*c));
}

/**
 * tcpvs_http_chunk_done() - whether the body is complete
 * @c: its state
 *
 * Return: true behind the empty line that ends it.
 */
bool tcpvs_http_chunk_done(const struct tcpvs_http_chunk *c)
{
	return c->state == CH_DONE;
}

/**
 * tcpvs_http_chunk_skip() - how much of what comes next is plain data
 * @c: its state
 *
 * Return: bytes that need not be shown to tcpvs_http_chunk().
 */
u64 tcpvs_http_chunk_skip(const struct tcpvs_http_chunk *c)
{
	return c->state == CH_DATA ? c->left : 0;
}

/**
 * tcpvs_http_chunk_skipped() - say that data was passed on without being shown
 * @c: its state
 * @n: bytes, at most what tcpvs_http_chunk_skip() allows
 */
void tcpvs_http_chunk_skipped(struct tcpvs_http_chunk *c, u64 n)
{
	if (c->state != CH_DATA)
		return;
	c->left -= min(n, c->left);
	if (!c->left)
		c->state = CH_DATA_CR;
}

static int hex_digit(u8 c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* Trailers are merged into the headers by some servers (RFC 9110 6.5.1). */
static bool trailer_allowed(const struct tcpvs_http_chunk *c)
{
	u32 len = min_t(u32, c->nlen, TCPVS_TRAILER_NAME);
	u8 flags = 0;

	switch (tcpvs_http_field_id(c->name, len, &flags)) {
	case TCPVS_H_HOST:
	case TCPVS_H_CONTENT_LENGTH:
	case TCPVS_H_TRANSFER_ENCODING:
	case TCPVS_H_CONNECTION:
	case TCPVS_H_KEEP_ALIVE:
	case TCPVS_H_PROXY_CONNECTION:
	case TCPVS_H_TE:
	case TCPVS_H_TRAILER:
	case TCPVS_H_UPGRADE:
	case TCPVS_H_HTTP2_SETTINGS:
	case TCPVS_H_EXPECT:
	case TCPVS_H_X_FORWARDED_FOR:
	case TCPVS_H_X_FORWARDED_PROTO:
	case TCPVS_H_X_FORWARDED_HOST:
	case TCPVS_H_X_FORWARDED_OTHER:
	case TCPVS_H_FORWARDED:
	case TCPVS_H_COOKIE:
	case TCPVS_H_SET_COOKIE:
	case TCPVS_H_AUTHORIZATION:
	case TCPVS_H_PROXY_AUTHORIZATION:
	case TCPVS_H_CONTENT_TYPE:
	case TCPVS_H_CONTENT_ENCODING:
	case TCPVS_H_CONTENT_RANGE:
		return false;
	}
	return true;
}

/* Of a chunk extension. */
static int extension_byte(struct tcpvs_http_chunk *c, u8 b)
{
	if (b == '\r') {
		c->state = CH_SIZE_LF;
		return 0;
	}
	if (!(tcpvs_http_class[b] & CLS_TEXT))
		return TCPVS_HE_BAD_CHUNK;
	if (++c->ext > TCPVS_CHUNK_EXT_MAX ||
	    ++c->ext_total > TCPVS_CHUNK_EXT_TOTAL)
		return TCPVS_HE_CHUNK_EXT_TOO_LARGE;
	return 0;
}

/* Of a trailer's name, or the colon behind it. */
static int name_byte(struct tcpvs_http_chunk *c, u8 b)
{
	if (tcpvs_http_class[b] & CLS_TOKEN) {
		if (c->nlen < TCPVS_TRAILER_NAME)
			c->name[c->nlen] = b;
		if (c->nlen < U8_MAX)
			c->nlen++;
		return 0;
	}
	if (b != ':' || !c->nlen || !trailer_allowed(c))
		return TCPVS_HE_BAD_TRAILER;
	c->state = CH_VALUE;
	return 0;
}

/* One byte outside the data. */
static int step(struct tcpvs_http_chunk *c, u8 b)
{
	int digit;

	switch (c->state) {
	case CH_SIZE:
	case CH_SIZE_MORE:
		digit = hex_digit(b);
		if (digit >= 0) {
			/* 16 digits, and the first of them below 8. */
			if (++c->digits > 16 || c->left >> 59)
				return TCPVS_HE_BAD_CHUNK;
			c->left = c->left << 4 | digit;
			c->state = CH_SIZE_MORE;
			return 0;
		}
		if (c->state == CH_SIZE)
			return TCPVS_HE_BAD_CHUNK;
		if (b == '\r') {
			c->state = CH_SIZE_LF;
			return 0;
		}
		if (b != ';')
			return TCPVS_HE_BAD_CHUNK;
		c->state = CH_EXT;
		return extension_byte(c, b);
	case CH_EXT:
		return extension_byte(c, b);
	case CH_SIZE_LF:
		c->ext = 0;
		c->digits = 0;
		c->state = c->left ? CH_DATA : CH_TRAILER;
		return b == '\n' ? 0 : TCPVS_HE_BAD_CHUNK;
	case CH_DATA_CR:
		c->state = CH_DATA_LF;
		return b == '\r' ? 0 : TCPVS_HE_BAD_CHUNK;
	case CH_DATA_LF:
		c->state = CH_SIZE;
		return b == '\n' ? 0 : TCPVS_HE_BAD_CHUNK;
	}

	/* The trailer section. */
	if (++c->trailer > TCPVS_TRAILER_MAX)
		return TCPVS_HE_TRAILER_TOO_LARGE;
	switch (c->state) {
	case CH_TRAILER:
		if (b == '\r') {
			c->state = CH_END_LF;
			return 0;
		}
		if (++c->lines > TCPVS_TRAILER_LINES)
			return TCPVS_HE_TRAILER_TOO_LARGE;
		c->nlen = 0;
		c->state = CH_NAME;
		return name_byte(c, b);
	case CH_NAME:
		return name_byte(c, b);
	case CH_VALUE:
		if (b == '\r')
			c->state = CH_VALUE_LF;
		else if (!(tcpvs_http_class[b] & CLS_TEXT))
			return TCPVS_HE_BAD_TRAILER;
		return 0;
	case CH_VALUE_LF:
		c->state = CH_TRAILER;
		return b == '\n' ? 0 : TCPVS_HE_BAD_TRAILER;
	case CH_END_LF:
		c->state = CH_DONE;
		return b == '\n' ? 0 : TCPVS_HE_BAD_TRAILER;
	}
	return TCPVS_HE_BAD_CHUNK;
}

/**
 * tcpvs_http_chunk() - check the next bytes of a chunked body
 * @c: its state
 * @p: the bytes
 * @len: how many
 *
 * Return: how many of them belong to the body, less than @len only when it
 * ended among them; -TCPVS_HE_* when it is broken, and ever after.
 */
s64 tcpvs_http_chunk(struct tcpvs_http_chunk *c, const u8 *p, u32 len)
{
	u32 i = 0;

	while (i < len && c->state < CH_DONE) {
		int err;

		if (c->state == CH_DATA) {
			u64 n = min_t(u64, c->left, len - i);

			tcpvs_http_chunk_skipped(c, n);
			i += n;
			continue;
		}
		err = step(c, p[i]);
		if (err) {
			c->state = CH_ERROR;
			c->err = err;
		}
		i++;
	}
	return c->state == CH_ERROR ? -(s64)c->err : i;
}
