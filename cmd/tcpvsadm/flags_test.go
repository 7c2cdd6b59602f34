// SPDX-License-Identifier: MIT

package main

import (
	"errors"
	"strings"
	"testing"
)

// Whatever is typed, it is a command with options that go with it, or an error
// that says something; never a panic.
func FuzzParseArgs(f *testing.F) {
	for _, line := range []string{
		"", "-Ln", "-A -i web -P80", "--add-rule -i web --pattern=^/x -m 1", "check a b",
		"-l", "-A -L", "--", "--=x", "-", "-- check x", "-i -h", "-hh", "-x5", "--stats=no", "-L -L", "-ä", "show",
	} {
		f.Add(strings.ReplaceAll(line, " ", "\n"))
	}
	f.Fuzz(func(t *testing.T, line string) {
		var args []string
		if line != "" {
			args = strings.Split(line, "\n")
		}
		o, err := parseArgs(args)
		if err != nil {
			var usage *usageError
			if !errors.As(err, &usage) || usage.msg == "" {
				t.Fatalf("%q: %#v", args, err)
			}
			return
		}
		if o.cmd == nil || o.cmd.run == nil {
			t.Fatalf("%q: no command", args)
		}
		if o.cmd.long == "help" {
			return
		}
		for _, opt := range optionTable {
			if o.has(opt.long) && !o.cmd.allows(opt.long) {
				t.Fatalf("%q: %s with %s", args, opt.name(), o.cmd.name())
			}
		}
		for _, r := range refusals {
			if o.has(r.long) && (r.when == nil || r.when(o)) {
				t.Fatalf("%q: --%s was accepted", args, r.long)
			}
		}
	})
}
