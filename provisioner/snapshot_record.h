/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A snapshot as its descriptor on the share has it, so that the record can be made again
 * from that. Pure; any thread.
 */

#include "store_snapshot.h"

struct cJSON;

/* malloc'ed; NULL = no memory. */
char *snapshot_record_text(const struct store_snapshot *snapshot);
/*
 * Of a whole snapshot of this id that lies on this share. -EINVAL when it is about
 * another one, or can't be read.
 */
int snapshot_record_read(const struct cJSON *record, const char *id,
			 struct store_snapshot *ret, struct err *err);
