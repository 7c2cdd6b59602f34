// SPDX-License-Identifier: MIT

// Attributes to values and back, for what is more than a scalar. Decoders take
// what any kernel may send: an unknown attribute is skipped, a wrong length is
// an error, an address without a port or with two families is an error.

package genl

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"time"

	"github.com/mdlayher/netlink"

	"github.com/ktcpvs/ktcpvs/genl/internal/spec"
)

// maxString is more than any string of the protocol may have; the kernel
// refuses it by its own bound.
const maxString = 1024

// Counter describes one number of ServiceStats or ServerStats.
type Counter struct {
	// Name is the one of the protocol: "client-bytes-in".
	Name string
	// Doc says what it counts.
	Doc string
	// Gauge is true for a state that goes up and down, not a sum.
	Gauge bool
}

func since(n, old uint64) uint64 {
	if n < old {
		return n
	}
	return n - old
}

// decodeUint takes a number of 4 or 8 bytes.
func decodeUint(ad *netlink.AttributeDecoder) (n uint64) {
	ad.Do(func(b []byte) error {
		switch len(b) {
		case 4:
			n = uint64(binary.NativeEndian.Uint32(b))
		case 8:
			n = binary.NativeEndian.Uint64(b)
		default:
			return fmt.Errorf("attribute %d is a number of %d bytes", ad.Type(), len(b))
		}
		return nil
	})
	return n
}

// encodeString writes s with its NUL. The length field of an attribute would
// overflow silently and a NUL within would cut s off; neither must turn one
// name into another.
func encodeString(ae *netlink.AttributeEncoder, t uint16, what, s string) {
	if len(s) > maxString || strings.IndexByte(s, 0) >= 0 {
		ae.Do(t, func() ([]byte, error) {
			if len(s) > maxString {
				return nil, fmt.Errorf("%s is too long (%d bytes)", what, len(s))
			}
			return nil, fmt.Errorf("%s contains a NUL byte", what)
		})
		return
	}
	ae.String(t, s)
}

// encodeDuration writes whole milliseconds; what the wire cannot carry is an
// error of the encoder.
func encodeDuration(ae *netlink.AttributeEncoder, t uint16, name string, d time.Duration) {
	ms := d.Milliseconds()
	if d < 0 || ms > math.MaxUint32 || d%time.Millisecond != 0 {
		ae.Do(t, func() ([]byte, error) {
			return nil, fmt.Errorf("%s: %v is not a whole number of milliseconds up to %d", name, d, uint32(math.MaxUint32))
		})
		return
	}
	ae.Uint32(t, uint32(ms))
}

func decodeAddress(ad *netlink.AttributeDecoder) (netip.AddrPort, error) {
	var (
		addr     netip.Addr
		port     uint16
		families int
	)
	for ad.Next() {
		switch ad.Type() {
		case spec.AAddressIPv4, spec.AAddressIPv6:
			want := 4
			if ad.Type() == spec.AAddressIPv6 {
				want = 16
			}
			ad.Do(func(b []byte) error {
				if len(b) != want {
					return fmt.Errorf("address of %d bytes, not %d", len(b), want)
				}
				addr, _ = netip.AddrFromSlice(b)
				families++
				return nil
			})
		case spec.AAddressPort:
			ad.Do(func(b []byte) error {
				if len(b) != 2 {
					return fmt.Errorf("port of %d bytes, not 2", len(b))
				}
				port = binary.BigEndian.Uint16(b)
				return nil
			})
		}
	}
	if err := ad.Err(); err != nil {
		return netip.AddrPort{}, err
	}
	if families != 1 {
		return netip.AddrPort{}, fmt.Errorf("address with %d families, not one", families)
	}
	return netip.AddrPortFrom(addr, port), nil
}

// encodeAddress writes ap as a nest. An IPv4 address mapped into IPv6 is sent
// as IPv4, which it means; a zone has no place in the protocol.
func encodeAddress(ae *netlink.AttributeEncoder, t uint16, ap netip.AddrPort) {
	ae.Nested(t, func(nae *netlink.AttributeEncoder) error {
		addr := ap.Addr()
		switch {
		case !addr.IsValid():
			return fmt.Errorf("the address is missing")
		case addr.Zone() != "":
			return fmt.Errorf("address %s: a zone is not supported", ap)
		case addr.Is4() || addr.Is4In6():
			b := addr.As4()
			nae.Bytes(spec.AAddressIPv4, b[:])
		default:
			b := addr.As16()
			nae.Bytes(spec.AAddressIPv6, b[:])
		}
		port := binary.BigEndian.AppendUint16(nil, ap.Port())
		nae.Bytes(spec.AAddressPort, port)
		return nil
	})
}

func (c ServiceConfig) encode(ae *netlink.AttributeEncoder) {
	if c.Mode != nil {
		ae.Uint32(spec.AServiceMode, uint32(*c.Mode))
	}
	if c.Scheduler != nil {
		encodeString(ae, spec.AServiceScheduler, "the name of a scheduler", *c.Scheduler)
	}
	if c.Listen != nil {
		encodeAddress(ae, spec.AServiceListen, *c.Listen)
	}
	if c.Timeouts != (TimeoutsConfig{}) {
		ae.Nested(spec.AServiceTimeouts, func(nae *netlink.AttributeEncoder) error {
			c.Timeouts.encode(nae)
			return nil
		})
	}
	if c.Limits != (LimitsConfig{}) {
		ae.Nested(spec.AServiceLimits, func(nae *netlink.AttributeEncoder) error {
			c.Limits.encode(nae)
			return nil
		})
	}
	if c.Forwarded != nil {
		var on uint32
		if *c.Forwarded {
			on = 1
		}
		ae.Uint32(spec.AServiceForwarded, on)
	}
}

func (s *Service) decode(ad *netlink.AttributeDecoder) error {
	for ad.Next() {
		switch ad.Type() {
		case spec.AServiceName:
			s.Name = ad.String()
		case spec.AServiceID:
			s.ID = ad.Uint32()
		case spec.AServiceMode:
			s.Mode = Mode(ad.Uint32())
		case spec.AServiceScheduler:
			s.Scheduler = ad.String()
		case spec.AServiceListen:
			ad.Nested(func(nad *netlink.AttributeDecoder) (err error) {
				s.Listen, err = decodeAddress(nad)
				return err
			})
		case spec.AServiceState:
			s.State = ServiceState(ad.Uint32())
		case spec.AServiceTimeouts:
			ad.Nested(s.Timeouts.decode)
		case spec.AServiceLimits:
			ad.Nested(s.Limits.decode)
		case spec.AServiceForwarded:
			s.Forwarded = ad.Uint32() != 0
		case spec.AServiceServers:
			s.Servers = ad.Uint32()
		case spec.AServiceStats:
			ad.Nested(s.Stats.decode)
		}
	}
	return ad.Err()
}

func (s *Server) decode(ad *netlink.AttributeDecoder) error {
	for ad.Next() {
		switch ad.Type() {
		case spec.AServerService:
			s.Service = ad.String()
		case spec.AServerID:
			s.ID = ad.Uint32()
		case spec.AServerAddress:
			ad.Nested(func(nad *netlink.AttributeDecoder) (err error) {
				s.Address, err = decodeAddress(nad)
				return err
			})
		case spec.AServerWeight:
			s.Weight = ad.Uint32()
		case spec.AServerState:
			s.State = ServerState(ad.Uint32())
		case spec.AServerStats:
			ad.Nested(s.Stats.decode)
		}
	}
	return ad.Err()
}
