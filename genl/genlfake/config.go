// SPDX-License-Identifier: MIT

// The configuration: a value that a change copies, so that a transaction is a
// copy that is published whole or thrown away. What runs and what was counted
// is kept apart, by id, and survives changes.

package genlfake

import (
	"net/netip"
	"slices"
	"syscall"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/genl/internal/spec"
)

type config struct {
	generation uint32
	services   []*service // in the order they were added
}

type service struct {
	id        uint32
	name      string
	mode      genl.Mode
	scheduler string
	listen    netip.AddrPort
	timeouts  map[uint16]uint32
	limits    map[uint16]uint32
	forwarded uint32
	servers   []*realServer
}

type realServer struct {
	id     uint32
	addr   netip.AddrPort
	weight uint32
}

// transaction is what a socket staged.
type transaction struct {
	base   uint32
	config *config
	events []message
}

var schedulers = []genl.Scheduler{
	{Name: "rr", Doc: "Round robin: the servers in turn."},
	{Name: "wrr", Doc: "Weighted round robin: the servers in turn, each as often as its weight says."},
	{Name: "wlc", Doc: "Weighted least connections: the server with the fewest jobs for its weight."},
}

// defaults of a new service, as the specification gives them.
var (
	defaultTimeouts = map[uint16]uint32{
		spec.ATimeoutsConnect:   5000,
		spec.ATimeoutsHead:      10000,
		spec.ATimeoutsResponse:  60000,
		spec.ATimeoutsBody:      60000,
		spec.ATimeoutsKeepalive: 75000,
		spec.ATimeoutsTunnel:    3600000,
		spec.ATimeoutsPool:      4000,
		spec.ATimeoutsDrain:     30000,
	}
	defaultLimits = map[uint16]uint32{
		spec.ALimitsConnections:     0,
		spec.ALimitsBacklog:         2048,
		spec.ALimitsHeadBytes:       16384,
		spec.ALimitsHeadFields:      128,
		spec.ALimitsRetries:         3,
		spec.ALimitsPoolConnections: 128,
		spec.ALimitsReceiveBuffer:   524288,
		spec.ALimitsListeners:       0,
	}
)

func (c *config) clone() *config {
	n := &config{generation: c.generation, services: slices.Clone(c.services)}
	for i, s := range n.services {
		n.services[i] = s.clone()
	}
	return n
}

func (s *service) clone() *service {
	n := *s
	n.timeouts, n.limits = cloneMap(s.timeouts), cloneMap(s.limits)
	n.servers = slices.Clone(s.servers)
	for i, srv := range n.servers {
		copied := *srv
		n.servers[i] = &copied
	}
	return &n
}

func cloneMap(m map[uint16]uint32) map[uint16]uint32 {
	n := make(map[uint16]uint32, len(m))
	for k, v := range m {
		n[k] = v
	}
	return n
}

func (c *config) service(name string) *service {
	for _, s := range c.services {
		if s.name == name {
			return s
		}
	}
	return nil
}

func (s *service) server(addr netip.AddrPort) *realServer {
	for _, srv := range s.servers {
		if srv.addr == addr {
			return srv
		}
	}
	return nil
}

// find returns the service a request names.
func (c *config) find(found attrs, key uint16) (*service, *refusal) {
	a := found[key]
	if a == nil {
		return nil, refuse(syscall.EINVAL, nil, "the name of the service is missing")
	}
	if err := genl.CheckName(a.text()); err != nil {
		return nil, refuse(syscall.EINVAL, a, "a name is 1 to 31 printable characters without space, {}, quotes and #")
	}
	if s := c.service(a.text()); s != nil {
		return s, nil
	}
	return nil, refuse(syscall.ENOENT, a, "there is no service %q", a.text())
}

// findServer returns the service and the server a request names.
func (c *config) findServer(found attrs) (*service, *realServer, *refusal) {
	s, r := c.find(found, spec.AServerService)
	if r != nil {
		return nil, nil, r
	}
	a := found[spec.AServerAddress]
	if a == nil {
		return nil, nil, refuse(syscall.EINVAL, nil, "the address of the server is missing")
	}
	addr, r := a.address()
	if r != nil {
		return nil, nil, r
	}
	if srv := s.server(addr); srv != nil {
		return s, srv, nil
	}
	return s, nil, refuse(syscall.ENOENT, a, "service %q has no such server", s.name)
}

// apply takes over what a request says about a service.
func (s *service) apply(k *Kernel, c *config, found attrs) *refusal {
	state := genl.ServiceStateStopped
	if run := k.run[s.id]; run != nil {
		state = run.state
	}
	if a := found[spec.AServiceMode]; a != nil {
		mode := genl.Mode(a.number())
		if mode != s.mode && state != genl.ServiceStateStopped {
			return refuse(syscall.EBUSY, a, "stop the service to change its mode")
		}
		s.mode = mode
	}
	if a := found[spec.AServiceScheduler]; a != nil {
		if !slices.ContainsFunc(schedulers, func(sc genl.Scheduler) bool { return sc.Name == a.text() }) {
			return refuse(syscall.ENOENT, a, "there is no scheduler %q", a.text())
		}
		s.scheduler = a.text()
	}
	if a := found[spec.AServiceListen]; a != nil {
		addr, r := a.address()
		if r != nil {
			return r
		}
		for _, other := range c.services {
			if other.id != s.id && other.listen == addr {
				return refuse(syscall.EADDRINUSE, a, "the address is used by service %q", other.name)
			}
		}
		if addr != s.listen && state != genl.ServiceStateStopped {
			return refuse(syscall.EBUSY, a, "stop the service to change its address")
		}
		s.listen = addr
	}
	if a := found[spec.AServiceTimeouts]; a != nil {
		for t, v := range a.nest {
			s.timeouts[t] = uint32(v.number())
		}
	}
	if a := found[spec.AServiceLimits]; a != nil {
		for t, v := range a.nest {
			s.limits[t] = uint32(v.number())
		}
	}
	if a := found[spec.AServiceForwarded]; a != nil {
		s.forwarded = uint32(a.number())
	}
	return nil
}
