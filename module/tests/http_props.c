// SPDX-License-Identifier: GPL-2.0
/*
 * http_props.c - properties of parsing: segmentation, spans, scanning, chunks
 *
 * A chunked body is also read by a second decoder, written plainly over the
 * whole buffer, and the two must agree on every byte string.
 */
#include "http_props.h"

const struct tcpvs_http_limits props_limits = {
	.head_max = 16384,
	.headers_max = 128,
	.target_max = 8192,
};

u32 props_prefixes = 700;

typedef int (*parse_fn)(struct tcpvs_http_head *h, const u8 *buf, u32 len,
			const struct tcpvs_http_limits *lim);

static bool same_head(const struct tcpvs_http_head *a,
		      const struct tcpvs_http_head *b)
{
	return !memcmp(a, b, offsetof(struct tcpvs_http_head, hdr)) &&
	       !memcmp(a->hdr, b->hdr, a->nhdr * sizeof(a->hdr[0]));
}

static int parse_copy(parse_fn parse, struct tcpvs_http_head *h, const u8 *msg,
		      u32 len, const struct tcpvs_http_limits *lim)
{
	u8 *copy = test_copy(msg, len);
	int r;

	/* What a parse leaves unwritten must not depend on what was there. */
	memset(h, 0xa5, sizeof(*h));
	r = parse(h, copy, len, lim);
	free(copy);
	return r;
}

/* A prefix is told nothing, or what the whole is told, and never takes back. */
static void prefixes(parse_fn parse, const u8 *msg, u32 len, int whole,
		     const struct tcpvs_http_head *head,
		     const struct tcpvs_http_limits *lim)
{
	u32 step = len / props_prefixes + 1, n;
	struct tcpvs_http_head h;
	int seen = 0, r;

	for (n = 0; n <= len; n += step) {
		r = parse_copy(parse, &h, msg, n, lim);
		if (!CHECK_MSG(r == 0 || r == whole, msg, n) ||
		    !CHECK_MSG(!seen || r == seen, msg, n))
			return;
		seen = r;
		if (r > 0) {
			CHECK_MSG((u32)r <= n, msg, n);
			CHECK_MSG(same_head(&h, head), msg, n);
		} else if (whole > 0) {
			CHECK_MSG(n < (u32)whole, msg, n);
		}
	}
}

/* Pieces of at most @most bytes, 0: of random size. */
static int scan_pieces(const u8 *msg, u32 len, u32 most, u8 first, u32 head_max,
		       u32 *pos)
{
	struct tcpvs_http_scan s = { .state = first };
	u32 i = 0;
	int r = 0;

	while (!r && i < len) {
		u32 n = most ? most : 1 + test_rand(40);
		u8 *piece;

		n = min(n, len - i);
		piece = test_copy(msg + i, n);
		r = tcpvs_http_scan(&s, piece, n, head_max);
		free(piece);
		i += n;
	}
	*pos = s.pos;
	return r;
}

static void scanning(parse_fn parse, const u8 *msg, u32 len, int whole, u8 first,
		     const struct tcpvs_http_limits *lim)
{
	static const u32 sizes[] = { 1, 3, 1 << 20, 0 };
	struct tcpvs_http_head h;
	u32 k, pos, pos1 = 0;
	int r, r1 = 0;

	for (k = 0; k < ARRAY_SIZE(sizes); k++) {
		r = scan_pieces(msg, len, sizes[k], first, lim->head_max, &pos);
		if (k) {
			CHECK_MSG(r == r1 && pos == pos1, msg, len);
		} else {
			r1 = r;
			pos1 = pos;
		}
	}
	if (whole > 0)
		CHECK_MSG(r1 == 1 && pos1 == (u32)whole, msg, len);
	CHECK_MSG(r1 || len < lim->head_max, msg, len);
	/* After an end or a limit the parser has an answer. */
	if (r1)
		CHECK_MSG(parse_copy(parse, &h, msg, pos1, lim), msg, pos1);
}

static bool span_in(struct tcpvs_http_span s, u32 from, u32 to)
{
	return !s.len || (s.off >= from && s.off + s.len <= to);
}

static void spans(const u8 *msg, u32 len, const struct tcpvs_http_head *h,
		  const struct tcpvs_http_limits *lim)
{
	u32 i, k, end = h->head_len - 2;
	u32 line = h->nhdr ? h->hdr[0].name : end;
	u32 max = lim->headers_max ? lim->headers_max : TCPVS_HTTP_HDR_MAX;

	CHECK_MSG(h->head_len <= len && h->head_len >= 16, msg, len);
	CHECK_MSG(!memcmp(msg + h->head_len - 4, "\r\n\r\n", 4), msg, len);
	CHECK_MSG(h->nhdr <= max && h->minor <= 1, msg, len);
	CHECK_MSG(span_in(h->target, h->start, line), msg, len);
	CHECK_MSG(span_in(h->path, h->target.off,
			  h->target.off + h->target.len), msg, len);
	CHECK_MSG(span_in(h->query, h->path.off,
			  h->target.off + h->target.len), msg, len);
	CHECK_MSG(span_in(h->authority, h->start, end), msg, len);
	CHECK_MSG(span_in(h->host, h->authority.off,
			  h->authority.off + h->authority.len), msg, len);
	for (i = 0; i < h->nhdr; i++) {
		const struct tcpvs_http_hdr *hdr = &h->hdr[i];
		u32 next = i + 1 < h->nhdr ? h->hdr[i + 1].name : end;
		const u8 *v = msg + hdr->val;

		CHECK_MSG(hdr->nlen && msg[hdr->name + hdr->nlen] == ':',
			  msg, len);
		CHECK_MSG(hdr->val > hdr->name + hdr->nlen &&
			  hdr->val + hdr->vlen <= next - 2, msg, len);
		CHECK_MSG(msg[next - 2] == '\r' && msg[next - 1] == '\n',
			  msg, len);
		for (k = 0; k < hdr->nlen; k++)
			CHECK_MSG(msg[hdr->name + k] > ' ' &&
				  msg[hdr->name + k] < 0x7f &&
				  msg[hdr->name + k] != ':', msg, len);
		for (k = 0; k < hdr->vlen; k++)
			if (!CHECK_MSG((v[k] >= ' ' && v[k] != 0x7f) ||
				       v[k] == '\t', msg, len))
				break;
		if (hdr->vlen)
			CHECK_MSG(v[0] != ' ' && v[0] != '\t' &&
				  v[hdr->vlen - 1] != ' ' &&
				  v[hdr->vlen - 1] != '\t', msg, len);
	}
}

static void head(parse_fn parse, const u8 *msg, u32 len, u8 first,
		 const struct tcpvs_http_limits *lim,
		 struct tcpvs_http_head *h, int *result)
{
	int r = parse_copy(parse, h, msg, len, lim);

	*result = r;
	CHECK_MSG(r > -__TCPVS_HE_MAX, msg, len);
	if (len >= lim->head_max)
		CHECK_MSG(r, msg, len);
	prefixes(parse, msg, len, r, h, lim);
	scanning(parse, msg, len, r, first, lim);
	if (r > 0)
		spans(msg, len, h, lim);
}

void props_request(const u8 *msg, u32 len, const struct tcpvs_http_limits *lim)
{
	struct tcpvs_http_head h;
	int r, body;

	head(tcpvs_http_parse_request, msg, len, 0, lim, &h, &r);
	if (r <= 0)
		return;
	body = tcpvs_http_request_body(&h);
	CHECK_MSG(body == TCPVS_BODY_NONE || body == TCPVS_BODY_LENGTH ||
		  body == TCPVS_BODY_CHUNKED, msg, len);
	CHECK_MSG(!(h.flags & TCPVS_HF_CHUNKED) ||
		  !(h.flags & TCPVS_HF_LENGTH), msg, len);
	CHECK_MSG(h.host.len || !h.minor, msg, len);
	CHECK_MSG(h.path.len || h.form == TCPVS_FORM_AUTHORITY, msg, len);
	props_forward_request(msg, &h);
}

void props_response(const u8 *msg, u32 len, const struct tcpvs_http_limits *lim)
{
	struct tcpvs_http_head h;
	int r;

	head(tcpvs_http_parse_response, msg, len, TCPVS_SCAN_RESPONSE, lim, &h,
	     &r);
	if (r <= 0)
		return;
	CHECK_MSG(tcpvs_http_response_body(&h, TCPVS_M_HEAD) ==
		  (h.status == 101 ? TCPVS_BODY_TUNNEL : TCPVS_BODY_NONE),
		  msg, len);
	CHECK_MSG(!(h.flags & TCPVS_HF_CHUNKED) ||
		  !(h.flags & TCPVS_HF_LENGTH), msg, len);
	props_forward_response(msg, &h);
}

/*
 * The second opinion on a chunked body.  Returns the length of the whole body,
 * 0 when it is cut short, -1 when it is broken.
 */
static long plain_line(const u8 *p, u32 len, u32 i)
{
	for (; i < len; i++) {
		if (p[i] == '\r') {
			if (i + 1 == len)
				return 0;
			return p[i + 1] == '\n' ? (long)i + 2 : -1;
		}
		if ((p[i] < ' ' && p[i] != '\t') || p[i] == 0x7f)
			return -1;
	}
	return 0;
}

static bool plain_trailer_ok(const u8 *name, u32 len)
{
	static const char *const bad[] = {
		"host", "content-length", "transfer-encoding", "connection",
		"keep-alive", "proxy-connection", "te", "trailer", "upgrade",
		"http2-settings", "expect", "forwarded", "cookie",
		"set-cookie", "authorization", "proxy-authorization",
		"content-type", "content-encoding", "content-range",
	};
	char text[32] = "";
	u32 i;

	for (i = 0; i < len && i < sizeof(text) - 1; i++) {
		text[i] = name[i];
		if (name[i] >= 'A' && name[i] <= 'Z')
			text[i] += 'a' - 'A';
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		if (len == strlen(bad[i]) && !strcmp(text, bad[i]))
			return false;
	for (i = 0; i < len && i < sizeof(text) - 1; i++)
		if (text[i] == '_')
			text[i] = '-';
	return !(len == 14 && !strcmp(text, "content-length")) &&
	       !(len == 17 && !strcmp(text, "transfer-encoding")) &&
	       !(len > 12 && !strncmp(text, "x-forwarded-", 12));
}

static long plain_chunked(const u8 *p, u32 len)
{
	static const char tchar[] = "!#$%&'*+-.^_`|~";
	u32 i = 0, ext = 0, trailer, lines = 0;
	long r;

	for (;;) {
		u64 size = 0;
		u32 digits = 0, from;

		for (; i < len; i++, digits++) {
			u32 v;

			if (p[i] >= '0' && p[i] <= '9')
				v = p[i] - '0';
			else if (p[i] >= 'a' && p[i] <= 'f')
				v = p[i] - 'a' + 10;
			else if (p[i] >= 'A' && p[i] <= 'F')
				v = p[i] - 'A' + 10;
			else
				break;
			if (digits == 16 || size * 16 / 16 != size ||
			    size > S64_MAX / 16)
				return -1;
			size = size * 16 + v;
		}
		if (i == len)
			return 0;
		if (!digits || (p[i] != ';' && p[i] != '\r'))
			return -1;
		from = i;
		r = plain_line(p, len, i);
		if (r < 0)
			return -1;
		/* Extensions have a limit even when cut short. */
		i = r ? (u32)r - 2 : len - (p[len - 1] == '\r');
		if (i - from > TCPVS_CHUNK_EXT_MAX)
			return -1;
		ext += i - from;
		if (ext > TCPVS_CHUNK_EXT_TOTAL)
			return -1;
		if (!r)
			return 0;
		i = r;
		if (!size)
			break;
		if (size > len - i)
			return 0;
		i += size;
		if (i < len && p[i] != '\r')
			return -1;
		if (i + 1 < len && p[i + 1] != '\n')
			return -1;
		if (i + 2 > len)
			return 0;
		i += 2;
	}
	for (trailer = i;;) {
		u32 from = i;

		if (i == len)
			return 0;
		if (p[i] == '\r') {
			if (i - trailer >= TCPVS_TRAILER_MAX)
				return -1;
			if (i + 1 == len)
				return 0;
			if (p[i + 1] != '\n' ||
			    i + 2 - trailer > TCPVS_TRAILER_MAX)
				return -1;
			return i + 2;
		}
		if (++lines > TCPVS_TRAILER_LINES)
			return -1;
		while (i < len && p[i] &&
		       ((p[i] >= '0' && p[i] <= '9') ||
			((p[i] | 32) >= 'a' && (p[i] | 32) <= 'z') ||
			strchr(tchar, p[i])))
			i++;
		if (i < len &&
		    (p[i] != ':' || i == from ||
		     !plain_trailer_ok(p + from, i - from)))
			return -1;
		r = i < len ? plain_line(p, len, i) : 0;
		if (r < 0)
			return -1;
		if ((r ? (u32)r : len) - trailer > TCPVS_TRAILER_MAX)
			return -1;
		if (!r)
			return 0;
		i = r;
	}
}

/* Pieces of @most bytes, 0: random and skipping over data where allowed. */
static s64 chunk_pieces(const u8 *p, u32 len, u32 most)
{
	struct tcpvs_http_chunk c;
	u32 i = 0;
	s64 r;

	tcpvs_http_chunk_init(&c);
	while (i < len) {
		u32 n = most ? most : 1 + test_rand(30);
		u8 *piece;

		n = min(n, len - i);
		if (!most && test_rand(2)) {
			u64 skip = min_t(u64, tcpvs_http_chunk_skip(&c), n);

			tcpvs_http_chunk_skipped(&c, skip);
			i += skip;
			if (skip)
				continue;
		}
		piece = test_copy(p + i, n);
		r = tcpvs_http_chunk(&c, piece, n);
		if (r < 0)
			CHECK_MSG(tcpvs_http_chunk(&c, piece, n) == r, p, len);
		free(piece);
		if (r < 0)
			return r;
		CHECK_MSG(r <= n, p, len);
		i += r;
		if (tcpvs_http_chunk_done(&c))
			break;
		CHECK_MSG(r == n, p, len);
	}
	if (!tcpvs_http_chunk_done(&c))
		return 0;
	CHECK_MSG(tcpvs_http_chunk(&c, p, len) == 0, p, len);
	return i;
}

void props_chunk(const u8 *body, u32 len)
{
	s64 whole = chunk_pieces(body, len, 1 << 30);
	long plain;

	CHECK_MSG(whole > -__TCPVS_HE_MAX, body, len);
	CHECK_MSG(chunk_pieces(body, len, 1) == whole, body, len);
	CHECK_MSG(chunk_pieces(body, len, 7) == whole, body, len);
	CHECK_MSG(chunk_pieces(body, len, 0) == whole, body, len);
	plain = len ? plain_chunked(body, len) : 0;
	CHECK_MSG(plain == (whole < 0 ? -1 : (long)whole), body, len);
}
