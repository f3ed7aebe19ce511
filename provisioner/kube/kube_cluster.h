/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * struct cluster of a real cluster: read from the record, which mirrors it
 * (kube_mirror.h), written to its API server. What the server answers to a write is in
 * the record when the call returns, so that the next plan sees it.
 *
 * Who is not the leader writes nothing: -ECANCELED.
 */

#include "cluster.h"
#include "kube_api.h"
#include "store.h"

struct kube_events;
struct kube_lease;

struct kube_cluster {
	struct cluster cluster; /* first */
	struct kube_api *api;	/* these are borrowed */
	struct store *store;
	struct kube_events *events;
	struct kube_lease *lease; /* NULL = there is no other one than us */
};

/* Sets the operations; the rest is the caller's. */
void kube_cluster_init(struct kube_cluster *self);
