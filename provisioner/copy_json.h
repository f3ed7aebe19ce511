/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Copies and snapshots as JSON, for claimctl. Pure; any thread. */

#include "store_snapshot.h"
#include "turns.h"

struct cJSON;

/* NULL = no memory. */
struct cJSON *copy_to_json(const struct store_copy *copy,
			   const struct turns_speed *speed);
struct cJSON *snapshot_to_json(const struct store_snapshot *snapshot,
			       const struct turns_speed *speed);
