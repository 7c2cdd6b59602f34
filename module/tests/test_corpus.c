// SPDX-License-Identifier: GPL-2.0
/*
 * test_corpus.c - what the fuzzers found worth keeping, without a fuzzer
 *
 * Every message of testdata/fuzz goes through the properties that its fuzzer
 * checks, so that an old finding is seen again where there is no clang.
 */
#include "http_props.h"
#include "proxy_props.h"
#include "tls_props.h"
#include "dfa_props.h"
#include "capture_props.h"
#include "route_props.h"

static void request(const u8 *p, u32 len)
{
	props_request(p, len, &props_limits);
}

static void response(const u8 *p, u32 len)
{
	props_response(p, len, &props_limits);
}

static const struct {
	const char *file;
	void (*check)(const u8 *p, u32 len);
} targets[] = {
	{ "http_request.tsv", request },
	{ "http_response.tsv", response },
	{ "http_chunk.tsv", props_chunk },
	{ "proxy.tsv", props_proxy },
	{ "tls_hello.tsv", props_tls },
	{ "dfa.tsv", props_dfa_input },
	{ "capture.tsv", props_capture_input },
	{ "route.tsv", props_route },
};

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : "../../testdata/fuzz";
	u32 t, n, i, total = 0;

	props_prefixes = 16;
	tls_prefixes = 16;
	for (t = 0; t < ARRAY_SIZE(targets); t++) {
		struct test_case *cases;
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", dir, targets[t].file);
		n = test_table(path, false, &cases);
		for (i = 0; i < n; i++) {
			test_what = cases[i].name;
			test_seed = 1;
			targets[t].check(cases[i].bytes, cases[i].len);
		}
		total += n;
		test_table_free(cases, n);
	}
	printf("corpus: %u messages\n", total);
	return test_summary("corpus");
}
