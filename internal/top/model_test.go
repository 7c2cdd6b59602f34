// SPDX-License-Identifier: MIT

package top

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	"github.com/ktcpvs/ktcpvs/genl"
)

const long = "a-service-with-a-quite-long-name"

// What the screen shows, at the sizes people have.
func TestViews(t *testing.T) {
	for _, c := range []struct {
		name string
		w, h int
		keys string
	}{
		{"table-80x24", 80, 24, ""},
		{"table-120x40", 120, 40, ""},
		{"table-200x24", 200, 24, ""},
		{"table-48x8", 48, 8, ""},
		{"table-80x10-end", 80, 10, "<end>"},
		{"small-40x12", 40, 12, ""},
		{"small-10x2", 10, 2, ""},
		{"help-80x24", 80, 24, "?"},
		{"help-120x40", 120, 40, "?"},
		{"help-80x24-end", 80, 24, "?<pgdown><pgdown>"},
		{"detail-service-80x24", 80, 24, "<down><enter>"},
		{"detail-server-120x40", 120, 40, "<down><down><enter>"},
		{"filter-80x24", 80, 24, "/10.0.1"},
		{"filtered-80x24", 80, 24, "/we<enter>"},
		{"nothing-80x24", 80, 24, "/nothing"},
		{"interval-80x24", 80, 24, "d0.5"},
		{"folded-80x24", 80, 24, "e<down> "},
		{"paused-sorted-80x24", 80, 24, "pssssr"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, c.w, c.h)
			s.tick()
			s.tick()
			s.keys(c.keys)
			view := s.m.View()
			golden(t, c.name, view+"\n")
			lines := strings.Split(view, "\n")
			if len(lines) > c.h {
				t.Errorf("%d lines on a terminal of %d", len(lines), c.h)
			}
			for _, line := range lines {
				if width(line) > c.w {
					t.Errorf("%d cells on a terminal of %d: %q", width(line), c.w, line)
				}
			}
		})
	}
}

// At no size does anything overflow or panic, in any mode.
func TestEverySize(t *testing.T) {
	for _, keys := range []string{"", "?", "<down><enter>", "/10", "d1", "<end>", "/none<enter>"} {
		s := newStage(t, 80, 24)
		s.tick()
		s.keys(keys)
		for w := 1; w <= 220; w += 7 {
			for h := 1; h <= 60; h += 7 {
				s.send(tea.WindowSizeMsg{Width: w, Height: h})
				lines := strings.Split(s.m.View(), "\n")
				if len(lines) > h {
					t.Fatalf("%q at %dx%d: %d lines", keys, w, h, len(lines))
				}
				for _, line := range lines {
					if width(line) > w {
						t.Fatalf("%q at %dx%d: %d cells: %q", keys, w, h, width(line), line)
					}
				}
			}
		}
	}
}

// The whole of a big table can be reached, and the cursor is always in sight.
func TestScroll(t *testing.T) {
	s := newStage(t, 80, 10)
	s.tick()
	seen := map[string]bool{}
	for i := range len(s.m.rows) {
		if s.m.cursor != i {
			t.Fatalf("cursor %d after %d steps", s.m.cursor, i)
		}
		if s.m.cursor < s.m.first || s.m.cursor >= s.m.first+s.m.layout.body {
			t.Fatalf("cursor %d, rows from %d, %d of them", s.m.cursor, s.m.first, s.m.layout.body)
		}
		seen[fmt.Sprint(s.m.rows[s.m.cursor].key())] = true
		s.keys("<down>")
	}
	if len(seen) != 11 {
		t.Errorf("reached %d rows", len(seen))
	}
	for keys, want := range map[string]int{"<home>": 0, "<home><up>": 0, "<end>": 10, "<home><pgdown>": 5, "<end><pgup>": 5, "<home>jjk": 1} {
		s.keys(keys)
		if s.m.cursor != want {
			t.Errorf("%s: cursor %d, expected %d", keys, s.m.cursor, want)
		}
	}
}

// Each column orders services and, within them, servers.
func TestSort(t *testing.T) {
	s := newStage(t, 250, 24)
	s.tick()
	want := map[string]string{
		"SERVICE / SERVER": long + " api 21 22 mail 32 31 web 12 11 13",
		"STATE":            "api 21 22 web 12 11 13 mail 32 31 " + long,
		"WEIGHT":           "api 22 21 web 12 11 13 mail 32 31 " + long,
		"ACTIVE":           "web 12 11 13 api 21 22 mail 31 32 " + long,
		"REQ/s":            "web 12 11 13 api 21 22 " + long + " mail 32 31",
		"ERRORS":           "api 21 22 " + long + " mail 32 31 web 12 11 13",
		"REQUESTS":         "web 13 12 11 api 21 22 mail 31 32 " + long,
	}
	first := s.list()
	for range columns {
		title := columns[s.m.sel.sort].title
		if w, ok := want[title]; ok && s.list() != w {
			t.Errorf("by %s: %s, expected %s", title, s.list(), w)
		}
		if !strings.Contains(s.m.View(), title) {
			t.Errorf("sorts by %s, which is not shown", title)
		}
		delete(want, title)
		s.keys("s")
	}
	if len(want) > 0 || s.m.sel.sort != 0 {
		t.Errorf("the key did not come by %v", want)
	}
	s.keys("sS")
	if s.list() != first {
		t.Error("S does not undo s")
	}
	s.keys("r")
	if s.list() != "web 13 11 12 mail 31 32 api 22 21 "+long {
		t.Errorf("reversed: %s", s.list())
	}
	// On a narrow terminal only what one sees is sorted by.
	s = newStage(t, 48, 8)
	s.tick()
	for range 8 {
		s.keys("s")
		if !strings.Contains(s.m.View(), columns[s.m.sel.sort].title) {
			t.Errorf("sorts by the hidden %s", columns[s.m.sel.sort].title)
		}
	}
}

func TestFilterAndFold(t *testing.T) {
	s := newStage(t, 80, 24)
	s.tick()
	for _, c := range []struct{ keys, want string }{
		{"/WEB", "web 12 11 13"},
		{"<backspace><backspace><backspace>10.0.1.", "api 21 22"},
		{"2<enter>", "api 22"},
		{"/<ctrl+u>2001", "mail 32 31"},
		{"<esc>", long + " api 21 22 mail 32 31 web 12 11 13"},
		{"/q?s<enter>", ""}, // letters of a filter are no commands
		{"<esc>", long + " api 21 22 mail 32 31 web 12 11 13"},
		{"<home><down><down> ", long + " api mail 32 31 web 12 11 13"}, // on a server: its service
		{"<right>", long + " api 21 22 mail 32 31 web 12 11 13"},
		{"<left><left>", long + " api mail 32 31 web 12 11 13"},
		{"e", long + " api mail web"},
		{"e", long + " api 21 22 mail 32 31 web 12 11 13"},
	} {
		s.keys(c.keys)
		if s.list() != c.want {
			t.Errorf("%s: %q, expected %q", c.keys, s.list(), c.want)
		}
	}
	if s.quit {
		t.Error("q in a filter quit")
	}
}

// The cursor stays with its row while rows move, and stays in place when its
// row goes.
func TestCursorFollows(t *testing.T) {
	s := newStage(t, 80, 24)
	s.tick()
	s.keys("<end>") // server 13 of web
	s.keys("ssss")
	if r := s.m.rows[s.m.cursor]; r.server == nil || r.server.ID != 13 {
		t.Errorf("the cursor is on %+v", r.key())
	}
	s.keys("/mail<enter>")
	if s.m.cursor != 2 {
		t.Errorf("cursor %d of %d", s.m.cursor, len(s.m.rows))
	}
}

// The first rates come soon; from then on the interval rules.
func TestPace(t *testing.T) {
	s := newStage(t, 80, 24, func(o *Options) { o.Interval = 10 * time.Second })
	if strings.Contains(s.m.View(), "12.3k") || !strings.Contains(s.m.View(), "req/s -") {
		t.Errorf("rates from one snapshot:\n%s", s.m.View())
	}
	s.tick()
	s.tick()
	if got := fmt.Sprint(s.ticker.waits); got != "[1s 10s 10s]" {
		t.Errorf("waits %s", got)
	}
	s.keys("d3<enter>")
	s.keys("+")
	s.keys("--")
	if got := fmt.Sprint(s.ticker.waits[3:]); got != "[3s 5s 3s 2s]" {
		t.Errorf("after changes: %s", got)
	}
	for keys, notice := range map[string]string{"d0<enter>": "between 0.1 and 3600", "dx<enter>": `"x" is not a number`, "dNaN<enter>": "between"} {
		s.keys(keys)
		if !strings.Contains(s.m.View(), notice) {
			t.Errorf("%s: no word of %q", keys, notice)
		}
	}
	if s.m.interval != 2*time.Second {
		t.Errorf("interval %v", s.m.interval)
	}
}

// A tick that was superseded takes no sample, so changing the interval often
// does not sample more often.
func TestStaleTick(t *testing.T) {
	s := newStage(t, 80, 24)
	s.tick()
	stale := s.ticker.last
	s.keys("+")
	n := s.taken
	s.do(s.send(stale()))
	if s.taken != n {
		t.Error("a stale tick took a sample")
	}
	s.tick()
	if s.taken != n+1 {
		t.Error("the new tick took none")
	}
}

func TestPause(t *testing.T) {
	s := newStage(t, 80, 24)
	s.tick()
	s.keys("p")
	if n := s.taken; true {
		s.tick()
		if s.taken != n {
			t.Error("sampled while paused")
		}
	}
	before := s.m.frame.Time
	s.keys("p")
	s.tick()
	if !s.m.frame.Time.After(before) {
		t.Error("did not go on")
	}
	if s.m.paused || strings.Contains(s.m.View(), "paused") {
		t.Error("still paused")
	}
}

func TestQuit(t *testing.T) {
	for keys, quit := range map[string]bool{
		"q": true, "<ctrl+c>": true, "?<ctrl+c>": true, "/x<ctrl+c>": true,
		"?q": false, "<enter>q": false, "<esc>": false, "?qq": true,
	} {
		s := newStage(t, 80, 24)
		s.tick()
		s.keys(keys)
		if s.quit != quit {
			t.Errorf("%s: quit is %v", keys, s.quit)
		}
	}
	s := newStage(t, 80, 24, func(o *Options) { o.Frames = 2 })
	s.tick()
	if s.quit {
		t.Error("quit after one frame of two")
	}
	s.tick()
	if !s.quit {
		t.Error("did not quit after two frames")
	}
}

// A failing kernel is told about, what was shown stays, and it is tried again.
func TestFailure(t *testing.T) {
	s := newStage(t, 80, 24)
	s.tick()
	s.fail = fmt.Errorf("service-get: %w", genl.ErrNoModule)
	s.tick()
	view := s.m.View()
	if s.quit || !strings.Contains(view, "not loaded") || !strings.Contains(view, "showing 05:06:09") || !strings.Contains(view, "web") {
		t.Errorf("quit %v\n%s", s.quit, view)
	}
	s.fail = nil
	s.tick()
	if strings.Contains(s.m.View(), "not loaded") {
		t.Error("still complains")
	}
	// With nothing to show there is nothing to stay for.
	first := newStage(t, 80, 24, func(o *Options) {
		o.Sample = func(context.Context) (Snapshot, error) { return Snapshot{}, genl.ErrNoModule }
	})
	if !first.quit || first.m.Started() || !errors.Is(first.m.Err(), genl.ErrNoModule) {
		t.Errorf("quit %v, error %v", first.quit, first.m.Err())
	}
}

func TestDetailOfRemoved(t *testing.T) {
	s := newStage(t, 80, 24)
	s.tick()
	s.keys("<end><enter>")
	if v := s.m.View(); !strings.Contains(v, "server 10.0.0.10:80 of web") || !strings.Contains(v, "1.23M") {
		t.Errorf("detail:\n%s", v)
	}
	snap := world(9)
	snap.Servers["web"] = snap.Servers["web"][:1]
	s.send(sampledMsg{snap: snap})
	if v := s.m.View(); !strings.Contains(v, "removed") {
		t.Errorf("after it went:\n%s", v)
	}
}

// Keys and help come from one list; no key means two things.
func TestKeys(t *testing.T) {
	s := newStage(t, 80, 60)
	s.tick()
	s.keys("?")
	help, seen := s.m.View(), map[string]bool{}
	for _, a := range s.m.actions {
		for _, k := range a.Keys() {
			if seen[k] {
				t.Errorf("%q is bound twice", k)
			}
			seen[k] = true
		}
		h := a.Help()
		if a.group == "" {
			continue // the other half of a pair
		}
		if h.Key == "" || h.Desc == "" || !strings.Contains(help, h.Key) || !strings.Contains(help, h.Desc) {
			t.Errorf("%v is not on the help page", a.Keys())
		}
	}
}

// Colours appear where the terminal has them and nowhere else.
func TestColours(t *testing.T) {
	escape := regexp.MustCompile("\x1b\\[[0-9;]*m")
	draw := func(theme Theme) string {
		s := newStage(t, 80, 24, func(o *Options) { o.Theme = theme })
		s.tick()
		return s.m.View()
	}
	r := lipgloss.NewRenderer(io.Discard)
	r.SetColorProfile(termenv.ANSI)
	coloured, plain := draw(newTheme(r, true)), draw(plainTheme())
	if !strings.Contains(coloured, "\x1b[32mrunning") || !strings.Contains(coloured, "\x1b[1;31m") {
		t.Errorf("no colours: %q", coloured)
	}
	if escape.ReplaceAllString(coloured, "") != plain {
		t.Error("colours change the text")
	}
	if escape.MatchString(plain) {
		t.Error("escapes without colours")
	}
	if escape.MatchString(draw(NewTheme(&bytes.Buffer{}, func(string) string { return "" }))) {
		t.Error("escapes for what is no terminal")
	}
}

func TestLocale(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want bool
	}{
		{nil, false}, {map[string]string{"LANG": "C.UTF-8"}, true}, {map[string]string{"LANG": "de_DE.utf8"}, true},
		{map[string]string{"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, false}, {map[string]string{"LC_CTYPE": "en_US.UTF-8", "LANG": "C"}, true},
	} {
		if got := UTF8(func(k string) string { return c.env[k] }); got != c.want {
			t.Errorf("%v: %v", c.env, got)
		}
	}
	s := newStage(t, 120, 40, func(o *Options) {
		o.Theme = NewTheme(&bytes.Buffer{}, func(string) string { return "" })
	})
	s.tick()
	golden(t, "table-120x40-ascii", s.m.View()+"\n")
	for _, keys := range []string{"", "?", "<down><enter>", "/x", "<esc>e"} {
		s.keys(keys)
		for _, c := range s.m.View() {
			if c > '~' {
				t.Fatalf("%q on a terminal that is not UTF-8", c)
			}
		}
	}
}

// The program as bubbletea runs it: it draws, and q ends it.
func TestProgram(t *testing.T) {
	in, typed := io.Pipe()
	var out bytes.Buffer
	step := uint64(0)
	m := New(Options{
		Interval: MinInterval, Theme: plainTheme(),
		Sample: func(context.Context) (Snapshot, error) { step++; return world(step), nil },
	})
	p := tea.NewProgram(m, tea.WithInput(in), tea.WithOutput(&out), tea.WithoutSignals())
	go p.Send(tea.WindowSizeMsg{Width: 80, Height: 24})
	go func() {
		time.Sleep(300 * time.Millisecond)
		typed.Write([]byte("q"))
	}()
	last, err := p.Run()
	if err != nil {
		t.Fatal(err)
	}
	if m := last.(Model); m.shown < 1 || !strings.Contains(out.String(), "10.0.0.1:80") {
		t.Errorf("%d frames, output %q", m.shown, out.String())
	}
}

// What is typed faster than the terminal is read arrives as one message.
func TestKeysTogether(t *testing.T) {
	typed := func(text string) tea.KeyMsg { return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(text)} }
	s := newStage(t, 80, 24)
	s.do(s.send(typed("p/web")))
	if !s.m.paused || s.m.mode != modeFilter || s.m.input != "web" {
		t.Errorf("\"p/web\": paused %v, mode %v, input %q", s.m.paused, s.m.mode, s.m.input)
	}
	paste := typed("sq")
	paste.Paste = true
	s.do(s.send(paste))
	if s.quit || s.m.input != "websq" {
		t.Errorf("pasted into the filter: quit %v, input %q", s.quit, s.m.input)
	}
	s.keys("<enter>")
	s.do(s.send(paste))
	if s.quit {
		t.Error("a paste is not a command")
	}
	s.do(s.send(typed("sq")))
	if !s.quit {
		t.Error("\"sq\" does not quit")
	}
}
