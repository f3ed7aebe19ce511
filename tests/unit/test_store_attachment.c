/* SPDX-License-Identifier: Apache-2.0 */

/* Leases: who may attach a volume while somebody else has it. */

#include "registry_fixture.h"
#include "store_attachment.h"

TestSuite(store_attachment, .init = fixture_open, .fini = fixture_close);

static struct attachment on(const char *node, const char *pod)
{
	return (struct attachment){ .volume = (char *)"pv",
				    .node = (char *)node,
				    .pod_namespace = (char *)"ns",
				    .pod = (char *)pod,
				    .pod_uid = (char *)pod };
}

/* holder: whose pod is in the way; NULL = nobody's. */
static void attach(const char *node, const char *pod,
		   enum attachment_scope scope, const char *holder)
{
	_cleanup_(attachment_fini) struct attachment found = { 0 };
	const struct attachment attachment = on(node, pod);
	int r = store_attach(store, &attachment, scope, &found, NULL);

	cr_assert_eq(r, holder ? STORE_CONFLICT : 0);
	if (holder)
		cr_assert_str_eq(found.pod, holder);
	else
		cr_assert_null(found.pod);
}

static size_t count(const char *volume)
{
	_cleanup_(attachment_list_fini) struct attachment_list list = { 0 };

	cr_assert_eq(store_attachment_list(store, volume, &list, NULL), 0);
	return list.n;
}

Test(store_attachment, a_lease_of_one_node_keeps_other_nodes_away)
{
	attach("node-a", "p1", ATTACHMENT_ONE_NODE, NULL);
	attach("node-a", "p1", ATTACHMENT_ONE_NODE, NULL);
	attach("node-a", "p2", ATTACHMENT_ONE_NODE, NULL);
	attach("node-b", "p3", ATTACHMENT_ONE_NODE, "p1");
	cr_assert_eq(count("pv"), 2);
	cr_assert_eq(store_detach(store, "p1", NULL, NULL), 0);
	attach("node-b", "p3", ATTACHMENT_ONE_NODE, "p2");
	cr_assert_eq(store_detach(store, "p2", "other", NULL), 0);
	attach("node-b", "p3", ATTACHMENT_ONE_NODE, "p2");
	cr_assert_eq(store_detach(store, "p2", "pv", NULL), 0);
	attach("node-b", "p3", ATTACHMENT_ONE_NODE, NULL);
}

static int attach_within(const char *volume, const char *pod, uint64_t n_max)
{
	_cleanup_(attachment_fini) struct attachment found = { 0 };
	struct attachment attachment = on("node-a", pod);

	attachment.volume = (char *)volume;
	return store_attach_within(store, &attachment, ATTACHMENT_ANYWHERE,
				   n_max, &found, NULL);
}

Test(store_attachment, a_node_takes_no_more_volumes_than_its_limit)
{
	cr_assert_eq(attach_within("a", "p1", 2), 0);
	cr_assert_eq(attach_within("b", "p1", 2), 0);
	cr_assert_eq(attach_within("c", "p1", 2), STORE_FULL);
	/* Which are counted, not their pods. */
	cr_assert_eq(attach_within("b", "p2", 2), 0);
	cr_assert_eq(attach_within("c", "p1", 3), 0);
	cr_assert_eq(count("c"), 1);
}

Test(store_attachment, a_lease_of_one_pod_keeps_all_others_away)
{
	attach("node-a", "p1", ATTACHMENT_ONE_POD, NULL);
	attach("node-a", "p2", ATTACHMENT_ONE_POD, "p1");
	attach("node-b", "p3", ATTACHMENT_ONE_POD, "p1");
	attach("node-a", "p1", ATTACHMENT_ONE_POD, NULL);
}

Test(store_attachment, a_volume_for_many_is_attached_everywhere)
{
	attach("node-a", "p1", ATTACHMENT_ANYWHERE, NULL);
	attach("node-b", "p2", ATTACHMENT_ANYWHERE, NULL);
	cr_assert_eq(count("pv"), 2);
	cr_assert_eq(count(NULL), 2);
	cr_assert_eq(count("other"), 0);
	cr_assert_eq(store_detach(store, "nobody", NULL, NULL), 0);
}
