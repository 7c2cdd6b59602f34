// SPDX-License-Identifier: MIT

// That the kernel takes an idle transaction away, in a minute of waiting: for
// who abandoned it must not keep others out.

package main

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/ktcpvs/ktcpvs/internal/tap"
)

const (
	idleTime = 60 * time.Second // of the kernel
	// A timer may run late where the machine is busy, by a lot if emulated.
	idleLimit = 4 * time.Minute
)

// idle works on a namespace whose table is empty, and leaves it so. Sockets 0, 2
// and 3 begin and fall silent, socket 1 goes on; sockets 4 and 5 are others.
func idle(t *tap.Writer) error {
	ss := sockets{}
	defer ss.close()
	newOther := cat(other, elsewhere)
	play := func(name string, steps ...step) {
		var err error
		for i, st := range steps {
			if err = ss.play(st); err != nil {
				err = fmt.Errorf("step %d: %w", i+1, err)
				break
			}
		}
		t.Result("idle: "+name, err)
	}

	start := time.Now()
	play("all transactions are taken",
		step{0, cmdBegin, nil, 0, ""},
		step{0, cmdServiceNew, newOther, 0, ""},
		step{1, cmdBegin, nil, 0, ""},
		step{1, cmdServiceNew, newOther, 0, ""},
		step{2, cmdBegin, nil, 0, ""},
		step{3, cmdBegin, nil, 0, ""},
		step{4, cmdBegin, nil, syscall.EBUSY, "4 transactions are open"})
	waited, used, err := untilBegun(ss, start)
	t.Result("idle: one is taken away", err)
	if err != nil {
		return errors.New("no transaction expired, the rest makes no sense")
	}
	if waited < idleTime-time.Second {
		err = fmt.Errorf("it was idle for %v only", waited)
	}
	t.Result("idle: ... not before its time", err)

	play("what it held never became effective",
		step{5, cmdServiceGet, other, syscall.ENOENT, "no service"})
	play("its socket is told with whatever it does, and nothing is done",
		step{0, cmdServerNew, cat(other, another), syscall.ETIMEDOUT, "aborted after 60 s without a request"},
		step{0, cmdFlush, nil, syscall.ETIMEDOUT, "begin again"},
		step{0, cmdServiceNew, newOther, syscall.ETIMEDOUT, "begin again"},
		step{0, cmdCommit, nil, syscall.ETIMEDOUT, "begin again"},
		step{5, cmdServiceGet, other, syscall.ENOENT, "no service"})
	play(fmt.Sprintf("one that was used meanwhile, %d times, is whole", used),
		step{1, cmdCommit, nil, 0, ""},
		step{5, cmdServiceGet, other, 0, ""})
	play("to abort one that expired is to know of it",
		step{3, cmdAbort, nil, 0, ""},
		step{3, cmdAbort, nil, syscall.ENOENT, "no transaction open"})
	play("its socket may begin again",
		step{0, cmdBegin, nil, 0, ""},
		step{0, cmdServiceDel, other, 0, ""},
		step{0, cmdCommit, nil, 0, ""},
		step{5, cmdServiceGet, other, syscall.ENOENT, "no service"})
	return nil
}

// untilBegun lets socket 4 try each second until it gets a transaction, and
// socket 1 use its own; it says after how long, and how often that was used.
func untilBegun(ss sockets, start time.Time) (waited time.Duration, used int, err error) {
	for time.Since(start) < idleLimit {
		time.Sleep(time.Second)
		if err := ss.play(step{1, cmdCommit, attr(txDryRun), 0, ""}); err != nil {
			return 0, used, fmt.Errorf("the one in use: %w", err)
		}
		used++
		err := ss.play(step{4, cmdBegin, nil, 0, ""})
		var u *unexpected
		switch {
		case err == nil:
			return time.Since(start), used, nil
		case !errors.As(err, &u) || u.got.errno != syscall.EBUSY:
			return 0, used, err
		}
	}
	return 0, used, fmt.Errorf("not within %v", idleLimit)
}
