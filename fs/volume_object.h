/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The inside of a volume, for volume*.c only. */

#include "nfs_export.h"
#include "view.h"
#include "volume.h"

#define VOLUME_STRINGS 12

struct volume {
	struct volume_spec spec; /* its strings are the ones below */
	char *strings[VOLUME_STRINGS];
	unsigned int n_strings;
	struct shards *shards; /* borrowed */
	struct nfs_export export;
	bool has_export;
	struct view view;
	struct session *session;
};
