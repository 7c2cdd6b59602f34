// SPDX-License-Identifier: MIT

package config

import (
	"fmt"
	"math"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The settings are those of the protocol: every attribute of its timeouts and
// limits has a key, with the same bounds and the same default.
func TestSettingsMatchTheProtocol(t *testing.T) {
	text, err := os.ReadFile("../../module/netlink/specs/tcpvs.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		Definitions []struct {
			Type    string
			Name    string
			Value   uint64
			Entries []any
		}
		Sets []struct {
			Name       string
			Attributes []struct {
				Name   string
				Type   string
				Enum   string
				Doc    string
				Checks struct{ Min, Max uint64 }
			}
		} `yaml:"attribute-sets"`
	}
	if err := yaml.Unmarshal(text, &spec); err != nil {
		t.Fatal(err)
	}
	enums := make(map[string][]string)
	kinds := make(map[string]Kind)
	for _, def := range spec.Definitions {
		kinds[def.Name] = Choice
		if def.Type == "flags" {
			kinds[def.Name] = Flags
		}
		for _, e := range def.Entries {
			if m, ok := e.(map[string]any); ok {
				enums[def.Name] = append(enums[def.Name], m["name"].(string))
			}
		}
		if def.Name == "trusted-max" && def.Value != MaxTrusted {
			t.Errorf("the protocol has %d trusted networks, the file %d", def.Value, MaxTrusted)
		}
	}
	defaultOf := regexp.MustCompile(`\(default ([a-z\d-]+)\)`)
	seen := 0
	for _, set := range spec.Sets {
		for _, a := range set.Attributes {
			key := a.Name
			switch {
			case set.Name == "timeouts":
				key += "-timeout"
			case set.Name == "limits" && a.Name == "connections":
				key = "maxclients"
			case set.Name == "limits":
			case set.Name == "service" && plainAttributes[a.Name]:
			case set.Name == "service":
				if !otherAttributes[a.Name] {
					t.Errorf("nobody thought of service.%s", a.Name)
				}
				continue
			default:
				continue
			}
			seen++
			s, ok := LookupSetting(key)
			if !ok {
				t.Errorf("%s.%s has no key", set.Name, a.Name)
				continue
			}
			info := s.Info()
			min, max, def := a.Checks.Min, a.Checks.Max, "0" // of flags it is none
			if a.Type == "uint" && max == 0 {
				max = math.MaxUint64
			}
			if a.Enum != "" {
				names := enums[a.Enum]
				if !reflect.DeepEqual(names, info.Names) || info.Kind != kinds[a.Enum] {
					t.Errorf("%s: names %v, but the protocol has %v", key, info.Names, names)
				}
				max = uint64(len(names)) - 1
				if info.Kind == Flags {
					max = 1<<len(names) - 1
				}
			}
			if m := defaultOf.FindStringSubmatch(a.Doc); m != nil {
				def = m[1]
				if v, err := info.Parse(def); err == nil && a.Enum != "" {
					def = fmt.Sprint(v)
				}
			} else if info.Kind != Flags {
				t.Errorf("%s.%s: no default in %q", set.Name, a.Name, a.Doc)
				continue
			}
			got := fmt.Sprintf("%d to %d, %d", info.Min, info.Max, info.Default)
			if want := fmt.Sprintf("%d to %d, %s", min, max, def); got != want {
				t.Errorf("%s: %s, but the protocol says %s", key, got, want)
			}
		}
	}
	for _, set := range spec.Sets {
		if set.Name != "settings" {
			continue
		}
		if len(set.Attributes) != len(SettingsKeys()) {
			t.Errorf("the protocol has %d settings of the namespace, the file %d", len(set.Attributes), len(SettingsKeys()))
		}
		a := set.Attributes[0]
		if a.Name != MaxConnections.Key || a.Checks.Min != MaxConnections.Min || a.Checks.Max != MaxConnections.Max ||
			!strings.Contains(a.Doc, "(default memory / 64 KiB)") {
			t.Errorf("%s is not the protocol's %+v", MaxConnections.Key, a)
		}
	}
	if got := MaxConnectionsDefault(1 << 30); got != 16384 {
		t.Errorf("a GiB is good for %d connections", got)
	}
	if seen != int(NumSettings) {
		t.Errorf("the protocol has %d settings, the file %d", seen, NumSettings)
	}
}

// The attributes of a service that are one number, and those that are not.
var (
	plainAttributes = map[string]bool{"forward": true, "accept-proxy": true, "send-proxy": true, "allow": true, "server-histograms": true}
	otherAttributes = map[string]bool{
		"name": true, "mode": true, "scheduler": true, "listen": true, TrustedKey: true, "fallback": true, HashKey: true, CookieKey: true, // keys of their own
		"timeouts": true, "limits": true, // sets of them
		"id": true, "state": true, "servers": true, "stats": true, "now": true, "zeroed": true, "rules": true, // nobody's to decide
	}
)

// Every key is documented, with its default.
func TestKeysAreDocumented(t *testing.T) {
	for _, tt := range []struct{ file, entry, key, def string }{
		{"../../man/ktcpvs.conf.5", "\n.TP\n", `.BI "%s = `, "(default %s)"},
		{"../../docs/configuration.md", "\n| ", "`%s` | ", "| `%s` |"},
	} {
		raw, err := os.ReadFile(tt.file)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(raw), `\-`, "-")
		for _, key := range append(aliasKeys, ignoredKeys...) {
			if !strings.Contains(text, key) {
				t.Errorf("%s does not tell of %s", tt.file, key)
			}
		}
		entries := make(map[string]string)
		for _, e := range strings.Split(text, tt.entry) {
			for _, key := range Keys() {
				if strings.HasPrefix(e, fmt.Sprintf(tt.key, key)) {
					entries[key] = e
				}
			}
		}
		for _, key := range append(CookieKeys(), plainKeys...) {
			if entries[key] == "" {
				t.Errorf("%s does not tell of %s", tt.file, key)
			}
		}
		for _, key := range SettingsKeys() {
			if !strings.Contains(text, tt.entry+fmt.Sprintf(tt.key, key)) {
				t.Errorf("%s does not tell of %s of the namespace", tt.file, key)
			}
		}
		for s := Setting(0); s < NumSettings; s++ {
			info := s.Info()
			if def := fmt.Sprintf(tt.def, s.Format(info.Default)); !strings.Contains(entries[info.Key], def) {
				t.Errorf("%s does not tell that %s has the default %s", tt.file, info.Key, s.Format(info.Default))
			}
		}
	}
}

// What the documents show as examples is valid.
func TestExamplesAreValid(t *testing.T) {
	for _, file := range []string{"../../man/ktcpvs.conf.5", "../../docs/configuration.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, text2, ok := strings.Cut(string(text), "# The shop")
		if !ok {
			t.Fatalf("%s has no example", file)
		}
		end := regexp.MustCompile("(?m)^(```|\\.fi)$").FindStringIndex(text2)
		c, err := Parse(file, "# The shop"+text2[:end[0]], nil)
		if err != nil {
			t.Error(err)
		} else if n := len(c.Services); n != 2 {
			t.Error(file + ": " + strconv.Itoa(n) + " services")
		}
	}
}
