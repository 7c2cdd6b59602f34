// SPDX-License-Identifier: MIT

// Package automaton turns a set of regular expressions into a few deterministic
// automata that a kernel can run: one table look-up a byte, no memory, no
// backtracking, whatever the expressions and whatever the input.
//
// The expressions are RE2's as package regexp reads them, and they mean exactly
// what they mean there: of an input Machine.Run tells the patterns for which
// regexp.MatchString would say true. That includes input that is not UTF-8,
// where a stray byte counts as U+FFFD.
//
// The way of an expression, and the files in that order:
//
//	expr.go         reads it, and says what cannot be expressed, and where
//	program.go      makes one non-deterministic program of the whole set, over
//	                classes of runes that no expression tells apart
//	decode.go       the reading of UTF-8 as an automaton of its own
//	determinize.go  subset construction over both, within a budget
//	minimize.go     merges equivalent states (Hopcroft) and bytes
//	group.go        several automata where one would burst the budget
//	blob.go         the form the kernel takes, its verifier and its interpreter
//
// Everything is deterministic: the same patterns in the same order give the
// same bytes.
package automaton

import (
	"fmt"
	"sort"
)

// Pattern is one expression of a set.
type Pattern struct {
	ID   uint32 // what an accepting state tells; unique in the set
	Expr string

	// Sole says that a match makes patterns of greater IDs irrelevant, as it
	// does when the pattern is its rule's only condition and IDs are in rule
	// order: first match wins. The automaton then need not remember which of
	// those matched as well, without which a hundred unanchored patterns would
	// mean 2^100 states.
	Sole bool
}

// Options say what a set may cost and what it reads. A limit of zero means its
// default.
type Options struct {
	Bytes    int // of all automata of the set together, as the kernel counts
	States   int // of one automaton while it is built, before it is minimised
	Automata int // every one costs a pass over the input

	// ASCII says that the input has no bytes beyond ASCII, as a request target
	// has none. Should one come all the same, it is U+FFFD by itself; so there
	// are no states inside runes, of which patterns with counts have many.
	ASCII bool
}

// Defaults of Options.
const (
	DefaultBytes    = 16 << 20
	DefaultStates   = 256 << 10
	DefaultAutomata = 64
)

func (o Options) withDefaults() Options {
	if o.Bytes == 0 {
		o.Bytes = DefaultBytes
	}
	if o.States == 0 {
		o.States = DefaultStates
	}
	if o.Automata == 0 {
		o.Automata = DefaultAutomata
	}
	return o
}

// Error says which pattern cannot be had, where in it, and what to do instead.
type Error struct {
	ID     uint32
	Expr   string
	Column int // of the culprit, from 1, in bytes; 0 = the pattern as a whole
	Msg    string
	Hint   string
}

func (e *Error) Error() string {
	s := "pattern " + Quote(e.Expr)
	if e.Column > 0 {
		s += fmt.Sprintf(", column %d", e.Column)
	}
	s += ": " + e.Msg
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Quote keeps messages of one line and of bounded length.
func Quote(s string) string {
	if len(s) > 80 {
		return fmt.Sprintf("%q...", s[:77])
	}
	return fmt.Sprintf("%q", s)
}

// Automaton is one compiled group of patterns.
type Automaton struct {
	Blob    []byte
	IDs     []uint32 // of the group's patterns, ascending
	States  int
	Classes int
}

// Compile makes the automata of a set. Each pattern is in exactly one of them.
// The error is an *Error if one pattern is to blame.
func Compile(patterns []Pattern, o Options) ([]Automaton, error) {
	o = o.withDefaults()
	ps := append([]Pattern(nil), patterns...)
	sort.SliceStable(ps, func(i, j int) bool { return ps[i].ID < ps[j].ID })
	parsed := make([]*expr, len(ps))
	for i, p := range ps {
		if i > 0 && ps[i-1].ID == p.ID {
			return nil, &Error{ID: p.ID, Expr: p.Expr, Msg: fmt.Sprintf("its ID %d is taken by %s", p.ID, Quote(ps[i-1].Expr))}
		}
		e, err := parse(p.Expr)
		if err != nil {
			err.ID = p.ID
			return nil, err
		}
		e.id, e.sole = p.ID, p.Sole
		parsed[i] = e
	}
	if len(ps) == 0 {
		return nil, nil
	}
	return group(parsed, o)
}
