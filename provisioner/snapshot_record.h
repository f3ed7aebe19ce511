/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A snapshot's row of the record as text for its descriptor on the share, and back, so that
 * a lost record can be made again. Pure; any thread.
 */

#include "store_snapshot.h"

struct cJSON;

/* For free(); NULL = no memory. */
char *snapshot_record_text(const struct store_snapshot *snapshot);
/*
 * The row from a descriptor that was found for this id. *ret is for store_snapshot_fini().
 * 0, -ENOMEM, or -EINVAL: the descriptor is of another snapshot or can't be read.
 */
int snapshot_record_read(const struct cJSON *record, const char *id,
			 struct store_snapshot *ret, struct err *err);
