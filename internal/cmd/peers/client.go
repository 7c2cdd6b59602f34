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
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// peer is where a client sends to.
type peer struct {
	addr string
	wait time.Duration // longest time for anything
}

// session is a client of net/http that counts its connections.
type session struct {
	*peer
	http.Client
	dials atomic.Int64
}

// session begins one; its connections end with close.
func (p *peer) session() *session {
	s := &session{peer: p}
	dialer := net.Dialer{Timeout: p.wait}
	s.Timeout = p.wait
	s.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s.Transport = &http.Transport{
		DisableCompression: true, ExpectContinueTimeout: p.wait,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			s.dials.Add(1)
			return dialer.DialContext(ctx, network, addr)
		},
	}
	return s
}

func (s *session) close() { s.CloseIdleConnections() }

// answer is a response with its body; without one, nothing holds of it.
type answer struct {
	*http.Response
	body []byte
}

// send makes one exchange; fields are names and values in turn.
func (s *session) send(ctx context.Context, method, target string, body io.Reader, fields ...string) (a answer, err error) {
	q, err := http.NewRequestWithContext(ctx, method, "http://"+s.addr+target, body)
	if err != nil {
		return a, err
	}
	for i := 0; i < len(fields); i += 2 {
		q.Header.Set(fields[i], fields[i+1])
	}
	return s.do(q)
}

func (s *session) do(q *http.Request) (a answer, err error) {
	a.Response, err = s.Do(q)
	if err != nil {
		return a, err
	}
	defer a.Body.Close()
	a.body, err = io.ReadAll(a.Body)
	if err != nil {
		err = fmt.Errorf("%s %s: status %d, after %d bytes: %w", q.Method, q.URL.Path, a.StatusCode, len(a.body), err)
	}
	return a, err
}

func (s *session) get(target string, fields ...string) (answer, error) {
	return s.send(context.Background(), "GET", target, nil, fields...)
}

// is tells how an answer differs from what was wanted.
func (a answer) is(status int, body string) error {
	if a.Response == nil {
		return errNone
	}
	if a.StatusCode != status || string(a.body) != body {
		return fmt.Errorf("got %d and %s, wanted %d and %s", a.StatusCode, short(a.body), status, short([]byte(body)))
	}
	return nil
}

// field tells how a field differs from what was wanted.
func (a answer) field(name, want string) error {
	if a.Response == nil {
		return errNone
	}
	if got := strings.Join(a.Header.Values(name), ", "); got != want {
		return fmt.Errorf("%s is %q, wanted %q", name, got, want)
	}
	return nil
}

// connections tells how their number differs from what was wanted.
func (s *session) connections(want int64) error {
	if got := s.dials.Load(); got != want {
		return fmt.Errorf("%d connections of the client, wanted %d", got, want)
	}
	return nil
}

// ports says whether n answers to target, which are the port of the
// server's peer, come over as many server connections, and one of the client.
func (s *session) ports(target string, n, want int) error {
	seen := map[string]bool{}
	for i := range n {
		a, err := s.get(target)
		if err != nil {
			return fmt.Errorf("request %d: %w", i+1, err)
		}
		if a.StatusCode != 200 || len(a.body) == 0 {
			return fmt.Errorf("request %d: got %d and %s", i+1, a.StatusCode, short(a.body))
		}
		for _, f := range []string{"Connection", "Keep-Alive"} {
			if err := a.field(f, ""); err != nil {
				return err
			}
		}
		seen[string(a.body)] = true
	}
	if len(seen) != want {
		return fmt.Errorf("%d server connections for %d requests, wanted %d", len(seen), n, want)
	}
	return s.connections(1)
}

// raw is a connection whose bytes a case writes itself.
type raw struct {
	*net.TCPConn
	r *bufio.Reader
}

func (p *peer) dial() (*raw, error) {
	c, err := net.DialTimeout("tcp", p.addr, p.wait)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(p.wait))
	return &raw{c.(*net.TCPConn), bufio.NewReader(c)}, nil
}

// response reads one to a request of that method, with its body.
func (c *raw) response(method string) (a answer, err error) {
	a.Response, err = http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		return a, err
	}
	defer a.Body.Close()
	a.body, err = io.ReadAll(a.Body)
	return a, err
}

// end is nil if the connection ends here, by a FIN.
func (c *raw) end() error {
	rest, err := io.ReadAll(c.r)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%s before the end", short(rest))
	}
	return err
}

// counted is a body that knows how much of it was read.
type counted struct {
	r io.Reader
	n atomic.Int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n.Add(int64(n))
	return n, err
}

// pattern is a body in which no two places look alike.
func pattern(seed string, size int) []byte {
	b := make([]byte, 0, size+len(seed)+20)
	for i := 0; len(b) < size; i++ {
		b = append(append(b, seed...), ' ')
		b = append(strconv.AppendInt(b, int64(i), 10), '\n')
	}
	return b[:size]
}

func short(b []byte) string {
	if len(b) > 100 {
		return fmt.Sprintf("%.60q and %d bytes more", b, len(b)-60)
	}
	return fmt.Sprintf("%q", b)
}

// first returns the first error.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

var (
	errEarly = errors.New("the body was sent although nobody had asked for it")
	errNone  = errors.New("no answer")
)
