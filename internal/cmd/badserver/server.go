// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ktcpvs/ktcpvs/internal/traffic"
)

// server accepts, reads heads as they are and hands them to behaviours.
type server struct {
	name  string
	log   bool
	idle  time.Duration
	lines *traffic.Lines

	forced     *behaviour
	forcedArgs arguments
	limited    bool
	remaining  atomic.Int64

	conns, requests, bodyBytes atomic.Int64
	mu                         sync.Mutex
	counts                     map[string]int64 // requests by method and path
}

// summary is the answer of /count and the last line printed.
type summary struct {
	Event       string           `json:"event"`
	Name        string           `json:"name,omitempty"`
	Connections int64            `json:"connections"`
	Requests    int64            `json:"requests"`
	BodyBytes   int64            `json:"body_bytes"`
	Targets     map[string]int64 `json:"targets"` // "GET /ok": number; without the query
}

func (s *server) summary() summary {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := make(map[string]int64, len(s.counts))
	for k, v := range s.counts {
		m[k] = v
	}
	return summary{"summary", s.name, s.conns.Load(), s.requests.Load(), s.bodyBytes.Load(), m}
}

func (s *server) zero() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns.Store(0)
	s.requests.Store(0)
	s.bodyBytes.Store(0)
	clear(s.counts)
}

func (s *server) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		s.conns.Add(1)
		go s.serve(c.(*net.TCPConn))
	}
}

// force says whether --do applies once more.
func (s *server) force() bool {
	return s.forced != nil && (!s.limited || s.remaining.Add(-1) >= 0)
}

// request is one request as its bytes came, and the means to answer it.
type request struct {
	*server
	conn *net.TCPConn
	r    *bufio.Reader
	args arguments

	head    string // as received, with the empty line
	method  string
	target  string
	version string
	length  int64 // Content-Length, -1 when chunked
	expect  bool
	close   bool // the client asked for it
}

func (s *server) serve(c *net.TCPConn) {
	defer c.Close()
	r := bufio.NewReaderSize(c, 16<<10)
	if s.forced != nil && s.forced.onAccept != nil && s.force() {
		s.forced.onAccept(s, c, s.forcedArgs)
		return
	}
	for {
		c.SetDeadline(time.Now().Add(s.idle))
		q := &request{server: s, conn: c, r: r}
		if !q.readHead() {
			return
		}
		s.account(q)
		b, args, err := find(q.target)
		if s.forced != nil && s.forced.onAccept == nil && s.force() {
			b, args, err = s.forced, s.forcedArgs, nil
		}
		q.args = args
		if err != nil || b.onRequest == nil {
			b, _, _ = find("ok")
		}
		if !b.onRequest(q) || q.close {
			return
		}
	}
}

func (s *server) account(q *request) {
	s.requests.Add(1)
	path, _, _ := strings.Cut(q.target, "?")
	s.mu.Lock()
	if len(s.counts) < 10000 {
		s.counts[q.method+" "+path]++
	}
	s.mu.Unlock()
	if s.log {
		s.lines.Emit(map[string]any{
			"event": "request", "peer": q.conn.RemoteAddr().String(), "head": q.head,
		})
	}
}

// readHead takes one head and understands just enough of it.
func (q *request) readHead() bool {
	var b strings.Builder
	for b.Len() < 1<<20 {
		line, err := q.r.ReadString('\n')
		b.WriteString(line)
		if err != nil {
			return false
		}
		text := strings.TrimRight(line, "\r\n")
		if q.method == "" {
			if text == "" {
				b.Reset()
				continue // an empty line before a request
			}
			f := strings.Fields(text)
			if len(f) != 3 {
				return false
			}
			q.method, q.target, q.version = f[0], f[1], f[2]
			q.close = q.version == "HTTP/1.0"
			continue
		}
		if text == "" {
			q.head = b.String()
			return true
		}
		name, value, _ := strings.Cut(text, ":")
		value = strings.TrimSpace(value)
		switch strings.ToLower(name) {
		case "content-length":
			q.length, _ = strconv.ParseInt(value, 10, 64)
		case "transfer-encoding":
			q.length = -1
		case "expect":
			q.expect = strings.EqualFold(value, "100-continue")
		case "connection":
			q.close = q.close || strings.EqualFold(value, "close")
		}
	}
	return false
}

// readBody takes the body and returns its size; with keep its bytes as well.
func (q *request) readBody(keep io.Writer) (int64, error) {
	n, err := q.copyBody(keep)
	q.bodyBytes.Add(n)
	return n, err
}

func (q *request) copyBody(w io.Writer) (total int64, err error) {
	if w == nil {
		w = io.Discard
	}
	if q.length >= 0 {
		return io.CopyN(w, q.r, q.length)
	}
	for {
		line, err := q.r.ReadString('\n')
		if err != nil {
			return total, err
		}
		size, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		n, err := strconv.ParseInt(size, 16, 64)
		if err != nil {
			return total, err
		}
		if n == 0 {
			for { // trailer
				line, err := q.r.ReadString('\n')
				if err != nil || strings.TrimSpace(line) == "" {
					return total, err
				}
			}
		}
		k, err := io.CopyN(w, q.r, n)
		total += k
		if err != nil {
			return total, err
		}
		if _, err := q.r.Discard(2); err != nil {
			return total, err
		}
	}
}

// raw writes bytes as they are.
func (q *request) raw(s string) bool {
	_, err := io.WriteString(q.conn, s)
	return err == nil
}

// answer sends a right response with a body, after the request's body.
func (q *request) answer(status, body string, fields ...string) bool {
	if _, err := q.readBody(nil); err != nil {
		return false
	}
	return q.respond(status, body, fields...)
}

// respond sends a right response at once.
func (q *request) respond(status, body string, fields ...string) bool {
	var b strings.Builder
	b.WriteString("HTTP/1.1 " + status + "\r\nContent-Type: text/plain\r\n")
	if q.name != "" {
		b.WriteString("X-Server: " + q.name + "\r\n")
	}
	for _, f := range fields {
		b.WriteString(f + "\r\n")
	}
	if q.close {
		b.WriteString("Connection: close\r\n")
	}
	b.WriteString("Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n")
	if q.method != "HEAD" {
		b.WriteString(body)
	}
	return q.raw(b.String())
}
