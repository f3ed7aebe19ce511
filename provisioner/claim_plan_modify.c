/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A claim of a cluster that wants another VolumeAttributesClass than it has, as the
 * external resizer's modify controller treats it:
 *
 *	no such class		Pending; looked at again when one comes
 *	of no use to us		Infeasible, once for each class that it wants
 *	else			InProgress -> volume -> done
 *
 * What was begun is finished, from whichever step; a claim that wants something else
 * meanwhile gets that instead, since a volume is given all that a class has at once.
 * One that wants nothing any more is left with what it has.
 *
 * https://github.com/kubernetes-csi/external-resizer/tree/v2.1.0/pkg/modifycontroller
 */

#include <string.h>

#include "claim_plan_parts.h"
#include "class_parameters.h"

static int add_step(enum claim_step step, const struct persistent_volume *pv,
		    const char *value, struct plan *plan)
{
	return plan_add(plan, &(struct plan_step){ .step = step,
						   .volume = pv->meta.name,
						   .value = (char *)value });
}

static int add_failure(const struct persistent_volume *pv, const char *message,
		       struct plan *plan)
{
	return plan_event(plan, CLUSTER_EVENT_WARNING, "VolumeModifyFailed",
			  pv->driver, "%s", message);
}

int claim_plan_attributes_check(const struct attributes_class *class,
				const char *driver, struct err *err)
{
	int r;

	if (strcmp(class->driver, driver) != 0)
		return err_set(
			err, -EINVAL,
			"VolumeAttributesClass \"%s\" is for driver \"%s\", the volume's is \"%s\"",
			class->name, class->driver, driver);
	r = class_mutable_check(&class->parameters, err);
	return r < 0 ? err_wrap(err, "VolumeAttributesClass \"%s\"",
				class->name)
		     : 0;
}

/* --- no such class ------------------------------------------------------------------ */

static int plan_missing(const struct claim *claim,
			const struct persistent_volume *pv, const char *name,
			struct plan *plan)
{
	int r = plan_event(plan, CLUSTER_EVENT_WARNING, "VolumeModifyFailed",
			   pv->driver, "VAC \"%s\" does not exist.", name);

	if (r < 0 || !*claim->attributes_class ||
	    claim->modify_phase == MODIFY_PENDING)
		return r;
	return add_step(STEP_AWAIT_ATTRIBUTES, pv, name, plan);
}

static int plan_unwanted(const struct claim *claim,
			 const struct persistent_volume *pv, struct plan *plan)
{
	int r;

	if (!claim->tells_of_modifying)
		return 0;
	r = add_step(STEP_CANCEL_MODIFY, pv, NULL, plan);
	return r < 0 ? r
		     : plan_event(plan, CLUSTER_EVENT_NORMAL,
				  "VolumeModifyCanceled", pv->driver,
				  "Cancelled modify.");
}

/* --- a class ------------------------------------------------------------------------ */

static int plan_begin(const struct claim *claim,
		      const struct persistent_volume *pv, const char *class,
		      struct plan *plan)
{
	int r;

	if (claim->modify_phase == MODIFY_IN_PROGRESS &&
	    strcmp(claim->modify_target, class) == 0)
		return 0;
	r = add_step(STEP_BEGIN_MODIFY, pv, class, plan);
	if (r < 0)
		return r;
	return plan_event(plan, CLUSTER_EVENT_NORMAL, "VolumeModify",
			  pv->driver,
			  "external resizer is modifying volume %s with vac %s",
			  claim->meta.name, class);
}

/* A class never changes: only another one of its name is worth a try. */
static int plan_refuse(const struct claim *claim,
		       const struct persistent_volume *pv, const char *class,
		       const char *why, struct plan *plan)
{
	int r;

	if (claim->modify_phase == MODIFY_INFEASIBLE &&
	    strcmp(claim->modify_target, class) == 0)
		return 0;
	r = plan_begin(claim, pv, class, plan);
	if (r >= 0)
		r = add_step(STEP_REFUSE_MODIFY, pv, why, plan);
	return r < 0 ? r : add_failure(pv, why, plan);
}

static int plan_modification(const struct claim *claim,
			     const struct persistent_volume *pv,
			     const char *class, struct plan *plan)
{
	int r = plan_begin(claim, pv, class, plan);

	if (r >= 0)
		r = add_step(STEP_MODIFY, pv, class, plan);
	if (r >= 0)
		r = add_step(STEP_END_MODIFY, pv, class, plan);
	if (r < 0)
		return r;
	return plan_event(
		plan, CLUSTER_EVENT_NORMAL, "VolumeModifySuccessful",
		pv->driver,
		"external resizer modified volume %s with vac %s successfully",
		claim->meta.name, class);
}

static int plan_class(const struct claim *claim,
		      const struct persistent_volume *pv, const char *name,
		      const struct plan_world *world, struct plan *plan)
{
	const struct attributes_class *class =
		world_find_attributes_class(world, name);
	_cleanup_(err_fini) struct err why = ERR_INIT;

	if (!class)
		return plan_missing(claim, pv, name, plan);
	if (claim_plan_attributes_check(class, pv->driver, &why) < 0)
		return plan_refuse(claim, pv, name, err_text(&why), plan);
	return plan_modification(claim, pv, name, plan);
}

int claim_plan_modify(const struct claim *claim,
		      const struct persistent_volume *pv,
		      const struct plan_world *world, struct plan *plan)
{
	const char *wanted = claim->attributes_class;

	if (claim->phase != CLAIM_BOUND || !world_has_driver(world, pv->driver))
		return 0;
	if (claim->modify_phase == MODIFY_NONE &&
	    strcmp(wanted, claim->current_attributes_class) == 0)
		return 0;
	if (*wanted)
		return plan_class(claim, pv, wanted, world, plan);
	if (claim->modify_phase == MODIFY_IN_PROGRESS)
		return plan_class(claim, pv, claim->modify_target, world, plan);
	return plan_unwanted(claim, pv, plan);
}
