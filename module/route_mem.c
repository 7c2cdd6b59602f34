// SPDX-License-Identifier: GPL-2.0
/*
 * route_mem.c - memory of a table being built, and its hash
 *
 * Whatever grows does so in pieces that never move, so building needs no
 * copy of what is there and no large allocation but the hash.  What is held is
 * counted against limits.memory before it is asked for.
 *
 * The first failure stays: a build that ran out of memory can only be aborted.
 */
#include "route_impl.h"

/**
 * tcpvs_route_alloc() - memory for a table
 * @b: the build, whose account it goes on
 * @size: bytes
 *
 * Return: the memory, or NULL with b->err set
 */
void *tcpvs_route_alloc(struct tcpvs_route_build *b, size_t size)
{
	void *p;

	if (size > b->limits.memory - b->held) {
		b->err = -TCPVS_RE_MEMORY_LIMIT;
		return NULL;
	}
	p = b->mem.alloc(b->mem.ctx, size);
	if (!p) {
		b->err = -TCPVS_RE_MEMORY;
		return NULL;
	}
	b->held += size;
	b->peak = max(b->peak, b->held);
	return p;
}

/**
 * tcpvs_route_release() - give memory back
 * @b: the build
 * @p: of tcpvs_route_alloc(), or NULL
 * @size: its size
 */
void tcpvs_route_release(struct tcpvs_route_build *b, void *p, size_t size)
{
	if (!p)
		return;
	b->mem.free(b->mem.ctx, p, size);
	b->held -= size;
}

/**
 * tcpvs_route_reserve() - make room behind the end of an array
 * @b: the build
 * @a: the array
 * @n: elements
 *
 * Return: 0, or a negative TCPVS_RE_*
 */
int tcpvs_route_reserve(struct tcpvs_route_build *b, struct route_array *a,
			u32 n)
{
	while (((u64)a->nchunk << a->shift) < (u64)a->n + n) {
		void *p;

		if (a->nchunk == a->dir) {
			u32 dir = a->dir ? 2 * a->dir : 8;
			void **chunk = tcpvs_route_alloc(b, dir * sizeof(*chunk));

			if (!chunk)
				return b->err;
			if (a->dir)
				memcpy(chunk, a->chunk, a->dir * sizeof(*chunk));
			tcpvs_route_release(b, a->chunk, a->dir * sizeof(*chunk));
			a->chunk = chunk;
			a->dir = dir;
		}
		p = tcpvs_route_alloc(b, (size_t)a->size << a->shift);
		if (!p)
			return b->err;
		a->chunk[a->nchunk++] = p;
	}
	return 0;
}

/**
 * tcpvs_route_array_free() - free an array
 * @b: the build
 * @a: the array
 */
void tcpvs_route_array_free(struct tcpvs_route_build *b, struct route_array *a)
{
	while (a->nchunk)
		tcpvs_route_release(b, a->chunk[--a->nchunk],
				    (size_t)a->size << a->shift);
	tcpvs_route_release(b, a->chunk, a->dir * sizeof(*a->chunk));
	a->chunk = NULL;
	a->dir = 0;
}

/**
 * tcpvs_route_add_text() - keep a string, or two back to back
 * @b: the build
 * @q: bytes of the first
 * @qlen: how many
 * @p: bytes of the second
 * @len: how many; both at most ROUTE_CHUNK
 *
 * Return: where it is, or NONE with b->err set
 */
u32 tcpvs_route_add_text(struct tcpvs_route_build *b, const u8 *q, u32 qlen,
			 const u8 *p, u32 len)
{
	struct route_array *a = &b->text;
	u32 left = a->per - (a->n & (a->per - 1)), at;

	/* Nothing is looked at behind an empty string, but it has a place. */
	if (qlen + len > left)
		a->n += left;
	if (tcpvs_route_reserve(b, a, qlen + len + 1))
		return NONE;
	at = a->n;
	if (qlen)
		memcpy(route_at(a, at), q, qlen);
	if (len)
		memcpy((u8 *)route_at(a, at) + qlen, p, len);
	a->n += qlen + len;
	return at;
}

static u32 key_hash(u64 seed, u32 kind, const u8 *key, u32 len)
{
	u64 h = seed;

	while (len)
		h = route_hash_byte(h, key[--len]);
	return route_hash_end(h, kind);
}

static void slot_put(struct tcpvs_route_build *b, u32 *slot, u32 nslot,
		     u32 hash, u32 entry)
{
	u32 i = hash & (nslot - 1), probes = 1;

	while (slot[i]) {
		i = (i + 1) & (nslot - 1);
		probes++;
	}
	slot[i] = entry + 1;
	b->probes = max(b->probes, probes);
}

/* The hash is at most half full. */
static int slot_grow(struct tcpvs_route_build *b)
{
	u32 nslot = b->nslot ? 2 * b->nslot : 16, i;
	u32 *slot;

	if (b->entry.n < b->nslot / 2)
		return 0;
	slot = tcpvs_route_alloc(b, nslot * sizeof(*slot));
	if (!slot)
		return b->err;
	memset(slot, 0, nslot * sizeof(*slot));
	b->probes = 0;
	for (i = 1; i < b->entry.n; i++) {
		const struct route_entry *e = route_at(&b->entry, i);

		slot_put(b, slot, nslot, e->hash, i);
		if (b->mem.step && !(i & 4095))
			b->mem.step(b->mem.ctx);
	}
	tcpvs_route_release(b, b->slot, b->nslot * sizeof(*slot));
	b->slot = slot;
	b->nslot = nslot;
	return 0;
}

/**
 * tcpvs_route_entry() - the hash entry of a key, made if there is none
 * @b: the build
 * @kind: KEY_*, not KEY_ANY
 * @key: the key
 * @len: its length
 *
 * Return: its number, or NONE with b->err set
 */
u32 tcpvs_route_entry(struct tcpvs_route_build *b, u32 kind, const u8 *key,
		      u32 len)
{
	u32 hash = key_hash(b->seed, kind, key, len), i, text;
	struct route_entry *e;

	if (slot_grow(b) || tcpvs_route_reserve(b, &b->entry, 1))
		return NONE;
	for (i = hash & (b->nslot - 1); b->slot[i]; i = (i + 1) & (b->nslot - 1)) {
		e = route_at(&b->entry, b->slot[i] - 1);
		if (e->hash == hash && e->kind == kind && e->len == len &&
		    route_eq(route_at(&b->text, e->key), key, len))
			return b->slot[i] - 1;
	}
	text = tcpvs_route_add_text(b, NULL, 0, key, len);
	if (text == NONE)
		return NONE;
	e = route_at(&b->entry, b->entry.n);
	*e = (struct route_entry){
		.hash = hash, .key = text, .len = len, .kind = kind, .root = NONE,
	};
	slot_put(b, b->slot, b->nslot, hash, b->entry.n);
	b->kinds |= 1U << kind;
	if (b->probes > ROUTE_PROBES_MAX) {
		b->err = -TCPVS_RE_HASH;
		return NONE;
	}
	return b->entry.n++;
}
