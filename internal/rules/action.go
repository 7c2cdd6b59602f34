// SPDX-License-Identifier: MIT

// What a rule does with a request.

package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ktcpvs/ktcpvs/internal/automaton"
)

// ActionKind says what is done.
type ActionKind uint8

// The actions.
const (
	NoAction ActionKind = iota
	UseSet              // one of a set of servers, by the set's own scheduler
	Redirect
	Answer
	Reject // the connection is reset
)

// Action is what is done with a request that meets a rule.
type Action struct {
	Kind     ActionKind
	Set      string // UseSet: its name
	Status   int    // Redirect, Answer
	Location string // Redirect: a template with variables
	Body     string // Answer
}

// MaxBody is the longest body of a fixed answer.
const MaxBody = 4096

// MaxLocation is the longest template of a redirect.
const MaxLocation = 1024

// Redirects are the statuses that a redirect may have.
var Redirects = []int{301, 302, 303, 307, 308}

// Variables are what a Location may name. $query brings its question mark and
// is empty without a query, so that $path$query is the target as it came.
var Variables = []string{"host", "path", "query", "scheme"}

// variables cuts a Location into literal text and the variables behind each.
func variables(location string) (text, names []string, at int, ok bool) {
	var b strings.Builder
	for i := 0; i < len(location); {
		if location[i] != '$' {
			b.WriteByte(location[i])
			i++
			continue
		}
		if strings.HasPrefix(location[i:], "$$") { // a dollar itself
			b.WriteByte('$')
			i += 2
			continue
		}
		end := i + 1
		for end < len(location) && location[end] >= 'a' && location[end] <= 'z' {
			end++
		}
		if !slices.Contains(Variables, location[i+1:end]) {
			return nil, nil, i, false
		}
		text, names = append(text, b.String()), append(names, location[i+1:end])
		b.Reset()
		i = end
	}
	return append(text, b.String()), names, 0, true
}

// Expand is the Location of a redirect for a request.
func (a *Action) Expand(r *Request) string {
	text, names, _, ok := variables(a.Location)
	if !ok {
		return a.Location
	}
	var b strings.Builder
	for i, t := range text {
		b.WriteString(t)
		if i == len(names) {
			break
		}
		switch names[i] {
		case "host":
			b.WriteString(hostOf(r.Host))
		case "path":
			b.WriteString(r.Path)
		case "query":
			if r.HasQuery {
				b.WriteString("?" + r.Query)
			}
		case "scheme":
			if r.TLS {
				b.WriteString("https")
			} else {
				b.WriteString("http")
			}
		}
	}
	return b.String()
}

func (a *Action) check() *Error {
	switch a.Kind {
	case UseSet:
		if a.Set == "" {
			return &Error{Field: "action", Msg: "it names no server set"}
		}
	case Redirect:
		if !slices.Contains(Redirects, a.Status) {
			return &Error{Field: "redirect", Msg: fmt.Sprintf("%d is not a status of redirects", a.Status),
				Hint: "301, 302, 303, 307 or 308"}
		}
		return checkLocation(a.Location)
	case Answer:
		if a.Status < 200 || a.Status > 599 {
			return &Error{Field: "answer", Msg: fmt.Sprintf("%d is not a final status", a.Status), Hint: "200 to 599"}
		}
		if len(a.Body) > MaxBody {
			return &Error{Field: "answer", Msg: fmt.Sprintf("the body has %d bytes", len(a.Body)),
				Hint: fmt.Sprintf("at most %d; a server can send more", MaxBody)}
		}
		if a.Body != "" && (a.Status == 204 || a.Status == 205 || a.Status == 304) {
			return &Error{Field: "answer", Msg: fmt.Sprintf("a response %d has no body", a.Status)}
		}
	case Reject:
	default:
		return &Error{Field: "action", Msg: "the rule does nothing",
			Hint: "a server set, a redirect, an answer or reject"}
	}
	return nil
}

func checkLocation(s string) *Error {
	const field = "redirect"
	switch {
	case s == "":
		return &Error{Field: field, Msg: "it has no target", Hint: "such as https://$host$path$query"}
	case len(s) > MaxLocation:
		return &Error{Field: field, Msg: fmt.Sprintf("the target has %d bytes", len(s)), Hint: fmt.Sprintf("at most %d", MaxLocation)}
	}
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7F {
			return &Error{Field: field, Msg: fmt.Sprintf("target %s, column %d: a byte %#02x", automaton.Quote(s), i+1, s[i]),
				Hint: "a URI is printable ASCII without spaces; percent-encode others"}
		}
	}
	if _, _, at, ok := variables(s); !ok {
		return &Error{Field: field, Msg: fmt.Sprintf("target %s, column %d: no such variable", automaton.Quote(s), at+1),
			Hint: "$host, $path, $query, $scheme, and $$ for a dollar"}
	}
	return nil
}
