// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"net"
	"strings"
	"time"
)

// timedCase is a peer that does not go on. The services' limits are short.
type timedCase struct {
	name   string
	send   string
	drip   string        // sent a byte at a time after it, again and again
	server string        // what the server answers with before it is silent
	status int           // of our answer; 0: none
	broken bool          // the response is cut off
	m      message       // what a part of may reach the server
	whole  bool          // the request reaches the server
	limit  time.Duration // of the service
}

// timedCases are the cases with a limit of their own and all messages of the
// tables that are cut short.
func timedCases(requests, responses []message, limit time.Duration) (out []timedCase) {
	const head = "GET /slow HTTP/1.1\r\nHost: a\r\n"
	out = []timedCase{
		{name: "a connection without a byte"},
		{name: "a head that drips", send: head + "X: ", drip: "y", status: 408},
		{name: "header lines that drip", send: head, drip: "X: y\r\n", status: 408},
		{name: "a method that drips", drip: "G", status: 408},
		{name: "a server that says nothing", send: plain, status: 504, whole: true},
		{name: "a server whose head does not end", send: plain, server: "HTTP/1.1 200 OK\r\nX: ", status: 504, whole: true},
		{name: "a server that stops at 100", send: plain, server: "HTTP/1.1 102 Processing\r\n\r\n", status: 504, whole: true},
		{name: "a server whose body does not end", send: plain, server: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", broken: true, whole: true},
		{name: "a server whose chunk does not end", send: plain, server: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", broken: true, whole: true},
		{name: "a server whose chunks do not end", send: plain, server: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", broken: true, whole: true},
		{name: "a server whose trailer does not end", send: plain, server: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n", broken: true, whole: true},
		{name: "a server that does not close", send: plain, server: "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nab", broken: true, whole: true},
	}
	for _, m := range requests {
		if m.expect == "more" && len(m.bytes) > 0 {
			out = append(out, timedCase{name: m.name, send: string(m.bytes), status: 408, m: m})
		}
	}
	for _, m := range responses {
		if m.expect == "more" && m.method == "GET" {
			head := strings.Contains(string(m.bytes), "\r\n\r\n")
			c := timedCase{name: "response " + m.name, send: plain, server: string(m.bytes), whole: true, broken: head}
			if !head {
				c.status = 504
			}
			out = append(out, c)
		}
	}
	for i := range out {
		out[i].limit = limit
	}
	return out
}

func (s *slot) timed(t timedCase) error {
	s.rec.mu.Lock()
	s.rec.script = func(c *recorded, q framed) bool {
		if q.target() == caseTarget {
			return write(t.server)(c)
		}
		return good(c.c, q)
	}
	s.rec.mu.Unlock()
	defer s.behave()

	start := time.Now()
	c, err := net.DialTimeout("tcp", s.vip, s.opts.wait)
	if err != nil {
		return err
	}
	c.SetDeadline(start.Add(t.limit + s.opts.wait))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err := c.Write([]byte(t.send))
		if t.whole {
			// Else the connection would be kept after the answer.
			c.(*net.TCPConn).CloseWrite()
		}
		if err != nil || t.drip == "" {
			return
		}
		for i := 0; ; i++ {
			if _, err := c.Write([]byte{t.drip[i%len(t.drip)]}); err != nil {
				return
			}
			time.Sleep(t.limit / 20)
		}
	}()
	r := readAll(c)
	took := time.Since(start)
	c.Close()
	<-done
	var want []framed
	if t.whole {
		q, _, err := readRequest([]byte(t.send))
		if err != nil {
			return err
		}
		want = append(want, q)
	}
	return s.settle(t.check(r, took), want, t.m.bytes, verdict{cut: true})
}

func (t *timedCase) check(r reply, took time.Duration) error {
	got, err := r.responses("GET")
	switch {
	case r.err != nil:
		return r.err
	// Timers are rounded to ticks.
	case took < t.limit-t.limit/10:
		return fmt.Errorf("after %v, before the limit of %v: %v", took, t.limit, r)
	case t.broken:
		return broken(r, message{method: "GET"})
	case t.status == 0 && len(r.bytes) == 0 && r.ended:
		return nil
	case err != nil:
		return err
	case len(got) == 0 || got[len(got)-1].status() != t.status:
		return fmt.Errorf("not a %d: %v", t.status, r)
	// What the client has not sent we cannot know: its connection ends.
	case t.status == 408 && !r.ended:
		return fmt.Errorf("the connection does not end: %v", r)
	}
	return nil
}
