// SPDX-License-Identifier: GPL-2.0
/*
 * http_props_fwd.c - properties of rewritten heads
 *
 * The expected head is written line by line here, by rules on names as text,
 * and must equal what the module builds from its marks and runs.  The result
 * must also parse again, to the same message for the next reader.
 */
#include <strings.h>
#include "http_props.h"

struct text {
	char *p;
	u32 len;
};

static void add(struct text *t, const void *p, u32 n)
{
	memcpy(t->p + t->len, p, n);
	t->len += n;
}

static void adds(struct text *t, const char *s)
{
	add(t, s, strlen(s));
}

static bool name_is(const u8 *msg, const struct tcpvs_http_hdr *hdr,
		    const char *name)
{
	return hdr->nlen == strlen(name) &&
	       !strncasecmp((const char *)msg + hdr->name, name, hdr->nlen);
}

static bool one_of(const u8 *msg, const struct tcpvs_http_hdr *hdr,
		   const char *const *names)
{
	for (; *names; names++)
		if (name_is(msg, hdr, *names))
			return true;
	return false;
}

static const char *const hop[] = {
	"connection", "keep-alive", "proxy-connection", "te", "upgrade",
	"http2-settings", NULL,
};

/* For the far end, whatever Connection says. */
static const char *const kept[] = {
	"host", "content-length", "transfer-encoding", "expect",
	"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host",
	"forwarded", "www-authenticate", "proxy-authenticate", "authorization",
	"proxy-authorization", "trailer", "via", "cookie", "set-cookie",
	"content-type", "content-encoding", "content-range", "cache-control",
	"user-agent", "referer", "date", "server", "location", NULL,
};

/* About the client: by its name with '_' as '-'. */
static bool speaks_of_client(const u8 *msg, const struct tcpvs_http_hdr *hdr)
{
	char name[16];
	u32 i;

	if (name_is(msg, hdr, "forwarded"))
		return true;
	if (hdr->nlen < 13)
		return false;
	for (i = 0; i < 12; i++) {
		name[i] = msg[hdr->name + i];
		if (name[i] == '_')
			name[i] = '-';
	}
	return !strncasecmp(name, "x-forwarded-", 12);
}

static bool named_by_connection(const u8 *msg, const struct tcpvs_http_head *h,
				const struct tcpvs_http_hdr *hdr)
{
	u32 i;

	if (one_of(msg, hdr, kept) || speaks_of_client(msg, hdr) ||
	    name_is(msg, hdr, "close"))
		return false;
	for (i = 0; i < h->nhdr; i++) {
		const u8 *p = msg + h->hdr[i].val, *end = p + h->hdr[i].vlen;

		if (!name_is(msg, &h->hdr[i], "connection"))
			continue;
		while (p < end) {
			const u8 *q = p, *stop;

			while (q < end && *q != ',')
				q++;
			stop = q;
			while (p < stop && (*p == ' ' || *p == '\t'))
				p++;
			while (stop > p && (stop[-1] == ' ' || stop[-1] == '\t'))
				stop--;
			if (stop - p == hdr->nlen &&
			    !strncasecmp((const char *)p,
					 (const char *)msg + hdr->name,
					 hdr->nlen))
				return true;
			p = q + 1;
		}
	}
	return false;
}

static u32 end_of_line(const struct tcpvs_http_head *h, u32 i)
{
	return i + 1 < h->nhdr ? h->hdr[i + 1].name : h->head_len - 2;
}

static void forwarded_element(struct text *t, const u8 *msg,
			      const struct tcpvs_http_head *h,
			      const struct tcpvs_http_fwd *f)
{
	bool v6 = memchr(f->xff, ':', f->xff_len);

	adds(t, v6 ? "for=\"[" : "for=");
	add(t, f->xff, f->xff_len);
	adds(t, v6 ? "]\"" : "");
	if (h->authority.len) {
		adds(t, ";host=\"");
		add(t, msg + h->authority.off, h->authority.len);
		adds(t, "\"");
	}
	if (f->proto) {
		adds(t, ";proto=");
		adds(t, f->proto);
	}
}

/* Index of the last line of that name + 1, or 0. */
static u32 last_of(const u8 *msg, const struct tcpvs_http_head *h,
		   const char *name)
{
	u32 i, last = 0;

	for (i = 0; i < h->nhdr; i++)
		if (name_is(msg, &h->hdr[i], name))
			last = i + 1;
	return last;
}

static void expect_start(struct text *t, const u8 *msg,
			 const struct tcpvs_http_head *h)
{
	static const char slash[] = "/", star[] = "*";
	const u8 *target = msg + h->target.off;
	u32 skip = 7 + h->authority.len;

	add(t, msg + h->method_s.off, h->method_s.len);
	adds(t, " ");
	if (h->form == TCPVS_FORM_ABSOLUTE) {
		if (h->target.len == skip)
			adds(t, h->method == TCPVS_M_OPTIONS ? star : slash);
		else if (target[skip] == '?')
			adds(t, slash);
		add(t, target + skip, h->target.len - skip);
	} else {
		add(t, target, h->target.len);
	}
	adds(t, h->minor ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n");
}

/* A line of cookies without those whose text begins with @strip and '='. */
static void expect_cookies(struct text *t, const u8 *msg,
			   const struct tcpvs_http_hdr *hdr, const char *strip)
{
	const char *p = (const char *)msg + hdr->val, *stop = p + hdr->vlen;
	u32 n = strlen(strip);
	bool first = true;

	for (;;) {
		const char *semi = memchr(p, ';', stop - p);
		const char *end = semi ? semi : stop, *q = p;

		while (q < end && (*q == ' ' || *q == '\t'))
			q++;
		if (end - q > n && !memcmp(q, strip, n) && q[n] == '=') {
			/* ours */
		} else if (!first) {
			adds(t, ";");
			add(t, (const u8 *)p, end - p);
		} else if (q < end) {
			add(t, msg + hdr->name, hdr->val - hdr->name);
			add(t, (const u8 *)q, end - q);
			first = false;
		}
		if (!semi || semi + 1 == stop)
			break;
		p = semi + 1;
	}
	if (!first)
		adds(t, "\r\n");
}

/* Whether such a cookie is in the line. */
static bool has_cookie(const u8 *msg, const struct tcpvs_http_hdr *hdr,
		       const char *strip)
{
	u32 i, n = strlen(strip);
	bool begin = true;

	for (i = 0; i + n < hdr->vlen; i++) {
		const u8 *p = msg + hdr->val + i;

		if (begin && !memcmp(p, strip, n) && p[n] == '=')
			return true;
		begin = *p == ';' || (begin && (*p == ' ' || *p == '\t'));
	}
	return false;
}

static void expect_request(struct text *t, const u8 *msg,
			   const struct tcpvs_http_head *h,
			   const struct tcpvs_http_fwd *f)
{
	bool uri_host = h->form == TCPVS_FORM_ABSOLUTE ||
			h->form == TCPVS_FORM_AUTHORITY;
	bool keep = f->keep_incoming_forwarded;
	u32 xff = keep ? last_of(msg, h, "x-forwarded-for") : 0;
	u32 fwd = keep ? last_of(msg, h, "forwarded") : 0;
	u32 i;

	expect_start(t, msg, h);
	if (uri_host) {
		adds(t, "Host: ");
		add(t, msg + h->authority.off, h->authority.len);
		adds(t, "\r\n");
	}
	for (i = 0; i < h->nhdr; i++) {
		const struct tcpvs_http_hdr *hdr = &h->hdr[i];

		if (one_of(msg, hdr, hop) || named_by_connection(msg, h, hdr))
			continue;
		if (uri_host && name_is(msg, hdr, "host"))
			continue;
		if (!keep && speaks_of_client(msg, hdr))
			continue;
		if (f->strip && name_is(msg, hdr, "cookie") &&
		    has_cookie(msg, hdr, f->strip)) {
			expect_cookies(t, msg, hdr, f->strip);
			continue;
		}
		if (f->xff && i + 1 == (f->forwarded ? fwd : xff)) {
			add(t, msg + hdr->name, hdr->nlen);
			add(t, msg + hdr->name + hdr->nlen,
			    hdr->val - hdr->name - hdr->nlen);
			add(t, msg + hdr->val, hdr->vlen);
			adds(t, hdr->vlen ? ", " : "");
			if (f->forwarded)
				forwarded_element(t, msg, h, f);
			else
				add(t, f->xff, f->xff_len);
			adds(t, "\r\n");
			continue;
		}
		add(t, msg + hdr->name, end_of_line(h, i) - hdr->name);
	}
	if (f->forwarded && f->xff && !fwd) {
		adds(t, "Forwarded: ");
		forwarded_element(t, msg, h, f);
		adds(t, "\r\n");
	}
	if (!f->forwarded && f->xff && !xff) {
		adds(t, "X-Forwarded-For: ");
		add(t, f->xff, f->xff_len);
		adds(t, "\r\n");
	}
	if (!f->forwarded && f->proto &&
	    !(keep && last_of(msg, h, "x-forwarded-proto"))) {
		adds(t, "X-Forwarded-Proto: ");
		adds(t, f->proto);
		adds(t, "\r\n");
	}
	if (!f->forwarded && f->xfh && h->authority.len &&
	    !(keep && last_of(msg, h, "x-forwarded-host"))) {
		adds(t, "X-Forwarded-Host: ");
		add(t, msg + h->authority.off, h->authority.len);
		adds(t, "\r\n");
	}
	if (f->via)
		adds(t, h->minor ? "Via: 1.1 ktcpvs\r\n" : "Via: 1.0 ktcpvs\r\n");
	if (f->upgrade && (h->flags & TCPVS_HF_UPGRADE_WEBSOCKET))
		adds(t, "Connection: upgrade\r\nUpgrade: websocket\r\n");
	else if (f->close || !h->minor)
		adds(t, "Connection: close\r\n");
	adds(t, "\r\n");
}

static void expect_response(struct text *t, const u8 *msg,
			    const struct tcpvs_http_head *h,
			    const struct tcpvs_http_fwd *f)
{
	bool bare = f->tunnel || h->status < 200 || h->status == 204;
	char line[32];
	u32 i;

	snprintf(line, sizeof(line), "HTTP/1.1 %u ", h->status);
	adds(t, line);
	add(t, msg + h->reason.off, h->reason.len);
	adds(t, "\r\n");
	for (i = 0; i < h->nhdr; i++) {
		const struct tcpvs_http_hdr *hdr = &h->hdr[i];

		if (one_of(msg, hdr, hop) || named_by_connection(msg, h, hdr))
			continue;
		if (bare && (name_is(msg, hdr, "content-length") ||
			     name_is(msg, hdr, "transfer-encoding")))
			continue;
		add(t, msg + hdr->name, end_of_line(h, i) - hdr->name);
	}
	if (f->cookie) {
		add(t, (const u8 *)f->cookie_head, f->cookie_head_len);
		add(t, f->cookie, TCPVS_COOKIE_VALUE);
		add(t, (const u8 *)f->cookie_tail, f->cookie_tail_len);
	}
	if (f->via)
		adds(t, h->minor ? "Via: 1.1 ktcpvs\r\n" : "Via: 1.0 ktcpvs\r\n");
	if (f->upgrade && (h->flags & TCPVS_HF_UPGRADE_WEBSOCKET) &&
	    (h->status == 101 || h->status == 426))
		adds(t, "Connection: upgrade\r\nUpgrade: websocket\r\n");
	else if (h->status < 200 || f->tunnel)
		;
	else if (f->close)
		adds(t, "Connection: close\r\n");
	else if (f->keep_alive)
		adds(t, "Connection: keep-alive\r\n");
	adds(t, "\r\n");
}

typedef int (*build_fn)(u8 *out, u32 cap, const u8 *buf,
			const struct tcpvs_http_head *h,
			const struct tcpvs_http_fwd *f);

/* Builds into a buffer of just the promised size; compares; one byte less. */
static u8 *build_checked(build_fn build, const u8 *msg,
			 const struct tcpvs_http_head *h,
			 const struct tcpvs_http_fwd *f, struct text *want)
{
	u32 cap = h->head_len + TCPVS_HTTP_FWD_EXTRA;
	u8 *in = test_copy(msg, h->head_len), *out = test_alloc(cap);
	u8 *small;
	int n;

	n = build(out, cap, in, h, f);
	if (!CHECK_MSG(n > 0, msg, h->head_len) ||
	    !CHECK_MSG((u32)n == want->len && !memcmp(out, want->p, n),
		       out, n > 0 ? n : 0)) {
		free(in);
		free(out);
		return NULL;
	}
	small = test_alloc(n - 1);
	CHECK_MSG(build(small, n - 1, in, h, f) == -TCPVS_HE_HEAD_TOO_LARGE,
		  msg, h->head_len);
	CHECK_MSG(build(small, 0, in, h, f) == -TCPVS_HE_HEAD_TOO_LARGE,
		  msg, h->head_len);
	free(small);
	small = test_alloc(n);
	CHECK_MSG(build(small, n, in, h, f) == n && !memcmp(small, out, n),
		  msg, h->head_len);
	free(small);
	free(in);
	return out;
}

static bool same_span(const u8 *a, struct tcpvs_http_span x, const u8 *b,
		      struct tcpvs_http_span y)
{
	return x.len == y.len && !memcmp(a + x.off, b + y.off, x.len);
}

/* What the next reader sees of a request is what we saw. */
static void read_again(const u8 *msg, const struct tcpvs_http_head *h,
		       const u8 *out, u32 n, const struct tcpvs_http_fwd *f)
{
	static const struct tcpvs_http_limits wide = {};
	struct tcpvs_http_head g;
	bool close = f->close || !h->minor;
	u32 i;
	int r;

	/* Our lines may be the one too many; the limit is the client's. */
	if (n > TCPVS_HTTP_HEAD_MAX || h->nhdr + 6 > TCPVS_HTTP_HDR_MAX)
		return;
	r = tcpvs_http_parse_request(&g, out, n, &wide);
	if (!CHECK_MSG(r == (int)n, out, n))
		return;
	CHECK_MSG(g.method == h->method && g.minor == h->minor &&
		  same_span(msg, h->method_s, out, g.method_s), out, n);
	CHECK_MSG(g.content_length == h->content_length, out, n);
	CHECK_MSG(tcpvs_http_request_body(&g) == tcpvs_http_request_body(h),
		  out, n);
	CHECK_MSG(same_span(msg, h->authority, out, g.authority), out, n);
	CHECK_MSG(same_span(msg, h->host, out, g.host) && g.port == h->port,
		  out, n);
	CHECK_MSG(same_span(msg, h->query, out, g.query), out, n);
	if (h->method != TCPVS_M_OPTIONS)
		CHECK_MSG(same_span(msg, h->path, out, g.path), out, n);
	CHECK_MSG(g.form != TCPVS_FORM_ABSOLUTE, out, n);
	CHECK_MSG((h->flags & TCPVS_HF_EXPECT_CONTINUE) ==
		  (g.flags & TCPVS_HF_EXPECT_CONTINUE), out, n);
	if (f->upgrade && (h->flags & TCPVS_HF_UPGRADE_WEBSOCKET))
		CHECK_MSG(g.flags & TCPVS_HF_UPGRADE_WEBSOCKET, out, n);
	else
		CHECK_MSG(!(g.flags & (TCPVS_HF_UPGRADE |
				       TCPVS_HF_HAS_UPGRADE)) &&
			  !(g.flags & TCPVS_HF_CLOSE) == !close, out, n);
	for (i = 0; i < g.nhdr; i++)
		CHECK_MSG(!(g.hdr[i].flags & TCPVS_HDRF_NAMED), out, n);
}

static const struct tcpvs_http_fwd request_ways[] = {
	{},
	{ .xff = "192.0.2.1", .xff_len = 9 },
	{ .xff = "2001:db8::1", .xff_len = 11, .proto = "http", .xfh = true,
	  .via = true, .close = true },
	{ .xff = "192.0.2.1", .xff_len = 9, .proto = "https", .xfh = true,
	  .keep_incoming_forwarded = true, .upgrade = true },
	{ .xff = "2001:db8::1", .xff_len = 11, .proto = "https",
	  .forwarded = true, .xfh = true },
	{ .xff = "192.0.2.1", .xff_len = 9, .forwarded = true,
	  .keep_incoming_forwarded = true, .via = true, .upgrade = true },
	{ .xff = "192.0.2.1", .xff_len = 9, .strip = "theme", .strip_len = 5 },
};

void props_forward_request(const u8 *msg, const struct tcpvs_http_head *h)
{
	u32 k;

	for (k = 0; k < ARRAY_SIZE(request_ways); k++) {
		const struct tcpvs_http_fwd *f = &request_ways[k];
		struct text want = { .p = test_alloc(2 * h->head_len + 4096) };
		struct tcpvs_http_head marked;
		const struct tcpvs_http_head *head = h;
		u8 *out;

		if (f->strip) {
			marked = *h;
			head = &marked;
			tcpvs_http_cookie_find(&marked, msg, f->strip,
					       f->strip_len, NULL, 0);
		}
		expect_request(&want, msg, h, f);
		out = build_checked(tcpvs_http_build_request, msg, head, f, &want);
		if (out)
			read_again(msg, h, out, want.len, f);
		free(out);
		free(want.p);
	}
}

static const struct tcpvs_http_fwd response_ways[] = {
	{},
	{ .close = true },
	{ .keep_alive = true, .via = true },
	{ .upgrade = true, .via = true, .close = true },
	{ .tunnel = true },
	{ .via = true, .cookie = (const u8 *)"0123456789abcdefghijABCDEFGHIJ-_klmnopqr",
	  .cookie_head = "Set-Cookie: SID=", .cookie_head_len = 16,
	  .cookie_tail = "; Path=/\r\n", .cookie_tail_len = 10 },
};

void props_forward_response(const u8 *msg, const struct tcpvs_http_head *h)
{
	static const struct tcpvs_http_limits wide = {};
	struct tcpvs_http_head g;
	u32 k;

	for (k = 0; k < ARRAY_SIZE(response_ways); k++) {
		const struct tcpvs_http_fwd *f = &response_ways[k];
		struct text want = { .p = test_alloc(2 * h->head_len + 4096) };
		u32 m = TCPVS_M_GET;
		u8 *out;

		expect_response(&want, msg, h, f);
		out = build_checked(tcpvs_http_build_response, msg, h, f,
				    &want);
		if (!out || want.len > TCPVS_HTTP_HEAD_MAX ||
		    h->nhdr + 6 > TCPVS_HTTP_HDR_MAX)
			goto next;
		CHECK_MSG(tcpvs_http_parse_response(&g, out, want.len, &wide) ==
			  (int)want.len, out, want.len);
		CHECK_MSG(g.minor == 1 && g.status == h->status, out, want.len);
		if (f->tunnel)
			goto next;
		CHECK_MSG(tcpvs_http_response_body(&g, m) ==
			  tcpvs_http_response_body(h, m), out, want.len);
		CHECK_MSG(h->status < 200 || h->status == 204 ||
			  g.content_length == h->content_length, out, want.len);
next:
		free(out);
		free(want.p);
	}
}
