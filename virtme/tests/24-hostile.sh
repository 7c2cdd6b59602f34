#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 180
# leaks: every way a message can be wrong
#
# Hostile peers on both sides: every message of testdata/http through the kernel.
#
#	hostile (client)       ktcpvs: 32 services        hostile (32 servers)
#	10.1.0.1  ---------> 10.1.0.254:7001 ..  ------> 10.2.0.1:8001 ..
#
# One program is the clients and the servers, so that it knows of every message
# what came of it: the answer the client got, and each byte that reached the
# server. Messages go out whole, in pieces of a byte, behind a good request and
# before one; then responses that smuggle, break or never end; then peers that do
# not go on. The tables are testdata/http, what each case wants is in
# internal/cmd/hostile. In the end the accounts must balance.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/traffic.sh"

topology 1
load_module

# With SCALE below 1 every message goes out once, and only that share of the
# other ways.
status=0
inc hostile -balancer "$B" -servers "$S" -data testdata/http -share "$SCALE" -factor "$TIME_FACTOR" -target-limit 8192 \
	>"$TMP/hostile" 2>&1 || status=$?
tap_of "$TMP/hostile" $status
at_least "$(grep -c '^ok [0-9]* - hostile request: ' "$TMP/hostile")" 300 "hostile requests"
at_least "$(grep -c '^ok [0-9]* - hostile response: ' "$TMP/hostile")" 40 "hostile responses"
is "$(inb tcpvsadm show services -o json | grep -c '"name": "hostile-')" 32 "every service is there still"
