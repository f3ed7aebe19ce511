/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include <criterion/criterion.h>

#include "csi_capability.h"
#include "csi_name.h"
#include "csi_origin.h"

Test(csi_request, a_name_is_any_text_without_control_characters)
{
	static const struct {
		const char *text;
		bool is_clean;
	} cases[] = {
		{ "", true },
		{ "plain", true },
		{ "tab\tand\nline\r", true },
		{ "\xc3\xbc", true },
		{ "\xc2\xa0", true },
		{ "\xe2\x82\xac", true },
		{ "\xf0\x9f\x98\x80", true },
		{ "\x01", false },
		{ "\x0b", false },
		{ "\x7f", false },
		{ "\xc2\x80", false }, /* U+0080 */
		{ "\xc2\x9f", false },
		{ "\xc3", false },	   /* cut */
		{ "\xe2\x82", false },	   /* cut */
		{ "\xc0\xaf", false },	   /* longer than it must be */
		{ "\xe0\x80\xaf", false }, /* the same */
		{ "\xed\xa0\x80", false }, /* a surrogate */
		{ "\xf4\x90\x80\x80", false },
		{ "\xff", false },
		{ "\x80", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(csi_text_is_clean(cases[i].text),
			     cases[i].is_clean, "case %zu", i);
}

Test(csi_request, a_name_is_kept_where_an_object_can_have_it)
{
	static const char long_label[] =
		"a23456789-123456789-123456789-123456789-123456789-123456789-123";
	char name[CSI_OBJECT_NAME_MAX], other[CSI_OBJECT_NAME_MAX];

	csi_object_name("pvc-1", name);
	cr_expect_str_eq(name, "pvc-1");
	csi_object_name(long_label, name);
	cr_expect_str_eq(name, long_label);
	csi_object_name("Upper", name);
	cr_expect_eq(strlen(name), strlen("csi-0123456789abcdef"));
	cr_expect(csi_name_is_label(name));
	csi_object_name("upper.", other);
	cr_expect_str_neq(name, other);
}

static Csi__V1__VolumeCapability *capability(int mode, char **flags,
					     size_t n_flags)
{
	static struct {
		Csi__V1__VolumeCapability capability;
		Csi__V1__VolumeCapability__MountVolume mount;
		Csi__V1__VolumeCapability__AccessMode mode;
	} items[8];
	static size_t n;
	__typeof__(items[0]) *item = &items[n++ % ARRAY_SIZE(items)];

	csi__v1__volume_capability__init(&item->capability);
	csi__v1__volume_capability__mount_volume__init(&item->mount);
	csi__v1__volume_capability__access_mode__init(&item->mode);
	item->mode.mode = (Csi__V1__VolumeCapability__AccessMode__Mode)mode;
	item->mount.mount_flags = flags;
	item->mount.n_mount_flags = n_flags;
	item->capability.access_type_case =
		CSI__V1__VOLUME_CAPABILITY__ACCESS_TYPE_MOUNT;
	item->capability.mount = &item->mount;
	item->capability.access_mode = &item->mode;
	return &item->capability;
}

Test(csi_request, access_modes_promise_as_much_as_kubernetes)
{
	static const struct {
		int modes[3];
		uint32_t mask;
	} cases[] = {
		{ { 1 }, ACCESS_RWO },	  { { 2 }, ACCESS_RWO },
		{ { 3 }, ACCESS_ROX },	  { { 4 }, ACCESS_RWX },
		{ { 5 }, ACCESS_RWX },	  { { 6 }, ACCESS_RWOP },
		{ { 7 }, ACCESS_RWO },	  { { 1, 3 }, ACCESS_RWO | ACCESS_ROX },
		{ { 6, 5 }, ACCESS_RWX }, { { 6, 6 }, ACCESS_RWOP },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		Csi__V1__VolumeCapability *wire[3];
		struct csi_capabilities found;
		struct err err = ERR_INIT;
		size_t n = 0;

		while (n < 3 && cases[i].modes[n]) {
			wire[n] = capability(cases[i].modes[n], NULL, 0);
			n++;
		}
		cr_assert_eq(csi_capabilities_read(wire, n, &found, &err),
			     RPC_OK, "%s", err_text(&err));
		cr_expect_eq(found.modes, cases[i].mask, "case %zu", i);
		cr_expect_eq(found.n,
			     (size_t)__builtin_popcount(cases[i].mask));
	}
}

Test(csi_request, a_mode_that_is_none_is_refused)
{
	static const int modes[] = { -1, 0, 8, 1 << 20 };

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct err err = ERR_INIT;

		cr_expect_eq(csi_capability_check(capability(modes[i], NULL, 0),
						  &err),
			     RPC_INVALID_ARGUMENT);
		err_fini(&err);
	}
}

Test(csi_request, a_volume_of_more_modes_does_for_fewer)
{
	cr_expect(csi_modes_allow(ACCESS_RWX, ACCESS_RWO));
	cr_expect(csi_modes_allow(ACCESS_RWX, ACCESS_ROX));
	cr_expect(csi_modes_allow(ACCESS_RWO, ACCESS_RWOP));
	cr_expect_not(csi_modes_allow(ACCESS_RWOP, ACCESS_RWO));
	cr_expect_not(csi_modes_allow(ACCESS_RWO, ACCESS_RWX));
	cr_expect_not(csi_modes_allow(ACCESS_RWO, ACCESS_ROX));
	cr_expect_not(csi_modes_allow(ACCESS_ROX, ACCESS_RWO));
	cr_expect_not(csi_modes_allow_all(ACCESS_RWO, ACCESS_RWO | ACCESS_ROX));
	cr_expect(csi_modes_allow_all(ACCESS_RWX, ACCESS_RWO | ACCESS_ROX));
}

Test(csi_request, flags_are_the_same_in_all_capabilities)
{
	char one[] = "port=1", two[] = "port=2";
	char *a[] = { one }, *b[] = { two };
	Csi__V1__VolumeCapability *wire[] = { capability(1, a, 1),
					      capability(5, a, 1),
					      capability(5, b, 1) };
	struct csi_capabilities found;
	struct err err = ERR_INIT;

	cr_expect_eq(csi_capabilities_read(wire, 2, &found, &err), RPC_OK);
	cr_expect_eq(found.n_mount_flags, 1);
	cr_expect_eq(csi_capabilities_read(wire, 3, &found, &err),
		     RPC_INVALID_ARGUMENT);
	err_fini(&err);
}

Test(csi_request, a_range_has_both_ends)
{
	static const struct {
		int64_t required, limit;
		enum rpc_status status;
	} cases[] = {
		{ 0, 0, RPC_OK },
		{ 5, 0, RPC_OK },
		{ 5, 5, RPC_OK },
		{ 0, 5, RPC_OK },
		{ 6, 5, RPC_OUT_OF_RANGE },
		{ -1, 0, RPC_INVALID_ARGUMENT },
		{ 0, -1, RPC_INVALID_ARGUMENT },
	};
	const struct csi_range range = { .required = 5, .limit = 7 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		Csi__V1__CapacityRange wire = CSI__V1__CAPACITY_RANGE__INIT;
		struct csi_range found;
		struct err err = ERR_INIT;

		wire.required_bytes = cases[i].required;
		wire.limit_bytes = cases[i].limit;
		cr_expect_eq(csi_range_read(&wire, &found, &err),
			     cases[i].status, "case %zu", i);
		err_fini(&err);
	}
	cr_expect_not(csi_range_has(&range, 4));
	cr_expect(csi_range_has(&range, 5) && csi_range_has(&range, 7));
	cr_expect_not(csi_range_has(&range, 8));
}

Test(csi_request, a_map_has_the_last_value_of_a_key)
{
	ProtobufCMessage **entries = csi_map_new(
		&csi__v1__create_volume_request__parameters_entry__descriptor,
		3);
	struct labels labels = { 0 };
	struct err err = ERR_INIT;

	csi_map_set(entries[0], (struct csi_pair){ "a", "1" });
	csi_map_set(entries[1], (struct csi_pair){ "b", "2" });
	csi_map_set(entries[2], (struct csi_pair){ "a", "3" });
	cr_assert_eq(csi_labels_read(entries, 3, "map", &labels, &err), RPC_OK);
	cr_expect_eq(labels.n, 2);
	cr_expect_str_eq(labels_get(&labels, "a"), "3");
	labels_fini(&labels);
	csi_map_set(entries[1], (struct csi_pair){ "b", "\x01" });
	cr_expect_eq(csi_labels_read(entries, 3, "map", &labels, &err),
		     RPC_INVALID_ARGUMENT);
	err_fini(&err);
	free(entries);
}

static struct claim a_claim(const char *namespace, struct label *annotations,
			    size_t n)
{
	return (struct claim){
		.meta = { .namespace = (char *)namespace,
			  .name = "name",
			  .annotations = { .items = annotations, .n = n } },
	};
}

Test(csi_request, what_a_claim_says_counts_in_its_namespace_only)
{
	struct label annotations[] = {
		{ ANNOTATION_VOLUME_NAME, "volume" },
		{ ANNOTATION_TOLD_CLAIM, "data" },
		{ ANNOTATION_TOLD_NAMESPACE, "shop" },
	};
	struct claim ours = a_claim(CSI_NAMESPACE, annotations, 3);
	struct claim theirs = a_claim("default", annotations, 3);

	cr_expect_str_eq(claim_csi_volume_name(&ours), "volume");
	cr_expect_str_eq(claim_told_name(&ours), "data");
	cr_expect_str_eq(claim_told_namespace(&ours), "shop");
	cr_expect_str_eq(claim_told_volume(&ours, "pv"), "pv");
	cr_expect_null(claim_csi_volume_name(&theirs));
	cr_expect_str_eq(claim_told_name(&theirs), "name");
	annotations[0].value = "../../etc";
	cr_expect_null(claim_csi_volume_name(&ours));
}
