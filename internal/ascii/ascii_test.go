// SPDX-License-Identifier: MIT

package ascii

import (
	"strings"
	"testing"
)

// TestRun puts every byte at every place of a word, among the bytes at the edges.
func TestRun(t *testing.T) {
	for _, k := range []struct{ least, a, b byte }{{' ', '"', '\\'}, {'!', '?', '#'}} {
		for c := range 256 {
			c := byte(c)
			stops := c < k.least || c >= 0x7f || c == k.a || c == k.b
			for at := range 8 {
				for _, fill := range []byte{k.least, '~', k.a + 1, k.b - 1} {
					w := []byte(strings.Repeat(string(fill), 8))
					w[at] = c
					want := 16
					if stops {
						want = 8 + at
					}
					s := strings.Repeat("a", 8) + string(w) + "0123"
					if got := Run(s, k.least, k.a, k.b); got != want {
						t.Fatalf("%q: %d, not %d", s, got, want)
					}
				}
			}
		}
	}
	if got := Run("short", ' ', '"', '\\'); got != 0 {
		t.Error(got)
	}
}
