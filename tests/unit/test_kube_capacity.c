/* SPDX-License-Identifier: Apache-2.0 */

/* What a CSIStorageCapacity says. */

#include <string.h>

#include <cjson/cJSON.h>
#include <criterion/criterion.h>

#include "json_field.h"
#include "kube_capacity_object.h"
#include "volume_place.h"

static const struct kube_capacity_facts facts = {
	.namespace = "claimfs",
	.driver = "nfs.claimfs.io",
	.class = "fast",
	.bytes = 5000000000,
};

Test(kube_capacity, a_name_is_valid_and_a_class_has_one_of_its_own)
{
	char a[KUBE_CAPACITY_NAME_MAX], b[KUBE_CAPACITY_NAME_MAX];

	kube_capacity_name("nfs.claimfs.io", "fast", a);
	kube_capacity_name("nfs.claimfs.io", "fast", b);
	cr_expect_str_eq(a, b);
	cr_expect_eq(strspn(a, "csi-0123456789abcdef"), strlen(a));
	cr_expect_eq(strlen(a), 22);
	kube_capacity_name("nfs.claimfs.io", "slow", b);
	cr_expect_str_neq(a, b);
	kube_capacity_name("nfs.claimfs.i", "ofast", b);
	cr_expect_str_neq(a, b);
}

Test(kube_capacity, an_object_is_of_every_node_and_has_the_labels_of_ours)
{
	_cleanup_(object_unref) struct object *object = NULL;
	char text[700];

	cr_assert_eq(kube_capacity_object_new(&object, &facts, NULL), 0);
	(void)snprintf(
		text, sizeof(text),
		"{\"apiVersion\":\"storage.k8s.io/v1\",\"kind\":\"CSIStorageCapacity\","
		"\"metadata\":{\"labels\":{\"csi.storage.k8s.io/drivername\":\"nfs.claimfs.io\","
		"\"csi.storage.k8s.io/managed-by\":\"claimfs-provisioner\"},\"name\":\"%s\","
		"\"namespace\":\"claimfs\"},\"storageClassName\":\"fast\",\"nodeTopology\":{},"
		"\"capacity\":\"5000000000\"}",
		object->name);
	cr_expect_str_eq(object->text, text);
}

Test(kube_capacity, what_is_changed_is_the_number_alone)
{
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(object_unref) struct object *changed = NULL;

	cr_assert_eq(kube_capacity_object_new(&object, &facts, NULL), 0);
	cr_assert_eq(kube_capacity_object_change(&changed, object, 7, NULL), 0);
	cr_expect_str_eq(cJSON_GetStringValue(
				 json_at(changed->json, "storageClassName")),
			 "fast");
	cr_expect_eq(kube_capacity_object_bytes(changed), 7);
	cr_expect_str_eq(changed->name, object->name);
}

Test(kube_capacity, only_more_than_a_hundredth_is_news)
{
	static const struct {
		uint64_t before, now;
		bool matters;
	} rows[] = {
		{ 0, 0, false },     { 0, 1, true },
		{ 1, 0, true },	     { 1000, 990, false },
		{ 1000, 989, true }, { 990, 1000, false },
		{ 989, 1000, true }, { 5000, 5000, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		cr_expect_eq(kube_capacity_matters(rows[i].before, rows[i].now),
			     rows[i].matters, "row %zu", i);
}

/* csi-driver-nfs#260: its controller reaches a share without them, and is refused. */
Test(kube_capacity, a_class_is_asked_with_the_mount_options_of_its_pods)
{
	static struct label parameters[] = { { "server", "s" },
					     { "share", "/x" } };
	static char *options[] = { "nfsvers=3,port=1234", "mountport=1235" };
	const struct storage_class class = {
		.meta = { .name = "k" },
		.parameters = { parameters, 2 },
		.mount_options = options,
		.n_mount_options = 2,
	};
	_cleanup_(volume_place_fini) struct volume_place place = { 0 };

	cr_assert_eq(volume_place_of_class(&class, &place, NULL), 0);
	cr_expect_str_eq(place.server, "s");
	cr_expect_str_eq(place.share, "/x");
	cr_expect_eq(place.port, 1234);
	cr_expect_eq(place.mountport, 1235);
}
