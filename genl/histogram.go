// SPDX-License-Identifier: MIT

// How long things take, as histograms: the kernel counts how many times fell into
// each of many buckets, of which the middle is off by at most 6.25 %. What follows
// from that, mean and percentiles, is worked out here.

package genl

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/mdlayher/netlink"

	"github.com/ktcpvs/ktcpvs/internal/spec"
)

// HistogramUnit is what the kernel rounds times down to.
const HistogramUnit = time.Duration(1) << HistogramShift

// Histogram is how long something took, of a virtual service or of a real server.
type Histogram struct {
	Service string
	// Server is the real server, and ServerID its number; the zero value: it is
	// about the service.
	Server   netip.AddrPort
	ServerID uint32
	// Kind is what was timed.
	Kind HistogramKind
	// Sum is that of all times, in units of HistogramUnit.
	Sum uint64
	// Longest is the longest of them, since the counters began.
	Longest time.Duration
	// Buckets are how many times fell into each bucket; those behind are empty.
	// HistogramBounds tells what a bucket is.
	Buckets []uint64
	// Zeroed is the generation with which it began anew; 0: never.
	Zeroed uint32
}

// HistogramFilter says which histograms are read: those that fit all that is not
// zero. Server goes with Service.
type HistogramFilter struct {
	Service string
	Server  netip.AddrPort
}

// HistogramBounds returns the times that fall into a bucket: from low on, and
// below high. There are HistogramBuckets of them, and the last takes all longer
// times, too.
func HistogramBounds(bucket int) (low, high time.Duration) {
	return histogramLower(bucket), histogramLower(bucket + 1)
}

func histogramLower(bucket int) time.Duration {
	const sub = 1 << HistogramSubBits
	bucket = min(max(bucket, 0), HistogramBuckets)
	if bucket < sub {
		return time.Duration(bucket) * HistogramUnit
	}
	return time.Duration(sub+bucket%sub) << (bucket/sub - 1) * HistogramUnit
}

// Count is how many times there are.
func (h *Histogram) Count() (n uint64) {
	for _, b := range h.Buckets {
		n += b
	}
	return n
}

// Mean is the mean of all times, 0 if there are none.
func (h *Histogram) Mean() time.Duration {
	n := h.Count()
	if n == 0 {
		return 0
	}
	return time.Duration(float64(h.Sum) / float64(n) * float64(HistogramUnit))
}

// Percentile is a time that p percent of all do not exceed, 0 if there are none. It
// is the middle of a bucket and so off by at most 6.25 %, but never longer than the
// longest.
func (h *Histogram) Percentile(p float64) time.Duration {
	n := h.Count()
	if n == 0 {
		return 0
	}
	rank := uint64(math.Ceil(min(max(p, 0), 100) / 100 * float64(n)))
	rank = min(max(rank, 1), n)
	for i, b := range h.Buckets {
		if rank <= b {
			low, high := HistogramBounds(i)
			// What is rounded down to whole units lies in a bucket of one
			// anywhere, and at its beginning as the kernel has it.
			if high-low == HistogramUnit {
				return low
			}
			return min(low+(high-low)/2, max(h.Longest, low))
		}
		rank -= b
	}
	return h.Longest
}

// Below is how many times were shorter than d, which is best a bound of a bucket;
// the bucket around another one counts whole.
func (h *Histogram) Below(d time.Duration) (n uint64) {
	for i, b := range h.Buckets {
		if low, _ := HistogramBounds(i); low >= d {
			break
		}
		n += b
	}
	return n
}

// Since returns what was timed since old, an earlier reading of it: all there is if
// it began anew in between. Which the longest time since then was, nobody knows;
// Longest stays that of all.
func (h *Histogram) Since(old *Histogram) Histogram {
	v := *h
	v.Buckets = slices.Clone(h.Buckets)
	if h.Zeroed != old.Zeroed {
		return v
	}
	v.Sum -= min(old.Sum, v.Sum)
	for i := range min(len(v.Buckets), len(old.Buckets)) {
		v.Buckets[i] -= min(old.Buckets[i], v.Buckets[i])
	}
	return v
}

// Histograms returns the histograms that are not empty, those of servers behind
// that of their service. Servers have some only if the service says so
// (ServerHistograms). With ErrInconsistent it returns what it read.
func (c *Client) Histograms(ctx context.Context, f HistogramFilter) ([]Histogram, error) {
	r := request{cmd: spec.CmdHistogramGet, object: "histograms", fill: func(ae *netlink.AttributeEncoder) {
		if f.Service != "" {
			encodeString(ae, spec.AHistogramService, "the name of a service", f.Service)
		}
		if f.Server.IsValid() {
			encodeAddress(ae, spec.AHistogramServer, f.Server)
		}
	}}
	switch {
	case f.Server.IsValid():
		r.object += " of " + serverObject(f.Service, f.Server)
	case f.Service != "":
		r.object += " of service " + quote(f.Service)
	}
	return listWhole[Histogram](ctx, c, r)
}

func (h *Histogram) decode(ad *netlink.AttributeDecoder) error {
	var (
		first uint32
		raw   []byte
	)
	for ad.Next() {
		switch ad.Type() {
		case spec.AHistogramService:
			h.Service = ad.String()
		case spec.AHistogramServer:
			nestedAddress(ad, &h.Server)
		case spec.AHistogramServerID:
			h.ServerID = ad.Uint32()
		case spec.AHistogramKind:
			h.Kind = HistogramKind(ad.Uint32())
		case spec.AHistogramSum:
			h.Sum = decodeUint(ad)
		case spec.AHistogramLongest:
			h.Longest = time.Duration(min(decodeUint(ad), math.MaxInt64/uint64(HistogramUnit))) * HistogramUnit
		case spec.AHistogramFirst:
			first = ad.Uint32()
		case spec.AHistogramBuckets:
			raw = ad.Bytes()
		case spec.AHistogramZeroed:
			h.Zeroed = ad.Uint32()
		}
	}
	n := len(raw) / 8
	if len(raw)%8 != 0 || first > HistogramBuckets || int(first)+n > HistogramBuckets {
		return fmt.Errorf("%d bytes of buckets from number %d on are no histogram", len(raw), first)
	}
	h.Buckets = make([]uint64, int(first)+n)
	for i := range n {
		h.Buckets[int(first)+i] = binary.NativeEndian.Uint64(raw[8*i:])
	}
	return ad.Err()
}
