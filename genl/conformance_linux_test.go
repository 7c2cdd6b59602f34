// SPDX-License-Identifier: MIT

package genl_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/genl/genlfake"
	"github.com/ktcpvs/ktcpvs/internal/spec"
)

// The tests in this file hold for the fake kernel and for the real one, which
// is what makes the fake worth anything. With KTCPVS_KERNEL=1 in the
// environment, as root, with the module loaded and in a network namespace of
// its own whose lo is up, they run on both.
const kernelEnv = "KTCPVS_KERNEL"

// eachKernel runs f on every kernel there is, with nothing configured.
func eachKernel(t *testing.T, f func(t *testing.T, dial genl.Dialer)) {
	t.Run("fake", func(t *testing.T) { f(t, genlfake.New().Dial) })
	if os.Getenv(kernelEnv) == "" {
		return
	}
	t.Run("real", func(t *testing.T) {
		flush := func() {
			c, err := genl.New()
			must(t, err)
			defer c.Close()
			must(t, c.Flush(context.Background()))
		}
		flush()
		t.Cleanup(flush)
		f(t, genetlink.Dial)
	})
}

func client(t *testing.T, dial genl.Dialer) *genl.Client {
	t.Helper()
	c, err := genl.New(genl.WithDialer(dial))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestRefusals(t *testing.T) {
	eachKernel(t, func(t *testing.T, dial genl.Dialer) {
		c, ctx := client(t, dial), within(t)
		must(t, c.AddService(ctx, "web", listen(web)))
		must(t, c.AddServer(ctx, "web", one, genl.ServerConfig{}))
		must(t, c.AddService(ctx, "run", listen(mail)))
		must(t, c.StartService(ctx, "run"))
		before, err := c.Info(ctx)
		must(t, err)
		server := func(addr string) error {
			return c.AddServer(ctx, "web", netip.MustParseAddrPort(addr), genl.ServerConfig{})
		}
		for _, tt := range []struct {
			name string
			err  error
			is   error
			want string
		}{
			{"unknown service", c.DeleteService(ctx, "nope"), os.ErrNotExist, `delete service "nope": there is no service "nope" (attribute name)`},
			{"unknown service to start", c.StartService(ctx, "nope"), os.ErrNotExist, `there is no service "nope" (attribute name)`},
			{"unknown service of a server", c.AddServer(ctx, "nope", one, genl.ServerConfig{}), os.ErrNotExist, `there is no service "nope" (attribute service)`},
			{"service twice", c.AddService(ctx, "web", listen(two)), os.ErrExist, `there is a service "web" already (attribute name)`},
			{"address twice", c.AddService(ctx, "web2", listen(web)), genl.ErrAddressInUse, `"web2" has the address and port of "web"`},
			{"move to another's address", c.SetService(ctx, "web", listen(mail)), genl.ErrAddressInUse, `"run" has the address and port of "web"`},
			{"server twice", c.AddServer(ctx, "web", one, genl.ServerConfig{}), os.ErrExist, `service "web" has this server already (attribute address)`},
			{"no such server", c.SetServer(ctx, "web", two, genl.ServerConfig{Weight: genl.Ptr[uint32](1)}), os.ErrNotExist, `service "web" has no server of this address (attribute address)`},
			{"no such server to delete", c.DeleteServer(ctx, "web", two), os.ErrNotExist, `service "web" has no server of this address (attribute address)`},
			{"no weight to set", c.SetServer(ctx, "web", one, genl.ServerConfig{}), genl.ErrInvalid, `the weight is missing`},
			{"weight", c.AddServer(ctx, "web", two, genl.ServerConfig{Weight: genl.Ptr[uint32](65536)}), genl.ErrInvalid, `integer out of range (attribute weight, allowed are 0 to 65535)`},
			{"scheduler", c.SetService(ctx, "web", genl.ServiceConfig{Scheduler: genl.Ptr("lottery")}), os.ErrNotExist, `there is no scheduler "lottery" (attribute scheduler)`},
			{"scheduler's length", c.SetService(ctx, "web", genl.ServiceConfig{Scheduler: genl.Ptr(strings.Repeat("x", 16))}), genl.ErrInvalid, `(attribute scheduler, allowed are 1 to 15 bytes)`},
			{"name", c.AddService(ctx, "we b", listen(two)), genl.ErrInvalid, `a name cannot have byte 0x20 (no spaces, braces, quotes, #) (attribute name)`},
			{"name in UTF-8", c.AddService(ctx, "caf\u00e9", listen(two)), genl.ErrInvalid, `a name cannot have byte 0xc3 (no spaces, braces, quotes, #) (attribute name)`},
			{"name's length", c.AddService(ctx, strings.Repeat("n", 32), listen(two)), genl.ErrInvalid, `(attribute name, allowed are 1 to 31 bytes)`},
			{"empty name", c.AddService(ctx, "", listen(two)), genl.ErrInvalid, `the name of a service is empty (attribute name)`},
			{"no listen address", c.AddService(ctx, "x", genl.ServiceConfig{}), genl.ErrInvalid, `the listen address is missing`},
			{"port 0", server("10.0.0.3:0"), genl.ErrInvalid, `(attribute address.port, allowed are 1 to 65535)`},
			{"multicast", server("224.0.0.1:80"), genl.ErrInvalid, `a multicast address has no TCP (attribute address.ipv4)`},
			{"multicast, IPv6", server("[ff02::1]:80"), genl.ErrInvalid, `a multicast address has no TCP (attribute address.ipv6)`},
			{"broadcast", server("255.255.255.255:80"), genl.ErrInvalid, `the broadcast address has no TCP (attribute address.ipv4)`},
			{"wildcard server", server("0.0.0.0:80"), genl.ErrInvalid, `not 0.0.0.0 (attribute address.ipv4)`},
			{"wildcard server, IPv6", server("[::]:80"), genl.ErrInvalid, `not :: (attribute address.ipv6)`},
			{"link-local server", server("[fe80::1]:80"), genl.ErrInvalid, `a link-local address is of no use without an interface (attribute address.ipv6)`},
			{"mode", c.SetService(ctx, "web", genl.ServiceConfig{Mode: genl.Ptr(genl.Mode(3))}), genl.ErrInvalid, `(attribute mode, allowed are 0 to 2)`},
			{"timeout", c.SetService(ctx, "web", genl.ServiceConfig{Timeouts: genl.TimeoutsConfig{Head: genl.Ptr(time.Duration(0))}}), genl.ErrInvalid, `(attribute timeouts.head, allowed are 1 to 86400000)`},
			{"limit", c.SetService(ctx, "web", genl.ServiceConfig{Limits: genl.LimitsConfig{HeadFields: genl.Ptr[uint32](129)}}), genl.ErrInvalid, `(attribute limits.head-fields, allowed are 8 to 128)`},
			{"setting", c.SetSettings(ctx, genl.SettingsConfig{MaxConnections: genl.Ptr[uint32](0)}), genl.ErrInvalid, `(attribute max-connections, allowed are 1 to 16777216)`},
			{"address of one that runs", c.SetService(ctx, "run", listen(two)), genl.ErrBusy, `service "run" runs: stop it to change its address (attribute listen)`},
			{"mode of one that runs", c.SetService(ctx, "run", genl.ServiceConfig{Mode: genl.Ptr(genl.ModeTCP)}), genl.ErrBusy, `service "run" runs: stop it to change its mode (attribute mode)`},
			{"start twice", c.StartService(ctx, "run"), genl.ErrAlready, `service "run" runs already`},
			{"reset of an unknown service", c.ZeroService(ctx, "nope"), os.ErrNotExist, `reset the counters of service "nope": there is no service "nope" (attribute service)`},
			{"reset of an unknown server", c.ZeroServer(ctx, "web", two), os.ErrNotExist, `service "web" has no server of this address (attribute address)`},
			{"reset of no server", c.ZeroServer(ctx, "web", netip.MustParseAddrPort("0.0.0.0:80")), genl.ErrInvalid, `not 0.0.0.0 (attribute address.ipv4)`},
			{"no such connection", c.KillConnection(ctx, 0xabcdef0001), os.ErrNotExist, `kill connection abcdef0001: there is no connection abcdef0001 (any more) (attribute id)`},
			{"no such worker", c.KillConnection(ctx, 0xabcdefffff), os.ErrNotExist, `there is no connection abcdefffff (any more) (attribute id)`},
			{"stop twice", c.StopService(ctx, "web", false), genl.ErrAlready, `service "web" is stopped already`},
		} {
			t.Run(tt.name, func(t *testing.T) {
				wants(t, tt.err, tt.is)
				if !strings.HasSuffix(tt.err.Error(), tt.want) {
					t.Errorf("got %q\nwant  %q at the end", tt.err, tt.want)
				}
			})
		}
		if _, err := c.Service(ctx, "nope"); !errors.Is(err, os.ErrNotExist) || err.Error() != `list service "nope": there is no service "nope" (attribute name)` {
			t.Errorf("got %v", err)
		}
		if _, err := c.Server(ctx, "web", two); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v", err)
		}
		if s, err := c.Servers(ctx, "nope"); !errors.Is(err, os.ErrNotExist) || err.Error() != `list servers of service "nope": there is no service "nope" (attribute service)` {
			t.Errorf("got %v, %v", s, err)
		}
		if after, err := c.Info(ctx); err != nil || after != before {
			t.Errorf("refusals changed %+v to %+v, %v", before, after, err)
		}
	})
}

// A reset is a generation, kept with what it reset, and survives a change.
// Rules are held to what the mode of their service knows.
func TestModesOfRules(t *testing.T) {
	rule := func(what genl.MatchWhat, value string) genl.Rule {
		return genl.Rule{ID: 7, Match: []genl.Match{{What: what, Op: genl.MatchOpExact, Value: value}}, Action: genl.RuleActionReject}
	}
	answer := genl.Rule{ID: 7, Action: genl.RuleActionAnswer, Status: 404}
	source := genl.Rule{ID: 7, Match: []genl.Match{{What: genl.MatchWhatSource, Op: genl.MatchOpExact, Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}, Action: genl.RuleActionReject}
	for _, tt := range []struct {
		name string
		mode genl.Mode
		rule genl.Rule
		want string
	}{
		{"http, host", genl.ModeHTTP, rule(genl.MatchWhatHost, "a.example"), ""},
		{"http, sni", genl.ModeHTTP, rule(genl.MatchWhatSNI, "a.example"), "rule 7: sni and alpn are known in mode tls only"},
		{"http, alpn", genl.ModeHTTP, rule(genl.MatchWhatALPN, "h2"), "rule 7: sni and alpn are known in mode tls only"},
		{"tls, sni", genl.ModeTLS, rule(genl.MatchWhatSNI, "*.example"), ""},
		{"tls, alpn", genl.ModeTLS, rule(genl.MatchWhatALPN, "h2,http/1.1"), ""},
		{"tls, source", genl.ModeTLS, source, ""},
		{"tls, host", genl.ModeTLS, rule(genl.MatchWhatHost, "a.example"), "rule 7: mode tls knows sni, alpn and source only"},
		{"tls, method", genl.ModeTLS, rule(genl.MatchWhatMethod, "GET"), "rule 7: mode tls knows sni, alpn and source only"},
		{"tls, answer", genl.ModeTLS, answer, "rule 7: in mode tls nothing can be answered"},
		{"tcp, sni", genl.ModeTCP, rule(genl.MatchWhatSNI, "a.example"), "rule 7: sni and alpn are known in mode tls only"},
		{"tcp, host", genl.ModeTCP, rule(genl.MatchWhatHost, "a.example"), "\"web\" has rules: they need mode http"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachKernel(t, func(t *testing.T, dial genl.Dialer) {
				c, ctx := client(t, dial), within(t)
				conf := listen(web)
				conf.Mode = genl.Ptr(tt.mode)
				must(t, c.AddService(ctx, "web", conf))
				set := func() error {
					tx, err := c.Begin(ctx, genl.BeginOptions{})
					must(t, err)
					defer tx.Abort()
					if err := tx.SetRules(ctx, "web", &genl.RuleTable{Rules: []genl.Rule{tt.rule}}); err != nil {
						return err
					}
					_, err = tx.Commit(ctx)
					return err
				}
				err := set()
				if tt.want != "" {
					if err == nil || !strings.Contains(err.Error(), tt.want) {
						t.Errorf("got %v\nwant %s", err, tt.want)
					}
					return
				}
				must(t, err)
				// And a service with rules keeps its mode.
				other := genl.ModeTLS + genl.ModeHTTP - tt.mode
				err = c.SetService(ctx, "web", genl.ServiceConfig{Mode: &other})
				want := "\"web\" has rules: they need mode " + tt.mode.String()
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v\nwant %s", err, want)
				}
			})
		})
	}
}

func TestZeroed(t *testing.T) {
	eachKernel(t, func(t *testing.T, dial genl.Dialer) {
		c, ctx := client(t, dial), within(t)
		must(t, c.AddService(ctx, "web", listen(web)))
		must(t, c.AddServer(ctx, "web", one, genl.ServerConfig{}))
		must(t, c.AddServer(ctx, "web", two, genl.ServerConfig{}))
		must(t, c.AddService(ctx, "mail", listen(mail)))
		read := func() [4]uint32 {
			service := func(name string) uint32 {
				s, err := c.Service(ctx, name)
				must(t, err)
				return s.Zeroed
			}
			servers, err := c.Servers(ctx, "web")
			must(t, err)
			return [4]uint32{service("web"), servers[0].Zeroed, servers[1].Zeroed, service("mail")}
		}
		info, err := c.Info(ctx)
		must(t, err)
		g := info.Generation
		for _, tt := range []struct {
			what string
			do   func() error
			want [4]uint32
		}{
			{"nothing", func() error { return nil }, [4]uint32{}},
			{"a server", func() error { return c.ZeroServer(ctx, "web", two) }, [4]uint32{0, 0, g + 1, 0}},
			{"a service", func() error { return c.ZeroService(ctx, "web") }, [4]uint32{g + 2, g + 2, g + 2, 0}},
			{"a change", func() error { return c.SetServer(ctx, "web", one, genl.ServerConfig{Weight: genl.Ptr[uint32](3)}) }, [4]uint32{g + 2, g + 2, g + 2, 0}},
			{"all", func() error { return c.ZeroStats(ctx) }, [4]uint32{g + 4, g + 4, g + 4, g + 4}},
		} {
			must(t, tt.do())
			if got := read(); got != tt.want {
				t.Errorf("%s: got %v, want %v", tt.what, got, tt.want)
			}
		}
		if info, err = c.Info(ctx); err != nil || info.Generation != g+4 {
			t.Errorf("generation %d, %v, want %d", info.Generation, err, g+4)
		}
	})
}

// TestWords are requests no program of ours sends: what the policies say.
func TestMalformedRequests(t *testing.T) {
	web4 := join(nla(1, []byte{127, 0, 0, 1}), nla(3, []byte{0, 80}))
	name, service := nla(1, []byte("m\x00")), nla(1, []byte("web\x00"))
	do := netlink.Request | netlink.Acknowledge
	dump := netlink.Request | netlink.Dump
	for _, tt := range []struct {
		name   string
		cmd    uint8
		flags  netlink.HeaderFlags
		attrs  []byte
		errno  syscall.Errno
		text   string
		offset int
	}{
		{"no attributes", spec.CmdServiceNew, do, nil, syscall.EINVAL, "the name is missing", 0},
		{"an attribute twice", spec.CmdServiceDel, do, join(name, service), syscall.EINVAL, "attribute given twice", 20 + 8},
		{"an attribute twice in a nest", spec.CmdServiceNew, do, join(name, nest(5, web4, nla(3, []byte{0, 81}))), syscall.EINVAL, "attribute given twice", 20 + 8 + 4 + 16},
		{"an attribute twice in a listing", spec.CmdServerGet, dump, join(service, service), syscall.EINVAL, "attribute given twice", 20 + 8},
		{"an attribute where there is none", spec.CmdFlush, do, name, syscall.EINVAL, "this operation takes no attributes", 20},
		{"an attribute in a listing that has none", spec.CmdServiceGet, dump, name, syscall.EINVAL, "this operation takes no attributes", 20},
		{"a length beyond the end", spec.CmdServiceNew, do, join(name, []byte{200, 0, 5, 0x80}), syscall.EINVAL, "bytes leftover after parsing attributes", 0},
		{"a length below the header", spec.CmdServiceNew, do, join(name, []byte{3, 0, 5, 0x80}), syscall.EINVAL, "bytes leftover after parsing attributes", 0},
		{"half a header", spec.CmdServiceNew, do, join(name, []byte{4, 0}), syscall.EINVAL, "Unknown attribute type", 20 + 8},
		{"an unknown attribute", spec.CmdServiceNew, do, join(name, nla(99, nil)), syscall.EINVAL, "Unknown attribute type", 20 + 8},
		{"an attribute of replies", spec.CmdServiceNew, do, join(name, nla(6, u32(1))), syscall.EINVAL, "Unsupported attribute", 20 + 8},
		{"an attribute of another request", spec.CmdServiceDel, do, join(name, nla(3, u32(1))), syscall.EINVAL, "Unknown attribute type", 20 + 8},
		{"a short number", spec.CmdServiceNew, do, join(name, nla(3, []byte{1, 0})), syscall.EINVAL, "invalid attribute length", 20 + 8},
		{"a long number", spec.CmdServiceNew, do, join(name, nla(3, make([]byte, 8))), syscall.EINVAL, "invalid attribute length", 20 + 8},
		{"no flag of a nest", spec.CmdServiceNew, do, join(name, nla(5, web4)), syscall.EINVAL, "NLA_F_NESTED is missing", 20 + 8},
		{"an unknown attribute in a nest", spec.CmdServiceNew, do, join(name, nest(5, web4, nla(4, nil))), syscall.EINVAL, "Unknown attribute type", 20 + 8 + 4 + 16},
		{"a length beyond the end of a nest", spec.CmdServiceNew, do, join(name, nest(5, web4, []byte{200, 0, 1, 0})), syscall.EINVAL, "bytes leftover after parsing attributes", 0},
		{"IPv6 of 15 bytes", spec.CmdServiceNew, do, join(name, nest(5, nla(2, make([]byte, 15)), nla(3, []byte{0, 80}))), syscall.ERANGE, "binary attribute size out of range", 20 + 8 + 4},
		{"IPv4 of 16 bytes", spec.CmdServiceNew, do, join(name, nest(5, nla(1, make([]byte, 16)), nla(3, []byte{0, 80}))), syscall.EINVAL, "invalid attribute length", 20 + 8 + 4},
		{"both families", spec.CmdServiceNew, do, join(name, nest(5, web4, nla(2, make([]byte, 16)))), syscall.EINVAL, "an address is IPv4 or IPv6, not both", 20 + 8 + 4 + 16},
		{"no family", spec.CmdServiceNew, do, join(name, nest(5, nla(3, []byte{0, 80}))), syscall.EINVAL, "the IPv4 or IPv6 address is missing", 0},
		{"an empty nest", spec.CmdServiceNew, do, join(name, nest(5)), syscall.EINVAL, "the IPv4 or IPv6 address is missing", 0},
		{"no port", spec.CmdServiceNew, do, join(name, nest(5, nla(1, []byte{127, 0, 0, 1}))), syscall.EINVAL, "the port is missing", 0},
		{"a mapped address", spec.CmdServiceNew, do, join(name, nest(5, nla(2, []byte{10: 255, 11: 255, 12: 10, 15: 1}), nla(3, []byte{0, 80}))), syscall.EINVAL, "an IPv4 address in IPv6 form: give it as IPv4", 20 + 8 + 4},
		{"a string without end", spec.CmdServiceDel, do, nla(1, []byte("m")), syscall.EINVAL, "Attribute failed policy validation", 20},
		{"an empty string without end", spec.CmdServiceDel, do, nla(1, nil), syscall.EINVAL, "Attribute failed policy validation", 20},
		{"a string that is too long", spec.CmdServiceDel, do, nla(1, append([]byte(strings.Repeat("n", 32)), 0)), syscall.EINVAL, "Attribute failed policy validation", 20},
		{"a string of 60000 bytes", spec.CmdServiceDel, do, nla(1, append([]byte(strings.Repeat("n", 60000)), 0)), syscall.EINVAL, "Attribute failed policy validation", 20},
		{"a string that goes on", spec.CmdServiceDel, do, nla(1, []byte("m\x00x\x00")), syscall.EINVAL, "a name goes on after its end", 20},
		{"a long tail after a string", spec.CmdServiceDel, do, nla(1, append([]byte("m"), make([]byte, 40)...)), syscall.ERANGE, "Attribute failed policy validation", 20},
		{"a flag that does not exist", spec.CmdServiceNew, do, join(name, nla(9, u32(1<<5))), syscall.EINVAL, "reserved bit set", 20 + 8},
		{"a uint of 2 bytes", spec.CmdServiceSet, do, join(name, nest(8, nla(11, []byte{1, 2}))), syscall.EINVAL, "invalid attribute length", 20 + 8 + 4},
		{"a network of two families", spec.CmdServiceSet, do, join(name, nest(13, nest(1, nla(1, make([]byte, 4)), nla(2, make([]byte, 16)), nla(3, u32(0))))), syscall.EINVAL, "a network is IPv4 or IPv6, not both", 20 + 8 + 4 + 4 + 8},
		{"a network without an address", spec.CmdServiceSet, do, join(name, nest(13, nest(1, nla(3, u32(0))))), syscall.EINVAL, "the IPv4 or IPv6 address is missing", 0},
		{"a network without a prefix", spec.CmdServiceSet, do, join(name, nest(13, nest(1, nla(1, make([]byte, 4))))), syscall.EINVAL, "the length of the prefix is missing", 0},
		{"bits behind a prefix", spec.CmdServiceSet, do, join(name, nest(13, nest(1, nla(1, []byte{192, 0, 2, 1}), nla(3, u32(24))))), syscall.EINVAL, "a network has no bits behind its prefix", 20 + 8 + 4 + 4},
		{"33 bits of IPv4", spec.CmdServiceSet, do, join(name, nest(13, nest(1, nla(1, make([]byte, 4)), nla(3, u32(33))))), syscall.EINVAL, "the prefix of an IPv4 network has at most 32 bits", 20 + 8 + 4 + 4 + 8},
		{"a mapped network", spec.CmdServiceSet, do, join(name, nest(13, nest(1, nla(2, []byte{10: 0xff, 11: 0xff, 15: 0}), nla(3, u32(96))))), syscall.EINVAL, "an IPv4 network in IPv6 form: give it as IPv4", 20 + 8 + 4 + 4},
		{"65 networks", spec.CmdServiceSet, do, join(name, nest(13, bytes.Repeat(nest(1, nla(1, make([]byte, 4)), nla(3, u32(0))), 65))), syscall.E2BIG, "65 trusted networks: a service has at most 64", 20 + 8},
		{"PROXY headers from nobody", spec.CmdServiceNew, do, join(name, nest(5, nla(1, []byte{127, 0, 0, 9}), nla(3, []byte{0, 80})), nla(14, u32(1))), syscall.EINVAL, "accept-proxy without trusted networks would let nobody connect", 20 + 8 + 20},
		{"a fallback server without a port", spec.CmdServiceSet, do, join(name, nest(19, nla(1, []byte{10, 0, 0, 9}))), syscall.EINVAL, "the port is missing", 0},
		{"a fallback server anywhere", spec.CmdServiceSet, do, join(name, nest(19, nla(1, make([]byte, 4)), nla(3, []byte{0, 80}))), syscall.EINVAL, "a server needs an address of its own, not 0.0.0.0", 20 + 8 + 4},
		{"a fallback server of 2 bytes", spec.CmdServiceSet, do, join(name, nest(19, nla(1, []byte{1, 2}))), syscall.EINVAL, "invalid attribute length", 20 + 8 + 4},
		{"counters of a server without a service", spec.CmdStatsZero, do, nest(3, web4), syscall.EINVAL, "the service is missing", 0},
		{"counters of no name", spec.CmdStatsZero, do, nla(1, []byte{0}), syscall.EINVAL, "the name of a service is empty", 20},
		{"counters with a weight", spec.CmdStatsZero, do, join(service, nla(4, u32(1))), syscall.EINVAL, "Unknown attribute type", 20 + 8},
		{"a listing of resets", spec.CmdStatsZero, dump, nil, syscall.EOPNOTSUPP, "", 0},
		{"connections of no service", spec.CmdConnectionGet, dump, nla(2, []byte("nope\x00")), syscall.ENOENT, `there is no service "nope"`, 20},
		{"connections of no name", spec.CmdConnectionGet, dump, nla(2, []byte{0}), syscall.EINVAL, "the name of a service is empty", 20},
		{"connections of no server", spec.CmdConnectionGet, dump, nest(5, nla(1, make([]byte, 4)), nla(3, []byte{0, 80})), syscall.EINVAL, "a server needs an address of its own, not 0.0.0.0", 20 + 4},
		{"connections of an empty network", spec.CmdConnectionGet, dump, nest(12), syscall.EINVAL, "the IPv4 or IPv6 address is missing", 0},
		{"connections of bits behind a prefix", spec.CmdConnectionGet, dump, nest(12, nla(1, []byte{192, 0, 2, 1}), nla(3, u32(24))), syscall.EINVAL, "a network has no bits behind its prefix", 20 + 4},
		{"connections by their state", spec.CmdConnectionGet, dump, nla(7, u32(1)), syscall.EINVAL, "Unsupported attribute", 20},
		{"histograms of no service", spec.CmdHistogramGet, dump, nla(1, []byte("nope\x00")), syscall.ENOENT, `there is no service "nope"`, 20},
		{"histograms of a server of no service", spec.CmdHistogramGet, dump, nest(2, nla(1, []byte{10, 0, 0, 1}), nla(3, []byte{0, 80})), syscall.EINVAL, "the service is missing", 0},
		{"histograms of no server", spec.CmdHistogramGet, dump, join(nla(1, []byte("web\x00")), nest(2, nla(1, make([]byte, 4)), nla(3, []byte{0, 80}))), syscall.EINVAL, "a server needs an address of its own, not 0.0.0.0", 20 + 8 + 4},
		{"one histogram", spec.CmdHistogramGet, do, nil, syscall.EOPNOTSUPP, "", 0},
		{"one connection", spec.CmdConnectionGet, do, nil, syscall.EOPNOTSUPP, "", 0},
		{"to kill nothing", spec.CmdConnectionKill, do, nil, syscall.EINVAL, "the number of the connection is missing", 0},
		{"to kill number 0", spec.CmdConnectionKill, do, nla(1, u32(0)), syscall.ENOENT, "there is no connection 0 (any more)", 20},
		{"to kill by 2 bytes", spec.CmdConnectionKill, do, nla(1, []byte{1, 2}), syscall.EINVAL, "invalid attribute length", 20},
		{"to kill by a service", spec.CmdConnectionKill, do, nla(2, []byte("web\x00")), syscall.EINVAL, "Unknown attribute type", 20},
		{"rules outside a transaction", spec.CmdRulesBegin, do, nla(1, []byte("web\x00")), syscall.EINVAL, "rules come in many requests: begin a transaction first", 0},
		{"a rule with number 0", spec.CmdRulesAdd, do, join(service, nest(9, nla(1, u32(0)))), syscall.ERANGE, "integer out of range", 20 + 8 + 4},
		{"a rule that is no nest", spec.CmdRulesAdd, do, nla(9, nla(1, u32(1))), syscall.EINVAL, "NLA_F_NESTED is missing", 20},
		{"a match of what nobody knows", spec.CmdRulesAdd, do, nest(9, nest(3, nla(1, u32(10)))), syscall.ERANGE, "integer out of range", 28},
		{"an automaton for a listing", spec.CmdRuleGet, dump, nla(3, u32(1)), syscall.EINVAL, "Unknown attribute type", 20},
		{"a flag with a value", spec.CmdServiceStop, do, join(name, nla(12, u32(1))), syscall.ERANGE, "Attribute failed policy validation", 20 + 8},
		{"a server without a service", spec.CmdServerNew, do, nest(3, web4), syscall.EINVAL, "the service is missing", 0},
		{"a server without an address", spec.CmdServerNew, do, service, syscall.EINVAL, "the server's address is missing", 0},
		{"an unknown operation", 99, do, nil, syscall.EOPNOTSUPP, "", 0},
		{"operation 0", 0, do, nil, syscall.EOPNOTSUPP, "", 0},
		{"a notification as a request", spec.CmdServiceNtf, do, name, syscall.EOPNOTSUPP, "", 0},
		{"a listing of what has none", spec.CmdInfoGet, dump, nil, syscall.EOPNOTSUPP, "", 0},
		{"one of what is only listed", spec.CmdWorkerGet, do, nil, syscall.EOPNOTSUPP, "", 0},
		{"a listing with an attribute it has not", spec.CmdServerGet, dump, join(service, nest(3, web4)), syscall.EINVAL, "Unsupported attribute", 20 + 8},
		{"a listing of no name", spec.CmdServerGet, dump, nla(1, []byte{0}), syscall.EINVAL, "the name of a service is empty", 20},
		{"commit without begin", spec.CmdTransactionCommit, do, nil, syscall.ENOENT, "this socket has no transaction open", 0},
		{"abort without begin", spec.CmdTransactionAbort, do, nil, syscall.ENOENT, "this socket has no transaction open", 0},
		{"begin on what is to come", spec.CmdTransactionBegin, do, nla(1, u32(4000000000)), syscall.ESTALE, "based on generation 4000000000, but the present one is ", 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachKernel(t, func(t *testing.T, dial genl.Dialer) {
				c, ctx := client(t, dial), within(t)
				before, err := c.Info(ctx)
				must(t, err)
				nl, err := dial(nil)
				must(t, err)
				defer nl.Close()
				must(t, nl.SetOption(netlink.ExtendedAcknowledge, true))
				family, err := nl.GetFamily(spec.Family)
				must(t, err)
				_, err = nl.Execute(genetlink.Message{Header: genetlink.Header{Command: tt.cmd, Version: 1}, Data: tt.attrs}, family.ID, tt.flags)
				var op *netlink.OpError
				if !errors.As(err, &op) || !errors.Is(err, tt.errno) || !strings.HasPrefix(op.Message, tt.text) || tt.text == "" && op.Message != "" || op.Offset != tt.offset {
					t.Errorf("got %v\nwant %v, %q at offset %d", err, tt.errno, tt.text, tt.offset)
				}
				if after, err := c.Info(ctx); err != nil || after != before {
					t.Errorf("it changed %+v to %+v, %v", before, after, err)
				}
			})
		})
	}
}

// A piece of rules that is refused, for whatever reason, spoils what the transaction
// fills: who does not look at refusals cannot commit a table that lacks something.
func TestRefusedPieces(t *testing.T) {
	service := nla(1, []byte("web\x00"))
	rule := func(id uint32) []byte {
		return nest(9, nla(1, u32(id)), nla(4, u32(uint32(genl.RuleActionReject))))
	}
	for _, tt := range []struct {
		name  string
		cmd   uint8
		attrs []byte
		errno syscall.Errno
		text  string
	}{
		{"a short number", spec.CmdRulesAdd, join(service, nest(9, nla(1, []byte{1}))), syscall.EINVAL, "invalid attribute length"},
		{"an action there is not", spec.CmdRulesAdd, join(service, nest(9, nla(1, u32(2)), nla(4, u32(99)))), syscall.ERANGE, "integer out of range"},
		{"an unknown attribute", spec.CmdRulesAdd, join(service, nla(99, nil)), syscall.EINVAL, "Unknown attribute type"},
		{"an attribute of another piece", spec.CmdRulesAdd, join(service, nla(3, u32(0))), syscall.EINVAL, "Unsupported attribute"},
		{"an attribute twice", spec.CmdRulesEnd, join(service, service), syscall.EINVAL, "attribute given twice"},
		{"no service", spec.CmdRulesAdd, rule(2), syscall.EINVAL, "the service is missing"},
		{"another service", spec.CmdRulesSet, join(nla(1, []byte("nope\x00")), nla(6, u32(1))), syscall.ENOENT, `there is no service "nope"`},
		{"a rule without an action", spec.CmdRulesAdd, join(service, nest(9, nla(1, u32(2)))), syscall.EINVAL, "a rule without number, or without action"},
		{"a wrong beginning", spec.CmdRulesBegin, join(service, nla(2, nil)), syscall.EINVAL, "invalid attribute length"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachKernel(t, func(t *testing.T, dial genl.Dialer) {
				c, ctx := client(t, dial), within(t)
				must(t, c.AddService(ctx, "web", listen(web)))
				must(t, c.AddService(ctx, "mail", listen(mail)))
				nl, err := dial(nil)
				must(t, err)
				defer nl.Close()
				must(t, nl.SetOption(netlink.ExtendedAcknowledge, true))
				family, err := nl.GetFamily(spec.Family)
				must(t, err)
				send := func(cmd uint8, attrs []byte, errno syscall.Errno, text string) {
					t.Helper()
					_, err := nl.Execute(genetlink.Message{Header: genetlink.Header{Command: cmd, Version: 1}, Data: attrs}, family.ID, netlink.Request|netlink.Acknowledge)
					var op *netlink.OpError
					if errno == 0 && err != nil || errno != 0 && (!errors.As(err, &op) || !errors.Is(err, errno) || op.Message != text) {
						t.Errorf("operation %d: got %v, want %v, %q", cmd, err, errno, text)
					}
				}
				other := nla(1, []byte("mail\x00"))
				refused := func(name string) string { return `the new rules of "` + name + `" were refused: begin them again` }
				send(spec.CmdTransactionBegin, nil, 0, "")
				for _, of := range [][]byte{service, other} {
					send(spec.CmdRulesBegin, of, 0, "")
					send(spec.CmdRulesAdd, join(of, rule(1)), 0, "")
				}
				send(tt.cmd, tt.attrs, tt.errno, tt.text)
				send(spec.CmdRulesAdd, join(service, rule(3)), syscall.EINVAL, refused("web"))
				send(spec.CmdRulesEnd, service, syscall.EINVAL, refused("web"))
				send(spec.CmdTransactionCommit, nil, syscall.EINVAL, refused("web"))
				// The way out.
				send(spec.CmdRulesBegin, service, 0, "")
				send(spec.CmdRulesEnd, service, 0, "")
				send(spec.CmdTransactionCommit, nil, syscall.EINVAL, refused("mail"))
				send(spec.CmdRulesBegin, other, 0, "")
				send(spec.CmdRulesAdd, join(other, rule(4)), 0, "")
				send(spec.CmdRulesEnd, other, 0, "")
				send(spec.CmdTransactionCommit, nil, 0, "")
				rules, err := c.Rules(ctx, "")
				if err != nil || len(rules) != 1 || rules[0].ID != 4 {
					t.Errorf("got %+v, %v", rules, err)
				}
			})
		})
	}
}

func u32(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }

func nla(kind uint16, payload []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(payload)))
	b = append(binary.NativeEndian.AppendUint16(b, kind), payload...)
	return append(b, make([]byte, -len(b)&3)...)
}

func nest(kind uint16, attrs ...[]byte) []byte { return nla(kind|0x8000, join(attrs...)) }

func join(parts ...[]byte) []byte { return slices.Concat(parts...) }

func TestTransaction(t *testing.T) {
	eachKernel(t, func(t *testing.T, dial genl.Dialer) {
		c, ctx := client(t, dial), within(t)
		must(t, c.AddService(ctx, "web", listen(web)))
		must(t, c.AddServer(ctx, "web", one, genl.ServerConfig{}))
		must(t, c.StartService(ctx, "web"))
		service, err := c.Service(ctx, "web")
		must(t, err)
		server, err := c.Server(ctx, "web", one)
		must(t, err)

		tx, err := c.Begin(ctx, genl.BeginOptions{})
		must(t, err)
		defer tx.Abort()
		must(t, tx.Flush(ctx))
		must(t, tx.AddService(ctx, "web", listen(web)))
		must(t, tx.AddServer(ctx, "web", one, genl.ServerConfig{Weight: genl.Ptr[uint32](5)}))
		must(t, tx.AddServer(ctx, "web", two, genl.ServerConfig{}))
		must(t, tx.SetServer(ctx, "web", two, genl.ServerConfig{Weight: genl.Ptr[uint32](2)}))
		must(t, tx.AddService(ctx, "gone", listen(two)))
		must(t, tx.SetService(ctx, "gone", genl.ServiceConfig{Scheduler: genl.Ptr("rr")}))
		wants(t, tx.AddService(ctx, "gone", listen(two)), os.ErrExist) // and the rest stays
		must(t, tx.DeleteService(ctx, "gone"))
		must(t, tx.DryRun(ctx))
		if s, err := c.Servers(ctx, ""); err != nil || len(s) != 1 || s[0] != server {
			t.Fatalf("changes are visible before the commit: %+v, %v", s, err)
		}
		before, err := c.Info(ctx)
		must(t, err)
		generation, err := tx.Commit(ctx)
		must(t, err)
		if generation != before.Generation+1 {
			t.Errorf("generation %d after %d", generation, before.Generation)
		}
		services, err := c.Services(ctx)
		must(t, err)
		if len(services) != 1 || services[0].ID != service.ID || services[0].State != genl.ServiceStateRunning {
			t.Errorf("a service that was repeated did not go on: %+v", services)
		}
		s, err := c.Servers(ctx, "web")
		if err != nil || len(s) != 2 || s[0].ID != server.ID || s[0].Weight != 5 || s[1].Address != two || s[1].Weight != 2 {
			t.Errorf("got %+v, %v", s, err)
		}

		// It is over.
		wants(t, tx.Flush(ctx), genl.ErrClosed)
		if _, err := tx.Commit(ctx); !errors.Is(err, genl.ErrClosed) {
			t.Errorf("second commit: %v", err)
		}
		must(t, tx.Abort())
	})
}

// In one commit a port moves from one service to another.
func TestTransactionMovesAPort(t *testing.T) {
	eachKernel(t, func(t *testing.T, dial genl.Dialer) {
		c, ctx := client(t, dial), within(t)
		must(t, c.AddService(ctx, "a", listen(web)))
		must(t, c.AddService(ctx, "b", listen(mail)))
		tx, err := c.Begin(ctx, genl.BeginOptions{})
		must(t, err)
		defer tx.Abort()
		must(t, tx.SetService(ctx, "a", listen(mail)))
		wants(t, tx.DryRun(ctx), genl.ErrAddressInUse)
		must(t, tx.SetService(ctx, "b", listen(web)))
		_, err = tx.Commit(ctx)
		must(t, err)
		if a, err := c.Service(ctx, "a"); err != nil || a.Listen != mail {
			t.Errorf("got %+v, %v", a, err)
		}
	})
}

func TestTransactionAborts(t *testing.T) {
	eachKernel(t, func(t *testing.T, dial genl.Dialer) {
		c, ctx := client(t, dial), within(t)
		must(t, c.AddService(ctx, "web", listen(web)))
		for name, end := range map[string]func(*genl.Tx){
			"abort": func(tx *genl.Tx) { must(t, tx.Abort()) },
			"refused commit": func(tx *genl.Tx) {
				must(t, tx.AddService(ctx, "a", listen(two)))
				must(t, tx.AddService(ctx, "b", listen(two)))
				_, err := tx.Commit(ctx)
				wants(t, err, genl.ErrAddressInUse)
			},
			"cancelled commit": func(tx *genl.Tx) {
				done, cancel := context.WithCancel(ctx)
				cancel()
				_, err := tx.Commit(done)
				wants(t, err, context.Canceled)
			},
		} {
			t.Run(name, func(t *testing.T) {
				for range 5 { // one more than may be open
					tx, err := c.Begin(ctx, genl.BeginOptions{})
					must(t, err)
					must(t, tx.Flush(ctx))
					end(tx)
				}
				if s, err := c.Services(ctx); err != nil || len(s) != 1 || s[0].Name != "web" {
					t.Errorf("got %+v, %v", s, err)
				}
			})
		}
	})
}

func TestStale(t *testing.T) {
	for name, change := range map[string]func(context.Context, *genl.Client) error{
		"a service": func(ctx context.Context, c *genl.Client) error { return c.AddService(ctx, "new", listen(two)) },
		"a start":   func(ctx context.Context, c *genl.Client) error { return c.StartService(ctx, "first") },
		"the setting": func(ctx context.Context, c *genl.Client) error {
			return c.SetSettings(ctx, genl.SettingsConfig{MaxConnections: genl.Ptr[uint32](1000)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachKernel(t, func(t *testing.T, dial genl.Dialer) {
				c, ctx := client(t, dial), within(t)
				was, err := c.Settings(ctx)
				must(t, err)
				defer func() {
					must(t, c.SetSettings(ctx, genl.SettingsConfig{MaxConnections: &was.MaxConnections}))
				}()
				must(t, c.AddService(ctx, "first", listen(web)))
				info, err := c.Info(ctx)
				must(t, err)
				tx, err := c.Begin(ctx, genl.BeginOptions{Generation: &info.Generation})
				must(t, err)
				defer tx.Abort()
				must(t, tx.AddService(ctx, "a", listen(mail)))
				must(t, change(ctx, c))
				wants(t, tx.DeleteService(ctx, "a"), genl.ErrStale)
				wants(t, tx.DryRun(ctx), genl.ErrStale)
				_, err = tx.Commit(ctx)
				wants(t, err, genl.ErrStale)
				_, err = c.Begin(ctx, genl.BeginOptions{Generation: &info.Generation})
				wants(t, err, genl.ErrStale)
				if _, err := c.Service(ctx, "a"); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func TestTooManyTransactions(t *testing.T) {
	eachKernel(t, func(t *testing.T, dial genl.Dialer) {
		c, ctx := client(t, dial), within(t)
		for range 4 {
			tx, err := c.Begin(ctx, genl.BeginOptions{})
			must(t, err)
			defer tx.Abort()
		}
		_, err := c.Begin(ctx, genl.BeginOptions{})
		wants(t, err, genl.ErrBusy)
		if !strings.HasSuffix(err.Error(), "4 transactions are open: wait for one to end") {
			t.Errorf("got %v", err)
		}
	})
}

func TestNotifications(t *testing.T) {
	eachKernel(t, func(t *testing.T, dial genl.Dialer) {
		c, ctx := client(t, dial), within(t)
		m, err := c.Monitor(ctx)
		must(t, err)
		defer m.Close()
		must(t, c.AddService(ctx, "web", listen(web)))
		must(t, c.AddServer(ctx, "web", one, genl.ServerConfig{}))
		must(t, c.SetServer(ctx, "web", one, genl.ServerConfig{Weight: genl.Ptr[uint32](4)}))
		must(t, c.SetServer(ctx, "web", one, genl.ServerConfig{Weight: genl.Ptr[uint32](4)})) // no change
		must(t, c.SetService(ctx, "web", genl.ServiceConfig{Scheduler: genl.Ptr("wlc")}))     // no change
		must(t, c.StartService(ctx, "web"))
		must(t, c.StopService(ctx, "web", true))
		must(t, c.SetService(ctx, "web", listen(two)))
		must(t, c.DeleteServer(ctx, "web", one))
		must(t, c.DeleteService(ctx, "web"))
		tx, err := c.Begin(ctx, genl.BeginOptions{})
		must(t, err)
		defer tx.Abort()
		must(t, tx.AddService(ctx, "fleeting", listen(two)))
		must(t, tx.DeleteService(ctx, "fleeting"))
		must(t, tx.AddService(ctx, "stays", listen(two)))
		must(t, tx.AddServer(ctx, "stays", one, genl.ServerConfig{}))
		must(t, tx.SetServer(ctx, "stays", one, genl.ServerConfig{Weight: genl.Ptr[uint32](6)}))
		must(t, tx.DryRun(ctx))
		_, err = tx.Commit(ctx)
		must(t, err)
		must(t, c.Flush(ctx))
		want := []string{
			"service-changed web 127.0.0.1:80 stopped",
			"server-changed web 10.0.0.1:80 1",
			"server-changed web 10.0.0.1:80 4",
			"service-changed web 127.0.0.1:80 running",
			"service-changed web 127.0.0.1:80 stopped",
			"service-changed web 10.0.0.2:80 stopped",
			"server-deleted web 10.0.0.1:80 0",
			"service-deleted web invalid AddrPort stopped",
			"service-changed stays 10.0.0.2:80 stopped",
			"server-changed stays 10.0.0.1:80 6",
			"service-deleted stays invalid AddrPort stopped",
		}
		var got []string
		for range want {
			e, err := m.Next(ctx)
			must(t, err)
			line := e.Kind.String()
			if e.Service != nil {
				line += fmt.Sprintf(" %s %v %v", e.Service.Name, e.Service.Listen, e.Service.State)
			}
			if e.Server != nil {
				line += fmt.Sprintf(" %s %v %d", e.Server.Service, e.Server.Address, e.Server.Weight)
			}
			got = append(got, line)
		}
		if !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
		if e, err := m.Next(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("one too many: %+v, %v", e, err)
		}
	})
}

// What goes in comes out again.
func TestReadBack(t *testing.T) {
	eachKernel(t, func(t *testing.T, dial genl.Dialer) {
		c, ctx := client(t, dial), within(t)
		must(t, c.AddService(ctx, "web", listen(web)))
		got, err := c.Service(ctx, "web")
		must(t, err)
		want := genl.Service{
			Name: "web", ID: got.ID, Mode: genl.ModeHTTP, Scheduler: "wlc", Listen: web,
			Timeouts: genl.Timeouts{5 * time.Second, 10 * time.Second, time.Minute, time.Minute, 75 * time.Second, time.Hour, 4 * time.Second, 30 * time.Second, 0},
			Limits:   genl.Limits{Backlog: 2048, HeadBytes: 16384, HeadFields: 128, Retries: 3, PoolConnections: 128, ReceiveBuffer: 524288, TargetBytes: 8192},
			Forward:  genl.ForwardXForwardedFor, Trusted: []netip.Prefix{}, Hash: genl.Hash{Bound: 125},
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("defaults: got  %+v\nwant %+v", got, want)
		}
		want = genl.Service{
			Name: "web", ID: got.ID, Mode: genl.ModeTCP, Scheduler: "wrr", Listen: mail,
			Timeouts: genl.Timeouts{time.Millisecond, 2 * time.Second, 3 * time.Second, 4 * time.Second, 5 * time.Second, 24 * time.Hour, 7 * time.Second, 8 * time.Second, time.Hour},
			Limits:   genl.Limits{16777216, 65535, 512, 8, 16, 65536, 16384, 1024, 65535, 1000000000, 1 << 40},
			Forward:  genl.ForwardForwarded | genl.ForwardVia, AcceptProxy: true, SendProxy: genl.ProxyHeaderV1, Allow: genl.AllowConnect,
			Trusted: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("::/0"), netip.MustParsePrefix("2001:db8::1/128"), netip.MustParsePrefix("0.0.0.0/0")},
			Hash:    genl.Hash{Bound: 10000},
		}
		must(t, c.SetService(ctx, "web", want.Config()))
		if got, err = c.Service(ctx, "web"); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v, %v", got, want, err)
		}
		// Enough for a listing in several messages; in the order they came.
		const n = 300
		tx, err := c.Begin(ctx, genl.BeginOptions{})
		must(t, err)
		defer tx.Abort()
		for i := range n {
			addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 3, byte(i >> 8), byte(i)}), 80)
			must(t, tx.AddServer(ctx, "web", addr, genl.ServerConfig{Weight: genl.Ptr(uint32(i))}))
		}
		_, err = tx.Commit(ctx)
		must(t, err)
		servers, err := c.Servers(ctx, "web")
		must(t, err)
		if len(servers) != n {
			t.Fatalf("%d servers, want %d", len(servers), n)
		}
		for i, s := range servers {
			if s.Weight != uint32(i) || s.Service != "web" || (s.State == genl.ServerStateDrain) != (i == 0) {
				t.Errorf("server %d is %+v", i, s)
			}
		}
		if s, err := c.Service(ctx, "web"); err != nil || s.Servers != n {
			t.Errorf("got %+v, %v", s, err)
		}
		workers, err := c.Workers(ctx)
		must(t, err)
		info, err := c.Info(ctx)
		must(t, err)
		if len(workers) == 0 || int(info.Workers) != len(workers) || info.Servers != n || info.Services != 1 || info.Version == "" {
			t.Errorf("got %d workers and %+v", len(workers), info)
		}
		schedulers, err := c.Schedulers(ctx)
		must(t, err)
		var names []string
		for _, s := range schedulers {
			names = append(names, s.Name)
			if s.Doc == "" {
				t.Errorf("scheduler %s has no doc", s.Name)
			}
		}
		slices.Sort(names)
		if strings.Join(names, " ") != "lc lt mh nq p2c rr sed sh wlc wrr" {
			t.Errorf("got %v", names)
		}
	})
}
