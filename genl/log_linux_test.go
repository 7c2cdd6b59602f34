// SPDX-License-Identifier: MIT

package genl_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/genl/genlfake"
)

// records has every field set in one, and as few as can be in the other.
func records() []genl.LogRecord {
	return []genl.LogRecord{{
		Time: time.Unix(1700000000, 123456789), Connection: 0xabc0001, Service: "web", Mode: genl.ModeHTTP,
		Client: netip.MustParseAddrPort("[2001:db8::9]:4711"), Peer: netip.MustParseAddrPort("10.9.9.9:1"), Server: one,
		Rule: 7, Minor: 1, Method: "GET", Target: "/a?b=\"c\"", Host: "example.org:81", Referer: "r", UserAgent: "u\x80\x1b",
		Status: 502, BytesIn: 1 << 40, BytesOut: 2, ConnectTime: time.Millisecond, FirstByteTime: 3 * time.Second,
		TotalTime: 4*time.Second + 5*time.Microsecond, Retries: 2, Cause: genl.CauseBadResponse,
	}, {
		Time: time.Unix(1700000001, 0), Connection: 1 << 60, Service: "raw", Mode: genl.ModeTCP, Client: two, TotalTime: time.Minute,
	}}
}

func TestLog(t *testing.T) {
	k := genlfake.New()
	c, ctx := open(t, k), within(t)
	l, err := c.Log(ctx)
	must(t, err)
	defer l.Close()
	want := records()
	// Another group's messages are nothing to it.
	must(t, c.AddService(ctx, "web", listen(web)))
	k.Log(3, 10, want...)
	b, err := l.Next(ctx)
	must(t, err)
	if b.CPU != 3 || b.First != 10 || b.Lost != 0 || b.Overrun || !reflect.DeepEqual(b.Records, want) {
		t.Errorf("got  %+v\nwant %+v", b, want)
	}

	// Lost is what is missing of that worker.
	for _, step := range []struct {
		cpu         uint32
		first, lost uint64
	}{{3, 12, 0}, {4, 100, 0}, {3, 15, 1}, {4, 102, 0}, {3, 2, 0}, {3, 1 << 40, 1<<40 - 4}} {
		k.Log(step.cpu, step.first, want...)
		if b, err = l.Next(ctx); err != nil || b.CPU != step.cpu || b.Lost != step.lost {
			t.Errorf("%+v: got CPU %d, lost %d, %v", step, b.CPU, b.Lost, err)
		}
	}

	// Too slow: it says so, and how many when it can know.
	k.SetBacklog(2)
	k.Log(7, 0, want...)
	k.Log(7, 2, want...)
	k.Log(7, 4, want...)
	if b, err = l.Next(ctx); err != nil || !b.Overrun {
		t.Errorf("got %+v, %v, want an overrun", b, err)
	}
	for range 2 {
		if b, err = l.Next(ctx); err != nil || b.CPU != 7 || b.Lost != 0 {
			t.Errorf("got %+v, %v", b, err)
		}
	}
	k.Log(7, 6, want...)
	if b, err = l.Next(ctx); err != nil || b.Lost != 2 {
		t.Errorf("lost %d, %v, want 2", b.Lost, err)
	}

	// A monitor hears nothing of it.
	m, err := c.Monitor(ctx)
	must(t, err)
	defer m.Close()
	k.Log(7, 8, want...)
	must(t, c.DeleteService(ctx, "web"))
	if e, err := m.Next(ctx); err != nil || e.Kind != genl.EventServiceDeleted {
		t.Errorf("got %v, %v", e.Kind, err)
	}
}

func TestLogEnds(t *testing.T) {
	k := genlfake.New()
	c, ctx := open(t, k), within(t)
	l, err := c.Log(ctx)
	must(t, err)
	short, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
	defer cancel()
	_, err = l.Next(short)
	wants(t, err, context.DeadlineExceeded)
	ended := make(chan error)
	go func() {
		_, err := l.Next(ctx)
		ended <- err
	}()
	time.Sleep(5 * time.Millisecond)
	must(t, l.Close())
	wants(t, <-ended, genl.ErrClosed)
	if k.Listeners() != 0 {
		t.Error("it listens on")
	}
	if _, err := c.Log(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	k.Deny(true)
	_, err = c.Log(ctx)
	wants(t, err, os.ErrPermission)
	if err == nil || !strings.Contains(err.Error(), "needs CAP_NET_ADMIN") {
		t.Errorf("got %v", err)
	}
	m, err := c.Monitor(ctx)
	must(t, err)
	must(t, m.Close())
}

// What is written as JSON is read again; times are microseconds.
func TestLogJSON(t *testing.T) {
	for _, r := range records() {
		b, err := json.Marshal(r)
		must(t, err)
		var again genl.LogRecord
		must(t, json.Unmarshal(b, &again))
		r.UserAgent = strings.ToValidUTF8(r.UserAgent, "\ufffd") // as JSON has it
		if !r.Time.Equal(again.Time) {
			t.Errorf("%v, then %v", r.Time, again.Time)
		}
		r.Time, again.Time = time.Time{}, time.Time{}
		if again != r {
			t.Errorf("got  %+v\nwant %+v", again, r)
		}
	}
	b, err := json.Marshal(records()[0])
	must(t, err)
	for _, want := range []string{`"connection":"abc0001"`, `"connect_time":1000,`, `"total_time":4000005`, `"cause":"bad-response"`, `"mode":"http"`, `"server":"` + one.String() + `"`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s has no %s", b, want)
		}
	}
}
