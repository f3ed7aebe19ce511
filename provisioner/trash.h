/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A row of the trash in words: for the descriptor on the share, for the volume's
 * status, for claimctl. Pure; any thread.
 */

#include <stdio.h>

#include "object.h"
#include "store_trash.h"
#include "volume_place.h"

struct cJSON;

/* A new row; pv is the PersistentVolume, NULL when nobody knows it any more. */
int trash_new(const struct volume_place *place, const struct object *pv,
	      int64_t now_s, struct store_trash *ret);

/* How fast it goes; 0 = it does not. */
struct trash_speed {
	uint64_t files_per_s;
};

/*
 * What the descriptor in the trash says besides; malloc'ed, NULL = no memory. speed
 * NULL: it is not being removed.
 */
char *trash_note(const struct store_trash *trash,
		 const struct trash_speed *speed);

/* Seconds until it is gone; -1 = not known. */
int64_t trash_seconds_left(const struct store_trash *trash,
			   const struct trash_speed *speed);

/* "1.5 GiB" */
void trash_write_size(FILE *out, uint64_t bytes);

/* "5 of 10 files, 1.5 of 3.0 GiB removed, 5 files/s, 1s left"; malloc'ed. */
char *trash_progress(const struct store_trash *trash,
		     const struct trash_speed *speed);

/* A row as JSON for claimctl; NULL = no memory. */
struct cJSON *trash_to_json(const struct store_trash *trash,
			    const struct trash_speed *speed);
