/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A file gathers one run of bytes at a time:
 *
 *	write -> gathered -> full, interrupted, wanted, or GATHER_NS old
 *	      -> sent (n_behind) -> answered -> kept until it is committed
 *
 * Invariants:
 *  1. What is gathered and under way is one run without overlaps. A write that
 *     does not go on where the run ends waits until all of it was answered, so
 *     the server never gets two writes to a place in the wrong order.
 *  2. A file with something behind has a record (kept_file), and n_writing counts
 *     what was sent: old data is not written again meanwhile.
 *  3. Nothing is sent while old data is written again (is_rewriting): it would
 *     come out below it.
 *  4. Who looks at the file drains it first, and while he waits nothing more is
 *     gathered (is_wanted), or a busy writer would keep him waiting for ever. Only
 *     names' replies (LOOKUP, READDIRPLUS) do not wait; there the size is raised,
 *     or the kernel would cut off the pages that it has.
 */

#include "behind.h"

#include <string.h>

#include "commit.h"
#include "commit_job.h"
#include "cred.h"
#include "file_state.h"
#include "kept.h"
#include "kept_journal.h"
#include "lane.h"
#include "parking.h"
#include "view.h"

#define GATHER_NS (100 * NS_PER_MS)
#define N_MAX	  8 /* of a file's, under way */

struct behind {
	struct nfs_call call;
	struct commits *commits;
	struct kept_file *file;
	struct kept_extent *extent;
	struct shard *shard; /* once it is sent */
	struct nfs_client *client;
	uint32_t done;
	enum nfs_stable stable;
	LIST_ENTRY(behind) entry; /* commits; once it is sent */
};

static void on_answered(struct nfs_call *call);

static bool has_some(const struct kept_file *file)
{
	return file->gather || file->n_behind > 0 || file->is_restored;
}

/* --- sending ----------------------------------------------------------------------- */

static void send_piece(struct behind *behind)
{
	kept_extent_get_piece(behind->extent, behind->done,
			      behind->commits->view->write_max,
			      &behind->call.args);
	behind->call.args.write.stable = behind->stable;
	behind->client = view_submit(behind->commits->view,
				     shard_index(behind->shard), &behind->call);
}

/* For the next process: it has been answered, or is about to be. */
static void record(struct behind *behind, struct kept_extent *extent)
{
	kept_journal_record(kept_get_journal(behind->commits->kept),
			    behind->file->nodeid, extent);
}

/* A little data that stays until it is committed must not hold a large buffer. */
static void pack(struct behind *behind)
{
	struct commits *commits = behind->commits;
	struct kept_extent *extent = behind->extent;
	struct kept_extent *packed;

	if (extent->len > KEPT_COPY_MAX)
		return;
	packed = kept_extent_copy(
		commits_memory(commits, shard_index(shard_current())),
		commits_pool_here(), extent->data, extent->len);
	if (!packed)
		return;
	packed->offset = extent->offset;
	packed->cred = extent->cred;
	packed->slot = TAKE_PTR(extent->slot);
	record(behind, packed);
	kept_unreserve(commits->kept, extent->cost);
	kept_reserve(commits->kept, packed->cost);
	kept_extent_free(extent, commits_pool_here());
	behind->extent = packed;
}

static void send_gathered(struct kept_file *file, enum nfs_stable stable)
{
	struct behind *behind = TAKE_PTR(file->gather);
	struct commits *commits = behind->commits;

	behind->stable = stable;
	pack(behind);
	behind->shard = shard_current();
	behind->call.proc = NFS_WRITE;
	behind->call.cred = behind->extent->cred;
	behind->call.args.fh = file->fh;
	behind->call.done = on_answered;
	LIST_INSERT_HEAD(&commits->behinds, behind, entry);
	file->n_behind++;
	file->n_writing++;
	send_piece(behind);
}

static void end_behind(struct behind *behind)
{
	struct commits *commits = behind->commits;
	struct kept_file *file = behind->file;

	LIST_REMOVE(behind, entry);
	if (behind->extent) {
		kept_unreserve(commits->kept, behind->extent->cost);
		kept_journal_erase(kept_get_journal(commits->kept),
				   behind->extent);
	}
	kept_extent_free(behind->extent, commits_pool_here());
	free(behind);
	commits_count_behind_down(commits);
	file->n_behind--;
	if (!has_some(file))
		file->is_wanted = false;
	commits_end_write_locked(commits, file);
	commits_release_writers(commits);
}

static void keep_behind(struct behind *behind)
{
	struct commits *commits = behind->commits;
	struct kept_extent *extent = TAKE_PTR(behind->extent);

	kept_unreserve(commits->kept, extent->cost);
	commits_keep_locked(commits, behind->file, extent);
}

static bool take_answer(struct behind *behind)
{
	const struct nfs_result *res = &behind->call.res;
	struct kept_extent *extent = behind->extent;

	if (behind->call.status < 0 || res->write.count == 0) {
		commits_fail_locked(behind->commits, behind->file,
				    behind->call.status ?: -EIO);
		return true;
	}
	kept_extent_note_piece(extent, behind->done, res);
	behind->done += res->write.count;
	if (behind->done < extent->len)
		return false;
	keep_behind(behind);
	return true;
}

static void on_answered(struct nfs_call *call)
{
	struct behind *behind = container_of(call, struct behind, call);
	struct commits *commits = behind->commits;

	view_own_change(commits->view, behind->file->nodeid, call);
	commits_lock(commits);
	if (take_answer(behind))
		end_behind(behind);
	else
		send_piece(behind);
	commits_unlock(commits);
}

static void flush_locked(struct kept_file *file, enum nfs_stable stable)
{
	if (file->gather && !file->is_rewriting)
		send_gathered(file, stable);
}

void behind_flush_locked(struct kept_file *file)
{
	flush_locked(file, NFS_UNSTABLE);
}

bool behind_is_wanted(struct kept_file *file)
{
	behind_flush_locked(file);
	file->is_wanted = has_some(file);
	return file->is_wanted;
}

void behind_flush_all_locked(struct commits *commits)
{
	struct kept_file *file;

	for (file = kept_next(commits->kept, NULL); file;
	     file = kept_next(commits->kept, file))
		behind_flush_locked(file);
}

void behind_flush_all(struct commits *commits)
{
	commits_lock(commits);
	behind_flush_all_locked(commits);
	commits_unlock(commits);
}

bool behind_is_empty(const struct commits *commits)
{
	return atomic_load(&commits->n_behind) == 0;
}

static void on_gather(struct timer *timer)
{
	struct commits_shard *own =
		container_of(timer, struct commits_shard, gather);

	behind_flush_all(own->commits);
}

/* --- gathering ----------------------------------------------------------------------- */

/* Whoever waits for what is behind would wait for ever if it went on and on. */
static bool goes_on(const struct kept_file *file, const struct op *op)
{
	return file->behind_end == op->io.offset && !file->is_wanted;
}

/* Whether op may be gathered now; if not, what is in its way is sent. */
static bool may_gather(struct kept_file *file, const struct op *op)
{
	if (file->is_rewriting || file->n_behind >= N_MAX)
		return false;
	if (has_some(file) && !goes_on(file, op))
		behind_flush_locked(file);
	return !has_some(file) || goes_on(file, op);
}

static bool append(struct kept_file *file, const struct op *op)
{
	struct kept_extent *gathered = file->gather->extent;

	if (!cred_equal(&gathered->cred, &op->call.cred) ||
	    !kept_extent_append(gathered, op->extent))
		return false;
	record(file->gather, gathered);
	return true;
}

static struct behind *behind_new(struct op *op, struct kept_file *file)
{
	struct behind *behind = calloc(1, sizeof(*behind));
	struct kept_extent *extent = NULL;

	if (behind)
		extent = kept_extent_to_grow(TAKE_PTR(op->extent),
					     commits_pool_here());
	if (!extent) {
		free(behind);
		return NULL;
	}
	extent->offset = op->io.offset;
	extent->cred = op->call.cred;
	behind->commits = op->view->commits;
	behind->file = file;
	behind->extent = extent;
	return behind;
}

static int set_gather_timer(struct commits *commits)
{
	struct commits_shard *own =
		&commits->items[shard_index(shard_current())];

	own->gather.fn = on_gather;
	return own->gather.loop
		       ? 0
		       : timer_set(&own->gather, shard_loop(own->shard),
				   clock_ns() + GATHER_NS);
}

static int start_gather(struct op *op, struct kept_file *file)
{
	struct commits *commits = op->view->commits;

	file->gather = behind_new(op, file);
	if (!file->gather) {
		commits_file_put(commits, file);
		return -ENOMEM;
	}
	record(file->gather, file->gather->extent);
	kept_reserve(commits->kept, file->gather->extent->cost);
	atomic_fetch_add(&commits->n_behind, 1);
	if (set_gather_timer(commits) < 0)
		send_gathered(file, NFS_UNSTABLE); /* nobody else would */
	return 0;
}

/* 0 = taken, -EAGAIN = not now, -ENOMEM. */
static int take(struct op *op)
{
	struct commits *commits = op->view->commits;
	struct kept_file *file = kept_find(commits->kept, op->node);
	int r = 0;

	if (!commits_has_room_locked(commits) ||
	    (file && !may_gather(file, op)))
		return -EAGAIN;
	if (!file)
		file = commits_file_get(commits, op->node, &op->call.args.fh);
	if (!file)
		return -ENOMEM;
	if (!file->gather || !append(file, op)) {
		behind_flush_locked(file);
		r = start_gather(op, file);
	}
	if (r < 0)
		return r;
	file->behind_end = op->io.offset + op->io.len;
	if (file->gather &&
	    file->gather->extent->len >= commits->view->write_max)
		send_gathered(file, NFS_UNSTABLE);
	return 0;
}

static void answer(struct op *op)
{
	op->io.done = op->io.len;
	file_extended(op->view->inodes, op->node,
		      op->io.kernel_offset + op->io.done);
	op_finish_written(op, op->io.done);
}

static void try_write(struct op *op)
{
	struct commits *commits = op->view->commits;
	int r = op->call.status;

	if (r == 0) {
		commits_lock(commits);
		op->sync_seq = 0;
		r = take(op);
		if (r == -EAGAIN)
			parking_enter_locked(&commits->parking, op, try_write);
		commits_unlock(commits);
	}
	if (r == 0)
		answer(op);
	else if (r != -EAGAIN)
		op_finish_err(op, r);
}

void behind_write(struct op *op)
{
	op->call.status = 0;
	try_write(op);
}

bool behind_is_first(struct op *op)
{
	struct commits *commits = op->view->commits;
	bool is_first;

	commits_lock(commits);
	is_first = !kept_find(commits->kept, op->node);
	commits_unlock(commits);
	return is_first;
}

/* --- draining -------------------------------------------------------------------------- */

/*
 * When the writer has come to an end, or so it seems, and all that the file has is
 * one WRITE, a stable one saves the COMMIT (as Linux does: FLUSH_COND_STABLE).
 */
static enum nfs_stable stable_for(const struct op *op,
				  const struct kept_file *file)
{
	switch (op->kind) {
	case OP_SETATTR:
	case OP_FLUSH:
	case OP_FSYNC:
	case OP_RELEASE:
		return TAILQ_EMPTY(&file->extents) && file->n_writing == 0
			       ? NFS_FILE_SYNC
			       : NFS_UNSTABLE;
	default:
		return NFS_UNSTABLE;
	}
}

static void drain(struct op *op)
{
	struct commits *commits = op->view->commits;
	struct kept_file *file;
	bool waits = false;

	if (op->call.status == 0) {
		commits_lock(commits);
		op->sync_seq = 0;
		file = kept_find(commits->kept, op->node);
		if (file)
			flush_locked(file, stable_for(op, file));
		waits = file && behind_is_wanted(file);
		if (waits)
			parking_enter_locked(&commits->parking, op, drain);
		commits_unlock(commits);
	}
	if (!waits)
		op->resume(op);
}

void behind_drain(struct op *op, op_fn then)
{
	op->call.status = 0;
	op->resume = then;
	if (atomic_load(&op->view->commits->n_behind) > 0)
		drain(op);
	else
		then(op);
}

uint64_t behind_size(struct commits *commits, uint64_t nodeid, uint64_t size)
{
	struct kept_file *file;

	if (atomic_load(&commits->n_behind) == 0)
		return size;
	commits_lock(commits);
	file = kept_find(commits->kept, nodeid);
	if (file && has_some(file) && size < file->behind_end)
		size = file->behind_end;
	commits_unlock(commits);
	return size;
}

static struct behind *find_here_locked(struct commits *commits)
{
	struct behind *behind;

	LIST_FOREACH (behind, &commits->behinds, entry) {
		if (behind->shard == shard_current())
			return behind;
	}
	return NULL;
}

bool behind_cancel(struct commits *commits)
{
	struct behind *behind;

	commits_lock(commits);
	behind = find_here_locked(commits);
	commits_unlock(commits);
	if (behind)
		nfs_client_cancel(behind->client, &behind->call);
	return behind;
}
