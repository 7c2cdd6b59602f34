// SPDX-License-Identifier: MIT

// Loading a file: -f, and check.
//
// The whole file is read and checked before the kernel is asked anything. Then
// the difference between the table and the file becomes one transaction, based
// on the generation the table was read at: if somebody else changes the table
// meanwhile the kernel refuses the commit, and everything begins again. So a
// load succeeds whole or changes nothing.

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/config"
)

const loadAttempts = 5

func runLoad(s *session) error {
	file, _ := s.opts.get("load-configfile")
	return s.load(file, nil, false)
}

// load makes the kernel's table that of a file; show, if any, prints the plan.
func (s *session) load(file string, show planPrinter, dryRun bool) error {
	conf, err := s.readConfig(file)
	if err != nil {
		return err
	}
	return s.replace(shownName(file), conf, show, dryRun)
}

func shownName(file string) string {
	if file == "-" {
		return "<stdin>"
	}
	return file
}

// replace makes the kernel's table that of conf.
func (s *session) replace(file string, conf *config.Config, show planPrinter, dryRun bool) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	l := &load{app: s.app, c: c, file: file, conf: conf, show: show, dryRun: dryRun}
	return l.run(s.ctx)
}

func runCheck(s *session) error {
	file := s.opts.args[0]
	conf, err := s.readConfig(file)
	if err != nil {
		return err
	}
	// Whether the expressions of a table fit is known when they are compiled.
	var errs []error
	for i := range conf.Services {
		svc := &conf.Services[i]
		t, err := kernelRules(svc)
		switch {
		case err != nil:
			errs = append(errs, placed(file, config.Op{Kind: config.SetRules, Service: svc}, err))
		case s.opts.has("stats"):
			fmt.Fprintf(s.stdout, "%s: %s\n", svc.Name, tableSize(svc, t))
		}
	}
	return errors.Join(errs...)
}

// tableSize is how much of it there is.
func tableSize(s *config.Service, t *genl.RuleTable) string {
	var all []string
	bytes := 0
	add := func(n int, one, many string) {
		if n == 1 {
			many = one
		}
		all = append(all, fmt.Sprintf("%d %s", n, many))
	}
	for _, of := range [][]genl.Automaton{t.Automata, t.Captures} {
		for i := range of {
			bytes += len(of[i].Bytes)
		}
	}
	add(len(s.Servers), "server", "servers")
	add(len(s.Rules), "rule", "rules")
	add(len(t.Sets), "set", "sets")
	add(int(t.Expressions), "expression", "expressions")
	add(len(t.Automata), "automaton", "automata")
	add(len(t.Captures), "capture table", "capture tables")
	add(bytes, "byte of tables", "bytes of tables")
	return strings.Join(all, ", ")
}

// keepsAll: what is read lives to the end of the program, so looking for garbage
// in it again and again is in vain.
func keepsAll() { debug.SetGCPercent(400) }

// keepsFile: what a file becomes leaves no garbage at all, so nobody looks for it
// unless memory gets short.
func (a *app) keepsFile() {
	debug.SetMemoryLimit(int64(max(a.memory()/4, 256<<20)))
	debug.SetGCPercent(-1)
}

// readConfig reads a file and prints its notes.
func (s *session) readConfig(file string) (*config.Config, error) {
	s.keepsFile()
	conf, err := config.ReadFile(file, s.stdin, s.names)
	var perr *os.PathError
	if errors.As(err, &perr) {
		op := &opError{what: fmt.Sprintf("read %q", file), err: perr.Err}
		if _, nerr := strconv.Atoi(file); nerr == nil && errors.Is(err, os.ErrNotExist) {
			op.hint = "-f takes a file; there are no firewall marks here, a service has a name"
		}
		return nil, op
	}
	if err != nil {
		return nil, err
	}
	for _, n := range conf.Notes {
		fmt.Fprintln(s.stderr, n)
	}
	return conf, nil
}

// planPrinter shows what is going to change; again tells that somebody changed
// the table after the last time.
type planPrinter func(t *table, plan *config.Plan, again bool)

// load is one file on its way to the kernel.
type load struct {
	*app
	c      loader
	file   string
	conf   *config.Config
	show   planPrinter // may be nil
	dryRun bool        // ask the kernel whether it would, and change nothing
}

func (l *load) run(ctx context.Context) error {
	var err error
	for try := range loadAttempts {
		if try > 0 {
			time.Sleep(time.Duration(try) * 20 * time.Millisecond)
		}
		err = l.once(ctx, try > 0)
		if !errors.Is(err, genl.ErrStale) && !errors.Is(err, genl.ErrInconsistent) {
			return err
		}
	}
	return err
}

func (l *load) fail(err error) error { return cannot(err, "load %s", l.file) }

func (l *load) once(ctx context.Context, again bool) error {
	info, err := l.c.Info(ctx)
	if err != nil {
		return l.fail(err)
	}
	t, err := l.readWhole(ctx, l.c, configured)
	if err != nil {
		return l.fail(err)
	}
	plan := config.Diff(t.present(), l.conf)
	if l.show != nil {
		l.show(t, &plan, again)
	}
	if err := l.commit(ctx, info.Generation, plan.Ops); err != nil || l.dryRun {
		return err
	}

	// What is no part of the transaction follows it. One part that fails
	// keeps none of the others from it.
	var errs []error
	if plan.Settings != nil {
		if err := l.setSettings(ctx, l.c, *plan.Settings); err != nil {
			errs = append(errs, &opError{what: "change the settings of the namespace", err: err,
				hint: "the services are loaded; remove the cause and load the file again"})
		}
	}
	for _, name := range plan.Restart { // it was running, so it runs again
		if l.show == nil {
			fmt.Fprintf(l.stderr, "%s: note: service %q was made anew for its new address or mode: its connections were reset, its counters begin at 0\n", program, name)
		}
		if err := l.c.StartService(ctx, name); err != nil {
			errs = append(errs, &opError{what: fmt.Sprintf("start service %q again", name), err: err,
				hint: "the file is loaded; remove the cause and use " + program + " --start -i " + name})
		}
	}
	return errors.Join(errs...)
}

// commit makes the changes in one transaction, based on what was read.
func (l *load) commit(ctx context.Context, generation uint32, ops []config.Op) error {
	if len(ops) == 0 {
		return nil
	}
	tx, err := l.c.Begin(ctx, genl.BeginOptions{Generation: &generation})
	if err != nil {
		return l.fail(err)
	}
	defer tx.Abort() //nolint:errcheck // an error here changes nothing any more
	if i, err := stageAll(ctx, tx, ops); err != nil {
		return placed(l.file, ops[i], err)
	}
	if l.dryRun {
		return l.fail(tx.DryRun(ctx))
	}
	_, err = tx.Commit(ctx)
	return l.fail(err)
}

// stageAll sends a plan. With an error it returns the operation that it is about.
func stageAll(ctx context.Context, c *genl.Tx, ops []config.Op) (int, error) {
	var changes []genl.ServerChange
	for i := 0; i < len(ops); {
		changes = changes[:0]
		for j := i; j < len(ops); j++ { // servers come in a row
			ch, ok := serverChange(&ops[j])
			if !ok {
				break
			}
			changes = append(changes, ch)
		}
		if n, err := c.ChangeServers(ctx, changes); err != nil {
			return i + n, err
		}
		i += len(changes)
		if i < len(ops) {
			if err := stage(ctx, c, ops[i]); err != nil {
				return i, err
			}
			i++
		}
	}
	return len(ops), nil
}

// serverChange is an operation as one of many, if it is one of a server.
func serverChange(op *config.Op) (genl.ServerChange, bool) {
	ch := genl.ServerChange{Service: op.Service.Name, Address: op.Server.Addr, Config: genl.ServerConfig{Weight: &op.Server.Weight}}
	switch op.Kind {
	case config.NewServerOp:
		ch.Kind = genl.ServerAdd
	case config.SetServer:
		ch.Kind = genl.ServerSet
	case config.DeleteServer:
		ch.Kind = genl.ServerDelete
	default:
		return genl.ServerChange{}, false
	}
	return ch, true
}

// stage sends one operation that is none of a server.
func stage(ctx context.Context, c *genl.Tx, op config.Op) error {
	name := op.Service.Name
	switch op.Kind {
	case config.DeleteService:
		return c.DeleteService(ctx, name)
	case config.NewServiceOp:
		return c.AddService(ctx, name, toKernel(op.Service))
	case config.SetService:
		return c.SetService(ctx, name, changed(op.Service, op.Change))
	case config.SetRules:
		t, err := kernelRules(op.Service)
		if err != nil {
			return err
		}
		return c.SetRules(ctx, name, t)
	}
	panic("not a service: " + op.String())
}

// changed asks only for what differs.
func changed(s *config.Service, ch config.Change) genl.ServiceConfig {
	var c genl.ServiceConfig
	if ch.Mode {
		c.Mode = genl.Ptr(kernelMode(s.Mode))
	}
	if ch.Scheduler {
		c.Scheduler = &s.Scheduler
	}
	if ch.Listen {
		c.Listen = &s.Listen
	}
	if ch.Redirect {
		c.Fallback = &s.Redirect
	}
	if ch.Trusted {
		c.Trusted = &s.Trusted
	}
	if ch.Hash {
		c.Hash = toKernelHash(s.Hash).Config()
	}
	if ch.Cookie {
		c.Cookie = kernelCookie(&s.Cookie)
	}
	for _, k := range ch.Settings {
		settingFields[k].set(&c, s.Settings[k])
	}
	return c
}

// placed tells which line of the file the kernel refused.
func placed(file string, op config.Op, err error) error {
	e := &opError{what: op.String(), err: err}
	pos := op.Service.Pos
	if op.Server.Pos != (config.Pos{}) {
		pos = op.Server.Pos
	}
	if pos != (config.Pos{}) {
		e.at = fmt.Sprintf("%s:%d:%d", file, pos.Line, pos.Col)
	}
	return e
}
