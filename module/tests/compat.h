/* SPDX-License-Identifier: GPL-2.0 */
/*
 * compat.h - the few kernel names that the pure sources use, in user space
 *
 * Only ever included through ../pure.h.  Nothing here may behave differently
 * from the kernel's own, or a test would prove something about other code.
 */
#ifndef TCPVS_TESTS_COMPAT_H
#define TCPVS_TESTS_COMPAT_H

#include <assert.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef __UINT8_TYPE__ u8;
typedef __UINT16_TYPE__ u16;
typedef __UINT32_TYPE__ u32;
typedef __UINT64_TYPE__ u64;
typedef __INT8_TYPE__ s8;
typedef __INT16_TYPE__ s16;
typedef __INT32_TYPE__ s32;
typedef __INT64_TYPE__ s64;

#define U8_MAX		((u8)~0U)
#define U16_MAX		((u16)~0U)
#define U32_MAX		((u32)~0U)
#define U64_MAX		((u64)~0ULL)
#define S64_MAX		((s64)(U64_MAX >> 1))

#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v)	__atomic_store_n(&(x), v, __ATOMIC_RELAXED)

static inline unsigned int fls64(u64 x)
{
	return x ? 64 - __builtin_clzll(x) : 0;
}

#define BIT(nr)		(1UL << (nr))
#define BIT_ULL(nr)	(1ULL << (nr))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)

/* Each argument is evaluated once, as in the kernel. */
#define min_t(type, a, b)						\
	({ type min_a_ = (a), min_b_ = (b); min_a_ < min_b_ ? min_a_ : min_b_; })
#define max_t(type, a, b)						\
	({ type max_a_ = (a), max_b_ = (b); max_a_ > max_b_ ? max_a_ : max_b_; })
#define min(a, b)							\
	({ __auto_type min_a_ = (a); __auto_type min_b_ = (b);		\
	   min_a_ < min_b_ ? min_a_ : min_b_; })
#define max(a, b)							\
	({ __auto_type max_a_ = (a); __auto_type max_b_ = (b);		\
	   max_a_ > max_b_ ? max_a_ : max_b_; })

static inline u64 get_unaligned_le64(const void *p)
{
	u64 v;

	memcpy(&v, p, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

static inline u32 get_unaligned_le32(const void *p)
{
	u32 v;

	memcpy(&v, p, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap32(v);
#endif
	return v;
}

static inline u16 get_unaligned_be16(const void *p)
{
	const u8 *b = p;

	return (u16)(b[0] << 8 | b[1]);
}

static inline u32 get_unaligned_be32(const void *p)
{
	const u8 *b = p;

	return (u32)b[0] << 24 | (u32)b[1] << 16 | (u32)b[2] << 8 | b[3];
}

#endif /* TCPVS_TESTS_COMPAT_H */
