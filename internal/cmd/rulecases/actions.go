// SPDX-License-Identifier: MIT

// What rules do: sets, redirects, answers, resets; tables put in place beside
// traffic; uploads that are wrong.

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/rules"
	"github.com/ktcpvs/ktcpvs/internal/ruleset"
)

func prefix(p string) rules.Match {
	return rules.Match{Path: rules.Path{Kind: rules.Prefix, Value: p}}
}

func use(set string) rules.Action { return rules.Action{Kind: rules.UseSet, Set: set} }

// sets are one of the first two servers in turn, and one of the third alone.
func (c *settings) sets() []ruleset.Set {
	return []ruleset.Set{
		{Name: "two", RuleSet: genl.RuleSet{ID: 10, Scheduler: "rr", Servers: []netip.AddrPort{c.server(0), c.server(1)}}},
		{Name: "one", RuleSet: genl.RuleSet{ID: 20, Scheduler: "wlc", Servers: []netip.AddrPort{c.server(2)}}},
	}
}

func (c *settings) table() rules.Table {
	regex := rules.Match{Path: rules.Path{Kind: rules.Regex, Value: "^/users/[0-9]+$"}}
	return rules.Table{
		{ID: 1, Name: "two", Match: prefix("/two"), Action: use("two")},
		{ID: 2, Name: "one", Match: prefix("/one"), Action: use("one")},
		{ID: 3, Name: "away", Match: prefix("/away"), Action: rules.Action{Kind: rules.Redirect, Status: 307, Location: "$scheme://$host:81/x$path$query&$$"}},
		{ID: 4, Name: "fixed", Match: prefix("/fixed"), Action: rules.Action{Kind: rules.Answer, Status: 404, Body: "not here\n"}},
		{ID: 5, Name: "empty", Match: prefix("/empty"), Action: rules.Action{Kind: rules.Answer, Status: 204}},
		{ID: 6, Name: "reset", Match: prefix("/reset"), Action: rules.Action{Kind: rules.Reject}},
		{ID: 7, Name: "users", Match: regex, Action: use("one")},
		{ID: 8, Name: "default", Action: use("two")},
	}
}

func (c *settings) put(ctx context.Context, t rules.Table) error {
	g, err := ruleset.Table(t, c.sets())
	if err != nil {
		return err
	}
	return c.set(ctx, "actions", g)
}

func (c *settings) get(target string) (response, error) {
	return c.ask(actionsPort, "GET", "GET "+target+" HTTP/1.1\r\nHost: WWW.Example.com.:80\r\n\r\n")
}

// who counts the servers that answer n requests.
func (c *settings) who(target string, n int) (map[string]int, error) {
	m := map[string]int{}
	for range n {
		r, err := c.get(target)
		if err != nil {
			return nil, err
		}
		if r.status != 200 {
			return nil, fmt.Errorf("%s: %d %q", target, r.status, r.body)
		}
		m[r.body]++
	}
	return m, nil
}

func (c *settings) expect(target, want string) error {
	m, err := c.who(target, 4)
	if err == nil && fmt.Sprint(m) != want {
		err = fmt.Errorf("%s: %v", target, m)
	}
	return err
}

const (
	bothOf  = "map[server 0:2 server 1:2]"
	theOne  = "map[server 2:4]"
	allFour = "map[server 0:1 server 1:1 server 2:1 server 3:1]"
)

func (c *settings) actions(ctx context.Context) {
	r := c.t.Result
	r("without rules all servers serve", c.expect("/two", allFour))
	r("a table with every action is accepted", c.put(ctx, c.table()))
	r("a set of two, by its own scheduler", c.expect("/two/x", bothOf))
	r("a set of one", c.expect("/one", theOne))
	r("a set by an expression", c.expect("/users/123", theOne))
	r("the default goes last", c.expect("/users/x", bothOf))
	r("a redirect", c.redirect())
	r("a fixed answer, with GET and HEAD", c.fixed())
	r("an answer and a request go on over one connection", c.pipelined())
	r("a rejected request is reset", c.reset())
	r("the counters tell so", c.counted(ctx, "map[away:3 default:4 empty:2 fixed:3 one:4 reset:1 two:5 users:4]"))

	turned := c.table()
	for i := range turned[:4] {
		turned[i], turned[6-i] = turned[6-i], turned[i]
	}
	turned[0].ID = 99 // users, now another
	r("the rules in another order", c.put(ctx, turned))
	r("counters go with the numbers", c.counted(ctx, "map[away:3 default:4 empty:2 fixed:3 one:4 reset:1 two:5 users:0]"))
	r("a set goes on with its servers", c.expect("/two/x", bothOf))

	r("a server without weight", c.k.SetServer(ctx, "actions", c.server(2), genl.ServerConfig{Weight: genl.Ptr[uint32](0)}))
	resp, err := c.get("/one")
	if err == nil && resp.status != 503 {
		err = fmt.Errorf("%d %q", resp.status, resp.body)
	}
	r("leaves its set without any: 503", err)
	r("... and takes work again", errors.Join(c.k.SetServer(ctx, "actions", c.server(2), genl.ServerConfig{Weight: genl.Ptr[uint32](1)}), c.expect("/one", theOne)))
	err = c.k.DeleteServer(ctx, "actions", c.server(2))
	if errors.Is(err, genl.ErrBusy) && strings.Contains(err.Error(), c.server(2).String()) {
		err = nil
	} else {
		err = fmt.Errorf("deleted: %v", err)
	}
	r("a server that a rule names cannot be deleted", err)
	r("... one that none names can", c.k.DeleteServer(ctx, "actions", c.server(3)))
	r("counters begin anew", errors.Join(c.k.ZeroService(ctx, "actions"), c.counted(ctx, "map[away:0 default:0 empty:0 fixed:0 one:0 reset:0 two:0 users:0]")))
	r("sets are listed", c.setsListed(ctx))
	s, err := c.k.Service(ctx, "actions")
	if err == nil && s.Rules != 8 {
		err = fmt.Errorf("it tells of %d rules", s.Rules)
	}
	r("the service tells how many rules there are", err)
	r("a table without rules", c.set(ctx, "actions", &genl.RuleTable{}))
	r("... is none", c.expect3())
}

// expect3 is what three servers without rules do.
func (c *settings) expect3() error {
	m, err := c.who("/one", 6)
	if err == nil && fmt.Sprint(m) != "map[server 0:2 server 1:2 server 2:2]" {
		err = fmt.Errorf("%v", m)
	}
	return err
}

func (c *settings) redirect() error {
	for _, tc := range []struct{ target, want string }{
		{"/away/a?b=c", "http://www.example.com:81/x/away/a?b=c&$"},
		{"/away?", "http://www.example.com:81/x/away?&$"},
		{"http://OTHER.example/away", "http://other.example:81/x/away&$"},
	} {
		r, err := c.get(tc.target)
		if err != nil {
			return err
		}
		if r.status != 307 || r.header.Get("Location") != tc.want || r.body != "" {
			return fmt.Errorf("%s: %d %v", tc.target, r.status, r.header)
		}
	}
	return nil
}

func (c *settings) fixed() error {
	r, err := c.get("/fixed")
	if err != nil {
		return err
	}
	if r.status != 404 || r.body != "not here\n" || r.header.Get("Content-Type") != "text/plain" {
		return fmt.Errorf("%d %v %q", r.status, r.header, r.body)
	}
	r, err = c.ask(actionsPort, "HEAD", "HEAD /fixed HTTP/1.1\r\nHost: a\r\n\r\n")
	if err != nil {
		return err
	}
	if r.status != 404 || r.header.Get("Content-Length") != "9" {
		return fmt.Errorf("HEAD: %d %v", r.status, r.header)
	}
	r, err = c.get("/empty")
	if err == nil && (r.status != 204 || r.header.Get("Content-Length") != "") {
		err = fmt.Errorf("204: %d %v", r.status, r.header)
	}
	return err
}

func (c *settings) pipelined() error {
	conn, err := net.DialTimeout("tcp", fmt.Sprintf("%s:%d", c.vip, actionsPort), c.wait)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(c.wait))
	text := "GET /fixed HTTP/1.1\r\nHost: a\r\n\r\nGET /two HTTP/1.1\r\nHost: a\r\n\r\n" +
		"POST /empty HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /one HTTP/1.1\r\nHost: a\r\n\r\n"
	if _, err := io.WriteString(conn, text); err != nil {
		return err
	}
	in := bufio.NewReader(conn)
	for _, want := range []int{404, 200, 204} {
		r, err := readResponse(in, "GET")
		if err != nil {
			return fmt.Errorf("instead of %d: %w", want, err)
		}
		if r.status != want {
			return fmt.Errorf("%d, not %d", r.status, want)
		}
		if r.close != (want == 204) {
			return fmt.Errorf("behind %d the connection ends: %v", want, r.close)
		}
	}
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("behind the last answer: %v", err)
	}
	return nil
}

func (c *settings) reset() error {
	if r, err := c.get("/reset"); !errors.Is(err, syscall.ECONNRESET) {
		return fmt.Errorf("%d %q %w", r.status, r.body, err)
	}
	return nil
}

func (c *settings) counted(ctx context.Context, want string) error {
	list, err := c.k.Rules(ctx, "actions")
	if err != nil {
		return err
	}
	m := map[string]uint64{}
	for _, r := range list {
		m[r.Name] = r.Hits
	}
	if fmt.Sprint(m) != want {
		return fmt.Errorf("%v", m)
	}
	return nil
}

func (c *settings) setsListed(ctx context.Context) error {
	list, err := c.k.RuleSets(ctx, "")
	if err != nil {
		return err
	}
	var have, want []genl.RuleSet
	for _, s := range list {
		have = append(have, s.RuleSet)
	}
	for _, s := range c.sets() {
		want = append(want, s.RuleSet)
	}
	if fmt.Sprint(have) != fmt.Sprint(want) {
		return fmt.Errorf("%v", have)
	}
	return nil
}

// replace puts two tables in place by turns while requests go on, and every
// request must be answered by one of them.
func (c *settings) replace(ctx context.Context) error {
	a := rules.Table{
		{ID: 1, Name: "x", Match: prefix("/x"), Action: use("two")},
		{ID: 2, Name: "y", Match: prefix("/y"), Action: use("one")},
		{ID: 3, Name: "z", Action: use("two")},
	}
	b := rules.Table{
		{ID: 3, Name: "z", Match: prefix("/z"), Action: use("one")},
		{ID: 1, Name: "x", Match: prefix("/x"), Action: use("two")},
		{ID: 2, Name: "y", Action: use("one")},
	}
	if err := c.put(ctx, a); err != nil {
		return err
	}
	if err := c.k.ZeroService(ctx, "actions"); err != nil {
		return err
	}
	var (
		wg     sync.WaitGroup
		done   atomic.Bool
		asked  atomic.Uint64
		failed atomic.Pointer[error]
	)
	for i := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			target, one := "/x", false
			if i%2 == 1 {
				target, one = "/y", true
			}
			for !done.Load() {
				r, err := c.get(target)
				if err == nil && (r.status != 200 || (r.body == "server 2") != one) {
					err = fmt.Errorf("%s: %d %q", target, r.status, r.body)
				}
				if err != nil {
					failed.CompareAndSwap(nil, &err)
					return
				}
				asked.Add(1)
			}
		}()
	}
	var err error
	for i := 0; i < c.replacements && err == nil; i++ {
		err = c.put(ctx, []rules.Table{b, a}[i%2])
	}
	done.Store(true)
	wg.Wait()
	if f := failed.Load(); f != nil {
		err = errors.Join(err, *f)
	}
	if err != nil {
		return err
	}
	list, err := c.k.Rules(ctx, "actions")
	var hits uint64
	for _, r := range list {
		hits += r.Hits
	}
	if err == nil && hits != asked.Load() {
		err = fmt.Errorf("%d requests, and rules have decided %d", asked.Load(), hits)
	}
	if err == nil && hits == 0 {
		err = errors.New("there was no traffic")
	}
	return err
}

// wrong uploads what no table is; nothing may change.
func (c *settings) wrong(ctx context.Context) {
	before, err := c.k.Rules(ctx, "actions")
	c.t.Result("there is a table", err)
	good, err := ruleset.Table(c.table(), c.sets())
	if err != nil {
		c.t.Result("a table", err)
		return
	}
	reject := genl.Rule{ID: 1, Action: genl.RuleActionReject}
	blob := good.Automata[0].Bytes
	damaged := func(at int, v byte) *genl.RuleTable {
		b := append([]byte(nil), blob...)
		b[at] = v
		t := *good
		t.Automata = []genl.Automaton{{Input: genl.AutomatonInputPath, Bytes: b}}
		return &t
	}
	unknown := netip.AddrPortFrom(netip.MustParseAddr(c.client), 9999)
	for _, tc := range []struct {
		name, want string
		t          *genl.RuleTable
	}{
		{"an automaton of another kind", "automaton 0 is wrong: magic", damaged(0, 1)},
		{"an automaton with too many states", "automaton 0 is wrong", damaged(8, 0xff)},
		{"an automaton that leads nowhere", "automaton 0 is wrong: transition", damaged(28+256+40, 0xff)},
		{"an automaton cut short", "automaton 0 is wrong: size", &genl.RuleTable{Expressions: 1, Automata: []genl.Automaton{{Bytes: blob[:len(blob)-4]}}}},
		{"an automaton too small", "no automaton has 4 bytes", &genl.RuleTable{Automata: []genl.Automaton{{Bytes: blob[:4]}}}},
		{"too many automata", "at most 64 automata", &genl.RuleTable{Expressions: 1, Automata: repeat(genl.Automaton{Bytes: blob}, 65)}},
		{"an automaton too large", "have at most 16777216", &genl.RuleTable{Automata: []genl.Automaton{{Bytes: make([]byte, 16<<20+4)}}}},
		{"a set that is not there", "there is no set of this number", &genl.RuleTable{Rules: []genl.Rule{{ID: 1, Set: 3}}}},
		{"a set without servers", "set 3 has no servers", &genl.RuleTable{Sets: []genl.RuleSet{{ID: 3}}}},
		{"sets out of order", "set 2 comes after set 3", &genl.RuleTable{Sets: []genl.RuleSet{{ID: 3, Servers: []netip.AddrPort{c.server(0)}}, {ID: 2}}}},
		{"an unknown scheduler", "there is no scheduler \"x\"", &genl.RuleTable{Sets: []genl.RuleSet{{ID: 3, Scheduler: "x"}}}},
		{"a server that is none of the service", "use " + unknown.String() + ": missing", &genl.RuleTable{Sets: []genl.RuleSet{{ID: 3, Servers: []netip.AddrPort{unknown}}}, Rules: []genl.Rule{reject}}},
		{"a server twice in a set", "has " + c.server(0).String() + " twice", &genl.RuleTable{Sets: []genl.RuleSet{{ID: 3, Servers: []netip.AddrPort{c.server(0), c.server(0)}}}, Rules: []genl.Rule{reject}}},
		{"two rules of one number", "two rules have the number 1", &genl.RuleTable{Rules: []genl.Rule{reject, reject}}},
		{"an expression without its automaton", "its automaton or number does not fit it", &genl.RuleTable{Rules: []genl.Rule{{ID: 1, Action: genl.RuleActionReject, Match: []genl.Match{{What: genl.MatchWhatPath, Op: genl.MatchOpRegex, Value: "a"}}}}}},
		{"a redirect to nowhere", "no URI, or an unknown $variable", &genl.RuleTable{Rules: []genl.Rule{{ID: 1, Action: genl.RuleActionRedirect, Status: 301, Location: "/$nothing"}}}},
		{"a redirect that ends the line", "no URI, or an unknown $variable", &genl.RuleTable{Rules: []genl.Rule{{ID: 1, Action: genl.RuleActionRedirect, Status: 301, Location: "/\r\nX: y"}}}},
		{"a redirect with another status", "a redirect is 301", &genl.RuleTable{Rules: []genl.Rule{{ID: 1, Action: genl.RuleActionRedirect, Status: 200, Location: "/"}}}},
		{"a rule without number", "out of range", &genl.RuleTable{Rules: []genl.Rule{{Action: genl.RuleActionReject}}}},
		{"a name with a space", "a name is printable ASCII", &genl.RuleTable{Rules: []genl.Rule{{ID: 1, Name: "a b", Action: genl.RuleActionReject}}}},
	} {
		err := c.set(ctx, "actions", tc.t)
		switch {
		case err == nil:
			err = errors.New("it is accepted")
		case strings.Contains(err.Error(), tc.want):
			err = nil
		}
		c.t.Result("wrong: "+tc.name, err)
	}
	after, err := c.k.Rules(ctx, "actions")
	if err == nil && fmt.Sprint(after) != fmt.Sprint(before) {
		err = errors.New("the table is another")
	}
	c.t.Result("nothing of it has changed the table", err)
	c.t.Result("and good ones are taken", c.put(ctx, c.table()))
}

func repeat(a genl.Automaton, n int) (list []genl.Automaton) {
	for range n {
		list = append(list, a)
	}
	return list
}
