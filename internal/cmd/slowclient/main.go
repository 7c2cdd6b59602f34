// SPDX-License-Identifier: MIT

// Command slowclient is a client that takes its time.
//
//	slowclient stall    reads some of a response, then nothing for a while
//	slowclient dribble  sends a request a few bytes at a time
//	slowclient idle     holds many connections and does nothing with them
//
// It prints what happens as JSON lines: "connected", "stalled", "progress" and,
// a connection each, "end" with an outcome: the status of the answer, "eof",
// "reset", "timeout" or "open" (still open when the time was over). With
// --expect the exit status is 1 unless every connection had that outcome.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/ktcpvs/ktcpvs/internal/traffic"
)

const usage = `usage: slowclient stall   --connect ADDR [--clients N] [--read SIZE] [--hold TIME] [--then close|drain|reset] [--one-by-one]
       slowclient dribble --connect ADDR [--step BYTES] [--interval TIME]
       slowclient idle    --connect ADDR [--clients N] [--kind connect|head|keepalive] [--hold TIME] [--one-by-one]

"slowclient COMMAND --help" lists the options. Outcomes for --expect: a status
(200, 408), eof, reset, timeout, open. The exit status is 0 when they are as
expected, 1 when not, 2 on wrong usage.
`

// options is the command line.
type options struct {
	connect  string
	clients  int
	path     string
	host     string
	send     string
	expect   string
	hold     time.Duration
	timeout  time.Duration
	report   time.Duration
	rcvbuf   traffic.Size
	read     traffic.Size
	rate     traffic.Size
	then     string
	step     int
	interval time.Duration
	kind     string
	oneByOne bool
}

// end is the last line of a connection.
type end struct {
	Event   string  `json:"event"`
	Client  int     `json:"client"`
	Outcome string  `json:"outcome"`
	Sent    int64   `json:"sent"`
	Read    int64   `json:"read"`
	Seconds float64 `json:"seconds"` // since the start of the connection
	Error   string  `json:"error,omitempty"`
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		io.WriteString(stderr, usage)
		return 2
	}
	var o options
	fs := flag.NewFlagSet("slowclient "+args[0], flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&o.connect, "connect", "", "address, host:port")
	fs.IntVar(&o.clients, "clients", 1, "connections at the same time")
	fs.StringVar(&o.path, "path", "/", "path of the request")
	fs.StringVar(&o.host, "host", "slow.test", "Host of the request")
	fs.StringVar(&o.send, "send", "", `send this instead of a GET request; \r \n \t \\ are understood`)
	fs.StringVar(&o.expect, "expect", "", "the outcome that every connection must have")
	fs.DurationVar(&o.timeout, "timeout", 5*time.Minute, "longest wait for a read or write that is meant to succeed")
	fs.BoolVar(&o.oneByOne, "one-by-one", false, "open a connection when the one before it stalls, idles or has ended")
	fs.DurationVar(&o.report, "report", time.Second, "say how far it is every so often")
	fs.Var(&o.rcvbuf, "rcvbuf", "SO_RCVBUF of the client (0: the kernel's choice)")
	work := map[string]func(*client) end{"stall": stall, "dribble": dribble, "idle": idle}[args[0]]
	switch args[0] {
	case "stall":
		fs.Var(&o.read, "read", "bytes to read before the stall")
		fs.Var(&o.rate, "rate", "bytes a second to read at (0: no limit)")
		fs.DurationVar(&o.hold, "hold", 30*time.Second, "time of the stall")
		fs.StringVar(&o.then, "then", "close", "after the stall: close, drain (read the rest) or reset")
	case "dribble":
		fs.IntVar(&o.step, "step", 1, "bytes a write")
		fs.DurationVar(&o.interval, "interval", 100*time.Millisecond, "time between writes")
	case "idle":
		fs.StringVar(&o.kind, "kind", "connect", "connect (nothing sent), head (half a request head) or keepalive (after an answer)")
		fs.DurationVar(&o.hold, "hold", 30*time.Second, "time to hold the connections")
	case "-h", "--help", "help":
		io.WriteString(stdout, usage)
		return 0
	default:
		fmt.Fprintf(stderr, "slowclient: unknown command %q\n%s", args[0], usage)
		return 2
	}
	err := fs.Parse(args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err == nil {
		err = o.check(fs)
	}
	if err != nil {
		fmt.Fprintf(stderr, "slowclient: %v\n", err)
		return 2
	}
	if bad := o.runAll(work, &traffic.Lines{W: stdout}); bad > 0 {
		fmt.Fprintf(stderr, "slowclient: %d of %d connections did not end as expected (%s)\n", bad, o.clients, o.expect)
		return 1
	}
	return 0
}

func (o *options) check(fs *flag.FlagSet) error {
	switch {
	case fs.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case o.connect == "":
		return errors.New("--connect is missing")
	case o.clients < 1:
		return fmt.Errorf("--clients %d: at least 1", o.clients)
	case o.then != "" && o.then != "close" && o.then != "drain" && o.then != "reset":
		return fmt.Errorf("--then %q: close, drain or reset", o.then)
	case o.kind != "" && o.kind != "connect" && o.kind != "head" && o.kind != "keepalive":
		return fmt.Errorf("--kind %q: connect, head or keepalive", o.kind)
	case fs.Name() == "slowclient dribble" && o.step < 1:
		return fmt.Errorf("--step %d: at least 1", o.step)
	}
	if o.send == "" {
		o.send = "GET " + o.path + " HTTP/1.1\r\nHost: " + o.host + "\r\nUser-Agent: slowclient\r\n\r\n"
	} else {
		o.send = strings.NewReplacer(`\r`, "\r", `\n`, "\n", `\t`, "\t", `\\`, `\`).Replace(o.send)
	}
	return nil
}
