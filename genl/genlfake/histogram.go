// SPDX-License-Identifier: MIT

// Histograms: what a test says there are.

package genlfake

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"syscall"

	"github.com/mdlayher/netlink"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/spec"
)

// SetHistograms replaces all histograms; those of services and servers that do not
// exist are not told.
func (k *Kernel) SetHistograms(list []genl.Histogram) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.histograms = slices.Clone(list)
}

// histogramFilter reads what a request wants to see.
func (k *Kernel) histogramFilter(found attrs) (func(*genl.Histogram) bool, *refusal) {
	var (
		only netip.AddrPort
		name string
	)
	if a := found[spec.AHistogramServer]; a != nil {
		if !found.has(spec.AHistogramService) {
			return nil, refuse(syscall.EINVAL, nil, "%s is missing", theService)
		}
		var r *refusal
		if only, r = a.address(true); r != nil {
			return nil, r
		}
	}
	if a := found[spec.AHistogramService]; a != nil {
		svc, r := k.config.find(attrs{spec.AServiceName: a}, theService)
		if r != nil {
			return nil, r
		}
		name = svc.name
		if a := found[spec.AHistogramServer]; a != nil {
			if _, _, r := k.config.findListed(attrs{spec.AServerService: found[spec.AHistogramService], spec.AServerAddress: a}); r != nil {
				return nil, r
			}
		}
	}
	return func(h *genl.Histogram) bool {
		svc := k.config.service(h.Service)
		if svc == nil || name != "" && name != h.Service || only.IsValid() && only != h.Server {
			return false
		}
		return !h.Server.IsValid() || slices.ContainsFunc(svc.listed(), func(srv *realServer) bool { return srv.addr == h.Server })
	}, nil
}

// zeroHistograms lets those of a service begin anew, or those of one server of it.
func (k *Kernel) zeroHistograms(svc *service, only *realServer) {
	k.histograms = slices.DeleteFunc(k.histograms, func(h genl.Histogram) bool {
		return h.Service == svc.name && (only == nil || h.Server == only.addr)
	})
}

func histogramMessage(cmd uint8, h *genl.Histogram) message {
	first := slices.IndexFunc(h.Buckets, func(n uint64) bool { return n > 0 })
	var raw []byte
	for _, n := range h.Buckets[first:] {
		raw = binary.NativeEndian.AppendUint64(raw, n)
	}
	ae := netlink.NewAttributeEncoder()
	ae.String(spec.AHistogramService, h.Service)
	if h.Server.IsValid() {
		address(ae, spec.AHistogramServer, h.Server)
		ae.Uint32(spec.AHistogramServerID, h.ServerID)
	}
	ae.Uint32(spec.AHistogramKind, uint32(h.Kind))
	ae.Uint64(spec.AHistogramSum, h.Sum)
	ae.Uint64(spec.AHistogramLongest, uint64(h.Longest/genl.HistogramUnit))
	ae.Uint32(spec.AHistogramFirst, uint32(first))
	ae.Bytes(spec.AHistogramBuckets, raw)
	ae.Uint32(spec.AHistogramZeroed, h.Zeroed)
	return message{cmd, must(ae.Encode())}
}
