// SPDX-License-Identifier: GPL-2.0
/*
 * corpus_files.c - the fuzzers' corpus, from files in a directory to a table and back
 *
 * The corpus is kept as one table a fuzzer, testdata/fuzz/TARGET.tsv, in the
 * form of the other tables: it can be read, and differences of it too.
 *
 *	corpus_files unpack DIR [-o] FILE...	a file for every message of the tables;
 *					-o: with a column of options (responses)
 *	corpus_files bodies DIR [-o] FILE...	the same with what follows the heads
 *	corpus_files pack DIR			a table of the files, in order of names
 */
#include <dirent.h>
#include "test.h"

/* Longer messages are in the tables for one check and no seed. */
#define SEED_MAX	4096

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void unpack(const char *dir, const char *file, bool option, bool bodies)
{
	struct test_case *cases;
	char path[4096];
	u32 n, i, k;

	n = test_table(file, option, &cases);
	for (i = 0; i < n; i++) {
		const u8 *p = cases[i].bytes;
		u32 len = cases[i].len;
		FILE *f;

		for (k = 0; bodies && k + 4 <= len; k++)
			if (!memcmp(p + k, "\r\n\r\n", 4))
				break;
		k = bodies ? min(k + 4, len) : 0;
		if (k == len || len - k > SEED_MAX)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, cases[i].name);
		f = fopen(path, "w");
		if (!f || fwrite(p + k, len - k, 1, f) != 1 || fclose(f))
			fail(path);
	}
	test_table_free(cases, n);
}

static void print_escaped(const u8 *p, u32 len)
{
	u32 i;

	for (i = 0; i < len; i++) {
		switch (p[i]) {
		case '\r':
			fputs("\\r", stdout);
			break;
		case '\n':
			fputs("\\n", stdout);
			break;
		case '\\':
			fputs("\\\\", stdout);
			break;
		default:
			/* A space in front could be taken for a column's. */
			if (p[i] < ' ' || p[i] >= 0x7f || (p[i] == ' ' && !i))
				printf("\\x%02x", p[i]);
			else
				putchar(p[i]);
		}
	}
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static void pack(const char *dir)
{
	u8 *bytes = test_alloc(SEED_MAX);
	struct dirent **names;
	int n, i;

	n = scandir(dir, &names, visible, alphasort);
	if (n < 0)
		fail(dir);
	for (i = 0; i < n; i++) {
		char path[4096];
		size_t len;
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		f = fopen(path, "r");
		if (!f)
			fail(path);
		len = fread(bytes, 1, SEED_MAX, f);
		if (ferror(f) || fclose(f))
			fail(path);
		printf("%.12s\t-\t", names[i]->d_name);
		print_escaped(bytes, len);
		putchar('\n');
		free(names[i]);
	}
	free(names);
	free(bytes);
}

int main(int argc, char **argv)
{
	bool option = false;
	int i;

	if (argc == 3 && !strcmp(argv[1], "pack")) {
		pack(argv[2]);
		return fflush(stdout) ? 1 : 0;
	}
	if (argc < 4 || (strcmp(argv[1], "unpack") &&
			 strcmp(argv[1], "bodies"))) {
		fprintf(stderr, "usage: corpus_files unpack|bodies DIR [-o] FILE...\n"
				"       corpus_files pack DIR\n");
		return 2;
	}
	for (i = 3; i < argc; i++) {
		if (!strcmp(argv[i], "-o"))
			option = true;
		else
			unpack(argv[2], argv[i], option,
			       !strcmp(argv[1], "bodies"));
	}
	return 0;
}
