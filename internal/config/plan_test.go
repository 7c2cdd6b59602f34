// SPDX-License-Identifier: MIT

package config

import (
	"io"
	"math/rand"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

// model is a kernel: it takes staged operations by the rules of the protocol
// and fails on what the kernel would refuse.
type model struct {
	t        *testing.T
	services []State
}

func (m *model) find(name string) int {
	for i := range m.services {
		if m.services[i].Name == name {
			return i
		}
	}
	return -1
}

// commit checks the table as a whole.
func (m *model) commit() {
	held := map[netip.AddrPort]string{}
	for _, s := range m.services {
		if held[s.Listen] != "" {
			m.t.Fatalf("%s and %s listen at %s", held[s.Listen], s.Name, s.Listen)
		}
		held[s.Listen] = s.Name
	}
}

func (m *model) apply(op Op) {
	name := op.Service.Name
	i := m.find(name)
	if (i < 0) != (op.Kind == NewServiceOp) {
		m.t.Fatalf("%v: index %d", op, i)
	}
	switch op.Kind {
	case DeleteService:
		m.services = append(m.services[:i], m.services[i+1:]...)
		return
	case NewServiceOp:
		s := *op.Service
		s.Servers = nil
		m.services = append(m.services, State{Service: s})
		return
	}
	s := &m.services[i]
	at := -1
	for j := range s.Servers {
		if s.Servers[j].Addr == op.Server.Addr {
			at = j
		}
	}
	switch op.Kind {
	case SetService:
		if !op.Change.Any() {
			m.t.Fatalf("%v changes nothing", op)
		}
		if s.Listening && (op.Change.Listen || op.Change.Mode) {
			m.t.Fatalf("%v: busy", op)
		}
		if op.Change.Listen {
			s.Listen = op.Service.Listen
		}
		if op.Change.Mode {
			s.Mode = op.Service.Mode
		}
		if op.Change.Scheduler {
			s.Scheduler = op.Service.Scheduler
		}
		if op.Change.Redirect {
			s.Redirect = op.Service.Redirect
		}
		if op.Change.Trusted {
			s.Trusted = op.Service.Trusted
		}
		for _, k := range op.Change.Settings {
			s.Settings[k] = op.Service.Settings[k]
		}
	case NewServerOp:
		if at >= 0 {
			m.t.Fatalf("%v: is there", op)
		}
		s.Servers = append(s.Servers, op.Server)
	case SetServer:
		s.Servers[at].Weight = op.Server.Weight
	case DeleteServer:
		s.Servers = append(append([]Server(nil), s.Servers[:at]...), s.Servers[at+1:]...)
	}
}

// mix makes a table that shares names, addresses and servers with another, so
// that services swap, steal and move their addresses.
func mix(r *rand.Rand, from *Config) *Config {
	c := &Config{Settings: Settings{[]uint32{from.Settings.MaxConnections, 0, 77}[r.Intn(3)]}}
	for _, s := range from.Services {
		if r.Intn(5) == 0 {
			continue
		}
		s.Servers = append([]Server(nil), s.Servers...)
		if r.Intn(3) == 0 {
			s.Mode = []Mode{ModeTCP, ModeHTTP, ModeTLS}[r.Intn(3)]
		}
		if r.Intn(3) == 0 {
			s.Settings[Retries] = uint64(r.Intn(16))
			s.Settings[BodyBytes] = r.Uint64()
		}
		if r.Intn(3) == 0 {
			s.Trusted = randomNetworks(r)
		}
		if r.Intn(3) == 0 {
			s.Redirect = [...]netip.AddrPort{{}, netip.MustParseAddrPort("10.9.9.8:9")}[r.Intn(2)]
		}
		if r.Intn(3) == 0 {
			s.Scheduler = "rr"
		}
		for len(s.Servers) > 0 && r.Intn(3) == 0 {
			s.Servers = s.Servers[1:]
		}
		if len(s.Servers) > 0 && r.Intn(3) == 0 {
			s.Servers[0].Weight ^= 1
		}
		if r.Intn(3) == 0 {
			s.Servers = append(s.Servers, Server{Addr: netip.MustParseAddrPort("10.9.9.9:9"), Weight: 1})
		}
		c.Services = append(c.Services, s)
	}
	for i := range c.Services { // addresses change hands
		j := r.Intn(len(c.Services))
		if r.Intn(2) == 0 {
			a, b := &c.Services[i], &c.Services[j]
			a.Listen, b.Listen = b.Listen, a.Listen
		}
	}
	if r.Intn(2) == 0 {
		n := NewService("fresh")
		n.Listen = netip.MustParseAddrPort("10.8.8.8:8")
		if len(from.Services) > 0 && r.Intn(2) == 0 {
			want := from.Services[0].Listen
			free := true
			for _, s := range c.Services {
				free = free && s.Listen != want
			}
			if free {
				n.Listen = want
			}
		}
		c.Services = append(c.Services, n)
	}
	r.Shuffle(len(c.Services), func(i, j int) { c.Services[i], c.Services[j] = c.Services[j], c.Services[i] })
	return c
}

func TestDiffReachesTheTable(t *testing.T) {
	r := rand.New(rand.NewSource(2))
	anew := 0
	for i := 0; i < 5000; i++ {
		have := randomConfig(r)
		for j := range have.Services { // distinct addresses
			have.Services[j].Listen = netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), uint16(100+j))
		}
		want := mix(r, have)
		m := &model{t: t}
		running := map[string]bool{}
		for _, s := range have.Services {
			st := State{Service: s}
			switch r.Intn(3) {
			case 0:
				st.Listening, st.Running = true, true
				running[s.Name] = true
			case 1:
				st.Listening = true
			}
			m.services = append(m.services, st)
		}
		now := Present{have.Settings, append([]State(nil), m.services...)}
		p := Diff(now, want)
		// What is told of the plan is the plan: nothing of nothing, and
		// somebody's name for whoever it touches.
		steps := p.Steps(now, want, nil)
		differs, err := PrintDiff(io.Discard, have, want, nil)
		if err != nil || (len(steps) == 0) != p.Empty() || differs == p.Empty() {
			t.Fatalf("%d operations, %d steps, different: %v, %v", len(p.Ops), len(steps), differs, err)
		}
		touched, told := map[string]bool{}, map[string]bool{}
		for _, op := range p.Ops {
			touched[op.Service.Name] = true
		}
		for i := range steps {
			told[steps[i].Service] = true
			if (steps[i].Action == StepAnew && steps[i].Restarts) != has(p.Restart, steps[i].Service) && steps[i].Server == "" {
				t.Fatalf("%v, restart %v", &steps[i], p.Restart)
			}
		}
		if p.Settings != nil {
			touched[""] = true
		}
		if !reflect.DeepEqual(touched, told) {
			t.Fatalf("touched are %v, told of %v", touched, told)
		}
		for _, op := range p.Ops {
			m.apply(op)
		}
		m.commit()
		anew += len(p.Restart)
		got := map[string]Service{}
		for _, s := range m.services {
			got[s.Name] = s.Service
			if s.Running != running[s.Name] && !has(p.Restart, s.Name) {
				t.Fatalf("%s ran and is not started again", s.Name)
			}
			if s.Running && has(p.Restart, s.Name) {
				t.Fatalf("%s still runs and is started again", s.Name)
			}
		}
		if len(got) != len(want.Services) {
			t.Fatalf("%d services, want %d", len(got), len(want.Services))
		}
		for _, w := range want.Services {
			g := got[w.Name]
			if !reflect.DeepEqual(serverSet(g), serverSet(w)) {
				t.Fatalf("servers %v, want %v", g.Servers, w.Servers)
			}
			g.Servers, w.Servers = nil, nil
			if !reflect.DeepEqual(g, w) {
				t.Fatalf("%+v\nwant %+v", g, w)
			}
		}
		if again := Diff(Present{want.Settings, m.services}, want); len(again.Ops) != 0 {
			t.Fatalf("the plan was not enough: %v", again.Ops)
		}
	}
	if anew == 0 {
		t.Error("no service was ever made anew: the test tests nothing")
	}
}

func serverSet(s Service) map[netip.AddrPort]uint32 {
	m := map[netip.AddrPort]uint32{}
	for _, srv := range s.Servers {
		m[srv.Addr] = srv.Weight
	}
	return m
}

func has(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// A service that runs keeps running through everything it can take in place.
func TestDiffKeepsARunningService(t *testing.T) {
	old := NewService("web")
	old.Servers = []Server{{Addr: netip.MustParseAddrPort("10.0.0.1:80"), Weight: 1}}
	changed := old
	changed.Scheduler = "rr"
	changed.Settings[MaxClients] = 7
	changed.Servers = []Server{
		{Addr: netip.MustParseAddrPort("10.0.0.1:80"), Weight: 9},
		{Addr: netip.MustParseAddrPort("10.0.0.2:80"), Weight: 1},
	}
	p := Diff(Present{Services: []State{{Service: old, Listening: true, Running: true}}}, &Config{Services: []Service{changed}})
	var got []string
	for _, op := range p.Ops {
		got = append(got, op.String())
	}
	want := `change service "web"; change server 10.0.0.1:80 of service "web"; add server 10.0.0.2:80 to service "web"`
	if s := strings.Join(got, "; "); s != want || len(p.Restart) != 0 {
		t.Errorf("%s, restart %v\nwant %s", s, p.Restart, want)
	}
}
