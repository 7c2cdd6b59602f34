// SPDX-License-Identifier: GPL-2.0
/*
 * test_http_facts.c - what a parsed head says, what is sent, what we answer
 *
 * The tables tell accepted from refused; here are the values: methods, spans,
 * flags, exact rewritten heads, statuses, answers.
 */
#include "http_props.h"

static struct tcpvs_http_head h;

static int request(const char *text)
{
	test_what = text;
	return tcpvs_http_parse_request(&h, (const u8 *)text, strlen(text),
					&props_limits);
}

static int response(const char *text)
{
	test_what = text;
	return tcpvs_http_parse_response(&h, (const u8 *)text, strlen(text),
					 &props_limits);
}

static bool span_is(const char *text, struct tcpvs_http_span s,
		    const char *want)
{
	return s.len == strlen(want) && !memcmp(text + s.off, want, s.len);
}

static void methods(void)
{
	static const char *const names[] = {
		[TCPVS_M_OTHER] = "PROPFIND", [TCPVS_M_GET] = "GET",
		[TCPVS_M_HEAD] = "HEAD", [TCPVS_M_POST] = "POST",
		[TCPVS_M_PUT] = "PUT", [TCPVS_M_DELETE] = "DELETE",
		[TCPVS_M_OPTIONS] = "OPTIONS", [TCPVS_M_TRACE] = "TRACE",
		[TCPVS_M_CONNECT] = "CONNECT", [TCPVS_M_PATCH] = "PATCH",
	};
	char text[100];
	u32 i;

	for (i = 0; i < __TCPVS_M_MAX; i++) {
		snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: a\r\n\r\n",
			 names[i], i == TCPVS_M_CONNECT ? "a:1" : "/");
		CHECK(request(text) == (int)strlen(text) && h.method == i);
		CHECK(span_is(text, h.method_s, names[i]));
	}
	CHECK(request("get / HTTP/1.1\r\nHost: a\r\n\r\n") > 0 &&
	      h.method == TCPVS_M_OTHER);
}

static void targets(void)
{
	const char *t;

	t = "GET /a/b?c=d HTTP/1.1\r\nHost: ex.org:8080\r\n\r\n";
	CHECK(request(t) > 0 && h.form == TCPVS_FORM_ORIGIN && h.minor == 1);
	CHECK(span_is(t, h.target, "/a/b?c=d") && span_is(t, h.path, "/a/b"));
	CHECK(span_is(t, h.query, "c=d") && span_is(t, h.host, "ex.org"));
	CHECK(span_is(t, h.authority, "ex.org:8080") && h.port == 8080);

	t = "\r\nGET http://ex.org:81/a?b HTTP/1.0\r\nHost: other\r\n\r\n";
	CHECK(request(t) == (int)strlen(t) && h.start == 2 && h.minor == 0);
	CHECK(h.form == TCPVS_FORM_ABSOLUTE && span_is(t, h.path, "/a"));
	CHECK(span_is(t, h.host, "ex.org") && h.port == 81);
	CHECK(span_is(t, h.query, "b"));

	t = "GET http://ex.org HTTP/1.0\r\n\r\n";
	CHECK(request(t) > 0 && span_is(t, h.path, "/") && !h.query.len);
	t = "GET http://ex.org?q HTTP/1.0\r\n\r\n";
	CHECK(request(t) > 0 && span_is(t, h.path, "/"));
	CHECK(span_is(t, h.query, "q"));
	t = "OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n";
	CHECK(request(t) > 0 && h.form == TCPVS_FORM_ASTERISK);
	CHECK(span_is(t, h.path, "*") && span_is(t, h.host, "[::1]"));
	t = "CONNECT a.b:443 HTTP/1.1\r\nHost: c\r\n\r\n";
	CHECK(request(t) > 0 && h.form == TCPVS_FORM_AUTHORITY);
	CHECK(span_is(t, h.host, "a.b") && h.port == 443 && !h.path.len);
	t = "GET / HTTP/1.0\r\n\r\n";
	CHECK(request(t) > 0 && !h.host.len && !h.authority.len && !h.nhdr);
}

static const char *const names[__TCPVS_H_MAX] = {
	[TCPVS_H_HOST] = "Host",
	[TCPVS_H_CONTENT_LENGTH] = "Content-Length",
	[TCPVS_H_TRANSFER_ENCODING] = "Transfer-Encoding",
	[TCPVS_H_CONNECTION] = "Connection",
	[TCPVS_H_KEEP_ALIVE] = "Keep-Alive",
	[TCPVS_H_PROXY_CONNECTION] = "Proxy-Connection",
	[TCPVS_H_TE] = "TE",
	[TCPVS_H_UPGRADE] = "Upgrade",
	[TCPVS_H_HTTP2_SETTINGS] = "HTTP2-Settings",
	[TCPVS_H_EXPECT] = "Expect",
	[TCPVS_H_X_FORWARDED_FOR] = "X-Forwarded-For",
	[TCPVS_H_X_FORWARDED_PROTO] = "X-Forwarded-Proto",
	[TCPVS_H_X_FORWARDED_HOST] = "X-Forwarded-Host",
	[TCPVS_H_X_FORWARDED_OTHER] = "X-Forwarded-Port",
	[TCPVS_H_FORWARDED] = "Forwarded",
	[TCPVS_H_WWW_AUTHENTICATE] = "WWW-Authenticate",
	[TCPVS_H_PROXY_AUTHENTICATE] = "Proxy-Authenticate",
	[TCPVS_H_AUTHORIZATION] = "Authorization",
	[TCPVS_H_PROXY_AUTHORIZATION] = "Proxy-Authorization",
	[TCPVS_H_TRAILER] = "Trailer",
	[TCPVS_H_VIA] = "Via",
	[TCPVS_H_COOKIE] = "Cookie",
	[TCPVS_H_SET_COOKIE] = "Set-Cookie",
	[TCPVS_H_CONTENT_TYPE] = "Content-Type",
	[TCPVS_H_CONTENT_ENCODING] = "Content-Encoding",
	[TCPVS_H_CONTENT_RANGE] = "Content-Range",
	[TCPVS_H_CACHE_CONTROL] = "Cache-Control",
	[TCPVS_H_USER_AGENT] = "User-Agent",
	[TCPVS_H_REFERER] = "Referer",
	[TCPVS_H_DATE] = "Date",
	[TCPVS_H_SERVER] = "Server",
	[TCPVS_H_LOCATION] = "Location",
};

static u8 field_id(const char *name, u32 len, u8 *flags)
{
	u8 *copy = test_copy(name, len), id;

	*flags = 0;
	id = tcpvs_http_field_id(copy, len, flags);
	free(copy);
	return id;
}

/* Every name in every case; every name with one byte changed is another. */
static void field_names(void)
{
	static const char tchars[] =
		"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz";
	char name[32];
	u8 flags;
	u32 id, i, k;

	for (id = 1; id < __TCPVS_H_MAX; id++) {
		u32 len;

		if (!CHECK(names[id]))
			continue;
		test_what = names[id];
		len = strlen(names[id]);
		CHECK(field_id(names[id], len, &flags) == id && !flags);
		for (i = 0; i < len; i++)
			name[i] = names[id][i] ^
				  ((names[id][i] | 0x20) >= 'a' ? 0x20 : 0);
		CHECK(field_id(name, len, &flags) == id && !flags);
		if (id == TCPVS_H_X_FORWARDED_OTHER)
			continue;
		for (i = 0; i < len; i++) {
			for (k = 0; tchars[k]; k++) {
				u8 got;

				memcpy(name, names[id], len);
				if ((name[i] | 0x20) == tchars[k] ||
				    name[i] == tchars[k])
					continue;
				name[i] = tchars[k];
				got = field_id(name, len, &flags);
				CHECK(got != id || (flags &&
						    tchars[k] == '_'));
			}
		}
		CHECK(field_id(names[id], len - 1, &flags) != id);
	}
	test_what = "aliases";
	CHECK(field_id("Content_Length", 14, &flags) ==
	      TCPVS_H_CONTENT_LENGTH && flags == TCPVS_HDRF_ALIAS);
	CHECK(field_id("User_Agent", 10, &flags) == TCPVS_H_OTHER && !flags);
	CHECK(field_id("X-Forwarded-", 12, &flags) == TCPVS_H_OTHER);
	CHECK(field_id("x_forwarded-Y", 13, &flags) ==
	      TCPVS_H_X_FORWARDED_OTHER);
}

/* How many bytes the search needs, and what it says of them. */
static int scan(const char *text, u32 len, u8 first, u32 head_max, u32 *pos)
{
	struct tcpvs_http_scan s = { .state = first };
	int r;

	test_what = text;
	r = tcpvs_http_scan(&s, (const u8 *)text, len, head_max);
	*pos = s.pos;
	return r;
}

/* A peer is told of its error when it is certain, not when time runs out. */
static void scanning(void)
{
	u32 pos;

	CHECK(scan("GET / HTTP/1.1\r\n\r\nx", 19, 0, 0, &pos) == 1 &&
	      pos == 18);
	CHECK(scan("\r\n\r\nG\r\n\r\n", 9, 0, 0, &pos) == 1 && pos == 9);
	CHECK(scan("\r\n\r\n\r\nG", 7, 0, 0, &pos) == 1 && pos == 6);
	CHECK(scan("\r\nx", 3, 0, 0, &pos) == 0 && pos == 3);
	CHECK(scan("\r\n\r\n", 4, TCPVS_SCAN_RESPONSE, 0, &pos) == 1);
	CHECK(scan("GET /\0abc", 9, 0, 0, &pos) == 1 && pos == 6);
	CHECK(scan("\0abc", 4, 0, 0, &pos) == 1 && pos == 1);
	CHECK(scan("GET /\nabc", 9, 0, 0, &pos) == 1 && pos == 6);
	CHECK(scan("\nabc", 4, 0, 0, &pos) == 1 && pos == 1);
	CHECK(scan("GET\r\n\nabc", 9, 0, 0, &pos) == 1 && pos == 6);
	CHECK(scan("GET /\rabc", 9, 0, 0, &pos) == 1 && pos == 7);
	CHECK(scan("a\tb\x7f", 4, 0, 0, &pos) == 0 && pos == 4);
	CHECK(scan("abcdef", 6, 0, 6, &pos) == -TCPVS_HE_HEAD_TOO_LARGE);
	CHECK(scan("abcdef", 5, 0, 6, &pos) == 0);
	CHECK(scan("a\r\n\r\n", 5, 0, 5, &pos) == 1 && pos == 5);
	CHECK(scan("a\r\n\r\n", 5, 0, 4, &pos) == -TCPVS_HE_HEAD_TOO_LARGE);
}

#define REQ(lines) "GET / HTTP/1.1\r\nHost: a\r\n" lines "\r\n"

static void flags(void)
{
	CHECK(request(REQ("")) > 0 && (h.flags & TCPVS_HF_KEEPALIVE));
	CHECK(!(h.flags & (TCPVS_HF_CLOSE | TCPVS_HF_CONNECTION)));
	CHECK(request(REQ("Connection: x , CLOSE\r\n")) > 0 &&
	      !(h.flags & TCPVS_HF_KEEPALIVE) && (h.flags & TCPVS_HF_CLOSE));
	CHECK(request(REQ("Connection: close\r\nConnection: keep-alive\r\n"))
	      > 0 && !(h.flags & TCPVS_HF_KEEPALIVE));
	CHECK(request("GET / HTTP/1.0\r\n\r\n") > 0 &&
	      !(h.flags & TCPVS_HF_KEEPALIVE));
	CHECK(request("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n") > 0 &&
	      (h.flags & TCPVS_HF_KEEPALIVE));
	CHECK(request(REQ("Expect: 100-Continue\r\n")) > 0 &&
	      (h.flags & TCPVS_HF_EXPECT_CONTINUE));
	CHECK(request("PUT / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n") > 0 &&
	      !(h.flags & TCPVS_HF_EXPECT_CONTINUE));
	CHECK(request(REQ("Content-Length: 12345678901234567\r\n")) > 0 &&
	      (h.flags & TCPVS_HF_LENGTH) &&
	      h.content_length == 12345678901234567ULL);

	CHECK(request(REQ("Upgrade: websocket\r\nConnection: upgrade\r\n")) >
	      0 && (h.flags & TCPVS_HF_UPGRADE_WEBSOCKET));
	CHECK(request(REQ("Upgrade: websocket\r\n")) > 0 &&
	      !(h.flags & (TCPVS_HF_UPGRADE | TCPVS_HF_UPGRADE_WEBSOCKET)));
	CHECK(request(REQ("Upgrade: h2c\r\nConnection: upgrade\r\n")) > 0 &&
	      (h.flags & TCPVS_HF_UPGRADE) &&
	      !(h.flags & TCPVS_HF_UPGRADE_WEBSOCKET));
	/* Not with a body, not by POST, not in HTTP/1.0. */
	CHECK(request(REQ("Upgrade: websocket\r\nConnection: upgrade\r\n"
			  "Content-Length: 5\r\n")) > 0 &&
	      !(h.flags & TCPVS_HF_UPGRADE_WEBSOCKET));
	CHECK(request("POST / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
		      "Connection: upgrade\r\n\r\n") > 0 &&
	      !(h.flags & TCPVS_HF_UPGRADE_WEBSOCKET));
	CHECK(request("GET / HTTP/1.0\r\nUpgrade: websocket\r\n"
		      "Connection: upgrade\r\n\r\n") > 0 &&
	      !(h.flags & TCPVS_HF_UPGRADE));

	/* A server switches to websocket or to nothing; 426 may offer more. */
	CHECK(response("HTTP/1.1 101 x\r\nConnection: upgrade\r\n"
		       "Upgrade: websocket\r\n\r\n") > 0 &&
	      (h.flags & TCPVS_HF_UPGRADE_WEBSOCKET));
	CHECK(response("HTTP/1.1 101 x\r\nConnection: upgrade\r\n"
		       "Upgrade: websocket, h2c\r\n\r\n") > 0 &&
	      !(h.flags & TCPVS_HF_UPGRADE_WEBSOCKET));
	CHECK(response("HTTP/1.1 101 x\r\nConnection: upgrade\r\n"
		       "Upgrade: websocket\r\nUpgrade: h2c\r\n\r\n") > 0 &&
	      !(h.flags & TCPVS_HF_UPGRADE_WEBSOCKET));
	CHECK(response("HTTP/1.1 426 x\r\nConnection: upgrade\r\n"
		       "Upgrade: h2c, websocket\r\n\r\n") > 0 &&
	      (h.flags & TCPVS_HF_UPGRADE_WEBSOCKET));
	CHECK(response("HTTP/1.1 401 x\r\nWWW-Authenticate: Negotiate\r\n\r\n")
	      > 0 && (h.flags & TCPVS_HF_AUTH_CONN));
	CHECK(response("HTTP/1.1 401 x\r\n"
		       "WWW-Authenticate: Basic realm=\"ntlm\"\r\n\r\n") > 0 &&
	      !(h.flags & TCPVS_HF_AUTH_CONN));
	CHECK(request(REQ("Authorization: NTLM TlRMTVNTUAAB\r\n")) > 0 &&
	      (h.flags & TCPVS_HF_AUTH_CONN));
	CHECK(response("HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\n") > 0 &&
	      (h.flags & TCPVS_HF_UNREUSABLE));
	CHECK(response("HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n") > 0 &&
	      !(h.flags & TCPVS_HF_UNREUSABLE));
	CHECK(response("HTTP/1.0 200 OK\r\n\r\n") > 0 &&
	      !(h.flags & TCPVS_HF_KEEPALIVE) && h.status == 200);
}

static void limits(void)
{
	static const char text[] = "GET /12345 HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
	const u8 *p = (const u8 *)text;
	struct tcpvs_http_limits l = {};
	u32 len = sizeof(text) - 1;

	test_what = "limits";
	l.head_max = len;
	l.headers_max = 2;
	l.target_max = 6;
	CHECK(tcpvs_http_parse_request(&h, p, len, &l) == (int)len);
	l.head_max = len - 1;
	CHECK(tcpvs_http_parse_request(&h, p, len, &l) ==
	      -TCPVS_HE_HEAD_TOO_LARGE);
	CHECK(tcpvs_http_parse_request(&h, p, len - 2, &l) == 0);
	CHECK(tcpvs_http_parse_request(&h, p, len - 1, &l) ==
	      -TCPVS_HE_HEAD_TOO_LARGE);
	l.head_max = 0;
	l.headers_max = 1;
	CHECK(tcpvs_http_parse_request(&h, p, len, &l) ==
	      -TCPVS_HE_TOO_MANY_HEADERS);
	l.headers_max = 0;
	l.target_max = 5;
	CHECK(tcpvs_http_parse_request(&h, p, len, &l) ==
	      -TCPVS_HE_URI_TOO_LONG);
	l.target_max = 0;
	CHECK(tcpvs_http_parse_request(&h, p, len, &l) == (int)len);
	/* A head that ends in its target for size is a long URI. */
	l.head_max = 8;
	CHECK(tcpvs_http_parse_request(&h, p, len, &l) ==
	      -TCPVS_HE_URI_TOO_LONG);
}

static void rewritten(bool resp, const char *in, const struct tcpvs_http_fwd *f,
		      const char *want)
{
	u8 out[4096];
	int r = resp ? response(in) : request(in);

	if (!CHECK(r > 0))
		return;
	if (resp)
		r = tcpvs_http_build_response(out, sizeof(out), (const u8 *)in,
					      &h, f);
	else
		r = tcpvs_http_build_request(out, sizeof(out), (const u8 *)in,
					     &h, f);
	CHECK_MSG(r == (int)strlen(want) && !memcmp(out, want, r), out,
		  r > 0 ? r : 0);
}

#define XFF	.xff = "192.0.2.7", .xff_len = 9

static void forwarded(void)
{
	rewritten(false, REQ("A: b\r\n"), &(struct tcpvs_http_fwd){ XFF },
		  REQ("A: b\r\nX-Forwarded-For: 192.0.2.7\r\n"));
	rewritten(false, REQ("X-Forwarded-For: evil\r\nA: b\r\n"
			     "Forwarded: for=evil\r\nX_FORWARDED_for: evil\r\n"),
		  &(struct tcpvs_http_fwd){ XFF, .proto = "http" },
		  REQ("A: b\r\nX-Forwarded-For: 192.0.2.7\r\n"
		      "X-Forwarded-Proto: http\r\n"));
	rewritten(false, REQ("X-Forwarded-For: p\r\nX-Forwarded-For: q \r\n"
			     "X-Forwarded-Proto: https\r\nA: b\r\n"),
		  &(struct tcpvs_http_fwd){ XFF, .proto = "http",
			.keep_incoming_forwarded = true },
		  REQ("X-Forwarded-For: p\r\nX-Forwarded-For: q, 192.0.2.7\r\n"
		      "X-Forwarded-Proto: https\r\nA: b\r\n"));
	rewritten(false, REQ("Connection: close, X-P\r\nX-P: 1\r\nA: b\r\n"
			     "Keep-Alive: 5\r\nTE: trailers\r\n"),
		  &(struct tcpvs_http_fwd){}, REQ("A: b\r\n"));
	rewritten(false, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
		  &(struct tcpvs_http_fwd){},
		  "GET / HTTP/1.0\r\nConnection: close\r\n\r\n");
	rewritten(false, "\r\nGET http://x:81?q HTTP/1.1\r\nA: b\r\n"
			 "Host: y\r\nC: d\r\n\r\n",
		  &(struct tcpvs_http_fwd){ .xfh = true },
		  "GET /?q HTTP/1.1\r\nHost: x:81\r\nA: b\r\nC: d\r\n"
		  "X-Forwarded-Host: x:81\r\n\r\n");
	rewritten(false, "OPTIONS http://x HTTP/1.1\r\nHost: x\r\n\r\n",
		  &(struct tcpvs_http_fwd){ .via = true },
		  "OPTIONS * HTTP/1.1\r\nHost: x\r\nVia: 1.1 ktcpvs\r\n\r\n");
	rewritten(false, "CONNECT x:1 HTTP/1.1\r\nHost: evil\r\n\r\n",
		  &(struct tcpvs_http_fwd){},
		  "CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n");
	rewritten(false, REQ("Connection: Upgrade, X\r\nX: 1\r\n"
			     "Upgrade: h2c, websocket\r\nY: 2\r\n"),
		  &(struct tcpvs_http_fwd){ .upgrade = true },
		  REQ("Y: 2\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"));
	rewritten(false, REQ("Connection: Upgrade, HTTP2-Settings\r\n"
			     "Upgrade: h2c\r\nHTTP2-Settings: AA\r\n"),
		  &(struct tcpvs_http_fwd){ .upgrade = true }, REQ(""));
	rewritten(false, REQ(""),
		  &(struct tcpvs_http_fwd){ .xff = "2001:db8::1", .xff_len = 11,
			.forwarded = true, .proto = "http" },
		  REQ("Forwarded: for=\"[2001:db8::1]\";host=\"a\";proto=http\r\n"));
	rewritten(true, "HTTP/1.0 200\r\nConnection: close\r\nA: b\r\n\r\n",
		  &(struct tcpvs_http_fwd){ .close = true },
		  "HTTP/1.1 200 \r\nA: b\r\nConnection: close\r\n\r\n");
	rewritten(true, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
			"Connection: keep-alive\r\nKeep-Alive: 5\r\n\r\n",
		  &(struct tcpvs_http_fwd){ .keep_alive = true },
		  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
		  "Connection: keep-alive\r\n\r\n");
	rewritten(true, "HTTP/1.1 204 No\r\nContent-Length: 5\r\nA: b\r\n\r\n",
		  &(struct tcpvs_http_fwd){}, "HTTP/1.1 204 No\r\nA: b\r\n\r\n");
	rewritten(true, "HTTP/1.1 100 Go\r\n\r\n",
		  &(struct tcpvs_http_fwd){ .close = true },
		  "HTTP/1.1 100 Go\r\n\r\n");
	rewritten(true, "HTTP/1.1 101 S\r\nUpgrade: websocket\r\n"
			"Connection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
		  &(struct tcpvs_http_fwd){ .upgrade = true },
		  "HTTP/1.1 101 S\r\nSec-WebSocket-Accept: x\r\n"
		  "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n");
	rewritten(true, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: b\r\n\r\n",
		  &(struct tcpvs_http_fwd){ .tunnel = true },
		  "HTTP/1.1 200 OK\r\nA: b\r\n\r\n");
}

/* The largest additions there are, onto the smallest heads. */
static void extra(void)
{
	static char in[4096], host[TCPVS_HTTP_HOST_MAX + 1];
	static const char longest[TCPVS_HTTP_XFF_MAX + 1] =
		"1:2:3:4:5:6:7:8:9:0:1:2:3:4:5:6:7:8:9:0:1:2:3:4:5:6:7:8:9:0:1:23";
	struct tcpvs_http_fwd f = {
		.xff = longest, .xff_len = TCPVS_HTTP_XFF_MAX,
		.proto = "https678", .xfh = true, .via = true, .close = true,
	};
	int r, k;

	memset(host, 'h', TCPVS_HTTP_HOST_MAX - 2);
	memcpy(host + TCPVS_HTTP_HOST_MAX - 2, ":1", 3);
	for (k = 0; k < 2; k++, f.forwarded = true) {
		u8 *out;

		snprintf(in, sizeof(in), "CONNECT %s HTTP/1.1\r\nHost:h\r\n\r\n",
			 host);
		r = request(in);
		if (!CHECK(r > 0))
			return;
		out = test_alloc(r + TCPVS_HTTP_FWD_EXTRA);
		CHECK(tcpvs_http_build_request(out, r + TCPVS_HTTP_FWD_EXTRA,
					       (u8 *)in, &h, &f) > 0);
		free(out);
	}
}

static void answers(void)
{
	static const u16 statuses[] = { 400, 403, 404, 408, 413, 414, 421, 429,
					431, 500, 501, 502, 503, 504, 505 };
	u8 out[TCPVS_HTTP_ANSWER_MAX];
	char start[32];
	u32 i, k;
	int n, r, err;

	test_what = "answers";
	for (i = 0; i < ARRAY_SIZE(statuses); i++) {
		for (k = 0; k < 4; k++) {
			bool close = k & 1, head_only = k & 2;

			n = tcpvs_http_answer(out, sizeof(out), statuses[i],
					      close, head_only);
			if (!CHECK(n > 0))
				continue;
			snprintf(start, sizeof(start), "HTTP/1.1 %u ",
				 statuses[i]);
			CHECK_MSG(!memcmp(out, start, strlen(start)), out, n);
			r = tcpvs_http_parse_response(&h, out, n,
						      &props_limits);
			CHECK_MSG(r > 0 && h.status == statuses[i] &&
				  h.reason.len, out, n);
			CHECK_MSG(h.content_length &&
				  (head_only ? r == n :
				   r + (int)h.content_length == n), out, n);
			CHECK_MSG(!(h.flags & TCPVS_HF_CLOSE) == !close, out,
				  n);
			CHECK(tcpvs_http_answer(out, n - 1, statuses[i], close,
						head_only) ==
			      -TCPVS_HE_HEAD_TOO_LARGE);
		}
	}
	n = tcpvs_http_answer(out, sizeof(out), 299, true, false);
	CHECK_MSG(n > 0 && !memcmp(out, "HTTP/1.1 500 ", 13), out, n);

	/* Every error has a status that has an answer, and its own name. */
	for (err = 1; err < __TCPVS_HE_MAX; err++) {
		unsigned int status = tcpvs_http_err_status(-err);
		const char *name = tcpvs_http_err_name(-err);
		int other;

		test_what = name;
		for (i = 0; i < ARRAY_SIZE(statuses); i++)
			if (statuses[i] == status)
				break;
		CHECK(i < ARRAY_SIZE(statuses));
		CHECK(tcpvs_http_err_status(err) == status);
		for (other = 1; other < err; other++)
			CHECK(strcmp(name, tcpvs_http_err_name(other)));
	}
	CHECK(tcpvs_http_err_status(-TCPVS_HE_URI_TOO_LONG) == 414);
	CHECK(tcpvs_http_err_status(-TCPVS_HE_TOO_MANY_HEADERS) == 431);
	CHECK(tcpvs_http_err_status(-TCPVS_HE_UNKNOWN_TE) == 501);
	CHECK(tcpvs_http_err_status(-TCPVS_HE_VERSION_UNSUPPORTED) == 505);
	CHECK(tcpvs_http_err_status(-TCPVS_HE_BAD_HOST) == 400);
	CHECK(!strcmp(tcpvs_http_err_name(-1000), "unknown"));
}

/* The data of a chunk may pass unseen, and no more than it. */
static void chunk_skipping(void)
{
	struct tcpvs_http_chunk c;

	test_what = "chunk skipping";
	tcpvs_http_chunk_init(&c);
	CHECK(!tcpvs_http_chunk_skip(&c));
	CHECK(tcpvs_http_chunk(&c, (const u8 *)"7fffffffffffffff\r\nab", 20) ==
	      20);
	CHECK(tcpvs_http_chunk_skip(&c) == (u64)S64_MAX - 2);
	tcpvs_http_chunk_skipped(&c, (u64)S64_MAX - 3);
	CHECK(tcpvs_http_chunk_skip(&c) == 1 && !tcpvs_http_chunk_done(&c));
	CHECK(tcpvs_http_chunk(&c, (const u8 *)"z\r\n0\r\n\r\nrest", 12) == 8);
	CHECK(tcpvs_http_chunk_done(&c) && !tcpvs_http_chunk_skip(&c));
}

/* Of the names that are known, these few may stand in a trailer section. */
static void trailer_names(void)
{
	u32 id;

	for (id = 1; id < __TCPVS_H_MAX; id++) {
		bool allowed = id == TCPVS_H_WWW_AUTHENTICATE ||
			       id == TCPVS_H_PROXY_AUTHENTICATE ||
			       id == TCPVS_H_VIA ||
			       id == TCPVS_H_CACHE_CONTROL ||
			       id == TCPVS_H_USER_AGENT ||
			       id == TCPVS_H_REFERER || id == TCPVS_H_DATE ||
			       id == TCPVS_H_SERVER || id == TCPVS_H_LOCATION;
		struct tcpvs_http_chunk c;
		char body[64];
		s64 n;

		test_what = names[id];
		snprintf(body, sizeof(body), "0\r\n%s: x\r\n\r\n", names[id]);
		tcpvs_http_chunk_init(&c);
		n = tcpvs_http_chunk(&c, (const u8 *)body, strlen(body));
		CHECK(n == (allowed ? (s64)strlen(body) :
				      -TCPVS_HE_BAD_TRAILER));
	}
}

int main(void)
{
	methods();
	targets();
	field_names();
	scanning();
	flags();
	limits();
	forwarded();
	extra();
	answers();
	chunk_skipping();
	trailer_names();
	return test_summary("http facts");
}
