// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"fmt"
	"math/rand"
	"net/netip"
	"slices"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/rules"
	"github.com/ktcpvs/ktcpvs/internal/ruleset"
)

// What values may contain that lines, words and quotes have to survive.
var awkward = []string{
	"plain", "two words", `"`, `\`, `\"`, `a\\`, `x "y\"\`, "#", "{}=", "a#b", " ", "\t", "ä", "\xe9", "use server", "pattern", "name=value", `"" \\\`,
}

var patterns = []string{
	"^/images/", "^/a$", ".*", `/users/([^/]+)/.*`, `\.(gif|jpg)$`, `a\\`, `x\"y`, `[ #{}="]`, "^/u/[^/]+$", `\\"?`, "^", "b|",
}

// fillRules gives a service a random table of rules, in the types of the
// protocol and of the rules, which the printers and readers under test make of
// text. It uses at most the servers there are.
func (n *node) fillRules(r *rand.Rand, service string, servers []netip.AddrPort) {
	n.t.Helper()
	pick := func(list []string) string { return list[r.Intn(len(list))] }
	field := func(names []string, values []string) []rules.Field {
		var list []rules.Field
		for range []int{0, 0, 0, 1, 2}[r.Intn(5)] {
			f := rules.Field{Name: pick(names), Kind: []rules.Kind{rules.Present, rules.Exact, rules.Prefix, rules.Regex}[r.Intn(4)]}
			switch f.Kind {
			case rules.Present:
			case rules.Regex:
				f.Value = pick(patterns)
			default:
				f.Value = pick(values)
			}
			list = append(list, f)
		}
		return list
	}
	var t rules.Table
	var sets []ruleset.Set
	seen := map[string]bool{}
	for i := range r.Intn(12) {
		rule := rules.Rule{ID: uint32(i + 1)}
		if r.Intn(4) == 0 {
			rule.Name = fmt.Sprintf("%s%d", pick([]string{`r\`, "-", "=", "use"}), i)
		}
		m := &rule.Match
		m.Host = pick([]string{"", "", "a.example", "*.example.com", "[::1]"})
		switch r.Intn(6) {
		case 0:
			m.Path = rules.Path{Kind: rules.Exact, Value: pick([]string{"/", `/x\`, `/a"b`, "/q=1", "*"})}
		case 1:
			m.Path = rules.Path{Kind: rules.Prefix, Value: pick([]string{"/", "/use", `/\"`})}
		case 2:
			m.Path = rules.Path{Kind: rules.Template, Value: "/u/{id}/x-{n}.html"}
		case 3:
			m.Path = rules.Path{Kind: rules.Regex, Value: pick(patterns), URI: r.Intn(2) == 0}
		}
		if r.Intn(4) == 0 {
			m.Methods = [][]string{{"GET"}, {"GET", "POST"}, {"X!#$"}}[r.Intn(3)]
		}
		m.Headers = field([]string{"A", "b-C", "#"}, []string{"v", "two words", `"`, `end\`, `\" \`, "x=y", "ä", "\xe9", "{#}"})
		m.Cookies = field([]string{"sid", "!"}, []string{"", "v=w", `"q"`, `\`})
		m.Query = field([]string{"q", "a+b", "%20"}, []string{"", "1=2", "?"})
		if r.Intn(4) == 0 {
			m.Sources = [][]netip.Prefix{{netip.MustParsePrefix("10.0.0.0/8")}, {netip.MustParsePrefix("::/0"), netip.MustParsePrefix("192.0.2.1/32")}}[r.Intn(2)]
		}
		a := &rule.Action
		switch r.Intn(5) {
		case 0:
			*a = rules.Action{Kind: rules.Redirect, Status: 301, Location: pick([]string{"/new", `https://$host$path$query`, `/\`, `/"$$"`})}
		case 1:
			*a = rules.Action{Kind: rules.Answer, Status: 404, Body: pick(append(awkward, ""))}
		case 2:
			*a = rules.Action{Kind: rules.Reject}
		default:
			if len(servers) == 0 {
				continue
			}
			*a = rules.Action{Kind: rules.UseSet, Set: fmt.Sprint(rule.ID)}
		}
		if key := fmt.Sprint(rule.Name, rule.Match); seen[key] || rule.Match.Any() && seen["any"] {
			continue // in a file they would be one set, or never used
		} else if seen[key] = true; rule.Match.Any() {
			seen["any"] = true
		}
		if one := (rules.Table{rule}); one.Check() != nil {
			continue
		}
		if a.Kind == rules.UseSet {
			some := slices.Clone(servers)
			r.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
			sets = append(sets, ruleset.Set{Name: a.Set, RuleSet: genl.RuleSet{
				ID: rule.ID, Scheduler: pick([]string{"wlc", "rr"}), Servers: some[:1+r.Intn(len(some))]}})
		}
		t = append(t, rule)
	}
	if len(t) == 0 {
		return
	}
	table, err := ruleset.Table(t, sets)
	if err != nil {
		n.t.Fatal(err)
	}
	ctx := context.Background()
	tx, err := n.client.Begin(ctx, genl.BeginOptions{})
	if err != nil {
		n.t.Fatal(err)
	}
	defer tx.Abort() //nolint:errcheck // it has ended by then
	if err := tx.SetRules(ctx, service, table); err != nil {
		n.t.Fatal(err)
	}
	if _, err := tx.Commit(ctx); err != nil {
		n.t.Fatal(err)
	}
}

// rulesOf are the rules the kernel holds, each with its set: the numbers of rules
// and sets say nothing.
func (n *node) rulesOf(service string) []string {
	n.t.Helper()
	ctx := context.Background()
	list, err := n.client.Rules(ctx, service)
	if err != nil {
		n.t.Fatal(err)
	}
	sets, err := n.client.RuleSets(ctx, service)
	if err != nil {
		n.t.Fatal(err)
	}
	var out []string
	for _, r := range list {
		text := fmt.Sprintf("%q", r.Name)
		for _, m := range r.Match {
			text += fmt.Sprintf(" %v %v %q=%q %v", m.What, m.Op, m.Name, m.Value, m.Networks)
		}
		text += fmt.Sprintf(" -> %v %d %q %q", r.Action, r.Status, r.Location, r.Body)
		for _, s := range sets {
			if r.Action == genl.RuleActionServers && s.ID == r.Set {
				text += fmt.Sprintf(" %s %v", s.Scheduler, s.Servers)
			}
		}
		out = append(out, text)
	}
	return out
}
