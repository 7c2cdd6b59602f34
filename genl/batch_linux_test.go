// SPDX-License-Identifier: MIT

package genl_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/ktcpvs/ktcpvs/genl"
)

// manyServers are enough for several messages, the last of them not full.
func manyServers(kind genl.ServerChangeKind, weight uint32) []genl.ServerChange {
	list := make([]genl.ServerChange, 250)
	for i := range list {
		addr := netip.AddrFrom4([4]byte{10, 9, 8, byte(i)})
		if i%3 == 0 {
			addr = netip.AddrFrom16([16]byte{0xfd, 15: byte(i)})
		}
		list[i] = genl.ServerChange{Kind: kind, Service: "web", Address: netip.AddrPortFrom(addr, 80),
			Config: genl.ServerConfig{Weight: genl.Ptr(weight + uint32(i))}}
	}
	return list
}

// Many changes in a message do what they do one by one.
func TestChangeServers(t *testing.T) {
	eachKernel(t, func(t *testing.T, dial genl.Dialer) {
		c, ctx := client(t, dial), within(t)
		must(t, c.AddService(ctx, "web", listen(web)))
		change := func(changes []genl.ServerChange) []genl.Server {
			t.Helper()
			tx, err := c.Begin(ctx, genl.BeginOptions{})
			must(t, err)
			defer tx.Abort()
			n, err := tx.ChangeServers(ctx, changes)
			must(t, err)
			if n != len(changes) {
				t.Errorf("%d of %d changes", n, len(changes))
			}
			must(t, tx.DryRun(ctx)) // the socket is where it was
			_, err = tx.Commit(ctx)
			must(t, err)
			servers, err := c.ServersBrief(ctx, "web")
			must(t, err)
			return servers
		}
		checkServers(t, change(manyServers(genl.ServerAdd, 1)), 1)
		checkServers(t, change(manyServers(genl.ServerSet, 1000)), 1000)
		if left := change(manyServers(genl.ServerDelete, 0)); len(left) != 0 {
			t.Errorf("%d servers are left", len(left))
		}
		change(nil)
	})
}

func checkServers(t *testing.T, got []genl.Server, weight uint32) {
	t.Helper()
	want := manyServers(genl.ServerAdd, weight)
	if len(got) != len(want) {
		t.Fatalf("%d servers, want %d", len(got), len(want))
	}
	for i, w := range want {
		if got[i].Address != w.Address || got[i].Weight != *w.Config.Weight || got[i].Service != "web" {
			t.Errorf("server %d is %+v, want %v, weight %d", i, got[i], w.Address, *w.Config.Weight)
		}
	}
}

// The error is that of the change that was refused, and says which it was.
func TestChangeServersRefused(t *testing.T) {
	spoiled := func(i int, f func(*genl.ServerChange)) []genl.ServerChange {
		list := manyServers(genl.ServerAdd, 1)
		f(&list[i])
		return list
	}
	for _, at := range []int{0, 99, 100, 163, 249} {
		for _, tt := range []struct {
			name string
			f    func(*genl.ServerChange)
			is   error
			want string
		}{
			{"weight", func(c *genl.ServerChange) { c.Config.Weight = genl.Ptr[uint32](65536) }, genl.ErrInvalid, "integer out of range (attribute weight, allowed are 0 to 65535)"},
			{"service", func(c *genl.ServerChange) { c.Service = "nope" }, os.ErrNotExist, `there is no service "nope" (attribute service)`},
			{"to set", func(c *genl.ServerChange) { c.Kind = genl.ServerSet }, os.ErrNotExist, `service "web" has no server of this address (attribute address)`},
			{"to delete", func(c *genl.ServerChange) { c.Kind = genl.ServerDelete }, os.ErrNotExist, `service "web" has no server of this address (attribute address)`},
			{"address", func(c *genl.ServerChange) { c.Address = netip.MustParseAddrPort("224.0.0.1:80") }, genl.ErrInvalid, "a multicast address has no TCP (attribute address.ipv4)"},
			{"no address", func(c *genl.ServerChange) { c.Address = netip.AddrPort{} }, nil, "the address is missing"},
			{"name", func(c *genl.ServerChange) { c.Service = "a\x00b" }, nil, "the name of a service contains a NUL byte"},
		} {
			t.Run(fmt.Sprint(tt.name, at), func(t *testing.T) {
				eachKernel(t, func(t *testing.T, dial genl.Dialer) {
					c, ctx := client(t, dial), within(t)
					must(t, c.AddService(ctx, "web", listen(web)))
					tx, err := c.Begin(ctx, genl.BeginOptions{})
					must(t, err)
					defer tx.Abort()
					n, err := tx.ChangeServers(ctx, spoiled(at, tt.f))
					if n != at || err == nil || !strings.HasSuffix(err.Error(), tt.want) {
						t.Errorf("got %d, %v\nwant %d, %s", n, err, at, tt.want)
					}
					if tt.is != nil {
						wants(t, err, tt.is)
					}
					must(t, tx.DeleteService(ctx, "web")) // the socket is where it was
					must(t, tx.Abort())
					if s, err := c.Servers(ctx, ""); err != nil || len(s) != 0 {
						t.Errorf("%d servers, %v", len(s), err)
					}
				})
			})
		}
	}
}

func TestChangeServersCancelled(t *testing.T) {
	eachKernel(t, func(t *testing.T, dial genl.Dialer) {
		c, ctx := client(t, dial), within(t)
		must(t, c.AddService(ctx, "web", listen(web)))
		tx, err := c.Begin(ctx, genl.BeginOptions{})
		must(t, err)
		defer tx.Abort()
		done, cancel := context.WithCancel(ctx)
		cancel()
		n, err := tx.ChangeServers(done, manyServers(genl.ServerAdd, 1))
		wants(t, err, context.Canceled)
		if n != 0 {
			t.Errorf("%d changes", n)
		}
	})
}

// A brief listing is the whole one without counters.
func TestServersBrief(t *testing.T) {
	eachKernel(t, func(t *testing.T, dial genl.Dialer) {
		c, ctx := client(t, dial), within(t)
		must(t, c.AddService(ctx, "web", listen(web)))
		must(t, c.AddService(ctx, "mail", listen(mail)))
		must(t, c.AddServer(ctx, "web", one, genl.ServerConfig{Weight: genl.Ptr[uint32](0)}))
		must(t, c.AddServer(ctx, "mail", two, genl.ServerConfig{}))
		must(t, c.ZeroStats(ctx))
		for _, name := range []string{"", "web", "mail"} {
			whole, err := c.Servers(ctx, name)
			must(t, err)
			brief, err := c.ServersBrief(ctx, name)
			must(t, err)
			if len(brief) != len(whole) || len(brief) == 0 {
				t.Fatalf("%d servers, brief %d", len(whole), len(brief))
			}
			for i, s := range whole {
				if s.Zeroed == 0 {
					t.Errorf("%+v was not reset", s)
				}
				s.Stats, s.Zeroed = genl.ServerStats{}, 0
				if brief[i] != s {
					t.Errorf("got  %+v\nwant %+v", brief[i], s)
				}
			}
		}
		if _, err := c.ServersBrief(ctx, "nope"); err == nil {
			t.Error("there is a service nope")
		}
	})
}
