// SPDX-License-Identifier: MIT

// The form in which the kernel takes an automaton, in its byte order:
//
//	u32 magic, version, states, classes, list words, start, flags (0)
//	u8  class of each byte [256]
//	u16 or u32 next state [states][classes], u32 if states > 65535, padded to 4
//	u32 accept[states]: 0, or where in lists, in words
//	u32 lists[]: word 0 is 0; then the lists without gaps: a count n >= 1, and
//	             n IDs, ascending
//
// State 0 is dead. Only the state in which the input ends counts.
//
// Verify checks what the kernel checks; Machine runs what it runs.

package automaton

import (
	"encoding/binary"
	"fmt"
)

// The blob's constants.
const (
	Magic      = 0x54445641
	Version    = 1
	headerSize = 7 * 4
	shortMax   = 65535 // states up to which transitions are 16 bits
)

var order = binary.NativeEndian

// blobSize is the size of a blob; the kernel charges no more.
func blobSize(states, classes, listWords int) int {
	trans := states * classes * 2
	if states > shortMax {
		trans *= 2
	}
	return headerSize + 256 + (trans+3)&^3 + 4*states + 4*listWords
}

func (r *raw) listWords() int {
	n := 1
	for _, l := range r.lists[1:] {
		n += 1 + len(l)
	}
	return n
}

func (r *raw) size() int { return blobSize(r.states(), r.classes, r.listWords()) }

// marshal makes the blob of an automaton whose lists are indices of exprs.
func marshal(r *raw, exprs []*expr) []byte {
	n := r.states()
	b := make([]byte, 0, r.size())
	for _, v := range []int{Magic, Version, n, r.classes, r.listWords(), int(r.start), 0} {
		b = order.AppendUint32(b, uint32(v))
	}
	b = append(b, r.class[:]...)
	for _, t := range r.trans {
		if n > shortMax {
			b = order.AppendUint32(b, uint32(t))
		} else {
			b = order.AppendUint16(b, uint16(t))
		}
	}
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	place := make([]uint32, len(r.lists))
	at := uint32(1)
	for i, l := range r.lists[1:] {
		place[i+1] = at
		at += 1 + uint32(len(l))
	}
	for _, a := range r.accept {
		b = order.AppendUint32(b, place[a])
	}
	b = order.AppendUint32(b, 0)
	for _, l := range r.lists[1:] {
		b = order.AppendUint32(b, uint32(len(l)))
		for _, e := range l {
			b = order.AppendUint32(b, exprs[e].id)
		}
	}
	return b
}

// Machine runs a verified blob.
type Machine struct {
	states, classes int
	start           uint32
	class           []byte
	short           bool
	trans           []byte
	accept          []byte
	lists           []byte
}

// Verify checks every entry of a blob, as the kernel does before it uses one,
// and returns a machine for it. IDs must be below ids.
func Verify(b []byte, ids uint64) (*Machine, error) {
	if len(b) < headerSize+256 {
		return nil, fmt.Errorf("the blob has %d bytes, its header alone %d", len(b), headerSize+256)
	}
	head := func(i int) uint32 { return order.Uint32(b[4*i:]) }
	if head(0) != Magic {
		return nil, fmt.Errorf("the magic is %#x, not %#x", head(0), Magic)
	}
	if head(1) != Version {
		return nil, fmt.Errorf("the version is %d, not %d", head(1), Version)
	}
	states, classes, words, start := uint64(head(2)), uint64(head(3)), uint64(head(4)), head(5)
	if states == 0 || classes == 0 || classes > 256 || words == 0 {
		return nil, fmt.Errorf("%d states, %d classes, %d words of lists", states, classes, words)
	}
	if uint64(start) >= states {
		return nil, fmt.Errorf("the start %d is none of the %d states", start, states)
	}
	if head(6) != 0 {
		return nil, fmt.Errorf("the flags are %#x, not 0", head(6))
	}
	width := uint64(2)
	if states > shortMax {
		width = 4
	}
	trans := states * classes * width
	padded := (trans + 3) &^ 3
	if want := headerSize + 256 + padded + 4*states + 4*words; uint64(len(b)) != want {
		return nil, fmt.Errorf("the blob has %d bytes, its header says %d", len(b), want)
	}
	m := &Machine{states: int(states), classes: int(classes), start: start, short: width == 2}
	rest := b[headerSize:]
	m.class, rest = rest[:256], rest[256:]
	m.trans, rest = rest[:trans], rest[padded:]
	m.accept, m.lists = rest[:4*states], rest[4*states:]
	for c, v := range m.class {
		if uint64(v) >= classes {
			return nil, fmt.Errorf("byte %#02x is of class %d, of %d", c, v, classes)
		}
	}
	for s := range m.states {
		for c := range m.classes {
			if t := m.next(uint32(s), c); uint64(t) >= states || s == 0 && t != 0 {
				return nil, fmt.Errorf("state %d leads to state %d by class %d", s, t, c)
			}
		}
	}
	if order.Uint32(m.lists) != 0 {
		return nil, fmt.Errorf("word 0 of the lists is not 0")
	}
	word := func(i uint64) uint64 { return uint64(order.Uint32(m.lists[4*i:])) }
	begins := make([]bool, words)
	for at := uint64(1); at < words; {
		n := word(at)
		if n == 0 || at+n >= words {
			return nil, fmt.Errorf("the list at word %d of %d has %d entries", at, words, n)
		}
		for i := at + 1; i <= at+n; i++ {
			if id := word(i); id >= ids {
				return nil, fmt.Errorf("the list at word %d names match %d of %d", at, id, ids)
			}
			if i > at+1 && word(i) <= word(i-1) {
				return nil, fmt.Errorf("the list at word %d is not ascending", at)
			}
		}
		begins[at] = true
		at += n + 1
	}
	for s := range m.states {
		at := uint64(order.Uint32(m.accept[4*s:]))
		if s == 0 && at != 0 {
			return nil, fmt.Errorf("the dead state accepts")
		}
		if at != 0 && (at >= words || !begins[at]) {
			return nil, fmt.Errorf("no list of state %d begins at word %d of %d", s, at, words)
		}
	}
	return m, nil
}

func (m *Machine) next(state uint32, class int) uint32 {
	i := int(state)*m.classes + class
	if m.short {
		return uint32(order.Uint16(m.trans[2*i:]))
	}
	return order.Uint32(m.trans[4*i:])
}

// Run returns the IDs that the automaton tells of an input, ascending.
func (m *Machine) Run(input string) []uint32 {
	s := m.start
	for i := 0; i < len(input); i++ {
		s = m.next(s, int(m.class[input[i]]))
	}
	at := order.Uint32(m.accept[4*s:])
	if at == 0 {
		return nil
	}
	ids := make([]uint32, order.Uint32(m.lists[4*at:]))
	for i := range ids {
		ids[i] = order.Uint32(m.lists[4*(int(at)+1+i):])
	}
	return ids
}
