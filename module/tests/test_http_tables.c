// SPDX-License-Identifier: GPL-2.0
/*
 * test_http_tables.c - the messages of testdata/http, good and hostile
 *
 * Expected of a message: the way its body is framed (none, length, chunked,
 * close, tunnel) when head and body are complete, with +N when N further
 * bytes follow; "more" when something is missing; or the name of the error.
 * Each message also goes through the properties of http_props.h.
 */
#include "http_props.h"

static const char *const body_names[] = {
	[TCPVS_BODY_NONE] = "none",
	[TCPVS_BODY_LENGTH] = "length",
	[TCPVS_BODY_CHUNKED] = "chunked",
	[TCPVS_BODY_CLOSE] = "close",
	[TCPVS_BODY_TUNNEL] = "tunnel",
};

/* What comes of head and body, as the table writes it. */
static void outcome(char *text, size_t size, const struct test_case *c,
		    const struct tcpvs_http_head *h, int r, int body)
{
	struct tcpvs_http_chunk chunk;
	u64 left;
	s64 n;

	if (r < 0) {
		snprintf(text, size, "%s", tcpvs_http_err_name(r));
		return;
	}
	if (!r) {
		snprintf(text, size, "more");
		return;
	}
	left = c->len - r;
	switch (body) {
	case TCPVS_BODY_LENGTH:
		if (left < h->content_length) {
			snprintf(text, size, "more");
			return;
		}
		left -= h->content_length;
		break;
	case TCPVS_BODY_CHUNKED:
		tcpvs_http_chunk_init(&chunk);
		n = tcpvs_http_chunk(&chunk, c->bytes + r, left);
		if (n < 0) {
			snprintf(text, size, "%s", tcpvs_http_err_name(n));
			return;
		}
		if (!tcpvs_http_chunk_done(&chunk)) {
			snprintf(text, size, "more");
			return;
		}
		left -= n;
		break;
	case TCPVS_BODY_CLOSE:
	case TCPVS_BODY_TUNNEL:
		left = 0;
		break;
	}
	if (left)
		snprintf(text, size, "%s+%llu", body_names[body],
			 (unsigned long long)left);
	else
		snprintf(text, size, "%s", body_names[body]);
}

static u8 method_of(const char *name)
{
	static const char *const names[__TCPVS_M_MAX] = {
		[TCPVS_M_GET] = "GET", [TCPVS_M_HEAD] = "HEAD",
		[TCPVS_M_POST] = "POST", [TCPVS_M_CONNECT] = "CONNECT",
	};
	u8 m;

	for (m = 0; m < __TCPVS_M_MAX; m++)
		if (names[m] && !strcmp(names[m], name))
			return m;
	fprintf(stderr, "method %s is not known to the test\n", name);
	exit(1);
}

/* The head of the table's line says which limits hold; these are the tests'. */
static const struct tcpvs_http_limits limits = {
	.head_max = 16384,
	.headers_max = 100,
	.target_max = 8192,
};

static u32 run(const char *dir, const char *file, bool response)
{
	char path[4096], text[64];
	struct tcpvs_http_head h;
	struct test_case *cases;
	u32 n, i;
	int r, body;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	n = test_table(path, response, &cases);
	for (i = 0; i < n; i++) {
		const struct test_case *c = &cases[i];

		test_what = c->name;
		if (response) {
			r = tcpvs_http_parse_response(&h, c->bytes, c->len,
						      &limits);
			body = r > 0 ? tcpvs_http_response_body(&h,
						method_of(c->option)) : 0;
		} else {
			r = tcpvs_http_parse_request(&h, c->bytes, c->len,
						     &limits);
			body = r > 0 ? tcpvs_http_request_body(&h) : 0;
		}
		outcome(text, sizeof(text), c, &h, r, body);
		if (!CHECK_MSG(!strcmp(text, c->expect), c->bytes, c->len))
			printf("  expected %s, got %s\n", c->expect, text);
		if (response)
			props_response(c->bytes, c->len, &limits);
		else
			props_request(c->bytes, c->len, &limits);
		if (r > 0 && body == TCPVS_BODY_CHUNKED)
			props_chunk(c->bytes + r, c->len - r);
	}
	test_table_free(cases, n);
	return n;
}

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : "../../testdata/http";
	u32 n;

	n = run(dir, "requests.tsv", false);
	n += run(dir, "hostile/requests.tsv", false);
	n += run(dir, "responses.tsv", true);
	n += run(dir, "hostile/responses.tsv", true);
	printf("http tables: %u messages\n", n);
	return test_summary("http tables");
}
