// SPDX-License-Identifier: MIT

// Tables of rules: they are kept and listed as they came. Names, paths and
// expressions are not looked at; a fake kernel has no requests to route.

package genlfake

import (
	"fmt"
	"net/netip"
	"slices"
	"syscall"

	"github.com/mdlayher/netlink"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/spec"
)

type rule struct {
	id     uint32
	record []byte
}

type ruleSet struct {
	id        uint32
	scheduler string
	hash      genl.Hash
	servers   []netip.AddrPort
}

func keyed(scheduler string) bool { return scheduler == "sh" || scheduler == "mh" }

// upload is a table that is being filled.
type upload struct {
	givenUp bool
	mode    genl.Mode // http unless the service reads hellos
	sets    []ruleSet
	rules   []rule
	blobs   int
	tables  int    // capture tables
	last    string // which of them came last
	size    int    // of the last automaton
	have    int    // of its bytes
	bytes   int    // of all automata
}

func isRules(cmd uint8) bool { return cmd >= spec.CmdRulesBegin && cmd <= spec.CmdRulesEnd }

var rulesAlone = refuse(syscall.EINVAL, nil, "rules come in many requests: begin a transaction first")

// changeRules is one piece of a table.
func changeRules(op *spec.Op, c *config, found attrs) *refusal {
	svc, r := c.find(found, theService)
	if r != nil {
		return r
	}
	if op.Cmd == spec.CmdRulesBegin {
		svc.upload = &upload{mode: genl.ModeHTTP}
		if svc.mode == genl.ModeTLS {
			svc.upload.mode = genl.ModeTLS
		}
		return nil
	}
	if svc.upload == nil {
		return refuse(syscall.EINVAL, nil, "no new rules of \"%.16s\" were begun", svc.name)
	}
	if svc.upload.givenUp {
		return refuse(syscall.EINVAL, nil, "the new rules of \"%.16s\" were refused: begin them again", svc.name)
	}
	u := *svc.upload
	switch op.Cmd {
	case spec.CmdRulesAutomaton:
		r = u.automaton(found)
	case spec.CmdRulesSet:
		r = u.set(found)
	case spec.CmdRulesAdd:
		for _, a := range found.all(spec.ARulesRule) {
			if r == nil {
				r = u.rule(a)
			}
		}
	case spec.CmdRulesEnd:
		r = u.end()
		if r == nil {
			svc.sets, svc.rules, svc.rulesMode, svc.upload = u.sets, u.rules, u.mode, nil
			if len(u.rules) == 0 {
				svc.sets = nil
			}
			return nil
		}
	}
	if r == nil {
		svc.upload = &u
	}
	return r
}

// spoil remembers that a piece was refused: of which table is not always to be seen,
// so it is all that are being filled.
func (tx *transaction) spoil() {
	for _, svc := range tx.config.services {
		if svc.upload != nil {
			svc.upload = &upload{givenUp: true}
		}
	}
}

// all returns an attribute that may be repeated, every one.
func (a attrs) all(t uint16) []*attr {
	last := a[t]
	if last == nil {
		return nil
	}
	return append(slices.Clone(last.more), last)
}

func (u *upload) whole() *refusal {
	if u.have == u.size {
		return nil
	}
	return refuse(syscall.EINVAL, nil, "%s is not whole: %d of %d bytes have come", u.last, u.have, u.size)
}

func (u *upload) automaton(found attrs) *refusal {
	input, size, data := found[spec.ARulesInput], found[spec.ARulesSize], found[spec.ARulesData]
	if (input == nil) != (size == nil) {
		at := input
		if at == nil {
			at = size
		}
		return refuse(syscall.EINVAL, at, "an automaton begins with input and size")
	}
	if size != nil {
		n := int(size.number())
		switch r := u.whole(); {
		case r != nil:
			return r
		case u.blobs == genl.AutomataMax && genl.AutomatonInput(input.number()) < genl.AutomatonInputCapturePath:
			return refuse(syscall.E2BIG, nil, "a table has at most %d automata", genl.AutomataMax)
		case n > genl.AutomataBytesMax-u.bytes:
			return refuse(syscall.E2BIG, nil, "%d bytes: the automata of a table have at most %d", n, genl.AutomataBytesMax)
		case n < 7*4+256:
			return refuse(syscall.EINVAL, nil, "no automaton has %d bytes", n)
		}
		if genl.AutomatonInput(input.number()) >= genl.AutomatonInputCapturePath {
			u.last = fmt.Sprintf("capture table %d", u.tables)
			u.tables++
		} else {
			u.last = fmt.Sprintf("automaton %d", u.blobs)
			u.blobs++
		}
		u.bytes += n
		u.size, u.have = n, 0
	}
	switch {
	case data == nil:
		return refuse(syscall.EINVAL, nil, "the data is missing")
	case u.have == u.size:
		return refuse(syscall.EINVAL, data, "data of no automaton: the size of a new one is missing")
	case len(data.data) > u.size-u.have:
		return refuse(syscall.EINVAL, data, "%s has %d bytes, and here are more", u.last, u.size)
	}
	u.have += len(data.data)
	return nil
}

func (u *upload) set(found attrs) *refusal {
	a := found[spec.ARulesSet]
	if a == nil {
		return refuse(syscall.EINVAL, nil, "the number of the set is missing")
	}
	id, scheduler := uint32(a.number()), ""
	if s := found[spec.ARulesScheduler]; s != nil {
		scheduler = s.text()
		if !slices.ContainsFunc(schedulers, func(sc genl.Scheduler) bool { return sc.Name == scheduler }) {
			return refuse(syscall.ENOENT, s, "there is no scheduler \"%.15s\"", scheduler)
		}
	}
	h := found[spec.ARulesHash]
	u.sets = slices.Clone(u.sets)
	switch n := len(u.sets); {
	case n > 0 && u.sets[n-1].id == id:
		if h != nil {
			return refuse(syscall.EINVAL, nil, "set %d: its hash comes with its first servers", id)
		}
		if scheduler != "" && scheduler != u.sets[n-1].scheduler {
			return refuse(syscall.EINVAL, nil, "set %d has the scheduler \"%s\"", id, u.sets[n-1].scheduler)
		}
	case n > 0 && u.sets[n-1].id > id:
		return refuse(syscall.EINVAL, nil, "set %d comes after set %d: numbers ascend", id, u.sets[n-1].id)
	case n > 0 && len(u.sets[n-1].servers) == 0:
		return refuse(syscall.EINVAL, nil, "set %d has no servers", u.sets[n-1].id)
	default:
		if scheduler == "" {
			scheduler = "wlc"
		}
		s := ruleSet{id: id, scheduler: scheduler, hash: defaultHash}
		if h != nil && !keyed(scheduler) {
			return refuse(syscall.EINVAL, nil, "set %d: the scheduler \"%.15s\" hashes nothing", id, scheduler)
		}
		if h != nil {
			if r := editHash(&s.hash, h); r != nil {
				return r
			}
			if s.hash.Key == genl.HashKeyMatch && int(s.hash.Capture) >= u.tables {
				return refuse(syscall.EINVAL, nil, "set %d: there is no capture table %d", id, s.hash.Capture)
			}
		}
		if s.hash.Key != genl.HashKeySource && u.mode == genl.ModeTLS {
			return refuse(syscall.EINVAL, nil, "set %d: mode tls hashes the source only", id)
		}
		u.sets = append(u.sets, s)
	}
	last := &u.sets[len(u.sets)-1]
	for _, a := range found.all(spec.ARulesServer) {
		ap, r := a.address(true)
		if r != nil {
			return r
		}
		last.servers = append(slices.Clip(last.servers), ap)
	}
	return nil
}

func (u *upload) rule(a *attr) *refusal {
	if r := u.whole(); r != nil {
		return r
	}
	id, action, set := a.nest[spec.ARuleID], a.nest[spec.ARuleAction], a.nest[spec.ARuleSet]
	if id == nil || action == nil && set == nil {
		return refuse(syscall.EINVAL, a, "a rule without number, or without action")
	}
	named := func(at *attr, why string) *refusal {
		if at == nil {
			at = a
		}
		if n := a.nest[spec.ARuleName]; n != nil {
			return refuse(syscall.EINVAL, at, "rule %d \"%.12s\": %.45s", id.number(), n.text(), why)
		}
		return refuse(syscall.EINVAL, at, "rule %d: %.60s", id.number(), why)
	}
	for _, m := range a.nest.all(spec.ARuleMatch) {
		switch what := m.nest[spec.AMatchWhat]; {
		case what == nil || genl.MatchWhat(what.number()) == genl.MatchWhatSource:
		case (genl.MatchWhat(what.number()) == genl.MatchWhatSNI || genl.MatchWhat(what.number()) == genl.MatchWhatALPN) == (u.mode == genl.ModeTLS):
		case u.mode == genl.ModeTLS:
			return named(m, "mode tls knows sni, alpn and source only")
		default:
			return named(m, "sni and alpn are known in mode tls only")
		}
	}
	if u.mode == genl.ModeTLS {
		for _, t := range []uint16{spec.ARuleHost, spec.ARulePath, spec.ARulePrefix, spec.ARuleTemplate} {
			if m := a.nest[t]; m != nil {
				return named(m, "mode tls knows sni, alpn and source only")
			}
		}
	}
	kind := genl.RuleActionServers // which is what a set means
	if action != nil {
		kind = genl.RuleAction(action.number())
	}
	status, location, body := a.nest[spec.ARuleStatus], a.nest[spec.ARuleLocation], a.nest[spec.ARuleBody]
	switch {
	case u.mode == genl.ModeTLS && (kind == genl.RuleActionRedirect || kind == genl.RuleActionAnswer):
		return named(action, "in mode tls nothing can be answered")
	case (set != nil) != (kind == genl.RuleActionServers):
		return named(set, "a set belongs to action servers")
	case (status != nil) != (kind == genl.RuleActionRedirect || kind == genl.RuleActionAnswer):
		return named(status, "redirect and answer have a status")
	case (location != nil) != (kind == genl.RuleActionRedirect):
		return named(location, "a location belongs to a redirect")
	case body != nil && kind != genl.RuleActionAnswer:
		return named(body, "a body belongs to an answer")
	case set != nil && !slices.ContainsFunc(u.sets, func(s ruleSet) bool { return uint64(s.id) == set.number() }):
		return named(set, "there is no set of this number")
	}
	// Whoever is refused gives the upload up, so nobody shares what is behind.
	u.rules = append(u.rules, rule{uint32(id.number()), slices.Clone(a.data)})
	return nil
}

func (u *upload) end() *refusal {
	if r := u.whole(); r != nil {
		return r
	}
	if n := len(u.sets); n > 0 && len(u.sets[n-1].servers) == 0 {
		return refuse(syscall.EINVAL, nil, "set %d has no servers", u.sets[n-1].id)
	}
	seen := map[uint32]bool{}
	for _, r := range u.rules {
		if seen[r.id] {
			return refuse(syscall.EEXIST, nil, "two rules have the number %d", r.id)
		}
		seen[r.id] = true
	}
	return nil
}

// checkRules looks at what only a commit can see.
func (k *Kernel) checkRules(c *config) *refusal {
	for _, svc := range c.services {
		switch {
		case svc.upload != nil && svc.upload.givenUp:
			return refuse(syscall.EINVAL, nil, "the new rules of \"%.16s\" were refused: begin them again", svc.name)
		case svc.upload != nil:
			return refuse(syscall.EINVAL, nil, "the new rules of \"%.16s\" are not whole: end them", svc.name)
		case len(svc.rules) > 0 && svc.mode != svc.rulesMode:
			return refuse(syscall.EINVAL, nil, "\"%.16s\" has rules: they need mode %s", svc.name, svc.rulesMode)
		case svc.hash.Key != genl.HashKeySource && svc.mode != genl.ModeHTTP:
			return refuse(syscall.EINVAL, nil, "\"%.16s\" hashes what a request has: it needs mode http", svc.name)
		}
		for _, s := range svc.sets {
			for i, ap := range s.servers {
				if svc.server(ap) == nil {
					if old := k.config.service(svc.name); old != nil && old.server(ap) != nil {
						return refuse(syscall.EBUSY, nil, "rules of %.9s use %s", svc.name, ap)
					}
					return refuse(syscall.ENOENT, nil, "rules of %.9s use %s: missing", svc.name, ap)
				}
				if slices.Contains(s.servers[:i], ap) {
					return refuse(syscall.EEXIST, nil, "a set of %.9s has %s twice", svc.name, ap)
				}
			}
		}
	}
	return nil
}

func (k *Kernel) ruleMessage(cmd uint8, svc *service, r *rule) message {
	ae := netlink.NewAttributeEncoder()
	ae.String(spec.ARulesService, svc.name)
	ae.Bytes(spec.ARulesRule|netlink.Nested, r.record)
	ae.Uint32(spec.ARulesHits, uint32(k.hits[svc.id][r.id]))
	return message{cmd, must(ae.Encode())}
}

func ruleSetMessage(cmd uint8, svc *service, s *ruleSet) message {
	ae := netlink.NewAttributeEncoder()
	ae.String(spec.ARulesService, svc.name)
	ae.Uint32(spec.ARulesSet, s.id)
	ae.String(spec.ARulesScheduler, s.scheduler)
	if keyed(s.scheduler) {
		hash(ae, spec.ARulesHash, s.hash)
	}
	for _, ap := range s.servers {
		address(ae, spec.ARulesServer, ap)
	}
	return message{cmd, must(ae.Encode())}
}

// SetHits makes a rule tell of so many requests.
func (k *Kernel) SetHits(service string, rule uint32, hits uint32) {
	k.mu.Lock()
	defer k.mu.Unlock()
	svc := k.config.service(service)
	if svc == nil {
		return
	}
	if k.hits[svc.id] == nil {
		k.hits[svc.id] = map[uint32]uint32{}
	}
	k.hits[svc.id][rule] = hits
}
