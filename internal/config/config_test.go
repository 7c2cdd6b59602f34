// SPDX-License-Identifier: MIT

package config

import (
	"bytes"
	"fmt"
	"math"
	"math/rand"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const (
	testHosts = `# hosts of the tests
127.0.0.1	localhost one
::1		localhost ip6-localhost
192.168.0.12	Web1.Example web1
192.168.0.11	web2
192.168.0.99	web1		# web1 is .12 already
fe80::1%lo	scoped
10.0.0.7	80
10.0.0.8	a:b
bad		address
`
	testServices = `http		80/tcp		www
domain		53/udp
domain-t	53/tcp
webcache	8080/tcp
zero		0/tcp
also-http	80/tcp
`
)

func testNames(t testing.TB) *Names {
	t.Helper()
	dir := t.TempDir()
	hosts, services := filepath.Join(dir, "hosts"), filepath.Join(dir, "services")
	for file, text := range map[string]string{hosts: testHosts, services: testServices} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return NewNames(hosts, services)
}

func bare(c *Config) *Config {
	out := &Config{Settings: c.Settings}
	for _, s := range c.Services {
		s.Pos = Pos{}
		servers := s.Servers
		s.Servers = nil
		for _, srv := range servers {
			srv.Pos = Pos{}
			s.Servers = append(s.Servers, srv)
		}
		list := s.Rules
		s.Rules = nil
		for _, r := range list {
			r.Pos = Pos{}
			s.Rules = append(s.Rules, r)
		}
		out.Services = append(out.Services, s)
	}
	return out
}

func printed(t testing.TB, c *Config, n *Names) string {
	t.Helper()
	var b bytes.Buffer
	if err := Print(&b, c, n); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestManualPageFile(t *testing.T) {
	c, err := ReadFile("../../testdata/conf/manual.conf", nil, testNames(t))
	if err != nil {
		t.Fatal(err)
	}
	want := NewService("web")
	want.Listen = netip.MustParseAddrPort("0.0.0.0:80")
	want.Settings[MaxClients] = 256
	for _, a := range []string{"192.168.10.3:80", "192.168.10.2:80", "192.168.10.1:80"} {
		want.Servers = append(want.Servers, Server{Addr: netip.MustParseAddrPort(a), Weight: 1})
	}
	if got := bare(c).Services; !reflect.DeepEqual(got, []Service{want}) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if len(c.Notes) != 1 || !strings.HasSuffix(c.Notes[0].String(),
		"manual.conf:5:5: note: startservers, minspareservers, maxspareservers are ignored: workers are one a CPU, there is no pool of threads to size") {
		t.Errorf("notes: %v", c.Notes)
	}
}

func TestFullFile(t *testing.T) {
	c, err := ReadFile("../../testdata/conf/full.conf", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	const want = `Virtual shop {
    listen = 10.0.0.1:80
    mode = http
    scheduler = wrr
    connect-timeout = 1500ms
    head-timeout = 5s
    response-timeout = 2m
    body-timeout = 30s
    keepalive-timeout = 15s
    tunnel-timeout = 2h
    pool-timeout = 10s
    drain-timeout = 1m
    age-timeout = 10m
    maxclients = 20000
    backlog = 4096
    head-bytes = 32k
    head-fields = 64
    target-bytes = 4k
    body-bytes = 5g
    requests = 1000
    retries = 2
    pool-connections = 256
    receive-buffer = 1m
    listeners = 4
    forward = x-forwarded-for x-forwarded-proto via
    accept-proxy = on
    send-proxy = v2
    allow = connect retry-unsafe
    server-histograms = on
    trusted = 10.0.0.0/8 192.0.2.1/32 fd00::/8
    redirect = 10.0.1.9:80
    server = 10.0.1.1:8080 3
    server = 10.0.1.2:8080 1
    server = 10.0.1.3:80 1
    server = 10.0.1.4:8080 0
}

Virtual mail {
    listen = [2001:db8::1]:25
    mode = tcp
    scheduler = wlc
    server = [2001:db8:1::1]:25 2
    server = [2001:db8:1::2]:25 1
}

Virtual dns-over-tcp {
    listen = 0.0.0.0:53
    mode = tcp
    scheduler = rr
    server = 10.0.2.1:53 1
}
`
	if got := printed(t, c, nil); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	for s := Setting(0); s < NumSettings; s++ {
		if c.Services[0].Settings[s] == s.Info().Default {
			t.Errorf("full.conf does not set %s", s.Info().Key)
		}
	}
}

// The original's example, as it is. What is printed is the same table.
func TestOriginalFile(t *testing.T) {
	c, err := ReadFile("../../testdata/conf/original.conf", nil, testNames(t))
	if err != nil {
		t.Fatal(err)
	}
	want := `Virtual web {
    listen = 0.0.0.0:8080
    mode = http
    scheduler = mh
    maxclients = 256
    redirect = 127.0.0.1:80
    server = 192.168.0.12:80 1
    server = 192.168.0.11:80 1
    rule = pattern "/users/([^/]+)/.*" match 1 use server 192.168.0.12:80
    rule = pattern "/users/([^/]+)/.*" match 1 use server 192.168.0.11:80
}
`
	if got := printed(t, c, nil); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	again, err := Parse("again", want, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := printed(t, again, nil); got != want {
		t.Errorf("read again:\n%s", got)
	}
}

func TestSchedulerAndMode(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", "http wlc"},
		{"scheduler = http", "http wlc"},
		{"scheduler = PHTTP", "http wlc"},
		{"scheduler = wlc", "tcp wlc"},
		{"scheduler = rr", "http rr"},
		{"scheduler = wrr", "http wrr"},
		{"scheduler = MH", "http mh"},
		{"mode = tcp scheduler = sh", "tcp sh"},
		{"mode = tcp", "tcp wlc"},
		{"mode = HTTP", "http wlc"},
		{"mode = http scheduler = wlc", "http wlc"},
		{"scheduler = wlc mode = http", "http wlc"},
		{"scheduler = rr mode = tcp", "tcp rr"},
		{"mode = http scheduler = phttp", "http wlc"},
	} {
		c, err := Parse("f", "virtual x { "+tt.text+" }", nil)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if got := string(c.Services[0].Mode) + " " + c.Services[0].Scheduler; got != tt.want {
			t.Errorf("%s: %s, want %s", tt.text, got, tt.want)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, tt := range []struct{ text, want, hint string }{
		{"hello", `f:1:1: expected "Virtual", found "hello"`, "blocks"},
		{"vitrual web { }", `f:1:1: unknown word "vitrual"`, `did you mean "Virtual"?`},
		{"}", `f:1:1: "}" closes nothing`, ""},
		{"virtual {\n}", `f:1:9: a name is missing before "{"`, "NAME"},
		{"virtual", `f:1:8: a name is missing before the end of the file`, "NAME"},
		{"virtual web\nlisten = 1.2.3.4", `f:2:1: expected "{" after the name "web", found "listen"`, "NAME"},
		{"virtual web {\n  listen = 1.2.3.4:80\n", `f:3:1: the file ends inside the block of "web"`, `line 1`},
		{"virtual a {\nvirtual b {\n}", `f:2:1: Virtual inside the block of "a"`, `line 1`},
		{"virtual a {\n\tschedular = wlc\n}", `f:2:2: unknown key "schedular"`, `did you mean "scheduler"?`},
		{"virtual a {\n\tqqqqqqqqqq = wlc\n}", `f:2:2: unknown key "qqqqqqqqqq"`, `the keys are listen, `},
		{"virtual a {\n listen 0.0.0.0:80\n}", `f:2:2: expected "=" after "listen"`, "KEY = VALUE"},
		{"virtual a {\n listen = \n mode = tcp\n}", `f:2:2: "listen" has no value`, ""},
		{"virtual a {\n listen = }", `f:2:2: "listen" has no value`, ""},
		{"virtual a {\n = 3\n}", `f:2:2: expected a key, found "="`, "KEY = VALUE"},
		{"virtual a { listen = 1.2.3.4:80 5\n}", `f:1:33: "5" is one too many on this line`, ""},
		{"virtual a { mode = udp }", `f:1:20: unknown mode "udp"`, "tcp, http and tls"},
		{"virtual a { scheduler = wlcc }", `f:1:25: unknown scheduler "wlcc"`, `did you mean "wlc"?`},
		{`virtual a { cookie = "a b" }`, `f:1:22: "a b" cannot be the name of a cookie`, "a word of letters"},
		{"virtual a { cookie = s cookie-path = x }", `f:1:38: "x" is not the path of a cookie`, "begins with /"},
		{`virtual a { cookie = s cookie-attributes = "Secure; Path=/" }`, `f:1:44: "Path" has a key of its own`, "cookie-path"},
		{`virtual a { cookie = s cookie-attributes = "Secure;" }`, `f:1:44: "Secure;" are not attributes of a cookie`, "HttpOnly"},
		{"virtual a { cookie = s cookie-max-age = 1500ms }", `f:1:41: "1500ms" is no whole number of seconds`, "1s to 9600h"},
		{"virtual a { cookie = s cookie-max-age = 9601h }", `f:1:41: "9601h" is out of range`, "9600h"},
		{"virtual a { cookie = s cookie-key = key }", `f:1:37: "key" is not the absolute path of a file`, "from the root"},
		{"virtual a { cookie-key = /key }", `f:1:26: cookie-key without a cookie`, "give its name"},
		{"virtual a { cookie-max-age = 1h }", `f:1:13: cookie-max-age without a cookie`, "give its name"},
		{"virtual a { mode = tcp cookie = s }", `f:1:24: a cookie needs mode http`, "mode = http"},
		{"virtual a { scheduler = chttp cookie = none }", `f:1:31: the scheduler chttp is http with a cookie`, "use http"},
		{"virtual a { mode = tcp\n scheduler = http }", `f:2:14: this scheduler works in mode http only, line 1 says mode tcp`, "rr, wrr, lc, wlc, sed, nq, p2c, lt, sh, mh"},
		{"virtual a { mode = tls\n scheduler = http }", `f:2:14: this scheduler works in mode http only, line 1 says mode tls`, "rr, wrr"},
		{"virtual a { mode = tls\n rule = host b reject }", `f:2:9: what it asks is not known in mode tls`, "sni and alpn"},
		{"virtual a { mode = tls\n rule = sni b pattern /x reject }", `f:2:9: what it asks is not known in mode tls`, "sni and alpn"},
		{"virtual a { mode = tls\n rule = sni b answer 404 }", `f:2:9: in mode tls nothing can be answered`, "reject"},
		{"virtual a { mode = tls\n rule = sni [::1] reject }", `f:2:9: sni: "[::1]" has a port`, ""},
		{"virtual a { mode = tls\n rule = alpn h2,,h3 reject }", `f:2:9: alpn: "" is not a protocol`, "http/1.1"},
		{"virtual a { mode = tls\n server = 10.0.0.1:80\n rule = sni b use server 10.0.0.1:80 scheduler mh hash uri }", `f:3:9: hash uri looks at requests, and mode tls has none`, "source"},
		{"virtual a { mode = http\n rule = sni b reject }", `f:2:9: sni: no request has one`, "mode tls"},
		{"virtual a { mode = http\n rule = alpn h2 reject }", `f:2:9: alpn: no request has any`, "mode tls"},
		{"virtual a { mode = tcp\n rule = sni b reject }", `f:2:9: rules look at requests, and mode tcp has none`, "http or tls"},
		{"virtual a { mode = tcp\n MODE = tcp }", `f:2:2: "mode" is given twice`, "line 1"},
		{"virtual a { listen = 1.2.3.4:0 }", `f:1:22: "0" is not a port`, "1 to 65535"},
		{"virtual a { listen = 1.2.3.4:65536 }", `f:1:22: "65536" is not a port`, "1 to 65535"},
		{"virtual a { listen = 1.2.3.4: }", `f:1:22: the port is empty`, "colon"},
		{"virtual a { listen = 1.2.3.4:nix }", `f:1:22: unknown port "nix"`, "/etc/services"},
		{"virtual a { listen = :80 }", `f:1:22: ":80" has no host`, "0.0.0.0"},
		{"virtual a { listen = *:80 }", `f:1:22: "*:80" has no host`, "[::]"},
		{"virtual a { listen = 80 }", `f:1:22: "80" is not an address`, "0.0.0.0:80"},
		{"virtual a { listen = 1.2.3:80 }", `f:1:22: "1.2.3" is not an address`, ""},
		{"virtual a { listen = nowhere:80 }", `f:1:22: unknown host "nowhere"`, "/etc/hosts"},
		{"virtual a { listen = [::1:80 }", `f:1:22: "[::1:80" has no "]"`, "[IPV6]:PORT"},
		{"virtual a { listen = [::1]80 }", `f:1:22: "[::1]80" has no ":" after the "]"`, "[IPV6]:PORT"},
		{"virtual a { listen = [1.2.3.4]:80 }", `f:1:22: "1.2.3.4" is not an IPv6 address`, "[IPV6]:PORT"},
		{"virtual a { listen = ::x:80 }", `f:1:22: "::x:80" is not an IPv6 address`, "[IPV6]:PORT"},
		{"virtual a { listen = [::ffff:1.2.3.4]:80 }", `f:1:22: "::ffff:1.2.3.4" is an IPv4 address in an IPv6 dress`, "1.2.3.4"},
		{"virtual a { listen = [fe80::1%eth0]:80 }", `f:1:22: "fe80::1%eth0" names an interface`, "link-local"},
		{"virtual a { listen = [fe80::1]:80 }", `f:1:22: fe80::1 is an address of one link only`, "global"},
		{"virtual a { server = fe80::1 }", `f:1:22: fe80::1 is an address of one link only`, "global"},
		{"virtual a { listen = 224.0.0.1:80 }", `f:1:22: 224.0.0.1 cannot be listened at`, "0.0.0.0"},
		{"virtual a { server = 0.0.0.0:80 }", `f:1:22: 0.0.0.0 is not the address of one server`, ""},
		{"virtual a { server = 1.2.3.4:80 65536 }", `f:1:33: "65536" is not a weight`, "65535"},
		{"virtual a { server = 1.2.3.4:80 -1 }", `f:1:33: "-1" is not a weight`, "65535"},
		{"virtual a { server = 1.2.3.4:80 heavy\n}", `f:1:33: "heavy" is not a weight`, "65535"},
		{"virtual a { server = 1.2.3.4:80\n server = 1.2.3.4:80 2 }", `f:2:11: server 1.2.3.4:80 is given twice`, "line 1"},
		{"virtual a { listen = 0.0.0.0:80\n server = 1.2.3.4\n server = 1.2.3.4:80 2 }", `f:3:11: server 1.2.3.4:80 is given twice`, "line 2"},
		{"virtual a { }\nvirtual a { listen = 1.1.1.1:1 }", `f:2:9: a second service with the name "a"`, "line 1"},
		{"virtual a { }\nvirtual b { }", `f:2:9: service "b" listens at 0.0.0.0:8080 as "a" (line 1) does`, "another"},
		{"virtual a { connect-timeout = 5 }", `f:1:31: "5" is not a time`, "5s is seconds"},
		{"virtual a { connect-timeout = 5sec }", `f:1:31: "5sec" is not a time`, "1500ms"},
		{"virtual a { connect-timeout = 0s }", `f:1:31: "0s" is out of range`, "1ms to 24h"},
		{"virtual a { connect-timeout = 25h }", `f:1:31: "25h" is out of range`, "1ms to 24h"},
		{"virtual a { connect-timeout = 18446744073709551615h }", `f:1:31: "18446744073709551615h" is out of range`, ""},
		{"virtual a { maxclients = 16777217 }", `f:1:26: "16777217" is out of range`, "0 to 16777216"},
		{"virtual a { maxclients = 5s }", `f:1:26: "5s" is not a number`, "0 to 16777216"},
		{"virtual a { head-bytes = 64k }", `f:1:26: "64k" is out of range`, "512 to 65535"},
		{"virtual a { body-bytes = 17179869184g }", `f:1:26: "17179869184g" is out of range`, "any number"},
		{"virtual a { age-timeout = 5 }", `f:1:27: "5" is not a time`, "5s is seconds"},
		{"virtual a { trusted = 10.0.0.1/8 }", `f:1:23: "10.0.0.1/8" has bits behind its length`, "write 10.0.0.0/8, or 10.0.0.1/32 for the one address"},
		{"virtual a { trusted = fd00::1/8 }", `f:1:23: "fd00::1/8" has bits behind its length`, "write fd00::/8, or fd00::1/128"},
		{"virtual a { trusted = 10.0.0.0/33 }", `f:1:23: "10.0.0.0/33" has no length of a network`, "0 to 32"},
		{"virtual a { trusted = 10.0.0.0/ }", `f:1:23: "10.0.0.0/" has no length of a network`, "0 to 32"},
		{"virtual a { trusted = fd00::/129 }", `f:1:23: "fd00::/129" has no length of a network`, "0 to 128"},
		{"virtual a { trusted = localhost }", `f:1:23: "localhost" is not a network`, "names are not looked up"},
		{"virtual a { trusted = 10.0.0.0/8 10.0.0 }", `f:1:34: "10.0.0" is not a network`, "10.0.0.0/8"},
		{"virtual a { trusted = ::ffff:10.0.0.0/104 }", `f:1:23: "::ffff:10.0.0.0/104" is an IPv4 address in an IPv6 dress`, "10.0.0.0"},
		{"virtual a { trusted = fe80::%eth0/10 }", `f:1:23: "fe80::%eth0/10" names an interface`, "interface"},
		{"virtual a { trusted = 10.0.0.0/8\n trusted = ::/0 10.0.0.0/8 }", `f:2:17: network 10.0.0.0/8 is given twice`, ""},
		{"virtual a { trusted = none 10.0.0.0/8 }", `f:1:23: "none" stands alone`, "not both"},
		{"virtual a { trusted = 10.0.0.0/8\n trusted = none }", `f:2:12: "none" stands alone`, "remove"},
		{"virtual a { forward = via x-forwarded-fro\n}", `f:1:23: "x-forwarded-fro" is unknown to forward`, `did you mean "x-forwarded-for"?`},
		{"virtual a { forward = via, via }", `f:1:23: "via" is given twice`, ""},
		{"virtual a { forward = via none }", `f:1:23: "none" stands alone`, "not both"},
		{"virtual a { forward = \"\" }", `f:1:23: "" is unknown to forward`, "none or any of x-forwarded-for"},
		{"virtual a { forward = via\n forwarded = off }", `f:2:2: forwarded and forward are two names of one setting`, "line 1"},
		{"virtual a { send-proxy = v3 }", `f:1:26: "v3" is unknown to send-proxy`, "v1"},
		{"virtual a { allow = everything }", `f:1:21: "everything" is unknown to allow`, "connect, retry-unsafe"},
		{"virtual a { redirect = [::]:80 }", `f:1:24: :: is not the address of one server`, "at which the server listens"},
		{"virtual a { redirect = nowhere }", `f:1:24: unknown host "nowhere"`, "/etc/hosts"},
		{"virtual a { redirect = 10.0.0.1:80\n redirect = none }", `f:2:2: "redirect" is given twice`, "line 1"},
		{"virtual a { listen = 0.0.0.0:80 redirect = 10.0.0.1\n server = 10.0.0.1 }", `f:1:44: the fallback server 10.0.0.1:80 is one of the servers of "a" too`, "another one, or none"},
		{"virtual a { accept-proxy = on\n trusted = none }", `f:1:13: accept-proxy without trusted networks would let nobody connect`, "trusted = NETWORK"},
		{"virtual a { accept-proxy = on\n trusted = 1 }", `f:2:12: "1" is not a network`, ""},
		{"virtual a { accept-proxy = v1 }", `f:1:28: "v1" is neither on nor off`, ""},
		{"virtual a { forwarded = maybe }", `f:1:25: "maybe" is neither on nor off`, ""},
		{"virtual a { startservers = many }", `f:1:28: "many" is not a number`, ""},
		{"virtual a { listen = \"1.2.3.4:80\n}", `f:1:22: this string has no end`, `\"`},
		{"virtual a { listen = 1.2\x003.4 }", `f:1:25: the byte 0x00 does not belong into a configuration`, "text"},
		{"virtual a\xff { }", `f:1:10: the byte 0xff is not UTF-8`, "text"},
		{"settings { max-connections = 0 }", `f:1:30: "0" is out of range`, "1 to 16777216"},
		{"settings { maxconnections = 5\n}", `f:1:12: unknown key "maxconnections"`, `did you mean "max-connections"?`},
		{"settings { max-connections = 5\n max-connections = 5 }", `f:2:2: "max-connections" is given twice`, "line 1"},
		{"settings {\n}\nsettings { }", `f:3:1: a second block Settings`, "line 1"},
		{"settings x { }", `f:1:10: expected "{" after "settings", found "x"`, "no name"},
		{"settings { \nvirtual a { } }", "f:2:1: Virtual inside the block Settings\nf:2:15: \"}\" closes nothing", "line 1"},
		{"settings {", `f:1:11: the file ends inside the block Settings`, "line 1"},
		{"virtual a {\n settings { } }", "f:2:2: Settings inside the block of \"a\"\nf:2:15: \"}\" closes nothing", "line 1"},
		{"setings { }", `f:1:1: unknown word "setings"`, `did you mean "Settings"?`},
		{"virtual \"a b\" { }", `f:1:9: the name "a b" contains " "`, "31"},
		{"virtual " + strings.Repeat("a", 32) + " { }", `f:1:9: the name "` + strings.Repeat("a", 32) + `" is 32 bytes long`, "31"},
		{"virtual ä { }", `f:1:9: the name "ä" contains "\xc3"`, "31"},
		{"virtual ä#", `f:1:9: the name "ä" contains "\xc3"` + "\n" + `f:1:11: expected "{" after the name "ä", found the end of the file`, ""},
	} {
		_, err := Parse("f", tt.text, testNames(t))
		if err == nil {
			t.Errorf("%q: accepted", tt.text)
			continue
		}
		if err.Error() != tt.want {
			t.Errorf("%q:\n got %v\nwant %s", tt.text, err, tt.want)
		}
		if hint := err.(Errors)[0].Hint; !strings.Contains(hint, tt.hint) {
			t.Errorf("%q: hint %q lacks %q", tt.text, hint, tt.hint)
		}
	}
}

func TestErrorsAreBounded(t *testing.T) {
	_, err := Parse("f", "virtual a {\n"+strings.Repeat("nonsense\n", 1000)+"}", nil)
	if n := len(err.(Errors)); n != maxErrors+1 {
		t.Errorf("%d errors", n)
	}
	_, err = Parse("f", "virtual "+strings.Repeat("x", 100000)+" {}", nil)
	if n := len(err.Error()); n > 200 {
		t.Errorf("a message of %d bytes", n)
	}
	_, err = ReadFile("-", strings.NewReader(strings.Repeat("#", MaxSize+1)), nil)
	if err == nil || !strings.Contains(err.Error(), "larger than 64 MiB") {
		t.Error(err)
	}
}

func TestWordsAndStrings(t *testing.T) {
	for _, tt := range []struct{ text, name string }{
		{"virtual a=b { }", "a=b"},
		{"virtual = { }", "="},
		{"virtual a{listen=1.2.3.4:80}", "a"},
		{"virtual \"quoted\" { }", "quoted"},
		{"virtual a\\ { }", "a\\"},
		{"\ufeffvirtual a # comment { \r\n{ }", "a"},
	} {
		c, err := Parse("f", tt.text, nil)
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		if got := c.Services[0].Name; got != tt.name {
			t.Errorf("%q: name %q, want %q", tt.text, got, tt.name)
		}
	}
	l := newLexer(`"a \"b\" \d \\."`)
	if got := l.next(false); got.kind != tokString || got.text != `a "b" \d \\.` {
		t.Errorf("%v", got)
	}
}

func TestNames(t *testing.T) {
	n := testNames(t)
	for _, tt := range []struct{ text, want string }{
		{"localhost:www", "127.0.0.1:80"},
		{"WEB1:HTTP", "192.168.0.12:80"},
		{"web1.example", "192.168.0.12:0"},
		{"ip6-localhost:webcache", "[::1]:8080"},
		{"0.0.0.0:webcache", "0.0.0.0:8080"},
		{"::1", "[::1]:0"},
		{"[::1]", "[::1]:0"},
		{"[::1]:www", "[::1]:80"},
		{"web2:https", "192.168.0.11:443"}, // not in the file: well known
	} {
		got, err := n.ParseAddr(tt.text)
		if err != nil || got.String() != tt.want {
			t.Errorf("%s: %v %v, want %s", tt.text, got, err, tt.want)
		}
	}
	for _, bad := range []string{"scoped", "domain", "a:b", "web3", "one:domain", "one:zero"} {
		if a, err := n.ParseAddr(bad); err == nil {
			t.Errorf("%s: %v", bad, a)
		}
	}
	for _, tt := range []struct{ addr, want string }{
		{"192.168.0.12:80", "web1.example:http"},
		{"192.168.0.99:8080", "192.168.0.99:webcache"}, // web1 reads back as .12
		{"127.0.0.1:53", "localhost:domain-t"},
		{"[::1]:1", "ip6-localhost:1"}, // localhost reads back as IPv4
		{"10.0.0.7:80", "10.0.0.7:http"},
		{"[2001:db8::1]:80", "[2001:db8::1]:http"},
	} {
		a := netip.MustParseAddrPort(tt.addr)
		if got := n.FormatAddr(a); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.addr, got, tt.want)
		}
		if back, err := n.ParseAddr(tt.want); err != nil || back != a {
			t.Errorf("%s reads back as %v, %v", tt.want, back, err)
		}
	}
	missing := NewNames("/nonexistent/hosts", "/nonexistent/services")
	if a, err := missing.ParseAddr("1.2.3.4:webcache"); err != nil || a.Port() != 8080 {
		t.Error(a, err)
	}
}

// randomConfig makes any valid table.
func randomConfig(r *rand.Rand) *Config {
	c := &Config{}
	const letters = "abcXYZ019-_.=$%&/()[]\\|~!?*+,;:<>@^`"
	if r.Intn(3) == 0 {
		c.Settings.MaxConnections = 1 + uint32(r.Intn(1<<24))
	}
	names := make(map[string]bool)
	for i, n := 0, r.Intn(6); i < n; i++ {
		name := make([]byte, 1+r.Intn(MaxName))
		for j := range name {
			name[j] = letters[r.Intn(len(letters))]
		}
		if names[string(name)] {
			continue
		}
		names[string(name)] = true
		s := NewService(string(name))
		s.Listen = randomAddr(r, uint16(1000+i))
		s.Mode = []Mode{ModeTCP, ModeHTTP, ModeTLS}[r.Intn(3)]
		s.Scheduler = AnyModeSchedulers()[r.Intn(len(AnyModeSchedulers()))]
		for k := range s.Settings {
			info := Setting(k).Info()
			switch r.Intn(4) {
			case 0:
				s.Settings[k] = between(r, info)
			case 1:
				s.Settings[k] = []uint64{info.Min, info.Max}[r.Intn(2)]
			}
		}
		s.Trusted = randomNetworks(r)
		if len(s.Trusted) == 0 {
			s.Settings[AcceptProxy] = 0
		}
		if r.Intn(3) == 0 {
			s.Redirect = randomAddr(r, 9999) // no server has this port
		}
		for j, m := 0, r.Intn(5); j < m; j++ {
			s.Servers = append(s.Servers, Server{Addr: randomAddr(r, uint16(1+j)), Weight: uint32(r.Intn(MaxWeight + 1))})
		}
		c.Services = append(c.Services, s)
	}
	return c
}

func between(r *rand.Rand, info SettingInfo) uint64 {
	if info.Max == math.MaxUint64 {
		return r.Uint64() >> r.Intn(64)
	}
	return info.Min + uint64(r.Int63n(int64(info.Max-info.Min)+1))
}

// randomNetworks makes a valid list, sorted.
func randomNetworks(r *rand.Rand) []netip.Prefix {
	var list []netip.Prefix
	for range []int{0, 0, 0, 1, 5, MaxTrusted}[r.Intn(6)] {
		a := randomAddr(r, 1).Addr()
		if r.Intn(2) == 0 {
			a = netip.AddrFrom4([4]byte{byte(r.Intn(256)), byte(r.Intn(256)), byte(r.Intn(256)), byte(r.Intn(256))})
		}
		if more, err := addNetwork(list, netip.PrefixFrom(a, r.Intn(a.BitLen()+1)).Masked().String()); err == nil {
			list = more
		}
	}
	return list
}

func randomAddr(r *rand.Rand, port uint16) netip.AddrPort {
	known := []string{"127.0.0.1", "::1", "192.168.0.12", "192.168.0.99", "192.168.0.11", "10.0.0.7", "2001:db8::1", "fd00::1"}
	if r.Intn(4) == 0 {
		port = []uint16{80, 53, 8080, 443}[port%4] + 10000*(port/4%4)
	}
	return netip.AddrPortFrom(netip.MustParseAddr(known[r.Intn(len(known))]), port)
}

// What is printed reads back as the same table, by number and by name, and is
// printed the same again.
func TestPrintParseFixpoint(t *testing.T) {
	names := testNames(t)
	r := rand.New(rand.NewSource(1))
	for i := 0; i < 3000; i++ {
		c := randomConfig(r)
		for _, n := range []*Names{nil, names} {
			text := printed(t, c, n)
			back, err := Parse("f", text, n)
			if err != nil {
				if strings.Contains(err.Error(), "listens at") || strings.Contains(err.Error(), "given twice") {
					continue // the random table was not valid
				}
				t.Fatalf("%v\n%s", err, text)
			}
			if !reflect.DeepEqual(bare(back), bare(c)) {
				t.Fatalf("read back differs:\n%s", text)
			}
			if again := printed(t, back, n); again != text {
				t.Fatalf("printed:\n%s\nthen:\n%s", text, again)
			}
		}
	}
}

func TestSettingFormatParse(t *testing.T) {
	for s := Setting(0); s < NumSettings; s++ {
		info := s.Info()
		for _, v := range []uint64{info.Min, info.Max, info.Default, info.Min/2 + info.Max/2} {
			got, err := s.Parse(s.Format(v))
			if err != nil || got != v {
				t.Errorf("%s: %d is printed %s and read %d, %v", info.Key, v, s.Format(v), got, err)
			}
		}
		bad := []string{"", "-1", "+5s", "1.5s", " ", "s", "k", "99999999999999999999g", "99999999999999999999h", "nonsense"}
		if info.Max < math.MaxUint64 && info.Kind != Switch {
			bad = append(bad, fmt.Sprint(info.Max+1))
		}
		for _, bad := range bad {
			if v, err := s.Parse(bad); err == nil {
				t.Errorf("%s: %q is taken for %d", info.Key, bad, v)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("../../testdata/conf/*.conf")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	for _, text := range []string{"virtual a { server = [::1]:80 3 }", "virtual \"x\\\"y\" {", "virtual = { = = }", "settings { max-connections = 7 } virtual a { }", "virtual a{}#\xff", "}{"} {
		f.Add(text)
	}
	names := testNames(f)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("f", text, names)
		if err != nil {
			errs := err.(Errors)
			nl := strings.Count(text, "\n") + 1
			for _, e := range errs {
				if e.File != "f" || e.Msg == "" || e.Pos.Line < 1 || e.Pos.Line > nl || e.Pos.Col < 1 {
					t.Fatalf("a useless error: %+v", e)
				}
			}
			return
		}
		out := printed(t, c, names)
		back, err := Parse("f", out, names)
		if err != nil {
			t.Fatalf("%v in what was printed:\n%s", err, out)
		}
		if !reflect.DeepEqual(bare(back), bare(c)) {
			t.Fatalf("%q was printed as\n%s", text, out)
		}
	})
}
