// SPDX-License-Identifier: MIT

// Real servers: -a, -e, -d.

package main

import (
	"context"
	"errors"
	"net/netip"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/config"
)

// serverArgs is what the options say of a server. A port of 0 means: that of
// the service.
type serverArgs struct {
	service string
	addr    netip.AddrPort
	weight  uint32
}

func (s *session) serverArgs() (*serverArgs, error) {
	v := &serverArgs{weight: config.DefaultWeight}
	v.service, _ = s.opts.get("ident")
	text, _ := s.opts.get("real-server")
	addr, err := s.names.ParseAddr(text)
	if err == nil {
		err = config.CheckServer(addr.Addr())
	}
	if err != nil {
		return nil, badValue("real-server", err)
	}
	v.addr = addr
	if text, ok := s.opts.get("weight"); ok {
		if v.weight, err = config.ParseWeight(text); err != nil {
			return nil, badValue("weight", err)
		}
	}
	return v, nil
}

// serverOp is what -a, -e and -d have in common: the arguments, the port that
// may come from the service, and the message if it fails.
func serverOp(s *session, what string, do func(context.Context, serverChanger, *serverArgs) error) error {
	v, err := s.serverArgs()
	if err != nil {
		return err
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	if err := v.complete(s.ctx, c); err != nil {
		return cannot(err, what, v.addr.Addr(), v.service)
	}
	return cannot(do(s.ctx, c, v), what, v.addr, v.service)
}

// complete takes the port from the service where none was given.
func (v *serverArgs) complete(ctx context.Context, c serviceReader) error {
	if v.addr.Port() != 0 {
		return nil
	}
	svc, err := c.Service(ctx, v.service)
	if err != nil {
		return err
	}
	v.addr = netip.AddrPortFrom(v.addr.Addr(), svc.Listen.Port())
	return nil
}

func runAddServer(s *session) error {
	return serverOp(s, "add server %s to service %q", func(ctx context.Context, c serverChanger, v *serverArgs) error {
		return c.AddServer(ctx, v.service, v.addr, genl.ServerConfig{Weight: &v.weight})
	})
}

func runEditServer(s *session) error {
	return serverOp(s, "change server %s of service %q", func(ctx context.Context, c serverChanger, v *serverArgs) error {
		return c.SetServer(ctx, v.service, v.addr, genl.ServerConfig{Weight: &v.weight})
	})
}

func runDeleteServer(s *session) error {
	err := serverOp(s, "delete server %s of service %q", func(ctx context.Context, c serverChanger, v *serverArgs) error {
		return c.DeleteServer(ctx, v.service, v.addr)
	})
	var op *opError
	if errors.Is(err, genl.ErrBusy) && errors.As(err, &op) {
		op.hint = "delete those rules first, or give them another server"
	}
	return err
}
