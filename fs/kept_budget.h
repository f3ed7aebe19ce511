/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How much uncommitted data the volumes of a process may keep together, and each of
 * them of that. Threads: any.
 */

#include <stdatomic.h>
#include <stdint.h>

#define KEPT_PROCESS_MAX (512u << 20)
#define KEPT_VOLUME_MAX	 (64u << 20)
#define KEPT_VOLUME_MIN	 (2u << 20)

struct kept_budget {
	_Atomic uint64_t bytes; /* of all volumes */
};

void kept_budget_take(struct kept_budget *budget, uint64_t bytes);
void kept_budget_give(struct kept_budget *budget, uint64_t bytes);

uint64_t kept_budget_bytes(struct kept_budget *budget);
/* What any one volume may keep now. */
uint64_t kept_budget_limit(struct kept_budget *budget);
