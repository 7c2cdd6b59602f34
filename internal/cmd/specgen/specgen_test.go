// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../../.."

const specPath = root + "/module/netlink/specs/tcpvs.yaml"

func readSpec(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(specPath)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What is committed is what the specification says.
func TestCommittedFilesAreCurrent(t *testing.T) {
	dir := t.TempDir()
	if err := run(dir, specPath); err != nil {
		t.Fatal(err)
	}
	for _, o := range outputs {
		want, err := os.ReadFile(filepath.Join(dir, o.path))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(root, o.path))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s does not follow from the specification; run 'make gen'", o.path)
		}
	}
}

// A fault is refused by name, and nothing is written.
func TestFaults(t *testing.T) {
	for _, tt := range []struct{ name, old, new, want string }{
		{"unknown key", "name: tcpvs\n", "name: tcpvs\nkernel-policy: split\n", "field kernel-policy not found"},
		{"protocol", "protocol: genetlink\n", "protocol: genetlink-legacy\n", `protocol "genetlink-legacy": only genetlink is understood`},
		{"not YAML", "protocol: genetlink\n", "protocol: [\n", "yaml: line 7"},
		{"two documents", "name: tcpvs\n", "name: tcpvs\n---\nname: tcpvs\n", "more than one YAML document"},
		{"no doc of an attribute", `{name: handoffs, type: uint, doc: "Connections given to a less loaded worker."}`, "{name: handoffs, type: uint}", "handoffs: doc is missing"},
		{"no full stop", `"Connections given to a less loaded worker."`, `"Given away"`, "handoffs: doc does not end in a full stop"},
		{"attribute twice", "{name: handoffs, type: uint", "{name: broken, type: uint", "stats.broken is given twice"},
		{"attribute type", "{name: handoffs, type: uint", "{name: handoffs, type: u128", `handoffs: type "u128" is not understood`},
		{"attribute name", "{name: handoffs, type: uint", "{name: hand_offs, type: uint", `"hand_offs" is not lower-case words`},
		{"enum", "enum: service-state", "enum: state", `service.state: no enum "state" is defined`},
		{"definition type", "type: enum\n    name: mode", "type: bits\n    name: mode", `definition mode: type "bits" is not understood`},
		{"byte order", "byte-order: big-endian\n        display-hint: ipv4", "byte-order: middle\n        display-hint: ipv4", `byte-order "middle" is not understood`},
		{"nested set", "nested-attributes: timeouts", "nested-attributes: times", `there is no attribute set "times"`},
		{"nest without set", "        nested-attributes: timeouts\n", "", "type nest and nested-attributes belong together"},
		{"set of an operation", "attribute-set: worker", "attribute-set: thread", `worker-get: there is no attribute set "thread"`},
		{"attribute of an operation", "attributes: [name, now]", "attributes: [name, when]", `service-stop: the attribute set service has no "when"`},
		{"notify", "notify: service-get", "notify: service-list", `service-ntf: there is no operation "service-list"`},
		{"group", "mcgrp: config\n      event:\n        attributes: [name, id]", "mcgrp: conf\n      event:\n        attributes: [name, id]", `service-del-ntf: there is no multicast group "conf"`},
		{"operation twice", "name: service-start\n", "name: service-stop\n", "operation service-stop is given twice"},
		{"set without a Go type", "  -\n    name: info\n    doc: What answers.\n", "  -\n    name: extra\n    doc: Nobody wrote this.\n    attributes: [{name: a, type: u32, doc: B.}]\n  -\n    name: info\n    doc: What answers.\n", "attribute set extra has no Go type"},
		{"field no struct can hold", "{name: handoffs, type: uint", "{name: handoffs, type: binary", "attribute handoffs of type binary does not fit"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src := readSpec(t)
			if strings.Count(src, tt.old) == 0 {
				t.Fatalf("the specification has no %q any more", tt.old)
			}
			dir := t.TempDir()
			path := filepath.Join(dir, "tcpvs.yaml")
			if err := os.WriteFile(path, []byte(strings.Replace(src, tt.old, tt.new, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(dir, "out")
			err := run(out, path)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want %q", err, tt.want)
			}
			if err != nil && !strings.Contains(err.Error(), path) {
				t.Errorf("error %q does not name the file", err)
			}
			if _, err := os.Stat(out); !os.IsNotExist(err) {
				t.Errorf("something was written in spite of the fault")
			}
		})
	}
}

// The reference leaves nothing out: every operation, attribute, enum entry and
// constant with its doc.
func TestReferenceIsComplete(t *testing.T) {
	d, err := parse([]byte(readSpec(t)))
	if err != nil {
		t.Fatal(err)
	}
	b, err := reference(d)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	want := func(name, doc string) {
		t.Helper()
		if !strings.Contains(text, "`"+name+"`") || !strings.Contains(text, doc) {
			t.Errorf("%s (%s) is missing", name, doc)
		}
	}
	for _, s := range d.AttributeSets {
		for _, a := range s.Attributes {
			want(a.Name, a.Doc)
		}
	}
	for _, op := range d.Operations.List {
		want(op.Name, op.Doc)
	}
	for _, def := range d.Definitions {
		if def.Type == "const" {
			want(def.Name, def.Doc)
		}
		for _, e := range def.Entries {
			want(e.Name, e.Doc)
		}
	}
}

func TestCamel(t *testing.T) {
	for in, want := range map[string]string{
		"responses-1xx": "Responses1xx",
		"ipv4":          "IPv4",
		"server-id":     "ServerID",
		"pad":           "Pad",
	} {
		if got := camel(in); got != want {
			t.Errorf("camel(%q) = %q, want %q", in, got, want)
		}
	}
}
