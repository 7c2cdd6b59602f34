// SPDX-License-Identifier: MIT

// Command pattern proves that a relay passes every byte on, and only once.
//
// "pattern serve" and "pattern drive" talk through the relay. Every exchange
// carries a body a direction whose bytes follow from run, stream number and
// position, so both ends check what they receive at the cost of a comparison:
// loss, repetition, shift, corruption and swapping between connections show at
// the first wrong byte. The driver chooses sizes, framing, segmentation and
// speed, of the server's side too; the server is told with each exchange.
//
// In mode tcp both directions run at the same time and each side ends its own
// by a half close. In mode http exchanges follow each other on kept-alive
// connections, with every framing HTTP/1.1 has.
//
// Three kinds of failure are told apart: wrong bytes, a clean end that comes
// too early (a silent truncation), and a visible break (reset, end inside a
// framed body, refused connection, error status). Tests that break things on
// purpose allow the third and never the others.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

const usage = `usage: pattern serve --listen ADDR [--mode tcp|http] [options]
       pattern drive --connect ADDR [--mode tcp|http] [options]

"pattern serve --help" and "pattern drive --help" list the options.
The last line on standard output is a summary as JSON; the exit status is 0
when every byte was right, 1 when not, 2 on wrong usage.
`

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		io.WriteString(stderr, usage)
		return 2
	}
	var err error
	switch args[0] {
	case "serve":
		err = serveMain(args[1:], stdout, stderr)
	case "drive":
		err = driveMain(args[1:], stdout, stderr)
	case "-h", "--help", "help":
		io.WriteString(stdout, usage)
	default:
		fmt.Fprintf(stderr, "pattern: unknown command %q\n%s", args[0], usage)
		return 2
	}
	var ue usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &ue):
		fmt.Fprintf(stderr, "pattern: %v\n", err)
		return 2
	default:
		fmt.Fprintf(stderr, "pattern: %v\n", err)
		return 1
	}
}

// usageError is a mistake on the command line.
type usageError struct{ error }

func usagef(format string, a ...any) error { return usageError{fmt.Errorf(format, a...)} }

// parse reads flags; what is left over is a mistake.
func parse(fs *flag.FlagSet, args []string, stderr io.Writer) error {
	fs.SetOutput(stderr)
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return usageError{err}
	}
	if fs.NArg() > 0 {
		return usagef("unexpected argument %q", fs.Arg(0))
	}
	return nil
}
