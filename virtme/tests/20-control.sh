#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 420
#
# The control plane: what it refuses, whom it obeys, what it tells, and that a
# change is whole.
#
#	curl                 ktcpvs <--- netlink: nlabuse    nginx 1 2 3 (:80, :8080)
#	10.1.0.1  -------> 10.1.0.254        tcpvsadm, ynl   10.2.0.1 .. 3
#
# Wrong and random requests, permissions inside and outside user namespaces,
# namespaces apart from each other, the kernel's own YNL client with our
# specification, notifications of every change, dumps of many objects, the whole
# table replaced under traffic, counters that outlive all of it, and, meanwhile
# in a namespace of its own, a transaction that expires.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/traffic.sh"

topology 3
start_nginx
load_module

# A minute of waiting, which the rest of this test has to last anyway.
ip netns add "$TEST-i" || bail "namespace"
on_exit "end_netns $TEST-i"
ip netns exec "$TEST-i" nlabuse -idle >"$TMP/idle" 2>&1 &
idle=$!

# --- wrong requests

abuse() { # SEED MESSAGES
	local out status=0

	out=$(inb nlabuse -seed "$1" -n "$(scaled "$2")" 2>&1) || status=$?
	if [ $status = 0 ] && grep -q '^1\.\.[1-9]' <<<"$out"; then
		ok "nlabuse, seed $1: $(grep -c '^ok' <<<"$out") checks"
	else
		not_ok "nlabuse, seed $1" "$(grep -v '^ok' <<<"$out" | cut -c1-2000)"
	fi
}
abuse 1 2000
abuse $RANDOM 500
is "$(adm -L)" "" "the table is empty afterwards"

# --- who may

# nobody SHELL-COMMAND: without any capability, in the balancer's namespace.
nobody() { inb setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all sh -c "PATH=$PATH; $1"; }
# someone SHELL-COMMAND: root of a user namespace of nobody's, with a network
# namespace of its own.
someone() {
	setpriv --reuid 65534 --regid 65534 --clear-groups \
		unshare --user --map-root-user --net sh -c "PATH=$PATH; $1"
}

check "root adds a service" adm -A -i web -l "$VIP:80" -s rr
refuses "nobody may not add one" 'CAP_NET_ADMIN' nobody "tcpvsadm -A -i x -l $VIP:81"
refuses "nobody may not empty the table" 'CAP_NET_ADMIN' nobody "tcpvsadm -F"
refuses "nobody may not start a service" 'CAP_NET_ADMIN' nobody "tcpvsadm --start -i web"
like "$(nobody "tcpvsadm -Ln" 2>&1)" '^Virtual web' "nobody may look"
is "$(ip netns exec "$S" tcpvsadm -L)" "" "another namespace has a table of its own"
refuses "the root of a user namespace may not, by default" 'userns=1' someone "tcpvsadm -A -i x -l 127.0.0.1:81"
echo 1 >/sys/module/ktcpvs/parameters/userns
check "... and may with userns=1" someone "tcpvsadm -A -i x -l 127.0.0.1:8081 && tcpvsadm -Ln | grep -q '^Virtual x'"
echo 0 >/sys/module/ktcpvs/parameters/userns
refuses "... and no longer with userns=0" 'userns=1' someone "tcpvsadm -A -i x -l 127.0.0.1:81"
like "$(nobody "cat /proc/net/ktcpvs")" "^web .* $VIP:80 +stopped" "nobody may read /proc/net/ktcpvs"
refuses "... but not in a user namespace" 'not permitted' someone "cat /proc/net/ktcpvs"
adm -D -i web

# --- the kernel's own client

# The sources of the kernel are in the guest root, its YNL client among them.
spec=$(realpath "$(dirname "$0")/../../module/netlink/specs/tcpvs.yaml")
ynl() { inb python3 /usr/src/linux-source-6.12/tools/net/ynl/cli.py --spec "$spec" --no-schema --output-json "$@"; }

like "$(ynl --do info-get)" '"version": "[0-9.]+".*"workers": [1-9]' "ynl: info"
check "ynl: service-new" ynl --do service-new \
	--json '{"name": "six", "mode": "tcp", "listen": {"ipv6": "fd0000010000000000000000000000fe", "port": 99}, "timeouts": {"connect": 77}}'
like "$(adm -Ln)" '\[fd00:1::fe\]:99' "... tcpvsadm shows it"
like "$(ynl --do service-get --json '{"name": "six"}')" '"connect": 77' "ynl: service-get"
refuses "ynl: the reason of a refusal" '"six" already' ynl --do service-new \
	--json '{"name": "six", "listen": {"ipv4": 167837950, "port": 99}}'
check "ynl: settings-set" ynl --do settings-set --json '{"max-connections": 4711}'
like "$(ynl --do settings-get)" '"max-connections": 4711\b' "ynl: settings-get"
like "$(ynl --dump scheduler-get)" '"rr".*"wrr".*"wlc"' "ynl: schedulers"
like "$(ynl --dump worker-get)" '"pid": [1-9]' "ynl: workers"
adm -F

# --- what it tells

ip netns exec "$B" python3 -u "$(dirname "$0")/events.py" "$spec" >"$TMP/events" 2>&1 &
events=$!
check "somebody listens to the group" poll 20 grep -q ready "$TMP/events"

# told TEXT NAME: since the last time, exactly these events came, in this order.
told_lines=1
told() {
	local n

	n=$(wc -l <<<"$1")
	poll 5 eval '[ "$(wc -l <"$TMP/events")" -ge '$((told_lines + n))' ]'
	is "$(tail -n "+$((told_lines + 1))" "$TMP/events")" "$1" "$2"
	told_lines=$(wc -l <"$TMP/events")
}

adm -A -i web -l "$VIP:80" -s rr
told "service-ntf web stopped" "told: a service is added"
adm -a -i web -r 10.2.0.1:80 -w 3
told "server-ntf web 10.2.0.1:80 3" "told: a server is added, and the service is as it was"
adm --start -i web
told "service-ntf web running" "told: it starts"
adm -e -i web -r 10.2.0.1:80 -w 0
told "server-ntf web 10.2.0.1:80 0" "told: a weight changes"
adm -E -i web --connect-timeout 2s
told "service-ntf web running" "told: a setting changes"
adm -e -i web -r 10.2.0.1:80 -w 0
adm -a -i web -r 10.2.0.2:80
told "server-ntf web 10.2.0.2:80 1" "told: nothing of a change that changes nothing"
adm -d -i web -r 10.2.0.1:80
told "server-del-ntf web 10.2.0.1:80 -" "told: a server goes"
refuses "a change is refused" 'already' adm -A -i web -l "$VIP:81"
adm --stop -i web
told "service-ntf web stopped" "told: it stops; nothing of what was refused"
adm -F
told "service-del-ntf web -" "told: the service goes, its servers with it"
end $events

# --- many objects

{
	for i in $(seq 150); do
		echo "virtual s$i { listen = 127.0.0.1:$((10000 + i)) scheduler = wrr"
		for j in 1 2 3 4; do echo "server = 127.1.$((i / 100)).$((i % 100 + 1)):$j $j"; done
		echo "}"
	done
} >"$TMP/many.conf"
check "150 services with 600 servers in one file" adm -f "$TMP/many.conf"
like "$(adm show info)" '600' "... the kernel has counted them"
is "$(adm -Ln | grep -c 'server =')" 600 "a dump in many parts shows every server"
is "$(adm -Ln | grep -oE '^Virtual s[0-9]+' | sort -u | wc -l)" 150 "... and every service, each once"
is "$(adm -Ln -i s77 | grep -c 'server =')" 4 "a dump of one service shows its own"
inb cat /proc/net/ktcpvs >"$TMP/proc"
is "$(awk 'NR > 3 { n[$1 == "->"]++ } END { print NR, n[0], n[1] }' "$TMP/proc")" "753 150 600" "/proc/net/ktcpvs has a line for each"
is "$(awk 'NR > 3 && $1 == "->" { print $2, $3 }' "$TMP/proc" | sort)" "$(adm -Ln | awk '$1 == "server" { print $3, $4 }' | sort)" "... of the same servers and weights"
is "$(inb dd if=/proc/net/ktcpvs bs=77 status=none | cmp - "$TMP/proc" && inb tail -c +5000 /proc/net/ktcpvs | cmp - <(tail -c +5000 "$TMP/proc") && echo same)" same "... in whatever pieces it is read"
{
	cat "$TMP/many.conf"
	echo "virtual last { listen = 127.0.0.1:10001 server = 127.0.0.1:1 }"
} >"$TMP/wrong.conf"
refuses "the same file with an address twice at its end" 'last|s1' adm -f "$TMP/wrong.conf"
is "$(adm -Ln | grep -c 'server =')" 600 "... changes nothing"
is "$(adm -Ln | grep -c '^Virtual last')" 0 "... at all"
adm -F
is "$(adm -Ln)" "" "flushed"

# --- a change is whole, and disturbs nobody

for i in 1 2; do
	cat >"$TMP/table$i.conf" <<-CONF
		virtual web {
			listen = $VIP:80
			mode = http
			scheduler = rr
			server = 10.2.0.$i:80
			server = 10.2.0.$i:8080
		}
		virtual other {
			listen = $VIP:81
			server = 10.2.0.$i:80
		}
	CONF
done
adm -f "$TMP/table1.conf"
check "both services start" adm --start
# The traffic goes on until the table was replaced often enough, however long a
# change takes here.
cat >"$TMP/traffic" <<-SH
	while ! [ -e $TMP/stop ]; do
		curl -s -S -m 120 -K $TMP/urls || exit
		echo >>$TMP/rounds
	done
SH
for ((i = 0; i < 20; i++)); do echo "url = http://$VIP/"; done >"$TMP/urls"
client sh "$TMP/traffic" >"$TMP/answers" 2>"$TMP/errors"
traffic=$pid
mixed='' i=0
for ((i = 0; i < 6; i++)); do
	adm -f "$TMP/table$(((i + 1) % 2 + 1)).conf" || break
	got=$(adm -Ln | grep -oE '10\.2\.0\.[0-9]+' | sort -u | wc -l)
	if [ "$got" != 1 ]; then mixed=$got; fi
	# A curl that ends has said what it got; the one after it began later.
	was=$(wc -l <"$TMP/answers")
	poll 30 eval '[ "$(wc -l <"$TMP/answers")" -gt '$((was + 20))' ]' || break
done
is "$i" 6 "the table is replaced under traffic, and the traffic goes on"
touch "$TMP/stop"
status=0
wait $traffic || status=$?
n=$((20 * $(wc -l <"$TMP/rounds")))
is "$status $(wc -l <"$TMP/answers") $(cat "$TMP/errors")" "0 $n " "every one of the $n requests is answered"
is "$(sort -u "$TMP/answers" | tr '\n' ';')" "server 1;server 2;" "... by the servers of both tables"
is "$mixed" "" "... and no listing shows half of each"
counted web requests "$n" "the counters outlived every change"
counted web aborted 0 "... and no request was broken off"
counted web state running "... nor the service stopped"
counted web 10.2.0.3:80.requests "" "... and a server that never was has none"

# --- counters and ids

id=${st[id]}
adm -E -i web -s wlc
read_stats web
is "${st[id]} ${st[requests]}" "$id $n" "an edit keeps the service"
adm -D -i web
check "it is made again" adm -A -i web -l "$VIP:80" -s rr
read_stats web
is "$([ "${st[id]}" -gt "$id" ] && echo new) ${st[requests]} ${st[state]}" "new 0 stopped" "a new service of the same name begins at 0, stopped"
adm -F

# --- transactions do not stay open for ever

status=0
wait $idle || status=$?
tap_of "$TMP/idle" $status

# --- namespaces come and go with what is in them

for ((i = 0; i < 6; i++)); do
	ip netns add "$TEST-x" || break
	ip -n "$TEST-x" link set lo up
	echo 'virtual web { listen = 127.0.0.1:80 server = 127.0.0.1:81 }' |
		ip netns exec "$TEST-x" sh -c 'tcpvsadm -f - && tcpvsadm --start' || not_ok "round $i"
	ip netns del "$TEST-x"
done
check "services of namespaces that are gone hold nothing" poll 20 \
	eval '[ "$(lsmod | awk "\$1 == \"ktcpvs\" { print \$3 }")" = 0 ]'
