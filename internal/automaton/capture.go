// SPDX-License-Identifier: MIT

// Where a group of an expression lies, as package regexp finds it: leftmost, and
// of several ways to match there the one that a backtracking search would try
// first. In time linear in the input and without backtracking, by a bimachine
// (Schützenberger, "A remark on finite transducers", Information and Control 4,
// 1961). A deterministic automaton reads the input from its end and leaves, at each
// place, the set of program points from which the rest can be matched. Then a walk
// from the beginning takes at every byte the first edge, in the order of
// preference, whose target is in that set: it never has to come back.
//
// The form, in the kernel's byte order:
//
//	u32 magic, version, states, classes, nodes, start, flags (0)
//	u8  class of each byte [256]
//	u16 state before the byte [states][classes]: the automaton that reads backwards
//	u16 step [states][nodes]: 65535 = no way; else the node to go to, with
//	    1<<14 if the group begins here and 1<<15 if it ends here
//	padded to 4 bytes
//
// Node 0 is where the walk begins, and as a target its end. The state at the end of
// the input is start.

package automaton

import (
	"fmt"
	"regexp/syntax"
)

// The constants of a capture table.
const (
	CaptureMagic   = 0x43564354
	CaptureVersion = 1
	MaxGroup       = 10 // as in the original

	captureNone   = 0xffff
	captureOpen   = 1 << 14
	captureClose  = 1 << 15
	captureNodes  = 1<<14 - 1 // and a target is below
	captureStates = 65535
)

// Groups is the number of groups of an expression, the whole not counted.
func Groups(text string) (int, error) {
	re, err := parseSyntax(text)
	if err != nil {
		return 0, err
	}
	return re.MaxCap(), nil
}

// Kinds of bytes beside an assertion; kindEnd is no byte.
const (
	kindOther = iota
	kindLine
	kindWord
	kinds
	kindEnd = kinds
)

var kindRune = [...]rune{' ', '\n', 'a', -1}

// capture is the table while it is built.
type capture struct {
	prog  *syntax.Prog
	group uint32
	kinds bool     // an assertion looks at lines or words
	loop  int      // pseudo instruction that skips a byte before the match
	insts []uint32 // those that consume, and loop
	place map[uint32]int
	class [256]byte
	repr  []rune // of each class
	edges map[[3]int][]edge
}

type edge struct {
	to          uint32 // instruction; 0 = matched (no instruction that consumes)
	open, close bool
}

// back is a state: from which of insts the rest can be matched, and the kind of
// the byte that comes.
type back struct {
	set  string // a bit each
	kind int
}

// CompileCapture makes the table that finds a group of an expression in input that
// has no bytes beyond ASCII; one that comes all the same is U+FFFD. It has at most
// so many bytes. The error is an *Error.
func CompileCapture(text string, group int, bytes int) ([]byte, error) {
	e, err := parse(text)
	if err != nil {
		return nil, err
	}
	fail := func(msg, hint string) ([]byte, error) { return nil, &Error{Expr: text, Msg: msg, Hint: hint} }
	n, _ := Groups(text)
	if group < 0 || group > n || group > MaxGroup {
		return fail(fmt.Sprintf("it has no group %d", group), fmt.Sprintf("0 is the whole, its groups are 1 to %d, and at most %d counts", n, MaxGroup))
	}
	c := &capture{prog: e.prog, group: uint32(group), place: map[uint32]int{}, edges: map[[3]int][]edge{}}
	c.collect()
	nodes := 1 + len(c.insts)
	if c.kinds {
		nodes = 1 + kinds*len(c.insts)
	}
	const tooLarge = "its capture table would be too large"
	if nodes > captureNodes {
		return fail(tooLarge, "shorten its counts")
	}
	index := map[back]int{}
	var states []back
	var trans []uint16
	add := func(b back) (int, bool) {
		i, ok := index[b]
		if !ok {
			i = len(states)
			index[b] = i
			states = append(states, b)
		}
		return i, len(states) <= captureStates
	}
	size := func() int {
		return (headerSize + 256 + 2*len(states)*(len(c.repr)+nodes) + 3) &^ 3
	}
	add(back{string(make([]byte, (len(c.insts)+7)/8)), kindEnd})
	for i := 0; i < len(states); i++ {
		for _, r := range c.repr {
			j, ok := add(c.before(states[i], r))
			if !ok || size() > bytes {
				return fail(tooLarge, "anchor it with ^, or shorten its counts")
			}
			trans = append(trans, uint16(j))
		}
	}
	b := make([]byte, 0, size())
	for _, v := range []int{CaptureMagic, CaptureVersion, len(states), len(c.repr), nodes, 0, 0} {
		b = order.AppendUint32(b, uint32(v))
	}
	b = append(b, c.class[:]...)
	for _, t := range trans {
		b = order.AppendUint16(b, t)
	}
	for _, s := range states {
		b = order.AppendUint16(b, c.step(s, c.from(c.loop, kindEnd, s.kind)))
		for k := range kinds {
			if k > 0 && !c.kinds {
				break
			}
			for _, pc := range c.insts {
				b = order.AppendUint16(b, c.step(s, c.from(int(pc), k, s.kind)))
			}
		}
	}
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b, nil
}

// collect numbers the instructions and finds bytes that none tells apart.
func (c *capture) collect() {
	c.loop = len(c.prog.Inst)
	for pc, in := range c.prog.Inst {
		switch in.Op {
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			c.place[uint32(pc)] = len(c.insts)
			c.insts = append(c.insts, uint32(pc))
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(in.Arg)&^(syntax.EmptyBeginText|syntax.EmptyEndText) != 0 {
				c.kinds = true
			}
		}
	}
	c.place[uint32(c.loop)] = len(c.insts)
	c.insts = append(c.insts, uint32(c.loop))
	same := map[string]byte{}
	for b := range 256 {
		r := rune(b)
		if b >= 0x80 {
			r = 0xFFFD
		}
		sign := []byte{byte(c.kindOf(r))}
		for _, pc := range c.insts {
			if c.eats(pc, r) {
				sign = append(sign, 1)
			} else {
				sign = append(sign, 0)
			}
		}
		class, ok := same[string(sign)]
		if !ok {
			class = byte(len(c.repr))
			same[string(sign)] = class
			c.repr = append(c.repr, r)
		}
		c.class[b] = class
	}
}

func (c *capture) eats(pc uint32, r rune) bool {
	return int(pc) == c.loop || c.prog.Inst[pc].MatchRune(r)
}

func (c *capture) kindOf(r rune) int {
	switch {
	case !c.kinds:
		return kindOther
	case r == '\n':
		return kindLine
	case syntax.IsWordChar(r):
		return kindWord
	}
	return kindOther
}

// from lists the edges behind an instruction in the order of preference, between a
// byte of one kind (kindEnd: the beginning) and one of the other.
func (c *capture) from(pc, before, behind int) []edge {
	key := [3]int{pc, before, behind}
	if list, ok := c.edges[key]; ok {
		return list
	}
	var list []edge
	seen := map[uint32]bool{}
	flags := syntax.EmptyOpContext(kindRune[before], kindRune[behind])
	var follow func(pc uint32, e edge)
	follow = func(pc uint32, e edge) {
		if seen[pc] {
			return
		}
		seen[pc] = true
		switch in := &c.prog.Inst[pc]; in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			follow(in.Out, e)
			follow(in.Arg, e)
		case syntax.InstCapture:
			e.open = e.open || in.Arg == 2*c.group
			e.close = e.close || in.Arg == 2*c.group+1
			follow(in.Out, e)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(in.Arg)&^flags == 0 {
				follow(in.Out, e)
			}
		case syntax.InstNop:
			follow(in.Out, e)
		case syntax.InstMatch:
			e.to, e.close = 0, e.close || c.group == 0
			list = append(list, e)
		case syntax.InstFail:
		default:
			e.to = pc
			list = append(list, e)
		}
	}
	if pc == c.loop {
		follow(uint32(c.prog.Start), edge{open: c.group == 0})
		list = append(list, edge{to: uint32(c.loop)})
	} else {
		follow(c.prog.Inst[pc].Out, edge{})
	}
	c.edges[key] = list
	return list
}

// allowed tells whether what follows an edge can be matched. Instruction 0 is
// never one that consumes: the compiler puts a failure there.
func (c *capture) allowed(s back, e edge) bool {
	if e.to == 0 {
		return true
	}
	i := c.place[e.to]
	return s.set[i/8]>>(i%8)&1 != 0
}

// before is the state before a byte, from that behind it.
func (c *capture) before(s back, r rune) back {
	kind := c.kindOf(r)
	set := make([]byte, len(s.set))
	for i, pc := range c.insts {
		if !c.eats(pc, r) {
			continue
		}
		for _, e := range c.from(int(pc), kind, s.kind) {
			if c.allowed(s, e) {
				set[i/8] |= 1 << (i % 8)
				break
			}
		}
	}
	return back{string(set), kind}
}

// step is what the walk does where the rest is what s says.
func (c *capture) step(s back, list []edge) uint16 {
	for _, e := range list {
		if !c.allowed(s, e) {
			continue
		}
		var v uint16
		if e.to != 0 {
			v = uint16(1 + c.place[e.to])
			if c.kinds {
				v += uint16(s.kind * len(c.insts))
			}
		}
		if e.open {
			v |= captureOpen
		}
		if e.close {
			v |= captureClose
		}
		return v
	}
	return captureNone
}

// Capture runs a table as the kernel does.
type Capture struct {
	class         []byte
	back, step    []uint16
	classes, node int
	start         uint16
}

// VerifyCapture checks what the kernel checks.
func VerifyCapture(b []byte) (*Capture, error) {
	if len(b) < headerSize+256 {
		return nil, fmt.Errorf("truncated")
	}
	var h [7]int
	for i := range h {
		h[i] = int(order.Uint32(b[4*i:]))
	}
	states, classes, nodes := h[2], h[3], h[4]
	switch {
	case h[0] != CaptureMagic || h[1] != CaptureVersion || h[6] != 0:
		return nil, fmt.Errorf("no capture table")
	case states < 1 || states > captureStates || classes < 1 || classes > 256 || nodes < 1 || nodes > captureNodes || h[5] >= states:
		return nil, fmt.Errorf("wrong sizes")
	case len(b) != (headerSize+256+2*states*(classes+nodes)+3)&^3:
		return nil, fmt.Errorf("wrong length")
	}
	c := &Capture{class: b[headerSize : headerSize+256], classes: classes, node: nodes, start: uint16(h[5])}
	for _, v := range c.class {
		if int(v) >= classes {
			return nil, fmt.Errorf("wrong class")
		}
	}
	at := headerSize + 256
	read := func(n int) []uint16 {
		v := make([]uint16, n)
		for i := range v {
			v[i] = order.Uint16(b[at:])
			at += 2
		}
		return v
	}
	c.back, c.step = read(states*classes), read(states*nodes)
	for _, v := range c.back {
		if int(v) >= states {
			return nil, fmt.Errorf("wrong state")
		}
	}
	for _, v := range c.step {
		if v != captureNone && int(v&captureNodes) >= nodes {
			return nil, fmt.Errorf("wrong node")
		}
	}
	return c, nil
}

// Run tells where the group lies, -1 and -1 if the expression does not match or the
// group took no part in it.
func (c *Capture) Run(in string) (from, to int) {
	states := make([]uint16, len(in)+1)
	states[len(in)] = c.start
	for i := len(in) - 1; i >= 0; i-- {
		states[i] = c.back[int(states[i+1])*c.classes+int(c.class[in[i]])]
	}
	from, to = -1, -1
	node := 0
	for i, s := range states {
		v := c.step[int(s)*c.node+node]
		if v == captureNone {
			return -1, -1
		}
		if v&captureOpen != 0 {
			from = i
		}
		if v&captureClose != 0 {
			to = i
		}
		if node = int(v & captureNodes); node == 0 {
			break
		}
	}
	if node != 0 || from < 0 || to < from {
		return -1, -1
	}
	return from, to
}
