// SPDX-License-Identifier: MIT

// Package rules is the model of content switching: what a rule may ask of a
// request and do with it, which tables make sense, and which rule a request
// meets.
//
// A table is an ordered list of rules; the first that matches wins. A rule is a
// conjunction: every condition it states must hold, and one without any is the
// default. Paths and values are compared byte by byte as they came, neither
// decoded nor normalised; host names without regard to case, port and a
// trailing dot.
//
// Table.Lookup is the reference: as simple as can be, rule by rule. The kernel
// finds the same rule by indexes and automata, and testdata/rules holds both to
// the same cases.
//
// The files: match.go the reference matcher, template.go path templates,
// action.go what is done with a request, check.go which rules and tables are
// refused, pattern.go what a regular expression of the original really is,
// compile.go the automata of a table.
package rules

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Rule is one line of a table.
type Rule struct {
	ID     uint32 // stable, unique in the table
	Name   string // "" if it has none
	Match  Match
	Action Action
}

// Match is what a rule asks of a request. A zero field asks nothing.
type Match struct {
	Host    string // "www.example.com", or "*.example.com" for all below it
	Path    Path
	Methods []string       // one of them
	Headers []Field        // all of them
	Cookies []Field        // all of them
	Query   []Field        // all of them
	Sources []netip.Prefix // one of them
	SNI     string         // as Host, in mode tls
	ALPN    []string       // one of them is offered, in mode tls
}

// Kind is how a value is compared.
type Kind uint8

// The kinds. Present is for fields alone, Template for paths alone.
const (
	None Kind = iota
	Present
	Exact
	Prefix
	Template
	Regex
)

var kindNames = [...]string{"none", "present", "exact", "prefix", "template", "regex"}

func (k Kind) String() string { return kindNames[k] }

// Path is a condition on the request target.
type Path struct {
	Kind  Kind
	Value string
	// URI makes a Regex see path?query, as the original's patterns did,
	// instead of the path alone.
	URI bool
}

// Field is a condition on a header, a cookie or a query parameter, which holds
// if one of those of that name meets it.
type Field struct {
	Name  string
	Kind  Kind
	Value string
}

// Any tells whether the rule is a default, which every request meets.
func (m *Match) Any() bool {
	return m.Host == "" && m.Path.Kind == None && m.SNI == "" &&
		m.simple()
}

// simple tells whether host, SNI and path are all that it asks.
func (m *Match) simple() bool {
	return len(m.Methods)+len(m.Headers)+len(m.Cookies)+len(m.Query)+len(m.Sources)+len(m.ALPN) == 0
}

// Equal tells whether two matches say the same in the same order.
func (m *Match) Equal(o *Match) bool {
	if m.Host != o.Host || m.Path != o.Path || m.SNI != o.SNI {
		return false
	}
	return m.simple() && o.simple() ||
		slices.Equal(m.Methods, o.Methods) && slices.Equal(m.Headers, o.Headers) &&
			slices.Equal(m.Cookies, o.Cookies) && slices.Equal(m.Query, o.Query) &&
			slices.Equal(m.Sources, o.Sources) && slices.Equal(m.ALPN, o.ALPN)
}

// Add adds the condition that is called so: "host", "path", "header-prefix", ...
func (m *Match) Add(key, value string) error {
	switch key {
	case "host":
		m.Host = value
	case "sni":
		m.SNI = value
	case "alpn":
		m.ALPN = append(m.ALPN, strings.Split(value, ",")...)
	case "path":
		m.Path = Path{Kind: Exact, Value: value}
	case "prefix":
		m.Path = Path{Kind: Prefix, Value: value}
	case "template":
		m.Path = Path{Kind: Template, Value: value}
	case "regex", "uri-regex":
		m.Path = Path{Kind: Regex, Value: value, URI: key == "uri-regex"}
	case "method":
		m.Methods = append(m.Methods, strings.Split(value, ",")...)
	case "source":
		for s := range strings.SplitSeq(value, ",") {
			p, err := netip.ParsePrefix(s)
			if err != nil {
				return err
			}
			m.Sources = append(m.Sources, p)
		}
	default:
		return m.addField(key, value)
	}
	return nil
}

func (m *Match) addField(key, value string) error {
	fields := map[string]*[]Field{"header": &m.Headers, "cookie": &m.Cookies, "query": &m.Query}
	kinds := map[string]Kind{"exact": Exact, "prefix": Prefix, "regex": Regex}
	what, how, _ := strings.Cut(key, "-")
	switch {
	case fields[key] != nil:
		*fields[key] = append(*fields[key], Field{Name: value, Kind: Present})
	case fields[what] != nil && kinds[how] != None:
		name, v, _ := strings.Cut(value, "=")
		*fields[what] = append(*fields[what], Field{Name: name, Kind: kinds[how], Value: v})
	default:
		return fmt.Errorf("unknown key %q", key)
	}
	return nil
}

// Table is an ordered list of rules.
type Table []Rule

// List is a table, wherever its rules lie.
type List interface {
	Len() int
	At(i int) *Rule
}

// Len is the number of rules.
func (t Table) Len() int { return len(t) }

// At is the rule of that index.
func (t Table) At(i int) *Rule { return &t[i] }

// Ordered is the table with its default rules last, wherever they stood; the
// others keep their order.
func (t Table) Ordered() Table {
	out := make(Table, 0, len(t))
	for _, r := range t {
		if !r.Match.Any() {
			out = append(out, r)
		}
	}
	for _, r := range t {
		if r.Match.Any() {
			out = append(out, r)
		}
	}
	return out
}

// Request is what rules can ask about.
type Request struct {
	Method   string
	Host     string // as in Host or the target, with or without a port; "" = none
	Path     string
	Query    string // without its question mark
	HasQuery bool   // "/a?" has a query, an empty one
	Headers  []Header
	Source   netip.Addr
	SNI      string // "" = none
	ALPN     []string
	TLS      bool // the client came by TLS, which $scheme tells
}

// Header is one header line.
type Header struct{ Name, Value string }

// URI is the path and the query, if there is one.
func (r *Request) URI() string {
	if r.HasQuery {
		return r.Path + "?" + r.Query
	}
	return r.Path
}

// SetTarget takes path and query from a request target in origin form.
func (r *Request) SetTarget(target string) {
	r.Path, r.Query, r.HasQuery = strings.Cut(target, "?")
}
