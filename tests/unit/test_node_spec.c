/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include <criterion/criterion.h>

#include "node_spec.h"

#define LABEL(k, v)                      \
	{                                \
		(char *)(k), (char *)(v) \
	}

static struct label context_items[] = {
	LABEL("SERVER", "nfs.example"),
	LABEL("share", "/export"),
	LABEL("subDir", "pvc-1"),
	LABEL("mountOptions", "soft,timeo=100"),
	LABEL("csi.storage.k8s.io/pv/name", "pv-1"),
	LABEL("csi.storage.k8s.io/pvc/name", "claim"),
	LABEL("csi.storage.k8s.io/pvc/namespace", "default"),
	LABEL("storage.kubernetes.io/csiProvisionerIdentity", "1-2-x"),
	LABEL("claimfs.io/capacity", "1073741824"),
	LABEL("claimfs.io/class", "fast"),
	LABEL("claimfs.io/reclaim-policy", "Delete"),
	LABEL("claimfs.io/access-modes", "ReadWriteMany,ReadOnlyMany"),
};
static const struct labels context = { context_items,
				       ARRAY_SIZE(context_items) };
static const char *const flags[] = { "timeo=200", "port=1234,noatime" };

static struct node_stage_args stage_args(const struct labels *labels)
{
	return (struct node_stage_args){
		.volume_id = "handle",
		.staging_path = "/stage",
		.capability = { .access_mode = NODE_MULTI_NODE_MULTI_WRITER,
				.mount_flags = flags,
				.n_mount_flags = ARRAY_SIZE(flags) },
		.context = labels,
	};
}

Test(node_spec, a_context_becomes_a_volume)
{
	const struct node_stage_args args = stage_args(&context);
	_cleanup_(node_spec_fini) struct node_spec spec = { 0 };

	cr_assert_eq(node_spec_parse(&args, &spec, NULL), 0);
	cr_assert_str_eq(spec.volume.handle, "handle");
	cr_assert_str_eq(spec.volume.pv, "pv-1");
	cr_assert_str_eq(spec.volume.claim, "default/claim");
	cr_assert_str_eq(spec.volume.server, "nfs.example");
	cr_assert_str_eq(spec.volume.share, "/export");
	cr_assert_str_eq(spec.volume.subdir, "pvc-1");
	cr_assert_str_eq(spec.volume.mountpoint, "/stage");
	cr_assert_eq(spec.volume.access_mode, ACCESS_RWX);
	cr_assert_eq(spec.volume.capacity, 1073741824);
	cr_assert_str_eq(spec.volume.class, "fast");
	cr_assert_str_eq(spec.volume.reclaim_policy, "Delete");
	cr_assert_str_eq(spec.volume.access_modes,
			 "ReadWriteMany,ReadOnlyMany");
}

Test(node_spec, mount_flags_come_after_the_volume_s_mount_options)
{
	const struct node_stage_args args = stage_args(&context);
	_cleanup_(node_spec_fini) struct node_spec spec = { 0 };

	cr_assert_eq(node_spec_parse(&args, &spec, NULL), 0);
	cr_assert(spec.volume.options.is_soft);
	cr_assert(spec.volume.options.is_noatime);
	cr_assert_eq(spec.volume.options.timeo_ds, 200);
	cr_assert_eq(spec.volume.options.port, 1234);
}

Test(node_spec, without_names_the_handle_stands_in)
{
	const struct labels few = { context_items, 2 };
	const struct node_stage_args args = stage_args(&few);
	_cleanup_(node_spec_fini) struct node_spec spec = { 0 };

	cr_assert_eq(node_spec_parse(&args, &spec, NULL), 0);
	cr_assert_str_eq(spec.volume.pv, "handle");
	cr_assert_null(spec.volume.claim);
	cr_assert_str_eq(spec.volume.subdir, "");
}

Test(node_spec, bad_contexts_are_refused_with_a_sentence)
{
	static struct label no_server[] = { LABEL("share", "/x") };
	static struct label no_share[] = { LABEL("server", "x") };
	static struct label escape[] = { LABEL("server", "x"),
					 LABEL("share", "/x"),
					 LABEL("subDir", "a/../../b") };
	static struct label unknown[] = { LABEL("server", "x"),
					  LABEL("share", "/x"),
					  LABEL("colour", "red") };
	static struct label option[] = { LABEL("server", "x"),
					 LABEL("share", "/x"),
					 LABEL("mountOptions", "fast") };
	static const struct {
		struct labels context;
		const char *word;
	} cases[] = {
		{ { no_server, ARRAY_SIZE(no_server) }, "server" },
		{ { no_share, ARRAY_SIZE(no_share) }, "share" },
		{ { escape, ARRAY_SIZE(escape) }, ".." },
		{ { unknown, ARRAY_SIZE(unknown) }, "colour" },
		{ { option, ARRAY_SIZE(option) }, "fast" },
		{ { NULL, 0 }, "server" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct node_stage_args args =
			stage_args(&cases[i].context);
		_cleanup_(err_fini) struct err err = ERR_INIT;
		struct node_spec spec;

		cr_assert_eq(node_spec_parse(&args, &spec, &err), -EINVAL);
		cr_assert_not_null(strstr(err_text(&err), cases[i].word), "%s",
				   err_text(&err));
	}
}

static char *print(const struct labels *labels, enum node_access_mode mode,
		   bool is_read_only)
{
	struct node_stage_args args = stage_args(labels);

	args.capability.access_mode = mode;
	return node_fingerprint(&args.capability, labels, is_read_only);
}

Test(node_spec, a_fingerprint_ignores_order_and_the_cluster_s_keys)
{
	static struct label turned[] = {
		LABEL("mountOptions", "soft,timeo=100"),
		LABEL("csi.storage.k8s.io/pod.name", "another"),
		LABEL("subDir", "pvc-1"),
		LABEL("share", "/export"),
		LABEL("SERVER", "nfs.example"),
	};
	const struct labels labels = { turned, ARRAY_SIZE(turned) };
	_cleanup_(free) char *a =
		print(&context, NODE_MULTI_NODE_MULTI_WRITER, false);
	_cleanup_(free) char *b =
		print(&labels, NODE_MULTI_NODE_MULTI_WRITER, false);

	cr_assert_str_eq(a, b);
}

Test(node_spec, a_fingerprint_tells_requests_apart)
{
	const struct labels fewer = { context_items, 3 };
	_cleanup_(free) char *base =
		print(&context, NODE_MULTI_NODE_MULTI_WRITER, false);
	_cleanup_(free) char *mode =
		print(&context, NODE_SINGLE_NODE_WRITER, false);
	_cleanup_(free) char *read_only =
		print(&context, NODE_MULTI_NODE_MULTI_WRITER, true);
	_cleanup_(free) char *less =
		print(&fewer, NODE_MULTI_NODE_MULTI_WRITER, false);

	cr_assert_str_neq(base, mode);
	cr_assert_str_neq(base, read_only);
	cr_assert_str_neq(base, less);
}

/* The id is what its directory is called, so that no volume can have another's. */
Test(node_spec, an_inline_volume_has_the_directory_of_its_id)
{
	static const struct {
		const char *id;
		const char *inline_id;
		const char *subdir; /* NULL = none */
		int r;
	} cases[] = {
		{ "csi-1", "csi-1" },
		{ "csi-1", "csi-2", .r = -EINVAL },
		{ "csi-1", "", .r = -EINVAL },
		{ "../x", "../x", .r = -EINVAL },
		{ "csi-1", "csi-1", "pvc-1", -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct label items[] = {
			LABEL("server", "nfs.example"),
			LABEL("share", "/export"),
			LABEL(NODE_INLINE_KEY, cases[i].inline_id),
			LABEL("subDir", cases[i].subdir),
		};
		const struct labels labels = { items, cases[i].subdir ? 4 : 3 };
		struct node_stage_args args = stage_args(&labels);
		_cleanup_(node_spec_fini) struct node_spec spec = { 0 };

		args.volume_id = cases[i].id;
		cr_expect_eq(node_spec_parse(&args, &spec, NULL), cases[i].r,
			     "%s %s", cases[i].id, cases[i].inline_id);
		if (cases[i].r == 0)
			cr_expect_str_eq(spec.volume.subdir,
					 ".claimfs/inline/csi-1");
	}
}
