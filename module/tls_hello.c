// SPDX-License-Identifier: GPL-2.0
/*
 * tls_hello.c - a ClientHello, found and read
 *
 * RFC 8446 sections 4.1.2 and 5.1, which hold for the hellos of all versions
 * since SSL 3.0; server names RFC 6066 section 3, protocols RFC 7301. Bytes are
 * judged as they come, each check of the framing as soon as the byte it needs is
 * there, so that every prefix is told what the whole is told; what is inside the
 * hello waits for its end.
 *
 * Pure: any context, no allocation, no state but the caller's.
 */
#include "tls_hello.h"

#define RECORD_HEAD	5
#define RECORD_MAX	16384
#define MESSAGE_HEAD	4
#define RANDOM		32
#define SESSION_MAX	32

/* Types of records, of handshake messages, of extensions and of names. */
#define CHANGE_CIPHER	20
#define ALERT		21
#define HANDSHAKE	22
#define HEARTBEAT	24
#define CLIENT_HELLO	1
#define EXT_SNI		0
#define EXT_ALPN	16
#define HOST_NAME	0

/* Descriptions of alerts. */
#define UNEXPECTED_MESSAGE	10
#define RECORD_OVERFLOW		22
#define ILLEGAL_PARAMETER	47
#define DECODE_ERROR		50
#define PROTOCOL_VERSION	70
#define UNRECOGNIZED_NAME	112

static const struct {
	const char *name;
	u8 alert;		/* 0: who does not speak TLS is told nothing */
} errors[__TCPVS_TE_MAX] = {
	[TCPVS_TE_NONE]		  = { "none", 0 },
	[TCPVS_TE_NOT_TLS]	  = { "not-tls", 0 },
	[TCPVS_TE_RECORD_TYPE]	  = { "record-type", UNEXPECTED_MESSAGE },
	[TCPVS_TE_RECORD_VERSION] = { "record-version", PROTOCOL_VERSION },
	[TCPVS_TE_RECORD_EMPTY]	  = { "record-empty", UNEXPECTED_MESSAGE },
	[TCPVS_TE_RECORD_LENGTH]  = { "record-length", RECORD_OVERFLOW },
	[TCPVS_TE_NOT_HELLO]	  = { "not-hello", UNEXPECTED_MESSAGE },
	[TCPVS_TE_TOO_LONG]	  = { "too-long", DECODE_ERROR },
	[TCPVS_TE_VERSION]	  = { "version", PROTOCOL_VERSION },
	[TCPVS_TE_LENGTH]	  = { "length", DECODE_ERROR },
	[TCPVS_TE_EXTENSIONS]	  = { "extensions", DECODE_ERROR },
	[TCPVS_TE_TWICE]	  = { "twice", ILLEGAL_PARAMETER },
	[TCPVS_TE_SNI]		  = { "sni", DECODE_ERROR },
	[TCPVS_TE_NAME]		  = { "name", UNRECOGNIZED_NAME },
	[TCPVS_TE_ALPN]		  = { "alpn", DECODE_ERROR },
};

/**
 * tcpvs_tls_err_name() - short name of an error
 * @err: TCPVS_TE_* or its negative
 *
 * Return: a constant string, never NULL.
 */
const char *tcpvs_tls_err_name(int err)
{
	if (err < 0)
		err = -err;
	return err < __TCPVS_TE_MAX ? errors[err].name : "unknown";
}

/**
 * tcpvs_tls_alert() - the alert that answers a bad hello
 * @out: TCPVS_TLS_ALERT bytes
 * @err: TCPVS_TE_*
 *
 * Return: TCPVS_TLS_ALERT, or 0 if the client would not understand it.
 */
int tcpvs_tls_alert(u8 *out, int err)
{
	const u8 alert[TCPVS_TLS_ALERT] = {
		ALERT, 3, 3, 0, 2,
		2 /* fatal */, errors[err].alert,
	};

	if (!errors[err].alert)
		return 0;
	memcpy(out, alert, sizeof(alert));
	return sizeof(alert);
}

/* The header of a record, or what there is of it. Return: 0 or an error. */
static int record_head(const u8 *p, u32 len, bool first)
{
	u32 size;

	if (p[0] != HANDSHAKE) {
		if (!first)
			return -TCPVS_TE_RECORD_TYPE;
		/* Another record of TLS, or of another protocol altogether? */
		if (p[0] < CHANGE_CIPHER || p[0] > HEARTBEAT)
			return -TCPVS_TE_NOT_TLS;
	}
	if (len < 2)
		return 0;
	if (p[1] != 3)
		return first ? -TCPVS_TE_NOT_TLS : -TCPVS_TE_RECORD_VERSION;
	if (p[0] != HANDSHAKE)
		return -TCPVS_TE_RECORD_TYPE;
	if (len < 4)
		return 0;
	if (p[3] > RECORD_MAX >> 8)
		return -TCPVS_TE_RECORD_LENGTH;
	if (len < RECORD_HEAD)
		return 0;
	size = get_unaligned_be16(p + 3);
	if (size > RECORD_MAX)
		return -TCPVS_TE_RECORD_LENGTH;
	return size ? 0 : -TCPVS_TE_RECORD_EMPTY;
}

/* Bytes of the message that a record carries. Return: 0 or an error. */
static int message_head(struct tcpvs_tls_scan *s, u8 c, u32 max)
{
	u32 size = (u32)s->size << 8 | c;

	switch (s->got++) {
	case 0:
		return c == CLIENT_HELLO ? 0 : -TCPVS_TE_NOT_HELLO;
	case 1:
		/* 64 KiB or more. */
		return c ? -TCPVS_TE_TOO_LONG : 0;
	case MESSAGE_HEAD - 1:
		size += MESSAGE_HEAD;
		if (size > max - RECORD_HEAD)
			return -TCPVS_TE_TOO_LONG;
	}
	s->size = size;
	return 0;
}

/**
 * tcpvs_tls_scan() - look for the end of a hello
 * @s: the search; without an error it has moved on
 * @buf: bytes of the stream from @s->pos on
 * @len: their number
 * @max: longest hello, headers of records included; at most TCPVS_TLS_MAX
 *
 * What stands behind the hello, in its last record too, is the server's to read.
 *
 * Return: its length in the stream, 0 if more bytes are needed, or a negative
 *	TCPVS_TE_*.
 */
int tcpvs_tls_scan(struct tcpvs_tls_scan *s, const u8 *buf, u32 len, u32 max)
{
	u32 at = 0, n;
	bool full;
	int err;

	/* The limit may have been lowered since. */
	if (s->pos >= max)
		return -TCPVS_TE_TOO_LONG;
	full = len >= max - s->pos;
	len = min(len, max - s->pos);
	while (at < len) {
		n = len - at;
		if (!s->left) {
			err = record_head(buf + at, n, !s->pos && !at);
			if (err)
				return err;
			if (n < RECORD_HEAD)
				break;
			s->left = get_unaligned_be16(buf + at + 3);
			at += RECORD_HEAD;
			continue;
		}
		if (s->got < MESSAGE_HEAD) {
			err = message_head(s, buf[at], max);
			if (err)
				return err;
			n = 1;
		} else {
			n = min_t(u32, n, s->left);
			n = min_t(u32, n, s->size - s->got);
			s->got += n;
		}
		s->left -= n;
		at += n;
		if (s->got >= MESSAGE_HEAD && s->got == s->size) {
			s->pos += at;
			return s->pos;
		}
	}
	s->pos += at;
	return full ? -TCPVS_TE_TOO_LONG : 0;
}

/* What is left of the hello. */
struct bytes {
	const u8 *p;
	u32 len;
};

static bool take(struct bytes *b, u32 n, const u8 **p)
{
	if (b->len < n)
		return false;
	*p = b->p;
	b->p += n;
	b->len -= n;
	return true;
}

/* A vector: its length in @n bytes, one or two, and as many bytes. */
static bool take_vector(struct bytes *b, u32 n, struct bytes *v)
{
	const u8 *p;

	if (!take(b, n, &p))
		return false;
	v->len = n == 1 ? p[0] : get_unaligned_be16(p);
	return take(b, v->len, &v->p);
}

/*
 * One host name and nothing else. The list has never had anything but that, and
 * others (OpenSSL) read it so too: what would follow has no length of its own if
 * its type is unknown. A name in other characters than these is none that a rule
 * or a certificate could have.
 */
static int read_sni(struct tcpvs_tls_hello *h, const u8 *buf, struct bytes b)
{
	struct bytes list, name;
	const u8 *type;
	u32 i;

	if (!take_vector(&b, 2, &list) || b.len || !take(&list, 1, &type) ||
	    *type != HOST_NAME || !take_vector(&list, 2, &name) || list.len ||
	    !name.len)
		return -TCPVS_TE_SNI;
	if (name.len > TCPVS_TLS_NAME_MAX)
		return -TCPVS_TE_NAME;
	for (i = 0; i < name.len; i++)
		if (name.p[i] <= ' ' || name.p[i] >= 0x7f)
			return -TCPVS_TE_NAME;
	h->sni = name.p - buf;
	h->sni_len = name.len;
	return 0;
}

static int read_alpn(struct tcpvs_tls_hello *h, const u8 *buf, struct bytes b)
{
	struct bytes list, rest, name;
	u32 n = 0;

	if (!take_vector(&b, 2, &list) || b.len || !list.len)
		return -TCPVS_TE_ALPN;
	for (rest = list; rest.len;)
		if (!take_vector(&rest, 1, &name) || !name.len ||
		    ++n > TCPVS_TLS_PROTOCOLS)
			return -TCPVS_TE_ALPN;
	h->alpn = list.p - buf;
	h->alpn_len = list.len;
	return 0;
}

static int read_extensions(struct tcpvs_tls_hello *h, const u8 *buf,
			   struct bytes b)
{
	u16 seen[TCPVS_TLS_EXTENSIONS];
	u32 n = 0, i;

	while (b.len) {
		struct bytes data;
		const u8 *p;
		u16 type;
		int err;

		if (!take(&b, 2, &p) || !take_vector(&b, 2, &data))
			return -TCPVS_TE_LENGTH;
		if (n == TCPVS_TLS_EXTENSIONS)
			return -TCPVS_TE_EXTENSIONS;
		type = get_unaligned_be16(p);
		for (i = 0; i < n; i++)
			if (seen[i] == type)
				return -TCPVS_TE_TWICE;
		seen[n++] = type;
		err = 0;
		if (type == EXT_SNI)
			err = read_sni(h, buf, data);
		else if (type == EXT_ALPN)
			err = read_alpn(h, buf, data);
		if (err)
			return err;
	}
	return 0;
}

/**
 * tcpvs_tls_join() - take a hello out of its records
 * @buf: the stream from its beginning; overwritten with the hello
 * @len: length of the hello in the stream, from tcpvs_tls_scan()
 *
 * Return: its length without the headers of records.
 */
u32 tcpvs_tls_join(u8 *buf, u32 len)
{
	u32 at = 0, out = 0, n;

	while (len - at > RECORD_HEAD) {
		n = get_unaligned_be16(buf + at + 3);
		at += RECORD_HEAD;
		n = min(n, len - at);
		memmove(buf + out, buf + at, n);
		at += n;
		out += n;
	}
	return out;
}

/**
 * tcpvs_tls_hello() - read a hello
 * @h: set to what it says
 * @buf: the hello, as tcpvs_tls_join() leaves it
 * @len: its length, at most TCPVS_TLS_MAX
 *
 * Return: 0 or a negative TCPVS_TE_*.
 */
int tcpvs_tls_hello(struct tcpvs_tls_hello *h, const u8 *buf, u32 len)
{
	struct bytes b = { buf, len }, v;
	const u8 *p;

	memset(h, 0, sizeof(*h));
	if (!take(&b, MESSAGE_HEAD, &p) || !take(&b, 2, &p))
		return -TCPVS_TE_LENGTH;
	if (p[0] != 3)
		return -TCPVS_TE_VERSION;
	if (!take(&b, RANDOM, &p) ||
	    !take_vector(&b, 1, &v) || v.len > SESSION_MAX ||
	    !take_vector(&b, 2, &v) || !v.len || v.len % 2 ||
	    !take_vector(&b, 1, &v) || !v.len)
		return -TCPVS_TE_LENGTH;
	/* Before RFC 3546 there were no extensions, and there need not be any. */
	if (!b.len)
		return 0;
	if (!take_vector(&b, 2, &v) || b.len)
		return -TCPVS_TE_LENGTH;
	return read_extensions(h, buf, v);
}
