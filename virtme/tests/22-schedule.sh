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
# table and by its heap, wlc from rest. Weights are changed while it goes on, and
# a server that refuses connections loses its turns and nobody's request.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/traffic.sh"

topology 3
start_nginx
load_module

# sequence N: which servers answer N requests, one at a time.
sequence() {
	local i urls=()

	for ((i = 0; i < $1; i++)); do urls+=("http://$VIP/$i"); done
	inc curl -s -S -m 60 "${urls[@]}" 2>&1 | sed 's/^server //' | tr -d '\n'
}
# shares N: how often each answered, as "1:A 2:B 3:C".
shares() { sequence "$1" | fold -w1 | sort | uniq -c | awk '{ printf "%s%s:%s", sep, $2, $1; sep = " " }'; }
weights() {
	local i=0 w

	for w; do adm -e -i web -r "10.2.0.$((i += 1)):80" -w "$w"; done
}

service web "$VIP:80" --mode http -s rr -- 10.2.0.1:80 10.2.0.2:80 10.2.0.3:80
is "$(sequence 7)" 1231231 "rr: in turn"
weights 5 0 1
is "$(sequence 6)" 131313 "rr: weights do not matter but 0, which is out of the ring"
weights 0 0 0
is "$(inc curl -s -o /dev/null -w '%{http_code}' "http://$VIP/")" 503 "rr: nobody left is 503"

# Turn r of weight w is due at (2r + 1) / 2w of a round; ties in order.
adm -E -i web -s wrr
weights 5 1 1
is "$(sequence 14)" 11123111112311 "wrr: 5:1:1 evenly spread, two rounds"
weights 10 6 2
is "$(sequence 9)" 121123121 "wrr: 10:6:2 is 5:3:1"
weights 0 7 0
is "$(sequence 3)" 222 "wrr: one with a weight"
weights 0 0 0
is "$(inc curl -s -o /dev/null -w '%{http_code}' "http://$VIP/")" 503 "wrr: nobody left is 503"
# 65535 + 32749 + 3 has no common divisor and is no table: the heap.
weights 65535 32749 3
got=$(sequence 30)
is "${got:0:12}" 121121121121 "wrr: a round too long for a table goes in the same order"
is "$(fold -w1 <<<"$got" | sort | uniq -c | tr -s ' ' | tr '\n' ';')" " 20 1; 10 2;" "... and keeps its shares"
weights 65535 1 0
is "$(sequence 5)" 11111 "wrr: 65535 to 1"

adm -E -i web -s wlc
weights 1 1 1
is "$(shares 9)" "1:3 2:3 3:3" "wlc: at rest equals take turns"
weights 1 4 4
is "$(shares 8)" "2:4 3:4" "wlc: at rest the strongest comes first, equals take turns"
weights 0 0 3
is "$(shares 4)" "3:4" "wlc: weight 0 gets nothing"
adm -D -i web

# --- a server that refuses: its requests go to others, at once

for s in rr wrr wlc; do
	service web "$VIP:80" --mode http -s $s -- 10.2.0.1:80 10.2.0.2:9 10.2.0.3:80
	is "$(sequence 12 | tr -d 13 | wc -c)" 0 "$s: a dead server costs no request"
	read_stats web
	at_least "${st[retries]}" 1 "... but a retry"
	is "${st[requests]} ${st[responses_5xx]}" "12 0" "... and none is answered by an error"
	adm -D -i web
done
