// SPDX-License-Identifier: MIT

// What a regular expression really is. Most patterns in use are a prefix, an
// exact path or a template in disguise; as such they go into an index, whose
// cost does not grow with the rules, and leave the automaton to those that
// need it.

package rules

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ktcpvs/ktcpvs/internal/automaton"
)

// IsDefault tells whether a pattern is one of those that made a rule of the
// original its default.
func IsDefault(pattern string) bool {
	switch pattern {
	case ".*", "^/.*", "*", "/*":
		return true
	}
	return false
}

// FromPattern is the condition that a pattern stands for, the cheapest that
// holds for the same requests; Kind None if it holds for all. With uri the
// pattern sees path?query, as the original's did.
func FromPattern(pattern string, uri bool) (Path, error) {
	if IsDefault(pattern) {
		return Path{}, nil
	}
	re, err := automaton.Parse(pattern)
	if err != nil {
		return Path{}, err
	}
	regex := Path{Kind: Regex, Value: pattern, URI: uri}
	seq := flatten(nil, re)
	if len(seq) == 0 || everything(seq) { // matches at once, or anywhere
		return Path{}, nil
	}
	if seq[0].Op != syntax.OpBeginText {
		return regex, nil
	}
	seq = seq[1:]
	if everything(seq) {
		return Path{}, nil
	}
	ended := false
	if n := len(seq) - 1; seq[n].Op == syntax.OpEndText {
		seq, ended = seq[:n], true
	}
	// What may follow at the end makes the end's anchor meaningless.
	if n := len(seq) - 1; n >= 0 && isAnything(seq[n]) {
		seq, ended = seq[:n], false
	}
	if everything(seq) && !ended {
		return Path{}, nil
	}
	t, ok := template(seq)
	if !ok {
		return regex, nil
	}
	if len(t) == 1 && t[0].param == 0 && !ended {
		// The query cannot decide whether a path begins so.
		return Path{Kind: Prefix, Value: t[0].text}, nil
	}
	if uri || !ended {
		// With an end, a query would make it fail, and [^/]+ spans a "?".
		return regex, nil
	}
	if len(t) == 1 && t[0].param == 0 {
		return Path{Kind: Exact, Value: t[0].text}, nil
	}
	return Path{Kind: Template, Value: templateText(t)}, nil
}

// flatten is the sequence of which an expression consists. Groups are looked
// through: what they captured matters to a hash, not to a match.
func flatten(seq []*syntax.Regexp, re *syntax.Regexp) []*syntax.Regexp {
	switch re.Op {
	case syntax.OpEmptyMatch:
		return seq
	case syntax.OpCapture, syntax.OpConcat:
		for _, sub := range re.Sub {
			seq = flatten(seq, sub)
		}
		return seq
	}
	return append(seq, re)
}

func everything(seq []*syntax.Regexp) bool {
	return !slices.ContainsFunc(seq, func(re *syntax.Regexp) bool { return !isAnything(re) })
}

// isAnything: .* in either meaning of the dot, for no target has a line end.
func isAnything(re *syntax.Regexp) bool {
	if re.Op != syntax.OpStar {
		return false
	}
	sub := re.Sub[0]
	for sub.Op == syntax.OpCapture {
		sub = sub.Sub[0]
	}
	return sub.Op == syntax.OpAnyChar || sub.Op == syntax.OpAnyCharNotNL
}

// isSegment: [^/]+.
func isSegment(re *syntax.Regexp) bool {
	if re.Op != syntax.OpPlus {
		return false
	}
	sub := re.Sub[0]
	for sub.Op == syntax.OpCapture {
		sub = sub.Sub[0]
	}
	return sub.Op == syntax.OpCharClass && slices.Equal(sub.Rune, []rune{0, '/' - 1, '/' + 1, unicode.MaxRune})
}

// piece is literal text or, with param, the n-th parameter.
type piece struct {
	text  string
	param int
}

// template reads literals and [^/]+ as the pieces of a template.
func template(seq []*syntax.Regexp) ([]piece, bool) {
	var t []piece
	params := 0
	for _, re := range seq {
		last := len(t) - 1
		switch {
		case re.Op == syntax.OpLiteral && re.Flags&syntax.FoldCase == 0:
			s := string(re.Rune)
			if last >= 0 && t[last].param == 0 {
				t[last].text += s
			} else {
				t = append(t, piece{text: s})
			}
		case isSegment(re):
			// Two parameters need a slash between them.
			if last >= 0 && (t[last].param > 0 || params > 0 && !strings.Contains(t[last].text, "/")) {
				return nil, false
			}
			params++
			t = append(t, piece{param: params})
		default:
			return nil, false
		}
	}
	if len(t) == 0 || !strings.HasPrefix(t[0].text, "/") {
		return nil, false
	}
	for _, p := range t {
		// What cannot be in a path is left to the expression.
		if i, _ := badPathByte(p.text); i >= 0 || params > 0 && strings.ContainsAny(p.text, "{}") {
			return nil, false
		}
	}
	return t, true
}

func templateText(t []piece) string {
	var b strings.Builder
	for _, p := range t {
		if p.param > 0 {
			b.WriteString("{" + paramName(p.param) + "}")
		} else {
			b.WriteString(p.text)
		}
	}
	return b.String()
}

// paramName: a, b, ..., z, aa, ...
func paramName(n int) string {
	s := ""
	for ; n > 0; n = (n - 1) / 26 {
		s = string(rune('a'+(n-1)%26)) + s
	}
	return s
}

// strayRune is a character beyond ASCII that an expression asks for, 0 if none.
func strayRune(re *syntax.Regexp) rune {
	if re.Op == syntax.OpLiteral {
		for _, r := range re.Rune {
			if r >= utf8.RuneSelf {
				return r
			}
		}
	}
	if re.Op == syntax.OpCharClass && len(re.Rune) > 0 && re.Rune[0] >= utf8.RuneSelf {
		return re.Rune[0]
	}
	for _, sub := range re.Sub {
		if r := strayRune(sub); r != 0 {
			return r
		}
	}
	return 0
}

func quoteRegex(s string) string { return regexp.QuoteMeta(s) }
