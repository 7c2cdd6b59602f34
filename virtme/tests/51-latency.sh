#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 120
# leaks: blocks of histograms, allocated by the workers
#
# How long things take: histograms of services and servers.
#
#	curl             ktcpvs                     badserver
#	10.1.0.1  ---->  10.1.0.254, http, tcp ---->  10.2.0.1, 10.2.0.2 :9000
#
# Every request is in the histograms once, of its service and of its server; a server
# that answers late is seen at the time that the client has measured, to the error of
# a bucket; a reset empties them; what is configured is told.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/traffic.sh"

topology 2
load_module
bad 9000
cat >"$TMP/conf" <<EOF
virtual web {
	listen = $VIP:80
	mode = http
	scheduler = rr
	response-timeout = 5s
	server-histograms = on
	server = 10.2.0.1:9000
	server = 10.2.0.2:9000
}
virtual raw {
	listen = $VIP:82
	mode = tcp
	server = 10.2.0.1:9000
}
EOF
adm -f "$TMP/conf" && adm --start || bail "the services start"

# latencies EXPRESSION...: of what show latency says, in Python, in which
# h("SERVICE", "KIND"[, "SERVER"]) is a histogram. A line of each.
cat >"$TMP/latency.py" <<'EOF'
import json, sys

class Empty(dict):
    def __missing__(self, key):
        return [] if key == "buckets" else 0

table = {(l["service"], l["kind"], l.get("server", "")): Empty(l) for l in json.load(open(sys.argv[1]))["latency"]}

def h(service, kind, server=""):
    return table.get((service, kind, server), Empty())

def inside(hist, low, high):
    "how many times lie in buckets that may hold times from low to high"
    return sum(b["count"] for b in hist["buckets"] if b["below"] > low and b["from"] <= high)

for l in table.values():
    assert sum(b["count"] for b in l["buckets"]) == l["count"], l
    assert all(b["below"] - b["from"] <= max(b["from"] / 8, 1.024) + 1e-6 for b in l["buckets"]), l
    assert l["p50"] <= l["p90"] <= l["p99"] <= l["p99_9"] <= l["longest"], l
    assert l["mean"] <= l["longest"], l
print(*[eval(e) for e in sys.argv[2:]], sep="\n")
EOF
latencies() {
	adm show latency -n -o json >"$TMP/latency.json" && python3 "$TMP/latency.py" "$TMP/latency.json" "$@"
}

is "$(latencies 'len(table)')" 0 "without a request there are none"
refuses "there are none of a server that is none" 'service "web" has no server of this address' adm show latency -i web -r 10.2.0.9:9000

# --- counts, of 24 quick requests and four late ones

# Each URL's outcome: when the first byte was there, and when it ended, in us.
inc curl -s --no-progress-meter -o /dev/null -w '%{url} %{time_starttransfer} %{time_total}\n' \
	"http://$VIP/ok?n=[1-24]" "http://$VIP/delay?ms=1000&n=[1-3]" "http://$VIP/delay-body?ms=1000" >"$TMP/curl"
most=$(awk '/delay\?/ && $3 > m { m = $3 } END { printf "%d", m * 1000000 }' "$TMP/curl")
quick=$(awk '/\/ok/ && $3 > m { m = $3 } END { printf "%d", m * 1000000 }' "$TMP/curl")
body=$(awk '/delay-body/ { printf "%d", $3 * 1000000 }' "$TMP/curl")
all() { [ "$(latencies 'h("web", "total")["count"]')" = 28 ]; }
check "every request has ended" poll 10 all
read_stats web
of_server() { echo "[h('web', kind, '10.2.0.$1:9000')['count'] for kind in ('total', 'first-byte', 'connect')]"; }
mapfile -t got < <(latencies 'h("web", "total")["count"], h("web", "first-byte")["count"], h("web", "connect")["count"]' \
	"$(of_server 1)" "$(of_server 2)" \
	"inside(h('web', 'first-byte'), 1000000, $most), inside(h('web', 'total'), 1000000, max($most, $body))" \
	"inside(h('web', 'total'), 0, $quick) >= 24" \
	"1000000 <= h('web', 'first-byte')['longest'] <= $most" \
	"1000000 * 15 / 16 <= h('web', 'first-byte')['p99'] <= $most * 17 / 16" \
	"0 < h('web', 'first-byte')['p50'] <= $quick * 17 / 16" \
	'h("web", "total")["buckets"][-4:]')
diag "the slowest of the quick ones took $quick us, of the late ones $most us: ${got[8]}"
is "${got[0]}" "(28, 28, ${st[connects]})" "each is timed once; connects are those that are counted"
for i in 1 2; do
	of=10.2.0.$i:9000
	is "${got[i]}" "[${st[$of.requests]}, ${st[$of.requests]}, ${st[$of.connects]}]" "... and those of server $i are its own"
done

# --- times: the client's are longer, the server's second is shorter

is "${got[3]}" "(3, 4)" "who answers late is in the bucket of what the client has measured"
is "${got[4]}" True "... and the quick ones are where they belong"
is "${got[5]}" True "the longest is exact"
is "${got[6]}" True "the 99th percentile is one of the late ones"
is "${got[7]}" True "... and the median is none"

# --- what ends without a response of a server, and mode tcp

code "http://$VIP/never" >/dev/null
outcome "http://$VIP/short" >/dev/null
printf 'bad request\r\n\r\n' | talk "$VIP" 80 >/dev/null
inc curl -s -o /dev/null "http://$VIP:82/ok" "http://$VIP:82/ok"
ended() { [ "$(latencies 'h("web", "total")["count"], h("raw", "total")["count"], h("raw", "first-byte")["count"]')" = "(31, 1, 1)" ]; }
check "504, a broken answer, a bad request and a connection in mode tcp are timed" poll 10 ended
read_stats web
is "$((st[responses_2xx] + st[responses_4xx] + st[responses_5xx] + st[aborted]))" 31 "as many as responses and aborted requests"
is "${st[samples_lost]}" 0 "nothing was lost"
inb tcpvsadm metrics >"$TMP/metrics"
like "$(cat "$TMP/metrics")" '^tcpvs_service_total_seconds_count\{service="web"\} 31$' "metrics has them"
like "$(cat "$TMP/metrics")" '^tcpvs_server_first_byte_seconds_bucket\{server="10.2.0.1:9000",service="web",le="\+Inf"\} ' "... of servers, too"

# --- a reset, and what is configured

adm -Z -i web
is "$(latencies 'h("web", "total")["count"], h("web", "total", "10.2.0.1:9000")["count"], h("raw", "total")["count"]')" "(0, 0, 1)" \
	"a reset of a service empties its own"
adm -E -i web --server-histograms off
inc curl -s -o /dev/null "http://$VIP/ok?n=[1-4]"
four() { [ "$(latencies 'h("web", "total")["count"]')" = 4 ]; }
check "they begin anew" poll 10 four
is "$(latencies 'h("web", "total")["longest"] < 1000000, h("web", "total", "10.2.0.1:9000")["count"]')" "(True, 0)" "... without those of servers, if nobody asks for them"
adm -L -n >"$TMP/listed"
is "$(grep -c server-histograms "$TMP/listed")" 0 "what is off is not listed"
adm -E -i web --server-histograms on
adm -L -n >"$TMP/listed"
like "$(cat "$TMP/listed")" '^ *server-histograms = on$' "what is on is"
adm -f "$TMP/listed"
adm -L -n | diff "$TMP/listed" - >"$TMP/diff" || true
is "$(cat "$TMP/diff")" "" "... and loads again"
