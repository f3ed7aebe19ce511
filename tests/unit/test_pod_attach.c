/* SPDX-License-Identifier: Apache-2.0 */

#include <criterion/criterion.h>

#include "pod_attach.h"

static const struct {
	enum access_mode claim; /* a set */
	enum access_mode volume;
	enum access_mode first;
	enum access_mode told;
} cases[] = {
	{ ACCESS_RWX, ACCESS_RWX, ACCESS_RWX, ACCESS_RWX },
	{ ACCESS_RWO, ACCESS_RWO, ACCESS_RWO, ACCESS_RWO },
	{ ACCESS_RWOP, ACCESS_RWOP, ACCESS_RWOP, ACCESS_RWOP },
	{ ACCESS_ROX, ACCESS_RWX | ACCESS_ROX, ACCESS_RWX, ACCESS_ROX },
	{ ACCESS_ROX, ACCESS_ROX, ACCESS_ROX, ACCESS_ROX },
	{ ACCESS_RWO, ACCESS_RWO | ACCESS_RWX, ACCESS_RWO, ACCESS_RWX },
	{ ACCESS_RWX | ACCESS_ROX, ACCESS_RWX | ACCESS_ROX, ACCESS_ROX,
	  ACCESS_RWX },
	{ ACCESS_RWO, ACCESS_RWO | ACCESS_ROX, ACCESS_RWO, ACCESS_RWO },
};

Test(pod_attach, nodes_are_told_one_mode_and_who_has_it_is_decided_by_that)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct claim claim = { .access_modes = cases[i].claim };
		const struct persistent_volume pv = {
			.access_modes = cases[i].volume,
			.first_access_mode = cases[i].first,
		};

		cr_expect_eq(pod_attach_mode(&claim, &pv), cases[i].told,
			     "case %zu", i);
	}
}
