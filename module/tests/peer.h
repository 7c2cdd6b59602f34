/* SPDX-License-Identifier: GPL-2.0 */
/*
 * peer.h - one parser's reading of messages, in a form that can be compared
 *
 * peer_ktcpvs and peer_llhttp take messages on standard input and write what
 * their parser made of each one to standard output; internal/cmd/httpdiff
 * compares the two with each other and with Go's net/http.
 *
 * Numbers are little-endian.  A message: u32 length, u8 kind (0 request,
 * 1 response), u8 method of the request that a response answers, the bytes.  A
 * reading: u32 length of the rest, u8 head and u8 body (enum peer_verdict), u8
 * framing (enum tcpvs_http_body), u8 minor, u16 status, u16 header lines, u64
 * each of bytes consumed, Content-Length, bytes of body data and their hash,
 * then as u32 length and bytes: error, method, target, reason, and name and
 * value of each header line.
 */
#ifndef TCPVS_TESTS_PEER_H
#define TCPVS_TESTS_PEER_H

#include "../http.h"
#include "test.h"

enum peer_verdict {
	PEER_INCOMPLETE,
	PEER_REFUSED,
	PEER_ACCEPTED,
};

/**
 * struct peer_text - bytes that are appended to
 * @p: them
 * @len: how many
 * @room: how many fit
 */
struct peer_text {
	u8 *p;
	u32 len;
	u32 room;
};

/**
 * struct peer_reading - what a parser made of one message
 * @head: enum peer_verdict
 * @body: the same, of a message whose head is accepted
 * @framing: enum tcpvs_http_body
 * @minor: of the version
 * @status: of a response
 * @nhdr: header lines in @headers
 * @consumed: bytes of the whole message
 * @length: Content-Length, 0 without one
 * @body_len: bytes of body data, without chunk framing
 * @body_hash: of these, see peer_data()
 * @error: name of the parser's error, empty without one
 * @method: of a request
 * @target: of a request
 * @reason: of a response
 * @headers: name and value in turn, each with its length as u32 before it
 */
struct peer_reading {
	u8 head;
	u8 body;
	u8 framing;
	u8 minor;
	u16 status;
	u16 nhdr;
	u64 consumed;
	u64 length;
	u64 body_len;
	u64 body_hash;
	struct peer_text error;
	struct peer_text method;
	struct peer_text target;
	struct peer_text reason;
	struct peer_text headers;
};

void peer_add(struct peer_text *t, const void *bytes, u32 len);
void peer_add_string(struct peer_text *t, const void *bytes, u32 len);
void peer_data(struct peer_reading *r, const u8 *bytes, u64 len);

/* Of each program. */
void peer_read(struct peer_reading *r, const u8 *msg, u32 len, bool response,
	       u8 method);

#endif /* TCPVS_TESTS_PEER_H */
