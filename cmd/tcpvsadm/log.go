// SPDX-License-Identifier: MIT

// log: requests as they end. The kernel keeps nothing, so there is nothing to print
// but what comes; -f says so to those whose fingers say it anyway.
//
// What clients have sent is not to be trusted: before anything of it is printed,
// quotes, backslashes and everything that is not printable ASCII are escaped, so that
// neither a terminal nor a parser of lines takes it for something else.

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/config"
)

// takeFollow takes the -f behind the verb log off, which elsewhere loads a file.
func takeFollow(args []string) []string {
	at := slices.Index(args, "log")
	if at < 0 || at > 0 && args[at-1] == "-f" {
		return args
	}
	rest := slices.DeleteFunc(slices.Clone(args[at+1:]), func(s string) bool { return s == "-f" })
	return append(slices.Clone(args[:at+1]), rest...)
}

// logging is what the options say of the log.
type logging struct {
	service string
	status  []statusRange
	slower  time.Duration
	count   uint64 // 0: for ever
	line    func(*genl.LogRecord) (string, error)
}

type statusRange struct{ first, last uint32 }

const statusForms = "like 404, 5xx, 400-499 or none, several with commas between"

func parseStatuses(text string) ([]statusRange, error) {
	var list []statusRange
	number := func(s string) (uint32, bool) {
		n, err := strconv.ParseUint(s, 10, 32)
		return uint32(n), err == nil && n >= 100 && n <= 999
	}
	for _, word := range strings.Split(text, ",") {
		var r statusRange
		ok := true
		if first, last, isRange := strings.Cut(word, "-"); word == "none" {
			// No response was begun.
		} else if isRange {
			var also bool
			r.first, ok = number(first)
			r.last, also = number(last)
			ok = ok && also && r.first <= r.last
		} else if len(word) == 3 && strings.HasSuffix(word, "xx") {
			r.first, ok = number(word[:1] + "00")
			r.last = r.first + 99
		} else {
			r.first, ok = number(word)
			r.last = r.first
		}
		if !ok {
			return nil, fmt.Errorf("%.40q is no status", word)
		}
		list = append(list, r)
	}
	return list, nil
}

func (l *logging) wants(r *genl.LogRecord) bool {
	if l.service != "" && r.Service != l.service || r.TotalTime < l.slower {
		return false
	}
	return l.status == nil || slices.ContainsFunc(l.status, func(s statusRange) bool {
		return r.Status >= s.first && r.Status <= s.last
	})
}

func (s *session) logging() (*logging, error) {
	l := &logging{line: combined}
	l.service, _ = s.opts.get("ident")
	var err error
	if l.count, err = s.count(); err != nil {
		return nil, err
	}
	if text, ok := s.opts.get("status"); ok {
		list, err := parseStatuses(text)
		if err != nil {
			return nil, usagef(statusForms, "--status: %s", err)
		}
		l.status = list
	}
	if text, ok := s.opts.get("slower"); ok {
		ms, err := config.SettingInfo{Key: "slower", Kind: config.Duration, Min: 1, Max: 86400000}.Parse(text)
		if err != nil {
			return nil, badValue("slower", err)
		}
		l.slower = time.Duration(ms) * time.Millisecond
	}
	form, _ := s.opts.get("output")
	if form == "json" {
		l.line = jsonRecord
	}
	if text, ok := s.opts.get("template"); ok {
		if form != "" {
			return nil, usagef("leave one of them out", "--template and -o are two forms")
		}
		line, err := templated(text)
		if err != nil {
			return nil, usagef(`a template of Go's package text/template with the fields of a record, such as '{{.Client}} {{.Status}}'`,
				"--template: %s", err)
		}
		l.line = line
	}
	return l, nil
}

func runLog(s *session) error {
	l, err := s.logging()
	if err != nil {
		return err
	}
	return s.follow("read the access log", func(ctx context.Context, c *genl.Client) error {
		return s.log(ctx, c, l)
	})
}

func (s *session) log(ctx context.Context, c logger, l *logging) error {
	log, err := c.Log(ctx)
	if err != nil {
		return err
	}
	defer log.Close()
	for told := uint64(0); ; {
		b, err := log.Next(ctx)
		if err != nil {
			return err
		}
		if b.Overrun {
			s.complain(program+": records came faster than they were read; some were lost", "")
		}
		if b.Lost > 0 {
			s.complain(fmt.Sprintf("%s: %d records were lost on CPU %d", program, b.Lost, b.CPU), "")
		}
		for i := range b.Records {
			if !l.wants(&b.Records[i]) {
				continue
			}
			line, err := l.line(&b.Records[i])
			if err != nil {
				return err
			}
			s.out.WriteString(line)
			s.out.WriteByte('\n')
			if told++; told == l.count {
				return s.out.Flush()
			}
		}
		if err := s.out.Flush(); err != nil {
			return err
		}
	}
}

// escaped makes text harmless in a line of a log and between quotes.
func escaped(text string) string {
	clean := func(b byte) bool { return b >= ' ' && b <= '~' && b != '"' && b != '\\' }
	i := 0
	for i < len(text) && clean(text[i]) {
		i++
	}
	if i == len(text) {
		return text
	}
	var out strings.Builder
	for i := range len(text) {
		if b := text[i]; clean(b) {
			out.WriteByte(b)
		} else {
			fmt.Fprintf(&out, `\x%02X`, b)
		}
	}
	return out.String()
}

// harmless is a record whose texts may be printed.
func harmless(r *genl.LogRecord) *genl.LogRecord {
	v := *r
	for _, text := range []*string{&v.Service, &v.Method, &v.Target, &v.Host, &v.Referer, &v.UserAgent} {
		*text = escaped(*text)
	}
	return &v
}

// combined is the form that web servers and what reads their logs agree on. What has
// no user, is "-".
func combined(r *genl.LogRecord) (string, error) {
	v := harmless(r)
	request, status := "-", "-"
	if v.Method != "" {
		request = fmt.Sprintf("%s %s HTTP/1.%d", v.Method, v.Target, v.Minor)
	}
	if v.Status != 0 {
		status = strconv.FormatUint(uint64(v.Status), 10)
	}
	return fmt.Sprintf(`%s - - [%s] "%s" %s %d "%s" "%s"`, host(v.Client), v.Time.Format("02/Jan/2006:15:04:05 -0700"),
		request, status, v.BytesOut, dash(v.Referer), dash(v.UserAgent)), nil
}

func host(ap netip.AddrPort) string {
	if !ap.IsValid() {
		return "-"
	}
	return ap.Addr().String()
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// jsonRecord is a record as an object. The encoder leaves characters alone that a
// terminal may obey, and those that turn the direction of writing.
func jsonRecord(r *genl.LogRecord) (string, error) {
	line, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	text := string(line)
	if strings.IndexFunc(text, unprintable) < 0 {
		return text, nil
	}
	var out strings.Builder
	for _, c := range text {
		switch {
		case !unprintable(c):
			out.WriteRune(c)
		case c > 0xffff:
			c -= 0x10000
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+c>>10, 0xdc00+c&0x3ff)
		default:
			fmt.Fprintf(&out, `\u%04x`, c)
		}
	}
	return out.String(), nil
}

func unprintable(c rune) bool { return c >= utf8.RuneSelf-1 && !unicode.IsPrint(c) }

// templated is a record as a template of the user says. It is tried with a record of
// nothing, which finds fields that there are not.
func templated(text string) (func(*genl.LogRecord) (string, error), error) {
	t, err := template.New("template").Parse(text)
	if err != nil {
		return nil, err
	}
	line := func(r *genl.LogRecord) (string, error) {
		var out strings.Builder
		if err := t.Execute(&out, harmless(r)); err != nil {
			return "", err
		}
		return out.String(), nil
	}
	_, err = line(&genl.LogRecord{})
	return line, err
}
