/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Data that the server has answered UNSTABLE and not committed yet, kept so that
 * it can be written again after the server rebooted (RFC 1813 4.8): per file a
 * list of extents, in the order in which the server answered them.
 *
 * Overlapping extents are all kept. Whoever writes them again does so in the order
 * of the list and to its end, so that the newest data wins, and nothing needs to be
 * cut to pieces.
 *
 * Threads: none of its own; commit.c calls with its lock held, but for
 * kept_extent_*(), which touch nothing that is shared except a counter.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "buffer.h"
#include "nfs_call.h"

struct arena;
struct behind;
struct journal_slot;
struct kept;
struct kept_budget;
struct kept_job;
struct kept_journal;

/* A buffer that extents share: small payloads are packed. */
struct kept_memory {
	_Atomic uint32_t n_users;
	uint32_t used; /* bytes; for whoever packs */
	struct buffer *buffer;
};

struct kept_extent {
	struct kept_memory *memory; /* a share of it */
	const uint8_t *data;	    /* into memory */
	uint64_t offset;	    /* in the file */
	uint32_t len;
	uint32_t cost;		   /* bytes of memory that it stands for */
	uint64_t seq;		   /* number in its file */
	uint64_t verf;		   /* the server's, when it answered */
	enum nfs_stable committed; /* the least that it answered */
	bool is_broken; /* its pieces were answered with different verifiers */
	struct nfs_cred cred;
	struct journal_slot *slot; /* kept_journal.c's; NULL = not recorded */
	TAILQ_ENTRY(kept_extent) entry;
};

TAILQ_HEAD(kept_extents, kept_extent);

struct kept_file {
	uint64_t nodeid;
	struct nfs_fh fh;
	struct kept_extents extents;
	uint64_t bytes;	       /* sum of cost */
	uint64_t last_seq;     /* of the newest extent there ever was */
	uint64_t since_ns;     /* when the oldest extent came */
	uint32_t n_writing;    /* writes and truncations under way */
	bool is_rewriting;     /* they have to wait */
	bool is_wanted;	       /* somebody waits for what is behind */
	bool is_restored;      /* some was behind when a former process died */
	struct behind *gather; /* answered and not sent; behind.c's */
	uint32_t n_behind;     /* answered, and under way */
	uint64_t behind_end;   /* of the two */
	struct kept_job *job;  /* a COMMIT is under way; commit.c's */
	LIST_ENTRY(kept_file) entry;
};

/*
 * take_journal is consumed; NULL = nothing is recorded. The budget is shared, and
 * borrowed.
 */
int kept_new(struct kept **ret, struct kept_journal *take_journal,
	     struct kept_budget *budget);
/* Every file must have been put. */
struct kept *kept_free(struct kept *kept);

/* Sum over all files, and what is reserved for data that is on its way. */
uint64_t kept_bytes(const struct kept *kept);
void kept_reserve(struct kept *kept, uint64_t bytes);
void kept_unreserve(struct kept *kept, uint64_t bytes);

/* Less is kept than the volume may keep now. */
bool kept_has_room(const struct kept *kept);

struct kept_journal *kept_get_journal(struct kept *kept);

/* NULL when the file has none of what a kept_file says. */
struct kept_file *kept_find(struct kept *kept, uint64_t nodeid);
/* Makes it if need be; NULL = no memory. */
struct kept_file *kept_get(struct kept *kept, uint64_t nodeid,
			   const struct nfs_fh *fh);
/* Frees it when there is nothing left that it says. True when it did. */
bool kept_put(struct kept *kept, struct kept_file *file);
/* The first file (NULL) or the next one. */
struct kept_file *kept_next(struct kept *kept, const struct kept_file *file);

/* Takes the extent, which has everything but its number. */
void kept_add(struct kept *kept, struct kept_file *file,
	      struct kept_extent *take_extent, uint64_t now);

/*
 * A COMMIT was answered with verf that was sent when seq was the newest extent:
 * frees what it covers. True when the server has lost some of the rest.
 */
bool kept_cover(struct kept *kept, struct kept_file *file, uint64_t seq,
		uint64_t verf, struct buffer_pool *pool);

/* The file was truncated: what is beyond its end must not be written again. */
void kept_truncate(struct kept *kept, struct kept_file *file, uint64_t size,
		   struct buffer_pool *pool);
/* All of it. */
void kept_drop(struct kept *kept, struct kept_file *file,
	       struct buffer_pool *pool);

/* --- extents ------------------------------------------------------------------- */

/*
 * An extent that is all of a buffer's payload; take_buffer is out of its pool
 * (buffer_move_out()) and lives as long as the extent. NULL = no memory, and the
 * buffer is freed.
 */
struct kept_extent *kept_extent_adopt(struct buffer *take_buffer,
				      const void *data, uint32_t len);
/*
 * An extent with a copy of data, packed into *memory, which is replaced when it is
 * full (NULL = none yet). len is at most KEPT_COPY_MAX.
 */
struct kept_extent *kept_extent_copy(struct kept_memory **memory,
				     struct buffer_pool *pool, const void *data,
				     uint32_t len);
/*
 * An extent with the same data that kept_extent_append() can make longer. take_extent
 * is consumed; NULL = no memory.
 */
struct kept_extent *kept_extent_to_grow(struct kept_extent *take_extent,
					struct buffer_pool *pool);
/* False when there is no room for all of it. */
bool kept_extent_append(struct kept_extent *extent,
			const struct kept_extent *more);
/* The WRITE of what follows its first done bytes, at most max bytes. */
void kept_extent_get_piece(const struct kept_extent *extent, uint32_t done,
			   uint32_t max, struct nfs_args *ret);
/* How the server answered it. */
void kept_extent_note_piece(struct kept_extent *extent, uint32_t done,
			    const struct nfs_result *res);
/* An extent of len bytes of memory, of which it has a share; NULL = no memory. */
struct kept_extent *kept_extent_share(struct kept_memory *memory, uint32_t at,
				      uint32_t len);
/* NULL is accepted. The memory goes to the pool of the caller's shard. */
void kept_extent_free(struct kept_extent *extent, struct buffer_pool *pool);

/* Of a buffer that is out of its pool. NULL = no memory, and it is freed. */
struct kept_memory *kept_memory_new(struct buffer *take_buffer);
/* One more share, of the extent's. */
struct kept_memory *kept_memory_of(const struct kept_extent *extent);
/* Memory that a former process filled; the caller has a share. */
struct kept_memory *kept_memory_restore(struct arena *arena, uint8_t *piece,
					uint32_t size);
/* Gives the packer's share back. pool NULL: to the system. */
void kept_memory_put(struct kept_memory *memory, struct buffer_pool *pool);

#define KEPT_COPY_MAX (32u << 10)

DEFINE_CLEANUP(struct kept *, kept_free)
