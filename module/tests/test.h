/* SPDX-License-Identifier: GPL-2.0 */
/*
 * test.h - the little that the user-space tests share
 *
 * A test program runs its cases, prints what fails and one line of summary,
 * and returns 1 when anything failed.  Buffers under test come from
 * test_copy(), which allocates exactly their size, so that the address
 * sanitizer sees a read of one byte too many.
 */
#ifndef TCPVS_TEST_H
#define TCPVS_TEST_H

#include <stdio.h>
#include <stdlib.h>
#include "../pure.h"

extern unsigned long test_checks, test_failures;

/* What is being tested, printed with a failure. */
extern const char *test_what;

void test_fail(const char *file, int line, const char *expr,
	       const u8 *bytes, u32 len);
int test_summary(const char *name);

/* Check that is counted; a failure goes on with the next one. */
#define CHECK(cond)							\
	(test_checks++,							\
	 (cond) ? true : (test_fail(__FILE__, __LINE__, #cond, NULL, 0), false))
/* The same, and shows the message at fault. */
#define CHECK_MSG(cond, bytes, len)					\
	(test_checks++,							\
	 (cond) ? true :						\
	 (test_fail(__FILE__, __LINE__, #cond, bytes, len), false))

u8 *test_copy(const void *bytes, u32 len);
void *test_alloc(u32 len);

/* A seeded generator: the same numbers on every machine. */
extern u64 test_seed;
u32 test_rand(u32 below);

/**
 * struct test_case - one line of a table in testdata/http
 * @name: for messages
 * @option: second column: method of the request that a response answers
 * @expect: what must come of it
 * @bytes: the message, escapes resolved
 * @len: its length
 */
struct test_case {
	char *name;
	char *option;
	char *expect;
	u8 *bytes;
	u32 len;
};

/* Reads a table of tab-separated columns; exits when it cannot. */
u32 test_table(const char *path, bool option, struct test_case **cases);
void test_table_free(struct test_case *cases, u32 n);

/**
 * struct test_mutation - how a message of a binary or short format is changed
 * @spice: bytes that mean something in the format
 * @nspice: their number
 * @splice: fewer bytes than this are taken from another message
 */
struct test_mutation {
	const u8 *spice;
	u32 nspice;
	u32 splice;
};

/* One change at @at, with @b to take from; returns the new length, at most @room. */
u32 test_mutate(const struct test_mutation *how, const struct test_case *b,
		u8 *p, u32 len, u32 room, u32 at);

#endif /* TCPVS_TEST_H */
