// SPDX-License-Identifier: MIT

// The non-deterministic program of a set of patterns: the instructions of all
// of them in one array, over classes of runes instead of runes. Two runes are
// in one class if no instruction of any pattern tells them apart.

package automaton

import (
	"encoding/binary"
	"regexp/syntax"
	"sort"
	"unicode"
	"unicode/utf8"
)

type instOp uint8

const (
	opFail instOp = iota
	opRune
	opAlt
	opEmpty
	opMatch
)

// inst is an instruction; captures are followed through when it is made.
type inst struct {
	op      instOp
	empty   syntax.EmptyOp // what opEmpty asks for
	out     int32
	arg     int32      // the other way of opAlt
	pattern int32      // index of its pattern
	classes [][2]int32 // what opRune takes: ranges of classes, both ends included
}

// context is what may be known of the rune before a position.
type context uint8

const (
	ctxOther context = iota
	ctxWord
	ctxNewline
	ctxBegin
)

type program struct {
	exprs    []*expr
	insts    []inst
	start    []int32 // of each pattern
	floating []bool  // whether a match may begin anywhere
	floaters []int32 // those that are floating, ascending
	usesLine bool    // some pattern asks for (?m)^ or (?m)$
	usesWord bool    // some pattern asks for \b or \B

	bounds  []rune    // first rune of each interval, ascending, bounds[0] = 0
	class   []int32   // class of each interval
	sample  []rune    // a rune of each class
	kind    []context // what each class is as context
	errClas int32     // class of U+FFFD, which a stray byte counts as
	high    []int32   // classes with runes from U+0080 on
}

type runeSet []rune // pairs, ascending, disjoint

// key is the set as a map's key; a string of runes would lose surrogates.
func (s runeSet) key() string {
	var b []byte
	for _, r := range s {
		b = binary.NativeEndian.AppendUint32(b, uint32(r))
	}
	return string(b)
}

// newProgram joins the programs of the patterns.
func newProgram(exprs []*expr) *program {
	p := &program{exprs: exprs}
	sets := []runeSet{}
	index := map[string]int{}
	setOf := []int{} // of each instruction
	for n, e := range exprs {
		base := int32(len(p.insts))
		cond := e.prog.StartCond()
		p.start = append(p.start, base+int32(e.prog.Start))
		p.floating = append(p.floating, cond&syntax.EmptyBeginText == 0)
		if p.floating[n] {
			p.floaters = append(p.floaters, int32(n))
		}
		for i := range e.prog.Inst {
			si := &e.prog.Inst[i]
			in := inst{out: base + int32(si.Out), pattern: int32(n)}
			set := -1
			switch si.Op {
			case syntax.InstAlt, syntax.InstAltMatch:
				in.op, in.arg = opAlt, base+int32(si.Arg)
			case syntax.InstCapture, syntax.InstNop:
				in.op, in.arg = opAlt, in.out
			case syntax.InstEmptyWidth:
				in.op, in.empty = opEmpty, syntax.EmptyOp(si.Arg)
				if in.empty&(syntax.EmptyBeginLine|syntax.EmptyEndLine) != 0 {
					p.usesLine = true
				}
				if in.empty&(syntax.EmptyWordBoundary|syntax.EmptyNoWordBoundary) != 0 {
					p.usesWord = true
				}
			case syntax.InstMatch:
				in.op = opMatch
			case syntax.InstFail:
				in.op = opFail
			default:
				in.op = opRune
				rs := runesOf(si)
				key := rs.key()
				if at, ok := index[key]; ok {
					set = at
				} else {
					set = len(sets)
					index[key] = set
					sets = append(sets, rs)
				}
			}
			p.insts = append(p.insts, in)
			setOf = append(setOf, set)
		}
	}
	members := p.partition(sets)
	for i, set := range setOf {
		if set >= 0 {
			p.insts[i].classes = members[set]
		}
	}
	return p
}

// runesOf is the set of runes that an instruction takes.
func runesOf(in *syntax.Inst) runeSet {
	switch in.Op {
	case syntax.InstRuneAny:
		return runeSet{0, unicode.MaxRune}
	case syntax.InstRuneAnyNotNL:
		return runeSet{0, '\n' - 1, '\n' + 1, unicode.MaxRune}
	}
	if len(in.Rune) != 1 { // ranges, which the parser has folded and sorted
		return runeSet(in.Rune)
	}
	r := in.Rune[0]
	rs := []rune{r}
	if syntax.Flags(in.Arg)&syntax.FoldCase != 0 && in.Op == syntax.InstRune {
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			rs = append(rs, f)
		}
		sort.Slice(rs, func(i, j int) bool { return rs[i] < rs[j] })
	}
	var set runeSet
	for _, r := range rs {
		set = append(set, r, r)
	}
	return set
}

// partition cuts the runes into classes that no set and no assertion tells
// apart, and returns each set as ranges of classes.
func (p *program) partition(sets []runeSet) [][][2]int32 {
	if p.usesWord {
		sets = append(sets, runeSet{'0', '9', 'A', 'Z', '_', '_', 'a', 'z'})
	}
	if p.usesLine {
		sets = append(sets, runeSet{'\n', '\n'})
	}
	cut := map[rune]bool{0: true, utf8.RuneSelf: true}
	for _, s := range sets {
		for i := 0; i < len(s); i += 2 {
			cut[s[i]] = true
			if s[i+1] < unicode.MaxRune {
				cut[s[i+1]+1] = true
			}
		}
	}
	p.bounds = p.bounds[:0]
	for r := range cut {
		p.bounds = append(p.bounds, r)
	}
	sort.Slice(p.bounds, func(i, j int) bool { return p.bounds[i] < p.bounds[j] })

	// Refine set by set: an interval's class so far, and whether the set has
	// it, give its next class. Numbers are in order of first occurrence.
	p.class = make([]int32, len(p.bounds))
	type key struct {
		old int32
		in  bool
	}
	refine := func(has []bool) {
		next := map[key]int32{}
		for i := range p.class {
			k := key{p.class[i], has[i]}
			if _, ok := next[k]; !ok {
				next[k] = int32(len(next))
			}
			p.class[i] = next[k]
		}
	}
	has := make([]bool, len(p.bounds))
	each := func(s runeSet, do func(i int)) {
		for j := 0; j < len(s); j += 2 {
			i := sort.Search(len(p.bounds), func(i int) bool { return p.bounds[i] >= s[j] })
			for ; i < len(p.bounds) && p.bounds[i] <= s[j+1]; i++ {
				do(i)
			}
		}
	}
	for i := range has { // runes of one byte apart from those of several
		has[i] = p.bounds[i] >= utf8.RuneSelf
	}
	refine(has)
	for _, s := range sets {
		clear(has)
		each(s, func(i int) { has[i] = true })
		refine(has)
	}

	n := int32(0)
	for i, c := range p.class {
		if c == n {
			n++
			p.sample = append(p.sample, p.bounds[i])
			p.kind = append(p.kind, p.contextOf(p.bounds[i]))
			if p.bounds[i] >= utf8.RuneSelf {
				p.high = append(p.high, c)
			}
		}
	}
	p.errClas = p.classOf(utf8.RuneError)

	members := make([][][2]int32, len(sets))
	taken := make([]bool, n)
	for k, s := range sets {
		clear(taken)
		each(s, func(i int) { taken[p.class[i]] = true })
		for c := int32(0); c < n; c++ {
			if !taken[c] {
				continue
			}
			first := c
			for c+1 < n && taken[c+1] {
				c++
			}
			members[k] = append(members[k], [2]int32{first, c})
		}
	}
	return members
}

func (p *program) contextOf(r rune) context {
	switch {
	case p.usesLine && r == '\n':
		return ctxNewline
	case p.usesWord && r < utf8.RuneSelf && syntax.IsWordChar(r):
		return ctxWord
	}
	return ctxOther
}

func (p *program) classOf(r rune) int32 {
	i := sort.Search(len(p.bounds), func(i int) bool { return p.bounds[i] > r })
	return p.class[i-1]
}

// oneClass tells whether the runes lo to hi are in one interval.
func (p *program) oneClass(lo, hi rune) bool {
	i := sort.Search(len(p.bounds), func(i int) bool { return p.bounds[i] > lo })
	return i == len(p.bounds) || p.bounds[i] > hi
}

// after is what holds at a position given the rune before it; what depends on
// the rune behind it is left open.
func after(c context) syntax.EmptyOp {
	switch c {
	case ctxBegin:
		return syntax.EmptyBeginText | syntax.EmptyBeginLine
	case ctxNewline:
		return syntax.EmptyBeginLine
	}
	return 0
}

// between is all that holds at a position; next is ctxBegin at the end.
func between(prev, next context) syntax.EmptyOp {
	op := after(prev)
	switch next {
	case ctxBegin:
		op |= syntax.EmptyEndText | syntax.EmptyEndLine
	case ctxNewline:
		op |= syntax.EmptyEndLine
	}
	if (prev == ctxWord) != (next == ctxWord) {
		op |= syntax.EmptyWordBoundary
	} else {
		op |= syntax.EmptyNoWordBoundary
	}
	return op
}

// open are the assertions that the rune behind a position decides.
const open = syntax.EmptyEndText | syntax.EmptyEndLine | syntax.EmptyWordBoundary | syntax.EmptyNoWordBoundary
