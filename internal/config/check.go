// SPDX-License-Identifier: MIT

// The rules a single value obeys, for the file and the command line alike, and
// the guess at what somebody meant who misspelt a word.

package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// CheckName tells what is wrong with the name of a service.
func CheckName(name string) error {
	const hint = "a name is 1 to 31 printable ASCII characters without white space, braces, quotes and #"
	switch {
	case name == "":
		return &Error{Msg: "the name of a service is empty", Hint: hint}
	case len(name) > MaxName:
		return &Error{Msg: fmt.Sprintf("the name %s is %d bytes long", quote(name), len(name)), Hint: hint}
	}
	for i := 0; i < len(name); i++ {
		if c := name[i]; c <= ' ' || c > '~' || strings.IndexByte(`{}"'#`, c) >= 0 {
			return &Error{Msg: fmt.Sprintf("the name %s contains %q", quote(name), name[i:i+1]), Hint: hint}
		}
	}
	return nil
}

// ParseWeight reads the weight of a server.
func ParseWeight(s string) (uint32, error) {
	w, err := strconv.ParseUint(s, 10, 32)
	if err != nil || w > MaxWeight || s[0] == '+' {
		return 0, &Error{Msg: quote(s) + " is not a weight",
			Hint: "a weight is 0 (no new work) to 65535"}
	}
	return uint32(w), nil
}

// ParseMode reads a mode.
func ParseMode(s string) (Mode, error) {
	switch m := Mode(strings.ToLower(s)); m {
	case ModeTCP, ModeHTTP, ModeTLS:
		return m, nil
	}
	return "", &Error{Msg: "unknown mode " + quote(s), Hint: "the modes are tcp, http and tls"}
}

// A schedulerName is what may be said for a scheduler: its own name, or one of
// the original's, which named the mode as well.
type schedulerName struct {
	name   string
	kernel string // "" = not in this version
	mode   Mode   // the mode it stands for; "" = any
	alone  Mode   // the mode of a new service that names no mode
}

var schedulers = []schedulerName{
	{"rr", "rr", "", ModeHTTP},
	{"wrr", "wrr", "", ModeHTTP},
	{"lc", "lc", "", ModeHTTP},
	// The original's wlc read no content.
	{"wlc", "wlc", "", ModeTCP},
	{"sed", "sed", "", ModeHTTP},
	{"nq", "nq", "", ModeHTTP},
	{"p2c", "p2c", "", ModeHTTP},
	{"lt", "lt", "", ModeHTTP},
	{"sh", "sh", "", ModeHTTP},
	{"mh", "mh", "", ModeHTTP},
	{"http", "wlc", ModeHTTP, ModeHTTP},
	{"phttp", "wlc", ModeHTTP, ModeHTTP},
	{"chttp", "wlc", ModeHTTP, ModeHTTP}, // and a cookie
	{"hhttp", "mh", ModeHTTP, ModeHTTP},
}

// Scheduler is what a scheduler's name stands for.
type Scheduler struct {
	Kernel string // its name in the kernel
	Mode   Mode   // the mode it implies; "" if it goes with all
	Alone  Mode   // the mode of a new service that gives no other
	Cookie bool   // it stands for a cookie as well
}

// ParseScheduler reads the name of a scheduler.
func ParseScheduler(s string) (Scheduler, error) {
	var known []string
	for _, n := range schedulers {
		if strings.EqualFold(n.name, s) {
			if n.kernel == "" {
				return Scheduler{}, &Error{
					Msg:  fmt.Sprintf("scheduler %q is not supported by this version", n.name),
					Hint: "supported are " + strings.Join(SchedulerNames(), ", ")}
			}
			return Scheduler{n.kernel, n.mode, n.alone, n.name == "chttp"}, nil
		}
		if n.kernel != "" {
			known = append(known, n.name)
		}
	}
	hint := "the schedulers are " + strings.Join(known, ", ")
	if near := Nearest(s, known); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return Scheduler{}, &Error{Msg: "unknown scheduler " + quote(s), Hint: hint}
}

// AnyModeSchedulers lists the schedulers that go with every mode.
func AnyModeSchedulers() []string {
	var names []string
	for _, n := range schedulers {
		if n.kernel != "" && n.mode == "" {
			names = append(names, n.name)
		}
	}
	return names
}

// SchedulerNames lists what ParseScheduler takes.
func SchedulerNames() []string {
	var names []string
	for _, n := range schedulers {
		if n.kernel != "" {
			names = append(names, n.name)
		}
	}
	return names
}

// CheckListen tells what is wrong with an address to listen at.
func CheckListen(a netip.Addr) error {
	if err := checkAddr(a); err != nil {
		return err
	}
	if a.IsMulticast() || a == broadcast {
		return &Error{Msg: a.String() + " cannot be listened at",
			Hint: "give an address of this machine, or 0.0.0.0 or [::] for all"}
	}
	return nil
}

// CheckServer tells what is wrong with the address of a server.
func CheckServer(a netip.Addr) error {
	if err := checkAddr(a); err != nil {
		return err
	}
	if a.IsUnspecified() || a.IsMulticast() || a == broadcast {
		return &Error{Msg: a.String() + " is not the address of one server",
			Hint: "give the address at which the server listens"}
	}
	return nil
}

// checkAddr refuses what neither may be: without an interface a link-local
// address names no place, and there is no interface to give.
func checkAddr(a netip.Addr) error {
	if a.Is6() && a.IsLinkLocalUnicast() {
		return &Error{Msg: a.String() + " is an address of one link only",
			Hint: "link-local addresses cannot be used; give a global one"}
	}
	return nil
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// Nearest returns the candidate somebody most likely meant, or "".
func Nearest(word string, candidates []string) string {
	word = strings.ToLower(word)
	if len(word) > 40 {
		return ""
	}
	best, least := "", 1+(len(word)+1)/3
	for _, c := range candidates {
		if d := distance(word, strings.ToLower(c)); d < least {
			best, least = c, d
		}
	}
	return best
}

// distance is the number of edits between two words; two letters that changed
// places are one edit.
func distance(a, b string) int {
	prev2 := make([]int, len(b)+1)
	prev := make([]int, len(b)+1)
	cur := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}
