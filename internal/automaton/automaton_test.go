// SPDX-License-Identifier: MIT

package automaton

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// compile is Compile with its blobs verified.
func compile(t testing.TB, ps []Pattern, o Options) []*Machine {
	t.Helper()
	as, err := Compile(ps, o)
	if err != nil {
		t.Fatalf("Compile(%+v): %v", ps, err)
	}
	var ms []*Machine
	for _, a := range as {
		m, err := Verify(a.Blob, 1<<32)
		if err != nil {
			t.Fatalf("Verify of %+v: %v", ps, err)
		}
		ms = append(ms, m)
	}
	return ms
}

// told is what all machines tell, ascending.
func told(ms []*Machine, input string) []uint32 {
	var ids []uint32
	for _, m := range ms {
		ids = append(ids, m.Run(input)...)
	}
	slices.Sort(ids)
	return ids
}

// meant is what package regexp says, up to the first sole pattern.
func meant(ps []Pattern, input string) []uint32 {
	var ids []uint32
	for _, p := range ps {
		if regexp.MustCompile(p.Expr).MatchString(input) {
			ids = append(ids, p.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// TestInputs are judged by package regexp, so a row is only the interesting
// pairs of an expression and inputs.
func TestInputs(t *testing.T) {
	for _, c := range []struct {
		expr   string
		inputs string // by spaces; "" is always among them
	}{
		{`^/images/`, "/images/ /images/a /images /x/images/ //images/"},
		{`/users/([^/]+)/.*`, "/users/a/b /x/users/a/b /users//b /users/a /users/a/"},
		{`^/users/[^/]+/posts$`, "/users/a/posts /users/a/posts/ /users//posts /users/é/posts /users/\xff/posts"},
		{`.*`, "a"},
		{`^$`, "a"},
		{`$^`, "a"},
		{`a$`, "a ab ba"},
		{`\Aa\z`, "a ab ba"},
		{`(?i)index\.html?$`, "INDEX.HTM index.html Index.HtmlX indexxhtml"},
		{`(?i)ſk`, "SK sk ſk ſK ſK xſkx"},
		{`\.(gif|jpe?g|png)$`, "/a.gif /a.jpg /a.jpeg /a.jpeeg /a.png/ .gif gif"},
		{`\bfoo\b`, "foo /foo/ foobar xfoo -foo- foo_ éfooé foo\xff \nfoo\n"},
		{`\Bfoo\B`, "foo /foo/ xfoox xfoo _foo_ éfooé"},
		{`\b`, "a / /a é"},
		{`\B`, "a / /a é"},
		{`(?m)^b$`, "b a\nb b\na a\nb\na ab a\nbc"},
		{`(?m)^$`, "a \n a\n \na a\n\nb"},
		{`(?s)^.$`, "a ab \n é \xc3 \xc3\xa9\xa9"},
		{`^.$`, "a \n é 世 😀 \xff \xe4\xb8 \xe4\xb8\x96 \xf0\x9f\x98\x80 \xf0\x9f\x98 \xed\xa0\x80 \xc0\x80 \xf4\x90\x80\x80"},
		{`^..$`, "é\xff \xe4\xb8 \xe4\xb8x 世a \xf0\x9f"},
		{`^...$`, "\xf0\x9f\x98 \xed\xa0\x80 \xe4\xb8\xe4 \xe0\x80\x80"},
		{`^\x{FFFD}$`, "\xff \x80 \uFFFD \xe4 \xe4\xb8"},
		{`^[^\x{FFFD}]$`, "\xff \x80 \uFFFD a é"},
		{`^\p{Greek}+$`, "αβγ αaβ Ωὠ α\xce"},
		{`^\pL+\d{2,4}$`, "é12 世1234 世12345 a1"},
		{`^[[:alpha:]]+[[:digit:]]*$`, "abc abc12 1 é"},
		{`^[]a]+$`, "] a]a b"},
		{`^[^]a]+$`, "] b ba"},
		{`(a|ab)(c|bcd)$`, "abcd abc acd xabcd"},
		{`^(?:a*)*$`, "aaaa aab"},
		{`^(a?){5}b`, "b aaaaab aaaaaab"},
		{`x{3}`, "xx xxx xxxx axxxb"},
		{`^\Qa.b\E$`, "a.b axb"},
		{`[\d_]-`, "1- _- a-"},
		{`^/a//b\?c=\d+&`, "/a//b?c=12&d /a//b?c=&"},
		{`\x{10000}|\x{10FFFF}`, "𐀀 \U0010FFFF 😀 \xf0\x90\x80"},
		{`[^a-z]`, "abc aBc é"},
		{`[^\x00-\x{10FFFF}]`, "a \xff"},
	} {
		ps := []Pattern{{ID: 3, Expr: c.expr}}
		ms := compile(t, ps, Options{})
		for _, in := range append(strings.Split(c.inputs, " "), "") {
			if got, want := told(ms, in), meant(ps, in); !slices.Equal(got, want) {
				t.Errorf("%q on %q: %v, want %v", c.expr, in, got, want)
			}
		}
	}
}

// TestSmallest holds the size against what can be counted by hand.
func TestSmallest(t *testing.T) {
	for _, c := range []struct {
		exprs           []string
		states, classes int // with the dead state
	}{
		{[]string{`.*`}, 2, 1},
		{[]string{`a^`}, 1, 1},
		{[]string{`^a`}, 3, 2},
		{[]string{`^a$`}, 3, 2},
		{[]string{`a`}, 3, 2},
		{[]string{`^[ab]c$`}, 4, 3},
		{[]string{`^(ac|bc)$`}, 4, 3},
		{[]string{`^ac$`, `^bc$`}, 6, 4},             // what accepts differently is not one
		{[]string{`^/[a-z]+$`, `^/[^/]+$`}, 5, 3},    // a..z, the slash, the rest
		{[]string{`^(a|b|c|d|e)(a|b|c|d|e)$`}, 4, 2}, // bytes are one class in the end
		{[]string{`(?s)a.{5}b`}, 1 + 64 + 1, 3},      // a window of six, the match, and dead
	} {
		var ps []Pattern
		for i, e := range c.exprs {
			ps = append(ps, Pattern{ID: uint32(i), Expr: e})
		}
		as, err := Compile(ps, Options{ASCII: true})
		if err != nil {
			t.Fatal(err)
		}
		if len(as) != 1 || as[0].States != c.states || as[0].Classes != c.classes {
			t.Errorf("%q: %d automata, %d states, %d classes, want %d and %d", c.exprs,
				len(as), as[0].States, as[0].Classes, c.states, c.classes)
		}
	}
}

func TestSole(t *testing.T) {
	ps := []Pattern{{ID: 1, Expr: `b`}, {ID: 2, Expr: `a`, Sole: true}, {ID: 3, Expr: `c`}}
	ms := compile(t, ps, Options{})
	for in, want := range map[string][]uint32{
		"": nil, "a": {2}, "ca": {2}, "ac": {2}, "abc": {1, 2}, "cba": {1, 2}, "bc": {1, 3}, "c": {3},
	} {
		if got := told(ms, in); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", in, got, want)
		}
	}
}

// floatingSet is n patterns as the original's users wrote them.
func floatingSet(n int, sole bool) []Pattern {
	var ps []Pattern
	for i := range n {
		ps = append(ps, Pattern{ID: uint32(i), Expr: fmt.Sprintf("/%c%c%d([^/]+)/.*", 'a'+i%26, 'a'+i/26%26, i), Sole: sole})
	}
	return ps
}

// TestSoleKeepsItSmall: patterns of which only the first match counts grow by
// little each; if all that matched were told, the states would double each.
func TestSoleKeepsItSmall(t *testing.T) {
	as, err := Compile(floatingSet(100, true), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(as) != 1 || as[0].States > 30000 {
		t.Errorf("%d automata, the first of %d states", len(as), as[0].States)
	}
}

func TestSplit(t *testing.T) {
	// Each needs 2^9 states or so, any two together 2^18, and the harmless
	// ones between them must not be lost.
	var ps []Pattern
	for i := range 8 {
		ps = append(ps, Pattern{ID: uint32(2 * i), Expr: fmt.Sprintf("[%c%c].{8}z$", 'a'+i, 'A'+i)},
			Pattern{ID: uint32(2*i + 1), Expr: fmt.Sprintf("^/%c/", 'a'+i)})
	}
	o := Options{Bytes: 256 << 10, ASCII: true}
	as, err := Compile(ps, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(as) < 8 || len(as) > 9 {
		t.Errorf("%d automata", len(as))
	}
	seen := map[uint32]bool{}
	total := 0
	for _, a := range as {
		total += len(a.Blob)
		for _, id := range a.IDs {
			if seen[id] {
				t.Errorf("pattern %d is in two automata", id)
			}
			seen[id] = true
		}
	}
	if len(seen) != len(ps) || total > o.Bytes {
		t.Errorf("%d of %d patterns in %d bytes", len(seen), len(ps), total)
	}
	ms := compile(t, ps, o)
	for _, in := range []string{"/a/b", "/b/Axxxxxxxxz", "abcdefghijklmnopz", "AxxxxxxxxzAxxxxxxxxz", "/h/hxxxxxxxxz"} {
		if got, want := told(ms, in), meant(ps, in); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", in, got, want)
		}
	}
}

func TestTooMuch(t *testing.T) {
	harmless := Pattern{ID: 1, Expr: "^/a"}
	for _, c := range []struct {
		name string
		ps   []Pattern
		o    Options
		id   uint32
		want string
	}{
		{"one bursts", []Pattern{harmless, {ID: 7, Expr: `a.{20}b`}, {ID: 9, Expr: `c`}}, Options{}, 7,
			`pattern "a.{20}b": its automaton alone exceeds the budget of 16.0 MiB`},
		{"one bursts a small budget", []Pattern{harmless, {ID: 7, Expr: `a.{8}b`}}, Options{Bytes: 4096}, 7,
			`pattern "a.{8}b": its automaton alone exceeds the budget of 4.0 KiB`},
		{"states", []Pattern{{ID: 7, Expr: `a.{8}b`}}, Options{States: 100}, 7, "alone exceeds"},
		{"all together", []Pattern{{ID: 1, Expr: `a.{7}b`}, {ID: 2, Expr: `c.{8}d`}, {ID: 3, Expr: `e.{7}f`}},
			Options{Bytes: 10 << 10}, 2, "with it, the automata of the 3 patterns need"},
		{"too many", []Pattern{{ID: 1, Expr: `a.{7}b`}, {ID: 2, Expr: `c.{8}d`}, {ID: 3, Expr: `e.{7}f`}},
			Options{Bytes: 32 << 10, Automata: 2}, 2, "with it, the 3 patterns need 3 automata of at most 2"},
		{"same ID", []Pattern{harmless, {ID: 1, Expr: "b"}}, Options{}, 1, `pattern "b": its ID 1 is taken by "^/a"`},
	} {
		c.o.ASCII = true
		_, err := Compile(c.ps, c.o)
		var e *Error
		if !errors.As(err, &e) || e.ID != c.id || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestDeterministic(t *testing.T) {
	ps := floatingSet(40, false)[:12]
	ps = append(ps, Pattern{ID: 50, Expr: `(?i)\.(gif|png)$`}, Pattern{ID: 51, Expr: `\bα+\b`})
	first, err := Compile(ps, Options{Bytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		again, err := Compile(ps, Options{Bytes: 1 << 20})
		if err != nil || len(again) != len(first) {
			t.Fatal(len(again), len(first), err)
		}
		for i := range first {
			if !bytes.Equal(first[i].Blob, again[i].Blob) {
				t.Fatalf("automaton %d differs", i)
			}
		}
	}
}

func TestExprErrors(t *testing.T) {
	for expr, want := range map[string]string{
		`/(a)\1`:     `pattern "/(a)\\1", column 5: the back-reference \1 cannot be expressed (no automaton can express back-references)`,
		`a(?=b)`:     `column 2: a look-ahead (?= cannot be expressed`,
		`a(?<!b)`:    `column 2: a negative look-behind (?<! cannot be expressed`,
		`\<a\>`:      `column 1: the word boundary \< cannot be expressed (\b matches at both ends of a word)`,
		`[[=e=]]`:    `column 2: an equivalence class [= =] cannot be expressed`,
		`x[[.-.]]`:   `column 3: a collating element [. .] cannot be expressed`,
		`ab{,3}`:     `column 3: a repetition without a minimum cannot be expressed (write {0,N}, or \{ for a brace)`,
		`/a[b`:       `column 3: the bracket expression is not ended (a literal [ is written \[)`,
		`a(b`:        `missing closing )`,
		`a)b`:        `unexpected )`,
		`*a`:         `column 1: missing argument to repetition operator: "*" (a literal * is written \*)`,
		`a**`:        `column 2: invalid nested repetition operator: "**"`,
		`a{1001}`:    `column 2: invalid repeat count: "{1001}"`,
		"a\xff":      `column 2: invalid UTF-8`,
		`[[:foo:]]`:  `invalid character class range: "[:foo:]"`,
		`[b-a]`:      `column 2: invalid character class range: "b-a"`,
		`a\`:         `trailing backslash at end of expression`,
		`\pX`:        `column 1: invalid character class range: "\\pX"`,
		`(?P<n>a`:    `missing closing )`,
		`(?<n>a)\k1`: `column 8: the back-reference \k cannot be expressed`,
	} {
		_, err := Compile([]Pattern{{ID: 1, Expr: "a"}, {ID: 6, Expr: expr}}, Options{})
		var e *Error
		if !errors.As(err, &e) || e.ID != 6 || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", expr, err, want)
		}
	}
	// What looks like the above and is not.
	for _, expr := range []string{`\Q\1\E`, `[\]=]`, `[[:alpha:]=.]`, `[[]`, `[(?=]`, `\(?=`, `\\1`, `a{2,}`, `\{,3}`, `[{,3}]`, `a{`, `a{,`, `[[a]`, `{,x}`} {
		if _, err := regexp.Compile(expr); err != nil {
			t.Fatalf("%q is no test: %v", expr, err)
		}
		if _, err := Compile([]Pattern{{Expr: expr}}, Options{}); err != nil {
			t.Errorf("%q: %v", expr, err)
		}
	}
}

func TestVerify(t *testing.T) {
	as, err := Compile([]Pattern{{ID: 2, Expr: "^a"}, {ID: 5, Expr: "b$"}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	blob := as[0].Blob
	if _, err := Verify(blob, 6); err != nil {
		t.Fatal(err)
	}
	states, classes := as[0].States, as[0].Classes
	trans := headerSize + 256
	accept := trans + (2*states*classes+3)&^3
	lists := accept + 4*states
	put32 := func(at int, v uint32) func([]byte) []byte {
		return func(b []byte) []byte { order.PutUint32(b[at:], v); return b }
	}
	for name, f := range map[string]func([]byte) []byte{
		"empty":             func([]byte) []byte { return nil },
		"header only":       func(b []byte) []byte { return b[:headerSize] },
		"cut":               func(b []byte) []byte { return b[:len(b)-4] },
		"longer":            func(b []byte) []byte { return append(b, 0, 0, 0, 0) },
		"magic":             put32(0, 1),
		"version":           put32(4, 2),
		"no states":         put32(8, 0),
		"2^32-1 states":     put32(8, 1<<32-1),
		"no classes":        put32(12, 0),
		"257 classes":       put32(12, 257),
		"2^32-1 classes":    put32(12, 1<<32-1),
		"no lists":          put32(16, 0),
		"2^32-1 list words": put32(16, 1<<32-1),
		"start":             put32(20, uint32(states)),
		"flags":             put32(24, 1),
		"class":             func(b []byte) []byte { b[headerSize+'x'] = byte(classes); return b },
		"dead state leads":  func(b []byte) []byte { order.PutUint16(b[trans:], 1); return b },
		"state out of range": func(b []byte) []byte {
			order.PutUint16(b[trans+2*classes:], uint16(states))
			return b
		},
		"dead state accepts": put32(accept, 1),
		"list out of range":  put32(accept+4, uint32(len(blob)-lists)/4),
		"inside a list":      put32(accept+4, 2),
		"gap":                func(b []byte) []byte { order.PutUint32(b[16:], order.Uint32(b[16:])+1); return append(b, 0, 0, 0, 0) },
		"word 0":             put32(lists, 1),
		"empty list":         put32(lists+4, 0),
		"long list":          put32(lists+4, 1<<32-1),
		"large ID":           put32(lists+8, 6),
		"descending":         put32(len(blob)-4, 1),
	} {
		if _, err := Verify(f(bytes.Clone(blob)), 6); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := Verify(blob, 5); err == nil {
		t.Error("an ID out of range is accepted")
	}
}

// A generator of expressions and of inputs that come close to them.
type gen struct{ *rand.Rand }

func (g gen) pick(s ...string) string { return s[g.IntN(len(s))] }

func (g gen) expr(depth int) string {
	if depth <= 0 {
		return g.pick("a", "b", "/", "é", "[ab]", "[^/]", ".", "", `\d`, `[^a]`, "(?i:k)", "世", "[α-ω]", `\x{FFFD}`, `\w`, "ab", "/a")
	}
	switch g.IntN(10) {
	case 0, 1, 2, 3:
		return g.expr(depth-1) + g.expr(depth-1)
	case 4:
		return "(" + g.expr(depth-1) + "|" + g.expr(depth-1) + ")"
	case 5, 6:
		return "(?:" + g.expr(depth-1) + ")" + g.pick("*", "+", "?", "{2}", "{1,3}", "*?", "{0}")
	case 7:
		return g.pick("^", "$", `\b`, `\B`, "(?m:^)", "(?m:$)", `\A`, `\z`) + g.expr(depth-1)
	case 8:
		return g.expr(depth-1) + g.pick("$", `\b`, "(?m:$)", "")
	}
	return g.expr(0)
}

func (g gen) input() string {
	var b strings.Builder
	for range g.IntN(9) {
		b.WriteString(g.pick("a", "b", "/", "é", "k", "K", "\u212a", "\n", "1", "_", "世", "α", "\xff", "\xc3", "\x80", "\xe4\xb8", "\uFFFD", "😀", "\xf0\x9f", "ab", "/a", "\xed\xa0\x80"))
	}
	return b.String()
}

// TestRandom compares random sets with package regexp on random inputs.
func TestRandom(t *testing.T) {
	g := gen{rand.New(rand.NewPCG(1, 2))}
	sets := 3000
	if testing.Short() {
		sets = 300
	}
	yes, no := 0, 0
	for n := range sets {
		var ps []Pattern
		var res []*regexp.Regexp
		for i := range 1 + g.IntN(4) {
			p := Pattern{ID: uint32(10 * i), Expr: g.expr(1 + g.IntN(4))}
			re, err := regexp.Compile(p.Expr)
			if err != nil { // such as a repetition of an empty one
				continue
			}
			p.Sole = g.IntN(4) == 0
			ps, res = append(ps, p), append(res, re)
		}
		ms := compile(t, ps, Options{Bytes: 1 << 20})
		for range 60 {
			in := g.input()
			var want []uint32
			sole := false
			for i, re := range res {
				if re.MatchString(in) {
					want = append(want, ps[i].ID)
					if ps[i].Sole {
						sole = true
						break
					}
				}
			}
			got := told(ms, in)
			if len(ms) > 1 && sole { // other automata do not know of it
				got = got[:min(len(got), len(want))]
			}
			if !slices.Equal(got, want) {
				t.Fatalf("set %d, %+v on %q: %v, want %v", n, ps, in, got, want)
			}
			if len(want) > 0 {
				yes++
			} else {
				no++
			}
		}
	}
	if yes < sets*10 || no < sets*10 {
		t.Errorf("the inputs test little: %d match, %d do not", yes, no)
	}
}

// FuzzCompile compares one expression, and it twice in a set, with package
// regexp on any input.
func FuzzCompile(f *testing.F) {
	for _, s := range [][2]string{
		{`^/images/`, "/images/x"}, {`/users/([^/]+)/.*`, "/users/joe/x"}, {`\b.$`, "\xe4\xb8"}, {`(?im)^ſ|k$`, "a\nK"},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, expr, input string) {
		if len(expr) > 60 {
			return
		}
		re, err := regexp.Compile(expr)
		as, cerr := Compile([]Pattern{{ID: 0, Expr: expr}, {ID: 1, Expr: expr + "a"}}, Options{Bytes: 64 << 10, States: 5000})
		if err != nil {
			if cerr == nil {
				t.Fatalf("%q compiles, but %v", expr, err)
			}
			return
		}
		if cerr != nil {
			return // over budget, or refused by name
		}
		matched := false
		for _, a := range as {
			m, err := Verify(a.Blob, 2)
			if err != nil {
				t.Fatalf("%q: %v", expr, err)
			}
			matched = matched || slices.Contains(m.Run(input), 0)
		}
		if matched != re.MatchString(input) {
			t.Errorf("%q on %q: %v", expr, input, matched)
		}
	})
}

func FuzzVerify(f *testing.F) {
	as, err := Compile([]Pattern{{ID: 2, Expr: "^a"}, {ID: 5, Expr: "b$"}}, Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(as[0].Blob, "ab")
	f.Fuzz(func(t *testing.T, blob []byte, input string) {
		m, err := Verify(blob, 6)
		if err != nil {
			return
		}
		for _, id := range m.Run(input) {
			if id >= 6 {
				t.Errorf("ID %d", id)
			}
		}
	})
}
