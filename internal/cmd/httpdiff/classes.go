// SPDX-License-Identifier: MIT

// Why parsers differ: every difference found must belong to one of these
// classes, which docs/parser.md explains. A class is more than the name of our
// error: the message itself, read by text.go, must show the reason.

package main

import (
	"net/netip"
	"strings"
)

// difference is one between our reading of a message and another parser's.
type difference struct {
	message
	*text
	where        string
	ours, theirs *reading
}

// class explains differences. From peers it is those of another parser that
// reads such a message otherwise.
type class struct {
	id    string
	peers string
	match func(d *difference) bool
}

func (c *class) of(peer string) bool { return strings.Contains(" "+c.peers+" ", " "+peer+" ") }

// refusedHead is a class of heads that we alone refuse, with one of the errors.
func refusedHead(id, peers, errs string, why func(d *difference) bool) class {
	return class{id, peers, func(d *difference) bool {
		return d.where == onHead && d.ours.head == refused && strings.Contains(" "+errs+" ", " "+d.ours.err+" ") && why(d)
	}}
}

// refusedRequest is the same of requests only.
func refusedRequest(id, peers, errs string, why func(d *difference) bool) class {
	return refusedHead(id, peers, errs, func(d *difference) bool { return !d.response && why(d) })
}

// refusedBody is a class of chunked bodies that we alone refuse.
func refusedBody(id, peers, errs string) class {
	return class{id, peers, func(d *difference) bool {
		if d.where != onBody || d.ours.body != refused || !strings.Contains(" "+errs+" ", " "+d.ours.err+" ") {
			return false
		}
		wrong, _ := d.chunks()
		return wrong == id
	}}
}

var classes = []class{
	// Lines of a head.
	refusedHead("bare-lf", "llhttp go", "bare-lf", func(d *difference) bool { return d.bad == '\n' }),
	refusedHead("bare-cr", "llhttp go", "bare-cr bad-target bad-status-line", func(d *difference) bool { return d.bad == '\r' }),
	refusedHead("nul", "llhttp go", "nul", func(d *difference) bool { return d.bad == 0 }),
	refusedHead("control", "llhttp go", "bad-request-line bad-target bad-version bad-status-line bad-header",
		func(d *difference) bool { return d.otherControl() }),
	refusedHead("obs-fold", "go", "obs-fold", func(d *difference) bool {
		return d.some(func(l string) bool { return strings.HasPrefix(l, " ") || strings.HasPrefix(l, "\t") })
	}),
	refusedHead("space-before-colon", "go", "space-before-colon",
		func(d *difference) bool { return d.someMatch(spaceColon) }),
	refusedHead("header-name", "go", "bad-header", func(d *difference) bool {
		return d.some(func(l string) bool { return !lineForm.MatchString(l) })
	}),
	refusedHead("header-alias", "llhttp go", "bad-header", func(d *difference) bool { return d.someMatch(aliasName) }),

	// The first line.
	refusedRequest("method", "llhttp go", "bad-request-line", func(d *difference) bool {
		m, _, _ := d.requestLine()
		return !token.MatchString(m) || len(m) > 32
	}),
	refusedHead("empty-lines", "llhttp", "bad-request-line bad-status-line", func(d *difference) bool {
		return d.emptyLines > 2 || (d.response && d.emptyLines > 0)
	}),
	refusedRequest("start-line-spaces", "llhttp", "bad-request-line bad-target bad-version", func(d *difference) bool {
		return !threeWords.MatchString(d.start)
	}),
	refusedHead("version", "llhttp go", "version-unsupported bad-version bad-status-line bad-target", func(d *difference) bool {
		_, _, v := d.requestLine()
		if d.response {
			v, _, _ = strings.Cut(d.start, " ")
		}
		return !versionOK.MatchString(v)
	}),
	refusedHead("status-line", "llhttp go", "bad-status-line",
		func(d *difference) bool { return d.response && !statusLine.MatchString(d.start) }),
	refusedRequest("target-bytes", "llhttp go", "bad-target", func(d *difference) bool { return d.targetFault() == "target-bytes" }),
	refusedRequest("target-escape", "llhttp", "bad-target", func(d *difference) bool { return d.targetFault() == "target-escape" }),
	refusedRequest("target-form", "llhttp go", "bad-target", func(d *difference) bool { return d.targetFault() == "target-form" }),
	refusedRequest("target-scheme", "llhttp go", "bad-target", func(d *difference) bool { return d.targetFault() == "target-scheme" }),
	refusedRequest("target-host", "llhttp go", "bad-target", func(d *difference) bool { return d.targetFault() == "target-host" }),

	// What headers say.
	refusedRequest("no-host", "llhttp go", "no-host", func(d *difference) bool { return d.values("host") == nil && strings.HasSuffix(d.start, "HTTP/1.1") }),
	refusedRequest("dup-host", "llhttp", "dup-host", func(d *difference) bool { return len(d.values("host")) > 1 }),
	refusedRequest("host", "llhttp go", "bad-host", func(d *difference) bool {
		return d.anyValue("host", func(v string) bool { return !hostOK(v) })
	}),
	refusedHead("length", "llhttp go", "bad-length", func(d *difference) bool {
		return d.anyValue("content-length", func(v string) bool { return !decimal.MatchString(v) || above63(v) })
	}),
	refusedHead("dup-length", "go", "dup-length", func(d *difference) bool { return len(d.values("content-length")) > 1 }),
	refusedHead("length-and-coding", "go", "length-and-te", func(d *difference) bool {
		return d.values("content-length") != nil && d.values("transfer-encoding") != nil
	}),
	refusedHead("coding-in-1.0", "llhttp go", "bad-te", func(d *difference) bool {
		return d.values("transfer-encoding") != nil && strings.Contains(d.start, "HTTP/1.0")
	}),
	refusedHead("coding-list", "llhttp", "bad-te", func(d *difference) bool {
		n := 0
		for _, v := range d.values("transfer-encoding") {
			for _, e := range list(v) {
				if n++; strings.EqualFold(e, "chunked") {
					n++
				}
			}
		}
		return n > 2
	}),
	refusedHead("coding-syntax", "llhttp go", "bad-te", func(d *difference) bool {
		return d.anyValue("transfer-encoding", func(v string) bool { return !codingList.MatchString(v) || hasTab(v) })
	}),
	refusedHead("unknown-coding", "llhttp", "unknown-te", func(d *difference) bool {
		return d.anyValue("transfer-encoding", func(v string) bool { return !strings.EqualFold(strings.Trim(v, " "), "chunked") })
	}),
	refusedHead("connection", "llhttp go", "bad-connection", func(d *difference) bool {
		return d.anyValue("connection", func(v string) bool {
			for _, e := range list(v) {
				name := strings.ReplaceAll(strings.ToLower(e), "_", "-")
				if !token.MatchString(e) || name == "host" || name == "content-length" || name == "transfer-encoding" {
					return true
				}
			}
			return len(list(v)) > 32
		})
	}),
	refusedRequest("connect-body", "llhttp go", "connect-body", func(d *difference) bool {
		return strings.HasPrefix(d.start, "CONNECT ") && (d.values("content-length") != nil || d.values("transfer-encoding") != nil)
	}),
	refusedHead("limits", "llhttp go", "head-too-large too-many-headers uri-too-long", func(d *difference) bool {
		_, target, _ := d.requestLine()
		return len(d.bytes) >= 16384 || len(d.lines) > 100 || len(target) > 8192
	}),

	// Chunked bodies.
	refusedBody("chunk-line", "go", "bad-chunk"),
	refusedBody("chunk-size", "llhttp go", "bad-chunk"),
	refusedBody("chunk-ext-limit", "llhttp go", "chunk-ext-too-large"),
	refusedBody("trailer-name", "llhttp go", "bad-trailer"),
	refusedBody("trailer-syntax", "go", "bad-trailer"),
	refusedBody("trailer-limit", "llhttp go", "trailer-too-large"),

	// What we accept and another does not.
	{"other-method", "llhttp", func(d *difference) bool {
		return d.where == onHead && d.ours.head == accepted && !d.response && !knownMethod[d.ours.method] &&
			(d.theirs.err == "HPE_INVALID_METHOD" || d.theirs.err == "HPE_INVALID_VERSION" || d.theirs.head == incomplete && d.maybePreface())
	}},
	{"leading-empty-line", "go", func(d *difference) bool {
		return d.where == onHead && d.ours.head == accepted && d.emptyLines > 0
	}},
	{"trailer-announced", "go", func(d *difference) bool {
		return d.where == onHead && d.ours.head == accepted && d.anyValue("trailer", func(v string) bool {
			for _, e := range list(v) {
				switch strings.ToLower(e) {
				case "content-length", "transfer-encoding", "trailer":
					return true
				}
			}
			return false
		})
	}},
	{"trailer-buffer", "go", func(d *difference) bool {
		return d.where == onBody && d.ours.body == accepted && d.ours.framing == chunked && len(d.body) > 4000 &&
			strings.Contains(d.theirs.err, "trailer")
	}},
	{"chunk-extension", "llhttp", func(d *difference) bool {
		_, odd := d.chunks()
		return d.where == onBody && d.ours.body == accepted && odd
	}},

	// What both accept and read differently.
	{"switched", "llhttp go", func(d *difference) bool {
		return d.where == onFraming && d.response && d.ours.framing == tunnel && d.ours.status == 101
	}},
	{"bodiless-status", "llhttp", func(d *difference) bool {
		return d.where == onFraming && d.response && d.ours.framing == none &&
			(d.ours.status < 200 || d.ours.status == 204 || d.ours.status == 304)
	}},
	{"connect-answer", "go", func(d *difference) bool {
		return d.where == onFraming && d.response && d.ours.framing == tunnel && d.method == "CONNECT"
	}},
}

// knownMethod are those of RFC 9110 and RFC 5789; everybody knows them.
var knownMethod = map[string]bool{"GET": true, "HEAD": true, "POST": true, "PUT": true, "DELETE": true,
	"CONNECT": true, "OPTIONS": true, "TRACE": true, "PATCH": true}

// maybePreface tells whether what begins with PRI might still become the preface
// of HTTP/2, for whose end llhttp waits, whatever target and version were.
func (d *difference) maybePreface() bool {
	return strings.HasPrefix(d.start, "PRI ") && d.lines == nil && strings.HasPrefix("SM\r\n\r\n", d.body)
}

// targetFault names the class of a target that we refuse.
func (d *difference) targetFault() string {
	method, target, _ := d.requestLine()
	abs := absolute.FindStringSubmatch(target)
	switch {
	case method == "CONNECT":
		if !hostOK(target) || !strings.Contains(target[strings.LastIndexByte(target, ']')+1:], ":") || strings.HasSuffix(target, ":") {
			return "target-form"
		}
		return ""
	case target == "*":
		if method != "OPTIONS" {
			return "target-form"
		}
		return ""
	case strings.HasPrefix(target, "/"):
		return pathFault(target)
	case abs != nil && !hostOK(abs[1]):
		return "target-host"
	case abs != nil:
		return pathFault("/" + strings.TrimPrefix(abs[2], "/"))
	case scheme.MatchString(target):
		return "target-scheme"
	}
	return "target-form"
}

func pathFault(path string) string {
	switch {
	case !origBytes.MatchString(path):
		return "target-bytes"
	case !origin.MatchString(path):
		return "target-escape"
	}
	return ""
}

func ipv6OK(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is6()
}

// explain returns the class of a difference, nil if there is none.
func explain(d *difference, peer string) *class {
	for i := range classes {
		if classes[i].of(peer) && classes[i].match(d) {
			return &classes[i]
		}
	}
	return nil
}
