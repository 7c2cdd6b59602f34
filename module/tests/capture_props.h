/* SPDX-License-Identifier: GPL-2.0 */
/*
 * capture_props.h - properties of capture tables that hold for any bytes
 */
#ifndef TCPVS_CAPTURE_PROPS_H
#define TCPVS_CAPTURE_PROPS_H

#include "../capture.h"
#include "test.h"

/* Verifies, in slices of @budget; the bytes must stay. */
bool props_capture_verify(struct tcpvs_capture *c, const u8 *blob, u32 len,
			  u32 budget);
/* Runs on a text in one piece and in two: the same. */
bool props_capture_run(const struct tcpvs_capture *c, const u8 *text, u32 len,
		       u32 *from, u32 *to);
/* A table and a text made of any bytes. */
void props_capture_input(const u8 *data, u32 len);

#endif /* TCPVS_CAPTURE_PROPS_H */
