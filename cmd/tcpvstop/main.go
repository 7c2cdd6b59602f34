// SPDX-License-Identifier: MIT

// Command tcpvstop shows the virtual services of KTCPVS and their servers as
// they work, on a terminal or, with -b, as text for scripts and pipes.
//
// This file only reads the command line and wires the parts; what is shown is
// the business of internal/top.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/mattn/go-isatty"
	"github.com/spf13/pflag"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/noquery"
	"github.com/ktcpvs/ktcpvs/internal/top"
)

const usage = `usage: tcpvstop [-d SECONDS] [-n FRAMES] [--filter TEXT] [--netns NAME]
       tcpvstop -b [-d SECONDS] [-n FRAMES] [-o text|json] [--filter TEXT] [--netns NAME]

Shows the virtual services of KTCPVS and their servers as they work.

  -b, --batch           print frames instead of taking the terminal
  -n, --frames FRAMES   end after so many frames (default: never)
  -d, --delay SECONDS   time between two frames (default 2); the first frame
                        of -b comes after it, so that it has rates as well
  -o, --output FORMAT   of -b: text or json, one object a line (default text)
      --filter TEXT     only services and servers whose name or address has it
      --netns NAME      network namespace, a name of "ip netns" or a path
  -h, --help            this text

On the terminal, ? lists the keys. Exit status: 0 done, 1 the kernel refused or
the module is not loaded, 2 usage.
`

// app is what the program gets from the outside.
type app struct {
	stdout, stderr io.Writer
	terminal       bool // standard output is one
	open           func(netns string) (top.Source, error)
}

func main() {
	noquery.Restore()
	a := app{
		stdout: os.Stdout, stderr: os.Stderr,
		terminal: isatty.IsTerminal(os.Stdout.Fd()),
		open: func(netns string) (top.Source, error) {
			if netns != "" {
				return genl.NewInNetns(netns)
			}
			return genl.New()
		},
	}
	os.Exit(a.run(os.Args[1:]))
}

// config is the command line.
type config struct {
	batch    bool
	frames   int
	interval time.Duration
	json     bool
	filter   string
	netns    string
}

var errHelp = errors.New("help")

func parse(args []string) (config, error) {
	var c config
	fs := pflag.NewFlagSet("tcpvstop", pflag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	fs.BoolVarP(&c.batch, "batch", "b", false, "")
	fs.IntVarP(&c.frames, "frames", "n", 0, "")
	delay := fs.Float64P("delay", "d", 2, "")
	output := fs.StringP("output", "o", "text", "")
	fs.StringVar(&c.filter, "filter", "", "")
	fs.StringVar(&c.netns, "netns", "", "")
	help := fs.BoolP("help", "h", false, "")
	if err := fs.Parse(args); err != nil {
		return c, err
	}
	if *help {
		return c, errHelp
	}
	c.interval = top.Seconds(*delay)
	c.json = *output == "json"
	switch {
	case fs.NArg() > 0:
		return c, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case fs.Changed("frames") && c.frames < 1:
		return c, fmt.Errorf("-n %d: at least 1 frame", c.frames)
	case *output != "text" && *output != "json":
		return c, fmt.Errorf("-o %q: text or json", *output)
	case fs.Changed("output") && !c.batch:
		return c, errors.New("-o belongs to batch mode; add -b")
	case fs.Changed("netns") && c.netns == "":
		return c, errors.New("--netns: the name is empty")
	}
	if err := top.CheckInterval(c.interval); err != nil {
		return c, fmt.Errorf("-d %v: %w", *delay, err)
	}
	return c, nil
}

func (a *app) run(args []string) int {
	c, err := parse(args)
	if errors.Is(err, errHelp) {
		io.WriteString(a.stdout, usage)
		return 0
	}
	if err == nil && !c.batch && !a.terminal {
		err = errors.New("standard output is not a terminal; -b prints frames as text")
	}
	if err != nil {
		fmt.Fprintf(a.stderr, "tcpvstop: %s\nTry \"tcpvstop --help\".\n", strings.TrimPrefix(err.Error(), "pflag: "))
		return 2
	}
	sampler := &top.Sampler{
		Open:    func() (top.Source, error) { return a.open(c.netns) },
		Now:     time.Now,
		Timeout: 10 * time.Second,
	}
	defer sampler.Close()
	if c.batch {
		err = a.batch(sampler, c)
	} else {
		err = a.interactive(sampler, c)
	}
	if err != nil {
		fmt.Fprintf(a.stderr, "tcpvstop: %s\n", top.Explain(err))
		return 1
	}
	return 0
}

func (a *app) batch(s *top.Sampler, c config) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return top.RunBatch(ctx, a.stdout, top.BatchOptions{
		Sample: s.Sample, Interval: c.interval, Frames: c.frames, Filter: c.filter, JSON: c.json,
	})
}

func (a *app) interactive(s *top.Sampler, c config) error {
	// Before the terminal changes: an error belongs on the screen as it was.
	if _, err := s.Sample(context.Background()); err != nil {
		return err
	}
	m := top.New(top.Options{
		Sample: s.Sample, Interval: c.interval, Frames: c.frames, Filter: c.filter, Theme: top.DefaultTheme(),
	})
	last, err := tea.NewProgram(m, tea.WithAltScreen(), tea.WithOutput(a.stdout)).Run()
	if errors.Is(err, tea.ErrInterrupted) {
		return nil
	}
	if err != nil {
		return err
	}
	if m, ok := last.(top.Model); ok && !m.Started() {
		return m.Err()
	}
	return nil
}
