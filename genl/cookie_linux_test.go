// SPDX-License-Identifier: MIT

package genl_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/ktcpvs/ktcpvs/genl"
)

// The cookie of a service: what is kept when it is replaced, what is told of the
// key, and what is refused.
func TestCookie(t *testing.T) {
	eachKernel(t, func(t *testing.T, dial genl.Dialer) {
		c, ctx := client(t, dial), within(t)
		must(t, c.AddService(ctx, "web", listen(web)))
		get := func() *genl.Cookie {
			s, err := c.Service(ctx, "web")
			must(t, err)
			return s.Cookie
		}
		set := func(k genl.CookieConfig) error { return c.SetService(ctx, "web", genl.ServiceConfig{Cookie: &k}) }
		want := func(what string, k *genl.Cookie) {
			if got := get(); !reflect.DeepEqual(got, k) {
				t.Errorf("%s: got %+v, want %+v", what, got, k)
			}
		}
		generation := func() uint32 {
			info, err := c.Info(ctx)
			must(t, err)
			return info.Generation
		}

		want("new service", nil)
		must(t, set(genl.CookieConfig{Name: "SID"}))
		want("defaults", &genl.Cookie{Name: "SID", Path: "/"})
		key := []byte("0123456789abcdef")
		id := genl.Ptr(genl.CookieKeyID(key))
		must(t, set(genl.CookieConfig{Name: "SID", Path: "/shop", Attributes: "HttpOnly; SameSite=Lax", MaxAge: 600, Key: key}))
		want("everything", &genl.Cookie{Name: "SID", Path: "/shop", Attributes: "HttpOnly; SameSite=Lax", MaxAge: 600, KeyID: id})
		must(t, set(genl.CookieConfig{Name: "B"}))
		want("without a key", &genl.Cookie{Name: "B", Path: "/", KeyID: id})
		must(t, c.SetService(ctx, "web", genl.ServiceConfig{Scheduler: genl.Ptr("rr")}))
		want("another setting", &genl.Cookie{Name: "B", Path: "/", KeyID: id})

		// As a file that replaces the table: the key goes on.
		tx, err := c.Begin(ctx, genl.BeginOptions{})
		must(t, err)
		defer tx.Abort() //nolint:errcheck // nothing to undo
		must(t, tx.Flush(ctx))
		conf := listen(web)
		conf.Cookie = &genl.CookieConfig{Name: "C"}
		must(t, tx.AddService(ctx, "web", conf))
		_, err = tx.Commit(ctx)
		must(t, err)
		want("made anew", &genl.Cookie{Name: "C", Path: "/", KeyID: id})

		long := strings.Repeat("k", genl.CookieKeyMax)
		must(t, set(genl.CookieConfig{Name: "C", Key: []byte(long)}))
		want("longest key", &genl.Cookie{Name: "C", Path: "/", KeyID: genl.Ptr(genl.CookieKeyID([]byte(long)))})
		before := generation()
		for _, tt := range []struct {
			k   genl.CookieConfig
			why string
		}{
			{genl.CookieConfig{Name: "a b"}, "the name of a cookie is a token: letters, digits, - and _"},
			{genl.CookieConfig{Name: "a=b"}, "the name of a cookie is a token: letters, digits, - and _"},
			{genl.CookieConfig{Name: strings.Repeat("n", genl.CookieNameMax+1)}, ""},
			{genl.CookieConfig{Name: "a", Path: "shop"}, "a path begins with / and has no quotes, backslashes, commas, semicolons"},
			{genl.CookieConfig{Name: "a", Path: "/;Secure"}, "a path begins with / and has no quotes, backslashes, commas, semicolons"},
			{genl.CookieConfig{Name: "a", Path: "/" + strings.Repeat("p", genl.CookieTextMax)}, ""},
			{genl.CookieConfig{Name: "a", Attributes: "Secure\r\nX: y"}, "attributes are NAME or NAME=VALUE with ; between, no Path, Max-Age, Expires"},
			{genl.CookieConfig{Name: "a", Attributes: "Secure; path=/"}, "attributes are NAME or NAME=VALUE with ; between, no Path, Max-Age, Expires"},
			{genl.CookieConfig{Name: "a", Attributes: "Secure;"}, "attributes are NAME or NAME=VALUE with ; between, no Path, Max-Age, Expires"},
			{genl.CookieConfig{Name: "a", Key: []byte("0123456789abcde")}, "a key of 15 bytes: it has 16 to 64"},
			{genl.CookieConfig{Name: "a", Key: []byte(long + "k")}, "a key of 65 bytes: it has 16 to 64"},
			{genl.CookieConfig{Name: "a", MaxAge: genl.CookieAgeMax + 1}, ""},
		} {
			err := set(tt.k)
			var e *genl.Error
			if !errors.As(err, &e) || tt.why != "" && e.Message != tt.why {
				t.Errorf("%+v: %v", tt.k, err)
			}
		}
		tcp := genl.ServiceConfig{Mode: genl.Ptr(genl.ModeTCP)}
		if err := c.SetService(ctx, "web", tcp); err == nil || !strings.Contains(err.Error(), "a cookie needs mode http") {
			t.Errorf("mode tcp: %v", err)
		}
		if after := generation(); after != before {
			t.Errorf("refusals changed something: generation %d to %d", before, after)
		}
		tcp.Cookie = &genl.CookieConfig{}
		must(t, c.SetService(context.Background(), "web", tcp))
		want("none", nil)
	})
}
