// SPDX-License-Identifier: GPL-2.0
/*
 * log.c - 7 account: the access log
 *
 * Whoever listens to the multicast group "log" of a namespace is told of every
 * request that begins from then on, when it has ended. Each worker writes records
 * into a message of its own, one a namespace, and sends it when it is full or has
 * waited for FLUSH_TIME.
 *
 * Nobody is waited for: all memory is taken without sleeping, the message is
 * broadcast without, and a reader without room loses it. Records are numbered by
 * worker, those that were lost too, so every reader can tell how many it missed; the
 * worker counts what nobody got.
 *
 * A request that is told costs a few hundred instructions more: entries of the usual
 * size are used again, attributes of a known size are stores, and what lies in words
 * is copied by words.
 *
 * While nobody listens a request costs the look at the listeners when it begins, and
 * the test of a pointer where there would be something to note.
 *
 * Who is connected is private. The group needs CAP_NET_ADMIN, and a namespace that
 * belongs to another user namespace than the initial one has no log unless the
 * module parameter says so.
 *
 * A namespace's buffers are its workers' alone; at its end, when no service is left,
 * a call in every worker takes them away. The end of the module is told to all workers
 * before the family is unregistered, since the number of a group without a family
 * may become somebody else's.
 *
 * Runs in the workers, but for what begins and ends.
 */
#include <linux/slab.h>
#include <linux/unaligned.h>
#include <linux/user_namespace.h>
#include <net/genetlink.h>

#include "log.h"
#include "netlink-gen.h"

#define FLUSH_TIME	(HZ / 10)

/* What is told of texts, in bytes; longer ones are cut. */
#define METHOD_MAX	32
#define TARGET_MAX	2048
#define HOST_MAX	256
#define TEXT_MAX	512

#define ADDRESS_SIZE	(NLA_HDRLEN + 2 * NLA_HDRLEN + 16 + NLA_ALIGN(2))
#define U32_SIZE	(NLA_HDRLEN + 4)
#define U64_SIZE	(NLA_HDRLEN + 8)

/* The attributes that are made when a request begins, besides its texts ... */
#define BEGIN_SIZE							\
	(2 * U64_SIZE + NLA_HDRLEN + NLA_ALIGN(TCPVS_NAME_MAX + 1) +	\
	 2 * U32_SIZE + 2 * ADDRESS_SIZE)
/* ... its texts ... */
#define TEXTS_SIZE							\
	(5 * (NLA_HDRLEN + NLA_ALIGNTO) + METHOD_MAX + TARGET_MAX +	\
	 HOST_MAX + 2 * TEXT_MAX)
/* ... and those that are made when it ends, the record's own header included. */
#define END_SIZE	(NLA_HDRLEN + ADDRESS_SIZE + 4 * U32_SIZE + 5 * U64_SIZE)

/* So that a message with its overhead fills what the allocator gives. */
#define MESSAGE_SIZE	(SKB_WITH_OVERHEAD(16384) - NLMSG_HDRLEN - GENL_HDRLEN - \
			 128)

#define LOG_GFP		(GFP_NOWAIT | __GFP_NOWARN)

/* Most entries have no more bytes of attributes than this; so many wait for use. */
#define ENTRY_ROOM	(512 - sizeof(struct tcpvs_log_entry))
#define SPARES_MAX	64U

/* What copy() takes at once, and may write too much. */
#define COPY_STEP	32

/**
 * struct tcpvs_log - a worker's records of a namespace; that worker's alone
 * @timer: sends the message that waits
 * @tn: the namespace
 * @skb: message that is being filled, or NULL
 * @hdr: its header
 * @n: its records
 * @spares: entries in @spare
 * @spare: entries of ENTRY_ROOM that wait to be used again
 * @next: number of the next record
 */
struct tcpvs_log {
	struct tcpvs_timer timer;
	struct tcpvs_net *tn;
	struct sk_buff *skb;
	void *hdr;
	unsigned int n;
	unsigned int spares;
	struct tcpvs_log_entry *spare;
	u64 next;
} ____cacheline_aligned_in_smp;

/* The module ends, and with it the family; written before all workers are called. */
static bool closed;

/**
 * tcpvs_log_wanted() - does anybody listen?
 * @tn: namespace
 */
bool tcpvs_log_wanted(const struct tcpvs_net *tn)
{
	return genl_has_listeners(&tcpvs_nl_family, tn->net, TCPVS_NLGRP_LOG) &&
	       (tn->net->user_ns == &init_user_ns || READ_ONCE(tcpvs_userns)) &&
	       !READ_ONCE(closed);
}

/*
 * All of these: there is room for it, every caller has counted. Return: behind it.
 * Of a known size, an attribute is a store or two.
 */
static __always_inline u8 *put_header(u8 *to, int type, u32 len)
{
	struct nlattr *a = (struct nlattr *)to;

	a->nla_len = NLA_HDRLEN + len;
	a->nla_type = type;
	return to + NLA_HDRLEN;
}

static __always_inline u8 *put_u32(u8 *to, int type, u32 val)
{
	to = put_header(to, type, sizeof(val));
	*(u32 *)to = val;
	return to + sizeof(val);
}

/* As nla_put_uint(). */
static __always_inline u8 *put_uint(u8 *to, int type, u64 val)
{
	if (val <= U32_MAX)
		return put_u32(to, type, val);
	to = put_header(to, type, sizeof(val));
	put_unaligned(val, (u64 *)to);
	return to + sizeof(val);
}

/* Whole words, and up to COPY_STEP bytes too much: both have room for that. */
static __always_inline void copy(u8 *to, const u8 *from, u32 len)
{
	u32 i;

	for (i = 0; i < len; i += COPY_STEP) {
		u64 a = get_unaligned((const u64 *)(from + i));
		u64 b = get_unaligned((const u64 *)(from + i + 8));
		u64 c = get_unaligned((const u64 *)(from + i + 16));
		u64 d = get_unaligned((const u64 *)(from + i + 24));

		put_unaligned(a, (u64 *)(to + i));
		put_unaligned(b, (u64 *)(to + i + 8));
		put_unaligned(c, (u64 *)(to + i + 16));
		put_unaligned(d, (u64 *)(to + i + 24));
	}
}

static u8 *put_bytes(u8 *to, int type, const void *data, u32 len)
{
	to = put_header(to, type, len);
	/* The last word first: behind the data it is padding. */
	if (len)
		*(u32 *)(to + NLA_ALIGN(len) - sizeof(u32)) = 0;
	memcpy(to, data, len);
	return to + NLA_ALIGN(len);
}

static u8 *put_string(u8 *to, int type, const void *s, u32 len, u32 max)
{
	len = min(len, max - 1);
	to = put_header(to, type, len + 1);
	*(u32 *)(to + NLA_ALIGN(len + 1) - sizeof(u32)) = 0;
	memcpy(to, s, len);
	return to + NLA_ALIGN(len + 1);
}

static u8 *put_span(u8 *to, int type, const u8 *head, u32 off, u32 len, u32 max)
{
	return len ? put_bytes(to, type, head + off, min(len, max)) : to;
}

static u8 *put_address(u8 *to, int type, const struct tcpvs_addr *a)
{
	struct nlattr *nest = (struct nlattr *)to;
	u8 *at = to + NLA_HDRLEN;

	if (a->family == AF_INET) {
		at = put_u32(at, TCPVS_A_ADDRESS_IPV4, (__force u32)a->v4);
	} else {
		at = put_header(at, TCPVS_A_ADDRESS_IPV6, sizeof(a->v6));
		memcpy(at, &a->v6, sizeof(a->v6));
		at += sizeof(a->v6);
	}
	at = put_header(at, TCPVS_A_ADDRESS_PORT, sizeof(a->port));
	*(u32 *)at = 0;
	*(__be16 *)at = a->port;
	at += NLA_ALIGN(sizeof(a->port));
	nest->nla_type = type | NLA_F_NESTED;
	nest->nla_len = at - to;
	return at;
}

/* The first lines of two header fields, of no length if there are none. */
static void fields(const struct tcpvs_http_head *h, struct tcpvs_http_span *referer,
		   struct tcpvs_http_span *agent)
{
	unsigned int i;

	for (i = 0; i < h->nhdr; i++) {
		struct tcpvs_http_span *s;

		if (h->hdr[i].id == TCPVS_H_REFERER)
			s = referer;
		else if (h->hdr[i].id == TCPVS_H_USER_AGENT)
			s = agent;
		else
			continue;
		if (s->off || h->hdr[i].flags & TCPVS_HDRF_ALIAS)
			continue;
		s->off = h->hdr[i].val;
		s->len = h->hdr[i].vlen;
	}
}

static u8 *put_head(u8 *at, const u8 *buf, const struct tcpvs_http_head *h,
		    struct tcpvs_http_span referer, struct tcpvs_http_span agent)
{
	at = put_u32(at, TCPVS_A_LOG_RECORD_MINOR, h->minor);
	at = put_string(at, TCPVS_A_LOG_RECORD_METHOD, buf + h->method_s.off,
			h->method_s.len, METHOD_MAX + 1);
	at = put_span(at, TCPVS_A_LOG_RECORD_TARGET, buf, h->target.off,
		      h->target.len, TARGET_MAX);
	at = put_span(at, TCPVS_A_LOG_RECORD_HOST, buf, h->authority.off,
		      h->authority.len, HOST_MAX);
	at = put_span(at, TCPVS_A_LOG_RECORD_REFERER, buf, referer.off,
		      referer.len, TEXT_MAX);
	return put_span(at, TCPVS_A_LOG_RECORD_USER_AGENT, buf, agent.off,
			agent.len, TEXT_MAX);
}

/* A record that will never be: the gap in the numbers tells of it. */
static void drop(struct tcpvs_worker *w, struct tcpvs_log *log)
{
	log->next++;
	tcpvs_worker_count(w, TCPVS_A_WORKER_LOG_DROPS);
}

static void free_spares(struct tcpvs_log *log)
{
	struct tcpvs_log_entry *e;

	while ((e = log->spare)) {
		log->spare = e->spare;
		kfree(e);
	}
	log->spares = 0;
}

/* An entry with room for so many bytes of attributes, and what copy() takes more. */
static struct tcpvs_log_entry *take_entry(struct tcpvs_log *log, u32 size)
{
	struct tcpvs_log_entry *e = log->spare;

	size += COPY_STEP;
	if (e && size <= ENTRY_ROOM) {
		log->spare = e->spare;
		log->spares--;
		return e;
	}
	size = max_t(u32, size, ENTRY_ROOM);
	e = kmalloc(sizeof(*e) + size, LOG_GFP);
	if (e)
		e->room = size;
	return e;
}

static void give_entry(struct tcpvs_log *log, struct tcpvs_log_entry *e)
{
	if (e->room != ENTRY_ROOM || log->spares == SPARES_MAX) {
		kfree(e);
		return;
	}
	e->spare = log->spare;
	log->spare = e;
	log->spares++;
}

/* Send what there is, if anybody still wants it. */
static void flush(struct tcpvs_worker *w, struct tcpvs_log *log)
{
	struct sk_buff *skb = log->skb;
	unsigned int n = log->n;
	int which;

	log->skb = NULL;
	tcpvs_timer_stop(w, &log->timer);
	if (!tcpvs_log_wanted(log->tn)) {
		nlmsg_free(skb);
		free_spares(log);
		return;
	}
	genlmsg_end(skb, log->hdr);
	which = genlmsg_multicast_netns(&tcpvs_nl_family, log->tn->net, skb, 0,
					TCPVS_NLGRP_LOG, LOG_GFP) ?
		TCPVS_A_WORKER_LOG_DROPS : TCPVS_A_WORKER_LOG_RECORDS;
	WRITE_ONCE(w->stats[which], w->stats[which] + n);
}

static void expire(struct tcpvs_worker *w, struct tcpvs_timer *t)
{
	flush(w, container_of(t, struct tcpvs_log, timer));
}

/* Begin a message. Without memory there is none. */
static void begin(struct tcpvs_worker *w, struct tcpvs_log *log)
{
	struct sk_buff *skb = genlmsg_new(MESSAGE_SIZE, LOG_GFP);

	if (!skb)
		return;
	log->hdr = genlmsg_put(skb, 0, 0, &tcpvs_nl_family, 0, TCPVS_CMD_LOG_NTF);
	if (!log->hdr || nla_put_u32(skb, TCPVS_A_LOG_CPU, w->cpu) ||
	    nla_put_uint(skb, TCPVS_A_LOG_FIRST, log->next)) {
		nlmsg_free(skb);
		return;
	}
	log->skb = skb;
	log->n = 0;
	tcpvs_timer_set(w, &log->timer, jiffies + FLUSH_TIME);
}

/**
 * tcpvs_log_entry() - note what will be told of a request
 * @w: worker; @h or @hello describes the bytes in w->head
 * @c: connection
 * @h: in mode http, its head, or NULL if it could not be parsed
 * @hello: in mode tls, else NULL
 */
void tcpvs_log_entry(struct tcpvs_worker *w, struct tcpvs_conn *c,
		     const struct tcpvs_http_head *h,
		     const struct tcpvs_tls_hello *hello)
{
	const struct tcpvs_service_conf *sc = tcpvs_service_current(c->svc);
	struct tcpvs_http_span referer = {}, agent = {};
	struct tcpvs_addr client, peer;
	struct tcpvs_log_entry *e;
	u32 size = BEGIN_SIZE;
	u8 *at;

	tcpvs_assert_worker(w);
	if (WARN_ON_ONCE(c->log) || !sc)
		return;
	BUILD_BUG_ON(BEGIN_SIZE + TEXTS_SIZE + END_SIZE + COPY_STEP >
		     MESSAGE_SIZE - U32_SIZE - U64_SIZE);
	if (h) {
		fields(h, &referer, &agent);
		size += 5 * (NLA_HDRLEN + NLA_ALIGNTO) +
			min_t(u32, h->method_s.len, METHOD_MAX) +
			min_t(u32, h->target.len, TARGET_MAX) +
			min_t(u32, h->authority.len, HOST_MAX) +
			min_t(u32, referer.len, TEXT_MAX) +
			min_t(u32, agent.len, TEXT_MAX);
	} else if (hello) {
		size += NLA_HDRLEN + NLA_ALIGNTO +
			min_t(u32, hello->sni_len, HOST_MAX);
	}
	e = take_entry(&c->svc->tn->log[w->id], size);
	if (!e) {
		drop(w, &c->svc->tn->log[w->id]);
		return;
	}
	*e = (struct tcpvs_log_entry){ .room = e->room };
	e->begun = ktime_get_ns();

	at = put_uint(e->attr, TCPVS_A_LOG_RECORD_TIME,
		      ktime_mono_to_real(ns_to_ktime(e->begun)));
	at = put_uint(at, TCPVS_A_LOG_RECORD_CONNECTION, tcpvs_conn_id(w, c));
	at = put_string(at, TCPVS_A_LOG_RECORD_SERVICE, sc->name,
			strlen(sc->name), sizeof(sc->name));
	at = put_u32(at, TCPVS_A_LOG_RECORD_MODE, c->svc->mode);
	tcpvs_peer_addr(c, &peer);
	if (tcpvs_peer_announced(c, &client)) {
		at = put_address(at, TCPVS_A_LOG_RECORD_CLIENT, &client);
		at = put_address(at, TCPVS_A_LOG_RECORD_PEER, &peer);
	} else {
		at = put_address(at, TCPVS_A_LOG_RECORD_CLIENT, &peer);
	}
	if (h)
		at = put_head(at, w->head, h, referer, agent);
	else if (hello)
		at = put_span(at, TCPVS_A_LOG_RECORD_HOST, w->head, hello->sni,
			      hello->sni_len, HOST_MAX);
	e->len = at - e->attr;
	if (WARN_ON_ONCE(e->len > size))
		e->len = 0;
	c->log = e;
}

static u8 *put_time(u8 *at, int type, u64 from, u64 to)
{
	return put_uint(at, type, div_u64(to - from, NSEC_PER_USEC));
}

/**
 * tcpvs_log_record() - write the record of a request that has ended
 * @w: worker
 * @c: connection with an entry, which it has no more afterwards
 */
void tcpvs_log_record(struct tcpvs_worker *w, struct tcpvs_conn *c)
{
	struct tcpvs_log *log = &c->svc->tn->log[w->id];
	struct tcpvs_log_entry *e = c->log;
	struct nlattr *nest;
	u8 *at;

	tcpvs_assert_worker(w);
	c->log = NULL;
	/* Whether anybody listens still, flush() asks. */
	if (log->skb && skb_tailroom(log->skb) < e->len + END_SIZE + COPY_STEP)
		flush(w, log);
	if (!log->skb)
		begin(w, log);
	if (!log->skb) {
		drop(w, log);
		goto out;
	}

	nest = (struct nlattr *)skb_tail_pointer(log->skb);
	at = (u8 *)nest + NLA_HDRLEN;
	copy(at, e->attr, e->len);
	at += e->len;
	if (e->server.family)
		at = put_address(at, TCPVS_A_LOG_RECORD_SERVER, &e->server);
	if (e->rule != TCPVS_LOG_NO_RULE)
		at = put_u32(at, TCPVS_A_LOG_RECORD_RULE, e->rule);
	if (e->status)
		at = put_u32(at, TCPVS_A_LOG_RECORD_STATUS, e->status);
	at = put_uint(at, TCPVS_A_LOG_RECORD_BYTES_IN, e->bytes_in);
	at = put_uint(at, TCPVS_A_LOG_RECORD_BYTES_OUT, e->bytes_out);
	if (e->connect)
		at = put_time(at, TCPVS_A_LOG_RECORD_CONNECT_TIME, 0, e->connect);
	if (e->answered)
		at = put_time(at, TCPVS_A_LOG_RECORD_FIRST_BYTE_TIME, e->begun,
			      e->answered);
	at = put_time(at, TCPVS_A_LOG_RECORD_TOTAL_TIME, e->begun, ktime_get_ns());
	if (e->retries)
		at = put_u32(at, TCPVS_A_LOG_RECORD_RETRIES, e->retries);
	if (c->cause)
		at = put_u32(at, TCPVS_A_LOG_RECORD_CAUSE, c->cause);
	nest->nla_type = TCPVS_A_LOG_RECORD | NLA_F_NESTED;
	nest->nla_len = at - (u8 *)nest;
	skb_put(log->skb, nest->nla_len);
	log->n++;
	log->next++;
out:
	give_entry(log, e);
}

/**
 * tcpvs_log_net_init() - prepare a namespace
 * @tn: the namespace
 *
 * Return: 0 or -ENOMEM.
 */
int tcpvs_log_net_init(struct tcpvs_net *tn)
{
	unsigned int i;

	tn->log = kcalloc(tcpvs_nworkers, sizeof(*tn->log), GFP_KERNEL_ACCOUNT);
	if (!tn->log)
		return -ENOMEM;
	for (i = 0; i < tcpvs_nworkers; i++) {
		tn->log[i].tn = tn;
		tcpvs_timer_init(&tn->log[i].timer, expire);
	}
	return 0;
}

static void take_away(struct tcpvs_worker *w, void *arg)
{
	struct tcpvs_net *tn = arg;
	struct tcpvs_log *log = &tn->log[w->id];

	tcpvs_timer_stop(w, &log->timer);
	nlmsg_free(log->skb);
	log->skb = NULL;
	free_spares(log);
}

/**
 * tcpvs_log_net_exit() - take the buffers of a namespace away
 * @tn: the namespace; it has no service any more, and nobody in it listens
 *
 * The last reference to its last service was dropped after the last record, so what
 * the workers' timers have not sent yet is seen here.
 */
void tcpvs_log_net_exit(struct tcpvs_net *tn)
{
	unsigned int i;

	for (i = 0; i < tcpvs_nworkers; i++) {
		if (READ_ONCE(tn->log[i].skb) || READ_ONCE(tn->log[i].spare)) {
			tcpvs_workers_call(take_away, tn);
			break;
		}
	}
	kfree(tn->log);
}

static void nothing(struct tcpvs_worker *w, void *arg)
{
}

/**
 * tcpvs_log_close() - no more records are sent
 *
 * When it returns no worker uses the family.
 */
void tcpvs_log_close(void)
{
	WRITE_ONCE(closed, true);
	tcpvs_workers_call(nothing, NULL);
}

/**
 * tcpvs_log_init() - say who may join the group, which the specification cannot
 *
 * Context: before the family is registered.
 */
void __init tcpvs_log_init(void)
{
	static struct genl_multicast_group groups[TCPVS_NLGRP_LOG + 1] __ro_after_init;

	BUILD_BUG_ON(TCPVS_NLGRP_CONFIG != 0);
	WARN_ON(tcpvs_nl_family.n_mcgrps != ARRAY_SIZE(groups));
	memcpy(groups, tcpvs_nl_family.mcgrps, sizeof(groups));
	groups[TCPVS_NLGRP_LOG].flags = GENL_MCAST_CAP_NET_ADMIN;
	tcpvs_nl_family.mcgrps = groups;
}
