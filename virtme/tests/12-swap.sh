#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 120
#
# A whole configuration is replaced in one transaction, while a client sends
# request after request on one connection: each is answered, and none waits for
# the commit. "make bench-swap" is the same at full scale.
#
#	swap: client ---> ktcpvs 127.1.0.0:80 ---> 127.2.0.0 ..:8000, all on lo
#	swap -stage: netlink
. "$(dirname "$0")/lib.sh"

load_module
ip netns add "$B" || bail "namespace"
on_exit "end_netns $B"
ip -n "$B" link set lo up

status=0
inb swap -services "$(scaled 100)" -servers 5 -rules 20 -rounds 3 -most "$((2 * TIME_FACTOR))s" >"$TMP/swap" 2>&1 || status=$?
tap_of "$TMP/swap" $status
