// SPDX-License-Identifier: MIT

// The command line: one table of commands, one of options. Parsing, the checks
// which option goes with which command, the usage text and the shell
// completion all come from these two tables.
//
// A command is an option (-A) or a verb (check); there is exactly one, and
// none at all means -L. Options stand in any order.

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/ktcpvs/ktcpvs/internal/config"
)

// command is something that can be asked for.
type command struct {
	long, short string // of a command that is an option
	verb        string
	arg         string   // what the verb or the option takes
	needs       []string // options without which it makes no sense
	takes       []string // further options
	doc         string
	run         func(*session) error
}

// name is how a message calls the command.
func (c *command) name() string {
	switch {
	case c.verb != "":
		return c.verb
	case c.short != "":
		return "-" + c.short
	}
	return "--" + c.long
}

// option is something a command takes.
type option struct {
	long, short string
	arg         string // "" for a switch
	doc         string
	hidden      bool
}

func (o *option) name() string {
	if o.short != "" {
		return "-" + o.short
	}
	return "--" + o.long
}

// forCookie marks a command that takes what a cookie is.
const forCookie = "COOKIE"

// forService marks a command that takes every setting of a service.
const forService = "SETTINGS"

var commands []*command // set by init: the functions refer to the table

func init() {
	listOptions := []string{"ident", "numeric", "stats", "rate", "interval", "sort", "exact", "output"}
	commands = []*command{
		{long: "add-service", short: "A", needs: []string{"ident"},
			takes: []string{"scheduler", "mode", "port", "listen", config.TrustedKey, config.RedirectKey, config.HashKey, config.HashBoundKey, forCookie, forService},
			doc:   "add a virtual service", run: runAddService},
		{long: "edit-service", short: "E", needs: []string{"ident"},
			takes: []string{"scheduler", "mode", "port", "listen", config.TrustedKey, config.RedirectKey, config.HashKey, config.HashBoundKey, forCookie, forService},
			doc:   "change a virtual service; what is not given stays", run: runEditService},
		{long: "delete-service", short: "D", needs: []string{"ident"},
			doc: "delete a virtual service with its servers", run: runDeleteService},
		{long: "flush", short: "F", doc: "delete every virtual service", run: runFlush},
		{long: "clear", short: "C", doc: "the same as -F", run: runFlush},
		{long: "add-server", short: "a", needs: []string{"ident", "real-server"}, takes: []string{"weight"},
			doc: "add a real server to a service", run: runAddServer},
		{long: "edit-server", short: "e", needs: []string{"ident", "real-server"}, takes: []string{"weight"},
			doc: "change the weight of a real server", run: runEditServer},
		{long: "delete-server", short: "d", needs: []string{"ident", "real-server"},
			doc: "remove a real server; what it works on is finished", run: runDeleteServer},
		{long: "add-rule", needs: []string{"ident"}, takes: []string{"pattern", "real-server", "match", "rule"},
			doc: "send requests of a pattern to a real server, the same pattern again makes a set; or add any rule", run: runAddRule},
		{long: "del-rule", needs: []string{"ident"}, takes: []string{"pattern", "real-server", "match", "rule"},
			doc: "delete what --add-rule added", run: runDeleteRule},
		{long: "list", short: "L", takes: listOptions,
			doc: "print the table as a configuration file; also without any command", run: runList},
		{long: "load-configfile", short: "f", arg: "FILE",
			doc: "replace the table by FILE, whole or not at all; - is stdin", run: runLoad},
		{long: "save", short: "S", takes: []string{"ident", "numeric"},
			doc: "print the table as commands, one a line, in numbers", run: runSave},
		{long: "restore", short: "R", doc: "replace the table by that of such lines from stdin, in one step", run: runRestore},
		{long: "zero", short: "Z", takes: []string{"ident", "real-server"},
			doc: "let counters begin anew: of a server, of a service with its servers, or all", run: runZero},
		{long: "set", needs: []string{"max-connections"}, doc: "change the settings of the namespace", run: runSet},
		{long: "start", takes: []string{"ident"}, doc: "start one service, or all", run: runStart},
		{long: "stop", takes: []string{"ident", "now", "wait"}, doc: "stop one service, or all; they drain first", run: runStop},
		{long: "help", short: "h", doc: "print this", run: runHelp},

		{verb: "check", arg: "FILE", takes: []string{"stats"}, doc: "check a configuration file; needs no kernel", run: runCheck},
		{verb: "diff", arg: "FILE", takes: []string{"numeric", "output"},
			doc: "tell what FILE would change; status 1 if anything", run: runDiff},
		{verb: "apply", arg: "FILE", takes: []string{"numeric", "output", "dry-run"},
			doc: "do as -f and tell every change", run: runApply},
		{verb: "show", arg: "services|servers|rules|connections|latency|workers|schedulers|settings|info",
			takes: []string{"ident", "real-server", "client", "numeric", "output"}, doc: "show a table", run: runShow},
		{verb: "kill", arg: "ID", doc: "reset a client connection, by its number in show connections", run: runKill},
		{verb: "monitor", takes: []string{"ident", "numeric", "output", "count"},
			doc: "tell changes of the table as they happen", run: runMonitor},
		{verb: "log", takes: []string{"ident", "status", "slower", "template", "output", "count"},
			doc: "tell requests as they end, in the combined format of web servers", run: runLog},
		{verb: "metrics", takes: []string{"listen"},
			doc: "print every counter for Prometheus, or with -l serve them over HTTP", run: runMetrics},
		{verb: "completion", arg: "bash", doc: "print a completion script for the shell", run: runCompletion},
	}
}

var optionTable = makeOptions()

func makeOptions() []*option {
	list := []*option{
		{long: "ident", short: "i", arg: "NAME", doc: "name of the virtual service"},
		{long: "listen", short: "l", arg: "ADDR[:PORT]", doc: "where the service listens (default 0.0.0.0); with metrics: where to serve them"},
		{long: "port", short: "P", arg: "PORT", doc: "port at which it listens (default 8080)"},
		{long: "scheduler", short: "s", arg: "NAME", doc: "how a server is chosen: see \"show schedulers\" (default http)"},
		{long: "mode", arg: "tcp|http|tls", doc: "what is scheduled: connections, requests, or connections by their ClientHello"},
		{long: "real-server", short: "r", arg: "HOST[:PORT]", doc: "real server (default port: that of the service)"},
		{long: "pattern", short: "p", arg: "RE", doc: "regular expression found in the path and query of a request"},
		{long: "match", short: "m", arg: "N", doc: "choose the server by a hash of this group of the pattern, 0 (all of it) to 10"},
		{long: "rule", arg: "RULE", doc: "a rule as in a file, in one word, in place of -p and -r"},
		{long: "weight", short: "w", arg: "WEIGHT", doc: "share of the work, 0 to 65535; 0 = no new work (default 1)"},
		{long: "client", arg: "NETWORK", doc: "only connections of clients in it, an address or ADDRESS/LENGTH"},
		{long: "numeric", short: "n", doc: "print addresses and ports in numbers"},
		{long: "stats", doc: "list the counters; of check, what tables take"},
		{long: "rate", doc: "list what is counted in a second"},
		{long: "interval", arg: "TIME", doc: "with --rate: how long to count (default 1s)"},
		{long: "sort", arg: "COLUMN", doc: "with --stats or --rate: sort by a column, texts from A, numbers from the largest"},
		{long: "exact", doc: "print counters with every digit"},
		{long: "output", short: "o", arg: "text|json", doc: "form of the output"},
		{long: "now", doc: "with --stop: reset the connections at once"},
		{long: "wait", doc: "with --stop: return when every connection has ended"},
		{long: "dry-run", doc: "with apply: have the kernel check everything and change nothing"},
		{long: "count", arg: "N", doc: "with monitor: end after so many changes; with log: after so many requests"},
		{long: "status", arg: "STATUS,...", doc: "with log: only requests of a status, " + statusForms},
		{long: "slower", arg: "TIME", doc: "with log: only requests that took so long or longer"},
		{long: "template", arg: "TEXT", doc: "with log: a line by a template of Go, such as '{{.Client}} {{.Status}}'"},
		{long: "netns", arg: "NAME", doc: "work on another network namespace: a name or a path"},
	}
	for s := config.Setting(0); s < config.NumSettings; s++ {
		info := s.Info()
		o := &option{long: info.Key, doc: info.Doc}
		switch info.Kind {
		case config.Duration:
			o.arg = "TIME"
			if s != config.PoolTimeout && s != config.AgeTimeout {
				o.doc = "until " + o.doc
			}
		case config.Size:
			o.arg = "BYTES"
		case config.Switch:
			o.arg = "on|off"
		case config.Choice:
			o.arg = strings.Join(info.Names, "|")
		case config.Flags:
			o.arg = "NAME,..."
			o.doc += ": " + info.Range()
		default:
			o.arg = "N"
		}
		o.doc += " (default " + info.Word(info.Default) + ")"
		if s == config.MaxClients { // the key of the file is the original's
			alias := *o
			alias.hidden = true
			list = append(list, &alias)
			o.long = longOption(s)
			o.doc += "; with --set: in the namespace, 1 to 16777216 or default"
		}
		if s == config.Forward {
			list = append(list, &option{long: config.ForwardedAlias.Key, arg: "on|off", hidden: true})
		}
		list = append(list, o)
	}
	return append(list, &option{long: config.TrustedKey, arg: "NETWORK,...",
		doc: "whose word about the client is taken (default none)"},
		&option{long: config.RedirectKey, arg: "HOST[:PORT]",
			doc: "fallback server, to which goes what no other server can take (default none)"},
		&option{long: config.HashKey, arg: "KEY",
			doc: "what the schedulers sh and mh hash: " + config.HashForms + " (default source)"},
		&option{long: config.HashBoundKey, arg: "PERCENT|off",
			doc: "how much of its share a server may have in flight with sh and mh (default 125%)"},
		&option{long: config.CookieKey, arg: "NAME|none", doc: "cookie that keeps a client at its server (default none)"},
		&option{long: config.CookiePathKey, arg: "PATH", doc: "path of the cookie (default /)"},
		&option{long: config.CookieAttributesKey, arg: "TEXT", doc: "further attributes of the cookie (default none)"},
		&option{long: config.CookieAge.Key, arg: "TIME", doc: "until the cookie holds no more, 0 = until the client ends (default 0)"},
		&option{long: config.CookieKeyKey, arg: "FILE", doc: "file with what cookies are signed with (default random bytes)"})
}

// longOption is the option a setting is given by.
func longOption(s config.Setting) string {
	if s == config.MaxClients {
		return "max-connections"
	}
	return s.Info().Key
}

// aliasOption is the other name of such an option.
func aliasOption(s config.Setting) string {
	if s == config.Forward {
		return config.ForwardedAlias.Key
	}
	return s.Info().Key
}

// settingOption returns the setting an option stands for.
func settingOption(long string) (config.Setting, bool) {
	switch long {
	case "max-connections":
		return config.MaxClients, true
	case config.ForwardedAlias.Key:
		return config.Forward, true
	}
	return config.LookupSetting(long)
}

// options is a parsed command line.
type options struct {
	cmd  *command
	vals map[string]string // by long name
	args []string          // of a verb
}

func (o *options) get(long string) (string, bool) {
	v, ok := o.vals[long]
	return v, ok
}

func (o *options) has(long string) bool {
	_, ok := o.vals[long]
	return ok
}

// value takes what was given for an option, once.
type value struct {
	opts    *options
	long    string
	flag    bool
	refused bool // whatever is given, refuse() has the last word
}

var errTwice = errors.New("twice")

func (v *value) String() string { return "" }
func (v *value) Type() string   { return "value" }

func (v *value) Set(text string) error {
	if v.refused {
		v.opts.vals[v.long] = text
		return nil
	}
	if v.opts.has(v.long) {
		return errTwice
	}
	if v.flag && text != "true" {
		return errors.New("no value")
	}
	v.opts.vals[v.long] = text
	return nil
}

// flagSet describes every option to the parser.
func flagSet(o *options) *pflag.FlagSet {
	fs := pflag.NewFlagSet(program, pflag.ContinueOnError)
	fs.SortFlags = false
	add := func(long, short string, flag, refused bool) {
		f := fs.VarPF(&value{o, long, flag, refused}, long, short, "")
		if flag || refused {
			f.NoOptDefVal = "true"
		}
	}
	for _, c := range commands {
		if c.verb == "" {
			add(c.long, c.short, c.arg == "", false)
		}
	}
	for _, opt := range optionTable {
		add(opt.long, opt.short, opt.arg == "", false)
	}
	for _, r := range refusals {
		if r.when == nil {
			add(r.long, r.short, false, true)
		}
	}
	return fs
}

// parseArgs finds the command and its options.
func parseArgs(args []string) (*options, error) {
	o := &options{vals: make(map[string]string)}
	fs := flagSet(o)
	if err := fs.Parse(takeFollow(args)); err != nil {
		// What follows a refused letter is often its value; the letter is
		// what matters. -m of ipvsadm has none.
		if strings.Contains(err.Error(), "'m' in -m") {
			o.vals[config.MatchKey] = ""
		}
		if rerr := refuse(o); rerr != nil {
			return nil, rerr
		}
		return nil, explain(err)
	}
	o.args = fs.Args()
	if o.has("help") {
		o.cmd = lookup("help")
		return o, nil
	}
	if err := refuse(o); err != nil {
		return nil, err
	}
	if err := o.findCommand(); err != nil {
		return nil, err
	}
	return o, o.checkOptions()
}

// lookup finds a command by its long name.
func lookup(long string) *command {
	for _, c := range commands {
		if c.long == long {
			return c
		}
	}
	return nil
}

func (o *options) findCommand() error {
	for _, c := range commands {
		if c.verb == "" && o.has(c.long) {
			if o.cmd != nil {
				return usagef("one command at a time", "%s and %s are two commands", o.cmd.name(), c.name())
			}
			o.cmd = c
		}
	}
	if len(o.args) == 0 {
		if o.cmd == nil {
			o.cmd = lookup("list")
			return o.checkBareList()
		}
		return nil
	}
	if o.cmd != nil {
		for _, c := range commands {
			if c.verb == o.args[0] {
				return usagef("one command at a time", "%s and %s are two commands", o.cmd.name(), c.verb)
			}
		}
		return usagef(program+" -h shows what goes with "+o.cmd.name(), "%q is one too many", o.args[0])
	}
	var verbs []string
	for _, c := range commands {
		if c.verb == o.args[0] {
			o.cmd, o.args = c, o.args[1:]
			return o.checkVerb()
		}
		if c.verb != "" {
			verbs = append(verbs, c.verb)
		}
	}
	hint := program + " -h lists the commands"
	if near := config.Nearest(o.args[0], verbs); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return usagef(hint, "unknown command %q", o.args[0])
}

// checkBareList refuses options without a command that are none of a listing:
// somebody forgot the command.
func (o *options) checkBareList() error {
	if o.has("listen") {
		return usagef("with -A or -E, -l ADDR says where a service listens; to list the table use -L", "-l without a command")
	}
	for _, opt := range optionTable {
		if o.has(opt.long) && !o.allowed(opt.long) {
			return usagef("it goes with "+homes(opt.long), "%s without a command", opt.name())
		}
	}
	return nil
}

func (o *options) checkVerb() error {
	switch {
	case o.cmd.arg == "" && len(o.args) > 0:
		return usagef(o.cmd.verb+" takes no argument", "%q is one too many", o.args[0])
	case o.cmd.arg == "":
	case len(o.args) == 0:
		return usagef("", "%s needs an argument: %s", o.cmd.verb, o.cmd.arg)
	case len(o.args) > 1:
		return usagef(program+" "+o.cmd.verb+" "+o.cmd.arg, "%q is one too many", o.args[1])
	}
	return nil
}

// allowed tells whether an option goes with the command.
func (o *options) allowed(long string) bool { return o.cmd.allows(long) }

func (c *command) allows(long string) bool {
	if long == "netns" {
		return c.verb != "check" && c.verb != "completion" && c.long != "help"
	}
	for _, list := range [][]string{c.needs, c.takes} {
		for _, l := range list {
			if l == long || l == forCookie && slices.Contains(config.CookieKeys(), long) {
				return true
			}
			if _, ok := settingOption(long); ok && l == forService {
				return true
			}
		}
	}
	return false
}

// homes names the commands an option goes with.
func homes(long string) string {
	var names []string
	for _, c := range commands {
		if c.allows(long) {
			names = append(names, c.name())
		}
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

func (o *options) checkOptions() error {
	for _, opt := range optionTable {
		if o.has(opt.long) && !o.allowed(opt.long) {
			return usagef("it goes with "+homes(opt.long), "%s does not go with %s", opt.name(), o.cmd.name())
		}
	}
	for _, need := range o.cmd.needs {
		if !o.has(need) {
			for _, opt := range optionTable {
				if opt.long == need {
					return usagef("", "%s needs %s %s", o.cmd.name(), opt.name(), opt.arg)
				}
			}
		}
	}
	if name, ok := o.get("ident"); ok {
		if err := config.CheckName(name); err != nil {
			return badValue("ident", err)
		}
	}
	if form, ok := o.get("output"); ok && form != "text" && form != "json" {
		return usagef("-o text or -o json", "-o: unknown form %q", form)
	}
	return nil
}

// optionName is how a message calls an option.
func optionName(long string) string {
	for _, opt := range optionTable {
		if opt.long == long {
			return opt.name()
		}
	}
	return "--" + long
}

// badValue tells which option had a bad value, and why it is bad.
func badValue(long string, err error) error {
	name := optionName(long)
	var ce *config.Error
	if errors.As(err, &ce) {
		return &usageError{name + ": " + ce.Msg, ce.Hint, long}
	}
	return &usageError{name + ": " + err.Error(), "", long}
}

// explain turns the parser's error into ours.
func explain(err error) error {
	var (
		unknown *pflag.NotExistError
		missing *pflag.ValueRequiredError
		invalid *pflag.InvalidValueError
		syntax  *pflag.InvalidSyntaxError
	)
	switch {
	case errors.As(err, &unknown):
		name := unknown.GetSpecifiedName()
		if unknown.GetSpecifiedShortnames() != "" {
			return usagef(program+" -h lists the options", "unknown option -%s", name[:1])
		}
		var all []string
		for _, c := range commands {
			all = append(all, c.long)
		}
		for _, o := range optionTable {
			all = append(all, o.long)
		}
		hint := program + " -h lists the options"
		if near := config.Nearest(name, all); near != "" {
			hint = fmt.Sprintf("did you mean --%s?", near)
		}
		return usagef(hint, "unknown option --%s", name)
	case errors.As(err, &missing):
		f := missing.GetFlag()
		hint := ""
		if f.Name == "listen" {
			hint = "-l ADDR[:PORT] says where a service listens; to list the table use -L"
		}
		return usagef(hint, "%s needs a value", given(f))
	case errors.As(err, &invalid):
		f := invalid.GetFlag()
		if errors.Is(err, errTwice) {
			return usagef("", "%s is given twice", given(f))
		}
		return usagef("", "%s takes no value", given(f))
	case errors.As(err, &syntax):
		return usagef(program+" -h lists the options", "%s is no option", syntax.GetSpecifiedFlag())
	}
	return usagef(program+" -h lists the options", "%s", err)
}

func given(f *pflag.Flag) string {
	if f.Shorthand != "" {
		return "-" + f.Shorthand
	}
	return "--" + f.Name
}
