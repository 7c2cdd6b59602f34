// SPDX-License-Identifier: GPL-2.0
/*
 * route_check.c - which matches are refused
 *
 * What no request can meet is a mistake, and what the index could not hold is
 * found here, before anything of the rule is in the table.
 */
#include "http_impl.h"
#include "route_impl.h"

/**
 * tcpvs_route_param() - find the parameter of a template's segment
 * @text: the segment
 * @at: where the parameter begins with its brace, or @len if there is none
 * @len: in: length of the segment; out: bytes of the parameter, braces included
 *
 * Return: false if the braces are not those of one named parameter
 */
bool tcpvs_route_param(const u8 *text, u32 *at, u32 *len)
{
	u32 open = *len, close = *len, i;

	for (i = 0; i < *len; i++) {
		if (text[i] == '{') {
			if (open != *len)
				return false;
			open = i;
		} else if (text[i] == '}') {
			if (open == *len || close != *len)
				return false;
			close = i;
		}
	}
	*at = open;
	if (open == *len) {
		*len = 0;
		return true;
	}
	/* A closing brace, and a name before it. */
	if (close == *len || close == open + 1)
		return false;
	*len = close - open + 1;
	return true;
}

static bool token(const u8 *p, u32 len)
{
	return len && http_skip_class(p, 0, len, CLS_TOKEN) == len;
}

/* An address in brackets, which only a Host line has. */
static bool check_address(const u8 *p, u32 len)
{
	u32 i;

	for (i = 1; i < len - 1; i++)
		if (p[i] != ':' && p[i] != '.' &&
		    !(tcpvs_http_class[p[i]] & CLS_HEX))
			return false;
	return len > 2 && p[len - 1] == ']';
}

static bool check_name(const u8 *p, u32 len, bool address)
{
	u32 i, label = 0;

	if (len && address && p[0] == '[')
		return len <= TCPVS_ROUTE_HOST_MAX && check_address(p, len);
	if (len >= 2 && p[0] == '*' && p[1] == '.') {
		p += 2;
		len -= 2;
	}
	if (len && p[len - 1] == '.')
		len--;
	if (len > TCPVS_ROUTE_HOST_MAX)
		return false;
	for (i = 0; i < len; i++) {
		u8 c = route_lower(p[i]);

		if (c == '.') {
			if (!label)
				return false;
			label = 0;
			continue;
		}
		if (++label > 63 || ((c < 'a' || c > 'z') && (c < '0' || c > '9') &&
				     c != '-' && c != '_'))
			return false;
	}
	return label;
}

#define ONES	0x0101010101010101ULL

/* The top bit of some byte is set if one of the eight cannot be in a path. */
static __always_inline u64 stray(u64 x)
{
	u64 question = x ^ ONES * '?', hash = x ^ ONES * '#';

	/* Beyond ASCII, DEL, up to a space, and the two that end a path. */
	return (x | (x + ONES) | ((x - ONES * ('!')) & ~x) |
		((question - ONES) & ~question) | ((hash - ONES) & ~hash)) &
	       ONES << 7;
}

/*
 * What a path of a request can have; the parser refuses the rest. A table of a
 * hundred thousand rules is long, so this looks at eight bytes at once.
 */
static bool path_bytes(const u8 *p, u32 len)
{
	u32 i;

	if (!len || p[0] != '/')
		return false;
	for (i = 0; i + 8 <= len; i += 8)
		if (stray(get_unaligned_le64(p + i)))
			return false;
	for (; i < len; i++)
		if (p[i] <= ' ' || p[i] >= 0x7f || p[i] == '?' || p[i] == '#')
			return false;
	return true;
}

static int check_template(const u8 *p, u32 len)
{
	u32 i, from, at, n;

	if (!path_bytes(p, len))
		return -TCPVS_RE_TEMPLATE;
	for (from = 1; from <= len; from = i + 1) {
		for (i = from; i < len && p[i] != '/'; i++)
			;
		n = i - from;
		if (!tcpvs_route_param(p + from, &at, &n))
			return -TCPVS_RE_TEMPLATE;
	}
	return 0;
}

static int check_regex(const struct tcpvs_route_build *b,
		       const struct tcpvs_route_match *m, u8 input)
{
	const struct route_cond *c;
	const struct route_dfa *d;

	if (m->dfa >= b->ndfa)
		return -TCPVS_RE_REGEX;
	d = &b->dfa[m->dfa];
	if (d->input != input || m->id >= d->dfa.nmatches)
		return -TCPVS_RE_REGEX;
	/* In ascending order, the first that an automaton tells is the first rule. */
	if (input != TCPVS_RI_VALUE)
		return m->id < b->regex.n ? -TCPVS_RE_REGEX : 0;
	/* Its final states are remembered, so it has one sort of input. */
	if (d->cond == NONE)
		return 0;
	c = route_at(&b->cond, d->cond);
	if (c->what != m->what || c->nlen != m->nlen)
		return -TCPVS_RE_REGEX;
	return tcpvs_route_same_name(m->what, route_at(&b->text, c->text),
				     m->name, m->nlen) ? 0 : -TCPVS_RE_REGEX;
}

static int check_path(const struct tcpvs_route_build *b,
		      const struct tcpvs_route_match *m)
{
	const u8 *p = m->value;

	switch (m->op) {
	case TCPVS_RO_EXACT:
		if (m->vlen == 1 && p[0] == '*')
			return 0;
		return path_bytes(p, m->vlen) ? 0 : -TCPVS_RE_PATH;
	case TCPVS_RO_PREFIX:
		return path_bytes(p, m->vlen) ? 0 : -TCPVS_RE_PATH;
	case TCPVS_RO_TEMPLATE:
		return check_template(p, m->vlen);
	case TCPVS_RO_REGEX:
		return check_regex(b, m, TCPVS_RI_PATH);
	}
	return -TCPVS_RE_KIND;
}

static int check_methods(const u8 *p, u32 len)
{
	u32 i, from;

	for (from = 0; from <= len; from = i + 1) {
		for (i = from; i < len && p[i] != ','; i++)
			;
		if (!token(p + from, i - from))
			return -TCPVS_RE_METHOD;
	}
	return 0;
}

/* Printable, so that a list of them can be written. */
static int check_protocols(const u8 *p, u32 len)
{
	u32 i, from;

	for (from = 0; from <= len; from = i + 1) {
		for (i = from; i < len && p[i] != ','; i++)
			if (p[i] <= ' ' || p[i] >= 0x7f)
				return -TCPVS_RE_ALPN;
		if (i == from || i - from > 255)
			return -TCPVS_RE_ALPN;
	}
	return 0;
}

/* Addresses mapped into IPv6 count as IPv4, so nobody is in a network of them. */
static bool mapped(const struct tcpvs_route_net *net)
{
	u32 i;

	if (net->family != 6 || net->len < 96)
		return false;
	for (i = 0; i < 10; i++)
		if (net->addr[i])
			return false;
	return net->addr[10] == 0xff && net->addr[11] == 0xff;
}

static int check_sources(const struct tcpvs_route_net *net, u32 len)
{
	u32 i, bit;

	if (!len || len % sizeof(*net))
		return -TCPVS_RE_SOURCE;
	for (; len; len -= sizeof(*net), net++) {
		u32 bits = net->family == 4 ? 32 : 128;

		if ((net->family != 4 && net->family != 6) || net->len > bits ||
		    mapped(net))
			return -TCPVS_RE_SOURCE;
		for (bit = net->len; bit < bits; bit++)
			if (net->addr[bit / 8] & (0x80 >> bit % 8))
				return -TCPVS_RE_SOURCE;
		for (i = bits / 8; i < sizeof(net->addr); i++)
			if (net->addr[i])
				return -TCPVS_RE_SOURCE;
	}
	return 0;
}

/**
 * tcpvs_route_name_ok() - can a header, cookie or parameter have this name?
 * @what: TCPVS_RM_HEADER, _COOKIE or _QUERY
 * @name: the name
 * @len: its length
 *
 * Return: whether it can
 */
bool tcpvs_route_name_ok(u8 what, const u8 *name, u32 len)
{
	u32 i;

	if (what != TCPVS_RM_QUERY)
		return token(name, len);
	for (i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] >= 0x7f ||
		    name[i] == '&' || name[i] == '=' || name[i] == '#')
			return false;
	return len;
}

static int check_field(const struct tcpvs_route_build *b,
		       const struct tcpvs_route_match *m)
{
	if (m->nlen + m->vlen > TCPVS_ROUTE_TEXT_MAX ||
	    !tcpvs_route_name_ok(m->what, m->name, m->nlen))
		return -TCPVS_RE_NAME;
	switch (m->op) {
	case TCPVS_RO_PRESENT:
		return m->vlen ? -TCPVS_RE_VALUE : 0;
	case TCPVS_RO_EXACT:
	case TCPVS_RO_PREFIX:
		return 0;
	case TCPVS_RO_REGEX:
		return check_regex(b, m, TCPVS_RI_VALUE);
	}
	return -TCPVS_RE_KIND;
}

/**
 * tcpvs_route_check() - may a rule have this match?
 * @b: the build, for its automata
 * @m: the match
 *
 * Return: 0, or a negative TCPVS_RE_*
 */
int tcpvs_route_check(const struct tcpvs_route_build *b,
		      const struct tcpvs_route_match *m)
{
	if (m->what >= __TCPVS_RM_MAX || m->op >= __TCPVS_RO_MAX)
		return -TCPVS_RE_KIND;
	if (m->vlen > TCPVS_ROUTE_TEXT_MAX || m->nlen > TCPVS_ROUTE_TEXT_MAX)
		return -TCPVS_RE_VALUE;
	switch (m->what) {
	case TCPVS_RM_PATH:
		return check_path(b, m);
	case TCPVS_RM_URI:
		return m->op == TCPVS_RO_REGEX ?
		       check_regex(b, m, TCPVS_RI_URI) : -TCPVS_RE_KIND;
	case TCPVS_RM_HEADER:
	case TCPVS_RM_COOKIE:
	case TCPVS_RM_QUERY:
		return check_field(b, m);
	}
	if (m->op != TCPVS_RO_EXACT)
		return -TCPVS_RE_KIND;
	switch (m->what) {
	case TCPVS_RM_HOST:
		return tcpvs_route_host_again(b, m) ||
		       check_name(m->value, m->vlen, true) ? 0 : -TCPVS_RE_HOST;
	case TCPVS_RM_SNI:
		return tcpvs_route_host_again(b, m) ||
		       check_name(m->value, m->vlen, false) ? 0 : -TCPVS_RE_SNI;
	case TCPVS_RM_METHOD:
		return check_methods(m->value, m->vlen);
	case TCPVS_RM_ALPN:
		return check_protocols(m->value, m->vlen);
	}
	return check_sources(m->value, m->vlen);
}

static const char * const route_err[__TCPVS_RE_MAX] = {
	[TCPVS_RE_NONE] = "none",
	[TCPVS_RE_MEMORY] = "memory",
	[TCPVS_RE_MEMORY_LIMIT] = "memory limit",
	[TCPVS_RE_RULES] = "rules",
	[TCPVS_RE_MATCHES] = "matches",
	[TCPVS_RE_KIND] = "kind",
	[TCPVS_RE_TWICE] = "twice",
	[TCPVS_RE_HOST] = "host",
	[TCPVS_RE_SNI] = "sni",
	[TCPVS_RE_PATH] = "path",
	[TCPVS_RE_TEMPLATE] = "template",
	[TCPVS_RE_METHOD] = "method",
	[TCPVS_RE_NAME] = "name",
	[TCPVS_RE_VALUE] = "value",
	[TCPVS_RE_SOURCE] = "source",
	[TCPVS_RE_REGEX] = "regex",
	[TCPVS_RE_DFA] = "automata",
	[TCPVS_RE_AMBIGUOUS] = "ambiguous",
	[TCPVS_RE_HASH] = "hash",
	[TCPVS_RE_ALPN] = "alpn",
};

/**
 * tcpvs_route_err_name() - a word for an error
 * @err: TCPVS_RE_* or its negative
 *
 * Return: the word
 */
const char *tcpvs_route_err_name(int err)
{
	if (err < 0)
		err = -err;
	return err < __TCPVS_RE_MAX ? route_err[err] : "unknown";
}
