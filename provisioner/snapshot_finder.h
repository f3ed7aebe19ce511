/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Finds snapshots that the record has lost. In a cluster the record ends with its pod, but
 * snapshots stay on their shares. So a controller that begins to lead looks at every share
 * that a class or a volume names, writes what it finds into the record, and goes on to
 * remove what was being removed. Until it is done a snapshot that the record does not have
 * may exist all the same.
 *
 * Threads: it has its own. Any may call snapshot_finder_is_done().
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
/*
 * Begins with the shares of the classes and volumes that there are now. A share that can't
 * be reached is tried again until it can.
 */
int snapshot_finder_start(struct snapshot_finder *finder, struct err *err);
void snapshot_finder_stop(struct snapshot_finder *finder);
struct snapshot_finder *snapshot_finder_free(struct snapshot_finder *finder);

/* Whether all shares were looked at; true for NULL, where no record can be lost. */
bool snapshot_finder_is_done(struct snapshot_finder *finder);
/* The one that this volume is on was; also one that was nobody's when it began. */
bool snapshot_finder_has_looked_at(struct snapshot_finder *finder,
				   const struct volume_place *place);

DEFINE_CLEANUP(struct snapshot_finder *, snapshot_finder_free)
