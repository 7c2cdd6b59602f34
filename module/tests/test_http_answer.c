// SPDX-License-Identifier: GPL-2.0
/*
 * test_http_answer.c - redirects and fixed answers, byte by byte
 *
 * Every answer is read by our own parser too, and written into room that is one
 * byte short: nothing may be written past it.
 */
#include "http_props.h"

#define ROOM	(TCPVS_HTTP_FIXED_MAX + TCPVS_HTTP_ANSWER_MAX)

static struct tcpvs_http_head h;

/* Where a redirect of @location goes for @request. */
static void redirect(const char *request, const char *location, const char *want)
{
	u8 out[ROOM], small[ROOM];
	char text[ROOM];
	int n, m;

	test_what = location;
	if (!CHECK(tcpvs_http_parse_request(&h, (const u8 *)request, strlen(request),
					    &props_limits) > 0))
		return;
	CHECK(tcpvs_http_location((const u8 *)location, strlen(location)) < 0);
	n = tcpvs_http_redirect(out, sizeof(out), (const u8 *)request, &h, 308,
				(const u8 *)location, strlen(location), false);
	m = snprintf(text, sizeof(text),
		     "HTTP/1.1 308 Permanent Redirect\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
		     want);
	if (!CHECK_MSG(n == m && !memcmp(out, text, n), out, n > 0 ? n : 0))
		return;
	memset(small, 0x5a, sizeof(small));
	CHECK(tcpvs_http_redirect(small, n - 1, (const u8 *)request, &h, 308,
				  (const u8 *)location, strlen(location),
				  false) == -TCPVS_HE_HEAD_TOO_LARGE);
	CHECK(small[n - 1] == 0x5a);
	CHECK(tcpvs_http_redirect(out, sizeof(out), (const u8 *)request, &h, 301,
				  (const u8 *)location, strlen(location),
				  true) > 0);
	CHECK(tcpvs_http_parse_response(&h, out, sizeof(out), &props_limits) > 0);
	CHECK(h.status == 301 && h.flags & TCPVS_HF_CLOSE && !h.content_length);
}

static void redirects(void)
{
	static const char get[] = "GET /a/b?c=d HTTP/1.1\r\nHost: WWW.Example.com.:81\r\n\r\n";
	static const char bare[] = "GET /? HTTP/1.1\r\nHost: [2001:DB8::1]\r\n\r\n";

	redirect(get, "https://$host$path$query", "https://www.example.com/a/b?c=d");
	redirect(get, "/x", "/x");
	redirect(get, "$$$path$$", "$/a/b$");
	redirect(get, "$scheme://$host:82/", "http://www.example.com:82/");
	redirect(get, "$path$path", "/a/b/a/b");
	redirect(bare, "https://$host$path$query", "https://[2001:db8::1]/?");
	redirect("GET / HTTP/1.0\r\n\r\n", "//$host$path$query", "///");
	redirect("GET http://Other HTTP/1.1\r\nHost: a\r\n\r\n", "$host$path", "other/");
	redirect("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "/$path", "/*");
}

static void locations(void)
{
	static const struct {
		const char *text;
		int at;
	} bad[] = {
		{ " ", 0 }, { "/a b", 2 }, { "/\r\n", 1 }, { "/\x7f", 1 },
		{ "/\xc3\xa9", 1 }, { "$", 0 }, { "/$", 1 }, { "/$$$", 3 },
		{ "$hos", 0 }, { "$hosts", 0 }, { "/$Host", 1 }, { "/${host}", 1 },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		test_what = bad[i].text;
		CHECK(tcpvs_http_location((const u8 *)bad[i].text,
					  strlen(bad[i].text)) == bad[i].at);
	}
}

static void fixed(void)
{
	static u8 body[TCPVS_HTTP_FIXED_MAX];
	u8 out[ROOM + 1];
	u32 status, k, len;
	int n, r;

	memset(body, 'x', sizeof(body));
	for (status = 200; status < 600; status++) {
		for (k = 0; k < 8; k++) {
			bool close = k & 1, head_only = k & 2;
			bool none = status == 204 || status == 205 || status == 304;

			test_what = "fixed";
			len = k & 4 && !none ? sizeof(body) : 0;
			out[ROOM] = 0x5a;
			n = tcpvs_http_fixed(out, ROOM, status, body, len, close,
					     head_only);
			if (!CHECK(n > 0 && out[ROOM] == 0x5a))
				continue;
			r = tcpvs_http_parse_response(&h, out, n, &props_limits);
			CHECK_MSG(r > 0 && h.status == status, out, n);
			CHECK_MSG(!(h.flags & TCPVS_HF_CLOSE) == !close, out, n);
			CHECK_MSG(r + (head_only ? 0 : (int)len) == n, out, n);
			CHECK_MSG(!(h.flags & TCPVS_HF_LENGTH) ==
				  (status == 204 || status == 304), out, n);
			if (h.flags & TCPVS_HF_LENGTH)
				CHECK_MSG(h.content_length == len, out, n);
			CHECK(tcpvs_http_fixed(out, n - 1, status, body, len, close,
					       head_only) == -TCPVS_HE_HEAD_TOO_LARGE);
		}
	}
}

int main(void)
{
	redirects();
	locations();
	fixed();
	return test_summary("http answers");
}
