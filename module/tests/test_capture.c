// SPDX-License-Identifier: GPL-2.0
/*
 * test_capture.c - capture tables: the committed ones on their inputs, and all
 * that is wrong with one
 */
#include "capture_props.h"
#include "dfa_set.h"

static u32 tables, inputs;

/* Every entry beyond its bound is seen, whichever it is. */
static void refusals(const u8 *blob, u32 len)
{
	struct tcpvs_capture_header h;
	struct tcpvs_capture c;
	u32 at, back, n;
	u16 e, bad;
	u8 *copy;

	memcpy(&h, blob, sizeof(h));
	back = h.nstates * h.nclasses;
	n = back + h.nstates * h.nnodes;
	copy = test_copy(blob, len);
	for (at = 0; at < n; at++) {
		memcpy(&e, copy + sizeof(h) + 2 * at, 2);
		bad = at < back ? h.nstates : h.nnodes;
		memcpy(copy + sizeof(h) + 2 * at, &bad, 2);
		CHECK(!props_capture_verify(&c, copy, len, 1 + test_rand(50)));
		memcpy(copy + sizeof(h) + 2 * at, &e, 2);
	}
	for (at = 0; at < 256; at++) {
		u8 was = copy[28 + at];

		if (h.nclasses == 256)
			break;
		copy[28 + at] = h.nclasses;
		CHECK(!props_capture_verify(&c, copy, len, 1000));
		copy[28 + at] = was;
	}
	for (at = 0; at < 28; at += 4) {
		u32 was, v;

		memcpy(&was, copy + at, 4);
		v = at == 20 ? h.nstates : was + 1;
		memcpy(copy + at, &v, 4);
		CHECK(!props_capture_verify(&c, copy, len, 1000));
		v = ~0U;
		memcpy(copy + at, &v, 4);
		CHECK(!props_capture_verify(&c, copy, len, 1000));
		memcpy(copy + at, &was, 4);
	}
	CHECK(props_capture_verify(&c, copy, len, 1));
	free(copy);
	for (at = 0; at < len; at += 1 + test_rand(9)) {
		copy = test_copy(blob, at);
		CHECK(!props_capture_verify(&c, copy, at, 1000));
		free(copy);
	}
}

static void committed(const char *path)
{
	static char line[1 << 20];
	struct tcpvs_capture c = {};
	FILE *f = fopen(path, "r");
	u8 *blob = NULL;
	u32 number = 0;

	dfa_must(f, path, 0, "cannot be read");
	while (fgets(line, sizeof(line), f)) {
		char *rest = line, *what, *a, *b, *d;
		long from = -1, to = -1;
		u32 len, x, y;
		u8 *text;

		number++;
		line[strcspn(line, "\n")] = 0;
		if (!*line || *line == '#')
			continue;
		what = strsep(&rest, "\t");
		a = strsep(&rest, "\t");
		b = strsep(&rest, "\t");
		d = strsep(&rest, "\t");
		dfa_must(d, path, number, "columns are missing");
		if (!strcmp(what, "table")) {
			free(blob);
			len = dfa_unhex(d, &blob);
			test_what = "a table of the file";
			dfa_must(props_capture_verify(&c, blob, len, 100), path,
				 number, "it is wrong");
			refusals(blob, len);
			tables++;
			continue;
		}
		dfa_must(blob && !strcmp(what, "input"), path, number, what);
		len = dfa_unescape(a);
		text = test_copy(a, len);
		if (props_capture_run(&c, text, len, &x, &y)) {
			from = x;
			to = y;
		}
		CHECK_MSG(from == atol(b) && to == atol(d), text, len);
		free(text);
		inputs++;
	}
	free(blob);
	fclose(f);
}

int main(int argc, char **argv)
{
	u8 bytes[600];
	u32 i, k, n;

	dfa_must(argc == 2, "test_capture", 0, "it takes captures.tsv");
	committed(argv[1]);
	printf("captures: %u tables, %u inputs\n", tables, inputs);
	CHECK(tables > 10 && inputs > 150);
	test_what = "random tables";
	for (i = 0; i < 20000; i++) {
		n = test_rand(sizeof(bytes));
		for (k = 0; k < n; k++)
			bytes[k] = test_rand(256);
		props_capture_input(bytes, n);
	}
	return test_summary("captures");
}
