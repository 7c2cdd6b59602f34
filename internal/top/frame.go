// SPDX-License-Identifier: MIT

package top

import (
	"time"

	"github.com/ktcpvs/ktcpvs/genl"
)

// Rates are events a second between two snapshots. They are not Known for what
// only the later snapshot has. A counter that went backwards was reset: it is
// taken to have counted from zero, so no rate is ever negative.
type Rates struct {
	Known       bool
	Connections float64
	Requests    float64
	In          float64 // bytes on the way of requests: from clients, to a server
	Out         float64 // bytes on the way of responses: from a server, to clients
	Errors      float64
}

// Service is a virtual service in a frame.
type Service struct {
	genl.Service
	Rates   Rates
	Errors  uint64            // since the service was made
	Idle    uint64            // unused connections to its servers
	Delta   genl.ServiceStats // since the snapshot before, if the rates are known
	Share   float64           // of all requests, 0 to 1
	Servers []Server
}

// Server is a real server in a frame.
type Server struct {
	genl.Server
	Rates  Rates
	Errors uint64
	Delta  genl.ServerStats
	Share  float64 // of the requests of its service, 0 to 1
}

// Frame is what one refresh shows.
type Frame struct {
	Time     time.Time
	Interval time.Duration // between the two snapshots; 0 = there was one only
	Info     genl.Info
	Active   uint64 // client connections open now
	Errors   uint64
	Rates    Rates // of all services together
	Services []Service
}

// serviceErrors counts what clients saw fail: answers with status 500 and
// above, requests without a whole response, connections refused. The three are
// disjoint, so nothing counts twice.
func serviceErrors(s *genl.ServiceStats) uint64 {
	return s.Responses5xx + s.Aborted + s.RefusedLimit + s.RefusedMemory
}

// serverErrors counts what went wrong with a server: answers with status 500
// and above, requests it left without a whole response, connects that failed.
// These are disjoint too; timeouts, resets and bad answers are among the
// second, connects that timed out among the third. What another server made
// good again is among them, so they may be more than the service's.
func serverErrors(s *genl.ServerStats) uint64 {
	return s.Responses5xx + s.Aborted + s.ConnectErrors
}

// NewFrame compares a snapshot with the one before; prev may be nil.
func NewFrame(prev *Snapshot, cur Snapshot) *Frame {
	f := &Frame{Time: cur.Time, Info: cur.Info, Services: make([]Service, 0, len(cur.Services))}
	var before map[uint32]*genl.Service
	var beforeServer map[uint32]*genl.Server
	if prev != nil && cur.Time.After(prev.Time) {
		f.Interval = cur.Time.Sub(prev.Time)
		f.Rates.Known = true
		before = make(map[uint32]*genl.Service, len(prev.Services))
		for i := range prev.Services {
			before[prev.Services[i].ID] = &prev.Services[i]
		}
		beforeServer = make(map[uint32]*genl.Server)
		for _, servers := range prev.Servers {
			for i := range servers {
				beforeServer[servers[i].ID] = &servers[i]
			}
		}
	}
	per := func(n uint64) float64 { return float64(n) / f.Interval.Seconds() }

	for _, s := range cur.Services {
		v := Service{Service: s, Errors: serviceErrors(&s.Stats)}
		if old := before[s.ID]; old != nil {
			v.Delta = s.Since(old)
			v.Rates = Rates{
				Known: true, Connections: per(v.Delta.Connections), Requests: per(v.Delta.Requests),
				In: per(v.Delta.ClientBytesIn), Out: per(v.Delta.ClientBytesOut), Errors: per(serviceErrors(&v.Delta)),
			}
		}
		for _, r := range cur.Servers[s.Name] {
			w := Server{Server: r, Errors: serverErrors(&r.Stats)}
			if old := beforeServer[r.ID]; old != nil {
				w.Delta = r.Since(old)
				w.Rates = Rates{
					Known: true, Connections: per(w.Delta.Connects), Requests: per(w.Delta.Requests),
					In: per(w.Delta.BytesOut), Out: per(w.Delta.BytesIn), Errors: per(serverErrors(&w.Delta)),
				}
			}
			v.Idle += r.Stats.Idle
			v.Servers = append(v.Servers, w)
		}
		f.add(v)
	}
	f.shares()
	return f
}

func (f *Frame) add(v Service) {
	f.Services = append(f.Services, v)
	f.Active += v.Stats.Active
	f.Errors += v.Errors
	f.Rates.Connections += v.Rates.Connections
	f.Rates.Requests += v.Rates.Requests
	f.Rates.In += v.Rates.In
	f.Rates.Out += v.Rates.Out
	f.Rates.Errors += v.Rates.Errors
}

// shares divides the requests of the interval among those who served them.
func (f *Frame) shares() {
	for i := range f.Services {
		s := &f.Services[i]
		s.Share = part(s.Rates.Requests, f.Rates.Requests)
		sum := 0.0
		for _, r := range s.Servers {
			sum += r.Rates.Requests
		}
		for k := range s.Servers {
			s.Servers[k].Share = part(s.Servers[k].Rates.Requests, sum)
		}
	}
}

func part(n, of float64) float64 {
	if of <= 0 {
		return 0
	}
	return n / of
}

// ServerCount is the number of real servers shown.
func (f *Frame) ServerCount() int {
	n := 0
	for i := range f.Services {
		n += len(f.Services[i].Servers)
	}
	return n
}
