// SPDX-License-Identifier: MIT

// Virtual services: -A, -E, -D, -F.

package main

import (
	"context"
	"errors"
	"net/netip"
	"strings"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/config"
)

// serviceArgs is what the options say of a service; nil was not given.
type serviceArgs struct {
	addr      *netip.Addr // -l
	port      *uint16     // -P, or the port of -l
	scheduler *config.Scheduler
	mode      *config.Mode
	trusted   *[]netip.Prefix
	redirect  *netip.AddrPort // a port of 0 is that of the service
	hashKey   *config.Hash    // Key and Name are given
	hashBound *uint32
	cookie    config.CookieWish
	settings  map[config.Setting]uint64
}

func (s *session) serviceArgs() (*serviceArgs, error) {
	v := &serviceArgs{settings: make(map[config.Setting]uint64)}
	if text, ok := s.opts.get("listen"); ok {
		a, err := s.names.ParseAddr(text)
		if err == nil {
			err = config.CheckListen(a.Addr())
		}
		if err != nil {
			var ce *config.Error
			if strings.HasPrefix(text, "-") && errors.As(err, &ce) {
				ce.Hint = "-l ADDR[:PORT] says where a service listens; to list the table use -L"
			}
			return nil, badValue("listen", err)
		}
		addr, port := a.Addr(), a.Port()
		v.addr = &addr
		if port != 0 {
			v.port = &port
		}
	}
	if text, ok := s.opts.get("port"); ok {
		port, err := s.names.ParsePort(text)
		if err != nil {
			return nil, badValue("port", err)
		}
		if v.port != nil && *v.port != port {
			return nil, usagef("give the port once", "-l says port %d, -P says port %d", *v.port, port)
		}
		v.port = &port
	}
	if text, ok := s.opts.get("mode"); ok {
		m, err := config.ParseMode(text)
		if err != nil {
			return nil, badValue("mode", err)
		}
		v.mode = &m
	}
	if text, ok := s.opts.get("scheduler"); ok {
		sched, err := config.ParseScheduler(text)
		if err != nil {
			return nil, badValue("scheduler", err)
		}
		v.scheduler = &sched
		if sched.Mode != "" && v.mode != nil && *v.mode != sched.Mode {
			return nil, usagef("leave out --mode, or use -s "+strings.Join(config.AnyModeSchedulers(), ", "), "-s %s works in mode %s only", text, sched.Mode)
		}
	}
	if text, ok := s.opts.get(config.TrustedKey); ok {
		list, err := config.ParseNetworks(text)
		if err != nil {
			return nil, badValue(config.TrustedKey, err)
		}
		v.trusted = &list
	}
	if text, ok := s.opts.get(config.RedirectKey); ok {
		a, err := s.names.ParseRedirect(text)
		if err != nil {
			return nil, badValue(config.RedirectKey, err)
		}
		v.redirect = &a
	}
	if text, ok := s.opts.get(config.HashKey); ok {
		v.hashKey = new(config.Hash)
		if err := v.hashKey.ParseKey(text); err != nil {
			return nil, badValue(config.HashKey, err)
		}
	}
	if text, ok := s.opts.get(config.HashBoundKey); ok {
		var h config.Hash
		if err := h.ParseBound(text); err != nil {
			return nil, badValue(config.HashBoundKey, err)
		}
		v.hashBound = &h.Bound
	}
	if err := s.cookieArgs(v); err != nil {
		return nil, err
	}
	for long, text := range s.opts.vals {
		set, ok := settingOption(long)
		if !ok {
			continue
		}
		if _, twice := v.settings[set]; twice {
			return nil, usagef("they are two names of one option", "--%s and --%s are both given", longOption(set), aliasOption(set))
		}
		parse := set.Parse
		if long == config.ForwardedAlias.Key {
			parse = config.ForwardedAlias.Parse
		}
		n, err := parse(text)
		if err != nil {
			return nil, badValue(long, err)
		}
		v.settings[set] = n
	}
	if s.opts.cmd.long == "add-service" && v.settings[config.AcceptProxy] != 0 && (v.trusted == nil || len(*v.trusted) == 0) {
		return nil, &usageError{"--accept-proxy without --trusted would let nobody connect", trustHint, "accept-proxy"}
	}
	return v, nil
}

const trustHint = "--trusted NETWORK,... names the proxies in front of the balancer"

// config turns the arguments into a request. A mode that a scheduler merely
// implies is no part of it: -s wlc changes the scheduler of a service, not what
// it relays.
func (v *serviceArgs) config() genl.ServiceConfig {
	var c genl.ServiceConfig
	mode := v.mode
	if v.scheduler != nil {
		c.Scheduler = &v.scheduler.Kernel
		if mode == nil && v.scheduler.Mode != "" {
			mode = &v.scheduler.Mode
		}
	}
	if mode != nil {
		c.Mode = genl.Ptr(kernelMode(*mode))
	}
	for s, n := range v.settings {
		settingFields[s].set(&c, n)
	}
	c.Trusted, c.Fallback = v.trusted, v.redirect
	if v.hashKey != nil {
		c.Hash.Key, c.Hash.Name = genl.Ptr(kernelHash(v.hashKey.Key)), v.hashKey.Name
	}
	c.Hash.Bound = v.hashBound
	return c
}

func runAddService(s *session) error {
	v, err := s.serviceArgs()
	if err != nil {
		return err
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	name, _ := s.opts.get("ident")
	return addService(s.ctx, c, name, v)
}

func addService(ctx context.Context, c serviceAdder, name string, v *serviceArgs) error {
	req := v.config()
	svc, err := v.complete(name)
	if err != nil {
		return err
	}
	if svc.Cookie.Name != "" {
		req.Cookie = kernelCookie(&svc.Cookie)
	}
	req.Listen, req.Scheduler, req.Mode = &svc.Listen, &svc.Scheduler, genl.Ptr(kernelMode(svc.Mode))
	req.Fallback = withPort(req.Fallback, svc.Listen.Port())
	return cannot(c.AddService(ctx, name, req), "add service %q", name)
}

// complete is the new service that the arguments describe.
func (v *serviceArgs) complete(name string) (config.Service, error) {
	svc := config.NewService(name)
	if v.addr != nil {
		svc.Listen = netip.AddrPortFrom(*v.addr, svc.Listen.Port())
	}
	if v.port != nil {
		svc.Listen = netip.AddrPortFrom(svc.Listen.Addr(), *v.port)
	}
	if v.scheduler != nil {
		svc.Scheduler, svc.Mode = v.scheduler.Kernel, v.scheduler.Alone
		if v.scheduler.Mode != "" {
			svc.Mode = v.scheduler.Mode
		}
	}
	if v.mode != nil {
		svc.Mode = *v.mode
	}
	for s, n := range v.settings {
		svc.Settings[s] = n
	}
	if v.trusted != nil {
		svc.Trusted = *v.trusted
	}
	if to := withPort(v.redirect, svc.Listen.Port()); to != nil {
		svc.Redirect = *to
	}
	if v.hashKey != nil {
		svc.Hash.Key, svc.Hash.Name = v.hashKey.Key, v.hashKey.Name
	}
	if v.hashBound != nil {
		svc.Hash.Bound = *v.hashBound
	}
	var err error
	svc.Cookie, err = v.cookie.Apply(config.Cookie{})
	if err == nil && svc.Cookie.Name != "" && svc.Mode != config.ModeHTTP {
		err = &config.Error{Msg: "a cookie needs mode http", Hint: "add --mode http"}
	}
	if err != nil {
		return svc, badCookie(err)
	}
	return svc, nil
}

// withPort gives an address without a port that of its service.
func withPort(a *netip.AddrPort, port uint16) *netip.AddrPort {
	if a == nil || !a.IsValid() || a.Port() != 0 {
		return a
	}
	return genl.Ptr(netip.AddrPortFrom(a.Addr(), port))
}

func runEditService(s *session) error {
	v, err := s.serviceArgs()
	if err != nil {
		return err
	}
	if v.addr == nil && v.port == nil && v.mode == nil && v.scheduler == nil && v.trusted == nil && v.redirect == nil &&
		v.hashKey == nil && v.hashBound == nil && !v.cookie.Any() && len(v.settings) == 0 {
		return usagef("give what shall change: -s, --mode, -l, -P or a setting; "+program+" -h lists them", "-E changes nothing")
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	name, _ := s.opts.get("ident")
	return editService(s.ctx, c, name, v)
}

func editService(ctx context.Context, c serviceSetter, name string, v *serviceArgs) error {
	req := v.config()
	var now genl.Service
	bare := v.redirect != nil && v.redirect.IsValid() && v.redirect.Port() == 0
	if v.addr != nil || v.port != nil || bare || v.cookie.Any() {
		// An address is one attribute, and so is a cookie: what is not
		// given of it is taken from the service.
		var err error
		if now, err = c.Service(ctx, name); err != nil {
			return cannot(err, "change service %q", name)
		}
	}
	if v.cookie.Any() {
		cookie, err := v.cookie.Apply(cookieFromKernel(now.Cookie))
		if err != nil {
			return badCookie(err)
		}
		req.Cookie = kernelCookie(&cookie)
	}
	if v.addr != nil || v.port != nil || bare {
		addr, port := now.Listen.Addr(), now.Listen.Port()
		if v.addr != nil {
			addr = *v.addr
		}
		if v.port != nil {
			port = *v.port
		}
		if v.addr != nil || v.port != nil {
			req.Listen = genl.Ptr(netip.AddrPortFrom(addr, port))
		}
		req.Fallback = withPort(req.Fallback, port)
	}
	err := c.SetService(ctx, name, req)
	if errors.Is(err, genl.ErrBusy) && (req.Listen != nil || req.Mode != nil) {
		return &opError{what: "change service \"" + name + "\"", err: err,
			hint: "stop it first: " + program + " --stop --now -i " + name}
	}
	if errors.Is(err, genl.ErrInvalid) && (req.AcceptProxy != nil || req.Trusted != nil) {
		return &opError{what: "change service \"" + name + "\"", err: err, hint: trustHint}
	}
	return cannot(err, "change service %q", name)
}

func runDeleteService(s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	name, _ := s.opts.get("ident")
	return deleteService(s.ctx, c, name)
}

func deleteService(ctx context.Context, c serviceDeleter, name string) error {
	return cannot(c.DeleteService(ctx, name), "delete service %q", name)
}

func runFlush(s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	return flush(s.ctx, c)
}

func flush(ctx context.Context, c flusher) error {
	return cannot(c.Flush(ctx), "delete the services")
}
