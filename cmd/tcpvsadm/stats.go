// SPDX-License-Identifier: MIT

// -L --stats: what services and servers counted, in one table. The columns are
// part of the interface (tcpvsadm(8) explains each) and only ever grow to the
// right; JSON has every counter by itself.

package main

import (
	"io"
	"strconv"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/config"
)

var statsColumns = []column{
	left("NAME"), left("ADDRESS"), left("STATE"), left("MODE"), left("SCHED"), right("WEIGHT"),
	right("CONNS"), right("ACTIVE"), right("REQUESTS"),
	right("2XX"), right("3XX"), right("4XX"), right("5XX"),
	right("BYTES-IN"), right("BYTES-OUT"), right("ERRORS"),
}

// serviceErrors is what went wrong for clients of a service, beside what their
// statuses tell: connections not accepted, and requests without a whole answer.
func serviceErrors(s *genl.ServiceStats) uint64 {
	return s.RefusedLimit + s.RefusedMemory + s.Aborted + s.ConnectErrors + s.BadResponse
}

// serverErrors is what went wrong at a server.
func serverErrors(s *genl.ServerStats) uint64 {
	return s.Aborted + s.ConnectErrors + s.BadResponse
}

func (t *table) printStats(w io.Writer, names *config.Names, exact bool) {
	g := grid{cols: statsColumns}
	num := func(n uint64) string { return number(n, exact) }
	for i := range t.services {
		s := &t.services[i]
		c := &s.Stats
		g.add(s.Name, names.FormatAddr(s.Listen), s.State.String(), s.Mode.String(), s.Scheduler, "",
			num(c.Connections), num(c.Active), num(c.Requests),
			num(c.Responses2xx), num(c.Responses3xx), num(c.Responses4xx), num(c.Responses5xx),
			num(c.ClientBytesIn), num(c.ClientBytesOut), num(serviceErrors(c)))
		servers := t.servers[s.Name]
		for j := range servers {
			r := &servers[j]
			c := &r.Stats
			// In and out are directions of the whole way: in is what
			// comes from clients, so what a server is sent.
			g.add("->", names.FormatAddr(r.Address), r.State.String(), "", "", strconv.FormatUint(uint64(r.Weight), 10),
				num(c.Connects), num(c.Active), num(c.Requests),
				num(c.Responses2xx), num(c.Responses3xx), num(c.Responses4xx), num(c.Responses5xx),
				num(c.BytesOut), num(c.BytesIn), num(serverErrors(c)))
		}
	}
	g.print(w)
}
