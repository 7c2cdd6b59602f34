// SPDX-License-Identifier: MIT

// Notifications: a socket that joined the group "config" and turns every
// message into an Event. What the reader is too slow for, the kernel drops and
// says so once; that becomes EventLost.

package genl

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/mdlayher/genetlink"

	"github.com/ktcpvs/ktcpvs/internal/spec"
)

// Monitor tells every change of the configuration of a namespace. Next must
// not be called by two goroutines at once.
type Monitor struct {
	conn    *conn
	pending []genetlink.Message
}

// Monitor starts to listen. Changes made after it returned will be told; so
// read the tables afterwards and nothing is missed.
func (c *Client) Monitor(ctx context.Context) (*Monitor, error) {
	if err := ctx.Err(); err != nil {
		return nil, &Error{Op: "monitor", Err: err}
	}
	conn, err := open(c.o)
	if err != nil {
		return nil, err
	}
	if err := conn.join(spec.GroupConfig); err != nil {
		conn.close()
		return nil, &Error{Op: "monitor", Err: err}
	}
	return &Monitor{conn: conn}, nil
}

// Close ends the monitor and a Next that waits, with ErrClosed.
func (m *Monitor) Close() error { return m.conn.close() }

// Next waits for a change. An error about one message does not end the monitor;
// ErrClosed and what comes from ctx do.
func (m *Monitor) Next(ctx context.Context) (Event, error) {
	for {
		for len(m.pending) > 0 {
			msg := m.pending[0]
			m.pending = m.pending[1:]
			event, known, err := decodeEvent(msg)
			if err != nil {
				return Event{}, &Error{Op: "monitor", Err: fmt.Errorf("the kernel's message is malformed: %w", err)}
			}
			if known {
				return event, nil
			}
		}
		msgs, err := m.conn.receive(ctx)
		if errors.Is(err, errOverrun) {
			return Event{Kind: EventLost}, nil
		}
		if err != nil {
			return Event{}, &Error{Op: "monitor", Err: err}
		}
		m.pending = msgs
	}
}

// Events yields what Next returns until ctx or the monitor ends. The last pair
// holds the error that ended it; Close and a cancelled ctx end it silently.
func (m *Monitor) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			event, err := m.Next(ctx)
			if errors.Is(err, ErrClosed) || errors.Is(err, context.Canceled) {
				return
			}
			if !yield(event, err) || err != nil {
				return
			}
		}
	}
}

// errOverrun: the socket's buffer was full and messages were dropped.
var errOverrun = errors.New("notifications were lost")

// decodeEvent turns a message into an Event; a message of a later protocol is
// not known.
func decodeEvent(msg genetlink.Message) (event Event, known bool, err error) {
	switch msg.Header.Command {
	case spec.CmdServiceNtf:
		event = Event{Kind: EventServiceChanged, Service: &Service{}}
	case spec.CmdServiceDelNtf:
		event = Event{Kind: EventServiceDeleted, Service: &Service{}}
	case spec.CmdServerNtf:
		event = Event{Kind: EventServerChanged, Server: &Server{}}
	case spec.CmdServerDelNtf:
		event = Event{Kind: EventServerDeleted, Server: &Server{}}
	default:
		return Event{}, false, nil
	}
	if event.Service != nil {
		err = decode(msg, event.Service)
	} else {
		err = decode(msg, event.Server)
	}
	return event, err == nil, err
}
