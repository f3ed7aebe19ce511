/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Makes a row of the record from a snapshot that was found on a share. Threads: any. */

#include "share.h"
#include "store_snapshot.h"

enum snapshot_recover_outcome {
	SNAPSHOT_RECOVERED = 0,
	SNAPSHOT_EXISTS = 1, /* the record has it already */
	SNAPSHOT_LEFT = 2,   /* no row can be made from it; err says why */
};

enum snapshot_recover_flags {
	SNAPSHOT_RECOVER_DRY_RUN = 1u << 0, /* only say what would be made */
};

/*
 * found is what share_ops.each_snapshot told of the share `where`. Returns an outcome, or
 * -errno.
 */
int snapshot_recover(struct store *store, const struct share_volume *where,
		     const struct share_snapshot_found *found,
		     enum snapshot_recover_flags flags, struct err *err);
