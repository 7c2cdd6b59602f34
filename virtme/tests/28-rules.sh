#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 180
# leaks: tables that are refused half-way
#
# Content rules: every case of testdata/rules through the kernel.
#
#	rulecases (client)        ktcpvs                  rulecases (servers)
#	10.1.0.1  -----------> 10.1.0.254:7001, 7002 ---> 10.1.0.1:9000 .. 9003
#
# One program is the client and the servers. In the tables of the cases every rule
# has an answer of its own, so the client sees which one decided; the sources that
# cases ask for come in PROXY headers. Then what rules do: sets, redirects, answers,
# resets; tables put in place beside traffic; and uploads that are wrong.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/traffic.sh"

topology 1
load_module

status=0
inc rulecases -balancer "$B" -data testdata/rules/cases.tsv -factor "$TIME_FACTOR" >"$TMP/rulecases" 2>&1 || status=$?
tap_of "$TMP/rulecases" $status
at_least "$(grep -c '^ok [0-9]* - cases: ' "$TMP/rulecases")" 15 "tables of the cases"
at_least "$(grep -c '^ok [0-9]* - refused: ' "$TMP/rulecases")" 25 "rules that are refused"
