/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A snapshot that a share has gets its row in the record again. Threads: any. */

#include "share.h"
#include "store_snapshot.h"

enum snapshot_recover_outcome {
	SNAPSHOT_RECOVERED = 0,
	SNAPSHOT_EXISTS = 1,
	SNAPSHOT_LEFT = 2, /* nothing to make it from; err has the reason */
};

enum snapshot_recover_flags {
	SNAPSHOT_RECOVER_DRY_RUN = 1u << 0, /* nothing is made */
};

/* found: of share_ops.each_snapshot. */
int snapshot_recover(struct store *store, const struct share_volume *where,
		     const struct share_snapshot_found *found,
		     enum snapshot_recover_flags flags, struct err *err);
