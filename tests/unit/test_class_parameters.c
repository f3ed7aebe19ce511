/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include <criterion/criterion.h>

#include "class_parameters.h"

static int parse(const char *key, const char *value,
		 struct class_parameters *ret, struct err *err)
{
	struct label items[] = {
		{ (char *)"Server", (char *)"nfs.example" },
		{ (char *)"share", (char *)"//export//data/" },
		{ (char *)key, (char *)value },
	};
	struct labels labels = { items, key ? 3 : 2 };

	return class_parameters_parse(&labels, ret, err);
}

Test(class_parameters, reads_keys_without_case)
{
	_cleanup_(class_parameters_fini) struct class_parameters parameters = {
		0
	};

	cr_assert_eq(parse("ONDELETE", "Archive", &parameters, NULL), 0);
	cr_expect_str_eq(parameters.server, "nfs.example");
	cr_expect_str_eq(parameters.share, "/export/data");
	cr_expect_null(parameters.subdir);
	cr_expect(parameters.has_on_delete);
	cr_expect_eq(parameters.on_delete, ON_DELETE_ARCHIVE);
}

/* As in URLs; what resolves names knows no brackets. */
Test(class_parameters, an_ipv6_address_loses_its_brackets)
{
	static const char *const table[][2] = { { "[fe80::1%eth0]",
						  "fe80::1%eth0" },
						{ "::1", "::1" },
						{ "[", "[" } };

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		_cleanup_(class_parameters_fini) struct class_parameters
			parameters = { 0 };
		struct label items[] = {
			{ (char *)"server", (char *)table[i][0] },
			{ (char *)"share", (char *)"/x" },
		};
		struct labels labels = { items, ARRAY_SIZE(items) };

		cr_assert_eq(class_parameters_parse(&labels, &parameters, NULL),
			     0);
		cr_expect_str_eq(parameters.server, table[i][1]);
	}
}

Test(class_parameters, paths_overlap_where_one_is_in_the_other)
{
	cr_expect(paths_overlap("a", "a"));
	cr_expect(paths_overlap("a/b", "a"));
	cr_expect(paths_overlap("a", "a/b/c"));
	cr_expect_not(paths_overlap("a", "ab"));
	cr_expect_not(paths_overlap("a/b", "a/c"));
	cr_expect(path_is_within("a/b", "a"));
	cr_expect_not(path_is_within("a", "a/b"));
}

Test(class_parameters, passes_over_what_is_kubernetes_own)
{
	_cleanup_(class_parameters_fini) struct class_parameters parameters = {
		0
	};

	cr_expect_eq(
		parse("csi.storage.k8s.io/pvc/name", "x", &parameters, NULL),
		0);
}

Test(class_parameters, refuses_with_a_sentence)
{
	static const struct {
		const char *key;
		const char *value;
		const char *sentence;
	} table[] = {
		{ "sever", "x",
		  "invalid parameter \"sever\"; allowed: server, share, subDir, shared, onDelete, trashTTL, mountPermissions, uid, gid, squash" },
		{ "server", "x", "parameter \"server\" is given twice" },
		{ "onDelete", "burn", "onDelete: Unsupported value: \"burn\"" },
		{ "mountPermissions", "0888",
		  "mountPermissions: Invalid value: \"0888\": must be an octal mode" },
		{ "mountPermissions", "77777", "from 0 to 7777" },
		{ "uid", "alice",
		  "uid: Invalid value: \"alice\": must be a number from 0 to 4294967294" },
		{ "gid", "4294967295", "gid: Invalid value: \"4294967295\"" },
		{ "uid", "1", "gid: Required value: uid is given" },
		{ "gid", "1", "uid: Required value: gid is given" },
		{ "squash", "some",
		  "squash: Unsupported value: \"some\": supported values: \"all\", \"none\", \"root\"" },
		{ "subDir", "../x",
		  "subDir: Invalid value: \"../x\": must not have a component" },
		{ "subDir", "${pvc.metadata.labels}",
		  "variables are ${pvc.metadata.name}" },
		{ "subDir", "${pvc.metadata.name", "variables are" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct class_parameters parameters = { 0 };
		struct err err = ERR_INIT;

		cr_expect_eq(
			parse(table[i].key, table[i].value, &parameters, &err),
			-EINVAL, "%s=%s", table[i].key, table[i].value);
		cr_expect_not_null(strstr(err_text(&err), table[i].sentence),
				   "%s", err_text(&err));
		err_fini(&err);
	}
}

static int parse_identity(const char *squash, const char *uid, const char *gid,
			  struct class_parameters *ret, struct err *err)
{
	struct label items[] = {
		{ (char *)"server", (char *)"x" },
		{ (char *)"share", (char *)"/x" },
		{ (char *)"squash", (char *)squash },
		{ (char *)"uid", (char *)uid },
		{ (char *)"gid", (char *)gid },
	};
	struct labels labels = { items, uid ? 5 : 3 };

	return class_parameters_parse(&labels, ret, err);
}

Test(class_parameters, who_callers_are_and_who_owns_the_directory)
{
	struct class_parameters p = { 0 };

	cr_assert_eq(parse_identity("ALL", "0", "0", &p, NULL), 0);
	cr_expect(p.squash == SQUASH_ALL && p.has_owner && p.uid == 0);
	class_parameters_fini(&p);
	cr_assert_eq(parse_identity("root", "1", "2", &p, NULL), 0);
	cr_expect(p.squash == SQUASH_ROOT && p.uid == 1 && p.gid == 2);
	class_parameters_fini(&p);
	cr_assert_eq(parse_identity("none", "1", "2", &p, NULL), 0);
	cr_expect(p.squash == SQUASH_NONE && p.has_owner);
	class_parameters_fini(&p);
}

Test(class_parameters, who_is_squashed_is_nobody_unless_said)
{
	_cleanup_(class_parameters_fini) struct class_parameters p = { 0 };

	cr_assert_eq(parse_identity("root", NULL, NULL, &p, NULL), 0);
	cr_expect_not(p.has_owner);
	cr_expect_eq(p.uid, CLASS_NOBODY);
	cr_expect_eq(p.gid, CLASS_NOBODY);
}

Test(class_parameters, root_is_not_squashed_to_root)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	struct class_parameters p = { 0 };

	cr_assert_eq(parse_identity("root", "0", "5", &p, &err), -EINVAL);
	cr_expect_not_null(strstr(err_text(&err), "uid: Invalid value: \"0\""),
			   "%s", err_text(&err));
}

Test(class_parameters, server_and_share_are_required_and_checked)
{
	static const struct {
		const char *server, *share, *sentence;
	} table[] = {
		{ "", "/x", "server: Invalid value: \"\"" },
		{ "a b", "/x", "server: Invalid value: \"a b\"" },
		{ "a/b", "/x", "server: Invalid value: \"a/b\"" },
		{ "a", "x",
		  "share: Invalid value: \"x\": must be an absolute" },
		{ "a", "/x/../y", "share: Invalid value: \"/x/../y\"" },
		{ "a", "", "share: Invalid value: \"\"" },
		{ "a", NULL, "share: Required value" },
		{ NULL, NULL, "server: Required value" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct label items[2] = {
			{ (char *)"server", (char *)table[i].server },
			{ (char *)"share", (char *)table[i].share },
		};
		struct labels labels = { items,
					 (table[i].server != NULL) +
						 (table[i].share != NULL) };
		struct class_parameters parameters = { 0 };
		struct err err = ERR_INIT;

		cr_expect_eq(class_parameters_parse(&labels, &parameters, &err),
			     -EINVAL, "%zu", i);
		cr_expect_not_null(strstr(err_text(&err), table[i].sentence),
				   "%s", err_text(&err));
		err_fini(&err);
	}
}

Test(class_parameters, expands_subdir)
{
	struct claim claim = { .meta = { .name = (char *)"db",
					 .namespace = (char *)"prod" } };
	_cleanup_(free) char *subdir = NULL;

	cr_assert_eq(subdir_expand("k8s/${pvc.metadata.namespace}/"
				   "${pvc.metadata.name}-${pv.metadata.name}$",
				   &claim, "pv-1", &subdir, NULL),
		     0);
	cr_expect_str_eq(subdir, "k8s/prod/db-pv-1$");
}

static int expand(const char *template, const char *value, char **ret,
		  struct err *err)
{
	struct label label = { .key = (char *)"team", .value = (char *)value };
	struct label note = { .key = (char *)"nfs.io/storage-path",
			      .value = (char *)value };
	struct claim claim = { .meta = { .name = (char *)"db",
					 .namespace = (char *)"prod",
					 .labels = { &label, 1 },
					 .annotations = { &note, 1 } } };

	return subdir_expand(template, &claim, "pv-1", ret, err);
}

Test(class_parameters, expands_labels_and_annotations)
{
	static const char *const templates[] = {
		"${pvc.metadata.labels['team']}",
		"${pvc.labels['team']}",
		"${.PVC.labels.team}",
		"${pvc.metadata.annotations['nfs.io/storage-path']}",
		"${pvc.annotations['nfs.io/storage-path']}",
		"${.PVC.annotations.nfs.io/storage-path}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(templates); i++) {
		_cleanup_(free) char *subdir = NULL;

		cr_expect_eq(expand(templates[i], "blue/1", &subdir, NULL), 0,
			     "%s", templates[i]);
		cr_expect_str_eq(subdir, "blue/1");
	}
}

/* CVE-2025-62878: a label led local-path-provisioner out of its directory. */
Test(class_parameters, cve_2025_62878_values_that_leave_are_refused)
{
	static const char *const values[] = {
		"..",	"../../etc", "a/../..", "/etc",
		"a//b", "",	     ".",	"a/.",
		"a\nb", "..\\..",    "\x7f",	"${pv.metadata.name}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		_cleanup_(free) char *subdir = NULL;

		cr_expect_eq(expand("k8s/${pvc.labels['team']}", values[i],
				    &subdir, NULL),
			     -EINVAL, "\"%s\"", values[i]);
		cr_expect_eq(expand("${pvc.annotations['nfs.io/storage-path']}"
				    "/x",
				    values[i], &subdir, NULL),
			     -EINVAL, "\"%s\"", values[i]);
		cr_expect_null(subdir);
	}
}

Test(class_parameters, a_label_that_is_not_there_is_refused)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	_cleanup_(free) char *subdir = NULL;

	cr_assert_eq(expand("a/x${pvc.labels['other']}", "v", &subdir, &err),
		     -EINVAL);
	cr_expect_not_null(
		strstr(err_text(&err), "the claim has no label \"other\""));
}

Test(class_parameters, templates_are_checked_without_a_claim)
{
	static const char *const bad[] = {
		"${pvc.labels['a'}", "${pvc.labels['']}",
		"${pvc.labels}",     "${.PVC.labels.}",
		"${pvc.uid}",	     "${",
		"${pvc.labels['a']", "${}",
	};
	_cleanup_(free) char *subdir = NULL;

	cr_expect_eq(subdir_expand("a/${pvc.labels['b']}", NULL, NULL, &subdir,
				   NULL),
		     0);
	cr_expect_str_eq(subdir, "a/x");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_expect_eq(subdir_expand(bad[i], NULL, NULL, &subdir, NULL),
			     -EINVAL, "\"%s\"", bad[i]);
}

Test(class_parameters, checks_subdir_after_substitution)
{
	struct claim claim = { .meta = { .name = (char *)"..",
					 .namespace = (char *)"prod" } };
	_cleanup_(free) char *subdir = NULL;

	cr_expect_eq(subdir_expand("a/${pvc.metadata.name}", &claim, "pv",
				   &subdir, NULL),
		     -EINVAL);
	cr_expect_null(subdir);
}

Test(class_parameters, refuses_paths_that_leave_or_hide)
{
	static const char *const bad[] = {
		"",
		"/",
		"/a",
		"a/",
		"a//b",
		".",
		"..",
		"a/..",
		"../a",
		"a/./b",
		"a\nb",
		"a/\x7f",
		"a\x1b/b",
		".claimfs",
		".claimfs/trash",
		".ClaimFS/trash",
		"..\\..",
		"a${b}",
	};
	static const char *const good[] = {
		"a",   "a/b",	   "...",	 "a..b",     ".hid",
		"a b", "\xc3\xbc", "a/.claimfs", ".claimfs2"
	};
	char component[258];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_expect_eq(subdir_check(bad[i], NULL), -EINVAL, "\"%s\"",
			     bad[i]);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		cr_expect_eq(subdir_check(good[i], NULL), 0, "\"%s\"", good[i]);
	memset(component, 'x', 256);
	component[256] = '\0';
	cr_expect_eq(subdir_check(component, NULL), -EINVAL);
	component[255] = '\0';
	cr_expect_eq(subdir_check(component, NULL), 0);
}
