// SPDX-License-Identifier: MIT

// Networks: prefixes of addresses, always in numbers. A list of them is a set;
// it is kept sorted, so that two tables can be compared and a table is printed
// the same whoever made it.

package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// MaxTrusted is the most trusted networks of a service.
const MaxTrusted = 64

// TrustedKey is the key of the trusted networks, and their long option.
const TrustedKey = "trusted"

// ParseNetwork reads ADDRESS/LENGTH; an address alone is a network of one.
func ParseNetwork(s string) (netip.Prefix, error) {
	fail := func(hint, format string, args ...any) (netip.Prefix, error) {
		return netip.Prefix{}, &Error{Msg: fmt.Sprintf(format, args...), Hint: hint}
	}
	const form = "a network is ADDRESS/LENGTH, 10.0.0.0/8 or fd00::/8; names are not looked up"
	text, _, isPrefix := strings.Cut(s, "/")
	addr, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return fail(form, "%s is not a network", quote(s))
	case addr.Zone() != "":
		return fail("leave out the interface", "%s names an interface", quote(s))
	case addr.Is4In6():
		return fail("write it as IPv4: "+addr.Unmap().String(), "%s is an IPv4 address in an IPv6 dress", quote(s))
	case !isPrefix:
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return fail(fmt.Sprintf("the length is 0 to %d bits", addr.BitLen()), "%s has no length of a network", quote(s))
	}
	if p.Masked() != p {
		return fail(fmt.Sprintf("write %s, or %s for the one address", p.Masked(), netip.PrefixFrom(addr, addr.BitLen())),
			"%s has bits behind its length", quote(s))
	}
	return p, nil
}

// ParseNetworks reads a list, separated by blanks or commas, or none.
func ParseNetworks(s string) ([]netip.Prefix, error) {
	words := splitList(s)
	if len(words) == 1 && strings.EqualFold(words[0], None) {
		return nil, nil
	}
	if len(words) == 0 {
		return nil, &Error{Msg: "the list of networks is empty", Hint: "give networks, or " + None}
	}
	var list []netip.Prefix
	for _, word := range words {
		var err error
		if list, err = addNetwork(list, word); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// addNetwork puts one more into a sorted list.
func addNetwork(list []netip.Prefix, word string) ([]netip.Prefix, error) {
	p, err := ParseNetwork(word)
	if err != nil {
		return list, err
	}
	i, found := slices.BinarySearchFunc(list, p, compareNetworks)
	switch {
	case found:
		return list, &Error{Msg: fmt.Sprintf("network %s is given twice", p)}
	case len(list) == MaxTrusted:
		return list, &Error{Msg: fmt.Sprintf("network %s is one too many", p),
			Hint: fmt.Sprintf("there are at most %d; give a network that holds several", MaxTrusted)}
	}
	return slices.Insert(list, i, p), nil
}

func compareNetworks(a, b netip.Prefix) int {
	if c := a.Addr().Compare(b.Addr()); c != 0 {
		return c
	}
	return a.Bits() - b.Bits()
}

// SortNetworks puts a list in the order of this package.
func SortNetworks(list []netip.Prefix) []netip.Prefix {
	if len(list) == 0 {
		return nil
	}
	sorted := slices.Clone(list)
	slices.SortFunc(sorted, compareNetworks)
	return sorted
}

// FormatNetworks writes a list as ParseNetworks reads it.
func FormatNetworks(list []netip.Prefix, separator string) string {
	if len(list) == 0 {
		return None
	}
	words := make([]string, len(list))
	for i, p := range list {
		words[i] = p.String()
	}
	return strings.Join(words, separator)
}
