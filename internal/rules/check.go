// SPDX-License-Identifier: MIT

// Which rules and tables are refused. A condition that no request can meet is
// a mistake, so it is an error and not a rule that sleeps.

package rules

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ktcpvs/ktcpvs/internal/automaton"
)

// Error says which rule is wrong, in what, and what would be right.
type Error struct {
	Index int    // of the rule in its table
	Name  string // of the rule, or ""
	Field string // "host", "path", ...
	Msg   string
	Hint  string
}

func (e *Error) Error() string {
	s := fmt.Sprintf("rule %d", e.Index+1)
	if e.Name != "" {
		s += " (" + e.Name + ")"
	}
	if e.Field != "" {
		s += ", " + e.Field
	}
	s += ": " + e.Msg
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Limits of a rule.
const (
	MaxName   = 31   // bytes of a rule's name
	MaxHost   = 253  // bytes of a host name
	MaxValue  = 4096 // bytes of a path, a pattern or a value
	MaxFields = 32   // headers, cookies, parameters, methods, networks of a rule, each
)

// Check tells what is wrong with a table, with an *Error.
func (t Table) Check() error { return Check(t) }

// Check tells what is wrong with a table, with an *Error. A rule that has no
// number yet has the number 0.
func Check(l List) error {
	ids := map[uint32]int{} // of those behind a rule with a higher number
	host := ""              // of the rule before
	names := map[string]int{}
	top := uint32(0)
	for i := range l.Len() {
		r := l.At(i)
		e := r.check(host)
		host = r.Match.Host
		if e == nil && r.Name != "" {
			if prev, ok := names[r.Name]; ok {
				e = &Error{Msg: fmt.Sprintf("its name is that of rule %d", prev+1)}
			}
		}
		if e == nil && r.Match.Any() && i+1 < l.Len() {
			e = &Error{Msg: "it meets every request, so the rules behind it never get one",
				Hint: "the default rule is the last, and there is one"}
		}
		if e == nil && r.ID != 0 && r.ID <= top {
			// Rare: numbers ascend unless rules were moved.
			if len(ids) == 0 {
				for j := range i {
					ids[l.At(j).ID] = j
				}
			}
			if prev, ok := ids[r.ID]; ok {
				e = &Error{Msg: fmt.Sprintf("its ID %d is that of rule %d", r.ID, prev+1)}
			}
		}
		if e != nil {
			e.Index, e.Name = i, r.Name
			return e
		}
		top = max(top, r.ID)
		if len(ids) > 0 {
			ids[r.ID] = i
		}
		if r.Name != "" {
			names[r.Name] = i
		}
	}
	return nil
}

// CheckMode tells which rule asks or does what the mode of its service knows
// nothing of: in mode tls there are ClientHellos, in mode http requests.
func CheckMode(l List, tls bool) error {
	for i := range l.Len() {
		r := l.At(i)
		m, e := &r.Match, (*Error)(nil)
		switch kind := r.Action.Kind; {
		case !tls && m.SNI != "":
			e = &Error{Field: "sni", Msg: "no request has one", Hint: "use host, or mode tls"}
		case !tls && len(m.ALPN) > 0:
			e = &Error{Field: "alpn", Msg: "no request has any", Hint: "it belongs to mode tls"}
		case tls && (m.Host != "" || m.Path.Kind != None || len(m.Methods)+len(m.Headers)+len(m.Cookies)+len(m.Query) > 0):
			e = &Error{Msg: "what it asks is not known in mode tls", Hint: "a ClientHello tells sni and alpn, and the connection its source"}
		case tls && (kind == Redirect || kind == Answer):
			e = &Error{Msg: "in mode tls nothing can be answered", Hint: "use a server, or reject"}
		}
		if e != nil {
			e.Index, e.Name = i, r.Name
			return e
		}
	}
	return nil
}

// check finds what is wrong with a rule; host is one that is right.
func (r *Rule) check(host string) *Error {
	if e := checkName(r.Name); e != nil {
		return e
	}
	m := &r.Match
	if m.Host != host { // rules of one host come in a row
		if e := checkHost("host", m.Host, true); e != nil {
			return e
		}
	}
	if e := checkHost("sni", m.SNI, false); e != nil {
		return e
	}
	if e := m.Path.check(); e != nil {
		return e
	}
	if m.simple() {
		return r.Action.check()
	}
	for _, l := range []struct {
		what string
		n    int
	}{{"method", len(m.Methods)}, {"header", len(m.Headers)}, {"cookie", len(m.Cookies)},
		{"query", len(m.Query)}, {"source", len(m.Sources)}, {"alpn", len(m.ALPN)}} {
		if l.n > MaxFields {
			return &Error{Field: l.what, Msg: fmt.Sprintf("%d of them", l.n), Hint: fmt.Sprintf("at most %d in a rule", MaxFields)}
		}
	}
	for _, s := range m.Methods {
		if i := badToken(s); i >= 0 || s == "" {
			return &Error{Field: "method", Msg: automaton.Quote(s) + " is not a method", Hint: "such as GET; methods are case-sensitive"}
		}
		if up := strings.ToUpper(s); up != s && isKnownMethod(up) {
			return &Error{Field: "method", Msg: automaton.Quote(s) + " is no method that clients send", Hint: "methods are case-sensitive: " + up}
		}
	}
	for _, s := range m.ALPN {
		if s == "" || len(s) > 255 || strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' }) {
			return &Error{Field: "alpn", Msg: automaton.Quote(s) + " is not a protocol", Hint: "such as h2 or http/1.1; several with commas between"}
		}
	}
	for _, f := range m.Headers {
		if e := f.check("header", badToken(f.Name) >= 0, "letters, digits and !#$%&'*+-.^_`|~"); e != nil {
			return e
		}
	}
	for _, f := range m.Cookies {
		if e := f.check("cookie", badToken(f.Name) >= 0, "letters, digits and !#$%&'*+-.^_`|~"); e != nil {
			return e
		}
		if f.Kind != Regex && strings.ContainsAny(f.Value, "; \t") {
			return &Error{Field: "cookie", Msg: automaton.Quote(f.Value) + " is not the value of a cookie", Hint: "values have no semicolons or spaces"}
		}
	}
	for _, f := range m.Query {
		i, _ := badPathByte(strings.ReplaceAll(f.Name, "?", ""))
		if e := f.check("query", i >= 0 || strings.ContainsAny(f.Name, "&="), "as in the request: percent-encoded, without & and ="); e != nil {
			return e
		}
		if f.Kind == Regex {
			continue
		}
		if i, _ := badPathByte(strings.ReplaceAll(f.Value, "?", "")); i >= 0 || strings.Contains(f.Value, "&") {
			return &Error{Field: "query", Msg: automaton.Quote(f.Value) + " is not the value of a parameter", Hint: "as in the request: percent-encoded, without &"}
		}
	}
	for _, p := range m.Sources {
		switch {
		case !p.IsValid():
			return &Error{Field: "source", Msg: "the network is not valid"}
		case p.Addr().Is4In6():
			return &Error{Field: "source", Msg: p.String() + " is an IPv4 network in the form of IPv6", Hint: "write it as IPv4"}
		case p.Masked() != p:
			return &Error{Field: "source", Msg: p.String() + " has bits behind its prefix length", Hint: "you mean " + p.Masked().String()}
		}
	}
	return r.Action.check()
}

func checkName(s string) *Error {
	if len(s) > MaxName {
		return &Error{Msg: fmt.Sprintf("its name %s has %d bytes", automaton.Quote(s), len(s)), Hint: fmt.Sprintf("at most %d", MaxName)}
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c > '~' || strings.IndexByte(`{}"'#`, c) >= 0 {
			return &Error{Msg: fmt.Sprintf("its name %s contains %q", automaton.Quote(s), s[i:i+1]),
				Hint: "printable ASCII characters without white space, braces, quotes and #"}
		}
	}
	return nil
}

// checkHost: names as they are resolved, *.suffix, and for Host addresses.
func checkHost(field, s string, addresses bool) *Error {
	if s == "" {
		return nil
	}
	name := strings.TrimSuffix(strings.TrimPrefix(s, "*."), ".")
	switch {
	case len(name) > MaxHost:
		return &Error{Field: field, Msg: fmt.Sprintf("%s has %d bytes", automaton.Quote(s), len(name)), Hint: fmt.Sprintf("at most %d", MaxHost)}
	case strings.Contains(name, "*"):
		return &Error{Field: field, Msg: automaton.Quote(s) + " has a * elsewhere than in front", Hint: "*.example.com stands for all names below example.com"}
	case addresses && strings.HasPrefix(s, "["):
		if strings.HasSuffix(s, "]") && strings.Trim(s[1:len(s)-1], "0123456789abcdefABCDEF:.") == "" {
			return nil
		}
	case strings.Contains(name, ":"):
		return &Error{Field: field, Msg: automaton.Quote(s) + " has a port", Hint: "hosts are compared without port; an IPv6 address is written in brackets"}
	}
	label := 0 // its length
	for i := 0; i <= len(name); i++ {
		if i < len(name) && inLabel[name[i]] {
			label++
			continue
		}
		if label == 0 || label > 63 || i < len(name) && name[i] != '.' {
			return &Error{Field: field, Msg: automaton.Quote(s) + " is not a host name",
				Hint: "labels of 1 to 63 letters, digits, - and _, with dots between; other alphabets as xn--"}
		}
		label = 0
	}
	return nil
}

var inLabel = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
		t[c] = true
	}
	return t
}()

func (p *Path) check() *Error {
	const field = "path"
	if p.Kind == None {
		return nil
	}
	if len(p.Value) > MaxValue {
		return &Error{Field: field, Msg: fmt.Sprintf("%d bytes", len(p.Value)), Hint: fmt.Sprintf("at most %d", MaxValue)}
	}
	if p.URI && p.Kind != Regex {
		return &Error{Field: field, Msg: "only a regular expression sees the query", Hint: "ask for query parameters beside the path"}
	}
	switch p.Kind {
	case Exact, Prefix:
		if p.Kind == Exact && p.Value == "*" {
			return nil // OPTIONS * has that for a path
		}
		if !strings.HasPrefix(p.Value, "/") {
			return &Error{Field: field, Msg: automaton.Quote(p.Value) + " does not begin with a slash", Hint: "a path always does"}
		}
		if i, why := badPathByte(p.Value); i >= 0 {
			return &Error{Field: field, Msg: fmt.Sprintf("%s, column %d: %s", automaton.Quote(p.Value), i+1, why)}
		}
	case Template:
		if _, err := ParseTemplate(p.Value); err != nil {
			return wrap(field, err)
		}
	case Regex:
		return checkRegex(field, p.Value, true)
	default:
		return &Error{Field: field, Msg: "a path cannot be " + p.Kind.String()}
	}
	return nil
}

// wrap keeps the message and the hint of an error of another kind.
func wrap(field string, err error) *Error {
	var te *TemplateError
	var ae *automaton.Error
	e := &Error{Field: field, Msg: err.Error()}
	switch {
	case errors.As(err, &te):
		e.Hint = te.Hint
	case errors.As(err, &ae):
		e.Hint = ae.Hint
	}
	if e.Hint != "" {
		e.Msg = strings.TrimSuffix(e.Msg, " ("+e.Hint+")")
	}
	return e
}

// checkRegex also finds literals that an input of ASCII cannot have.
func checkRegex(field, expr string, ascii bool) *Error {
	re, err := automaton.Parse(expr)
	if err != nil {
		return wrap(field, err)
	}
	if r := strayRune(re); ascii && r != 0 {
		return &Error{Field: field, Msg: fmt.Sprintf("pattern %s: no request target has the character %q", automaton.Quote(expr), r),
			Hint: fmt.Sprintf("clients send it as %s", percent(r))}
	}
	return nil
}

func percent(r rune) string {
	s := ""
	for _, b := range []byte(string(r)) {
		s += fmt.Sprintf("%%%02X", b)
	}
	return s
}

func (f *Field) check(what string, badName bool, hint string) *Error {
	switch {
	case f.Name == "":
		return &Error{Field: what, Msg: "it has no name"}
	case badName:
		return &Error{Field: what, Msg: automaton.Quote(f.Name) + " is not the name of a " + nameOf[what], Hint: hint}
	case len(f.Name)+len(f.Value) > MaxValue:
		return &Error{Field: what, Msg: fmt.Sprintf("%d bytes", len(f.Name)+len(f.Value)), Hint: fmt.Sprintf("at most %d", MaxValue)}
	}
	switch f.Kind {
	case Present:
		if f.Value != "" {
			return &Error{Field: what, Msg: f.Name + " is asked for alone and for a value"}
		}
	case Exact, Prefix:
		if strings.ContainsAny(f.Value, "\x00\r\n") || strings.Trim(f.Value, space) != f.Value && f.Kind == Exact {
			return &Error{Field: what, Msg: automaton.Quote(f.Value) + " is not a value", Hint: "no line ends, no white space at its ends"}
		}
	case Regex:
		return checkRegex(what, f.Value, what == "query")
	default:
		return &Error{Field: what, Msg: f.Name + " cannot be " + f.Kind.String()}
	}
	return nil
}

var nameOf = map[string]string{"header": "header", "cookie": "cookie", "query": "query parameter"}

// badToken is where a string stops to be a token of HTTP, -1 if nowhere.
func badToken(s string) int {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return i
		}
	}
	return -1
}

func isKnownMethod(s string) bool {
	switch s {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH":
		return true
	}
	return false
}
