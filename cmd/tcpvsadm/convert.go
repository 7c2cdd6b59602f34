// SPDX-License-Identifier: MIT

// Between the configuration language and the protocol: the same service in the
// types of both.

package main

import (
	"context"
	"errors"
	"time"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/config"
)

// settingField is where a setting lives in the protocol.
type settingField struct {
	get func(*genl.Service) uint64
	set func(*genl.ServiceConfig, uint64)
}

func duration(get func(*genl.Timeouts) *time.Duration, set func(*genl.TimeoutsConfig) **time.Duration) settingField {
	return settingField{
		func(s *genl.Service) uint64 { return uint64(*get(&s.Timeouts) / time.Millisecond) },
		func(c *genl.ServiceConfig, v uint64) {
			d := time.Duration(v) * time.Millisecond
			*set(&c.Timeouts) = &d
		},
	}
}

// numeral is a limit, or what is as good as one: names by number, flags by bit.
func numeral[T ~uint32 | ~uint64](get func(*genl.Service) T, set func(*genl.ServiceConfig) **T) settingField {
	return settingField{
		func(s *genl.Service) uint64 { return uint64(get(s)) },
		func(c *genl.ServiceConfig, v uint64) { *set(c) = genl.Ptr(T(v)) },
	}
}

func onOff(get func(*genl.Service) *bool, set func(*genl.ServiceConfig) **bool) settingField {
	return settingField{
		func(s *genl.Service) uint64 {
			if *get(s) {
				return 1
			}
			return 0
		},
		func(c *genl.ServiceConfig, v uint64) { *set(c) = genl.Ptr(v != 0) },
	}
}

func limit(get func(*genl.Limits) *uint32, set func(*genl.LimitsConfig) **uint32) settingField {
	return numeral(func(s *genl.Service) uint32 { return *get(&s.Limits) }, func(c *genl.ServiceConfig) **uint32 { return set(&c.Limits) })
}

type (
	dur = time.Duration
	ts  = genl.Timeouts
	tc  = genl.TimeoutsConfig
	ls  = genl.Limits
	lc  = genl.LimitsConfig
	sv  = genl.Service
	sc  = genl.ServiceConfig
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
	config.AgeTimeout:       duration(func(t *ts) *dur { return &t.Age }, func(t *tc) **dur { return &t.Age }),
	config.MaxClients:       limit(func(l *ls) *uint32 { return &l.Connections }, func(l *lc) **uint32 { return &l.Connections }),
	config.Backlog:          limit(func(l *ls) *uint32 { return &l.Backlog }, func(l *lc) **uint32 { return &l.Backlog }),
	config.HeadBytes:        limit(func(l *ls) *uint32 { return &l.HeadBytes }, func(l *lc) **uint32 { return &l.HeadBytes }),
	config.HeadFields:       limit(func(l *ls) *uint32 { return &l.HeadFields }, func(l *lc) **uint32 { return &l.HeadFields }),
	config.TargetBytes:      limit(func(l *ls) *uint32 { return &l.TargetBytes }, func(l *lc) **uint32 { return &l.TargetBytes }),
	config.BodyBytes:        numeral(func(s *sv) uint64 { return s.Limits.BodyBytes }, func(c *sc) **uint64 { return &c.Limits.BodyBytes }),
	config.Requests:         limit(func(l *ls) *uint32 { return &l.Requests }, func(l *lc) **uint32 { return &l.Requests }),
	config.Retries:          limit(func(l *ls) *uint32 { return &l.Retries }, func(l *lc) **uint32 { return &l.Retries }),
	config.PoolConnections:  limit(func(l *ls) *uint32 { return &l.PoolConnections }, func(l *lc) **uint32 { return &l.PoolConnections }),
	config.ReceiveBuffer:    limit(func(l *ls) *uint32 { return &l.ReceiveBuffer }, func(l *lc) **uint32 { return &l.ReceiveBuffer }),
	config.Listeners:        limit(func(l *ls) *uint32 { return &l.Listeners }, func(l *lc) **uint32 { return &l.Listeners }),
	config.Forward:          numeral(func(s *sv) genl.Forward { return s.Forward }, func(c *sc) **genl.Forward { return &c.Forward }),
	config.AcceptProxy:      onOff(func(s *sv) *bool { return &s.AcceptProxy }, func(c *sc) **bool { return &c.AcceptProxy }),
	config.SendProxy:        numeral(func(s *sv) genl.ProxyHeader { return s.SendProxy }, func(c *sc) **genl.ProxyHeader { return &c.SendProxy }),
	config.Allow:            numeral(func(s *sv) genl.Allow { return s.Allow }, func(c *sc) **genl.Allow { return &c.Allow }),

	config.ServerHistograms: onOff(func(s *sv) *bool { return &s.ServerHistograms }, func(c *sc) **bool { return &c.ServerHistograms }),
}

func kernelMode(m config.Mode) genl.Mode {
	switch m {
	case config.ModeTCP:
		return genl.ModeTCP
	case config.ModeTLS:
		return genl.ModeTLS
	}
	return genl.ModeHTTP
}

// kernelHash is what is hashed; config has seen that there is such a thing.
func kernelHash(key string) genl.HashKey {
	k, err := genl.ParseHashKey(key)
	if err != nil {
		panic(err)
	}
	return k
}

func fromKernelHash(h genl.Hash) config.Hash {
	return config.Hash{Key: h.Key.String(), Name: h.Name, Bound: h.Bound, Group: h.Group}
}

func toKernelHash(h config.Hash) genl.Hash {
	return genl.Hash{Key: kernelHash(h.Key), Name: h.Name, Bound: h.Bound, Group: h.Group}
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
	c.Trusted, c.Redirect = config.SortNetworks(s.Trusted), s.Fallback
	c.Hash = fromKernelHash(s.Hash)
	c.Cookie = cookieFromKernel(s.Cookie)
	return c
}

// toKernel asks for every field of a service: what a file leaves out shall
// have its default, whatever it was before.
func toKernel(s *config.Service) genl.ServiceConfig {
	c := genl.ServiceConfig{
		Mode:      genl.Ptr(kernelMode(s.Mode)),
		Scheduler: &s.Scheduler,
		Listen:    &s.Listen,
		Trusted:   genl.Ptr(s.Trusted),
		Hash:      toKernelHash(s.Hash).Config(),
	}
	if s.Redirect.IsValid() { // a new service has none
		c.Fallback = &s.Redirect
	}
	if s.Cookie.Name != "" { // nor a cookie
		c.Cookie = kernelCookie(&s.Cookie)
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
	rules     map[string][]config.Rule // likewise
}

// detail is how much of the servers is read.
type detail bool

const (
	configured detail = false // what is configured
	counted    detail = true  // their counters as well, which are most of it
)

// readTable reads the services, or the one with a name, and their servers.
// With genl.ErrInconsistent what was read comes along.
func readTable(ctx context.Context, c tableReader, name string, d detail) (*table, error) {
	t := &table{}
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
	read := c.ServersBrief
	if d == counted {
		read = c.Servers
	}
	servers, serr := read(ctx, name)
	if serr != nil && servers == nil {
		return nil, serr
	}
	t.servers = byService(servers)
	if err == nil {
		err = serr
	}
	switch rerr := t.readRules(ctx, c); {
	case rerr != nil && !errors.Is(rerr, genl.ErrInconsistent):
		return nil, rerr
	case err == nil:
		err = rerr
	}
	return t, err
}

// byService parts a listing of servers, which has those of a service in a row.
func byService(list []genl.Server) map[string][]genl.Server {
	m := make(map[string][]genl.Server)
	for i, j := 0, 0; i < len(list); i = j {
		name := list[i].Service
		for j = i; j < len(list) && list[j].Service == name; j++ {
		}
		if m[name] == nil {
			m[name] = list[i:j:j]
		} else { // the table changed while it was read
			m[name] = append(m[name], list[i:j]...)
		}
	}
	return m
}

// config describes the table in the configuration language.
func (t *table) config() *config.Config {
	c := &config.Config{Settings: t.settings}
	for i := range t.services {
		s := fromKernel(&t.services[i])
		s.Servers = make([]config.Server, 0, len(t.servers[s.Name]))
		for _, srv := range t.servers[s.Name] {
			if srv.State == genl.ServerStateFallback {
				continue
			}
			s.Servers = append(s.Servers, config.Server{Addr: srv.Address, Weight: srv.Weight})
		}
		s.Rules = t.rules[s.Name]
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
func (a *app) readWhole(ctx context.Context, c wholeReader, d detail) (*table, error) {
	v, err := c.Settings(ctx)
	if err != nil {
		return nil, err
	}
	t, err := readTable(ctx, c, "", d)
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
