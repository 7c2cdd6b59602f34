/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tls_props.h - what holds for every byte string taken for a ClientHello
 *
 * Table test, mutation test and fuzzer all come through here.
 */
#ifndef TCPVS_TLS_PROPS_H
#define TCPVS_TLS_PROPS_H

#include "../tls_hello.h"
#include "test.h"

/**
 * struct tls_facts - what comes of a byte string
 * @r: length of the hello in the stream, 0 if it is not whole, or a negative
 *	TCPVS_TE_*
 * @sni: the server name, @alpn: the protocols with commas between, or ""
 */
struct tls_facts {
	int r;
	char sni[TCPVS_TLS_NAME_MAX + 1];
	char alpn[TCPVS_TLS_MAX];
};

/* How many prefixes of a byte string are looked at, about; 0 = as many as there are. */
extern u32 tls_prefixes;

void tls_facts(struct tls_facts *f, const u8 *bytes, u32 len, u32 max);
void props_tls(const u8 *bytes, u32 len);

#endif /* TCPVS_TLS_PROPS_H */
