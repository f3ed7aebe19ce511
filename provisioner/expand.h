/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The steps of an expansion, and what the claim's status says meanwhile. All as
 * claim_apply().
 */

#include "claim_apply.h"

struct cJSON;

/* STEP_BEGIN_EXPANSION */
int expand_begin(const struct applier *applier,
		 const struct apply_subject *subject, struct err *err);
/* STEP_EXPAND; failures are told in an event and a condition as well. */
int expand(const struct applier *applier, const struct apply_subject *subject,
	   const struct plan_step *step, struct err *err);
/* For object_change(): a PV as large as its claim, userdata, asks for. A struct object. */
int expand_volume(struct cJSON *json, const void *userdata);
/* STEP_END_EXPANSION */
int expand_end(const struct applier *applier,
	       const struct apply_subject *subject,
	       const struct plan_step *step, struct err *err);
