// SPDX-License-Identifier: MIT

// show latency: how long things took, as percentiles. The kernel counts in
// buckets; which time they stand for, genl knows.

package main

import (
	"strconv"
	"time"

	"github.com/ktcpvs/ktcpvs/genl"
)

// latencyJSON is a histogram; times are in microseconds.
type latencyJSON struct {
	Service string              `json:"service"`
	Server  string              `json:"server,omitempty"`
	Kind    genl.HistogramKind  `json:"kind"`
	Count   uint64              `json:"count"`
	Mean    float64             `json:"mean"`
	P50     float64             `json:"p50"`
	P90     float64             `json:"p90"`
	P99     float64             `json:"p99"`
	P999    float64             `json:"p99_9"`
	Longest float64             `json:"longest"`
	Zeroed  uint32              `json:"zeroed"`
	Buckets []latencyBucketJSON `json:"buckets"`
}

type latencyBucketJSON struct {
	From  float64 `json:"from"`
	Below float64 `json:"below"`
	Count uint64  `json:"count"`
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func showLatency(s *session, c shower, name string) (*shown, error) {
	f := genl.HistogramFilter{Service: name}
	if s.opts.has("real-server") {
		if name == "" {
			return nil, usagef("show latency -i NAME -r HOST:PORT", "-r: the service is missing")
		}
		v, err := s.serverArgs()
		if err != nil {
			return nil, err
		}
		if v.addr.Port() == 0 {
			return nil, usagef("HOST:PORT, as `show servers` prints it", "-r: the port is missing")
		}
		f.Server = v.addr
	}
	list, err := c.Histograms(s.ctx, f)
	if err != nil {
		return nil, cannot(err, "list the latencies")
	}
	g := &grid{cols: []column{left("SERVICE"), left("SERVER"), left("TIME"), right("COUNT"), right("MEAN"),
		right("P50"), right("P90"), right("P99"), right("P99.9"), right("LONGEST")}}
	out := []latencyJSON{}
	for i := range list {
		h := &list[i]
		server := ""
		if h.Server.IsValid() {
			server = s.printNames().FormatAddr(h.Server)
		}
		row := []string{h.Service, server, h.Kind.String(), u64(h.Count())}
		for _, d := range []time.Duration{h.Mean(), h.Percentile(50), h.Percentile(90), h.Percentile(99), h.Percentile(99.9), h.Longest} {
			row = append(row, shortTime(d))
		}
		g.add(row...)
		v := latencyJSON{Service: h.Service, Kind: h.Kind, Count: h.Count(), Mean: microseconds(h.Mean()),
			P50: microseconds(h.Percentile(50)), P90: microseconds(h.Percentile(90)), P99: microseconds(h.Percentile(99)),
			P999: microseconds(h.Percentile(99.9)), Longest: microseconds(h.Longest), Zeroed: h.Zeroed}
		if h.Server.IsValid() {
			v.Server = h.Server.String()
		}
		for b, n := range h.Buckets {
			if n > 0 {
				low, high := genl.HistogramBounds(b)
				v.Buckets = append(v.Buckets, latencyBucketJSON{microseconds(low), microseconds(high), n})
			}
		}
		out = append(out, v)
	}
	return &shown{g, map[string]any{"latency": out}}, nil
}

// shortTime prints three digits and a unit: nothing here is known better.
func shortTime(d time.Duration) string {
	for _, u := range []struct {
		size time.Duration
		name string
	}{{time.Second, "s"}, {time.Millisecond, "ms"}} {
		if d < u.size {
			continue
		}
		v, digits := float64(d)/float64(u.size), 0
		switch {
		case v < 9.995:
			digits = 2
		case v < 99.95:
			digits = 1
		}
		return strconv.FormatFloat(v, 'f', digits, 64) + u.name
	}
	return strconv.FormatInt(d.Microseconds(), 10) + "us"
}
