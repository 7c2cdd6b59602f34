// SPDX-License-Identifier: MIT

// Services and servers as messages.

package genlfake

import (
	"encoding/binary"
	"net/netip"

	"github.com/mdlayher/netlink"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/genl/internal/spec"
)

func (k *Kernel) serviceMessage(cmd uint8, s *service) message {
	run := k.run[s.id]
	ae := netlink.NewAttributeEncoder()
	ae.String(spec.AServiceName, s.name)
	ae.Uint32(spec.AServiceID, s.id)
	ae.Uint32(spec.AServiceMode, uint32(s.mode))
	ae.String(spec.AServiceScheduler, s.scheduler)
	address(ae, spec.AServiceListen, s.listen)
	ae.Uint32(spec.AServiceState, uint32(run.state))
	numbers(ae, spec.AServiceTimeouts, spec.SetTimeouts, s.timeouts)
	numbers(ae, spec.AServiceLimits, spec.SetLimits, s.limits)
	ae.Uint32(spec.AServiceForwarded, s.forwarded)
	ae.Uint32(spec.AServiceServers, uint32(len(s.servers)))
	ae.Nested(spec.AServiceStats, func(nae *netlink.AttributeEncoder) error {
		scalars(nae, spec.SetStats, &run.stats)
		return nil
	})
	return message{cmd, must(ae.Encode())}
}

func (k *Kernel) serverMessage(cmd uint8, s *service, srv *realServer) message {
	state := genl.ServerStateUp
	if srv.weight == 0 {
		state = genl.ServerStateDrain
	}
	ae := netlink.NewAttributeEncoder()
	ae.String(spec.AServerService, s.name)
	ae.Uint32(spec.AServerID, srv.id)
	address(ae, spec.AServerAddress, srv.addr)
	ae.Uint32(spec.AServerWeight, srv.weight)
	ae.Uint32(spec.AServerState, uint32(state))
	ae.Nested(spec.AServerStats, func(nae *netlink.AttributeEncoder) error {
		scalars(nae, spec.SetServerStats, k.serving[srv.id])
		return nil
	})
	return message{cmd, must(ae.Encode())}
}

func address(ae *netlink.AttributeEncoder, t uint16, ap netip.AddrPort) {
	ae.Nested(t, func(nae *netlink.AttributeEncoder) error {
		kind := spec.AAddressIPv6
		if ap.Addr().Is4() {
			kind = spec.AAddressIPv4
		}
		nae.Bytes(kind, ap.Addr().AsSlice())
		nae.Bytes(spec.AAddressPort, binary.BigEndian.AppendUint16(nil, ap.Port()))
		return nil
	})
}

func numbers(ae *netlink.AttributeEncoder, t uint16, set *spec.Set, values map[uint16]uint32) {
	ae.Nested(t, func(nae *netlink.AttributeEncoder) error {
		for i := range set.Attributes {
			nae.Uint32(set.Attributes[i].Type, values[set.Attributes[i].Type])
		}
		return nil
	})
}
