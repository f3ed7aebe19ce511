/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include <criterion/criterion.h>

#include "share_fault.h"

TestSuite(share_fault);

Test(share_fault, each_fault_of_a_server_has_its_own_remedy)
{
	static const struct {
		enum share_step step;
		int r;
		const char *word;
	} rows[] = {
		{ SHARE_STEP_RESOLVE, -EADDRNOTAVAIL, "/etc/hosts" },
		{ SHARE_STEP_CONNECT, -ECONNREFUSED, "port=" },
		{ SHARE_STEP_CONNECT, -ETIMEDOUT, "firewalls" },
		{ SHARE_STEP_VERSION, -EPROTONOSUPPORT, "vers3=y" },
		{ SHARE_STEP_PORTMAPPER, -ECONNREFUSED, "rpcbind" },
		{ SHARE_STEP_PORTMAPPER, -EPROTONOSUPPORT, "rpc.mountd" },
		{ SHARE_STEP_MOUNT_PORT, -ECONNREFUSED, "MNT_Port" },
		{ SHARE_STEP_MOUNT, -ENOENT, "\"/srv *(rw," },
		{ SHARE_STEP_MOUNT, -EACCES, "\"/srv *(rw," },
		{ SHARE_STEP_CHANGE, -EROFS, "Access_Type = RW;" },
		{ SHARE_STEP_CHANGE, -EACCES, "no_root_squash" },
		{ SHARE_STEP_CHANGE, -ENOSPC, "df" },
		{ SHARE_STEP_OWNER, -EPERM, "uid and gid" },
		{ SHARE_STEP_LOCK, -ECONNREFUSED, "rpc.statd" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(free) char *text =
			share_fault_remedy(rows[i].step, rows[i].r, "/srv");

		cr_assert(text && strstr(text, rows[i].word), "row %zu: %s", i,
			  text ? text : "nothing");
		cr_assert(!strchr(text, '@'), "%s", text);
	}
}

Test(share_fault, an_error_that_has_no_remedy_is_left_alone)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;

	(void)err_set_errno(&err, -EIO, "make directory x");
	share_fault_explain(&err, SHARE_STEP_CHANGE, "/srv");
	cr_assert_str_eq(err_text(&err),
			 "make directory x: Input/output error");
}

Test(share_fault, the_remedy_follows_the_sentence)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;

	(void)err_set_errno(&err, -EDQUOT, "make directory x");
	share_fault_explain(&err, SHARE_STEP_CHANGE, "/srv");
	cr_assert_eq(err.code, -EDQUOT);
	cr_assert_str_eq(
		err_text(&err),
		"make directory x: Disk quota exceeded (raise the quota of the user who owns the volumes on the server)");
}
