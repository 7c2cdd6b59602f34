// SPDX-License-Identifier: GPL-2.0
/*
 * proxy.c - PROXY protocol headers, read and written
 *
 * A header of version 1 is one line of text, one of version 2 a binary block
 * of announced length.  Bytes are judged as they come, each check as soon as
 * the bytes it needs are there and not before, so that every prefix is told
 * what the whole is told; the fields of a line wait for its end.
 *
 * Pure: any context, no allocation, no state but the caller's.
 */
#include "proxy.h"

/* Longest line of version 1, CRLF included. */
#define V1_MAX		107
#define V2_HEAD		16

static const u8 v1_sig[] = { 'P', 'R', 'O', 'X', 'Y', ' ' };
static const u8 v2_sig[] = {
	0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
};

static const char *const proxy_err[__TCPVS_PE_MAX] = {
	[TCPVS_PE_NONE] = "none",
	[TCPVS_PE_NO_HEADER] = "no-header",
	[TCPVS_PE_BAD_BYTE] = "bad-byte",
	[TCPVS_PE_TOO_LONG] = "too-long",
	[TCPVS_PE_BAD_FAMILY] = "bad-family",
	[TCPVS_PE_BAD_ADDRESS] = "bad-address",
	[TCPVS_PE_BAD_PORT] = "bad-port",
	[TCPVS_PE_BAD_COMMAND] = "bad-command",
	[TCPVS_PE_BAD_LENGTH] = "bad-length",
	[TCPVS_PE_NO_ROOM] = "no-room",
};

/**
 * tcpvs_proxy_err_name() - short name of an error for logs and counters
 * @err: TCPVS_PE_* or its negative
 *
 * Return: a constant string, never NULL.
 */
const char *tcpvs_proxy_err_name(int err)
{
	if (err < 0)
		err = -err;
	return err < __TCPVS_PE_MAX ? proxy_err[err] : "unknown";
}

/* What is left of a line. */
struct text {
	const u8 *p;
	const u8 *end;
};

static bool take(struct text *t, char c)
{
	if (t->p == t->end || *t->p != (u8)c)
		return false;
	t->p++;
	return true;
}

static bool take_word(struct text *t, const char *word)
{
	u32 n = strlen(word);

	if ((u32)(t->end - t->p) < n || memcmp(t->p, word, n))
		return false;
	t->p += n;
	return true;
}

/* A number in its only spelling: no sign, no leading zero.  -1 if not one. */
static int take_decimal(struct text *t, int most)
{
	const u8 *start = t->p;
	int v = 0;

	while (t->p < t->end && *t->p >= '0' && *t->p <= '9') {
		v = v * 10 + *t->p++ - '0';
		if (v > most || (t->p - start > 1 && *start == '0'))
			return -1;
	}
	return t->p == start ? -1 : v;
}

static bool take_ip4(struct text *t, u8 *addr)
{
	int i, v;

	for (i = 0; i < 4; i++) {
		if (i && !take(t, '.'))
			return false;
		v = take_decimal(t, 255);
		if (v < 0)
			return false;
		addr[i] = v;
	}
	return true;
}

static int hex_value(const struct text *t)
{
	u8 c;

	if (t->p == t->end)
		return -1;
	c = *t->p;
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One to four digits; the specification's own examples have all four. */
static int take_group(struct text *t)
{
	int v = 0, digit, k;

	for (k = 0; k < 4; k++, t->p++) {
		digit = hex_value(t);
		if (digit < 0)
			break;
		v = v << 4 | digit;
	}
	return k ? v : -1;
}

/*
 * Groups of 16 bits, at most one "::" for at least one of them, and a dotted
 * tail (RFC 4291 2.2), which other balancers write for mapped addresses.
 */
static bool take_ip6(struct text *t, u8 *addr)
{
	u32 n = 0, tail;
	int gap = -1;

	if (take_word(t, "::"))
		gap = 0;
	while (n < 16) {
		struct text group = *t;
		int v = take_group(t);

		if (v < 0) {
			/* Only right behind "::" may nothing follow. */
			if (gap != (int)n)
				return false;
			break;
		}
		if (n <= 12 && t->p < t->end && *t->p == '.') {
			*t = group;
			if (!take_ip4(t, addr + n))
				return false;
			n += 4;
			break;
		}
		addr[n++] = v >> 8;
		addr[n++] = v & 0xff;
		if (!take(t, ':'))
			break;
		if (take(t, ':')) {
			if (gap >= 0)
				return false;
			gap = n;
		} else if (n == 16) {
			return false;
		}
	}
	if (gap < 0)
		return n == 16;
	if (n > 14)
		return false;
	tail = n - gap;
	memmove(addr + 16 - tail, addr + gap, tail);
	memset(addr + gap, 0, 16 - n);
	return true;
}

static bool take_ip(struct text *t, u8 family, u8 *addr)
{
	return family == 4 ? take_ip4(t, addr) : take_ip6(t, addr);
}

/* The line between "PROXY " and CRLF. */
static int parse_line(struct tcpvs_proxy *p, struct text t)
{
	int port;

	if (take_word(&t, "UNKNOWN"))
		return t.p == t.end || *t.p == ' ' ? 0 : -TCPVS_PE_BAD_FAMILY;
	if (take_word(&t, "TCP4 "))
		p->family = 4;
	else if (take_word(&t, "TCP6 "))
		p->family = 6;
	else
		return -TCPVS_PE_BAD_FAMILY;
	if (!take_ip(&t, p->family, p->src) || !take(&t, ' ') ||
	    !take_ip(&t, p->family, p->dst) || !take(&t, ' '))
		return -TCPVS_PE_BAD_ADDRESS;
	port = take_decimal(&t, U16_MAX);
	if (port < 0 || !take(&t, ' '))
		return -TCPVS_PE_BAD_PORT;
	p->sport = port;
	port = take_decimal(&t, U16_MAX);
	if (port < 0 || t.p != t.end)
		return -TCPVS_PE_BAD_PORT;
	p->dport = port;
	return 0;
}

static int parse_v1(struct tcpvs_proxy *p, const u8 *b, u32 len)
{
	u32 end = min_t(u32, len, V1_MAX), i;
	struct text line;
	int err;

	for (i = 0; i < end && i < sizeof(v1_sig); i++)
		if (b[i] != v1_sig[i])
			return -TCPVS_PE_NO_HEADER;
	/* Even UNKNOWN is text up to its end, so there is only one CR. */
	while (i < end && b[i] >= 0x20 && b[i] < 0x7f)
		i++;
	if (i < end && b[i] != '\r')
		return -TCPVS_PE_BAD_BYTE;
	if (i + 1 < end && b[i + 1] != '\n')
		return -TCPVS_PE_BAD_BYTE;
	if (i + 1 >= end)
		return end < V1_MAX ? 0 : -TCPVS_PE_TOO_LONG;
	line.p = b + sizeof(v1_sig);
	line.end = b + i;
	err = parse_line(p, line);
	return err ?: (int)i + 2;
}

/* Bytes that the addresses of a family take, < 0 when it is not assigned. */
static int v2_addr_len(u8 family)
{
	switch (family) {
	case 0x00:		/* unspecified */
		return 0;
	case 0x11:		/* TCP and UDP over IPv4 */
	case 0x12:
		return 12;
	case 0x21:		/* over IPv6 */
	case 0x22:
		return 36;
	case 0x31:		/* stream and datagram sockets of AF_UNIX */
	case 0x32:
		return 216;
	}
	return -TCPVS_PE_BAD_FAMILY;
}

static int parse_v2(struct tcpvs_proxy *p, const u8 *b, u32 len)
{
	u32 end = min_t(u32, len, sizeof(v2_sig)), i, body, n;
	int need = 0;

	for (i = 0; i < end; i++)
		if (b[i] != v2_sig[i])
			return -TCPVS_PE_NO_HEADER;
	if (len <= 12)
		return 0;
	if (b[12] != 0x20 && b[12] != 0x21)
		return -TCPVS_PE_BAD_COMMAND;
	if (len <= 13)
		return 0;
	/* The family of LOCAL has no meaning. */
	if (b[12] == 0x21)
		need = v2_addr_len(b[13]);
	if (need < 0)
		return need;
	if (len < V2_HEAD)
		return 0;
	body = get_unaligned_be16(b + 14);
	if (body < (u32)need)
		return -TCPVS_PE_BAD_LENGTH;
	if (body > TCPVS_PROXY_MAX - V2_HEAD)
		return -TCPVS_PE_TOO_LONG;
	if (len - V2_HEAD < body)
		return 0;
	if (b[12] == 0x21 && (b[13] == 0x11 || b[13] == 0x21)) {
		p->family = b[13] == 0x11 ? 4 : 6;
		n = p->family == 4 ? 4 : 16;
		b += V2_HEAD;
		memcpy(p->src, b, n);
		memcpy(p->dst, b + n, n);
		p->sport = get_unaligned_be16(b + 2 * n);
		p->dport = get_unaligned_be16(b + 2 * n + 2);
	}
	return V2_HEAD + body;
}

/**
 * tcpvs_proxy_parse() - read the header that a connection begins with
 * @p: filled in; valid only when the result is positive
 * @buf: the first bytes of the connection
 * @len: how many there are; may reach beyond the header
 *
 * Return: the length of the header; 0 when more bytes are needed, which never
 * happens with TCPVS_PROXY_MAX bytes or more; -TCPVS_PE_* when there is none
 * or it is refused.
 */
int tcpvs_proxy_parse(struct tcpvs_proxy *p, const u8 *buf, u32 len)
{
	memset(p, 0, sizeof(*p));
	if (!len)
		return 0;
	if (buf[0] == v2_sig[0])
		return parse_v2(p, buf, len);
	return parse_v1(p, buf, len);
}

/* Where the output goes; large enough for whatever is built. */
struct out {
	u8 buf[TCPVS_PROXY_BUILD_MAX];
	u32 len;
};

static void put(struct out *o, const void *src, u32 n)
{
	memcpy(o->buf + o->len, src, n);
	o->len += n;
}

static void put_char(struct out *o, u8 c)
{
	o->buf[o->len++] = c;
}

static void put_be16(struct out *o, u16 v)
{
	put_char(o, v >> 8);
	put_char(o, v & 0xff);
}

static void put_decimal(struct out *o, unsigned int v)
{
	u8 digits[5];
	u32 n = 0;

	do {
		digits[n++] = '0' + v % 10;
		v /= 10;
	} while (v);
	while (n)
		put_char(o, digits[--n]);
}

static void put_ip4(struct out *o, const u8 *addr)
{
	int i;

	for (i = 0; i < 4; i++) {
		if (i)
			put_char(o, '.');
		put_decimal(o, addr[i]);
	}
}

/* RFC 5952: lower case, no leading zeros, "::" for the first longest run. */
static void put_ip6(struct out *o, const u8 *addr)
{
	u32 best = 8, most = 1, run = 0, i;
	int shift;

	for (i = 0; i < 8; i++) {
		run = get_unaligned_be16(addr + 2 * i) ? 0 : run + 1;
		if (run > most) {
			most = run;
			best = i + 1 - run;
		}
	}
	for (i = 0; i < 8; i++) {
		u16 v = get_unaligned_be16(addr + 2 * i);

		if (i == best) {
			put(o, "::", 2);
			i += most - 1;
			continue;
		}
		if (i && i != best + most)
			put_char(o, ':');
		for (shift = 12; shift && !(v >> shift); shift -= 4)
			;
		for (; shift >= 0; shift -= 4)
			put_char(o, "0123456789abcdef"[v >> shift & 15]);
	}
}

static void build_v1(struct out *o, const struct tcpvs_proxy *p)
{
	void (*put_ip)(struct out *o, const u8 *addr) =
		p->family == 4 ? put_ip4 : put_ip6;

	put(o, v1_sig, sizeof(v1_sig));
	if (!p->family) {
		put(o, "UNKNOWN\r\n", 9);
		return;
	}
	put(o, p->family == 4 ? "TCP4 " : "TCP6 ", 5);
	put_ip(o, p->src);
	put_char(o, ' ');
	put_ip(o, p->dst);
	put_char(o, ' ');
	put_decimal(o, p->sport);
	put_char(o, ' ');
	put_decimal(o, p->dport);
	put(o, "\r\n", 2);
}

static void build_v2(struct out *o, const struct tcpvs_proxy *p)
{
	u32 n = p->family == 4 ? 4 : 16;

	put(o, v2_sig, sizeof(v2_sig));
	if (!p->family) {
		put(o, "\x20\x00\x00\x00", 4);
		return;
	}
	put_char(o, 0x21);
	put_char(o, p->family == 4 ? 0x11 : 0x21);
	put_be16(o, 2 * n + 4);
	put(o, p->src, n);
	put(o, p->dst, n);
	put_be16(o, p->sport);
	put_be16(o, p->dport);
}

/**
 * tcpvs_proxy_build() - write the header that a connection is to begin with
 * @out: where to
 * @cap: its room; TCPVS_PROXY_BUILD_MAX is always enough
 * @version: 1 or 2
 * @p: what to say; family 0 makes UNKNOWN or LOCAL
 *
 * Return: the length of the header; -TCPVS_PE_NO_ROOM, -TCPVS_PE_BAD_FAMILY
 * or -TCPVS_PE_BAD_COMMAND (the version), with nothing written.
 */
int tcpvs_proxy_build(u8 *out, u32 cap, unsigned int version,
		      const struct tcpvs_proxy *p)
{
	struct out o;

	if (p->family && p->family != 4 && p->family != 6)
		return -TCPVS_PE_BAD_FAMILY;
	o.len = 0;
	if (version == 1)
		build_v1(&o, p);
	else if (version == 2)
		build_v2(&o, p);
	else
		return -TCPVS_PE_BAD_COMMAND;
	if (o.len > cap)
		return -TCPVS_PE_NO_ROOM;
	memcpy(out, o.buf, o.len);
	return o.len;
}
