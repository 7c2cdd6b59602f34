#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 120
#
# 4 schedule: what the hashes go by, and how far a server may be above its share.
#
#	curl                  ktcpvs                nginx 1 2 3 (:80, :9000 answers late)
#	10.1.0.11, 12 ----> 10.1.0.254:81 .. ---->  10.2.0.1 .. 3
#
# Every key is sent twice, from two addresses and with all else different: the same
# server has to answer, and 16 keys have to meet all three. One curl sends it all.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/traffic.sh"

topology 3
start_nginx
bad 9000
load_module

servers() { printf ' server = 10.2.0.%s\n' "1:$1 1" "2:$1 1" "3:$1 1"; }
# service NAME PORT LINE...
service() {
	printf 'virtual %s {\n listen = %s:%s\n' "$1" "$VIP" "$2"
	shift 2
	servers 80
	printf ' %s\n' "$@" '}'
}
{
	service uri 81 'scheduler = mh' 'mode = http' 'hash = uri'
	service host 82 'scheduler = sh' 'mode = http' 'hash = host'
	service header 83 'scheduler = mh' 'mode = http' 'hash = header:X-User'
	service cookie 84 'scheduler = sh' 'mode = http' 'hash = cookie:sid'
	service query 85 'scheduler = mh' 'mode = http' 'hash = query:u'
	service rules 86 'scheduler = wlc' 'mode = http' \
		"rule = prefix /cart use server 10.2.0."{1,2,3}":80 scheduler sh hash query:u"
	service match 89 'scheduler = hhttp' \
		"rule = pattern \"/users/([^/]+)/.*\" match 1 use server 10.2.0."{1,2,3}":80"
	for b in 100% off; do
		printf 'virtual bound%s {\n listen = %s:%s\n scheduler = mh\n mode = http\n hash = host\n hash-bound = %s\n' \
			"${b%\%}" "$VIP" $((${#b} + 84)) $b
		servers 9000
		echo '}'
	done
} >"$TMP/conf"
adm -f "$TMP/conf" || bail "the services are there"
adm --start

for i in 11 12; do ip -n "$C" addr add 10.1.0.$i/24 dev c0; done
n=0
# ask FROM URL [HEADER]: one more request.
ask() {
	printf '%surl = "%s"\ninterface = 10.1.0.%s\nheader = "%s"\nmax-time = 60\nsilent\nshow-error\n' \
		"${next:-}" "$2" "$1" "${3:-X-None: 1}" >>"$TMP/asked"
	next=$'next\n' n=$((n + 1))
}
# More than the pieces a text is looked at in.
deep=$(printf '/%.0sabcdefghi' {1..60})
# twice K: the key K of every service, each from another address with other noise.
twice() {
	local k=$1 a f

	for f in 11 12; do
		a=$((f == 11))
		ask $f "http://$VIP:81/k$k?q=1" "X-User: $f"
		ask $f "http://$VIP:82/$f" "Host: $([ $a = 1 ] && echo "K$k.example:82" || echo "k$k.EXAMPLE.")"
		ask $f "http://$VIP:83/$f" "X-User: user$k"
		ask $f "http://$VIP:84/$f" "Cookie: $([ $a = 1 ] && echo "a=$k; ")sid=s$k; x=$f"
		ask $f "http://$VIP:85/$f?$([ $a = 1 ] && echo "v=$k&")u=$k&w=$f"
		ask $f "http://$VIP:86/cart$f?u=$k"
		ask $f "http://$VIP:89$([ $a = 1 ] && echo "$deep")/users/user$k/$f/users/no/?$f"
	done
}
for ((k = 0; k < 16; k++)); do twice $k; done
# Without the cookie, and with an empty one: the source.
for ((k = 0; k < 4; k++)); do
	ask 11 "http://$VIP:84/$k" "X-Some: $k"
	ask 11 "http://$VIP:84/x$k" "Cookie: sid=; other=$k"
done
inc curl -K "$TMP/asked" >"$TMP/got" 2>&1
is "$(grep -c '^server [123]$' "$TMP/got")" $n "every request has its answer"
# answers SERVICE: two lines, the answers of the first and the second address.
answers() { sed 's/^server //' "$TMP/got" | awk -v s="$1" 'NR <= 224 && (NR - 1) % 7 == s { a[int((NR - 1) / 7) % 2] = a[int((NR - 1) / 7) % 2] $1 } END { print a[0]; print a[1] }'; }
i=0
for what in URI host header cookie parameter "parameter, in a rule" "group of an expression"; do
	got=$(answers $i)
	is "$(head -n1 <<<"$got")" "$(tail -n1 <<<"$got")" "$what: the same key meets the same server, whatever else there is"
	is "$(head -n1 <<<"$got" | fold -w1 | sort -u | tr -d '\n')" 123 "... and 16 keys meet all of them"
	i=$((i + 1))
done
is "$(tail -n 8 "$TMP/got" | sort -u | wc -l)" 1 "without the cookie, or with an empty one, the source decides"

# --- the bound: nine requests of one key at once

urls=()
for ((i = 0; i < 9; i++)); do urls+=("http://$VIP:87/delay?ms=3000&$i" "http://$VIP:88/delay?ms=3000&$i"); done
inc curl -s -S -Z --parallel-immediate --parallel-max 18 -m 60 -H "Host: same" "${urls[@]}" >"$TMP/late" 2>&1
most() { # SERVICE: requests of the server that had most, and of all
	read_stats "$1"
	printf '%s\n' "${st[10.2.0.1:9000.requests]}" "${st[10.2.0.2:9000.requests]}" "${st[10.2.0.3:9000.requests]}" |
		sort -n | awk '{ sum += $1 } END { print $1, sum }'
}
is "$(most boundoff)" "9 9" "without a bound one key is one server's, whatever it has to do"
read -r busiest all <<<"$(most bound100)"
is "$all" 9 "at 100 % nine more requests"
at_most "$busiest" 5 "... of which nobody has much more than three"
