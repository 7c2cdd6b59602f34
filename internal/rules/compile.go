// SPDX-License-Identifier: MIT

// The automata of a table. Every regular expression of the table has a number,
// counted in rule order, which is what its automaton tells. Expressions that
// see the same text share automata: those on the path, those on path?query, and
// those on the headers, cookies or parameters of one name.

package rules

import (
	"errors"
	"slices"

	"github.com/ktcpvs/ktcpvs/internal/automaton"
)

// SubjectKind is the sort of text that an automaton reads.
type SubjectKind uint8

// The sorts.
const (
	OnPath SubjectKind = iota
	OnURI
	OnHeader
	OnCookie
	OnQuery
)

// Subject is the text that an automaton reads.
type Subject struct {
	Kind SubjectKind
	Name string // of the header (in lower case), cookie or parameter
}

// Condition is where a numbered expression stands.
type Condition struct {
	Rule    int // index in the table
	Subject Subject
	Expr    string
}

// Program is the automata of one subject.
type Program struct {
	Subject  Subject
	Automata []automaton.Automaton
}

// Compiled is what the expressions of a table became.
type Compiled struct {
	Conditions []Condition // by number
	Programs   []Program   // in order of their first expression
}

// Bytes is what the kernel charges to the table's budget.
func (c *Compiled) Bytes() int {
	n := 0
	for _, p := range c.Programs {
		for _, a := range p.Automata {
			n += len(a.Blob)
		}
	}
	return n
}

// Compile makes the automata of a table that Check has passed.
func (t Table) Compile(o automaton.Options) (*Compiled, error) { return Compile(t, o) }

// Compile makes the automata of a table that Check has passed. The budget is
// for all of them together.
func Compile(l List, o automaton.Options) (*Compiled, error) {
	if o.Bytes == 0 {
		o.Bytes = automaton.DefaultBytes
	}
	c := &Compiled{}
	sets := map[Subject][]automaton.Pattern{}
	var subjects []Subject
	add := func(rule int, s Subject, expr string) {
		if sets[s] == nil {
			subjects = append(subjects, s)
		}
		sets[s] = append(sets[s], automaton.Pattern{
			ID:   uint32(len(c.Conditions)),
			Expr: expr,
			Sole: l.At(rule).Match.Conditions() == 1,
		})
		c.Conditions = append(c.Conditions, Condition{rule, s, expr})
	}
	for i := range l.Len() {
		m := &l.At(i).Match
		if m.Path.Kind == Regex {
			s := Subject{Kind: OnPath}
			if m.Path.URI {
				s.Kind = OnURI
			}
			add(i, s, m.Path.Value)
		}
		if len(m.Headers)+len(m.Cookies)+len(m.Query) == 0 {
			continue
		}
		for _, of := range []struct {
			kind   SubjectKind
			fields []Field
		}{{OnHeader, m.Headers}, {OnCookie, m.Cookies}, {OnQuery, m.Query}} {
			for _, f := range of.fields {
				if f.Kind != Regex {
					continue
				}
				name := f.Name
				if of.kind == OnHeader {
					name = lower(name)
				}
				add(i, Subject{of.kind, name}, f.Value)
			}
		}
	}
	left := o.Bytes
	for _, s := range subjects {
		// Targets are ASCII, the parser sees to it; fields need not be.
		o.Bytes, o.ASCII = left, s.Kind == OnPath || s.Kind == OnURI || s.Kind == OnQuery
		as, err := automaton.Compile(sets[s], o)
		if err != nil {
			return nil, blame(l, c, err)
		}
		for _, a := range as {
			left -= len(a.Blob)
		}
		c.Programs = append(c.Programs, Program{s, as})
	}
	return c, nil
}

// Blame makes an error name the rule at fault, by its index.
func Blame(index int, r *Rule, field string, err error) error {
	e := wrap(field, err)
	e.Index, e.Name = index, r.Name
	return e
}

// blame names the rule of the expression that an automaton's error names.
func blame(l List, c *Compiled, err error) error {
	var ae *automaton.Error
	if !errors.As(err, &ae) || int(ae.ID) >= len(c.Conditions) {
		return err
	}
	cond := c.Conditions[ae.ID]
	e := wrap(subjectNames[cond.Subject.Kind], err)
	e.Index, e.Name = cond.Rule, l.At(cond.Rule).Name
	return e
}

var subjectNames = [...]string{"path", "path", "header", "cookie", "query"}

// Conditions counts what must hold for the rule to match.
func (m *Match) Conditions() int {
	n := len(m.Headers) + len(m.Cookies) + len(m.Query)
	for _, asked := range []bool{m.Host != "", m.Path.Kind != None, len(m.Methods) > 0, len(m.Sources) > 0, m.SNI != "", len(m.ALPN) > 0} {
		if asked {
			n++
		}
	}
	return n
}

// Runner finds rules by the automata of a table, as the kernel does, and by the
// reference for everything that is no expression. It holds the two against each
// other in tests and for those who want to know what a table would do.
type Runner struct {
	table    Table
	compiled *Compiled
	machines [][]*automaton.Machine // of each program
}

// NewRunner verifies the automata as the kernel does.
func NewRunner(t Table, c *Compiled) (*Runner, error) {
	r := &Runner{table: t, compiled: c}
	for _, p := range c.Programs {
		var ms []*automaton.Machine
		for _, a := range p.Automata {
			m, err := automaton.Verify(a.Blob, uint64(len(c.Conditions)))
			if err != nil {
				return nil, err
			}
			ms = append(ms, m)
		}
		r.machines = append(r.machines, ms)
	}
	return r, nil
}

// Lookup is Table.Lookup with every expression decided by its automaton.
func (r *Runner) Lookup(req *Request) int {
	holds := make([]bool, len(r.compiled.Conditions))
	for i, p := range r.compiled.Programs {
		var inputs []string
		switch p.Subject.Kind {
		case OnPath:
			inputs = []string{req.Path}
		case OnURI:
			inputs = []string{req.URI()}
		case OnHeader:
			inputs = req.header(p.Subject.Name)
		case OnCookie:
			inputs = req.cookie(p.Subject.Name)
		case OnQuery:
			inputs = req.parameter(p.Subject.Name)
		}
		for _, m := range r.machines[i] {
			for _, in := range inputs {
				for _, id := range m.Run(in) {
					holds[id] = true
				}
			}
		}
	}
	next := 0 // condition
	for i := range r.table {
		met := true
		for ; next < len(holds) && r.compiled.Conditions[next].Rule == i; next++ {
			met = met && holds[next]
		}
		if met && r.table[i].Match.literal().Matches(req) {
			return i
		}
	}
	return -1
}

// literal is the match without its expressions.
func (m *Match) literal() *Match {
	l := *m
	if l.Path.Kind == Regex {
		l.Path = Path{}
	}
	for _, f := range []*[]Field{&l.Headers, &l.Cookies, &l.Query} {
		*f = slices.DeleteFunc(slices.Clone(*f), func(f Field) bool { return f.Kind == Regex })
	}
	return &l
}
