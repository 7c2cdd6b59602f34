// SPDX-License-Identifier: MIT

package top

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	"github.com/ktcpvs/ktcpvs/genl"
)

var update = flag.Bool("update", false, "write the golden files anew")

var trailing = regexp.MustCompile(" +\n")

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	// Blanks at the end of a line are for the terminal alone.
	got = trailing.ReplaceAllString(got, "\n")
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; -update writes it anew\n--- want\n%s\n--- got\n%s", file, want, got)
	}
}

var epoch = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// world is a kernel's table whose counters grow with the step.
func world(step uint64) Snapshot {
	s := Snapshot{
		Time:    epoch.Add(time.Duration(step) * 2 * time.Second),
		Info:    genl.Info{Version: "0.1.0", Services: 4, Servers: 9, Workers: 4},
		Servers: map[string][]genl.Server{},
	}
	service := func(id uint32, name, listen string, mode genl.Mode, sched string, state genl.ServiceState, stats genl.ServiceStats) {
		s.Services = append(s.Services, genl.Service{
			ID: id, Name: name, Listen: netip.MustParseAddrPort(listen), Mode: mode, Scheduler: sched, State: state, Stats: stats,
		})
	}
	server := func(id uint32, service, addr string, weight uint32, stats genl.ServerStats) {
		state := genl.ServerStateUp
		if weight == 0 {
			state = genl.ServerStateDrain
		}
		s.Servers[service] = append(s.Servers[service], genl.Server{
			ID: id, Service: service, Address: netip.MustParseAddrPort(addr), Weight: weight, State: state, Stats: stats,
		})
	}
	service(1, "web", "192.0.2.10:80", genl.ModeHTTP, "wlc", genl.ServiceStateRunning, genl.ServiceStats{
		Connections: 100 + 24*step, Active: 120, Requests: 50000 + 24690*step, Responses2xx: 50000 + 24690*step,
		ClientBytesIn: 3456789 * step, ClientBytesOut: 103703670 * step,
	})
	server(11, "web", "10.0.0.2:80", 1, genl.ServerStats{Active: 4, Idle: 8, Requests: 8230 * step, Connects: 12 * step, BytesOut: 1152263 * step, BytesIn: 34567890 * step})
	server(12, "web", "10.0.0.1:80", 2, genl.ServerStats{Active: 8, Idle: 12, Requests: 16460 * step, Connects: 20 * step, BytesOut: 2304526 * step, BytesIn: 69135780 * step})
	server(13, "web", "10.0.0.10:80", 0, genl.ServerStats{Active: 1, Requests: 1234567})
	service(2, "api", "192.0.2.11:8080", genl.ModeHTTP, "wrr", genl.ServiceStateRunning, genl.ServiceStats{
		Connections: 7 * step, Active: 3, Requests: 15 * step, Responses5xx: 3 * step, Aborted: 2, RefusedLimit: 1,
		ClientBytesIn: 2048 * step, ClientBytesOut: 4096 * step,
	})
	server(21, "api", "10.0.1.1:8080", 1, genl.ServerStats{Requests: 12 * step, Responses5xx: 3 * step, ConnectErrors: 1, BytesOut: 1800 * step, BytesIn: 4000 * step})
	server(22, "api", "10.0.1.2:8080", 65535, genl.ServerStats{Requests: 3 * step, BytesOut: 200 * step, BytesIn: 96 * step})
	service(3, "mail", "[2001:db8::25]:25", genl.ModeTCP, "rr", genl.ServiceStateDraining, genl.ServiceStats{Connections: 5, Active: 1, Requests: 5})
	server(31, "mail", "[2001:db8:1:2:3:4:5:6]:25", 1, genl.ServerStats{Active: 1, Requests: 5})
	server(32, "mail", "[2001:db8::26]:25", 1, genl.ServerStats{})
	service(4, "a-service-with-a-quite-long-name", "192.0.2.99:65535", genl.ModeHTTP, "wlc", genl.ServiceStateStopped, genl.ServiceStats{})
	return s
}

// plainTheme has no colours; its glyphs are those of a UTF-8 terminal.
func plainTheme() Theme {
	r := lipgloss.NewRenderer(io.Discard)
	r.SetColorProfile(termenv.Ascii)
	return newTheme(r, true)
}

// ticker records what the model schedules instead of waiting for it.
type ticker struct {
	waits []time.Duration
	last  func() tea.Msg
}

func (k *ticker) tick(d time.Duration, f func(time.Time) tea.Msg) tea.Cmd {
	k.waits = append(k.waits, d)
	k.last = func() tea.Msg { return f(epoch) }
	return k.last
}

// stage is a model with everything around it in the hand of the test.
type stage struct {
	t      *testing.T
	m      Model
	ticker ticker
	step   uint64
	fail   error
	taken  int
	quit   bool
}

func newStage(t *testing.T, w, h int, change ...func(*Options)) *stage {
	s := &stage{t: t}
	o := Options{
		Interval: 2 * time.Second, Theme: plainTheme(), Tick: s.ticker.tick,
		Sample: func(context.Context) (Snapshot, error) {
			s.taken++
			return world(s.step), s.fail
		},
	}
	for _, f := range change {
		f(&o)
	}
	s.m = New(o)
	s.send(tea.WindowSizeMsg{Width: w, Height: h})
	s.do(s.m.Init())
	return s
}

// send delivers a message and runs nothing of what comes back but quitting.
func (s *stage) send(msg tea.Msg) tea.Cmd {
	m, cmd := s.m.Update(msg)
	s.m = m.(Model)
	return cmd
}

// do runs a command and delivers its message; a command that waits is left to
// tick.
func (s *stage) do(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case tea.QuitMsg:
		s.quit = true
	case tickMsg:
	default:
		s.do(s.send(msg))
	}
}

// tick lets the time of the next sample come.
func (s *stage) tick() {
	s.step++
	s.do(s.send(s.ticker.last()))
}

// keys types: names in angle brackets, everything else as it is.
func (s *stage) keys(text string) {
	for text != "" {
		msg := tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(text[:1])}
		rest := text[1:]
		if text[0] == '<' && len(text) > 2 {
			name, after, _ := strings.Cut(rest, ">")
			rest = after
			known := map[string]tea.KeyType{
				"enter": tea.KeyEnter, "esc": tea.KeyEsc, "up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft,
				"right": tea.KeyRight, "end": tea.KeyEnd, "home": tea.KeyHome, "pgdown": tea.KeyPgDown, "pgup": tea.KeyPgUp,
				"backspace": tea.KeyBackspace, "ctrl+c": tea.KeyCtrlC, "ctrl+u": tea.KeyCtrlU,
			}
			k, ok := known[name]
			if !ok {
				s.t.Fatalf("no key <%s>", name)
			}
			msg = tea.KeyMsg{Type: k}
		} else if text[0] == ' ' {
			msg = tea.KeyMsg{Type: tea.KeySpace, Runes: []rune{' '}}
		}
		text = rest
		s.do(s.send(msg))
	}
}

// list names the rows in order: services, and servers by their last part.
func (s *stage) list() string {
	var b []string
	for _, r := range s.m.rows {
		if r.server == nil {
			b = append(b, r.service.Name)
		} else {
			b = append(b, fmt.Sprintf("%d", r.server.ID))
		}
	}
	return strings.Join(b, " ")
}
