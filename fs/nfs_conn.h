/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One TCP connection to an RPC server that is made again for as long as there is
 * something to send: sockets, record marking (RFC 5531 section 11), back-off. It
 * knows messages, not calls: what is in them, and which have to be sent again
 * after a loss, is the owner's business (nfs3.c).
 *
 * Sending pulls: nfs_conn_flush() asks the owner for one message after the other
 * and sends as many as the socket takes, in few system calls.
 *
 * Threads: the loop's. The owner's callbacks must not free the connection.
 */

#include <netinet/in.h>
#include <sys/socket.h>

#include "buffer.h"
#include "loop.h"
#include "nfs_batch.h"
#include "nfs_xdr.h"

struct nfs_conn;

enum nfs_conn_state {
	NFS_CONN_IDLE,	     /* no socket, none needed */
	NFS_CONN_CONNECTING, /* connect(2) is under way */
	NFS_CONN_READY,
	NFS_CONN_BACKOFF, /* no socket, the next attempt is at a known time */
};

struct nfs_conn_ops {
	/*
	 * Writes the head of the next message and names its payload; false when
	 * there is nothing to send. The writer has head_max bytes.
	 */
	bool (*pull)(void *owner, struct xdr_writer *w,
		     struct nfs_payload *ret_payload);
	/*
	 * A record has come; data is valid, and may be written to, during this
	 * call. Negative when it makes no sense: the connection is then reset.
	 */
	int (*receive)(void *owner, uint8_t *data, uint32_t len);
	/* Whether pull() would give something, or an answer is awaited. */
	bool (*has_work)(void *owner);
	/* The state has changed; on READY everything unanswered is sent again. */
	void (*on_state)(void *owner, enum nfs_conn_state state);
};

struct nfs_conn_options {
	struct loop *loop;	  /* borrowed */
	struct buffer_pool *pool; /* borrowed */
	struct sockaddr_storage addr;
	socklen_t addr_len;
	uint16_t source_port; /* 0 = choose */
	uint32_t timeo_ms;    /* for connecting, at most 10 s, and for acks */
	uint32_t head_max;    /* bytes of a message without its payload */
	const struct nfs_conn_ops *ops;
	void *owner; /* borrowed */
};

/* options is copied. Does not connect. */
int nfs_conn_new(struct nfs_conn **ret, const struct nfs_conn_options *options);
struct nfs_conn *nfs_conn_free(struct nfs_conn *conn);

/* Connects if need be and there is work, sends what pull() gives. */
void nfs_conn_flush(struct nfs_conn *conn);

/* Breaks a connection that hangs; made again at once if there is work. */
void nfs_conn_reset(struct nfs_conn *conn);

/*
 * The payload's owner wants its memory back. What is not sent of it yet is
 * copied: the message must be completed, since a part of it may be on the wire.
 */
void nfs_conn_release(struct nfs_conn *conn, const struct nfs_payload *payload);

enum nfs_conn_state nfs_conn_state(const struct nfs_conn *conn);
/* 0 before the first connection. */
uint16_t nfs_conn_source_port(const struct nfs_conn *conn);

DEFINE_CLEANUP(struct nfs_conn *, nfs_conn_free)
