// SPDX-License-Identifier: GPL-2.0
/*
 * capture_props.c - properties of capture tables
 *
 * Every run is compared with a second reader that keeps the state of every place.
 * The sanitizers watch that nothing outside of the table, which is allocated to its
 * size, is read.
 */
#include "capture_props.h"

bool props_capture_verify(struct tcpvs_capture *c, const u8 *blob, u32 len,
			  u32 budget)
{
	struct tcpvs_capture_verify v;
	int r;

	if (tcpvs_capture_verify_begin(&v, blob, len))
		return false;
	while ((r = tcpvs_capture_verify_step(&v, budget)) > 0)
		;
	*c = v.cap;
	return !r;
}

/* The same, written plainly. */
static bool plain_run(const struct tcpvs_capture *c, const u8 *text, u32 len,
		      u32 *from, u32 *to)
{
	u32 *state = test_alloc((len + 1) * sizeof(*state)), i, node = 0;
	long open = -1, close = -1;
	bool ended = false;

	state[len] = c->start;
	for (i = len; i; i--)
		state[i - 1] = c->back[state[i] * c->nclasses + c->class[text[i - 1]]];
	for (i = 0; i <= len && !ended; i++) {
		u16 e = c->step[state[i] * c->nnodes + node];

		if (e == TCPVS_CAPTURE_NONE)
			break;
		if (e & TCPVS_CAPTURE_OPEN)
			open = i;
		if (e & TCPVS_CAPTURE_CLOSE)
			close = i;
		node = e & TCPVS_CAPTURE_NODE;
		ended = !node;
	}
	free(state);
	*from = open;
	*to = close;
	return ended && open >= 0 && close >= open;
}

bool props_capture_run(const struct tcpvs_capture *c, const u8 *text, u32 len,
		       u32 *from, u32 *to)
{
	static struct tcpvs_capture_scratch scratch;
	u32 cut = len ? test_rand(len + 1) : 0, a, b;
	struct tcpvs_capture_text t = { .a = text, .alen = len };
	bool found, again;

	found = tcpvs_capture_run(c, &t, &scratch, from, to);
	if (found)
		CHECK(*from <= *to && *to <= len);
	t.alen = cut;
	t.b = text + cut;
	t.blen = len - cut;
	memset(&scratch, 0xff, sizeof(scratch));
	again = tcpvs_capture_run(c, &t, &scratch, &a, &b);
	CHECK(again == found && (!found || (a == *from && b == *to)));
	again = plain_run(c, text, len, &a, &b);
	CHECK(again == found && (!found || (a == *from && b == *to)));
	return found;
}

void props_capture_input(const u8 *data, u32 len)
{
	struct tcpvs_capture c;
	u32 n, from, to;
	u8 *blob, *text;

	/* The table as it is; and one made sound, so that something is run. */
	blob = test_copy(data, len);
	if (props_capture_verify(&c, blob, len, 1 + test_rand(100)))
		props_capture_run(&c, data, min(len, 700U), &from, &to);
	free(blob);
	if (len < 4)
		return;
	{
		struct tcpvs_capture_header h = {
			.magic = TCPVS_CAPTURE_MAGIC,
			.version = TCPVS_CAPTURE_VERSION,
			.nstates = 1 + data[0] % 9,
			.nclasses = 1 + data[1] % 5,
			.nnodes = 1 + data[2] % 9,
		};
		u32 back = h.nstates * h.nclasses, i;
		u16 *e;

		h.start = data[3] % h.nstates;
		for (i = 0; i < 256; i++)
			h.class[i] = data[i % len] % h.nclasses;
		n = (sizeof(h) + 2 * (back + h.nstates * h.nnodes) + 3) & ~3U;
		blob = test_alloc(n);
		memset(blob, 0, n);
		memcpy(blob, &h, sizeof(h));
		e = (u16 *)(blob + sizeof(h));
		for (i = 0; i < back; i++)
			e[i] = data[(7 * i + 4) % len] % h.nstates;
		for (; i < back + h.nstates * h.nnodes; i++) {
			e[i] = data[(5 * i + 3) % len] % h.nnodes |
			       (data[(3 * i + 1) % len] & 3) << 14;
			if (data[(11 * i + 2) % len] > 250)
				e[i] = TCPVS_CAPTURE_NONE;
		}
	}
	if (CHECK(props_capture_verify(&c, blob, n, 1 + test_rand(100)))) {
		text = test_copy(data, len);
		props_capture_run(&c, text, min(len, 65536U), &from, &to);
		free(text);
	}
	free(blob);
}
