// SPDX-License-Identifier: GPL-2.0
/*
 * http_field.c - what single header lines mean, and what follows from them
 *
 * Every rule that refuses a message for the meaning of a header is here:
 * length, transfer coding, host, connection options.  Where RFC 9112 leaves a
 * choice the stricter one is taken, because a message that we and a server
 * could read differently is how requests are smuggled.
 *
 * Pure: any context, no allocation, no state but the caller's.
 */
#include "http_impl.h"

/* The text of an IPv6 address, RFC 3986 IPv6address. */
static bool ipv6_ok(const u8 *p, u32 len)
{
	const u8 *t = tcpvs_http_class;
	u32 i = 0, groups = 0, n;
	bool gap = false;

	if (len >= 2 && p[0] == ':' && p[1] == ':') {
		gap = true;
		i = 2;
	}
	while (i < len) {
		for (n = 0; i + n < len && (t[p[i + n]] & CLS_HEX); n++)
			;
		if (i + n < len && p[i + n] == '.') {
			u32 v, k;

			/* The last 32 bits as a dotted quad. */
			for (k = 0; k < 4; k++) {
				if (k && (i == len || p[i++] != '.'))
					return false;
				v = 0;
				for (n = 0; i < len && n < 3 &&
				     (t[p[i]] & CLS_DIGIT); n++)
					v = v * 10 + p[i++] - '0';
				if (!n || v > 255)
					return false;
			}
			groups += 2;
			return i == len &&
			       (gap ? groups <= 7 : groups == 8);
		}
		if (!n || n > 4)
			return false;
		groups++;
		i += n;
		if (i == len)
			break;
		if (p[i++] != ':' || i == len)
			return false;
		if (p[i] == ':') {
			if (gap)
				return false;
			gap = true;
			i++;
		}
	}
	return gap ? groups <= 7 : groups == 8;
}

/**
 * tcpvs_http_authority() - host and port
 * @h: head that takes them
 * @b: head's bytes
 * @i: offset where they begin
 * @end: offset where the bytes, or the Host value, end
 * @more: more bytes may come behind @end
 * @set: write them to @h
 *
 * No user information (RFC 9110 4.2.4), no escapes (no name that resolves has
 * one, and servers differ on decoding it), no empty host.
 *
 * Return: offset of the first byte behind them; 0 when @more and the end is
 * not seen; -TCPVS_HE_BAD_HOST.  Without @more all of it must be host and port.
 */
int tcpvs_http_authority(struct tcpvs_http_head *h, const u8 *b, u32 i,
			 u32 end, bool more, bool set)
{
	u32 start = i, stop = min(end, i + TCPVS_HTTP_HOST_MAX + 1);
	u32 port = 0, digits = 0, hlen;

	if (i < stop && b[i] == '[') {
		for (i++; i < stop; i++)
			if (!(tcpvs_http_class[b[i]] & CLS_HEX) &&
			    b[i] != ':' && b[i] != '.')
				break;
		if (i == end && more && i - start <= TCPVS_HTTP_HOST_MAX)
			return 0;
		if (i == stop || b[i] != ']' ||
		    !ipv6_ok(b + start + 1, i - start - 1))
			return -TCPVS_HE_BAD_HOST;
		i++;
	} else {
		i = http_skip_class(b, i, stop, CLS_REGNAME);
	}
	hlen = i - start;
	if (i < end && b[i] == ':' && hlen) {
		for (i++; i < end && (tcpvs_http_class[b[i]] & CLS_DIGIT); i++) {
			port = port * 10 + b[i] - '0';
			if (++digits > 5 || port > 65535)
				return -TCPVS_HE_BAD_HOST;
		}
	}
	if (i - start > TCPVS_HTTP_HOST_MAX)
		return -TCPVS_HE_BAD_HOST;
	if (i == end && more)
		return 0;
	if (!hlen || (digits && !port) || (!more && i != end))
		return -TCPVS_HE_BAD_HOST;
	if (set) {
		h->authority.off = start;
		h->authority.len = i - start;
		h->host.off = start;
		h->host.len = hlen;
		h->port = port;
	}
	return i;
}

/*
 * Nothing but spaces around a value on which servers must agree.  A tab there
 * is allowed, but a parser is in wide use to which "chunked" and a tab is not
 * chunked: it would read the body as the next message.
 */
static bool only_spaces(const u8 *b, const struct tcpvs_http_hdr *hdr)
{
	u32 i;

	for (i = hdr->name + hdr->nlen + 1; i < hdr->val; i++)
		if (b[i] == '\t')
			return false;
	for (i = hdr->val + hdr->vlen; b[i] != '\r'; i++)
		if (b[i] == '\t')
			return false;
	return true;
}

static int read_host(struct tcpvs_http_head *h, const u8 *b,
		     struct tcpvs_http_hdr *hdr)
{
	bool from_target = h->form == TCPVS_FORM_ABSOLUTE ||
			   h->form == TCPVS_FORM_AUTHORITY;
	int r;

	if (h->flags & TCPVS_HF_HAS_HOST)
		return -TCPVS_HE_DUP_HOST;
	h->flags |= TCPVS_HF_HAS_HOST;
	r = tcpvs_http_authority(h, b, hdr->val, hdr->val + hdr->vlen, false,
				 !from_target);
	if (r < 0)
		return r;
	if (!only_spaces(b, hdr))
		return -TCPVS_HE_BAD_HOST;
	/* RFC 9112 3.2.2: the target's host counts, and replaces this one. */
	return from_target;
}

static int read_length(struct tcpvs_http_head *h, const u8 *b,
		       struct tcpvs_http_hdr *hdr)
{
	const u8 *p = b + hdr->val;
	u64 v = 0;
	u32 i;

	/* Even an equal one: who merges them, and how, is not our bet. */
	if (h->flags & TCPVS_HF_LENGTH)
		return -TCPVS_HE_DUP_LENGTH;
	if (h->flags & TCPVS_HF_CHUNKED)
		return -TCPVS_HE_LENGTH_AND_TE;
	if (!hdr->vlen || !only_spaces(b, hdr))
		return -TCPVS_HE_BAD_LENGTH;
	for (i = 0; i < hdr->vlen; i++) {
		u32 d = p[i] - '0';

		if (d > 9 || v > (u64)S64_MAX / 10)
			return -TCPVS_HE_BAD_LENGTH;
		v = v * 10 + d;
		if (v > (u64)S64_MAX)
			return -TCPVS_HE_BAD_LENGTH;
	}
	h->content_length = v;
	h->flags |= TCPVS_HF_LENGTH;
	return 0;
}

static int read_coding(struct tcpvs_http_head *h, const u8 *b,
		       struct tcpvs_http_hdr *hdr)
{
	u32 pos = hdr->val, end = pos + hdr->vlen, off, len;
	bool chunked = false, other = false;

	if (h->flags & TCPVS_HF_CHUNKED)
		return -TCPVS_HE_BAD_TE;
	if (h->flags & TCPVS_HF_LENGTH)
		return -TCPVS_HE_LENGTH_AND_TE;
	/* RFC 9112 6.1: in HTTP/1.0 its framing is faulty by definition. */
	if (!h->minor)
		return -TCPVS_HE_BAD_TE;
	if (!only_spaces(b, hdr))
		return -TCPVS_HE_BAD_TE;
	if (http_is(b + hdr->val, hdr->vlen, "chunked")) {
		h->flags |= TCPVS_HF_CHUNKED;
		return 0;
	}
	/* Refused anyway; tell an unknown coding from a broken list. */
	while (http_list_next(b, &pos, end, &off, &len)) {
		if (chunked ||
		    http_skip_class(b, off, off + len, CLS_TOKEN) != off + len)
			return -TCPVS_HE_BAD_TE;
		if (http_is(b + off, len, "chunked"))
			chunked = true;
		else
			other = true;
	}
	return other ? -TCPVS_HE_UNKNOWN_TE : -TCPVS_HE_BAD_TE;
}

static int read_connection(struct tcpvs_http_head *h, const u8 *b,
			   struct tcpvs_http_hdr *hdr)
{
	u32 pos = hdr->val, end = pos + hdr->vlen, off, len;
	u8 flags = 0;

	h->flags |= TCPVS_HF_CONNECTION;
	while (http_list_next(b, &pos, end, &off, &len)) {
		if (http_is(b + off, len, "keep-alive")) {
			h->flags |= TCPVS_HF_CONN_KEEPALIVE;
			continue;
		}
		if (http_is(b + off, len, "close")) {
			h->flags |= TCPVS_HF_CLOSE;
			continue;
		}
		if (http_skip_class(b, off, off + len, CLS_TOKEN) != off + len)
			return -TCPVS_HE_BAD_CONNECTION;
		switch (tcpvs_http_field_id(b + off, len, &flags)) {
		case TCPVS_H_UPGRADE:
			h->flags |= TCPVS_HF_CONN_UPGRADE;
			break;
		case TCPVS_H_HOST:
		case TCPVS_H_CONTENT_LENGTH:
		case TCPVS_H_TRANSFER_ENCODING:
			/*
			 * Who honours this forwards a message framed or
			 * addressed differently from the one who does not.  No
			 * honest sender writes it (RFC 9110 7.6.1), so it is
			 * refused rather than ignored.
			 */
			return -TCPVS_HE_BAD_CONNECTION;
		case TCPVS_H_OTHER:
			h->flags |= TCPVS_HF_CONN_NAMES;
			break;
		default:
			/*
			 * Hop-by-hop ones go in any case.  The others are for
			 * the far end; a peer cannot have us take away what
			 * tells a server who the client is.
			 */
			break;
		}
	}
	return 1;
}

static int read_upgrade(struct tcpvs_http_head *h, const u8 *b,
			struct tcpvs_http_hdr *hdr)
{
	u32 pos = hdr->val, end = pos + hdr->vlen, off, len;

	h->flags |= TCPVS_HF_HAS_UPGRADE;
	while (http_list_next(b, &pos, end, &off, &len))
		if (http_is(b + off, len, "websocket"))
			h->flags |= TCPVS_HF_TO_WEBSOCKET;
	return 1;
}

static void read_expect(struct tcpvs_http_head *h, const u8 *b,
			struct tcpvs_http_hdr *hdr)
{
	u32 pos = hdr->val, end = pos + hdr->vlen, off, len;

	/* RFC 9110 10.1.1: in HTTP/1.0 it has no meaning. */
	while (h->minor && http_list_next(b, &pos, end, &off, &len))
		if (http_is(b + off, len, "100-continue"))
			h->flags |= TCPVS_HF_EXPECT_CONTINUE;
}

/* Schemes that authenticate the connection instead of the request. */
static void read_auth(struct tcpvs_http_head *h, const u8 *b,
		      struct tcpvs_http_hdr *hdr)
{
	u32 pos = hdr->val, end = pos + hdr->vlen, off, len, n;

	while (http_list_next(b, &pos, end, &off, &len)) {
		n = http_skip_class(b, off, off + len, CLS_TOKEN) - off;
		if (http_is(b + off, n, "ntlm") ||
		    http_is(b + off, n, "negotiate"))
			h->flags |= TCPVS_HF_AUTH_CONN;
	}
}

/**
 * tcpvs_http_field() - take in a header line that means something to us
 * @h: head so far
 * @b: its bytes
 * @hdr: the line, in @h->hdr
 * @response: of a response
 *
 * Return: 0 or -TCPVS_HE_*.
 */
int tcpvs_http_field(struct tcpvs_http_head *h, const u8 *b,
		     struct tcpvs_http_hdr *hdr, bool response)
{
	u32 i = hdr - h->hdr;
	int edit = 0;

	switch (hdr->id) {
	case TCPVS_H_HOST:
		edit = response ? 0 : read_host(h, b, hdr);
		break;
	case TCPVS_H_CONTENT_LENGTH:
	case TCPVS_H_TRANSFER_ENCODING:
		/* Another header to us, but framing to some server's eyes. */
		if (hdr->flags & TCPVS_HDRF_ALIAS)
			return -TCPVS_HE_BAD_HEADER;
		if (hdr->id == TCPVS_H_CONTENT_LENGTH)
			edit = read_length(h, b, hdr);
		else
			edit = read_coding(h, b, hdr);
		/* A response that has no body loses them, see http_head.c. */
		if (!edit)
			edit = response;
		break;
	case TCPVS_H_CONNECTION:
		edit = read_connection(h, b, hdr);
		break;
	case TCPVS_H_UPGRADE:
		edit = read_upgrade(h, b, hdr);
		break;
	case TCPVS_H_KEEP_ALIVE:
	case TCPVS_H_PROXY_CONNECTION:
	case TCPVS_H_TE:
	case TCPVS_H_HTTP2_SETTINGS:
		edit = 1;
		break;
	case TCPVS_H_EXPECT:
		read_expect(h, b, hdr);
		break;
	case TCPVS_H_X_FORWARDED_FOR:
	case TCPVS_H_X_FORWARDED_PROTO:
	case TCPVS_H_X_FORWARDED_HOST:
	case TCPVS_H_X_FORWARDED_OTHER:
	case TCPVS_H_FORWARDED:
		edit = !response;
		break;
	case TCPVS_H_WWW_AUTHENTICATE:
	case TCPVS_H_PROXY_AUTHENTICATE:
	case TCPVS_H_AUTHORIZATION:
	case TCPVS_H_PROXY_AUTHORIZATION:
		read_auth(h, b, hdr);
		break;
	}
	if (edit < 0)
		return edit;
	if (edit)
		h->edit[i / 64] |= BIT_ULL(i % 64);
	return 0;
}

/* Names that one head may have removed by Connection. */
#define NAMED_MAX	32

static int mark_named(struct tcpvs_http_head *h, const u8 *b)
{
	u32 i, k, j, named = 0;
	u8 flags = 0;

	for (i = 0; i < h->nhdr; i++) {
		const struct tcpvs_http_hdr *conn = &h->hdr[i];
		u32 pos = conn->val, end = pos + conn->vlen, off, len;

		if (conn->id != TCPVS_H_CONNECTION)
			continue;
		while (http_list_next(b, &pos, end, &off, &len)) {
			if (http_is(b + off, len, "close") ||
			    tcpvs_http_field_id(b + off, len, &flags))
				continue;
			/* Else a head costs names times lines. */
			if (++named > NAMED_MAX)
				return -TCPVS_HE_BAD_CONNECTION;
			for (k = 0; k < h->nhdr; k++) {
				struct tcpvs_http_hdr *hdr = &h->hdr[k];

				if (hdr->id || hdr->nlen != len)
					continue;
				for (j = 0; j < len; j++) {
					u8 x = b[off + j] ^ b[hdr->name + j];

					if (x && (x != 0x20 ||
						  (b[off + j] | 0x20) < 'a' ||
						  (b[off + j] | 0x20) > 'z'))
						break;
				}
				if (j < len)
					continue;
				hdr->flags |= TCPVS_HDRF_NAMED;
				h->edit[k / 64] |= BIT_ULL(k % 64);
			}
		}
	}
	return 0;
}

static int finish(struct tcpvs_http_head *h, const u8 *b)
{
	if (!(h->flags & TCPVS_HF_CLOSE) &&
	    (h->minor || (h->flags & TCPVS_HF_CONN_KEEPALIVE)))
		h->flags |= TCPVS_HF_KEEPALIVE;
	/* RFC 9110 7.8: Upgrade counts only if Connection names it, in 1.1. */
	if (h->minor && (h->flags & TCPVS_HF_HAS_UPGRADE) &&
	    (h->flags & TCPVS_HF_CONN_UPGRADE))
		h->flags |= TCPVS_HF_UPGRADE;
	if (h->flags & TCPVS_HF_CONN_NAMES)
		return mark_named(h, b);
	return 0;
}

/**
 * tcpvs_http_finish_request() - what only the whole request head tells
 * @h: head with all lines taken in
 * @b: its bytes
 *
 * Return: 0 or -TCPVS_HE_*.
 */
int tcpvs_http_finish_request(struct tcpvs_http_head *h, const u8 *b)
{
	bool body = (h->flags & TCPVS_HF_CHUNKED) || h->content_length;
	int r;

	if (h->minor && !(h->flags & TCPVS_HF_HAS_HOST))
		return -TCPVS_HE_NO_HOST;
	/* What follows a CONNECT is the tunnel to one, a body to another. */
	if (h->method == TCPVS_M_CONNECT && body)
		return -TCPVS_HE_CONNECT_BODY;
	r = finish(h, b);
	if (r < 0)
		return r;
	/* RFC 6455 4.1; a body would lie between the request and its tunnel. */
	if ((h->flags & TCPVS_HF_UPGRADE) &&
	    (h->flags & TCPVS_HF_TO_WEBSOCKET) &&
	    h->method == TCPVS_M_GET && !body)
		h->flags |= TCPVS_HF_UPGRADE_WEBSOCKET;
	return 0;
}

/* What a server switches to must be websocket and nothing beside it. */
static bool only_websocket(const struct tcpvs_http_head *h, const u8 *b)
{
	bool found = false;
	u32 i;

	for (i = 0; i < h->nhdr; i++) {
		const struct tcpvs_http_hdr *hdr = &h->hdr[i];

		if (hdr->id != TCPVS_H_UPGRADE)
			continue;
		if (found || !http_is(b + hdr->val, hdr->vlen, "websocket"))
			return false;
		found = true;
	}
	return found;
}

/**
 * tcpvs_http_finish_response() - what only the whole response head tells
 * @h: head with all lines taken in
 * @b: its bytes
 *
 * Return: 0 or -TCPVS_HE_*.
 */
int tcpvs_http_finish_response(struct tcpvs_http_head *h, const u8 *b)
{
	int r = finish(h, b);

	if (r < 0)
		return r;
	if ((h->flags & TCPVS_HF_UPGRADE) &&
	    (h->flags & TCPVS_HF_TO_WEBSOCKET) &&
	    (h->status != 101 || only_websocket(h, b)))
		h->flags |= TCPVS_HF_UPGRADE_WEBSOCKET;
	/*
	 * 1xx and 204 have no body whatever they announce.  A server that
	 * announces one may send it: the client gets a head without those
	 * lines, and this connection serves nobody else.
	 */
	if ((h->status < 200 || h->status == 204) &&
	    ((h->flags & TCPVS_HF_CHUNKED) || h->content_length))
		h->flags |= TCPVS_HF_UNREUSABLE;
	return 0;
}

/**
 * tcpvs_http_request_body() - how long a request's body is
 * @req: parsed request
 *
 * Return: TCPVS_BODY_NONE, _LENGTH or _CHUNKED.
 */
int tcpvs_http_request_body(const struct tcpvs_http_head *req)
{
	if (req->flags & TCPVS_HF_CHUNKED)
		return TCPVS_BODY_CHUNKED;
	return req->content_length ? TCPVS_BODY_LENGTH : TCPVS_BODY_NONE;
}

/**
 * tcpvs_http_response_body() - how long a response's body is
 * @resp: parsed response
 * @req_method: enum tcpvs_http_method of the request it answers
 *
 * The order of RFC 9112 6.3.  Whether a 101 was asked for is the caller's to
 * know.
 *
 * Return: enum tcpvs_http_body
 */
int tcpvs_http_response_body(const struct tcpvs_http_head *resp, u8 req_method)
{
	if (resp->status == 101)
		return TCPVS_BODY_TUNNEL;
	/* Any 2xx, even 204: to the client it is one (RFC 9110 9.3.6). */
	if (req_method == TCPVS_M_CONNECT && resp->status / 100 == 2)
		return TCPVS_BODY_TUNNEL;
	if (resp->status < 200 || resp->status == 204 || resp->status == 304 ||
	    req_method == TCPVS_M_HEAD)
		return TCPVS_BODY_NONE;
	if (resp->flags & TCPVS_HF_CHUNKED)
		return TCPVS_BODY_CHUNKED;
	if (resp->flags & TCPVS_HF_LENGTH)
		return resp->content_length ? TCPVS_BODY_LENGTH :
					      TCPVS_BODY_NONE;
	return TCPVS_BODY_CLOSE;
}
