// SPDX-License-Identifier: MIT

package top

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/ktcpvs/ktcpvs/genl"
)

// Batch mode: frames as text or as JSON lines, for pipes and scripts. Every
// frame has rates, the first too: it comes one interval after the first look.

// BatchOptions of RunBatch.
type BatchOptions struct {
	Sample   func(context.Context) (Snapshot, error)
	Interval time.Duration
	Frames   int // 0 = until the context ends
	Filter   string
	JSON     bool
	// After is time.After, but for tests.
	After func(time.Duration) <-chan time.Time
}

// RunBatch writes frames. The end of the context is a normal end.
func RunBatch(ctx context.Context, w io.Writer, o BatchOptions) error {
	if o.After == nil {
		o.After = time.After
	}
	// Each interval begins before the look it follows: the time that looking
	// and writing take is part of it and does not add up.
	tick := o.After(o.Interval)
	snap, err := o.Sample(ctx)
	if err != nil {
		return stopped(ctx, err)
	}
	prev := &snap
	for n := 0; o.Frames == 0 || n < o.Frames; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick:
		}
		if n+1 != o.Frames {
			tick = o.After(o.Interval)
		}
		snap, err := o.Sample(ctx)
		if err != nil {
			return stopped(ctx, err)
		}
		f := NewFrame(prev, snap)
		prev = &snap
		if o.JSON {
			err = json.NewEncoder(w).Encode(newJSONFrame(f, o.Filter))
		} else {
			if n > 0 {
				if _, err := io.WriteString(w, "\n"); err != nil {
					return err
				}
			}
			err = writeText(w, f, o)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// batchColumns are the columns of a text frame; SHARE is for the eye.
var batchColumns = []int{colState, colWeight, colActive, colIdle, colConns, colReqs, colIn, colOut, colErrRate, colErrors, colRequests}

// writeText writes a frame. A service's line begins with four words, a server's
// with "->" and its address; every cell after that is one word, if need be a
// dash.
func writeText(w io.Writer, f *Frame, o BatchOptions) error {
	b := bufio.NewWriter(w)
	r := f.Rates
	fmt.Fprintf(b, "tcpvstop - %s, interval %s, ktcpvs %s, %s, %s, %s\n",
		f.Time.Format("15:04:05"), seconds(o.Interval), f.Info.Version,
		plural(len(f.Services), "service"), plural(f.ServerCount(), "server"), plural(int(f.Info.Workers), "worker"))
	fmt.Fprintf(b, "connections %s active, %s/s new; requests %s/s; in %s B/s; out %s B/s; errors %s/s\n\n",
		count(f.Active), rate(r.Known, r.Connections), rate(r.Known, r.Requests),
		rate(r.Known, r.In), rate(r.Known, r.Out), rate(r.Known, r.Errors))

	list := rows(f, selection{filter: o.Filter})
	names := make([]string, len(list))
	size := len("SERVICE MODE SCHEDULER LISTEN")
	for i, row := range list {
		names[i] = batchName(row)
		size = max(size, len(names[i]))
	}
	fmt.Fprintf(b, "%-*s", size, "SERVICE MODE SCHEDULER LISTEN")
	for _, c := range batchColumns {
		b.WriteString("  " + fit(columns[c].title, columns[c].width, !columns[c].left, asciiGlyphs))
	}
	b.WriteString("\n")
	for i, row := range list {
		line := fmt.Sprintf("%-*s", size, names[i])
		for _, c := range batchColumns {
			s, _ := columns[c].cell(row, asciiGlyphs)
			if s == "" {
				s = "-"
			}
			line += "  " + fit(s, columns[c].width, !columns[c].left, asciiGlyphs)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.Flush()
}

func batchName(r row) string {
	if r.server != nil {
		return "  -> " + r.server.Address.String()
	}
	s := r.service
	return s.Name + " " + s.Mode.String() + " " + s.Scheduler + " " + s.Listen.String()
}

// The JSON frame. Rates are null where there is none yet.
type jsonFrame struct {
	Time     time.Time     `json:"time"`
	Interval float64       `json:"interval_seconds"`
	Version  string        `json:"version"`
	Workers  uint32        `json:"workers"`
	Active   uint64        `json:"active"`
	Errors   uint64        `json:"errors"`
	Rates    *jsonRates    `json:"rates"`
	Services []jsonService `json:"services"`
}

type jsonRates struct {
	Connections jsonRate `json:"connections"`
	Requests    jsonRate `json:"requests"`
	In          jsonRate `json:"bytes_in"`
	Out         jsonRate `json:"bytes_out"`
	Errors      jsonRate `json:"errors"`
}

// jsonRate has three digits behind the point: more would be noise.
type jsonRate float64

func (r jsonRate) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(r), 'f', 3, 64), nil
}

type jsonService struct {
	Name      string            `json:"name"`
	Mode      genl.Mode         `json:"mode"`
	Scheduler string            `json:"scheduler"`
	Listen    netip.AddrPort    `json:"listen"`
	State     genl.ServiceState `json:"state"`
	Active    uint64            `json:"active"`
	Idle      uint64            `json:"idle"`
	Requests  uint64            `json:"requests"`
	Errors    uint64            `json:"errors"`
	Rates     *jsonRates        `json:"rates"`
	Servers   []jsonServer      `json:"servers"`
}

type jsonServer struct {
	Address  netip.AddrPort   `json:"address"`
	State    genl.ServerState `json:"state"`
	Weight   uint32           `json:"weight"`
	Active   uint64           `json:"active"`
	Idle     uint64           `json:"idle"`
	Requests uint64           `json:"requests"`
	Errors   uint64           `json:"errors"`
	Rates    *jsonRates       `json:"rates"`
}

func newJSONRates(r Rates) *jsonRates {
	if !r.Known {
		return nil
	}
	return &jsonRates{jsonRate(r.Connections), jsonRate(r.Requests), jsonRate(r.In), jsonRate(r.Out), jsonRate(r.Errors)}
}

func newJSONFrame(f *Frame, filter string) jsonFrame {
	j := jsonFrame{
		Time: f.Time, Interval: f.Interval.Seconds(), Version: f.Info.Version, Workers: f.Info.Workers,
		Active: f.Active, Errors: f.Errors, Rates: newJSONRates(f.Rates), Services: []jsonService{},
	}
	for _, r := range rows(f, selection{filter: filter}) {
		if r.server == nil {
			s := r.service
			j.Services = append(j.Services, jsonService{
				Name: s.Name, Mode: s.Mode, Scheduler: s.Scheduler, Listen: s.Listen, State: s.State,
				Active: s.Stats.Active, Idle: s.Idle, Requests: s.Stats.Requests, Errors: s.Errors,
				Rates: newJSONRates(s.Rates), Servers: []jsonServer{},
			})
			continue
		}
		s, v := &j.Services[len(j.Services)-1], r.server
		s.Servers = append(s.Servers, jsonServer{
			Address: v.Address, State: v.State, Weight: v.Weight, Active: v.Stats.Active, Idle: v.Stats.Idle,
			Requests: v.Stats.Requests, Errors: v.Errors, Rates: newJSONRates(v.Rates),
		})
	}
	return j
}
