// SPDX-License-Identifier: MIT

// The printer: a table in the grammar the parser reads. Settings that have
// their defaults are left out, so that what a person wrote is what a person
// reads again; mode and scheduler are always there, so that nobody needs to
// know which mode a scheduler stands for.
//
// A block is a list of items. The printer prints them; compare.go finds in them
// what two tables differ in, so that no key can be printed and not compared.

package config

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
)

// item is one KEY = VALUE of a block.
type item struct {
	key     string
	value   string
	implied bool // it is the default and not printed
	server  bool // there may be many of this key; the value tells them apart
	place   int  // there may be many of this key, in order: the first is 1
	secret  bool // it is not told, and stays where nobody names another
	detail  string
}

// write is a line with String, without making it: there may be 100,000.
func (it *item) write(b *bufio.Writer) {
	b.WriteString("    ")
	b.WriteString(it.key)
	b.WriteString(" = ")
	b.WriteString(it.value)
	if it.detail != "" {
		b.WriteByte(' ')
		b.WriteString(it.detail)
	}
	b.WriteByte('\n')
}

func (it *item) String() string {
	text := it.key + " = " + it.value
	if it.detail != "" {
		text += " " + it.detail
	}
	return text
}

// remark is what is said of a secret instead of it.
func (it *item) remark() string {
	return fmt.Sprintf("# %s %s is not told; where it is in use, it stays", it.key, it.value)
}

// items lists everything a service is, in the order it is printed.
func (s *Service) items(names *Names) []item {
	list := make([]item, 0, len(s.Servers)+len(s.Rules)+int(NumSettings)+16)
	list = append(list, []item{
		{key: "listen", value: names.FormatAddr(s.Listen)},
		{key: "mode", value: string(s.Mode)},
		{key: "scheduler", value: s.Scheduler},
		{key: HashKey, value: s.Hash.keyWord(), implied: s.Hash.Key == HashSource},
		{key: HashBoundKey, value: s.Hash.BoundText(), implied: s.Hash.Bound == DefaultHashBound},
	}...)
	for i, v := range s.Settings {
		info := Setting(i).Info()
		list = append(list, item{key: info.Key, value: info.Format(v), implied: v == info.Default})
	}
	list = append(list, item{key: TrustedKey, value: FormatNetworks(s.Trusted, " "), implied: len(s.Trusted) == 0})
	list = append(list, item{key: RedirectKey, value: names.FormatRedirect(s.Redirect), implied: !s.Redirect.IsValid()})
	list = append(list, s.Cookie.items()...)
	for _, srv := range s.Servers {
		list = append(list, item{key: "server", value: names.FormatAddr(srv.Addr), server: true,
			detail: strconv.FormatUint(uint64(srv.Weight), 10)})
	}
	for i, line := range ruleLines(s.Rules, names) {
		list = append(list, item{key: RuleKey, value: line, place: i + 1})
	}
	return list
}

// items lists the settings of the namespace.
func (s *Settings) items() []item {
	it := item{key: MaxConnections.Key, value: "default", implied: true}
	if s.MaxConnections != 0 {
		it.value, it.implied = MaxConnections.Format(uint64(s.MaxConnections)), false
	}
	return []item{it}
}

func (s *Service) head() string { return "Virtual " + s.Name + " {" }

const settingsHead = "Settings {"

// Print writes the configuration. With names it prints hosts and ports by name
// where they have one, with nil everything is numeric.
func Print(w io.Writer, c *Config, names *Names) error {
	b := bufio.NewWriter(w)
	blocks := 0
	block := func(head string, items []item) {
		if blocks++; blocks > 1 {
			fmt.Fprintln(b)
		}
		fmt.Fprintln(b, head)
		for i := range items {
			switch {
			case items[i].secret:
				fmt.Fprintf(b, "    %s\n", items[i].remark())
			case !items[i].implied:
				items[i].write(b)
			}
		}
		fmt.Fprintln(b, "}")
	}
	if c.Settings != (Settings{}) {
		block(settingsHead, c.Settings.items())
	}
	for i := range c.Services {
		block(c.Services[i].head(), c.Services[i].items(names))
	}
	return b.Flush()
}
