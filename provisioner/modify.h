/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The steps of a modification, from one VolumeAttributesClass to another, and what the
 * claim's status says meanwhile. As claim_apply().
 */

#include "claim_apply.h"

/* STEP_AWAIT_ATTRIBUTES to STEP_CANCEL_MODIFY. */
int modify_apply(const struct applier *applier,
		 const struct apply_subject *subject,
		 const struct plan_step *step, struct err *err);
