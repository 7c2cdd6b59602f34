// SPDX-License-Identifier: MIT

// The automata of the tables in testdata/rules/cases.tsv, committed beside it,
// so that the test of the kernel's side needs no Go. This one holds the file to
// what the compiler makes.

package rules

import (
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ktcpvs/ktcpvs/internal/automaton"
)

var update = flag.Bool("update", false, "write testdata/rules/cases-automata.tsv anew")

const committed = "../../testdata/rules/cases-automata.tsv"

// subjects are the words for what an automaton reads.
var subjects = [...]string{"path", "uri", "value", "value", "value"}

func TestCommitted(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the committed automata are those of little-endian machines")
	}
	data, err := os.ReadFile("../../testdata/rules/cases.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("# The automata of the tables in cases.tsv: README.md.\n")
	b.WriteString("# Written by go test ./internal/rules -run Committed -update\n")
	var name string
	var table Table
	flush := func() {
		c, err := table.Compile(automaton.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Programs) > 0 {
			fmt.Fprintf(&b, "\ntable\t%s\n", name)
		}
		for _, p := range c.Programs {
			for _, a := range p.Automata {
				ids := strings.Trim(strings.ReplaceAll(fmt.Sprint(a.IDs), " ", ","), "[]")
				fmt.Fprintf(&b, "dfa\t%s\t%s\t%x\n", subjects[p.Subject.Kind], ids, a.Blob)
			}
		}
		table = nil
	}
	for line := range strings.Lines(string(data)) {
		columns := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		switch columns[0] {
		case "table":
			flush()
			name = columns[1]
		case "rule":
			var r Rule
			for _, c := range columns[2:] {
				if err := ParseMatch(&r.Match, c); err != nil {
					t.Fatal(err)
				}
			}
			table = append(table, r)
		}
	}
	flush()
	if *update {
		if err := os.WriteFile(committed, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != b.String() {
		t.Errorf("%s is not what the compiler makes; if that is meant: go test ./internal/rules -run Committed -update", committed)
	}
}
