// SPDX-License-Identifier: MIT

// The way to the kernel. conn owns one generic netlink socket and serializes
// its requests; execute does all of their input and output.
//
// Every request asks for an acknowledgement and reads until it comes, so that a
// reply and its acknowledgement never get out of step. A request that was cut
// short (by its context, or by an I/O error) leaves answers behind that a later
// request could take for its own; its socket is closed and the next request
// opens another, except in a transaction, which lives and dies with its socket.

package genl

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"

	"github.com/ktcpvs/ktcpvs/internal/spec"
)

// What precedes the attributes in a request: nlmsghdr and genlmsghdr.
const headersLen = 16 + 4

// policyMessage is what the kernel's policies say of what is no number, such
// as a string that is too long, without saying what would be right.
const policyMessage = "Attribute failed policy validation"

// messageBuffer takes the longest datagram: the answer to a refused request
// repeats it. The kernel goes by it when it fills the datagrams of a dump.
const messageBuffer = 128 << 10

// monitorBuffer is asked for as the receive buffer of a Monitor; the kernel
// gives what net.core.rmem_max allows.
const monitorBuffer = 4 << 20

type conn struct {
	o      *options
	redial bool // open another socket when this one is gone

	// turn serializes requests; a channel, so that waiting for it can end.
	turn chan struct{}
	// Whose turn it is has these of batches: the number of the first request
	// of the last one, and where it was put together.
	sequence uint32
	buffer   []byte

	mu     sync.Mutex      // protects the rest
	nl     *genetlink.Conn // nil: gone
	family genetlink.Family
	closed bool

	large uint32 // large requests so far; whose turn it is writes it
}

// open dials and looks the family up.
func open(o *options) (*conn, error) {
	c := &conn{o: o, turn: make(chan struct{}, 1)}
	if _, _, err := c.socket(); err != nil {
		return nil, &Error{Op: "connect", Err: err}
	}
	return c, nil
}

// socket returns the socket and the family, dialling if necessary.
func (c *conn) socket() (*genetlink.Conn, genetlink.Family, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, genetlink.Family{}, ErrClosed
	}
	if c.nl != nil {
		return c.nl, c.family, nil
	}
	nl, err := c.o.open()
	if err != nil {
		return nil, genetlink.Family{}, err
	}
	family, err := lookup(nl)
	if err != nil {
		nl.Close()
		return nil, genetlink.Family{}, err
	}
	c.nl, c.family = nl, family
	return nl, family, nil
}

// open dials in the wanted network namespace.
func (o *options) open() (*genetlink.Conn, error) {
	config := &netlink.Config{NetNS: o.netnsFD, MessageBufferSize: messageBuffer}
	if o.netns != "" {
		path := o.netns
		if !strings.ContainsRune(path, '/') {
			path = filepath.Join("/run/netns", path)
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("network namespace %q: %w", o.netns, err)
		}
		defer f.Close()
		config.NetNS = int(f.Fd())
	}
	nl, err := o.dial(config)
	if err != nil {
		return nil, fmt.Errorf("open the generic netlink socket: %w", err)
	}
	// Without it the kernel says only a number.
	if err := nl.SetOption(netlink.ExtendedAcknowledge, true); err != nil {
		nl.Close()
		return nil, fmt.Errorf("ask for the kernel's reasons: %w", err)
	}
	return nl, nil
}

func lookup(nl *genetlink.Conn) (family genetlink.Family, err error) {
	// GetFamily panics if the answer holds no family or two.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("look up the family %q: %v", spec.Family, p)
		}
	}()
	family, err = nl.GetFamily(spec.Family)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return family, ErrNoModule
	case err != nil:
		return family, fmt.Errorf("look up the family %q: %w", spec.Family, err)
	case family.Version != spec.Version:
		return family, fmt.Errorf("the module speaks version %d of the protocol, this program version %d", family.Version, spec.Version)
	}
	return family, nil
}

// drop closes a socket whose state is unknown.
func (c *conn) drop(nl *genetlink.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nl == nl {
		c.nl = nil
		if !c.redial {
			c.closed = true
		}
	}
	nl.Close()
}

func (c *conn) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	c.closed = true
	if c.nl == nil {
		return nil
	}
	return c.nl.Close()
}

func (c *conn) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// execute sends r and returns the messages of its answer, and for a dump
// whether the kernel flagged it as torn. Every error is an *Error.
func (c *conn) execute(ctx context.Context, r *request) ([]genetlink.Message, bool, error) {
	attrs, err := r.attributes()
	if err != nil {
		return nil, false, r.fail(err)
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, false, r.fail(ctx.Err())
	}
	for again := true; ; again = false {
		nl, family, err := c.socket()
		if err != nil {
			return nil, false, r.fail(err)
		}
		msgs, interrupted, err := c.exchange(ctx, nl, family.ID, r, attrs)
		if err == nil {
			return msgs, interrupted, nil
		}
		e := r.explain(err, attrs)
		// A family that is gone and an object that is not there are the
		// same code; only the former comes without a reason. The module may
		// have been loaded anew, under another number; the request has then
		// reached nobody and can be sent again.
		if e.Errno == syscall.ENOENT && e.Message == "" {
			now, err := lookup(nl)
			if err != nil {
				return nil, false, r.fail(err)
			}
			if now.ID != family.ID && again && c.redial {
				c.mu.Lock()
				c.family = now
				c.mu.Unlock()
				continue
			}
		}
		return nil, false, e
	}
}

// exchange is one request and its answer. When it fails for another reason
// than the kernel's refusal it has dropped the socket.
func (c *conn) exchange(ctx context.Context, nl *genetlink.Conn, family uint16, r *request, attrs []byte) (msgs []genetlink.Message, interrupted bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	stop := context.AfterFunc(ctx, func() { nl.SetDeadline(time.Unix(1, 0)) })
	keep := false
	defer func() {
		// A deadline that was set, or may be about to be, spoils the socket.
		if !stop() || !keep {
			c.drop(nl)
		}
		if err != nil && !keep {
			switch {
			case ctx.Err() != nil:
				err = ctx.Err()
			case c.redial && c.isClosed():
				err = ErrClosed
			}
		}
	}()

	flags := netlink.Request | netlink.Acknowledge
	if r.dump {
		flags = netlink.Request | netlink.Dump
	}
	seq, err := c.send(nl, family, r.cmd, flags, attrs)
	if err != nil {
		return nil, false, err
	}
	for {
		got, raw, err := nl.Receive()
		if err != nil {
			var op *netlink.OpError
			if errors.As(err, &op) && op.Sequence == seq {
				keep = true // the kernel's answer
			}
			return nil, false, err
		}
		for i, h := range raw {
			switch {
			case h.Header.Sequence != seq:
				return nil, false, errors.New("the kernel's answer belongs to another request")
			case h.Header.Type == netlink.Error && !r.dump:
				keep = true
				return msgs, interrupted, nil
			case h.Header.Type == netlink.HeaderType(family):
				msgs = append(msgs, got[i])
				interrupted = interrupted || h.Header.Flags&netlink.DumpInterrupted != 0
			}
		}
		if r.dump {
			keep = true
			return msgs, interrupted, nil
		}
	}
}

// explain turns what netlink returned into an *Error.
func (r *request) explain(err error, attrs []byte) *Error {
	e := r.fail(err)
	var op *netlink.OpError
	if !errors.As(err, &op) {
		return e
	}
	var errno syscall.Errno
	if !errors.As(op.Err, &errno) {
		return e
	}
	e.Err = errno
	if op.Sequence == 0 {
		// A system call failed, so it was not the kernel's word on the request.
		e.Err = op
		return e
	}
	e.Errno = errno
	e.Message = op.Message
	e.Offset = op.Offset
	if known := spec.ByCmd(r.cmd); known != nil && op.Offset > 0 {
		var a *spec.Attribute
		e.Attribute, a = spec.Path(known.Set, attrs, op.Offset-headersLen)
		if a != nil && (errno == syscall.ERANGE || op.Message == policyMessage) {
			e.Allowed = a.Allowed()
		}
	}
	return e
}

// join subscribes to a multicast group of the family.
func (c *conn) join(group string) error {
	nl, family, err := c.socket()
	if err != nil {
		return err
	}
	for _, g := range family.Groups {
		if g.Name == group {
			// More room before events are lost; less is no error.
			_ = nl.SetReadBuffer(monitorBuffer)
			return nl.JoinGroup(g.ID)
		}
	}
	return fmt.Errorf("the module has no multicast group %q", group)
}

// receive waits for notifications. The socket survives a ctx that ends.
func (c *conn) receive(ctx context.Context) ([]genetlink.Message, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	nl, family, err := c.socket()
	if err != nil {
		return nil, err
	}
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		nl.SetReadDeadline(time.Unix(1, 0))
		close(woken)
	})
	got, raw, err := nl.Receive()
	if !stop() {
		<-woken
		nl.SetReadDeadline(time.Time{})
	}
	if err != nil {
		switch {
		case c.isClosed():
			return nil, ErrClosed
		case errors.Is(err, syscall.ENOBUFS):
			return nil, errOverrun
		case ctx.Err() != nil && errors.Is(err, os.ErrDeadlineExceeded):
			return nil, ctx.Err()
		}
		return nil, err
	}
	msgs := got[:0]
	for i, h := range raw {
		if h.Header.Type == netlink.HeaderType(family.ID) {
			msgs = append(msgs, got[i])
		}
	}
	return msgs, nil
}
