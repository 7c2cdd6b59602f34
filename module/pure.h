/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pure.h - the one switch between kernel and user space
 *
 * The parsers (http*.c, proxy.c, tls.c, dfa.c) are pure: they take bytes and return
 * facts, without sockets, locks or allocation.  That is what lets the very
 * same sources be compiled into the module and into the user-space tests and
 * fuzzers.  Whatever such a source needs from its surroundings is included
 * here and nowhere else; tests/compat.h gives the same names in user space.
 */
#ifndef TCPVS_PURE_H
#define TCPVS_PURE_H

#ifdef __KERNEL__
#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/unaligned.h>
#else
#include "tests/compat.h"
#endif

#endif /* TCPVS_PURE_H */
