// SPDX-License-Identifier: MIT

// Minimisation by Hopcroft's algorithm. States that cannot reach acceptance are
// merged with the dead state first; after that the dead state differs from
// every other, and neither it nor the transitions into it, which are most of
// them for anchored patterns, need to be looked at: if two states agree on
// which bytes lead into each living block, they agree on the rest.

package automaton

import "encoding/binary"

// minimize returns the smallest automaton that tells the same, with as few
// classes of bytes, its states numbered breadth first.
func minimize(r *raw) *raw {
	r = mergeClasses(r)
	block := partition(r, alive(r))
	return mergeClasses(quotient(r, block))
}

// mergeClasses makes one of the classes that lead to the same states.
func mergeClasses(r *raw) *raw {
	k, n := r.classes, r.states()
	// Refine the classes state by state: at most 256 of them, so that a pass
	// over the table is all it costs.
	group := make([]int, k)
	groups := 1
	all, met := make([]int32, k), make([]bool, k)
	for s := 0; s < n && groups < k; s++ {
		row := r.trans[s*k : s*k+k]
		first, seen := all[:groups], met[:groups]
		clear(seen)
		split := false
		for c, g := range group {
			if !seen[g] {
				seen[g], first[g] = true, row[c]
			} else if first[g] != row[c] {
				split = true
				break
			}
		}
		if !split {
			continue
		}
		type key struct {
			group int
			to    int32
		}
		next := map[key]int{}
		for c, g := range group {
			id, ok := next[key{g, row[c]}]
			if !ok {
				id = len(next)
				next[key{g, row[c]}] = id
			}
			group[c] = id
		}
		groups = len(next)
	}

	if groups == k {
		return r // classes are numbered by their first byte already
	}

	// Number them by their first byte.
	out := &raw{accept: r.accept, lists: r.lists, start: r.start}
	number := make([]int, groups)
	for i := range number {
		number[i] = -1
	}
	var sample []int
	for b := range r.class {
		g := group[r.class[b]]
		if number[g] < 0 {
			number[g] = len(sample)
			sample = append(sample, int(r.class[b]))
		}
		out.class[b] = uint8(number[g])
	}
	out.classes = len(sample)
	out.trans = make([]int32, 0, n*out.classes)
	for s := 0; s < n; s++ {
		for _, c := range sample {
			out.trans = append(out.trans, r.trans[s*k+c])
		}
	}
	return out
}

// alive tells which states can reach acceptance.
func alive(r *raw) []bool {
	n, k := r.states(), r.classes
	// Nobody asks what leads into the dead state, which is most of it all.
	degree := make([]int32, n+1)
	for _, t := range r.trans {
		if t != 0 {
			degree[t+1]++
		}
	}
	for i := 0; i < n; i++ {
		degree[i+1] += degree[i]
	}
	from := make([]int32, degree[n])
	at := append([]int32(nil), degree[:n]...)
	for s := range n {
		for _, t := range r.trans[s*k : s*k+k] {
			if t != 0 {
				from[at[t]] = int32(s)
				at[t]++
			}
		}
	}
	live := make([]bool, n)
	var stack []int32
	for s, a := range r.accept {
		if a != 0 {
			live[s] = true
			stack = append(stack, int32(s))
		}
	}
	for len(stack) > 0 {
		s := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, f := range from[degree[s]:degree[s+1]] {
			if !live[f] {
				live[f] = true
				stack = append(stack, f)
			}
		}
	}
	return live
}

// blocks is a partition of states 0..n-1 that can be refined in place.
type blocks struct {
	order []int32 // the states, those of a block together
	place []int32 // of each state in order
	block []int32 // of each state
	begin []int32 // of each block in order
	end   []int32
	split []int32 // end of the part that is marked, from begin
}

func (p *blocks) add(begin, end int32) int32 {
	p.begin = append(p.begin, begin)
	p.end = append(p.end, end)
	p.split = append(p.split, begin)
	return int32(len(p.begin) - 1)
}

// mark moves a state into the marked part of its block, and tells whether it is
// the first there.
func (p *blocks) mark(s int32) (first bool) {
	b, at := p.block[s], p.place[s]
	to := p.split[b]
	if at < to {
		return false
	}
	other := p.order[to]
	p.order[at], p.order[to] = other, s
	p.place[other], p.place[s] = at, to
	p.split[b]++
	return to == p.begin[b]
}

// cut separates the marked part of a block from the rest. It returns the new
// block, the smaller of the two parts, or -1 if all are marked.
func (p *blocks) cut(b int32) int32 {
	begin, at, end := p.begin[b], p.split[b], p.end[b]
	p.split[b] = begin
	if at == end {
		return -1
	}
	var n int32
	if at-begin <= end-at {
		n = p.add(begin, at)
		p.begin[b], p.split[b] = at, at
	} else {
		n = p.add(at, end)
		p.end[b] = at
	}
	for _, s := range p.order[p.begin[n]:p.end[n]] {
		p.block[s] = n
	}
	return n
}

// partition returns the block of equivalent states that each state is in, -1
// for the dead ones.
func partition(r *raw, live []bool) []int32 {
	n, k := int32(r.states()), r.classes

	// Living states by what they accept, each list a block.
	byList := make([][]int32, len(r.lists))
	for s := int32(0); s < n; s++ {
		if live[s] {
			byList[r.accept[s]] = append(byList[r.accept[s]], s)
		}
	}
	p := &blocks{place: make([]int32, n), block: make([]int32, n)}
	for i := range p.block {
		p.block[i] = -1
	}
	for _, states := range byList {
		if len(states) == 0 {
			continue
		}
		begin := int32(len(p.order))
		p.order = append(p.order, states...)
		b := p.add(begin, int32(len(p.order)))
		for i, s := range states {
			p.place[s], p.block[s] = begin+int32(i), b
		}
	}

	// The transitions into each living state, grouped by state.
	into := make([]int32, n+1)
	for s := range n {
		if !live[s] {
			continue
		}
		for _, t := range r.trans[int(s)*k : int(s)*k+k] {
			if live[t] {
				into[t+1]++
			}
		}
	}
	for i := int32(0); i < n; i++ {
		into[i+1] += into[i]
	}
	source := make([]int32, into[n])
	label := make([]uint8, into[n])
	at := append([]int32(nil), into[:n]...)
	for s := range n {
		if !live[s] {
			continue
		}
		for c, t := range r.trans[int(s)*k : int(s)*k+k] {
			if live[t] {
				source[at[t]], label[at[t]] = s, uint8(c)
				at[t]++
			}
		}
	}

	// A splitter is taken off with all its states, then cuts class by class;
	// that it is cut itself meanwhile does no harm, the list has its part.
	var todo []int32
	for b := range p.begin {
		todo = append(todo, int32(b))
	}
	bucket := make([][]int32, k)
	var touched []int32
	for len(todo) > 0 {
		b := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for c := range bucket {
			bucket[c] = bucket[c][:0]
		}
		for _, s := range p.order[p.begin[b]:p.end[b]] {
			for i := into[s]; i < into[s+1]; i++ {
				bucket[label[i]] = append(bucket[label[i]], source[i])
			}
		}
		for c := range bucket {
			touched = touched[:0]
			for _, s := range bucket[c] {
				if p.mark(s) {
					touched = append(touched, p.block[s])
				}
			}
			for _, t := range touched {
				if cut := p.cut(t); cut >= 0 {
					// The smaller part suffices. If the whole is still
					// to do, its rest keeps that place.
					todo = append(todo, cut)
				}
			}
		}
	}
	return p.block
}

// quotient makes one state of each block, 0 of the dead, and numbers the rest
// breadth first from the start, and the lists in order of their first state.
func quotient(r *raw, block []int32) *raw {
	k := r.classes
	out := &raw{class: r.class, classes: k, accept: []int32{0}, lists: [][]int32{nil}}
	most := int32(-1)
	for _, b := range block {
		most = max(most, b)
	}
	out.trans = make([]int32, k, (int(most)+2)*k)
	number := make([]int32, len(block)) // by block; 0: none yet
	var sample []int32                  // a state of each block, by number
	sample = append(sample, 0)
	get := func(s int32) int32 {
		b := block[s]
		if b < 0 {
			return 0
		}
		if number[b] == 0 {
			number[b] = int32(len(sample))
			sample = append(sample, s)
		}
		return number[b]
	}
	lists := map[string]int32{"": 0}
	out.start = get(r.start)
	var key []byte
	for n := 1; n < len(sample); n++ {
		s := sample[n]
		for c := 0; c < k; c++ {
			out.trans = append(out.trans, get(r.trans[int(s)*k+c]))
		}
		key = key[:0]
		list := r.lists[r.accept[s]]
		for _, v := range list {
			key = binary.NativeEndian.AppendUint32(key, uint32(v))
		}
		l, ok := lists[string(key)]
		if !ok {
			l = int32(len(out.lists))
			lists[string(key)] = l
			out.lists = append(out.lists, list)
		}
		out.accept = append(out.accept, l)
	}
	return out
}
