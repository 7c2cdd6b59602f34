// SPDX-License-Identifier: MIT

// What somebody may type out of habit and tcpvsadm does not do: the letters of
// ipvsadm that have no meaning here, and what the original had and this version
// has not. Each is refused with what to do instead, never skipped.

package main

type refusal struct {
	long, short string
	msg         func(o *options) string // nil: "is not supported"
	hint        func(o *options) string
	when        func(o *options) bool // of an option that has its place elsewhere
}

func always(text string) func(*options) string {
	return func(*options) string { return text }
}

var refusals = []*refusal{
	{long: "tcp-service", short: "t",
		hint: always("a service has a name, -i NAME; -A takes the address with -l ADDR:PORT")},
	{long: "udp-service", short: "u", msg: always("is not supported: services are TCP"),
		hint: always("a service has a name, -i NAME; -A takes the address with -l ADDR:PORT; for UDP use ipvsadm")},
	{long: "gatewaying", short: "g",
		hint: always("servers are always reached by proxying; leave it out")},
	{long: "netmask", short: "M",
		hint: always("there is no persistence by client network; leave it out")},
	{long: "sched-flags", short: "b",
		hint: always("schedulers have no flags; choose one with -s")},
	{long: "u-threshold", short: "x", msg: always("is not supported: servers have no threshold"),
		hint: always("--max-connections N limits a service")},
	{long: "l-threshold", short: "y", msg: always("is not supported: servers have no threshold"),
		hint: always("--max-connections N limits a service")},
	{long: "connection", short: "c",
		hint: always("`show connections` lists them")},
	{long: "ipv6", short: "6",
		hint: always("the form of the address decides: -l [::1]:80")},
	{long: "pattern", short: "p", msg: always("does not go with -A and -E"),
		hint: always("persistence is by cookie or by hash, not by time, and not in this version"),
		when: func(o *options) bool { return o.has("add-service") || o.has("edit-service") }},
	{long: "match", short: "m", msg: always("does not go with -a and -e"),
		hint: always("servers are always reached by proxying; leave it out"),
		when: func(o *options) bool { return o.has("add-server") || o.has("edit-server") }},
}

// refuse reports the first such option that was given.
func refuse(o *options) error {
	for _, r := range refusals {
		if !o.has(r.long) || r.when != nil && !r.when(o) {
			continue
		}
		name := "--" + r.long
		if r.short != "" {
			name = "-" + r.short
		}
		msg := "is not supported"
		if r.msg != nil {
			msg = r.msg(o)
		}
		return &usageError{name + " " + msg, r.hint(o), r.long}
	}
	return nil
}
