// SPDX-License-Identifier: MIT

// Command swap measures what a client notices when the whole configuration of a
// namespace is replaced in one transaction. One client of a kept-alive connection
// sends request after request to a service that each configuration has, and
// records the longest time between two answers: while nothing else happens, while
// the changes are staged, in the call that commits them, and in a while after it.
// The changes come from a second process, lest the client wait for its garbage
// collector. It works on the table of the namespace it runs in, where nothing but
// lo is needed, and reports as TAP.
package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/tap"
)

type size struct{ services, servers, rules int }

func main() {
	var n size
	flag.IntVar(&n.services, "services", 1000, "`number` of services")
	flag.IntVar(&n.servers, "servers", 20, "`number` of servers of each")
	flag.IntVar(&n.rules, "rules", 100, "`number` of rules of each")
	rounds := flag.Int("rounds", 3, "`number` of commits")
	most := flag.Duration("most", 0, "fail if the client waits longer in a commit")
	stage := flag.Bool("stage", false, "be the second process")
	flag.Parse()
	if flag.NArg() > 0 || n.services < 1 || n.servers < 1 || n.rules < 1 || *rounds < 1 {
		fmt.Fprintln(os.Stderr, "swap: no arguments, and numbers of at least 1")
		os.Exit(2)
	}
	ctx := context.Background()
	if *stage {
		if err := replace(ctx, n, *rounds); err != nil {
			fmt.Fprintf(os.Stderr, "swap: %v\n", err)
			os.Exit(2)
		}
		return
	}
	t := tap.New(os.Stdout)
	if err := measure(ctx, t, n, *rounds, *most); err != nil {
		fmt.Fprintf(os.Stderr, "swap: %v\n", err)
		os.Exit(2)
	}
	if !t.Plan() {
		os.Exit(1)
	}
}

// now is a clock that processes share.
func now() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(err)
	}
	return ts.Nano()
}

func listens(service int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 1, byte(service >> 8), byte(service)}), 80)
}

// backend is where all servers are that ever get a request: those of service 0.
func backend(server int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 2, byte(server >> 8), byte(server)}), 8000)
}

// addServices makes configuration number v in a transaction. Two that follow each
// other have another weight at every server, and another rule and answer in every
// place but the first, by which the client's requests go.
func addServices(ctx context.Context, tx *genl.Tx, n size, v int) error {
	servers := make([]genl.ServerChange, n.servers)
	for i := range n.services {
		name := fmt.Sprintf("service%d", i)
		listen := listens(i)
		if err := tx.AddService(ctx, name, genl.ServiceConfig{Listen: &listen}); err != nil {
			return err
		}
		for j := range servers {
			servers[j] = genl.ServerChange{Service: name, Address: backend(j), Config: genl.ServerConfig{Weight: genl.Ptr(uint32(1 + (j+v)%9))}}
		}
		if _, err := tx.ChangeServers(ctx, servers); err != nil {
			return err
		}
		if err := tx.SetRules(ctx, name, rules(n, v)); err != nil {
			return err
		}
	}
	return nil
}

const setSize = 4

func rules(n size, v int) *genl.RuleTable {
	t := &genl.RuleTable{}
	for i := 0; i < n.servers; i += setSize {
		set := genl.RuleSet{ID: uint32(i/setSize + 1), Scheduler: "rr"}
		for j := i; j < min(i+setSize, n.servers); j++ {
			set.Servers = append(set.Servers, backend(j))
		}
		t.Sets = append(t.Sets, set)
	}
	for i := range n.rules {
		path := "/mine"
		if i > 0 {
			path = fmt.Sprintf("/version%d/path%d", v, i)
		}
		t.Rules = append(t.Rules, genl.Rule{ID: uint32(i + 1), Set: t.Sets[i%len(t.Sets)].ID, Action: genl.RuleActionServers,
			Match: []genl.Match{
				{What: genl.MatchWhatHost, Op: genl.MatchOpExact, Value: "a.example"},
				{What: genl.MatchWhatPath, Op: genl.MatchOpPrefix, Value: path},
			}})
	}
	return t
}

// replace is the second process. It tells when each thing began.
func replace(ctx context.Context, n size, rounds int) error {
	c, err := genl.New()
	if err != nil {
		return err
	}
	defer c.Close()
	say := func(what string) { fmt.Println(what, now()) }
	for v := 1; v <= rounds; v++ {
		say("staging")
		tx, err := c.Begin(ctx, genl.BeginOptions{})
		if err != nil {
			return err
		}
		defer tx.Abort() //nolint:errcheck // an error here changes nothing any more
		if err := tx.Flush(ctx); err != nil {
			return err
		}
		if err := addServices(ctx, tx, n, v); err != nil {
			return err
		}
		say("commit")
		if _, err := tx.Commit(ctx); err != nil {
			return err
		}
		say("after")
		time.Sleep(300 * time.Millisecond) // what is retired is freed meanwhile
		say("quiet")
	}
	return nil
}

// answer is when one came; gaps are the times between them.
type client struct {
	stop    atomic.Bool
	answers []int64
	err     error
	done    chan struct{}
}

const response = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// serve answers every request on a connection.
func serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			b, have := make([]byte, 4096), 0
			for {
				n, err := c.Read(b[have:])
				if err != nil {
					return
				}
				if have += n; !bytes.HasSuffix(b[:have], []byte("\r\n\r\n")) {
					continue
				}
				have = 0
				if _, err := io.WriteString(c, response); err != nil {
					return
				}
			}
		}()
	}
}

// run sends requests until it is stopped, one after the other.
func (c *client) run() {
	defer close(c.done)
	conn, err := net.Dial("tcp", listens(0).String())
	if err != nil {
		c.err = err
		return
	}
	defer conn.Close()
	b := make([]byte, 4096)
	for !c.stop.Load() {
		if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			c.err = err
			return
		}
		if _, err := io.WriteString(conn, "GET /mine HTTP/1.1\r\nHost: a.example\r\n\r\n"); err != nil {
			c.err = err
			return
		}
		have := 0
		for !bytes.HasSuffix(b[:have], []byte("\r\n\r\nok")) {
			n, err := conn.Read(b[have:])
			if err != nil {
				c.err = fmt.Errorf("request %d: %w, after %q", len(c.answers)+1, err, b[:have])
				return
			}
			have += n
		}
		if !bytes.HasPrefix(b[:have], []byte("HTTP/1.1 200 ")) {
			c.err = fmt.Errorf("request %d: answer %q", len(c.answers)+1, b[:have])
			return
		}
		c.answers = append(c.answers, now())
	}
}

// phase is a time in which the second process did one thing.
type phase struct {
	name     string
	from, to int64
}

// longest returns the longest gap that touches a phase, and the answers in it.
func (c *client) longest(p phase) (gap time.Duration, answers int) {
	for i := 1; i < len(c.answers); i++ {
		if c.answers[i] < p.from || c.answers[i-1] > p.to {
			continue
		}
		gap = max(gap, time.Duration(c.answers[i]-c.answers[i-1]))
		if c.answers[i] <= p.to {
			answers++
		}
	}
	return gap, answers
}

func measure(ctx context.Context, t *tap.Writer, n size, rounds int, most time.Duration) error {
	k, err := genl.New()
	if err != nil {
		return err
	}
	defer k.Close()
	for i := range n.servers {
		l, err := net.Listen("tcp", backend(i).String())
		if err != nil {
			return err
		}
		defer l.Close()
		go serve(l)
	}
	if err := k.Flush(ctx); err != nil {
		return err
	}
	defer k.Flush(ctx) //nolint:errcheck // the namespace ends with the test
	tx, err := k.Begin(ctx, genl.BeginOptions{})
	if err != nil {
		return err
	}
	defer tx.Abort() //nolint:errcheck // likewise
	if err := addServices(ctx, tx, n, 0); err != nil {
		return err
	}
	if _, err := tx.Commit(ctx); err != nil {
		return err
	}
	for i := range n.services { // all of them run
		if err := k.StartService(ctx, fmt.Sprintf("service%d", i)); err != nil {
			return err
		}
	}
	before, err := k.Info(ctx)
	if err != nil {
		return err
	}

	c := &client{done: make(chan struct{}), answers: make([]int64, 0, 1<<20)}
	began := now()
	go c.run()
	time.Sleep(500 * time.Millisecond)
	phases, err := second(n, rounds)
	c.stop.Store(true)
	<-c.done
	t.Result("the configuration is replaced", err)
	t.Result(fmt.Sprintf("every one of %d requests on one connection is answered", len(c.answers)), c.err)
	if err != nil || c.err != nil {
		return nil
	}
	phases = append([]phase{{"quiet", began, phases[0].from}}, phases...)
	fmt.Printf("# %d services, %d servers, %d rules; %d commits\n", n.services, n.services*n.servers, n.services*n.rules, rounds)
	fmt.Printf("# %-9s%12s%14s%10s\n", "", "lasts", "longest gap", "answers")
	for _, name := range []string{"quiet", "staging", "commit", "after"} {
		var lasts, gap time.Duration
		var answers int
		for _, p := range phases {
			if p.name != name {
				continue
			}
			g, a := c.longest(p)
			lasts, gap, answers = max(lasts, time.Duration(p.to-p.from)), max(gap, g), answers+a
		}
		fmt.Printf("# %-9s%9.1f ms%11.1f ms%10d\n", name, float64(lasts)/1e6, float64(gap)/1e6, answers)
		if name == "commit" && most > 0 {
			var err error
			if gap > most {
				err = fmt.Errorf("the client waited for %v in a commit of %v", gap, lasts)
			}
			t.Result("no pause in a commit", err)
		}
	}
	t.Result("the tables are those of the last commit", last(ctx, k, n, rounds))
	after, err := k.Info(ctx)
	if err == nil && after.Generation != before.Generation+uint32(rounds) {
		err = fmt.Errorf("generation %d after %d", after.Generation, before.Generation)
	}
	t.Result("each of them was one step", err)
	return nil
}

// last makes sure that all rules are those of configuration v.
func last(ctx context.Context, k *genl.Client, n size, v int) error {
	list, err := k.Rules(ctx, "")
	if err != nil {
		return err
	}
	of := fmt.Sprintf("/version%d/", v)
	for _, r := range list {
		if r.ID > 1 && !strings.HasPrefix(r.Match[1].Value, of) {
			return fmt.Errorf("service %s has a rule for %s", r.Service, r.Match[1].Value)
		}
	}
	if len(list) != n.services*n.rules {
		return fmt.Errorf("%d rules", len(list))
	}
	return nil
}

// second runs the second process and returns what it did when.
func second(n size, rounds int) ([]phase, error) {
	cmd := exec.Command("/proc/self/exe", "-stage", fmt.Sprint("-services=", n.services), fmt.Sprint("-servers=", n.servers),
		fmt.Sprint("-rules=", n.rules), fmt.Sprint("-rounds=", rounds))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, stderr.String())
	}
	var phases []phase
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		var p phase
		if _, err := fmt.Sscan(s.Text(), &p.name, &p.from); err != nil {
			return nil, fmt.Errorf("%q: %w", s.Text(), err)
		}
		if i := len(phases) - 1; i >= 0 {
			phases[i].to = p.from
		}
		phases = append(phases, p)
	}
	if len(phases) != 4*rounds {
		return nil, fmt.Errorf("it told %q", out)
	}
	return phases[:len(phases)-1], nil
}
