// SPDX-License-Identifier: MIT

// Attributes of objects that come by the hundred thousand. The decoder that
// serves everywhere else calls a function for each attribute and allocates for
// each object; this reads them where they are.

package genl

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/mdlayher/netlink"

	"github.com/ktcpvs/ktcpvs/internal/spec"
)

// scanner goes over a list of attributes; err is the first that was wrong.
type scanner struct {
	rest  []byte
	typ   uint16
	value []byte
	err   error
}

var errAttribute = errors.New("an attribute does not fit into its message")

func (s *scanner) next() bool {
	if s.err != nil || len(s.rest) == 0 {
		return false
	}
	if len(s.rest) < 4 {
		s.err = errAttribute
		return false
	}
	n := int(binary.NativeEndian.Uint16(s.rest))
	if n < 4 || n > len(s.rest) {
		s.err = errAttribute
		return false
	}
	s.typ = binary.NativeEndian.Uint16(s.rest[2:]) &^ (netlink.Nested | netlink.NetByteOrder)
	s.value = s.rest[4:n]
	s.rest = s.rest[min((n+3)&^3, len(s.rest)):]
	return true
}

// sized tells whether the value has n bytes.
func (s *scanner) sized(n int) bool {
	if len(s.value) == n {
		return true
	}
	s.fail(fmt.Errorf("attribute %d has %d bytes, not %d", s.typ, len(s.value), n))
	return false
}

func (s *scanner) uint32() uint32 {
	if !s.sized(4) {
		return 0
	}
	return binary.NativeEndian.Uint32(s.value)
}

// uint is a number of 4 or 8 bytes.
func (s *scanner) uint() uint64 {
	if len(s.value) == 8 {
		return binary.NativeEndian.Uint64(s.value)
	}
	return uint64(s.uint32())
}

func (s *scanner) string() string {
	b := s.value
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return string(b)
}

// fail keeps the first error, of a nest for instance.
func (s *scanner) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

func (s *scanner) address() netip.AddrPort {
	var (
		addr     netip.Addr
		port     uint16
		families int
	)
	in := scanner{rest: s.value}
	for in.next() {
		switch in.typ {
		case spec.AAddressIPv4:
			if in.sized(4) {
				addr = netip.AddrFrom4([4]byte(in.value))
				families++
			}
		case spec.AAddressIPv6:
			if in.sized(16) {
				addr = netip.AddrFrom16([16]byte(in.value))
				families++
			}
		case spec.AAddressPort:
			if in.sized(2) {
				port = binary.BigEndian.Uint16(in.value)
			}
		}
	}
	if in.err == nil && families != 1 {
		in.err = fmt.Errorf("address with %d families, not one", families)
	}
	if s.fail(in.err); s.err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(addr, port)
}

func (v *Server) scan(b []byte) error {
	s := scanner{rest: b}
	for s.next() {
		switch s.typ {
		case spec.AServerService:
			v.Service = s.string()
		case spec.AServerID:
			v.ID = s.uint32()
		case spec.AServerAddress:
			v.Address = s.address()
		case spec.AServerWeight:
			v.Weight = s.uint32()
		case spec.AServerState:
			v.State = ServerState(s.uint32())
		case spec.AServerStats:
			s.fail(v.Stats.scan(s.value))
		case spec.AServerZeroed:
			v.Zeroed = s.uint32()
		}
	}
	return s.err
}
