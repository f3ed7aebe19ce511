/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a share holds of copies of which the record does not tell: it was lost, or a copy's
 * row went too early. It is nobody's and takes room.
 *
 * Threads: any.
 */

#include "share.h"
#include "store_copy.h"

/* found: of share_ops.each_copy. 1: the record tells neither of it nor of its copy. */
int copy_orphan_is_one(struct store *store,
		       const struct share_copy_found *found, struct err *err);
/*
 * Gives it a row by which the copier removes it; who calls this wakes that. STORE_EXISTS
 * if it is none any more. Nobody else may be making a copy of that name on this share.
 */
int copy_orphan_drop(struct store *store, const struct share_volume *where,
		     const struct share_copy_found *found, struct err *err);
