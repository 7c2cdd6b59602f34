// SPDX-License-Identifier: MIT

package genl

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/mdlayher/genetlink"
)

// bucketOf is where the kernel puts a time, worked out as the protocol says it.
func bucketOf(d time.Duration) int {
	t := uint64(d / HistogramUnit)
	if t < 8 {
		return int(t)
	}
	e := 0
	for t>>e > 1 {
		e++
	}
	return min(8*(e-3)+int(t>>(e-3)), HistogramBuckets-1)
}

func TestHistogramBounds(t *testing.T) {
	var last time.Duration
	for i := range HistogramBuckets {
		low, high := HistogramBounds(i)
		if low != last || high <= low {
			t.Fatalf("bucket %d is from %v to %v, after %v", i, low, high, last)
		}
		if bucketOf(low) != i || bucketOf(high-1) != i {
			t.Fatalf("bucket %d is from %v to %v, which are in %d and %d", i, low, high, bucketOf(low), bucketOf(high-1))
		}
		last = high
	}
	if last < 100*24*time.Hour {
		t.Errorf("the last bucket begins too early: it ends at %v", last)
	}
}

// Percentiles are those of the sorted times, to the error of a bucket.
func TestHistogramPercentiles(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{1, 2, 3, 10, 999, 20000} {
		h := Histogram{Buckets: make([]uint64, HistogramBuckets)}
		var all []time.Duration
		for range n {
			d := time.Duration(rng.Uint64()>>(20+rng.IntN(40))).Truncate(HistogramUnit) + HistogramUnit
			all = append(all, d)
			h.Buckets[bucketOf(d)]++
			h.Sum += uint64(d / HistogramUnit)
			h.Longest = max(h.Longest, d)
		}
		slices.Sort(all)
		var sum float64
		for _, d := range all {
			sum += float64(d)
		}
		if mean := sum / float64(n); mean*0.999 > float64(h.Mean()) || mean*1.001 < float64(h.Mean()) {
			t.Errorf("%d times: mean %v, wanted %v", n, h.Mean(), time.Duration(mean))
		}
		if h.Count() != uint64(n) {
			t.Errorf("%d times: %d", n, h.Count())
		}
		for _, p := range []float64{-1, 0, 0.1, 25, 50, 90, 99, 99.9, 100, 101} {
			at := min(max(int(float64(n)*p/100+0.999999)-1, 0), n-1)
			want, got := all[at], h.Percentile(p)
			if off := (got - want).Abs(); off*16 > want {
				t.Errorf("%d times: %v%% is %v, wanted %v", n, p, got, want)
			}
			if got > h.Longest {
				t.Errorf("%d times: %v%% is %v, longer than the longest, %v", n, p, got, h.Longest)
			}
		}
		for _, d := range []time.Duration{64 * HistogramUnit, 1 << 20 * HistogramUnit} {
			want, _ := slices.BinarySearch(all, d)
			if got := h.Below(d); got != uint64(want) {
				t.Errorf("%d times: %d are below %v, wanted %d", n, got, d, want)
			}
		}
	}
	var none Histogram
	if none.Percentile(50) != 0 || none.Mean() != 0 || none.Count() != 0 {
		t.Errorf("nothing has percentiles: %v, mean %v", none.Percentile(50), none.Mean())
	}
}

func TestHistogramSince(t *testing.T) {
	old := Histogram{Sum: 10, Buckets: []uint64{1, 2}}
	now := Histogram{Sum: 25, Buckets: []uint64{1, 5, 7}}
	if d := now.Since(&old); d.Sum != 15 || !slices.Equal(d.Buckets, []uint64{0, 3, 7}) {
		t.Errorf("%+v", d)
	}
	now.Zeroed = 9
	if d := now.Since(&old); d.Sum != 25 || !slices.Equal(d.Buckets, now.Buckets) {
		t.Errorf("after a reset: %+v", d)
	}
	d := now.Since(&now)
	if d.Count() != 0 || now.Count() != 13 {
		t.Errorf("since itself: %+v; it is %+v", d, now)
	}
}

// What no kernel sends is an error, and no panic.
func TestHistogramMalformed(t *testing.T) {
	for _, b := range [][]byte{
		join(nla(7, u32(0)), nla(8, make([]byte, 9))),
		join(nla(7, u32(336)), nla(8, make([]byte, 8))),
		join(nla(7, u32(1<<31+7)), nla(8, make([]byte, 8))),
		join(nla(7, u32(0)), nla(8, make([]byte, 8*337))),
	} {
		var h Histogram
		if err := decode(genetlink.Message{Data: b}, &h); err == nil {
			t.Errorf("%x is %+v", b, h)
		}
	}
}
