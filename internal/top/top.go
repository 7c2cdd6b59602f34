// SPDX-License-Identifier: MIT

// Package top is the live view of KTCPVS: what tcpvstop shows.
//
// The parts follow the way of the data. A Sampler reads the kernel into a
// Snapshot; NewFrame makes two snapshots into a Frame, rates included; rows
// picks, orders and folds the frame's rows; newLayout decides from width and
// height alone which columns there are; and a view writes cells. The batch mode
// and the interactive Model share all of it.
//
// Only a Sampler does I/O, and in the Model it runs in a command, never in
// Update. Everything else is a function of its arguments.
package top

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ktcpvs/ktcpvs/genl"
)

// Source is what a Sampler reads; *genl.Client is one.
type Source interface {
	Info(ctx context.Context) (genl.Info, error)
	Services(ctx context.Context) ([]genl.Service, error)
	Servers(ctx context.Context, service string) ([]genl.Server, error)
	Close() error
}

// Snapshot is everything the kernel said at one time.
type Snapshot struct {
	Time     time.Time
	Info     genl.Info
	Services []genl.Service
	Servers  map[string][]genl.Server // by the name of the service, in the kernel's order
}

// Sampler takes snapshots. It opens its source when it needs one and again
// after an error, so that a module that was unloaded and loaded is found again.
type Sampler struct {
	Open    func() (Source, error)
	Now     func() time.Time
	Timeout time.Duration // longest wait for one snapshot

	mu  sync.Mutex
	src Source
}

// Sample takes one snapshot.
func (s *Sampler) Sample(ctx context.Context) (Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.Timeout)
		defer cancel()
	}
	if s.src == nil {
		src, err := s.Open()
		if err != nil {
			return Snapshot{}, err
		}
		s.src = src
	}
	snap, err := s.take(ctx)
	if err != nil {
		s.src.Close()
		s.src = nil
	}
	return snap, err
}

// Close releases the source.
func (s *Sampler) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.src == nil {
		return nil
	}
	src := s.src
	s.src = nil
	return src.Close()
}

func (s *Sampler) take(ctx context.Context) (Snapshot, error) {
	info, err := s.src.Info(ctx)
	if err != nil {
		return Snapshot{}, err
	}
	// A table that changes while it is read still shows what was read; the
	// next snapshot is whole.
	services, err := s.src.Services(ctx)
	if err != nil && !errors.Is(err, genl.ErrInconsistent) {
		return Snapshot{}, err
	}
	servers, err := s.src.Servers(ctx, "")
	if err != nil && !errors.Is(err, genl.ErrInconsistent) {
		return Snapshot{}, err
	}
	snap := Snapshot{
		Time: s.Now(), Info: info, Services: services,
		Servers: make(map[string][]genl.Server, len(services)),
	}
	snap.Info.Version = printable(info.Version)
	for i := range snap.Services {
		snap.Services[i].Name = printable(snap.Services[i].Name)
		snap.Services[i].Scheduler = printable(snap.Services[i].Scheduler)
	}
	for _, v := range servers {
		v.Service = printable(v.Service)
		snap.Servers[v.Service] = append(snap.Servers[v.Service], v)
	}
	return snap, nil
}

// printable keeps control sequences away from the terminal, and makes the
// number of bytes of a name its width. The kernel promises both already.
func printable(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return string(b)
}

// Explain turns the error of a sample into a message with a way out.
func Explain(err error) string {
	switch {
	case errors.Is(err, genl.ErrNoModule):
		return "the kernel module ktcpvs is not loaded; load it with \"modprobe ktcpvs\""
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("the kernel does not answer (%v)", err)
	default:
		return err.Error()
	}
}
