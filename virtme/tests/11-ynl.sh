#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 120
#
# The kernel's own YNL client with our specification: it lists, creates, changes
# and deletes every kind of object, stages a table of rules in a transaction, is
# told of changes, and gets our reasons when it is refused.
#
#	cli.py --- netlink --- ktcpvs, in a namespace with nothing but lo
#
# An operation that the specification has and this test does not use fails it.
. "$(dirname "$0")/lib.sh"

load_module
ip netns add "$B" || bail "namespace"
on_exit "end_netns $B"
ip -n "$B" link set lo up

status=0
inb python3 -B "$(dirname "$0")/ynl.py" "$(realpath "$(dirname "$0")/../../module/netlink/specs/tcpvs.yaml")" \
	>"$TMP/ynl" 2>&1 || status=$?
tap_of "$TMP/ynl" $status
