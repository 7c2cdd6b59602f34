// SPDX-License-Identifier: MIT

// The settings of a service that are a number in the protocol, written as such,
// as a time, a size, a switch or by names: one table, from which the keys of the
// file, the long options of tcpvsadm, their units, bounds and defaults all
// come. Bounds and defaults are those of the protocol
// (module/netlink/specs/tcpvs.yaml); values are in the protocol's units.

package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Setting is the index of one numeric setting.
type Setting int

// The settings, timeouts first.
const (
	ConnectTimeout Setting = iota
	HeadTimeout
	ResponseTimeout
	BodyTimeout
	KeepaliveTimeout
	TunnelTimeout
	PoolTimeout
	DrainTimeout
	AgeTimeout
	MaxClients
	Backlog
	HeadBytes
	HeadFields
	TargetBytes
	BodyBytes
	Requests
	Retries
	PoolConnections
	ReceiveBuffer
	Listeners
	Forward
	AcceptProxy
	SendProxy
	Allow
	ServerHistograms
	NumSettings
)

// Kind is how a setting is written.
type Kind uint8

// The kinds.
const (
	Duration Kind = iota // milliseconds, written with a unit
	Count                // a plain number
	Size                 // bytes, k = 1024, m = 1024k, g = 1024m
	Switch               // on or off
	Choice               // one of Names, numbered from 0
	Flags                // any of Names, a bit each, or none
)

// SettingInfo describes a setting.
type SettingInfo struct {
	Key     string // in a file; also the long option
	Kind    Kind
	Min     uint64
	Max     uint64
	Default uint64
	Doc     string
	Names   []string // of Choice and Flags
}

const day = 24 * 60 * 60 * 1000

var settings = [NumSettings]SettingInfo{
	ConnectTimeout:   {"connect-timeout", Duration, 1, day, 5000, "a real server accepts a connection", nil},
	HeadTimeout:      {"head-timeout", Duration, 1, day, 10000, "a client sends a whole request head", nil},
	ResponseTimeout:  {"response-timeout", Duration, 1, day, 60000, "a response begins", nil},
	BodyTimeout:      {"body-timeout", Duration, 1, day, 60000, "a body moves on by at least a byte", nil},
	KeepaliveTimeout: {"keepalive-timeout", Duration, 1, day, 75000, "the next request comes on a kept-alive connection", nil},
	TunnelTimeout:    {"tunnel-timeout", Duration, 1, day, 3600000, "a byte moves in mode tcp or in a tunnel", nil},
	PoolTimeout:      {"pool-timeout", Duration, 1, day, 4000, "an unused server connection is kept", nil},
	DrainTimeout:     {"drain-timeout", Duration, 1, day, 30000, "a stopped service finishes its exchanges", nil},
	AgeTimeout:       {"age-timeout", Duration, 0, day, 0, "a client connection in mode http lives, 0 = for ever", nil},
	MaxClients:       {"maxclients", Count, 0, 1 << 24, 0, "client connections at one time, 0 = no limit of its own", nil},
	Backlog:          {"backlog", Count, 1, 65535, 2048, "connections a listening socket queues", nil},
	HeadBytes:        {"head-bytes", Size, 512, 65535, 16384, "size of a request or response head", nil},
	HeadFields:       {"head-fields", Count, 8, 128, 128, "header fields of a head", nil},
	TargetBytes:      {"target-bytes", Size, 0, 65535, 8192, "size of a request target, 0 = only head-bytes bounds it", nil},
	BodyBytes:        {"body-bytes", Size, 0, math.MaxUint64, 0, "size of a request body, 0 = any", nil},
	Requests:         {"requests", Count, 0, 1000000000, 0, "requests a client connection may make, 0 = any number", nil},
	Retries:          {"retries", Count, 0, 16, 3, "further servers tried after a failed connect", nil},
	PoolConnections:  {"pool-connections", Count, 0, 65536, 128, "unused connections kept for a real server", nil},
	ReceiveBuffer:    {"receive-buffer", Size, 16384, 1 << 24, 524288, "receive buffer of the leg a body comes from", nil},
	Listeners:        {"listeners", Count, 0, 1024, 0, "listening sockets, 0 = one a worker, at most 8", nil},
	Forward: {"forward", Flags, 0, 1<<5 - 1, 1, "what servers are told of the client in mode http",
		[]string{"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded", "via"}},
	AcceptProxy: {"accept-proxy", Switch, 0, 1, 0, "clients are trusted proxies and begin with a PROXY header", nil},
	SendProxy: {"send-proxy", Choice, 0, 2, 0, "PROXY header that begins a server connection",
		[]string{"none", "v1", "v2"}},
	Allow: {"allow", Flags, 0, 1<<2 - 1, 0, "what is refused or left alone otherwise",
		[]string{"connect", "retry-unsafe"}},
	ServerHistograms: {"server-histograms", Switch, 0, 1, 0, "times are told of every real server by itself", nil},
}

// ForwardedAlias is the older key of Forward: on is x-forwarded-for alone, off
// is none.
var ForwardedAlias = SettingInfo{"forwarded", Switch, 0, 1, 1, "X-Forwarded-For is added in mode http", nil}

// Values holds every setting of a service, in the protocol's units.
type Values [NumSettings]uint64

// Defaults returns the default of every setting.
func Defaults() Values {
	var v Values
	for s := range settings {
		v[s] = settings[s].Default
	}
	return v
}

// Info describes a setting.
func (s Setting) Info() SettingInfo { return settings[s] }

// LookupSetting finds a setting by its key, in any case.
func LookupSetting(key string) (Setting, bool) {
	for s := range settings {
		if strings.EqualFold(settings[s].Key, key) {
			return Setting(s), true
		}
	}
	return 0, false
}

type unit struct {
	name   string
	factor uint64
}

// Largest first: the printer takes the first that divides.
var (
	durations = []unit{{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}}
	sizes     = []unit{{"g", 1 << 30}, {"m", 1 << 20}, {"k", 1 << 10}, {"", 1}}
)

// None is the word for no flag at all.
const None = "none"

// Format writes a value of the setting as Parse reads it.
func (s Setting) Format(v uint64) string { return settings[s].Format(v) }

// Parse reads a value of the setting.
func (s Setting) Parse(text string) (uint64, error) { return settings[s].Parse(text) }

// Range tells which values the setting takes.
func (s Setting) Range() string { return settings[s].Range() }

// Format writes a value as Parse reads it.
func (info SettingInfo) Format(v uint64) string {
	var units []unit
	switch info.Kind {
	case Switch:
		if v != 0 {
			return "on"
		}
		return "off"
	case Choice:
		if v < uint64(len(info.Names)) {
			return info.Names[v]
		}
	case Flags:
		return info.formatFlags(v, " ")
	case Duration:
		units = durations
	case Size:
		units = sizes
	}
	for _, u := range units {
		if v != 0 && v%u.factor == 0 {
			return strconv.FormatUint(v/u.factor, 10) + u.name
		}
	}
	return strconv.FormatUint(v, 10)
}

// Word is Format as one word, for a command line.
func (info SettingInfo) Word(v uint64) string {
	if info.Kind == Flags {
		return info.formatFlags(v, ",")
	}
	return info.Format(v)
}

// formatFlags joins names; a bit without one, of a later kernel, is a number
// that no reader takes.
func (info SettingInfo) formatFlags(v uint64, separator string) string {
	var words []string
	for i := 0; v != 0; i, v = i+1, v>>1 {
		switch {
		case v&1 == 0:
		case i < len(info.Names):
			words = append(words, info.Names[i])
		default:
			words = append(words, fmt.Sprintf("bit%d", i))
		}
	}
	if words == nil {
		return None
	}
	return strings.Join(words, separator)
}

// Range tells which values are taken.
func (info SettingInfo) Range() string {
	switch info.Kind {
	case Switch:
		return "on or off"
	case Choice:
		return "one of " + strings.Join(info.Names, ", ")
	case Flags:
		return None + " or any of " + strings.Join(info.Names, ", ")
	}
	if info.Max == math.MaxUint64 {
		return "any number"
	}
	return info.Format(info.Min) + " to " + info.Format(info.Max)
}

// Parse reads a value.
func (info SettingInfo) Parse(text string) (uint64, error) {
	low := strings.ToLower(text)
	switch info.Kind {
	case Switch:
		switch low {
		case "on", "yes", "true", "1":
			return 1, nil
		case "off", "no", "false", "0":
			return 0, nil
		}
		return 0, &Error{Msg: fmt.Sprintf("%s is neither on nor off", quote(text))}
	case Choice:
		return info.parseChoice(low)
	case Flags:
		return info.parseFlags(low)
	}
	return info.parseNumber(text, low)
}

// unknown is a word that is no name of a choice or a flag.
func (info SettingInfo) unknown(word string) error {
	hint := info.Key + " takes " + info.Range()
	if near := Nearest(word, append([]string{None}, info.Names...)); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return &Error{Msg: fmt.Sprintf("%s is unknown to %s", quote(word), info.Key), Hint: hint}
}

func (info SettingInfo) parseChoice(word string) (uint64, error) {
	if word == "off" {
		word = None
	}
	for i, name := range info.Names {
		if name == word {
			return uint64(i), nil
		}
	}
	return 0, info.unknown(word)
}

// parseFlags reads names, separated by blanks or commas.
func (info SettingInfo) parseFlags(text string) (uint64, error) {
	words := splitList(text)
	if len(words) == 1 && (words[0] == None || words[0] == "off") {
		return 0, nil
	}
	if len(words) == 0 {
		return 0, info.unknown("")
	}
	var v uint64
	for _, word := range words {
		bit := uint64(0)
		for i, name := range info.Names {
			if name == word {
				bit = 1 << i
			}
		}
		switch {
		case bit == 0 && (word == None || word == "off"):
			return 0, &Error{Msg: quote(word) + " stands alone", Hint: "give " + None + ", or names, not both"}
		case bit == 0:
			return 0, info.unknown(word)
		case v&bit != 0:
			return 0, &Error{Msg: quote(word) + " is given twice"}
		}
		v |= bit
	}
	return v, nil
}

// splitList takes a list apart, by blanks and commas.
func splitList(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })
}

func (info SettingInfo) parseNumber(text, low string) (uint64, error) {
	n := 0
	for n < len(low) && low[n] >= '0' && low[n] <= '9' {
		n++
	}
	wrong := &Error{
		Msg:  quote(text) + " is not a number",
		Hint: fmt.Sprintf("%s takes %s", info.Key, info.Range()),
	}
	if info.Kind == Duration {
		wrong.Msg = quote(text) + " is not a time"
		wrong.Hint = "a time is a whole number and a unit, ms, s, m or h: 1500ms"
	}
	if n == 0 {
		return 0, wrong
	}
	factor, ok := uint64(1), low[n:] == ""
	switch info.Kind {
	case Duration:
		if low == "0" && info.Min == 0 { // it is so much in any unit
			return 0, nil
		}
		if low[n:] == "" {
			if n <= 9 {
				wrong.Hint = fmt.Sprintf("add the unit: %ss is seconds, %sms milliseconds", low, low)
			}
			return 0, wrong
		}
		factor, ok = findUnit(durations, low[n:])
	case Size:
		factor, ok = findUnit(sizes, low[n:])
	}
	if !ok {
		return 0, wrong
	}
	v, err := strconv.ParseUint(low[:n], 10, 64)
	if err != nil || v > info.Max/factor || v*factor < info.Min {
		return 0, &Error{Msg: fmt.Sprintf("%s is out of range", quote(text)),
			Hint: fmt.Sprintf("%s takes %s", info.Key, info.Range())}
	}
	return v * factor, nil
}

func findUnit(units []unit, name string) (uint64, bool) {
	for _, u := range units {
		if u.name == name {
			return u.factor, true
		}
	}
	return 0, false
}
