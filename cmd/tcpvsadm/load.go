// SPDX-License-Identifier: MIT

// Loading a file: -f, -R, and check.
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
	"io"
	"os"
	"strconv"
	"time"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/config"
)

const loadAttempts = 5

func runLoad(s *session) error {
	file, _ := s.opts.get("load-configfile")
	return s.load(file)
}

func runRestore(s *session) error { return s.load("-") }

func (s *session) load(file string) error {
	conf, err := s.readConfig(file)
	if err != nil {
		return err
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	if file == "-" {
		file = "<stdin>"
	}
	return loadConfig(s.ctx, c, file, conf, s.stderr)
}

func runCheck(s *session) error {
	_, err := s.readConfig(s.opts.args[0])
	return err
}

// readConfig reads a file and prints its notes.
func (s *session) readConfig(file string) (*config.Config, error) {
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

// loadConfig makes the kernel's table that of the file.
func loadConfig(ctx context.Context, c loader, file string, conf *config.Config, notes io.Writer) error {
	var err error
	for try := range loadAttempts {
		if try > 0 {
			time.Sleep(time.Duration(try) * 20 * time.Millisecond)
		}
		err = loadOnce(ctx, c, file, conf, notes)
		if !errors.Is(err, genl.ErrStale) && !errors.Is(err, genl.ErrInconsistent) {
			return err
		}
	}
	return err
}

func loadOnce(ctx context.Context, c loader, file string, conf *config.Config, notes io.Writer) error {
	fail := func(err error) error { return cannot(err, "load %s", file) }
	info, err := c.Info(ctx)
	if err != nil {
		return fail(err)
	}
	t, err := readTable(ctx, c, "")
	if err != nil {
		return fail(err)
	}
	plan := config.Diff(t.states(), conf)
	if len(plan.Ops) == 0 {
		return nil
	}
	tx, err := c.Begin(ctx, genl.BeginOptions{Generation: &info.Generation})
	if err != nil {
		return fail(err)
	}
	defer tx.Abort() //nolint:errcheck // an error here changes nothing any more
	for _, op := range plan.Ops {
		if err := stage(ctx, tx, op); err != nil {
			return placed(file, op, err)
		}
	}
	if _, err := tx.Commit(ctx); err != nil {
		return fail(err)
	}

	// What had to be made anew was running: it runs again. One that does not
	// start keeps none of the others from it.
	var errs []error
	for _, name := range plan.Restart {
		fmt.Fprintf(notes, "%s: note: service %q was made anew for its new address or mode: its connections were reset, its counters begin at 0\n", program, name)
		if err := c.StartService(ctx, name); err != nil {
			errs = append(errs, &opError{what: fmt.Sprintf("start service %q again", name), err: err,
				hint: "the file is loaded; remove the cause and use " + program + " --start -i " + name})
		}
	}
	return errors.Join(errs...)
}

// stage sends one operation of a plan.
func stage(ctx context.Context, c genl.Changer, op config.Op) error {
	name := op.Service.Name
	switch op.Kind {
	case config.DeleteService:
		return c.DeleteService(ctx, name)
	case config.NewServiceOp:
		return c.AddService(ctx, name, toKernel(op.Service))
	case config.SetService:
		return c.SetService(ctx, name, changed(op.Service, op.Change))
	case config.DeleteServer:
		return c.DeleteServer(ctx, name, op.Server.Addr)
	}
	weight := genl.ServerConfig{Weight: &op.Server.Weight}
	if op.Kind == config.SetServer {
		return c.SetServer(ctx, name, op.Server.Addr, weight)
	}
	return c.AddServer(ctx, name, op.Server.Addr, weight)
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
