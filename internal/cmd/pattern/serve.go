// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ktcpvs/ktcpvs/internal/traffic"
)

// server checks what comes up and sends the pattern down.
type server struct {
	mode   string
	idle   time.Duration
	stderr io.Writer

	conns, exchanges      atomic.Int64
	up, down              atomic.Int64
	wrong, silent, broken atomic.Int64
	repeated              atomic.Int64
	mu                    sync.Mutex
	first                 string             // first failure
	seen                  map[[2]uint64]bool // exchanges that came, to find repeated ones
}

// serveSummary is the last line a server prints.
type serveSummary struct {
	Event       string `json:"event"`
	Mode        string `json:"mode"`
	Connections int64  `json:"connections"`
	Exchanges   int64  `json:"exchanges"`
	BytesUp     int64  `json:"bytes_up"`
	BytesDown   int64  `json:"bytes_down"`
	Wrong       int64  `json:"wrong"`
	Truncated   int64  `json:"truncated"`
	Broken      int64  `json:"broken"`
	Repeated    int64  `json:"repeated"`
	First       string `json:"first_error,omitempty"`
}

func serveMain(args []string, stdout, stderr io.Writer) error {
	var listen traffic.List
	fs := flag.NewFlagSet("pattern serve", flag.ContinueOnError)
	fs.Var(&listen, "listen", "address to listen on, host:port; may be repeated; port 0 picks one")
	mode := fs.String("mode", "tcp", "tcp or http")
	idle := fs.Duration("idle", 5*time.Minute, "longest wait for one read or write")
	if err := parse(fs, args, stderr); err != nil {
		return err
	}
	if len(listen) == 0 {
		return usagef("serve: --listen is missing")
	}
	if *mode != "tcp" && *mode != "http" {
		return usagef("serve: --mode %q: tcp or http", *mode)
	}
	s := newServer(*mode, *idle, stderr)
	lines := &traffic.Lines{W: stdout}
	var listeners []net.Listener
	for _, a := range listen {
		l, err := net.Listen("tcp", a)
		if err != nil {
			return err
		}
		defer l.Close()
		listeners = append(listeners, l)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	for _, l := range listeners {
		lines.Emit(map[string]string{"event": "listening", "mode": *mode, "address": l.Addr().String()})
		go s.accept(l)
	}
	<-stop
	for _, l := range listeners {
		l.Close()
	}
	sum := s.summary()
	lines.Emit(sum)
	if n := sum.Wrong + sum.Truncated + sum.Repeated; n > 0 {
		return fmt.Errorf("%d exchanges failed, the first: %s", n, sum.First)
	}
	return nil
}

func newServer(mode string, idle time.Duration, stderr io.Writer) *server {
	return &server{
		mode: mode, idle: idle, stderr: stderr,
		seen: map[[2]uint64]bool{},
	}
}

func (s *server) summary() serveSummary {
	s.mu.Lock()
	defer s.mu.Unlock()
	return serveSummary{
		Event: "summary", Mode: s.mode, Connections: s.conns.Load(), Exchanges: s.exchanges.Load(),
		BytesUp: s.up.Load(), BytesDown: s.down.Load(), Wrong: s.wrong.Load(), Truncated: s.silent.Load(),
		Broken: s.broken.Load(), Repeated: s.repeated.Load(), First: s.first,
	}
}

func (s *server) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			time.Sleep(10 * time.Millisecond)
			continue
		}
		id := s.conns.Add(1)
		go func() {
			defer c.Close()
			conn := traffic.NewConn(c, traffic.Shape{}, s.idle, uint64(id)<<8)
			if s.mode == "tcp" {
				s.record(s.serveTCP(conn))
			} else {
				s.record(s.serveHTTP(conn))
			}
		}()
	}
}

// record counts a failure and tells of it at once.
func (s *server) record(err error) {
	k := classify(err)
	switch k {
	case fine:
		return
	case broken:
		s.broken.Add(1)
	case silent:
		s.silent.Add(1)
	case wrong:
		s.wrong.Add(1)
	}
	s.note(err.Error(), k != broken)
}

func (s *server) note(what string, severe bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.first == "" || severe && strings.HasPrefix(s.first, "broken: ") {
		s.first = what
		if !severe {
			s.first = "broken: " + what
		}
	}
	fmt.Fprintln(s.stderr, "pattern serve:", what)
}

// begin notes an exchange; one that came before reached a server twice.
func (s *server) begin(x exchange) {
	s.exchanges.Add(1)
	key := [2]uint64{x.Run, x.ID}
	s.mu.Lock()
	again := s.seen[key]
	s.seen[key] = true
	s.mu.Unlock()
	if again {
		s.repeated.Add(1)
		s.note(fmt.Sprintf("stream %d: the same exchange came twice", x.ID), true)
	}
}

func (s *server) serveTCP(c *traffic.Conn) error {
	r := bufio.NewReaderSize(c, maxLine)
	line, err := r.ReadSlice('\n')
	if err != nil {
		if err == io.EOF && len(line) == 0 {
			return nil // opened and closed: a health check, not an exchange
		}
		return fmt.Errorf("first line: %w", err)
	}
	text, ok := strings.CutPrefix(strings.TrimSuffix(string(line), "\n"), magic)
	if !ok {
		return fmt.Errorf("first line is %q", line)
	}
	x, err := decodeExchange(text)
	if err != nil {
		return fmt.Errorf("first line: %w", err)
	}
	s.begin(x)
	c.Shape = x.Server

	sent := make(chan error, 1)
	go func() {
		err := send(c, "", x, traffic.Down, plain, make([]byte, bufferSize), &s.down)
		if err == nil && !x.Verdict {
			err = c.CloseWrite()
		}
		sent <- err
	}()
	err = receive(r, x, traffic.Up, make([]byte, bufferSize), &s.up)
	if err != nil {
		traffic.Reset(c.Conn)
		return worse(err, <-sent)
	}
	if err := <-sent; err != nil {
		return err
	}
	if x.Verdict {
		_, err = fmt.Fprintf(c, "ok %d\n", x.Up)
	}
	return err
}

func (s *server) serveHTTP(c *traffic.Conn) error {
	r := bufio.NewReaderSize(c, 16<<10)
	buf := make([]byte, bufferSize)
	for {
		c.Shape = traffic.Shape{}
		if _, err := r.Peek(1); err != nil {
			return nil // the end between two exchanges, however it comes
		}
		req, err := http.ReadRequest(r)
		if err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				return fmt.Errorf("request head: %w", err)
			}
			fmt.Fprint(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			return fmt.Errorf("request head: %v", err)
		}
		x, err := decodeExchange(req.URL.RawQuery)
		if err != nil {
			fmt.Fprint(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			return fmt.Errorf("%s %s: %v", req.Method, req.RequestURI, err)
		}
		s.begin(x)
		c.Shape = x.Server
		if req.Header.Get("Expect") == "100-continue" {
			if _, err := io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
				return err
			}
		}
		// net/http reports an early end of a framed body by itself.
		if err := receive(req.Body, x, traffic.Up, buf, &s.up); err != nil {
			msg := err.Error()
			fmt.Fprintf(c, "HTTP/1.1 500 Wrong Body\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(msg), msg)
			return err
		}
		last, err := s.respond(c, req, x, buf)
		if err != nil || last {
			return err
		}
	}
}

func (s *server) respond(c *traffic.Conn, req *http.Request, x exchange, buf []byte) (last bool, err error) {
	last = req.Close
	head := "HTTP/1.1 200 OK\r\nServer: pattern\r\nContent-Type: application/octet-stream\r\n" +
		"Pattern-Stream: " + strconv.FormatUint(x.ID, 10) + "\r\n"
	frame := x.Frame
	if !req.ProtoAtLeast(1, 1) && frame != "length" {
		frame = "close"
	}
	f := plain
	switch frame {
	case "chunked":
		f = chunked
		head += "Transfer-Encoding: chunked\r\n"
	case "trailer":
		f = trailer
		head += "Transfer-Encoding: chunked\r\nTrailer: Pattern-End\r\n"
	case "close":
		last = true
	default:
		head += "Content-Length: " + strconv.FormatInt(x.Down, 10) + "\r\n"
	}
	if last {
		head += "Connection: close\r\n"
	}
	head += "\r\n"
	return last, send(c, head, x, traffic.Down, f, buf, &s.down)
}
