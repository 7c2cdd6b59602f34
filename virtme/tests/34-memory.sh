#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 240
#
# One allocation of five fails in the relay, and nobody gets half a body.
#
#	pattern drive          ktcpvs                    pattern serve
#	10.1.0.1  ---------> 10.1.0.254 --------------> 10.2.0.1
#	                     tcpvs_gather_alloc() = -ENOMEM, 20 %
#
# A transfer completes, or it is broken so that both sides see it. No socket
# event tells when memory is there again, so a transfer that is not continued
# by a timer stalls for ever: the time limit finds that.
#
# Fault injection is a feature of the debug kernel; where the kernel has none,
# this says so and tests the same transfers without faults.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/traffic.sh"

topology 1
load_module
server pattern serve --mode http --listen 10.2.0.1:9100 >"$TMP/serve.http" 2>&1
server pattern serve --mode tcp --listen 10.2.0.1:9200 >"$TMP/serve.tcp" 2>&1
poll 10 server_listens 10.2.0.1 9100 || bail "pattern serve"
poll 10 server_listens 10.2.0.1 9200 || bail "pattern serve"
service http "$VIP:80" --mode http -s rr -- 10.2.0.1:9100
service tcp "$VIP:90" --mode tcp -s rr -- 10.2.0.1:9200

fail=/sys/kernel/debug/fail_function
mountpoint -q /sys/kernel/debug || mount -t debugfs none /sys/kernel/debug
faults=''
if [ -d $fail ]; then
	faults=1
	on_exit "echo >$fail/inject"
	# Only the workers are to fail, and silently.
	echo tcpvs_gather_alloc >$fail/inject || bail "tcpvs_gather_alloc can be made to fail"
	printf '%#x' $((-12)) >$fail/tcpvs_gather_alloc/retval
	echo 20 >$fail/probability
	echo 1 >$fail/interval
	echo -1 >$fail/times
	echo 0 >$fail/verbose
	echo N >$fail/task-filter
else
	diag "this kernel has no CONFIG_FAIL_FUNCTION: no faults are injected"
fi

for mode in http tcp; do
	port=80
	if [ $mode = tcp ]; then port=90; fi
	n=$(scaled 400)
	status=0
	inc pattern drive --connect "$VIP:$port" --mode $mode --clients 16 --count "$n" --size 0-300k \
		--allow-broken --timeout "$((60 * TIME_FACTOR))s" >"$TMP/drive" 2>"$TMP/err" || status=$?
	diag "$(cat "$TMP/drive" "$TMP/err")"
	is "$status $(summary "$TMP/drive" wrong) $(summary "$TMP/drive" truncated)" "0 0 0" \
		"mode $mode: no wrong byte, no silent end"
	is $(($(summary "$TMP/drive" exchanges) + $(summary "$TMP/drive" broken))) "$n" \
		"mode $mode: all $n transfers ended, none stalled"
	at_least "$(summary "$TMP/drive" exchanges)" $((n / 2)) "mode $mode: most of them were complete"
	read_stats $mode
	diag "memory_waits ${st[memory_waits]} broken ${st[broken]} aborted ${st[aborted]}"
	if [ -n "$faults" ]; then at_least "${st[memory_waits]}" 10 "mode $mode: waits for memory are counted"; fi
	# What broke on the client's side is in our accounts.
	at_least $((st[broken] + st[aborted] + st[resets_client] + st[resets_server])) \
		"$(summary "$TMP/drive" broken)" "mode $mode: what broke is counted"
	check "mode $mode: nothing hangs on" poll 10 stat_is $mode active 0
done
