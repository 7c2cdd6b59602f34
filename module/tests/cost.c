// SPDX-License-Identifier: GPL-2.0
/*
 * cost.c - runs a parser over one head of a table
 *
 *	cost_PARSER TABLE NAME lines		print the lines found
 *	cost_PARSER TABLE NAME count ROUNDS	parse, for an instruction counter
 *	cost_PARSER TABLE NAME time ROUNDS	print ns a head, the least of 9 runs
 */
#include <time.h>
#include "cost.h"

static const struct test_case *find(const char *table, const char *name)
{
	struct test_case *cases;
	u32 n = test_table(table, false, &cases), i;

	for (i = 0; i < n; i++)
		if (!strcmp(cases[i].name, name))
			return &cases[i];
	fprintf(stderr, "%s: no message %s\n", table, name);
	exit(1);
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void rounds(const struct test_case *c, unsigned long n)
{
	while (n--) {
		if (!cost_parse(c->bytes, c->len)) {
			fprintf(stderr, "%s is refused\n", c->name);
			exit(1);
		}
	}
}

static void print_lines(const struct test_case *c)
{
	static struct cost_line line[COST_LINES];
	u32 n = cost_parse(c->bytes, c->len), i;

	cost_lines(c->bytes, line);
	printf("%u bytes, %u lines\n", c->len, n);
	for (i = 0; i < n; i++)
		printf("%ld+%u %ld+%u\n", line[i].name - c->bytes, line[i].nlen,
		       line[i].value - c->bytes, line[i].vlen);
}

static void print_time(const struct test_case *c, unsigned long n)
{
	double best = 1e18, start;
	u32 i;

	for (i = 0; i < 9; i++) {
		start = now_ns();
		rounds(c, n);
		best = min(best, (now_ns() - start) / n);
	}
	printf("%.0f\n", best);
}

int main(int argc, char **argv)
{
	const struct test_case *c;

	if (argc < 4 || (strcmp(argv[3], "lines") && argc < 5)) {
		fprintf(stderr, "usage: %s TABLE NAME lines|count ROUNDS|time ROUNDS\n",
			argv[0]);
		return 2;
	}
	c = find(argv[1], argv[2]);
	if (!strcmp(argv[3], "lines"))
		print_lines(c);
	else if (!strcmp(argv[3], "count"))
		rounds(c, strtoul(argv[4], NULL, 10));
	else
		print_time(c, strtoul(argv[4], NULL, 10));
	return 0;
}
