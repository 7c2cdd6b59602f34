// SPDX-License-Identifier: MIT

// The lexer: words, quoted strings, and the three marks { } =.
//
// It is a value, not a goroutine: copying a lexer remembers a place, which is
// all the looking ahead the parser needs. Service names may contain '=', so
// the parser says which kind of word it expects.

package config

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/ktcpvs/ktcpvs/internal/ascii"
)

type tokenKind uint8

const (
	tokEOF tokenKind = iota
	tokWord
	tokString
	tokOpen  // {
	tokClose // }
	tokEqual // =
	tokBad   // text that is no token; err tells why
)

type token struct {
	kind tokenKind
	text string
	pos  Pos
	err  *Error // of tokBad, without a file
}

// show names a token in a message.
func (t token) show() string {
	switch t.kind {
	case tokEOF:
		return "the end of the file"
	case tokOpen:
		return `"{"`
	case tokClose:
		return `"}"`
	case tokEqual:
		return `"="`
	}
	return quote(t.text)
}

// quote shows a piece of somebody's input, never more than is useful.
func quote(s string) string {
	const most = 40
	if len(s) > most {
		cut := most
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		return fmt.Sprintf("%q...", s[:cut])
	}
	return fmt.Sprintf("%q", s)
}

type lexer struct {
	rest string
	pos  Pos
}

func newLexer(text string) lexer {
	// Editors on other systems put a mark in front; it says nothing.
	return lexer{rest: strings.TrimPrefix(text, "\ufeff"), pos: Pos{1, 1}}
}

// take consumes n bytes and keeps the position true. Columns count characters.
func (l *lexer) take(n int) string {
	s := l.rest[:n]
	l.rest = l.rest[n:]
	for i := 0; i < n; i++ {
		switch {
		case s[i] == '\n':
			l.pos = Pos{l.pos.Line + 1, 1}
		case utf8.RuneStart(s[i]):
			l.pos.Col++
		}
	}
	return s
}

func isSpace(c byte) bool {
	return c == ' ' || c >= '\t' && c <= '\r'
}

// What a byte can be without looking at what is around it.
const (
	inWord   = 1 << iota // of a word, whoever expects it
	inString             // of a quoted string
)

// plain tells of every byte that is ASCII and means nothing but itself. Files
// consist of little else, so only the others are looked at one by one.
var plain = func() (t [256]uint8) {
	for c := byte(' '); c < 0x7f; c++ {
		if strings.IndexByte(` {}"#=`, c) < 0 {
			t[c] |= inWord
		}
		if c != '"' && c != '\\' {
			t[c] |= inString
		}
	}
	t['\t'] |= inString
	return t
}()

// plainWord is how many bytes at the beginning of s are plain ones of a word.
func plainWord(s string) int {
	n := 0
	for n < len(s) && plain[s[n]]&inWord != 0 {
		n++
	}
	return n
}

// plainString is how many bytes at the beginning of s are plain ones of a string.
func plainString(s string) int {
	n := ascii.Run(s, ' ', '"', '\\')
	for n < len(s) && plain[s[n]]&inString != 0 {
		n++
	}
	return n
}

// isEnd tells whether the quote that ends a string is at i, and no backslash
// behind it.
func isEnd(s string, i int) bool {
	return i < len(s) && s[i] == '"' && (i+1 == len(s) || s[i+1] != '\\')
}

// plainLine appends the words of a line to list, if there is nothing but plain
// words and strings up to its end, and if the next line cannot go on with it.
func (l *lexer) plainLine(list []token) ([]token, bool) {
	s, pos := l.rest, l.pos
	at := 0
	for at < len(s) {
		t := token{pos: Pos{pos.Line, pos.Col + at}}
		n := 0
		switch c := s[at]; {
		case c == ' ' || c == '\t':
			at++
			continue
		case c == '\n':
			next := at + 1
			for next < len(s) && isSpace(s[next]) {
				next++
			}
			if next == len(s) || s[next] == '=' || s[next] == '#' {
				return list, false
			}
			l.rest, l.pos = s[at:], Pos{pos.Line, pos.Col + at}
			return list, true
		case c == '"':
			n = plainString(s[at+1:]) + 2
			if !isEnd(s, at+n-1) {
				return list, false
			}
			t.kind, t.text = tokString, s[at+1:at+n-1]
		default:
			n = plainWord(s[at:])
			if n == 0 || at+n == len(s) || !isSpace(s[at+n]) {
				return list, false
			}
			t.kind, t.text = tokWord, s[at:at+n]
		}
		list = append(list, t)
		at += n
	}
	return list, false
}

// takePlain is take of plain bytes.
func (l *lexer) takePlain(n int) string {
	s := l.rest[:n]
	l.rest = l.rest[n:]
	l.pos.Col += n
	return s
}

// skip passes over white space and comments.
func (l *lexer) skip() {
	for l.rest != "" {
		switch c := l.rest[0]; {
		case c == '#':
			l.skipLine()
		case c == '\n':
			l.rest = l.rest[1:]
			l.pos = Pos{l.pos.Line + 1, 1}
		case isSpace(c):
			l.takePlain(1)
		default:
			return
		}
	}
}

// skipLine goes to the end of the line, whatever is on it.
func (l *lexer) skipLine() {
	n := strings.IndexByte(l.rest, '\n')
	if n < 0 {
		n = len(l.rest)
	}
	l.take(n)
}

// next returns the next token; name says that the parser expects the name of
// a service, in which '=' is a letter as any other.
func (l *lexer) next(name bool) token {
	l.skip()
	t := token{pos: l.pos}
	if l.rest == "" {
		return t
	}
	switch l.rest[0] {
	case '{':
		t.kind = tokOpen
		l.take(1)
		return t
	case '}':
		t.kind = tokClose
		l.take(1)
		return t
	case '"':
		return l.str()
	case '=':
		if !name {
			t.kind = tokEqual
			l.take(1)
			return t
		}
	}
	t.kind = tokWord
	n := plainWord(l.rest)
	if n > 0 && (n == len(l.rest) || isSpace(l.rest[n]) || strings.IndexByte(`{}"#`, l.rest[n]) >= 0 || l.rest[n] == '=' && !name) {
		t.text = l.takePlain(n)
		return t
	}
	for n < len(l.rest) {
		c := l.rest[n]
		if isSpace(c) || strings.IndexByte(`{}"#`, c) >= 0 || c == '=' && !name {
			break
		}
		if c < ' ' || c == 0x7f {
			return l.bad(n, fmt.Sprintf("the byte 0x%02x does not belong into a configuration", c))
		}
		if r, size := utf8.DecodeRuneInString(l.rest[n:]); r == utf8.RuneError && size == 1 {
			return l.bad(n, fmt.Sprintf("the byte 0x%02x is not UTF-8", c))
		} else {
			n += size
		}
	}
	t.text = l.take(n)
	return t
}

// bad reports the byte at offset n and passes over the word around it.
func (l *lexer) bad(n int, msg string) token {
	l.take(n)
	t := token{kind: tokBad, pos: l.pos}
	t.err = &Error{Pos: l.pos, Msg: msg, Hint: "is this a text file?"}
	n = 1
	for n < len(l.rest) && !isSpace(l.rest[n]) && strings.IndexByte(`{}"#`, l.rest[n]) < 0 {
		n++
	}
	l.take(n)
	return t
}

// str reads a quoted string. Only \" is an escape: patterns are full of
// backslashes that must arrive as they are. So a last one cannot stand before the
// closing quote; it stands behind.
func (l *lexer) str() token {
	t := token{kind: tokString, pos: l.pos}
	if n := plainString(l.rest[1:]); isEnd(l.rest, n+1) {
		t.text = l.takePlain(n + 2)[1 : n+1]
		return t
	}
	l.take(1)
	var b strings.Builder
	for l.rest != "" && l.rest[0] != '\n' {
		c := l.rest[0]
		if c == '"' {
			l.take(1)
			// A value that ends in backslashes has them behind the quote.
			for l.rest != "" && l.rest[0] == '\\' {
				b.WriteString(l.take(1))
			}
			t.text = b.String()
			return t
		}
		if c == '\\' && len(l.rest) > 1 && l.rest[1] == '"' {
			b.WriteByte('"')
			l.take(2)
			continue
		}
		if c < ' ' && c != '\t' && c != '\r' || c == 0x7f {
			return l.bad(0, fmt.Sprintf("the byte 0x%02x does not belong into a configuration", c))
		}
		b.WriteByte(c)
		l.take(1)
	}
	t.kind = tokBad
	t.err = &Error{Pos: t.pos, Msg: "this string has no end",
		Hint: `close it with " on the same line; a quote inside is written \"`}
	return t
}
