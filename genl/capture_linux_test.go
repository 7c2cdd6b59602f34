// SPDX-License-Identifier: MIT

package genl

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"context"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"

	"github.com/ktcpvs/ktcpvs/internal/spec"
)

// Messages of a real kernel, kept as files: what the client understands must
// not depend on how the fake kernel encodes.
const captures = "../testdata/netlink"

// TestFixtures decodes what a kernel once sent.
func TestFixtures(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("captured on a little-endian machine")
	}
	read := func(name string, v any) {
		t.Helper()
		src, err := os.ReadFile(filepath.Join(captures, name+".hex"))
		if err != nil {
			t.Fatal(err)
		}
		var digits strings.Builder
		for line := range strings.Lines(string(src)) {
			if !strings.HasPrefix(line, "#") {
				digits.WriteString(strings.TrimSpace(line))
			}
		}
		b, err := hex.DecodeString(digits.String())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var m genetlink.Message
		if err := m.UnmarshalBinary(b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if e, ok := v.(*Event); ok {
			got, known, err := decodeEvent(m)
			if err != nil || !known {
				t.Fatalf("%s: known %v, %v", name, known, err)
			}
			*e = got
			return
		}
		if err := decode(m, v); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	defaults := Service{
		Name: "web", Mode: ModeHTTP, Scheduler: "wlc", Listen: netip.MustParseAddrPort("127.0.0.1:80"), State: ServiceStateRunning,
		Timeouts: Timeouts{5 * time.Second, 10 * time.Second, time.Minute, time.Minute, 75 * time.Second, time.Hour, 4 * time.Second, 30 * time.Second, 0},
		Limits:   Limits{Backlog: 2048, HeadBytes: 16384, HeadFields: 128, Retries: 3, PoolConnections: 128, ReceiveBuffer: 524288, TargetBytes: 8192},
		Forward:  ForwardXForwardedFor, Trusted: []netip.Prefix{}, Servers: 2,
	}

	var service Service
	read("service-get", &service)
	stats := service.Stats
	want := defaults
	want.ID, want.Stats = service.ID, stats
	if service.Hash != (Hash{}) { // what is committed is older than that
		want.Hash.Bound = 125
	}
	if !reflect.DeepEqual(service, want) || service.ID == 0 {
		t.Errorf("got  %+v\nwant %+v", service, want)
	}
	// Three requests over one connection, of 1000 bytes each.
	if stats.Connections != 1 || stats.Requests != 3 || stats.Responses2xx != 3 || stats.ClientBytesOut < 3000 || stats.PoolHits+stats.PoolMisses != 3 || stats.Aborted != 0 {
		t.Errorf("got %+v", stats)
	}

	var server Server
	read("server-get", &server)
	if server.Service != "web" || server.Address != netip.MustParseAddrPort("127.0.0.1:8081") || server.Weight != 7 || server.Stats.Requests != 3 || server.Stats.BytesIn < 3000 {
		t.Errorf("got %+v", server)
	}
	var six Server
	read("server-get-ipv6", &six)
	if six.Address != netip.MustParseAddrPort("[2001:db8::2]:8080") || six.Weight != 0 || six.State != ServerStateDrain {
		t.Errorf("got %+v", six)
	}
	var info Info
	read("info-get", &info)
	if info.Version == "" || info.Services != 1 || info.Servers != 2 || info.Workers == 0 || info.Generation == 0 {
		t.Errorf("got %+v", info)
	}
	var worker Worker
	read("worker-get", &worker)
	if worker.PID == 0 || worker.Passes == 0 {
		t.Errorf("got %+v", worker)
	}
	var scheduler Scheduler
	read("scheduler-get", &scheduler)
	if scheduler.Name == "" || scheduler.Doc == "" {
		t.Errorf("got %+v", scheduler)
	}
	var settings Settings
	read("settings-get", &settings)
	if settings.MaxConnections == 0 {
		t.Errorf("got %+v", settings)
	}
	var e Event
	read("service-ntf", &e)
	if e.Kind != EventServiceChanged || e.Service.Name != "web" || e.Service.Listen != defaults.Listen {
		t.Errorf("got %+v", e)
	}
	read("server-del-ntf", &e)
	if e.Kind != EventServerDeleted || e.Server.Service != "web" || e.Server.Address != six.Address || e.Server.ID != six.ID {
		t.Errorf("got %+v", e)
	}
	read("service-del-ntf", &e)
	if e.Kind != EventServiceDeleted || e.Service.Name != "web" || e.Service.ID != service.ID {
		t.Errorf("got %+v", e)
	}
}

// decode lets an Event be read like the rest; see decodeEvent.
func (e *Event) decode(*netlink.AttributeDecoder) error { return nil }

// TestCapture makes the files of TestFixtures anew, from the kernel it runs on.
// With KTCPVS_CAPTURE=1, as root, in a network namespace of its own whose lo is
// up, with the module loaded and nothing configured.
func TestCapture(t *testing.T) {
	if os.Getenv("KTCPVS_CAPTURE") == "" {
		t.Skip("KTCPVS_CAPTURE is not set")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(captures, 0o755))
	save := func(name string, m genetlink.Message) {
		t.Helper()
		b, err := m.MarshalBinary()
		must(err)
		text := fmt.Sprintf("# %s of a real kernel: genlmsghdr and attributes; see genl/capture_linux_test.go\n", name)
		for digits := hex.EncodeToString(b); digits != ""; {
			n := min(len(digits), 64)
			text += digits[:n] + "\n"
			digits = digits[n:]
		}
		must(os.WriteFile(filepath.Join(captures, name+".hex"), []byte(text), 0o644))
	}

	l, err := net.Listen("tcp", "127.0.0.1:8081")
	must(err)
	body := strings.Repeat("x", 1000)
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) }))
	defer l.Close()

	listener, err := c.Monitor(ctx)
	must(err)
	defer listener.Close()
	addr, one, six := netip.MustParseAddrPort("127.0.0.1:80"), netip.MustParseAddrPort("127.0.0.1:8081"), netip.MustParseAddrPort("[2001:db8::2]:8080")
	must(c.AddService(ctx, "web", ServiceConfig{Listen: &addr}))
	must(c.AddServer(ctx, "web", one, ServerConfig{Weight: Ptr[uint32](7)}))
	must(c.AddServer(ctx, "web", six, ServerConfig{Weight: Ptr[uint32](0)}))
	must(c.StartService(ctx, "web"))
	for range 3 {
		r, err := http.Get("http://127.0.0.1/")
		must(err)
		got, err := io.ReadAll(r.Body)
		must(err)
		r.Body.Close()
		if string(got) != body {
			t.Fatalf("got %d bytes", len(got))
		}
	}
	// A response is counted when it has been sent, which its reader may outrun.
	for {
		s, err := c.Service(ctx, "web")
		must(err)
		if s.Stats.Responses2xx == 3 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	for name, r := range map[string]request{
		"info-get":        {cmd: spec.CmdInfoGet},
		"settings-get":    {cmd: spec.CmdSettingsGet},
		"service-get":     named(spec.CmdServiceGet, "web"),
		"server-get":      server(spec.CmdServerGet, "web", one, ServerConfig{}),
		"server-get-ipv6": server(spec.CmdServerGet, "web", six, ServerConfig{}),
		"scheduler-get":   {cmd: spec.CmdSchedulerGet, dump: true},
		"worker-get":      {cmd: spec.CmdWorkerGet, dump: true},
	} {
		msgs, _, err := c.conn.execute(ctx, &r)
		must(err)
		save(name, msgs[0])
	}
	must(c.DeleteServer(ctx, "web", six))
	must(c.DeleteService(ctx, "web"))
	names := map[uint8]string{spec.CmdServiceNtf: "service-ntf", spec.CmdServerDelNtf: "server-del-ntf", spec.CmdServiceDelNtf: "service-del-ntf"}
	for len(names) > 0 {
		msgs, err := listener.conn.receive(ctx)
		must(err)
		for _, m := range msgs {
			if name, ok := names[m.Header.Command]; ok {
				save(name, m)
				delete(names, m.Header.Command)
			}
		}
	}
}
