// SPDX-License-Identifier: MIT

// Package ascii passes over text that means nothing but itself, eight bytes at a
// time: most of a configuration with a hundred thousand rules.
package ascii

import "math/bits"

const ones = 0x0101010101010101

// Run returns how many bytes at the beginning of s are at least least, below DEL,
// and neither a nor b. It does not look at the last seven bytes of s.
func Run(s string, least, a, b byte) int {
	low, as, bs := ones*uint64(least), ones*uint64(a), ones*uint64(b)
	n := len(s)
	for ; len(s) >= 8; s = s[8:] {
		x := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		ya, yb := x^as, x^bs
		// The highest bit of some byte is set if one of them stops the run:
		// one beyond ASCII, DEL, one below least, a (now 0), b (likewise).
		// Bits that are carried or borrowed come from a lower byte that does.
		stop := (x | (x + ones) | (x-low)&^x | (ya-ones)&^ya | (yb-ones)&^yb) & (ones << 7)
		if stop != 0 {
			return n - len(s) + bits.TrailingZeros64(stop)/8
		}
	}
	return n - len(s)
}
