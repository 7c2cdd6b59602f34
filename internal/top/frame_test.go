// SPDX-License-Identifier: MIT

package top

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/ktcpvs/ktcpvs/genl"
)

func TestRates(t *testing.T) {
	a, b := world(1), world(2) // two seconds apart
	f := NewFrame(&a, b)
	web := f.Services[0]
	want := Rates{Known: true, Connections: 12, Requests: 12345, In: 1728394.5, Out: 51851835}
	if web.Rates != want || f.Interval != 2*time.Second {
		t.Errorf("web: %+v in %v", web.Rates, f.Interval)
	}
	// A server's bytes have the direction of its service's.
	if r := web.Servers[1].Rates; r.In != 1152263 || r.Out != 34567890 || r.Connections != 10 {
		t.Errorf("server: %+v", r)
	}
	if f.Rates.Requests != 12345+7.5 || f.Active != 124 || f.Rates.Errors != 1.5 || f.Errors != 6+2+1 {
		t.Errorf("totals: %+v active %d errors %d", f.Rates, f.Active, f.Errors)
	}
	api := f.Services[1]
	if api.Servers[0].Errors != 7 || api.Servers[0].Rates.Errors != 1.5 || web.Idle != 20 {
		t.Errorf("api server: %d errors, %+v; idle %d", api.Servers[0].Errors, api.Servers[0].Rates, web.Idle)
	}
	if s := web.Servers; s[0].Share+s[1].Share != 1 || s[1].Share < 0.66 || s[2].Share != 0 {
		t.Errorf("shares %v %v %v", s[0].Share, s[1].Share, s[2].Share)
	}
}

// One failure is one error, however many counters tell of it.
func TestErrorsOnce(t *testing.T) {
	server := genl.ServerStats{
		ConnectErrors: 2, Timeouts: 2, // one connect refused, one timed out, one answer too late
		Aborted: 3, Resets: 1, BadResponse: 1, // that one, a reset, nonsense
		Responses5xx: 1,
	}
	if n := serverErrors(&server); n != 6 {
		t.Errorf("server: %d errors", n)
	}
	service := genl.ServiceStats{
		Responses5xx: 3, NoServer: 1, BadResponse: 1, TimeoutResponse: 1, Aborted: 1, Broken: 1, RefusedLimit: 1, RefusedMemory: 1,
	}
	if n := serviceErrors(&service); n != 6 {
		t.Errorf("service: %d errors", n)
	}
}

// Without a snapshot before, or without time between, there are no rates.
func TestNoRates(t *testing.T) {
	b := world(2)
	same := world(2)
	for _, prev := range []*Snapshot{nil, &same} {
		f := NewFrame(prev, b)
		if f.Rates.Known || f.Interval != 0 || f.Services[0].Rates.Known || f.Services[0].Servers[0].Rates.Known {
			t.Errorf("rates from nothing: %+v", f.Rates)
		}
		if f.Active != 124 {
			t.Errorf("active %d", f.Active)
		}
	}
	// What is new since has none of its own.
	a := world(1)
	a.Services = a.Services[1:]
	a.Servers["api"] = a.Servers["api"][:1]
	f := NewFrame(&a, b)
	if f.Services[0].Rates.Known || !f.Services[1].Rates.Known || f.Services[1].Servers[1].Rates.Known {
		t.Error("rates for what was not there before")
	}
	if f.Rates.Requests != 7.5 {
		t.Errorf("totals %+v", f.Rates)
	}
	// A service that was removed and made again under its name is new.
	c := world(1)
	c.Services[0].ID = 99
	if NewFrame(&c, b).Services[0].Rates.Known {
		t.Error("another service's counters were taken")
	}
}

// Counters that went backwards were reset: no rate is negative.
func TestReset(t *testing.T) {
	a, b := world(1000), world(1)
	b.Time = a.Time.Add(2 * time.Second)
	f := NewFrame(&a, b)
	for _, s := range f.Services {
		all := []Rates{s.Rates}
		for _, r := range s.Servers {
			all = append(all, r.Rates)
		}
		for _, r := range all {
			if r.Requests < 0 || r.In < 0 || r.Out < 0 || r.Errors < 0 || r.Connections < 0 || r.Requests > 1e6 {
				t.Errorf("%s: %+v", s.Name, r)
			}
		}
	}
	if got := f.Services[1].Rates.Requests; got != 7.5 {
		t.Errorf("since the reset: %v", got)
	}
}

func TestNumbers(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", -3: "0", 0.01: "0.1", 0.3: "0.3", 9.94: "9.9", 9.96: "10", 42.4: "42", 999.4: "999", 999.6: "1.00k",
		1234: "1.23k", 12345: "12.3k", 99949: "99.9k", 99951: "100k", 999499: "999k", 999501: "1.00M", 5e9: "5.00G",
		1.8e19: "18.0E",
	} {
		if got := si(v); got != want || len(got) > 5 {
			t.Errorf("si(%v) = %q, expected %q", v, got, want)
		}
	}
	for n, want := range map[uint64]string{0: "0", 999999: "999999", 1000000: "1.00M", 1 << 63: "9.22E"} {
		if got := count(n); got != want || len(got) > 6 {
			t.Errorf("count(%d) = %q, expected %q", n, got, want)
		}
	}
	if got := clock(25*time.Hour + 61*time.Second); got != "25:01:01" {
		t.Errorf("clock: %s", got)
	}
	if got := unicodeGlyphs.sparkline([]float64{9, 0, 1, 2, 4}, 4); got != "▁▃▅█" {
		t.Errorf("sparkline %q", got)
	}
	if a, b := unicodeGlyphs.bar(0.001, 8), unicodeGlyphs.bar(1, 8); a != "━       " || b != "━━━━━━━━" {
		t.Errorf("bars %q %q", a, b)
	}
}

// fakeSource counts how often it was opened and closed.
type fakeSource struct {
	err    error
	closed *int
}

func (f fakeSource) Info(context.Context) (genl.Info, error) {
	return genl.Info{Version: "1\x1b[31m"}, nil
}
func (f fakeSource) Services(context.Context) ([]genl.Service, error) {
	return []genl.Service{{Name: "a\x07b", ID: 1}}, f.err
}

func (f fakeSource) Servers(context.Context, string) ([]genl.Server, error) {
	return []genl.Server{{Service: "a\x07b", ID: 2}}, f.err
}

func (f fakeSource) Close() error {
	*f.closed++
	return nil
}

func TestSampler(t *testing.T) {
	var err, openErr error
	opened, closed := 0, 0
	s := &Sampler{
		Now: func() time.Time { return epoch },
		Open: func() (Source, error) {
			opened++
			return fakeSource{err, &closed}, openErr
		},
	}
	ctx := context.Background()
	snap, e := s.Sample(ctx)
	if e != nil || !snap.Time.Equal(epoch) {
		t.Fatal(e)
	}
	// Nothing that moves the cursor or the colour reaches the terminal.
	if snap.Services[0].Name != "a?b" || len(snap.Servers["a?b"]) != 1 || snap.Info.Version != "1?[31m" {
		t.Errorf("%+v", snap)
	}
	s.Sample(ctx)
	if opened != 1 || closed != 0 {
		t.Errorf("opened %d, closed %d", opened, closed)
	}
	// The table changed while it was read: still a snapshot.
	s.Close()
	err = fmt.Errorf("dump: %w", genl.ErrInconsistent)
	if snap, e := s.Sample(ctx); e != nil || len(snap.Services) != 1 {
		t.Errorf("an inconsistent dump: %v", e)
	}
	// A failure closes; the next sample opens again.
	s.Close()
	err = errors.New("gone")
	if _, e := s.Sample(ctx); e == nil || closed != 3 {
		t.Errorf("error %v, closed %d", e, closed)
	}
	err = nil
	if _, e := s.Sample(ctx); e != nil || opened != 4 {
		t.Errorf("error %v, opened %d", e, opened)
	}
	s.Close()
	openErr = genl.ErrNoModule
	if _, e := s.Sample(ctx); !errors.Is(e, genl.ErrNoModule) || !strings.Contains(Explain(e), "modprobe ktcpvs") {
		t.Errorf("%v: %s", e, Explain(e))
	}
	if e := s.Close(); e != nil {
		t.Error(e)
	}
}

// batch runs batch mode over the world.
func batch(t *testing.T, o BatchOptions) (string, []time.Duration, error) {
	t.Helper()
	step := uint64(0)
	var waits []time.Duration
	if o.Sample == nil {
		o.Sample = func(context.Context) (Snapshot, error) { step++; return world(step), nil }
	}
	o.Interval = 2 * time.Second
	o.After = func(d time.Duration) <-chan time.Time {
		waits = append(waits, d)
		c := make(chan time.Time, 1)
		c <- epoch
		return c
	}
	var b bytes.Buffer
	err := RunBatch(context.Background(), &b, o)
	return b.String(), waits, err
}

func TestBatchText(t *testing.T) {
	got, waits, err := batch(t, BatchOptions{Frames: 2})
	if err != nil || len(waits) != 2 {
		t.Fatalf("%v, waits %v", err, waits)
	}
	golden(t, "batch", got)
	// Every cell after the name is one word, and there are as many as titles.
	for _, line := range strings.Split(got, "\n") {
		f := strings.Fields(line)
		switch {
		case len(f) > 0 && f[0] == "->":
			f = f[2:]
		case len(f) > 0 && (f[0] == "SERVICE" || f[0] == "web" || f[0] == "api" || f[0] == "mail"):
			f = f[4:]
		default:
			continue
		}
		if len(f) != len(batchColumns) {
			t.Errorf("%d words: %q", len(f), line)
		}
	}
	got, _, _ = batch(t, BatchOptions{Frames: 1, Filter: "10.0.1.2"})
	if strings.Contains(got, "web") || strings.Contains(got, "10.0.1.1:") || !strings.Contains(got, "-> 10.0.1.2:8080") {
		t.Errorf("filtered:\n%s", got)
	}
	if strings.Contains(got, "\x1b") {
		t.Error("escapes in batch mode")
	}
}

func TestBatchJSON(t *testing.T) {
	got, _, err := batch(t, BatchOptions{Frames: 3, JSON: true})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(got), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines", len(lines))
	}
	var f struct {
		Interval float64 `json:"interval_seconds"`
		Services []struct {
			Name    string
			State   string
			Rates   *struct{ Requests float64 }
			Servers []struct {
				Address string
				Weight  uint32
				Rates   *struct {
					Requests float64
					BytesIn  float64 `json:"bytes_in"`
				}
			}
		}
	}
	for _, line := range lines {
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatal(err)
		}
		if f.Interval != 2 || len(f.Services) != 4 || f.Services[3].Name != "web" || f.Services[3].Rates.Requests != 12345 ||
			f.Services[3].State != "running" || f.Services[3].Servers[0].Rates.BytesIn != 1152263 {
			t.Errorf("%+v", f)
		}
	}
	// Empty lists are lists, and what has no rate says null.
	empty := 0
	got, _, _ = batch(t, BatchOptions{Frames: 1, JSON: true, Sample: func(context.Context) (Snapshot, error) {
		empty++
		return Snapshot{Time: epoch.Add(time.Duration(empty) * time.Second)}, nil
	}})
	if !strings.Contains(got, `"services":[]`) {
		t.Errorf("empty table: %s", got)
	}
	n := uint64(0)
	got, _, _ = batch(t, BatchOptions{Frames: 1, JSON: true, Sample: func(context.Context) (Snapshot, error) {
		s := world(n + 1)
		if n == 0 {
			s.Services = s.Services[1:]
		}
		n++
		return s, nil
	}})
	if !strings.Contains(got, `"rates":null`) {
		t.Errorf("a new service: %s", got)
	}
}

func TestBatchEnds(t *testing.T) {
	n := 0
	_, _, err := batch(t, BatchOptions{Sample: func(context.Context) (Snapshot, error) {
		if n++; n > 3 {
			return Snapshot{}, genl.ErrNoModule
		}
		return world(uint64(n)), nil
	}})
	if !errors.Is(err, genl.ErrNoModule) || n != 4 {
		t.Errorf("after %d samples: %v", n, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var b bytes.Buffer
	err = RunBatch(ctx, &b, BatchOptions{
		Interval: time.Hour,
		Sample:   func(context.Context) (Snapshot, error) { cancel(); return world(1), nil },
	})
	if err != nil || b.Len() != 0 {
		t.Errorf("interrupted: %v, %q", err, b.String())
	}
}

// A table of 100,000 servers: a frame with every snapshot, the sort when it
// changes, and the way of a key that only moves the cursor.
func BenchmarkBigTable(b *testing.B) {
	snap := Snapshot{Time: epoch, Servers: map[string][]genl.Server{}}
	for i := range 100 {
		name := fmt.Sprintf("service-%d", i)
		snap.Services = append(snap.Services, genl.Service{ID: uint32(i + 1), Name: name})
		for k := range 1000 {
			snap.Servers[name] = append(snap.Servers[name], genl.Server{
				ID: uint32(1000 + i*1000 + k), Service: name, Weight: 1,
				Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i), byte(k >> 8), byte(k)}), 80),
				Stats:   genl.ServerStats{Requests: uint64(i * k)},
			})
		}
	}
	next := snap
	next.Time = epoch.Add(time.Second)
	b.Run("frame", func(b *testing.B) {
		for b.Loop() {
			NewFrame(&snap, next)
		}
	})
	m := New(Options{Interval: time.Second, Theme: plainTheme()})
	m.layout = newLayout(80, 24)
	m.frame = NewFrame(&snap, next)
	m.sel.sort = colRequests
	b.Run("sort", func(b *testing.B) {
		for b.Loop() {
			rows(m.frame, m.sel)
		}
	})
	b.Run("key", func(b *testing.B) {
		m.settle()
		m.moveCursor(50000)
		for b.Loop() {
			m.moveCursor(1)
			m.settle()
			m.View()
		}
	})
}
