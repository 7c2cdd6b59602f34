// SPDX-License-Identifier: MIT

// -Z: counters begin anew, of one real server, of a service with its servers, or
// all of the namespace. Those of workers go on: they serve every namespace.

package main

func runZero(s *session) error {
	name, one := s.opts.get("ident")
	_, server := s.opts.get("real-server")
	var v *serverArgs
	if server {
		if !one {
			return usagef("", "-Z -r needs -i NAME")
		}
		var err error
		if v, err = s.serverArgs(); err != nil {
			return err
		}
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	return s.zero(c, name, v)
}

// zero resets the counters of a server, else of the named service, else all.
func (s *session) zero(c zeroer, name string, v *serverArgs) error {
	switch {
	case v != nil:
		if err := v.complete(s.ctx, c); err != nil {
			return cannot(err, "reset the counters of server %s of service %q", v.addr.Addr(), v.service)
		}
		return cannot(c.ZeroServer(s.ctx, v.service, v.addr), "reset the counters of server %s of service %q", v.addr, v.service)
	case name != "":
		return cannot(c.ZeroService(s.ctx, name), "reset the counters of service %q", name)
	}
	return cannot(c.ZeroStats(s.ctx), "reset the counters")
}
