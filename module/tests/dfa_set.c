// SPDX-License-Identifier: GPL-2.0
/*
 * dfa_set.c - reading testdata/rules/automata.tsv
 *
 * Lines of tab-separated columns, the first of which says what it is; README.md
 * beside the file tells.  A file that is not so ends the program: what it was
 * to test would not have been tested.
 */
#include "dfa_set.h"

void dfa_must(bool good, const char *path, u32 line, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s:%u: %s\n", path, line, what);
	exit(1);
}

u32 dfa_unescape(char *text)
{
	char *to = text, *from = text;
	unsigned int v;

	while (*from) {
		if (from[0] == '\\' && from[1] == 'x' &&
		    sscanf(from + 2, "%2x", &v) == 1) {
			*to++ = v;
			from += 4;
		} else {
			*to++ = *from++;
		}
	}
	*to = 0;
	return to - text;
}

u32 dfa_unhex(const char *text, u8 **bytes)
{
	u32 n = strlen(text) / 2, i;
	unsigned int v;

	*bytes = test_alloc(n);
	for (i = 0; i < n; i++) {
		if (sscanf(text + 2 * i, "%2x", &v) != 1)
			return 0;
		(*bytes)[i] = v;
	}
	return n;
}

static u64 id_bits(char *list)
{
	u64 bits = 0;
	char *id;

	while ((id = strsep(&list, ",")))
		if (strcmp(id, "-"))
			bits |= BIT_ULL(strtoul(id, NULL, 10) & 63);
	return bits;
}

u32 dfa_sets(const char *path, struct dfa_set **sets)
{
	static char text[1 << 20];
	FILE *f = fopen(path, "r");
	struct dfa_set *s = NULL;
	u32 n = 0, line = 0;

	if (!f) {
		perror(path);
		exit(1);
	}
	*sets = NULL;
	while (fgets(text, sizeof(text), f)) {
		char *rest = text, *what, *a, *b;

		line++;
		text[strcspn(text, "\n")] = 0;
		if (!*text || *text == '#')
			continue;
		what = strsep(&rest, "\t");
		a = strsep(&rest, "\t");
		b = strsep(&rest, "\t");
		dfa_must(a && !rest, path, line, "too few columns, or too many");
		if (!strcmp(what, "set")) {
			*sets = realloc(*sets, (n + 1) * sizeof(**sets));
			dfa_must(*sets, path, line, "out of memory");
			s = &(*sets)[n++];
			memset(s, 0, sizeof(*s));
			s->name = strdup(a);
			continue;
		}
		dfa_must(s, path, line, "stands before any set");
		if (!strcmp(what, "expr") && b) {
			dfa_must(s->nexpr < DFA_SET_EXPRS, path, line, "too many");
			s->id[s->nexpr] = strtoul(a, NULL, 10);
			dfa_unescape(b);
			s->expr[s->nexpr++] = strdup(b);
		} else if (!strcmp(what, "blob")) {
			dfa_must(s->nblob < DFA_SET_BLOBS, path, line, "too many");
			s->len[s->nblob] = dfa_unhex(a, &s->blob[s->nblob]);
			dfa_must(s->len[s->nblob++], path, line, "not hexadecimal");
		} else if (!strcmp(what, "input") && b) {
			dfa_must(s->ninput < DFA_SET_INPUTS, path, line, "too many");
			s->want[s->ninput] = id_bits(a);
			s->ilen[s->ninput] = dfa_unescape(b);
			s->input[s->ninput] = test_copy(b, s->ilen[s->ninput]);
			s->ninput++;
		} else {
			dfa_must(false, path, line, "unknown line");
		}
	}
	fclose(f);
	dfa_must(n, path, line, "no set in it");
	return n;
}

void dfa_sets_free(struct dfa_set *sets, u32 n)
{
	while (n--) {
		struct dfa_set *s = &sets[n];

		free(s->name);
		while (s->nexpr)
			free(s->expr[--s->nexpr]);
		while (s->nblob)
			free(s->blob[--s->nblob]);
		while (s->ninput)
			free(s->input[--s->ninput]);
	}
	free(sets);
}
