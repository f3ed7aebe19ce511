/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Jobs that commit a file's data (commit_job.c), for commit.c and behind.c: the
 * three share a volume's store and its lock. Everything here wants the lock held.
 *
 * Threads: shards.
 */

#include "kept.h"
#include "loop.h"
#include "parking.h"
#include "shard.h"

struct commits;

/* A file that holds more is committed without anybody asking. */
#define COMMITS_FILE_MAX (4u << 20)

struct commits_shard {
	struct commits *commits;
	struct shard *shard;
	struct timer age;
	struct timer gather; /* behind.c's */
	struct kept_memory *memory;
};

struct commits {
	struct view *view;
	struct shards *shards;
	struct parking parking; /* its lock guards all that follows */
	struct kept *kept;
	pthread_cond_t drained;
	LIST_HEAD(, behind) behinds; /* on the wire */
	_Atomic uint32_t n_behind;   /* and gathered; without the lock */
	bool is_stopping;
	struct commits_shard items[]; /* each its shard's */
};

static inline void commits_lock(struct commits *commits)
{
	pthread_mutex_lock(&commits->parking.lock);
}

static inline void commits_unlock(struct commits *commits)
{
	pthread_mutex_unlock(&commits->parking.lock);
}

static inline struct buffer_pool *commits_pool_here(void)
{
	return shard_pool(shard_current());
}

/* The file's record, made if need be; NULL = no memory, or a stale node. */
struct kept_file *commits_file_get(struct commits *commits, uint64_t nodeid,
				   const struct nfs_fh *fh);
/* Frees it if there is nothing left to say of it. */
void commits_file_put(struct commits *commits, struct kept_file *file);

/* Whether more may be kept; if not, room is being made. */
bool commits_has_room_locked(struct commits *commits);
/* A write to file was answered, and ends. */
void commits_keep_locked(struct commits *commits, struct kept_file *file,
			 struct kept_extent *take_extent);
void commits_end_write_locked(struct commits *commits, struct kept_file *file);

/* Some of the file's data is lost: whoever has it open is told. */
void commits_fail_locked(struct commits *commits, const struct kept_file *file,
			 int status);

/* One that was behind is not any more. */
void commits_count_behind_down(struct commits *commits);

/* Lets those who wait to write look again whether they may. */
void commits_release_writers(struct commits *commits);

/* On this shard, unless there is one already. -ENOMEM. */
int commit_job_start(struct commits *commits, struct kept_file *file);
/* The last of file's writers is done, for whom the job waits. */
void commit_job_go_on(struct kept_file *file);
/* Ends a job of this shard, without the lock; false = there is none. */
bool commit_job_cancel(struct commits *commits);
