// SPDX-License-Identifier: GPL-2.0
/*
 * upload.c - filling a table of rules, piece by piece
 *
 * Pieces come in netlink requests of the transaction that owns the upload, under
 * tcpvs_net.lock. Their attributes were checked against the policies, so types
 * and lengths of scalars are right; what they say together is checked here. A
 * refused piece may be in the table in part, so whoever calls gives the upload up
 * then, and nothing can be committed until another has taken its place.
 *
 * An automaton is hostile until tcpvs_dfa_verify_step() has seen every entry. It
 * is verified when its last byte has come, in slices that let others run.
 */
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "netlink.h"
#include "table_impl.h"
#include "transaction.h"

#define VERIFY_SLICE	65536	/* entries of an automaton, some 100 us */

static_assert((int)TCPVS_AUTOMATON_INPUT_PATH == TCPVS_RI_PATH);
static_assert((int)TCPVS_AUTOMATON_INPUT_URI == TCPVS_RI_URI);
static_assert((int)TCPVS_AUTOMATON_INPUT_VALUE == TCPVS_RI_VALUE);
static_assert(TCPVS_AUTOMATA_MAX == TCPVS_ROUTE_DFA_MAX);

static void *route_alloc(void *ctx, size_t size)
{
	return tcpvs_table_alloc(ctx, size);
}

static void route_free(void *ctx, void *p, size_t size)
{
	tcpvs_table_release(ctx, p, size);
}

static void route_step(void *ctx)
{
	cond_resched();
}

/**
 * tcpvs_upload_begin() - begin a table
 * @mode: what its rules ask about: TCPVS_MODE_HTTP or _TLS
 * @expressions: its automata tell of expressions by numbers below this
 *
 * Return: the upload, or NULL without memory.
 */
struct tcpvs_upload *tcpvs_upload_begin(u8 mode, u32 expressions)
{
	struct tcpvs_route_mem mem = {
		.alloc = route_alloc,
		.free = route_free,
		.step = route_step,
	};
	struct tcpvs_upload *u;

	u = kzalloc(sizeof(*u), GFP_KERNEL_ACCOUNT);
	if (!u)
		return NULL;
	u->expressions = expressions;
	u->table = kzalloc(sizeof(*u->table), GFP_KERNEL_ACCOUNT);
	u->scratch = kvmalloc(sizeof(*u->scratch), GFP_KERNEL_ACCOUNT);
	if (!u->table || !u->scratch)
		goto err;
	refcount_set(&u->table->ref, 1);
	u->table->mode = mode;
	INIT_LIST_HEAD(&u->table->records);
	u->table->held = sizeof(*u->table) + sizeof(*u) + sizeof(*u->scratch);
	mem.ctx = u->table;
	u->build = tcpvs_route_begin(&mem, NULL, get_random_u64());
	if (u->build)
		return u;
err:
	kfree(u->table);
	kvfree(u->scratch);
	kfree(u);
	return NULL;
}

/**
 * tcpvs_upload_give_up() - a piece was refused
 * @u: the upload; what it holds is freed, and it stays to be remembered
 */
void tcpvs_upload_give_up(struct tcpvs_upload *u)
{
	tcpvs_route_abort(u->build);
	tcpvs_table_put(u->table);
	kvfree(u->scratch);
	u->build = NULL;
	u->table = NULL;
	u->scratch = NULL;
	u->given_up = true;
}

/**
 * tcpvs_upload_free() - forget an upload
 * @u: the upload, or NULL
 */
void tcpvs_upload_free(struct tcpvs_upload *u)
{
	if (!u)
		return;
	tcpvs_upload_give_up(u);
	kfree(u);
}

static bool is_capture(const struct tcpvs_blob *b)
{
	return b->input >= TCPVS_AUTOMATON_INPUT_CAPTURE_PATH;
}

static const char *sort_of(const struct tcpvs_blob *b)
{
	return is_capture(b) ? "capture table" : "automaton";
}

/* The place of a new automaton or capture table, or an error. */
static struct tcpvs_blob *place(struct tcpvs_upload *u, u8 input,
				struct netlink_ext_ack *extack)
{
	struct tcpvs_table *t = u->table;

	if (input >= TCPVS_AUTOMATON_INPUT_CAPTURE_PATH) {
		if (t->ncaptures == TCPVS_RULE_SETS_MAX) {
			NL_SET_ERR_MSG_FMT(extack, "a table has at most %u capture tables",
					   TCPVS_RULE_SETS_MAX);
			return ERR_PTR(-E2BIG);
		}
		if (tcpvs_table_grow(t, (void **)&t->capture, t->ncaptures,
				     &u->capture_room, sizeof(*t->capture)))
			return ERR_PTR(-ENOMEM);
		return &t->capture[t->ncaptures].blob;
	}
	if (t->nblobs == TCPVS_AUTOMATA_MAX) {
		NL_SET_ERR_MSG_FMT(extack, "a table has at most %u automata",
				   TCPVS_AUTOMATA_MAX);
		return ERR_PTR(-E2BIG);
	}
	return &t->blob[t->nblobs];
}

/* The automaton whose bytes have not all come, or NULL. */
static struct tcpvs_blob *unfinished(struct tcpvs_upload *u)
{
	struct tcpvs_blob *b = u->last;

	return b && b->have < b->size ? b : NULL;
}

/**
 * tcpvs_upload_whole() - see that no automaton is unfinished
 * @u: the upload
 * @extack: says that one is
 *
 * Return: 0 or -EINVAL.
 */
int tcpvs_upload_whole(struct tcpvs_upload *u, struct netlink_ext_ack *extack)
{
	struct tcpvs_blob *b = unfinished(u);

	if (!b)
		return 0;
	NL_SET_ERR_MSG_FMT(extack, "%s %u is not whole: %u of %u bytes have come",
			   sort_of(b), u->last_number, b->have, b->size);
	return -EINVAL;
}

/**
 * tcpvs_upload_automaton() - begin an automaton
 * @u: the upload
 * @input: what it reads, TCPVS_AUTOMATON_INPUT_*
 * @size: its size in bytes
 * @extack: says why not
 *
 * Return: 0 or an error.
 */
int tcpvs_upload_automaton(struct tcpvs_upload *u, u8 input, u32 size,
			   struct netlink_ext_ack *extack)
{
	struct tcpvs_table *t = u->table;
	struct tcpvs_blob *b;
	int err;

	err = tcpvs_upload_whole(u, extack);
	if (err)
		return err;
	if (size > TCPVS_AUTOMATA_BYTES_MAX - u->blob_bytes) {
		NL_SET_ERR_MSG_FMT(extack, "%u bytes: the automata of a table have at most %u",
				   size, TCPVS_AUTOMATA_BYTES_MAX);
		return -E2BIG;
	}
	if (size < sizeof(struct tcpvs_dfa_header)) {
		NL_SET_ERR_MSG_FMT(extack, "no automaton has %u bytes", size);
		return -EINVAL;
	}
	b = place(u, input, extack);
	if (IS_ERR(b))
		return PTR_ERR(b);
	b->bytes = tcpvs_table_alloc(t, size);
	if (!b->bytes)
		return -ENOMEM;
	b->size = size;
	b->have = 0;
	b->input = input;
	u->last = b;
	u->last_number = is_capture(b) ? t->ncaptures++ : t->nblobs++;
	u->blob_bytes += size;
	return 0;
}

static int verify_capture(struct tcpvs_upload *u, const struct tcpvs_blob *b,
			  struct netlink_ext_ack *extack)
{
	struct tcpvs_capture_verify v;
	int err;

	err = tcpvs_capture_verify_begin(&v, b->bytes, b->size);
	if (!err)
		do {
			err = tcpvs_capture_verify_step(&v, VERIFY_SLICE);
			cond_resched();
		} while (err > 0);
	if (err) {
		NL_SET_ERR_MSG_FMT(extack, "capture table %u is wrong, entry %llu",
				   u->last_number, v.pos);
		return -EINVAL;
	}
	u->table->capture[u->last_number].cap = v.cap;
	return 0;
}

/* All of it is here: see that it is one, and make it known to the index. */
static int verify(struct tcpvs_upload *u, const struct tcpvs_blob *b,
		  struct netlink_ext_ack *extack)
{
	struct tcpvs_dfa_verify v;
	int err;

	if (is_capture(b))
		return verify_capture(u, b, extack);
	err = tcpvs_dfa_verify_begin(&v, b->bytes, b->size, u->expressions);
	if (!err)
		do {
			err = tcpvs_dfa_verify_step(&v, VERIFY_SLICE);
			cond_resched();
		} while (err > 0);
	if (err) {
		NL_SET_ERR_MSG_FMT(extack, "automaton %u is wrong: %.16s, entry %llu",
				   u->table->nblobs - 1,
				   tcpvs_dfa_err_name(err), v.pos);
		return -EINVAL;
	}
	err = tcpvs_route_add_dfa(u->build, &v.dfa, b->input);
	return err < 0 ? tcpvs_upload_blame(NULL, -err, extack) : 0;
}

/**
 * tcpvs_upload_data() - the next bytes of an automaton
 * @u: the upload
 * @data: attribute with them
 * @extack: says why not
 *
 * Return: 0 or an error.
 */
int tcpvs_upload_data(struct tcpvs_upload *u, const struct nlattr *data,
		      struct netlink_ext_ack *extack)
{
	struct tcpvs_blob *b = unfinished(u);
	u32 len = nla_len(data);

	if (!b) {
		NL_SET_ERR_MSG_ATTR(extack, data,
				    "data of no automaton: the size of a new one is missing");
		return -EINVAL;
	}
	if (len > b->size - b->have) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, data,
					"%s %u has %u bytes, and here are more",
					sort_of(b), u->last_number, b->size);
		return -EINVAL;
	}
	memcpy(b->bytes + b->have, nla_data(data), len);
	b->have += len;
	return b->have == b->size ? verify(u, b, extack) : 0;
}

/**
 * tcpvs_upload_set() - begin a set of servers, or go on with the last
 * @u: the upload
 * @id: number of the set
 * @ops: its scheduler; NULL = the usual, or what it has
 * @hash: what that hashes and how far; NULL = the usual, or what it has
 * @extack: says why not
 *
 * Return: 0 or an error.
 */
int tcpvs_upload_set(struct tcpvs_upload *u, u32 id,
		     const struct tcpvs_sched_ops *ops,
		     const struct tcpvs_hash_edit *hash,
		     struct netlink_ext_ack *extack)
{
	struct tcpvs_set_spec s = {
		.id = id,
		.bound = hash && hash->bounded ? hash->bound : TCPVS_BOUND_DEFAULT,
		.ops = ops ?: &tcpvs_sched_wlc,
	};
	struct tcpvs_table *t = u->table;
	struct tcpvs_set_spec *last = t->nsets ? &t->set[t->nsets - 1] : NULL;

	if (last && last->id == id) {
		if (hash) {
			NL_SET_ERR_MSG_FMT(extack, "set %u: its hash comes with its first servers",
					   id);
			return -EINVAL;
		}
		if (!ops || ops == last->ops)
			return 0;
		NL_SET_ERR_MSG_FMT(extack, "set %u has the scheduler \"%s\"", id,
				   last->ops->name);
		return -EINVAL;
	}
	if (last && last->id > id) {
		NL_SET_ERR_MSG_FMT(extack, "set %u comes after set %u: numbers ascend",
				   id, last->id);
		return -EINVAL;
	}
	if (last && !last->n) {
		NL_SET_ERR_MSG_FMT(extack, "set %u has no servers", last->id);
		return -EINVAL;
	}
	if (t->nsets == TCPVS_RULE_SETS_MAX) {
		NL_SET_ERR_MSG_FMT(extack, "a table has at most %u sets of servers",
				   TCPVS_RULE_SETS_MAX);
		return -E2BIG;
	}
	if (hash && !s.ops->keyed) {
		NL_SET_ERR_MSG_FMT(extack, "set %u: the scheduler \"%.15s\" hashes nothing",
				   id, s.ops->name);
		return -EINVAL;
	}
	if (hash && hash->keyed && hash->key.what != TCPVS_HK_SOURCE &&
	    t->mode == TCPVS_MODE_TLS) {
		NL_SET_ERR_MSG_FMT(extack, "set %u: mode tls hashes the source only",
				   id);
		return -EINVAL;
	}
	if (hash && hash->keyed && hash->key.what == TCPVS_HK_MATCH &&
	    (hash->key.capture >= t->ncaptures || unfinished(u))) {
		NL_SET_ERR_MSG_FMT(extack, "set %u: there is no capture table %u",
				   id, hash->key.capture);
		return -EINVAL;
	}
	if (hash && hash->keyed && hash->key.what != TCPVS_HK_SOURCE) {
		s.key = tcpvs_upload_keep(t, &hash->key, sizeof(hash->key));
		if (!s.key)
			return -ENOMEM;
	}
	if (tcpvs_table_grow(t, (void **)&t->set, t->nsets, &u->set_room,
			     sizeof(*t->set)))
		return -ENOMEM;
	t->set[t->nsets++] = s;
	return 0;
}

/**
 * tcpvs_upload_server() - add a server to the last set
 * @u: the upload
 * @addr: its address
 * @extack: says why not
 *
 * Return: 0 or an error.
 */
int tcpvs_upload_server(struct tcpvs_upload *u, const struct tcpvs_addr *addr,
			struct netlink_ext_ack *extack)
{
	struct tcpvs_set_spec *s = &u->table->set[u->table->nsets - 1];

	if (s->n == TCPVS_SERVERS_MAX) {
		NL_SET_ERR_MSG_FMT(extack, "a set has at most %u servers",
				   TCPVS_SERVERS_MAX);
		return -E2BIG;
	}
	if (tcpvs_table_grow(u->table, (void **)&s->addr, s->n, &s->room,
			     sizeof(*s->addr)))
		return -ENOMEM;
	s->addr[s->n++] = *addr;
	return 0;
}

/*
 * The order of the rules' ids, by four passes of a radix sort, each of which lets
 * others run. Nothing to do if they ascend, as they do unless rules were moved.
 */
static int order(struct tcpvs_table *t)
{
	u32 *to, *from, i, pass;

	for (i = 1; i < t->nrules && t->rule[i - 1].id < t->rule[i].id; i++)
		;
	if (i >= t->nrules)
		return 0;
	from = tcpvs_table_alloc(t, t->nrules * sizeof(*from));
	to = tcpvs_table_alloc(t, t->nrules * sizeof(*to));
	if (!from || !to) {
		tcpvs_table_release(t, from, t->nrules * sizeof(*from));
		tcpvs_table_release(t, to, t->nrules * sizeof(*to));
		return -ENOMEM;
	}
	for (i = 0; i < t->nrules; i++)
		from[i] = i;
	for (pass = 0; pass < 32; pass += 8) {
		u32 at[257] = {};

		for (i = 0; i < t->nrules; i++)
			at[(t->rule[i].id >> pass & 255) + 1]++;
		for (i = 1; i < 257; i++)
			at[i] += at[i - 1];
		for (i = 0; i < t->nrules; i++) {
			to[at[t->rule[from[i]].id >> pass & 255]++] = from[i];
			if (!(i & 65535))
				cond_resched();
		}
		swap(from, to);
	}
	tcpvs_table_release(t, to, t->nrules * sizeof(*to));
	t->by_id = from;
	return 0;
}

static int check_ids(const struct tcpvs_table *t, struct netlink_ext_ack *extack)
{
	u32 i;

	for (i = 1; t->by_id && i < t->nrules; i++) {
		u32 id = t->rule[t->by_id[i]].id;

		if (id != t->rule[t->by_id[i - 1]].id)
			continue;
		NL_SET_ERR_MSG_FMT(extack, "two rules have the number %u", id);
		return -EEXIST;
	}
	return 0;
}

/**
 * tcpvs_upload_end() - the table is whole
 * @u: the upload; given up if this fails, empty if not
 * @serial: what the table is told from others by
 * @out: set to the table with a reference, or to NULL if it has no rules
 * @extack: says why not
 *
 * Return: 0 or an error.
 */
int tcpvs_upload_end(struct tcpvs_upload *u, u32 serial,
		     struct tcpvs_table **out, struct netlink_ext_ack *extack)
{
	struct tcpvs_table *t = u->table;
	struct tcpvs_route_build *build = u->build;
	u32 bad = TCPVS_ROUTE_NONE;
	int err;

	*out = NULL;
	err = tcpvs_upload_whole(u, extack);
	if (err)
		return err;
	if (t->nsets && !t->set[t->nsets - 1].n) {
		NL_SET_ERR_MSG_FMT(extack, "set %u has no servers",
				   t->set[t->nsets - 1].id);
		return -EINVAL;
	}
	if (!t->nrules)
		return 0;
	err = order(t) ?: check_ids(t, extack) ?: tcpvs_table_hits_init(t);
	if (err)
		return err;
	tcpvs_table_trim(t, (void **)&t->rule, t->nrules, &u->room,
			 sizeof(*t->rule));
	u->build = NULL;
	err = tcpvs_route_finish(build, &t->route, &bad);
	if (err)
		return tcpvs_upload_blame(bad < t->nrules ? &t->rule[bad] : NULL,
					  -err, extack);
	t->serial = serial;
	t->held -= sizeof(*u) + sizeof(*u->scratch);
	*out = t;
	u->table = NULL;
	return 0;
}
