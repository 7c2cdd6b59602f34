// SPDX-License-Identifier: MIT

// Package genl is the client of the generic netlink family "tcpvs", by which
// the kernel module ktcpvs is configured and read.
//
// A Client is safe for concurrent use. It holds one socket, that of its
// requests; every transaction and every monitor opens its own, because the
// kernel stages changes per socket and because a notification must never be
// taken for a reply. The package never panics on what the kernel sends, an
// empty listing is an empty slice, and every failure is an *Error.
//
// This file holds the types and the ways to open a Client, requests.go what can
// be asked; client_linux.go speaks to the kernel, client_others.go refuses to.
// What can be derived from the protocol's specification is generated:
// types_gen.go and internal/spec/spec_gen.go.
package genl

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
)

// Service is a virtual service as the kernel reports it.
type Service struct {
	Name      string         `json:"name"`
	ID        uint32         `json:"id"`
	Mode      Mode           `json:"mode"`
	Scheduler string         `json:"scheduler"`
	Listen    netip.AddrPort `json:"listen"`
	State     ServiceState   `json:"state"`
	Timeouts  Timeouts       `json:"timeouts"`
	Limits    Limits         `json:"limits"`
	// Forward is what servers are told of the client.
	Forward Forward `json:"forward"`
	// Trusted are the networks of the peers that may say who the client is.
	Trusted     []netip.Prefix `json:"trusted"`
	AcceptProxy bool           `json:"accept_proxy"`
	SendProxy   ProxyHeader    `json:"send_proxy"`
	Allow       Allow          `json:"allow"`
	Servers     uint32         `json:"servers"`
	Stats       ServiceStats   `json:"stats"`
	// Zeroed is the generation with which Stats began anew; 0: never.
	Zeroed uint32 `json:"zeroed"`
	// Rules is the number of its rules.
	Rules uint32 `json:"rules"`
	// Fallback is the server to which goes what no other can take; the zero
	// value is none. It is listed among the servers, in state fallback.
	Fallback netip.AddrPort `json:"fallback,omitzero"`
	// Hash is for the schedulers sh and mh.
	Hash Hash `json:"hash"`
	// Cookie keeps clients at their servers; nil: there is none.
	Cookie *Cookie `json:"cookie"`
	// ServerHistograms says that servers are timed one by one, too.
	ServerHistograms bool `json:"server_histograms"`
}

// Hash is how the schedulers sh and mh go about it.
type Hash struct {
	Key HashKey `json:"key"`
	// Name is that of the header, cookie or parameter.
	Name string `json:"name,omitempty"`
	// Bound is what a server may have in flight, in percent of its share;
	// 0: any number.
	Bound uint32 `json:"bound"`
	// Group is, with HashKeyMatch, the group of the rule's expression that
	// is hashed, and Capture the number of the table that finds it.
	Group   uint32 `json:"group,omitempty"`
	Capture uint32 `json:"-"`
}

// Since returns what s counted since old, an earlier reading of it: all there
// is if the counters began anew in between.
func (s *Service) Since(old *Service) ServiceStats {
	if s.Zeroed != old.Zeroed {
		return s.Stats
	}
	return s.Stats.Sub(old.Stats)
}

// ServiceConfig is what a user decides about a virtual service. Nil means: the
// default for a new service, unchanged for an existing one.
type ServiceConfig struct {
	Mode      *Mode
	Scheduler *string
	Listen    *netip.AddrPort
	Timeouts  TimeoutsConfig
	Limits    LimitsConfig
	Forward   *Forward
	// Trusted replaces the whole list; an empty one is nobody.
	Trusted     *[]netip.Prefix
	AcceptProxy *bool
	SendProxy   *ProxyHeader
	Allow       *Allow
	// Fallback is the fallback server; the zero value is none.
	Fallback *netip.AddrPort
	Hash     HashConfig
	// Cookie replaces all of the cookie but its key.
	Cookie *CookieConfig
	// ServerHistograms: servers are timed one by one, too.
	ServerHistograms *bool
}

// HashConfig is what a user decides about the schedulers sh and mh. Nil means:
// the default for a new service, unchanged for an existing one. Name goes with
// Key.
type HashConfig struct {
	Key   *HashKey
	Name  string
	Bound *uint32
	// Group and Capture go with HashKeyMatch.
	Group, Capture uint32
}

// Config returns the configuration that would create h again.
func (h Hash) Config() HashConfig { return HashConfig{&h.Key, h.Name, &h.Bound, h.Group, h.Capture} }

// Config returns the configuration that would create s again.
func (s Service) Config() ServiceConfig {
	return ServiceConfig{
		Mode:        &s.Mode,
		Scheduler:   &s.Scheduler,
		Listen:      &s.Listen,
		Timeouts:    s.Timeouts.Config(),
		Limits:      s.Limits.Config(),
		Forward:     &s.Forward,
		Trusted:     &s.Trusted,
		AcceptProxy: &s.AcceptProxy,
		SendProxy:   &s.SendProxy,
		Allow:       &s.Allow,
		Fallback:    &s.Fallback,
		Hash:        s.Hash.Config(),
		Cookie:      s.Cookie.Config(),

		ServerHistograms: &s.ServerHistograms,
	}
}

// Server is a real server as the kernel reports it.
type Server struct {
	Service string         `json:"service"`
	ID      uint32         `json:"id"`
	Address netip.AddrPort `json:"address"`
	Weight  uint32         `json:"weight"`
	State   ServerState    `json:"state"`
	Stats   ServerStats    `json:"stats"`
	// Zeroed is the generation with which Stats began anew; 0: never.
	Zeroed uint32 `json:"zeroed"`
}

// Since returns what s counted since old, an earlier reading of it: all there
// is if the counters began anew in between.
func (s *Server) Since(old *Server) ServerStats {
	if s.Zeroed != old.Zeroed {
		return s.Stats
	}
	return s.Stats.Sub(old.Stats)
}

// ServerConfig is what a user decides about a real server. Nil means: the
// default for a new server, unchanged for an existing one.
type ServerConfig struct {
	Weight *uint32
}

// Config returns the configuration that would create s again.
func (s Server) Config() ServerConfig { return ServerConfig{Weight: &s.Weight} }

// Changer is what can be changed one by one with a Client, or together with a
// Tx.
type Changer interface {
	AddService(ctx context.Context, name string, c ServiceConfig) error
	SetService(ctx context.Context, name string, c ServiceConfig) error
	DeleteService(ctx context.Context, name string) error
	Flush(ctx context.Context) error
	AddServer(ctx context.Context, service string, addr netip.AddrPort, c ServerConfig) error
	SetServer(ctx context.Context, service string, addr netip.AddrPort, c ServerConfig) error
	DeleteServer(ctx context.Context, service string, addr netip.AddrPort) error
}

var (
	_ Changer = (*Client)(nil)
	_ Changer = (*Tx)(nil)
)

// BeginOptions say what a transaction is based on.
type BeginOptions struct {
	// Generation of the configuration the changes were made for; a commit is
	// refused with ErrStale when the kernel's is another one by then. Nil
	// means the generation at the time of Begin.
	Generation *uint32
}

// EventKind says what happened.
type EventKind int

// Kinds of events.
const (
	// EventServiceChanged: a service was added, changed, started or stopped.
	EventServiceChanged EventKind = iota + 1
	// EventServiceDeleted: a service is gone; only Name and ID are filled.
	EventServiceDeleted
	// EventServerChanged: a server was added or changed.
	EventServerChanged
	// EventServerDeleted: a server is gone; only Service, ID and Address are
	// filled.
	EventServerDeleted
	// EventLost: the reader was too slow and changes were dropped; read the
	// tables again.
	EventLost
)

var eventNames = [...]string{
	EventServiceChanged: "service-changed",
	EventServiceDeleted: "service-deleted",
	EventServerChanged:  "server-changed",
	EventServerDeleted:  "server-deleted",
	EventLost:           "lost",
}

func (k EventKind) String() string {
	if k > 0 && int(k) < len(eventNames) {
		return eventNames[k]
	}
	return fmt.Sprintf("unknown(%d)", int(k))
}

// MarshalText makes events readable in JSON.
func (k EventKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Event is one change of the configuration, told by the kernel.
type Event struct {
	Kind    EventKind `json:"kind"`
	Service *Service  `json:"service,omitempty"`
	Server  *Server   `json:"server,omitempty"`
}

// A Dialer opens a generic netlink connection. A test gives its own, which
// leads to a fake kernel.
type Dialer func(*netlink.Config) (*genetlink.Conn, error)

// An Option of New.
type Option func(*options) error

type options struct {
	dial    Dialer
	netns   string
	netnsFD int
}

// WithNetns works on another network namespace: a path such as
// /proc/42/ns/net, or a name as ip-netns(8) knows it.
func WithNetns(nameOrPath string) Option {
	return func(o *options) error {
		if nameOrPath == "" {
			return errors.New("genl: the network namespace's name is empty")
		}
		o.netns = nameOrPath
		return nil
	}
}

// WithNetnsFD works on the network namespace of an open file. The file must
// stay open as long as the Client.
func WithNetnsFD(fd int) Option {
	return func(o *options) error {
		if fd <= 0 {
			return fmt.Errorf("genl: %d is not a file descriptor of a network namespace", fd)
		}
		o.netnsFD = fd
		return nil
	}
}

// WithDialer replaces the way to the kernel.
func WithDialer(d Dialer) Option {
	return func(o *options) error {
		if d == nil {
			return errors.New("genl: WithDialer(nil)")
		}
		o.dial = d
		return nil
	}
}

// NewInNetns is New(WithNetns(nameOrPath)).
func NewInNetns(nameOrPath string) (*Client, error) { return New(WithNetns(nameOrPath)) }

// New connects to the kernel. Without the module the error is ErrNoModule.
func New(opts ...Option) (*Client, error) {
	o := &options{}
	for _, opt := range opts {
		if err := opt(o); err != nil {
			return nil, err
		}
	}
	if o.netns != "" && o.netnsFD != 0 {
		return nil, errors.New("genl: WithNetns and WithNetnsFD exclude each other")
	}
	if o.dial == nil {
		o.dial = genetlink.Dial
	}
	conn, err := open(o)
	if err != nil {
		return nil, err
	}
	conn.redial = true
	return &Client{changer: changer{conn}, o: o}, nil
}

// Ptr returns a pointer to v, for the fields of the configuration types.
func Ptr[T any](v T) *T { return &v }

// CheckName says whether name can be that of a service, by the kernel's rule:
// 1 to NameMax bytes of printable ASCII without white space, braces, quotes
// and '#'.
func CheckName(name string) error {
	if name == "" {
		return errors.New("the name of a service is empty")
	}
	if len(name) > NameMax {
		return fmt.Errorf("the name %.40q of a service is longer than %d bytes", name, NameMax)
	}
	for _, r := range []byte(name) {
		if r <= ' ' || r > '~' || r == '{' || r == '}' || r == '"' || r == '\'' || r == '#' {
			return fmt.Errorf("the name %q of a service contains %q; allowed is printable ASCII without space, braces, quotes and '#'", name, r)
		}
	}
	return nil
}
