/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Claims, as Kubernetes' PersistentVolume controller (syncClaim()), its external
 * provisioner and its pvc-protection controller treat them together:
 *
 *	Pending --(match, or provision and match)--> Bound --(volume lost)--> Lost
 *	any     --(deleted, no pod on a node uses it)--> gone
 *
 * Binding is written in four steps that may each be the last one before a crash,
 * in this order: PV.spec.claimRef, PV.status, claim.spec.volumeName, claim.status.
 * The first one reserves the volume: whoever finds it later binds on, because
 * the matcher takes a volume whose claimRef is this claim before any other.
 *
 * Only one thread may plan and apply: two could give one volume to two claims.
 */

#include "claim_plan.h"

#include <stdio.h>
#include <string.h>

#include "claim_match.h"
#include "claim_plan_parts.h"
#include "clone_source.h"
#include "csi_origin.h"

#define IN_TREE_PREFIX "kubernetes.io/"

/* --- binding --------------------------------------------------------------- */

/*
 * A volume that was provisioned for another claim, and rescued: its descriptor
 * still has that one's name. Until the claim is bound it is not too late.
 */
static bool is_inherited(const struct claim *claim,
			 const struct persistent_volume *pv)
{
	_cleanup_(free) char *own = claim_volume_name(claim);

	return !claim->is_bind_completed &&
	       labels_get(&pv->meta.annotations, ANNOTATION_PROVISIONED_BY) &&
	       own && strcmp(own, pv->meta.name) != 0;
}

/* The steps of the four that are missing. */
static int plan_bind(const struct claim *claim,
		     const struct persistent_volume *pv, struct plan *plan)
{
	struct plan_step step = { .volume = pv->meta.name,
				  .volume_phase = PV_BOUND,
				  .claim_phase = CLAIM_BOUND };
	bool needed[] = {
		!volume_is_bound_to(pv, claim),
		is_inherited(claim, pv),
		pv->phase != PV_BOUND,
		!claim->is_bind_completed || !*claim->volume_name,
		claim->phase != CLAIM_BOUND,
	};
	static const enum claim_step steps[] = {
		STEP_BIND_VOLUME, STEP_DESCRIBE,	STEP_SET_VOLUME_PHASE,
		STEP_BIND_CLAIM,  STEP_SET_CLAIM_PHASE,
	};

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		int r;

		if (!needed[i])
			continue;
		step.step = steps[i];
		r = plan_add(plan, &step);
		if (r < 0)
			return r;
	}
	return 0;
}

static int plan_claim_phase(const struct claim *claim, enum claim_phase phase,
			    struct plan *plan)
{
	if (claim->phase == phase)
		return 0;
	return plan_add(plan, &(struct plan_step){ .step = STEP_SET_CLAIM_PHASE,
						   .claim_phase = phase });
}

/* --- provisioning ---------------------------------------------------------- */

int claim_plan_refusal(struct plan *plan, const struct storage_class *class,
		       const char *why)
{
	return plan_event(
		plan, CLUSTER_EVENT_WARNING, "ProvisioningFailed",
		class->provisioner,
		"failed to provision volume with StorageClass \"%s\": %s",
		class->meta.name, why);
}

static int plan_set_provisioner(const struct claim *claim,
				const struct storage_class *class,
				struct plan *plan)
{
	const char *now =
		labels_get(&claim->meta.annotations, ANNOTATION_PROVISIONER);

	if (now && strcmp(now, class->provisioner) == 0)
		return 0;
	return plan_add(plan,
			&(struct plan_step){ .step = STEP_SET_PROVISIONER,
					     .value = class->provisioner });
}

static int plan_foreign(const struct claim *claim,
			const struct storage_class *class, struct plan *plan)
{
	int r;

	if (strncmp(class->provisioner, IN_TREE_PREFIX,
		    strlen(IN_TREE_PREFIX)) == 0)
		return plan_event(plan, CLUSTER_EVENT_WARNING,
				  "ProvisioningFailed", COMPONENT_BINDER,
				  "no volume plugin matched name: %s",
				  class->provisioner);
	r = plan_set_provisioner(claim, class, plan);
	if (r < 0)
		return r;
	return plan_event(
		plan, CLUSTER_EVENT_NORMAL, "ExternalProvisioning",
		COMPONENT_BINDER,
		"Waiting for a volume to be created either by the external provisioner '%s' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.",
		class->provisioner);
}

int claim_plan_provision(const struct claim *claim,
			 const struct storage_class *class, struct plan *plan)
{
	_cleanup_(free) char *volume = NULL;
	char refusal[CLONE_REFUSAL_MAX];

	if (claim->is_block)
		return claim_plan_refusal(
			plan, class,
			"the provisioner does not support block volumes");
	if (claim->selector.is_set)
		return claim_plan_refusal(plan, class,
					  "claim Selector is not supported");
	/* An empty volume is not what was asked for. */
	if (claim->data_source.is_set &&
	    clone_source_refusal(claim, refusal, sizeof(refusal)))
		return claim_plan_refusal(plan, class, refusal);
	volume = claim_volume_name(claim);
	if (!volume)
		return -ENOMEM;
	return plan_add(plan, &(struct plan_step){ .step = STEP_PROVISION,
						   .volume = volume,
						   .value = class->meta.name });
}

static int plan_dynamic(const struct claim *claim,
			const struct storage_class *class,
			const struct plan_world *world, struct plan *plan)
{
	int r;

	if (!world_has_driver(world, class->provisioner))
		return plan_foreign(claim, class, plan);
	r = plan_set_provisioner(claim, class, plan);
	return r < 0 ? r : claim_plan_provision(claim, class, plan);
}

/* --- claims without a volume -------------------------------------------------- */

static bool wants_to_run(const struct pod *pod)
{
	return !pod->meta.is_deleting && strcmp(pod->phase, "Succeeded") != 0 &&
	       strcmp(pod->phase, "Failed") != 0;
}

/*
 * The scheduler has said where. A pod that names its node passes the scheduler
 * by, and in Kubernetes its claim waits for ever; there is nothing to wait for.
 */
static bool has_consumer(const struct claim *claim,
			 const struct plan_world *world)
{
	if (labels_get(&claim->meta.annotations, ANNOTATION_SELECTED_NODE))
		return true;
	for (size_t i = 0; i < world->n_pods; i++) {
		const struct pod *pod = &world->pods[i];

		if (*pod->node_name && wants_to_run(pod) &&
		    pod_uses_claim(pod, claim->meta.namespace,
				   claim->meta.name))
			return true;
	}
	return false;
}

/* "a,b": the pods that use the claim and have no node yet. */
static int unscheduled_pods(const struct claim *claim,
			    const struct plan_world *world, char **ret,
			    size_t *ret_n)
{
	size_t size;
	FILE *out = open_memstream(ret, &size);

	*ret_n = 0;
	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < world->n_pods; i++) {
		const struct pod *pod = &world->pods[i];

		if (!*pod->node_name && wants_to_run(pod) &&
		    pod_uses_claim(pod, claim->meta.namespace,
				   claim->meta.name))
			(void)fprintf(out, "%s%s", (*ret_n)++ ? "," : "",
				      pod->meta.name);
	}
	return fclose(out) == 0 ? 0 : -ENOMEM;
}

static int plan_waiting(const struct claim *claim,
			const struct plan_world *world, struct plan *plan)
{
	_cleanup_(free) char *pods = NULL;
	size_t n;

	if (unscheduled_pods(claim, world, &pods, &n) < 0)
		return -ENOMEM;
	if (n == 0)
		return plan_event(
			plan, CLUSTER_EVENT_NORMAL, "WaitForFirstConsumer",
			COMPONENT_BINDER,
			"waiting for first consumer to be created before binding");
	return plan_event(plan, CLUSTER_EVENT_NORMAL, "WaitForPodScheduled",
			  COMPONENT_BINDER,
			  "waiting for pod%s %s to be scheduled",
			  n > 1 ? "s" : "", pods);
}

/* The claim has no class at all: it gets the default one, now or later. */
static int plan_without_class(const struct claim *claim,
			      const struct plan_world *world, struct plan *plan)
{
	const struct storage_class *class = NULL;

	if (!claim->has_class)
		class = default_class(world->classes, world->n_classes);
	if (class)
		return plan_add(
			plan, &(struct plan_step){ .step = STEP_SET_CLASS,
						   .value = class->meta.name });
	return plan_event(
		plan, CLUSTER_EVENT_NORMAL, "FailedBinding", COMPONENT_BINDER,
		"no persistent volumes available for this claim and no storage class is set");
}

static int plan_unbound(const struct claim *claim,
			const struct plan_world *world, struct plan *plan)
{
	const struct storage_class *class =
		*claim->class_name ? world_find_class(world, claim->class_name)
				   : NULL;
	bool waits = class &&
		     class->binding == BINDING_WAIT_FOR_FIRST_CONSUMER &&
		     !has_consumer(claim, world);
	const struct persistent_volume *pv =
		claim_match(claim, world->volumes, world->n_volumes,
			    waits ? CLAIM_MATCH_CLAIMED_ONLY : 0);
	int r;

	if (pv)
		return plan_bind(claim, pv, plan);
	r = plan_claim_phase(claim, CLAIM_PENDING, plan);
	if (r < 0)
		return r;
	if (!*claim->class_name)
		return plan_without_class(claim, world, plan);
	if (!class)
		return plan_event(
			plan, CLUSTER_EVENT_WARNING, "ProvisioningFailed",
			COMPONENT_BINDER,
			"storageclass.storage.k8s.io \"%s\" not found",
			claim->class_name);
	if (waits)
		return plan_waiting(claim, world, plan);
	return plan_dynamic(claim, class, world, plan);
}

/* --- claims that name a volume ------------------------------------------------ */

/* The user asked for a certain volume, and binding is not finished. */
static int plan_named(const struct claim *claim, const struct plan_world *world,
		      struct plan *plan)
{
	const struct persistent_volume *pv =
		world_find_volume(world, claim->volume_name);
	const char *mismatch;
	int r;

	if (pv && pv->claim_ref.is_set && volume_is_for_claim(pv, claim))
		return plan_bind(claim, pv, plan);
	mismatch = pv ? claim_volume_mismatch(claim, pv) : NULL;
	if (pv && !pv->claim_ref.is_set && !mismatch)
		return plan_bind(claim, pv, plan);
	r = plan_claim_phase(claim, CLAIM_PENDING, plan);
	if (r < 0 || !pv)
		return r;
	if (pv->claim_ref.is_set)
		return plan_event(
			plan, CLUSTER_EVENT_WARNING, "FailedBinding",
			COMPONENT_BINDER,
			"volume \"%s\" already bound to a different claim.",
			pv->meta.name);
	return plan_event(plan, CLUSTER_EVENT_WARNING, "VolumeMismatch",
			  COMPONENT_BINDER,
			  "Cannot bind to requested volume \"%s\": %s",
			  pv->meta.name, mismatch);
}

static int plan_lost(const struct claim *claim, const char *reason,
		     const char *message, struct plan *plan)
{
	int r;

	if (claim->phase == CLAIM_LOST)
		return 0;
	r = plan_claim_phase(claim, CLAIM_LOST, plan);
	if (r < 0)
		return r;
	return plan_event(plan, CLUSTER_EVENT_WARNING, reason, COMPONENT_BINDER,
			  "%s", message);
}

/* --- expansion ---------------------------------------------------------------- */

static int plan_volume_step(const struct persistent_volume *pv,
			    enum claim_step step, struct plan *plan)
{
	return plan_add(plan, &(struct plan_step){ .step = step,
						   .volume = pv->meta.name });
}

static int plan_expansion_begin(const struct claim *claim,
				const struct persistent_volume *pv,
				struct plan *plan)
{
	int r;

	if (claim->resize_target == claim->request)
		return 0;
	r = plan_volume_step(pv, STEP_BEGIN_EXPANSION, plan);
	if (r < 0)
		return r;
	return plan_event(plan, CLUSTER_EVENT_NORMAL, "Resizing", pv->driver,
			  "External resizer is resizing volume %s",
			  pv->meta.name);
}

/*
 * What the external resizer does: the claim says what goes on, the volume becomes
 * larger, the claim is told its new size. Whether the class allows it was decided
 * when the claim was changed. A volume that is larger than was asked for has room.
 */
int claim_plan_expansion(const struct claim *claim,
			 const struct persistent_volume *pv,
			 const struct plan_world *world, struct plan *plan)
{
	int r;

	if (claim->phase != CLAIM_BOUND || claim->request <= claim->capacity ||
	    !volume_is_bound_to(pv, claim) ||
	    !world_has_driver(world, pv->driver))
		return 0;
	r = plan_expansion_begin(claim, pv, plan);
	if (r >= 0 && pv->capacity < claim->request)
		r = plan_volume_step(pv, STEP_EXPAND, plan);
	if (r >= 0)
		r = plan_volume_step(pv, STEP_END_EXPANSION, plan);
	if (r < 0)
		return r;
	return plan_event(plan, CLUSTER_EVENT_NORMAL, "VolumeResizeSuccessful",
			  pv->driver, "Resize volume succeeded");
}

/* --- bound claims -------------------------------------------------------------- */

static int plan_bound(const struct claim *claim, const struct plan_world *world,
		      struct plan *plan)
{
	const struct persistent_volume *pv;
	int r;

	if (!*claim->volume_name)
		return plan_lost(
			claim, "ClaimLost",
			"Bound claim has lost reference to PersistentVolume. Data on the volume is lost!",
			plan);
	pv = world_find_volume(world, claim->volume_name);
	if (!pv)
		return plan_lost(
			claim, "ClaimLost",
			"Bound claim has lost its PersistentVolume. Data on the volume is lost!",
			plan);
	if (pv->claim_ref.is_set && !volume_is_for_claim(pv, claim))
		return plan_lost(
			claim, "ClaimMisbound",
			"Two claims are bound to the same volume, this one is bound incorrectly",
			plan);
	/* One that is going can't be reserved any more: its end is waited for. */
	if (!pv->claim_ref.is_set && pv->meta.is_deleting)
		return 0;
	r = plan_bind(claim, pv, plan);
	if (r >= 0 && plan->n == 0)
		r = claim_plan_expansion(claim, pv, world, plan);
	/* Our own API has no such classes: a claim that names one is as without. */
	if (r < 0 || plan->n > 0 || !claim_is_csi(claim))
		return r;
	return claim_plan_modify(claim, pv, world, plan);
}

/* --- all claims ----------------------------------------------------------------- */

/*
 * Pods that finished count, too: their volumes may still be mounted. A claim is
 * not bound any more once it is being deleted: a volume would be made for nobody.
 */
static int plan_deleting(const struct claim *claim,
			 const struct plan_world *world, struct plan *plan)
{
	if (!meta_has_finalizer(&claim->meta, FINALIZER_CLAIM) ||
	    world_pod_on_node(world, claim->meta.namespace, claim->meta.name))
		return 0;
	return plan_add(
		plan, &(struct plan_step){ .step = STEP_REMOVE_FINALIZER,
					   .value = (char *)FINALIZER_CLAIM });
}

int claim_plan(const struct claim *claim, const struct plan_world *world,
	       struct plan *ret)
{
	struct plan plan = { 0 };
	int r;

	if (!world->is_binder)
		r = claim_plan_in_cluster(claim, world, &plan);
	else if (claim->meta.is_deleting)
		r = plan_deleting(claim, world, &plan);
	else if (claim->is_bind_completed)
		r = plan_bound(claim, world, &plan);
	else if (*claim->volume_name)
		r = plan_named(claim, world, &plan);
	else
		r = plan_unbound(claim, world, &plan);
	if (r < 0) {
		plan_fini(&plan);
		return r;
	}
	*ret = plan;
	return 0;
}
