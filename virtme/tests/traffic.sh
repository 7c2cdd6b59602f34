# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# What the tests of the data path share: misbehaving servers, services in one
# line, counters, and bytes by hand. Source it after lib.sh.
#
# Invariants: nothing here sleeps where it could poll; a server that was
# started listens when its function returns and ends with its namespace.

# TIME_FACTOR stretches what depends on the speed of the machine: with lockdep
# and sanitizers everything is several times slower. Times that are part of a
# protocol stay as they are.
if [ -e /proc/lockdep ]; then TIME_FACTOR=${TIME_FACTOR:-5}; fi
TIME_FACTOR=${TIME_FACTOR:-1}

# client COMMAND..., server COMMAND...: in the background, in the namespace of
# the clients or servers; its process is $pid. (The helpers inc and ins are
# functions: in the background they would be a shell with the command below it,
# and a signal would meet only the shell.)
client() {
	entering "$C" "$@"
	"${argv[@]}" &
	pid=$!
}

server() {
	entering "$S" "$@"
	"${argv[@]}" &
	pid=$!
}

# end PID...: of such commands, without a word from the shell.
end() {
	kill "$@" 2>/dev/null
	wait "$@" 2>/dev/null
}

# bad PORT [OPTION...]: a badserver on every server's address (IPv4 and IPv6),
# server I named I; its summary goes to $TMP/bad.PORT.I.
bad() {
	local port=$1 i

	shift
	for ((i = 1; i <= N_SERVERS; i++)); do bad_one "$i" "$port" "$@"; done
}

# bad_one I PORT [OPTION...]: only on server I's address; its process is $pid.
bad_one() {
	local i=$1 port=$2

	shift 2
	server badserver --name "$i" --listen "10.2.0.$i:$port" \
		--listen "[fd00:2::$(printf %x "$i")]:$port" "$@" \
		>"$TMP/bad.$port.$i" 2>&1
	poll 10 server_listens "10.2.0.$i" "$port" ||
		bail "badserver $i on port $port starts" "$(cat "$TMP/bad.$port.$i")"
}

server_listens() { [ -n "$(ins ss -Hltn "src $1 and sport = :$2")" ]; }

# service NAME LISTEN OPTION... -- SERVER[=WEIGHT]...: adds it and starts it.
service() {
	local name=$1 at=$2 options=() out=''

	shift 2
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	out=$(
		adm -A -i "$name" -l "$at" "${options[@]}" || exit 1
		for server; do
			case $server in
			*=*) adm -a -i "$name" -r "${server%=*}" -w "${server#*=}" || exit 1 ;;
			*) adm -a -i "$name" -r "$server" || exit 1 ;;
			esac
		done
		adm --start -i "$name"
	) 2>&1 || bail "service $name starts" "$out"
}

# --- counters
#
# read_stats SERVICE: what it counted, in the associative array st:
#	requests, active, ...		of the service
#	ADDRESS:PORT.requests, ...	of a server
#	state, limits.connections, ADDRESS:PORT.weight	and all else that is shown
declare -gA st=()

flatten() {
	awk '
	function value(s) { sub(/^ *"[^"]*": /, "", s); sub(/,$/, "", s); gsub(/^"|"$/, "", s); return s }
	/^ *"(name|address|cpu)": / {
		if ($1 == "\"name\":") where = ""
		else where = value($0) "."
	}
	/^ *"[a-z0-9_]*": \{/ { section = $1; gsub(/[":]/, "", section); section = section == "stats" ? "" : section "."; next }
	/^ *\}/ { section = ""; next }
	/^ *"[a-z0-9_]*": [^\[{]/ { key = $1; gsub(/[":]/, "", key); print where section key, value($0) }
	'
}

read_stats() {
	local key value

	st=()
	while read -r key value; do st[$key]=$value; done < <(adm -L -i "$1" -o json | flatten)
	[ ${#st[@]} -gt 0 ]
}

# stat_is SERVICE KEY VALUE: as a condition for poll.
stat_is() { read_stats "$1" && [ "${st[$2]:-}" = "$3" ]; }
stat_min() { read_stats "$1" && [ "${st[$2]:-0}" -ge "$3" ]; }

# counted SERVICE KEY VALUE NAME: ok as soon as the counter has the value.
counted() {
	poll 5 stat_is "$1" "$2" "$3"
	is "$2=${st[$2]:-}" "$2=$3" "$4"
}

# grew KEY BY NAME: against the copy that "remember SERVICE" took.
declare -gA st0=()
remember() {
	local key

	read_stats "$1" || bail "counters of $1 can be read"
	st0=()
	for key in "${!st[@]}"; do st0[$key]=${st[$key]}; done
	remembered=$1
}

grew_by() { read_stats "$remembered" && [ $((${st[$1]:-0} - ${st0[$1]:-0})) = "$2" ]; }
grew() {
	poll 5 grew_by "$1" "$2"
	is "$1 +$((${st[$1]:-0} - ${st0[$1]:-0}))" "$1 +$2" "$3"
}

# workers: the counters of the workers in the associative array wk, by
# CPU.accepted and so on.
declare -gA wk=()
read_workers() {
	local key value

	wk=()
	while read -r key value; do wk[$key]=$value; done < <(adm show workers -o json | flatten)
	[ ${#wk[@]} -gt 0 ]
}

# --- clients

# get ARG...: curl in the client's namespace, silent and bounded.
get() { inc curl -sS -m "$((20 * TIME_FACTOR))" "$@" 2>&1; }

# code ARG...: only the status, 000 if there was none.
code() { inc curl -s -o /dev/null -m "$((20 * TIME_FACTOR))" -w '%{http_code}' "$@"; }

# outcome ARG...: "STATUS EXIT", curl's exit status telling how it ended: 0
# right, 18 cut short, 52 nothing, 56 reset.
outcome() {
	local status=0 out

	out=$(inc curl -s -o "$TMP/out" -m "$((20 * TIME_FACTOR))" -w '%{http_code}' "$@") || status=$?
	echo "$out $status"
}

# raw ADDRESS:PORT [SECONDS]: standard input to it, what comes to standard
# output until it ends, or until nothing comes for so long after our end.
raw() { inc socat -t "${2:-10}" - "TCP:$1,nodelay"; }

# talk ADDRESS PORT: standard input to it, then what comes, until the other side
# ends the connection; ours never does. Fails if it takes longer than 15 s.
talk() {
	inc timeout "$((15 * TIME_FACTOR))" bash -c 'exec 3<>"/dev/tcp/$0/$1" && cat >&3 && cat <&3' "$1" "$2"
}

# milliseconds COMMAND...: how long it took, in the variable ms.
milliseconds() {
	local start=${EPOCHREALTIME/./}

	"$@"
	ms=$(((${EPOCHREALTIME/./} - start) / 1000))
}

# summary FILE FIELD: of the last line that a traffic tool printed.
summary() { tail -n 1 "$1" | grep -oE "\"$2\":[^,}]*" | cut -d: -f2- | tr -d '"'; }

# count_at SERVER:PORT TARGET: how often the badserver there saw "METHOD /PATH".
count_at() {
	inb curl -s -m 5 "http://$1/count" | python3 -c '
import json, sys
print(json.load(sys.stdin)["targets"].get(sys.argv[1], 0))' "$2"
}

# --- faults in the network

# drop_in_servers RULE: a rule in the servers' namespace, gone with "heal".
drop_in_servers() {
	ins nft -f - <<-EOF || bail "nft"
		table inet fault {
			chain in {
				type filter hook input priority 0
				$1
			}
			chain out {
				type filter hook output priority 0
				${2:-}
			}
		}
	EOF
}
heal() { ins nft delete table inet fault 2>/dev/null; }
