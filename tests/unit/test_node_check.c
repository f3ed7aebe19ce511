/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include <criterion/criterion.h>

#include "node_check.h"

Test(node_check, paths_are_absolute_and_stay_where_they_are)
{
	static const struct {
		const char *path;
		const char *complaint; /* NULL = fine */
	} cases[] = {
		{ "/a", NULL },
		{ "/var/lib/kubelet/pods/x/mount", NULL },
		{ "/a/..b/c..", NULL },
		{ "", "is missing" },
		{ "a/b", "not absolute" },
		{ "/", "root directory" },
		{ "//", "root directory" },
		{ "/a/../b", "\"..\"" },
		{ "/..", "\"..\"" },
		{ "/a/..", "\"..\"" },
		{ "/a\nb", "control character" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(err_fini) struct err err = ERR_INIT;
		int r = node_check_path("target_path", cases[i].path, &err);

		if (!cases[i].complaint) {
			cr_assert_eq(r, 0, "%s", cases[i].path);
			continue;
		}
		cr_assert_eq(r, -EINVAL, "%s", cases[i].path);
		cr_assert_not_null(strstr(err_text(&err), "target_path"));
		cr_assert_not_null(strstr(err_text(&err), cases[i].complaint),
				   "%s", err_text(&err));
	}
	cr_assert_eq(node_check_path("x", NULL, NULL), -EINVAL);
}

Test(node_check, a_path_that_is_too_long_is_refused)
{
	char path[NODE_PATH_MAX + 1];

	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[NODE_PATH_MAX] = '\0';
	cr_assert_eq(node_check_path("x", path, NULL), -EINVAL);
	path[NODE_PATH_MAX - 1] = '\0';
	cr_assert_eq(node_check_path("x", path, NULL), 0);
}

Test(node_check, ids_are_opaque_but_printable)
{
	cr_assert_eq(node_check_id("server#share#sub/dir#", NULL), 0);
	cr_assert_eq(node_check_id("", NULL), -EINVAL);
	cr_assert_eq(node_check_id(NULL, NULL), -EINVAL);
	cr_assert_eq(node_check_id("a\tb", NULL), -EINVAL);
}

Test(node_check, modes_mean_what_csi_and_kubernetes_say)
{
	static const struct {
		enum node_access_mode mode;
		enum access_mode access;
		bool is_read_only;
		bool is_exclusive;
	} cases[] = {
		{ NODE_SINGLE_NODE_WRITER, ACCESS_RWO, false, true },
		{ NODE_SINGLE_NODE_READER_ONLY, ACCESS_ROX, true, true },
		{ NODE_MULTI_NODE_READER_ONLY, ACCESS_ROX, true, false },
		{ NODE_MULTI_NODE_SINGLE_WRITER, ACCESS_RWX, false, false },
		{ NODE_MULTI_NODE_MULTI_WRITER, ACCESS_RWX, false, false },
		{ NODE_SINGLE_NODE_SINGLE_WRITER, ACCESS_RWOP, false, true },
		{ NODE_SINGLE_NODE_MULTI_WRITER, ACCESS_RWO, false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum node_access_mode mode = cases[i].mode;

		cr_assert_eq(node_check_mode(mode, NULL), 0);
		cr_assert_eq(node_mode_access(mode), cases[i].access);
		cr_assert_eq(node_mode_is_read_only(mode),
			     cases[i].is_read_only);
		cr_assert_eq(node_mode_is_exclusive(mode),
			     cases[i].is_exclusive);
	}
	cr_assert_eq(node_check_mode(NODE_MODE_UNKNOWN, NULL), -EINVAL);
	cr_assert_eq(node_check_mode((enum node_access_mode)8, NULL), -EINVAL);
	cr_assert_eq(node_check_mode((enum node_access_mode) - 1, NULL),
		     -EINVAL);
}

Test(node_check, errors_become_the_status_that_csi_wants)
{
	cr_assert_eq(node_status(0), RPC_OK);
	cr_assert_eq(node_status(-ENOENT), RPC_NOT_FOUND);
	cr_assert_eq(node_status(-EACCES), RPC_PERMISSION_DENIED);
	cr_assert_eq(node_status(-EINVAL), RPC_INVALID_ARGUMENT);
	cr_assert_eq(node_status(-ENOSPC), RPC_RESOURCE_EXHAUSTED);
	cr_assert_eq(node_status(-ETIMEDOUT), RPC_UNAVAILABLE);
	cr_assert_eq(node_status(-EAGAIN), RPC_UNAVAILABLE);
	cr_assert_eq(node_status(-ECONNREFUSED), RPC_UNAVAILABLE);
	cr_assert_eq(node_status(-EHOSTUNREACH), RPC_UNAVAILABLE);
	cr_assert_eq(node_status(-ENOMEM), RPC_INTERNAL);
	cr_assert_eq(node_status(-EIO), RPC_INTERNAL);
}

Test(node_check, a_refusal_is_a_status_and_a_sentence)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;

	cr_assert_eq(node_refuse(&err, RPC_ABORTED, "volume \"%s\"", "v"),
		     RPC_ABORTED);
	cr_assert_str_eq(err_text(&err), "volume \"v\"");
}
