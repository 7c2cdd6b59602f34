#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 240
#
# What is counted, and begins anew.
#
#	wrk, curl           ktcpvs                  badserver 1 2
#	10.1.0.1  ------->  10.1.0.254  --------->  10.2.0.1, 2 :9000
#
# Counters are reset under traffic: nothing is lost, requests and their ends
# balance again, and the servers' counters add up to their service's.
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
adm -E -i web --retries 1
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
