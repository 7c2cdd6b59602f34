// SPDX-License-Identifier: MIT

// Rules between the configuration language and the protocol. A rule's set of
// servers has the number of the rule.

package main

import (
	"context"
	"errors"

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
	for i := range list {
		g := &list[i]
		r, ok := ruleset.Rule(&g.Rule)
		if !ok {
			return errors.New("the table has a rule that this program does not understand: it is older than the kernel module")
		}
		v := config.Rule{ID: r.ID, Name: r.Name, Match: r.Match, Action: r.Action}
		if s := byKey[key{g.Service, g.Set}]; s != nil && r.Action.Kind == rules.UseSet {
			v.Servers, v.Scheduler = s.Servers, s.Scheduler
		}
		v.Action.Set = ""
		t.rules[g.Service] = append(t.rules[g.Service], v)
	}
	return errors.Join(err, serr)
}

// kernelRules is the table of a service as it is uploaded.
func kernelRules(s *config.Service) (*genl.RuleTable, error) {
	t := s.RuleTable()
	var sets []ruleset.Set
	for i := range s.Rules {
		r := &s.Rules[i]
		if r.Action.Kind == rules.UseSet {
			sets = append(sets, ruleset.Set{Name: t[i].Action.Set, RuleSet: genl.RuleSet{
				ID: t[i].ID, Scheduler: r.Scheduler, Servers: r.Servers,
			}})
		}
	}
	return ruleset.Table(t, sets)
}
