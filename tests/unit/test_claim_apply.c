/* SPDX-License-Identifier: Apache-2.0 */

/* Plans that are outdated when they are applied: somebody else was faster. */

#include "claim_apply.h"
#include "registry_fixture.h"

TestSuite(claim_apply, .init = fixture_open, .fini = fixture_close);

#define VOLUME_TEXT(more)                                                     \
	"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolume\","               \
	"\"metadata\":{\"name\":\"pv\"},\"spec\":{\"capacity\":{\"storage\":" \
	"\"1Gi\"},\"accessModes\":[\"ReadWriteMany\"]," more                  \
	"\"nfs\":{\"server\":\"s\",\"path\":\"/x\"}}}"

/* All four steps of a binding of the claim to "pv". */
static int bind(struct object *claim)
{
	static const enum claim_step steps[] = { STEP_BIND_VOLUME,
						 STEP_SET_VOLUME_PHASE,
						 STEP_BIND_CLAIM,
						 STEP_SET_CLAIM_PHASE };
	const struct applier applier = {
		.cluster = registry_cluster(registry),
		.store = store,
	};
	const struct apply_subject subject = { .object = claim };
	_cleanup_(plan_fini) struct plan plan = { 0 };
	_cleanup_(err_fini) struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		cr_assert_eq(plan_add(&plan,
				      &(struct plan_step){
					      .step = steps[i],
					      .volume = (char *)"pv",
					      .volume_phase = PV_BOUND,
					      .claim_phase = CLAIM_BOUND }),
			     0);
	return claim_apply(&applier, &subject, &plan, &err);
}

static void expect_claim(const char *phase, const char *volume)
{
	_cleanup_(object_unref) struct object *claim = NULL;

	cr_assert_eq(registry_get(registry, KIND_CLAIM, "default", "c", &claim,
				  NULL),
		     0);
	cr_expect_str_eq(string_at(claim, "status.phase"), phase);
	cr_expect_str_eq(string_at(claim, "spec.volumeName"), volume);
	cr_expect_eq(!json_at(claim->json, "metadata.annotations"),
		     strcmp(phase, "Bound") != 0);
}

static void expect_volume(const char *claim, const char *phase)
{
	_cleanup_(object_unref) struct object *pv = NULL;

	cr_assert_eq(registry_get(registry, KIND_PERSISTENT_VOLUME, "", "pv",
				  &pv, NULL),
		     0);
	cr_expect_str_eq(string_at(pv, "spec.claimRef.name"), claim);
	cr_expect_str_eq(string_at(pv, "status.phase"), phase);
}

Test(claim_apply, a_binding_is_written_on_both_sides)
{
	_cleanup_(object_unref) struct object *pv =
		must_create(VOLUME_TEXT(""));
	_cleanup_(object_unref) struct object *claim =
		must_create(CLAIM_TEXT("c"));

	cr_assert_eq(bind(claim), 0);
	expect_claim("Bound", "pv");
	expect_volume("c", "Bound");
}

Test(claim_apply, a_volume_that_was_reserved_meanwhile_is_left_alone)
{
	_cleanup_(object_unref) struct object *pv = must_create(VOLUME_TEXT(
		"\"claimRef\":{\"namespace\":\"default\",\"name\":\"other\"},"));
	_cleanup_(object_unref) struct object *claim =
		must_create(CLAIM_TEXT("c"));

	cr_assert_eq(bind(claim), APPLY_AGAIN);
	expect_claim("Pending", "");
	expect_volume("other", "Pending");
}

Test(claim_apply, a_volume_that_was_bound_meanwhile_is_left_alone)
{
	_cleanup_(object_unref) struct object *pv = must_create(VOLUME_TEXT(
		"\"claimRef\":{\"namespace\":\"default\",\"name\":\"other\","
		"\"uid\":\"u\"},"));
	_cleanup_(object_unref) struct object *claim =
		must_create(CLAIM_TEXT("c"));

	cr_assert_eq(bind(claim), APPLY_AGAIN);
	expect_claim("Pending", "");
	expect_volume("other", "Pending");
}

Test(claim_apply, a_volume_that_went_meanwhile_binds_nothing)
{
	_cleanup_(object_unref) struct object *claim =
		must_create(CLAIM_TEXT("c"));

	cr_assert_eq(bind(claim), APPLY_AGAIN);
	expect_claim("Pending", "");
}

Test(claim_apply, a_claim_that_names_another_volume_meanwhile_keeps_it)
{
	static const char text[] =
		"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\","
		"\"metadata\":{\"name\":\"c\"},\"spec\":{\"accessModes\":"
		"[\"ReadWriteMany\"],\"volumeName\":\"mine\","
		"\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}}";
	_cleanup_(object_unref) struct object *pv =
		must_create(VOLUME_TEXT(""));
	_cleanup_(object_unref) struct object *claim = must_create(text);

	cr_assert_eq(bind(claim), APPLY_AGAIN);
	expect_claim("Pending", "mine");
}
