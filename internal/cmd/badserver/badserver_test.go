// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ktcpvs/ktcpvs/internal/traffic"
)

func start(t *testing.T, do string, times int64) (*server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s := &server{name: "s1", idle: 10 * time.Second, lines: &traffic.Lines{W: io.Discard}, counts: map[string]int64{}}
	if do != "" {
		if s.forced, s.forcedArgs, err = find(do); err != nil {
			t.Fatal(err)
		}
		s.remaining.Store(times)
		s.limited = times > 0
	}
	go s.accept(l)
	return s, l.Addr().String()
}

// talk sends bytes and returns everything that comes back until the end.
func talk(t *testing.T, addr, send string) (string, error) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return "", err // a reset may come that early
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	io.WriteString(c, send)
	var b bytes.Buffer
	_, err = io.Copy(&b, c)
	return b.String(), err
}

func get(target string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
}

// Every behaviour does to the bytes what its name says.
func TestBehaviours(t *testing.T) {
	post := func(target string) string {
		return "POST " + target + " HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
	}
	for _, c := range []struct {
		do, send string
		has      string // in what comes back
		ends     string // its end
		err      error
	}{
		{"", get("/ok"), "X-Server: s1\r\n", "\r\n\r\nok\n", nil},
		{"", get("/ok?size=10"), "Content-Length: 10\r\n", "\r\n\r\n0123456789", nil},
		{"", get("/anything/else"), "200 OK", "ok\n", nil},
		{"", "HEAD /ok HTTP/1.1\r\nConnection: close\r\n\r\n", "Content-Length: 3\r\n", "\r\n\r\n", nil},
		{"", "GET /echo?x=1 HTTP/1.1\r\nX-Forwarded-For: 1.2.3.4\r\nConnection: close\r\n\r\n", "\r\n\r\nGET /echo?x=1 HTTP/1.1\r\nX-Forwarded-For: 1.2.3.4\r\n", "\r\n\r\n", nil},
		{"", post("/body"), "Content-Length: 5", "hello", nil},
		{"", "POST /body HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "", "hello", nil},
		{"", get("/status?code=503"), "HTTP/1.1 503 ", "status 503\n", nil},
		{"", get("/status?code=204"), "HTTP/1.1 204 ", "\r\n\r\n", nil},
		{"", get("/delay?ms=20"), "200 OK", "late\n", nil},
		{"", get("/dribble?size=10&ms=0"), "200 OK", "\r\n\r\n0123456789", nil},
		{"", get("/chunked?size=20"), "chunked\r\n", "0\r\nX-End: yes\r\n\r\n", nil},
		{"", get("/http10?size=2"), "HTTP/1.0 200", "\r\n\r\n01", nil},
		{"", get("/until-close?size=2"), "HTTP/1.1 200", "\r\n\r\n01", nil},
		{"", post("/continue"), "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200", "\r\n\r\n5\n", nil},
		{"", post("/no-continue?ms=1"), "HTTP/1.1 417 ", "no\n", nil},
		{"", get("/interim?n=2"), "</0.css>", "ok\n", nil},
		{"", "POST /early?ms=1 HTTP/1.1\r\nContent-Length: 9999\r\n\r\nhe", "HTTP/1.1 413", "early\n", nil},
		{"", get("/stale"), "200 OK", "ok\n", nil},
		{"", get("/close"), "", "", nil},
		{"", get("/reset"), "", "", syscall.ECONNRESET},
		{"", get("/half-head"), "", "Content-Le", nil},
		{"", get("/head-only?size=7"), "Content-Length: 7", "\r\n\r\n", nil},
		{"", get("/short?size=7&sent=2"), "Content-Length: 7", "\r\n\r\n01", nil},
		{"", get("/short?size=7&sent=2&hard=1"), "Content-Length: 7", "\r\n\r\n01", syscall.ECONNRESET},
		{"", get("/stuck?size=7&sent=2&ms=1"), "Content-Length: 7", "\r\n\r\n01", nil},
		{"", get("/long?size=2&extra=3"), "Content-Length: 2", "\r\n\r\n01012", nil},
		{"", get("/twice"), "one\nHTTP/1.1 200", "two\n", nil},
		{"", get("/garbage"), "\x16\x03\x01", "", nil},
		{"", get("/two-lengths"), "Content-Length: 3\r\nContent-Length: 5", "", nil},
		{"", get("/no-last-chunk"), "chunked", "\r\n\r\n3\r\nabc\r\n", nil},
		{"", get("/short-chunk"), "chunked", "64\r\nabc", nil},
		{"", get("/big-head?size=20000"), "X-Big-19", "ok\n", nil},
		{"slam", get("/ok"), "", "", nil},
		{"slam-reset", get("/ok"), "", "", syscall.ECONNRESET},
		{"mute?ms=1", "", "", "", nil},
		{"blurt", "", "200 OK", "blurt\n", nil},
		{"garbage", get("/ok"), "\x16\x03\x01", "", nil},
	} {
		_, addr := start(t, c.do, 0)
		got, err := talk(t, addr, c.send)
		name := c.do + " " + strings.SplitN(c.send, "\r", 2)[0]
		// Closing with the request unread resets as well.
		if c.do == "slam" || c.do == "mute?ms=1" {
			err = nil
		}
		if !errors.Is(err, c.err) {
			t.Errorf("%s: error %v, expected %v", name, err, c.err)
		}
		if !strings.Contains(got, c.has) || !strings.HasSuffix(got, c.ends) || c.has+c.ends == "" && got != "" {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

// --times bounds the misbehaviour; the counters see everything.
func TestTimesAndCount(t *testing.T) {
	s, addr := start(t, "status?code=500", 2)
	var codes []string
	for range 3 {
		got, err := talk(t, addr, get("/ok?a=b"))
		if err != nil {
			t.Fatal(err)
		}
		codes = append(codes, got[9:12])
	}
	if strings.Join(codes, " ") != "500 500 200" {
		t.Errorf("codes %v", codes)
	}
	got, _ := talk(t, addr, get("/count?zero=1"))
	_, text, _ := strings.Cut(got, "\r\n\r\n")
	var sum summary
	if err := json.Unmarshal([]byte(text), &sum); err != nil {
		t.Fatalf("%q: %v", got, err)
	}
	if sum.Requests != 4 || sum.Connections != 4 || sum.Targets["GET /ok"] != 3 || sum.Targets["GET /count"] != 1 {
		t.Errorf("%+v", sum)
	}
	if left := s.summary(); left.Requests != 0 || len(left.Targets) != 0 {
		t.Errorf("after zero=1: %+v", left)
	}
}

func TestKeepAliveAndUpgrade(t *testing.T) {
	s, addr := start(t, "", 0)
	got, err := talk(t, addr, "GET /ok HTTP/1.1\r\n\r\n"+"POST /ok HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi"+get("/echo"))
	if err != nil || strings.Count(got, "HTTP/1.1 200 OK") != 3 {
		t.Errorf("%q, %v", got, err)
	}
	if sum := s.summary(); sum.Connections != 1 || sum.Requests != 3 || sum.BodyBytes != 2 {
		t.Errorf("%+v", sum)
	}
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "GET /upgrade HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nabc")
	c.(*net.TCPConn).CloseWrite()
	all, _ := io.ReadAll(c)
	if !bytes.HasPrefix(all, []byte("HTTP/1.1 101 ")) || !bytes.HasSuffix(all, []byte("\r\n\r\nabc")) {
		t.Errorf("%q", all)
	}
}

func TestEndless(t *testing.T) {
	_, addr := start(t, "", 0)
	for _, framing := range []string{"chunked", "close", "length"} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, get("/endless?framing="+framing))
		if n, err := io.CopyN(io.Discard, c, 4<<20); n != 4<<20 {
			t.Errorf("%s ended after %d: %v", framing, n, err)
		}
		c.Close()
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{}, {"--listen", "127.0.0.1:0", "--do", "dance"}, {"--listen", "x:1", "y"}, {"--no"}} {
		var out, errs bytes.Buffer
		if status := run(args, &out, &errs); status != 2 || !strings.Contains(errs.String(), "badserver: ") {
			t.Errorf("%v: %d, %q", args, status, errs.String())
		}
	}
	var out, errs bytes.Buffer
	if status := run([]string{"--help"}, &out, &errs); status != 0 || !strings.Contains(out.String(), "/short-chunk") {
		t.Errorf("--help: %d, %q", status, out.String())
	}
	seen := map[string]bool{}
	for _, b := range behaviours {
		if seen[b.name] || (b.onAccept == nil) == (b.onRequest == nil) || b.doc == "" {
			t.Errorf("behaviour %q", b.name)
		}
		seen[b.name] = true
	}
}
