// SPDX-License-Identifier: MIT

package top

import "slices"

// Least size of a terminal that shows anything useful.
const (
	minWidth  = 48
	minHeight = 8
	minName   = 20 // cells of the name column
	maxName   = 48
)

// placed is a column with the cells it got.
type placed struct {
	index, width int
}

// layout is where everything goes. It follows from width and height alone.
type layout struct {
	width, height int
	small         bool // too small to show anything
	columns       []placed
	gap           int // cells between columns
	body          int // rows of the table
}

// newLayout divides a terminal: two lines of totals, a status line, the column
// titles, the table, a line of hints.
func newLayout(w, h int) layout {
	l := layout{width: w, height: h, gap: 1, body: h - 5}
	if w < minWidth || h < minHeight {
		l.small = true
		return l
	}
	name := minName
	if w >= 100 {
		name = 30
	}
	if w >= 132 {
		l.gap = 2
	}
	const gutter = 1 // the cursor
	left := w - gutter - name
	use := []int{colName}
	for _, c := range byNeed {
		if need := columns[c].width + l.gap; need <= left {
			left -= need
			use = append(use, c)
		}
	}
	slices.Sort(use)
	for _, c := range use {
		p := placed{c, columns[c].width}
		if c == colName {
			p.width = min(name+left, maxName)
		}
		l.columns = append(l.columns, p)
	}
	return l
}

// scroll moves the first row shown so that the cursor is among those shown.
func scroll(first, cursor, n, body int) int {
	first = min(first, cursor, max(0, n-body))
	return max(first, cursor-body+1, 0)
}
