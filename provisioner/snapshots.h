/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Making, finding and deleting snapshots, for claimctl and CSI alike. A snapshot is a copy
 * of a volume's directory on the same share. Once it is ready it does not need the volume.
 *
 * The caller chooses a name, which is unique in a namespace: the claim's, or CSI_NAMESPACE
 * for snapshots over CSI. Ids are ours: opaque, and never used for another snapshot. A claim
 * that is to begin as a snapshot names it in its dataSource (clone_source.h).
 *
 * A cluster's controller may have lost its record. Until it has looked for snapshots on all
 * shares (snapshot_finder.h), or on that of the snapshot's volume if that is known, -EAGAIN
 * is returned for one that the record does not have.
 *
 * Threads: any. Only functions with a deadline (of clock_ns()) wait for a share.
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
	SNAPSHOTS_OTHER = 1, /* a snapshot of another volume has this name */
	SNAPSHOTS_NO_VOLUME = 2, /* the volume does not exist or is not ours */
	SNAPSHOTS_IN_USE = 3,	 /* a volume is being made from it */
	SNAPSHOTS_NOT_FOUND = 4,
	SNAPSHOTS_PENDING = 5, /* not ready, or not gone yet, at the deadline */
	SNAPSHOTS_FAILED =
		6, /* it will be tried again; ret has code and error */
};

/* Borrowed. */
struct snapshots_request {
	const char *namespace;
	const char *name;   /* any text */
	const char *volume; /* the PersistentVolume's name */
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
 * Deletes a snapshot: the record does not have it any more at once, and 0 is returned when
 * its share does not either, even if its data is still being removed. 0 also when there is
 * none of this id. SNAPSHOTS_PENDING with a sentence: that takes longer; SNAPSHOTS_IN_USE.
 */
int snapshots_delete(const struct snapshots *snapshots, const char *id,
		     uint64_t deadline_ns, struct err *err);
/* *ret is for store_snapshot_fini(). 0, SNAPSHOTS_NOT_FOUND, or -errno. */
int snapshots_get(const struct snapshots *snapshots, const char *id,
		  struct store_snapshot *ret, struct err *err);
/*
 * Those that the filter allows, ordered by id; filter->after begins the next page. *ret is
 * for store_snapshot_list_fini(). 0 or -errno.
 */
int snapshots_list(const struct snapshots *snapshots,
		   const struct snapshot_filter *filter,
		   struct store_snapshot_list *ret, struct err *err);
/* 0: that is all; -EAGAIN. volume: as far as snapshots of this one go; NULL = of any. */
int snapshots_check_complete(const struct snapshots *snapshots,
			     const struct persistent_volume *volume,
			     struct err *err);
/*
 * Blocks until the snapshot is ready (0), a try to copy it has failed (SNAPSHOTS_FAILED),
 * or the deadline has come (SNAPSHOTS_PENDING). *ret is what it is then.
 * SNAPSHOTS_NOT_FOUND leaves *ret alone.
 */
int snapshots_wait(const struct snapshots *snapshots, const char *id,
		   uint64_t deadline_ns, struct store_snapshot *ret,
		   struct err *err);
