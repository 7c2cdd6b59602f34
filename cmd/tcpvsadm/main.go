// SPDX-License-Identifier: MIT

// Command tcpvsadm configures and shows the virtual services of KTCPVS.
//
// Its letters are those of tcpvsadm 0.0.18 and, where these are free, of
// ipvsadm. Exit status: 0 done; 1 refused by the kernel, not found, or a file
// with mistakes; 2 wrong use.
//
// This file only wires. flags.go turns arguments into a command and its
// options, app.go runs it and reports; every other file holds the operations
// on one noun, each a function of a client interface, its arguments and a
// writer.
package main

import (
	"os"
	"time"

	"github.com/ktcpvs/ktcpvs/genl"
	"github.com/ktcpvs/ktcpvs/internal/config"
)

func main() {
	a := &app{
		stdin:    os.Stdin,
		stdout:   os.Stdout,
		stderr:   os.Stderr,
		names:    config.SystemNames(),
		dial:     genl.New,
		modprobe: modprobe,
		memory:   memory,
		now:      time.Now,
		sleep:    time.Sleep,
	}
	os.Exit(a.run(os.Args[1:]))
}
