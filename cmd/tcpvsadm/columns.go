// SPDX-License-Identifier: MIT

// Tables for people: columns as wide as their widest cell, numbers to the
// right. Every row has as many fields as the head, and no field is empty or
// contains a blank but the last: a script can split it, too.

package main

import (
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

type column struct {
	title string
	right bool
}

func left(title string) column  { return column{title, false} }
func right(title string) column { return column{title, true} }

type grid struct {
	cols []column
	rows [][]string
}

func (g *grid) add(cells ...string) {
	for i := range cells {
		if cells[i] == "" {
			cells[i] = "-"
		}
	}
	g.rows = append(g.rows, cells)
}

func (g *grid) print(w io.Writer) {
	width := make([]int, len(g.cols))
	titles := make([]string, len(g.cols))
	for i, c := range g.cols {
		titles[i] = c.title
	}
	all := append([][]string{titles}, g.rows...)
	for _, row := range all {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, row := range all {
		b.Reset()
		for i, cell := range row {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			if i > 0 {
				b.WriteString("  ")
			}
			if g.cols[i].right {
				b.WriteString(pad + cell)
			} else {
				b.WriteString(cell + pad)
			}
		}
		_, _ = io.WriteString(w, strings.TrimRight(b.String(), " ")+"\n")
	}
}

// number prints a counter: every digit, or four of them with a unit.
func number(n uint64, exact bool) string {
	const units = "KMGTPE"
	if exact || n < 100000 {
		return strconv.FormatUint(n, 10)
	}
	// Cut, never rounded up: 999,999 is not a million yet.
	div, u := uint64(1000), 0
	for n/div >= 1000 {
		div *= 1000
		u++
	}
	whole, frac := n/div, n%div/(div/1000)
	s := strconv.FormatUint(whole, 10)
	if digits := 4 - len(s); digits > 0 && digits < 4 {
		s += "." + (strconv.FormatUint(1000+frac, 10)[1:])[:min(digits, 3)]
	}
	return s + units[u:u+1]
}
