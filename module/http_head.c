// SPDX-License-Identifier: GPL-2.0
/*
 * http_head.c - heads to send on, rewritten
 *
 * What is sent on is the peer's own bytes but for the lines a gateway must
 * take out or add.  The parser has marked the lines to look at, so the usual
 * head is one copy and the added lines.  Lines of ours come last.
 *
 * Pure: any context, no allocation, no state but the caller's.
 */
#include "http_impl.h"

/* Where the header lines begin, and where line @i ends. */
static u32 lines_begin(const struct tcpvs_http_head *h)
{
	return h->nhdr ? h->hdr[0].name : h->head_len - 2;
}

static u32 line_end(const struct tcpvs_http_head *h, u32 i)
{
	return i + 1 < h->nhdr ? h->hdr[i + 1].name : h->head_len - 2;
}

/* The lowest line marked at or after @i, or nhdr. */
static u32 next_edit(const struct tcpvs_http_head *h, u32 i)
{
	while (i < h->nhdr) {
		u64 w = h->edit[i / 64] >> (i % 64);

		if (w)
			return i + __builtin_ctzll(w);
		i = (i / 64 + 1) * 64;
	}
	return h->nhdr;
}

/* An absolute target in origin form, with the line ended and Host after it. */
static void put_request_line(struct http_out *o, const u8 *buf,
			     const struct tcpvs_http_head *h)
{
	u32 from = h->path.off;
	u32 target_end = h->target.off + h->target.len;

	http_put_span(o, buf, h->method_s);
	http_put_lit(o, " ");
	if (from >= h->authority.off) {
		http_put(o, buf + from, target_end - from);
	} else {
		/* No path in it: '*' for OPTIONS (RFC 9112 3.2.4), else '/'. */
		from = h->authority.off + h->authority.len;
		if (h->method == TCPVS_M_OPTIONS && from == target_end)
			http_put_lit(o, "*");
		else
			http_put_lit(o, "/");
		http_put(o, buf + from, target_end - from);
	}
	http_put(o, buf + target_end, lines_begin(h) - target_end);
}

static void put_forwarded_element(struct http_out *o, const u8 *buf,
				  const struct tcpvs_http_head *h,
				  const struct tcpvs_http_fwd *f)
{
	/* RFC 7239 section 6: IPv6 in brackets, and then quoted. */
	if (memchr(f->xff, ':', f->xff_len)) {
		http_put_lit(o, "for=\"[");
		http_put(o, f->xff, f->xff_len);
		http_put_lit(o, "]\"");
	} else {
		http_put_lit(o, "for=");
		http_put(o, f->xff, f->xff_len);
	}
	if (h->authority.len) {
		http_put_lit(o, ";host=\"");
		http_put_span(o, buf, h->authority);
		http_put_lit(o, "\"");
	}
	if (f->proto) {
		http_put_lit(o, ";proto=");
		http_put_str(o, f->proto);
	}
}

/* What a trusted peer already says of the client. */
struct incoming {
	u32 xff;		/* last X-Forwarded-For, Forwarded: index + 1 */
	u32 forwarded;
	bool proto;
	bool host;
};

static void find_incoming(struct incoming *in, const struct tcpvs_http_head *h)
{
	u32 i;

	for (i = next_edit(h, 0); i < h->nhdr; i = next_edit(h, i + 1)) {
		switch (h->hdr[i].id) {
		case TCPVS_H_X_FORWARDED_FOR:
			in->xff = i + 1;
			break;
		case TCPVS_H_X_FORWARDED_PROTO:
			in->proto = true;
			break;
		case TCPVS_H_X_FORWARDED_HOST:
			in->host = true;
			break;
		case TCPVS_H_FORWARDED:
			in->forwarded = i + 1;
			break;
		}
	}
}

/*
 * The client's address becomes a further element of the last such line: a
 * second line would mean the same, but many servers look only at the first.
 */
static void put_appended(struct http_out *o, const u8 *buf,
			 const struct tcpvs_http_head *h, u32 i,
			 const struct tcpvs_http_fwd *f)
{
	const struct tcpvs_http_hdr *hdr = &h->hdr[i];

	http_put(o, buf + hdr->name, hdr->val + hdr->vlen - hdr->name);
	if (hdr->vlen)
		http_put_lit(o, ", ");
	if (f->forwarded)
		put_forwarded_element(o, buf, h, f);
	else
		http_put(o, f->xff, f->xff_len);
	http_put_lit(o, "\r\n");
}

/*
 * A line of cookies without those of the name f->strip, or no line if there
 * are no others. What is kept stays as it came, but for white space before the
 * first of them.
 */
static void put_cookies(struct http_out *o, const u8 *buf,
			const struct tcpvs_http_hdr *hdr,
			const struct tcpvs_http_fwd *f)
{
	u32 pos = hdr->val, end = pos + hdr->vlen, from = pos;
	struct tcpvs_http_span pair;
	bool any = false;

	for (; tcpvs_http_cookie_pair(buf, &pos, end, &pair); from = pos) {
		if (tcpvs_http_cookie_is(buf, pair, f->strip, f->strip_len))
			continue;
		if (any) {
			http_put_lit(o, ";");
			http_put(o, buf + from, min(pos - 1, end) - from);
		} else if (pair.len) {
			http_put(o, buf + hdr->name, hdr->val - hdr->name);
			http_put(o, buf + pair.off, min(pos - 1, end) - pair.off);
			any = true;
		}
	}
	if (any)
		http_put_lit(o, "\r\n");
}

/* Whether a marked request line of this kind is taken out. */
static bool drop_request_line(const struct tcpvs_http_hdr *hdr,
			      const struct tcpvs_http_fwd *f)
{
	if (hdr->flags & TCPVS_HDRF_NAMED)
		return true;
	if (hdr->id >= TCPVS_H_X_FORWARDED_FOR && hdr->id <= TCPVS_H_FORWARDED)
		return !f->keep_incoming_forwarded;
	return true;
}

static void put_added(struct http_out *o, const u8 *buf,
		      const struct tcpvs_http_head *h,
		      const struct tcpvs_http_fwd *f, const struct incoming *in)
{
	if (f->forwarded) {
		if (f->xff && !in->forwarded) {
			http_put_lit(o, "Forwarded: ");
			put_forwarded_element(o, buf, h, f);
			http_put_lit(o, "\r\n");
		}
		return;
	}
	if (f->xff && !in->xff) {
		http_put_lit(o, "X-Forwarded-For: ");
		http_put(o, f->xff, f->xff_len);
		http_put_lit(o, "\r\n");
	}
	if (f->proto && !in->proto) {
		http_put_lit(o, "X-Forwarded-Proto: ");
		http_put_str(o, f->proto);
		http_put_lit(o, "\r\n");
	}
	if (f->xfh && !in->host && h->authority.len) {
		http_put_lit(o, "X-Forwarded-Host: ");
		http_put_span(o, buf, h->authority);
		http_put_lit(o, "\r\n");
	}
}

static void put_via(struct http_out *o, const struct tcpvs_http_head *h)
{
	if (h->minor)
		http_put_lit(o, "Via: 1.1 ktcpvs\r\n");
	else
		http_put_lit(o, "Via: 1.0 ktcpvs\r\n");
}

/**
 * tcpvs_http_build_request() - the head of a request as a server gets it
 * @out: where to write
 * @cap: room there; head_len + TCPVS_HTTP_FWD_EXTRA always suffices
 * @buf: the bytes that were parsed
 * @h: the parsed head
 * @f: what to add and keep
 *
 * The version stays the client's: a server answers HTTP/1.0 without chunks,
 * which such a client could not read.
 *
 * Return: bytes written, or -TCPVS_HE_HEAD_TOO_LARGE.
 */
int tcpvs_http_build_request(u8 *out, u32 cap, const u8 *buf,
			     const struct tcpvs_http_head *h,
			     const struct tcpvs_http_fwd *f)
{
	struct http_out o = { .buf = out, .cap = cap };
	struct incoming in = {};
	u32 run = h->start;	/* first byte not yet copied */
	u32 i;

	if (f->keep_incoming_forwarded)
		find_incoming(&in, h);

	/* The URI's host replaces what Host said, and is said first. */
	if (h->form == TCPVS_FORM_ABSOLUTE || h->form == TCPVS_FORM_AUTHORITY) {
		if (h->form == TCPVS_FORM_ABSOLUTE)
			put_request_line(&o, buf, h);
		else
			http_put(&o, buf + run, lines_begin(h) - run);
		http_put_lit(&o, "Host: ");
		http_put_span(&o, buf, h->authority);
		http_put_lit(&o, "\r\n");
		run = lines_begin(h);
	}

	for (i = next_edit(h, 0); i < h->nhdr; i = next_edit(h, i + 1)) {
		const struct tcpvs_http_hdr *hdr = &h->hdr[i];
		bool append = f->xff &&
			      i + 1 == (f->forwarded ? in.forwarded : in.xff);

		if (!append && !drop_request_line(hdr, f))
			continue;
		http_put(&o, buf + run, hdr->name - run);
		if (append)
			put_appended(&o, buf, h, i, f);
		else if (f->strip && hdr->id == TCPVS_H_COOKIE &&
			 !(hdr->flags & TCPVS_HDRF_NAMED))
			put_cookies(&o, buf, hdr, f);
		run = line_end(h, i);
	}
	http_put(&o, buf + run, h->head_len - 2 - run);

	put_added(&o, buf, h, f, &in);
	if (f->via)
		put_via(&o, h);
	if (f->upgrade && (h->flags & TCPVS_HF_UPGRADE_WEBSOCKET))
		http_put_lit(&o, "Connection: upgrade\r\nUpgrade: websocket\r\n");
	else if (f->close || !h->minor)
		http_put_lit(&o, "Connection: close\r\n");
	http_put_lit(&o, "\r\n");
	return http_out_end(&o);
}

/* Whether a marked response line of this kind is taken out. */
static bool drop_response_line(const struct tcpvs_http_head *h,
			       const struct tcpvs_http_hdr *hdr,
			       const struct tcpvs_http_fwd *f)
{
	if (hdr->id == TCPVS_H_CONTENT_LENGTH ||
	    hdr->id == TCPVS_H_TRANSFER_ENCODING)
		return f->tunnel || h->status < 200 || h->status == 204;
	return true;
}

/**
 * tcpvs_http_build_response() - the head of a response as the client gets it
 * @out: where to write
 * @cap: room there; head_len + TCPVS_HTTP_FWD_EXTRA always suffices
 * @buf: the bytes that were parsed
 * @h: the parsed head
 * @f: what to add and keep
 *
 * Return: bytes written, or -TCPVS_HE_HEAD_TOO_LARGE.
 */
int tcpvs_http_build_response(u8 *out, u32 cap, const u8 *buf,
			      const struct tcpvs_http_head *h,
			      const struct tcpvs_http_fwd *f)
{
	struct http_out o = { .buf = out, .cap = cap };
	bool upgrade = f->upgrade && (h->flags & TCPVS_HF_UPGRADE_WEBSOCKET);
	u32 run = 0;
	u32 i;

	if (!h->minor || (h->flags & TCPVS_HF_NO_REASON_SP)) {
		http_put_lit(&o, "HTTP/1.1");
		run = 8;
	}
	if (h->flags & TCPVS_HF_NO_REASON_SP) {
		http_put(&o, buf + 8, 4);
		http_put_lit(&o, " ");
		run = 12;
	}

	for (i = next_edit(h, 0); i < h->nhdr; i = next_edit(h, i + 1)) {
		const struct tcpvs_http_hdr *hdr = &h->hdr[i];

		if (!drop_response_line(h, hdr, f))
			continue;
		http_put(&o, buf + run, hdr->name - run);
		run = line_end(h, i);
	}
	http_put(&o, buf + run, h->head_len - 2 - run);

	if (f->cookie) {
		http_put(&o, f->cookie_head, f->cookie_head_len);
		http_put(&o, f->cookie, TCPVS_COOKIE_VALUE);
		http_put(&o, f->cookie_tail, f->cookie_tail_len);
	}
	if (f->via)
		put_via(&o, h);
	/* 426 says what to upgrade to; of other 1xx nothing is to be said. */
	if (upgrade && (h->status == 101 || h->status == 426))
		http_put_lit(&o, "Connection: upgrade\r\nUpgrade: websocket\r\n");
	else if (h->status < 200 || f->tunnel)
		;
	else if (f->close)
		http_put_lit(&o, "Connection: close\r\n");
	else if (f->keep_alive)
		http_put_lit(&o, "Connection: keep-alive\r\n");
	http_put_lit(&o, "\r\n");
	return http_out_end(&o);
}
