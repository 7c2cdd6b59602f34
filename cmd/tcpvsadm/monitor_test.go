// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ktcpvs/ktcpvs/genl/genlfake"
)

// watching is a tcpvsadm that runs beside the script.
type watching struct {
	stdout, stderr output
	status         int
	ended          chan struct{}
}

// output can be looked at while somebody writes.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (w *watching) until(ts *testscript.TestScript, text string) {
	for end := time.Now().Add(time.Minute); !strings.Contains(w.stdout.String(), text); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("it has not printed %q, but:\n%s%s", text, w.stdout.String(), w.stderr.String())
		}
	}
}

// sockets is how many it has open, until it ends: that of its requests and that it listens on.
func (w *watching) sockets() int {
	if w == nil {
		return 0
	}
	return 2
}

// start runs f beside, until it has read the table or joined the log: what happens
// from then on is news for it.
func (w *watching) start(kernel *genlfake.Kernel, f func() int) {
	w.ended = make(chan struct{})
	before := len(kernel.Requests())
	go func() {
		w.status = f()
		close(w.ended)
	}()
	for {
		requests := kernel.Requests()[before:]
		at := slices.Index(requests, "server-get dump")
		if at >= 0 && slices.Contains(requests[at:], "info-get") || kernel.Listeners() > 0 {
			return
		}
		select {
		case <-w.ended:
			return
		case <-time.After(time.Millisecond):
		}
	}
}

func (w *world) watch(ts *testscript.TestScript, args []string) {
	v := &watching{}
	a := w.app(ts.Getenv("WORK"), strings.NewReader(""), &v.stdout, &v.stderr)
	v.start(w.kernel, func() int { return a.run(args) })
	w.watching = v
}

func (w *world) watched(ts *testscript.TestScript, notimes bool) {
	v := w.watching
	w.watching = nil
	select {
	case <-v.ended:
	case <-time.After(time.Minute):
		ts.Fatalf("it has not ended; so far:\n%s%s", v.stdout.String(), v.stderr.String())
	}
	w.status = v.status
	text := v.stdout.String()
	if notimes {
		text = times.ReplaceAllString(text, "")
	}
	fmt.Fprint(ts.Stdout(), text)
	fmt.Fprint(ts.Stderr(), v.stderr.String())
}

var times = regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}  `)

// A signal is a way to end it, not a failure, and what was told stays told.
func TestMonitorEndsAtASignal(t *testing.T) {
	n := newNode(t)
	w := &watching{}
	a := n.app(strings.NewReader(""), &w.stdout, &w.stderr)
	w.start(n.kernel, func() int { return a.run([]string{"monitor"}) })
	n.adm("", "-A", "-i", "web")
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-w.ended:
	case <-time.After(time.Minute):
		t.Fatal("it does not end")
	}
	if w.status != 0 || w.stderr.String() != "" {
		t.Errorf("status %d: %s", w.status, w.stderr.String())
	}
}
