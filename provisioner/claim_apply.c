/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The steps that only change objects of the API. The two that touch a share,
 * provision and reclaim, are in files of their own.
 *
 * A target that is gone, or is another object of that name by now, or belongs to
 * somebody else, is not an error: the plan is outdated. None of its other steps
 * may be taken, and a new one is made.
 */

#include "claim_apply.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "clock.h"
#include "describe.h"
#include "expand.h"
#include "json_field.h"
#include "modify.h"
#include "object_change.h"
#include "provision.h"
#include "reclaim.h"
#include "recycle.h"
#include "timestamp.h"

/*
 * A large directory is emptied in slices. Between two of them everybody else gets
 * a turn, and a new claim needs two or three to be bound: within a second.
 */
#define SLICE_NS (200 * NS_PER_MS)

int apply_outcome(int r)
{
	switch (r) {
	case CLUSTER_NOT_FOUND:
		return 0;
	case CLUSTER_EXISTS:
		return APPLY_AGAIN;
	case CLUSTER_CONFLICT: /* after many tries: somebody else is at it */
		return APPLY_LATER;
	case CLUSTER_INVALID:
		return -EINVAL;
	case CLUSTER_FORBIDDEN: /* rights are given sooner than objects mended */
		return -EPERM;
	default:
		return r;
	}
}

void apply_event(const struct applier *applier, const struct object *about,
		 enum cluster_event_type type, const char *reason,
		 const char *component, const char *message)
{
	struct cluster_event event = { .about = about,
				       .type = type,
				       .reason = reason,
				       .component = component,
				       .message = message };

	applier->cluster->ops->event(applier->cluster, &event);
}

/* --- the share ----------------------------------------------------------------- */

/* With what the applier has for it. */
static struct share_volume pooled(const struct applier *applier,
				  const struct share_volume *volume)
{
	struct share_volume pooled = *volume;

	pooled.pool = applier->pool;
	return pooled;
}

/*
 * SHARE_UNREACHED when the server is not to be asked now. What is done on a share has
 * its intent on the disk by then.
 */
static int check_server(const struct applier *applier,
			const struct share_volume *volume, struct err *err)
{
	int r = applier->batch ? batch_flush(applier->batch, err) : 0;

	if (r < 0)
		return r;
	return server_health_check(applier->health, volume->server,
				   volume->port, applier->now(), err) < 0
		       ? SHARE_UNREACHED
		       : 0;
}

static int note_server(const struct applier *applier,
		       const struct share_volume *volume, int r,
		       const struct err *err)
{
	server_health_note(applier->health, volume->server, volume->port,
			   r == SHARE_UNREACHED ? err->code : r,
			   applier->now());
	return r;
}

int apply_share_make(const struct applier *applier,
		     const struct share_volume *volume,
		     struct share_owner *ret_owner, struct err *err)
{
	struct share_volume kept = pooled(applier, volume);
	int r = check_server(applier, volume, err);

	if (r != 0)
		return r;
	r = applier->share->make(&kept, ret_owner, err);
	return note_server(applier, volume, r, err);
}

int apply_share_reclaim(const struct applier *applier,
			const struct share_volume *volume, enum on_delete how,
			struct err *err)
{
	struct share_volume kept = pooled(applier, volume);
	int r = check_server(applier, volume, err);

	if (r == 0) {
		r = applier->share->reclaim(&kept, how, err);
		r = note_server(applier, volume, r, err);
	}
	return r == SHARE_UNREACHED ? err->code : r;
}

int apply_share_scrub(const struct applier *applier,
		      const struct share_volume *volume, struct err *err)
{
	struct share_volume kept = pooled(applier, volume);
	int r = check_server(applier, volume, err);

	if (r == 0) {
		r = applier->share->scrub(&kept, applier->now() + SLICE_NS,
					  err);
		r = note_server(applier, volume, r, err);
	}
	return r == SHARE_UNREACHED ? err->code : r;
}

static int ask_share(const struct applier *applier,
		     const struct share_volume *volume,
		     int (*operation)(const struct share_volume *volume,
				      struct err *err),
		     struct err *err)
{
	struct share_volume kept = pooled(applier, volume);
	int r = check_server(applier, volume, err);

	if (r == 0) {
		r = operation(&kept, err);
		r = note_server(applier, volume, r, err);
	}
	return r == SHARE_UNREACHED ? err->code : r;
}

int apply_share_permit(const struct applier *applier,
		       const struct share_volume *volume, struct err *err)
{
	return ask_share(applier, volume, applier->share->permit, err);
}

int apply_share_describe(const struct applier *applier,
			 const struct share_volume *volume, struct err *err)
{
	return ask_share(applier, volume, applier->share->describe, err);
}

int apply_share_forget(const struct applier *applier,
		       const struct share_volume *volume, const char *name,
		       struct err *err)
{
	struct share_volume kept = pooled(applier, volume);
	int r = check_server(applier, volume, err);

	if (r == 0) {
		r = applier->share->forget(&kept, name, err);
		r = note_server(applier, volume, r, err);
	}
	return r == SHARE_UNREACHED ? err->code : r;
}

/* --- what steps change --------------------------------------------------------- */

static int set_class(cJSON *json, const void *class)
{
	cJSON *spec = change_member(json, "spec");

	return spec ? change_string(spec, "storageClassName", class) : -ENOMEM;
}

static int set_provisioner(cJSON *json, const void *provisioner)
{
	return change_both(
		change_annotation(json, ANNOTATION_PROVISIONER, provisioner),
		change_annotation(json, ANNOTATION_PROVISIONER_BETA,
				  provisioner));
}

static bool has_annotation(const cJSON *json, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(
		json_at(json, "metadata.annotations"), key);
}

static bool fill_claim_ref(cJSON *ref, const struct object *claim)
{
	char version[24];

	(void)snprintf(version, sizeof(version), "%llu",
		       (unsigned long long)claim->resource_version);
	return change_string(ref, "apiVersion", "v1") >= 0 &&
	       change_string(ref, "kind", "PersistentVolumeClaim") >= 0 &&
	       change_string(ref, "namespace", claim->namespace) >= 0 &&
	       change_string(ref, "name", claim->name) >= 0 &&
	       change_string(ref, "uid", claim->uid) >= 0 &&
	       change_string(ref, "resourceVersion", version) >= 0;
}

static const char *text_at(const cJSON *json, const char *path)
{
	const char *text = cJSON_GetStringValue(json_at(json, path));

	return text ? text : "";
}

/* By name, and by uid unless the user reserved the volume without. */
static bool is_ref_to(const cJSON *ref, const struct object *claim)
{
	const char *uid = text_at(ref, "uid");

	return strcmp(text_at(ref, "namespace"), claim->namespace) == 0 &&
	       strcmp(text_at(ref, "name"), claim->name) == 0 &&
	       (!*uid || strcmp(uid, claim->uid) == 0);
}

/*
 * The write that decides who gets the volume: it is made from a fresh reading, so
 * that a reservation that came in between is respected.
 */
static int bind_volume(cJSON *json, const void *userdata)
{
	const struct object *claim = userdata;
	const cJSON *ref = json_at(json, "spec.claimRef");
	cJSON *spec = change_member(json, "spec");
	cJSON *target;

	if (!spec)
		return -ENOMEM;
	if (ref ? !is_ref_to(ref, claim)
		: !!json_at(json, "metadata.deletionTimestamp"))
		return CHANGE_OUTDATED;
	if (*text_at(ref, "uid"))
		return CHANGE_NONE;
	/* A claimRef without uid is the user's: he keeps the say about it. */
	if (!ref &&
	    change_annotation(json, ANNOTATION_BOUND_BY_CONTROLLER, "yes") < 0)
		return -ENOMEM;
	target = change_member(spec, "claimRef");
	return target && fill_claim_ref(target, claim) ? 0 : -ENOMEM;
}

static int unbind_volume(cJSON *json, const void *userdata)
{
	cJSON *spec = change_member(json, "spec");
	cJSON *annotations = cJSON_GetObjectItem(
		cJSON_GetObjectItem(json, "metadata"), "annotations");
	cJSON *ref = cJSON_GetObjectItem(spec, "claimRef");

	if (!ref)
		return CHANGE_NONE;
	if (has_annotation(json, ANNOTATION_BOUND_BY_CONTROLLER)) {
		cJSON_DeleteItemFromObjectCaseSensitive(
			annotations, ANNOTATION_BOUND_BY_CONTROLLER);
		cJSON_DeleteItemFromObjectCaseSensitive(spec, "claimRef");
		return 0;
	}
	cJSON_DeleteItemFromObjectCaseSensitive(ref, "uid");
	cJSON_DeleteItemFromObjectCaseSensitive(ref, "resourceVersion");
	return 0;
}

static int set_volume_phase(cJSON *json, const void *phase)
{
	cJSON *status = change_member(json, "status");
	char now[TIMESTAMP_MAX];
	int r;

	if (!status)
		return -ENOMEM;
	r = change_string(status, "phase", phase);
	if (r != 0)
		return r;
	timestamp_now(now);
	r = change_string(status, "lastPhaseTransitionTime", now);
	return r < 0 ? r : 0;
}

static int bind_claim(cJSON *json, const void *volume)
{
	cJSON *spec = change_member(json, "spec");
	const char *name = text_at(json, "spec.volumeName");
	int r = CHANGE_NONE;

	if (!spec)
		return -ENOMEM;
	if (*name && strcmp(name, volume) != 0)
		return CHANGE_OUTDATED;
	/* A volumeName that is there is the user's: no annotation then. */
	if (!*name)
		r = change_both(
			change_string(spec, "volumeName", volume),
			change_annotation(json, ANNOTATION_BOUND_BY_CONTROLLER,
					  "yes"));
	return change_both(
		r, change_annotation(json, ANNOTATION_BIND_COMPLETED, "yes"));
}

struct claim_status {
	const char *phase;
	const struct object *volume; /* NULL unless it becomes Bound */
};

static int copy_field(cJSON *status, const char *key, const struct object *from,
		      const char *path)
{
	const cJSON *value = json_at(from->json, path);
	cJSON *copy = cJSON_Duplicate(value, /* recurse= */ true);

	cJSON_DeleteItemFromObjectCaseSensitive(status, key);
	if (copy && cJSON_AddItemToObject(status, key, copy))
		return 0;
	cJSON_Delete(copy);
	return -ENOMEM;
}

static int set_claim_status(cJSON *json, const void *userdata)
{
	const struct claim_status *new = userdata;
	cJSON *status = change_member(json, "status");

	if (!status || change_string(status, "phase", new->phase) < 0)
		return -ENOMEM;
	if (!new->volume) {
		cJSON_DeleteItemFromObjectCaseSensitive(status, "accessModes");
		cJSON_DeleteItemFromObjectCaseSensitive(status, "capacity");
		return 0;
	}
	return change_both(
		copy_field(status, "accessModes", new->volume,
			   "spec.accessModes"),
		copy_field(status, "capacity", new->volume, "spec.capacity"));
}

/* --- the steps ------------------------------------------------------------------- */

static struct object_target claim_target(const struct apply_subject *subject)
{
	return (struct object_target){ .kind = KIND_CLAIM,
				       .namespace = subject->object->namespace,
				       .name = subject->object->name,
				       .uid = subject->object->uid };
}

static struct object_target volume_target(const struct apply_subject *subject,
					  const struct plan_step *step)
{
	return (struct object_target){
		.kind = KIND_PERSISTENT_VOLUME,
		.namespace = "",
		.name = step->volume,
		.uid = subject->pv ? subject->pv->meta.uid : NULL,
	};
}

static int set_claim_phase(const struct applier *applier,
			   const struct apply_subject *subject,
			   const struct plan_step *step, struct err *err)
{
	struct object_target target = claim_target(subject);
	_cleanup_(object_unref) struct object *volume = NULL;
	struct claim_status status = {
		.phase = claim_phase_names[step->claim_phase],
	};
	int r;

	if (step->claim_phase == CLAIM_BOUND) {
		r = applier->cluster->ops->get(applier->cluster,
					       KIND_PERSISTENT_VOLUME, "",
					       step->volume, &volume, err);
		if (r != 0)
			return r;
		status.volume = volume;
	}
	return object_change_status(applier->cluster, &target, set_claim_status,
				    &status, err);
}

static int change_claim(const struct applier *applier,
			const struct apply_subject *subject, change_fn change,
			const void *userdata, struct err *err)
{
	struct object_target target = claim_target(subject);

	return object_change(applier->cluster, &target, change, userdata, err);
}

static int change_volume(const struct applier *applier,
			 const struct object_target *target, change_fn change,
			 const void *userdata, struct err *err)
{
	return object_change(applier->cluster, target, change, userdata, err);
}

int apply_volume_phase(const struct applier *applier,
		       const struct apply_subject *subject, enum pv_phase phase,
		       struct err *err)
{
	struct object_target target = { .kind = KIND_PERSISTENT_VOLUME,
					.namespace = "",
					.name = subject->pv->meta.name,
					.uid = subject->pv->meta.uid };

	return apply_outcome(object_change_status(applier->cluster, &target,
						  set_volume_phase,
						  pv_phase_names[phase], err));
}

static int apply_object_step(const struct applier *applier,
			     const struct apply_subject *subject,
			     const struct plan_step *step, struct err *err)
{
	struct object_target volume = volume_target(subject, step);

	switch (step->step) {
	case STEP_SET_CLASS:
		return change_claim(applier, subject, set_class, step->value,
				    err);
	case STEP_SET_PROVISIONER:
		return change_claim(applier, subject, set_provisioner,
				    step->value, err);
	case STEP_BIND_CLAIM:
		return change_claim(applier, subject, bind_claim, step->volume,
				    err);
	case STEP_SET_CLAIM_PHASE:
		return set_claim_phase(applier, subject, step, err);
	case STEP_BIND_VOLUME:
		return change_volume(applier, &volume, bind_volume,
				     subject->object, err);
	case STEP_UNBIND_VOLUME:
		return change_volume(applier, &volume, unbind_volume, NULL,
				     err);
	case STEP_SET_VOLUME_PHASE:
		return object_change_status(
			applier->cluster, &volume, set_volume_phase,
			pv_phase_names[step->volume_phase], err);
	case STEP_ADD_FINALIZER:
		return change_volume(applier, &volume, change_add_finalizer,
				     step->value, err);
	case STEP_REMOVE_FINALIZER:
		if (!step->volume)
			return change_claim(applier, subject,
					    change_remove_finalizer,
					    step->value, err);
		return change_volume(applier, &volume, change_remove_finalizer,
				     step->value, err);
	default:
		return err_set(err, -EINVAL, "apply step %s: unknown",
			       claim_step_name(step->step));
	}
}

static int apply_step(const struct applier *applier,
		      const struct apply_subject *subject,
		      const struct plan_step *step, struct err *err)
{
	int r;

	switch (step->step) {
	case STEP_PROVISION:
		return provision(applier, subject, step, err);
	case STEP_DESCRIBE:
		return describe(applier, subject, step->volume,
				step->volume_phase, err);
	case STEP_RECYCLE:
		return recycle(applier, subject, err);
	case STEP_RECLAIM:
		return reclaim(applier, subject, err);
	case STEP_BEGIN_EXPANSION:
		return expand_begin(applier, subject, err);
	case STEP_EXPAND:
		return expand(applier, subject, step, err);
	case STEP_END_EXPANSION:
		return expand_end(applier, subject, step, err);
	case STEP_AWAIT_ATTRIBUTES:
	case STEP_BEGIN_MODIFY:
	case STEP_MODIFY:
	case STEP_END_MODIFY:
	case STEP_REFUSE_MODIFY:
	case STEP_CANCEL_MODIFY:
		return modify_apply(applier, subject, step, err);
	case STEP_QUEUE_CLAIM:
		applier->queue_claim(applier->userdata,
				     subject->pv->claim_ref.namespace,
				     subject->pv->claim_ref.name);
		return 0;
	case STEP_EVENT:
		apply_event(applier, subject->object, step->event_type,
			    step->reason, step->component, step->value);
		return 0;
	default:
		r = apply_object_step(applier, subject, step, err);
		return r == CLUSTER_NOT_FOUND ? APPLY_AGAIN : apply_outcome(r);
	}
}

int claim_apply(const struct applier *applier,
		const struct apply_subject *subject, const struct plan *plan,
		struct err *err)
{
	for (size_t i = 0; i < plan->n; i++) {
		int r = apply_step(applier, subject, &plan->steps[i], err);

		if (r != 0)
			return r;
	}
	return 0;
}
