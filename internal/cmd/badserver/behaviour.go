// SPDX-License-Identifier: MIT

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/ktcpvs/ktcpvs/internal/traffic"
)

// behaviour is one way to answer. Exactly one function is set: onAccept acts on
// the bare connection, onRequest after a head was read; the latter returns
// whether the connection may carry another request.
type behaviour struct {
	name, doc string
	onAccept  func(s *server, c *net.TCPConn, a arguments)
	onRequest func(q *request) bool
}

// pad is a body of n bytes.
func pad(n int64) string {
	const line = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-\n"
	return strings.Repeat(line, int(n/int64(len(line)))+1)[:n]
}

const okHead = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"

// sized is a head that promises n bytes.
func sized(n int64) string { return okHead + "Content-Length: " + itoa(n) + "\r\n\r\n" }

const chunkedHead = okHead + "Transfer-Encoding: chunked\r\n\r\n"

var behaviours []behaviour

// The table refers to functions that refer to it (/count lists, find looks up),
// hence the assignment in init.
func init() {
	behaviours = []behaviour{
		// Before a request.
		{name: "mute", doc: "accept, read nothing, answer nothing [ms=600000]",
			onAccept: func(_ *server, _ *net.TCPConn, a arguments) { time.Sleep(a.ms("ms", 600000)) }},
		{name: "sink", doc: "read everything, answer nothing, until the peer closes",
			onAccept: func(_ *server, c *net.TCPConn, _ arguments) { io.Copy(io.Discard, c) }},
		{name: "slam", doc: "close at once",
			onAccept: func(_ *server, c *net.TCPConn, _ arguments) { c.Close() }},
		{name: "slam-reset", doc: "reset at once",
			onAccept: func(_ *server, c *net.TCPConn, _ arguments) { traffic.Reset(c) }},
		{name: "blurt", doc: "answer before anything was asked, then close",
			onAccept: func(_ *server, c *net.TCPConn, _ arguments) { io.WriteString(c, sized(6)+"blurt\n") }},
		{name: "mirror", doc: "echo every byte, half close when the peer does",
			onAccept: func(_ *server, c *net.TCPConn, _ arguments) { io.Copy(c, c); c.CloseWrite() }},

		// Right answers.
		{name: "ok", doc: "a right answer [size=3]", onRequest: func(q *request) bool {
			if n := q.args.num("size", -1); n >= 0 {
				return q.answer("200 OK", pad(n))
			}
			return q.answer("200 OK", "ok\n")
		}},
		{name: "echo", doc: "answer with the request head as it came", onRequest: func(q *request) bool {
			return q.answer("200 OK", q.head)
		}},
		{name: "body", doc: "answer with the request body as it came", onRequest: body},
		{name: "count", doc: "answer with what was counted, this request included; zero=1 zeroes it afterwards", onRequest: count},
		{name: "status", doc: "answer with a status [code=404]; 204 and 304 without a body", onRequest: status},
		{name: "delay", doc: "answer late [ms=1000]", onRequest: func(q *request) bool {
			time.Sleep(q.args.ms("ms", 1000))
			return q.answer("200 OK", "late\n")
		}},
		{name: "delay-body", doc: "head at once, body late [ms=1000]", onRequest: func(q *request) bool {
			if !q.raw(sized(5)) {
				return false
			}
			time.Sleep(q.args.ms("ms", 1000))
			return q.raw("late\n")
		}},
		{name: "dribble", doc: "one byte a segment [size=100, ms=1]", onRequest: dribble},
		{name: "chunked", doc: "chunks of random size [size=10000], a trailer field", onRequest: chunkedBody},
		{name: "http10", doc: "HTTP/1.0, the body ends with the connection [size=1000]", onRequest: func(q *request) bool {
			q.readBody(nil)
			q.raw("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n" + pad(q.args.num("size", 1000)))
			return false
		}},
		{name: "until-close", doc: "HTTP/1.1, the body ends with the connection [size=1000]", onRequest: func(q *request) bool {
			q.readBody(nil)
			q.raw(okHead + "Connection: close\r\n\r\n" + pad(q.args.num("size", 1000)))
			return false
		}},
		{name: "continue", doc: "100 Continue, then the body is read and its size told", onRequest: func(q *request) bool {
			if !q.raw("HTTP/1.1 100 Continue\r\n\r\n") {
				return false
			}
			n, err := q.readBody(nil)
			return err == nil && q.respond("200 OK", itoa(n)+"\n")
		}},
		{name: "no-continue", doc: "a final answer to Expect: 100-continue [code=417], the body unread, then close", onRequest: func(q *request) bool {
			q.close = true
			q.respond(itoa(q.args.num("code", 417))+" Expectation Failed", "no\n")
			return lingering(q)
		}},
		{name: "interim", doc: "interim responses 103 before the answer [n=3]", onRequest: func(q *request) bool {
			for i := range q.args.num("n", 3) {
				if !q.raw("HTTP/1.1 103 Early Hints\r\nLink: </" + itoa(i) + ".css>; rel=preload\r\n\r\n") {
					return false
				}
			}
			return q.answer("200 OK", "ok\n")
		}},
		{name: "early", doc: "answer before the body was read [code=413], read on for ms=1000, then close", onRequest: func(q *request) bool {
			q.close = true
			q.respond(itoa(q.args.num("code", 413))+" Early", "early\n")
			return lingering(q)
		}},
		{name: "early-reset", doc: "answer before the body was read, then close with unread data (a reset)", onRequest: func(q *request) bool {
			q.close = true
			return q.respond("413 Early", "early\n") && false
		}},
		{name: "upgrade", doc: "101, then echo every byte [to=echo, the protocol it says]", onRequest: func(q *request) bool {
			if q.raw("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + q.args.str("to", "echo") + "\r\n\r\n") {
				q.conn.SetDeadline(time.Time{})
				io.Copy(q.conn, q.r)
				q.conn.CloseWrite()
			}
			return false
		}},
		{name: "tunnel", doc: "200 to CONNECT, then echo every byte", onRequest: func(q *request) bool {
			if q.method != "CONNECT" {
				return q.answer("405 Method Not Allowed", "CONNECT only\n")
			}
			if q.raw("HTTP/1.1 200 Connected\r\n\r\n") {
				q.conn.SetDeadline(time.Time{})
				io.Copy(q.conn, q.r)
				q.conn.CloseWrite()
			}
			return false
		}},
		{name: "peer", doc: "answer with the peer's address and port: which connection it is", onRequest: func(q *request) bool {
			return q.answer("200 OK", q.conn.RemoteAddr().String()+"\n")
		}},
		{name: "ntlm", doc: "401 and WWW-Authenticate: NTLM, unless the request proves itself; answers with the peer's address and port", onRequest: func(q *request) bool {
			if strings.Contains(q.head, "\r\nAuthorization: NTLM ") {
				return q.answer("200 OK", q.conn.RemoteAddr().String()+"\n")
			}
			q.readBody(nil)
			return q.respond("401 Unauthorized", q.conn.RemoteAddr().String()+"\n", "WWW-Authenticate: NTLM")
		}},
		{name: "stale", doc: "a right kept-alive answer, then close the idle connection [ms=0]; hard=1 resets", onRequest: func(q *request) bool {
			if q.answer("200 OK", "ok\n") {
				time.Sleep(q.args.ms("ms", 0))
			}
			if q.args.num("hard", 0) == 1 {
				traffic.Reset(q.conn)
			}
			return false
		}},

		// Broken ones.
		{name: "never", doc: "read the request, answer nothing [ms=600000]", onRequest: func(q *request) bool {
			q.readBody(nil)
			time.Sleep(q.args.ms("ms", 600000))
			return false
		}},
		{name: "close", doc: "close without an answer", onRequest: func(q *request) bool {
			q.readBody(nil)
			return false
		}},
		{name: "reset", doc: "reset without an answer", onRequest: func(q *request) bool { return reset(q) }},
		{name: "half-head", doc: "close in the midst of the head", onRequest: func(q *request) bool {
			q.readBody(nil)
			q.raw("HTTP/1.1 200 OK\r\nContent-Le")
			return false
		}},
		{name: "head-only", doc: "close after a head that promises a body [size=1000]", onRequest: func(q *request) bool {
			q.readBody(nil)
			q.raw(sized(q.args.num("size", 1000)))
			return false
		}},
		{name: "short", doc: "a body shorter than promised [size=1000, sent=500]; hard=1 resets", onRequest: func(q *request) bool {
			q.readBody(nil)
			q.raw(sized(q.args.num("size", 1000)) + pad(q.args.num("sent", 500)))
			if q.args.num("hard", 0) == 1 {
				time.Sleep(50 * time.Millisecond) // a reset overtakes and destroys data
				return reset(q)
			}
			return false
		}},
		{name: "stuck", doc: "a body that stops in its midst, the connection open [size=1000, sent=500, ms=600000]", onRequest: func(q *request) bool {
			q.readBody(nil)
			q.raw(sized(q.args.num("size", 1000)) + pad(q.args.num("sent", 500)))
			time.Sleep(q.args.ms("ms", 600000))
			return false
		}},
		{name: "long", doc: "more bytes than promised [size=100, extra=100], the connection open", onRequest: func(q *request) bool {
			q.readBody(nil)
			n := q.args.num("size", 100)
			return q.raw(sized(n) + pad(n) + pad(q.args.num("extra", 100)))
		}},
		{name: "twice", doc: "two answers to one request", onRequest: func(q *request) bool {
			q.readBody(nil)
			return q.raw(sized(4) + "one\n" + sized(4) + "two\n")
		}},
		{name: "garbage", doc: "no HTTP at all", onRequest: broken("\x16\x03\x01 what is this\r\n\r\n")},
		{name: "bad-status", doc: "a status line with a bad code", onRequest: broken("HTTP/1.1 2OO OK\r\nContent-Length: 0\r\n\r\n")},
		{name: "bad-version", doc: "HTTP/3.7", onRequest: broken("HTTP/3.7 200 OK\r\nContent-Length: 0\r\n\r\n")},
		{name: "bad-field", doc: "a header line without a colon", onRequest: broken("HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 0\r\n\r\n")},
		{name: "bad-length", doc: "a Content-Length that is no number", onRequest: broken("HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n0123456789")},
		{name: "two-lengths", doc: "two different Content-Lengths", onRequest: broken("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde")},
		{name: "length-chunked", doc: "Content-Length and Transfer-Encoding together", onRequest: broken("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")},
		{name: "bad-chunk", doc: "a chunk size that is no number, after a right chunk", onRequest: broken(chunkedHead + "3\r\nabc\r\nxyz\r\n")},
		{name: "short-chunk", doc: "close in the midst of a chunk", onRequest: broken(chunkedHead + "3\r\nabc\r\n64\r\nabc")},
		{name: "no-last-chunk", doc: "close before the last chunk", onRequest: broken(chunkedHead + "3\r\nabc\r\n")},
		{name: "unasked-switch", doc: "101 to a request without Upgrade", onRequest: broken("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")},
		{name: "big-head", doc: "a head of many bytes [size=64K]", onRequest: func(q *request) bool {
			q.readBody(nil)
			head := strings.Builder{}
			for i := int64(0); int64(head.Len()) < q.args.num("size", 64<<10); i++ {
				head.WriteString("X-Big-" + itoa(i) + ": " + strings.Repeat("x", 1000) + "\r\n")
			}
			return q.raw(okHead + head.String() + "Content-Length: 3\r\n\r\nok\n")
		}},
		{name: "endless", doc: "a body without end [framing=chunked|close|length]", onRequest: endless},
	}
}

// broken sends bytes and closes.
func broken(bytes string) func(q *request) bool {
	return func(q *request) bool {
		q.readBody(nil)
		q.raw(bytes)
		return false
	}
}

func reset(q *request) bool {
	traffic.Reset(q.conn)
	return false
}

// lingering reads on for a while, so that closing does not reset the answer.
func lingering(q *request) bool {
	q.conn.CloseWrite()
	q.conn.SetReadDeadline(time.Now().Add(q.args.ms("ms", 1000)))
	n, _ := io.Copy(io.Discard, q.r)
	q.bodyBytes.Add(n)
	return false
}

func body(q *request) bool {
	if q.expect && !q.raw("HTTP/1.1 100 Continue\r\n\r\n") {
		return false
	}
	var b strings.Builder
	if _, err := q.readBody(&b); err != nil {
		return false
	}
	return q.respond("200 OK", b.String())
}

func count(q *request) bool {
	b, err := json.Marshal(q.summary())
	if err != nil || !q.answer("200 OK", string(b)+"\n") {
		return false
	}
	if q.args.num("zero", 0) == 1 {
		q.zero()
	}
	return true
}

func status(q *request) bool {
	code := q.args.num("code", 404)
	if code == 204 || code == 304 {
		if _, err := q.readBody(nil); err != nil {
			return false
		}
		return q.raw(fmt.Sprintf("HTTP/1.1 %d No Body\r\nX-Server: %s\r\n\r\n", code, q.name))
	}
	return q.answer(itoa(code)+" As Asked", "status "+itoa(code)+"\n")
}

func dribble(q *request) bool {
	q.readBody(nil)
	n, pause := q.args.num("size", 100), q.args.ms("ms", 1)
	all := sized(n) + pad(n)
	for i := range len(all) {
		if !q.raw(all[i : i+1]) {
			return false
		}
		time.Sleep(pause)
	}
	return true
}

func chunkedBody(q *request) bool {
	q.readBody(nil)
	rest, rng := pad(q.args.num("size", 10000)), traffic.NewRand(1)
	var b strings.Builder
	b.WriteString(okHead + "Transfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n")
	for len(rest) > 0 {
		n := min(len(rest), rng.LogUniform(8192))
		fmt.Fprintf(&b, "%x;ext=1\r\n%s\r\n", n, rest[:n])
		rest = rest[n:]
	}
	return q.raw(b.String() + "0\r\nX-End: yes\r\n\r\n")
}

func endless(q *request) bool {
	q.readBody(nil)
	block, head := pad(16<<10), chunkedHead
	switch q.args.str("framing", "chunked") {
	case "close":
		head = okHead + "Connection: close\r\n\r\n"
	case "length":
		head = sized(1 << 50)
	default:
		block = fmt.Sprintf("%x\r\n%s\r\n", len(block), block)
	}
	for ok := q.raw(head); ok; ok = q.raw(block) {
		q.conn.SetWriteDeadline(time.Now().Add(q.idle))
	}
	return false
}
