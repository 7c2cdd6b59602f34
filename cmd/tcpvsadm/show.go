// SPDX-License-Identifier: MIT

// show: one table of the kernel at a time.

package main

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/config"
)

// shown is something to show: as a table, and as what JSON makes of it.
type shown struct {
	grid *grid
	json any
}

type showFunc func(s *session, c shower, name string) (*shown, error)

var showTables = map[string]showFunc{
	"services":    showServices,
	"servers":     showServers,
	"rules":       showRules,
	"connections": showConnections,
	"latency":     showLatency,
	"workers":     showWorkers,
	"schedulers":  showSchedulers,
	"settings":    showSettings,
	"info":        showInfo,
}

// showFilters are the tables that an option narrows down.
var showFilters = []struct {
	option string
	tables []string
}{
	{"ident", []string{"services", "servers", "rules", "connections", "latency"}},
	{"real-server", []string{"connections", "latency"}},
	{"client", []string{"connections"}},
}

func runShow(s *session) error {
	noun := s.opts.args[0]
	show, ok := showTables[noun]
	if !ok {
		var all []string
		for n := range showTables {
			all = append(all, n)
		}
		sort.Strings(all)
		hint := "it shows " + strings.Join(all, ", ")
		if near := config.Nearest(noun, all); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		return usagef(hint, "show: unknown table %q", noun)
	}
	for _, f := range showFilters {
		if s.opts.has(f.option) && !slices.Contains(f.tables, noun) {
			return usagef("it goes with show "+strings.Join(f.tables, ", "), "%s does not go with show %s", optionName(f.option), noun)
		}
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	name, _ := s.opts.get("ident")
	v, err := show(s, c, name)
	if err != nil {
		return err
	}
	if form, _ := s.opts.get("output"); form == "json" {
		return printJSON(s.out, v.json)
	}
	v.grid.print(s.out)
	return nil
}

func u32(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
func u64(n uint64) string { return strconv.FormatUint(n, 10) }

func showServices(s *session, c shower, name string) (*shown, error) {
	t, err := s.table(c, name, counted)
	if err != nil {
		return nil, err
	}
	g := &grid{cols: []column{left("NAME"), left("LISTEN"), left("STATE"), left("MODE"), left("SCHED"),
		right("SERVERS"), right("ACTIVE"), right("MAXCLIENTS")}}
	for i := range t.services {
		v := &t.services[i]
		most := u32(v.Limits.Connections)
		if v.Limits.Connections == 0 {
			most = ""
		}
		g.add(v.Name, s.printNames().FormatAddr(v.Listen), v.State.String(), v.Mode.String(), v.Scheduler,
			u32(v.Servers), u64(v.Stats.Active), most)
	}
	return &shown{g, map[string]any{"services": t.json(nil)}}, nil
}

func showServers(s *session, c shower, name string) (*shown, error) {
	t, err := s.table(c, name, counted)
	if err != nil {
		return nil, err
	}
	g := &grid{cols: []column{left("SERVICE"), left("ADDRESS"), left("STATE"), right("WEIGHT"),
		right("ACTIVE"), right("IDLE"), right("REQUESTS")}}
	list := []genl.Server{}
	for i := range t.services {
		for _, r := range t.servers[t.services[i].Name] {
			g.add(r.Service, s.printNames().FormatAddr(r.Address), r.State.String(), u32(r.Weight),
				u64(r.Stats.Active), u64(r.Stats.Idle), u64(r.Stats.Requests))
			list = append(list, r)
		}
	}
	return &shown{g, map[string]any{"servers": list}}, nil
}

func showRules(s *session, c shower, name string) (*shown, error) {
	t, err := s.table(c, name, counted)
	if err != nil {
		return nil, err
	}
	list, err := c.Rules(s.ctx, name)
	if err != nil && (list == nil || !errors.Is(err, genl.ErrInconsistent)) {
		return nil, cannot(err, "list the rules")
	}
	type key struct {
		service string
		id      uint32
	}
	hits := make(map[key]uint64)
	for i := range list {
		hits[key{list[i].Service, list[i].ID}] = list[i].Hits
	}
	g := &grid{cols: []column{left("SERVICE"), right("ID"), right("HITS"), left("RULE")}}
	for i := range t.services {
		service := t.services[i].Name
		for _, r := range t.rules[service] {
			g.add(service, u32(r.ID), u64(hits[key{service, r.ID}]), r.Line(s.printNames()))
		}
	}
	return &shown{g, map[string]any{"rules": list}}, nil
}

func showWorkers(s *session, c shower, _ string) (*shown, error) {
	list, err := c.Workers(s.ctx)
	if err != nil {
		return nil, cannot(err, "list the workers")
	}
	g := &grid{cols: []column{right("CPU"), right("PID"), right("CONNS"), right("ACCEPTED"), right("TAKEN"), right("GIVEN"),
		right("REQUESTS"), right("PASSES"), right("STEPS"), right("WAKEUPS"),
		right("LOG-RECORDS"), right("LOG-DROPS")}}
	for _, w := range list {
		g.add(u32(w.CPU), u32(w.PID), u64(w.Connections), u64(w.Accepted), u64(w.HandoffsIn), u64(w.HandoffsOut),
			u64(w.Requests), u64(w.Passes), u64(w.Steps), u64(w.Wakeups), u64(w.LogRecords), u64(w.LogDrops))
	}
	return &shown{g, map[string]any{"workers": list}}, nil
}

func showSchedulers(s *session, c shower, _ string) (*shown, error) {
	list, err := c.Schedulers(s.ctx)
	if err != nil {
		return nil, cannot(err, "list the schedulers")
	}
	g := &grid{cols: []column{left("NAME"), left("DESCRIPTION")}}
	for _, v := range list {
		g.add(v.Name, v.Doc)
	}
	return &shown{g, map[string]any{"schedulers": list}}, nil
}

func showSettings(s *session, c shower, _ string) (*shown, error) {
	v, err := c.Settings(s.ctx)
	if err != nil {
		return nil, cannot(err, "read the settings")
	}
	g := &grid{cols: []column{left("SETTING"), left("VALUE")}}
	g.add("max-connections", u32(v.MaxConnections))
	return &shown{g, v}, nil
}

func showInfo(s *session, c shower, _ string) (*shown, error) {
	v, err := c.Info(s.ctx)
	if err != nil {
		return nil, cannot(err, "ask the kernel")
	}
	g := &grid{cols: []column{left("ITEM"), left("VALUE")}}
	g.add("version", v.Version)
	g.add("generation", u32(v.Generation))
	g.add("services", u32(v.Services))
	g.add("servers", u32(v.Servers))
	g.add("workers", u32(v.Workers))
	g.add("connections", u32(v.Connections))
	return &shown{g, v}, nil
}
