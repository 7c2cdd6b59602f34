// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ktcpvs/ktcpvs/internal/traffic"
)

// startServer runs a server on loopback.
func startServer(t *testing.T, mode string) (*server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s := newServer(mode, 10*time.Second, io.Discard)
	go s.accept(l)
	return s, l.Addr().String()
}

// drive runs the driver's command line.
func driveArgs(t *testing.T, addr string, args ...string) (driveSummary, int, string) {
	t.Helper()
	var out, errs bytes.Buffer
	status := run(append([]string{"drive", "--connect", addr, "--idle", "5s", "--timeout", "60s"}, args...), &out, &errs)
	var sum driveSummary
	if err := json.Unmarshal(out.Bytes(), &sum); err != nil {
		t.Fatalf("summary %q: %v; %s", out.String(), err, errs.String())
	}
	return sum, status, errs.String()
}

func TestRight(t *testing.T) {
	for _, c := range []struct {
		name, mode string
		args       string
	}{
		{"tcp, one exchange", "tcp", "--mode tcp"},
		{"tcp, empty bodies", "tcp", "--mode tcp --size 0 --count 3"},
		{"tcp, many", "tcp", "--mode tcp --clients 8 --total 16M"},
		{"tcp, segments", "tcp", "--mode tcp --clients 4 --count 8 --size 0-64K --write-max 4K --read-max 4K --server-write-max 1000 --server-read-max 3000"},
		{"tcp, slow reader", "tcp", "--mode tcp --size 512K --read-rate 4M"},
		{"tcp, slow server", "tcp", "--mode tcp --size 512K --server-read-rate 4M --server-write-rate 4M"},
		{"tcp, server half-closes", "tcp", "--mode tcp --clients 4 --count 20 --server-half-close"},
		{"tcp, up only", "tcp", "--mode tcp --size 4M --direction up"},
		{"http, one exchange", "http", "--mode http"},
		{"http, empty bodies", "http", "--mode http --size 0 --count 20"},
		{"http, many", "http", "--mode http --clients 8 --total 32M"},
		{"http, segments", "http", "--mode http --clients 4 --count 12 --size 0-64K --write-max 4K --read-max 4K --server-write-max 1000"},
		{"http, expect", "http", "--mode http --count 10 --expect 100 --size 1-100K"},
		{"http, trailers", "http", "--mode http --count 10 --response trailer"},
		{"http, down only", "http", "--mode http --size 4M --direction down --response close,length"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, addr := startServer(t, c.mode)
			sum, status, errs := driveArgs(t, addr, strings.Fields(c.args)...)
			if status != 0 || sum.First != "" || sum.Exchanges == 0 {
				t.Fatalf("status %d, %+v, %s", status, sum, errs)
			}
			deadline := time.Now().Add(5 * time.Second)
			got := s.summary()
			for got.BytesUp != sum.BytesUp && time.Now().Before(deadline) {
				time.Sleep(time.Millisecond)
				got = s.summary()
			}
			if got.First != "" || got.BytesUp != sum.BytesUp || got.BytesDown != sum.BytesDown || got.Exchanges != sum.Exchanges {
				t.Errorf("the server saw %+v, the driver %+v", got, sum)
			}
			if c.mode == "http" && sum.Exchanges >= 20 && strings.Contains(c.args, "empty") && sum.Connections == sum.Exchanges {
				t.Error("no connection was kept alive")
			}
		})
	}
}

// relay passes bytes on and does harm at a place of one direction.
type relay struct {
	target string
	dir    traffic.Direction
	at     int64
	harm   string
	once   sync.Once
}

func (r *relay) run(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			a, err := l.Accept()
			if err != nil {
				return
			}
			b, err := net.Dial("tcp", r.target)
			if err != nil {
				return
			}
			go r.pass(a, b, traffic.Up)
			go r.pass(b, a, traffic.Down)
		}
	}()
	return l.Addr().String()
}

func (r *relay) pass(src, dst net.Conn, dir traffic.Direction) {
	defer func() { dst.(*net.TCPConn).CloseWrite() }()
	buf := make([]byte, 4096)
	var pos int64
	for {
		n, err := src.Read(buf)
		p := buf[:n]
		if i := r.at - pos; dir == r.dir && i >= 0 && i < int64(n) {
			stop := false
			r.once.Do(func() {
				switch r.harm {
				case "flip":
					p[i] ^= 0x10
				case "lose":
					p = append(p[:i], p[i+1:]...)
				case "repeat":
					p = append(p[:i:i], append([]byte{p[i]}, p[i:]...)...)
				case "cut":
					p, stop = p[:i], true
				case "reset":
					traffic.Reset(src)
					traffic.Reset(dst)
					stop = true
				}
			})
			if stop {
				dst.Write(p)
				if r.harm == "cut" {
					dst.(*net.TCPConn).CloseWrite()
					io.Copy(io.Discard, src)
				}
				return
			}
		}
		pos += int64(n)
		if _, e := dst.Write(p); e != nil || err != nil {
			return
		}
	}
}

// Whatever a relay can do to the bytes fails the run, with the right name.
func TestHarm(t *testing.T) {
	const bodies = "--size 200K --count 4"
	for _, c := range []struct {
		mode, harm string
		dir        traffic.Direction
		args       string
		driver     string // in the driver's message
		server     kind   // worst the server saw
	}{
		{"tcp", "flip", traffic.Down, "", "stream 0 down: wrong byte at offset 100000", broken},
		{"tcp", "lose", traffic.Down, "", "wrong byte at offset 10000", broken},
		{"tcp", "repeat", traffic.Down, "", "wrong byte at offset 10000", broken},
		{"tcp", "cut", traffic.Down, "", "clean end at offset 100000 of 204800, silently truncated", broken},
		{"tcp", "reset", traffic.Down, "", "connection reset", broken},
		{"tcp", "flip", traffic.Up, "", "", wrong},
		{"tcp", "cut", traffic.Up, "", "", silent},
		{"tcp", "cut", traffic.Down, "--server-half-close", "silently truncated", broken},
		{"http", "flip", traffic.Down, "--response length", "wrong byte at offset", broken},
		{"http", "lose", traffic.Down, "--response length", "wrong byte at offset", broken},
		{"http", "cut", traffic.Down, "--response close", "silently truncated", broken},
		{"http", "cut", traffic.Down, "--response length", "unexpected EOF", broken},
		{"http", "cut", traffic.Down, "--response chunked", "unexpected EOF", broken},
		{"http", "flip", traffic.Up, "--request length", "500 Wrong Body", wrong},
		{"http", "cut", traffic.Up, "--request length --response close", "", broken},
	} {
		t.Run(c.mode+" "+c.dir.String()+" "+c.harm+c.args, func(t *testing.T) {
			s, addr := startServer(t, c.mode)
			r := &relay{target: addr, dir: c.dir, at: 100000, harm: c.harm}
			args := strings.Fields("--mode " + c.mode + " " + bodies + " " + c.args)
			sum, status, errs := driveArgs(t, r.run(t), args...)
			if status != 1 || sum.First == "" {
				t.Fatalf("status %d, %+v", status, sum)
			}
			if !strings.Contains(errs, c.driver) || !strings.Contains(errs, sum.First) {
				t.Errorf("the driver says %q, expected %q in it", errs, c.driver)
			}
			if c.server > broken {
				// The server counts what it has answered.
				var got serveSummary
				var seen int64
				for end := time.Now().Add(10 * time.Second); seen != 1 && time.Now().Before(end); time.Sleep(time.Millisecond) {
					got = s.summary()
					seen = map[kind]int64{silent: got.Truncated, wrong: got.Wrong}[c.server]
				}
				if seen != 1 {
					t.Errorf("the server saw %+v", got)
				}
			}
		})
	}
}

// Where breaks are allowed, a visible one passes and a silent one never does.
func TestAllowBroken(t *testing.T) {
	for _, c := range []struct {
		harm   string
		args   string
		status int
	}{
		{"reset", "--mode http --response length,chunked", 0},
		{"cut", "--mode http --response length", 0},
		{"cut", "--mode http --response close", 1},
		{"flip", "--mode http --response length", 1},
	} {
		_, addr := startServer(t, "http")
		r := &relay{target: addr, dir: traffic.Down, at: 100000, harm: c.harm}
		args := strings.Fields("--allow-broken --size 200K --count 6 " + c.args)
		sum, status, _ := driveArgs(t, r.run(t), args...)
		if status != c.status || sum.First == "" {
			t.Errorf("%s %s: status %d, %+v", c.harm, c.args, status, sum)
		}
		if c.status == 0 && (sum.Broken != 1 || sum.Exchanges != 5) {
			t.Errorf("%s %s: %+v", c.harm, c.args, sum)
		}
	}
}

// The same request at a server twice is seen.
func TestRepeated(t *testing.T) {
	s, addr := startServer(t, "http")
	x := exchange{Run: 1, ID: 2, Frame: "length"}
	for range 2 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, "GET /?"+x.encode()+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		io.ReadAll(c)
		c.Close()
	}
	if got := s.summary(); got.Repeated != 1 || !strings.Contains(got.First, "came twice") {
		t.Errorf("%+v", got)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{
		{}, {"dance"}, {"drive"}, {"drive", "--connect", "x:1", "--mode", "udp"},
		{"drive", "--connect", "x:1", "--size", "1T"}, {"drive", "--connect", "x:1", "left", "over"},
		{"serve"}, {"serve", "--listen", "x:1", "--mode", "udp"}, {"serve", "--nonsense"},
		{"drive", "--connect", "x:1", "--total", "1M", "--size", "0"},
		{"drive", "--connect", "x:1", "--response", "gzip"},
	} {
		var out, errs bytes.Buffer
		if status := run(args, &out, &errs); status != 2 || errs.Len() == 0 {
			t.Errorf("%v: status %d, %q", args, status, errs.String())
		}
	}
	var out, errs bytes.Buffer
	if status := run([]string{"drive", "--help"}, &out, &errs); status != 0 {
		t.Errorf("--help: status %d", status)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	if sum, status, errs := driveArgs(t, addr); status != 1 || !strings.Contains(errs, "refused") || sum.Broken != 1 {
		t.Errorf("nobody listens: status %d, %s", status, errs)
	}
}
