// SPDX-License-Identifier: MIT

// Requests that must be refused for what they mean, each with the reason the
// kernel has to give. What is wrong in form is in grid.go.

package main

import (
	"fmt"
	"strings"
	"syscall"

	"github.com/ktcpvs/ktcpvs/internal/spec"
)

// Commands.
const (
	cmdInfoGet        = spec.CmdInfoGet
	cmdSettingsSet    = spec.CmdSettingsSet
	cmdServiceGet     = spec.CmdServiceGet
	cmdServiceNew     = spec.CmdServiceNew
	cmdServiceSet     = spec.CmdServiceSet
	cmdServiceDel     = spec.CmdServiceDel
	cmdStart          = spec.CmdServiceStart
	cmdStop           = spec.CmdServiceStop
	cmdFlush          = spec.CmdFlush
	cmdServerGet      = spec.CmdServerGet
	cmdServerNew      = spec.CmdServerNew
	cmdServerSet      = spec.CmdServerSet
	cmdServerDel      = spec.CmdServerDel
	cmdSchedulerGet   = spec.CmdSchedulerGet
	cmdWorkerGet      = spec.CmdWorkerGet
	cmdBegin          = spec.CmdTransactionBegin
	cmdCommit         = spec.CmdTransactionCommit
	cmdAbort          = spec.CmdTransactionAbort
	cmdStatsZero      = spec.CmdStatsZero
	cmdConnections    = spec.CmdConnectionGet
	cmdKill           = spec.CmdConnectionKill
	cmdRulesBegin     = spec.CmdRulesBegin
	cmdRulesAutomaton = spec.CmdRulesAutomaton
	cmdRulesSet       = spec.CmdRulesSet
	cmdRulesAdd       = spec.CmdRulesAdd
	cmdRulesEnd       = spec.CmdRulesEnd
)

// requests are all commands that are one: between them are notifications.
var requests = func() (list []uint8) {
	for _, op := range spec.Ops {
		if op.Do != nil || op.Dump != nil {
			list = append(list, op.Cmd)
		}
	}
	return list
}()

// Attributes.
const (
	serviceName      = spec.AServiceName
	serviceMode      = spec.AServiceMode
	serviceScheduler = spec.AServiceScheduler
	serviceListen    = spec.AServiceListen
	serviceState     = spec.AServiceState
	serviceTimeouts  = spec.AServiceTimeouts
	serviceLimits    = spec.AServiceLimits
	serviceForward   = spec.AServiceForward
	serviceNow       = spec.AServiceNow

	serverService = spec.AServerService
	serverAddress = spec.AServerAddress
	serverWeight  = spec.AServerWeight

	addressIPv4 = spec.AAddressIPv4
	addressIPv6 = spec.AAddressIPv6
	addressPort = spec.AAddressPort

	connectionID      = spec.AConnectionID
	connectionService = spec.AConnectionService
	connectionClients = spec.AConnectionClients

	settingsMaxConnections = spec.ASettingsMaxConnections
	txGeneration           = spec.ATransactionGeneration
	txDryRun               = spec.ATransactionDryRun
)

func ipv4(a, b, c, d byte) []byte { return attr(addressIPv4, a, b, c, d) }

func ipv6(first ...byte) []byte {
	return attr(addressIPv6, append(append(make([]byte, 0, 16), first...), make([]byte, 16-len(first))...)...)
}

func port(p uint16) []byte { return be16(addressPort, p) }

func listen(attrs ...[]byte) []byte { return nest(serviceListen, attrs...) }

func address(attrs ...[]byte) []byte { return nest(serverAddress, attrs...) }

// What the table holds while the cases run: service "web" with one server.
var (
	web       = str(serviceName, "web")
	webListen = listen(ipv4(127, 0, 0, 1), port(8000))
	webServer = address(ipv4(127, 0, 0, 1), port(81))
	other     = str(serviceName, "other")
	elsewhere = listen(ipv4(127, 0, 0, 1), port(8001))
	another   = address(ipv4(127, 0, 0, 1), port(82))
)

var fixture = []struct {
	cmd   uint8
	attrs []byte
}{
	{cmdServiceNew, cat(web, webListen)},
	{cmdServerNew, cat(web, webServer)},
}

// refusal is a request and why it must fail.
type refusal struct {
	name    string
	cmd     uint8
	attrs   []byte
	errno   syscall.Errno
	message string // part of the kernel's reason
	at      []byte // the attribute the kernel must point at
	missing uint16 // or the type of the one it must miss
}

func refusals() []refusal {
	const (
		inval  = syscall.EINVAL
		erange = syscall.ERANGE
	)
	shortNest := attr(addressIPv4, 1, 2, 3)
	longName := str(serviceName, strings.Repeat("x", 32))
	return []refusal{
		{name: "a service without a name", cmd: cmdServiceNew, attrs: elsewhere, errno: inval, message: "name is missing", missing: serviceName},
		{name: "a service without an address", cmd: cmdServiceNew, attrs: other, errno: inval, message: "listen address is missing", missing: serviceListen},
		{name: "an empty name", cmd: cmdServiceNew, attrs: cat(str(serviceName, ""), elsewhere), errno: inval, message: "empty", at: str(serviceName, "")},
		{name: "a name of 32 bytes", cmd: cmdServiceNew, attrs: cat(longName, elsewhere), errno: inval, at: longName},
		{name: "a name without its end", cmd: cmdServiceNew, attrs: cat(attr(serviceName, 'o', 't', 'h'), elsewhere), errno: inval, at: attr(serviceName, 'o', 't', 'h')},
		{name: "a name with two ends", cmd: cmdServiceNew, attrs: cat(attr(serviceName, 'o', 0, 'x', 0), elsewhere), errno: inval, message: "after its end", at: attr(serviceName, 'o', 0, 'x', 0)},
		{name: "a name with a space", cmd: cmdServiceNew, attrs: cat(str(serviceName, "a b"), elsewhere), errno: inval, message: "0x20", at: str(serviceName, "a b")},
		{name: "a name with a brace", cmd: cmdServiceNew, attrs: cat(str(serviceName, "a{"), elsewhere), errno: inval, message: "0x7b"},
		{name: "a name that is not ASCII", cmd: cmdServiceNew, attrs: cat(str(serviceName, "ä"), elsewhere), errno: inval, message: "0xc3"},
		{name: "a name that exists", cmd: cmdServiceNew, attrs: cat(web, elsewhere), errno: syscall.EEXIST, message: `"web" already`, at: web},
		{name: "an address that is used", cmd: cmdServiceNew, attrs: cat(other, webListen), errno: syscall.EADDRINUSE, message: `"other" has the address and port of "web"`},
		{name: "an unknown mode", cmd: cmdServiceNew, attrs: cat(other, elsewhere, u32(serviceMode, 3)), errno: erange, at: u32(serviceMode, 3)},
		{name: "an unknown scheduler", cmd: cmdServiceNew, attrs: cat(other, elsewhere, str(serviceScheduler, "best")), errno: syscall.ENOENT, message: `scheduler "best"`, at: str(serviceScheduler, "best")},
		{name: "a state", cmd: cmdServiceNew, attrs: cat(other, elsewhere, u32(serviceState, 1)), errno: inval, at: u32(serviceState, 1)},
		{name: "a flag that does not exist", cmd: cmdServiceNew, attrs: cat(other, elsewhere, u32(serviceForward, 32)), errno: inval, at: u32(serviceForward, 32)},
		{name: "a mode of two bytes", cmd: cmdServiceNew, attrs: cat(other, elsewhere, attr(serviceMode, 1, 0)), errno: inval, at: attr(serviceMode, 1, 0)},
		{name: "a mode of eight bytes", cmd: cmdServiceNew, attrs: cat(other, elsewhere, attr(serviceMode, make([]byte, 8)...)), errno: inval},
		{name: "an unknown attribute", cmd: cmdServiceNew, attrs: cat(other, elsewhere, u32(99, 1)), errno: inval, at: u32(99, 1)},
		{name: "an attribute longer than the message", cmd: cmdServiceNew, attrs: cat(other, elsewhere, lying(serviceMode, 400, 0, 0, 0, 0)), errno: inval},
		{name: "an attribute shorter than its header", cmd: cmdServiceNew, attrs: cat(other, elsewhere, lying(serviceMode, 3, 0, 0, 0, 0)), errno: inval},
		{name: "bytes after the attributes", cmd: cmdServiceNew, attrs: cat(other, elsewhere, []byte{1, 2}), errno: inval},

		{name: "an address that is no nest", cmd: cmdServiceNew, attrs: cat(other, attr(serviceListen, cat(ipv4(127, 0, 0, 1), port(9))...)), errno: inval},
		{name: "an empty address", cmd: cmdServiceNew, attrs: cat(other, listen()), errno: inval, message: "IPv4 or IPv6 address is missing", missing: addressIPv4},
		{name: "an address without a port", cmd: cmdServiceNew, attrs: cat(other, listen(ipv4(127, 0, 0, 1))), errno: inval, message: "port is missing", missing: addressPort},
		{name: "two addresses in one", cmd: cmdServiceNew, attrs: cat(other, listen(ipv4(127, 0, 0, 1), ipv6(0xfd), port(9))), errno: inval, message: "not both", at: ipv6(0xfd)},
		{name: "port 0", cmd: cmdServiceNew, attrs: cat(other, listen(ipv4(127, 0, 0, 1), port(0))), errno: erange, at: port(0)},
		{name: "an IPv4 address of three bytes", cmd: cmdServiceNew, attrs: cat(other, listen(shortNest, port(9))), errno: inval, at: shortNest},
		{name: "an IPv6 address of 15 bytes", cmd: cmdServiceNew, attrs: cat(other, listen(attr(addressIPv6, make([]byte, 15)...), port(9))), errno: erange},
		{name: "an IPv6 address of 17 bytes", cmd: cmdServiceNew, attrs: cat(other, listen(attr(addressIPv6, make([]byte, 17)...), port(9))), errno: erange},
		{name: "a multicast address", cmd: cmdServiceNew, attrs: cat(other, listen(ipv4(224, 0, 0, 1), port(9))), errno: inval, message: "multicast", at: ipv4(224, 0, 0, 1)},
		{name: "the broadcast address", cmd: cmdServiceNew, attrs: cat(other, listen(ipv4(255, 255, 255, 255), port(9))), errno: inval, message: "broadcast"},
		{name: "a mapped address", cmd: cmdServiceNew, attrs: cat(other, listen(ipv6(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1), port(9))), errno: inval, message: "give it as IPv4"},
		{name: "a link-local address", cmd: cmdServiceNew, attrs: cat(other, listen(ipv6(0xfe, 0x80), port(9))), errno: inval, message: "link-local"},
		{name: "a timeout of 0", cmd: cmdServiceSet, attrs: cat(web, nest(serviceTimeouts, u32(1, 0))), errno: erange, at: u32(1, 0)},
		{name: "a timeout of two days", cmd: cmdServiceSet, attrs: cat(web, nest(serviceTimeouts, u32(1, 5000), u32(2, 172800000))), errno: erange, at: u32(2, 172800000)},
		{name: "a backlog of 0", cmd: cmdServiceSet, attrs: cat(web, nest(serviceLimits, u32(2, 0))), errno: erange, at: u32(2, 0)},
		{name: "an unknown limit", cmd: cmdServiceSet, attrs: cat(web, nest(serviceLimits, u32(44, 1))), errno: inval, at: u32(44, 1)},
		{name: "0 connections", cmd: cmdSettingsSet, attrs: u32(settingsMaxConnections, 0), errno: erange, at: u32(settingsMaxConnections, 0)},

		{name: "to change an unknown service", cmd: cmdServiceSet, attrs: other, errno: syscall.ENOENT, message: `no service "other"`, at: other},
		{name: "to remove an unknown service", cmd: cmdServiceDel, attrs: other, errno: syscall.ENOENT, message: `no service "other"`, at: other},
		{name: "to start an unknown service", cmd: cmdStart, attrs: other, errno: syscall.ENOENT, message: `no service "other"`, at: other},
		{name: "to stop an unknown service", cmd: cmdStop, attrs: other, errno: syscall.ENOENT, message: `no service "other"`, at: other},
		{name: "to stop a stopped service", cmd: cmdStop, attrs: web, errno: syscall.EALREADY, message: "stopped already"},
		{name: "to show an unknown service", cmd: cmdServiceGet, attrs: other, errno: syscall.ENOENT, message: `no service "other"`, at: other},

		{name: "a server of no service", cmd: cmdServerNew, attrs: another, errno: inval, message: "service is missing", missing: serverService},
		{name: "a server of an unknown service", cmd: cmdServerNew, attrs: cat(other, another), errno: syscall.ENOENT, message: `no service "other"`, at: other},
		{name: "a server without an address", cmd: cmdServerNew, attrs: web, errno: inval, message: "address is missing", missing: serverAddress},
		{name: "a server that exists", cmd: cmdServerNew, attrs: cat(web, webServer), errno: syscall.EEXIST, message: `"web" has this server already`, at: webServer},
		{name: "server 0.0.0.0", cmd: cmdServerNew, attrs: cat(web, address(ipv4(0, 0, 0, 0), port(80))), errno: inval, message: "not 0.0.0.0", at: ipv4(0, 0, 0, 0)},
		{name: "server ::", cmd: cmdServerNew, attrs: cat(web, address(ipv6(), port(80))), errno: inval, message: "not ::", at: ipv6()},
		{name: "weight 65536", cmd: cmdServerNew, attrs: cat(web, another, u32(serverWeight, 65536)), errno: erange, at: u32(serverWeight, 65536)},
		{name: "a good weight, then a bad one", cmd: cmdServerSet, attrs: cat(web, webServer, u32(serverWeight, 5), u32(serverWeight, 65536)), errno: erange, at: u32(serverWeight, 65536)},
		{name: "no weight to change to", cmd: cmdServerSet, attrs: cat(web, webServer), errno: inval, message: "weight is missing", missing: serverWeight},
		{name: "to change an unknown server", cmd: cmdServerSet, attrs: cat(web, another, u32(serverWeight, 5)), errno: syscall.ENOENT, message: "no server of this address", at: another},
		{name: "to remove an unknown server", cmd: cmdServerDel, attrs: cat(web, another), errno: syscall.ENOENT, message: "no server of this address", at: another},
		{name: "to show an unknown server", cmd: cmdServerGet, attrs: cat(web, another), errno: syscall.ENOENT, message: "no server of this address", at: another},

		{name: "to reset an unknown service", cmd: cmdStatsZero, attrs: other, errno: syscall.ENOENT, message: `no service "other"`, at: other},
		{name: "to reset an unknown server", cmd: cmdStatsZero, attrs: cat(web, another), errno: syscall.ENOENT, message: "no server of this address", at: another},
		{name: "to reset a server of no service", cmd: cmdStatsZero, attrs: webServer, errno: inval, message: "service is missing", missing: serverService},
		{name: "to reset a name of 32 bytes", cmd: cmdStatsZero, attrs: longName, errno: inval, at: longName},
		{name: "to reset a server without a port", cmd: cmdStatsZero, attrs: cat(web, address(ipv4(127, 0, 0, 1))), errno: inval, message: "port is missing", missing: addressPort},
		{name: "to reset by a weight", cmd: cmdStatsZero, attrs: cat(web, u32(serverWeight, 1)), errno: inval, at: u32(serverWeight, 1)},

		{name: "to kill a connection that is not", cmd: cmdKill, attrs: u32(connectionID, 1<<16), errno: syscall.ENOENT, message: "no connection 10000", at: u32(connectionID, 1<<16)},
		{name: "to kill a connection of no worker", cmd: cmdKill, attrs: u32(connectionID, 1<<16-1), errno: syscall.ENOENT, message: "no connection ffff", at: u32(connectionID, 1<<16-1)},
		{name: "to kill nothing", cmd: cmdKill, errno: inval, message: "number of the connection is missing", missing: connectionID},
		{name: "to kill all of a service", cmd: cmdKill, attrs: str(connectionService, "web"), errno: inval},

		{name: "to commit nothing", cmd: cmdCommit, errno: syscall.ENOENT, message: "no transaction"},
		{name: "to abort nothing", cmd: cmdAbort, errno: syscall.ENOENT, message: "no transaction"},
		{name: "to begin on another generation", cmd: cmdBegin, attrs: u32(txGeneration, 4000000000), errno: syscall.ESTALE, message: "based on generation 4000000000", at: u32(txGeneration, 4000000000)},
		{name: "an unknown command", cmd: 99, errno: syscall.EOPNOTSUPP},
	}
}

// check says what is wrong with the kernel's answer to r, or nothing.
func (r *refusal) check(a answer) error {
	offset := 0
	if r.at != nil {
		offset = 20 + strings.Index(string(r.attrs), string(r.at))
	}
	switch {
	case a.errno != r.errno:
		return fmt.Errorf("answer %d (%v, %q), wanted %d (%v)", a.errno, a.errno, a.message, r.errno, r.errno)
	case !strings.Contains(a.message, r.message):
		return fmt.Errorf("reason %q, wanted %q", a.message, r.message)
	case offset != 0 && a.offset != offset:
		return fmt.Errorf("points at byte %d, wanted %d (%q)", a.offset, offset, a.message)
	case r.missing != 0 && a.missing != int(r.missing):
		return fmt.Errorf("misses attribute %d, wanted %d", a.missing, r.missing)
	case a.message == "" && a.offset == 0 && r.errno != syscall.EOPNOTSUPP:
		return fmt.Errorf("%v without a reason", a.errno)
	}
	return nil
}
