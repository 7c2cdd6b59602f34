// SPDX-License-Identifier: MIT

// Changes of servers by the hundred thousand. One request at a time costs three
// system calls and a dozen allocations each; so many requests go in one message
// to the socket, and only the last asks for an acknowledgement: the kernel works
// on all of them before the call that sent them returns, and tells of a refused
// one without being asked.

package genl

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"github.com/ktcpvs/ktcpvs/internal/spec"
)

// batchSize bounds the requests of a message: were each refused, the answers
// would still fit into the socket's buffer.
const batchSize = 100

// ServerChangeKind is what becomes of a server.
type ServerChangeKind int

// Kinds of changes of a server.
const (
	ServerAdd ServerChangeKind = iota
	ServerSet
	ServerDelete
)

// ServerChange is an AddServer, SetServer or DeleteServer to be.
type ServerChange struct {
	Kind    ServerChangeKind
	Service string
	Address netip.AddrPort
	Config  ServerConfig
}

func (c *ServerChange) command() uint8 {
	switch c.Kind {
	case ServerSet:
		return spec.CmdServerSet
	case ServerDelete:
		return spec.CmdServerDel
	}
	return spec.CmdServerNew
}

func (c *ServerChange) request() request {
	conf := c.Config
	if c.Kind == ServerDelete {
		conf = ServerConfig{}
	}
	return server(c.command(), c.Service, c.Address, conf)
}

// plain tells whether the change can be appended; what cannot gets its error
// from the encoder that serves everywhere else.
func (c *ServerChange) plain() bool {
	return len(c.Service) <= NameMax && strings.IndexByte(c.Service, 0) < 0 &&
		c.Address.IsValid() && c.Address.Addr().Zone() == ""
}

// append appends the attributes of a change that is plain.
func (c *ServerChange) append(b []byte) []byte {
	b = appendAttr(b, spec.AServerService, c.Service, 0)
	at := len(b)
	b = openNest(b, spec.AServerAddress)
	if addr := c.Address.Addr().Unmap(); addr.Is4() {
		a := addr.As4()
		b = appendAttr(b, spec.AAddressIPv4, a[:])
	} else {
		a := addr.As16()
		b = appendAttr(b, spec.AAddressIPv6, a[:])
	}
	b = appendAttr(b, spec.AAddressPort, []byte{byte(c.Address.Port() >> 8), byte(c.Address.Port())})
	closeNest(b, at)
	if c.Config.Weight != nil && c.Kind != ServerDelete {
		b = appendUint32(b, spec.AServerWeight, *c.Config.Weight)
	}
	return b
}

// ChangeServers makes many changes, in their order. It returns how many were
// made before the one that the error is about; changes behind that one may have
// been made as well, so a transaction is to be aborted then.
func (t *Tx) ChangeServers(ctx context.Context, changes []ServerChange) (int, error) {
	for at := 0; at < len(changes); at += batchSize {
		n, err := t.conn.batch(ctx, changes[at:min(at+batchSize, len(changes))])
		if err != nil {
			return at + n, err
		}
	}
	return len(changes), nil
}

// oneByOne is a batch where there is no socket to send it to.
func (c *conn) oneByOne(ctx context.Context, changes []ServerChange) (int, error) {
	for i := range changes {
		r := changes[i].request()
		if _, _, err := c.execute(ctx, &r); err != nil {
			return i, err
		}
	}
	return len(changes), nil
}

// An errorMessage is what the kernel answers to a request that asks for an
// acknowledgement, or that it refuses.
type errorMessage struct {
	sequence uint32
	errno    uint32
	message  string
	offset   int
}

const (
	headerLen = 16 // of a netlink message

	typeError   = 2      // NLMSG_ERROR
	flagCapped  = 0x100  // NLM_F_CAPPED
	flagTLVs    = 0x200  // NLM_F_ACK_TLVS
	tlvMessage  = 1      // NLMSGERR_ATTR_MSG
	tlvOffset   = 2      // NLMSGERR_ATTR_OFFS
	errorPrefix = 4 + 16 // of the payload: the code and the header it is about
)

// parseErrors finds what a datagram says of requests.
func parseErrors(b []byte) ([]errorMessage, error) {
	var list []errorMessage
	for len(b) > 0 {
		if len(b) < headerLen {
			return nil, errAttribute
		}
		n := int(binary.NativeEndian.Uint32(b))
		if n < headerLen || n > len(b) {
			return nil, fmt.Errorf("the kernel sent a message of length %d in %d bytes", n, len(b))
		}
		msg := b[:n]
		b = b[min((n+3)&^3, len(b)):]
		if binary.NativeEndian.Uint16(msg[4:]) != typeError || n < headerLen+errorPrefix {
			continue
		}
		e := errorMessage{sequence: binary.NativeEndian.Uint32(msg[8:]), errno: -binary.NativeEndian.Uint32(msg[headerLen:])}
		flags, at := binary.NativeEndian.Uint16(msg[6:]), headerLen+errorPrefix
		if e.errno != 0 && flags&flagCapped == 0 {
			at = headerLen + 4 + int((binary.NativeEndian.Uint32(msg[headerLen+4:])+3)&^3)
		}
		if flags&flagTLVs != 0 && at <= n {
			s := scanner{rest: msg[at:]}
			for s.next() {
				switch s.typ {
				case tlvMessage:
					e.message = s.string()
				case tlvOffset:
					e.offset = int(s.uint32())
				}
			}
		}
		list = append(list, e)
	}
	return list, nil
}
