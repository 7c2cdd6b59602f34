// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz_http_request.c - libFuzzer on the properties of http_props.h
 */
#include "http_props.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	test_what = "fuzz";
	/* The same input must take the same way again. */
	test_seed = 1;
	props_prefixes = 16;
	props_request(data, size, &props_limits);
	if (test_failures)
		abort();
	return 0;
}
