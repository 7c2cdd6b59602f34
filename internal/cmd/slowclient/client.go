// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ktcpvs/ktcpvs/internal/traffic"
)

// client is one connection.
type client struct {
	*options
	id    int
	conn  *net.TCPConn
	lines *traffic.Lines
	start time.Time

	sent, got atomic.Int64

	settled chan struct{} // closed when it stalls, idles or has ended
	settle  func()
}

// runAll runs every connection and counts those that ended otherwise than
// expected. A connection that could not be opened never was as expected.
func (o *options) runAll(work func(*client) end, lines *traffic.Lines) (bad int) {
	var wg, reporter sync.WaitGroup
	var failed atomic.Int64
	clients := make([]client, o.clients)
	for i := range clients {
		c := &clients[i]
		c.options, c.id, c.lines, c.start = o, i, lines, time.Now()
		c.settled = make(chan struct{})
		c.settle = sync.OnceFunc(func() { close(c.settled) })
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer c.settle()
			e := c.run(work)
			e.Event, e.Client = "end", i
			e.Sent, e.Read, e.Seconds = c.sent.Load(), c.got.Load(), time.Since(c.start).Seconds()
			lines.Emit(e)
			if e.Outcome == "failed" || o.expect != "" && e.Outcome != o.expect {
				failed.Add(1)
			}
		}()
		if o.oneByOne {
			<-c.settled
		}
	}
	done := make(chan struct{})
	reporter.Add(1)
	go func() {
		defer reporter.Done()
		o.progress(clients, lines, done)
	}()
	wg.Wait()
	close(done)
	reporter.Wait()
	return int(failed.Load())
}

func (o *options) progress(clients []client, lines *traffic.Lines, done chan struct{}) {
	if o.report <= 0 {
		return
	}
	start := time.Now()
	for {
		select {
		case <-done:
			return
		case <-time.After(o.report):
			var sent, got int64
			for i := range clients {
				sent += clients[i].sent.Load()
				got += clients[i].got.Load()
			}
			lines.Emit(map[string]any{"event": "progress", "seconds": time.Since(start).Seconds(), "sent": sent, "read": got})
		}
	}
}

func (c *client) run(work func(*client) end) end {
	d := net.Dialer{Timeout: c.timeout}
	if c.rcvbuf > 0 {
		// Before the connect, so that the window is small from the start.
		d.Control = func(_, _ string, raw syscall.RawConn) (err error) {
			if e := raw.Control(func(fd uintptr) {
				err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, int(c.rcvbuf))
			}); e != nil {
				return e
			}
			return err
		}
	}
	conn, err := d.DialContext(context.Background(), "tcp", c.connect)
	if err != nil {
		return end{Outcome: "failed", Error: err.Error()}
	}
	c.conn = conn.(*net.TCPConn)
	defer c.conn.Close()
	if c.clients == 1 {
		c.lines.Emit(map[string]any{"event": "connected", "local": conn.LocalAddr().String()})
	}
	return work(c)
}

// outcome names how a connection ended.
func outcome(err error) end {
	switch {
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return end{Outcome: "eof"}
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return end{Outcome: "reset", Error: err.Error()}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return end{Outcome: "timeout", Error: err.Error()}
	default:
		return end{Outcome: "failed", Error: err.Error()}
	}
}

// write sends within the timeout.
func (c *client) write(s string) error {
	c.conn.SetWriteDeadline(time.Now().Add(c.timeout))
	n, err := io.WriteString(c.conn, s)
	c.sent.Add(int64(n))
	return err
}

// Read counts, and bounds every read by the timeout.
func (c *client) Read(p []byte) (int, error) {
	c.conn.SetReadDeadline(time.Now().Add(c.timeout))
	n, err := c.conn.Read(p)
	c.got.Add(int64(n))
	return n, err
}

// wait holds the connection without reading and returns early, with an outcome,
// when the peer ends it. Poll tells of a FIN or a reset behind unread data.
func (c *client) wait(d time.Duration) (end, bool) {
	raw, err := c.conn.SyscallConn()
	if err != nil {
		return outcome(err), true
	}
	deadline := time.Now().Add(d)
	for {
		var events int16
		err := raw.Control(func(fd uintptr) {
			p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
			if _, err := unix.Poll(p, 0); err == nil {
				events = p[0].Revents
			}
		})
		switch {
		case err != nil:
			return outcome(err), true
		case events&unix.POLLERR != 0:
			return end{Outcome: "reset"}, true
		case events&(unix.POLLRDHUP|unix.POLLHUP) != 0:
			return end{Outcome: "eof"}, true
		}
		left := time.Until(deadline)
		if left <= 0 {
			return end{}, false
		}
		time.Sleep(min(left, 20*time.Millisecond))
	}
}

// stall reads, holds and ends as told.
func stall(c *client) end {
	if err := c.write(c.send); err != nil {
		return outcome(err)
	}
	shaped := traffic.NewConn(c.conn, traffic.Shape{ReadRate: int64(c.rate)}, c.timeout, 1)
	buf := make([]byte, 64<<10)
	for left := int64(c.read); left > 0; {
		n, err := shaped.Read(buf[:min(left, int64(len(buf)))])
		c.got.Add(int64(n))
		left -= int64(n)
		if err != nil {
			return outcome(err)
		}
	}
	c.lines.Emit(map[string]any{
		"event": "stalled", "client": c.id, "read": c.got.Load(), "seconds": time.Since(c.start).Seconds(),
	})
	c.settle()
	if e, ended := c.wait(c.hold); ended {
		return e
	}
	switch c.then {
	case "reset":
		traffic.Reset(c.conn)
	case "drain":
		_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c}, buf)
		return outcome(err)
	}
	return end{Outcome: "open"}
}

// dribble sends in small steps and reports the first answer, whether it comes
// before or after the end of the request.
func dribble(c *client) end {
	answer := make(chan end, 1)
	go func() {
		// The wait for an answer is not bounded while the request is under way.
		resp, err := http.ReadResponse(bufio.NewReader(countReader{c}), nil)
		if err != nil {
			answer <- outcome(err)
			return
		}
		io.Copy(io.Discard, resp.Body)
		answer <- end{Outcome: strconv.Itoa(resp.StatusCode)}
	}()
	for rest := c.send; rest != ""; {
		n := min(c.step, len(rest))
		if err := c.write(rest[:n]); err != nil {
			select {
			case e := <-answer: // says more than a failed write
				return e
			case <-time.After(time.Second):
				return outcome(err)
			}
		}
		rest = rest[n:]
		select {
		case e := <-answer:
			return e
		case <-time.After(c.interval):
		}
	}
	select {
	case e := <-answer:
		return e
	case <-time.After(c.timeout):
		return end{Outcome: "timeout", Error: fmt.Sprintf("no answer for %v", c.timeout)}
	}
}

// countReader reads without a deadline.
type countReader struct{ c *client }

func (r countReader) Read(p []byte) (int, error) {
	n, err := r.c.conn.Read(p)
	r.c.got.Add(int64(n))
	return n, err
}

// idle brings the connection into a state and leaves it there.
func idle(c *client) end {
	var err error
	switch c.kind {
	case "head":
		err = c.write(c.send[:len(c.send)/2])
	case "keepalive":
		if err = c.write(c.send); err == nil {
			var resp *http.Response
			if resp, err = http.ReadResponse(bufio.NewReader(c), nil); err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
				if err == nil && resp.Close {
					return end{Outcome: "eof", Error: "the answer does not keep the connection"}
				}
			}
		}
	}
	if err != nil {
		return outcome(err)
	}
	c.settle()
	if e, ended := c.wait(c.hold); ended {
		return e
	}
	return end{Outcome: "open"}
}
