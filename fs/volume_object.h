/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The inside of a volume, and what its two ways to start share; for volume*.c only. */

#include "nfs_export.h"
#include "session.h"
#include "view.h"
#include "volume.h"

#define VOLUME_STRINGS 12

struct volume {
	struct volume_spec spec; /* its strings are the ones below */
	char *strings[VOLUME_STRINGS];
	unsigned int n_strings;
	_Atomic uint64_t capacity; /* spec's is what it was at the start */
	struct shards *shards;	   /* borrowed */
	struct nfs_export export;
	bool has_export;
	struct view view;
	struct session *session;
};

int volume_copy_spec(struct volume *volume, const struct volume_spec *spec);

/* The node table is there. */
int volume_make_view(struct volume *volume, struct err *err);

/* resume: NULL = a mount of our own. */
int volume_make_session(struct volume *volume,
			const struct session_resume *resume, struct err *err);
