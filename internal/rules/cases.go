// SPDX-License-Identifier: MIT

// The lines of testdata/rules/cases.tsv, for the tests of this package and those
// of the kernel.

package rules

import (
	"fmt"
	"net/netip"
	"strings"
)

// ParseMatch adds one condition, as a column of testdata/rules/cases.tsv has it.
func ParseMatch(m *Match, column string) error {
	key, value, ok := strings.Cut(column, "=")
	if !ok {
		return fmt.Errorf("%q is not key=value", column)
	}
	return m.Add(key, value)
}

// ParseRequest reads the columns behind the expected rule of such a request.
func ParseRequest(columns []string) (*Request, error) {
	r := &Request{Source: netip.MustParseAddr("127.0.0.1")}
	method, host, target := columns[0], columns[1], columns[2]
	if host != "-" {
		r.Host = host
	}
	if method != "-" {
		r.Method = method
		switch rest, absolute := strings.CutPrefix(target, "http://"); {
		case method == "CONNECT":
			r.Host = target
		case absolute:
			at := strings.IndexAny(rest, "/?")
			if at < 0 {
				at = len(rest)
			}
			r.Host = rest[:at]
			r.SetTarget(rest[at:])
			if r.Path == "" {
				r.Path = "/"
			}
		default:
			r.SetTarget(target)
		}
	}
	for _, c := range columns[3:] {
		key, value, _ := strings.Cut(c, "=")
		switch key {
		case "header":
			name, v, _ := strings.Cut(value, ":")
			r.Headers = append(r.Headers, Header{name, v})
		case "source":
			a, err := netip.ParseAddr(value)
			if err != nil {
				return nil, err
			}
			r.Source = a
		case "sni":
			r.SNI = value
		case "alpn":
			r.ALPN = strings.Split(value, ",")
		default:
			return nil, fmt.Errorf("unknown column %q", c)
		}
	}
	return r, nil
}
