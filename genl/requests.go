// SPDX-License-Identifier: MIT

// Everything that can be asked of the family, one method a request. A method
// encodes its attributes, names the object for the error, and leaves sending,
// acknowledgements and time limits to conn.

package genl

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"

	"github.com/ktcpvs/ktcpvs/internal/spec"
)

// Client is a connection to the family in one network namespace. The changes
// it makes, those of the interface Changer, take effect one by one.
type Client struct {
	changer
	o *options
}

// Close ends the connection; requests under way fail with ErrClosed.
// Transactions and monitors that the Client opened live on.
func (c *Client) Close() error { return c.conn.close() }

// request is one message to the kernel.
type request struct {
	cmd    uint8
	object string
	onWay  uint8 // to which request this one is a step; 0: to none
	dump   bool
	fill   func(ae *netlink.AttributeEncoder) // nil: no attributes
	attrs  []byte                             // without fill: the attributes
}

// fail makes the error of r.
func (r *request) fail(err error) *Error {
	e := &Error{Object: r.object, Err: err}
	cmd := r.cmd
	if r.onWay != 0 {
		cmd = r.onWay
	}
	if op := spec.ByCmd(cmd); op != nil {
		e.Op = op.Name
	}
	return e
}

// as returns a request that is a step of r and whose errors are r's.
func (r *request) as(cmd uint8) request {
	return request{cmd: cmd, object: r.object, onWay: r.cmd}
}

func (r *request) attributes() ([]byte, error) {
	if r.fill == nil {
		return r.attrs, nil
	}
	ae := netlink.NewAttributeEncoder()
	r.fill(ae)
	return ae.Encode()
}

func serviceObject(name string) string { return "service " + quote(name) }

// quote cuts what no name can be as long as.
func quote(name string) string {
	if len(name) > 2*NameMax {
		return fmt.Sprintf("%q...", name[:2*NameMax])
	}
	return fmt.Sprintf("%q", name)
}

func serverObject(service string, addr netip.AddrPort) string {
	return fmt.Sprintf("server %s of service %s", addr, quote(service))
}

// changer makes changes over a connection; Client and Tx share it.
type changer struct{ conn *conn }

func (c changer) change(ctx context.Context, r request) error {
	_, _, err := c.conn.execute(ctx, &r)
	return err
}

// AddService adds a virtual service, stopped until it is started.
func (c changer) AddService(ctx context.Context, name string, conf ServiceConfig) error {
	return c.change(ctx, request{cmd: spec.CmdServiceNew, object: serviceObject(name), fill: func(ae *netlink.AttributeEncoder) {
		encodeString(ae, spec.AServiceName, "the name of a service", name)
		conf.encode(ae)
	}})
}

// SetService changes a virtual service; what is nil stays as it is.
func (c changer) SetService(ctx context.Context, name string, conf ServiceConfig) error {
	return c.change(ctx, request{cmd: spec.CmdServiceSet, object: serviceObject(name), fill: func(ae *netlink.AttributeEncoder) {
		encodeString(ae, spec.AServiceName, "the name of a service", name)
		conf.encode(ae)
	}})
}

// DeleteService removes a virtual service with its servers; its connections
// are reset.
func (c changer) DeleteService(ctx context.Context, name string) error {
	return c.change(ctx, named(spec.CmdServiceDel, name))
}

// Flush removes every virtual service.
func (c changer) Flush(ctx context.Context) error {
	return c.change(ctx, request{cmd: spec.CmdFlush})
}

// AddServer adds a real server to a virtual service.
func (c changer) AddServer(ctx context.Context, service string, addr netip.AddrPort, conf ServerConfig) error {
	return c.change(ctx, server(spec.CmdServerNew, service, addr, conf))
}

// SetServer changes a real server; what is nil stays as it is.
func (c changer) SetServer(ctx context.Context, service string, addr netip.AddrPort, conf ServerConfig) error {
	return c.change(ctx, server(spec.CmdServerSet, service, addr, conf))
}

// DeleteServer removes a real server; exchanges in flight finish.
func (c changer) DeleteServer(ctx context.Context, service string, addr netip.AddrPort) error {
	return c.change(ctx, server(spec.CmdServerDel, service, addr, ServerConfig{}))
}

func named(cmd uint8, name string) request {
	return request{cmd: cmd, object: serviceObject(name), fill: func(ae *netlink.AttributeEncoder) {
		encodeString(ae, spec.AServiceName, "the name of a service", name)
	}}
}

func server(cmd uint8, service string, addr netip.AddrPort, conf ServerConfig) request {
	return request{cmd: cmd, object: serverObject(service, addr), fill: func(ae *netlink.AttributeEncoder) {
		encodeString(ae, spec.AServerService, "the name of a service", service)
		encodeAddress(ae, spec.AServerAddress, addr)
		if conf.Weight != nil {
			ae.Uint32(spec.AServerWeight, *conf.Weight)
		}
	}}
}

// StartService makes a virtual service listen and serve.
func (c *Client) StartService(ctx context.Context, name string) error {
	return c.change(ctx, named(spec.CmdServiceStart, name))
}

// StopService makes a virtual service listen no more. Its connections may
// finish until the drain timeout, or with now are reset at once.
func (c *Client) StopService(ctx context.Context, name string, now bool) error {
	return c.change(ctx, request{cmd: spec.CmdServiceStop, object: serviceObject(name), fill: func(ae *netlink.AttributeEncoder) {
		encodeString(ae, spec.AServiceName, "the name of a service", name)
		ae.Flag(spec.AServiceNow, now)
	}})
}

// SetSettings changes settings of the namespace; what is nil stays as it is.
func (c *Client) SetSettings(ctx context.Context, conf SettingsConfig) error {
	return c.change(ctx, request{cmd: spec.CmdSettingsSet, fill: conf.encode})
}

// ZeroStats lets all counters of the namespace begin anew.
func (c *Client) ZeroStats(ctx context.Context) error {
	return c.change(ctx, request{cmd: spec.CmdStatsZero, object: theCounters})
}

// ZeroService lets the counters of a virtual service and its real servers begin
// anew.
func (c *Client) ZeroService(ctx context.Context, name string) error {
	return c.change(ctx, request{cmd: spec.CmdStatsZero, object: theCounters + " of " + serviceObject(name), fill: func(ae *netlink.AttributeEncoder) {
		encodeString(ae, spec.AServerService, "the name of a service", name)
	}})
}

// ZeroServer lets the counters of one real server begin anew.
func (c *Client) ZeroServer(ctx context.Context, service string, addr netip.AddrPort) error {
	r := server(spec.CmdStatsZero, service, addr, ServerConfig{})
	r.object = theCounters + " of " + r.object
	return c.change(ctx, r)
}

const theCounters = "the counters"

// An object of the protocol is a decoder; or scanned, if there may be many.
type (
	decoder interface {
		decode(ad *netlink.AttributeDecoder) error
	}
	scanned interface{ scan(b []byte) error }
)

func decode(m genetlink.Message, object any) error {
	if v, ok := object.(scanned); ok {
		return v.scan(m.Data)
	}
	ad, err := netlink.NewAttributeDecoder(m.Data)
	if err != nil {
		return err
	}
	return object.(decoder).decode(ad)
}

// get sends a request that is answered by one object.
func (c *conn) get(ctx context.Context, r request, v any) error {
	msgs, _, err := c.execute(ctx, &r)
	if err != nil {
		return err
	}
	if len(msgs) == 0 {
		return r.fail(errors.New("the kernel sent no answer"))
	}
	if err := decode(msgs[0], v); err != nil {
		return r.fail(fmt.Errorf("the kernel's answer is malformed: %w", err))
	}
	return nil
}

// list sends a dump request. Its objects are decoded into a slice that is
// never nil.
func list[T any](ctx context.Context, c *conn, r request) (objects []T, interrupted bool, err error) {
	r.dump = true
	msgs, interrupted, err := c.execute(ctx, &r)
	if err != nil {
		return nil, false, err
	}
	objects = make([]T, len(msgs))
	for i, m := range msgs {
		if err := decode(m, &objects[i]); err != nil {
			return nil, false, r.fail(fmt.Errorf("entry %d of the kernel's answer is malformed: %w", i+1, err))
		}
	}
	return objects, interrupted, nil
}

const (
	listTries = 5
	listPause = 10 * time.Millisecond // times the number of the try
)

// listWhole repeats a dump until no change of the configuration fell into it.
// The kernel flags a dump it knows to be torn, but an entry that vanishes
// between the last object and the end of the dump is flagged on the closing
// message alone, which netlink.Conn does not show; so the generation is
// compared as well.
func listWhole[T any](ctx context.Context, c *Client, r request) ([]T, error) {
	for try := 1; ; try++ {
		var before, after Info
		if err := c.conn.get(ctx, r.as(spec.CmdInfoGet), &before); err != nil {
			return nil, err
		}
		objects, interrupted, err := list[T](ctx, c.conn, r)
		if err != nil {
			return nil, err
		}
		if !interrupted {
			if err := c.conn.get(ctx, r.as(spec.CmdInfoGet), &after); err != nil {
				return nil, err
			}
			if before.Generation == after.Generation {
				return objects, nil
			}
		}
		if try == listTries {
			return objects, r.fail(ErrInconsistent)
		}
		select {
		case <-ctx.Done():
			return nil, r.fail(ctx.Err())
		case <-time.After(time.Duration(try) * listPause):
		}
	}
}

// Info returns version, generation and sizes.
func (c *Client) Info(ctx context.Context) (Info, error) {
	var v Info
	err := c.conn.get(ctx, request{cmd: spec.CmdInfoGet}, &v)
	return v, err
}

// Settings returns the settings of the namespace.
func (c *Client) Settings(ctx context.Context) (Settings, error) {
	var v Settings
	err := c.conn.get(ctx, request{cmd: spec.CmdSettingsGet}, &v)
	return v, err
}

// Service returns one virtual service.
func (c *Client) Service(ctx context.Context, name string) (Service, error) {
	var v Service
	err := c.conn.get(ctx, named(spec.CmdServiceGet, name), &v)
	return v, err
}

// Services returns all virtual services. With ErrInconsistent it returns what
// it read.
func (c *Client) Services(ctx context.Context) ([]Service, error) {
	return listWhole[Service](ctx, c, request{cmd: spec.CmdServiceGet, object: "services"})
}

// Server returns one real server.
func (c *Client) Server(ctx context.Context, service string, addr netip.AddrPort) (Server, error) {
	var v Server
	err := c.conn.get(ctx, server(spec.CmdServerGet, service, addr, ServerConfig{}), &v)
	return v, err
}

// Servers returns the real servers of one virtual service, or with "" of all.
// With ErrInconsistent it returns what it read.
func (c *Client) Servers(ctx context.Context, service string) ([]Server, error) {
	return c.servers(ctx, service, false)
}

// ServersBrief is Servers without Stats and Zeroed, for a fraction of the time.
func (c *Client) ServersBrief(ctx context.Context, service string) ([]Server, error) {
	return c.servers(ctx, service, true)
}

func (c *Client) servers(ctx context.Context, service string, brief bool) ([]Server, error) {
	r := request{cmd: spec.CmdServerGet, object: "servers"}
	if service != "" {
		r.object = "servers of service " + quote(service)
	}
	r.fill = func(ae *netlink.AttributeEncoder) {
		if service != "" {
			encodeString(ae, spec.AServerService, "the name of a service", service)
		}
		ae.Flag(spec.AServerBrief, brief)
	}
	return listWhole[Server](ctx, c, r)
}

// Schedulers returns the schedulers this kernel has.
func (c *Client) Schedulers(ctx context.Context) ([]Scheduler, error) {
	v, _, err := list[Scheduler](ctx, c.conn, request{cmd: spec.CmdSchedulerGet, object: "schedulers"})
	return v, err
}

// Workers returns the worker threads.
func (c *Client) Workers(ctx context.Context) ([]Worker, error) {
	v, _, err := list[Worker](ctx, c.conn, request{cmd: spec.CmdWorkerGet, object: "workers"})
	return v, err
}
