/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cost.h - one parser over one head, again and again, to be counted and timed
 *
 * cost_ktcpvs and cost_llhttp leave the span of every header name and value;
 * scripts/cost compares what they print of them, and what it took.
 */
#ifndef TCPVS_TESTS_COST_H
#define TCPVS_TESTS_COST_H

#include "../http.h"
#include "test.h"

#define COST_LINES	128

/**
 * struct cost_line - a header line
 * @name: its name
 * @nlen: length of the name
 * @value: its value
 * @vlen: length of the value
 */
struct cost_line {
	const u8 *name;
	u32 nlen;
	const u8 *value;
	u32 vlen;
};

/**
 * cost_parse() - parse a head; of each program
 * @msg: bytes of a request without a body
 * @len: how many
 *
 * Return: header lines, 0 when the head is refused.
 */
u32 cost_parse(const u8 *msg, u32 len);

/**
 * cost_lines() - what the last cost_parse() found, outside of the measurement
 * @msg: bytes of the request
 * @line: COST_LINES of them
 */
void cost_lines(const u8 *msg, struct cost_line *line);

#endif /* TCPVS_TESTS_COST_H */
