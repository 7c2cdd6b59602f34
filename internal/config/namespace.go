// SPDX-License-Identifier: MIT

// The block Settings: what holds for the network namespace as a whole, beside
// its services. There is one in a file, or none; what it leaves out has its
// default, as everywhere.

package config

import (
	"fmt"
	"strings"
)

// Settings are those of the namespace; 0 means the default.
type Settings struct {
	// MaxConnections bounds the client connections of all services. Its
	// default depends on the machine's memory, so it is no number here.
	MaxConnections uint32
}

// MaxConnections describes the only setting there is.
var MaxConnections = SettingInfo{
	Key: "max-connections", Kind: Count, Min: 1, Max: 1 << 24,
	Doc: "client connections at one time in the namespace",
}

// MaxConnectionsDefault is the kernel's default on a machine with so much
// memory: one connection for each 64 KiB.
func MaxConnectionsDefault(memory uint64) uint32 {
	return uint32(min(max(memory>>16, MaxConnections.Min), MaxConnections.Max))
}

// SettingsKeys lists the keys of the block.
func SettingsKeys() []string { return []string{MaxConnections.Key} }

type settingsBlock struct {
	at   Pos
	seen map[string]Pos
}

// settings reads the block; false means that it did not come to it.
func (p *parser) settings(t token) bool {
	open := p.peek()
	if open.kind != tokOpen {
		p.fail(open.pos, "Settings { ... } is of the namespace and has no name", `expected "{" after %s, found %s`, t.show(), open.show())
		return false
	}
	p.lex.next(false)
	if p.settingsAt != (Pos{}) {
		p.fail(t.pos, fmt.Sprintf("put its keys into the first, at line %d", p.settingsAt.Line), "a second block Settings")
	} else {
		p.settingsAt = t.pos
	}
	p.inside(&settingsBlock{at: t.pos, seen: make(map[string]Pos)})
	return true
}

func (b *settingsBlock) title() string  { return "the block Settings" }
func (b *settingsBlock) opened() Pos    { return b.at }
func (b *settingsBlock) keys() []string { return SettingsKeys() }
func (b *settingsBlock) finish(*parser) {}

func (b *settingsBlock) item(p *parser, key, val token) {
	if !p.once(b.seen, key) {
		return
	}
	if strings.EqualFold(key.text, MaxConnections.Key) {
		v, err := MaxConnections.Parse(val.text)
		if err != nil {
			p.failWith(val.pos, err)
			return
		}
		p.conf.Settings.MaxConnections = uint32(v)
	}
}
