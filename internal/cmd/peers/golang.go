// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"strings"
	"sync/atomic"
)

const (
	pieces    = 5
	pipelined = 1000
)

// goCases are what a client must get from server.go.
var goCases = []testCase{
	{"20 requests share a connection on either side", func(p *peer) error {
		s := p.session()
		defer s.close()
		return s.ports("/port", 20, 1)
	}},
	{"HEAD, 204 and 304 end without a body, and the connection goes on", goBodiless},
	{"a chunked answer of 300 KB", func(p *peer) error {
		s := p.session()
		defer s.close()
		a, err := s.get("/chunked?size=300000")
		if err != nil {
			return err
		}
		if a.ContentLength != -1 {
			return fmt.Errorf("Content-Length %d", a.ContentLength)
		}
		return a.is(200, string(pattern("chunked", 300000)))
	}},
	{"trailers arrive, those of the request and of the answer", goTrailers},
	{"103 Early Hints arrive before the answer", goHints},
	{"100-continue: the body is sent when the server asks for it", goContinue},
	{"100-continue: refused by 417, the body is never sent", goRefuse},
	{"a flushed answer arrives piece by piece", goStream},
	{"an answer before the body is read: the client stops", func(p *peer) error { return goEarly(p, 64<<10) }},
	{"an answer before the body is read: the client sends on", func(p *peer) error { return goEarly(p, earlySize) }},
	{"an HTTP/1.0 client gets no chunks, and the end", goHTTP10},
	{"an HTTP/1.0 client keeps its connection if it says so", goHTTP10KeepAlive},
	{"1000 pipelined requests get 1000 answers in order", goPipeline},
	{"WebSocket: frames of every length, both ways", wsEcho},
	{"WebSocket: many frames in flight", wsMany},
	{"WebSocket: the server speaks on after the client's half close", wsAfterClient},
}

// goAloneCases are what HAProxy would not let happen: it ends both directions
// when a server has ended its own, and refuses a bad handshake itself.
var goAloneCases = []testCase{
	{"WebSocket: the client speaks on after the server's half close", wsAfterServer},
	{"WebSocket: a refused upgrade leaves the connection usable", wsRefused},
}

func goBodiless(p *peer) error {
	s := p.session()
	defer s.close()
	for range 3 {
		for _, c := range []struct {
			method, target string
			status         int
			length         int64
		}{
			{"HEAD", "/id?x", 200, 11}, {"GET", "/none", 204, 0},
			{"GET", "/unchanged", 304, 0}, {"HEAD", "/chunked?size=5000", 200, -1},
		} {
			a, err := s.send(context.Background(), c.method, c.target, nil)
			if err != nil {
				return err
			}
			if err = first(a.is(c.status, "")); err == nil && c.status == 200 && a.ContentLength != c.length {
				err = fmt.Errorf("Content-Length %d, wanted %d", a.ContentLength, c.length)
			}
			if err == nil && c.status == 304 {
				err = a.field("Etag", `"1"`)
			}
			if err != nil {
				return fmt.Errorf("%s %s: %w", c.method, c.target, err)
			}
			a, err = s.get("/id?after")
			if err = first(err, a.is(200, "GET /id?after ")); err != nil {
				return err
			}
		}
	}
	return s.connections(1)
}

func goTrailers(p *peer) error {
	s := p.session()
	defer s.close()
	body := pattern("trailers", 100000)
	// A reader of no known length is sent chunked.
	q, err := http.NewRequest("POST", "http://"+p.addr+"/echo", io.MultiReader(bytes.NewReader(body)))
	if err != nil {
		return err
	}
	q.Trailer = http.Header{"X-Sum": {"of the request"}}
	a, err := s.do(q)
	if err != nil {
		return err
	}
	if err := a.is(200, string(body)); err != nil {
		return err
	}
	want := fmt.Sprintf("%x", sha256.Sum256(body))
	if got := a.Trailer.Get("X-Digest"); got != want {
		return fmt.Errorf("trailer X-Digest is %q, wanted %q", got, want)
	}
	if got := a.Trailer.Get("X-Told"); got != "of the request" {
		return fmt.Errorf("the server saw the request's trailer as %q", got)
	}
	return nil
}

// traced sees interim responses.
func traced(seen *[]string) context.Context {
	return httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			*seen = append(*seen, strings.TrimSpace(fmt.Sprintf("%d %s", code, h.Get("Link"))))
			return nil
		},
	})
}

func goHints(p *peer) error {
	s := p.session()
	defer s.close()
	var seen []string
	a, err := s.send(traced(&seen), "GET", "/hints", nil)
	if err = first(err, a.is(200, "hinted")); err != nil {
		return err
	}
	if want := `["103 </one.css>; rel=preload" "103 </two.js>; rel=preload"]`; fmt.Sprintf("%q", seen) != want {
		return fmt.Errorf("before it came %q, wanted %s", seen, want)
	}
	return nil
}

func goContinue(p *peer) error {
	s := p.session()
	defer s.close()
	for _, size := range []int{10, 200000} {
		var seen []string
		text := pattern("continue", size)
		body := &counted{r: bytes.NewReader(text)}
		sent := new(atomic.Int64)
		ctx := httptrace.WithClientTrace(traced(&seen), &httptrace.ClientTrace{
			Got100Continue: func() { sent.Store(body.n.Load() + 1) },
		})
		a, err := s.send(ctx, "POST", "/id", body, "Expect", "100-continue")
		if err = first(err, a.is(200, "POST /id "+string(text))); err != nil {
			return err
		}
		if fmt.Sprint(seen) != "[100]" {
			return fmt.Errorf("interim responses %q, wanted one 100", seen)
		}
		if sent.Load() != 1 {
			return errEarly
		}
	}
	return nil
}

func goRefuse(p *peer) error {
	s := p.session()
	defer s.close()
	var seen []string
	body := &counted{r: bytes.NewReader(pattern("refuse", 1000))}
	a, err := s.send(traced(&seen), "POST", "/refuse", body, "Expect", "100-continue")
	if err = first(err, a.is(417, "no\n")); err != nil {
		return err
	}
	if len(seen) > 0 || body.n.Load() > 0 {
		return errEarly
	}
	a, err = s.get("/id?next")
	return first(err, a.is(200, "GET /id?next "))
}

// key names what is this client's alone at the server.
var keys atomic.Int64

func key() string { return strconv.FormatInt(keys.Add(1), 36) }

func goStream(p *peer) error {
	s := p.session()
	defer s.close()
	k := key()
	r, err := s.Get("http://" + p.addr + "/stream?key=" + k)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	buf := make([]byte, 100)
	for i := range pieces {
		// Nothing more can come: the server waits for us.
		want := fmt.Sprintf("piece %d\n", i)
		n, err := io.ReadFull(r.Body, buf[:len(want)])
		if err != nil || string(buf[:n]) != want {
			return fmt.Errorf("piece %d: got %q, %w", i, buf[:n], err)
		}
		a, err := s.get("/next?key=" + k)
		if err = first(err, a.is(204, "")); err != nil {
			return err
		}
	}
	if n, err := r.Body.Read(buf); n != 0 || err != io.EOF {
		return fmt.Errorf("behind the last piece: %q, %v", buf[:n], err)
	}
	return nil
}

const earlySize = 16 << 20

// goEarly sends so much of a body that the server answers unread.
func goEarly(p *peer, size int) error {
	c, err := p.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	fmt.Fprintf(c, "POST /early HTTP/1.1\r\nHost: peers\r\nContent-Length: %d\r\n\r\n", earlySize)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		// It is right not to take all of it.
		piece := make([]byte, 64<<10)
		for n := 0; n < size; n += len(piece) {
			if _, err := c.Write(piece); err != nil {
				return
			}
		}
	}()
	a, err := c.response("POST")
	c.Close()
	<-sent
	if err != nil {
		return err
	}
	// What is left of the body could be taken for a request.
	return first(a.is(413, string(pattern("early", 1000))), closing(a))
}

func closing(a answer) error {
	if a.Response == nil {
		return errNone
	}
	if !a.Close {
		return fmt.Errorf("the answer does not say that the connection ends")
	}
	return nil
}

func goHTTP10(p *peer) error {
	c, err := p.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	fmt.Fprint(c, "GET /chunked?size=100000 HTTP/1.0\r\nHost: peers\r\n\r\n")
	a, err := c.response("GET")
	if err != nil {
		return err
	}
	if len(a.TransferEncoding) > 0 {
		return fmt.Errorf("Transfer-Encoding %q", a.TransferEncoding)
	}
	return first(a.is(200, string(pattern("chunked", 100000))), c.end())
}

func goHTTP10KeepAlive(p *peer) error {
	c, err := p.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	for i := range 3 {
		target := fmt.Sprintf("/id?%d", i)
		fmt.Fprintf(c, "GET %s HTTP/1.0\r\nHost: peers\r\nConnection: keep-alive\r\n\r\n", target)
		a, err := c.response("GET")
		if err = first(err, a.is(200, "GET "+target+" ")); err != nil {
			return fmt.Errorf("request %d: %w", i+1, err)
		}
	}
	fmt.Fprint(c, "GET /id HTTP/1.0\r\nHost: peers\r\n\r\n")
	a, err := c.response("GET")
	return first(err, a.is(200, "GET /id "), c.end())
}

// step is one of the pipelined requests and its answer.
type step struct {
	method, request string
	status          int
	body            string
}

// steps are n requests in which every kind of body is next to every other.
func steps(n int) (all []step) {
	for i := range n {
		target := fmt.Sprintf("/id?%d", i)
		s := step{"GET", "", 200, ""}
		switch i * i % 7 {
		case 0:
			s.request = fmt.Sprintf("GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target)
			s.body = "GET " + target + " "
		case 1:
			b := pattern(target, i%300)
			s.method = "POST"
			s.request = fmt.Sprintf("POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", target, len(b), b)
			s.body = "POST " + target + " " + string(b)
		case 2:
			b := pattern(target, i%300+1)
			s.method = "PUT"
			s.request = fmt.Sprintf("PUT %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"+
				"1\r\n%s\r\n%x;x=y\r\n%s\r\n0\r\nX-Sum: 1\r\n\r\n", target, b[:1], len(b), b)
			s.body = "PUT " + target + " " + string(b[:1]) + string(b)
		case 4:
			size := i * 10
			switch i % 3 {
			case 0:
				s.method = "HEAD"
				s.request = fmt.Sprintf("HEAD %s HTTP/1.1\r\nHost: a\r\n\r\n", target)
			case 1:
				s.status = 204
				s.request = "GET /none HTTP/1.1\r\nHost: a\r\n\r\n"
			case 2:
				s.request = fmt.Sprintf("GET /chunked?size=%d HTTP/1.1\r\nHost: a\r\n\r\n", size)
				s.body = string(pattern("chunked", size))
			}
		}
		all = append(all, s)
	}
	return all
}

func goPipeline(p *peer) error {
	c, err := p.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	all := steps(pipelined)
	wrote := make(chan error, 1)
	go func() {
		// In segments that know nothing of requests.
		var b bytes.Buffer
		for _, s := range all {
			b.WriteString(s.request)
		}
		for n := 1; b.Len() > 0; n = n*5%7919 + 1 {
			if _, err := c.Write(b.Next(n)); err != nil {
				wrote <- err
				return
			}
		}
		wrote <- c.CloseWrite()
	}()
	for i, s := range all {
		a, err := c.response(s.method)
		if err = first(err, a.is(s.status, s.body)); err != nil {
			return fmt.Errorf("answer %d, to %q: %w", i+1, strings.SplitN(s.request, "\r", 2)[0], err)
		}
	}
	return first(<-wrote, c.end())
}

func wsEcho(p *peer) error {
	c, err := p.upgrade("/ws?do=echo")
	if err != nil {
		return err
	}
	defer c.Close()
	for i, f := range []frame{
		{opText, true, []byte("hello")}, {opText, true, nil},
		{opBinary, true, pattern("125", 125)}, {opBinary, true, pattern("126", 126)},
		{opBinary, true, pattern("65535", 65535)}, {opBinary, true, pattern("65536", 65536)},
		{opBinary, true, pattern("1M", 1<<20)},
		{opText, false, []byte("one ")}, {opPing, true, []byte("between")}, {0, true, []byte("message")},
		{opClose, true, []byte{3, 232}},
	} {
		if err := f.write(c, true); err != nil {
			return err
		}
		got, err := readFrame(c.r, false)
		if f.opcode == opPing {
			f.opcode = opPong
		}
		if err == nil && (got.opcode != f.opcode || got.fin != f.fin || !bytes.Equal(got.payload, f.payload)) {
			err = fmt.Errorf("opcode %d and %s came back for opcode %d and %s",
				got.opcode, short(got.payload), f.opcode, short(f.payload))
		}
		if err != nil {
			return fmt.Errorf("frame %d: %w", i+1, err)
		}
	}
	return c.end()
}

func wsMany(p *peer) error {
	const n = 300
	c, err := p.upgrade("/ws?do=echo")
	if err != nil {
		return err
	}
	defer c.Close()
	wrote := make(chan error, 1)
	payload := func(i int) []byte { return pattern(strconv.Itoa(i), i*i%9000) }
	go func() {
		for i := range n {
			if err := (frame{opBinary, true, payload(i)}).write(c, true); err != nil {
				wrote <- err
				return
			}
		}
		wrote <- nil
	}()
	for i := range n {
		got, err := readFrame(c.r, false)
		if err == nil && !bytes.Equal(got.payload, payload(i)) {
			err = fmt.Errorf("got %s, wanted %s", short(got.payload), short(payload(i)))
		}
		if err != nil {
			return fmt.Errorf("frame %d: %w", i+1, err)
		}
	}
	return <-wrote
}

func wsAfterClient(p *peer) error {
	c, err := p.upgrade("/ws?do=after-client")
	if err != nil {
		return err
	}
	defer c.Close()
	frame{opText, true, []byte("mine")}.write(c, true)
	c.CloseWrite()
	got, err := readFrames(c.r, false)
	if want := `["after 0" "after 1" "after 2" "after 3" "after 4"]`; fmt.Sprintf("%q", got) != want || err != io.EOF {
		return fmt.Errorf("got %q and %v", got, err)
	}
	return nil
}

func wsAfterServer(p *peer) error {
	k := key()
	c, err := p.upgrade("/ws?do=after-server&key=" + k)
	if err != nil {
		return err
	}
	defer c.Close()
	got, err := readFrames(c.r, false)
	if fmt.Sprintf("%q", got) != `["last"]` || err != io.EOF {
		return fmt.Errorf("got %q and %v", got, err)
	}
	for _, text := range []string{"still", "here"} {
		if err := (frame{opText, true, []byte(text)}).write(c, true); err != nil {
			return err
		}
	}
	c.CloseWrite()
	return p.eventually("/ws-told?key="+k, `["still" "here"], then EOF`)
}

func wsRefused(p *peer) error {
	c, err := p.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	for range 3 {
		fmt.Fprint(c, "GET /ws HTTP/1.1\r\nHost: peers\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		a, err := c.response("GET")
		if err = first(err, a.is(400, "no handshake of version 13\n")); err != nil {
			return err
		}
	}
	fmt.Fprint(c, "GET /id HTTP/1.1\r\nHost: peers\r\nConnection: close\r\n\r\n")
	a, err := c.response("GET")
	return first(err, a.is(200, "GET /id "), c.end())
}
