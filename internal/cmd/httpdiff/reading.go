// SPDX-License-Identifier: MIT

// What a parser made of a message, and the programs that tell it. The form on
// the wire is described in module/tests/peer.h.

package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// message is what all parsers are given.
type message struct {
	response bool
	// method is the one of the request that a response answers.
	method string
	bytes  []byte
}

// methods by their number in enum tcpvs_http_method.
var methods = map[string]byte{"": 0, "GET": 1, "HEAD": 2, "POST": 3, "CONNECT": 8}

type verdict byte

const (
	incomplete verdict = iota
	refused
	accepted
)

func (v verdict) String() string { return [...]string{"incomplete", "refused", "accepted"}[v] }

type framing byte

const (
	none framing = iota
	length
	chunked
	untilClose
	tunnel
)

func (f framing) String() string {
	return [...]string{"none", "length", "chunked", "close", "tunnel"}[f]
}

type field struct{ name, value string }

// reading is what one parser made of one message. Everything but head and err
// means something only of an accepted head; body of one whose body is framed.
type reading struct {
	head, body verdict
	framing    framing
	minor      int
	status     int
	consumed   int
	length     int64
	bodyLen    int64
	bodyHash   uint64
	err        string
	method     string
	target     string
	reason     string
	fields     []field
}

func (r *reading) String() string {
	if r.head != accepted {
		return fmt.Sprintf("head %s %s", r.head, r.err)
	}
	s := fmt.Sprintf("head accepted: %q %q 1.%d %d %q, body %s (%d) %s %s, %d bytes of data, %d of message",
		r.method, r.target, r.minor, r.status, r.reason, r.framing, r.length, r.body, r.err, r.bodyLen, r.consumed)
	for _, f := range r.fields {
		s += fmt.Sprintf("\n\t%q: %q", f.name, f.value)
	}
	return s
}

// peer is a program that reads messages.
type peer struct {
	name string
	cmd  *exec.Cmd
	in   *bufio.Writer
	pipe io.WriteCloser
	out  *bufio.Reader
}

func startPeer(name, path string) (*peer, error) {
	cmd := exec.Command(path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w (make -C module/tests peers builds it)", err)
	}
	return &peer{name, cmd, bufio.NewWriterSize(in, 1<<16), in, bufio.NewReaderSize(out, 1<<16)}, nil
}

func (p *peer) close() error {
	if err := p.pipe.Close(); err != nil {
		return err
	}
	return p.cmd.Wait()
}

// readAll has the program read the messages, in their order.
func (p *peer) readAll(msgs []message) ([]reading, error) {
	sent := make(chan error, 1)
	go func() { sent <- p.send(msgs) }()
	all := make([]reading, len(msgs))
	for i := range all {
		if err := p.receive(&all[i]); err != nil {
			return nil, fmt.Errorf("%s, message %d of the batch: %w", p.name, i, err)
		}
	}
	return all, <-sent
}

func (p *peer) send(msgs []message) error {
	for _, m := range msgs {
		head := binary.LittleEndian.AppendUint32(nil, uint32(len(m.bytes)))
		kind := byte(0)
		if m.response {
			kind = 1
		}
		head = append(head, kind, methods[m.method])
		if _, err := p.in.Write(append(head, m.bytes...)); err != nil {
			return err
		}
	}
	return p.in.Flush()
}

func (p *peer) receive(r *reading) error {
	var size [4]byte
	if _, err := io.ReadFull(p.out, size[:]); err != nil {
		return err
	}
	b := make([]byte, binary.LittleEndian.Uint32(size[:]))
	if _, err := io.ReadFull(p.out, b); err != nil {
		return err
	}
	return r.decode(b)
}

func (r *reading) decode(b []byte) error {
	const fixed = 40
	if len(b) < fixed {
		return io.ErrUnexpectedEOF
	}
	r.head, r.body, r.framing, r.minor = verdict(b[0]), verdict(b[1]), framing(b[2]), int(b[3])
	r.status = int(binary.LittleEndian.Uint16(b[4:]))
	lines := int(binary.LittleEndian.Uint16(b[6:]))
	r.consumed = int(binary.LittleEndian.Uint64(b[8:]))
	r.length = int64(binary.LittleEndian.Uint64(b[16:]))
	r.bodyLen = int64(binary.LittleEndian.Uint64(b[24:]))
	r.bodyHash = binary.LittleEndian.Uint64(b[32:])
	b = b[fixed:]
	text := func() string {
		if len(b) < 4 {
			b = nil
			return ""
		}
		n := binary.LittleEndian.Uint32(b)
		if uint32(len(b)-4) < n {
			b = nil
			return ""
		}
		s := string(b[4 : 4+n])
		b = b[4+n:]
		return s
	}
	r.err, r.method, r.target, r.reason = text(), text(), text(), text()
	for range lines {
		name := text()
		r.fields = append(r.fields, field{name, text()})
	}
	if b == nil || len(b) != 0 {
		return fmt.Errorf("a reading of the wrong length")
	}
	return nil
}
