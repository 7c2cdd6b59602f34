// SPDX-License-Identifier: MIT

// Messages byte by byte, as no library would let one build them, and a socket
// that sends what it is given.

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

const (
	nested  = 1 << 15 // NLA_F_NESTED
	ackTLVs = 0x200   // NLM_F_ACK_TLVS

	solNetlink = 270
	capAck     = 10
	extAck     = 11

	tlvMessage  = 1
	tlvOffset   = 2
	tlvMissType = 5
)

var order = binary.NativeEndian

// attr is one attribute, padded; typ may carry NLA_F_NESTED.
func attr(typ uint16, payload ...byte) []byte {
	b := make([]byte, 4, 4+len(payload)+3)
	order.PutUint16(b, uint16(4+len(payload)))
	order.PutUint16(b[2:], typ)
	return pad(append(b, payload...))
}

func pad(b []byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// lying is an attribute whose length field says length.
func lying(typ, length uint16, payload ...byte) []byte {
	b := attr(typ, payload...)
	order.PutUint16(b, length)
	return b
}

func nest(typ uint16, attrs ...[]byte) []byte { return attr(typ|nested, cat(attrs...)...) }

func str(typ uint16, s string) []byte { return attr(typ, append([]byte(s), 0)...) }

func u32(typ uint16, v uint32) []byte { return attr(typ, order.AppendUint32(nil, v)...) }

func be16(typ, v uint16) []byte { return attr(typ, byte(v>>8), byte(v)) }

func cat(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// answer is what the kernel says to a request.
type answer struct {
	errno   syscall.Errno
	message string
	offset  int // of the offending attribute, from the message's start; 0 = none
	missing int // type of the attribute that is missing; 0 = none
	data    []byte
}

type socket struct {
	fd     int
	family uint16
	seq    uint32
	buf    []byte
}

func open() (*socket, error) {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC,
		syscall.NETLINK_GENERIC)
	if err != nil {
		return nil, fmt.Errorf("netlink socket: %w", err)
	}
	s := &socket{fd: fd, buf: make([]byte, 1<<16)}
	tv := syscall.NsecToTimeval(int64(10 * time.Second))
	err = errors.Join(
		syscall.Bind(fd, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}),
		syscall.SetsockoptInt(fd, solNetlink, capAck, 1),
		syscall.SetsockoptInt(fd, solNetlink, extAck, 1),
		syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &tv))
	if err == nil {
		s.family, err = s.resolve("tcpvs")
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *socket) close() { syscall.Close(s.fd) }

// resolve asks the controller (family 16, CTRL_CMD_GETFAMILY) for a family's id.
func (s *socket) resolve(name string) (uint16, error) {
	a, err := s.send(s.message(syscall.NLM_F_REQUEST|syscall.NLM_F_ACK, 16, 3, str(2, name)))
	if err != nil {
		return 0, err
	}
	if a.errno != 0 {
		return 0, fmt.Errorf("family %q: %w", name, a.errno)
	}
	for b := a.data; len(b) >= 4; {
		n := int(order.Uint16(b))
		if n < 4 || n > len(b) {
			break
		}
		if order.Uint16(b[2:]) == 1 && n >= 6 {
			return order.Uint16(b[4:]), nil
		}
		b = b[min((n+3)&^3, len(b)):]
	}
	return 0, fmt.Errorf("family %q: no id in the answer", name)
}

// message is a whole request; its sequence number is the socket's next.
func (s *socket) message(flags, typ uint16, cmd uint8, attrs ...[]byte) []byte {
	body := cat(attrs...)
	b := make([]byte, 20, 20+len(body))
	order.PutUint32(b, uint32(20+len(body)))
	order.PutUint16(b[4:], typ)
	order.PutUint16(b[6:], flags)
	b[16] = cmd
	b[17] = 1
	return append(b, body...)
}

// do sends a request of the family and returns what came back.
func (s *socket) do(cmd uint8, attrs ...[]byte) (answer, error) {
	return s.send(s.message(syscall.NLM_F_REQUEST|syscall.NLM_F_ACK, s.family, cmd, attrs...))
}

// send gives a message the next sequence number and reads until the
// acknowledgement of it. A message that the kernel drops is never answered; send
// then fails with EAGAIN after the receive timeout.
func (s *socket) send(msg []byte) (answer, error) {
	s.seq++
	if len(msg) >= 12 {
		order.PutUint32(msg[8:], s.seq)
	}
	if err := s.raw(msg); err != nil {
		return answer{}, err
	}
	return s.receive()
}

func (s *socket) raw(msg []byte) error {
	err := syscall.Sendto(s.fd, msg, 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK})
	return os.NewSyscallError("sendto", err)
}

func (s *socket) receive() (answer, error) {
	var a answer
	for {
		n, _, err := syscall.Recvfrom(s.fd, s.buf, 0)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return a, os.NewSyscallError("recvfrom", err)
		}
		for b := s.buf[:n]; len(b) >= 16; {
			length := int(order.Uint32(b))
			if length < 16 || length > len(b) {
				return a, fmt.Errorf("the kernel sent a message of length %d in %d bytes", length, len(b))
			}
			msg := b[:length]
			b = b[min((length+3)&^3, len(b)):]
			if order.Uint32(msg[8:]) != s.seq {
				continue
			}
			switch order.Uint16(msg[4:]) {
			case syscall.NLMSG_ERROR, syscall.NLMSG_DONE:
				a.acknowledge(msg)
				return a, nil
			default:
				if length >= 20 {
					a.data = append(a.data, msg[20:]...)
				}
			}
		}
	}
}

func (a *answer) acknowledge(msg []byte) {
	if len(msg) < 20 {
		return
	}
	a.errno = syscall.Errno(-int32(order.Uint32(msg[16:])))
	if order.Uint16(msg[6:])&ackTLVs == 0 {
		return
	}
	tlvs := msg[20:]
	if order.Uint16(msg[4:]) == syscall.NLMSG_ERROR {
		tlvs = msg[min(36, len(msg)):] // the header of the request is in between
	}
	for len(tlvs) >= 4 {
		n := int(order.Uint16(tlvs))
		if n < 4 || n > len(tlvs) {
			return
		}
		v := tlvs[4:n]
		switch order.Uint16(tlvs[2:]) {
		case tlvMessage:
			for len(v) > 0 && v[len(v)-1] == 0 {
				v = v[:len(v)-1]
			}
			a.message = string(v)
		case tlvOffset:
			a.offset = int(order.Uint32(v))
		case tlvMissType:
			a.missing = int(order.Uint32(v))
		}
		tlvs = tlvs[min((n+3)&^3, len(tlvs)):]
	}
}
