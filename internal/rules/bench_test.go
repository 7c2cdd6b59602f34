// SPDX-License-Identifier: MIT

// What the automata of real sizes cost: time, states, classes, bytes.
// The templates are those that scripts/route-list leaves in the cache.

package rules

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ktcpvs/ktcpvs/internal/automaton"
)

func benchCompile(b *testing.B, table Table) {
	b.Helper()
	var c *Compiled
	for b.Loop() {
		var err error
		if c, err = table.Compile(automaton.Options{}); err != nil {
			b.Fatal(err)
		}
	}
	automata, states, classes := 0, 0, 0
	for _, p := range c.Programs {
		for _, a := range p.Automata {
			automata++
			states += a.States
			classes = max(classes, a.Classes)
		}
	}
	b.ReportMetric(float64(automata), "automata")
	b.ReportMetric(float64(states), "states")
	b.ReportMetric(float64(classes), "classes")
	b.ReportMetric(float64(c.Bytes()), "bytes")
}

func BenchmarkAnchored(b *testing.B) {
	dir := os.Getenv("KTCPVS_CACHE")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			b.Skip(err)
		}
		dir = filepath.Join(cache, "ktcpvs")
	}
	data, err := os.ReadFile(filepath.Join(dir, "routes", "all"))
	if err != nil {
		b.Skip("run scripts/route-list first: ", err)
	}
	var templates []PathTemplate
	for line := range strings.Lines(string(data)) {
		_, path, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if t, err := ParseTemplate(path); err == nil && strings.Contains(path, "{") {
			templates = append(templates, t)
		}
	}
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var table Table
			for i := range n { // spread over the whole list
				table = append(table, set(Match{Path: Path{Kind: Regex, Value: templates[i*len(templates)/n].Regex()}}))
			}
			benchCompile(b, table)
		})
	}
}

func BenchmarkUnanchored(b *testing.B) {
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var table Table
			for i := range n {
				table = append(table, set(Match{Path: Path{Kind: Regex, URI: true, Value: fmt.Sprintf("/users%d([^/]+)/.*", i)}}))
			}
			benchCompile(b, table)
		})
	}
}
