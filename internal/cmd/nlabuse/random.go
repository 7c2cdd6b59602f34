// SPDX-License-Identifier: MIT

// Messages nobody would send: good ones with bytes changed, cut off, repeated,
// or nothing but chance. What the kernel takes may change the table; what it
// refuses must not.

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/spec"
)

type fuzzer struct {
	r    *rand.Rand
	tx   bool // the socket is likely to have a transaction open
	next int  // place in upload
	// piece: the message belongs there, and is spoilt less often, for the next
	// ones need it.
	piece bool
	s     *socket
	t     *table
	cmds  map[uint8]*struct{ taken, refused int }
}

func (f *fuzzer) pick(choices ...[]byte) []byte { return choices[f.r.IntN(len(choices))] }

// maybe returns good, or now and then bad.
func (f *fuzzer) maybe(good, bad []byte) []byte {
	if f.r.IntN(16) == 0 {
		return bad
	}
	return good
}

// any32 is a number of any size.
func (f *fuzzer) any32() uint32 { return f.r.Uint32() >> f.r.IntN(32) }

func (f *fuzzer) address(typ uint16) []byte {
	return nest(typ,
		f.maybe(ipv4(127, 0, 0, byte(1+f.r.IntN(2))), f.pick(ipv4(0, 0, 0, 0), ipv6(0xfd, 1), ipv6(), nil)),
		f.maybe(port(uint16(8000+f.r.IntN(4))), f.pick(port(uint16(f.r.Uint32())), nil)))
}

// commands that make something come often, lest the table be always empty.
var often = []uint8{cmdServiceNew, cmdServerNew, cmdServiceNew, cmdServerNew, cmdServerSet, cmdStart}

// upload are the pieces of a table of rules, in their order.
var upload = []uint8{cmdRulesBegin, cmdRulesAutomaton, cmdRulesSet, cmdRulesAdd, cmdRulesAdd, cmdRulesEnd, cmdCommit}

func (f *fuzzer) command() uint8 {
	f.piece = f.tx && f.next < len(upload) && f.r.IntN(8) != 0
	if f.piece {
		f.next++
		return upload[f.next-1]
	}
	if f.r.IntN(3) == 0 {
		return often[f.r.IntN(len(often))]
	}
	cmd := requests[f.r.IntN(len(requests))]
	if cmd == cmdFlush && f.r.IntN(4) != 0 {
		return cmdServiceNew
	}
	return cmd
}

// attrs makes up mostly sensible attributes for a command.
func (f *fuzzer) attrs(cmd uint8) []byte {
	name := f.maybe(f.pick(web, other), str(serviceName, "?"))
	if f.piece {
		name = f.maybe(web, name)
	}
	switch cmd {
	case cmdSettingsSet:
		return u32(settingsMaxConnections, f.any32())
	case cmdServiceNew, cmdServiceSet:
		return cat(name, f.address(serviceListen),
			f.pick(nil, u32(serviceMode, f.r.Uint32N(2))),
			f.pick(nil, f.maybe(str(serviceScheduler, "wrr"), str(serviceScheduler, "?"))),
			f.pick(nil, f.maybe(nest(serviceTimeouts, u32(uint16(1+f.r.IntN(8)), 1+f.r.Uint32N(9999))),
				nest(serviceTimeouts, u32(uint16(f.r.IntN(10)), f.any32())))),
			f.pick(nil, f.maybe(nest(serviceLimits, u32(3, 4096)),
				nest(serviceLimits, u32(uint16(f.r.IntN(10)), f.any32())))),
			f.pick(nil, u32(serviceForward, f.r.Uint32N(64))))
	case cmdServiceGet, cmdServiceDel, cmdStart:
		return name
	case cmdStop:
		return cat(name, f.pick(nil, attr(serviceNow)))
	case cmdServerGet, cmdServerDel:
		return cat(name, f.address(serverAddress))
	case cmdServerNew, cmdServerSet:
		return cat(name, f.address(serverAddress), f.maybe(u32(serverWeight, f.r.Uint32N(9)), u32(serverWeight, f.any32())))
	case cmdStatsZero:
		return f.pick(nil, name, cat(name, f.address(serverAddress)))
	case cmdConnections:
		return cat(f.pick(nil, f.maybe(str(connectionService, "web"), str(connectionService, "?"))),
			f.pick(nil, nest(connectionClients, ipv4(127, 0, 0, 0), u32(3, f.any32()))))
	case cmdKill:
		return u32(connectionID, f.any32())
	case cmdBegin:
		return f.maybe(nil, u32(txGeneration, f.any32()))
	case cmdCommit:
		return f.pick(nil, attr(txDryRun))
	case cmdRulesBegin:
		return cat(name, u32(spec.ARulesExpressions, 1+f.any32()>>16))
	case cmdRulesAutomaton:
		data := automaton().bytes()
		size := u32(spec.ARulesSize, uint32(len(data)))
		return cat(name, f.maybe(u32(spec.ARulesInput, 0), u32(spec.ARulesInput, f.r.Uint32N(6))),
			f.maybe(size, u32(spec.ARulesSize, f.any32())), f.maybe(attr(spec.ARulesData, data...), attr(spec.ARulesData, data[:f.r.IntN(len(data))]...)))
	case cmdRulesSet:
		return cat(name, u32(spec.ARulesSet, 1+f.any32()), f.maybe(ofSet(1, 8000), ofSet(2, 8001)),
			f.pick(nil, str(spec.ARulesScheduler, "mh")))
	case cmdRulesAdd:
		return cat(name, f.rule(), f.pick(nil, f.rule()))
	case cmdRulesEnd, spec.CmdRuleGet, spec.CmdRuleSetGet:
		return name
	}
	return nil
}

// rule is one that mostly makes sense.
func (f *fuzzer) rule() []byte {
	return nest(spec.ARulesRule, u32(spec.ARuleID, 1+f.any32()>>1),
		f.pick(nil, f.maybe(regex(0, 0), regex(f.r.Uint32N(3), f.any32()>>1))),
		f.pick(nil, match(genl.MatchWhatHost, genl.MatchOpExact, attr(spec.AMatchValue, []byte("a.example")...))),
		f.maybe(nil, attr(spec.ARuleHost+uint16(f.r.IntN(4)), '/', '{', 'a', '}')),
		f.maybe(nil, match(genl.MatchWhat(f.r.IntN(12)), genl.MatchOp(f.r.IntN(6)), attr(spec.AMatchValue, '/', '{', 'a', '}'))),
		f.maybe(action(genl.RuleActionReject), action(genl.RuleAction(f.r.IntN(5)))),
		f.maybe(nil, u32(spec.ARuleStatus, f.any32())))
}

// spoil changes a message; its netlink header stays that of a request to the
// family, or nothing would ever reach it.
func (f *fuzzer) spoil(msg []byte) []byte {
	body := msg[16:]
	for range f.r.IntN(4) {
		switch f.r.IntN(6) {
		case 0: // a byte
			body[f.r.IntN(len(body))] = byte(f.r.Uint32())
		case 1: // a bit
			body[f.r.IntN(len(body))] ^= 1 << f.r.IntN(8)
		case 2: // cut off
			body = body[:1+f.r.IntN(len(body))]
		case 3: // twice
			if len(body) > 4 && len(body) < 1<<12 {
				body = append(body, body[4:]...)
			}
		case 4: // noise at the end
			for range f.r.IntN(40) {
				body = append(body, byte(f.r.Uint32()))
			}
		case 5: // a 16-bit word, where the lengths are
			if i := f.r.IntN(len(body)) &^ 3; i+2 <= len(body) {
				order.PutUint16(body[i:], uint16(f.r.Uint32())>>f.r.IntN(16))
			}
		}
	}
	msg = append(msg[:16:16], body...)
	order.PutUint32(msg, uint32(len(msg)))
	return msg
}

func (f *fuzzer) reopen() (err error) {
	f.s.close()
	f.tx = false
	f.s, err = open()
	return err
}

// run sends n messages. After each the generation is read, and must be what it was
// if the message was refused; the whole table is read and compared now and then, for
// that would take most of the time.
func (f *fuzzer) run(ctx context.Context, n int) error {
	f.cmds = map[uint8]*struct{ taken, refused int }{}
	for _, cmd := range requests {
		f.cmds[cmd] = &struct{ taken, refused int }{}
	}
	before, err := f.t.read(ctx)
	if err != nil {
		return err
	}
	whole := true // before is all of the table, not its generation alone
	for i := range n {
		if f.r.IntN(50) == 0 {
			if err := f.reopen(); err != nil {
				return err
			}
		}
		cmd := f.command()
		msg := f.s.message(syscall.NLM_F_REQUEST|syscall.NLM_F_ACK, f.s.family, cmd, f.attrs(cmd))
		dump := f.r.IntN(8) == 0 && !f.piece
		if spec.ByCmd(cmd).Do == nil {
			dump = !dump
		}
		if dump {
			order.PutUint16(msg[6:], syscall.NLM_F_REQUEST|syscall.NLM_F_DUMP)
		}
		if f.r.IntN(2) != 0 && (!f.piece || f.r.IntN(8) == 0) {
			msg = f.spoil(msg)
		}
		sent := fmt.Sprintf("message %d: %x", i, msg)
		a, err := f.s.send(msg)
		if err != nil {
			return fmt.Errorf("%s: %w", sent, err)
		}
		switch {
		case a.errno != 0:
		case msg[16] == cmdBegin:
			f.tx, f.next = true, 0
		case msg[16] == cmdCommit && len(msg) == 20, msg[16] == cmdAbort:
			f.tx = false
		}
		if c := f.cmds[msg[16]]; c != nil {
			if a.errno == 0 {
				c.taken++
			} else {
				c.refused++
			}
		}
		refused := a.errno != 0
		now, read := before, false
		if refused {
			read = whole && f.r.IntN(20) == 0
		} else {
			read = f.r.IntN(4) == 0
			whole, now = read, state{}
		}
		if read {
			now, err = f.t.read(ctx)
		} else {
			now.generation, err = f.t.generation(ctx)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", sent, err)
		}
		if refused && now != before {
			return fmt.Errorf("%s: refused (%v, %q), but the table changed\nfrom %d %s\nto   %d %s",
				sent, a.errno, a.message, before.generation, before.text, now.generation, now.text)
		}
		before = now
	}
	if n < enough {
		return nil
	}
	return f.reached(n >= enoughRules)
}

// Enough messages reach every request; fewer may miss one by chance. The pieces of
// an upload need those before them.
const (
	enough      = 2000
	enoughRules = 50000
)

// reached makes sure that chance did not spare a request.
func (f *fuzzer) reached(rules bool) error {
	var errs []error
	for _, cmd := range requests {
		if cmd == cmdKill || slices.Contains(upload[:len(upload)-1], cmd) && !rules {
			continue // there is no connection to kill
		}
		if f.cmds[cmd].taken == 0 {
			errs = append(errs, fmt.Errorf("command %d was never taken: send more messages", cmd))
		}
	}
	return errors.Join(errs...)
}
