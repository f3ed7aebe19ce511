/* SPDX-License-Identifier: Apache-2.0 */

/*
 * In the order of the external resizer, so that a claim shows each state that it
 * shows there:
 *
 *	begin	claim: allocatedResources, ControllerResizeInProgress, condition
 *		Resizing
 *	expand	the descriptor's capacity; PV: spec.capacity
 *	end	claim: status.capacity; statuses and conditions away
 *
 * A share has no sizes of directories, so that there is nothing to do on a node, and
 * the condition FileSystemResizePending never comes.
 */

#include "expand.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "claim_condition.h"
#include "describe.h"
#include "json_field.h"
#include "log.h"
#include "object_change.h"

#define IN_PROGRESS "ControllerResizeInProgress"
#define REQUEST	    "spec.resources.requests.storage"

static struct object_target claim_target(const struct apply_subject *subject)
{
	return (struct object_target){ .kind = KIND_CLAIM,
				       .namespace = subject->object->namespace,
				       .name = subject->object->name,
				       .uid = subject->object->uid };
}

/* --- conditions ------------------------------------------------------------------ */

static const char *const conditions[] = { "Resizing", "ControllerResizeError" };

static void drop_conditions(cJSON *status)
{
	claim_conditions_drop(status, conditions, ARRAY_SIZE(conditions));
}

static int add_condition(cJSON *status, const char *type, const char *message)
{
	return claim_condition_set(
		status, &(struct claim_condition){ .type = type,
						   .message = message,
						   .keeps_message = true });
}

/* --- the claim's status ----------------------------------------------------------- */

/* {"storage": a copy of the amount} */
static int set_storage(cJSON *json, const char *key, const cJSON *amount)
{
	cJSON *member = change_member(json, key);
	cJSON *copy = cJSON_Duplicate(amount, /* recurse= */ true);

	cJSON_DeleteItemFromObjectCaseSensitive(member, "storage");
	if (member && copy && cJSON_AddItemToObject(member, "storage", copy))
		return 0;
	cJSON_Delete(copy);
	return -ENOMEM;
}

static int begin_status(cJSON *json, const void *userdata)
{
	cJSON *status = change_member(json, "status");
	cJSON *statuses;

	if (!status || set_storage(status, "allocatedResources",
				   json_at(json, REQUEST)) < 0)
		return -ENOMEM;
	statuses = change_member(status, "allocatedResourceStatuses");
	if (!statuses || change_string(statuses, "storage", IN_PROGRESS) < 0)
		return -ENOMEM;
	drop_conditions(status);
	return add_condition(status, "Resizing", NULL);
}

static int end_status(cJSON *json, const void *capacity)
{
	cJSON *status = change_member(json, "status");

	if (!status || set_storage(status, "capacity", capacity) < 0)
		return -ENOMEM;
	cJSON_DeleteItemFromObjectCaseSensitive(status,
						"allocatedResourceStatuses");
	drop_conditions(status);
	return 0;
}

static int fail_status(cJSON *json, const void *message)
{
	cJSON *status = change_member(json, "status");

	if (!status)
		return -ENOMEM;
	claim_conditions_drop(status, conditions, 1);
	return add_condition(status, conditions[1], message);
}

/* --- the steps ---------------------------------------------------------------------- */

int expand_begin(const struct applier *applier,
		 const struct apply_subject *subject, struct err *err)
{
	struct object_target target = claim_target(subject);

	return apply_outcome(object_change_status(applier->cluster, &target,
						  begin_status, NULL, err));
}

/* From a fresh reading: the volume may be another claim's by now. */
int expand_volume(cJSON *json, const void *userdata)
{
	const struct object *claim = userdata;
	const char *uid =
		cJSON_GetStringValue(json_at(json, "spec.claimRef.uid"));
	cJSON *spec = change_member(json, "spec");
	uint64_t wanted = 0, now = 0;

	if (!spec)
		return -ENOMEM;
	if (!uid || strcmp(uid, claim->uid) != 0)
		return CHANGE_OUTDATED;
	(void)json_quantity(claim->json, REQUEST, 0, &wanted, NULL);
	(void)json_quantity(json, "spec.capacity.storage", 0, &now, NULL);
	if (now >= wanted)
		return CHANGE_NONE;
	return set_storage(spec, "capacity", json_at(claim->json, REQUEST));
}

/* Best effort: the next try tells it again. */
static void tell_failure(const struct applier *applier,
			 const struct apply_subject *subject,
			 const struct plan_step *step, struct err *err)
{
	struct object_target target = claim_target(subject);

	(void)err_wrap(err, "resize volume \"%s\"", step->volume);
	apply_event(applier, subject->object, CLUSTER_EVENT_WARNING,
		    "VolumeResizeFailed", COMPONENT_BINDER, err_text(err));
	(void)object_change_status(applier->cluster, &target, fail_status,
				   err_text(err), NULL);
}

static int set_capacity(const struct applier *applier,
			const struct apply_subject *subject,
			const struct plan_step *step, struct err *err)
{
	struct object_target target = { .kind = KIND_PERSISTENT_VOLUME,
					.namespace = "",
					.name = step->volume };
	int r = object_change(applier->cluster, &target, expand_volume,
			      subject->object, err);

	return r == CLUSTER_NOT_FOUND ? APPLY_AGAIN : apply_outcome(r);
}

/* The descriptor first: it is not looked at again once the volume has grown. */
int expand(const struct applier *applier, const struct apply_subject *subject,
	   const struct plan_step *step, struct err *err)
{
	int r = describe(applier, subject, step->volume, PV_BOUND, err);

	if (r == 0)
		r = set_capacity(applier, subject, step, err);
	if (r < 0)
		tell_failure(applier, subject, step, err);
	if (r == 0)
		log_info("volume expanded", F_STR("volume", step->volume),
			 F_STR("namespace", subject->object->namespace),
			 F_STR("claim", subject->object->name));
	return r;
}

int expand_end(const struct applier *applier,
	       const struct apply_subject *subject,
	       const struct plan_step *step, struct err *err)
{
	struct object_target target = claim_target(subject);
	_cleanup_(object_unref) struct object *volume = NULL;
	int r;

	r = applier->cluster->ops->get(applier->cluster, KIND_PERSISTENT_VOLUME,
				       "", step->volume, &volume, err);
	if (r != 0)
		return r == CLUSTER_NOT_FOUND ? APPLY_AGAIN : r;
	return apply_outcome(object_change_status(
		applier->cluster, &target, end_status,
		json_at(volume->json, "spec.capacity.storage"), err));
}
