// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/ktcpvs/ktcpvs/internal/tap"
)

// The alert that answers each error; what is no TLS is reset.
var alerts = map[string]byte{
	"record-type": 10, "record-version": 70, "record-empty": 10, "record-length": 22,
	"not-hello": 10, "too-long": 50, "version": 70, "length": 50, "extensions": 50,
	"twice": 47, "sni": 50, "name": 112, "alpn": 50,
}

// The counter of each; all others are bad-hello.
var counters = map[string]string{"not-tls": "not_tls", "too-long": "limit_head", "name": "bad_name"}

type driver struct {
	connect string
	roots   *x509.CertPool
	t       *tap.Writer
	count   map[string]int
}

// patience is for the machine, not for the balancer: nothing here ends by it.
const patience = 60 * time.Second

func drive(args []string) error {
	fs := flag.NewFlagSet("drive", flag.ContinueOnError)
	d := driver{roots: x509.NewCertPool(), t: tap.New(os.Stdout), count: make(map[string]int)}
	var roots, table string
	var slow time.Duration
	fs.StringVar(&d.connect, "connect", "", "address of the service")
	fs.StringVar(&roots, "roots", "", "certificates of the servers")
	fs.StringVar(&table, "table", "", "testdata/tls/hellos.tsv")
	fs.DurationVar(&slow, "slow", 0, "its head timeout; one hello is slower")
	if err := fs.Parse(args); err != nil {
		return err
	}
	pem, err := os.ReadFile(roots)
	if err != nil {
		return err
	}
	if !d.roots.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s: no certificates", roots)
	}
	list, err := readTable(table)
	if err != nil {
		return err
	}
	for _, arg := range fs.Args() {
		want := strings.Split(arg, "=")
		if len(want) == 2 {
			want = append(want, "")
		}
		if len(want) != 3 {
			return fmt.Errorf("%q is not NAME=CERTIFICATE[=PROTOCOL]", arg)
		}
		for _, p := range pieces {
			d.t.Result(fmt.Sprintf("name %q, %s", want[0], p.name), d.handshake(want[0], want[1], want[2], p.cut))
		}
	}
	d.hostile(list)
	if slow > 0 {
		d.t.Result("a slow hello is given up", d.slow(slow))
	}
	for _, k := range slices.Sorted(maps.Keys(d.count)) {
		fmt.Printf("# counted %s %d\n", k, d.count[k])
	}
	if !d.t.Plan() {
		return errors.New("not all as it should be")
	}
	return nil
}

// The ways to send a hello, given as one record.
var pieces = []struct {
	name string
	cut  func(record []byte) [][]byte
}{
	{"in one piece", func(r []byte) [][]byte { return [][]byte{r} }},
	{"byte by byte", func(r []byte) [][]byte { return slices.Collect(slices.Chunk(r, 1)) }},
	{"in records of one byte", func(r []byte) [][]byte { return [][]byte{records(r, 1)} }},
	{"in records of 50 bytes and segments of 33", func(r []byte) [][]byte { return slices.Collect(slices.Chunk(records(r, 50), 33)) }},
	{"cut within its first header", func(r []byte) [][]byte { return [][]byte{r[:3], r[3:7], r[7:]} }},
}

// records are the payload of one record in records of n bytes.
func records(record []byte, n int) []byte {
	var out []byte
	for c := range slices.Chunk(record[5:], n) {
		out = append(out, record[0], record[1], record[2], byte(len(c)>>8), byte(len(c)))
		out = append(out, c...)
	}
	return out
}

// first sends the first write of a connection in pieces.
type first struct {
	net.Conn
	cut func([]byte) [][]byte
}

func (f *first) Write(b []byte) (int, error) {
	if f.cut == nil {
		return f.Conn.Write(b)
	}
	cut := f.cut
	f.cut = nil
	for _, p := range cut(b) {
		if _, err := f.Conn.Write(p); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

func (d *driver) dial() (*net.TCPConn, error) {
	c, err := net.DialTimeout("tcp", d.connect, patience)
	if err != nil {
		return nil, err
	}
	d.count["connections"]++
	return c.(*net.TCPConn), c.SetDeadline(time.Now().Add(patience))
}

// handshake shakes hands, echoes a request, and looks who has answered.
func (d *driver) handshake(name, subject, protocol string, cut func([]byte) [][]byte) error {
	raw, err := d.dial()
	if err != nil {
		return err
	}
	defer raw.Close()
	// The chain is checked below: crypto/tls wants a name for it, and there may
	// be none.
	conf := &tls.Config{ServerName: name, InsecureSkipVerify: true}
	if protocol != "" {
		conf.NextProtos = []string{protocol}
	}
	c := tls.Client(&first{raw, cut}, conf)
	err = c.Handshake()
	d.count["requests"]++
	if subject == "reset" {
		if !errors.Is(err, syscall.ECONNRESET) {
			return fmt.Errorf("not reset: %w", err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	s := c.ConnectionState()
	if _, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: d.roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		return err
	}
	if got := s.PeerCertificates[0].Subject.CommonName; got != subject {
		return fmt.Errorf("%s has answered, not %s", got, subject)
	}
	if s.NegotiatedProtocol != protocol {
		return fmt.Errorf("agreed on %q, not %q", s.NegotiatedProtocol, protocol)
	}
	if protocol != "" && protocol != "http/1.1" {
		return c.Close()
	}
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: "+subject+"\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(answer, []byte("HTTP/1.1 200 ")) || !bytes.Contains(answer, []byte(subject)) {
		return fmt.Errorf("answered %.80q", answer)
	}
	return nil
}

// hostile sends the hellos of the table, each of which nobody answers further.
func (d *driver) hostile(list []hello) {
	good, bad, short := 0, 0, 0
	var failed [3]error
	fail := func(at int, h *hello, format string, args ...any) {
		failed[at] = errors.Join(failed[at], fmt.Errorf("%s: %s", h.name, fmt.Sprintf(format, args...)))
	}
	for i := range list {
		h := &list[i]
		got, err := d.send(h.bytes)
		alert, known := alerts[h.expect]
		switch {
		case strings.HasPrefix(h.expect, "hello"):
			// A server has read it, and says hello or what is wrong.
			good++
			d.count["requests"]++
			// One that closes without reading what follows resets.
			follows := strings.Contains(h.expect, " +") && errors.Is(err, syscall.ECONNRESET)
			if !follows && (len(got) < 7 || got[0] != 22 && got[0] != 21) {
				fail(0, h, "no server has answered: %x, %v", got, err)
			}
		case h.expect == "more" && len(h.bytes) == 0:
			if err != nil || len(got) > 0 {
				fail(1, h, "%x, %v", got, err)
			}
		case h.expect == "more":
			short++
			d.count["bad_hello"]++
			if !isAlert(got, alerts["length"]) {
				fail(1, h, "%x, %v", got, err)
			}
		case h.expect == "not-tls":
			bad++
			d.count["not_tls"]++
			if len(got) > 0 || !errors.Is(err, syscall.ECONNRESET) {
				fail(2, h, "not reset: %x, %v", got, err)
			}
		case known:
			bad++
			counter := counters[h.expect]
			if counter == "" {
				counter = "bad_hello"
			}
			d.count[counter]++
			if !isAlert(got, alert) {
				fail(2, h, "no alert %d: %x, %v", alert, got, err)
			}
		default:
			fail(2, h, "unknown expectation %q", h.expect)
		}
	}
	d.t.Result(fmt.Sprintf("good hellos, %d of them, reach a server", good), failed[0])
	d.t.Result(fmt.Sprintf("what breaks off, %d times, is refused", short), failed[1])
	d.t.Result(fmt.Sprintf("bad hellos, %d of them, are refused", bad), failed[2])
}

func isAlert(got []byte, description byte) bool {
	return bytes.Equal(got, []byte{21, 3, 3, 0, 2, 2, description})
}

// send sends bytes and an end, and reads all that comes.
func (d *driver) send(b []byte) ([]byte, error) {
	c, err := d.dial()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if _, err := c.Write(b); err != nil {
		return nil, err
	}
	// Refused before it was all sent, if it is long.
	if err := c.CloseWrite(); err != nil && !errors.Is(err, syscall.ENOTCONN) {
		return nil, err
	}
	return io.ReadAll(c)
}

// slow sends half of a hello and waits.
func (d *driver) slow(timeout time.Duration) error {
	c, err := d.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	d.count["timeout_head"]++
	if _, err := c.Write([]byte{22, 3, 1, 0, 100, 1, 0, 0, 96, 3, 3}); err != nil {
		return err
	}
	start := time.Now()
	got, err := io.ReadAll(c)
	if len(got) > 0 || err != nil && !errors.Is(err, syscall.ECONNRESET) {
		return fmt.Errorf("%x, %w", got, err)
	}
	// Timers are late by a tick of their wheel at most, and never early.
	if took := time.Since(start); took < timeout*9/10 {
		return fmt.Errorf("after %v of %v", took, timeout)
	}
	return nil
}
