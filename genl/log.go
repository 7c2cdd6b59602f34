// SPDX-License-Identifier: MIT

// The access log: a socket that joined the group "log". The kernel sends records
// in batches, one of one worker, and numbers them by worker; so a gap tells how
// many were lost, whoever lost them: the kernel for want of memory, or this socket
// for want of room. Who is connected is private: the group needs CAP_NET_ADMIN.

package genl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"

	"github.com/ktcpvs/ktcpvs/internal/spec"
)

// LogRecord is a request that has ended; in modes tcp and tls a connection. What
// did not happen is zero. Target, Host, Referer and UserAgent are what the client
// sent, byte for byte, and may hold anything but NUL, CR and LF.
type LogRecord struct {
	// Time is when its head had been read; in mode tcp, when it was accepted.
	Time       time.Time      `json:"time"`
	Connection ConnectionID   `json:"connection"`
	Service    string         `json:"service"`
	Mode       Mode           `json:"mode"`
	Client     netip.AddrPort `json:"client"`
	// Peer is who has connected, if a PROXY header said that it speaks for
	// Client.
	Peer netip.AddrPort `json:"peer,omitzero"`
	// Server is the real server it was given to, the last one if there were
	// several.
	Server netip.AddrPort `json:"server,omitzero"`
	// Rule is the number of the rule that it met, 0 if it met none.
	Rule      uint32 `json:"rule,omitzero"`
	Minor     uint32 `json:"minor"`
	Method    string `json:"method,omitzero"`
	Target    string `json:"target,omitzero"`
	Host      string `json:"host,omitzero"`
	Referer   string `json:"referer,omitzero"`
	UserAgent string `json:"user_agent,omitzero"`
	// Status is 0 if no response was begun.
	Status   uint32 `json:"status,omitzero"`
	BytesIn  uint64 `json:"bytes_in"`
	BytesOut uint64 `json:"bytes_out"`
	// ConnectTime is 0 if a pooled connection was used, FirstByteTime if the
	// server has sent nothing.
	ConnectTime   time.Duration `json:"connect_time,omitzero"`
	FirstByteTime time.Duration `json:"first_byte_time,omitzero"`
	TotalTime     time.Duration `json:"total_time"`
	Retries       uint32        `json:"retries,omitzero"`
	Cause         Cause         `json:"cause"`
}

// MarshalJSON writes times in microseconds, the unit of the protocol.
func (r LogRecord) MarshalJSON() ([]byte, error) {
	type plain LogRecord
	return json.Marshal(struct {
		plain
		ConnectTime   int64 `json:"connect_time,omitzero"`
		FirstByteTime int64 `json:"first_byte_time,omitzero"`
		TotalTime     int64 `json:"total_time"`
	}{plain(r), r.ConnectTime.Microseconds(), r.FirstByteTime.Microseconds(), r.TotalTime.Microseconds()})
}

// UnmarshalJSON is the reverse of MarshalJSON.
func (r *LogRecord) UnmarshalJSON(b []byte) error {
	type plain LogRecord
	v := struct {
		*plain
		ConnectTime   int64 `json:"connect_time"`
		FirstByteTime int64 `json:"first_byte_time"`
		TotalTime     int64 `json:"total_time"`
	}{plain: (*plain)(r)}
	err := json.Unmarshal(b, &v)
	r.ConnectTime = time.Duration(v.ConnectTime) * time.Microsecond
	r.FirstByteTime = time.Duration(v.FirstByteTime) * time.Microsecond
	r.TotalTime = time.Duration(v.TotalTime) * time.Microsecond
	return err
}

// LogBatch is what Log.Next returns.
type LogBatch struct {
	// CPU is that of the worker that served the requests.
	CPU uint32
	// First is the number of the first record among those of the worker.
	First uint64
	// Records are in the order in which the requests ended.
	Records []LogRecord
	// Lost is how many records of this worker were lost since the batch before.
	Lost uint64
	// Overrun is true when the socket's buffer was full. How many records that
	// has cost, later batches tell; this one has none.
	Overrun bool
}

// Log tells of every request that begins after it was opened, when it ends. Next
// must not be called by two goroutines at once.
type Log struct {
	conn    *conn
	pending []genetlink.Message
	next    map[uint32]uint64 // by CPU
}

// Log starts to listen. It needs CAP_NET_ADMIN.
func (c *Client) Log(ctx context.Context) (*Log, error) {
	if err := ctx.Err(); err != nil {
		return nil, &Error{Op: "log", Err: err}
	}
	conn, err := open(c.o)
	if err != nil {
		return nil, err
	}
	if err := conn.join(spec.GroupLog); err != nil {
		conn.close()
		e := &Error{Op: "log", Err: err}
		if errors.Is(err, os.ErrPermission) {
			e.Errno = syscall.EPERM
			e.Message = "requests are private: their log needs CAP_NET_ADMIN"
		}
		return nil, e
	}
	return &Log{conn: conn, next: make(map[uint32]uint64)}, nil
}

// Close ends the log and a Next that waits, with ErrClosed.
func (l *Log) Close() error { return l.conn.close() }

// Next waits for records. An error about one message does not end the log;
// ErrClosed and what comes from ctx do.
func (l *Log) Next(ctx context.Context) (LogBatch, error) {
	for {
		for len(l.pending) > 0 {
			msg := l.pending[0]
			l.pending = l.pending[1:]
			if msg.Header.Command != spec.CmdLogNtf {
				continue
			}
			var b LogBatch
			if err := decode(msg, &b); err != nil {
				return LogBatch{}, &Error{Op: "log", Err: fmt.Errorf("the kernel's message is malformed: %w", err)}
			}
			l.account(&b)
			return b, nil
		}
		msgs, err := l.conn.receive(ctx)
		if errors.Is(err, errOverrun) {
			return LogBatch{Overrun: true}, nil
		}
		if err != nil {
			return LogBatch{}, &Error{Op: "log", Err: err}
		}
		l.pending = msgs
	}
}

// account finds the gap before a batch. Numbers that go back are those of a module
// that was loaded anew.
func (l *Log) account(b *LogBatch) {
	if want, ok := l.next[b.CPU]; ok && b.First > want {
		b.Lost = b.First - want
	}
	l.next[b.CPU] = b.First + uint64(len(b.Records))
}

func (b *LogBatch) decode(ad *netlink.AttributeDecoder) error {
	for ad.Next() {
		switch ad.Type() {
		case spec.ALogCPU:
			b.CPU = ad.Uint32()
		case spec.ALogFirst:
			b.First = decodeUint(ad)
		case spec.ALogRecord:
			b.Records = append(b.Records, LogRecord{})
			ad.Nested(b.Records[len(b.Records)-1].decode)
		}
	}
	return ad.Err()
}

func decodeMicroseconds(ad *netlink.AttributeDecoder) time.Duration {
	const most = uint64(1<<63-1) / uint64(time.Microsecond)
	return time.Duration(min(decodeUint(ad), most)) * time.Microsecond
}

func (r *LogRecord) decode(ad *netlink.AttributeDecoder) error {
	for ad.Next() {
		switch ad.Type() {
		case spec.ALogRecordTime:
			n := decodeUint(ad)
			const second = uint64(time.Second)
			r.Time = time.Unix(int64(n/second), int64(n%second))
		case spec.ALogRecordConnection:
			r.Connection = ConnectionID(decodeUint(ad))
		case spec.ALogRecordService:
			r.Service = ad.String()
		case spec.ALogRecordMode:
			r.Mode = Mode(ad.Uint32())
		case spec.ALogRecordClient:
			nestedAddress(ad, &r.Client)
		case spec.ALogRecordPeer:
			nestedAddress(ad, &r.Peer)
		case spec.ALogRecordServer:
			nestedAddress(ad, &r.Server)
		case spec.ALogRecordRule:
			r.Rule = ad.Uint32()
		case spec.ALogRecordMinor:
			r.Minor = ad.Uint32()
		case spec.ALogRecordMethod:
			r.Method = ad.String()
		case spec.ALogRecordTarget:
			r.Target = string(ad.Bytes())
		case spec.ALogRecordHost:
			r.Host = string(ad.Bytes())
		case spec.ALogRecordReferer:
			r.Referer = string(ad.Bytes())
		case spec.ALogRecordUserAgent:
			r.UserAgent = string(ad.Bytes())
		case spec.ALogRecordStatus:
			r.Status = ad.Uint32()
		case spec.ALogRecordBytesIn:
			r.BytesIn = decodeUint(ad)
		case spec.ALogRecordBytesOut:
			r.BytesOut = decodeUint(ad)
		case spec.ALogRecordConnectTime:
			r.ConnectTime = decodeMicroseconds(ad)
		case spec.ALogRecordFirstByteTime:
			r.FirstByteTime = decodeMicroseconds(ad)
		case spec.ALogRecordTotalTime:
			r.TotalTime = decodeMicroseconds(ad)
		case spec.ALogRecordRetries:
			r.Retries = ad.Uint32()
		case spec.ALogRecordCause:
			r.Cause = Cause(ad.Uint32())
		}
	}
	return ad.Err()
}
