// SPDX-License-Identifier: MIT

// Package ascii passes over text that means nothing but itself, eight bytes at a
// time: most of a configuration with a hundred thousand rules.
package ascii

const ones = 0x0101010101010101

// Run returns how many bytes at the beginning of s are at least least, below DEL,
// and neither a nor b. It may stop up to seven bytes early.
func Run(s string, least, a, b byte) int {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		x := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		ya, yb := x^ones*uint64(a), x^ones*uint64(b)
		// The highest bit of some byte is set if one of them stops the run:
		// one beyond ASCII, DEL, one below least, a (now 0), b (likewise).
		stop := x | (x + ones) | (x-ones*uint64(least))&^x | (ya-ones)&^ya | (yb-ones)&^yb
		if stop&(ones<<7) != 0 {
			break
		}
	}
	return i
}
