// SPDX-License-Identifier: MIT

package genl_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/ktcpvs/ktcpvs/genl"
)

// What is hashed, and how far: what goes in comes out, and what makes no sense is
// refused and changes nothing.
func TestHash(t *testing.T) {
	eachKernel(t, func(t *testing.T, dial genl.Dialer) {
		c, ctx := client(t, dial), within(t)
		must(t, c.AddService(ctx, "web", listen(web)))
		set := func(h genl.HashConfig) error { return c.SetService(ctx, "web", genl.ServiceConfig{Hash: h}) }
		want := genl.Hash{Bound: 125}
		check := func() {
			t.Helper()
			s, err := c.Service(ctx, "web")
			must(t, err)
			if s.Hash != want {
				t.Errorf("%+v, want %+v", s.Hash, want)
			}
		}
		for _, h := range []genl.Hash{
			{Key: genl.HashKeyHeader, Name: strings.Repeat("x", 64), Bound: 100},
			{Key: genl.HashKeyQuery, Name: "a[b]:c"}, {Key: genl.HashKeyHost, Bound: 10000},
			{Key: genl.HashKeyCookie, Name: "SID", Bound: 150},
		} {
			must(t, set(h.Config()))
			want = h
			check()
		}
		// Each by itself.
		must(t, set(genl.HashConfig{Bound: genl.Ptr(uint32(0))}))
		want.Bound = 0
		check()
		must(t, set(genl.HashConfig{Key: genl.Ptr(genl.HashKeyURI)}))
		want.Key, want.Name = genl.HashKeyURI, ""
		check()
		for _, tt := range []struct {
			h   genl.HashConfig
			why string
		}{
			{genl.HashConfig{Bound: genl.Ptr(uint32(99))}, "100 or more"},
			{genl.HashConfig{Name: "a"}, "a name of no key"},
			{genl.HashConfig{Key: genl.Ptr(genl.HashKeyMatch), Group: 1}, "for sets of rules"},
			{genl.HashConfig{Key: genl.Ptr(genl.HashKeyHeader)}, "has a name, others have none"},
			{genl.HashConfig{Key: genl.Ptr(genl.HashKeyURI), Name: "a"}, "has a name, others have none"},
			{genl.HashConfig{Key: genl.Ptr(genl.HashKeyCookie), Name: "a;b"}, `has the name "a;b"`},
		} {
			err := set(tt.h)
			if !errors.Is(err, genl.ErrInvalid) || !strings.Contains(err.Error(), tt.why) {
				t.Errorf("%+v: %v", tt.h, err)
			}
			check()
		}
		if err := c.SetService(ctx, "web", genl.ServiceConfig{Mode: genl.Ptr(genl.ModeTCP)}); !errors.Is(err, genl.ErrInvalid) {
			t.Errorf("mode tcp that hashes the URI: %v", err)
		}
		// The set of a rule, in a table.
		srv := netip.MustParseAddrPort("192.0.2.9:80")
		must(t, c.AddServer(ctx, "web", srv, genl.ServerConfig{}))
		table := func(scheduler string, h *genl.Hash) error {
			return setRules(c, &genl.RuleTable{
				Sets:  []genl.RuleSet{{ID: 1, Scheduler: scheduler, Servers: []netip.AddrPort{srv}, Hash: h}},
				Rules: []genl.Rule{{ID: 1, Action: genl.RuleActionServers, Set: 1}},
			})
		}
		want = genl.Hash{Key: genl.HashKeyQuery, Name: "u", Bound: 200}
		must(t, table("sh", &want))
		if err := table("mh", &genl.Hash{Key: genl.HashKeyMatch, Group: 1}); !errors.Is(err, genl.ErrInvalid) || !strings.Contains(err.Error(), "no capture table 0") {
			t.Errorf("a set that goes by no table: %v", err)
		}
		if err := table("rr", &want); !errors.Is(err, genl.ErrInvalid) || !strings.Contains(err.Error(), "hashes nothing") {
			t.Errorf("a set of rr that hashes: %v", err)
		}
		sets, err := c.RuleSets(ctx, "web")
		must(t, err)
		if len(sets) != 1 || sets[0].Hash == nil || *sets[0].Hash != want {
			t.Errorf("sets %+v", sets)
		}
		must(t, table("rr", nil))
		if sets, err = c.RuleSets(ctx, "web"); err != nil || sets[0].Hash != nil {
			t.Errorf("sets %+v, %v", sets, err)
		}
	})
}
