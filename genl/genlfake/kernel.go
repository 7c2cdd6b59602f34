// SPDX-License-Identifier: MIT

// Package genlfake is the family "tcpvs" in memory: what the kernel module does
// with a request, without a kernel. Programs are tested against it through
//
//	k := genlfake.New()
//	c, err := genl.New(genl.WithDialer(k.Dial))
//
// It works on netlink messages, so the client's encoding, its handling of
// acknowledgements, dumps in pieces and notifications are tested with it.
// Requests are validated by the protocol's own tables in the kernel's order:
// family, operation, policy, privilege, handler. It serves no traffic; tests
// set the counters.
//
// One mutex protects everything. Sockets and state may be used by any number of
// goroutines.
package genlfake

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"syscall"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/spec"
)

// Bounds of the module that are not in the specification.
const (
	maxTransactions = 4
	defaultPiece    = 4   // objects a message of a dump, few, to have several
	defaultBacklog  = 256 // notifications a socket holds
)

// Kernel is a fake kernel with one network namespace.
type Kernel struct {
	mu       sync.Mutex
	loaded   bool
	denied   bool
	familyID uint16
	config   *config
	run      map[uint32]*running // by the id of a service
	serving  map[uint32]*serving
	hits     map[uint32]map[uint32]uint32 // by service and rule
	settings genl.Settings
	workers  []genl.Worker
	conns    []genl.Connection
	version  string

	histograms []genl.Histogram
	nextID     uint32
	nextPID    uint32
	sockets    map[*socket]bool
	occupied   map[netip.AddrPort]bool
	failures   []failure
	requests   []logged
	piece      int
	backlog    int
	onDump     func(op string, piece int)
}

// running is what a service has beside its configuration.
type running struct {
	state  genl.ServiceState
	stats  genl.ServiceStats
	zeroed uint32
}

// serving is the same of a real server.
type serving struct {
	stats  genl.ServerStats
	zeroed uint32
}

type failure struct {
	op  string
	err *refusal
}

type logged struct {
	admin bool
	text  string
}

// New returns a kernel with the module loaded and nothing configured.
func New() *Kernel {
	return &Kernel{
		loaded:   true,
		familyID: 0x1d,
		config:   &config{generation: 1},
		run:      map[uint32]*running{},
		serving:  map[uint32]*serving{},
		hits:     map[uint32]map[uint32]uint32{},
		settings: genl.Settings{MaxConnections: 65536},
		workers:  []genl.Worker{{CPU: 0, PID: 101}, {CPU: 1, PID: 102}},
		version:  "0.1.0-fake",
		nextID:   1,
		nextPID:  1000,
		sockets:  map[*socket]bool{},
		occupied: map[netip.AddrPort]bool{},
		piece:    defaultPiece,
		backlog:  defaultBacklog,
	}
}

// Dial opens a socket; it is a genl.Dialer.
func (k *Kernel) Dial(*netlink.Config) (*genetlink.Conn, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.nextPID++
	s := &socket{k: k, pid: k.nextPID, wake: make(chan struct{}), joined: map[string]bool{}}
	k.sockets[s] = true
	return genetlink.NewConn(netlink.NewConn(s, s.pid)), nil
}

// Unload removes the module: the configuration and the family are gone.
func (k *Kernel) Unload() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.loaded = false
	k.config = &config{generation: 1}
	k.conns = nil
	clear(k.run)
	clear(k.serving)
	for s := range k.sockets {
		s.tx, s.dump = nil, nil
		clear(s.joined)
	}
}

// Load brings the module back; the family gets another number, as in a kernel.
func (k *Kernel) Load() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.loaded {
		k.loaded = true
		k.familyID++
	}
}

// Deny refuses changes as to a user without CAP_NET_ADMIN.
func (k *Kernel) Deny(denied bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.denied = denied
}

// Fail refuses the next request of an operation ("service-start") once.
// Several calls queue up.
func (k *Kernel) Fail(op string, errno syscall.Errno, message string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.failures = append(k.failures, failure{op, &refusal{errno: errno, message: message}})
}

// Occupy makes an address belong to a program outside, so that a service
// cannot start there.
func (k *Kernel) Occupy(addr netip.AddrPort, occupied bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.occupied[addr] = occupied
}

// SetServiceStats sets what a service counted.
func (k *Kernel) SetServiceStats(name string, stats genl.ServiceStats) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.config.service(name)
	if s == nil {
		return fmt.Errorf("genlfake: there is no service %q", name)
	}
	k.run[s.id].stats = stats
	return nil
}

// SetServerStats sets what a real server counted.
func (k *Kernel) SetServerStats(service string, addr netip.AddrPort, stats genl.ServerStats) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.config.service(service)
	if s == nil {
		return fmt.Errorf("genlfake: there is no service %q", service)
	}
	srv := s.server(addr)
	if srv == nil {
		return fmt.Errorf("genlfake: service %q has no server %s", service, addr)
	}
	k.serving[srv.id].stats = stats
	return nil
}

// SetWorkers replaces the worker threads.
func (k *Kernel) SetWorkers(workers []genl.Worker) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.workers = slices.Clone(workers)
}

// SetConnections replaces the client connections; nobody checks that they are of
// services that exist.
func (k *Kernel) SetConnections(conns []genl.Connection) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.conns = slices.Clone(conns)
}

// SetPiece sets how many objects a message of a dump holds.
func (k *Kernel) SetPiece(n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.piece = max(n, 1)
}

// SetBacklog sets how many notifications wait on a socket before some are lost.
func (k *Kernel) SetBacklog(n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.backlog = max(n, 1)
}

// OnDump has f called before every piece of a dump, counted from 0; f may
// change the kernel by other clients.
func (k *Kernel) OnDump(f func(op string, piece int)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.onDump = f
}

// Requests returns every request so far as text:
// `service-new name=web listen=127.0.0.1:80 timeouts.connect=5000`.
func (k *Kernel) Requests() []string { return k.logged(false) }

// Changes returns the requests that need CAP_NET_ADMIN, as Requests does.
func (k *Kernel) Changes() []string { return k.logged(true) }

func (k *Kernel) logged(admin bool) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	texts := []string{}
	for _, r := range k.requests {
		if r.admin || !admin {
			texts = append(texts, r.text)
		}
	}
	return texts
}

// Sockets returns how many sockets are open, to find leaks.
func (k *Kernel) Sockets() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.sockets)
}

// Transactions returns how many are open.
func (k *Kernel) Transactions() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.transactions()
}

func (k *Kernel) transactions() (n int) {
	for s := range k.sockets {
		if s.tx != nil {
			n++
		}
	}
	return n
}

// id gives a number that was never used.
func (k *Kernel) id() uint32 {
	k.nextID++
	return k.nextID - 1
}

// notify tells every socket that listens of changes.
func (k *Kernel) notify(events []message) { k.tell(spec.GroupConfig, events) }

func (k *Kernel) tell(group string, events []message) {
	for s := range k.sockets {
		if !s.joined[group] {
			continue
		}
		for _, m := range events {
			if s.notes >= k.backlog {
				s.overrun = true
				break
			}
			s.notes++
			s.push([]netlink.Message{m.netlink(netlink.Header{Type: netlink.HeaderType(k.familyID)})})
		}
	}
}

// message is a generic netlink message on its way out.
type message struct {
	cmd  uint8
	data []byte
}

func (m message) netlink(h netlink.Header) netlink.Message {
	data, err := genetlink.Message{
		Header: genetlink.Header{Command: m.cmd, Version: spec.Version},
		Data:   m.data,
	}.MarshalBinary()
	if err != nil {
		panic(err) // it has no way to fail
	}
	h.Length = uint32(16 + len(data))
	return netlink.Message{Header: h, Data: data}
}
