// SPDX-License-Identifier: MIT

// Command badserver is a real server that misbehaves.
//
// A behaviour is chosen by the first element of the request's path
// (/short?size=1000&sent=10) or for everything by --do (--do 'short?sent=10').
// Those that must act before a request was read exist as --do only. With
// --times N the behaviour of --do ends after N requests, or connections, and
// the server is a good one from then on.
//
// The server writes raw bytes; nothing repairs what it is told to break.
// It counts what reaches it: GET /count tells, and so does the last line on
// standard output. --log prints every request head as a JSON line.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ktcpvs/ktcpvs/internal/traffic"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func usage(w io.Writer, fs *flag.FlagSet) {
	fmt.Fprint(w, "usage: badserver --listen ADDR [--do BEHAVIOUR[?ARGS]] [--times N] [options]\n\noptions:\n")
	fs.SetOutput(w)
	fs.PrintDefaults()
	fmt.Fprint(w, "\nbehaviours, as --do NAME or as path /NAME; arguments in brackets with their defaults:\n")
	for _, b := range behaviours {
		name := "/" + b.name
		if b.onAccept != nil {
			name = "--do " + b.name
		}
		fmt.Fprintf(w, "  %-18s %s\n", name, b.doc)
	}
}

func run(args []string, stdout, stderr io.Writer) int {
	var listen traffic.List
	fs := flag.NewFlagSet("badserver", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	fs.Var(&listen, "listen", "address to listen on, host:port; may be repeated; port 0 picks one")
	do := fs.String("do", "", "behaviour for every request or connection, whatever the path")
	times := fs.Int64("times", 0, "the behaviour of --do ends after so many (0: never)")
	name := fs.String("name", "", "sent as X-Server with every right answer")
	log := fs.Bool("log", false, "print every request head as a JSON line")
	idle := fs.Duration("idle", 10*time.Minute, "longest wait for a read or write")
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		usage(stdout, fs)
		return 0
	case err == nil && fs.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case err == nil && len(listen) == 0:
		err = errors.New("--listen is missing")
	}
	s := &server{
		name: *name, log: *log, idle: *idle, lines: &traffic.Lines{W: stdout},
		counts: map[string]int64{},
	}
	if err == nil && *do != "" {
		s.forced, s.forcedArgs, err = find(*do)
		s.remaining.Store(*times)
		s.limited = *times > 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "badserver: %v; --help lists everything\n", err)
		return 2
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	for _, a := range listen {
		l, err := net.Listen("tcp", a)
		if err != nil {
			fmt.Fprintf(stderr, "badserver: %v\n", err)
			return 1
		}
		defer l.Close()
		s.lines.Emit(map[string]string{"event": "listening", "address": l.Addr().String()})
		go s.accept(l)
	}
	<-stop
	s.lines.Emit(s.summary())
	return 0
}

// find resolves "name?args" or "/name?args".
func find(spec string) (*behaviour, arguments, error) {
	name, query, _ := strings.Cut(strings.TrimPrefix(spec, "/"), "?")
	name, _, _ = strings.Cut(name, "/")
	v, err := url.ParseQuery(query)
	if err != nil {
		return nil, nil, fmt.Errorf("%q: %w", spec, err)
	}
	for i := range behaviours {
		if behaviours[i].name == name {
			return &behaviours[i], arguments(v), nil
		}
	}
	return nil, nil, fmt.Errorf("unknown behaviour %q", name)
}

// arguments of a behaviour; what is absent or no number has its default.
type arguments url.Values

func (a arguments) num(key string, def int64) int64 {
	n, err := traffic.ParseSize(url.Values(a).Get(key))
	if err != nil {
		return def
	}
	return int64(n)
}

func (a arguments) str(key, def string) string {
	if v := url.Values(a).Get(key); v != "" {
		return v
	}
	return def
}

func (a arguments) ms(key string, def int64) time.Duration {
	return time.Duration(a.num(key, def)) * time.Millisecond
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
