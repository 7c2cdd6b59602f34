// SPDX-License-Identifier: MIT

// The words of testdata/rules/cases.tsv, for the tests of this package and those
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
	fields := map[string]*[]Field{"header": &m.Headers, "cookie": &m.Cookies, "query": &m.Query}
	kinds := map[string]Kind{"exact": Exact, "prefix": Prefix, "regex": Regex}
	what, how, _ := strings.Cut(key, "-")
	switch {
	case key == "host":
		m.Host = value
	case key == "sni":
		m.SNI = value
	case key == "path":
		m.Path = Path{Kind: Exact, Value: value}
	case key == "prefix":
		m.Path = Path{Kind: Prefix, Value: value}
	case key == "template":
		m.Path = Path{Kind: Template, Value: value}
	case key == "regex", key == "uri-regex":
		m.Path = Path{Kind: Regex, Value: value, URI: key == "uri-regex"}
	case key == "method":
		m.Methods = append(m.Methods, strings.Split(value, ",")...)
	case key == "source":
		for s := range strings.SplitSeq(value, ",") {
			p, err := netip.ParsePrefix(s)
			if err != nil {
				return err
			}
			m.Sources = append(m.Sources, p)
		}
	case fields[key] != nil:
		*fields[key] = append(*fields[key], Field{Name: value, Kind: Present})
	case fields[what] != nil && kinds[how] != None:
		name, v, _ := strings.Cut(value, "=")
		*fields[what] = append(*fields[what], Field{Name: name, Kind: kinds[how], Value: v})
	default:
		return fmt.Errorf("unknown key %q", key)
	}
	return nil
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
		default:
			return nil, fmt.Errorf("unknown column %q", c)
		}
	}
	return r, nil
}
