// SPDX-License-Identifier: MIT

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ktcpvs/ktcpvs/internal/config"
)

const originalDir = "../../testdata/original"

func original(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(originalDir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// run is adm with the names of the examples; what is said on stderr comes along.
func (n *node) run(args ...string) (stdout, stderr string) {
	n.t.Helper()
	var out, errs strings.Builder
	a := n.app(strings.NewReader(""), &out, &errs)
	a.names = config.NewNames(filepath.Join(originalDir, "hosts"), "")
	if status := a.run(args); status != 0 {
		n.t.Fatalf("%q: status %d\n%s", args, status, errs.String())
	}
	return out.String(), errs.String()
}

// commands runs a list of commands, one by one.
func (n *node) commands(list string) {
	n.t.Helper()
	for _, line := range strings.Split(strings.TrimSpace(list), "\n") {
		// A shell takes the quotes away; there are no blanks in them.
		args := strings.Fields(strings.ReplaceAll(line, `"`, ""))
		if len(args) < 2 || args[0] != program {
			n.t.Fatalf("%q is no command", line)
		}
		args = args[1:]
		if out, errs := n.run(args...); out+errs != "" {
			n.t.Errorf("%s: %s%s", line, out, errs)
		}
	}
}

// Every example by commands gives the table it is known to give, and what is
// listed is loaded as the same.
func TestOriginalCommands(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(originalDir, "*.commands"))
	if err != nil || len(files) < 2 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".commands")
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			n.commands(original(t, name+".commands"))
			n.listsItself(original(t, name+".listed"))
		})
	}
}

// listsItself checks what is listed, in numbers and by names, and that loading it
// is no change.
func (n *node) listsItself(want string) {
	n.t.Helper()
	if got, _ := n.run("-Ln"); got != want {
		n.t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	before := n.dump()
	for _, form := range []string{"-L", "-Ln"} {
		text, _ := n.run(form)
		file := filepath.Join(n.t.(*testing.T).TempDir(), "listed")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			n.t.Fatal(err)
		}
		if out, errs := n.run("diff", file); out+errs != "" {
			n.t.Errorf("%s is another table: %s%s", form, out, errs)
		}
		n.run("-F")
		if _, errs := n.run("-f", file); errs != "" {
			n.t.Errorf("%s: %s", form, errs)
		}
		if after := n.dump(); !sameDump(before, after) {
			n.t.Errorf("%s is loaded as\n%+v\nit was\n%+v", form, after, before)
		}
	}
}

// The manual page says the same twice: as a file, in which servers come the other
// way round and there are sizes of a pool, and as commands.
func TestOriginalManualPage(t *testing.T) {
	file := newNode(t)
	out, errs := file.run("-f", filepath.Join(originalDir, "manual.conf"))
	if out != "" || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "manual.conf:4:5: note: startservers, minspareservers, maxspareservers are ignored") {
		t.Errorf("said %q, and %q", out, errs)
	}
	lines := strings.Split(original(t, "manual.listed"), "\n")
	want := strings.Join(lines[:4], "\n") + "\n    maxclients = 256\n" + strings.Join([]string{lines[6], lines[5], lines[4]}, "\n") + "\n" + strings.Join(lines[7:], "\n")
	file.listsItself(want)
}

// The file in which everything is that a service could have: names of the host
// and of ports, a fallback server, a group that is hashed.
func TestOriginalFile(t *testing.T) {
	n := newNode(t)
	if _, errs := n.run("-f", filepath.Join(originalDir, "web.conf")); strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "web.conf:4:5: note: ") {
		t.Errorf("said %q", errs)
	}
	n.listsItself(original(t, "web.listed"))
}
