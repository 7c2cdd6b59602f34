// SPDX-License-Identifier: MIT

// Command hostile sends the messages of testdata/http, and more, through a
// balancer and sees both sides of it: it is the client and, in another network
// namespace, the real servers, which keep every byte that reaches them.
//
// A message that is refused must get its status and the end of its connection,
// and nothing of it may reach a server; one that is refused in its body or cut
// short may do so only as a part that nobody takes for the whole; an accepted one
// must reach it once, with the one reading it has. A response that cannot be
// framed must be a 502 or a visible break for the client, and its connection is
// never used again. After every case a good request must work, and in the end
// the balancer's accounts must balance. The result is TAP.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/tap"
)

// group is one line of the result: the ways in which one message was sent.
type group struct {
	name string
	runs int
	err  error
}

// job is one way.
type job struct {
	*group
	how string
	run func(s *slot) error
	bad int // requests that are counted as refused
}

// plan is all that is to be done.
type plan struct {
	groups []*group
	jobs   []job
	share  float64
	debt   float64
}

func (p *plan) group(name string) *group {
	g := &group{name: name}
	p.groups = append(p.groups, g)
	return g
}

// add adds one way; with share below 1 not every one but the first is done.
func (p *plan) add(g *group, how string, bad int, run func(s *slot) error) {
	if g.runs > 0 {
		if p.debt += p.share; p.debt < 1 {
			return
		}
		p.debt--
	}
	g.runs++
	p.jobs = append(p.jobs, job{g, how, run, bad})
}

// execute runs the jobs, as many at a time as there are slots.
func (p *plan) execute(slots []*slot) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	next := make(chan job)
	for _, s := range slots {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for j := range next {
				if err := j.run(s); err != nil {
					mu.Lock()
					if j.err == nil {
						j.err = fmt.Errorf("%s: %w", j.how, err)
					}
					mu.Unlock()
				}
			}
		}()
	}
	for _, j := range p.jobs {
		next <- j
	}
	close(next)
	wg.Wait()
}

// requests plans every message of a table in every way.
func (p *plan) requests(o *options, kind string, table []message) error {
	for _, m := range table {
		v, err := o.judge(m)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		g := p.group(kind + ": " + m.name)
		bad := 0
		if v.status != 0 && !isFraming(m.expect) {
			bad = 1
		}
		ways := []sending{{name: "whole"}, {name: "behind a good one"}}
		if v.status == 0 || o.foundInPieces(m.bytes) {
			ways = append(ways, sending{name: "in pieces", piece: pieceOf(m.bytes)})
		}
		if v.status != 0 {
			ways = append(ways, sending{name: "before a good one"})
		}
		for _, how := range ways {
			p.add(g, how.name, bad, func(s *slot) error { return s.request(m, v, how) })
		}
	}
	return nil
}

// pieceOf is a byte, but for long messages.
func pieceOf(b []byte) int { return max(1, len(b)/300) }

// cuts plans good messages that end at every byte.
func (p *plan) cuts() {
	for _, text := range []string{
		"POST /cut HTTP/1.1\r\nHost: a\r\nX: y\r\nContent-Length: 20\r\n\r\n01234567890123456789",
		"POST /cut HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX: y\r\n\r\n",
	} {
		q, _, err := readRequest([]byte(text))
		if err != nil {
			panic(err)
		}
		g := p.group("cut at every byte: " + q.kind)
		for n := 1; n < len(text); n++ {
			m, v := message{bytes: []byte(text[:n])}, verdict{cut: true}
			p.add(g, fmt.Sprintf("at %d", n), 0, func(s *slot) error { return s.request(m, v, sending{}) })
		}
	}
}

func (p *plan) responses(kind string, table []message) {
	for _, m := range table {
		status := 0
		if q, _, err := readHead(m.bytes); err == nil {
			status = q.status()
		}
		// CONNECT is refused before; interim responses are cases of their own.
		if m.method == "CONNECT" || status >= 100 && status < 200 && status != 101 {
			continue
		}
		g := p.group(kind + ": " + m.name)
		// What is cut short, or ends with its connection, needs the end.
		fin := m.expect == "more" || m.expect == "close"
		ways := []sending{{name: "whole", fin: fin}}
		switch {
		case strings.Contains(m.expect, "+"):
			// More than was asked for can only be known if it comes in time.
		case fin || isFraming(m.expect):
			ways = append(ways, sending{name: "in pieces", piece: pieceOf(m.bytes), fin: fin})
		default:
			ways = append(ways, sending{name: "whole, with an end", fin: true},
				sending{name: "in pieces, with an end", piece: pieceOf(m.bytes), fin: true})
		}
		for _, how := range ways {
			p.add(g, how.name, 0, func(s *slot) error { return s.response(m, how) })
		}
	}
}

// report prints the results of a plan and returns what was to be refused.
func (p *plan) report(t *tap.Writer) (bad uint64) {
	for _, g := range p.groups {
		t.Result(g.name, g.err)
	}
	for _, j := range p.jobs {
		bad += uint64(j.bad)
	}
	return bad
}

type settings struct {
	data, balancer, servers, vip, server string
	slots                                int
	share                                float64
	factor                               int
	options
}

func main() {
	var c settings
	flag.StringVar(&c.data, "data", "testdata/http", "`directory` of the tables")
	flag.StringVar(&c.balancer, "balancer", "", "network `namespace` of the balancer")
	flag.StringVar(&c.servers, "servers", "", "network `namespace` of the servers")
	flag.StringVar(&c.vip, "vip", "10.1.0.254", "`address` of the services")
	flag.StringVar(&c.server, "server", "10.2.0.1", "`address` of the servers")
	flag.StringVar(&c.client, "client", "10.1.0.1", "our `address`")
	flag.IntVar(&c.slots, "slots", 32, "`number` of services that are used at the same time")
	flag.Float64Var(&c.share, "share", 1, "`share` of the ways to send a message, beside the first")
	flag.IntVar(&c.factor, "factor", 1, "`times` that this machine is slower")
	flag.IntVar(&c.target, "target-limit", 0, "`bytes` of a target that the services accept (0: any)")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "hostile: unexpected argument %q\n", flag.Arg(0))
		os.Exit(2)
	}
	c.headBytes = 16384
	c.wait = time.Duration(c.factor) * 15 * time.Second
	t := tap.New(os.Stdout)
	if err := c.run(context.Background(), t); err != nil {
		fmt.Fprintf(os.Stderr, "hostile: %v\n", err)
		os.Exit(2)
	}
	if !t.Plan() {
		os.Exit(1)
	}
}

func (c *settings) run(ctx context.Context, t *tap.Writer) error {
	k, err := genl.New(genl.WithNetns(c.balancer))
	if err != nil {
		return err
	}
	defer k.Close()
	slots, err := c.services(ctx, k)
	if err != nil {
		return err
	}
	tables := map[string][]message{}
	for _, f := range []string{"requests", "hostile/requests", "responses", "hostile/responses"} {
		if tables[f], err = readTable(c.data+"/"+f+".tsv", strings.HasSuffix(f, "responses")); err != nil {
			return err
		}
	}
	start := time.Now()
	lap := func(what string, p *plan) {
		fmt.Printf("# %s: %d exchanges in %.1f s\n", what, len(p.jobs), time.Since(start).Seconds())
		start = time.Now()
	}

	p := &plan{share: c.share}
	err = p.requests(&c.options, "hostile request", tables["hostile/requests"])
	if err == nil {
		err = p.requests(&c.options, "request", tables["requests"])
	}
	if err != nil {
		return err
	}
	p.cuts()
	p.execute(slots)
	bad := p.report(t)
	lap("requests", p)

	p = &plan{share: c.share}
	p.responses("hostile response", tables["hostile/responses"])
	p.responses("response", tables["responses"])
	for _, e := range exchangeCases() {
		refused := 0
		if !e.want {
			refused = 1
		}
		g := p.group("exchange: " + e.name)
		p.add(g, "once", refused, func(s *slot) error { return s.exchangeCase(e) })
		p.add(g, "twice", refused, func(s *slot) error { return s.exchangeCase(e) })
	}
	p.execute(slots)
	bad += p.report(t)
	lap("responses", p)

	limit := time.Duration(c.factor) * time.Second
	for i := range slots {
		err := k.SetService(ctx, c.name(i), genl.ServiceConfig{Timeouts: genl.TimeoutsConfig{
			Head: &limit, Response: &limit, Body: &limit,
		}})
		if err != nil {
			return err
		}
	}
	p = &plan{share: 1}
	for _, tc := range timedCases(tables["requests"], tables["responses"], limit) {
		p.add(p.group("time: "+tc.name), "once", 0, func(s *slot) error { return s.timed(tc) })
	}
	p.execute(slots)
	bad += p.report(t)
	lap("limits of time", p)
	return c.accounts(ctx, k, t, slots, bad)
}

func (c *settings) name(i int) string { return fmt.Sprintf("hostile-%d", i) }

// services makes a service with a server of its own for every slot.
func (c *settings) services(ctx context.Context, k *genl.Client) (slots []*slot, err error) {
	var at []string
	for i := range c.slots {
		at = append(at, fmt.Sprintf("%s:%d", c.server, 8001+i))
	}
	listeners, err := listenIn(c.servers, at)
	if err != nil {
		return nil, err
	}
	for i, l := range listeners {
		vip, err := netip.ParseAddrPort(fmt.Sprintf("%s:%d", c.vip, 7001+i))
		if err != nil {
			return nil, err
		}
		// Long limits: a byte at a time may take long on a slow machine.
		long := 2 * c.wait
		conf := genl.ServiceConfig{
			Mode: genl.Ptr(genl.ModeHTTP), Scheduler: genl.Ptr("rr"), Listen: &vip,
			Timeouts: genl.TimeoutsConfig{Head: &long, Response: &long, Body: &long},
			Limits: genl.LimitsConfig{
				HeadBytes: genl.Ptr(uint32(c.headBytes)), HeadFields: genl.Ptr[uint32](100),
				Listeners: genl.Ptr[uint32](1), TargetBytes: genl.Ptr(uint32(c.target)),
			},
		}
		if err := k.AddService(ctx, c.name(i), conf); err != nil {
			return nil, err
		}
		if err := k.AddServer(ctx, c.name(i), netip.MustParseAddrPort(at[i]), genl.ServerConfig{}); err != nil {
			return nil, err
		}
		if err := k.StartService(ctx, c.name(i)); err != nil {
			return nil, err
		}
		slots = append(slots, &slot{vip.String(), newRecorder(l), &c.options})
	}
	return slots, nil
}

// accounts compares what the balancer counted with what was done.
func (c *settings) accounts(ctx context.Context, k *genl.Client, t *tap.Writer, slots []*slot, bad uint64) error {
	var refused, sent uint64
	var unbalanced, open error
	total := 0
	for i, s := range slots {
		var v genl.Service
		for end := time.Now().Add(c.wait); ; time.Sleep(50 * time.Millisecond) {
			var err error
			if v, err = k.Service(ctx, c.name(i)); err != nil {
				return err
			}
			if v.Stats.Active == 0 || time.Now().After(end) {
				break
			}
		}
		st := v.Stats
		if st.Active != 0 {
			open = fmt.Errorf("service %d: %d connections are open", i, st.Active)
		}
		if answers := st.Responses2xx + st.Responses3xx + st.Responses4xx + st.Responses5xx; st.Requests != answers+st.Aborted {
			unbalanced = fmt.Errorf("service %d: %d requests, %d responses, %d aborted", i, st.Requests, answers, st.Aborted)
		}
		refused += st.BadRequest + st.LimitHead + st.LimitTarget
		servers, err := k.Servers(ctx, c.name(i))
		if err != nil {
			return err
		}
		for _, srv := range servers {
			sent += srv.Stats.Requests
		}
		s.rec.mu.Lock()
		total += s.rec.total
		s.rec.mu.Unlock()
	}
	t.Result("no connection is open in the end", open)
	t.Result("requests = responses + aborted, in every service", unbalanced)
	var err error
	if refused != bad {
		err = fmt.Errorf("%d requests are counted as refused, %d were to be", refused, bad)
	}
	t.Result(fmt.Sprintf("refused requests are counted (%d)", bad), err)
	err = nil
	if uint64(total) > sent {
		err = fmt.Errorf("servers understood %d requests, %d were sent to them", total, sent)
	}
	t.Result(fmt.Sprintf("no server saw more requests than it was sent (%d)", total), err)
	return nil
}
