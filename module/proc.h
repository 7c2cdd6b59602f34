/* SPDX-License-Identifier: GPL-2.0 */
/*
 * proc.h - /proc/net/ktcpvs
 */
#ifndef _TCPVS_PROC_H
#define _TCPVS_PROC_H

struct net;

/* proc.c */
int tcpvs_proc_init(struct net *net);
void tcpvs_proc_exit(struct net *net);

#endif /* _TCPVS_PROC_H */
