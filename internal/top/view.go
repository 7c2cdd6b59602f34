// SPDX-License-Identifier: MIT

package top

import (
	"fmt"
	"strings"
)

// View draws the screen: exactly as many lines as the terminal has.
func (m Model) View() string {
	l := m.layout
	if l.width == 0 {
		return "" // the size is not known yet
	}
	if l.small {
		return m.smallView()
	}
	if m.frame == nil {
		return m.theme.dim.Render(fit("reading the kernel", l.width, false, m.theme.glyphs))
	}
	lines := make([]string, 0, l.height)
	switch m.mode {
	case modeHelp, modeDetail:
		lines = append(lines, m.pageView()...)
	default:
		lines = append(lines, m.headerView()...)
		lines = append(lines, m.titleView())
		lines = append(lines, m.tableView()...)
	}
	for len(lines) < l.height-1 {
		lines = append(lines, "")
	}
	return strings.Join(append(lines, m.footerView()), "\n")
}

func (m Model) smallView() string {
	l := m.layout
	var lines []string
	for _, s := range []string{
		fmt.Sprintf("terminal %dx%d", l.width, l.height),
		fmt.Sprintf("needs %dx%d", minWidth, minHeight),
		"q quits",
	} {
		if len(lines) < l.height {
			lines = append(lines, strings.TrimRight(fit(s, l.width, false, m.theme.glyphs), " "))
		}
	}
	return strings.Join(lines, "\n")
}

// span is a piece of a line: its text decides the width, its style the look.
type span struct {
	text  string
	style func(...string) string
}

// line sets spans on the left and on the right of a line of w cells; spans of
// the left that do not fit are left out from the end, then the right ones.
func line(w int, left, right []span) string {
	size := func(spans []span) (n int) {
		for _, s := range spans {
			n += width(s.text)
		}
		return n
	}
	for len(right) > 0 && size(left)+size(right)+1 > w {
		right = right[1:]
	}
	for len(left) > 0 && size(left)+size(right) > w {
		left = left[:len(left)-1]
	}
	var b strings.Builder
	for _, s := range left {
		b.WriteString(s.style(s.text))
	}
	if len(right) > 0 {
		b.WriteString(strings.Repeat(" ", w-size(left)-size(right)))
	}
	for _, s := range right {
		b.WriteString(s.style(s.text))
	}
	return b.String()
}

// headerView is two lines of totals and the status line.
func (m Model) headerView() []string {
	t, f, w := &m.theme, m.frame, m.layout.width
	left := []span{
		{" KTCPVS", t.brand.Render},
		{" " + f.Info.Version, t.dim.Render},
		{"   " + plural(len(f.Services), "service"), t.label.Render},
		{t.glyphs.dot + plural(f.ServerCount(), "server"), t.label.Render},
		{t.glyphs.dot + plural(int(f.Info.Workers), "worker"), t.label.Render},
	}
	right := []span{
		{"every " + seconds(m.interval), t.label.Render},
		{t.glyphs.dot + clock(f.Time.Sub(m.start)) + " ", t.label.Render},
	}
	if m.paused {
		right = append([]span{{" paused ", t.badge.Render}, {" ", t.label.Render}}, right...)
	}
	r := f.Rates
	var totals []span
	for i, v := range [][2]string{
		{"connections", count(f.Active)},
		{"req/s", rate(r.Known, r.Requests)},
		{"in B/s", rate(r.Known, r.In)},
		{"out B/s", rate(r.Known, r.Out)},
		{"err/s", rate(r.Known, r.Errors)},
	} {
		lead := "   "
		if i == 0 {
			lead = " "
		}
		style := t.value
		if v[0] == "err/s" && r.Errors > 0 {
			style = t.bad
		}
		totals = append(totals, span{lead + v[0] + " ", t.label.Render}, span{fit(v[1], max(5, width(v[1])), false, t.glyphs), style.Render})
	}
	used := 0
	for _, s := range totals {
		used += width(s.text)
	}
	spark := t.glyphs.sparkline(m.trail, min(w-used-3, 40))
	return []string{
		line(w, left, right),
		line(w, totals, []span{{spark + " ", t.accent.Render}}),
		m.statusView(),
	}
}

// statusView says what is out of the ordinary: an error, a filter.
func (m Model) statusView() string {
	t := &m.theme
	switch {
	case m.err != nil:
		s := fmt.Sprintf(" showing %s: %s", m.frame.Time.Format("15:04:05"), Explain(m.err))
		return t.notice.Render(fit(s, m.layout.width, false, t.glyphs))
	case m.sel.filter != "" && m.mode != modeFilter:
		return line(m.layout.width, []span{
			{" filter ", t.label.Render}, {m.sel.filter, t.prompt.Render}, {"   esc shows everything", t.label.Render},
		}, nil)
	}
	return ""
}

// titleView names the columns and marks the one that sorts, in the gap before
// its title or behind it.
func (m Model) titleView() string {
	t := &m.theme
	var b strings.Builder
	pending := strings.Repeat(" ", 1)
	for i, p := range m.layout.columns {
		c := columns[p.index]
		mark, style := "", t.title
		if p.index == m.sel.sort {
			style = t.sorted
			mark = t.glyphs.down
			// Names and states grow downwards in their natural order.
			if (p.index == colName || p.index == colState) != m.sel.reverse {
				mark = t.glyphs.up
			}
		}
		if i > 0 {
			pending = strings.Repeat(" ", m.layout.gap)
		}
		title := c.title
		if c.left {
			if mark != "" {
				title += " " + mark
			}
			b.WriteString(pending + style.Render(fit(title, p.width, false, t.glyphs)))
			continue
		}
		cell := fit(mark+title, p.width+m.layout.gap, true, t.glyphs)
		b.WriteString(style.Render(cell))
	}
	return b.String()
}

func (m Model) tableView() []string {
	l, t := m.layout, &m.theme
	if len(m.rows) == 0 {
		text := "no virtual service yet; tcpvsadm -A adds one"
		if m.sel.filter != "" {
			text = "nothing matches the filter"
		}
		lines := make([]string, l.body/2)
		pad := strings.Repeat(" ", max(0, (l.width-width(text))/2))
		return append(lines, pad+t.dim.Render(fit(text, min(width(text), l.width), false, t.glyphs)))
	}
	var lines []string
	for i := m.first; i < min(len(m.rows), m.first+l.body); i++ {
		lines = append(lines, m.rowView(m.rows[i], i == m.cursor))
	}
	return lines
}

func (m Model) rowView(r row, selected bool) string {
	t, l := &m.theme, m.layout
	var b strings.Builder
	if selected {
		b.WriteString(t.cursor.Render(t.glyphs.cursor))
	} else {
		b.WriteString(" ")
	}
	for i, p := range l.columns {
		if i > 0 {
			b.WriteString(strings.Repeat(" ", l.gap))
		}
		if p.index == colName {
			b.WriteString(t.paint(nameCell(r, p.width, t.glyphs), tonePlain, r.server == nil || selected))
			continue
		}
		c := columns[p.index]
		s, tone := c.cell(r, t.glyphs)
		b.WriteString(t.paint(fit(s, p.width, !c.left, t.glyphs), tone, r.server == nil || selected))
	}
	return b.String()
}

// footerView is the line of hints, of a prompt or of a notice.
func (m Model) footerView() string {
	t, w := &m.theme, m.layout.width
	switch {
	case m.mode == modeFilter:
		return line(w, []span{{" filter ", t.label.Render}, {m.input + "_", t.prompt.Render}, {"   enter keeps it, esc drops it", t.label.Render}}, nil)
	case m.mode == modeInterval:
		return line(w, []span{{" seconds between two looks ", t.label.Render}, {m.input + "_", t.prompt.Render}}, nil)
	case m.mode == modeHelp, m.mode == modeDetail:
		left, right := []span{{" esc", t.key.Render}, {" back", t.label.Render}}, []span(nil)
		if n := len(m.pageContent()); n > m.pageLines() {
			left = append(left, span{"  " + t.glyphs.arrows, t.key.Render}, span{" move", t.label.Render})
			right = []span{{fmt.Sprintf("%d/%d ", min(n, m.page+m.pageLines()), n), t.label.Render}}
		}
		return line(w, left, right)
	case m.notice != "":
		return t.notice.Render(fit(" "+m.notice, w, false, t.glyphs))
	}
	var left []span
	for _, a := range m.actions {
		if a.short {
			h := a.Help()
			left = append(left, span{" " + h.Key, t.key.Render}, span{" " + h.Desc + " ", t.label.Render})
		}
	}
	var right []span
	if len(m.rows) > m.layout.body {
		right = []span{{fmt.Sprintf("%d/%d ", m.cursor+1, len(m.rows)), t.label.Render}}
	}
	return line(w, left, right)
}
