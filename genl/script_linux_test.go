// SPDX-License-Identifier: MIT

package genl

import (
	"encoding/binary"
	"iter"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"

	"github.com/ktcpvs/ktcpvs/internal/spec"
)

// script is a kernel that answers what a test tells it to, byte by byte. It
// knows the family by itself. Where genlfake is a kernel that is right, this
// one may be wrong.
type script struct {
	mu       sync.Mutex
	requests []netlink.Message // all but those for the family
	answer   func(req netlink.Message) [][]netlink.Message
	family   []netlink.Message // the answer for the family instead of the usual one
	readErr  error             // what reading fails with
	dialled  int
	open     int // sockets
}

const scriptFamily = 0x21

func (s *script) dial(*netlink.Config) (*genetlink.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dialled++
	s.open++
	sock := &scriptSocket{s: s, wake: make(chan struct{}, 1)}
	return genetlink.NewConn(netlink.NewConn(sock, 1)), nil
}

func (s *script) client(t *testing.T) *Client {
	t.Helper()
	c, err := New(WithDialer(s.dial))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

type scriptSocket struct {
	s        *script
	queue    [][]netlink.Message
	deadline time.Time
	closed   bool
	wake     chan struct{}
}

func (k *scriptSocket) signal() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

func (k *scriptSocket) Close() error {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	if !k.closed {
		k.closed = true
		k.s.open--
	}
	k.signal()
	return nil
}

func (k *scriptSocket) Send(m netlink.Message) error {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	if m.Header.Type == 0x10 {
		if k.s.family != nil {
			for _, f := range k.s.family {
				f.Header.Sequence = m.Header.Sequence
				k.queue = append(k.queue, []netlink.Message{f})
			}
			return nil
		}
		reply := message(m, 1, scriptFamily16(), nla(2, append([]byte(spec.Family), 0)), nla(3, u32(spec.Version)))
		reply.Header.Type = 0x10
		k.queue = append(k.queue, []netlink.Message{reply})
		return nil
	}
	k.s.requests = append(k.s.requests, m)
	if k.s.answer != nil {
		k.queue = append(k.queue, k.s.answer(m)...)
	} else {
		k.queue = append(k.queue, []netlink.Message{ack(m)})
	}
	k.signal()
	return nil
}

func (k *scriptSocket) SendMessages(ms []netlink.Message) error {
	for _, m := range ms {
		if err := k.Send(m); err != nil {
			return err
		}
	}
	return nil
}

func (k *scriptSocket) Receive() ([]netlink.Message, error) {
	for {
		k.s.mu.Lock()
		if k.closed {
			k.s.mu.Unlock()
			return nil, net.ErrClosed
		}
		if len(k.queue) > 0 {
			d := k.queue[0]
			k.queue = k.queue[1:]
			k.s.mu.Unlock()
			return d, nil
		}
		if err := k.s.readErr; err != nil {
			k.s.readErr = nil
			k.s.mu.Unlock()
			return nil, err
		}
		deadline := k.deadline
		k.s.mu.Unlock()
		if !deadline.IsZero() && time.Now().After(deadline) {
			return nil, os.ErrDeadlineExceeded
		}
		<-k.wake
	}
}

func (k *scriptSocket) ReceiveIter() iter.Seq2[netlink.Message, error] {
	return func(yield func(netlink.Message, error) bool) {
		ms, err := k.Receive()
		if err != nil {
			yield(netlink.Message{}, err)
			return
		}
		for _, m := range ms {
			if !yield(m, nil) {
				return
			}
		}
	}
}

func (k *scriptSocket) SetDeadline(t time.Time) error {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	k.deadline = t
	k.signal()
	return nil
}
func (k *scriptSocket) SetReadDeadline(t time.Time) error        { return k.SetDeadline(t) }
func (k *scriptSocket) SetWriteDeadline(time.Time) error         { return nil }
func (k *scriptSocket) SetOption(netlink.ConnOption, bool) error { return nil }
func (k *scriptSocket) JoinGroup(uint32) error                   { return nil }
func (k *scriptSocket) LeaveGroup(uint32) error                  { return nil }

// Attributes by hand, independent of the encoder under test.

func u32(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }

func nla(kind uint16, payload []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(payload)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, payload...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func nest(kind uint16, attrs ...[]byte) []byte { return nla(kind|0x8000, join(attrs...)) }

func text(kind uint16, s string) []byte { return nla(kind, append([]byte(s), 0)) }

func join(parts ...[]byte) []byte {
	b := []byte{}
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func scriptFamily16() []byte {
	return nla(1, binary.NativeEndian.AppendUint16(nil, scriptFamily))
}

// message answers req with attributes.
func message(req netlink.Message, cmd uint8, attrs ...[]byte) netlink.Message {
	data := join([]byte{cmd, spec.Version, 0, 0}, join(attrs...))
	return netlink.Message{
		Header: netlink.Header{Type: scriptFamily, Sequence: req.Header.Sequence, PID: 1, Length: uint32(16 + len(data))},
		Data:   data,
	}
}

func done(req netlink.Message) netlink.Message {
	return netlink.Message{
		Header: netlink.Header{Type: netlink.Done, Flags: netlink.Multi, Sequence: req.Header.Sequence, PID: 1, Length: 20},
		Data:   make([]byte, 4),
	}
}

func ack(req netlink.Message) netlink.Message {
	return netlink.Message{
		Header: netlink.Header{Type: netlink.Error, Flags: netlink.Capped, Sequence: req.Header.Sequence, PID: 1, Length: 36},
		Data:   make([]byte, 20),
	}
}
