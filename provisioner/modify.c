/* SPDX-License-Identifier: Apache-2.0 */

/*
 *	begin	claim: modifyVolumeStatus InProgress, condition ModifyingVolume
 *	modify	the directory's mode, if that is another one; PV: annotations and class;
 *		the descriptor
 *	end	claim: currentVolumeAttributesClassName; status and conditions away
 *
 * Until the end is written all of it is done again, which changes nothing that is done
 * already: a mode that somebody else gave the directory meanwhile is not taken back
 * by a class that has none of its own.
 */

#include "modify.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "claim_condition.h"
#include "describe.h"
#include "log.h"
#include "model_decode.h"
#include "object_change.h"
#include "volume_attributes.h"
#include "volume_place.h"

static const char *const conditions[] = { "ModifyingVolume",
					  "ModifyVolumeError" };

/* --- the claim's status ------------------------------------------------------------- */

struct progress {
	enum modify_phase phase;
	const char *class;  /* NULL = as it is */
	const char *words;  /* of the condition; NULL = it is left as it is */
	const char *reason; /* of the failure; NULL = there was none */
	const char *failure;
};

static int tell_progress(cJSON *status, const struct progress *progress)
{
	_cleanup_(free) char *message = NULL;

	if (asprintf(&message, "Modifying volume to \"%s\" %s", progress->class,
		     progress->words) < 0) {
		message = NULL;
		return -ENOMEM;
	}
	return claim_condition_set(
		status, &(struct claim_condition){ .type = conditions[0],
						   .message = message,
						   .is_probed = true });
}

static int tell_failure(cJSON *status, const struct progress *progress)
{
	return claim_condition_set(
		status,
		&(struct claim_condition){ .type = conditions[1],
					   .reason = progress->reason,
					   .message = progress->failure,
					   .keeps_message = progress->phase ==
							    MODIFY_IN_PROGRESS,
					   .is_probed = true });
}

static int set_progress(cJSON *json, const void *userdata)
{
	const struct progress *progress = userdata;
	cJSON *status = change_member(json, "status");
	cJSON *modify =
		status ? change_member(status, "modifyVolumeStatus") : NULL;
	int r;

	if (!modify)
		return -ENOMEM;
	r = change_string(modify, "status",
			  modify_phase_names[progress->phase]);
	if (progress->class)
		r = change_both(r,
				change_string(modify,
					      "targetVolumeAttributesClassName",
					      progress->class));
	if (progress->words)
		r = change_both(r, tell_progress(status, progress));
	if (progress->reason)
		r = change_both(r, tell_failure(status, progress));
	return r;
}

static int end_status(cJSON *json, const void *class)
{
	cJSON *status = change_member(json, "status");

	if (!status || change_string(status, "currentVolumeAttributesClassName",
				     class) < 0)
		return -ENOMEM;
	cJSON_DeleteItemFromObjectCaseSensitive(status, "modifyVolumeStatus");
	claim_conditions_drop(status, conditions, ARRAY_SIZE(conditions));
	return 0;
}

static int cancel_status(cJSON *json, const void *userdata)
{
	(void)userdata;
	claim_conditions_drop(change_member(json, "status"), conditions, 1);
	return 0;
}

static int change_status(const struct applier *applier,
			 const struct apply_subject *subject, change_fn change,
			 const void *userdata, struct err *err)
{
	const struct object_target target = {
		.kind = KIND_CLAIM,
		.namespace = subject->object->namespace,
		.name = subject->object->name,
		.uid = subject->object->uid,
	};

	return apply_outcome(object_change_status(applier->cluster, &target,
						  change, userdata, err));
}

/* --- the volume ---------------------------------------------------------------------- */

struct modification {
	const struct attributes_class *class;
	struct object *object;
	struct persistent_volume before, after;
	struct volume_place place;
};

static void modification_fini(struct modification *self)
{
	self->object = object_unref(self->object);
	persistent_volume_fini(&self->before);
	persistent_volume_fini(&self->after);
	volume_place_fini(&self->place);
}

DEFINE_FINI(struct modification, modification_fini)

static int foresee(struct modification *self, struct err *err)
{
	cJSON *json = object_edit(self->object);
	int r = json ? volume_attributes_set(json, self->class) : -ENOMEM;

	self->object = object_unref(self->object);
	if (r < 0) {
		cJSON_Delete(json);
		return err_set(err, r, "no memory");
	}
	r = object_new(&self->object, json, err);
	if (r >= 0)
		r = persistent_volume_decode(self->object, &self->after, err);
	if (r >= 0)
		r = volume_place_of_volume(&self->after, &self->place, err);
	return r;
}

/*
 * Only where the class makes it another one: what a pod gave its own directory is not
 * taken back because of something else.
 */
static int permit(const struct applier *applier,
		  const struct modification *self, struct err *err)
{
	struct share_volume volume = volume_place_borrow(&self->place);

	volume.permissions = volume_permissions(&self->after);
	if (!volume.permissions ||
	    volume.permissions == volume_permissions(&self->before))
		return 0;
	return apply_share_permit(applier, &volume, err);
}

static int change_volume(const struct applier *applier,
			 const struct modification *self, struct err *err)
{
	const struct object_target target = {
		.kind = KIND_PERSISTENT_VOLUME,
		.namespace = "",
		.name = self->before.meta.name,
		.uid = self->before.meta.uid,
	};
	int r = object_change(applier->cluster, &target, volume_attributes_set,
			      self->class, err);

	return r == CLUSTER_NOT_FOUND ? APPLY_AGAIN : apply_outcome(r);
}

static int modify_volume(const struct applier *applier,
			 const struct apply_subject *subject,
			 const struct plan_step *step,
			 const struct attributes_class *class, struct err *err)
{
	_cleanup_(
		modification_fini) struct modification self = { .class =
									class };
	int r;

	r = applier->cluster->ops->get(applier->cluster, KIND_PERSISTENT_VOLUME,
				       "", step->volume, &self.object, err);
	if (r != 0)
		return r == CLUSTER_NOT_FOUND ? APPLY_AGAIN : r;
	r = persistent_volume_decode(self.object, &self.before, err);
	if (r == 0)
		r = foresee(&self, err);
	if (r == 0)
		r = permit(applier, &self, err);
	if (r == 0)
		r = change_volume(applier, &self, err);
	return r == 0 ? describe(applier, subject, step->volume, PV_BOUND, err)
		      : r;
}

/* Best effort: the next try tells it again. */
static void tell(const struct applier *applier,
		 const struct apply_subject *subject,
		 const struct attributes_class *class, const struct err *err)
{
	const struct progress progress = {
		.phase = MODIFY_IN_PROGRESS,
		.class = class->name,
		.words = "is still in progress.",
		.reason = "Unavailable",
		.failure = err_text(err),
	};
	_cleanup_(free) char *message = NULL;

	if (asprintf(&message, "%s. Still modifying to VAC %s", err_text(err),
		     class->name) < 0)
		message = NULL;
	apply_event(applier, subject->object, CLUSTER_EVENT_WARNING,
		    "VolumeModifyFailed", class->driver,
		    message ? message : err_text(err));
	(void)change_status(applier, subject, set_progress, &progress, NULL);
}

static int modify(const struct applier *applier,
		  const struct apply_subject *subject,
		  const struct plan_step *step, struct err *err)
{
	const struct attributes_class *class =
		world_find_attributes_class(subject->world, step->value);
	int r;

	if (!class)
		return APPLY_AGAIN;
	r = modify_volume(applier, subject, step, class, err);
	if (r < 0) {
		(void)err_wrap(err, "modify volume \"%s\"", step->volume);
		tell(applier, subject, class, err);
	}
	if (r == 0)
		log_info("volume modified", F_STR("volume", step->volume),
			 F_STR("class", step->value));
	return r;
}

/* --- the steps ----------------------------------------------------------------------- */

/* What the plan was about. */
static const char *wanted_class(const struct claim *claim)
{
	return *claim->attributes_class ? claim->attributes_class
					: claim->modify_target;
}

static int refuse(const struct applier *applier,
		  const struct apply_subject *subject,
		  const struct plan_step *step, struct err *err)
{
	const struct progress progress = {
		.phase = MODIFY_INFEASIBLE,
		.class = wanted_class(subject->claim),
		.words = "failed. Waiting for retry.",
		.reason = "InvalidArgument",
		.failure = step->value,
	};

	return change_status(applier, subject, set_progress, &progress, err);
}

int modify_apply(const struct applier *applier,
		 const struct apply_subject *subject,
		 const struct plan_step *step, struct err *err)
{
	const struct progress awaited = { .phase = MODIFY_PENDING };
	const struct progress begun = { .phase = MODIFY_IN_PROGRESS,
					.class = step->value,
					.words = "is in progress." };

	switch (step->step) {
	case STEP_AWAIT_ATTRIBUTES:
		return change_status(applier, subject, set_progress, &awaited,
				     err);
	case STEP_BEGIN_MODIFY:
		return change_status(applier, subject, set_progress, &begun,
				     err);
	case STEP_MODIFY:
		return modify(applier, subject, step, err);
	case STEP_END_MODIFY:
		return change_status(applier, subject, end_status, step->value,
				     err);
	case STEP_REFUSE_MODIFY:
		return refuse(applier, subject, step, err);
	default:
		return change_status(applier, subject, cancel_status, NULL,
				     err);
	}
}
