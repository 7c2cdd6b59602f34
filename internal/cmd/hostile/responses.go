// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

const caseTarget = "/case"

// script answers a case's request with bytes as they are.
func (s *slot) script(b []byte, how sending, spoils bool) {
	s.rec.mu.Lock()
	defer s.rec.mu.Unlock()
	s.rec.script = func(c *recorded, q framed) bool {
		if q.target() != caseTarget {
			return good(c.c, q)
		}
		if spoils {
			c.r.mu.Lock()
			c.spoiled = true
			c.r.mu.Unlock()
		}
		// The balancer closes on what it refuses: no error of ours.
		pieces(c.c, b, how.piece)
		if how.fin {
			c.c.CloseWrite()
		}
		return true
	}
}

// behave ends a script.
func (s *slot) behave() {
	s.rec.mu.Lock()
	s.rec.script = nil
	s.rec.mu.Unlock()
}

// clean is the response as a client must get it from a gateway.
func (m framed) clean() framed {
	out := framed{start: m.start, body: m.body, kind: m.kind}
	if strings.HasPrefix(m.start, "HTTP/1.0") {
		out.start = "HTTP/1.1" + m.start[8:]
	}
	if len(m.start) == len("HTTP/1.1 200") {
		out.start += " " // the space before a reason that is not there
	}
	drop := append(m.named(), hopByHop...)
	if m.status() == 204 {
		drop = append(drop, "content-length", "transfer-encoding")
	}
	for _, f := range m.fields {
		if !slices.Contains(drop, strings.ToLower(f.name)) {
			out.fields = append(out.fields, f)
		}
	}
	return out
}

// response has the server answer a request with a message of a table, and looks
// at what the client sees. The client asks for something else behind it.
func (s *slot) response(m message, how sending) error {
	q := m.method + " " + caseTarget + " HTTP/1.1\r\nHost: a\r\n"
	if m.method == "POST" {
		q += "Content-Length: 0\r\n"
	}
	q += "\r\n"
	req, _, err := readRequest([]byte(q))
	if err != nil {
		return err
	}
	refused := !isFraming(m.expect)
	whole, rest, perr := readResponse(m.bytes, m.method)
	bad := refused || m.expect == "more" || whole.status() == 101
	s.script(m.bytes, how, bad || len(rest) > 0 || how.fin)
	defer s.behave()

	// A second request waits behind it: it gets an answer of its own, or none.
	next := "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
	r := exchange(s.vip, []byte(q+next), sending{fin: true}, s.opts.wait)
	want := []framed{req}
	if r.err != nil {
		return s.settle(r.err, want, nil, verdict{})
	}
	behind, _, _ := readRequest([]byte(next))
	got, gerr := r.responses(m.method, "GET")
	switch {
	case bad && len(got) > 0 && got[0].status() == 502 && gerr == nil:
		// Nothing of it was relayed; the client may go on.
	case slices.Contains(bodyErrors, m.expect) || m.expect == "more":
		if err := broken(r, m); err != nil {
			return s.settle(err, want, nil, verdict{})
		}
		return s.settle(nil, want, nil, verdict{})
	case bad:
		return s.settle(fmt.Errorf("no 502: %v (%v)", r, gerr), want, nil, verdict{})
	case gerr != nil || perr != nil || len(got) == 0:
		return s.settle(fmt.Errorf("%v: %v %v", r, gerr, perr), want, nil, verdict{})
	default:
		seen, clean := got[0], whole.clean()
		seen.fields = slices.DeleteFunc(slices.Clone(seen.fields), func(f field) bool { return f.name == "Connection" })
		if d := seen.differs(clean); d != "" {
			err = fmt.Errorf("the response %s", d)
		}
	}
	switch closes := strings.Contains(strings.Join(got[0].all("Connection"), ","), "close"); {
	case err != nil:
	case len(got) == 1 && closes && r.ended:
	case len(got) == 2 && !closes && r.ended && got[1].body == behind.start:
		want = append(want, behind)
	default:
		err = fmt.Errorf("what follows it: %v", r)
	}
	return s.settle(err, want, nil, verdict{})
}

// broken checks that a client can see that a response is not whole.
func broken(r reply, m message) error {
	got, err := r.responses(m.method)
	switch {
	case r.reset && err == errMore, r.reset && len(got) == 0:
		return nil
	case len(got) == 1 && got[0].kind == "close" && r.reset:
		return nil
	}
	// With a clean end, only a framing that is not complete tells.
	if r.ended && len(r.bytes) > 0 && strings.Contains(fmt.Sprint(err), errMore.Error()) {
		return nil
	}
	return fmt.Errorf("the client cannot see that it is broken: %v", r)
}

// exchangeCase is a case that is more than one message.
type exchangeCase struct {
	name    string
	request string
	server  func(c *recorded) bool // nil: as a good server
	check   func(r reply) error
	want    bool // the request reaches the server whole
}

// upgrade asks for a websocket.
const upgrade = "GET " + caseTarget + " HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

const plain = "GET " + caseTarget + " HTTP/1.1\r\nHost: a\r\n\r\n"

// write is a server that answers with bytes and has then spoiled its connection.
func write(text string) func(c *recorded) bool {
	return func(c *recorded) bool {
		c.r.mu.Lock()
		c.spoiled = true
		c.r.mu.Unlock()
		io.WriteString(c.c, text)
		return true
	}
}

// says expects one complete response of this status with this body ("*": any).
func says(status int, body string) func(r reply) error {
	return func(r reply) error {
		got, err := r.responses("GET")
		if err != nil {
			return err
		}
		if len(got) != 1 || got[0].status() != status || body != "*" && got[0].body != body {
			return fmt.Errorf("not a %d with %q: %v", status, body, r)
		}
		return nil
	}
}

// interim expects so many responses before the final one.
func interim(n int, then func(r reply) error) func(r reply) error {
	return func(r reply) error {
		if k := strings.Count(string(r.bytes), "HTTP/1.1 1"); k != n {
			return fmt.Errorf("%d interim responses, not %d: %v", k, n, r)
		}
		rest := r.bytes
		for range n {
			m, tail, err := readHead(rest)
			if err != nil {
				return err
			}
			for _, f := range []string{"Content-Length", "Transfer-Encoding", "Connection"} {
				if m.all(f) != nil {
					return fmt.Errorf("%s in %q", f, rest)
				}
			}
			rest = tail
		}
		r.bytes = rest
		return then(r)
	}
}

// poison has the server say more than it was asked, in time for the next client.
const poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"

func exchangeCases() []exchangeCase {
	ok := "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	later := func(text string) func(c *recorded) bool {
		return func(c *recorded) bool {
			io.WriteString(c.c, ok)
			time.Sleep(30 * time.Millisecond)
			return write(text)(c)
		}
	}
	return []exchangeCase{
		{"two responses at once", plain, write(ok + poison), says(200, "ok"), true},
		{"a second response without a request, later", plain, later(poison), says(200, "ok"), true},
		{"an interim response without a request, later", plain, later("HTTP/1.1 100 Continue\r\n\r\n"), says(200, "ok"), true},
		{"an empty line after the response", plain, write(ok + "\r\n"), says(200, "ok"), true},
		{"a response after 204", plain, write("HTTP/1.1 204 No Content\r\n\r\n" + poison), says(204, ""), true},
		{"a response after 304", plain, write("HTTP/1.1 304 Not Modified\r\nContent-Length: 43\r\n\r\n" + poison), says(304, ""), true},
		{"101 nobody asked for", plain, write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n" + poison), says(502, "*"), true},
		{"101 to another protocol", upgrade, write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n" + poison), says(502, "*"), true},
		{"101 to two protocols", upgrade, write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket, h2c\r\n\r\n" + poison), says(502, "*"), true},
		{"101 without Upgrade", upgrade, write("HTTP/1.1 101 Switching Protocols\r\n\r\n" + poison), says(502, "*"), true},
		{"an interim response with a length", plain, write("HTTP/1.1 103 Early Hints\r\nContent-Length: 43\r\n\r\n" + ok + poison), interim(1, says(200, "ok")), true},
		{"an interim response that is chunked", plain, write("HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n" + ok + "0\r\n\r\n"), interim(1, says(200, "ok")), true},
		{"interim responses with Connection: close", plain, write(strings.Repeat("HTTP/1.1 102 Processing\r\nConnection: close\r\n\r\n", 20) + ok), interim(20, says(200, "ok")), true},
		{"a bad response after an interim one", plain, write("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na"), interim(1, says(502, "*")), true},
		{"a request instead of a response", plain, write(smuggled), says(502, "*"), true},
		{"our own request as the response", plain, write(plain), says(502, "*"), true},
		// Not a GET, which would be sent again if the connection was not new.
		{"the end instead of a response", "POST " + caseTarget + " HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", func(c *recorded) bool { return false }, says(502, "*"), true},
		{"an upgrade to h2c is stripped", "GET " + caseTarget + " HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", nil, says(200, "GET "+caseTarget+" HTTP/1.1"), true},
		{"HTTP/2 with prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", nil, says(505, "*"), false},
	}
}

func (s *slot) exchangeCase(e exchangeCase) error {
	said := make(chan struct{})
	if e.server != nil {
		s.rec.mu.Lock()
		s.rec.script = func(c *recorded, q framed) bool {
			if q.target() != caseTarget {
				return good(c.c, q)
			}
			defer close(said)
			return e.server(c)
		}
		s.rec.mu.Unlock()
		defer s.behave()
	}
	r := exchange(s.vip, []byte(e.request), sending{fin: true}, s.opts.wait)
	var want []framed
	if r.err != nil {
		return s.settle(r.err, want, nil, verdict{})
	}
	if q, _, err := readRequest([]byte(e.request)); e.want {
		if err != nil {
			return err
		}
		want = append(want, q)
	}
	if e.server != nil {
		// The next request must not be under way before all of it was said.
		select {
		case <-said:
		case <-time.After(s.opts.wait):
			return s.settle(fmt.Errorf("the server was not asked: %v", r), want, nil, verdict{})
		}
		s.rec.await(s.opts.wait)
	}
	return s.settle(e.check(r), want, nil, verdict{})
}
