// SPDX-License-Identifier: GPL-2.0
/*
 * tls_props.c - properties of hellos: segmentation, limits, and one reading
 *
 * Every byte string is also read by a second reader, written plainly over the
 * whole of it with records put together first, and the two must agree.
 */
#include "tls_props.h"

u32 tls_prefixes;

/* The kernel's way: scan what has come, then read it whole. */
void tls_facts(struct tls_facts *f, const u8 *bytes, u32 len, u32 max)
{
	struct tcpvs_tls_scan scan = {};
	struct tcpvs_tls_hello h;
	u8 *copy = test_copy(bytes, len), *joined;
	u32 i, n;

	f->sni[0] = 0;
	f->alpn[0] = 0;
	f->r = tcpvs_tls_scan(&scan, copy, len, max);
	free(copy);
	if (f->r <= 0)
		return;
	CHECK_MSG((u32)f->r <= len && (u32)f->r <= max, bytes, len);
	len = f->r;
	joined = test_copy(bytes, len);
	n = tcpvs_tls_join(joined, len);
	CHECK_MSG(n && n < len, bytes, len);
	/* Exactly its bytes are there, so that one too many is seen. */
	copy = test_copy(joined, n);
	free(joined);
	memset(&h, 0xa5, sizeof(h));
	i = tcpvs_tls_hello(&h, copy, n);
	if (i) {
		f->r = i;
	} else {
		CHECK_MSG((u32)h.sni + h.sni_len <= n, bytes, len);
		CHECK_MSG((u32)h.alpn + h.alpn_len <= n, bytes, len);
		CHECK_MSG(h.sni_len <= TCPVS_TLS_NAME_MAX, bytes, len);
		memcpy(f->sni, copy + h.sni, h.sni_len);
		f->sni[h.sni_len] = 0;
		for (i = 0; i < h.alpn_len; i += 1 + copy[h.alpn + i]) {
			if (i)
				f->alpn[i - 1] = ',';
			memcpy(f->alpn + i, copy + h.alpn + i + 1,
			       copy[h.alpn + i]);
		}
		if (h.alpn_len)
			f->alpn[h.alpn_len - 1] = 0;
	}
	free(copy);
}

static u32 number(const u8 *p, u32 n)
{
	u32 v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

/* The message out of its records, or what there is of it. Return: as scan(). */
static int plain_join(const u8 *b, u32 len, u32 max, u8 *to, u32 *size)
{
	u32 at = 0, n, k;

	*size = 0;
	for (;;) {
		for (k = 0; k < 5; k++) {
			u32 v, left = len - at;

			if (at + k >= max)
				return -TCPVS_TE_TOO_LONG;
			if (left <= k)
				return 0;
			v = b[at + k];
			if (k == 0 && (at ? v != 22 : v < 20 || v > 24))
				return at ? -TCPVS_TE_RECORD_TYPE :
					    -TCPVS_TE_NOT_TLS;
			if (k == 1 && v != 3)
				return at ? -TCPVS_TE_RECORD_VERSION :
					    -TCPVS_TE_NOT_TLS;
			if (k == 1 && b[at] != 22)
				return -TCPVS_TE_RECORD_TYPE;
			if (k == 3 && v > 64)
				return -TCPVS_TE_RECORD_LENGTH;
		}
		n = number(b + at + 3, 2);
		if (n > 16384)
			return -TCPVS_TE_RECORD_LENGTH;
		if (!n)
			return -TCPVS_TE_RECORD_EMPTY;
		at += 5;
		while (n--) {
			if (at >= max)
				return -TCPVS_TE_TOO_LONG;
			if (at == len)
				return 0;
			to[(*size)++] = b[at++];
			if (*size == 1 && to[0] != 1)
				return -TCPVS_TE_NOT_HELLO;
			if (*size == 2 && to[1])
				return -TCPVS_TE_TOO_LONG;
			if (*size == 4 && number(to + 1, 3) + 4 + 5 > max)
				return -TCPVS_TE_TOO_LONG;
			if (*size >= 4 && *size == number(to + 1, 3) + 4)
				return at;
		}
		if (at >= max)
			return -TCPVS_TE_TOO_LONG;
	}
}

static int plain_sni(struct tls_facts *f, const u8 *p, u32 n)
{
	u32 i, len;

	if (n < 6 || number(p, 2) != n - 2 || p[2] || number(p + 3, 2) != n - 5)
		return -TCPVS_TE_SNI;
	len = n - 5;
	for (i = 0; i < len; i++)
		if (p[5 + i] < 33 || p[5 + i] > 126)
			return -TCPVS_TE_NAME;
	if (len > 255)
		return -TCPVS_TE_NAME;
	memcpy(f->sni, p + 5, len);
	f->sni[len] = 0;
	return 0;
}

static int plain_alpn(struct tls_facts *f, const u8 *p, u32 n)
{
	u32 i, to = 0, count = 0;

	if (n < 3 || number(p, 2) != n - 2)
		return -TCPVS_TE_ALPN;
	for (i = 2; i < n; i += 1 + p[i]) {
		if (!p[i] || i + 1 + p[i] > n || ++count > 64)
			return -TCPVS_TE_ALPN;
		if (to)
			f->alpn[to++] = ',';
		memcpy(f->alpn + to, p + i + 1, p[i]);
		to += p[i];
	}
	f->alpn[to] = 0;
	return 0;
}

static int plain_hello(struct tls_facts *f, const u8 *p, u32 n)
{
	static u8 seen[65536];
	u32 at, len, count = 0;
	int err = 0;

	if (n < 6)
		return -TCPVS_TE_LENGTH;
	if (p[4] != 3)
		return -TCPVS_TE_VERSION;
	at = 4 + 2 + 32;
	if (at >= n || p[at] > 32)
		return -TCPVS_TE_LENGTH;
	at += 1 + p[at];
	if (at + 2 > n)
		return -TCPVS_TE_LENGTH;
	len = number(p + at, 2);
	if (!len || len & 1)
		return -TCPVS_TE_LENGTH;
	at += 2 + len;
	if (at >= n || !p[at])
		return -TCPVS_TE_LENGTH;
	at += 1 + p[at];
	if (at == n)
		return 0;
	if (at + 2 > n || number(p + at, 2) != n - at - 2)
		return -TCPVS_TE_LENGTH;
	memset(seen, 0, sizeof(seen));
	for (at += 2; !err && at < n; at += 4 + len) {
		u32 type;

		if (at + 4 > n)
			return -TCPVS_TE_LENGTH;
		type = number(p + at, 2);
		len = number(p + at + 2, 2);
		if (at + 4 + len > n)
			return -TCPVS_TE_LENGTH;
		if (++count > 128)
			return -TCPVS_TE_EXTENSIONS;
		if (seen[type]++)
			return -TCPVS_TE_TWICE;
		if (type == 0)
			err = plain_sni(f, p + at + 4, len);
		else if (type == 16)
			err = plain_alpn(f, p + at + 4, len);
	}
	return err;
}

static void plain(struct tls_facts *f, const u8 *bytes, u32 len, u32 max)
{
	u8 *to = test_alloc(len);
	u32 size;

	f->sni[0] = 0;
	f->alpn[0] = 0;
	f->r = plain_join(bytes, len, max, to, &size);
	if (f->r > 0)
		f->r = plain_hello(f, to, size) ?: f->r;
	free(to);
}

static bool same(const struct tls_facts *a, const struct tls_facts *b)
{
	return a->r == b->r &&
	       (a->r <= 0 || (!strcmp(a->sni, b->sni) &&
			      !strcmp(a->alpn, b->alpn)));
}

/* Any segments: each is seen alone, from where the search wants to go on. */
static int in_segments(const u8 *bytes, u32 len, u32 max, u32 most)
{
	struct tcpvs_tls_scan scan = {}, lowered;
	u32 have = 0;
	int r = 0;

	while (!r && have < len) {
		u8 *piece;

		have += min(len - have, 1 + test_rand(most));
		if (!CHECK_MSG(scan.pos <= have, bytes, len))
			break;
		/* The limit may be lowered meanwhile. */
		lowered = scan;
		r = tcpvs_tls_scan(&lowered, bytes + scan.pos, have - scan.pos,
				   scan.pos ? scan.pos - 1 : 0);
		CHECK_MSG(r == -TCPVS_TE_TOO_LONG, bytes, len);
		piece = test_copy(bytes + scan.pos, have - scan.pos);
		r = tcpvs_tls_scan(&scan, piece, have - scan.pos, max);
		free(piece);
		if (r > 0)
			CHECK_MSG((u32)r == scan.pos, bytes, len);
	}
	return r;
}

static void check(const u8 *bytes, u32 len, u32 max)
{
	static struct tls_facts whole, other;
	u32 n, step = len > 4096 ? len / 64 : 1;
	int framing, r;

	if (tls_prefixes)
		step = len / tls_prefixes + 1;
	tls_facts(&whole, bytes, len, max);
	plain(&other, bytes, len, max);
	CHECK_MSG(whole.r > -__TCPVS_TE_MAX, bytes, len);
	if (!CHECK_MSG(same(&whole, &other), bytes, len))
		printf("  %d \"%s\" and %d \"%s\"\n", whole.r, whole.sni,
		       other.r, other.sni);
	if (len >= max)
		CHECK_MSG(whole.r, bytes, len);
	/* A prefix is told nothing, or what the whole is told. */
	for (n = test_rand(step); n <= len; n += step) {
		tls_facts(&other, bytes, n, max);
		if (!CHECK_MSG(!other.r || same(&whole, &other), bytes, n) ||
		    !CHECK_MSG(other.r || whole.r <= 0 || n < (u32)whole.r,
			       bytes, n))
			break;
	}
	/* Segments find the same end, or the same error of the framing. */
	framing = in_segments(bytes, len, max, len + 1);
	for (n = tls_prefixes ? 64 : 1; n <= 64 * 64; n *= 8) {
		r = in_segments(bytes, len, max, n);
		CHECK_MSG(r == framing, bytes, len);
	}
	CHECK_MSG(framing == whole.r || (framing > 0 && whole.r < 0), bytes, len);
}

void props_tls(const u8 *bytes, u32 len)
{
	u8 alert[TCPVS_TLS_ALERT];
	static struct tls_facts f;
	u32 max;
	int n;

	check(bytes, len, TCPVS_TLS_MAX);
	/* The least that limits.head-bytes can be, and some size around this one. */
	check(bytes, len, 512);
	max = 512 + test_rand(len + 2);
	check(bytes, len, min_t(u32, max, TCPVS_TLS_MAX));

	tls_facts(&f, bytes, len, TCPVS_TLS_MAX);
	if (f.r >= 0)
		return;
	n = tcpvs_tls_alert(alert, -f.r);
	CHECK_MSG(n == (f.r == -TCPVS_TE_NOT_TLS ? 0 : TCPVS_TLS_ALERT), bytes, len);
	if (n)
		CHECK_MSG(alert[0] == 21 && alert[4] == 2 && alert[5] == 2 &&
			  alert[6] > 0, bytes, len);
}
