#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 240
# leaks: allocations that fail
#
# TCP's memory is one pool for the machine. When it runs short, connections that
# stand still with full buffers are given up, the stalest first, and others are
# served on.
#
#	slowclient x 24        ktcpvs                   badserver :9000
#	10.1.0.1  ---------> 10.1.0.254 ------------->  10.2.0.1
#	stall                 net.ipv4.tcp_mem made small
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/traffic.sh"

topology 1
load_module
bad 9000
service web "$VIP:80" --mode http -s rr -- 10.2.0.1:9000
service tcp "$VIP:90" --mode tcp -s rr -- 10.2.0.1:9000

was=$(sysctl -n net.ipv4.tcp_mem)
on_exit "sysctl -qw net.ipv4.tcp_mem='$was'"

client slowclient stall --connect "$VIP:80" --clients 24 --read 64k --hold 100s \
	--path '/endless?framing=length' >"$TMP/stall" 2>&1
stalled=$pid
all_stall() { read_stats web && [ "${st[active]}" = 24 ]; }
check "24 clients stall in the middle of a response" poll 60 all_stall
sleep 2 # they are to be without progress for longer than a second
read_stats web
is "${st[evicted]}" 0 "with memory enough they are left alone"

# Pressure begins at a quarter of what the stalled ones hold, and ends below.
pages=$(awk '/^TCP:/ { print $NF }' /proc/net/sockstat)
diag "TCP holds $pages pages"
sysctl -qw net.ipv4.tcp_mem="$((pages / 8)) $((pages / 4)) $((pages * 4))"
# Pressure is noticed by TCP when somebody allocates.
evicted() {
	get -o /dev/null -m 5 "http://$VIP/ok"
	read_stats web && [ "${st[evicted]}" -ge "$1" ]
}
check "under pressure the stalled ones are given up" poll 60 evicted 5
is "$(get "http://$VIP/ok")" ok "... and others are served"
read_stats web
is "${st[broken]}" "${st[evicted]}" "each of them sees a broken response, not a short one"
at_most "${st[evicted]}" 24 "... and nobody else"
sysctl -qw net.ipv4.tcp_mem="$was"
end "$stalled"
check "all is freed" poll 20 stat_is web active 0
