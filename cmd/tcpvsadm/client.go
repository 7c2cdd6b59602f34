// SPDX-License-Identifier: MIT

// The way to the kernel, and what the operations ask of it. The module is
// loaded here, and only here: when a command that needs the kernel finds no
// family "tcpvs". The module has no alias by which the kernel would load it on
// its own, since then any user could.

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"

	"github.com/ktcpvs/ktcpvs/genl"
)

// The interfaces the operations take; *genl.Client has them all.
type (
	serviceAdder interface {
		AddService(ctx context.Context, name string, c genl.ServiceConfig) error
	}
	serviceReader interface {
		Service(ctx context.Context, name string) (genl.Service, error)
	}
	serviceSetter interface {
		serviceReader
		SetService(ctx context.Context, name string, c genl.ServiceConfig) error
	}
	serviceDeleter interface {
		DeleteService(ctx context.Context, name string) error
	}
	flusher interface {
		Flush(ctx context.Context) error
	}
	serverChanger interface {
		serviceReader
		AddServer(ctx context.Context, service string, addr netip.AddrPort, c genl.ServerConfig) error
		SetServer(ctx context.Context, service string, addr netip.AddrPort, c genl.ServerConfig) error
		DeleteServer(ctx context.Context, service string, addr netip.AddrPort) error
	}
	logger interface {
		Log(ctx context.Context) (*genl.Log, error)
	}
	killer interface {
		KillConnection(ctx context.Context, id genl.ConnectionID) error
	}
	zeroer interface {
		serviceReader
		ZeroStats(ctx context.Context) error
		ZeroService(ctx context.Context, name string) error
		ZeroServer(ctx context.Context, service string, addr netip.AddrPort) error
	}
	starter interface {
		Services(ctx context.Context) ([]genl.Service, error)
		StartService(ctx context.Context, name string) error
		StopService(ctx context.Context, name string, now bool) error
	}
	tableReader interface {
		serviceReader
		Services(ctx context.Context) ([]genl.Service, error)
		Servers(ctx context.Context, service string) ([]genl.Server, error)
		ServersBrief(ctx context.Context, service string) ([]genl.Server, error)
		Rules(ctx context.Context, service string) ([]genl.ServiceRule, error)
		RuleSets(ctx context.Context, service string) ([]genl.ServiceRuleSet, error)
	}
	wholeReader interface {
		tableReader
		Settings(ctx context.Context) (genl.Settings, error)
	}
	settingsSetter interface {
		SetSettings(ctx context.Context, c genl.SettingsConfig) error
	}
	loader interface {
		wholeReader
		settingsSetter
		Info(ctx context.Context) (genl.Info, error)
		Begin(ctx context.Context, o genl.BeginOptions) (*genl.Tx, error)
		StartService(ctx context.Context, name string) error
	}
	histogramReader interface {
		Histograms(ctx context.Context, f genl.HistogramFilter) ([]genl.Histogram, error)
	}
	shower interface {
		wholeReader
		Info(ctx context.Context) (genl.Info, error)
		Schedulers(ctx context.Context) ([]genl.Scheduler, error)
		Workers(ctx context.Context) ([]genl.Worker, error)
		Connections(ctx context.Context, f genl.ConnectionFilter) ([]genl.Connection, error)
		histogramReader
	}
)

// client connects to the kernel and loads the module if it is missing.
func (s *session) client() (*genl.Client, error) {
	var opts []genl.Option
	if ns, ok := s.opts.get("netns"); ok {
		if ns == "" {
			return nil, usagef("", "--netns: the name is empty")
		}
		opts = append(opts, genl.WithNetns(ns))
	}
	c, err := s.dial(opts...)
	if errors.Is(err, genl.ErrNoModule) {
		if merr := s.modprobe(); merr != nil {
			return nil, &opError{what: "load the kernel module ktcpvs", err: merr,
				hint: "install it for this kernel with `make install`, or load it as root with `insmod ktcpvs.ko`; the kernel log says more"}
		}
		c, err = s.dial(opts...)
	}
	var perr *os.PathError
	if ns, ok := s.opts.get("netns"); ok && errors.As(err, &perr) {
		return nil, &opError{what: fmt.Sprintf("open the network namespace %q", ns), err: perr.Err, hint: "`ip netns` lists the names"}
	}
	return c, cannot(err, "reach the kernel")
}

// modprobe loads the module.
func modprobe() error {
	path, err := exec.LookPath("modprobe")
	if err != nil { // not in the PATH of an ordinary user
		path = "/sbin/modprobe"
	}
	if _, err := os.Stat(path); err != nil {
		return errors.New("there is no modprobe on this machine")
	}
	var stderr bytes.Buffer
	cmd := exec.Command(path, "ktcpvs")
	cmd.Stderr = &stderr
	err = cmd.Run()
	if text := strings.TrimSpace(stderr.String()); err != nil && text != "" {
		line, _, _ := strings.Cut(text, "\n")
		return errors.New(line)
	}
	return err
}
