// SPDX-License-Identifier: MIT

// --set: the settings of the network namespace, as opposed to those of one
// service (-E).

package main

import (
	"strings"

	"github.com/ktcpvs/ktcpvs/internal/config"
)

func runSet(s *session) error {
	var want config.Settings
	if err := s.setArgs(&want); err != nil {
		return err
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	return cannot(s.setSettings(s.ctx, c, want), "change the settings of the namespace")
}

// setArgs takes what the options say into the settings.
func (s *session) setArgs(into *config.Settings) error {
	long := config.MaxConnections.Key
	text, _ := s.opts.get(long)
	if strings.EqualFold(text, "default") {
		into.MaxConnections = 0
		return nil
	}
	n, err := config.MaxConnections.Parse(text)
	if err != nil {
		return badValue(long, err)
	}
	into.MaxConnections = uint32(n)
	return nil
}
