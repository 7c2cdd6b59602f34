// SPDX-License-Identifier: MIT

// The reading of UTF-8 as an automaton: a node stands for the bytes of a rune
// read so far, and nodes from which every continuation gives the same classes
// are one. It decodes as package utf8 does: a byte that begins no valid
// encoding is U+FFFD by itself, so a sequence that breaks off after k bytes was
// k times U+FFFD (its continuation bytes begin nothing).

package automaton

import (
	"encoding/binary"
	"unicode/utf8"
)

// What a byte leads to: a node (>= 0), or a class (^class), or nothing valid.
const invalid = int32(-1 << 31)

type decodeNode struct {
	pending int        // bytes read
	next    [256]int32 // node, ^class, or invalid; node 0 = between runes
}

type decoder struct {
	nodes []decodeNode
	known map[string]int32
	plain map[[3]int32]int32 // nodes whose runes are all valid and of one class
	p     *program
}

func newDecoder(p *program, ascii bool) *decoder {
	d := &decoder{p: p, known: map[string]int32{}, plain: map[[3]int32]int32{}}
	d.nodes = make([]decodeNode, 1)
	root := decodeNode{}
	for b := range root.next {
		switch {
		case b < utf8.RuneSelf:
			root.next[b] = ^p.classOf(rune(b))
		case ascii:
			root.next[b] = invalid
		case b >= 0xC2 && b < 0xE0:
			root.next[b] = d.node(1, 1, rune(b&0x1F))
		case b >= 0xE0 && b < 0xF0:
			root.next[b] = d.node(1, 2, rune(b&0x0F))
		case b >= 0xF0 && b < 0xF5:
			root.next[b] = d.node(1, 3, rune(b&0x07))
		default:
			root.next[b] = invalid
		}
	}
	d.nodes[0] = root
	return d
}

// node makes the node after pending bytes that wants some more, the value so
// far being v.
func (d *decoder) node(pending, more int, v rune) int32 {
	// Shortest form only, no surrogates, nothing above the last rune.
	least := [...]rune{0, 0x80, 0x800, 0x10000}[pending+more-1]
	lo, hi := v<<(6*more), (v+1)<<(6*more)-1
	plain := lo >= least && hi <= utf8.MaxRune && (hi < 0xD800 || lo > 0xDFFF) && d.p.oneClass(lo, hi)
	brief := [3]int32{int32(pending), int32(more), 0}
	if plain {
		brief[2] = d.p.classOf(lo)
		if at, ok := d.plain[brief]; ok {
			return at
		}
	}
	n := decodeNode{pending: pending}
	for b := range n.next {
		n.next[b] = invalid
	}
	for b := 0x80; b < 0xC0; b++ {
		w := v<<6 | rune(b&0x3F)
		lo, hi := w<<(6*(more-1)), (w+1)<<(6*(more-1))-1
		if hi < least || lo > utf8.MaxRune || lo >= 0xD800 && hi <= 0xDFFF {
			continue
		}
		if more == 1 {
			n.next[b] = ^d.p.classOf(w)
		} else {
			n.next[b] = d.node(pending+1, more-1, w)
		}
	}
	key := binary.NativeEndian.AppendUint32(nil, uint32(pending))
	for _, t := range n.next[0x80:0xC0] {
		key = binary.NativeEndian.AppendUint32(key, uint32(t))
	}
	at, ok := d.known[string(key)]
	if !ok {
		at = int32(len(d.nodes))
		d.known[string(key)] = at
		d.nodes = append(d.nodes, n)
	}
	if plain {
		d.plain[brief] = at
	}
	return at
}

// byteClasses numbers the bytes that no node tells apart, in order of their
// first byte, and gives a sample of each.
func (d *decoder) byteClasses() (class [256]uint8, sample []byte) {
	known := map[string]uint8{}
	for b := 0; b < 256; b++ {
		var key []byte
		for i := range d.nodes {
			key = binary.NativeEndian.AppendUint32(key, uint32(d.nodes[i].next[b]))
		}
		c, ok := known[string(key)]
		if !ok {
			c = uint8(len(sample))
			known[string(key)] = c
			sample = append(sample, byte(b))
		}
		class[b] = c
	}
	return class, sample
}
