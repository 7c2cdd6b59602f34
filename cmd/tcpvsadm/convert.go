// SPDX-License-Identifier: MIT

// Between the configuration language and the protocol: the same service in the
// types of both.

package main

import (
	"context"
	"time"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/config"
)

// settingField is where a setting lives in the protocol.
type settingField struct {
	get func(*genl.Service) uint32
	set func(*genl.ServiceConfig, uint32)
}

func duration(get func(*genl.Timeouts) *time.Duration, set func(*genl.TimeoutsConfig) **time.Duration) settingField {
	return settingField{
		func(s *genl.Service) uint32 { return uint32(*get(&s.Timeouts) / time.Millisecond) },
		func(c *genl.ServiceConfig, v uint32) {
			d := time.Duration(v) * time.Millisecond
			*set(&c.Timeouts) = &d
		},
	}
}

func limit(get func(*genl.Limits) *uint32, set func(*genl.LimitsConfig) **uint32) settingField {
	return settingField{
		func(s *genl.Service) uint32 { return *get(&s.Limits) },
		func(c *genl.ServiceConfig, v uint32) { *set(&c.Limits) = &v },
	}
}

type (
	dur = time.Duration
	ts  = genl.Timeouts
	tc  = genl.TimeoutsConfig
	ls  = genl.Limits
	lc  = genl.LimitsConfig
)

var settingFields = [config.NumSettings]settingField{
	config.ConnectTimeout:   duration(func(t *ts) *dur { return &t.Connect }, func(t *tc) **dur { return &t.Connect }),
	config.HeadTimeout:      duration(func(t *ts) *dur { return &t.Head }, func(t *tc) **dur { return &t.Head }),
	config.ResponseTimeout:  duration(func(t *ts) *dur { return &t.Response }, func(t *tc) **dur { return &t.Response }),
	config.BodyTimeout:      duration(func(t *ts) *dur { return &t.Body }, func(t *tc) **dur { return &t.Body }),
	config.KeepaliveTimeout: duration(func(t *ts) *dur { return &t.Keepalive }, func(t *tc) **dur { return &t.Keepalive }),
	config.TunnelTimeout:    duration(func(t *ts) *dur { return &t.Tunnel }, func(t *tc) **dur { return &t.Tunnel }),
	config.PoolTimeout:      duration(func(t *ts) *dur { return &t.Pool }, func(t *tc) **dur { return &t.Pool }),
	config.DrainTimeout:     duration(func(t *ts) *dur { return &t.Drain }, func(t *tc) **dur { return &t.Drain }),
	config.MaxClients:       limit(func(l *ls) *uint32 { return &l.Connections }, func(l *lc) **uint32 { return &l.Connections }),
	config.Backlog:          limit(func(l *ls) *uint32 { return &l.Backlog }, func(l *lc) **uint32 { return &l.Backlog }),
	config.HeadBytes:        limit(func(l *ls) *uint32 { return &l.HeadBytes }, func(l *lc) **uint32 { return &l.HeadBytes }),
	config.HeadFields:       limit(func(l *ls) *uint32 { return &l.HeadFields }, func(l *lc) **uint32 { return &l.HeadFields }),
	config.Retries:          limit(func(l *ls) *uint32 { return &l.Retries }, func(l *lc) **uint32 { return &l.Retries }),
	config.PoolConnections:  limit(func(l *ls) *uint32 { return &l.PoolConnections }, func(l *lc) **uint32 { return &l.PoolConnections }),
	config.ReceiveBuffer:    limit(func(l *ls) *uint32 { return &l.ReceiveBuffer }, func(l *lc) **uint32 { return &l.ReceiveBuffer }),
	config.Listeners:        limit(func(l *ls) *uint32 { return &l.Listeners }, func(l *lc) **uint32 { return &l.Listeners }),
	config.Forwarded: {
		func(s *genl.Service) uint32 {
			return uint32(s.Forward & genl.ForwardXForwardedFor)
		},
		func(c *genl.ServiceConfig, v uint32) { c.Forward = genl.Ptr(genl.Forward(v)) },
	},
}

func kernelMode(m config.Mode) genl.Mode {
	if m == config.ModeTCP {
		return genl.ModeTCP
	}
	return genl.ModeHTTP
}

// fromKernel describes a service in the configuration language, still without
// its servers.
func fromKernel(s *genl.Service) config.Service {
	c := config.Service{
		Name:      s.Name,
		Mode:      config.Mode(s.Mode.String()),
		Scheduler: s.Scheduler,
		Listen:    s.Listen,
	}
	for i := range settingFields {
		c.Settings[i] = settingFields[i].get(s)
	}
	return c
}

// toKernel asks for every field of a service: what a file leaves out shall
// have its default, whatever it was before.
func toKernel(s *config.Service) genl.ServiceConfig {
	c := genl.ServiceConfig{
		Mode:      genl.Ptr(kernelMode(s.Mode)),
		Scheduler: &s.Scheduler,
		Listen:    &s.Listen,
	}
	for i, v := range s.Settings {
		settingFields[i].set(&c, v)
	}
	return c
}

// table is what the kernel holds.
type table struct {
	namespace *genl.Settings  // nil if only one service was asked for
	settings  config.Settings // what of it is no default
	services  []genl.Service
	servers   map[string][]genl.Server // by service
}

// readTable reads the services, or the one with a name, and their servers.
// With genl.ErrInconsistent what was read comes along.
func readTable(ctx context.Context, c tableReader, name string) (*table, error) {
	t := &table{servers: make(map[string][]genl.Server)}
	var err error
	if name != "" {
		var svc genl.Service
		if svc, err = c.Service(ctx, name); err != nil {
			return nil, err
		}
		t.services = []genl.Service{svc}
	} else if t.services, err = c.Services(ctx); err != nil && t.services == nil {
		return nil, err
	}
	servers, serr := c.Servers(ctx, name)
	if serr != nil && servers == nil {
		return nil, serr
	}
	for _, s := range servers {
		t.servers[s.Service] = append(t.servers[s.Service], s)
	}
	if err == nil {
		err = serr
	}
	return t, err
}

// config describes the table in the configuration language.
func (t *table) config() *config.Config {
	c := &config.Config{Settings: t.settings}
	for i := range t.services {
		s := fromKernel(&t.services[i])
		for _, srv := range t.servers[s.Name] {
			s.Servers = append(s.Servers, config.Server{Addr: srv.Address, Weight: srv.Weight})
		}
		c.Services = append(c.Services, s)
	}
	return c
}

// present is the table with what its services do, as the plan needs it.
func (t *table) present() config.Present {
	c := t.config()
	list := make([]config.State, len(c.Services))
	for i := range c.Services {
		state := t.services[i].State
		list[i] = config.State{
			Service:   c.Services[i],
			Listening: state != genl.ServiceStateStopped,
			Running:   state == genl.ServiceStateRunning,
		}
	}
	return config.Present{Settings: t.settings, Services: list}
}

// readWhole is readTable of everything, the settings of the namespace as well.
func (a *app) readWhole(ctx context.Context, c wholeReader) (*table, error) {
	v, err := c.Settings(ctx)
	if err != nil {
		return nil, err
	}
	t, err := readTable(ctx, c, "")
	if t != nil {
		t.namespace = &v
		if v.MaxConnections != a.defaultMax() {
			t.settings.MaxConnections = v.MaxConnections
		}
	}
	return t, err
}

// setSettings makes the settings of the namespace those of a file.
func (a *app) setSettings(ctx context.Context, c settingsSetter, want config.Settings) error {
	n := want.MaxConnections
	if n == 0 {
		n = a.defaultMax()
	}
	return c.SetSettings(ctx, genl.SettingsConfig{MaxConnections: &n})
}

// defaultMax is what the kernel allows a namespace that says nothing. It does
// not tell, but it goes by the machine's memory, and so can we.
func (a *app) defaultMax() uint32 { return config.MaxConnectionsDefault(a.memory()) }
