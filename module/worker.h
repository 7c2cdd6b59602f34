/* SPDX-License-Identifier: GPL-2.0 */
/*
 * worker.h - the threads that do all the work
 *
 * One kthread a CPU. Others talk to it only by pushing nodes on its lock-less
 * ready queue; what a node stands for is then stepped by the thread, which
 * never waits for a peer. See worker.c.
 */
#ifndef _TCPVS_WORKER_H
#define _TCPVS_WORKER_H

#include <linux/completion.h>
#include <linux/llist.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/mm_types_task.h>
#include <linux/sched.h>

#include "tcpvs.h"

/* Timer wheel: TCPVS_WHEEL_SLOTS slots of TCPVS_WHEEL_TICK jiffies. */
#define TCPVS_WHEEL_SLOTS	512
#define TCPVS_WHEEL_TICK	max_t(unsigned long, HZ / 16, 1)

#define TCPVS_FRAGS		4

struct tcpvs_node;
struct tcpvs_route_scratch;
struct bio_vec;

/**
 * struct tcpvs_node - what can be pushed on a worker's ready queue
 * @ready: link in the queue
 * @next: link in the worker's own list of work in hand
 * @queued: bit 0 is set from the push until the thread takes the node off
 * @step: what the thread does with it; > 0 there is more to do, 0 idle, < 0
 *	the node is gone
 */
struct tcpvs_node {
	struct llist_node ready;
	struct list_head next;
	unsigned long queued;
	int (*step)(struct tcpvs_worker *w, struct tcpvs_node *node);
};

/**
 * struct tcpvs_timer - a deadline on a worker's wheel; worker thread only
 * @link: in a slot of the wheel, or empty
 * @deadline: jiffies at which @expire is due
 * @slot_time: jiffies at which the slot it lies in is looked at
 * @expire: called at or after @deadline, off the wheel
 */
struct tcpvs_timer {
	struct list_head link;
	unsigned long deadline;
	unsigned long slot_time;
	void (*expire)(struct tcpvs_worker *w, struct tcpvs_timer *t);
};

/**
 * struct tcpvs_worker - a thread and what only that thread touches
 * @ready: nodes pushed by anybody
 * @sleeping: the thread sleeps or is about to; a pusher must wake it
 * @task: the thread
 * @cpu: its CPU; index of its counter blocks
 * @id: its number, 0 to tcpvs_nworkers - 1
 * @todo: work in hand
 * @conns: its client connections
 * @nconns: their number; raised by whoever hands it one
 * @born: when it took its latest connection over, see tcpvs_conn_id()
 * @refusals: connections over a limit that are being told so
 * @now: what the clock said in the step in hand, or 0; tcpvs_clock()
 * @wheel: timers by slot
 * @wheel_now: jiffies up to which the wheel was looked at
 * @wheel_count: timers on the wheel
 * @pressure_next: when to look at TCP's memory again, in jiffies
 * @frags: pages that rewritten heads and copied bytes are appended to, in turn:
 *	when one comes round again, its bytes are mostly acknowledged and it is
 *	used again, which spares clearing a new one
 * @frag: the one in use
 * @bvec: scratch of the step in hand
 * @head: scratch of the step in hand: a message head in one piece
 * @parsed: scratch of the step in hand: its fields
 * @out: scratch of the step in hand
 * @scratch: scratch of a lookup of rules
 * @capture: scratch of the search for a group of an expression
 * @chunks_max: bytes of a chunked body that the step in hand may relay, framing
 *	included
 * @stats: counters by TCPVS_A_WORKER_*
 */
struct tcpvs_worker {
	struct llist_head ready ____cacheline_aligned_in_smp;
	bool sleeping;
	struct task_struct *task;

	unsigned int cpu ____cacheline_aligned_in_smp;
	unsigned int id;
	struct list_head todo;
	struct list_head conns;
	atomic_t nconns;
	u64 born;
	unsigned int refusals;
	u64 now;
	struct list_head wheel[TCPVS_WHEEL_SLOTS];
	unsigned long wheel_now;
	unsigned int wheel_count;
	unsigned long pressure_next;
	struct page_frag frags[TCPVS_FRAGS];
	unsigned int frag;
	struct bio_vec *bvec;
	u8 *head;
	struct tcpvs_http_head *parsed;
	u8 *out;
	struct tcpvs_route_scratch *scratch;
	struct tcpvs_capture_scratch *capture;
	u64 chunks_max;
	u64 stats[TCPVS_A_WORKER_MAX + 1];
};

/* We are in the thread that owns what is touched. */
#define tcpvs_assert_worker(w)	lockdep_assert((w)->task == current)

#define tcpvs_worker_count(w, index)					\
	WRITE_ONCE((w)->stats[index], (w)->stats[index] + 1)

/* worker.c */
extern unsigned int tcpvs_nworkers;
int tcpvs_workers_init(void);
void tcpvs_workers_exit(void);
struct tcpvs_worker *tcpvs_worker_get(unsigned int id);
struct tcpvs_worker *tcpvs_worker_least(void);
void tcpvs_worker_push(struct tcpvs_worker *w, struct tcpvs_node *node);
void tcpvs_workers_call(void (*fn)(struct tcpvs_worker *w, void *arg), void *arg);
void tcpvs_worker_call(struct tcpvs_worker *w,
		       void (*fn)(struct tcpvs_worker *w, void *arg), void *arg);
void tcpvs_timer_init(struct tcpvs_timer *t,
		      void (*expire)(struct tcpvs_worker *w, struct tcpvs_timer *t));
void tcpvs_timer_set(struct tcpvs_worker *w, struct tcpvs_timer *t,
		     unsigned long deadline);
void tcpvs_timer_stop(struct tcpvs_worker *w, struct tcpvs_timer *t);

/* conn.c: what a worker asks between passes */
void tcpvs_conns_pressure(struct tcpvs_worker *w);

/* conn.c: what configuration asks of all workers; returns when all have done it */
void tcpvs_workers_drain(struct tcpvs_service *svc);
void tcpvs_workers_reset(struct tcpvs_service *svc);

/* upstream.c */
void tcpvs_workers_purge(struct tcpvs_server *srv);

#endif /* _TCPVS_WORKER_H */
