// SPDX-License-Identifier: GPL-2.0
/*
 * peer.c - input and output of the programs that read messages to compare
 *
 * One message at a time, its reading flushed at once.  The other side must read
 * while it sends.
 */
#include "peer.h"

void peer_add(struct peer_text *t, const void *bytes, u32 len)
{
	if (t->len + len > t->room) {
		t->room = 2 * t->room + len + 256;
		t->p = realloc(t->p, t->room);
		if (!t->p) {
			fprintf(stderr, "out of memory\n");
			exit(1);
		}
	}
	if (len)
		memcpy(t->p + t->len, bytes, len);
	t->len += len;
}

static void add_le(struct peer_text *t, u64 v, u32 bytes)
{
	u8 b[8];
	u32 i;

	for (i = 0; i < bytes; i++)
		b[i] = v >> (8 * i);
	peer_add(t, b, bytes);
}

void peer_add_string(struct peer_text *t, const void *bytes, u32 len)
{
	add_le(t, len, 4);
	peer_add(t, bytes, len);
}

/* FNV-1a, so that pieces may be of any size. */
void peer_data(struct peer_reading *r, const u8 *bytes, u64 len)
{
	u64 i;

	r->body_len += len;
	for (i = 0; i < len; i++)
		r->body_hash = (r->body_hash ^ bytes[i]) * 0x100000001b3ULL;
}

static void write_reading(const struct peer_reading *r, struct peer_text *out)
{
	u8 size[4];
	u32 i;

	out->len = 0;
	add_le(out, r->head, 1);
	add_le(out, r->body, 1);
	add_le(out, r->framing, 1);
	add_le(out, r->minor, 1);
	add_le(out, r->status, 2);
	add_le(out, r->nhdr, 2);
	add_le(out, r->consumed, 8);
	add_le(out, r->length, 8);
	add_le(out, r->body_len, 8);
	add_le(out, r->body_hash, 8);
	peer_add_string(out, r->error.p, r->error.len);
	peer_add_string(out, r->method.p, r->method.len);
	peer_add_string(out, r->target.p, r->target.len);
	peer_add_string(out, r->reason.p, r->reason.len);
	peer_add(out, r->headers.p, r->headers.len);
	for (i = 0; i < 4; i++)
		size[i] = out->len >> (8 * i);
	if (fwrite(size, 4, 1, stdout) != 1 ||
	    fwrite(out->p, out->len, 1, stdout) != 1) {
		perror("standard output");
		exit(1);
	}
}

int main(void)
{
	struct peer_reading r = {};
	struct peer_text out = {};
	u8 head[6];

	while (fread(head, sizeof(head), 1, stdin) == 1) {
		u32 len = get_unaligned_le32(head);
		u8 *msg = test_alloc(len);

		if (len && fread(msg, len, 1, stdin) != 1) {
			fprintf(stderr, "message cut short\n");
			return 1;
		}
		r = (struct peer_reading){
			.body_hash = 0xcbf29ce484222325ULL,
			.error.p = r.error.p, .error.room = r.error.room,
			.method.p = r.method.p, .method.room = r.method.room,
			.target.p = r.target.p, .target.room = r.target.room,
			.reason.p = r.reason.p, .reason.room = r.reason.room,
			.headers.p = r.headers.p,
			.headers.room = r.headers.room,
		};
		peer_read(&r, msg, len, head[4], head[5]);
		free(msg);
		write_reading(&r, &out);
		fflush(stdout);
	}
	return ferror(stdin) != 0;
}
