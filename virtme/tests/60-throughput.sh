#!/bin/bash
# SPDX-License-Identifier: MIT
#
#	wrk, 32 connections -- ktcpvs | HAProxy | nginx -- nginx, 2 addresses
#
# A balancer in the kernel that is slower than those in user space has no
# reason to be. This is no timed test: all three are measured in turn in one
# run, and only the ratio of their medians is asked for, far below what it
# should be. On a debug kernel the price of its checks is paid by ktcpvs alone,
# so there all that counts is that every request succeeds.
# limit: 240
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../bench/lib.sh"

balancers=(ktcpvs haproxy nginx)
rounds=3
debug=
if [ -e /proc/lockdep ]; then
	debug=1 rounds=1
fi

bench_setup
for i in "${balancers[@]}"; do
	bench_start "$i"
done
bench_size small "$rounds" 2 "${balancers[@]}"
"$BENCH/report" --machine "$(bench_machine)" --rounds "$rounds" --seconds 2 \
	--connections "$BENCH_CONNECTIONS" "$TMP/rows" | sed 's/^/# /'
ratio=$("$BENCH/report" --ratio small "$TMP/rows") || bail "every balancer was measured"
if [ "$debug" ]; then
	diag "on this kernel $ratio % of the better of HAProxy and nginx"
else
	at_least "$ratio" 101 "small responses: percent of the better of HAProxy and nginx"
fi
