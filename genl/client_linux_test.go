// SPDX-License-Identifier: MIT

package genl_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/genl/genlfake"
)

var (
	web  = netip.MustParseAddrPort("127.0.0.1:80")
	mail = netip.MustParseAddrPort("[::1]:25")
	one  = netip.MustParseAddrPort("10.0.0.1:80")
	two  = netip.MustParseAddrPort("10.0.0.2:80")
)

func open(t *testing.T, k *genlfake.Kernel) *genl.Client {
	t.Helper()
	c, err := genl.New(genl.WithDialer(k.Dial))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wants(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

func listen(a netip.AddrPort) genl.ServiceConfig { return genl.ServiceConfig{Listen: &a} }

func TestLife(t *testing.T) {
	k := genlfake.New()
	c, ctx := open(t, k), within(t)

	services, err := c.Services(ctx)
	must(t, err)
	servers, err := c.Servers(ctx, "")
	must(t, err)
	if services == nil || len(services) != 0 || servers == nil || len(servers) != 0 {
		t.Fatalf("nothing is %#v and %#v, want empty slices", services, servers)
	}

	must(t, c.AddService(ctx, "web", listen(web)))
	must(t, c.AddService(ctx, "mail", genl.ServiceConfig{
		Listen: &mail, Mode: genl.Ptr(genl.ModeTCP), Scheduler: genl.Ptr("rr"), Forward: genl.Ptr(genl.Forward(0)),
		Timeouts: genl.TimeoutsConfig{Tunnel: genl.Ptr(90 * time.Minute)},
		Limits:   genl.LimitsConfig{Backlog: genl.Ptr[uint32](7)},
	}))
	must(t, c.AddServer(ctx, "web", one, genl.ServerConfig{}))
	must(t, c.AddServer(ctx, "web", two, genl.ServerConfig{Weight: genl.Ptr[uint32](9)}))
	must(t, c.StartService(ctx, "web"))
	must(t, k.SetServiceStats("web", genl.ServiceStats{Active: 3, ClientBytesOut: 1 << 40, Handoffs: 5}))
	must(t, k.SetServerStats("web", two, genl.ServerStats{Idle: 2, BytesIn: 1<<32 - 1, BytesOut: 1 << 32}))

	got, err := c.Service(ctx, "web")
	must(t, err)
	want := genl.Service{
		Name: "web", ID: 1, Mode: genl.ModeHTTP, Scheduler: "wlc", Listen: web, State: genl.ServiceStateRunning,
		Timeouts: genl.Timeouts{5 * time.Second, 10 * time.Second, time.Minute, time.Minute, 75 * time.Second, time.Hour, 4 * time.Second, 30 * time.Second, 0},
		Limits:   genl.Limits{Backlog: 2048, HeadBytes: 16384, HeadFields: 128, Retries: 3, PoolConnections: 128, ReceiveBuffer: 524288, TargetBytes: 8192},
		Forward:  genl.ForwardXForwardedFor, Trusted: []netip.Prefix{}, Servers: 2, Hash: genl.Hash{Bound: 125},
		Stats: genl.ServiceStats{Active: 3, ClientBytesOut: 1 << 40, Handoffs: 5},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	srv, err := c.Server(ctx, "web", two)
	must(t, err)
	if want := (genl.Server{Service: "web", ID: 4, Address: two, Weight: 9, Stats: genl.ServerStats{Idle: 2, BytesIn: 1<<32 - 1, BytesOut: 1 << 32}}); srv != want {
		t.Errorf("got  %+v\nwant %+v", srv, want)
	}
	m, err := c.Service(ctx, "mail")
	must(t, err)
	if m.Mode != genl.ModeTCP || m.Scheduler != "rr" || m.Listen != mail || m.Forward != 0 || m.Timeouts.Tunnel != 90*time.Minute || m.Limits.Backlog != 7 || m.State != genl.ServiceStateStopped {
		t.Errorf("got %+v", m)
	}

	must(t, c.SetServer(ctx, "web", two, genl.ServerConfig{Weight: genl.Ptr[uint32](0)}))
	servers, err = c.Servers(ctx, "web")
	must(t, err)
	if len(servers) != 2 || servers[1].State != genl.ServerStateDrain || servers[0].Weight != 1 {
		t.Errorf("got %+v", servers)
	}
	must(t, c.SetService(ctx, "web", genl.ServiceConfig{Scheduler: genl.Ptr("wrr")}))
	must(t, c.StopService(ctx, "web", false))
	if s, _ := c.Service(ctx, "web"); s.State != genl.ServiceStateDraining || s.Scheduler != "wrr" || s.Timeouts != want.Timeouts {
		t.Errorf("got %+v", s)
	}
	must(t, c.StopService(ctx, "web", true))
	wants(t, c.StopService(ctx, "web", true), genl.ErrAlready)
	must(t, c.DeleteServer(ctx, "web", one))
	info, err := c.Info(ctx)
	must(t, err)
	if info.Services != 2 || info.Servers != 1 || info.Workers != 2 || info.Version == "" || info.Generation != 11 {
		t.Errorf("got %+v", info)
	}
	must(t, c.DeleteService(ctx, "mail"))
	must(t, c.Flush(ctx))
	if services, err = c.Services(ctx); err != nil || len(services) != 0 {
		t.Errorf("got %v, %v", services, err)
	}

	must(t, c.SetSettings(ctx, genl.SettingsConfig{MaxConnections: genl.Ptr[uint32](99)}))
	if s, err := c.Settings(ctx); err != nil || s.MaxConnections != 99 {
		t.Errorf("got %+v, %v", s, err)
	}
	k.SetWorkers([]genl.Worker{{CPU: 3, PID: 9, Connections: 1, Accepted: 1 << 33, HandoffsIn: 2, HandoffsOut: 3, Passes: 4, Steps: 5, Requests: 6, Wakeups: 7, LogRecords: 11, LogDrops: 12}})
	workers, err := c.Workers(ctx)
	if want := []genl.Worker{{3, 9, 1, 1 << 33, 2, 3, 4, 5, 6, 7, 11, 12}}; err != nil || !slices.Equal(workers, want) {
		t.Errorf("got %+v, %v", workers, err)
	}
	schedulers, err := c.Schedulers(ctx)
	if err != nil || len(schedulers) != 10 || schedulers[0].Name != "rr" || schedulers[0].Doc == "" {
		t.Errorf("got %+v, %v", schedulers, err)
	}
}

// fill adds n services with a server each.
func fill(t *testing.T, c *genl.Client, from, n int) {
	t.Helper()
	ctx := within(t)
	for i := from; i < from+n; i++ {
		name := fmt.Sprintf("s%d", i)
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 80)
		must(t, c.AddService(ctx, name, listen(addr)))
		must(t, c.AddServer(ctx, name, one, genl.ServerConfig{}))
	}
}

// A listing that a change fell into is read again, also when only the end of
// it could tell.
func TestTornListing(t *testing.T) {
	for name, change := range map[string]func(context.Context, *genl.Client) error{
		"something is added":    func(ctx context.Context, c *genl.Client) error { return c.AddService(ctx, "new", listen(two)) },
		"everything is removed": func(ctx context.Context, c *genl.Client) error { return c.Flush(ctx) },
	} {
		for piece := range 6 {
			t.Run(fmt.Sprintf("%s before piece %d", name, piece), func(t *testing.T) {
				k := genlfake.New()
				c, other, ctx := open(t, k), open(t, k), within(t)
				fill(t, c, 0, 18) // 5 pieces and the end
				var once sync.Once
				dumps := 0
				k.OnDump(func(_ string, at int) {
					if at == 0 {
						dumps++
					}
					if at == piece {
						once.Do(func() { must(t, change(ctx, other)) })
					}
				})
				services, err := c.Services(ctx)
				must(t, err)
				want := 19
				if strings.Contains(name, "removed") {
					want = 0
				}
				if len(services) != want {
					t.Errorf("%d services, want %d", len(services), want)
				}
				if dumps != 2 {
					t.Errorf("it was read %d times, want 2", dumps)
				}
			})
		}
	}
}

func TestEverChangingListing(t *testing.T) {
	k := genlfake.New()
	c, other, ctx := open(t, k), open(t, k), within(t)
	fill(t, c, 0, 6)
	k.OnDump(func(string, int) {
		must(t, other.SetService(ctx, "s0", genl.ServiceConfig{Limits: genl.LimitsConfig{Retries: genl.Ptr[uint32](1)}}))
	})
	services, err := c.Services(ctx)
	wants(t, err, genl.ErrInconsistent)
	if len(services) != 6 {
		t.Errorf("%d services come with it, want 6", len(services))
	}
	servers, err := c.Servers(ctx, "s1")
	wants(t, err, genl.ErrInconsistent)
	if len(servers) != 1 || err.Error() != `list servers of service "s1": the configuration changed while it was read` {
		t.Errorf("got %v, %v", servers, err)
	}
}

func TestModuleComesAndGoes(t *testing.T) {
	k := genlfake.New()
	c, ctx := open(t, k), within(t)
	must(t, c.AddService(ctx, "web", listen(web)))
	tx, err := c.Begin(ctx, genl.BeginOptions{})
	must(t, err)
	k.Unload()
	_, err = genl.New(genl.WithDialer(k.Dial))
	wants(t, err, genl.ErrNoModule)
	_, err = c.Services(ctx)
	wants(t, err, genl.ErrNoModule)
	if err.Error() != "list services: the kernel module ktcpvs is not loaded" || errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	wants(t, c.DeleteService(ctx, "web"), genl.ErrNoModule)
	_, err = c.Begin(ctx, genl.BeginOptions{})
	wants(t, err, genl.ErrNoModule)
	k.Load() // under another number
	must(t, c.AddService(ctx, "web", listen(web)))
	// What was staged is gone; the changes must not take effect one by one.
	if err := tx.Flush(ctx); err == nil {
		t.Errorf("a transaction survived its module")
	}
	if s, err := c.Services(ctx); err != nil || len(s) != 1 {
		t.Errorf("got %+v, %v", s, err)
	}
	wants(t, c.DeleteService(ctx, "nope"), os.ErrNotExist) // and not the module
	if n := k.Sockets(); n != 2 {
		t.Errorf("%d sockets, want the client's and the transaction's", n)
	}
}

// A request that was cut short leaves no answer to the next one.
func TestCancel(t *testing.T) {
	k := genlfake.New()
	c, ctx := open(t, k), within(t)
	fill(t, c, 0, 20)
	for piece := range 5 {
		short, cancel := context.WithCancel(ctx)
		k.OnDump(func(_ string, at int) {
			if at == piece {
				cancel()
				time.Sleep(time.Millisecond)
			}
		})
		if s, err := c.Services(short); !errors.Is(err, context.Canceled) || s != nil {
			t.Fatalf("piece %d: got %d services, %v", piece, len(s), err)
		}
		k.OnDump(nil)
		if s, err := c.Services(ctx); err != nil || len(s) != 20 {
			t.Fatalf("afterwards: got %d services, %v", len(s), err)
		}
		if n := k.Sockets(); n != 1 {
			t.Fatalf("%d sockets are open", n)
		}
	}
	late, cancel := context.WithDeadline(ctx, time.Now().Add(-time.Second))
	defer cancel()
	wants(t, c.Flush(late), context.DeadlineExceeded)
	if s, err := c.Services(ctx); err != nil || len(s) != 20 {
		t.Fatalf("a request was sent after its deadline: %d services, %v", len(s), err)
	}
}

// A request waits for its turn no longer than its context lets it.
func TestWaitingForATurn(t *testing.T) {
	k := genlfake.New()
	c, ctx := open(t, k), within(t)
	fill(t, c, 0, 1)
	entered, leave := make(chan struct{}), make(chan struct{})
	var once sync.Once
	k.OnDump(func(string, int) { once.Do(func() { close(entered); <-leave }) })
	listed := make(chan error)
	go func() {
		_, err := c.Services(ctx)
		listed <- err
	}()
	<-entered
	short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	wants(t, c.Flush(short), context.DeadlineExceeded)
	close(leave)
	must(t, <-listed)
}

func TestManyGoroutines(t *testing.T) {
	k := genlfake.New()
	c, ctx := open(t, k), within(t)
	fill(t, c, 0, 9)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 50 {
				name := fmt.Sprintf("s%d", i)
				if s, err := c.Service(ctx, name); err != nil || s.Name != name {
					t.Errorf("got %q, %v, want %q", s.Name, err, name)
				}
				if s, err := c.Servers(ctx, name); err != nil || len(s) != 1 || s[0].Service != name {
					t.Errorf("got %+v, %v", s, err)
				}
			}
		}()
	}
	wg.Wait()
}

func TestClose(t *testing.T) {
	k := genlfake.New()
	c, ctx := open(t, k), within(t)
	must(t, c.Close())
	wants(t, c.Close(), genl.ErrClosed)
	wants(t, c.Flush(ctx), genl.ErrClosed)
	_, err := c.Services(ctx)
	wants(t, err, genl.ErrClosed)
	if n := k.Sockets(); n != 0 {
		t.Errorf("%d sockets are open", n)
	}
}

// A request under way ends when the client is closed.
func TestCloseUnderWay(t *testing.T) {
	k := genlfake.New()
	c, ctx := open(t, k), within(t)
	fill(t, c, 0, 9)
	k.OnDump(func(_ string, piece int) {
		if piece == 1 {
			must(t, c.Close())
		}
	})
	_, err := c.Services(ctx)
	wants(t, err, genl.ErrClosed)
	if n := k.Sockets(); n != 0 {
		t.Errorf("%d sockets are open", n)
	}
}

// A transaction that could not begin leaves no socket.
func TestRefusedBegin(t *testing.T) {
	k := genlfake.New()
	c, ctx := open(t, k), within(t)
	k.Deny(true)
	_, err := c.Begin(ctx, genl.BeginOptions{})
	wants(t, err, os.ErrPermission)
	if err.Error() != "begin the transaction: changes need CAP_NET_ADMIN" {
		t.Errorf("got %v", err)
	}
	wants(t, c.Flush(ctx), os.ErrPermission)
	if _, err := c.Services(ctx); err != nil {
		t.Errorf("reading is free: %v", err)
	}
	k.Deny(false)
	tx, err := c.Begin(ctx, genl.BeginOptions{})
	must(t, err)
	must(t, tx.Flush(ctx))
	if n := k.Sockets(); n != 2 {
		t.Errorf("%d sockets are open, want the client's and the transaction's", n)
	}
	_, err = tx.Commit(ctx)
	must(t, err)
	if n := k.Sockets(); n != 1 {
		t.Errorf("%d sockets are open after the commit", n)
	}
}

// Where another program listens, the service stays stopped.
func TestOccupied(t *testing.T) {
	k := genlfake.New()
	c, ctx := open(t, k), within(t)
	must(t, c.AddService(ctx, "web", listen(web)))
	k.Occupy(web, true)
	err := c.StartService(ctx, "web")
	wants(t, err, genl.ErrAddressInUse)
	if err.Error() != `start service "web": another socket uses port 80 of the listen address` {
		t.Errorf("got %v", err)
	}
	k.Occupy(web, false)
	must(t, c.StartService(ctx, "web"))
}

func TestOptions(t *testing.T) {
	k := genlfake.New()
	for name, tt := range map[string]struct {
		opts []genl.Option
		want string
	}{
		"empty netns":    {[]genl.Option{genl.WithNetns("")}, "name is empty"},
		"bad descriptor": {[]genl.Option{genl.WithNetnsFD(-1)}, "-1 is not a file descriptor"},
		"no dialer":      {[]genl.Option{genl.WithDialer(nil)}, "WithDialer(nil)"},
		"both":           {[]genl.Option{genl.WithNetns("x"), genl.WithNetnsFD(3)}, "exclude each other"},
		"no such name":   {[]genl.Option{genl.WithDialer(k.Dial), genl.WithNetns("no-such")}, `network namespace "no-such": open /run/netns/no-such: no such file`},
		"no such path":   {[]genl.Option{genl.WithDialer(k.Dial), genl.WithNetns("./no-such")}, `network namespace "./no-such"`},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := genl.New(tt.opts...)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if c != nil {
				t.Errorf("a client comes with the error")
			}
		})
	}
	path := filepath.Join(t.TempDir(), "ns")
	must(t, os.WriteFile(path, nil, 0o600))
	if _, err := genl.New(genl.WithDialer(k.Dial), genl.WithNetns(path)); err != nil {
		t.Errorf("the dialer decides what a namespace is: %v", err)
	}
}

// The real kernel of the machine that runs the test most likely has no such
// module; whatever it has, New must give a client or a cause.
func TestRealKernel(t *testing.T) {
	c, err := genl.New()
	switch {
	case err == nil:
		c.Close()
	case !errors.Is(err, genl.ErrNoModule) && !errors.Is(err, os.ErrPermission):
		t.Errorf("got %v", err)
	}
}

func TestMonitor(t *testing.T) {
	k := genlfake.New()
	c, ctx := open(t, k), within(t)
	m, err := c.Monitor(ctx)
	must(t, err)
	defer m.Close()
	var got []string
	next := func(n int) {
		t.Helper()
		for range n {
			e, err := m.Next(ctx)
			must(t, err)
			line := e.Kind.String()
			if e.Service != nil {
				line += fmt.Sprintf(" %s %d %v", e.Service.Name, e.Service.ID, e.Service.State)
			}
			if e.Server != nil {
				line += fmt.Sprintf(" %s %d %v %d", e.Server.Service, e.Server.ID, e.Server.Address, e.Server.Weight)
			}
			got = append(got, line)
		}
	}
	must(t, c.AddService(ctx, "web", listen(web)))
	must(t, c.AddServer(ctx, "web", one, genl.ServerConfig{}))
	must(t, c.SetServer(ctx, "web", one, genl.ServerConfig{Weight: genl.Ptr[uint32](4)}))
	next(3)
	must(t, c.StartService(ctx, "web"))
	must(t, c.StopService(ctx, "web", true))
	must(t, c.SetService(ctx, "web", listen(two)))
	must(t, c.DeleteServer(ctx, "web", one))
	must(t, c.DeleteService(ctx, "web"))
	next(5)
	want := []string{
		"service-changed web 1 stopped",
		"server-changed web 2 10.0.0.1:80 1",
		"server-changed web 2 10.0.0.1:80 4",
		"service-changed web 1 running",
		"service-changed web 1 stopped",
		"service-changed web 1 stopped",
		"server-deleted web 2 10.0.0.1:80 0",
		"service-deleted web 1 stopped",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	// A context that ends does not end the monitor.
	short, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
	defer cancel()
	_, err = m.Next(short)
	wants(t, err, context.DeadlineExceeded)
	go func() {
		time.Sleep(20 * time.Millisecond) // until Next waits
		if err := c.AddService(ctx, "again", listen(web)); err != nil {
			t.Error(err)
		}
	}()
	next(1)

	// Too slow: it says so, and what comes later is told again.
	k.SetBacklog(3)
	fill(t, c, 0, 4)
	e, err := m.Next(ctx)
	if err != nil || e.Kind != genl.EventLost {
		t.Errorf("got %v, %v, want lost", e.Kind, err)
	}
	next(3)
	must(t, c.DeleteService(ctx, "s0"))
	e, err = m.Next(ctx)
	if err != nil || e.Kind != genl.EventServiceDeleted {
		t.Errorf("got %v, %v", e.Kind, err)
	}
}

func TestMonitorEnds(t *testing.T) {
	k := genlfake.New()
	c, ctx := open(t, k), within(t)
	m, err := c.Monitor(ctx)
	must(t, err)
	ended := make(chan error)
	go func() {
		_, err := m.Next(ctx)
		ended <- err
	}()
	time.Sleep(5 * time.Millisecond)
	must(t, m.Close())
	wants(t, <-ended, genl.ErrClosed)
	wants(t, m.Close(), genl.ErrClosed)

	m, err = c.Monitor(ctx)
	must(t, err)
	defer m.Close()
	must(t, c.AddService(ctx, "web", listen(web)))
	short, cancel := context.WithCancel(ctx)
	defer cancel()
	n := 0
	for e, err := range m.Events(short) {
		must(t, err)
		if e.Kind != genl.EventServiceChanged {
			t.Errorf("got %v", e.Kind)
		}
		n++
		cancel()
	}
	if n != 1 {
		t.Errorf("%d events, want 1", n)
	}
	if _, err := c.Monitor(short); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	k.Unload()
	_, err = c.Monitor(ctx)
	wants(t, err, genl.ErrNoModule)
}

// The names in JSON are an interface: those of the specification.
func TestJSON(t *testing.T) {
	k := genlfake.New()
	c, ctx := open(t, k), within(t)
	must(t, c.AddService(ctx, "web", listen(web)))
	must(t, c.AddServer(ctx, "web", mail, genl.ServerConfig{}))
	s, err := c.Service(ctx, "web")
	must(t, err)
	b, err := json.Marshal(s)
	must(t, err)
	for _, want := range []string{
		`{"name":"web","id":1,"mode":"http","scheduler":"wlc","listen":"127.0.0.1:80","state":"stopped","timeouts":{"connect":5000,"head":10000,`,
		`"limits":{"connections":0,"backlog":2048,"head_bytes":16384,`, `"forward":["x-forwarded-for"],"trusted":[],"accept_proxy":false,"send_proxy":"none","allow":[],"servers":1,"stats":{"connections":0,"active":0,"refused_limit":0,`, `"client_bytes_in":0,`,
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s\nlacks %s", b, want)
		}
	}
	var back genl.Service
	must(t, json.Unmarshal(b, &back))
	if !reflect.DeepEqual(back, s) {
		t.Errorf("there and back: %+v\nis not %+v", back, s)
	}
	srv, err := c.Server(ctx, "web", mail)
	must(t, err)
	b, err = json.Marshal(genl.Event{Kind: genl.EventServerChanged, Server: &srv})
	must(t, err)
	if want := `{"kind":"server-changed","server":{"service":"web","id":2,"address":"[::1]:25","weight":1,"state":"up","stats":{"active":0,`; !strings.HasPrefix(string(b), want) {
		t.Errorf("%s\ndoes not begin with %s", b, want)
	}
}

func TestFailOnce(t *testing.T) {
	k := genlfake.New()
	c, ctx := open(t, k), within(t)
	k.Fail("flush", syscall.ENOMEM, "no memory")
	wants(t, c.Flush(ctx), syscall.ENOMEM)
	must(t, c.Flush(ctx))
	if got := k.Changes(); !slices.Equal(got, []string{"flush", "flush"}) {
		t.Errorf("got %q", got)
	}
}
