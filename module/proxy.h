/* SPDX-License-Identifier: GPL-2.0 */
/*
 * proxy.h - the PROXY protocol, versions 1 and 2
 *
 * Pure functions over bytes: no sockets, no allocation, no locks, any context.
 * The same source is built in user space by module/tests.
 *
 * Strict where a header could be read in two ways or smuggle bytes into the
 * stream behind it; lenient only where the specification (revision of
 * 2020/03/05) demands it: what stands behind UNKNOWN, the addresses of LOCAL,
 * the families and transports that a TCP service has no use for, and the
 * additional fields of version 2 are passed over.
 *
 * Segmentation does not matter: a prefix of a header returns 0 or the very
 * error that the whole header returns.
 */
#ifndef TCPVS_PROXY_H
#define TCPVS_PROXY_H

#include "pure.h"

/* Longest header accepted, and room enough to hold one that is incomplete. */
#define TCPVS_PROXY_MAX		536
/* Longest header that is ever built. */
#define TCPVS_PROXY_BUILD_MAX	108

/* Why a header was refused.  Functions return the negative of these. */
enum tcpvs_proxy_err {
	TCPVS_PE_NONE,
	TCPVS_PE_NO_HEADER,	/* the stream begins with something else */
	TCPVS_PE_BAD_BYTE,	/* control or 8-bit character in version 1 */
	TCPVS_PE_TOO_LONG,	/* 107 bytes without CRLF, or 536 in all */
	TCPVS_PE_BAD_FAMILY,
	TCPVS_PE_BAD_ADDRESS,
	TCPVS_PE_BAD_PORT,
	TCPVS_PE_BAD_COMMAND,	/* version or command of a version 2 header */
	TCPVS_PE_BAD_LENGTH,	/* too short for the addresses announced */
	TCPVS_PE_NO_ROOM,	/* building: buffer too small */
	__TCPVS_PE_MAX,
};

/**
 * struct tcpvs_proxy - what a header says of a connection
 * @family: 4 or 6; 0 when it says nothing (LOCAL, UNKNOWN, and families and
 *	transports other than TCP over IP): the connection's own addresses hold
 * @src: the client's address in network order; 4 bytes of it for family 4,
 *	and zero behind them
 * @dst: the address that the client connected to, likewise
 * @sport: the client's port, host order
 * @dport: the port that the client connected to, host order
 */
struct tcpvs_proxy {
	u8 family;
	u8 src[16];
	u8 dst[16];
	u16 sport;
	u16 dport;
};

int tcpvs_proxy_parse(struct tcpvs_proxy *p, const u8 *buf, u32 len);
int tcpvs_proxy_build(u8 *out, u32 cap, unsigned int version,
		      const struct tcpvs_proxy *p);
const char *tcpvs_proxy_err_name(int err);

#endif /* TCPVS_PROXY_H */
