#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 240
#
# The access log: a record of every request, to who may read it.
#
#	log.py, wrk      ktcpvs        badserver
#	10.1.0.1  ---->  10.1.0.254  ---->  10.2.0.1 :9000
#	                   |
#	                   +--> group "log": tcpvsadm log, log.py stall
#
# Clients that know what they did compare it with their records; the records add up
# to the counters; a listener that does not read loses records and nobody else
# anything; nobody else's namespace and no ordinary user sees one; listeners come and
# go under traffic, and so does the module.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/traffic.sh"

here=$(cd "$(dirname "$0")" && pwd)
topology 2
load_module
bad_one 1 9000
# A server that does not answer, in seconds: longer than a slow machine stands still.
wait=$((TIME_FACTOR < 4 ? 1 + TIME_FACTOR : 5))
cat >"$TMP/conf" <<EOF
virtual web {
	listen = $VIP:80
	mode = http
	response-timeout = ${wait}s
	body-bytes = 100k
	server = 10.2.0.1:9000
	rule = path /moved redirect 302 /there
	rule = path /answer answer 403 no
	rule = path /reject reject
	rule = prefix /ok/ use server 10.2.0.1:9000
}
virtual dead {
	listen = $VIP:81
	mode = http
	retries = 1
	scheduler = rr
	server = 10.2.0.1:9
	server = 10.2.0.2:9
}
virtual raw {
	listen = $VIP:82
	mode = tcp
	server = 10.2.0.1:9000
}
virtual hello {
	listen = $VIP:83
	mode = tls
	server = 10.2.0.1:9000
}
EOF
adm -f "$TMP/conf" && adm --start || bail "the services start"

# logs: what the workers say of the log, summed up: "RECORDS DROPS"
logs() {
	local key records=0 drops=0

	read_workers
	for key in "${!wk[@]}"; do
		case $key in
		*.log_records) records=$((records + wk[$key])) ;;
		*.log_drops) drops=$((drops + wk[$key])) ;;
		esac
	done
	echo "$records $drops"
}

# --- nobody listens

is "$(code "http://$VIP/ok")" 200 "a request without a listener"
is "$(logs)" "0 0" "... leaves nothing"
refuses "who may not change anything may not listen" 'log needs CAP_NET_ADMIN' inb setpriv --reuid 65534 --regid 65534 --clear-groups \
	--bounding-set=-all sh -c "PATH=$PATH; tcpvsadm log"

# --- every kind of request

# beside NAMESPACE COMMAND...: beside the test, in $pid.
beside() {
	entering "$@"
	"${argv[@]}" &
	pid=$!
}
# told FILE: a listener has joined as soon as it tells of a request.
told() {
	code "http://$VIP/ok?probe" >/dev/null
	sleep 0.5
	test -s "$1"
}
beside "$S" tcpvsadm log -o json >"$TMP/other" 2>&1
other=$pid
beside "$B" tcpvsadm log -f -o json >"$TMP/log" 2>"$TMP/log.err"
reader=$pid
check "somebody listens" poll 20 told "$TMP/log"
sleep 1
was=$(logs) probes=$(wc -l <"$TMP/log")
adm -Z
status=0
inc python3 "$here/log.py" requests "$TMP/log" "$VIP" "$TIME_FACTOR" >"$TMP/tap" 2>&1 || status=$?
tap_of "$TMP/tap" $status
for name in web dead raw hello; do
	read_stats $name
	is "$(grep "^$name " "$TMP/log.sums")" "$name ${st[requests]} ${st[client_bytes_in]} ${st[client_bytes_out]}" \
		"records of $name and their bytes are the counters'"
done
is "$(logs)" "$((${was% *} + $(wc -l <"$TMP/log") - probes)) 0" "the workers count what they told, and dropped nothing"
is "$(cat "$TMP/other" "$TMP/log.err")" "" "another namespace sees nothing, and nothing was lost"
end $reader $other

# --- tracepoints

trace=/sys/kernel/tracing
[ -d $trace/events ] || mount -t tracefs nodev $trace || bail "tracefs is there"
is "$(ls $trace/events/tcpvs | grep -c ^tcpvs_)" 8 "eight tracepoints"
echo 1 >$trace/events/tcpvs/enable
inc curl -s "http://$VIP/ok/traced" "http://$VIP/reject" "http://$VIP:81/none" >/dev/null
poll 5 stat_is dead active 0
echo 0 >$trace/events/tcpvs/enable
sed -n 's/.* \(tcpvs_[a-z]*\): conn=[0-9a-f]* /\1 /p' $trace/trace >"$TMP/trace"
traced() { # NAME PATTERN
	like "$(grep "^tcpvs_$1 " "$TMP/trace")" "$2" "tcpvs_$1 fires"
}
traced accept "service=web client=10\.1\.0\.1:[0-9]+ handed=[01]"
traced parse "service=web err=0 target=/ok/traced$"
traced route "service=web rule=4$"
traced schedule "service=web server=10\.2\.0\.1:9000 tried=0$"
traced connect "service=web server=10\.2\.0\.1:9000 how=[01]$"
traced connect "service=dead server=10\.2\.0\.[12]:9 how=-[0-9]+$"
traced relay "service=web server=10\.2\.0\.1:9000 status=200$"
traced account "service=web status=200 cause=none$"
traced account "service=web status=0 cause=rejected$"
traced account "service=dead status=503 cause=no-server$"
traced close "service=web cause=rejected reset=1$"
traced close "service=dead cause=no-server reset=0$"

# The example of docs/architecture.md, as it stands there. It is about the text, and
# on a debug kernel it would take minutes.
example() {
	local pid

	sed -n "/^    bpftrace -e '/,/^    }'/p" docs/architecture.md | sed "1s/.*'//; \$s/'$//" >"$TMP/example.bt"
	bpftrace "$TMP/example.bt" >"$TMP/bpftrace" 2>&1 &
	pid=$!
	check "the example of the documentation is a program" poll 60 grep -qi attach "$TMP/bpftrace"
	# It says so before it has attached; of 20 requests some come later.
	inc curl -s --rate 5/s "http://$VIP/ok/[1-20]" >/dev/null
	kill -INT $pid
	wait $pid || true
	like "$(cat "$TMP/bpftrace")" '^@us\[1\]:' "... and tells how long it takes to find a server connection"
}
if ! [ -e /proc/lockdep ]; then example; fi

# --- filters, and forms

beside "$B" tcpvsadm log -i web --template x >"$TMP/joined"
third=$pid
beside "$B" tcpvsadm log -i web --status 404 --count 1 >"$TMP/404" 2>&1
first=$pid
beside "$B" tcpvsadm log --slower "$((wait * 1000 - 100))ms" --template '{{.Target}} {{.Status}} {{.Cause}}' --count 1 >"$TMP/slow" 2>&1
second=$pid
check "three listen" poll 20 told "$TMP/joined"
end $third
sleep $TIME_FACTOR
inc curl -s -A 'evil" \x' "http://$VIP/ok" "http://$VIP/status?code=404" "http://$VIP/never" >/dev/null
poll 20 test -s "$TMP/slow" -a -s "$TMP/404"
end $first $second
like "$(cat "$TMP/404")" '^10\.1\.0\.1 - - \[[0-9]+/[A-Z][a-z]+/[0-9]{4}:.*\] "GET /status\?code=404 HTTP/1\.1" 404 [0-9]+ "-" "evil\\x22 \\x5Cx"$' \
	"by service and status, in the combined format, harmless"
is "$(cat "$TMP/slow")" "/never 504 timeout-response" "by latency, by a template"

# --- a listener that does not read

was=$(logs)
beside "$B" python3 "$here/log.py" stall >"$TMP/stall"
stalled=$pid
check "one listens and reads nothing" poll 20 grep -q ready "$TMP/stall"
remember web
inc wrk -t 1 -c 8 -d "$(scaled 4)" "http://$VIP:80/ok" >"$TMP/wrk" 2>&1
like "$(cat "$TMP/wrk")" 'requests in' "traffic beside it"
like "$(grep -cE 'Socket errors|Non-2xx' "$TMP/wrk")" '^0$' "... suffers nothing"
lost() { [ "$(logs | cut -d' ' -f2)" -gt 0 ]; }
check "its loss is counted" poll 20 lost
poll 20 stat_is web active 0
read_stats web
now=$(logs)
sum=$((${now% *} + ${now#* } - ${was% *} - ${was#* }))
diag "$now after $was, $((st[requests] - st0[requests])) requests"
at_most $sum $((st[requests] - st0[requests])) "told and lost are no more than requests"
at_least $sum $((st[requests] - st0[requests] - 8)) "... and no less, but for those in flight when it joined"
end $stalled

# --- they come and go under traffic, and so does the module

client wrk -t 1 -c 8 -d 600 "http://$VIP:80/ok" >/dev/null 2>&1
load=$pid
check "listeners come and go" inb python3 "$here/log.py" churn "$(scaled 100)"
beside "$B" tcpvsadm log >"$TMP/log" 2>/dev/null
reader=$pid
check "one stays" poll 20 test -s "$TMP/log"
rmmod ktcpvs
is "$? $([ -d /sys/module/ktcpvs ] && echo there)" "0 " "the module goes under traffic, with a listener"
end $load $reader
