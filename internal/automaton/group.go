// SPDX-License-Identifier: MIT

// One automaton for all patterns is the fastest, and nearly always small: then
// nothing here is done. Some patterns multiply each other's states. They are
// told apart by halving the set until each part fits its share of the budget,
// a share in proportion to what its patterns need alone; then parts are joined
// again while that costs little.

package automaton

import (
	"cmp"
	"fmt"
	"slices"
)

const (
	workPerSet  = 256 << 20 // about two seconds and 1 GiB at the very most
	workPerPart = 16 << 20
	growth      = 8 // joining may cost so many times the states of the parts
)

// part is a group of patterns with its automaton.
type part struct {
	exprs []*expr
	dfa   *raw
	size  int
}

// build makes the minimised automaton of a group, or nil if it bursts.
func build(exprs []*expr, max budget) *part {
	r := determinize(exprs, max)
	if r == nil {
		return nil
	}
	r = minimize(r)
	size := r.size()
	if size > max.bytes {
		return nil
	}
	return &part{exprs: exprs, dfa: r, size: size}
}

func group(exprs []*expr, o Options) ([]Automaton, error) {
	whole := budget{bytes: o.Bytes, states: o.States, work: workPerSet, ascii: o.ASCII}
	if p := build(exprs, whole); p != nil {
		return finish([]*part{p}), nil
	}
	alone := make([]*part, len(exprs))
	sum := 0
	for i, e := range exprs {
		if alone[i] = build(exprs[i:i+1], whole); alone[i] == nil {
			return nil, &Error{ID: e.id, Expr: e.text,
				Msg:  fmt.Sprintf("its automaton alone exceeds the budget of %s", bytesText(o.Bytes)),
				Hint: "counted repetitions after something that floats multiply states; anchor it with ^ or use * for {n,m}"}
		}
		sum += alone[i].size
	}
	// Anchored patterns rarely multiply; the small ones of the others less.
	slices.SortStableFunc(alone, func(a, b *part) int {
		if c := cmp.Compare(floats(a), floats(b)); c != 0 {
			return c
		}
		return cmp.Compare(a.size, b.size)
	})
	parts := join(halve(alone, sum, o), o)

	total := 0
	largest := alone[0].exprs[0]
	most := 0
	for _, p := range alone {
		if p.size > most {
			most, largest = p.size, p.exprs[0]
		}
	}
	for _, p := range parts {
		total += p.size
	}
	blame := &Error{ID: largest.id, Expr: largest.text,
		Hint: "it is the one that needs most by itself; leave patterns out or simplify them"}
	switch {
	case total > o.Bytes:
		blame.Msg = fmt.Sprintf("with it, the automata of the %d patterns need %s of a budget of %s",
			len(exprs), bytesText(total), bytesText(o.Bytes))
		return nil, blame
	case len(parts) > o.Automata:
		blame.Msg = fmt.Sprintf("with it, the %d patterns need %d automata of at most %d",
			len(exprs), len(parts), o.Automata)
		return nil, blame
	}
	return finish(parts), nil
}

func floats(p *part) int {
	if newProgram(p.exprs).floating[0] {
		return 1
	}
	return 0
}

func bytesText(n int) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f KiB", float64(n)/1024)
}

// halve cuts the patterns into parts that fit their share. Alone, a pattern
// fits; whether all do together is for the caller to see.
func halve(alone []*part, sum int, o Options) []*part {
	if len(alone) == 1 {
		return alone
	}
	own := 0
	for _, p := range alone {
		own += p.size
	}
	share := float64(own) / float64(sum)
	max := budget{
		bytes:  int(float64(o.Bytes) * share),
		states: o.States,
		work:   int(workPerSet*share) + workPerPart,
		ascii:  o.ASCII,
	}
	if own < sum { // the whole was tried before
		if p := build(together(alone...), max); p != nil {
			return []*part{p}
		}
	}
	half := len(alone) / 2
	return append(halve(alone[:half], sum, o), halve(alone[half:], sum, o)...)
}

// together is the patterns of some parts in order of their IDs.
func together(parts ...*part) []*expr {
	var all []*expr
	for _, p := range parts {
		all = append(all, p.exprs...)
	}
	slices.SortFunc(all, func(a, b *expr) int { return cmp.Compare(a.id, b.id) })
	return all
}

// join puts parts together, the smallest first, while their automaton has not
// many more states than they have, and all stay within the budget. Every part
// less is a pass less over each input.
func join(parts []*part, o Options) []*part {
	total := 0
	for _, p := range parts {
		total += p.size
	}
	bySize := func(a, b *part) int {
		if c := cmp.Compare(a.size, b.size); c != 0 {
			return c
		}
		return cmp.Compare(a.exprs[0].id, b.exprs[0].id)
	}
	slices.SortFunc(parts, bySize)
	for tries := 4 * len(parts); tries > 0; {
		joined := false
	pairs:
		for i := range parts {
			for j := i + 1; j < len(parts) && tries > 0; j++ {
				a, b := parts[i], parts[j]
				tries--
				p := build(together(a, b), budget{
					bytes:  o.Bytes - total + a.size + b.size,
					states: min(o.States, growth*(a.dfa.states()+b.dfa.states())),
					work:   workPerPart,
					ascii:  o.ASCII,
				})
				if p == nil {
					continue
				}
				total += p.size - a.size - b.size
				parts = slices.Delete(parts, j, j+1)
				parts = slices.Delete(parts, i, i+1)
				parts = append(parts, p)
				slices.SortFunc(parts, bySize)
				joined = true
				break pairs
			}
		}
		if !joined {
			break
		}
	}
	return parts
}

// finish makes the blobs, in order of their first patterns.
func finish(parts []*part) []Automaton {
	slices.SortFunc(parts, func(a, b *part) int { return cmp.Compare(a.exprs[0].id, b.exprs[0].id) })
	var out []Automaton
	for _, p := range parts {
		a := Automaton{Blob: marshal(p.dfa, p.exprs), States: p.dfa.states(), Classes: p.dfa.classes}
		for _, e := range p.exprs {
			a.IDs = append(a.IDs, e.id)
		}
		out = append(out, a)
	}
	return out
}
