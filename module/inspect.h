/* SPDX-License-Identifier: GPL-2.0 */
/*
 * inspect.h - connections as seen, and killed, from outside their worker
 */
#ifndef _TCPVS_INSPECT_H
#define _TCPVS_INSPECT_H

#include "conn.h"

/* What is read of the workers in one go. */
#define TCPVS_INSPECT_BATCH	64

/**
 * struct tcpvs_conn_info - what is told of a connection
 * @id: its number
 * @bytes_in: bytes received from the client
 * @bytes_out: bytes the client has acknowledged
 * @age: since it was accepted, in milliseconds
 * @cpu: of its worker
 * @server_id: number of the server; 0 = it has none at present
 * @state: TCPVS_CONNECTION_STATE_*
 * @service: name of its service
 * @client: who it is
 * @peer: who has connected, if a PROXY header said that it speaks for another;
 *	else family 0
 * @server: address of the server
 */
struct tcpvs_conn_info {
	u64 id;
	u64 bytes_in;
	u64 bytes_out;
	u64 age;
	u32 cpu;
	u32 server_id;
	u8 state;
	char service[TCPVS_NAME_MAX + 1];
	struct tcpvs_addr client;
	struct tcpvs_addr peer;
	struct tcpvs_addr server;
};

/**
 * struct tcpvs_inspect - a walk over connections; its owner's alone
 * @tn: of this namespace
 * @service: of the service of this number; 0 = of any
 * @server: with this server now; family 0 = with any or none
 * @clients: of clients of this network; family 0 = of anybody
 * @kill: close the one connection of this number instead of looking; 0 = no
 * @killed: it was there
 * @worker: number of the worker to look at next
 * @left: entries of its list to look at still
 * @linked: @mark is in that worker's list
 * @mark: where in the list the walk goes on: looks like a dead connection of no
 *	service, which every other walk passes over
 * @n: filled entries of @info
 * @at: the first of them not used yet
 * @info: what was found
 */
struct tcpvs_inspect {
	const struct tcpvs_net *tn;
	u32 service;
	struct tcpvs_addr server;
	struct tcpvs_network clients;
	u64 kill;
	bool killed;
	u32 worker;
	u32 left;
	bool linked;
	struct tcpvs_conn mark;
	unsigned int n;
	unsigned int at;
	struct tcpvs_conn_info info[TCPVS_INSPECT_BATCH];
};

/* inspect.c */
struct tcpvs_inspect *tcpvs_inspect_new(const struct tcpvs_net *tn);
void tcpvs_inspect_free(struct tcpvs_inspect *s);
const struct tcpvs_conn_info *tcpvs_inspect_next(struct tcpvs_inspect *s);
int tcpvs_inspect_kill(const struct tcpvs_net *tn, u64 id);

#endif /* _TCPVS_INSPECT_H */
