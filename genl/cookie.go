// SPDX-License-Identifier: MIT

// The cookie that keeps a client at its server.

package genl

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"github.com/mdlayher/netlink"

	"github.com/ktcpvs/ktcpvs/internal/spec"
)

// Cookie is the cookie of a virtual service as the kernel reports it.
type Cookie struct {
	Name       string `json:"name"`
	Path       string `json:"path"`
	Attributes string `json:"attributes"`
	// MaxAge is in seconds; 0: until the client ends.
	MaxAge uint32 `json:"max_age"`
	// KeyID tells keys apart; nil: the kernel made the key of random bytes.
	KeyID *uint32 `json:"key_id,omitempty"`
}

// CookieConfig is what a user decides about the cookie of a virtual service, as
// a whole; without a name there is none.
type CookieConfig struct {
	Name       string
	Path       string // "" is /
	Attributes string
	MaxAge     uint32
	// Key is what cookies are signed with, CookieKeyMin to CookieKeyMax bytes.
	// Nil leaves it as it is; a new cookie gets one of random bytes.
	Key []byte
}

// CookieKeyID is what a kernel that has a key tells of it.
func CookieKeyID(key []byte) uint32 {
	m := hmac.New(sha256.New, key)
	m.Write([]byte("ktcpvs key id"))
	return binary.BigEndian.Uint32(m.Sum(nil))
}

// Config returns the configuration that would set c again, on a service that
// has it with the same key.
func (c *Cookie) Config() *CookieConfig {
	if c == nil {
		return &CookieConfig{}
	}
	return &CookieConfig{Name: c.Name, Path: c.Path, Attributes: c.Attributes, MaxAge: c.MaxAge}
}

func (c *CookieConfig) encode(ae *netlink.AttributeEncoder) {
	ae.Nested(spec.AServiceCookie, func(nae *netlink.AttributeEncoder) error {
		if c.Name == "" {
			return nil
		}
		encodeString(nae, spec.ACookieName, "the name of a cookie", c.Name)
		if c.Path != "" {
			encodeString(nae, spec.ACookiePath, "the path of a cookie", c.Path)
		}
		encodeString(nae, spec.ACookieAttributes, "the attributes of a cookie", c.Attributes)
		nae.Uint32(spec.ACookieMaxAge, c.MaxAge)
		if c.Key != nil {
			nae.Bytes(spec.ACookieKey, c.Key)
		}
		return nil
	})
}

// decodeCookie returns nil for none.
func decodeCookie(ad *netlink.AttributeDecoder) (*Cookie, error) {
	c := &Cookie{}
	for ad.Next() {
		switch ad.Type() {
		case spec.ACookieName:
			c.Name = ad.String()
		case spec.ACookiePath:
			c.Path = ad.String()
		case spec.ACookieAttributes:
			c.Attributes = ad.String()
		case spec.ACookieMaxAge:
			c.MaxAge = ad.Uint32()
		case spec.ACookieKeyID:
			c.KeyID = Ptr(ad.Uint32())
		}
	}
	if err := ad.Err(); err != nil || c.Name == "" {
		return nil, err
	}
	return c, nil
}
