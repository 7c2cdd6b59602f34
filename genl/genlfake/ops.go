// SPDX-License-Identifier: MIT

// The operations: what each does to the configuration and what it answers.

package genlfake

import (
	"reflect"
	"slices"
	"strings"
	"syscall"

	"github.com/mdlayher/netlink"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/genl/internal/spec"
)

// do works on a request that is no dump.
func (k *Kernel) do(s *socket, op *spec.Op, found attrs) ([]message, *refusal) {
	switch op.Cmd {
	case spec.CmdInfoGet:
		return k.info(), nil
	case spec.CmdSettingsGet:
		ae := netlink.NewAttributeEncoder()
		ae.Uint32(spec.ASettingsMaxConnections, k.settings.MaxConnections)
		return []message{{op.Cmd, must(ae.Encode())}}, nil
	case spec.CmdServiceGet:
		svc, r := k.config.find(found, spec.AServiceName)
		if r != nil {
			return nil, r
		}
		return []message{k.serviceMessage(op.Cmd, svc)}, nil
	case spec.CmdServerGet:
		svc, srv, r := k.config.findServer(found)
		if r != nil {
			return nil, r
		}
		return []message{k.serverMessage(op.Cmd, svc, srv)}, nil
	case spec.CmdTransactionBegin:
		return nil, k.begin(s, found)
	case spec.CmdTransactionCommit:
		return k.commit(s, found)
	case spec.CmdTransactionAbort:
		if s.tx == nil {
			return nil, refuse(syscall.EINVAL, nil, "there is no transaction on this socket")
		}
		s.tx = nil
		return nil, nil
	case spec.CmdSettingsSet, spec.CmdServiceStart, spec.CmdServiceStop:
		if s.tx != nil {
			return nil, refuse(syscall.EBUSY, nil, "this cannot be part of a transaction")
		}
		return nil, k.immediate(op, found)
	}
	if s.tx != nil {
		return nil, k.stage(op, found, s.tx)
	}
	tx := &transaction{base: k.config.generation, config: k.config.clone()}
	if r := k.stage(op, found, tx); r != nil {
		return nil, r
	}
	k.publish(tx)
	return nil, nil
}

// stage makes one change in a candidate; a refused one leaves it as it was.
func (k *Kernel) stage(op *spec.Op, found attrs, tx *transaction) *refusal {
	candidate := tx.config.clone()
	var (
		r     *refusal
		event message
	)
	switch op.Cmd {
	case spec.CmdServiceNew:
		event, r = k.serviceNew(candidate, found)
	case spec.CmdServiceSet:
		var svc *service
		if svc, r = candidate.find(found, spec.AServiceName); r == nil {
			r = svc.apply(k, candidate, found)
			event = message{cmd: spec.CmdServiceNtf, data: []byte(svc.name)}
		}
	case spec.CmdServiceDel:
		var svc *service
		if svc, r = candidate.find(found, spec.AServiceName); r == nil {
			candidate.services = slices.DeleteFunc(candidate.services, func(o *service) bool { return o == svc })
			event = deleted(svc)
		}
	case spec.CmdFlush:
		for _, svc := range candidate.services {
			tx.events = append(tx.events, deleted(svc))
		}
		candidate.services = nil
		tx.config = candidate
		return nil
	default:
		event, r = k.changeServer(op, candidate, found)
	}
	if r != nil {
		return r
	}
	tx.config = candidate
	tx.events = append(tx.events, event)
	return nil
}

func (k *Kernel) serviceNew(c *config, found attrs) (message, *refusal) {
	a := found[spec.AServiceName]
	svc, r := c.find(found, spec.AServiceName)
	if svc != nil {
		return message{}, refuse(syscall.EEXIST, a, "there is a service %q already", svc.name)
	}
	if r.errno != syscall.ENOENT {
		return message{}, r
	}
	if !found.has(spec.AServiceListen) {
		return message{}, refuse(syscall.EINVAL, nil, "the listening address is missing")
	}
	svc = &service{
		name:      a.text(),
		mode:      genl.ModeHTTP,
		scheduler: "wlc",
		timeouts:  cloneMap(defaultTimeouts),
		limits:    cloneMap(defaultLimits),
		forwarded: 1,
	}
	svc.id = k.id()
	if r := svc.apply(k, c, found); r != nil {
		return message{}, r
	}
	c.services = append(c.services, svc)
	return message{cmd: spec.CmdServiceNtf, data: []byte(svc.name)}, nil
}

func (k *Kernel) changeServer(op *spec.Op, c *config, found attrs) (message, *refusal) {
	svc, srv, r := c.findServer(found)
	if op.Cmd == spec.CmdServerNew {
		if srv != nil {
			return message{}, refuse(syscall.EEXIST, found[spec.AServerAddress], "service %q has this server already", svc.name)
		}
		if r.errno != syscall.ENOENT || svc == nil {
			return message{}, r
		}
		addr, _ := found[spec.AServerAddress].address()
		srv = &realServer{id: k.id(), addr: addr, weight: 1}
		svc.servers = append(svc.servers, srv)
	} else if r != nil {
		return message{}, r
	}
	if op.Cmd == spec.CmdServerDel {
		svc.servers = slices.DeleteFunc(svc.servers, func(o *realServer) bool { return o == srv })
		ae := netlink.NewAttributeEncoder()
		ae.String(spec.AServerService, svc.name)
		ae.Uint32(spec.AServerID, srv.id)
		address(ae, spec.AServerAddress, srv.addr)
		return message{spec.CmdServerDelNtf, must(ae.Encode())}, nil
	}
	if a := found[spec.AServerWeight]; a != nil {
		srv.weight = uint32(a.number())
	}
	return message{cmd: spec.CmdServerNtf, data: []byte(svc.name + " " + srv.addr.String())}, nil
}

func deleted(svc *service) message {
	ae := netlink.NewAttributeEncoder()
	ae.String(spec.AServiceName, svc.name)
	ae.Uint32(spec.AServiceID, svc.id)
	return message{spec.CmdServiceDelNtf, must(ae.Encode())}
}

// publish makes a candidate the configuration, starts and ends what runs, and
// tells it.
func (k *Kernel) publish(tx *transaction) {
	tx.config.generation = k.config.generation + 1
	k.config = tx.config
	services, servers := map[uint32]bool{}, map[uint32]bool{}
	for _, svc := range k.config.services {
		services[svc.id] = true
		if k.run[svc.id] == nil {
			k.run[svc.id] = &running{}
		}
		for _, srv := range svc.servers {
			servers[srv.id] = true
			if k.serving[srv.id] == nil {
				k.serving[srv.id] = &genl.ServerStats{}
			}
		}
	}
	for id := range k.run {
		if !services[id] {
			delete(k.run, id)
		}
	}
	for id := range k.serving {
		if !servers[id] {
			delete(k.serving, id)
		}
	}
	var events []message
	for _, e := range tx.events {
		// What was added or changed is told as it is in the end; what
		// is gone again by then is not.
		switch e.cmd {
		case spec.CmdServiceNtf:
			if svc := k.config.service(string(e.data)); svc != nil {
				events = append(events, k.serviceMessage(e.cmd, svc))
			}
		case spec.CmdServerNtf:
			name, addr, _ := strings.Cut(string(e.data), " ")
			svc := k.config.service(name)
			if svc == nil {
				continue
			}
			for _, srv := range svc.servers {
				if srv.addr.String() == addr {
					events = append(events, k.serverMessage(e.cmd, svc, srv))
				}
			}
		default:
			events = append(events, e)
		}
	}
	k.notify(events)
}

func (k *Kernel) begin(s *socket, found attrs) *refusal {
	if s.tx != nil {
		return refuse(syscall.EBUSY, nil, "this socket has a transaction already")
	}
	if k.transactions() >= maxTransactions {
		return refuse(syscall.EBUSY, nil, "%d transactions are open already", maxTransactions)
	}
	tx := &transaction{base: k.config.generation, config: k.config.clone()}
	if a := found[spec.ATransactionGeneration]; a != nil {
		tx.base = uint32(a.number())
	}
	s.tx = tx
	return nil
}

func (k *Kernel) commit(s *socket, found attrs) ([]message, *refusal) {
	tx := s.tx
	if tx == nil {
		return nil, refuse(syscall.EINVAL, nil, "there is no transaction on this socket")
	}
	if tx.base != k.config.generation {
		return nil, refuse(syscall.ESTALE, nil, "the configuration is at generation %d, the transaction was based on %d", k.config.generation, tx.base)
	}
	for _, svc := range tx.config.services {
		old := k.config.service(svc.name)
		if old != nil && old.id == svc.id && k.run[svc.id].state != genl.ServiceStateStopped &&
			(old.listen != svc.listen || old.mode != svc.mode) {
			return nil, refuse(syscall.EBUSY, nil, "service %q was started meanwhile", svc.name)
		}
	}
	if !found.has(spec.ATransactionDryRun) {
		k.publish(tx)
		s.tx = nil
	}
	ae := netlink.NewAttributeEncoder()
	ae.Uint32(spec.ATransactionGeneration, k.config.generation)
	return []message{{spec.CmdTransactionCommit, must(ae.Encode())}}, nil
}

// immediate is what no transaction can hold.
func (k *Kernel) immediate(op *spec.Op, found attrs) *refusal {
	if op.Cmd == spec.CmdSettingsSet {
		if a := found[spec.ASettingsMaxConnections]; a != nil {
			k.settings.MaxConnections = uint32(a.number())
		}
		return nil
	}
	svc, r := k.config.find(found, spec.AServiceName)
	if r != nil {
		return r
	}
	run := k.run[svc.id]
	if op.Cmd == spec.CmdServiceStart {
		if run.state == genl.ServiceStateRunning {
			return nil
		}
		if k.occupied[svc.listen] {
			return refuse(syscall.EADDRINUSE, found[spec.AServiceName], "another program listens on the address of service %.24s", svc.name)
		}
		run.state = genl.ServiceStateRunning
	} else {
		if run.state == genl.ServiceStateStopped {
			return nil
		}
		run.state = genl.ServiceStateStopped
		if run.stats.Active > 0 && !found.has(spec.AServiceNow) {
			run.state = genl.ServiceStateDraining
		}
	}
	k.notify([]message{k.serviceMessage(spec.CmdServiceNtf, svc)})
	return nil
}

func (k *Kernel) startDump(s *socket, m netlink.Message, op *spec.Op, found attrs) *refusal {
	if s.dump != nil {
		return refuse(syscall.EBUSY, nil, "")
	}
	d := &dump{op: op, generation: k.config.generation, header: netlink.Header{Sequence: m.Header.Sequence, PID: s.pid}}
	if op.Cmd == spec.CmdServerGet && found.has(spec.AServerService) {
		svc, r := k.config.find(found, spec.AServerService)
		if r != nil {
			return r
		}
		d.service = svc.name
	}
	s.dump = d
	s.changed()
	return nil
}

// objects returns the next few objects of a dump and moves its cursor. Services
// and servers go by id, which grows with every one added.
func (k *Kernel) objects(d *dump) []message {
	var all []message
	var keys []uint32
	add := func(key uint32, m message) {
		if key > d.cursor {
			keys, all = append(keys, key), append(all, m)
		}
	}
	switch d.op.Cmd {
	case spec.CmdServiceGet:
		for _, svc := range k.config.services {
			add(svc.id, k.serviceMessage(d.op.Cmd, svc))
		}
	case spec.CmdServerGet:
		for _, svc := range k.config.services {
			for _, srv := range svc.servers {
				if d.service == "" || d.service == svc.name {
					add(srv.id, k.serverMessage(d.op.Cmd, svc, srv))
				}
			}
		}
	case spec.CmdSchedulerGet:
		for i, sc := range schedulers {
			ae := netlink.NewAttributeEncoder()
			ae.String(spec.ASchedulerName, sc.Name)
			ae.String(spec.ASchedulerDoc, sc.Doc)
			add(uint32(i)+1, message{d.op.Cmd, must(ae.Encode())})
		}
	case spec.CmdWorkerGet:
		for i := range k.workers {
			ae := netlink.NewAttributeEncoder()
			scalars(ae, spec.SetWorker, &k.workers[i])
			add(uint32(i)+1, message{d.op.Cmd, must(ae.Encode())})
		}
	}
	order := make([]int, len(keys))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return int(keys[a]) - int(keys[b]) })
	order = order[:min(len(order), k.piece)]
	batch := make([]message, len(order))
	for i, j := range order {
		batch[i] = all[j]
		d.cursor = keys[j]
	}
	return batch
}

func (k *Kernel) info() []message {
	v := genl.Info{
		Version:    k.version,
		Generation: k.config.generation,
		Services:   uint32(len(k.config.services)),
		Workers:    uint32(len(k.workers)),
	}
	for _, svc := range k.config.services {
		v.Servers += uint32(len(svc.servers))
		v.Connections += uint32(k.run[svc.id].stats.Active)
	}
	ae := netlink.NewAttributeEncoder()
	scalars(ae, spec.SetInfo, &v)
	return []message{{spec.CmdInfoGet, must(ae.Encode())}}
}

// scalars encodes a struct by the tables, not by the client's own encoders: the
// JSON names of its fields are those of the specification.
func scalars(ae *netlink.AttributeEncoder, set *spec.Set, v any) {
	rv := reflect.ValueOf(v).Elem()
	for i := range set.Attributes {
		a := &set.Attributes[i]
		if a.Kind == spec.KindPad {
			continue
		}
		f := rv.FieldByNameFunc(func(name string) bool {
			sf, _ := rv.Type().FieldByName(name)
			return sf.Tag.Get("json") == strings.ReplaceAll(a.Name, "-", "_")
		})
		switch {
		case a.Kind == spec.KindString:
			ae.String(a.Type, f.String())
		case a.Kind == spec.KindUint && f.Uint()>>32 != 0:
			ae.Uint64(a.Type, f.Uint())
		default:
			ae.Uint32(a.Type, uint32(f.Uint()))
		}
	}
}
