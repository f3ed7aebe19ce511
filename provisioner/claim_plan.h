/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What is to be done next for a claim. Pure: no I/O, no clock. Any thread. */

#include "plan.h"

/* -ENOMEM is the only error; *ret is written only on success. */
int claim_plan(const struct claim *claim, const struct plan_world *world,
	       struct plan *ret);
