// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz_tls_hello.c - libFuzzer on the properties of tls_props.h
 */
#include "tls_props.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	test_what = "fuzz";
	test_seed = 1 + size;
	tls_prefixes = 8;
	props_tls(data, size);
	if (test_failures)
		abort();
	return 0;
}
