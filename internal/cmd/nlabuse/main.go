// SPDX-License-Identifier: MIT

// Command nlabuse tests the kernel's side of the control protocol with requests
// that are wrong: each must be refused with its reason and its place, and leave
// the table as it was. Afterwards it sends a number of random messages. It works
// on the table of the network namespace it runs in, empties it first and last,
// and reports as TAP. With -idle it waits for a transaction to expire instead.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"syscall"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/tap"
)

// table reads what the kernel has, over a socket and code of its own.
type table struct{ c *genl.Client }

// state is a table at one time; comparable.
type state struct {
	generation uint32
	text       string
}

func (t *table) generation(ctx context.Context) (uint32, error) {
	info, err := t.c.Info(ctx)
	return info.Generation, err
}

func (t *table) read(ctx context.Context) (s state, err error) {
	if s.generation, err = t.generation(ctx); err != nil {
		return s, err
	}
	services, err := t.c.Services(ctx)
	if err != nil {
		return s, err
	}
	servers, err := t.c.Servers(ctx, "")
	if err != nil {
		return s, err
	}
	settings, err := t.c.Settings(ctx)
	if err != nil {
		return s, err
	}
	var rules []genl.ServiceRule
	if slices.ContainsFunc(services, func(s genl.Service) bool { return s.Rules > 0 }) {
		if rules, err = t.c.Rules(ctx, ""); err != nil {
			return s, err
		}
	}
	text, err := json.Marshal([]any{services, servers, settings, rules})
	s.text = string(text)
	return s, err
}

func main() {
	seed := flag.Uint64("seed", 1, "seed of the random messages")
	n := flag.Int("n", 2000, "`number` of random messages")
	refused := flag.String("refused", "", "only see that every change is refused for this `reason`")
	runsOut := flag.Bool("faults", false, "only let each allocation of a transaction fail, on a kernel with fault injection")
	waits := flag.Bool("idle", false, "only wait, for a minute, until an idle transaction expires")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "nlabuse: unexpected argument %q\n", flag.Arg(0))
		os.Exit(2)
	}
	if *refused != "" {
		if err := onlyRefused(*refused); err != nil {
			fmt.Fprintf(os.Stderr, "nlabuse: %v\n", err)
			os.Exit(1)
		}
		return
	}
	t := tap.New(os.Stdout)
	f := func() error { return run(context.Background(), t, *seed, *n) }
	if *runsOut {
		f = func() error { return faults(context.Background(), t) }
	}
	if *waits {
		f = func() error { return idle(t) }
	}
	if err := f(); err != nil {
		fmt.Fprintf(os.Stderr, "nlabuse: %v\n", err)
		os.Exit(2)
	}
	if !t.Plan() {
		os.Exit(1)
	}
}

// reset makes the table the fixture.
func reset(s *socket) error {
	a, err := s.do(cmdFlush)
	if err == nil && a.errno != 0 {
		err = a.errno
	}
	if err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	for _, f := range fixture {
		a, err := s.do(f.cmd, f.attrs)
		if err == nil && a.errno != 0 {
			err = fmt.Errorf("%w, %q", a.errno, a.message)
		}
		if err != nil {
			return fmt.Errorf("fixture: %w", err)
		}
	}
	return nil
}

func run(ctx context.Context, t *tap.Writer, seed uint64, n int) error {
	c, err := genl.New()
	if err != nil {
		return err
	}
	defer c.Close()
	tab := &table{c}
	s, err := open()
	if err != nil {
		return err
	}
	settings, err := c.Settings(ctx)
	if err != nil {
		return err
	}
	defer func() {
		s.do(cmdAbort) // what chance left open
		s.do(cmdFlush)
		s.do(cmdSettingsSet, u32(settingsMaxConnections, settings.MaxConnections))
		s.close()
	}()
	if err := reset(s); err != nil {
		return err
	}
	before, err := tab.read(ctx)
	if err != nil {
		return err
	}
	unchanged := func(err error, textOnly bool) error {
		if err != nil {
			return err
		}
		now, err := tab.read(ctx)
		if err == nil && (now.text != before.text || !textOnly && now != before) {
			err = fmt.Errorf("the table changed\nfrom %d %s\nto   %d %s",
				before.generation, before.text, now.generation, now.text)
		}
		before = now
		return err
	}

	for _, r := range refusals() {
		a, err := s.do(r.cmd, r.attrs)
		if err == nil {
			err = r.check(a)
		}
		t.Result("refused: "+r.name, unchanged(err, false))
	}
	g := &grid{s: s, unchanged: func() error {
		now, err := tab.generation(ctx)
		if err == nil && now != before.generation {
			err = fmt.Errorf("the generation went from %d to %d", before.generation, now)
		}
		return err
	}}
	for _, f := range forms() {
		g.n = 0
		err := g.attributes(f)
		if err == nil {
			err = g.missing(f)
		}
		t.Result(fmt.Sprintf("grid: %s, %d requests", f, g.n), unchanged(err, false))
	}
	t.Result("grid: without the capability", unchanged(g.withoutCapability(), false))
	t.Result("grid: in another network namespace", unchanged(g.elsewhereNet(), false))
	t.Result("grid: in another user namespace", unchanged(g.elsewhereUser(), false))
	t.Result("ignored: a message shorter than it says", unchanged(ignored(s), false))
	for _, sc := range scenarios() {
		t.Result("transaction: "+sc.name, unchanged(sc.run(), sc.changes))
	}

	for _, sc := range append(hostile(), stray(), many()) {
		t.Result("rules: "+sc.name, unchanged(sc.run(), false))
	}
	tables := min(max(n/10, 20), 10000)
	taken, err := mutants(rand.New(rand.NewPCG(seed, 1)), tables)
	if err == nil && n >= enough && taken == 0 {
		err = errors.New("none was taken: they are worth nothing")
	}
	t.Result(fmt.Sprintf("rules: %d tables changed at random, %d of them good", tables, taken), unchanged(err, false))

	if err := reset(s); err != nil {
		return err
	}
	f := &fuzzer{r: rand.New(rand.NewPCG(seed, 0)), s: s, t: tab}
	err = f.run(ctx, n)
	s = f.s
	t.Result(fmt.Sprintf("%d random messages, seed %d", n, seed), err)
	return nil
}

// onlyRefused is the part of the grid that another process has to do.
func onlyRefused(reason string) error {
	s, err := open()
	if err != nil {
		return err
	}
	defer s.close()
	g := &grid{s: s, unchanged: func() error { return nil }}
	return g.privileges(s, reason)
}

// ignored sends messages whose header is a lie, which the kernel drops without
// an answer, and one that shows it still listens.
func ignored(s *socket) error {
	for _, length := range []uint32{0, 15, 4096} {
		msg := s.message(syscall.NLM_F_REQUEST|syscall.NLM_F_ACK, s.family, cmdFlush)
		order.PutUint32(msg, length)
		if err := s.raw(msg); err != nil {
			return err
		}
	}
	a, err := s.do(cmdInfoGet)
	if err == nil && a.errno != 0 {
		err = a.errno
	}
	return err
}
