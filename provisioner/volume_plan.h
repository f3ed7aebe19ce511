/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What is to be done next for a volume. Pure: no I/O, no clock. Any thread. */

#include "plan.h"

/*
 * claim: what claimRef names, by namespace and name; NULL = there is none. -ENOMEM
 * is the only error; *ret is written only on success.
 */
int volume_plan(const struct persistent_volume *pv, const struct claim *claim,
		const struct plan_world *world, struct plan *ret);
