// SPDX-License-Identifier: GPL-2.0
/*
 * peer_llhttp.c - how llhttp, the parser of Node.js, reads messages
 *
 * With no leniency switched on.  It hands out spans in pieces, and values with
 * the white space behind them, which is taken off here.
 */
#include <llhttp.h>
#include "peer.h"

struct state {
	struct peer_reading *r;
	struct peer_text name, value;
	bool response, in_line, done;
	u8 method;
};

static struct state *of(llhttp_t *p)
{
	return p->data;
}

static int on_method(llhttp_t *p, const char *at, size_t n)
{
	peer_add(&of(p)->r->method, at, n);
	return 0;
}

static int on_url(llhttp_t *p, const char *at, size_t n)
{
	peer_add(&of(p)->r->target, at, n);
	return 0;
}

static int on_status(llhttp_t *p, const char *at, size_t n)
{
	peer_add(&of(p)->r->reason, at, n);
	return 0;
}

static void end_line(struct state *s)
{
	struct peer_text *v = &s->value;
	u32 i = 0;

	if (!s->in_line)
		return;
	s->in_line = false;
	while (v->len && (v->p[v->len - 1] == ' ' || v->p[v->len - 1] == '\t'))
		v->len--;
	while (i < v->len && (v->p[i] == ' ' || v->p[i] == '\t'))
		i++;
	peer_add_string(&s->r->headers, s->name.p, s->name.len);
	peer_add_string(&s->r->headers, v->p + i, v->len - i);
	s->name.len = 0;
	v->len = 0;
	s->r->nhdr++;
}

static int on_field(llhttp_t *p, const char *at, size_t n)
{
	peer_add(&of(p)->name, at, n);
	return 0;
}

static int on_value(llhttp_t *p, const char *at, size_t n)
{
	peer_add(&of(p)->value, at, n);
	return 0;
}

static int on_field_complete(llhttp_t *p)
{
	of(p)->in_line = of(p)->r->head != PEER_ACCEPTED;
	return 0;
}

static int on_value_complete(llhttp_t *p)
{
	end_line(of(p));
	return 0;
}

static int on_headers_complete(llhttp_t *p)
{
	struct state *s = of(p);
	struct peer_reading *r = s->r;

	r->head = PEER_ACCEPTED;
	r->minor = p->http_minor;
	r->status = s->response ? p->status_code : 0;
	if (p->flags & F_CONTENT_LENGTH)
		r->length = p->content_length;
	r->framing = TCPVS_BODY_NONE;
	if (s->response) {
		if (r->status == 101 && p->upgrade) {
			r->framing = TCPVS_BODY_TUNNEL;
			return 2;
		}
		if (s->method == TCPVS_M_HEAD)
			return 1;
		if (s->method == TCPVS_M_CONNECT && r->status >= 200 &&
		    r->status < 300) {
			r->framing = TCPVS_BODY_TUNNEL;
			return 2;
		}
	} else if (p->method == HTTP_CONNECT) {
		return 0;
	}
	/* It reads bodies behind some statuses that have none. */
	if (p->flags & F_CHUNKED)
		r->framing = TCPVS_BODY_CHUNKED;
	else if (r->status == 100 || r->status == 101 || r->status == 204 ||
		 r->status == 304)
		return 0;
	else if (llhttp_message_needs_eof(p))
		r->framing = TCPVS_BODY_CLOSE;
	else if (p->flags & F_CONTENT_LENGTH && p->content_length)
		r->framing = TCPVS_BODY_LENGTH;
	return 0;
}

static int on_body(llhttp_t *p, const char *at, size_t n)
{
	peer_data(of(p)->r, (const u8 *)at, n);
	return 0;
}

static int on_message_complete(llhttp_t *p)
{
	of(p)->r->body = PEER_ACCEPTED;
	of(p)->done = true;
	return HPE_PAUSED;
}

void peer_read(struct peer_reading *r, const u8 *msg, u32 len, bool response,
	       u8 method)
{
	static const llhttp_settings_t settings = {
		.on_method = on_method,
		.on_url = on_url,
		.on_status = on_status,
		.on_header_field = on_field,
		.on_header_field_complete = on_field_complete,
		.on_header_value = on_value,
		.on_header_value_complete = on_value_complete,
		.on_headers_complete = on_headers_complete,
		.on_body = on_body,
		.on_message_complete = on_message_complete,
	};
	static struct state s;
	llhttp_errno_t err;
	const char *end;
	llhttp_t p;

	s.r = r;
	s.response = response;
	s.method = method;
	s.name.len = 0;
	s.value.len = 0;
	s.in_line = false;
	s.done = false;
	llhttp_init(&p, response ? HTTP_RESPONSE : HTTP_REQUEST, &settings);
	p.data = &s;
	err = llhttp_execute(&p, (const char *)msg, len);
	end = llhttp_get_error_pos(&p);
	if (err == HPE_OK && r->head == PEER_ACCEPTED &&
	    llhttp_message_needs_eof(&p)) {
		llhttp_finish(&p);
		end = NULL;
	}
	if (s.done) {
		r->consumed = end ? end - (const char *)msg : len;
		if (r->framing == TCPVS_BODY_TUNNEL) {
			peer_data(r, msg + r->consumed, len - r->consumed);
			r->consumed = len;
		}
		return;
	}
	if (err == HPE_OK)
		return;
	if (r->head == PEER_ACCEPTED)
		r->body = PEER_REFUSED;
	else
		r->head = PEER_REFUSED;
	peer_add(&r->error, llhttp_errno_name(err),
		 strlen(llhttp_errno_name(err)));
}
