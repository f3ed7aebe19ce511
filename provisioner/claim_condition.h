/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* status.conditions of a claim, one of a type. Pure; any thread. */

#include <stdbool.h>
#include <stddef.h>

struct cJSON;

struct claim_condition {
	const char *type;
	const char *reason;  /* NULL = none */
	const char *message; /* the same */
	bool is_probed;	     /* lastProbeTime is now */
	/* Another message of the same reason is no news: it may count seconds. */
	bool keeps_message;
};

/*
 * Its status is True. 0, CHANGE_NONE when it says that already, -ENOMEM; times alone
 * are no change, since every change of a claim has it looked at again.
 */
int claim_condition_set(struct cJSON *status,
			const struct claim_condition *condition);
/* Those of these types. */
void claim_conditions_drop(struct cJSON *status, const char *const *types,
			   size_t n);
