// SPDX-License-Identifier: MIT

// Messages made from a grammar, with the spellings on which parsers differ
// among its words, and mutations of them and of the tables' messages. The same
// seed makes the same messages on every machine.

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
)

type generator struct {
	*rand.Rand
	known []message
}

func newGenerator(seed uint64, known []message) *generator {
	return &generator{rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)), known}
}

func (g *generator) pick(words []string) string { return words[g.IntN(len(words))] }

// chance is true once in n times.
func (g *generator) chance(n int) bool { return g.IntN(n) == 0 }

var (
	goodMethods = []string{"GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "PROPFIND"}
	oddMethods  = []string{"CONNECT", "TRACE", "get", "FOO", "G3T", "M-SEARCH", "PRI", "SOURCE", "X!#$%&'*+-.^_`|~",
		"", "GE T", "G\x00T", "GET\t", strings.Repeat("A", 33), "\xc3\xa4", "(GET)", "G:T", "QUERY"}
	goodTargets = []string{"/", "/a", "/a/b?c=d", "/%41?x=%zz", "/index.html", "*", "http://a/", "http://a:80/x?y", "a:443"}
	oddTargets  = []string{"", "//", "/\x7f", "/a b", "/#f", "/a#b?c", "/\xc3\xa4", "/%zz", "/%4", "?", "a", "a/b", "/\"<>",
		"/\\", "/{}|^`", "/a?b\"<>", "/[", "http://", "http:///x", "http://u:p@a/", "http://a:99999/", "http://a#f", "HTTP://A",
		"https://a/", "ftp://a/", "http://[::1]/", "http://[::g]/", "http://a%41/", "[::1]:443", "a", "a:", ":443", "a:0", "**", "/\x01",
		"http:/x", "http:x", "/\t", "//host/x", "/:80", "http://a?q", "http://a:/", "/a;b=c", "0", "-", "/%", "http://a\\b/", "http://a,b/"}
	goodVersions = []string{"HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0"}
	oddVersions  = []string{"HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "HTTP/1.10", "HTTP/1", "HTTP/1.", "HTTP/01.1", "http/1.1", "HTTP/9.9",
		"HTTP/3.0", "HTTP/1,1", "HTTP /1.1", "", "HTTP/1.1 ", " HTTP/1.1", "HTTP/-1.1", "RTSP/1.0", "ICE/1.0", "HTTP/1.1\t", "HTTP/1.9"}
	goodStatus = []string{"200 OK", "200 OK", "404 Not Found", "204 No Content", "304 Not Modified", "301 ", "500 A\tB", "206 Partial Content"}
	oddStatus  = []string{"100 Continue", "101 Switching Protocols", "103 Early Hints", "200", "200  ", "20 OK", "2000 OK", "099 x", "999 x",
		"600 x", "+20 x", "200OK", "200\tOK", " 200 OK", "-10 x", "0x1 x", "200 \x00", "200 \x7f", "200 \xff", "000 x", "1000", "", "20a x", "205 Reset Content"}

	hosts = []string{"Host: a", "Host: a", "Host: a", "Host: a", "host: www.example.com:8080", "HOST:[::1]:80", "Host: a.b."}
	lines = []string{"User-Agent: x/1.0", "Accept: */*", "Accept-Encoding: gzip, deflate", "Cookie: a=b; c=d", "X-Empty:", "X-Empty: ",
		"X-A: b", "X-A: c", "Connection: keep-alive", "Connection: close", "Keep-Alive: timeout=5", "Cache-Control: no-cache",
		"Pragma: no-cache", "Date: Thu, 01 Jan 1970 00:00:00 GMT", "ETag: \"x\"", "X-Text: \xe9t\xe9", "x-lower: 1", "X_Under: 1",
		"Expect: 100-continue", "TE: trailers", "Trailer: X-T", "Via: 1.1 x", "Referer: http://b/", "X-Space:   v   ", "X-Tab:\tv\t",
		"Set-Cookie: a=b", "Set-Cookie: c=d", "Location: /", "WWW-Authenticate: Basic", "X-Forwarded-For: 10.0.0.1",
		"Upgrade: websocket", "Connection: upgrade", "Connection: Upgrade, x-a", "Upgrade: h2c", "If-None-Match: *", "Content-Type: text/plain"}
	oddLines = []string{"Host: b", "Host:", "Host: a b", "Host: a,b", "Host: u@a", "Host: a:b", "Host: a:99999", "Host: [::1", "Host: a/b",
		"Host: a?b", "Host: a#b", "Host: %41", "Host: \xc3\xa4", "Host:\ta", "Host: a\t", "Host: a:", "Host: a:0", "Host: :80", "Host: \"a\"", "Host: a;b",
		"Host : a", " Host: a", "\tX: y", " folded", "X-A : b", "X-A\t: b", ": v", "novalue", "X A: b", "X(A): b", "X-A\x00: b", "X-A: b\x00c",
		"X-A: b\x01c", "X-A: b\x7fc", "X-A: b\rc", "X-A: b\nc", "X-A: b\r", "X\xc3\xa4: b", "X-A: b\r\n c", "X-A: b\r\n\tc", "X-A:\r\n b", "X-A: \x0b", "X-A: \x0cb",
		"Content_Length: 5", "Transfer_Encoding: chunked", "Content-Length : 5", "Transfer-Encoding : chunked", "X\"A: b", "X/A: b", "{}: b", "@: b",
		"Connection: content-length", "Connection: transfer-encoding", "Connection: host", "Connection: a b", "Connection: ,", "Connection: \"close\"",
		"Connection: close\r\nConnection: keep-alive", "Trailer: Content-Length", "Trailer: Host", "Trailer:", "Pragma:", "X-Long: " + strings.Repeat("v", 300)}
	lengths = []string{"5", "0", "1", "10", "3"}
	oddLen  = []string{"+5", "-5", "5 ", " 5", "\t5", "5\t", "05", "0x5", "5,5", "5, 5", "5 5", "", "a", "5a", "9223372036854775807",
		"9223372036854775808", "18446744073709551616", "18446744073709551615", "5.0", "5;", "\"5\"", "٥", "5\x00", "00000000000000000000005", "99999999999999999999", "5_0", "5\r\nContent-Length: 5",
		"5\r\nContent-Length: 6", "5\r\ncontent-length:\t5"}
	codings = []string{"chunked", "chunked", "Chunked", " chunked "}
	oddTE   = []string{"gzip", "identity", "chunked, chunked", "gzip, chunked", "chunked, gzip", "chunked,", ",chunked", "", "\tchunked", "chunked\t",
		"chunked;q=1", "\"chunked\"", "xchunked", "chunkedx", "chunk", "chunked\r\nTransfer-Encoding: chunked", "chunked\r\nTransfer-Encoding: gzip", "gzip\r\nTransfer-Encoding: chunked",
		"chunked\x0b", "chun\x00ked", "trailers", "deflate,chunked", "chunked\r\nTransfer-Encoding: identity", "identity, chunked", "CHUNKED ", "chunked chunked", "\x0bchunked"}
	sizes    = []string{"5", "5", "A", "a", "1", "05", "10"}
	oddSizes = []string{"+5", "-5", "0x5", " 5", "5 ", "\t5", "5\t", "", "g", "5g", "5;", "5;a", "5;a=b", "5;a=\"b\"", "5 ;a=b", "5; a=b", "5;a=\"b;c", "5;\x00", "5;\n", "5;\r",
		"7fffffffffffffff", "8000000000000000", "ffffffffffffffff", "fffffffffffffffff", "10000000000000005", "0000000000000005", "00000000000000005", "5.", "5,", "5;a\xff", "5;;", "5;=", "5;a=b=c", "5;a b",
		"5;" + strings.Repeat("x", 1100)}
	trailers = []string{"", "", "", "", "X-T: v\r\n", "X-T: v\r\nX-U: w\r\n", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Host: b\r\n", "X-T : v\r\n", " X: v\r\n", "X-T: v\n", "novalue\r\n",
		"X-T: a\r\n b\r\n", "Cookie: a\r\n", "X-Forwarded-For: a\r\n", "X-T: \x00\r\n", "X-T: a\rb\r\n", ": v\r\n", "Set-Cookie: x\r\n", "X(T: v\r\n", "X-T:\r\n", "Trailer: a\r\n", "Content_Length: 1\r\n"}
	ends  = []string{"\n", "\r", "\r\r\n", "\n\r", " \r\n", "\t\r\n", ""}
	spice = []string{"\r\n", "\n", "\r", "\r\n\r\n", "\n\n", " ", "\t", ":", ",", ";", "\x00", "\x0b", "\x0c", "\x7f", "\x80", "\xff", "0", "-", "+", "0x", "_", "%", "?", "#", "[", "]", "\"", "/", "\\", "@",
		"Host: b\r\n", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Connection: close\r\n", "X-A: b\r\n", "HTTP/1.0", "HTTP/1.1", "GET ", "5\r\nhello\r\n", "0\r\n\r\n", "a: b\r\n", "\r\n ", "204", "101"}
)

// odd takes from the second list once in n times.
func (g *generator) odd(n int, good, bad []string) string {
	if g.chance(n) {
		return g.pick(bad)
	}
	return g.pick(good)
}

func (g *generator) message() (m message) {
	switch g.IntN(4) {
	case 0:
		m = g.known[g.IntN(len(g.known))]
		m.bytes = bytes.Clone(m.bytes[:min(len(m.bytes), 4000)])
		m.bytes = g.mutate(m.bytes, 1+g.IntN(3), m.response)
	case 1:
		m = g.grammar()
		m.bytes = g.mutate(m.bytes, 1+g.IntN(2), m.response)
	default:
		m = g.grammar()
	}
	return m
}

func (g *generator) grammar() (m message) {
	var b bytes.Buffer
	nl := func() string {
		if g.chance(150) {
			return g.pick(ends)
		}
		return "\r\n"
	}
	m.response = g.chance(2)
	if m.response {
		m.method = g.pick([]string{"GET", "GET", "GET", "POST", "HEAD", "CONNECT"})
		fmt.Fprintf(&b, "%s %s%s", g.odd(25, goodVersions, oddVersions), g.odd(6, goodStatus, oddStatus), nl())
	} else {
		if g.chance(40) {
			b.WriteString(g.pick([]string{"\r\n", "\r\n\r\n", "\n", "\r\n\r\n\r\n", " ", "\r"}))
		}
		sp := " "
		if g.chance(60) {
			sp = g.pick([]string{"  ", "\t", "", " \t", "\x0b"})
		}
		method := g.odd(12, goodMethods, oddMethods)
		target := g.odd(8, goodTargets, oddTargets)
		if method == "CONNECT" && g.chance(2) {
			target = "a:443"
		}
		fmt.Fprintf(&b, "%s%s%s %s%s", method, sp, target, g.odd(25, goodVersions, oddVersions), nl())
	}
	var head []string
	if !m.response && !g.chance(15) {
		head = append(head, g.pick(hosts))
	}
	for range g.IntN(5) {
		head = append(head, g.odd(10, lines, oddLines))
	}
	body := ""
	switch k := g.IntN(8); {
	case k < 3:
		head = append(head, g.pick([]string{"Content-Length: ", "Content-Length: ", "content-length:"})+g.odd(6, lengths, oddLen))
		body = "hello, world"[:g.IntN(13)]
	case k < 6:
		head = append(head, "Transfer-Encoding: "+g.odd(6, codings, oddTE))
		body = g.chunks()
	case k == 6:
		body = g.pick([]string{"rest", "", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"})
	}
	if g.chance(12) {
		head = append(head, g.pick([]string{"Content-Length: 5", "Transfer-Encoding: chunked", "Content-Length: 0"}))
	}
	g.Shuffle(len(head), func(i, j int) { head[i], head[j] = head[j], head[i] })
	for _, l := range head {
		b.WriteString(l + nl())
	}
	b.WriteString(nl() + body)
	m.bytes = b.Bytes()
	return m
}

func (g *generator) chunks() string {
	var b strings.Builder
	nl := func() string {
		if g.chance(60) {
			return g.pick(ends)
		}
		return "\r\n"
	}
	for range g.IntN(3) {
		size := g.odd(8, sizes, oddSizes)
		b.WriteString(size + nl())
		n := 5
		if v := strings.TrimLeft(size, "0"); v == "A" || v == "a" {
			n = 10
		} else if v == "1" {
			n = 1
		} else if v == "10" {
			n = 16
		}
		if g.chance(20) {
			n += g.IntN(3) - 1
		}
		b.WriteString("0123456789abcdefgh"[:n] + nl())
	}
	if !g.chance(15) {
		b.WriteString(g.odd(10, []string{"0"}, []string{"00", "0;a=b", "000000000000000000", "0 ", "-0", "+0", "0x0", ""}) + nl())
		b.WriteString(g.pick(trailers) + nl())
	}
	if g.chance(4) {
		b.WriteString("GET / HTTP/1.1\r\n")
	}
	return b.String()
}

func (g *generator) mutate(b []byte, times int, response bool) []byte {
	for range times {
		at := g.IntN(len(b) + 1)
		switch g.IntN(7) {
		case 0:
			if at < len(b) {
				b[at] = byte(g.Uint32())
			}
		case 1:
			if at < len(b) {
				b[at] ^= 1 << g.IntN(8)
			}
		case 2:
			n := min(1+g.IntN(8), len(b)-at)
			b = append(b[:at], b[at+n:]...)
		case 3, 4:
			b = append(b[:at], append([]byte(g.pick(spice)), b[at:]...)...)
		case 5:
			from := g.known[g.IntN(len(g.known))].bytes
			i := g.IntN(len(from) + 1)
			b = append(b[:at], from[i:min(len(from), i+g.IntN(100))]...)
		case 6:
			if g.chance(4) {
				b = b[:at]
			}
		}
	}
	return b
}
