/* SPDX-License-Identifier: GPL-2.0 */
/*
 * compat.h - the differences between kernels, all of them
 *
 * Kbuild includes this file before every source, so that no other file asks
 * for a version. What the module uses has the same form in 6.12.43 and in every
 * later kernel it was built for; what has not gets its one form here.
 */
#ifndef _TCPVS_COMPAT_H
#define _TCPVS_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 43)
/* sk_net_refcnt_upgrade(): else closing a kernel socket loses data. */
#error "ktcpvs needs Linux 6.12.43 or later, for sk_net_refcnt_upgrade()"
#endif

#endif /* _TCPVS_COMPAT_H */
