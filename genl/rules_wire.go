// SPDX-License-Identifier: MIT

// Rules in bytes. There may be a hundred thousand of them, and the encoder that
// serves everywhere else makes a list of every nest before it writes it, which
// would take longer than the kernel takes for the rules. So they are appended to
// the message, where a nest is the bytes behind its head.

package genl

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"net/netip"
	"strings"

	"github.com/mdlayher/netlink"

	"github.com/ktcpvs/ktcpvs/internal/spec"
)

const (
	// rulesPiece is about what one message has of rules; a socket takes some
	// 200 KiB, and larger ones would save nothing any more.
	rulesPiece = 64 << 10
	// nestMax is less than what fits into an attribute, and more than any
	// rule may have.
	nestMax = 65000
)

// sendRules sends the rules of a table, many in a message.
func (t *Tx) sendRules(ctx context.Context, object, service string, rules iter.Seq[*Rule]) error {
	r := request{cmd: spec.CmdRulesAdd, object: object, fill: func(ae *netlink.AttributeEncoder) {
		encodeString(ae, spec.ARulesService, theServiceArg, service)
	}}
	b, err := r.attributes()
	if err != nil {
		return r.fail(err)
	}
	r.fill = nil
	head := len(b)
	send := func() error {
		r.attrs = b
		b = b[:head]
		return t.change(ctx, r)
	}
	for rule := range rules {
		if b, err = rule.append(b); err != nil {
			return r.fail(err)
		}
		if len(b) < rulesPiece {
			continue
		}
		if err := send(); err != nil {
			return err
		}
	}
	if len(b) == head {
		return nil
	}
	return send()
}

// appendAttr appends an attribute; end is what is to follow the value.
func appendAttr[T string | []byte](b []byte, t uint16, value T, end ...byte) []byte {
	n := len(value) + len(end)
	b = binary.NativeEndian.AppendUint16(b, uint16(4+n))
	b = append(binary.NativeEndian.AppendUint16(b, t), value...)
	return append(append(b, end...), "\x00\x00\x00"[:-n&3]...)
}

func appendUint32(b []byte, t uint16, n uint32) []byte {
	b = binary.NativeEndian.AppendUint16(b, 8)
	return binary.NativeEndian.AppendUint32(binary.NativeEndian.AppendUint16(b, t), n)
}

// openNest appends the head of a nest; its length comes with closeNest.
func openNest(b []byte, t uint16) []byte {
	return binary.NativeEndian.AppendUint16(append(b, 0, 0), t|netlink.Nested)
}

func closeNest(b []byte, at int) {
	binary.NativeEndian.PutUint16(b[at:], uint16(len(b)-at))
}

func (r *Rule) append(b []byte) ([]byte, error) {
	// A length that does not fit into the head of an attribute would be cut.
	if n := r.size(); n > nestMax {
		return nil, fmt.Errorf("rule %d is too long", r.ID)
	}
	if strings.IndexByte(r.Name, 0) >= 0 {
		return nil, fmt.Errorf("the name of rule %d contains a NUL byte", r.ID)
	}
	at := len(b)
	b = appendUint32(openNest(b, spec.ARulesRule), spec.ARuleID, r.ID)
	if r.Name != "" {
		b = appendAttr(b, spec.ARuleName, r.Name+"\x00")
	}
	short := 0 // bits of the attributes that are there
	for i := range r.Match {
		m := &r.Match[i]
		if t := m.short(); t != 0 && short&(1<<t) == 0 {
			short |= 1 << t
			b = appendAttr(b, t, m.Value)
			continue
		}
		var err error
		if b, err = m.append(b); err != nil {
			return nil, fmt.Errorf("rule %d: %w", r.ID, err)
		}
	}
	if r.Action != RuleActionServers { // which is what a set means
		b = appendUint32(b, spec.ARuleAction, uint32(r.Action))
	}
	switch r.Action {
	case RuleActionServers:
		b = appendUint32(b, spec.ARuleSet, r.Set)
	case RuleActionRedirect:
		b = appendUint32(b, spec.ARuleStatus, r.Status)
		b = appendAttr(b, spec.ARuleLocation, r.Location)
	case RuleActionAnswer:
		b = appendUint32(b, spec.ARuleStatus, r.Status)
		if r.Body != "" {
			b = appendAttr(b, spec.ARuleBody, r.Body)
		}
	}
	closeNest(b, at)
	return b, nil
}

// size is at least the length of the rule in bytes.
func (r *Rule) size() int {
	n := 64 + len(r.Name) + len(r.Location) + len(r.Body)
	for i := range r.Match {
		m := &r.Match[i]
		n += 64 + len(m.Name) + len(m.Value) + 40*len(m.Networks)
	}
	return n
}

// short is the attribute that says such a condition by itself, or 0. Large tables
// consist of these.
func (m *Match) short() uint16 {
	switch {
	case m.Name != "":
	case m.What == MatchWhatHost && m.Op == MatchOpExact:
		return spec.ARuleHost
	case m.What == MatchWhatPath:
		switch m.Op {
		case MatchOpExact:
			return spec.ARulePath
		case MatchOpPrefix:
			return spec.ARulePrefix
		case MatchOpTemplate:
			return spec.ARuleTemplate
		}
	}
	return 0
}

func (m *Match) append(b []byte) ([]byte, error) {
	at := len(b)
	b = openNest(b, spec.ARuleMatch)
	b = appendUint32(b, spec.AMatchWhat, uint32(m.What))
	if m.Op != MatchOpExact { // which is what none means
		b = appendUint32(b, spec.AMatchOp, uint32(m.Op))
	}
	if m.Name != "" {
		b = appendAttr(b, spec.AMatchName, m.Name)
	}
	if m.What == MatchWhatSource {
		n, err := networks(m.Networks)
		if err != nil {
			return nil, err
		}
		b = append(b, n...)
	} else if m.Op != MatchOpPresent {
		b = appendAttr(b, spec.AMatchValue, m.Value)
	}
	if m.Op == MatchOpRegex {
		b = appendUint32(b, spec.AMatchAutomaton, m.Automaton)
		b = appendUint32(b, spec.AMatchExpression, m.Expression)
	}
	closeNest(b, at)
	return b, nil
}

// networks are rare enough for the encoder.
func networks(list []netip.Prefix) ([]byte, error) {
	ae := netlink.NewAttributeEncoder()
	ae.Nested(spec.AMatchNetworks, func(nae *netlink.AttributeEncoder) error {
		for _, p := range list {
			encodeNetwork(nae, spec.ANetworksNetwork, "source", p)
		}
		return nil
	})
	return ae.Encode()
}
