// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ktcpvs/ktcpvs/internal/traffic"
)

// options is the command line of the driver.
type options struct {
	connect     string
	mode        string
	clients     int
	total       traffic.Size
	count       int64
	size        traffic.Range
	direction   string
	client      traffic.Shape
	server      traffic.Shape
	verdict     bool
	request     []string
	response    []string
	perConn     int
	expect      int
	host        string
	path        string
	idle        time.Duration
	timeout     time.Duration
	report      time.Duration
	allowBroken bool
	seed        uint64
}

// driver runs the clients and adds up what they see.
type driver struct {
	options
	run uint64

	next                  atomic.Int64 // exchanges begun
	budget                atomic.Int64 // bytes still to be moved, when total is set
	conns, exchanges      atomic.Int64
	up, down              atomic.Int64
	wrong, silent, broken atomic.Int64
	mu                    sync.Mutex
	first                 error
	cancel                context.CancelFunc
	stderr                io.Writer
}

// driveSummary is the last line a driver prints.
type driveSummary struct {
	Event       string  `json:"event"`
	Mode        string  `json:"mode"`
	Clients     int     `json:"clients"`
	Connections int64   `json:"connections"`
	Exchanges   int64   `json:"exchanges"`
	BytesUp     int64   `json:"bytes_up"`
	BytesDown   int64   `json:"bytes_down"`
	Seconds     float64 `json:"seconds"`
	Wrong       int64   `json:"wrong"`
	Truncated   int64   `json:"truncated"`
	Broken      int64   `json:"broken"`
	Seed        uint64  `json:"seed"`
	First       string  `json:"first_error,omitempty"`
}

func driveMain(args []string, stdout, stderr io.Writer) error {
	o := options{size: traffic.Range{Max: 1 << 20}}
	var request, response traffic.List
	var wmax, rmax, swmax, srmax, wrate, rrate, swrate, srrate traffic.Size
	var halfClose bool
	fs := flag.NewFlagSet("pattern drive", flag.ContinueOnError)
	fs.StringVar(&o.connect, "connect", "", "address of the relay, host:port")
	fs.StringVar(&o.mode, "mode", "tcp", "tcp or http, as the server")
	fs.IntVar(&o.clients, "clients", 1, "clients at the same time")
	fs.Var(&o.total, "total", "bytes to move in all, both directions together (0: --count decides)")
	fs.Int64Var(&o.count, "count", 0, "exchanges in all (default: one a client, unless --total is given)")
	fs.Var(&o.size, "size", "size of a body, or a range of them: 1G, 0-1M")
	fs.StringVar(&o.direction, "direction", "both", "bodies go up, down or both")
	fs.Var(&wmax, "write-max", "largest write; sizes are random from 1 byte to it (0: as large as possible)")
	fs.Var(&rmax, "read-max", "largest read, likewise")
	fs.Var(&wrate, "write-rate", "bytes a second the client writes (0: no limit)")
	fs.Var(&rrate, "read-rate", "bytes a second the client reads")
	fs.Var(&swmax, "server-write-max", "the same for the server's side")
	fs.Var(&srmax, "server-read-max", "")
	fs.Var(&swrate, "server-write-rate", "")
	fs.Var(&srrate, "server-read-rate", "")
	fs.BoolVar(&halfClose, "server-half-close", false, "mode tcp: the server ends its direction as soon as it has sent it, instead of saying at the end what it got")
	fs.Var(&request, "request", "mode http: framings of the request: length, chunked (default: all)")
	fs.Var(&response, "response", "mode http: framings of the response: length, chunked, close, trailer (default: the first three)")
	fs.IntVar(&o.perConn, "per-conn", 50, "mode http: a connection carries a random number of requests up to this")
	fs.IntVar(&o.expect, "expect", 0, "mode http: percent of the requests with a body that ask with Expect: 100-continue")
	fs.StringVar(&o.host, "host", "pattern.test", "mode http: the Host header")
	fs.StringVar(&o.path, "path", "/pattern", "mode http: the path")
	fs.DurationVar(&o.idle, "idle", time.Minute, "longest wait for one read or write")
	fs.DurationVar(&o.timeout, "timeout", 0, "give up after this time (0: never)")
	fs.DurationVar(&o.report, "report", 0, "say how far it is every so often, on standard error")
	fs.BoolVar(&o.allowBroken, "allow-broken", false, "visible breaks (reset, error status, end inside a framed body) are counted and do not fail the run")
	fs.Uint64Var(&o.seed, "seed", 0, "repeat the choices of a run (0: choose one)")
	if err := parse(fs, args, stderr); err != nil {
		return err
	}
	o.client = traffic.Shape{WriteMax: int(wmax), ReadMax: int(rmax), WriteRate: int64(wrate), ReadRate: int64(rrate)}
	o.server = traffic.Shape{WriteMax: int(swmax), ReadMax: int(srmax), WriteRate: int64(swrate), ReadRate: int64(srrate)}
	o.verdict, o.request, o.response = !halfClose, request, response
	if err := o.check(); err != nil {
		return err
	}
	d := &driver{options: o, stderr: stderr}
	sum := d.drive()
	(&traffic.Lines{W: stdout}).Emit(sum)
	return d.verdictOf(sum)
}

func (o *options) check() error {
	if o.connect == "" {
		return usagef("drive: --connect is missing")
	}
	if o.mode != "tcp" && o.mode != "http" {
		return usagef("drive: --mode %q: tcp or http", o.mode)
	}
	switch o.direction {
	case "up", "down", "both":
	default:
		return usagef("drive: --direction %q: up, down or both", o.direction)
	}
	if o.clients < 1 || o.perConn < 1 {
		return usagef("drive: --clients and --per-conn are at least 1")
	}
	if o.total > 0 && o.size.Max == 0 {
		return usagef("drive: --total with empty bodies would never end")
	}
	if o.count == 0 && o.total == 0 {
		o.count = int64(o.clients)
	}
	if len(o.request) == 0 {
		o.request = []string{"length", "chunked"}
	}
	if len(o.response) == 0 {
		o.response = []string{"length", "chunked", "close"}
	}
	for _, f := range o.request {
		if f != "length" && f != "chunked" {
			return usagef("drive: --request %q: length or chunked", f)
		}
	}
	for _, f := range o.response {
		if f != "length" && f != "chunked" && f != "close" && f != "trailer" {
			return usagef("drive: --response %q: length, chunked, close or trailer", f)
		}
	}
	if o.seed == 0 {
		o.seed = rand.Uint64() >> 11 // exact in a JSON number
	}
	return nil
}

func (d *driver) drive() driveSummary {
	// Runs differ even with a repeated seed, so that a server that sees two of
	// them does not take the second for a repetition.
	d.run = rand.Uint64()
	d.budget.Store(int64(d.total))
	ctx, cancel := context.WithCancel(context.Background())
	if d.timeout > 0 {
		ctx, cancel = context.WithTimeoutCause(ctx, d.timeout, fmt.Errorf("not done after %v", d.timeout))
	}
	defer cancel()
	d.cancel = cancel
	start := time.Now()
	if d.report > 0 {
		go d.progress(ctx, start)
	}
	var wg sync.WaitGroup
	for i := range d.clients {
		wg.Add(1)
		go func() {
			defer wg.Done()
			d.client(ctx, i)
		}()
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil && err != context.Canceled {
		d.fail(fmt.Errorf("%v", err))
	}
	sum := driveSummary{
		Event: "summary", Mode: d.mode, Clients: d.clients, Connections: d.conns.Load(),
		Exchanges: d.exchanges.Load(), BytesUp: d.up.Load(), BytesDown: d.down.Load(),
		Seconds: time.Since(start).Seconds(), Wrong: d.wrong.Load(), Truncated: d.silent.Load(),
		Broken: d.broken.Load(), Seed: d.seed,
	}
	if d.first != nil {
		sum.First = d.first.Error()
	}
	return sum
}

func (d *driver) verdictOf(s driveSummary) error {
	if s.Wrong+s.Truncated > 0 || s.Broken > 0 && !d.allowBroken {
		return d.first
	}
	return nil
}

func (d *driver) progress(ctx context.Context, start time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(d.report):
			fmt.Fprintf(d.stderr, "pattern drive: %.0f s, %d exchanges, %d MiB up, %d MiB down\n",
				time.Since(start).Seconds(), d.exchanges.Load(), d.up.Load()>>20, d.down.Load()>>20)
		}
	}
}

// fail counts a failure, and stops everything unless it is allowed.
func (d *driver) fail(err error) {
	k := classify(err)
	switch k {
	case fine:
		return
	case broken:
		d.broken.Add(1)
	case silent:
		d.silent.Add(1)
	case wrong:
		d.wrong.Add(1)
	}
	d.mu.Lock()
	d.first = worse(d.first, err)
	d.mu.Unlock()
	if k > broken || !d.allowBroken {
		d.cancel()
	}
}

// nextExchange picks the next pair of bodies, or says that it is enough.
func (d *driver) nextExchange(rng *traffic.Rand) (exchange, bool) {
	if d.total > 0 && d.budget.Load() <= 0 {
		return exchange{}, false
	}
	n := d.next.Add(1)
	if d.count > 0 && n > d.count {
		return exchange{}, false
	}
	pick := func() int64 { return int64(d.size.Min) + rng.N(int64(d.size.Max-d.size.Min)+1) }
	x := exchange{Run: d.run, ID: uint64(n - 1), Server: d.server, Verdict: d.mode == "tcp" && d.verdict}
	if d.direction != "down" {
		x.Up = pick()
	}
	if d.direction != "up" {
		x.Down = pick()
	}
	d.budget.Add(-x.Up - x.Down)
	return x, true
}

func (d *driver) client(ctx context.Context, i int) {
	rng := traffic.NewRand(d.seed + uint64(i)*1000003)
	buf := [2][]byte{make([]byte, bufferSize), make([]byte, bufferSize)}
	var h httpClient
	defer h.close()
	for ctx.Err() == nil {
		x, ok := d.nextExchange(&rng)
		if !ok {
			return
		}
		var err error
		if d.mode == "tcp" {
			err = d.exchangeTCP(ctx, x, buf)
		} else {
			err = d.exchangeHTTP(ctx, &h, x, &rng, buf)
		}
		if err == nil {
			d.exchanges.Add(1)
			continue
		}
		if ctx.Err() != nil {
			return // our own end broke it
		}
		d.fail(fmt.Errorf("client %d: %w", i, err))
		time.Sleep(time.Millisecond) // where breaks are allowed, do not spin on them
	}
}

// dial connects, and closes the connection when the run ends early.
func (d *driver) dial(ctx context.Context, seed uint64) (*traffic.Conn, func(), error) {
	dialer := net.Dialer{Timeout: d.idle}
	c, err := dialer.DialContext(ctx, "tcp", d.connect)
	if err != nil {
		return nil, nil, err
	}
	d.conns.Add(1)
	stop := context.AfterFunc(ctx, func() { traffic.Reset(c) })
	return traffic.NewConn(c, d.options.client, d.idle, seed), func() { stop(); c.Close() }, nil
}

func (d *driver) exchangeTCP(ctx context.Context, x exchange, buf [2][]byte) error {
	c, done, err := d.dial(ctx, d.seed^x.ID<<8)
	if err != nil {
		return fmt.Errorf("stream %d: %w", x.ID, err)
	}
	defer done()
	sent := make(chan error, 1)
	go func() {
		err := send(c, magic+x.encode()+"\n", x, traffic.Up, plain, buf[0], &d.up)
		if err == nil {
			err = c.CloseWrite()
		}
		sent <- err
	}()
	err = d.receiveTCP(c, x, buf[1])
	if err != nil {
		traffic.Reset(c.Conn)
	}
	return worse(err, <-sent)
}

func (d *driver) receiveTCP(c io.Reader, x exchange, buf []byte) error {
	if !x.Verdict {
		return receive(c, x, traffic.Down, buf, &d.down)
	}
	if err := receive(io.LimitReader(c, x.Down), x, traffic.Down, buf, &d.down); err != nil {
		return err
	}
	got, err := io.ReadAll(io.LimitReader(c, 64))
	want := fmt.Sprintf("ok %d\n", x.Up)
	switch {
	case err != nil:
		return fmt.Errorf("%s: waiting for the server's verdict: %w", x.stream(traffic.Down), err)
	case string(got) == want:
		return nil
	case len(got) < len(want) && want[:len(got)] == string(got):
		return fmt.Errorf("the server's verdict is missing: %w",
			truncated{x.stream(traffic.Down), x.Down + int64(len(got)), x.Down + int64(len(want))})
	default:
		return fmt.Errorf("%s: the server's verdict is %q, expected %q", x.stream(traffic.Down), got, want)
	}
}
