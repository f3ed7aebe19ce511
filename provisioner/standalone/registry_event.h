/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * v1 Events about objects: made, and repeats folded into one with a count.
 *
 * Threads: any.
 */

#include "cluster.h"
#include "store.h"

/* Records it; what goes wrong is logged. */
void registry_event_record(struct store *store,
			   const struct cluster_event *event);
