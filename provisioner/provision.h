/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* STEP_PROVISION: a directory on the share and a PersistentVolume for a claim. */

#include "claim_apply.h"

/* As claim_apply(); failures are told in an event on the claim as well. */
int provision(const struct applier *applier,
	      const struct apply_subject *subject, const struct plan_step *step,
	      struct err *err);
