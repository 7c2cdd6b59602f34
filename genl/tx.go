// SPDX-License-Identifier: MIT

// Transactions. The kernel stages the changes that come over a socket between
// begin and commit and forgets them when the socket closes; so a transaction is
// a socket, and whatever ends it early, a crash of the program too, aborts it.

package genl

import (
	"context"
	"errors"

	"github.com/mdlayher/netlink"

	"github.com/ktcpvs/ktcpvs/internal/spec"
)

// Tx is a set of changes that takes effect whole or not at all. The changes are
// those of the interface Changer; each is checked when it is made, against the
// configuration with all before it. Defer Abort after Begin.
type Tx struct {
	changer
}

type generation struct{ n uint32 }

func (g *generation) decode(ad *netlink.AttributeDecoder) error {
	for ad.Next() {
		if ad.Type() == spec.ATransactionGeneration {
			g.n = ad.Uint32()
		}
	}
	return ad.Err()
}

// Begin starts a transaction. The kernel bounds their number, their size and
// the time one may be idle.
func (c *Client) Begin(ctx context.Context, opts BeginOptions) (*Tx, error) {
	r := request{cmd: spec.CmdTransactionBegin, fill: func(ae *netlink.AttributeEncoder) {
		if opts.Generation != nil {
			ae.Uint32(spec.ATransactionGeneration, *opts.Generation)
		}
	}}
	conn, err := open(c.o)
	if err != nil {
		return nil, err
	}
	if _, _, err := conn.execute(ctx, &r); err != nil {
		conn.close()
		return nil, err
	}
	return &Tx{changer{conn}}, nil
}

func (t *Tx) commit(ctx context.Context, dryRun bool) (uint32, error) {
	var g generation
	err := t.conn.get(ctx, request{cmd: spec.CmdTransactionCommit, fill: func(ae *netlink.AttributeEncoder) {
		ae.Flag(spec.ATransactionDryRun, dryRun)
	}}, &g)
	return g.n, err
}

// DryRun checks everything a commit would and changes nothing. The transaction
// goes on.
func (t *Tx) DryRun(ctx context.Context) error {
	_, err := t.commit(ctx, true)
	return err
}

// Commit makes the changes effective and returns the new generation. After an
// error nothing has changed, with one exception: when ctx ended it, the kernel
// may have committed. The transaction is over in any case.
func (t *Tx) Commit(ctx context.Context) (uint32, error) {
	g, err := t.commit(ctx, false)
	closeErr := t.conn.close()
	if err == nil && closeErr != nil && !errors.Is(closeErr, ErrClosed) {
		err = closeErr
	}
	return g, err
}

// Abort forgets the changes. After Commit it does nothing.
func (t *Tx) Abort() error {
	if err := t.conn.close(); err != nil && !errors.Is(err, ErrClosed) {
		return err
	}
	return nil
}
