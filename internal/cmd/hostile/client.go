// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"syscall"
	"time"
)

// reply is everything that came back on a client's connection.
type reply struct {
	bytes []byte
	ended bool // by a FIN
	reset bool
	err   error // neither: it took too long
}

// sending is how a message goes out.
type sending struct {
	name  string
	piece int  // bytes a write, 0 = all at once
	fin   bool // our end follows it
}

// exchange sends b and reads until the other side ends the connection.
func exchange(addr string, b []byte, how sending, wait time.Duration) (r reply) {
	conn, err := net.DialTimeout("tcp", addr, wait)
	if err != nil {
		return reply{err: err}
	}
	c := conn.(*net.TCPConn)
	c.SetNoDelay(true)
	c.SetDeadline(time.Now().Add(wait))
	done := make(chan struct{})
	go func() {
		defer close(done)
		// Who refuses a message may stop reading it: no error of ours.
		if err := pieces(c, b, how.piece); err == nil && how.fin {
			c.CloseWrite()
		}
	}()
	r = readAll(c)
	c.Close()
	<-done
	return r
}

// pieces writes b, now and then with a pause that lets the other side read.
func pieces(w io.Writer, b []byte, size int) error {
	if size == 0 {
		_, err := w.Write(b)
		return err
	}
	for len(b) > 0 {
		n := min(size, len(b))
		if _, err := w.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
		if rand.IntN(2) == 0 {
			time.Sleep(50 * time.Microsecond)
		}
	}
	return nil
}

func readAll(c io.Reader) (r reply) {
	var b bytes.Buffer
	_, err := io.Copy(&b, c)
	r.bytes = b.Bytes()
	switch {
	case err == nil:
		r.ended = true
	case errors.Is(err, syscall.ECONNRESET):
		r.reset = true
	default:
		r.err = err
	}
	return r
}

const goodTarget = "/good"

// responses reads all of a reply; an error if it holds anything else.
func (r *reply) responses(methods ...string) (out []framed, err error) {
	rest := r.bytes
	for i := 0; len(rest) > 0; {
		if i == len(methods) {
			return out, fmt.Errorf("%.200q beside the responses", rest)
		}
		var m framed
		if m, rest, err = readResponse(rest, methods[i]); err != nil {
			return out, fmt.Errorf("%w: %.200q", err, r.bytes)
		}
		out = append(out, m)
		if m.status() >= 200 {
			i++
		}
	}
	return out, nil
}

func (r reply) String() string {
	end := "no end"
	switch {
	case r.ended:
		end = "an end"
	case r.reset:
		end = "a reset"
	case r.err != nil:
		end = r.err.Error()
	}
	return fmt.Sprintf("%.400q and %s", r.bytes, end)
}
