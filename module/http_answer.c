// SPDX-License-Identifier: GPL-2.0
/*
 * http_answer.c - answers of our own: errors, redirects and fixed texts
 *
 * What comes from a request into an answer went through the parser before: no
 * path, query or host has a byte that could end a line.
 *
 * Pure: any context, no allocation, no state but the caller's.
 */
#include "http_impl.h"

static const struct {
	u16 status;
	const char *reason;
	const char *text;
} answers[] = {
	{ 500, "Internal Server Error", "The request could not be handled." },
	{ 400, "Bad Request", "The request is malformed." },
	{ 403, "Forbidden", "This is not allowed here." },
	{ 404, "Not Found", "Nothing is served under this address." },
	{ 408, "Request Timeout", "The request did not arrive in time." },
	{ 413, "Content Too Large", "The request body is too large." },
	{ 414, "URI Too Long", "The address requested is too long." },
	{ 421, "Misdirected Request", "This host is not served here." },
	{ 429, "Too Many Requests", "Too many requests; try again later." },
	{ 431, "Request Header Fields Too Large",
	  "The request head is too large." },
	{ 501, "Not Implemented", "The request asks for what is not known." },
	{ 502, "Bad Gateway", "The server gave no valid response." },
	{ 503, "Service Unavailable", "No server can take the request now." },
	{ 504, "Gateway Timeout", "The server did not answer in time." },
	{ 505, "HTTP Version Not Supported", "Only HTTP/1.0 and HTTP/1.1." },
};

static void put_number(struct http_out *o, u32 v)
{
	char digits[10];
	u32 n = sizeof(digits);

	do {
		digits[--n] = '0' + v % 10;
		v /= 10;
	} while (v);
	http_put(o, digits + n, sizeof(digits) - n);
}

/* Reason phrases of the other statuses that a rule may give. */
static const struct {
	u16 status;
	const char *reason;
} others[] = {
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 205, "Reset Content" },
	{ 301, "Moved Permanently" },
	{ 302, "Found" },
	{ 303, "See Other" },
	{ 304, "Not Modified" },
	{ 307, "Temporary Redirect" },
	{ 308, "Permanent Redirect" },
	{ 401, "Unauthorized" },
	{ 402, "Payment Required" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 418, "I'm a teapot" },
	{ 451, "Unavailable For Legal Reasons" },
};

/* A status line without a phrase is complete: RFC 9112 section 4. */
static const char *reason_of(unsigned int status)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(others); i++)
		if (others[i].status == status)
			return others[i].reason;
	for (i = 0; i < ARRAY_SIZE(answers); i++)
		if (answers[i].status == status)
			return answers[i].reason;
	return "";
}

static void put_status(struct http_out *o, unsigned int status)
{
	http_put_lit(o, "HTTP/1.1 ");
	put_number(o, status);
	http_put_lit(o, " ");
	http_put_str(o, reason_of(status));
}

/**
 * tcpvs_http_answer() - an answer of our own
 * @out: where to write
 * @cap: room there; TCPVS_HTTP_ANSWER_MAX always suffices
 * @status: one of the statuses of this file, any other gives 500
 * @close: the connection closes after it
 * @head_only: the request was HEAD
 *
 * Return: bytes written, or -TCPVS_HE_HEAD_TOO_LARGE.
 */
int tcpvs_http_answer(u8 *out, u32 cap, unsigned int status, bool close,
		      bool head_only)
{
	struct http_out o = { .buf = out, .cap = cap };
	u32 i, k = 0;

	for (i = 0; i < ARRAY_SIZE(answers); i++)
		if (answers[i].status == status)
			k = i;

	put_status(&o, answers[k].status);
	http_put_lit(&o, "\r\nContent-Type: text/plain\r\n"
		    "Cache-Control: no-store\r\nContent-Length: ");
	put_number(&o, strlen(answers[k].text) + 1);
	if (close)
		http_put_lit(&o, "\r\nConnection: close");
	http_put_lit(&o, "\r\n\r\n");
	if (!head_only) {
		http_put_str(&o, answers[k].text);
		http_put_lit(&o, "\n");
	}
	return http_out_end(&o);
}

enum { VAR_NONE, VAR_DOLLAR, VAR_HOST, VAR_PATH, VAR_QUERY, VAR_SCHEME };

/* The variable at @p, which begins with a dollar; *@n bytes of it. */
static int variable(const u8 *p, u32 len, u32 *n)
{
	static const struct {
		const char *name;
		int var;
	} names[] = {
		{ "host", VAR_HOST }, { "path", VAR_PATH },
		{ "query", VAR_QUERY }, { "scheme", VAR_SCHEME },
	};
	u32 i, k = 1;

	*n = 2;
	if (len > 1 && p[1] == '$')
		return VAR_DOLLAR;
	while (k < len && p[k] >= 'a' && p[k] <= 'z')
		k++;
	*n = k;
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i].name) == k - 1 &&
		    !memcmp(names[i].name, p + 1, k - 1))
			return names[i].var;
	return VAR_NONE;
}

/**
 * tcpvs_http_location() - look at the text of a redirect
 * @p: the text: a URI in which $host, $path, $query and $scheme are variables
 *	and $$ is a dollar
 * @len: its length
 *
 * Return: -1 if it is in order, or where it is not
 */
int tcpvs_http_location(const u8 *p, u32 len)
{
	u32 i, n;

	for (i = 0; i < len; i += n) {
		n = 1;
		if (p[i] <= ' ' || p[i] >= 0x7f)
			return i;
		if (p[i] == '$' && variable(p + i, len - i, &n) == VAR_NONE)
			return i;
	}
	return -1;
}

/* A host as rules compare it: in lower case, without a trailing dot. */
static void put_host(struct http_out *o, const u8 *p, u32 len)
{
	u32 i;

	if (len && p[len - 1] == '.')
		len--;
	for (i = 0; i < len; i++) {
		u8 c = p[i] >= 'A' && p[i] <= 'Z' ? p[i] | 0x20 : p[i];

		http_put(o, &c, 1);
	}
}

static void put_location(struct http_out *o, const u8 *buf,
			 const struct tcpvs_http_head *h, const u8 *p, u32 len)
{
	u32 i, n;

	/* Past the end of the output nothing more can make it fit. */
	for (i = 0; i < len && o->len <= o->cap; i += n) {
		n = 1;
		if (p[i] != '$') {
			http_put(o, p + i, 1);
			continue;
		}
		switch (variable(p + i, len - i, &n)) {
		case VAR_HOST:
			put_host(o, buf + h->host.off, h->host.len);
			break;
		case VAR_PATH:
			http_put_span(o, buf, h->path);
			break;
		case VAR_QUERY:
			/* With its question mark, so that $path$query is all. */
			if (h->query.off)
				http_put(o, buf + h->query.off - 1, h->query.len + 1);
			break;
		case VAR_SCHEME:
			http_put_lit(o, "http");
			break;
		default:
			http_put_lit(o, "$");
		}
	}
}

/**
 * tcpvs_http_redirect() - send a client elsewhere
 * @out: where to write
 * @cap: room there
 * @buf: the request
 * @h: as parsed
 * @status: of a redirect
 * @location: where to, as tcpvs_http_location() has let it pass
 * @len: its length
 * @close: the connection closes after it
 *
 * Return: bytes written, or -TCPVS_HE_HEAD_TOO_LARGE.
 */
int tcpvs_http_redirect(u8 *out, u32 cap, const u8 *buf,
			const struct tcpvs_http_head *h, unsigned int status,
			const u8 *location, u32 len, bool close)
{
	struct http_out o = { .buf = out, .cap = cap };

	put_status(&o, status);
	http_put_lit(&o, "\r\nLocation: ");
	put_location(&o, buf, h, location, len);
	http_put_lit(&o, "\r\nContent-Length: 0");
	if (close)
		http_put_lit(&o, "\r\nConnection: close");
	http_put_lit(&o, "\r\n\r\n");
	return http_out_end(&o);
}

/**
 * tcpvs_http_fixed() - answer with a text
 * @out: where to write
 * @cap: room there; @len + TCPVS_HTTP_ANSWER_MAX always suffices
 * @status: 200 to 599
 * @body: the text
 * @len: its length; 0 with a status whose responses have no body
 * @close: the connection closes after it
 * @head_only: the request was HEAD
 *
 * Return: bytes written, or -TCPVS_HE_HEAD_TOO_LARGE.
 */
int tcpvs_http_fixed(u8 *out, u32 cap, unsigned int status, const u8 *body,
		     u32 len, bool close, bool head_only)
{
	struct http_out o = { .buf = out, .cap = cap };

	put_status(&o, status);
	if (len)
		http_put_lit(&o, "\r\nContent-Type: text/plain");
	/* Of these two nobody expects one: RFC 9110 section 8.6. */
	if (status != 204 && status != 304) {
		http_put_lit(&o, "\r\nContent-Length: ");
		put_number(&o, len);
	}
	if (close)
		http_put_lit(&o, "\r\nConnection: close");
	http_put_lit(&o, "\r\n\r\n");
	if (!head_only)
		http_put(&o, body, len);
	return http_out_end(&o);
}
