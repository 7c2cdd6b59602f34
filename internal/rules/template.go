// SPDX-License-Identifier: MIT

// Path templates as API descriptions have them: /users/{id}/posts. A parameter
// stands for at least one byte other than a slash, and may have literal text
// before and behind it in its segment: /a/v{x}.json.

package rules

import (
	"fmt"
	"strings"

	"github.com/ktcpvs/ktcpvs/internal/ascii"
	"github.com/ktcpvs/ktcpvs/internal/automaton"
)

// PathTemplate is a parsed template.
type PathTemplate []Segment

// Segment is what stands between two slashes.
type Segment struct {
	Prefix string // the whole segment if there is no parameter
	Param  string // name of the parameter, "" if there is none
	Suffix string
}

// TemplateError says where a template is wrong.
type TemplateError struct {
	Template string
	Column   int // from 1, in bytes
	Msg      string
	Hint     string
}

func (e *TemplateError) Error() string {
	s := fmt.Sprintf("template %s, column %d: %s", automaton.Quote(e.Template), e.Column, e.Msg)
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// ParseTemplate reads a template.
func ParseTemplate(s string) (PathTemplate, error) {
	fail := func(at int, msg, hint string) (PathTemplate, error) {
		return nil, &TemplateError{Template: s, Column: at + 1, Msg: msg, Hint: hint}
	}
	if !strings.HasPrefix(s, "/") {
		return fail(0, "it does not begin with a slash", "a path always does")
	}
	if i, why := badPathByte(s); i >= 0 {
		return fail(i, why, "")
	}
	var t PathTemplate
	at := 1
	for text := range strings.SplitSeq(s[1:], "/") {
		seg := Segment{Prefix: text}
		open := strings.IndexByte(text, '{')
		closing := strings.IndexByte(text, '}')
		switch {
		case open < 0 && closing < 0:
		case closing < 0:
			return fail(at+open, "the parameter is not ended in its segment", "a parameter is {name}, without a slash")
		case open < 0 || closing < open:
			return fail(at+closing, "this } ends nothing", "a parameter is {name}")
		default:
			seg = Segment{text[:open], text[open+1 : closing], text[closing+1:]}
			switch {
			case seg.Param == "":
				return fail(at+open, "the parameter has no name", "a parameter is {name}; the name has no meaning but to be read")
			case strings.ContainsRune(seg.Param, '{'):
				return fail(at+open+1+strings.IndexByte(seg.Param, '{'), "a parameter in a parameter", "a parameter is {name}")
			case strings.ContainsAny(seg.Suffix, "{}"):
				return fail(at+closing+1+strings.IndexAny(seg.Suffix, "{}"), "a second parameter in one segment",
					"a segment has one parameter; make it a regular expression")
			}
		}
		t = append(t, seg)
		at += len(text) + 1
	}
	return t, nil
}

// badPathByte finds what no path of a request has, since the parser refuses it.
func badPathByte(s string) (at int, why string) {
	for i := ascii.Run(s, '!', '?', '#'); i < len(s); i++ {
		switch c := s[i]; {
		case c == '?':
			return i, "a path has no ?: what follows it is the query"
		case c == '#':
			return i, "a request has no #: clients keep fragments to themselves"
		case c <= ' ' || c >= 0x7F:
			return i, fmt.Sprintf("a path has no byte %#02x: clients send it as %%%02X", c, c)
		}
	}
	return -1, ""
}

// String is the template as it is written.
func (t PathTemplate) String() string {
	var b strings.Builder
	for _, s := range t {
		b.WriteString("/" + s.Prefix)
		if s.Param != "" {
			b.WriteString("{" + s.Param + "}" + s.Suffix)
		}
	}
	return b.String()
}

// Matches tells whether the whole path is one of the template's.
func (t PathTemplate) Matches(path string) bool {
	rest, ok := strings.CutPrefix(path, "/")
	if !ok {
		return false
	}
	segments := strings.Split(rest, "/")
	if len(segments) != len(t) {
		return false
	}
	for i, s := range t {
		if !s.matches(segments[i]) {
			return false
		}
	}
	return true
}

func (s Segment) matches(text string) bool {
	if s.Param == "" {
		return text == s.Prefix
	}
	return len(text) > len(s.Prefix)+len(s.Suffix) &&
		strings.HasPrefix(text, s.Prefix) && strings.HasSuffix(text, s.Suffix)
}

// Regex is the expression that matches the same paths.
func (t PathTemplate) Regex() string {
	var b strings.Builder
	b.WriteString("^")
	for _, s := range t {
		b.WriteString("/" + quoteRegex(s.Prefix))
		if s.Param != "" {
			b.WriteString("[^/]+" + quoteRegex(s.Suffix))
		}
	}
	return b.String() + "$"
}
