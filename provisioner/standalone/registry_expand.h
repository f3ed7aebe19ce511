/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The admission plugin PersistentVolumeClaimResize. Threads: any. */

#include "object.h"
#include "store.h"

/*
 * Whether a stored object may become this one: CLUSTER_FORBIDDEN for a claim that
 * grows and whose class does not allow it. 0 for everything else.
 */
int admit_expansion(struct store *store, const struct object *old,
		    const struct object *new, struct err *err);
