// SPDX-License-Identifier: MIT

// What a transaction must keep together, tried step by step over several
// sockets.

package main

import (
	"fmt"
	"strings"
	"syscall"
)

// step is a request on one of a scenario's sockets and what must come of it.
type step struct {
	socket  int
	cmd     uint8 // 0: close the socket
	attrs   []byte
	errno   syscall.Errno
	message string
}

type scenario struct {
	name    string
	steps   []step
	changes bool // the table may differ afterwards
}

func scenarios() []scenario {
	newOther := cat(other, elsewhere)
	return []scenario{
		{name: "closing the socket aborts", steps: []step{
			{0, cmdBegin, nil, 0, ""},
			{0, cmdServiceNew, newOther, 0, ""},
			{0, cmdFlush, nil, 0, ""},
			{0, 0, nil, 0, ""},
		}},
		{name: "nothing shows before the commit, a dry run changes nothing", steps: []step{
			{0, cmdBegin, nil, 0, ""},
			{0, cmdServiceNew, newOther, 0, ""},
			{1, cmdServiceGet, other, syscall.ENOENT, "no service"},
			{0, cmdCommit, attr(txDryRun), 0, ""},
			{1, cmdServiceGet, other, syscall.ENOENT, "no service"},
			{0, cmdAbort, nil, 0, ""},
		}},
		{name: "a refused change leaves the others staged", steps: []step{
			{0, cmdBegin, nil, 0, ""},
			{0, cmdServiceNew, newOther, 0, ""},
			{0, cmdServiceNew, newOther, syscall.EEXIST, "already"},
			{0, cmdServerNew, cat(other, another), 0, ""},
			{0, cmdServerNew, cat(other, another), syscall.EEXIST, "already"},
			{0, cmdServerDel, cat(other, webServer), syscall.ENOENT, "no server"},
			{0, cmdCommit, nil, 0, ""},
			{1, cmdServerGet, cat(other, another), 0, ""},
			{1, cmdServiceDel, other, 0, ""},
		}, changes: true},
		{name: "a commit on a stale generation is refused", steps: []step{
			{0, cmdBegin, nil, 0, ""},
			{0, cmdServiceNew, newOther, 0, ""},
			{1, cmdServerSet, cat(web, webServer, u32(serverWeight, 7)), 0, ""},
			{0, cmdCommit, nil, syscall.ESTALE, "based on generation"},
			{0, cmdServiceDel, web, syscall.ESTALE, "based on generation"},
			{0, cmdAbort, nil, 0, ""},
			{1, cmdServerSet, cat(web, webServer, u32(serverWeight, 1)), 0, ""},
			{1, cmdServiceGet, other, syscall.ENOENT, ""},
		}, changes: true},
		{name: "two services on one address are refused at the commit", steps: []step{
			{0, cmdBegin, nil, 0, ""},
			{0, cmdServiceNew, cat(other, webListen), 0, ""},
			{0, cmdCommit, nil, syscall.EADDRINUSE, `"other" has the address`},
			{0, 0, nil, 0, ""},
		}},
		{name: "an address may pass from one service to another", steps: []step{
			{0, cmdServiceNew, newOther, 0, ""},
			{0, cmdBegin, nil, 0, ""},
			{0, cmdServiceSet, cat(other, webListen), 0, ""},
			{0, cmdServiceSet, cat(web, elsewhere), 0, ""},
			{0, cmdCommit, nil, 0, ""},
			{0, cmdServiceDel, other, 0, ""},
			{0, cmdServiceSet, cat(web, webListen), 0, ""},
		}, changes: true},
		{name: "four transactions, one a socket", steps: []step{
			{0, cmdBegin, nil, 0, ""},
			{0, cmdBegin, nil, syscall.EBUSY, "open already"},
			{1, cmdBegin, nil, 0, ""},
			{2, cmdBegin, nil, 0, ""},
			{3, cmdBegin, nil, 0, ""},
			{4, cmdBegin, nil, syscall.EBUSY, "4 transactions are open"},
			{3, 0, nil, 0, ""},
			{4, cmdBegin, nil, 0, ""},
		}},
		{name: "what cannot be staged is refused", steps: []step{
			{0, cmdBegin, nil, 0, ""},
			{0, cmdStart, web, syscall.EBUSY, "not part of a transaction"},
			{0, cmdSettingsSet, u32(settingsMaxConnections, 5), syscall.EBUSY, "not part of a transaction"},
			{0, cmdStatsZero, nil, syscall.EBUSY, "not part of a transaction"},
		}},
		{name: "a running service keeps its address and mode", steps: []step{
			{0, cmdStart, web, 0, ""},
			{0, cmdStart, web, syscall.EALREADY, "runs already"},
			{0, cmdServiceSet, cat(web, elsewhere), syscall.EBUSY, "stop it"},
			{0, cmdServiceSet, cat(web, u32(serviceMode, 0)), syscall.EBUSY, "stop it"},
			{0, cmdServiceSet, cat(web, webListen), 0, ""},
			{0, cmdStop, cat(web, attr(serviceNow)), 0, ""},
		}, changes: true},
		{name: "a table replaced by the same keeps what runs", steps: []step{
			{0, cmdStart, web, 0, ""},
			{0, cmdBegin, nil, 0, ""},
			{0, cmdFlush, nil, 0, ""},
			{0, cmdServiceNew, cat(web, webListen), 0, ""},
			{0, cmdServerNew, cat(web, webServer), 0, ""},
			{0, cmdCommit, nil, 0, ""},
			{0, cmdStart, web, syscall.EALREADY, "runs already"},
			{0, cmdStop, cat(web, attr(serviceNow)), 0, ""},
		}, changes: true},
	}
}

func (sc *scenario) run() error {
	ss := sockets{}
	defer ss.close()
	for i, st := range sc.steps {
		if err := ss.play(st); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}

// sockets are those of a scenario, opened when a step first names them.
type sockets map[int]*socket

func (ss sockets) close() {
	for _, s := range ss {
		s.close()
	}
}

// unexpected is an answer that a step did not want.
type unexpected struct {
	got  answer
	want step
}

func (u *unexpected) Error() string {
	return fmt.Sprintf("answer %d (%v), %q; wanted %d (%v), %q",
		u.got.errno, u.got.errno, u.got.message, u.want.errno, u.want.errno, u.want.message)
}

func (ss sockets) play(st step) error {
	s := ss[st.socket]
	if s == nil {
		var err error
		if s, err = open(); err != nil {
			return err
		}
		ss[st.socket] = s
	}
	if st.cmd == 0 {
		s.close()
		delete(ss, st.socket)
		return nil
	}
	a, err := s.do(st.cmd, st.attrs)
	if err != nil {
		return err
	}
	if a.errno != st.errno || !strings.Contains(a.message, st.message) {
		return &unexpected{a, st}
	}
	return nil
}
