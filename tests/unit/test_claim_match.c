/* SPDX-License-Identifier: Apache-2.0 */

#include <criterion/criterion.h>

#include "claim_match.h"
#include "csi_origin.h"

#define GI (1024ull * 1024 * 1024)

static struct claim a_claim(uint32_t modes)
{
	return (struct claim){
		.meta = { .namespace = "ns", .name = "c", .uid = "u1" },
		.request = GI,
		.access_modes = modes,
		.class_name = "",
		.attributes_class = "",
		.volume_name = "",
	};
}

static struct persistent_volume a_volume(const char *name, uint64_t capacity,
					 uint32_t modes)
{
	return (struct persistent_volume){
		.meta = { .namespace = "", .name = (char *)name, .uid = "v" },
		.phase = PV_AVAILABLE,
		.capacity = capacity,
		.access_modes = modes,
		.class_name = "",
		.attributes_class = "",
	};
}

static void expect(const struct claim *claim,
		   const struct persistent_volume *volumes, size_t n,
		   const char *name)
{
	const struct persistent_volume *pv = claim_match(claim, volumes, n, 0);

	if (!name) {
		cr_assert_null(pv);
		return;
	}
	cr_assert_not_null(pv);
	cr_assert_str_eq(pv->meta.name, name);
}

Test(claim_match, the_smallest_that_fits_wins_and_the_first_of_equals)
{
	struct claim claim = a_claim(ACCESS_RWO);
	struct persistent_volume volumes[] = {
		a_volume("small", GI - 1, ACCESS_RWO),
		a_volume("large", 5 * GI, ACCESS_RWO),
		a_volume("fit", 2 * GI, ACCESS_RWO),
		a_volume("fit-too", 2 * GI, ACCESS_RWO),
	};

	expect(&claim, volumes, 4, "fit");
	expect(&claim, volumes, 2, "large");
	expect(&claim, volumes, 1, NULL);
}

Test(claim_match, closer_access_modes_beat_a_better_size)
{
	struct claim claim = a_claim(ACCESS_RWO);
	struct persistent_volume volumes[] = {
		a_volume("all", GI, ACCESS_RWO | ACCESS_ROX | ACCESS_RWX),
		a_volume("two", 2 * GI, ACCESS_RWO | ACCESS_RWX),
		a_volume("one", 9 * GI, ACCESS_RWO),
	};

	expect(&claim, volumes, 3, "one");
	expect(&claim, volumes, 2, "two");
	expect(&claim, volumes, 1, "all");
	claim.access_modes = ACCESS_ROX | ACCESS_RWX;
	expect(&claim, volumes, 3, "all");
	claim.access_modes = ACCESS_RWOP;
	expect(&claim, volumes, 3, NULL);
}

Test(claim_match, what_must_agree_agrees)
{
	struct claim claim = a_claim(ACCESS_RWX);
	const struct persistent_volume good = a_volume("pv", GI, ACCESS_RWX);
	struct persistent_volume bad[7];

	for (size_t i = 0; i < 7; i++)
		bad[i] = good;
	bad[0].phase = PV_RELEASED;
	bad[1].phase = PV_PENDING;
	bad[2].is_block = true;
	bad[3].class_name = "x";
	bad[4].attributes_class = "gold";
	bad[5].meta.is_deleting = true;
	bad[6].claim_ref = (struct claim_ref){ true, "ns", "other", "" };
	expect(&claim, &good, 1, "pv");
	for (size_t i = 0; i < 7; i++)
		expect(&claim, &bad[i], 1, NULL);
}

Test(claim_match, a_volume_over_csi_is_none_that_was_free)
{
	struct claim claim = a_claim(ACCESS_RWX);
	struct persistent_volume volume = a_volume("pv", GI, ACCESS_RWX);

	expect(&claim, &volume, 1, "pv");
	claim.meta.namespace = "claimfs-csi";
	expect(&claim, &volume, 1, NULL);
	volume.claim_ref = (struct claim_ref){ .is_set = true,
					       .namespace = "claimfs-csi",
					       .name = claim.meta.name,
					       .uid = claim.meta.uid };
	expect(&claim, &volume, 1, "pv");
}

/* Whoever may make claims in a cluster chooses their namespace. */
Test(claim_match, no_claim_of_a_cluster_is_one_over_csi)
{
	struct claim claim = { .meta = { .namespace = CSI_NAMESPACE } };

	cr_assert(claim_is_csi(&claim));
	csi_origin_ignore();
	cr_assert_not(claim_is_csi(&claim));
	cr_assert_null(claim_csi_volume_name(&claim));
}

Test(claim_match, a_selector_looks_at_labels)
{
	struct claim claim = a_claim(ACCESS_RWX);
	struct label label = { .key = "tier", .value = "gold" };
	char *gold[] = { "gold" };
	struct selector_term term = {
		.key = "tier", .op = SELECTOR_IN, .values = gold, .n_values = 1
	};
	struct persistent_volume volumes[] = {
		a_volume("plain", GI, ACCESS_RWX),
		a_volume("gold", 2 * GI, ACCESS_RWX),
	};

	volumes[1].meta.labels = (struct labels){ &label, 1 };
	claim.selector = (struct selector){ true, &term, 1 };
	expect(&claim, volumes, 2, "gold");
	term.op = SELECTOR_NOT_IN;
	expect(&claim, volumes, 2, "plain");
}

Test(claim_match, a_volume_that_is_the_claims_is_taken_before_any_other)
{
	struct claim claim = a_claim(ACCESS_RWX);
	struct persistent_volume volumes[] = {
		a_volume("fit", GI, ACCESS_RWX),
		a_volume("mine", 9 * GI, ACCESS_RWX),
	};

	volumes[1].claim_ref = (struct claim_ref){ true, "ns", "c", "u1" };
	volumes[1].phase = PV_BOUND;
	expect(&claim, volumes, 2, "mine");
	cr_assert_str_eq(
		claim_match(&claim, volumes, 2, CLAIM_MATCH_CLAIMED_ONLY)
			->meta.name,
		"mine");
	cr_assert_null(
		claim_match(&claim, volumes, 1, CLAIM_MATCH_CLAIMED_ONLY));
	volumes[1].claim_ref.uid = "u2";
	expect(&claim, volumes, 2, "fit");
}
