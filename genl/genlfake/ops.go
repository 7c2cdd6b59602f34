// SPDX-License-Identifier: MIT

// The operations: what each does to the configuration and what it answers.

package genlfake

import (
	"maps"
	"net/netip"
	"slices"
	"syscall"

	"github.com/mdlayher/netlink"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/spec"
)

// do works on a request that is no dump.
func (k *Kernel) do(s *socket, op *spec.Op, found attrs) ([]message, *refusal) {
	switch op.Cmd {
	case spec.CmdInfoGet:
		return k.info(), nil
	case spec.CmdSettingsGet:
		return []message{flat(op, &k.settings)}, nil
	case spec.CmdServiceGet:
		svc, r := k.config.find(found, theName)
		if r != nil {
			return nil, r
		}
		return []message{k.serviceMessage(op.Cmd, svc)}, nil
	case spec.CmdServerGet:
		svc, srv, r := k.config.findListed(found)
		if r != nil {
			return nil, r
		}
		return []message{k.serverMessage(op.Cmd, svc, srv, false)}, nil
	case spec.CmdTransactionBegin:
		return nil, k.begin(s, found)
	case spec.CmdTransactionCommit:
		return k.commit(s, found)
	case spec.CmdTransactionAbort:
		if s.tx == nil {
			return nil, noTransaction
		}
		s.tx = nil
		return nil, nil
	case spec.CmdSettingsSet, spec.CmdServiceStart, spec.CmdServiceStop:
		if s.tx != nil {
			return nil, notStaged
		}
		return nil, k.immediate(op, found)
	case spec.CmdStatsZero:
		return nil, k.zero(s, found)
	case spec.CmdConnectionKill:
		return nil, k.kill(found)
	}
	if s.tx != nil {
		if r := k.fresh(s.tx); r != nil {
			return nil, r
		}
		return nil, k.stage(op, found, s.tx)
	}
	if isRules(op.Cmd) {
		return nil, rulesAlone
	}
	tx := &transaction{k.config.clone()}
	if r := k.stage(op, found, tx); r != nil {
		return nil, r
	}
	return nil, k.publish(tx, false)
}

var (
	noTransaction = refuse(syscall.ENOENT, nil, "this socket has no transaction open")
	notStaged     = refuse(syscall.EBUSY, nil, "not part of a transaction: commit or abort the open one first")
)

// fresh refuses a transaction that another change came before.
func (k *Kernel) fresh(tx *transaction) *refusal {
	if tx.config.generation == k.config.generation {
		return nil
	}
	return refuse(syscall.ESTALE, nil, "based on generation %d, but the present one is %d", tx.config.generation, k.config.generation)
}

// stage makes one change in a candidate; a refused one leaves it as it was.
func (k *Kernel) stage(op *spec.Op, found attrs, tx *transaction) *refusal {
	c := tx.config.clone()
	var r *refusal
	switch op.Cmd {
	case spec.CmdServiceNew:
		r = k.serviceNew(c, found)
	case spec.CmdServiceSet:
		r = k.serviceSet(c, found)
	case spec.CmdServiceDel:
		var svc *service
		if svc, r = c.find(found, theName); r == nil {
			c.services = slices.DeleteFunc(c.services, func(o *service) bool { return o == svc })
		}
	case spec.CmdFlush:
		c.services = nil
	default:
		if isRules(op.Cmd) {
			r = changeRules(op, c, found)
			break
		}
		r = k.changeServer(op, c, found)
	}
	if r == nil {
		tx.config = c
	}
	return r
}

// serviceNew adds a service. One that the present configuration has under the
// same name goes on with its connections, although the candidate may have
// deleted it; unless it runs elsewhere or otherwise.
func (k *Kernel) serviceNew(c *config, found attrs) *refusal {
	a, r := serviceName(found, theName)
	if r != nil {
		return r
	}
	svc := &service{
		name:      a.text(),
		mode:      genl.ModeHTTP,
		scheduler: "wlc",
		timeouts:  maps.Clone(defaultTimeouts),
		limits:    maps.Clone(defaultLimits),
		forward:   uint32(genl.ForwardXForwardedFor),
		hash:      defaultHash,
	}
	if r := svc.edit(found); r != nil {
		return r
	}
	if r := svc.sensible(found); r != nil && found.has(spec.AServiceListen) && c.service(svc.name) == nil {
		return r
	}
	if !found.has(spec.AServiceListen) {
		return refuse(syscall.EINVAL, nil, "the listen address is missing")
	}
	if c.service(svc.name) != nil {
		return refuse(syscall.EEXIST, a, "there is a service \"%.24s\" already", svc.name)
	}
	base := k.config.service(svc.name)
	if svc.cookie != nil && svc.cookie.key == "" && base != nil && base.cookie != nil {
		svc.cookie.key = base.cookie.key
	}
	if base != nil && (k.run[base.id].state == genl.ServiceStateStopped || base.mode == svc.mode && base.listen == svc.listen) {
		svc.id = base.id
	} else {
		svc.id = k.id()
	}
	k.numberFallback(svc)
	c.services = append(c.services, svc)
	return nil
}

func (k *Kernel) serviceSet(c *config, found attrs) *refusal {
	a, r := serviceName(found, theName)
	if r != nil {
		return r
	}
	wanted := &service{timeouts: map[uint16]uint64{}, limits: map[uint16]uint64{}}
	if r := wanted.edit(found); r != nil { // what the request says comes first
		return r
	}
	svc, r := c.find(found, theName)
	if r != nil {
		return r
	}
	if run := k.run[svc.id]; run != nil && run.state != genl.ServiceStateStopped {
		if l := found[spec.AServiceListen]; l != nil && wanted.listen != svc.listen {
			return refuse(syscall.EBUSY, l, "service \"%.24s\" runs: stop it to change its address", a.text())
		}
		if m := found[spec.AServiceMode]; m != nil && wanted.mode != svc.mode {
			return refuse(syscall.EBUSY, m, "service \"%.24s\" runs: stop it to change its mode", a.text())
		}
	}
	changed := svc.clone()
	if r := changed.edit(found); r != nil {
		return r
	}
	if r := changed.sensible(found); r != nil {
		return r
	}
	if r := svc.edit(found); r != nil {
		return r
	}
	k.numberFallback(svc)
	return nil
}

func (k *Kernel) changeServer(op *spec.Op, c *config, found attrs) *refusal {
	svc, srv, addr, r := c.findServer(found)
	if op.Cmd != spec.CmdServerNew {
		if r != nil {
			return r
		}
		if op.Cmd == spec.CmdServerSet && !found.has(spec.AServerWeight) {
			return refuse(syscall.EINVAL, nil, "the weight is missing")
		}
		if op.Cmd == spec.CmdServerDel {
			svc.servers = slices.DeleteFunc(svc.servers, func(o *realServer) bool { return o == srv })
			return nil
		}
	} else {
		if srv != nil {
			return refuse(syscall.EEXIST, found[spec.AServerAddress], "service \"%.24s\" has this server already", svc.name)
		}
		if svc == nil {
			return r
		}
		srv = &realServer{addr: addr, weight: 1}
		if base := k.config.service(svc.name); base != nil && base.id == svc.id && base.server(addr) != nil {
			srv.id = base.server(addr).id
		} else {
			srv.id = k.id()
		}
		svc.servers = append(svc.servers, srv)
	}
	if a := found[spec.AServerWeight]; a != nil {
		srv.weight = uint32(a.number())
	}
	return nil
}

// publish makes a candidate the configuration and tells what became of whom.
func (k *Kernel) publish(tx *transaction, dryRun bool) *refusal {
	if r := k.fresh(tx); r != nil {
		return r
	}
	if r := k.checkRules(tx.config); r != nil {
		return r
	}
	if r := tx.config.checkFallbacks(); r != nil {
		return r
	}
	if r := tx.config.checkListens(); r != nil || dryRun {
		return r
	}
	old := k.config
	k.config = tx.config.clone()
	k.config.generation++
	was, is := map[uint32]*service{}, map[uint32]*service{}
	ids := map[uint32]bool{}
	for _, svc := range old.services {
		was[svc.id], ids[svc.id] = svc, true
	}
	for _, svc := range k.config.services {
		is[svc.id], ids[svc.id] = svc, true
		if k.run[svc.id] == nil {
			k.run[svc.id] = &running{}
		}
		for _, srv := range svc.listed() {
			if k.serving[srv.id] == nil {
				k.serving[srv.id] = &serving{}
			}
		}
	}
	var events []message
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		events = append(events, k.difference(was[id], is[id])...)
	}
	k.notify(events)
	return nil
}

// difference makes the notifications about one service and forgets what is
// gone.
func (k *Kernel) difference(was, is *service) (events []message) {
	servers := map[uint32]*realServer{}
	if was != nil {
		for _, srv := range was.listed() {
			servers[srv.id] = srv
		}
	}
	if is == nil {
		delete(k.run, was.id)
		for id := range servers {
			delete(k.serving, id)
		}
		ae := netlink.NewAttributeEncoder()
		ae.String(spec.AServiceName, was.name)
		ae.Uint32(spec.AServiceID, was.id)
		return []message{{spec.CmdServiceDelNtf, must(ae.Encode())}}
	}
	if was == nil || !was.same(is) {
		events = append(events, k.serviceMessage(spec.CmdServiceNtf, is))
	}
	for _, srv := range is.listed() {
		if before := servers[srv.id]; before == nil || before.weight != srv.weight {
			events = append(events, k.serverMessage(spec.CmdServerNtf, is, srv, false))
		}
		delete(servers, srv.id)
	}
	for _, id := range slices.Sorted(maps.Keys(servers)) {
		delete(k.serving, id)
		ae := netlink.NewAttributeEncoder()
		ae.String(spec.AServerService, is.name)
		ae.Uint32(spec.AServerID, id)
		address(ae, spec.AServerAddress, servers[id].addr)
		events = append(events, message{spec.CmdServerDelNtf, must(ae.Encode())})
	}
	return events
}

func (k *Kernel) begin(s *socket, found attrs) *refusal {
	if s.tx != nil {
		return refuse(syscall.EBUSY, nil, "this socket has a transaction open already")
	}
	if n := k.transactions(); n >= maxTransactions {
		return refuse(syscall.EBUSY, nil, "%d transactions are open: wait for one to end", n)
	}
	tx := &transaction{k.config.clone()}
	if a := found[spec.ATransactionGeneration]; a != nil {
		tx.config.generation = uint32(a.number())
		if r := k.fresh(tx); r != nil {
			r.offset = a.offset
			return r
		}
	}
	s.tx = tx
	return nil
}

func (k *Kernel) commit(s *socket, found attrs) ([]message, *refusal) {
	if s.tx == nil {
		return nil, noTransaction
	}
	dryRun := found.has(spec.ATransactionDryRun)
	if r := k.publish(s.tx, dryRun); r != nil {
		return nil, r
	}
	if !dryRun {
		s.tx = nil
	}
	ae := netlink.NewAttributeEncoder()
	ae.Uint32(spec.ATransactionGeneration, k.config.generation)
	return []message{{spec.CmdTransactionCommit, must(ae.Encode())}}, nil
}

// advance counts what changes no candidate, but is a change as any other.
func (k *Kernel) advance() {
	k.config = k.config.clone()
	k.config.generation++
}

// immediate is what no transaction can hold.
func (k *Kernel) immediate(op *spec.Op, found attrs) *refusal {
	if op.Cmd == spec.CmdSettingsSet {
		if a := found[spec.ASettingsMaxConnections]; a != nil {
			k.settings.MaxConnections = uint32(a.number())
			k.advance()
		}
		return nil
	}
	svc, r := k.config.find(found, theName)
	if r != nil {
		return r
	}
	run := k.run[svc.id]
	now := found.has(spec.AServiceNow)
	switch {
	case op.Cmd == spec.CmdServiceStart && run.state == genl.ServiceStateRunning:
		return refuse(syscall.EALREADY, nil, "service \"%.24s\" runs already", svc.name)
	case op.Cmd == spec.CmdServiceStart && k.occupied[svc.listen]:
		return refuse(syscall.EADDRINUSE, nil, "another socket uses port %d of the listen address", svc.listen.Port())
	case op.Cmd == spec.CmdServiceStart:
		run.state = genl.ServiceStateRunning
	case run.state == genl.ServiceStateStopped:
		return refuse(syscall.EALREADY, nil, "service \"%.24s\" is stopped already", svc.name)
	case run.state == genl.ServiceStateDraining && !now:
		return refuse(syscall.EALREADY, nil, "service \"%.24s\" drains already; see the flag now", svc.name)
	case run.stats.Active > 0 && !now:
		run.state = genl.ServiceStateDraining
	default:
		run.state = genl.ServiceStateStopped
		run.stats.Active = 0
	}
	k.advance()
	k.notify([]message{k.serviceMessage(spec.CmdServiceNtf, svc)})
	return nil
}

// zero lets counters begin anew. Nothing is in flight in a fake kernel but what
// its states say: those stay.
func (k *Kernel) zero(s *socket, found attrs) *refusal {
	name, address := found[spec.AServerService], found[spec.AServerAddress]
	if address != nil && name == nil {
		return refuse(syscall.EINVAL, nil, "%s is missing", theService)
	}
	if name != nil {
		if _, r := serviceName(found, theService); r != nil {
			return r
		}
	}
	if address != nil {
		if _, r := address.address(true); r != nil {
			return r
		}
	}
	if s.tx != nil {
		return notStaged
	}
	var (
		services = k.config.services
		only     *realServer
	)
	if name != nil {
		svc, r := k.config.find(found, theService)
		if r == nil && address != nil {
			_, only, r = k.config.findListed(found)
		}
		if r != nil {
			return r
		}
		services = []*service{svc}
	}
	k.advance()
	var events []message
	for _, svc := range services {
		k.zeroHistograms(svc, only)
		for _, srv := range svc.listed() {
			if only == nil || only == srv {
				v := k.serving[srv.id]
				v.stats = genl.ServerStats{Active: v.stats.Active, Idle: v.stats.Idle}
				v.zeroed = k.config.generation
			}
		}
		if only != nil {
			events = append(events, k.serverMessage(spec.CmdServerNtf, svc, only, false))
			continue
		}
		v := k.run[svc.id]
		v.stats = genl.ServiceStats{Active: v.stats.Active}
		v.zeroed = k.config.generation
		events = append(events, k.serviceMessage(spec.CmdServiceNtf, svc))
	}
	k.notify(events)
	return nil
}

func (k *Kernel) startDump(s *socket, m netlink.Message, op *spec.Op, found attrs) *refusal {
	if s.dump != nil {
		return refuse(syscall.EBUSY, nil, "")
	}
	d := &dump{op: op, generation: k.config.generation, header: netlink.Header{Sequence: m.Header.Sequence, PID: s.pid}}
	if (op.Cmd == spec.CmdServerGet || op.Cmd == spec.CmdRuleGet || op.Cmd == spec.CmdRuleSetGet) && found.has(spec.AServerService) {
		svc, r := k.config.find(found, theService)
		if r != nil {
			return r
		}
		d.service = svc.name
	}
	d.brief = op.Cmd == spec.CmdServerGet && found.has(spec.AServerBrief)
	if op.Cmd == spec.CmdConnectionGet {
		var r *refusal
		if d.wanted, r = k.connectionFilter(found); r != nil {
			return r
		}
	}
	if op.Cmd == spec.CmdHistogramGet {
		var r *refusal
		if d.timed, r = k.histogramFilter(found); r != nil {
			return r
		}
	}
	s.dump = d
	s.changed()
	return nil
}

// kill ends a connection; its service counts it.
func (k *Kernel) kill(found attrs) *refusal {
	a := found[spec.AConnectionID]
	if a == nil {
		return refuse(syscall.EINVAL, nil, "the number of the connection is missing")
	}
	i := slices.IndexFunc(k.conns, func(c genl.Connection) bool { return uint64(c.ID) == a.number() })
	if i < 0 {
		return refuse(syscall.ENOENT, a, "there is no connection %x (any more)", a.number())
	}
	if svc := k.config.service(k.conns[i].Service); svc != nil {
		k.run[svc.id].stats.Killed++
	}
	k.conns = slices.Delete(k.conns, i, i+1)
	return nil
}

// connectionFilter reads what a request wants to see.
func (k *Kernel) connectionFilter(found attrs) (func(*genl.Connection) bool, *refusal) {
	var (
		server  netip.AddrPort
		clients netip.Prefix
		name    string
		r       *refusal
	)
	if a := found[spec.AConnectionServer]; a != nil {
		if server, r = a.address(true); r != nil {
			return nil, r
		}
	}
	if a := found[spec.AConnectionClients]; a != nil {
		if clients, r = a.network(); r != nil {
			return nil, r
		}
	}
	if a := found[spec.AConnectionService]; a != nil {
		svc, r := k.config.find(attrs{spec.AServiceName: a}, theService)
		if r != nil {
			return nil, r
		}
		name = svc.name
	}
	return func(c *genl.Connection) bool {
		return (name == "" || c.Service == name) && (!server.IsValid() || c.Server == server) &&
			(!clients.IsValid() || clients.Contains(c.Client.Addr()))
	}, nil
}

// objects returns the next few objects of a dump and moves its cursor. Services
// and servers go by id, which grows with every one added.
func (k *Kernel) objects(d *dump) []message {
	objects := map[uint32]func() message{}
	add := func(key uint32, make func() message) {
		if key > d.cursor {
			objects[key] = make
		}
	}
	switch d.op.Cmd {
	case spec.CmdServiceGet:
		for _, svc := range k.config.services {
			add(svc.id, func() message { return k.serviceMessage(d.op.Cmd, svc) })
		}
	case spec.CmdServerGet:
		for _, svc := range k.config.services {
			for _, srv := range svc.listed() {
				if d.service == "" || d.service == svc.name {
					add(srv.id, func() message { return k.serverMessage(d.op.Cmd, svc, srv, d.brief) })
				}
			}
		}
	case spec.CmdRuleGet, spec.CmdRuleSetGet:
		// Both go by service and then by place, of which there are fewer
		// than 2^16 in a fake kernel.
		for at, svc := range k.config.services {
			if d.service != "" && d.service != svc.name {
				continue
			}
			key := uint32(at)<<16 + 1
			if d.op.Cmd == spec.CmdRuleGet {
				for i := range svc.rules {
					add(key+uint32(i), func() message { return k.ruleMessage(d.op.Cmd, svc, &svc.rules[i]) })
				}
				continue
			}
			for i := range svc.sets {
				add(key+uint32(i), func() message { return ruleSetMessage(d.op.Cmd, svc, &svc.sets[i]) })
			}
		}
	case spec.CmdSchedulerGet:
		for i := range schedulers {
			add(uint32(i)+1, func() message { return flat(d.op, &schedulers[i]) })
		}
	case spec.CmdConnectionGet:
		for i := range k.conns {
			if d.wanted(&k.conns[i]) {
				add(uint32(i)+1, func() message { return connectionMessage(d.op.Cmd, &k.conns[i]) })
			}
		}
	case spec.CmdHistogramGet:
		for i := range k.histograms {
			if d.timed(&k.histograms[i]) {
				add(uint32(i)+1, func() message { return histogramMessage(d.op.Cmd, &k.histograms[i]) })
			}
		}
	case spec.CmdWorkerGet:
		for i := range k.workers {
			add(uint32(i)+1, func() message { return flat(d.op, &k.workers[i]) })
		}
	}
	keys := slices.Sorted(maps.Keys(objects))
	keys = keys[:min(len(keys), k.piece)]
	batch := make([]message, len(keys))
	for i, key := range keys {
		batch[i] = objects[key]()
		d.cursor = key
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
	return []message{flat(spec.ByCmd(spec.CmdInfoGet), &v)}
}

// flat is a message of scalars.
func flat(op *spec.Op, v any) message {
	ae := netlink.NewAttributeEncoder()
	scalars(ae, op.Set, v)
	return message{op.Cmd, must(ae.Encode())}
}
