/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Pods without containers: the scheduler and the kubelets of the standalone mode.
 * A pod gets a node (spec.nodeName), its claims are mounted there, and it is
 * Running; its annotation claimfs.io/path.<volume> says where. When it is deleted
 * everything is unmounted, and then its finalizer goes.
 *
 * Threads: one per node and one for pods without; pods_change() may be called by
 * any, with the store's lock held.
 */

#include "cluster.h"
#include "store.h"

#define FINALIZER_POD "claimfs.io/unpublish"
#define MAX_POD_NODES 64

struct pods;

struct pods_node {
	const char *name;
	const char *socket; /* the node daemon's CSI socket */
};

struct pods_options {
	struct cluster *cluster;       /* borrowed */
	struct store *store;	       /* borrowed; for attachments */
	const char *state_dir;	       /* borrowed */
	const struct pods_node *nodes; /* borrowed */
	size_t n_nodes;
	const char *const *drivers; /* borrowed */
	size_t n_drivers;
};

int pods_new(struct pods **ret, const struct pods_options *options,
	     struct err *err);
/*
 * Nothing is unmounted. Whoever may call pods_change() must have been stopped: its
 * callback can't be taken away.
 */
struct pods *pods_free(struct pods *pods);

/* Starts the threads with a look at every pod. */
int pods_start(struct pods *pods, struct err *err);
/* Ends the threads after the pods that they are working on; idempotent. */
void pods_stop(struct pods *pods);

/* A store_change_fn: only queues. userdata is the pods. */
void pods_change(void *userdata, enum store_change change,
		 struct object *object);

DEFINE_CLEANUP(struct pods *, pods_free)
