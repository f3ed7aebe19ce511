/* SPDX-License-Identifier: Apache-2.0 */

/* What both planners need: the list of steps, and questions about the world. */

#include "plan.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "csi_origin.h"

static const char *const step_names[STEP_N] = {
	[STEP_SET_CLASS] = "set-class",
	[STEP_SET_PROVISIONER] = "set-provisioner",
	[STEP_PROVISION] = "provision",
	[STEP_BIND_VOLUME] = "bind-volume",
	[STEP_UNBIND_VOLUME] = "unbind-volume",
	[STEP_DESCRIBE] = "describe",
	[STEP_SET_VOLUME_PHASE] = "set-volume-phase",
	[STEP_BIND_CLAIM] = "bind-claim",
	[STEP_SET_CLAIM_PHASE] = "set-claim-phase",
	[STEP_BEGIN_EXPANSION] = "begin-expansion",
	[STEP_EXPAND] = "expand",
	[STEP_END_EXPANSION] = "end-expansion",
	[STEP_AWAIT_ATTRIBUTES] = "await-attributes",
	[STEP_BEGIN_MODIFY] = "begin-modify",
	[STEP_MODIFY] = "modify",
	[STEP_END_MODIFY] = "end-modify",
	[STEP_REFUSE_MODIFY] = "refuse-modify",
	[STEP_CANCEL_MODIFY] = "cancel-modify",
	[STEP_ADD_FINALIZER] = "add-finalizer",
	[STEP_REMOVE_FINALIZER] = "remove-finalizer",
	[STEP_RECYCLE] = "recycle",
	[STEP_RECLAIM] = "reclaim",
	[STEP_QUEUE_CLAIM] = "queue-claim",
	[STEP_EVENT] = "event",
};

const char *claim_step_name(enum claim_step step)
{
	assert(step < STEP_N);
	return step_names[step];
}

int plan_add(struct plan *plan, const struct plan_step *step)
{
	struct plan_step *copy = &plan->steps[plan->n];

	assert(plan->n < PLAN_MAX_STEPS);
	*copy = *step;
	copy->volume = step->volume ? strdup(step->volume) : NULL;
	copy->value = step->value ? strdup(step->value) : NULL;
	plan->n++;
	if ((step->volume && !copy->volume) || (step->value && !copy->value))
		return -ENOMEM;
	return 0;
}

int plan_event(struct plan *plan, enum cluster_event_type type,
	       const char *reason, const char *component, const char *fmt, ...)
{
	_cleanup_(free) char *message = NULL;
	va_list args;
	int r;

	va_start(args, fmt);
	r = vasprintf(&message, fmt, args);
	va_end(args);
	if (r < 0) {
		message = NULL;
		return -ENOMEM;
	}
	return plan_add(plan, &(struct plan_step){ .step = STEP_EVENT,
						   .value = message,
						   .event_type = type,
						   .reason = reason,
						   .component = component });
}

void plan_fini(struct plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		free(plan->steps[i].volume);
		free(plan->steps[i].value);
	}
	*plan = (struct plan){ 0 };
}

void volume_described(enum pv_phase phase, const char *policy,
		      char ret[VOLUME_DESCRIBED_MAX])
{
	(void)snprintf(ret, VOLUME_DESCRIBED_MAX, "%s/%s",
		       pv_phase_names[phase], policy);
}

char *claim_volume_name(const struct claim *claim)
{
	const char *given = claim_csi_volume_name(claim);
	char *name;

	if (given)
		return strdup(given);
	if (asprintf(&name, "pvc-%s", claim->meta.uid) < 0)
		return NULL;
	return name;
}

const struct persistent_volume *world_find_volume(
	const struct plan_world *world, const char *name)
{
	for (size_t i = 0; i < world->n_volumes; i++)
		if (strcmp(world->volumes[i].meta.name, name) == 0)
			return &world->volumes[i];
	return NULL;
}

const struct storage_class *world_find_class(const struct plan_world *world,
					     const char *name)
{
	for (size_t i = 0; i < world->n_classes; i++)
		if (strcmp(world->classes[i].meta.name, name) == 0)
			return &world->classes[i];
	return NULL;
}

const struct attributes_class *world_find_attributes_class(
	const struct plan_world *world, const char *name)
{
	for (size_t i = 0; i < world->n_attributes_classes; i++)
		if (strcmp(world->attributes_classes[i].name, name) == 0)
			return &world->attributes_classes[i];
	return NULL;
}

bool world_has_driver(const struct plan_world *world, const char *name)
{
	for (size_t i = 0; i < world->n_drivers; i++)
		if (strcmp(world->drivers[i], name) == 0)
			return true;
	return false;
}

bool pod_uses_claim(const struct pod *pod, const char *namespace,
		    const char *name)
{
	if (strcmp(pod->meta.namespace, namespace) != 0)
		return false;
	for (size_t i = 0; i < pod->n_volumes; i++)
		if (strcmp(pod->volumes[i].claim_name, name) == 0)
			return true;
	return false;
}

const struct pod *world_pod_on_node(const struct plan_world *world,
				    const char *namespace, const char *name)
{
	for (size_t i = 0; i < world->n_pods; i++)
		if (*world->pods[i].node_name &&
		    pod_uses_claim(&world->pods[i], namespace, name))
			return &world->pods[i];
	return NULL;
}
