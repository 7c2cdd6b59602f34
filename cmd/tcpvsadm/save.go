// SPDX-License-Identifier: MIT

// -S and -R: the table as command lines of tcpvsadm, one a line, and back.
//
// -R reads the lines with the very parser of the command line, builds the table
// they describe without asking the kernel anything, and hands it to the loader
// of -f. So a restore succeeds whole or changes nothing, and tells every
// mistake by its line.

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ktcpvs/ktcpvs/internal/config"
)

// runSave is numeric, so that it means the same on another machine.
func runSave(s *session) error {
	name, _ := s.opts.get("ident")
	c, err := s.client()
	if err != nil {
		return err
	}
	defer c.Close()
	t, err := s.read(c, name, configured)
	if err != nil { // half a table must not be taken for a backup
		return cannot(err, "save the table")
	}
	return saveLines(s.out, t.config())
}

// saveLines writes what is not default, except what 0.0.18 had another default
// for: nobody shall need to know it.
func saveLines(out io.Writer, c *config.Config) error {
	w := bufio.NewWriter(out)
	line := func(words ...string) {
		for i, word := range words {
			words[i] = quoteWord(word)
		}
		fmt.Fprintln(w, strings.Join(words, " "))
	}
	if n := c.Settings.MaxConnections; n != 0 {
		line("--set", "--"+config.MaxConnections.Key, config.MaxConnections.Format(uint64(n)))
	}
	for i := range c.Services {
		s := &c.Services[i]
		words := []string{"-A", "-i", s.Name, "-l", s.Listen.String(), "--mode", string(s.Mode), "-s", s.Scheduler}
		for k, v := range s.Settings {
			if set := config.Setting(k); v != set.Info().Default {
				words = append(words, "--"+longOption(set), set.Info().Word(v))
			}
		}
		if len(s.Trusted) > 0 {
			words = append(words, "--"+config.TrustedKey, config.FormatNetworks(s.Trusted, ","))
		}
		if s.Redirect.IsValid() {
			words = append(words, "--"+config.RedirectKey, s.Redirect.String())
		}
		if s.Hash.Key != config.HashSource {
			words = append(words, "--"+config.HashKey, s.Hash.KeyText())
		}
		if s.Hash.Bound != config.DefaultHashBound {
			words = append(words, "--"+config.HashBoundKey, s.Hash.BoundText())
		}
		words = append(words, cookieWords(&s.Cookie)...)
		line(words...)
		if s.Cookie.KeySet {
			fmt.Fprintln(w, s.Cookie.Remark())
		}
		for _, srv := range s.Servers {
			line("-a", "-i", s.Name, "-r", srv.Addr.String(), "-w", strconv.FormatUint(uint64(srv.Weight), 10))
		}
		for _, text := range s.RuleLines() {
			line("--add-rule", "-i", s.Name, "--rule", text)
		}
	}
	return w.Flush()
}

// A word of a line, and where it begins.
type word struct {
	text string
	col  int
}

// quoteWord writes a word as splitWords reads it.
func quoteWord(s string) string {
	if s != "" && !strings.ContainsAny(s, " \t\r\"#") {
		return s
	}
	return config.Quote(s)
}

// splitWords takes a line apart. Words are separated by blanks; "#" where a
// word may begin starts a comment; a word may be quoted as in the configuration
// file, where \" is a quote, every other backslash stands for itself, and those
// at the end of a word stand behind its closing quote.
func splitWords(line string) ([]word, *config.Error) {
	var words []word
	col, from := 1, 0 // columns count characters
	column := func(i int) int {
		col, from = col+utf8.RuneCountInString(line[from:i]), i
		return col
	}
	for i := 0; i < len(line); {
		switch {
		case isBlank(line[i]):
			i++
			continue
		case line[i] == '#':
			return words, nil
		}
		w := word{col: column(i)}
		if line[i] == '"' {
			var b strings.Builder
			for i++; i < len(line) && line[i] != '"'; i++ {
				if line[i] == '\\' && i+1 < len(line) && line[i+1] == '"' {
					i++
				}
				b.WriteByte(line[i])
			}
			if i == len(line) {
				return nil, &config.Error{Pos: config.Pos{Col: w.col}, Msg: "this string has no end",
					Hint: `close it with " on the same line; a quote inside is written \"`}
			}
			for i++; i < len(line) && line[i] == '\\'; i++ { // as in a file
				b.WriteByte('\\')
			}
			w.text = b.String()
		} else {
			begin := i
			for i < len(line) && !isBlank(line[i]) {
				i++
			}
			w.text = line[begin:i]
		}
		words = append(words, w)
	}
	return words, nil
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }

const maxLineErrors = 20

// server is the key of a real server.
type server struct {
	service string
	addr    netip.AddrPort
}

// restorer builds a table from lines.
type restorer struct {
	*session
	file  string
	conf  config.Config
	index map[string]int // of a service by name
	lines map[server]int // of a server
	errs  config.Errors
}

func runRestore(s *session) error {
	r := &restorer{session: s, file: shownName("-"), index: make(map[string]int), lines: make(map[server]int)}
	text, err := io.ReadAll(io.LimitReader(s.stdin, config.MaxSize+1))
	switch {
	case err != nil:
		return cannot(err, "read %s", r.file)
	case len(text) > config.MaxSize:
		return &config.Error{Msg: fmt.Sprintf("%s is larger than %d MiB", r.file, config.MaxSize>>20),
			Hint: "is it the output of " + program + " -S?"}
	}
	for i, line := range strings.Split(string(text), "\n") {
		r.line(i+1, line)
		if len(r.errs) == maxLineErrors {
			r.fail(config.Pos{Line: i + 1, Col: 1}, &config.Error{Msg: "too many errors, the rest was not read"})
			break
		}
	}
	if len(r.errs) == 0 { // a server that a rule misses may be on a refused line
		for i := range r.conf.Services {
			if r.errs = append(r.errs, r.conf.Services[i].Finish(r.file)...); len(r.errs) >= maxLineErrors {
				break
			}
		}
	}
	if len(r.errs) == 0 {
		r.errs = config.CheckTable(r.file, r.conf.Services)
	}
	if len(r.errs) > 0 {
		return r.errs
	}
	return s.replace(r.file, &r.conf, nil, false)
}

func (r *restorer) fail(pos config.Pos, err *config.Error) {
	r.errs = append(r.errs, &config.Error{File: r.file, Pos: pos, Msg: err.Msg, Hint: err.Hint})
}

func (r *restorer) line(number int, text string) {
	words, bad := splitWords(text)
	if bad != nil {
		r.fail(config.Pos{Line: number, Col: bad.Pos.Col}, bad)
		return
	}
	if len(words) == 0 {
		return
	}
	args := make([]string, len(words))
	for i, w := range words {
		args[i] = w.text
	}
	pos := config.Pos{Line: number, Col: words[0].col}
	err := r.command(pos, args)
	var (
		usage *usageError
		value *config.Error
	)
	switch {
	case err == nil:
	case errors.As(err, &usage):
		pos.Col = columnOf(words, usage.opt)
		r.fail(pos, &config.Error{Msg: usage.msg, Hint: usage.hint})
	case errors.As(err, &value):
		r.fail(pos, value)
	default:
		r.fail(pos, &config.Error{Msg: err.Error()})
	}
}

// columnOf is where the option begins that an error is about.
func columnOf(words []word, long string) int {
	short := ""
	for _, opt := range optionTable {
		if opt.long == long {
			short = opt.short
		}
	}
	for _, r := range refusals {
		if r.long == long {
			short = r.short
		}
	}
	for _, w := range words {
		if w.text == "--"+long || strings.HasPrefix(w.text, "--"+long+"=") ||
			short != "" && strings.HasPrefix(w.text, "-"+short) {
			return w.col
		}
	}
	return words[0].col
}

// command takes one line into the table.
func (r *restorer) command(pos config.Pos, args []string) error {
	const lines = "-R takes the lines of -S: -A, -a, --add-rule and --set"
	if !strings.HasPrefix(args[0], "-") {
		return usagef(lines+"; a configuration file is loaded with -f -", "a line begins with a command, found %q", args[0])
	}
	o, err := parseArgs(args)
	if err != nil {
		return err
	}
	if o.has("netns") {
		return &usageError{"--netns does not belong there", "give it to -R: all lines go to one namespace", "netns"}
	}
	s := &session{app: r.app, ctx: r.ctx, opts: o, out: r.out}
	name, _ := o.get("ident")
	switch o.cmd.long {
	case "add-service":
		if _, ok := r.index[name]; ok {
			return &usageError{fmt.Sprintf("service %q is added twice", name), "", "ident"}
		}
		v, err := s.serviceArgs()
		if err != nil {
			return err
		}
		svc, err := v.complete(name)
		if err != nil {
			return err
		}
		svc.Pos = pos
		r.index[name] = len(r.conf.Services)
		r.conf.Services = append(r.conf.Services, svc)
	case "add-server":
		i, ok := r.index[name]
		if !ok {
			return &usageError{fmt.Sprintf("there is no service %q", name), "a line -A -i " + name + " must come before", "ident"}
		}
		v, err := s.serverArgs()
		if err != nil {
			return err
		}
		return r.server(&r.conf.Services[i], v, pos)
	case "add-rule":
		i, ok := r.index[name]
		if !ok {
			return &usageError{fmt.Sprintf("there is no service %q", name), "a line -A -i " + name + " must come before", "ident"}
		}
		rule, err := s.ruleArgs()
		if err != nil {
			return err
		}
		rule.Pos = pos
		r.conf.Services[i].Rules = append(r.conf.Services[i].Rules, rule)
	case "set":
		return s.setArgs(&r.conf.Settings)
	default:
		if !o.has(o.cmd.long) { // nothing at all is -L
			return usagef(lines, "there is no command on the line")
		}
		return usagef(lines, "%s does not belong there", o.cmd.name())
	}
	return nil
}

func (r *restorer) server(svc *config.Service, v *serverArgs, pos config.Pos) error {
	addr := v.addr
	if addr.Port() == 0 {
		addr = netip.AddrPortFrom(addr.Addr(), svc.Listen.Port())
	}
	key := server{svc.Name, addr}
	if line, ok := r.lines[key]; ok {
		return &usageError{fmt.Sprintf("server %s is added twice", addr),
			fmt.Sprintf("it stands at line %d already; give it more weight instead", line), "real-server"}
	}
	r.lines[key] = pos.Line
	svc.Servers = append(svc.Servers, config.Server{Addr: addr, Weight: v.weight, Pos: pos})
	return nil
}
