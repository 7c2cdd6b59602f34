// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/genl/genlfake"
	"github.com/ktcpvs/ktcpvs/internal/config"
)

var update = os.Getenv("UPDATE_SCRIPTS") != ""

// world is what one script works on: a kernel that only exists in memory.
type world struct {
	kernel    *genlfake.Kernel
	modprobe  string // "" loads the module, else the error of modprobe
	probes    int    // how often modprobe was called
	status    int    // of the latest tcpvsadm
	overtake  bool   // somebody changes the table before the next transaction begins
	dials     int    // of the running tcpvsadm
	watching  *watching
	conns     []genl.Connection
	times     []genl.Histogram
	clock     time.Time
	later     []func() // what happens when it sleeps
	oversleep time.Duration
}

type worldKey struct{}

// What is told in local time is compared.
func init() { time.Local = time.UTC }

// TestScripts runs testdata/script/*.txtar. Besides the commands of
// testscript there are:
//
//	tcpvsadm ARGS... [< FILE]   run tcpvsadm; with ! it must fail
//	status N                    exit status of the latest tcpvsadm
//	watch ARGS...               start tcpvsadm ARGS... beside, until the table was read or it listens
//	until TEXT                  wait until it printed TEXT
//	watched [notimes]           wait for it to end, print what it printed
//	kernel WHAT ARGS...         see world.cmd
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: update,
		Setup: func(env *testscript.Env) error {
			env.Values[worldKey{}] = &world{kernel: genlfake.New(), clock: time.Now()}
			env.Setenv("CONF", confDir(t))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"tcpvsadm": func(ts *testscript.TestScript, neg bool, args []string) {
				w := ts.Value(worldKey{}).(*world)
				w.run(ts, args)
				if neg != (w.status != 0) {
					ts.Fatalf("exit status %d", w.status)
				}
			},
			"status": func(ts *testscript.TestScript, neg bool, args []string) {
				if got := ts.Value(worldKey{}).(*world).status; neg || strconv.Itoa(got) != args[0] {
					ts.Fatalf("exit status %d, not %s", got, args[0])
				}
			},
			"watch": func(ts *testscript.TestScript, neg bool, args []string) {
				ts.Value(worldKey{}).(*world).watch(ts, args)
			},
			"watched": func(ts *testscript.TestScript, neg bool, args []string) {
				w := ts.Value(worldKey{}).(*world)
				w.watched(ts, len(args) > 0)
				if neg != (w.status != 0) {
					ts.Fatalf("exit status %d", w.status)
				}
			},
			"until": func(ts *testscript.TestScript, neg bool, args []string) {
				ts.Value(worldKey{}).(*world).watching.until(ts, args[0])
			},
			"kernel": func(ts *testscript.TestScript, neg bool, args []string) {
				ts.Check(ts.Value(worldKey{}).(*world).cmd(ts, args))
			},
		},
	})
}

func confDir(t *testing.T) string {
	dir, err := filepath.Abs("../../testdata/conf")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// fakeMemory is that of a machine for which the fake kernel's limit of
// connections is the default.
func fakeMemory() uint64 { return 65536 << 16 }

func (w *world) run(ts *testscript.TestScript, args []string) {
	var stdin io.Reader = strings.NewReader("")
	if n := len(args); n > 1 && args[n-2] == "<" {
		stdin = strings.NewReader(ts.ReadFile(args[n-1]))
		args = args[:n-2]
	}
	wd := ts.Getenv("WORK")
	for i, arg := range args { // the process is not in the script's directory
		if strings.HasSuffix(arg, ".conf") && !filepath.IsAbs(arg) {
			args[i] = ts.MkAbs(arg)
		}
	}
	var stderr strings.Builder
	w.status = w.app(wd, stdin, ts.Stdout(), &stderr).run(args)
	fmt.Fprint(ts.Stderr(), strings.ReplaceAll(stderr.String(), wd+string(filepath.Separator), ""))
	if n := w.kernel.Sockets() - w.watching.sockets(); n > 0 {
		ts.Fatalf("%d sockets were left open", n)
	}
}

func (w *world) app(wd string, stdin io.Reader, stdout, stderr io.Writer) *app {
	return &app{
		stdin:  stdin,
		stdout: stdout,
		stderr: stderr,
		names:  config.NewNames(filepath.Join(wd, "hosts"), filepath.Join(wd, "services")),
		dial: func(opts ...genl.Option) (*genl.Client, error) {
			w.dials = 0
			return genl.New(append(opts, genl.WithDialer(w.dial))...)
		},
		modprobe: func() error {
			w.probes++
			if w.modprobe != "" {
				return errors.New(w.modprobe)
			}
			w.kernel.Load()
			return nil
		},
		memory: fakeMemory,
		now:    func() time.Time { return w.clock },
		sleep: func(d time.Duration) {
			w.clock = w.clock.Add(d + w.oversleep)
			for _, f := range w.later {
				f()
			}
			w.later = nil
		},
	}
}

// dial opens a socket: the first is that of the requests, the second that of a
// transaction.
func (w *world) dial(c *netlink.Config) (*genetlink.Conn, error) {
	w.dials++
	if w.dials == 2 && w.overtake {
		w.overtake = false
		if err := w.addService("overtaker", netip.MustParseAddrPort("10.98.0.1:98")); err != nil {
			return nil, err
		}
	}
	return w.kernel.Dial(c)
}

// addService is somebody else.
func (w *world) addService(name string, addr netip.AddrPort) error {
	c, err := genl.New(genl.WithDialer(w.kernel.Dial))
	if err != nil {
		return err
	}
	defer c.Close()
	return c.AddService(context.Background(), name, genl.ServiceConfig{Listen: &addr})
}

func (w *world) cmd(ts *testscript.TestScript, args []string) error {
	k := w.kernel
	switch args[0] {
	case "deny":
		k.Deny(true)
	case "allow":
		k.Deny(false)
	case "unload":
		k.Unload()
	case "modprobe": // kernel modprobe fails TEXT | kernel modprobe called N
		if args[1] == "fails" {
			w.modprobe = args[2]
		} else if strconv.Itoa(w.probes) != args[2] {
			return fmt.Errorf("modprobe was called %d times", w.probes)
		}
	case "fail": // kernel fail OP ERRNO [TEXT]
		errno := map[string]syscall.Errno{
			"ESTALE": syscall.ESTALE, "EADDRINUSE": syscall.EADDRINUSE, "ENOMEM": syscall.ENOMEM, "EBUSY": syscall.EBUSY,
			"EPERM": syscall.EPERM,
		}[args[2]]
		if errno == 0 {
			return errors.New("unknown errno")
		}
		k.Fail(args[1], errno, strings.Join(args[3:], " "))
	case "add": // kernel add ADDRESS: somebody else adds the service newcomer
		return w.addService("newcomer", netip.MustParseAddrPort(args[1]))
	case "connection": // kernel connection JSON: one more
		var c genl.Connection
		if err := json.Unmarshal([]byte(args[1]), &c); err != nil {
			return err
		}
		w.conns = append(w.conns, c)
		k.SetConnections(w.conns)
	case "times": // kernel times SERVICE[/SERVER] KIND BUCKET=N...: one more histogram
		h := genl.Histogram{Buckets: make([]uint64, genl.HistogramBuckets)}
		name, server, isServer := strings.Cut(args[1], "/")
		h.Service = name
		if isServer {
			h.Server = netip.MustParseAddrPort(server)
		}
		if err := h.Kind.UnmarshalText([]byte(args[2])); err != nil {
			return err
		}
		for _, arg := range args[3:] {
			var bucket int
			var n uint64
			if _, err := fmt.Sscanf(arg, "%d=%d", &bucket, &n); err != nil {
				return err
			}
			h.Buckets[bucket] = n
			low, _ := genl.HistogramBounds(bucket)
			h.Sum += n * uint64(low/genl.HistogramUnit)
			h.Longest = low
		}
		w.times = append(w.times, h)
		k.SetHistograms(w.times)
	case "log": // kernel log CPU FIRST JSON...: requests have ended
		cpu, err1 := strconv.ParseUint(args[1], 10, 32)
		first, err2 := strconv.ParseUint(args[2], 10, 64)
		records := make([]genl.LogRecord, len(args)-3)
		for i, text := range args[3:] {
			err1 = errors.Join(err1, json.Unmarshal([]byte(text), &records[i]))
		}
		k.Log(uint32(cpu), first, records...)
		return errors.Join(err1, err2)
	case "zero": // kernel zero: somebody else resets the counters
		c, err := genl.New(genl.WithDialer(k.Dial))
		if err != nil {
			return err
		}
		defer c.Close()
		return c.ZeroStats(context.Background())
	case "later": // kernel later ARGS...: kernel ARGS... while tcpvsadm sleeps next
		w.later = append(w.later, func() { ts.Check(w.cmd(ts, args[1:])) })
	case "oversleep": // kernel oversleep TIME: it sleeps longer than it wants
		d, err := time.ParseDuration(args[1])
		if err != nil {
			return err
		}
		w.oversleep = d
	case "backlog": // kernel backlog N: so many notifications wait for a reader
		n, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		k.SetBacklog(n)
	case "occupy":
		k.Occupy(netip.MustParseAddrPort(args[1]), true)
	case "changes": // what was asked for so far
		fmt.Fprintln(ts.Stdout(), strings.Join(k.Changes(), "\n"))
	case "stats": // kernel stats SERVICE[/SERVER] COUNTER=N...
		name, server, isServer := strings.Cut(args[1], "/")
		var sst genl.ServiceStats
		var rst genl.ServerStats
		for _, arg := range args[2:] {
			counter, text, _ := strings.Cut(arg, "=")
			n, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				return err
			}
			v := reflect.ValueOf(&sst)
			if isServer {
				v = reflect.ValueOf(&rst)
			}
			v.Elem().FieldByName(counter).SetUint(n)
		}
		if isServer {
			return k.SetServerStats(name, netip.MustParseAddrPort(server), rst)
		}
		return k.SetServiceStats(name, sst)
	case "meddle": // kernel meddle N: others change the table while it is read, N times
		left, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		k.OnDump(func(op string, piece int) {
			if op != "service-get" && op != "server-get" || piece > 0 || left == 0 {
				return
			}
			left--
			addr := netip.AddrPortFrom(netip.MustParseAddr("10.99.0.1"), uint16(1000+left))
			if err := w.addService(fmt.Sprintf("meddler%d", left), addr); err != nil {
				ts.Logf("meddle: %v", err)
			}
		})
	case "overtake":
		w.overtake = true
	case "drained": // kernel drained NAME N: it has no connection any more at the Nth look
		left, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		k.OnDump(func(op string, piece int) {
			if op != "service-get" || piece > 0 || left == 0 {
				return
			}
			if left--; left > 0 {
				return
			}
			c, err := genl.New(genl.WithDialer(k.Dial))
			if err == nil {
				defer c.Close()
				err = c.StopService(context.Background(), args[1], true)
			}
			if err != nil {
				ts.Logf("drained: %v", err)
			}
		})
	default:
		return fmt.Errorf("kernel: unknown %q", args[0])
	}
	return nil
}
