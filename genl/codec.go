// SPDX-License-Identifier: MIT

// Attributes to values and back, for what is more than a scalar. Decoders take
// what any kernel may send: an unknown attribute is skipped, a wrong length is
// an error, an address without a port or with two families is an error.

package genl

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/mdlayher/netlink"

	"github.com/ktcpvs/ktcpvs/internal/spec"
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

// encodeUint writes a number in 8 bytes, which the kernel takes for any.
func encodeUint(ae *netlink.AttributeEncoder, t uint16, n uint64) { ae.Uint64(t, n) }

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

func nestedAddress(ad *netlink.AttributeDecoder, to *netip.AddrPort) {
	ad.Nested(func(nad *netlink.AttributeDecoder) (err error) {
		*to, err = decodeAddress(nad)
		return err
	})
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

func decodeNetwork(ad *netlink.AttributeDecoder) (netip.Prefix, error) {
	var (
		addr     netip.Addr
		bits     uint32
		families int
	)
	for ad.Next() {
		switch ad.Type() {
		case spec.ANetworkIPv4, spec.ANetworkIPv6:
			want := 4
			if ad.Type() == spec.ANetworkIPv6 {
				want = 16
			}
			ad.Do(func(b []byte) error {
				if len(b) != want {
					return fmt.Errorf("network address of %d bytes, not %d", len(b), want)
				}
				addr, _ = netip.AddrFromSlice(b)
				families++
				return nil
			})
		case spec.ANetworkPrefix:
			bits = ad.Uint32()
		}
	}
	if err := ad.Err(); err != nil {
		return netip.Prefix{}, err
	}
	if families != 1 || bits > uint32(addr.BitLen()) {
		return netip.Prefix{}, fmt.Errorf("network with %d families and a prefix of %d bits", families, bits)
	}
	return netip.PrefixFrom(addr, int(bits)), nil
}

func decodeNetworks(ad *netlink.AttributeDecoder) ([]netip.Prefix, error) {
	networks := []netip.Prefix{}
	for ad.Next() {
		if ad.Type() != spec.ANetworksNetwork {
			continue
		}
		ad.Nested(func(nad *netlink.AttributeDecoder) error {
			p, err := decodeNetwork(nad)
			networks = append(networks, p)
			return err
		})
	}
	return networks, ad.Err()
}

// encodeNetworks writes a list of networks as a nest. Bits behind a prefix are
// refused here, where the network can be named.
func encodeNetworks(ae *netlink.AttributeEncoder, t uint16, networks []netip.Prefix) {
	ae.Nested(t, func(list *netlink.AttributeEncoder) error {
		if len(networks) > TrustedMax {
			return fmt.Errorf("%d trusted networks: a service has at most %d", len(networks), TrustedMax)
		}
		for _, p := range networks {
			encodeNetwork(list, spec.ANetworksNetwork, "trusted network", p)
		}
		return nil
	})
}

func encodeNetwork(ae *netlink.AttributeEncoder, t uint16, what string, p netip.Prefix) {
	ae.Nested(t, func(nae *netlink.AttributeEncoder) error {
		switch {
		case !p.IsValid():
			return fmt.Errorf("a %s is missing or invalid", what)
		case p.Addr().Is4In6():
			return fmt.Errorf("network %s: give an IPv4 network as IPv4", p)
		case p != p.Masked():
			return fmt.Errorf("network %s has bits behind its prefix: %s", p, p.Masked())
		}
		kind := spec.ANetworkIPv6
		if p.Addr().Is4() {
			kind = spec.ANetworkIPv4
		}
		nae.Bytes(kind, p.Addr().AsSlice())
		nae.Uint32(spec.ANetworkPrefix, uint32(p.Bits()))
		return nil
	})
}

// flagNames lists the flags of v; one without a name is told by its number.
func flagNames(v uint32, names []string) []string {
	set := []string{}
	for i := range 32 {
		switch {
		case v>>i&1 == 0:
		case i < len(names):
			set = append(set, names[i])
		default:
			set = append(set, fmt.Sprintf("unknown(%#x)", uint32(1)<<i))
		}
	}
	return set
}

func flagString(v uint32, names []string) string {
	if v == 0 {
		return "none"
	}
	return strings.Join(flagNames(v, names), ",")
}

func flagOf(s string, names []string) (uint32, error) {
	i := slices.Index(names, s)
	if i < 0 {
		return 0, fmt.Errorf("%q is none of %q", s, names)
	}
	return 1 << i, nil
}

func parseFlags(s string, names []string) (v uint32, err error) {
	if s == "none" {
		return 0, nil
	}
	for _, name := range strings.Split(s, ",") {
		flag, err := flagOf(name, names)
		if err != nil {
			return 0, err
		}
		v |= flag
	}
	return v, nil
}

func unmarshalFlags(b []byte, names []string) (v uint32, err error) {
	var list []string
	if err := json.Unmarshal(b, &list); err != nil {
		return 0, err
	}
	for _, name := range list {
		flag, err := flagOf(name, names)
		if err != nil {
			return 0, err
		}
		v |= flag
	}
	return v, nil
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
	if c.Forward != nil {
		ae.Uint32(spec.AServiceForward, uint32(*c.Forward))
	}
	if c.Trusted != nil {
		encodeNetworks(ae, spec.AServiceTrusted, *c.Trusted)
	}
	encodeSwitch(ae, spec.AServiceAcceptProxy, c.AcceptProxy)
	if c.SendProxy != nil {
		ae.Uint32(spec.AServiceSendProxy, uint32(*c.SendProxy))
	}
	if c.Allow != nil {
		ae.Uint32(spec.AServiceAllow, uint32(*c.Allow))
	}
	switch {
	case c.Fallback == nil:
	case *c.Fallback == netip.AddrPort{}:
		ae.Nested(spec.AServiceFallback, func(*netlink.AttributeEncoder) error { return nil })
	default:
		encodeAddress(ae, spec.AServiceFallback, *c.Fallback)
	}
	c.Hash.encode(ae, spec.AServiceHash)
	if c.Cookie != nil {
		c.Cookie.encode(ae)
	}
	encodeSwitch(ae, spec.AServiceServerHistograms, c.ServerHistograms)
}

// encodeSwitch puts a number of 0 or 1, nothing for nil.
func encodeSwitch(ae *netlink.AttributeEncoder, t uint16, on *bool) {
	if on == nil {
		return
	}
	var n uint32
	if *on {
		n = 1
	}
	ae.Uint32(t, n)
}

func (c HashConfig) encode(ae *netlink.AttributeEncoder, t uint16) {
	if c == (HashConfig{}) {
		return
	}
	ae.Nested(t, func(nae *netlink.AttributeEncoder) error {
		if c.Key != nil {
			nae.Uint32(spec.AHashKey, uint32(*c.Key))
		}
		if c.Key != nil && *c.Key == HashKeyMatch {
			nae.Uint32(spec.AHashCapture, c.Capture)
			nae.Uint32(spec.AHashGroup, c.Group)
		}
		if c.Name != "" {
			encodeString(nae, spec.AHashName, "the name of what is hashed", c.Name)
		}
		if c.Bound != nil {
			nae.Uint32(spec.AHashBound, *c.Bound)
		}
		return nil
	})
}

func (h *Hash) decode(ad *netlink.AttributeDecoder) error {
	for ad.Next() {
		switch ad.Type() {
		case spec.AHashKey:
			h.Key = HashKey(ad.Uint32())
		case spec.AHashName:
			h.Name = ad.String()
		case spec.AHashBound:
			h.Bound = ad.Uint32()
		case spec.AHashCapture:
			h.Capture = ad.Uint32()
		case spec.AHashGroup:
			h.Group = ad.Uint32()
		}
	}
	return ad.Err()
}

func (s *Service) decode(ad *netlink.AttributeDecoder) error {
	s.Trusted = []netip.Prefix{}
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
			nestedAddress(ad, &s.Listen)
		case spec.AServiceState:
			s.State = ServiceState(ad.Uint32())
		case spec.AServiceTimeouts:
			ad.Nested(s.Timeouts.decode)
		case spec.AServiceLimits:
			ad.Nested(s.Limits.decode)
		case spec.AServiceForward:
			s.Forward = Forward(ad.Uint32())
		case spec.AServiceTrusted:
			ad.Nested(func(nad *netlink.AttributeDecoder) (err error) {
				s.Trusted, err = decodeNetworks(nad)
				return err
			})
		case spec.AServiceAcceptProxy:
			s.AcceptProxy = ad.Uint32() != 0
		case spec.AServiceServerHistograms:
			s.ServerHistograms = ad.Uint32() != 0
		case spec.AServiceSendProxy:
			s.SendProxy = ProxyHeader(ad.Uint32())
		case spec.AServiceAllow:
			s.Allow = Allow(ad.Uint32())
		case spec.AServiceServers:
			s.Servers = ad.Uint32()
		case spec.AServiceStats:
			ad.Do(s.Stats.scan)
		case spec.AServiceRules:
			s.Rules = ad.Uint32()
		case spec.AServiceZeroed:
			s.Zeroed = ad.Uint32()
		case spec.AServiceFallback:
			if s.Fallback = (netip.AddrPort{}); len(ad.Bytes()) > 0 { // empty is none
				nestedAddress(ad, &s.Fallback)
			}
		case spec.AServiceHash:
			ad.Nested(s.Hash.decode)
		case spec.AServiceCookie:
			ad.Nested(func(nad *netlink.AttributeDecoder) (err error) {
				s.Cookie, err = decodeCookie(nad)
				return err
			})
		}
	}
	return ad.Err()
}
