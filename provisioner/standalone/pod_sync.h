/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One pod on one node: what the kubelet does when it looks at it. */

#include "pod_volumes.h"

/*
 * Mounts, or unmounts a pod that is being deleted; writes its status, tells
 * failures in events. 0 also for a pod that is gone; POD_VOLUMES_REFUSED when it
 * has to wait for something.
 */
int pod_sync(const struct pod_volumes *node, const char *namespace,
	     const char *name, struct err *err);

/* The pod is going and nothing of it is mounted: its finalizer goes. */
int pod_release(struct cluster *cluster, const struct object *pod,
		struct err *err);
