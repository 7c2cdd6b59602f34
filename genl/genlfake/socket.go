// SPDX-License-Identifier: MIT

// The socket of the fake kernel: answers queue up as datagrams, a dump is made
// piece by piece as it is read, and reading blocks until something comes, the
// deadline passes or the socket is closed.

package genlfake

import (
	"encoding/binary"
	"iter"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/mdlayher/netlink"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/spec"
)

// socket is one netlink socket; Kernel.mu protects it.
type socket struct {
	k        *Kernel
	pid      uint32
	queue    [][]netlink.Message
	notes    int // notifications in queue
	overrun  bool
	dump     *dump
	wake     chan struct{} // closed when something changed
	deadline time.Time     // of reading
	closed   bool
	extAck   bool
	joined   map[string]bool // by group
	tx       *transaction
}

func (s *socket) changed() {
	close(s.wake)
	s.wake = make(chan struct{})
}

func (s *socket) push(datagram []netlink.Message) {
	s.queue = append(s.queue, datagram)
	s.changed()
}

// Close ends the socket and aborts its transaction.
func (s *socket) Close() error {
	s.k.mu.Lock()
	defer s.k.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	s.closed = true
	s.tx = nil
	delete(s.k.sockets, s)
	s.changed()
	return nil
}

// Send hands a request to the kernel, which works on it at once.
func (s *socket) Send(m netlink.Message) error { return s.SendMessages([]netlink.Message{m}) }

// SendMessages is Send for several requests.
func (s *socket) SendMessages(ms []netlink.Message) error {
	s.k.mu.Lock()
	defer s.k.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	for _, m := range ms {
		s.k.handle(s, m)
	}
	return nil
}

// Receive returns the next datagram.
func (s *socket) Receive() ([]netlink.Message, error) {
	for {
		s.k.mu.Lock()
		switch {
		case s.closed:
			s.k.mu.Unlock()
			return nil, net.ErrClosed
		case s.overrun:
			s.overrun = false
			s.k.mu.Unlock()
			return nil, os.NewSyscallError("recvmsg", syscall.ENOBUFS)
		case len(s.queue) > 0:
			d := s.queue[0]
			s.queue = s.queue[1:]
			if d[0].Header.Sequence == 0 {
				s.notes--
			}
			s.k.mu.Unlock()
			return d, nil
		case s.dump != nil:
			hook, op, piece := s.k.onDump, s.dump.op.Name, s.dump.piece
			s.k.mu.Unlock()
			if hook != nil {
				hook(op, piece)
			}
			s.k.mu.Lock()
			if s.dump != nil {
				s.push(s.k.next(s))
			}
			s.k.mu.Unlock()
			continue
		}
		wake, deadline := s.wake, s.deadline
		s.k.mu.Unlock()
		var expired <-chan time.Time
		if !deadline.IsZero() {
			if !deadline.After(time.Now()) {
				return nil, os.ErrDeadlineExceeded
			}
			t := time.NewTimer(time.Until(deadline))
			defer t.Stop()
			expired = t.C
		}
		select {
		case <-wake:
		case <-expired:
		}
	}
}

// ReceiveIter is Receive message by message.
func (s *socket) ReceiveIter() iter.Seq2[netlink.Message, error] {
	return func(yield func(netlink.Message, error) bool) {
		ms, err := s.Receive()
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

// SetDeadline bounds reading; sending never waits.
func (s *socket) SetDeadline(t time.Time) error { return s.SetReadDeadline(t) }

// SetReadDeadline bounds reading.
func (s *socket) SetReadDeadline(t time.Time) error {
	s.k.mu.Lock()
	defer s.k.mu.Unlock()
	s.deadline = t
	s.changed()
	return nil
}

// SetWriteDeadline does nothing: sending never waits.
func (s *socket) SetWriteDeadline(time.Time) error { return nil }

// SetOption knows extended acknowledgements and ignores the rest.
func (s *socket) SetOption(o netlink.ConnOption, on bool) error {
	s.k.mu.Lock()
	defer s.k.mu.Unlock()
	if o == netlink.ExtendedAcknowledge {
		s.extAck = on
	}
	return nil
}

// JoinGroup subscribes to a group of the family; who is denied does not get the log.
func (s *socket) JoinGroup(group uint32) error {
	s.k.mu.Lock()
	defer s.k.mu.Unlock()
	name := groups[group]
	if !s.k.loaded || name == "" {
		return os.NewSyscallError("setsockopt", syscall.EINVAL)
	}
	if name == spec.GroupLog && s.k.denied {
		return os.NewSyscallError("setsockopt", syscall.EPERM)
	}
	s.joined[name] = true
	return nil
}

// LeaveGroup is the reverse of JoinGroup.
func (s *socket) LeaveGroup(group uint32) error {
	s.k.mu.Lock()
	defer s.k.mu.Unlock()
	delete(s.joined, groups[group])
	return nil
}

// acknowledge answers req: with r nil that it is done, else why not.
func (s *socket) acknowledge(req netlink.Message, r *refusal) {
	if r == nil && req.Header.Flags&netlink.Acknowledge == 0 {
		return
	}
	h := netlink.Header{Type: netlink.Error, Sequence: req.Header.Sequence, PID: s.pid}
	var errno syscall.Errno
	echo := req.Data
	if r != nil {
		errno = r.errno
	} else {
		echo = nil
		h.Flags |= netlink.Capped
	}
	data := binary.NativeEndian.AppendUint32(nil, uint32(-int32(errno)))
	data = binary.NativeEndian.AppendUint32(data, req.Header.Length)
	data = binary.NativeEndian.AppendUint16(data, uint16(req.Header.Type))
	data = binary.NativeEndian.AppendUint16(data, uint16(req.Header.Flags))
	data = binary.NativeEndian.AppendUint32(data, req.Header.Sequence)
	data = binary.NativeEndian.AppendUint32(data, req.Header.PID)
	data = append(data, echo...)
	for len(data)%4 != 0 {
		data = append(data, 0)
	}
	if r != nil && s.extAck && (r.message != "" || r.offset != 0) {
		ae := netlink.NewAttributeEncoder()
		if r.message != "" {
			ae.String(1, r.message) // NLMSGERR_ATTR_MSG
		}
		if r.offset != 0 {
			ae.Uint32(2, uint32(r.offset)) // NLMSGERR_ATTR_OFFS
		}
		h.Flags |= netlink.AcknowledgeTLVs
		data = append(data, must(ae.Encode())...)
	}
	h.Length = uint32(16 + len(data))
	s.push([]netlink.Message{{Header: h, Data: data}})
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err) // the fake encodes only what it made itself
	}
	return b
}

// dump is a listing under way.
type dump struct {
	op         *spec.Op
	header     netlink.Header
	service    string                      // filter of servers
	brief      bool                        // servers without counters
	wanted     func(*genl.Connection) bool // filter of connections
	timed      func(*genl.Histogram) bool  // filter of histograms
	generation uint32
	cursor     uint32
	piece      int
}

// next makes the next datagram of a dump. Like the kernel it goes on behind the
// last object it told, and flags what follows a change.
func (k *Kernel) next(s *socket) []netlink.Message {
	d := s.dump
	d.piece++
	h := d.header
	h.Flags = netlink.Multi
	if d.generation != k.config.generation {
		h.Flags |= netlink.DumpInterrupted
	}
	var datagram []netlink.Message
	for _, m := range k.objects(d) {
		h.Type = netlink.HeaderType(k.familyID)
		datagram = append(datagram, m.netlink(h))
	}
	if len(datagram) == 0 {
		h.Type, h.Length = netlink.Done, 20
		datagram = append(datagram, netlink.Message{Header: h, Data: make([]byte, 4)})
		s.dump = nil
	}
	return datagram
}
