// SPDX-License-Identifier: MIT

// Rules in a block:
//
//	rule = CONDITION ... ACTION
//	CONDITION = "pattern" RE | KEY VALUE
//	ACTION = "use" "server" ADDRESS [ "scheduler" NAME [ "hash" KEY ] [ "hash-bound" PERCENT ] ]
//	       | "redirect" STATUS LOCATION | "answer" STATUS [ TEXT ] | "reject"
//
// The line of the original, pattern RE use server ADDRESS, is one of these.
// Lines with the same conditions and another server make a set of servers. The
// first rule whose conditions all hold decides; rules without any go last.

package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/ktcpvs/ktcpvs/internal/rules"
)

// RuleKey is the key of a rule.
const RuleKey = "rule"

// Rule is one rule of a service.
type Rule struct {
	ID        uint32 // in the kernel; 0 if it has none yet
	Name      string
	Match     rules.Match
	Action    rules.Action // UseSet: Servers and Scheduler are the set
	Servers   []netip.AddrPort
	Scheduler string
	Hash      Hash // of a Scheduler that hashes
	Pos       Pos
}

// The conditions that are KEY VALUE, beside pattern. Those with a dash want
// NAME=VALUE.
var ruleKeys = []string{
	"host", "path", "prefix", "template", "regex", "uri-regex", "method",
	"header", "header-exact", "header-prefix", "header-regex",
	"cookie", "cookie-exact", "cookie-prefix", "cookie-regex",
	"query", "query-exact", "query-prefix", "query-regex", "source",
}

const ruleForm = "a rule is CONDITIONS and what to do: use server ADDRESS, redirect STATUS LOCATION, answer STATUS TEXT, or reject"

// ruleLine is a rule while its line is read.
type ruleLine struct {
	*Rule
	p     *parser
	words []token
	at    int // next word
	bad   bool
}

func (l *ruleLine) fail(t token, hint, format string, args ...any) {
	l.p.fail(t.pos, hint, format, args...)
	l.bad = true
}

// take returns the next word, which has to be there.
func (l *ruleLine) take(what string) token {
	if l.at == len(l.words) {
		if last := l.words[l.at-1]; !l.bad {
			l.fail(last, ruleForm, "%s is missing after %s", what, last.show())
		}
		return token{}
	}
	l.at++
	return l.words[l.at-1]
}

// rule takes a line into the block.
func (b *block) rule(p *parser, words []token) {
	r := Rule{Pos: words[0].pos}
	l := ruleLine{Rule: &r, p: p, words: words}
	for l.at < len(words) && r.Action.Kind == rules.NoAction && !l.bad {
		l.word()
	}
	switch {
	case l.bad:
	case r.Action.Kind == rules.NoAction:
		l.fail(words[l.at-1], ruleForm, "the rule does nothing")
	case l.at < len(words):
		l.fail(words[l.at], ruleForm, "%s is one too many on this line", words[l.at].show())
	default:
		b.svc.Rules = append(b.svc.Rules, r)
		return
	}
	b.badRule = true
}

// word takes a condition or the action.
func (l *ruleLine) word() {
	var err error
	t := l.take("")
	v := t
	switch key := strings.ToLower(t.text); {
	case key == "use":
		if t = l.take(`"server"`); !isWord(t, "server") && !l.bad {
			l.fail(t, ruleForm, `expected "server" after "use", found %s`, t.show())
		}
		v = l.take("the server")
		if l.bad {
			return
		}
		l.Action.Kind, l.Scheduler = rules.UseSet, DefaultScheduler
		var a netip.AddrPort
		if a, err = l.p.names.ParseAddr(v.text); err == nil {
			err = CheckServer(a.Addr())
		}
		l.Servers = []netip.AddrPort{a}
		if err == nil {
			v, err = l.how()
		}
	case key == "redirect" || key == "answer":
		l.Action.Kind = rules.Redirect
		if key == "answer" {
			l.Action.Kind = rules.Answer
		}
		v = l.take("the status")
		if l.Action.Status, err = strconv.Atoi(v.text); err != nil {
			err = &Error{Msg: v.show() + " is not a status", Hint: "such as 302 or 404"}
		}
		if key == "redirect" {
			l.Action.Location = l.take("where to").text
		} else if l.at < len(l.words) {
			l.Action.Body = l.take("").text
		}
	case key == "reject":
		l.Action.Kind = rules.Reject
	case key == "match":
		l.fail(t, "without it a server of the rule is chosen by its load", `"match" is not supported by this version`)
	case key == "name":
		v = l.take("the name of the rule")
		l.Name = v.text
	case key == "pattern":
		v = l.take("the pattern")
		l.Match.Path, err = rules.FromPattern(v.text, true)
	case slices.Contains(ruleKeys, key):
		v = l.take("the value")
		err = rules.ParseMatch(&l.Match, key+"="+v.text)
	default:
		hint := ruleForm
		if near := Nearest(key, append([]string{"pattern", "use", "redirect", "answer", "reject"}, ruleKeys...)); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		l.fail(t, hint, "unknown word %s in a rule", t.show())
	}
	if err != nil && !l.bad {
		l.p.failWith(v.pos, err)
		l.bad = true
	}
}

// how takes how a server of the set is chosen, as far as the line says it, and
// tells the word at fault.
func (l *ruleLine) how() (v token, err error) {
	l.Hash = DefaultHash()
	for hashed := false; err == nil && l.at < len(l.words); {
		t := l.words[l.at]
		switch key := strings.ToLower(t.text); {
		case isWord(t, "scheduler") && !hashed:
			l.at++
			v = l.take("the scheduler")
			var s Scheduler
			if s, err = ParseScheduler(v.text); err == nil {
				l.Scheduler = s.Kernel
			}
		case isWord(t, HashKey) || isWord(t, HashBoundKey):
			if !Hashes(l.Scheduler) {
				l.fail(t, "write scheduler mh, or sh, before it", "%s is of no use to the scheduler %s", t.show(), l.Scheduler)
				return t, nil
			}
			hashed = true
			l.at++
			if v = l.take("the value"); key == HashKey {
				err = l.Hash.ParseKey(v.text)
			} else {
				err = l.Hash.ParseBound(v.text)
			}
		default:
			return v, nil
		}
	}
	return v, err
}

// finishRules makes sets of lines that differ in their server alone, and checks
// the table as a whole.
func (b *block) finishRules(p *parser) {
	svc := &b.svc
	have := make(map[netip.AddrPort]bool)
	for _, s := range svc.Servers {
		have[s.Addr] = true
	}
	var list []Rule
	index := make(map[string]int)
	for _, r := range svc.Rules {
		if r.Action.Kind == rules.UseSet {
			if r.Servers[0].Port() == 0 {
				r.Servers[0] = netip.AddrPortFrom(r.Servers[0].Addr(), svc.Listen.Port())
			}
			if !have[r.Servers[0]] && b.badServer {
				continue // it may be that one
			}
			if !have[r.Servers[0]] {
				p.fail(r.Pos, "add server = "+r.Servers[0].String()+" to the block", "the rule uses %s, which is no server of %s", r.Servers[0], quote(svc.Name))
				b.badRule = true
				continue
			}
			key := r.conditions()
			if i, ok := index[key]; ok {
				old := &list[i]
				switch {
				case slices.Contains(old.Servers, r.Servers[0]):
					p.fail(r.Pos, fmt.Sprintf("line %d says it already", old.Pos.Line), "the rule uses %s twice", r.Servers[0])
					b.badRule = true
				case old.Scheduler != r.Scheduler || old.Hash != r.Hash:
					p.fail(r.Pos, fmt.Sprintf("give it the scheduler of line %d: %s", old.Pos.Line, old.how()), "one set of servers, two schedulers")
					b.badRule = true
				}
				old.Servers = append(old.Servers, r.Servers[0])
				continue
			}
			index[key] = len(list)
		}
		list = append(list, r)
	}
	svc.Rules = orderRules(list)
	if b.badRule || len(svc.Rules) == 0 {
		return
	}
	if svc.Mode != ModeHTTP {
		p.fail(svc.Rules[0].Pos, "remove the rules, or set mode = http", "rules look at requests, and mode %s has none", svc.Mode)
		return
	}
	var wrong *rules.Error
	if err := svc.RuleTable().Check(); errors.As(err, &wrong) {
		msg := wrong.Msg
		if wrong.Field != "" {
			msg = wrong.Field + ": " + msg
		}
		p.fail(svc.Rules[wrong.Index].Pos, wrong.Hint, "%s", msg)
	}
}

// orderRules puts rules without conditions last.
func orderRules(list []Rule) []Rule {
	slices.SortStableFunc(list, func(a, b Rule) int {
		switch x, y := a.Match.Any(), b.Match.Any(); {
		case x == y:
			return 0
		case x:
			return 1
		}
		return -1
	})
	return list
}

// RuleTable is the rules in the model of package rules; a set is called by the
// number of its rule.
func (s *Service) RuleTable() rules.Table {
	t := make(rules.Table, len(s.Rules))
	for i := range s.Rules {
		r := &s.Rules[i]
		id := r.ID
		if id == 0 {
			id = uint32(1<<31 + i) // none has been given yet
		}
		t[i] = rules.Rule{ID: id, Name: r.Name, Match: r.Match, Action: r.Action}
		if r.Action.Kind == rules.UseSet {
			t[i].Action.Set = strconv.FormatUint(uint64(id), 10)
		}
	}
	return t
}

// numberRules gives the rules of w the numbers that the same rules have in old,
// so that they go on with their counters, and new ones to the others.
func numberRules(old, w []Rule) {
	next := uint32(0)
	have := make(map[string]uint32)
	for i := range old {
		have[old[i].conditions()] = old[i].ID
		next = max(next, old[i].ID)
	}
	used := make(map[uint32]bool)
	for i := range w {
		w[i].ID = have[w[i].conditions()]
		if used[w[i].ID] {
			w[i].ID = 0
		}
		used[w[i].ID] = true
	}
	for i := range w {
		if w[i].ID == 0 {
			next++
			w[i].ID = next
		}
	}
}

// sameRules tells whether two tables do the same.
func sameRules(a, b []Rule) bool {
	return slices.Equal(ruleLines(a, nil), ruleLines(b, nil))
}

// ruleLines are the values of the lines that say the rules.
func ruleLines(list []Rule, names *Names) []string {
	var lines []string
	for i := range list {
		r := &list[i]
		text := r.conditions()
		switch r.Action.Kind {
		case rules.UseSet:
			for _, a := range r.Servers {
				line := text + "use server " + names.FormatAddr(a)
				if r.Scheduler != DefaultScheduler {
					line += " scheduler " + r.how()
				}
				lines = append(lines, line)
			}
			continue
		case rules.Redirect:
			text += fmt.Sprintf("redirect %d %s", r.Action.Status, ruleWord(r.Action.Location))
		case rules.Answer:
			text += fmt.Sprintf("answer %d", r.Action.Status)
			if r.Action.Body != "" {
				text += " " + ruleWord(r.Action.Body)
			}
		default:
			text += "reject"
		}
		lines = append(lines, text)
	}
	return lines
}

// Line is the rule in one line, a set with all its servers.
func (r *Rule) Line(names *Names) string {
	lines := ruleLines([]Rule{*r}, names)
	if r.Action.Kind != rules.UseSet || len(lines) == 0 {
		return strings.Join(lines, " ")
	}
	text := r.conditions() + "use server"
	for _, a := range r.Servers {
		text += " " + names.FormatAddr(a)
	}
	if r.Scheduler != DefaultScheduler {
		text += " scheduler " + r.how()
	}
	return text
}

// how is how a server of the set is chosen, as it is written.
func (r *Rule) how() string {
	if Hashes(r.Scheduler) {
		return r.Scheduler + r.Hash.words()
	}
	return r.Scheduler
}

// ruleWord writes a value as it is read again.
func ruleWord(s string) string { return Quote(s) }

// Quote writes a value in quotes, as the lexer reads it.
func Quote(s string) string {
	body := strings.TrimRight(s, `\`)
	return `"` + strings.ReplaceAll(body, `"`, `\"`) + `"` + s[len(body):]
}

// conditions is what the rule asks, as it is written, with a space behind.
func (r *Rule) conditions() string {
	var b strings.Builder
	say := func(key, value string) { fmt.Fprintf(&b, "%s %s ", key, ruleWord(value)) }
	if r.Name != "" {
		say("name", r.Name)
	}
	m := &r.Match
	if m.Any() {
		say("pattern", ".*")
	}
	if m.Host != "" {
		say("host", m.Host)
	}
	switch m.Path.Kind {
	case rules.Exact:
		say("path", m.Path.Value)
	case rules.Prefix:
		say("prefix", m.Path.Value)
	case rules.Template:
		say("template", m.Path.Value)
	case rules.Regex:
		key := "regex"
		if m.Path.URI {
			// As the original called it, unless that is now something else.
			key = "uri-regex"
			if p, err := rules.FromPattern(m.Path.Value, true); err == nil && p == m.Path {
				key = "pattern"
			}
		}
		say(key, m.Path.Value)
	}
	if len(m.Methods) > 0 {
		say("method", strings.Join(m.Methods, ","))
	}
	for _, l := range []struct {
		key    string
		fields []rules.Field
	}{{"header", m.Headers}, {"cookie", m.Cookies}, {"query", m.Query}} {
		for _, f := range l.fields {
			if f.Kind == rules.Present {
				say(l.key, f.Name)
			} else {
				say(l.key+"-"+f.Kind.String(), f.Name+"="+f.Value)
			}
		}
	}
	if len(m.Sources) > 0 {
		list := make([]string, len(m.Sources))
		for i, p := range m.Sources {
			list[i] = p.String()
		}
		say("source", strings.Join(list, ","))
	}
	return b.String()
}
