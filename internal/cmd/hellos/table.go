// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// hello is a line of testdata/tls/hellos.tsv.
type hello struct {
	name, expect string
	bytes        []byte
}

// readTable reads the table, as its README tells it.
func readTable(path string) ([]hello, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var list []hello
	for i, line := range strings.Split(string(data), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		columns := strings.SplitN(line, "\t", 3)
		if len(columns) < 3 {
			return nil, fmt.Errorf("%s:%d: too few columns", path, i+1)
		}
		b, rest, err := unescape(columns[2], "")
		if err != nil || rest != "" {
			return nil, fmt.Errorf("%s:%d: bad escape before %.20q", path, i+1, rest)
		}
		list = append(list, hello{columns[0], columns[1], b})
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: no hello in it", path)
	}
	return list, nil
}

var escapes = map[byte]byte{'r': '\r', 'n': '\n', 't': '\t', '0': 0, '\\': '\\', '"': '"'}

// unescape reads up to one of the bytes of stop, and returns what is behind.
func unescape(s, stop string) ([]byte, string, error) {
	var out []byte
	for s != "" && !strings.Contains(stop, s[:1]) {
		if s[0] != '\\' {
			out, s = append(out, s[0]), s[1:]
			continue
		}
		if len(s) < 2 {
			return nil, s, strconv.ErrSyntax
		}
		switch c := s[1]; {
		case c == 'x' && len(s) >= 4:
			v, err := strconv.ParseUint(s[2:4], 16, 8)
			if err != nil {
				return nil, s, err
			}
			out, s = append(out, byte(v)), s[4:]
		case c == '(':
			count, text, ok := strings.Cut(s[2:], "*")
			n, err := strconv.Atoi(count)
			if !ok || err != nil {
				return nil, s, strconv.ErrSyntax
			}
			piece, rest, err := unescape(text, ")")
			if err != nil || rest == "" {
				return nil, rest, strconv.ErrSyntax
			}
			out, s = append(out, strings.Repeat(string(piece), n)...), rest[1:]
		default:
			v, ok := escapes[c]
			if !ok {
				return nil, s, strconv.ErrSyntax
			}
			out, s = append(out, v), s[2:]
		}
	}
	return out, s, nil
}
