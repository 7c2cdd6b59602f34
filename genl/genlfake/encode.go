// SPDX-License-Identifier: MIT

// Objects as messages, by the tables of the protocol and not by the client's own
// encoders and decoders: the JSON names of a struct's fields are the names of the
// specification.

package genlfake

import (
	"encoding/binary"
	"net/netip"
	"reflect"
	"strings"
	"sync"

	"github.com/mdlayher/netlink"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/spec"
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
	ae.Uint32(spec.AServiceForward, s.forward)
	networks(ae, spec.AServiceTrusted, s.trusted)
	ae.Uint32(spec.AServiceAcceptProxy, s.acceptProxy)
	ae.Uint32(spec.AServiceSendProxy, s.sendProxy)
	ae.Uint32(spec.AServiceAllow, s.allow)
	ae.Uint32(spec.AServiceServers, uint32(len(s.servers)))
	ae.Nested(spec.AServiceStats, func(nae *netlink.AttributeEncoder) error {
		scalars(nae, spec.SetStats, &run.stats)
		return nil
	})
	ae.Uint32(spec.AServiceZeroed, run.zeroed)
	ae.Uint32(spec.AServiceRules, uint32(len(s.rules)))
	if s.fallback != nil {
		address(ae, spec.AServiceFallback, s.fallback.addr)
	}
	hash(ae, spec.AServiceHash, s.hash)
	s.cookie.encode(ae)
	ae.Uint32(spec.AServiceServerHistograms, s.serverHistograms)
	return message{cmd, must(ae.Encode())}
}

func (k *Kernel) serverMessage(cmd uint8, s *service, srv *realServer, brief bool) message {
	state := genl.ServerStateUp
	if srv.weight == 0 {
		state = genl.ServerStateDrain
	}
	if srv.fallback {
		state = genl.ServerStateFallback
	}
	ae := netlink.NewAttributeEncoder()
	ae.String(spec.AServerService, s.name)
	ae.Uint32(spec.AServerID, srv.id)
	address(ae, spec.AServerAddress, srv.addr)
	ae.Uint32(spec.AServerWeight, srv.weight)
	ae.Uint32(spec.AServerState, uint32(state))
	if !brief {
		ae.Nested(spec.AServerStats, func(nae *netlink.AttributeEncoder) error {
			scalars(nae, spec.SetServerStats, &k.serving[srv.id].stats)
			return nil
		})
		ae.Uint32(spec.AServerZeroed, k.serving[srv.id].zeroed)
	}
	return message{cmd, must(ae.Encode())}
}

func connectionMessage(cmd uint8, c *genl.Connection) message {
	ae := netlink.NewAttributeEncoder()
	ae.Uint64(spec.AConnectionID, uint64(c.ID))
	ae.String(spec.AConnectionService, c.Service)
	address(ae, spec.AConnectionClient, c.Client)
	if c.Peer.IsValid() {
		address(ae, spec.AConnectionPeer, c.Peer)
	}
	if c.Server.IsValid() {
		ae.Uint32(spec.AConnectionServerID, c.ServerID)
		address(ae, spec.AConnectionServer, c.Server)
	}
	ae.Uint32(spec.AConnectionState, uint32(c.State))
	ae.Uint32(spec.AConnectionCPU, c.CPU)
	ae.Uint32(spec.AConnectionAge, uint32(c.Age.Milliseconds()))
	ae.Uint64(spec.AConnectionBytesIn, c.BytesIn)
	ae.Uint64(spec.AConnectionBytesOut, c.BytesOut)
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

func hash(ae *netlink.AttributeEncoder, t uint16, h genl.Hash) {
	ae.Nested(t, func(nae *netlink.AttributeEncoder) error {
		nae.Uint32(spec.AHashKey, uint32(h.Key))
		nae.Uint32(spec.AHashBound, h.Bound)
		if h.Name != "" {
			nae.String(spec.AHashName, h.Name)
		}
		if h.Key == genl.HashKeyMatch {
			nae.Uint32(spec.AHashCapture, h.Capture)
			nae.Uint32(spec.AHashGroup, h.Group)
		}
		return nil
	})
}

func networks(ae *netlink.AttributeEncoder, t uint16, list []netip.Prefix) {
	ae.Nested(t, func(nae *netlink.AttributeEncoder) error {
		for _, p := range list {
			nae.Nested(spec.ANetworksNetwork, func(one *netlink.AttributeEncoder) error {
				kind := spec.ANetworkIPv6
				if p.Addr().Is4() {
					kind = spec.ANetworkIPv4
				}
				one.Bytes(kind, p.Addr().AsSlice())
				one.Uint32(spec.ANetworkPrefix, uint32(p.Bits()))
				return nil
			})
		}
		return nil
	})
}

func numbers(ae *netlink.AttributeEncoder, t uint16, set *spec.Set, values map[uint16]uint64) {
	ae.Nested(t, func(nae *netlink.AttributeEncoder) error {
		for i := range set.Attributes {
			a, v := &set.Attributes[i], values[set.Attributes[i].Type]
			if a.Kind == spec.KindUint && v>>32 != 0 {
				nae.Uint64(a.Type, v)
			} else {
				nae.Uint32(a.Type, uint32(v))
			}
		}
		return nil
	})
}

// scalars encodes a struct that has a field for every attribute of a set.
func scalars(ae *netlink.AttributeEncoder, set *spec.Set, v any) {
	rv := reflect.ValueOf(v).Elem()
	for i, index := range fields(set, rv.Type()) {
		if index < 0 {
			continue // padding
		}
		a, f := &set.Attributes[i], rv.Field(index)
		switch {
		case a.Kind == spec.KindString:
			ae.String(a.Type, f.String())
		case a.Kind == spec.KindUint && f.Uint()>>32 != 0:
			ae.Uint64(a.Type, f.Uint())
		default:
			ae.Uint32(a.Type, uint32(f.Uint()))
		}
	}
}

var fieldsOf sync.Map // of []int by reflect.Type

// fields returns the field of each attribute.
func fields(set *spec.Set, t reflect.Type) []int {
	if known, ok := fieldsOf.Load(t); ok {
		return known.([]int)
	}
	byName := map[string]int{}
	for i := range t.NumField() {
		byName[t.Field(i).Tag.Get("json")] = i
	}
	indexes := make([]int, len(set.Attributes))
	for i := range set.Attributes {
		a := &set.Attributes[i]
		index, ok := byName[strings.ReplaceAll(a.Name, "-", "_")]
		if !ok && a.Kind != spec.KindPad {
			panic("genlfake: " + t.String() + " has no field for " + set.Name + "." + a.Name)
		}
		if !ok {
			index = -1
		}
		indexes[i] = index
	}
	fieldsOf.Store(t, indexes)
	return indexes
}
