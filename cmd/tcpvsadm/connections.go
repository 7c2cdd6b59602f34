// SPDX-License-Identifier: MIT

// Single connections: show connections, and kill.

package main

import (
	"strconv"
	"time"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/config"
)

// connectionFilter is what the options say of the connections to show.
func (s *session) connectionFilter(name string) (genl.ConnectionFilter, error) {
	f := genl.ConnectionFilter{Service: name}
	if s.opts.has("real-server") {
		v, err := s.serverArgs()
		if err != nil {
			return f, err
		}
		if v.addr.Port() == 0 {
			return f, usagef("HOST:PORT, as `show servers` prints it", "-r: the port is missing")
		}
		f.Server = v.addr
	}
	if text, ok := s.opts.get("client"); ok {
		p, err := config.ParseNetwork(text)
		if err != nil {
			return f, badValue("client", err)
		}
		f.Clients = p
	}
	return f, nil
}

func showConnections(s *session, c shower, name string) (*shown, error) {
	f, err := s.connectionFilter(name)
	if err != nil {
		return nil, err
	}
	list, err := c.Connections(s.ctx, f)
	if err != nil {
		return nil, cannot(err, "list the connections")
	}
	g := &grid{cols: []column{left("ID"), left("CLIENT"), left("SERVICE"), left("SERVER"), left("STATE"),
		right("CPU"), right("AGE"), right("BYTES-IN"), right("BYTES-OUT")}}
	for _, v := range list {
		server := ""
		if v.Server.IsValid() {
			server = s.printNames().FormatAddr(v.Server)
		}
		g.add(v.ID.String(), v.Client.String(), v.Service, server, v.State.String(), u32(v.CPU),
			age(v.Age), number(v.BytesIn, false), number(v.BytesOut, false))
	}
	return &shown{g, map[string]any{"connections": list}}, nil
}

func runKill(s *session) error {
	id, err := genl.ParseConnectionID(s.opts.args[0])
	if err != nil {
		return usagef("`show connections` prints it first in its line", "kill: %s", err)
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	return s.kill(c, id)
}

func (s *session) kill(c killer, id genl.ConnectionID) error {
	return cannot(c.KillConnection(s.ctx, id), "kill connection %s", id)
}

// age prints tenths of a second up to a minute, and then whole ones.
func age(d time.Duration) string {
	if d < time.Minute {
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + "s"
	}
	return d.Round(time.Second).String()
}
