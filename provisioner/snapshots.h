/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Snapshots, for whoever asks: claimctl and CSI alike. Names are of whoever wants one, in
 * a namespace: that of the claim, or CSI_NAMESPACE for CSI's. Ids are ours, opaque, and
 * never used again. A snapshot is a copy on the volume's share, and independent of the
 * volume when it is ready.
 *
 * A claim begins as a snapshot or a volume is by its dataSource; clone_source.h says which.
 *
 * Of one that is not in the record of a cluster's controller -EAGAIN is said until all
 * shares were looked at, or that of its volume, if it is known which one it would be of.
 *
 * Threads: any. Nothing here waits for a share, but what has a deadline (clock_ns()).
 */

#include "cluster.h"
#include "copier.h"
#include "snapshot_finder.h"
#include "store_snapshot.h"

/* All borrowed. */
struct snapshots {
	struct store *store;
	struct cluster *cluster;
	struct copier *copier;
	struct snapshot_finder *finder; /* NULL = the record has all */
	const struct freezer
		*freezer; /* NULL = no node can be asked to freeze */
	const char *const *drivers;
	size_t n_drivers;
};

enum snapshots_outcome {
	SNAPSHOTS_OTHER = 1, /* the name is a snapshot's of another volume */
	SNAPSHOTS_NO_VOLUME = 2, /* or it is no volume of ours */
	SNAPSHOTS_IN_USE = 3,	 /* a volume is being made from it */
	SNAPSHOTS_NOT_FOUND = 4,
	SNAPSHOTS_PENDING =
		5, /* it was not ready, or gone, when the time was over */
	SNAPSHOTS_FAILED =
		6, /* it will be tried again; ret has code and error */
};

/* Borrowed. */
struct snapshots_request {
	const char *namespace;
	const char *name;   /* any text */
	const char *volume; /* PV's name */
	uint32_t
		freeze_s; /* its nodes hold writes back, so long at most; 0 = not */
};

/*
 * Has it begun, if there is none of that name of that volume yet; *ret as it is now.
 * With a positive outcome err has the sentence. -EBUSY: the volume is going; -EINVAL: it
 * can't be frozen, or not for so long.
 */
int snapshots_create(const struct snapshots *snapshots,
		     const struct snapshots_request *request,
		     struct store_snapshot *ret, struct err *err);
/*
 * It is none any more, in the record at once; 0 when its share says the same, though what
 * it holds is still being removed, or when there is none. SNAPSHOTS_PENDING, with a
 * sentence: it will be; SNAPSHOTS_IN_USE.
 */
int snapshots_delete(const struct snapshots *snapshots, const char *id,
		     uint64_t deadline_ns, struct err *err);
int snapshots_get(const struct snapshots *snapshots, const char *id,
		  struct store_snapshot *ret, struct err *err);
/* Ordered by id: the next page begins after the last one's. */
int snapshots_list(const struct snapshots *snapshots,
		   const struct snapshot_filter *filter,
		   struct store_snapshot_list *ret, struct err *err);
/* 0: that is all; -EAGAIN. volume: as far as snapshots of this one go; NULL = of any. */
int snapshots_check_complete(const struct snapshots *snapshots,
			     const struct persistent_volume *volume,
			     struct err *err);
/*
 * Until it is ready: 0, SNAPSHOTS_PENDING at the deadline, or
 * SNAPSHOTS_FAILED; *ret as it is then. SNAPSHOTS_NOT_FOUND.
 */
int snapshots_wait(const struct snapshots *snapshots, const char *id,
		   uint64_t deadline_ns, struct store_snapshot *ret,
		   struct err *err);
