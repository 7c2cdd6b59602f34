// SPDX-License-Identifier: MIT

package traffic

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

func TestSizes(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Size
		ok   bool
	}{
		{"0", 0, true}, {"1500", 1500, true}, {"64K", 64 << 10, true},
		{"256m", 256 << 20, true}, {"1G", 1 << 30, true},
		{"", 0, false}, {"K", 0, false}, {"-1", 0, false}, {"1T", 0, false},
		{"99999999999G", 0, false},
	} {
		got, err := ParseSize(c.in)
		if (err == nil) != c.ok || got != c.want {
			t.Errorf("ParseSize(%q) = %d, %v", c.in, got, err)
		}
	}
	var r Range
	if err := r.Set("0-1M"); err != nil || r.Min != 0 || r.Max != 1<<20 || r.String() != "0-1M" {
		t.Errorf("0-1M: %v, %v", r, err)
	}
	if err := r.Set("2-1"); err == nil {
		t.Error("2-1 accepted")
	}
}

func stream(s Stream, n int) []byte {
	p := make([]byte, n)
	src := NewSource(s)
	src.Fill(p)
	return p
}

// Any way of cutting the stream, in filling and in checking, is the same.
func TestPatternSegmentation(t *testing.T) {
	s := Stream{Run: 7, ID: 3, Dir: Down}
	whole := stream(s, 10007)
	src, cut := NewSource(s), make([]byte, 10007)
	for i := 0; i < len(cut); {
		n := min(rand.IntN(30), len(cut)-i)
		src.Fill(cut[i : i+n])
		i += n
	}
	if !bytes.Equal(whole, cut) {
		t.Fatal("the pieces differ from the whole")
	}
	c := NewCheck(s, int64(len(whole)))
	for i := 0; i < len(whole); {
		n := min(rand.IntN(30), len(whole)-i)
		if err := c.Feed(whole[i : i+n]); err != nil {
			t.Fatal(err)
		}
		i += n
	}
	if c.Pos() != 10007 {
		t.Fatalf("checked %d bytes", c.Pos())
	}
}

// Each kind of damage a relay can do is seen, at the right offset.
func TestPatternDamage(t *testing.T) {
	s := Stream{Run: 7, ID: 3}
	const n = 4096
	for _, c := range []struct {
		name   string
		damage func(p []byte) []byte
		near   int64 // the damage lies here; it must be seen within 8 bytes
		hint   string
	}{
		{"one bit", func(p []byte) []byte { p[1000] ^= 4; return p }, 1000, ""},
		{"a byte lost", func(p []byte) []byte { return append(p[:777], p[778:]...) }, 777, "(the bytes of offset "},
		{"a word lost", func(p []byte) []byte { return append(p[:800], p[808:]...) }, 800, ": +8)"},
		{"a page repeated", func(p []byte) []byte { copy(p[2048:], p[1024:2048]); return p }, 2048, ": -1024)"},
		{"a byte added", func(p []byte) []byte { return append(p[:512:512], append([]byte{0}, p[512:n-1]...)...) }, 512, ""},
		{"another stream", func(p []byte) []byte {
			copy(p[1600:], stream(Stream{Run: 7, ID: 4}, n)[1600:])
			return p
		}, 1600, "(the bytes of stream 4 up, offset "},
		{"the other direction", func(p []byte) []byte {
			copy(p[64:], stream(Stream{Run: 7, ID: 3, Dir: Down}, n)[:1000])
			return p
		}, 64, "(the bytes of stream 3 down, offset "},
		{"too long", func(p []byte) []byte { return append(p, 1, 2, 3) }, n, "after the end"},
	} {
		p := c.damage(stream(s, n))
		check := NewCheck(s, n)
		var err error
		for i := 0; i < len(p) && err == nil; i += 100 {
			err = check.Feed(p[i:min(len(p), i+100)])
		}
		var m *Mismatch
		if !errors.As(err, &m) {
			t.Errorf("%s: not seen", c.name)
			continue
		}
		if m.Offset < c.near || m.Offset > c.near+8 {
			t.Errorf("%s: seen at %d, done at %d", c.name, m.Offset, c.near)
		}
		if !strings.Contains(err.Error(), c.hint) {
			t.Errorf("%s: %q lacks %q", c.name, err, c.hint)
		}
		if len(m.Got) > 0 && len(m.Want) > 0 && m.Got[0] == m.Want[0] {
			t.Errorf("%s: blames a right byte: %v", c.name, m)
		}
	}
}

func TestLogUniform(t *testing.T) {
	r := NewRand(1)
	seen := map[bool]int{}
	for range 20000 {
		n := r.LogUniform(1000)
		if n < 1 || n > 1000 {
			t.Fatalf("%d", n)
		}
		seen[n < 32]++
	}
	if seen[true] < 5000 || seen[false] < 5000 {
		t.Errorf("small and large: %v", seen)
	}
	if n := r.LogUniform(1); n != 1 {
		t.Errorf("LogUniform(1) = %d", n)
	}
}

// A shaped connection passes the bytes on unchanged, and not faster than said.
func TestShapedConn(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	want := stream(Stream{}, 20000)
	go func() {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			return
		}
		s := NewConn(c, Shape{WriteMax: 300, WriteRate: 100000}, time.Second, 1)
		s.Write(want)
		s.CloseWrite()
	}()
	a, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	c := NewConn(a, Shape{ReadMax: 50}, time.Second, 2)
	var got []byte
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if n > 50 {
			t.Fatalf("read %d bytes at once", n)
		}
		got = append(got, buf[:n]...)
		if err != nil {
			break
		}
	}
	if !bytes.Equal(got, want) {
		t.Error("the bytes differ")
	}
	if d := time.Since(start); d < 150*time.Millisecond {
		t.Errorf("20000 bytes at 100000 a second took %v", d)
	}
	// Nothing more comes: the deadline ends the wait.
	b, _ := net.Dial("tcp", l.Addr().String())
	defer b.Close()
	if _, err := NewConn(b, Shape{}, 30*time.Millisecond, 3).Read(buf); !Broken(err) {
		t.Errorf("a silent peer: %v", err)
	}
}

// TestIdleWhileWriting reads for longer than Idle on a connection whose other
// direction moves: that is not idle. One where nothing moves is.
func TestIdleWhileWriting(t *testing.T) {
	const idle = 200 * time.Millisecond
	near, far := net.Pipe()
	c := NewConn(near, Shape{}, idle, 1)
	go io.Copy(io.Discard, far)
	read := make(chan error, 1)
	go func() {
		_, err := c.Read(make([]byte, 1))
		read <- err
	}()
	for start := time.Now(); time.Since(start) < 3*idle; time.Sleep(idle / 20) {
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-read:
			t.Fatalf("after %v of writing: %v", time.Since(start), err)
		default:
		}
	}
	if err := <-read; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("nothing moved, but the read says %v", err)
	}
}
