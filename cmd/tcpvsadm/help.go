// SPDX-License-Identifier: MIT

// -h: the usage, from the tables of flags.go.

package main

import (
	"fmt"
	"strings"
)

func runHelp(s *session) error {
	fmt.Fprint(s.out, `usage: tcpvsadm -A|-E -i NAME [-l ADDR[:PORT]] [-P PORT] [-s SCHEDULER] [--mode tcp|http|tls] [SETTING]...
       tcpvsadm -D -i NAME
       tcpvsadm -a|-e -i NAME -r HOST[:PORT] [-w WEIGHT]
       tcpvsadm -d -i NAME -r HOST[:PORT]
       tcpvsadm [-L] [-i NAME] [-n] [--stats|--rate [--sort COLUMN]] [-o json]
       tcpvsadm -f FILE
       tcpvsadm -Z [-i NAME [-r HOST[:PORT]]]
       tcpvsadm --start|--stop [-i NAME]
       tcpvsadm check|diff|apply FILE
       tcpvsadm show TABLE
       tcpvsadm kill ID
       tcpvsadm monitor [-i NAME]
       tcpvsadm log [-f] [-i NAME] [--status STATUS,...] [--slower TIME] [--template TEXT|-o json]
       tcpvsadm metrics [-l ADDR:PORT]

`)
	section := func(title string) { fmt.Fprintf(s.out, "%s:\n", title) }
	line := func(left, doc string) {
		if len(left) > 28 {
			fmt.Fprintf(s.out, "  %s\n  %-28s  %s\n", left, "", doc)
			return
		}
		fmt.Fprintf(s.out, "  %-28s  %s\n", left, doc)
	}
	section("commands")
	for _, c := range commands {
		if c.verb != "" {
			line(strings.TrimRight(c.verb+" "+c.arg, " "), c.doc)
			continue
		}
		line(strings.TrimRight(both(c.short, c.long)+" "+c.arg, " "), c.doc)
	}
	settings := false
	section("\noptions")
	for _, o := range optionTable {
		if o.hidden {
			continue
		}
		if _, ok := settingOption(o.long); ok && !settings {
			settings = true
			section("\nsettings of a service, for -A and -E")
		}
		line(strings.TrimRight(both(o.short, o.long)+" "+o.arg, " "), o.doc)
	}
	fmt.Fprint(s.out, "\nTIME is a number and a unit (ms, s, m, h); BYTES may end in k or m.\n"+
		"Exit status: 0 done, 1 refused or not found, 2 wrong use. See tcpvsadm(8) and ktcpvs.conf(5).\n")
	return nil
}

func both(short, long string) string {
	if short == "" {
		return "    --" + long
	}
	return "-" + short + ", --" + long
}
