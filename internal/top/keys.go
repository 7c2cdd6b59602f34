// SPDX-License-Identifier: MIT

package top

import (
	"time"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
)

// action is one thing a key does in the table. The list of them is the only
// place that knows the keys: matching, the help page and the line of hints all
// read it.
type action struct {
	group string
	short bool // shown in the line of hints
	key.Binding
	run func(Model) (Model, tea.Cmd)
}

// intervals are the steps of + and -.
var intervals = []time.Duration{
	500 * time.Millisecond, time.Second, 2 * time.Second, 3 * time.Second,
	5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute,
}

// newActions lists the keys; g names those that have no letter.
func newActions(g glyphs) []action {
	bind := func(help, doc string, keys ...string) key.Binding {
		return key.NewBinding(key.WithKeys(keys...), key.WithHelp(help, doc))
	}
	only := func(f func(*Model)) func(Model) (Model, tea.Cmd) {
		return func(m Model) (Model, tea.Cmd) {
			f(&m)
			return m, nil
		}
	}
	move := func(step func(m *Model) int) func(Model) (Model, tea.Cmd) {
		return only(func(m *Model) { m.moveCursor(step(m)) })
	}
	return []action{
		{"View", true, bind("q", "quit", "q"), func(m Model) (Model, tea.Cmd) { return m, tea.Quit }},
		{"View", true, bind("?", "help", "?", "h", "f1"), only(func(m *Model) { m.mode = modeHelp })},
		{"View", true, bind("p", "pause", "p"), Model.togglePause},
		{"View", false, bind("d", "set the interval", "d"), only(func(m *Model) { m.mode, m.input = modeInterval, "" })},
		{"View", false, bind("+ -", "longer, shorter interval", "+", "="), func(m Model) (Model, tea.Cmd) { return m.stepInterval(1) }},
		{"", false, bind("", "", "-"), func(m Model) (Model, tea.Cmd) { return m.stepInterval(-1) }},

		{"Order", true, bind("s", "sort", "s", ">"), only(func(m *Model) { m.nextSort(1) })},
		{"Order", false, bind("S", "sort by the column before", "S", "<"), only(func(m *Model) { m.nextSort(-1) })},
		{"Order", true, bind("r", "reverse", "r"), only(func(m *Model) { m.sel.reverse = !m.sel.reverse })},
		{"Order", true, bind("/", "filter", "/"), only(func(m *Model) { m.mode, m.input = modeFilter, m.sel.filter })},
		{"Order", false, bind("esc", "no filter", "esc"), only(func(m *Model) { m.sel.filter = "" })},

		{"Rows", false, bind(g.arrows, "move", "up", "k"), move(func(*Model) int { return -1 })},
		{"", false, bind("", "", "down", "j"), move(func(*Model) int { return 1 })},
		{"Rows", false, bind("pgup pgdn", "move a page", "pgup", "ctrl+b"), move(func(m *Model) int { return -m.layout.body })},
		{"", false, bind("", "", "pgdown", "ctrl+f"), move(func(m *Model) int { return m.layout.body })},
		{"Rows", false, bind("home end", "first, last", "home", "g"), move(func(m *Model) int { return -len(m.rows) })},
		{"", false, bind("", "", "end", "G"), move(func(m *Model) int { return len(m.rows) })},
		{"Rows", true, bind("space", "fold", " "), only(func(m *Model) { m.fold(foldToggle) })},
		{"Rows", false, bind(g.sides, "fold, unfold", "left"), only(func(m *Model) { m.fold(foldClose) })},
		{"", false, bind("", "", "right"), only(func(m *Model) { m.fold(foldOpen) })},
		{"Rows", false, bind("e", "fold, unfold all", "e"), only(func(m *Model) { m.foldAll() })},
		{"Rows", true, bind(g.enter, "counters", "enter"), only(func(m *Model) {
			if len(m.rows) > 0 {
				m.mode, m.detail, m.page = modeDetail, m.cursorKey, 0
			}
		})},
	}
}

// back leaves a page or a prompt.
var back = key.NewBinding(key.WithKeys("esc", "q", "enter", "?", "h", "f1"))

// abort ends the program wherever it is.
var abort = key.NewBinding(key.WithKeys("ctrl+c"))

// suspend stops it, as the shell expects.
var suspend = key.NewBinding(key.WithKeys("ctrl+z"))
