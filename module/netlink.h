/* SPDX-License-Identifier: GPL-2.0 */
/*
 * netlink.h - what the files of the control protocol share
 */
#ifndef _TCPVS_NETLINK_H
#define _TCPVS_NETLINK_H

#include <net/genetlink.h>

#include "config.h"
#include "netlink-gen.h"

struct tcpvs_candidate;
struct tcpvs_hash_edit;
struct tcpvs_service_edit;

/* GENL_REQ_ATTR_CHECK() that also says what is missing. */
#define tcpvs_nl_missing(info, attr, what)				\
({									\
	bool __missing = GENL_REQ_ATTR_CHECK(info, attr);		\
									\
	if (__missing)							\
		GENL_SET_ERR_MSG(info, what " is missing");		\
	__missing;							\
})

/* netlink.c */
int tcpvs_nl_name(const struct nlattr *attr, const char **name,
		  struct netlink_ext_ack *extack);
int tcpvs_nl_address(const struct nlattr *attr, struct tcpvs_addr *addr,
		     bool server, struct netlink_ext_ack *extack);
int tcpvs_nl_network(const struct nlattr *attr, struct tcpvs_network *net,
		     struct netlink_ext_ack *extack);
struct tcpvs_service_conf *
tcpvs_nl_find_service(const struct tcpvs_config *c, const char *name,
		      const struct nlattr *attr, struct netlink_ext_ack *extack);
struct tcpvs_service_conf *tcpvs_nl_service_of(const struct tcpvs_config *c,
					       const struct nlattr *attr,
					       struct netlink_ext_ack *extack);
int tcpvs_nl_explain(struct genl_info *info, int err);
struct tcpvs_candidate *tcpvs_nl_change(struct genl_info *info);
int tcpvs_nl_changed(struct genl_info *info, struct tcpvs_candidate *c, int err);
int tcpvs_nl_dump_of(struct netlink_callback *cb, const struct tcpvs_config *c,
		     const struct nlattr *only,
		     const struct tcpvs_service_conf **want);
const struct tcpvs_member *
tcpvs_nl_find_server(const struct tcpvs_service_conf *sc,
		     const struct tcpvs_addr *addr, const struct nlattr *attr,
		     struct netlink_ext_ack *extack);
int tcpvs_nl_admin(struct sk_buff *skb, const struct net *net, const char *what,
		   struct netlink_ext_ack *extack);
int tcpvs_nl_service_edit(struct genl_info *info, struct tcpvs_service_edit *e);
int tcpvs_nl_reply(struct sk_buff *skb, int err, struct genl_info *info);

static inline struct tcpvs_net *tcpvs_nl_net(const struct genl_info *info)
{
	return info->user_ptr[0];
}

/* netlink_check.c */
int tcpvs_nl_check(const struct genl_split_ops *ops, const struct nlmsghdr *nlh,
		   struct netlink_ext_ack *extack);
int tcpvs_nl_check_init(void);

/* netlink_hash.c */
int tcpvs_nl_hash(const struct nlattr *attr, struct tcpvs_hash_edit *e,
		  struct netlink_ext_ack *extack);
int tcpvs_nl_put_hash(struct sk_buff *skb, int type, const struct tcpvs_hash_by *k,
		      u32 bound);

/* netlink_get.c */
int tcpvs_nl_put_address(struct sk_buff *skb, int type,
			 const struct tcpvs_addr *a);
void tcpvs_nl_notify_service(const struct tcpvs_net *tn,
			     const struct tcpvs_service_conf *sc);
void tcpvs_nl_notify_service_del(const struct tcpvs_net *tn,
				 const struct tcpvs_service_conf *sc);
void tcpvs_nl_notify_server(const struct tcpvs_net *tn,
			    const struct tcpvs_service_conf *sc,
			    const struct tcpvs_member *m);
void tcpvs_nl_notify_server_del(const struct tcpvs_net *tn,
				const struct tcpvs_service_conf *sc,
				const struct tcpvs_server *srv);

#endif /* _TCPVS_NETLINK_H */
