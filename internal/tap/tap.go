// SPDX-License-Identifier: MIT

// Package tap tells results in the Test Anything Protocol, as the programs do
// whose output a guest test reads.
package tap

import (
	"fmt"
	"io"
)

// Writer numbers results and counts those that failed.
type Writer struct {
	w         io.Writer
	n, failed int
}

// New returns a Writer that has told nothing yet.
func New(w io.Writer) *Writer { return &Writer{w: w} }

// Result tells one result; err says what failed, on one line or more.
func (t *Writer) Result(name string, err error) {
	t.n++
	if err == nil {
		fmt.Fprintf(t.w, "ok %d - %s\n", t.n, name)
		return
	}
	t.failed++
	fmt.Fprintf(t.w, "not ok %d - %s\n#   %v\n", t.n, name, err)
}

// Plan tells how many results there were, and returns whether all were good.
func (t *Writer) Plan() bool {
	fmt.Fprintf(t.w, "1..%d\n", t.n)
	return t.failed == 0
}
