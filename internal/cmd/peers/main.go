// SPDX-License-Identifier: MIT

// Command peers holds real HTTP peers against each other, with a balancer
// between them or without one.
//
//	peers serve -listen ADDRESS...	an HTTP server of net/http, with WebSockets
//	peers check KIND=ADDRESS...	a client, and what it must get from a server
//
// The kinds are those of the servers: "go" is "peers serve", "haproxy-go" the
// same behind HAProxy; what "apache", "apache-few", "haproxy" and
// "haproxy-close" must be configured for stands beside their cases. The result
// of check is TAP.
//
// A case waits for events, never for time to pass: what must arrive in pieces
// does so because the next piece is sent only when the one before was seen.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ktcpvs/ktcpvs/internal/tap"
	"github.com/ktcpvs/ktcpvs/internal/traffic"
)

const usage = "usage: peers serve -listen ADDRESS... | peers check [-factor N] KIND=ADDRESS..."

// kind is a server, and what it must be able to do.
type kind struct {
	name, label string
	cases       []testCase
}

type testCase struct {
	name string
	run  func(p *peer) error
}

var kinds = []kind{
	{"go", "Go", append(slices.Clone(goCases), goAloneCases...)},
	{"haproxy-go", "Go behind HAProxy", goCases},
	{"haproxy", "HAProxy", haproxyCases},
	{"haproxy-close", "HAProxy, closing", haproxyCloseCases},
	{"apache", "Apache", apacheCases},
	{"apache-few", "Apache, few requests", apacheFewCases},
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	var err error
	good := true
	switch {
	case len(args) > 0 && args[0] == "serve":
		err = serve(args[1:])
	case len(args) > 0 && args[0] == "check":
		good, err = check(args[1:], stdout)
	default:
		err = errors.New("it is serve or check that is to be done")
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(stdout, usage)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "peers: %v\n%s\n", err, usage)
		return 2
	case !good:
		return 1
	}
	return 0
}

func flags(name string) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	return fs
}

func serve(args []string) error {
	var listen traffic.List
	fs := flags("serve")
	fs.Var(&listen, "listen", "`address` to listen on; may be repeated")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 || len(listen) == 0 {
		return errors.New("serve takes -listen ADDRESS, once or more often, and nothing else")
	}
	ended := make(chan error)
	srv := &http.Server{Handler: newServer()}
	for _, a := range listen {
		l, err := net.Listen("tcp", a)
		if err != nil {
			return err
		}
		go func() { ended <- srv.Serve(l) }()
	}
	return <-ended
}

func check(args []string, stdout io.Writer) (bool, error) {
	fs := flags("check")
	factor := fs.Int("factor", 1, "`times` that this machine is slower")
	if err := fs.Parse(args); err != nil {
		return false, err
	}
	var peers []*peer
	var of []kind
	for _, a := range fs.Args() {
		name, addr, _ := strings.Cut(a, "=")
		i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
		if _, _, err := net.SplitHostPort(addr); i < 0 || err != nil {
			return false, fmt.Errorf("%q is no KIND=HOST:PORT, where KIND is %s", a, kindNames())
		}
		peers = append(peers, &peer{addr: addr, wait: 20 * time.Second * time.Duration(*factor)})
		of = append(of, kinds[i])
	}
	if len(peers) == 0 {
		return false, errors.New("check takes at least one KIND=ADDRESS")
	}
	t := tap.New(stdout)
	for i, p := range peers {
		for _, c := range of[i].cases {
			t.Result(of[i].label+": "+c.name, c.run(p))
		}
	}
	return t.Plan(), nil
}

func kindNames() string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.name)
	}
	return strings.Join(names, ", ")
}
