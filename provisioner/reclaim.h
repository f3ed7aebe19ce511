/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* STEP_RECLAIM: the directory of a released volume goes, and then the volume. */

#include "claim_apply.h"
#include "volume_place.h"

/* As claim_apply(); failures are told in an event on the volume as well. */
int reclaim(const struct applier *applier, const struct apply_subject *subject,
	    struct err *err);

/*
 * As share_ops' reclaim; what is SHARE_TRASHED has its row, with the volume as it is
 * in pv (NULL = nobody knows it any more), and the remover knows.
 */
int reclaim_directory(const struct applier *applier,
		      const struct volume_place *place, enum on_delete how,
		      const struct object *pv, struct err *err);
