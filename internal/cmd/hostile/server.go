// SPDX-License-Identifier: MIT

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// recorder is a real server that keeps what reaches it. It answers every
// request it understands, by script or with the request line as the body.
type recorder struct {
	l net.Listener

	mu       sync.Mutex
	changed  *sync.Cond
	conns    []*recorded
	requests []framed // complete ones in the order they came
	script   func(c *recorded, q framed) (keep bool)
	total    int // requests ever seen
}

// recorded is a connection from the balancer.
type recorded struct {
	r       *recorder
	c       *net.TCPConn
	pending []byte // what makes no whole request so far
	served  int
	err     error // why it ended
	spoiled bool  // must never carry another request
	why     error // it did, or what came has no single reading
}

// listenIn listens on addresses of another network namespace ("": of ours). A
// socket stays in the namespace it was made in.
func listenIn(netns string, addrs []string) (out []net.Listener, err error) {
	if netns != "" {
		runtime.LockOSThread()
		ours, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			return nil, err
		}
		defer ours.Close()
		theirs, err := os.Open("/run/netns/" + netns)
		if err != nil {
			return nil, err
		}
		defer theirs.Close()
		if err := unix.Setns(int(theirs.Fd()), unix.CLONE_NEWNET); err != nil {
			return nil, fmt.Errorf("network namespace %s: %w", netns, err)
		}
		defer func() {
			// A thread that cannot go back ends with its goroutine.
			if unix.Setns(int(ours.Fd()), unix.CLONE_NEWNET) == nil {
				runtime.UnlockOSThread()
			}
		}()
	}
	for _, a := range addrs {
		l, err := net.Listen("tcp", a)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

func newRecorder(l net.Listener) *recorder {
	r := &recorder{l: l}
	r.changed = sync.NewCond(&r.mu)
	go r.accept()
	return r
}

func (r *recorder) accept() {
	for {
		c, err := r.l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		rc := &recorded{r: r, c: c.(*net.TCPConn)}
		r.mu.Lock()
		r.conns = append(r.conns, rc)
		r.mu.Unlock()
		go rc.serve()
	}
}

func (c *recorded) serve() {
	defer c.c.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := c.c.Read(buf)
		c.r.mu.Lock()
		c.pending = append(c.pending, buf[:n]...)
		if n > 0 && c.spoiled && c.why == nil {
			c.why = fmt.Errorf("used again after a bad response, for %.100q", c.pending)
		}
		c.r.mu.Unlock()
		for err == nil && c.one() {
		}
		c.r.mu.Lock()
		if c.err == nil {
			c.err = err
		}
		ended := c.err != nil
		c.r.changed.Broadcast()
		c.r.mu.Unlock()
		if ended {
			return
		}
	}
}

// one takes and answers the first whole request; false if there is none.
func (c *recorded) one() bool {
	r := c.r
	r.mu.Lock()
	if c.err != nil || len(c.pending) == 0 {
		r.mu.Unlock()
		return false
	}
	q, rest, err := readRequest(c.pending)
	if err != nil {
		if err != errMore && c.why == nil {
			c.why = fmt.Errorf("no single reading: %w in %.300q", err, c.pending)
		}
		r.mu.Unlock()
		return false
	}
	c.pending = append([]byte(nil), rest...)
	c.served++
	r.requests = append(r.requests, q)
	r.total++
	script := r.script
	r.mu.Unlock()

	keep := true
	if script == nil || q.target() == goodTarget {
		keep = good(c.c, q)
	} else {
		keep = script(c, q)
	}
	if !keep {
		r.mu.Lock()
		c.err = io.EOF
		r.mu.Unlock()
	}
	return keep
}

// good answers with the request line.
func good(w io.Writer, q framed) bool {
	body := q.start
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(body))
	if q.method() == "HEAD" {
		body = ""
	}
	_, err := io.WriteString(w, head+body)
	return err == nil
}

// seen is what reached a server since the last look.
type seen struct {
	requests []framed
	partial  [][]byte // of connections that ended in the middle of a request
	err      error    // what should never be
}

// take waits until no connection is in the middle of a request and every one
// that was spoiled has ended, and tells what came.
func (r *recorder) take(wait time.Duration) (s seen) {
	r.await(wait)
	r.mu.Lock()
	defer r.mu.Unlock()
	var alive []*recorded
	for _, c := range r.conns {
		switch {
		case s.err == nil && c.why != nil:
			s.err = c.why
		case s.err == nil && c.err == nil && c.spoiled:
			s.err = errors.New("the server connection of a bad response is still open")
		case s.err == nil && c.err == nil && len(c.pending) > 0:
			s.err = fmt.Errorf("a server connection is left open in the middle of %.300q", c.pending)
		}
		if len(c.pending) > 0 {
			s.partial = append(s.partial, c.pending)
		}
		if c.err == nil && s.err == nil {
			alive = append(alive, c)
		} else {
			c.c.Close()
		}
	}
	r.conns = alive
	s.requests = r.requests
	r.requests = nil
	return s
}

func (r *recorder) await(wait time.Duration) {
	late := false
	t := time.AfterFunc(wait, func() {
		r.mu.Lock()
		late = true
		r.changed.Broadcast()
		r.mu.Unlock()
	})
	defer t.Stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for !late && !r.quiet() {
		r.changed.Wait()
	}
}

func (r *recorder) quiet() bool {
	for _, c := range r.conns {
		if c.err == nil && (len(c.pending) > 0 || c.spoiled) {
			return false
		}
	}
	return true
}
