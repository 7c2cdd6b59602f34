#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 240
#
# What is counted, and begins anew; who is connected, and no longer.
#
#	wrk, curl, slowclient   ktcpvs                  badserver 1 2
#	10.1.0.1  ----------->  10.1.0.254  --------->  10.2.0.1, 2 :9000
#
# Counters are reset under traffic: nothing is lost, requests and their ends
# balance again, and the servers' counters add up to their service's. Connections
# are listed whole, in many pieces and beside traffic, to those who may; one is
# killed, counted, and gone.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/traffic.sh"

topology 2
load_module
bad 9000

# --- reset of counters

service web "$VIP:80" --mode http -s rr --retries 0 -- 10.2.0.1:9000 10.2.0.2:9000
client wrk -t 1 -c 8 -d 600 "http://$VIP:80/ok" >/dev/null 2>&1
load=$pid
# In flight whenever a reset comes: never answered before its timeout.
client curl -s -m 600 -o /dev/null "http://$VIP:80/never"
stuck=$pid
check "there is traffic" poll 20 stat_min web requests "$(scaled 200)"
read_stats web
is "${st[zeroed]}" 0 "nothing was reset so far"
was=${st[requests]}
for ((i = 0; i < 5; i++)); do adm -Z || break; done
is "$i" 5 "counters are reset under traffic"
read_stats web
at_least "${st[zeroed]}" 6 "... the service tells with which generation"
is "${st[10.2.0.1:9000.zeroed]} ${st[10.2.0.2:9000.zeroed]}" "${st[zeroed]} ${st[zeroed]}" "... and its servers the same"
zeroed=${st[zeroed]}
check "counting goes on" poll 20 stat_min web requests "$(scaled 100)"
adm -E -i web --retries 1 --keepalive-timeout 1h
read_stats web
is "${st[zeroed]}" "$zeroed" "a change resets nothing"
adm -Z -i web
end $load
adm --stop --now -i web
end $stuck
check "nothing is active in the end" poll 20 stat_is web active 0
read_stats web
diag "before: $was requests; since: $(for key in "${!st[@]}"; do [[ $key == *.* || ${st[$key]} == 0 ]] || echo "$key=${st[$key]}"; done | sort | tr '\n' ' ')"
at_least "${st[aborted]}" 1 "the request in flight at the resets is in the account, and broken off"
is "${st[requests]}" $((st[responses_2xx] + st[responses_3xx] + st[responses_4xx] + st[responses_5xx] + st[aborted] + st[tunnels])) \
	"requests = responses + aborted + tunnels"
is "$((st[10.2.0.1:9000.bytes_in] + st[10.2.0.2:9000.bytes_in])) $((st[10.2.0.1:9000.connects] + st[10.2.0.2:9000.connects]))" \
	"${st[server_bytes_in]} ${st[connects]}" "the servers' counters are the service's"
adm -Z -i web -r 10.2.0.2:9000
was=${st[requests]} one=${st[10.2.0.1:9000.bytes_in]}
read_stats web
is "${st[requests]} ${st[10.2.0.1:9000.bytes_in]} ${st[10.2.0.2:9000.bytes_in]}" "$was $one 0" "one server is reset alone"
adm --start -i web
is "$(code "http://$VIP:80/ok")" 200 "a request after it all"
counted web requests $((was + 1)) "... is one more"

# --- single connections

# shown OPTION...: the table in $TMP/shown, without its head.
shown() { adm show connections -n "$@" 2>&1 | tail -n +2 >"$TMP/shown"; }
# rows STATE N: as a condition for poll.
rows() { shown -i web && [ "$(grep -c " $1 " "$TMP/shown")" = "$2" ]; }

n=150
service tcp "$VIP:81" --mode tcp -s rr -- 10.2.0.1:9000
client slowclient idle --connect "$VIP:80" --clients $n --kind keepalive --path /ok --hold 600s >/dev/null 2>&1
idle=$pid
client slowclient idle --connect "$VIP:81" --clients 3 --kind head --hold 600s >/dev/null 2>&1
tunnels=$pid
client sh -c "curl -s -m 600 -o /dev/null http://$VIP:80/never; echo \$? >$TMP/status"
stuck=$pid
check "$n idle connections are listed" poll 30 rows idle $n
check "... and one with a request under way" poll 20 rows exchange 1
is "$(wc -l <"$TMP/shown") $(cut -d' ' -f1 "$TMP/shown" | sort -u | wc -l)" "$((n + 1)) $((n + 1))" "... each once"
is "$(awk '$5 == "idle" && $8 > 20 && $9 > 20 && $2 ~ /^10\.1\.0\.1:/' "$TMP/shown" | wc -l)" $n "... with their client and what they moved"
id=$(awk '$5 == "exchange" { print $1 }' "$TMP/shown")
at=$(awk '$5 == "exchange" { print $4 }' "$TMP/shown")
like "$at" '^10\.2\.0\.[12]:9000$' "... and the server that is to answer"
shown
is "$(wc -l <"$TMP/shown") $(grep -c ' tunnel ' "$TMP/shown")" "$((n + 4)) 3" "all services together"
shown -i web -r "$at" --client 10.1.0.0/24
is "$(cut -d' ' -f1 "$TMP/shown")" "$id" "of one service, one server and one network: one"
shown --client 10.2.0.0/16
is "$(cat "$TMP/shown")" "" "of a network where nobody is: none"
is "$(ip netns exec "$S" tcpvsadm show connections | wc -l)" 1 "another namespace sees none of them"
refuses "... and cannot kill one" "no connection $id" ip netns exec "$S" tcpvsadm kill "$id"
refuses "nobody may see them" 'they need CAP_NET_ADMIN' inb setpriv --reuid 65534 --regid 65534 --clear-groups \
	--bounding-set=-all sh -c "PATH=$PATH; tcpvsadm show connections"
remember web
check "one is killed" adm kill "$id"
check "its client sees a reset" poll 20 test -s "$TMP/status"
is "$(cat "$TMP/status")" 56 "... and nothing else"
grew killed 1 "it is counted"
is "aborted +$((st[aborted] - st0[aborted])), active $((st[active] - st0[active]))" "aborted +1, active -1" "... and its request"
refuses "it cannot be killed twice" "no connection $id \(any more\)" adm kill "$id"
client wrk -t 1 -c 8 -d 600 "http://$VIP:80/ok" >/dev/null 2>&1
load=$pid
twice=0 fewest=$n
for ((i = 0; i < 5; i++)); do
	shown -i web
	twice=$((twice + $(cut -d' ' -f1 "$TMP/shown" | sort | uniq -d | wc -l)))
	rows=$(wc -l <"$TMP/shown")
	if [ "$rows" -lt "$fewest" ]; then fewest=$rows; fi
done
is "$twice $fewest" "0 $n" "listed beside traffic, nobody is twice, and those that stay are there"
end $load $idle $tunnels $stuck
check "nothing is left of them" poll 20 rows idle 0
