// SPDX-License-Identifier: MIT

// The parser. The grammar is the original's:
//
//	file    = { virtual | settings }
//	virtual = "Virtual" NAME "{" { KEY "=" value } "}"
//	settings = "Settings" "{" { KEY "=" value } "}"
//	value   = WORD | STRING            (of server: an address and a weight)
//
// The block Settings is newer and holds what is of the whole namespace.
// Keywords are case-insensitive, "#" begins a comment. A value stands on the
// line of its key; nothing else depends on lines.
//
// It goes on after a mistake, at the next line, so that one run shows all of
// them; but any mistake makes the whole file invalid. This file reads blocks,
// whatever is in them; virtual.go and namespace.go know the two kinds.

package config

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"unsafe"
)

const (
	maxErrors = 20
	// MaxSize bounds what is read: 100,000 rules of 300 bytes fit twice over.
	MaxSize = 64 << 20
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
	text, err := readText(stdin)
	if err != nil {
		return nil, err
	}
	if len(text) > MaxSize {
		return nil, &Error{Msg: fmt.Sprintf("%s is larger than %d MiB", shown, MaxSize>>20),
			Hint: "is it a configuration file?"}
	}
	p := newParser(shown, text, names)
	p.readKeys()
	return p.result()
}

// readText reads everything, at most one byte more than there may be.
func readText(r io.Reader) (string, error) {
	size := 4096
	if f, ok := r.(*os.File); ok {
		if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
			size = int(min(st.Size(), MaxSize)) + 1
		}
	}
	text := make([]byte, 0, size)
	for len(text) <= MaxSize {
		text = slices.Grow(text, 1)
		n, err := r.Read(text[len(text):min(cap(text), MaxSize+1)])
		text = text[:len(text)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", err
		}
	}
	return unsafe.String(unsafe.SliceData(text), len(text)), nil // nobody else has it
}

// Parse reads a configuration, but no file that it names. The error, if any, is
// Errors.
func Parse(file, text string, names *Names) (*Config, error) {
	return newParser(file, text, names).result()
}

func newParser(file, text string, names *Names) *parser {
	p := &parser{file: file, lex: newLexer(text), names: names, conf: &Config{}}
	p.parse()
	return p
}

func (p *parser) result() (*Config, error) {
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

	list    []token     // of words
	line    ruleLine    // the one that is read
	servers readServers // of rules

	settingsAt Pos // of the block Settings
	keys       []keyFile
	ignored    bool // the note on the pool of threads was made
	stop       bool // too many errors
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

func isWord(t token, word string) bool {
	return t.kind == tokWord && strings.EqualFold(t.text, word)
}

// opensBlock tells whether a block begins here.
func opensBlock(t token) bool { return isWord(t, "virtual") || isWord(t, "settings") }

func (p *parser) parse() {
	const form = "a file consists of blocks: Virtual NAME { KEY = VALUE ... }, and one Settings { ... } for the namespace"
	for !p.stop {
		t := p.lex.next(false)
		switch {
		case t.kind == tokEOF:
			if len(p.errs) == 0 {
				p.errs = append(p.errs, CheckTable(p.file, p.conf.Services)...)
			}
			return
		case isWord(t, "virtual"):
			if p.virtual() {
				continue
			}
		case isWord(t, "settings"):
			if p.settings(t) {
				continue
			}
		case t.kind == tokBad:
			p.report(t.err)
		case t.kind == tokClose:
			p.fail(t.pos, "", `"}" closes nothing`)
		case t.kind == tokWord && Nearest(t.text, []string{"Virtual", "Settings"}) != "":
			p.fail(t.pos, fmt.Sprintf("did you mean %q?", Nearest(t.text, []string{"Virtual", "Settings"})), "unknown word %s", t.show())
		default:
			p.fail(t.pos, form, `expected "Virtual", found %s`, t.show())
		}
		// What follows belongs to what was not understood.
		for t = p.peek(); t.kind != tokEOF && !opensBlock(t); t = p.peek() {
			p.lex.next(false)
		}
	}
}

// body is the inside of a block: which keys it has and what they mean.
type body interface {
	title() string  // how a message calls the block
	opened() Pos    // where it begins
	keys() []string // all of them
	item(p *parser, key, val token)
	finish(p *parser)
}

// inside reads the items of a block up to its end, with mistakes or without.
func (p *parser) inside(b body) {
	last := 0 // line of the latest value
	for !p.stop {
		if p.plainRule(b) {
			continue
		}
		saved := p.lex
		key := p.lex.next(false)
		switch key.kind {
		case tokClose:
			b.finish(p)
			return
		case tokEOF:
			p.fail(key.pos, fmt.Sprintf(`the block opened at line %d needs a "}"`, b.opened().Line),
				"the file ends inside %s", b.title())
			b.finish(p)
			return
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
			case opensBlock(key):
				p.fail(key.pos, fmt.Sprintf(`close the block opened at line %d with "}" first`, b.opened().Line),
					"%s inside %s", strings.ToUpper(key.text[:1])+strings.ToLower(key.text[1:]), b.title())
				p.lex = saved
				b.finish(p)
				return
			case key.pos.Line == last:
				p.fail(key.pos, "", "%s is one too many on this line", key.show())
			case !p.known(b, key):
			default:
				p.fail(key.pos, "a line is KEY = VALUE", `expected "=" after %s`, key.show())
			}
			p.lex.skipLine()
			continue
		}
		p.lex.next(false)
		if !p.known(b, key) {
			p.lex.skipLine()
			continue
		}
		last = key.pos.Line
		saved = p.lex
		val := p.lex.next(false)
		switch {
		case val.kind == tokBad:
			p.report(val.err)
		case val.kind != tokWord && val.kind != tokString || val.pos.Line != key.pos.Line:
			p.lex = saved
			p.fail(key.pos, "", "%s has no value", quote(key.text))
		default:
			b.item(p, key, val)
		}
	}
}

// known tells whether a key exists and reports it if not.
func (p *parser) known(b body, key token) bool {
	low := strings.ToLower(key.text)
	keys := b.keys()
	for _, k := range keys {
		if k == low {
			return true
		}
	}
	hint := "the keys are " + strings.Join(keys, ", ")
	if near := Nearest(low, keys); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	p.fail(key.pos, hint, "unknown key %s", key.show())
	return false
}

// once reports a key that was given before.
func (p *parser) once(seen map[string]Pos, key token) bool {
	low := strings.ToLower(key.text)
	if old, ok := seen[low]; ok {
		p.fail(key.pos, fmt.Sprintf("it was given at line %d already", old.Line), "%q is given twice", low)
		return false
	}
	seen[low] = key.pos
	return true
}

// CheckTable finds what no service of a file may share with another.
func CheckTable(file string, services []Service) Errors {
	var errs Errors
	fail := func(pos Pos, hint, format string, args ...any) {
		errs = append(errs, &Error{File: file, Pos: pos, Msg: fmt.Sprintf(format, args...), Hint: hint})
	}
	names := make(map[string]Pos)
	addrs := make(map[netip.AddrPort]*Service)
	for i := range services {
		s := &services[i]
		if old, ok := names[s.Name]; ok {
			fail(s.Pos, fmt.Sprintf("the first stands at line %d", old.Line), "a second service with the name %s", quote(s.Name))
			continue
		}
		names[s.Name] = s.Pos
		if old, ok := addrs[s.Listen]; ok {
			fail(s.Pos, "give one of them another address or port",
				"service %s listens at %s as %s (line %d) does", quote(s.Name), s.Listen, quote(old.Name), old.Pos.Line)
			continue
		}
		addrs[s.Listen] = s
	}
	return errs
}
