// SPDX-License-Identifier: MIT

// Package noquery keeps bubbletea from asking the terminal for its background
// colour while the program starts.
//
// bubbletea 1.x does so in an init function, whatever the program is about to
// do: "tcpvstop -b" on a serial console or under script(1) would print an
// escape sequence, swallow what the user typed ahead and wait up to five seconds
// for an answer that never comes. The only way to refuse is a TERM that begins
// with "dumb" at that moment.
//
// The order is certain: packages are initialised in the order of their import
// paths as far as their imports allow, this one imports os alone, and termenv,
// which has to come before bubbletea, sorts behind it and needs os as well.
package noquery

import "os"

var term, found = os.LookupEnv("TERM")

func init() {
	os.Setenv("TERM", "dumb")
}

// Restore gives the environment its TERM back. It is called first thing in
// main.
func Restore() {
	if found {
		os.Setenv("TERM", term)
	} else {
		os.Unsetenv("TERM")
	}
}
