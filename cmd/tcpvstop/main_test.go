// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/genl/genlfake"
	"github.com/ktcpvs/ktcpvs/internal/noquery"
	"github.com/ktcpvs/ktcpvs/internal/top"
)

// The test binary is also the program: with one of these in the environment it
// runs main, or main against a fake kernel.
const asProgram, asFake = "TCPVSTOP_TEST_MAIN", "TCPVSTOP_TEST_FAKE"

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(asProgram) != "":
		main()
	case os.Getenv(asFake) != "":
		noquery.Restore()
		k, err := kernel()
		if err != nil {
			panic(err)
		}
		a := app{stdout: os.Stdout, stderr: os.Stderr, terminal: true, open: dial(k)}
		os.Exit(a.run(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// kernel is a fake one with a service under load.
func kernel() (*genlfake.Kernel, error) {
	k := genlfake.New()
	c, err := genl.New(genl.WithDialer(k.Dial))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	ctx := context.Background()
	err = c.AddService(ctx, "web", genl.ServiceConfig{
		Mode: genl.Ptr(genl.ModeHTTP), Scheduler: genl.Ptr("wlc"), Listen: genl.Ptr(netip.MustParseAddrPort("192.0.2.10:80")),
	})
	if err != nil {
		return nil, err
	}
	for _, addr := range []string{"10.0.0.1:80", "10.0.0.2:80"} {
		if err := c.AddServer(ctx, "web", netip.MustParseAddrPort(addr), genl.ServerConfig{Weight: genl.Ptr(uint32(3))}); err != nil {
			return nil, err
		}
	}
	if err := c.StartService(ctx, "web"); err != nil {
		return nil, err
	}
	return k, load(k, 1000)
}

func load(k *genlfake.Kernel, n uint64) error {
	if err := k.SetServiceStats("web", genl.ServiceStats{Active: 7, Requests: n, ClientBytesIn: 100 * n, ClientBytesOut: 1000 * n}); err != nil {
		return err
	}
	return k.SetServerStats("web", netip.MustParseAddrPort("10.0.0.1:80"), genl.ServerStats{Active: 5, Requests: n})
}

func dial(k *genlfake.Kernel) func(string) (top.Source, error) {
	return func(string) (top.Source, error) { return genl.New(genl.WithDialer(k.Dial)) }
}

func call(a app, args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	a.stdout, a.stderr = &out, &errs
	return a.run(args), out.String(), errs.String()
}

func TestBatch(t *testing.T) {
	k, err := kernel()
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		for n := uint64(2000); ; n += 1000 {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				load(k, n)
			}
		}
	}()
	defer wg.Wait()
	defer close(stop)

	start := time.Now()
	status, out, errs := call(app{open: dial(k)}, "-bn3", "-d", "0.2")
	if status != 0 || errs != "" {
		t.Fatalf("status %d, %s", status, errs)
	}
	if d := time.Since(start); d < 500*time.Millisecond || d > 5*time.Second {
		t.Errorf("3 frames of 0.2 s took %v", d)
	}
	frames := strings.Split(out, "tcpvstop - ")[1:]
	if len(frames) != 3 {
		t.Fatalf("%d frames:\n%s", len(frames), out)
	}
	for _, f := range frames {
		for _, line := range strings.Split(f, "\n") {
			w := strings.Fields(line)
			if len(w) < 10 || w[0] != "web" && w[1] != "10.0.0.1:80" {
				continue
			}
			// The first frame has rates too: about 50,000 requests a second.
			reqs := w[len(w)-6]
			if !strings.HasSuffix(reqs, "k") {
				t.Errorf("requests %s in %q", reqs, line)
			}
		}
		if !strings.Contains(strings.Join(strings.Fields(f), " "), "web http wlc 192.0.2.10:80 running - 7 ") || !strings.Contains(f, "-> 10.0.0.2:80") {
			t.Errorf("frame:\n%s", f)
		}
	}
	status, out, errs = call(app{open: dial(k)}, "-b", "-n", "1", "-d0.1", "-o", "json", "--filter", "10.0.0.2")
	var f struct {
		Services []struct{ Servers []struct{ Address string } }
	}
	if err := json.Unmarshal([]byte(out), &f); status != 0 || err != nil {
		t.Fatalf("status %d, %v: %s%s", status, err, out, errs)
	}
	if len(f.Services) != 1 || len(f.Services[0].Servers) != 1 || f.Services[0].Servers[0].Address != "10.0.0.2:80" {
		t.Errorf("%s", out)
	}
}

func TestNoModule(t *testing.T) {
	k := genlfake.New()
	k.Unload()
	for _, args := range [][]string{{"-b"}, {}} {
		status, out, errs := call(app{open: dial(k), terminal: true}, args...)
		if status != 1 || out != "" || errs != "tcpvstop: the kernel module ktcpvs is not loaded; load it with \"modprobe ktcpvs\"\n" {
			t.Errorf("%v: status %d, %q, %q", args, status, out, errs)
		}
	}
}

func TestUsage(t *testing.T) {
	open := func(string) (top.Source, error) { return nil, fmt.Errorf("opened") }
	for args, want := range map[string]string{
		"":                "not a terminal",
		"-n 3":            "not a terminal",
		"-b -n 0":         "at least 1 frame",
		"-b -n x":         "invalid",
		"-b -d 0":         "between 0.1 and 3600",
		"-b -d -1":        "between",
		"-b -d NaN":       "between",
		"-b -o xml":       "text or json",
		"-o json":         "add -b",
		"-b more":         `unexpected argument "more"`,
		"-b --netns=":     "name is empty",
		"--nonsense":      "unknown flag: --nonsense",
		"-b -x":           "unknown shorthand flag: 'x'",
		"-b -d 999999999": "between",
	} {
		status, out, errs := call(app{open: open}, strings.Fields(args)...)
		if status != 2 || out != "" || !strings.Contains(errs, want) || !strings.Contains(errs, "--help") {
			t.Errorf("%q: status %d, %q, %q", args, status, out, errs)
		}
	}
	for _, h := range []string{"-h", "--help"} {
		if status, out, _ := call(app{open: open}, h); status != 0 || out != usage {
			t.Errorf("%s: status %d", h, status)
		}
	}
	// The help and the manual page know every flag.
	manual, err := os.ReadFile("../../man/tcpvstop.8")
	if err != nil {
		t.Fatal(err)
	}
	page := strings.ReplaceAll(string(manual), `\-`, "-")
	for _, flag := range []string{
		"-b", "--batch", "-n", "--frames", "-d", "--delay", "-o", "--output", "--filter", "--netns", "-h", "--help",
	} {
		if !strings.Contains(usage, flag) || !strings.Contains(page, flag) {
			t.Errorf("%s is not in the help or not in the manual page", flag)
		}
	}
}

func TestNetns(t *testing.T) {
	got := ""
	a := app{open: func(netns string) (top.Source, error) {
		got = netns
		return nil, os.ErrNotExist
	}}
	if status, _, errs := call(a, "-b", "--netns", "blue"); status != 1 || got != "blue" || errs == "" {
		t.Errorf("status %d, namespace %q, %q", status, got, errs)
	}
}

// terminal runs the program on a terminal of its own.
type terminal struct {
	t      *testing.T
	master *os.File
	cmd    *exec.Cmd
	mu     sync.Mutex
	out    bytes.Buffer
	ended  chan error
}

func newTerminal(t *testing.T, mode string, args ...string) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	v := &terminal{t: t, master: master, cmd: exec.Command(os.Args[0], args...), ended: make(chan error, 1)}
	v.resize(80, 24)
	v.cmd.Stdin, v.cmd.Stdout, v.cmd.Stderr = slave, slave, slave
	v.cmd.Env = append(os.Environ(), mode+"=1", "TERM=xterm-256color", "LANG=C.UTF-8", "LC_ALL=", "NO_COLOR=", "CI=")
	v.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			v.mu.Lock()
			v.out.Write(buf[:n])
			v.mu.Unlock()
			if err != nil {
				v.ended <- v.cmd.Wait()
				return
			}
		}
	}()
	t.Cleanup(func() {
		v.cmd.Process.Kill()
		master.Close()
	})
	return v
}

func (v *terminal) resize(w, h uint16) {
	if err := unix.IoctlSetWinsize(int(v.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: w, Row: h}); err != nil {
		v.t.Fatal(err)
	}
}

func (v *terminal) text() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.out.String()
}

// wait polls until the output has the text.
func (v *terminal) wait(text string) {
	v.t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if strings.Contains(v.text(), text) {
			return
		}
	}
	v.t.Fatalf("no %q in %q", text, v.text())
}

func (v *terminal) end() error {
	select {
	case err := <-v.ended:
		return err
	case <-time.After(10 * time.Second):
		v.t.Fatalf("still running; %q", v.text())
		return nil
	}
}

// On a real terminal: it draws in colour, follows the size, and leaves the
// screen as it was.
func TestTerminal(t *testing.T) {
	v := newTerminal(t, asFake, "-d", "0.2")
	v.wait("10.0.0.2:80")
	v.wait("\x1b[?1049h")
	v.wait("\x1b[32mrunning")
	if strings.Contains(v.text(), "SHARE") {
		t.Error("a column too many at 80")
	}
	v.resize(140, 30)
	v.wait("SHARE")
	v.resize(30, 6)
	v.wait("needs 48x8")
	v.master.WriteString("q")
	if err := v.end(); err != nil {
		t.Errorf("ended with %v", err)
	}
	if !strings.Contains(v.text(), "\x1b[?1049l") {
		t.Error("the screen was not given back")
	}
}

// A program that only prints asks the terminal nothing and does not wait for
// answers: bubbletea's start would do both.
func TestNoQuery(t *testing.T) {
	for _, c := range []struct {
		mode   string
		args   []string
		want   string
		status int
	}{
		{asProgram, []string{"--help"}, "usage: tcpvstop", 0},
		{asFake, []string{"-b", "-n", "1", "-d", "0.1"}, "192.0.2.10:80", 0},
		{asProgram, []string{"-b", "--nonsense"}, "unknown flag", 2},
	} {
		start := time.Now()
		v := newTerminal(t, c.mode, c.args...)
		err := v.end()
		status := 0
		if e, ok := err.(*exec.ExitError); ok {
			status = e.ExitCode()
		}
		if status != c.status || !strings.Contains(v.text(), c.want) {
			t.Errorf("%v: %v, %q", c.args, err, v.text())
		}
		if strings.Contains(v.text(), "\x1b") {
			t.Errorf("%v: escapes in %q", c.args, v.text())
		}
		if d := time.Since(start); d > 4*time.Second {
			t.Errorf("%v took %v", c.args, d)
		}
	}
}
