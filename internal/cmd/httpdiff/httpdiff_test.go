// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

// docs/parser.md explains exactly the classes there are, and says of the same
// parsers that they differ.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile("../../../docs/parser.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z0-9.-]+)` \\| ([a-z, ]+) \\|").FindAllSubmatch(text, -1) {
		if _, twice := documented[string(row[1])]; twice {
			t.Errorf("docs/parser.md explains %s twice", row[1])
		}
		documented[string(row[1])] = strings.ReplaceAll(string(row[2]), ",", "")
	}
	for _, c := range classes {
		if got, ok := documented[c.id]; !ok || got != c.peers {
			t.Errorf("docs/parser.md says of class %s %q, here it is %q", c.id, got, c.peers)
		}
		delete(documented, c.id)
	}
	for id := range documented {
		t.Errorf("docs/parser.md explains %s, which is no class", id)
	}
}

// A class must be explained by the message: if our parser refused what is in
// order, no class would accept that, whatever error it gave.
func TestNoClassExplainsTheOrdinary(t *testing.T) {
	ordinary := []message{
		{bytes: []byte("GET /a/b?c=%41 HTTP/1.1\r\nHost: www.example.com:80\r\nConnection: close, x-a\r\nAccept: */*\r\n\r\n")},
		{bytes: []byte("POST http://a/ HTTP/1.1\r\nhost: [::1]\r\nContent-Length: 3\r\n\r\nabc")},
		{bytes: []byte("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=\"y\"\r\nabc\r\n0\r\nX-T: v\r\n\r\n")},
		{bytes: []byte("OPTIONS * HTTP/1.0\r\n\r\n")},
		{bytes: []byte("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n")},
		{response: true, method: "GET", bytes: []byte("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")},
		{response: true, method: "GET", bytes: []byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")},
	}
	errs := strings.Fields("bad-request-line bad-target uri-too-long bad-version version-unsupported bad-status-line bad-header " +
		"bare-cr bare-lf nul obs-fold space-before-colon head-too-large too-many-headers bad-connection bad-length dup-length " +
		"length-and-te bad-te unknown-te no-host dup-host bad-host connect-body bad-chunk chunk-ext-too-large bad-trailer trailer-too-large")
	for _, m := range ordinary {
		theirs := readGo(m)
		if theirs.head != accepted || theirs.body != accepted {
			t.Fatalf("net/http: %s of %s", theirs.String(), escape(m.bytes))
		}
		for _, e := range errs {
			for _, where := range []string{onHead, onBody} {
				ours := theirs
				ours.err = e
				if where == onHead {
					ours.head = refused
				} else {
					ours.body = refused
				}
				for _, p := range parsers {
					if c := explain(&difference{m, walk(m.bytes), where, &ours, &theirs}, p); c != nil {
						t.Errorf("class %s explains %s (%s) of %s", c.id, e, where, escape(m.bytes))
					}
				}
			}
		}
		// Nor does one explain another end of the message or other fields.
		for _, where := range []string{onStart, onFields, onConsumed, onData} {
			if c := explain(&difference{m, walk(m.bytes), where, &theirs, &theirs}, "go"); c != nil {
				t.Errorf("class %s explains %s of %s", c.id, where, escape(m.bytes))
			}
		}
	}
}

func TestCompare(t *testing.T) {
	base := reading{head: accepted, body: accepted, minor: 1, method: "GET", target: "/", consumed: 10,
		fields: []field{{"A", "b"}}}
	for _, tt := range []struct {
		want   string
		change func(r *reading)
	}{
		{"", func(r *reading) {}},
		{onHead, func(r *reading) { r.head = refused }},
		{onHead, func(r *reading) { r.head = incomplete }},
		{onStart, func(r *reading) { r.method = "PUT" }},
		{onStart, func(r *reading) { r.minor = 0 }},
		{onFields, func(r *reading) { r.fields = nil }},
		{onFields, func(r *reading) { r.fields = []field{{"A", "c"}} }},
		{onFraming, func(r *reading) { r.framing = chunked }},
		{onBody, func(r *reading) { r.body = incomplete }},
		{onConsumed, func(r *reading) { r.consumed = 11 }},
		{onData, func(r *reading) { r.bodyHash = 1 }},
	} {
		theirs := base
		tt.change(&theirs)
		if got := strings.Join(compare(&base, &theirs, false), " "); got != tt.want {
			t.Errorf("compare: %q, want %q", got, tt.want)
		}
	}
}

func TestTables(t *testing.T) {
	msgs, err := readTables("../../../testdata/http")
	if err != nil {
		t.Fatal(err)
	}
	all, err := withCorpus(msgs, "../../../testdata/fuzz")
	if err != nil {
		t.Fatal(err)
	}
	if len(msgs) < 500 || len(all) < len(msgs)+1000 {
		t.Errorf("%d messages, %d with the corpus", len(msgs), len(all))
	}
	for _, m := range msgs {
		b, rest, err := unescape(escape(m.bytes), "")
		if err != nil || rest != "" || !bytes.Equal(b, m.bytes) {
			t.Fatalf("%q is escaped to %s", m.bytes, escape(m.bytes))
		}
	}
	for _, bad := range []string{`a	none`, `a	none	\q`, `a	none	\`, `a	none	\xzz`, `a	none	\(3`, `a	none	\(n*x)`, `a	b	c	d`} {
		if m, err := tableLine(bad, false, 3); err == nil && len(m.bytes) > 0 {
			t.Errorf("%q is a message: %q", bad, m.bytes)
		}
	}
}

// The same seed makes the same messages, another one others.
func TestGenerator(t *testing.T) {
	known := []message{{bytes: []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")}}
	all := func(seed uint64) (b []byte) {
		g := newGenerator(seed, known)
		for range 1000 {
			m := g.message()
			b = append(append(b, m.method...), m.bytes...)
		}
		return b
	}
	if !bytes.Equal(all(1), all(1)) || bytes.Equal(all(1), all(2)) {
		t.Error("messages do not follow from the seed")
	}
}

func TestDecode(t *testing.T) {
	var b []byte
	b = append(b, 2, 2, 1, 1, 0xc8, 0, 1, 0)
	for _, n := range []uint64{100, 5, 5, 77} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	for _, s := range []string{"", "GET", "/", "", "Name", "value"} {
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(s))), s...)
	}
	var r reading
	if err := r.decode(b); err != nil {
		t.Fatal(err)
	}
	if r.head != accepted || r.framing != length || r.status != 200 || r.consumed != 100 || r.length != 5 ||
		r.bodyHash != 77 || r.target != "/" || len(r.fields) != 1 || r.fields[0] != (field{"Name", "value"}) {
		t.Errorf("decoded to %s", r.String())
	}
	for n := range b {
		if err := new(reading).decode(b[:n]); err == nil {
			t.Errorf("%d of %d bytes are a reading", n, len(b))
		}
	}
}

// What net/http takes for the heads of scripts/cost, which runs this.
func BenchmarkNetHTTP(b *testing.B) {
	text, err := os.ReadFile("../../../testdata/http/cost.tsv")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		m, err := tableLine(strings.TrimSuffix(line, "\n"), false, 3)
		if err != nil {
			b.Fatal(err)
		}
		name, _, _ := strings.Cut(line, "\t")
		b.Run(name, func(b *testing.B) {
			src := bytes.NewReader(nil)
			br := bufio.NewReader(src)
			for b.Loop() {
				src.Reset(m.bytes)
				br.Reset(src)
				if _, err := http.ReadRequest(br); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
