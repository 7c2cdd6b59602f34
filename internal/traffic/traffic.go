// SPDX-License-Identifier: MIT

// Package traffic holds what the traffic tools of the guest tests share: sizes
// on the command line, reports as JSON lines, shaped connections and the
// position-derived byte pattern.
//
// The tools run inside emulated guests, where a second of host time is a
// fraction of a second of guest time; everything here is written to cost few
// instructions a byte.
package traffic

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Size is a number of bytes on a command line: 1500, 64K, 256M, 1G.
type Size int64

// ParseSize reads a number with an optional binary suffix K, M or G.
func ParseSize(s string) (Size, error) {
	num, shift := s, 0
	if n := len(s); n > 0 {
		switch s[n-1] {
		case 'k', 'K':
			num, shift = s[:n-1], 10
		case 'm', 'M':
			num, shift = s[:n-1], 20
		case 'g', 'G':
			num, shift = s[:n-1], 30
		}
	}
	v, err := strconv.ParseInt(num, 10, 64)
	if err != nil || v < 0 || v > math.MaxInt64>>shift {
		return 0, fmt.Errorf("%q is not a size (a number, or one with K, M or G)", s)
	}
	return Size(v << shift), nil
}

// String writes the size with the largest suffix that keeps it exact.
func (s Size) String() string {
	for _, u := range []struct {
		shift uint
		name  string
	}{{30, "G"}, {20, "M"}, {10, "K"}} {
		if s != 0 && s&(1<<u.shift-1) == 0 {
			return strconv.FormatInt(int64(s)>>u.shift, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// Set makes Size a flag.Value.
func (s *Size) Set(v string) error {
	n, err := ParseSize(v)
	if err == nil {
		*s = n
	}
	return err
}

// Range is an inclusive range of sizes: 0-1M, or one size alone.
type Range struct{ Min, Max Size }

// String writes the range as Set reads it.
func (r Range) String() string {
	if r.Min == r.Max {
		return r.Min.String()
	}
	return r.Min.String() + "-" + r.Max.String()
}

// Set makes Range a flag.Value.
func (r *Range) Set(v string) error {
	lo, hi, found := strings.Cut(v, "-")
	if !found {
		hi = lo
	}
	a, err := ParseSize(lo)
	if err != nil {
		return err
	}
	b, err := ParseSize(hi)
	if err != nil {
		return err
	}
	if b < a {
		return fmt.Errorf("%q: the end of the range lies before its start", v)
	}
	r.Min, r.Max = a, b
	return nil
}

// List is a flag that may be given several times, and splits at commas.
type List []string

// String joins the values.
func (l List) String() string { return strings.Join(l, ",") }

// Set makes List a flag.Value.
func (l *List) Set(v string) error {
	for _, f := range strings.Split(v, ",") {
		if f == "" {
			return fmt.Errorf("empty value in %q", v)
		}
		*l = append(*l, f)
	}
	return nil
}

// Lines writes one JSON object a line, from any number of goroutines.
type Lines struct {
	mu sync.Mutex
	W  io.Writer
}

// Emit writes one object.
func (l *Lines) Emit(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		b, _ = json.Marshal(map[string]string{"event": "internal-error", "error": err.Error()})
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.W.Write(append(b, '\n'))
}

// Reset closes a connection with a reset instead of a FIN.
func Reset(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		t.SetLinger(0)
	}
	c.Close()
}

// Broken reports whether an error shows visibly that the connection broke, or
// that the peer ended in the midst of something: a reset, an unexpected end, a
// timeout. A wrong byte is not of that kind.
func Broken(err error) bool {
	var ne net.Error
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &ne)
}

// Shape says how a side reads and writes. The zero value is as fast and as
// large as it goes.
type Shape struct {
	WriteMax  int   // largest write; sizes are log-uniform from 1 to it; 0 = whole buffers
	ReadMax   int   // largest read; likewise
	WriteRate int64 // bytes a second; 0 = unlimited
	ReadRate  int64
}

// Conn is a connection whose every operation has a deadline and follows a
// Shape. Reads and writes may run in two goroutines.
type Conn struct {
	net.Conn
	Shape Shape
	Idle  time.Duration // longest wait without a byte; 0 = for ever

	rd, wr   pacer
	rrn, wrn Rand
}

// NewConn shapes a connection; seed makes its segmentation repeatable.
func NewConn(c net.Conn, s Shape, idle time.Duration, seed uint64) *Conn {
	return &Conn{Conn: c, Shape: s, Idle: idle, rrn: NewRand(seed), wrn: NewRand(seed + 1)}
}

// pacer keeps a rate by sleeping off whatever ran ahead of it.
type pacer struct {
	start time.Time
	n     int64
}

func (p *pacer) pace(n int, rate int64) {
	if rate <= 0 {
		return
	}
	if p.start.IsZero() {
		p.start = time.Now()
	}
	p.n += int64(n)
	ahead := time.Duration(float64(p.n)/float64(rate)*float64(time.Second)) - time.Since(p.start)
	if ahead > time.Millisecond {
		time.Sleep(ahead)
	}
}

// chunk bounds one operation: by the maximum, and at a limited rate by a
// twentieth of a second's worth, so that slow means steadily slow.
func chunk(n, limit int, rate int64, r *Rand) int {
	if limit > 0 {
		n = min(n, r.LogUniform(limit))
	}
	if rate > 0 {
		n = min(n, int(max(1, rate/20)))
	}
	return n
}

// Read reads at most what the shape allows.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) > 0 {
		p = p[:chunk(len(p), c.Shape.ReadMax, c.Shape.ReadRate, &c.rrn)]
	}
	if c.Idle > 0 {
		c.Conn.SetReadDeadline(time.Now().Add(c.Idle))
	}
	n, err := c.Conn.Read(p)
	c.rd.pace(n, c.Shape.ReadRate)
	return n, err
}

// Write writes everything, in the segments the shape asks for.
func (c *Conn) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n := chunk(len(p)-done, c.Shape.WriteMax, c.Shape.WriteRate, &c.wrn)
		if c.Idle > 0 {
			c.Conn.SetWriteDeadline(time.Now().Add(c.Idle))
		}
		k, err := c.Conn.Write(p[done : done+n])
		done += k
		if err != nil {
			return done, err
		}
		if c.Idle > 0 {
			// Who waits for the answer to a long body waits from its end on.
			c.Conn.SetReadDeadline(time.Now().Add(c.Idle))
		}
		c.wr.pace(k, c.Shape.WriteRate)
	}
	return done, nil
}

// CloseWrite sends the FIN and leaves the other direction open.
func (c *Conn) CloseWrite() error {
	if t, ok := c.Conn.(*net.TCPConn); ok {
		return t.CloseWrite()
	}
	return errors.New("not a TCP connection")
}

// Rand is a small repeatable generator (splitmix64).
type Rand struct{ x uint64 }

// NewRand seeds one.
func NewRand(seed uint64) Rand { return Rand{seed} }

// Next returns 64 random bits.
func (r *Rand) Next() uint64 {
	r.x += 0x9e3779b97f4a7c15
	return mix(r.x)
}

// N returns a number from 0 to n-1.
func (r *Rand) N(n int64) int64 {
	if n <= 1 {
		return 0
	}
	return int64(r.Next() % uint64(n))
}

// LogUniform returns a number from 1 to limit, each binary order of magnitude
// as likely as the others: many small segments and a few large ones.
func (r *Rand) LogUniform(limit int) int {
	bits := 0
	for v := limit; v > 1; v >>= 1 {
		bits++
	}
	n := int64(1) << r.N(int64(bits+1))
	return int(min(n+r.N(n), int64(limit)))
}

// mix scrambles 64 bits so that neighbouring numbers share nothing.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
