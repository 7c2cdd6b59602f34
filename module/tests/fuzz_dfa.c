// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz_dfa.c - libFuzzer on the properties of dfa_props.h
 */
#include "dfa_props.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	test_what = "fuzz";
	props_dfa_input(data, size);
	if (test_failures)
		abort();
	return 0;
}
