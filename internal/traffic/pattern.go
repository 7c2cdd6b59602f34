// SPDX-License-Identifier: MIT

package traffic

import (
	"encoding/binary"
	"fmt"
)

// A stream of the pattern is a sequence of 64-bit little-endian words: word k
// is k xor a seed that belongs to the stream and its direction. So every byte
// is known from its position alone, nothing has to be remembered or hashed, and
//
//   - a lost, repeated or shifted piece shows at its first byte or within the
//     next word, since neighbouring words differ and the seed's bytes differ;
//   - a piece of another stream, or of the other direction, has another seed;
//   - from any 16 bytes received one can say where they were meant to be.

// Direction of a stream.
type Direction uint8

// The two directions.
const (
	Up   Direction = iota // client to server
	Down                  // server to client
)

func (d Direction) String() string {
	if d == Up {
		return "up"
	}
	return "down"
}

// Stream names one direction of one exchange of one run.
type Stream struct {
	Run, ID uint64
	Dir     Direction
}

func (s Stream) seed() uint64 {
	return mix(mix(s.Run+0x632be59bd9b4e019)+s.ID<<1) ^ mix(s.ID<<1|uint64(s.Dir))
}

func (s Stream) String() string {
	return fmt.Sprintf("stream %d %s", s.ID, s.Dir)
}

// Source writes the bytes of a stream in order.
type Source struct {
	seed uint64
	pos  int64
}

// NewSource starts a stream.
func NewSource(s Stream) Source { return Source{seed: s.seed()} }

// Fill writes the next len(p) bytes.
func (s *Source) Fill(p []byte) {
	i := 0
	for ; i < len(p) && s.pos&7 != 0; i++ {
		p[i] = byteAt(s.seed, s.pos)
		s.pos++
	}
	k := uint64(s.pos) >> 3
	for ; i+8 <= len(p); i += 8 {
		binary.LittleEndian.PutUint64(p[i:], k^s.seed)
		k++
	}
	s.pos = int64(k<<3) | s.pos&7
	for ; i < len(p); i++ {
		p[i] = byteAt(s.seed, s.pos)
		s.pos++
	}
}

func byteAt(seed uint64, pos int64) byte {
	return byte((uint64(pos)>>3 ^ seed) >> (8 * (uint64(pos) & 7)))
}

// Check compares what arrives with the stream it should be.
type Check struct {
	Stream Stream
	Size   int64 // bytes expected in all

	seed uint64
	pos  int64
}

// NewCheck expects size bytes of a stream.
func NewCheck(s Stream, size int64) *Check {
	return &Check{Stream: s, Size: size, seed: s.seed()}
}

// Pos is the number of bytes found right so far.
func (c *Check) Pos() int64 { return c.pos }

// Feed compares the next bytes; the error is a *Mismatch.
func (c *Check) Feed(p []byte) error {
	if over := c.pos + int64(len(p)) - c.Size; over > 0 {
		if err := c.Feed(p[:int64(len(p))-over]); err != nil {
			return err
		}
		return c.mismatch(p, int(int64(len(p))-over), true)
	}
	i := 0
	for ; i < len(p) && c.pos&7 != 0; i++ {
		if p[i] != byteAt(c.seed, c.pos) {
			return c.mismatch(p, i, false)
		}
		c.pos++
	}
	k, whole := uint64(c.pos)>>3, i
	for ; i+8 <= len(p); i += 8 {
		if binary.LittleEndian.Uint64(p[i:]) != k^c.seed {
			break
		}
		k++
	}
	c.pos += int64(i - whole)
	for ; i < len(p); i++ {
		if p[i] != byteAt(c.seed, c.pos) {
			return c.mismatch(p, i, false)
		}
		c.pos++
	}
	return nil
}

// Mismatch is the first wrong byte of a stream.
type Mismatch struct {
	Stream    Stream
	Offset    int64
	Size      int64
	Want, Got []byte // up to 16 bytes from Offset on
	Surplus   bool   // the stream should have ended here
	Hint      string // what the bytes look like
}

func (m *Mismatch) Error() string {
	if m.Surplus {
		return fmt.Sprintf("%s: bytes after the end at offset %d: got %x%s", m.Stream, m.Offset, m.Got, m.Hint)
	}
	return fmt.Sprintf("%s: wrong byte at offset %d of %d: expected %x, got %x%s",
		m.Stream, m.Offset, m.Size, m.Want, m.Got, m.Hint)
}

func (c *Check) mismatch(p []byte, i int, surplus bool) error {
	got := p[i:min(len(p), i+16)]
	m := &Mismatch{Stream: c.Stream, Offset: c.pos, Size: c.Size, Surplus: surplus}
	m.Got = append(m.Got, got...)
	if !surplus {
		for k := range got {
			m.Want = append(m.Want, byteAt(c.seed, c.pos+int64(k)))
		}
	}
	m.Hint = c.explain(got)
	return m
}

// explain looks for the place the bytes come from: this stream, the other
// direction, or a neighbour stream of the run.
func (c *Check) explain(got []byte) string {
	if off, ok := locate(c.seed, got); ok {
		return fmt.Sprintf(" (the bytes of offset %d: %+d)", off, off-c.pos)
	}
	for id := uint64(0); id < 1<<16; id++ {
		for _, dir := range []Direction{Up, Down} {
			s := Stream{c.Stream.Run, id, dir}
			if off, ok := locate(s.seed(), got); ok {
				return fmt.Sprintf(" (the bytes of %s, offset %d)", s, off)
			}
		}
	}
	return ""
}

// locate finds the offset at which a stream of this seed holds the bytes; it
// needs a whole word and some, so 15 bytes.
func locate(seed uint64, got []byte) (int64, bool) {
	if len(got) < 15 {
		return 0, false
	}
	for align := 0; align < 8; align++ {
		k := binary.LittleEndian.Uint64(got[align:]) ^ seed
		off := int64(k<<3) - int64(align)
		if k >= 1<<40 || off < 0 {
			continue
		}
		same := true
		for i, b := range got {
			same = same && b == byteAt(seed, off+int64(i))
		}
		if same {
			return off, true
		}
	}
	return 0, false
}
