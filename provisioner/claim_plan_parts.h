/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What claim_plan() is made of in both modes. Pure; only claim_plan*.c include it. */

#include "plan.h"

/* A volume of the class, or an event that says why there can't be one. */
int claim_plan_provision(const struct claim *claim,
			 const struct storage_class *class, struct plan *plan);
/* Of a claim that is bound to this volume. */
int claim_plan_expansion(const struct claim *claim,
			 const struct persistent_volume *pv,
			 const struct plan_world *world, struct plan *plan);
/* All of it, where a cluster's own controllers bind. */
int claim_plan_in_cluster(const struct claim *claim,
			  const struct plan_world *world, struct plan *plan);
