// SPDX-License-Identifier: MIT

// Specgen writes what follows from the protocol's specification and is not C:
// the Go tables, the Go types and the protocol reference. The C side is written
// by the kernel's own generator; scripts/gen runs both.
//
//	specgen [-root DIR] SPEC
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

// outputs are the generated files by their path from the root.
var outputs = []struct {
	path     string
	generate func(*document) ([]byte, error)
}{
	{"internal/spec/spec_gen.go", goSpec},
	{"genl/types_gen.go", goAPI},
	{"docs/protocol.md", reference},
}

func main() {
	root := flag.String("root", ".", "`directory` the files are written below")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: specgen [-root DIR] SPEC")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*root, flag.Arg(0)); err != nil {
		fmt.Fprintf(os.Stderr, "specgen: %v\n", err)
		os.Exit(1)
	}
}

// run generates everything before it writes anything.
func run(root, path string) error {
	src, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	d, err := parse(src)
	if err != nil {
		return fmt.Errorf("%s:\n%w", path, err)
	}
	contents := make([][]byte, len(outputs))
	for i, o := range outputs {
		if contents[i], err = o.generate(d); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	for i, o := range outputs {
		name := filepath.Join(root, filepath.FromSlash(o.path))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, contents[i], 0o644); err != nil {
			return err
		}
	}
	return nil
}
