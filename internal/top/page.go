// SPDX-License-Identifier: MIT

package top

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/ktcpvs/ktcpvs/genl"
)

// The pages: help, and all counters of a service or server. A page is a title
// and lines of content that scroll.

// pageLines is the number of content lines a page shows.
func (m Model) pageLines() int { return max(1, m.layout.height-3) }

func (m Model) pageContent() []string {
	if m.mode == modeHelp {
		return m.helpContent()
	}
	return m.detailContent()
}

func (m Model) pageView() []string {
	title := "keys"
	if m.mode == modeDetail {
		title = m.detailTitle()
	}
	content := m.pageContent()
	first := max(0, min(m.page, len(content)-m.pageLines()))
	lines := []string{m.theme.brand.Render(fit(" "+title, m.layout.width, false, m.theme.glyphs)), ""}
	return append(lines, content[first:min(len(content), first+m.pageLines())]...)
}

// helpContent lists the actions by group, then what the columns mean.
func (m Model) helpContent() []string {
	t := &m.theme
	var groups []string
	for _, a := range m.actions {
		if a.group != "" && !slices.Contains(groups, a.group) {
			groups = append(groups, a.group)
		}
	}
	var lines []string
	for _, g := range groups {
		lines = append(lines, " "+t.accent.Render(g))
		for _, a := range m.actions {
			if a.group == g {
				h := a.Help()
				lines = append(lines, "   "+t.key.Render(fit(h.Key, 12, false, t.glyphs))+fit(h.Desc, min(width(h.Desc), m.layout.width-15), false, t.glyphs))
			}
		}
		lines = append(lines, "")
	}
	lines = append(lines, " "+t.accent.Render("Columns"))
	for _, c := range [][2]string{
		{"ACTIVE", "client connections; of a server, requests in flight"},
		{"IDLE", "unused connections kept to the servers"},
		{"IN/s OUT/s", "bytes of requests, bytes of responses"},
		{"ERR/s", "answers 5xx, requests broken off, clients refused;"},
		{"", "of a server 5xx, requests broken off, failed connects"},
		{"ERRORS", "the same since the service or server was made"},
		{"SHARE", "of the requests: of all, of a server's service"},
	} {
		lines = append(lines, "   "+t.key.Render(fit(c[0], 12, false, t.glyphs))+fit(c[1], min(width(c[1]), m.layout.width-15), false, t.glyphs))
	}
	return lines
}

// detailRow finds what the page is about in the present frame.
func (m Model) detailRow() (row, bool) {
	for i := range m.frame.Services {
		s := &m.frame.Services[i]
		if s.ID != m.detail.service {
			continue
		}
		if !m.detail.isServer {
			return row{service: s}, true
		}
		for k := range s.Servers {
			if s.Servers[k].ID == m.detail.server {
				return row{service: s, server: &s.Servers[k]}, true
			}
		}
	}
	return row{}, false
}

func (m Model) detailTitle() string {
	r, ok := m.detailRow()
	switch {
	case !ok:
		return "gone"
	case r.server == nil:
		return fmt.Sprintf("service %s%s%s%s%s %s", r.service.Name, m.theme.glyphs.dot, r.service.Listen, m.theme.glyphs.dot, r.service.Mode, r.service.Scheduler)
	default:
		return fmt.Sprintf("server %s of %s%sweight %d", r.server.Address, r.service.Name, m.theme.glyphs.dot, r.server.Weight)
	}
}

// detailContent lists every counter with its sum and its rate.
func (m Model) detailContent() []string {
	t, w := &m.theme, m.layout.width
	r, ok := m.detailRow()
	if !ok {
		return []string{" " + t.dim.Render("it was removed meanwhile")}
	}
	all, delta, known := r.service.Stats.All(), r.service.Delta.All(), r.service.Rates.Known
	if r.server != nil {
		all, delta, known = r.server.Stats.All(), r.server.Delta.All(), r.server.Rates.Known
	}
	cells := func(name, total, per, doc string) string {
		s := fmt.Sprintf(" %-18s %10s %7s", name, total, per)
		if w >= 78 {
			s += "   " + doc
		}
		return strings.TrimRight(fit(s, w, false, t.glyphs), " ")
	}
	lines := []string{t.title.Render(cells("COUNTER", "TOTAL", "PER S", ""))}
	next, stop := iter.Pull2(delta)
	defer stop()
	for c, n := range all {
		_, d, _ := next()
		per := rate(known, part(float64(d), m.frame.Interval.Seconds()))
		if c.Gauge {
			per = ""
		}
		s := cells(c.Name, count(n), per, c.Doc)
		switch {
		case n == 0:
			s = t.dim.Render(s)
		case !c.Gauge && known && d > 0 && isError(c):
			s = t.bad.Render(s)
		}
		lines = append(lines, s)
	}
	return lines
}

// isError tells counters that should stand still.
func isError(c genl.Counter) bool {
	switch c.Name {
	case "refused-limit", "refused-memory", "responses-5xx", "aborted", "connect-errors", "no-server", "bad-request",
		"bad-response", "timeout-connect", "timeout-head", "timeout-response", "timeout-body", "timeout-drain",
		"timeouts", "resets", "resets-server", "broken", "memory-waits":
		return true
	}
	return false
}
