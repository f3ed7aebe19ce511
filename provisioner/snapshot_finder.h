/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * In a cluster the record does not outlive its pod, but snapshots do: whoever begins to
 * lead looks for them on every share that a class or a volume is on. Until that is done,
 * one that is not in the record may still be there. What was being removed goes on to be.
 *
 * Threads: its own; snapshot_finder_is_done() any.
 */

#include "cluster.h"
#include "share.h"
#include "store.h"

struct copier;
struct snapshot_finder;
struct volume_place;

struct snapshot_finder_options {
	struct store *store;	       /* borrowed */
	struct cluster *cluster;       /* borrowed */
	const struct share_ops *share; /* borrowed */
	struct copier *copier;	    /* borrowed; removes what was begun to be */
	const char *const *drivers; /* borrowed */
	size_t n_drivers;
};

/* Does nothing yet. */
int snapshot_finder_new(struct snapshot_finder **ret,
			const struct snapshot_finder_options *options,
			struct err *err);
/* Of the classes and volumes that there are now; a share that is away is waited for. */
int snapshot_finder_start(struct snapshot_finder *finder, struct err *err);
void snapshot_finder_stop(struct snapshot_finder *finder);
struct snapshot_finder *snapshot_finder_free(struct snapshot_finder *finder);

/* All of them were looked at. NULL: nobody has to look. */
bool snapshot_finder_is_done(struct snapshot_finder *finder);
/* The one that this volume is on was; also one that was nobody's when it began. */
bool snapshot_finder_has_looked_at(struct snapshot_finder *finder,
				   const struct volume_place *place);

DEFINE_CLEANUP(struct snapshot_finder *, snapshot_finder_free)
