// SPDX-License-Identifier: GPL-2.0
/*
 * cookie.c - the cookie of a service, as configured
 *
 * What a request says of it is checked here, for a line that goes into every
 * response cannot hold what would be two lines or another attribute. The key is
 * given or made of random bytes, is never told, and is overwritten when it goes.
 *
 * Signing is HMAC-SHA-256 (RFC 2104), by the one function of the kernel's library
 * that has had the same form for long: HMAC itself became a plain function only
 * after 6.12, and SipHash, which is enough for hash tables, is not meant to be
 * shown to who wants to forge it.
 *
 * In netlink requests, but for tcpvs_mac(): any context.
 */
#include <crypto/sha2.h>
#include <crypto/utils.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <net/netlink.h>

#include "netlink.h"
#include "sticky.h"

/**
 * tcpvs_mac() - HMAC-SHA-256
 * @out: 32 bytes
 * @key: the key
 * @key_len: its length, at most a block, 64 bytes
 * @text: what is signed
 * @len: its length, at most 64 bytes
 */
void tcpvs_mac(u8 *out, const u8 *key, u32 key_len, const void *text, u32 len)
{
	u8 block[SHA256_BLOCK_SIZE + 64];
	unsigned int i;

	if (WARN_ON_ONCE(key_len > SHA256_BLOCK_SIZE ||
			 len > sizeof(block) - SHA256_BLOCK_SIZE))
		return;
	memset(block, 0x36, SHA256_BLOCK_SIZE);
	for (i = 0; i < key_len; i++)
		block[i] ^= key[i];
	memcpy(block + SHA256_BLOCK_SIZE, text, len);
	sha256(block, SHA256_BLOCK_SIZE + len, out);

	for (i = 0; i < SHA256_BLOCK_SIZE; i++)
		block[i] ^= 0x36 ^ 0x5c;
	memcpy(block + SHA256_BLOCK_SIZE, out, SHA256_DIGEST_SIZE);
	sha256(block, SHA256_BLOCK_SIZE + SHA256_DIGEST_SIZE, out);
	memzero_explicit(block, sizeof(block));
}

/**
 * tcpvs_cookie_get() - take a reference to a cookie
 * @c: the cookie, or NULL
 *
 * Return: @c.
 */
struct tcpvs_cookie *tcpvs_cookie_get(struct tcpvs_cookie *c)
{
	if (c)
		refcount_inc(&c->ref);
	return c;
}

/**
 * tcpvs_cookie_put() - drop a reference to a cookie
 * @c: the cookie, or NULL
 */
void tcpvs_cookie_put(struct tcpvs_cookie *c)
{
	if (c && refcount_dec_and_test(&c->ref))
		kfree_sensitive(c);
}

/**
 * tcpvs_cookie_equal() - are two cookies the same, keys included?
 * @a: a cookie, or NULL
 * @b: a cookie, or NULL
 */
bool tcpvs_cookie_equal(const struct tcpvs_cookie *a,
			const struct tcpvs_cookie *b)
{
	if (a == b)
		return true;
	return a && b && !strcmp(a->name, b->name) && !strcmp(a->path, b->path) &&
	       !strcmp(a->attributes, b->attributes) &&
	       a->max_age == b->max_age && a->random == b->random &&
	       a->key_len == b->key_len &&
	       !crypto_memneq(a->key, b->key, a->key_len);
}

/**
 * tcpvs_cookie_inherit() - settle the key of a cookie that came without one
 * @c: the cookie, which nobody else has seen yet
 * @old: the service's cookie before, or NULL
 *
 * The key stays whatever else changes; without one before it is random.
 */
void tcpvs_cookie_inherit(struct tcpvs_cookie *c, const struct tcpvs_cookie *old)
{
	if (c->key_len)
		return;
	if (old) {
		c->random = old->random;
		c->key_id = old->key_id;
		c->key_len = old->key_len;
		memcpy(c->key, old->key, sizeof(c->key));
		return;
	}
	c->random = true;
	c->key_len = 32;
	get_random_bytes(c->key, c->key_len);
}

static int refuse(struct netlink_ext_ack *extack, const struct nlattr *attr,
		  const char *why)
{
	NL_SET_ERR_MSG_ATTR_FMT(extack, attr, "%.78s", why);
	return -EINVAL;
}

/* A text of the cookie; the policy has seen to its length. */
static int read_text(const struct nlattr *attr, char *to,
		     bool (*good)(const u8 *s, u32 len), const char *why,
		     struct netlink_ext_ack *extack)
{
	const char *s = nla_data(attr);
	u32 len = strlen(s);

	if (len + 1 < nla_len(attr) || !good((const u8 *)s, len))
		return refuse(extack, attr, why);
	memcpy(to, s, len + 1);
	return 0;
}

static int read_key(const struct nlattr *attr, struct tcpvs_cookie *c,
		    struct netlink_ext_ack *extack)
{
	static const char what[] = "ktcpvs key id";
	u32 len = nla_len(attr);
	u8 mac[SHA256_DIGEST_SIZE];

	if (len < TCPVS_COOKIE_KEY_MIN || len > TCPVS_COOKIE_KEY_MAX) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, attr,
					"a key of %u bytes: it has %u to %u",
					len, TCPVS_COOKIE_KEY_MIN,
					TCPVS_COOKIE_KEY_MAX);
		return -EINVAL;
	}
	memcpy(c->key, nla_data(attr), len);
	c->key_len = len;
	tcpvs_mac(mac, c->key, c->key_len, what, sizeof(what) - 1);
	c->key_id = get_unaligned_be32(mac);
	return 0;
}

static int read_cookie(struct nlattr **tb, const struct nlattr *attr,
		       struct tcpvs_cookie *c, struct netlink_ext_ack *extack)
{
	int err;

	if (NL_REQ_ATTR_CHECK(extack, attr, tb, TCPVS_A_COOKIE_NAME)) {
		NL_SET_ERR_MSG(extack, "the name of the cookie is missing");
		return -EINVAL;
	}
	if (tb[TCPVS_A_COOKIE_KEY_ID])
		return refuse(extack, tb[TCPVS_A_COOKIE_KEY_ID],
			      "the id of a key is told, not given");
	err = read_text(tb[TCPVS_A_COOKIE_NAME], c->name, tcpvs_http_cookie_name,
			"the name of a cookie is a token: letters, digits, - and _", extack);
	if (!err && tb[TCPVS_A_COOKIE_PATH])
		err = read_text(tb[TCPVS_A_COOKIE_PATH], c->path,
				tcpvs_http_cookie_path,
				"a path begins with / and has no quotes, backslashes, commas, semicolons",
				extack);
	if (!err && tb[TCPVS_A_COOKIE_ATTRIBUTES])
		err = read_text(tb[TCPVS_A_COOKIE_ATTRIBUTES], c->attributes,
				tcpvs_http_cookie_attributes,
				"attributes are NAME or NAME=VALUE with ; between, no Path, Max-Age, Expires",
				extack);
	if (!err && tb[TCPVS_A_COOKIE_KEY])
		err = read_key(tb[TCPVS_A_COOKIE_KEY], c, extack);
	if (tb[TCPVS_A_COOKIE_MAX_AGE])
		c->max_age = nla_get_u32(tb[TCPVS_A_COOKIE_MAX_AGE]);
	return err;
}

/**
 * tcpvs_cookie_read() - the cookie that a request wants of a service
 * @attr: attribute, a nest by its policy
 * @cookie: set to it, with a reference; NULL for none
 * @extack: says why not
 *
 * Its key may still be missing: tcpvs_cookie_inherit().
 *
 * Return: 0 or an error.
 */
int tcpvs_cookie_read(const struct nlattr *attr, struct tcpvs_cookie **cookie,
		      struct netlink_ext_ack *extack)
{
	struct nlattr *tb[TCPVS_A_COOKIE_MAX + 1];
	struct tcpvs_cookie *c;
	int err;

	*cookie = NULL;
	if (!nla_len(attr))
		return 0;
	err = nla_parse_nested(tb, TCPVS_A_COOKIE_MAX, attr,
			       tcpvs_cookie_nl_policy, extack);
	if (err)
		return err;
	c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);
	if (!c)
		return -ENOMEM;
	refcount_set(&c->ref, 1);
	strscpy(c->path, "/");
	err = read_cookie(tb, attr, c, extack);
	if (err) {
		tcpvs_cookie_put(c);
		return err;
	}
	*cookie = c;
	return 0;
}
