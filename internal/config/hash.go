// SPDX-License-Identifier: MIT

// What the schedulers sh and mh hash of a request, and how far a server may be
// above its share: of a service, and of the set of a rule.

package config

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ktcpvs/ktcpvs/internal/automaton"
)

// The keys, in a block and in a rule.
const (
	HashKey      = "hash"
	HashBoundKey = "hash-bound"
)

// What is hashed.
const (
	HashSource = "source"
	HashURI    = "uri"
	HashHost   = "host"
	HashHeader = "header" // these three have a name
	HashCookie = "cookie"
	HashQuery  = "query"
	HashMatch  = "match" // a group of a rule's expression
)

// MatchKey is the word of a rule for the group that is hashed.
const MatchKey = "match"

// MatchScheduler is what chooses a server by a group unless a rule says another.
const MatchScheduler = "mh"

// Bounds, in percent of a server's share.
const (
	MinHashBound     = 100
	MaxHashBound     = 10000
	DefaultHashBound = 125
)

// MaxHashName is the longest name of a header, cookie or parameter that is
// hashed, in bytes.
const MaxHashName = 64

// Hash is how the schedulers that hash go about it.
type Hash struct {
	Key   string
	Name  string // of a header, cookie or parameter
	Bound uint32 // in percent; 0 = off
	Group uint32 // of HashMatch
}

// ParseGroup takes the number of a group of an expression; the hash is of that.
func (h *Hash) ParseGroup(text string) error {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n > automaton.MaxGroup {
		return &Error{Msg: quote(text) + " is no group of an expression",
			Hint: fmt.Sprintf("0 is all that the pattern matches, 1 to %d its groups", automaton.MaxGroup)}
	}
	h.Key, h.Group = HashMatch, uint32(n)
	return nil
}

// DefaultHash is what holds if nothing is said.
func DefaultHash() Hash { return Hash{Key: HashSource, Bound: DefaultHashBound} }

// Hashes tells whether a scheduler, by its name in the kernel, hashes.
func Hashes(scheduler string) bool { return scheduler == "sh" || scheduler == "mh" }

// HashForms lists what can be hashed, for a usage text.
const HashForms = "source, uri, host, header:NAME, cookie:NAME or query:NAME"

// ParseKey takes what is hashed from a word.
func (h *Hash) ParseKey(text string) error {
	kind, name, named := strings.Cut(text, ":")
	kind = strings.ToLower(kind)
	wrong := &Error{Msg: quote(text) + " is nothing to hash", Hint: "it is " + HashForms}
	switch kind {
	case HashSource, HashURI, HashHost:
		if named {
			wrong.Msg = quote(kind) + " has no name"
			return wrong
		}
	case HashHeader, HashCookie, HashQuery:
		switch {
		case name == "":
			wrong.Msg = "the name of the " + kind + " is missing"
			wrong.Hint = "write " + kind + ":NAME"
			return wrong
		case len(name) > MaxHashName:
			wrong.Msg = fmt.Sprintf("the name of the %s is %d bytes long", kind, len(name))
			wrong.Hint = fmt.Sprintf("it has at most %d", MaxHashName)
			return wrong
		case !hashName(kind, name):
			wrong.Msg = fmt.Sprintf("no %s has the name %s", kind, quote(name))
			wrong.Hint = ""
			return wrong
		}
	default:
		if near := Nearest(kind, []string{HashSource, HashURI, HashHost, HashHeader, HashCookie, HashQuery}); near != "" {
			wrong.Hint = fmt.Sprintf("did you mean %q?", near)
		}
		return wrong
	}
	h.Key, h.Name = kind, name
	return nil
}

// hashName tells whether a name can be one: the kernel has the last word.
func hashName(kind, name string) bool {
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c <= ' ' || c > '~':
			return false
		case kind == HashQuery:
			if strings.IndexByte("&=#", c) >= 0 {
				return false
			}
		case strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0:
			return false
		}
	}
	return true
}

// ParseBound takes the bound from a word.
func (h *Hash) ParseBound(text string) error {
	switch strings.ToLower(text) {
	case "off", None:
		h.Bound = 0
		return nil
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(text, "%"), 10, 32)
	if err != nil || n < MinHashBound || n > MaxHashBound {
		return &Error{Msg: quote(text) + " is no bound",
			Hint: fmt.Sprintf("it is %d%% to %d%% of a server's share, or off", MinHashBound, MaxHashBound)}
	}
	h.Bound = uint32(n)
	return nil
}

// KeyText writes what is hashed as ParseKey reads it.
func (h Hash) KeyText() string {
	if h.Name != "" {
		return h.Key + ":" + h.Name
	}
	return h.Key
}

// BoundText writes the bound as ParseBound reads it.
func (h Hash) BoundText() string {
	if h.Bound == 0 {
		return "off"
	}
	return strconv.FormatUint(uint64(h.Bound), 10) + "%"
}

// keyWord is KeyText as it is read again from a file.
func (h Hash) keyWord() string {
	text := h.KeyText()
	if strings.ContainsAny(text, `{}"#=`) {
		return ruleWord(text)
	}
	return text
}

// words is what a rule says of its set beside the scheduler, with a space before
// each word.
func (h Hash) words() string {
	text := ""
	if h.Key != HashSource && h.Key != HashMatch {
		text += " " + HashKey + " " + h.keyWord()
	}
	if h.Bound != DefaultHashBound {
		text += " " + HashBoundKey + " " + h.BoundText()
	}
	return text
}
