// SPDX-License-Identifier: MIT

// Subset construction. A state over runes is a set of instructions that wait
// for a rune, with the patterns that have matched already; a state over bytes
// is one of those and a node of the decoder. A pattern that has matched is done:
// its instructions go, and the state tells it for ever, because a match may end
// anywhere unless the pattern says $.

package automaton

import (
	"encoding/binary"
	"regexp/syntax"
	"slices"
)

// raw is an automaton over classes of bytes, not yet minimised. State 0 is
// dead, state 1 the start unless that is dead.
type raw struct {
	class   [256]uint8
	classes int
	trans   []int32 // [state*classes + class]
	accept  []int32 // index into lists of each state
	lists   [][]int32
	start   int32
}

func (r *raw) states() int { return len(r.accept) }

// runeState is a set of instructions at a position between runes.
type runeState struct {
	items   []int32 // opRune, and opEmpty that the next rune decides, ascending
	prev    context // kept only if an opEmpty is among the items
	matched int32   // which patterns have matched: an index of interned lists
	next    []int32 // a state for each class; nil until asked for
	steady  int32   // where any rune beyond ASCII leads and stays, or unknown, or none
	accept  int32   // list told if the input ends here; -1 until asked for
}

const (
	unknown = int32(-2)
	none    = int32(-1)
)

type builder struct {
	p *program
	d *decoder

	states []runeState
	byKey  map[string]int32
	lists  [][]int32 // interned lists of patterns, lists[0] empty
	byList map[string]int32

	// Scratch of closure: marks of the current round, and what it found.
	mark    []uint32
	round   uint32
	stack   []int32
	items   []int32
	matched []int32

	key []byte // scratch of state and list

	// Scratch of row: what takes each class, and the states by that.
	ways   []way
	shared map[string]int32

	work int // instructions looked at, the measure of time and memory
}

// budget bounds a construction. It counts work, not time, so that it ends at
// the same place on every machine.
type budget struct {
	bytes  int // of the blob
	states int // before minimisation
	work   int // instructions looked at
	ascii  bool
}

// determinize builds the automaton of the patterns, or returns nil as soon as
// the budget is exceeded.
func determinize(exprs []*expr, max budget) *raw {
	b := &builder{p: newProgram(exprs), byKey: map[string]int32{}, byList: map[string]int32{}}
	b.d = newDecoder(b.p, max.ascii)
	b.mark = make([]uint32, len(b.p.insts))
	b.list(nil)
	b.begin()
	dead := b.state(ctxOther, 0) // no items, nothing matched

	b.begin()
	for i := range b.p.start {
		b.follow(b.p.start[i], after(ctxBegin), true)
	}
	start := b.state(ctxBegin, 0)

	// Breadth first over states of bytes.
	r := &raw{}
	var sample []byte
	r.class, sample = b.d.byteClasses()
	r.classes = len(sample)
	// Minimisation seldom leaves less than a quarter of the states.
	maxStates := min(max.states, 4*max.bytes/(4+2*r.classes)+1024)
	type product struct{ state, node int32 }
	between := []int32{} // number of (state, 0), which are nearly all, plus 1
	number := map[product]int32{}
	var todo []product
	get := func(s, node int32) int32 {
		if node != 0 {
			if t := b.steadyState(s); t >= 0 {
				s, node = t, 0
			}
		}
		k := product{s, node}
		if node == 0 {
			for int(s) >= len(between) {
				between = append(between, 0)
			}
			if between[s] == 0 {
				todo = append(todo, k)
				between[s] = int32(len(todo))
			}
			return between[s] - 1
		}
		n, ok := number[k]
		if !ok {
			n = int32(len(todo))
			number[k] = n
			todo = append(todo, k)
		}
		return n
	}
	get(dead, 0)
	r.start = get(start, 0)
	for n := 0; n < len(todo); n++ {
		if len(todo) > maxStates || b.work > max.work {
			return nil
		}
		at := todo[n]
		if len(r.trans)+r.classes > cap(r.trans) {
			// Twice as much each time, since nobody collects what is left.
			r.trans = slices.Grow(r.trans, len(r.trans)+64*r.classes)
		}
		broken := at.state // if the sequence breaks off here
		for range b.d.nodes[at.node].pending {
			broken = b.step(broken, b.p.errClas)
		}
		r.accept = append(r.accept, b.acceptAtEnd(broken))
		for _, c := range sample {
			from := at.state
			t := b.d.nodes[at.node].next[c]
			if t == invalid && at.node != 0 { // the byte begins anew
				from = broken
				t = b.d.nodes[0].next[c]
			}
			switch {
			case t == invalid: // a stray byte
				r.trans = append(r.trans, get(b.step(from, b.p.errClas), 0))
			case t < 0: // a rune is complete
				r.trans = append(r.trans, get(b.step(from, ^t), 0))
			default:
				r.trans = append(r.trans, get(from, t))
			}
		}
	}
	r.lists = b.lists
	return r
}

// begin starts a round of the closure.
func (b *builder) begin() {
	b.round++
	b.items = b.items[:0]
	b.matched = b.matched[:0]
}

// follow adds what is reached from pc without taking a rune. known is what
// holds here; with partly set, what the next rune decides is left waiting.
func (b *builder) follow(pc int32, known syntax.EmptyOp, partly bool) {
	b.stack = append(b.stack[:0], pc)
	for len(b.stack) > 0 {
		pc := b.stack[len(b.stack)-1]
		b.stack = b.stack[:len(b.stack)-1]
		if b.mark[pc] == b.round {
			continue
		}
		b.mark[pc] = b.round
		switch in := &b.p.insts[pc]; in.op {
		case opAlt:
			b.stack = append(b.stack, in.out, in.arg)
		case opEmpty:
			switch missing := in.empty &^ known; {
			case missing == 0:
				b.stack = append(b.stack, in.out)
			case partly && missing&^open == 0:
				b.items = append(b.items, pc)
			}
		case opRune:
			b.work++
			b.items = append(b.items, pc)
		case opMatch:
			b.matched = append(b.matched, in.pattern)
		}
	}
}

// settle puts what follow found in order: matched becomes the list of all that
// have matched, and the items of patterns that need not go on are dropped.
func (b *builder) settle(before int32) {
	b.matched = append(b.matched, b.lists[before]...)
	slices.Sort(b.matched)
	b.matched = slices.Compact(b.matched)
	last := int32(len(b.p.exprs))
	for i, m := range b.matched {
		if b.p.exprs[m].sole {
			b.matched = b.matched[:i+1]
			last = m
			break
		}
	}
	if len(b.matched) == 0 {
		slices.Sort(b.items)
		return
	}
	kept := b.items[:0]
	for _, pc := range b.items {
		pat := b.p.insts[pc].pattern
		if pat > last {
			continue
		}
		if _, done := slices.BinarySearch(b.matched, pat); !done {
			kept = append(kept, pc)
		}
	}
	b.items = kept
	slices.Sort(b.items)
}

// state numbers what follow found.
func (b *builder) state(prev context, before int32) int32 {
	b.settle(before)
	waits := false
	for _, pc := range b.items {
		waits = waits || b.p.insts[pc].op == opEmpty
	}
	if !waits {
		prev = ctxOther
	}
	m := b.list(b.matched)
	key := binary.NativeEndian.AppendUint32(b.key[:0], uint32(m)<<2|uint32(prev))
	for _, pc := range b.items {
		key = binary.NativeEndian.AppendUint32(key, uint32(pc))
	}
	b.key = key
	if n, ok := b.byKey[string(key)]; ok {
		return n
	}
	n := int32(len(b.states))
	b.byKey[string(key)] = n
	b.states = append(b.states, runeState{items: slices.Clone(b.items), prev: prev, matched: m,
		steady: unknown, accept: -1})
	return n
}

// list interns a list of patterns.
func (b *builder) list(l []int32) int32 {
	if len(l) == 0 && len(b.lists) > 0 {
		return 0
	}
	key := b.key[:0]
	for _, v := range l {
		key = binary.NativeEndian.AppendUint32(key, uint32(v))
	}
	b.key = key
	n, ok := b.byList[string(key)]
	if !ok {
		n = int32(len(b.lists))
		b.byList[string(key)] = n
		b.lists = append(b.lists, slices.Clone(l))
	}
	return n
}

// acceptAtEnd is the list of patterns that match if the input ends in s.
func (b *builder) acceptAtEnd(s int32) int32 {
	if b.states[s].accept < 0 {
		b.resolve(s, ctxBegin)
		b.settle(b.states[s].matched)
		b.states[s].accept = b.list(b.matched)
	}
	return b.states[s].accept
}

// resolve decides the waiting assertions of s before a rune of that kind.
func (b *builder) resolve(s int32, next context) {
	st := &b.states[s]
	b.begin()
	known := between(st.prev, next)
	for _, pc := range st.items {
		b.follow(pc, known, false)
	}
}

// step is the state after a rune of class c.
func (b *builder) step(s, c int32) int32 {
	if b.states[s].next == nil {
		b.row(s)
	}
	return b.states[s].next[c]
}

// way is what follows the instructions that take a class of runes.
type way struct {
	out     []int32
	kind    context
	matched int32
}

// row computes all steps of s. Classes that the same instructions take in the
// same context lead to the same state, and are many: they share the work.
func (b *builder) row(s int32) {
	classes := len(b.p.kind)
	next := make([]int32, classes)
	if b.ways == nil {
		b.ways, b.shared = make([]way, classes), map[string]int32{}
	}
	ways := b.ways
	for c := range ways {
		ways[c] = way{out: ways[c].out[:0]}
	}
	waits := len(b.states[s].items) > 0 && b.hasWaiting(s)
	for _, kind := range []context{ctxOther, ctxWord, ctxNewline} {
		items, before := b.states[s].items, b.states[s].matched
		if waits {
			b.resolve(s, kind)
			b.settle(before)
			items, before = slices.Clone(b.items), b.list(b.matched)
		}
		for c := range ways {
			if b.p.kind[c] == kind {
				ways[c].kind, ways[c].matched = kind, before
			}
		}
		for _, pc := range items {
			in := &b.p.insts[pc]
			if in.op != opRune {
				continue
			}
			for _, r := range in.classes {
				b.work += int(r[1]-r[0]) + 1
				for c := r[0]; c <= r[1]; c++ {
					if b.p.kind[c] == kind {
						ways[c].out = append(ways[c].out, in.out)
					}
				}
			}
		}
		if !b.p.usesWord && !b.p.usesLine {
			break
		}
	}
	clear(b.shared)
	var key []byte
	void := [...]int32{ctxOther: none, ctxWord: none, ctxNewline: none, ctxBegin: none}
	for c := range ways {
		w := &ways[c]
		// Most classes are taken by nothing, or by the same as the one before.
		if len(w.out) == 0 {
			if void[w.kind] == none {
				void[w.kind] = b.enter(nil, w.kind, w.matched)
			}
			next[c] = void[w.kind]
			continue
		}
		if c > 0 && w.kind == ways[c-1].kind && slices.Equal(w.out, ways[c-1].out) {
			next[c] = next[c-1]
			continue
		}
		key = binary.NativeEndian.AppendUint32(key[:0], uint32(w.matched)<<2|uint32(w.kind))
		for _, pc := range w.out {
			key = binary.NativeEndian.AppendUint32(key, uint32(pc))
		}
		t, ok := b.shared[string(key)]
		if !ok {
			t = b.enter(w.out, w.kind, w.matched)
			b.shared[string(key)] = t
		}
		next[c] = t
	}
	b.states[s].next = next
}

func (b *builder) hasWaiting(s int32) bool {
	for _, pc := range b.states[s].items {
		if b.p.insts[pc].op == opEmpty {
			return true
		}
	}
	return false
}

// enter is the state reached by those instructions after a rune of that kind.
func (b *builder) enter(out []int32, prev context, matched int32) int32 {
	b.begin()
	known := after(prev)
	for _, pc := range out {
		b.follow(pc, known, true)
	}
	// A match may begin here, of a pattern that still can tell something.
	last := len(b.p.exprs)
	for _, m := range b.lists[matched] {
		if b.p.exprs[m].sole {
			last = int(m)
		}
	}
	for _, i := range b.p.floaters {
		if int(i) >= last {
			break
		}
		b.follow(b.p.start[i], known, true)
	}
	return b.state(prev, matched)
}

// steadyState is the state to which every rune beyond ASCII leads from s, and
// from there as well, if there is one. Then it does not matter how a sequence
// of bytes beyond ASCII is cut into runes, and s needs no states inside runes.
func (b *builder) steadyState(s int32) int32 {
	if b.states[s].steady == unknown {
		t := b.uniform(s)
		if t >= 0 && b.uniform(t) != t {
			t = none
		}
		b.states[s].steady = t
	}
	return b.states[s].steady
}

func (b *builder) uniform(s int32) int32 {
	t := b.step(s, b.p.high[0])
	for _, c := range b.p.high[1:] {
		if b.step(s, c) != t {
			return none
		}
	}
	return t
}
