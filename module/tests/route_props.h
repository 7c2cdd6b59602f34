/* SPDX-License-Identifier: GPL-2.0 */
/*
 * route_props.h - what holds for every table and request that is made of bytes
 */
#ifndef TCPVS_ROUTE_PROPS_H
#define TCPVS_ROUTE_PROPS_H

#include "route_set.h"

void props_route(const u8 *bytes, u32 len);

#endif /* TCPVS_ROUTE_PROPS_H */
