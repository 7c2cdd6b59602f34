# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Shared by the guest tests: TAP, the topology, real servers, polling, and the
# end of every test (cleanup, kernel log). Source it first:
#
#	. "$(dirname "$0")/lib.sh"
#
# The topology, made by "topology [N]" (default 3 servers):
#
#	+--------+  c0     b0  +----------+  b1     s0  +-----------------+
#	| client |-------------| balancer |-------------| servers 1 .. N  |
#	+--------+             +----------+             +-----------------+
#	10.1.0.1               10.1.0.254               10.2.0.1 .. N
#	fd00:1::1              fd00:1::fe  fd00:2::fe   fd00:2::1 .. N
#	                       10.2.0.254
#
# Virtual services listen on 10.1.0.254 ($VIP) or fd00:1::fe ($VIP6).
# Invariants: names are unique a test; all that a test made is gone when it
# ends, also on a failed command; "exit" is never reached with a test's
# failure unsaid. A test is a bash script without "set -e": its checks count.

set -u
umask 022

TEST=$(basename "${BASH_SOURCE[1]:-$0}" .sh)
TMP=$(mktemp -d "/tmp/$TEST.XXXXXX")
C=$TEST-c B=$TEST-b S=$TEST-s
VIP=10.1.0.254
VIP6=fd00:1::fe
CLIENT=10.1.0.1
CLIENT6=fd00:1::1
SCALE=${SCALE:-1}

tap_n=0 tap_failed=0 exits=() log_mark="ktcpvs-test-$TEST-$$"

# --- TAP

ok() { # NAME
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $1"
}

not_ok() { # NAME [DETAIL...]
	tap_n=$((tap_n + 1))
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_n - $1"
	shift
	if [ $# -gt 0 ]; then printf '%s\n' "$*" | sed 's/^/#   /'; fi
}

# check NAME COMMAND...: ok if the command succeeds; its output explains a failure.
check() {
	local name=$1 out status=0

	shift
	out=$("$@" 2>&1) || status=$?
	if [ "$status" = 0 ]; then
		ok "$name"
	else
		not_ok "$name" "status $status from: $*"$'\n'"$out"
	fi
}

# refuses NAME WANTED-ERE COMMAND...: ok if the command fails and says so.
refuses() {
	local name=$1 want=$2 out status=0

	shift 2
	out=$("$@" 2>&1) || status=$?
	if [ "$status" = 0 ]; then
		not_ok "$name" "succeeded: $*"$'\n'"$out"
	elif ! grep -qE -e "$want" <<<"$out"; then
		not_ok "$name" "said (status $status): $out"$'\n'"wanted: $want"
	else
		ok "$name"
	fi
}

is() { # GOT WANT NAME
	if [ "$1" = "$2" ]; then ok "$3"; else not_ok "$3" "got:    $1"$'\n'"wanted: $2"; fi
}

like() { # GOT ERE NAME
	if grep -qE -e "$2" <<<"$1"; then ok "$3"; else not_ok "$3" "got:    $1"$'\n'"wanted: $2"; fi
}

# at_least GOT MIN NAME, at_most GOT MAX NAME: integers.
at_least() {
	if [ "${1:-x}" -ge "$2" ] 2>/dev/null; then ok "$3 ($1)"; else not_ok "$3" "got $1, wanted at least $2"; fi
}

at_most() {
	if [ "${1:-x}" -le "$2" ] 2>/dev/null; then ok "$3 ($1)"; else not_ok "$3" "got $1, wanted at most $2"; fi
}

# tap_of FILE STATUS: the checks of a program that told TAP into FILE and ended with
# STATUS, as the test's own; and that it came to its end.
tap_of() {
	local line plan='no plan' ran=0 failed=0

	while IFS= read -r line; do
		case $line in
		'ok '*) ran=$((ran + 1)) && ok "${line#* - }" ;;
		'not ok '*) ran=$((ran + 1)) failed=1 && not_ok "${line#* - }" ;;
		'#   '*) printf '%.1500s\n' "$line" ;;
		'1..'*) plan=${line#1..} ;;
		*) diag "${line#\# }" ;;
		esac
	done <"$1"
	if [ $ran = 0 ]; then ran=some; fi
	is "$2 $plan" "$failed $ran" "the program came to its end"
}

diag() { printf '%s\n' "$*" | sed 's/^/# /'; }

# Nothing sensible can follow: the file fails.
bail() {
	not_ok "$1" "${2:-}"
	exit 1
}

# --- helpers

# poll SECONDS COMMAND...: until it succeeds; fails when the time is over.
poll() {
	local end=$((EPOCHSECONDS + $1 * ${TIME_FACTOR:-1}))

	shift
	until "$@" >/dev/null 2>&1; do
		if [ "$EPOCHSECONDS" -ge "$end" ]; then return 1; fi
		sleep 0.1
	done
}

# scaled N: the load for this kernel, at least 1.
scaled() { awk -v n="$1" -v s="$SCALE" 'BEGIN { n = int(n * s); print n < 1 ? 1 : n }'; }

# on_exit COMMAND: one shell command, run last to first when the test ends.
on_exit() { exits=("$1" "${exits[@]}"); }

# entering NAME COMMAND...: $argv is the command in that namespace. Not "ip netns
# exec", which makes a mount namespace for /sys each time; no test looks at that,
# and it costs more than most of what runs in it. The command by its path:
# busybox's nsenter prefers busybox's own commands of the same name.
entering() {
	hash -- "$2" 2>/dev/null
	argv=(nsenter --net="/run/netns/$1" -- "${BASH_CMDS[$2]:-$2}" "${@:3}")
}

inc() { entering "$C" "$@" && "${argv[@]}"; }
inb() { entering "$B" "$@" && "${argv[@]}"; }
ins() { entering "$S" "$@" && "${argv[@]}"; }

# adm ARG...: tcpvsadm in the balancer's namespace.
adm() { inb tcpvsadm "$@"; }

# --- module

load_module() { # [PARAMETER=VALUE...]
	if [ -d /sys/module/ktcpvs ]; then return; fi
	modprobe ktcpvs "$@" || bail "module loads"
	on_exit 'unload_module'
}

# The module must always be able to go once nobody uses it.
unload_module() {
	local err

	if ! [ -d /sys/module/ktcpvs ]; then return; fi
	err=$(rmmod ktcpvs 2>&1) || {
		poll 10 rmmod ktcpvs || not_ok "module unloads" "$err"
	}
}

# --- topology

# set_up NETNS: "ip" lines from standard input in that namespace, with few program
# starts: on a debug kernel thirty of them would take longer than many a test.
set_up() {
	# shellcheck disable=SC2016 # for the inner shell
	nsenter --net="/run/netns/$1" -- /bin/sh -c '
		cd /proc/sys/net
		for i in all default; do echo 0 >ipv6/conf/$i/accept_dad; done
		echo 0 >ipv4/ip_forward
		printf "link set lo up\n%s\n" "$(cat)" | ip -batch -'
}

topology() { # [SERVERS]
	local n=${1:-3} i

	printf 'netns add %s\n' "$C" "$B" "$S" | ip -batch - || bail "namespaces"
	for i in "$C" "$B" "$S"; do on_exit "end_netns $i"; done
	ip -batch - <<-EOF || bail "topology: links"
		link add c0 netns $C type veth peer name b0 netns $B
		link add s0 netns $S type veth peer name b1 netns $B
	EOF
	set_up "$C" <<-EOF || bail "topology: client"
		addr add 10.1.0.1/24 dev c0
		addr add fd00:1::1/64 dev c0 nodad
		link set c0 up
		route add default via 10.1.0.254
	EOF
	set_up "$B" <<-EOF || bail "topology: balancer"
		addr add 10.1.0.254/24 dev b0
		addr add fd00:1::fe/64 dev b0 nodad
		addr add 10.2.0.254/24 dev b1
		addr add fd00:2::fe/64 dev b1 nodad
		link set b0 up
		link set b1 up
	EOF
	{
		for ((i = 1; i <= n; i++)); do
			printf 'addr add 10.2.0.%d/24 dev s0\naddr add fd00:2::%x/64 dev s0 nodad\n' "$i" "$i"
		done
		printf 'link set s0 up\nroute add default via 10.2.0.254\n'
	} | set_up "$S" || bail "topology: servers"
	poll 5 inb ping -c1 -W1 10.2.0.1 || bail "topology: servers answer a ping"
	poll 5 inc ping -c1 -W1 "$VIP" || bail "topology: balancer answers a ping"
	N_SERVERS=$n
}

# Processes inside first, then the namespace.
end_netns() {
	local pids

	pids=$(ip netns pids "$1" 2>/dev/null)
	# shellcheck disable=SC2086 # a list of pids
	if [ -n "$pids" ]; then kill -KILL $pids 2>/dev/null; fi
	ip netns del "$1" 2>/dev/null
}

# --- real servers
#
# start_nginx: one nginx with N servers, each on its own address, port 80 and
# 8080 (8080: Connection: close; 8081: a PROXY header first, which it tells in
# its answer, "address port"). Server I answers "server I" on every path,
# and:	/xff		the X-Forwarded-For it received
#	/headers	method, host, connection and forwarding headers it received
#	/data/FILE	files of $TMP/data
#	/chunked/FILE	the same with Transfer-Encoding: chunked
#	/upload		200 after the body, with its length
#	/status/404 /status/500	/empty (204)	/slow (64 KiB/s)
start_nginx() {
	local i

	mkdir -p "$TMP/data" "$TMP/nginx"
	chmod 755 "$TMP" "$TMP/data"
	{
		cat <<-EOF
			user root;
			worker_processes 2;
			pid $TMP/nginx/pid;
			error_log $TMP/nginx/error.log warn;
			events { worker_connections 4096; }
			http {
				access_log off;
				keepalive_requests 1000000;
				client_max_body_size 0;
				client_body_temp_path $TMP/nginx/body;
				proxy_temp_path $TMP/nginx/proxy;
				fastcgi_temp_path $TMP/nginx/fastcgi;
				uwsgi_temp_path $TMP/nginx/uwsgi;
				scgi_temp_path $TMP/nginx/scgi;
				sendfile on;
				tcp_nodelay on;
				default_type text/plain;
		EOF
		for ((i = 1; i <= N_SERVERS; i++)); do
			nginx_server "$i" 80 ''
			nginx_server "$i" 8080 'keepalive_timeout 0;'
			printf 'server { listen 10.2.0.%d:8081 proxy_protocol; listen [fd00:2::%x]:8081 proxy_protocol; return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port $http_x_forwarded_for\\n"; }\n' "$i" "$i"
		done
		echo "}"
	} >"$TMP/nginx/conf"
	ins nginx -c "$TMP/nginx/conf" -e "$TMP/nginx/error.log" || bail "nginx starts" "$(cat "$TMP/nginx/error.log")"
	on_exit "kill \$(cat $TMP/nginx/pid) 2>/dev/null"
	poll 10 inb curl -sf -m 2 http://10.2.0.1/ || bail "nginx answers"
}

nginx_server() { # INDEX PORT EXTRA
	cat <<-EOF
		server {
			listen 10.2.0.$1:$2 backlog=4096;
			listen [fd00:2::$(printf %x "$1")]:$2 backlog=4096;
			$3
			add_header X-Server $1 always;
			location / { return 200 "server $1\n"; }
			location = /xff { return 200 "\$http_x_forwarded_for\n"; }
			location = /headers {
				return 200 "\$request_method \$request_uri \$server_protocol host=\$http_host connection=\$http_connection xff=\$http_x_forwarded_for cookie=\$http_cookie\n";
			}
			location /data/ { root $TMP; }
			location /chunked/ { alias $TMP/data/; chunked_transfer_encoding on;
				ssi on; ssi_types *; }
			location /slow/ { alias $TMP/data/; limit_rate 64k; }
			location = /upload {
				# Read the whole body, then say how long it was.
				client_body_buffer_size 64k;
				proxy_request_buffering on;
				proxy_pass http://127.0.0.1:81;
				proxy_set_header X-Length \$request_length;
			}
			location = /status/404 { return 404 "none\n"; }
			location = /status/500 { return 500 "broken\n"; }
			location = /empty { return 204; }
		}
	EOF
	if [ "$1" = 1 ] && [ "$2" = 80 ]; then
		echo 'server { listen 127.0.0.1:81; location / { return 200 "$http_x_length\n"; } }'
	fi
}

# body FILE BYTES: a file under /data with bytes that depend on the position.
body() {
	mkdir -p "$TMP/data"
	awk -v n="$2" 'BEGIN { while (n > 0) { s = sprintf("%015d\n", i++); print substr(s, 1, 15); n -= 16 } }' |
		head -c "$2" >"$TMP/data/$1"
}

# --- counting what a test may leak

# sockets: TCP sockets in use in the balancer's namespace, TIME_WAIT too.
sockets() { inb ss -Hant | wc -l; }

# --- end of the test

finish_test() {
	local status=$? cmd log

	trap - EXIT INT TERM
	for cmd in "${exits[@]}"; do eval "$cmd"; done
	log=$(dmesg | sed -n "/$log_mark/,\$p")
	printf '%s\n' "$log" >"$TMP/log"
	if ! log=$("$(dirname "${BASH_SOURCE[0]}")/../scan-log" "$TMP/log"); then
		not_ok "kernel log is clean" "$log"
	else
		ok "kernel log is clean"
	fi
	rm -rf "$TMP"
	echo "1..$tap_n"
	if [ "$tap_failed" -gt 0 ]; then exit 1; fi
	exit "$status"
}

echo "TAP version 13"
echo "$log_mark" >/dev/kmsg
trap finish_test EXIT
trap 'exit 130' INT TERM
