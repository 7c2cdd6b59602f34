// SPDX-License-Identifier: MIT

// The one error type of the package. It says what was asked, of which object,
// what the kernel answered and which attribute of the request it meant; callers
// tell causes apart with errors.Is and never look at numbers or texts.

package genl

import (
	"errors"
	"strings"
	"syscall"
)

// Causes to test an error for with errors.Is, beside os.ErrNotExist,
// os.ErrExist and os.ErrPermission.
var (
	// ErrNoModule: the kernel knows no family "tcpvs"; load ktcpvs.
	ErrNoModule = errors.New("the kernel module ktcpvs is not loaded")
	// ErrBusy: the object is in use and cannot be changed like that.
	ErrBusy = errors.New("busy")
	// ErrAlready: the object is in the wanted state; a service runs already.
	ErrAlready = errors.New("already so")
	// ErrAddressInUse: the listening address belongs to someone else.
	ErrAddressInUse = errors.New("address in use")
	// ErrInvalid: the request contradicts the protocol's rules.
	ErrInvalid = errors.New("invalid")
	// ErrStale: the configuration changed since the generation a transaction
	// was based on.
	ErrStale = errors.New("the configuration was changed meanwhile")
	// ErrInconsistent: the configuration changed again and again while it was
	// listed. What was read is returned with it.
	ErrInconsistent = errors.New("the configuration changed while it was read")
	// ErrClosed: the Client, Tx or Monitor was closed, or the transaction has
	// ended.
	ErrClosed = errors.New("closed")
	// ErrUnsupportedOS: there is no such kernel module on this system.
	ErrUnsupportedOS = errors.New("virtual services need Linux")
)

// Error is every failure of a request.
type Error struct {
	// Op is the operation by its name in the protocol: "service-new".
	Op string
	// Object is what it was about: `service "web"`; empty for none.
	Object string
	// Errno is the kernel's code, 0 if the request did not reach it.
	Errno syscall.Errno
	// Message is the kernel's reason; may be empty.
	Message string
	// Attribute is the offending one by its path: "listen.port"; may be empty.
	Attribute string
	// Allowed is what the protocol accepts there: "0 to 65535"; may be empty.
	Allowed string
	// Offset is where it begins in the request's bytes, 0 if unknown.
	Offset int
	// Err is the cause.
	Err error
}

func (e *Error) Error() string {
	var b strings.Builder
	if verb, ok := verbs[e.Op]; ok {
		b.WriteString(verb)
	} else {
		b.WriteString(e.Op)
	}
	if e.Object != "" {
		b.WriteByte(' ')
		b.WriteString(e.Object)
	}
	b.WriteString(": ")
	switch {
	case e.Message != "":
		b.WriteString(e.Message)
	case e.Err != nil:
		b.WriteString(e.Err.Error())
	default:
		b.WriteString(e.Errno.Error())
	}
	if e.Attribute != "" {
		b.WriteString(" (attribute ")
		b.WriteString(e.Attribute)
		if e.Allowed != "" {
			b.WriteString(", allowed are ")
			b.WriteString(e.Allowed)
		}
		b.WriteByte(')')
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is maps the kernel's codes to the causes of this package.
func (e *Error) Is(target error) bool {
	for _, c := range errnoCauses {
		if c.errno == e.Errno && c.cause == target {
			return true
		}
	}
	return false
}

// verbs say in a sentence what the operations do.
var verbs = map[string]string{
	"info-get":           "read the version",
	"settings-get":       "read the settings",
	"settings-set":       "change the settings",
	"service-get":        "list",
	"service-new":        "add",
	"service-set":        "change",
	"service-del":        "delete",
	"service-start":      "start",
	"service-stop":       "stop",
	"flush":              "flush",
	"server-get":         "list",
	"server-new":         "add",
	"server-set":         "change",
	"server-del":         "delete",
	"scheduler-get":      "list",
	"worker-get":         "list",
	"transaction-begin":  "begin the transaction",
	"transaction-commit": "commit the transaction",
	"transaction-abort":  "abort the transaction",
	"stats-zero":         "reset",
	"connection-get":     "list",
	"histogram-get":      "list",
	"connection-kill":    "kill",
	"rules-begin":        "begin",
	"rules-automaton":    "upload",
	"rules-set":          "upload",
	"rules-add":          "upload",
	"rules-end":          "end",
	"rule-get":           "list",
	"rule-set-get":       "list",
}

var errnoCauses = []struct {
	errno syscall.Errno
	cause error
}{
	{syscall.EBUSY, ErrBusy},
	{syscall.EALREADY, ErrAlready},
	{syscall.EADDRINUSE, ErrAddressInUse},
	{syscall.EINVAL, ErrInvalid},
	{syscall.ERANGE, ErrInvalid},
	{syscall.EMSGSIZE, ErrInvalid},
	{syscall.ESTALE, ErrStale},
}
