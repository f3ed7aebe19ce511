/* SPDX-License-Identifier: Apache-2.0 */

#include <criterion/criterion.h>

#include "cleanup.h"
#include "ctl_nearest.h"

TestSuite(ctl_nearest);

static const char *const verbs[] = { "apply", "delete", "describe", "events",
				     "get",   "label",	"top",	    "tree" };

Test(ctl_nearest, a_mistyped_word_is_recognized)
{
	static const char *const rows[][2] = {
		{ "desribe", "describe" }, { "delte", "delete" },
		{ "aply", "apply" },	   { "event", "events" },
		{ "gett", "get" },	   { "labels", "label" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		cr_assert_str_eq(
			ctl_nearest(rows[i][0], verbs, ARRAY_SIZE(verbs)),
			rows[i][1]);
}

Test(ctl_nearest, another_word_is_not)
{
	static const char *const rows[] = {
		"dance",
		"x",
		"",
		"reconcile",
		"a-word-that-is-longer-than-any-verb-there-is",
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		cr_assert_null(ctl_nearest(rows[i], verbs, ARRAY_SIZE(verbs)),
			       "%s", rows[i]);
}
