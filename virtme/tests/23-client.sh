#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 300
#
# Who the client is, and what it may do: what servers are told of it, whose word
# about it is taken, and the limits of its requests.
#
#	curl, bash              ktcpvs                badserver :9000, :9300
#	10.1.0.1  --------->  10.1.0.254 ---------->  nginx :8081 (PROXY header)
#
# Every refusal is seen with its status and its counter.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/traffic.sh"

topology 2
start_nginx
load_module
bad 9000

# --- forwarding fields

service web "$VIP:80" --mode http -s rr -- 10.2.0.1:9000
forged=(-H 'X-Forwarded-For: 6.6.6.6' -H 'X-Forwarded-Proto: gopher' -H 'X-Forwarded-Host: evil' -H 'Forwarded: for=6.6.6.6')
told() { get "$@" "http://$VIP/echo" | tr -d '\r' | grep -iE '^(x-forwarded-|forwarded|via)' | sort | tr '\n' ';'; }
is "$(told "${forged[@]}")" "X-Forwarded-For: $CLIENT;" "by default X-Forwarded-For alone, and nothing forged"
adm -E -i web --forward x-forwarded-proto,x-forwarded-host,via
is "$(told "${forged[@]}")" "Via: 1.1 ktcpvs;X-Forwarded-Host: $VIP;X-Forwarded-Proto: http;" "what was asked for, and not X-Forwarded-For"
like "$(get -i "http://$VIP/ok" | tr -d '\r')" '^Via: 1\.1 ktcpvs$' "... Via in responses too"
adm -E -i web --forward forwarded
is "$(told "${forged[@]}")" "Forwarded: for=$CLIENT;host=\"$VIP\";proto=http;" "Forwarded in place of X-Forwarded-*"
adm -E -i web --forward none
is "$(told "${forged[@]}")" "" "nothing at all"
adm -E -i web --forward x-forwarded-for,x-forwarded-proto --trusted 192.0.2.0/24
is "$(told "${forged[@]}")" "X-Forwarded-For: $CLIENT;X-Forwarded-Proto: http;" "a peer outside the trusted networks is not believed"
adm -E -i web --trusted 192.0.2.0/24,10.1.0.0/29
is "$(told -H 'X-Forwarded-For: 6.6.6.6' -H 'X-Forwarded-Proto: https')" \
	"X-Forwarded-For: 6.6.6.6, $CLIENT;X-Forwarded-Proto: https;" "one inside is: its word is kept and added to"
adm -E -i web --forward forwarded
is "$(told -H 'Forwarded: for=6.6.6.6')" "Forwarded: for=6.6.6.6, for=$CLIENT;host=\"$VIP\";proto=http;" "... in Forwarded as well"
adm -D -i web

# --- limits of requests

service lim "$VIP:81" --mode http -s rr --target-bytes 200 --head-bytes 2k --body-bytes 1000 -- 10.2.0.1:9000
big() { head -c "$1" /dev/zero | tr '\0' x; }
is "$(code "http://$VIP:81/ok?$(big 150)") $(code "http://$VIP:81/ok?$(big 250)")" "200 414" "a target within and over its limit"
is "$(code -H "X: $(big 1500)" "http://$VIP:81/ok") $(code -H "X: $(big 2500)" "http://$VIP:81/ok")" "200 431" "a head likewise"
body 1000.bin 1000
body 1001.bin 1001
body 100000.bin 100000
send() { code -H 'Expect:' --data-binary "@$TMP/data/$1" "http://$VIP:81/body" "${@:2}"; }
is "$(send 1000.bin) $(send 1001.bin) $(send 100000.bin)" "200 413 413" "a body likewise, by its Content-Length"
is "$(send 1001.bin -H 'Transfer-Encoding: chunked') $(send 100000.bin -H 'Transfer-Encoding: chunked')" "413 413" "... chunked while it comes"
is "$(head -c 900 "$TMP/data/1000.bin" | code -H 'Expect:' -H 'Transfer-Encoding: chunked' --data-binary @- "http://$VIP:81/body")" 200 "... and not before its limit"
counted lim limit_target 1 "414 is counted as such"
counted lim limit_head 1 "431 too"
counted lim limit_body 4 "413 too"
counted lim bad_request 0 "... and not as bad requests"
adm -E -i lim --target-bytes 0 --body-bytes 0
is "$(code "http://$VIP:81/ok?$(big 250)") $(send 100000.bin)" "200 200" "0 lifts them"

urls=()
for i in 1 2 3 4 5 6 7; do urls+=("http://$VIP:81/ok?$i"); done
adm -E -i lim --requests 3
got=$(for u in "${urls[@]}"; do printf 'url = %s\noutput = /dev/null\n' "$u"; done | inc curl -s -K - -w '%{num_connects}')
is "$got" 1001001 "after 3 requests the client needs a new connection"
like "$(printf 'GET /ok HTTP/1.1\r\nHost: a\r\n\r\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\n' | raw "$VIP:81" | tr -d '\r' | grep -cE '^(HTTP/1.1 200 OK|Connection: close)$')" \
	'^4$' "of four pipelined ones three are answered, the last with Connection: close"
counted lim limit_requests 3 "... and counted"
ages() { printf 'url = %s\noutput = /dev/null\n' "$@" | inc curl -s -K - -w '%{num_connects}'; }
adm -E -i lim --requests 0 --age-timeout 100s
is "$(ages "${urls[@]:0:2}")" 10 "a connection that is not old yet goes on"
adm -E -i lim --age-timeout "${TIME_FACTOR}s"
is "$(ages "http://$VIP:81/delay?ms=$((1200 * TIME_FACTOR))&i="{1,2})" 11 "one that grows old in an exchange ends with it"
client slowclient idle --connect "$VIP:81" --kind keepalive --path /ok --clients 2 --hold 60s --expect eof >"$TMP/idle" 2>&1
status=0
wait $pid || status=$?
is "$status" 0 "an idle one that has grown old is closed"
counted lim limit_age 4 "... and all of that is counted"
adm -D -i lim

# --- what is allowed

bad_one 1 9300 --do tunnel
service con "$VIP:82" --mode http -s rr -- 10.2.0.1:9300
connect() { printf 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\nthrough the tunnel\n' | raw "$VIP:82" | tr -d '\r'; }
like "$(connect)" '^HTTP/1.1 501' "CONNECT is refused"
adm -E -i con --allow connect
got=$(connect)
is "$(head -n 1 <<<"$got"); $(tail -n 1 <<<"$got")" "HTTP/1.1 200 Connected; through the tunnel" "... unless it is allowed: a tunnel after the 200"
is "$(grep -ciE '^(connection|content-length|transfer-encoding):' <<<"$got")" 0 "... whose head frames nothing"
check "... and counted" poll 5 stat_is con tunnels 1
read_stats con
is "${st[requests]}" $((st[responses_2xx] + st[responses_4xx] + st[responses_5xx] + st[aborted] + st[tunnels])) \
	"requests = responses + aborted + tunnels"
adm -D -i con

# --- PROXY headers towards servers

service out "$VIP:84" --mode http -s rr --send-proxy v1 --forward none -- 10.2.0.1:8081
told='^10\.1\.0\.1 [0-9]+ 10\.1\.0\.254 84 $'
like "$(get "http://$VIP:84/")" "$told" "send-proxy v1: the server knows the client"
adm -E -i out --send-proxy v2
like "$(get "http://$VIP:84/")" "$told" "v2 too"
got=$(get "http://$VIP:84/" "http://$VIP:84/" "http://$VIP:84/" | sort -u)
is "$(wc -l <<<"$got")" 1 "one client, one connection"
read_stats out
was=${st[connects]}
get "http://$VIP:84/" >/dev/null
read_stats out
is $((st[connects] - was)) 1 "another client never gets the first one's"
is "${st[10.2.0.1:8081.idle]}" 0 "... nothing of it is pooled"
service out6 "[$VIP6]:84" --mode http -s rr --send-proxy v2 --forward none -- '[fd00:2::1]:8081'
like "$(get "http://[$VIP6]:84/")" '^fd00:1::1 [0-9]+ fd00:1::fe 84 $' "IPv6"
service outt "$VIP:85" --mode tcp -s rr --send-proxy v2 -- 10.2.0.1:8081
like "$(get "http://$VIP:85/")" '^10\.1\.0\.1 [0-9]+ 10\.1\.0\.254 85 ' "mode tcp"

# --- PROXY headers from clients

refuses "accept-proxy needs trusted networks" 'trusted' adm -A -i in -l "$VIP:86" --accept-proxy on
service in "$VIP:86" --mode http -s rr --accept-proxy on --trusted 10.1.0.1/32 --send-proxy v1 -- 10.2.0.1:8081
is "$(printf 'PROXY TCP4 7.7.7.7 8.8.8.8 1111 2222\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' | raw "$VIP:86" | tail -n 1)" \
	"7.7.7.7 1111 8.8.8.8 2222 7.7.7.7" "version 1: its client is in X-Forwarded-For and in the server's PROXY header"
is "$({ printf '\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x07\x07\x07\x08\x08\x08\x08\x08\x04\x57\x08\xae'; printf 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'; } | raw "$VIP:86" | tail -n 1)" \
	"7.7.7.8 1111 8.8.8.8 2222 7.7.7.8" "version 2"
is "$(printf 'PROXY UNKNOWN\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' | raw "$VIP:86" | tail -n 1 | cut -d' ' -f1,3,5)" \
	"$CLIENT $VIP $CLIENT" "UNKNOWN: the connection's own ends"
is "$({ printf 'PROXY TCP4 7.7.7.9 8.8'; sleep 0.3; printf '.8.8 1 2\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'; } | raw "$VIP:86" | tail -n 1 | cut -d' ' -f1)" \
	"7.7.7.9" "in two pieces"
refuses "no header: closed" 'Recv failure|Empty reply|reset|onnect' get "http://$VIP:86/"
counted in bad_proxy 1 "... and counted"
adm -E -i in --trusted 192.0.2.1/32
refuses "an untrusted peer: closed" 'Recv failure|Empty reply|reset|onnect' get "http://$VIP:86/"
counted in refused_untrusted 1 "... and counted"
service int "$VIP:87" --mode tcp -s rr --accept-proxy on --trusted 10.1.0.0/24 -- 10.2.0.1:8081
is "$(printf 'PROXY TCP4 7.7.7.7 8.8.8.8 1111 2222\r\nPROXY TCP4 9.9.9.9 8.8.8.8 3333 2222\r\nGET / HTTP/1.0\r\n\r\n' | raw "$VIP:87" | tail -n 1 | cut -d' ' -f1,2)" \
	"9.9.9.9 3333" "mode tcp: ours is taken off, what follows is the server's"

# --- connections that prove who uses them

service ntlm "$VIP:88" --mode http -s rr -- 10.2.0.1:9000 10.2.0.2:9000
got=$(printf 'url = http://%s/ntlm\nheader = "Authorization: NTLM abc"\nnext\nurl = http://%s/peer\nnext\nurl = http://%s/peer\n' "$VIP:88" "$VIP:88" "$VIP:88" | inc curl -s -K -)
is "$(wc -l <<<"$got") $(sort -u <<<"$got" | wc -l)" "3 1" "what follows an authentication stays on its connection and server"
mine=$(head -n 1 <<<"$got")
read_stats ntlm
is "${st[10.2.0.1:9000.idle]} ${st[10.2.0.2:9000.idle]}" "0 0" "... which ends with the client, unpooled"
got=$(get "http://$VIP:88/peer" "http://$VIP:88/peer")
is "$(grep -c -F "$mine" <<<"$got")" 0 "... and never meets another one"
got=$(get "http://$VIP:88/ntlm" "http://$VIP:88/peer")
is "$(sort -u <<<"$got" | wc -l)" 1 "a challenge alone binds it as well"
adm --stop --now
adm -F
