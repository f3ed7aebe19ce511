/* SPDX-License-Identifier: Apache-2.0 */

/*
 *	what was done for it -> the world -> plan -> steps
 *
 * claim_plan() and volume_plan() decide; here is only read what they look at.
 */

#include "reconcile_object.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "attach.h"
#include "claim_plan.h"
#include "intents.h"
#include "inventory.h"
#include "json_field.h"
#include "log.h"
#include "model_decode.h"
#include "store_attachment.h"
#include "volume_plan.h"
#include "workers.h"

static int apply_plan(const struct scope *scope,
		      const struct apply_subject *subject,
		      const struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < plan->n; i++)
		log_debug("step", F_STR("object", subject->object->name),
			  F_STR("step", claim_step_name(plan->steps[i].step)));
	return claim_apply(scope->applier, subject, plan, err);
}

static int load(const struct scope *scope, enum object_kind kind,
		const char *namespace, const char *name, struct object **ret,
		struct err *err)
{
	struct cluster *cluster = scope->options->cluster;

	return cluster->ops->get(cluster, kind, namespace, name, ret, err);
}

/* Borrows from the inventory. */
static struct plan_world world_of(const struct scope *scope,
				  const struct inventory *inventory)
{
	struct plan_world world = inventory_world(inventory);

	world.drivers = scope->options->drivers;
	world.n_drivers = scope->options->n_drivers;
	world.is_binder = scope->options->is_binder;
	return world;
}

/* What a claim of the same name left behind must not hold up this one. */
static void settle_predecessor(const struct scope *scope,
			       const struct object *claim)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;

	if (intents_settle(scope->applier, claim->namespace, claim->name,
			   &err) < 0)
		log_warn("intent stays open", F_STR("claim", claim->name),
			 F_ERR(&err));
}

/*
 * What was done for it and is over: before anything else is. object: as it is now. 0: a
 * plan is to be made.
 */
static int finish_work(const struct scope *scope, enum object_kind kind,
		       const char *namespace, const char *name,
		       const struct object *object, struct err *err)
{
	struct work *work;
	int r;

	do {
		r = workers_take(scope->applier->workers, kind, namespace, name,
				 &work);
		if (r != WORKERS_DONE)
			return r == WORKERS_BUSY ? APPLY_HANDED : 0;
		r = work->finish(work, scope->applier, object, err);
	} while (r == 0);
	return r;
}

int reconcile_claim(const struct scope *scope, const char *namespace,
		    const char *name, struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(claim_fini) struct claim claim = { 0 };
	_cleanup_(inventory_fini) struct inventory inventory = { 0 };
	_cleanup_(plan_fini) struct plan plan = { 0 };
	struct plan_world world;
	int r;

	r = load(scope, KIND_CLAIM, namespace, name, &object, err);
	if (r < 0)
		return r;
	r = finish_work(scope, KIND_CLAIM, namespace, name, object, err);
	if (r != 0)
		return r;
	if (!object)
		return intents_settle(scope->applier, namespace, name, err);
	settle_predecessor(scope, object);
	r = claim_decode(object, &claim, err);
	if (r < 0)
		return r;
	r = inventory_load(
		scope->options->cluster,
		inventory_parts_for(&claim, scope->options->is_binder),
		namespace, &claim, &inventory, err);
	if (r < 0)
		return r;
	world = world_of(scope, &inventory);
	r = claim_plan(&claim, &world, &plan);
	if (r < 0)
		return err_set(err, r, "no memory");
	return apply_plan(scope,
			  &(struct apply_subject){ .object = object,
						   .claim = &claim,
						   .world = &world },
			  &plan, err);
}

/* *ret_exists: the claim that claimRef names is there. */
static int load_owner(const struct scope *scope,
		      const struct persistent_volume *pv, struct claim *ret,
		      bool *ret_exists, struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	int r;

	*ret_exists = false;
	if (!pv->claim_ref.is_set)
		return 0;
	r = load(scope, KIND_CLAIM, pv->claim_ref.namespace, pv->claim_ref.name,
		 &object, err);
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
static int load_surroundings(const struct scope *scope,
			     const struct persistent_volume *pv,
			     struct inventory *ret,
			     struct attachment_list *ret_attachments,
			     struct err *err)
{
	enum inventory_parts parts = INVENTORY_PODS;
	int r = store_attachment_list(scope->options->store, pv->meta.name,
				      ret_attachments, err);

	if (r < 0)
		return r;
	if (pv->reclaim == RECLAIM_RECYCLE)
		parts |= INVENTORY_ALL_VOLUMES;
	return inventory_load(scope->options->cluster, parts,
			      pv->claim_ref.is_set ? pv->claim_ref.namespace
						   : NULL,
			      NULL, ret, err);
}

/* Borrowed from the attachments: the nodes that a cluster has attached it to. */
static int load_nodes(const struct scope *scope, const char *volume,
		      struct object_list *ret, const char ***ret_nodes,
		      struct err *err)
{
	int r = store_list_attachments_of(scope->options->store, volume, ret,
					  err);

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

static int plan_volume(const struct scope *scope, const struct object *object,
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

	r = store_copy_find_source(scope->options->store, pv->meta.name, &copy,
				   err);
	if (r >= 0)
		r = load_nodes(scope, pv->meta.name, &attached, &nodes, err);
	if (r >= 0)
		r = load_surroundings(scope, pv, &inventory, &list, err);
	if (r < 0)
		return r;
	world = world_of(scope, &inventory);
	world.copy = copy.name;
	world.nodes = nodes;
	world.n_nodes = attached.n;
	world.attachments = list.items;
	world.n_attachments = list.n;
	r = volume_plan(pv, claim, &world, &plan);
	if (r < 0)
		return err_set(err, r, "no memory");
	return apply_plan(scope,
			  &(struct apply_subject){
				  .object = object, .pv = pv, .world = &world },
			  &plan, err);
}

int reconcile_volume(const struct scope *scope, const char *name,
		     struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(persistent_volume_fini) struct persistent_volume pv = { 0 };
	_cleanup_(claim_fini) struct claim claim = { 0 };
	bool has_claim;
	int r;

	if (!scope->options->is_binder) {
		r = attach(scope->applier, name, scope->options->drivers,
			   scope->options->n_drivers, err);
		if (r != 0)
			return r;
	}
	/* Which changes the volume, or ends it. */
	r = finish_work(scope, KIND_PERSISTENT_VOLUME, "", name, NULL, err);
	if (r != 0)
		return r;
	r = load(scope, KIND_PERSISTENT_VOLUME, "", name, &object, err);
	if (r != 0)
		return r == CLUSTER_NOT_FOUND ? 0 : r;
	r = persistent_volume_decode(object, &pv, err);
	if (r >= 0)
		r = load_owner(scope, &pv, &claim, &has_claim, err);
	if (r != 0)
		return r;
	return plan_volume(scope, object, &pv, has_claim ? &claim : NULL, err);
}
