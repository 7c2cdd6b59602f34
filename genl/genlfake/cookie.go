// SPDX-License-Identifier: MIT

// The cookie of a service. The key is remembered as the kernel does; nothing is
// ever signed with it.

package genlfake

import (
	"strings"
	"syscall"

	"github.com/mdlayher/netlink"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/spec"
)

type cookie struct {
	name, path, attributes string
	maxAge                 uint32
	key                    string // "" = random bytes
}

const tokenBytes = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

func isToken(s string) bool { return s != "" && strings.Trim(s, tokenBytes) == "" }

// isPlain tells whether s can stand in Set-Cookie and in quotes.
func isPlain(s string) bool {
	for _, b := range []byte(s) {
		if b < ' ' || b > '~' || strings.IndexByte(`"\,`, b) >= 0 {
			return false
		}
	}
	return true
}

func isPath(s string) bool {
	return isPlain(s) && strings.HasPrefix(s, "/") && !strings.HasSuffix(s, " ") && !strings.Contains(s, ";")
}

func isAttributes(s string) bool {
	if s == "" {
		return true
	}
	if !isPlain(s) || s != strings.TrimSpace(s) {
		return false
	}
	for _, a := range strings.Split(s, ";") {
		name, _, _ := strings.Cut(strings.Trim(a, " "), "=")
		switch strings.ToLower(name) {
		case "path", "max-age", "expires":
			return false
		}
		if !isToken(name) {
			return false
		}
	}
	return true
}

// cookie reads the nest of a cookie; nil is none. old is the service's so far.
func (a *attr) cookie(old *cookie) (*cookie, *refusal) {
	if len(a.nest) == 0 {
		return nil, nil
	}
	name := a.nest[spec.ACookieName]
	if name == nil {
		return nil, refuse(syscall.EINVAL, nil, "the name of the cookie is missing")
	}
	if id := a.nest[spec.ACookieKeyID]; id != nil {
		return nil, refuse(syscall.EINVAL, id, "the id of a key is told, not given")
	}
	c := &cookie{name: name.text(), path: "/"}
	for _, t := range []struct {
		t    uint16
		to   *string
		good func(string) bool
		why  string
	}{
		{spec.ACookieName, &c.name, isToken, "the name of a cookie is a token: letters, digits, - and _"},
		{spec.ACookiePath, &c.path, isPath, "a path begins with / and has no quotes, backslashes, commas, semicolons"},
		{spec.ACookieAttributes, &c.attributes, isAttributes, "attributes are NAME or NAME=VALUE with ; between, no Path, Max-Age, Expires"},
	} {
		v := a.nest[t.t]
		if v == nil {
			continue
		}
		if len(v.text())+1 < len(v.data) || !t.good(v.text()) {
			return nil, refuse(syscall.EINVAL, v, "%s", t.why)
		}
		*t.to = v.text()
	}
	if old != nil {
		c.key = old.key
	}
	if k := a.nest[spec.ACookieKey]; k != nil {
		if len(k.data) < genl.CookieKeyMin || len(k.data) > genl.CookieKeyMax {
			return nil, refuse(syscall.EINVAL, k, "a key of %d bytes: it has %d to %d", len(k.data), genl.CookieKeyMin, genl.CookieKeyMax)
		}
		c.key = string(k.data)
	}
	if age := a.nest[spec.ACookieMaxAge]; age != nil {
		c.maxAge = uint32(age.number())
	}
	return c, nil
}

func (c *cookie) encode(ae *netlink.AttributeEncoder) {
	if c == nil {
		return
	}
	ae.Nested(spec.AServiceCookie, func(nae *netlink.AttributeEncoder) error {
		nae.String(spec.ACookieName, c.name)
		nae.String(spec.ACookiePath, c.path)
		nae.String(spec.ACookieAttributes, c.attributes)
		nae.Uint32(spec.ACookieMaxAge, c.maxAge)
		if c.key != "" {
			nae.Uint32(spec.ACookieKeyID, genl.CookieKeyID([]byte(c.key)))
		}
		return nil
	})
}
