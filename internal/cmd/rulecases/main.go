// SPDX-License-Identifier: MIT

// Command rulecases holds the rules of a balancer to testdata/rules and to what
// their actions promise. It is the client and the real servers at once.
//
// Every table of the cases is uploaded with an answer of its own for every rule,
// and every request must get that of the rule it is to meet; one that meets none
// must reach the server. The counters must agree. Every rule that is to be
// refused must be, by its number, and must leave the table as it was. Then come
// the actions, replacement beside traffic, and uploads that are wrong. The result
// is TAP.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/rules"
	"github.com/ktcpvs/ktcpvs/internal/ruleset"
	"github.com/ktcpvs/ktcpvs/internal/tap"
)

const (
	casesPort   = 7001
	actionsPort = 7002
	firstStatus = 450 // of the answer of the first rule of a table
	servers     = 4
	firstServer = 9000
)

type settings struct {
	data, balancer, vip, client string
	replacements                int
	factor                      int
	wait                        time.Duration
	k                           *genl.Client
	t                           *tap.Writer
}

func main() {
	var c settings
	flag.StringVar(&c.data, "data", "testdata/rules/cases.tsv", "`file` of the cases")
	flag.StringVar(&c.balancer, "balancer", "", "network `namespace` of the balancer")
	flag.StringVar(&c.vip, "vip", "10.1.0.254", "`address` of the services")
	flag.StringVar(&c.client, "client", "10.1.0.1", "our `address`, which the servers have too")
	flag.IntVar(&c.replacements, "replacements", 40, "`number` of tables put in place beside traffic")
	flag.IntVar(&c.factor, "factor", 1, "`times` that this machine is slower")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "rulecases: unexpected argument %q\n", flag.Arg(0))
		os.Exit(2)
	}
	c.wait = time.Duration(c.factor) * 15 * time.Second
	c.t = tap.New(os.Stdout)
	if err := c.run(context.Background()); err != nil {
		fmt.Fprintf(os.Stderr, "rulecases: %v\n", err)
		os.Exit(2)
	}
	if !c.t.Plan() {
		os.Exit(1)
	}
}

func (c *settings) run(ctx context.Context) (err error) {
	if c.k, err = genl.New(genl.WithNetns(c.balancer)); err != nil {
		return err
	}
	defer c.k.Close()
	for i := range servers {
		if err := c.serve(i); err != nil {
			return err
		}
	}
	if err := c.service(ctx, "cases", casesPort, true); err != nil {
		return err
	}
	if err := c.service(ctx, "actions", actionsPort, false); err != nil {
		return err
	}
	if err := c.cases(ctx); err != nil {
		return err
	}
	c.actions(ctx)
	c.t.Result("tables are replaced whole beside traffic", c.replace(ctx))
	c.wrong(ctx)
	return nil
}

func (c *settings) server(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(c.client), uint16(firstServer+i))
}

// serve answers every request with the number of the server. It reads the heads
// itself: net/http would not let CONNECT and asterisks pass as they are.
func (c *settings) serve(i int) error {
	l, err := net.Listen("tcp", c.server(i).String())
	if err != nil {
		return err
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				r := bufio.NewReader(conn)
				for {
					head, err := readHead(r)
					if err != nil {
						return
					}
					body := fmt.Sprintf("server %d", i)
					length := fmt.Sprintf("Content-Length: %d\r\n", len(body))
					switch {
					case strings.HasPrefix(head, "HEAD "):
						body = ""
					case strings.HasPrefix(head, "CONNECT "):
						// What follows a 2xx would be a tunnel.
						fmt.Fprintf(conn, "HTTP/1.1 403 no\r\nContent-Length: 0\r\n\r\n")
						continue
					}
					if _, err := fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\n%s\r\n%s", length, body); err != nil {
						return
					}
				}
			}()
		}
	}()
	return nil
}

func readHead(r *bufio.Reader) (string, error) {
	var head strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return "", err
		}
		head.WriteString(line)
		if line == "\r\n" {
			return head.String(), nil
		}
	}
}

func (c *settings) service(ctx context.Context, name string, port uint16, proxy bool) error {
	at := netip.AddrPortFrom(netip.MustParseAddr(c.vip), port)
	conf := genl.ServiceConfig{
		Mode: genl.Ptr(genl.ModeHTTP), Scheduler: genl.Ptr("rr"), Listen: &at,
		Limits: genl.LimitsConfig{Listeners: genl.Ptr[uint32](1)},
	}
	if proxy {
		conf.Trusted = &[]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		conf.AcceptProxy = genl.Ptr(true)
		conf.Allow = genl.Ptr(genl.AllowConnect)
	}
	if err := c.k.AddService(ctx, name, conf); err != nil {
		return err
	}
	for i := range servers {
		if err := c.k.AddServer(ctx, name, c.server(i), genl.ServerConfig{}); err != nil {
			return err
		}
	}
	return c.k.StartService(ctx, name)
}

// set gives a service a table, in a transaction of its own.
func (c *settings) set(ctx context.Context, service string, t *genl.RuleTable) error {
	tx, err := c.k.Begin(ctx, genl.BeginOptions{})
	if err != nil {
		return err
	}
	defer tx.Abort()
	if err := tx.SetRules(ctx, service, t); err != nil {
		return err
	}
	_, err = tx.Commit(ctx)
	return err
}

// response is what came back: 0 and an error for a reset.
type response struct {
	status int
	header http.Header
	body   string
	close  bool // the connection ends after it
}

// ask sends bytes over a connection of its own and reads the response to method.
func (c *settings) ask(port int, method, text string) (response, error) {
	conn, err := net.DialTimeout("tcp", fmt.Sprintf("%s:%d", c.vip, port), c.wait)
	if err != nil {
		return response{}, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(c.wait))
	if _, err := io.WriteString(conn, text); err != nil {
		return response{}, err
	}
	return readResponse(bufio.NewReader(conn), method)
}

func readResponse(r *bufio.Reader, method string) (response, error) {
	resp, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		return response{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return response{resp.StatusCode, resp.Header, string(body), resp.Close}, err
}

// kase is a table of the file, or the requests that follow it.
type kase struct {
	name    string
	table   rules.Table
	want    []uint64 // hits, by rule
	started bool
}

func (c *settings) cases(ctx context.Context) error {
	data, err := os.ReadFile(c.data)
	if err != nil {
		return err
	}
	var (
		k        kase
		failed   error
		requests int
	)
	fail := func(format string, args ...any) {
		if failed == nil {
			failed = fmt.Errorf(format, args...)
		}
	}
	finish := func() {
		if k.started {
			if err := c.listed(ctx, &k); err != nil {
				fail("%w", err)
			}
			c.t.Result("cases: "+k.name, failed)
		}
		failed = nil
	}
	for i, line := range strings.Split(string(data), "\n") {
		columns := strings.Split(line, "\t")
		switch {
		case line == "" || line[0] == '#':
		case columns[0] == "table":
			finish()
			k = kase{name: columns[1]}
		case columns[0] == "rule":
			r := rules.Rule{ID: uint32(i + 1), Name: columns[1]}
			r.Action = rules.Action{Kind: rules.Answer, Status: firstStatus + len(k.table), Body: columns[1]}
			for _, col := range columns[2:] {
				if err := rules.ParseMatch(&r.Match, col); err != nil {
					return fmt.Errorf("line %d: %w", i+1, err)
				}
			}
			// No request in mode http has either, so such a rule never matches.
			if r.Match.SNI == "" && len(r.Match.ALPN) == 0 {
				k.table = append(k.table, r)
			}
		case columns[0] == "request":
			// Only mode tls knows of a name in the handshake.
			if columns[2] == "-" || slices.ContainsFunc(columns, func(c string) bool { return strings.HasPrefix(c, "sni=") || strings.HasPrefix(c, "alpn=") }) {
				continue
			}
			if !k.started {
				k.started = true
				k.want = make([]uint64, len(k.table))
				t, err := ruleset.Table(k.table, nil)
				if err == nil {
					err = c.set(ctx, "cases", t)
				}
				if err != nil {
					fail("%w", err)
				}
			}
			requests++
			if failed == nil {
				if err := c.request(&k, columns); err != nil {
					fail("line %d: %w", i+1, err)
				}
			}
		case columns[0] == "refused":
			c.t.Result("refused: "+columns[1]+": "+strings.Join(columns[2:], " "), c.refused(ctx, columns))
		}
	}
	finish()
	if requests < 200 {
		err = fmt.Errorf("they are %d", requests)
	}
	c.t.Result("200 requests or more", err)
	return nil
}

// request sends one and looks at who answers.
func (c *settings) request(k *kase, columns []string) error {
	want := -1
	for i := range k.table {
		if k.table[i].Name == columns[1] {
			want = i
		}
	}
	method, host, target := columns[2], columns[3], columns[4]
	source, head := "127.0.0.1", &strings.Builder{}
	for _, col := range columns[5:] {
		key, value, _ := strings.Cut(col, "=")
		switch key {
		case "header":
			head.WriteString(value + "\r\n")
		case "source":
			source = value
		}
	}
	family, to, version := "TCP4", "192.0.2.1", "1"
	if strings.Contains(source, ":") {
		family, to = "TCP6", "2001:db8::1"
	}
	if host == "-" {
		version = "0"
	} else {
		fmt.Fprintf(head, "Host: %s\r\n", host)
	}
	text := fmt.Sprintf("PROXY %s %s %s 40000 80\r\n%s %s HTTP/1.%s\r\n%s\r\n", family, source, to, method, target, version, head)
	r, err := c.ask(casesPort, method, text)
	if err != nil {
		return err
	}
	switch {
	case want < 0 && r.status != 200 && (method != "CONNECT" || r.status != 403):
		return fmt.Errorf("it meets a rule: %d %q", r.status, r.body)
	case want < 0:
		return nil
	case r.status != firstStatus+want:
		return fmt.Errorf("it meets another rule: %d %q", r.status, r.body)
	case method != "HEAD" && r.body != columns[1]:
		return fmt.Errorf("the answer is %q", r.body)
	}
	k.want[want]++
	return nil
}

// listed compares what the kernel lists with what it was given, and its counters
// with what was asked.
func (c *settings) listed(ctx context.Context, k *kase) error {
	have, err := c.k.Rules(ctx, "cases")
	if err != nil {
		return err
	}
	// Default rules go last.
	t, err := ruleset.Table(k.table, nil)
	if err != nil {
		return err
	}
	if len(have) != len(t.Rules) {
		return fmt.Errorf("%d rules are listed, not %d", len(have), len(t.Rules))
	}
	hits := map[uint32]uint64{}
	for i := range k.table {
		hits[k.table[i].ID] = k.want[i]
	}
	for i := range have {
		if a, b := fmt.Sprintf("%+v", have[i].Rule), fmt.Sprintf("%+v", t.Rules[i]); a != b {
			return fmt.Errorf("rule %d is listed as %s, not %s", i, a, b)
		}
		if have[i].Hits != hits[have[i].ID] {
			return fmt.Errorf("rule %q has decided %d requests, not %d", have[i].Name, have[i].Hits, hits[have[i].ID])
		}
	}
	return nil
}

// refused uploads a rule that is wrong, past the checks of our own side.
func (c *settings) refused(ctx context.Context, columns []string) error {
	r := rules.Rule{ID: 77, Action: rules.Action{Kind: rules.Reject}}
	for _, col := range columns[2:] {
		if err := rules.ParseMatch(&r.Match, col); err != nil {
			return nil // cannot even be said
		}
	}
	t := ruleset.Unchecked(&r)
	if t == nil {
		return nil // an expression that is none
	}
	tx, err := c.k.Begin(ctx, genl.BeginOptions{})
	if err != nil {
		return err
	}
	defer tx.Abort()
	err = tx.SetRules(ctx, "cases", t)
	if err == nil {
		return fmt.Errorf("it is accepted")
	}
	if !strings.Contains(err.Error(), "77") && !strings.Contains(err.Error(), "network") {
		return fmt.Errorf("the refusal does not name it: %w", err)
	}
	if _, err := tx.Commit(ctx); err == nil || !strings.Contains(err.Error(), "the new rules of") {
		return fmt.Errorf("a commit after it: %v", err)
	}
	return nil
}
