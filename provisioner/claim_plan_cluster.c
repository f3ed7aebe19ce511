/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Claims in a cluster whose kube-controller-manager binds, protects and loses them. What
 * is left are the parts of the external provisioner and the external resizer:
 *
 *	Pending, the annotation names us -> a volume that has the claim's claimRef, once
 *	Bound, asks for more than it has -> larger
 *
 * The annotation storage-provisioner is the controller manager's order: it found no
 * volume that is there already, and, where the class waits for its first consumer,
 * the scheduler has chosen a node (selected-node).
 */

#include <string.h>

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
		       : claim_plan_provision(claim, class, plan);
}

int claim_plan_in_cluster(const struct claim *claim,
			  const struct plan_world *world, struct plan *plan)
{
	const struct persistent_volume *pv;

	if (claim->meta.is_deleting)
		return 0;
	if (!*claim->volume_name)
		return plan_pending(claim, world, plan);
	pv = world_find_volume(world, claim->volume_name);
	return pv ? claim_plan_expansion(claim, pv, world, plan) : 0;
}
