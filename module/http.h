/* SPDX-License-Identifier: GPL-2.0 */
/*
 * http.h - HTTP/1.x heads and bodies, stage 2 (parse)
 *
 * Pure functions over bytes: no sockets, no allocation, no locks, any context.
 * All state lies in structures of the caller.  The same sources are built in
 * user space by module/tests.
 *
 * One reading.  A message that two recipients could frame differently is
 * refused, never repaired: RFC 9112, and design rules stricter than it where
 * it leaves a choice.  What is accepted is sent on with the client's own bytes
 * except for the lines that a gateway must take out or add.
 *
 * Segmentation does not matter.  A parse over a prefix of a head returns 0 or
 * the very result that the whole head gives.  Who is fed in small pieces asks
 * tcpvs_http_scan() with the new bytes only and parses once, so that n bytes
 * cost O(n) however they come.
 *
 * All offsets count from the first byte given to the parse function.
 */
#ifndef TCPVS_HTTP_H
#define TCPVS_HTTP_H

#include "pure.h"

/* Room for header lines in a head; limits->headers_max can only lower it. */
#define TCPVS_HTTP_HDR_MAX	128
/* Largest head: offsets are 16 bit. */
#define TCPVS_HTTP_HEAD_MAX	65535
/* Longest host[:port]: 253 of a DNS name and room for a port. */
#define TCPVS_HTTP_HOST_MAX	260
/* Longest text accepted as tcpvs_http_fwd.xff and .proto. */
#define TCPVS_HTTP_XFF_MAX	64
#define TCPVS_HTTP_PROTO_MAX	8
/*
 * A rewritten head is at most head_len + this, whatever is added; answers of
 * tcpvs_http_answer() fit into TCPVS_HTTP_ANSWER_MAX.
 */
#define TCPVS_HTTP_FWD_EXTRA	1024
#define TCPVS_HTTP_ANSWER_MAX	512
/* Longest body of tcpvs_http_fixed(), longest text for tcpvs_http_redirect(). */
#define TCPVS_HTTP_FIXED_MAX	4096
#define TCPVS_HTTP_LOCATION_MAX	1024
/* Bytes of a token, and of the value of a cookie that holds one. */
#define TCPVS_COOKIE_TOKEN	30
#define TCPVS_COOKIE_VALUE	(TCPVS_COOKIE_TOKEN / 3 * 4)

/* Why a message was refused.  Functions return the negative of these. */
enum tcpvs_http_err {
	TCPVS_HE_NONE,
	/* request line */
	TCPVS_HE_BAD_REQUEST_LINE,
	TCPVS_HE_BAD_TARGET,
	TCPVS_HE_URI_TOO_LONG,		/* 414 */
	TCPVS_HE_BAD_VERSION,		/* not of the form HTTP/d.d: 400 */
	TCPVS_HE_VERSION_UNSUPPORTED,	/* of that form, not 1.0 or 1.1: 505 */
	/* status line */
	TCPVS_HE_BAD_STATUS_LINE,
	/* header lines */
	TCPVS_HE_BAD_HEADER,
	TCPVS_HE_BARE_CR,
	TCPVS_HE_BARE_LF,
	TCPVS_HE_NUL,
	TCPVS_HE_OBS_FOLD,
	TCPVS_HE_SPACE_BEFORE_COLON,
	TCPVS_HE_HEAD_TOO_LARGE,	/* 431 */
	TCPVS_HE_TOO_MANY_HEADERS,	/* 431 */
	/* what the headers say */
	TCPVS_HE_BAD_CONNECTION,
	TCPVS_HE_BAD_LENGTH,
	TCPVS_HE_DUP_LENGTH,
	TCPVS_HE_LENGTH_AND_TE,
	TCPVS_HE_BAD_TE,
	TCPVS_HE_UNKNOWN_TE,		/* 501 */
	TCPVS_HE_NO_HOST,
	TCPVS_HE_DUP_HOST,
	TCPVS_HE_BAD_HOST,
	TCPVS_HE_CONNECT_BODY,
	/* chunked body */
	TCPVS_HE_BAD_CHUNK,
	TCPVS_HE_CHUNK_EXT_TOO_LARGE,
	TCPVS_HE_BAD_TRAILER,
	TCPVS_HE_TRAILER_TOO_LARGE,
	__TCPVS_HE_MAX,
};

/**
 * struct tcpvs_http_limits - what a head may measure
 * @head_max: bytes of a whole head; 0 or above 65535 means 65535
 * @headers_max: header lines; 0 or above 128 means 128
 * @target_max: bytes of the request target; 0 means no limit of its own
 */
struct tcpvs_http_limits {
	u32 head_max;
	u16 headers_max;
	u16 target_max;
};

enum tcpvs_http_method {
	TCPVS_M_OTHER,
	TCPVS_M_GET,
	TCPVS_M_HEAD,
	TCPVS_M_POST,
	TCPVS_M_PUT,
	TCPVS_M_DELETE,
	TCPVS_M_OPTIONS,
	TCPVS_M_TRACE,
	TCPVS_M_CONNECT,
	TCPVS_M_PATCH,
	__TCPVS_M_MAX,
};

/* The four forms of a request target, RFC 9112 section 3.2. */
enum tcpvs_http_form {
	TCPVS_FORM_ORIGIN,
	TCPVS_FORM_ABSOLUTE,
	TCPVS_FORM_AUTHORITY,
	TCPVS_FORM_ASTERISK,
};

/*
 * Header names that somebody here has to recognise.  The parser reads the
 * values of those up to TCPVS_H_LAST_READ.
 */
enum tcpvs_http_hdr_id {
	TCPVS_H_OTHER,
	TCPVS_H_HOST,
	TCPVS_H_CONTENT_LENGTH,
	TCPVS_H_TRANSFER_ENCODING,
	TCPVS_H_CONNECTION,
	TCPVS_H_KEEP_ALIVE,
	TCPVS_H_PROXY_CONNECTION,
	TCPVS_H_TE,
	TCPVS_H_UPGRADE,
	TCPVS_H_HTTP2_SETTINGS,
	TCPVS_H_EXPECT,
	TCPVS_H_X_FORWARDED_FOR,
	TCPVS_H_X_FORWARDED_PROTO,
	TCPVS_H_X_FORWARDED_HOST,
	TCPVS_H_X_FORWARDED_OTHER,	/* X-Forwarded-<anything else> */
	TCPVS_H_FORWARDED,
	TCPVS_H_WWW_AUTHENTICATE,
	TCPVS_H_PROXY_AUTHENTICATE,
	TCPVS_H_AUTHORIZATION,
	TCPVS_H_PROXY_AUTHORIZATION,
	TCPVS_H_LAST_READ = TCPVS_H_PROXY_AUTHORIZATION,
	TCPVS_H_TRAILER,
	TCPVS_H_VIA,
	TCPVS_H_COOKIE,
	TCPVS_H_SET_COOKIE,
	TCPVS_H_CONTENT_TYPE,
	TCPVS_H_CONTENT_ENCODING,
	TCPVS_H_CONTENT_RANGE,
	TCPVS_H_CACHE_CONTROL,
	TCPVS_H_USER_AGENT,
	TCPVS_H_REFERER,
	TCPVS_H_DATE,
	TCPVS_H_SERVER,
	TCPVS_H_LOCATION,
	__TCPVS_H_MAX,
};

/* tcpvs_http_hdr.flags */
#define TCPVS_HDRF_NAMED	0x01	/* named by Connection: not sent on */
#define TCPVS_HDRF_ALIAS	0x02	/* id found with '_' read as '-' */

/**
 * struct tcpvs_http_hdr - one header line
 * @name: offset of the name, which is also where the line begins
 * @nlen: length of the name
 * @val: offset of the value, white space around it taken off
 * @vlen: length of the value
 * @id: enum tcpvs_http_hdr_id
 * @flags: TCPVS_HDRF_*
 *
 * Lines lie back to back: a line ends where the next one begins, the last one
 * at head_len - 2.
 */
struct tcpvs_http_hdr {
	u16 name;
	u16 nlen;
	u16 val;
	u16 vlen;
	u8 id;
	u8 flags;
};

/**
 * struct tcpvs_http_span - a piece of the head
 * @off: offset of its first byte
 * @len: its length, 0 when it is absent
 */
struct tcpvs_http_span {
	u16 off;
	u16 len;
};

/* tcpvs_http_head.flags */
#define TCPVS_HF_CHUNKED	0x0001	/* Transfer-Encoding: chunked */
#define TCPVS_HF_LENGTH		0x0002	/* content_length is valid */
#define TCPVS_HF_KEEPALIVE	0x0004	/* persistent by version and tokens */
#define TCPVS_HF_CLOSE		0x0008	/* Connection: close was there */
#define TCPVS_HF_EXPECT_CONTINUE 0x0010	/* HTTP/1.1 and 100-continue */
#define TCPVS_HF_UPGRADE	0x0020	/* Upgrade, and Connection names it */
#define TCPVS_HF_UPGRADE_WEBSOCKET 0x0040 /* to websocket, and well-formed */
#define TCPVS_HF_HAS_HOST	0x0080	/* a Host line is there */
#define TCPVS_HF_CONNECTION	0x0100	/* a Connection line is there */
#define TCPVS_HF_AUTH_CONN	0x0200	/* NTLM/Negotiate challenge or answer */
#define TCPVS_HF_UNREUSABLE	0x0400	/* fine, but use no server leg after it */
#define TCPVS_HF_NO_REASON_SP	0x0800	/* status line ends after the digits */
/* for the parser alone */
#define TCPVS_HF_CONN_KEEPALIVE	0x1000
#define TCPVS_HF_CONN_UPGRADE	0x2000
#define TCPVS_HF_HAS_UPGRADE	0x4000
#define TCPVS_HF_TO_WEBSOCKET	0x8000
#define TCPVS_HF_CONN_NAMES	0x10000

/**
 * struct tcpvs_http_head - a parsed head
 * @head_len: bytes of the head with its final empty line and any empty lines
 *	before it
 * @flags: TCPVS_HF_*
 * @content_length: valid with TCPVS_HF_LENGTH
 * @start: offset of the start line (the empty lines before a request)
 * @nhdr: header lines in @hdr
 * @method: request: enum tcpvs_http_method
 * @form: request: enum tcpvs_http_form
 * @minor: 0 or 1 for HTTP/1.0 or 1.1
 * @status: response: 100 to 999
 * @port: request: port of @authority, 0 if it names none
 * @method_s: request: the method's text
 * @target: request: the target as it came
 * @path: request: path in the target; "/" if an absolute target has none,
 *	"*" for asterisk form, absent for authority form
 * @query: request: what follows '?', without it
 * @authority: request: host[:port], of the target if it names one, else of
 *	the Host line; absent in HTTP/1.0 without Host
 * @host: request: @authority without port; an IPv6 address keeps its brackets
 * @reason: response: reason phrase
 * @edit: header lines that a gateway must look at, one bit a line
 * @hdr: the lines
 *
 * Valid only after a parse that returned more than 0.
 */
struct tcpvs_http_head {
	u32 head_len;
	u32 flags;
	u64 content_length;
	u16 start;
	u16 nhdr;
	u8 method;
	u8 form;
	u8 minor;
	u16 status;
	u16 port;
	struct tcpvs_http_span method_s;
	struct tcpvs_http_span target;
	struct tcpvs_http_span path;
	struct tcpvs_http_span query;
	struct tcpvs_http_span authority;
	struct tcpvs_http_span host;
	struct tcpvs_http_span reason;
	u64 edit[TCPVS_HTTP_HDR_MAX / 64];
	struct tcpvs_http_hdr hdr[TCPVS_HTTP_HDR_MAX];
};

/* http.c */
int tcpvs_http_parse_request(struct tcpvs_http_head *h, const u8 *buf, u32 len,
			     const struct tcpvs_http_limits *lim);
int tcpvs_http_parse_response(struct tcpvs_http_head *h, const u8 *buf, u32 len,
			      const struct tcpvs_http_limits *lim);

/**
 * struct tcpvs_http_scan - search for the end of a head that dribbles in
 * @pos: bytes seen; when the end was found, the offset behind it
 * @state: where in a line end the search stands
 *
 * All zero before the first byte of a request.
 */
struct tcpvs_http_scan {
	u32 pos;
	u8 state;
};

/* First tcpvs_http_scan.state of a response: no empty lines before it. */
#define TCPVS_SCAN_RESPONSE	3

int tcpvs_http_scan(struct tcpvs_http_scan *s, const u8 *piece, u32 len,
		    u32 head_max);

/* http_name.c */
unsigned int tcpvs_http_err_status(int err);
const char *tcpvs_http_err_name(int err);
u8 tcpvs_http_field_id(const u8 *name, u32 len, u8 *flags);

/* http_field.c */

/* How long a body is, RFC 9112 section 6.3. */
enum tcpvs_http_body {
	TCPVS_BODY_NONE,
	TCPVS_BODY_LENGTH,	/* content_length bytes, more than 0 */
	TCPVS_BODY_CHUNKED,
	TCPVS_BODY_CLOSE,	/* until the server closes */
	TCPVS_BODY_TUNNEL,	/* no longer HTTP, both ways until closed */
};

int tcpvs_http_request_body(const struct tcpvs_http_head *req);
int tcpvs_http_response_body(const struct tcpvs_http_head *resp, u8 req_method);

/* http_chunk.c */

/* Bytes of chunk extensions in one chunk, and in one body. */
#define TCPVS_CHUNK_EXT_MAX	1024
#define TCPVS_CHUNK_EXT_TOTAL	16384
/* Bytes and lines of a trailer section. */
#define TCPVS_TRAILER_MAX	8192
#define TCPVS_TRAILER_LINES	128
/*
 * Longest trailer name that is compared with those refused: the longest of them
 * has 19 bytes, and with 21 struct tcpvs_http_chunk has no hole.
 */
#define TCPVS_TRAILER_NAME	21

/**
 * struct tcpvs_http_chunk - where in a chunked body we are
 * @left: data bytes of this chunk still to come; the size while it is read
 * @ext_total: bytes of extensions in this body so far
 * @ext: bytes of extensions in this chunk so far
 * @trailer: bytes of the trailer section so far
 * @lines: lines of the trailer section so far
 * @state: next byte expected
 * @digits: digits of the chunk size so far
 * @err: the error found, for good
 * @nlen: bytes in @name, more than fit if the name is longer
 * @name: name of the trailer line being read
 */
struct tcpvs_http_chunk {
	u64 left;
	u16 ext_total;
	u16 ext;
	u16 trailer;
	u8 lines;
	u8 state;
	u8 digits;
	u8 err;
	u8 nlen;
	u8 name[TCPVS_TRAILER_NAME];
};

void tcpvs_http_chunk_init(struct tcpvs_http_chunk *c);
s64 tcpvs_http_chunk(struct tcpvs_http_chunk *c, const u8 *p, u32 len);
bool tcpvs_http_chunk_done(const struct tcpvs_http_chunk *c);
u64 tcpvs_http_chunk_skip(const struct tcpvs_http_chunk *c);
void tcpvs_http_chunk_skipped(struct tcpvs_http_chunk *c, u64 n);

/* http_head.c */

/**
 * struct tcpvs_http_fwd - how to send a head on
 * @xff: the client's address as text, not terminated; NULL adds no
 *	X-Forwarded-For and no Forwarded
 * @xff_len: its length, at most TCPVS_HTTP_XFF_MAX
 * @proto: "http" or "https" for X-Forwarded-Proto; NULL adds none
 * @xfh: add X-Forwarded-Host
 * @forwarded: write one Forwarded (RFC 7239) in place of X-Forwarded-*
 * @keep_incoming_forwarded: the peer is trusted: what it says of the client is
 *	kept and added to; otherwise it is dropped
 * @via: add Via
 * @close: add Connection: close
 * @keep_alive: response to an HTTP/1.0 client that stays: add
 *	Connection: keep-alive
 * @upgrade: let a websocket upgrade pass; needs TCPVS_HF_UPGRADE_WEBSOCKET
 * @tunnel: response: 2xx to CONNECT, so framing headers go
 * @strip: request: name of a cookie that is taken out, if
 *	tcpvs_http_cookie_find() has marked its lines; or NULL
 * @strip_len: its length
 * @cookie: response: the value of a cookie that is added; NULL adds none
 * @cookie_head: what comes before the value, from Set-Cookie on
 * @cookie_tail: what comes after it, with the end of the line
 * @cookie_head_len: its length
 * @cookie_tail_len: its length
 */
struct tcpvs_http_fwd {
	const char *xff;
	const char *proto;
	const char *strip;
	const u8 *cookie;
	const char *cookie_head;
	const char *cookie_tail;
	u16 strip_len;
	u16 cookie_head_len;
	u16 cookie_tail_len;
	u16 xff_len;
	bool xfh;
	bool forwarded;
	bool keep_incoming_forwarded;
	bool via;
	bool close;
	bool keep_alive;
	bool upgrade;
	bool tunnel;
};

int tcpvs_http_build_request(u8 *out, u32 cap, const u8 *buf,
			     const struct tcpvs_http_head *h,
			     const struct tcpvs_http_fwd *f);
int tcpvs_http_build_response(u8 *out, u32 cap, const u8 *buf,
			      const struct tcpvs_http_head *h,
			      const struct tcpvs_http_fwd *f);
int tcpvs_http_answer(u8 *out, u32 cap, unsigned int status, bool close,
		      bool head_only);

/* http_cookie.c */
bool tcpvs_http_cookie_pair(const u8 *buf, u32 *pos, u32 end,
			    struct tcpvs_http_span *pair);
bool tcpvs_http_cookie_is(const u8 *buf, struct tcpvs_http_span pair,
			  const char *name, u32 nlen);
u32 tcpvs_http_cookie_find(struct tcpvs_http_head *h, const u8 *buf,
			   const char *name, u32 nlen,
			   struct tcpvs_http_span *value, u32 max);
bool tcpvs_http_cookie_name(const u8 *s, u32 len);
bool tcpvs_http_cookie_path(const u8 *s, u32 len);
bool tcpvs_http_cookie_attributes(const u8 *s, u32 len);
void tcpvs_http_cookie_encode(u8 *out, const u8 *token);
bool tcpvs_http_cookie_decode(u8 *token, const u8 *value, u32 len);

/* http_answer.c */
int tcpvs_http_location(const u8 *p, u32 len);
int tcpvs_http_redirect(u8 *out, u32 cap, const u8 *buf,
			const struct tcpvs_http_head *h, unsigned int status,
			const u8 *location, u32 len, bool close);
int tcpvs_http_fixed(u8 *out, u32 cap, unsigned int status, const u8 *body,
		     u32 len, bool close, bool head_only);

#endif /* TCPVS_HTTP_H */
