/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One pod's volumes on one node, as the kubelet mounts and unmounts them: its
 * claims must be bound; then NodeStageVolume once per volume and node, and
 * NodePublishVolume per pod.
 *
 * Threads: one per node.
 */

#include "cluster.h"
#include "model.h"
#include "node_client.h"
#include "store.h"

struct pod_volumes {
	struct cluster *cluster; /* all borrowed */
	struct node_client *client;
	struct store *store; /* for attachments */
	const char *state_dir;
	const char *node;
	const char *const *drivers;
	size_t n_drivers;
};

enum pod_volumes_outcome {
	POD_VOLUMES_REFUSED =
		1, /* err has the sentence, *ret_reason the event's */
};

/*
 * Mounts everything. Refused: a claim is missing or unbound, or another node has a
 * volume that may be on one only. ret_paths: as many as pod->n_volumes, malloc'ed
 * targets; NULL for volumes that are not claims.
 */
int pod_volumes_mount(const struct pod_volumes *self, const struct pod *pod,
		      char **ret_paths, const char **ret_reason,
		      struct err *err);

/* Unmounts whatever the pod has on disk. Idempotent. */
int pod_volumes_unmount(const struct pod_volumes *self, const struct pod *pod,
			struct err *err);

/*
 * Unmounts what pods left behind that are not in the record any more, because
 * somebody took their finalizer away.
 */
int pod_volumes_sweep(const struct pod_volumes *self, struct err *err);
