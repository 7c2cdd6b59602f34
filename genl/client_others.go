// SPDX-License-Identifier: MIT

//go:build !linux

// On other systems there is no kernel module to speak to; opening a Client
// fails, and nothing else can be reached without one.

package genl

import (
	"context"

	"github.com/mdlayher/genetlink"
)

type conn struct{ redial bool }

func open(*options) (*conn, error) {
	return nil, &Error{Op: "connect", Err: ErrUnsupportedOS}
}

func (*conn) close() error { return ErrUnsupportedOS }

func (*conn) execute(_ context.Context, r *request) ([]genetlink.Message, bool, error) {
	return nil, false, r.fail(ErrUnsupportedOS)
}

func (c *conn) batch(ctx context.Context, changes []ServerChange) (int, error) {
	return c.oneByOne(ctx, changes)
}

func (*conn) join(string) error { return ErrUnsupportedOS }

func (*conn) receive(context.Context) ([]genetlink.Message, error) { return nil, ErrUnsupportedOS }
