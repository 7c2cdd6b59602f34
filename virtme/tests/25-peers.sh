#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 240
#
# Real peers: servers and clients that were not written for this test, and one
# script for each of the rules that they share.
#
#	peers check            ktcpvs                  :81 peers serve (net/http)
#	10.1.0.1  --------->  10.1.0.254  ---------->  :82, :83 HAProxy, :84 to :81
#	                                               :85, :86 Apache httpd
#	varnishtest: client and server    127.0.0.1, one service a script
#
# The servers are in 10.2.0.1; their ports are those of the services. One
# program is all of the clients, as the start of a process is dear on a debug
# kernel. What it must get from each server is in internal/cmd/peers, the scripts
# are in testdata/vtc.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/traffic.sh"

topology 1
load_module
diag "topology and module: $SECONDS s"

start_go() {
	server peers serve -listen 10.2.0.1:81 >"$TMP/go" 2>&1
}

start_haproxy() {
	cat >"$TMP/haproxy" <<-EOF
		global
			pidfile $TMP/haproxy.pid
			nbthread 1
		defaults
			mode http
			timeout connect 30s
			timeout client 300s
			timeout server 300s
			timeout client-fin 300s
			timeout tunnel 300s
		frontend keep
			bind 10.2.0.1:82
			http-request redirect location /port if { path /to }
			http-request deny if { path /no }
			http-request return status 200 content-type text/plain lf-string "%cp" if { path /port }
			use_backend none
		frontend close
			bind 10.2.0.1:83
			option httpclose
			http-request return status 200 content-type text/plain lf-string "%cp"
		frontend forward
			bind 10.2.0.1:84
			default_backend go
		backend none
		backend go
			server go 10.2.0.1:81
	EOF
	ins haproxy -D -f "$TMP/haproxy" >"$TMP/haproxy.log" 2>&1 || bail "HAProxy starts" "$(cat "$TMP/haproxy.log")"
}

start_apache() {
	local m modules=/usr/lib/apache2/modules

	mkdir -p "$TMP/apache" "$TMP/www"
	chmod 755 "$TMP" "$TMP/apache" "$TMP/www"
	seq -w 0 99999 >"$TMP/www/pattern.txt"
	echo '<<!--#include virtual="/pattern.txt" -->>' >"$TMP/www/page.shtml"
	{
		for m in mpm_event authz_core mime include filter headers reflector; do
			echo "LoadModule ${m}_module $modules/mod_$m.so"
		done
		cat <<-EOF
			ServerRoot $TMP/apache
			DefaultRuntimeDir $TMP/apache
			PidFile $TMP/apache/pid
			ErrorLog $TMP/apache/error.log
			ServerName peers
			User www-data
			Group www-data
			StartServers 1
			ThreadsPerChild 8
			MinSpareThreads 1
			MaxSpareThreads 64
			MaxRequestWorkers 64
			KeepAlive on
			KeepAliveTimeout 300
			MaxKeepAliveRequests 0
			Timeout 300
			DocumentRoot $TMP/www
			Header always set X-Port "expr=%{REMOTE_PORT}"
			TypesConfig /etc/mime.types
			Listen 10.2.0.1:85
			Listen 10.2.0.1:86
			<Directory $TMP/www>
				Require all granted
				Options +Includes
				AddType text/html .shtml
				AddOutputFilter INCLUDES .shtml
			</Directory>
			<Location /reflect>
				SetHandler reflector
			</Location>
			<Location /reflect/no>
				Require all denied
			</Location>
			<VirtualHost 10.2.0.1:86>
				MaxKeepAliveRequests 3
			</VirtualHost>
		EOF
	} >"$TMP/apache/conf"
	ins apache2 -f "$TMP/apache/conf" -k start >"$TMP/apache/log" 2>&1 || bail "Apache starts" "$(cat "$TMP/apache/log" "$TMP/apache/error.log")"
}

all_listen() { [ "$(ins ss -Hltn 'src 10.2.0.1' | wc -l)" = 6 ]; }

start_go
start_haproxy
start_apache
poll 20 all_listen || bail "all servers listen" "$(ins ss -ltn; cat "$TMP/go" "$TMP/haproxy.log" "$TMP/apache/error.log")"

diag "... and servers: $SECONDS s"

# --- services: one a server, and those that the scripts name

scripts=(testdata/vtc/*.vtc)
# One listening socket: a service's connections share the pool of one worker
# unless it has more than its share. Servers' connections stay while a slow
# machine thinks.
{
	for port in 81 82 83 84 85 86; do echo "peer-$port $VIP:$port 10.2.0.1:$port"; done
	awk -F '"' '
		/^client .*-connect / { at[FILENAME] = $2 }
		/^server .*-listen / { to[FILENAME] = $2 }
		END {
			for (f in at) {
				name = f
				sub(/.*\//, "", name)
				sub(/-.*/, "", name)
				print "vtc-" name, at[f], to[f]
			}
		}' "${scripts[@]}"
} | while read -r name at to; do
	echo "virtual $name { listen = $at mode = http scheduler = rr pool-timeout = 5m listeners = 1 server = $to }"
done >"$TMP/conf"
out=$({ adm -f "$TMP/conf" && adm --start; } 2>&1) || bail "the services start" "$out"$'\n'"$(cat "$TMP/conf")"

diag "... and services: $SECONDS s"

# --- servers that others wrote

status=0
inc peers check -factor "$TIME_FACTOR" go="$VIP:81" haproxy="$VIP:82" haproxy-close="$VIP:83" \
	haproxy-go="$VIP:84" apache="$VIP:85" apache-few="$VIP:86" >"$TMP/check" 2>&1 || status=$?
tap_of "$TMP/check" $status

diag "... and servers that others wrote: $SECONDS s"

# --- one rule a script

# -k: each is run whatever the others say.
inb varnishtest -k -j 4 -t "$((20 * TIME_FACTOR))" "${scripts[@]}" >"$TMP/vtc" 2>&1
passed=" $(sed -n 's/.*TEST \([^ ]*\) passed .*/\1/p' "$TMP/vtc" | tr '\n' ' ')"
while IFS= read -r title && read -r f; do
	name=${f##*/}
	case $passed in
	*" $f "*) ok "${name%.vtc}: $title" ;;
	*) # The log of a script that failed stands before the line that says so.
		not_ok "${name%.vtc}: $title" "$(awk -v f="$f" '
			{ log_ = log_ $0 "\n" }
			/^#  *top  *TEST / { if (index($0, f)) printf "%s", log_; log_ = "" }' "$TMP/vtc" | tail -n 40)" ;;
	esac
done < <(sed -s -n 's/^varnishtest "\(.*\)"$/\1/p; T; F' "${scripts[@]}")
is "$(wc -w <<<"$passed")" "${#scripts[@]}" "every script was run, and passed"
diag "... and scripts: $SECONDS s"
