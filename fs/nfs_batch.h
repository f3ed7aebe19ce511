/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Messages on their way into a socket: the sending half of a connection. Heads
 * are in the batch, payloads stay where they are (struct nfs_payload), and all of
 * it goes out with as few writev(2) as the socket lets.
 *
 * Calling sequence: nfs_batch_begin(), the owner writes the head,
 * nfs_batch_commit(); again while nfs_batch_has_room(); nfs_batch_send() until
 * the batch is empty. Part of another object: init and fini.
 *
 * Threads: the shard's.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/uio.h>

#include "buffer.h"
#include "nfs_xdr.h"

#define NFS_BATCH_MESSAGES 64

/* Bytes that follow a message's head and are sent from where they are. */
struct nfs_payload {
	const void *data; /* borrowed until sent or nfs_batch_release() */
	uint32_t len;	  /* 0 = none */
};

struct nfs_batch {
	struct buffer_pool *pool; /* borrowed */
	uint8_t *heads;
	uint32_t heads_size;
	uint32_t head_max; /* bytes of one message's head, its mark included */
	uint32_t heads_len;
	struct iovec iov[3 * NFS_BATCH_MESSAGES]; /* head, payload, padding */
	uint32_t n_iov;
	uint32_t sent_iov;	     /* the first that is not wholly sent */
	SLIST_HEAD(, buffer) copies; /* of released payloads */
};

/* head_max without the record mark. */
int nfs_batch_init(struct nfs_batch *batch, struct buffer_pool *pool,
		   uint32_t head_max);
void nfs_batch_fini(struct nfs_batch *batch);

/* Drops what is not sent. */
void nfs_batch_clear(struct nfs_batch *batch);

bool nfs_batch_is_empty(const struct nfs_batch *batch);
bool nfs_batch_has_room(const struct nfs_batch *batch);

/* A writer for the next message's head; has_room must hold. */
struct xdr_writer nfs_batch_begin(struct nfs_batch *batch);
void nfs_batch_commit(struct nfs_batch *batch, const struct xdr_writer *w,
		      const struct nfs_payload *payload);

/*
 * 0 = all is sent, 1 = send again when the socket has room, which may be now, or
 * -errno of sendmsg(2). Not of an empty batch.
 */
int nfs_batch_send(struct nfs_batch *batch, int fd);

/*
 * The payload's owner wants its memory back: what is not sent of it is copied,
 * since a message that may be on the wire in part must be completed. -ENOMEM.
 */
int nfs_batch_release(struct nfs_batch *batch,
		      const struct nfs_payload *payload);
