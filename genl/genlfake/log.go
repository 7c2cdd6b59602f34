// SPDX-License-Identifier: MIT

// Records of the access log. The fake serves no requests; tests say what ended.

package genlfake

import (
	"time"

	"github.com/mdlayher/netlink"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/spec"
)

// Log tells every socket that joined the group "log" of requests that have ended, as
// the worker of cpu does; first is the number of the first of them.
func (k *Kernel) Log(cpu uint32, first uint64, records ...genl.LogRecord) {
	k.mu.Lock()
	defer k.mu.Unlock()
	ae := netlink.NewAttributeEncoder()
	ae.Uint32(spec.ALogCPU, cpu)
	ae.Uint64(spec.ALogFirst, first)
	for i := range records {
		ae.Nested(spec.ALogRecord, func(nae *netlink.AttributeEncoder) error {
			logRecord(nae, &records[i])
			return nil
		})
	}
	k.tell(spec.GroupLog, []message{{spec.CmdLogNtf, must(ae.Encode())}})
}

// Listeners returns how many sockets have joined the group "log".
func (k *Kernel) Listeners() (n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for s := range k.sockets {
		if s.joined[spec.GroupLog] {
			n++
		}
	}
	return n
}

func logRecord(ae *netlink.AttributeEncoder, r *genl.LogRecord) {
	ae.Uint64(spec.ALogRecordTime, uint64(r.Time.UnixNano()))
	ae.Uint64(spec.ALogRecordConnection, uint64(r.Connection))
	ae.String(spec.ALogRecordService, r.Service)
	ae.Uint32(spec.ALogRecordMode, uint32(r.Mode))
	address(ae, spec.ALogRecordClient, r.Client)
	if r.Peer.IsValid() {
		address(ae, spec.ALogRecordPeer, r.Peer)
	}
	if r.Server.IsValid() {
		address(ae, spec.ALogRecordServer, r.Server)
	}
	for _, n := range []struct {
		t     uint16
		value uint32
	}{{spec.ALogRecordRule, r.Rule}, {spec.ALogRecordStatus, r.Status},
		{spec.ALogRecordRetries, r.Retries}, {spec.ALogRecordCause, uint32(r.Cause)}} {
		if n.value != 0 {
			ae.Uint32(n.t, n.value)
		}
	}
	if r.Method != "" {
		ae.Uint32(spec.ALogRecordMinor, r.Minor)
		ae.String(spec.ALogRecordMethod, r.Method)
	}
	for _, s := range []struct {
		t    uint16
		text string
	}{{spec.ALogRecordTarget, r.Target}, {spec.ALogRecordHost, r.Host},
		{spec.ALogRecordReferer, r.Referer}, {spec.ALogRecordUserAgent, r.UserAgent}} {
		if s.text != "" {
			ae.Bytes(s.t, []byte(s.text))
		}
	}
	ae.Uint64(spec.ALogRecordBytesIn, r.BytesIn)
	ae.Uint64(spec.ALogRecordBytesOut, r.BytesOut)
	for _, d := range []struct {
		t    uint16
		time time.Duration
	}{{spec.ALogRecordConnectTime, r.ConnectTime}, {spec.ALogRecordFirstByteTime, r.FirstByteTime}} {
		if d.time != 0 {
			ae.Uint64(d.t, uint64(d.time.Microseconds()))
		}
	}
	ae.Uint32(spec.ALogRecordTotalTime, uint32(r.TotalTime.Microseconds()))
}
