// SPDX-License-Identifier: MIT

package genl_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/mdlayher/genetlink"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/genl/genlfake"
)

// answering is a rule, so that requests end without a server.
var answering = &genl.RuleTable{Rules: []genl.Rule{{
	ID: 7, Match: []genl.Match{{What: genl.MatchWhatPath, Op: genl.MatchOpPrefix, Value: "/no"}},
	Action: genl.RuleActionAnswer, Status: 404,
}}}

// asked is what the log has to say of two requests: the first is answered by the
// rule, for the second there is no server. How long they took it does not say.
func asked(client netip.AddrPort, connection genl.ConnectionID, in, out [2]int) []genl.LogRecord {
	records := make([]genl.LogRecord, 2)
	for i := range records {
		records[i] = genl.LogRecord{
			Connection: connection, Service: "web", Mode: genl.ModeHTTP, Client: client, Minor: 1,
			Method: "GET", Target: fmt.Sprintf("/no?%d", i), Host: "log.test", Referer: "r", UserAgent: "u",
			BytesIn: uint64(in[i]), BytesOut: uint64(out[i]),
		}
	}
	records[0].Rule, records[0].Status = 7, 404
	records[1].Target, records[1].Status, records[1].Cause = "/1", 503, genl.CauseNoServer
	return records
}

// ask makes the requests, over one connection.
func ask(t *testing.T, to netip.AddrPort) []genl.LogRecord {
	t.Helper()
	conn, err := net.Dial("tcp", to.String())
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	count := &counting{r: conn}
	r := bufio.NewReader(count)
	var in, out [2]int
	for i, target := range []string{"/no?0", "/1"} {
		in[i], err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: log.test\r\nReferer: r\r\nUser-Agent: u\r\n\r\n", target)
		must(t, err)
		resp, err := http.ReadResponse(r, nil)
		must(t, err)
		_, err = io.Copy(io.Discard, resp.Body)
		must(t, err)
		out[i] = count.n - r.Buffered()
	}
	out[1] -= out[0]
	return asked(conn.LocalAddr().(*net.TCPAddr).AddrPort(), 0, in, out)
}

type counting struct {
	r io.Reader
	n int
}

func (c *counting) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += n
	return n, err
}

// TestLogOfKernels holds the log of the fake kernel and that of the real one to the
// same records.
func TestLogOfKernels(t *testing.T) {
	check := func(t *testing.T, dial genl.Dialer, ask func() []genl.LogRecord) {
		c, ctx := client(t, dial), within(t)
		must(t, c.AddService(ctx, "web", listen(web)))
		tx, err := c.Begin(ctx, genl.BeginOptions{})
		must(t, err)
		must(t, tx.SetRules(ctx, "web", answering))
		_, err = tx.Commit(ctx)
		must(t, err)
		must(t, c.StartService(ctx, "web"))
		l, err := c.Log(ctx)
		must(t, err)
		defer l.Close()

		// A second round begins where the first has ended.
		next := map[uint32]uint64{}
		for range 2 {
			began := time.Now()
			want := ask()
			var got []genl.LogRecord
			for len(got) < len(want) {
				b, err := l.Next(ctx)
				must(t, err)
				if n, ok := next[b.CPU]; ok && b.First != n || b.Lost != 0 || b.Overrun || len(b.Records) == 0 {
					t.Errorf("got %+v, want number %d next", b, n)
				}
				next[b.CPU] = b.First + uint64(len(b.Records))
				got = append(got, b.Records...)
			}
			connection := got[0].Connection
			for i := range got {
				r := &got[i]
				if r.Time.Before(began.Add(-time.Second)) || r.Time.After(time.Now().Add(time.Second)) || r.TotalTime < 0 || r.TotalTime > time.Minute {
					t.Errorf("at %v for %v, after %v", r.Time, r.TotalTime, began)
				}
				if r.Connection == 0 || r.Connection != connection {
					t.Errorf("connection %v after %v", r.Connection, connection)
				}
				r.Time, r.TotalTime, r.Connection = time.Time{}, 0, 0
			}
			for i := range want {
				want[i].Time, want[i].TotalTime, want[i].Connection = time.Time{}, 0, 0
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		}

		// Nothing more comes, and an end is an end.
		short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		defer cancel()
		if b, err := l.Next(short); err == nil {
			t.Errorf("got %+v more", b)
		} else {
			wants(t, err, context.DeadlineExceeded)
		}
		must(t, l.Close())
		_, err = l.Next(ctx)
		wants(t, err, genl.ErrClosed)
	}
	t.Run("fake", func(t *testing.T) {
		k := genlfake.New()
		var first uint64
		check(t, k.Dial, func() []genl.LogRecord {
			records := asked(two, 0xabc0001, [2]int{70, 66}, [2]int{100, 101})
			for i := range records {
				records[i].Time = time.Now()
			}
			k.Log(1, first, records...)
			first += uint64(len(records))
			return records
		})
	})
	if os.Getenv(kernelEnv) == "" {
		return
	}
	t.Run("real", func(t *testing.T) {
		flush := func() { must(t, client(t, genetlink.Dial).Flush(context.Background())) }
		flush()
		t.Cleanup(flush)
		check(t, genetlink.Dial, func() []genl.LogRecord { return ask(t, web) })
	})
}
