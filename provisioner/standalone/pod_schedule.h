/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The scheduler: a node for a pod that names none. */

#include "cluster.h"
#include "pods.h"

enum pod_schedule_outcome {
	POD_UNSCHEDULABLE = 1, /* told in an event */
};

/*
 * A node (pod_node.h), once all the pod's claims are bound; claims that wait for
 * their first consumer are told the node before. A pod on a node that is not ours stays Pending; one that is deleted before it had a node
 * is released. 0 also for a pod that is gone or has a node of ours.
 */
int pod_schedule(const struct pods_options *options, const char *namespace,
		 const char *name, struct err *err);
