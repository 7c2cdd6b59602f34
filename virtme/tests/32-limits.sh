#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 300
#
# Bounds: connections of a service, and memory behind a reader that stalls.
#
#	slowclient, curl       ktcpvs                   badserver :9000
#	10.1.0.1  ---------> 10.1.0.254 ------------->  10.2.0.1 .. 2
#	stalls              |            |
#	                    send queue   receive queue: both together at most 2 MB
#
# A client that has read much has made the windows large, and then it stalls:
# what lies in the send buffer of its leg and in the receive buffer of the
# server's is memory that it costs the balancer. One byte a segment is the
# worst way to fill it: each could pin a page.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/traffic.sh"

topology 2
load_module
bad 9000

# --- connections

service http "$VIP:80" --mode http -s rr --max-connections 10 --head-timeout 60s -- 10.2.0.1:9000
client slowclient idle --connect "$VIP:80" --clients 10 --hold 60s >"$TMP/idle" 2>&1
check "10 of 10 connections are open" poll 10 stat_is http active 10
is "$(code "http://$VIP:80/ok") $(code "http://$VIP:80/ok")" "503 503" "mode http: the next ones are told 503"
counted http refused_limit 2 "... counted"
is "${st[connections]} ${st[active]}" "10 10" "... and not as connections"
end $pid
poll 10 stat_is http active 0
is "$(code "http://$VIP:80/ok")" 200 "when they have gone, there is room again"
service tcp "$VIP:81" --mode tcp -s wlc --max-connections 10 -- 10.2.0.1:9000
client slowclient idle --connect "$VIP:81" --clients 10 --hold 60s >"$TMP/idle" 2>&1
check "mode tcp: 10 of 10 connections are open" poll 10 stat_is tcp active 10
# 7 if the reset came before curl looked whether it is connected, 55 if it came
# before curl had sent, else 56.
like "$(outcome "http://$VIP:81/ok")" '^000 (7|55|56)$' "mode tcp: the next one is reset"
counted tcp refused_limit 1 "... counted"
adm -E -i tcp --max-connections 12
is "$(code "http://$VIP:81/ok")" 200 "a limit that is raised holds at once"
end $pid
check "mode tcp: closed ones do not count any more" poll 10 stat_is tcp active 0

# --- memory behind a stalled reader

# parked: bytes of memory that the balancer's sockets hold in their queues.
parked() {
	inb ss -Htnm state connected | grep -oE 'skmem:\([^)]*\)' |
		sed 's/skmem:(//; s/)//' | tr ',' '\n' |
		awk '/^r[0-9]/ || /^w[0-9]/ || /^f[0-9]/ || /^bl[0-9]/ { gsub(/[a-z]/, ""); n += $1 } END { print n + 0 }'
}

# settled: parked, when it does not grow any more.
settled() {
	local last=-1 now

	for _ in $(seq 50); do
		now=$(parked)
		if [ "$now" = "$last" ]; then break; fi
		last=$now
		sleep 0.3
	done
	echo "$now"
}

service other "$VIP:83" --mode http -s rr -- 10.2.0.2:9000
urls=()
for ((i = 0; i < 20; i++)); do urls+=(-o /dev/null "http://$VIP:83/ok"); done
median() { get -w '%{time_total}\n' "${urls[@]}" | awk '{ print int($1 * 1000000) }' | sort -n | sed -n 10p; }

before=$(parked)
quiet=$(median)
mb=$(scaled 400)
for mode in http tcp; do
	port=80
	if [ $mode = tcp ]; then port=81; fi
	# One frame of known length: the bytes read are the bytes relayed.
	client slowclient stall --connect "$VIP:$port" --path '/endless?framing=length' \
		--read "${mb}M" --hold 100s >"$TMP/stall" 2>&1
	check "mode $mode: a client reads $mb MB and stalls" poll 60 grep -q stalled "$TMP/stall"
	now=$(($(settled) - before))
	diag "$(inb ss -Htnm state established | grep -oE 'skmem:\([^)]*\)' | tr '\n' ' ')"
	diag "TCP memory of the whole machine: $(awk '/^TCP:/ { print $NF }' /proc/net/sockstat) pages"
	at_most $now $((2 << 20)) "mode $mode: it parks at most 2 MB (bytes)"
	at_least $now 4096 "... and something is parked, so this measures"
	beside=$(median)
	diag "median of another's request in microseconds: quiet $quiet, beside the stalled reader $beside"
	at_most "$beside" $((3 * quiet + 20000)) "mode $mode: others are not slower for it (microseconds)"
	end $pid
	check "mode $mode: its end frees everything" poll 10 stat_is $mode active 0
done

# Many bytes, one a segment, to clients that read none of them.
n=$(scaled 8)
bytes=$(scaled 60000)
free() { awk '/^MemAvailable/ { print $2 * 1024 }' /proc/meminfo; }
poll 10 stat_is http active 0
before=$(parked)
mem=$(free)
client slowclient stall --connect "$VIP:80" --clients "$n" --rcvbuf 4k --read 0 --hold 100s \
	--path "/dribble?size=$bytes&ms=0" >"$TMP/stall" 2>&1
# All that the server sends gets as far as our two legs, or it is held back.
sent() { read_stats http && [ "${st[active]}" = "$n" ] && [ "$(inb ss -Htin "dport = :9000" | grep -oE 'bytes_received:[0-9]+' | cut -d: -f2 | awk -v b="$bytes" '$1 >= b * 9 / 10 { n++ } END { print n + 0 }')" = "$n" ]; }
check "$n servers send $bytes bytes, one a segment, to stalled readers" poll 60 sent
now=$(($(settled) - before))
mem=$((mem - $(free)))
diag "parked: $now bytes by the sockets' account; free memory went down by $mem"
at_most $now $((n * 2 << 20)) "one byte a segment: at most 2 MB a client (bytes)"
# Pinned pages would be 4 KiB a byte. The machine's own noise is allowed for: the
# servers' and the clients' sockets, and what KASAN keeps back on a debug kernel.
at_most $mem $(((n * 4 + 32) << 20)) "... and as little by the machine's account (bytes)"
end $pid
check "all is freed" poll 10 stat_is http active 0
