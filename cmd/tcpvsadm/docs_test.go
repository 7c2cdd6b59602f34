// SPDX-License-Identifier: MIT

package main

import (
	"os"
	"strings"
	"testing"
)

// Every command, option, refused letter and column is in the manual page.
func TestManualPage(t *testing.T) {
	raw, err := os.ReadFile("../../man/tcpvsadm.8")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(raw), `\-`, "-")
	want := func(s string) {
		// A name ends where another character than its own begins.
		for rest := text; ; {
			i := strings.Index(rest, s)
			if i < 0 {
				t.Errorf("the manual page does not tell of %s", s)
				return
			}
			rest = rest[i+len(s):]
			if rest == "" || !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz-", rune(rest[0])) {
				return
			}
		}
	}
	for _, c := range commands {
		if c.verb != "" {
			want(c.verb)
			continue
		}
		for _, name := range dashes(c.short, c.long) {
			want(name)
		}
	}
	for _, o := range optionTable {
		if o.hidden {
			want(o.long)
			continue
		}
		for _, name := range dashes(o.short, o.long) {
			want(name)
		}
	}
	for _, r := range refusals {
		if r.short != "" {
			want("-" + r.short)
		} else {
			want("--" + r.long)
		}
	}
	for _, c := range statsColumns {
		want(c.title)
	}
	for name := range showTables {
		want(name)
	}
}
