// SPDX-License-Identifier: MIT

// Rules in the form that tables of thousands consist of: a line that has nothing
// in it but
//
//	rule = host "..." path|prefix|template "..." use server ADDRESS
//
// in plain ASCII. It is read in one pass, without making words of it. What is not
// quite of that form is left as it was, for the parser that knows all forms and
// says the same of this one.

package config

import (
	"net/netip"
	"strings"

	"github.com/ktcpvs/ktcpvs/internal/rules"
)

const (
	plainStart  = RuleKey + " = "
	plainServer = "use server "
)

// plainConds are the conditions that such a line has, as they are written.
var plainConds = [...]struct {
	start string
	kind  rules.Kind // of the path; None is the host
}{
	{`host "`, rules.None},
	{`path "`, rules.Exact},
	{`prefix "`, rules.Prefix},
	{`template "`, rules.Template},
}

// plainRule takes a line that is a rule and has nothing in it that is not plain;
// what it does not take is left as it was.
func (p *parser) plainRule(in body) bool {
	b, ok := in.(*block)
	if !ok {
		return false
	}
	saved := p.lex
	p.lex.skip()
	if strings.HasPrefix(p.lex.rest, plainStart) {
		p.lex.takePlain(len(plainStart))
		if b.usualRule(p) {
			return true
		}
		if p.list, ok = p.lex.plainLine(p.list[:0]); ok && len(p.list) > 0 {
			b.rule(p, p.list)
			return true
		}
	}
	p.lex = saved
	return false
}

// usualRule takes what stands behind the key up to the end of the line.
func (b *block) usualRule(p *parser) bool {
	s, at := p.lex.rest, 0
	var host string
	var path rules.Path
	for !strings.HasPrefix(s[at:], plainServer) {
		i := 0
		for i < len(plainConds) && !strings.HasPrefix(s[at:], plainConds[i].start) {
			i++
		}
		if i == len(plainConds) {
			return false
		}
		at += len(plainConds[i].start)
		n := plainString(s[at:])
		if !isEnd(s, at+n) || at+n+1 == len(s) || s[at+n+1] != ' ' {
			return false
		}
		if value := s[at : at+n]; plainConds[i].kind == rules.None {
			host = value
		} else {
			path = rules.Path{Kind: plainConds[i].kind, Value: value}
		}
		at += n + 2
	}
	at += len(plainServer)
	n := plainWord(s[at:])
	if n == 0 || !endsLine(s, at+n) {
		return false
	}
	servers, err := p.server(s[at : at+n])
	if err != nil {
		return false
	}
	at += n
	r := b.newRule(p)
	r.Pos = p.lex.pos
	r.Match.Host, r.Match.Path = host, path
	r.serve(servers)
	p.lex.takePlain(at)
	return true
}

// endsLine tells whether a line ends at i that the next cannot go on with.
func endsLine(s string, i int) bool {
	if i == len(s) || s[i] != '\n' {
		return false
	}
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	return i < len(s) && s[i] != '=' && s[i] != '#'
}

// serve makes it a rule for a server, by the default scheduler.
func (r *Rule) serve(servers []netip.AddrPort) {
	r.Action.Kind, r.Action.Set = rules.UseSet, RuleSet
	r.Servers, r.Scheduler, r.Hash = servers, DefaultScheduler, DefaultHash()
}

// readServers are the servers of rules by how they are written. There are few of
// them in many rules, so each is read once.
type readServers struct {
	all    map[string][]netip.AddrPort
	recent [4]struct {
		text string
		list []netip.AddrPort
	}
	next int // of recent, to be replaced
}

// server reads the address of a server.
func (p *parser) server(text string) ([]netip.AddrPort, error) {
	for i := range p.servers.recent {
		if r := &p.servers.recent[i]; r.text == text && r.list != nil {
			return r.list, nil
		}
	}
	s := p.servers.all[text]
	if s == nil {
		a, err := p.names.ParseAddr(text)
		if err == nil {
			err = CheckServer(a.Addr())
		}
		if err != nil {
			return nil, err
		}
		if p.servers.all == nil {
			p.servers.all = make(map[string][]netip.AddrPort)
		}
		s = []netip.AddrPort{a}
		p.servers.all[text] = s
	}
	r := &p.servers.recent[p.servers.next]
	r.text, r.list = text, s
	p.servers.next = (p.servers.next + 1) % len(p.servers.recent)
	return s, nil
}
