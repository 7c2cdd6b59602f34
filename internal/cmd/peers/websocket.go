// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// As much of RFC 6455 as two programs need that mean well.

const (
	opText   = 1
	opBinary = 2
	opClose  = 8
	opPing   = 9
	opPong   = 10
)

// frame is one of the WebSocket protocol, unmasked.
type frame struct {
	opcode  byte
	fin     bool
	payload []byte
}

// accepted is the server's answer to a key.
func accepted(key string) string {
	h := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(h[:])
}

// acceptKey returns the answer to an upgrade's key, if it is one.
func acceptKey(r *http.Request) (string, error) {
	key := r.Header.Get("Sec-WebSocket-Key")
	nonce, err := base64.StdEncoding.DecodeString(key)
	switch {
	case !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") ||
		!strings.EqualFold(r.Header.Get("Connection"), "upgrade"):
		return "", errors.New("no upgrade to websocket")
	case r.Header.Get("Sec-WebSocket-Version") != "13" || err != nil || len(nonce) != 16:
		return "", errors.New("no handshake of version 13")
	}
	return accepted(key), nil
}

// write sends the frame in one piece; clients mask theirs.
func (f frame) write(w io.Writer, mask bool) error {
	b := []byte{f.opcode, 0}
	if f.fin {
		b[0] |= 0x80
	}
	switch n := len(f.payload); {
	case n < 126:
		b[1] = byte(n)
	case n < 1<<16:
		b[1] = 126
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	default:
		b[1] = 127
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	start := len(b)
	b = append(b, f.payload...)
	if mask {
		key := make([]byte, 4)
		rand.Read(key)
		b[1] |= 0x80
		xor(b[start:], key)
		b = append(b[:start], append(key, b[start:]...)...)
	}
	_, err := w.Write(b)
	return err
}

// readFrame reads one from a peer that must mask, or must not. At the end of
// the stream between two frames the error is io.EOF, else ErrUnexpectedEOF.
func readFrame(r *bufio.Reader, masked bool) (f frame, err error) {
	b := make([]byte, 8)
	if _, err = io.ReadFull(r, b[:2]); err != nil {
		return f, err
	}
	f.opcode, f.fin = b[0]&0x0f, b[0]&0x80 != 0
	if b[1]&0x80 != 0 != masked {
		return f, errMask
	}
	// The length is in the byte, or in the 2 or 8 that follow.
	n := uint64(b[1] & 0x7f)
	more := map[uint64]int{126: 2, 127: 8}[n]
	key := make([]byte, 4)
	if more > 0 {
		clear(b)
		if _, err = io.ReadFull(r, b[8-more:]); err != nil {
			return f, inside(err)
		}
		n = binary.BigEndian.Uint64(b)
	}
	if n > 16<<20 {
		return f, fmt.Errorf("a frame of %d bytes", n)
	}
	if masked {
		if _, err = io.ReadFull(r, key); err != nil {
			return f, inside(err)
		}
	}
	f.payload = make([]byte, n)
	if _, err = io.ReadFull(r, f.payload); err != nil {
		return f, inside(err)
	}
	if masked {
		xor(f.payload, key)
	}
	return f, nil
}

func inside(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func xor(b, key []byte) {
	for i := range b {
		b[i] ^= key[i%4]
	}
}

// upgrade opens a WebSocket to target.
func (p *peer) upgrade(target string) (*raw, error) {
	c, err := p.dial()
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, 16)
	rand.Read(nonce)
	key := base64.StdEncoding.EncodeToString(nonce)
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: peers\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", target, key)
	// Not by response(): a 101 has no end.
	a, err := http.ReadResponse(c.r, nil)
	if err == nil && (a.StatusCode != 101 || a.Header.Get("Sec-WebSocket-Accept") != accepted(key)) {
		err = fmt.Errorf("status %d and %q to the key %s", a.StatusCode, a.Header.Get("Sec-WebSocket-Accept"), key)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}
