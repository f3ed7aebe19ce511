/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* STEP_RECLAIM: the directory of a released volume goes, and then the volume. */

#include "claim_apply.h"

/* As claim_apply(); failures are told in an event on the volume as well. */
int reclaim(const struct applier *applier, const struct apply_subject *subject,
	    struct err *err);
