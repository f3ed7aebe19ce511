/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Volumes, as Kubernetes' syncVolume(), its pv-protection controller and the
 * deleting half of the external provisioner treat them together:
 *
 *	Pending -> Available      no claim, or pre-bound to one by name only
 *	Available -> Bound        the claim's plan reserves it
 *	Bound -> Released         the claim is gone, or is another one by now
 *	Released -> gone          policy Delete: directory first, then the object
 *	Released -> Released      policy Retain: for ever, data untouched
 *	Released -> Available     policy Recycle: emptied first
 *	Released -> Failed        what can't be recycled; it is tried again
 *	Released -> Available     somebody took the claimRef away, data untouched
 *
 * A volume is only reclaimed when its phase in the record is Released: the phase
 * is written before anything is deleted, so that what happens can be seen.
 *
 * In a cluster (plan_in_cluster()) the arrows are its controller manager's, but for the
 * one to gone.
 *
 * What is being copied is neither deleted nor emptied, and nor is what a pod still has. The record knows what is
 * attached, also where claim or pod were taken away by force; Kubernetes asks which
 * pods name the claim, which is asked here for those that will have it soon.
 */

#include "volume_plan.h"

#include <stdio.h>
#include <string.h>

static int plan_phase(const struct persistent_volume *pv, enum pv_phase phase,
		      struct plan *plan)
{
	if (pv->phase == phase)
		return 0;
	return plan_add(plan,
			&(struct plan_step){ .step = STEP_SET_VOLUME_PHASE,
					     .volume = pv->meta.name,
					     .volume_phase = phase });
}

static int plan_simple(const struct persistent_volume *pv, enum claim_step step,
		       const char *value, struct plan *plan)
{
	return plan_add(plan, &(struct plan_step){ .step = step,
						   .volume = pv->meta.name,
						   .value = (char *)value });
}

/* A claimRef without uid is a wish, for which nothing is kept. */
static bool is_taken(const struct persistent_volume *pv)
{
	return pv->claim_ref.is_set && *pv->claim_ref.uid;
}

static const char *provisioned_by(const struct persistent_volume *pv)
{
	return labels_get(&pv->meta.annotations, ANNOTATION_PROVISIONED_BY);
}

/* Ours to delete: made by us, or a static one of our driver. */
static bool is_ours(const struct persistent_volume *pv,
		    const struct plan_world *world)
{
	const char *by = provisioned_by(pv);

	return world_has_driver(world, by ? by : pv->driver);
}

/*
 * The descriptor tells what the volume is, so that it can be recovered as that. The
 * phase comes first: people see it though the share be away. What of it the descriptor
 * has is noted in the volume, so that whatever ends between the two is found again.
 */
static int plan_describe(const struct persistent_volume *pv,
			 enum pv_phase phase, const struct plan_world *world,
			 struct plan *plan)
{
	const char *said =
		labels_get(&pv->meta.annotations, ANNOTATION_DESCRIBED);
	char wanted[VOLUME_DESCRIBED_MAX];

	volume_described(phase, reclaim_policy_names[pv->reclaim], wanted);
	if (!provisioned_by(pv) || !is_ours(pv, world) ||
	    pv->meta.is_deleting || (said && strcmp(said, wanted) == 0))
		return 0;
	return plan_add(plan, &(struct plan_step){ .step = STEP_DESCRIBE,
						   .volume = pv->meta.name,
						   .volume_phase = phase });
}

/* --- reclaim ------------------------------------------------------------------ */

/* "ns/a,ns/b"; "" = nobody has it. *ret is malloc'ed. */
static int users_of(const struct persistent_volume *pv,
		    const struct claim *claim, const struct plan_world *world,
		    char **ret)
{
	const struct pod *pod = world_pod_on_node(
		world, pv->claim_ref.namespace, pv->claim_ref.name);
	size_t size;
	FILE *out = open_memstream(ret, &size);

	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < world->n_nodes; i++)
		(void)fprintf(out, "%s%s", i ? "," : "", world->nodes[i]);
	for (size_t i = 0; i < world->n_attachments; i++)
		(void)fprintf(out, "%s%s/%s", i ? "," : "",
			      world->attachments[i].pod_namespace,
			      world->attachments[i].pod);
	/* With another claim of that name, it is that one's pod. */
	if (!claim && pod && world->n_attachments == 0)
		(void)fprintf(out, "%s/%s", pod->meta.namespace,
			      pod->meta.name);
	return fclose(out) == 0 ? 0 : -ENOMEM;
}

static int plan_unrecyclable(const struct persistent_volume *pv,
			     struct plan *plan)
{
	int r;

	if (pv->phase == PV_FAILED)
		return 0;
	r = plan_phase(pv, PV_FAILED, plan);
	if (r < 0)
		return r;
	return plan_event(plan, CLUSTER_EVENT_WARNING, "VolumeFailedRecycle",
			  COMPONENT_BINDER,
			  "No recycler plugin found for the volume!");
}

/* Of one that is copied: its end is waited for. */
static int plan_copied(const struct persistent_volume *pv, const char *reason,
		       const struct plan_world *world, struct plan *plan)
{
	return plan_event(plan, CLUSTER_EVENT_NORMAL, reason,
			  world->is_binder ? COMPONENT_BINDER : pv->driver,
			  "Volume is being copied for %s", world->copy);
}

/* Whoever reserved it by name keeps it: only the uid of the claim that went goes. */
static int plan_recycle(const struct persistent_volume *pv,
			const struct plan_world *world, const char *users,
			struct plan *plan)
{
	int r;

	if (pv->meta.is_deleting)
		return 0;
	if (!is_ours(pv, world))
		return plan_unrecyclable(pv, plan);
	if (*users)
		return plan_event(plan, CLUSTER_EVENT_NORMAL,
				  "VolumeFailedRecycle", COMPONENT_BINDER,
				  "Volume is used by pods: %s", users);
	if (world->copy)
		return plan_copied(pv, "VolumeFailedRecycle", world, plan);
	r = plan_simple(pv, STEP_RECYCLE, NULL, plan);
	if (r >= 0)
		r = plan_event(plan, CLUSTER_EVENT_NORMAL, "VolumeRecycled",
			       COMPONENT_BINDER, "Volume recycled");
	return r < 0 ? r : plan_simple(pv, STEP_UNBIND_VOLUME, NULL, plan);
}

static int plan_delete(const struct persistent_volume *pv,
		       const struct plan_world *world, const char *users,
		       struct plan *plan)
{
	if (!is_ours(pv, world) ||
	    (pv->meta.is_deleting &&
	     !meta_has_finalizer(&pv->meta, FINALIZER_EXTERNAL)))
		return 0;
	if (*users)
		return plan_event(
			plan, CLUSTER_EVENT_WARNING, "VolumeFailedDelete",
			world->is_binder ? COMPONENT_BINDER : pv->driver,
			world->is_binder ? "Volume is used by pods: %s"
					 : "Volume is attached to nodes: %s",
			users);
	if (world->copy)
		return plan_copied(pv, "VolumeFailedDelete", world, plan);
	return plan_simple(pv, STEP_RECLAIM, NULL, plan);
}

/* claim: another one of the same name, or NULL. */
static int plan_released(const struct persistent_volume *pv,
			 const struct claim *claim,
			 const struct plan_world *world, struct plan *plan)
{
	_cleanup_(free) char *users = NULL;
	int r = users_of(pv, claim, world, &users);

	if (r >= 0 && pv->phase != PV_RELEASED && pv->phase != PV_FAILED)
		r = plan_phase(pv, PV_RELEASED, plan);
	/* Of what is deleted at once nothing more has to be known. */
	if (r >= 0 && pv->reclaim != RECLAIM_DELETE)
		r = plan_describe(pv, PV_RELEASED, world, plan);
	if (r < 0)
		return r;
	switch (pv->reclaim) {
	case RECLAIM_RETAIN:
		break;
	case RECLAIM_RECYCLE:
		return plan_recycle(pv, world, users, plan);
	case RECLAIM_DELETE:
		return plan_delete(pv, world, users, plan);
	}
	return 0;
}

/* --- the claim ------------------------------------------------------------------ */

static int plan_elsewhere(const struct persistent_volume *pv,
			  const struct claim *claim,
			  const struct plan_world *world, struct plan *plan)
{
	if (provisioned_by(pv) && pv->reclaim == RECLAIM_DELETE)
		return plan_released(pv, claim, world, plan);
	return plan_simple(pv, STEP_UNBIND_VOLUME, NULL, plan);
}

static int plan_with_phase(const struct persistent_volume *pv,
			   enum pv_phase phase, const struct plan_world *world,
			   struct plan *plan)
{
	int r = plan_phase(pv, phase, plan);

	return r < 0 ? r : plan_describe(pv, phase, world, plan);
}

static int plan_with_claim(const struct persistent_volume *pv,
			   const struct claim *claim,
			   const struct plan_world *world, struct plan *plan)
{
	if (!claim || strcmp(claim->meta.uid, pv->claim_ref.uid) != 0)
		return plan_released(pv, claim, world, plan);
	if (!*claim->volume_name)
		return plan_simple(pv, STEP_QUEUE_CLAIM, NULL, plan);
	if (strcmp(claim->volume_name, pv->meta.name) == 0)
		return plan_with_phase(pv, PV_BOUND, world, plan);
	return plan_elsewhere(pv, claim, world, plan);
}

/* --- finalizers -------------------------------------------------------------------- */

/*
 * The external finalizer goes onto every bound volume that we would have to
 * delete, so that deleting the PV before its claim does not leak the directory.
 * It goes away when there is nothing to delete.
 */
static int plan_external_finalizer(const struct persistent_volume *pv,
				   const struct plan_world *world,
				   struct plan *plan)
{
	bool has = meta_has_finalizer(&pv->meta, FINALIZER_EXTERNAL);
	bool wants = pv->reclaim == RECLAIM_DELETE &&
		     (pv->phase == PV_BOUND || pv->phase == PV_RELEASED);

	if (!is_ours(pv, world))
		return 0;
	if (has && (pv->reclaim != RECLAIM_DELETE ||
		    (pv->meta.is_deleting && !is_taken(pv))))
		return plan_simple(pv, STEP_REMOVE_FINALIZER,
				   FINALIZER_EXTERNAL, plan);
	if (!has && wants && !pv->meta.is_deleting)
		return plan_simple(pv, STEP_ADD_FINALIZER, FINALIZER_EXTERNAL,
				   plan);
	return 0;
}

static int plan_protection(const struct persistent_volume *pv,
			   struct plan *plan)
{
	if (!pv->meta.is_deleting || pv->phase == PV_BOUND ||
	    !meta_has_finalizer(&pv->meta, FINALIZER_VOLUME))
		return 0;
	return plan_simple(pv, STEP_REMOVE_FINALIZER, FINALIZER_VOLUME, plan);
}

/*
 * Where a cluster's own controllers bind, they decide about the phase, and about all
 * policies but Delete.
 */
static int plan_in_cluster(const struct persistent_volume *pv,
			   const struct claim *claim,
			   const struct plan_world *world, struct plan *plan)
{
	if (pv->phase == PV_RELEASED && pv->reclaim == RECLAIM_DELETE)
		return plan_released(pv, claim, world, plan);
	return pv->phase == PV_PENDING
		       ? 0
		       : plan_describe(pv, pv->phase, world, plan);
}

static int plan_as_binder(const struct persistent_volume *pv,
			  const struct claim *claim,
			  const struct plan_world *world, struct plan *plan)
{
	int r = plan_protection(pv, plan);

	if (r < 0)
		return r;
	return is_taken(pv) ? plan_with_claim(pv, claim, world, plan)
			    : plan_with_phase(pv, PV_AVAILABLE, world, plan);
}

int volume_plan(const struct persistent_volume *pv, const struct claim *claim,
		const struct plan_world *world, struct plan *ret)
{
	struct plan plan = { 0 };
	int r;

	r = plan_external_finalizer(pv, world, &plan);
	if (r >= 0)
		r = world->is_binder ? plan_as_binder(pv, claim, world, &plan)
				     : plan_in_cluster(pv, claim, world, &plan);
	if (r < 0) {
		plan_fini(&plan);
		return r;
	}
	*ret = plan;
	return 0;
}
