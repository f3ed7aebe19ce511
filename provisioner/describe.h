/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * STEP_DESCRIBE: the descriptor on the share says what the volume is now, whose and how
 * large, so that the record can be rebuilt from it.
 */

#include "claim_apply.h"

/* As claim_apply(); one that is PV_BOUND is so to the subject, where that is a claim. */
int describe(const struct applier *applier, const struct apply_subject *subject,
	     const char *volume, enum pv_phase phase, struct err *err);
