// SPDX-License-Identifier: MIT

// -L --stats and --rate: what services and servers counted, in all or in a
// second, in one table. The columns are part of the interface (tcpvsadm(8)
// explains each) and only ever grow to the right; JSON has every counter by
// itself.

package main

import (
	"cmp"
	"io"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/config"
)

var statsColumns = []column{
	left("NAME"), left("ADDRESS"), left("STATE"), left("MODE"), left("SCHED"), right("WEIGHT"),
	right("CONNS"), right("ACTIVE"), right("REQUESTS"),
	right("2XX"), right("3XX"), right("4XX"), right("5XX"),
	right("BYTES-IN"), right("BYTES-OUT"), right("ERRORS"),
	right("LIMITED"), right("TUNNELS"), // of a service
}

// The columns that say who a row is about; WEIGHT is a number, but none of a
// count.
const (
	weightColumn  = 5
	activeColumn  = 7 // a state, no sum: it has no rate
	countsColumns = 6 // the first of the counts
)

// serviceErrors is what went wrong for clients of a service, beside what their
// statuses tell: connections not accepted, and requests without a whole answer.
func serviceErrors(s *genl.ServiceStats) uint64 {
	return s.RefusedLimit + s.RefusedMemory + s.RefusedUntrusted + s.BadProxy + s.Aborted + s.ConnectErrors + s.BadResponse
}

// serverErrors is what went wrong at a server.
func serverErrors(s *genl.ServerStats) uint64 {
	return s.Aborted + s.ConnectErrors + s.BadResponse
}

func serviceCounts(c *genl.ServiceStats) []uint64 {
	return []uint64{c.Connections, c.Active, c.Requests,
		c.Responses2xx, c.Responses3xx, c.Responses4xx, c.Responses5xx,
		c.ClientBytesIn, c.ClientBytesOut, serviceErrors(c),
		c.LimitHead + c.LimitTarget + c.LimitBody, c.Tunnels}
}

// serverCounts has in and out as directions of the whole way: in is what comes
// from clients, so what a server is sent.
func serverCounts(c *genl.ServerStats) []uint64 {
	return []uint64{c.Connects, c.Active, c.Requests,
		c.Responses2xx, c.Responses3xx, c.Responses4xx, c.Responses5xx,
		c.BytesOut, c.BytesIn, serverErrors(c)}
}

// rates is what was counted between two readings of the table; nil is all that
// was counted.
type rates struct {
	elapsed  time.Duration
	services map[uint32]genl.ServiceStats // by id, what was counted in between
	servers  map[uint32]genl.ServerStats
}

// since compares the table with an earlier one. What is new since has no rate.
func (t *table) since(old *table, elapsed time.Duration) *rates {
	r := &rates{elapsed, make(map[uint32]genl.ServiceStats), make(map[uint32]genl.ServerStats)}
	services, servers := make(map[uint32]*genl.Service), make(map[uint32]*genl.Server)
	for i := range old.services {
		s := &old.services[i]
		services[s.ID] = s
		list := old.servers[s.Name]
		for j := range list {
			servers[list[j].ID] = &list[j]
		}
	}
	for i := range t.services {
		s := &t.services[i]
		if before := services[s.ID]; before != nil {
			r.services[s.ID] = s.Since(before)
		}
		for _, srv := range t.servers[s.Name] {
			if before := servers[srv.ID]; before != nil {
				r.servers[srv.ID] = srv.Since(before)
			}
		}
	}
	return r
}

func (r *rates) perSecond(n uint64) float64 { return float64(n) / r.elapsed.Seconds() }

// rate prints a rate: small ones with a decimal, large ones as counters.
func rate(v float64, exact bool) string {
	if v < 1000 || exact {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return number(uint64(v), false)
}

// statsRow is a line of the table with what it is sorted by.
type statsRow struct {
	cells   []string
	numbers []float64 // NaN where the cell is a text
	servers []statsRow
}

// cells makes a row of what it is about and its counts; r is nil for all that
// was counted, known tells whether there is a rate.
func newStatsRow(who []string, counts []uint64, r *rates, known, exact bool) statsRow {
	row := statsRow{cells: who}
	for range who {
		row.numbers = append(row.numbers, math.NaN())
	}
	if w, err := strconv.ParseFloat(who[weightColumn], 64); err == nil {
		row.numbers[weightColumn] = w
	}
	for i, n := range counts {
		v, text := float64(n), number(n, exact)
		if r != nil && countsColumns+i != activeColumn {
			if known {
				v = r.perSecond(n)
				text = rate(v, exact)
			} else {
				v, text = math.NaN(), ""
			}
		}
		row.cells, row.numbers = append(row.cells, text), append(row.numbers, v)
	}
	for len(row.cells) < len(statsColumns) { // what servers do not count
		row.cells, row.numbers = append(row.cells, ""), append(row.numbers, math.NaN())
	}
	return row
}

// statsRows makes the rows, a service with its servers each.
func (t *table) statsRows(names *config.Names, exact bool, r *rates) []statsRow {
	var rows []statsRow
	for i := range t.services {
		s := &t.services[i]
		counted, known := s.Stats, true
		if r != nil {
			if counted, known = r.services[s.ID]; !known {
				counted.Active = s.Stats.Active
			}
		}
		row := newStatsRow([]string{s.Name, names.FormatAddr(s.Listen), s.State.String(), s.Mode.String(), s.Scheduler, ""},
			serviceCounts(&counted), r, known, exact)
		for _, srv := range t.servers[s.Name] {
			counted, known := srv.Stats, true
			if r != nil {
				if counted, known = r.servers[srv.ID]; !known {
					counted.Active = srv.Stats.Active
				}
			}
			row.servers = append(row.servers, newStatsRow([]string{"->", names.FormatAddr(srv.Address), srv.State.String(), "", "", u32(srv.Weight)},
				serverCounts(&counted), r, known, exact))
		}
		rows = append(rows, row)
	}
	return rows
}

// sortRows sorts by a column: texts from A to Z, numbers from the largest.
func sortRows(rows []statsRow, column int) {
	slices.SortStableFunc(rows, func(a, b statsRow) int {
		if c := cmp.Compare(b.numbers[column], a.numbers[column]); c != 0 { // NaN is the least
			return c
		}
		if math.IsNaN(a.numbers[column]) {
			return cmp.Compare(a.cells[column], b.cells[column])
		}
		return 0
	})
	for i := range rows {
		sortRows(rows[i].servers, column)
	}
}

// sortColumn finds a column by its title in any case.
func sortColumn(name string) (int, error) {
	var all []string
	for i, c := range statsColumns {
		title := strings.ToLower(c.title)
		if title == strings.ToLower(name) {
			return i, nil
		}
		all = append(all, title)
	}
	hint := "it sorts by " + strings.Join(all, ", ")
	if near := config.Nearest(name, all); near != "" {
		hint = "did you mean \"" + near + "\"?"
	}
	return 0, &usageError{"--sort: unknown column \"" + name + "\"", hint, "sort"}
}

// printStats prints the table; column is by which it is sorted, -1 for not.
func (t *table) printStats(w io.Writer, names *config.Names, exact bool, r *rates, column int) {
	g := grid{cols: slices.Clone(statsColumns)}
	if r != nil {
		for i := range g.cols {
			if i >= countsColumns && i != activeColumn {
				g.cols[i].title += "/S"
			}
		}
	}
	rows := t.statsRows(names, exact, r)
	if column >= 0 {
		sortRows(rows, column)
	}
	for _, row := range rows {
		g.add(row.cells...)
		for _, srv := range row.servers {
			g.add(srv.cells...)
		}
	}
	g.print(w)
}

// perSecond is the rates of counters for JSON; nil if there are none.
func perSecond(r *rates, known bool, all iter.Seq2[genl.Counter, uint64]) map[string]float64 {
	if r == nil || !known {
		return nil
	}
	m := make(map[string]float64)
	for c, n := range all {
		if !c.Gauge {
			m[strings.ReplaceAll(c.Name, "-", "_")] = r.perSecond(n)
		}
	}
	return m
}
