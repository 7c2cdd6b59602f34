// SPDX-License-Identifier: MIT

// completion: a script for the shell, from the tables of flags.go. Names of
// services are completed only while the module is loaded: pressing a key must
// not load it.

package main

import (
	"fmt"
	"sort"
	"strings"

	"github.com/ktcpvs/ktcpvs/internal/config"
)

func runCompletion(s *session) error {
	if shell := s.opts.args[0]; shell != "bash" {
		return usagef("completion bash", "no completion for the shell %q", shell)
	}
	var words, files, plain []string
	for _, c := range commands {
		if c.verb != "" {
			words = append(words, c.verb)
			if c.arg == "FILE" {
				files = append(files, c.verb)
			}
			continue
		}
		words = append(words, dashes(c.short, c.long)...)
		if c.arg == "FILE" {
			files = append(files, dashes(c.short, c.long)...)
		}
	}
	// What each option with a value is followed by.
	values := map[string]string{
		"ident":     `"$(_tcpvsadm_services)"`,
		"scheduler": `"` + strings.Join(config.SchedulerNames(), " ") + `"`,
		"mode":      `"tcp http tls"`,
		"hash":      `"source uri host header: cookie: query:"`,
		"output":    `"text json"`,
		"status":    `"1xx 2xx 3xx 4xx 5xx none"`,
		"sort":      `"` + columnNames() + `"`,
		"netns":     `"$(ls /run/netns 2>/dev/null)"`,
	}
	var cases []string
	for _, o := range optionTable {
		if o.hidden {
			continue
		}
		words = append(words, dashes(o.short, o.long)...)
		if o.arg == "" {
			continue
		}
		list := values[o.long]
		if set, ok := config.LookupSetting(o.long); ok {
			switch info := set.Info(); info.Kind {
			case config.Switch:
				list = `"on off"`
			case config.Choice:
				list = `"` + strings.Join(info.Names, " ") + `"`
			case config.Flags:
				list = `"` + config.None + " " + strings.Join(info.Names, " ") + `"`
			}
		}
		if list == "" {
			plain = append(plain, dashes(o.short, o.long)...)
			continue
		}
		cases = append(cases, fmt.Sprintf("\t%s) COMPREPLY=($(compgen -W %s -- \"$cur\")); return ;;\n",
			strings.Join(dashes(o.short, o.long), "|"), list))
	}
	var tables []string
	for t := range showTables {
		tables = append(tables, t)
	}
	sort.Strings(tables)

	fmt.Fprintf(s.out, `# bash completion for tcpvsadm
_tcpvsadm_services()
{
	[ -d /sys/module/ktcpvs ] || return
	tcpvsadm show services -n 2>/dev/null | awk 'NR > 1 { print $1 }'
}

_tcpvsadm()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=
	[ "$COMP_CWORD" -gt 0 ] && prev=${COMP_WORDS[COMP_CWORD-1]}
	COMPREPLY=()
	case $prev in
%s	%s) compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")); return ;;
	show) COMPREPLY=($(compgen -W "%s" -- "$cur")); return ;;
	completion) COMPREPLY=($(compgen -W "bash" -- "$cur")); return ;;
	%s) return ;;
	esac
	COMPREPLY=($(compgen -W "%s" -- "$cur"))
}

complete -F _tcpvsadm tcpvsadm
`, strings.Join(cases, ""), strings.Join(files, "|"), strings.Join(tables, " "),
		strings.Join(plain, "|"), strings.Join(words, " "))
	return nil
}

func columnNames() string {
	names := make([]string, len(statsColumns))
	for i, c := range statsColumns {
		names[i] = strings.ToLower(c.title)
	}
	return strings.Join(names, " ")
}

func dashes(short, long string) []string {
	if short == "" {
		return []string{"--" + long}
	}
	return []string{"-" + short, "--" + long}
}
