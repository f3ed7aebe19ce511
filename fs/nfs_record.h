/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Records out of a TCP stream (RFC 5531 section 11): the receiving half of a
 * connection, without the socket.
 *
 * Calling sequence: nfs_record_space() says where to receive to, and how much at
 * most; nfs_record_filled() tells how much came; then nfs_record_next() until it
 * gives 0. Part of another object: init and fini.
 *
 * Threads: the shard's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

/* The longest record that is accepted: a READ of NFS_IO_MAX and more than enough. */
#define NFS_RECORD_MAX (BUFFER_LARGE_SIZE - 4096)

struct nfs_record {
	struct buffer_pool *pool; /* borrowed */
	struct buffer *buffer;	  /* NULL while nothing is half received */
	uint32_t len;		  /* bytes received in buffer */
	uint32_t start;		  /* of the current record in buffer */
	uint32_t record_len;	  /* of its fragments whose mark was seen */
	uint32_t n_fragments;	  /* whose mark was seen; 0 = none yet */
	bool is_last;		  /* the last of them ends the record */
};

void nfs_record_init(struct nfs_record *record, struct buffer_pool *pool);
/* Forgets what is half received; init is not needed again. Idempotent. */
void nfs_record_fini(struct nfs_record *record);

/* -ENOMEM when there is no buffer. */
int nfs_record_space(struct nfs_record *record, uint8_t **ret_data,
		     size_t *ret_len);
void nfs_record_filled(struct nfs_record *record, size_t len);

/*
 * 1 = *ret_data has a whole record, valid until the next call of any function
 * here; 0 = more has to come; -EBADMSG the stream makes no sense (a record or a
 * number of fragments above the limits).
 */
int nfs_record_next(struct nfs_record *record, uint8_t **ret_data,
		    uint32_t *ret_len);
