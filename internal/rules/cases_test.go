// SPDX-License-Identifier: MIT

// The cases of testdata/rules, which the kernel's engine is held to as well.

package rules

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/ktcpvs/ktcpvs/internal/automaton"
)

func parseMatch(m *Match, column string) error {
	key, value, ok := strings.Cut(column, "=")
	if !ok {
		return fmt.Errorf("%q is not key=value", column)
	}
	fields := map[string]*[]Field{"header": &m.Headers, "cookie": &m.Cookies, "query": &m.Query}
	kinds := map[string]Kind{"exact": Exact, "prefix": Prefix, "regex": Regex}
	what, how, _ := strings.Cut(key, "-")
	switch {
	case key == "host":
		m.Host = value
	case key == "sni":
		m.SNI = value
	case key == "path":
		m.Path = Path{Kind: Exact, Value: value}
	case key == "prefix":
		m.Path = Path{Kind: Prefix, Value: value}
	case key == "template":
		m.Path = Path{Kind: Template, Value: value}
	case key == "regex", key == "uri-regex":
		m.Path = Path{Kind: Regex, Value: value, URI: key == "uri-regex"}
	case key == "method":
		m.Methods = append(m.Methods, strings.Split(value, ",")...)
	case key == "source":
		for s := range strings.SplitSeq(value, ",") {
			p, err := netip.ParsePrefix(s)
			if err != nil {
				return err
			}
			m.Sources = append(m.Sources, p)
		}
	case fields[key] != nil:
		*fields[key] = append(*fields[key], Field{Name: value, Kind: Present})
	case fields[what] != nil && kinds[how] != None:
		name, v, _ := strings.Cut(value, "=")
		*fields[what] = append(*fields[what], Field{Name: name, Kind: kinds[how], Value: v})
	default:
		return fmt.Errorf("unknown key %q", key)
	}
	return nil
}

func parseRequest(columns []string) (*Request, error) {
	r := &Request{Source: netip.MustParseAddr("127.0.0.1")}
	method, host, target := columns[0], columns[1], columns[2]
	if host != "-" {
		r.Host = host
	}
	if method != "-" {
		r.Method = method
		switch rest, absolute := strings.CutPrefix(target, "http://"); {
		case method == "CONNECT":
			r.Host = target
		case absolute:
			at := strings.IndexAny(rest, "/?")
			if at < 0 {
				at = len(rest)
			}
			r.Host = rest[:at]
			r.SetTarget(rest[at:])
			if r.Path == "" {
				r.Path = "/"
			}
		default:
			r.SetTarget(target)
		}
	}
	for _, c := range columns[3:] {
		key, value, _ := strings.Cut(c, "=")
		switch key {
		case "header":
			name, v, _ := strings.Cut(value, ":")
			r.Headers = append(r.Headers, Header{name, v})
		case "source":
			a, err := netip.ParseAddr(value)
			if err != nil {
				return nil, err
			}
			r.Source = a
		case "sni":
			r.SNI = value
		default:
			return nil, fmt.Errorf("unknown column %q", c)
		}
	}
	return r, nil
}

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
					err = parseMatch(&r.Match, c)
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
			r, err := parseRequest(columns[2:])
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
