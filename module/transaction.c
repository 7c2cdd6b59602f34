// SPDX-License-Identifier: GPL-2.0
/*
 * transaction.c - who has a transaction open, and for how long
 *
 * A transaction belongs to the netlink socket that began it, known by its port
 * id, and ends with it (NETLINK_URELEASE). One that stands idle is expired: its
 * changes are freed, but its entry stays until the socket says that it knows,
 * because changes sent later by that socket were meant for the transaction and
 * must not become effective one by one.
 */
#include <linux/netlink.h>
#include <linux/slab.h>

#include "transaction.h"

/**
 * struct tcpvs_transaction - an open transaction
 * @link: in &tcpvs_net.transactions
 * @portid: of its socket
 * @expired: it was idle too long and holds nothing any more
 * @used: when it was last used, in jiffies
 * @c: its changes
 */
struct tcpvs_transaction {
	struct list_head link;
	u32 portid;
	bool expired;
	unsigned long used;
	struct tcpvs_candidate c;
};

static struct tcpvs_transaction *find(const struct tcpvs_net *tn, u32 portid)
{
	struct tcpvs_transaction *t;

	lockdep_assert_held(&tn->lock);
	list_for_each_entry(t, &tn->transactions, link)
		if (t->portid == portid)
			return t;
	return NULL;
}

static void expire(struct tcpvs_net *tn, struct tcpvs_transaction *t)
{
	if (t->expired)
		return;
	tcpvs_candidate_clear(&t->c);
	t->expired = true;
	tn->ntransactions--;
}

static void drop(struct tcpvs_net *tn, struct tcpvs_transaction *t)
{
	expire(tn, t);
	list_del(&t->link);
	kfree(t);
}

/* Whether there is still something in it; counts as use. */
static int usable(struct tcpvs_transaction *t, struct netlink_ext_ack *extack)
{
	if (t->expired) {
		NL_SET_ERR_MSG_FMT(extack,
				   "transaction aborted after %u s without a request: begin again",
				   TCPVS_TRANSACTION_IDLE / HZ);
		return -ETIMEDOUT;
	}
	t->used = jiffies;
	return 0;
}

/**
 * tcpvs_change_begin() - where the changes of a request go
 * @tn: the namespace, locked
 * @portid: of the request's socket
 * @extack: says why not
 *
 * Return: the candidate of the socket's transaction, or one for this request
 * alone; tcpvs_change_end() takes it back. Or an error.
 */
struct tcpvs_candidate *tcpvs_change_begin(struct tcpvs_net *tn, u32 portid,
					   struct netlink_ext_ack *extack)
{
	struct tcpvs_transaction *t = find(tn, portid);
	struct tcpvs_candidate *c;
	int err;

	if (t) {
		err = usable(t, extack);
		if (!err)
			err = tcpvs_candidate_fresh(&t->c, extack);
		return err ? ERR_PTR(err) : &t->c;
	}
	c = kmalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);
	if (!c)
		return ERR_PTR(-ENOMEM);
	tcpvs_candidate_init(c, tn);
	c->single = true;
	return c;
}

/**
 * tcpvs_change_end() - what becomes of the changes of a request
 * @c: from tcpvs_change_begin()
 * @err: whether they failed
 * @extack: says why not
 *
 * Return: @err, or the error of the commit if it is due now.
 */
int tcpvs_change_end(struct tcpvs_candidate *c, int err,
		     struct netlink_ext_ack *extack)
{
	if (!c->single)
		return err;
	if (!err)
		err = tcpvs_candidate_commit(c, false, extack);
	tcpvs_candidate_clear(c);
	kfree(c);
	return err;
}

/**
 * tcpvs_transaction_none() - refuse what a transaction cannot stage
 * @tn: the namespace, locked
 * @portid: of the request's socket
 * @extack: says why not
 *
 * Return: 0, or -EBUSY if the socket has a transaction open.
 */
int tcpvs_transaction_none(struct tcpvs_net *tn, u32 portid,
			   struct netlink_ext_ack *extack)
{
	if (!find(tn, portid))
		return 0;
	NL_SET_ERR_MSG(extack,
		       "not part of a transaction: commit or abort the open one first");
	return -EBUSY;
}

/**
 * tcpvs_transaction_begin() - open a transaction
 * @tn: the namespace, locked
 * @portid: of the request's socket
 * @generation: the changes are based on it; NULL = the present one
 * @extack: says why not
 *
 * Return: 0 or an error.
 */
int tcpvs_transaction_begin(struct tcpvs_net *tn, u32 portid, const u32 *generation,
			    struct netlink_ext_ack *extack)
{
	struct tcpvs_transaction *t = find(tn, portid);
	int err;

	if (t && !t->expired) {
		NL_SET_ERR_MSG(extack, "this socket has a transaction open already");
		return -EBUSY;
	}
	if (tn->ntransactions >= TCPVS_TRANSACTIONS_MAX) {
		NL_SET_ERR_MSG_FMT(extack,
				   "%u transactions are open: wait for one to end",
				   tn->ntransactions);
		return -EBUSY;
	}
	if (t)
		drop(tn, t);
	t = kzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);
	if (!t)
		return -ENOMEM;
	tcpvs_candidate_init(&t->c, tn);
	if (generation) {
		t->c.generation = *generation;
		err = tcpvs_candidate_fresh(&t->c, extack);
		if (err) {
			kfree(t);
			return err;
		}
	}
	t->portid = portid;
	t->used = jiffies;
	list_add_tail(&t->link, &tn->transactions);
	tn->ntransactions++;
	queue_delayed_work(tcpvs_wq, &tn->reaper, TCPVS_TRANSACTION_IDLE);
	return 0;
}

static struct tcpvs_transaction *expect(struct tcpvs_net *tn, u32 portid,
					struct netlink_ext_ack *extack)
{
	struct tcpvs_transaction *t = find(tn, portid);

	if (t)
		return t;
	NL_SET_ERR_MSG(extack, "this socket has no transaction open");
	return ERR_PTR(-ENOENT);
}

/**
 * tcpvs_transaction_commit() - make the changes of a transaction effective
 * @tn: the namespace, locked
 * @portid: of the request's socket
 * @dry_run: only check
 * @extack: says why not
 *
 * After an error and after a dry run the transaction is open still.
 *
 * Return: 0 or an error.
 */
int tcpvs_transaction_commit(struct tcpvs_net *tn, u32 portid, bool dry_run,
			     struct netlink_ext_ack *extack)
{
	struct tcpvs_transaction *t = expect(tn, portid, extack);
	int err;

	if (IS_ERR(t))
		return PTR_ERR(t);
	err = usable(t, extack);
	if (!err)
		err = tcpvs_candidate_commit(&t->c, dry_run, extack);
	if (!err && !dry_run)
		drop(tn, t);
	return err;
}

/**
 * tcpvs_transaction_abort() - forget a transaction
 * @tn: the namespace, locked
 * @portid: of the request's socket
 * @extack: says why not
 *
 * Return: 0, or -ENOENT if there is none.
 */
int tcpvs_transaction_abort(struct tcpvs_net *tn, u32 portid,
			    struct netlink_ext_ack *extack)
{
	struct tcpvs_transaction *t = expect(tn, portid, extack);

	if (IS_ERR(t))
		return PTR_ERR(t);
	drop(tn, t);
	return 0;
}

/**
 * tcpvs_transaction_spoil() - a piece of a table was refused before it was looked at
 * @tn: the namespace
 * @portid: of the request's socket; gives up what its transaction fills
 */
void tcpvs_transaction_spoil(struct tcpvs_net *tn, u32 portid)
{
	struct tcpvs_transaction *t;

	if (list_empty_careful(&tn->transactions))
		return;
	mutex_lock(&tn->lock);
	t = find(tn, portid);
	if (t && !t->expired)
		tcpvs_candidate_rules_spoil(&t->c);
	mutex_unlock(&tn->lock);
}

/**
 * tcpvs_transaction_release() - a netlink socket was closed
 * @tn: its namespace
 * @portid: the socket's
 *
 * Called for every generic netlink socket. Only the socket itself could have
 * begun a transaction under its port id, so an empty list needs no lock.
 */
void tcpvs_transaction_release(struct tcpvs_net *tn, u32 portid)
{
	struct tcpvs_transaction *t;

	if (list_empty_careful(&tn->transactions))
		return;
	mutex_lock(&tn->lock);
	t = find(tn, portid);
	if (t)
		drop(tn, t);
	mutex_unlock(&tn->lock);
}

/**
 * tcpvs_transactions_drop() - forget all transactions of a namespace
 * @tn: the namespace, locked
 */
void tcpvs_transactions_drop(struct tcpvs_net *tn)
{
	struct tcpvs_transaction *t, *next;

	lockdep_assert_held(&tn->lock);
	list_for_each_entry_safe(t, next, &tn->transactions, link)
		drop(tn, t);
}

/**
 * tcpvs_transactions_reap() - expire the transactions that stood idle too long
 * @work: &tcpvs_net.reaper; queued as long as one is open
 */
void tcpvs_transactions_reap(struct work_struct *work)
{
	struct tcpvs_net *tn = container_of(to_delayed_work(work),
					    struct tcpvs_net, reaper);
	unsigned long now = jiffies, next = TCPVS_TRANSACTION_IDLE;
	struct tcpvs_transaction *t;

	mutex_lock(&tn->lock);
	list_for_each_entry(t, &tn->transactions, link) {
		if (t->expired)
			continue;
		if (time_after_eq(now, t->used + TCPVS_TRANSACTION_IDLE))
			expire(tn, t);
		else
			next = min(next, t->used + TCPVS_TRANSACTION_IDLE - now);
	}
	if (tn->ntransactions)
		queue_delayed_work(tcpvs_wq, &tn->reaper, next);
	mutex_unlock(&tn->lock);
}
