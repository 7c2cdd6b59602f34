// SPDX-License-Identifier: MIT

// The parser. The grammar is the original's:
//
//	file    = { "Virtual" NAME "{" { KEY "=" value } "}" }
//	value   = WORD | STRING            (of server: an address and a weight)
//
// Keywords are case-insensitive, "#" begins a comment. A value stands on the
// line of its key; nothing else depends on lines.
//
// It goes on after a mistake, at the next line, so that one run shows all of
// them; but any mistake makes the whole file invalid. Keys may come in any
// order, so what depends on two of them (mode and scheduler, the port a server
// takes from its service) is settled when the block closes.

package config

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

const (
	maxErrors = 20
	// MaxSize bounds what is read; 100,000 servers fit three times over.
	MaxSize = 16 << 20
)

// ReadFile reads and parses a file; "-" is stdin. What the parser finds wrong
// comes back as Errors.
func ReadFile(name string, stdin io.Reader, names *Names) (*Config, error) {
	shown := name
	if name == "-" {
		shown = "<stdin>"
	} else {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		stdin = f
	}
	text, err := io.ReadAll(io.LimitReader(stdin, MaxSize+1))
	if err != nil {
		return nil, err
	}
	if len(text) > MaxSize {
		return nil, &Error{Msg: fmt.Sprintf("%s is larger than %d MiB", shown, MaxSize>>20),
			Hint: "is it a configuration file?"}
	}
	return Parse(shown, string(text), names)
}

// Parse reads a configuration. The error, if any, is Errors.
func Parse(file, text string, names *Names) (*Config, error) {
	p := &parser{file: file, lex: newLexer(text), names: names, conf: &Config{}}
	p.parse()
	if len(p.errs) > 0 {
		return nil, p.errs
	}
	return p.conf, nil
}

type parser struct {
	file  string
	lex   lexer
	names *Names
	conf  *Config
	errs  Errors

	ignored bool // the note on the pool of threads was made
	stop    bool // too many errors
}

// fail records an error at a place.
func (p *parser) fail(pos Pos, hint, format string, args ...any) {
	p.report(&Error{Pos: pos, Msg: fmt.Sprintf(format, args...), Hint: hint})
}

// failWith records somebody's error about a value, found at a place.
func (p *parser) failWith(pos Pos, err error) {
	e, ok := err.(*Error)
	if !ok {
		e = &Error{Msg: err.Error()}
	}
	p.report(&Error{Pos: pos, Msg: e.Msg, Hint: e.Hint})
}

func (p *parser) report(e *Error) {
	if p.stop {
		return
	}
	e.File = p.file
	p.errs = append(p.errs, e)
	if len(p.errs) == maxErrors {
		p.stop = true
		p.errs = append(p.errs, &Error{File: p.file, Pos: e.Pos, Msg: "too many errors, the rest of the file was not read"})
	}
}

// peek shows the next token and leaves it.
func (p *parser) peek() token {
	saved := p.lex
	t := p.lex.next(false)
	p.lex = saved
	return t
}

func isVirtual(t token) bool {
	return t.kind == tokWord && strings.EqualFold(t.text, "virtual")
}

func (p *parser) parse() {
	const form = "a file consists of blocks: Virtual NAME { KEY = VALUE ... }"
	for !p.stop {
		t := p.lex.next(false)
		switch {
		case t.kind == tokEOF:
			if len(p.errs) == 0 {
				p.checkTable()
			}
			return
		case isVirtual(t):
			if p.virtual() {
				continue
			}
		case t.kind == tokBad:
			p.report(t.err)
		case t.kind == tokClose:
			p.fail(t.pos, "", `"}" closes nothing`)
		case t.kind == tokWord && Nearest(t.text, []string{"virtual"}) != "":
			p.fail(t.pos, `did you mean "Virtual"?`, "unknown word %s", t.show())
		default:
			p.fail(t.pos, form, `expected "Virtual", found %s`, t.show())
		}
		// What follows belongs to what was not understood.
		for t = p.peek(); t.kind != tokEOF && !isVirtual(t); t = p.peek() {
			p.lex.next(false)
		}
	}
}

// block is what is known of a service while its block is read.
type block struct {
	svc     Service
	seen    map[string]Pos
	mode    Mode
	modePos Pos
	sched   *Scheduler
	schedAt Pos
	noPort  []int // servers that take the port of the service
}

// virtual reads a block, with mistakes or without; false means that it did not
// come to the block.
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

	last := 0 // line of the latest value
	for !p.stop {
		saved := p.lex
		key := p.lex.next(false)
		switch key.kind {
		case tokClose:
			p.finish(b)
			return true
		case tokEOF:
			p.fail(key.pos, fmt.Sprintf(`the block opened at line %d needs a "}"`, b.svc.Pos.Line),
				"the file ends inside the block of %s", quote(b.svc.Name))
			p.finish(b)
			return true
		case tokBad:
			p.report(key.err)
			continue
		case tokWord, tokString:
		default:
			p.fail(key.pos, "a line is KEY = VALUE", "expected a key, found %s", key.show())
			p.lex.skipLine()
			continue
		}
		if p.peek().kind != tokEqual {
			switch {
			case isVirtual(key):
				p.fail(key.pos, fmt.Sprintf(`close the block opened at line %d with "}" first`, b.svc.Pos.Line),
					"Virtual inside the block of %s", quote(b.svc.Name))
				p.lex = saved
				p.finish(b)
				return true
			case key.pos.Line == last:
				p.fail(key.pos, "", "%s is one too many on this line", key.show())
			case !p.known(key):
			default:
				p.fail(key.pos, "a line is KEY = VALUE", `expected "=" after %s`, key.show())
			}
			p.lex.skipLine()
			continue
		}
		p.lex.next(false)
		if !p.known(key) {
			p.lex.skipLine()
			continue
		}
		last = key.pos.Line
		val := p.peek()
		switch {
		case val.kind == tokBad:
			p.lex.next(false)
			p.report(val.err)
		case val.kind != tokWord && val.kind != tokString || val.pos.Line != key.pos.Line:
			p.fail(key.pos, "", "%s has no value", quote(key.text))
		default:
			p.lex.next(false)
			p.item(b, key, val)
		}
	}
	return true
}

// The keys that are no numeric setting.
var plainKeys = []string{"listen", "mode", "scheduler", "server"}

// The original sized its pool of threads by these.
var ignoredKeys = []string{"startservers", "minspareservers", "maxspareservers"}

// What the original has and this version has not, and what to do instead.
var missingKeys = map[string]string{
	"rule":     "without rules a service balances over all its servers; remove the line",
	"redirect": "without a server a request is answered with 503; remove the line",
}

// Keys lists every key of a block.
func Keys() []string {
	keys := append([]string(nil), plainKeys...)
	for s := Setting(0); s < NumSettings; s++ {
		keys = append(keys, s.Info().Key)
	}
	return append(keys, ignoredKeys...)
}

// known tells whether a key exists and reports it if not.
func (p *parser) known(key token) bool {
	low := strings.ToLower(key.text)
	if hint, ok := missingKeys[low]; ok {
		p.fail(key.pos, hint, "%q is not supported by this version", low)
		return false
	}
	for _, k := range Keys() {
		if k == low {
			return true
		}
	}
	hint := "the keys are " + strings.Join(Keys(), ", ")
	if near := Nearest(low, Keys()); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	p.fail(key.pos, hint, "unknown key %s", key.show())
	return false
}

// item takes one KEY = VALUE into the block.
func (p *parser) item(b *block, key, val token) {
	low := strings.ToLower(key.text)
	if low == "server" {
		p.server(b, val)
		return
	}
	if old, ok := b.seen[low]; ok {
		p.fail(key.pos, fmt.Sprintf("it was given at line %d already", old.Line), "%q is given twice", low)
		return
	}
	b.seen[low] = key.pos

	if s, ok := LookupSetting(low); ok {
		v, err := s.Parse(val.text)
		if err != nil {
			p.failWith(val.pos, err)
			return
		}
		b.svc.Settings[s] = v
		return
	}
	switch low {
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
	case "scheduler":
		s, err := ParseScheduler(val.text)
		if err != nil {
			p.failWith(val.pos, err)
			return
		}
		b.sched, b.schedAt = &s, val.pos
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

func (p *parser) server(b *block, val token) {
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
		return
	}
	if a.Port() == 0 {
		b.noPort = append(b.noPort, len(b.svc.Servers))
	}
	b.svc.Servers = append(b.svc.Servers, srv)
}

// finish settles what depends on several keys, and keeps the service.
func (p *parser) finish(b *block) {
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
			p.fail(b.schedAt, fmt.Sprintf("remove the mode, or choose a scheduler that works in mode %s: rr, wrr, wlc", svc.Mode),
				"this scheduler works in mode %s only, line %d says mode %s", b.sched.Mode, b.modePos.Line, svc.Mode)
		}
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
	p.conf.Services = append(p.conf.Services, *svc)
}

// checkTable finds what no service may share with another.
func (p *parser) checkTable() {
	names := make(map[string]Pos)
	addrs := make(map[netip.AddrPort]*Service)
	for i := range p.conf.Services {
		s := &p.conf.Services[i]
		if old, ok := names[s.Name]; ok {
			p.fail(s.Pos, fmt.Sprintf("the first stands at line %d", old.Line), "a second service with the name %s", quote(s.Name))
			continue
		}
		names[s.Name] = s.Pos
		if old, ok := addrs[s.Listen]; ok {
			p.fail(s.Pos, "give one of them another address or port",
				"service %s listens at %s as %s (line %d) does", quote(s.Name), s.Listen, quote(old.Name), old.Pos.Line)
			continue
		}
		addrs[s.Listen] = s
	}
}
