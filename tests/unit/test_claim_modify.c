/* SPDX-License-Identifier: Apache-2.0 */

/* VolumeAttributesClasses: plans of claims of a cluster, and what volumes then have. */

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <criterion/criterion.h>

#include "claim_condition.h"
#include "claim_plan.h"
#include "class_parameters.h"
#include "json_field.h"
#include "model_decode.h"
#include "object_change.h"
#include "volume_attributes.h"
#include "volume_place.h"

#define GI (1024ull * 1024 * 1024)

static const char *const drivers[] = { "nfs.claimfs.io" };

static struct label gold[] = { { "onDelete", "retain" },
			       { "mountPermissions", "0770" } };
static struct label fixed[] = { { "subDir", "elsewhere" } };

static struct attributes_class classes[] = {
	{ .name = "gold",
	  .driver = "nfs.claimfs.io",
	  .parameters = { gold, 2 } },
	{ .name = "foreign",
	  .driver = "ebs.csi.aws.com",
	  .parameters = { gold, 1 } },
	{ .name = "fixed",
	  .driver = "nfs.claimfs.io",
	  .parameters = { fixed, 1 } },
};

static struct label order = {
	.key = (char *)"volume.kubernetes.io/storage-provisioner",
	.value = (char *)"nfs.claimfs.io",
};

static const struct storage_class class = {
	.meta = { .name = "k" },
	.provisioner = "nfs.claimfs.io",
};

static const struct persistent_volume volume = {
	.meta = { .name = "v" },
	.phase = PV_BOUND,
	.capacity = GI,
	.claim_ref = { true, "ns", "c", "u1" },
	.class_name = "k",
	.attributes_class = "",
	.driver = "nfs.claimfs.io",
};

static struct claim a_claim(const char *wanted)
{
	return (struct claim){
		.meta = { .namespace = "ns", .name = "c", .uid = "u1" },
		.phase = CLAIM_BOUND,
		.request = GI,
		.capacity = GI,
		.has_class = true,
		.class_name = "k",
		.attributes_class = (char *)wanted,
		.current_attributes_class = "",
		.modify_target = "",
		.volume_name = "v",
	};
}

static struct claim a_new_claim(const char *wanted)
{
	struct claim claim = a_claim(wanted);

	claim.phase = CLAIM_PENDING;
	claim.volume_name = (char *)"";
	claim.meta.annotations = (struct labels){ &order, 1 };
	return claim;
}

static const struct plan_world world = {
	.classes = &class,
	.n_classes = 1,
	.attributes_classes = classes,
	.n_attributes_classes = ARRAY_SIZE(classes),
	.volumes = &volume,
	.n_volumes = 1,
	.drivers = drivers,
	.n_drivers = 1,
};

/* "begin-modify gold; event VolumeModify" */
static void expect(const struct claim *claim, const char *steps)
{
	_cleanup_(plan_fini) struct plan plan = { 0 };
	char text[512] = "";
	size_t len = 0;

	cr_assert_eq(claim_plan(claim, &world, &plan), 0);
	for (size_t i = 0; i < plan.n; i++) {
		const struct plan_step *step = &plan.steps[i];
		const char *about =
			step->step == STEP_EVENT ? step->reason : step->value;

		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"%s%s%s%s", i ? "; " : "",
					claim_step_name(step->step),
					about ? " " : "", about ? about : "");
	}
	cr_expect_str_eq(text, steps);
}

static void expect_message(const struct claim *claim, const char *message)
{
	_cleanup_(plan_fini) struct plan plan = { 0 };

	cr_assert_eq(claim_plan(claim, &world, &plan), 0);
	cr_assert_gt(plan.n, 0);
	cr_expect_str_eq(plan.steps[plan.n - 1].value, message);
}

/* --- at the start --------------------------------------------------------------------- */

Test(claim_modify, a_volume_is_made_with_a_class_of_ours)
{
	struct claim claim = a_new_claim("gold");

	expect(&claim, "provision k");
	claim = a_new_claim("");
	expect(&claim, "provision k");
}

Test(claim_modify, a_new_claim_waits_for_a_class_that_is_missing)
{
	struct claim claim = a_new_claim("gone");

	expect(&claim, "event ProvisioningFailed");
	expect_message(
		&claim,
		"failed to provision volume with StorageClass \"k\": volumeattributesclass.storage.k8s.io \"gone\" not found");
}

Test(claim_modify, a_new_claim_with_a_class_of_no_use_gets_no_volume)
{
	struct claim claim = a_new_claim("foreign");

	expect_message(
		&claim,
		"failed to provision volume with StorageClass \"k\": VolumeAttributesClass \"foreign\" is for driver \"ebs.csi.aws.com\", the volume's is \"nfs.claimfs.io\"");
	claim = a_new_claim("fixed");
	expect_message(
		&claim,
		"failed to provision volume with StorageClass \"k\": VolumeAttributesClass \"fixed\": invalid parameter \"subDir\" of a VolumeAttributesClass; allowed: onDelete, trashTTL, mountPermissions");
}

/* --- later ------------------------------------------------------------------------------ */

Test(claim_modify, a_claim_that_has_what_it_wants_is_left_alone)
{
	struct claim claim = a_claim("gold");

	claim.current_attributes_class = (char *)"gold";
	expect(&claim, "");
	claim = a_claim("");
	expect(&claim, "");
}

Test(claim_modify, another_class_is_begun_carried_out_and_ended)
{
	struct claim claim = a_claim("gold");

	expect(&claim,
	       "begin-modify gold; event VolumeModify; modify gold; end-modify gold; event VolumeModifySuccessful");
}

Test(claim_modify, what_was_begun_is_finished_without_a_second_begin)
{
	struct claim claim = a_claim("gold");

	claim.modify_phase = MODIFY_IN_PROGRESS;
	claim.modify_target = (char *)"gold";
	expect(&claim,
	       "modify gold; end-modify gold; event VolumeModifySuccessful");
	claim.current_attributes_class = (char *)"gold";
	expect(&claim,
	       "modify gold; end-modify gold; event VolumeModifySuccessful");
	claim.attributes_class = (char *)"";
	expect(&claim,
	       "modify gold; end-modify gold; event VolumeModifySuccessful");
}

Test(claim_modify, a_claim_that_changes_its_mind_gets_what_it_wants_last)
{
	struct claim claim = a_claim("gold");

	claim.modify_phase = MODIFY_IN_PROGRESS;
	claim.modify_target = (char *)"silver";
	expect(&claim,
	       "begin-modify gold; event VolumeModify; modify gold; end-modify gold; event VolumeModifySuccessful");
}

Test(claim_modify, a_class_that_is_missing_is_waited_for)
{
	struct claim claim = a_claim("gone");

	expect(&claim, "event VolumeModifyFailed; await-attributes gone");
	claim.modify_phase = MODIFY_PENDING;
	expect(&claim, "event VolumeModifyFailed");
	expect_message(&claim, "VAC \"gone\" does not exist.");
	claim.attributes_class = (char *)"gold";
	expect(&claim,
	       "begin-modify gold; event VolumeModify; modify gold; end-modify gold; event VolumeModifySuccessful");
}

Test(claim_modify, a_class_of_no_use_is_refused_once)
{
	struct claim claim = a_claim("fixed");

	expect(&claim,
	       "begin-modify fixed; event VolumeModify; refuse-modify VolumeAttributesClass \"fixed\": invalid parameter \"subDir\" of a VolumeAttributesClass; allowed: onDelete, trashTTL, mountPermissions; event VolumeModifyFailed");
	claim.modify_phase = MODIFY_INFEASIBLE;
	claim.modify_target = (char *)"fixed";
	expect(&claim, "");
	claim.attributes_class = (char *)"gold";
	expect(&claim,
	       "begin-modify gold; event VolumeModify; modify gold; end-modify gold; event VolumeModifySuccessful");
}

Test(claim_modify, a_claim_that_wants_none_any_more_is_told_of_no_modification)
{
	struct claim claim = a_claim("");

	claim.modify_phase = MODIFY_INFEASIBLE;
	claim.modify_target = (char *)"fixed";
	claim.tells_of_modifying = true;
	expect(&claim, "cancel-modify; event VolumeModifyCanceled");
	claim.tells_of_modifying = false;
	expect(&claim, "");
}

Test(claim_modify, an_expansion_comes_first)
{
	struct claim claim = a_claim("gold");

	claim.request = 2 * GI;
	claim.resize_target = 2 * GI;
	expect(&claim, "expand; end-expansion; event VolumeResizeSuccessful");
}

Test(claim_modify, a_volume_of_another_claim_or_driver_stays_as_it_is)
{
	struct claim claim = a_claim("gold");

	claim.meta.uid = (char *)"another";
	expect(&claim, "");
	claim = a_claim("gold");
	claim.phase = CLAIM_PENDING;
	expect(&claim, "");
}

/* --- what the status says ------------------------------------------------------------------ */

Test(claim_modify, a_claims_status_says_how_far_it_is)
{
	static const char text[] =
		"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\","
		"\"metadata\":{\"name\":\"c\"},\"spec\":{\"accessModes\":"
		"[\"ReadWriteMany\"],\"volumeAttributesClassName\":\"gold\"},"
		"\"status\":{\"phase\":\"Bound\","
		"\"currentVolumeAttributesClassName\":\"silver\","
		"\"modifyVolumeStatus\":{\"status\":\"InProgress\","
		"\"targetVolumeAttributesClassName\":\"gold\"},"
		"\"conditions\":[{\"type\":\"ModifyingVolume\"}]}}";
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(claim_fini) struct claim claim = { 0 };

	cr_assert_eq(object_parse(&object, text, strlen(text), NULL), 0);
	cr_assert_eq(claim_decode(object, &claim, NULL), 0);
	cr_expect_str_eq(claim.current_attributes_class, "silver");
	cr_expect_str_eq(claim.modify_target, "gold");
	cr_expect_eq(claim.modify_phase, MODIFY_IN_PROGRESS);
	cr_expect(claim.tells_of_modifying);
}

Test(claim_modify, a_condition_that_says_the_same_is_no_change)
{
	struct claim_condition condition = { .type = "ModifyVolumeError",
					     .reason = "Unavailable",
					     .message = "in 16 s",
					     .keeps_message = true };
	cJSON *status = cJSON_CreateObject();

	cr_expect_eq(claim_condition_set(status, &condition), 0);
	condition.message = "in 15 s";
	cr_expect_eq(claim_condition_set(status, &condition), CHANGE_NONE);
	condition.keeps_message = false;
	cr_expect_eq(claim_condition_set(status, &condition), 0);
	cr_expect_eq(claim_condition_set(status, &condition), CHANGE_NONE);
	condition.reason = "InvalidArgument";
	cr_expect_eq(claim_condition_set(status, &condition), 0);
	cr_expect_eq(cJSON_GetArraySize(json_at(status, "conditions")), 1);
	claim_conditions_drop(status, &condition.type, 1);
	cr_expect_null(json_at(status, "conditions"));
	cJSON_Delete(status);
}

/* --- what a volume has ---------------------------------------------------------------------- */

static const char made[] =
	"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolume\",\"metadata\":"
	"{\"name\":\"v\"},\"spec\":{\"capacity\":{\"storage\":\"1Gi\"},"
	"\"accessModes\":[\"ReadWriteMany\"],\"csi\":{\"driver\":"
	"\"nfs.claimfs.io\",\"volumeHandle\":\"v\",\"volumeAttributes\":{"
	"\"server\":\"s\",\"share\":\"/x\",\"subDir\":\"v\","
	"\"onDelete\":\"archive\",\"trashTTL\":\"2h\"}}}}";

/* Takes the volume, and gives it back as one of that class. */
static struct object *modified(struct object *take_object,
			       const struct attributes_class *to, int outcome)
{
	_cleanup_(object_unref) struct object *object = take_object;
	struct object *ret = NULL;
	cJSON *json = object_edit(object);

	cr_assert_eq(volume_attributes_set(json, to), outcome);
	cr_assert_eq(object_new(&ret, json, NULL), 0);
	return ret;
}

static void expect_place(const struct object *object, enum on_delete on_delete,
			 uint64_t trash_ttl_s, uint32_t permissions)
{
	_cleanup_(persistent_volume_fini) struct persistent_volume pv = { 0 };
	_cleanup_(volume_place_fini) struct volume_place place = { 0 };

	cr_assert_eq(persistent_volume_decode(object, &pv, NULL), 0);
	cr_assert_eq(volume_place_of_volume(&pv, &place, NULL), 0);
	cr_expect_eq(place.on_delete, on_delete);
	cr_expect_eq(place.trash_ttl_s, trash_ttl_s);
	cr_expect_eq(volume_permissions(&pv), permissions);
}

Test(claim_modify, a_volume_has_what_its_class_says_and_the_rest_as_it_was_made)
{
	static struct label short_lived[] = { { "TRASHTTL", "0" } };
	static const struct attributes_class silver = {
		.name = "silver", .parameters = { short_lived, 1 }
	};
	struct object *object = NULL;

	cr_assert_eq(object_parse(&object, made, strlen(made), NULL), 0);
	expect_place(object, ON_DELETE_ARCHIVE, 7200, 0);
	object = modified(object, &classes[0], 0);
	expect_place(object, ON_DELETE_RETAIN, 7200, 0770);
	object = modified(object, &classes[0], CHANGE_NONE);
	object = modified(object, &silver, 0);
	expect_place(object, ON_DELETE_ARCHIVE, 0, 0);
	cr_expect_str_eq(
		cJSON_GetStringValue(json_at(object->json,
					     "spec.volumeAttributesClassName")),
		"silver");
	object_unref(object);
}

Test(claim_modify, a_class_has_only_what_can_be_another_later)
{
	struct {
		struct label label;
		int r;
	} rows[] = {
		{ { "onDelete", "archive" }, 0 },
		{ { "ondelete", "burn" }, -EINVAL },
		{ { "trashTTL", "7d" }, 0 },
		{ { "trashTTL", "soon" }, -EINVAL },
		{ { "mountPermissions", "0750" }, 0 },
		{ { "mountPermissions", "rwx" }, -EINVAL },
		{ { "csi.storage.k8s.io/pv/name", "v" }, 0 },
		{ { "server", "s" }, -EINVAL },
		{ { "iops", "5" }, -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct labels labels = { &rows[i].label, 1 };

		cr_expect_eq(class_mutable_check(&labels, NULL), rows[i].r,
			     "%s", rows[i].label.key);
	}
}
