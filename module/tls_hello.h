/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tls_hello.h - the ClientHello that begins a TLS connection
 *
 * Pure functions over bytes: no sockets, no allocation, no locks, any context.
 * The same source is built in user space by module/tests.
 *
 * A hello is read in three steps. tcpvs_tls_scan() finds where it ends, in any
 * segmentation and over any number of records, and looks at every byte once.
 * Of a copy of the whole tcpvs_tls_join() makes one piece, which
 * tcpvs_tls_hello() reads. Nothing is taken off a stream: the server gets the
 * hello as the client sent it.
 *
 * Strict where the structure is concerned, since a hello that is read in one way
 * here and in another by the server would be sent to the wrong one. What a hello
 * asks for (versions, ciphers, extensions nobody knows, GREASE of RFC 8701) is
 * the server's to judge.
 */
#ifndef TCPVS_TLS_HELLO_H
#define TCPVS_TLS_HELLO_H

#include "pure.h"

/* Longest hello ever read, headers of its records included. */
#define TCPVS_TLS_MAX		65535
/* Longest server name, as OpenSSL has it; most extensions, most protocols. */
#define TCPVS_TLS_NAME_MAX	255
#define TCPVS_TLS_EXTENSIONS	128
#define TCPVS_TLS_PROTOCOLS	64
/* Bytes of an alert. */
#define TCPVS_TLS_ALERT		7

/* Why a hello was refused.  Functions return the negative of these. */
enum tcpvs_tls_err {
	TCPVS_TE_NONE,
	TCPVS_TE_NOT_TLS,	/* the stream begins with something else */
	TCPVS_TE_RECORD_TYPE,	/* no handshake record */
	TCPVS_TE_RECORD_VERSION,
	TCPVS_TE_RECORD_EMPTY,
	TCPVS_TE_RECORD_LENGTH,	/* more than 2^14 bytes */
	TCPVS_TE_NOT_HELLO,	/* another handshake message */
	TCPVS_TE_TOO_LONG,	/* more than the limit */
	TCPVS_TE_VERSION,	/* not of TLS */
	TCPVS_TE_LENGTH,	/* lengths within it do not fit */
	TCPVS_TE_EXTENSIONS,	/* more than TCPVS_TLS_EXTENSIONS */
	TCPVS_TE_TWICE,		/* an extension comes twice */
	TCPVS_TE_SNI,		/* not a list of one host name */
	TCPVS_TE_NAME,		/* a name that no host has */
	TCPVS_TE_ALPN,		/* not a list of protocols, or a long one */
	__TCPVS_TE_MAX,
};

/**
 * struct tcpvs_tls_scan - search for the end of a hello; begin with zeroes
 * @pos: where in the stream to go on
 * @size: bytes of the handshake message, its header included
 * @got: of these seen
 * @left: bytes of the record in hand not seen yet
 */
struct tcpvs_tls_scan {
	u16 pos;
	u16 size;
	u16 got;
	u16 left;
};

/**
 * struct tcpvs_tls_hello - what a hello says, as places in it
 * @sni: the server name
 * @sni_len: its length, 0 if there is none
 * @alpn: protocols the client speaks, each behind a byte with its length
 * @alpn_len: their length, 0 if there are none
 */
struct tcpvs_tls_hello {
	u16 sni;
	u16 sni_len;
	u16 alpn;
	u16 alpn_len;
};

int tcpvs_tls_scan(struct tcpvs_tls_scan *s, const u8 *buf, u32 len, u32 max);
u32 tcpvs_tls_join(u8 *buf, u32 len);
int tcpvs_tls_hello(struct tcpvs_tls_hello *h, const u8 *buf, u32 len);
int tcpvs_tls_alert(u8 *out, int err);
const char *tcpvs_tls_err_name(int err);

#endif /* TCPVS_TLS_HELLO_H */
