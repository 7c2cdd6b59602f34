// SPDX-License-Identifier: MIT

// Sending a request. The libraries below make two copies of it to put its heads
// in front. Of a table with a hundred thousand rules that would be three times
// its size, and take longer than to encode it; so a large request goes to the
// kernel from where it lies.

package genl

import (
	"encoding/binary"
	"os"
	"syscall"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/ktcpvs/ktcpvs/internal/spec"
)

// largeRequest is from where on the copies are worth avoiding.
const largeRequest = 16 << 10

// send sends a request and returns its sequence number.
func (c *conn) send(nl *genetlink.Conn, family uint16, cmd uint8, flags netlink.HeaderFlags, attrs []byte) (uint32, error) {
	if len(attrs) >= largeRequest {
		// What stands for the kernel in tests has no socket.
		if raw, err := nl.SyscallConn(); err == nil {
			c.large++
			return c.large, sendLarge(raw, family, cmd, flags, attrs, c.large)
		}
	}
	sent, err := nl.Send(genetlink.Message{
		Header: genetlink.Header{Command: cmd, Version: spec.Version},
		Data:   attrs,
	}, family, flags)
	return sent.Header.Sequence, err
}

// sendLarge writes the heads and the attributes to the socket. Requests and
// answers take turns, so that any number tells one from the one before.
func sendLarge(raw syscall.RawConn, family uint16, cmd uint8, flags netlink.HeaderFlags, attrs []byte, seq uint32) error {
	var head [headersLen]byte
	binary.NativeEndian.PutUint32(head[0:], uint32(headersLen+len(attrs)))
	binary.NativeEndian.PutUint16(head[4:], family)
	binary.NativeEndian.PutUint16(head[6:], uint16(flags))
	binary.NativeEndian.PutUint32(head[8:], seq)
	head[16], head[17] = cmd, spec.Version
	var sent error
	err := raw.Write(func(fd uintptr) bool {
		_, sent = unix.SendmsgBuffers(int(fd), [][]byte{head[:], attrs}, nil, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}, 0)
		return sent != unix.EAGAIN && sent != unix.EINTR
	})
	if err == nil && sent != nil {
		err = os.NewSyscallError("sendmsg", sent)
	}
	if err != nil {
		return &netlink.OpError{Op: "send", Err: err}
	}
	return nil
}
