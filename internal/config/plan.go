// SPDX-License-Identifier: MIT

// The difference between two tables, as the operations of one transaction.
//
// The kernel checks each operation as it is staged and the whole table at the
// commit: who holds which address is of the whole table, so services may
// exchange theirs. What a running service cannot change in place (where it
// listens, its mode) deletes it and makes it anew in the same transaction, to
// be started again after the commit. A stopped one keeps its counters through
// any change.

package config

import (
	"fmt"
	"net/netip"
	"slices"
)

// Present is the table as it is.
type Present struct {
	Settings Settings
	Services []State
}

// State is what a service of the present table does.
type State struct {
	Service
	Listening bool // it runs or drains
	Running   bool // it runs: whoever makes it anew starts it again
}

// anew tells whether a service cannot become w while it runs.
func (h *State) anew(w *Service) bool {
	return h.Listening && (w.Listen != h.Listen || w.Mode != h.Mode)
}

// OpKind is what an operation does.
type OpKind uint8

// The kinds of operations.
const (
	DeleteService OpKind = iota
	SetService
	NewServiceOp
	DeleteServer
	SetServer
	NewServerOp
	SetRules
)

// Op is one operation. Service is the service as it shall be; a SetService
// sends only the fields that Change names.
type Op struct {
	Kind    OpKind
	Service *Service
	Server  Server
	Change  Change
}

// Change names the fields of a service that differ.
type Change struct {
	Mode, Scheduler, Listen bool
	Trusted, Redirect, Hash bool
	Cookie                  bool
	Settings                []Setting
}

// Any tells whether anything differs.
func (c Change) Any() bool {
	return c.Mode || c.Scheduler || c.Listen || c.Trusted || c.Redirect || c.Hash || c.Cookie || len(c.Settings) > 0
}

func (o Op) String() string {
	switch o.Kind {
	case DeleteService:
		return fmt.Sprintf("delete service %q", o.Service.Name)
	case SetService:
		return fmt.Sprintf("change service %q", o.Service.Name)
	case NewServiceOp:
		return fmt.Sprintf("add service %q", o.Service.Name)
	case DeleteServer:
		return fmt.Sprintf("delete server %s of service %q", o.Server.Addr, o.Service.Name)
	case SetRules:
		return fmt.Sprintf("change the rules of service %q", o.Service.Name)
	case SetServer:
		return fmt.Sprintf("change server %s of service %q", o.Server.Addr, o.Service.Name)
	default:
		return fmt.Sprintf("add server %s to service %q", o.Server.Addr, o.Service.Name)
	}
}

// Plan is how one table becomes another.
type Plan struct {
	Ops []Op
	// Restart names the services that run and are made anew: they lose
	// their connections and counters and must be started again.
	Restart []string
	// Settings are those of the namespace if they change. They are no part
	// of the transaction and follow it.
	Settings *Settings
}

// Empty tells whether nothing changes.
func (p *Plan) Empty() bool { return len(p.Ops) == 0 && p.Settings == nil }

// Diff computes the plan that turns the table now into the table want.
func Diff(now Present, want *Config) Plan {
	var p Plan
	if now.Settings != want.Settings {
		p.Settings = &want.Settings
	}
	have := now.Services
	wanted := make(map[string]*Service, len(want.Services))
	for i := range want.Services {
		wanted[want.Services[i].Name] = &want.Services[i]
	}
	present := make(map[string]*State, len(have))
	for i := range have {
		h := &have[i]
		present[h.Name] = h
	}

	// Deletions, in the order of the present table.
	anew := make(map[string]bool)
	for i := range have {
		h := &have[i]
		w := wanted[h.Name]
		if w == nil {
			p.Ops = append(p.Ops, Op{Kind: DeleteService, Service: &h.Service})
			continue
		}
		if h.anew(w) {
			anew[h.Name] = true
			p.Ops = append(p.Ops, Op{Kind: DeleteService, Service: &h.Service})
			if h.Running {
				p.Restart = append(p.Restart, h.Name)
			}
		}
	}
	// Changes, then what is new, each in the order of the wanted table.
	for i := range want.Services {
		w := &want.Services[i]
		if h := present[w.Name]; h != nil && !anew[w.Name] {
			p.change(h, w)
		}
	}
	for i := range want.Services {
		w := &want.Services[i]
		if present[w.Name] != nil && !anew[w.Name] {
			continue
		}
		p.Ops = append(p.Ops, Op{Kind: NewServiceOp, Service: w})
		for _, s := range w.Servers {
			p.Ops = append(p.Ops, Op{Kind: NewServerOp, Service: w, Server: s})
		}
		if len(w.Rules) > 0 {
			numberRules(nil, w.Rules)
			p.Ops = append(p.Ops, Op{Kind: SetRules, Service: w})
		}
	}
	return p
}

// change plans what a service that stays becomes.
func (p *Plan) change(h *State, w *Service) {
	c := Change{
		Mode:      h.Mode != w.Mode,
		Scheduler: h.Scheduler != w.Scheduler,
		Listen:    h.Listen != w.Listen,
		Trusted:   !slices.Equal(h.Trusted, w.Trusted),
		Redirect:  h.Redirect != w.Redirect,
		Hash:      h.Hash != w.Hash,
		Cookie:    !h.Cookie.keeps(&w.Cookie),
	}
	for s := range w.Settings {
		if w.Settings[s] != h.Settings[s] {
			c.Settings = append(c.Settings, Setting(s))
		}
	}
	if c.Any() {
		p.Ops = append(p.Ops, Op{Kind: SetService, Service: w, Change: c})
	}

	old := make(map[netip.AddrPort]uint32, len(h.Servers))
	for _, s := range h.Servers {
		old[s.Addr] = s.Weight
	}
	keep := make(map[netip.AddrPort]bool, len(w.Servers))
	for _, s := range w.Servers {
		keep[s.Addr] = true
	}
	for _, s := range h.Servers {
		if !keep[s.Addr] {
			p.Ops = append(p.Ops, Op{Kind: DeleteServer, Service: w, Server: s})
		}
	}
	for _, s := range w.Servers {
		weight, ok := old[s.Addr]
		switch {
		case !ok:
			p.Ops = append(p.Ops, Op{Kind: NewServerOp, Service: w, Server: s})
		case weight != s.Weight:
			p.Ops = append(p.Ops, Op{Kind: SetServer, Service: w, Server: s})
		}
	}
	numberRules(h.Rules, w.Rules)
	if !sameRules(h.Rules, w.Rules) {
		p.Ops = append(p.Ops, Op{Kind: SetRules, Service: w})
	}
}
