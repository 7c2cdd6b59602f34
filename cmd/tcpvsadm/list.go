// SPDX-License-Identifier: MIT

// Listing: -L in the configuration grammar, as counters, or as JSON.

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/config"
)

// listing is how the counters shall be listed.
type listing struct {
	sortBy   int // a column, or -1
	interval time.Duration
}

func (s *session) listing() (*listing, error) {
	l := &listing{sortBy: -1, interval: time.Second}
	counts := s.opts.has("stats") || s.opts.has("rate")
	form, _ := s.opts.get("output")
	if s.opts.has("stats") && s.opts.has("rate") {
		return nil, usagef("--stats counts from the beginning, --rate in a second", "--stats and --rate are two tables")
	}
	if text, ok := s.opts.get("sort"); ok {
		if !counts || form == "json" {
			return nil, usagef("it goes with --stats and --rate as text", "--sort sorts no such listing")
		}
		var err error
		if l.sortBy, err = sortColumn(text); err != nil {
			return nil, err
		}
	}
	if text, ok := s.opts.get("interval"); ok {
		if !s.opts.has("rate") {
			return nil, usagef("it goes with --rate", "--interval without --rate")
		}
		ms, err := config.SettingInfo{Key: "interval", Kind: config.Duration, Min: 10, Max: 3600000}.Parse(text)
		if err != nil {
			return nil, badValue("interval", err)
		}
		l.interval = time.Duration(ms) * time.Millisecond
	}
	return l, nil
}

func runList(s *session) error {
	l, err := s.listing()
	if err != nil {
		return err
	}
	name, _ := s.opts.get("ident")
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	keepsAll()
	form, _ := s.opts.get("output")
	d := detail(form == "json" || s.opts.has("stats") || s.opts.has("rate"))
	t, err := s.table(c, name, d)
	if err != nil {
		return err
	}
	var r *rates
	if s.opts.has("rate") {
		begin := s.now()
		s.sleep(l.interval)
		before := t
		if t, err = s.table(c, name, d); err != nil {
			return err
		}
		r = t.since(before, s.now().Sub(begin))
	}
	switch {
	case form == "json":
		return t.printJSON(s.out, r)
	case s.opts.has("stats") || r != nil:
		t.printStats(s.out, s.printNames(), s.opts.has("exact"), r, l.sortBy)
		return nil
	}
	return config.Print(s.out, t.config(), s.printNames())
}

// table reads the table to show it. One that changed while it was read is
// shown all the same, and said to be so.
func (s *session) table(c wholeReader, name string, d detail) (*table, error) {
	t, err := s.read(c, name, d)
	if t != nil && errors.Is(err, genl.ErrInconsistent) {
		fmt.Fprintln(s.stderr, program+": warning: the table changed while it was read")
		err = nil
	}
	if name != "" {
		return t, cannot(err, "list service %q", name)
	}
	return t, cannot(err, "list the services")
}

// read reads one service, or everything.
func (s *session) read(c wholeReader, name string, d detail) (*table, error) {
	if name != "" {
		return readTable(s.ctx, c, name, d)
	}
	return s.readWhole(s.ctx, c, d)
}

// printNames is nil where everything shall be numeric.
func (s *session) printNames() *config.Names {
	if s.opts.has("numeric") {
		return nil
	}
	return s.names
}

// jsonService is a service with its servers in place of their number.
type jsonService struct {
	genl.Service
	Servers []jsonServer       `json:"servers"`
	Rates   map[string]float64 `json:"rates,omitempty"`
}

type jsonServer struct {
	genl.Server
	Rates map[string]float64 `json:"rates,omitempty"`
}

func (t *table) json(r *rates) []jsonService {
	list := make([]jsonService, len(t.services))
	for i, s := range t.services {
		list[i] = jsonService{Service: s, Servers: []jsonServer{}}
		if r != nil {
			counted, known := r.services[s.ID]
			list[i].Rates = perSecond(r, known, counted.All())
		}
		for _, srv := range t.servers[s.Name] {
			v := jsonServer{Server: srv}
			if r != nil {
				counted, known := r.servers[srv.ID]
				v.Rates = perSecond(r, known, counted.All())
			}
			list[i].Servers = append(list[i].Servers, v)
		}
	}
	return list
}

func (t *table) printJSON(w io.Writer, r *rates) error {
	doc := map[string]any{"services": t.json(r)}
	if r != nil {
		doc["seconds"] = r.elapsed.Seconds()
	}
	if t.namespace != nil {
		doc["settings"] = t.namespace
	}
	return printJSON(w, doc)
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
