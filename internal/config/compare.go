// SPDX-License-Identifier: MIT

// Two tables side by side, for people and for programs: what a plan will do,
// step by step, and the same as lines of a configuration file with - and +.
// Both follow from the items of a block, those that are printed.

package config

import (
	"fmt"
	"io"
	"strings"
)

// Field is one key that differs.
type Field struct {
	Key  string `json:"key"`
	From string `json:"from,omitempty"` // empty: nothing
	To   string `json:"to,omitempty"`
}

// FieldsString writes fields for people: "retries 3 -> 5, mode http".
func FieldsString(fields []Field) string {
	var b strings.Builder
	for i, f := range fields {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(f.Key + " ")
		if f.From != "" {
			b.WriteString(f.From + " -> ")
		}
		b.WriteString(f.To)
	}
	return b.String()
}

// Fields tells what makes s of old, servers aside; of nil, all that is said of
// s.
func (s *Service) Fields(old *Service, names *Names) []Field {
	var a []item
	if old != nil {
		a = old.items(names)
	}
	return fields(match(a, s.items(names)))
}

// fields leaves out what nobody said.
func fields(pairs []pair) []Field {
	var list []Field
	for _, p := range pairs {
		switch {
		case p.new == nil && p.old.place != 0:
			list = append(list, Field{p.old.key, p.old.value, "none"})
		case p.new == nil || p.new.server || p.old == nil && p.new.implied:
		case p.old == nil:
			list = append(list, Field{p.new.key, "", p.new.value})
		default:
			list = append(list, Field{p.new.key, p.old.value, p.new.value})
		}
	}
	return list
}

// The actions of a step.
const (
	StepAdd    = "add"
	StepChange = "change"
	StepAnew   = "make-anew" // deleted and added, since it cannot change while it runs
	StepDelete = "delete"
)

// Step is one thing that a plan does: to a server, to a service, or, without a
// service, to the settings of the namespace.
type Step struct {
	Action  string  `json:"action"`
	Service string  `json:"service,omitempty"`
	Server  string  `json:"server,omitempty"`
	Fields  []Field `json:"fields,omitempty"`
	// Resets tells that connections are reset.
	Resets bool `json:"resets,omitempty"`
	// Restarts tells that the service is started afterwards.
	Restarts bool `json:"restarts,omitempty"`
}

func (s *Step) String() string {
	var b strings.Builder
	switch {
	case s.Service == "":
		b.WriteString("change the settings of the namespace")
	case s.Server == "" && s.Action == StepAnew:
		fmt.Fprintf(&b, "make service %q anew", s.Service)
	case s.Server == "":
		fmt.Fprintf(&b, "%s service %q", s.Action, s.Service)
	case s.Action == StepAdd:
		fmt.Fprintf(&b, "add server %s to service %q", s.Server, s.Service)
	default:
		fmt.Fprintf(&b, "%s server %s of service %q", s.Action, s.Server, s.Service)
	}
	if len(s.Fields) > 0 {
		b.WriteString(": " + FieldsString(s.Fields))
	}
	switch {
	case s.Resets && s.Restarts:
		b.WriteString(" (its connections are reset, its counters begin at 0)")
	case s.Resets:
		b.WriteString(" (its connections are reset)")
	case s.Action == StepAdd && s.Server == "":
		b.WriteString(" (stopped)")
	}
	return b.String()
}

// pair is an item of two blocks; nil is in one of them only.
type pair struct{ old, new *item }

// match puts items of two blocks side by side, in the order of the old one and
// then of the new one, and leaves out what is the same.
func match(old, new []item) []pair {
	key := func(it *item) string {
		if it.server {
			return it.key + " " + it.value
		}
		if it.place != 0 {
			return fmt.Sprint(it.key, " ", it.place)
		}
		return it.key
	}
	later := make(map[string]*item, len(new))
	for i := range new {
		later[key(&new[i])] = &new[i]
	}
	var pairs []pair
	seen := make(map[string]bool, len(old))
	for i := range old {
		o := &old[i]
		seen[key(o)] = true
		n := later[key(o)]
		if n == nil && o.secret {
			continue // whoever does not name it keeps it
		}
		if n == nil || *n != *o {
			pairs = append(pairs, pair{o, n})
		}
	}
	for i := range new {
		if !seen[key(&new[i])] {
			pairs = append(pairs, pair{nil, &new[i]})
		}
	}
	return pairs
}

// steps tells what makes of one service another; nil is none.
func steps(old *State, new *Service, names *Names) []Step {
	var a, b []item
	main := Step{Action: StepChange}
	if new != nil {
		b = new.items(names)
		main.Service = new.Name
	}
	if old != nil {
		a = old.items(names)
		main.Service = old.Name
	}
	switch {
	case new == nil:
		main.Action, main.Resets = StepDelete, old.Listening
		return []Step{main}
	case old == nil:
		main.Action = StepAdd
	case old.anew(new):
		main.Action, main.Resets, main.Restarts = StepAnew, true, old.Running
	}
	var servers []Step
	pairs := match(a, b)
	main.Fields = fields(pairs)
	for _, pair := range pairs {
		o, n := pair.old, pair.new
		switch {
		case n != nil && n.server:
			s := Step{Action: StepAdd, Service: main.Service, Server: n.value, Fields: []Field{{"weight", "", n.detail}}}
			if o != nil {
				s.Action, s.Fields[0].From = StepChange, o.detail
			}
			servers = append(servers, s)
		case o != nil && o.server:
			servers = append(servers, Step{Action: StepDelete, Service: main.Service, Server: o.value})
		}
	}
	if main.Action == StepChange && len(main.Fields) == 0 {
		return servers
	}
	return append([]Step{main}, servers...)
}

// Steps tells what the plan does to the table it was made for, each service
// where the plan comes to it first.
func (p *Plan) Steps(now Present, want *Config, names *Names) []Step {
	var list []Step
	olds := make(map[string]*State, len(now.Services))
	for i := range now.Services {
		olds[now.Services[i].Name] = &now.Services[i]
	}
	news := make(map[string]*Service, len(want.Services))
	for i := range want.Services {
		news[want.Services[i].Name] = &want.Services[i]
	}
	told := make(map[string]bool)
	for _, op := range p.Ops {
		if name := op.Service.Name; !told[name] {
			told[name] = true
			list = append(list, steps(olds[name], news[name], names)...)
		}
	}
	if p.Settings != nil {
		s := Step{Action: StepChange}
		for _, pair := range match(now.Settings.items(), p.Settings.items()) {
			s.Fields = append(s.Fields, Field{pair.old.key, pair.old.value, pair.new.value})
		}
		list = append(list, s)
	}
	return list
}

// PrintDiff writes the difference of two tables as lines of a configuration
// file: - is in the first, + in the second alone. Blocks that are the same are
// left out, and within a block every key that is. It tells whether there was
// any difference.
func PrintDiff(w io.Writer, from, to *Config, names *Names) (bool, error) {
	var b strings.Builder
	block := func(head string, sign byte, pairs []pair) {
		fmt.Fprintf(&b, "%c%s\n", sign, head)
		for _, p := range pairs {
			if p.old != nil && !p.old.implied {
				fmt.Fprintf(&b, "-    %s\n", p.old)
			}
			if p.new != nil && !p.new.implied {
				fmt.Fprintf(&b, "+    %s\n", p.new)
			}
		}
		fmt.Fprintf(&b, "%c}\n", sign)
	}
	if from.Settings != to.Settings {
		block(settingsHead, ' ', match(from.Settings.items(), to.Settings.items()))
	}
	news := make(map[string]*Service, len(to.Services))
	for i := range to.Services {
		news[to.Services[i].Name] = &to.Services[i]
	}
	olds := make(map[string]bool, len(from.Services))
	for i := range from.Services {
		o := &from.Services[i]
		olds[o.Name] = true
		n := news[o.Name]
		if n == nil {
			block(o.head(), '-', match(o.items(names), nil))
		} else if pairs := match(o.items(names), n.items(names)); len(pairs) > 0 {
			block(o.head(), ' ', pairs)
		}
	}
	for i := range to.Services {
		if n := &to.Services[i]; !olds[n.Name] {
			block(n.head(), '+', match(nil, n.items(names)))
		}
	}
	_, err := io.WriteString(w, b.String())
	return b.Len() > 0, err
}
