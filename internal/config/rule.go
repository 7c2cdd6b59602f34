// SPDX-License-Identifier: MIT

// Rules in a block:
//
//	rule = CONDITION ... ACTION
//	CONDITION = "pattern" RE [ "match" N ] | KEY VALUE
//	ACTION = "use" "server" ADDRESS [ "scheduler" NAME [ "hash" KEY ] [ "hash-bound" PERCENT ] ]
//	       | "redirect" STATUS LOCATION | "answer" STATUS [ TEXT ] | "reject"
//
// The line of the original, pattern RE use server ADDRESS, is one of these.
// Lines with the same conditions and another server make a set of servers. The
// first rule whose conditions all hold decides; rules without any go last.

package config

import (
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/ktcpvs/ktcpvs/internal/automaton"
	"github.com/ktcpvs/ktcpvs/internal/rules"
)

// RuleKey is the key of a rule.
const RuleKey = "rule"

// RuleSet is the name of every set in a rule's action: what the set is stands
// beside it.
const RuleSet = "servers"

// Rule is one rule of a service. Its number is 0 if the kernel has given it none
// yet; the set of an action UseSet is Servers and Scheduler.
type Rule struct {
	rules.Rule
	Servers   []netip.AddrPort // may be shared with other rules: never written to
	Scheduler string
	Hash      Hash // of a Scheduler that hashes
	Pos       Pos
}

// RuleList is the rules as package rules takes them.
type RuleList []Rule

// Len is the number of rules.
func (l RuleList) Len() int { return len(l) }

// At is the rule of that index.
func (l RuleList) At(i int) *rules.Rule { return &l[i].Rule }

// The conditions that are KEY VALUE, beside pattern. Those with a dash want
// NAME=VALUE.
var ruleKeys = []string{
	"host", "path", "prefix", "template", "regex", "uri-regex", "method",
	"header", "header-exact", "header-prefix", "header-regex",
	"cookie", "cookie-exact", "cookie-prefix", "cookie-regex",
	"query", "query-exact", "query-prefix", "query-regex", "source",
	"sni", "alpn",
}

var isRuleKey = func() map[string]bool {
	is := make(map[string]bool)
	for _, k := range ruleKeys {
		is[k] = true
	}
	return is
}()

const ruleForm = "a rule is CONDITIONS and what to do: use server ADDRESS, redirect STATUS LOCATION, answer STATUS TEXT, or reject"

// ruleLine is a rule while its line is read.
type ruleLine struct {
	*Rule
	p     *parser
	words []token
	at    int // next word
	bad   bool

	expr    token // the expression, as it came; without text there is none
	uri     bool  // on path and query
	matched token // the group that is hashed, if any is
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
	r := b.newRule(p)
	r.Pos = words[0].pos
	l := &p.line
	l.Rule, l.p, l.words, l.at, l.bad = r, p, words, 0, false
	l.expr.text, l.matched.text = "", ""
	for l.at < len(words) && r.Action.Kind == rules.NoAction && !l.bad {
		l.word()
	}
	switch {
	case l.bad:
	case r.Action.Kind == rules.NoAction:
		l.fail(words[l.at-1], ruleForm, "the rule does nothing")
	case l.at < len(words):
		l.fail(words[l.at], ruleForm, "%s is one too many on this line", words[l.at].show())
	case l.matched.text != "" && !l.group():
	default:
		return
	}
	*r = Rule{}
	b.svc.Rules = b.svc.Rules[:len(b.svc.Rules)-1]
	b.badRule = true
}

// newRule appends an empty rule.
func (b *block) newRule(p *parser) *Rule {
	if b.svc.Rules == nil {
		// Rules come in thousands, and none is longer than the rest of the
		// file has lines.
		b.svc.Rules = make([]Rule, 0, min(strings.Count(p.lex.rest, "\n")+1, maxRules))
	}
	n := len(b.svc.Rules)
	if n == cap(b.svc.Rules) {
		b.svc.Rules = slices.Grow(b.svc.Rules, 1)
	}
	b.svc.Rules = b.svc.Rules[:n+1] // there it is empty
	return &b.svc.Rules[n]
}

// maxRules is what the kernel's tables bear.
const maxRules = 1 << 20

// group has the set go by a group of the expression.
func (l *ruleLine) group() bool {
	switch {
	case l.Action.Kind != rules.UseSet:
		l.fail(l.matched, "only of several servers one can be chosen", "match goes with use server")
		return false
	case l.expr.text == "":
		l.fail(l.matched, `write it behind pattern "RE"`, "match counts the groups of an expression, and the rule has none")
		return false
	}
	if err := l.Rule.setGroup(l.expr.text, l.uri); err != nil {
		l.p.failWith(l.matched.pos, err)
		return false
	}
	return true
}

// setGroup has the set of a rule go by its Hash.Group of an expression. That is
// kept as it is: what stands for the same condition may match less of the text.
// The whole of a default pattern is path and query.
func (r *Rule) setGroup(expr string, uri bool) error {
	if rules.IsDefault(expr) && uri {
		if r.Hash.Group != 0 {
			return &Error{Msg: fmt.Sprintf("%s has no group %d", quote(expr), r.Hash.Group), Hint: "match 0 is the whole"}
		}
		r.Hash.Key = HashURI
		return nil
	}
	n, err := automaton.Groups(expr)
	if err != nil {
		return err
	}
	if int(r.Hash.Group) > n {
		return &Error{Msg: fmt.Sprintf("%s has no group %d", quote(expr), r.Hash.Group),
			Hint: fmt.Sprintf("it has %d, and 0 is the whole", n)}
	}
	r.Match.Path = rules.Path{Kind: rules.Regex, Value: expr, URI: uri}
	return nil
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
		l.Action.Kind, l.Action.Set, l.Scheduler = rules.UseSet, RuleSet, DefaultScheduler
		if l.matched.text != "" {
			l.Scheduler = MatchScheduler
		}
		if l.Servers, err = l.p.server(v.text); err == nil {
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
	case key == MatchKey:
		v = l.take("the number of the group")
		l.matched = v
		err = new(Hash).ParseGroup(v.text)
	case key == "name":
		v = l.take("the name of the rule")
		l.Name = v.text
	case key == "pattern":
		v = l.take("the pattern")
		l.Match.Path, err = rules.FromPattern(v.text, true)
		l.expr, l.uri = v, true
	case isRuleKey[key]:
		v = l.take("the value")
		err = l.Match.Add(key, v.text)
		if key == "regex" || key == "uri-regex" {
			l.expr, l.uri = v, key == "uri-regex"
		}
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
	if l.matched.text != "" {
		err = l.Hash.ParseGroup(l.matched.text)
	}
	for hashed := false; err == nil && l.at < len(l.words); {
		t := l.words[l.at]
		switch key := strings.ToLower(t.text); {
		case isWord(t, "scheduler") && !hashed:
			l.at++
			v = l.take("the scheduler")
			var s Scheduler
			if s, err = ParseScheduler(v.text); err == nil {
				l.Scheduler = s.Kernel
				if l.matched.text != "" && !Hashes(l.Scheduler) {
					err = &Error{Msg: "match is of no use to the scheduler " + quote(v.text), Hint: "leave it out, or write hhttp, mh or sh"}
				}
			}
		case isWord(t, HashKey) && l.matched.text != "":
			l.fail(t, "match says what is hashed", "hash and match do not go together")
			return t, nil
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
	list := svc.Rules[:0]
	index := newIndex(len(svc.Rules))
	var known [4]*netip.AddrPort // lists of servers seen of late that are right
	for i := range svc.Rules {
		r := &svc.Rules[i]
		if r.Action.Kind == rules.UseSet {
			addr, first := r.Servers[0], &r.Servers[0]
			if addr.Port() == 0 {
				addr = netip.AddrPortFrom(addr.Addr(), svc.Listen.Port())
				r.Servers = []netip.AddrPort{addr}
			}
			seen := slices.Contains(known[:], first)
			if !seen && have[addr] && addr == *first {
				seen = true
				known[i%len(known)] = first
			}
			if !seen && !have[addr] && b.badServer {
				continue // it may be that one
			}
			if !seen && !have[addr] {
				p.fail(r.Pos, "add server = "+addr.String()+" to the block", "the rule uses %s, which is no server of %s", addr, quote(svc.Name))
				b.badRule = true
				continue
			}
			if at, ok := index.enter(list, r, len(list)); ok {
				old := &list[at]
				switch {
				case slices.Contains(old.Servers, addr):
					p.fail(r.Pos, fmt.Sprintf("line %d says it already", old.Pos.Line), "the rule uses %s twice", addr)
					b.badRule = true
				case old.Scheduler != r.Scheduler || old.Hash != r.Hash:
					p.fail(r.Pos, fmt.Sprintf("write the same as line %d: %suse server ADDRESS%s", old.Pos.Line, old.group(), old.how()), "one set of servers, two schedulers")
					b.badRule = true
				}
				old.Servers = append(slices.Clip(old.Servers), addr)
				continue
			}
		}
		if len(list) == i {
			list = list[:i+1] // nothing was left out so far
		} else {
			list = append(list, *r)
		}
	}
	svc.Rules = orderRules(list)
	if b.badRule || len(svc.Rules) == 0 {
		return
	}
	if svc.Mode == ModeTCP {
		p.fail(svc.Rules[0].Pos, "remove the rules, or set mode = http or tls", "rules look at requests, and mode %s has none", svc.Mode)
		return
	}
	for i := range svc.Rules {
		if r := &svc.Rules[i]; svc.Mode == ModeTLS && Hashes(r.Scheduler) && r.Hash.Key != HashSource {
			p.fail(r.Pos, "hash the source, or set mode = http", "hash %s looks at requests, and mode tls has none", r.Hash.KeyText())
			return
		}
	}
	var wrong *rules.Error
	all := RuleList(svc.Rules)
	if err := cmp.Or(rules.Check(all), rules.CheckMode(all, svc.Mode == ModeTLS)); errors.As(err, &wrong) {
		msg := wrong.Msg
		if wrong.Field != "" {
			msg = wrong.Field + ": " + msg
		}
		p.fail(svc.Rules[wrong.Index].Pos, wrong.Hint, "%s", msg)
	}
}

// orderRules puts rules without conditions last.
func orderRules(list []Rule) []Rule {
	any := 0
	for any < len(list) && !list[any].Match.Any() {
		any++
	}
	if any >= len(list)-1 {
		return list
	}
	var last []Rule
	to := list[:any]
	for _, r := range list[any:] {
		if r.Match.Any() {
			last = append(last, r)
		} else {
			to = append(to, r)
		}
	}
	return append(to, last...)
}

// numberRules gives the rules of w the numbers that the same rules have in old,
// so that they go on with their counters, and new ones to the others.
func numberRules(old, w []Rule) {
	next := uint32(0)
	have := newIndex(len(old))
	for i := range old {
		have.put(old, &old[i], i)
		next = max(next, old[i].ID)
	}
	if len(old) == 0 {
		for i := range w {
			w[i].ID = uint32(i) + 1
		}
		return
	}
	used := make(map[uint32]bool, len(old))
	for i := range w {
		w[i].ID = 0
		if at, ok := have.find(old, &w[i]); ok && !used[old[at].ID] {
			w[i].ID = old[at].ID
			used[w[i].ID] = true
		}
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
	return slices.EqualFunc(a, b, func(x, y Rule) bool {
		return sameConditions(&x, &y) && x.Action == y.Action && x.How() == y.How() && slices.Equal(x.Servers, y.Servers)
	})
}

func sameConditions(a, b *Rule) bool { return a.Name == b.Name && a.Match.Equal(&b.Match) }

// index finds rules by their names and conditions: a hash of open addresses, at
// most half full.
type index struct {
	seed maphash.Seed
	slot []slot
}

// slot has a part of the hash of a rule, and 1 more than where the rule is.
type slot struct {
	hash uint32
	at   uint32
}

func newIndex(n int) *index {
	size := 1
	for size < 2*n {
		size *= 2
	}
	return &index{maphash.MakeSeed(), make([]slot, size)}
}

func (x *index) hash(r *Rule) uint64 {
	m := &r.Match
	h := maphash.String(x.seed, m.Path.Value)*31 + uint64(m.Path.Kind)
	h = h*31 + maphash.String(x.seed, m.Host)
	if m.Conditions() > 2 || m.Host == "" || r.Name != "" { // the less usual
		h ^= maphash.String(x.seed, r.conditions())
	}
	return h
}

// place is the slot where the rule is or would be.
func (x *index) place(list []Rule, r *Rule) (*slot, uint32) {
	h := x.hash(r)
	for i := h; ; i++ {
		s := &x.slot[i&uint64(len(x.slot)-1)]
		if s.at == 0 || s.hash == uint32(h>>32) && sameConditions(&list[s.at-1], r) {
			return s, uint32(h >> 32)
		}
	}
}

// find is the place in list of the last rule of the same conditions that was put.
func (x *index) find(list []Rule, r *Rule) (at int, ok bool) {
	s, _ := x.place(list, r)
	return int(s.at) - 1, s.at != 0
}

// put remembers that the rule is, or will be, there in list; at most as many as
// newIndex was told can be.
func (x *index) put(list []Rule, r *Rule, at int) {
	s, h := x.place(list, r)
	*s = slot{h, uint32(at) + 1}
}

// enter is find, and put if there is none.
func (x *index) enter(list []Rule, r *Rule, at int) (int, bool) {
	s, h := x.place(list, r)
	if s.at != 0 {
		return int(s.at) - 1, true
	}
	*s = slot{h, uint32(at) + 1}
	return at, false
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
				lines = append(lines, text+r.group()+"use server "+names.FormatAddr(a)+r.how())
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
	text := r.conditions() + r.group() + "use server"
	for _, a := range r.Servers {
		text += " " + names.FormatAddr(a)
	}
	return text + r.how()
}

// How is how a server of the set is chosen.
func (r *Rule) How() string { return r.group() + r.how() }

// matched tells whether the set goes by a group of the rule's expression.
func (r *Rule) matched() bool { return Hashes(r.Scheduler) && r.Hash.Key == HashMatch }

// group is which group is hashed, as it is written before the action.
func (r *Rule) group() string {
	if r.matched() {
		return fmt.Sprintf("%s %d ", MatchKey, r.Hash.Group)
	}
	return ""
}

// how is how a server of the set is chosen, as it is written behind the server,
// with a space before each word.
func (r *Rule) how() string {
	text := ""
	if usual := r.matched() && r.Scheduler == MatchScheduler; !usual && r.Scheduler != DefaultScheduler {
		text = " scheduler " + r.Scheduler
	}
	if Hashes(r.Scheduler) {
		text += r.Hash.words()
	}
	return text
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
	if m.SNI != "" {
		say("sni", m.SNI)
	}
	if len(m.ALPN) > 0 {
		say("alpn", strings.Join(m.ALPN, ","))
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
