// SPDX-License-Identifier: GPL-2.0
/*
 * cost_llhttp.c - llhttp, for cost.h
 *
 * With the fewest callbacks that yield the spans: a whole head comes as one
 * buffer, so each span comes in one piece. It is set back, not set up anew.
 */
#include <llhttp.h>
#include "cost.h"

static llhttp_t parser;
static struct cost_line lines[COST_LINES], *next;
static const u8 *target;
static u32 target_len;

static int on_url(llhttp_t *p, const char *at, size_t n)
{
	(void)p;
	target = (const u8 *)at;
	target_len = n;
	return 0;
}

static int on_field(llhttp_t *p, const char *at, size_t n)
{
	(void)p;
	next->name = (const u8 *)at;
	next->nlen = n;
	return 0;
}

static int on_value(llhttp_t *p, const char *at, size_t n)
{
	(void)p;
	next->value = (const u8 *)at;
	next->vlen = n;
	next++;
	return 0;
}

u32 cost_parse(const u8 *msg, u32 len)
{
	static const llhttp_settings_t settings = {
		.on_url = on_url,
		.on_header_field = on_field,
		.on_header_value = on_value,
	};

	if (!parser.settings)
		llhttp_init(&parser, HTTP_REQUEST, &settings);
	else
		llhttp_reset(&parser);
	next = lines;
	return llhttp_execute(&parser, (const char *)msg, len) == HPE_OK ?
	       next - lines : 0;
}

void cost_lines(const u8 *msg, struct cost_line *line)
{
	(void)msg;
	memcpy(line, lines, (next - lines) * sizeof(*line));
}
