// SPDX-License-Identifier: GPL-2.0
/*
 * test.c - counting, seeded numbers and tables for the user-space tests
 *
 * A table has one message a line: name, [option,] expectation and the message,
 * separated by tabs.  The message is C-escaped: \r \n \t \0 \\ \" \xHH, and
 * \(N*text) stands for N times text.  Lines that begin with '#' are comments.
 */
#include "test.h"

unsigned long test_checks, test_failures;
const char *test_what = "";
u64 test_seed = 1;

void test_fail(const char *file, int line, const char *expr,
	       const u8 *bytes, u32 len)
{
	u32 i;

	if (++test_failures > 50)
		return;
	printf("not ok: %s: %s:%d: %s\n", test_what, file, line, expr);
	if (!bytes)
		return;
	printf("  message of %u bytes: ", len);
	for (i = 0; i < len && i < 1000; i++) {
		if (bytes[i] == '\r')
			printf("\\r");
		else if (bytes[i] == '\n')
			printf("\\n");
		else if (bytes[i] < 0x20 || bytes[i] >= 0x7f ||
			 bytes[i] == '\\')
			printf("\\x%02x", bytes[i]);
		else
			putchar(bytes[i]);
	}
	printf("\n");
}

int test_summary(const char *name)
{
	printf("%s: %lu checks, %lu failed\n", name, test_checks,
	       test_failures);
	return test_failures != 0;
}

void *test_alloc(u32 len)
{
	void *p = malloc(len ? len : 1);

	if (!p) {
		fprintf(stderr, "out of memory\n");
		exit(1);
	}
	return p;
}

u8 *test_copy(const void *bytes, u32 len)
{
	u8 *p = test_alloc(len);

	if (len)
		memcpy(p, bytes, len);
	return p;
}

u32 test_rand(u32 below)
{
	test_seed ^= test_seed << 13;
	test_seed ^= test_seed >> 7;
	test_seed ^= test_seed << 17;
	return below ? (u32)((test_seed * 0x2545f4914f6cdd1dULL) >> 33) % below
		     : 0;
}

u32 test_mutate(const struct test_mutation *how, const struct test_case *b,
		u8 *p, u32 len, u32 room, u32 at)
{
	u32 m, from;

	switch (test_rand(4)) {
	case 0:
		if (at < len)
			p[at] = test_rand(256);
		break;
	case 1:
		if (at < len)
			p[at] = how->spice[test_rand(how->nspice)];
		break;
	case 2:
		m = min(1 + test_rand(4), len - at);
		memmove(p + at, p + at + m, len - at - m);
		len -= m;
		break;
	case 3:
		from = test_rand(b->len + 1);
		m = min(b->len - from, test_rand(how->splice));
		m = min(m, room - len);
		memmove(p + at + m, p + at, len - at);
		memcpy(p + at, b->bytes + from, m);
		len += m;
		break;
	}
	return len;
}

static void bad_table(const char *path, u32 line, const char *what)
{
	fprintf(stderr, "%s:%u: %s\n", path, line, what);
	exit(1);
}

struct bytes {
	u8 *p;
	u32 len, room;
};

static void add_byte(struct bytes *b, u8 c)
{
	if (b->len == b->room) {
		b->room = b->room ? 2 * b->room : 256;
		b->p = realloc(b->p, b->room);
		if (!b->p) {
			fprintf(stderr, "out of memory\n");
			exit(1);
		}
	}
	b->p[b->len++] = c;
}

static const char *add_escaped(struct bytes *b, const char *s, const char *stop,
			       const char *path, u32 line)
{
	while (*s && !strchr(stop, *s)) {
		if (*s != '\\') {
			add_byte(b, *s++);
			continue;
		}
		s++;
		switch (*s++) {
		case 'r':
			add_byte(b, '\r');
			break;
		case 'n':
			add_byte(b, '\n');
			break;
		case 't':
			add_byte(b, '\t');
			break;
		case '0':
			add_byte(b, 0);
			break;
		case '\\':
			add_byte(b, '\\');
			break;
		case '"':
			add_byte(b, '"');
			break;
		case 'x': {
			unsigned int v;

			if (sscanf(s, "%2x", &v) != 1)
				bad_table(path, line, "bad \\x");
			add_byte(b, v);
			s += 2;
			break;
		}
		case '(': {
			char *text;
			long n = strtol(s, &text, 10);
			u32 from = b->len, k, piece;

			if (n < 1 || n > 100000 || *text != '*')
				bad_table(path, line, "bad \\(N*text)");
			s = add_escaped(b, text + 1, ")", path, line);
			if (*s++ != ')')
				bad_table(path, line, "no ) after \\(");
			piece = b->len - from;
			while (--n)
				for (k = 0; k < piece; k++)
					add_byte(b, b->p[from + k]);
			break;
		}
		default:
			bad_table(path, line, "unknown escape");
		}
	}
	return s;
}

u32 test_table(const char *path, bool option, struct test_case **cases)
{
	static char text[1 << 16];
	FILE *f = fopen(path, "r");
	u32 n = 0, line = 0;

	if (!f) {
		perror(path);
		exit(1);
	}
	*cases = NULL;
	while (fgets(text, sizeof(text), f)) {
		struct test_case *c;
		struct bytes b = {};
		char *col[4], *p = text;
		int i, want = option ? 4 : 3;

		line++;
		text[strcspn(text, "\n")] = 0;
		if (!*text || *text == '#')
			continue;
		for (i = 0; i < want; i++) {
			p += strspn(p, "\t");
			col[i] = p;
			if (i == want - 1)
				break;
			p += strcspn(p, "\t");
			if (!*p)
				bad_table(path, line, "too few columns");
			*p++ = 0;
		}
		add_escaped(&b, col[want - 1], "", path, line);
		*cases = realloc(*cases, (n + 1) * sizeof(**cases));
		if (!*cases)
			exit(1);
		c = &(*cases)[n++];
		c->name = strdup(col[0]);
		c->option = strdup(option ? col[1] : "");
		c->expect = strdup(col[want - 2]);
		c->bytes = test_copy(b.p, b.len);
		c->len = b.len;
		free(b.p);
	}
	fclose(f);
	if (!n)
		bad_table(path, line, "no case in it");
	return n;
}

void test_table_free(struct test_case *cases, u32 n)
{
	while (n--) {
		free(cases[n].name);
		free(cases[n].option);
		free(cases[n].expect);
		free(cases[n].bytes);
	}
	free(cases);
}
