// SPDX-License-Identifier: MIT

// diff and apply: what a file would change, and changing it. Both compare the
// file with the kernel's table; diff prints the difference in the grammar of
// the file, apply as the steps it takes, and then takes them by the way of -f.

package main

import (
	"errors"
	"fmt"

	"github.com/ktcpvs/ktcpvs/internal/config"
)

// errDiffers is what diff found; it is no mistake and nothing to complain of.
var errDiffers = errors.New("the table differs from the file")

func runDiff(s *session) error {
	conf, err := s.readConfig(s.opts.args[0])
	if err != nil {
		return err
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	t, err := s.readWhole(s.ctx, c, configured)
	if err != nil { // what differs in half a table says nothing
		return cannot(err, "compare the table with %s", shownName(s.opts.args[0]))
	}
	if form, _ := s.opts.get("output"); form == "json" {
		plan := config.Diff(t.present(), conf)
		if err := printJSON(s.out, s.changes(t, conf, &plan)); err != nil || plan.Empty() {
			return err
		}
		return errDiffers
	}
	differs, err := config.PrintDiff(s.out, t.config(), conf, s.printNames())
	if err == nil && differs {
		err = errDiffers
	}
	return err
}

// changes is a plan for JSON.
func (s *session) changes(t *table, conf *config.Config, plan *config.Plan) map[string]any {
	steps := plan.Steps(t.present(), conf, s.printNames())
	if steps == nil {
		steps = []config.Step{}
	}
	return map[string]any{"changes": steps}
}

func runApply(s *session) error {
	conf, err := s.readConfig(s.opts.args[0])
	if err != nil {
		return err
	}
	form, _ := s.opts.get("output")
	var doc map[string]any
	show := func(t *table, plan *config.Plan, again bool) {
		if form == "json" {
			doc = s.changes(t, conf, plan)
			return
		}
		if again {
			fmt.Fprintln(s.out, "the table was changed meanwhile; now:")
		}
		if plan.Empty() {
			fmt.Fprintln(s.out, "nothing to change")
		}
		for _, step := range plan.Steps(t.present(), conf, s.printNames()) {
			fmt.Fprintln(s.out, &step)
		}
		s.out.Flush() //nolint:errcheck // what is lost is found when the command ends
	}
	dryRun := s.opts.has("dry-run")
	err = s.replace(shownName(s.opts.args[0]), conf, show, dryRun)
	if doc != nil {
		doc["applied"] = err == nil && !dryRun
		err = errors.Join(err, printJSON(s.out, doc))
	}
	if err == nil && dryRun && doc == nil {
		fmt.Fprintln(s.out, "nothing was changed: this is a dry run")
	}
	return err
}
