// SPDX-License-Identifier: GPL-2.0
/*
 * http.c - request and response heads: lines, names, values
 *
 * One pass from left to right that stops at the first byte that cannot stand
 * where it stands.  It never looks ahead to choose between two errors, and a
 * check that needs a whole line waits for the line, so what a prefix is told
 * is what the whole head is told.  The meaning of single headers is in
 * http_field.c.
 *
 * Pure: any context, no allocation, no state but the caller's.
 */
#include "http_impl.h"

/* Empty lines before a request that RFC 9112 2.2 asks to ignore: at most. */
#define EMPTY_LINES	2
#define METHOD_MAX	32

/* What the byte where a line went wrong says about the error. */
static int bad_byte(u8 c, int otherwise)
{
	switch (c) {
	case '\0':
		return -TCPVS_HE_NUL;
	case '\n':
		return -TCPVS_HE_BARE_LF;
	default:
		return -otherwise;
	}
}

/*
 * The parts of a start line: each takes the offset where it begins and returns
 * the one behind it, 0 for "more bytes needed", or a negative error.
 */

static u8 method_id(const u8 *p, u32 len)
{
	switch (len) {
	case 3:
		if (!memcmp(p, "GET", 3))
			return TCPVS_M_GET;
		if (!memcmp(p, "PUT", 3))
			return TCPVS_M_PUT;
		break;
	case 4:
		if (!memcmp(p, "POST", 4))
			return TCPVS_M_POST;
		if (!memcmp(p, "HEAD", 4))
			return TCPVS_M_HEAD;
		break;
	case 5:
		if (!memcmp(p, "PATCH", 5))
			return TCPVS_M_PATCH;
		if (!memcmp(p, "TRACE", 5))
			return TCPVS_M_TRACE;
		break;
	case 6:
		if (!memcmp(p, "DELETE", 6))
			return TCPVS_M_DELETE;
		break;
	case 7:
		if (!memcmp(p, "OPTIONS", 7))
			return TCPVS_M_OPTIONS;
		if (!memcmp(p, "CONNECT", 7))
			return TCPVS_M_CONNECT;
		break;
	}
	return TCPVS_M_OTHER;
}

static int parse_method(struct tcpvs_http_head *h, const u8 *b, u32 i, u32 end)
{
	u32 start = i;

	i = http_skip_class(b, i, min(end, start + METHOD_MAX + 1), CLS_TOKEN);
	if (i - start > METHOD_MAX)
		return -TCPVS_HE_BAD_REQUEST_LINE;
	if (i == end)
		return 0;
	if (b[i] != ' ' || i == start)
		return bad_byte(b[i], TCPVS_HE_BAD_REQUEST_LINE);
	h->method_s.off = start;
	h->method_s.len = i - start;
	h->method = method_id(b + start, i - start);
	return i + 1;
}

/* "HTTP/1.0" or "HTTP/1.1". */
static int parse_version(struct tcpvs_http_head *h, const u8 *b, u32 i, u32 end,
			 int bad)
{
	static const char form[] = "HTTP/d.d";
	u32 k;

	if (i + 8 <= end && !memcmp(b + i, "HTTP/1.1", 8)) {
		h->minor = 1;
		return i + 8;
	}
	for (k = 0; k < 8; k++) {
		if (i + k == end)
			return 0;
		if (form[k] == 'd' ? !(tcpvs_http_class[b[i + k]] & CLS_DIGIT) :
				     b[i + k] != form[k])
			return bad_byte(b[i + k], bad);
	}
	if (b[i + 5] != '1' || b[i + 7] > '1')
		return -TCPVS_HE_VERSION_UNSUPPORTED;
	h->minor = b[i + 7] - '0';
	return i + 8;
}

static int parse_crlf(const u8 *b, u32 i, u32 end, int bad)
{
	if (i >= end)
		return 0;
	if (b[i] != '\r')
		return bad_byte(b[i], bad);
	if (i + 1 == end)
		return 0;
	return b[i + 1] == '\n' ? (int)i + 2 : -TCPVS_HE_BARE_CR;
}

/* "?" and a query, if there is one; escapes in it are the server's affair. */
static int parse_query(struct tcpvs_http_head *h, const u8 *b, u32 i, u32 end,
		       u32 stop)
{
	if (i >= end || i >= stop || b[i] != '?')
		return i;
	i++;
	h->query.off = i;
	i = http_skip_class(b, i, min(end, stop), CLS_QUERY);
	h->query.len = i - h->query.off;
	return i;
}

/* Path and query up to the space; @i is where the path begins. */
static int parse_path(struct tcpvs_http_head *h, const u8 *b, u32 i, u32 end,
		      u32 stop)
{
	h->path.off = i;
	for (;;) {
		i = http_skip_class(b, i, min(end, stop), CLS_PATH);
		if (i >= end || i >= stop || b[i] != '%')
			break;
		/* A broken escape is read differently by every server. */
		if (i + 1 == end)
			return 0;
		if (!(tcpvs_http_class[b[i + 1]] & CLS_HEX))
			return bad_byte(b[i + 1], TCPVS_HE_BAD_TARGET);
		if (i + 2 == end)
			return 0;
		if (!(tcpvs_http_class[b[i + 2]] & CLS_HEX))
			return bad_byte(b[i + 2], TCPVS_HE_BAD_TARGET);
		i += 3;
	}
	h->path.len = i - h->path.off;
	return parse_query(h, b, i, end, stop);
}

static int parse_absolute(struct tcpvs_http_head *h, const u8 *b, u32 i,
			  u32 end, u32 stop)
{
	static const char scheme[] = "http://";
	u32 start = i;
	int r;

	/*
	 * No other scheme: https over a connection that is not must be
	 * refused (RFC 9110 7.4), and forward proxying is not our trade.
	 */
	for (; i < start + 7; i++) {
		u8 c;

		if (i == end)
			return 0;
		c = b[i];
		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		if (c != (u8)scheme[i - start])
			return bad_byte(c, TCPVS_HE_BAD_TARGET);
	}
	r = tcpvs_http_authority(h, b, i, end, true, true);
	if (r <= 0)
		return r == -TCPVS_HE_BAD_HOST ? -TCPVS_HE_BAD_TARGET : r;
	h->form = TCPVS_FORM_ABSOLUTE;
	if (b[r] == '/')
		return parse_path(h, b, r, end, stop);
	/* No path means "/", and the second slash of "http://" is one. */
	h->path.off = start + 6;
	h->path.len = 1;
	return parse_query(h, b, r, end, stop);
}

static int parse_target(struct tcpvs_http_head *h, const u8 *b, u32 i, u32 end,
			u32 target_max)
{
	u32 start = i;
	u32 stop = target_max ? start + target_max : U32_MAX;
	int r;

	if (i >= end)
		return 0;
	if (h->method == TCPVS_M_CONNECT) {
		r = tcpvs_http_authority(h, b, i, end, true, true);
		if (r == -TCPVS_HE_BAD_HOST)
			r = -TCPVS_HE_BAD_TARGET;
		h->form = TCPVS_FORM_AUTHORITY;
	} else if (b[i] == '/') {
		r = parse_path(h, b, i, end, stop);
		h->form = TCPVS_FORM_ORIGIN;
	} else if (b[i] == '*') {
		h->path.off = i;
		h->path.len = 1;
		h->form = TCPVS_FORM_ASTERISK;
		r = i + 1;
	} else {
		r = parse_absolute(h, b, i, end, stop);
	}
	if (r <= 0)
		return r;
	i = r;
	if (i > stop)
		return -TCPVS_HE_URI_TOO_LONG;
	if (i == end)
		return 0;
	if (b[i] != ' ') {
		if (i == stop)
			return -TCPVS_HE_URI_TOO_LONG;
		return bad_byte(b[i], TCPVS_HE_BAD_TARGET);
	}
	h->target.off = start;
	h->target.len = i - start;
	return i + 1;
}

static int parse_request_line(struct tcpvs_http_head *h, const u8 *b, u32 end,
			      u32 target_max)
{
	u32 i = 0;
	int r;

	while (i < end && b[i] == '\r') {
		if (i == 2 * EMPTY_LINES)
			return -TCPVS_HE_BAD_REQUEST_LINE;
		r = parse_crlf(b, i, end, TCPVS_HE_BAD_REQUEST_LINE);
		if (r <= 0)
			return r;
		i = r;
	}
	h->start = i;
	r = parse_method(h, b, i, end);
	if (r > 0)
		r = parse_target(h, b, r, end, target_max);
	if (r > 0)
		r = parse_version(h, b, r, end, TCPVS_HE_BAD_VERSION);
	if (r > 0)
		r = parse_crlf(b, r, end, TCPVS_HE_BAD_VERSION);
	if (r <= 0)
		return r;

	/* The method decides which forms of target it may have. */
	if (h->form == TCPVS_FORM_ASTERISK && h->method != TCPVS_M_OPTIONS)
		return -TCPVS_HE_BAD_TARGET;
	if (h->form == TCPVS_FORM_AUTHORITY && !h->port)
		return -TCPVS_HE_BAD_TARGET;
	return r;
}

static int parse_status_line(struct tcpvs_http_head *h, const u8 *b, u32 end)
{
	unsigned int status = 0;
	u32 i, k;
	int r;

	r = parse_version(h, b, 0, end, TCPVS_HE_BAD_STATUS_LINE);
	if (r <= 0)
		return r;
	i = r;
	if (i == end)
		return 0;
	if (b[i] != ' ')
		return bad_byte(b[i], TCPVS_HE_BAD_STATUS_LINE);
	i++;
	for (k = 0; k < 3; k++, i++) {
		if (i == end)
			return 0;
		if (!(tcpvs_http_class[b[i]] & CLS_DIGIT))
			return bad_byte(b[i], TCPVS_HE_BAD_STATUS_LINE);
		status = status * 10 + b[i] - '0';
	}
	if (status < 100)
		return -TCPVS_HE_BAD_STATUS_LINE;
	h->status = status;
	if (i == end)
		return 0;
	if (b[i] == '\r') {
		/* Wrong but harmless, and seen: no space without a reason. */
		h->flags |= TCPVS_HF_NO_REASON_SP;
		return parse_crlf(b, i, end, TCPVS_HE_BAD_STATUS_LINE);
	}
	if (b[i] != ' ')
		return bad_byte(b[i], TCPVS_HE_BAD_STATUS_LINE);
	i++;
	h->reason.off = i;
	for (;;) {
		i = http_find_ctl(b, i, end);
		if (i == end)
			return 0;
		if (b[i] != '\t')
			break;
		i++;
	}
	h->reason.len = i - h->reason.off;
	return parse_crlf(b, i, end, TCPVS_HE_BAD_STATUS_LINE);
}

/* The header lines from @i on; returns like the parts of a start line. */
static __always_inline int parse_headers(struct tcpvs_http_head *h, const u8 *b,
					 u32 i, u32 end, u32 max, bool response)
{
	struct tcpvs_http_hdr *hdr = h->hdr;
	u32 n = 0;

	for (;; n++, hdr++) {
		u32 start = i, stop;
		int r;

		if (i >= end)
			return 0;
		if (b[i] == '\r') {
			h->nhdr = n;
			return parse_crlf(b, i, end, TCPVS_HE_BAD_HEADER);
		}
		if (unlikely(http_is_ows(b[i])))
			return -TCPVS_HE_OBS_FOLD;
		if (n == max)
			return -TCPVS_HE_TOO_MANY_HEADERS;

		i = http_skip_class(b, i, end, CLS_TOKEN);
		if (i == end)
			return 0;
		if (b[i] != ':' || i == start) {
			if (i > start && http_is_ows(b[i]))
				return -TCPVS_HE_SPACE_BEFORE_COLON;
			return bad_byte(b[i], TCPVS_HE_BAD_HEADER);
		}
		hdr->name = start;
		hdr->nlen = i - start;
		i++;

		/* One space as a rule; else look closer. */
		if (i < end && b[i] == ' ')
			i++;
		if (i < end && unlikely(b[i] <= ' '))
			while (i < end && http_is_ows(b[i]))
				i++;
		hdr->val = i;
		for (;;) {
			i = http_find_ctl(b, i, end);
			if (i == end)
				return 0;
			if (likely(b[i] != '\t'))
				break;
			i++;
		}
		stop = i;
		r = parse_crlf(b, i, end, TCPVS_HE_BAD_HEADER);
		if (unlikely(r <= 0))
			return r;
		i = r;
		/* Of what is at most a space only white space came so far. */
		while (stop > hdr->val && b[stop - 1] <= ' ')
			stop--;
		hdr->vlen = stop - hdr->val;

		hdr->flags = 0;
		hdr->id = tcpvs_http_field_id(b + start, hdr->nlen, &hdr->flags);
		if (hdr->id && hdr->id <= TCPVS_H_LAST_READ) {
			h->nhdr = n;
			r = tcpvs_http_field(h, b, hdr, response);
			if (r)
				return r;
		}
	}
}

static void head_init(struct tcpvs_http_head *h)
{
	/* Everything but the lines, which are written before they are read. */
	memset(h, 0, offsetof(struct tcpvs_http_head, hdr));
}

static u32 head_limit(u32 head_max)
{
	if (!head_max || head_max > TCPVS_HTTP_HEAD_MAX)
		return TCPVS_HTTP_HEAD_MAX;
	return head_max;
}

static u32 headers_limit(u32 max)
{
	return max && max < TCPVS_HTTP_HDR_MAX ? max : TCPVS_HTTP_HDR_MAX;
}

/**
 * tcpvs_http_parse_request() - parse the head of a request
 * @h: filled in; valid only when the result is positive
 * @buf: bytes from the first one of the request
 * @len: how many there are; may reach beyond the head
 * @lim: limits
 *
 * Return: the length of the head; 0 when more bytes are needed, which never
 * happens with @lim->head_max bytes or more; -TCPVS_HE_* when it is refused.
 */
int tcpvs_http_parse_request(struct tcpvs_http_head *h, const u8 *buf, u32 len,
			     const struct tcpvs_http_limits *lim)
{
	u32 most = head_limit(lim->head_max);
	u32 end = min(len, most);
	int r;

	head_init(h);
	r = parse_request_line(h, buf, end, lim->target_max);
	if (r <= 0)
		return r || end < most ? r : -TCPVS_HE_URI_TOO_LONG;
	r = parse_headers(h, buf, r, end, headers_limit(lim->headers_max),
			  false);
	if (r <= 0)
		return r || end < most ? r : -TCPVS_HE_HEAD_TOO_LARGE;
	h->head_len = r;
	return tcpvs_http_finish_request(h, buf) ?: r;
}

/**
 * tcpvs_http_parse_response() - parse the head of a response
 * @h: filled in; valid only when the result is positive
 * @buf: bytes from the first one of the response
 * @len: how many there are; may reach beyond the head
 * @lim: limits; target_max has no meaning here
 *
 * Return: as tcpvs_http_parse_request().
 */
int tcpvs_http_parse_response(struct tcpvs_http_head *h, const u8 *buf, u32 len,
			      const struct tcpvs_http_limits *lim)
{
	u32 most = head_limit(lim->head_max);
	u32 end = min(len, most);
	int r;

	head_init(h);
	r = parse_status_line(h, buf, end);
	if (r > 0)
		r = parse_headers(h, buf, r, end,
				  headers_limit(lim->headers_max), true);
	if (r <= 0)
		return r || end < most ? r : -TCPVS_HE_HEAD_TOO_LARGE;
	h->head_len = r;
	return tcpvs_http_finish_response(h, buf) ?: r;
}

/* tcpvs_http_scan.state; the first must be 0, SCAN_LINE is in http.h. */
enum {
	SCAN_START,		/* nothing seen */
	SCAN_START_CR,		/* CR of a first empty line */
	SCAN_EMPTY,		/* behind one empty line */
	SCAN_LINE = TCPVS_SCAN_RESPONSE,
	SCAN_EMPTY_CR,		/* CR of a second empty line */
	SCAN_CR,		/* CR that ends a line */
	SCAN_BOL,		/* begin of a line */
	SCAN_END_CR,		/* CR of the line that ends the head */
};

/**
 * tcpvs_http_scan() - look for the end of a head in new bytes
 * @s: zero, or state TCPVS_SCAN_RESPONSE, before the first piece
 * @piece: the bytes behind those of the last call
 * @len: how many
 * @head_max: the limit that the parser will be given
 *
 * Return: 1 when the parser, given all bytes so far, will not ask for more:
 * the head is complete, or certainly broken.  0 when more bytes are needed.
 * -TCPVS_HE_HEAD_TOO_LARGE when @head_max bytes hold no end; the parser then
 * knows the exact error (414 or 431).
 */
int tcpvs_http_scan(struct tcpvs_http_scan *s, const u8 *piece, u32 len,
		    u32 head_max)
{
	u32 room = head_limit(head_max);
	u32 i = 0, end;
	u8 c;

	room = s->pos < room ? room - s->pos : 0;
	end = min(len, room);
	while (i < end) {
		if (s->state == SCAN_LINE) {
			i = http_find_ctl(piece, i, end);
			if (i == end)
				break;
		}
		c = piece[i++];
		if (c == '\r') {
			switch (s->state) {
			case SCAN_START:
				s->state = SCAN_START_CR;
				continue;
			case SCAN_EMPTY:
				s->state = SCAN_EMPTY_CR;
				continue;
			case SCAN_LINE:
				s->state = SCAN_CR;
				continue;
			case SCAN_BOL:
				s->state = SCAN_END_CR;
				continue;
			}
			goto found;	/* CR CR */
		}
		if (c == '\n') {
			switch (s->state) {
			case SCAN_START_CR:
				s->state = SCAN_EMPTY;
				continue;
			case SCAN_EMPTY_CR:
				/* A third one would be an error, and is found. */
				s->state = SCAN_BOL;
				continue;
			case SCAN_CR:
				s->state = SCAN_BOL;
				continue;
			}
			goto found;	/* the end, or a bare LF */
		}
		switch (s->state) {
		case SCAN_START:
		case SCAN_EMPTY:
		case SCAN_BOL:
		case SCAN_LINE:
			if (!c)
				goto found;
			s->state = SCAN_LINE;
			continue;
		}
		goto found;	/* a bare CR */
	}
	s->pos += end;
	return end < room ? 0 : -TCPVS_HE_HEAD_TOO_LARGE;

found:
	s->pos += i;
	return 1;
}
