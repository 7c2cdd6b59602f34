// SPDX-License-Identifier: MIT

// Single client connections. Clients' addresses are private: listing them needs
// CAP_NET_ADMIN, as a change does.

package genl

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"github.com/mdlayher/netlink"

	"github.com/ktcpvs/ktcpvs/internal/spec"
)

// ConnectionID is the number of a connection. It is written in hexadecimal, in
// JSON as a string: it has more digits than many a reader of JSON keeps.
type ConnectionID uint64

func (id ConnectionID) String() string { return strconv.FormatUint(uint64(id), 16) }

// ParseConnectionID is the reverse of String.
func ParseConnectionID(s string) (ConnectionID, error) {
	n, err := strconv.ParseUint(s, 16, 64)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%.40q is not the number of a connection", s)
	}
	return ConnectionID(n), nil
}

// MarshalText writes it in hexadecimal.
func (id ConnectionID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText is the reverse of MarshalText.
func (id *ConnectionID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseConnectionID(string(b))
	return err
}

// Connection is a client connection at one time.
type Connection struct {
	ID      ConnectionID   `json:"id"`
	Service string         `json:"service"`
	Client  netip.AddrPort `json:"client"`
	// Peer is who has connected, if a PROXY header said that it speaks for
	// Client.
	Peer netip.AddrPort `json:"peer,omitzero"`
	// Server is the real server that works for it, if any does, and ServerID
	// its number.
	Server   netip.AddrPort  `json:"server,omitzero"`
	ServerID uint32          `json:"server_id,omitzero"`
	State    ConnectionState `json:"state"`
	CPU      uint32          `json:"cpu"`
	Age      time.Duration   `json:"age"`
	BytesIn  uint64          `json:"bytes_in"`
	BytesOut uint64          `json:"bytes_out"`
}

// MarshalJSON writes the age in milliseconds, the unit of the protocol.
func (c Connection) MarshalJSON() ([]byte, error) {
	type plain Connection
	return json.Marshal(struct {
		plain
		Age int64 `json:"age"`
	}{plain(c), c.Age.Milliseconds()})
}

// UnmarshalJSON is the reverse of MarshalJSON.
func (c *Connection) UnmarshalJSON(b []byte) error {
	type plain Connection
	v := struct {
		*plain
		Age int64 `json:"age"`
	}{plain: (*plain)(c)}
	err := json.Unmarshal(b, &v)
	c.Age = time.Duration(v.Age) * time.Millisecond
	return err
}

// ConnectionFilter says which connections are listed: those that fit all that is
// not zero.
type ConnectionFilter struct {
	// Service is the name of their virtual service.
	Service string
	// Server is the real server that works for them now, in any service.
	Server netip.AddrPort
	// Clients is a network their clients are in.
	Clients netip.Prefix
}

// Connections lists client connections. Those that come and go meanwhile may be
// among them or not; every other is, once.
func (c *Client) Connections(ctx context.Context, f ConnectionFilter) ([]Connection, error) {
	r := request{cmd: spec.CmdConnectionGet, object: "connections", fill: func(ae *netlink.AttributeEncoder) {
		if f.Service != "" {
			encodeString(ae, spec.AConnectionService, "the name of a service", f.Service)
		}
		if f.Server.IsValid() {
			encodeAddress(ae, spec.AConnectionServer, f.Server)
		}
		if f.Clients.IsValid() {
			encodeNetwork(ae, spec.AConnectionClients, "network of clients", f.Clients)
		}
	}}
	if f.Service != "" {
		r.object += " of service " + quote(f.Service)
	}
	v, _, err := list[Connection](ctx, c.conn, r)
	return v, err
}

// KillConnection resets a client connection at once, whatever goes on over it.
// If it has ended meanwhile the error is os.ErrNotExist.
func (c *Client) KillConnection(ctx context.Context, id ConnectionID) error {
	return c.change(ctx, request{cmd: spec.CmdConnectionKill, object: "connection " + id.String(), fill: func(ae *netlink.AttributeEncoder) {
		encodeUint(ae, spec.AConnectionID, uint64(id))
	}})
}

func (c *Connection) decode(ad *netlink.AttributeDecoder) error {
	for ad.Next() {
		switch ad.Type() {
		case spec.AConnectionID:
			c.ID = ConnectionID(decodeUint(ad))
		case spec.AConnectionService:
			c.Service = ad.String()
		case spec.AConnectionClient:
			nestedAddress(ad, &c.Client)
		case spec.AConnectionPeer:
			nestedAddress(ad, &c.Peer)
		case spec.AConnectionServer:
			nestedAddress(ad, &c.Server)
		case spec.AConnectionServerID:
			c.ServerID = ad.Uint32()
		case spec.AConnectionState:
			c.State = ConnectionState(ad.Uint32())
		case spec.AConnectionCPU:
			c.CPU = ad.Uint32()
		case spec.AConnectionAge:
			c.Age = time.Duration(decodeUint(ad)) * time.Millisecond
		case spec.AConnectionBytesIn:
			c.BytesIn = decodeUint(ad)
		case spec.AConnectionBytesOut:
			c.BytesOut = decodeUint(ad)
		}
	}
	return ad.Err()
}
