// SPDX-License-Identifier: GPL-2.0
/*
 * test_http_seeds.c - writes the tables' messages as seeds for a fuzzer
 *
 * Arguments: testdata/http, name of the fuzzer, directory to fill.
 */
#include "http_props.h"

static u32 seeds(const char *data, const char *file, bool response,
		 const char *dir, bool bodies)
{
	struct test_case *cases;
	char path[4096];
	u32 n, i, k;

	snprintf(path, sizeof(path), "%s/%s", data, file);
	n = test_table(path, response, &cases);
	for (i = 0; i < n; i++) {
		const u8 *p = cases[i].bytes;
		u32 len = cases[i].len;
		FILE *f;

		for (k = 0; bodies && k + 4 <= len; k++)
			if (!memcmp(p + k, "\r\n\r\n", 4))
				break;
		k = bodies ? min(k + 4, len) : 0;
		if (k == len || len - k > 4096)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, cases[i].name);
		f = fopen(path, "w");
		if (!f || fwrite(p + k, len - k, 1, f) != 1 || fclose(f)) {
			perror(path);
			exit(1);
		}
	}
	test_table_free(cases, n);
	return n;
}

int main(int argc, char **argv)
{
	bool response, chunk;

	if (argc != 4) {
		fprintf(stderr, "usage: %s DATA FUZZER DIRECTORY\n", argv[0]);
		return 2;
	}
	response = strstr(argv[2], "response");
	chunk = strstr(argv[2], "chunk");
	seeds(argv[1], response ? "responses.tsv" : "requests.tsv", response,
	      argv[3], chunk);
	seeds(argv[1], response ? "hostile/responses.tsv" :
				  "hostile/requests.tsv", response,
	      argv[3], chunk);
	return 0;
}
