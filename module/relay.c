// SPDX-License-Identifier: GPL-2.0
/*
 * relay.c - 6 relay: bytes from one socket to the other, without copying them
 *
 * Peek, send, consume. Under the source's lock references to the pages in its
 * receive queue are gathered; they are sent with MSG_SPLICE_PAGES, no lock held
 * by us; then as much of the source is consumed as the destination took. What
 * it did not take stays where it was, so that back-pressure is the source's own
 * receive window and nothing is ever parked in between. Two socket locks are
 * never held at once.
 *
 * References are to pages, not to buffers: TCP frees the buffers of its receive
 * queue without looking at their reference count, and may do so (collapsing the
 * queue) as soon as the lock is released.
 *
 * Bytes are copied where a reference would be wrong or wasteful: linear data in
 * slab memory cannot be spliced, and a buffer that fills less than half of what
 * is charged for it would pin memory nobody accounts for. That rule also copies
 * small messages, which is cheaper than handing on their pages.
 *
 * Everything here runs in the worker that owns both sockets.
 */
#include <linux/bvec.h>
#include <linux/error-injection.h>
#include <linux/skbuff.h>
#include <linux/uio.h>
#include <net/tcp.h>

#include "relay.h"
#include "sock.h"

/**
 * struct gather - bytes on their way into one sendmsg
 * @w: worker, for its page and its vector
 * @n: entries used in the vector; every one holds a page reference
 * @len: their bytes
 * @room: bytes that may still be taken
 */
struct gather {
	struct tcpvs_worker *w;
	unsigned int n;
	u32 len;
	u32 room;
};

/* A page with room for @len bytes, at most 32 KiB, or NULL. */
static struct page_frag *frag_room(struct tcpvs_worker *w, u32 len)
{
	struct page_frag *frag = &w->frags[w->frag];
	unsigned int next;

	if (frag->page && frag->offset + len <= frag->size)
		return frag;
	next = (w->frag + 1) % TCPVS_FRAGS;
	frag = &w->frags[next];
	/* Begins again if nobody holds it, allocates if it is full. */
	if (!skb_page_frag_refill(len, frag, GFP_KERNEL) ||
	    frag->offset + len > frag->size)
		return NULL;
	w->frag = next;
	return frag;
}

/**
 * tcpvs_gather_alloc() - make sure that bytes can be copied
 * @w: worker
 *
 * A function of its own so that fault injection has something to fail.
 *
 * Return: 0 or -ENOMEM.
 */
noinline int tcpvs_gather_alloc(struct tcpvs_worker *w)
{
	return frag_room(w, 1) ? 0 : -ENOMEM;
}
ALLOW_ERROR_INJECTION(tcpvs_gather_alloc, ERRNO);

static bool gather_page(struct gather *g, struct page *page, u32 off, u32 len)
{
	struct bio_vec *last = g->n ? &g->w->bvec[g->n - 1] : NULL;

	page += off >> PAGE_SHIFT;
	off &= ~PAGE_MASK;
	if (last && last->bv_page == page &&
	    last->bv_offset + last->bv_len == off) {
		last->bv_len += len;
	} else {
		if (g->n == TCPVS_BVECS)
			return false;
		get_page(page);
		bvec_set_page(&g->w->bvec[g->n++], page, len, off);
	}
	g->len += len;
	g->room -= len;
	return true;
}

static int gather_copy(struct gather *g, const void *from, u32 len)
{
	while (len) {
		struct page_frag *frag;
		u32 n;

		frag = frag_room(g->w, 1);
		if (!frag)
			return -ENOMEM;
		n = min_t(u32, len, frag->size - frag->offset);
		memcpy(page_address(frag->page) + frag->offset, from, n);
		if (!gather_page(g, frag->page, frag->offset, n))
			return 1;
		frag->offset += n;
		from += n;
		len -= n;
	}
	return 0;
}

/* Return: 0 to go on, 1 when the vector or the room is used up, -ENOMEM. */
static int gather_skb(struct gather *g, struct sk_buff *skb, u32 off)
{
	bool copy = skb->len < skb->truesize / 2;
	u32 headlen = skb_headlen(skb);
	struct sk_buff *child;
	int i, err;

	if (off < headlen) {
		u32 n = min(headlen - off, g->room);
		void *from = skb->data + off;

		if (!copy && skb->head_frag && !skb_cloned(skb) &&
		    sendpage_ok(virt_to_page(from))) {
			if (!gather_page(g, virt_to_page(from),
					 offset_in_page(from), n))
				return 1;
		} else {
			err = gather_copy(g, from, n);
			if (err)
				return err;
		}
		off = headlen;
		if (!g->room)
			return 1;
	}
	off -= headlen;

	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *frag = &skb_shinfo(skb)->frags[i];
		u32 size = skb_frag_size(frag);
		struct page *page;
		u32 n;

		if (off >= size) {
			off -= size;
			continue;
		}
		n = min(size - off, g->room);
		page = skb_frag_page(frag);
		if (copy || !sendpage_ok(page)) {
			err = gather_copy(g, skb_frag_address(frag) + off, n);
			if (err)
				return err;
		} else if (!gather_page(g, page, skb_frag_off(frag) + off, n)) {
			return 1;
		}
		off = 0;
		if (!g->room)
			return 1;
	}

	skb_walk_frags(skb, child) {
		if (off >= child->len) {
			off -= child->len;
			continue;
		}
		err = gather_skb(g, child, off);
		if (err)
			return err;
		off = 0;
	}
	return 0;
}

static struct sk_buff *queue_next(struct sock *sk, struct sk_buff *skb)
{
	return skb_queue_is_last(&sk->sk_receive_queue, skb) ?
	       NULL : skb_queue_next(&sk->sk_receive_queue, skb);
}

/* The buffer that holds the byte @from behind the first unconsumed one. */
static struct sk_buff *queue_find(struct sock *sk, u32 from, u32 *off)
{
	u32 seq = tcp_sk(sk)->copied_seq;
	struct sk_buff *skb;

	sock_owned_by_me(sk);
	skb = tcp_recv_skb(sk, seq, off);
	seq += from;
	while (skb) {
		*off = seq - TCP_SKB_CB(skb)->seq;
		if (*off < skb->len)
			return skb;
		skb = queue_next(sk, skb);
	}
	return NULL;
}

/*
 * Only an in-order FIN sets SOCK_DONE, and what came before it is in the queue
 * or consumed. A reset sets RCV_SHUTDOWN as well, and its sk_err may have been
 * taken by a sendmsg, so neither of the two tells an end from a break.
 */
static bool source_ended(const struct sock *sk)
{
	return sock_flag(sk, SOCK_DONE);
}

static bool source_broken(const struct sock *sk)
{
	return sk->sk_err || sk->sk_state == TCP_CLOSE;
}

/*
 * Carry the framing of a chunked body on over what has come in. Return: 0,
 * -EFBIG if the body is larger than allowed, -EPROTO if its chunks cannot be
 * understood (the parser's errors are no error numbers), or -EFAULT.
 */
static int frame(struct tcpvs_worker *w, struct tcpvs_flow *f, struct sock *sk)
{
	struct tcpvs_http_chunk *c = &f->chunk;
	struct sk_buff *skb;
	u32 off;

	if (tcpvs_http_chunk_done(c) || f->left >= TCPVS_RELAY_BATCH)
		return 0;
	skb = queue_find(sk, f->ahead + f->left, &off);
	for (; skb; skb = queue_next(sk, skb), off = 0) {
		struct skb_seq_state st;
		unsigned int used = 0, len;
		const u8 *data;

		if (off >= skb->len)
			continue;
		if (!skb_frags_readable(skb))
			return -EFAULT;
		skb_prepare_seq_read(skb, off, skb->len, &st);
		while ((len = skb_seq_read(used, &data, &st)) != 0) {
			u64 skip = tcpvs_http_chunk_skip(c);
			s64 n;

			if (skip) {
				n = min_t(u64, skip, len);
				tcpvs_http_chunk_skipped(c, n);
			} else {
				n = tcpvs_http_chunk(c, data, len);
			}
			if (n < 0) {
				skb_abort_seq_read(&st);
				return -EPROTO;
			}
			used += n;
			f->left += n;
			if (f->moved + f->left > w->chunks_max) {
				skb_abort_seq_read(&st);
				return -EFBIG;
			}
			if (tcpvs_http_chunk_done(c)) {
				skb_abort_seq_read(&st);
				return 0;
			}
		}
		if (f->left >= TCPVS_RELAY_BATCH)
			break;
	}
	return 0;
}

/*
 * Gather what may be sent of the source's queue. Return: TCPVS_RELAY_MORE if
 * something was left behind for want of room, or why there is no more.
 */
static int gather(struct gather *g, struct tcpvs_flow *f, struct sock *sk)
{
	u32 want = min_t(u64, f->left, TCPVS_RELAY_BATCH);
	struct sk_buff *skb;
	u32 off;
	int err;

	skb = want ? queue_find(sk, f->ahead, &off) : NULL;
	g->room = want;
	for (; skb; skb = queue_next(sk, skb), off = 0) {
		if (off >= skb->len)
			continue;
		if (!skb_frags_readable(skb))
			return TCPVS_RELAY_BAD;
		err = gather_skb(g, skb, off);
		if (err < 0)
			return TCPVS_RELAY_MEMORY;
		if (err)
			break;
	}
	if (g->len < f->left) {
		/* There is more to come than was taken. */
		if (skb)
			return TCPVS_RELAY_MORE;
		if (source_ended(sk))
			return TCPVS_RELAY_EOF;
		return source_broken(sk) ? TCPVS_RELAY_SRC : TCPVS_RELAY_DRY;
	}
	if (!(f->flags & TCPVS_FLOW_CHUNKED) || tcpvs_http_chunk_done(&f->chunk))
		return TCPVS_RELAY_DONE;
	/* All that is framed was taken, and the framing goes on. */
	if (queue_find(sk, f->ahead + g->len, &off))
		return TCPVS_RELAY_MORE;
	if (source_ended(sk))
		return TCPVS_RELAY_EOF;
	return source_broken(sk) ? TCPVS_RELAY_SRC : TCPVS_RELAY_DRY;
}

static void gather_put(struct gather *g)
{
	unsigned int i;

	for (i = 0; i < g->n; i++)
		put_page(g->w->bvec[i].bv_page);
}

/* What @sent bytes, the head first, did to the cursors. */
static void flow_sent(struct tcpvs_flow *f, u32 sent)
{
	u32 n = min(sent, f->head_len - f->head_sent);

	f->head_sent += n;
	n = sent - n;
	if (f->left != TCPVS_LEFT_EOF)
		f->left -= n;
	f->ahead += n;
	f->moved += n;
}

/* Frame and gather, under the source's lock. Return: as gather(). */
static int collect(struct tcpvs_worker *w, struct gather *g,
		   struct tcpvs_flow *f, struct sock *sk)
{
	if (f->flags & TCPVS_FLOW_CHUNKED) {
		int err = frame(w, f, sk);

		if (err)
			return err == -EFBIG ? TCPVS_RELAY_LARGE : TCPVS_RELAY_BAD;
	}
	return gather(g, f, sk);
}

/**
 * tcpvs_relay() - move what can be moved in one direction
 * @w: worker
 * @f: the direction
 * @src: where bytes come from
 * @dst: where they go
 * @bytes: counts the bytes sent, the head's included
 *
 * Context: the worker that owns both sockets; never waits for a peer.
 * Return: TCPVS_RELAY_*.
 */
int tcpvs_relay(struct tcpvs_worker *w, struct tcpvs_flow *f,
		struct socket *src, struct socket *dst, u64 *bytes)
{
	u32 budget = TCPVS_RELAY_BUDGET;

	while (budget) {
		struct msghdr msg = {
			.msg_flags = MSG_SPLICE_PAGES | MSG_DONTWAIT |
				     MSG_NOSIGNAL,
		};
		struct gather g = { .w = w };
		int why = TCPVS_RELAY_DONE;
		int sent;

		if (f->head_sent < f->head_len) {
			/* Room for one entry there always is. */
			gather_page(&g, f->head, f->head_off + f->head_sent,
				    f->head_len - f->head_sent);
			g.len = 0;
		}
		if (f->left || f->flags & TCPVS_FLOW_CHUNKED) {
			lock_sock(src->sk);
			if (tcpvs_gather_alloc(w))
				why = TCPVS_RELAY_MEMORY;
			else
				why = collect(w, &g, f, src->sk);
			release_sock(src->sk);
		}
		g.len += f->head_len - f->head_sent;
		if (!g.len)
			return why;

		iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, w->bvec, g.n, g.len);
		sent = sock_sendmsg(dst, &msg);
		gather_put(&g);
		if (sent < 0) {
			if (sent != -EAGAIN && sent != -ENOMEM &&
			    sent != -ENOBUFS)
				return TCPVS_RELAY_DST;
			/*
			 * Full, or no memory. With nothing in flight no
			 * acknowledgment will ever wake us.
			 */
			if (tcp_rtx_and_write_queues_empty(dst->sk))
				return TCPVS_RELAY_MEMORY;
			return TCPVS_RELAY_FULL;
		}
		*bytes += sent;
		flow_sent(f, sent);
		if (f->ahead > TCPVS_RETAIN_MAX)
			f->flags &= ~TCPVS_FLOW_RETAIN;
		if (!(f->flags & TCPVS_FLOW_RETAIN))
			tcpvs_flow_release(f, src);

		if (sent < g.len)
			return TCPVS_RELAY_FULL;
		if (why != TCPVS_RELAY_MORE)
			return why;
		budget -= min_t(u32, budget, sent);
	}
	return TCPVS_RELAY_MORE;
}

/**
 * tcpvs_flow_init() - begin a direction: no head, nothing framed
 * @f: the direction; holds no head
 */
void tcpvs_flow_init(struct tcpvs_flow *f)
{
	memset(f, 0, sizeof(*f));
}

/**
 * tcpvs_flow_drop_head() - forget the head
 * @f: the direction
 */
void tcpvs_flow_drop_head(struct tcpvs_flow *f)
{
	if (f->head)
		put_page(f->head);
	f->head = NULL;
	f->head_len = 0;
	f->head_sent = 0;
}

/**
 * tcpvs_flow_reset() - end a direction
 * @f: the direction
 *
 * What it was ahead of the source is the caller's to consume first.
 */
void tcpvs_flow_reset(struct tcpvs_flow *f)
{
	tcpvs_flow_drop_head(f);
	tcpvs_flow_init(f);
}

/**
 * tcpvs_flow_head() - have bytes sent before those of the source
 * @w: worker
 * @f: the direction; an earlier head was sent whole
 * @bytes: the bytes
 * @len: their number, more than 0
 *
 * The bytes are copied to a page that is only appended to: the network holds
 * references to it until they are acknowledged.
 *
 * Return: 0 or -ENOMEM.
 */
int tcpvs_flow_head(struct tcpvs_worker *w, struct tcpvs_flow *f,
		    const u8 *bytes, u32 len)
{
	struct page_frag *frag = frag_room(w, len);

	tcpvs_flow_drop_head(f);
	if (frag) {
		get_page(frag->page);
		f->head = frag->page;
		f->head_off = frag->offset;
		frag->offset += len;
	} else {
		/* No large page was at hand, and the small one is too small. */
		f->head = alloc_pages(GFP_KERNEL | __GFP_COMP | __GFP_NOWARN,
				      get_order(len));
		if (!f->head)
			return -ENOMEM;
		f->head_off = 0;
	}
	memcpy(page_address(f->head) + f->head_off, bytes, len);
	f->head_len = len;
	return 0;
}

/**
 * tcpvs_flow_rewind() - nothing was sent: the next server gets it all
 * @f: the direction, with TCPVS_FLOW_RETAIN; the caller frames it again
 */
void tcpvs_flow_rewind(struct tcpvs_flow *f)
{
	f->head_sent = 0;
	f->moved = 0;
}

/**
 * tcpvs_flow_release() - consume what was sent
 * @f: the direction
 * @src: its source
 */
void tcpvs_flow_release(struct tcpvs_flow *f, struct socket *src)
{
	f->flags &= ~TCPVS_FLOW_RETAIN;
	if (f->ahead)
		tcpvs_consume(src, f->ahead);
	f->ahead = 0;
}

/**
 * tcpvs_flow_acked() - has the receiver acknowledged anything new?
 * @f: the direction
 * @dst: its destination
 */
bool tcpvs_flow_acked(struct tcpvs_flow *f, struct socket *dst)
{
	u32 una = READ_ONCE(tcp_sk(dst->sk)->snd_una);
	bool moved = una != f->una;

	f->una = una;
	return moved;
}

/**
 * tcpvs_source_quiet() - is there nothing to read?
 * @sock: the socket
 *
 * Without the lock: whatever comes after the look pushes the leg again.
 */
bool tcpvs_source_quiet(const struct socket *sock)
{
	struct sock *sk = sock->sk;

	return READ_ONCE(sk->sk_state) == TCP_ESTABLISHED && !sk->sk_err &&
	       !(sk->sk_shutdown & RCV_SHUTDOWN) && !tcp_inq(sk);
}

/**
 * tcpvs_peek() - copy bytes from a receive queue, leaving them there
 * @src: the socket
 * @from: unconsumed bytes to pass over
 * @to: where to
 * @max: most bytes to copy
 * @eof: set if the source has ended and nothing follows what was copied
 *
 * Return: bytes copied; -EPIPE if there are none and the connection is broken;
 *	-EFAULT if they cannot be read.
 */
int tcpvs_peek(struct socket *src, u32 from, u8 *to, u32 max, bool *eof)
{
	struct sock *sk = src->sk;
	struct sk_buff *skb;
	u32 len = 0, off;
	int err = 0;

	*eof = false;
	lock_sock(sk);
	skb = queue_find(sk, from, &off);
	for (; skb && len < max; skb = queue_next(sk, skb), off = 0) {
		u32 n;

		if (off >= skb->len)
			continue;
		n = min(skb->len - off, max - len);
		if (!skb_frags_readable(skb) ||
		    skb_copy_bits(skb, off, to + len, n)) {
			err = -EFAULT;
			break;
		}
		len += n;
	}
	if (!skb) {
		*eof = source_ended(sk);
		if (!len && !*eof && source_broken(sk))
			err = -EPIPE;
	}
	release_sock(sk);
	return err ?: len;
}

/**
 * tcpvs_consume() - take bytes off a receive queue
 * @src: the socket
 * @len: their number; they are there
 */
void tcpvs_consume(struct socket *src, u32 len)
{
	lock_sock(src->sk);
	tcp_read_done(src->sk, len);
	release_sock(src->sk);
}
