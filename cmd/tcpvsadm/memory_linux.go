// SPDX-License-Identifier: MIT

package main

import "golang.org/x/sys/unix"

// memory is what the kernel calls totalram, of which it reckons its defaults.
func memory() uint64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0 // it cannot fail; a namespace then has its limit printed
	}
	return uint64(info.Totalram) * uint64(info.Unit) //nolint:unconvert // 32 bit machines
}
