// SPDX-License-Identifier: MIT

package genl

import (
	"context"
	"encoding/binary"
	"errors"
	"syscall"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/ktcpvs/ktcpvs/internal/spec"
)

// batchBuffer is enough for the answer to one request of a batch.
const batchBuffer = 4096

// batch sends changes in one message. It returns the number of those before the
// first that was refused, with its error.
func (c *conn) batch(ctx context.Context, changes []ServerChange) (int, error) {
	for i := range changes {
		if !changes[i].plain() {
			return c.oneByOne(ctx, changes)
		}
	}
	last := changes[len(changes)-1].request()
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return 0, last.fail(ctx.Err())
	}
	nl, family, err := c.socket()
	if err != nil {
		return 0, last.fail(err)
	}
	raw, err := nl.SyscallConn()
	if err != nil { // it is none of this machine's kernel
		<-c.turn
		n, err := c.oneByOne(ctx, changes)
		c.turn <- struct{}{}
		return n, err
	}
	stop := context.AfterFunc(ctx, func() { nl.SetDeadline(time.Unix(1, 0)) })
	refused, err := c.sendBatch(raw, family.ID, changes)
	if !stop() || err != nil {
		c.drop(nl)
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return 0, last.fail(err)
	}
	if refused == nil {
		return len(changes), nil
	}
	if syscall.Errno(refused.errno) == syscall.ENOENT && refused.message == "" {
		if _, err := lookup(nl); err != nil { // the module has gone
			return 0, last.fail(err)
		}
	}
	n := int(refused.sequence - c.sequence)
	r := changes[n].request()
	return n, r.explain(&netlink.OpError{Op: "receive", Err: syscall.Errno(refused.errno),
		Message: refused.message, Offset: refused.offset, Sequence: 1}, changes[n].append(nil))
}

// sendBatch returns the first answer that is a refusal, once all have come.
func (c *conn) sendBatch(raw syscall.RawConn, family uint16, changes []ServerChange) (*errorMessage, error) {
	c.sequence += batchSize // and so no answer is taken for one to another batch
	b := c.buffer[:0]
	for i := range changes {
		at := len(b)
		flags := netlink.Request
		if i == len(changes)-1 {
			flags |= netlink.Acknowledge
		}
		b = append(b, 0, 0, 0, 0)
		b = binary.NativeEndian.AppendUint16(b, family)
		b = binary.NativeEndian.AppendUint16(b, uint16(flags))
		b = binary.NativeEndian.AppendUint32(b, c.sequence+uint32(i))
		b = append(b, 0, 0, 0, 0)
		b = changes[i].append(append(b, changes[i].command(), spec.Version, 0, 0))
		binary.NativeEndian.PutUint32(b[at:], uint32(len(b)-at))
	}
	c.buffer = b
	var err error
	werr := raw.Write(func(fd uintptr) bool {
		err = unix.Sendto(int(fd), b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		return !errors.Is(err, unix.EAGAIN)
	})
	if err = errors.Join(werr, err); err != nil {
		return nil, err
	}
	var first *errorMessage
	in := make([]byte, batchBuffer)
	for {
		var n int
		rerr := raw.Read(func(fd uintptr) bool {
			n, _, err = unix.Recvfrom(int(fd), in, 0)
			return !errors.Is(err, unix.EAGAIN)
		})
		if err = errors.Join(rerr, err); err != nil {
			return nil, err
		}
		list, err := parseErrors(in[:n])
		if err != nil {
			return nil, err
		}
		for i := range list {
			e := &list[i]
			at := e.sequence - c.sequence
			if at >= uint32(len(changes)) {
				return nil, errors.New("the kernel's answer belongs to another request")
			}
			if e.errno != 0 && first == nil {
				first = e
			}
			if at == uint32(len(changes)-1) {
				return first, nil
			}
		}
	}
}
