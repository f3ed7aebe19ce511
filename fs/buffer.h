/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A shard's pool of I/O buffers, so that no request allocates a megabyte: fresh
 * pages cost more than the copy that they are for (a malloc per 1 MiB write
 * halves the throughput). Two sizes: large ones hold any FUSE request and any NFS
 * reply, small ones hold what most requests are.
 *
 * Ownership: buffer_get() gives a buffer away, buffer_put() takes it back. The
 * one that was put last is given first, while the CPU still has it in its cache.
 * What is more than the pool keeps goes back to the system.
 *
 * Threads: a pool and its buffers belong to one shard; a buffer may be moved.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "cleanup.h"

/* 1 MiB of payload and the headers of either protocol, in whole pages. */
#define BUFFER_LARGE_SIZE ((1u << 20) + (64u << 10))
#define BUFFER_SMALL_SIZE ((64u << 10) + (8u << 10))

struct arena;
struct buffer_pool;

struct buffer {
	uint8_t *data;		   /* page-aligned; contents are undefined */
	uint32_t size;		   /* BUFFER_SMALL_SIZE or BUFFER_LARGE_SIZE */
	bool is_present;	   /* buffer_make_present() */
	struct arena *arena;	   /* where data is; NULL = the heap */
	SLIST_ENTRY(buffer) entry; /* the pool's */
};

/* arena is borrowed; NULL = buffers are of the heap. */
int buffer_pool_new(struct buffer_pool **ret, struct arena *arena);
/* Every buffer must have been put back. */
struct buffer_pool *buffer_pool_free(struct buffer_pool *pool);

/* A buffer of at least size bytes, at most BUFFER_LARGE_SIZE; NULL = no memory. */
struct buffer *buffer_get(struct buffer_pool *pool, uint32_t size);
/* Gives it all of its memory now, so that the kernel does not have to. */
void buffer_make_present(struct buffer *buffer);
/* NULL is accepted. */
void buffer_put(struct buffer_pool *pool, struct buffer *buffer);

/*
 * A buffer that outlives its request leaves its shard's pool, and later comes into
 * the pool of whichever shard lets it go.
 */
void buffer_move_out(struct buffer_pool *pool, struct buffer *buffer);
void buffer_move_in(struct buffer_pool *pool, struct buffer *take_buffer);
/* Around a piece that is claimed; in no pool. NULL = no memory. */
struct buffer *buffer_of_piece(struct arena *arena, uint8_t *piece,
			       uint32_t size);
/* Of one that is in no pool. */
struct buffer *buffer_free(struct buffer *buffer);

bool buffer_pool_has_kept(const struct buffer_pool *pool);
/*
 * Gives back to the system what has been kept since the last call without being
 * needed: to be called now and then.
 */
void buffer_pool_trim(struct buffer_pool *pool);

DEFINE_CLEANUP(struct buffer_pool *, buffer_pool_free)
