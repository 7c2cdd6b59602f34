// SPDX-License-Identifier: MIT

// From bytes to a validated request, by the rules and with the words of the
// kernel's own attribute policies (lib/nlattr.c).

package genlfake

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"github.com/mdlayher/netlink"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/spec"
)

const (
	headersLen = 16 + 4 // nlmsghdr, genlmsghdr
	nested     = 0x8000
	typeMask   = 0x3fff
)

// refusal is why a request is not done.
type refusal struct {
	errno   syscall.Errno
	message string
	offset  int // of the offending attribute in the message, 0 for none
}

// refuse makes a refusal; a may be nil.
func refuse(errno syscall.Errno, a *attr, format string, args ...any) *refusal {
	r := &refusal{errno: errno, message: fmt.Sprintf(format, args...)}
	if a != nil {
		r.offset = a.offset
	}
	return r
}

// attr is an attribute of a request.
type attr struct {
	def    *spec.Attribute
	offset int
	data   []byte
	nest   attrs
	more   []*attr // of one that may be repeated: those before it
}

// attrs are attributes by type; a repeated one counts the last time.
type attrs map[uint16]*attr

func (a attrs) has(t uint16) bool { return a[t] != nil }

// text returns a string up to its NUL.
func (a *attr) text() string {
	s, _, _ := bytes.Cut(a.data, []byte{0})
	return string(s)
}

func (a *attr) number() uint64 {
	order := binary.ByteOrder(binary.NativeEndian)
	if a.def.BigEndian {
		order = binary.BigEndian
	}
	switch len(a.data) {
	case 2:
		return uint64(order.Uint16(a.data))
	case 4:
		return uint64(order.Uint32(a.data))
	case 8:
		return order.Uint64(a.data)
	}
	return 0
}

// twice is no attribute's number: there is the first that came a second time.
const twice = 0

// parse validates data, a list of attributes of set. Allowed nil means any of
// the set; offset is where data begins in the message.
func parse(set *spec.Set, allowed *spec.Request, data []byte, offset int) (attrs, *refusal) {
	found := attrs{}
	at := 0
	for at+4 <= len(data) {
		length := int(binary.NativeEndian.Uint16(data[at:]))
		if length < 4 || at+length > len(data) {
			break
		}
		kind := binary.NativeEndian.Uint16(data[at+2:])
		a := &attr{offset: offset + at, data: data[at+4 : at+length]}
		a.def = set.Lookup(kind & typeMask)
		// A policy ends with the last attribute it allows.
		if a.def == nil || allowed != nil && a.def.Type > slices.Max(allowed.Attributes) {
			return nil, refuse(syscall.EINVAL, a, "Unknown attribute type")
		}
		if a.def.Kind == spec.KindPad || allowed != nil && !allowed.Allows(a.def.Type) {
			return nil, refuse(syscall.EINVAL, a, "Unsupported attribute")
		}
		if r := a.validate(kind&nested != 0); r != nil {
			return nil, r
		}
		switch before := found[a.def.Type]; {
		case before != nil && a.def.Multi:
			a.more = append(before.more, before)
		case before != nil && found[twice] == nil:
			found[twice] = a
		}
		if found[twice] == nil && a.nest[twice] != nil {
			found[twice] = a.nest[twice]
		}
		found[a.def.Type] = a
		at += (length + 3) &^ 3
	}
	if at < len(data) {
		return nil, refuse(syscall.EINVAL, nil, "bytes leftover after parsing attributes")
	}
	return found, nil
}

func (a *attr) validate(isNested bool) *refusal {
	size := map[spec.Kind]int{spec.KindU16: 2, spec.KindU32: 4}[a.def.Kind]
	switch a.def.Kind {
	case spec.KindU16, spec.KindU32:
		if len(a.data) != size {
			return refuse(syscall.EINVAL, a, "invalid attribute length")
		}
		// The kernel compares big-endian numbers as they lie there; for
		// a lower bound of 1 it is the same.
		if n := a.number(); a.def.Flags && n&^a.def.Max != 0 {
			return refuse(syscall.EINVAL, a, "reserved bit set")
		} else if n < a.def.Min || a.def.Max != 0 && n > a.def.Max {
			return refuse(syscall.ERANGE, a, "integer out of range")
		}
	case spec.KindUint:
		if len(a.data) != 4 && len(a.data) != 8 {
			return refuse(syscall.EINVAL, a, "invalid attribute length")
		}
	case spec.KindFlag:
		if len(a.data) != 0 {
			return refuse(syscall.ERANGE, a, "Attribute failed policy validation")
		}
	case spec.KindString:
		end := bytes.IndexByte(a.data, 0)
		if a.def.MaxLen != 0 && len(a.data) > a.def.MaxLen+1 {
			if end < 0 || end > a.def.MaxLen {
				return refuse(syscall.EINVAL, a, "Attribute failed policy validation")
			}
			return refuse(syscall.ERANGE, a, "Attribute failed policy validation")
		}
		if end < 0 {
			return refuse(syscall.EINVAL, a, "Attribute failed policy validation")
		}
	case spec.KindBinary:
		if len(a.data) < a.def.MinLen || a.def.MaxLen != 0 && len(a.data) > a.def.MaxLen {
			return refuse(syscall.ERANGE, a, "binary attribute size out of range")
		}
	case spec.KindNest:
		if !isNested {
			return refuse(syscall.EINVAL, a, "NLA_F_NESTED is missing")
		}
		var r *refusal
		a.nest, r = parse(a.def.Nest, nil, a.data, a.offset+4)
		return r
	}
	return nil
}

// address reads the nest of an end point; a server is connected to, which not
// every address allows.
func (a *attr) address(server bool) (netip.AddrPort, *refusal) {
	ap, v, r := a.endpoint()
	if r != nil {
		return ap, r
	}
	ip := ap.Addr()
	switch {
	case ip.IsMulticast():
		return ap, refuse(syscall.EINVAL, v, "a multicast address has no TCP")
	case ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return ap, refuse(syscall.EINVAL, v, "the broadcast address has no TCP")
	case ip.Is4In6():
		return ap, refuse(syscall.EINVAL, v, "an IPv4 address in IPv6 form: give it as IPv4")
	case ip.Is6() && ip.IsLinkLocalUnicast():
		return ap, refuse(syscall.EINVAL, v, "a link-local address is of no use without an interface")
	case server && ip.Is4() && ip.As4()[0] == 0:
		return ap, refuse(syscall.EINVAL, v, "a server needs an address of its own, not 0.0.0.0")
	case server && ip.IsUnspecified():
		return ap, refuse(syscall.EINVAL, v, "a server needs an address of its own, not ::")
	}
	return ap, nil
}

func (a *attr) endpoint() (netip.AddrPort, *attr, *refusal) {
	v4, v6, port := a.nest[spec.AAddressIPv4], a.nest[spec.AAddressIPv6], a.nest[spec.AAddressPort]
	switch {
	case v4 != nil && v6 != nil:
		return netip.AddrPort{}, nil, refuse(syscall.EINVAL, v6, "an address is IPv4 or IPv6, not both")
	case v4 == nil && v6 == nil:
		return netip.AddrPort{}, nil, refuse(syscall.EINVAL, nil, "the IPv4 or IPv6 address is missing")
	case port == nil:
		return netip.AddrPort{}, nil, refuse(syscall.EINVAL, nil, "the port is missing")
	}
	b := v4
	if b == nil {
		b = v6
	}
	ip, _ := netip.AddrFromSlice(b.data)
	return netip.AddrPortFrom(ip, uint16(port.number())), b, nil
}

// networks reads the nest of a list of networks.
func (a *attr) networks() ([]netip.Prefix, *refusal) {
	last := a.nest[spec.ANetworksNetwork]
	if last == nil {
		return nil, nil
	}
	all := append(slices.Clone(last.more), last)
	if len(all) > genl.TrustedMax {
		return nil, refuse(syscall.E2BIG, a, "%d trusted networks: a service has at most %d", len(all), genl.TrustedMax)
	}
	var list []netip.Prefix
	for _, n := range all {
		p, r := n.network()
		if r != nil {
			return nil, r
		}
		list = append(list, p)
	}
	return list, nil
}

func (a *attr) network() (netip.Prefix, *refusal) {
	v4, v6, bits := a.nest[spec.ANetworkIPv4], a.nest[spec.ANetworkIPv6], a.nest[spec.ANetworkPrefix]
	switch {
	case v4 != nil && v6 != nil:
		return netip.Prefix{}, refuse(syscall.EINVAL, v6, "a network is IPv4 or IPv6, not both")
	case v4 == nil && v6 == nil:
		return netip.Prefix{}, refuse(syscall.EINVAL, nil, "the IPv4 or IPv6 address is missing")
	case bits == nil:
		return netip.Prefix{}, refuse(syscall.EINVAL, nil, "the length of the prefix is missing")
	case v4 != nil && bits.number() > 32:
		return netip.Prefix{}, refuse(syscall.EINVAL, bits, "the prefix of an IPv4 network has at most 32 bits")
	}
	at := v4
	if at == nil {
		at = v6
	}
	ip, _ := netip.AddrFromSlice(at.data)
	p := netip.PrefixFrom(ip, int(bits.number()))
	switch {
	case ip.Is4In6() && p.Bits() >= 96:
		return p, refuse(syscall.EINVAL, v6, "an IPv4 network in IPv6 form: give it as IPv4")
	case p != p.Masked():
		return p, refuse(syscall.EINVAL, at, "a network has no bits behind its prefix")
	}
	return p, nil
}

// describe writes a request as a line.
func describe(op *spec.Op, isDump bool, found attrs) string {
	var b strings.Builder
	b.WriteString(op.Name)
	if isDump {
		b.WriteString(" dump")
	}
	found.describe(&b, op.Set, "")
	return b.String()
}

func (a attrs) describe(b *strings.Builder, set *spec.Set, prefix string) {
	for i := range set.Attributes {
		v := a[set.Attributes[i].Type]
		if v == nil {
			continue
		}
		name := prefix + v.def.Name
		switch v.def.Kind {
		case spec.KindFlag:
			fmt.Fprintf(b, " %s", name)
		case spec.KindString:
			fmt.Fprintf(b, " %s=%s", name, v.text())
		case spec.KindBinary:
			fmt.Fprintf(b, " %s=%x", name, v.data)
		case spec.KindNest:
			if ap, _, r := v.endpoint(); v.def.Nest == spec.SetAddress && r == nil {
				fmt.Fprintf(b, " %s=%s", name, ap)
			} else if list, r := v.networks(); v.def.Nest == spec.SetNetworks && r == nil {
				fmt.Fprintf(b, " %s=", name)
				for i, p := range list {
					if i > 0 {
						b.WriteByte(',')
					}
					b.WriteString(p.String())
				}
			} else {
				v.nest.describe(b, v.def.Nest, name+".")
			}
		default:
			fmt.Fprintf(b, " %s=%d", name, v.number())
		}
	}
}

// handle works on one message from s.
func (k *Kernel) handle(s *socket, m netlink.Message) {
	if m.Header.Flags&netlink.Request == 0 {
		return
	}
	for len(m.Data)%4 != 0 { // as it is on the way to a kernel
		m.Data = append(m.Data[:len(m.Data):len(m.Data)], 0)
	}
	if r := k.dispatch(s, m); r != nil {
		if s.tx != nil && m.Header.Type == netlink.HeaderType(k.familyID) && len(m.Data) >= 4 && isRules(m.Data[0]) {
			s.tx.spoil()
		}
		s.acknowledge(m, r)
	} else if m.Header.Flags&netlink.Dump != netlink.Dump {
		s.acknowledge(m, nil)
	}
}

func (k *Kernel) dispatch(s *socket, m netlink.Message) *refusal {
	if len(m.Data) < 4 {
		return refuse(syscall.EINVAL, nil, "")
	}
	cmd, data := m.Data[0], m.Data[4:]
	if m.Header.Type == ctrlFamily {
		return k.control(s, m, cmd, data)
	}
	if !k.loaded || m.Header.Type != netlink.HeaderType(k.familyID) {
		return refuse(syscall.ENOENT, nil, "")
	}
	op := spec.ByCmd(cmd)
	isDump := m.Header.Flags&netlink.Dump == netlink.Dump
	var form *spec.Request
	if op != nil {
		form = op.Do
		if isDump {
			form = op.Dump
		}
	}
	if form == nil {
		return refuse(syscall.EOPNOTSUPP, nil, "")
	}
	found := attrs{}
	if len(form.Attributes) > 0 { // without a policy nothing is looked at
		var r *refusal
		if found, r = parse(op.Set, form, data, headersLen); r != nil {
			return r
		}
	}
	k.requests = append(k.requests, logged{op.Admin && !isDump, describe(op, isDump, found)})
	if op.Admin && k.denied && isDump {
		return refuse(syscall.EPERM, nil, "connections are private: they need CAP_NET_ADMIN")
	}
	if op.Admin && k.denied {
		return refuse(syscall.EPERM, nil, "changes need CAP_NET_ADMIN")
	}
	if r := once(form, found, data); r != nil {
		return r
	}
	for i, f := range k.failures {
		if f.op == op.Name {
			k.failures = append(k.failures[:i:i], k.failures[i+1:]...)
			return f.err
		}
	}
	if isDump {
		return k.startDump(s, m, op, found)
	}
	replies, r := k.do(s, op, found)
	if r != nil {
		return r
	}
	for _, reply := range replies {
		s.push([]netlink.Message{reply.netlink(netlink.Header{Type: m.Header.Type, Sequence: m.Header.Sequence, PID: s.pid})})
	}
	return nil
}

// once is what no policy says.
func once(form *spec.Request, found attrs, data []byte) *refusal {
	switch {
	case found[twice] != nil:
		return refuse(syscall.EINVAL, found[twice], "attribute given twice")
	case len(form.Attributes) == 0 && len(data) > 0:
		return refuse(syscall.EINVAL, &attr{offset: headersLen}, "this operation takes no attributes")
	}
	return nil
}

// The generic netlink controller, as far as looking a family up needs it.
const (
	ctrlFamily    = 0x10
	ctrlGetFamily = 3
	ctrlNewFamily = 1
)

// groups are the family's, by number.
var groups = map[uint32]string{7: spec.GroupConfig, 8: spec.GroupLog}

func (k *Kernel) control(s *socket, m netlink.Message, cmd uint8, data []byte) *refusal {
	ad, err := netlink.NewAttributeDecoder(data)
	if cmd != ctrlGetFamily || err != nil {
		return refuse(syscall.EOPNOTSUPP, nil, "")
	}
	name := ""
	for ad.Next() {
		if ad.Type() == 2 { // CTRL_ATTR_FAMILY_NAME
			name = ad.String()
		}
	}
	if name != spec.Family || !k.loaded {
		return refuse(syscall.ENOENT, nil, "")
	}
	ae := netlink.NewAttributeEncoder()
	ae.String(2, spec.Family)
	ae.Uint16(1, k.familyID)
	ae.Uint32(3, spec.Version)
	ae.Nested(7, func(list *netlink.AttributeEncoder) error {
		for id, name := range groups {
			list.Nested(uint16(id), func(g *netlink.AttributeEncoder) error {
				g.Uint32(2, id)
				g.String(1, name)
				return nil
			})
		}
		return nil
	})
	reply := message{ctrlNewFamily, must(ae.Encode())}
	s.push([]netlink.Message{reply.netlink(netlink.Header{Type: ctrlFamily, Sequence: m.Header.Sequence, PID: s.pid})})
	return nil
}
