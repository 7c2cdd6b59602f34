// SPDX-License-Identifier: MIT

package automaton

import (
	"errors"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// spans compares every group of an expression with package regexp on an input.
func spans(t *testing.T, expr string, re *regexp.Regexp, tables []*Capture, in string) {
	t.Helper()
	want := re.FindStringSubmatchIndex(in)
	for g, c := range tables {
		from, to := c.Run(in)
		a, b := -1, -1
		if want != nil {
			a, b = want[2*g], want[2*g+1]
		}
		if from != a || to != b {
			t.Fatalf("%q, group %d of %q: %d to %d, want %d to %d", expr, g, in, from, to, a, b)
		}
	}
}

func captureTables(t *testing.T, expr string) (*regexp.Regexp, []*Capture) {
	t.Helper()
	re := regexp.MustCompile(expr)
	var tables []*Capture
	for g := 0; g <= re.NumSubexp() && g <= MaxGroup; g++ {
		b, err := CompileCapture(expr, g, DefaultBytes)
		if err != nil {
			t.Fatal(err)
		}
		c, err := VerifyCapture(b)
		if err != nil {
			t.Fatalf("%q: %v", expr, err)
		}
		tables = append(tables, c)
	}
	return re, tables
}

// Expressions in which preference, places and empty matches matter.
var captureExprs = []string{
	`/users/([^/]+)/.*`, `^/images/`, `.*`, `^.*$`, `(a+)(a+)`, `(a+?)(a+)`, `(a|ab)(c|bcd)(d*)`,
	`(a*)*`, `(a*)+b`, `((a)|(b))*`, `(|a)*`, `(|a)+`, `(a??)*b`, `(a|b|ab)*?c`, `x*(y*)z?`, `(^a)|(b$)`,
	`\b(\w+)\b`, `\B(.)\B`, `(?m)^(.*)$`, `(?i)id=([^&]*)`, `[?&]u=([^&]*)`, `(a(b(c)?)?)?d`, `()`, `(a)|b`,
	`(?:(a)|b)+`, `(.*)/(.*)`, `(.*?)/(.*)`, `a{2,3}(a{0,2})`, `(?s)(.)\n?`, `\A(/[^/]*)`, `([^/]+)\z`,
	`(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)`,
}

func TestCaptures(t *testing.T) {
	inputs := []string{"", "a", "b", "ab", "ba", "aa", "aaa", "abcd", "abc", "/", "/users/alice/x", "/x/users//users/bob/y/users/eve/",
		"/users/", "/users/a", "/images/x", "x yz", "foo bar", "foo\nbar\n", "/p?u=1&u=2", "?ID=Q&id=r", "aab/aab/b", "abcdefghij",
		strings.Repeat("ab/", 200), "\x80\xffa", "a\x80"}
	for _, expr := range captureExprs {
		re, tables := captureTables(t, expr)
		for _, in := range inputs {
			spans(t, expr, re, tables, in)
		}
	}
}

// Random expressions on random inputs: every group lies where package regexp says.
func TestCapturesRandom(t *testing.T) {
	rng := rand.New(rand.NewPCG(29, 1))
	var make func(depth int) string
	make = func(depth int) string {
		atom := []string{"a", "b", "c", ".", "[ab]", "[^a]", "", "^", "$", `\b`, `\B`, "(?m:^)", "(?m:$)"}
		if depth == 0 || rng.IntN(5) == 0 {
			return atom[rng.IntN(len(atom))]
		}
		switch rng.IntN(6) {
		case 0, 1:
			return make(depth-1) + make(depth-1)
		case 2:
			return "(?:" + make(depth-1) + "|" + make(depth-1) + ")"
		case 3, 4:
			return "(" + make(depth-1) + ")"
		default:
			q := []string{"*", "+", "?", "*?", "+?", "??", "{0,2}", "{2}"}
			return "(?:" + make(depth-1) + ")" + q[rng.IntN(len(q))]
		}
	}
	tried := 0
	for range 3000 {
		expr := make(4)
		if re, err := regexp.Compile(expr); err != nil || re.NumSubexp() > MaxGroup {
			continue
		}
		if _, err := Groups(expr); err != nil {
			continue
		}
		tried++
		re, tables := captureTables(t, expr)
		for range 12 {
			in := strings.Builder{}
			for range rng.IntN(12) {
				in.WriteByte("abc \n\xff"[rng.IntN(6)])
			}
			spans(t, expr, re, tables, in.String())
		}
	}
	if tried < 2000 {
		t.Errorf("only %d expressions", tried)
	}
}

// What cannot be had is refused by name.
func TestCaptureErrors(t *testing.T) {
	for _, tt := range []struct {
		expr  string
		group int
		bytes int
		want  string
	}{
		{`(a)`, 2, DefaultBytes, "no group 2"}, {`a`, -1, DefaultBytes, "no group"}, {`(`, 0, DefaultBytes, "missing closing"},
		{"(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)", 11, DefaultBytes, "no group 11"},
		{`/users/([^/]+)/`, 1, 500, "too large"}, {`(a.{300}){3}b`, 1, 100_000, "too large"},
	} {
		_, err := CompileCapture(tt.expr, tt.group, tt.bytes)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), tt.want) || e.Expr != tt.expr {
			t.Errorf("%s: %v", tt.expr, err)
		}
	}
}

// A table is taken whole or not at all.
func TestCaptureVerify(t *testing.T) {
	b, err := CompileCapture(`/users/([^/]+)/`, 1, DefaultBytes)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(29, 2))
	for range 20000 {
		bad := append([]byte(nil), b...)
		for range 1 + rng.IntN(3) {
			bad[rng.IntN(len(bad))] = byte(rng.Uint32())
		}
		if c, err := VerifyCapture(bad[:len(bad)-rng.IntN(2)*4]); err == nil {
			c.Run("/a/users/bob/") // does not read outside
		}
	}
}
