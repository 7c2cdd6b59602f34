// SPDX-License-Identifier: MIT

// Capture tables for the tests of the kernel's side, in testdata/rules/captures.tsv,
// with inputs and what package regexp says of them.

package automaton

import (
	"encoding/binary"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

const committedCaptures = "../../testdata/rules/captures.tsv"

func capturesText(t *testing.T) string {
	var b strings.Builder
	b.WriteString("# Capture tables, inputs, and where the group lies in them: README.md.\n")
	b.WriteString("# Written by go test ./internal/automaton -run Committed -update\n")
	inputs := []string{"", "a", "b", "ab", "aab", "/", "/users/alice/x", "/x/users//users/bob/y/users/eve/", "/images/x", "/p?u=1&u=2",
		"foo bar", "foo\nbar\n", "a\x80b", strings.Repeat("/users", 42) + "/eve/", strings.Repeat("ab/", 100) + "/users/u/", strings.Repeat("a", 256),
		strings.Repeat("b", 255) + "/users/carol/" + strings.Repeat("c", 700)}
	for _, tt := range []struct {
		expr  string
		group int
	}{
		{`/users/([^/]+)/.*`, 1}, {`/users/([^/]+)/.*`, 0}, {`^/images/`, 0}, {`(a*)*`, 1}, {`(a|ab)(c|bcd)(d*)`, 3}, {`(a+?)(a*)`, 1},
		{`\b(\w+)\b`, 1}, {`(?m)^(.*)$`, 1}, {`[?&]u=([^&]*)`, 1}, {`(a)|b`, 1}, {`([^/]*)\z`, 1}, {`(.*)/(.*)`, 2}, {`x`, 0},
	} {
		blob, err := CompileCapture(tt.expr, tt.group, DefaultBytes)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "\ntable\t%s\t%d\t%x\n", escape(tt.expr), tt.group, blob)
		re := regexp.MustCompile(tt.expr)
		for _, in := range inputs {
			from, to := -1, -1
			if m := re.FindStringSubmatchIndex(in); m != nil {
				from, to = m[2*tt.group], m[2*tt.group+1]
			}
			fmt.Fprintf(&b, "input\t%s\t%d\t%d\n", escape(in), from, to)
		}
	}
	return b.String()
}

func TestCommittedCaptures(t *testing.T) {
	if order.Uint16([]byte{1, 0}) != binary.LittleEndian.Uint16([]byte{1, 0}) {
		t.Skip("the file is for little-endian machines")
	}
	text := capturesText(t)
	if *update {
		if err := os.WriteFile(committedCaptures, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	old, err := os.ReadFile(committedCaptures)
	if err != nil || string(old) != text {
		t.Errorf("%s is not what the compiler makes (%v); see -update", committedCaptures, err)
	}
}
