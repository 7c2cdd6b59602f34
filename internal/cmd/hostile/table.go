// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// message is one line of a table of testdata/http.
type message struct {
	name   string
	method string // responses: of the request it answers
	expect string
	bytes  []byte
}

// readTable reads one table; its README tells the format.
func readTable(path string, response bool) ([]message, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []message
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for n := 1; s.Scan(); n++ {
		if strings.HasPrefix(s.Text(), "#") || s.Text() == "" {
			continue
		}
		columns := strings.Split(s.Text(), "\t")
		m := message{name: columns[0]}
		if response && len(columns) == 4 {
			m.method = columns[1]
			columns = append(columns[:1], columns[2:]...)
		}
		if len(columns) != 3 || response != (m.method != "") {
			return nil, fmt.Errorf("%s:%d: wrong number of columns", path, n)
		}
		m.expect = columns[1]
		if m.bytes, err = unescape(columns[2]); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, n, err)
		}
		out = append(out, m)
	}
	if len(out) == 0 && s.Err() == nil {
		return nil, fmt.Errorf("%s: no messages", path)
	}
	return out, s.Err()
}

func unescape(text string) ([]byte, error) {
	var out bytes.Buffer
	for text != "" {
		if text[0] != '\\' {
			out.WriteByte(text[0])
			text = text[1:]
			continue
		}
		if len(text) < 2 {
			return nil, errors.New("backslash at the end")
		}
		kind := text[1]
		text = text[2:]
		switch kind {
		case 'r', 'n', 't', '0', '\\', '"':
			out.WriteByte("\r\n\t\x00\\\""[strings.IndexByte("rnt0\\\"", kind)])
		case 'x':
			v, err := strconv.ParseUint(text[:min(2, len(text))], 16, 8)
			if err != nil || len(text) < 2 {
				return nil, fmt.Errorf("bad \\x%.2s", text)
			}
			out.WriteByte(byte(v))
			text = text[2:]
		case '(':
			count, rest, found := strings.Cut(text, "*")
			n, err := strconv.Atoi(count)
			end := closing(rest)
			if !found || err != nil || end < 0 {
				return nil, fmt.Errorf("bad repetition \\(%.20s", text)
			}
			piece, err := unescape(rest[:end])
			if err != nil {
				return nil, err
			}
			out.Write(bytes.Repeat(piece, n))
			text = rest[end+1:]
		default:
			return nil, fmt.Errorf("unknown escape \\%c", kind)
		}
	}
	return out.Bytes(), nil
}

// closing finds the end of a repetition; they may be nested.
func closing(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
			if i < len(s) && s[i] == '(' {
				depth++
			}
		case s[i] == ')' && depth > 0:
			depth--
		case s[i] == ')':
			return i
		}
	}
	return -1
}
