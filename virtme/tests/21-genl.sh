#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 180
# leaks: every message, refused and not
#
# The Go client against the module: the conformance tests of package genl, which
# the fake kernel of the unit tests passes too, and its decoders on messages of
# this kernel.
#
#	genl.test --- netlink --- ktcpvs, in a namespace with nothing but lo
#
# bin/genl.test is "go test -c ./genl".
. "$(dirname "$0")/lib.sh"

bin=$PWD/bin/genl.test
[ -x "$bin" ] || bail "bin/genl.test is there" "make build makes it"
load_module
ip netns add "$B" || bail "namespace"
on_exit "end_netns $B"
ip -n "$B" link set lo up

# The tests need testdata, and may leave no file in the tree.
mkdir -p "$TMP/genl"
ln -s "$PWD/testdata" "$TMP/testdata"

run() { # ENVIRONMENT PATTERN: a line a test
	(cd "$TMP/genl" && inb env "$1" "$bin" -test.v -test.run "$2" 2>&1)
}

got=$(run KTCPVS_KERNEL=1 . || true)
while read -r result name; do
	case $result in
	PASS:) ok "$name" ;;
	*) not_ok "$name" "$(grep -B8 -e "--- FAIL: $name " <<<"$got")" ;;
	esac
done < <(sed -nE 's,^ *--- (PASS:|FAIL:) ([^ ]*/real|Test[^ /]*) .*,\1 \2,p' <<<"$got")
at_least "$(grep -cE -e '--- PASS: Test[^ ]*/real ' <<<"$got")" 40 "tests on this kernel"
is "$(tail -n 1 <<<"$got")" PASS "all of them pass"

# What this kernel sends now is understood as what was captured once.
rm "$TMP/testdata" && mkdir -p "$TMP/testdata/netlink"
passes() { # NAME ENVIRONMENT PATTERN
	got=$(run "$2" "$3") || true
	if [ "$(tail -n 1 <<<"$got")" = PASS ]; then ok "$1"; else not_ok "$1" "$got"; fi
}
passes "messages captured" KTCPVS_CAPTURE=1 TestCapture
passes "messages of this kernel are understood" KTCPVS_CAPTURE= TestFixtures

# Each allocation of a transaction fails once, where the kernel can do that.
if [ -e /proc/self/fail-nth ]; then
	[ -d /sys/kernel/debug/failslab ] || mount -t debugfs debugfs /sys/kernel/debug
	status=0
	inb nlabuse -faults >"$TMP/faults" 2>&1 || status=$?
	tap_of "$TMP/faults" $status
fi
is "$(inb tcpvsadm -L 2>&1)" "" "nothing is left"
