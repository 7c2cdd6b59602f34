/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	netlink/specs/tcpvs.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_TCPVS_GEN_H
#define _LINUX_TCPVS_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/tcpvs.h>

/* Common nested types */
extern const struct nla_policy tcpvs_address_nl_policy[TCPVS_A_ADDRESS_PORT + 1];
extern const struct nla_policy tcpvs_cookie_nl_policy[TCPVS_A_COOKIE_KEY_ID + 1];
extern const struct nla_policy tcpvs_hash_nl_policy[TCPVS_A_HASH_GROUP + 1];
extern const struct nla_policy tcpvs_limits_nl_policy[TCPVS_A_LIMITS_BODY_BYTES + 1];
extern const struct nla_policy tcpvs_match_nl_policy[TCPVS_A_MATCH_EXPRESSION + 1];
extern const struct nla_policy tcpvs_network_nl_policy[TCPVS_A_NETWORK_PREFIX + 1];
extern const struct nla_policy tcpvs_networks_nl_policy[TCPVS_A_NETWORKS_NETWORK + 1];
extern const struct nla_policy tcpvs_rule_nl_policy[TCPVS_A_RULE_TEMPLATE + 1];
extern const struct nla_policy tcpvs_timeouts_nl_policy[TCPVS_A_TIMEOUTS_AGE + 1];

int tcpvs_nl_pre_doit(const struct genl_split_ops *ops, struct sk_buff *skb,
		      struct genl_info *info);
int tcpvs_nl_pre_doit_admin(const struct genl_split_ops *ops,
			    struct sk_buff *skb, struct genl_info *info);
int tcpvs_nl_pre_doit_piece(const struct genl_split_ops *ops,
			    struct sk_buff *skb, struct genl_info *info);
void
tcpvs_nl_post_doit(const struct genl_split_ops *ops, struct sk_buff *skb,
		   struct genl_info *info);
void
tcpvs_nl_post_doit_piece(const struct genl_split_ops *ops, struct sk_buff *skb,
			 struct genl_info *info);
int tcpvs_nl_dump_start(struct netlink_callback *cb);
int tcpvs_nl_connection_get_start_admin(struct netlink_callback *cb);
int tcpvs_nl_rule_get_start(struct netlink_callback *cb);
int tcpvs_nl_histogram_get_start(struct netlink_callback *cb);
int tcpvs_nl_connection_get_done(struct netlink_callback *cb);
int tcpvs_nl_histogram_get_done(struct netlink_callback *cb);

int tcpvs_nl_info_get_doit(struct sk_buff *skb, struct genl_info *info);
int tcpvs_nl_settings_get_doit(struct sk_buff *skb, struct genl_info *info);
int tcpvs_nl_settings_set_doit(struct sk_buff *skb, struct genl_info *info);
int tcpvs_nl_service_get_doit(struct sk_buff *skb, struct genl_info *info);
int tcpvs_nl_service_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb);
int tcpvs_nl_service_new_doit(struct sk_buff *skb, struct genl_info *info);
int tcpvs_nl_service_set_doit(struct sk_buff *skb, struct genl_info *info);
int tcpvs_nl_service_del_doit(struct sk_buff *skb, struct genl_info *info);
int tcpvs_nl_service_start_doit(struct sk_buff *skb, struct genl_info *info);
int tcpvs_nl_service_stop_doit(struct sk_buff *skb, struct genl_info *info);
int tcpvs_nl_flush_doit(struct sk_buff *skb, struct genl_info *info);
int tcpvs_nl_server_get_doit(struct sk_buff *skb, struct genl_info *info);
int tcpvs_nl_server_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int tcpvs_nl_server_new_doit(struct sk_buff *skb, struct genl_info *info);
int tcpvs_nl_server_set_doit(struct sk_buff *skb, struct genl_info *info);
int tcpvs_nl_server_del_doit(struct sk_buff *skb, struct genl_info *info);
int tcpvs_nl_scheduler_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb);
int tcpvs_nl_worker_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int tcpvs_nl_transaction_begin_doit(struct sk_buff *skb,
				    struct genl_info *info);
int tcpvs_nl_transaction_commit_doit(struct sk_buff *skb,
				     struct genl_info *info);
int tcpvs_nl_transaction_abort_doit(struct sk_buff *skb,
				    struct genl_info *info);
int tcpvs_nl_stats_zero_doit(struct sk_buff *skb, struct genl_info *info);
int tcpvs_nl_connection_get_dumpit(struct sk_buff *skb,
				   struct netlink_callback *cb);
int tcpvs_nl_connection_kill_doit(struct sk_buff *skb, struct genl_info *info);
int tcpvs_nl_rules_begin_doit(struct sk_buff *skb, struct genl_info *info);
int tcpvs_nl_rules_automaton_doit(struct sk_buff *skb, struct genl_info *info);
int tcpvs_nl_rules_set_doit(struct sk_buff *skb, struct genl_info *info);
int tcpvs_nl_rules_add_doit(struct sk_buff *skb, struct genl_info *info);
int tcpvs_nl_rules_end_doit(struct sk_buff *skb, struct genl_info *info);
int tcpvs_nl_rule_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int tcpvs_nl_rule_set_get_dumpit(struct sk_buff *skb,
				 struct netlink_callback *cb);
int tcpvs_nl_histogram_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb);

enum {
	TCPVS_NLGRP_CONFIG,
	TCPVS_NLGRP_LOG,
};

extern struct genl_family tcpvs_nl_family;

#endif /* _LINUX_TCPVS_GEN_H */
