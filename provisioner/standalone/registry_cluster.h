/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the registry embeds to be a struct cluster as well. Threads: any.
 */

#include "cluster.h"

struct registry;
struct store;

struct registry_cluster {
	struct cluster cluster;
	struct registry *registry; /* borrowed: the one that embeds this */
	struct store *store;	   /* borrowed */
};

void registry_cluster_init(struct registry_cluster *self,
			   struct registry *registry, struct store *store);
