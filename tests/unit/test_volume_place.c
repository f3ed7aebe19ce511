/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include <criterion/criterion.h>

#include "volume_place.h"

static struct label parameters[] = {
	{ "server", "s" },
	{ "share", "/x" },
	{ "subDir", "${pvc.metadata.namespace}/${pvc.metadata.name}" },
};

static char *options[] = { "nfsvers=4.1", "port=1234,mountport=1235" };

static struct claim a_claim(void)
{
	return (struct claim){
		.meta = { .namespace = "ns", .name = "c", .uid = "u1" },
		.request = 5,
	};
}

static struct storage_class a_class(size_t n_parameters)
{
	return (struct storage_class){ .meta = { .name = "k" },
				       .parameters = { parameters,
						       n_parameters },
				       .mount_options = options,
				       .n_mount_options = 2 };
}

static struct label attributes[] = {
	{ "server", "s" },
	{ "share", "/x" },
	{ "subDir", "a/b" },
	{ "ondelete", "Archive" },
};

static struct persistent_volume a_volume(void)
{
	return (struct persistent_volume){
		.meta = { .name = "pv" },
		.class_name = "k",
		.handle = "../../etc",
		.claim_ref = { true, "ns", "c", "u1" },
		.attributes = { attributes, 4 },
	};
}

Test(volume_place, without_a_template_the_directory_has_the_volumes_name)
{
	_cleanup_(volume_place_fini) struct volume_place place = { 0 };
	struct storage_class class = a_class(2);
	struct claim claim = a_claim();

	cr_assert_eq(volume_place_of_claim(&claim, &class, &place, NULL), 0);
	cr_assert_str_eq(place.name, "pvc-u1");
	cr_assert_str_eq(place.path, "pvc-u1");
	cr_assert_eq(place.port, 1234);
	cr_assert_eq(place.mountport, 1235);
	cr_assert_eq(place.nfs_major, 4);
	cr_assert_eq(place.nfs_minor, 1);
}

Test(volume_place, a_template_is_filled_in)
{
	_cleanup_(volume_place_fini) struct volume_place place = { 0 };
	struct storage_class class = a_class(3);
	struct claim claim = a_claim();

	cr_assert_eq(volume_place_of_claim(&claim, &class, &place, NULL), 0);
	cr_assert_str_eq(place.path, "ns/c");
}

Test(volume_place, a_volumes_path_is_its_subdir_and_never_its_handle)
{
	_cleanup_(volume_place_fini) struct volume_place place = { 0 };
	struct persistent_volume pv = a_volume();

	cr_assert_eq(volume_place_of_volume(&pv, &place, NULL), 0);
	cr_assert_str_eq(place.path, "a/b");
	cr_assert_eq(place.on_delete, ON_DELETE_ARCHIVE);
}

/*
 * csi-driver-nfs#260: its controller deletes without them, and is refused. The class may
 * be gone, and its options others: what counts is what the volume's pods mount with.
 */
Test(volume_place, a_volume_is_deleted_with_the_mount_options_of_its_pods)
{
	_cleanup_(volume_place_fini) struct volume_place place = { 0 };
	struct persistent_volume pv = a_volume();
	struct share_volume volume;

	pv.mount_options = options;
	pv.n_mount_options = 2;
	cr_assert_eq(volume_place_of_volume(&pv, &place, NULL), 0);
	volume = volume_place_borrow(&place);
	cr_assert_eq(volume.port, 1234);
	cr_assert_eq(volume.mountport, 1235);
}

Test(volume_place, a_volume_without_a_proper_directory_is_refused)
{
	static const char *const bad[] = { "",	       "..",   "a/../b", "/a",
					   ".claimfs", "a//b", "." };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct persistent_volume pv = a_volume();
		struct volume_place place = { 0 };
		struct label own[4];

		memcpy(own, attributes, sizeof(own));
		own[2].value = (char *)bad[i];
		pv.attributes.items = own;
		cr_assert_eq(volume_place_of_volume(&pv, &place, NULL), -EINVAL,
			     "\"%s\"", bad[i]);
		cr_assert_null(place.path, "a failure leaves the output alone");
	}
}

Test(volume_place, an_intents_detail_says_everything_again)
{
	_cleanup_(volume_place_fini) struct volume_place place = { 0 };
	_cleanup_(volume_place_fini) struct volume_place again = { 0 };
	_cleanup_(free) char *detail = NULL;
	struct storage_class class = a_class(3);
	struct claim claim = a_claim();

	cr_assert_eq(volume_place_of_claim(&claim, &class, &place, NULL), 0);
	cr_assert_eq(volume_place_to_detail(&place, &detail), 0);
	cr_assert_eq(volume_place_from_detail(detail, &again, NULL), 0);
	cr_assert_str_eq(again.server, "s");
	cr_assert_str_eq(again.share, "/x");
	cr_assert_str_eq(again.path, "ns/c");
	cr_assert_str_eq(again.name, "pvc-u1");
	cr_assert_str_eq(again.claim_uid, "u1");
	cr_assert_eq(again.mountport, 1235);
}

Test(volume_place, an_edited_detail_leads_nowhere)
{
	struct volume_place place = { 0 };

	cr_assert_eq(
		volume_place_from_detail(
			"{\"server\":\"s\",\"share\":\"/\",\"path\":\"../x\"}",
			&place, NULL),
		-EINVAL);
	cr_assert_eq(volume_place_from_detail("not JSON", &place, NULL),
		     -EINVAL);
}
