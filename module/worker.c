// SPDX-License-Identifier: GPL-2.0
/*
 * worker.c - the threads that do all the work
 *
 * One kthread a housekeeping CPU. Socket callbacks push nodes on the ready
 * queue from softirq; the thread takes the whole queue, steps every node once
 * within its budgets, puts back what has more to do, looks at its timers, and
 * sleeps when nothing is left. A step may sleep for memory or for a socket
 * lock that softirq holds, never for a peer.
 *
 * A pass runs inside tcpvs_srcu, which pins the configuration it sees.
 *
 * Timers are a wheel that only the thread touches. Moving a deadline later is
 * a store: the timer is looked at in its old slot and put into the right one
 * then. Moving it earlier relinks it.
 *
 * Threads survive their CPU: when it goes offline the scheduler moves them, and
 * the online callback pins them again. (smpboot threads would be parked, and
 * their connections would freeze.)
 */
#include <linux/cpuhotplug.h>
#include <linux/kthread.h>
#include <linux/sched/isolation.h>
#include <linux/slab.h>
#include <linux/bvec.h>
#include <net/tcp.h>

#include "capture.h"
#include "http.h"
#include "relay.h"
#include "route.h"
#include "worker.h"

#define PRESSURE_LOOK		HZ	/* how often an idle worker looks */
#define PRESSURE_INTERVAL	(HZ / 10) /* between giving up two connections */

/**
 * struct tcpvs_call - a function that every worker runs once
 * @node: pushed on the worker
 * @fn: the function
 * @arg: its argument
 */
struct tcpvs_call {
	struct tcpvs_node node;
	void (*fn)(struct tcpvs_worker *w, void *arg);
	void *arg;
};

unsigned int tcpvs_nworkers;
static struct tcpvs_worker **workers;
static enum cpuhp_state hotplug_state;

/* One call at a time, so that its nodes need no allocation that could fail. */
static DEFINE_MUTEX(call_lock);
static struct tcpvs_call *calls;
static atomic_t calls_left;
static DECLARE_COMPLETION(calls_done);

/**
 * tcpvs_worker_push() - have a worker step a node
 * @w: worker
 * @node: node; no effect if it is queued already
 *
 * Context: any. The caller has published what the step is to see.
 */
void tcpvs_worker_push(struct tcpvs_worker *w, struct tcpvs_node *node)
{
	if (test_and_set_bit(0, &node->queued))
		return;
	/*
	 * llist_add() is a full barrier and so is the worker's
	 * set_current_state(): it sees the node, or we see it sleeping.
	 */
	if (llist_add(&node->ready, &w->ready) && READ_ONCE(w->sleeping))
		wake_up_process(w->task);
}

/**
 * tcpvs_worker_get() - a worker by number
 * @id: 0 to tcpvs_nworkers - 1
 */
struct tcpvs_worker *tcpvs_worker_get(unsigned int id)
{
	return workers[id];
}

/**
 * tcpvs_worker_least() - the worker with the fewest connections
 *
 * Looks at all of them up to eight, else at eight in turn from a random one,
 * so that the cost of an accept does not grow with the machine.
 */
struct tcpvs_worker *tcpvs_worker_least(void)
{
	unsigned int n = min(tcpvs_nworkers, 8U);
	unsigned int at = tcpvs_nworkers > 8 ?
			  get_random_u32_below(tcpvs_nworkers) : 0;
	struct tcpvs_worker *best = NULL;

	while (n--) {
		struct tcpvs_worker *w = workers[at];

		if (!best || atomic_read(&w->nconns) < atomic_read(&best->nconns))
			best = w;
		if (++at == tcpvs_nworkers)
			at = 0;
	}
	return best;
}

static void timer_link(struct tcpvs_worker *w, struct tcpvs_timer *t)
{
	unsigned long ticks;

	/* Rounded up: a timer is never looked at just before its deadline. */
	ticks = time_after(t->deadline, w->wheel_now) ?
		(t->deadline - w->wheel_now) / TCPVS_WHEEL_TICK + 1 : 1;
	ticks = min(ticks, TCPVS_WHEEL_SLOTS - 1UL);
	t->slot_time = w->wheel_now + ticks * TCPVS_WHEEL_TICK;
	list_add_tail(&t->link, &w->wheel[t->slot_time / TCPVS_WHEEL_TICK %
					  TCPVS_WHEEL_SLOTS]);
	w->wheel_count++;
}

/**
 * tcpvs_timer_init() - prepare a timer
 * @t: timer
 * @expire: what it calls
 */
void tcpvs_timer_init(struct tcpvs_timer *t,
		      void (*expire)(struct tcpvs_worker *w, struct tcpvs_timer *t))
{
	INIT_LIST_HEAD(&t->link);
	t->expire = expire;
}

/**
 * tcpvs_timer_set() - arm a timer or move its deadline
 * @w: worker; we run in its thread
 * @t: timer
 * @deadline: in jiffies
 */
void tcpvs_timer_set(struct tcpvs_worker *w, struct tcpvs_timer *t,
		     unsigned long deadline)
{
	t->deadline = deadline;
	if (!list_empty(&t->link)) {
		if (!time_before(deadline, t->slot_time))
			return;
		if (time_before_eq(t->slot_time, w->wheel_now + TCPVS_WHEEL_TICK))
			return;
		list_del(&t->link);
		w->wheel_count--;
	}
	timer_link(w, t);
}

/**
 * tcpvs_timer_stop() - disarm a timer
 * @w: worker; we run in its thread
 * @t: timer
 */
void tcpvs_timer_stop(struct tcpvs_worker *w, struct tcpvs_timer *t)
{
	if (list_empty(&t->link))
		return;
	list_del_init(&t->link);
	w->wheel_count--;
}

static void run_timers(struct tcpvs_worker *w)
{
	unsigned long now = jiffies;
	struct tcpvs_timer *t;
	LIST_HEAD(due);

	if (!w->wheel_count) {
		/* Stay on a multiple of the tick: slots are found by division. */
		w->wheel_now = now - now % TCPVS_WHEEL_TICK;
		return;
	}
	while (time_before_eq(w->wheel_now + TCPVS_WHEEL_TICK, now)) {
		w->wheel_now += TCPVS_WHEEL_TICK;
		list_splice_tail_init(&w->wheel[w->wheel_now / TCPVS_WHEEL_TICK %
						TCPVS_WHEEL_SLOTS], &due);
		while (!list_empty(&due)) {
			t = list_first_entry(&due, struct tcpvs_timer, link);
			list_del_init(&t->link);
			w->wheel_count--;
			w->now = 0;
			if (time_before(now, t->deadline))
				timer_link(w, t);
			else
				t->expire(w, t);
		}
	}
}

/* Jiffies until a timer may be due; the next slots in use are found by walking. */
static long next_timer(struct tcpvs_worker *w)
{
	unsigned long slot = w->wheel_now / TCPVS_WHEEL_TICK;
	unsigned long when = w->wheel_now;
	unsigned int i;

	if (!w->wheel_count)
		return MAX_SCHEDULE_TIMEOUT;
	for (i = 1; i < TCPVS_WHEEL_SLOTS; i++) {
		when += TCPVS_WHEEL_TICK;
		if (!list_empty(&w->wheel[(slot + i) % TCPVS_WHEEL_SLOTS]))
			break;
	}
	return time_after(when, jiffies) ? when - jiffies : 0;
}

static void take_ready(struct tcpvs_worker *w)
{
	struct llist_node *first = llist_del_all(&w->ready);
	struct tcpvs_node *node, *tmp;

	if (!first)
		return;
	first = llist_reverse_order(first);
	llist_for_each_entry_safe(node, tmp, first, ready)
		list_add_tail(&node->next, &w->todo);
}

static void pass(struct tcpvs_worker *w)
{
	struct tcpvs_node *node, *tmp;
	LIST_HEAD(now);

	tcpvs_worker_count(w, TCPVS_A_WORKER_PASSES);
	take_ready(w);
	list_splice_init(&w->todo, &now);
	list_for_each_entry_safe(node, tmp, &now, next) {
		list_del(&node->next);
		clear_bit(0, &node->queued);
		/* Before the step looks: what comes later queues it again. */
		smp_mb__after_atomic();
		tcpvs_worker_count(w, TCPVS_A_WORKER_STEPS);
		w->now = 0;
		if (node->step(w, node) > 0 &&
		    !test_and_set_bit(0, &node->queued))
			list_add_tail(&node->next, &w->todo);
	}
}

static int worker_thread(void *arg)
{
	struct tcpvs_worker *w = arg;

	while (!kthread_should_stop()) {
		int idx = srcu_read_lock(&tcpvs_srcu);
		long timeout;

		run_timers(w);
		pass(w);
		if (READ_ONCE(tcp_memory_pressure) &&
		    time_after_eq(jiffies, w->pressure_next)) {
			w->pressure_next = jiffies + PRESSURE_INTERVAL;
			tcpvs_conns_pressure(w);
		}
		srcu_read_unlock(&tcpvs_srcu, idx);

		cond_resched();
		if (!list_empty(&w->todo) || !llist_empty(&w->ready))
			continue;
		timeout = next_timer(w);
		if (!timeout)
			continue;
		/* Nobody tells us that TCP's memory has run short. */
		if (!list_empty(&w->conns))
			timeout = min_t(long, timeout, PRESSURE_LOOK);

		WRITE_ONCE(w->sleeping, true);
		set_current_state(TASK_IDLE);
		if (llist_empty(&w->ready) && !kthread_should_stop()) {
			schedule_timeout(timeout);
			tcpvs_worker_count(w, TCPVS_A_WORKER_WAKEUPS);
		}
		__set_current_state(TASK_RUNNING);
		WRITE_ONCE(w->sleeping, false);
	}
	/* What was closed while it was queued frees itself in a last step. */
	while (!llist_empty(&w->ready) || !list_empty(&w->todo))
		pass(w);
	return 0;
}

static int call_step(struct tcpvs_worker *w, struct tcpvs_node *node)
{
	struct tcpvs_call *call = container_of(node, struct tcpvs_call, node);

	call->fn(w, call->arg);
	if (atomic_dec_and_test(&calls_left))
		complete(&calls_done);
	return 0;
}

/* In the workers from number @first to before @end. */
static void call(unsigned int first, unsigned int end,
		 void (*fn)(struct tcpvs_worker *w, void *arg), void *arg)
{
	unsigned int i;

	might_sleep();
	mutex_lock(&call_lock);
	reinit_completion(&calls_done);
	atomic_set(&calls_left, end - first);
	for (i = first; i < end; i++) {
		calls[i].fn = fn;
		calls[i].arg = arg;
		tcpvs_worker_push(workers[i], &calls[i].node);
	}
	wait_for_completion(&calls_done);
	mutex_unlock(&call_lock);
}

/**
 * tcpvs_workers_call() - run a function once in every worker
 * @fn: the function; runs inside tcpvs_srcu
 * @arg: its argument
 *
 * Returns when all of them have run it. Workers wait for nobody, so that takes
 * no longer than a pass each.
 *
 * Context: process, not a worker, not inside tcpvs_srcu.
 */
void tcpvs_workers_call(void (*fn)(struct tcpvs_worker *w, void *arg), void *arg)
{
	call(0, tcpvs_nworkers, fn, arg);
}

/**
 * tcpvs_worker_call() - run a function once in a worker
 * @w: the worker
 * @fn: the function; runs inside tcpvs_srcu
 * @arg: its argument
 *
 * Context: as tcpvs_workers_call().
 */
void tcpvs_worker_call(struct tcpvs_worker *w,
		       void (*fn)(struct tcpvs_worker *w, void *arg), void *arg)
{
	call(w->id, w->id + 1, fn, arg);
}

static int worker_online(unsigned int cpu)
{
	unsigned int i;

	for (i = 0; i < tcpvs_nworkers; i++)
		if (workers[i]->cpu == cpu)
			set_cpus_allowed_ptr(workers[i]->task, cpumask_of(cpu));
	return 0;
}

static void worker_free(struct tcpvs_worker *w)
{
	unsigned int i;

	if (!w)
		return;
	if (w->task) {
		kthread_stop(w->task);
		put_task_struct(w->task);
	}
	for (i = 0; i < TCPVS_FRAGS; i++)
		if (w->frags[i].page)
			put_page(w->frags[i].page);
	kfree(w->bvec);
	kvfree(w->head);
	kvfree(w->out);
	kfree(w->parsed);
	kfree(w->scratch);
	kfree(w->capture);
	kfree(w);
}

static struct tcpvs_worker *worker_new(unsigned int id, unsigned int cpu)
{
	struct tcpvs_worker *w;
	unsigned int i;

	w = kzalloc_node(sizeof(*w), GFP_KERNEL, cpu_to_node(cpu));
	if (!w)
		return NULL;
	w->id = id;
	w->cpu = cpu;
	w->stats[TCPVS_A_WORKER_CPU] = cpu;
	init_llist_head(&w->ready);
	INIT_LIST_HEAD(&w->todo);
	INIT_LIST_HEAD(&w->conns);
	for (i = 0; i < TCPVS_WHEEL_SLOTS; i++)
		INIT_LIST_HEAD(&w->wheel[i]);
	w->wheel_now = jiffies - jiffies % TCPVS_WHEEL_TICK;
	w->bvec = kmalloc_array(TCPVS_BVECS, sizeof(*w->bvec), GFP_KERNEL);
	w->chunks_max = U64_MAX;
	w->head = kvmalloc(TCPVS_HTTP_HEAD_MAX + 1, GFP_KERNEL);
	w->out = kvmalloc(TCPVS_HTTP_HEAD_MAX + TCPVS_HTTP_FWD_EXTRA + 1,
			  GFP_KERNEL);
	w->parsed = kmalloc(sizeof(*w->parsed), GFP_KERNEL);
	w->scratch = kmalloc(sizeof(*w->scratch), GFP_KERNEL);
	w->capture = kmalloc(sizeof(*w->capture), GFP_KERNEL);
	if (!w->bvec || !w->head || !w->out || !w->parsed || !w->scratch ||
	    !w->capture)
		goto err;

	w->task = kthread_create_on_node(worker_thread, w, cpu_to_node(cpu),
					 "ktcpvs/%u", cpu);
	if (IS_ERR(w->task)) {
		w->task = NULL;
		goto err;
	}
	get_task_struct(w->task);
	set_cpus_allowed_ptr(w->task, cpumask_of(cpu));
	w->stats[TCPVS_A_WORKER_PID] = w->task->pid;
	return w;
err:
	worker_free(w);
	return NULL;
}

/**
 * tcpvs_workers_init() - start a worker on every housekeeping CPU
 *
 * Return: 0 or a negative error.
 */
int tcpvs_workers_init(void)
{
	const struct cpumask *mask = housekeeping_cpumask(HK_TYPE_KTHREAD);
	unsigned int cpu, i, n = 0;
	int err = -ENOMEM;

	cpus_read_lock();
	for_each_cpu_and(cpu, mask, cpu_online_mask)
		n++;
	workers = kcalloc(n, sizeof(*workers), GFP_KERNEL);
	calls = kcalloc(n, sizeof(*calls), GFP_KERNEL);
	if (!workers || !calls) {
		cpus_read_unlock();
		goto err;
	}
	for_each_cpu_and(cpu, mask, cpu_online_mask) {
		calls[tcpvs_nworkers].node.step = call_step;
		workers[tcpvs_nworkers] = worker_new(tcpvs_nworkers, cpu);
		if (!workers[tcpvs_nworkers]) {
			cpus_read_unlock();
			goto err;
		}
		tcpvs_nworkers++;
	}
	cpus_read_unlock();

	err = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "net/ktcpvs:online",
					worker_online, NULL);
	if (err < 0)
		goto err;
	hotplug_state = err;
	for (i = 0; i < tcpvs_nworkers; i++)
		wake_up_process(workers[i]->task);
	return 0;
err:
	while (tcpvs_nworkers)
		worker_free(workers[--tcpvs_nworkers]);
	kfree(workers);
	kfree(calls);
	return err;
}

/**
 * tcpvs_workers_exit() - stop the workers
 *
 * Every service is gone and with it everything that could push a node. Requests
 * that were in the middle of a handshake when their listener closed may still
 * run its callback, so softirq is waited for before the module's text goes.
 */
void tcpvs_workers_exit(void)
{
	unsigned int i;

	cpuhp_remove_state_nocalls(hotplug_state);
	for (i = 0; i < tcpvs_nworkers; i++) {
		WARN_ON_ONCE(!list_empty(&workers[i]->conns));
		WARN_ON_ONCE(workers[i]->wheel_count);
		worker_free(workers[i]);
	}
	tcpvs_nworkers = 0;
	kfree(workers);
	kfree(calls);
	synchronize_rcu();
}
