/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A file with uncommitted data has at most one job, which runs on the shard that
 * started it:
 *
 *	          .--------------------------------------------.
 *	          v                                            |
 *	start -> COMMIT -> covered ------> somebody wants more-'
 *	          ^    \              \--> end
 *	          |     \-> lost -> wait for writers -> WRITE each extent again
 *	          '-------------------------------------------/
 *	any call failed -> the data is dropped, the error is said -> end
 *
 * Writing again goes extent by extent in the order of the first answers: the only
 * order in which overlapping ones come out right. It is UNSTABLE again, so that the
 * COMMIT behind it tells whether the server rebooted in the middle.
 *
 * Who waits is released when the error is known (write_error.h), and told of it then.
 */

#include "commit_job.h"

#include "behind.h"
#include "file_state.h"
#include "inode.h"
#include "kept_journal.h"
#include "op.h"
#include "view.h"
#include "write_error.h"

struct kept_job {
	struct nfs_call call;
	struct commits *commits;
	struct kept_file *file;
	struct shard *shard;
	struct nfs_client *client;
	uint64_t covers;	    /* the newest extent when COMMIT was sent */
	struct kept_extent *extent; /* that is being written again */
	uint32_t done;		    /* bytes of it */
	bool is_waiting;	    /* for writers: no call is under way */
	struct post post;	    /* the last of them is done */
};

/* --- files --------------------------------------------------------------------- */

/* While there is a record its node stays what it is. */
struct kept_file *commits_file_get(struct commits *commits, uint64_t nodeid,
				   const struct nfs_fh *fh)
{
	struct kept_file *file = kept_find(commits->kept, nodeid);

	if (file)
		return file;
	file = kept_get(commits->kept, nodeid, fh);
	if (file && inode_hold(commits->view->inodes, nodeid) < 0) {
		(void)kept_put(commits->kept, file);
		return NULL;
	}
	return file;
}

void commits_file_put(struct commits *commits, struct kept_file *file)
{
	uint64_t nodeid = file->nodeid;

	if (kept_put(commits->kept, file))
		inode_forget(commits->view->inodes, nodeid, 1);
	if (kept_bytes(commits->kept) == 0)
		pthread_cond_signal(&commits->drained);
}

/* --- who waits ------------------------------------------------------------------ */

static bool wants_to_write(const struct op *op)
{
	return op->sync_seq == 0;
}

/* They look again whether they may. */
void commits_release_writers(struct commits *commits)
{
	struct op *op = TAILQ_FIRST(&commits->parking.ops);

	while (op) {
		struct op *next = TAILQ_NEXT(op, waiting);

		if (wants_to_write(op))
			parking_release_locked(&commits->parking, op, 0);
		op = next;
	}
}

void commits_count_behind_down(struct commits *commits)
{
	if (atomic_fetch_sub(&commits->n_behind, 1) == 1)
		gate_changed(&commits->view->gate);
}

/* True when there are some that want more. */
static bool release_syncers(struct commits *commits, uint64_t nodeid,
			    uint64_t seq)
{
	struct op *op = TAILQ_FIRST(&commits->parking.ops);
	bool has_more = false;

	while (op) {
		struct op *next = TAILQ_NEXT(op, waiting);

		if (!wants_to_write(op) && op->node == nodeid) {
			if (op->sync_seq <= seq)
				parking_release_locked(&commits->parking, op,
						       0);
			else
				has_more = true;
		}
		op = next;
	}
	return has_more;
}

/* --- jobs ------------------------------------------------------------------------ */

static void on_committed(struct nfs_call *call);
static void on_written_again(struct nfs_call *call);

static void submit(struct kept_job *job)
{
	job->client = view_submit(job->commits->view, shard_index(job->shard),
				  &job->call);
}

static void send_commit(struct kept_job *job)
{
	const struct kept_extent *newest =
		TAILQ_LAST(&job->file->extents, kept_extents);

	job->covers = job->file->last_seq;
	if (newest)
		job->call.cred = newest->cred;
	job->call.proc = NFS_COMMIT;
	job->call.args.commit.offset = 0;
	job->call.args.commit.count = 0;
	job->call.done = on_committed;
	submit(job);
}

int commit_job_start(struct commits *commits, struct kept_file *file)
{
	struct shard *shard = shard_current();
	struct kept_job *job;

	if (file->job)
		return 0;
	job = calloc(1, sizeof(*job));
	if (!job)
		return -ENOMEM;
	job->commits = commits;
	job->file = file;
	job->shard = shard;
	job->call.args.fh = file->fh;
	file->job = job;
	send_commit(job);
	return 0;
}

static void end_job(struct kept_job *job)
{
	struct commits *commits = job->commits;
	struct kept_file *file = job->file;

	file->job = NULL;
	free(job);
	commits_file_put(commits, file);
	commits_release_writers(commits);
}

static void record_all(struct kept_job *job)
{
	struct kept_extent *extent;

	TAILQ_FOREACH (extent, &job->file->extents, entry)
		kept_journal_record(kept_get_journal(job->commits->kept),
				    job->file->nodeid, extent);
}

/* What was gathered meanwhile had to stay behind the old data. */
static void end_rewriting(struct kept_job *job)
{
	job->file->is_rewriting = false;
	record_all(job);
	if (job->file->is_restored) {
		job->file->is_restored = false;
		commits_count_behind_down(job->commits);
	}
	behind_flush_locked(job->file);
	commits_release_writers(job->commits);
}

void commits_fail_locked(struct commits *commits, const struct kept_file *file,
			 int status)
{
	struct inode_table *inodes = commits->view->inodes;

	/* The volume ends: nobody is there, or the next process writes it. */
	if (status == -ECANCELED)
		return;
	write_error_add(inodes, file->nodeid, status);
	/* The kernel's pages are of a state that the server never was in. */
	file_forget_known(inodes, file->nodeid);
}

static void fail_job(struct kept_job *job, int status)
{
	struct kept_file *file = job->file;

	/* In this order: rather told too often than lost with this process. */
	commits_fail_locked(job->commits, file, status);
	kept_drop(job->commits->kept, file, commits_pool_here());
	(void)release_syncers(job->commits, file->nodeid, UINT64_MAX);
	end_rewriting(job);
	end_job(job);
}

static void write_again(struct kept_job *job)
{
	const struct kept_extent *extent = job->extent;

	if (!extent) {
		end_rewriting(job);
		send_commit(job);
		return;
	}
	job->call.cred = extent->cred;
	job->call.proc = NFS_WRITE;
	kept_extent_get_piece(extent, job->done, job->commits->view->write_max,
			      &job->call.args);
	job->call.args.write.stable = NFS_UNSTABLE;
	job->call.done = on_written_again;
	submit(job);
}

static void on_written_again(struct nfs_call *call)
{
	struct kept_job *job = container_of(call, struct kept_job, call);
	const struct nfs_result *res = &call->res;
	struct kept_extent *extent = job->extent;
	struct commits *commits = job->commits;

	view_own_change(commits->view, job->file->nodeid, call);
	commits_lock(commits);
	if (call->status < 0 || res->write.count == 0) {
		fail_job(job, call->status < 0 ? call->status : -EIO);
	} else {
		kept_extent_note_piece(extent, job->done, res);
		job->done += res->write.count;
		if (job->done >= extent->len) {
			job->extent = TAILQ_NEXT(extent, entry);
			job->done = 0;
		}
		write_again(job);
	}
	commits_unlock(commits);
}

static void start_rewriting(struct kept_job *job)
{
	struct kept_extent *extent;

	/* A process that dies in the middle leaves all of it to be written. */
	TAILQ_FOREACH (extent, &job->file->extents, entry)
		extent->is_broken = true;
	record_all(job);
	job->is_waiting = false;
	job->extent = TAILQ_FIRST(&job->file->extents);
	job->done = 0;
	write_again(job);
}

static void writers_are_done(struct post *post)
{
	struct kept_job *job = container_of(post, struct kept_job, post);
	struct commits *commits = job->commits;

	commits_lock(commits);
	start_rewriting(job);
	commits_unlock(commits);
}

static void lost(struct kept_job *job)
{
	job->file->is_rewriting = true;
	job->is_waiting = job->file->n_writing > 0; /* the last one goes on */
	if (!job->is_waiting)
		start_rewriting(job);
}

/* When the volume ends nobody comes to start another job for what is left. */
static bool wants_more(const struct kept_file *file,
		       const struct commits *commits)
{
	return file->bytes >= COMMITS_FILE_MAX ||
	       (commits->is_stopping && !TAILQ_EMPTY(&file->extents));
}

static void covered(struct kept_job *job)
{
	struct kept_file *file = job->file;
	bool has_more =
		release_syncers(job->commits, file->nodeid, job->covers);

	if (!has_more && !wants_more(file, job->commits)) {
		end_job(job);
		return;
	}
	commits_release_writers(job->commits);
	send_commit(job);
}

static void on_committed(struct nfs_call *call)
{
	struct kept_job *job = container_of(call, struct kept_job, call);
	struct commits *commits = job->commits;

	view_own_change(commits->view, job->file->nodeid, call);
	commits_lock(commits);
	if (call->status < 0)
		fail_job(job, call->status);
	else if (kept_cover(commits->kept, job->file, job->covers,
			    call->res.commit.verf, commits_pool_here()))
		lost(job);
	else
		covered(job);
	commits_unlock(commits);
}

/* --- for commit.c ------------------------------------------------------------------ */

void commit_job_go_on(struct kept_file *file)
{
	struct kept_job *job = file->job;

	job->post.fn = writers_are_done;
	loop_post(shard_loop(job->shard), &job->post);
}

static struct kept_job *find_here_locked(struct commits *commits)
{
	struct kept_file *file;

	for (file = kept_next(commits->kept, NULL); file;
	     file = kept_next(commits->kept, file)) {
		if (file->job && file->job->shard == shard_current())
			return file->job;
	}
	return NULL;
}

bool commit_job_cancel(struct commits *commits)
{
	struct kept_job *job;
	bool has_call;

	commits_lock(commits);
	job = find_here_locked(commits);
	has_call = job && !job->is_waiting;
	if (job && job->is_waiting) {
		(void)loop_unpost(shard_loop(job->shard), &job->post);
		fail_job(job, -ECANCELED);
	}
	commits_unlock(commits);
	if (has_call)
		nfs_client_cancel(job->client, &job->call);
	return job;
}
