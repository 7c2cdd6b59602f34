// SPDX-License-Identifier: MIT

package top

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// si writes a number in at most five characters: 0, 3.2, 999, 1.23k, 45.6M.
func si(v float64) string {
	switch {
	case v <= 0:
		return "0"
	case v < 0.05:
		return "0.1" // something is not nothing
	case v < 9.95:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case v < 999.5:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	unit := -1
	for v >= 999.5 && unit < len("kMGTPE")-1 {
		v /= 1000
		unit++
	}
	digits := 0
	switch {
	case v < 9.995:
		digits = 2
	case v < 99.95:
		digits = 1
	}
	return strconv.FormatFloat(v, 'f', digits, 64) + "kMGTPE"[unit:unit+1]
}

// rate writes a rate, or a dash where there is none yet.
func rate(known bool, v float64) string {
	if !known {
		return "-"
	}
	return si(v)
}

// count writes a number exactly while it has up to six digits.
func count(n uint64) string {
	if n < 1e6 {
		return strconv.FormatUint(n, 10)
	}
	return si(float64(n))
}

// clock writes a duration as h:mm:ss.
func clock(d time.Duration) string {
	s := int(d.Seconds())
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// seconds writes an interval: 2s, 0.5s.
func seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "s"
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + one + "s"
}

func width(s string) int { return utf8.RuneCountInString(s) }

// fit makes a text exactly w cells wide, cutting or padding it.
func fit(s string, w int, right bool, g glyphs) string {
	n := width(s)
	switch {
	case n > w:
		if w < 1 {
			return ""
		}
		r := []rune(s)
		return string(r[:w-1]) + g.cut
	case right:
		return strings.Repeat(" ", w-n) + s
	default:
		return s + strings.Repeat(" ", w-n)
	}
}

// glyphs are the few characters beyond letters; a terminal that is not UTF-8
// has plain ones.
type glyphs struct {
	open, closed, branch, last string
	cursor, cut, dot           string
	down, up                   string
	full, empty                string
	spark                      []string // lowest to highest; none = no sparkline
	enter, arrows, sides, rule string
}

var unicodeGlyphs = glyphs{
	open: "▾ ", closed: "▸ ", branch: "  ├ ", last: "  └ ",
	cursor: "▌", cut: "…", dot: " · ", down: "▼", up: "▲", full: "━", empty: " ",
	spark: []string{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"},
	enter: "⏎", arrows: "↑↓", sides: "←→", rule: "─",
}

var asciiGlyphs = glyphs{
	open: "- ", closed: "+ ", branch: "  | ", last: "  ` ",
	cursor: ">", cut: "~", dot: ", ", down: "v", up: "^", full: "#", empty: ".",
	enter: "enter", arrows: "up/down", sides: "left/right", rule: "-",
}

// bar draws a share of 0 to 1 in w cells.
func (g glyphs) bar(share float64, w int) string {
	n := int(share*float64(w) + 0.5)
	if share > 0 && n == 0 {
		n = 1
	}
	n = max(0, min(n, w))
	return strings.Repeat(g.full, n) + strings.Repeat(g.empty, w-n)
}

// sparkline draws the last w values, scaled to the largest of them.
func (g glyphs) sparkline(values []float64, w int) string {
	if len(g.spark) == 0 || w < 1 {
		return ""
	}
	values = values[max(0, len(values)-w):]
	top := 0.0
	for _, v := range values {
		top = max(top, v)
	}
	var b strings.Builder
	for _, v := range values {
		i := 0
		if top > 0 {
			i = min(int(v/top*float64(len(g.spark))), len(g.spark)-1)
		}
		b.WriteString(g.spark[max(0, i)])
	}
	return b.String()
}
