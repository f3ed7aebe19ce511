/* SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "attach.h"

#define FINALIZER "external-attacher/nfs-claimfs-io"

static struct persistent_volume a_volume(uint32_t modes)
{
	return (struct persistent_volume){ .meta = { .name = (char *)"pv" },
					   .access_modes = modes };
}

static struct object *an_object(const char *node, const char *metadata,
				const char *status)
{
	struct err err = ERR_INIT;
	struct object *object = NULL;
	char text[512];

	(void)snprintf(
		text, sizeof(text),
		"{\"apiVersion\":\"storage.k8s.io/v1\",\"kind\":\"VolumeAttachment\","
		"\"metadata\":{\"name\":\"va-%s\",\"uid\":\"%s\"%s},\"spec\":{"
		"\"attacher\":\"nfs.claimfs.io\",\"nodeName\":\"%s\",\"source\":"
		"{\"persistentVolumeName\":\"pv\"}},\"status\":{%s}}",
		node, node, metadata, node, status);
	cr_assert_eq(object_parse(&object, text, strlen(text), &err), 0, "%s",
		     err_text(&err));
	return object;
}

static enum attach_fate decide(const struct persistent_volume *pv,
			       struct object *const objects[], size_t n,
			       const char *why)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	struct volume_attachment all[2];
	enum attach_fate fate;

	for (size_t i = 0; i < n; i++)
		volume_attachment_read(objects[i], &all[i]);
	fate = attach_decide(&all[0], pv, all, n, &err);
	cr_expect_str_eq(fate == ATTACH_REFUSE ? err_text(&err) : "", why);
	return fate;
}

Test(attach, a_volume_that_nobody_has_is_attached)
{
	struct persistent_volume pv = a_volume(ACCESS_RWO);
	struct object *one[] = { an_object("a", "", "\"attached\":false") };

	cr_expect_eq(decide(&pv, one, 1, ""), ATTACH_ATTACH);
	object_unref(one[0]);
}

Test(attach, what_is_attached_is_left_alone)
{
	struct persistent_volume pv = a_volume(ACCESS_RWO);
	struct object *one[] = { an_object("a", "", "\"attached\":true") };

	cr_expect_eq(decide(&pv, one, 1, ""), ATTACH_LEAVE);
	object_unref(one[0]);
}

Test(attach, a_volume_for_one_node_is_refused_to_a_second_one_by_name)
{
	static const struct {
		uint32_t modes;
		const char *rival; /* its status */
		enum attach_fate fate;
	} rows[] = {
		{ ACCESS_RWO, "\"attached\":true", ATTACH_REFUSE },
		{ ACCESS_RWOP, "\"attached\":true", ATTACH_REFUSE },
		{ ACCESS_RWO, "\"attached\":false", ATTACH_ATTACH },
		{ ACCESS_RWX, "\"attached\":true", ATTACH_ATTACH },
		{ ACCESS_ROX, "\"attached\":true", ATTACH_ATTACH },
		{ ACCESS_RWO | ACCESS_RWX, "\"attached\":true", ATTACH_ATTACH },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct persistent_volume pv = a_volume(rows[i].modes);
		struct object *two[] = {
			an_object("a", "", "\"attached\":false"),
			an_object("b", "", rows[i].rival),
		};

		cr_expect_eq(
			decide(&pv, two, 2,
			       rows[i].fate == ATTACH_REFUSE
				       ? "volume pv is attached to node b, and its access modes allow only one node"
				       : ""),
			rows[i].fate, "row %zu", i);
		object_unref(two[0]);
		object_unref(two[1]);
	}
}

Test(attach, one_that_is_being_detached_still_has_the_volume)
{
	struct persistent_volume pv = a_volume(ACCESS_RWO);
	struct object *two[] = {
		an_object("a", "", "\"attached\":false"),
		an_object(
			"b",
			",\"deletionTimestamp\":\"2026-11-28T10:00:00Z\",\"finalizers\":[\"" FINALIZER
			"\"]",
			"\"attached\":true"),
	};

	cr_expect_eq(
		decide(&pv, two, 2,
		       "volume pv is attached to node b, and its access modes allow only one node"),
		ATTACH_REFUSE);
	object_unref(two[0]);
	object_unref(two[1]);
}

Test(attach, what_is_deleted_is_let_go_once)
{
	struct persistent_volume pv = a_volume(ACCESS_RWO);
	struct object *held[] = { an_object(
		"a",
		",\"deletionTimestamp\":\"2026-11-28T10:00:00Z\",\"finalizers\":[\"" FINALIZER
		"\"]",
		"\"attached\":true") };
	struct object *let_go[] = { an_object(
		"a",
		",\"deletionTimestamp\":\"2026-11-28T10:00:00Z\",\"finalizers\":[\"foreign\"]",
		"\"attached\":true") };

	cr_expect_eq(decide(&pv, held, 1, ""), ATTACH_DETACH);
	/* Also when its volume is gone. */
	cr_expect_eq(decide(NULL, held, 1, ""), ATTACH_DETACH);
	cr_expect_eq(decide(&pv, let_go, 1, ""), ATTACH_LEAVE);
	object_unref(held[0]);
	object_unref(let_go[0]);
}

Test(attach, a_volume_that_is_not_there_is_attached_nowhere)
{
	struct object *one[] = { an_object("a", "", "") };

	cr_expect_eq(
		decide(NULL, one, 1, "the PersistentVolume does not exist"),
		ATTACH_REFUSE);
	object_unref(one[0]);
}

Test(attach, a_volume_that_is_being_deleted_goes_to_nobody_new)
{
	struct persistent_volume pv = a_volume(ACCESS_RWX);
	struct object *one[] = { an_object("a", "", "") };

	pv.meta.is_deleting = true;
	cr_expect_eq(decide(&pv, one, 1, "volume pv is being deleted"),
		     ATTACH_REFUSE);
	object_unref(one[0]);
}
