// SPDX-License-Identifier: GPL-2.0
/*
 * candidate_rules.c - drafts of services get tables of rules
 *
 * A table comes in many requests, so it needs a transaction. It belongs to the
 * draft until it is whole, and only then takes the place of the table that the
 * draft has. A refused piece may be in there in part or not at all, and what is
 * wrong with it may be the name of its service, so it gives up all tables that the
 * candidate fills. What was given up stands in the way of a commit until another
 * table was begun, or the service was deleted.
 *
 * Under tcpvs_net.lock, in netlink requests.
 */
#include "netlink.h"
#include "table.h"
#include "transaction.h"

/* What an upload holds goes on the transaction's account. */
static int charge(struct tcpvs_candidate *c, struct tcpvs_upload *u, size_t held,
		  struct netlink_ext_ack *extack)
{
	int err = 0;

	if (held > u->charged)
		err = tcpvs_candidate_charge(c, held - u->charged, extack);
	else
		c->bytes -= u->charged - held;
	if (!err)
		u->charged = held;
	return err;
}

static struct tcpvs_draft *draft_of(struct tcpvs_candidate *c,
				    struct genl_info *info)
{
	struct nlattr *attr = info->attrs[TCPVS_A_RULES_SERVICE];
	const char *name;
	int err;

	if (c->single) {
		GENL_SET_ERR_MSG(info, "rules come in many requests: begin a transaction first");
		return ERR_PTR(-EINVAL);
	}
	if (tcpvs_nl_missing(info, TCPVS_A_RULES_SERVICE, "the service"))
		return ERR_PTR(-EINVAL);
	err = tcpvs_nl_name(attr, &name, info->extack);
	if (err)
		return ERR_PTR(err);
	return tcpvs_candidate_open(c, name, attr, info->extack);
}

/* The draft of a service whose new table takes more pieces. */
static struct tcpvs_draft *filling(struct tcpvs_candidate *c,
				   struct genl_info *info)
{
	struct tcpvs_draft *d = draft_of(c, info);

	if (IS_ERR(d) || (d->upload && !d->upload->given_up))
		return d;
	if (d->upload)
		NL_SET_ERR_MSG_FMT(info->extack,
				   "the new rules of \"%.16s\" were refused: begin them again",
				   d->conf->name);
	else
		NL_SET_ERR_MSG_FMT(info->extack,
				   "no new rules of \"%.16s\" were begun",
				   d->conf->name);
	return ERR_PTR(-EINVAL);
}

/**
 * tcpvs_candidate_rules_drop() - forget the table that a draft was to get
 * @c: the candidate
 * @d: the draft
 */
void tcpvs_candidate_rules_drop(struct tcpvs_candidate *c, struct tcpvs_draft *d)
{
	if (!d->upload)
		return;
	charge(c, d->upload, 0, NULL);
	tcpvs_upload_free(d->upload);
	d->upload = NULL;
}

/**
 * tcpvs_candidate_rules_spoil() - a piece was refused
 * @c: the candidate
 */
void tcpvs_candidate_rules_spoil(struct tcpvs_candidate *c)
{
	struct tcpvs_draft *d;

	list_for_each_entry(d, &c->drafts, link) {
		if (!d->upload || d->upload->given_up)
			continue;
		tcpvs_upload_give_up(d->upload);
		charge(c, d->upload, 0, NULL);
	}
}

/**
 * tcpvs_candidate_rules_begin() - begin a new table
 * @c: the candidate
 * @info: the request
 *
 * One that is being filled is forgotten.
 *
 * Return: 0 or an error.
 */
int tcpvs_candidate_rules_begin(struct tcpvs_candidate *c, struct genl_info *info)
{
	struct nlattr *attr = info->attrs[TCPVS_A_RULES_EXPRESSIONS];
	struct tcpvs_draft *d = draft_of(c, info);
	struct tcpvs_upload *u;
	int err;

	if (IS_ERR(d))
		return PTR_ERR(d);
	/* Rules look at requests unless the service reads hellos. */
	u = tcpvs_upload_begin(d->conf->mode == TCPVS_MODE_TLS ?
			       TCPVS_MODE_TLS : TCPVS_MODE_HTTP,
			       attr ? nla_get_u32(attr) : 0);
	if (!u)
		return -ENOMEM;
	err = charge(c, u, u->table->held, info->extack);
	if (err) {
		tcpvs_upload_free(u);
		return err;
	}
	tcpvs_candidate_rules_drop(c, d);
	d->upload = u;
	return 0;
}

/**
 * tcpvs_candidate_rules_piece() - add to the new table
 * @c: the candidate
 * @info: the request
 * @add: what does it
 *
 * Return: 0 or an error.
 */
int tcpvs_candidate_rules_piece(struct tcpvs_candidate *c, struct genl_info *info,
				int (*add)(struct tcpvs_upload *u,
					   struct genl_info *info))
{
	struct tcpvs_draft *d = filling(c, info);
	int err;

	if (IS_ERR(d))
		return PTR_ERR(d);
	err = add(d->upload, info);
	if (!err)
		err = charge(c, d->upload, d->upload->table->held, info->extack);
	return err;
}

/**
 * tcpvs_candidate_rules_end() - the new table takes the place of the old
 * @c: the candidate
 * @info: the request
 *
 * Return: 0 or an error.
 */
int tcpvs_candidate_rules_end(struct tcpvs_candidate *c, struct genl_info *info)
{
	struct tcpvs_draft *d = filling(c, info);
	struct tcpvs_table *t;
	u32 serial;
	int err;

	if (IS_ERR(d))
		return PTR_ERR(d);
	serial = ++c->tn->next_serial ?: ++c->tn->next_serial;
	err = tcpvs_upload_end(d->upload, serial, &t, info->extack);
	if (err)
		return err;
	/* The table stays on the account, what made it does not: it is gone. */
	err = charge(c, d->upload, t ? t->held : 0, info->extack);
	if (err) {
		tcpvs_table_put(t);
		return err;
	}
	tcpvs_upload_free(d->upload);
	d->upload = NULL;
	tcpvs_table_put(d->conf->table);
	d->conf->table = t;
	d->conf->serial = t ? serial : 0;
	tcpvs_candidate_special(d->conf);
	c->tables = true;
	return 0;
}

/**
 * tcpvs_candidate_rules_check() - whether a draft's rules may be committed
 * @d: the draft
 * @extack: says why not
 *
 * Return: 0 or -EINVAL.
 */
int tcpvs_candidate_rules_check(const struct tcpvs_draft *d,
				struct netlink_ext_ack *extack)
{
	if (d->upload && d->upload->given_up) {
		NL_SET_ERR_MSG_FMT(extack,
				   "the new rules of \"%.16s\" were refused: begin them again",
				   d->conf->name);
		return -EINVAL;
	}
	if (d->upload) {
		NL_SET_ERR_MSG_FMT(extack,
				   "the new rules of \"%.16s\" are not whole: end them",
				   d->conf->name);
		return -EINVAL;
	}
	if (d->conf->table && d->conf->mode != d->conf->table->mode) {
		NL_SET_ERR_MSG_FMT(extack,
				   "\"%.16s\" has rules: they need mode %s",
				   d->conf->name,
				   d->conf->table->mode == TCPVS_MODE_TLS ?
				   "tls" : "http");
		return -EINVAL;
	}
	return 0;
}
