// SPDX-License-Identifier: MIT

// Messages from files: the tables of testdata/http, whose form is described in
// its README.md, and those of the fuzzers' corpus, which have the same.

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// tables are the files of testdata/http and whether they hold responses.
var tables = []struct {
	file     string
	response bool
}{
	{"requests.tsv", false},
	{"hostile/requests.tsv", false},
	{"responses.tsv", true},
	{"hostile/responses.tsv", true},
}

func readTables(dir string) (msgs []message, err error) {
	for _, t := range tables {
		columns := 3
		if t.response {
			columns = 4
		}
		more, err := readTable(filepath.Join(dir, t.file), t.response, columns)
		if err != nil {
			return nil, err
		}
		msgs = append(msgs, more...)
	}
	return msgs, nil
}

// withCorpus adds the corpus to some messages, its responses as answers to
// several methods.
func withCorpus(msgs []message, dir string) ([]message, error) {
	requests, err := readTable(filepath.Join(dir, "http_request.tsv"), false, 3)
	if err != nil {
		return nil, err
	}
	all := append(msgs[:len(msgs):len(msgs)], requests...)
	responses, err := readTable(filepath.Join(dir, "http_response.tsv"), true, 3)
	if err != nil {
		return nil, err
	}
	for _, m := range responses {
		for _, m.method = range []string{"GET", "HEAD", "CONNECT"} {
			all = append(all, m)
		}
	}
	return all, nil
}

func readTable(path string, response bool, columns int) (msgs []message, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	sc := bufio.NewScanner(bytes.NewReader(text))
	sc.Buffer(nil, 1<<20)
	for n := 1; sc.Scan(); n++ {
		if line := sc.Text(); line != "" && line[0] != '#' {
			m, err := tableLine(line, response, columns)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", path, n, err)
			}
			msgs = append(msgs, m)
		}
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return msgs, nil
}

func tableLine(line string, response bool, want int) (m message, err error) {
	m.response = response
	// More than one tab may stand between columns, none in a column.
	col := strings.FieldsFunc(line, func(c rune) bool { return c == '\t' })
	if len(col) == want-1 {
		col = append(col, "")
	}
	if len(col) != want {
		return m, fmt.Errorf("%d columns, want %d", len(col), want)
	}
	if want == 4 {
		m.method = col[1]
	}
	text, rest, err := unescape(col[want-1], "")
	if err == nil && rest != "" {
		err = fmt.Errorf("%q behind the message", rest)
	}
	m.bytes = text
	return m, err
}

// unescape reads up to one of the bytes in stop.
func unescape(s, stop string) (b []byte, rest string, err error) {
	simple := map[byte]byte{'r': '\r', 'n': '\n', 't': '\t', '0': 0, '\\': '\\', '"': '"'}
	for s != "" && !strings.Contains(stop, s[:1]) {
		c := s[0]
		s = s[1:]
		if c != '\\' {
			b = append(b, c)
			continue
		}
		if s == "" {
			return nil, "", fmt.Errorf("a backslash ends the message")
		}
		c, s = s[0], s[1:]
		plain, ok := simple[c]
		switch {
		case ok:
			b = append(b, plain)
		case c == 'x' && len(s) >= 2:
			v, err := strconv.ParseUint(s[:2], 16, 8)
			if err != nil {
				return nil, "", err
			}
			b, s = append(b, byte(v)), s[2:]
		case c == '(':
			count, text, found := strings.Cut(s, "*")
			n, err := strconv.Atoi(count)
			if err != nil || !found {
				return nil, "", fmt.Errorf("bad \\(N*text)")
			}
			piece, rest, err := unescape(text, ")")
			if err != nil || rest == "" {
				return nil, "", fmt.Errorf("no ) behind \\(")
			}
			b, s = append(b, bytes.Repeat(piece, n)...), rest[1:]
		default:
			return nil, "", fmt.Errorf("unknown escape \\%c", c)
		}
	}
	return b, s, nil
}

// escape is the form of the tables.
func escape(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		switch {
		case c == '\r':
			s.WriteString(`\r`)
		case c == '\n':
			s.WriteString(`\n`)
		case c == '\\':
			s.WriteString(`\\`)
		case c < 0x20 || c >= 0x7f:
			fmt.Fprintf(&s, `\x%02x`, c)
		default:
			s.WriteByte(c)
		}
	}
	return s.String()
}
