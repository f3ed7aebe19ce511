/* SPDX-License-Identifier: Apache-2.0 */

#include <criterion/criterion.h>

#include "err.h"

Test(err, wrap_grows_to_the_left_and_keeps_the_code)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;

	cr_assert_eq(err_set(&err, -ENOENT, "open \"%s\"", "x"), -ENOENT);
	cr_assert_eq(err_wrap(&err, "load %s", "config"), -ENOENT);
	cr_assert_str_eq(err_text(&err), "load config: open \"x\"");
}

Test(err, errno_text_is_appended_once)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;

	err_set_errno(&err, -EACCES, "open \"%s\"", "x");
	cr_assert_str_eq(err_text(&err), "open \"x\": Permission denied");
}

Test(err, null_means_that_only_the_code_matters)
{
	cr_assert_eq(err_set(NULL, -EIO, "x"), -EIO);
	cr_assert_eq(err_set_errno(NULL, -EIO, "x"), -EIO);
}

Test(err, fini_makes_it_usable_again)
{
	struct err err = ERR_INIT;

	err_set(&err, -EIO, "first");
	err_fini(&err);
	err_fini(&err);
	cr_assert_eq(err.code, 0);
	err_set(&err, -EPERM, "second");
	cr_assert_str_eq(err_text(&err), "second");
	err_fini(&err);
}
