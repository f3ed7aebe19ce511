/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Claims in a cluster whose kube-controller-manager binds, protects and loses them. What
 * is left are the parts of the external provisioner and the external resizer:
 *
 *	Pending, the annotation names us -> a volume that has the claim's claimRef, once
 *	Bound, asks for more than it has -> larger
 *	Bound, wants another VolumeAttributesClass -> claim_plan_modify()
 *
 * The annotation storage-provisioner is the controller manager's order: it found no
 * volume that is there already, and, where the class waits for its first consumer,
 * the scheduler has chosen a node (selected-node).
 */

#include <string.h>

#include "claim_match.h"
#include "claim_plan_parts.h"

static bool is_ordered_from(const struct claim *claim, const char *provisioner)
{
	const struct labels *annotations = &claim->meta.annotations;
	const char *ordered = labels_get(annotations, ANNOTATION_PROVISIONER);

	if (!ordered)
		ordered = labels_get(annotations, ANNOTATION_PROVISIONER_BETA);
	return ordered && strcmp(ordered, provisioner) == 0;
}

static bool waits(const struct claim *claim, const struct storage_class *class)
{
	const char *node =
		labels_get(&claim->meta.annotations, ANNOTATION_SELECTED_NODE);

	return class->binding == BINDING_WAIT_FOR_FIRST_CONSUMER &&
	       (!node || !*node);
}

/* What can be another later has to be right from the start. */
static int plan_ordered(const struct claim *claim,
			const struct storage_class *class,
			const struct plan_world *world, struct plan *plan)
{
	const struct attributes_class *attributes =
		world_find_attributes_class(world, claim->attributes_class);
	_cleanup_(err_fini) struct err why = ERR_INIT;

	if (*claim->attributes_class && !attributes)
		(void)err_set(
			&why, -ENOENT,
			"volumeattributesclass.storage.k8s.io \"%s\" not found",
			claim->attributes_class);
	else if (attributes)
		(void)claim_plan_attributes_check(attributes,
						  class->provisioner, &why);
	return why.code < 0 ? claim_plan_refusal(plan, class, err_text(&why))
			    : claim_plan_provision(claim, class, plan);
}

static int plan_pending(const struct claim *claim,
			const struct plan_world *world, struct plan *plan)
{
	const struct storage_class *class =
		world_find_class(world, claim->class_name);
	_cleanup_(free) char *own = NULL;

	if (!class || !world_has_driver(world, class->provisioner) ||
	    !is_ordered_from(claim, class->provisioner) || waits(claim, class))
		return 0;
	own = claim_volume_name(claim);
	if (!own)
		return -ENOMEM;
	/* What there is need only be bound. */
	return world_find_volume(world, own)
		       ? 0
		       : plan_ordered(claim, class, world, plan);
}

int claim_plan_in_cluster(const struct claim *claim,
			  const struct plan_world *world, struct plan *plan)
{
	const struct persistent_volume *pv;
	int r;

	if (claim->meta.is_deleting)
		return 0;
	if (!*claim->volume_name)
		return plan_pending(claim, world, plan);
	pv = world_find_volume(world, claim->volume_name);
	if (!pv || !volume_is_bound_to(pv, claim))
		return 0;
	r = claim_plan_expansion(claim, pv, world, plan);
	/* One after the other: each has the claim looked at again. */
	return r < 0 || plan->n > 0 ? r
				    : claim_plan_modify(claim, pv, world, plan);
}
