// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"math/rand/v2"
	"syscall"
	"testing"
)

func TestMessage(t *testing.T) {
	s := &socket{family: 0x1234}
	got := s.message(5, s.family, cmdServerNew, web, address(ipv4(127, 0, 0, 1), port(81)))
	want := cat(
		order.AppendUint32(nil, 48), order.AppendUint16(nil, 0x1234), order.AppendUint16(nil, 5), make([]byte, 8),
		[]byte{cmdServerNew, 1, 0, 0},
		order.AppendUint16(nil, 8), order.AppendUint16(nil, 1), []byte("web\x00"),
		order.AppendUint16(nil, 20), order.AppendUint16(nil, 3|nested),
		order.AppendUint16(nil, 8), order.AppendUint16(nil, 1), []byte{127, 0, 0, 1},
		order.AppendUint16(nil, 6), order.AppendUint16(nil, 3), []byte{0, 81, 0, 0})
	if !bytes.Equal(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
}

// ack is an NLMSG_ERROR with an extended ack, its request capped.
func ack(errno syscall.Errno, tlvs ...[]byte) []byte {
	minus := -int32(errno)
	return cat(make([]byte, 4), order.AppendUint16(nil, syscall.NLMSG_ERROR), order.AppendUint16(nil, ackTLVs),
		make([]byte, 8), order.AppendUint32(nil, uint32(minus)), make([]byte, 16), cat(tlvs...))
}

func TestAcknowledge(t *testing.T) {
	msg := ack(syscall.EINVAL, str(tlvMessage, "the name is missing"), u32(tlvOffset, 28), u32(tlvMissType, 1))
	var a answer
	a.acknowledge(msg)
	if a.errno != syscall.EINVAL || a.message != "the name is missing" || a.offset != 28 || a.missing != 1 {
		t.Errorf("got %+v", a)
	}
	for n := range msg { // cut off anywhere: no panic
		a := answer{}
		a.acknowledge(msg[:n])
	}
}

// A refusal that is not what it should be must be noticed.
func TestRefusalCheck(t *testing.T) {
	r := refusal{attrs: cat(web, webServer), errno: syscall.EINVAL, message: "not both", at: webServer, missing: 3}
	good := answer{errno: syscall.EINVAL, message: "an address is IPv4 or IPv6, not both", offset: 28, missing: 3}
	if err := r.check(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*answer){
		"taken":             func(a *answer) { a.errno = 0 },
		"another error":     func(a *answer) { a.errno = syscall.ENOENT },
		"another reason":    func(a *answer) { a.message = "no" },
		"another place":     func(a *answer) { a.offset = 20 },
		"another attribute": func(a *answer) { a.missing = 0 },
	} {
		a := good
		spoil(&a)
		if r.check(a) == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
}

// Every case points at something it contains.
func TestRefusals(t *testing.T) {
	for _, r := range refusals() {
		if r.at != nil && !bytes.Contains(r.attrs, r.at) {
			t.Errorf("%s: points at an attribute it does not have", r.name)
		}
		if r.errno == 0 {
			t.Errorf("%s: expects no error", r.name)
		}
	}
}

func TestSpoilKeepsHeader(t *testing.T) {
	f := &fuzzer{r: rand.New(rand.NewPCG(1, 2)), s: &socket{family: 0x21}}
	changed := 0
	for range 20000 {
		cmd := f.command()
		msg := f.s.message(5, f.s.family, cmd, f.attrs(cmd))
		was := bytes.Clone(msg)
		got := f.spoil(msg)
		if len(got) < 17 || int(order.Uint32(got)) != len(got) || !bytes.Equal(got[4:16], was[4:16]) {
			t.Fatalf("from %x\nto   %x", was, got)
		}
		if !bytes.Equal(got, was) {
			changed++
		}
	}
	if changed < 10000 {
		t.Errorf("only %d of 20000 messages were changed", changed)
	}
}
