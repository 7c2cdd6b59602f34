// SPDX-License-Identifier: MIT

package tap

import (
	"errors"
	"strings"
	"testing"
)

func TestWriter(t *testing.T) {
	var b strings.Builder
	w := New(&b)
	w.Result("one", nil)
	if !w.Plan() {
		t.Error("a good result failed")
	}
	w.Result("two", errors.New("no"))
	if w.Plan() {
		t.Error("a bad result passed")
	}
	if want := "ok 1 - one\n1..1\nnot ok 2 - two\n#   no\n1..2\n"; b.String() != want {
		t.Errorf("got %q, wanted %q", b.String(), want)
	}
}
