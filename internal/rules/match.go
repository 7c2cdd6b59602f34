// SPDX-License-Identifier: MIT

// The reference matcher. It says what a rule means, so it is written to be
// read; nothing here is made to be fast.

package rules

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Lookup is the index of the first rule that the request meets, -1 if none.
func (t Table) Lookup(r *Request) int {
	return slices.IndexFunc(t, func(rule Rule) bool { return rule.Match.Matches(r) })
}

// Matches tells whether a request meets every condition.
func (m *Match) Matches(r *Request) bool {
	return (m.Host == "" || matchHost(m.Host, hostOf(r.Host))) &&
		m.Path.matches(r) &&
		(len(m.Methods) == 0 || slices.Contains(m.Methods, r.Method)) &&
		matchAll(m.Headers, r.header) &&
		matchAll(m.Cookies, r.cookie) &&
		matchAll(m.Query, r.parameter) &&
		(len(m.Sources) == 0 || matchSource(m.Sources, r.Source)) &&
		(m.SNI == "" || matchHost(m.SNI, hostOf(r.SNI))) &&
		(len(m.ALPN) == 0 || slices.ContainsFunc(r.ALPN, func(p string) bool { return slices.Contains(m.ALPN, p) }))
}

// hostOf takes the port and a trailing dot off a host, and folds its case.
func hostOf(s string) string {
	if strings.HasPrefix(s, "[") { // an IPv6 address has colons of its own
		if i := strings.IndexByte(s, ']'); i >= 0 {
			return strings.ToLower(s[:i+1])
		}
	}
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		s = s[:i]
	}
	return lower(strings.TrimSuffix(s, "."))
}

// lower folds the case of ASCII alone, as the kernel does.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// matchHost compares a host with a pattern: the name, or *. and a suffix, which
// stands for any number of labels but not for none.
func matchHost(pattern, host string) bool {
	pattern = lower(strings.TrimSuffix(pattern, "."))
	if suffix, ok := strings.CutPrefix(pattern, "*"); ok {
		return len(host) > len(suffix) && strings.HasSuffix(host, suffix)
	}
	return host != "" && host == pattern
}

func (p *Path) matches(r *Request) bool {
	switch p.Kind {
	case None:
		return true
	case Template:
		t, err := ParseTemplate(p.Value)
		return err == nil && t.Matches(r.Path)
	case Regex:
		if p.URI {
			return matchValue(Regex, p.Value, r.URI())
		}
	}
	return matchValue(p.Kind, p.Value, r.Path)
}

// matchValue compares a value; an expression that does not compile matches
// nothing, Check refuses it.
func matchValue(k Kind, want, value string) bool {
	switch k {
	case Present:
		return true
	case Exact:
		return value == want
	case Prefix:
		return strings.HasPrefix(value, want)
	case Regex:
		re, err := regexp.Compile(want)
		return err == nil && re.MatchString(value)
	}
	return false
}

// matchAll tells whether each field is met by one of the values of its name.
func matchAll(fields []Field, values func(name string) []string) bool {
	for _, f := range fields {
		if !slices.ContainsFunc(values(f.Name), func(v string) bool {
			return matchValue(f.Kind, f.Value, v)
		}) {
			return false
		}
	}
	return true
}

const space = " \t"

// header is the values of all header lines of a name, in any case.
func (r *Request) header(name string) []string {
	var values []string
	for _, h := range r.Headers {
		if lower(h.Name) == lower(name) {
			values = append(values, strings.Trim(h.Value, space))
		}
	}
	return values
}

// cookie is the values of all cookies of a name; quotes belong to the value.
func (r *Request) cookie(name string) []string {
	var values []string
	for _, line := range r.header("Cookie") {
		for pair := range strings.SplitSeq(line, ";") {
			n, v, ok := strings.Cut(strings.Trim(pair, space), "=")
			if ok && n == name {
				values = append(values, v)
			}
		}
	}
	return values
}

// parameter is the values of all query parameters of a name; one without "="
// has an empty value.
func (r *Request) parameter(name string) []string {
	var values []string
	for pair := range strings.SplitSeq(r.Query, "&") {
		if n, v, _ := strings.Cut(pair, "="); n == name {
			values = append(values, v)
		}
	}
	return values
}

// matchSource tells whether a network has the address. An IPv4 address is one
// whether or not it came mapped into IPv6.
func matchSource(networks []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool {
		return p.Contains(a.Unmap())
	})
}
