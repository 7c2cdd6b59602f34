// SPDX-License-Identifier: MIT

// The numeric settings of a service: one table, from which the keys of the
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
	MaxClients
	Backlog
	HeadBytes
	HeadFields
	Retries
	PoolConnections
	ReceiveBuffer
	Listeners
	Forwarded
	NumSettings
)

// Kind is how a setting is written.
type Kind uint8

// The kinds.
const (
	Duration Kind = iota // milliseconds, written with a unit
	Count                // a plain number
	Size                 // bytes, k = 1024 and m = 1024*1024
	Switch               // on or off
)

// SettingInfo describes a setting.
type SettingInfo struct {
	Key     string // in a file; also the long option
	Kind    Kind
	Min     uint32
	Max     uint32
	Default uint32
	Doc     string
}

const day = 24 * 60 * 60 * 1000

var settings = [NumSettings]SettingInfo{
	ConnectTimeout:   {"connect-timeout", Duration, 1, day, 5000, "a real server accepts a connection"},
	HeadTimeout:      {"head-timeout", Duration, 1, day, 10000, "a client sends a whole request head"},
	ResponseTimeout:  {"response-timeout", Duration, 1, day, 60000, "a response begins"},
	BodyTimeout:      {"body-timeout", Duration, 1, day, 60000, "a body moves on by at least a byte"},
	KeepaliveTimeout: {"keepalive-timeout", Duration, 1, day, 75000, "the next request comes on a kept-alive connection"},
	TunnelTimeout:    {"tunnel-timeout", Duration, 1, day, 3600000, "a byte moves in mode tcp or in a tunnel"},
	PoolTimeout:      {"pool-timeout", Duration, 1, day, 4000, "an unused server connection is kept"},
	DrainTimeout:     {"drain-timeout", Duration, 1, day, 30000, "a stopped service finishes its exchanges"},
	MaxClients:       {"maxclients", Count, 0, 1 << 24, 0, "client connections at one time, 0 = no limit of its own"},
	Backlog:          {"backlog", Count, 1, 65535, 2048, "connections a listening socket queues"},
	HeadBytes:        {"head-bytes", Size, 512, 65535, 16384, "size of a request or response head"},
	HeadFields:       {"head-fields", Count, 8, 128, 128, "header fields of a head"},
	Retries:          {"retries", Count, 0, 16, 3, "further servers tried after a failed connect"},
	PoolConnections:  {"pool-connections", Count, 0, 65536, 128, "unused connections kept for a real server"},
	ReceiveBuffer:    {"receive-buffer", Size, 16384, 1 << 24, 524288, "receive buffer of the leg a body comes from"},
	Listeners:        {"listeners", Count, 0, 1024, 0, "listening sockets, 0 = one a worker, at most 8"},
	Forwarded:        {"forwarded", Switch, 0, 1, 1, "X-Forwarded-For is added in mode http"},
}

// Values holds every setting of a service, in the protocol's units.
type Values [NumSettings]uint32

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
	sizes     = []unit{{"m", 1 << 20}, {"k", 1 << 10}, {"", 1}}
)

// Format writes a value of the setting as Parse reads it.
func (s Setting) Format(v uint32) string { return settings[s].Format(v) }

// Parse reads a value of the setting.
func (s Setting) Parse(text string) (uint32, error) { return settings[s].Parse(text) }

// Range tells which values the setting takes.
func (s Setting) Range() string { return settings[s].Range() }

// Format writes a value as Parse reads it.
func (info SettingInfo) Format(v uint32) string {
	var units []unit
	switch info.Kind {
	case Switch:
		if v != 0 {
			return "on"
		}
		return "off"
	case Duration:
		units = durations
	case Size:
		units = sizes
	}
	for _, u := range units {
		if v != 0 && uint64(v)%u.factor == 0 {
			return strconv.FormatUint(uint64(v)/u.factor, 10) + u.name
		}
	}
	return strconv.FormatUint(uint64(v), 10)
}

// Range tells which values are taken.
func (info SettingInfo) Range() string {
	if info.Kind == Switch {
		return "on or off"
	}
	return info.Format(info.Min) + " to " + info.Format(info.Max)
}

// Parse reads a value.
func (info SettingInfo) Parse(text string) (uint32, error) {
	low := strings.ToLower(text)
	if info.Kind == Switch {
		switch low {
		case "on", "yes", "true", "1":
			return 1, nil
		case "off", "no", "false", "0":
			return 0, nil
		}
		return 0, &Error{Msg: fmt.Sprintf("%s is neither on nor off", quote(text))}
	}

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
	if err != nil || v > math.MaxUint32 || v*factor > uint64(info.Max) || v*factor < uint64(info.Min) {
		return 0, &Error{Msg: fmt.Sprintf("%s is out of range", quote(text)),
			Hint: fmt.Sprintf("%s takes %s", info.Key, info.Range())}
	}
	return uint32(v * factor), nil
}

func findUnit(units []unit, name string) (uint64, bool) {
	for _, u := range units {
		if u.name == name {
			return u.factor, true
		}
	}
	return 0, false
}
