// SPDX-License-Identifier: MIT

// The block of a virtual service. Keys may come in any order, so what depends
// on two of them (mode and scheduler, the port a server takes from its
// service) is settled when the block closes.

package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// block is what is known of a service while its block is read.
type block struct {
	svc     Service
	seen    map[string]Pos
	mode    Mode
	modePos Pos
	sched   *Scheduler
	schedAt Pos
	noPort  []int // servers that take the port of the service
	backAt  Pos   // of the fallback server

	badTrusted bool // a trusted network was refused
	badRule    bool // a rule was
	badServer  bool // a server was
	badCookie  bool // a part of the cookie was

	cookie  CookieWish
	keyFile token // cookie-key
}

// virtual reads a block; false means that it did not come to the block.
func (p *parser) virtual() bool {
	const form = "Virtual NAME { ... }"
	t := p.lex.next(true)
	switch t.kind {
	case tokWord, tokString:
		if err := CheckName(t.text); err != nil {
			p.failWith(t.pos, err)
		}
	case tokBad:
		p.report(t.err)
	default:
		p.fail(t.pos, form, "a name is missing before %s", t.show())
	}
	b := &block{svc: NewService(t.text), seen: make(map[string]Pos)}
	b.svc.Pos = t.pos
	if t.kind != tokOpen {
		open := p.peek()
		if open.kind != tokOpen {
			if t.kind == tokWord || t.kind == tokString {
				p.fail(open.pos, form, `expected "{" after the name %s, found %s`, quote(t.text), open.show())
			}
			return false
		}
		p.lex.next(false)
	}
	p.inside(b)
	return true
}

// The keys that are no numeric setting.
var plainKeys = []string{"listen", "mode", "scheduler", "server", RuleKey, TrustedKey, RedirectKey, HashKey, HashBoundKey}

// RedirectKey is the key of the fallback server.
const RedirectKey = "redirect"

// The older key of forward.
var aliasKeys = []string{ForwardedAlias.Key}

// The original sized its pool of threads by these.
var ignoredKeys = []string{"startservers", "minspareservers", "maxspareservers"}

// Keys lists every key of a block.
func Keys() []string { return slices.Clone(blockKeys) }

var blockKeys = func() []string {
	keys := slices.Concat(plainKeys, CookieKeys())
	for s := Setting(0); s < NumSettings; s++ {
		keys = append(keys, s.Info().Key)
	}
	return append(append(keys, aliasKeys...), ignoredKeys...)
}()

func (b *block) title() string  { return "the block of " + quote(b.svc.Name) }
func (b *block) opened() Pos    { return b.svc.Pos }
func (b *block) keys() []string { return blockKeys }

// item takes one KEY = VALUE into the block.
func (b *block) item(p *parser, key, val token) {
	low := strings.ToLower(key.text)
	if low == "server" {
		b.server(p, val)
		return
	}
	if low == RuleKey {
		b.rule(p, p.words(val))
		return
	}
	if low == TrustedKey {
		b.trusted(p, p.words(val))
		return
	}
	if !p.once(b.seen, key) {
		return
	}

	if slices.Contains(CookieKeys(), low) {
		b.cookieItem(p, key, val)
		return
	}
	if s, ok := LookupSetting(low); ok {
		text := val.text
		if s.Info().Kind == Flags {
			for _, t := range p.words(val)[1:] {
				text += " " + t.text
			}
		}
		v, err := s.Parse(text)
		if err != nil {
			p.failWith(val.pos, err)
			return
		}
		b.svc.Settings[s] = v
		return
	}
	switch low {
	case ForwardedAlias.Key:
		v, err := ForwardedAlias.Parse(val.text)
		if err != nil {
			p.failWith(val.pos, err)
			return
		}
		b.svc.Settings[Forward] = v
	case "listen":
		a, err := p.names.ParseAddr(val.text)
		if err == nil {
			err = CheckListen(a.Addr())
		}
		if err != nil {
			p.failWith(val.pos, err)
			return
		}
		if a.Port() == 0 {
			a = netip.AddrPortFrom(a.Addr(), DefaultPort)
		}
		b.svc.Listen = a
	case "mode":
		m, err := ParseMode(val.text)
		if err != nil {
			p.failWith(val.pos, err)
			return
		}
		b.mode, b.modePos = m, val.pos
	case HashKey, HashBoundKey:
		parse := b.svc.Hash.ParseKey
		if low == HashBoundKey {
			parse = b.svc.Hash.ParseBound
		}
		if err := parse(val.text); err != nil {
			p.failWith(val.pos, err)
		}
	case "scheduler":
		s, err := ParseScheduler(val.text)
		if err != nil {
			p.failWith(val.pos, err)
			return
		}
		b.sched, b.schedAt = &s, val.pos
	case RedirectKey:
		b.backAt = val.pos
		a, err := p.names.ParseRedirect(val.text)
		if err != nil {
			p.failWith(val.pos, err)
			return
		}
		b.svc.Redirect = a
	default: // ignoredKeys
		if _, err := strconv.ParseUint(val.text, 10, 32); err != nil {
			p.fail(val.pos, "", "%s is not a number", val.show())
			return
		}
		if !p.ignored {
			p.ignored = true
			p.conf.Notes = append(p.conf.Notes, Note{p.file, key.pos,
				strings.Join(ignoredKeys, ", ") + " are ignored: workers are one a CPU, there is no pool of threads to size"})
		}
	}
}

// words returns a value of several words: what follows it on its line, up to the
// next key.
func (p *parser) words(val token) []token {
	list := append(p.list[:0], val)
	defer func() { p.list = list }()
	var ok bool
	if list, ok = p.lex.plainLine(list); ok {
		return list
	}
	list = list[:1]
	before := p.lex
	t := p.lex.next(false)
	for {
		after := p.lex
		if t.kind != tokWord && t.kind != tokString || t.pos.Line != val.pos.Line {
			break
		}
		next := p.lex.next(false)
		if next.kind == tokEqual {
			break
		}
		list = append(list, t)
		before, t = after, next
	}
	p.lex = before
	return list
}

// trusted takes networks; the key may stand several times.
func (b *block) trusted(p *parser, words []token) {
	_, again := b.seen[TrustedKey]
	b.seen[TrustedKey] = words[0].pos
	if len(words) == 1 && strings.EqualFold(words[0].text, None) {
		if again {
			p.fail(words[0].pos, "remove this line, or the networks", "%q stands alone", None)
		}
		return
	}
	for _, w := range words {
		if strings.EqualFold(w.text, None) {
			p.fail(w.pos, "give "+None+", or networks, not both", "%q stands alone", None)
			continue
		}
		for _, text := range splitList(w.text) {
			var err error
			if b.svc.Trusted, err = addNetwork(b.svc.Trusted, text); err != nil {
				p.failWith(w.pos, err)
				b.badTrusted = true
			}
		}
	}
}

func (b *block) server(p *parser, val token) {
	a, err := p.names.ParseAddr(val.text)
	if err == nil {
		err = CheckServer(a.Addr())
	}
	if err != nil {
		p.failWith(val.pos, err)
	}
	srv := Server{Addr: a, Weight: DefaultWeight, Pos: val.pos}

	// A second word on the line is the weight unless it begins the next item.
	saved := p.lex
	if t := p.lex.next(false); t.kind == tokWord && t.pos.Line == val.pos.Line && p.peek().kind != tokEqual {
		w, werr := ParseWeight(t.text)
		if werr != nil {
			p.failWith(t.pos, werr)
			err = werr
		}
		srv.Weight = w
	} else {
		p.lex = saved
	}
	if err != nil {
		b.badServer = true
		return
	}
	if a.Port() == 0 {
		b.noPort = append(b.noPort, len(b.svc.Servers))
	}
	b.svc.Servers = append(b.svc.Servers, srv)
}

// finishHash looks whether what is hashed can be had, and matters.
func (b *block) finishHash(p *parser) {
	svc := &b.svc
	if at := b.seen[HashKey]; svc.Hash.Key != HashSource && svc.Mode != ModeHTTP {
		p.fail(at, "remove the line, or set mode = http", "hash = %s looks at requests, and mode %s has none", svc.Hash.KeyText(), svc.Mode)
		return
	}
	if svc.Hash != DefaultHash() && !Hashes(svc.Scheduler) {
		at := b.seen[HashKey]
		if at == (Pos{}) {
			at = b.seen[HashBoundKey]
		}
		p.conf.Notes = append(p.conf.Notes, Note{p.file, at,
			fmt.Sprintf("%s and %s are of no effect: the scheduler %s does not hash; sh and mh do", HashKey, HashBoundKey, svc.Scheduler)})
	}
}

// finish settles what depends on several keys, and keeps the service.
func (b *block) finish(p *parser) {
	svc := &b.svc
	switch {
	case b.sched == nil:
		if b.mode != "" {
			svc.Mode = b.mode
		}
	default:
		svc.Scheduler = b.sched.Kernel
		svc.Mode = b.sched.Alone
		if b.mode != "" {
			svc.Mode = b.mode
		}
		if b.sched.Mode != "" && svc.Mode != b.sched.Mode {
			p.fail(b.schedAt, fmt.Sprintf("remove the mode, or choose a scheduler that works in mode %s: %s", svc.Mode, strings.Join(AnyModeSchedulers(), ", ")),
				"this scheduler works in mode %s only, line %d says mode %s", b.sched.Mode, b.modePos.Line, svc.Mode)
		}
	}
	b.finishHash(p)
	if old, ok := b.seen[ForwardedAlias.Key]; ok {
		if at, ok := b.seen[Forward.Info().Key]; ok {
			p.fail(old, fmt.Sprintf("line %d says the same with more words; remove this line", at.Line),
				"%s and %s are two names of one setting", ForwardedAlias.Key, Forward.Info().Key)
		}
	}
	if svc.Settings[AcceptProxy] != 0 && len(svc.Trusted) == 0 && !b.badTrusted {
		p.fail(b.seen[AcceptProxy.Info().Key], "add "+TrustedKey+" = NETWORK, with the proxies in front of the balancer",
			"accept-proxy without trusted networks would let nobody connect")
	}
	for _, i := range b.noPort {
		s := &svc.Servers[i]
		s.Addr = netip.AddrPortFrom(s.Addr.Addr(), svc.Listen.Port())
	}
	at := make(map[netip.AddrPort]Pos, len(svc.Servers))
	for _, s := range svc.Servers {
		if old, ok := at[s.Addr]; ok {
			p.fail(s.Pos, fmt.Sprintf("it stands at line %d already; give it more weight instead", old.Line),
				"server %s is given twice", s.Addr)
			continue
		}
		at[s.Addr] = s.Pos
	}
	if err := svc.finishRedirect(); err != nil {
		p.failWith(b.backAt, err)
	}
	b.finishCookie(p)
	b.finishRules(p)
	p.conf.Services = append(p.conf.Services, *svc)
}

// ParseRedirect reads a fallback server; none is the zero value, and a port of 0
// is that of the service.
func (n *Names) ParseRedirect(text string) (netip.AddrPort, error) {
	if strings.EqualFold(text, None) {
		return netip.AddrPort{}, nil
	}
	a, err := n.ParseAddr(text)
	if err == nil {
		err = CheckServer(a.Addr())
	}
	return a, err
}

// finishRedirect completes the fallback server of a service that is known whole.
func (s *Service) finishRedirect() error {
	if !s.Redirect.IsValid() {
		return nil
	}
	s.Redirect = s.withPort(s.Redirect)
	for i := range s.Servers {
		if s.Servers[i].Addr == s.Redirect {
			return &Error{Msg: fmt.Sprintf("the fallback server %s is one of the servers of %s too", s.Redirect, quote(s.Name)),
				Hint: "it takes what they cannot: give another one, or none"}
		}
	}
	return nil
}

// FormatRedirect writes a fallback server as ParseRedirect reads it.
func (n *Names) FormatRedirect(a netip.AddrPort) string {
	if !a.IsValid() {
		return None
	}
	return n.FormatAddr(a)
}
