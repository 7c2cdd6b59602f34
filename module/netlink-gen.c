// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	netlink/specs/tcpvs.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink-gen.h"

#include <uapi/linux/tcpvs.h>

/* Integer value ranges */
static const struct netlink_range_validation tcpvs_a_timeouts_connect_range = {
	.min	= 1ULL,
	.max	= 86400000ULL,
};

static const struct netlink_range_validation tcpvs_a_timeouts_head_range = {
	.min	= 1ULL,
	.max	= 86400000ULL,
};

static const struct netlink_range_validation tcpvs_a_timeouts_response_range = {
	.min	= 1ULL,
	.max	= 86400000ULL,
};

static const struct netlink_range_validation tcpvs_a_timeouts_body_range = {
	.min	= 1ULL,
	.max	= 86400000ULL,
};

static const struct netlink_range_validation tcpvs_a_timeouts_keepalive_range = {
	.min	= 1ULL,
	.max	= 86400000ULL,
};

static const struct netlink_range_validation tcpvs_a_timeouts_tunnel_range = {
	.min	= 1ULL,
	.max	= 86400000ULL,
};

static const struct netlink_range_validation tcpvs_a_timeouts_pool_range = {
	.min	= 1ULL,
	.max	= 86400000ULL,
};

static const struct netlink_range_validation tcpvs_a_timeouts_drain_range = {
	.min	= 1ULL,
	.max	= 86400000ULL,
};

static const struct netlink_range_validation tcpvs_a_timeouts_age_range = {
	.max	= 86400000ULL,
};

static const struct netlink_range_validation tcpvs_a_limits_connections_range = {
	.max	= 16777216ULL,
};

static const struct netlink_range_validation tcpvs_a_limits_backlog_range = {
	.min	= 1ULL,
	.max	= 65535ULL,
};

static const struct netlink_range_validation tcpvs_a_limits_head_bytes_range = {
	.min	= 512ULL,
	.max	= 65535ULL,
};

static const struct netlink_range_validation tcpvs_a_limits_pool_connections_range = {
	.max	= 65536ULL,
};

static const struct netlink_range_validation tcpvs_a_limits_receive_buffer_range = {
	.min	= 16384ULL,
	.max	= 16777216ULL,
};

static const struct netlink_range_validation tcpvs_a_limits_target_bytes_range = {
	.max	= 65535ULL,
};

static const struct netlink_range_validation tcpvs_a_limits_requests_range = {
	.max	= 1000000000ULL,
};

static const struct netlink_range_validation tcpvs_a_cookie_max_age_range = {
	.max	= 34560000ULL,
};

static const struct netlink_range_validation tcpvs_a_server_weight_range = {
	.max	= 65535ULL,
};

static const struct netlink_range_validation tcpvs_a_settings_max_connections_range = {
	.min	= 1ULL,
	.max	= 16777216ULL,
};

static const struct netlink_range_validation tcpvs_a_match_expression_range = {
	.max	= 2147483646ULL,
};

static const struct netlink_range_validation tcpvs_a_rules_expressions_range = {
	.max	= 2147483647ULL,
};

/* Common nested types */
const struct nla_policy tcpvs_address_nl_policy[TCPVS_A_ADDRESS_PORT + 1] = {
	[TCPVS_A_ADDRESS_IPV4] = { .type = NLA_U32, },
	[TCPVS_A_ADDRESS_IPV6] = NLA_POLICY_EXACT_LEN(16),
	[TCPVS_A_ADDRESS_PORT] = NLA_POLICY_MIN(NLA_U16, 1),
};

const struct nla_policy tcpvs_cookie_nl_policy[TCPVS_A_COOKIE_KEY_ID + 1] = {
	[TCPVS_A_COOKIE_NAME] = { .type = NLA_NUL_STRING, .len = 63, },
	[TCPVS_A_COOKIE_PATH] = { .type = NLA_NUL_STRING, .len = 127, },
	[TCPVS_A_COOKIE_ATTRIBUTES] = { .type = NLA_NUL_STRING, .len = 127, },
	[TCPVS_A_COOKIE_MAX_AGE] = NLA_POLICY_FULL_RANGE(NLA_U32, &tcpvs_a_cookie_max_age_range),
	[TCPVS_A_COOKIE_KEY] = { .type = NLA_BINARY, },
	[TCPVS_A_COOKIE_KEY_ID] = { .type = NLA_U32, },
};

const struct nla_policy tcpvs_hash_nl_policy[TCPVS_A_HASH_GROUP + 1] = {
	[TCPVS_A_HASH_KEY] = NLA_POLICY_MAX(NLA_U32, 6),
	[TCPVS_A_HASH_NAME] = { .type = NLA_NUL_STRING, .len = 64, },
	[TCPVS_A_HASH_BOUND] = NLA_POLICY_MAX(NLA_U32, 10000),
	[TCPVS_A_HASH_CAPTURE] = { .type = NLA_U32, },
	[TCPVS_A_HASH_GROUP] = NLA_POLICY_MAX(NLA_U32, 10),
};

const struct nla_policy tcpvs_limits_nl_policy[TCPVS_A_LIMITS_BODY_BYTES + 1] = {
	[TCPVS_A_LIMITS_CONNECTIONS] = NLA_POLICY_FULL_RANGE(NLA_U32, &tcpvs_a_limits_connections_range),
	[TCPVS_A_LIMITS_BACKLOG] = NLA_POLICY_FULL_RANGE(NLA_U32, &tcpvs_a_limits_backlog_range),
	[TCPVS_A_LIMITS_HEAD_BYTES] = NLA_POLICY_FULL_RANGE(NLA_U32, &tcpvs_a_limits_head_bytes_range),
	[TCPVS_A_LIMITS_HEAD_FIELDS] = NLA_POLICY_RANGE(NLA_U32, 8, 128),
	[TCPVS_A_LIMITS_RETRIES] = NLA_POLICY_MAX(NLA_U32, 16),
	[TCPVS_A_LIMITS_POOL_CONNECTIONS] = NLA_POLICY_FULL_RANGE(NLA_U32, &tcpvs_a_limits_pool_connections_range),
	[TCPVS_A_LIMITS_RECEIVE_BUFFER] = NLA_POLICY_FULL_RANGE(NLA_U32, &tcpvs_a_limits_receive_buffer_range),
	[TCPVS_A_LIMITS_LISTENERS] = NLA_POLICY_MAX(NLA_U32, 1024),
	[TCPVS_A_LIMITS_TARGET_BYTES] = NLA_POLICY_FULL_RANGE(NLA_U32, &tcpvs_a_limits_target_bytes_range),
	[TCPVS_A_LIMITS_REQUESTS] = NLA_POLICY_FULL_RANGE(NLA_U32, &tcpvs_a_limits_requests_range),
	[TCPVS_A_LIMITS_BODY_BYTES] = { .type = NLA_UINT, },
};

const struct nla_policy tcpvs_match_nl_policy[TCPVS_A_MATCH_EXPRESSION + 1] = {
	[TCPVS_A_MATCH_WHAT] = NLA_POLICY_MAX(NLA_U32, 9),
	[TCPVS_A_MATCH_OP] = NLA_POLICY_MAX(NLA_U32, 4),
	[TCPVS_A_MATCH_NAME] = { .type = NLA_BINARY, },
	[TCPVS_A_MATCH_VALUE] = { .type = NLA_BINARY, },
	[TCPVS_A_MATCH_NETWORKS] = NLA_POLICY_NESTED(tcpvs_networks_nl_policy),
	[TCPVS_A_MATCH_AUTOMATON] = NLA_POLICY_MAX(NLA_U32, 63),
	[TCPVS_A_MATCH_EXPRESSION] = NLA_POLICY_FULL_RANGE(NLA_U32, &tcpvs_a_match_expression_range),
};

const struct nla_policy tcpvs_network_nl_policy[TCPVS_A_NETWORK_PREFIX + 1] = {
	[TCPVS_A_NETWORK_IPV4] = { .type = NLA_U32, },
	[TCPVS_A_NETWORK_IPV6] = NLA_POLICY_EXACT_LEN(16),
	[TCPVS_A_NETWORK_PREFIX] = NLA_POLICY_MAX(NLA_U32, 128),
};

const struct nla_policy tcpvs_networks_nl_policy[TCPVS_A_NETWORKS_NETWORK + 1] = {
	[TCPVS_A_NETWORKS_NETWORK] = NLA_POLICY_NESTED(tcpvs_network_nl_policy),
};

const struct nla_policy tcpvs_rule_nl_policy[TCPVS_A_RULE_TEMPLATE + 1] = {
	[TCPVS_A_RULE_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[TCPVS_A_RULE_NAME] = { .type = NLA_NUL_STRING, .len = 63, },
	[TCPVS_A_RULE_MATCH] = NLA_POLICY_NESTED(tcpvs_match_nl_policy),
	[TCPVS_A_RULE_ACTION] = NLA_POLICY_MAX(NLA_U32, 3),
	[TCPVS_A_RULE_SET] = { .type = NLA_U32, },
	[TCPVS_A_RULE_STATUS] = NLA_POLICY_RANGE(NLA_U32, 200, 599),
	[TCPVS_A_RULE_LOCATION] = { .type = NLA_BINARY, },
	[TCPVS_A_RULE_BODY] = { .type = NLA_BINARY, },
	[TCPVS_A_RULE_HOST] = { .type = NLA_BINARY, },
	[TCPVS_A_RULE_PATH] = { .type = NLA_BINARY, },
	[TCPVS_A_RULE_PREFIX] = { .type = NLA_BINARY, },
	[TCPVS_A_RULE_TEMPLATE] = { .type = NLA_BINARY, },
};

const struct nla_policy tcpvs_timeouts_nl_policy[TCPVS_A_TIMEOUTS_AGE + 1] = {
	[TCPVS_A_TIMEOUTS_CONNECT] = NLA_POLICY_FULL_RANGE(NLA_U32, &tcpvs_a_timeouts_connect_range),
	[TCPVS_A_TIMEOUTS_HEAD] = NLA_POLICY_FULL_RANGE(NLA_U32, &tcpvs_a_timeouts_head_range),
	[TCPVS_A_TIMEOUTS_RESPONSE] = NLA_POLICY_FULL_RANGE(NLA_U32, &tcpvs_a_timeouts_response_range),
	[TCPVS_A_TIMEOUTS_BODY] = NLA_POLICY_FULL_RANGE(NLA_U32, &tcpvs_a_timeouts_body_range),
	[TCPVS_A_TIMEOUTS_KEEPALIVE] = NLA_POLICY_FULL_RANGE(NLA_U32, &tcpvs_a_timeouts_keepalive_range),
	[TCPVS_A_TIMEOUTS_TUNNEL] = NLA_POLICY_FULL_RANGE(NLA_U32, &tcpvs_a_timeouts_tunnel_range),
	[TCPVS_A_TIMEOUTS_POOL] = NLA_POLICY_FULL_RANGE(NLA_U32, &tcpvs_a_timeouts_pool_range),
	[TCPVS_A_TIMEOUTS_DRAIN] = NLA_POLICY_FULL_RANGE(NLA_U32, &tcpvs_a_timeouts_drain_range),
	[TCPVS_A_TIMEOUTS_AGE] = NLA_POLICY_FULL_RANGE(NLA_U32, &tcpvs_a_timeouts_age_range),
};

/* TCPVS_CMD_SETTINGS_SET - do */
static const struct nla_policy tcpvs_settings_set_nl_policy[TCPVS_A_SETTINGS_MAX_CONNECTIONS + 1] = {
	[TCPVS_A_SETTINGS_MAX_CONNECTIONS] = NLA_POLICY_FULL_RANGE(NLA_U32, &tcpvs_a_settings_max_connections_range),
};

/* TCPVS_CMD_SERVICE_GET - do */
static const struct nla_policy tcpvs_service_get_nl_policy[TCPVS_A_SERVICE_NAME + 1] = {
	[TCPVS_A_SERVICE_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* TCPVS_CMD_SERVICE_NEW - do */
static const struct nla_policy tcpvs_service_new_nl_policy[TCPVS_A_SERVICE_SERVER_HISTOGRAMS + 1] = {
	[TCPVS_A_SERVICE_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
	[TCPVS_A_SERVICE_MODE] = NLA_POLICY_MAX(NLA_U32, 2),
	[TCPVS_A_SERVICE_SCHEDULER] = { .type = NLA_NUL_STRING, .len = 15, },
	[TCPVS_A_SERVICE_LISTEN] = NLA_POLICY_NESTED(tcpvs_address_nl_policy),
	[TCPVS_A_SERVICE_TIMEOUTS] = NLA_POLICY_NESTED(tcpvs_timeouts_nl_policy),
	[TCPVS_A_SERVICE_LIMITS] = NLA_POLICY_NESTED(tcpvs_limits_nl_policy),
	[TCPVS_A_SERVICE_FORWARD] = NLA_POLICY_MASK(NLA_U32, 0x1f),
	[TCPVS_A_SERVICE_TRUSTED] = NLA_POLICY_NESTED(tcpvs_networks_nl_policy),
	[TCPVS_A_SERVICE_ACCEPT_PROXY] = NLA_POLICY_MAX(NLA_U32, 1),
	[TCPVS_A_SERVICE_SEND_PROXY] = NLA_POLICY_MAX(NLA_U32, 2),
	[TCPVS_A_SERVICE_ALLOW] = NLA_POLICY_MASK(NLA_U32, 0x3),
	[TCPVS_A_SERVICE_FALLBACK] = NLA_POLICY_NESTED(tcpvs_address_nl_policy),
	[TCPVS_A_SERVICE_HASH] = NLA_POLICY_NESTED(tcpvs_hash_nl_policy),
	[TCPVS_A_SERVICE_COOKIE] = NLA_POLICY_NESTED(tcpvs_cookie_nl_policy),
	[TCPVS_A_SERVICE_SERVER_HISTOGRAMS] = NLA_POLICY_MAX(NLA_U32, 1),
};

/* TCPVS_CMD_SERVICE_SET - do */
static const struct nla_policy tcpvs_service_set_nl_policy[TCPVS_A_SERVICE_SERVER_HISTOGRAMS + 1] = {
	[TCPVS_A_SERVICE_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
	[TCPVS_A_SERVICE_MODE] = NLA_POLICY_MAX(NLA_U32, 2),
	[TCPVS_A_SERVICE_SCHEDULER] = { .type = NLA_NUL_STRING, .len = 15, },
	[TCPVS_A_SERVICE_LISTEN] = NLA_POLICY_NESTED(tcpvs_address_nl_policy),
	[TCPVS_A_SERVICE_TIMEOUTS] = NLA_POLICY_NESTED(tcpvs_timeouts_nl_policy),
	[TCPVS_A_SERVICE_LIMITS] = NLA_POLICY_NESTED(tcpvs_limits_nl_policy),
	[TCPVS_A_SERVICE_FORWARD] = NLA_POLICY_MASK(NLA_U32, 0x1f),
	[TCPVS_A_SERVICE_TRUSTED] = NLA_POLICY_NESTED(tcpvs_networks_nl_policy),
	[TCPVS_A_SERVICE_ACCEPT_PROXY] = NLA_POLICY_MAX(NLA_U32, 1),
	[TCPVS_A_SERVICE_SEND_PROXY] = NLA_POLICY_MAX(NLA_U32, 2),
	[TCPVS_A_SERVICE_ALLOW] = NLA_POLICY_MASK(NLA_U32, 0x3),
	[TCPVS_A_SERVICE_FALLBACK] = NLA_POLICY_NESTED(tcpvs_address_nl_policy),
	[TCPVS_A_SERVICE_HASH] = NLA_POLICY_NESTED(tcpvs_hash_nl_policy),
	[TCPVS_A_SERVICE_COOKIE] = NLA_POLICY_NESTED(tcpvs_cookie_nl_policy),
	[TCPVS_A_SERVICE_SERVER_HISTOGRAMS] = NLA_POLICY_MAX(NLA_U32, 1),
};

/* TCPVS_CMD_SERVICE_DEL - do */
static const struct nla_policy tcpvs_service_del_nl_policy[TCPVS_A_SERVICE_NAME + 1] = {
	[TCPVS_A_SERVICE_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* TCPVS_CMD_SERVICE_START - do */
static const struct nla_policy tcpvs_service_start_nl_policy[TCPVS_A_SERVICE_NAME + 1] = {
	[TCPVS_A_SERVICE_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* TCPVS_CMD_SERVICE_STOP - do */
static const struct nla_policy tcpvs_service_stop_nl_policy[TCPVS_A_SERVICE_NOW + 1] = {
	[TCPVS_A_SERVICE_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
	[TCPVS_A_SERVICE_NOW] = { .type = NLA_FLAG, },
};

/* TCPVS_CMD_SERVER_GET - do */
static const struct nla_policy tcpvs_server_get_do_nl_policy[TCPVS_A_SERVER_ADDRESS + 1] = {
	[TCPVS_A_SERVER_SERVICE] = { .type = NLA_NUL_STRING, .len = 31, },
	[TCPVS_A_SERVER_ADDRESS] = NLA_POLICY_NESTED(tcpvs_address_nl_policy),
};

/* TCPVS_CMD_SERVER_GET - dump */
static const struct nla_policy tcpvs_server_get_dump_nl_policy[TCPVS_A_SERVER_BRIEF + 1] = {
	[TCPVS_A_SERVER_SERVICE] = { .type = NLA_NUL_STRING, .len = 31, },
	[TCPVS_A_SERVER_BRIEF] = { .type = NLA_FLAG, },
};

/* TCPVS_CMD_SERVER_NEW - do */
static const struct nla_policy tcpvs_server_new_nl_policy[TCPVS_A_SERVER_WEIGHT + 1] = {
	[TCPVS_A_SERVER_SERVICE] = { .type = NLA_NUL_STRING, .len = 31, },
	[TCPVS_A_SERVER_ADDRESS] = NLA_POLICY_NESTED(tcpvs_address_nl_policy),
	[TCPVS_A_SERVER_WEIGHT] = NLA_POLICY_FULL_RANGE(NLA_U32, &tcpvs_a_server_weight_range),
};

/* TCPVS_CMD_SERVER_SET - do */
static const struct nla_policy tcpvs_server_set_nl_policy[TCPVS_A_SERVER_WEIGHT + 1] = {
	[TCPVS_A_SERVER_SERVICE] = { .type = NLA_NUL_STRING, .len = 31, },
	[TCPVS_A_SERVER_ADDRESS] = NLA_POLICY_NESTED(tcpvs_address_nl_policy),
	[TCPVS_A_SERVER_WEIGHT] = NLA_POLICY_FULL_RANGE(NLA_U32, &tcpvs_a_server_weight_range),
};

/* TCPVS_CMD_SERVER_DEL - do */
static const struct nla_policy tcpvs_server_del_nl_policy[TCPVS_A_SERVER_ADDRESS + 1] = {
	[TCPVS_A_SERVER_SERVICE] = { .type = NLA_NUL_STRING, .len = 31, },
	[TCPVS_A_SERVER_ADDRESS] = NLA_POLICY_NESTED(tcpvs_address_nl_policy),
};

/* TCPVS_CMD_TRANSACTION_BEGIN - do */
static const struct nla_policy tcpvs_transaction_begin_nl_policy[TCPVS_A_TRANSACTION_GENERATION + 1] = {
	[TCPVS_A_TRANSACTION_GENERATION] = { .type = NLA_U32, },
};

/* TCPVS_CMD_TRANSACTION_COMMIT - do */
static const struct nla_policy tcpvs_transaction_commit_nl_policy[TCPVS_A_TRANSACTION_DRY_RUN + 1] = {
	[TCPVS_A_TRANSACTION_DRY_RUN] = { .type = NLA_FLAG, },
};

/* TCPVS_CMD_STATS_ZERO - do */
static const struct nla_policy tcpvs_stats_zero_nl_policy[TCPVS_A_SERVER_ADDRESS + 1] = {
	[TCPVS_A_SERVER_SERVICE] = { .type = NLA_NUL_STRING, .len = 31, },
	[TCPVS_A_SERVER_ADDRESS] = NLA_POLICY_NESTED(tcpvs_address_nl_policy),
};

/* TCPVS_CMD_CONNECTION_GET - dump */
static const struct nla_policy tcpvs_connection_get_nl_policy[TCPVS_A_CONNECTION_CLIENTS + 1] = {
	[TCPVS_A_CONNECTION_SERVICE] = { .type = NLA_NUL_STRING, .len = 31, },
	[TCPVS_A_CONNECTION_SERVER] = NLA_POLICY_NESTED(tcpvs_address_nl_policy),
	[TCPVS_A_CONNECTION_CLIENTS] = NLA_POLICY_NESTED(tcpvs_network_nl_policy),
};

/* TCPVS_CMD_CONNECTION_KILL - do */
static const struct nla_policy tcpvs_connection_kill_nl_policy[TCPVS_A_CONNECTION_ID + 1] = {
	[TCPVS_A_CONNECTION_ID] = { .type = NLA_UINT, },
};

/* TCPVS_CMD_RULES_BEGIN - do */
static const struct nla_policy tcpvs_rules_begin_nl_policy[TCPVS_A_RULES_EXPRESSIONS + 1] = {
	[TCPVS_A_RULES_SERVICE] = { .type = NLA_NUL_STRING, .len = 31, },
	[TCPVS_A_RULES_EXPRESSIONS] = NLA_POLICY_FULL_RANGE(NLA_U32, &tcpvs_a_rules_expressions_range),
};

/* TCPVS_CMD_RULES_AUTOMATON - do */
static const struct nla_policy tcpvs_rules_automaton_nl_policy[TCPVS_A_RULES_DATA + 1] = {
	[TCPVS_A_RULES_SERVICE] = { .type = NLA_NUL_STRING, .len = 31, },
	[TCPVS_A_RULES_INPUT] = NLA_POLICY_MAX(NLA_U32, 4),
	[TCPVS_A_RULES_SIZE] = { .type = NLA_U32, },
	[TCPVS_A_RULES_DATA] = { .type = NLA_BINARY, },
};

/* TCPVS_CMD_RULES_SET - do */
static const struct nla_policy tcpvs_rules_set_nl_policy[TCPVS_A_RULES_HASH + 1] = {
	[TCPVS_A_RULES_SERVICE] = { .type = NLA_NUL_STRING, .len = 31, },
	[TCPVS_A_RULES_SET] = NLA_POLICY_MIN(NLA_U32, 1),
	[TCPVS_A_RULES_SCHEDULER] = { .type = NLA_NUL_STRING, .len = 15, },
	[TCPVS_A_RULES_SERVER] = NLA_POLICY_NESTED(tcpvs_address_nl_policy),
	[TCPVS_A_RULES_HASH] = NLA_POLICY_NESTED(tcpvs_hash_nl_policy),
};

/* TCPVS_CMD_RULES_ADD - do */
static const struct nla_policy tcpvs_rules_add_nl_policy[TCPVS_A_RULES_RULE + 1] = {
	[TCPVS_A_RULES_SERVICE] = { .type = NLA_NUL_STRING, .len = 31, },
	[TCPVS_A_RULES_RULE] = NLA_POLICY_NESTED(tcpvs_rule_nl_policy),
};

/* TCPVS_CMD_RULES_END - do */
static const struct nla_policy tcpvs_rules_end_nl_policy[TCPVS_A_RULES_SERVICE + 1] = {
	[TCPVS_A_RULES_SERVICE] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* TCPVS_CMD_RULE_GET - dump */
static const struct nla_policy tcpvs_rule_get_nl_policy[TCPVS_A_RULES_SERVICE + 1] = {
	[TCPVS_A_RULES_SERVICE] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* TCPVS_CMD_RULE_SET_GET - dump */
static const struct nla_policy tcpvs_rule_set_get_nl_policy[TCPVS_A_RULES_SERVICE + 1] = {
	[TCPVS_A_RULES_SERVICE] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* TCPVS_CMD_HISTOGRAM_GET - dump */
static const struct nla_policy tcpvs_histogram_get_nl_policy[TCPVS_A_HISTOGRAM_SERVER + 1] = {
	[TCPVS_A_HISTOGRAM_SERVICE] = { .type = NLA_NUL_STRING, .len = 31, },
	[TCPVS_A_HISTOGRAM_SERVER] = NLA_POLICY_NESTED(tcpvs_address_nl_policy),
};

/* Ops table for tcpvs */
static const struct genl_split_ops tcpvs_nl_ops[] = {
	{
		.cmd		= TCPVS_CMD_INFO_GET,
		.pre_doit	= tcpvs_nl_pre_doit,
		.doit		= tcpvs_nl_info_get_doit,
		.post_doit	= tcpvs_nl_post_doit,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= TCPVS_CMD_SETTINGS_GET,
		.pre_doit	= tcpvs_nl_pre_doit,
		.doit		= tcpvs_nl_settings_get_doit,
		.post_doit	= tcpvs_nl_post_doit,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= TCPVS_CMD_SETTINGS_SET,
		.pre_doit	= tcpvs_nl_pre_doit_admin,
		.doit		= tcpvs_nl_settings_set_doit,
		.post_doit	= tcpvs_nl_post_doit,
		.policy		= tcpvs_settings_set_nl_policy,
		.maxattr	= TCPVS_A_SETTINGS_MAX_CONNECTIONS,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= TCPVS_CMD_SERVICE_GET,
		.pre_doit	= tcpvs_nl_pre_doit,
		.doit		= tcpvs_nl_service_get_doit,
		.post_doit	= tcpvs_nl_post_doit,
		.policy		= tcpvs_service_get_nl_policy,
		.maxattr	= TCPVS_A_SERVICE_NAME,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= TCPVS_CMD_SERVICE_GET,
		.start	= tcpvs_nl_dump_start,
		.dumpit	= tcpvs_nl_service_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= TCPVS_CMD_SERVICE_NEW,
		.pre_doit	= tcpvs_nl_pre_doit_admin,
		.doit		= tcpvs_nl_service_new_doit,
		.post_doit	= tcpvs_nl_post_doit,
		.policy		= tcpvs_service_new_nl_policy,
		.maxattr	= TCPVS_A_SERVICE_SERVER_HISTOGRAMS,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= TCPVS_CMD_SERVICE_SET,
		.pre_doit	= tcpvs_nl_pre_doit_admin,
		.doit		= tcpvs_nl_service_set_doit,
		.post_doit	= tcpvs_nl_post_doit,
		.policy		= tcpvs_service_set_nl_policy,
		.maxattr	= TCPVS_A_SERVICE_SERVER_HISTOGRAMS,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= TCPVS_CMD_SERVICE_DEL,
		.pre_doit	= tcpvs_nl_pre_doit_admin,
		.doit		= tcpvs_nl_service_del_doit,
		.post_doit	= tcpvs_nl_post_doit,
		.policy		= tcpvs_service_del_nl_policy,
		.maxattr	= TCPVS_A_SERVICE_NAME,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= TCPVS_CMD_SERVICE_START,
		.pre_doit	= tcpvs_nl_pre_doit_admin,
		.doit		= tcpvs_nl_service_start_doit,
		.post_doit	= tcpvs_nl_post_doit,
		.policy		= tcpvs_service_start_nl_policy,
		.maxattr	= TCPVS_A_SERVICE_NAME,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= TCPVS_CMD_SERVICE_STOP,
		.pre_doit	= tcpvs_nl_pre_doit_admin,
		.doit		= tcpvs_nl_service_stop_doit,
		.post_doit	= tcpvs_nl_post_doit,
		.policy		= tcpvs_service_stop_nl_policy,
		.maxattr	= TCPVS_A_SERVICE_NOW,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= TCPVS_CMD_FLUSH,
		.pre_doit	= tcpvs_nl_pre_doit_admin,
		.doit		= tcpvs_nl_flush_doit,
		.post_doit	= tcpvs_nl_post_doit,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= TCPVS_CMD_SERVER_GET,
		.pre_doit	= tcpvs_nl_pre_doit,
		.doit		= tcpvs_nl_server_get_doit,
		.post_doit	= tcpvs_nl_post_doit,
		.policy		= tcpvs_server_get_do_nl_policy,
		.maxattr	= TCPVS_A_SERVER_ADDRESS,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= TCPVS_CMD_SERVER_GET,
		.start		= tcpvs_nl_dump_start,
		.dumpit		= tcpvs_nl_server_get_dumpit,
		.policy		= tcpvs_server_get_dump_nl_policy,
		.maxattr	= TCPVS_A_SERVER_BRIEF,
		.flags		= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= TCPVS_CMD_SERVER_NEW,
		.pre_doit	= tcpvs_nl_pre_doit_admin,
		.doit		= tcpvs_nl_server_new_doit,
		.post_doit	= tcpvs_nl_post_doit,
		.policy		= tcpvs_server_new_nl_policy,
		.maxattr	= TCPVS_A_SERVER_WEIGHT,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= TCPVS_CMD_SERVER_SET,
		.pre_doit	= tcpvs_nl_pre_doit_admin,
		.doit		= tcpvs_nl_server_set_doit,
		.post_doit	= tcpvs_nl_post_doit,
		.policy		= tcpvs_server_set_nl_policy,
		.maxattr	= TCPVS_A_SERVER_WEIGHT,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= TCPVS_CMD_SERVER_DEL,
		.pre_doit	= tcpvs_nl_pre_doit_admin,
		.doit		= tcpvs_nl_server_del_doit,
		.post_doit	= tcpvs_nl_post_doit,
		.policy		= tcpvs_server_del_nl_policy,
		.maxattr	= TCPVS_A_SERVER_ADDRESS,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= TCPVS_CMD_SCHEDULER_GET,
		.start	= tcpvs_nl_dump_start,
		.dumpit	= tcpvs_nl_scheduler_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd	= TCPVS_CMD_WORKER_GET,
		.start	= tcpvs_nl_dump_start,
		.dumpit	= tcpvs_nl_worker_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= TCPVS_CMD_TRANSACTION_BEGIN,
		.pre_doit	= tcpvs_nl_pre_doit_admin,
		.doit		= tcpvs_nl_transaction_begin_doit,
		.post_doit	= tcpvs_nl_post_doit,
		.policy		= tcpvs_transaction_begin_nl_policy,
		.maxattr	= TCPVS_A_TRANSACTION_GENERATION,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= TCPVS_CMD_TRANSACTION_COMMIT,
		.pre_doit	= tcpvs_nl_pre_doit_admin,
		.doit		= tcpvs_nl_transaction_commit_doit,
		.post_doit	= tcpvs_nl_post_doit,
		.policy		= tcpvs_transaction_commit_nl_policy,
		.maxattr	= TCPVS_A_TRANSACTION_DRY_RUN,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= TCPVS_CMD_TRANSACTION_ABORT,
		.pre_doit	= tcpvs_nl_pre_doit_admin,
		.doit		= tcpvs_nl_transaction_abort_doit,
		.post_doit	= tcpvs_nl_post_doit,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= TCPVS_CMD_STATS_ZERO,
		.pre_doit	= tcpvs_nl_pre_doit_admin,
		.doit		= tcpvs_nl_stats_zero_doit,
		.post_doit	= tcpvs_nl_post_doit,
		.policy		= tcpvs_stats_zero_nl_policy,
		.maxattr	= TCPVS_A_SERVER_ADDRESS,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= TCPVS_CMD_CONNECTION_GET,
		.start		= tcpvs_nl_connection_get_start_admin,
		.dumpit		= tcpvs_nl_connection_get_dumpit,
		.done		= tcpvs_nl_connection_get_done,
		.policy		= tcpvs_connection_get_nl_policy,
		.maxattr	= TCPVS_A_CONNECTION_CLIENTS,
		.flags		= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= TCPVS_CMD_CONNECTION_KILL,
		.pre_doit	= tcpvs_nl_pre_doit_admin,
		.doit		= tcpvs_nl_connection_kill_doit,
		.post_doit	= tcpvs_nl_post_doit,
		.policy		= tcpvs_connection_kill_nl_policy,
		.maxattr	= TCPVS_A_CONNECTION_ID,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= TCPVS_CMD_RULES_BEGIN,
		.pre_doit	= tcpvs_nl_pre_doit_piece,
		.doit		= tcpvs_nl_rules_begin_doit,
		.post_doit	= tcpvs_nl_post_doit_piece,
		.policy		= tcpvs_rules_begin_nl_policy,
		.maxattr	= TCPVS_A_RULES_EXPRESSIONS,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= TCPVS_CMD_RULES_AUTOMATON,
		.pre_doit	= tcpvs_nl_pre_doit_piece,
		.doit		= tcpvs_nl_rules_automaton_doit,
		.post_doit	= tcpvs_nl_post_doit_piece,
		.policy		= tcpvs_rules_automaton_nl_policy,
		.maxattr	= TCPVS_A_RULES_DATA,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= TCPVS_CMD_RULES_SET,
		.pre_doit	= tcpvs_nl_pre_doit_piece,
		.doit		= tcpvs_nl_rules_set_doit,
		.post_doit	= tcpvs_nl_post_doit_piece,
		.policy		= tcpvs_rules_set_nl_policy,
		.maxattr	= TCPVS_A_RULES_HASH,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= TCPVS_CMD_RULES_ADD,
		.pre_doit	= tcpvs_nl_pre_doit_piece,
		.doit		= tcpvs_nl_rules_add_doit,
		.post_doit	= tcpvs_nl_post_doit_piece,
		.policy		= tcpvs_rules_add_nl_policy,
		.maxattr	= TCPVS_A_RULES_RULE,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= TCPVS_CMD_RULES_END,
		.pre_doit	= tcpvs_nl_pre_doit_piece,
		.doit		= tcpvs_nl_rules_end_doit,
		.post_doit	= tcpvs_nl_post_doit_piece,
		.policy		= tcpvs_rules_end_nl_policy,
		.maxattr	= TCPVS_A_RULES_SERVICE,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= TCPVS_CMD_RULE_GET,
		.start		= tcpvs_nl_rule_get_start,
		.dumpit		= tcpvs_nl_rule_get_dumpit,
		.policy		= tcpvs_rule_get_nl_policy,
		.maxattr	= TCPVS_A_RULES_SERVICE,
		.flags		= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= TCPVS_CMD_RULE_SET_GET,
		.start		= tcpvs_nl_dump_start,
		.dumpit		= tcpvs_nl_rule_set_get_dumpit,
		.policy		= tcpvs_rule_set_get_nl_policy,
		.maxattr	= TCPVS_A_RULES_SERVICE,
		.flags		= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= TCPVS_CMD_HISTOGRAM_GET,
		.start		= tcpvs_nl_histogram_get_start,
		.dumpit		= tcpvs_nl_histogram_get_dumpit,
		.done		= tcpvs_nl_histogram_get_done,
		.policy		= tcpvs_histogram_get_nl_policy,
		.maxattr	= TCPVS_A_HISTOGRAM_SERVER,
		.flags		= GENL_CMD_CAP_DUMP,
	},
};

static const struct genl_multicast_group tcpvs_nl_mcgrps[] = {
	[TCPVS_NLGRP_CONFIG] = { "config", },
	[TCPVS_NLGRP_LOG] = { "log", },
};

struct genl_family tcpvs_nl_family __ro_after_init = {
	.name		= TCPVS_FAMILY_NAME,
	.version	= TCPVS_FAMILY_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.split_ops	= tcpvs_nl_ops,
	.n_split_ops	= ARRAY_SIZE(tcpvs_nl_ops),
	.mcgrps		= tcpvs_nl_mcgrps,
	.n_mcgrps	= ARRAY_SIZE(tcpvs_nl_mcgrps),
};
