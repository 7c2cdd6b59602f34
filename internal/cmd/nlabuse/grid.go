// SPDX-License-Identifier: MIT

// Every operation with every attribute, each in every form that is wrong, made
// from the specification: a new operation or attribute is tried by itself. The
// policies refuse these before anything else is looked at, so what an attribute
// means does not matter, and all that lies around it may be missing.

package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ktcpvs/ktcpvs/internal/spec"
)

// form is an operation as a request or as a dump.
type form struct {
	op   *spec.Op
	dump bool
	may  *spec.Request
}

func (f form) String() string {
	if f.dump {
		return f.op.Name + " (dump)"
	}
	return f.op.Name
}

func forms() (list []form) {
	for i := range spec.Ops {
		op := &spec.Ops[i]
		if op.Do != nil {
			list = append(list, form{op, false, op.Do})
		}
		if op.Dump != nil {
			list = append(list, form{op, true, op.Dump})
		}
	}
	return list
}

// place is an attribute of a form; within holds the nests around it, the outer
// one first.
type place struct {
	form
	within []*spec.Attribute
	a      *spec.Attribute
}

func (p place) String() string {
	names := []string{}
	for _, a := range p.within {
		names = append(names, a.Name)
	}
	return p.form.String() + ": " + strings.Join(append(names, p.a.Name), ".")
}

// wrap puts attributes into the nests around p. It returns where they begin in
// the message.
func (p place) wrap(attrs []byte) ([]byte, int) {
	at := 20 + 4*len(p.within)
	for i := len(p.within) - 1; i >= 0; i-- {
		attrs = nest(p.within[i].Type, attrs)
	}
	return attrs, at
}

// places lists all attributes of a form, those within nests as well.
func (f form) places() (list []place) {
	var deeper func(within []*spec.Attribute, set *spec.Set)
	add := func(within []*spec.Attribute, a *spec.Attribute) {
		if a.Kind == spec.KindPad {
			return
		}
		list = append(list, place{f, within, a})
		if a.Kind == spec.KindNest {
			deeper(append(slices.Clone(within), a), a.Nest)
		}
	}
	deeper = func(within []*spec.Attribute, set *spec.Set) {
		for i := range set.Attributes {
			add(within, &set.Attributes[i])
		}
	}
	for _, t := range f.may.Attributes {
		add(nil, f.op.Set.Lookup(t))
	}
	return list
}

// good is the attribute with a value that its policy takes.
func good(a *spec.Attribute) []byte {
	switch a.Kind {
	case spec.KindU16:
		return number(a, a.Min, 2)
	case spec.KindU32:
		return number(a, a.Min, 4)
	case spec.KindUint:
		return number(a, a.Min, 8)
	case spec.KindString:
		return str(a.Type, strings.Repeat("x", max(1, a.MinLen)))
	case spec.KindBinary:
		return attr(a.Type, make([]byte, a.MinLen)...)
	case spec.KindNest:
		return nest(a.Type)
	}
	return attr(a.Type)
}

func number(a *spec.Attribute, n uint64, size int) []byte {
	b := make([]byte, 8)
	if a.BigEndian {
		for i := range size {
			b[i] = byte(n >> (8 * (size - 1 - i)))
		}
	} else {
		order.PutUint64(b, n)
	}
	return attr(a.Type, b[:size]...)
}

// wrong is one form in which an attribute is wrong.
type wrong struct {
	what    string
	bytes   []byte
	errno   syscall.Errno
	message string
	at      int // where in bytes the kernel must point, or -1
}

const (
	badLength = "invalid attribute length"
	badValue  = "Attribute failed policy validation"
	badRange  = "integer out of range"
	badSize   = "binary attribute size out of range"
	tooMuch   = "bytes leftover after parsing attributes"
	notKnown  = "Unknown attribute type"
	notTaken  = "Unsupported attribute"
	twice     = "attribute given twice"
)

func wrongs(a *spec.Attribute) (list []wrong) {
	add := func(what string, b []byte, errno syscall.Errno, message string) {
		list = append(list, wrong{what, b, errno, message, 0})
	}
	scalar := func(size int) {
		add("short", attr(a.Type, make([]byte, size-1)...), syscall.EINVAL, badLength)
		add("empty", attr(a.Type), syscall.EINVAL, badLength)
		add("long", attr(a.Type, make([]byte, 3*size)...), syscall.EINVAL, badLength)
		most := uint64(1)<<(8*size) - 1
		if size == 8 {
			most = 1<<64 - 1
		}
		if a.Min > 0 {
			add("below its range", number(a, a.Min-1, size), syscall.ERANGE, badRange)
		}
		switch {
		case a.Flags:
			add("with a flag there is not", number(a, a.Max+1, size), syscall.EINVAL, "reserved bit set")
			add("with every flag", number(a, most, size), syscall.EINVAL, "reserved bit set")
		case a.Max != 0 && a.Max < most:
			add("above its range", number(a, a.Max+1, size), syscall.ERANGE, badRange)
			add("far above its range", number(a, most, size), syscall.ERANGE, badRange)
		}
	}
	switch a.Kind {
	case spec.KindU16:
		scalar(2)
	case spec.KindU32:
		scalar(4)
	case spec.KindUint:
		scalar(8)
	case spec.KindFlag:
		add("long", attr(a.Type, 0), syscall.ERANGE, badValue)
	case spec.KindString:
		add("empty", attr(a.Type), syscall.EINVAL, badValue)
		add("without an end", attr(a.Type, 'x'), syscall.EINVAL, badValue)
		if a.MaxLen > 0 {
			add("long", str(a.Type, strings.Repeat("x", a.MaxLen+1)), syscall.EINVAL, badValue)
			add("long behind its end", attr(a.Type, append([]byte("x"), make([]byte, a.MaxLen+1)...)...), syscall.ERANGE, badValue)
		}
	case spec.KindBinary:
		if a.MinLen > 0 {
			add("short", attr(a.Type, make([]byte, a.MinLen-1)...), syscall.ERANGE, badSize)
		}
		if a.MaxLen > 0 {
			add("long", attr(a.Type, make([]byte, a.MaxLen+1)...), syscall.ERANGE, badSize)
		}
	case spec.KindNest:
		last := a.Nest.Attributes[len(a.Nest.Attributes)-1].Type
		add("short", attr(a.Type|nested, 0, 0), syscall.ERANGE, badValue)
		list = append(list, wrong{"with bytes behind", attr(a.Type|nested, make([]byte, 5)...), syscall.EINVAL, tooMuch, -1})
		list = append(list, wrong{"with what it does not know", nest(a.Type, attr(last+1)), syscall.EINVAL, notKnown, 4})
		list = append(list, wrong{"with a length that lies", nest(a.Type, lying(last, 200)), syscall.EINVAL, tooMuch, -1})
		list = append(list, wrong{"with a length of 3", nest(a.Type, lying(last, 3)), syscall.EINVAL, tooMuch, -1})
	}
	if a.Kind == spec.KindNest {
		add("not marked as a nest", attr(a.Type, good(&a.Nest.Attributes[0])...), syscall.EINVAL, "NLA_F_NESTED is missing")
	} else {
		b := good(a)
		order.PutUint16(b[2:], a.Type|nested)
		add("marked as a nest", b, syscall.EINVAL, "NLA_F_NESTED not expected")
	}
	if !a.Multi {
		b := good(a)
		list = append(list, wrong{"given twice", cat(b, b), syscall.EINVAL, twice, len(b)})
	}
	return list
}

// send sends a request in its form.
func (f form) send(s *socket, attrs []byte) (answer, error) {
	flags := uint16(syscall.NLM_F_REQUEST | syscall.NLM_F_ACK)
	if f.dump {
		flags = syscall.NLM_F_REQUEST | syscall.NLM_F_DUMP
	}
	return s.send(s.message(flags, s.family, f.op.Cmd, attrs))
}

// grid is a run over everything; it counts what it tried.
type grid struct {
	s         *socket
	unchanged func() error
	n         int
}

// try sends a request that must be refused so. A negative offset is any.
func (g *grid) try(f form, what string, attrs []byte, errno syscall.Errno, message string, offset int) error {
	a, err := f.send(g.s, attrs)
	g.n++
	switch {
	case err != nil:
	case a.errno != errno || !strings.Contains(a.message, message) || a.message == "":
		err = fmt.Errorf("answer %d (%v, %q), wanted %d (%v, %q)", a.errno, a.errno, a.message, errno, errno, message)
	case offset >= 0 && a.offset != offset:
		err = fmt.Errorf("points at byte %d, wanted %d (%q)", a.offset, offset, a.message)
	default:
		err = g.unchanged()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// attributes tries every attribute of a form in every wrong form.
func (g *grid) attributes(f form) error {
	for _, p := range f.places() {
		for _, w := range wrongs(p.a) {
			b, at := p.wrap(w.bytes)
			at += w.at
			if w.at < 0 {
				at = -1
			}
			if err := g.try(f, p.String()+" "+w.what, b, w.errno, w.message, at); err != nil {
				return err
			}
		}
	}
	return g.unknown(f)
}

// unknown tries what the form does not take: all other attributes of its set, and
// those the set has not.
func (g *grid) unknown(f form) error {
	set := f.op.Set
	types := []uint16{0, uint16(len(set.Attributes) + 1), 99, 0x3fff}
	for _, a := range set.Attributes {
		if !slices.Contains(f.may.Attributes, a.Type) {
			types = append(types, a.Type)
		}
	}
	for _, t := range types {
		message := notKnown
		switch {
		case len(f.may.Attributes) == 0:
			message = "takes no attributes"
		case t > 0 && t <= slices.Max(f.may.Attributes):
			message = notTaken
		}
		b := attr(t, 0, 0, 0, 0)
		if a := set.Lookup(t); a != nil {
			b = good(a)
		}
		if err := g.try(f, fmt.Sprintf("attribute %d", t), b, syscall.EINVAL, message, 20); err != nil {
			return err
		}
	}
	return nil
}

// needs are the attributes without which an operation is refused; every operation
// that takes some is here.
var needs = map[string][]uint16{
	"settings-set":       {}, // nothing asked for is nothing done
	"service-get":        {spec.AServiceName},
	"service-new":        {spec.AServiceName, spec.AServiceListen},
	"service-set":        {spec.AServiceName},
	"service-del":        {spec.AServiceName},
	"service-start":      {spec.AServiceName},
	"service-stop":       {spec.AServiceName},
	"server-get":         {spec.AServerService, spec.AServerAddress},
	"server-new":         {spec.AServerService, spec.AServerAddress},
	"server-set":         {spec.AServerService, spec.AServerAddress, spec.AServerWeight},
	"server-del":         {spec.AServerService, spec.AServerAddress},
	"transaction-begin":  {},
	"transaction-commit": {},
	"stats-zero":         {},
	"connection-kill":    {spec.AConnectionID},
	"rules-begin":        {}, // outside of a transaction: see hostile.go
	"rules-automaton":    {}, // outside of a transaction: see hostile.go
	"rules-set":          {}, // outside of a transaction: see hostile.go
	"rules-add":          {}, // outside of a transaction: see hostile.go
	"rules-end":          {}, // outside of a transaction: see hostile.go
}

// sample is a value that means something, for what comes before the missing one.
func sample(a *spec.Attribute) []byte {
	switch {
	case a.Kind == spec.KindNest && a.Nest == spec.SetAddress:
		return nest(a.Type, ipv4(127, 0, 0, 1), port(81))
	case a.Kind == spec.KindString:
		return str(a.Type, "web")
	}
	return good(a)
}

// missing leaves out each attribute that an operation needs. All before it are
// there, so that it is what the kernel misses first.
func (g *grid) missing(f form) error {
	list, known := needs[f.op.Name]
	switch {
	case f.dump || len(f.may.Attributes) == 0:
		return nil
	case !known:
		return fmt.Errorf("what does %s need? Tell it in needs", f.op.Name)
	}
	for i, t := range list {
		var b []byte
		for _, before := range list[:i] {
			b = append(b, sample(f.op.Set.Lookup(before))...)
		}
		what := f.op.Set.Lookup(t).Name
		a, err := f.send(g.s, b)
		g.n++
		switch {
		case err != nil:
		case a.errno != syscall.EINVAL || !strings.Contains(a.message, "missing"):
			err = fmt.Errorf("answer %d (%v, %q)", a.errno, a.errno, a.message)
		case a.missing != int(t):
			err = fmt.Errorf("misses attribute %d, wanted %d (%q)", a.missing, t, a.message)
		default:
			err = g.unchanged()
		}
		if err != nil {
			return fmt.Errorf("without %s: %w", what, err)
		}
	}
	return nil
}

// withoutCapability sends every operation over a socket that a thread without
// CAP_NET_ADMIN has opened. What changes something, or tells of clients, is
// refused; the rest is not.
func (g *grid) withoutCapability() error {
	return onThread(func() (err error) {
		var caps [2]unix.CapUserData
		head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		if err := unix.Capget(&head, &caps[0]); err != nil {
			return err
		}
		for i := range caps {
			caps[i].Effective, caps[i].Permitted = 0, 0
		}
		if err := unix.Capset(&head, &caps[0]); err != nil {
			return err
		}
		s, err := open()
		if err != nil {
			return err
		}
		defer s.close()
		return g.privileges(s, "CAP_NET_ADMIN")
	})
}

// privileges sends every operation; those for administrators must be refused.
func (g *grid) privileges(s *socket, reason string) error {
	for _, f := range forms() {
		a, err := f.send(s, nil)
		g.n++
		switch {
		case err != nil:
		case f.op.Admin && (a.errno != syscall.EPERM || !strings.Contains(a.message, reason)):
			err = fmt.Errorf("answer %d (%v, %q), wanted EPERM, %q", a.errno, a.errno, a.message, reason)
		case !f.op.Admin && a.errno == syscall.EPERM:
			err = fmt.Errorf("nobody may even read: %q", a.message)
		default:
			err = g.unchanged()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
	}
	return nil
}

// elsewhereNet sends every operation in another network namespace, where root may
// do what it likes and finds nothing of ours.
func (g *grid) elsewhereNet() error {
	return onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("a network namespace: %w", err)
		}
		s, err := open()
		if err != nil {
			return err
		}
		defer s.close()
		// What reads comes first: later there is a service of that name.
		list := forms()
		slices.SortStableFunc(list, func(a, b form) int { return cmp.Compare(admin(a), admin(b)) })
		for _, f := range list {
			var b []byte
			for _, t := range needs[f.op.Name] {
				if f.may.Allows(t) {
					b = append(b, sample(f.op.Set.Lookup(t))...)
				}
			}
			a, err := f.send(s, b)
			g.n++
			if err == nil && !f.op.Admin && bytes.Contains(a.data, []byte("web\x00")) {
				err = fmt.Errorf("it tells of our service: %x", a.data)
			}
			if err == nil && a.errno == syscall.EPERM {
				err = fmt.Errorf("root is refused: %q", a.message)
			}
			if err == nil {
				err = g.unchanged()
			}
			if err != nil {
				return fmt.Errorf("%s: %w", f, err)
			}
		}
		return nil
	})
}

func admin(f form) int {
	if f.op.Admin {
		return 1
	}
	return 0
}

// elsewhereUser lets root of a user namespace, in a network namespace of its own,
// send every operation. It is a process, because a thread cannot have one.
func (g *grid) elsewhereUser() error {
	self := exec.Command("/proc/self/exe", "-refused", "userns=1")
	id := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}}
	self.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET, UidMappings: id, GidMappings: id}
	out, err := self.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	g.n += len(forms())
	return g.unchanged()
}

// onThread runs f on a thread that ends with it.
func onThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: it is spoilt for others
		done <- f()
	}()
	return <-done
}
