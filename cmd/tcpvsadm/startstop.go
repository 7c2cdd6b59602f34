// SPDX-License-Identifier: MIT

// --start and --stop, of one service or of all. Of all, every service is
// tried, whatever happens to the others, and those that are in the wanted
// state already are left alone.

package main

import (
	"context"
	"errors"
	"time"

	"github.com/ktcpvs/ktcpvs/genl"
)

func runStart(s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	if name, ok := s.opts.get("ident"); ok {
		return start(s.ctx, c, name)
	}
	return forAll(s.ctx, c, "start", func(svc *genl.Service) error {
		if svc.State == genl.ServiceStateRunning {
			return nil
		}
		return start(s.ctx, c, svc.Name)
	})
}

func start(ctx context.Context, c starter, name string) error {
	return cannot(c.StartService(ctx, name), "start service %q", name)
}

func runStop(s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	now := s.opts.has("now")
	name, one := s.opts.get("ident")
	if one {
		err = stop(s.ctx, c, name, now)
	} else {
		err = forAll(s.ctx, c, "stop", func(svc *genl.Service) error {
			if svc.State == genl.ServiceStateStopped || svc.State == genl.ServiceStateDraining && !now {
				return nil
			}
			return stop(s.ctx, c, svc.Name, now)
		})
	}
	if err == nil && s.opts.has("wait") {
		err = drained(s.ctx, c, name)
	}
	return err
}

// drained waits until a service, or every one, has no connection any more. It
// ends: the kernel resets what is left after the drain timeout. A service that
// is started again, or deleted, is not waited for.
func drained(ctx context.Context, c starter, name string) error {
	for {
		list, err := c.Services(ctx)
		if err != nil && !errors.Is(err, genl.ErrInconsistent) {
			return cannot(err, "see whether the services have stopped")
		}
		draining := false
		for i := range list {
			s := &list[i]
			if name == "" || s.Name == name {
				draining = draining || s.State == genl.ServiceStateDraining
			}
		}
		if !draining {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func stop(ctx context.Context, c starter, name string, now bool) error {
	return cannot(c.StopService(ctx, name, now), "stop service %q", name)
}

func forAll(ctx context.Context, c starter, what string, do func(*genl.Service) error) error {
	list, err := c.Services(ctx)
	if err != nil && !errors.Is(err, genl.ErrInconsistent) {
		return cannot(err, "%s the services", what)
	}
	var errs []error
	for i := range list {
		// Somebody may have been faster; all the better.
		if err := do(&list[i]); err != nil && !errors.Is(err, genl.ErrAlready) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
