// SPDX-License-Identifier: MIT

package genl

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"

	"github.com/ktcpvs/ktcpvs/internal/spec"
)

// encoded returns what fill writes.
func encoded(t *testing.T, fill func(*netlink.AttributeEncoder)) []byte {
	t.Helper()
	b, err := (&request{fill: fill}).attributes()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func decoded(t *testing.T, b []byte, v any) {
	t.Helper()
	if err := decode(genetlink.Message{Data: b}, v); err != nil {
		t.Fatal(err)
	}
}

// What is packed is unpacked as it was: a configuration has the attributes of
// what the kernel replies.
func TestServiceRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		n := func() uint32 { return rng.Uint32() }
		d := func() time.Duration { return time.Duration(n()) * time.Millisecond }
		ip := netip.AddrFrom4([4]byte{byte(n()), byte(n()), byte(n()), byte(n())})
		if n()%2 == 0 {
			ip = netip.AddrFrom16([16]byte{0x20, byte(n()), byte(n()), 15: byte(n())})
		}
		want := Service{
			Mode: Mode(n() % 2), Scheduler: strings.Repeat("s", 1+int(n()%15)), Listen: netip.AddrPortFrom(ip, uint16(n())),
			Timeouts: Timeouts{d(), d(), d(), d(), d(), d(), d(), d(), d()},
			Limits:   Limits{n(), n(), n(), n(), n(), n(), n(), n(), n(), n(), uint64(n())<<32 | uint64(n())},
			Forward:  Forward(n() % 32), Trusted: []netip.Prefix{}, AcceptProxy: n()%2 == 0,
			SendProxy: ProxyHeader(n() % 3), Allow: Allow(n() % 4), ServerHistograms: n()%2 == 0,
			Hash: Hash{Key: HashKey(n() % 6), Name: strings.Repeat("h", int(n()%64)), Bound: n()},
		}
		if n()%2 == 0 { // the id of its key is not sent back
			want.Cookie = &Cookie{Name: strings.Repeat("c", 1+int(n()%CookieNameMax)), Path: "/" + strings.Repeat("p", int(n()%CookieTextMax)),
				Attributes: strings.Repeat("a", int(n()%(CookieTextMax+1))), MaxAge: n()}
		}
		for range n() % (TrustedMax + 1) {
			ip = netip.AddrFrom4([4]byte{byte(n()), byte(n()), byte(n()), byte(n())})
			if n()%2 == 0 {
				ip = netip.AddrFrom16([16]byte{0x20, byte(n()), byte(n()), 15: byte(n())})
			}
			p, _ := ip.Prefix(int(n()) % (ip.BitLen() + 1))
			want.Trusted = append(want.Trusted, p)
		}
		var got Service
		decoded(t, encoded(t, want.Config().encode), &got)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %+v\nwant %+v", got, want)
		}
	}
}

// Each counter lands in its own field, as 4 and as 8 bytes.
func TestEveryCounter(t *testing.T) {
	for _, tt := range []struct {
		set *spec.Set
		v   any
	}{
		{spec.SetStats, &ServiceStats{}},
		{spec.SetServerStats, &ServerStats{}},
		{spec.SetWorker, &Worker{}},
		{spec.SetInfo, &Info{}},
		{spec.SetSettings, &Settings{}},
		{spec.SetLimits, &Limits{}},
	} {
		for _, a := range tt.set.Attributes {
			if a.Kind == spec.KindPad || a.Kind == spec.KindString {
				continue
			}
			values := []uint64{7}
			if a.Kind == spec.KindUint {
				values = []uint64{0, 7, math.MaxUint32, math.MaxUint32 + 1, math.MaxUint64}
			}
			for _, n := range values {
				rv := reflect.ValueOf(tt.v).Elem()
				rv.SetZero()
				decoded(t, encoded(t, func(ae *netlink.AttributeEncoder) {
					if n > math.MaxUint32 {
						ae.Uint64(a.Type, n)
					} else {
						ae.Uint32(a.Type, uint32(n))
					}
				}), tt.v)
				for i := range rv.NumField() {
					f, sf := rv.Field(i), rv.Type().Field(i)
					if !f.CanUint() {
						continue
					}
					want := uint64(0)
					if sf.Tag.Get("json") == strings.ReplaceAll(a.Name, "-", "_") {
						want = n
					}
					if f.Uint() != want {
						t.Errorf("%s.%s = %d: field %s is %d, want %d", tt.set.Name, a.Name, n, sf.Name, f.Uint(), want)
					}
				}
			}
		}
	}
}

func TestCounters(t *testing.T) {
	v := ServiceStats{Connections: 5, Active: 2, Handoffs: 9}
	old := ServiceStats{Connections: 3, Active: 7, Handoffs: 10}
	if got, want := v.Sub(old), (ServiceStats{Connections: 2, Active: 2, Handoffs: 9}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	seen := map[string]uint64{}
	for c, n := range v.All() {
		if c.Doc == "" || c.Gauge != (c.Name == "active") {
			t.Errorf("%+v", c)
		}
		seen[c.Name] = n
	}
	if len(seen) != reflect.TypeFor[ServiceStats]().NumField() || seen["connections"] != 5 || seen["handoffs"] != 9 {
		t.Errorf("got %v", seen)
	}
	var names []string
	s := ServerStats{Idle: 4}
	for c := range s.All() {
		names = append(names, c.Name)
		if len(names) == 2 {
			break
		}
	}
	if strings.Join(names, " ") != "active idle" {
		t.Errorf("got %v", names)
	}
}

func TestEnums(t *testing.T) {
	for m, name := range map[Mode]string{ModeTCP: "tcp", ModeHTTP: "http"} {
		if m.String() != name {
			t.Errorf("%d is %q, want %q", m, m, name)
		}
		if back, err := ParseMode(name); err != nil || back != m {
			t.Errorf("ParseMode(%q) = %v, %v", name, back, err)
		}
	}
	if s := Mode(77).String(); s != "unknown(77)" {
		t.Errorf("got %q", s)
	}
	if s := ServiceState(math.MaxUint32).String(); s != "unknown(4294967295)" {
		t.Errorf("got %q", s)
	}
	if _, err := ParseMode("udp"); err == nil || err.Error() != `"udp" is none of ["tcp" "http" "tls"]` {
		t.Errorf("got %v", err)
	}
	var v struct{ State ServerState }
	if err := json.Unmarshal([]byte(`{"State":"drain"}`), &v); err != nil || v.State != ServerStateDrain {
		t.Errorf("got %v, %v", v, err)
	}
	if err := json.Unmarshal([]byte(`{"State":"gone"}`), &v); err == nil {
		t.Errorf("a state that does not exist was taken")
	}
	for k, want := range map[EventKind]string{EventServiceChanged: "service-changed", EventLost: "lost", 0: "unknown(0)", -1: "unknown(-1)", 99: "unknown(99)"} {
		if k.String() != want {
			t.Errorf("got %q, want %q", k, want)
		}
	}
}

func TestTimeoutsJSON(t *testing.T) {
	want := Timeouts{Connect: 1500 * time.Millisecond, Tunnel: time.Hour}
	b, err := json.Marshal(want)
	if err != nil || !strings.Contains(string(b), `"connect":1500,`) || !strings.Contains(string(b), `"tunnel":3600000,`) {
		t.Errorf("got %s, %v", b, err)
	}
	var got Timeouts
	if err := json.Unmarshal(b, &got); err != nil || got != want {
		t.Errorf("got %v, %v", got, err)
	}
	if err := json.Unmarshal([]byte(`{"connect":"1s"}`), &got); err == nil {
		t.Errorf("a time that is no number was taken")
	}
}

func TestCheckName(t *testing.T) {
	for _, name := range []string{"web", "a", "www.example.org:80", strings.Repeat("n", NameMax), "!$%&()*+,-./;<=>?@[\\]^_`|~"} {
		if err := CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for name, want := range map[string]string{
		"":                             "is empty",
		strings.Repeat("n", NameMax+1): "longer than 31 bytes",
		strings.Repeat("\xff", 1<<20):  "longer than 31 bytes",
		"a b":                          `contains ' '`,
		"a\x00":                        `contains '\x00'`,
		"{":                            `contains '{'`,
		"}":                            `contains '}'`,
		`"`:                            `contains '"'`,
		"'":                            `contains '\''`,
		"#":                            `contains '#'`,
		"\x7f":                         `contains '\x7f'`,
		"é":                            "printable ASCII",
	} {
		err := CheckName(name)
		if err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 300 {
			t.Errorf("%.40q: got %.300v, want %q", name, err, want)
		}
	}
}

func TestErrorWithoutKernel(t *testing.T) {
	err := error(&Error{Op: "service-new", Object: `service "x"`, Err: errors.New("why")})
	if err.Error() != `add service "x": why` {
		t.Errorf("got %q", err)
	}
	if err := (&Error{Op: "monitor", Err: ErrClosed}); err.Error() != "monitor: closed" || !errors.Is(err, ErrClosed) {
		t.Errorf("got %q", err)
	}
}

// Every operation a user can call has its words.
func TestVerbs(t *testing.T) {
	for _, op := range spec.Ops {
		if op.Do != nil || op.Dump != nil {
			if verbs[op.Name] == "" {
				t.Errorf("operation %s has no verb", op.Name)
			}
		}
	}
}

// decoders are all there are, by a number for the fuzzer.
func decoders() []any {
	return []any{&Service{}, &Server{}, &ServiceStats{}, &ServerStats{}, &Worker{}, &Scheduler{}, &Info{}, &Settings{}, &Timeouts{}, &Limits{}, &generation{}, &LogBatch{}, &LogRecord{}}
}

// FuzzDecode gives every decoder whatever bytes: no panic, and what it takes
// it can be asked about.
func FuzzDecode(f *testing.F) {
	c := Service{Mode: ModeHTTP, Scheduler: "wlc", Listen: netip.MustParseAddrPort("[2001:db8::1]:80")}.Config()
	seed, err := (&request{fill: c.encode}).attributes()
	if err != nil {
		f.Fatal(err)
	}
	for i := range decoders() {
		f.Add(byte(i), seed)
	}
	f.Add(byte(0), []byte{4, 0, 5, 0x80})
	f.Add(byte(1), []byte{5, 0, 1, 0, 'x', 0, 0, 0})
	f.Add(byte(2), []byte{12, 0, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Add(byte(2), []byte{0, 0, 2, 0})
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		all := decoders()
		v := all[int(which)%len(all)]
		before := bytes.Clone(data)
		err := decode(genetlink.Message{Data: data}, v)
		if !bytes.Equal(before, data) {
			t.Fatal("the decoder wrote into the message")
		}
		if err != nil {
			return
		}
		if r, ok := v.(*LogRecord); ok {
			if r.TotalTime < 0 || r.ConnectTime < 0 || r.FirstByteTime < 0 {
				t.Fatalf("%+v took less than nothing", r)
			}
			if _, err := json.Marshal(r); err != nil && r.Time.Year() <= 9999 {
				t.Fatal(err)
			}
		}
		if s, ok := v.(*Service); ok {
			if _, err := json.Marshal(s); err != nil {
				t.Fatal(err)
			}
			_ = s.State.String()
		}
	})
}

// FuzzEvent is FuzzDecode for notifications, which carry their command.
func FuzzEvent(f *testing.F) {
	for _, cmd := range []uint8{spec.CmdServiceNtf, spec.CmdServerNtf, spec.CmdServiceDelNtf, spec.CmdServerDelNtf, 0, 255} {
		f.Add(cmd, []byte{8, 0, 1, 0, 'w', 'e', 'b', 0})
		f.Add(cmd, []byte{8, 0, 3, 0x80, 4, 0, 1, 0})
	}
	f.Fuzz(func(t *testing.T, cmd uint8, data []byte) {
		e, known, err := decodeEvent(genetlink.Message{Header: genetlink.Header{Command: cmd}, Data: data})
		if known && err == nil && (e.Service == nil) == (e.Server == nil) {
			t.Fatalf("%+v is about neither or both", e)
		}
	})
}

// FuzzPath looks for the attribute at any offset of any request.
func FuzzPath(f *testing.F) {
	listen := []byte{20, 0, 5, 0x80, 8, 0, 1, 0, 127, 0, 0, 1, 6, 0, 3, 0, 0, 80, 0, 0}
	for i := range 24 {
		f.Add(listen, i-2)
	}
	f.Fuzz(func(t *testing.T, data []byte, offset int) {
		path, a := spec.Path(spec.SetService, data, offset)
		if (path == "") != (a == nil) {
			t.Fatalf("%q, %v", path, a)
		}
		if a != nil {
			_ = a.Allowed()
			if offset < 0 || offset >= len(data) {
				t.Fatalf("offset %d of %d bytes is %s", offset, len(data), path)
			}
		}
	})
}

func TestPath(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("written for little-endian machines")
	}
	data := []byte{
		8, 0, 1, 0, 'w', 'e', 'b', 0, // name
		20, 0, 5, 0x80, 8, 0, 1, 0, 127, 0, 0, 1, 6, 0, 3, 0, 0, 80, 0, 0, // listen
		8, 0, 99, 0, 0, 0, 0, 0, // unknown
		100, 0, 1, 0, // longer than there is
	}
	for offset, want := range map[int]string{
		-1: "", 0: "name", 7: "name", 8: "listen", 11: "listen", 12: "listen.ipv4", 19: "listen.ipv4",
		20: "listen.port", 25: "listen.port", 26: "listen", 28: "", 36: "", 39: "", 40: "", 1 << 40: "",
	} {
		if got, _ := spec.Path(spec.SetService, data, offset); got != want {
			t.Errorf("offset %d: got %q, want %q", offset, got, want)
		}
	}
}
