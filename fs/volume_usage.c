/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How full a volume is: an FSSTAT of our own on the first shard, waited for by a
 * control thread for as long as it likes. When the server is silent the last answer
 * counts. And how large it is, what of it is not committed yet, and what is locked.
 */

#include "clock.h"
#include "commit.h"
#include "inode.h"
#include "locks.h"
#include "shard.h"
#include "volume_object.h"

/* An FSSTAT of ours, waited for by a control thread. */
struct usage_query {
	struct volume *volume;
	struct nfs_client *client;
	struct nfs_call call;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool is_done; /* lock */
};

static void usage_done(struct nfs_call *call)
{
	struct usage_query *query =
		container_of(call, struct usage_query, call);
	struct statvfs st;

	if (call->status == 0) {
		attr_to_statvfs(&call->res, &st);
		view_set_statvfs(&query->volume->view, &st);
	}
	pthread_mutex_lock(&query->lock);
	query->is_done = true;
	pthread_cond_signal(&query->cond);
	pthread_mutex_unlock(&query->lock);
}

static void usage_submit(struct shard *shard, void *userdata)
{
	struct usage_query *query = userdata;
	struct view *view = &query->volume->view;

	query->call.proc = NFS_FSSTAT;
	query->call.done = usage_done;
	(void)inode_get(view->inodes, INODE_ROOT, &query->call.args.fh);
	query->client = view_submit(view, shard_index(shard), &query->call);
}

/* Afterwards the call is done, one way or the other. */
static void usage_cancel(struct shard *shard, void *userdata)
{
	struct usage_query *query = userdata;

	if (!query->is_done) /* only this thread sets it */
		nfs_client_cancel(query->client, &query->call);
}

static void usage_wait(struct usage_query *query, unsigned int timeout_ms)
{
	uint64_t end = clock_ns() + timeout_ms * NS_PER_MS;
	struct timespec deadline = { .tv_sec = (time_t)(end / NS_PER_S),
				     .tv_nsec = (long)(end % NS_PER_S) };
	int r = 0;

	pthread_mutex_lock(&query->lock);
	while (!query->is_done && r == 0)
		r = pthread_cond_clockwait(&query->cond, &query->lock,
					   CLOCK_MONOTONIC, &deadline);
	pthread_mutex_unlock(&query->lock);
}

static void usage_ask(struct volume *volume, unsigned int timeout_ms)
{
	struct usage_query query = { .volume = volume };
	struct shard *shard = shards_get(volume->shards, 0);

	pthread_mutex_init(&query.lock, NULL);
	pthread_cond_init(&query.cond, NULL);
	shard_call(shard, usage_submit, &query);
	usage_wait(&query, timeout_ms);
	shard_call(shard, usage_cancel, &query);
	pthread_cond_destroy(&query.cond);
	pthread_mutex_destroy(&query.lock);
}

void volume_get_usage(struct volume *volume, unsigned int timeout_ms,
		      struct volume_usage *ret)
{
	struct statvfs st;

	/* A shard would wait for itself; it takes what is known. */
	if (timeout_ms > 0 && !shard_current())
		usage_ask(volume, timeout_ms);
	*ret = (struct volume_usage){ 0 };
	ret->is_known = view_get_statvfs(&volume->view, &st);
	if (!ret->is_known)
		return;
	ret->total_bytes = st.f_blocks * st.f_frsize;
	ret->avail_bytes = st.f_bavail * st.f_frsize;
	ret->used_bytes = (st.f_blocks - st.f_bfree) * st.f_frsize;
	ret->total_files = st.f_files;
	ret->avail_files = st.f_favail;
	ret->used_files = st.f_files - st.f_ffree;
}

uint64_t volume_get_uncommitted(const struct volume *volume)
{
	return commits_bytes(volume->view.commits);
}

uint64_t volume_get_n_locks(const struct volume *volume)
{
	return volume->view.locks ? locks_count(volume->view.locks) : 0;
}

uint64_t volume_get_capacity(const struct volume *volume)
{
	return atomic_load(&volume->capacity);
}

void volume_set_capacity(struct volume *volume, uint64_t capacity)
{
	atomic_store(&volume->capacity, capacity);
}
