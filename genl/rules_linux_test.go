// SPDX-License-Identifier: MIT

package genl_test

import (
	"context"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/genl/genlfake"
)

func ruleTable() *genl.RuleTable {
	a, b := netip.MustParseAddrPort("192.0.2.11:80"), netip.MustParseAddrPort("[2001:db8::1]:8080")
	return &genl.RuleTable{
		Expressions: 1,
		// The fake does not look into it.
		Automata: []genl.Automaton{{Input: genl.AutomatonInputURI, Bytes: make([]byte, 100_000)}},
		Captures: []genl.Automaton{{Input: genl.AutomatonInputCaptureURI, Bytes: make([]byte, 40_000)}, {Input: genl.AutomatonInputCapturePath, Bytes: make([]byte, 400)}},
		Sets: []genl.RuleSet{
			{ID: 3, Scheduler: "rr", Servers: []netip.AddrPort{a, b}},
			{ID: 7, Scheduler: "mh", Servers: []netip.AddrPort{b}, Hash: &genl.Hash{Key: genl.HashKeyHeader, Name: "X-User", Bound: 0}},
			{ID: 8, Scheduler: "sh", Servers: []netip.AddrPort{a, b}, Hash: &genl.Hash{Key: genl.HashKeyMatch, Group: 2, Capture: 1, Bound: 125}},
		},
		Rules: []genl.Rule{
			{ID: 9, Name: "all", Action: genl.RuleActionServers, Set: 7, Match: []genl.Match{
				{What: genl.MatchWhatHost, Op: genl.MatchOpExact, Value: "*.example.com"},
				{What: genl.MatchWhatURI, Op: genl.MatchOpRegex, Value: "a+b", Automaton: 0, Expression: 0},
				{What: genl.MatchWhatCookie, Op: genl.MatchOpPresent, Name: "sid"},
				{What: genl.MatchWhatHeader, Op: genl.MatchOpPrefix, Name: "X", Value: ""},
				{What: genl.MatchWhatSource, Op: genl.MatchOpExact, Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::/0")}},
			}},
			{ID: 1, Action: genl.RuleActionRedirect, Status: 308, Location: "https://$host$path$query", Match: []genl.Match{}},
			{ID: 2, Action: genl.RuleActionAnswer, Status: 404, Body: "no", Match: []genl.Match{}},
			{ID: 4, Action: genl.RuleActionReject, Match: []genl.Match{}},
			// What goes over in short, and what does not.
			{ID: 5, Action: genl.RuleActionServers, Set: 3, Match: []genl.Match{
				{What: genl.MatchWhatHost, Op: genl.MatchOpExact, Value: "a.example.com"},
				{What: genl.MatchWhatPath, Op: genl.MatchOpExact, Value: "/a"},
				{What: genl.MatchWhatPath, Op: genl.MatchOpExact, Value: ""},
				{What: genl.MatchWhatHost, Op: genl.MatchOpExact, Value: "b.example.com"},
			}},
			{ID: 6, Action: genl.RuleActionServers, Set: 7, Match: []genl.Match{
				{What: genl.MatchWhatPath, Op: genl.MatchOpTemplate, Value: "/{id}"},
				{What: genl.MatchWhatPath, Op: genl.MatchOpPrefix, Value: "/b/"},
				{What: genl.MatchWhatPath, Op: genl.MatchOpRegex, Value: "/c", Automaton: 0, Expression: 1},
				{What: genl.MatchWhatMethod, Op: genl.MatchOpExact, Value: "GET"},
			}},
		},
	}
}

func withService(t *testing.T, k *genlfake.Kernel) *genl.Client {
	t.Helper()
	c, err := genl.New(genl.WithDialer(k.Dial))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	ctx := context.Background()
	at := netip.MustParseAddrPort("192.0.2.1:80")
	err = c.AddService(ctx, "web", genl.ServiceConfig{Listen: &at})
	for _, s := range ruleTable().Sets[0].Servers {
		err = errors.Join(err, c.AddServer(ctx, "web", s, genl.ServerConfig{}))
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func setRules(c *genl.Client, table *genl.RuleTable) error {
	ctx := context.Background()
	tx, err := c.Begin(ctx, genl.BeginOptions{})
	if err != nil {
		return err
	}
	defer tx.Abort()
	if err := tx.SetRules(ctx, "web", table); err != nil {
		return err
	}
	_, err = tx.Commit(ctx)
	return err
}

func TestRules(t *testing.T) {
	k := genlfake.New()
	c := withService(t, k)
	ctx := context.Background()
	want := ruleTable()
	// More than one message takes.
	for i := range 3000 {
		r := want.Rules[0]
		r.ID = uint32(100 + i)
		want.Rules = append(want.Rules, r)
	}
	if err := setRules(c, want); err != nil {
		t.Fatal(err)
	}
	k.SetHits("web", 2, 42)
	for _, service := range []string{"", "web"} {
		have, err := c.Rules(ctx, service)
		if err != nil {
			t.Fatal(err)
		}
		if len(have) != len(want.Rules) {
			t.Fatalf("%d rules, not %d", len(have), len(want.Rules))
		}
		for i, r := range have {
			var hits uint64
			if r.ID == 2 {
				hits = 42
			}
			if r.Service != "web" || r.Hits != hits || !reflect.DeepEqual(r.Rule, want.Rules[i]) {
				t.Fatalf("rule %d: %+v\nnot %+v", i, r, want.Rules[i])
			}
		}
		sets, err := c.RuleSets(ctx, service)
		if err != nil {
			t.Fatal(err)
		}
		if len(sets) != 3 || !reflect.DeepEqual(sets[2].RuleSet, want.Sets[2]) || !reflect.DeepEqual(sets[0].RuleSet, want.Sets[0]) || !reflect.DeepEqual(sets[1].RuleSet, want.Sets[1]) {
			t.Fatalf("sets %+v", sets)
		}
	}
	if s, err := c.Service(ctx, "web"); err != nil || s.Rules != 3006 {
		t.Errorf("%d rules, %v", s.Rules, err)
	}
	if err := c.DeleteServer(ctx, "web", want.Sets[0].Servers[0]); !errors.Is(err, genl.ErrBusy) {
		t.Errorf("a server in use is deleted: %v", err)
	}
	if err := setRules(c, &genl.RuleTable{}); err != nil {
		t.Fatal(err)
	}
	if have, err := c.Rules(ctx, ""); err != nil || len(have) != 0 {
		t.Errorf("%v %v", have, err)
	}
}

func TestRulesRefused(t *testing.T) {
	c := withService(t, genlfake.New())
	ctx := context.Background()
	if err := setRules(c, ruleTable()); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		want   string
		damage func(*genl.RuleTable)
	}{
		{"the rules of service \"web\"", func(r *genl.RuleTable) { r.Rules[0].ID = 0 }},
		{"rule 9 \"all\": there is no set", func(r *genl.RuleTable) { r.Rules[0].Set = 5 }},
		{"two rules have the number 1", func(r *genl.RuleTable) { r.Rules[2].ID = 1 }},
		{"set 3 comes after set 7", func(r *genl.RuleTable) { r.Sets[0], r.Sets[1] = r.Sets[1], r.Sets[0] }},
		{"set 7 has no servers", func(r *genl.RuleTable) { r.Sets[1].Servers = nil }},
		{"there is no scheduler \"fast\"", func(r *genl.RuleTable) { r.Sets[1].Scheduler = "fast" }},
		{"no automaton has 4 bytes", func(r *genl.RuleTable) { r.Automata[0].Bytes = r.Automata[0].Bytes[:4] }},
		{"have at most 16777216", func(r *genl.RuleTable) { r.Automata[0].Bytes = make([]byte, 16<<20+1) }},
		{"use 192.0.2.99:80: missing", func(r *genl.RuleTable) { r.Sets[1].Servers[0] = netip.MustParseAddrPort("192.0.2.99:80") }},
		{"rule 2 is too long", func(r *genl.RuleTable) { r.Rules[2].Body = strings.Repeat("x", 70000) }},
	} {
		table := ruleTable()
		tc.damage(table)
		tx, err := c.Begin(ctx, genl.BeginOptions{})
		if err != nil {
			t.Fatal(err)
		}
		err = tx.SetRules(ctx, "web", table)
		if _, commit := tx.Commit(ctx); err == nil {
			err = commit
		} else if commit == nil {
			t.Errorf("%s: committed after a refusal", tc.want)
		}
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v, not %s", err, tc.want)
		}
		if have, err := c.Rules(ctx, "web"); err != nil || len(have) != 6 {
			t.Fatalf("%s: the table has changed: %v %v", tc.want, have, err)
		}
	}
	// A good table after a refused one, in the same transaction.
	tx, err := c.Begin(ctx, genl.BeginOptions{})
	if err != nil {
		t.Fatal(err)
	}
	bad := ruleTable()
	bad.Rules[0].Set = 5
	if err := tx.SetRules(ctx, "web", bad); err == nil {
		t.Error("accepted")
	}
	if err := tx.SetRules(ctx, "web", &genl.RuleTable{Rules: bad.Rules[1:2]}); err != nil {
		t.Error(err)
	}
	if _, err := tx.Commit(ctx); err != nil {
		t.Error(err)
	}
	if have, err := c.Rules(ctx, "web"); err != nil || len(have) != 1 {
		t.Errorf("%v %v", have, err)
	}
}
