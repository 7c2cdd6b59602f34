/* SPDX-License-Identifier: GPL-2.0 */
/*
 * capture.h - where a group of an expression lies in a text
 *
 * A capture table comes from user space and is hostile until
 * tcpvs_capture_verify_step() has said otherwise. Pure functions, no allocation;
 * any context.
 */
#ifndef TCPVS_CAPTURE_H
#define TCPVS_CAPTURE_H

#include "pure.h"

#define TCPVS_CAPTURE_MAGIC	0x43564354
#define TCPVS_CAPTURE_VERSION	1
#define TCPVS_CAPTURE_STATES_MAX	65535
#define TCPVS_CAPTURE_NODES_MAX	16383

/* Places of a text that are looked at in one go. */
#define TCPVS_CAPTURE_PIECE	256
/* Longest text. */
#define TCPVS_CAPTURE_TEXT_MAX	65536

/**
 * struct tcpvs_capture_header - how a table begins, in the byte order of the host
 * @magic: TCPVS_CAPTURE_MAGIC
 * @version: TCPVS_CAPTURE_VERSION
 * @nstates: states of the automaton that reads backwards
 * @nclasses: classes of bytes, 1 to 256
 * @nnodes: nodes of the walk; number 0 is its beginning, and as a target its end
 * @start: state at the end of the text
 * @flags: 0
 * @class: the class of each byte
 *
 * Behind it, without gaps: u16 back[nstates][nclasses], the state before a byte;
 * u16 step[nstates][nnodes], TCPVS_CAPTURE_NONE or the next node with
 * TCPVS_CAPTURE_OPEN if the group begins there and TCPVS_CAPTURE_CLOSE if it ends;
 * zeroes to a multiple of 4 bytes.
 */
struct tcpvs_capture_header {
	u32 magic;
	u32 version;
	u32 nstates;
	u32 nclasses;
	u32 nnodes;
	u32 start;
	u32 flags;
	u8 class[256];
};

#define TCPVS_CAPTURE_NONE	0xffff
#define TCPVS_CAPTURE_NODE	0x3fff
#define TCPVS_CAPTURE_OPEN	0x4000
#define TCPVS_CAPTURE_CLOSE	0x8000

/**
 * struct tcpvs_capture - a table that was verified
 * @class: the class of each byte
 * @back: the state before a byte
 * @step: what the walk does
 * @nstates: states
 * @nclasses: classes
 * @nnodes: nodes
 * @start: state at the end of the text
 */
struct tcpvs_capture {
	const u8 *class;
	const u16 *back;
	const u16 *step;
	u32 nstates;
	u32 nclasses;
	u32 nnodes;
	u32 start;
};

/**
 * struct tcpvs_capture_verify - a verification under way
 * @cap: valid when tcpvs_capture_verify_step() returned 0
 * @pos: entries that were looked at; after a refusal the one at fault
 */
struct tcpvs_capture_verify {
	struct tcpvs_capture cap;
	u64 pos;
};

/**
 * struct tcpvs_capture_text - a text in two pieces
 * @a: the first
 * @b: the second
 * @alen: length of @a
 * @blen: length of @b
 */
struct tcpvs_capture_text {
	const u8 *a;
	const u8 *b;
	u32 alen;
	u32 blen;
};

/**
 * struct tcpvs_capture_scratch - what a run works with; needs no setting up
 * @mark: the state at the end of each piece of the text
 * @state: states within a piece
 */
struct tcpvs_capture_scratch {
	u16 mark[TCPVS_CAPTURE_TEXT_MAX / TCPVS_CAPTURE_PIECE + 1];
	u16 state[TCPVS_CAPTURE_PIECE + 1];
};

int tcpvs_capture_verify_begin(struct tcpvs_capture_verify *v, const void *blob,
			       u64 len);
int tcpvs_capture_verify_step(struct tcpvs_capture_verify *v, u32 budget);
bool tcpvs_capture_run(const struct tcpvs_capture *c,
		       const struct tcpvs_capture_text *t,
		       struct tcpvs_capture_scratch *s, u32 *from, u32 *to);

#endif /* TCPVS_CAPTURE_H */
