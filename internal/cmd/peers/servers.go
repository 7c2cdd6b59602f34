// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// haproxyCases: HAProxy answers /port with the port of its peer, refuses /no by
// 403, sends /to to /port, and has no server for /down.
var haproxyCases = []testCase{
	{"20 requests share a connection on either side", func(p *peer) error {
		s := p.session()
		defer s.close()
		return s.ports("/port", 20, 1)
	}},
	{"its redirect, its 403 and its 503 pass, and the connection goes on", func(p *peer) error {
		s := p.session()
		defer s.close()
		for range 3 {
			to, err := s.get("/to")
			if err = first(err, to.is(302, ""), to.field("Location", "/port")); err != nil {
				return err
			}
			no, err := s.get("/no")
			if err == nil && (no.StatusCode != 403 || !bytes.Contains(no.body, []byte("Request forbidden by administrative rules"))) {
				err = fmt.Errorf("to /no: %d and %s", no.StatusCode, short(no.body))
			}
			if err != nil {
				return err
			}
			down, err := s.get("/down")
			if err == nil && (down.StatusCode != 503 || !bytes.Contains(down.body, []byte("No server is available"))) {
				err = fmt.Errorf("to /down: %d and %s", down.StatusCode, short(down.body))
			}
			if err != nil {
				return err
			}
		}
		return s.ports("/port", 3, 1)
	}},
	{"HEAD ends without a body, and the connection goes on", func(p *peer) error {
		s := p.session()
		defer s.close()
		for range 3 {
			a, err := s.send(context.Background(), "HEAD", "/port", nil)
			if err = first(err, a.is(200, "")); err != nil {
				return err
			}
		}
		return s.ports("/port", 3, 1)
	}},
	{"its 403 to a body that it does not read", func(p *peer) error {
		c, err := p.dial()
		if err != nil {
			return err
		}
		defer c.Close()
		fmt.Fprintf(c, "POST /no HTTP/1.1\r\nHost: peers\r\nContent-Length: %d\r\n\r\n0123456789", 1<<20)
		a, err := c.response("POST")
		if err == nil && (a.StatusCode != 403 || !bytes.Contains(a.body, []byte("forbidden"))) {
			err = fmt.Errorf("%d and %s", a.StatusCode, short(a.body))
		}
		return err
	}},
}

// haproxyCloseCases: the same with "option httpclose".
var haproxyCloseCases = []testCase{
	{"its Connection: close ends its connection, not the client's", func(p *peer) error {
		s := p.session()
		defer s.close()
		return s.ports("/port", 10, 10)
	}},
	{"... nor does it with pipelined requests", func(p *peer) error {
		const n = 10
		c, err := p.dial()
		if err != nil {
			return err
		}
		defer c.Close()
		fmt.Fprint(c, strings.Repeat("GET /port HTTP/1.1\r\nHost: peers\r\n\r\n", n))
		seen := map[string]bool{}
		for i := range n {
			a, err := c.response("GET")
			if err == nil && (a.StatusCode != 200 || a.Close) {
				err = fmt.Errorf("status %d, close is %v", a.StatusCode, a.Close)
			}
			if err != nil {
				return fmt.Errorf("answer %d: %w", i+1, err)
			}
			seen[string(a.body)] = true
		}
		if len(seen) != n {
			return fmt.Errorf("%d server connections", len(seen))
		}
		return nil
	}},
}

// apacheCases: Apache serves pattern.txt (made by "seq -w 0 99999"), page.shtml
// that includes it, sends the body of a POST to /reflect back but forbids one
// to /reflect/no, and tells its peer's port in X-Port.
var apacheCases = []testCase{
	{"20 requests share a connection on either side", func(p *peer) error { return apachePorts(p, 20, 1) }},
	{"a file of 600 KB, and a range of it", func(p *peer) error {
		s := p.session()
		defer s.close()
		a, err := s.get("/pattern.txt")
		if err = first(err, a.is(200, string(numbers())), a.field("Content-Length", "600000")); err != nil {
			return err
		}
		a, err = s.get("/pattern.txt", "Range", "bytes=300000-300011")
		return first(err, a.is(206, "50000\n50001\n"), a.field("Content-Range", "bytes 300000-300011/600000"), s.connections(1))
	}},
	{"a page that it makes is chunked", func(p *peer) error {
		s := p.session()
		defer s.close()
		for range 3 {
			a, err := s.get("/page.shtml")
			if err = first(err, a.is(200, "<"+string(numbers())+">\n")); err != nil {
				return err
			}
			if fmt.Sprint(a.TransferEncoding) != "[chunked]" {
				return fmt.Errorf("Transfer-Encoding is %q", a.TransferEncoding)
			}
		}
		return s.connections(1)
	}},
	{"HEAD and 304 end without a body, and the connection goes on", apacheBodiless},
	{"100-continue: 600 KB there and back, with and without a length", apacheReflect},
	{"100-continue: refused by 403, the body is never sent", func(p *peer) error {
		s := p.session()
		defer s.close()
		var seen []string
		body := &counted{r: bytes.NewReader(numbers())}
		a, err := s.send(traced(&seen), "POST", "/reflect/no", body, "Expect", "100-continue")
		if err != nil {
			return err
		}
		if len(seen) > 0 || body.n.Load() > 0 {
			return errEarly
		}
		if a.StatusCode != 403 {
			return fmt.Errorf("status %d", a.StatusCode)
		}
		return nil
	}},
	{"OPTIONS *", func(p *peer) error {
		c, err := p.dial()
		if err != nil {
			return err
		}
		defer c.Close()
		fmt.Fprint(c, "OPTIONS * HTTP/1.1\r\nHost: peers\r\n\r\n")
		a, err := c.response("OPTIONS")
		if err == nil && !strings.HasPrefix(a.Header.Get("Server"), "Apache") {
			err = fmt.Errorf("it is %q that answers", a.Header.Get("Server"))
		}
		return first(err, a.is(200, ""))
	}},
	{"an HTTP/1.0 client gets no chunks, and the end", func(p *peer) error {
		c, err := p.dial()
		if err != nil {
			return err
		}
		defer c.Close()
		fmt.Fprint(c, "GET /page.shtml HTTP/1.0\r\n\r\n")
		a, err := c.response("GET")
		if err == nil && len(a.TransferEncoding) > 0 {
			err = fmt.Errorf("Transfer-Encoding %q", a.TransferEncoding)
		}
		return first(err, a.is(200, "<"+string(numbers())+">\n"), c.end())
	}},
}

// apacheFewCases: the same with "MaxKeepAliveRequests 3", which are those that
// follow the first.
var apacheFewCases = []testCase{
	{"it ends its connection after 4 requests, the client's goes on", func(p *peer) error { return apachePorts(p, 12, 3) }},
}

// numbers is what "seq -w 0 99999" prints; emulated machines are slow at that.
var numbers = sync.OnceValue(func() []byte {
	b := make([]byte, 0, 600000)
	for i := range 100000 {
		b = append(strconv.AppendInt(b, int64(100000+i), 10), '\n')
		copy(b[len(b)-7:], b[len(b)-6:])
		b = b[:len(b)-1]
	}
	return b
})

func apachePorts(p *peer, n, want int) error {
	s := p.session()
	defer s.close()
	seen := map[string]bool{}
	for i := range n {
		a, err := s.get("/pattern.txt", "Range", "bytes=0-4")
		// Keep-Alive is Apache's word to us, not to the client.
		err = first(err, a.is(206, "00000"), a.field("Keep-Alive", ""), a.field("Connection", ""))
		if err != nil {
			return fmt.Errorf("request %d: %w", i+1, err)
		}
		seen[a.Header.Get("X-Port")] = true
	}
	if len(seen) != want || seen[""] {
		return fmt.Errorf("server connections %v for %d requests, wanted %d", seen, n, want)
	}
	return s.connections(1)
}

func apacheBodiless(p *peer) error {
	s := p.session()
	defer s.close()
	for range 3 {
		a, err := s.send(context.Background(), "HEAD", "/pattern.txt", nil)
		if err = first(err, a.is(200, ""), a.field("Content-Length", "600000")); err != nil {
			return err
		}
		tag, date := a.Header.Get("Etag"), a.Header.Get("Last-Modified")
		a, err = s.get("/pattern.txt", "If-None-Match", tag)
		if err = first(err, a.is(304, ""), a.field("Etag", tag)); err != nil {
			return err
		}
		a, err = s.get("/pattern.txt", "If-Modified-Since", date)
		if err = first(err, a.is(304, "")); err != nil {
			return err
		}
		a, err = s.send(context.Background(), "HEAD", "/page.shtml", nil)
		if err = first(err, a.is(200, "")); err != nil {
			return err
		}
		a, err = s.get("/pattern.txt", "If-None-Match", `"other"`, "Range", "bytes=6-11")
		if err = first(err, a.is(206, "00001\n")); err != nil {
			return err
		}
	}
	return s.connections(1)
}

func apacheReflect(p *peer) error {
	s := p.session()
	defer s.close()
	text := numbers()
	for _, length := range []int{len(text), 0} {
		var seen []string
		body := &counted{r: bytes.NewReader(text)}
		q, err := http.NewRequestWithContext(traced(&seen), "POST", "http://"+p.addr+"/reflect", body)
		if err != nil {
			return err
		}
		// Without a length it is sent chunked.
		q.ContentLength = int64(length)
		q.Header.Set("Expect", "100-continue")
		a, err := s.do(q)
		if err = first(err, a.is(200, string(text))); err != nil {
			return err
		}
		if fmt.Sprint(seen) != "[100]" {
			return fmt.Errorf("interim responses %q, wanted one 100", seen)
		}
	}
	return nil
}

// eventually asks until the answer is the wanted one.
func (p *peer) eventually(target, want string) error {
	s := p.session()
	defer s.close()
	for end := time.Now().Add(p.wait); ; time.Sleep(20 * time.Millisecond) {
		a, err := s.get(target)
		if err = first(err, a.is(200, want)); err == nil || time.Now().After(end) {
			return err
		}
	}
}
