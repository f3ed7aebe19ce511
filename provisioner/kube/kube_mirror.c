/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A follower per kind, whose watch's thread writes what it is told. A transaction is
 * open from begin_batch to end_batch, with the store's lock: nothing is waited for in
 * between. One that fails is rolled back where it fails, and the watch lists again.
 */

#include "kube_mirror.h"

#include <malloc.h>
#include <pthread.h>
#include <string.h>

#include "clock.h"
#include "cond.h"
#include "log.h"
#include "store_history.h"
#include "store_mirror.h"

struct follower {
	struct kube_mirror *mirror;
	enum object_kind kind;
	struct kube_watch *watch;
	bool is_complete; /* guarded by the mirror's lock */
};

static const struct {
	enum object_kind kind;
	bool is_optional;
} kinds[] = {
	{ KIND_STORAGE_CLASS, false },	 { KIND_PERSISTENT_VOLUME, false },
	{ KIND_CLAIM, false },		 { KIND_VOLUME_ATTACHMENT, true },
	{ KIND_ATTRIBUTES_CLASS, true },
};

struct kube_mirror {
	struct store *store; /* borrowed */
	pthread_mutex_t lock;
	pthread_cond_t completed;
	struct follower followers[ARRAY_SIZE(kinds)];
};

/* --- what a watch tells ----------------------------------------------------------- */

static struct store *store_of(struct follower *follower)
{
	return follower->mirror->store;
}

/* A failure ends the batch: end_batch() is not asked for then. */
static int checked(struct follower *follower, int r)
{
	if (r < 0)
		store_rollback(store_of(follower));
	return r;
}

static int begin_batch(void *userdata, struct err *err)
{
	struct follower *follower = userdata;

	store_act_as(store_of(follower), "cluster");
	return store_begin(store_of(follower), err);
}

static int end_batch(void *userdata, struct err *err)
{
	struct follower *follower = userdata;

	return checked(follower, store_commit(store_of(follower), err));
}

static int begin_list(void *userdata, struct err *err)
{
	struct follower *follower = userdata;

	return checked(follower, store_mirror_begin_list(store_of(follower),
							 follower->kind, err));
}

static int take_listed(void *userdata, struct object *object, struct err *err)
{
	struct follower *follower = userdata;

	return checked(follower, store_mirror_put_listed(store_of(follower),
							 object, err));
}

static void complete(struct follower *follower)
{
	struct kube_mirror *mirror = follower->mirror;

	(void)pthread_mutex_lock(&mirror->lock);
	follower->is_complete = true;
	(void)pthread_cond_broadcast(&mirror->completed);
	(void)pthread_mutex_unlock(&mirror->lock);
}

static int end_list(void *userdata, uint64_t resource_version, struct err *err)
{
	struct follower *follower = userdata;
	int r = checked(follower, store_mirror_end_list(store_of(follower),
							follower->kind,
							resource_version, err));

	if (r < 0)
		return r;
	/*
	 * What this thread does next is to commit it. Pages of a list leave holes in
	 * the heaps of two threads that nothing of this size will come for again.
	 */
	complete(follower);
	(void)malloc_trim(0);
	return 0;
}

static int take_event(void *userdata, enum kube_watch_event event,
		      struct object *object, struct err *err)
{
	struct follower *follower = userdata;
	struct store *store = store_of(follower);

	if (event != KUBE_WATCH_DELETED)
		return checked(follower, store_mirror_put(store, object, err));
	return checked(follower, store_mirror_remove(
					 store, object->kind, object->namespace,
					 object->name, object->uid, err));
}

static void abort_batch(void *userdata)
{
	struct follower *follower = userdata;

	store_rollback(store_of(follower));
}

static const struct kube_watch_ops ops = {
	.abort_batch = abort_batch,
	.begin_batch = begin_batch,
	.end_batch = end_batch,
	.begin_list = begin_list,
	.object = take_listed,
	.end_list = end_list,
	.event = take_event,
};

/* --- all of them -------------------------------------------------------------------- */

static int follow(struct kube_mirror *mirror, size_t i, struct kube_api *api,
		  struct err *err)
{
	struct follower *follower = &mirror->followers[i];
	struct kube_watch_options options = {
		.selection = { .kind = kinds[i].kind },
		.ops = &ops,
		.userdata = follower,
		.is_optional = kinds[i].is_optional,
	};

	follower->mirror = mirror;
	follower->kind = kinds[i].kind;
	return kube_watch_start(&follower->watch, api, &options, err);
}

int kube_mirror_start(struct kube_mirror **ret, struct kube_api *api,
		      struct store *store, struct err *err)
{
	_cleanup_(kube_mirror_free) struct kube_mirror *mirror =
		calloc(1, sizeof(*mirror));

	if (!mirror)
		return err_set(err, -ENOMEM, "no memory");
	mirror->store = store;
	(void)pthread_mutex_init(&mirror->lock, NULL);
	cond_init_monotonic(&mirror->completed);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		int r = follow(mirror, i, api, err);

		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(mirror);
	return 0;
}

struct kube_mirror *kube_mirror_free(struct kube_mirror *mirror)
{
	if (!mirror)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		kube_watch_free(mirror->followers[i].watch);
	(void)pthread_cond_destroy(&mirror->completed);
	(void)pthread_mutex_destroy(&mirror->lock);
	free(mirror);
	return NULL;
}

/* The kind that was not listed yet; NULL = all were. The caller has the lock. */
static const char *find_missing(const struct kube_mirror *mirror)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!mirror->followers[i].is_complete)
			return object_kind_info(kinds[i].kind)->plural;
	return NULL;
}

bool kube_mirror_is_complete(struct kube_mirror *mirror)
{
	bool is_complete;

	(void)pthread_mutex_lock(&mirror->lock);
	is_complete = !find_missing(mirror);
	(void)pthread_mutex_unlock(&mirror->lock);
	return is_complete;
}

int kube_mirror_wait(struct kube_mirror *mirror, uint64_t timeout_ns,
		     struct err *err)
{
	uint64_t until_ns = clock_ns() + timeout_ns;
	const char *missing;
	int r = 0;

	(void)pthread_mutex_lock(&mirror->lock);
	while ((missing = find_missing(mirror)) && r == 0)
		r = cond_wait_until(&mirror->completed, &mirror->lock,
				    until_ns);
	(void)pthread_mutex_unlock(&mirror->lock);
	if (!missing)
		return 0;
	return err_set(err, -r, "the cluster's %s are not listed yet", missing);
}
