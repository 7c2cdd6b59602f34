#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 180
#
# What KTCPVS 0.0.18 offered, with real requests: its examples, word for word, and
# the fallback server.
#
#	curl               ktcpvs                10.2.0.1, 2  nginx :80, nobody at :9200,
#	10.1.0.1  -----> 10.1.0.254:80 .. 89 -->              SYN dropped at :9100
#	                                         10.2.0.3     nginx :80, the fallback server
#	                   nginx 127.0.0.1:80    192.168.10.1 .. 3, 192.168.0.10 .. 12
#	                                                      nginx :80
#
# The examples are those of testdata/original, with the addresses they have.
#
# A request, or in mode tcp a connection, that no other server can take goes to the
# fallback server, whole, and is counted there; no other does while there is one.
#
# Few processes: starting one costs most of what this test does.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/traffic.sh"

# nginx NAMESPACE ADDRESS...: each server tells who it is; what is sent to /post is
# kept in a file of its own.
nginx() {
	local ns=$1 dir=$TMP/nginx-$1 i

	shift
	mkdir -p "$dir/body"
	chmod 755 "$TMP" "$dir"
	{
		cat <<-EOF
			user root;
			pid $dir/pid;
			error_log $dir/error.log warn;
			events { worker_connections 256; }
			http {
				access_log off;
				client_max_body_size 0;
				client_body_temp_path $dir/body;
				default_type text/plain;
				server { listen 127.0.0.1:81; location / { return 200 "took it\n"; } }
		EOF
		for i; do
			cat <<-EOF
				server {
					listen $i;
					location / { return 200 "\$server_addr\$request_uri\n"; }
					location = /post {
						client_body_in_file_only on;
						proxy_pass http://127.0.0.1:81;
						add_header X-Server \$server_addr;
					}
				}
			EOF
		done
		echo "}"
	} >"$dir/conf"
	entering "$ns" nginx -c "$dir/conf" -e "$dir/error.log" && "${argv[@]}" || bail "nginx starts" "$(cat "$dir/error.log")"
	on_exit "kill \$(cat $dir/pid) 2>/dev/null"
	poll 10 inb curl -sf -m 2 "http://$1/" || bail "nginx answers"
}

# loaded FILE: the table is that of the file, and everything runs.
loaded() {
	local out

	out=$(adm -f "$1" 2>&1 && adm --start 2>&1) || bail "$1 is loaded" "$out"
}

# answers WANTED NAME URL...: what comes of all of them, one line each.
answers() {
	local want=$1 name=$2

	shift 2
	is "$(get "$@")" "$want" "$name"
}

# row SERVICE SERVER: the counters in $stats of a server of a service.
row() { awk -v name="$1" -v server="$2" '$1 != "->" { in_it = $1 == name } in_it && $2 == server' <<<"$stats"; }
requests() { row "$@" | awk '{ print $9 }'; }

# run FILE: its commands, one by one, as a shell would; nothing is said.
run() {
	local line out=''

	set -f # patterns are no file names
	while read -r line; do
		out+=$(eval "inb $line" 2>&1) || out+=" failed: $line"
	done <"$1"
	set +f
	is "$out" "" "${1##*/}: every command"
}

topology 3
ip -n "$B" addr add 192.168.255.254/16 dev b1
printf 'addr add 192.168.%s/16 dev s0\n' 10.{1,2,3} 0.{10,11,12} | ip -n "$S" -batch - || bail "addresses"
nginx "$S" 10.2.0.{1,2,3}:80 192.168.10.{1,2,3}:80 192.168.0.{10,11,12}:80
load_module

# --- the fallback server

back=10.2.0.3
drop_in_servers 'ip daddr 10.2.0.1 tcp dport 9100 drop'
cat >"$TMP/fallback.conf" <<-EOF
	virtual refused { listen = $VIP:81 redirect = $back:80 retries = 0
		server = 10.2.0.1:9200
		server = 10.2.0.2:9200 }
	virtual hole { listen = $VIP:82 redirect = $back:80 connect-timeout = ${TIME_FACTOR}s
		server = 10.2.0.1:9100 }
	virtual zero { listen = $VIP:83 redirect = $back:80
		server = 10.2.0.1:80 0 }
	virtual none { listen = $VIP:84 redirect = $back:80 }
	virtual tcp-refused { listen = $VIP:85 mode = tcp redirect = $back:80
		server = 10.2.0.1:9200 }
	virtual tcp-zero { listen = $VIP:86 mode = tcp redirect = $back:80
		server = 10.2.0.1:80 0 }
	virtual ruled { listen = $VIP:87 redirect = $back:80
		server = 10.2.0.1:80
		server = 10.2.0.2:9200
		rule = prefix /gone use server 10.2.0.2:9200 }
	virtual dead { listen = $VIP:88 redirect = $back:9200
		server = 10.2.0.1:9200 }
	virtual tcp-dead { listen = $VIP:89 mode = tcp redirect = $back:9200
		server = 10.2.0.1:9200 }
EOF
loaded "$TMP/fallback.conf"
answers "$back/1
$back/2
$back/3
$back/4
$back/5
$back/6
$back/gone
10.2.0.1/7
$back/gone?again" "no other server: the fallback server answers" \
	"http://$VIP:81/1" "http://$VIP:82/2" "http://$VIP:83/3" "http://$VIP:84/4" "http://$VIP:85/5" "http://$VIP:86/6" \
	"http://$VIP:87/gone" "http://$VIP:87/7" "http://$VIP:87/gone?again"
is "$(code "http://$VIP:88/" -o /dev/null "http://$VIP:88/" -o /dev/null "http://$VIP:89/")" 503503000 "... and if it is dead, too: 503, in mode tcp a reset"

# Bodies larger than what is looked at before a server is chosen, and than what
# sockets take at once.
body sent 1500000
answers "took it
took it
took it
took it" "... it takes a request with its body" --data-binary "@$TMP/data/sent" -H Expect: \
	"http://$VIP:81/post" "http://$VIP:82/post" "http://$VIP:83/post" "http://$VIP:85/post"
is "$(sha256sum <"$TMP/data/sent" | cut -c1-32; cat "$TMP/nginx-$S/body"/* | wc -c)" \
	"$(sha256sum "$TMP/nginx-$S/body"/* | cut -c1-32 | sort -u; echo 6000000)" "... complete"

stats=$(adm -L -n --stats --exact)
for i in refused=2 hole=2 zero=2 none=1 tcp-refused=2 tcp-zero=1 ruled=2; do
	is "$(requests "${i%=*}" $back:80)" "${i#*=}" "... counted there: $i"
done
is "$(row none $back:80 | awk '{ print $3, $6, $10 }')" "fallback 0 1" "... as what it is"
is "$(row dead $back:9200 | awk '{ print $9, $16 }')" "0 2" "... its failures as well"
is "$(row ruled 10.2.0.1:80 | awk '{ print $9 }') $(row zero 10.2.0.1:80 | awk '{ print $9 }')" "1 0" "... and what others did with them"
is "$(awk '$1 ~ /^(refused|hole|zero|none|ruled|dead)$/ { print $1, $13 }' <<<"$stats" | tr '\n' ' ')" \
	"refused 0 hole 0 zero 0 none 0 ruled 0 dead 2 " "... 503 was the answer where it is dead, nowhere else"

# Others are there again, while a kept-alive connection goes on.
heal
check "a server comes back" adm -e -i zero -r 10.2.0.1:80 -w 1
answers "10.2.0.1/back" "... new requests go there" "http://$VIP:83/back"
check "a service can lose it" adm -E -i none --redirect none
is "$(code "http://$VIP:84/")" 503 "... and then answers 503"
check "... and get it back while it runs" adm -E -i none --redirect $back:80
answers "$back/again" "... with its next request" "http://$VIP:84/again"

# -L and -S print it, and what they print is the same table.
adm -L -n >"$TMP/list" && adm -S >"$TMP/save"
check "-L is loaded as the same table" adm diff "$TMP/list"
check "-F" adm -F
check "-R restores what -S saved" inb sh -c "tcpvsadm -R <$TMP/save"
check "... to the same table, rules and all" adm diff "$TMP/list"

# --- the examples of 0.0.18

examples=testdata/original
mount --bind "$examples/hosts" /etc/hosts || bail "names of the servers"
on_exit 'umount /etc/hosts'

# What the manual page's service answers.
manual() {
	answers "192.168.10.1/cgi-bin/x
192.168.10.2/images/y
192.168.10.3/
192.168.10.3/x/cgi-bin/
192.168.10.3/images
192.168.10.2/images/?/cgi-bin/" "$1: the rules decide" \
		"http://$VIP/cgi-bin/x" "http://$VIP/images/y" "http://$VIP/" "http://$VIP/x/cgi-bin/" "http://$VIP/images" \
		"http://$VIP/images/?/cgi-bin/"
}

loaded $examples/manual.conf
manual manual.conf
refuses "a server that a rule names is busy" 'rules of web use 192.168.10.1:80$' adm -d -i web -r 192.168.10.1
adm -L >"$TMP/list"
check "-L is loaded again as the same table" adm diff "$TMP/list"
adm -F
run $examples/manual.commands
check "it is the table that is known" diff <(adm -L -n) $examples/manual.listed
adm --start
manual manual.commands
adm -F
run $examples/examples.commands
check "it is the table that is known" diff <(adm -L -n) $examples/examples.listed
adm --start
answers "192.168.10.1/images/x
192.168.10.1/a/images/
192.168.10.2/x/html/y
192.168.10.3/images
192.168.10.1/?/images/" "examples.commands: patterns are found anywhere in path and query" \
	"http://$VIP:8080/images/x" "http://$VIP:8080/a/images/" "http://$VIP:8080/x/html/y" "http://$VIP:8080/images" "http://$VIP:8080/?/images/"

# A user is an URI's, and a user's server is the same whatever else is in the URI.
users=()
for i in {1..12}; do users+=("http://$VIP:8080/users/u$i/a" "http://$VIP:8080/x/users/u$i/b?c"); done
# hashed NAME SERVERS: 12 users, the servers that answered, and users with two.
hashed() {
	is "$(get "${users[@]}" | awk -F/ '
		{ user = $2 == "x" ? $4 : $3 }
		user in at && at[user] != $1 { two++ }
		{ at[user] = $1; servers[$1] }
		END { print length(at), length(servers), two + 0 }')" "12 $2 0" "$1: a user's requests go to one server, users to all $2"
}
adm -F
run $examples/hashing.commands
check "it is the table that is known" diff <(adm -L -n) $examples/hashing.listed
adm --start
hashed hashing.commands 3
nginx "$B" 127.0.0.1:80 # not before: the services above had port 80 of every address
adm -F # else servers stay in the order they had
loaded $examples/web.conf
check "it is the table that is known" diff <(adm -L -n) $examples/web.listed
hashed web.conf 2
for i in 11 12; do adm -e -i web -r 192.168.0.$i:www -w 0; done
answers "127.0.0.1/users/u1/a" "the server on the balancer itself takes what no other can" "${users[0]}"
