// SPDX-License-Identifier: MIT

// The cookie of a service: its options, and between the configuration language
// and the protocol.

package main

import (
	"errors"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/config"
)

// cookieArgs takes what the options say of a cookie.
func (s *session) cookieArgs(v *serviceArgs) error {
	v.cookie.CHTTP = v.scheduler != nil && v.scheduler.Cookie
	for _, key := range config.CookieKeys() {
		text, ok := s.opts.get(key)
		if !ok {
			continue
		}
		var err error
		if key == config.CookieKeyKey {
			v.cookie.Key, err = config.ReadCookieKey(text)
		} else {
			err = v.cookie.Set(key, text)
		}
		if err != nil {
			return badValue(key, err)
		}
	}
	return nil
}

// badCookie is options that do not make a cookie together.
func badCookie(err error) error {
	var e *config.Error
	if errors.As(err, &e) {
		return &usageError{e.Msg, e.Hint, config.CookieKey}
	}
	return err
}

// cookieWords says a cookie in options, as far as it can be told.
func cookieWords(c *config.Cookie) []string {
	if c.Name == "" {
		return nil
	}
	words := []string{"--" + config.CookieKey, c.Name}
	if c.Path != "/" {
		words = append(words, "--"+config.CookiePathKey, c.Path)
	}
	if c.Attributes != "" {
		words = append(words, "--"+config.CookieAttributesKey, c.Attributes)
	}
	if c.MaxAge != 0 {
		words = append(words, "--"+config.CookieAge.Key, config.FormatCookieAge(c.MaxAge))
	}
	return words
}

func kernelCookie(c *config.Cookie) *genl.CookieConfig {
	return &genl.CookieConfig{Name: c.Name, Path: c.Path, Attributes: c.Attributes, MaxAge: c.MaxAge, Key: c.Key}
}

func cookieFromKernel(c *genl.Cookie) config.Cookie {
	if c == nil {
		return config.Cookie{}
	}
	k := config.Cookie{Name: c.Name, Path: c.Path, Attributes: c.Attributes, MaxAge: c.MaxAge}
	if c.KeyID != nil {
		k.KeyID, k.KeySet = *c.KeyID, true
	}
	return k
}
