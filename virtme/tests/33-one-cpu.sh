#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 120
# alone: it is about the share of two workers
#
# All packets arrive on one CPU, and every worker works.
#
#	wrk on CPU 0           workers on CPU 0, 1       nginx on CPU 0
#	10.1.0.1  ---------> 10.1.0.254 ------------->  10.2.0.1 .. 3
#
# On veth the CPU that sends is the CPU that receives, so pinning the client
# makes CPU 0 take every handshake, and the kernel gives all connections to the
# worker of that CPU. It must hand on what is more than its share.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/traffic.sh"

if [ "$(nproc)" -lt 2 ]; then bail "this needs two CPUs"; fi
topology 3
for dev in c0 b0 b1 s0; do
	for ns in "$C" "$B" "$S"; do
		ip netns exec "$ns" bash -c "
			for f in /sys/class/net/$dev/queues/*/[rx]ps_cpus; do [ ! -e \$f ] || echo 0 >\$f; done" 2>/dev/null
	done
done
start_nginx
for pid in $(pgrep -F "$TMP/nginx/pid"; pgrep -P "$(cat "$TMP/nginx/pid")"); do taskset -pc 0 "$pid" >/dev/null; done
load_module
service web "$VIP:80" --mode http -s rr -- 10.2.0.1:80 10.2.0.2:80 10.2.0.3:80

read_workers || bail "workers are listed"
declare -A old=()
for key in "${!wk[@]}"; do old[$key]=${wk[$key]}; done
client taskset -c 0 wrk -t 1 -c 32 -d "$((8 * TIME_FACTOR))" --timeout 60s "http://$VIP/" >"$TMP/wrk" 2>&1
balanced() { read_workers && [ $((${wk[0.connections]} - ${wk[1.connections]})) -le 6 ] && [ "${wk[1.connections]}" -ge 12 ]; }
check "32 connections lie on both workers" poll 7 balanced
wait $pid
diag "$(adm show workers)"
read_workers
grow() { echo $((${wk[$1]} - ${old[$1]})); }
is "$(grow 1.accepted)" 0 "worker 1 accepted nothing: all handshakes were on CPU 0"
at_least "$(grow 0.accepted)" 32 "worker 0 accepted them"
at_least "$(grow 1.handoffs_in)" 12 "worker 1 took connections over"
is "$(grow 0.handoffs_out)" "$(grow 1.handoffs_in)" "... as many as worker 0 gave away"
counted web handoffs "$(grow 0.handoffs_out)" "... counted with the service"
all=$(($(grow 0.requests) + $(grow 1.requests)))
at_least $(($(grow 1.requests) * 100 / all)) 25 "worker 1 served a good part of the requests (percent)"
at_least $(($(grow 0.requests) * 100 / all)) 25 "worker 0 too (percent)"
is "$(grep -cE 'Non-2xx|Socket errors' "$TMP/wrk")" 0 "every request was answered well"
counted web requests "$all" "the workers' requests are the service's"

# A lone connection stays where its packets are.
read_workers
for key in "${!wk[@]}"; do old[$key]=${wk[$key]}; done
for ((i = 0; i < 10; i++)); do inc taskset -c 0 curl -s -o /dev/null "http://$VIP/"; done
read_workers
is "$(grow 0.handoffs_out)" 0 "one connection at a time is not handed on"
