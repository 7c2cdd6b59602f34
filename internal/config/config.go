// SPDX-License-Identifier: MIT

// Package config is the configuration language of KTCPVS: it reads it, prints
// it, and computes how one table becomes another.
//
// A Config is always complete: whatever a file leaves out has its default, in
// every field. So two tables can be compared field by field, printing shows
// only what differs from the defaults, and what is printed reads back as the
// same table.
//
// Nothing here talks to a kernel, and nothing asks the network: names come
// from /etc/hosts and /etc/services alone (names.go), since a load balancer
// must come up before DNS does.
//
// The files: lex.go and parse.go read, virtual.go and namespace.go know what
// is in a block, print.go prints, settings.go is the table of most keys,
// check.go the rules a single value must obey, plan.go the difference between
// two tables.
package config

import (
	"net/netip"
	"strconv"
	"strings"
)

// Mode is what the relay understands of the bytes it moves.
type Mode string

// The modes.
const (
	ModeTCP  Mode = "tcp"
	ModeHTTP Mode = "http"
	ModeTLS  Mode = "tls"
)

// What the kernel and the original agree on.
const (
	MaxWeight     = 65535 // largest weight of a real server
	MaxName       = 31    // longest name of a service, in bytes
	DefaultWeight = 1
	DefaultPort   = 8080 // of a service, as in the original
)

// DefaultScheduler is what a service without a scheduler gets.
const DefaultScheduler = "wlc"

// DefaultListen is where a service listens that does not say.
var DefaultListen = netip.AddrPortFrom(netip.IPv4Unspecified(), DefaultPort)

// Config is a whole table of virtual services.
type Config struct {
	Settings Settings
	Services []Service
	Notes    []Note // what the reader of the file should know
}

// Service is one virtual service with all its settings.
type Service struct {
	Name      string
	Mode      Mode
	Scheduler string // as the kernel names it: rr, wlc, ...
	Listen    netip.AddrPort
	Settings  Values
	Trusted   []netip.Prefix // sorted
	Redirect  netip.AddrPort // the fallback server; the zero value is none
	Hash      Hash
	Cookie    Cookie
	Servers   []Server
	Rules     []Rule // in order, those without conditions last
	Pos       Pos    // of its name in the file
}

// Server is one real server of a service.
type Server struct {
	Addr   netip.AddrPort
	Weight uint32
	Pos    Pos
}

// Pos is a place in a file; the zero Pos is nowhere.
type Pos struct{ Line, Col int }

// Note is a remark on a file that is no error.
type Note struct {
	File string
	Pos  Pos
	Msg  string
}

func (n Note) String() string {
	return position(n.File, n.Pos) + ": note: " + n.Msg
}

// NewService returns a service with every default set.
func NewService(name string) Service {
	return Service{
		Name:      name,
		Mode:      ModeHTTP,
		Scheduler: DefaultScheduler,
		Listen:    DefaultListen,
		Settings:  Defaults(),
		Hash:      DefaultHash(),
	}
}

// Error is one mistake: in a file, or in a value given by itself, when File is
// empty. Hint, if any, is the way out.
type Error struct {
	File string
	Pos  Pos
	Msg  string
	Hint string
}

func (e *Error) Error() string {
	if e.File == "" {
		return e.Msg
	}
	return position(e.File, e.Pos) + ": " + e.Msg
}

// Errors is every mistake found in one file, in the order of the file.
type Errors []*Error

func (es Errors) Error() string {
	var b strings.Builder
	for i, e := range es {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(e.Error())
	}
	return b.String()
}

func position(file string, p Pos) string {
	return file + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Col)
}
