// SPDX-License-Identifier: MIT

// Package ruleset turns tables of rules into what the kernel is given, and back.
//
// Package rules knows what rules mean, package genl how they are said to the
// kernel. Between the two are the automata of the regular expressions and the
// numbers that stand for sets.
package ruleset

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/automaton"
	"github.com/ktcpvs/ktcpvs/internal/rules"
)

// Set is a set of servers that rules name.
type Set struct {
	Name string // as in rules.Action
	genl.RuleSet
}

// Table is what the kernel is given for a table of rules. The default rules go
// last, the others keep their order; an error names the rule at fault.
func Table(t rules.Table, sets []Set) (*genl.RuleTable, error) {
	t = t.Ordered()
	if err := t.Check(); err != nil {
		return nil, err
	}
	numbers := map[string]uint32{}
	var list []genl.RuleSet
	for _, s := range sets {
		list = append(list, s.RuleSet)
		numbers[s.Name] = s.ID
	}
	for i := range t {
		if a := &t[i].Action; a.Kind == rules.UseSet {
			if _, ok := numbers[a.Set]; !ok {
				return nil, fmt.Errorf("rule %d names the set %q, which is none", t[i].ID, a.Set)
			}
		}
	}
	out, err := Checked(t, list, func(i int) uint32 { return numbers[t[i].Action.Set] })
	if err != nil {
		return nil, err
	}
	for r := range out.More {
		g := *r
		g.Match = slices.Clone(r.Match)
		out.Rules = append(out.Rules, g)
	}
	out.More = nil
	return out, nil
}

// Checked is Table of rules that are in order and have passed Check; set tells
// the number of the set that a rule uses. The rules come as RuleTable.More.
func Checked(l rules.List, sets []genl.RuleSet, set func(i int) uint32) (*genl.RuleTable, error) {
	c, err := rules.Compile(l, automaton.Options{})
	if err != nil {
		return nil, err
	}
	out := &genl.RuleTable{Expressions: uint32(len(c.Conditions)), Sets: sets}
	slices.SortFunc(out.Sets, func(a, b genl.RuleSet) int { return cmp.Compare(a.ID, b.ID) })
	if err := captures(l, c, set, out); err != nil {
		return nil, err
	}
	// By the number of an expression, which automaton tells of it.
	teller := make([]uint32, len(c.Conditions))
	for _, p := range c.Programs {
		for _, a := range p.Automata {
			for _, id := range a.IDs {
				teller[id] = uint32(len(out.Automata))
			}
			out.Automata = append(out.Automata, genl.Automaton{Input: inputs[p.Subject.Kind], Bytes: a.Blob})
		}
	}
	out.More = func(yield func(*genl.Rule) bool) {
		var g genl.Rule
		next := uint32(0) // expression
		for i := range l.Len() {
			r := l.At(i)
			g = genl.Rule{ID: r.ID, Name: r.Name, Match: matches(g.Match[:0], &r.Match)}
			for j := range g.Match {
				if g.Match[j].Op == genl.MatchOpRegex {
					g.Match[j].Automaton, g.Match[j].Expression = teller[next], next
					next++
				}
			}
			action(&g, &r.Action)
			if g.Action == genl.RuleActionServers {
				g.Set = set(i)
			}
			if !yield(&g) {
				return
			}
		}
	}
	return out, nil
}

// captures makes the tables by which sets find the group that they hash, in what
// the automata have left of the budget.
func captures(l rules.List, c *rules.Compiled, set func(i int) uint32, out *genl.RuleTable) error {
	byID := map[uint32]*genl.RuleSet{}
	for i := range out.Sets {
		if s := &out.Sets[i]; s.Hash != nil && s.Hash.Key == genl.HashKeyMatch {
			byID[s.ID] = s
		}
	}
	if len(byID) == 0 {
		return nil
	}
	type key struct {
		path  rules.Path
		group uint32
	}
	have := map[key]uint32{}
	left := automaton.DefaultBytes - c.Bytes()
	for i := range l.Len() {
		r := l.At(i)
		if r.Action.Kind != rules.UseSet {
			continue
		}
		s := byID[set(i)]
		if s == nil {
			continue
		}
		delete(byID, s.ID) // one expression a set
		path := r.Match.Path
		if path.Kind != rules.Regex {
			return &rules.Error{Index: i, Name: r.Name, Field: "match", Msg: "there is no expression with groups"}
		}
		k := key{path, s.Hash.Group}
		n, ok := have[k]
		if !ok {
			blob, err := automaton.CompileCapture(path.Value, int(s.Hash.Group), left)
			if err != nil {
				return rules.Blame(i, r, "match", err)
			}
			input := genl.AutomatonInputCapturePath
			if path.URI {
				input = genl.AutomatonInputCaptureURI
			}
			n = uint32(len(out.Captures))
			have[k] = n
			left -= len(blob)
			out.Captures = append(out.Captures, genl.Automaton{Input: input, Bytes: blob})
		}
		own := *s.Hash
		own.Capture = n
		s.Hash = &own
	}
	return nil
}

var inputs = [...]genl.AutomatonInput{
	rules.OnPath:   genl.AutomatonInputPath,
	rules.OnURI:    genl.AutomatonInputURI,
	rules.OnHeader: genl.AutomatonInputValue,
	rules.OnCookie: genl.AutomatonInputValue,
	rules.OnQuery:  genl.AutomatonInputValue,
}

var ops = [...]genl.MatchOp{
	rules.Present:  genl.MatchOpPresent,
	rules.Exact:    genl.MatchOpExact,
	rules.Prefix:   genl.MatchOpPrefix,
	rules.Template: genl.MatchOpTemplate,
	rules.Regex:    genl.MatchOpRegex,
}

// matches appends the conditions in the order in which expressions are numbered:
// path, headers, cookies, parameters.
func matches(out []genl.Match, m *rules.Match) []genl.Match {
	exact := func(what genl.MatchWhat, value string) {
		if value != "" {
			out = append(out, genl.Match{What: what, Op: genl.MatchOpExact, Value: value})
		}
	}
	exact(genl.MatchWhatHost, m.Host)
	exact(genl.MatchWhatSNI, m.SNI)
	if len(m.ALPN) > 0 { // one that is empty is refused, not left out
		out = append(out, genl.Match{What: genl.MatchWhatALPN, Op: genl.MatchOpExact, Value: strings.Join(m.ALPN, ",")})
	}
	if m.Path.Kind != rules.None {
		what := genl.MatchWhatPath
		if m.Path.URI {
			what = genl.MatchWhatURI
		}
		out = append(out, genl.Match{What: what, Op: ops[m.Path.Kind], Value: m.Path.Value})
	}
	exact(genl.MatchWhatMethod, strings.Join(m.Methods, ","))
	fields := func(what genl.MatchWhat, list []rules.Field) {
		for _, f := range list {
			out = append(out, genl.Match{What: what, Op: ops[f.Kind], Name: f.Name, Value: f.Value})
		}
	}
	fields(genl.MatchWhatHeader, m.Headers)
	fields(genl.MatchWhatCookie, m.Cookies)
	fields(genl.MatchWhatQuery, m.Query)
	if len(m.Sources) > 0 {
		out = append(out, genl.Match{What: genl.MatchWhatSource, Op: genl.MatchOpExact, Networks: m.Sources})
	}
	return out
}

func action(g *genl.Rule, a *rules.Action) {
	switch a.Kind {
	case rules.UseSet:
		g.Action = genl.RuleActionServers
	case rules.Redirect:
		g.Action, g.Status, g.Location = genl.RuleActionRedirect, uint32(a.Status), a.Location
	case rules.Answer:
		g.Action, g.Status, g.Body = genl.RuleActionAnswer, uint32(a.Status), a.Body
	default:
		g.Action = genl.RuleActionReject
	}
}

// Unchecked is the table of one rule that rejects, as if nobody had looked at it;
// for tests of the kernel, which has to. Nil if it has an expression.
func Unchecked(r *rules.Rule) *genl.RuleTable {
	g := genl.Rule{ID: r.ID, Name: r.Name, Match: matches(nil, &r.Match), Action: genl.RuleActionReject}
	for _, m := range g.Match {
		if m.Op == genl.MatchOpRegex {
			return nil
		}
	}
	return &genl.RuleTable{Rules: []genl.Rule{g}}
}

// Rule is what the kernel lists, in the model of package rules; its set is called
// by its number. False if it has a condition that nobody here has given it.
func Rule(g *genl.Rule) (rules.Rule, bool) {
	r := rules.Rule{ID: g.ID, Name: g.Name}
	ok := true
	for i := range g.Match {
		ok = condition(&r.Match, &g.Match[i]) && ok
	}
	switch g.Action {
	case genl.RuleActionServers:
		r.Action = rules.Action{Kind: rules.UseSet, Set: strconv.FormatUint(uint64(g.Set), 10)}
	case genl.RuleActionRedirect:
		r.Action = rules.Action{Kind: rules.Redirect, Status: int(g.Status), Location: g.Location}
	case genl.RuleActionAnswer:
		r.Action = rules.Action{Kind: rules.Answer, Status: int(g.Status), Body: g.Body}
	case genl.RuleActionReject:
		r.Action = rules.Action{Kind: rules.Reject}
	default:
		ok = false
	}
	return r, ok
}

func condition(m *rules.Match, g *genl.Match) bool {
	kind := rules.Kind(slices.Index(ops[:], g.Op))
	if g.Op == genl.MatchOpPresent {
		kind = rules.Present // 0 is that of no kind as well
	}
	field := func(list *[]rules.Field) {
		*list = append(*list, rules.Field{Name: g.Name, Kind: kind, Value: g.Value})
	}
	switch g.What {
	case genl.MatchWhatHost:
		m.Host = g.Value
	case genl.MatchWhatSNI:
		m.SNI = g.Value
	case genl.MatchWhatALPN:
		m.ALPN = append(m.ALPN, strings.Split(g.Value, ",")...)
	case genl.MatchWhatPath, genl.MatchWhatURI:
		m.Path = rules.Path{Kind: kind, Value: g.Value, URI: g.What == genl.MatchWhatURI}
	case genl.MatchWhatMethod:
		m.Methods = append(m.Methods, strings.Split(g.Value, ",")...)
	case genl.MatchWhatHeader:
		field(&m.Headers)
	case genl.MatchWhatCookie:
		field(&m.Cookies)
	case genl.MatchWhatQuery:
		field(&m.Query)
	case genl.MatchWhatSource:
		m.Sources = append(m.Sources, g.Networks...)
	default:
		return false
	}
	return kind > rules.None
}
