// SPDX-License-Identifier: MIT

package main

import (
	"math"
	"testing"
)

func TestNumber(t *testing.T) {
	for _, tt := range []struct {
		n    uint64
		want string
	}{
		{0, "0"}, {99999, "99999"}, {100000, "100.0K"}, {999999, "999.9K"},
		{1000000, "1.000M"}, {12345678, "12.34M"}, {999999999, "999.9M"},
		{1234567890123, "1.234T"}, {5e15, "5.000P"}, {math.MaxUint64, "18.44E"},
	} {
		if got := number(tt.n, false); got != tt.want {
			t.Errorf("%d: %s, want %s", tt.n, got, tt.want)
		}
	}
	if got := number(math.MaxUint64, true); got != "18446744073709551615" {
		t.Error(got)
	}
}
