// SPDX-License-Identifier: MIT

// The configuration: a value that a change copies, so that a transaction is a
// copy that is published whole or thrown away. What runs and what was counted
// is kept apart, by id, and survives changes.

package genlfake

import (
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"syscall"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/spec"
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
	timeouts  map[uint16]uint64
	limits    map[uint16]uint64
	forward   uint32
	allow     uint32
	trusted   []netip.Prefix

	acceptProxy uint32

	serverHistograms uint32

	sendProxy uint32
	hash      genl.Hash
	cookie    *cookie // never changed, but replaced

	servers  []*realServer
	fallback *realServer // never changed, only replaced

	// What a table of rules is, as it came. What a table matches the fake
	// does not know.
	sets      []ruleSet
	rules     []rule
	rulesMode genl.Mode
	upload    *upload
}

type realServer struct {
	id       uint32
	addr     netip.AddrPort
	weight   uint32
	fallback bool
}

// transaction is what a socket staged, on top of the generation it began with.
type transaction struct{ config *config }

var schedulers = []genl.Scheduler{
	{Name: "rr", Doc: "Round robin: every server in turn, whatever its weight"},
	{Name: "wrr", Doc: "Weighted round robin: servers in turn, as often as their weights say"},
	{Name: "lc", Doc: "Least connection: the least work in flight, whatever the weight"},
	{Name: "wlc", Doc: "Weighted least connection: the least work in flight for its weight"},
	{Name: "sed", Doc: "Shortest expected delay: as wlc, this request counted in"},
	{Name: "nq", Doc: "Never queue: an idle server if there is one, else as sed"},
	{Name: "p2c", Doc: "Power of two choices: the less busy of two drawn by weight"},
	{Name: "lt", Doc: "Least time: the fastest to answer for its weight and its work in flight"},
	{Name: "sh", Doc: "Source hash: the same client to the same server, shares exactly by weight"},
	{Name: "mh", Doc: "Maglev hash: the same client to the same server, few move when servers change"},
}

// defaults of a new service, as the specification gives them.
var (
	defaultTimeouts = map[uint16]uint64{
		spec.ATimeoutsConnect:   5000,
		spec.ATimeoutsHead:      10000,
		spec.ATimeoutsResponse:  60000,
		spec.ATimeoutsBody:      60000,
		spec.ATimeoutsKeepalive: 75000,
		spec.ATimeoutsTunnel:    3600000,
		spec.ATimeoutsPool:      4000,
		spec.ATimeoutsDrain:     30000,
		spec.ATimeoutsAge:       0,
	}
	defaultLimits = map[uint16]uint64{
		spec.ALimitsConnections:     0,
		spec.ALimitsBacklog:         2048,
		spec.ALimitsHeadBytes:       16384,
		spec.ALimitsHeadFields:      128,
		spec.ALimitsRetries:         3,
		spec.ALimitsPoolConnections: 128,
		spec.ALimitsReceiveBuffer:   524288,
		spec.ALimitsListeners:       0,
		spec.ALimitsTargetBytes:     8192,
		spec.ALimitsRequests:        0,
		spec.ALimitsBodyBytes:       0,
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
	n.timeouts, n.limits = maps.Clone(s.timeouts), maps.Clone(s.limits)
	n.servers, n.trusted = slices.Clone(s.servers), slices.Clone(s.trusted)
	for i, srv := range n.servers {
		copied := *srv
		n.servers[i] = &copied
	}
	return &n
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

// listed is the servers as a dump has them.
func (s *service) listed() []*realServer {
	if s.fallback == nil {
		return s.servers
	}
	return append(slices.Clone(s.servers), s.fallback)
}

// find returns the service a request names.
func (c *config) find(found attrs, what string) (*service, *refusal) {
	a, r := serviceName(found, what)
	if r != nil {
		return nil, r
	}
	if s := c.service(a.text()); s != nil {
		return s, nil
	}
	return nil, refuse(syscall.ENOENT, a, "there is no service \"%.24s\"", a.text())
}

// What a request calls the name of a service, its first attribute.
const (
	theName    = "the name"    // it is about the service
	theService = "the service" // it is about a server
)

// serviceName returns the attribute that names a service, checked.
func serviceName(found attrs, what string) (*attr, *refusal) {
	a := found[spec.AServiceName]
	switch {
	case a == nil:
		return nil, refuse(syscall.EINVAL, nil, "%s is missing", what)
	case a.text() == "":
		return nil, refuse(syscall.EINVAL, a, "the name of a service is empty")
	case len(a.text())+1 < len(a.data):
		return nil, refuse(syscall.EINVAL, a, "a name goes on after its end")
	}
	for _, b := range []byte(a.text()) {
		if b <= ' ' || b > '~' || strings.IndexByte("{}\"'#", b) >= 0 {
			return nil, refuse(syscall.EINVAL, a, "a name cannot have byte 0x%02x (no spaces, braces, quotes, #)", b)
		}
	}
	return a, nil
}

// findServer returns the service and the server a request names; without the
// server its address, and why.
func (c *config) findServer(found attrs) (*service, *realServer, netip.AddrPort, *refusal) {
	if _, r := serviceName(found, theService); r != nil {
		return nil, nil, netip.AddrPort{}, r
	}
	a := found[spec.AServerAddress]
	if a == nil {
		return nil, nil, netip.AddrPort{}, refuse(syscall.EINVAL, nil, "the server's address is missing")
	}
	addr, r := a.address(true)
	if r != nil {
		return nil, nil, addr, r
	}
	s, r := c.find(found, theService)
	if r != nil {
		return nil, nil, addr, r
	}
	if srv := s.server(addr); srv != nil {
		return s, srv, addr, nil
	}
	return s, nil, addr, refuse(syscall.ENOENT, a, "service \"%.24s\" has no server of this address", s.name)
}

// findListed is findServer that finds the fallback server, too.
func (c *config) findListed(found attrs) (*service, *realServer, *refusal) {
	s, srv, addr, r := c.findServer(found)
	if r != nil && s != nil && s.fallback != nil && s.fallback.addr == addr {
		return s, s.fallback, nil
	}
	return s, srv, r
}

// edit takes over what a request says about a service.
func (s *service) edit(found attrs) *refusal {
	if a := found[spec.AServiceScheduler]; a != nil {
		if !slices.ContainsFunc(schedulers, func(sc genl.Scheduler) bool { return sc.Name == a.text() }) {
			return refuse(syscall.ENOENT, a, "there is no scheduler \"%.15s\"", a.text())
		}
		s.scheduler = a.text()
	}
	if a := found[spec.AServiceHash]; a != nil {
		if r := editHash(&s.hash, a); r != nil {
			return r
		}
		if s.hash.Key == genl.HashKeyMatch {
			return refuse(syscall.EINVAL, a, "the key match is for sets of rules")
		}
	}
	if a := found[spec.AServiceListen]; a != nil {
		addr, r := a.address(false)
		if r != nil {
			return r
		}
		s.listen = addr
	}
	if a := found[spec.AServiceMode]; a != nil {
		s.mode = genl.Mode(a.number())
	}
	if a := found[spec.AServiceTimeouts]; a != nil {
		for t, v := range a.nest {
			s.timeouts[t] = v.number()
		}
	}
	if a := found[spec.AServiceLimits]; a != nil {
		for t, v := range a.nest {
			s.limits[t] = v.number()
		}
	}
	for t, field := range map[uint16]*uint32{
		spec.AServiceForward:     &s.forward,
		spec.AServiceAllow:       &s.allow,
		spec.AServiceAcceptProxy: &s.acceptProxy,
		spec.AServiceSendProxy:   &s.sendProxy,

		spec.AServiceServerHistograms: &s.serverHistograms,
	} {
		if a := found[t]; a != nil {
			*field = uint32(a.number())
		}
	}
	if a := found[spec.AServiceTrusted]; a != nil {
		list, r := a.networks()
		if r != nil {
			return r
		}
		s.trusted = list
	}
	if a := found[spec.AServiceFallback]; a != nil && len(a.data) == 0 {
		s.fallback = nil
	} else if a != nil {
		addr, r := a.address(true)
		if r != nil {
			return r
		}
		if s.fallback == nil || s.fallback.addr != addr {
			s.fallback = &realServer{addr: addr, fallback: true}
		}
	}
	if a := found[spec.AServiceCookie]; a != nil {
		c, r := a.cookie(s.cookie)
		if r != nil {
			return r
		}
		s.cookie = c
	}
	return nil
}

// numberFallback gives a new fallback server its number, that of the present
// configuration if it has it already.
func (k *Kernel) numberFallback(s *service) {
	if s.fallback == nil || s.fallback.id != 0 {
		return
	}
	if base := k.config.service(s.name); base != nil && base.id == s.id && base.fallback != nil && base.fallback.addr == s.fallback.addr {
		s.fallback = base.fallback
		return
	}
	s.fallback.id = k.id()
}

// checkFallbacks finds a fallback server that is one of the others, too.
func (c *config) checkFallbacks() *refusal {
	for _, s := range c.services {
		if s.fallback != nil && s.server(s.fallback.addr) != nil {
			return refuse(syscall.EEXIST, nil, "the fallback server of \"%.16s\" is one of its servers too", s.name)
		}
	}
	return nil
}

// editHash takes over what a request says about the hash schedulers.
func editHash(h *genl.Hash, a *attr) *refusal {
	key, name, bound := a.nest[spec.AHashKey], a.nest[spec.AHashName], a.nest[spec.AHashBound]
	if name != nil && key == nil {
		return refuse(syscall.EINVAL, name, "a name of no key: say header, cookie or query")
	}
	if key != nil {
		k := genl.HashKey(key.number())
		capture, group := a.nest[spec.AHashCapture], a.nest[spec.AHashGroup]
		h.Group, h.Capture = 0, 0
		if match := k == genl.HashKeyMatch; match != (capture != nil) || match != (group != nil) {
			at := capture
			if at == nil {
				at = group
			}
			return refuse(syscall.EINVAL, at, "the key match has a capture table and a group, others have none")
		} else if match {
			h.Group, h.Capture = uint32(group.number()), uint32(capture.number())
		}
		if (name != nil) != (k >= genl.HashKeyHeader && k <= genl.HashKeyQuery) {
			at := name
			if at == nil {
				at = key
			}
			return refuse(syscall.EINVAL, at, "the key header, cookie or query has a name, others have none")
		}
		if name != nil && strings.ContainsAny(name.text(), " ;&=") {
			return refuse(syscall.EINVAL, name, "no such thing has the name \"%.24s\"", name.text())
		}
		h.Key, h.Name = k, ""
		if name != nil {
			h.Name = name.text()
		}
	}
	if bound != nil {
		n := uint32(bound.number())
		if n > 0 && n < 100 {
			return refuse(syscall.EINVAL, bound, "a bound of %d percent leaves no server with room: 100 or more, 0 = none", n)
		}
		h.Bound = n
	}
	return nil
}

// defaultHash is what nobody has said of the hash schedulers.
var defaultHash = genl.Hash{Bound: 125}

// sensible looks at the service as a whole, as found made it.
func (s *service) sensible(found attrs) *refusal {
	if s.acceptProxy != 0 && len(s.trusted) == 0 {
		at := found[spec.AServiceAcceptProxy]
		if at == nil {
			at = found[spec.AServiceTrusted]
		}
		return refuse(syscall.EINVAL, at, "accept-proxy without trusted networks would let nobody connect")
	}
	if s.cookie != nil && s.mode != genl.ModeHTTP {
		at := found[spec.AServiceCookie]
		if at == nil {
			at = found[spec.AServiceMode]
		}
		return refuse(syscall.EINVAL, at, "a cookie needs mode http")
	}
	return nil
}

// checkListens finds two services on one address and port; the newer of them
// is likely the one that is wrong.
func (c *config) checkListens() *refusal {
	byAddress := map[netip.AddrPort]*service{}
	for _, s := range c.services {
		older := byAddress[s.listen]
		if older == nil {
			byAddress[s.listen] = s
			continue
		}
		if older.id > s.id {
			older, s = s, older
		}
		return refuse(syscall.EADDRINUSE, nil, "\"%.20s\" has the address and port of \"%.20s\"", s.name, older.name)
	}
	return nil
}

// same says whether a and b differ in nothing but their servers.
func (s *service) same(o *service) bool {
	a, b := *s, *o
	a.servers, b.servers = nil, nil
	a.upload, b.upload = nil, nil
	return reflect.DeepEqual(a, b)
}
