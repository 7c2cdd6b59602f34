// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz_proxy.c - libFuzzer on the properties of proxy_props.h
 */
#include "proxy_props.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	test_what = "fuzz";
	props_proxy(data, size);
	if (test_failures)
		abort();
	return 0;
}
