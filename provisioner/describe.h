/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * STEP_DESCRIBE: the descriptor on the share says whose the directory is now, and how
 * large, so that the record can be rebuilt from it.
 */

#include "claim_apply.h"

/* As claim_apply(), for the volume of the step and the subject's claim. */
int describe(const struct applier *applier, const struct apply_subject *subject,
	     const struct plan_step *step, struct err *err);
