/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * STEP_PROVISION: a directory on the share and a PersistentVolume for a claim.
 * Failures are told in an event on the claim as well.
 */

#include "claim_apply.h"
#include "volume_place.h"
#include "workers.h"

/* A directory that is made. */
struct making {
	struct work work;
	struct volume_place place;
	char *provisioner; /* the class's */
	char *record;	   /* for the descriptor */
	char *copy; /* the whole copy that it begins as; NULL = nothing */
	struct object *volume; /* what to store once there is a directory */
	int64_t intent;
	bool is_first; /* no earlier try may have done something */
};

struct making *making_free(struct making *making);

/* Has it begun; as claim_apply(). */
int provision(const struct applier *applier,
	      const struct apply_subject *subject, const struct plan_step *step,
	      struct err *err);
/* The event that it begins. */
void provision_tell_start(const struct applier *applier,
			  const struct object *claim,
			  const struct making *making);

DEFINE_CLEANUP(struct making *, making_free)
