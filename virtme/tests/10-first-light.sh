#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 400
#
# First light: requests go through the kernel, and each comes out right.
#
#	curl, socat            ktcpvs                    nginx 1 2 3 (:80)
#	10.1.0.1  ---------> 10.1.0.254  ------------->  10.2.0.1 .. 3
#	fd00:1::1            fd00:1::fe                  fd00:2::1 .. 3
#	                                                 badserver 1 2 3 (:9000)
#
# Who answers (rr, wrr, wlc; every request of a kept-alive connection by
# itself), what the server sees, pooled server connections, both families, mode
# tcp, and every way in which HTTP frames a message, compared with what a client
# gets that asks the server directly.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/traffic.sh"

topology 3
start_nginx
load_module
bad 9000

# --- who answers

service web "$VIP:80" --mode http -s rr -- 10.2.0.1:80 10.2.0.2:80 10.2.0.3:80
urls=()
for i in 1 2 3 4 5 6 7 8 9; do urls+=("http://$VIP/$i"); done
is "$(get "${urls[@]}" | sort | uniq -c | tr -s ' ' | tr '\n' ';')" \
	" 3 server 1; 3 server 2; 3 server 3;" "rr: every server answers as often"
got=$(get -w '|%{num_connects}\n' "${urls[@]}" | tr '\n' ' ')
is "$(grep -oE 'server [123]' <<<"$got" | awk '{ if (NR > 1) { d = ($2 - last + 3) % 3; if (d != 1) bad++ } last = $2 } END { print NR, bad + 0 }')" \
	"9 0" "rr: the requests of one connection meet the servers in turn"
is "$(grep -oE '[|][01]' <<<"$got" | tr -d '|\n')" 100000000 "... and it was one connection"
counted web requests 18 "18 requests counted"
counted web responses_2xx 18 "18 responses counted"
counted web connections 2 "2 connections counted"

adm -E -i web -s wrr
adm -e -i web -r 10.2.0.1:80 -w 3
adm -e -i web -r 10.2.0.2:80 -w 2
got=$(for i in 1 2 3 4; do get "${urls[@]:0:3}"; done | sort | uniq -c | tr -s ' ' | tr '\n' ';')
is "$got" " 6 server 1; 4 server 2; 2 server 3;" "wrr: shares are exact, 3:2:1 of 12"
adm -e -i web -r 10.2.0.2:80 -w 0
got=$(get "${urls[@]:0:8}" | sort | uniq -c | tr -s ' ' | tr '\n' ';')
is "$got" " 6 server 1; 2 server 3;" "wrr: weight 0 gets nothing, the rest their share"
adm -D -i web

body slow.bin 400000
# At the server's rate it lasts two minutes.
body long.bin 8000000
service web "$VIP:80" --mode http -s wlc -- 10.2.0.1:80 10.2.0.2:80 10.2.0.3:80=2
# One after the other: two workers that choose at the same moment see the same load.
client slowclient stall --connect "$VIP:80" --path /slow/long.bin --read 1 --clients 8 --one-by-one --hold 100s >"$TMP/stall"
all_active() {
	read_stats web &&
		[ "${st[10.2.0.1:80.active]} ${st[10.2.0.2:80.active]} ${st[10.2.0.3:80.active]}" = "2 2 4" ]
}
check "wlc: 8 requests at a time lie 2:2:4 on servers of weight 1:1:2" poll 20 all_active
is "$(get "http://$VIP/" "http://$VIP/" | wc -l)" 2 "wlc: others are served meanwhile"
end "$pid"
check "wlc: clients that went away free their servers" poll 5 stat_is web 10.2.0.3:80.active 0
adm -D -i web
refuses "a deleted service listens no more" 'onnect' get "http://$VIP/"

# --- what the server sees

service echo "$VIP:81" --mode http -s rr -- 10.2.0.1:9000
got=$(get -H 'X-Forwarded-For: 6.6.6.6' -H 'Connection: x-gone' -H 'X-Gone: yes' \
	-H 'X-Stays: yes' -H 'Keep-Alive: 7' -H 'Proxy-Connection: keep-alive' -A agent \
	"http://$VIP:81/echo?a=b%20c" | tr -d '\r')
like "$got" '^GET /echo\?a=b%20c HTTP/1.1$' "the request line arrives as it was"
like "$got" "^Host: $VIP:81\$" "Host is kept"
is "$(grep -i '^x-forwarded-for:' <<<"$got")" "X-Forwarded-For: $CLIENT" "X-Forwarded-For is the client's address, a forged one is gone"
is "$(grep -icE '^(connection|keep-alive|proxy-connection|x-gone):' <<<"$got")" 0 "hop-by-hop fields are gone"
like "$got" '^X-Stays: yes$' "other fields stay"
adm -E -i echo --forwarded off
is "$(get "http://$VIP:81/echo" | grep -ic forwarded)" 0 "--forwarded off adds none"
is "$(get --data-binary "@$TMP/data/slow.bin" "http://$VIP:81/body" | cmp - "$TMP/data/slow.bin" && echo same)" same \
	"a request body arrives as it was"
is "$(get -H 'Transfer-Encoding: chunked' --data-binary "@$TMP/data/slow.bin" "http://$VIP:81/body" | cmp - "$TMP/data/slow.bin" && echo same)" same \
	"a chunked one too"

# --- pooled server connections

adm -E -i echo --pool-timeout 60s
before=$(inb curl -s 'http://10.2.0.1:9000/count' | grep -oE '"connections":[0-9]+' | cut -d: -f2)
for ((i = 0; i < 20; i++)); do get "http://$VIP:81/ok"; done >"$TMP/oks"
is "$(grep -c '^ok$' "$TMP/oks")" 20 "20 clients one after the other are answered"
after=$(inb curl -s 'http://10.2.0.1:9000/count' | grep -oE '"connections":[0-9]+' | cut -d: -f2)
read_stats echo
# The probe itself is one; a worker has a pool of its own.
at_most $((after - before - 1)) "$(nproc)" "the server saw few connections: they share the pooled ones"
at_least "${st[pool_hits]}" 18 "pool hits are counted"
adm -E -i echo --pool-timeout 1s
for ((i = 0; i < 4; i++)); do get "http://$VIP:81/ok" >/dev/null & done
wait -n
check "an unused server connection is closed in the end" poll 90 stat_is echo 10.2.0.1:9000.idle 0

# --- families

service six "[$VIP6]:80" --mode http -s rr -- '[fd00:2::1]:80' '[fd00:2::2]:80' 10.2.0.3:80
is "$(get "http://[$VIP6]/1" "http://[$VIP6]/2" "http://[$VIP6]/3" | sort | tr '\n' ';')" \
	"server 1;server 2;server 3;" "IPv6 clients, servers of both families"
is "$(get "http://[$VIP6]/xff" "http://[$VIP6]/xff" "http://[$VIP6]/xff" | sort -u)" "$CLIENT6" \
	"X-Forwarded-For is the IPv6 address"
service any6 '[::]:82' --mode http -s rr -- 10.2.0.1:80
is "$(get "http://[$VIP6]:82/")" "server 1" "[::] answers on IPv6"
refuses "[::] is IPv6 only" 'onnect' get "http://$VIP:82/"
service any4 '0.0.0.0:82' --mode http -s rr -- 10.2.0.2:80
is "$(get "http://$VIP:82/")" "server 2" "... and 0.0.0.0 on the same port is another service"

# --- mode tcp

bad_one 1 9001 --do mirror
bad_one 2 9001 --do mirror
bad_one 3 9001 --do mirror
service tcp "$VIP:90" --mode tcp -s wlc -- 10.2.0.1:9001 10.2.0.2:9001 10.2.0.3:9001
is "$(raw "$VIP:90" <"$TMP/data/slow.bin" | cmp - "$TMP/data/slow.bin" && echo same)" same \
	"mode tcp: every byte comes back, also behind a half close"
service idle "$VIP:91" --mode tcp -s wlc -- 10.2.0.1:80 10.2.0.2:80 10.2.0.3:80
# One by one: two workers that choose at the same time may choose the same one.
client slowclient idle --connect "$VIP:91" --clients 6 --one-by-one --kind keepalive --hold 60s >"$TMP/idle" 2>&1
poll 8 stat_is idle active 6
is "${st[active]}: ${st[10.2.0.1:80.active]} ${st[10.2.0.2:80.active]} ${st[10.2.0.3:80.active]}" "6: 2 2 2" \
	"mode tcp, wlc: 6 connections lie 2:2:2 on 3 servers"
end $pid
check "mode tcp: closed connections are not active any more" poll 5 stat_is idle active 0
service tcp6 "[$VIP6]:90" --mode tcp -s wlc -- '[fd00:2::1]:9001'
is "$(echo hello | inc socat -t 5 - "TCP6:[$VIP6]:90")" hello "mode tcp over IPv6"

# --- framing: what a client gets through us is what it gets directly

service bad "$VIP:83" --mode http -s rr -- 10.2.0.1:9000
both() { # NAME TARGET CURL-ARG...
	local name=$1 target=$2 direct through

	shift 2
	direct=$(inb curl -s -m 10 -w '|%{http_code} %{size_download} %{exitcode}' "$@" "http://10.2.0.1:9000$target")
	through=$(inc curl -s -m 10 -w '|%{http_code} %{size_download} %{exitcode}' "$@" "http://$VIP:83$target")
	is "$(tail -c 300 <<<"$through" | tr -d '\0')" "$(tail -c 300 <<<"$direct" | tr -d '\0')" "framing: $name"
}
both "Content-Length" '/ok?size=100k'
both "empty body" '/ok?size=0'
both "chunked" '/chunked?size=300k'
both "chunked, raw, with extensions and a trailer field" '/chunked?size=3000' --raw
both "HTTP/1.0 server, ends with the connection" '/http10?size=100k'
both "HTTP/1.1 server, ends with the connection" '/until-close?size=100k'
both "HEAD" '/ok?size=100' -I -H 'Accept:' -o /dev/null
both "204" '/status?code=204'
both "304" '/status?code=304'
both "404 with a body" '/status?code=404'
both "503 of the server is the server's" '/status?code=503'
both "one byte a segment" '/dribble?size=200&ms=0'
both "a late body" '/delay-body?ms=300'
both "POST, PUT, DELETE" '/body' -X PUT -d abc
# A bodiless answer must not make the next one late or wrong on its connection.
got=$(printf 'GET /status?code=204 HTTP/1.1\r\nHost: a\r\n\r\nGET /status?code=304 HTTP/1.1\r\nHost: a\r\n\r\nHEAD /ok?size=50 HTTP/1.1\r\nHost: a\r\n\r\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\n' |
	raw "$VIP:83" | tr -d '\r')
is "$(grep -oE '^HTTP/1.1 [0-9]+|^ok$' <<<"$got" | sed 's,HTTP/1.1 ,,' | tr '\n' ' ')" "204 304 200 200 ok " \
	"204, 304 and HEAD keep their connection in order"
is "$(get "http://$VIP:83/http10?size=5" "http://$VIP:83/ok" | tail -c 3)" ok "after a close-delimited answer the next request is served"

# --- interim responses

got=$(get -v "http://$VIP:83/interim?n=3")
is "$(grep -c '103 Early Hints' <<<"$got") $(tail -n 1 <<<"$got" | grep -c ok)" "3 1" "103 three times, then the answer"
got=$(get -v -H 'Expect: 100-continue' --data-binary "@$TMP/data/slow.bin" "http://$VIP:83/continue")
is "$(grep -c '< HTTP/1.1 100' <<<"$got") $(grep -c '^400000' <<<"$got")" "1 1" "Expect: 100-continue: 100, body, answer"
got=$(get -v -H 'Expect: 100-continue' --data-binary "@$TMP/data/slow.bin" "http://$VIP:83/no-continue")
is "$(grep -c '< HTTP/1.1 100' <<<"$got") $(grep -c '< HTTP/1.1 417' <<<"$got")" "0 1" "a final answer instead of 100 passes"
is "$(outcome --data-binary "@$TMP/data/slow.bin" "http://$VIP:83/early" | cut -d' ' -f1)" 413 "an answer before the body was read passes"

# --- pipelining

got=$(printf 'GET /delay?ms=500 HTTP/1.1\r\nHost: a\r\n\r\nPOST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\ntwo\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\nPOST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfour\n\r\n0\r\n\r\nHEAD /ok HTTP/1.1\r\nHost: a\r\n\r\nGET /status?code=404 HTTP/1.1\r\nHost: a\r\n\r\n' |
	raw "$VIP:83" | tr -d '\r')
is "$(grep -E '^(late|two|ok|four|status)' <<<"$got" | tr '\n' ' ')" "late two ok four status 404 " "pipelined requests are answered in order"
is "$(grep -c '^HTTP/1.1 ' <<<"$got")" 6 "... each of the six, HEAD without a body"

# --- HTTP/1.0 clients

got=$(printf 'GET /ok HTTP/1.0\r\n\r\n' | raw "$VIP:83" | tr -d '\r')
is "$(head -n 1 <<<"$got" | cut -d' ' -f2) $(tail -n 1 <<<"$got")" "200 ok" "HTTP/1.0 without Host"
check "... and we end the connection with the answer" talk "$VIP" 83 <<<$'GET /ok HTTP/1.0\r\n\r'
body page.txt 100000
service web10 "$VIP:84" --mode http -s rr -- 10.2.0.1:80
is "$(get -0 "http://$VIP:84/chunked/page.txt" | cmp - "$TMP/data/page.txt" && echo same)" same "HTTP/1.0 and a server that would chunk"
got=$(printf 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /xff HTTP/1.0\r\n\r\n' | raw "$VIP:84" | tr -d '\r')
is "$(grep -cE '^(server 1|10\.1\.0\.1)$' <<<"$got")" 2 "HTTP/1.0 with keep-alive: two requests"

# --- upgrade

# What the client sends before it has the 101 belongs to the tunnel too.
got=$(printf 'GET /upgrade?to=websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nover the tunnel\n' |
	raw "$VIP:83" | tr -d '\r')
is "$(head -n 1 <<<"$got" | cut -d' ' -f2) $(tail -n 1 <<<"$got")" "101 over the tunnel" "101 makes a tunnel"

like "$(printf 'GET /upgrade?to=echo HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n' | raw "$VIP:83")" \
	'^HTTP/1.1 502' "101 to another protocol than was asked for: 502"

# --- large heads

big() { head -c "$1" /dev/zero | tr '\0' x; }
is "$(get -H "X-Big: $(big 12000)" "http://$VIP:83/echo" | grep -o 'X-Big: x*' | wc -c)" 12008 "a head of 12 KB passes whole"
is "$(code -H "X-Big: $(big 20000)" "http://$VIP:83/echo")" 431 "a head of 20 KB is refused: 431"
is "$(code "http://$VIP:83/$(big 20000)")" 414 "a target of 20 KB is refused: 414"
is "$(get -i "http://$VIP:83/big-head?size=12000" | grep -c '^X-Big')" 12 "a response head of 12 KB passes"
is "$(code "http://$VIP:83/big-head?size=40000")" 502 "one of 40 KB does not: 502"
adm -E -i bad --head-bytes 48k
is "$(code -H "X-Big: $(big 20000)" "http://$VIP:83/ok") $(code "http://$VIP:83/big-head?size=40000")" "200 200" "--head-bytes raises both"
is "$(code -H 'Host:' "http://$VIP:83/ok")" 400 "no Host: 400"
like "$(talk "$VIP" 83 <<<$'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nConnection: close\r\n\r')" '^HTTP/1.1 501' "CONNECT: 501"
