/* SPDX-License-Identifier: GPL-2.0 */
/*
 * relay.h - 6 relay: bytes from one socket to the other
 */
#ifndef _TCPVS_RELAY_H
#define _TCPVS_RELAY_H

#include <linux/types.h>

#include "http.h"
#include "worker.h"

struct page;
struct socket;

#define TCPVS_LEFT_EOF		U64_MAX	/* until the source ends */
#define TCPVS_RETAIN_MAX	(64 * 1024)	/* bytes kept for a retry */
#define TCPVS_RELAY_BATCH	(256 * 1024)	/* bytes one gather takes */
#define TCPVS_RELAY_BUDGET	(1024 * 1024)	/* bytes one step moves */
#define TCPVS_BVECS		128

/* Bits of tcpvs_flow.flags */
#define TCPVS_FLOW_CHUNKED	BIT(0)	/* framed by @chunk */
#define TCPVS_FLOW_RETAIN	BIT(1)	/* what was sent stays in the source */
#define TCPVS_FLOW_EOF		BIT(2)	/* the source has ended, all is sent */

/**
 * struct tcpvs_flow - one direction of a connection
 * @left: bytes framed but not sent; TCPVS_LEFT_EOF = no framing
 * @ahead: bytes of the source that were sent, or that @head stands for, but
 *	that are still in its receive queue
 * @head: page with bytes that go out before any byte of the source, or NULL
 * @head_off: where they begin
 * @head_len: their number
 * @head_sent: of these sent
 * @flags: TCPVS_FLOW_*
 * @chunk: framing of a chunked body
 * @moved: bytes of the source sent since tcpvs_flow_init()
 * @una: the destination's oldest unacknowledged byte at the last look
 *
 * In sequence numbers of the source: copied_seq (consumed) <= copied_seq +
 * @ahead (sent) <= copied_seq + @ahead + @left (parsed).
 */
struct tcpvs_flow {
	u64 left;
	u64 moved;
	struct page *head;
	u32 head_off;
	u32 head_len;
	u32 head_sent;
	u32 ahead;
	u32 una;
	u32 flags;
	struct tcpvs_http_chunk chunk;
};

/* What tcpvs_relay() returns beside negative errors. */
enum {
	TCPVS_RELAY_DRY,	/* all there is was sent: wait for the source */
	TCPVS_RELAY_FULL,	/* wait for room in the destination */
	TCPVS_RELAY_MORE,	/* the budget is spent: come again */
	TCPVS_RELAY_DONE,	/* the framed message was sent whole */
	TCPVS_RELAY_EOF,	/* the source has ended and all was sent */
	TCPVS_RELAY_MEMORY,	/* no memory: come again after a while */
	TCPVS_RELAY_BAD,	/* the source broke its framing */
	TCPVS_RELAY_LARGE,	/* more chunks than tcpvs_worker.chunks_max */
	TCPVS_RELAY_SRC,	/* the source was reset */
	TCPVS_RELAY_DST,	/* the destination was reset or closed */
};

/* relay.c */
void tcpvs_flow_init(struct tcpvs_flow *f);
void tcpvs_flow_reset(struct tcpvs_flow *f);
int tcpvs_flow_head(struct tcpvs_worker *w, struct tcpvs_flow *f,
		    const u8 *bytes, u32 len);
void tcpvs_flow_drop_head(struct tcpvs_flow *f);
void tcpvs_flow_rewind(struct tcpvs_flow *f);
void tcpvs_flow_release(struct tcpvs_flow *f, struct socket *src);
int tcpvs_gather_alloc(struct tcpvs_worker *w);
int tcpvs_relay(struct tcpvs_worker *w, struct tcpvs_flow *f,
		struct socket *src, struct socket *dst, u64 *bytes);
bool tcpvs_source_quiet(const struct socket *sock);
int tcpvs_peek(struct socket *src, u32 from, u8 *to, u32 max,
	       bool *eof);
void tcpvs_consume(struct socket *src, u32 len);
bool tcpvs_flow_acked(struct tcpvs_flow *f, struct socket *dst);

#endif /* _TCPVS_RELAY_H */
