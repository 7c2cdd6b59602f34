// SPDX-License-Identifier: MIT

package ruleset

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/rules"
)

// Every rule of the cases becomes the kernel's and itself again, and every
// expression has an automaton that tells of it.
func TestThereAndBack(t *testing.T) {
	data, err := os.ReadFile("../../testdata/rules/cases.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var table rules.Table
	seen := 0
	check := func() {
		g, err := Table(table, nil)
		if err != nil {
			t.Fatal(err)
		}
		ordered := table.Ordered()
		next := uint32(0)
		for i := range g.Rules {
			seen++
			back, ok := Rule(&g.Rules[i])
			if !ok || !reflect.DeepEqual(back, ordered[i]) {
				t.Errorf("%+v, not %+v", back, ordered[i])
			}
			for _, m := range g.Rules[i].Match {
				if m.Op != genl.MatchOpRegex {
					continue
				}
				if m.Expression != next || int(m.Automaton) >= len(g.Automata) {
					t.Errorf("expression %d of automaton %d", m.Expression, m.Automaton)
				}
				next++
			}
		}
		if next != g.Expressions {
			t.Errorf("%d expressions, not %d", next, g.Expressions)
		}
		table = nil
	}
	for line := range strings.Lines(string(data)) {
		columns := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		switch columns[0] {
		case "table":
			check()
		case "rule":
			r := rules.Rule{ID: uint32(len(table) + 1), Name: columns[1], Action: rules.Action{Kind: rules.Answer, Status: 404}}
			for _, c := range columns[2:] {
				if err := rules.ParseMatch(&r.Match, c); err != nil {
					t.Fatal(err)
				}
			}
			table = append(table, r)
		}
	}
	check()
	if seen < 80 {
		t.Errorf("only %d rules", seen)
	}
}
