/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a claim's volume is to begin as, by its dataSource or dataSourceRef:
 *
 *	PersistentVolumeClaim			a claim of its namespace, bound, ours
 *	VolumeSnapshot snapshot.storage.k8s.io	in a cluster that object; else as below
 *	Snapshot claimfs.io			the record's snapshot of that name in its
 *						namespace
 *
 * In CSI_NAMESPACE, which no user has claims in, a name may mean more: of a Snapshot its
 * id, and there is
 *
 *	Volume claimfs.io			a PersistentVolume
 *
 * A claim must ask for as much as its source has.
 */

#include "cluster.h"
#include "plan.h"
#include "snapshots.h"

#define CLONE_GROUP	    "claimfs.io"
#define CLONE_SNAPSHOT_KIND "Snapshot"
#define CLONE_VOLUME_KIND   "Volume"
#define CLONE_REFUSAL_MAX   600

/* Whether it is nothing that we could ever copy; then why. Pure. */
bool clone_source_refusal(const struct claim *claim, char *buffer, size_t size);

struct clone_source {
	char *volume;	/* PV's name; of a snapshot, what it was of */
	char *snapshot; /* its id; NULL = the volume's directory */
	char *detail;	/* volume_place_to_detail() of the volume */
	uint64_t capacity;
};

void clone_source_fini(struct clone_source *source);

/* Who looks for it; borrowed. */
struct clone_finder {
	struct cluster *cluster;
	struct store *store;
	const struct plan_world
		*world; /* drivers, and whether it is a cluster */
};

/*
 * -ENOENT, -EAGAIN (it is not bound, or not ready), -EINVAL (it never will do) with
 * sentences as the external provisioner has them.
 */
int clone_source_find(const struct clone_finder *finder,
		      const struct claim *claim, struct clone_source *ret,
		      struct err *err);

/* clone_cluster.c: the handle of a cluster's VolumeSnapshot. *ret is malloc'ed. */
int clone_snapshot_handle(struct cluster *cluster,
			  const struct plan_world *world, const char *namespace,
			  const char *name, char **ret, struct err *err);

DEFINE_FINI(struct clone_source, clone_source_fini)
