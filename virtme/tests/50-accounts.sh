#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 300
#
# The accounts balance, whatever happened.
#
#	curl, wrk, slowclient,   ktcpvs                 1  nginx, badserver
#	pattern, resets          10.1.0.254             2  nginx, badserver
#	10.1.0.1  ------------->  mode http, tcp  ----> 3  nginx; refuses :9200
#
# After a mixture of good and bad traffic: what the clients know they did is
# what was counted; requests = responses + aborted; what servers counted adds up
# to what their service counted; and nothing is active any more. Counters
# survive changes of the configuration.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/traffic.sh"

topology 3
start_nginx
load_module
bad 9000
body page 200000

# --- an exact account of few exchanges

service exact "$VIP:80" --mode http -s rr --response-timeout 1s -- 10.2.0.1:9000
size() { inc curl -s -o /dev/null -w '%{size_request} %{size_header} %{size_download}\n' "$@"; }
sum() { awk '{ up += $1; down += $2 + $3 } END { print up, down }'; }
got=$({
	size "http://$VIP:80/ok?size=1000" "http://$VIP:80/chunked?size=5000" -o /dev/null --raw
	size "http://$VIP:80/status?code=404"
	size "http://$VIP:80/status?code=503"
	size "http://$VIP:80/status?code=304"
	size -d 0123456789 "http://$VIP:80/body"
	size "http://$VIP:80/interim?n=2"
} | sum)
read_stats exact
is "${st[connections]} ${st[active]} ${st[requests]} ${st[aborted]}" "6 0 7 0" "6 connections, 7 requests"
is "${st[responses_1xx]} ${st[responses_2xx]} ${st[responses_3xx]} ${st[responses_4xx]} ${st[responses_5xx]}" \
	"2 4 1 1 1" "responses by class"
is "${st[client_bytes_in]} ${st[client_bytes_out]}" "$got" "bytes from and to clients are what curl counted"
is "${st[10.2.0.1:9000.bytes_out]} ${st[10.2.0.1:9000.bytes_in]}" "${st[server_bytes_out]} ${st[server_bytes_in]}" \
	"bytes to and from the only server are the service's"
is "${st[pool_hits]}+${st[pool_misses]}=$((st[pool_hits] + st[pool_misses]))" "${st[pool_hits]}+${st[pool_misses]}=7" \
	"every request took a pooled connection or a new one"
is "${st[pool_misses]}" "${st[connects]}" "every new one was connected"
code "http://$VIP:80/never" >/dev/null
outcome "http://$VIP:80/short" >/dev/null
printf 'bad request\r\n\r\n' | talk "$VIP" 80 >/dev/null
read_stats exact
is "${st[requests]} ${st[aborted]} ${st[responses_5xx]} ${st[responses_4xx]} ${st[bad_request]}" "10 1 2 2 1" \
	"504, a broken answer and a bad request are in the account"
adm -E -i exact -s wlc
adm -a -i exact -r 10.2.0.2:9000
adm -e -i exact -r 10.2.0.1:9000 -w 7
was=${st[requests]}
read_stats exact
is "${st[requests]} ${st[10.2.0.1:9000.requests]}" "$was 9" "counters survive a change of the configuration"

# --- a mixture

service http "$VIP:81" --mode http -s wlc --response-timeout 1s --head-timeout "$((2 * TIME_FACTOR))s" --max-connections 60 -- \
	10.2.0.1:80 10.2.0.2:80 10.2.0.3:80 10.2.0.1:9000 10.2.0.2:9000 10.2.0.3:9200
service tcp "$VIP:82" --mode tcp -s wlc --max-connections 60 -- 10.2.0.1:80 10.2.0.2:9000 10.2.0.3:9200
seconds=$(scaled 10)
at=() crowd=()
for port in 81 82; do
	# Until there has been some of everything, and for a while at least.
	for what in / /data/page /chunked/page /ok '/chunked?size=20000' /short /reset /garbage /until-close /status/404; do
		client bash -c "i=0; while [ \$((i++)) -lt $((seconds * 2)) ] || [ ! -e $TMP/enough ]; do curl -s -m 5 -o /dev/null 'http://$VIP:$port$what'; done"
		at+=("$pid")
	done
	client wrk -t 1 -c 16 -d "$seconds" "http://$VIP:$port/" >/dev/null
	at+=("$pid")
	client slowclient stall --connect "$VIP:$port" --clients 5 --path "/ok?size=100k" --read 10k --hold 1s --timeout 5s --then reset >/dev/null
	at+=("$pid")
done
some() {
	read_stats http &&
		[ "${st[requests]}" -ge "$(scaled 200)" ] && [ "${st[aborted]}" -ge 1 ] && [ "${st[connect_errors]}" -ge 1 ] &&
		stat_min tcp connections "$(scaled 100)"
}
check "there is some of everything" poll 60 some
# More by themselves than the limit lets in, held until all of them are there:
# the rest is refused.
for port in 81 82; do
	client slowclient idle --connect "$VIP:$port" --clients 70 --kind head --hold "$((seconds * TIME_FACTOR))s" >/dev/null
	crowd+=("$pid")
done
wait "${crowd[@]}"
touch "$TMP/enough"
wait "${at[@]}"

# Quiet, so that what is counted in two places agrees.
check "mode http: nothing is active in the end" poll 20 stat_is http active 0
read_stats http
diag "$(for key in "${!st[@]}"; do [[ $key == *.* || ${st[$key]} == 0 ]] || echo "$key=${st[$key]}"; done | sort | tr '\n' ' ')"
at_least "${st[requests]}" "$(scaled 200)" "mode http: there was traffic"
at_least "${st[aborted]}" 1 "mode http: some of it was aborted"
at_least "${st[refused_limit]}" 1 "mode http: some was refused by the limit"
at_least "${st[connect_errors]}" 1 "mode http: some connects were refused"
responses=$((st[responses_2xx] + st[responses_3xx] + st[responses_4xx] + st[responses_5xx]))
is "${st[requests]}" $((responses + st[aborted])) "mode http: requests = responses + aborted"
total() { # FIELD: over the servers
	local key n=0

	for key in "${!st[@]}"; do
		if [[ $key == *:*."$1" ]]; then n=$((n + st[$key])); fi
	done
	echo "$n"
}
is "$(total active)" 0 "mode http: no server has anything active"
for field in connects connect_errors pool_hits responses_1xx responses_2xx responses_3xx bad_response; do
	is "$(total $field)" "${st[$field]}" "mode http: the servers' $field are the service's"
done
is "$(total bytes_in)" "${st[server_bytes_in]}" "mode http: the servers' bytes in are the service's"
is "$(total bytes_out)" "${st[server_bytes_out]}" "mode http: the servers' bytes out are the service's"
at_most "$(total aborted)" $((st[requests])) "mode http: the servers' aborted requests are requests"
is "$(total requests)" $((st[pool_hits] + st[connects])) "mode http: what servers were sent went over a pooled or a new connection"
# ... or its client went away meanwhile.
at_most $((st[connects] + st[connect_errors])) "${st[pool_misses]}" "mode http: a new connection succeeded or failed"

check "mode tcp: nothing is active in the end" poll 20 stat_is tcp active 0
read_stats tcp
at_least "${st[connections]}" "$(scaled 100)" "mode tcp: there was traffic"
is "${st[requests]}" "${st[connections]}" "mode tcp: every connection was scheduled"
is "$(total requests)" "${st[connects]}" "mode tcp: every connection that got a server is that server's"
at_most $((st[connects] + st[no_server])) "${st[connections]}" "mode tcp: ... and the others got none"
is "$(total connects) $(total connect_errors) $(total active)" "${st[connects]} ${st[connect_errors]} 0" "mode tcp: connects add up"
is "$(total bytes_in) $(total bytes_out)" "${st[server_bytes_in]} ${st[server_bytes_out]}" "mode tcp: the servers' bytes are the service's"
is "${st[server_bytes_out]}" "${st[client_bytes_in]}" "mode tcp: what clients sent is what servers got"
is "${st[client_bytes_out]}" "${st[server_bytes_in]}" "... and the other way"

read_workers
sum=0
for key in "${!wk[@]}"; do
	if [[ $key == *.accepted ]]; then sum=$((sum + wk[$key])); fi
done
all=0
for svc in exact http tcp; do
	read_stats $svc
	all=$((all + st[connections] + st[refused_limit] + st[refused_memory]))
done
is $sum $all "what the workers accepted is what the services admitted or refused"
