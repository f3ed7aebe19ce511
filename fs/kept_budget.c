/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A volume may keep as much as is still free for all (the dynamic threshold of
 * Choudhury and Hahne, 1998): one alone as much as it can use, n that are stuck
 * the n+1st part each, and so never all of it. A server that is away, with however
 * many volumes, leaves something to the volumes of others.
 *
 * But each may keep KEPT_VOLUME_MIN, or many volumes that keep little would stop
 * those who come late. So the sum is not limited by KEPT_PROCESS_MAX alone: it may be
 * exceeded by KEPT_VOLUME_MIN per volume, and by what is on its way when the limit is
 * reached.
 *
 * Who is at his limit has kept something, and waits for his own COMMIT: nobody ever
 * waits for another volume.
 */

#include "kept_budget.h"

#include <assert.h>

void kept_budget_take(struct kept_budget *budget, uint64_t bytes)
{
	atomic_fetch_add(&budget->bytes, bytes);
}

void kept_budget_give(struct kept_budget *budget, uint64_t bytes)
{
	uint64_t before = atomic_fetch_sub(&budget->bytes, bytes);

	assert(before >= bytes);
}

uint64_t kept_budget_bytes(struct kept_budget *budget)
{
	return atomic_load(&budget->bytes);
}

uint64_t kept_budget_limit(struct kept_budget *budget)
{
	const uint64_t bytes = kept_budget_bytes(budget);
	const uint64_t left =
		bytes < KEPT_PROCESS_MAX ? KEPT_PROCESS_MAX - bytes : 0;

	if (left < KEPT_VOLUME_MIN)
		return KEPT_VOLUME_MIN;
	return left < KEPT_VOLUME_MAX ? left : KEPT_VOLUME_MAX;
}
