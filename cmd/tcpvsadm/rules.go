// SPDX-License-Identifier: MIT

// Rules between the configuration language and the protocol. Rules that use the
// same servers under the same scheduler share a set, which has the number of the
// first of them: so it goes on with what its scheduler knows when a table is
// loaded again.

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/config"
	"github.com/ktcpvs/ktcpvs/internal/rules"
	"github.com/ktcpvs/ktcpvs/internal/ruleset"
)

// readRules reads the rules of the services that have some.
func (t *table) readRules(ctx context.Context, c tableReader) error {
	type key struct {
		service string
		set     uint32
	}
	any := false
	for i := range t.services {
		any = any || t.services[i].Rules > 0
	}
	if !any {
		return nil
	}
	list, err := c.Rules(ctx, "")
	if list == nil && err != nil {
		return err
	}
	sets, serr := c.RuleSets(ctx, "")
	if sets == nil && serr != nil {
		return serr
	}
	byKey := make(map[key]*genl.RuleSet)
	for i := range sets {
		byKey[key{sets[i].Service, sets[i].ID}] = &sets[i].RuleSet
	}
	t.rules = make(map[string][]config.Rule)
	for len(list) > 0 {
		// Those of a service come in a row.
		name, n := list[0].Service, 1
		for n < len(list) && list[n].Service == name {
			n++
		}
		of := slices.Grow(t.rules[name], n)
		for i := range list[:n] {
			g := &list[i]
			r, ok := ruleset.Rule(&g.Rule)
			if !ok {
				return errors.New("the table has a rule that this program does not understand: it is older than the kernel module")
			}
			v := config.Rule{Rule: r}
			if s := byKey[key{name, g.Set}]; s != nil && r.Action.Kind == rules.UseSet {
				v.Servers, v.Scheduler, v.Action.Set = s.Servers, s.Scheduler, config.RuleSet
				if s.Hash != nil {
					v.Hash = fromKernelHash(*s.Hash)
				}
			}
			of = append(of, v)
		}
		t.rules[name] = of
		list = list[n:]
	}
	return errors.Join(err, serr)
}

// kernelRules is the table of a service as it is uploaded. Its rules have passed
// rules.Check.
func kernelRules(s *config.Service) (*genl.RuleTable, error) {
	var sets []genl.RuleSet
	number := make(map[string]uint32) // of a set, by what it is
	used := make([]uint32, len(s.Rules))
	var key []byte
	var recent [8]int // rules, 1 more than their places: most sets have been met before
	for i := range s.Rules {
		r := &s.Rules[i]
		if r.Action.Kind != rules.UseSet {
			continue
		}
		at := &recent[i%len(recent)]
		for _, j := range recent {
			if j > 0 && sameSet(&s.Rules[j-1], r) {
				at = nil
				used[i] = used[j-1]
				break
			}
		}
		if at == nil {
			continue
		}
		*at = i + 1
		key = append(key[:0], r.How()...)
		if r.Hash.Key == config.HashMatch { // of an expression of its own
			key = fmt.Appendf(key, "%q %v", r.Match.Path.Value, r.Match.Path.URI)
		}
		for _, a := range r.Servers {
			ip := a.Addr().As16()
			key = binary.BigEndian.AppendUint16(append(key, ip[:]...), a.Port())
		}
		n, ok := number[string(key)]
		if !ok {
			n = r.ID
			number[string(key)] = n
			set := genl.RuleSet{ID: n, Scheduler: r.Scheduler, Servers: r.Servers}
			if config.Hashes(r.Scheduler) {
				set.Hash = genl.Ptr(toKernelHash(r.Hash))
			}
			sets = append(sets, set)
		}
		used[i] = n
	}
	return ruleset.Checked(config.RuleList(s.Rules), sets, func(i int) uint32 { return used[i] })
}

// sameSet tells that two rules have the same set for sure.
func sameSet(a, b *config.Rule) bool {
	return len(a.Servers) > 0 && len(a.Servers) == len(b.Servers) && &a.Servers[0] == &b.Servers[0] &&
		a.Scheduler == b.Scheduler && a.Hash == b.Hash && a.Hash.Key != config.HashMatch
}

func runAddRule(s *session) error {
	return s.changeRules("add a rule to service %q", (*config.Service).InsertRule)
}

func runDeleteRule(s *session) error {
	return s.changeRules("delete a rule of service %q", (*config.Service).RemoveRule)
}

// ruleArgs is the rule that the options describe: by itself, or as the original
// did by a pattern and a server.
func (s *session) ruleArgs() (config.Rule, error) {
	text, whole := s.opts.get("rule")
	pattern, hasPattern := s.opts.get("pattern")
	server, hasServer := s.opts.get("real-server")
	group, hasGroup := s.opts.get(config.MatchKey)
	name := s.opts.cmd.name()
	switch {
	case whole && (hasPattern || hasServer || hasGroup):
		return config.Rule{}, &usageError{"--rule says all there is to the rule", "leave out -p, -m and -r, or --rule", "rule"}
	case whole:
	case !hasPattern:
		return config.Rule{}, usagef("or --rule RULE", "%s needs -p RE", name)
	case !hasServer:
		return config.Rule{}, usagef("", "%s needs -r HOST[:PORT]", name)
	default:
		if _, err := s.serverArgs(); err != nil {
			return config.Rule{}, err
		}
		if hasGroup {
			if err := new(config.Hash).ParseGroup(group); err != nil {
				return config.Rule{}, badValue(config.MatchKey, err)
			}
			group = " " + config.MatchKey + " " + group
		}
		r, err := config.ParseRule("pattern "+config.Quote(pattern)+group+" use server "+config.Quote(server), s.names)
		return r, inOption("pattern", err)
	}
	r, err := config.ParseRule(text, s.names)
	return r, inOption("rule", err)
}

// inOption is an error about the value of an option.
func inOption(long string, err error) error {
	if err == nil {
		return nil
	}
	return badValue(long, err)
}

// changeRules reads the table, changes the rules of one service and puts them in
// place, unless somebody else changed anything meanwhile: then once more.
func (s *session) changeRules(what string, change func(*config.Service, config.Rule) error) error {
	rule, err := s.ruleArgs()
	if err != nil {
		return err
	}
	name, _ := s.opts.get("ident")
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	for try := range loadAttempts {
		s.sleep(time.Duration(try) * 20 * time.Millisecond)
		err = s.changeRulesOnce(c, name, rule, change)
		if !errors.Is(err, genl.ErrStale) && !errors.Is(err, genl.ErrInconsistent) {
			break
		}
	}
	return cannot(err, what, name)
}

func (s *session) changeRulesOnce(c *genl.Client, name string, rule config.Rule, change func(*config.Service, config.Rule) error) error {
	info, err := c.Info(s.ctx)
	if err != nil {
		return err
	}
	if _, err := c.Service(s.ctx, name); err != nil {
		return err
	}
	t, err := readTable(s.ctx, c, name, configured)
	if err != nil {
		return err
	}
	now := t.present()
	want := config.Config{Services: []config.Service{now.Services[0].Service}}
	if err := change(&want.Services[0], rule); err != nil {
		return err
	}
	if err := rules.Check(config.RuleList(want.Services[0].Rules)); err != nil {
		return err
	}
	tx, err := c.Begin(s.ctx, genl.BeginOptions{Generation: &info.Generation})
	if err != nil {
		return err
	}
	defer tx.Abort() //nolint:errcheck // an error here changes nothing any more
	if _, err := stageAll(s.ctx, tx, config.Diff(now, &want).Ops); err != nil {
		return err
	}
	_, err = tx.Commit(s.ctx)
	return err
}
