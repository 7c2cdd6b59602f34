#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 900
# leaks: everything that ends
#
# Everything can end at any time, and leaves nothing behind.
#
#	wrk, slowclient        ktcpvs                   nginx :80, badserver :9000
#	10.1.0.1  ---------> 10.1.0.254 ------------->  10.2.0.1 .. 3
#
# Stop with and without draining, an address that somebody else has, namespaces
# and the module that go away under traffic, and fifty rounds of each with
# sockets, slab objects and module references back where they were.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/traffic.sh"

topology 3
start_nginx
bad 9000
load_module

web=(--mode http -s rr -- 10.2.0.1:80 10.2.0.2:80 10.2.0.3:80)

# --- stop

service web "$VIP:80" --mode http -s rr --drain-timeout 100s -- 10.2.0.1:9000
client slowclient idle --connect "$VIP:80" --kind keepalive --path /ok --clients 3 --hold 60s --expect eof >"$TMP/idle" 2>&1
idle=$pid
client curl -s -m 100 -w '%{http_code}' "http://$VIP:80/delay-body?ms=12000" >"$TMP/late" 2>&1
late=$pid
check "3 connections rest, one waits for its answer" poll 10 stat_is web active 4
check "the service stops, draining" adm --stop -i web
like "$(adm show services)" 'draining' "... which it says"
refuses "... it listens no more" 'onnect' get "http://$VIP:80/ok"
status=0
wait $idle || status=$?
is $status 0 "... idle connections are closed at once"
status=0
wait $late || status=$?
is $status 0 "... the answer under way is finished"
is "$(cat "$TMP/late")" "$(printf 'late\n200')" "... whole"
check "... and then it is stopped" poll 20 stat_is web state stopped
read_stats web
is "${st[active]} ${st[timeout_drain]}" "0 0" "... with nothing left"

check "it starts again" adm --start -i web
client curl -s -m 60 -o /dev/null "http://$VIP:80/never"
check "an answer that will never come is waited for" poll 10 stat_is web 10.2.0.1:9000.active 1
adm -E -i web --drain-timeout 1s
check "the service stops, draining for a second" adm --stop -i web
counted web timeout_drain 1 "... then it resets what is left"
status=0
wait $pid || status=$?
is $status 56 "... which the client sees"
counted web state stopped "... and is stopped"

check "it starts again" adm --start -i web
client curl -s -m 60 -o /dev/null "http://$VIP:80/never"
check "an exchange is open" poll 10 stat_is web 10.2.0.1:9000.active 1
milliseconds adm --stop --now -i web
status=0
wait $pid || status=$?
is $status 56 "--stop --now resets it"
counted web state stopped "... and the service is stopped"
at_most $ms $((5000 * TIME_FACTOR)) "... at once (ms)"
counted web active 0 "... with nothing left"
adm -D -i web

# --- addresses

ip netns exec "$B" python3 -c '
import socket, sys, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
s.bind(("10.1.0.254", 85)); s.listen(); time.sleep(600)' &
pid=$!
ip netns exec "$B" python3 -c '
import socket, sys, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("0.0.0.0", 86)); s.listen(); time.sleep(600)' &
other=$!
busy() { [ -n "$(inb ss -Hltn 'sport = :85')" ] && [ -n "$(inb ss -Hltn 'sport = :86')" ]; }
poll 20 busy || bail "user-space servers listen"
for port in 85 86; do
	adm -A -i "c$port" -l "$VIP:$port" --mode http -s rr
	refuses "port $port is another server's: the start is refused" 'another socket uses port' adm --start -i "c$port"
	is "$(poll 1 stat_is "c$port" state stopped && echo stopped)" stopped "... and the service stays stopped"
done
end $pid $other
check "when it has gone, the service starts" poll 10 adm --start -i c85
for opt in SO_REUSEADDR SO_REUSEPORT; do
	for addr in 10.1.0.254 0.0.0.0; do
		refuses "nobody can join our port with $opt at $addr" 'in use' ip netns exec "$B" python3 -c "
import socket
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.$opt, 1)
s.bind(('$addr', 85)); s.listen()"
	done
done
refuses "an address twice in one namespace is refused" '"twice" has the address and port of "c85"' adm -A -i twice -l "$VIP:85" --mode tcp -s wlc
adm -F

# --- under traffic
#
# The clients never rest: what ends, ends in the middle of their exchanges. They
# pause between requests and give way to everybody, so that the commands get their
# share of the CPUs: a client that is refused tries again at once.

echo 'function delay() return math.random(0, 40) end' >"$TMP/pause.lua"
traffic() {
	client nice -n 19 bash -c "while :; do wrk -t 1 -c 16 -d 600 -s $TMP/pause.lua http://$VIP:80/ || :; sleep 0.2; done" >/dev/null 2>&1
	many=$pid
	# New connections all the time, and bodies that take a while.
	client nice -n 19 bash -c "while :; do wrk -t 1 -c 4 -d 600 -s $TMP/pause.lua -H 'Connection: close' http://$VIP:80/slow/page || :; sleep 0.2; done" >/dev/null 2>&1
	new=$pid
}
no_traffic() {
	end $many $new
	ip netns pids "$C" | xargs -r ps -o pid=,comm= -p 2>/dev/null | awk '$2 == "wrk" { print $1 }' | xargs -r kill 2>/dev/null
}
body page 50000

# What must be as before: sockets of the balancer, and slab objects, the caches
# shrunk first so that what is free is not counted.
used() {
	local cache

	for cache in TCP TCPv6 sock_inode_cache tcpvs_conn tcpvs_upstream; do
		if [ -e "/sys/kernel/slab/$cache" ]; then
			echo 1 >"/sys/kernel/slab/$cache/shrink" 2>/dev/null
			echo "$cache $(cut -d' ' -f1 "/sys/kernel/slab/$cache/objects")"
		fi
	done
	inb awk '/^sockets:/ { print "sockets", $3 } /^TCP:/ { print "tcp", $3 }' /proc/net/sockstat
	inb awk '/^TCP6:/ { print "tcp6", $3 }' /proc/net/sockstat6
}
baseline() { used >"$TMP/before"; }
# TIME_WAIT and orphans of the clients end by themselves; nothing else may stay.
back() {
	used >"$TMP/after"
	awk 'NR == FNR { n[$1] = $2; next } $2 > n[$1] + ($1 ~ /^(tcp|tcp6|sockets)$/ ? 0 : slack) { bad = 1 } END { exit bad }' \
		slack=24 "$TMP/before" "$TMP/after"
}

# A request of its own, among the others'.
serves() { get -o /dev/null -m 5 "http://$VIP:80/"; }

n=$(scaled 50)
baseline
service web "$VIP:80" "${web[@]}"
traffic
check "traffic flows" poll 10 stat_min web requests 20
failed=0 served=0
for ((i = 1; i <= n; i++)); do
	now=''
	if [ $((i % 2)) = 0 ]; then now=--now; fi
	adm --stop $now -i web || failed=$((failed + 1))
	# A stop that drains is over before the next start, or the start waits.
	poll 10 adm --start -i web || failed=$((failed + 1))
	poll 10 serves && served=$((served + 1))
done
is "$failed $served" "0 $n" "$n stops and starts under traffic, every one serves"
no_traffic
adm -F
check "... and sockets and slab objects are back" poll 20 back || diag "$(paste "$TMP/before" "$TMP/after")"
diag "$(paste -d' ' "$TMP/before" "$TMP/after" | tr '\n' ';')"

# The namespace of the balancer goes, with connections in full flow.
service web "$VIP:80" "${web[@]}"
traffic
poll 10 stat_min web requests 20
gone() { [ "$(cat /sys/module/ktcpvs/refcnt)" = 0 ] && ! ip netns list | grep -q "^$B\b"; }
ip netns del "$B"
check "the namespace ends under traffic" poll 20 gone
no_traffic
# What it had goes with it, not with the module: the module is still loaded.
# objects CACHE: shrunk first, for what is free in a CPU's slab counts otherwise.
objects() {
	echo 1 >"/sys/kernel/slab/$1/shrink" 2>/dev/null
	cut -d' ' -f1 "/sys/kernel/slab/$1/objects"
}
no_connections() { [ "$(objects tcpvs_conn) $(objects tcpvs_upstream)" = "0 0" ]; }
check "... and takes its connections along" poll 20 no_connections
diag "tcpvs_conn $(objects tcpvs_conn), tcpvs_upstream $(objects tcpvs_upstream)"
ip netns add "$B"
ip link add c0 netns "$C" type veth peer name b0 netns "$B" 2>/dev/null
ip link add s0 netns "$S" type veth peer name b1 netns "$B" 2>/dev/null
for ns in "$C" "$S"; do
	ip -n "$ns" link set lo up
done
ip -n "$C" addr add 10.1.0.1/24 dev c0
ip -n "$B" addr add 10.1.0.254/24 dev b0
ip -n "$B" addr add 10.2.0.254/24 dev b1
for i in 1 2 3; do ip -n "$S" addr add "10.2.0.$i/24" dev s0; done
for dev in "$C c0" "$B b0" "$B b1" "$S s0" "$B lo"; do ip -n ${dev% *} link set ${dev#* } up; done
poll 10 inb curl -sf -m 2 http://10.2.0.1/ || bail "the topology is there again"

# The module goes, with connections in full flow.
cat >"$TMP/web.conf" <<-END
	Virtual web {
	    listen = $VIP:80
	    mode = http
	    scheduler = rr
	    server = 10.2.0.1:80
	    server = 10.2.0.2:80
	    server = 10.2.0.3:80
	}
END
unload_module
baseline
failed=0 served=0
traffic
for ((i = 1; i <= n; i++)); do
	modprobe ktcpvs && adm -f "$TMP/web.conf" && adm --start || failed=$((failed + 1))
	poll 10 serves && served=$((served + 1))
	rmmod ktcpvs || failed=$((failed + 1))
done
is "$failed $served" "0 $n" "$n loads and unloads under traffic, every one serves"
no_traffic
check "... and sockets and slab objects are back" poll 20 back
diag "$(paste -d' ' "$TMP/before" "$TMP/after" | tr '\n' ';')"
