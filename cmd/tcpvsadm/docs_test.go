// SPDX-License-Identifier: MIT

package main

import (
	"os"
	"path/filepath"
	"regexp"
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

// ktcpvs(7) tells of every parameter of the module and every column of its file
// in /proc, and of no other.
func TestModulePage(t *testing.T) {
	read := func(path string) string {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	text := strings.ReplaceAll(read("../../man/ktcpvs.7"), `\-`, "-")
	_, parameters, _ := strings.Cut(text, ".SH PARAMETERS\n")
	parameters, _, _ = strings.Cut(parameters, "\n.SH ")
	told := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\.TP\n\.BR? (\w+)`).FindAllStringSubmatch(parameters, -1) {
		told[m[1]] = true
	}
	files, err := filepath.Glob("../../module/*.c")
	if err != nil || len(files) == 0 {
		t.Fatal("no module", err)
	}
	found := 0
	for _, f := range files {
		for _, m := range regexp.MustCompile(`module_param(?:_named)?\((\w+)`).FindAllStringSubmatch(read(f), -1) {
			found++
			if !told[m[1]] {
				t.Errorf("ktcpvs(7) does not tell of the parameter %s", m[1])
			}
		}
	}
	if found != len(told) {
		t.Errorf("the module has %d parameters, ktcpvs(7) tells of %d", found, len(told))
	}
	titles := regexp.MustCompile(`seq_printf\(m, COLUMNS,([^;]*)\);`).FindAllStringSubmatch(read("../../module/proc.c"), -1)
	if len(titles) != 2 {
		t.Fatal("titles of the columns of /proc/net/ktcpvs not found")
	}
	for _, line := range titles {
		for _, m := range regexp.MustCompile(`"([A-Za-z]+)"`).FindAllStringSubmatch(line[1], -1) {
			if !strings.Contains(text, m[1]) {
				t.Errorf("ktcpvs(7) does not tell of the column %s", m[1])
			}
		}
	}
}
