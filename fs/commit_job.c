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
 * An error is told to those who wait, or else to the next one who syncs.
 */

#include "commit_job.h"

#include "inode.h"
#include "op.h"
#include "view.h"

struct kept_job {
	struct nfs_call call;
	struct commits *commits;
	struct kept_file *file;
	struct shard *shard;
	struct nfs_client *client;
	uint64_t covers;	    /* the newest extent when COMMIT was sent */
	struct kept_extent *extent; /* that is being written again */
	uint32_t done;		    /* bytes of it */
	struct post post;	    /* the last writer is done */
};

static struct buffer_pool *pool_here(void)
{
	return shard_pool(shard_current());
}

static void lock(struct commits *commits)
{
	pthread_mutex_lock(&commits->parking.lock);
}

static void unlock(struct commits *commits)
{
	pthread_mutex_unlock(&commits->parking.lock);
}

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
	if (!kept_next(commits->kept, NULL))
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

/* True when there was one; *ret_more when there are some that want more. */
static bool release_syncers(struct commits *commits, uint64_t nodeid,
			    uint64_t seq, int status, bool *ret_more)
{
	struct op *op = TAILQ_FIRST(&commits->parking.ops);
	bool had_one = false;

	*ret_more = false;
	while (op) {
		struct op *next = TAILQ_NEXT(op, waiting);

		if (!wants_to_write(op) && op->node == nodeid) {
			if (op->sync_seq <= seq) {
				parking_release_locked(&commits->parking, op,
						       status);
				had_one = true;
			} else {
				*ret_more = true;
			}
		}
		op = next;
	}
	return had_one;
}

/* --- jobs ------------------------------------------------------------------------ */

static void on_committed(struct nfs_call *call);
static void on_written_again(struct nfs_call *call);

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
	nfs_client_submit(job->client, &job->call);
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
	job->client = view_client(commits->view, shard_index(shard));
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
	file->is_rewriting = false;
	free(job);
	commits_file_put(commits, file);
	commits_release_writers(commits);
}

static void fail_job(struct kept_job *job, int status)
{
	struct kept_file *file = job->file;
	bool has_more;

	kept_drop(job->commits->kept, file, pool_here());
	if (!release_syncers(job->commits, file->nodeid, UINT64_MAX, status,
			     &has_more))
		file->error = status;
	end_job(job);
}

static void write_again(struct kept_job *job)
{
	const struct kept_extent *extent = job->extent;
	uint32_t left;

	if (!extent) {
		job->file->is_rewriting = false;
		commits_release_writers(job->commits);
		send_commit(job);
		return;
	}
	left = extent->len - job->done;
	job->call.cred = extent->cred;
	job->call.proc = NFS_WRITE;
	job->call.args.write.offset = extent->offset + job->done;
	job->call.args.write.count = left < job->commits->view->write_max
					     ? left
					     : job->commits->view->write_max;
	job->call.args.write.stable = NFS_UNSTABLE;
	job->call.args.write.data = extent->data + job->done;
	job->call.done = on_written_again;
	nfs_client_submit(job->client, &job->call);
}

static void on_written_again(struct nfs_call *call)
{
	struct kept_job *job = container_of(call, struct kept_job, call);
	const struct nfs_result *res = &call->res;
	struct kept_extent *extent = job->extent;
	struct commits *commits = job->commits;

	if (call->status == 0)
		view_own_change(commits->view, job->file->nodeid, &res->wcc);
	lock(commits);
	if (call->status < 0 || res->write.count == 0) {
		fail_job(job, call->status < 0 ? call->status : -EIO);
	} else {
		extent->is_broken =
			job->done > 0 &&
			(extent->is_broken || extent->verf != res->write.verf);
		extent->verf = res->write.verf;
		job->done += res->write.count;
		if (job->done >= extent->len) {
			job->extent = TAILQ_NEXT(extent, entry);
			job->done = 0;
		}
		write_again(job);
	}
	unlock(commits);
}

static void start_rewriting(struct kept_job *job)
{
	job->extent = TAILQ_FIRST(&job->file->extents);
	job->done = 0;
	write_again(job);
}

static void writers_are_done(struct post *post)
{
	struct kept_job *job = container_of(post, struct kept_job, post);
	struct commits *commits = job->commits;

	lock(commits);
	start_rewriting(job);
	unlock(commits);
}

static void lost(struct kept_job *job)
{
	job->file->is_rewriting = true;
	if (job->file->n_writing == 0)
		start_rewriting(job); /* else the last writer does */
}

static void covered(struct kept_job *job)
{
	struct kept_file *file = job->file;
	bool has_more;

	(void)release_syncers(job->commits, file->nodeid, job->covers, 0,
			      &has_more);
	if (!has_more && file->bytes < COMMITS_FILE_MAX) {
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

	if (call->status == 0)
		view_own_change(commits->view, job->file->nodeid,
				&call->res.wcc);
	lock(commits);
	if (call->status < 0)
		fail_job(job, call->status);
	else if (kept_cover(commits->kept, job->file, job->covers,
			    call->res.commit.verf, pool_here()))
		lost(job);
	else
		covered(job);
	unlock(commits);
}

/* --- for commit.c ------------------------------------------------------------------ */

void commit_job_go_on(struct kept_file *file)
{
	struct kept_job *job = file->job;

	job->post.fn = writers_are_done;
	loop_post(shard_loop(job->shard), &job->post);
}

struct nfs_call *commit_job_of_shard(struct commits *commits,
				     const struct shard *shard,
				     struct nfs_client **ret_client)
{
	struct kept_file *file;

	for (file = kept_next(commits->kept, NULL); file;
	     file = kept_next(commits->kept, file)) {
		if (file->job && file->job->shard == shard) {
			*ret_client = file->job->client;
			return &file->job->call;
		}
	}
	return NULL;
}
