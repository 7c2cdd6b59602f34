#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 240
#
# Mode tls: connections go where their ClientHello says, and arrive untouched.
#
#	curl, openssl, hellos    ktcpvs                nginx, certificates one two three
#	10.1.0.1  ------------>  10.1.0.254:443  --->  10.2.0.1, 2, 3  :443
#
# Names and protocols choose the server, whoever sends them and in whatever pieces;
# what is no hello is refused with the alert that says why, or reset, and counted
# for its cause; the counters add up. PROXY headers come before the hello, in and
# out.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/traffic.sh"

topology 3
load_module

# --- servers

mkdir -p "$TMP/nginx" "$TMP/certs"
hellos certs "$TMP/certs" one two three || bail "certificates are made"
cat "$TMP/certs/"*.crt >"$TMP/roots"
{
	cat <<-EOF
		user root;
		worker_processes 1;
		pid $TMP/nginx/pid;
		error_log $TMP/nginx/error.log crit;
		events { }
		http {
			access_log off;
			default_type text/plain;
	EOF
	i=0
	for name in one two three; do
		i=$((i + 1))
		cat <<-EOF
			server {
				listen 10.2.0.$i:443 ssl;
				listen 10.2.0.$i:8443 ssl proxy_protocol;
				http2 on;
				ssl_certificate $TMP/certs/$name.crt;
				ssl_certificate_key $TMP/certs/$name.key;
				return 200 "$name \$server_protocol \$ssl_server_name \$proxy_protocol_addr\\n";
			}
		EOF
	done
	echo "}"
} >"$TMP/nginx/conf"
ins nginx -c "$TMP/nginx/conf" -e "$TMP/nginx/error.log" || bail "nginx starts" "$(cat "$TMP/nginx/error.log")"
on_exit "kill \$(cat $TMP/nginx/pid) 2>/dev/null"
for i in 1 2 3; do poll 10 server_listens "10.2.0.$i" 443 || bail "server $i listens"; done

# --- the service

# A hello in 500 segments takes its time on a slow machine.
slow=$((TIME_FACTOR < 10 ? 2 * TIME_FACTOR : 20))s
cat >"$TMP/conf" <<EOF
virtual tls {
	listen = $VIP:443
	mode = tls
	head-bytes = 65535
	head-timeout = $slow
	server = 10.2.0.1:443
	server = 10.2.0.2:443
	server = 10.2.0.3:443
	rule = sni a.example.com use server 10.2.0.1:443
	rule = sni reject.example.com reject
	rule = sni elsewhere.example.com source 192.0.2.0/24 use server 10.2.0.1:443
	rule = sni *.wild.example.com use server 10.2.0.1:443 scheduler mh
	rule = sni *.wild.example.com use server 10.2.0.2:443 scheduler mh
	rule = sni www.example.com alpn h2 use server 10.2.0.3:443
	rule = pattern .* use server 10.2.0.2:443
}
virtual proxied {
	listen = $VIP:444
	mode = tls
	accept-proxy = on
	trusted = 10.1.0.0/24
	send-proxy = v2
	server = 10.2.0.1:8443
	server = 10.2.0.3:8443
	rule = source 192.0.2.0/24 sni p.example.com use server 10.2.0.3:8443
	rule = pattern .* use server 10.2.0.1:8443
}
virtual dead {
	listen = $VIP:445
	mode = tls
	server = 10.2.0.1:1
}
EOF
check "a configuration with services in mode tls loads" adm -f "$TMP/conf"
like "$(inb cat /proc/net/ktcpvs)" "^tls +tls +wlc +$VIP:443 " "/proc/net/ktcpvs knows the mode"
adm -L -n >"$TMP/listed"
adm -f "$TMP/listed" && adm -L -n >"$TMP/again"
check "... and is listed as it loads again" cmp "$TMP/listed" "$TMP/again"
like "$(cat "$TMP/listed")" 'rule = sni "www.example.com" alpn "h2" use server 10.2.0.3:443' "... with its rules"
sed 's/use server 10.2.0.3:443/redirect 302 \/elsewhere/' "$TMP/conf" >"$TMP/wrong"
refuses "a redirect is refused" 'in mode tls nothing can be answered' adm -f "$TMP/wrong"
sed 's/sni a.example.com/host a.example.com/' "$TMP/conf" >"$TMP/wrong"
refuses "a match of what no hello has is refused" 'not known in mode tls' adm -f "$TMP/wrong"
adm --start

# --- clients of all sorts

fetch() { # NAME PORT OPTION...
	inc curl -s -m $((20 * TIME_FACTOR)) --cacert "$TMP/roots" --resolve "$1:$2:$VIP" "${@:3}" "https://$1:$2/"
}
is "$(fetch a.example.com 443)" "one HTTP/2.0 a.example.com " "curl: the server of its name, and HTTP/2 as agreed with it"
is "$(fetch www.example.com 443 --http1.1)" "two HTTP/1.1 www.example.com " "curl: a rule on ALPN passes over who does not offer it"
said=$(inc openssl s_client -connect "$VIP:443" -noservername -alpn h2 </dev/null 2>&1)
like "$said" 'subject=CN *= *two' "openssl: no name, so the default"
like "$said" 'ALPN protocol: h2' "... and ALPN passes"
requests=3
hellos=(hellos drive --connect "$VIP:443" --roots "$TMP/roots" --slow $slow
	--table "$(dirname "$0")/../../testdata/tls/hellos.tsv"
	a.example.com=one A.Example.COM=one reject.example.com=reset elsewhere.example.com=two
	www.example.com=three=h2 www.example.com=two=http/1.1 =two)
inc "${hellos[@]}" >"$TMP/hellos" 2>&1
tap_of "$TMP/hellos" $?

# --- counters

declare -A want=()
while read -r _ _ key value; do want[$key]=$value; done < <(grep '^# counted' "$TMP/hellos")
check "all connections end" poll 10 stat_is tls active 0
read_stats tls
is "${st[connections]}" $((want[connections] + requests)) "every connection is counted"
is "${st[requests]}" $((want[requests] + requests)) "... and every good hello"
for key in not_tls bad_hello bad_name limit_head timeout_head; do
	at_least "${want[$key]:-0}" 1 "something was refused as $key"
	is "${st[$key]}" "${want[$key]:-0}" "... and counted"
done
is "${st[connections]}" $((st[requests] + st[not_tls] + st[bad_hello] + st[bad_name] + st[limit_head] + st[timeout_head] + 1)) \
	"connections = good hellos + refused + one that said nothing"
is "$((st[10.2.0.1:443.requests] + st[10.2.0.2:443.requests] + st[10.2.0.3:443.requests] + 5))" "${st[requests]}" \
	"... and but for the 5 that a rule rejects all went to a server"

# --- what mode tcp can do

is "$(fetch p.example.com 444 --haproxy-protocol)" "one HTTP/2.0 p.example.com $CLIENT" "a PROXY header comes before the hello and goes before it to the server"
refuses "no server answers: reset" '' fetch a.example.com 445
counted dead no_server 1 "... and counted"
refuses "no PROXY header where one is due" '' fetch p.example.com 444
counted proxied bad_proxy 1 "... and counted"
