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
/* The same, of one that wants another VolumeAttributesClass. */
int claim_plan_modify(const struct claim *claim,
		      const struct persistent_volume *pv,
		      const struct plan_world *world, struct plan *plan);
/* -EINVAL: volumes of the driver can't be given what the class has. */
int claim_plan_attributes_check(const struct attributes_class *class,
				const char *driver, struct err *err);
/* An event that says why there can't be a volume of the class. */
int claim_plan_refusal(struct plan *plan, const struct storage_class *class,
		       const char *why);
/* All of it, where a cluster's own controllers bind. */
int claim_plan_in_cluster(const struct claim *claim,
			  const struct plan_world *world, struct plan *plan);
