// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz_route.c - libFuzzer on the properties of route_props.h
 */
#include "route_props.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	test_what = "fuzz";
	props_route(data, size);
	if (test_failures)
		abort();
	return 0;
}
