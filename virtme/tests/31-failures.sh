#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 450
# leaks: every way a server can fail
#
# What goes wrong at servers and clients, and what everybody else sees of it.
#
#	curl, socat,           ktcpvs                  1  badserver :9000, nginx :80
#	slowclient                                     2  badserver :9000, nginx :80
#	10.1.0.1  ---------> 10.1.0.254 ------------>  3  drops every SYN to :9100
#	                                                  nobody listens on :9200
#
# A server that refuses, one that is a black hole, one that answers badly, late
# or not at all; pooled connections that died unseen; clients that are slow or
# go away. The client gets the next server, a status that names the cause, or a
# visible break: never a short body that looks whole, and never a request done
# twice that must not be. All of it is counted, and nobody else is delayed.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/traffic.sh"

topology 3
start_nginx
load_module
bad 9000
# Whatever else happens, everything here ends within seconds.
short=(--connect-timeout 1s --head-timeout 2s --response-timeout 2s --body-timeout 2s
	--keepalive-timeout 2s --tunnel-timeout 2s --drain-timeout 2s)

# --- connects

service refused "$VIP:81" --mode http -s rr "${short[@]}" -- 10.2.0.1:9200 10.2.0.2:9200 10.2.0.3:80
remember refused
got=$(for i in 1 2 3 4 5 6; do code "http://$VIP:81/"; done)
is "$got" 200200200200200200 "a server that refuses: the next one is asked, nobody notices"
grew requests 6 "... counted once each"
at_least $((st[connect_errors] - st0[connect_errors])) 6 "... the refused connects too"
is $((st[retries] - st0[retries])) $((st[connect_errors] - st0[connect_errors])) "... each of them with a further attempt"
adm -d -i refused -r 10.2.0.3:80
remember refused
is "$(code "http://$VIP:81/") $(code -d x "http://$VIP:81/")" "503 503" "no server left: 503"
grew no_server 2 "... counted"
grew responses_5xx 2 "... as a response"
is "$(get "http://$VIP:81/" "http://$VIP:81/" -w '%{http_code}%{num_connects} ' -o /dev/null -o /dev/null)" "5031 5030 " \
	"... and the client's connection lives on"
service none "$VIP:82" --mode http -s wlc "${short[@]}" --
is "$(code "http://$VIP:82/")" 503 "a service without servers: 503"
service tcpnone "$VIP:83" --mode tcp -s wlc "${short[@]}" -- 10.2.0.1:9200
# 7 if the reset came before curl looked whether it is connected, 55 if it came
# before curl had sent, else 56.
like "$(outcome "http://$VIP:83/")" '^000 (7|55|56)$' "mode tcp, no server left: a reset"
counted tcpnone no_server 1 "... counted"

drop_in_servers 'ip daddr 10.2.0.3 tcp dport 9100 drop'
service hole "$VIP:84" --mode http -s rr "${short[@]}" -- 10.2.0.3:9100 10.2.0.1:80
remember hole
milliseconds get -o /dev/null "http://$VIP:84/"
is "$(code "http://$VIP:84/") $(code "http://$VIP:84/")" "200 200" "a server that swallows the SYN: the next one"
at_least $ms 900 "... after the connect timeout of 1 s (ms)"
at_most $ms $((10000 * TIME_FACTOR)) "... and not much later (ms)"
read_stats hole
at_least $((st[timeout_connect] - st0[timeout_connect])) 1 "... counted"

# A black hole and everybody else: a hundred requests wait for the hole while
# others are served by the same workers, of this and of another service.
service quick "$VIP:85" --mode http -s rr -- 10.2.0.1:80 10.2.0.2:80
adm -E -i hole --connect-timeout 100s --retries 0
for ((i = 0; i < 10; i++)); do
	printf 'url = "http://%s:85/%s"\noutput = /dev/null\n' "$VIP" $i
done >"$TMP/urls"
# The time of the median request of a hundred: quiet, and beside the hole.
median() {
	for ((i = 0; i < 5; i++)); do
		get -K "$TMP/urls" -w '%{time_total}\n'
	done | awk '{ print int($1 * 1000000) }' | sort -n | sed -n 25p
}
quiet=$(median)
client slowclient idle --connect "$VIP:84" --kind keepalive --clients 100 --hold 200s >/dev/null 2>&1
check "connects to the black hole are pending" poll 15 stat_min hole 10.2.0.3:9100.active 40
beside=$(median)
read_stats hole
at_least "${st[10.2.0.3:9100.active]}" 40 "... still, after the others were measured"
diag "median of a request in microseconds: quiet $quiet, beside the black hole $beside"
at_most "$beside" $((3 * quiet + 20000)) "a black hole delays nobody else (microseconds)"
end $pid
# Their end may be a half close: their requests stand until the service stops.
check "the service stops at once with connects pending" adm --stop --now -i hole
counted hole active 0 "... and no connection is left"
heal

# --- bad responses

service bad "$VIP:86" --mode http -s rr "${short[@]}" -- 10.2.0.1:9000
remember bad
n=0
for what in half-head garbage bad-status bad-version bad-field bad-length two-lengths \
	unasked-switch close reset 'big-head?size=64k'; do
	is "$(outcome "http://$VIP:86/$what")" "502 0" "502: $what"
	n=$((n + 1))
done
grew bad_response $n "... counted"
grew responses_5xx $n "... as responses"
remember bad
n=0
for what in head-only short 'short?hard=1' bad-chunk short-chunk no-last-chunk; do
	# 18 and 56: curl tells a short or broken transfer from a whole one.
	like "$(outcome "http://$VIP:86/$what")" '^200 (18|56)$' "visibly broken: $what"
	n=$((n + 1))
done
grew broken $n "... counted"
grew aborted $n "... as requests without a whole response"
got=$(get "http://$VIP:86/long?size=10&extra=50" "http://$VIP:86/ok" "http://$VIP:86/twice" "http://$VIP:86/ok" | tr '\n' ' ')
is "$got" "0123456789ok one ok " "what a server sends beyond its response reaches nobody"
remember bad
is "$(outcome "http://$VIP:86/never")" "504 0" "no response: 504"
grew timeout_response 1 "... counted"
grew 10.2.0.1:9000.timeouts 1 "... with the server"
like "$(outcome "http://$VIP:86/stuck?size=1000&sent=500")" '^200 (18|56)$' "a body that stands still is broken visibly"
grew timeout_body 1 "... counted"
counted bad active 0 "nothing hangs on"
counted bad 10.2.0.1:9000.active 0 "... at the server neither"

# --- pooled connections that died unseen
#
# The server closes each connection behind its answer, and the network swallows
# the FIN: the pool cannot know, and the next request goes into a dead
# connection. The server answers it with a reset. (Every worker has a pool of
# its own; with one listener all requests meet the same one.)

bad_one 1 9300 --do stale
service stale "$VIP:87" --mode http -s rr "${short[@]}" --pool-timeout 60s --listeners 1 -- 10.2.0.1:9300
drop_in_servers '' 'tcp sport 9300 tcp flags & fin == fin drop'
remember stale
is "$(code "http://$VIP:87/a")" 200 "a first request, whose server connection goes into the pool"
for method in GET PUT DELETE; do
	poll 5 stat_min stale 10.2.0.1:9300.idle 1
	is "$(outcome -X $method -d x "http://$VIP:87/$method")" "200 0" "$method over a pooled connection that is dead: a new one"
done
grew retries 3 "... counted as retries"
# A reset does not tell whether the request was read before: a POST may have
# been done, and is never sent again.
poll 5 stat_min stale 10.2.0.1:9300.idle 1
is "$(outcome -d x "http://$VIP:87/POST")" "502 0" "POST over it: 502"
adm -E -i stale --allow retry-unsafe
is "$(code "http://$VIP:87/b")" 200 "a server connection for the pool again"
poll 5 stat_min stale 10.2.0.1:9300.idle 1
is "$(outcome -d x "http://$VIP:87/POST")" "200 0" "... unless the service allows to send it again"
heal
service once "$VIP:88" --mode http -s rr "${short[@]}" --pool-timeout 60s --listeners 1 -- 10.2.0.2:9000
for what in reset close; do
	is "$(code "http://$VIP:88/ok")" 200 "a pooled connection for $what"
	poll 5 stat_min once 10.2.0.2:9000.idle 1
	is "$(outcome -d x "http://$VIP:88/$what")" "502 0" "POST /$what over it: 502"
	is "$(count_at 10.2.0.2:9000 "POST /$what")" 1 "... and the server saw it once"
	is "$(code "http://$VIP:88/ok")" 200 "a pooled connection for $what"
	poll 5 stat_min once 10.2.0.2:9000.idle 1
	is "$(outcome "http://$VIP:88/$what")" "502 0" "GET /$what over it: 502"
	at_most "$(count_at 10.2.0.2:9000 "GET /$what")" 2 "... after one more attempt at most"
done

# --- bad clients

remember bad
check "a head that dribbles in: 408" inc slowclient dribble --connect "$VIP:86" --path /ok --interval 300ms --expect 408
grew timeout_head 1 "... counted"
check "a client that sends nothing: closed" inc slowclient idle --connect "$VIP:86" --kind connect --hold 20s --expect eof
check "half a head: closed or 408" inc slowclient idle --connect "$VIP:86" --kind head --hold 20s --expect eof
check "an idle kept-alive connection: closed" inc slowclient idle --connect "$VIP:86" --kind keepalive --path /ok --hold 20s --expect eof
grew timeout_idle 1 "... counted"
got=$(talk "$VIP" 86 <<<$'POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc')
like "$got" '^HTTP/1.1 408' "a request body that stands still: 408"
for chunk in 'xyz\r\n' '5\r\nabcdefgh\r\n' '-1\r\n' 'fffffffffffffffff\r\n'; do
	got=$(printf 'POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'"$chunk" | talk "$VIP" 86)
	like "$got" '^HTTP/1.1 400' "a broken chunk in a request, ${chunk%%\\*}: 400"
done
for head in 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n' \
	'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n' \
	'GET / HTTP/1.1\r\nHost : a\r\n' 'GET  / HTTP/1.1\r\nHost: a\r\n' 'GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n'; do
	like "$(printf "$head\r\n" | talk "$VIP" 86)" '^HTTP/1.1 400' "an ambiguous head: 400 (${head%%\\*}...)"
done
like "$(printf 'GET / HTTP/2.7\r\nHost: a\r\n\r\n' | talk "$VIP" 86)" '^HTTP/1.1 505' "an unknown version: 505"
like "$(printf 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n' | talk "$VIP" 86)" '^HTTP/1.1 501' "an unknown coding: 501"

service data "$VIP:89" --mode http -s rr -- 10.2.0.1:9000
remember data
check "a client that resets in the middle of a response" inc slowclient stall --connect "$VIP:89" \
	--path '/endless' --read 1M --hold 200ms --then reset --expect open
grew resets_client 1 "... is counted"
counted data 10.2.0.1:9000.active 0 "... and frees its server"
{
	printf 'POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc'
} | raw "$VIP:89" 5 >"$TMP/out"
counted data active 0 "a client that ends in the middle of its body is not waited for"

# --- mode tcp

bad_one 3 9400 --do mute
service idle "$VIP:90" --mode tcp -s wlc "${short[@]}" -- 10.2.0.3:9400
check "mode tcp: an idle connection is closed after its time" inc slowclient idle --connect "$VIP:90" --hold 20s --expect eof
counted idle timeout_idle 1 "... counted"
service slam "$VIP:91" --mode tcp -s wlc "${short[@]}" -- 10.2.0.3:9000
is "$(outcome "http://$VIP:91/reset")" "000 56" "mode tcp: a server's reset is passed on"
counted slam resets_server 1 "... counted"
bad_one 3 9402 --do sink
service sink "$VIP:92" --mode tcp -s wlc -- 10.2.0.3:9402
inc slowclient stall --connect "$VIP:92" --send hello --hold 300ms --then reset >/dev/null 2>&1
counted sink resets_client 1 "mode tcp: a client's reset is passed on"
gone() { [ -z "$(ins ss -Htn 'src 10.2.0.3 and sport = :9402')" ]; }
check "... to the server" poll 5 gone
for svc in refused none tcpnone hole quick bad stale once data idle slam sink; do
	stat_is $svc active 0 || not_ok "$svc has an active connection left: ${st[active]:-}"
done
