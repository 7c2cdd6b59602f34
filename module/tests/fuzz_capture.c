// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz_capture.c - libFuzzer on the properties of capture_props.h
 */
#include "capture_props.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	test_what = "fuzz";
	props_capture_input(data, size);
	if (test_failures)
		abort();
	return 0;
}
