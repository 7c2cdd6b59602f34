// SPDX-License-Identifier: MIT

// Listing: -L in the configuration grammar, as counters, or as JSON.

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/config"
)

func runList(s *session) error {
	name, _ := s.opts.get("ident")
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	t, err := s.table(c, name)
	if err != nil {
		return err
	}
	form, _ := s.opts.get("output")
	switch {
	case form == "json":
		return t.printJSON(s.out)
	case s.opts.has("stats"):
		t.printStats(s.out, s.printNames(), s.opts.has("exact"))
		return nil
	}
	return config.Print(s.out, t.config(), s.printNames())
}

// table reads the table to show it. One that changed while it was read is
// shown all the same, and said to be so.
func (s *session) table(c wholeReader, name string) (*table, error) {
	t, err := s.read(c, name)
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
func (s *session) read(c wholeReader, name string) (*table, error) {
	if name != "" {
		return readTable(s.ctx, c, name)
	}
	return s.readWhole(s.ctx, c)
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
	Servers []genl.Server `json:"servers"`
}

func (t *table) json() []jsonService {
	list := make([]jsonService, len(t.services))
	for i, s := range t.services {
		list[i] = jsonService{s, t.servers[s.Name]}
		if list[i].Servers == nil {
			list[i].Servers = []genl.Server{}
		}
	}
	return list
}

func (t *table) printJSON(w io.Writer) error {
	doc := map[string]any{"services": t.json()}
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
