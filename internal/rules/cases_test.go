// SPDX-License-Identifier: MIT

// The cases of testdata/rules, which the kernel's engine is held to as well.

package rules

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ktcpvs/ktcpvs/internal/automaton"
)

func TestCases(t *testing.T) {
	data, err := os.ReadFile("../../testdata/rules/cases.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var table Table
	var run *Runner
	requests, refused := 0, 0
	for i, line := range strings.Split(string(data), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		columns := strings.Split(line, "\t")
		fail := func(format string, args ...any) {
			t.Errorf("cases.tsv:%d: %s\n%s", i+1, fmt.Sprintf(format, args...), line)
		}
		switch columns[0] {
		case "table":
			table, run = nil, nil
		case "rule", "refused":
			r := Rule{ID: uint32(len(table)), Action: Action{Kind: UseSet, Set: "s"}}
			var err error
			for _, c := range columns[2:] {
				if err == nil {
					err = ParseMatch(&r.Match, c)
				}
			}
			if columns[0] == "refused" {
				refused++
				if err == nil && (Table{r}).Check() == nil {
					fail("the rule is accepted")
				}
				continue
			}
			if err != nil {
				fail("%v", err)
			}
			r.Name = columns[1]
			table, run = append(table, r), nil
		case "request":
			if run == nil {
				if err := table.Check(); err != nil {
					fail("%v", err)
				}
				c, err := table.Compile(automaton.Options{})
				if err == nil {
					run, err = NewRunner(table, c)
				}
				if err != nil {
					t.Fatalf("cases.tsv:%d: %v", i+1, err)
				}
			}
			r, err := ParseRequest(columns[2:])
			if err != nil {
				fail("%v", err)
				continue
			}
			requests++
			name := func(n int) string {
				if n < 0 {
					return "-"
				}
				return table[n].Name
			}
			if got := name(table.Lookup(r)); got != columns[1] {
				fail("the reference finds %s", got)
			}
			if got := name(run.Lookup(r)); got != columns[1] {
				fail("the automata find %s", got)
			}
		default:
			fail("unknown line")
		}
	}
	if requests+refused < 200 {
		t.Errorf("only %d requests and %d refused rules", requests, refused)
	}
}
