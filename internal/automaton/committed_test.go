// SPDX-License-Identifier: MIT

// Automata for the tests of the kernel's side, in testdata/rules/automata.tsv,
// with inputs and what package regexp says of them. The file is committed, so
// that those tests need no Go; this one holds it to what the compiler makes.

package automaton

import (
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/rules/automata.tsv anew")

const committed = "../../testdata/rules/automata.tsv"

// escape keeps printable ASCII as it is.
func escape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; c > ' ' && c < 0x7F && c != '\\' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String()
}

func idList(ids []uint32) string {
	if len(ids) == 0 {
		return "-"
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(ids), " ", ","), "[]")
}

func committedText(t *testing.T) string {
	var b strings.Builder
	b.WriteString("# Automata, inputs, and the expressions that match them: README.md.\n")
	b.WriteString("# Written by go test ./internal/automaton -run Committed -update\n")
	g := gen{rand.New(rand.NewPCG(7, 8))}
	for _, set := range []struct {
		name   string
		exprs  string // by spaces, * in front: the only condition of its rule
		inputs string
		o      Options
	}{
		{"never", `a^`, "a ab", Options{}},
		{"always", `.*`, "a /a", Options{}},
		{"prefix", `^/images/`, "/images/ /images/a /images /x/images/", Options{ASCII: true}},
		{"ends", `a$ \Aa\z ^$`, "a ab ba", Options{}},
		{"original", `/images/.* /html/.* /users/([^/]+)/.*`, "/images/ /html/images/ /users/a/html/ /users//a /images/users/a/html/",
			Options{ASCII: true}},
		{"suffixes", `\.(gif|jpe?g|png)$ (?i)index\.html?$ ^/[^.]*\.`, "/a.gif /a.jpeeg /INDEX.htm /x.y/index.html /.png", Options{ASCII: true}},
		{"templates", `^/users/[^/]+$ ^/users/[^/]+/posts$ ^/a/v[^/]+\.json$ ^/users/`, "/users/ /users/a /users/a/posts /users/a/posts/ /a/v1.json /a/v.json",
			Options{ASCII: true}},
		{"runes", `^..$ [α-ω]+$ [^a-z]{2} ^\x{FFFD}`, "é 世a αβ \xff\xff \xe4\xb8 \xf0\x9f\x98", Options{}},
		{"sole", `b *a c`, "a ca ac abc cba bc c", Options{}},
		// What the tests of module/route.c draw from: POSIX means the same by these.
		{"pool", `^/a /b$ ^/[^/]+/b a.*b q=a ^a+$ ^$ (a|b)b ^b`, "/a /a/b /ab?q=a aa b ab", Options{ASCII: true}},
		{"several", `a.{5}b c.{5}d e.{5}f`, "axxxxxb axxcxxbxxd axecxxbxxfd", Options{Bytes: 3400, ASCII: true}},
	} {
		var ps []Pattern
		fmt.Fprintf(&b, "\nset\t%s\n", set.name)
		for i, e := range strings.Split(set.exprs, " ") {
			e, sole := strings.CutPrefix(e, "*")
			ps = append(ps, Pattern{ID: uint32(3 * i), Expr: e, Sole: sole})
			fmt.Fprintf(&b, "expr\t%d\t%s\n", 3*i, escape(e))
		}
		as, err := Compile(ps, set.o)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range as {
			fmt.Fprintf(&b, "blob\t%x\n", a.Blob)
		}
		inputs := append(strings.Split(set.inputs, " "), "")
		for range 12 {
			in := g.input()
			if set.o.ASCII { // no others come there
				in = strings.Map(func(r rune) rune { return r & 0x7F }, in)
			}
			inputs = append(inputs, in)
		}
		seen := map[string]bool{}
		for _, in := range inputs {
			if seen[in] {
				continue
			}
			seen[in] = true
			var ids []uint32
			for _, p := range ps {
				if regexp.MustCompile(p.Expr).MatchString(in) {
					ids = append(ids, p.ID)
					if p.Sole {
						break
					}
				}
			}
			fmt.Fprintf(&b, "input\t%s\t%s\n", idList(ids), escape(in))
		}
	}
	return b.String()
}

func TestCommitted(t *testing.T) {
	if order.Uint16([]byte{1, 0}) != binary.LittleEndian.Uint16([]byte{1, 0}) {
		t.Skip("the committed automata are those of little-endian machines")
	}
	text := committedText(t)
	if *update {
		if err := os.WriteFile(committed, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != text {
		t.Errorf("%s is not what the compiler makes; if that is meant: go test ./internal/automaton -run Committed -update", committed)
	}
}
