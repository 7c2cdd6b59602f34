// SPDX-License-Identifier: MIT

package genl_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ktcpvs/ktcpvs/genl"
)

// The fallback server of a service is set with it and listed with its servers.
func TestFallback(t *testing.T) {
	eachKernel(t, func(t *testing.T, dial genl.Dialer) {
		c, ctx := client(t, dial), within(t)
		set := func(tx genl.Changer, to netip.AddrPort) error {
			return tx.SetService(ctx, "web", genl.ServiceConfig{Fallback: &to})
		}
		conf := listen(web)
		conf.Fallback = &two
		must(t, c.AddService(ctx, "web", conf))
		must(t, c.AddServer(ctx, "web", one, genl.ServerConfig{}))
		servers(t, ctx, c, "10.0.0.1:80 up 1", "10.0.0.2:80 fallback 0")
		before, err := c.Server(ctx, "web", two)
		must(t, err)
		if s, err := c.Service(ctx, "web"); err != nil || s.Fallback != two || s.Servers != 1 {
			t.Errorf("got %+v, %v", s, err)
		}
		if info, err := c.Info(ctx); err != nil || info.Servers != 1 {
			t.Errorf("got %+v, %v", info, err)
		}

		// It is no server that could be changed as one.
		wants(t, c.SetServer(ctx, "web", two, genl.ServerConfig{Weight: genl.Ptr[uint32](1)}), os.ErrNotExist)
		wants(t, c.DeleteServer(ctx, "web", two), os.ErrNotExist)
		for _, err := range []error{c.AddServer(ctx, "web", two, genl.ServerConfig{}), set(c, one)} {
			wants(t, err, os.ErrExist)
			if !strings.HasSuffix(err.Error(), `the fallback server of "web" is one of its servers too`) {
				t.Errorf("got %v", err)
			}
		}
		must(t, c.ZeroServer(ctx, "web", two))
		servers(t, ctx, c, "10.0.0.1:80 up 1", "10.0.0.2:80 fallback 0")

		// Named again, it is the same; even if it was another in between.
		tx, err := c.Begin(ctx, genl.BeginOptions{})
		must(t, err)
		defer tx.Abort()
		must(t, set(tx, netip.AddrPort{}))
		must(t, set(tx, netip.MustParseAddrPort("[2001:db8::1]:8080")))
		must(t, set(tx, two))
		must(t, tx.DeleteService(ctx, "web"))
		must(t, tx.AddService(ctx, "web", conf))
		must(t, tx.AddServer(ctx, "web", one, genl.ServerConfig{}))
		_, err = tx.Commit(ctx)
		must(t, err)
		if after, err := c.Server(ctx, "web", two); err != nil || after.ID != before.ID || after.Zeroed == 0 {
			t.Errorf("got %+v, %v: it was %+v", after, err, before)
		}

		// The two may change places, in any order, in one step.
		tx, err = c.Begin(ctx, genl.BeginOptions{})
		must(t, err)
		defer tx.Abort()
		must(t, set(tx, one))
		must(t, tx.DeleteServer(ctx, "web", one))
		must(t, tx.AddServer(ctx, "web", two, genl.ServerConfig{}))
		m, err := c.Monitor(ctx)
		must(t, err)
		defer m.Close()
		_, err = tx.Commit(ctx)
		must(t, err)
		servers(t, ctx, c, "10.0.0.1:80 fallback 0", "10.0.0.2:80 up 1")
		var told []string
		for range 5 {
			e, err := m.Next(ctx)
			must(t, err)
			line := e.Kind.String()
			if e.Server != nil {
				line += fmt.Sprintf(" %v %v", e.Server.Address, e.Server.State)
			}
			told = append(told, line)
		}
		slices.Sort(told)
		want := []string{"server-changed 10.0.0.1:80 fallback", "server-changed 10.0.0.2:80 up",
			"server-deleted 10.0.0.1:80 up", "server-deleted 10.0.0.2:80 up", "service-changed"}
		if !slices.Equal(told, want) { // what is deleted tells no state
			t.Errorf("told %q, want %q", told, want)
		}

		// None, and what says nothing about it leaves it.
		must(t, c.SetService(ctx, "web", genl.ServiceConfig{Scheduler: genl.Ptr("rr")}))
		servers(t, ctx, c, "10.0.0.1:80 fallback 0", "10.0.0.2:80 up 1")
		must(t, set(c, netip.AddrPort{}))
		servers(t, ctx, c, "10.0.0.2:80 up 1")
		if s, err := c.Service(ctx, "web"); err != nil || s.Fallback.IsValid() {
			t.Errorf("got %+v, %v", s, err)
		}
		if _, err := c.Server(ctx, "web", one); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	})
}

// servers compares the servers of web, by address.
func servers(t *testing.T, ctx context.Context, c *genl.Client, want ...string) {
	t.Helper()
	list, err := c.Servers(ctx, "web")
	must(t, err)
	var got []string
	for _, s := range list {
		got = append(got, fmt.Sprintf("%v %v %d", s.Address, s.State, s.Weight))
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
