// SPDX-License-Identifier: MIT

package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"sync/atomic"

	"github.com/ktcpvs/ktcpvs/internal/traffic"
)

// exchange is what the driver tells the server about one pair of bodies: as
// the first line of a connection in mode tcp, as the query in mode http.
type exchange struct {
	Run, ID  uint64
	Up, Down int64         // body sizes
	Frame    string        // framing of the response: length, chunked, trailer, close
	Verdict  bool          // mode tcp: the server says at the end what it got
	Server   traffic.Shape // how the server reads and writes
}

const (
	magic      = "ktcpvs-pattern "
	maxLine    = 512
	bufferSize = 64 << 10
)

func (x exchange) encode() string {
	v := url.Values{}
	set := func(key string, n int64) {
		if n != 0 {
			v.Set(key, strconv.FormatInt(n, 10))
		}
	}
	v.Set("run", strconv.FormatUint(x.Run, 16))
	v.Set("id", strconv.FormatUint(x.ID, 10))
	set("up", x.Up)
	set("down", x.Down)
	set("wmax", int64(x.Server.WriteMax))
	set("rmax", int64(x.Server.ReadMax))
	set("wrate", x.Server.WriteRate)
	set("rrate", x.Server.ReadRate)
	if x.Frame != "" {
		v.Set("frame", x.Frame)
	}
	if x.Verdict {
		v.Set("verdict", "1")
	}
	return v.Encode()
}

func decodeExchange(s string) (x exchange, err error) {
	v, err := url.ParseQuery(s)
	if err != nil {
		return x, err
	}
	num := func(key string) int64 {
		if !v.Has(key) {
			return 0
		}
		n, e := strconv.ParseInt(v.Get(key), 10, 64)
		if e != nil || n < 0 {
			err = fmt.Errorf("%s=%q is not a number", key, v.Get(key))
		}
		return n
	}
	var e error
	if x.Run, e = strconv.ParseUint(v.Get("run"), 16, 64); e != nil {
		err = fmt.Errorf("run=%q is not a number", v.Get("run"))
	}
	if x.ID, e = strconv.ParseUint(v.Get("id"), 10, 64); e != nil {
		err = fmt.Errorf("id=%q is not a number", v.Get("id"))
	}
	x.Up, x.Down = num("up"), num("down")
	x.Server = traffic.Shape{
		WriteMax: int(num("wmax")), ReadMax: int(num("rmax")),
		WriteRate: num("wrate"), ReadRate: num("rrate"),
	}
	x.Frame, x.Verdict = v.Get("frame"), v.Get("verdict") == "1"
	return x, err
}

func (x exchange) stream(d traffic.Direction) traffic.Stream {
	return traffic.Stream{Run: x.Run, ID: x.ID, Dir: d}
}

func (x exchange) size(d traffic.Direction) int64 {
	if d == traffic.Up {
		return x.Up
	}
	return x.Down
}

// truncated is a clean end that comes too early: the one failure that a relay
// must never produce, because nobody can see it.
type truncated struct {
	stream    traffic.Stream
	pos, size int64
}

func (t truncated) Error() string {
	return fmt.Sprintf("%s: clean end at offset %d of %d, silently truncated", t.stream, t.pos, t.size)
}

// statusError is an answer other than 200 to a right request.
type statusError struct {
	status string
	body   string
}

func (s statusError) Error() string { return fmt.Sprintf("answered %s: %q", s.status, s.body) }

// kind sorts failures by how bad they are.
type kind int

const (
	fine   kind = iota
	broken      // visible to the peer: allowed where tests break things
	silent      // truncated without a sign
	wrong       // wrong bytes, or anything else that must not be
)

func classify(err error) kind {
	var t truncated
	var s statusError
	switch {
	case err == nil:
		return fine
	case errors.As(err, &t):
		return silent
	case errors.As(err, &s), traffic.Broken(err):
		return broken
	default:
		return wrong
	}
}

// worse keeps the worse of two failures, the first of two equal ones.
func worse(a, b error) error {
	if classify(b) > classify(a) {
		return b
	}
	return a
}

// receive checks one direction, as long as r yields bytes. Every byte that was
// right is added to count. A clean end before the last byte is a truncation.
func receive(r io.Reader, x exchange, d traffic.Direction, buf []byte, count *atomic.Int64) error {
	check := traffic.NewCheck(x.stream(d), x.size(d))
	for {
		n, err := r.Read(buf)
		if e := check.Feed(buf[:n]); e != nil {
			return e
		}
		count.Add(int64(n))
		if err == nil {
			continue
		}
		if err != io.EOF {
			return fmt.Errorf("%s at offset %d of %d: %w", check.Stream, check.Pos(), check.Size, err)
		}
		if check.Pos() < check.Size {
			return truncated{check.Stream, check.Pos(), check.Size}
		}
		return nil
	}
}

// framing of a body on the wire.
type framing int

const (
	plain   framing = iota // as it is: Content-Length, close, mode tcp
	chunked                // in chunks of random size
	trailer                // likewise, with a trailer field at the end
)

// send writes head and one direction's bytes. The head shares its first write
// with the body where the shape does not say otherwise.
func send(w io.Writer, head string, x exchange, d traffic.Direction, f framing, buf []byte, count *atomic.Int64) error {
	src, left := traffic.NewSource(x.stream(d)), x.size(d)
	rng := traffic.NewRand(x.ID<<1 | uint64(d))
	n := copy(buf, head)
	flush := func() error {
		_, err := w.Write(buf[:n])
		n = 0
		if err != nil {
			return fmt.Errorf("%s: writing near offset %d of %d: %w", x.stream(d), x.size(d)-left, x.size(d), err)
		}
		return nil
	}
	const overhead = 16 // size line and end of a chunk
	for left > 0 {
		room := len(buf) - n - overhead
		if room <= 0 {
			if err := flush(); err != nil {
				return err
			}
			continue
		}
		k := int(min(left, int64(room)))
		if f == plain {
			src.Fill(buf[n : n+k])
			n += k
		} else {
			k = min(k, rng.LogUniform(bufferSize/2))
			n += copy(buf[n:], strconv.FormatInt(int64(k), 16)+"\r\n")
			src.Fill(buf[n : n+k])
			n += k
			n += copy(buf[n:], "\r\n")
		}
		left -= int64(k)
		count.Add(int64(k))
		if len(buf)-n <= overhead {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if len(buf)-n < 64 {
		if err := flush(); err != nil {
			return err
		}
	}
	switch f {
	case chunked:
		n += copy(buf[n:], "0\r\n\r\n")
	case trailer:
		n += copy(buf[n:], "0\r\nPattern-End: "+strconv.FormatInt(x.size(d), 10)+"\r\n\r\n")
	}
	return flush()
}
