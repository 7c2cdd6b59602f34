// SPDX-License-Identifier: MIT

// Running a command and telling what went wrong. Every error ends here, as one
// line that says what could not be done and why, and, where there is one, a
// second with the way out.

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/config"
)

const program = "tcpvsadm"

// Exit statuses.
const (
	exitDone    = 0
	exitRefused = 1
	exitUsage   = 2
)

// app is what a command works with beside its arguments.
type app struct {
	stdin    io.Reader
	stdout   io.Writer
	stderr   io.Writer
	names    *config.Names
	dial     func(...genl.Option) (*genl.Client, error)
	modprobe func() error
	memory   func() uint64 // of the machine, in bytes
	now      func() time.Time
	sleep    func(time.Duration)
}

// usageError is wrong use: status 2.
type usageError struct {
	msg, hint string
	opt       string // the option it is about, by its long name; may be empty
}

func (e *usageError) Error() string { return e.msg }

func usagef(hint, format string, args ...any) error {
	return &usageError{msg: fmt.Sprintf(format, args...), hint: hint}
}

// opError says what could not be done; status 1.
type opError struct {
	at   string // FILE:LINE:COL, if a file asked for it
	what string // "add service \"web\""
	err  error
	hint string
}

func (e *opError) Error() string {
	return fmt.Sprintf("cannot %s: %s", e.what, reason(e.err))
}

func (e *opError) Unwrap() error { return e.err }

// cannot wraps the error of an operation; nil stays nil.
func cannot(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &opError{what: fmt.Sprintf(format, args...), err: err}
}

// reason is an error without what opError says already.
func reason(err error) string {
	var ge *genl.Error
	if !errors.As(err, &ge) {
		return err.Error()
	}
	if ge.Message != "" {
		return ge.Message
	}
	text := ge.Error()
	switch {
	case ge.Err != nil:
		text = ge.Err.Error()
	case ge.Errno != 0:
		text = ge.Errno.Error()
	}
	if ge.Attribute != "" {
		text += " (attribute " + ge.Attribute + ")"
	}
	return text
}

// run does what the arguments ask and returns the exit status.
func (a *app) run(args []string) int {
	out := bufio.NewWriter(a.stdout)
	o, err := parseArgs(args)
	if err == nil {
		err = o.cmd.run(&session{app: a, ctx: context.Background(), opts: o, out: out})
	}
	if ferr := out.Flush(); err == nil && ferr != nil {
		err = cannot(ferr, "write the output")
	}
	return a.report(err)
}

// report prints an error and returns its status.
func (a *app) report(err error) int {
	var (
		usage *usageError
		files config.Errors
		value *config.Error
		op    *opError
		many  interface{ Unwrap() []error }
	)
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errDiffers):
		return exitRefused
	case errors.As(err, &many):
		status := exitDone
		for _, e := range many.Unwrap() {
			status = max(status, a.report(e))
		}
		return status
	case errors.As(err, &usage):
		a.complain(program+": "+usage.msg, usage.hint)
		return exitUsage
	case errors.As(err, &files):
		for _, e := range files {
			a.complain(e.Error(), e.Hint)
		}
	case errors.As(err, &op):
		prefix := program
		if op.at != "" {
			prefix = op.at
		}
		a.complain(prefix+": "+op.Error(), hint(op))
	case errors.As(err, &value):
		a.complain(program+": "+value.Msg, value.Hint)
	default:
		a.complain(program+": "+err.Error(), "")
	}
	return exitRefused
}

func (a *app) complain(msg, hint string) {
	fmt.Fprintln(a.stderr, msg)
	if hint != "" {
		fmt.Fprintln(a.stderr, "  hint: "+hint)
	}
}

// hint is the way out of what the kernel refused.
func hint(op *opError) string {
	switch {
	case op.hint != "":
		return op.hint
	case errors.Is(op.err, os.ErrPermission) && isErrno(op.err, syscall.EPERM) &&
		!strings.Contains(reason(op.err), "userns"): // who is root there already
		return "only root, or who has CAP_NET_ADMIN, may change anything"
	case errors.Is(op.err, genl.ErrStale):
		return "somebody else changes the table all the time; try again"
	}
	return ""
}

func isErrno(err error, want syscall.Errno) bool {
	var ge *genl.Error
	if errors.As(err, &ge) && ge.Errno != 0 {
		return ge.Errno == want
	}
	var errno syscall.Errno
	return errors.As(err, &errno) && errno == want
}

// session is one command while it runs.
type session struct {
	*app
	ctx  context.Context
	opts *options
	out  *bufio.Writer
}
