// SPDX-License-Identifier: MIT

// Reading one expression. The parser is regexp/syntax; what stands before it is
// for those who come with extended POSIX expressions, the original's language.
// RE2's syntax contains nearly all of it. What it lacks, or reads in another
// way, is refused here by name and column, so that no pattern silently means
// something else than it did.

package automaton

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"strings"
)

// expr is a parsed pattern.
type expr struct {
	id   uint32
	sole bool
	text string
	prog *syntax.Prog
}

// parse reads an expression and compiles it to a program.
func parse(text string) (*expr, *Error) {
	re, err := parseSyntax(text)
	if err != nil {
		return nil, err
	}
	prog, cerr := syntax.Compile(re.Simplify())
	if cerr != nil {
		return nil, &Error{Expr: text, Msg: cerr.Error()}
	}
	return &expr{text: text, prog: prog}, nil
}

// Parse reads an expression as Compile does, for those who analyse it.
func Parse(text string) (*syntax.Regexp, error) {
	re, err := parseSyntax(text)
	if err != nil {
		return nil, err
	}
	return re, nil
}

func parseSyntax(text string) (*syntax.Regexp, *Error) {
	if e := prescan(text); e != nil {
		return nil, e
	}
	re, err := syntax.Parse(text, syntax.Perl)
	if err == nil {
		return re, nil
	}
	e := &Error{Expr: text, Msg: err.Error()}
	var se *syntax.Error
	if errors.As(err, &se) {
		e.Msg = fmt.Sprintf("%s: %s", se.Code, Quote(se.Expr))
		// The parser tells the text at fault, not its place; its last
		// occurrence is the place except where the same fault occurs twice.
		if at := strings.Index(text, se.Expr); at >= 0 && se.Expr != "" {
			e.Column = at + 1
		}
		switch se.Code {
		case syntax.ErrMissingRepeatArgument:
			e.Hint = `a literal ` + se.Expr[:1] + ` is written \` + se.Expr[:1]
		case syntax.ErrInvalidRepeatSize:
			e.Hint = "a repetition is at most 1000"
		case syntax.ErrInvalidRepeatOp:
			e.Hint = "put what is repeated twice in (?:...)"
		case syntax.ErrInvalidUTF8:
			e.Column = invalidUTF8(text) + 1
			e.Hint = `a byte outside UTF-8 is written \x{HH}, which stands for that character`
		}
	}
	return nil, e
}

func invalidUTF8(s string) int {
	for i, r := range s {
		if r == '\uFFFD' && !strings.HasPrefix(s[i:], "\uFFFD") {
			return i
		}
	}
	return 0
}

// unsupported are the constructs that no automaton or no RE2 has, by how they
// begin after a backslash or "(?".
var unsupportedEscapes = map[byte][2]string{
	'<':  {`the word boundary \<`, `\b matches at both ends of a word`},
	'>':  {`the word boundary \>`, `\b matches at both ends of a word`},
	'`':  {"the buffer anchor \\`", `the beginning is ^ or \A`},
	'\'': {`the buffer anchor \'`, `the end is $ or \z`},
	'Z':  {`the anchor \Z`, `the end is $ or \z`},
	'G':  {`the anchor \G`, `the beginning is ^ or \A`},
	'K':  {`the match reset \K`, "leave it out: only whether the pattern matches counts"},
	'k':  {`the back-reference \k`, "no automaton can express back-references"},
	'g':  {`the back-reference \g`, "no automaton can express back-references"},
	'R':  {`the escape \R`, "a request line has no line ends"},
	'X':  {`the escape \X`, "write . or a bracket expression"},
}

var unsupportedGroups = []struct{ begin, what, hint string }{
	{"(?=", "a look-ahead", "write the alternatives out"},
	{"(?!", "a negative look-ahead", "put a rule for what is not meant before this one"},
	{"(?<=", "a look-behind", "write the alternatives out"},
	{"(?<!", "a negative look-behind", "put a rule for what is not meant before this one"},
	{"(?>", "an atomic group", "(?:...) accepts the same or more"},
	{"(?|", "a branch reset", "number the groups as they stand"},
	{"(?#", "a comment", "leave it out"},
	{"(?(", "a condition", "write the alternatives out"},
	{"(?&", "a recursion", "no automaton can express recursion"},
	{"(?R", "a recursion", "no automaton can express recursion"},
}

// prescan finds what regexp/syntax would refuse with a message that does not
// help, or accept in another meaning than extended expressions give it.
func prescan(s string) *Error {
	fail := func(at int, what, hint string) *Error {
		return &Error{Expr: s, Column: at + 1, Msg: what + " cannot be expressed", Hint: hint}
	}
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			n := s[i+1]
			if n >= '1' && n <= '9' {
				return fail(i, fmt.Sprintf(`the back-reference \%c`, n), "no automaton can express back-references")
			}
			if u, ok := unsupportedEscapes[n]; ok {
				return fail(i, u[0], u[1])
			}
			if n == 'Q' { // quoted up to \E
				if end := strings.Index(s[i:], `\E`); end >= 0 {
					i += end + 2
					continue
				}
				return nil
			}
			i += 2
		case c == '[':
			end, e := bracket(s, i)
			if e != nil {
				return e
			}
			i = end
		case c == '(':
			for _, g := range unsupportedGroups {
				if strings.HasPrefix(s[i:], g.begin) {
					return fail(i, g.what+" "+g.begin, g.hint)
				}
			}
			i++
		case c == '{' && emptyMinimum(s[i:]):
			// Zero to N in GNU's extended expressions, literal text in RE2's.
			return fail(i, "a repetition without a minimum",
				`write {0,N}, or \{ for a brace`)
		default:
			i++
		}
	}
	return nil
}

// emptyMinimum tells whether s begins like {,3}.
func emptyMinimum(s string) bool {
	rest, ok := strings.CutPrefix(s, "{,")
	digits := strings.TrimLeft(rest, "0123456789")
	return ok && len(digits) < len(rest) && strings.HasPrefix(digits, "}")
}

// bracket passes over the bracket expression that begins at i.
func bracket(s string, i int) (int, *Error) {
	begin := i
	i++
	if i < len(s) && s[i] == '^' {
		i++
	}
	if i < len(s) && s[i] == ']' { // a bracket that comes first is itself
		i++
	}
	for i < len(s) && s[i] != ']' {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i += 2
		case strings.HasPrefix(s[i:], "[.") && strings.Contains(s[i+2:], ".]"):
			return 0, &Error{Expr: s, Column: i + 1, Msg: "a collating element [. .] cannot be expressed",
				Hint: "write the character itself"}
		case strings.HasPrefix(s[i:], "[=") && strings.Contains(s[i+2:], "=]"):
			return 0, &Error{Expr: s, Column: i + 1, Msg: "an equivalence class [= =] cannot be expressed",
				Hint: "write the characters themselves"}
		case strings.HasPrefix(s[i:], "[:"):
			if end := strings.Index(s[i+2:], ":]"); end >= 0 {
				i += 2 + end + 2
			} else {
				i++
			}
		default:
			i++
		}
	}
	if i >= len(s) {
		return 0, &Error{Expr: s, Column: begin + 1, Msg: "the bracket expression is not ended",
			Hint: `a literal [ is written \[`}
	}
	return i + 1, nil
}
