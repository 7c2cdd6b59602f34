// SPDX-License-Identifier: MIT

package top

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
)

// Limits of the interval between two snapshots.
const (
	MinInterval = 100 * time.Millisecond
	MaxInterval = time.Hour
)

// CheckInterval says what is wrong with an interval.
func CheckInterval(d time.Duration) error {
	if d < MinInterval || d > MaxInterval {
		return fmt.Errorf("an interval lies between %v and %v seconds", MinInterval.Seconds(), MaxInterval.Seconds())
	}
	return nil
}

// firstWait is the time to the second snapshot: rates should not let a user
// wait for a long interval once.
const firstWait = time.Second

// history is the number of frames the sparkline remembers.
const history = 120

// Options of a Model.
type Options struct {
	Sample   func(context.Context) (Snapshot, error)
	Interval time.Duration
	Frames   int    // end after so many; 0 = never
	Filter   string // to begin with
	Theme    Theme
	// Tick delivers a message later; tea.Tick, but for tests.
	Tick func(time.Duration, func(time.Time) tea.Msg) tea.Cmd
}

// mode is what the screen shows and the keyboard means.
type mode int

const (
	modeTable mode = iota
	modeHelp
	modeDetail
	modeFilter   // typing, below the table
	modeInterval // likewise
)

// Model is the interactive view. Update only dispatches; reading the kernel
// happens in the command that sample returns.
type Model struct {
	opts    Options
	actions []action
	theme   Theme
	layout  layout

	mode     mode
	input    string // being typed
	interval time.Duration
	paused   bool
	sel      selection
	folds    int // changes of sel.folded

	start  time.Time // of the view: time of the first snapshot
	prev   *Snapshot
	frame  *Frame
	trail  []float64 // requests/s of the frames so far
	shown  int       // frames with rates
	err    error     // of the last sample; the frame is then older than it seems
	notice string    // answer to a wrong input
	ticks  int       // number of the tick that counts; earlier ones are stale

	rows      []row
	built     build // what the rows were made of
	cursor    int
	cursorKey rowKey
	first     int // first row shown
	detail    rowKey
	page      int // first line shown of help or detail
}

// build is what rows follow from; folds counts the changes of the folded set.
type build struct {
	frame   *Frame
	sort    int
	reverse bool
	filter  string
	folds   int
}

// New makes a model.
func New(o Options) Model {
	if o.Tick == nil {
		o.Tick = func(d time.Duration, f func(time.Time) tea.Msg) tea.Cmd { return tea.Tick(d, f) }
	}
	return Model{
		opts: o, theme: o.Theme, actions: newActions(o.Theme.glyphs), interval: o.Interval,
		sel: selection{filter: o.Filter, folded: map[uint32]bool{}},
	}
}

// Err is the error of the last sample.
func (m Model) Err() error { return m.err }

// Started reports whether there ever was something to show.
func (m Model) Started() bool { return m.frame != nil }

type sampledMsg struct {
	snap Snapshot
	err  error
}

type tickMsg struct{ n int }

// Init takes the first snapshot.
func (m Model) Init() tea.Cmd { return m.sample() }

func (m Model) sample() tea.Cmd {
	take := m.opts.Sample
	return func() tea.Msg {
		snap, err := take(context.Background())
		return sampledMsg{snap, err}
	}
}

// schedule sets the time of the next snapshot; one set before is void.
func (m Model) schedule(d time.Duration) (Model, tea.Cmd) {
	m.ticks++
	n := m.ticks
	return m, m.opts.Tick(d, func(time.Time) tea.Msg { return tickMsg{n} })
}

// Update dispatches.
func (m Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.layout = newLayout(msg.Width, msg.Height)
	case sampledMsg:
		m, cmd = m.onSample(msg)
	case tickMsg:
		if msg.n == m.ticks && !m.paused {
			cmd = m.sample()
		}
	case tea.KeyMsg:
		m, cmd = m.onKeys(msg)
	}
	m.settle()
	return m, cmd
}

// onSample takes in a snapshot. The very first failure ends the program: there
// is nothing to show. Later ones are shown, and tried again.
func (m Model) onSample(msg sampledMsg) (Model, tea.Cmd) {
	m.err = msg.err
	if msg.err != nil {
		if m.frame == nil {
			return m, tea.Quit
		}
		return m.schedule(m.interval)
	}
	if m.frame == nil {
		m.start = msg.snap.Time
	}
	m.frame = NewFrame(m.prev, msg.snap)
	m.prev = &msg.snap
	if !m.frame.Rates.Known {
		return m.schedule(min(m.interval, firstWait))
	}
	m.trail = append(m.trail, m.frame.Rates.Requests)
	m.trail = slices.Clone(m.trail[max(0, len(m.trail)-history):])
	m.shown++
	if m.opts.Frames > 0 && m.shown >= m.opts.Frames {
		return m, tea.Quit
	}
	return m.schedule(m.interval)
}

// onKeys takes keys apart: letters that arrive together, typed faster than the
// terminal is read, are one message. What was pasted is text, never commands.
func (m Model) onKeys(msg tea.KeyMsg) (Model, tea.Cmd) {
	if msg.Paste && m.mode != modeFilter && m.mode != modeInterval {
		return m, nil
	}
	if msg.Type != tea.KeyRunes {
		return m.onKey(msg)
	}
	var cmds []tea.Cmd
	for _, r := range msg.Runes {
		var cmd tea.Cmd
		m, cmd = m.onKey(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}, Alt: msg.Alt})
		m.settle()
		cmds = append(cmds, cmd)
	}
	return m, tea.Batch(cmds...)
}

func (m Model) onKey(msg tea.KeyMsg) (Model, tea.Cmd) {
	switch {
	case key.Matches(msg, abort):
		return m, tea.Quit
	case key.Matches(msg, suspend):
		return m, tea.Suspend
	}
	m.notice = ""
	switch m.mode {
	case modeHelp, modeDetail:
		return m.onPageKey(msg), nil
	case modeFilter, modeInterval:
		return m.onInputKey(msg)
	}
	for _, a := range m.actions {
		if key.Matches(msg, a.Binding) {
			return a.run(m)
		}
	}
	return m, nil
}

// onPageKey moves in a page, or leaves it.
func (m Model) onPageKey(msg tea.KeyMsg) Model {
	switch {
	case key.Matches(msg, back):
		m.mode = modeTable
	case msg.String() == "down", msg.String() == "j":
		m.page++
	case msg.String() == "up", msg.String() == "k":
		m.page--
	case msg.String() == "pgdown", msg.String() == " ":
		m.page += m.pageLines()
	case msg.String() == "pgup":
		m.page -= m.pageLines()
	}
	return m
}

// onInputKey edits the line. A filter takes effect as it is typed.
func (m Model) onInputKey(msg tea.KeyMsg) (Model, tea.Cmd) {
	var cmd tea.Cmd
	switch msg.Type {
	case tea.KeyEnter:
		if m.mode == modeInterval {
			return m.enterInterval()
		}
		m.mode = modeTable
	case tea.KeyEsc:
		if m.mode == modeFilter {
			m.sel.filter = ""
		}
		m.mode = modeTable
	case tea.KeyBackspace:
		m.input = m.input[:max(0, len(m.input)-1)]
	case tea.KeyCtrlU:
		m.input = ""
	case tea.KeyRunes, tea.KeySpace:
		if s := msg.String(); len(m.input) < 60 && printable(s) == s {
			m.input += s
		}
	}
	if m.mode == modeFilter {
		m.sel.filter = m.input
	}
	return m, cmd
}

func (m Model) enterInterval() (Model, tea.Cmd) {
	m.mode = modeTable
	if m.input == "" {
		return m, nil
	}
	v, err := strconv.ParseFloat(m.input, 64)
	if err != nil {
		m.notice = fmt.Sprintf("%q is not a number of seconds", m.input)
		return m, nil
	}
	return m.setInterval(Seconds(v))
}

// Seconds makes a duration of a number of seconds; what no duration holds
// becomes one that CheckInterval refuses.
func Seconds(v float64) time.Duration {
	if !(v >= 0 && v <= 1e6) {
		return -1
	}
	return time.Duration(v * float64(time.Second))
}

func (m Model) setInterval(d time.Duration) (Model, tea.Cmd) {
	if err := CheckInterval(d); err != nil {
		m.notice = err.Error()
		return m, nil
	}
	m.interval = d
	if m.paused {
		return m, nil
	}
	return m.schedule(d)
}

func (m Model) stepInterval(by int) (Model, tea.Cmd) {
	i, found := slices.BinarySearch(intervals, m.interval)
	if by > 0 && found {
		i++
	}
	if by < 0 {
		i--
	}
	return m.setInterval(intervals[max(0, min(i, len(intervals)-1))])
}

func (m Model) togglePause() (Model, tea.Cmd) {
	m.paused = !m.paused
	if m.paused {
		return m, nil
	}
	return m.schedule(0)
}

func (m *Model) nextSort(by int) {
	n := len(columns)
	m.sel.sort = (m.sel.sort + by + n) % n
	// Only columns one can see are worth a key press.
	for range n {
		if m.layout.small || slices.ContainsFunc(m.layout.columns, func(p placed) bool { return p.index == m.sel.sort }) {
			return
		}
		m.sel.sort = (m.sel.sort + by + n) % n
	}
}

// What fold does to the service under the cursor.
type folding int

const (
	foldToggle folding = iota
	foldClose
	foldOpen
)

func (m *Model) fold(f folding) {
	if len(m.rows) == 0 {
		return
	}
	id := m.cursorKey.service
	closed := f == foldClose || f == foldToggle && !m.sel.folded[id]
	m.setFolded(func(folded map[uint32]bool) { folded[id] = closed })
	m.cursorKey = rowKey{service: m.cursorKey.service}
}

// foldAll folds everything, or unfolds it if nothing is left to fold.
func (m *Model) foldAll() {
	if m.frame == nil {
		return
	}
	all := true
	for i := range m.frame.Services {
		all = all && m.sel.folded[m.frame.Services[i].ID]
	}
	m.setFolded(func(folded map[uint32]bool) {
		for i := range m.frame.Services {
			folded[m.frame.Services[i].ID] = !all
		}
	})
	m.cursorKey = rowKey{service: m.cursorKey.service}
}

// setFolded changes a copy: models of earlier updates keep theirs.
func (m *Model) setFolded(change func(map[uint32]bool)) {
	folded := make(map[uint32]bool, len(m.sel.folded))
	for k, v := range m.sel.folded {
		folded[k] = v
	}
	change(folded)
	m.sel.folded = folded
	m.folds++
}

func (m *Model) moveCursor(by int) {
	if len(m.rows) == 0 {
		return
	}
	m.cursor = max(0, min(m.cursor+by, len(m.rows)-1))
	m.cursorKey = m.rows[m.cursor].key()
}

// settle makes the rows anew, if they must be, and puts the cursor on the row it was on; if that
// row is gone, on the one in its place.
func (m *Model) settle() {
	if b := (build{m.frame, m.sel.sort, m.sel.reverse, m.sel.filter, m.folds}); b != m.built {
		m.rows, m.built = rows(m.frame, m.sel), b
	}
	if len(m.rows) == 0 {
		m.cursor, m.first = 0, 0
		return
	}
	i := slices.IndexFunc(m.rows, func(r row) bool { return r.key() == m.cursorKey })
	if i < 0 {
		i = max(0, min(m.cursor, len(m.rows)-1))
	}
	m.cursor, m.cursorKey = i, m.rows[i].key()
	if !m.layout.small && m.layout.body > 0 {
		m.first = scroll(m.first, m.cursor, len(m.rows), m.layout.body)
	}
	if m.mode == modeHelp || m.mode == modeDetail {
		m.page = max(0, min(m.page, len(m.pageContent())-m.pageLines()))
	}
}
