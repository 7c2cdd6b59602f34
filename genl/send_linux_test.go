// SPDX-License-Identifier: MIT

package genl

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/ktcpvs/ktcpvs/internal/spec"
)

// TestSendLarge sends to a real socket, whose kernel refuses what it does not know
// and sends it back whole.
func TestSendLarge(t *testing.T) {
	c, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	attrs := bytes.Repeat([]byte{4, 0, 1, 0}, largeRequest/2)
	const unknown, seq = 0x3ff, 0x01020304
	if err := sendLarge(raw, unknown, 9, netlink.Request|netlink.Acknowledge, attrs, seq); err != nil {
		t.Fatal(err)
	}
	var answer []byte
	buf := make([]byte, 2*len(attrs))
	err = raw.Read(func(fd uintptr) bool {
		n, _, err := unix.Recvfrom(int(fd), buf, 0)
		answer = buf[:max(n, 0)]
		return err != unix.EAGAIN
	})
	if err != nil {
		t.Fatal(err)
	}
	// A head and an error number stand before what came.
	if len(answer) < 20 || binary.NativeEndian.Uint16(answer[4:]) != unix.NLMSG_ERROR || binary.NativeEndian.Uint32(answer[8:]) != seq {
		t.Fatalf("% x", answer[:min(len(answer), 64)])
	}
	came := answer[20:]
	want := binary.NativeEndian.AppendUint32(nil, uint32(headersLen+len(attrs)))
	want = binary.NativeEndian.AppendUint16(want, unknown)
	want = binary.NativeEndian.AppendUint16(want, uint16(netlink.Request|netlink.Acknowledge))
	want = binary.NativeEndian.AppendUint32(want, seq)
	want = append(want, 0, 0, 0, 0, 9, spec.Version, 0, 0)
	if !bytes.Equal(came, append(want, attrs...)) {
		t.Fatalf("%d bytes, which begin with % x", len(came), came[:min(len(came), 32)])
	}
}
