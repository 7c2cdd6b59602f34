// SPDX-License-Identifier: MIT

// Rules one by one, as a command line has them: the value of a line of a block,
// and the rules of a service that was put together of such lines.

package config

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/ktcpvs/ktcpvs/internal/rules"
)

// ParseRule reads what a line of a block says behind "rule =". A server without
// a port still has none. The error has the place within the text.
func ParseRule(text string, names *Names) (Rule, error) {
	p := &parser{lex: newLexer(text), names: names, conf: &Config{}}
	var words []token
	for {
		t := p.lex.next(true) // a word may have an = in it
		if t.kind == tokEOF {
			break
		}
		if t.kind == tokBad {
			return Rule{}, t.err
		}
		if t.kind != tokWord && t.kind != tokString {
			return Rule{}, &Error{Pos: t.pos, Msg: t.show() + " does not belong into a rule", Hint: "quote a value that contains it"}
		}
		words = append(words, t)
	}
	if words == nil {
		return Rule{}, &Error{Msg: "the rule is empty", Hint: ruleForm}
	}
	b := &block{}
	b.rule(p, words)
	if len(p.errs) > 0 {
		return Rule{}, p.errs[0]
	}
	return b.svc.Rules[0], nil
}

// RuleLines are the texts by which ParseRule reads the rules of a service, one
// for each server of a set.
func (s *Service) RuleLines() []string { return ruleLines(s.Rules, nil) }

// Finish settles and checks what depends on the whole of a service that no file
// described: the servers of rules, and its fallback server. Errors stand where the
// service and its rules say they are.
func (s *Service) Finish(file string) Errors {
	p := &parser{file: file, conf: &Config{}}
	if err := s.finishRedirect(); err != nil {
		p.failWith(s.Pos, err)
	}
	b := &block{svc: *s}
	b.finishRules(p)
	*s = b.svc
	return p.errs
}

// place is where a rule of the same conditions and a set of servers stands, or -1.
func (s *Service) place(r *Rule) int {
	for i := range s.Rules {
		if s.Rules[i].Action.Kind == rules.UseSet && s.Rules[i].conditions() == r.conditions() {
			return i
		}
	}
	return -1
}

// InsertRule adds a rule as a line of a file would: behind the others but before
// those without conditions, or to the set of the rule with its conditions.
func (s *Service) InsertRule(r Rule) error {
	s.Rules = slices.Clone(s.Rules)
	if r.Action.Kind != rules.UseSet {
		if i := s.same(&r); i >= 0 {
			return &Error{Msg: fmt.Sprintf("service %s has this rule already", quote(s.Name))}
		}
		s.Rules = orderRules(append(s.Rules, r))
		return nil
	}
	addr := s.withPort(r.Servers[0])
	if !slices.ContainsFunc(s.Servers, func(srv Server) bool { return srv.Addr == addr }) {
		return &Error{Msg: fmt.Sprintf("service %s has no server %s", quote(s.Name), addr), Hint: "add it first, with -a"}
	}
	at := s.place(&r)
	if at < 0 {
		r.Servers = []netip.AddrPort{addr}
		s.Rules = orderRules(append(s.Rules, r))
		return nil
	}
	old := &s.Rules[at]
	switch {
	case slices.Contains(old.Servers, addr):
		return &Error{Msg: fmt.Sprintf("the rule has the server %s already", addr)}
	case Hashes(r.Scheduler) && old.Scheduler == r.Scheduler && old.Hash != r.Hash:
		return &Error{Msg: fmt.Sprintf("the servers of the rule are chosen by %suse server ADDRESS%s", old.group(), old.how()), Hint: "say the same, or delete the rule first"}
	case old.Scheduler != r.Scheduler && old.matched():
		return &Error{Msg: fmt.Sprintf("the servers of the rule are chosen by group %d of its pattern: say match %[1]d, or -m %[1]d", old.Hash.Group)}
	case old.Scheduler != r.Scheduler:
		return &Error{Msg: fmt.Sprintf("the rule has the scheduler %s", old.Scheduler), Hint: "one set of servers has one scheduler"}
	}
	old.Servers = append(slices.Clone(old.Servers), addr)
	return nil
}

// RemoveRule undoes InsertRule.
func (s *Service) RemoveRule(r Rule) error {
	s.Rules = slices.Clone(s.Rules)
	if r.Action.Kind != rules.UseSet {
		i := s.same(&r)
		if i < 0 {
			return &Error{Msg: fmt.Sprintf("service %s has no such rule", quote(s.Name)), Hint: "-L -n shows the rules"}
		}
		s.Rules = slices.Delete(s.Rules, i, i+1)
		return nil
	}
	addr := s.withPort(r.Servers[0])
	at, i := s.place(&r), -1
	if at >= 0 {
		i = slices.Index(s.Rules[at].Servers, addr)
	}
	if i < 0 {
		return &Error{Msg: fmt.Sprintf("service %s has no rule of these conditions for %s", quote(s.Name), addr), Hint: "-L -n shows the rules"}
	}
	if len(s.Rules[at].Servers) == 1 {
		s.Rules = slices.Delete(s.Rules, at, at+1)
		return nil
	}
	s.Rules[at].Servers = slices.Delete(slices.Clone(s.Rules[at].Servers), i, i+1)
	return nil
}

// same is where the very rule stands, or -1.
func (s *Service) same(r *Rule) int {
	line := ruleLines([]Rule{*r}, nil)[0]
	return slices.IndexFunc(s.Rules, func(o Rule) bool {
		return o.Action.Kind == r.Action.Kind && ruleLines([]Rule{o}, nil)[0] == line
	})
}

func (s *Service) withPort(a netip.AddrPort) netip.AddrPort {
	if a.Port() == 0 {
		return netip.AddrPortFrom(a.Addr(), s.Listen.Port())
	}
	return a
}
