/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Keys in, steps out. The queue carries names only (keys.h); what happened to an
 * object does not matter, just what it is when its turn comes (reconcile_object.h).
 *
 * Binding has no lock: this is the only thread that binds.
 *
 * Keys are taken in batches, and what is written for them is committed together: at the
 * batch's end, and before a server is asked for anything.
 */

#include "reconcile.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "claim_apply.h"
#include "clock.h"
#include "intents.h"
#include "keys.h"
#include "log.h"
#include "queue.h"
#include "reconcile_object.h"
#include "share_pool.h"
#include "store_history.h"
#include "workers.h"

#define RESYNC_S    180
#define HOPELESS_NS (300 * NS_PER_S) /* between tries of what is invalid */

struct reconciler {
	struct reconciler_options options;
	struct applier applier;
	struct server_health health;
	struct queue *queue;
	pthread_t thread;
	bool has_thread;
	struct batch batch;
	struct workers *workers;
	struct share_pool *pool;
	struct applier worker_applier;
	_Atomic uint64_t n_done;
	_Atomic uint64_t n_failed;
};

/* --- keys -------------------------------------------------------------------- */

static void queue_claim(void *userdata, const char *namespace, const char *name)
{
	struct reconciler *reconciler = userdata;

	key_claim(reconciler->queue, namespace, name);
}

void reconciler_look_at(void *userdata, const char *volume)
{
	struct reconciler *reconciler = userdata;

	key_volume(reconciler->queue, volume);
}

void reconciler_look_at_copy(struct reconciler *reconciler,
			     const struct store_copy *copy)
{
	keys_copied(reconciler->queue, copy);
}

void reconciler_change(void *userdata, enum store_change change,
		       struct object *object)
{
	struct reconciler *reconciler = userdata;

	keys_changed(reconciler->queue, change, object);
}

/* --- many ------------------------------------------------------------------------------ */

static void queue_named_volume(void *userdata, const char *namespace,
			       const char *name)
{
	(void)namespace;
	reconciler_look_at(userdata, name);
}

/* phase NULL = all of them. */
static int queue_all(struct reconciler *reconciler, enum object_kind kind,
		     const char *phase, struct err *err)
{
	struct cluster *cluster = reconciler->options.cluster;

	return cluster->ops->each_name(cluster, kind, phase,
				       kind == KIND_CLAIM ? queue_claim
							  : queue_named_volume,
				       reconciler, err);
}

static int resync(struct reconciler *reconciler, struct err *err)
{
	int r = queue_all(reconciler, KIND_CLAIM, NULL, err);

	if (r == 0)
		r = queue_all(reconciler, KIND_PERSISTENT_VOLUME, NULL, err);
	if (r == 0 && !reconciler->options.is_binder)
		r = queue_all(reconciler, KIND_VOLUME_ATTACHMENT, NULL, err);
	if (r == 0)
		r = intents_queue(&reconciler->applier, err);
	if (r == 0)
		(void)queue_add_after(reconciler->queue, RESYNC_KEY,
				      reconciler->options.resync_s * NS_PER_S);
	return r;
}

/* --- the thread -------------------------------------------------------------------------- */

/* The key is ours to change. */
static int reconcile(struct reconciler *reconciler, char *key, struct err *err)
{
	const struct scope scope = { .options = &reconciler->options,
				     .applier = &reconciler->applier };
	size_t claim_len = strlen(CLAIM_PREFIX);
	size_t volume_len = strlen(VOLUME_PREFIX);

	if (strcmp(key, IDLE_KEY) == 0)
		return 0;
	if (strcmp(key, RESYNC_KEY) == 0)
		return resync(reconciler, err);
	if (strcmp(key, CLAIMS_KEY) == 0)
		return queue_all(reconciler, KIND_CLAIM,
				 claim_phase_names[CLAIM_PENDING], err);
	if (strcmp(key, ALL_CLAIMS_KEY) == 0)
		return queue_all(reconciler, KIND_CLAIM, NULL, err);
	if (strcmp(key, RELEASED_KEY) == 0)
		return queue_all(reconciler, KIND_PERSISTENT_VOLUME,
				 pv_phase_names[PV_RELEASED], err);
	if (strncmp(key, VOLUME_PREFIX, volume_len) == 0)
		return reconcile_volume(&scope, key + volume_len, err);
	if (strncmp(key, CLAIM_PREFIX, claim_len) == 0) {
		char *slash = strchr(key, '/');

		if (slash) {
			*slash = '\0';
			return reconcile_claim(&scope, key + claim_len,
					       slash + 1, err);
		}
	}
	return err_set(err, -EINVAL, "reconcile \"%s\": no such key", key);
}

/* The table of error classes: again at once, later, or much later. */
static void requeue(struct reconciler *reconciler, const char *key, int r,
		    const struct err *err)
{
	/* Its former failures still count: it may fail once more. */
	if (r == APPLY_HANDED)
		return;
	if (r >= 0)
		queue_forget(reconciler->queue, key);
	if (r == APPLY_LATER)
		(void)queue_add_after(reconciler->queue, key, NS_PER_S);
	else if (r > 0)
		(void)queue_add(reconciler->queue, key);
	if (r >= 0)
		return;
	log_warn("not reconciled, will be tried again", F_STR("key", key),
		 F_ERR(err));
	if (r == -EINVAL)
		(void)queue_add_after(reconciler->queue, key, HOPELESS_NS);
	else
		(void)queue_retry(reconciler->queue, key);
}

static void reconcile_key(struct reconciler *reconciler, char *take_key)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	_cleanup_(free) char *copy = strdup(take_key);
	int r;

	r = copy ? reconcile(reconciler, copy, &err) : -ENOMEM;
	(void)atomic_fetch_add(&reconciler->n_done, 1);
	if (r < 0)
		(void)atomic_fetch_add(&reconciler->n_failed, 1);
	requeue(reconciler, take_key, r, &err);
	batch_add(&reconciler->batch, take_key);
}

/* Nothing is to be done. */
static void idle(struct reconciler *reconciler)
{
	batch_end(&reconciler->batch);
	if (share_pool_sweep(reconciler->pool))
		(void)queue_add_after(reconciler->queue, IDLE_KEY,
				      10 * NS_PER_S);
}

static void *reconcile_thread(void *userdata)
{
	struct reconciler *reconciler = userdata;
	int r = 0;

	store_act_as(reconciler->options.store, "reconciler");
	store_defer(reconciler->options.store);
	while (r != QUEUE_CLOSED) {
		uint64_t due;
		char *key;

		r = queue_poll(reconciler->queue, &key, &due);
		if (r == QUEUE_EMPTY) {
			idle(reconciler);
			r = queue_take(reconciler->queue, &key);
		}
		if (r == 0)
			reconcile_key(reconciler, key);
	}
	batch_end(&reconciler->batch);
	return NULL;
}

/* A workers_options.done. */
static void work_done(void *userdata, enum object_kind kind,
		      const char *namespace, const char *name)
{
	if (kind == KIND_CLAIM)
		queue_claim(userdata, namespace, name);
	else
		reconciler_look_at(userdata, name);
}

static int make_parts(struct reconciler *reconciler)
{
	int r = queue_new(&reconciler->queue, &(struct queue_options){ 0 });

	if (r >= 0)
		r = share_pool_new(&reconciler->pool);
	if (r >= 0)
		r = workers_new(&reconciler->workers,
				&(struct workers_options){
					.applier = &reconciler->worker_applier,
					.done = work_done,
					.userdata = reconciler });
	return r;
}

int reconciler_new(struct reconciler **ret,
		   const struct reconciler_options *options, struct err *err)
{
	_cleanup_(reconciler_free) struct reconciler *reconciler = NULL;
	int r;

	reconciler = calloc(1, sizeof(*reconciler));
	if (!reconciler)
		return err_set(err, -ENOMEM, "no memory");
	reconciler->options = *options;
	if (!reconciler->options.resync_s)
		reconciler->options.resync_s = RESYNC_S;
	reconciler->health = SERVER_HEALTH_INIT;
	r = make_parts(reconciler);
	if (r < 0)
		return err_set(err, r, "no memory");
	reconciler->applier = (struct applier){ .cluster = options->cluster,
						.store = options->store,
						.share = options->share,
						.health = &reconciler->health,
						.remover = options->remover,
						.copier = options->copier,
						.now = clock_ns,
						.pool = reconciler->pool,
						.queue_claim = queue_claim,
						.userdata = reconciler };
	/* On the workers' threads every change is on the disk. */
	reconciler->worker_applier = reconciler->applier;
	reconciler->applier.batch = &reconciler->batch;
	reconciler->applier.workers = reconciler->workers;
	reconciler->batch = (struct batch){ .store = options->store,
					    .queue = reconciler->queue,
					    .workers = reconciler->workers };
	*ret = TAKE_PTR(reconciler);
	return 0;
}

void reconciler_get_state(const struct reconciler *reconciler,
			  struct reconciler_state *ret)
{
	ret->n_done = atomic_load(&reconciler->n_done);
	ret->n_failed = atomic_load(&reconciler->n_failed);
}

int reconciler_start(struct reconciler *reconciler, struct err *err)
{
	int r = queue_add(reconciler->queue, RESYNC_KEY);

	if (r < 0)
		return err_set(err, r, "no memory");
	r = workers_start(reconciler->workers, err);
	if (r < 0)
		return r;
	r = pthread_create(&reconciler->thread, NULL, reconcile_thread,
			   reconciler);
	if (r != 0)
		return err_set_errno(err, -r, "start the reconciler's thread");
	reconciler->has_thread = true;
	return 0;
}

void reconciler_stop(struct reconciler *reconciler)
{
	if (!reconciler->has_thread)
		return;
	queue_close(reconciler->queue);
	(void)pthread_join(reconciler->thread, NULL);
	reconciler->has_thread = false;
}

struct reconciler *reconciler_free(struct reconciler *reconciler)
{
	if (!reconciler)
		return NULL;
	reconciler_stop(reconciler);
	workers_free(reconciler->workers);
	share_pool_free(reconciler->pool);
	queue_free(reconciler->queue);
	server_health_fini(&reconciler->health);
	free(reconciler);
	return NULL;
}
