// SPDX-License-Identifier: GPL-2.0
/*
 * proc.c - /proc/net/ktcpvs, for whoever has nothing but cat
 *
 * What the reading requests of netlink tell everybody, in short: services, their
 * servers, and how busy they are. The columns may grow to the right; programs ask
 * over netlink.
 *
 * A file is read in pieces. Each piece is of the newest snapshot, inside
 * tcpvs_srcu, and goes on behind the service and server where the last one
 * ended, so a change in between shows from there on.
 *
 * Context: process; an open file holds its network namespace.
 */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/user_namespace.h>

#include "config.h"
#include "proc.h"
#include "worker.h"

/* Name, mode, scheduler, address, state or weight, and five numbers. */
#define COLUMNS	"%-24s %-4s %-5s %-47s %-8s %8s %10s %10s %15s %15s\n"

#define ADDRESS_LEN	sizeof("[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535")

/**
 * struct cursor - a file that is being read
 * @p: what seq_file_net() wants at the beginning
 * @c: the snapshot of this piece
 * @idx: of the read side of tcpvs_srcu
 * @next: position that belongs to @slot and @server
 * @slot: slot of the service
 * @server: its server plus 1, or 0 for the service itself
 */
struct cursor {
	struct seq_net_private p;
	const struct tcpvs_config *c;
	int idx;
	loff_t next;
	u32 slot;
	u32 server;
};

/* The service or server where the cursor stands, or the next one there is. */
static void *settle(struct cursor *at)
{
	const struct tcpvs_config *c = at->c;

	for (; at->slot < c->nslots; at->slot++, at->server = 0) {
		const struct tcpvs_service_conf *sc = c->conf[at->slot];

		if (sc && (!at->server || tcpvs_conf_member(sc, at->server - 1)))
			return at;
	}
	return NULL;
}

static void *proc_start(struct seq_file *m, loff_t *pos)
	__acquires(&tcpvs_srcu)
{
	const struct net *net = seq_file_net(m);
	struct cursor *at = m->private;
	loff_t i;

	at->idx = srcu_read_lock(&tcpvs_srcu);
	if (net->user_ns != &init_user_ns && !READ_ONCE(tcpvs_userns))
		return ERR_PTR(-EPERM);
	at->c = srcu_dereference(tcpvs_net(net)->config, &tcpvs_srcu);
	if (!*pos)
		return SEQ_START_TOKEN;
	if (*pos != at->next) {
		/* Not where it stopped: somebody moved the file's offset. */
		at->slot = 0;
		at->server = 0;
		for (i = 1; i < *pos && settle(at); i++) {
			at->server++;
			cond_resched();
		}
		at->next = *pos;
	}
	return settle(at);
}

static void *proc_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct cursor *at = m->private;

	if (v == SEQ_START_TOKEN) {
		at->slot = 0;
		at->server = 0;
	} else {
		at->server++;
	}
	at->next = ++*pos;
	return settle(at);
}

static void proc_stop(struct seq_file *m, void *v)
	__releases(&tcpvs_srcu)
{
	struct cursor *at = m->private;

	srcu_read_unlock(&tcpvs_srcu, at->idx);
}

static const char *mode_name(u8 mode)
{
	static const char * const name[] = {
		[TCPVS_MODE_TCP] = "tcp",
		[TCPVS_MODE_HTTP] = "http",
		[TCPVS_MODE_TLS] = "tls",
	};

	return mode < ARRAY_SIZE(name) && name[mode] ? name[mode] : "?";
}

static const char *state_name(u8 state)
{
	static const char * const name[] = {
		[TCPVS_SERVICE_STATE_STOPPED] = "stopped",
		[TCPVS_SERVICE_STATE_RUNNING] = "running",
		[TCPVS_SERVICE_STATE_DRAINING] = "draining",
	};

	return state < ARRAY_SIZE(name) && name[state] ? name[state] : "?";
}

/* A width of %pIS itself cuts the line off behind an IPv4 address (seen on 6.12). */
static const char *address(const struct tcpvs_addr *a, char *buf, size_t size)
{
	struct sockaddr_storage ss;

	tcpvs_addr_sockaddr(a, &ss);
	snprintf(buf, size, "%pISpc", &ss);
	return buf;
}

static void show_header(struct seq_file *m, const struct tcpvs_config *c)
{
	seq_printf(m, "ktcpvs %s, generation %u, services %u, servers %u, workers %u\n",
		   TCPVS_VERSION, c->generation, c->nservices, c->nservers,
		   tcpvs_nworkers);
	seq_printf(m, COLUMNS, "Service", "Mode", "Sched", "Address", "State",
		   "Active", "Clients", "Requests", "BytesIn", "BytesOut");
	seq_printf(m, COLUMNS, "  -> Server", "", "", "Address", "Weight",
		   "Active", "Connects", "Requests", "BytesIn", "BytesOut");
}

static void show_service(struct seq_file *m, const struct tcpvs_service_conf *sc)
{
	char addr[ADDRESS_LEN];
	struct tcpvs_stats sum;
	u32 zeroed;

	tcpvs_service_stats(sc->svc, &sum, &zeroed);
	seq_printf(m, "%-24s %-4s %-5s %-47s %-8s %8llu %10llu %10llu %15llu %15llu\n",
		   sc->name, mode_name(sc->mode), sc->set->ops->name,
		   address(&sc->addr, addr, sizeof(addr)),
		   state_name(tcpvs_service_state(sc->svc)),
		   sum.n[TCPVS_A_STATS_ACTIVE], sum.n[TCPVS_A_STATS_CONNECTIONS],
		   sum.n[TCPVS_A_STATS_REQUESTS], sum.n[TCPVS_A_STATS_CLIENT_BYTES_IN],
		   sum.n[TCPVS_A_STATS_CLIENT_BYTES_OUT]);
}

static void show_server(struct seq_file *m, const struct tcpvs_member *member)
{
	struct tcpvs_server_stats sum;
	char addr[ADDRESS_LEN];
	u32 zeroed;

	tcpvs_server_stats(member->srv, &sum, &zeroed);
	seq_printf(m, "%-35s %-47s %-8u %8llu %10llu %10llu %15llu %15llu\n",
		   "  ->",
		   address(&member->srv->addr, addr, sizeof(addr)),
		   member->weight,
		   sum.n[TCPVS_A_SERVER_STATS_ACTIVE],
		   sum.n[TCPVS_A_SERVER_STATS_CONNECTS],
		   sum.n[TCPVS_A_SERVER_STATS_REQUESTS],
		   sum.n[TCPVS_A_SERVER_STATS_BYTES_IN],
		   sum.n[TCPVS_A_SERVER_STATS_BYTES_OUT]);
}

static int proc_show(struct seq_file *m, void *v)
{
	const struct cursor *at = m->private;
	const struct tcpvs_service_conf *sc;

	if (v == SEQ_START_TOKEN) {
		show_header(m, at->c);
		return 0;
	}
	sc = at->c->conf[at->slot];
	if (at->server)
		show_server(m, tcpvs_conf_member(sc, at->server - 1));
	else
		show_service(m, sc);
	return 0;
}

static const struct seq_operations proc_ops = {
	.start	= proc_start,
	.next	= proc_next,
	.stop	= proc_stop,
	.show	= proc_show,
};

/**
 * tcpvs_proc_init() - let a namespace have its file
 * @net: the namespace, whose configuration is there
 *
 * Return: 0 or -ENOMEM.
 */
int tcpvs_proc_init(struct net *net)
{
	if (proc_create_net("ktcpvs", 0444, net->proc_net, &proc_ops,
			    sizeof(struct cursor)) ||
	    !IS_ENABLED(CONFIG_PROC_FS))
		return 0;
	return -ENOMEM;
}

/**
 * tcpvs_proc_exit() - take it away; nobody reads it any more then
 * @net: the namespace, whose configuration is still there
 */
void tcpvs_proc_exit(struct net *net)
{
	remove_proc_entry("ktcpvs", net->proc_net);
}
