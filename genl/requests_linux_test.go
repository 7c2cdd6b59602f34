// SPDX-License-Identifier: MIT

package genl

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mdlayher/netlink"

	"github.com/ktcpvs/ktcpvs/internal/spec"
)

var (
	addr4 = netip.MustParseAddrPort("192.0.2.1:80")
	addr6 = netip.MustParseAddrPort("[2001:db8::1]:8080")
)

// call is one use of a method: its operation, its object in errors, and the
// attributes it must send, written down by hand.
type call struct {
	name   string
	op     string
	object string
	cmd    uint8
	dump   bool
	attrs  []byte
	do     func(context.Context, *Client) error
}

func calls() []call {
	ctxErr := func(f func(context.Context, *Client) error) func(context.Context, *Client) error { return f }
	wire4 := join(nla(1, []byte{192, 0, 2, 1}), nla(3, []byte{0, 80}))
	wire6 := join(nla(2, []byte{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}), nla(3, []byte{0x1f, 0x90}))
	tx := func(f func(context.Context, *Tx) error) func(context.Context, *Client) error {
		return func(ctx context.Context, c *Client) error {
			t, err := c.Begin(ctx, BeginOptions{})
			if err != nil {
				return err
			}
			defer t.Abort()
			return f(ctx, t)
		}
	}
	return []call{
		{"Info", "info-get", "", 1, false, nil, ctxErr(func(ctx context.Context, c *Client) error { _, err := c.Info(ctx); return err })},
		{"Settings", "settings-get", "", 2, false, nil, ctxErr(func(ctx context.Context, c *Client) error { _, err := c.Settings(ctx); return err })},
		{"SetSettings", "settings-set", "", 3, false, nla(1, u32(77)), func(ctx context.Context, c *Client) error {
			return c.SetSettings(ctx, SettingsConfig{MaxConnections: Ptr[uint32](77)})
		}},
		{"Service", "service-get", `service "web"`, 4, false, text(1, "web"), func(ctx context.Context, c *Client) error {
			_, err := c.Service(ctx, "web")
			return err
		}},
		{"Services", "service-get", "services", 4, true, nil, func(ctx context.Context, c *Client) error {
			_, err := c.Services(ctx)
			return err
		}},
		{"AddService, the least", "service-new", `service "web"`, 5, false, join(text(1, "web"), nest(5, wire4)), func(ctx context.Context, c *Client) error {
			return c.AddService(ctx, "web", ServiceConfig{Listen: &addr4})
		}},
		{"AddService, everything", "service-new", `service "w6"`, 5, false, join(
			text(1, "w6"), nla(3, u32(0)), text(4, "rr"), nest(5, wire6),
			nest(7, nla(1, u32(1)), nla(2, u32(2)), nla(3, u32(3000)), nla(4, u32(4)), nla(5, u32(5)), nla(6, u32(86400000)), nla(7, u32(7)), nla(8, u32(8)), nla(9, u32(9))),
			nest(8, nla(1, u32(11)), nla(2, u32(12)), nla(3, u32(13)), nla(4, u32(14)), nla(5, u32(15)), nla(6, u32(16)), nla(7, u32(17)), nla(8, u32(18)), nla(9, u32(19)), nla(10, u32(20)), nla(11, binary.NativeEndian.AppendUint64(nil, 1<<40))),
			nla(9, u32(0x13)),
			nest(13, nest(1, nla(1, []byte{192, 0, 2, 0}), nla(3, u32(24))), nest(1, nla(2, []byte{0x20, 0x01, 0x0d, 0xb8, 15: 0}), nla(3, u32(32)))),
			nla(14, u32(1)), nla(15, u32(2)), nla(16, u32(3)), nest(19, wire4),
			nest(20, nla(1, u32(4)), text(2, "SID"), nla(3, u32(200))), nest(21), nla(22, u32(1)),
		), func(ctx context.Context, c *Client) error {
			ms := time.Millisecond
			return c.AddService(ctx, "w6", Service{
				Mode: ModeTCP, Scheduler: "rr", Listen: addr6, Forward: ForwardXForwardedFor | ForwardXForwardedProto | ForwardVia,
				Trusted:     []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")},
				AcceptProxy: true, SendProxy: ProxyHeaderV2, Allow: AllowConnect | AllowRetryUnsafe, Fallback: addr4,
				Timeouts: Timeouts{ms, 2 * ms, 3 * time.Second, 4 * ms, 5 * ms, 24 * time.Hour, 7 * ms, 8 * ms, 9 * ms},
				Limits:   Limits{11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 1 << 40},
				Hash:     Hash{Key: HashKeyCookie, Name: "SID", Bound: 200}, ServerHistograms: true,
			}.Config())
		}},
		{"SetService, one timeout", "service-set", `service "web"`, 6, false, join(text(1, "web"), nest(7, nla(1, u32(1500)))), func(ctx context.Context, c *Client) error {
			return c.SetService(ctx, "web", ServiceConfig{Timeouts: TimeoutsConfig{Connect: Ptr(1500 * time.Millisecond)}})
		}},
		{"SetService, a cookie", "service-set", `service "web"`, 6, false, join(text(1, "web"), nest(21,
			text(1, "SID"), text(2, "/shop"), text(3, "HttpOnly; Secure"), nla(4, u32(600)), nla(5, []byte("0123456789abcdef")))), func(ctx context.Context, c *Client) error {
			return c.SetService(ctx, "web", ServiceConfig{Cookie: &CookieConfig{Name: "SID", Path: "/shop", Attributes: "HttpOnly; Secure", MaxAge: 600, Key: []byte("0123456789abcdef")}})
		}},
		{"SetService, a cookie with defaults", "service-set", `service "web"`, 6, false, join(text(1, "web"), nest(21, text(1, "SID"), text(3, ""), nla(4, u32(0)))), func(ctx context.Context, c *Client) error {
			return c.SetService(ctx, "web", ServiceConfig{Cookie: &CookieConfig{Name: "SID"}})
		}},
		{"SetService, to zero", "service-set", `service "web"`, 6, false, join(text(1, "web"), nla(3, u32(1)), nest(8, nla(1, u32(0))), nla(9, u32(0))), func(ctx context.Context, c *Client) error {
			return c.SetService(ctx, "web", ServiceConfig{Mode: Ptr(ModeHTTP), Limits: LimitsConfig{Connections: Ptr[uint32](0)}, Forward: Ptr(Forward(0))})
		}},
		{"SetService, no fallback", "service-set", `service "web"`, 6, false, join(text(1, "web"), nest(19)), func(ctx context.Context, c *Client) error {
			return c.SetService(ctx, "web", ServiceConfig{Fallback: &netip.AddrPort{}})
		}},
		{"DeleteService", "service-del", `service "web"`, 7, false, text(1, "web"), func(ctx context.Context, c *Client) error {
			return c.DeleteService(ctx, "web")
		}},
		{"StartService", "service-start", `service "web"`, 8, false, text(1, "web"), func(ctx context.Context, c *Client) error {
			return c.StartService(ctx, "web")
		}},
		{"StopService", "service-stop", `service "web"`, 9, false, text(1, "web"), func(ctx context.Context, c *Client) error {
			return c.StopService(ctx, "web", false)
		}},
		{"StopService, now", "service-stop", `service "web"`, 9, false, join(text(1, "web"), nla(12, nil)), func(ctx context.Context, c *Client) error {
			return c.StopService(ctx, "web", true)
		}},
		{"Flush", "flush", "", 10, false, nil, func(ctx context.Context, c *Client) error { return c.Flush(ctx) }},
		{"Server", "server-get", `server 192.0.2.1:80 of service "web"`, 11, false, join(text(1, "web"), nest(3, wire4)), func(ctx context.Context, c *Client) error {
			_, err := c.Server(ctx, "web", addr4)
			return err
		}},
		{"Servers, all", "server-get", "servers", 11, true, nil, func(ctx context.Context, c *Client) error {
			_, err := c.Servers(ctx, "")
			return err
		}},
		{"Servers of one", "server-get", `servers of service "web"`, 11, true, text(1, "web"), func(ctx context.Context, c *Client) error {
			_, err := c.Servers(ctx, "web")
			return err
		}},
		{"AddServer", "server-new", `server [2001:db8::1]:8080 of service "web"`, 12, false, join(text(1, "web"), nest(3, wire6)), func(ctx context.Context, c *Client) error {
			return c.AddServer(ctx, "web", addr6, ServerConfig{})
		}},
		{"AddServer, mapped address", "server-new", `server [::ffff:192.0.2.1]:80 of service "web"`, 12, false, join(text(1, "web"), nest(3, wire4), nla(4, u32(3))), func(ctx context.Context, c *Client) error {
			return c.AddServer(ctx, "web", netip.MustParseAddrPort("[::ffff:192.0.2.1]:80"), ServerConfig{Weight: Ptr[uint32](3)})
		}},
		{"SetServer", "server-set", `server 192.0.2.1:80 of service "web"`, 13, false, join(text(1, "web"), nest(3, wire4), nla(4, u32(0))), func(ctx context.Context, c *Client) error {
			return c.SetServer(ctx, "web", addr4, ServerConfig{Weight: Ptr[uint32](0)})
		}},
		{"DeleteServer", "server-del", `server 192.0.2.1:80 of service "web"`, 14, false, join(text(1, "web"), nest(3, wire4)), func(ctx context.Context, c *Client) error {
			return c.DeleteServer(ctx, "web", addr4)
		}},
		{"Schedulers", "scheduler-get", "schedulers", 15, true, nil, func(ctx context.Context, c *Client) error {
			_, err := c.Schedulers(ctx)
			return err
		}},
		{"Workers", "worker-get", "workers", 16, true, nil, func(ctx context.Context, c *Client) error {
			_, err := c.Workers(ctx)
			return err
		}},
		{"Begin", "transaction-begin", "", 17, false, nil, func(ctx context.Context, c *Client) error {
			tx, err := c.Begin(ctx, BeginOptions{})
			if err == nil {
				tx.Abort()
			}
			return err
		}},
		{"Begin on a generation", "transaction-begin", "", 17, false, nla(1, u32(9)), func(ctx context.Context, c *Client) error {
			tx, err := c.Begin(ctx, BeginOptions{Generation: Ptr[uint32](9)})
			if err == nil {
				tx.Abort()
			}
			return err
		}},
		{"Commit", "transaction-commit", "", 18, false, nil, tx(func(ctx context.Context, t *Tx) error { _, err := t.Commit(ctx); return err })},
		{"DryRun", "transaction-commit", "", 18, false, nla(2, nil), tx(func(ctx context.Context, t *Tx) error { return t.DryRun(ctx) })},
		{"Connections", "connection-get", "connections", 25, true, nil, func(ctx context.Context, c *Client) error {
			_, err := c.Connections(ctx, ConnectionFilter{})
			return err
		}},
		{"Connections, some", "connection-get", `connections of service "web"`, 25, true,
			join(text(2, "web"), nest(5, wire4), nest(12, nla(1, []byte{192, 0, 2, 0}), nla(3, u32(24)))), func(ctx context.Context, c *Client) error {
				_, err := c.Connections(ctx, ConnectionFilter{Service: "web", Server: addr4, Clients: netip.MustParsePrefix("192.0.2.0/24")})
				return err
			}},
		{"Histograms", "histogram-get", "histograms", 35, true, nil, func(ctx context.Context, c *Client) error {
			_, err := c.Histograms(ctx, HistogramFilter{})
			return err
		}},
		{"Histograms of a server", "histogram-get", `histograms of server 192.0.2.1:80 of service "web"`, 35, true, join(text(1, "web"), nest(2, wire4)), func(ctx context.Context, c *Client) error {
			_, err := c.Histograms(ctx, HistogramFilter{"web", addr4})
			return err
		}},
		{"KillConnection", "connection-kill", "connection 1c0ffee0001", 26, false, nla(1, binary.NativeEndian.AppendUint64(nil, 0x1c0ffee0001)), func(ctx context.Context, c *Client) error {
			return c.KillConnection(ctx, 0x1c0ffee0001)
		}},
		{"ZeroStats", "stats-zero", "the counters", 24, false, nil, func(ctx context.Context, c *Client) error { return c.ZeroStats(ctx) }},
		{"ZeroService", "stats-zero", `the counters of service "web"`, 24, false, text(1, "web"), func(ctx context.Context, c *Client) error {
			return c.ZeroService(ctx, "web")
		}},
		{"ZeroServer", "stats-zero", `the counters of server 192.0.2.1:80 of service "web"`, 24, false, join(text(1, "web"), nest(3, wire4)), func(ctx context.Context, c *Client) error {
			return c.ZeroServer(ctx, "web", addr4)
		}},
		{"a change in a transaction", "service-del", `service "web"`, 7, false, text(1, "web"), tx(func(ctx context.Context, t *Tx) error { return t.DeleteService(ctx, "web") })},
	}
}

// answerWell gives every request the answer it waits for.
func answerWell(req netlink.Message) [][]netlink.Message {
	if req.Header.Flags&netlink.Dump == netlink.Dump {
		return [][]netlink.Message{{done(req)}}
	}
	switch req.Data[0] {
	case spec.CmdInfoGet, spec.CmdSettingsGet, spec.CmdServiceGet, spec.CmdServerGet, spec.CmdTransactionCommit:
		return [][]netlink.Message{{message(req, req.Data[0])}, {ack(req)}}
	}
	return [][]netlink.Message{{ack(req)}}
}

func TestRequestBytes(t *testing.T) {
	for _, tt := range calls() {
		t.Run(tt.name, func(t *testing.T) {
			s := &script{answer: answerWell}
			c := s.client(t)
			if err := tt.do(context.Background(), c); err != nil {
				t.Fatal(err)
			}
			var found int
			for _, m := range s.requests {
				if m.Data[0] != tt.cmd {
					continue
				}
				found++
				flags := netlink.Request | netlink.Acknowledge
				if tt.dump {
					flags = netlink.Request | netlink.Dump
				}
				if m.Header.Flags != flags || m.Header.Type != scriptFamily {
					t.Errorf("header %+v, want family %d and flags %v", m.Header, scriptFamily, flags)
				}
				if want := join([]byte{tt.cmd, 1, 0, 0}, tt.attrs); !bytes.Equal(m.Data, want) {
					t.Errorf("sent % x\nwant % x", m.Data, want)
				}
			}
			if found != 1 {
				t.Errorf("the request was sent %d times", found)
			}
		})
	}
}

// refusal answers with a code and perhaps a reason.
func refusal(req netlink.Message, errno syscall.Errno, reason string, offset uint32) netlink.Message {
	data := join(u32(uint32(-int32(errno))), u32(uint32(16+len(req.Data))), make([]byte, 12), req.Data)
	m := netlink.Message{Header: netlink.Header{Type: netlink.Error, Sequence: req.Header.Sequence, PID: 1}}
	if reason != "" {
		m.Header.Flags |= netlink.AcknowledgeTLVs
		data = join(data, text(1, reason))
	}
	if offset != 0 {
		m.Header.Flags |= netlink.AcknowledgeTLVs
		data = join(data, nla(2, u32(offset)))
	}
	m.Data = data
	m.Header.Length = uint32(16 + len(data))
	return m
}

// Every code of every method becomes an *Error that says what was asked, and
// that is the right cause and no other.
func TestEveryErrnoOfEveryMethod(t *testing.T) {
	causes := []error{os.ErrNotExist, os.ErrExist, os.ErrPermission, ErrBusy, ErrAlready, ErrAddressInUse, ErrInvalid, ErrStale, ErrInconsistent, ErrNoModule, ErrClosed}
	errnos := map[syscall.Errno][]error{
		syscall.ENOENT:     {os.ErrNotExist},
		syscall.EEXIST:     {os.ErrExist},
		syscall.EPERM:      {os.ErrPermission},
		syscall.EACCES:     {os.ErrPermission},
		syscall.EBUSY:      {ErrBusy},
		syscall.EALREADY:   {ErrAlready},
		syscall.EADDRINUSE: {ErrAddressInUse},
		syscall.EINVAL:     {ErrInvalid},
		syscall.ERANGE:     {ErrInvalid},
		syscall.EMSGSIZE:   {ErrInvalid},
		syscall.ESTALE:     {ErrStale},
		syscall.ENOMEM:     nil, syscall.EOPNOTSUPP: nil, syscall.ENOSPC: nil, syscall.EAFNOSUPPORT: nil,
		syscall.EADDRNOTAVAIL: nil, syscall.EAGAIN: nil, syscall.EINTR: nil, syscall.ESRCH: nil, syscall.ENOBUFS: nil,
		syscall.E2BIG: nil, syscall.Errno(4095): nil,
	}
	for _, tt := range calls() {
		for errno, want := range errnos {
			t.Run(fmt.Sprintf("%s/%d", tt.name, int(errno)), func(t *testing.T) {
				s := &script{answer: func(req netlink.Message) [][]netlink.Message {
					if req.Data[0] == tt.cmd {
						return [][]netlink.Message{{refusal(req, errno, "the kernel's reason", 0)}}
					}
					return answerWell(req)
				}}
				err := tt.do(context.Background(), s.client(t))
				var e *Error
				if !errors.As(err, &e) {
					t.Fatalf("got %v (%T), want an *Error", err, err)
				}
				if e.Op != tt.op || e.Object != tt.object || e.Errno != errno || e.Message != "the kernel's reason" {
					t.Errorf("got %+v", e)
				}
				if !errors.Is(err, errno) {
					t.Errorf("%v is not its errno", err)
				}
				for _, cause := range causes {
					expected := false
					for _, w := range want {
						expected = expected || w == cause
					}
					if errors.Is(err, cause) != expected {
						t.Errorf("Is(%v) is %v", cause, !expected)
					}
				}
				if !strings.HasSuffix(err.Error(), ": the kernel's reason") {
					t.Errorf("text %q", err)
				}
			})
		}
	}
}

func TestErrorText(t *testing.T) {
	weight := ServerConfig{Weight: Ptr[uint32](70000)}
	for _, tt := range []struct {
		name   string
		answer func(netlink.Message) netlink.Message
		do     func(context.Context, *Client) error
		want   string
	}{
		{"reason and attribute", func(m netlink.Message) netlink.Message {
			return refusal(m, syscall.EADDRINUSE, `the address is used by service "x"`, 20+8)
		}, func(ctx context.Context, c *Client) error {
			return c.AddService(ctx, "web", ServiceConfig{Listen: &addr4})
		}, `add service "web": the address is used by service "x" (attribute listen)`},
		{"attribute in a nest", func(m netlink.Message) netlink.Message {
			return refusal(m, syscall.EINVAL, "no such port", 20+8+4+8)
		}, func(ctx context.Context, c *Client) error {
			return c.AddService(ctx, "web", ServiceConfig{Listen: &addr4})
		}, `add service "web": no such port (attribute listen.port)`},
		{"out of range", func(m netlink.Message) netlink.Message {
			return refusal(m, syscall.ERANGE, "integer out of range", 20+8+20)
		}, func(ctx context.Context, c *Client) error {
			return c.AddServer(ctx, "web", addr4, weight)
		}, `add server 192.0.2.1:80 of service "web": integer out of range (attribute weight, allowed are 0 to 65535)`},
		{"no reason", func(m netlink.Message) netlink.Message {
			return refusal(m, syscall.ENOMEM, "", 0)
		}, func(ctx context.Context, c *Client) error {
			return c.Flush(ctx)
		}, "flush: cannot allocate memory"},
		{"an offset behind the request", func(m netlink.Message) netlink.Message {
			return refusal(m, syscall.EINVAL, "odd", 4000)
		}, func(ctx context.Context, c *Client) error {
			return c.DeleteService(ctx, "web")
		}, `delete service "web": odd`},
		{"an offset in the header", func(m netlink.Message) netlink.Message {
			return refusal(m, syscall.EINVAL, "odd", 3)
		}, func(ctx context.Context, c *Client) error {
			return c.DeleteService(ctx, "web")
		}, `delete service "web": odd`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &script{answer: func(req netlink.Message) [][]netlink.Message {
				return [][]netlink.Message{{tt.answer(req)}}
			}}
			err := tt.do(context.Background(), s.client(t))
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

// What cannot be said in the protocol is refused before anything is sent.
func TestUnspeakable(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(context.Context, *Client) error
		want string
	}{
		{"no address", func(ctx context.Context, c *Client) error {
			return c.AddServer(ctx, "web", netip.AddrPort{}, ServerConfig{})
		}, "the address is missing"},
		{"a zone", func(ctx context.Context, c *Client) error {
			return c.AddServer(ctx, "web", netip.MustParseAddrPort("[fe80::1%eth0]:80"), ServerConfig{})
		}, "a zone is not supported"},
		{"a negative time", func(ctx context.Context, c *Client) error {
			return c.SetService(ctx, "web", ServiceConfig{Timeouts: TimeoutsConfig{Head: Ptr(-time.Second)}})
		}, "timeouts.head: -1s is not a whole number of milliseconds"},
		{"a split millisecond", func(ctx context.Context, c *Client) error {
			return c.SetService(ctx, "web", ServiceConfig{Timeouts: TimeoutsConfig{Body: Ptr(1500 * time.Microsecond)}})
		}, "timeouts.body: 1.5ms is not a whole"},
		{"too long a time", func(ctx context.Context, c *Client) error {
			return c.SetService(ctx, "web", ServiceConfig{Timeouts: TimeoutsConfig{Drain: Ptr(50 * 24 * time.Hour)}})
		}, "timeouts.drain: 1200h0m0s is not a whole"},
		{"a name no attribute can hold", func(ctx context.Context, c *Client) error {
			return c.DeleteService(ctx, strings.Repeat("x", 65536-4-1+3))
		}, `xx"...: the name of a service is too long (65534 bytes)`},
		{"a NUL in a name", func(ctx context.Context, c *Client) error {
			return c.DeleteService(ctx, "web\x00x")
		}, "the name of a service contains a NUL byte"},
		{"a NUL in the name of a server's service", func(ctx context.Context, c *Client) error {
			return c.DeleteServer(ctx, "web\x00x", addr4)
		}, "the name of a service contains a NUL byte"},
		{"a NUL in a scheduler", func(ctx context.Context, c *Client) error {
			return c.SetService(ctx, "web", ServiceConfig{Scheduler: Ptr("rr\x00")})
		}, "the name of a scheduler contains a NUL byte"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &script{}
			err := tt.do(context.Background(), s.client(t))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %.200v, want %q", err, tt.want)
			}
			if len(s.requests) != 0 {
				t.Errorf("%d requests were sent", len(s.requests))
			}
		})
	}
}

// A kernel that answers nonsense gives an error, never a panic, a hang or a
// value.
func TestNonsense(t *testing.T) {
	short := func(m netlink.Message, n int) netlink.Message { m.Data = m.Data[:n]; return m }
	for _, tt := range []struct {
		name   string
		answer func(req netlink.Message) [][]netlink.Message
		want   string
	}{
		{"no object", func(req netlink.Message) [][]netlink.Message { return [][]netlink.Message{{ack(req)}} }, "sent no answer"},
		{"a truncated attribute", func(req netlink.Message) [][]netlink.Message {
			return [][]netlink.Message{{message(req, 4, []byte{200, 0, 1, 0})}, {ack(req)}}
		}, "malformed"},
		{"half a header", func(req netlink.Message) [][]netlink.Message {
			return [][]netlink.Message{{message(req, 4, []byte{4, 0})}, {ack(req)}}
		}, "malformed"},
		{"a number of 3 bytes", func(req netlink.Message) [][]netlink.Message {
			return [][]netlink.Message{{message(req, 4, nla(2, []byte{1, 2, 3}))}, {ack(req)}}
		}, "malformed"},
		{"a counter of 2 bytes", func(req netlink.Message) [][]netlink.Message {
			return [][]netlink.Message{{message(req, 4, nest(11, nla(2, []byte{1, 2})))}, {ack(req)}}
		}, "malformed"},
		{"an address of 5 bytes", func(req netlink.Message) [][]netlink.Message {
			return [][]netlink.Message{{message(req, 4, nest(5, nla(1, []byte{1, 2, 3, 4, 5})))}, {ack(req)}}
		}, "address of 5 bytes"},
		{"an address of both kinds", func(req netlink.Message) [][]netlink.Message {
			return [][]netlink.Message{{message(req, 4, nest(5, nla(1, make([]byte, 4)), nla(2, make([]byte, 16))))}, {ack(req)}}
		}, "2 families"},
		{"an address of no kind", func(req netlink.Message) [][]netlink.Message {
			return [][]netlink.Message{{message(req, 4, nest(5, nla(3, []byte{0, 80})))}, {ack(req)}}
		}, "0 families"},
		{"a port of 4 bytes", func(req netlink.Message) [][]netlink.Message {
			return [][]netlink.Message{{message(req, 4, nest(5, nla(1, make([]byte, 4)), nla(3, u32(80))))}, {ack(req)}}
		}, "port of 4 bytes"},
		{"another's answer", func(req netlink.Message) [][]netlink.Message {
			m := message(req, 4)
			m.Header.Sequence++
			return [][]netlink.Message{{m}}
		}, "another request"},
		{"no generic header", func(req netlink.Message) [][]netlink.Message {
			return [][]netlink.Message{{short(message(req, 4), 2)}}
		}, "too short"},
		{"an error without a code", func(req netlink.Message) [][]netlink.Message {
			return [][]netlink.Message{{short(ack(req), 0)}}
		}, "not enough data"},
		{"a reason that is cut off", func(req netlink.Message) [][]netlink.Message {
			m := refusal(req, syscall.EINVAL, "reason", 0)
			return [][]netlink.Message{{short(m, len(m.Data)-5)}}
		}, "invalid argument"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &script{answer: tt.answer}
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			_, err := s.client(t).Service(ctx, "web")
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestFamilyNonsense(t *testing.T) {
	family := func(attrs ...[]byte) netlink.Message {
		m := message(netlink.Message{}, 1, attrs...)
		m.Header.Type = 0x10
		return m
	}
	gone := refusal(netlink.Message{Data: make([]byte, 4)}, syscall.ENOENT, "", 0)
	denied := refusal(netlink.Message{Data: make([]byte, 4)}, syscall.EPERM, "", 0)
	for _, tt := range []struct {
		name   string
		family netlink.Message
		want   error
		text   string
	}{
		{"not loaded", gone, ErrNoModule, "connect: the kernel module ktcpvs is not loaded"},
		{"denied", denied, os.ErrPermission, "look up the family"},
		{"another version", family(scriptFamily16(), nla(3, u32(2))), nil, "the module speaks version 2 of the protocol"},
		{"malformed", family(nla(1, []byte{1})), nil, "look up the family"},
		{"a version out of bounds", family(nla(3, u32(300))), nil, "look up the family"},
		{"no family at all", netlink.Message{Header: netlink.Header{Type: netlink.Done, Flags: netlink.Multi}, Data: make([]byte, 4)}, nil, "look up the family"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &script{family: []netlink.Message{tt.family}}
			_, err := New(WithDialer(s.dial))
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), tt.text) || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %q", err, tt.text)
			}
			if tt.want == ErrNoModule && errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a missing module must not look like a missing object")
			}
		})
	}
}

// After a failure to read, what is still to come of the answer must not be
// taken for the next one's: the socket is given up.
func TestReadFailure(t *testing.T) {
	s := &script{answer: func(req netlink.Message) [][]netlink.Message {
		return [][]netlink.Message{{message(req, spec.CmdInfoGet, nla(2, u32(5)))}} // and no acknowledgement
	}}
	c := s.client(t)
	s.readErr = os.NewSyscallError("recvmsg", syscall.ENOMEM)
	_, err := c.Info(context.Background())
	var e *Error
	if !errors.Is(err, syscall.ENOMEM) || !errors.As(err, &e) || e.Errno != 0 || !strings.Contains(err.Error(), "recvmsg") {
		t.Errorf("got %v", err)
	}
	s.answer = answerWell
	if _, err := c.Info(context.Background()); err != nil {
		t.Error(err)
	}
	if s.dialled != 2 || s.open != 1 {
		t.Errorf("%d sockets were opened and %d are open, want 2 and 1", s.dialled, s.open)
	}
	// In a transaction there is no second socket.
	tx, err := c.Begin(context.Background(), BeginOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.answer = func(netlink.Message) [][]netlink.Message { return nil }
	s.readErr = os.NewSyscallError("recvmsg", syscall.ENOMEM)
	if err := tx.Flush(context.Background()); !errors.Is(err, syscall.ENOMEM) {
		t.Errorf("got %v", err)
	}
	if err := tx.Flush(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
	if s.dialled != 3 || s.open != 1 {
		t.Errorf("%d sockets were opened and %d are open, want 3 and 1", s.dialled, s.open)
	}
}

// The kernel's flag counts also when the generation says nothing.
func TestDumpInterruptedFlag(t *testing.T) {
	for _, good := range []int{2, 100} {
		dumps := 0
		s := &script{answer: func(req netlink.Message) [][]netlink.Message {
			if req.Header.Flags&netlink.Dump != netlink.Dump {
				return answerWell(req)
			}
			dumps++
			m := message(req, req.Data[0], text(1, "web"))
			m.Header.Flags |= netlink.Multi
			if dumps < good {
				m.Header.Flags |= netlink.DumpInterrupted
			}
			return [][]netlink.Message{{m}, {done(req)}}
		}}
		services, err := s.client(t).Services(context.Background())
		if len(services) != 1 || services[0].Name != "web" {
			t.Errorf("got %+v", services)
		}
		if good == 2 && (err != nil || dumps != 2) || good > 2 && (!errors.Is(err, ErrInconsistent) || dumps != listTries) {
			t.Errorf("%d dumps, %v", dumps, err)
		}
	}
}

func TestMonitorWithoutGroup(t *testing.T) {
	s := &script{} // its family has none
	_, err := s.client(t).Monitor(context.Background())
	if err == nil || err.Error() != `monitor: the module has no multicast group "config"` {
		t.Errorf("got %v", err)
	}
	if s.open != 1 {
		t.Errorf("%d sockets are open", s.open)
	}
}
