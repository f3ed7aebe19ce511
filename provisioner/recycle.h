/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* STEP_RECYCLE: the directory of a released volume is emptied for the next claim. */

#include "claim_apply.h"

/* As claim_apply(); a failure is the volume's phase, and told in an event. */
int recycle(const struct applier *applier, const struct apply_subject *subject,
	    struct err *err);
