// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/genl/genlfake"
	"github.com/ktcpvs/ktcpvs/internal/config"
)

// node is a machine with a fake kernel, on which tcpvsadm runs.
type node struct {
	t      testing.TB
	kernel *genlfake.Kernel
	client *genl.Client
}

func newNode(t testing.TB) *node {
	n := &node{t: t, kernel: genlfake.New()}
	n.kernel.SetPiece(100)
	var err error
	if n.client, err = genl.New(genl.WithDialer(n.kernel.Dial)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.client.Close() })
	return n
}

func (n *node) app(stdin io.Reader, stdout, stderr io.Writer) *app {
	return &app{
		stdin: stdin, stdout: stdout, stderr: stderr,
		names: config.NewNames("testdata/hosts", "testdata/services"),
		dial: func(opts ...genl.Option) (*genl.Client, error) {
			return genl.New(append(opts, genl.WithDialer(n.kernel.Dial))...)
		},
		memory: fakeMemory, now: time.Now, sleep: time.Sleep,
	}
}

// adm runs tcpvsadm, which must succeed and say nothing on stderr.
func (n *node) adm(stdin string, args ...string) string {
	n.t.Helper()
	var stdout, stderr strings.Builder
	if status := n.app(strings.NewReader(stdin), &stdout, &stderr).run(args); status != 0 || stderr.Len() > 0 {
		n.t.Fatalf("%q: status %d\n%s\nof:\n%s", args, status, stderr.String(), stdin)
	}
	return stdout.String()
}

// fill makes any valid table, by requests and not by the code under test, of
// few enough names and addresses that tables have much in common.
func (n *node) fill(r *rand.Rand) {
	n.t.Helper()
	ctx := context.Background()
	check := func(err error) {
		if err != nil {
			n.t.Fatal(err)
		}
	}
	// Whatever a name may contain, at its beginning as well.
	const letters = `abcXYZ019-_.=$%&/()[]\|~!?*+,;:<>@^` + "`"
	for i, many := 0, r.Intn(6); i < many; i++ {
		name := []string{"web", "-A", "--", "=", `\`}[i%5]
		if r.Intn(2) == 0 {
			b := make([]byte, 1+r.Intn(genl.NameMax-1))
			for j := range b {
				b[j] = letters[r.Intn(len(letters))]
			}
			name = fmt.Sprintf("%s%d", b, i)
		}
		listen := netip.AddrPortFrom(randomHost(r), uint16(80+i))
		c := genl.ServiceConfig{
			Mode:      genl.Ptr([]genl.Mode{genl.ModeTCP, genl.ModeHTTP, genl.ModeTLS}[r.Intn(3)]),
			Scheduler: genl.Ptr([]string{"rr", "wrr", "wlc"}[r.Intn(3)]),
			Listen:    &listen,
		}
		for k := range config.NumSettings {
			info := k.Info()
			switch r.Intn(6) {
			case 0:
				if info.Max == math.MaxUint64 {
					settingFields[k].set(&c, r.Uint64()>>r.Intn(64))
				} else {
					settingFields[k].set(&c, info.Min+uint64(r.Int63n(int64(info.Max-info.Min)+1)))
				}
			case 1:
				settingFields[k].set(&c, []uint64{info.Min, info.Max}[r.Intn(2)])
			}
		}
		trusted := []netip.Prefix{}
		for range []int{0, 1, 2, config.MaxTrusted}[r.Intn(4)] {
			a := netip.AddrFrom4([4]byte{byte(r.Intn(256)), byte(r.Intn(256)), byte(r.Intn(256)), byte(r.Intn(256))})
			if r.Intn(3) == 0 {
				a = netip.AddrFrom16([16]byte{0xfd, byte(r.Intn(256)), byte(r.Intn(256)), 15: byte(r.Intn(256))})
			}
			if p := netip.PrefixFrom(a, r.Intn(a.BitLen()+1)).Masked(); !slices.Contains(trusted, p) {
				trusted = append(trusted, p)
			}
		}
		c.Trusted = &trusted
		if r.Intn(3) == 0 {
			c.Fallback = genl.Ptr(netip.AddrPortFrom(randomHost(r), 9999))
		}
		if len(trusted) == 0 { // the kernel would refuse it
			c.AcceptProxy = nil
		}
		if _, err := n.client.Service(ctx, name); err == nil {
			continue
		}
		check(n.client.AddService(ctx, name, c))
		if r.Intn(2) == 0 {
			check(n.client.StartService(ctx, name))
		}
		var servers []netip.AddrPort
		for j, many := 0, r.Intn(6); j < many; j++ {
			addr := netip.AddrPortFrom(randomHost(r), []uint16{80, 443, 8080, 1, 65535, 2049}[j])
			check(n.client.AddServer(ctx, name, addr, genl.ServerConfig{Weight: genl.Ptr(uint32(r.Intn(config.MaxWeight + 1)))}))
			servers = append(servers, addr)
		}
		if *c.Mode == genl.ModeHTTP {
			n.fillRules(r, name, servers)
		}
	}
	if r.Intn(2) == 0 {
		check(n.client.SetSettings(ctx, genl.SettingsConfig{MaxConnections: genl.Ptr(1 + uint32(r.Intn(1<<24)))}))
	}
}

func randomHost(r *rand.Rand) netip.Addr {
	return netip.MustParseAddr([]string{"10.0.0.1", "10.0.0.2", "127.0.0.1", "::1", "2001:db8::1"}[r.Intn(5)])
}

// dump is what the kernel holds, but for numbers, states and counts, without
// any of the code under test.
func (n *node) dump() any {
	n.t.Helper()
	ctx := context.Background()
	services, err := n.client.Services(ctx)
	if err != nil {
		n.t.Fatal(err)
	}
	settings, err := n.client.Settings(ctx)
	if err != nil {
		n.t.Fatal(err)
	}
	type whole struct {
		settings genl.Settings
		services map[string]genl.Service
		servers  map[string][]genl.Server
		rules    map[string][]string
	}
	w := whole{settings, map[string]genl.Service{}, map[string][]genl.Server{}, map[string][]string{}}
	for _, s := range services {
		servers, err := n.client.Servers(ctx, s.Name)
		if err != nil {
			n.t.Fatal(err)
		}
		for i := range servers {
			servers[i].ID = 0
		}
		slices.SortFunc(servers, func(a, b genl.Server) int { return a.Address.Compare(b.Address) })
		w.servers[s.Name] = servers
		w.rules[s.Name] = n.rulesOf(s.Name)
		s.ID, s.State, s.Trusted = 0, 0, config.SortNetworks(s.Trusted)
		w.services[s.Name] = s
	}
	return w
}

func sameDump(a, b any) bool { return reflect.DeepEqual(a, b) }

// -S | -R and -L | -f are lossless, whatever the table was that they replace,
// and what is printed then is printed the same again.
func TestSaveAndRestoreFixpoint(t *testing.T) {
	for seed := range int64(120) {
		for _, way := range []struct{ out, in []string }{
			{[]string{"-S"}, []string{"-R"}},
			{[]string{"-L"}, []string{"-f", "-"}},
			{[]string{"-Ln"}, []string{"-f", "-"}},
		} {
			r := rand.New(rand.NewSource(seed))
			from, empty, other := newNode(t), newNode(t), newNode(t)
			from.fill(r)
			other.fill(r)
			filled := len(from.kernel.Changes())
			text := from.adm("", way.out...)
			for _, to := range []*node{empty, from} {
				to.adm(text, way.in...)
				if again := to.adm("", way.out...); again != text {
					t.Fatalf("seed %d, %s: printed\n%s\nthen\n%s", seed, way.out, text, again)
				}
			}
			for _, change := range from.kernel.Changes()[filled:] {
				if strings.HasPrefix(change, "transaction") {
					t.Fatalf("seed %d, %s: the table as it was is a change", seed, way.out)
				}
			}
			other.loud(text, way.in...)
			want := from.dump()
			for _, to := range []*node{empty, other} {
				if got := to.dump(); !reflect.DeepEqual(got, want) {
					t.Fatalf("seed %d, %s:\n%+v\nwant\n%+v\nfrom\n%s", seed, way.out, got, want, text)
				}
			}
		}
	}
}

// loud is adm for what may say on stderr that services were made anew.
func (n *node) loud(stdin string, args ...string) {
	n.t.Helper()
	var stderr strings.Builder
	if status := n.app(strings.NewReader(stdin), &strings.Builder{}, &stderr).run(args); status != 0 {
		n.t.Fatalf("%q: status %d\n%s\nof:\n%s", args, status, stderr.String(), stdin)
	}
}

// The words of a line survive, whatever is in them.
func FuzzWords(f *testing.F) {
	for _, s := range []string{"", "a b", `"`, `\"`, "#", `\`, "ä\t", "x#y", "a b\\\\", "\xe9 ", `\ \" \`} {
		f.Add(s, "b")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, s := range []string{a, b} {
			if strings.ContainsAny(s, "\r\n") {
				return // they end a line
			}
		}
		words, err := splitWords(quoteWord(a) + "  " + quoteWord(b) + " # rest")
		if err != nil {
			t.Fatal(err)
		}
		if len(words) != 2 || words[0].text != a || words[1].text != b || words[0].col != 1 {
			t.Fatalf("%q %q: %+v", a, b, words)
		}
	})
}

// A hundred thousand servers are no reason to wait.
func BenchmarkRestoreLine(b *testing.B) {
	s := &session{app: &app{names: config.NewNames("", "")}, ctx: context.Background()}
	r := &restorer{session: s, index: map[string]int{}, lines: map[server]int{}}
	r.line(1, "-A -i web -l 10.0.0.1:80")
	for i := range b.N {
		r.line(i, fmt.Sprintf("-a -i web -r 10.%d.%d.%d:80 -w 1", i>>16&255, i>>8&255, i&255))
	}
	if len(r.errs) > 0 && b.N < 1<<24 {
		b.Fatal(r.errs)
	}
}
