/* SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "volume_plan.h"

static const char *const drivers[] = { "nfs.csi.k8s.io" };

static char *protection[] = { (char *)"kubernetes.io/pv-protection",
			      (char *)FINALIZER_EXTERNAL };

static struct label provisioned[] = {
	{ .key = (char *)ANNOTATION_PROVISIONED_BY,
	  .value = (char *)"nfs.csi.k8s.io" },
	{ .key = (char *)ANNOTATION_DESCRIBED,
	  .value = (char *)"Bound/Delete" },
};

/* What the descriptors of all volumes say; each test is a process. */
static void described_as(const char *text)
{
	provisioned[1].value = (char *)text;
}

/* A provisioned volume with both finalizers, bound to ns/c of uid u1. */
static struct persistent_volume a_volume(enum pv_phase phase)
{
	return (struct persistent_volume){
		.meta = { .namespace = "",
			  .name = "pv",
			  .uid = "v",
			  .finalizers = protection,
			  .n_finalizers = 2,
			  .annotations = { provisioned, 2 } },
		.phase = phase,
		.class_name = "",
		.driver = "nfs.csi.k8s.io",
		.claim_ref = { true, "ns", "c", "u1" },
		.reclaim = RECLAIM_DELETE,
	};
}

static struct claim a_claim(const char *uid, const char *volume)
{
	return (struct claim){
		.meta = { .namespace = "ns", .name = "c", .uid = (char *)uid },
		.class_name = "",
		.volume_name = (char *)volume
	};
}

static const char *words(const struct plan *plan)
{
	static char text[512];
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < plan->n; i++) {
		const struct plan_step *step = &plan->steps[i];
		const char *detail = step->value ? step->value : "";

		if (step->step == STEP_EVENT)
			detail = step->reason;
		if (step->step == STEP_SET_VOLUME_PHASE)
			detail = pv_phase_names[step->volume_phase];
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"%s%s%s%s", i ? "; " : "",
					claim_step_name(step->step),
					*detail ? " " : "", detail);
	}
	return text;
}

static void expect_with_pods(const struct persistent_volume *pv,
			     const struct claim *claim, const struct pod *pods,
			     const char *steps)
{
	struct plan_world world = { .pods = pods,
				    .n_pods = pods ? 1 : 0,
				    .is_binder = true,
				    .drivers = drivers,
				    .n_drivers = 1 };
	struct plan plan;

	cr_assert_eq(volume_plan(pv, claim, &world, &plan), 0);
	cr_assert_str_eq(words(&plan), steps);
	plan_fini(&plan);
}

static void expect(const struct persistent_volume *pv,
		   const struct claim *claim, const char *steps)
{
	expect_with_pods(pv, claim, NULL, steps);
}

Test(volume_plan, a_volume_without_claim_is_available)
{
	struct persistent_volume pv = a_volume(PV_PENDING);

	described_as("Available/Delete");
	pv.claim_ref.is_set = false;
	expect(&pv, NULL, "set-volume-phase Available");
	pv.claim_ref = (struct claim_ref){ true, "ns", "c", "" };
	expect(&pv, NULL, "set-volume-phase Available");
	pv.phase = PV_AVAILABLE;
	expect(&pv, NULL, "");
}

Test(volume_plan, a_volume_and_its_claim_find_each_other)
{
	struct persistent_volume pv = a_volume(PV_PENDING);
	struct claim unbound = a_claim("u1", "");
	struct claim bound = a_claim("u1", "pv");

	expect(&pv, &unbound, "queue-claim");
	expect(&pv, &bound, "set-volume-phase Bound");
	pv.phase = PV_BOUND;
	expect(&pv, &bound, "");
}

Test(volume_plan, a_claim_that_went_releases_and_reclaims)
{
	struct persistent_volume pv = a_volume(PV_BOUND);
	struct claim same_name = a_claim("u2", "");

	expect(&pv, NULL, "set-volume-phase Released; reclaim");
	expect(&pv, &same_name, "set-volume-phase Released; reclaim");
	pv.phase = PV_RELEASED;
	expect(&pv, NULL, "reclaim");
	pv.phase =
		PV_PENDING; /* provisioned, and the claim went before binding */
	expect(&pv, NULL, "set-volume-phase Released; reclaim");
}

Test(volume_plan, retain_keeps_everything)
{
	struct persistent_volume pv = a_volume(PV_BOUND);

	described_as("Released/Retain");
	pv.reclaim = RECLAIM_RETAIN;
	pv.meta.n_finalizers = 1;
	expect(&pv, NULL, "set-volume-phase Released");
	pv.phase = PV_RELEASED;
	expect(&pv, NULL, "");
}

Test(volume_plan, a_descriptor_follows_phase_and_policy)
{
	struct persistent_volume pv = a_volume(PV_BOUND);
	struct claim claim = a_claim("u1", "pv");

	pv.meta.n_finalizers = 1;
	pv.reclaim = RECLAIM_RETAIN;
	expect(&pv, &claim, "describe");
	described_as("Bound/Retain");
	expect(&pv, &claim, "");
	expect(&pv, NULL, "set-volume-phase Released; describe");
	pv.phase = PV_RELEASED;
	expect(&pv, NULL, "describe");
	pv.claim_ref.is_set = false;
	expect(&pv, NULL, "set-volume-phase Available; describe");
	pv.meta.annotations.n = 1;
	pv.phase = PV_AVAILABLE;
	expect(&pv, NULL, "describe");
}

Test(volume_plan, what_has_no_descriptor_of_ours_is_not_described)
{
	struct persistent_volume pv = a_volume(PV_BOUND);
	struct claim claim = a_claim("u1", "pv");

	pv.reclaim = RECLAIM_RETAIN;
	pv.meta.n_finalizers = 1;
	pv.meta.annotations.n = 0;
	expect(&pv, &claim, "");
}

#define RECYCLE "recycle; event VolumeRecycled; unbind-volume"

Test(volume_plan, recycle_empties_the_volume_and_offers_it_again)
{
	struct persistent_volume pv = a_volume(PV_BOUND);
	struct claim same_name = a_claim("u2", "");

	described_as("Released/Recycle");
	pv.reclaim = RECLAIM_RECYCLE;
	pv.meta.n_finalizers = 1;
	expect(&pv, NULL, "set-volume-phase Released; " RECYCLE);
	pv.phase = PV_RELEASED;
	expect(&pv, NULL, RECYCLE);
	expect(&pv, &same_name, RECYCLE);
	pv.phase = PV_FAILED;
	expect(&pv, NULL, RECYCLE);
	pv.meta.is_deleting = true;
	expect(&pv, NULL, "remove-finalizer kubernetes.io/pv-protection");
}

Test(volume_plan, what_no_driver_of_ours_has_fails_to_be_recycled_once)
{
	struct persistent_volume pv = a_volume(PV_RELEASED);

	pv.reclaim = RECLAIM_RECYCLE;
	pv.meta.annotations.n = 0;
	pv.meta.n_finalizers = 1;
	pv.driver = "";
	expect(&pv, NULL, "set-volume-phase Failed; event VolumeFailedRecycle");
	pv.phase = PV_FAILED;
	expect(&pv, NULL, "");
}

Test(volume_plan, what_a_foreign_driver_made_is_not_ours_to_delete)
{
	struct persistent_volume pv = a_volume(PV_RELEASED);

	pv.meta.annotations.n = 0;
	pv.meta.n_finalizers = 1;
	pv.driver = "other.example.com";
	expect(&pv, NULL, "");
	pv.driver = ""; /* not a CSI volume */
	expect(&pv, NULL, "");
}

static struct pod_volume uses_c = { .name = "d", .claim_name = "c" };

static const struct pod running = {
	.meta = { .namespace = "ns", .name = "p" },
	.node_name = "node-a",
	.phase = "Running",
	.volumes = &uses_c,
	.n_volumes = 1,
};

Test(volume_plan, a_volume_that_a_pod_uses_is_neither_deleted_nor_recycled)
{
	struct persistent_volume pv = a_volume(PV_RELEASED);
	struct claim same_name = a_claim("u2", "other");

	expect_with_pods(&pv, NULL, &running, "event VolumeFailedDelete");
	/* The pod may be the new claim's. */
	expect_with_pods(&pv, &same_name, &running, "reclaim");
	described_as("Released/Recycle");
	pv.reclaim = RECLAIM_RECYCLE;
	pv.meta.n_finalizers = 1;
	expect_with_pods(&pv, NULL, &running, "event VolumeFailedRecycle");
	expect_with_pods(&pv, &same_name, &running, RECYCLE);
}

Test(volume_plan, a_volume_that_is_attached_is_nobodys_to_delete)
{
	const struct attachment attachment = { .volume = "pv",
					       .node = "node-a",
					       .pod_namespace = "ns",
					       .pod = "p",
					       .pod_uid = "up" };
	struct plan_world world = { .attachments = &attachment,
				    .n_attachments = 1,
				    .is_binder = true,
				    .drivers = drivers,
				    .n_drivers = 1 };
	struct persistent_volume pv = a_volume(PV_RELEASED);
	struct claim same_name = a_claim("u2", "other");
	struct plan plan;

	cr_assert_eq(volume_plan(&pv, &same_name, &world, &plan), 0);
	cr_assert_str_eq(words(&plan), "event VolumeFailedDelete");
	cr_assert_str_eq(plan.steps[0].value, "Volume is used by pods: ns/p");
	plan_fini(&plan);
}

Test(volume_plan, a_volume_deleted_before_its_claim_waits_for_it)
{
	struct persistent_volume pv = a_volume(PV_BOUND);
	struct claim claim = a_claim("u1", "pv");

	pv.meta.is_deleting = true;
	expect(&pv, &claim, "");
	expect(&pv, NULL, "set-volume-phase Released; reclaim");
	pv.phase = PV_RELEASED;
	expect(&pv, NULL,
	       "remove-finalizer kubernetes.io/pv-protection; reclaim");
}

Test(volume_plan, a_deleting_volume_without_our_finalizer_keeps_its_data)
{
	struct persistent_volume pv = a_volume(PV_RELEASED);

	pv.meta.is_deleting = true;
	pv.meta.n_finalizers = 1;
	expect(&pv, NULL, "remove-finalizer kubernetes.io/pv-protection");
}

Test(volume_plan, a_deleting_volume_that_is_only_reserved_is_let_go)
{
	struct persistent_volume pv = a_volume(PV_AVAILABLE);

	pv.meta.is_deleting = true;
	pv.claim_ref.uid = (char *)"";
	expect(&pv, NULL,
	       "remove-finalizer " FINALIZER_EXTERNAL
	       "; remove-finalizer kubernetes.io/pv-protection");
}

Test(volume_plan, the_external_finalizer_follows_the_policy)
{
	struct persistent_volume pv = a_volume(PV_BOUND);
	struct claim claim = a_claim("u1", "pv");

	pv.meta.n_finalizers = 1;
	expect(&pv, &claim,
	       "add-finalizer external-provisioner.volume.kubernetes.io/finalizer");
	described_as("Bound/Retain");
	pv.reclaim = RECLAIM_RETAIN;
	expect(&pv, &claim, "");
	pv.meta.n_finalizers = 2;
	expect(&pv, &claim,
	       "remove-finalizer external-provisioner.volume.kubernetes.io/finalizer");
}

Test(volume_plan, a_claim_that_is_bound_elsewhere_gives_the_volume_up)
{
	struct persistent_volume pv = a_volume(PV_BOUND);
	struct claim claim = a_claim("u1", "other");

	expect(&pv, &claim, "set-volume-phase Released; reclaim");
	pv.meta.annotations.n = 0;
	expect(&pv, &claim, "unbind-volume");
}

/* --- where a cluster's own controllers bind -------------------------------------------- */

static void expect_in_cluster(const struct persistent_volume *pv,
			      const char *node, const char *steps)
{
	const char *const nodes[] = { node };
	struct plan_world world = { .nodes = nodes,
				    .n_nodes = node ? 1 : 0,
				    .drivers = drivers,
				    .n_drivers = 1 };
	struct plan plan;

	cr_assert_eq(volume_plan(pv, NULL, &world, &plan), 0);
	cr_assert_str_eq(words(&plan), steps);
	plan_fini(&plan);
}

Test(volume_plan, in_a_cluster_phases_and_protection_are_not_ours)
{
	struct persistent_volume pv = a_volume(PV_BOUND);

	expect_in_cluster(&pv, NULL, "");
	pv.meta.is_deleting = true;
	expect_in_cluster(&pv, NULL, "");
	pv = a_volume(PV_AVAILABLE);
	pv.claim_ref.is_set = false;
	described_as("Available/Delete");
	expect_in_cluster(&pv, NULL, "");
}

Test(volume_plan, in_a_cluster_a_bound_volume_gets_the_external_finalizer)
{
	struct persistent_volume pv = a_volume(PV_BOUND);

	pv.meta.n_finalizers = 1;
	expect_in_cluster(
		&pv, NULL,
		"add-finalizer external-provisioner.volume.kubernetes.io/finalizer");
}

Test(volume_plan, in_a_cluster_a_released_volume_goes_when_no_node_has_it)
{
	struct persistent_volume pv = a_volume(PV_RELEASED);

	expect_in_cluster(&pv, "node1", "event VolumeFailedDelete");
	expect_in_cluster(&pv, NULL, "reclaim");
	pv.meta.is_deleting = true;
	expect_in_cluster(&pv, NULL, "reclaim");
	pv.meta.n_finalizers = 1;
	expect_in_cluster(&pv, NULL, "");
}

Test(volume_plan, in_a_cluster_only_the_policy_delete_is_ours)
{
	struct persistent_volume pv = a_volume(PV_RELEASED);

	pv.meta.n_finalizers = 1;
	described_as("Released/Retain");
	pv.reclaim = RECLAIM_RETAIN;
	expect_in_cluster(&pv, NULL, "");
	described_as("Released/Recycle");
	pv.reclaim = RECLAIM_RECYCLE;
	expect_in_cluster(&pv, NULL, "");
	pv.phase = PV_FAILED;
	described_as("Failed/Delete");
	pv.reclaim = RECLAIM_DELETE;
	expect_in_cluster(&pv, NULL, "");
}

Test(volume_plan, what_is_being_copied_is_neither_deleted_nor_recycled)
{
	static const struct {
		enum reclaim_policy policy;
		const char *steps;
	} rows[] = {
		{ RECLAIM_DELETE, "event VolumeFailedDelete" },
		{ RECLAIM_RECYCLE, "event VolumeFailedRecycle" },
		{ RECLAIM_RETAIN, "" },
	};
	struct plan_world world = { .copy = "pvc-new",
				    .is_binder = true,
				    .drivers = drivers,
				    .n_drivers = 1 };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct persistent_volume pv = a_volume(PV_RELEASED);
		char described[VOLUME_DESCRIBED_MAX];
		struct plan plan;

		pv.reclaim = rows[i].policy;
		if (pv.reclaim != RECLAIM_DELETE)
			pv.meta.n_finalizers = 1;
		volume_described(PV_RELEASED, reclaim_policy_names[pv.reclaim],
				 described);
		described_as(described);
		cr_assert_eq(volume_plan(&pv, NULL, &world, &plan), 0);
		cr_assert_str_eq(words(&plan), rows[i].steps);
		plan_fini(&plan);
	}
}
