// SPDX-License-Identifier: MIT

// The cookie that keeps a client at its server: five keys that make one thing.
// The key that values are signed with stands in a file of its own, which nobody
// else may read; what is known of it afterwards is a number that tells keys
// apart. A table that names no key keeps the one there is.

package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/ktcpvs/ktcpvs/genl"
)

// The keys of a cookie, and their long options.
const (
	CookieKey           = "cookie"
	CookiePathKey       = "cookie-path"
	CookieAttributesKey = "cookie-attributes"
	CookieKeyKey        = "cookie-key"
)

// CookieAge is how long a cookie holds. It is no Setting: without a cookie there
// is none.
var CookieAge = SettingInfo{"cookie-max-age", Duration, 0, genl.CookieAgeMax * 1000, 0,
	"a cookie holds, in whole seconds, 0 = until the client ends", nil}

// CookieKeys lists the keys of a cookie.
func CookieKeys() []string {
	return []string{CookieKey, CookiePathKey, CookieAttributesKey, CookieAge.Key, CookieKeyKey}
}

// The cookie of the original's chttp.
const (
	chttpCookie = "KTCPVS_SID"
	chttpMaxAge = 600
)

// Cookie is the cookie of a service; without a name there is none.
type Cookie struct {
	Name       string
	Path       string
	Attributes string
	MaxAge     uint32 // seconds; 0 = until the client ends
	Key        []byte // as read from a file
	KeyID      uint32 // tells keys apart
	KeySet     bool   // the key is not one of random bytes
}

// keeps tells whether c needs nothing changed to be w. A key that w does not
// name stays.
func (c *Cookie) keeps(w *Cookie) bool {
	return c.Name == w.Name && c.Path == w.Path && c.Attributes == w.Attributes && c.MaxAge == w.MaxAge &&
		(!w.KeySet || c.KeySet && c.KeyID == w.KeyID)
}

// items lists what a cookie is, in the order it is printed.
func (c *Cookie) items() []item {
	if c.Name == "" {
		return []item{{key: CookieKey, value: None, implied: true}}
	}
	attributes := None
	if c.Attributes != "" {
		attributes = ruleWord(c.Attributes)
	}
	list := []item{
		{key: CookieKey, value: cookieWord(c.Name)},
		{key: CookiePathKey, value: cookieWord(c.Path), implied: c.Path == "/"},
		{key: CookieAttributesKey, value: attributes, implied: c.Attributes == ""},
		{key: CookieAge.Key, value: FormatCookieAge(c.MaxAge), implied: c.MaxAge == 0},
	}
	if c.KeySet {
		list = append(list, c.keyItem())
	}
	return list
}

// cookieWord writes a name or path, in quotes if it needs any.
func cookieWord(s string) string {
	if isName(s) || s == "/" {
		return s
	}
	return ruleWord(s)
}

func (c *Cookie) keyItem() item {
	return item{key: CookieKeyKey, value: fmt.Sprintf("%08x", c.KeyID), secret: true}
}

// Remark is what is said of a key where it cannot be told.
func (c *Cookie) Remark() string {
	it := c.keyItem()
	return it.remark()
}

// FormatCookieAge writes seconds as ParseCookieAge reads them.
func FormatCookieAge(seconds uint32) string { return CookieAge.Format(uint64(seconds) * 1000) }

// ParseCookieAge reads how long a cookie holds, in seconds.
func ParseCookieAge(s string) (uint32, error) {
	ms, err := CookieAge.Parse(s)
	if err != nil {
		return 0, err
	}
	if ms%1000 != 0 {
		return 0, &Error{Msg: quote(s) + " is no whole number of seconds", Hint: CookieAge.Key + " takes 0, or 1s to " + CookieAge.Format(CookieAge.Max)}
	}
	return uint32(ms / 1000), nil
}

const cookieToken = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// ParseCookieName reads the name of a cookie; none is "".
func ParseCookieName(s string) (string, error) {
	switch {
	case strings.EqualFold(s, None):
		return "", nil
	case s == "" || strings.Trim(s, cookieToken) != "":
		return "", &Error{Msg: quote(s) + " cannot be the name of a cookie", Hint: "a name is a word of letters, digits, - and _, or " + None}
	case len(s) > genl.CookieNameMax:
		return "", &Error{Msg: fmt.Sprintf("the name %s is %d bytes long", quote(s), len(s)), Hint: fmt.Sprintf("it has at most %d", genl.CookieNameMax)}
	}
	return s, nil
}

// cookieText refuses what would not survive in Set-Cookie and in a file.
func cookieText(what, s string) error {
	if len(s) > genl.CookieTextMax {
		return &Error{Msg: fmt.Sprintf("%s are %d bytes", what, len(s)), Hint: fmt.Sprintf("at most %d are possible", genl.CookieTextMax)}
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c > '~' || strings.IndexByte(`"\,`, c) >= 0 {
			return &Error{Msg: fmt.Sprintf("%s contains %q", quote(s), s[i:i+1]),
				Hint: "quotes, backslashes, commas, controls and what is not ASCII cannot be part of it"}
		}
	}
	return nil
}

// ParseCookiePath reads the path of a cookie.
func ParseCookiePath(s string) (string, error) {
	if err := cookieText("the path", s); err != nil {
		return "", err
	}
	if !strings.HasPrefix(s, "/") || strings.Contains(s, ";") || strings.HasSuffix(s, " ") {
		return "", &Error{Msg: quote(s) + " is not the path of a cookie", Hint: "it begins with / and has no semicolon"}
	}
	return s, nil
}

// ParseCookieAttributes reads further attributes; none is "".
func ParseCookieAttributes(s string) (string, error) {
	if strings.EqualFold(s, None) || s == "" {
		return "", nil
	}
	if err := cookieText("the attributes", s); err != nil {
		return "", err
	}
	for _, a := range strings.Split(s, ";") {
		name, _, _ := strings.Cut(strings.Trim(a, " "), "=")
		low := strings.ToLower(name)
		switch {
		case low == "path" || low == "max-age":
			return "", &Error{Msg: fmt.Sprintf("%q has a key of its own", name), Hint: "say it with cookie-" + low}
		case low == "expires":
			return "", &Error{Msg: fmt.Sprintf("%q cannot be given", name), Hint: "say it with " + CookieAge.Key}
		case name == "" || strings.Trim(name, cookieToken) != "" || s != strings.TrimSpace(s):
			return "", &Error{Msg: quote(s) + " are not attributes of a cookie", Hint: `they are NAME or NAME=VALUE with semicolons between: "HttpOnly; SameSite=Lax"`}
		}
	}
	return s, nil
}

// ReadCookieKey reads a key from its file: the bytes of the file, without a
// newline at the end.
func ReadCookieKey(file string) ([]byte, error) {
	fail := func(hint, format string, args ...any) ([]byte, error) {
		return nil, &Error{Msg: fmt.Sprintf("key file %q", file) + fmt.Sprintf(format, args...), Hint: hint}
	}
	const how = "make one: head -c 32 /dev/urandom | base64 > FILE; chmod 600 FILE"
	st, err := os.Stat(file)
	var pe *os.PathError
	switch {
	case errors.As(err, &pe):
		return fail(how, ": %v", pe.Err)
	case err != nil:
		return fail(how, ": %v", err)
	case !st.Mode().IsRegular():
		return fail(how, " is no regular file")
	}
	f, err := os.Open(file)
	if errors.As(err, &pe) {
		return fail("", ": %v", pe.Err)
	} else if err != nil {
		return fail("", ": %v", err)
	}
	defer f.Close()
	key, err := io.ReadAll(io.LimitReader(f, genl.CookieKeyMax+2))
	if err != nil {
		return fail("", ": %v", err)
	}
	if n := len(key); n > 0 && key[n-1] == '\n' {
		key = key[:n-1]
	}
	if len(key) < genl.CookieKeyMin || len(key) > genl.CookieKeyMax {
		return fail(how, " does not hold %d to %d bytes", genl.CookieKeyMin, genl.CookieKeyMax)
	}
	return key, nil
}

// CookieWish is what somebody says of a cookie; nil was not said.
type CookieWish struct {
	Name, Path, Attributes *string
	MaxAge                 *uint32
	Key                    []byte
	CHTTP                  bool // the scheduler chttp stands for one
}

// Any tells whether anything was said.
func (w *CookieWish) Any() bool {
	return w.CHTTP || w.Name != nil || w.detail() != ""
}

// detail names a key that makes no sense without a cookie.
func (w *CookieWish) detail() string {
	switch {
	case w.Path != nil:
		return CookiePathKey
	case w.Attributes != nil:
		return CookieAttributesKey
	case w.MaxAge != nil:
		return CookieAge.Key
	case w.Key != nil:
		return CookieKeyKey
	}
	return ""
}

// Set takes one key of a cookie, but for that of the key.
func (w *CookieWish) Set(key, text string) error {
	var s string
	var err error
	switch key {
	case CookieKey:
		s, err = ParseCookieName(text)
		w.Name = &s
	case CookiePathKey:
		s, err = ParseCookiePath(text)
		w.Path = &s
	case CookieAttributesKey:
		s, err = ParseCookieAttributes(text)
		w.Attributes = &s
	case CookieAge.Key:
		var age uint32
		age, err = ParseCookieAge(text)
		w.MaxAge = &age
	}
	return err
}

// Apply makes of the cookie there is the one that is wished.
func (w *CookieWish) Apply(now Cookie) (Cookie, error) {
	k := now
	fresh := now.Name == ""
	switch {
	case w.Name != nil && *w.Name == "" && w.CHTTP:
		return now, &Error{Msg: "the scheduler chttp is http with a cookie", Hint: "use http without one"}
	case w.Name != nil:
		k.Name = *w.Name
	case w.CHTTP && fresh:
		k.Name = chttpCookie
	}
	if k.Name == "" {
		if key := w.detail(); key != "" {
			return now, &Error{Msg: key + " without a cookie", Hint: "give its name with " + CookieKey}
		}
		return Cookie{}, nil
	}
	if fresh {
		k.Path = "/"
		if w.CHTTP {
			k.MaxAge = chttpMaxAge
		}
	}
	if w.Path != nil {
		k.Path = *w.Path
	}
	if w.Attributes != nil {
		k.Attributes = *w.Attributes
	}
	if w.MaxAge != nil {
		k.MaxAge = *w.MaxAge
	}
	if w.Key != nil {
		k.Key, k.KeyID, k.KeySet = w.Key, genl.CookieKeyID(w.Key), true
	}
	return k, nil
}

// cookie takes one of the keys of a cookie.
func (b *block) cookieItem(p *parser, key, val token) {
	low := strings.ToLower(key.text)
	if low != CookieKeyKey {
		if err := b.cookie.Set(low, val.text); err != nil {
			p.failWith(val.pos, err)
			b.badCookie = true
		}
		return
	}
	if !filepath.IsAbs(val.text) {
		p.fail(val.pos, "give the path from the root on", "%s is not the absolute path of a file", quote(val.text))
		b.badCookie = true
		return
	}
	b.keyFile = val
}

// finishCookie settles what depends on the scheduler and the mode.
func (b *block) finishCookie(p *parser) {
	if b.badCookie {
		return
	}
	svc := &b.svc
	b.cookie.CHTTP = b.sched != nil && b.sched.Cookie
	at := svc.Pos
	for _, key := range CookieKeys() {
		if pos, ok := b.seen[key]; ok {
			at = pos
		}
	}
	var err error
	if svc.Cookie, err = b.cookie.Apply(Cookie{}); err != nil {
		p.failWith(at, err)
		return
	}
	switch {
	case b.keyFile.text == "":
	case svc.Cookie.Name == "":
		p.fail(b.keyFile.pos, "give its name with "+CookieKey, "%s without a cookie", CookieKeyKey)
	default:
		p.keys = append(p.keys, keyFile{len(p.conf.Services), b.keyFile})
	}
	if svc.Cookie.Name != "" && svc.Mode != ModeHTTP {
		p.fail(at, "remove it, or say mode = http", "a cookie needs mode http")
	}
}

// keyFile is a key that a service names.
type keyFile struct {
	service int // index
	file    token
}

// readKeys reads the keys that a file names.
func (p *parser) readKeys() {
	for _, k := range p.keys {
		key, err := ReadCookieKey(k.file.text)
		if err != nil {
			p.failWith(k.file.pos, err)
			continue
		}
		c := &p.conf.Services[k.service].Cookie
		c.Key, c.KeyID, c.KeySet = key, genl.CookieKeyID(key), true
	}
}
