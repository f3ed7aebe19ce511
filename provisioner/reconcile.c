/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Keys in, steps out. The queue carries names only (keys.h); what happened to an
 * object does not matter, just what it is when its turn comes: claim_plan() and
 * volume_plan() decide.
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

#include <cjson/cJSON.h>

#include "attach.h"
#include "claim_apply.h"
#include "claim_plan.h"
#include "clock.h"
#include "intents.h"
#include "inventory.h"
#include "json_field.h"
#include "keys.h"
#include "log.h"
#include "model_decode.h"
#include "provision.h"
#include "queue.h"
#include "share_pool.h"
#include "store_attachment.h"
#include "store_history.h"
#include "volume_plan.h"

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
	struct maker *maker;
	struct share_pool *pool;
	struct applier maker_applier;
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

/* --- one claim or volume ------------------------------------------------------------ */

static int apply_plan(struct reconciler *reconciler,
		      const struct apply_subject *subject,
		      const struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < plan->n; i++)
		log_debug("step", F_STR("object", subject->object->name),
			  F_STR("step", claim_step_name(plan->steps[i].step)));
	return claim_apply(&reconciler->applier, subject, plan, err);
}

static int load(struct reconciler *reconciler, enum object_kind kind,
		const char *namespace, const char *name, struct object **ret,
		struct err *err)
{
	struct cluster *cluster = reconciler->options.cluster;

	return cluster->ops->get(cluster, kind, namespace, name, ret, err);
}

/* Borrows from the inventory. */
static struct plan_world world_of(const struct reconciler *reconciler,
				  const struct inventory *inventory)
{
	struct plan_world world = inventory_world(inventory);

	world.drivers = reconciler->options.drivers;
	world.n_drivers = reconciler->options.n_drivers;
	world.is_binder = reconciler->options.is_binder;
	return world;
}

/* What a claim of the same name left behind must not hold up this one. */
static void settle_predecessor(struct reconciler *reconciler,
			       const struct object *claim)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;

	if (intents_settle(&reconciler->applier, claim->namespace, claim->name,
			   &err) < 0)
		log_warn("intent stays open", F_STR("claim", claim->name),
			 F_ERR(&err));
}

static int reconcile_claim(struct reconciler *reconciler, const char *namespace,
			   const char *name, struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(claim_fini) struct claim claim = { 0 };
	_cleanup_(inventory_fini) struct inventory inventory = { 0 };
	_cleanup_(plan_fini) struct plan plan = { 0 };
	struct plan_world world;
	int r;

	r = load(reconciler, KIND_CLAIM, namespace, name, &object, err);
	if (r < 0)
		return r;
	r = provision_continue(&reconciler->applier, namespace, name, object,
			       err);
	if (r != 0)
		return r;
	if (!object)
		return intents_settle(&reconciler->applier, namespace, name,
				      err);
	settle_predecessor(reconciler, object);
	r = claim_decode(object, &claim, err);
	if (r < 0)
		return r;
	r = inventory_load(
		reconciler->options.cluster,
		inventory_parts_for(&claim, reconciler->options.is_binder),
		namespace, &claim, &inventory, err);
	if (r < 0)
		return r;
	world = world_of(reconciler, &inventory);
	r = claim_plan(&claim, &world, &plan);
	if (r < 0)
		return err_set(err, r, "no memory");
	return apply_plan(reconciler,
			  &(struct apply_subject){ .object = object,
						   .claim = &claim,
						   .world = &world },
			  &plan, err);
}

/* *ret_exists: the claim that claimRef names is there. */
static int load_owner(struct reconciler *reconciler,
		      const struct persistent_volume *pv, struct claim *ret,
		      bool *ret_exists, struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	int r;

	*ret_exists = false;
	if (!pv->claim_ref.is_set)
		return 0;
	r = load(reconciler, KIND_CLAIM, pv->claim_ref.namespace,
		 pv->claim_ref.name, &object, err);
	if (r == CLUSTER_NOT_FOUND)
		return 0;
	if (r != 0)
		return r;
	/* One that can't be read is an error, not a claim that is gone. */
	r = claim_decode(object, ret, err);
	*ret_exists = r == 0;
	return r;
}

/* What volume_plan() looks at, and recycling at its neighbours. */
static int load_surroundings(struct reconciler *reconciler,
			     const struct persistent_volume *pv,
			     struct inventory *ret,
			     struct attachment_list *ret_attachments,
			     struct err *err)
{
	enum inventory_parts parts = INVENTORY_PODS;
	int r = store_attachment_list(reconciler->options.store, pv->meta.name,
				      ret_attachments, err);

	if (r < 0)
		return r;
	if (pv->reclaim == RECLAIM_RECYCLE)
		parts |= INVENTORY_ALL_VOLUMES;
	return inventory_load(reconciler->options.cluster, parts,
			      pv->claim_ref.is_set ? pv->claim_ref.namespace
						   : NULL,
			      NULL, ret, err);
}

/* Borrowed from the attachments: the nodes that a cluster has attached it to. */
static int load_nodes(struct reconciler *reconciler, const char *volume,
		      struct object_list *ret, const char ***ret_nodes,
		      struct err *err)
{
	int r = store_list_attachments_of(reconciler->options.store, volume,
					  ret, err);

	if (r < 0)
		return r;
	*ret_nodes = calloc(ret->n + 1, sizeof(**ret_nodes));
	if (!*ret_nodes)
		return err_set(err, -ENOMEM, "no memory");
	for (size_t i = 0; i < ret->n; i++) {
		const char *node = cJSON_GetStringValue(
			json_at(ret->items[i]->json, "spec.nodeName"));

		(*ret_nodes)[i] = node ? node : "";
	}
	return 0;
}

static int plan_volume(struct reconciler *reconciler,
		       const struct object *object,
		       const struct persistent_volume *pv,
		       const struct claim *claim, struct err *err)
{
	_cleanup_(attachment_list_fini) struct attachment_list list = { 0 };
	_cleanup_(inventory_fini) struct inventory inventory = { 0 };
	_cleanup_(object_list_fini) struct object_list attached =
		OBJECT_LIST_INIT;
	_cleanup_(free) const char **nodes = NULL;
	_cleanup_(store_copy_fini) struct store_copy copy = { 0 };
	_cleanup_(plan_fini) struct plan plan = { 0 };
	struct plan_world world;
	int r;

	r = store_copy_find_source(reconciler->options.store, pv->meta.name,
				   &copy, err);
	if (r >= 0)
		r = load_nodes(reconciler, pv->meta.name, &attached, &nodes,
			       err);
	if (r >= 0)
		r = load_surroundings(reconciler, pv, &inventory, &list, err);
	if (r < 0)
		return r;
	world = world_of(reconciler, &inventory);
	world.copy = copy.name;
	world.nodes = nodes;
	world.n_nodes = attached.n;
	world.attachments = list.items;
	world.n_attachments = list.n;
	r = volume_plan(pv, claim, &world, &plan);
	if (r < 0)
		return err_set(err, r, "no memory");
	return apply_plan(reconciler,
			  &(struct apply_subject){
				  .object = object, .pv = pv, .world = &world },
			  &plan, err);
}

static int reconcile_volume(struct reconciler *reconciler, const char *name,
			    struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(persistent_volume_fini) struct persistent_volume pv = { 0 };
	_cleanup_(claim_fini) struct claim claim = { 0 };
	bool has_claim;
	int r;

	if (!reconciler->options.is_binder) {
		r = attach(&reconciler->applier, name,
			   reconciler->options.drivers,
			   reconciler->options.n_drivers, err);
		if (r != 0)
			return r;
	}
	r = load(reconciler, KIND_PERSISTENT_VOLUME, "", name, &object, err);
	if (r != 0)
		return r == CLUSTER_NOT_FOUND ? 0 : r;
	r = persistent_volume_decode(object, &pv, err);
	if (r >= 0)
		r = load_owner(reconciler, &pv, &claim, &has_claim, err);
	if (r != 0)
		return r;
	return plan_volume(reconciler, object, &pv, has_claim ? &claim : NULL,
			   err);
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
		return reconcile_volume(reconciler, key + volume_len, err);
	if (strncmp(key, CLAIM_PREFIX, claim_len) == 0) {
		char *slash = strchr(key, '/');

		if (slash) {
			*slash = '\0';
			return reconcile_claim(reconciler, key + claim_len,
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

static int make_directory(void *userdata, const struct making *making,
			  struct err *err)
{
	const struct reconciler *reconciler = userdata;

	return provision_make(&reconciler->maker_applier, making, err);
}

static int make_parts(struct reconciler *reconciler)
{
	int r = queue_new(&reconciler->queue, &(struct queue_options){ 0 });

	if (r >= 0)
		r = share_pool_new(&reconciler->pool);
	if (r >= 0)
		r = maker_new(
			&reconciler->maker,
			&(struct maker_options){ .make = make_directory,
						 .done = queue_claim,
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
	/* On the maker's threads every change is on the disk. */
	reconciler->maker_applier = reconciler->applier;
	reconciler->applier.batch = &reconciler->batch;
	reconciler->applier.maker = reconciler->maker;
	reconciler->batch = (struct batch){ .store = options->store,
					    .queue = reconciler->queue,
					    .maker = reconciler->maker };
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
	r = maker_start(reconciler->maker, err);
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
	maker_free(reconciler->maker);
	share_pool_free(reconciler->pool);
	queue_free(reconciler->queue);
	server_health_fini(&reconciler->health);
	free(reconciler);
	return NULL;
}
