# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Measuring balancers side by side, inside a VM. For scripts that have sourced
# ../tests/lib.sh:
#
#	client (wrk) -- balancer -- servers (nginx, 10.2.0.1 and 10.2.0.2)
#
# "direct" is the way through the balancer's namespace as a plain router. All
# balancers run all the time and are measured in turn, round by round, so that
# whatever disturbs the machine disturbs all of them alike. Figures of one run
# compare with each other, never with those of another run.
#
# A row is one measurement, a line of $TMP/rows:
#	size balancer round requests/s p50 p99 socket-errors bad-status
#	client-connections server-connections requests idle-percent
# (times in microseconds). What makes a row worthless is said as "not ok".

BENCH=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
BENCH_CONNECTIONS=32

bench_config() { # FILE: filled in, to stdout
	sed -e "s|@TMP@|$TMP|g" -e "s|@CPUS@|$(nproc)|g" "$BENCH/$1"
}

# bench_setup SIZE...: topology, servers, the bodies they serve.
bench_setup() {
	local size

	topology 2
	inb sysctl -qw net.ipv4.ip_forward=1
	chmod 755 "$TMP"
	for size in "$@"; do
		if [ "$size" != small ]; then body "$size" "$(numfmt --from=iec "$size")"; fi
	done
	bench_config servers.conf >"$TMP/servers.conf"
	ins nginx -c "$TMP/servers.conf" -e "$TMP/servers.log" ||
		bail "the real servers start" "$(cat "$TMP/servers.log")"
	poll 10 inb curl -sf -m 2 http://10.2.0.1/small || bail "the real servers answer"
}

# bench_start BALANCER: and prove that requests go through it.
bench_start() {
	local said

	case $1 in
	direct) return ;;
	ktcpvs-log)
		[ -d /sys/module/ktcpvs ] || bail "ktcpvs-log needs ktcpvs before it"
		return
		;;
	ktcpvs)
		load_module
		said=$(adm -f "$BENCH/ktcpvs.conf" 2>&1 && adm --start -i bench 2>&1) ||
			bail "ktcpvs starts" "$said"
		;;
	haproxy)
		bench_config haproxy.cfg >"$TMP/haproxy.cfg"
		said=$(inb haproxy -D -p "$TMP/haproxy.pid" -f "$TMP/haproxy.cfg" 2>&1) ||
			bail "haproxy starts" "$said"
		;;
	nginx)
		bench_config nginx.conf >"$TMP/nginx.conf"
		inb nginx -c "$TMP/nginx.conf" -e "$TMP/nginx.log" ||
			bail "nginx starts" "$(cat "$TMP/nginx.log")"
		;;
	*) bail "balancer $1: direct, ktcpvs, haproxy or nginx" ;;
	esac
	poll 10 inc curl -sf -m 2 "$(bench_url "$1" small)" || bail "$1 answers"
	is "$(inc curl -s -m 5 "$(bench_url "$1" xff)")" "$CLIENT" "$1 tells the servers who the client is"
}

bench_version() { # BALANCER
	case $1 in
	ktcpvs) echo "ktcpvs $(cat /sys/module/ktcpvs/version 2>/dev/null || cat /sys/module/ktcpvs/srcversion)" ;;
	haproxy) haproxy -v | awk 'NR == 1 { print "haproxy", $3 }' ;;
	nginx) nginx -v 2>&1 | sed 's|.*nginx/|nginx |' ;;
	esac
}

bench_url() { # BALANCER SIZE
	local to path=/data/$2

	case $1 in
	direct) to=10.2.0.1 ;;
	ktcpvs | ktcpvs-log) to=$VIP:8001 ;;
	haproxy) to=$VIP:8002 ;;
	nginx) to=$VIP:8003 ;;
	esac
	case $2 in small | xff) path=/$2 ;; esac
	echo "http://$to$path"
}

# One curl: the very bytes the server has.
bench_body_right() { # BALANCER SIZE
	local want=$TMP/data/$2

	if [ "$2" = small ]; then
		want=$TMP/small
		[ -s "$want" ] || inb curl -sf http://10.2.0.1/small >"$want"
	fi
	inc curl -sf -m 60 "$(bench_url "$1" "$2")" | cmp - "$want"
}

# A namespace's TCP counter by its name in /proc/net/snmp.
bench_snmp() { # NAMESPACE NAME
	ip netns exec "$1" awk -v name="$2" '
		$1 != "Tcp:" { next }
		!at { for (i = 2; i <= NF; i++) if ($i == name) at = i; next }
		{ print $at }' /proc/net/snmp
}

bench_cpu() { awk '/^cpu / { for (i = 2; i <= 9; i++) t += $i; print t, $5 + $6 }' /proc/stat; }

bench_wrk() { # BALANCER SIZE SECONDS
	inc wrk -t1 -c"$BENCH_CONNECTIONS" -d"$3"s --timeout 10s -s "$BENCH/wrk.lua" \
		"$(bench_url "$1" "$2")" 2>&1
}

# A reader of the access log, in $bench_reader, that throws away what it reads. Its
# own work counts as well, as it does on a machine whose CPUs are all busy.
bench_listen() {
	: >"$TMP/reader"
	entering "$B" python3 "$BENCH/../tests/log.py" drain
	"${argv[@]}" >"$TMP/reader" &
	bench_reader=$!
	poll 60 grep -q ready "$TMP/reader" || { not_ok "a reader of the access log starts" && return 1; }
}

# bench_round SIZE BALANCER ROUND SECONDS: one row.
bench_round() {
	local size=$1 balancer=$2 round=$3 seconds=$4
	local active passive cpu out r idle rps

	if [ "$balancer" = ktcpvs-log ]; then bench_listen || return 1; fi
	active=$(bench_snmp "$C" ActiveOpens)
	passive=$(bench_snmp "$S" PassiveOpens)
	cpu=$(bench_cpu)
	out=$(bench_wrk "$balancer" "$size" "$seconds")
	cpu="$cpu $(bench_cpu)"
	if [ "$balancer" = ktcpvs-log ]; then kill "$bench_reader"; fi
	active=$(($(bench_snmp "$C" ActiveOpens) - active))
	passive=$(($(bench_snmp "$S" PassiveOpens) - passive))
	read -r _ requests us _ errors status p50 p99 _ <<<"$(grep '^result ' <<<"$out")" || true
	if [ -z "${us:-}" ] || [ "$requests" = 0 ]; then
		not_ok "$size $balancer round $round: wrk measures" "$out"
		return 1
	fi
	idle=$(awk '{ print int(100 * ($4 - $2) / ($3 - $1 + ($3 == $1)) + 0.5) }' <<<"$cpu")
	rps=$(awk -v n="$requests" -v us="$us" 'BEGIN { printf "%.1f", n * 1e6 / us }')
	echo "$size $balancer $round $rps $p50 $p99 $errors $status $active $passive $requests $idle" >>"$TMP/rows"
	diag "$size, round $round, $balancer: $rps requests/s"
	if [ "$errors" != 0 ] || [ "$status" != 0 ]; then
		not_ok "$size $balancer round $round: every request succeeds" "$out"
		return 1
	fi
	# One connection for each of the client's and one that wrk tries first;
	# to the servers at most two for each of the client's, since a balancer
	# may have dropped idle ones since its last round: more is no keep-alive.
	if [ "$active" -gt $((BENCH_CONNECTIONS + 1)) ] || [ "$passive" -gt $((2 * BENCH_CONNECTIONS)) ]; then
		not_ok "$size $balancer round $round: connections are kept alive" \
			"$requests requests on $active connections from the client, $passive to the servers"
		return 1
	fi
}

# bench_size SIZE ROUNDS SECONDS BALANCER...: all rounds of one size. Each round
# begins with another balancer, so that none is always next to the same one.
bench_size() {
	local size=$1 rounds=$2 seconds=$3 round i failed=0
	shift 3
	local who=("$@")

	for i in "${who[@]}"; do
		bench_body_right "$i" "$size" >/dev/null 2>&1 || not_ok "$size $i: the body is right"
		bench_wrk "$i" "$size" 1 >/dev/null
	done
	for ((round = 1; round <= rounds; round++)); do
		for i in "${who[@]}"; do
			bench_round "$size" "$i" "$round" "$seconds" || failed=1
		done
		who=("${who[@]:1}" "${who[0]}")
	done
	if [ "$failed" = 0 ]; then ok "$size: $rounds rounds without an error, connections kept alive"; fi
}

# Where the guest runs; a virtual CPU tells who made it.
bench_machine() {
	local by='a real machine'

	if dmesg | grep -q 'Hypervisor detected: KVM'; then
		by=KVM
	elif grep -qw hypervisor /proc/cpuinfo || grep -q 'QEMU' /sys/class/dmi/id/sys_vendor 2>/dev/null; then
		by='emulation (qemu TCG)'
	fi
	echo "kernel $(uname -r), $(nproc) CPU(s), $by"
}
