/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sched_compat.h - the kernel that the schedulers see in user space
 *
 * Only ever included through ../sched.h. One thread; several CPUs by changing
 * test_cpu. Memory, time and random numbers are the test's: allocations fail on
 * demand, the clock stands until it is set, the generator is seeded.
 */
#ifndef TCPVS_TESTS_SCHED_COMPAT_H
#define TCPVS_TESTS_SCHED_COMPAT_H

#include <errno.h>
#include <stdlib.h>
#include "compat.h"

/* sched_set.c: what the test steers */
extern long test_allocs_left;	/* < 0: no allocation fails */
extern unsigned int test_cpu;	/* the CPU that runs */
extern u64 test_now;		/* ns */
void *test_zalloc(size_t n, size_t size);
u64 test_random(void);

#define TEST_CPUS	3

#define __counted_by(...)
#define __percpu
#define ____cacheline_aligned_in_smp
#define BITS_TO_LONGS(n)	(((n) + 63) / 64)
#define clamp(v, lo, hi)	min(max(v, lo), hi)
#define swap(a, b)							\
	do { __typeof__(a) swap_ = (a); (a) = (b); (b) = swap_; } while (0)
#define struct_size(p, member, n)					\
	max(sizeof(*(p)), offsetof(__typeof__(*(p)), member[n]))
#define cond_resched()		do { } while (0)

#define atomic_t		struct test_atomic
#define atomic64_t		struct test_atomic64

struct test_atomic {
	int counter;
};

struct test_atomic64 {
	s64 counter;
};

#define atomic_read(v)		READ_ONCE((v)->counter)
#define atomic64_read(v)	READ_ONCE((v)->counter)
#define atomic64_set(v, i)	WRITE_ONCE((v)->counter, (i))
#define atomic64_inc_return(v)	__atomic_add_fetch(&(v)->counter, 1, __ATOMIC_SEQ_CST)
#define atomic64_try_cmpxchg(v, old, new)				\
	__atomic_compare_exchange_n(&(v)->counter, old, (s64)(new), false, \
				    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
#define atomic64_cmpxchg(v, old, new)					\
	({ s64 old_ = (old);						\
	   atomic64_try_cmpxchg(v, &old_, new); old_; })

#define GFP_KERNEL_ACCOUNT	0
#define kzalloc(size, ...)	test_zalloc(1, size)
#define kvzalloc(size, ...)	test_zalloc(1, size)
#define kvcalloc(n, size, ...)	test_zalloc(n, size)
#define kvmalloc_array(n, size, ...) test_zalloc(n, size)
#define kfree(p)		free(p)
#define kvfree(p)		free(p)

#define alloc_percpu_gfp(type, ...)	((type *)test_zalloc(TEST_CPUS, sizeof(type)))
#define free_percpu(p)		free(p)
#define per_cpu_ptr(p, cpu)	(&(p)[cpu])
#define this_cpu_inc_return(v)	(++(&(v))[test_cpu])
#define for_each_possible_cpu(cpu) for ((cpu) = 0; (cpu) < TEST_CPUS; (cpu)++)

/* A lock taken twice or given back by nobody is a failure of the test. */
#define spinlock_t		struct test_lock

struct test_lock {
	bool held;
};

#define spin_lock_init(l)	((l)->held = false)
#define spin_lock(l)		do { assert(!(l)->held); (l)->held = true; } while (0)
#define spin_unlock(l)		do { assert((l)->held); (l)->held = false; } while (0)

#define ktime_get_ns()		(test_now)
#define get_random_u64()	test_random()
#define get_random_u32()	((u32)test_random())

static inline unsigned long gcd(unsigned long a, unsigned long b)
{
	while (b) {
		unsigned long r = a % b;

		a = b;
		b = r;
	}
	return a;
}

static inline u64 div_u64(u64 a, u32 b)
{
	return a / b;
}

static inline u64 div64_u64(u64 a, u64 b)
{
	return a / b;
}

static inline u64 div_u64_rem(u64 a, u32 b, u32 *rem)
{
	*rem = a % b;
	return a / b;
}

static inline u64 mul_u64_u32_shr(u64 a, u32 b, unsigned int shift)
{
	return (__uint128_t)a * b >> shift;
}

static inline u64 mul_u64_u64_shr(u64 a, u64 b, unsigned int shift)
{
	return (__uint128_t)a * b >> shift;
}

static inline bool test_bit(unsigned long nr, const unsigned long *map)
{
	return map[nr / 64] >> nr % 64 & 1;
}

static inline void __set_bit(unsigned long nr, unsigned long *map)
{
	map[nr / 64] |= 1UL << nr % 64;
}

static inline void sort(void *base, size_t n, size_t size,
			int (*cmp)(const void *a, const void *b),
			void (*swap_func)(void *a, void *b, int size))
{
	assert(!swap_func);
	qsort(base, n, size, cmp);
}

#endif /* TCPVS_TESTS_SCHED_COMPAT_H */
