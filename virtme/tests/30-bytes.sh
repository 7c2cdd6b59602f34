#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 300
#
# Every byte that one side sends is what the other side gets, and only once.
#
#	pattern drive          ktcpvs                   pattern serve
#	10.1.0.1  ---------> 10.1.0.254 ------------->  10.2.0.1 .. 3
#	                     :80 mode http              :9100 http
#	                     :90 mode tcp               :9200 tcp
#
# The bytes of a body follow from its number and the position, so that both
# ends notice loss, repetition, shift and swapping at the first wrong byte, and
# the servers notice a request that comes twice. Sizes, segmentation, speed and
# framing are random, on the client's side and on the server's.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/traffic.sh"

topology 3
load_module
pids=()
for i in 1 2 3; do
	server pattern serve --mode http --listen "10.2.0.$i:9100" >"$TMP/serve.http.$i" 2>&1
	pids+=($pid)
	server pattern serve --mode tcp --listen "10.2.0.$i:9200" >"$TMP/serve.tcp.$i" 2>&1
	pids+=($pid)
	poll 10 server_listens "10.2.0.$i" 9100 || bail "pattern serve $i"
	poll 10 server_listens "10.2.0.$i" 9200 || bail "pattern serve $i"
done
service http "$VIP:80" --mode http -s rr -- 10.2.0.1:9100 10.2.0.2:9100 10.2.0.3:9100
service tcp "$VIP:90" --mode tcp -s wlc -- 10.2.0.1:9200 10.2.0.2:9200 10.2.0.3:9200

# drive NAME PORT MODE OPTION...
drive() {
	local name=$1 port=$2 mode=$3 status=0

	shift 3
	inc pattern drive --connect "$VIP:$port" --mode "$mode" --timeout 200s "$@" >"$TMP/drive" 2>"$TMP/err" || status=$?
	if [ "$status" = 0 ] && [ "$(summary "$TMP/drive" exchanges)" -gt 0 ]; then
		ok "$name"
	else
		not_ok "$name" "status $status" "$(cat "$TMP/err" "$TMP/drive")"
	fi
	diag "$mode: $(summary "$TMP/drive" exchanges) exchanges, $(($(summary "$TMP/drive" bytes_up) / 1048576)) MiB up," \
		"$(($(summary "$TMP/drive" bytes_down) / 1048576)) MiB down in $(summary "$TMP/drive" seconds | cut -c1-5) s"
}

for mode in http tcp; do
	port=80
	if [ $mode = tcp ]; then port=90; fi
	drive "$mode: 64 clients, bodies of 0 to 1 MiB, segments of random size" $port $mode \
		--clients 64 --total "$(scaled 256)M" --size 0-1M \
		--write-max 200k --read-max 200k --server-write-max 200k --server-read-max 200k
	drive "$mode: tiny writes and reads at both ends" $port $mode \
		--clients 16 --count "$(scaled 64)" --size 0-20k \
		--write-max 100 --read-max 300 --server-write-max 100 --server-read-max 300
	drive "$mode: slow readers on both sides" $port $mode --clients 16 --size 400k-900k \
		--read-rate 400k --server-read-rate 400k
	drive "$mode: slow writers on both sides" $port $mode --clients 16 --size 100k-300k \
		--write-rate 200k --server-write-rate 200k
	drive "$mode: one large body up" $port $mode --direction up --size "$(scaled 1024)M"
	drive "$mode: one large body down" $port $mode --direction down --size "$(scaled 1024)M"
done
drive "tcp: the server ends its direction first" 90 tcp --clients 16 --size 0-300k --server-half-close
drive "http: trailers and Expect: 100-continue" 80 http --clients 16 --count "$(scaled 100)" \
	--size 0-100k --response trailer,chunked,length --expect 50

for svc in http tcp; do
	check "$svc: nothing is left active" poll 10 stat_is $svc active 0
	read_stats $svc
	is "${st[broken]} ${st[bad_response]} ${st[bad_request]} ${st[aborted]}" "0 0 0 0" "$svc: nothing was broken, refused or aborted"
done

# The servers' own verdict: what came was right, and came once.
end "${pids[@]}"
for i in 1 2 3; do
	for mode in http tcp; do
		f=$TMP/serve.$mode.$i
		is "$(summary "$f" wrong) $(summary "$f" truncated) $(summary "$f" repeated)" "0 0 0" \
			"$mode server $i: no wrong byte, no short body, nothing twice"
	done
done
