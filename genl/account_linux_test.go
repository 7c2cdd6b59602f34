// SPDX-License-Identifier: MIT

package genl_test

import (
	"encoding/json"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/genl/genlfake"
)

// Counters begin anew where it was asked for; states stay, and a reader finds no
// negative difference.
func TestZero(t *testing.T) {
	k := genlfake.New()
	c, ctx := open(t, k), within(t)
	for _, name := range []string{"web", "mail"} {
		a := web
		if name == "mail" {
			a = mail
		}
		must(t, c.AddService(ctx, name, listen(a)))
		must(t, c.AddServer(ctx, name, one, genl.ServerConfig{}))
		must(t, c.AddServer(ctx, name, two, genl.ServerConfig{}))
		must(t, k.SetServiceStats(name, genl.ServiceStats{Active: 3, Requests: 100}))
		must(t, k.SetServerStats(name, one, genl.ServerStats{Active: 1, Idle: 2, Requests: 60}))
		must(t, k.SetServerStats(name, two, genl.ServerStats{Requests: 40}))
	}
	// read returns requests and whether they began anew: web and its servers, then mail.
	read := func() (n [6]uint64, zeroed [6]uint32) {
		services, err := c.Services(ctx)
		must(t, err)
		servers, err := c.Servers(ctx, "")
		must(t, err)
		for i, s := range services {
			n[3*i], zeroed[3*i] = s.Stats.Requests, s.Zeroed
			if s.Stats.Active != 3 {
				t.Errorf("%s: %d active", s.Name, s.Stats.Active)
			}
		}
		for i, s := range servers {
			at := i/2*3 + i%2 + 1
			n[at], zeroed[at] = s.Stats.Requests, s.Zeroed
		}
		return n, zeroed
	}
	before, err := c.Service(ctx, "web")
	must(t, err)
	first, err := c.Info(ctx)
	must(t, err)
	g := first.Generation
	for _, tt := range []struct {
		what   string
		do     func() error
		n      [6]uint64
		zeroed [6]uint32
	}{
		{"nothing", func() error { return nil }, [6]uint64{100, 60, 40, 100, 60, 40}, [6]uint32{}},
		{"a server", func() error { return c.ZeroServer(ctx, "web", two) }, [6]uint64{100, 60, 0, 100, 60, 40}, [6]uint32{2: g + 1}},
		{"a service", func() error { return c.ZeroService(ctx, "web") }, [6]uint64{3: 100, 4: 60, 5: 40}, [6]uint32{g + 2, g + 2, g + 2}},
		{"all", func() error { return c.ZeroStats(ctx) }, [6]uint64{}, [6]uint32{g + 3, g + 3, g + 3, g + 3, g + 3, g + 3}},
	} {
		must(t, tt.do())
		if n, zeroed := read(); n != tt.n || zeroed != tt.zeroed {
			t.Errorf("%s: got %v, %v\nwant %v, %v", tt.what, n, zeroed, tt.n, tt.zeroed)
		}
	}
	must(t, k.SetServiceStats("web", genl.ServiceStats{Requests: 150}))
	after, err := c.Service(ctx, "web")
	must(t, err)
	if d := after.Since(&before).Requests; d != 150 {
		t.Errorf("%d requests since the reset, not 150", d)
	}
	if d := after.Since(&genl.Service{Zeroed: g + 3, Stats: genl.ServiceStats{Requests: 149}}).Requests; d != 1 {
		t.Errorf("%d requests, not 1", d)
	}
	srv := genl.Server{Zeroed: 2, Stats: genl.ServerStats{Requests: 9}}
	if a, b := srv.Since(&genl.Server{Stats: genl.ServerStats{Requests: 5}}), srv.Since(&genl.Server{Zeroed: 2, Stats: genl.ServerStats{Requests: 5}}); a.Requests != 9 || b.Requests != 4 {
		t.Errorf("got %d and %d requests, not 9 and 4", a.Requests, b.Requests)
	}
	must(t, c.SetService(ctx, "web", genl.ServiceConfig{Scheduler: genl.Ptr("rr")}))
	if s, err := c.Service(ctx, "web"); err != nil || s.Stats.Requests != 150 || s.Zeroed != g+3 {
		t.Errorf("a change reset the counters: %+v, %v", s, err)
	}
}

func TestConnections(t *testing.T) {
	k := genlfake.New()
	c, ctx := open(t, k), within(t)
	must(t, c.AddService(ctx, "web", listen(web)))
	var conns []genl.Connection
	for i := range 11 { // several pieces of a dump
		conn := genl.Connection{
			ID: genl.ConnectionID(1<<60 + i), Service: "web", Client: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 999),
			State: genl.ConnectionStateExchange, CPU: 1, Age: 1500 * time.Millisecond, BytesIn: 1 << 33, BytesOut: 1 << 34,
		}
		if i%2 == 1 {
			conn.Server, conn.ServerID, conn.Peer = one, 7, two
		}
		conns = append(conns, conn)
	}
	k.SetConnections(conns)
	got, err := c.Connections(ctx, genl.ConnectionFilter{})
	if err != nil || !slices.Equal(got, conns) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, conns)
	}
	got, err = c.Connections(ctx, genl.ConnectionFilter{Service: "web", Server: one, Clients: netip.MustParsePrefix("192.0.2.0/30")})
	if err != nil || !slices.Equal(got, []genl.Connection{conns[1], conns[3]}) {
		t.Errorf("got %+v, %v", got, err)
	}
	text, err := json.Marshal(conns[1])
	must(t, err)
	if want := `{"id":"1000000000000001","service":"web","client":"192.0.2.1:999","peer":"10.0.0.2:80","server":"10.0.0.1:80","server_id":7,"state":"exchange","cpu":1,"bytes_in":8589934592,"bytes_out":17179869184,"age":1500}`; string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	var back genl.Connection
	if err := json.Unmarshal(text, &back); err != nil || back != conns[1] {
		t.Errorf("got %+v, %v", back, err)
	}
	must(t, c.KillConnection(ctx, conns[4].ID))
	wants(t, c.KillConnection(ctx, conns[4].ID), os.ErrNotExist)
	if got, err = c.Connections(ctx, genl.ConnectionFilter{}); err != nil || len(got) != 10 {
		t.Errorf("%d connections, %v", len(got), err)
	}
	if s, err := c.Service(ctx, "web"); err != nil || s.Stats.Killed != 1 {
		t.Errorf("got %+v, %v", s.Stats, err)
	}
	for _, text := range []string{"", "0", "g", "-1", "10000000000000000"} {
		if id, err := genl.ParseConnectionID(text); err == nil {
			t.Errorf("%q is %v", text, id)
		}
	}
	k.Deny(true)
	_, err = c.Connections(ctx, genl.ConnectionFilter{})
	wants(t, err, os.ErrPermission)
	wants(t, c.KillConnection(ctx, conns[0].ID), os.ErrPermission)
}
