#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 180
#
# Persistence by a signed cookie: a client stays at the server that its cookie
# names, through everything but the end of that server.
#
#	curl                    ktcpvs                nginx :8080, never pooled
#	10.1.0.1  --------->  10.1.0.254 ---------->  10.2.0.1 .. 3
#
# A server tells its number in X-Server, and with /headers the cookies it got.
# The scheduler is rr: without a cookie every request would go elsewhere.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/traffic.sh"

topology 3
start_nginx
load_module

umask 077
printf 'a key of the tests, no secret\n' >"$TMP/key"
printf 'another one, just as public\n' >"$TMP/key2"
cat >"$TMP/conf" <<EOF2
Virtual web {
    listen = $VIP:80
    mode = http
    scheduler = rr
    cookie = SID
    cookie-path = /
    cookie-attributes = "HttpOnly; SameSite=Lax"
    cookie-key = $TMP/key
    server = 10.2.0.1:8080 1
    server = 10.2.0.2:8080 1
    server = 10.2.0.3:8080 1
}
Virtual drawn {
    listen = $VIP:81
    scheduler = rr
    cookie = SID
    server = 10.2.0.1:8080
    server = 10.2.0.2:8080
}
Virtual old {
    listen = $VIP:82
    scheduler = chttp
    server = 10.2.0.1:8080
    server = 10.2.0.2:8080
}
EOF2
check "a file with cookies loads" adm -f "$TMP/conf"
check "... and its services start" adm --start

# What each answer has: X-Server and Set-Cookie.
told='%header{x-server} %header{set-cookie}\n'
# browse JAR URL...: one client with its cookies, one line an answer.
browse() {
	local jar=$1 u

	shift
	for u; do printf 'url = "%s"\noutput = /dev/null\n' "$u"; done |
		inc curl -s -m 30 -K - -b "$TMP/jar.$jar" -c "$TMP/jar.$jar" -w "$told"
}
# give VALUE URL...: requests with the cookie SID of this value.
give() {
	local args=() a

	for a in "${@:2}"; do args+=("$a" -o /dev/null); done
	inc curl -s -m 30 -H "Cookie: SID=$1" -w "$told" "${args[@]}"
}
value() { awk -v n="${2:-SID}" '$6 == n { print $7 }' "$TMP/jar.$1"; }
counter() { read_stats "$1" && echo "${st[$2]:-0}"; }
web="http://$VIP"

# --- it sticks

touch "$TMP/jar.a" "$TMP/jar.b"
got=$(browse a "$web/" "$web/x" "$web/status/404" "$web/empty" "$web/")
a=${got%% *}
token=$(value a)
is "$got" "$a SID=$token; Path=/; HttpOnly; SameSite=Lax
$a 
$a 
$a 
$a " "a client gets a cookie once and stays, whatever the answer"
is "${#token}" 40 "... whose value has the form of a token"
got=$(browse b "$web/" "$web/" "$web/")
b=${got%% *}
like "$got" "^$b SID=" "another client gets one"
is "$(sed 1d <<<"$got") $([ "$a" != "$b" ] && echo other)" "$b 
$b  other" "... and stays at another server"
is "$(give "$token" "$web/" "$web/")" "$a 
$a " "over new connections too"
is "$(inc curl -s -m 30 -H "Cookie: x=1; SID=$token;y=2" -H 'Cookie: z' "$web/headers" | sed 's/.*cookie=//')" \
	"x=1;y=2; z" "the server gets all cookies but ours"
is "$(inc curl -s -m 30 -H "Cookie: SID=$token" "$web/headers" | sed 's/.*cookie=//')" "" "... and no line if there are no others"
counted web cookie_hits 10 "requests that it held for are counted"
counted web cookies_set 2 "... and cookies given"
counted web cookie_misses 0 "... and nothing else"

# --- the answers

headers() { tr -d '\r' | grep -ciE "$1"; }
is "$(inc curl -sI -m 30 "$web/" "$web/empty" "$web/status/500" | headers '^(Set-Cookie: SID=|HTTP/1.1 (200|204|500))')" 6 \
	"HEAD, 204 and errors of a server have a cookie"
body c.bin 100
touch -d '2020-01-01 00:00:00 UTC' "$TMP/data/c.bin"
is "$(inc curl -s -m 30 -D - -o /dev/null -H 'If-Modified-Since: Wed, 01 Jan 2020 00:00:00 GMT' "$web/data/c.bin" | headers '^(Set-Cookie: SID=|HTTP/1.1 304)')" 2 "304 has one"
is "$(printf 'GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nCookie: SID=%s\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' "$token" |
	raw "$VIP:80" | tr -d '\r' | grep -E '^(Set-Cookie|X-Server)' | sed 's/=.*//;s/: .*//' | tr '\n' ' ')" \
	"X-Server Set-Cookie X-Server X-Server Set-Cookie " "pipelined requests have each its own"
is "$(inc curl -s -m 30 -D - -o /dev/null -H 'Transfer-Encoding: nonsense' "$web/" | headers '^(Set-Cookie|HTTP/1.1 50[0-9])')" 1 "an answer of ours has none"

# --- it is signed

last=${token: -1} first=${token:0:1}
forge=("${token%?}$([ "$last" = A ] && echo B || echo A)" # the proof
	"$([ "$first" = A ] && echo B || echo A)${token:1}"      # the server
	"${token:0:14}_${token:15}"                              # when it expires
	"${token}A" "${token%?}" garbage '')
args=()
for f in "${forge[@]}"; do args+=(-s -m 30 -o /dev/null -H "Cookie: SID=$f" -w "$told" "$web/" --next); done
got=$(inc curl "${args[@]::${#args[@]}-1}")
is "$(grep -c ' SID=' <<<"$got")" 7 "forged and garbled cookies are replaced"
is "$(cut -c1 <<<"$got" | sort -u | wc -l)" 3 "... and say nothing"
counted web cookie_misses 7 "... and are counted"
is "$(inc curl -s -m 30 -o /dev/null -H "Cookie: SID=nonsense; SID=$token" -w "$told" "$web/")" "$a " "one that holds is found behind one that does not"
touch "$TMP/jar.d"
browse d "http://$VIP:81/" >/dev/null
like "$(give "$(value d)" "$web/")" ' SID=' "the cookie of another service is foreign"
counted web cookie_misses 8 "... and counted"

# --- the configuration changes

adm -L >"$TMP/listed"
like "$(cat "$TMP/listed")" '# cookie-key [0-9a-f]{8} is not told' "a listing does not tell the key"
if grep -q 'a key of the tests' "$TMP/listed" || adm -S | grep -q "a key of" || adm show services -o json | grep -q 'a key of'; then
	not_ok "... nowhere"
else
	ok "... nowhere"
fi
check "what was listed changes nothing" adm diff "$TMP/listed"
check "nor does the file with the key" adm diff "$TMP/conf"
sed 's/10.2.0.3:8080 1/10.2.0.3:8080 7/; s/scheduler = rr/scheduler = wlc/' "$TMP/listed" >"$TMP/edited"
check "a listing loads, edited" adm -f "$TMP/edited"
is "$(give "$token" "$web/" "$web/")" "$a 
$a " "a reload keeps clients where they are"
is "$(adm -L | grep -c cookie)" "$(grep -c cookie "$TMP/listed")" "... and all of the cookies"
adm -E -i web -s rr --cookie-path /
adm -S >"$TMP/saved"
check "what was saved restores" adm -R <"$TMP/saved"
is "$(give "$token" "$web/")" "$a " "... and keeps them"
sed -i "s#$TMP/key\$#$TMP/key2#" "$TMP/conf"
refuses "another key is a difference" 'cookie-key' adm diff "$TMP/conf"

# --- servers go

adm -e -i web -r "10.2.0.$a:8080" -w 0
is "$(give "$token" "$web/" "$web/")" "$a 
$a " "a drained server keeps its clients"
if inc curl -s -m 30 -o /dev/null -w '%header{x-server}\n' "$web/[1-6]" | grep -q "$a"; then
	not_ok "... and gets no others"
else
	ok "... and gets no others"
fi
lost=$(counter web cookie_lost)
inb ip route add prohibit "10.2.0.$a/32"
adm -E -i web --retries 0
got=$(browse a "$web/" "$web/" "$web/")
moved=${got%% *}
like "$got" "^[1-3] SID=" "one that fails loses them, even without retries"
is "$(sed 1d <<<"$got") $([ "$moved" != "$a" ] && echo elsewhere)" "$moved 
$moved  elsewhere" "... to another, where they stay"
counted web cookie_lost $((lost + 1)) "... and that is counted"
inb ip route del prohibit "10.2.0.$a/32"
is "$(give "$token" "$web/")" "$a " "an old cookie is good again when its server is"
adm -d -i web -r "10.2.0.$a:8080"
misses=$(counter web cookie_misses)
like "$(give "$token" "$web/")" "^[^$a] SID=" "one that is removed loses them"
counted web cookie_misses $((misses + 1)) "... and that is counted"
adm -a -i web -r "10.2.0.$a:8080"
is "$(give "$token" "$web/")" "$a " "... and has them again when it is back"

# --- rules

check "a rule is added" adm --add-rule -i web -p '^/only' -r "10.2.0.$b:8080"
lost=$(counter web cookie_lost)
like "$(give "$token" "$web/only")" "^$b SID=" "a rule without the server goes before the cookie"
is "$(give "$token" "$web/other")" "$a " "... for its requests alone"
counted web cookie_lost $((lost + 1)) "... and that is counted"
adm --del-rule -i web -p '^/only' -r "10.2.0.$b:8080"

# --- it ages

adm -E -i web --cookie-max-age 1h
touch "$TMP/jar.e"
got=$(browse e "$web/" "$web/")
like "$got" 'SID=[^;]{40}; Path=/; Max-Age=3600; HttpOnly' "Max-Age is told"
like "$got" '^[1-3] $' "... and the cookie holds"
aged=$(value e) e=${got%% *}
misses=$(counter web cookie_misses)
like "$(give "${aged:0:13}_${aged:14}" "$web/")" ' SID=' "when it expires is signed"
counted web cookie_misses $((misses + 1)) "... so changing that is a forgery"
like "$(give "$token" "$web/")" "^$a SID=" "a cookie without an end is replaced by one"
adm -E -i web --cookie-max-age "$((4 * TIME_FACTOR))s"
like "$(give "$aged" "$web/")" "^$e SID=.*Max-Age=$((4 * TIME_FACTOR));" "and one of a longer life by a shorter"
rm -f "$TMP/jar.e" && touch "$TMP/jar.e"
got=$(browse e "$web/")
aged=$(value e) e=${got%% *}
renewed() { [ -n "$(give "$aged" "$web/" | cut -s -d= -f2)" ]; }
check "past half of its life a client is given a new one" poll 6 renewed
counted web cookie_expired 0 "... while the old one holds"
expired() { renewed && [ "$(counter web cookie_expired)" -gt 0 ]; }
check "then it holds no more, whatever the client thinks" poll 8 expired

# --- the original's, and from the beginning

touch "$TMP/jar.o"
got=$(browse o "http://$VIP:82/" "http://$VIP:82/")
like "$got" '^[12] KTCPVS_SID=.*; Path=/; Max-Age=600$' "chttp is a cookie with the original's name and life"
like "$got" '^[12] $' "... that holds"
adm --stop --now
check "the module goes" rmmod ktcpvs
modprobe ktcpvs
sed -i "s#$TMP/key2\$#$TMP/key#" "$TMP/conf"
check "the same file loads again" adm -f "$TMP/conf"
adm --start
is "$(give "$token" "$web/" "$web/")" "$a 
$a " "a key that was set: cookies of before hold"
like "$(give "$(value d)" "http://$VIP:81/")" ' SID=' "one that was drawn: they do not"
