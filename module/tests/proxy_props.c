// SPDX-License-Identifier: GPL-2.0
/*
 * proxy_props.c - properties of PROXY headers: segmentation, one reading, and
 * that what is built is what was meant
 *
 * Every byte string is also read by a second parser, written plainly over the
 * whole buffer with the C library's inet_pton(), and the two must agree.
 */
#include <arpa/inet.h>
#include "proxy_props.h"

static bool plain_ip(int family, const char *text, u8 *addr)
{
	return inet_pton(family == 4 ? AF_INET : AF_INET6, text, addr) == 1;
}

static bool plain_port(const char *text, u16 *port)
{
	unsigned long v = strtoul(text, NULL, 10);
	char again[32];

	snprintf(again, sizeof(again), "%lu", v);
	*port = v;
	return v <= U16_MAX && !strcmp(again, text);
}

/* Bytes of the header, 0 when it is cut short, -1 when it is refused. */
static int plain_v1(struct tcpvs_proxy *p, const u8 *b, u32 len)
{
	char line[108] = "", *rest = line, *field[7];
	u32 n, k;

	for (n = 0; n < len; n++) {
		if (n == 107 || (n < 6 && b[n] != "PROXY "[n]))
			return -1;
		if (n && b[n - 1] == '\r') {
			if (b[n] != '\n')
				return -1;
			break;
		}
		if (b[n] != '\r' && (b[n] < ' ' || b[n] > '~'))
			return -1;
		line[n] = b[n];
	}
	if (n == len)
		return n >= 107 ? -1 : 0;
	line[n - 1] = 0;
	for (k = 0; k < 7; k++)
		field[k] = strsep(&rest, " ");
	if (!strcmp(field[1], "UNKNOWN"))
		return n + 1;
	if (strcmp(field[1], "TCP4") && strcmp(field[1], "TCP6"))
		return -1;
	p->family = field[1][3] - '0';
	if (!field[5] || field[6] ||
	    !plain_ip(p->family, field[2], p->src) ||
	    !plain_ip(p->family, field[3], p->dst) ||
	    !plain_port(field[4], &p->sport) ||
	    !plain_port(field[5], &p->dport))
		return -1;
	return n + 1;
}

static int plain_v2(struct tcpvs_proxy *p, const u8 *b, u32 len)
{
	static const u32 least[] = { 0, 12, 36, 216 };
	u32 af = 0, kind = 0, body, n;
	bool local;

	if (memcmp(b, "\r\n\r\n\0\r\nQUIT\n", min(len, 12u)))
		return -1;
	if (len < 13)
		return 0;
	if (b[12] >> 4 != 2 || (b[12] & 15) > 1)
		return -1;
	local = !(b[12] & 1);
	if (len < 14)
		return 0;
	if (!local) {
		af = b[13] >> 4;
		kind = b[13] & 15;
		if (af > 3 || kind > 2 || !af != !kind)
			return -1;
	}
	if (len < 16)
		return 0;
	body = b[14] * 256 + b[15];
	if (body < least[af] || body > 520)
		return -1;
	if (len < 16 + body)
		return 0;
	if (kind == 1 && af <= 2) {
		n = af == 1 ? 4 : 16;
		p->family = af == 1 ? 4 : 6;
		memcpy(p->src, b + 16, n);
		memcpy(p->dst, b + 16 + n, n);
		p->sport = b[16 + 2 * n] * 256 + b[17 + 2 * n];
		p->dport = b[18 + 2 * n] * 256 + b[19 + 2 * n];
	}
	return 16 + body;
}

static int plain(struct tcpvs_proxy *p, const u8 *b, u32 len)
{
	memset(p, 0, sizeof(*p));
	if (!len)
		return 0;
	return b[0] == '\r' ? plain_v2(p, b, len) : plain_v1(p, b, len);
}

static int parse_copy(struct tcpvs_proxy *p, const u8 *bytes, u32 len)
{
	u8 *copy = test_copy(bytes, len);
	int r;

	memset(p, 0xa5, sizeof(*p));
	r = tcpvs_proxy_parse(p, copy, len);
	free(copy);
	return r;
}

static bool same(const struct tcpvs_proxy *a, const struct tcpvs_proxy *b)
{
	return a->family == b->family && !memcmp(a->src, b->src, 16) &&
	       !memcmp(a->dst, b->dst, 16) && a->sport == b->sport &&
	       a->dport == b->dport;
}

/* The C library's text of an address; it writes some of them dotted. */
static bool text_is(const struct tcpvs_proxy *p, const u8 *line, u32 len)
{
	int af = p->family == 4 ? AF_INET : AF_INET6;
	char src[64], dst[64], want[192];

	inet_ntop(af, p->src, src, sizeof(src));
	inet_ntop(af, p->dst, dst, sizeof(dst));
	if (af == AF_INET6 && (strchr(src, '.') || strchr(dst, '.')))
		return true;
	snprintf(want, sizeof(want), "PROXY TCP%d %s %s %u %u\r\n", p->family,
		 src, dst, p->sport, p->dport);
	return strlen(want) == len && !memcmp(want, line, len);
}

static void rebuild(const struct tcpvs_proxy *p, const u8 *bytes, u32 len)
{
	struct tcpvs_proxy again;
	unsigned int version;
	int n, cap;

	for (version = 1; version <= 2; version++) {
		u8 *out = test_alloc(TCPVS_PROXY_BUILD_MAX);

		n = tcpvs_proxy_build(out, TCPVS_PROXY_BUILD_MAX, version, p);
		if (!CHECK_MSG(n > 0 && n <= TCPVS_PROXY_BUILD_MAX, bytes,
			       len)) {
			free(out);
			continue;
		}
		CHECK_MSG(parse_copy(&again, out, n) == n, out, n);
		CHECK_MSG(same(&again, p), out, n);
		if (version == 1 && p->family)
			CHECK_MSG(text_is(p, out, n), out, n);
		free(out);
		/* One byte less is not enough, and none of it is written. */
		for (cap = n - 1; cap >= 0; cap -= n / 3 + 1) {
			out = test_alloc(cap);
			memset(out, 0x5a, cap);
			CHECK_MSG(tcpvs_proxy_build(out, cap, version, p) ==
				  -TCPVS_PE_NO_ROOM, bytes, len);
			CHECK_MSG(!cap || (out[0] == 0x5a &&
					   out[cap - 1] == 0x5a), bytes, len);
			free(out);
		}
	}
}

void props_proxy(const u8 *bytes, u32 len)
{
	struct tcpvs_proxy p, q;
	int whole, r, seen = 0;
	u32 n;

	whole = parse_copy(&p, bytes, len);
	CHECK_MSG(whole > -TCPVS_PE_NO_ROOM, bytes, len);
	CHECK_MSG(whole <= min_t(int, len, TCPVS_PROXY_MAX), bytes, len);
	if (len >= TCPVS_PROXY_MAX)
		CHECK_MSG(whole, bytes, len);
	/* A prefix is told nothing, or what the whole is told, for good. */
	for (n = 0; n <= len && n <= TCPVS_PROXY_MAX + 1; n++) {
		r = parse_copy(&q, bytes, n);
		if (!CHECK_MSG(r == 0 || r == whole, bytes, n) ||
		    !CHECK_MSG(!seen || r == seen, bytes, n) ||
		    !CHECK_MSG(r <= 0 || same(&p, &q), bytes, n) ||
		    !CHECK_MSG(r <= 0 || (u32)r <= n, bytes, n) ||
		    !CHECK_MSG(r || whole <= 0 || n < (u32)whole, bytes, n))
			break;
		seen = r;
	}
	r = plain(&q, bytes, len);
	CHECK_MSG(r == (whole < 0 ? -1 : whole), bytes, len);
	if (whole <= 0)
		return;
	CHECK_MSG(same(&p, &q), bytes, len);
	rebuild(&p, bytes, len);
}
