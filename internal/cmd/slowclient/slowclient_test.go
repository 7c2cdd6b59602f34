// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ktcpvs/ktcpvs/internal/traffic"
)

// serve handles each connection of a listener on loopback.
func serve(t *testing.T, handle func(*net.TCPConn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				handle(c.(*net.TCPConn))
			}()
		}
	}()
	return l.Addr().String()
}

func endless(c *net.TCPConn) {
	http.ReadRequest(bufio.NewReader(c))
	buf := make([]byte, 64<<10)
	for {
		if _, err := c.Write(buf); err != nil {
			return
		}
	}
}

func answer(c *net.TCPConn) {
	r := bufio.NewReader(c)
	for {
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	}
}

// One by one, a connection is opened when the one before has its answer.
func TestOneByOne(t *testing.T) {
	var mu sync.Mutex
	var waiting, most int
	addr := serve(t, func(c *net.TCPConn) {
		mu.Lock()
		waiting++
		most = max(most, waiting)
		mu.Unlock()
		r := bufio.NewReader(c)
		http.ReadRequest(r)
		time.Sleep(20 * time.Millisecond)
		mu.Lock()
		waiting--
		mu.Unlock()
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		io.Copy(io.Discard, r)
	})
	status, ends, out := call(t, addr, "idle --kind keepalive --clients 5 --one-by-one --hold 200ms --expect open")
	if status != 0 || len(ends) != 5 {
		t.Errorf("status %d, %d connections\n%s", status, len(ends), out)
	}
	if most != 1 {
		t.Errorf("%d connections waited for an answer at the same time", most)
	}
}

// call runs a command line and returns its status and the "end" lines.
func call(t *testing.T, addr, args string) (int, []end, string) {
	t.Helper()
	f := strings.Fields(args)
	f = append([]string{f[0], "--connect", addr, "--report", "20ms"}, f[1:]...)
	var out, errs bytes.Buffer
	status := run(f, &out, &errs)
	var ends []end
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		var e end
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if e.Event == "end" {
			ends = append(ends, e)
		}
	}
	return status, ends, out.String() + errs.String()
}

func TestOutcomes(t *testing.T) {
	silent := func(c *net.TCPConn) { io.Copy(io.Discard, c) }
	late := func(c *net.TCPConn) {
		time.Sleep(50 * time.Millisecond)
		io.WriteString(c, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		c.CloseWrite()
		io.Copy(io.Discard, c)
	}
	resetter := func(c *net.TCPConn) {
		time.Sleep(50 * time.Millisecond)
		traffic.Reset(c)
	}
	closer := func(c *net.TCPConn) {
		time.Sleep(50 * time.Millisecond)
		c.CloseWrite()
		io.Copy(io.Discard, c)
	}
	for _, c := range []struct {
		name   string
		handle func(*net.TCPConn)
		args   string
		want   string
		read   int64
	}{
		{"stall holds", endless, "stall --read 3M --hold 100ms", "open", 3 << 20},
		{"stall, small buffer", endless, "stall --read 100K --hold 50ms --rcvbuf 8K --then reset", "open", 100 << 10},
		{"stall, cut meanwhile", resetter, "stall --hold 5s --send x", "reset", 0},
		{"stall, ended meanwhile", closer, "stall --hold 5s --send x", "eof", 0},
		{"stall, then the rest", closer, "stall --hold 1ms --then drain --send x", "eof", 0},
		{"stall, end too early", closer, "stall --read 1M --send x", "eof", 0},
		{"dribble answered", answer, "dribble --interval 1ms --step 3", "200", 40},
		{"dribble refused", late, "dribble --interval 10ms", "408", 0},
		{"dribble cut", resetter, "dribble --interval 10ms", "reset", 0},
		{"dribble ended", closer, "dribble --interval 10ms", "eof", 0},
		{"dribble unanswered", silent, "dribble --interval 1ms --step 50 --timeout 50ms", "timeout", 0},
		{"idle", silent, "idle --clients 5 --hold 50ms", "open", 0},
		{"idle, half a head", silent, "idle --kind head --hold 50ms", "open", 0},
		{"idle, kept alive", answer, "idle --kind keepalive --clients 3 --hold 50ms", "open", 40},
		{"idle, ended", closer, "idle --hold 5s", "eof", 0},
		{"idle, cut", resetter, "idle --hold 5s", "reset", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			addr := serve(t, c.handle)
			status, ends, out := call(t, addr, c.args+" --expect "+c.want)
			if status != 0 {
				t.Errorf("status %d\n%s", status, out)
			}
			for _, e := range ends {
				if e.Outcome != c.want || c.read > 0 && e.Read != c.read {
					t.Errorf("%+v\n%s", e, out)
				}
			}
			if status, _, _ := call(t, addr, c.args+" --expect 599"); status != 1 {
				t.Errorf("another expectation: status %d", status)
			}
		})
	}
}

func TestSend(t *testing.T) {
	got := make(chan string, 1)
	addr := serve(t, func(c *net.TCPConn) {
		b, _ := io.ReadAll(c)
		got <- string(b)
	})
	f := []string{"stall", "--connect", addr, "--hold", "1ms", "--send", `a b\r\nc\td\\`}
	if status := run(f, io.Discard, io.Discard); status != 0 {
		t.Fatalf("status %d", status)
	}
	if s := <-got; s != "a b\r\nc\td\\" {
		t.Errorf("sent %q", s)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range []string{
		"", "dance", "stall", "stall --connect x:1 --then dance", "idle --connect x:1 --kind none",
		"dribble --connect x:1 --step 0", "idle --connect x:1 more", "idle --connect x:1 --clients 0",
	} {
		var errs bytes.Buffer
		if status := run(strings.Fields(args), io.Discard, &errs); status != 2 || errs.Len() == 0 {
			t.Errorf("%q: status %d, %q", args, status, errs.String())
		}
	}
	if status := run([]string{"--help"}, io.Discard, io.Discard); status != 0 {
		t.Errorf("--help: status %d", status)
	}
}
