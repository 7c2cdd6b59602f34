// SPDX-License-Identifier: MIT

package top

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ktcpvs/ktcpvs/genl"
)

// row is one line of the table: a service, or one of its servers.
type row struct {
	service *Service
	server  *Server // nil: the service itself
	last    bool    // last server of its service
	folded  bool
}

// rowKey names a row across frames. Ids are never reused by the kernel.
type rowKey struct {
	service  uint32
	server   uint32
	isServer bool
}

func (r row) key() rowKey {
	if r.server == nil {
		return rowKey{service: r.service.ID}
	}
	return rowKey{r.service.ID, r.server.ID, true}
}

func (r row) rates() Rates {
	if r.server == nil {
		return r.service.Rates
	}
	return r.server.Rates
}

// tone is what a cell wants to say beside its text; the theme has the colours.
type tone int

const (
	tonePlain tone = iota
	toneDim        // nothing going on
	toneGood
	toneWarn
	toneBad
	toneAccent
)

// column is one column of the table, for the screen and for batch mode.
type column struct {
	title string
	width int
	left  bool
	// text of a cell, and its tone.
	cell func(r row, g glyphs) (string, tone)
	// order compares two rows of the same kind; numbers sort from the largest.
	order func(a, b row) int
}

// numeric makes a column of numbers.
func numeric(title string, w int, value func(r row) float64, text func(r row) string) column {
	return column{
		title: title, width: w,
		order: func(a, b row) int { return cmp.Compare(value(b), value(a)) },
		cell: func(r row, _ glyphs) (string, tone) {
			s := text(r)
			if s == "0" || s == "-" {
				return s, toneDim
			}
			return s, tonePlain
		},
	}
}

func number(title string, w int, value func(r row) uint64) column {
	return numeric(title, w, func(r row) float64 { return float64(value(r)) }, func(r row) string { return count(value(r)) })
}

func perSecond(title string, w int, value func(Rates) float64) column {
	return numeric(title, w, func(r row) float64 { return value(r.rates()) },
		func(r row) string { return rate(r.rates().Known, value(r.rates())) })
}

// alarm turns a column of errors red while errors happen.
func alarm(c column) column {
	plain := c.cell
	c.cell = func(r row, g glyphs) (string, tone) {
		s, t := plain(r, g)
		if r.rates().Errors > 0 {
			t = toneBad
		}
		return s, t
	}
	return c
}

// pick reads a number from a service or from a server.
func pick(s func(*Service) uint64, v func(*Server) uint64) func(row) uint64 {
	return func(r row) uint64 {
		if r.server == nil {
			return s(r.service)
		}
		return v(r.server)
	}
}

// columns of the table, in order.
var columns = []column{
	{title: "SERVICE / SERVER", left: true, cell: nil, order: orderName}, // drawn by nameCell
	{title: "STATE", width: 8, left: true, cell: stateCell, order: orderState},
	{
		title: "WEIGHT", width: 6,
		cell: func(r row, _ glyphs) (string, tone) {
			if r.server == nil {
				return "", tonePlain
			}
			return strconv.FormatUint(uint64(r.server.Weight), 10), tonePlain
		},
		order: func(a, b row) int { return cmp.Compare(b.weight(), a.weight()) },
	},
	number("ACTIVE", 6, pick(func(s *Service) uint64 { return s.Stats.Active }, func(v *Server) uint64 { return v.Stats.Active })),
	number("IDLE", 5, pick(func(s *Service) uint64 { return s.Idle }, func(v *Server) uint64 { return v.Stats.Idle })),
	perSecond("CONN/s", 6, func(r Rates) float64 { return r.Connections }),
	perSecond("REQ/s", 6, func(r Rates) float64 { return r.Requests }),
	perSecond("IN/s", 6, func(r Rates) float64 { return r.In }),
	perSecond("OUT/s", 6, func(r Rates) float64 { return r.Out }),
	alarm(perSecond("ERR/s", 5, func(r Rates) float64 { return r.Errors })),
	alarm(number("ERRORS", 6, pick(func(s *Service) uint64 { return s.Errors }, func(v *Server) uint64 { return v.Errors }))),
	number("REQUESTS", 8, pick(func(s *Service) uint64 { return s.Stats.Requests }, func(v *Server) uint64 { return v.Stats.Requests })),
	{title: "SHARE", width: 13, left: true, cell: shareCell, order: func(a, b row) int { return cmp.Compare(b.share(), a.share()) }},
}

// Columns by their place in the table above.
const (
	colName = iota
	colState
	colWeight
	colActive
	colIdle
	colConns
	colReqs
	colIn
	colOut
	colErrRate
	colErrors
	colRequests
	colShare
)

// byNeed lists the columns as a growing width takes them in.
var byNeed = []int{colState, colReqs, colActive, colWeight, colIn, colOut, colErrors, colErrRate, colShare, colConns, colIdle, colRequests}

// weight of a server; of a service the sum, to order by.
func (r row) weight() uint64 {
	if r.server != nil {
		return uint64(r.server.Weight)
	}
	sum := uint64(0)
	for i := range r.service.Servers {
		sum += uint64(r.service.Servers[i].Weight)
	}
	return sum
}

func (r row) share() float64 {
	if r.server == nil {
		return r.service.Share
	}
	return r.server.Share
}

func shareCell(r row, g glyphs) (string, tone) {
	if r.share() == 0 {
		return "", toneDim
	}
	s := fmt.Sprintf("%s %3.0f%%", g.bar(r.share(), 8), r.share()*100)
	if r.server == nil {
		return s, toneDim
	}
	return s, toneAccent
}

func stateCell(r row, _ glyphs) (string, tone) {
	if r.server != nil {
		switch r.server.State {
		case genl.ServerStateUp:
			return r.server.State.String(), toneGood
		case genl.ServerStateFallback:
			return r.server.State.String(), toneDim
		}
		return r.server.State.String(), toneWarn
	}
	switch r.service.State {
	case genl.ServiceStateRunning:
		return r.service.State.String(), toneGood
	case genl.ServiceStateDraining:
		return r.service.State.String(), toneWarn
	default:
		return r.service.State.String(), toneDim
	}
}

func orderState(a, b row) int {
	if a.server != nil {
		return cmp.Compare(a.server.State, b.server.State)
	}
	// Running, draining, stopped: what lives comes first.
	alive := []genl.ServiceState{genl.ServiceStateStopped, genl.ServiceStateDraining, genl.ServiceStateRunning}
	return cmp.Compare(slices.Index(alive, b.service.State), slices.Index(alive, a.service.State))
}

func orderName(a, b row) int {
	if a.server != nil {
		return a.server.Address.Compare(b.server.Address)
	}
	return cmp.Compare(a.service.Name, b.service.Name)
}

// nameCell writes as much of a row's name as fits.
func nameCell(r row, w int, g glyphs) string {
	if r.server != nil {
		lead := g.branch
		if r.last {
			lead = g.last
		}
		return fit(lead+r.server.Address.String(), w, false, g)
	}
	lead := g.open
	if r.folded {
		lead = g.closed
	}
	s := r.service
	full := lead + s.Name
	for _, more := range []string{
		fmt.Sprintf("  %s  %s %s", s.Listen, s.Mode, s.Scheduler),
		fmt.Sprintf("  %s", s.Listen),
		fmt.Sprintf("  :%d", s.Listen.Port()),
	} {
		if width(full)+width(more) <= w {
			full += more
			break
		}
	}
	return fit(full, w, false, g)
}

// selection says which rows there are, and in which order.
type selection struct {
	sort    int // index into columns
	reverse bool
	filter  string
	folded  map[uint32]bool // services whose servers are hidden
}

// rows picks, orders and folds. A filter keeps the servers whose address holds
// the text and the services whose name does, these with all their servers.
func rows(f *Frame, sel selection) []row {
	if f == nil {
		return nil
	}
	order := func(a, b row) int {
		n := columns[sel.sort].order(a, b)
		if sel.reverse {
			n = -n
		}
		if n == 0 {
			n = orderName(a, b)
		}
		return n
	}
	var services []row
	for i := range f.Services {
		services = append(services, row{service: &f.Services[i], folded: sel.folded[f.Services[i].ID]})
	}
	slices.SortStableFunc(services, order)
	needle := strings.ToLower(sel.filter)
	var out []row
	for _, s := range services {
		whole := strings.Contains(strings.ToLower(s.service.Name), needle)
		var servers []row
		for k := range s.service.Servers {
			v := &s.service.Servers[k]
			if whole || strings.Contains(v.Address.String(), needle) {
				servers = append(servers, row{service: s.service, server: v})
			}
		}
		if !whole && len(servers) == 0 {
			continue
		}
		out = append(out, s)
		if s.folded {
			continue
		}
		slices.SortStableFunc(servers, order)
		if len(servers) > 0 {
			servers[len(servers)-1].last = true
		}
		out = append(out, servers...)
	}
	return out
}
