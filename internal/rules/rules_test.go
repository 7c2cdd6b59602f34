// SPDX-License-Identifier: MIT

package rules

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/ktcpvs/ktcpvs/internal/automaton"
)

func set(m Match) Rule {
	return Rule{ID: 1, Match: m, Action: Action{Kind: UseSet, Set: "s"}}
}

func TestFromPattern(t *testing.T) {
	for _, c := range []struct {
		pattern   string
		path, uri string // kind and value, of the pattern on either
	}{
		{".*", "none ", "none "},
		{"^/.*", "none ", "none "},
		{"*", "none ", "none "},
		{"/*", "none ", "none "},
		{"", "none ", "none "},
		{"^", "none ", "none "},
		{"^.*$", "none ", "none "},
		{"(.*)", "none ", "none "},
		{".*/", "regex .*/", "regex .*/"},
		{"^/images/", "prefix /images/", "prefix /images/"},
		{"^/cgi-bin/", "prefix /cgi-bin/", "prefix /cgi-bin/"},
		{"^/images/.*", "prefix /images/", "prefix /images/"},
		{"^/images/.*$", "prefix /images/", "prefix /images/"},
		{"^(/images/)(.*)$", "prefix /images/", "prefix /images/"},
		{`\A/a\.b`, "prefix /a.b", "prefix /a.b"},
		{"/images/.*", "regex /images/.*", "regex /images/.*"},
		{"^/x$", "exact /x", "regex ^/x$"},
		{`^/x\z`, "exact /x", `regex ^/x\z`},
		{"^/$", "exact /", "regex ^/$"},
		{"^$", "regex ^$", "regex ^$"},
		{"^images", "regex ^images", "regex ^images"},
		{"(?i)^/images/", "regex (?i)^/images/", "regex (?i)^/images/"},
		{`^/a\?b`, `regex ^/a\?b`, `regex ^/a\?b`},
		{"^/users/[^/]+/posts$", "template /users/{a}/posts", "regex ^/users/[^/]+/posts$"},
		{"^/users/([^/]+)$", "template /users/{a}", "regex ^/users/([^/]+)$"},
		{"^/a/v([^/])+\\.json/[^/]+$", `template /a/v{a}.json/{b}`, "regex ^/a/v([^/])+\\.json/[^/]+$"},
		{"^/users/[^/]+/posts", "regex ^/users/[^/]+/posts", "regex ^/users/[^/]+/posts"},
		{"^/users/[^/]*$", "regex ^/users/[^/]*$", "regex ^/users/[^/]*$"},
		{"^/[^/]+-[^/]+$", "regex ^/[^/]+-[^/]+$", "regex ^/[^/]+-[^/]+$"},
		{"^/[^/]+[^/]+$", "regex ^/[^/]+[^/]+$", "regex ^/[^/]+[^/]+$"},
		{"^/[^/.]+$", "regex ^/[^/.]+$", "regex ^/[^/.]+$"},
		{"^/{x}/[^/]+$", "regex ^/{x}/[^/]+$", "regex ^/{x}/[^/]+$"},
		{"^/(a|b)$", "regex ^/(a|b)$", "regex ^/(a|b)$"},
	} {
		for uri, want := range map[bool]string{false: c.path, true: c.uri} {
			p, err := FromPattern(c.pattern, uri)
			if got := p.Kind.String() + " " + p.Value; err != nil || got != want {
				t.Errorf("%q, uri %v: %q, %v, want %q", c.pattern, uri, got, err, want)
			}
			if p.Kind == Regex && p.URI != uri {
				t.Errorf("%q, uri %v: %+v", c.pattern, uri, p)
			}
		}
	}
	if _, err := FromPattern(`a\1`, true); err == nil {
		t.Error("a back-reference is accepted")
	}
}

// TestFromPatternMeans: what a pattern became meets the same requests.
func TestFromPatternMeans(t *testing.T) {
	g := rand.New(rand.NewPCG(3, 4))
	pick := func(s ...string) string { return s[g.IntN(len(s))] }
	kinds := map[Kind]int{}
	for range 20000 {
		expr := pick("^", "^", "^", "")
		for range g.IntN(6) {
			expr += pick("/", "/", "a", "b", "[^/]+", "([^/]+)", "/[^/]+/", ".*", `\.`, "(a)", "[^/]", "[ab]")
		}
		expr += pick("$", "$", "", ".*")
		re := regexp.MustCompile(expr)
		for _, uri := range []bool{false, true} {
			p, err := FromPattern(expr, uri)
			if err != nil {
				t.Fatal(err)
			}
			kinds[p.Kind]++
			for range 10 {
				target := "/"
				for range g.IntN(8) {
					target += pick("/", "a", "b", ".", "?", "ab", "/a")
				}
				if err := sameMatch(p, re, target, uri); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for _, k := range []Kind{None, Exact, Prefix, Template, Regex} {
		if kinds[k] < 200 {
			t.Errorf("only %d of kind %v", kinds[k], k)
		}
	}
}

// sameMatch compares what a pattern became with the expression it came from.
func sameMatch(p Path, re *regexp.Regexp, target string, uri bool) error {
	r := &Request{}
	r.SetTarget(target)
	input := r.Path
	if uri {
		input = r.URI()
	}
	// The original's defaults match all, whatever they say.
	if want := re.MatchString(input) || IsDefault(re.String()); p.matches(r) != want {
		return fmt.Errorf("%q became %v %q: on %q it is not %v", re, p.Kind, p.Value, target, want)
	}
	return nil
}

func TestTemplates(t *testing.T) {
	for _, c := range []struct {
		template string
		yes, no  string // by spaces
	}{
		{"/", "/", "// /a"},
		{"/users/{id}/posts", "/users/1/posts /users/%20/posts", "/users//posts /users/1/posts/ /users/1/2/posts /users/posts users/1/posts"},
		{"/a/v{x}.json", "/a/v1.json /a/v.json.json", "/a/v.json /a/v1.jso /a/1.json /a/v1.json/"},
		{"/a/{x}/", "/a/b/", "/a/b /a//"},
		{"/{a}/{b}", "/x/y", "/x /x/ //y /x/y/z"},
		{"//{a}", "//x", "/x /y/x"},
		{"/ab{x}ab", "/abcab /abaab", "/abab /ab /abcabc"},
	} {
		p, err := ParseTemplate(c.template)
		if err != nil {
			t.Fatal(err)
		}
		if p.String() != c.template {
			t.Errorf("%q prints as %q", c.template, p)
		}
		re := regexp.MustCompile(p.Regex())
		for i, list := range []string{c.yes, c.no} {
			for path := range strings.SplitSeq(list, " ") {
				if p.Matches(path) != (i == 0) {
					t.Errorf("%q on %q", c.template, path)
				}
				if re.MatchString(path) != (i == 0) {
					t.Errorf("%q of %q on %q", re, c.template, path)
				}
			}
		}
		back, err := FromPattern(p.Regex(), false)
		if err != nil || back.Kind != Template && strings.Contains(c.template, "{") {
			t.Errorf("%q is known again as %+v, %v", p.Regex(), back, err)
		}
	}
	for template, want := range map[string]string{
		"":              "column 1: it does not begin with a slash",
		"a/{b}":         "column 1: it does not begin with a slash",
		"/a/{b":         "column 4: the parameter is not ended in its segment",
		"/a/{b/c}":      "column 4: the parameter is not ended in its segment",
		"/a/b}":         "column 5: this } ends nothing",
		"/a/}{":         "column 4: this } ends nothing",
		"/a/{}":         "column 4: the parameter has no name",
		"/{a}/x{b}-{c}": "column 11: a second parameter in one segment",
		"/{a{b}}":       "column 4: a parameter in a parameter",
		"/a}{b}":        "column 3: this } ends nothing",
		"/a?b={c}":      "column 3: a path has no ?",
		"/a#b":          "column 3: a request has no #",
		"/a b":          "column 3: a path has no byte 0x20: clients send it as %20",
		"/é":            "column 2: a path has no byte 0xc3: clients send it as %C3",
	} {
		_, err := ParseTemplate(template)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", template, err, want)
		}
	}
}

func TestCheck(t *testing.T) {
	long := strings.Repeat("x", 5000)
	use := Action{Kind: UseSet, Set: "s"}
	net := func(s string) Match { return Match{Sources: []netip.Prefix{netip.MustParsePrefix(s)}} }
	for _, c := range []struct {
		rule Rule
		want string
	}{
		{set(Match{}), ""},
		{set(Match{Host: "*.example.com."}), ""},
		{set(Match{Host: "[2001:db8::1]"}), ""},
		{set(Match{Host: "xn--bcher-kva.example", SNI: "a_b.example"}), ""},
		{set(Match{Path: Path{Kind: Exact, Value: "*"}, Methods: []string{"OPTIONS", "x-get"}}), ""},
		{set(Match{Query: []Field{{"a[]", Exact, "b=?c"}}, Cookies: []Field{{"SID", Present, ""}}}), ""},
		{set(net("10.0.0.0/8")), ""},
		{set(Match{Headers: []Field{{"X-É", Present, ""}}}), `header: "X-É" is not the name of a header`},
		{set(Match{Headers: []Field{{"X-Name", Regex, "é"}}}), ""},
		{Rule{Name: "a b", Action: use}, `rule 1 (a b): its name "a b" contains " "`},
		{Rule{Name: long, Action: use}, "has 5000 bytes (at most 31)"},
		{set(Match{Host: "a:80"}), `rule 1, host: "a:80" has a port`},
		{set(Match{Host: "a.*.b"}), `host: "a.*.b" has a * elsewhere than in front`},
		{set(Match{Host: "*a.b"}), "elsewhere than in front"},
		{set(Match{Host: "*"}), "elsewhere than in front"},
		{set(Match{Host: "a..b"}), `host: "a..b" is not a host name`},
		{set(Match{Host: "bücher.example"}), "other alphabets as xn--"},
		{set(Match{Host: "[::1"}), "is not a host name"},
		{set(Match{Host: long}), "host: \"xxx"},
		{set(Match{SNI: "[::1]"}), `sni: "[::1]" has a port`},
		{set(Match{Path: Path{Kind: Prefix, Value: "images"}}), `path: "images" does not begin with a slash`},
		{set(Match{Path: Path{Kind: Exact, Value: "/a?b"}}), `path: "/a?b", column 3: a path has no ?`},
		{set(Match{Path: Path{Kind: Exact, Value: "/a b"}}), `column 3: a path has no byte 0x20: clients send it as %20`},
		{set(Match{Path: Path{Kind: Template, Value: "/{a"}}), `path: template "/{a", column 2: the parameter is not ended in its segment (a parameter is {name}, without a slash)`},
		{set(Match{Path: Path{Kind: Regex, Value: `(a)\1`}}), `path: pattern "(a)\\1", column 4: the back-reference \1 cannot be expressed`},
		{set(Match{Path: Path{Kind: Regex, Value: `^/é`}}), `no request target has the character 'é' (clients send it as %C3%A9)`},
		{set(Match{Path: Path{Kind: Regex, Value: `[α-ω]`}}), `character 'α'`},
		{set(Match{Path: Path{Kind: Prefix, Value: "/a", URI: true}}), "only a regular expression sees the query"},
		{set(Match{Path: Path{Kind: Present}}), "a path cannot be present"},
		{set(Match{Path: Path{Kind: Prefix, Value: "/" + long}}), "path: 5001 bytes (at most 4096)"},
		{set(Match{Methods: []string{"G T"}}), `method: "G T" is not a method`},
		{set(Match{Methods: []string{""}}), `method: "" is not a method`},
		{set(Match{Methods: []string{"GET", "post"}}), `method: "post" is no method that clients send (methods are case-sensitive: POST)`},
		{set(Match{Methods: make([]string, 33)}), "method: 33 of them (at most 32 in a rule)"},
		{set(Match{Headers: []Field{{"", Present, ""}}}), "header: it has no name"},
		{set(Match{Headers: []Field{{"A b", Present, ""}}}), `header: "A b" is not the name of a header`},
		{set(Match{Headers: []Field{{"A", Present, "x"}}}), "header: A is asked for alone and for a value"},
		{set(Match{Headers: []Field{{"A", Exact, " x"}}}), `header: " x" is not a value`},
		{set(Match{Headers: []Field{{"A", Template, "/x"}}}), "header: A cannot be template"},
		{set(Match{Headers: []Field{{"A", None, ""}}}), "header: A cannot be none"},
		{set(Match{Headers: []Field{{"A", Regex, "("}}}), `header: pattern "(", column 1: missing closing )`},
		{set(Match{Headers: []Field{{"A", Exact, long}}}), "header: 5001 bytes"},
		{set(Match{Cookies: []Field{{"A", Exact, "a;b"}}}), `cookie: "a;b" is not the value of a cookie`},
		{set(Match{Cookies: []Field{{"A=", Present, ""}}}), `cookie: "A=" is not the name of a cookie`},
		{set(Match{Query: []Field{{"a&b", Present, ""}}}), `query: "a&b" is not the name of a query parameter`},
		{set(Match{Query: []Field{{"a", Exact, "b&c"}}}), `query: "b&c" is not the value of a parameter`},
		{set(Match{Query: []Field{{"a", Regex, "é"}}}), "no request target has the character"},
		{set(net("10.0.0.1/8")), "source: 10.0.0.1/8 has bits behind its prefix length (you mean 10.0.0.0/8)"},
		{set(net("::ffff:10.0.0.0/104")), "is an IPv4 network in the form of IPv6"},
		{set(Match{Sources: []netip.Prefix{{}}}), "source: the network is not valid"},
		{Rule{}, "action: the rule does nothing"},
		{Rule{Action: Action{Kind: UseSet}}, "action: it names no server set"},
		{Rule{Action: Action{Kind: Redirect, Status: 304, Location: "/"}}, "redirect: 304 is not a status of redirects"},
		{Rule{Action: Action{Kind: Redirect, Status: 301}}, "redirect: it has no target"},
		{Rule{Action: Action{Kind: Redirect, Status: 301, Location: "https://$hots/"}}, `redirect: target "https://$hots/", column 9: no such variable`},
		{Rule{Action: Action{Kind: Redirect, Status: 301, Location: "/$"}}, "column 2: no such variable"},
		{Rule{Action: Action{Kind: Redirect, Status: 301, Location: "/a\r\nb"}}, "column 3: a byte 0x0d"},
		{Rule{Action: Action{Kind: Redirect, Status: 301, Location: long}}, "redirect: the target has 5000 bytes"},
		{Rule{Action: Action{Kind: Redirect, Status: 308, Location: "$scheme://$host$path$query/$$"}}, ""},
		{Rule{Action: Action{Kind: Answer, Status: 100}}, "answer: 100 is not a final status"},
		{Rule{Action: Action{Kind: Answer, Status: 204, Body: "x"}}, "answer: a response 204 has no body"},
		{Rule{Action: Action{Kind: Answer, Status: 200, Body: long}}, "answer: the body has 5000 bytes"},
		{Rule{Action: Action{Kind: Answer, Status: 200, Body: "x"}}, ""},
		{Rule{Action: Action{Kind: Reject}}, ""},
	} {
		err := Table{c.rule}.Check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: %v, want %q", c.rule, err, c.want)
		}
	}
	a := Rule{ID: 1, Name: "a", Match: Match{Host: "a"}, Action: use}
	b := Rule{ID: 2, Name: "b", Match: Match{Host: "a"}, Action: use}
	same, sameName, def := b, b, Rule{ID: 9, Name: "d", Action: use}
	same.ID, sameName.Name = 1, "a"
	for want, table := range map[string]Table{
		"rule 2 (b): its ID 1 is that of rule 1":                      {a, same},
		"rule 2 (a): its name is that of rule 1":                      {a, sameName},
		"rule 1 (d): it meets every request, so the rules behind it ": {def, a},
	} {
		if err := table.Check(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if got := (Table{def, a, b}).Ordered(); got[0].ID != 1 || got[1].ID != 2 || got[2].ID != 9 || got.Check() != nil {
		t.Errorf("ordered: %+v", got)
	}
}

func TestExpand(t *testing.T) {
	r := &Request{Host: "WWW.Example.com.:8080"}
	r.SetTarget("/a%20b?c=d?e")
	bare := &Request{Path: "/x", TLS: true}
	for _, c := range []struct {
		r              *Request
		location, want string
	}{
		{r, "https://$host$path$query", "https://www.example.com/a%20b?c=d?e"},
		{r, "$scheme://x/$$1$$", "http://x/$1$"},
		{r, "/y$query", "/y?c=d?e"},
		{r, "$path$path", "/a%20b/a%20b"},
		{bare, "$scheme://h$host$path$query", "https://h/x"},
		{bare, "/plain", "/plain"},
	} {
		a := Action{Kind: Redirect, Status: 301, Location: c.location}
		if e := a.check(); e != nil {
			t.Error(e)
		}
		if got := a.Expand(c.r); got != c.want {
			t.Errorf("%q: %q, want %q", c.location, got, c.want)
		}
	}
}

func TestCompileBlames(t *testing.T) {
	table := Table{
		set(Match{Path: Path{Kind: Prefix, Value: "/a"}}),
		set(Match{Path: Path{Kind: Regex, Value: "a"}}),
		{ID: 7, Name: "agents", Match: Match{Headers: []Field{{"User-Agent", Regex, "x"}, {"user-agent", Regex, "a.{20}b"}}},
			Action: Action{Kind: Reject}},
	}
	_, err := table.Compile(automaton.Options{})
	var e *Error
	if !errors.As(err, &e) || e.Index != 2 || e.Name != "agents" || e.Field != "header" ||
		!strings.HasPrefix(err.Error(), `rule 3 (agents), header: pattern "a.{20}b": its automaton alone exceeds the budget`) {
		t.Error(err)
	}
	table[2].Match.Headers[1].Value = "y"
	c, err := table.Compile(automaton.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Conditions) != 3 || len(c.Programs) != 2 || c.Programs[1].Subject != (Subject{OnHeader, "user-agent"}) || c.Bytes() == 0 {
		t.Errorf("%+v", c)
	}
}

// A generator of tables and of requests that come close to them.
type gen struct{ *rand.Rand }

func (g gen) pick(s ...string) string { return s[g.IntN(len(s))] }

func (g gen) host() string { return g.pick("a.example", "b.example", "x.a.example", "example") }

func (g gen) path() string {
	p := ""
	for range 1 + g.IntN(3) {
		p += "/" + g.pick("a", "b", "ab", "v1.json", "")
	}
	return p
}

func (g gen) regex() string {
	e := g.pick("^", "")
	for range 1 + g.IntN(4) {
		e += g.pick("/", "a", "b", "[^/]+", ".", "(a|b)", ".*", `\d`, "b?", `\?`)
	}
	return e + g.pick("$", "")
}

func (g gen) field(names ...string) Field {
	f := Field{Name: g.pick(names...), Kind: Kind(1 + g.IntN(3)), Value: g.pick("a", "b", "ab", "")}
	if f.Kind == Present {
		f.Value = ""
	}
	if g.IntN(4) == 0 {
		f.Kind, f.Value = Regex, g.regex()
	}
	return f
}

func (g gen) match() Match {
	var m Match
	if g.IntN(3) == 0 {
		m.Host = g.pick("", "*.") + g.host()
	}
	switch g.IntN(7) {
	case 0:
		m.Path = Path{Kind: Exact, Value: g.path()}
	case 1:
		m.Path = Path{Kind: Prefix, Value: g.path()}
	case 2:
		m.Path = Path{Kind: Template, Value: strings.Replace(g.path(), "a", "{x}", 1)}
	case 3, 4:
		m.Path = Path{Kind: Regex, Value: g.regex(), URI: g.IntN(2) == 0}
	}
	if g.IntN(6) == 0 {
		m.Methods = []string{g.pick("GET", "POST"), "PUT"}
	}
	if g.IntN(6) == 0 {
		m.Headers = append(m.Headers, g.field("X-A", "x-b", "Cookie"))
	}
	if g.IntN(6) == 0 {
		m.Cookies = append(m.Cookies, g.field("c", "d"))
	}
	if g.IntN(6) == 0 {
		m.Query = append(m.Query, g.field("q", "r"))
	}
	if g.IntN(8) == 0 {
		m.Sources = append(m.Sources, netip.MustParsePrefix(g.pick("10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32")))
	}
	return m
}

func (g gen) request() *Request {
	r := &Request{Method: g.pick("GET", "POST", "PUT"), Host: g.pick("", ":80", ".") + g.host(),
		Source: netip.MustParseAddr(g.pick("10.1.2.3", "10.9.9.9", "::ffff:10.1.0.1", "2001:db8::1", "192.0.2.1"))}
	r.Host = strings.TrimLeft(g.host()+g.pick("", ":80", ".", ".:80"), ".")
	target := g.path()
	if g.IntN(2) == 0 {
		target += "?" + g.pick("q=a", "q=", "q", "r=ab&q=b", "", "x", "a/b", "r=1")
	}
	r.SetTarget(target)
	for range g.IntN(3) {
		r.Headers = append(r.Headers, Header{g.pick("X-A", "x-a", "X-B"), g.pick(" ", "") + g.pick("a", "b", "ab", "", "/a1")})
	}
	for range g.IntN(2) {
		r.Headers = append(r.Headers, Header{"Cookie", g.pick("c=a; d=b", "c=ab", "d", "d=;c=1")})
	}
	return r
}

// TestRandomTables holds the automata against the reference.
func TestRandomTables(t *testing.T) {
	g := gen{rand.New(rand.NewPCG(5, 6))}
	tables, requests := 1500, 100
	if testing.Short() {
		tables = 150
	}
	hits := map[int]int{}
	for range tables {
		var table Table
		for i := range 1 + g.IntN(8) {
			r := set(g.match())
			r.ID = uint32(i)
			table = append(table, r)
		}
		c, err := table.Compile(automaton.Options{})
		if err != nil {
			t.Fatal(err)
		}
		run, err := NewRunner(table, c)
		if err != nil {
			t.Fatal(err)
		}
		for range requests {
			r := g.request()
			want := table.Lookup(r)
			hits[want]++
			if got := run.Lookup(r); got != want {
				t.Fatalf("%+v\non %+v: rule %d, want %d", table, r, got, want)
			}
		}
	}
	for i := -1; i < 4; i++ {
		if hits[i] < tables {
			t.Errorf("rule %d is met only %d times", i, hits[i])
		}
	}
}

func FuzzFromPattern(f *testing.F) {
	for _, s := range [][2]string{{"^/images/", "/images/a"}, {"^/a/[^/]+$", "/a/b"}, {"^/x$", "/x?y"}, {"^/.*$", "/"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, expr, target string) {
		if i, _ := badPathByte(strings.ReplaceAll(target, "?", "")); i >= 0 || !strings.HasPrefix(target, "/") {
			return // no target of a request
		}
		re, err := regexp.Compile(expr)
		if err != nil {
			return
		}
		for _, uri := range []bool{false, true} {
			p, err := FromPattern(expr, uri)
			if err != nil {
				continue
			}
			if err := sameMatch(p, re, target, uri); err != nil {
				t.Error(err)
			}
			if e := p.check(); e != nil && p.Kind != Regex {
				t.Errorf("%q became %v %q: %v", expr, p.Kind, p.Value, e)
			}
		}
	})
}

// FuzzTemplate: a template that is accepted prints as it came, and matches what
// its expression matches.
func FuzzTemplate(f *testing.F) {
	f.Add("/users/{id}/posts", "/users/1/posts")
	f.Add("/a/v{x}.json", "/a/v1.json")
	f.Fuzz(func(t *testing.T, template, path string) {
		p, err := ParseTemplate(template)
		if err != nil {
			return
		}
		if p.String() != template {
			t.Errorf("%q prints as %q", template, p)
		}
		if got, want := p.Matches(path), regexp.MustCompile(p.Regex()).MatchString(path); got != want && !strings.Contains(path, "\n") {
			t.Errorf("%q on %q: %v, its expression says %v", template, path, got, want)
		}
	})
}
