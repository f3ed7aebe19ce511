/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Desired x actual: each row is a world and the steps that follow from it, written
 * as words: "bind-volume pv1; event WaitForFirstConsumer".
 */

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "claim_plan.h"

#define GI (1024ull * 1024 * 1024)

static const char *const drivers[] = { "nfs.claimfs.io", "nfs.csi.k8s.io" };

static struct claim a_claim(void)
{
	return (struct claim){
		.meta = { .namespace = "ns", .name = "c", .uid = "u1" },
		.request = GI,
		.access_modes = ACCESS_RWX,
		.class_name = "",
		.attributes_class = "",
		.current_attributes_class = "",
		.modify_target = "",
		.volume_name = "",
	};
}

static struct persistent_volume a_volume(const char *name)
{
	return (struct persistent_volume){
		.meta = { .namespace = "", .name = (char *)name, .uid = "v" },
		.phase = PV_AVAILABLE,
		.capacity = GI,
		.access_modes = ACCESS_RWX,
		.class_name = "",
		.attributes_class = "",
		.driver = "nfs.csi.k8s.io",
		.handle = (char *)name,
		.reclaim = RECLAIM_DELETE,
	};
}

static struct storage_class a_class(const char *name)
{
	return (struct storage_class){
		.meta = { .namespace = "", .name = (char *)name, .uid = "k" },
		.provisioner = "nfs.csi.k8s.io",
		.reclaim = RECLAIM_DELETE,
	};
}

static struct claim_ref ref_to(const char *name, const char *uid)
{
	return (struct claim_ref){ .is_set = true,
				   .namespace = "ns",
				   .name = (char *)name,
				   .uid = (char *)uid };
}

static struct label set_provisioner = {
	.key = (char *)"volume.kubernetes.io/storage-provisioner",
	.value = (char *)"nfs.csi.k8s.io",
};

static const char *words(const struct plan *plan)
{
	static char text[1024];
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < plan->n; i++) {
		const struct plan_step *step = &plan->steps[i];
		const char *object = step->volume ? step->volume : "";

		if (step->step == STEP_EVENT)
			object = step->reason;
		else if (step->step == STEP_SET_CLAIM_PHASE)
			object = claim_phase_names[step->claim_phase];
		else if (step->step == STEP_SET_VOLUME_PHASE)
			object = pv_phase_names[step->volume_phase];
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"%s%s%s%s", i ? "; " : "",
					claim_step_name(step->step),
					*object ? " " : "", object);
	}
	return text;
}

static void expect(const struct claim *claim, const struct plan_world *world,
		   const char *steps)
{
	struct plan plan;

	cr_assert_eq(claim_plan(claim, world, &plan), 0);
	cr_assert_str_eq(words(&plan), steps);
	plan_fini(&plan);
}

/* The one event of a plan says this. */
static void expect_message(const struct claim *claim,
			   const struct plan_world *world, const char *message)
{
	struct plan plan;
	const char *found = NULL;

	cr_assert_eq(claim_plan(claim, world, &plan), 0);
	for (size_t i = 0; i < plan.n; i++)
		if (plan.steps[i].step == STEP_EVENT)
			found = plan.steps[i].value;
	cr_assert_not_null(found, "an event");
	cr_assert_str_eq(found, message);
	plan_fini(&plan);
}

static struct plan_world world_of(const struct storage_class *class,
				  const struct persistent_volume *pv)
{
	return (struct plan_world){ .classes = class,
				    .n_classes = class ? 1 : 0,
				    .volumes = pv,
				    .n_volumes = pv ? 1 : 0,
				    .is_binder = true,
				    .drivers = drivers,
				    .n_drivers = 2 };
}

/* --- static binding ------------------------------------------------------------- */

Test(claim_plan, a_matching_volume_is_bound_in_four_steps_in_order)
{
	struct persistent_volume pv = a_volume("pv1");
	struct plan_world world = world_of(NULL, &pv);
	struct claim claim = a_claim();

	expect(&claim, &world,
	       "bind-volume pv1; set-volume-phase Bound; bind-claim pv1; set-claim-phase Bound");
}

Test(claim_plan, an_interrupted_binding_goes_on_where_it_stopped)
{
	struct persistent_volume pv = a_volume("pv1");
	struct plan_world world = world_of(NULL, &pv);
	struct claim claim = a_claim();

	pv.claim_ref = ref_to("c", "u1");
	expect(&claim, &world,
	       "set-volume-phase Bound; bind-claim pv1; set-claim-phase Bound");
	pv.phase = PV_BOUND;
	expect(&claim, &world, "bind-claim pv1; set-claim-phase Bound");
	claim.volume_name = "pv1";
	expect(&claim, &world, "bind-claim pv1; set-claim-phase Bound");
	claim.is_bind_completed = true;
	expect(&claim, &world, "set-claim-phase Bound");
	claim.phase = CLAIM_BOUND;
	claim.capacity = GI;
	expect(&claim, &world, "");
}

Test(claim_plan, a_volume_that_the_user_pre_bound_by_name_is_taken)
{
	struct persistent_volume pv = a_volume("pv1");
	struct plan_world world = world_of(NULL, &pv);
	struct claim claim = a_claim();

	pv.claim_ref = ref_to("c", "");
	pv.class_name = "other"; /* not checked on this path */
	expect(&claim, &world,
	       "bind-volume pv1; set-volume-phase Bound; bind-claim pv1; set-claim-phase Bound");
	pv.claim_ref = ref_to("c", "another-uid");
	expect(&claim, &world, "event FailedBinding");
}

Test(claim_plan, a_rescued_volume_is_described_anew_before_it_is_bound)
{
	static struct label made[] = {
		{ .key = (char *)ANNOTATION_PROVISIONED_BY,
		  .value = (char *)"nfs.csi.k8s.io" },
	};
	struct persistent_volume pv = a_volume("pvc-u0");
	struct plan_world world = world_of(NULL, &pv);
	struct claim claim = a_claim();

	pv.meta.annotations = (struct labels){ made, 1 };
	expect(&claim, &world,
	       "bind-volume pvc-u0; describe pvc-u0; set-volume-phase Bound; bind-claim pvc-u0; set-claim-phase Bound");
	pv.claim_ref = ref_to("c", "u1");
	pv.phase = PV_BOUND;
	expect(&claim, &world,
	       "describe pvc-u0; bind-claim pvc-u0; set-claim-phase Bound");
	claim.volume_name = "pvc-u0";
	claim.is_bind_completed = true;
	expect(&claim, &world, "set-claim-phase Bound");
}

/* --- a claim that names its volume ----------------------------------------------- */

Test(claim_plan, a_named_volume_must_fit)
{
	static const struct {
		uint64_t capacity;
		const char *class;
		bool is_block;
		uint32_t modes;
		bool is_deleting;
		const char *message;
	} rows[] = {
		{ GI / 2, "", false, ACCESS_RWX, false,
		  "Cannot bind to requested volume \"pv1\": requested PV is too small" },
		{ GI, "x", false, ACCESS_RWX, false,
		  "Cannot bind to requested volume \"pv1\": storageClassName does not match" },
		{ GI, "", true, ACCESS_RWX, false,
		  "Cannot bind to requested volume \"pv1\": incompatible volumeMode" },
		{ GI, "", false, ACCESS_RWO, false,
		  "Cannot bind to requested volume \"pv1\": incompatible accessMode" },
		{ GI, "", false, ACCESS_RWX, true,
		  "Cannot bind to requested volume \"pv1\": the volume is marked for deletion" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct persistent_volume pv = a_volume("pv1");
		struct plan_world world = world_of(NULL, &pv);
		struct claim claim = a_claim();

		claim.volume_name = "pv1";
		pv.capacity = rows[i].capacity;
		pv.class_name = (char *)rows[i].class;
		pv.is_block = rows[i].is_block;
		pv.access_modes = rows[i].modes;
		pv.meta.is_deleting = rows[i].is_deleting;
		expect(&claim, &world, "event VolumeMismatch");
		expect_message(&claim, &world, rows[i].message);
	}
}

Test(claim_plan, a_named_volume_that_is_taken_or_absent_keeps_the_claim_pending)
{
	struct persistent_volume pv = a_volume("pv1");
	struct plan_world world = world_of(NULL, &pv);
	struct claim claim = a_claim();

	claim.volume_name = "pv1";
	pv.claim_ref = ref_to("other", "u2");
	expect_message(&claim, &world,
		       "volume \"pv1\" already bound to a different claim.");
	claim.volume_name = "pv2";
	expect(&claim, &world, "");
	claim.volume_name = "pv1";
	pv.claim_ref.is_set = false;
	expect(&claim, &world,
	       "bind-volume pv1; set-volume-phase Bound; bind-claim pv1; set-claim-phase Bound");
}

/* --- provisioning ------------------------------------------------------------------ */

Test(claim_plan, a_class_of_ours_provisions_a_volume_named_after_the_claim)
{
	struct storage_class class = a_class("k");
	struct plan_world world = world_of(&class, NULL);
	struct claim claim = a_claim();

	claim.has_class = true;
	claim.class_name = "k";
	expect(&claim, &world, "set-provisioner; provision pvc-u1");
	claim.meta.annotations = (struct labels){ &set_provisioner, 1 };
	expect(&claim, &world, "provision pvc-u1");
}

Test(claim_plan, a_provisioned_volume_is_bound_rather_than_made_again)
{
	struct storage_class class = a_class("k");
	struct persistent_volume pv = a_volume("pvc-u1");
	struct plan_world world = world_of(&class, &pv);
	struct claim claim = a_claim();

	claim.has_class = true;
	claim.class_name = "k";
	pv.class_name = "k";
	pv.phase = PV_PENDING;
	pv.claim_ref = ref_to("c", "u1");
	expect(&claim, &world,
	       "set-volume-phase Bound; bind-claim pvc-u1; set-claim-phase Bound");
}

Test(claim_plan, a_claim_without_class_gets_the_newest_default)
{
	struct storage_class classes[] = { a_class("old"), a_class("b"),
					   a_class("a"), a_class("none") };
	struct plan_world world = { .classes = classes,
				    .n_classes = 4,
				    .is_binder = true,
				    .drivers = drivers,
				    .n_drivers = 2 };
	struct claim claim = a_claim();
	struct plan plan;

	for (size_t i = 0; i < 3; i++)
		classes[i].is_default = true;
	classes[1].meta.creation_s = classes[2].meta.creation_s = 7;
	classes[3].meta.creation_s = 9;
	cr_assert_eq(claim_plan(&claim, &world, &plan), 0);
	cr_assert_str_eq(words(&plan), "set-class");
	cr_assert_str_eq(plan.steps[0].value, "a");
	plan_fini(&plan);

	claim.has_class = true; /* "" asks for no class */
	expect_message(
		&claim, &world,
		"no persistent volumes available for this claim and no storage class is set");
}

Test(claim_plan, what_nobody_can_provision_is_told)
{
	static const struct {
		const char *class;
		const char *provisioner;
		bool is_block;
		bool has_selector;
		const char *steps;
		const char *message;
	} rows[] = {
		{ "gone", "nfs.csi.k8s.io", false, false,
		  "event ProvisioningFailed",
		  "storageclass.storage.k8s.io \"gone\" not found" },
		{ "k", "kubernetes.io/no-provisioner", false, false,
		  "event ProvisioningFailed",
		  "no volume plugin matched name: kubernetes.io/no-provisioner" },
		{ "k", "other.example.com", false, false,
		  "set-provisioner; event ExternalProvisioning",
		  "Waiting for a volume to be created either by the external provisioner 'other.example.com' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered." },
		{ "k", "nfs.csi.k8s.io", true, false,
		  "set-provisioner; event ProvisioningFailed",
		  "failed to provision volume with StorageClass \"k\": the provisioner does not support block volumes" },
		{ "k", "nfs.csi.k8s.io", false, true,
		  "set-provisioner; event ProvisioningFailed",
		  "failed to provision volume with StorageClass \"k\": claim Selector is not supported" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct storage_class class = a_class("k");
		struct plan_world world = world_of(&class, NULL);
		struct claim claim = a_claim();

		class.provisioner = (char *)rows[i].provisioner;
		claim.has_class = true;
		claim.class_name = (char *)rows[i].class;
		claim.is_block = rows[i].is_block;
		claim.selector.is_set = rows[i].has_selector;
		expect(&claim, &world, rows[i].steps);
		expect_message(&claim, &world, rows[i].message);
	}
}

/* Whether the source is there is found out when it is to be copied. */
Test(claim_plan, an_empty_volume_is_no_clone)
{
	static const struct {
		const char *group, *kind, *namespace, *claim_namespace;
		const char *why; /* NULL = it is provisioned */
	} rows[] = {
		{ "", "PersistentVolumeClaim", "", "ns", NULL },
		{ "", "PersistentVolumeClaim", "ns", "ns", NULL },
		{ "snapshot.storage.k8s.io", "VolumeSnapshot", "", "ns", NULL },
		{ "claimfs.io", "Snapshot", "", "ns", NULL },
		{ "claimfs.io", "Volume", "", "claimfs-csi", NULL },
		{ "claimfs.io", "Volume", "", "ns",
		  "dataSource of kind \"Volume.claimfs.io\" is not supported" },
		{ "", "Thing", "", "ns",
		  "dataSource of kind \"Thing\" is not supported" },
		{ "claimfs.io", "PersistentVolumeClaim", "", "ns",
		  "dataSource of kind \"PersistentVolumeClaim.claimfs.io\" is not supported" },
		{ "", "PersistentVolumeClaim", "other", "ns",
		  "dataSourceRef.namespace \"other\" is not supported: a source is of the claim's own namespace" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct storage_class class = a_class("k");
		struct plan_world world = world_of(&class, NULL);
		struct claim claim = a_claim();
		char message[256];

		claim.has_class = true;
		claim.class_name = (char *)"k";
		claim.meta.namespace = (char *)rows[i].claim_namespace;
		claim.data_source = (struct data_source){
			.is_set = true,
			.api_group = (char *)rows[i].group,
			.kind = (char *)rows[i].kind,
			.name = (char *)"t",
			.namespace = (char *)rows[i].namespace,
		};
		if (!rows[i].why) {
			expect(&claim, &world,
			       "set-provisioner; provision pvc-u1");
			continue;
		}
		(void)snprintf(
			message, sizeof(message),
			"failed to provision volume with StorageClass \"k\": %s",
			rows[i].why);
		expect(&claim, &world,
		       "set-provisioner; event ProvisioningFailed");
		expect_message(&claim, &world, message);
	}
}

/* --- pods ---------------------------------------------------------------------------- */

static struct pod_volume uses_c[] = { { .name = (char *)"data",
					.claim_name = (char *)"c" } };

static struct pod a_pod(const char *node)
{
	return (struct pod){ .meta = { .namespace = "ns", .name = "p" },
			     .node_name = (char *)node,
			     .phase = "Pending",
			     .volumes = uses_c,
			     .n_volumes = 1 };
}

static struct label selected_node = {
	.key = (char *)"volume.kubernetes.io/selected-node",
	.value = (char *)"node-a",
};

#define BIND_PV1 \
	"bind-volume pv1; set-volume-phase Bound; bind-claim pv1; set-claim-phase Bound"

Test(claim_plan, a_class_that_waits_is_bound_when_a_pod_has_a_node)
{
	struct storage_class class = a_class("k");
	struct persistent_volume pv = a_volume("pv1");
	struct plan_world world = world_of(&class, &pv);
	struct claim claim = a_claim();
	struct pod pod = a_pod("node-a");

	class.binding = BINDING_WAIT_FOR_FIRST_CONSUMER;
	claim.has_class = true;
	claim.class_name = pv.class_name = "k";
	expect(&claim, &world, "event WaitForFirstConsumer");
	world.pods = &pod;
	world.n_pods = 1;
	expect(&claim, &world, BIND_PV1);
	pod.phase = "Succeeded";
	expect(&claim, &world, "event WaitForFirstConsumer");
	claim.meta.annotations = (struct labels){ &selected_node, 1 };
	expect(&claim, &world, BIND_PV1);
	world.n_volumes = 0;
	expect(&claim, &world, "set-provisioner; provision pvc-u1");
}

Test(claim_plan, a_claim_says_which_pods_wait_with_it)
{
	struct storage_class class = a_class("k");
	struct plan_world world = world_of(&class, NULL);
	struct claim claim = a_claim();
	struct pod pods[] = { a_pod(""), a_pod("") };

	class.binding = BINDING_WAIT_FOR_FIRST_CONSUMER;
	claim.has_class = true;
	claim.class_name = "k";
	world.pods = pods;
	world.n_pods = 1;
	expect(&claim, &world, "event WaitForPodScheduled");
	expect_message(&claim, &world, "waiting for pod p to be scheduled");
	pods[1].meta.name = "q";
	world.n_pods = 2;
	expect_message(&claim, &world, "waiting for pods p,q to be scheduled");
	pods[0].meta.is_deleting = true;
	expect_message(&claim, &world, "waiting for pod q to be scheduled");
}

Test(claim_plan, a_claim_that_waits_takes_a_volume_pre_bound_to_it)
{
	struct storage_class class = a_class("k");
	struct persistent_volume pv = a_volume("pv1");
	struct plan_world world = world_of(&class, &pv);
	struct claim claim = a_claim();

	class.binding = BINDING_WAIT_FOR_FIRST_CONSUMER;
	claim.has_class = true;
	claim.class_name = "k";
	pv.claim_ref = ref_to("c", "");
	expect(&claim, &world,
	       "bind-volume pv1; set-volume-phase Bound; bind-claim pv1; set-claim-phase Bound");
}

Test(claim_plan, a_deleted_claim_is_protected_while_a_pod_on_a_node_uses_it)
{
	static char *finalizers[] = { (char *)"kubernetes.io/pvc-protection" };
	struct plan_world world = world_of(NULL, NULL);
	struct claim claim = a_claim();
	struct pod pod = a_pod("node-a");

	claim.meta.is_deleting = true;
	claim.meta.finalizers = finalizers;
	claim.meta.n_finalizers = 1;
	world.pods = &pod;
	world.n_pods = 1;
	expect(&claim, &world, "");
	pod.phase = "Succeeded"; /* may still be mounted */
	expect(&claim, &world, "");
	pod.node_name = "";
	expect(&claim, &world, "remove-finalizer");
	pod.node_name = "node-a";
	pod.meta.namespace = "elsewhere";
	expect(&claim, &world, "remove-finalizer");
	claim.meta.n_finalizers = 0;
	expect(&claim, &world, "");
}

Test(claim_plan, a_deleted_claim_gets_no_volume)
{
	struct storage_class class = a_class("k");
	struct plan_world world = world_of(&class, NULL);
	struct claim claim = a_claim();

	claim.has_class = true;
	claim.class_name = "k";
	claim.meta.is_deleting = true;
	expect(&claim, &world, "");
}

/* --- bound claims ---------------------------------------------------------------------- */

Test(claim_plan, a_bound_claim_whose_volume_went_is_lost_once)
{
	struct persistent_volume pv = a_volume("pv1");
	struct plan_world world = world_of(NULL, &pv);
	struct claim claim = a_claim();

	claim.is_bind_completed = true;
	claim.phase = CLAIM_BOUND;
	expect_message(
		&claim, &world,
		"Bound claim has lost reference to PersistentVolume. Data on the volume is lost!");
	claim.volume_name = "gone";
	expect(&claim, &world, "set-claim-phase Lost; event ClaimLost");
	expect_message(
		&claim, &world,
		"Bound claim has lost its PersistentVolume. Data on the volume is lost!");
	claim.phase = CLAIM_LOST;
	expect(&claim, &world, "");
}

Test(claim_plan, two_claims_of_one_volume_are_told_apart)
{
	struct persistent_volume pv = a_volume("pv1");
	struct plan_world world = world_of(NULL, &pv);
	struct claim claim = a_claim();

	claim.is_bind_completed = true;
	claim.phase = CLAIM_BOUND;
	claim.volume_name = "pv1";
	pv.claim_ref = ref_to("c", "u2");
	expect(&claim, &world, "set-claim-phase Lost; event ClaimMisbound");
	pv.claim_ref.is_set = false;
	expect(&claim, &world, "bind-volume pv1; set-volume-phase Bound");
}

/* --- expansion ------------------------------------------------------------------------- */

#define EXPAND	   "begin-expansion pv1; event Resizing; " EXPAND_ON
#define EXPAND_ON  "expand pv1; " EXPAND_END
#define EXPAND_END "end-expansion pv1; event VolumeResizeSuccessful"

/* A claim of `request` GiB that has `capacity`, on a volume of `volume`. */
struct sizes {
	unsigned int request, capacity, volume;
	unsigned int target; /* of an expansion that goes on */
	const char *steps;
};

static void expect_sizes(const struct sizes *sizes, const char *driver)
{
	struct persistent_volume pv = a_volume("pv1");
	struct plan_world world = world_of(NULL, &pv);
	struct claim claim = a_claim();

	claim.is_bind_completed = true;
	claim.phase = CLAIM_BOUND;
	claim.volume_name = "pv1";
	claim.request = sizes->request * GI;
	claim.capacity = sizes->capacity * GI;
	claim.resize_target = sizes->target * GI;
	pv.claim_ref = ref_to("c", "u1");
	pv.phase = PV_BOUND;
	pv.capacity = sizes->volume * GI;
	pv.driver = (char *)driver;
	expect(&claim, &world, sizes->steps);
}

Test(claim_plan, a_claim_that_asks_for_more_is_expanded_from_where_it_stopped)
{
	static const struct sizes rows[] = {
		{ 2, 2, 2, 0, "" },
		{ 2, 1, 1, 0, EXPAND },
		{ 2, 1, 1, 2, EXPAND_ON },
		{ 3, 1, 1, 2, EXPAND }, /* asked again meanwhile */
		{ 2, 1, 2, 2, EXPAND_END },
		{ 2, 5, 5, 0, "" }, /* a static one that has room */
		{ 1, 2, 2, 0, "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		expect_sizes(&rows[i], "nfs.csi.k8s.io");
	expect_sizes(&(struct sizes){ 2, 1, 1, 0, "" }, "other.example.com");
}

/* --- where a cluster's own controllers bind -------------------------------------------- */

static struct label order[] = {
	{ (char *)ANNOTATION_PROVISIONER, (char *)"nfs.csi.k8s.io" },
	{ (char *)ANNOTATION_SELECTED_NODE, (char *)"node1" },
};

static struct claim an_ordered_claim(void)
{
	struct claim claim = a_claim();

	claim.has_class = true;
	claim.class_name = (char *)"k";
	claim.meta.annotations = (struct labels){ order, 1 };
	return claim;
}

Test(claim_plan, in_a_cluster_a_volume_is_made_only_when_it_is_ordered)
{
	struct storage_class class = a_class("k");
	struct plan_world world = world_of(&class, NULL);
	struct claim claim = an_ordered_claim();

	world.is_binder = false;
	expect(&claim, &world, "provision pvc-u1");
	claim.meta.annotations.n = 0;
	expect(&claim, &world, "");
	claim.meta.annotations.n = 1;
	order[0].value = (char *)"other.example.com";
	expect(&claim, &world, "");
	order[0].value = (char *)"nfs.csi.k8s.io";
	claim.class_name = (char *)"gone";
	expect(&claim, &world, "");
}

Test(claim_plan, in_a_cluster_a_volume_that_is_there_is_not_made_again)
{
	struct storage_class class = a_class("k");
	struct persistent_volume pv = a_volume("pvc-u1");
	struct plan_world world = world_of(&class, &pv);
	struct claim claim = an_ordered_claim();

	world.is_binder = false;
	expect(&claim, &world, "");
}

Test(claim_plan, in_a_cluster_the_scheduler_says_when_a_claim_has_a_consumer)
{
	struct storage_class class = a_class("k");
	struct plan_world world = world_of(&class, NULL);
	struct claim claim = an_ordered_claim();

	world.is_binder = false;
	class.binding = BINDING_WAIT_FOR_FIRST_CONSUMER;
	expect(&claim, &world, "");
	claim.meta.annotations.n = 2;
	expect(&claim, &world, "provision pvc-u1");
}

Test(claim_plan, in_a_cluster_nothing_else_of_a_claim_is_ours)
{
	struct storage_class class = a_class("k");
	struct persistent_volume pv = a_volume("v");
	struct plan_world world = world_of(&class, &pv);
	struct claim claim = an_ordered_claim();

	world.is_binder = false;
	claim.volume_name = (char *)"v";
	expect(&claim, &world, "");
	claim.is_bind_completed = true;
	expect(&claim, &world, "");
	claim.volume_name = (char *)"";
	claim.meta.is_deleting = true;
	expect(&claim, &world, "");
}
