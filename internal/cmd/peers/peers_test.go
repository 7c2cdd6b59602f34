// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Without a balancer between them client and server agree.
func TestGo(t *testing.T) {
	srv := httptest.NewServer(newServer())
	t.Cleanup(srv.Close)
	p := &peer{addr: srv.Listener.Addr().String(), wait: 30 * time.Second}
	for _, c := range kinds[0].cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if err := c.run(p); err != nil {
				t.Error(err)
			}
		})
	}
}

// No case is content with a server that does nothing of it.
func TestAllCanFail(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(srv.Close)
	p := &peer{addr: srv.Listener.Addr().String(), wait: 2 * time.Second}
	for _, k := range kinds {
		for _, c := range k.cases {
			t.Run(k.name+": "+c.name, func(t *testing.T) {
				t.Parallel()
				if c.run(p) == nil {
					t.Error("passes against a server that has nothing")
				}
			})
		}
	}
}

func TestNumbers(t *testing.T) {
	if b := string(numbers()); len(b) != 600000 || b[:12] != "00000\n00001\n" || b[300000:300012] != "50000\n50001\n" {
		t.Errorf("%d bytes, %q and %q", len(b), b[:12], b[300000:300012])
	}
}

// The example of RFC 6455, section 1.3.
func TestAccepted(t *testing.T) {
	if got := accepted("dGhlIHNhbXBsZSBub25jZQ=="); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Error(got)
	}
}

func TestFrames(t *testing.T) {
	// The examples of RFC 6455, section 5.7.
	for _, text := range []string{"\x81\x05Hello", "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"} {
		f, err := readFrame(bufio.NewReader(strings.NewReader(text)), text[1]&0x80 != 0)
		if err != nil || f.opcode != opText || !f.fin || string(f.payload) != "Hello" {
			t.Errorf("%q: %+v, %v", text, f, err)
		}
		if _, err = readFrame(bufio.NewReader(strings.NewReader(text)), text[1]&0x80 == 0); err != errMask {
			t.Errorf("%q: masked by the wrong side: %v", text, err)
		}
		for n := range text {
			want := io.ErrUnexpectedEOF
			if n == 0 {
				want = io.EOF
			}
			if _, err = readFrame(bufio.NewReader(strings.NewReader(text[:n])), text[1]&0x80 != 0); err != want {
				t.Errorf("%q cut at %d: %v, wanted %v", text, n, err, want)
			}
		}
	}
	for _, n := range []int{0, 125, 126, 65535, 65536} {
		for _, mask := range []bool{false, true} {
			var b bytes.Buffer
			want := pattern("frame", n)
			frame{opBinary, false, want}.write(&b, mask)
			f, err := readFrame(bufio.NewReader(&b), mask)
			if err != nil || f.opcode != opBinary || f.fin || !bytes.Equal(f.payload, want) {
				t.Errorf("%d bytes: %v", n, err)
			}
		}
	}
}

func TestCheck(t *testing.T) {
	srv := httptest.NewServer(newServer())
	defer srv.Close()
	addr := srv.Listener.Addr().String()
	var out, errs bytes.Buffer
	if n := run([]string{"check", "go=" + addr}, &out, &errs); n != 0 || errs.Len() > 0 {
		t.Errorf("status %d, %s%s", n, &out, &errs)
	}
	if n := strings.Count(out.String(), "\nok "); n+1 != len(kinds[0].cases) {
		t.Errorf("%d results:\n%s", n+1, &out)
	}
	for _, args := range [][]string{
		nil, {"else"}, {"check"}, {"check", "iis=" + addr}, {"check", "go"}, {"check", "-x"},
		{"serve"}, {"serve", "-listen", addr, "more"}, {"serve", "-listen", addr},
	} {
		errs.Reset()
		if n := run(args, io.Discard, &errs); n != 2 || !strings.Contains(errs.String(), "usage: ") {
			t.Errorf("%q: status %d, %q", args, n, &errs)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	out.Reset()
	if n := run([]string{"check", "haproxy=" + l.Addr().String()}, &out, &errs); n != 1 ||
		strings.Count(out.String(), "not ok ") != len(haproxyCases) {
		t.Errorf("status %d, %s", n, &out)
	}
}
