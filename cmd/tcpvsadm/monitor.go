// SPDX-License-Identifier: MIT

// monitor: changes of the configuration as the kernel tells them. A message
// tells an object as it is now; what is new about it follows from the table,
// which is read after the subscription and kept up with the messages. A message
// that tells nothing new was overtaken by the reading, and is left out.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/config"
)

func runMonitor(s *session) error {
	count, err := s.count()
	if err != nil {
		return err
	}
	return s.follow("watch the table", func(ctx context.Context, c *genl.Client) error {
		return s.monitor(ctx, c, count)
	})
}

// count is after how much of what comes by itself to end; 0 = never.
func (s *session) count() (uint64, error) {
	text, ok := s.opts.get("count")
	if !ok {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil || n == 0 {
		return 0, usagef("a count is a number from 1", "--count: %q is not a count", text)
	}
	return n, nil
}

// follow runs what goes on until it fails or a signal ends it.
func (s *session) follow(what string, run func(context.Context, *genl.Client) error) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, stop := signal.NotifyContext(s.ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	err = run(ctx, c)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil { // somebody has seen enough
		return nil
	}
	return cannot(err, "%s", what)
}

// watch is the table as the messages so far tell it.
type watch struct {
	services map[string]known
	servers  map[server]genl.Server
}

type known struct {
	id     uint32 // another one is another service, whatever its name
	state  genl.ServiceState
	conf   config.Service
	zeroed uint32
}

// read begins anew.
func (w *watch) read(ctx context.Context, c tableReader) error {
	t, err := readTable(ctx, c, "", counted)
	if err != nil && !errors.Is(err, genl.ErrInconsistent) { // what is missing will be told
		return err
	}
	w.services, w.servers = make(map[string]known), make(map[server]genl.Server)
	for i := range t.services {
		v := &t.services[i]
		w.services[v.Name] = known{v.ID, v.State, fromKernel(v), v.Zeroed}
		for _, r := range t.servers[v.Name] {
			w.servers[server{v.Name, r.Address}] = r
		}
	}
	return nil
}

func (s *session) monitor(ctx context.Context, c *genl.Client, count uint64) error {
	m, err := c.Monitor(ctx)
	if err != nil {
		return err
	}
	defer m.Close()
	w := &watch{}
	if err := w.read(ctx, c); err != nil {
		return err
	}
	form, _ := s.opts.get("output")
	only, filtered := s.opts.get("ident")
	for told := uint64(0); count == 0 || told < count; {
		event, err := m.Next(ctx)
		if err != nil {
			return err
		}
		now := s.now()
		news := w.take(&event, s.printNames())
		if event.Kind == genl.EventLost {
			if err := w.read(ctx, c); err != nil {
				return err
			}
		} else if news == nil || filtered && subject(&event) != only {
			continue
		}
		told++
		if form == "json" {
			line, err := json.Marshal(jsonEvent(&event, now))
			if err != nil {
				return err
			}
			fmt.Fprintf(s.out, "%s\n", line)
		} else {
			for _, text := range news {
				fmt.Fprintf(s.out, "%s  %s\n", now.Format("2006-01-02 15:04:05.000"), text)
			}
		}
		if err := s.out.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// jsonEvent is an event with its time; what is gone is told by its keys alone.
func jsonEvent(e *genl.Event, now time.Time) any {
	doc := struct {
		Time    time.Time      `json:"time"`
		Kind    genl.EventKind `json:"kind"`
		Service any            `json:"service,omitempty"`
		Server  any            `json:"server,omitempty"`
	}{Time: now, Kind: e.Kind}
	switch {
	case e.Kind == genl.EventServiceDeleted:
		doc.Service = map[string]any{"name": e.Service.Name, "id": e.Service.ID}
	case e.Kind == genl.EventServerDeleted:
		doc.Server = map[string]any{"service": e.Server.Service, "id": e.Server.ID, "address": e.Server.Address}
	case e.Service != nil:
		doc.Service = e.Service
	case e.Server != nil:
		doc.Server = e.Server
	}
	return doc
}

// subject is the service an event is about.
func subject(e *genl.Event) string {
	if e.Service != nil {
		return e.Service.Name
	}
	return e.Server.Service
}

// take learns from an event and tells what is new.
func (w *watch) take(e *genl.Event, names *config.Names) []string {
	switch e.Kind {
	case genl.EventLost:
		return []string{"changes were lost, they came too fast; the table was read again"}
	case genl.EventServiceChanged:
		return w.service(e.Service, names)
	case genl.EventServiceDeleted:
		name := e.Service.Name
		if old, ok := w.services[name]; !ok || old.id != e.Service.ID {
			return nil
		}
		delete(w.services, name)
		for key := range w.servers { // they go with it, and nobody tells
			if key.service == name {
				delete(w.servers, key)
			}
		}
		return []string{fmt.Sprintf("service %q deleted", name)}
	case genl.EventServerChanged:
		return w.server(e.Server, names)
	case genl.EventServerDeleted:
		key := server{e.Server.Service, e.Server.Address}
		if old, ok := w.servers[key]; !ok || old.ID != e.Server.ID {
			return nil
		}
		delete(w.servers, key)
		return []string{about(key, names) + " deleted"}
	}
	return nil
}

func about(key server, names *config.Names) string {
	return fmt.Sprintf("server %s of service %q", names.FormatAddr(key.addr), key.service)
}

func (w *watch) service(v *genl.Service, names *config.Names) []string {
	now := known{v.ID, v.State, fromKernel(v), v.Zeroed}
	old, ok := w.services[v.Name]
	var news []string
	if ok && old.id != v.ID {
		news, ok = w.take(&genl.Event{Kind: genl.EventServiceDeleted, Service: &genl.Service{Name: v.Name, ID: old.id}}, names), false
	}
	w.services[v.Name] = now
	who := fmt.Sprintf("service %q ", v.Name)
	if !ok {
		return append(news, who+"added: "+config.FieldsString(now.conf.Fields(nil, names))+", state "+v.State.String())
	}
	if fields := now.conf.Fields(&old.conf, names); len(fields) > 0 {
		news = append(news, who+"changed: "+config.FieldsString(fields))
	}
	if now.state != old.state {
		news = append(news, fmt.Sprintf("%sstate %s -> %s", who, old.state, now.state))
	}
	if now.zeroed != old.zeroed {
		news = append(news, who+"counters reset, those of its servers too")
		for key, r := range w.servers { // nobody tells of each
			if key.service == v.Name {
				r.Zeroed = now.zeroed
				w.servers[key] = r
			}
		}
	}
	return news
}

func (w *watch) server(v *genl.Server, names *config.Names) []string {
	key := server{v.Service, v.Address}
	old, ok := w.servers[key]
	w.servers[key] = *v
	switch who := about(key, names); {
	case !ok:
		return []string{fmt.Sprintf("%s added: weight %d, state %s", who, v.Weight, v.State)}
	case old.Weight != v.Weight:
		return []string{fmt.Sprintf("%s changed: weight %d -> %d", who, old.Weight, v.Weight)}
	case old.State != v.State:
		return []string{fmt.Sprintf("%s state %s -> %s", who, old.State, v.State)}
	case old.Zeroed != v.Zeroed:
		return []string{who + " counters reset"}
	}
	return nil
}
