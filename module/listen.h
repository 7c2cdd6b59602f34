/* SPDX-License-Identifier: GPL-2.0 */
/*
 * listen.h - 1 accept: the listening sockets of a service
 */
#ifndef _TCPVS_LISTEN_H
#define _TCPVS_LISTEN_H

#include "config.h"

struct netlink_ext_ack;

/* listen.c */
int tcpvs_listen_start(struct tcpvs_service *svc,
		       const struct tcpvs_service_conf *sc,
		       struct netlink_ext_ack *extack);
void tcpvs_listen_stop(struct tcpvs_service *svc);

#endif /* _TCPVS_LISTEN_H */
