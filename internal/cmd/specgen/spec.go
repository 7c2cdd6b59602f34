// SPDX-License-Identifier: MIT

// What specgen understands of the kernel's netlink specification format, and
// the rules our specification keeps beyond it: everything has a doc, every
// reference resolves, every number a request carries is bounded or full-range
// on purpose. An unknown key is an error, so that nothing of the specification
// is silently left out of what is generated.

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

type document struct {
	Name          string         `yaml:"name"`
	Protocol      string         `yaml:"protocol"`
	Doc           string         `yaml:"doc"`
	Version       *int           `yaml:"version"`
	Definitions   []definition   `yaml:"definitions"`
	AttributeSets []attributeSet `yaml:"attribute-sets"`
	Operations    struct {
		NamePrefix string      `yaml:"name-prefix"`
		List       []operation `yaml:"list"`
	} `yaml:"operations"`
	McastGroups struct {
		List []mcastGroup `yaml:"list"`
	} `yaml:"mcast-groups"`

	sets  map[string]*attributeSet
	enums map[string]*definition
}

type definition struct {
	Type    string  `yaml:"type"`
	Name    string  `yaml:"name"`
	Value   int64   `yaml:"value"`
	Doc     string  `yaml:"doc"`
	Entries []entry `yaml:"entries"`
}

type entry struct {
	Name string `yaml:"name"`
	Doc  string `yaml:"doc"`
}

type attributeSet struct {
	Name       string      `yaml:"name"`
	Doc        string      `yaml:"doc"`
	Attributes []attribute `yaml:"attributes"`

	byName map[string]*attribute
}

type attribute struct {
	Name             string `yaml:"name"`
	Type             string `yaml:"type"`
	Doc              string `yaml:"doc"`
	Enum             string `yaml:"enum"`
	ByteOrder        string `yaml:"byte-order"`
	DisplayHint      string `yaml:"display-hint"`
	NestedAttributes string `yaml:"nested-attributes"`
	MultiAttr        bool   `yaml:"multi-attr"`
	Checks           checks `yaml:"checks"`

	number int
}

type checks struct {
	Min      *uint64 `yaml:"min"`
	Max      *uint64 `yaml:"max"`
	MinLen   *int    `yaml:"min-len"`
	MaxLen   *int    `yaml:"max-len"`
	ExactLen *int    `yaml:"exact-len"`
}

type operation struct {
	Name         string   `yaml:"name"`
	Doc          string   `yaml:"doc"`
	AttributeSet string   `yaml:"attribute-set"`
	Do           *form    `yaml:"do"`
	Dump         *form    `yaml:"dump"`
	Notify       string   `yaml:"notify"`
	Event        *message `yaml:"event"`
	Mcgrp        string   `yaml:"mcgrp"`
	Flags        []string `yaml:"flags"`

	number int
}

type form struct {
	Pre     string   `yaml:"pre"`
	Post    string   `yaml:"post"`
	Request *message `yaml:"request"`
	Reply   *message `yaml:"reply"`
}

type message struct {
	Attributes []string `yaml:"attributes"`
}

type mcastGroup struct {
	Name string `yaml:"name"`
}

var nameRE = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// parse reads a specification and checks it. The error lists every fault.
func parse(src []byte) (*document, error) {
	d := &document{}
	dec := yaml.NewDecoder(bytes.NewReader(src))
	dec.KnownFields(true)
	if err := dec.Decode(d); err != nil {
		return nil, err
	}
	if err := dec.Decode(&document{}); !errors.Is(err, io.EOF) {
		return nil, errors.New("the specification holds more than one YAML document")
	}
	c := checker{d: d}
	c.run()
	return d, errors.Join(c.errs...)
}

type checker struct {
	d    *document
	errs []error
}

func (c *checker) errorf(format string, a ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, a...))
}

// named checks what every named and documented thing has in common.
func (c *checker) named(what, name, doc string) {
	if !nameRE.MatchString(name) {
		c.errorf("%s: the name %q is not lower-case words joined by '-'", what, name)
	}
	if doc == "" {
		c.errorf("%s %s: doc is missing", what, name)
	} else if !strings.HasSuffix(doc, ".") {
		c.errorf("%s %s: doc does not end in a full stop", what, name)
	}
}

func (c *checker) run() {
	d := c.d
	c.named("family", d.Name, d.Doc)
	if d.Protocol != "genetlink" {
		c.errorf("protocol %q: only genetlink is understood", d.Protocol)
	}
	d.enums = map[string]*definition{}
	for i := range d.Definitions {
		c.definition(&d.Definitions[i])
	}
	d.sets = map[string]*attributeSet{}
	for i := range d.AttributeSets {
		s := &d.AttributeSets[i]
		if d.sets[s.Name] != nil {
			c.errorf("attribute set %s is given twice", s.Name)
		}
		d.sets[s.Name] = s
	}
	for i := range d.AttributeSets {
		c.attributeSet(&d.AttributeSets[i])
	}
	groups := map[string]bool{}
	for _, g := range d.McastGroups.List {
		groups[g.Name] = true
	}
	ops := map[string]*operation{}
	for i := range d.Operations.List {
		op := &d.Operations.List[i]
		op.number = i + 1
		if ops[op.Name] != nil {
			c.errorf("operation %s is given twice", op.Name)
		}
		ops[op.Name] = op
	}
	for i := range d.Operations.List {
		c.operation(&d.Operations.List[i], ops, groups)
	}
}

func (c *checker) definition(def *definition) {
	c.named("definition", def.Name, def.Doc)
	switch def.Type {
	case "const":
		if len(def.Entries) != 0 {
			c.errorf("definition %s: a const has no entries", def.Name)
		}
	case "enum", "flags":
		if c.d.enums[def.Name] != nil {
			c.errorf("definition %s is given twice", def.Name)
		}
		c.d.enums[def.Name] = def
		if len(def.Entries) == 0 {
			c.errorf("definition %s: an enum without entries", def.Name)
		} else if def.Type == "flags" && len(def.Entries) > 32 {
			c.errorf("definition %s: %d flags do not fit into a u32", def.Name, len(def.Entries))
		}
		for _, e := range def.Entries {
			c.named("entry of "+def.Name, e.Name, e.Doc)
		}
	default:
		c.errorf("definition %s: type %q is not understood", def.Name, def.Type)
	}
}

func (c *checker) attributeSet(s *attributeSet) {
	c.named("attribute set", s.Name, s.Doc)
	s.byName = map[string]*attribute{}
	for i := range s.Attributes {
		a := &s.Attributes[i]
		a.number = i + 1
		what := "attribute " + s.Name + "."
		if s.byName[a.Name] != nil {
			c.errorf("%s%s is given twice", what, a.Name)
		}
		s.byName[a.Name] = a
		if a.Type == "pad" {
			continue
		}
		c.named(what, a.Name, a.Doc)
		if _, ok := kinds[a.Type]; !ok {
			c.errorf("%s%s: type %q is not understood", what, a.Name, a.Type)
		}
		if a.Enum != "" && c.d.enums[a.Enum] == nil {
			c.errorf("%s%s: no enum %q is defined", what, a.Name, a.Enum)
		}
		if a.ByteOrder != "" && a.ByteOrder != "big-endian" {
			c.errorf("%s%s: byte-order %q is not understood", what, a.Name, a.ByteOrder)
		}
		if (a.Type == "nest") != (a.NestedAttributes != "") {
			c.errorf("%s%s: type nest and nested-attributes belong together", what, a.Name)
		}
		if a.MultiAttr && a.Type != "nest" {
			c.errorf("%s%s: only a nest may be given more than once", what, a.Name)
		}
		if a.NestedAttributes != "" && c.d.sets[a.NestedAttributes] == nil {
			c.errorf("%s%s: there is no attribute set %q", what, a.Name, a.NestedAttributes)
		}
	}
}

func (c *checker) operation(op *operation, ops map[string]*operation, groups map[string]bool) {
	c.named("operation", op.Name, op.Doc)
	if op.Mcgrp != "" && !groups[op.Mcgrp] {
		c.errorf("operation %s: there is no multicast group %q", op.Name, op.Mcgrp)
	}
	if op.Notify != "" {
		if target := ops[op.Notify]; target == nil {
			c.errorf("operation %s: there is no operation %q to notify by", op.Name, op.Notify)
		} else {
			op.AttributeSet = target.AttributeSet
		}
	}
	set := c.d.sets[op.AttributeSet]
	if set == nil {
		c.errorf("operation %s: there is no attribute set %q", op.Name, op.AttributeSet)
		return
	}
	for _, m := range []*message{op.Event, op.Do.request(), op.Do.reply(), op.Dump.request(), op.Dump.reply()} {
		if m == nil {
			continue
		}
		for _, name := range m.Attributes {
			if set.byName[name] == nil {
				c.errorf("operation %s: the attribute set %s has no %q", op.Name, set.Name, name)
			}
		}
	}
}

func (f *form) request() *message {
	if f == nil {
		return nil
	}
	return f.Request
}

func (f *form) reply() *message {
	if f == nil {
		return nil
	}
	return f.Reply
}

// admin reports whether the operation needs CAP_NET_ADMIN: our handlers say so
// by the name of what runs before them. A piece of a table of rules is a change.
func (op *operation) admin() bool {
	for _, f := range []*form{op.Do, op.Dump} {
		if f != nil && (strings.HasSuffix(f.Pre, "-admin") || strings.HasSuffix(f.Pre, "-piece")) {
			return true
		}
	}
	return false
}

// kinds maps the types of the format to those of package spec.
var kinds = map[string]string{
	"pad":    "KindPad",
	"flag":   "KindFlag",
	"u16":    "KindU16",
	"u32":    "KindU32",
	"uint":   "KindUint",
	"string": "KindString",
	"binary": "KindBinary",
	"nest":   "KindNest",
}

// bounds returns what a number may be; max 0 means: whatever fits.
func (d *document) bounds(a *attribute) (low, high uint64) {
	if a.Checks.Min != nil {
		low = *a.Checks.Min
	}
	switch {
	case a.Checks.Max != nil:
		high = *a.Checks.Max
	case a.Enum != "" && d.enums[a.Enum].Type == "flags":
		high = 1<<len(d.enums[a.Enum].Entries) - 1
	case a.Enum != "":
		high = uint64(len(d.enums[a.Enum].Entries) - 1)
	}
	return low, high
}

// lengths returns how long a string or bytes may be; high 0 means any.
func (a *attribute) lengths() (low, high int) {
	if a.Checks.ExactLen != nil {
		return *a.Checks.ExactLen, *a.Checks.ExactLen
	}
	if a.Checks.MinLen != nil {
		low = *a.Checks.MinLen
	}
	if a.Checks.MaxLen != nil {
		high = *a.Checks.MaxLen
	}
	return low, high
}
