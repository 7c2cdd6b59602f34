// SPDX-License-Identifier: MIT

// Package spec holds the protocol as tables: what module/netlink/specs/tcpvs.yaml
// says, generated into spec_gen.go, with the types and look-ups written here.
//
// The client uses the tables to name the attribute an error points at, the
// fake kernel to validate requests as the real one does. Nothing in them ever
// changes at run time.
package spec

import (
	"encoding/binary"
	"fmt"
)

// Kind is the type of an attribute's payload.
type Kind uint8

// Kinds of attributes.
const (
	KindPad Kind = iota
	KindFlag
	KindU16
	KindU32
	KindUint // 4 or 8 bytes, whatever the number needs
	KindString
	KindBinary
	KindNest
)

// Attribute is one attribute of a set.
type Attribute struct {
	Type      uint16
	Name      string
	Kind      Kind
	BigEndian bool
	Doc       string
	Nest      *Set // of a KindNest
	Multi     bool // may be given more than once
	Flags     bool // a number whose bits are flags; Max has all of them

	Min, Max       uint64 // bounds of a number; Max 0 means no upper bound
	MinLen, MaxLen int    // bounds of a string or of bytes; MaxLen 0 means none
}

// Set is an attribute set; Attributes[i].Type == i+1.
type Set struct {
	Name       string
	Attributes []Attribute
}

// Op is an operation. Do and Dump list the attributes a request may carry; nil
// means that there is no such form.
type Op struct {
	Cmd      uint8
	Name     string
	Set      *Set
	Admin    bool
	Do, Dump *Request
}

// Request lists what a request may carry.
type Request struct{ Attributes []uint16 }

// Allows reports whether the request may carry attribute t.
func (r *Request) Allows(t uint16) bool {
	for _, a := range r.Attributes {
		if a == t {
			return true
		}
	}
	return false
}

// Lookup finds an attribute by its number, nil if there is none.
func (s *Set) Lookup(t uint16) *Attribute {
	if t == 0 || int(t) > len(s.Attributes) {
		return nil
	}
	return &s.Attributes[t-1]
}

// ByCmd finds an operation, nil if there is none.
func ByCmd(cmd uint8) *Op {
	for i := range Ops {
		if Ops[i].Cmd == cmd {
			return &Ops[i]
		}
	}
	return nil
}

const (
	attrHeaderLen = 4
	attrTypeMask  = 0x3fff
)

// Path names the attribute at a byte offset of attrs, an encoded list of
// attributes of set s: "listen.port". It is empty and nil if nothing known is
// there.
func Path(s *Set, attrs []byte, offset int) (string, *Attribute) {
	for at := 0; at+attrHeaderLen <= len(attrs) && at <= offset; {
		length := int(binary.NativeEndian.Uint16(attrs[at:]))
		if length < attrHeaderLen || at+length > len(attrs) {
			return "", nil
		}
		if offset >= at+length {
			at += (length + 3) &^ 3
			continue
		}
		a := s.Lookup(binary.NativeEndian.Uint16(attrs[at+2:]) & attrTypeMask)
		if a == nil {
			return "", nil
		}
		if a.Kind == KindNest && offset >= at+attrHeaderLen {
			path, inner := Path(a.Nest, attrs[at+attrHeaderLen:at+length], offset-at-attrHeaderLen)
			if inner != nil {
				return a.Name + "." + path, inner
			}
		}
		return a.Name, a
	}
	return "", nil
}

// Allowed says in words what values the attribute takes, "" for any.
func (a *Attribute) Allowed() string {
	unbounded := map[Kind]uint64{KindU16: 1<<16 - 1, KindU32: 1<<32 - 1}
	switch {
	case a.MaxLen != 0 && a.MinLen == a.MaxLen:
		return fmt.Sprintf("%d bytes", a.MaxLen)
	case a.MaxLen != 0:
		return fmt.Sprintf("%d to %d bytes", a.MinLen, a.MaxLen)
	case a.Max != 0:
		return fmt.Sprintf("%d to %d", a.Min, a.Max)
	case a.Min != 0:
		return fmt.Sprintf("%d to %d", a.Min, unbounded[a.Kind])
	}
	return ""
}
