#!/bin/bash
# SPDX-License-Identifier: MIT
# release kernels: exact sequences of an algorithm
# limit: 180
#
# 4 schedule: which server gets which request, to the request.
#
#	curl                 ktcpvs             nginx 1 2 3 (:80)
#	10.1.0.1  -------> 10.1.0.254  ------->  10.2.0.1 .. 3
#
# Requests come one at a time, so the sequence is exact: rr in turn, wrr by its
# table and by its heap, those that count what is in flight from rest, the hashes
# by address (the client has 40 more, 10.1.0.11 and on). Weights are changed while
# it goes on, and a server that refuses connections loses its turns and nobody's
# request. What needs many requests is tested in user space: module/tests.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/traffic.sh"

topology 3
start_nginx
load_module

# sequence N [PATH]: which servers answer N requests, one at a time.
sequence() {
	local i urls=()

	for ((i = 0; i < $1; i++)); do urls+=("http://$VIP/${2:-}$i"); done
	inc curl -s -S -m 60 "${urls[@]}" 2>&1 | sed 's/^server //' | tr -d '\n'
}
# shares N: how often each answered, as "1:A 2:B 3:C".
shares() { sequence "$1" | fold -w1 | sort | uniq -c | awk '{ printf "%s%s:%s", sep, $2, $1; sep = " " }'; }
# web SCHEDULER SERVER[=WEIGHT]...: the only service as it shall be, in one commit;
# if it runs it runs on. It is of mode $mode on port $port.
mode=http port=80
web() {
	sched=$1
	shift
	{
		printf 'virtual web {\n listen = %s:%s\n mode = %s\n scheduler = %s\n' "$VIP" $port $mode "$sched"
		for server; do echo " server = ${server/=/ }"; done
		echo '}'
	} | adm -f - || bail "service web is set"
}
weights() { web "$sched" "10.2.0.1:80=$1" "10.2.0.2:80=$2" "10.2.0.3:80=$3"; }

sched=rr
weights 1 1 1
adm --start
is "$(sequence 7)" 1231231 "rr: in turn"
weights 5 0 1
is "$(sequence 6)" 313131 "rr: goes on where it was; weights do not matter but 0, which is out of the ring"
weights 0 0 0
is "$(inc curl -s -o /dev/null -w '%{http_code}' "http://$VIP/")" 503 "rr: nobody left is 503"

# Turn r of weight w is due at (2r + 1) / 2w of a round; ties in order.
sched=wrr
weights 5 1 1
is "$(sequence 14)" 11123111112311 "wrr: 5:1:1 evenly spread, two rounds"
weights 10 6 2
is "$(sequence 9)" 121123121 "wrr: 10:6:2 is 5:3:1"
weights 0 7 0
is "$(sequence 3)" 222 "wrr: one with a weight"
# 65535 + 32749 + 3 has no common divisor and is no table: the heap.
weights 65535 32749 3
got=$(sequence 30)
is "${got:0:12}" 121121121121 "wrr: a round too long for a table goes in the same order"
is "$(fold -w1 <<<"$got" | sort | uniq -c | tr -s ' ' | tr '\n' ';')" " 20 1; 10 2;" "... and keeps its shares"
weights 65535 1 0
is "$(sequence 5)" 11111 "wrr: 65535 to 1"

sched=wlc
weights 1 1 1
is "$(shares 9)" "1:3 2:3 3:3" "wlc: at rest equals take turns"
weights 1 4 4
is "$(shares 8)" "2:4 3:4" "wlc: at rest the strongest comes first, equals take turns"
weights 0 0 3
is "$(shares 4)" "3:4" "wlc: weight 0 gets nothing"

sched=lc
weights 1 9 1
is "$(shares 9)" "1:3 2:3 3:3" "lc: at rest all take turns, whatever their weights"
for s in sed nq; do
	sched=$s
	weights 1 4 4
	is "$(shares 8)" "2:4 3:4" "$s: at rest the strongest comes first, equals take turns"
done
sched=p2c
weights 1 1 0
got=$(sequence 64)
# One in a million is outside of 12 to 52.
at_least "$(tr -cd 1 <<<"$got" | wc -c)" 12 "p2c: both get their part of 64"
at_least "$(tr -cd 2 <<<"$got" | wc -c)" 12 "... and the other too"
is "$(tr -d 12 <<<"$got")" "" "... and weight 0 nothing"

# --- lt: one that answers late, and one that refuses

bad 9000
web lt 10.2.0.1:80 10.2.0.2:80 10.2.0.3:9000
is "$(sequence 12 'delay?ms=2000&' | tr -d 12)" late "lt: one that answers late is tried once, and left alone"
web lt 10.2.0.1:80 10.2.0.2:9 10.2.0.3:80
is "$(sequence 12 | tr -d 13)" "" "lt: one that refuses costs no request"
read_stats web
is "${st[10.2.0.2:9.connect_errors]}" 1 "... and is left alone after one try"

# --- sh and mh: 40 addresses, each with a connection of its own

for ((i = 11; i <= 50; i++)); do
	echo "addr add 10.1.0.$i/24 dev c0" >>"$TMP/addresses"
	printf '%surl = "http://%s/"\ninterface = 10.1.0.%s\nmax-time = 60\nsilent\nshow-error\n' \
		"${next:-}" "$VIP" "$i"
	next=$'next\n'
done >"$TMP/many"
ip -n "$C" -batch "$TMP/addresses"
# many: who answers each of them, a digit an address.
many() { inc curl -K "$TMP/many" 2>&1 | sed 's/^server //' | tr -d '\n'; }
# moved A B: how many have another server in B that was not 2 in A.
moved() { awk -v a="$1" -v b="$2" 'BEGIN {
	while (++i <= length(a)) n += substr(a, i, 1) != 2 && substr(a, i, 1) != substr(b, i, 1); print n + 0 }'; }

for s in sh mh; do
	sched=$s
	weights 1 1 1
	first=$(many)
	is "${#first} $(fold -w1 <<<"$first" | sort -u | tr -d '\n')" "40 123" "$s: 40 clients share three servers"
	like "$(sequence 5)" '^(11111|22222|33333)$' "... one client has one of them"
	weights 1 0 1
	got=$(many)
	is "${#got} $(tr -cd 2 <<<"$got" | wc -c)" "40 0" "$s: of weight 0 nobody gets it"
	at_most "$(moved "$first" "$got")" "$([ $s = sh ] && echo 0 || echo 4)" "... and who had another keeps it"
	web $s 10.2.0.3:80 10.2.0.2:80 10.2.0.1:80
	is "$(many)" "$first" "$s: with all of them again, in another order, everybody is where he was"
done

# One client, 12 connections that stay: a server has at most 1.25 of a third of
# them, 5, and one for a choice at the same time.
all_there() {
	read_stats web && each=("${st[10.2.0.1:80.active]}" "${st[10.2.0.2:80.active]}" "${st[10.2.0.3:80.active]}") &&
		[ $((each[0] + each[1] + each[2])) = 12 ]
}
mode=tcp
for s in sh mh; do
	port=$((port + 1)) sched=$s
	weights 1 1 1
	adm --start
	client slowclient idle --connect "$VIP:$port" --clients 12 --hold 60s >"$TMP/idle" 2>&1
	poll 20 all_there
	is $((each[0] + each[1] + each[2])) 12 "$s: 12 connections of one client are there"
	at_most "$(printf '%s\n' "${each[@]}" | sort -n | tail -n1)" 6 "... and no server has more than its bound"
	end $pid
done

# --- a server that refuses: its requests go to others, at once

mode=http port=80
web rr 10.2.0.1:80 10.2.0.2:9=1000 10.2.0.3:80
adm --start
for s in rr wrr lc wlc sed nq p2c sh mh; do
	if [ $s != rr ]; then web $s 10.2.0.1:80 10.2.0.2:9=1000 10.2.0.3:80; fi
	is "$(sequence 12 | tr -d 13)" "" "$s: a dead server costs no request"
done
read_stats web
# Of rr and lc it gets a third; of the others, which go by weight, nearly all.
at_least "${st[10.2.0.2:9.connect_errors]}" 60 "... but retries"
is "${st[requests]} ${st[responses_5xx]}" "108 0" "... and none is answered by an error"
