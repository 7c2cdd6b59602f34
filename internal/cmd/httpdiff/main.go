// SPDX-License-Identifier: MIT

// Httpdiff has this project's HTTP parser, llhttp and Go's net/http read the
// same messages: those of testdata/http, of the fuzzers' corpus, and generated
// ones. Every difference must belong to a class that docs/parser.md explains;
// those that do not are made small and shown, and the status is 1.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	batch = 1000
	// findings is how many of different kinds are looked for.
	findings = 10
)

func main() {
	o := options{}
	flag.StringVar(&o.tables, "tables", "testdata/http", "`directory` of the tables")
	flag.StringVar(&o.corpus, "corpus", "testdata/fuzz", "`directory` of the fuzzers' corpus")
	flag.StringVar(&o.ours, "ktcpvs", "build/tests/peer_ktcpvs", "`program` that runs our parser")
	flag.StringVar(&o.llhttp, "llhttp", "build/tests/peer_llhttp", "`program` that runs llhttp")
	flag.StringVar(&o.artifacts, "artifacts", "build/fuzz", "`directory` for a message that no class explains")
	flag.IntVar(&o.n, "n", 100000, "generated `messages`")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the generator")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "httpdiff: %q is no option (httpdiff -help)\n", flag.Arg(0))
		os.Exit(2)
	}
	if err := run(&o); err != nil {
		fmt.Fprintln(os.Stderr, "httpdiff:", err)
		os.Exit(1)
	}
}

type options struct {
	tables, corpus, ours, llhttp, artifacts string
	n                                       int
	seed                                    uint64
}

// parsers are the two that ours is compared with.
var parsers = [2]string{"llhttp", "go"}

// differ holds the programs and counts what was found.
type differ struct {
	peers [2]*peer // ours, llhttp
	// seen counts messages by class and parser.
	seen map[string]*[2]int
	// messages are those compared, differing ones whose readings differ.
	messages, differing int
}

func run(o *options) (err error) {
	known, err := readTables(o.tables)
	if err != nil {
		return err
	}
	seeds, err := withCorpus(known, o.corpus)
	if err != nil {
		return err
	}
	d := differ{seen: map[string]*[2]int{}}
	for i, path := range []string{o.ours, o.llhttp} {
		if d.peers[i], err = startPeer(filepath.Base(path), path); err != nil {
			return err
		}
		defer d.peers[i].close()
	}
	fmt.Printf("httpdiff: %d messages of the tables, %d of the corpus, %d generated, seed %d\n",
		len(known), len(seeds)-len(known), o.n, o.seed)
	g := newGenerator(o.seed, known)
	kinds := map[string]bool{}
	start, shown := time.Now(), time.Now()
	for total := len(seeds) + o.n; d.messages < total; {
		var msgs []message
		for range min(batch, total-d.messages) {
			if len(seeds) > 0 {
				msgs, seeds = append(msgs, seeds[0]), seeds[1:]
			} else {
				msgs = append(msgs, g.message())
			}
		}
		bad, err := d.round(msgs)
		if err != nil {
			return err
		}
		for _, u := range bad {
			if !kinds[u.kind()] && len(kinds) < findings {
				kinds[u.kind()] = true
				if err := d.report(u, o.artifacts, len(kinds)); err != nil {
					return err
				}
			}
		}
		if len(kinds) == findings {
			break
		}
		if time.Since(shown) > 10*time.Second {
			shown = time.Now()
			fmt.Printf("httpdiff: %d of %d messages, %d read differently\n", d.messages, total, d.differing)
		}
	}
	d.summary(time.Since(start))
	if len(kinds) > 0 {
		return fmt.Errorf("%d kinds of differences that no class explains (classes.go, docs/parser.md)", len(kinds))
	}
	return nil
}

// round compares the readings of some messages and returns the differences that
// no class explains.
func (d *differ) round(msgs []message) (bad []*unexplained, err error) {
	var readings [2][]reading
	for i, p := range d.peers {
		if readings[i], err = p.readAll(msgs); err != nil {
			return nil, err
		}
	}
	for i, m := range msgs {
		goes := readGo(m)
		d.messages++
		differs := false
		for k, theirs := range []*reading{&readings[1][i], &goes} {
			for _, where := range compare(&readings[0][i], theirs, k == 1) {
				differs = true
				diff := difference{m, walk(m.bytes), where, &readings[0][i], theirs}
				c := explain(&diff, parsers[k])
				if c == nil {
					bad = append(bad, &unexplained{diff, parsers[k]})
					continue
				}
				if d.seen[c.id] == nil {
					d.seen[c.id] = new([2]int)
				}
				d.seen[c.id][k]++
			}
		}
		if differs {
			d.differing++
		}
	}
	return bad, nil
}

func (d *differ) summary(took time.Duration) {
	fmt.Printf("%-20s %10s %10s\n", "class", parsers[0], parsers[1])
	used := 0
	for _, c := range classes {
		n := d.seen[c.id]
		if n == nil {
			n = new([2]int)
		} else {
			used++
		}
		fmt.Printf("%-20s %10d %10d\n", c.id, n[0], n[1])
	}
	fmt.Printf("httpdiff: %d messages, %d read differently, all in %d of %d classes, %.1f s\n",
		d.messages, d.differing, used, len(classes), took.Seconds())
}

// unexplained is a finding.
type unexplained struct {
	difference
	parser string
}

// kind is what findings are told apart by.
func (u *unexplained) kind() string {
	return fmt.Sprint(u.parser, u.where, u.response, u.ours.err, u.theirs.err)
}

// report makes a finding small, stores and shows it.
func (d *differ) report(u *unexplained, dir string, n int) error {
	small, err := d.shrink(u)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	path := filepath.Join(dir, fmt.Sprintf("httpdiff-%d", n))
	if err := os.WriteFile(path, small.bytes, 0o666); err != nil {
		return err
	}
	kind := "request"
	if small.response {
		kind = "response to " + small.method
	}
	shown := escape(small.bytes)
	if len(shown) > 1000 {
		shown = shown[:1000] + "..."
	}
	fmt.Printf("httpdiff: no class explains how %s reads this %s (%s), now in %s:\n%s\nktcpvs: %s\n%s: %s\n",
		small.parser, kind, small.where, path, shown, small.ours, small.parser, small.theirs)
	return nil
}

// shrink takes pieces out as long as the difference is of the same kind and no
// class explains it.
func (d *differ) shrink(u *unexplained) (*unexplained, error) {
	counted := *d
	defer func() { *d = counted }()
	for size := len(u.bytes) / 2; size > 0; size /= 2 {
		for at := 0; at+size <= len(u.bytes); {
			m := u.message
			m.bytes = slices.Concat(u.bytes[:at], u.bytes[at+size:])
			got, err := d.round([]message{m})
			if err != nil {
				return nil, err
			}
			i := slices.IndexFunc(got, func(g *unexplained) bool { return g.kind() == u.kind() })
			if i < 0 {
				at += size
				continue
			}
			u = got[i]
		}
	}
	return u, nil
}
