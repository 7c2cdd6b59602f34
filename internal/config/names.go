// SPDX-License-Identifier: MIT

// Names of hosts and ports, from /etc/hosts and /etc/services alone: never
// DNS. A configuration is loaded at boot, before a resolver answers, and must
// mean the same on every load.
//
// The files are read at the first name that is asked for, so a configuration
// of numbers opens neither. A name is printed for a number only if reading it
// gives back that number.

package config

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
)

// Names resolves the names of hosts and ports. Its methods may be called by
// several goroutines. A nil *Names knows no names at all.
type Names struct {
	hostsFile    string
	servicesFile string

	once struct{ hosts, services sync.Once }

	hosts     map[string]netip.Addr // by lower-case name; IPv4 before IPv6
	hostNames map[netip.Addr]string // the first name that reads back
	ports     map[string]uint16
	portNames map[uint16]string
}

// SystemNames returns the names of this machine.
func SystemNames() *Names { return NewNames("/etc/hosts", "/etc/services") }

// NewNames returns the names in two files of the format of hosts(5) and
// services(5); a missing file counts as empty.
func NewNames(hosts, services string) *Names {
	return &Names{hostsFile: hosts, servicesFile: services}
}

// The port names the original's examples use, for machines whose
// /etc/services lacks them or which have none.
var wellKnown = []struct {
	name string
	port uint16
}{
	{"http", 80}, {"www", 80}, {"https", 443}, {"http-alt", 8080}, {"webcache", 8080},
}

// lines calls f with the fields of every line, comments taken away.
func lines(file string, f func(fields []string)) {
	r, err := os.Open(file)
	if err != nil {
		return
	}
	defer r.Close()
	s := bufio.NewScanner(r)
	for s.Scan() {
		text, _, _ := strings.Cut(s.Text(), "#")
		if fields := strings.Fields(text); len(fields) >= 2 {
			f(fields)
		}
	}
}

func (n *Names) loadHosts() {
	n.hosts = make(map[string]netip.Addr)
	n.hostNames = make(map[netip.Addr]string)
	type pair struct {
		name string
		addr netip.Addr
	}
	var all []pair
	lines(n.hostsFile, func(fields []string) {
		addr, err := netip.ParseAddr(fields[0])
		if err != nil || addr.Zone() != "" {
			return
		}
		for _, name := range fields[1:] {
			if !isName(name) {
				continue
			}
			name = strings.ToLower(name)
			all = append(all, pair{name, addr.Unmap()})
			if old, ok := n.hosts[name]; !ok || old.Is6() && addr.Unmap().Is4() {
				n.hosts[name] = addr.Unmap()
			}
		}
	})
	for _, p := range all {
		if _, ok := n.hostNames[p.addr]; !ok && n.hosts[p.name] == p.addr {
			n.hostNames[p.addr] = p.name
		}
	}
}

func (n *Names) loadServices() {
	n.ports = make(map[string]uint16)
	n.portNames = make(map[uint16]string)
	type pair struct {
		name string
		port uint16
	}
	var all []pair
	add := func(name string, port uint16) {
		name = strings.ToLower(name)
		if _, ok := n.ports[name]; !ok && isName(name) {
			n.ports[name] = port
			all = append(all, pair{name, port})
		}
	}
	lines(n.servicesFile, func(fields []string) {
		number, proto, _ := strings.Cut(fields[1], "/")
		port, err := strconv.ParseUint(number, 10, 16)
		if err != nil || port == 0 || proto != "tcp" {
			return
		}
		add(fields[0], uint16(port))
		for _, alias := range fields[2:] {
			add(alias, uint16(port))
		}
	})
	for _, w := range wellKnown {
		add(w.name, w.port)
	}
	for _, p := range all {
		if _, ok := n.portNames[p.port]; !ok {
			n.portNames[p.port] = p.name
		}
	}
}

// isName tells whether s has the form of a host's or a port's name, which no
// number has.
func isName(s string) bool {
	letter := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			letter = true
		case c >= '0' && c <= '9' || strings.IndexByte("-._+*/", c) >= 0:
		default:
			return false
		}
	}
	return letter && s[0] != '-'
}

func (n *Names) host(name string) (netip.Addr, bool) {
	if n == nil {
		return netip.Addr{}, false
	}
	n.once.hosts.Do(n.loadHosts)
	a, ok := n.hosts[strings.ToLower(name)]
	return a, ok
}

func (n *Names) port(name string) (uint16, bool) {
	if n == nil {
		return 0, false
	}
	n.once.services.Do(n.loadServices)
	p, ok := n.ports[strings.ToLower(name)]
	return p, ok
}

// FormatAddr writes an address and port as ParseAddr reads it, by name where
// there is one. An IPv6 address stays a number: in brackets a name would not
// be taken for one.
func (n *Names) FormatAddr(a netip.AddrPort) string {
	if n == nil {
		return a.String()
	}
	n.once.hosts.Do(n.loadHosts)
	n.once.services.Do(n.loadServices)
	host, ok := n.hostNames[a.Addr()]
	if !ok {
		host = a.Addr().String()
		if a.Addr().Is6() {
			host = "[" + host + "]"
		}
	}
	port, ok := n.portNames[a.Port()]
	if !ok {
		port = strconv.Itoa(int(a.Port()))
	}
	return host + ":" + port
}

// ParseAddr reads HOST[:PORT]. The port is 0 if there is none. An IPv6 address
// with a port stands in brackets.
func (n *Names) ParseAddr(s string) (netip.AddrPort, error) {
	fail := func(hint, format string, args ...any) (netip.AddrPort, error) {
		return netip.AddrPort{}, &Error{Msg: fmt.Sprintf(format, args...), Hint: hint}
	}
	const form = "an address is HOST, HOST:PORT or [IPV6]:PORT"

	host, port, withPort := s, "", false
	switch {
	case s == "":
		return fail(form, "the address is empty")
	case s[0] == '[':
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return fail(form, `%s has no "]"`, quote(s))
		}
		host, port = s[1:end], s[end+1:]
		if port != "" {
			if port[0] != ':' {
				return fail(form, `%s has no ":" after the "]"`, quote(s))
			}
			port, withPort = port[1:], true
		}
		if a, err := netip.ParseAddr(host); err != nil || !a.Is6() {
			return fail(form, "%s is not an IPv6 address", quote(host))
		}
	case strings.Count(s, ":") > 1:
		if _, err := netip.ParseAddr(s); err != nil {
			return fail(form, "%s is not an IPv6 address", quote(s))
		}
	default:
		host, port, withPort = strings.Cut(s, ":")
	}

	addr, err := n.parseHost(host, s)
	if err != nil {
		return netip.AddrPort{}, err
	}
	number := uint16(0)
	if withPort {
		if number, err = n.ParsePort(port); err != nil {
			return netip.AddrPort{}, err
		}
	}
	return netip.AddrPortFrom(addr, number), nil
}

func (n *Names) parseHost(host, whole string) (netip.Addr, error) {
	bad := &Error{Msg: quote(host) + " is not an address"}
	if host == "" || host == "*" {
		bad.Msg = quote(whole) + " has no host"
		bad.Hint = "0.0.0.0 is every IPv4 address, [::] every IPv6 address of this machine"
		return netip.Addr{}, bad
	}
	addr, err := netip.ParseAddr(host)
	if err == nil {
		switch {
		case addr.Zone() != "":
			bad.Msg = quote(host) + " names an interface"
			bad.Hint = "link-local addresses cannot be used; give a global one"
			return netip.Addr{}, bad
		case addr.Is4In6():
			bad.Msg = quote(host) + " is an IPv4 address in an IPv6 dress"
			bad.Hint = "write " + addr.Unmap().String()
			return netip.Addr{}, bad
		}
		return addr, nil
	}
	if !isName(host) {
		if port, err := strconv.ParseUint(host, 10, 16); err == nil && port > 0 {
			bad.Hint = fmt.Sprintf("a port follows a host: 0.0.0.0:%d", port)
		}
		return netip.Addr{}, bad
	}
	if addr, ok := n.host(host); ok {
		return addr, nil
	}
	bad.Msg = "unknown host " + quote(host)
	bad.Hint = "names are looked up in /etc/hosts only, never in DNS: add it there or give the number"
	return netip.Addr{}, bad
}

// ParsePort reads a port: a number or a name.
func (n *Names) ParsePort(s string) (uint16, error) {
	if s == "" {
		return 0, &Error{Msg: "the port is empty", Hint: "leave out the colon, or give a port from 1 to 65535"}
	}
	if isName(s) {
		if p, ok := n.port(s); ok {
			return p, nil
		}
		return 0, &Error{Msg: "unknown port " + quote(s),
			Hint: "names are looked up in /etc/services: add it there or give the number"}
	}
	p, err := strconv.ParseUint(s, 10, 16)
	if err != nil || p == 0 {
		return 0, &Error{Msg: quote(s) + " is not a port", Hint: "a port is a number from 1 to 65535"}
	}
	return uint16(p), nil
}
