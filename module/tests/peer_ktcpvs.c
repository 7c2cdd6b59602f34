// SPDX-License-Identifier: GPL-2.0
/*
 * peer_ktcpvs.c - how the module's parser reads messages
 */
#include "peer.h"

/* Those of the tables in testdata/http. */
static const struct tcpvs_http_limits limits = {
	.head_max = 16384,
	.headers_max = 100,
	.target_max = 8192,
};

static void add_span(struct peer_text *t, const u8 *msg,
		     struct tcpvs_http_span s)
{
	peer_add(t, msg + s.off, s.len);
}

static void add_error(struct peer_reading *r, s64 err)
{
	const char *name = tcpvs_http_err_name(err);

	peer_add(&r->error, name, strlen(name));
}

/* The data of a chunked body: what the parser lets pass without a look. */
static void read_chunked(struct peer_reading *r, const u8 *p, u64 len)
{
	struct tcpvs_http_chunk c;
	u64 i = 0, n;
	s64 got;

	tcpvs_http_chunk_init(&c);
	while (i < len) {
		n = min_t(u64, tcpvs_http_chunk_skip(&c), len - i);
		if (n) {
			peer_data(r, p + i, n);
			tcpvs_http_chunk_skipped(&c, n);
			i += n;
			continue;
		}
		got = tcpvs_http_chunk(&c, p + i, 1);
		if (got < 0) {
			r->body = PEER_REFUSED;
			add_error(r, got);
			return;
		}
		i++;
		if (tcpvs_http_chunk_done(&c)) {
			r->body = PEER_ACCEPTED;
			r->consumed += i;
			return;
		}
	}
}

static void read_body(struct peer_reading *r, const u8 *p, u64 len)
{
	switch (r->framing) {
	case TCPVS_BODY_NONE:
		r->body = PEER_ACCEPTED;
		return;
	case TCPVS_BODY_LENGTH:
		if (len < r->length)
			return;
		len = r->length;
		break;
	case TCPVS_BODY_CHUNKED:
		read_chunked(r, p, len);
		return;
	}
	peer_data(r, p, len);
	r->consumed += len;
	r->body = PEER_ACCEPTED;
}

void peer_read(struct peer_reading *r, const u8 *msg, u32 len, bool response,
	       u8 method)
{
	struct tcpvs_http_head h;
	u32 i;
	int n;

	n = response ? tcpvs_http_parse_response(&h, msg, len, &limits) :
		       tcpvs_http_parse_request(&h, msg, len, &limits);
	if (n <= 0) {
		r->head = n ? PEER_REFUSED : PEER_INCOMPLETE;
		if (n)
			add_error(r, n);
		return;
	}
	r->head = PEER_ACCEPTED;
	r->framing = response ? tcpvs_http_response_body(&h, method) :
				tcpvs_http_request_body(&h);
	r->minor = h.minor;
	r->status = h.status;
	r->length = h.content_length;
	r->consumed = n;
	add_span(&r->method, msg, h.method_s);
	add_span(&r->target, msg, h.target);
	add_span(&r->reason, msg, h.reason);
	r->nhdr = h.nhdr;
	for (i = 0; i < h.nhdr; i++) {
		peer_add_string(&r->headers, msg + h.hdr[i].name,
				h.hdr[i].nlen);
		peer_add_string(&r->headers, msg + h.hdr[i].val, h.hdr[i].vlen);
	}
	read_body(r, msg + n, len - n);
}
