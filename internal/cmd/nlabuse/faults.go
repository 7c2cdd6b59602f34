// SPDX-License-Identifier: MIT

// Memory that runs out in the middle. On a kernel with fault injection each
// allocation of each request of a transaction fails once: the first, the second,
// and so on until a request gets by without the failure. A request that failed
// must have changed nothing, and a commit either all or nothing.

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/spec"
	"github.com/ktcpvs/ktcpvs/internal/tap"
)

// failNth makes the n-th allocation of this thread fail.
const failNth = "/proc/thread-self/fail-nth"

// failures are settings of the kernel's fault injection: failures are quiet, and
// meet allocations that could wait for memory, too.
var failures = map[string]string{
	"failslab/verbose":                   "0",
	"failslab/ignore-gfp-wait":           "N",
	"fail_page_alloc/verbose":            "0",
	"fail_page_alloc/ignore-gfp-wait":    "N",
	"fail_page_alloc/ignore-gfp-highmem": "N",
	"fail_page_alloc/min-order":          "0",
}

func setFailures() error {
	for name, value := range failures {
		if err := os.WriteFile("/sys/kernel/debug/"+name, []byte(value), 0); err != nil {
			return err
		}
	}
	return nil
}

// thread is where allocations fail.
type thread struct{ f *os.File }

// do is a request whose n-th allocation fails; met tells whether there was one.
func (t thread) do(s *socket, st step, n int) (a answer, met bool, err error) {
	msg := s.message(syscall.NLM_F_REQUEST|syscall.NLM_F_ACK, s.family, st.cmd, st.attrs)
	s.seq++
	order.PutUint32(msg[8:], s.seq)
	if _, err := t.f.WriteAt([]byte(strconv.Itoa(n)), 0); err != nil {
		return a, false, err
	}
	serr := s.raw(msg)
	b := make([]byte, 16)
	got, rerr := t.f.ReadAt(b, 0)
	left, perr := strconv.Atoi(strings.TrimSpace(string(b[:got])))
	if _, err := t.f.WriteAt([]byte("0"), 0); err != nil {
		return a, false, err
	}
	if perr != nil {
		return a, false, errors.Join(rerr, perr)
	}
	met = left == 0
	if serr != nil {
		return answer{errno: syscall.ENOMEM, message: serr.Error()}, met, nil
	}
	if a, err = s.receive(); errors.Is(err, syscall.ENOBUFS) {
		// The answer could not be made, so nobody knows what became of it.
		return answer{errno: syscall.ENOBUFS, message: "no answer"}, met, nil
	}
	return a, met, err
}

// transaction is what runs out of memory: services, servers, and a table with an
// automaton, a capture table, sets and rules.
func transaction() []step {
	return []step{
		{0, cmdBegin, nil, 0, ""},
		{0, cmdServiceNew, cat(other, elsewhere, nest(spec.AServiceTrusted, nest(spec.ANetworksNetwork, ipv4(10, 0, 0, 0), u32(spec.ANetworkPrefix, 8)))), 0, ""},
		{0, cmdServerNew, cat(other, another), 0, ""},
		{0, cmdServerNew, cat(web, another), 0, ""},
		{0, cmdServerSet, cat(web, webServer, u32(serverWeight, 9)), 0, ""},
		rulesBegin(1),
		whole(genl.AutomatonInputPath, automaton()),
		whole(genl.AutomatonInputCapturePath, capture()),
		set(1, str(spec.ARulesScheduler, "mh"), ofSet(1, 81), ofSet(1, 82), nest(spec.ARulesHash, u32(spec.AHashKey, uint32(genl.HashKeyMatch)), u32(spec.AHashCapture, 0), u32(spec.AHashGroup, 1))),
		rule(1, regex(0, 0), match(genl.MatchWhatHost, genl.MatchOpExact, attr(spec.AMatchValue, []byte("a.example")...)), action(genl.RuleActionServers), u32(spec.ARuleSet, 1)),
		rule(2, match(genl.MatchWhatPath, genl.MatchOpTemplate, attr(spec.AMatchValue, []byte("/a/{b}/c")...)), action(genl.RuleActionReject)),
		rulesEnd,
		{0, cmdCommit, nil, 0, ""},
	}
}

func faults(ctx context.Context, t *tap.Writer) error {
	if err := setFailures(); err != nil {
		return err
	}
	c, err := genl.New()
	if err != nil {
		return err
	}
	defer c.Close()
	tab := &table{c}
	steps := transaction()
	// What the whole of it makes, to compare with.
	var before, after state
	if before, after, err = outcome(ctx, tab, steps); err != nil {
		return err
	}
	for i := range steps {
		n, refused := 0, 0
		err := onThread(func() error {
			f, err := os.OpenFile(failNth, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			for n = 1; n < 2000; n++ {
				met, failed, err := runsOut(ctx, tab, thread{f}, steps, i, n, before, after)
				if err != nil {
					return fmt.Errorf("allocation %d: %w", n, err)
				}
				if !met {
					return nil
				}
				if failed {
					refused++
				}
			}
			return errors.New("it never ends")
		})
		if err == nil && (n < 2 || refused == 0) {
			err = fmt.Errorf("%d allocations failed, %d requests with them: that is no test", n-1, refused)
		}
		t.Result(fmt.Sprintf("faults: step %d, %s: %d allocations fail, %d times it is refused", i+1, spec.ByCmd(steps[i].cmd).Name, n-1, refused), err)
	}
	return c.Flush(ctx)
}

// outcome runs the transaction without a failure.
func outcome(ctx context.Context, tab *table, steps []step) (before, after state, err error) {
	if before, err = fresh(ctx, tab); err != nil {
		return before, after, err
	}
	ss := sockets{}
	defer ss.close()
	for i, st := range steps {
		if err := ss.play(st); err != nil {
			return before, after, fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	after, err = tab.read(ctx)
	return before, after, err
}

// fresh is the fixture again.
func fresh(ctx context.Context, tab *table) (state, error) {
	s, err := open()
	if err != nil {
		return state{}, err
	}
	defer s.close()
	if err := reset(s); err != nil {
		return state{}, err
	}
	return tab.read(ctx)
}

// runsOut plays the transaction up to a step whose n-th allocation fails.
func runsOut(ctx context.Context, tab *table, t thread, steps []step, at, n int, was, would state) (met, failed bool, err error) {
	before, err := fresh(ctx, tab)
	if err != nil {
		return false, false, err
	}
	ss := sockets{}
	defer ss.close()
	for i, st := range steps[:at] {
		if err := ss.play(st); err != nil {
			return false, false, fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	if ss[0] == nil {
		if ss[0], err = open(); err != nil {
			return false, false, err
		}
	}
	a, met, err := t.do(ss[0], steps[at], n)
	if err != nil {
		return met, false, err
	}
	failed = a.errno != 0
	if failed && a.errno != syscall.ENOMEM && a.errno != syscall.ENOBUFS {
		return met, failed, fmt.Errorf("answer %d (%v, %q)", a.errno, a.errno, a.message)
	}
	committed := steps[at].cmd == cmdCommit && (!failed || a.errno == syscall.ENOBUFS)
	now, err := tab.read(ctx)
	if err != nil {
		return met, failed, err
	}
	switch {
	case now == before && !(committed && !failed):
	case committed && shape(now) == shape(would):
	default:
		err = fmt.Errorf("answer %d (%q), and then\n%s\nfrom\n%s", a.errno, a.message, now.text, before.text)
	}
	if shape(before) != shape(was) {
		err = fmt.Errorf("it began with %s", before.text)
	}
	return met, failed, err
}

// shape is a table without what counts up, ids, and without the order of its
// parts: services lie in slots that come free when they do.
func shape(s state) string {
	var b strings.Builder
	rest := s.text
	for {
		i := strings.Index(rest, `"id":`)
		if i < 0 {
			break
		}
		b.WriteString(rest[:i])
		rest = strings.TrimLeft(rest[i+len(`"id":`):], "0123456789")
	}
	text := strings.NewReplacer("}],[{", "\n", "}],{", "\n", "},[{", "\n", "},{", "\n").Replace(b.String() + rest)
	parts := strings.Split(strings.Trim(text, "[]{}"), "\n")
	slices.Sort(parts)
	return strings.Join(parts, "\n")
}
