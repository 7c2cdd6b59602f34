#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 240
#
# tcpvstop on the live module: what it shows is what happens.
#
#	wrk              ktcpvs, tcpvstop              nginx 1 2 3
#	10.1.0.1 -----> 10.1.0.254 ----------------->  10.2.0.1 .. 3
#
# Rates, weights and states under traffic as text, as JSON and on a terminal
# whose keys are pressed; a change of the table seen by the running program; the
# table unchanged behind it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/traffic.sh"

topology 3
start_nginx

# --- without the module

unload_module
refuses "without the module it says so" 'not loaded' inb tcpvstop -b -n 1 -d 0.5
load_module

# --- batch mode

service web "$VIP:80" --mode http -s wrr -- 10.2.0.1:80 10.2.0.2:80 10.2.0.3:80
adm -e -i web -r 10.2.0.1:80 -w 2
adm -e -i web -r 10.2.0.3:80 -w 0
table=$(adm -L)
adm -A -i idle -l "$VIP:81" --mode tcp -s rr
echo 'function delay() return 20 end' >"$TMP/pause.lua"
client wrk -t 1 -c 4 -d 600 -s "$TMP/pause.lua" "http://$VIP:80/" >/dev/null 2>&1
load=$pid
check "traffic flows" poll 10 stat_min web requests 20

inb tcpvstop -b -n 2 -d "$TIME_FACTOR" -o json >"$TMP/frames" 2>"$TMP/errors"
is "$? $(wc -l <"$TMP/frames") $(cat "$TMP/errors")" "0 2 " "two frames of JSON, a line each"
# The weights 2:1:0 show in the rates. Services and servers are read one after the
# other, which a slow machine draws out: there a frame is longer.
facts=$(python3 - "$TMP/frames" <<'PY'
import json, sys
f = [json.loads(line) for line in open(sys.argv[1])][-1]
services = {s["name"]: s for s in f["services"]}
web = services["web"]
rates = [s["rates"]["requests"] for s in web["servers"]]
print("services:", *sorted(services))
print("weights:", *[s["weight"] for s in web["servers"]], *[s["state"] for s in web["servers"]])
print("flows:", rates[0] > 1 and rates[1] > 1 and rates[2] == 0)
print("shares:", abs(rates[0] - 2 * rates[1]) <= max(4, 0.1 * rates[0]))
print("sum:", abs(sum(rates) - web["rates"]["requests"]) <= max(4, 0.05 * sum(rates)))
print("active:", web["active"], services["idle"]["state"], services["idle"]["rates"]["requests"])
PY
)
like "$facts" '^services: idle web$' "... every service is there"
like "$facts" '^weights: 2 1 0 up up drain$' "... weights and states"
like "$facts" '^flows: True$' "... requests flow to the servers with a weight, to no other"
like "$facts" '^shares: True$' "... twice as many to the one of weight 2"
like "$facts" '^sum: True$' "... the servers' rates are the service's"
like "$facts" '^active: 4 stopped 0.0$' "... connections, and nothing where nothing is"

inb tcpvstop -b -n 1 -d 0.5 --filter 10.2.0.2 >"$TMP/text"
is "$(grep -c '^  -> ' "$TMP/text") $(grep -c '^web http wrr' "$TMP/text") $(grep -c '^idle' "$TMP/text")" "1 1 0" \
	"text, filtered: one server under its service"

# --- on a terminal

cat >"$TMP/keys" <<'EXP'
log_user 0
set timeout [expr {20 * $env(FACTOR)}]
set env(TERM) xterm-256color
set stty_init "rows 30 cols 120"
proc see {what re} { expect -re $re { puts "saw $what" } timeout { puts "missed $what"; exit 3 } eof { puts "ended before $what"; exit 4 } }
spawn tcpvstop -d 0.5
see table {10\.2\.0\.3}
see totals {req/s}
send "?"
see help {set the interval}
send "q"
see back {10\.2\.0\.1}
send "p"
see pause {paused}
send "p"
exec tcpvsadm -D -i idle
exec tcpvsadm -A -i fresh -l 127.0.0.1:8080 --mode tcp
see change {fresh}
send "s"
see sort {10\.2\.0\.1}
send "/10.2"
see filter {enter keeps it}
send "\rsq"
expect eof {} timeout { puts "does not quit"; exit 5 }
lassign [wait] - - - status
puts "status $status"
EXP
FACTOR=$TIME_FACTOR inb timeout -k 1 "$((60 * TIME_FACTOR))" expect -f "$TMP/keys" >"$TMP/said" 2>&1
is "$(tr '\n' ' ' <"$TMP/said")" "saw table saw totals saw help saw back saw pause saw change saw sort saw filter status 0 " \
	"on a terminal: table, help, pause, a new service, sorting, quit"
adm -D -i fresh
is "$(adm -L)" "$table" "the program changed nothing else"
end $load
adm --stop --now
adm -F
