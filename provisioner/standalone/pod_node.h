/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which of the nodes a pod may run on, and which of them it gets. Any thread. */

#include "model.h"
#include "pods.h"

/*
 * In this order: the node that holds a volume which may be on one node only, the
 * node that the pod's claims were bound for, the one with the fewest pods. *ret
 * is borrowed from options. POD_UNSCHEDULABLE: *ret_why has the scheduler's words.
 */
int pod_node_choose(const struct pods_options *options, const struct pod *pod,
		    const char **ret, char **ret_why, struct err *err);
