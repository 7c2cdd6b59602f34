// SPDX-License-Identifier: MIT

// Tables of rules that are meant to hurt: automata and capture tables whose
// entries lead nowhere, sizes that are no sizes, pieces that come in the wrong
// order or not at all. Each must be refused with its reason when it comes, and
// keep the transaction from being committed.

package main

import (
	"fmt"
	"math/rand/v2"
	"syscall"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/spec"
)

// blob is a table by its words, each of 32 or 16 bits, so that a case can name
// what it spoils.
type blob struct {
	magic, version, states, classes, third, start, flags uint32
	class                                                [256]byte
	halves                                               []uint16
	words                                                []uint32
}

func (b *blob) bytes() []byte {
	var out []byte
	for _, w := range []uint32{b.magic, b.version, b.states, b.classes, b.third, b.start, b.flags} {
		out = order.AppendUint32(out, w)
	}
	out = append(out, b.class[:]...)
	for _, h := range b.halves {
		out = order.AppendUint16(out, h)
	}
	out = pad(out)
	for _, w := range b.words {
		out = order.AppendUint32(out, w)
	}
	return out
}

// automaton accepts what begins with "/x", expression 0: see module/dfa.h. State 0
// is dead, 1 the start; the lists begin behind the 4 words that say which state
// accepts.
func automaton() *blob {
	b := &blob{magic: 0x54445641, version: 1, states: 4, classes: 3, third: 3, start: 1,
		halves: []uint16{0, 0, 0, 0, 2, 0, 0, 0, 3, 3, 3, 3},
		words:  []uint32{0, 0, 0, 1, 0, 1, 0}}
	b.class['/'], b.class['x'] = 1, 2
	return b
}

// capture finds nothing, in one state and with one node: see module/capture.h.
func capture() *blob {
	return &blob{magic: 0x43564354, version: 1, states: 2, classes: 2, third: 2, start: 1,
		halves: []uint16{0, 1, 1, 0, 0xffff, 1, 0x4001, 0x8000}}
}

// spoilt is a blob that is wrong in one place; the reason names it.
type spoilt struct {
	name, reason string
	f            func(*blob)
}

var automata = []spoilt{
	{"another magic", "magic", func(b *blob) { b.magic++ }},
	{"another version", "version", func(b *blob) { b.version = 2 }},
	{"flags", "flags", func(b *blob) { b.flags = 1 << 31 }},
	{"no states", "states", func(b *blob) { b.states = 0 }},
	{"2^32-1 states", "", func(b *blob) { b.states = 1<<32 - 1 }},
	{"a state more than there are", "size", func(b *blob) { b.states++ }},
	{"no classes", "classes", func(b *blob) { b.classes = 0 }},
	{"257 classes", "classes", func(b *blob) { b.classes = 257 }},
	{"2^32-1 classes", "classes", func(b *blob) { b.classes = 1<<32 - 1 }},
	{"no lists", "", func(b *blob) { b.third = 0 }},
	{"2^32-1 words of lists", "size", func(b *blob) { b.third = 1<<32 - 1 }},
	{"a start that is no state", "start", func(b *blob) { b.start = 4 }},
	{"a byte of no class", "class", func(b *blob) { b.class[255] = 3 }},
	{"a transition to no state", "transition", func(b *blob) { b.halves[4] = 4 }},
	{"the last transition to state 65535", "transition", func(b *blob) { b.halves[11] = 65535 }},
	{"a way out of the dead state", "dead", func(b *blob) { b.halves[2] = 1 }},
	{"a dead state that accepts", "dead", func(b *blob) { b.words[0] = 1 }},
	{"a list behind the lists", "accept", func(b *blob) { b.words[3] = 3 }},
	{"a list at 2^32-1", "accept", func(b *blob) { b.words[3] = 1<<32 - 1 }},
	{"a list in the middle of one", "accept", func(b *blob) { b.words[3] = 2 }},
	{"an empty list that is not", "list", func(b *blob) { b.words[4] = 1 }},
	{"a list of nothing", "list", func(b *blob) { b.words[5] = 0 }},
	{"a list longer than the lists", "list", func(b *blob) { b.words[5] = 2 }},
	{"a list of 2^31 entries", "list", func(b *blob) { b.words[5] = 1 << 31 }},
	{"a list of 2^32-1 entries", "list", func(b *blob) { b.words[5] = 1<<32 - 1 }},
	{"an expression there is not", "match", func(b *blob) { b.words[6] = 1 }},
	{"expression 2^32-1", "match", func(b *blob) { b.words[6] = 1<<32 - 1 }},
	{"an expression twice", "match", func(b *blob) { b.third, b.words = 4, []uint32{0, 0, 0, 1, 0, 2, 0, 0} }},
	{"a word too many", "size", func(b *blob) { b.words = append(b.words, 0) }},
	{"a word too few", "size", func(b *blob) { b.words = b.words[:6] }},
}

var captures = []spoilt{
	{"another magic", "entry 0", func(b *blob) { b.magic++ }},
	{"another version", "entry 0", func(b *blob) { b.version = 0 }},
	{"flags", "entry 0", func(b *blob) { b.flags = 1 }},
	{"no states", "entry 0", func(b *blob) { b.states = 0 }},
	{"65536 states", "entry 0", func(b *blob) { b.states = 65536 }},
	{"2^32-1 states", "entry 0", func(b *blob) { b.states = 1<<32 - 1 }},
	{"no classes", "entry 0", func(b *blob) { b.classes = 0 }},
	{"257 classes", "entry 0", func(b *blob) { b.classes = 257 }},
	{"no nodes", "entry 0", func(b *blob) { b.third = 0 }},
	{"16384 nodes", "entry 0", func(b *blob) { b.third = 16384 }},
	{"a start that is no state", "entry 0", func(b *blob) { b.start = 2 }},
	{"a byte of no class", "entry 0", func(b *blob) { b.class[0] = 2 }},
	{"a state before that is none", "entry 3", func(b *blob) { b.halves[3] = 2 }},
	{"a step to no node", "entry 7", func(b *blob) { b.halves[7] = 2 }},
	{"a step to node 16382", "entry 6", func(b *blob) { b.halves[6] = 0x7ffe }},
	{"a word too many", "entry 0", func(b *blob) { b.words = []uint32{0} }},
	{"a half too few", "entry 0", func(b *blob) { b.halves = b.halves[:6] }},
}

// The pieces of an upload for service "web".
func rulesBegin(expressions uint32) step {
	return step{0, cmdRulesBegin, cat(web, u32(spec.ARulesExpressions, expressions)), 0, ""}
}

func piece(input genl.AutomatonInput, size uint32, data []byte) step {
	return step{0, cmdRulesAutomaton, cat(web, u32(spec.ARulesInput, uint32(input)), u32(spec.ARulesSize, size), attr(spec.ARulesData, data...)), 0, ""}
}

func more(data []byte) step {
	return step{0, cmdRulesAutomaton, cat(web, attr(spec.ARulesData, data...)), 0, ""}
}

func whole(input genl.AutomatonInput, b *blob) step {
	data := b.bytes()
	return piece(input, uint32(len(data)), data)
}

func set(id uint32, attrs ...[]byte) step {
	return step{0, cmdRulesSet, cat(web, u32(spec.ARulesSet, id), cat(attrs...)), 0, ""}
}

func ofSet(ip byte, p uint16) []byte { return nest(spec.ARulesServer, ipv4(127, 0, 0, ip), port(p)) }

func rule(id uint32, attrs ...[]byte) step {
	return step{0, cmdRulesAdd, cat(web, nest(spec.ARulesRule, cat(u32(spec.ARuleID, id), cat(attrs...)))), 0, ""}
}

func action(a genl.RuleAction) []byte { return u32(spec.ARuleAction, uint32(a)) }

func match(what genl.MatchWhat, op genl.MatchOp, attrs ...[]byte) []byte {
	return nest(spec.ARuleMatch, u32(spec.AMatchWhat, uint32(what)), u32(spec.AMatchOp, uint32(op)), cat(attrs...))
}

func regex(automaton, expression uint32) []byte {
	return match(genl.MatchWhatPath, genl.MatchOpRegex, attr(spec.AMatchValue, '/', 'x'),
		u32(spec.AMatchAutomaton, automaton), u32(spec.AMatchExpression, expression))
}

var rulesEnd = step{0, cmdRulesEnd, web, 0, ""}

// not is a step that must be refused for a reason.
func not(st step, errno syscall.Errno, reason string) step {
	st.errno, st.message = errno, reason
	return st
}

// hostile are uploads of which the last piece is refused. What comes after it in a
// transaction is the same for all.
func hostile() (list []scenario) {
	const inval = syscall.EINVAL
	add := func(name string, steps ...step) {
		steps = append([]step{{0, cmdBegin, nil, 0, ""}}, steps...)
		steps = append(steps,
			not(rule(1, action(genl.RuleActionReject)), inval, ""), // nothing goes on
			not(rulesEnd, inval, ""),
			step{0, cmdCommit, attr(txDryRun), inval, "new rules of \"web\""},
			step{0, cmdCommit, nil, inval, "new rules of \"web\""},
			step{1, cmdServiceGet, web, 0, ""},
			step{0, cmdAbort, nil, 0, ""})
		list = append(list, scenario{name: name, steps: steps})
	}
	for _, sp := range automata {
		b := automaton()
		sp.f(b)
		add("automaton with "+sp.name, rulesBegin(1), not(whole(genl.AutomatonInputPath, b), inval, "automaton 0 is wrong: "+sp.reason))
	}
	for _, sp := range captures {
		b := capture()
		sp.f(b)
		add("capture table with "+sp.name, rulesBegin(1), not(whole(genl.AutomatonInputCapturePath, b), inval, "capture table 0 is wrong, "+sp.reason))
	}
	data := automaton().bytes()
	n := uint32(len(data))
	for _, input := range []genl.AutomatonInput{genl.AutomatonInputPath, genl.AutomatonInputCapturePath} {
		for _, size := range []uint32{1<<24 + 1, 1 << 31, 1<<32 - 4, 1<<32 - 1} {
			add(fmt.Sprintf("%v of %d bytes, it says", input, size), rulesBegin(1), not(piece(input, size, data), syscall.E2BIG, "have at most"))
		}
		for _, size := range []uint32{0, 1, 27, 283} {
			add(fmt.Sprintf("%v of %d bytes", input, size), rulesBegin(1), not(piece(input, size, data[:size]), inval, "no automaton has"))
		}
		add(fmt.Sprintf("%v with more data than its size", input), rulesBegin(1), not(piece(input, n-4, data), inval, "and here are more"))
	}
	half := piece(genl.AutomatonInputPath, n, data[:n/2])
	add("two automata of 16 MiB", rulesBegin(1), piece(genl.AutomatonInputPath, n, data), not(piece(genl.AutomatonInputURI, 1<<24, data), syscall.E2BIG, "have at most"))
	add("half an automaton, then rules", rulesBegin(1), half, not(rule(1, action(genl.RuleActionReject)), inval, ""))
	add("half an automaton, then the end", rulesBegin(1), half, not(rulesEnd, inval, "is not whole"))
	add("half an automaton, then another", rulesBegin(1), half, not(half, inval, "is not whole"))
	add("an automaton, its last byte too many", rulesBegin(1), half, not(more(data[n/2-1:]), inval, "and here are more"))
	add("the second half of nothing", rulesBegin(1), not(more(data[n/2:]), inval, "data of no automaton"))
	add("more data of an automaton that is whole", rulesBegin(1), whole(genl.AutomatonInputPath, automaton()), not(more(data[:4]), inval, "data of no automaton"))
	add("an expression beyond what was begun", rulesBegin(0), not(whole(genl.AutomatonInputPath, automaton()), inval, "match"))
	add("an automaton there is not", rulesBegin(1), not(rule(1, regex(0, 0), action(genl.RuleActionReject)), inval, "rule 1"))
	add("an expression there is not", rulesBegin(1), whole(genl.AutomatonInputPath, automaton()), not(rule(1, regex(0, 1), action(genl.RuleActionReject)), inval, "rule 1"))
	add("an automaton of another input", rulesBegin(1), whole(genl.AutomatonInputURI, automaton()), not(rule(1, regex(0, 0), action(genl.RuleActionReject)), inval, "rule 1"))
	add("a set there is not", rulesBegin(0), not(rule(1, action(genl.RuleActionServers), u32(spec.ARuleSet, 3)), inval, "rule 1"))
	add("sets that descend", rulesBegin(0), set(2, ofSet(1, 81)), not(set(1, ofSet(1, 81)), inval, "numbers ascend"))
	add("a set without servers", rulesBegin(0), set(2), not(set(3), inval, "has no servers"))
	add("a set without servers at the end", rulesBegin(0), set(2), not(rulesEnd, inval, "has no servers"))
	add("a set that hashes what no capture table finds", rulesBegin(0),
		not(set(1, str(spec.ARulesScheduler, "mh"), nest(spec.ARulesHash, u32(spec.AHashKey, uint32(genl.HashKeyMatch)), u32(spec.AHashCapture, 1<<32-1), u32(spec.AHashGroup, 1))), inval, "no capture table"))
	add("a template that does not end", rulesBegin(0), not(rule(1, match(genl.MatchWhatPath, genl.MatchOpTemplate, attr(spec.AMatchValue, '/', '{', 'a')), action(genl.RuleActionReject)), inval, "rule 1"))
	// What is refused before anybody knows whose table it is spoils it too.
	badPiece := func(name string, st step) {
		add("a piece refused for "+name, rulesBegin(0), rule(1, action(genl.RuleActionReject)), st)
	}
	cut := rule(2, action(genl.RuleActionReject))
	cut.attrs = cat(web, nest(spec.ARulesRule, u32(spec.ARuleID, 2), attr(spec.ARuleAction, 1)))
	badPiece("a number of one byte", not(cut, inval, "invalid attribute length"))
	badPiece("a number out of range", not(rule(2, action(99)), syscall.ERANGE, "out of range"))
	badPiece("an unknown attribute", not(step{0, cmdRulesAdd, cat(web, attr(99)), 0, ""}, inval, "Unknown attribute type"))
	badPiece("an attribute of another piece", not(step{0, cmdRulesAdd, cat(web, u32(spec.ARulesSet, 1)), 0, ""}, inval, ""))
	badPiece("what stands there twice", not(step{0, cmdRulesAdd, cat(web, web), 0, ""}, inval, "given twice"))
	badPiece("a missing service", not(step{0, cmdRulesAdd, nil, 0, ""}, inval, "service is missing"))
	badPiece("a service that is none", not(step{0, cmdRulesAdd, other, 0, ""}, syscall.ENOENT, "no service"))
	badPiece("a beginning that is wrong", not(step{0, cmdRulesBegin, cat(web, attr(spec.ARulesExpressions, 1)), 0, ""}, inval, "invalid attribute length"))
	badPiece("an end that is wrong", not(step{0, cmdRulesEnd, cat(web, web), 0, ""}, inval, "given twice"))
	host := attr(spec.ARuleHost, []byte("a.example")...)
	add("a host in short and in long", rulesBegin(0), not(rule(1, host, match(genl.MatchWhatHost, genl.MatchOpExact, attr(spec.AMatchValue, []byte("a.example")...)), action(genl.RuleActionReject)), inval, "one host"))
	add("two paths in short", rulesBegin(0), not(rule(1, attr(spec.ARulePath, '/'), attr(spec.ARulePrefix, '/'), action(genl.RuleActionReject)), inval, "one host, one sni and one path"))
	add("a host in short, twice", rulesBegin(0), not(rule(1, host, host, action(genl.RuleActionReject)), inval, "twice"))
	add("an empty path in short", rulesBegin(0), not(rule(1, attr(spec.ARulePath), action(genl.RuleActionReject)), inval, "no path"))
	add("a template in short that does not end", rulesBegin(0), not(rule(1, attr(spec.ARuleTemplate, '/', '{', 'a'), action(genl.RuleActionReject)), inval, "no template"))
	add("a set of no rule's action", rulesBegin(0), set(1, ofSet(1, 81)), not(rule(1, host, action(genl.RuleActionReject), u32(spec.ARuleSet, 1)), inval, "a set belongs"))
	add("neither an action nor a set", rulesBegin(0), not(rule(1, host), inval, "without action"))
	add("two rules of one number", rulesBegin(0), rule(7, action(genl.RuleActionReject)), rule(7, action(genl.RuleActionReject)), not(rulesEnd, syscall.EEXIST, "the number 7"))
	return list
}

// stray are pieces where no upload is; they spoil nothing.
func stray() scenario {
	var steps []step
	for _, st := range []step{more([]byte{0}), set(1), rule(1), rulesEnd} {
		steps = append(steps, not(st, syscall.EINVAL, "begin a transaction first"))
	}
	steps = append(steps, not(rulesBegin(0), syscall.EINVAL, "begin a transaction first"), step{0, cmdBegin, nil, 0, ""})
	for _, cmd := range []uint8{cmdRulesBegin, cmdRulesAutomaton, cmdRulesSet, cmdRulesAdd, cmdRulesEnd} {
		steps = append(steps, step{0, cmd, nil, syscall.EINVAL, "service is missing"}, step{0, cmd, other, syscall.ENOENT, "no service"})
	}
	for _, st := range []step{more([]byte{0}), set(1), rule(1), rulesEnd} {
		steps = append(steps, not(st, syscall.EINVAL, "were begun"))
	}
	return scenario{name: "pieces of no upload", steps: append(steps, step{0, cmdAbort, nil, 0, ""})}
}

// many are tables of one rule, more than fit the bound of a transaction if each took
// what making it takes: the work space of a build must not stay on the account.
func many() scenario {
	steps := []step{{0, cmdBegin, nil, 0, ""}}
	for range 500 {
		steps = append(steps, rulesBegin(0), rule(1, action(genl.RuleActionReject)), rulesEnd)
	}
	return scenario{name: "500 small tables in a transaction", steps: append(steps,
		step{0, cmdCommit, attr(txDryRun), 0, ""}, step{0, cmdAbort, nil, 0, ""})}
}

// mutants uploads n automata and capture tables with words changed at random. The
// kernel may take one; it must go on, and nothing may come of it.
func mutants(r *rand.Rand, n int) (taken int, err error) {
	ss := sockets{}
	defer ss.close()
	s, err := open()
	if err != nil {
		return 0, err
	}
	ss[0] = s
	do := func(st step) (answer, error) { return s.do(st.cmd, st.attrs) }
	for range n {
		input, b := genl.AutomatonInputPath, automaton()
		if r.IntN(2) == 0 {
			input, b = genl.AutomatonInputCapturePath, capture()
		}
		data := b.bytes()
		for range 1 + r.IntN(3) {
			switch at := r.IntN(len(data)/4) * 4; r.IntN(3) {
			case 0:
				order.PutUint32(data[at:], []uint32{0, 1, 2, 3, 4, 1 << 31, 1<<32 - 1, r.Uint32()}[r.IntN(8)])
			case 1:
				data[at] ^= 1 << r.IntN(8)
			case 2:
				order.PutUint16(data[at:], uint16(r.IntN(6)))
			}
		}
		cut := 1 + r.IntN(len(data))
		steps := []step{{0, cmdBegin, nil, 0, ""}, rulesBegin(1), piece(input, uint32(len(data)), data[:cut])}
		if cut < len(data) {
			steps = append(steps, more(data[cut:]))
		}
		last := rule(1, regex(0, 0), action(genl.RuleActionReject))
		if input == genl.AutomatonInputCapturePath {
			last = set(1, str(spec.ARulesScheduler, "mh"), ofSet(1, 81), nest(spec.ARulesHash, u32(spec.AHashKey, uint32(genl.HashKeyMatch)), u32(spec.AHashCapture, 0), u32(spec.AHashGroup, 1)))
		}
		steps = append(steps, last, rulesEnd, step{0, cmdCommit, attr(txDryRun), 0, ""})
		good := true
		for _, st := range steps {
			a, err := do(st)
			if err != nil {
				return taken, err
			}
			if a.errno != 0 && a.message == "" {
				return taken, fmt.Errorf("command %d: %w without a reason", st.cmd, a.errno)
			}
			good = good && a.errno == 0
		}
		if good {
			taken++
		}
		if a, err := do(step{0, cmdAbort, nil, 0, ""}); err != nil || a.errno != 0 {
			return taken, fmt.Errorf("abort: %w, %w", a.errno, err)
		}
	}
	return taken, nil
}
