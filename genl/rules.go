// SPDX-License-Identifier: MIT

// Tables of rules. A table is larger than a message, so it goes over in pieces,
// as part of a transaction; the kernel makes them one table at the end and the
// service's with the commit. What comes back in listings is what was sent.

package genl

import (
	"context"
	"iter"
	"net/netip"

	"github.com/mdlayher/netlink"

	"github.com/ktcpvs/ktcpvs/internal/spec"
)

// Match is one condition of a rule.
type Match struct {
	What MatchWhat `json:"what"`
	Op   MatchOp   `json:"op"`
	// Name is that of the header, cookie or parameter.
	Name string `json:"name,omitempty"`
	// Value is compared with; of a regular expression it is for readers.
	Value string `json:"value,omitempty"`
	// Networks are those of a source.
	Networks []netip.Prefix `json:"networks,omitempty"`
	// Automaton is the number of the automaton that knows a regular
	// expression, and Expression the number by which it tells of it.
	Automaton  uint32 `json:"-"`
	Expression uint32 `json:"-"`
}

// Rule is a line of a table. A rule without matches holds for every request.
type Rule struct {
	// ID is the rule's number, unique in its table. A rule of a new table
	// goes on with the counter of the one of that number in the old.
	ID     uint32     `json:"id"`
	Name   string     `json:"name,omitempty"`
	Match  []Match    `json:"match"`
	Action RuleAction `json:"action"`
	// Set is the number of the set of servers, for RuleActionServers.
	Set uint32 `json:"set,omitempty"`
	// Status is that of a redirect or an answer.
	Status   uint32 `json:"status,omitempty"`
	Location string `json:"location,omitempty"`
	Body     string `json:"body,omitempty"`
}

// RuleSet is a set of real servers of the service, with a scheduler of its own.
type RuleSet struct {
	ID        uint32           `json:"id"`
	Scheduler string           `json:"scheduler"`
	Servers   []netip.AddrPort `json:"servers"`
	// Hash is for the schedulers sh and mh; nil is their default, and what
	// others have.
	Hash *Hash `json:"hash,omitempty"`
}

// Automaton knows regular expressions; internal/automaton makes them.
type Automaton struct {
	Input AutomatonInput
	Bytes []byte
}

// RuleTable is all that SetRules uploads.
type RuleTable struct {
	// Expressions bounds the numbers by which automata tell of expressions.
	Expressions uint32
	Automata    []Automaton
	// Captures are the capture tables, by which sets find what they hash.
	Captures []Automaton
	Sets     []RuleSet // in ascending order of their numbers
	Rules    []Rule
	// More yields the rules behind Rules one by one, each for as long as the
	// next is not asked for: a large table need not be in memory twice.
	More iter.Seq[*Rule]
}

// all yields every rule.
func (t *RuleTable) all(yield func(*Rule) bool) {
	for i := range t.Rules {
		if !yield(&t.Rules[i]) {
			return
		}
	}
	if t.More != nil {
		t.More(yield)
	}
}

// ServiceRule is a rule as the kernel reports it.
type ServiceRule struct {
	Service string `json:"service"`
	Rule
	Hits uint64 `json:"hits"`
}

// ServiceRuleSet is a set of servers as the kernel reports it.
type ServiceRuleSet struct {
	Service string `json:"service"`
	RuleSet
}

const (
	automatonPiece = 32768
	serversPiece   = 1024
	theServiceArg  = "the name of a service"
)

// SetRules gives a virtual service a new table of rules, which takes the place of
// the one it has. A table without rules is none. After an error the transaction
// cannot be committed, unless SetRules is called again with a better one.
func (t *Tx) SetRules(ctx context.Context, service string, table *RuleTable) error {
	object := "the rules of " + serviceObject(service)
	send := func(cmd uint8, fill func(ae *netlink.AttributeEncoder)) error {
		return t.change(ctx, request{cmd: cmd, object: object, fill: func(ae *netlink.AttributeEncoder) {
			encodeString(ae, spec.ARulesService, theServiceArg, service)
			if fill != nil {
				fill(ae)
			}
		}})
	}
	err := send(spec.CmdRulesBegin, func(ae *netlink.AttributeEncoder) {
		ae.Uint32(spec.ARulesExpressions, table.Expressions)
	})
	for i := 0; i < len(table.Automata) && err == nil; i++ {
		err = sendAutomaton(send, &table.Automata[i])
	}
	for i := 0; i < len(table.Captures) && err == nil; i++ {
		err = sendAutomaton(send, &table.Captures[i])
	}
	for i := 0; i < len(table.Sets) && err == nil; i++ {
		err = sendSet(send, &table.Sets[i])
	}
	if err == nil {
		err = t.sendRules(ctx, object, service, table.all)
	}
	if err == nil {
		err = send(spec.CmdRulesEnd, nil)
	}
	return err
}

type sender func(cmd uint8, fill func(ae *netlink.AttributeEncoder)) error

func sendAutomaton(send sender, a *Automaton) error {
	for at := 0; at == 0 || at < len(a.Bytes); at += automatonPiece {
		err := send(spec.CmdRulesAutomaton, func(ae *netlink.AttributeEncoder) {
			if at == 0 {
				ae.Uint32(spec.ARulesInput, uint32(a.Input))
				ae.Uint32(spec.ARulesSize, uint32(len(a.Bytes)))
			}
			ae.Bytes(spec.ARulesData, a.Bytes[at:min(at+automatonPiece, len(a.Bytes))])
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func sendSet(send sender, s *RuleSet) error {
	for at := 0; at == 0 || at < len(s.Servers); at += serversPiece {
		err := send(spec.CmdRulesSet, func(ae *netlink.AttributeEncoder) {
			ae.Uint32(spec.ARulesSet, s.ID)
			if s.Scheduler != "" {
				encodeString(ae, spec.ARulesScheduler, "the name of a scheduler", s.Scheduler)
			}
			if s.Hash != nil && at == 0 {
				s.Hash.Config().encode(ae, spec.ARulesHash)
			}
			for _, ap := range s.Servers[at:min(at+serversPiece, len(s.Servers))] {
				encodeAddress(ae, spec.ARulesServer, ap)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *ServiceRule) decode(ad *netlink.AttributeDecoder) error {
	r.Match = make([]Match, 0, 2) // most have a host and a path
	for ad.Next() {
		switch ad.Type() {
		case spec.ARulesService:
			r.Service = ad.String()
		case spec.ARulesHits:
			r.Hits = decodeUint(ad)
		case spec.ARulesRule:
			ad.Nested(r.Rule.decode)
		}
	}
	return ad.Err()
}

func (r *Rule) decode(ad *netlink.AttributeDecoder) error {
	for ad.Next() {
		switch ad.Type() {
		case spec.ARuleID:
			r.ID = ad.Uint32()
		case spec.ARuleName:
			r.Name = ad.String()
		case spec.ARuleMatch:
			r.Match = append(r.Match, Match{})
			ad.Nested(r.Match[len(r.Match)-1].decode)
		case spec.ARuleHost:
			r.short(MatchWhatHost, MatchOpExact, ad)
		case spec.ARulePath:
			r.short(MatchWhatPath, MatchOpExact, ad)
		case spec.ARulePrefix:
			r.short(MatchWhatPath, MatchOpPrefix, ad)
		case spec.ARuleTemplate:
			r.short(MatchWhatPath, MatchOpTemplate, ad)
		case spec.ARuleAction:
			r.Action = RuleAction(ad.Uint32())
		case spec.ARuleSet:
			r.Set = ad.Uint32()
		case spec.ARuleStatus:
			r.Status = ad.Uint32()
		case spec.ARuleLocation:
			r.Location = string(ad.Bytes())
		case spec.ARuleBody:
			r.Body = string(ad.Bytes())
		}
	}
	return ad.Err()
}

// short is a condition in short: an attribute by itself.
func (r *Rule) short(what MatchWhat, op MatchOp, ad *netlink.AttributeDecoder) {
	r.Match = append(r.Match, Match{What: what, Op: op, Value: string(ad.Bytes())})
}

func (m *Match) decode(ad *netlink.AttributeDecoder) error {
	m.Op = MatchOpExact
	for ad.Next() {
		switch ad.Type() {
		case spec.AMatchWhat:
			m.What = MatchWhat(ad.Uint32())
		case spec.AMatchOp:
			m.Op = MatchOp(ad.Uint32())
		case spec.AMatchName:
			m.Name = string(ad.Bytes())
		case spec.AMatchValue:
			m.Value = string(ad.Bytes())
		case spec.AMatchNetworks:
			ad.Nested(func(nad *netlink.AttributeDecoder) (err error) {
				m.Networks, err = decodeNetworks(nad)
				return err
			})
		case spec.AMatchAutomaton:
			m.Automaton = ad.Uint32()
		case spec.AMatchExpression:
			m.Expression = ad.Uint32()
		}
	}
	return ad.Err()
}

func (s *ServiceRuleSet) decode(ad *netlink.AttributeDecoder) error {
	s.Servers = []netip.AddrPort{}
	for ad.Next() {
		switch ad.Type() {
		case spec.ARulesService:
			s.Service = ad.String()
		case spec.ARulesSet:
			s.ID = ad.Uint32()
		case spec.ARulesScheduler:
			s.Scheduler = ad.String()
		case spec.ARulesHash:
			s.Hash = new(Hash)
			ad.Nested(s.Hash.decode)
		case spec.ARulesServer:
			ad.Nested(func(nad *netlink.AttributeDecoder) error {
				ap, err := decodeAddress(nad)
				s.Servers = append(s.Servers, ap)
				return err
			})
		}
	}
	return ad.Err()
}

func rulesOf(cmd uint8, what, service string) request {
	r := request{cmd: cmd, object: what}
	if service != "" {
		r.object = what + " of " + serviceObject(service)
		r.fill = func(ae *netlink.AttributeEncoder) {
			encodeString(ae, spec.ARulesService, theServiceArg, service)
		}
	}
	return r
}

// Rules returns the rules of one virtual service in the order of its table, or
// with "" those of all. With ErrInconsistent it returns what it read.
func (c *Client) Rules(ctx context.Context, service string) ([]ServiceRule, error) {
	return listWhole[ServiceRule](ctx, c, rulesOf(spec.CmdRuleGet, "rules", service))
}

// RuleSets returns the sets of servers that rules of one virtual service name, or
// with "" those of all. With ErrInconsistent it returns what it read.
func (c *Client) RuleSets(ctx context.Context, service string) ([]ServiceRuleSet, error) {
	pieces, err := listWhole[ServiceRuleSet](ctx, c, rulesOf(spec.CmdRuleSetGet, "sets of servers", service))
	sets := []ServiceRuleSet{}
	for _, p := range pieces {
		if n := len(sets); n > 0 && sets[n-1].Service == p.Service && sets[n-1].ID == p.ID {
			sets[n-1].Servers = append(sets[n-1].Servers, p.Servers...)
			continue
		}
		sets = append(sets, p)
	}
	return sets, err
}
