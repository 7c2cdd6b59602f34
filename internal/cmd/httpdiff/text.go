// SPDX-License-Identifier: MIT

// What stands in a message, found without any of the parsers: the features by
// which a difference between them is explained. Only CRLF ends a line here; the
// walk stops at the first other control character.

package main

import (
	"math/big"
	"regexp"
	"strings"
)

type text struct {
	emptyLines int
	start      string
	lines      []string // header lines, the last one perhaps cut short
	bad        int      // the control character that stopped the walk, or -1
	body       string   // behind the empty line
}

func walk(b []byte) *text {
	t := &text{bad: -1}
	rest, started := string(b), false
	for {
		line, after, how := cutLine(rest)
		switch {
		case how != lineEnds && !started:
			t.start, t.bad = line, how
			return t
		case how != lineEnds:
			t.lines, t.bad = append(t.lines, line), how
			return t
		case !started && line == "":
			t.emptyLines++
		case !started:
			t.start, started = line, true
		case line == "":
			t.body = after
			return t
		default:
			t.lines = append(t.lines, line)
		}
		rest = after
	}
}

const (
	lineOpen = -1 // no end of it was seen
	lineEnds = -2
)

// cutLine cuts at the first CRLF. how is lineEnds, lineOpen or the control
// character before any CRLF.
func cutLine(s string) (line, after string, how int) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\r' && i+1 < len(s) && s[i+1] == '\n' {
			return s[:i], s[i+2:], lineEnds
		}
		if (c < ' ' && c != '\t') || c == 0x7f {
			return s[:i], "", int(c)
		}
	}
	return s, "", lineOpen
}

// otherControl tells of a control character that has no class of its own.
func (t *text) otherControl() bool {
	return t.bad > 0 && t.bad != '\n' && t.bad != '\r'
}

// some tells whether f holds for a header line.
func (t *text) some(f func(line string) bool) bool {
	for _, l := range t.lines {
		if f(l) {
			return true
		}
	}
	return false
}

func (t *text) someMatch(re *regexp.Regexp) bool { return t.some(re.MatchString) }

// values are those of the lines with that name, as they stand behind the colon.
func (t *text) values(name string) (all []string) {
	for _, l := range t.lines {
		if n, v, ok := strings.Cut(l, ":"); ok && strings.EqualFold(n, name) {
			all = append(all, v)
		}
	}
	return all
}

func (t *text) anyValue(name string, f func(v string) bool) bool {
	for _, v := range t.values(name) {
		if f(v) {
			return true
		}
	}
	return false
}

// requestLine cuts the first line at its first and its last space.
func (t *text) requestLine() (method, target, version string) {
	method, rest, _ := strings.Cut(t.start, " ")
	i := strings.LastIndexByte(rest, ' ')
	if i < 0 {
		return method, rest, ""
	}
	return method, rest[:i], rest[i+1:]
}

const (
	tokenSet = "!#$%&'*+.^_`|~0-9A-Za-z-"
	pathSet  = `!$&'()*+,./:;=@A-Za-z0-9\[\]^_{|}~-`
	querySet = "%?\\\\`" + pathSet
	hostSet  = `!$&'()*+.;=_~0-9A-Za-z-`
)

var (
	token      = regexp.MustCompile("^[" + tokenSet + "]+$")
	lineForm   = regexp.MustCompile("^[" + tokenSet + "]+:")
	spaceColon = regexp.MustCompile("^[" + tokenSet + "]+[ \t]")
	aliasName  = regexp.MustCompile(`(?i)^(content_length|transfer_encoding):`)

	threeWords = regexp.MustCompile("^[^ \t]+ [^ \t]+ [^ \t]+$")
	origin     = regexp.MustCompile(`^/([` + pathSet + `]|%[0-9A-Fa-f]{2})*(\?[` + querySet + `]*)?$`)
	origBytes  = regexp.MustCompile(`^/[%` + pathSet + `]*(\?[` + querySet + `]*)?$`)
	absolute   = regexp.MustCompile(`^(?i:http)://([^/?]*)((?:/.*|\?.*)?)$`)
	scheme     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:`)
	versionOK  = regexp.MustCompile(`^HTTP/1\.[01]$`)
	statusLine = regexp.MustCompile(`^HTTP/\d\.\d [1-9]\d\d( .*)?$`)

	decimal    = regexp.MustCompile(`^ *[0-9]+ *$`)
	codingList = regexp.MustCompile("^ *[" + tokenSet + "]+([ \t]*,[ \t]*[" + tokenSet + "]+)* *$")
	hostForm   = regexp.MustCompile(`^ *([` + hostSet + `]+|\[[0-9A-Fa-f:.]+\])(:([0-9]*))? *$`)

	chunkLine = regexp.MustCompile(`^[0-9A-Fa-f]+(;.*)?$`)
	// RFC 9112 7.1.1, but for the white space that is bad anyway.
	extension = regexp.MustCompile("^[0-9A-Fa-f]+(;[" + tokenSet + "]+(=([" + tokenSet + `]+|"([^"\\]|\\.)*"))?)*$`)
)

// hostOK is our rule for Host, and for the host of a target.
func hostOK(v string) bool {
	m := hostForm.FindStringSubmatch(v)
	if m == nil || len(strings.Trim(v, " ")) > 260 {
		return false
	}
	if strings.HasPrefix(m[1], "[") && !ipv6OK(m[1][1:len(m[1])-1]) {
		return false
	}
	port := strings.TrimLeft(m[3], "0")
	return len(m[3]) <= 5 && (m[3] == "" || port != "") && (len(port) < 5 || (len(port) == 5 && port <= "65535"))
}

// above63 tells of a number of more than 63 bits.
func above63(v string) bool {
	n, ok := new(big.Int).SetString(strings.Trim(v, " "), 10)
	return ok && n.BitLen() > 63
}

func hasTab(v string) bool {
	return strings.HasPrefix(strings.TrimLeft(v, " "), "\t") || strings.HasSuffix(strings.TrimRight(v, " "), "\t")
}

// list is the elements of a header's value.
func list(v string) (all []string) {
	for _, e := range strings.Split(v, ",") {
		if e = strings.Trim(e, " \t"); e != "" {
			all = append(all, e)
		}
	}
	return all
}

// chunks walks over a chunked body and tells what is wrong with it, as the name
// of a class; ext is whether an extension is not of the standard's form.
func (t *text) chunks() (wrong string, ext bool) {
	rest, extTotal := t.body, 0
	for {
		line, after, how := cutLine(rest)
		if how == lineOpen {
			return "", ext
		}
		if i := strings.IndexByte(line, ';'); i >= 0 {
			extTotal += len(line) - i
			if len(line)-i > 1024 || extTotal > 16384 {
				return "chunk-ext-limit", ext
			}
			ext = ext || (how == lineEnds && !extension.MatchString(line))
		}
		if how != lineEnds {
			return "chunk-line", ext
		}
		if !chunkLine.MatchString(line) {
			return "chunk-size", ext
		}
		digits, _, _ := strings.Cut(line, ";")
		size, _ := new(big.Int).SetString(digits, 16)
		if len(digits) > 16 || size.BitLen() > 63 {
			return "chunk-size", ext
		}
		if size.Sign() == 0 {
			return trailerFault(after), ext
		}
		if !size.IsInt64() || size.Int64() > int64(len(after)) {
			return "", ext
		}
		rest = after[size.Int64():]
		if len(rest) >= 1 && rest[0] != '\r' || len(rest) >= 2 && rest[1] != '\n' {
			return "chunk-end", ext
		}
		if len(rest) < 2 {
			return "", ext
		}
		rest = rest[2:]
	}
}

// trailerNames may not stand in a trailer: they frame, route, authenticate or
// name the client.
var trailerNames = map[string]bool{"host": true, "content-length": true, "transfer-encoding": true, "connection": true,
	"keep-alive": true, "proxy-connection": true, "te": true, "trailer": true, "upgrade": true, "http2-settings": true,
	"expect": true, "forwarded": true, "cookie": true, "set-cookie": true, "authorization": true,
	"proxy-authorization": true, "content-type": true, "content-encoding": true, "content-range": true}

func trailerFault(s string) string {
	total := len(s)
	for n := 1; ; n++ {
		line, after, how := cutLine(s)
		name, _, colon := strings.Cut(line, ":")
		plain := strings.ToLower(strings.ReplaceAll(name, "_", "-"))
		switch {
		case how == lineEnds && line == "" && total-len(after) <= 8192:
			return ""
		case n > 128 || total-len(after) > 8192:
			return "trailer-limit"
		case how != lineEnds && how != lineOpen:
			return "trailer-syntax"
		case strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t"):
			return "trailer-syntax"
		case colon && token.MatchString(name) && (trailerNames[strings.ToLower(name)] || strings.HasPrefix(plain, "x-forwarded-") ||
			plain == "content-length" || plain == "transfer-encoding"):
			return "trailer-name"
		case how == lineEnds && !lineForm.MatchString(line), line != "" && !strings.Contains(line, ":") && !token.MatchString(line):
			return "trailer-syntax"
		case how == lineOpen:
			return ""
		}
		s = after
	}
}
