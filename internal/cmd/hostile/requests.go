// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// slot is a service of the balancer with one real server: cases that use
// different slots at the same time do not see each other.
type slot struct {
	vip  string
	rec  *recorder
	opts *options
}

// options is what all cases share.
type options struct {
	client    string        // our address, as servers are told it
	headBytes int           // limits of the services
	target    int           // bytes of a target, 0 = no limit of its own
	wait      time.Duration // for anything that must happen
}

// verdict is what a client is told, and what a server gets, of a message.
type verdict struct {
	status   int  // of the answer; 0: the message is accepted
	atBody   bool // refused in the body: the head has been sent on
	cut      bool // not whole: no answer
	accepted []framed
}

// statuses of refusals that are not 400.
var statuses = map[string]int{
	"uri-too-long": 414, "head-too-large": 431, "too-many-headers": 431,
	"unknown-te": 501, "version-unsupported": 505,
}

var bodyErrors = []string{"bad-chunk", "chunk-ext-too-large", "bad-trailer", "trailer-too-large"}

// framings are the expectations of accepted messages.
var framings = []string{"none", "length", "chunked", "close", "tunnel"}

func isFraming(expect string) bool {
	kind, _, _ := strings.Cut(expect, "+")
	return slices.Contains(framings, kind)
}

// judge tells what must come of a request in the table.
func (o *options) judge(m message) (v verdict, err error) {
	if m.expect == "uri-too-long" && o.target == 0 && len(m.bytes) < o.headBytes {
		m.expect = "none" // the table's limit of targets is not set
	}
	switch {
	case m.expect == "more":
		v.cut = true
		return v, nil
	case slices.Contains(bodyErrors, m.expect):
		v.status, v.atBody = 400, true
		return v, nil
	case !isFraming(m.expect):
		if v.status = statuses[m.expect]; v.status == 0 {
			v.status = 400
		}
		return v, nil
	}
	for rest := m.bytes; len(rest) > 0; {
		var q framed
		if q, rest, err = readRequest(rest); err == errMore && len(v.accepted) > 0 {
			return v, nil // the begin of another one
		}
		if err != nil {
			return v, fmt.Errorf("the table accepts what has no single reading: %w", err)
		}
		if q.method() == "CONNECT" {
			v.status = 501
			return v, nil
		}
		v.accepted = append(v.accepted, q)
	}
	return v, nil
}

// foundInPieces tells whether a refused message that drips in is refused before
// its time is over: a head in pieces is looked at when its end, or what can be
// in no head, is there.
func (o *options) foundInPieces(b []byte) bool {
	return bytes.Contains(b, []byte("\r\n\r\n")) || len(b) >= o.headBytes ||
		bytes.IndexByte(b, 0) >= 0 || bytes.Contains(b, []byte("\n\n")) || b[0] == '\n' ||
		bytes.Contains(bytes.ReplaceAll(b, []byte("\r\n"), nil), []byte("\r"))
}

// refusal checks the answer to a refused message, preceded by good ones.
func refusal(r reply, before int, status int) error {
	methods := slices.Repeat([]string{"GET"}, before+1)
	got, err := r.responses(methods...)
	switch {
	case err != nil:
		return err
	case len(got) != before+1:
		return fmt.Errorf("%d responses, not %d: %v", len(got), before+1, r)
	case got[before].status() != status:
		return fmt.Errorf("status %d, not %d", got[before].status(), status)
	case !slices.Equal(got[before].all("Connection"), []string{"close"}):
		return fmt.Errorf("an answer without Connection: close: %v", r)
	case !r.ended:
		return fmt.Errorf("the connection does not end: %v", r)
	}
	return nil
}

// prelude is a good request before a message, on the same connection.
const prelude = "GET /before HTTP/1.1\r\nHost: a\r\n\r\n"

// smuggled is what an attacker would like to see answered.
const smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

// request runs one message of a table in one way through the balancer.
func (s *slot) request(m message, v verdict, how sending) error {
	b, before := m.bytes, 0
	var want []framed
	switch how.name {
	case "behind a good one":
		b = append([]byte(prelude), b...)
		q, _, _ := readRequest([]byte(prelude))
		want, before = append(want, q), 1
	case "before a good one":
		b = append(bytes.Clone(b), smuggled...)
	}
	// Only an end of ours ends a connection that is kept alive.
	how.fin = v.cut || v.status == 0
	r := exchange(s.vip, b, how, s.opts.wait)
	err := r.err
	switch {
	case err != nil:
	case v.cut:
		if got, e := r.responses(slices.Repeat([]string{"GET"}, before)...); e != nil || len(got) != before {
			err = fmt.Errorf("a message that was cut short was answered: %v", r)
		}
	case v.status != 0:
		err = refusal(r, before, v.status)
	default:
		want = append(want, v.accepted...)
		err = answered(r, want)
	}
	return s.settle(err, want, m.bytes, v)
}

// answered checks that every accepted request got the answer to itself.
func answered(r reply, want []framed) error {
	var methods []string
	for _, q := range want {
		methods = append(methods, q.method())
	}
	got, err := r.responses(methods...)
	if err != nil {
		return err
	}
	if len(got) != len(want) || !r.ended {
		return fmt.Errorf("%d responses, not %d: %v", len(got), len(want), r)
	}
	for i, m := range got {
		start := want[i].forwarded("").start
		if m.status() != 200 || want[i].method() != "HEAD" && m.body != start {
			return fmt.Errorf("response %d is %d with %.200q, not to %.200q", i+1, m.status(), m.body, start)
		}
	}
	return nil
}

// settle checks that a good request works after a case, and that besides it
// exactly the wanted requests reached the server; of m, cut or refused in its
// body, a part that is not whole.
func (s *slot) settle(err error, want []framed, m []byte, v verdict) error {
	g := exchange(s.vip, []byte("GET "+goodTarget+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), sending{}, s.opts.wait)
	got, gerr := g.responses("GET")
	seen := s.rec.take(s.opts.wait)
	switch {
	case err != nil:
		return fmt.Errorf("%w; the server got %s", err, seen)
	case gerr != nil || len(got) != 1 || got[0].body != "GET "+goodTarget+" HTTP/1.1":
		return fmt.Errorf("a good request afterwards: %v (%v)", g, gerr)
	case seen.err != nil:
		return seen.err
	}
	for _, p := range seen.partial {
		if err := partOf(p, m, v, s.opts.client); err != nil {
			return err
		}
	}
	n := len(seen.requests) - 1
	if n < 0 || seen.requests[n].target() != goodTarget || n != len(want) {
		return fmt.Errorf("%d requests were wanted at the server, it got %s", len(want), seen)
	}
	for i, q := range seen.requests[:n] {
		if d := q.differs(want[i].forwarded(s.opts.client)); d != "" {
			return fmt.Errorf("request %d at the server %s", i+1, d)
		}
	}
	return nil
}

// partOf checks that p is a part, not the whole, of what a server may see of m.
func partOf(p, m []byte, v verdict, client string) error {
	if !v.cut && !v.atBody {
		return fmt.Errorf("%.300q of it reached the server", p)
	}
	orig, obody, err := readHead(bytes.TrimLeft(m, "\r\n"))
	if err != nil {
		return fmt.Errorf("%.300q reached the server of a head that is not whole", p)
	}
	head, body, err := readHead(p)
	if err == errMore {
		return nil
	}
	if err != nil {
		return err
	}
	want := orig.forwarded(client)
	if d := head.differs(framed{start: want.start, fields: want.fields}); d != "" {
		return fmt.Errorf("the part at the server %s", d)
	}
	if !bytes.HasPrefix(obody, body) {
		return fmt.Errorf("the server got the body %.200q of %.200q", body, obody)
	}
	return nil
}

func (s seen) String() string {
	var b strings.Builder
	for _, q := range s.requests {
		fmt.Fprintf(&b, "%.200q %.100q; ", q.start, q.body)
	}
	for _, p := range s.partial {
		fmt.Fprintf(&b, "a part %.300q; ", p)
	}
	if s.err != nil {
		fmt.Fprintf(&b, "%v; ", s.err)
	}
	if b.Len() == 0 {
		return "nothing"
	}
	return strings.TrimSuffix(b.String(), "; ")
}
