// SPDX-License-Identifier: GPL-2.0
/*
 * test_http_cookie.c - a cookie of ours found, taken out, written and read
 *
 * That a rewritten head is right whatever else it holds is with the properties of
 * http_props_fwd.c; here are the cases somebody might argue about.
 */
#include "http_props.h"

static struct tcpvs_http_head h;

static u32 parse(const char *request)
{
	int n = tcpvs_http_parse_request(&h, (const u8 *)request,
					 strlen(request), &props_limits);

	return CHECK(n == (int)strlen(request)) ? n : 0;
}

/*
 * A request with these lines: the values of the cookie SID, with | behind each,
 * and the lines without it.
 */
static void strip(const char *lines, const char *values, const char *want)
{
	static const struct tcpvs_http_fwd f = { .strip = "SID", .strip_len = 3 };
	char request[512], text[512], found[256] = "";
	struct tcpvs_http_span v[4];
	u8 out[2048];
	u32 i, n;
	int r;

	test_what = lines;
	snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n",
		 lines);
	if (!parse(request))
		return;
	n = tcpvs_http_cookie_find(&h, (const u8 *)request, "SID", 3, v,
				   ARRAY_SIZE(v));
	for (i = 0; i < n && i < ARRAY_SIZE(v); i++) {
		strncat(found, request + v[i].off, v[i].len);
		strcat(found, "|");
	}
	CHECK_MSG(!strcmp(found, values), (u8 *)found, strlen(found));
	r = tcpvs_http_build_request(out, sizeof(out), (const u8 *)request, &h, &f);
	n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", want);
	CHECK_MSG(r == (int)n && !memcmp(out, text, n), out, r > 0 ? r : 0);
}

static void strips(void)
{
	strip("", "", "");
	strip("Cookie: a=1\r\n", "", "Cookie: a=1\r\n");
	strip("Cookie: SID=x\r\n", "x|", "");
	strip("Cookie:SID=\r\n", "|", "");
	strip("Cookie: SID=x; a=1\r\n", "x|", "Cookie: a=1\r\n");
	strip("Cookie: a=1; SID=x\r\n", "x|", "Cookie: a=1\r\n");
	strip("Cookie: a=1; SID=x; b=2\r\n", "x|", "Cookie: a=1; b=2\r\n");
	strip("cOOKIE:  a=1;b=2;SID=x;c\r\n", "x|", "cOOKIE:  a=1;b=2;c\r\n");
	/* What is not of us keeps its form, odd as it is. */
	strip("Cookie: a=1 ;;  b ; SID=x ;;d=\"e\"\r\n", "x|",
	      "Cookie: a=1 ;;  b ;;d=\"e\"\r\n");
	strip("Cookie: ; SID=x;\r\n", "x|", "");
	strip("Cookie: SID=x=y; SID=z;a=SID=w\r\n", "x=y|z|", "Cookie: a=SID=w\r\n");
	/* Names have case, and are whole. */
	strip("Cookie: sid=x; SID; SIDE=1; ASID=2; SID =3\r\n", "",
	      "Cookie: sid=x; SID; SIDE=1; ASID=2; SID =3\r\n");
	/* Every line; the order of the others stays. */
	strip("Cookie: SID=x; a=1\r\nX: SID=n\r\nCookie: SID=y\r\nCookie: b=2\r\n",
	      "x|y|", "Cookie: a=1\r\nX: SID=n\r\nCookie: b=2\r\n");
	strip("Set-Cookie: SID=x\r\nCookie2: SID=y\r\n", "",
	      "Set-Cookie: SID=x\r\nCookie2: SID=y\r\n");
	strip("Cookie: SID=1; SID=2; SID=3; SID=4; SID=5\r\n", "1|2|3|4|", "");
}

static bool attributes(const char *s)
{
	test_what = s;
	return tcpvs_http_cookie_attributes((const u8 *)s, strlen(s));
}

static bool path(const char *s)
{
	test_what = s;
	return tcpvs_http_cookie_path((const u8 *)s, strlen(s));
}

static bool name(const char *s)
{
	test_what = s;
	return tcpvs_http_cookie_name((const u8 *)s, strlen(s));
}

static void texts(void)
{
	CHECK(name("KTCPVS_SID") && name("__Host-a") && name("a"));
	CHECK(!name("") && !name("a b") && !name("a=b") && !name("a;b"));
	CHECK(!name("a\r") && !name("\xc3\xa4"));
	CHECK(path("/") && path("/a b/c%20=?"));
	CHECK(!path("") && !path("a") && !path("/a;Secure") && !path("/\n"));
	CHECK(!path("/a\"b") && !path("/a\\") && !path("/a ") && !path("/\x7f"));
	CHECK(attributes("") && attributes("HttpOnly"));
	CHECK(attributes("HttpOnly; Secure;SameSite=Lax ; Domain=a.example"));
	CHECK(!attributes(";") && !attributes("; Secure") && !attributes("Secure;"));
	CHECK(!attributes("Secure;;HttpOnly") && !attributes("=x"));
	CHECK(!attributes("Secure\r\nX: y") && !attributes("Secure\nX: y"));
	CHECK(!attributes("a b") && !attributes("Domain =x") && !attributes(" Secure"));
	CHECK(!attributes("a=b, c=d") && !attributes("a=\"b\"") && !attributes("\t"));
	CHECK(!attributes("Path=/") && !attributes("Secure; pATH"));
	CHECK(!attributes("Max-Age=1") && !attributes("expires=x"));
	CHECK(attributes("Pathology=1"));
}

static void tokens(void)
{
	u8 token[TCPVS_COOKIE_TOKEN], again[TCPVS_COOKIE_TOKEN];
	u8 *value;
	u32 i, k, c;

	test_what = "tokens";
	memset(token, 0, sizeof(token));
	token[0] = 0x14;
	token[1] = 0xfb;
	token[2] = 0x9c;
	token[29] = 0xff;
	value = test_alloc(TCPVS_COOKIE_VALUE);
	tcpvs_http_cookie_encode(value, token);
	CHECK_MSG(!memcmp(value, "FPucAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAD_",
			  TCPVS_COOKIE_VALUE), value, TCPVS_COOKIE_VALUE);
	for (i = 0; i < 1000; i++) {
		for (k = 0; k < sizeof(token); k++)
			token[k] = test_rand(256);
		tcpvs_http_cookie_encode(value, token);
		CHECK(tcpvs_http_cookie_name(value, TCPVS_COOKIE_VALUE));
		CHECK(tcpvs_http_cookie_decode(again, value, TCPVS_COOKIE_VALUE) &&
		      !memcmp(token, again, sizeof(token)));
		/* Any other byte anywhere: another token, or none. */
		k = test_rand(TCPVS_COOKIE_VALUE);
		c = value[k];
		value[k] = test_rand(256);
		if (value[k] != c &&
		    tcpvs_http_cookie_decode(again, value, TCPVS_COOKIE_VALUE))
			CHECK(memcmp(token, again, sizeof(token)));
		value[k] = "+/=.\" \xff"[i % 8];
		CHECK(!tcpvs_http_cookie_decode(again, value, TCPVS_COOKIE_VALUE));
		value[k] = c;
	}
	CHECK(!tcpvs_http_cookie_decode(again, value, TCPVS_COOKIE_VALUE - 1));
	CHECK(!tcpvs_http_cookie_decode(again, value, TCPVS_COOKIE_VALUE + 1));
	CHECK(!tcpvs_http_cookie_decode(again, value, 0));
	free(value);
}

int main(void)
{
	strips();
	texts();
	tokens();
	return test_summary("cookies");
}
