// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// errMore says that a message is right so far and not complete.
var errMore = errors.New("incomplete")

// field is a header line.
type field struct{ name, value string }

// framed is a message as this program reads it. It knows one way to read a
// message and has an error for everything else: what reaches a server or a
// client must never be in need of a second opinion.
type framed struct {
	start  string // request or status line
	fields []field
	body   string // as it came: with the chunks' framing
	kind   string // none, length, chunked, close
}

func (m *framed) all(name string) (values []string) {
	for _, f := range m.fields {
		if strings.EqualFold(f.name, name) {
			values = append(values, f.value)
		}
	}
	return values
}

func (m *framed) method() string { return strings.SplitN(m.start, " ", 2)[0] }

func (m *framed) target() string {
	if f := strings.Split(m.start, " "); len(f) == 3 {
		return f[1]
	}
	return ""
}

func (m *framed) status() int {
	if len(m.start) < 12 {
		return 0
	}
	n, _ := strconv.Atoi(m.start[9:12])
	return n
}

// readHead reads start line and fields; what follows is left.
func readHead(b []byte) (m framed, rest []byte, err error) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		return m, nil, errMore
	}
	lines := strings.Split(string(b[:end]), "\r\n")
	for _, l := range lines {
		if strings.ContainsAny(l, "\r\n\x00") {
			return m, nil, fmt.Errorf("CR, LF or NUL in the line %q", l)
		}
	}
	m.start = lines[0]
	for _, l := range lines[1:] {
		name, value, found := strings.Cut(l, ":")
		if !found || name == "" || strings.ContainsAny(name, " \t\"(),/;<=>?@[\\]{}") {
			return m, nil, fmt.Errorf("header line %q", l)
		}
		m.fields = append(m.fields, field{name, strings.Trim(value, " \t")})
	}
	return m, b[end+4:], nil
}

// readBody reads the body of m from b, and returns what follows it.
func (m *framed) readBody(b []byte, response bool) (rest []byte, err error) {
	lengths, codings := m.all("Content-Length"), m.all("Transfer-Encoding")
	switch {
	case len(lengths)+len(codings) > 1:
		return nil, fmt.Errorf("two framings: %q %q", lengths, codings)
	case len(codings) == 1:
		if !strings.EqualFold(codings[0], "chunked") || strings.Contains(m.start, "HTTP/1.0") {
			return nil, fmt.Errorf("transfer coding %q", codings[0])
		}
		n, err := chunkedLen(b)
		if err != nil {
			return nil, err
		}
		m.kind, m.body = "chunked", string(b[:n])
		return b[n:], nil
	case len(lengths) == 1:
		n, err := strconv.ParseUint(lengths[0], 10, 63)
		if err != nil {
			return nil, err
		}
		if uint64(len(b)) < n {
			return nil, errMore
		}
		m.kind, m.body = "length", string(b[:n])
		return b[n:], nil
	case response:
		m.kind, m.body = "close", string(b)
		return nil, nil
	}
	m.kind = "none"
	return b, nil
}

// chunkedLen is the length of a chunked body with its trailer.
func chunkedLen(b []byte) (int, error) {
	at := 0
	line := func() (string, error) {
		n := bytes.Index(b[at:], []byte("\r\n"))
		if n < 0 {
			return "", errMore
		}
		l := string(b[at : at+n])
		if strings.ContainsAny(l, "\r\n\x00") {
			return "", fmt.Errorf("CR, LF or NUL in the line %q of chunks", l)
		}
		at += n + 2
		return l, nil
	}
	for {
		l, err := line()
		if err != nil {
			return 0, err
		}
		digits, _, _ := strings.Cut(l, ";")
		n, err := strconv.ParseUint(digits, 16, 63)
		if err != nil || len(digits) > 16 {
			return 0, fmt.Errorf("chunk size %q", l)
		}
		if n == 0 {
			break
		}
		if uint64(len(b)-at) < n+2 {
			return 0, errMore
		}
		at += int(n) + 2
		if string(b[at-2:at]) != "\r\n" {
			return 0, fmt.Errorf("chunk of %d bytes has no end", n)
		}
	}
	for {
		l, err := line()
		if err != nil || l == "" {
			return at, err
		}
		if i := strings.IndexByte(l, ':'); i < 1 {
			return 0, fmt.Errorf("trailer line %q", l)
		}
	}
}

// readRequest reads one request; empty lines before it are passed over.
func readRequest(b []byte) (m framed, rest []byte, err error) {
	b = bytes.TrimLeft(b, "\r\n")
	m, rest, err = readHead(b)
	if err == nil {
		rest, err = m.readBody(rest, false)
	}
	return m, rest, err
}

// readResponse reads the response to a request with this method. One that ends
// with its connection takes all of b.
func readResponse(b []byte, method string) (m framed, rest []byte, err error) {
	m, rest, err = readHead(b)
	if err != nil {
		return m, nil, err
	}
	if s := m.status(); method == "HEAD" || s < 200 || s == 204 || s == 304 {
		m.kind = "none"
		return m, rest, nil
	}
	rest, err = m.readBody(rest, true)
	return m, rest, err
}

// hopByHop are the fields that end at a gateway whatever Connection says.
var hopByHop = []string{"connection", "keep-alive", "proxy-connection", "te", "upgrade", "http2-settings"}

// endToEnd are fields that nobody may have removed by naming them in Connection:
// an attacker would take away what servers decide by.
var endToEnd = []string{"authorization", "cookie", "expect", "proxy-authorization", "trailer", "via"}

// named are the fields that Connection names.
func (m *framed) named() (names []string) {
	for _, v := range m.all("Connection") {
		for _, n := range strings.Split(v, ",") {
			n = strings.ToLower(strings.Trim(n, " \t"))
			if !slices.Contains(endToEnd, n) {
				names = append(names, n)
			}
		}
	}
	return names
}

// forwarded is the request as a server must get it from a gateway that adds
// X-Forwarded-For, by RFC 9110 section 7.6 and RFC 9112 section 3.2.2.
func (m framed) forwarded(client string) framed {
	out := framed{start: m.start, body: m.body, kind: m.kind}
	drop := append(m.named(), hopByHop...)
	drop = append(drop, "forwarded")
	parts := strings.Split(m.start, " ")
	if len(parts) == 3 && strings.HasPrefix(strings.ToLower(parts[1]), "http://") {
		authority, path := parts[1][len("http://"):], ""
		if i := strings.IndexAny(authority, "/?"); i >= 0 {
			authority, path = authority[:i], authority[i:]
		}
		switch {
		case path == "" && parts[0] == "OPTIONS":
			path = "*"
		case !strings.HasPrefix(path, "/"):
			path = "/" + path
		}
		out.start = parts[0] + " " + path + " " + parts[2]
		out.fields = append(out.fields, field{"Host", authority})
		drop = append(drop, "host")
	}
	for _, f := range m.fields {
		name := strings.ToLower(f.name)
		// All of that family, in either spelling, some server would believe.
		if kin, is := strings.CutPrefix(strings.ReplaceAll(name, "_", "-"), "x-forwarded-"); is && kin != "" {
			continue
		}
		if !slices.Contains(drop, name) {
			out.fields = append(out.fields, f)
		}
	}
	out.fields = append(out.fields, field{"X-Forwarded-For", client})
	upgrade := m.all("Upgrade")
	switch {
	case len(upgrade) == 1 && strings.EqualFold(upgrade[0], "websocket") && slices.Contains(m.named(), "upgrade"):
		out.fields = append(out.fields, field{"Connection", "upgrade"}, field{"Upgrade", "websocket"})
	case strings.HasSuffix(m.start, "HTTP/1.0"):
		out.fields = append(out.fields, field{"Connection", "close"})
	}
	return out
}

// differs tells the first difference of two messages, "" if there is none.
func (m *framed) differs(want framed) string {
	if m.start != want.start {
		return fmt.Sprintf("begins with %.200q, not %.200q", m.start, want.start)
	}
	for i := range max(len(m.fields), len(want.fields)) {
		switch {
		case i >= len(m.fields):
			return fmt.Sprintf("lacks %.200q", want.fields[i])
		case i >= len(want.fields):
			return fmt.Sprintf("has %.200q beside", m.fields[i])
		case m.fields[i] != want.fields[i]:
			return fmt.Sprintf("has %.200q, not %.200q", m.fields[i], want.fields[i])
		}
	}
	if m.body != want.body {
		return fmt.Sprintf("has the body %.200q, not %.200q", m.body, want.body)
	}
	return ""
}
