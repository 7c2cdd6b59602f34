#!/bin/bash
# SPDX-License-Identifier: MIT
#
#	wrk, 32 connections -- ktcpvs | HAProxy | nginx -- nginx, 2 addresses
#
# A balancer in the kernel that is slower than those in user space has no
# reason to be. This is no timed test: all three are measured in turn in one
# run, and only a ratio is asked for, far below what it should be: the median
# of those within each round. A machine too busy for that gets twice the rounds.
# On a debug kernel ktcpvs alone pays for its checks, so there all that counts
# is that every request succeeds.
# release kernels: a ratio of speeds means nothing under sanitizers
# limit: 400
# alone: it compares speeds
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../bench/lib.sh"

balancers=(ktcpvs haproxy nginx)
rounds=5
debug=
if [ -e /proc/lockdep ]; then
	debug=1 rounds=1
fi

bench_setup
for i in "${balancers[@]}"; do
	bench_start "$i"
done
bench_size small "$rounds" 1 "${balancers[@]}"
ratio=$("$BENCH/report" --ratio small "$TMP/rows") || bail "every balancer was measured"
if ! [ "$debug" ] && [ "$ratio" -le 100 ]; then
	diag "$ratio % after $rounds rounds: once more"
	bench_size small "$rounds" 1 "${balancers[@]}"
	ratio=$("$BENCH/report" --ratio small "$TMP/rows") || bail "every balancer was measured"
fi
"$BENCH/report" --machine "$(bench_machine)" --versions "$(bench_version ktcpvs)" --rounds "$rounds" --seconds 1 \
	--connections "$BENCH_CONNECTIONS" "$TMP/rows" | sed 's/^/# /'
if [ "$debug" ]; then
	diag "on this kernel $ratio % of the better of HAProxy and nginx"
else
	at_least "$ratio" 101 "small responses: percent of the better of HAProxy and nginx"
fi
