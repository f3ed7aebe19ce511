/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who writes and who syncs.
 *
 * A file's job (commit_job.c) is started by fsync and close, by a write that makes
 * a file hold COMMITS_FILE_MAX, by one that finds no room in the volume, and by data
 * that is older than AGE_NS (its close was killed, say). Who syncs parks until the
 * number of the newest extent at his coming is covered; who writes parks while old
 * data is written again, or while there is no room: back-pressure, as a kernel's
 * dirty limit is.
 *
 * Locks: one per volume, the parking's; never held together with another but a
 * loop's or the node table's.
 */

#include "commit.h"

#include "behind.h"
#include "commit_job.h"
#include "inode.h"
#include "kept_journal.h"
#include "lane.h"

#define AGE_NS (5 * NS_PER_S)

uint64_t commits_bytes(struct commits *commits)
{
	uint64_t bytes;

	commits_lock(commits);
	bytes = kept_bytes(commits->kept);
	commits_unlock(commits);
	return bytes;
}

struct kept_memory **commits_memory(struct commits *commits, unsigned int shard)
{
	return &commits->items[shard].memory;
}

/* --- age --------------------------------------------------------------------------- */

static void start_old(struct commits *commits, uint64_t before_ns)
{
	struct kept_file *file;

	for (file = kept_next(commits->kept, NULL); file;
	     file = kept_next(commits->kept, file)) {
		if (!TAILQ_EMPTY(&file->extents) && file->since_ns < before_ns)
			(void)commit_job_start(commits,
					       file); /* or the next time */
	}
}

static void set_age(struct commits_shard *own)
{
	/* Without memory for it the next write tries again. */
	if (!own->age.loop)
		(void)timer_set(&own->age, shard_loop(own->shard),
				clock_ns() + AGE_NS);
}

static void on_age(struct timer *timer)
{
	struct commits_shard *own =
		container_of(timer, struct commits_shard, age);
	bool has_some;

	commits_lock(own->commits);
	start_old(own->commits, clock_ns() - AGE_NS);
	has_some = kept_bytes(own->commits->kept) > 0;
	commits_unlock(own->commits);
	kept_memory_put(TAKE_PTR(own->memory), shard_pool(own->shard));
	if (has_some)
		set_age(own);
}

/* --- writes ------------------------------------------------------------------------- */

bool commits_has_room_locked(struct commits *commits)
{
	if (kept_has_room(commits->kept) &&
	    kept_journal_has_room(kept_get_journal(commits->kept)))
		return true;
	behind_flush_all_locked(commits);
	start_old(commits, UINT64_MAX);
	return false;
}

/* True when what is about to be written may be. */
static bool may_write_locked(struct commits *commits, const struct op *op,
			     struct kept_file **ret)
{
	struct kept_file *file;

	*ret = NULL;
	if (op->io.len > 0 && !commits_has_room_locked(commits))
		return false;
	file = commits_file_get(commits, op->node, &op->call.args.fh);
	*ret = file;
	return !file || (!file->is_rewriting && !behind_is_wanted(file));
}

static void try_write(struct op *op)
{
	struct commits *commits = op->view->commits;
	struct kept_file *file = NULL;

	if (op->call.status < 0) {
		op->resume(op);
		return;
	}
	commits_lock(commits);
	op->sync_seq = 0;
	if (!may_write_locked(commits, op, &file)) {
		parking_enter_locked(&commits->parking, op, try_write);
		commits_unlock(commits);
		return;
	}
	if (file)
		file->n_writing++;
	else
		op->call.status = -ENOMEM;
	commits_unlock(commits);
	op->resume(op);
}

void commits_begin_write(struct op *op, op_fn resume)
{
	op->resume = resume;
	op->call.status = 0;
	try_write(op);
}

void commits_end_write_locked(struct commits *commits, struct kept_file *file)
{
	file->n_writing--;
	if (file->n_writing == 0 && file->is_rewriting)
		commit_job_go_on(file);
	commits_file_put(commits, file);
}

void commits_end_write(struct op *op)
{
	struct commits *commits = op->view->commits;

	commits_lock(commits);
	commits_end_write_locked(commits, kept_find(commits->kept, op->node));
	commits_unlock(commits);
}

void commits_keep_locked(struct commits *commits, struct kept_file *file,
			 struct kept_extent *take_extent)
{
	/* What is stable matters only behind what is not, if that has to be redone. */
	if (take_extent->committed == NFS_UNSTABLE ||
	    !TAILQ_EMPTY(&file->extents)) {
		kept_add(commits->kept, file, take_extent, clock_ns());
	} else {
		kept_journal_erase(kept_get_journal(commits->kept),
				   take_extent);
		kept_extent_free(take_extent, commits_pool_here());
	}
	/* Without memory for it the next write does. */
	if (file->bytes >= COMMITS_FILE_MAX || commits->is_stopping)
		(void)commit_job_start(commits, file);
	set_age(&commits->items[shard_index(shard_current())]);
}

void commits_end_write_keep(struct op *op, struct kept_extent *take_extent)
{
	struct commits *commits = op->view->commits;
	struct kept_file *file;

	commits_lock(commits);
	file = kept_find(commits->kept, op->node);
	commits_keep_locked(commits, file, take_extent);
	commits_end_write_locked(commits, file);
	commits_unlock(commits);
}

void commits_end_truncate(struct op *op, uint64_t size)
{
	struct commits *commits = op->view->commits;
	struct kept_file *file;

	commits_lock(commits);
	file = kept_find(commits->kept, op->node);
	kept_truncate(commits->kept, file, size, commits_pool_here());
	commits_end_write_locked(commits, file);
	commits_release_writers(commits);
	commits_unlock(commits);
}

/* --- syncs --------------------------------------------------------------------------- */

/* True when op waits. */
static bool sync_locked(struct commits *commits, struct op *op)
{
	struct kept_file *file = kept_find(commits->kept, op->node);

	if (!file || TAILQ_EMPTY(&file->extents))
		return false;
	op->call.status = commit_job_start(commits, file);
	if (op->call.status < 0)
		return false;
	op->sync_seq = file->last_seq;
	return true;
}

static void sync_drained(struct op *op)
{
	struct commits *commits = op->view->commits;
	bool waits = false;

	if (op->call.status == 0) {
		commits_lock(commits);
		waits = sync_locked(commits, op);
		if (waits)
			parking_enter_locked(&commits->parking, op, op->synced);
		commits_unlock(commits);
	}
	if (!waits)
		op->synced(op);
}

void commits_sync(struct op *op, op_fn done)
{
	op->synced = done;
	behind_drain(op, sync_drained);
}

/* --- life ----------------------------------------------------------------------------- */

int commits_new(struct commits **ret, struct view *view, struct shards *shards)
{
	_cleanup_(commits_free) struct commits *commits = NULL;
	struct kept_journal *journal = NULL;
	int r = 0;

	commits = calloc(1, sizeof(*commits) +
				    shards_count(shards) *
					    sizeof(struct commits_shard));
	if (!commits)
		return -ENOMEM;
	commits->view = view;
	commits->shards = shards;
	parking_init(&commits->parking);
	pthread_cond_init(&commits->drained, NULL);
	for (unsigned int i = 0; i < shards_count(shards); i++)
		commits->items[i] =
			(struct commits_shard){ .commits = commits,
						.shard = shards_get(shards, i),
						.age = TIMER_INIT(on_age),
						.gather = TIMER_INIT(NULL) };
	if (shards_arena(shards))
		r = kept_journal_new(&journal, view->inodes,
				     shards_arena(shards));
	if (r == 0)
		r = kept_new(&commits->kept, journal,
			     shards_kept_budget(shards));
	if (r < 0)
		return r;
	*ret = TAKE_PTR(commits);
	return 0;
}

/* --- what a former process left -------------------------------------------------------- */

static void restore(void *userdata, uint64_t nodeid,
		    struct kept_extent *take_extent)
{
	struct commits *commits = userdata;
	const uint64_t end = take_extent->offset + take_extent->len;
	const bool is_broken = take_extent->is_broken;
	struct kept_file *file = NULL;
	struct nfs_fh fh;

	if (inode_get(commits->view->inodes, nodeid, &fh) == 0)
		file = commits_file_get(commits, nodeid, &fh);
	if (!file) {
		kept_journal_erase(kept_get_journal(commits->kept),
				   take_extent);
		kept_extent_free(take_extent, NULL);
		return;
	}
	kept_add(commits->kept, file, take_extent, clock_ns());
	if (!is_broken)
		return;
	if (!file->is_restored)
		atomic_fetch_add(&commits->n_behind, 1);
	/* Nobody writes or reads before it is where it belongs. */
	file->is_restored = true;
	file->is_rewriting = true;
	if (file->behind_end < end)
		file->behind_end = end;
}

static void start_restored(struct shard *shard, void *userdata)
{
	struct commits *commits = userdata;

	commits_lock(commits);
	start_old(commits, UINT64_MAX);
	if (kept_bytes(commits->kept) > 0)
		set_age(&commits->items[shard_index(shard)]);
	commits_unlock(commits);
}

int commits_restore(struct commits *commits)
{
	int r;

	commits_lock(commits);
	r = kept_journal_restore(kept_get_journal(commits->kept), restore,
				 commits);
	commits_unlock(commits);
	if (r == 0)
		shard_call(shards_get(commits->shards, 0), start_restored,
			   commits);
	return r;
}

/* --- the end ---------------------------------------------------------------------------- */

static void start_all(struct shard *shard, void *userdata)
{
	struct commits *commits = userdata;

	commits_lock(commits);
	commits->is_stopping = true;
	behind_flush_all_locked(commits);
	start_old(commits, UINT64_MAX);
	commits_unlock(commits);
}

/* Of this shard: their calls are done with -ECANCELED inside. */
static void cancel_jobs(struct shard *shard, void *userdata)
{
	struct commits *commits = userdata;
	struct commits_shard *own = &commits->items[shard_index(shard)];

	while (behind_cancel(commits) || commit_job_cancel(commits))
		;
	timer_cancel(&own->age);
	timer_cancel(&own->gather);
	kept_memory_put(TAKE_PTR(own->memory), shard_pool(shard));
}

static void wait_drained(struct commits *commits, unsigned int timeout_ms)
{
	uint64_t end = clock_ns() + timeout_ms * NS_PER_MS;
	struct timespec deadline = { .tv_sec = (time_t)(end / NS_PER_S),
				     .tv_nsec = (long)(end % NS_PER_S) };
	int r = 0;

	commits_lock(commits);
	while (kept_bytes(commits->kept) > 0 && r == 0)
		r = pthread_cond_clockwait(&commits->drained,
					   &commits->parking.lock,
					   CLOCK_MONOTONIC, &deadline);
	commits_unlock(commits);
}

/* What is left is the next process's. */
static void leave(struct commits *commits)
{
	commits_lock(commits);
	kept_journal_close(kept_get_journal(commits->kept));
	commits_unlock(commits);
}

uint64_t commits_stop(struct commits *commits, unsigned int timeout_ms,
		      bool leaves_rest)
{
	uint64_t bytes = commits_bytes(commits);

	if (bytes > 0) {
		shard_call(shards_get(commits->shards, 0), start_all, commits);
		wait_drained(commits, timeout_ms);
		bytes = commits_bytes(commits);
	}
	if (leaves_rest)
		leave(commits);
	shards_call_all(commits->shards, cancel_jobs, commits);
	return leaves_rest ? 0 : bytes;
}

struct commits *commits_free(struct commits *commits)
{
	if (!commits)
		return NULL;
	kept_free(commits->kept);
	pthread_cond_destroy(&commits->drained);
	parking_fini(&commits->parking);
	free(commits);
	return NULL;
}
