// SPDX-License-Identifier: MIT

// The printer: a table in the grammar the parser reads. Settings that have
// their defaults are left out, so that what a person wrote is what a person
// reads again; mode and scheduler are always there, so that nobody needs to
// know which mode a scheduler stands for.

package config

import (
	"bufio"
	"fmt"
	"io"
)

// Print writes the configuration. With names it prints hosts and ports by name
// where they have one, with nil everything is numeric.
func Print(w io.Writer, c *Config, names *Names) error {
	b := bufio.NewWriter(w)
	if n := c.Settings.MaxConnections; n != 0 {
		fmt.Fprintf(b, "Settings {\n    %s = %s\n}\n", MaxConnections.Key, MaxConnections.Format(n))
	}
	for i := range c.Services {
		if i > 0 || c.Settings != (Settings{}) {
			fmt.Fprintln(b)
		}
		printService(b, &c.Services[i], names)
	}
	return b.Flush()
}

func printService(w io.Writer, s *Service, names *Names) {
	fmt.Fprintf(w, "Virtual %s {\n", s.Name)
	fmt.Fprintf(w, "    listen = %s\n", names.FormatAddr(s.Listen))
	fmt.Fprintf(w, "    mode = %s\n", s.Mode)
	fmt.Fprintf(w, "    scheduler = %s\n", s.Scheduler)
	for i, v := range s.Settings {
		if k := Setting(i); v != k.Info().Default {
			fmt.Fprintf(w, "    %s = %s\n", k.Info().Key, k.Format(v))
		}
	}
	for _, srv := range s.Servers {
		fmt.Fprintf(w, "    server = %s %d\n", names.FormatAddr(srv.Addr), srv.Weight)
	}
	fmt.Fprintln(w, "}")
}
