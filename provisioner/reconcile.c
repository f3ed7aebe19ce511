/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Keys in, steps out. The queue carries names only; what happened to an object
 * does not matter, just what it is when its turn comes:
 *
 *	"claim NAMESPACE/NAME"	claim_plan()
 *	"volume NAME"		volume_plan()
 *	"claims"		all claims that are not bound (a class or a volume came)
 *	"released"		all volumes that are (a pod that had one went)
 *	"resync"		everything, and the claims of open intents
 *
 * What a change may concern is decided in reconciler_change(): a pod concerns
 * its claims, a volume its claim, and so on. Should something be overlooked, or
 * the queue be full, the next resync finds it.
 *
 * Binding has no lock: this is the only thread that binds.
 *
 * Keys are taken in batches, and what is written for them is committed together: at the
 * batch's end, and before a server is asked for anything.
 */

#include "reconcile.h"

#include <pthread.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "claim_apply.h"
#include "claim_plan.h"
#include "clock.h"
#include "intents.h"
#include "inventory.h"
#include "json_field.h"
#include "log.h"
#include "model_decode.h"
#include "queue.h"
#include "store_attachment.h"
#include "store_history.h"
#include "volume_plan.h"

#define RESYNC_S    180
#define HOPELESS_NS (300 * NS_PER_S) /* between tries of what is invalid */

#define CLAIM_PREFIX  "claim "
#define VOLUME_PREFIX "volume "
#define CLAIMS_KEY    "claims"
#define RELEASED_KEY  "released"
#define RESYNC_KEY    "resync"

struct reconciler {
	struct reconciler_options options;
	struct applier applier;
	struct server_health health;
	struct queue *queue;
	pthread_t thread;
	bool has_thread;
	struct batch batch;
};

/* --- keys -------------------------------------------------------------------- */

/* A key that gets lost here is found by the next resync. */
static void queue_key(struct reconciler *reconciler, const char *prefix,
		      const char *namespace, const char *name)
{
	_cleanup_(free) char *key = NULL;
	int r;

	if (asprintf(&key, "%s%s%s%s", prefix, namespace, *namespace ? "/" : "",
		     name) < 0) {
		key = NULL;
		return;
	}
	r = queue_add(reconciler->queue, key);
	if (r < 0)
		log_warn("key lost until the next resync", F_STR("key", key),
			 F_ERRNO(r));
}

static void queue_claim(void *userdata, const char *namespace, const char *name)
{
	if (*name)
		queue_key(userdata, CLAIM_PREFIX, namespace, name);
}

static void queue_volume(struct reconciler *reconciler, const char *name)
{
	if (*name)
		queue_key(reconciler, VOLUME_PREFIX, "", name);
}

void reconciler_look_at(void *userdata, const char *volume)
{
	queue_volume(userdata, volume);
}

static const char *string_at(const cJSON *json, const char *path)
{
	const char *value = cJSON_GetStringValue(json_at(json, path));

	return value ? value : "";
}

/* --- what a change concerns ------------------------------------------------------ */

static void claim_changed(struct reconciler *reconciler,
			  const struct object *object)
{
	_cleanup_(free) char *own = NULL;

	queue_claim(reconciler, object->namespace, object->name);
	queue_volume(reconciler, string_at(object->json, "spec.volumeName"));
	/* One that was provisioned and not bound yet. */
	if (asprintf(&own, "pvc-%s", object->uid) < 0)
		own = NULL;
	else
		queue_volume(reconciler, own);
}

static void volume_changed(struct reconciler *reconciler,
			   enum store_change change,
			   const struct object *object)
{
	const char *claim = string_at(object->json, "spec.claimRef.name");

	queue_volume(reconciler, object->name);
	queue_claim(reconciler,
		    string_at(object->json, "spec.claimRef.namespace"), claim);
	if (!*claim && change != STORE_DELETED)
		(void)queue_add(reconciler->queue, CLAIMS_KEY);
}

static void pod_changed(struct reconciler *reconciler, enum store_change change,
			const struct object *object)
{
	const cJSON *volume;

	if (change == STORE_DELETED)
		(void)queue_add(reconciler->queue, RELEASED_KEY);
	cJSON_ArrayForEach (volume, json_at(object->json, "spec.volumes"))
		queue_claim(
			reconciler, object->namespace,
			string_at(volume, "persistentVolumeClaim.claimName"));
}

void reconciler_change(void *userdata, enum store_change change,
		       struct object *object)
{
	struct reconciler *reconciler = userdata;

	switch (object->kind) {
	case KIND_CLAIM:
		claim_changed(reconciler, object);
		break;
	case KIND_PERSISTENT_VOLUME:
		volume_changed(reconciler, change, object);
		break;
	case KIND_POD:
		pod_changed(reconciler, change, object);
		break;
	case KIND_STORAGE_CLASS:
		(void)queue_add(reconciler->queue, CLAIMS_KEY);
		break;
	case KIND_EVENT:
	case KIND_N:
		break;
	}
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

/* What claim_plan() looks at. */
static enum inventory_parts parts_for(const struct claim *claim)
{
	if (claim->meta.is_deleting)
		return INVENTORY_PODS;
	return claim->is_bind_completed ? INVENTORY_VOLUMES : INVENTORY_ALL;
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
	if (r == CLUSTER_NOT_FOUND)
		return intents_settle(&reconciler->applier, namespace, name,
				      err);
	if (r != 0)
		return r;
	settle_predecessor(reconciler, object);
	r = claim_decode(object, &claim, err);
	if (r < 0)
		return r;
	r = inventory_load(reconciler->options.cluster, parts_for(&claim),
			   namespace, &claim, &inventory, err);
	if (r < 0)
		return r;
	world = inventory_world(&inventory, reconciler->options.drivers,
				reconciler->options.n_drivers);
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

static int plan_volume(struct reconciler *reconciler,
		       const struct object *object,
		       const struct persistent_volume *pv,
		       const struct claim *claim, struct err *err)
{
	_cleanup_(attachment_list_fini) struct attachment_list list = { 0 };
	_cleanup_(inventory_fini) struct inventory inventory = { 0 };
	_cleanup_(plan_fini) struct plan plan = { 0 };
	struct plan_world world;
	int r;

	r = load_surroundings(reconciler, pv, &inventory, &list, err);
	if (r < 0)
		return r;
	world = inventory_world(&inventory, reconciler->options.drivers,
				reconciler->options.n_drivers);
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
	queue_volume(userdata, name);
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

	if (strcmp(key, RESYNC_KEY) == 0)
		return resync(reconciler, err);
	if (strcmp(key, CLAIMS_KEY) == 0)
		return queue_all(reconciler, KIND_CLAIM,
				 claim_phase_names[CLAIM_PENDING], err);
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
	if (r >= 0)
		queue_forget(reconciler->queue, key);
	if (r > 0)
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
	requeue(reconciler, take_key, r, &err);
	batch_add(&reconciler->batch, take_key);
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
			batch_end(&reconciler->batch);
			r = queue_take(reconciler->queue, &key);
		}
		if (r == 0)
			reconcile_key(reconciler, key);
	}
	batch_end(&reconciler->batch);
	return NULL;
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
	reconciler->applier = (struct applier){ .cluster = options->cluster,
						.store = options->store,
						.share = options->share,
						.health = &reconciler->health,
						.remover = options->remover,
						.now = clock_ns,
						.batch = &reconciler->batch,
						.queue_claim = queue_claim,
						.userdata = reconciler };
	r = queue_new(&reconciler->queue, &(struct queue_options){ 0 });
	if (r < 0)
		return err_set(err, r, "no memory");
	reconciler->batch = (struct batch){ .store = options->store,
					    .queue = reconciler->queue };
	*ret = TAKE_PTR(reconciler);
	return 0;
}

int reconciler_start(struct reconciler *reconciler, struct err *err)
{
	int r = queue_add(reconciler->queue, RESYNC_KEY);

	if (r < 0)
		return err_set(err, r, "no memory");
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
	queue_free(reconciler->queue);
	server_health_fini(&reconciler->health);
	free(reconciler);
	return NULL;
}
