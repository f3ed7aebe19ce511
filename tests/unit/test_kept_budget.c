/* SPDX-License-Identifier: Apache-2.0 */

#include <criterion/criterion.h>

#include "kept_budget.h"

#define MIB (1ull << 20)

/* Volumes that keep what they may and commit nothing; what each has in the end. */
static uint64_t fill(struct kept_budget *budget, uint64_t *kept, int n)
{
	int n_full = 0;

	for (int i = 0; n_full < n; i = (i + 1) % n) {
		n_full++;
		if (kept[i] >= kept_budget_limit(budget))
			continue;
		kept[i] += MIB;
		kept_budget_take(budget, MIB);
		n_full = 0;
	}
	return kept[n - 1];
}

Test(kept_budget, one_volume_has_its_own_limit)
{
	struct kept_budget budget = { 0 };
	uint64_t kept = 0;

	cr_assert_eq(fill(&budget, &kept, 1), 64 * MIB);
}

Test(kept_budget, many_that_are_stuck_leave_something_to_who_comes_later)
{
	static const struct {
		int n;
		uint64_t least, left;
	} rows[] = {
		{ 4, 64 * MIB, 64 * MIB },
		{ 8, 56 * MIB, 56 * MIB },
		{ 50, 10 * MIB, 10 * MIB },
		{ 1000, 2 * MIB, 2 * MIB },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kept_budget budget = { 0 };
		uint64_t kept[1000] = { 0 };

		cr_assert_geq(fill(&budget, kept, rows[i].n), rows[i].least);
		cr_assert_geq(kept_budget_limit(&budget), rows[i].left);
		cr_assert_leq(kept_budget_bytes(&budget),
			      KEPT_PROCESS_MAX +
				      (uint64_t)rows[i].n * KEPT_VOLUME_MIN);
	}
}

Test(kept_budget, what_is_given_back_is_there_for_others)
{
	struct kept_budget budget = { 0 };

	kept_budget_take(&budget, 600 * MIB);
	cr_assert_eq(kept_budget_limit(&budget), KEPT_VOLUME_MIN);
	kept_budget_give(&budget, 590 * MIB);
	cr_assert_eq(kept_budget_limit(&budget), KEPT_VOLUME_MAX);
	cr_assert_eq(kept_budget_bytes(&budget), 10 * MIB);
}
