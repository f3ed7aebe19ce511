/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * STEP_PROVISION: a directory on the share and a PersistentVolume for a claim.
 * Failures are told in an event on the claim as well.
 */

#include "claim_apply.h"
#include "maker.h"

/* Has it begun; as claim_apply(). */
int provision(const struct applier *applier,
	      const struct apply_subject *subject, const struct plan_step *step,
	      struct err *err);
/* The event that it begins. */
void provision_tell_start(const struct applier *applier,
			  const struct object *claim,
			  const struct making *making);
/* The maker's part: any thread, with an applier without a batch. */
int provision_make(const struct applier *applier, const struct making *making,
		   struct err *err);
/*
 * What was begun for a claim of this name and is over: before anything else is done
 * about the claim. claim NULL: it is gone. As claim_apply().
 */
int provision_continue(const struct applier *applier, const char *namespace,
		       const char *name, const struct object *claim,
		       struct err *err);
